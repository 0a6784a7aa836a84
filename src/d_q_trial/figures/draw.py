"""Draw groups of points, time courses and correlations on axes that are handed in; no statistic is computed here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import formatting
from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A value farther from all quartiles than so many times their span stands outside the axis, as a marked triangle,
# unless the axis need be no more than so much longer to hold it.
REACH, STRETCH = 5.0, 0.5
_PADDING = 0.06  # of an axis
_POINT = 3.0  # diameter of a participant's marker, in points of type
_HALF_GROUP = 0.30  # sideways room of the points, in units of the distance between groups
_POINTS_AT, _SUMMARY_AT = -5.0, 7.0  # points of type: from the group's place to its points, from these to their summary
BEYOND = "beyond "  # begins the label of what stands for values outside the axis
_BRACKET = 1.035  # height of the bracket that carries P, in parts of the axes' height
_LEVEL = 13.0  # points of type from a bracket to the one above it
LINES_PER_LEVEL = 2  # room for that, in lines above the axes
_DODGE = 0.07  # between the courses of two arms, in units of the shortest time between visits


@dataclass(frozen=True)
class Group:
    """Points of one group, one per participant, with their finished summary, of which NaN draws nothing.

    ``position`` lies along the axis; neighbours are one unit apart.
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


@dataclass(frozen=True)
class Course:
    """Medians and quartiles of one group at several visits, each of shape (visits,); n may be unknown."""

    name: str
    look: style.Look
    n: tuple[int | None, ...]
    medians: tuple[float, ...]
    q1: tuple[float, ...]
    q3: tuple[float, ...]


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
) -> None:
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
    values = [value for group in members for value in group.values]
    low, high = view(values, (q for g in members for q in (g.q1, g.q3)), limits=limits, include=(0.0,) if zero else ())
    places = [group.position for group in members]
    room = 0.07 * (high - low)  # for the triangles of values outside
    ax.set_xlim(min(places) - 0.6, max(places) + 0.6)
    ax.set_ylim(low - room * any(v < low for v in values), high + room * any(v > high for v in values))
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


def view(
    values: Iterable[float],
    quartiles: Iterable[float] = (),
    *,
    limits: tuple[float, float] | None = None,
    include: Iterable[float] = (),
) -> tuple[float, float]:
    """Choose the range of an axis, a little beyond the values in view.

    Parameters
    ----------
    values : iterable of float
        What is to be drawn.
    quartiles : iterable of float
        The quartiles of all groups, as computed; values far beyond ``REACH`` times their span do not widen the axis.
    limits : (float, float), optional
        A range that overrules the choice.
    include : iterable of float
        Values that must be in view, such as zero.
    """
    if limits is not None:
        return limits
    quartiles = [q for q in quartiles if math.isfinite(q)]
    values = [v for v in values if math.isfinite(v)]
    kept = [*values, *quartiles, *include]
    if quartiles and max(quartiles) > min(quartiles):
        reach = REACH * (max(quartiles) - min(quartiles))
        near = [v for v in values if min(quartiles) - reach <= v <= max(quartiles) + reach]
        near += [*quartiles, *include]
        room = STRETCH * (max(near) - min(near))
        kept = [v for v in kept if min(near) - room <= v <= max(near) + room]
    if not kept:
        return 0.0, 1.0
    low, high = min(kept), max(kept)
    padding = _PADDING * (high - low) or max(abs(high), 1.0) * _PADDING
    return low - padding, high + padding


def side_steps(heights: Sequence[float], diameter: float, half_width: float) -> list[float]:
    """Move points sideways until none hides another, in the order of their heights.

    Parameters
    ----------
    heights : sequence of float, shape (n,)
        Place along the axis, in points of type (1/72 inch).
    diameter : float
        Size of a marker, in the same unit.
    half_width : float
        How far a point may move; in a crowd wider than that, points overlap.

    Returns
    -------
    list of float, shape (n,)
        Sideways offsets in the order given, symmetric and the same at every run.
    """
    steps = [0.0] * len(heights)
    placed: list[tuple[float, float]] = []
    lanes = [0.0]
    for lane in range(1, int(half_width / (diameter / 2)) + 1):
        lanes += [lane * diameter / 2, -lane * diameter / 2]
    for index in sorted(range(len(heights)), key=lambda i: (heights[i], i)):
        near = [(h, s) for h, s in placed[-4 * len(lanes) :] if heights[index] - h < diameter]
        # Mirror the search at every second point, so that a crowd does not lean to one side.
        sign = 1 if index % 2 else -1
        free = (
            sign * lane
            for lane in lanes
            if all((sign * lane - s) ** 2 + (heights[index] - h) ** 2 >= (0.98 * diameter) ** 2 for h, s in near)
        )
        steps[index] = next(free, sign * lanes[len(placed) % len(lanes)])
        placed.append((heights[index], steps[index]))
    return steps


def zero_line(ax: Axes) -> None:
    """Draw the dashed line of no change."""
    ax.axhline(0.0, label="zero", **style.DASHED)


def name_y(ax: Axes, label: str) -> None:
    """Write the label of the vertical axis at a fixed distance, so that panels line up, and group large numbers."""
    low, high = ax.get_ylim()
    largest = max(abs(low), abs(high))
    if largest >= 1e6:
        ax.yaxis.set_major_formatter(lambda value, _: f"{value / 1e6:g}×10⁶" if value else "0")
    elif largest >= 1000:
        ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.set_ylabel(label, va="center")
    ticks = [tick for tick in ax.get_yticks() if low <= tick <= high]
    letters = max(map(len, ax.yaxis.get_major_formatter().format_ticks(ticks)), default=0)
    minus = 1.8 * (letters > 5 and low < 0)  # which is wider than a digit
    distance = min(max(28.0, 10.3 + 3.5 * letters + minus), 36.6)  # points of type, within the margin of the page
    ax.yaxis.set_label_coords(-distance / _size(ax)[0], 0.5)


def _size(ax: Axes) -> tuple[float, float]:
    """Return width and height of the axes in points of type."""
    scale = 72.0 / ax.figure.dpi
    return ax.bbox.width * scale, ax.bbox.height * scale


def _points_per_unit(ax: Axes) -> tuple[float, float]:
    """Return the size of one data unit along x and y, in points of type."""
    (width, height), (left, right), (low, high) = _size(ax), ax.get_xlim(), ax.get_ylim()
    return width / (right - left), height / (high - low)


def _points(ax: Axes, group: Group) -> None:
    """Draw every value in view as a point; median and quartiles beside them, so that none is hidden."""
    low, high = ax.get_ylim()
    seen = [v for v in group.values if low <= v <= high]
    x_points, y_points = _points_per_unit(ax)
    steps = side_steps([v * y_points for v in seen], _POINT, _HALF_GROUP * x_points)
    middle = group.position + _POINTS_AT / x_points
    ax.plot([middle + step / x_points for step in steps], seen, label=group.name, zorder=2, **group.look.points(_POINT))
    if math.isfinite(group.median):
        _summary(ax, group, middle + (max(steps, default=0.0) + _SUMMARY_AT) / x_points, 1 / x_points)


def _summary(ax: Axes, group: Group, x: float, unit: float) -> None:
    """Draw the median as a wide line, quartiles as a bar with short ends; ``unit`` is one point of type."""
    cap, wide = 1.6 * unit, 3.6 * unit
    across, along = (x - cap, x + cap, x, x, x - cap, x + cap), (group.q1,) * 3 + (group.q3,) * 3
    ax.plot(across, along, color=style.INK, linewidth=0.8, zorder=3, label="quartiles")
    line = {"color": style.INK, "linewidth": 1.8, "solid_capstyle": "butt", "zorder": 3}
    ax.plot((x - wide, x + wide), (group.median,) * 2, label="median", **line)


def _beyond(ax: Axes, group: Group, unit: str) -> None:
    """Mark values outside the axis by triangles at its edge, with the value."""
    low, high = ax.get_ylim()
    x_points, _ = _points_per_unit(ax)
    frame = ax.get_xaxis_transform()
    above = sorted((v for v in group.values if v > high), reverse=True)
    for values, marker, height in ((above, "^", 0.972), (sorted(v for v in group.values if v < low), "v", 0.028)):
        if not values:
            continue
        gap = (1.3 if len(values) < 3 else 0.8) * _POINT / x_points
        places = [group.position + _POINTS_AT / x_points + gap * index for index in range(len(values))]
        look = group.look.points(_POINT + 1) | {"marker": marker, "clip_on": False, "zorder": 4}
        ax.plot(places, [height] * len(values), transform=frame, label=f"{BEYOND}{group.name}", **look)
        text = outside_text(values, unit)
        inwards = 2.8 * text.count("\n") * (-1 if marker == "^" else 1)  # keeps a second line off the bracket of P
        ax.annotate(
            text, (places[-1], height), xycoords=frame, xytext=(3.5, inwards), textcoords="offset points",
            va="center", size=style.SMALL - 1, zorder=4,
        )  # fmt: skip


def outside_text(values: Sequence[float], unit: str) -> str:
    """Print the values outside the axis: up to two of them, else the farthest and how many there are."""
    texts = [f"{formatting.grouped(v, 0 if abs(v) >= 100 else 1)}{after_number(unit)}" for v in values]
    return f"{len(values)} values\nto {texts[0]}" if len(values) > 2 else "\n".join(texts)


def after_number(unit: str) -> str:
    """Return a unit as it follows a number."""
    return unit if unit in ("", "%") else f" {unit}"


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
    first, second = comparison.first, comparison.second
    height = _BRACKET + level * _LEVEL / _size(ax)[1]
    look = {"color": style.INK, "linewidth": 0.6, "clip_on": False, "label": "bracket"}
    frame = ax.get_xaxis_transform()
    ax.plot((first, first, second, second), (height - 0.02, height, height, height - 0.02), transform=frame, **look)
    lines = [comparison.over] * bool(comparison.over) + [formatting.p_value(comparison.p)]
    look = {"transform": frame, "ha": "center", "va": "bottom"}
    style.italic_p(ax.text((first + second) / 2, height + 0.015, "\n".join(lines), **look), comparison.over)


def _shift(ax: Axes, shift: Shift, place: float) -> None:
    """Draw a difference beside the points, at the height that it has above the median of the first group."""
    ax.set_xlim(ax.get_xlim()[0], place + 0.6)
    low, high = (shift.base + (end if math.isfinite(end) else shift.estimate) for end in (shift.low, shift.high))
    bottom, top = ax.get_ylim()
    ax.set_ylim(min(bottom, low), max(top, high))
    ax.plot((place, place), (low, high), color=style.INK, linewidth=1.0, label="interval")
    ax.plot(place, shift.base + shift.estimate, marker="D", markersize=3.6, color=style.INK, label="difference")
    ax.plot((0, place + 0.6), (shift.base, shift.base), color=style.GRID, linewidth=0.6, zorder=0.6, label="base")
    axis = ax.secondary_yaxis("right", functions=(lambda y: y - shift.base, lambda y: y + shift.base))
    axis.set_ylabel(shift.name, labelpad=3.0)
    axis.spines["right"].set_visible(True)
    ax.set_xticks([*ax.get_xticks(), place], [*(label.get_text() for label in ax.get_xticklabels()), "difference"])


def courses(
    ax: Axes,
    members: Sequence[Course],
    times: Sequence[float],
    p: Sequence[float],
    *,
    ylabel: str,
    xlabel: str,
    time_labels: Sequence[str],
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw medians and quartiles of several groups over the visits, with P above and n below each visit.

    Parameters
    ----------
    ax : matplotlib Axes
    members : sequence of Course
    times : sequence of float, shape (visits,)
        Long gaps are shortened and the axis is shown as broken there.
    p : sequence of float, shape (visits,)
        NaN at the baseline, where nothing is compared.
    ylabel, xlabel : str
    time_labels : sequence of str, shape (visits,)
    limits : (float, float), optional
        Range of the axis, instead of the one chosen from the data.
    """
    positions, broken = time_positions(times)
    quartiles = [q for course in members for q in (*course.q1, *course.q3)]
    ax.set_ylim(*view(quartiles, quartiles, limits=limits, include=(0.0,)))
    ax.set_xlim(-0.45, positions[-1] + 0.45)
    zero_line(ax)
    for index, course in enumerate(members):
        dodge = _DODGE * (2 * index - (len(members) - 1))
        known = [k for k, median in enumerate(course.medians) if math.isfinite(median)]
        middle, q1, q3 = ([row[k] for k in known] for row in (course.medians, course.q1, course.q3))
        look = course.look.points(4.0, 0.6) | {"linestyle": "-", "color": course.look.edge, "linewidth": 1.1}
        ax.errorbar(
            [positions[k] + dodge for k in known],
            middle,
            yerr=[[m - low for m, low in zip(middle, q1, strict=True)], [h - m for m, h in zip(middle, q3, strict=True)]],
            elinewidth=0.9, capsize=2.0, capthick=0.9, label=course.name, zorder=3 - 0.1 * index, **look,
        )  # fmt: skip
    frame = ax.get_xaxis_transform()
    for position, value in zip(positions, p, strict=True):
        if not math.isnan(value):
            look = {"transform": frame, "ha": "center", "va": "bottom"}
            style.italic_p(ax.text(position, 1.01, formatting.p_value(value), **look))
    ax.set_xticks(positions, list(time_labels))
    name_y(ax, ylabel)
    for index in broken:  # two strokes through the axis where time is cut
        place = (positions[index - 1] + positions[index]) / 2
        ax.plot(place, 0, "s", transform=frame, markersize=3, color="white", clip_on=False, zorder=9, label="gap")
        ax.text(place, 0, "//", transform=frame, ha="center", va="center", size=style.BODY, zorder=10)
    _rows_below(ax, members, positions, xlabel)


def time_positions(times: Sequence[float]) -> tuple[list[float], list[int]]:
    """Place visits on an axis in proportion to time, but cut long gaps; ValueError unless they follow each other.

    Returns
    -------
    positions : list of float
        In units of the shortest gap; no gap is longer than two of them.
    broken : list of int
        Indices of the visits before which the axis is cut.
    """
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    if any(gap <= 0 for gap in gaps):
        raise ValueError(f"visits must follow each other in time, got {list(times)}")
    shortest = min(gaps, default=1.0)
    positions = itertools.accumulate((min(gap / shortest, 2.0) for gap in gaps), initial=0.0)
    return list(positions), [index for index, gap in enumerate(gaps, start=1) if gap > 2 * shortest]


def _rows_below(ax: Axes, members: Sequence[Course], positions: Sequence[float], xlabel: str) -> None:
    """Name the row of tick labels, and add a row of n per group, each number below its visit."""
    rows = [(xlabel, style.INK, ())] + [(f"n, {c.name}", c.look.edge, c.n) for c in members]
    for row, (name, colour, counts) in enumerate(rows):
        look = {
            "xycoords": ax.get_xaxis_transform(), "textcoords": "offset points", "va": "center", "size": style.SMALL,
            "color": colour, "annotation_clip": False,
        }  # fmt: skip
        offset = -(7.4 + 8.0 * row)
        ax.annotate(name, (ax.get_xlim()[0], 0), xytext=(-2, offset), ha="right", **look)
        for position, n in zip(positions, counts, strict=False):
            ax.annotate("–" if n is None else str(n), (position, 0), xytext=(0, offset), ha="center", **look)


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
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw one variable against another, with Spearman's r, its P and n above."""
    ax.plot(x, y, label="participants", **style.NEUTRAL.points(_POINT))
    if limits is not None:
        ax.set_ylim(*limits)
    ax.margins(0.04)
    ax.set_xlabel(xlabel)
    name_y(ax, ylabel)
    numbers = f"Spearman r = {formatting.number(r, 2)}, {formatting.p_value(p)}, n = {n}"
    style.italic_p(ax.text(0.0, 1.01, numbers, transform=ax.transAxes, ha="left", va="bottom"))


def message(ax: Axes, text: str) -> None:
    """Say in an empty frame why a panel shows nothing."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=style.GRID, linestyle=(0, (3, 3)))
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=style.QUIET, size=style.BODY)
