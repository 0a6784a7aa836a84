"""Figure that compares all analyses: a table of P-values that marks changed conclusions."""

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.patches import Rectangle

from ..compare import CHANGED, KEYS, NOT_MADE
from ..formatting import format_p_digits
from ..results_table import ALL_PARTICIPANTS
from ..trial import Trial
from . import style

ROW, COLUMN = 4.2, 13.0  # millimetres, of a cell
SLANT = 40.0  # of the names of analyses, in degrees
FILLS = ("white", style.CONTROL.tint, style.TREATED.tint)  # not significant, or by the arm with the higher changes
_FRAME = {"facecolor": "none", "edgecolor": style.INK, "linewidth": 1.0}  # of changed conclusions


def draw_comparison(
    comparisons: pd.DataFrame, rows: list, left_out: int, trial: Trial, reference: str, stem: Path, label: str | None
) -> list[Path]:
    """Draw some comparisons in every analysis and write ``stem``.pdf and ``stem``.png.

    ``comparisons`` are those of :func:`d_q_trial.compare.compare_tests`; ``rows`` (outcome, visit and place of those to
    draw) and ``left_out`` are the result of :func:`d_q_trial.compare.rows_to_draw`. ``reference`` is the analysis with
    which the others are compared, and ``label`` the label of data that must be marked.
    """
    analyses = list(dict.fromkeys([reference, *comparisons["analysis"]]))
    keys = pd.MultiIndex.from_tuples([(*row, name) for row in rows for name in analyses], names=[*KEYS, "analysis"])
    cells = comparisons.set_index(keys.names).reindex(keys)
    names = [(trial.outcomes[outcome].label, trial.visits[visit].label, place) for outcome, visit, place in rows]
    names = [", ".join(name).removesuffix(f", {ALL_PARTICIPANTS}") for name in names]
    headings = [name.replace("_", " ") for name in analyses]
    looks = {"treated": {"facecolor": FILLS[2]}, "control": {"facecolor": FILLS[1]}, "changed": _FRAME}
    texts = {key: style.render_text("comparison", key, arms=trial.arms) for key in looks}
    legend = [Rectangle((0, 0), 1, 1, label=texts[key], **look) for key, look in looks.items()]
    with style.journal_style():
        left, table_width = 4 + max(map(style.text_width, names)), COLUMN * len(analyses)
        length, angle = max(style.text_width(heading, weight="bold") for heading in headings), math.radians(SLANT)
        header, height = 6 + math.sin(angle) * length, ROW * len(rows)
        width = max(style.WIDTH_MM, left + table_width + math.cos(angle) * length)
        page = style.Page(width, header + height + 19, label)
        ax = page.axes(left, header, table_width, height)
        draw_cells(ax, cells, len(analyses))
        last_rows = [n for n, (row, below) in enumerate(pairwise(rows), start=1) if row[0] != below[0]]
        between_outcomes = len(rows) - np.array(last_rows)
        ax.hlines(between_outcomes, 0, len(analyses), color=style.QUIET, linewidth=0.6)
        ax.set_yticks(np.arange(len(rows))[::-1] + 0.5, names)
        ax.xaxis.tick_top()
        ax.set_xticks(np.arange(len(analyses)) + 0.5, headings, rotation=SLANT, ha="left", rotation_mode="anchor")
        ax.get_xticklabels()[0].set_weight("bold")
        position = {"loc": "upper left", "bbox_to_anchor": (0, 19 / page.height), "frameon": False}
        page.figure.legend(handles=legend, fontsize=style.SMALL, **position)
        notes = style.render_text("comparison", "notes", left_out=left_out)
        page.text(2, header + height + 15.5, notes, color=style.QUIET)
        return page.save(stem, title="Analyses compared")


def draw_cells(ax: Axes, cells: pd.DataFrame, columns: int) -> None:
    """Draw P-values, row by row: shaded by the arm with higher changes or means if significant, framed if changed.

    ``cells`` are rows of the comparison of analyses; NaN where an analysis has no such comparison.
    """
    made = cells["conclusion"].notna() & cells["conclusion"].ne(NOT_MADE)
    significant, changed = made & cells["significant"].eq("yes"), made & cells["conclusion"].isin(CHANGED)
    by_rank = cells["mann_whitney_effect"].gt(0.5)
    higher = cells["mean_difference"].gt(0).where(cells["mean_difference"].notna(), by_rank)
    shade = np.select([significant & higher, significant], [2, 1], 0).reshape(-1, columns)[::-1]  # from the bottom
    ax.pcolormesh(shade, cmap=ListedColormap(FILLS), vmin=0, vmax=2, edgecolors="#e3e3e3", linewidth=0.4)
    texts = [format_p_digits(p) if shown else "–" for p, shown in zip(cells["p"], made, strict=True)]
    for index, (text, bold, framed) in enumerate(zip(texts, significant, changed, strict=True)):
        x, y = index % columns, len(shade) - 1 - index // columns
        font = {"weight": "bold" if bold else "normal", "size": style.SMALL, "va": "center_baseline"}
        ax.text(x + 0.5, y + 0.5, text, gid="p", ha="center", **font)
        if framed:
            style.draw_box(ax, x + 0.03, y + 0.08, 0.94, 0.84, gid="flip", **_FRAME)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
