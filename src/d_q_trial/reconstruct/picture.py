"""Spread of P over synthetic cohorts, a line for each comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..figures import style
from ..files import atomic
from .page import where
from .spread import RANK_SUM

if TYPE_CHECKING:
    import pandas as pd

    from ..trial import Trial

LEFT, WIDTH, ROW = 62.0, 112.0, 3.4  # millimetres: names, axis, height of a line
FLOOR = 0.002  # smallest P drawn


def draw_spread(summary: pd.DataFrame, trial: Trial, path: Path | str, *, alpha: float, label: str) -> None:
    """Draw P of the contrasts as a PNG; ``summary`` as :func:`.spread.summarise` gives it."""
    rows = summary[summary["quantity"].eq("p") & summary["analysis"].eq(RANK_SUM)]
    with style.settings():
        page = style.Page(LEFT + WIDTH + 8, 4 + ROW * len(rows) + 12, label)
        ax = page.axes(LEFT, 4, WIDTH, ROW * len(rows))
        draw_lines(ax, rows, trial, alpha)
        with atomic(path) as temporary:
            page.figure.savefig(temporary, format="png", dpi=160, metadata={"Software": None, "Description": label})


def draw_lines(ax, rows: pd.DataFrame, trial: Trial, alpha: float):
    """Draw a line for each row of the summary; return the axes."""
    names = []
    for place, row in enumerate(rows.itertuples()):
        names.append(", ".join(where(row, trial)))
        if row.printed[:1].isdigit():
            ax.plot(float(row.printed), place, "D", markersize=3.2, color=style.TREATED.face)
            continue
        ax.plot([max(row.minimum, FLOOR), row.maximum], [place, place], color=style.CONTROL.edge, linewidth=0.6)
        ax.plot([max(row.p05, FLOOR), row.p95], [place, place], color=style.CONTROL.face, linewidth=2.6)
        ax.plot(row.median, place, "o", markersize=2.6, color=style.CONTROL.edge)
    ax.axvline(alpha, color=style.QUIET, linewidth=0.7, linestyle=(0, (4, 2)), zorder=0)
    ax.set_xscale("log")
    ax.set_xlim(FLOOR, 1.05)
    ax.set_xticks([0.005, 0.01, 0.05, 0.1, 0.5, 1], labels=["0.005", "0.01", "0.05", "0.1", "0.5", "1"])
    ax.minorticks_off()
    ax.set_xlabel("P, two-sided rank-sum test")
    ax.set_yticks(range(len(names)), labels=names, fontsize=style.SMALL)
    ax.set_ylim(len(names) - 0.4, -0.6)
    return ax
