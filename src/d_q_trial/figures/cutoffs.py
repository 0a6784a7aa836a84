"""Effect and P above and below every cut of a marker, and in sliding windows: small multiples by outcome and visit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import labels
from ..formatting import number, p_digits, p_value
from . import draw, style
from .cutoff_pages import BLOCK, EFFECT, KEY, P_VALUES, SAID, SLIDING, STEP, TITLE, cells_of, columns_of

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis
    from ..trial import Trial
    from .cut_tables import CutTables

ABOVE, BELOW, WINDOW = style.STRATA[2], style.STRATA[0], style.NEUTRAL
_LOOKS = {"above": (ABOVE, 0.22), "below": (BELOW, 0.42)}  # the lighter colour needs a denser band
OWN, PUBLISHED = {"linewidth": 0.4}, {"linewidth": 0.9, "linestyle": (0, (1, 1.2))}
LEFT, GAP, RIGHT = 15.0, 8.0, 3.0  # millimetres
SHARES = (0.2, 0.4, 0.6, 0.8)


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
        As :func:`.cutoff_pages.figures` pairs them.
    stem : path
    label : str or None
        How the data have to be marked.
    """
    cells, columns = cells_of(trial, family), columns_of(trial, family)
    blocks = -(-len(cells) // columns)
    whole = style.WIDTHS_MM["double"]
    width = (whole - LEFT - RIGHT - GAP * (columns - 1)) / columns
    panels = {cell: tables.of(marker, *cell) for cell in cells}
    lowest = _lowest_p(panels.values())
    units = {key: _unit(analysis.measure, trial.outcomes[key].unit) for key, _ in cells}
    several = len(set(units.values())) > 1
    with style.settings():
        page = style.Page(whole, BLOCK * blocks + KEY, label)
        for place, (outcome, visit) in enumerate(cells):
            row, column = divmod(place, columns)
            left, top = LEFT + column * (width + GAP), row * BLOCK
            panel, own = panels[outcome, visit], trial.outcomes[outcome]
            title = f"{own.label}, {trial.visits[visit].label}" + (f" ({units[outcome]})" if several else "")
            _title(page, left, top + TITLE - 1, width, title)
            if panel.cutoffs.empty:
                reason = next(iter(panel.best["reason"]), "no changes")
                draw.message(page.axes(left, top + TITLE, width, EFFECT), reason.replace(" with ", "\nwith "))
                continue
            beside = [panels[cell] for cell in cells if cell[0] == outcome]
            limits = _limits(beside)
            top += TITLE
            effect = page.axes(left, top, width, EFFECT)
            draw_shifts(effect, panel, limits)
            decimals = _cut_decimals(panel.cutoffs["cut"])
            page.text(
                left, top + EFFECT + 1.6, _best_words(panel, decimals), size=style.SMALL, va="top", linespacing=1.1
            )
            top += EFFECT + SAID
            p_axes = page.axes(left, top, width, P_VALUES)
            draw_p(p_axes, panel, analysis.alpha, lowest)
            sliding = page.axes(left, top + P_VALUES + STEP, width, SLIDING)
            draw_windows(sliding, panel, limits)
            for axes in (effect, p_axes, sliding):
                _along(axes, panel, decimals, named=axes is sliding)
            if column == 0:
                draw.name_y(effect, "Shift" if several else f"Shift ({units[outcome]})")
                draw.name_y(p_axes, "P")
                draw.name_y(sliding, "Shift in window")
        _key(page.canvas(), BLOCK * blocks, trial, marker)
        return page.save(stem, title=f"Every cut of {trial.markers[marker].label}")


def draw_shifts(ax, panel: CutTables, limits: tuple[float, float]):
    """Draw the shift above and below every cut, with its pointwise interval as a band."""
    ax.set_ylim(*limits)
    draw.zero_line(ax)
    for side, (look, density) in _LOOKS.items():
        rows = panel.cutoffs[panel.cutoffs["side"].eq(side)]
        x = rows["share_below"].to_numpy(float)
        low, high = (rows[name].to_numpy(float) for name in ("lower", "upper"))
        ax.fill_between(
            x, low, high, step="mid", color=look.face, alpha=density, linewidth=0, zorder=1, label=f"interval {side}"
        )
        ax.plot(x, rows["hodges_lehmann"], drawstyle="steps-mid", color=look.edge, linewidth=1.2, zorder=3, label=side)
    return ax


def draw_p(ax, panel: CutTables, alpha: float, lowest: float):
    """Draw P above and below every cut on a logarithmic axis, with the best cut of either side ringed."""
    ax.set_yscale("log")
    ax.set_ylim(lowest, 1.25)
    ax.axhline(alpha, color=style.GRID, linewidth=0.7, dashes=(4, 3), zorder=0.5, label="alpha")
    for side, (look, _) in _LOOKS.items():
        rows = panel.cutoffs[panel.cutoffs["side"].eq(side)]
        x, p = (rows[name].to_numpy(float) for name in ("share_below", "p"))
        ax.plot(
            x,
            p,
            color=look.edge,
            linewidth=0.6,
            marker=look.marker,
            markersize=1.8,
            markeredgewidth=0,
            markerfacecolor=look.edge,
            zorder=2,
            label=side,
        )
        best = panel.best[panel.best["side"].eq(side)]["cut"]
        chosen = rows["cut"].isin(best).to_numpy()
        ax.plot(
            x[chosen],
            p[chosen],
            linestyle="none",
            marker="o",
            markersize=4.6,
            markerfacecolor="none",
            markeredgecolor=style.INK,
            markeredgewidth=0.7,
            zorder=4,
            label=f"best {side}",
        )
    powers = [10.0**k for k in range(0, math.floor(math.log10(lowest)) - 1, -1) if 10.0**k >= lowest]
    ticks = [alpha, *(power for power in powers if abs(math.log10(power / alpha)) > 0.5)]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    return ax


def draw_windows(ax, panel: CutTables, limits: tuple[float, float]):
    """Draw the shift in each window with its pointwise interval, at the window's median marker."""
    ax.set_ylim(*limits)
    draw.zero_line(ax)
    x, shift, low, high = (
        panel.windows[name].to_numpy(float) for name in ("share_below", "hodges_lehmann", "lower", "upper")
    )
    ax.vlines(x, low, high, color=WINDOW.face, linewidth=1.1, zorder=1, label="interval")
    ax.plot(
        x, shift, color=WINDOW.edge, linewidth=0.6, marker=WINDOW.marker, markersize=2.2, markeredgewidth=0, zorder=3,
        label="windows",
    )  # fmt: skip
    return ax


def _along(ax, panel: CutTables, decimals: int, *, named: bool) -> None:
    """Set the axis of the marker: shares of the participants, each with the cut that lies there."""
    ax.set_xlim(0, 1)
    for marked, look, name in ((panel.own, OWN, "own cut"), (panel.published, PUBLISHED, "published cut")):
        for place in marked["share_below"].unique():
            ax.axvline(place, color=style.INK, zorder=2.5, label=name, **look)
    cuts = panel.cutoffs.drop_duplicates("cut")
    values = np.interp(SHARES, cuts["share_below"], cuts["cut"], left=np.nan, right=np.nan)
    names = [
        f"{100 * share:.0f}%" + ("" if math.isnan(value) else f"\n{number(value, decimals)}")
        for share, value in zip(SHARES, values, strict=True)
    ]
    ax.set_xticks(SHARES if named else [], names if named else [])


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
    """Unit of a shift: a difference of percent changes is one of percentage points."""
    unit = labels.change_unit(measure, outcome_unit)
    return "percentage points" if unit == "%" else unit


def _limits(panels: list[CutTables]) -> tuple[float, float]:
    """Range of the shift axes of an outcome: all shifts, and nine tenths of the limits of their intervals."""
    kept = [0.0]
    for panel in panels:
        for table in (panel.cutoffs, panel.windows):
            kept += [*table["hodges_lehmann"].dropna()]
            lower, upper = table["lower"].dropna(), table["upper"].dropna()
            if len(lower) and len(upper):
                kept += [np.quantile(lower, 0.1), np.quantile(upper, 0.9)]
    low, high = min(kept), max(kept)
    room = 0.05 * (high - low) or 1.0
    return low - room, high + room


def _lowest_p(panels) -> float:
    """Lower end of the axes of P: a little below all of them and below 0.01."""
    return 0.6 * min([0.01, *(panel.cutoffs["p"].min() for panel in panels if len(panel.cutoffs))])


def _cut_decimals(cuts: pd.Series) -> int:
    """Decimals that tell cuts a twentieth of their range apart."""
    span = float(np.quantile(cuts, 0.9) - np.quantile(cuts, 0.1)) or 1.0
    return max(0, math.ceil(-math.log10(span / 20)))


def _key(canvas, top: float, trial: Trial, marker: str) -> None:
    own = trial.markers[marker]
    unit = f" ({own.unit})" if own.unit else ""
    middle = (LEFT + style.WIDTHS_MM["double"] - RIGHT) / 2
    name = f"Cut: share of the participants below it, and its {labels.within(own.label)}{unit}"
    canvas.text(middle, top - 1.0, name, ha="center", va="center_baseline")
    y, x = top + 4.5, LEFT
    for side, (look, density) in _LOOKS.items():
        canvas.fill_between([x, x + 6], y - 1.1, y + 1.1, color=look.face, alpha=density, linewidth=0)
        canvas.plot([x, x + 6], [y, y], color=look.edge, linewidth=1.2)
        canvas.text(x + 7.2, y, f"{side} the cut", va="center_baseline", size=style.SMALL)
        x += 28
    for drawn, look, name in ((True, OWN, "own cut"), (bool(trial.cuts), PUBLISHED, "published cut")):
        if drawn:
            canvas.plot([x + 1, x + 1], [y - 1.4, y + 1.4], color=style.INK, **look)
            canvas.text(x + 3, y, name, va="center_baseline", size=style.SMALL)
            x += 17 if name == "own cut" else 25
    canvas.plot(
        x + 3, y, marker="o", markersize=4.6, markerfacecolor="none", markeredgecolor=style.INK, markeredgewidth=0.7
    )
    canvas.text(x + 5.2, y, "best of a side", va="center_baseline", size=style.SMALL)
    x += 28
    canvas.plot([x + 3, x + 3], [y - 1.4, y + 1.4], color=WINDOW.face, linewidth=1.1)
    canvas.plot(x + 3, y, marker=WINDOW.marker, markersize=2.2, color=WINDOW.edge)
    canvas.text(x + 5.2, y, "sliding window", va="center_baseline", size=style.SMALL)
