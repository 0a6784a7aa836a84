"""Tests of two-by-two tables, and rank correlation, by scipy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .checks import finite, present


class ChiSquared(NamedTuple):
    """Pearson's chi-squared test; NaN if a margin is zero."""

    chi_squared: float
    p: float


class Spearman(NamedTuple):
    """Spearman's rank correlation of n pairs; NaN if a variable does not vary or n < 3."""

    n: int
    r: float
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
