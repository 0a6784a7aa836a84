"""Hodges-Lehmann estimate with the interval that inverts a rank-sum test.

The limits are pairwise differences: an interval is defined by its *depths*, the numbers outside its ends.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri
from scipy.stats import rankdata

from .checks import finite, is_significant, open_share, present
from .estimate import Estimate
from .rank_sum import exact_counts, exact_p, normal_p, normal_z
from .two_sample import get_test


def hodges_lehmann(first: ArrayLike, second: ArrayLike, *, method: str, confidence: float) -> Estimate:
    """Hodges-Lehmann estimate of the shift, the median of all pairwise differences, with its interval.

    The interval contains the shifts d for which the test ``method`` of ``first - d`` against ``second`` has P above ``1
    - confidence``. Ties between the samples, which exist only at isolated d, are ignored. Limits are infinite if the
    samples are too small to reject any shift, and NaN if the test has no interval for a shift. Hollander, Wolfe and
    Chicken (2014), sections 4.2 and 4.3; R: ``wilcox.test(conf.int=TRUE)``, by root search to 1e-4.

    >>> found = hodges_lehmann([1, 4, 6, 7, 9], [0, 3, 2, 5], method="exact", confidence=0.95)
    >>> found.estimate, found.lower, found.upper
    (3.5, -2.0, 7.0)
    """
    first, second = present(first), present(second)
    values = np.concatenate([first, second])
    is_first, everyone = np.arange(values.size) < first.size, np.ones((values.size, 1))
    found = hodges_lehmann_subgroups(values, is_first, everyone, method=method, confidence=confidence)
    estimate, lower, upper = found[:, 0].tolist()
    return Estimate(estimate, lower=lower, upper=upper)


def hodges_lehmann_subgroups(
    values: ArrayLike, is_first: ArrayLike, members: ArrayLike, *, method: str, confidence: float
) -> np.ndarray:
    """Return estimates, lower and upper limits, shape (3, k), for the k subgroups in the columns of members, (n, k)."""
    depths_of, alpha = get_test(method).depths, round(1 - open_share(confidence, "confidence"), 12)
    values, is_first, members = finite(values), np.asarray(is_first, bool), np.asarray(members, bool)
    known = ~np.isnan(values)
    sides = [np.flatnonzero(known & side) for side in (is_first, ~is_first)]
    differences = np.subtract.outer(*(values[side] for side in sides)).ravel()
    order = np.argsort(differences, kind="stable")
    differences = differences[order]
    pairs = np.unravel_index(order, tuple(side.size for side in sides))
    inside = [np.ascontiguousarray(members[side].T) for side in sides]
    ties = [_tie_sums(values[side], own) for side, own in zip(sides, inside, strict=True)]
    found = np.full((3, members.shape[1]), np.nan)
    for subgroup, (first, second) in enumerate(zip(*inside, strict=True)):
        own = differences[first[pairs[0]] & second[pairs[1]]]
        if not own.size:
            continue
        found[0, subgroup] = (own[(own.size - 1) // 2] + own[own.size // 2]) / 2
        if depths_of is not None:
            samples = values[sides[0][first]], values[sides[1][second]]
            below, above = depths_of(*samples, own, int(ties[0][subgroup] + ties[1][subgroup]), alpha)
            found[1, subgroup] = own[below - 1] if below else -np.inf
            found[2, subgroup] = own[-above] if above else np.inf
    return found


def _tie_sums(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Sum of t^3 - t over the groups of t equal values, in each subgroup of shape (k, n)."""
    t = members @ np.equal.outer(values, values).astype(float)
    return (members * (t**2 - 1)).sum(axis=1)


@lru_cache(maxsize=4096)
def normal_depth(n_first: int, n_second: int, tie_sum: int, alpha: float, *, continuity: bool) -> int:
    """Return the depth of the interval that inverts the normal approximation: the first k that is not rejected.

    For a shift between the sorted differences k and k + 1, k pairs lie below, so U = n1 * n2 - k. P increases with U up
    to its mean, so it is computed only around the critical U.
    """
    unit = normal_z(1.0 + n_first * n_second / 2, n_first, n_second, tie_sum, continuity=False)  # of one unit of U
    if np.isnan(unit):
        return 0
    critical = (n_first * n_second - continuity) / 2 + ndtri(alpha / 2) / unit
    tried = np.clip(np.floor(critical) + np.arange(-1, 3), 0, n_first * n_second // 2)
    p = normal_p(tried, n_first, n_second, tie_sum, continuity=continuity)
    return int(tried[np.argmax(~is_significant(p, alpha))])


def normal_depths(
    first: np.ndarray, second: np.ndarray, _: np.ndarray, tie_sum: int, alpha: float, *, continuity: bool
) -> tuple[int, int]:
    """Return :func:`normal_depth` for both ends, with the arguments of :func:`exact_depths`."""
    return (normal_depth(first.size, second.size, tie_sum, alpha, continuity=continuity),) * 2


@lru_cache(maxsize=64)
def _untied_depth(n_first: int, n_second: int, alpha: float) -> int:
    """Return the depth of the exact interval without ties."""
    counts = exact_counts(n_first, n_second)
    p = 2 * np.cumsum(counts)[: counts.size // 2 + 1] / counts.sum()
    return int(np.argmax(~is_significant(np.minimum(p, 1.0), alpha)))


def exact_depths(
    first: np.ndarray, second: np.ndarray, differences: np.ndarray, tie_sum: int, alpha: float
) -> tuple[int, int]:
    """Return the depths of the interval that inverts the exact test; the differences are sorted, shape (n * m,).

    With ties in a sample, P need not be monotone in the shift; the limit is then a change of verdict near the normal
    limit, found from there by doubling steps and bisection.
    """
    if not tie_sum:
        return (_untied_depth(first.size, second.size, alpha),) * 2
    labels = np.repeat([True, False], [first.size, second.size])
    values, multiplicity = np.unique(differences, return_counts=True)
    depths = np.concatenate([[0], np.cumsum(multiplicity)])
    edges = np.concatenate([[values[0] - 2], values, [values[-1] + 2]])
    shifts = (edges[:-1] + edges[1:]) / 2
    guess = normal_depth(first.size, second.size, tie_sum, alpha, continuity=False)

    def rejected(gap: int) -> bool:
        return bool(is_significant(exact_p(rankdata(np.concatenate([first - shifts[gap], second])), labels), alpha))

    def first_kept(gaps: range, place: int) -> int:
        """Return a kept gap next to a rejected one, near a place; the last gap, in the middle, is not tried."""
        low, high, step = -1, len(gaps) - 1, 1
        place = min(place, high - 1)
        while high - low > 1:
            low, high = (place, high) if rejected(gaps[place]) else (low, place)
            ahead, step = place + (step if place == low else -step), 2 * step
            place = ahead if low < ahead < high else (low + high) // 2
        return gaps[high]

    # If equal differences span the middle, the gaps on either side of them are the last to be tried.
    right = int(np.searchsorted(depths, differences.size / 2))
    left = int(np.searchsorted(depths, differences.size / 2, side="right")) - 1
    lower = first_kept(range(right + 1), int(np.searchsorted(depths, guess)))
    start = values.size + 1 - int(np.searchsorted(depths, differences.size - guess, side="right"))
    upper = first_kept(range(values.size, left - 1, -1), start)
    return int(depths[lower]), int(differences.size - depths[upper])
