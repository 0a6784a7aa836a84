"""Wilcoxon's rank-sum test (Mann and Whitney's U test), in the variants that programs disagree on.

Three variants share one statistic, U: the pairs in which the first sample is larger, ties counting half.

``normal``
    U against its mean in units of the tie-corrected standard deviation. R: ``wilcox.test(exact=FALSE, correct=FALSE)``.
``normal_continuity``
    The same with half a unit taken off the distance. R: ``wilcox.test(exact=FALSE)``; scipy: ``mannwhitneyu``.
``exact``
    The permutation distribution of U given the ties, two-sided by distance from the mean. R without ties:
    ``wilcox.test(exact=TRUE)``; with ties: ``coin::wilcox_test(distribution="exact")``.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

METHODS = ("normal", "normal_continuity", "exact")


class RankSum(NamedTuple):
    """Result of a two-sided rank-sum test; see :func:`rank_sum`."""

    n_first: int
    n_second: int
    u: float
    z: float
    p: float


class RankSums(NamedTuple):
    """Results of many rank-sum tests, each field an array of shape (k,); see :func:`rank_sum_columns`."""

    n_first: np.ndarray
    n_second: np.ndarray
    u: np.ndarray
    z: np.ndarray
    p: np.ndarray


def rank_sum(first: ArrayLike, second: ArrayLike, *, method: str) -> RankSum:
    """Two-sided rank-sum test of two independent samples.

    Parameters
    ----------
    first, second : array of float, shape (n,)
        Values in any one unit; NaN marks a missing value and is left out of n.
    method : {"normal", "normal_continuity", "exact"}
        No default: the choice moves P across 0.05, so the caller has to make it.

    Returns
    -------
    RankSum
        ``u`` counts the pairs with first > second plus half of the tied ones, so swapping the samples turns it into
        ``n_first * n_second - u``. ``z`` is the deviate that belongs to P: with the continuity correction for
        ``normal_continuity``, without it for the others. ``z`` and ``p`` are NaN if all values are equal.

    Raises
    ------
    ValueError
        If a sample has no value, an infinite one, or the method is unknown.

    References
    ----------
    Hollander, Wolfe and Chicken (2014), section 4.1, with its correction for ties.
    """
    first = np.asarray(first, dtype=float).ravel()
    second = np.asarray(second, dtype=float).ravel()
    labels = np.repeat([True, False], [first.size, second.size])
    columns = rank_sum_columns(np.concatenate([first, second])[:, None], labels, method=method)
    if not columns.n_first[0] or not columns.n_second[0]:
        raise ValueError("rank-sum test: a sample has no value")
    return RankSum(*(field[0].item() for field in columns))


def rank_sum_columns(values: ArrayLike, is_first: ArrayLike, *, method: str) -> RankSums:
    """Rank-sum tests of many variables on one split of the participants.

    Parameters
    ----------
    values : array of float, shape (n, k)
        A column per variable, a row per participant; NaN marks a missing value.
    is_first : array of bool, shape (n,)
        Which participants form the first sample.
    method : {"normal", "normal_continuity", "exact"}

    Returns
    -------
    RankSums
        Fields of shape (k,). ``z`` and ``p`` are NaN where a sample is empty or all values are equal.
    """
    if method not in METHODS:
        raise ValueError(f"rank-sum method {method!r}: expected one of {', '.join(METHODS)}")
    values = np.asarray(values, dtype=float)
    is_first = np.asarray(is_first, dtype=bool)
    if np.isinf(values).any():
        raise ValueError("rank-sum test: infinite value")
    present = ~np.isnan(values)
    n_first = (present & is_first[:, None]).sum(axis=0)
    n_second = present.sum(axis=0) - n_first
    ranks, tie_sum = midrank_columns(values)
    rank_total = np.where(present & is_first[:, None], ranks, 0.0).sum(axis=0)
    u = rank_total - n_first * (n_first + 1) / 2
    z = normal_z(u, n_first, n_second, tie_sum, continuity=method == "normal_continuity")
    p = 2 * ndtr(-np.abs(z))
    if method == "exact":
        for column in np.flatnonzero(~np.isnan(z)):
            keep = present[:, column]
            p[column] = exact_p(ranks[keep, column], is_first[keep])
    return RankSums(n_first, n_second, u, z, p)


def midrank_columns(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Midranks within each column, and the tie sum of each column.

    Parameters
    ----------
    values : array of float, shape (n, k)
        NaN marks a missing value.

    Returns
    -------
    ranks : array of float, shape (n, k)
        From 1; equal values share the mean of their ranks; NaN where missing.
    tie_sum : array of float, shape (k,)
        Sum of t^3 - t over the groups of t equal values.
    """
    n, k = values.shape
    if n == 0:
        return np.empty((0, k)), np.zeros(k)
    order = np.argsort(values, axis=0, kind="stable")  # NaN sorts last
    ordered = np.take_along_axis(values, order, axis=0)
    position = np.broadcast_to(np.arange(n)[:, None], (n, k))
    starts = np.ones((n, k), dtype=bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    ends = np.ones((n, k), dtype=bool)
    ends[:-1] = starts[1:]
    first = np.maximum.accumulate(np.where(starts, position, 0), axis=0)
    last = np.minimum.accumulate(np.where(ends, position, n)[::-1], axis=0)[::-1]
    ranks = np.empty((n, k))
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=0)
    ranks[np.isnan(values)] = np.nan
    size = np.where(ends, last - first + 1.0, 0.0)  # NaN never equals NaN: each is a group of one, adding nothing
    return ranks, (size**3 - size).sum(axis=0)


def normal_z(u, n_first, n_second, tie_sum=0.0, *, continuity: bool):
    """Standardize U; arguments broadcast. NaN where the variance is zero (an empty sample, or all values equal)."""
    u, n_first, n_second, tie_sum = (np.asarray(a, dtype=float) for a in (u, n_first, n_second, tie_sum))
    n = n_first + n_second
    product = n_first * n_second
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = product / 12 * ((n + 1) - tie_sum / (n * (n - 1)))
        # All equal: the exact value is zero, floating point may leave a trace of either sign.
        variance = np.where(variance > 1e-9 * product * n, variance, np.nan)
        distance = u - product / 2
        if continuity:
            distance = np.sign(distance) * np.maximum(np.abs(distance) - 0.5, 0.0)
        return distance / np.sqrt(variance)


def normal_p(u, n_first, n_second, tie_sum=0.0, *, continuity: bool = False):
    """Two-sided P of U under the tie-corrected normal approximation; arguments broadcast."""
    return 2 * ndtr(-np.abs(normal_z(u, n_first, n_second, tie_sum, continuity=continuity)))


@lru_cache(maxsize=256)
def exact_counts(n_first: int, n_second: int) -> tuple[int, ...]:
    """Count the arrangements with U = 0, 1, ..., n_first * n_second, without ties, as exact whole numbers.

    The generating function is the Gaussian binomial: a product of (1 - x^(n_second + i)) / (1 - x^i).
    """
    top = n_first * n_second
    counts = [1] + [0] * top
    for i in range(1, n_first + 1):
        for power in range(top, n_second + i - 1, -1):
            counts[power] -= counts[power - n_second - i]
        for power in range(i, top + 1):
            counts[power] += counts[power - i]
    return tuple(counts)


def exact_p(ranks: ArrayLike, is_first: ArrayLike) -> float:
    """Two-sided exact P of a rank sum given the midranks, by distance from the mean.

    Parameters
    ----------
    ranks : array of float, shape (n,)
        Midranks of the pooled sample, multiples of one half.
    is_first : array of bool, shape (n,)

    Returns
    -------
    float
        The share of the C(n, n_first) arrangements whose rank sum is as far from its mean as the observed one.
    """
    doubled = np.rint(2 * np.asarray(ranks)).astype(int)
    is_first = np.asarray(is_first, dtype=bool)
    # The distribution of the smaller sample's sum carries the same P and costs less.
    chosen = is_first if is_first.sum() * 2 <= is_first.size else ~is_first
    weights = _rank_sum_weights(tuple(np.sort(doubled).tolist()), int(chosen.sum()))
    mean = chosen.sum() * (is_first.size + 1)  # of the doubled sum
    distance = abs(int(doubled[chosen].sum()) - mean)
    sums = np.arange(weights.size)
    return float(min(1.0, weights[np.abs(sums - mean) >= distance].sum() / weights.sum()))


@lru_cache(maxsize=512)
def _rank_sum_weights(doubled: tuple[int, ...], size: int) -> np.ndarray:
    """Count the subsets of ``size`` by their sum, scaled to avoid overflow (the shift algorithm).

    Streitberg and Roehmel (1986): add the ranks one by one; ways[j, s] counts the subsets of j ranks with sum s.
    Float64 sums of positive terms keep a relative error near 1e-14, and no difference is ever taken. Two kinds of cells
    are passed over, four fifths of them: sums out of reach of j of the ranks so far, and subsets too small to be
    filled up by the ranks to come.
    """
    n = len(doubled)
    ways = np.zeros((size + 1, sum(doubled[n - size :]) + 1))
    ways[0, 0] = 1.0
    sums = list(accumulate(doubled, initial=0))
    for count, rank in enumerate(doubled):
        for j in range(min(count + 1, size), max(1, size - (n - count - 1)) - 1, -1):
            # The sums of j - 1 of the ranks before this one, which come in increasing order.
            low, high = sums[j - 1], sums[count] - sums[count - j + 1]
            ways[j, low + rank : high + rank + 1] += ways[j - 1, low : high + 1]
    return ways[size]
