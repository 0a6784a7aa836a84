"""Tests of two-by-two tables, and rank correlation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special


class ChiSquared(NamedTuple):
    """Pearson's chi-squared test; ``p`` is NaN if a margin is zero."""

    chi_squared: float
    p: float


class Spearman(NamedTuple):
    """Spearman's rank correlation of n pairs; NaN if a variable does not vary or n < 3."""

    n: int
    r: float
    p: float


def chi_squared(first: ArrayLike, second: ArrayLike) -> ChiSquared:
    """Pearson's chi-squared test of two samples of zeros and ones, without Yates' correction.

    Parameters
    ----------
    first, second : array of {0, 1, NaN}, shape (n,)
        NaN marks a missing value.

    Returns
    -------
    ChiSquared
        With one degree of freedom. R: ``chisq.test(correct=FALSE)``.
    """
    table = np.array([[np.sum(sample == 1), np.sum(sample == 0)] for sample in map(np.asarray, (first, second))])
    rows, columns, n = table.sum(axis=1), table.sum(axis=0), table.sum()
    if 0 in rows or 0 in columns:
        return ChiSquared(np.nan, np.nan)
    statistic = float(n * (table[0, 0] * table[1, 1] - table[0, 1] * table[1, 0]) ** 2 / (rows.prod() * columns.prod()))
    return ChiSquared(statistic, float(special.chdtrc(1, statistic)))


def spearman(x: ArrayLike, y: ArrayLike) -> Spearman:
    """Spearman's rank correlation, the Pearson correlation of midranks, with P from Student's t.

    Parameters
    ----------
    x, y : array of float, shape (n,)
        Pairs with a NaN on either side are left out.

    Returns
    -------
    Spearman
        P is two-sided, from t = r * sqrt((n - 2) / (1 - r^2)) with n - 2 degrees of freedom: SAS, and R's
        ``cor.test(method="spearman", exact=FALSE)``. It is 0 for a perfect correlation.
    """
    from .rank_sum import midrank_columns

    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    both = ~(np.isnan(x) | np.isnan(y))
    n = int(both.sum())
    if n < 3:
        return Spearman(n, np.nan, np.nan)
    ranks = midrank_columns(np.column_stack([x[both], y[both]]))[0]
    ranks -= ranks.mean(axis=0)
    spread = np.sqrt((ranks**2).sum(axis=0).prod())
    if spread == 0:
        return Spearman(n, np.nan, np.nan)
    r = float(np.clip((ranks[:, 0] * ranks[:, 1]).sum() / spread, -1, 1))
    if abs(r) == 1:
        return Spearman(n, r, 0.0)
    t = r * np.sqrt((n - 2) / (1 - r * r))
    return Spearman(n, r, float(2 * special.stdtr(n - 2, -abs(t))))
