"""Figure that compares all analyses: a table of P-values that marks changed conclusions, and the effects."""

import itertools
import math
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from ..compare import CHANGED, KEYS, NOT_MADE
from ..formatting import format_p_digits
from ..results_table import ALL_PARTICIPANTS
from ..trial import Trial
from . import style
from .texts import render_text

# Millimetres: height of a row; least height of the header and widths of the columns; height of an entry of the legend.
ROW, HEADER, OUTCOMES, VISITS, PLACES, COLUMN, EFFECTS, ENTRY = 4.2, 24.0, 30.0, 13.0, 15.0, 13.0, 56.0, 3.0
SLANT = 40.0  # of the names of analyses, in degrees
FAVOURS_TREATED, FAVOURS_CONTROL = style.TREATED.tint, style.CONTROL.tint
_CELL = {"edgecolor": "#e3e3e3", "linewidth": 0.4}
_CHANGED = {"edgecolor": style.INK, "linewidth": 1.0}
_MARKERS = ("o", "^", "v", "<", ">", "P", "X", "*", "d")


def draw_comparison(
    comparisons: pd.DataFrame, rows: list, left_out: int, trial: Trial, reference: str, stem: Path, label: str | None
) -> list[Path]:
    """Draw some comparisons in every analysis and write ``stem``.pdf and ``stem``.png.

    ``comparisons`` are those of :func:`d_q_trial.compare.compare_tests`; ``rows`` (outcome, visit and place of those to
    draw) and ``left_out`` are the result of :func:`d_q_trial.compare.rows_to_draw`. ``reference`` is the analysis with
    which the others are compared, and ``label`` the label of data that must be marked.
    """
    analyses = list(dict.fromkeys([reference, *comparisons["analysis"]]))
    by_key = comparisons.set_index([*KEYS, "analysis"])
    cells = {cell.Index: cell for cell in by_key.itertuples()}
    looks = {"treated": _CELL | {"facecolor": FAVOURS_TREATED}, "control": _CELL | {"facecolor": FAVOURS_CONTROL}}
    looks["changed"] = _CHANGED
    legend = [(render_text("comparison", part, arms=trial.arms), look) for part, look in looks.items()]
    notes = render_text("comparison", "notes", left_out=left_out).splitlines()
    with style.journal_style():
        outcome_widths = [style.text_width(trial.outcomes[key].label, style.BODY, "bold") + 2 for key, *_ in rows]
        visits_left = 2 + max([OUTCOMES, *outcome_widths])
        places_left = visits_left + max([VISITS, *(style.text_width(trial.visits[v].label) + 2 for _, v, _ in rows)])
        cells_left = places_left + PLACES
        headings = [name.replace("_", " ") for name in analyses]
        lengths = [style.text_width(heading, style.BODY, "bold") for heading in headings]
        centres = [cells_left + COLUMN * (column + 0.5) for column in range(len(analyses))]
        rise, reach = math.sin(math.radians(SLANT)), math.cos(math.radians(SLANT))
        heading_ends = [x + reach * length + 3 for x, length in zip(centres, lengths, strict=True)]
        legend_end = 12 + max(style.text_width(text) for text, _ in legend)
        effects_left = max(cells_left + COLUMN * len(analyses) + 6, *heading_ends, legend_end)
        header = max(HEADER, 6 + rise * max(lengths), ENTRY * len(analyses))
        width, bottom = max(style.WIDTH_MM, effects_left + EFFECTS + 2), header + ROW * len(rows)
        page = style.Page(width, bottom + 13 + 3.2 * len(notes), label)
        canvas = page.canvas()
        for x, name, heading in zip(centres, analyses, headings, strict=True):
            look = {"rotation": SLANT, "rotation_mode": "anchor", "weight": "bold" if name == reference else "normal"}
            page.text(x, header - 2, heading, va="bottom", size=style.BODY, **look)
        for index, (outcome, visit, place) in enumerate(rows):
            top, middle = header + ROW * index, header + ROW * (index + 0.5)
            if not index or outcome != rows[index - 1][0]:
                page.text(2, middle, trial.outcomes[outcome].label, weight="bold", size=style.BODY)
                canvas.plot([2, cells_left - 1], [top, top], color=style.GRID, linewidth=0.4)
            page.text(visits_left, middle, trial.visits[visit].label)
            page.text(places_left, middle, "all" if place == ALL_PARTICIPANTS else place)
            for column, name in enumerate(analyses):
                _draw_cell(canvas, cells_left + COLUMN * column, top, cells.get((outcome, visit, place, name)))
        effects = by_key["mann_whitney_effect"].unstack("analysis").loc[rows, analyses]
        draw_effects(page.axes(effects_left, header, width - effects_left - 4, bottom - header), effects, trial)
        for index, (text, look) in enumerate(legend):
            style.draw_box(canvas, 2, bottom + 3 + 3.2 * index, 4, 2.4, **look)
            page.text(7.5, bottom + 4.2 + 3.2 * index, text)
        for index, note in enumerate(notes):
            page.text(2, bottom + 13.8 + 3.2 * index, note, color=style.QUIET)
        return page.save(stem, title="Analyses compared")


def _draw_cell(canvas: Axes, left: float, top: float, cell: Any) -> None:
    """Draw one P-value: shaded by the arm with higher changes or means if significant, framed if the conclusion changes."""
    compared = cell is not None and cell.conclusion != NOT_MADE
    significant, colour = compared and cell.significant == "yes", "white"
    if significant:
        higher = cell.mann_whitney_effect > 0.5 if math.isnan(cell.mean_difference) else cell.mean_difference > 0
        colour = FAVOURS_TREATED if higher else FAVOURS_CONTROL
    style.draw_box(canvas, left, top, COLUMN, ROW, facecolor=colour, **_CELL)
    if compared and cell.conclusion in CHANGED:
        frame = _CHANGED | {"facecolor": "none", "gid": "flip"}
        style.draw_box(canvas, left + 0.35, top + 0.35, COLUMN - 0.7, ROW - 0.7, **frame)
    font = {"weight": "bold" if significant else "normal", "size": style.SMALL, "ha": "center", "va": "center_baseline"}
    canvas.text(left + COLUMN / 2, top + ROW / 2, format_p_digits(cell.p) if compared else "–", gid="p", **font)


def draw_effects(ax: Axes, effects: pd.DataFrame, trial: Trial) -> None:
    """Draw the Mann-Whitney effects: a line per comparison and a marker per analysis, the reference in full colour.

    ``effects`` has a row per comparison and a column per analysis, the reference first; NaN is a missing comparison.
    """
    rows = range(len(effects))
    ax.hlines(rows, effects.min(axis=1), effects.max(axis=1), color=style.GRID, linewidth=0.6, zorder=1)
    fills = ("white", style.QUIET, style.INK)
    looks = itertools.cycle(style.Look(fill, style.QUIET, marker) for fill in fills for marker in _MARKERS)
    for look, (name, values) in zip(itertools.chain([style.TREATED], looks), effects.items(), strict=False):
        text = style.truncate(name.replace("_", " "), EFFECTS - 8)
        ax.plot(values, rows, label=text, zorder=3 if look is style.TREATED else 2, **look.points(3.4, 0.6))
    ax.axvline(0.5, color=style.QUIET, linewidth=0.6, linestyle=(0, (4, 2)), zorder=0)
    ax.set(xlim=(0, 1), ylim=(len(effects) - 0.5, -0.5), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    treated, control = trial.arms.treated.label, trial.arms.control.label
    ax.set_xlabel(style.wrap_text(f"Chance that a change in {treated} exceeds one in {control}", EFFECTS, style.BODY))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=style.SMALL, labelspacing=0.25)
