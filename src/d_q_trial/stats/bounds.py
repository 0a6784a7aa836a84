"""What a rank-sum test could have said, had the missing participants been measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from .checks import present
from .rank_sum import normal_p, normal_z
from .two_sample import get_test

# Cells of the table that is searched where heavy ties leave gaps in U; beyond it only a bound is given.
_SEARCH_LIMIT = 3e8
_GAPS_TRIED = 17


class PBounds(NamedTuple):
    """Lowest and highest P; ``highest_is_exact`` is False where ``highest`` is only known to be reached or passed."""

    lowest: float
    highest: float
    highest_is_exact: bool


def p_bounds(first: ArrayLike, second: ArrayLike, missing_first: int, missing_second: int, *, method: str) -> PBounds:
    """Lowest and highest P of a rank-sum test that any values of the missing participants could give.

    No model and no assumption: each missing value may lie anywhere, also on an observed or on another missing one.

    The lowest P. For U above its mean, z grows with U and with the ties, and the points (U, ties) with z <= c form a convex
    set; so the largest z lies at a corner of the hull, where a U + b T is largest for some a, b >= 0. With the missing values of
    one sample held, that sum is separately convex in how many of the other sample's share each place, so it is largest with
    all of them in one place: the extreme is among the arrangements in which the missing values of each sample are all equal.

    The highest P. If U can reach its mean, P is 1. If U stays on one side even when all missing values pull the other way, P is
    highest just there, with the missing values all different. In between, U moves in steps of one half and reaches the mean
    unless heavy ties make it jump; then a search over all arrangements finds the least \\|z\\|.

    Parameters
    ----------
    first, second : array of float, shape (n,), (m,)
        Observed values; NaN is left out and not counted as missing.
    missing_first, missing_second : int
        Number of participants without a value.
    method : str
        Name of a test whose ``no_bounds`` is empty (else ValueError).

    Returns
    -------
    PBounds
        NaN where a sample would be empty, or nothing varies.

    >>> bounds = p_bounds([1, 2, 3, 4], [5, 6, 7, 8], 1, 1, method="normal")
    >>> round(bounds.lowest, 4), round(bounds.highest, 4)
    (0.0086, 0.4647)
    """
    test = get_test(method)
    if test.no_bounds:
        raise ValueError(f"bounds of P: method {method!r}: {test.no_bounds}")
    if min(missing_first, missing_second) < 0:
        raise ValueError(f"bounds of P: {missing_first} and {missing_second} missing, expected numbers from 0")
    first, second = present(first), present(second)
    if not (first.size + missing_first and second.size + missing_second) or not first.size + second.size:
        return PBounds(np.nan, np.nan, True)
    continuity = bool(test.continuity)
    sides = (
        _Places(first, second, missing_first, missing_second),
        _Places(second, first, missing_second, missing_first),
    )
    lowest = 2.0
    for side in sides:
        z = side.largest_z(continuity)
        if z >= 0:
            lowest = min(lowest, float(2 * ndtr(-z)))
    highest, exact = _highest(*sides, continuity)
    if lowest > 1 or np.isnan(highest):
        return PBounds(np.nan, np.nan, True)
    return PBounds(lowest, highest, exact)


class _Places:
    """The places that a missing value can take: below, on and above each distinct observed value."""

    def __init__(self, first: np.ndarray, second: np.ndarray, missing_first: int, missing_second: int):
        distinct = np.unique(np.concatenate([first, second]))
        counts_first = np.bincount(np.searchsorted(distinct, first), minlength=distinct.size)
        counts_second = np.bincount(np.searchsorted(distinct, second), minlength=distinct.size)
        # Odd places are the observed values, even ones the gaps around them.
        size = 2 * distinct.size + 1
        self.first_here, self.second_here = np.zeros(size, dtype=int), np.zeros(size, dtype=int)
        self.first_here[1::2], self.second_here[1::2] = counts_first, counts_second
        self.second_below = np.cumsum(self.second_here) - self.second_here
        self.first_above = first.size - np.cumsum(self.first_here)
        self.missing = missing_first, missing_second
        self.sizes = first.size + missing_first, second.size + missing_second
        tied = self.first_here + self.second_here
        self.tied = tied
        self.tie_sum = float((tied**3 - tied).sum())
        self.u = float((counts_first * (self.second_below[1::2] + counts_second / 2)).sum())

    def largest_z(self, continuity: bool) -> float:
        """Largest z with the missing values of each sample all in one place, which may be the same place."""
        k, m = self.missing
        gain_first = k * (self.second_below + self.second_here / 2)
        gain_second = m * (self.first_above + self.first_here / 2)
        ties_first, ties_second = _added_ties(self.tied, k), _added_ties(self.tied, m)
        # Different places, or the same gap with the first sample's values above the second's.
        index = np.arange(self.tied.size)
        above = np.sign(np.subtract.outer(index, index)).astype(float)
        gaps = np.flatnonzero(index % 2 == 0)
        above[gaps, gaps] = 1.0
        ties = np.add.outer(ties_first, ties_second)
        values = index[index % 2 == 1]
        ties[values, values] = _added_ties(self.tied, k + m)[values]
        u = self.u + np.add.outer(gain_first, gain_second) + k * m * (above + 1) / 2
        z = normal_z(u, *self.sizes, self.tie_sum + ties, continuity=continuity)
        # All missing values of both samples equal, in one gap.
        together = self.u + gain_first[gaps] + gain_second[gaps] + k * m / 2
        tied = self.tie_sum + _added_ties(self.tied, k + m)[gaps]
        z_together = normal_z(together, *self.sizes, tied, continuity=continuity)
        both = np.concatenate([z.ravel(), z_together])
        return float(np.nanmax(both)) if not np.isnan(both).all() else np.nan


def _added_ties(tied: np.ndarray, more: int) -> np.ndarray:
    """Growth of the sum of t^3 - t if ``more`` values join each group of ``tied``."""
    joined = (tied + more).astype(float)
    return (joined**3 - joined) - (tied.astype(float) ** 3 - tied)


def _highest(places: _Places, mirrored: _Places, continuity: bool) -> tuple[float, bool]:
    k, m = places.missing
    n_first, n_second = places.sizes
    mean = n_first * n_second / 2
    observed_second = n_second - m
    observed_first = n_first - k
    # Missing values at the far ends, all different: no new ties, and U as large (small) as it can be.
    largest = places.u + k * observed_second + m * observed_first + k * m
    smallest = places.u

    def p(u: float, tie_sum: float) -> float:
        return float(normal_p(u, n_first, n_second, tie_sum, continuity=continuity))

    if largest <= mean or smallest >= mean:
        return p(largest if largest <= mean else smallest, places.tie_sum), True
    # With one distinct value observed, U could meet its mean only by making everything equal, where P is not defined.
    if places.tied.size > 3 and (_walk_reaches(places, mean) or _walk_reaches(mirrored, mean)):
        return 1.0, True
    best = _search(places)
    if best is None:
        nearest = min((largest, smallest), key=lambda u: abs(u - mean))
        return p(nearest, places.tie_sum), False
    u = np.arange(best.size) / 2
    reached = np.isfinite(best)
    p_reached = normal_p(u[reached], n_first, n_second, best[reached], continuity=continuity)
    return (float(np.nanmax(p_reached)) if not np.isnan(p_reached).all() else np.nan), True


def _walk_reaches(places: _Places, mean: float) -> bool:
    """Whether U meets its mean while the first sample's missing values wander and the second's stand in one gap.

    Bits of a whole number mark the sums of 2U that are reached. A sufficient test: some gaps only are tried.
    """
    k, m = places.missing
    gains = 2 * places.second_below + places.second_here  # of a missing value of the first sample, doubled
    gaps = 2 * np.unique(np.linspace(0, gains.size // 2, _GAPS_TRIED).round().astype(int))
    for gap in (gaps[0], gaps[-1], *gaps[1:-1]):
        target = round(2 * (mean - places.u - m * places.first_above[gap]))
        # In the gap itself there is room on either side.
        steps = {*gains[: gap + 1].tolist(), *(gains[gap:] + 2 * m).tolist()}
        reached = 1
        for _ in range(k if target >= 0 else 0):
            reached = _union(reached << step for step in steps)
        if target >= 0 and reached >> target & 1:
            return True
    return False


def _union(bits: Iterable[int]) -> int:
    joined = 0
    for part in bits:
        joined |= part
    return joined


def _search(places: _Places) -> np.ndarray | None:
    """Fewest ties with which each U is reached, over all arrangements: index 2U, infinite where out of reach.

    Places are visited from the lowest; a table per (missing of the first placed, of the second placed) holds the
    smallest tie sum for every 2U. In a gap, groups of missing values may follow one another.
    """
    k, m = places.missing
    span = 2 * places.sizes[0] * places.sizes[1] + 1
    moves = (k + 1) * (k + 2) * (m + 1) * (m + 2) / 4
    if places.tied.size * moves * span > _SEARCH_LIMIT:
        return None
    table = np.full((k + 1, m + 1, span), np.inf)
    table[0, 0, round(2 * places.u)] = places.tie_sum
    for place, tied in enumerate(places.tied):
        before = table.copy() if tied else table
        for a in range(k + 1):
            for b in range(m + 1):
                for i in range(a + 1):
                    for j in range(b + 1):
                        if i == j == 0:
                            continue
                        # i of the first and j of the second join one group here, above (a - i, b - j) placed ones.
                        gain = i * (2 * places.second_below[place] + places.second_here[place])
                        gain += j * (2 * places.first_above[place] + places.first_here[place])
                        gain += 2 * i * (b - j) + i * j
                        source = before[a - i, b - j]
                        joined = tied + i + j
                        ties = (joined**3 - joined) - (tied**3 - tied)
                        target = table[a, b]
                        np.minimum(target[gain:], source[: span - gain] + ties, out=target[gain:])
    return table[k, m]
