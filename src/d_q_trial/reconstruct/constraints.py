"""Constraints on one column of values: quartiles, means, differences of medians, rank-sum tests.

A constraint measures by how much it is missed (``gap``; 0 = met) and names an item whose move may help (``lever``).
Items are positions in the column; a column is an array of float, shape (n,).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

import numpy as np

_NORMAL = NormalDist()
# Added to every missed constraint, so that the search does not settle for a near miss.
_MISSED = 0.02


def printed_window(printed: str, *, edges: bool = False) -> tuple[float, float]:
    """Return the interval of values that round to ``printed``, half to even or half up.

    The edges (x.5 of the last digit) are left out unless ``edges``: there the float of a recomputation decides.
    """
    target = Decimal(printed)
    half = Decimal(5).scaleb(min(int(target.as_tuple().exponent), 0) - 1)
    low, high = target - half, target + half
    if edges:
        digit_even = target.as_tuple().digits[-1] % 2 == 0
        closed_low = digit_even or target > 0  # half up takes the lower edge of a positive number
        closed_high = digit_even or target < 0
        margin = half * Decimal("1e-6")
        return float(low if closed_low else low + margin), float(high if closed_high else high - margin)
    margin = half * Decimal("1e-4")
    return float(low + margin), float(high - margin)


def z_windows(printed: str, relation: str, sign: int = 0) -> list[tuple[float, float]]:
    """Return the intervals of z that give a two-sided normal P as reported.

    ``relation``: "=" (P rounds to ``printed``), ">" or "<" (a bound). ``sign``: +1 or -1 allows one side only.
    """

    def z(p: float) -> float:
        return -_NORMAL.inv_cdf(p / 2) if p < 1 else 0.0

    bound = float(printed)
    if relation == "=":
        low_p, high_p = printed_window(printed)
        low, high = z(min(high_p, 1.0)), z(low_p)
    elif relation == ">":
        low, high = 0.0, z(bound * 1.001)
    elif relation == "<":
        low, high = z(bound * 0.999), math.inf
    else:
        raise ValueError(f"relation {relation!r}: expected =, > or <")
    both = [(low, high), (-high, -low)]
    return both if sign == 0 else [both[0] if sign > 0 else both[1]]


def _outside(value: float, low: float, high: float) -> float:
    return low - value if value < low else value - high if value > high else 0.0


@dataclass(frozen=True)
class Quantile:
    """The type 7 quantile of some items lies within a window."""

    name: str
    items: np.ndarray
    probability: float
    low: float
    high: float
    scale: float

    def value(self, column: np.ndarray) -> float:
        """Return the quantile."""
        ordered = np.sort(column[self.items])
        at = (ordered.size - 1) * self.probability
        below = int(at)
        share = at - below
        return float(ordered[below] + share * (ordered[below + 1] - ordered[below]) if share else ordered[below])

    def gap(self, column: np.ndarray) -> float:
        """Return the distance from the window in units of ``scale``."""
        distance = _outside(self.value(column), self.low, self.high)
        return distance / self.scale + _MISSED if distance else 0.0

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:
        """Return one of the items that the quantile is made of."""
        order = np.argsort(column[self.items], kind="stable")
        at = int((order.size - 1) * self.probability)
        return int(self.items[order[min(at + int(rng.integers(2)), order.size - 1)]])

    def aim(self, column: np.ndarray, item: int, rng: np.random.Generator) -> float | None:
        """Return the value of ``item`` that puts the quantile into its window while the order stays; None if none."""
        ordered = np.sort(column[self.items])
        at = (ordered.size - 1) * self.probability
        below = int(at)
        share = at - below
        wanted = self.low + rng.random() * (self.high - self.low) if math.isfinite(self.low + self.high) else self.low
        here = column[item]
        if here == ordered[below]:
            return float((wanted - share * ordered[below + 1]) / (1 - share)) if share else wanted
        if share and here == ordered[below + 1]:
            return float((wanted - (1 - share) * ordered[below]) / share)
        return None

    def pair(self, column: np.ndarray) -> tuple[int, int, float] | None:
        """Return the two items that the quantile lies between and the weight of the upper; None if it is one item."""
        order = np.argsort(column[self.items], kind="stable")
        at = (order.size - 1) * self.probability
        below = int(at)
        if at == below:
            return None
        return int(self.items[order[below]]), int(self.items[order[below + 1]]), at - below


@dataclass(frozen=True)
class Moment:
    """The mean or the standard deviation (n - 1) of some items lies within a window."""

    name: str
    items: np.ndarray
    kind: str  # "mean" or "sd"
    low: float
    high: float
    scale: float

    def value(self, column: np.ndarray) -> float:
        """Return the mean or the standard deviation."""
        values = column[self.items]
        return float(values.mean() if self.kind == "mean" else values.std(ddof=1))

    def gap(self, column: np.ndarray) -> float:
        """Return the distance from the window in units of ``scale``."""
        distance = _outside(self.value(column), self.low, self.high)
        return 4 * distance / self.scale + _MISSED if distance else 0.0

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:
        """Return any item."""
        return int(self.items[int(rng.integers(self.items.size))])


@dataclass(frozen=True)
class MedianDifference:
    """The difference of two medians, first minus second, lies within a window."""

    name: str
    first: np.ndarray
    second: np.ndarray
    low: float
    high: float
    scale: float

    @property
    def items(self) -> np.ndarray:
        """Return the items of both groups."""
        return np.concatenate([self.first, self.second])

    def value(self, column: np.ndarray) -> float:
        """Return the difference."""
        return float(np.median(column[self.first]) - np.median(column[self.second]))

    def gap(self, column: np.ndarray) -> float:
        """Return the distance from the window in units of ``scale``."""
        distance = _outside(self.value(column), self.low, self.high)
        return distance / self.scale + _MISSED if distance else 0.0

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:
        """Return one of the items in the middle of either group."""
        group = self.first if rng.integers(2) else self.second
        order = np.argsort(column[group], kind="stable")
        at = (order.size - 1) // 2 + int(rng.integers(-1, 3))
        return int(group[order[min(max(at, 0), order.size - 1)]])


@dataclass(frozen=True)
class RankSum:
    """z of the rank-sum test (tie-corrected normal approximation, no continuity correction) lies in a window."""

    name: str
    first: np.ndarray
    second: np.ndarray
    windows: tuple[tuple[float, float], ...]

    @property
    def items(self) -> np.ndarray:
        """Return the items of both groups."""
        return np.concatenate([self.first, self.second])

    def value(self, column: np.ndarray) -> float:
        """Return z."""
        first, second = column[self.first], column[self.second]
        above = first[:, None] - second[None, :]
        u = np.count_nonzero(above > 0) + 0.5 * np.count_nonzero(above == 0)
        n1, n2 = first.size, second.size
        n = n1 + n2
        ordered = np.sort(np.concatenate([first, second]))
        new = np.flatnonzero(ordered[1:] != ordered[:-1])
        ties = 0.0
        if new.size < n - 1:
            runs = np.diff(np.concatenate([[-1], new, [n - 1]])).astype(float)
            ties = float(np.sum(runs**3 - runs))
        variance = n1 * n2 / 12 * (n + 1 - ties / (n * (n - 1)))
        return (u - n1 * n2 / 2) / math.sqrt(variance) if variance > 0 else 0.0

    def gap(self, column: np.ndarray) -> float:
        """Return the distance of z from the nearest window."""
        z = self.value(column)
        distance = min(_outside(z, low, high) for low, high in self.windows)
        return distance + _MISSED if distance else 0.0

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:
        """Return any item."""
        at = int(rng.integers(self.first.size + self.second.size))
        return int(self.first[at] if at < self.first.size else self.second[at - self.first.size])

    def ties_needed(self) -> tuple[float, float] | None:
        """Return the least and most sum of t^3 - t that a whole-number U needs for z to fall into a window.

        None where some U, whole or half, gives it with no tie or a single pair.
        """
        n1, n2 = self.first.size, self.second.size
        n, middle = n1 + n2, n1 * n2 / 2
        windows = [(low, high) for low, high in self.windows if high > 0]
        best = None
        for twice in range(2 * n1 * n2 + 1):
            distance = abs(twice / 2 - middle)
            for low, high in windows:
                # variance = n1 n2 / 12 (n + 1 - ties / (n (n - 1))) has to give low <= distance / sd <= high
                least, most = (
                    n * (n - 1) * (n + 1 - 12 / (n1 * n2) * (distance / z) ** 2) if z else -math.inf
                    for z in (low, high)
                )
                if (twice % 2 and least <= 6 <= most) or least <= 0 <= most:
                    return None
                if twice % 2 == 0 and least > 0 and (best is None or least < best[0]):
                    best = (least, most)
        return best


Constraint = Quantile | Moment | MedianDifference | RankSum
