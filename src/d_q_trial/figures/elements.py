"""Elements of panels: points, summaries, brackets, time courses and axes. Nothing here computes a statistic."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.axis import Axis

from ..formatting import format_grouped, format_p
from . import style
from .study import Summary

Range = tuple[float, float]
Limits = Range | None
# A value farther from all quartiles than this multiple of their range is a triangle at the edge of the axis.
REACH = 5.0
_PADDING, _TRIANGLES = 0.06, 0.07  # shares of an axis
POINT = 3.0  # diameter of a participant's marker, in points of type
_HALF_GROUP = 0.30  # half the width available to the points, in units of the distance between groups
_POINTS_AT, _SUMMARY_AT = -5.0, 7.0  # points of type: of points from their group's position, of summary from points
BEYOND = "beyond "  # prefix of the labels of symbols for values outside the axis
_BRACKET = 1.035  # height of the bracket below P, as a share of the height of the axes
_LEVEL = 13.0  # points of type from a bracket to the one above it


@dataclass(frozen=True)
class Group:
    """Values of one group, a point per participant, with the finished summary; a NaN is not drawn."""

    name: str
    look: style.Look
    position: float  # along the axis; neighbours are one unit apart
    values: tuple[float, ...]
    summary: Summary

    @property
    def n(self) -> int:
        """Number of participants in the summary, 0 if it has none."""
        return 0 if math.isnan(self.summary.n) else int(self.summary.n)


def draw_groups(
    ax: Axes, groups: Sequence[Group], unit: str = "", limits: Limits = None, include: Iterable[float] = (), names=True
) -> None:
    """Draw every participant as a point, with median, quartiles and n of each group.

    ``unit`` follows the value of a point outside the axis, ``limits`` override the range chosen from the data and the
    values to ``include``, and ``names`` writes the names of the groups above n.
    """
    positions, values = [group.position for group in groups], [v for group in groups for v in group.values]
    quartiles = [quartile for group in groups for quartile in (group.summary.q1, group.summary.q3)]
    ax.set_xlim(min(positions) - 0.6, max(positions) + 0.6)
    ax.set_ylim(limits or axis_range(values, quartiles, include))
    for group in groups:
        _draw_points(ax, group)
        _mark_values_beyond(ax, group, unit)
    width = axis_length(ax, 1.0) - 1
    ax.set_xticks(positions, [f"{style.wrap_text(g.name, width)}\n" * names + f"n = {g.n}" for g in groups])
    ax.tick_params(axis="x", length=0)


def axis_range(values: Iterable[float], quartiles: Iterable[float], include: Iterable[float] = ()) -> Range:
    """Choose the range of an axis, slightly wider than the values in view.

    Values farther than ``REACH`` times the range of the ``quartiles`` (of all groups, as computed) do not extend it; the
    finite values to ``include``, such as zero, are always in view. There is room for the triangles of values out of view.
    """
    values, quartiles = list(filter(math.isfinite, values)), list(filter(math.isfinite, quartiles))
    first, third = min(quartiles, default=0.0), max(quartiles, default=0.0)
    reach = REACH * (third - first) or math.inf  # equal quartiles exclude no value
    near = [*(v for v in values if first - reach <= v <= third + reach), *quartiles, *filter(math.isfinite, include)]
    if not near:
        return 0.0, 1.0
    low, high = pad_range(near)
    room = _TRIANGLES * (high - low)
    return low - room * any(value < low for value in values), high + room * any(value > high for value in values)


def pad_range(values: Iterable[float]) -> Range:
    """Return the range of some values, slightly extended at both ends."""
    low, high = min(values := [*values]), max(values)
    padding = _PADDING * ((high - low) or max(abs(high), 1.0))
    return low - padding, high + padding


def beeswarm_offsets(heights: Sequence[float], diameter: float, half_width: float) -> list[float]:
    """Return horizontal offsets, shape (n,), that keep points at ``heights``, shape (n,), from hiding each other.

    Heights and offsets are in points of type. The offsets are symmetric and the same in every run. None exceeds
    ``half_width``, so the points of a wider crowd overlap.
    """
    offsets, placed = [0.0] * len(heights), []
    count = int(half_width / (diameter / 2))
    lanes = sorted((lane * diameter / 2 for lane in range(count, -count - 1, -1)), key=abs)
    for index, height in sorted(enumerate(heights), key=lambda item: item[1]):
        near = [(x, y) for x, y in placed if height - y < diameter]
        candidates = lanes if index % 2 else [-lane for lane in lanes]  # mirrored at every second point, for symmetry
        free = (c for c in candidates if all(math.hypot(c - x, height - y) >= 0.98 * diameter for x, y in near))
        offsets[index] = next(free, candidates[len(placed) % len(candidates)])
        placed.append((offsets[index], height))
    return offsets


def label_y_axis(ax: Axes, label: str, share: float = 1.2) -> None:
    """Format the numbers of the vertical axis and write its label, which may be as long as a ``share`` of the axis."""
    format_axis(ax.yaxis, ax.get_ylim())
    ax.set_ylabel(style.wrap_text(label, share * axes_size(ax)[1] * style.MM_PER_POINT, style.BODY), linespacing=1.1)


def format_axis(axis: Axis, limits: Range) -> None:
    """Group the thousands on an axis with these limits; numbers beyond six digits have an exponent."""
    if not 0.001 <= max(map(abs, limits)) < 1000:
        axis.set_major_formatter("{x:,.6g}")


def axes_size(ax: Axes) -> tuple[float, float]:
    """Return width and height of the axes, in points of type."""
    return 72.0 * ax.bbox.width / ax.figure.dpi, 72.0 * ax.bbox.height / ax.figure.dpi


def axis_length(ax: Axes, units: float) -> float:
    """Return the length of a number of units of the horizontal axis, in millimetres."""
    left, right = ax.get_xlim()
    return axes_size(ax)[0] * style.MM_PER_POINT * units / (right - left)


def _draw_points(ax: Axes, group: Group) -> None:
    """Draw every value in view as a point, with the median as a wide line beside them and the quartiles as a bar."""
    (low, high), (left, right), (width, height) = ax.get_ylim(), ax.get_xlim(), axes_size(ax)
    point = (right - left) / width  # one point of type, in units of the horizontal axis
    visible = [value for value in group.values if low <= value <= high]
    offsets = beeswarm_offsets([value * height / (high - low) for value in visible], POINT, _HALF_GROUP / point)
    middle = group.position + _POINTS_AT * point
    ax.plot([middle + x * point for x in offsets], visible, label=group.name, zorder=2, **group.look.points(POINT))
    _, median, q1, q3 = group.summary
    if math.isfinite(median):
        x, cap, half_width = middle + (max(offsets, default=0.0) + _SUMMARY_AT) * point, 1.6 * point, 3.6 * point
        bar = (x - cap, x + cap, x, x, x - cap, x + cap)
        ax.plot(bar, (q1, q1, q1, q3, q3, q3), color=style.INK, linewidth=0.8, zorder=3, label="quartiles")
        line = {"color": style.INK, "linewidth": 1.8, "solid_capstyle": "butt", "zorder": 3}
        ax.plot((x - half_width, x + half_width), (median, median), label="median", **line)


def _mark_values_beyond(ax: Axes, group: Group, unit: str) -> None:
    """Mark values outside the axis by triangles at its edge, and write the farthest and their number."""
    (low, high), (left, right), transform = ax.get_ylim(), ax.get_xlim(), ax.get_xaxis_transform()
    point = (right - left) / axes_size(ax)[0]
    above = sorted((value for value in group.values if value > high), reverse=True)
    below = sorted(value for value in group.values if value < low)
    for values, marker, height in ((above, "^", 0.972), (below, "v", 0.028)):
        if not values:
            continue
        gap = min(1.3 * POINT, 8 / len(values))  # keeps many triangles from the next group
        positions = [group.position + (_POINTS_AT + gap * index) * point for index in range(len(values))]
        look = group.look.points(POINT + 1) | {"marker": marker, "clip_on": False, "zorder": 4}
        ax.plot(positions, [height] * len(values), transform=transform, label=f"{BEYOND}{group.name}", **look)
        farthest = f"{format_grouped(values[0], 0 if abs(values[0]) >= 100 else 1)}{unit}"
        text = f"{len(values)} values\nto {farthest}" if len(values) > 1 else farthest
        inwards = 2.8 * text.count("\n") * (-1 if marker == "^" else 1)  # keeps a second line off the bracket of P
        offset = {"xycoords": transform, "xytext": (3.5, inwards), "textcoords": "offset points"}
        ax.annotate(text, (positions[-1], height), va="center", size=style.SMALL - 1, zorder=4, **offset)


def draw_bracket(ax: Axes, first: float, second: float, p: float, group: str = "", level: int = 0) -> None:
    """Draw a bracket and P between two positions, with the name of their ``group``; ``level`` counts lower brackets."""
    group = style.truncate(group, axis_length(ax, second - first + 1.2), style.BODY)
    height, transform = _BRACKET + level * _LEVEL / axes_size(ax)[1], {"transform": ax.get_xaxis_transform()}
    line = {"color": style.INK, "linewidth": 0.6, "clip_on": False, "label": "bracket"}
    ax.plot((first, first, second, second), (height - 0.02, height, height, height - 0.02), **line, **transform)
    text = "\n".join(filter(None, (group, format_p(p))))
    ax.text((first + second) / 2, height + 0.015, text, ha="center", va="bottom", **transform)


def draw_difference(ax: Axes, position: float, base: float, ends: Sequence[float], label: str) -> None:
    """Draw a difference and its interval beside the points, relative to ``base``, the median of the first group.

    ``ends`` are the estimate and the limits, NaN without an interval. The axis at the right is zero at ``base``.
    """
    estimate, low, high = (base + (end if math.isfinite(end) else ends[0]) for end in ends)
    if not math.isfinite(estimate):
        return
    ax.set_xlim(right=position + 0.6)
    ax.plot((position, position), (low, high), color=style.INK, linewidth=1.0, label="interval")
    ax.plot(position, estimate, marker="D", markersize=3.6, color=style.INK, label="difference")
    ax.plot((0, position + 0.6), (base, base), color=style.GRID, linewidth=0.6, zorder=0.6, label="base")
    axis = ax.secondary_yaxis("right", functions=(lambda y: y - base, lambda y: y + base))
    label = style.wrap_text(style.truncate(label, 55.0), 1.1 * axes_size(ax)[1] * style.MM_PER_POINT)  # below the title
    axis.set_ylabel(label, labelpad=2.0, linespacing=1.0, size=style.SMALL)
    axis.spines["right"].set_visible(True)
    format_axis(axis.yaxis, ax.get_ylim())
    ax.set_xticks([*ax.get_xticks(), position], [*(tick.get_text() for tick in ax.get_xticklabels()), "difference"])


def write_message(ax: Axes, message: str) -> None:
    """Write into an empty frame why a panel shows nothing."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=style.GRID, linestyle=(0, (3, 3)))
    message = style.wrap_text(message, axes_size(ax)[0] * style.MM_PER_POINT - 1, style.BODY)
    ax.text(0.5, 0.5, message, transform=ax.transAxes, ha="center", va="center", color=style.QUIET, size=style.BODY)
