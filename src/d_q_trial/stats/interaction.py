"""Interaction of treatment with strata: whether the effect differs between them, which a claim about a subgroup needs.

An effect that is significant in one stratum and not in the other says nothing about the difference between them; here
that difference has an interval and a P-value of its own.
"""

from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from .checks import Seed, finite, present
from .estimate import Estimate, t_estimate
from .permutation import MonteCarloP, every_split, permutation_p, split_columns
from .rank_sum import wins

_CHUNK = 4096  # fixed, so that the stream of random numbers does not depend on the memory at hand
_SAME = 1e-9  # statistics that differ by less are equal but for rounding


class MannWhitneyEffect(NamedTuple):
    """P(first > second) + P(first = second) / 2, its variance, and the degrees of freedom of its t."""

    effect: float
    variance: float
    df: float


def mann_whitney_effect(first: ArrayLike, second: ArrayLike) -> MannWhitneyEffect:
    """Chance that a value of the first sample exceeds one of the second, with its variance from placements.

    The placement of a value is the share of the other sample below it. The effect is the mean placement of the first
    sample, U / (n * m); its variance is the sample variance of the placements of either sample, divided by its size,
    summed over both; degrees of freedom are Satterthwaite's. No variance with fewer than two values in either. DeLong,
    DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845; Brunner and Munzel (2000), Biometrical Journal 42, 17-25.

    >>> [round(part, 4) for part in mann_whitney_effect([3, 4, 6, 9], [1, 2, 5])]
    [0.8333, 0.037, 3.3103]
    """
    first, second = present(first), present(second)
    everyone = (np.ones((sample.size, 1)) for sample in (first, second))
    effect, *parts = (float(part[0]) for part in _placed(wins(first, second), *everyone))
    if min(first.size, second.size) < 2:
        return MannWhitneyEffect(effect, np.nan, np.nan)
    variance = sum(parts)
    df = variance**2 / (parts[0] ** 2 / (first.size - 1) + parts[1] ** 2 / (second.size - 1)) if variance else np.nan
    return MannWhitneyEffect(effect, variance, df)


def brunner_munzel(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Brunner and Munzel's test of an effect of 1/2, with unequal spread, by ``scipy.stats.brunnermunzel``.

    NaN if the placements have no variance. The statistic is positive where the first sample is larger, unlike scipy's.
    """
    if not mann_whitney_effect(first, second).variance > 0:
        return np.nan, np.nan
    found = stats.brunnermunzel(first, second)
    return -float(found.statistic), float(found.pvalue)


def effect_difference(upper: MannWhitneyEffect, lower: MannWhitneyEffect, *, confidence: float) -> Estimate:
    """Difference of the Mann-Whitney effects of two independent strata, upper minus lower, between -1 and 1.

    The standard error joins the placement variances of the four groups, as Satterthwaite's degrees of freedom do. Only
    ``estimate`` is set where a stratum has no variance: fewer than two values in a group, or groups that do not overlap,
    whose placements hide the uncertainty instead of showing it.
    """
    estimate, variance = upper.effect - lower.effect, upper.variance + lower.variance
    if not (upper.variance > 0 and lower.variance > 0):
        return Estimate(estimate)
    df = variance**2 / (upper.variance**2 / upper.df + lower.variance**2 / lower.df)
    return t_estimate(estimate, variance**0.5, df, confidence=confidence)


def permuted_strata_p(
    values: ArrayLike, is_first: ArrayLike, is_upper: ArrayLike, *, permutations: int, seed: Seed
) -> MonteCarloP:
    """P of the difference between strata, from stratum labels permuted within each arm; arrays (n,).

    If the marker has to do with the outcome in neither arm, every arrangement of the labels within an arm is as likely
    as the observed one. The statistic is the difference of the Mann-Whitney effects over its standard error, which keeps
    the test valid in large samples also for a prognostic marker (Janssen 1997, Statistics and Probability Letters 36,
    9-21). Where no more than ``permutations`` arrangements exist, all are counted and P is exact. NaN where a group is
    smaller than two.
    """
    if permutations < 1:
        raise ValueError(f"permutation test: {permutations} permutations, expected at least 1")
    values, is_first, is_upper = finite(values), np.asarray(is_first, dtype=bool), np.asarray(is_upper, dtype=bool)
    arms = [side & ~np.isnan(values) for side in (is_first, ~is_first)]
    won, labels = wins(*(values[arm] for arm in arms)), [is_upper[arm] for arm in arms]
    sizes, chosen = [label.size for label in labels], [int(label.sum()) for label in labels]
    if min(*chosen, sizes[0] - chosen[0], sizes[1] - chosen[1]) < 2:
        return MonteCarloP()
    observed = _studentized(won, labels[0][:, None], labels[1][:, None])[0]

    def extreme(labels_first: np.ndarray, labels_second: np.ndarray) -> int:
        return int((_studentized(won, labels_first, labels_second) >= observed * (1 - _SAME) - _SAME).sum())

    arrangements = comb(sizes[0], chosen[0]) * comb(sizes[1], chosen[1])
    if arrangements <= permutations:
        firsts, seconds = map(every_split, sizes, chosen)
        count = sum(extreme(np.tile(column[:, None], seconds.shape[1]), seconds) for column in firsts.T)
        return permutation_p(count, arrangements, exhaustive=True)
    count, rng = 0, np.random.default_rng(seed)
    for start in range(0, permutations, _CHUNK):
        shape = min(_CHUNK, permutations - start)
        orders = (rng.random((shape, n)).argsort(axis=1)[:, :k] for n, k in zip(sizes, chosen, strict=True))
        count += extreme(*map(split_columns, orders, sizes))
    return permutation_p(count, permutations)


def _placed(won: np.ndarray, first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    """Effect and both parts of its variance, each (K,), among those chosen in K columns, (n, K) and (m, K), by who won."""
    chosen = first.astype(float), second.astype(float)
    n_first, n_second = n = [side.sum(axis=0) for side in chosen]
    with np.errstate(divide="ignore", invalid="ignore"):
        counted = won @ chosen[1], won.T @ chosen[0]  # exact, as is the effect of which one half is no effect
        effect = (counted[0] * chosen[0]).sum(axis=0) / (n_first * n_second)
        parts = zip((counted[0] / n_second, counted[1] / n_first), chosen, n, strict=True)
        return [effect, *(((p - effect) ** 2 * own).sum(axis=0) / ((size - 1) * size) for p, own, size in parts)]


def _studentized(won: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Absolute difference of effects over its standard error, of the strata that K columns of labels make: shape (K,).

    Infinite where groups that do not overlap leave no variance but a difference; 0 where there is neither.
    """
    (upper, *of_upper), (lower, *of_lower) = _placed(won, first, second), _placed(won, ~first, ~second)
    difference, variance = np.abs(upper - lower), sum(of_upper + of_lower)
    difference[difference < _SAME] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = difference / np.sqrt(np.where(variance > _SAME**2, variance, 0.0))
    return np.where(difference == 0, 0.0, ratio)
