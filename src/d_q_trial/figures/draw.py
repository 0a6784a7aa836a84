"""The elements of panels: points, summaries, brackets, courses and axes. No statistic is computed here."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..formatting import format_grouped, format_number, format_p, format_power_of_ten
from . import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from ..trial import Visit
    from .study import Summary

# A value farther from all quartiles than REACH times their span is a triangle at the edge of the axis, unless
# lengthening the axis by the share STRETCH would include it.
REACH, STRETCH = 5.0, 0.5
_PADDING = 0.06  # of an axis
POINT = 3.0  # diameter of a participant's marker, in points of type
_HALF_GROUP = 0.30  # horizontal room of the points, in units of the distance between groups
_POINTS_AT, _SUMMARY_AT = -5.0, 7.0  # points of type: from the group's place to its points, from these to their summary
BEYOND = "beyond "  # begins the label of symbols for values outside the axis
_BRACKET = 1.035  # height of the bracket that carries P, in parts of the axes' height
_NAME_MM = 16.0  # room of the name of a row below the axis
_LEVEL = 13.0  # points of type from a bracket to the one above it


@dataclass(frozen=True)
class Group:
    """Points of one group, one per participant, with their finished summary; a NaN is not drawn."""

    name: str
    look: style.Look
    position: float  # along the axis; neighbours are one unit apart
    values: tuple[float, ...]
    summary: Summary

    @property
    def n(self) -> int:
        """Number of participants as computed, 0 if it was not."""
        return 0 if math.isnan(self.summary.n) else int(self.summary.n)


def groups(
    ax: Axes,
    members: Sequence[Group],
    label: str,
    *,
    unit: str = "",
    zero: bool = False,
    limits: tuple[float, float] | None = None,
    names: bool = True,
) -> None:
    """Draw every participant as a point, with median, quartiles and n, on a vertical axis with a ``label``.

    ``unit`` follows the value of a point outside the axis, ``zero`` draws the line of no change, ``limits`` override
    the range chosen from the data, and ``names`` writes the names of the groups above n.
    """
    places = [group.position for group in members]
    ax.set(xlim=(min(places) - 0.6, max(places) + 0.6), ylim=limits or _with_room(members, zero))
    if zero:
        ax.axhline(0.0, label="zero", **style.DASHED)
    for group in members:
        _points(ax, group)
        _beyond(ax, group, unit)
    ax.set_xticks(
        places, [f"{style.wrap_text(g.name, axis_length(ax, 1.0) - 1)}\n" * names + f"n = {g.n}" for g in members]
    )
    ax.tick_params(axis="x", length=0)
    label_y_axis(ax, label)


def _with_room(members: Sequence[Group], zero: bool) -> tuple[float, float]:
    """Choose the range of an axis, with room for the triangles of values outside."""
    values = [value for group in members for value in group.values]
    quartiles = [q for group in members for q in (group.summary.q1, group.summary.q3)]
    low, high = axis_range(values, quartiles, include=(0.0,) * zero)
    room = 0.07 * (high - low)
    return low - room * any(v < low for v in values), high + room * any(v > high for v in values)


def axis_range(
    values: Iterable[float], quartiles: Iterable[float], include: Iterable[float] = ()
) -> tuple[float, float]:
    """Choose the range of an axis, slightly wider than the values in view.

    Values farther than ``REACH`` times the span of the ``quartiles`` (of all groups, as computed) do not widen it; the
    values to ``include``, such as zero, are always in view.
    """
    values, quartiles = ([v for v in given if math.isfinite(v)] for given in (values, quartiles))
    first, third = min(quartiles, default=0.0), max(quartiles, default=0.0)
    reach = REACH * (third - first)
    kept = [*values, *quartiles, *include]
    if reach:
        near = [*(v for v in values if first - reach <= v <= third + reach), *quartiles, *include]
        room = STRETCH * (max(near) - min(near))
        kept = [v for v in kept if min(near) - room <= v <= max(near) + room]
    return pad_range(kept, _PADDING) if kept else (0.0, 1.0)


def pad_range(values: Iterable[float], share: float = 0.05) -> tuple[float, float]:
    """Return the range of some values, extended at both ends by a ``share`` of it."""
    low, high = min(values := [*values]), max(values)
    padding = share * (high - low) or share * max(abs(high), 1.0)
    return low - padding, high + padding


def beeswarm_offsets(heights: Sequence[float], diameter: float, half_width: float) -> list[float]:
    """Return horizontal offsets (n,) for points at ``heights`` (n,), all in points of type, so that none hides another.

    They are symmetric and the same in every run. No point moves farther than ``half_width``; in a wider crowd, points
    overlap.
    """
    steps, placed = [0.0] * len(heights), []
    count = int(half_width / (diameter / 2))
    lanes = sorted((lane * diameter / 2 for lane in range(count, -count - 1, -1)), key=abs)
    for index, height in sorted(enumerate(heights), key=lambda item: item[1]):
        near = [(other, step) for other, step in placed if height - other < diameter]
        own = lanes if index % 2 else [-lane for lane in lanes]  # mirrored at every second point, for symmetry
        free = (x for x in own if all(math.hypot(x - step, height - other) >= 0.98 * diameter for other, step in near))
        steps[index] = next(free, own[len(placed) % len(own)])
        placed.append((height, steps[index]))
    return steps


def label_y_axis(ax: Axes, label: str, share: float = 1.2) -> None:
    """Write the numbers of the vertical axis, and its label at a fixed distance, as long as a share of the axis."""
    format_axis(ax.yaxis, ends := ax.get_ylim())
    lines = style.wrap_text(label, share * axes_size(ax)[1] * style.MM_PER_POINT, style.BODY)  # into the margins
    more = lines.count("\n") - label.count("\n")
    ax.set_ylabel(lines, va="center", linespacing=1.1, size=style.SMALL if more else style.BODY)
    ticks = [tick for tick in ax.get_yticks() if ends[0] <= tick <= ends[1]]
    longest = max(map(len, ax.yaxis.get_major_formatter().format_ticks(ticks)), default=0)
    # Points of type, within the margin of the page.
    distance = min((28.0 if longest <= 5 else 12.5 + 3.5 * longest) + 3.6 * more, 39.4 - 2.2 * more)
    ax.yaxis.set_label_coords(-distance / axes_size(ax)[0], 0.5)


def format_axis(axis: Axis, ends: Iterable[float]) -> None:
    """Group the thousands of an axis with these ends, and write very large and small ones with powers of ten."""
    power = math.floor(math.log10(max(map(abs, ends)))) // 3 * 3
    if power >= 6 or power < -3:
        axis.set_major_formatter(lambda value, _: format_power_of_ten(value, power))
    elif power >= 3:
        axis.set_major_formatter("{x:,.0f}")


def axes_size(ax: Axes) -> tuple[float, float]:
    """Return width and height of the axes in points of type."""
    return 72.0 * ax.bbox.width / ax.figure.dpi, 72.0 * ax.bbox.height / ax.figure.dpi


def axis_length(ax: Axes, units: float) -> float:
    """Return in millimetres a number of units of the horizontal axis."""
    left, right = ax.get_xlim()
    return axes_size(ax)[0] * style.MM_PER_POINT * units / (right - left)


def _points(ax: Axes, group: Group) -> None:
    """Draw every value in view as a point; beside them the median as a wide line, quartiles as a bar with short ends."""
    (low, high), (left, right), (width, height) = ax.get_ylim(), ax.get_xlim(), axes_size(ax)
    unit = (right - left) / width  # one point of type
    seen = [v for v in group.values if low <= v <= high]
    steps = beeswarm_offsets([v * height / (high - low) for v in seen], POINT, _HALF_GROUP / unit)
    middle = group.position + _POINTS_AT * unit
    ax.plot([middle + step * unit for step in steps], seen, label=group.name, zorder=2, **group.look.points(POINT))
    _, median, q1, q3 = group.summary
    if math.isfinite(median):
        x, cap, wide = middle + (max(steps, default=0.0) + _SUMMARY_AT) * unit, 1.6 * unit, 3.6 * unit
        bar = (x - cap, x + cap, x, x, x - cap, x + cap)
        ax.plot(bar, (q1, q1, q1, q3, q3, q3), color=style.INK, linewidth=0.8, zorder=3, label="quartiles")
        line = {"color": style.INK, "linewidth": 1.8, "solid_capstyle": "butt", "zorder": 3}
        ax.plot((x - wide, x + wide), (median, median), label="median", **line)


def _beyond(ax: Axes, group: Group, unit: str) -> None:
    """Mark values outside the axis by triangles at its edge: with up to two values, or else their number and the farthest."""
    (low, high), (left, right), frame = ax.get_ylim(), ax.get_xlim(), ax.get_xaxis_transform()
    point = (right - left) / axes_size(ax)[0]
    above = sorted((v for v in group.values if v > high), reverse=True)
    for values, marker, height in ((above, "^", 0.972), (sorted(v for v in group.values if v < low), "v", 0.028)):
        if not values:
            continue
        gap = min(1.3 * POINT, 8 / len(values))  # that many do not reach the next group
        places = [group.position + (_POINTS_AT + gap * index) * point for index in range(len(values))]
        look = group.look.points(POINT + 1) | {"marker": marker, "clip_on": False, "zorder": 4}
        ax.plot(places, [height] * len(values), transform=frame, label=f"{BEYOND}{group.name}", **look)
        texts = [f"{format_grouped(v, 0 if abs(v) >= 100 else 1)}{unit}" for v in values]
        text = f"{len(values)} values\nto {texts[0]}" if len(values) > 2 else "\n".join(texts)
        inwards = 2.8 * text.count("\n") * (-1 if marker == "^" else 1)  # keeps a second line off the bracket of P
        place = {"xycoords": frame, "xytext": (3.5, inwards), "textcoords": "offset points"}
        ax.annotate(text, (places[-1], height), va="center", size=style.SMALL - 1, zorder=4, **place)


def bracket(ax: Axes, first: float, second: float, p: float, over: str = "", level: int = 0) -> None:
    """Draw P above two places of the axis; ``over`` names their group, ``level`` counts the brackets below this one."""
    over = style.truncate(over, axis_length(ax, second - first + 1.2), style.BODY)
    height, frame = _BRACKET + level * _LEVEL / axes_size(ax)[1], {"transform": ax.get_xaxis_transform()}
    line = {"color": style.INK, "linewidth": 0.6, "clip_on": False, "label": "bracket"}
    ax.plot((first, first, second, second), (height - 0.02, height, height, height - 0.02), **line, **frame)
    text = "\n".join(filter(None, (over, format_p(p))))
    ax.text((first + second) / 2, height + 0.015, text, ha="center", va="bottom", **frame)


def difference(ax: Axes, place: float, base: float, ends: Sequence[float], name: str) -> None:
    """Draw a difference and its interval beside the points, relative to the median (``base``) of the first group.

    ``ends`` are estimate and limits; the axis at the right has its zero at ``base``, and the label ``name``.
    """
    estimate, low, high = (base + (end if math.isfinite(end) else ends[0]) for end in ends)
    if not math.isfinite(estimate):
        return
    bottom, top = ax.get_ylim()
    room = 0.03 * (top - bottom)  # so that a limit is visibly not cut off
    ax.set(xlim=(ax.get_xlim()[0], place + 0.6), ylim=(min(bottom, low - room), max(top, high + room)))
    ax.plot((place, place), (low, high), color=style.INK, linewidth=1.0, label="interval")
    ax.plot(place, estimate, marker="D", markersize=3.6, color=style.INK, label="difference")
    ax.plot((0, place + 0.6), (base, base), color=style.GRID, linewidth=0.6, zorder=0.6, label="base")
    axis = ax.secondary_yaxis("right", functions=(lambda y: y - base, lambda y: y + base))
    name = style.wrap_text(style.truncate(name, 55.0), 1.1 * axes_size(ax)[1] * style.MM_PER_POINT)  # below the title
    axis.set_ylabel(name, labelpad=2.0, linespacing=1.0, size=style.SMALL)
    axis.spines["right"].set_visible(True)
    format_axis(axis.yaxis, ax.get_ylim())
    ax.set_xticks([*ax.get_xticks(), place], [*(label.get_text() for label in ax.get_xticklabels()), "difference"])


def course(ax: Axes, positions: Sequence[float], summaries: Sequence[Summary], look: style.Look, **line: Any) -> None:
    """Draw the medians and quartiles of one group at several visits."""
    lengths = [[s.median - s.q1 for s in summaries], [s.q3 - s.median for s in summaries]]
    line |= look.points(4.0, 0.6) | {"linestyle": "-", "color": look.edge, "linewidth": 1.1, "elinewidth": 0.9}
    ax.errorbar(positions, [s.median for s in summaries], yerr=lengths, capsize=2.0, capthick=0.9, **line)


def axis_break(ax: Axes, place: float) -> None:
    """Draw two strokes through the horizontal axis where a gap in time is shortened."""
    frame = {"transform": ax.get_xaxis_transform()}
    ax.plot(place, 0, "s", markersize=3, color="white", clip_on=False, zorder=9, label="gap", **frame)
    ax.text(place, 0, "//", ha="center", va="center", size=style.BODY, zorder=10, **frame)


def time_axis(visits: Sequence[Visit]) -> tuple[Sequence[float], list[str], str]:
    """Return times, names of ticks and the label of an axis of visits: their weeks if all are known, else their order."""
    weeks = [visit.week for visit in visits if visit.week is not None]
    if len(weeks) == len(visits):
        return weeks, [f"{week:g}" for week in weeks], "Weeks"
    return range(len(visits)), [visit.label for visit in visits], ""


def time_positions(times: Sequence[float]) -> tuple[list[float], list[int]]:
    """Place visits on an axis in proportion to time, but shorten long gaps; ValueError unless times increase.

    Returns the positions, in units of the shortest gap and at most two apart, and the indices of the visits after a
    shortened gap.
    """
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    if any(gap <= 0 for gap in gaps):
        raise ValueError(f"visits must follow each other in time, got {list(times)}")
    shortest = min(gaps, default=1.0)
    positions = itertools.accumulate((min(gap / shortest, 2.0) for gap in gaps), initial=0.0)
    return list(positions), [index for index, gap in enumerate(gaps, start=1) if gap > 2 * shortest]


def row_below(
    ax: Axes, row: int, name: str, counts: Sequence[float], positions: Sequence[float] = (), colour: str = style.INK
) -> None:
    """Write a row under the axis (0: that of the tick labels): its name, and counts at their positions, if known."""
    look = {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points", "va": "center", "size": style.SMALL}
    look |= {"color": colour, "annotation_clip": False}
    offset = -(7.4 + 8.0 * row)
    ax.annotate(style.truncate(name, _NAME_MM), (ax.get_xlim()[0], 0), xytext=(-2, offset), ha="right", **look)
    for position, n in zip(positions, counts, strict=True):
        ax.annotate(format_number(n, 0), (position, 0), xytext=(0, offset), ha="center", **look)


def message(ax: Axes, text: str) -> None:
    """State in an empty frame why a panel shows nothing."""
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=style.GRID, linestyle=(0, (3, 3)))
    look = {"ha": "center", "va": "center", "color": style.QUIET, "size": style.BODY}
    text = style.wrap_text(text, axes_size(ax)[0] * style.MM_PER_POINT - 1, style.BODY)
    ax.text(0.5, 0.5, text, transform=ax.transAxes, **look)
