"""Draw time courses on axes that are handed in; no statistic is computed here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import formatting
from . import style
from .draw import name_y, zero_line
from .scale import time_positions, view

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Course:
    """Medians and quartiles of one group at several visits, each of shape (visits,); n may be unknown."""

    name: str
    look: style.Look
    n: tuple[int | None, ...]
    medians: tuple[float, ...]
    q1: tuple[float, ...]
    q3: tuple[float, ...]


def courses(
    ax: Axes,
    members: Sequence[Course],
    times: Sequence[float],
    p: Sequence[float],
    *,
    ylabel: str,
    xlabel: str,
    time_labels: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw medians and quartiles of several groups over the visits, with P above and n below each visit.

    Parameters
    ----------
    ax : matplotlib Axes
    members : sequence of Course
    times : sequence of float, shape (visits,)
        Long gaps are shortened and the axis is shown as broken there.
    p : sequence of float, shape (visits,)
        NaN at the baseline, where nothing is compared.
    time_labels : sequence of str
        Instead of the times themselves.
    """
    positions, broken = time_positions(times)
    quartiles = [q for course in members for q in (*course.q1, *course.q3)]
    ax.set_ylim(*view(quartiles, quartiles, limits=limits, include=(0.0,)))
    ax.set_xlim(-0.45, positions[-1] + 0.45)
    zero_line(ax)
    dodge = 0.07
    for index, course in enumerate(members):
        shift = dodge * (2 * index - (len(members) - 1))
        known = [k for k, median in enumerate(course.medians) if math.isfinite(median)]
        ax.errorbar(
            [positions[k] + shift for k in known],
            [course.medians[k] for k in known],
            yerr=[
                [course.medians[k] - course.q1[k] for k in known],
                [course.q3[k] - course.medians[k] for k in known],
            ],
            color=course.look.edge,
            linewidth=1.1,
            elinewidth=0.9,
            capsize=2.0,
            capthick=0.9,
            marker=course.look.marker,
            markersize=4.0,
            markerfacecolor=course.look.face,
            markeredgecolor=course.look.edge,
            markeredgewidth=0.6,
            label=course.name,
            zorder=3 - 0.1 * index,
        )
    for position, value in zip(positions, p, strict=True):
        if not math.isnan(value):
            ax.text(
                position, 1.01, formatting.p_value(value), transform=ax.get_xaxis_transform(), ha="center", va="bottom"
            )
    ax.set_xticks(positions, list(time_labels) or [f"{time:g}" for time in times])
    name_y(ax, ylabel)
    for index in broken:
        _axis_break(ax, (positions[index - 1] + positions[index]) / 2)
    _rows_below(ax, members, positions, xlabel)
    return ax


def _axis_break(ax: Axes, position: float) -> None:
    """Two strokes through the axis where time is cut."""
    ax.plot(
        position, 0, transform=ax.get_xaxis_transform(), marker="s", markersize=3, color="white", clip_on=False,
        zorder=9, label="gap",
    )  # fmt: skip
    ax.text(position, 0, "//", transform=ax.get_xaxis_transform(), ha="center", va="center", size=style.BODY, zorder=10)


def _rows_below(ax: Axes, members: Sequence[Course], positions: Sequence[float], xlabel: str) -> None:
    """Name the row of tick labels, and add a row of n per group, each number below its visit."""
    rows = [(xlabel, style.INK, ())] + [(f"n, {c.name}", c.look.edge, c.n) for c in members]
    for row, (name, colour, counts) in enumerate(rows):
        look = {
            "xycoords": ax.get_xaxis_transform(),
            "textcoords": "offset points",
            "va": "center",
            "size": style.SMALL,
            "color": colour,
            "annotation_clip": False,
        }
        offset = -(7.4 + 8.0 * row)
        ax.annotate(name, (ax.get_xlim()[0], 0), xytext=(-2, offset), ha="right", **look)
        for position, n in zip(positions, counts, strict=False):
            ax.annotate("–" if n is None else str(n), (position, 0), xytext=(0, offset), ha="center", **look)
