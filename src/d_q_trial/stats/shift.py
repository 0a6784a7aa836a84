"""Hodges-Lehmann shift with the interval that belongs to a rank-sum test."""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .rank_sum import METHODS, exact_counts, exact_p, midrank_columns, normal_p


class Shift(NamedTuple):
    """Shift of the first sample against the second, in the unit of the values."""

    estimate: float
    lower: float
    upper: float


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
    if method not in METHODS:
        raise ValueError(f"rank-sum method {method!r}: expected one of {', '.join(METHODS)}")
    first, second = (_present(sample) for sample in (first, second))
    if first.size == 0 or second.size == 0:
        return Shift(np.nan, np.nan, np.nan)
    differences = np.sort(np.subtract.outer(first, second), axis=None)
    below, above = _depths(first, second, differences, method, 1 - confidence)
    lower = float(differences[below - 1]) if below else -np.inf
    upper = float(differences[-above]) if above else np.inf
    return Shift(float(np.median(differences)), lower, upper)


def _present(sample: ArrayLike) -> np.ndarray:
    sample = np.asarray(sample, dtype=float).ravel()
    return sample[~np.isnan(sample)]


def _depths(first, second, differences, method: str, alpha: float) -> tuple[int, int]:
    """Count the pairwise differences that lie outside each end of the interval, the limit included.

    A shift between the sorted differences k and k + 1 leaves k pairs below, so U = n1 * n2 - k. Shifts are rejected
    from the outside in while P(U) <= alpha; the first k that is not rejected is the depth of the lower limit. Without
    ties within a sample, and in the normal variants, the upper limit lies as deep by symmetry.
    """
    below = np.arange(differences.size // 2 + 1)
    if method == "exact":
        if _has_ties(first) or _has_ties(second):
            return _tied_exact_depths(first, second, differences, alpha)
        p = _untied_exact_p(first.size, second.size)[below]
    else:
        tie_sum = sum(midrank_columns(sample[:, None])[1][0] for sample in (first, second))
        p = normal_p(below, first.size, second.size, tie_sum, continuity=method == "normal_continuity")
    depth = int(np.argmax(~(p <= alpha)))
    return depth, depth


def _has_ties(sample: np.ndarray) -> bool:
    return np.unique(sample).size < sample.size


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

    middle = int(np.searchsorted(depths, differences.size / 2))
    lower = first_kept(range(middle + 1))
    upper = first_kept(range(values.size, middle - 1, -1))
    return int(depths[lower]), int(differences.size - depths[upper])
