"""Tests of two-by-two tables, of rank correlation, and of a trend over ordered groups, by scipy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .checks import finite, present
from .rank_sum import wins


class ChiSquared(NamedTuple):
    """Pearson's chi-squared test; NaN if a margin is zero."""

    chi_squared: float
    p: float


class Spearman(NamedTuple):
    """Spearman's rank correlation of n pairs; NaN if a variable does not vary or n < 3."""

    n: int
    r: float
    p: float


class Trend(NamedTuple):
    """Result of :func:`jonckheere_terpstra`; ``z`` and ``p`` are NaN where they are not defined."""

    n: int
    j: float
    z: float
    p: float


def chi_squared(first: ArrayLike, second: ArrayLike) -> ChiSquared:
    """Pearson's chi-squared test of two samples of 0, 1 and NaN (missing), by ``chi2_contingency(correction=False)``.

    One degree of freedom, without Yates' correction; R: ``chisq.test(correct=FALSE)``. ValueError for other values.

    >>> found = chi_squared([1, 1, 1, 0], [0, 0, 1, 0])
    >>> found.chi_squared, round(found.p, 4)
    (2.0, 0.1573)
    """
    samples = present(first), present(second)
    if not all(np.isin(sample, (0, 1)).all() for sample in samples):
        raise ValueError("chi-squared test: expected values of 0 and 1")
    table = np.array([[np.sum(sample == 1), np.sum(sample == 0)] for sample in samples])
    if 0 in table.sum(axis=1) or 0 in table.sum(axis=0):
        return ChiSquared(np.nan, np.nan)
    found = stats.chi2_contingency(table, correction=False)
    return ChiSquared(float(found.statistic), float(found.pvalue))


def spearman(x: ArrayLike, y: ArrayLike) -> Spearman:
    """Spearman's rank correlation of pairs, shape (n,), by ``spearmanr``; pairs with a NaN are left out.

    P is two-sided, from Student's t with n - 2 degrees of freedom, and 0 for a perfect correlation: SAS, and R's
    ``cor.test(method="spearman", exact=FALSE)``. ValueError for infinite values.

    >>> found = spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])
    >>> found.n, round(found.r, 3), round(found.p, 3)
    (5, 0.8, 0.104)
    """
    x, y = finite(x, "x"), finite(y, "y")
    both = ~(np.isnan(x) | np.isnan(y))
    n = int(both.sum())
    if n < 3 or np.ptp(x[both]) == 0 or np.ptp(y[both]) == 0:
        return Spearman(n, np.nan, np.nan)
    found = stats.spearmanr(x[both], y[both])
    return Spearman(n, float(np.clip(found.statistic, -1, 1)), float(found.pvalue))


def jonckheere_terpstra(groups: Sequence[ArrayLike]) -> Trend:
    """Two-sided Jonckheere-Terpstra test of a trend over ordered groups, by the normal approximation given the ties.

    The groups are samples of shape (n,), lowest group first; NaN marks a missing value, infinite values are a
    ValueError. J counts the pairs in which the value of the later group is larger, ties counting half. Its deviate is
    that of Kendall's correlation of values and group numbers, so that P is that of
    ``scipy.stats.kendalltau(method="asymptotic")``. ``z`` is positive where values rise from group to group; ``z`` and
    ``p`` are NaN if fewer than two groups have a value, all values are equal, or there are fewer than three. Jonckheere
    (1954); R: ``clinfun::jonckheere.test``.

    >>> trend = jonckheere_terpstra([[1, 3, 2], [2, 4, 5], [6, 4, 7]])
    >>> trend.j, round(trend.z, 3), round(trend.p, 4)
    (24.0, 2.355, 0.0185)
    """
    samples = [present(group) for group in groups]
    values = np.concatenate([np.empty(0), *samples])
    number = np.repeat(np.arange(len(samples)), [sample.size for sample in samples])
    j = float(sum(wins(later, first).sum() for i, first in enumerate(samples) for later in samples[i + 1 :]))
    if values.size < 3 or np.unique(number).size < 2 or np.ptp(values) == 0:
        return Trend(values.size, j, np.nan, np.nan)
    found = stats.kendalltau(number, values, method="asymptotic")
    z = np.sign(found.statistic) * stats.norm.isf(found.pvalue / 2)
    return Trend(values.size, j, float(z), float(found.pvalue))
