"""Effect and P above and below every cut of a marker, and in sliding windows: small multiples by outcome and visit.

The workflow asks at every call which of these figures there are, so this module is quick to import.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import labels
from ..files import read_csv, read_header
from ..formatting import interval, number, p_digits, p_value
from . import draw, style
from .catalogue import captions

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..trial import Trial

TABLES = ("cutoffs", "windows", "best_cuts", "best_splits")  # files of every cutoff
_TEXT = ("outcome", "measure", "visit", "marker", "side", "method", "stratum", "reason")  # columns without numbers

# Heights of the parts of a block in millimetres, and of the key below all blocks.
TITLE, EFFECT, SAID, P_VALUES, STEP, SLIDING, TICKS, KEY = 4.5, 23.0, 7.5, 14.0, 2.5, 13.0, 10.5, 11.0
BLOCK = TITLE + EFFECT + SAID + P_VALUES + STEP + SLIDING + TICKS
TALLEST = 245.0  # what fits on a page of the journal, with a caption below
LEFT, GAP, RIGHT = 15.0, 8.0, 3.0

ABOVE, BELOW, WINDOW = style.STRATA[2], style.STRATA[0], style.NEUTRAL
_LOOKS = {"above": (ABOVE, 0.22), "below": (BELOW, 0.42)}  # the lighter colour needs a denser band
_RING = {"linestyle": "none", "marker": "o", "markersize": 4.6, "markerfacecolor": "none", "markeredgewidth": 0.7,
         "markeredgecolor": style.INK}  # fmt: skip
_OWN, _PUBLISHED = {"linewidth": 0.4}, {"linewidth": 0.9, "linestyle": (0, (1, 1.2))}
SHARES = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class CutTables:
    """The tables of cuts, windows and best cuts, and the analysis' own and the published cuts, of one marker or all."""

    cutoffs: pd.DataFrame
    windows: pd.DataFrame
    best: pd.DataFrame
    own: pd.DataFrame
    published: pd.DataFrame

    def of(self, marker: str, outcome: str, visit: str) -> CutTables:
        """Return the rows of one panel."""
        parts = (getattr(self, field.name) for field in fields(self))
        return CutTables(*(p[p["marker"].eq(marker) & p["outcome"].eq(outcome) & p["visit"].eq(visit)] for p in parts))

    def best_of_both(self) -> Any:
        """Return the row of the best cut of both sides, None if there is no cut."""
        rows = self.best[self.best["p_best_of_both"].notna()]
        return next(rows.itertuples(index=False), None)


def read_table(path: Path | str) -> pd.DataFrame:
    """Read one of the tables of cuts as it was written."""
    table = read_csv(path, numeric=tuple(name for name in read_header(path) if name not in _TEXT))
    return table.astype(dict.fromkeys(("n_first", "n_second"), "Int64"))


def figures(trial: Trial) -> dict[str, tuple[str, str]]:
    """Return the names of the figures that a trial has, each with its family of outcomes and its marker.

    A family with more outcomes and visits than fit on a page has none.
    """
    return {
        f"every_cut_{family}_{marker}": (family, marker)
        for family in trial.families
        for marker in trial.markers
        if len(panels := panels_of(trial, family)) > 0
        and KEY + BLOCK * -(-len(panels) // columns_of(panels)) <= TALLEST
    }


def panels_of(trial: Trial, family: str) -> list[tuple[str, str]]:
    """Return the outcomes of a family with their visits, a panel each."""
    return [(key, visit) for key, o in trial.outcomes.items() if o.family == family for visit in o.follow_up]


def columns_of(panels: list[tuple[str, str]]) -> int:
    """Return the number of columns: as many as an outcome has visits, and short rows of several outcomes."""
    outcomes = [outcome for outcome, _ in panels]
    visits = max(map(outcomes.count, outcomes))
    return {1: 3, 2: 4}.get(visits, visits)


def draw_cutoffs(
    tables: CutTables,
    trial: Trial,
    analysis: Analysis,
    family: str,
    marker: str,
    stem: Path | str,
    *,
    label: str | None,
) -> list[Path]:
    """Draw the outcomes of a family against the cut of a marker and write ``stem``.pdf and ``stem``.png.

    Parameters
    ----------
    tables : CutTables
    trial, analysis
    family, marker : str
        As :func:`figures` pairs them.
    stem : path
    label : str or None
        How the data have to be marked.
    """
    panels = {cell: tables.of(marker, *cell) for cell in panels_of(trial, family)}
    columns = columns_of(list(panels))
    bottom, whole = BLOCK * -(-len(panels) // columns), style.WIDTHS_MM["double"]
    width = (whole - LEFT - RIGHT - GAP * (columns - 1)) / columns
    lowest = _lowest_p(panels.values())
    units = {key: _unit(analysis.measure, trial.outcomes[key].unit) for key, _ in panels}
    several = len(set(units.values())) > 1
    with style.settings():
        page = style.Page(whole, bottom + KEY, label)
        for place, ((outcome, visit), panel) in enumerate(panels.items()):
            row, column = divmod(place, columns)
            left, top = LEFT + column * (width + GAP), row * BLOCK + TITLE
            title = f"{trial.outcomes[outcome].label}, {trial.visits[visit].label}"
            _title(page, left, top - 1, width, title + (f" ({units[outcome]})" if several else ""))
            effect = page.axes(left, top, width, EFFECT)
            if panel.cutoffs.empty:
                draw.message(effect, next(iter(panel.best["reason"]), "no changes").replace(" with ", "\nwith "))
                continue
            limits = _limits([other for cell, other in panels.items() if cell[0] == outcome])
            decimals = _cut_decimals(panel.cutoffs["cut"])
            draw_shifts(effect, panel, limits)
            top += EFFECT
            said = page.text(left, top + 1.6, _best_words(panel, decimals), size=style.SMALL, va="top", linespacing=1.1)
            style.italic_p(said)
            p_axes = page.axes(left, top + SAID, width, P_VALUES)
            draw_p(p_axes, panel, analysis.alpha, lowest)
            sliding = page.axes(left, top + SAID + P_VALUES + STEP, width, SLIDING)
            draw_windows(sliding, panel, limits)
            for axes in (effect, p_axes, sliding):
                draw_cuts(axes, panel, decimals, named=axes is sliding)
            if column == 0:
                draw.name_y(effect, "Shift" if several else f"Shift ({units[outcome]})")
                draw.name_y(p_axes, "P")
                style.italic_p(p_axes.yaxis.label)
                draw.name_y(sliding, "Shift in window")
        _key(page.canvas(), bottom, trial, marker)
        return page.save(stem, title=f"Every cut of {trial.markers[marker].label}")


def draw_shifts(ax: Axes, panel: CutTables, limits: tuple[float, float]) -> None:
    """Draw the shift above and below every cut, with its pointwise interval as a band."""
    ax.set_ylim(*limits)
    draw.zero_line(ax)
    for side, (look, density) in _LOOKS.items():
        x, shift, low, high = _columns(panel.cutoffs, "hodges_lehmann", "lower", "upper", side=side)
        band = {"color": look.face, "alpha": density, "linewidth": 0, "zorder": 1, "label": f"interval {side}"}
        ax.fill_between(x, low, high, step="mid", **band)
        ax.plot(x, shift, drawstyle="steps-mid", color=look.edge, linewidth=1.2, zorder=3, label=side)


def draw_p(ax: Axes, panel: CutTables, alpha: float, lowest: float) -> None:
    """Draw P above and below every cut on a logarithmic axis, with the best cut of either side ringed."""
    ax.set_yscale("log")
    ax.set_ylim(lowest, 1.25)
    ax.axhline(alpha, label="alpha", **style.DASHED)
    for side, (look, _) in _LOOKS.items():
        x, p, cut = _columns(panel.cutoffs, "p", "cut", side=side)
        line = look.points(1.8, 0) | {"linestyle": "-", "linewidth": 0.6, "markerfacecolor": look.edge}
        ax.plot(x, p, color=look.edge, zorder=2, label=side, **line)
        chosen = cut.isin(panel.best.loc[panel.best["side"].eq(side), "cut"])
        ax.plot(x[chosen], p[chosen], zorder=4, label=f"best {side}", **_RING)
    powers = [10.0**k for k in range(0, math.floor(math.log10(lowest)) - 1, -1) if 10.0**k >= lowest]
    ticks = [alpha, *(power for power in powers if abs(math.log10(power / alpha)) > 0.5)]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()


def draw_windows(ax: Axes, panel: CutTables, limits: tuple[float, float]) -> None:
    """Draw the shift in each window with its pointwise interval, at the window's median marker."""
    ax.set_ylim(*limits)
    draw.zero_line(ax)
    x, shift, low, high = _columns(panel.windows, "hodges_lehmann", "lower", "upper")
    ax.vlines(x, low, high, color=WINDOW.face, linewidth=1.1, zorder=1, label="interval")
    line = {"linewidth": 0.6, "marker": WINDOW.marker, "markersize": 2.2, "markeredgewidth": 0}
    ax.plot(x, shift, color=WINDOW.edge, zorder=3, label="windows", **line)


def draw_cuts(ax: Axes, panel: CutTables, decimals: int, *, named: bool) -> None:
    """Draw the axis of the marker, in shares of the participants, with the own and the published cut.

    Where it is ``named``, each share has the cut that lies there, with so many ``decimals``.
    """
    import numpy as np

    ax.set_xlim(0, 1)
    for marked, look, name in ((panel.own, _OWN, "own cut"), (panel.published, _PUBLISHED, "published cut")):
        for place in marked["share_below"].unique():
            ax.axvline(place, color=style.INK, zorder=2.5, label=name, **look)
    cuts = panel.cutoffs.drop_duplicates("cut")
    values = np.interp(SHARES, cuts["share_below"], cuts["cut"], left=np.nan, right=np.nan)
    names = [
        f"{100 * share:.0f}%" + ("" if math.isnan(value) else f"\n{number(value, decimals)}")
        for share, value in zip(SHARES, values, strict=True)
    ]
    ax.set_xticks(SHARES if named else [], names if named else [])


def _columns(rows: pd.DataFrame, *names: str, side: str = "") -> list[pd.Series]:
    """Return the share of participants below a cut, and other columns, as floats; of one ``side`` if it is named."""
    rows = rows[rows["side"].eq(side)] if side else rows
    return [rows[name].astype(float) for name in ("share_below", *names)]


def _best_words(panel: CutTables, decimals: int) -> str:
    best = panel.best_of_both()
    if best is None:
        return ""
    return (
        f"Best cut: {best.side} {number(best.cut, decimals)}, {p_value(best.p)}\n"
        f"corrected {p_digits(best.p_best_of_both)}, in family {p_digits(best.p_best_of_family)}"
    )


def _title(page: style.Page, left: float, baseline: float, width: float, text: str) -> None:
    """Write the title of a panel, smaller where it would reach into the next one."""
    reach = 1.6 * len(text)  # millimetres; measuring the text itself would draw the page a second time
    size = style.TITLE * min(1.0, (width + RIGHT) / reach)
    page.text(left, baseline, text, weight="bold", size=size, va="baseline")


def _unit(measure: str, outcome_unit: str) -> str:
    """Return the unit of a shift: a difference of percent changes is one of percentage points."""
    unit = labels.change_unit(measure, outcome_unit)
    return "percentage points" if unit == "%" else unit


def _limits(panels: list[CutTables]) -> tuple[float, float]:
    """Return the range of the shift axes of an outcome: all shifts, and nine tenths of the limits of their intervals."""
    kept = [0.0]
    for table in (table for panel in panels for table in (panel.cutoffs, panel.windows)):
        ends = table["lower"].quantile(0.1), table["upper"].quantile(0.9)
        kept += [value for value in (*table["hodges_lehmann"], *ends) if math.isfinite(value)]
    low, high = min(kept), max(kept)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _lowest_p(panels: Iterable[CutTables]) -> float:
    """Return the lower end of the axes of P: a little below all of them and below 0.01."""
    return 0.6 * min([0.01, *(panel.cutoffs["p"].min() for panel in panels if len(panel.cutoffs))])


def _cut_decimals(cuts: pd.Series) -> int:
    """Return as many decimals as tell cuts a twentieth of their range apart."""
    span = float(cuts.quantile(0.9) - cuts.quantile(0.1)) or 1.0
    return max(0, math.ceil(-math.log10(span / 20)))


def _key(canvas: Axes, top: float, trial: Trial, marker: str) -> None:
    own = trial.markers[marker]
    unit = f" ({own.unit})" if own.unit else ""
    middle = (LEFT + style.WIDTHS_MM["double"] - RIGHT) / 2
    name = f"Cut: share of the participants below it, and its {labels.within(own.label)}{unit}"
    style.write(canvas, middle, top - 1.0, name, ha="center", size=style.BODY)
    y, x = top + 4.5, LEFT
    for side, (look, density) in _LOOKS.items():
        canvas.fill_between([x, x + 6], y - 1.1, y + 1.1, color=look.face, alpha=density, linewidth=0)
        canvas.plot([x, x + 6], [y, y], color=look.edge, linewidth=1.2)
        style.write(canvas, x + 7.2, y, f"{side} the cut")
        x += 28
    upright = [y - 1.4, y + 1.4]
    for look, name, width in ((_OWN, "own cut", 17), (_PUBLISHED, "published cut", 25))[: 1 + bool(trial.cuts)]:
        canvas.plot([x + 1, x + 1], upright, color=style.INK, **look)
        style.write(canvas, x + 3, y, name)
        x += width
    canvas.plot(x + 3, y, **_RING)
    style.write(canvas, x + 5.2, y, "best of a side")
    canvas.plot([x + 31, x + 31], upright, color=WINDOW.face, linewidth=1.1)
    canvas.plot(x + 31, y, marker=WINDOW.marker, markersize=2.2, color=WINDOW.edge)
    style.write(canvas, x + 33.2, y, "sliding window")


def describe_cutoffs(
    tables: CutTables,
    trial: Trial,
    analysis: Analysis,
    robustness: Robustness,
    label: str | None,
    *,
    cuts: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    """Describe every figure of cuts by name, in the order of the report: the analysis' own marker first.

    ``cuts`` says for each marker where they lie, as strata.csv does.
    """
    texts = captions()["every_cut"]
    caption = labels.fill(texts["caption"], {
        "direction": labels.direction(trial), "minimum": robustness.minimum_per_arm, "alpha": analysis.alpha,
        "level": labels.interval_level(analysis), "permutations": robustness.permutations,
        "share": robustness.windows.share,
    })  # fmt: skip
    if trial.cuts:
        caption += " Dotted: the published cutoff."
    described = {}
    for name, (family, marker) in sorted(figures(trial).items(), key=lambda item: item[1][1] != analysis.marker):
        known = trial.markers[marker]
        title = labels.fill(texts["title"], {"family": trial.families[family], "marker": known.label})
        sentences = [f"{label}. {title}."] if label else [f"{title}."]
        sentences += [
            _panel_in_words(tables.of(marker, *cell), trial, analysis, *cell) for cell in panels_of(trial, family)
        ]
        own = [_where(cuts[marker], known.unit)] if marker in cuts else []
        described[name] = {"title": title, "caption": " ".join([caption, *own]), "words": " ".join(sentences)}
    return described


def _where(cut: str, unit: str) -> str:
    """Say where the analysis itself cuts; a cut is text, since strata may come from a column."""
    if cut.startswith("column "):
        return f"This analysis takes its strata from the {cut} of the workbook."
    places = " and ".join(number(float(part), 3) for part in cut.split("; "))
    return f"This analysis cuts at {places}{f' {unit}' if unit else ''}."


def _panel_in_words(panel: CutTables, trial: Trial, analysis: Analysis, outcome: str, visit: str) -> str:
    """State what a panel shows: the groups of the analysis' own cut, and the best cut."""
    own = trial.outcomes[outcome]
    decimals = labels.change_decimals(analysis.measure, own.decimals)
    parts = [
        f"in {row.stratum} the difference is {interval(row.hodges_lehmann, row.lower, row.upper, decimals)}, "
        f"{p_value(row.p)}"
        for row in panel.own.itertuples(index=False)
        if row.stratum in analysis.strata.labels
    ]
    best = panel.best_of_both()
    if best is None:
        parts.append("there is no cut to try")
    else:
        parts.append(
            f"the best of all cuts is {best.side} {number(best.cut, 3)}, {p_value(best.p)}, "
            f"{p_value(best.p_best_of_both)} after correction for the search"
        )
    return f"{own.label} at {trial.visits[visit].label}: {'; '.join(parts)}."
