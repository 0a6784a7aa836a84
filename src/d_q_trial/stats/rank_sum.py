"""Wilcoxon's rank-sum test (Mann and Whitney's U test), by scipy, in the variants that programs disagree on.

The variants (``normal``, ``normal_continuity``, ``exact``; see :mod:`d_q_trial.stats.two_sample`) share one statistic, U:
the pairs in which the first sample is larger, ties counting half.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import ndtr

from .checks import finite, present
from .exact import exact_counts as exact_counts
from .exact import exact_p as exact_p
from .two_sample import Compared, TwoSampleTest, get_test, rank_sum_variants


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
    first, second : array of float, shape (n,), (m,)
        In any one unit; NaN marks a missing value and is left out of n. ValueError if a value is infinite.
    method : {"normal", "normal_continuity", "exact"}
        No default: the choice moves P across 0.05, so the caller has to make it.

    Returns
    -------
    RankSum
        ``u`` counts the pairs with first > second plus half of the tied ones. ``z`` is the deviate that belongs to P: with
        the continuity correction for ``normal_continuity``, without it for the others. ``z`` and ``p`` are NaN if all
        values are equal or a sample is empty.

    References
    ----------
    Hollander, Wolfe and Chicken (2014), section 4.1, with its correction for ties.

    >>> found = rank_sum([1.1, 2.2, 3.3, 4.4], [2.0, 0.5, 0.7], method="normal")
    >>> found.u, round(found.p, 4)
    (11.0, 0.0771)
    """
    return RankSum(*_variant(method).compare(np.asarray(first, dtype=float), np.asarray(second, dtype=float)))


def rank_sum_columns(values: ArrayLike, is_first: ArrayLike, *, method: str) -> RankSums:
    """Rank-sum tests of the columns of values, shape (n, k), on one split of the rows; fields of shape (k,).

    >>> rank_sum_columns([[1, 5], [2, 6], [3, 1], [4, 2]], [True, True, False, False], method="exact").p.round(4)
    array([0.3333, 0.3333])
    """
    return RankSums(
        *_variant(method).compare_columns(np.asarray(values, dtype=float), np.asarray(is_first, dtype=bool))
    )


def _variant(method: str) -> TwoSampleTest:
    if method not in rank_sum_variants():
        raise ValueError(f"rank-sum method {method!r}: expected one of {', '.join(rank_sum_variants())}")
    return get_test(method)


def asymptotic(first: ArrayLike, second: ArrayLike, *, continuity: bool) -> Compared:
    """Normal approximation of one pair of samples, by ``scipy.stats.mannwhitneyu``; see :func:`rank_sum`.

    >>> round(asymptotic([1, 2, 2], [2, 3], continuity=False).p, 4)
    0.1967
    """
    first, second = present(first), present(second)
    if not first.size or not second.size:
        return Compared(first.size, second.size, 0.0, np.nan, np.nan)
    if np.unique(np.concatenate([first, second])).size == 1:
        return Compared(first.size, second.size, first.size * second.size / 2, np.nan, np.nan)
    found = stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=continuity)
    _, tie_sum = midrank_columns(np.concatenate([first, second])[:, None])
    z = normal_z(
        found.statistic, first.size, second.size, tie_sum[0], continuity=continuity
    )  # scipy keeps it to itself
    return Compared(first.size, second.size, float(found.statistic), float(z), float(found.pvalue))


def asymptotic_columns(values: ArrayLike, is_first: ArrayLike, *, continuity: bool) -> Compared:
    """Normal approximation of many variables on one split of the participants.

    The same as ``mannwhitneyu(..., axis=0, nan_policy="omit", method="asymptotic")``, which takes them one by one.

    Parameters
    ----------
    values : array of float, shape (n, k)
        A column per variable, a row per participant; NaN marks a missing value.
    is_first : array of bool, shape (n,)

    >>> asymptotic_columns([[1, 5], [2, 6], [3, 7], [4, 8]], [True, True, False, False], continuity=True).p.round(4)
    array([0.2453, 0.2453])
    """
    values, is_first = finite(values), np.asarray(is_first, dtype=bool)
    present_first = ~np.isnan(values) & is_first[:, None]
    n_first = present_first.sum(axis=0)
    n_second = (~np.isnan(values)).sum(axis=0) - n_first
    ranks, tie_sum = midrank_columns(values)
    u = np.where(present_first, ranks, 0.0).sum(axis=0) - n_first * (n_first + 1) / 2
    z = normal_z(u, n_first, n_second, tie_sum, continuity=continuity)
    return Compared(n_first, n_second, u, z, 2 * ndtr(-np.abs(z)))


def midrank_columns(values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Midranks within each column of values, shape (n, k), and the tie sum of each, shape (k,).

    Ranks count from 1, by ``scipy.stats.rankdata``; NaN where missing. The tie sum, of t^3 - t over the groups of t equal
    values, is twelve times what the ties take off the sum of squared ranks.

    >>> ranks, tie_sum = midrank_columns([[1], [2], [2], [9]])
    >>> ranks.ravel(), tie_sum
    (array([1. , 2.5, 2.5, 4. ]), array([6.]))
    """
    values = finite(values)
    if not values.size:
        return np.empty(values.shape), np.zeros(values.shape[1])
    ranks = stats.rankdata(values, axis=0, nan_policy="omit")
    n = (~np.isnan(values)).sum(axis=0)
    return ranks, 2.0 * n * (n + 1) * (2 * n + 1) - 12 * np.nansum(ranks**2, axis=0)


def normal_z(
    u: ArrayLike, n_first: ArrayLike, n_second: ArrayLike, tie_sum: ArrayLike = 0.0, *, continuity: bool
) -> np.ndarray:
    """Standardize U; arguments broadcast. NaN where the variance is zero (an empty sample, or all values equal).

    >>> float(normal_z(1, 3, 2, 24, continuity=False).round(4))
    -1.291
    """
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
        z: np.ndarray = distance / np.sqrt(variance)
    return z


def normal_p(
    u: ArrayLike, n_first: ArrayLike, n_second: ArrayLike, tie_sum: ArrayLike = 0.0, *, continuity: bool = False
) -> np.ndarray:
    """Two-sided P of U under the tie-corrected normal approximation; arguments broadcast.

    >>> f"{normal_p(10, 5, 5):.3f}"  # z = (10 - 12.5) / sqrt(5 * 5 * 11 / 12)
    '0.602'
    """
    p: np.ndarray = 2 * ndtr(-np.abs(normal_z(u, n_first, n_second, tie_sum, continuity=continuity)))
    return p


def count_wins(first: np.ndarray, second: np.ndarray) -> float:
    """Return U of two samples without missing values: pairs with first > second, ties counting half.

    >>> count_wins(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    2.5
    """
    return float((np.sign(np.subtract.outer(first, second)) + 1).sum() / 2)
