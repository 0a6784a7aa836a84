"""One picture of all analyses: P-values as a table that marks changed conclusions, with the effects."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compare import CHANGED, KEYS, NOT_MADE
from ..formatting import format_p_digits
from ..results_table import ALL_PARTICIPANTS
from . import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..trial import Trial

ROW, HEAD, NAMES, VISITS, PLACES, COLUMN, EFFECTS = 4.2, 24.0, 30.0, 13.0, 15.0, 13.0, 56.0  # millimetres
ENTRY, SLANT = 3.0, 40.0  # height of an entry of the legend in millimetres; angle of the names of analyses in degrees
FAVOURS_TREATED, FAVOURS_CONTROL = style.TREATED.tint, style.CONTROL.tint
_CELL = {"edgecolor": "#e3e3e3", "linewidth": 0.4}
_FLIP = {"edgecolor": style.INK, "linewidth": 1.0}
_MARKERS = ("o", "^", "v", "<", ">", "P", "X", "*", "d")


def draw_comparison(
    comparisons: pd.DataFrame, shown: list, left_out: int, trial: Trial, reference: str, stem: Path, label: str | None
) -> list[Path]:
    """Draw every shown comparison in every analysis and write ``stem``.pdf and ``stem``.png.

    ``comparisons`` are those of :func:`d_q_trial.compare.compare_tests`, ``shown`` and ``left_out`` the result of
    :func:`d_q_trial.compare.rows_to_draw`, ``reference`` the analysis that the others are compared with, and ``label``
    the label of data that have to be marked.
    """
    analyses = list(dict.fromkeys([reference, *comparisons["analysis"]]))
    found = comparisons.set_index([*KEYS, "analysis"])
    cells = {row.Index: row for row in found.itertuples()}
    higher = "significant, higher (more positive) changes in"
    key = (
        (_CELL | {"facecolor": FAVOURS_TREATED}, f"{higher} {trial.arms.treated.label}"),
        (_CELL | {"facecolor": FAVOURS_CONTROL}, f"{higher} {trial.arms.control.label}"),
        (_FLIP, "conclusion differs from the first column"),
    )
    with style.journal_style():
        visits = 2 + max(
            [NAMES, *(style.text_width(trial.outcomes[o].label, style.BODY, "bold") + 2 for o, *_ in shown)]
        )
        places = visits + max([VISITS, *(style.text_width(trial.visits[visit].label) + 2 for _, visit, _ in shown)])
        first = places + PLACES
        headings = {name: name.replace("_", " ") for name in analyses}
        lengths = [style.text_width(heading, style.BODY, "bold") for heading in headings.values()]
        rise, reach = (of(math.radians(SLANT)) for of in (math.sin, math.cos))
        ends = [first + COLUMN * (place + 0.5) + reach * length + 3 for place, length in enumerate(lengths)]
        left = max(first + COLUMN * len(analyses) + 6, *ends, *(12 + style.text_width(text) for _, text in key))
        head = max(HEAD, 6 + rise * max(lengths), ENTRY * len(analyses))
        width, bottom = max(style.WIDTH_MM, left + EFFECTS + 2), head + ROW * len(shown)
        notes = ["Each analysis is judged at its own significance level; –: a comparison that it does not have."]
        notes += [f"{left_out} more comparisons, which change in no analysis, are not shown."] * bool(left_out)
        page = style.Page(width, bottom + 13 + 3.2 * len(notes), label)
        canvas = page.canvas()
        for column, (name, heading) in enumerate(headings.items()):
            look = {"rotation": SLANT, "rotation_mode": "anchor", "weight": "bold" if name == reference else "normal"}
            page.text(first + COLUMN * (column + 0.5), head - 2, heading, va="bottom", size=style.BODY, **look)
        for number, (outcome, visit, place) in enumerate(shown):
            top, middle = head + ROW * number, head + ROW * (number + 0.5)
            if not number or outcome != shown[number - 1][0]:
                page.text(2, middle, trial.outcomes[outcome].label, weight="bold", size=style.BODY)
                canvas.plot([2, first - 1], [top, top], color=style.GRID, linewidth=0.4)
            page.text(visits, middle, trial.visits[visit].label)
            page.text(places, middle, "all" if place == ALL_PARTICIPANTS else place)
            for column, name in enumerate(analyses):
                _cell(canvas, first + COLUMN * column, top, cells.get((outcome, visit, place, name)))
        effects = found["mann_whitney_effect"].unstack("analysis").loc[shown, analyses]
        draw_effects(page.axes(left, head, width - left - 4, bottom - head), effects, trial)
        for number, (look, text) in enumerate(key):
            style.draw_box(canvas, 2, bottom + 3 + 3.2 * number, 4, 2.4, **look)
            page.text(7.5, bottom + 4.2 + 3.2 * number, text)
        for number, note in enumerate(notes):
            page.text(2, bottom + 13.8 + 3.2 * number, note, color=style.QUIET)
        return page.save(stem, title="Analyses compared")


def _cell(canvas: Axes, left: float, top: float, row: Any) -> None:
    """Draw one P-value, framed if the conclusion changes; shaded if significant, by the arm with higher changes, or means."""
    made = row is not None and row.conclusion != NOT_MADE
    significant = made and row.significant == "yes"
    higher = made and (row.mann_whitney_effect > 0.5 if math.isnan(row.mean_difference) else row.mean_difference > 0)
    face = (FAVOURS_TREATED if higher else FAVOURS_CONTROL) if significant else "white"
    style.draw_box(canvas, left, top, COLUMN, ROW, facecolor=face, **_CELL)
    if made and row.conclusion in CHANGED:
        style.draw_box(canvas, left + 0.35, top + 0.35, COLUMN - 0.7, ROW - 0.7, facecolor="none", gid="flip", **_FLIP)
    look = {"weight": "bold" if significant else "normal", "size": style.SMALL, "ha": "center", "va": "center_baseline"}
    canvas.text(left + COLUMN / 2, top + ROW / 2, format_p_digits(row.p) if made else "–", gid="p", **look)


def draw_effects(ax: Axes, effects: pd.DataFrame, trial: Trial) -> None:
    """Draw the Mann-Whitney effects: a line per comparison, a mark per analysis, the reference in full colour.

    ``effects`` has a row per comparison and a column per analysis, NaN where there is none; the reference comes first.
    """
    rows = range(len(effects))
    ax.hlines(rows, effects.min(axis=1), effects.max(axis=1), color=style.GRID, linewidth=0.6, zorder=1)
    fills = ("white", style.QUIET, style.INK)
    others = itertools.cycle(style.Look(fill, style.QUIET, marker) for fill in fills for marker in _MARKERS)
    for place, (name, values) in enumerate(effects.items()):
        look, short = next(others) if place else style.TREATED, style.truncate(name.replace("_", " "), EFFECTS - 8)
        ax.plot(values, rows, label=short, zorder=2 if place else 3, **look.points(3.4, 0.6))
    ax.axvline(0.5, color=style.QUIET, linewidth=0.6, linestyle=(0, (4, 2)), zorder=0)
    ax.set(xlim=(0, 1), ylim=(len(effects) - 0.5, -0.5), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    treated, control = trial.arms.treated.label, trial.arms.control.label
    ax.set_xlabel(style.wrap_text(f"Chance that a change in {treated} exceeds one in {control}", EFFECTS, style.BODY))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=style.SMALL, labelspacing=0.25)
