"""Effect estimates with standard error, interval and P-value from Student's t, and their differences between strata.

Significance in one stratum and not in the other does not show that the strata differ. A subgroup claim needs the
difference between the strata, with its own interval and P-value.
"""

import warnings
from math import comb, prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from .checks import Estimate, Seed, as_finite, check_share, drop_missing
from .permutation import MonteCarloP, every_split, permutation_p, split_columns
from .rank_sum import pairwise_wins

_CHUNK = 4096  # fixed, so that the stream of random numbers does not depend on the available memory
_SAME = 1e-9  # smaller differences between statistics are rounding error


def t_estimate(estimate: Any, standard_error: Any, df: Any, *, confidence: float) -> Estimate:
    """P and interval by Student's t (infinite df: normal), of numbers or arrays; estimate only without a positive SE and df."""
    check_share(confidence, "confidence")
    known = (np.asarray(standard_error) > 0) & (np.asarray(df) > 0)
    error, df = np.where(known, standard_error, np.nan), np.where(known, df, np.nan)
    t, half = estimate / error, -special.stdtrit(df, (1 - confidence) / 2) * error
    fields = estimate, error, df, t, 2 * special.stdtr(df, -abs(t)), estimate - half, estimate + half
    return Estimate(*(field if np.ndim(field) else float(field) for field in fields))


def mean_difference(first: ArrayLike, second: ArrayLike, *, confidence: float) -> Estimate:
    """Difference of means with interval and P of Welch's t test, by ``scipy.stats.ttest_ind``; samples along the last axis.

    No value may be missing. NaN with fewer than two values in either; estimate only if neither varies. Welch (1947),
    Biometrika 34, 28-35; R: t.test.

    >>> round(float(mean_difference([1, 2, 3], [2, 4, 6], confidence=0.95).p), 3)
    0.221
    """
    check_share(confidence, "confidence")
    first, second = as_finite(first, "sample"), as_finite(second, "sample")
    if min(first.shape[-1], second.shape[-1]) < 2:
        return Estimate()
    varies = (np.ptp(first, axis=-1) > 0) | (np.ptp(second, axis=-1) > 0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # one group may be constant
        found = stats.ttest_ind(first, second, axis=-1, equal_var=False)
    error = np.sqrt(sum(sample.var(axis=-1, ddof=1) / sample.shape[-1] for sample in (first, second)))
    parts = error, found.df, found.statistic, found.pvalue, *found.confidence_interval(confidence)
    estimate = first.mean(axis=-1) - second.mean(axis=-1)
    return Estimate(estimate, *(np.where(varies, part, np.nan) for part in parts))


def mann_whitney_effect(first: ArrayLike, second: ArrayLike) -> Estimate:
    """P(first > second) + P(first = second) / 2, with its standard error from placements and Satterthwaite's df.

    The placement of a value is the share of the other sample below it. The effect is the mean placement of the first
    sample, U / (n * m). Its variance is the sum, over both samples, of the sample variance of the placements divided by
    the sample size. Only the effect if a sample has fewer than two values. DeLong, DeLong and Clarke-Pearson (1988),
    Biometrics 44, 837-845; Brunner and Munzel (2000), Biometrical Journal 42, 17-25.

    >>> [round(part, 4) for part in mann_whitney_effect([3, 4, 6, 9], [1, 2, 5])[:3]]
    [0.8333, 0.1925, 3.3103]
    """
    samples = [drop_missing(first), drop_missing(second)]
    found = mann_whitney_effects(*samples, *(np.ones((sample.size, 1)) for sample in samples))
    return Estimate(*(float(field[0]) for field in found[:3]))


def mann_whitney_effects(first: np.ndarray, second: np.ndarray, chosen: np.ndarray, other: np.ndarray) -> Estimate:
    """:func:`mann_whitney_effect` in K selections ``chosen`` of the first sample, (n, K), and ``other``, (m, K); shape (K,)."""
    effect, *parts = _placed(pairwise_wins(first, second), chosen, other)
    less = [side.sum(axis=0) - 1 for side in (chosen, other)]
    error, df = _joined(*parts, *less)
    return Estimate(effect, np.where(np.minimum(*less) < 1, np.nan, error), df)


def _joined(first: Any, second: Any, first_df: Any, second_df: Any) -> tuple[Any, Any]:
    """Return the standard error of a difference, from the variances of two estimates, and Satterthwaite's df."""
    variance = np.add(first, second)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(variance), variance**2 / (np.divide(first**2, first_df) + np.divide(second**2, second_df))


def brunner_munzel(first: np.ndarray, second: np.ndarray) -> Estimate:
    """Return t, positive if the first sample is larger, and P, by ``stats.brunnermunzel``; samples along the last axis.

    NaN with fewer than two values in either, and if the placements have no variance: the samples do not overlap, or all
    values are equal.
    """
    if min(first.shape[-1], second.shape[-1]) < 2:
        return Estimate()
    t, p = np.full((2, *first.shape[:-1]), np.nan)
    low, high = ([end(sample, axis=-1) for sample in (first, second)] for end in (np.min, np.max))
    varies = (np.maximum(*low) <= np.minimum(*high)) & (np.minimum(*low) < np.maximum(*high))
    found = stats.brunnermunzel(first[varies], second[varies], axis=-1)
    t[varies], p[varies] = -found.statistic, found.pvalue
    return Estimate(t=t, p=p)


def effect_difference(upper: Estimate, lower: Estimate, *, confidence: float) -> Estimate:
    """Difference of the Mann-Whitney effects of two independent strata, upper minus lower, between -1 and 1.

    The standard error and Satterthwaite's degrees of freedom combine the placement variances of the four groups. They
    are undefined if a stratum has no variance, because groups that do not overlap hide the uncertainty.
    """
    error, df = _joined(upper.standard_error**2, lower.standard_error**2, upper.df, lower.df)
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
    values, is_first, is_upper = as_finite(values), np.asarray(is_first, dtype=bool), np.asarray(is_upper, dtype=bool)
    arms = [side & ~np.isnan(values) for side in (is_first, ~is_first)]
    won, labels = pairwise_wins(*(values[arm] for arm in arms)), [is_upper[arm] for arm in arms]
    shapes = [(label.size, int(label.sum())) for label in labels]
    if min(min(chosen, size - chosen) for size, chosen in shapes) < 2:
        return MonteCarloP()
    observed = _studentized(won, labels[0][:, None], labels[1][:, None])[0]

    def extreme(labels_first: np.ndarray, labels_second: np.ndarray) -> int:
        return int((_studentized(won, labels_first, labels_second) >= observed * (1 - _SAME) - _SAME).sum())

    arrangements = prod(comb(*shape) for shape in shapes)
    if arrangements <= permutations:
        firsts, seconds = (every_split(*shape) for shape in shapes)
        count = sum(extreme(np.tile(column[:, None], seconds.shape[1]), seconds) for column in firsts.T)
        return permutation_p(count, arrangements, exhaustive=True)
    count, rng = 0, np.random.default_rng(seed)
    for start in range(0, permutations, _CHUNK):
        size = min(_CHUNK, permutations - start)
        count += extreme(*(split_columns(rng.random((size, n)).argsort(axis=1)[:, :k], n) for n, k in shapes))
    return permutation_p(count, permutations)


def _placed(won: np.ndarray, first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    """Return effect and both parts of its variance, each (K,), for K selections of the samples, (n, K) and (m, K)."""
    chosen = first.astype(float), second.astype(float)
    n = [side.sum(axis=0) for side in chosen]
    with np.errstate(divide="ignore", invalid="ignore"):
        counted = won @ chosen[1], won.T @ chosen[0]
        u = np.einsum("ik,ik->k", counted[0], chosen[0])
        # Sums of halves and quarters are exact, so that a variance of zero is exactly zero.
        squares = [np.einsum("ik,ik,ik->k", own, own, side) for own, side in zip(counted, chosen, strict=True)]
        parts = zip(squares, n, n[::-1], strict=True)
        return [u / (n[0] * n[1]), *((q * a - u**2) / (a**2 * (a - 1) * b**2) for q, a, b in parts)]


def _studentized(won: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return absolute studentized differences of effects for K columns of stratum labels; infinite without error."""
    (upper, *of_upper), (lower, *of_lower) = _placed(won, first, second), _placed(won, ~first, ~second)
    difference, variance = np.abs(upper - lower), sum(of_upper + of_lower)
    difference[difference < _SAME] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = difference / np.sqrt(np.where(variance > _SAME**2, variance, 0.0))
    return np.where(difference == 0, 0.0, ratio)
