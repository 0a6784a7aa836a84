"""Wilcoxon's rank-sum test from the permutation distribution of U given the ties, two-sided by distance from the mean.

Without ties, R: ``wilcox.test(exact = TRUE)``; scipy: ``mannwhitneyu(first, second, method="exact")``. With ties, R:
``coin::wilcox_test(distribution = "exact")``; no Python library has it: see :mod:`d_q_trial.stats.exact`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._base import INVERTED, WILCOXON, Compared, TwoSampleTest

if TYPE_CHECKING:
    import numpy as np


def _compare(first: np.ndarray, second: np.ndarray) -> Compared:
    import numpy as np

    found = _compare_columns(np.concatenate([first, second])[:, None], np.arange(first.size + second.size) < first.size)
    return Compared(*(field.item() for field in found))


def _compare_columns(values: np.ndarray, is_first: np.ndarray) -> Compared:
    from ..exact import exact_p_columns
    from ..rank_sum import asymptotic_columns

    return asymptotic_columns(values, is_first, continuity=False)._replace(p=exact_p_columns(values, is_first))


def _depths(first: np.ndarray, second: np.ndarray, differences: np.ndarray, ties: int, alpha: float) -> tuple[int, int]:
    from ..shift import exact_depths

    return exact_depths(first, second, differences, ties, alpha)


TEST = TwoSampleTest(
    name="exact",
    label="exact test",
    sentence="two-sided exact Wilcoxon rank-sum test (permutation distribution given the ties)",
    references=WILCOXON
    | {
        "streitberg": (
            "Streitberg B, Röhmel J. Exact distributions for permutation and rank tests: an introduction to some "
            "recently published algorithms. Statistical Software Newsletter 12, 10-17 (1986)."
        ),
    },
    statistic="z",
    undefined="all values are equal",
    compare=_compare,
    compare_columns=_compare_columns,
    interval=INVERTED,
    depths=_depths,
    continuity=False,
    no_bounds="the exact test conditions on ties, which the missing values would change",
    rank_sum_variant=True,
    for_many="normal_continuity",
)
