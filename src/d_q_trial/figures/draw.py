"""Draw groups of points and correlations on axes that are handed in; no statistic is computed here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import formatting
from . import style
from .scale import side_steps, view

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINT = 3.0  # diameter of a participant's marker, in points of type
_HALF_GROUP = 0.30  # sideways room of the points, in units of the distance between groups
_POINTS_AT, _SUMMARY_AT = -5.0, 7.0  # points of type: from the group's place to its points, from these to their summary
BEYOND = "beyond "  # begins the label of what stands for values outside the axis
_BRACKET = 1.035  # height of the bracket that carries P, in parts of the axes' height
_LEVEL = 13.0  # points of type from a bracket to the one above it
LINES_PER_LEVEL = 2  # room for that, in lines above the axes


@dataclass(frozen=True)
class Group:
    """Points of one group with their finished summary.

    Attributes
    ----------
    name : str
        Under the axis.
    look : style.Look
    position : float
        Along the axis; neighbours stand one unit apart.
    values : tuple of float
        One per participant.
    n : int
    median, q1, q3 : float
        As computed elsewhere; NaN draws nothing.
    """

    name: str
    look: style.Look
    position: float
    values: tuple[float, ...]
    n: int
    median: float
    q1: float
    q3: float


@dataclass(frozen=True)
class Comparison:
    """A P-value and the groups (by position) between which it stands; ``over`` names what they share."""

    first: float
    second: float
    p: float
    over: str = ""


@dataclass(frozen=True)
class Shift:
    """A difference of two groups with its interval, drawn from the median of the first; ``name`` says of which."""

    base: float
    estimate: float
    low: float
    high: float
    name: str


def groups(
    ax: Axes,
    members: Sequence[Group],
    comparisons: Sequence[Comparison] = (),
    *,
    ylabel: str,
    unit: str = "",
    zero: bool = False,
    limits: tuple[float, float] | None = None,
    names: bool = True,
    shift: Shift | None = None,
) -> Axes:
    """Draw every participant as a point, with median, quartiles, n and P.

    Parameters
    ----------
    ax : matplotlib Axes
    members, comparisons
        What to draw.
    ylabel : str
        With the unit.
    unit : str
        Follows the value of a point that lies outside the axis.
    zero : bool
        Draw the dashed line of no change.
    limits : (float, float), optional
        Range of the axis, instead of the one chosen from the data.
    names : bool
        Write the names of the groups under the axis, above n.
    shift : Shift, optional
        Difference of the two groups, drawn at the right with an axis of its own (an estimation plot).
    """
    low, high = view(
        (v for g in members for v in g.values),
        (q for g in members for q in (g.q1, g.q3)),
        limits=limits,
        include=(0.0,) if zero else (),
    )
    places = [g.position for g in members]
    room = 0.07 * (high - low)  # for the triangles of values outside
    ax.set_xlim(min(places) - 0.6, max(places) + 0.6)
    ax.set_ylim(
        low - room * any(v < low for g in members for v in g.values),
        high + room * any(v > high for g in members for v in g.values),
    )
    if zero:
        zero_line(ax)
    for group in members:
        _points(ax, group)
        _beyond(ax, group, unit)
    ax.set_xticks(places, [f"{g.name}\nn = {g.n}" if names else f"n = {g.n}" for g in members])
    ax.tick_params(axis="x", length=0)
    name_y(ax, ylabel)
    for comparison, level in zip(comparisons, levels(comparisons), strict=True):
        _bracket(ax, comparison, level)
    if shift is not None and math.isfinite(shift.estimate):
        _shift(ax, shift, max(places) + 1)
    return ax


def _shift(ax: Axes, shift: Shift, place: float) -> None:
    """Draw a difference beside the points, at the height that it has above the median of the first group."""
    ax.set_xlim(ax.get_xlim()[0], place + 0.6)
    low, high = (value if math.isfinite(value) else shift.estimate for value in (shift.low, shift.high))
    bottom, top = ax.get_ylim()
    ax.set_ylim(min(bottom, shift.base + low), max(top, shift.base + high))
    ax.plot((place, place), (shift.base + low, shift.base + high), color=style.INK, linewidth=1.0, label="interval")
    ax.plot(place, shift.base + shift.estimate, marker="D", markersize=3.6, color=style.INK, label="difference")
    ax.plot((0, place + 0.6), (shift.base, shift.base), color=style.GRID, linewidth=0.6, zorder=0.6, label="base")
    axis = ax.secondary_yaxis("right", functions=(lambda y: y - shift.base, lambda y: y + shift.base))
    axis.set_ylabel(shift.name, labelpad=3.0)
    axis.spines["right"].set_visible(True)
    ax.set_xticks([*ax.get_xticks(), place], [*(label.get_text() for label in ax.get_xticklabels()), "difference"])


def name_y(ax: Axes, label: str) -> None:
    """Write the label of the vertical axis at a fixed distance, so that panels line up, and group large numbers."""
    largest = max(map(abs, ax.get_ylim()))
    if largest >= 1e6:
        ax.yaxis.set_major_formatter(lambda value, _: f"{value / 1e6:g}×10⁶" if value else "0")
    elif largest >= 1000:
        ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.set_ylabel(label, va="center")
    low, high = ax.get_ylim()
    ticks = [tick for tick in ax.get_yticks() if low <= tick <= high]
    letters = max(map(len, ax.yaxis.get_major_formatter().format_ticks(ticks)), default=0)
    minus = 1.8 * (letters > 5 and low < 0)  # which is wider than a digit
    distance = min(max(28.0, 10.3 + 3.5 * letters + minus), 36.6)  # points of type, within the margin of the page
    ax.yaxis.set_label_coords(-distance / (ax.bbox.width * 72.0 / ax.figure.dpi), 0.5)


def zero_line(ax: Axes) -> Axes:
    """Draw the dashed line of no change."""
    ax.axhline(0.0, color=style.GRID, linewidth=0.7, dashes=(4, 3), zorder=0.5, label="zero")
    return ax


def _points_per_unit(ax: Axes) -> tuple[float, float]:
    """Size of one data unit along x and y, in points of type."""
    scale = 72.0 / ax.figure.dpi
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    return ax.bbox.width * scale / (right - left), ax.bbox.height * scale / (high - low)


def _points(ax: Axes, group: Group) -> None:
    """Every value in view as a point; median and quartiles beside them, so that none is hidden."""
    low, high = ax.get_ylim()
    seen = [v for v in group.values if low <= v <= high]
    x_points, y_points = _points_per_unit(ax)
    steps = side_steps([v * y_points for v in seen], _POINT, _HALF_GROUP * x_points)
    middle = group.position + _POINTS_AT / x_points
    ax.plot(
        [middle + step / x_points for step in steps],
        seen,
        linestyle="none",
        marker=group.look.marker,
        markersize=_POINT,
        markerfacecolor=group.look.face,
        markeredgecolor=group.look.edge,
        markeredgewidth=0.4,
        label=group.name,
        zorder=2,
    )
    if math.isfinite(group.median):
        _summary(ax, group, middle + (max(steps, default=0.0) + _SUMMARY_AT) / x_points, 1 / x_points)


def _summary(ax: Axes, group: Group, x: float, unit: float) -> None:
    """Median as a wide line, quartiles as a bar with short ends; ``unit`` is one point of type."""
    cap, wide = 1.6 * unit, 3.6 * unit
    path = [(x - cap, group.q1), (x + cap, group.q1), (x, group.q1), (x, group.q3), (x - cap, group.q3)]
    path.append((x + cap, group.q3))
    ax.plot(*zip(*path, strict=True), color=style.INK, linewidth=0.8, zorder=3, label="quartiles")
    ax.plot(
        (x - wide, x + wide),
        (group.median,) * 2,
        color=style.INK,
        linewidth=1.8,
        solid_capstyle="butt",
        zorder=3,
        label="median",
    )


def _beyond(ax: Axes, group: Group, unit: str) -> None:
    """Mark values outside the axis by triangles at its edge, with the value."""
    low, high = ax.get_ylim()
    x_points, _ = _points_per_unit(ax)
    for values, marker, height in (
        (sorted((v for v in group.values if v > high), reverse=True), "^", 0.972),
        (sorted(v for v in group.values if v < low), "v", 0.028),
    ):
        if not values:
            continue
        gap = (1.3 if len(values) < 3 else 0.8) * _POINT / x_points
        places = [group.position + _POINTS_AT / x_points + gap * index for index in range(len(values))]
        ax.plot(
            places,
            [height] * len(values),
            transform=ax.get_xaxis_transform(),
            linestyle="none",
            marker=marker,
            markersize=_POINT + 1,
            markerfacecolor=group.look.face,
            markeredgecolor=group.look.edge,
            markeredgewidth=0.4,
            clip_on=False,
            zorder=4,
            label=f"{BEYOND}{group.name}",
        )
        text = outside_text(values, unit)
        inwards = 2.8 * text.count("\n") * (-1 if marker == "^" else 1)  # keeps a second line off the bracket of P
        ax.annotate(
            text,
            (places[-1], height),
            xycoords=ax.get_xaxis_transform(),
            xytext=(3.5, inwards),
            textcoords="offset points",
            va="center",
            size=style.SMALL - 1,
            zorder=4,
        )


def outside_text(values: Sequence[float], unit: str) -> str:
    """Print the values outside the axis: up to two of them, else the farthest and how many there are."""
    unit = unit if unit in ("", "%") else f" {unit}"
    if len(values) > 2:
        return f"{len(values)} values\nto {_value_text(values[0])}{unit}"
    return "\n".join(f"{_value_text(v)}{unit}" for v in values)


def _value_text(value: float) -> str:
    return formatting.grouped(value, 0 if abs(value) >= 100 else 1)


def levels(comparisons: Sequence[Comparison]) -> list[int]:
    """Level of each bracket, 0 for the lowest; brackets over the same groups stand above each other, short ones below."""
    level = [0] * len(comparisons)
    placed: list[int] = []
    for index in sorted(range(len(comparisons)), key=lambda i: comparisons[i].second - comparisons[i].first):
        one = comparisons[index]
        under = [i for i in placed if comparisons[i].first < one.second and one.first < comparisons[i].second]
        level[index] = 1 + max((level[i] for i in under), default=-1)
        placed.append(index)
    return level


def _bracket(ax: Axes, comparison: Comparison, level: int) -> None:
    transform = ax.get_xaxis_transform()
    first, second = comparison.first, comparison.second
    height = _BRACKET + level * _LEVEL / (ax.bbox.height * 72.0 / ax.figure.dpi)
    ax.plot(
        (first, first, second, second),
        (height - 0.02, height, height, height - 0.02),
        transform=transform,
        color=style.INK,
        linewidth=0.6,
        clip_on=False,
        label="bracket",
    )
    lines = [formatting.p_value(comparison.p)]
    if comparison.over:
        lines.insert(0, comparison.over)
    ax.text((first + second) / 2, height + 0.015, "\n".join(lines), transform=transform, ha="center", va="bottom")


def correlation(
    ax: Axes,
    x: Sequence[float],
    y: Sequence[float],
    *,
    r: float,
    p: float,
    n: int,
    xlabel: str,
    ylabel: str,
    look: style.Look = style.NEUTRAL,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw one variable against another, with Spearman's r, its P and n above."""
    ax.plot(
        x,
        y,
        linestyle="none",
        marker=look.marker,
        markersize=_POINT,
        markerfacecolor=look.face,
        markeredgecolor=look.edge,
        markeredgewidth=0.4,
        label="participants",
    )
    if limits is not None:
        ax.set_ylim(*limits)
    ax.margins(0.04)
    ax.set_xlabel(xlabel)
    name_y(ax, ylabel)
    numbers = f"Spearman r = {formatting.number(r, 2)}, {formatting.p_value(p)}, n = {n}"
    ax.text(0.0, 1.01, numbers, transform=ax.transAxes, ha="left", va="bottom")
    return ax


def message(ax: Axes, text: str) -> Axes:
    """Say in an empty frame why a panel shows nothing."""
    ax.set_xticks([])
    ax.set_yticks([])
    for side in ("top", "right", "bottom", "left"):
        ax.spines[side].set_visible(True)
        ax.spines[side].set_color(style.GRID)
        ax.spines[side].set_linestyle((0, (3, 3)))
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=style.QUIET, size=style.BODY)
    return ax
