"""The exact distribution of the rank sum: by scipy without ties, and given the ties, for which no library has it."""

from __future__ import annotations

from itertools import accumulate
from math import comb

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .checks import finite

MOST_TIED = 1_200  # participants, beyond which the distribution given the ties takes minutes and gigabytes


def exact_p_columns(values: ArrayLike, is_first: ArrayLike) -> np.ndarray:
    """Two-sided exact P of the rank-sum tests of the columns of values, shape (n, k); NaN where there is none.

    Columns without ties have P of ``scipy.stats.mannwhitneyu(method="exact")``, those with equal sample sizes at once.

    >>> exact_p_columns([[1, 1], [2, 2], [3, 2], [4, 3]], [True, True, False, False]).round(4)
    array([0.3333, 0.6667])
    """
    values, is_first = finite(values), np.asarray(is_first, dtype=bool)
    p = np.full(values.shape[1], np.nan)
    untied: dict[tuple[int, int], list[int]] = {}
    for place, column in enumerate(values.T):
        known = ~np.isnan(column)
        sizes = int((known & is_first).sum()), int((known & ~is_first).sum())
        distinct = np.unique(column[known]).size
        if not min(sizes) or distinct == 1:
            continue
        if distinct == sum(sizes) and distinct <= 1_000:  # beyond, scipy's counts overflow
            untied.setdefault(sizes, []).append(place)
        else:
            p[place] = exact_p(stats.rankdata(column[known]), is_first[known])
    for places in untied.values():
        first, second = (
            np.array([column[side & ~np.isnan(column)] for column in values.T[places]])
            for side in (is_first, ~is_first)
        )
        p[places] = stats.mannwhitneyu(first, second, axis=1, method="exact").pvalue
    return p


def exact_p(ranks: ArrayLike, is_first: ArrayLike, *, farther: bool = False) -> float:
    """Two-sided exact P of a rank sum given the midranks: the share of arrangements as far from the mean.

    Parameters
    ----------
    ranks : array of float, shape (n,)
        Midranks of the pooled sample, multiples of one half; ValueError if there are more than ``MOST_TIED``.
    is_first : array of bool, shape (n,)
    farther : bool
        Leave out the arrangements that are just as far as the observed one.

    References
    ----------
    Streitberg and Roehmel (1986). The pooled ranks are halved: the sums of all subsets of either half cost a quarter of
    those of the whole, and a subset of the whole is one of each. Sums of positive terms only, so that small P keep a
    relative error near 1e-13.

    >>> exact_p([1, 3, 3, 3, 5], [True, True, True, False, False])
    0.6
    """
    doubled, is_first = np.rint(2 * np.asarray(ranks, dtype=float)).astype(int), np.asarray(is_first, dtype=bool)
    # The distribution of the smaller sample's sum carries the same P and costs less.
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
        rest = low + high + np.arange(weights.size)  # the sum if the high half adds its least
        tails = below[np.clip(mean - distance - rest + 1, 0, others.size)]
        tails += above[np.clip(mean + distance - rest, 0, others.size)]
        subsets = comb(len(halves[0]), taken), comb(len(halves[1]), size - taken)
        p += (weights / subsets[0]) @ (tails / subsets[1]) * (subsets[0] * subsets[1] / total)
    return float(min(1.0, p))


def _subset_sums(ranks: list[int], most: int) -> list[tuple[int, np.ndarray]]:
    """Count the subsets of j of sorted whole numbers by their sum, for j = 0 to ``most``: the least sum, and counts."""
    sums = list(accumulate(ranks, initial=0))
    highest = [sums[-1] - sums[len(ranks) - j] for j in range(most + 1)]
    ways = [np.zeros(highest[j] - sums[j] + 1) for j in range(most + 1)]
    ways[0][0] = 1.0
    for count, rank in enumerate(ranks):
        for j in range(min(count + 1, most), 0, -1):
            width = sums[count] - sums[count - j + 1] - sums[j - 1] + 1  # of the sums of j - 1 of the ranks before
            start = rank - ranks[j - 1]
            ways[j][start : start + width] += ways[j - 1][:width]
    return list(zip(sums, ways, strict=False))


def exact_counts(n_first: int, n_second: int) -> tuple[int, ...]:
    """Count the arrangements with U = 0, 1, ..., n_first * n_second, without ties, as exact whole numbers.

    The generating function is the Gaussian binomial: a product of (1 - x^(n_second + i)) / (1 - x^i).

    >>> exact_counts(2, 2)
    (1, 1, 2, 1, 1)
    """
    top = n_first * n_second
    counts = [1] + [0] * top
    for i in range(1, n_first + 1):
        for power in range(top, n_second + i - 1, -1):
            counts[power] -= counts[power - n_second - i]
        for power in range(i, top + 1):
            counts[power] += counts[power - i]
    return tuple(counts)
