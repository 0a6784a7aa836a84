"""Wilcoxon rank-sum test (Mann-Whitney U test) in the variants that differ between programs.

All share one statistic, U: the number of pairs in which the first sample is larger, ties counting one half. P is that
of ``scipy.stats.mannwhitneyu``, except for the exact distribution with ties, which no Python library provides. z has
the correction for ties of Hollander, Wolfe and Chicken (2014), Nonparametric Statistical Methods, section 4.1.
"""

from collections.abc import Callable
from itertools import accumulate
from math import comb

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import ndtr

from .checks import Estimate, as_finite
from .two_sample import Compared

MOST_TIED = 1_200  # participants; with more, the exact distribution with ties takes minutes and gigabytes


def asymptotic(first: np.ndarray, second: np.ndarray, *, continuity: bool) -> Estimate:
    """P of the normal approximation, by ``mannwhitneyu``, of samples in rows, shape (c, n) and (c, m)."""
    return Estimate(p=stats.mannwhitneyu(first, second, continuity, axis=1, method="asymptotic").pvalue)


def exact(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Exact P, by ``mannwhitneyu`` where there are no ties; arguments as for :func:`asymptotic`."""
    values, is_first = as_columns(first, second)
    ranks, n = stats.rankdata(values, axis=0).T, len(values)
    # Beyond 1,000 participants, scipy's counts overflow.
    untied = (np.sort(ranks, axis=1) == np.arange(1, n + 1)).all(axis=1) & (n <= 1_000)
    p, tied = np.full(len(ranks), np.nan), ~untied & (np.ptp(ranks, axis=1) > 0)
    p[untied] = stats.mannwhitneyu(first[untied], second[untied], axis=1, method="exact").pvalue
    p[tied] = [exact_p(own, is_first) for own in ranks[tied]]
    return Estimate(p=p)


def as_columns(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return samples in rows as columns of values, shape (n + m, c), and which rows of these are first."""
    return np.concatenate([first, second], axis=1).T, np.arange(first.shape[1] + second.shape[1]) < first.shape[1]


def asymptotic_columns(values: ArrayLike, is_first: ArrayLike, *, continuity: bool) -> Compared:
    """Normal approximation for all columns of values, shape (n, k); ``mannwhitneyu`` takes only equal sizes together."""
    values = as_finite(values)
    known = ~np.isnan(values)
    known_first = known & np.asarray(is_first, dtype=bool)[:, None]
    n_first = known_first.sum(axis=0)
    n_second = known.sum(axis=0) - n_first
    ranks, tie_sum = midrank_columns(values)
    u = np.where(known_first, ranks, 0.0).sum(axis=0) - n_first * (n_first + 1) / 2
    z = normal_z(u, n_first, n_second, tie_sum, continuity=continuity)
    return Compared(n_first, n_second, u, z, 2 * ndtr(-np.abs(z)))


def midrank_columns(values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Midranks within each column of values, shape (n, k), and the sum of t^3 - t over its groups of t equal values."""
    values = as_finite(values)
    ranks = stats.rankdata(values, axis=0, nan_policy="omit")
    n = (~np.isnan(values)).sum(axis=0)
    return ranks, 2.0 * n * (n + 1) * (2 * n + 1) - 12 * np.nansum(ranks**2, axis=0)


def normal_z(
    u: ArrayLike, n_first: ArrayLike, n_second: ArrayLike, tie_sum: ArrayLike = 0.0, *, continuity: bool
) -> np.ndarray:
    """Standardize U; arguments broadcast. NaN where the variance is zero (an empty sample, or all values equal)."""
    u, n_first, n_second, tie_sum = (np.asarray(a, dtype=float) for a in (u, n_first, n_second, tie_sum))
    n, product = n_first + n_second, n_first * n_second
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = product / 12 * ((n + 1) - tie_sum / (n * (n - 1)))
        # If all values are equal, the variance is zero, but rounding may leave a trace of either sign.
        variance = np.where(variance > 1e-9 * product * n, variance, np.nan)
        distance = u - product / 2
        if continuity:
            distance = np.sign(distance) * np.maximum(np.abs(distance) - 0.5, 0.0)
        return distance / np.sqrt(variance)


def normal_p(
    u: ArrayLike, n_first: ArrayLike, n_second: ArrayLike, tie_sum: ArrayLike = 0.0, *, continuity: bool = False
) -> np.ndarray:
    """P of U under the tie-corrected normal approximation; arguments as :func:`normal_z`."""
    return 2 * ndtr(-np.abs(normal_z(u, n_first, n_second, tie_sum, continuity=continuity)))


def pairwise_wins(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """1 where first > second, 1/2 where equal, else 0: shape (n, m). The sum is U."""
    return (np.sign(np.subtract.outer(first, second)) + 1) / 2


def compare_by_sizes(function: Callable[..., Estimate], values: np.ndarray, is_first: np.ndarray) -> Estimate:
    """Compare both samples in each column of values, shape (n, k), those of equal sizes together; fields have shape (k,).

    The function takes the present values of both, (c, n_first) and (c, n_second); its fields are NaN or of shape (c,).
    """
    found = np.full((len(Estimate._fields), values.shape[1]), np.nan)
    sides = [(values[side].T, ~np.isnan(values[side].T)) for side in (is_first, ~is_first)]
    sizes, kinds = np.unique([known.sum(axis=1) for _, known in sides], axis=1, return_inverse=True)
    for kind in np.flatnonzero(sizes.min(axis=0)):
        own = np.flatnonzero(kinds == kind)
        first, second = (side[own][known[own]].reshape(own.size, -1) for side, known in sides)
        for row, field in zip(found, function(first, second), strict=True):
            row[own] = field
    return Estimate(*found)


def exact_p(ranks: ArrayLike, is_first: ArrayLike, *, farther: bool = False) -> float:
    """Exact P of a rank sum given the midranks, shape (n,): the share of arrangements at least as far from the mean.

    ``farther`` counts only those that are strictly farther. At most ``MOST_TIED`` ranks. Subset sums by Streitberg and
    Roehmel (1986) of each half of the pooled ranks, at a quarter of the cost of those of the whole, combined as by van de
    Wiel (2001), Computational Statistics 16, 519-538. Adding only positive terms keeps small P accurate to about 1e-13.
    """
    doubled, is_first = np.rint(2 * np.asarray(ranks, dtype=float)).astype(int), np.asarray(is_first, dtype=bool)
    # The rank sum of the smaller sample gives the same P at lower cost.
    chosen = is_first if is_first.sum() * 2 <= is_first.size else ~is_first
    n, size = chosen.size, int(chosen.sum())
    if n > MOST_TIED:
        raise ValueError(
            f"exact rank-sum test with ties: {n} participants, at most {MOST_TIED}; the normal approximation is as good"
        )
    mean = size * (n + 1)  # of the doubled sum
    distance = abs(int(doubled[chosen].sum()) - mean) + farther
    if distance == 0:
        return 1.0
    ordered = np.sort(doubled)
    halves = ordered[: n // 2].tolist(), ordered[n // 2 :].tolist()
    low_half, high_half = (_subset_sums(half, min(len(half), size)) for half in halves)
    total, p = comb(n, size), 0.0
    for taken in range(max(0, size - len(halves[1])), min(len(halves[0]), size) + 1):
        (low, weights), (high, others) = low_half[taken], high_half[size - taken]
        below = np.concatenate([[0.0], np.cumsum(others)])
        above = np.concatenate([np.cumsum(others[::-1])[::-1], [0.0]])
        rest = low + high + np.arange(weights.size)  # the sum with the smallest subset of the high half
        tails = below[np.clip(mean - distance - rest + 1, 0, others.size)]
        tails += above[np.clip(mean + distance - rest, 0, others.size)]
        subsets = comb(len(halves[0]), taken), comb(len(halves[1]), size - taken)
        p += (weights / subsets[0]) @ (tails / subsets[1]) * (subsets[0] * subsets[1] / total)
    return float(min(1.0, p))


def _subset_sums(ranks: list[int], most: int) -> list[tuple[int, np.ndarray]]:
    """Count the subsets of j of the sorted integers by sum, for j = 0 to ``most``: the smallest sum, and counts."""
    sums = list(accumulate(ranks, initial=0))
    highest = [sums[-1] - sums[len(ranks) - j] for j in range(most + 1)]
    ways = [np.zeros(highest[j] - sums[j] + 1) for j in range(most + 1)]
    ways[0][0] = 1.0
    for count, rank in enumerate(ranks):
        for j in range(min(count + 1, most), 0, -1):
            width = sums[count] - sums[count - j + 1] - sums[j - 1] + 1  # of the sums of j - 1 earlier ranks
            start = rank - ranks[j - 1]
            ways[j][start : start + width] += ways[j - 1][:width]
    return list(zip(sums, ways, strict=False))


def exact_counts(n_first: int, n_second: int) -> np.ndarray:
    """Count the arrangements with U = 0, 1, ..., n_first * n_second, without ties; exact below 2^53."""
    smaller = min(n_first, n_second)
    return _subset_sums(list(range(1, n_first + n_second + 1)), smaller)[smaller][1]
