"""Hodges-Lehmann shift with the interval that belongs to a rank-sum test."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from .rank_sum import METHODS, exact_counts, exact_p, midrank_columns, normal_p, normal_z


class Shift(NamedTuple):
    """Shift of the first sample against the second, in the unit of the values."""

    estimate: float
    lower: float
    upper: float


class Shifts(NamedTuple):
    """Shifts of many pairs of samples, each field an array of shape (k,); see :func:`hodges_lehmann_subgroups`."""

    estimate: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def hodges_lehmann(first: ArrayLike, second: ArrayLike, *, method: str, confidence: float) -> Shift:
    """Hodges-Lehmann estimate of the shift, first minus second, with its interval.

    The estimate is the median of all pairwise differences. The interval holds the shifts d for which the rank-sum test
    of ``first - d`` against ``second`` has P above ``1 - confidence``; between two neighbouring differences nothing
    changes, so its limits are pairwise differences. Ties within a sample enter the variance (or the exact
    distribution); ties between the samples exist at isolated d only and are left out of account.

    Parameters
    ----------
    first, second : array of float, shape (n,)
        NaN marks a missing value.
    method : {"normal", "normal_continuity", "exact"}
        The test to invert.
    confidence : float
        Such as 0.95.

    Returns
    -------
    Shift
        ``lower`` is -inf and ``upper`` inf if the samples are too small to reject any shift; all NaN without values.

    References
    ----------
    Hollander, Wolfe and Chicken (2014), sections 4.2 and 4.3; R's ``wilcox.test(conf.int=TRUE)`` finds the same limits,
    by root search to 1e-4 in the normal variants.
    """
    first, second = (_present(sample) for sample in (first, second))
    if first.size == 0 or second.size == 0:
        _check(method)
        return Shift(np.nan, np.nan, np.nan)
    values = np.concatenate([first, second])
    everybody = np.ones((values.size, 1), dtype=bool)
    is_first = np.arange(values.size) < first.size
    found = hodges_lehmann_subgroups(values, is_first, everybody, method=method, confidence=confidence)
    return Shift(*(field.item() for field in found))


def hodges_lehmann_subgroups(
    values: ArrayLike, is_first: ArrayLike, members: ArrayLike, *, method: str, confidence: float
) -> Shifts:
    """Hodges-Lehmann shifts within many subgroups of the same participants.

    The same numbers as :func:`hodges_lehmann` gives for each subgroup; the pairwise differences are sorted once.

    Parameters
    ----------
    values : array of float, shape (n,)
        NaN marks a missing value.
    is_first : array of bool, shape (n,)
        Which participants form the first sample.
    members : array of bool, shape (n, k)
        Who belongs to each subgroup.
    method, confidence
        As for :func:`hodges_lehmann`.
    """
    _check(method)
    values, is_first, members = np.asarray(values, dtype=float), np.asarray(is_first, bool), np.asarray(members, bool)
    present = ~np.isnan(values)
    sides = [np.flatnonzero(present & side) for side in (is_first, ~is_first)]
    differences = np.subtract.outer(*(values[side] for side in sides)).ravel()
    order = np.argsort(differences, kind="stable")
    differences = differences[order]
    pairs = np.unravel_index(order, tuple(side.size for side in sides))
    inside = [np.ascontiguousarray(members[side].T) for side in sides]
    ties = np.array([_tie_sums(values[side], own) for side, own in zip(sides, inside, strict=True)]).T
    alpha = round(1 - confidence, 12)  # 1 - 0.9 is a little less than 0.1, and an exact P may be just that
    found = np.full((3, members.shape[1]), np.nan)
    for subgroup, (first, second) in enumerate(zip(*inside, strict=True)):
        places = np.flatnonzero(first[pairs[0]] & second[pairs[1]])
        if places.size:
            samples = (values[sides[0][first]], values[sides[1][second]])
            found[:, subgroup] = _shift(*samples, differences[places], ties[subgroup].sum(), method, alpha)
    return Shifts(*found)


def _check(method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"rank-sum method {method!r}: expected one of {', '.join(METHODS)}")


def _tie_sums(values: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Sum of t^3 - t over the groups of t equal values, in each subgroup of shape (k, n)."""
    if np.unique(values).size == values.size:
        return np.zeros(len(members), dtype=int)
    return midrank_columns(np.where(members, values, np.nan).T)[1].astype(int)


def _shift(first, second, differences, tie_sum: int, method: str, alpha: float) -> tuple[float, float, float]:
    """Shift of two samples, and its limits, from their sorted pairwise differences."""
    below, above = _depths(first, second, differences, int(tie_sum), method, alpha)
    lower = differences[below - 1] if below else -np.inf
    upper = differences[-above] if above else np.inf
    return (differences[(differences.size - 1) // 2] + differences[differences.size // 2]) / 2, lower, upper


def _present(sample: ArrayLike) -> np.ndarray:
    sample = np.asarray(sample, dtype=float).ravel()
    return sample[~np.isnan(sample)]


def _depths(first, second, differences, tie_sum: int, method: str, alpha: float) -> tuple[int, int]:
    """Count the pairwise differences that lie outside each end of the interval, the limit included.

    A shift between the sorted differences k and k + 1 leaves k pairs below, so U = n1 * n2 - k. Shifts are rejected
    from the outside in while P(U) <= alpha; the first k that is not rejected is the depth of the lower limit. Without
    ties within a sample, and in the normal variants, the upper limit lies as deep by symmetry.
    """
    if method != "exact":
        depth = _normal_depth(first.size, second.size, tie_sum, alpha, method)
        return depth, depth
    if tie_sum:
        return _tied_exact_depths(first, second, differences, alpha)
    p = _untied_exact_p(first.size, second.size)[: differences.size // 2 + 1]
    depth = int(np.argmax(~(p <= alpha)))
    return depth, depth


@lru_cache(maxsize=4096)
def _normal_depth(n_first: int, n_second: int, tie_sum: int, alpha: float, method: str) -> int:
    """Smallest U, not above its mean, that the normal approximation does not reject.

    P rises with U, so it is tried only around the U at which the deviate reaches its critical value.
    """
    continuity = method == "normal_continuity"
    unit = normal_z(1.0 + n_first * n_second / 2, n_first, n_second, tie_sum, continuity=False)  # of one U
    if np.isnan(unit):
        return 0
    critical = (n_first * n_second - continuity) / 2 + ndtri(alpha / 2) / unit
    tried = np.clip(np.floor(critical) + np.arange(-1, 3), 0, n_first * n_second // 2)
    p = normal_p(tried, n_first, n_second, tie_sum, continuity=continuity)
    return int(tried[np.argmax(~(p <= alpha))])


@lru_cache(maxsize=256)
def _untied_exact_p(n_first: int, n_second: int) -> np.ndarray:
    """Two-sided exact P of U = 0, 1, ... up to the mean, without ties."""
    counts = exact_counts(n_first, n_second)
    total = sum(counts)
    tails = accumulate(counts[: len(counts) // 2 + 1])
    return np.array([min(1.0, 2 * tail / total) for tail in tails])


def _tied_exact_depths(first, second, differences, alpha: float) -> tuple[int, int]:
    """Depths by bisection over the gaps between differences, from each end to the middle.

    Where the ties stand among the ranks depends on the shift, so that each gap has a distribution of its own, and P
    need not be monotone in the shift: the limits are shifts at which the verdict changes.
    """
    labels = np.repeat([True, False], [first.size, second.size])
    values, multiplicity = np.unique(differences, return_counts=True)
    depths = np.concatenate([[0], np.cumsum(multiplicity)])
    edges = np.concatenate([[values[0] - 2], values, [values[-1] + 2]])
    shifts = (edges[:-1] + edges[1:]) / 2

    def rejected(gap: int) -> bool:
        ranks = midrank_columns(np.concatenate([first - shifts[gap], second])[:, None])[0][:, 0]
        return exact_p(ranks, labels) <= alpha

    def first_kept(gaps: range) -> int:
        low, high = 0, len(gaps) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if rejected(gaps[middle]) else (low, middle)
        return gaps[low]

    # Where equal differences lie across the middle, the gaps on either side of them are the last to be tried.
    right = int(np.searchsorted(depths, differences.size / 2))
    left = int(np.searchsorted(depths, differences.size / 2, side="right")) - 1
    lower = first_kept(range(right + 1))
    upper = first_kept(range(values.size, left - 1, -1))
    return int(depths[lower]), int(differences.size - depths[upper])
