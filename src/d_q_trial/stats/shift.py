"""Hodges-Lehmann estimate with the interval that inverts a rank-sum test.

The limits are pairwise differences: an interval is defined by its *depths*, the number of differences beyond either end.
"""

from functools import lru_cache, partial

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr
from scipy.stats import rankdata

from .checks import Estimate, as_rows, check_proportion, drop_missing, is_significant
from .rank_sum import exact_counts, exact_p, normal_z
from .two_sample import get_test


def hodges_lehmann(first: ArrayLike, second: ArrayLike, *, method: str, confidence: float) -> Estimate:
    """Hodges-Lehmann estimate of the shift, the median of all pairwise differences, with its interval.

    The interval contains the shifts d for which the test ``method`` of ``first - d`` against ``second`` has P above
    ``1 - confidence``. Ties between the samples, which exist only at isolated d, are ignored. Limits are infinite if
    the samples are too small to reject any shift, and NaN if the test has no interval for a shift. Hollander, Wolfe and
    Chicken (2014), sections 4.2 and 4.3; R: ``wilcox.test(conf.int=TRUE)``, by root search to 1e-4.

    >>> shift = hodges_lehmann([1, 4, 6, 7, 9], [0, 3, 2, 5], method="exact", confidence=0.95)
    >>> shift.estimate, shift.lower, shift.upper
    (3.5, -2.0, 7.0)
    """
    find_depths, alpha = get_test(method).depths, round(1 - check_proportion(confidence, "confidence"), 12)
    samples = drop_missing(first), drop_missing(second)
    differences = np.sort(np.subtract.outer(*samples), axis=None)
    if not differences.size:
        return Estimate()
    if find_depths is None:
        return Estimate(float(np.median(differences)))
    # Sum of t^3 - t over the groups of t equal values within the samples.
    ties = np.concatenate([np.unique(sample, return_counts=True)[1] for sample in samples])
    below, above = find_depths(*samples, differences, int((ties**3 - ties).sum()), alpha)
    lower, upper = differences[below - 1] if below else -np.inf, differences[-above] if above else np.inf
    return Estimate(float(np.median(differences)), lower=float(lower), upper=float(upper))


def hodges_lehmann_columns(values: np.ndarray, is_first: np.ndarray, *, method: str, confidence: float) -> Estimate:
    """:func:`hodges_lehmann` in each column of values, shape (n, k); fields have shape (k,)."""
    values, is_first = as_rows(values, is_first=is_first)
    shift = partial(hodges_lehmann, method=method, confidence=confidence)
    columns = [shift(column[is_first], column[~is_first]) for column in values.T]
    return Estimate(*np.reshape(columns, (-1, len(Estimate._fields))).T)


def normal_depths(
    first: np.ndarray, second: np.ndarray, _: np.ndarray, tie_sum: int, alpha: float, *, continuity: bool
) -> tuple[int, int]:
    """Return the depths of the interval that inverts the normal approximation; arguments as :func:`exact_depths`."""
    return (_normal_depth(first.size, second.size, tie_sum, alpha, continuity),) * 2


@lru_cache(maxsize=4096)
def _normal_depth(n_first: int, n_second: int, tie_sum: int, alpha: float, continuity: bool) -> int:
    u = np.arange(n_first * n_second // 2 + 1)
    return _depth(2 * ndtr(-np.abs(normal_z(u, n_first, n_second, tie_sum, continuity=continuity))), alpha)


@lru_cache(maxsize=4096)
def _untied_depth(n_first: int, n_second: int, alpha: float) -> int:
    counts = exact_counts(n_first, n_second)
    return _depth(np.minimum(2 * np.cumsum(counts)[: counts.size // 2 + 1] / counts.sum(), 1.0), alpha)


def _depth(p: np.ndarray, alpha: float) -> int:
    """Return the smallest U that is not rejected, from P of U = 0, 1, ... up to its mean; the next one if all are."""
    return int(np.argmin(np.append(is_significant(p, alpha), False)))


def exact_depths(
    first: np.ndarray, second: np.ndarray, differences: np.ndarray, tie_sum: int, alpha: float
) -> tuple[int, int]:
    """Return the depths of the interval that inverts the exact test; the differences are sorted, shape (n * m,).

    ``tie_sum`` is the sum of t^3 - t over the groups of t equal values within the samples. With such ties, P may not be
    monotone in the shift. The limit is then the change between rejection and acceptance that a search by doubling steps
    and bisection finds from the limit of the normal approximation.
    """
    if not tie_sum:
        return (_untied_depth(first.size, second.size, alpha),) * 2
    labels = np.repeat([True, False], [first.size, second.size])
    values, multiplicity = np.unique(differences, return_counts=True)
    depths = np.concatenate([[0], np.cumsum(multiplicity)])
    edges = np.concatenate([[values[0] - 2], values, [values[-1] + 2]])
    shifts = (edges[:-1] + edges[1:]) / 2
    guess = _normal_depth(first.size, second.size, tie_sum, alpha, False)

    def rejected(gap: int) -> bool:
        return bool(is_significant(exact_p(rankdata(np.concatenate([first - shifts[gap], second])), labels), alpha))

    def first_accepted(gaps: range, start: int) -> int:
        """Return an accepted gap next to a rejected one, near the start; the last gap, in the middle, is not tested."""
        low, high, step = -1, len(gaps) - 1, 1
        tested = min(start, high - 1)
        while high - low > 1:
            low, high = (tested, high) if rejected(gaps[tested]) else (low, tested)
            ahead, step = tested + (step if tested == low else -step), 2 * step
            tested = ahead if low < ahead < high else (low + high) // 2
        return gaps[high]

    # If equal differences span the middle, the search ends at the gaps on either side of them.
    right = int(np.searchsorted(depths, differences.size / 2))
    left = int(np.searchsorted(depths, differences.size / 2, side="right")) - 1
    lower = first_accepted(range(right + 1), int(np.searchsorted(depths, guess)))
    start = values.size + 1 - int(np.searchsorted(depths, differences.size - guess, side="right"))
    upper = first_accepted(range(values.size, left - 1, -1), start)
    return int(depths[lower]), int(differences.size - depths[upper])
