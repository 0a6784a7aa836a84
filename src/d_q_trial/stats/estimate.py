"""Effect estimates with standard error, interval and P-value from Student's t, and their differences between strata.

Significance in one stratum and not in the other does not show that the strata differ. A subgroup claim needs the
difference between the strata, with its interval and P-value.
"""

import warnings
from math import comb, prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from .checks import Estimate, Seed, as_finite, as_rows, check_proportion, drop_missing
from .permutation import MonteCarloP, every_split, permutation_p, split_columns
from .rank_sum import pairwise_wins

_CHUNK = 4096  # fixed, so that the stream of random numbers does not depend on the available memory
_TOLERANCE = 1e-9  # smaller differences between statistics are rounding error


def t_estimate(estimate: Any, standard_error: Any, df: Any, *, confidence: float) -> Estimate:
    """P and interval by Student's t (infinite df: normal), also of arrays; only the estimate unless SE and df are > 0."""
    check_proportion(confidence, "confidence")
    defined = (np.asarray(standard_error) > 0) & (np.asarray(df) > 0)
    error, df = np.where(defined, standard_error, np.nan), np.where(defined, df, np.nan)
    t, half = estimate / error, -special.stdtrit(df, (1 - confidence) / 2) * error
    fields = estimate, error, df, t, 2 * special.stdtr(df, -abs(t)), estimate - half, estimate + half
    return Estimate(*(field if np.ndim(field) else float(field) for field in fields))


def mean_difference(first: ArrayLike, second: ArrayLike, *, confidence: float) -> Estimate:
    """Difference of means with interval and P of Welch's t test, by ``ttest_ind``; samples along the last axis.

    No value may be missing. NaN with fewer than two values in either sample; only the estimate if neither varies beyond rounding error.
    Welch (1947), Biometrika 34, 28-35; R: t.test.

    >>> round(float(mean_difference([1, 2, 3], [2, 4, 6], confidence=0.95).p), 3)
    0.221
    """
    check_proportion(confidence, "confidence")
    first, second = as_finite(first, "sample"), as_finite(second, "sample")
    if min(first.shape[-1], second.shape[-1]) < 2:
        return Estimate()
    estimate = first.mean(axis=-1) - second.mean(axis=-1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # one group may be constant
        result = stats.ttest_ind(first, second, axis=-1, equal_var=False)
    error = np.sqrt(sum(sample.var(axis=-1, ddof=1) / sample.shape[-1] for sample in (first, second)))
    varies = error > 1e-14 * np.maximum(abs(first.mean(axis=-1)), abs(second.mean(axis=-1)))  # less is rounding error
    fields = error, result.df, result.statistic, result.pvalue, *result.confidence_interval(confidence)
    return Estimate(estimate, *(np.where(varies, field, np.nan) for field in fields))


def mann_whitney_effect(first: ArrayLike, second: ArrayLike) -> Estimate:
    """P(first > second) + P(first = second) / 2, with its standard error from placements and Satterthwaite's df.

    The placement of a value is the share of the other sample below it. The effect is the mean placement of the first
    sample, U / (n * m). Its variance is the sum, over both samples, of the sample variance of the placements divided by
    the sample size. Only the effect if a sample has fewer than two values. DeLong, DeLong and Clarke-Pearson (1988),
    Biometrics 44, 837-845; Brunner and Munzel (2000), Biometrical Journal 42, 17-25.

    >>> [round(field, 4) for field in mann_whitney_effect([3, 4, 6, 9], [1, 2, 5])[:3]]
    [0.8333, 0.1925, 3.3103]
    """
    samples = [drop_missing(first), drop_missing(second)]
    effects = mann_whitney_effects(pairwise_wins(*samples), *(np.ones((sample.size, 1)) for sample in samples))
    return Estimate(*(float(field[0]) for field in effects[:3]))


def mann_whitney_effects(wins: np.ndarray, *selections: np.ndarray) -> Estimate:
    """:func:`mann_whitney_effect` in K selections of both samples, shapes (n, K) and (m, K); fields have shape (K,).

    ``wins``, shape (n, m), are the :func:`~.rank_sum.pairwise_wins` of the samples.
    """
    in_first, in_second = (selected.astype(float) for selected in selections)
    counts = wins @ in_second, wins.T @ in_first  # per value of the first and of the second sample
    u = np.einsum("ik,ik->k", counts[0], in_first)
    # Sums of halves and quarters are exact, so that a variance of zero is exactly zero.
    squares = [np.einsum("ik,ik,ik->k", c, c, s) for c, s in zip(counts, (in_first, in_second), strict=True)]
    n, m = in_first.sum(axis=0), in_second.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = (squares[0], n, m), (squares[1], m, n)
        first, second = ((square * n - u**2) / (n**2 * (n - 1) * m**2) for square, n, m in terms)
        error, df = _combine_variances(first, second, n - 1, m - 1)
        return Estimate(u / (n * m), error, df)


def _combine_variances(first: Any, second: Any, first_df: Any, second_df: Any) -> tuple[Any, Any]:
    """Return the standard error from the sum of two variances, and Satterthwaite's df."""
    variance = np.add(first, second)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(variance), variance**2 / (np.divide(first**2, first_df) + np.divide(second**2, second_df))


def brunner_munzel(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Return t, positive if the first sample is larger, and P, by ``brunnermunzel``; samples along the last axis.

    NaN if a sample has fewer than two values, or the placements no variance (no overlap, or all values are equal).
    """
    if min(first.shape[-1], second.shape[-1]) < 2:
        return Estimate()
    t, p = np.full((2, *first.shape[:-1]), np.nan)
    lowest, highest = ([end(sample, axis=-1) for sample in (first, second)] for end in (np.min, np.max))
    defined = (np.maximum(*lowest) <= np.minimum(*highest)) & (np.minimum(*lowest) < np.maximum(*highest))
    result = stats.brunnermunzel(first[defined], second[defined], axis=-1)
    t[defined], p[defined] = -result.statistic, result.pvalue
    return Estimate(t=t, p=p)


def effect_difference(upper: Estimate, lower: Estimate, *, confidence: float) -> Estimate:
    """Difference of the Mann-Whitney effects of two independent strata, upper minus lower, between -1 and 1.

    The standard error and Satterthwaite's degrees of freedom combine the placement variances of the four groups. They
    are undefined if a stratum has no variance, because groups that do not overlap hide the uncertainty.
    """
    error, df = _combine_variances(upper.standard_error**2, lower.standard_error**2, upper.df, lower.df)
    error = np.where(np.minimum(upper.standard_error, lower.standard_error) > 0, error, np.nan)
    return t_estimate(upper.estimate - lower.estimate, error, df, confidence=confidence)


def permuted_strata_p(
    values: ArrayLike, is_first: ArrayLike, is_upper: ArrayLike, *, permutations: int, seed: Seed
) -> MonteCarloP:
    """P of the difference between strata from stratum labels permuted within each arm; arrays have shape (n,).

    Exact if the marker is unrelated to the outcome in both arms. The statistic is the difference of the Mann-Whitney
    effects divided by its standard error, which keeps the test valid in large samples also for a prognostic marker
    (Janssen 1997, Statistics and Probability Letters 36, 9-21). If there are no more than ``permutations``
    arrangements, all are counted. NaN if a group has fewer than two values.
    """
    values, is_first, is_upper = as_rows(values=values, is_first=is_first, is_upper=is_upper)
    arms = [arm & ~np.isnan(values) for arm in (is_first, ~is_first)]
    wins, labels = pairwise_wins(*(values[arm] for arm in arms)), [is_upper[arm] for arm in arms]
    sizes = [(label.size, int(label.sum())) for label in labels]  # of each arm, and of the upper stratum in it
    if min(min(n_upper, n - n_upper) for n, n_upper in sizes) < 2:
        return MonteCarloP()
    observed = _studentized_differences(wins, labels[0][:, None], labels[1][:, None])[0]
    threshold = observed * (1 - _TOLERANCE) - _TOLERANCE

    def count_extreme(first_labels: np.ndarray, second_labels: np.ndarray) -> int:
        return int((_studentized_differences(wins, first_labels, second_labels) >= threshold).sum())

    arrangements = prod(comb(*size) for size in sizes)
    if arrangements <= permutations:
        firsts, seconds = (every_split(*size) for size in sizes)
        count = sum(count_extreme(np.tile(column[:, None], seconds.shape[1]), seconds) for column in firsts.T)
        return permutation_p(count, arrangements, exhaustive=True)
    count, rng = 0, np.random.default_rng(seed)
    for start in range(0, permutations, _CHUNK):
        drawn = min(_CHUNK, permutations - start)
        permuted = [split_columns(rng.random((drawn, n)).argsort(axis=1)[:, :n_upper], n) for n, n_upper in sizes]
        count += count_extreme(*permuted)
    return permutation_p(count, permutations)


def _studentized_differences(wins: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return absolute studentized differences of effects for K columns of stratum labels; infinite without error."""
    upper, lower = (mann_whitney_effects(wins, *labels) for labels in ((first, second), (~first, ~second)))
    difference, error = np.abs(upper.estimate - lower.estimate), np.hypot(upper.standard_error, lower.standard_error)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference < _TOLERANCE, 0.0, difference / np.where(error > _TOLERANCE, error, 0.0))
