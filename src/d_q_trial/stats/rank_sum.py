"""Wilcoxon rank-sum test (Mann-Whitney U test) in the variants that differ between programs.

All share one statistic, U: the number of pairs in which the first sample is larger, ties counting one half. P is that
of ``scipy.stats.mannwhitneyu``, except for the exact distribution with ties, which no Python library provides. z has
the correction for ties of Hollander, Wolfe and Chicken (2014), Nonparametric Statistical Methods, section 4.1.

The Hodges-Lehmann estimate has the interval that inverts the test. The limits are pairwise differences: an interval is
defined by its *depths*, the number of differences beyond either end.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import accumulate
from math import comb

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import ndtr

from .checks import Estimate, as_finite, as_rows, check_proportion, drop_missing, is_significant
from .two_sample import ComparisonResult, get_test

MAX_TIED = 1_200  # participants; with more, the exact distribution with ties takes minutes and gigabytes


def exact(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Exact P of samples in rows, shape (c, n) and (c, m), by ``mannwhitneyu`` where there are no ties."""
    ranks = stats.rankdata(np.concatenate([first, second], axis=1), axis=1)
    n, is_first = ranks.shape[1], np.arange(ranks.shape[1]) < first.shape[1]
    # Beyond 1,000 participants, scipy's counts overflow.
    untied = (np.sort(ranks, axis=1) == np.arange(1, n + 1)).all(axis=1) & (n <= 1_000)
    p, tied = np.full(len(ranks), np.nan), ~untied & (np.ptp(ranks, axis=1) > 0)
    p[untied] = stats.mannwhitneyu(first[untied], second[untied], axis=1, method="exact").pvalue
    p[tied] = [exact_p(pair_ranks, is_first) for pair_ranks in ranks[tied]]
    return Estimate(p=p)


def asymptotic_columns(values: ArrayLike, is_first: ArrayLike, *, continuity: bool) -> ComparisonResult:
    """Normal approximation for all columns of values, shape (n, k); ``mannwhitneyu`` is limited to equal sizes."""
    values, is_first = as_rows(values, is_first=is_first)
    present = ~np.isnan(values)
    in_first = present & is_first[:, None]
    n_first = in_first.sum(axis=0)
    n_second = present.sum(axis=0) - n_first
    ranks, tie_sum = midrank_columns(values)
    u = np.where(in_first, ranks, 0.0).sum(axis=0) - n_first * (n_first + 1) / 2
    z = normal_z(u, n_first, n_second, tie_sum, continuity=continuity)
    return ComparisonResult(n_first, n_second, u, z, 2 * ndtr(-np.abs(z)))


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
        # If all values are equal, the variance is zero except for a rounding error of either sign.
        variance = np.where(variance > 1e-9 * product * n, variance, np.nan)
        distance = u - product / 2
        if continuity:
            distance = np.sign(distance) * np.maximum(np.abs(distance) - 0.5, 0.0)
        return distance / np.sqrt(variance)


def pairwise_wins(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """1 where first > second, 1/2 where equal, else 0: shape (n, m). The sum is U."""
    return (np.sign(np.subtract.outer(first, second)) + 1) / 2


def compare_by_sizes(function: Callable[..., Estimate], values: np.ndarray, is_first: np.ndarray) -> Estimate:
    """Compare the samples in each column of values, shape (n, k), in one call per pair of sizes; fields have shape (k,).

    The function gets both samples without NaN, (c, n_first) and (c, n_second); its fields are NaN or of shape (c,).
    """
    values, is_first = as_rows(values, is_first=is_first)
    fields = np.full((len(Estimate._fields), values.shape[1]), np.nan)
    samples = [(values[side].T, ~np.isnan(values[side].T)) for side in (is_first, ~is_first)]
    sizes, size_numbers = np.unique([present.sum(axis=1) for _, present in samples], axis=1, return_inverse=True)
    for number in np.flatnonzero(sizes.min(axis=0)):
        columns = np.flatnonzero(size_numbers == number)
        first, second = (sample[columns][present[columns]].reshape(columns.size, -1) for sample, present in samples)
        for field, result in zip(fields, function(first, second), strict=True):
            field[columns] = result
    return Estimate(*fields)


def exact_p(ranks: ArrayLike, is_first: ArrayLike, *, farther: bool = False) -> float:
    """Exact P of a rank sum given the midranks, shape (n,): the share of arrangements at least as far from the mean.

    ``farther`` counts only those that are strictly farther. At most ``MAX_TIED`` ranks. Subset sums by Streitberg and
    Roehmel (1986) of each half of the pooled ranks, at a quarter of the cost of all ranks at once, combined as by van de
    Wiel (2001), Computational Statistics 16, 519-538. Adding only positive terms keeps small P accurate to about 1e-13.
    """
    ranks, is_first = as_rows(ranks=ranks, is_first=is_first)
    doubled = np.rint(2 * ranks).astype(int)
    # The rank sum of the smaller sample gives the same P at lower cost.
    chosen = is_first if is_first.sum() * 2 <= is_first.size else ~is_first
    n, size = chosen.size, int(chosen.sum())
    if n > MAX_TIED:
        message = "exact rank-sum test with ties: {} participants, at most {}; the normal approximation is as good"
        raise ValueError(message.format(n, MAX_TIED))
    mean = size * (n + 1)  # of the doubled sum
    distance = abs(int(doubled[chosen].sum()) - mean) + farther
    if distance == 0:
        return 1.0
    ordered = np.sort(doubled)
    halves = ordered[: n // 2].tolist(), ordered[n // 2 :].tolist()
    low_half, high_half = (_subset_sums(half, min(len(half), size)) for half in halves)
    total, p = comb(n, size), 0.0
    for taken in range(max(0, size - len(halves[1])), min(len(halves[0]), size) + 1):
        (low_sum, low_counts), (high_sum, high_counts) = low_half[taken], high_half[size - taken]
        below = np.concatenate([[0.0], np.cumsum(high_counts)])
        above = np.concatenate([np.cumsum(high_counts[::-1])[::-1], [0.0]])
        smallest = low_sum + high_sum + np.arange(low_counts.size)  # sums with the smallest subset of the high half
        tails = below[np.clip(mean - distance - smallest + 1, 0, high_counts.size)]
        tails += above[np.clip(mean + distance - smallest, 0, high_counts.size)]
        subsets = comb(len(halves[0]), taken), comb(len(halves[1]), size - taken)
        p += (low_counts / subsets[0]) @ (tails / subsets[1]) * (subsets[0] * subsets[1] / total)
    return float(min(1.0, p))


def _subset_sums(ranks: list[int], most: int) -> list[tuple[int, np.ndarray]]:
    """Count the subsets of j of the sorted integers by sum, for j = 0 to ``most``: the smallest sum, and the counts."""
    sums = list(accumulate(ranks, initial=0))
    largest = [sums[-1] - sums[len(ranks) - j] for j in range(most + 1)]
    counts = [np.zeros(largest[j] - sums[j] + 1) for j in range(most + 1)]
    counts[0][0] = 1.0
    for earlier, rank in enumerate(ranks):
        for j in range(min(earlier + 1, most), 0, -1):
            width = sums[earlier] - sums[earlier - j + 1] - sums[j - 1] + 1  # of the sums of j - 1 earlier ranks
            start = rank - ranks[j - 1]
            counts[j][start : start + width] += counts[j - 1][:width]
    return list(zip(sums, counts, strict=False))


def exact_counts(n_first: int, n_second: int) -> np.ndarray:
    """Count the arrangements with U = 0, 1, ..., n_first * n_second, without ties; exact below 2^53."""
    smaller = min(n_first, n_second)
    return _subset_sums(list(range(1, n_first + n_second + 1)), smaller)[smaller][1]


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
    return (_depth(first.size, second.size, tie_sum, alpha, continuity),) * 2


@lru_cache(maxsize=4096)
def _depth(n_first: int, n_second: int, tie_sum: int, alpha: float, continuity: bool | None) -> int:
    """Return the smallest U that is not rejected, the next one if all are; without ``continuity``, by exact P without ties."""
    u = np.arange(n_first * n_second // 2 + 1)  # up to its mean
    if continuity is None:
        counts = exact_counts(n_first, n_second)
        p = np.minimum(2 * np.cumsum(counts)[u] / counts.sum(), 1.0)
    else:
        p = 2 * ndtr(-np.abs(normal_z(u, n_first, n_second, tie_sum, continuity=continuity)))
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
        return (_depth(first.size, second.size, 0, alpha, None),) * 2
    labels = np.repeat([True, False], [first.size, second.size])
    values, multiplicity = np.unique(differences, return_counts=True)
    depths = np.concatenate([[0], np.cumsum(multiplicity)])
    edges = np.concatenate([[values[0] - 2], values, [values[-1] + 2]])
    shifts = (edges[:-1] + edges[1:]) / 2
    guess = _depth(first.size, second.size, tie_sum, alpha, False)

    def rejected(gap: int) -> bool:
        return bool(
            is_significant(exact_p(stats.rankdata(np.concatenate([first - shifts[gap], second])), labels), alpha)
        )

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
