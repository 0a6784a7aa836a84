"""Trend over ordered groups: the test of Jonckheere and Terpstra, by scipy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .checks import present
from .rank_sum import count_wins


class Trend(NamedTuple):
    """Result of :func:`jonckheere_terpstra`; ``z`` and ``p`` are NaN where they are not defined."""

    n: int
    j: float
    z: float
    p: float


def jonckheere_terpstra(groups: Sequence[ArrayLike]) -> Trend:
    """Two-sided Jonckheere-Terpstra test of a trend over ordered groups, by the normal approximation given the ties.

    J counts the pairs in which the value of the later group is larger, ties counting half. Its deviate is that of Kendall's
    correlation of values and group numbers, so that P is that of ``scipy.stats.kendalltau(method="asymptotic")``.

    Parameters
    ----------
    groups : sequence of array of float
        The samples, lowest group first; NaN marks a missing value, infinite values are a ValueError.

    Returns
    -------
    Trend
        ``z`` is positive where values rise from group to group; ``z`` and ``p`` are NaN if fewer than two groups have a value,
        all values are equal, or there are fewer than three.

    References
    ----------
    Jonckheere (1954); Hollander, Wolfe and Chicken (2014), section 6.2. R: ``clinfun::jonckheere.test``.

    >>> trend = jonckheere_terpstra([[1, 3, 2], [2, 4, 5], [6, 4, 7]])
    >>> trend.j, round(trend.z, 3), round(trend.p, 4)
    (24.0, 2.355, 0.0185)
    """
    samples = [present(group) for group in groups]
    values = np.concatenate(samples) if samples else np.empty(0)
    number = np.repeat(np.arange(len(samples)), [sample.size for sample in samples])
    j = sum(count_wins(later, first) for i, first in enumerate(samples) for later in samples[i + 1 :])
    if values.size < 3 or np.unique(number).size < 2 or np.ptp(values) == 0:
        return Trend(values.size, float(j), np.nan, np.nan)
    found = stats.kendalltau(number, values, method="asymptotic")
    z = np.sign(found.statistic) * stats.norm.isf(found.pvalue / 2)
    return Trend(values.size, float(j), float(z), float(found.pvalue))
