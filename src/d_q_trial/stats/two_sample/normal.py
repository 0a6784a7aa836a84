"""Wilcoxon's rank-sum test by the normal approximation, without continuity correction: the paper's test.

R: ``wilcox.test(exact = FALSE, correct = FALSE)``; scipy:
``mannwhitneyu(first, second, method="asymptotic", use_continuity=False)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._base import MANN_WHITNEY, WILCOXON, Compared, TwoSampleTest

if TYPE_CHECKING:
    import numpy as np


def _compare(first: np.ndarray, second: np.ndarray) -> Compared:
    from ..rank_sum import asymptotic

    return asymptotic(first, second, continuity=False)


def _compare_columns(values: np.ndarray, is_first: np.ndarray) -> Compared:
    from ..rank_sum import asymptotic_columns

    return asymptotic_columns(values, is_first, continuity=False)


def _depths(
    first: np.ndarray, second: np.ndarray, differences: np.ndarray, tie_sum: int, alpha: float
) -> tuple[int, int]:
    from ..shift import normal_depth

    return (normal_depth(first.size, second.size, tie_sum, alpha, continuity=False),) * 2


TEST = TwoSampleTest(
    name="normal",
    label="normal approximation without continuity correction",
    sentence="two-sided Wilcoxon rank-sum test (normal approximation, tie-corrected, no continuity correction)",
    references=WILCOXON | MANN_WHITNEY,
    statistic="z",
    undefined="all values are equal",
    compare=_compare,
    compare_columns=_compare_columns,
    interval="given as the Hodges-Lehmann shift with the {level} interval obtained by inverting the same test",
    depths=_depths,
    continuity=False,
    rank_sum_variant=True,
)
