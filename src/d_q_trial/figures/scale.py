"""Where points go: the range of an axis that no single value may flatten, and points beside each other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

# A value farther from all quartiles than so many times their span stands outside the axis, as a marked triangle,
# unless the axis need be no more than so much longer to hold it.
REACH, STRETCH = 5.0, 0.5
_PADDING = 0.06


def view(
    values: Iterable[float],
    quartiles: Iterable[float] = (),
    *,
    limits: tuple[float, float] | None = None,
    include: Iterable[float] = (),
) -> tuple[float, float]:
    """Choose the range of an axis.

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

    Returns
    -------
    (float, float)
        Lower and upper end, a little beyond the values in view.
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
        fallback = sign * lanes[len(placed) % len(lanes)]
        steps[index] = next(free, fallback)
        placed.append((heights[index], steps[index]))
    return steps


def time_positions(times: Sequence[float]) -> tuple[list[float], list[int]]:
    """Place visits on an axis in proportion to time, but cut long gaps.

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
    positions, broken = [0.0], []
    for index, gap in enumerate(gaps, start=1):
        if gap > 2 * shortest:
            broken.append(index)
        positions.append(positions[-1] + min(gap / shortest, 2.0))
    return positions, broken
