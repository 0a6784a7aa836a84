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
    """Pearson's chi-squared test of two samples of zeros and ones, by ``chi2_contingency(correction=False)``.

    Parameters
    ----------
    first, second : array of {0, 1, NaN}, shape (n,)
        NaN marks a missing value.

    Returns
    -------
    ChiSquared
        With one degree of freedom, without Yates' correction. R: ``chisq.test(correct=FALSE)``.

    Raises
    ------
    ValueError
        If a value is neither 0 nor 1.

    Examples
    --------
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
    """Spearman's rank correlation, by ``spearmanr``, with P from Student's t.

    Parameters
    ----------
    x, y : array of float, shape (n,)
        Pairs with a NaN on either side are left out.

    Returns
    -------
    Spearman
        P is two-sided, from t = r * sqrt((n - 2) / (1 - r^2)) with n - 2 degrees of freedom: SAS, and R's
        ``cor.test(method="spearman", exact=FALSE)``. It is 0 for a perfect correlation.

    Raises
    ------
    ValueError
        If a value is infinite.

    Examples
    --------
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
