"""Effect and P above and below every cutoff of a marker, and in sliding windows: small multiples by outcome and visit.

The workflow lists these figures at every call, so this module must import quickly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import labels
from ..files import LABEL_COLUMN, read_csv, read_header
from ..formatting import format_number
from ..stats.two_sample import get_test
from . import draw, style
from .words import load_texts, render_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..trial import Trial

TABLES = ("cutoffs", "windows", "best_cuts", "best_splits")  # files of every cutoff
_FILES = (*TABLES[:3], "analysis_cuts", "published_cuts")  # of CutTables
_TEXT = ("outcome", "measure", "visit", "marker", "side", "method", "stratum", "reason")  # columns without numbers

# Heights of the parts of a block in millimetres, and of the key below all blocks.
TITLE, EFFECT, SAID, P_VALUES, STEP, SLIDING, TICKS, KEY = 6.5, 23.0, 7.5, 14.0, 2.5, 13.0, 10.5, 11.0
BLOCK = TITLE + EFFECT + SAID + P_VALUES + STEP + SLIDING + TICKS
TALLEST = 245.0  # height of a journal page, less the caption
LEFT, GAP, RIGHT = 15.0, 8.0, 3.0
SHARES = (0.2, 0.4, 0.6, 0.8)  # ticks

_LOOKS = {"above": (style.STRATA[2], 0.22), "below": (style.STRATA[0], 0.42)}  # the lighter needs a denser band
_RING = style.Look("none", style.INK, "o").points(4.6, 0.7)
_OWN, _PUBLISHED = {"linewidth": 0.4}, {"linewidth": 0.9, "linestyle": (0, (1, 1.2))}


class CutTables(NamedTuple):
    """The tables of cutoffs, windows, best cutoffs, own and published cutoffs, for one marker or all."""

    cutoffs: pd.DataFrame
    windows: pd.DataFrame
    best: pd.DataFrame
    own: pd.DataFrame
    published: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> CutTables:
        """Read the tables of an analysis."""
        return cls(*(read_table(folder / f"{name}.csv") for name in _FILES))

    def of(self, marker: str, outcome: str, visit: str) -> CutTables:
        """Return the rows of one panel."""
        return CutTables(*(t[t["marker"].eq(marker) & t["outcome"].eq(outcome) & t["visit"].eq(visit)] for t in self))

    def best_of_both(self) -> Any:
        """Return the row of the best cutoff of both sides, None if there is no cutoff."""
        return next(self.best[self.best["p_best_of_both"].notna()].itertuples(index=False), None)


def read_table(path: Path | str) -> pd.DataFrame:
    """Read one of the tables of cutoffs as it was written."""
    table = read_csv(path, numeric=tuple({*read_header(path)} - {*_TEXT, LABEL_COLUMN}))
    return table.astype(dict.fromkeys(("n_first", "n_second"), "Int64"))


def list_figures(trial: Trial) -> dict[str, tuple[str, str, list[tuple[str, str]]]]:
    """Name the figures of a trial, each with family, marker, and outcomes and visits that fit on a page, primary first."""
    found, primary = {}, trial.primary.outcome if trial.primary else ""
    for family in trial.families:
        changes = sorted(trial.changes_of(family), key=lambda cell: cell[0] != primary)
        shown = changes[: _grid(changes)[0] * int((TALLEST - KEY) // BLOCK)]
        # If the trial has a primary endpoint, another family without room on a page has no figure.
        if shown and (shown == changes or primary in ("", shown[0][0])):
            found |= {f"every_cut_{family}_{marker}": (family, marker, shown) for marker in trial.markers}
    return found


def _grid(panels: list[tuple[str, str]]) -> tuple[int, float]:
    """Return the number of columns and the height of all blocks: a row per outcome, or short rows of several outcomes."""
    outcomes = [outcome for outcome, _ in panels]
    visits = max(map(outcomes.count, outcomes), default=1)
    columns = min({1: 3, 2: 4}.get(visits, visits), max(len(panels), 1))
    return columns, BLOCK * -(-len(panels) // columns)


def draw_cutoffs(
    tables: CutTables, trial: Trial, analysis: Analysis, name: str, folder: Path, label: str | None
) -> list[Path]:
    """Draw a figure of :func:`list_figures` as PDF and PNG; ``label`` is that of data that have to be marked."""
    _, marker, shown = list_figures(trial)[name]
    panels = {cell: tables.of(marker, *cell) for cell in shown}
    columns, bottom = _grid(list(panels))
    width = (style.WIDTH_MM - LEFT - RIGHT - GAP * (columns - 1)) / columns
    # P axes reach a little below all P and below 0.01.
    lowest = 0.6 * min([0.01, *(panel.cutoffs["p"].min() for panel in panels.values() if len(panel.cutoffs))])
    units = {key: labels.difference_unit(analysis.measure, trial.outcomes[key].unit) for key, _ in panels}
    several, key = len(set(units.values())) > 1, load_texts()["every_cut_key"]
    limits = {key: _limits([panel for cell, panel in panels.items() if cell[0] == key]) for key in units}
    with style.journal_style():
        page = style.Page(style.WIDTH_MM, bottom + KEY, label)
        for place, ((outcome, visit), panel) in enumerate(panels.items()):
            row, column = divmod(place, columns)
            left, top = LEFT + column * (width + GAP), row * BLOCK + TITLE
            title = f"{trial.outcomes[outcome].label}, {trial.visits[visit].label}"
            title += f" ({units[outcome]})" * several
            size = style.TITLE if style.text_width(title, style.TITLE, "bold") <= width + RIGHT else style.SMALL - 0.5
            title = style.wrap_text(title, width + RIGHT, size, "bold")
            page.text(left, top - 1, title, weight="bold", size=size, va="bottom", linespacing=1.0)
            effect = page.axes(left, top, width, EFFECT)
            if panel.cutoffs.empty:
                draw.write_message(effect, next(iter(panel.best["reason"]), "no changes"))
                continue
            p_axes = page.axes(left, top + EFFECT + SAID, width, P_VALUES)
            sliding = page.axes(left, top + EFFECT + SAID + P_VALUES + STEP, width, SLIDING)
            for axes in (effect, sliding):
                axes.set_ylim(*limits[outcome])
                axes.axhline(0.0, **style.DASHED)
            draw_differences(effect, panel)
            draw_p(p_axes, panel, analysis.alpha, lowest)
            draw_windows(sliding, panel)
            decimals = _cut_decimals(panel.cutoffs["cut"])
            for axes in (effect, p_axes, sliding):
                draw_cuts(axes, panel, decimals, named=axes is sliding)
            best = render_text("every_cut", "best", best=panel.best_of_both(), decimals=decimals)
            page.text(left, top + EFFECT + 1.6, best, va="top", linespacing=1.1)
            if column == 0:
                draw.label_y_axis(effect, "Difference" if several else f"Difference\n({units[outcome]})")
                draw.label_y_axis(p_axes, "P")
                draw.label_y_axis(sliding, "in windows")
        axis, middle = (
            render_text("every_cut", "axis", marker=trial.markers[marker]),
            (LEFT + style.WIDTH_MM - RIGHT) / 2,
        )
        page.text(middle, bottom - 1.0, axis, ha="center", size=style.BODY)
        page.legend(key, middle, bottom + 4.5, loc="center", ncols=len(key))
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
        rows, best = (table[table["side"].eq(side)] for table in (panel.cutoffs, panel.best))
        line = look.points(1.8, 0) | {"linestyle": "-", "linewidth": 0.6, "markerfacecolor": look.edge}
        ax.plot(rows["share_below"], rows["p"], color=look.edge, zorder=2, label=side, **line)
        ringed = rows[rows["cut"].isin(best["cut"])]
        if len(ringed):
            ax.plot(ringed["share_below"], ringed["p"], zorder=4, label=f"best {side}", **_RING)
    decades = -math.log10(lowest)
    powers = [10.0**-k for k in range(0, math.floor(decades) + 1, math.ceil(math.floor(decades) / 5))]
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


def draw_cuts(ax: Axes, panel: CutTables, decimals: int, *, named: bool) -> None:
    """Draw the axis of the marker, in shares of the participants, with the own and the published cutoff.

    If ``named``, each share is labelled with its cutoff, with this number of ``decimals``.
    """
    import numpy as np

    ax.set_xlim(0, 1)
    for marked, look, name in ((panel.own, _OWN, "own cut"), (panel.published, _PUBLISHED, "published cut")):
        for place in marked["share_below"].unique():
            ax.axvline(place, color=style.INK, zorder=2.5, label=name, **look)
    cuts = panel.cutoffs.drop_duplicates("cut")
    values = np.interp(SHARES, cuts["share_below"], cuts["cut"], left=np.nan, right=np.nan)
    texts = ["" if math.isnan(value) else f"\n{format_number(value, decimals)}" for value in values]
    names = [f"{100 * share:.0f}%{text}" for share, text in zip(SHARES, texts, strict=True)]
    ax.set_xticks(SHARES if named else [], names if named else [])


def _limits(panels: list[CutTables]) -> tuple[float, float]:
    """Return the range of the axes of an outcome: all differences, and nine tenths of the limits of their intervals."""
    kept = [0.0]
    for table in (table for panel in panels for table in (panel.cutoffs, panel.windows)):
        ends = table["lower"].quantile(0.1), table["upper"].quantile(0.9)
        kept += [value for value in (*table["difference"], *ends) if math.isfinite(value)]
    return draw.pad_range(kept)


def _cut_decimals(cuts: pd.Series) -> int:
    """Return the decimals that distinguish cutoffs a twentieth of their range apart."""
    span = float(cuts.quantile(0.9) - cuts.quantile(0.1)) or 1.0
    return max(0, math.ceil(-math.log10(span / 20)))


def describe_cutoffs(
    tables: CutTables, trial: Trial, chosen: Analysis, settings: Robustness, label: str | None, cuts: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Describe every figure of cutoffs by name, in the order of the report: the analysis's own marker first.

    ``cuts`` gives the cutoffs of each marker, as in strata.csv.
    """
    described, test = {}, get_test(chosen.test)
    common = labels.caption_words(trial, chosen) | {"estimator": labels.uncapitalize(labels.estimator_label(chosen))}
    common |= {"trial": trial, "analysis": chosen, "settings": settings, "test": test}
    common["drawn"] = {family for family, *_ in list_figures(trial).values()}
    for name, (family, marker, changes) in sorted(
        list_figures(trial).items(), key=lambda item: item[1][1] != chosen.marker
    ):
        cut, unit = cuts.get(marker, ""), labels.format_unit(trial.markers[marker].unit)
        column = cut if cut.startswith("column ") else ""
        places = [] if column else [f"{float(place):g}" for place in cut.split("; ") if place]
        values = common | {"family": trial.families[family], "marker": trial.markers[marker], "column": column}
        values["cuts"] = f"{labels.join_words(places)} {unit}".rstrip() if places else ""
        values["left_out"] = len(trial.changes_of(family)) - len(changes)
        values["own"] = marker in set(tables.own["marker"])
        title, caption = (render_text("every_cut", part, **values) for part in ("title", "caption"))
        words = [f"{label}. {title}." if label else f"{title}."]
        for outcome, visit in changes:
            panel, shown = tables.of(marker, outcome, visit), trial.outcomes[outcome]
            own = panel.own[panel.own["stratum"].isin(chosen.strata.labels)]
            numbers = {"own": list(own.itertuples()), "best": panel.best_of_both(), "outcome": shown.label}
            numbers["decimals"] = labels.change_decimals(chosen.measure, shown.decimals)
            words.append(render_text("every_cut", "words", visit=trial.visits[visit].label, **values | numbers))
        described[name] = {"title": title, "caption": caption, "words": " ".join(words)}
    return described
