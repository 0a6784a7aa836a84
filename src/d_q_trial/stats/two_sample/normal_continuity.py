"""Wilcoxon's rank-sum test by the normal approximation, with half a unit of U taken off its distance from the mean.

R: ``wilcox.test(exact = FALSE)``; scipy: ``mannwhitneyu(first, second, method="asymptotic")``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._base import MANN_WHITNEY, WILCOXON, Compared, TwoSampleTest

if TYPE_CHECKING:
    import numpy as np


def _compare(first: np.ndarray, second: np.ndarray) -> Compared:
    from ..rank_sum import asymptotic

    return asymptotic(first, second, continuity=True)


def _compare_columns(values: np.ndarray, is_first: np.ndarray) -> Compared:
    from ..rank_sum import asymptotic_columns

    return asymptotic_columns(values, is_first, continuity=True)


def _depths(
    first: np.ndarray, second: np.ndarray, differences: np.ndarray, tie_sum: int, alpha: float
) -> tuple[int, int]:
    from ..shift import normal_depth

    return (normal_depth(first.size, second.size, tie_sum, alpha, continuity=True),) * 2


TEST = TwoSampleTest(
    name="normal_continuity",
    label="normal approximation with continuity correction",
    sentence="two-sided Wilcoxon rank-sum test (normal approximation, tie-corrected, with continuity correction)",
    references=WILCOXON | MANN_WHITNEY,
    statistic="z",
    undefined="all values are equal",
    compare=_compare,
    compare_columns=_compare_columns,
    interval="given as the Hodges-Lehmann shift with the {level} interval obtained by inverting the same test",
    depths=_depths,
    continuity=True,
    rank_sum_variant=True,
)
