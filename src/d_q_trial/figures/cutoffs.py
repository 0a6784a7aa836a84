"""Figures of the effect and P above and below every cutoff of a marker, and in sliding windows along the marker.

The workflow lists these figures at every call, so this module must import quickly.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import labels
from ..files import LABEL_COLUMN, read_csv, read_header
from ..formatting import format_number
from ..stats.two_sample import get_test
from . import elements, style
from .texts import load_texts, render_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..trial import Trial

TABLES = ("cutoffs", "windows", "best_cuts", "best_splits")  # files that describe every cutoff
_TEXT = ("outcome", "measure", "visit", "marker", "side", "method", "stratum", "reason")  # columns without numbers

# Heights in millimetres, from the top of a block: its parts, and the legend below all blocks.
TITLE, EFFECT, BEST, P_VALUES, STEP, SLIDING, TICKS, LEGEND = 6.5, 23.0, 7.5, 14.0, 2.5, 13.0, 10.5, 11.0
BLOCK = TITLE + EFFECT + BEST + P_VALUES + STEP + SLIDING + TICKS
TALLEST = 245.0  # height of a journal page, less the caption
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
    def read(cls, folder: Path) -> CutTables:
        """Read the tables of an analysis."""
        return cls(*(read_table(folder / f"{name}.csv") for name in cls._fields))

    def of(self, marker: str, outcome: str, visit: str) -> CutTables:
        """Return the rows of one panel."""
        return CutTables(*(t[t["marker"].eq(marker) & t["outcome"].eq(outcome) & t["visit"].eq(visit)] for t in self))

    def best_of_both(self) -> Any:
        """Return the row of the best cutoff on either side, None if there is no cutoff."""
        return next(self.best_cuts[self.best_cuts["p_best_of_both"].notna()].itertuples(index=False), None)


def read_table(path: Path | str) -> pd.DataFrame:
    """Read a table of cutoffs with its columns of numbers; group sizes are integers, NA where missing."""
    table = read_csv(path, numeric=tuple({*read_header(path)} - {*_TEXT, LABEL_COLUMN}))
    return table.astype(dict.fromkeys(("n_first", "n_second"), "Int64"))


def list_figures(trial: Trial) -> dict[str, tuple[str, str, list[tuple[str, str]]]]:
    """Return by name of the figure its family, marker, and the outcomes and visits that fit on a page, primary first.

    If the trial has a primary endpoint, another family has a figure only if all of it fits on a page.
    """
    figures, primary = {}, trial.primary.outcome if trial.primary else ""
    for family in trial.families:
        changes = sorted(trial.changes_of(family), key=lambda change: change[0] != primary)
        fitting = changes[: _lay_out_blocks(changes)[0] * int((TALLEST - LEGEND) // BLOCK)]
        if fitting and (fitting == changes or primary in ("", fitting[0][0])):
            figures |= {f"every_cut_{family}_{marker}": (family, marker, fitting) for marker in trial.markers}
    return figures


def _lay_out_blocks(panels: Collection[tuple[str, str]]) -> tuple[int, float]:
    """Return the number of columns and the height of all blocks: a row per outcome, or several outcomes in a row."""
    outcomes = [outcome for outcome, _ in panels]
    visits = max(map(outcomes.count, outcomes), default=1)
    columns = min({1: 3, 2: 4}.get(visits, visits), max(len(panels), 1))
    return columns, BLOCK * math.ceil(len(panels) / columns)


def draw_cutoffs(
    tables: CutTables, trial: Trial, analysis: Analysis, name: str, folder: Path, label: str | None
) -> list[Path]:
    """Draw a figure of :func:`list_figures` as PDF and PNG; ``label`` is that of data that must be marked."""
    _, marker, changes = list_figures(trial)[name]
    panels = {change: tables.of(marker, *change) for change in changes}
    columns, bottom = _lay_out_blocks(panels)
    width = (style.WIDTH_MM - LEFT - RIGHT - GAP * (columns - 1)) / columns
    # P axes reach a little below all P and below 0.01.
    lowest_p = 0.6 * min([0.01, *(panel.cutoffs["p"].min() for panel in panels.values() if len(panel.cutoffs))])
    units = {outcome: labels.difference_unit(analysis.measure, trial.outcomes[outcome].unit) for outcome, _ in panels}
    several_units, legend = len(set(units.values())) > 1, load_texts()["every_cut_legend"]
    limits = {outcome: _choose_limits([p for (o, _), p in panels.items() if o == outcome]) for outcome in units}
    with style.journal_style():
        page = style.Page(style.WIDTH_MM, bottom + LEGEND, label)
        for index, ((outcome, visit), panel) in enumerate(panels.items()):
            row, column = divmod(index, columns)
            left, top = LEFT + column * (width + GAP), row * BLOCK + TITLE
            unit = f" ({units[outcome]})" if several_units else ""
            title = f"{trial.outcomes[outcome].label}, {trial.visits[visit].label}{unit}"
            size = style.TITLE if style.text_width(title, style.TITLE, "bold") <= width + RIGHT else style.SMALL - 0.5
            title = style.wrap_text(title, width + RIGHT, size, "bold")
            page.text(left, top - 1, title, weight="bold", size=size, va="bottom", linespacing=1.0)
            effect = page.axes(left, top, width, EFFECT)
            if panel.cutoffs.empty:
                elements.write_message(effect, next(iter(panel.best_cuts["reason"]), "no changes"))
                continue
            p_axes = page.axes(left, top + EFFECT + BEST, width, P_VALUES)
            sliding = page.axes(left, top + EFFECT + BEST + P_VALUES + STEP, width, SLIDING)
            for axes in (effect, sliding):
                axes.set_ylim(*limits[outcome])
                axes.axhline(0.0, **style.DASHED)
            draw_differences(effect, panel)
            draw_p(p_axes, panel, analysis.alpha, lowest_p)
            draw_windows(sliding, panel)
            span = panel.cutoffs["cut"].quantile(0.9) - panel.cutoffs["cut"].quantile(0.1)
            decimals = max(0, math.ceil(-math.log10((span or 1.0) / 20)))  # distinguish a twentieth of the range
            for axes in (effect, p_axes, sliding):
                draw_marker_axis(axes, panel, decimals, labelled=axes is sliding)
            best = render_text("every_cut", "best", best=panel.best_of_both(), decimals=decimals)
            page.text(left, top + EFFECT + 1.6, best, va="top", linespacing=1.1)
            if column == 0:
                elements.label_y_axis(effect, "Difference" if several_units else f"Difference\n({units[outcome]})")
                elements.label_y_axis(p_axes, "P")
                elements.label_y_axis(sliding, "in windows")
        axis_label = render_text("every_cut", "axis", marker=trial.markers[marker])
        middle = (LEFT + style.WIDTH_MM - RIGHT) / 2
        page.text(middle, bottom - 1.0, axis_label, ha="center", size=style.BODY)
        page.legend(legend, middle, bottom + 4.5, loc="center", ncols=len(legend))
        return page.save(folder / name, title=f"Every cutoff of {trial.markers[marker].label}")


def draw_differences(ax: Axes, panel: CutTables) -> None:
    """Draw the difference above and below every cutoff, with its pointwise interval as a band."""
    for side, (look, density) in _LOOKS.items():
        rows = panel.cutoffs[panel.cutoffs["side"].eq(side)]
        band = {"color": look.face, "alpha": density, "linewidth": 0, "step": "mid", "zorder": 1}
        ax.fill_between("share_below", "lower", "upper", data=rows, label=side, **band)
        line = {"color": look.edge, "linewidth": 1.2, "drawstyle": "steps-mid", "zorder": 3}
        ax.plot("share_below", "difference", data=rows, label=side, **line)


def draw_p(ax: Axes, panel: CutTables, alpha: float, lowest: float) -> None:
    """Draw P above and below every cutoff on a logarithmic axis, with a ring around the best cutoff of either side."""
    ax.set(yscale="log", ylim=(lowest, 1.25))
    ax.axhline(alpha, label="alpha", **style.DASHED)
    for side, (look, _) in _LOOKS.items():
        rows, best = (table[table["side"].eq(side)] for table in (panel.cutoffs, panel.best_cuts))
        line = look.points(1.8, 0) | {"linestyle": "-", "linewidth": 0.6, "markerfacecolor": look.edge}
        ax.plot(rows["share_below"], rows["p"], color=look.edge, zorder=2, label=side, **line)
        ringed = rows[rows["cut"].isin(best["cut"])]
        if len(ringed):
            ax.plot(ringed["share_below"], ringed["p"], zorder=4, label=f"best {side}", **_RING)
    decades = -math.log10(lowest)
    powers = [10.0**-k for k in range(0, math.floor(decades) + 1, math.ceil(math.floor(decades) / 5))]
    # A power of ten close to alpha would overlap it.
    ticks = [alpha, *(power for power in powers if abs(math.log10(power / alpha)) > max(0.5, decades / 7))]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def draw_windows(ax: Axes, panel: CutTables) -> None:
    """Draw the difference in each window with its pointwise interval, at the window's median marker."""
    bars = {"color": style.NEUTRAL.face, "linewidth": 1.1, "zorder": 1}
    ax.vlines("share_below", "lower", "upper", data=panel.windows, label="windows", **bars)
    line = style.NEUTRAL.points(2.2, 0) | {"linestyle": "-", "linewidth": 0.6, "markerfacecolor": style.NEUTRAL.edge}
    line |= {"color": style.NEUTRAL.edge, "zorder": 3, "label": "windows"}
    ax.plot("share_below", "difference", data=panel.windows, **line)


def draw_marker_axis(ax: Axes, panel: CutTables, decimals: int, *, labelled: bool) -> None:
    """Draw the marker axis, with the analysis and published cutoffs; ``labelled`` ticks show share and cutoff."""
    import numpy as np

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


def _choose_limits(panels: list[CutTables]) -> tuple[float, float]:
    """Return the range of the axes of an outcome: all differences, and nine tenths of their confidence limits."""
    values = [0.0]
    for table in (table for panel in panels for table in (panel.cutoffs, panel.windows)):
        values += [*table["difference"], table["lower"].quantile(0.1), table["upper"].quantile(0.9)]
    return elements.pad_range(filter(math.isfinite, values))


def describe_cutoffs(
    tables: CutTables, trial: Trial, chosen: Analysis, settings: Robustness, label: str | None, cuts: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Describe every figure of cutoffs by name, in the order of the report: the marker of the analysis first.

    ``cuts`` are the cutoffs of each marker, as in strata.csv.
    """
    figures, described = list_figures(trial), {}
    common = labels.caption_values(trial, chosen) | {"trial": trial, "analysis": chosen, "settings": settings}
    common |= {"estimator": labels.uncapitalize(labels.estimator_label(chosen)), "test": get_test(chosen.test)}
    common["drawn"] = {family for family, *_ in figures.values()}
    for name, (family, marker, changes) in sorted(figures.items(), key=lambda item: item[1][1] != chosen.marker):
        cut, unit = cuts.get(marker, ""), labels.format_unit(trial.markers[marker].unit)
        column = cut if cut.startswith("column ") else ""
        numbers = [] if column else [f"{float(number):g}" for number in cut.split("; ") if number]
        values = common | {"family": trial.families[family], "marker": trial.markers[marker], "column": column}
        values["cuts"] = f"{labels.join_words(numbers)} {unit}".rstrip() if numbers else ""
        values["left_out"] = len(trial.changes_of(family)) - len(changes)
        values["own"] = marker in set(tables.analysis_cuts["marker"])
        title, caption = (render_text("every_cut", part, **values) for part in ("title", "caption"))
        sentences = [f"{label}. {title}." if label else f"{title}."]
        for outcome_key, visit in changes:
            panel, outcome = tables.of(marker, outcome_key, visit), trial.outcomes[outcome_key]
            in_strata = panel.analysis_cuts["stratum"].isin(chosen.strata.labels)
            values |= {"outcome": outcome.label, "visit": trial.visits[visit].label, "best": panel.best_of_both()}
            values["own"] = list(panel.analysis_cuts[in_strata].itertuples())
            values["decimals"] = labels.change_decimals(chosen.measure, outcome.decimals)
            sentences.append(render_text("every_cut", "words", **values))
        described[name] = {"title": title, "caption": caption, "words": " ".join(sentences)}
    return described
