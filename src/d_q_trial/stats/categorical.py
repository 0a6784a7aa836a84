"""Tests of two-by-two tables, rank correlation, and trend over ordered groups, by scipy."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .checks import complete_rows, drop_missing


class TestResult(NamedTuple):
    """Number of values or pairs, the statistic of the test (chi-squared, r, or z), and P."""

    n: int
    statistic: float = np.nan
    p: float = np.nan


def chi_squared(first: ArrayLike, second: ArrayLike) -> TestResult:
    """Pearson's chi-squared test of two samples of 0 and 1, by ``chi2_contingency``, without Yates' correction.

    One degree of freedom; undefined if a margin is zero. R: ``chisq.test(correct=FALSE)``.

    >>> round(chi_squared([1, 1, 1, 0], [0, 0, 1, 0]).p, 4)
    0.1573
    """
    samples = drop_missing(first), drop_missing(second)
    if not all(np.isin(sample, (0, 1)).all() for sample in samples):
        raise ValueError("chi-squared test: expected values of 0 and 1")
    table = np.array([[np.sum(sample == 1), np.sum(sample == 0)] for sample in samples])
    if 0 in table.sum(axis=1) or 0 in table.sum(axis=0):
        return TestResult(int(table.sum()))
    result = stats.chi2_contingency(table, correction=False)
    return TestResult(int(table.sum()), float(result.statistic), float(result.pvalue))


def spearman(x: ArrayLike, y: ArrayLike) -> TestResult:
    """Spearman's rank correlation of pairs, shapes (n,), by ``spearmanr``, with P from Student's t with n - 2 df.

    Undefined if a variable does not vary or n < 3. As in SAS and R's ``cor.test(method="spearman", exact=FALSE)``.

    >>> round(spearman([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]).p, 3)
    0.104
    """
    x, y = complete_rows(x=x, y=y)
    if x.size < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return TestResult(x.size)
    result = stats.spearmanr(x, y)
    return TestResult(x.size, float(np.clip(result.statistic, -1, 1)), float(result.pvalue))


def jonckheere_terpstra(groups: list[ArrayLike]) -> TestResult:
    """Jonckheere-Terpstra test of a trend over ordered groups, by the tie-corrected normal approximation.

    The lowest group comes first; z is positive if values increase from group to group. P comes from ``kendalltau`` of
    values and group numbers, an equivalent test. Undefined for fewer than three values, for a single group, or if all
    values are equal. Jonckheere (1954), Biometrika 41, 133-145; R: ``cor.test(method="kendall", exact=FALSE)``.
    """
    samples = [drop_missing(group) for group in groups]
    values = np.concatenate([np.empty(0), *samples])
    group_number = np.repeat(np.arange(len(samples)), [sample.size for sample in samples])
    if values.size < 3 or np.unique(group_number).size < 2 or np.ptp(values) == 0:
        return TestResult(values.size)
    result = stats.kendalltau(group_number, values, method="asymptotic")
    z = np.sign(result.statistic) * stats.norm.isf(result.pvalue / 2)
    return TestResult(values.size, float(z), float(result.pvalue))
