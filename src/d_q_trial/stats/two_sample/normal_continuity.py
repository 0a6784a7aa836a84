"""Wilcoxon's rank-sum test by the normal approximation, with half a unit of U taken off its distance from the mean.

R: ``wilcox.test(exact = FALSE)``; scipy: ``mannwhitneyu(first, second, method="asymptotic")``.
"""

from ._base import asymptotic_test

TEST = asymptotic_test(
    "normal_continuity",
    continuity=True,
    label="normal approximation with continuity correction",
    sentence="two-sided Wilcoxon rank-sum test (normal approximation, tie-corrected, with continuity correction)",
)
