"""Brunner and Munzel's test of P(first > second) + P(first = second) / 2 = 1/2, which allows for unequal spread.

scipy: ``brunnermunzel(first, second)``; R: ``brunnermunzel::brunnermunzel.test``. Brunner and Munzel (2000), Biometrical
Journal 42, 17-25.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._base import Compared, TwoSampleTest, column_by_column

if TYPE_CHECKING:
    import numpy as np


def _compare(first: np.ndarray, second: np.ndarray) -> Compared:
    from scipy import stats

    from ..checks import present
    from ..interaction import mann_whitney_effect

    first, second = present(first), present(second)
    effect = mann_whitney_effect(first, second)
    u = effect.effect * first.size * second.size
    if not effect.variance > 0:  # too few values, all equal, or no overlap: the placements hide the uncertainty
        return Compared(first.size, second.size, u, float("nan"), float("nan"))
    found = stats.brunnermunzel(first, second)
    # scipy's statistic is positive where the second sample is larger; z and t here are positive where the first is.
    return Compared(first.size, second.size, u, -float(found.statistic), float(found.pvalue))


TEST = TwoSampleTest(
    name="brunner_munzel",
    label="Brunner-Munzel test",
    sentence="two-sided Brunner-Munzel test (Student's t with Satterthwaite's degrees of freedom)",
    references={
        "brunner": (
            "Brunner E, Munzel U. The nonparametric Behrens-Fisher problem: asymptotic theory and a small-sample "
            "approximation. Biometrical Journal 42, 17-25 (2000)."
        ),
    },
    statistic="t",
    undefined="the groups do not overlap, or one has fewer than two values",
    compare=_compare,
    compare_columns=column_by_column(_compare),
    interval="given as the Hodges-Lehmann shift without an interval, because the test has none for a shift",
    no_bounds="the bounds of P are those of the rank-sum test by the normal approximation",
    not_permuted="the Brunner-Munzel statistic is no linear rank statistic",
)
