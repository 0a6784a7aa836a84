"""Welch's t test of the difference of means, which allows for unequal variances.

scipy: ``ttest_ind(first, second, equal_var=False)``; R: ``t.test(first, second)``. Welch (1947), Biometrika 34, 28-35.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._base import Compared, TwoSampleTest, column_by_column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    from ..estimate import Estimate


def mean_difference(first: ArrayLike, second: ArrayLike, *, confidence: float) -> Estimate:
    """Difference of means, first minus second, of samples of shape (n,), with Welch's interval and P.

    Without error where a group has fewer than two values or no group varies; ValueError for infinite values.

    >>> found = mean_difference([1, 2, 3], [2, 4, 6], confidence=0.95)
    >>> round(found.estimate, 3), round(found.df, 3), round(found.p, 3)
    (-2.0, 2.941, 0.221)
    """
    import warnings

    import numpy as np
    from scipy import stats

    from ..checks import open_share, present
    from ..estimate import Estimate

    first, second = present(first), present(second)
    open_share(confidence, "confidence")
    if min(first.size, second.size) < 2:
        return Estimate.without_error(np.nan)
    estimate = first.mean() - second.mean()
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return Estimate.without_error(estimate)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # one group may be constant
        found = stats.ttest_ind(first, second, equal_var=False)
    limits = found.confidence_interval(confidence)
    error = np.sqrt(first.var(ddof=1) / first.size + second.var(ddof=1) / second.size)
    fields = (estimate, error, found.df, found.statistic, found.pvalue, limits.low, limits.high)
    return Estimate(*(float(field) for field in fields))


def _compare(first: np.ndarray, second: np.ndarray) -> Compared:
    from ..checks import present
    from ..rank_sum import count_wins

    first, second = present(first), present(second)
    found = mean_difference(first, second, confidence=0.95)
    return Compared(first.size, second.size, count_wins(first, second), found.t, found.p)


TEST = TwoSampleTest(
    name="welch",
    label="Welch's t test",
    sentence="two-sided Welch t test (difference of means, unequal variances)",
    references={
        "welch": (
            "Welch BL. The generalization of 'Student's' problem when several different population variances are "
            "involved. Biometrika 34, 28-35 (1947)."
        ),
    },
    statistic="t",
    undefined="a group has fewer than two values, or no group varies",
    compare=_compare,
    compare_columns=column_by_column(_compare),
    interval=(
        "given as the Hodges-Lehmann shift without an interval, and as the difference of means with the {level} "
        "interval of the same test"
    ),
    mean_difference=mean_difference,
    no_bounds="missing values without limits leave no bounds of a test of means",
    not_permuted="Welch's t is no linear rank statistic",
)
