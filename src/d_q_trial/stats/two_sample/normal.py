"""Wilcoxon's rank-sum test by the normal approximation, without continuity correction: the paper's test.

R: ``wilcox.test(exact = FALSE, correct = FALSE)``; scipy:
``mannwhitneyu(first, second, method="asymptotic", use_continuity=False)``.
"""

from ._base import asymptotic_test

TEST = asymptotic_test(
    "normal",
    continuity=False,
    label="normal approximation without continuity correction",
    sentence="two-sided Wilcoxon rank-sum test (normal approximation, tie-corrected, no continuity correction)",
)
