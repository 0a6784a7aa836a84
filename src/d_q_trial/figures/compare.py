"""One picture of all analyses: P-values as a table that marks changed conclusions, with the effects."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compare import CHANGED, NOT_MADE
from ..formatting import p_digits
from ..results_table import ALL_PARTICIPANTS
from . import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from ..trial import Trial

ROW, HEAD, LEFT, COLUMN, EFFECTS = 4.2, 24.0, 60.0, 13.0, 56.0  # millimetres
FAVOURS_TREATED, FAVOURS_CONTROL = style.TREATED.tint, style.CONTROL.tint
_CELL = {"edgecolor": "#e3e3e3", "linewidth": 0.4}
_FLIP = {"edgecolor": style.INK, "linewidth": 1.0}
_MARKERS = ("o", "^", "v", "<", ">", "P", "X", "h", "*", "d", "p", "8")


def draw_comparison(
    comparisons: pd.DataFrame,
    shown: list[tuple],
    left_out: int,
    trial: Trial,
    reference: str,
    stem: Path | str,
    *,
    label: str | None,
) -> list[Path]:
    """Draw every shown comparison in every analysis and write ``stem``.pdf and ``stem``.png.

    ``comparisons`` are those of :func:`d_q_trial.compare.compare_tests`, ``shown`` and ``left_out`` the result of
    :func:`d_q_trial.compare.rows_to_draw`, ``reference`` the analysis that the others are compared with, and ``label``
    the label of data that have to be marked.
    """
    analyses = list(dict.fromkeys([reference, *comparisons["analysis"]]))
    found = {(row.outcome, row.visit, row.place, row.analysis): row for row in comparisons.itertuples(index=False)}
    rows = [[found.get((*key, name)) for name in analyses] for key in shown]
    left = LEFT + COLUMN * len(analyses) + 6
    width, bottom = max(style.WIDTH_MM, left + EFFECTS + 2), HEAD + ROW * len(rows)
    with style.settings():
        page = style.Page(width, bottom + 16, label)
        canvas = page.canvas()
        for column, name in enumerate(analyses):
            look = {"rotation": 40, "rotation_mode": "anchor", "weight": "bold" if name == reference else "normal"}
            x = LEFT + COLUMN * (column + 0.5)
            canvas.text(x, HEAD - 2, name.replace("_", " "), ha="left", va="bottom", **look)
        before = ""
        for number, ((outcome, visit, place), row) in enumerate(zip(shown, rows, strict=True)):
            top = HEAD + ROW * number
            if outcome != before:
                name = trial.outcomes[outcome].label
                style.write(canvas, 2, top + ROW / 2, name, weight="bold", size=style.BODY)
                canvas.plot([2, LEFT - 1], [top, top], color=style.GRID, linewidth=0.4)
                before = outcome
            style.write(canvas, 32, top + ROW / 2, trial.visits[visit].label)
            style.write(canvas, 45, top + ROW / 2, "all" if place == ALL_PARTICIPANTS else place)
            for column, entry in enumerate(row):
                _cell(canvas, LEFT + COLUMN * column, top, entry)
        draw_effects(page.axes(left, HEAD, width - left - 4, bottom - HEAD), rows, analyses, trial)
        larger = "significant, larger changes in"
        for number, (look, text) in enumerate((
            (_CELL | {"facecolor": FAVOURS_TREATED}, f"{larger} {trial.arms.treated.label}"),
            (_CELL | {"facecolor": FAVOURS_CONTROL}, f"{larger} {trial.arms.control.label}"),
            (_FLIP, "conclusion differs from the first column"),
        )):  # fmt: skip
            style.box(canvas, 2, bottom + 3 + 3.2 * number, 4, 2.4, **look)
            style.write(canvas, 7.5, bottom + 4.2 + 3.2 * number, text)
        if left_out:
            note = f"{left_out} more comparisons with the same conclusion in all analyses are not shown."
            style.write(canvas, 2, bottom + 13.8, note, color=style.QUIET)
        return page.save(stem, title="Analyses compared")


def _cell(canvas: Axes, left: float, top: float, row: Any) -> None:
    """Draw one P-value: shaded if significant, by the arm with the larger changes; framed if the conclusion changes."""
    made = row is not None and row.conclusion != NOT_MADE
    significant = made and row.significant == "yes"
    face = "white"
    if significant:
        face = FAVOURS_TREATED if row.mann_whitney_effect > 0.5 else FAVOURS_CONTROL
    style.box(canvas, left, top, COLUMN, ROW, facecolor=face, **_CELL)
    if made and row.conclusion in CHANGED:
        frame = style.box(canvas, left + 0.35, top + 0.35, COLUMN - 0.7, ROW - 0.7, **_FLIP | {"facecolor": "none"})
        frame.set_gid("flip")
    look = {"ha": "center", "weight": "bold" if significant else "normal", "gid": "p"}
    style.write(canvas, left + COLUMN / 2, top + ROW / 2, p_digits(row.p) if made else "–", **look)


def draw_effects(ax: Axes, rows: list[list[Any]], analyses: list[str], trial: Trial) -> None:
    """Draw the Mann-Whitney effects: a line per comparison, a mark per analysis, the reference in full colour.

    ``rows`` holds the results of each comparison by analysis (None if there is none); the reference comes first.
    """
    markers = itertools.cycle(_MARKERS)
    looks = [style.TREATED, *(style.Look("white", style.QUIET, next(markers)) for _ in analyses[1:])]
    for number, row in enumerate(rows):
        effects = {place: entry.mann_whitney_effect for place, entry in enumerate(row) if entry is not None}
        effects = {place: effect for place, effect in effects.items() if not math.isnan(effect)}
        ends = [choose(effects.values()) for choose in (min, max) if effects]
        ax.plot(ends, [number] * len(ends), color=style.GRID, linewidth=0.6, zorder=1)
        for place, effect in effects.items():
            ax.plot(effect, number, zorder=2 if place else 3, **looks[place].points(3.2 if place else 3.6, 0.6))
    ax.axvline(0.5, color=style.QUIET, linewidth=0.6, linestyle=(0, (4, 2)), zorder=0)
    ax.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    treated, control = trial.arms.treated.label, trial.arms.control.label
    ax.set_xlabel(f"Chance that a change in {treated}\nexceeds one in {control}")
    handles = [
        ax.plot([], [], label=name.replace("_", " "), **look.points(3.4, 0.6))[0]
        for name, look in zip(analyses, looks, strict=True)
    ]
    ax.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2 if len(handles) > 5 else 1, frameon=False,
        fontsize=style.SMALL, handletextpad=0.2, columnspacing=0.8, borderaxespad=0.2, labelspacing=0.25,
    )  # fmt: skip
