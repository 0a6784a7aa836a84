"""Figures of the effect and P above and below every cutoff of a marker, and in sliding windows along the marker."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from .. import labels
from ..config.settings import Analysis, Robustness
from ..files import LABEL_COLUMN, read_csv, read_header
from ..formatting import format_number
from ..stats.two_sample import get_test
from ..trial import Trial
from . import style
from .catalogue import CUTOFF_TABLES, count_columns, list_cutoff_figures

_TEXT = ("outcome", "measure", "visit", "marker", "side", "method", "stratum", "reason")  # columns without numbers

# Heights in millimetres, from the top of a block: its parts, and the legend below all blocks.
TITLE, EFFECT, BEST, P_VALUES, STEP, SLIDING, TICKS, LEGEND = 6.5, 23.0, 7.5, 14.0, 2.5, 13.0, 10.5, 11.0
BLOCK = TITLE + EFFECT + BEST + P_VALUES + STEP + SLIDING + TICKS  # three of them are as high as a journal page
LEFT, GAP, RIGHT = 15.0, 8.0, 3.0
SHARES = (0.2, 0.4, 0.6, 0.8)  # ticks

_LOOKS = {"above": (style.STRATA[2], 0.22), "below": (style.STRATA[0], 0.42)}  # the lighter colour needs a denser band
_RING = style.Look("none", style.INK, "o").points(4.6, 0.7)


class CutTables(NamedTuple):
    """Tables of cutoffs, each with the name of its file; of one marker, outcome and visit, or of all."""

    cutoffs: pd.DataFrame
    windows: pd.DataFrame
    best_cuts: pd.DataFrame
    analysis_cuts: pd.DataFrame
    published_cuts: pd.DataFrame

    @classmethod
    def read(cls, folder: Path, shared: Path) -> "CutTables":
        """Read the tables of an analysis, those of every cutoff from the folder that analyses share."""
        return cls(*(read_table((shared if name in CUTOFF_TABLES else folder) / f"{name}.csv") for name in cls._fields))

    def of(self, marker: str, outcome: str, visit: str) -> "CutTables":
        """Return the rows of one panel."""
        return CutTables(*(t[t["marker"].eq(marker) & t["outcome"].eq(outcome) & t["visit"].eq(visit)] for t in self))

    def best_of_both(self) -> Any:
        """Return the row of the best cutoff on either side, None if there is no cutoff."""
        return next(self.best_cuts[self.best_cuts["p_best_of_both"].notna()].itertuples(index=False), None)


def read_table(path: Path | str) -> pd.DataFrame:
    """Read a table of cutoffs with its columns of numbers; group sizes are integers, NA where missing."""
    numeric, sizes = {*read_header(path)} - {*_TEXT, LABEL_COLUMN}, dict.fromkeys(("n_first", "n_second"), "Int64")
    return read_csv(path, numeric=numeric, required=(*_TEXT[:4], *sizes)).astype(sizes)


def draw_cutoffs(
    tables: CutTables, trial: Trial, analysis: Analysis, name: str, folder: Path, label: str | None
) -> list[Path]:
    """Draw a figure of ``list_cutoff_figures`` as PDF and PNG; ``label`` is that of data that must be marked."""
    _, marker, changes = list_cutoff_figures(trial)[name]
    panels, columns = {change: tables.of(marker, *change) for change in changes}, count_columns(changes)
    width = (style.WIDTH_MM - LEFT - RIGHT - GAP * (columns - 1)) / columns
    bottom, middle = BLOCK * math.ceil(len(changes) / columns), (LEFT + style.WIDTH_MM - RIGHT) / 2
    # P axes reach a little below all P and below 0.01.
    p_range = 0.6 * min([0.01, *(panel.cutoffs["p"].min() for panel in panels.values())]), 1.25
    ranges = {outcome: _choose_range([p for (o, _), p in panels.items() if o == outcome]) for outcome, _ in changes}
    units = {outcome: labels.difference_unit(analysis.measure, trial.outcomes[outcome].unit) for outcome in ranges}
    several_units = len({*units.values()}) > 1
    legend, font = style.load_texts()["every_cut_legend"], {"size": style.TITLE, "weight": "bold"}
    with style.journal_style():
        page = style.Page(style.WIDTH_MM, bottom + LEGEND, label)
        for index, ((key, visit), panel) in enumerate(panels.items()):
            outcome, left = trial.outcomes[key], LEFT + (width + GAP) * (index % columns)
            top, unit = BLOCK * (index // columns) + TITLE, f"({units[key]})"
            title = f", {trial.visits[visit].label} {unit * several_units}".rstrip()  # never truncated
            title = style.truncate(outcome.label, 1.8 * width - style.text_width(title, **font), **font) + title
            title = style.wrap_text(title, width + RIGHT, **font)
            difference = "Difference" if several_units else f"Difference\n{unit}"
            page.text(left, top - 1, title, va="bottom", linespacing=1.0, **font)
            effect = page.axes(left, top, width, EFFECT)
            if panel.cutoffs.empty:
                style.write_message(effect, next(iter(panel.best_cuts["reason"]), "no changes"))
                continue
            p_axes = page.axes(left, top + EFFECT + BEST, width, P_VALUES)
            sliding = page.axes(left, top + EFFECT + BEST + P_VALUES + STEP, width, SLIDING)
            draw_differences(effect, panel, ranges[key])
            draw_p(p_axes, panel, analysis.alpha, p_range)
            draw_windows(sliding, panel, ranges[key])
            # All P axes are alike, and the space between two panels is too narrow for labels such as 0.0001 or 1e-26.
            has_room = index % columns == 0 or list(panels.values())[index - 1].cutoffs.empty
            p_axes.tick_params(labelleft=has_room or p_range[0] > 1e-4)
            span = panel.cutoffs["cut"].quantile(0.9) - panel.cutoffs["cut"].quantile(0.1)
            decimals = max(0, math.ceil(-math.log10((span or 1.0) / 20)))  # distinguish a twentieth of the range
            for axes, name_of_axis in ((effect, difference), (p_axes, "P"), (sliding, "in windows")):
                draw_marker_axis(axes, panel, decimals, labelled=axes is sliding)
                style.label_y_axis(axes, name_of_axis if index % columns == 0 else "")
            best = style.render_text("every_cut", "best", best=panel.best_of_both(), decimals=decimals)
            page.text(left, top + EFFECT + 1.6, best, va="top", linespacing=1.1)
        axis_label = style.render_text("every_cut", "axis", marker=trial.markers[marker])
        page.text(middle, bottom - 1.0, axis_label, ha="center", size=style.BODY)
        page.legend(legend, middle, bottom + 4.5, loc="center", ncols=len(legend))
        return page.save(folder / name, title=f"Every cutoff of {trial.markers[marker].label}")


def draw_differences(ax: Axes, panel: CutTables, limits: style.Range) -> None:
    """Draw the difference above and below every cutoff, with its pointwise interval as a band."""
    ax.set_ylim(limits)
    ax.axhline(0.0, **style.DASHED)
    for side, (look, density) in _LOOKS.items():
        rows = panel.cutoffs[panel.cutoffs["side"].eq(side)]
        band = {"color": look.face, "alpha": density, "linewidth": 0, "step": "mid", "zorder": 1}
        ax.fill_between("share_below", "lower", "upper", data=rows, label=side, **band)
        line = {"color": look.edge, "linewidth": 1.2, "drawstyle": "steps-mid", "zorder": 3}
        ax.plot("share_below", "difference", data=rows, label=side, **line)


def draw_p(ax: Axes, panel: CutTables, alpha: float, limits: style.Range) -> None:
    """Draw P above and below every cutoff on a logarithmic axis, with a ring around the best cutoff of either side."""
    ax.set(yscale="log", ylim=limits)
    ax.yaxis.set(major_locator=LogLocator(numticks=5), major_formatter="{x:g}")
    ax.minorticks_off()
    ax.axhline(alpha, label="alpha", **style.DASHED)
    for side, (look, _) in _LOOKS.items():
        rows, best = (table[table["side"].eq(side)] for table in (panel.cutoffs, panel.best_cuts))
        line = look.points(1.8, 0) | {"linestyle": "-", "linewidth": 0.6, "markerfacecolor": look.edge}
        ax.plot(rows["share_below"], rows["p"], color=look.edge, zorder=2, label=side, **line)
        ringed = rows[rows["cut"].isin(best["cut"])]
        if len(ringed):
            ax.plot(ringed["share_below"], ringed["p"], zorder=4, label=f"best {side}", **_RING)


def draw_windows(ax: Axes, panel: CutTables, limits: style.Range) -> None:
    """Draw the difference in each window with its pointwise interval, at the window's median marker."""
    ax.set_ylim(limits)
    ax.axhline(0.0, **style.DASHED)
    bars = {"color": style.NEUTRAL.face, "linewidth": 1.1, "zorder": 1}
    ax.vlines("share_below", "lower", "upper", data=panel.windows, label="windows", **bars)
    line = style.NEUTRAL.points(2.2, 0) | {"linestyle": "-", "linewidth": 0.6, "markerfacecolor": style.NEUTRAL.edge}
    line |= {"color": style.NEUTRAL.edge, "zorder": 3, "label": "windows"}
    ax.plot("share_below", "difference", data=panel.windows, **line)


def draw_marker_axis(ax: Axes, panel: CutTables, decimals: int, *, labelled: bool) -> None:
    """Draw the marker axis, with the analysis and published cutoffs; ``labelled`` ticks show share and cutoff."""
    ax.set_xlim(0, 1)
    for share in panel.analysis_cuts["share_below"].unique():
        ax.axvline(share, color=style.INK, zorder=2.5, label="own cut", linewidth=0.4)
    for share in panel.published_cuts["share_below"].unique():
        ax.axvline(share, color=style.INK, zorder=2.5, label="published cut", linewidth=0.9, linestyle=(0, (1, 1.2)))
    cuts = panel.cutoffs.drop_duplicates("cut")
    values = np.interp(SHARES, cuts["share_below"], cuts["cut"], left=np.nan, right=np.nan)
    numbers = ["" if math.isnan(value) else f"\n{format_number(value, decimals)}" for value in values]
    tick_labels = [f"{100 * share:.0f}%{number}" for share, number in zip(SHARES, numbers, strict=True)]
    ax.set_xticks(SHARES if labelled else [], tick_labels if labelled else [])


def _choose_range(panels: list[CutTables]) -> style.Range:
    """Return the range of the axes of an outcome: all differences, and nine tenths of their confidence limits."""
    values = [0.0]
    for table in (table for panel in panels for table in (panel.cutoffs, panel.windows)):
        values += [*table["difference"], table["lower"].quantile(0.1), table["upper"].quantile(0.9)]
    return style.pad_range(filter(math.isfinite, values))


def describe_cutoffs(
    tables: CutTables, trial: Trial, analysis: Analysis, settings: Robustness, label: str | None
) -> dict[str, dict[str, Any]]:
    """Describe every figure of cutoffs by name, in the order of the report: the marker of the analysis first."""
    figures, described, test = list_cutoff_figures(trial), {}, get_test(analysis.test)
    common = labels.caption_values(trial, analysis) | {"trial": trial, "analysis": analysis, "settings": settings}
    common |= {"estimator": labels.uncapitalize(labels.estimator_label(analysis)), "test": test}
    drawn = {family for family, *_ in figures.values()}
    families = {trial.outcomes[key].family for key in tables.cutoffs["outcome"].unique()}
    common["not_drawn"] = [trial.families[key] for key in families - drawn]
    for name, (family, key, changes) in sorted(figures.items(), key=lambda item: item[1][1] != analysis.marker):
        marker = trial.markers[key]
        values = common | {"family": trial.families[family], "marker": marker}
        own_cuts = tables.analysis_cuts.loc[tables.analysis_cuts["marker"].eq(key), "cut"]
        values["own"] = not own_cuts.empty
        values["cuts"] = labels.describe("cuts", rule=analysis.strata, unit=labels.format_unit(marker.unit))
        title, caption = (style.render_text("every_cut", part, **values) for part in ("title", "caption"))
        sentences = [f"{label}. {title}." if label else f"{title}."]
        for outcome_key, visit in changes:
            panel, outcome = tables.of(key, outcome_key, visit), trial.outcomes[outcome_key]
            in_strata = panel.analysis_cuts["stratum"].isin(analysis.strata.labels)
            values |= {"outcome": outcome.label, "visit": trial.visits[visit].label, "best": panel.best_of_both()}
            values["own"] = list(panel.analysis_cuts[in_strata].itertuples())
            values["decimals"] = labels.change_decimals(analysis.measure, outcome.decimals)
            sentences.append(style.render_text("every_cut", "words", **values))
        described[name] = {"title": title, "caption": caption, "words": " ".join(sentences)}
    return described
