"""Interaction of treatment with strata: whether the effect differs between them, which a claim about a subgroup needs.

An effect that is significant in one stratum and not in the other says nothing about the difference between them; here
that difference has an interval and a P-value of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .checks import finite, present
from .estimate import Estimate, t_estimate
from .monte_carlo import MonteCarloP, monte_carlo_p

_CHUNK = 4096  # fixed, so that the stream of random numbers does not depend on the memory at hand
_SAME = 1e-9  # statistics that differ by less are equal but for rounding


class MannWhitneyEffect(NamedTuple):
    """P(first > second) + P(first = second) / 2 and its variance; see :func:`mann_whitney_effect`."""

    effect: float
    variance_first: float
    variance_second: float
    n_first: int
    n_second: int

    @property
    def variance(self) -> float:
        """Variance of the effect: the two samples' parts together."""
        return self.variance_first + self.variance_second

    @property
    def df(self) -> float:
        """Degrees of freedom of the effect's t, by Satterthwaite as Brunner and Munzel do; NaN without variance."""
        if not self.variance > 0:
            return np.nan
        parts = self.variance_first**2 / (self.n_first - 1) + self.variance_second**2 / (self.n_second - 1)
        return self.variance**2 / parts


def mann_whitney_effect(first: ArrayLike, second: ArrayLike) -> MannWhitneyEffect:
    """Chance that a value of the first sample exceeds one of the second, with its variance from placements.

    The placement of a value is the share of the other sample below it, ties counting half. The effect is the mean placement
    of the first sample, U / (n_first * n_second); its variance is the sample variance of the placements of either sample,
    divided by its size, summed over both, as DeLong (1988) and Brunner and Munzel (2000) estimate it. NaN if a sample is empty;
    variances NaN with fewer than two values in either.

    >>> found = mann_whitney_effect([3, 4, 6, 9], [1, 2, 5])
    >>> round(found.effect, 4), round(found.variance, 4)
    (0.8333, 0.037)
    """
    first, second = present(first), present(second)
    n_first, n_second = first.size, second.size
    if not n_first or not n_second:
        return MannWhitneyEffect(np.nan, np.nan, np.nan, n_first, n_second)
    wins = _wins(first, second)
    if n_first < 2 or n_second < 2:
        return MannWhitneyEffect(float(wins.mean()), np.nan, np.nan, n_first, n_second)
    return MannWhitneyEffect(
        float(wins.mean()),
        float(wins.mean(axis=1).var(ddof=1) / n_first),
        float(wins.mean(axis=0).var(ddof=1) / n_second),
        n_first,
        n_second,
    )


def effect_difference(upper: MannWhitneyEffect, lower: MannWhitneyEffect, *, confidence: float) -> Estimate:
    """Difference of the Mann-Whitney effects of two independent strata, upper minus lower, between -1 and 1.

    The standard error joins the placement variances of the four groups; interval and P use Student's t with Satterthwaite's
    degrees of freedom over the four groups. Only ``estimate`` is set where a stratum has no variance: fewer than two values in
    a group, or groups that do not overlap, whose placements hide the uncertainty instead of showing it.

    >>> upper, lower = mann_whitney_effect([3, 4, 6, 9], [1, 2, 5]), mann_whitney_effect([1, 4, 2], [2, 3, 5])
    >>> round(effect_difference(upper, lower, confidence=0.95).estimate, 4)
    0.5556
    """
    estimate = upper.effect - lower.effect
    if not (upper.variance > 0 and lower.variance > 0):
        return Estimate.without_error(estimate)
    parts = np.array(
        [upper.variance_first, upper.variance_second, lower.variance_first, lower.variance_second], dtype=float
    )
    sizes = np.array([upper.n_first, upper.n_second, lower.n_first, lower.n_second])
    df = parts.sum() ** 2 / (parts**2 / (sizes - 1)).sum()
    return t_estimate(estimate, np.sqrt(parts.sum()), df, confidence=confidence)


def permuted_strata_p(
    values: ArrayLike,
    is_first: ArrayLike,
    is_upper: ArrayLike,
    *,
    permutations: int,
    seed: int | Sequence[int] | np.random.Generator,
) -> MonteCarloP:
    """P of the difference between strata, from stratum labels permuted within each arm.

    Under the hypothesis that the marker has to do with the outcome in neither arm, every arrangement of the stratum labels
    within an arm is as likely as the observed one. The statistic is the difference of the Mann-Whitney effects over its
    standard error, which keeps the test valid in large samples also for a prognostic marker.

    Parameters
    ----------
    values, is_first, is_upper : array, shape (n,)
        Outcome, arm and stratum. Participants without a value (NaN) are left out before.
    permutations : int
        Number of random arrangements; where no more exist, all are counted and P is exact.
    seed : int, sequence of int, or numpy.random.Generator

    Returns
    -------
    MonteCarloP
        Two-sided; NaN where a group is smaller than two.

    >>> values, arm, upper = [1, 2, 9, 8, 3, 4, 3, 5], [1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 1, 1]
    >>> permuted_strata_p(values, arm, upper, permutations=100, seed=1).permutations  # all that exist
    36
    """
    if permutations < 1:
        raise ValueError(f"permutation test: {permutations} permutations, expected at least 1")
    values, rng = finite(values), np.random.default_rng(seed)
    known = ~np.isnan(values)
    values, is_first, is_upper = (np.asarray(a)[known] for a in (values, is_first, is_upper))
    is_first, is_upper = is_first.astype(bool), is_upper.astype(bool)
    wins = _wins(values[is_first], values[~is_first])
    labels = is_upper[is_first], is_upper[~is_first]
    chosen = [int(label.sum()) for label in labels]
    if min(*chosen, *(label.size - k for label, k in zip(labels, chosen, strict=True)), 99) < 2:
        return MonteCarloP.undefined()
    observed = _studentized(wins, labels[0][:, None], labels[1][:, None])[0]
    if np.isnan(observed):
        return MonteCarloP.undefined()

    def extreme(labels_first: np.ndarray, labels_second: np.ndarray) -> int:
        statistics = _studentized(wins, labels_first, labels_second)
        return int((statistics >= observed * (1 - _SAME) - _SAME).sum())

    sizes = [label.size for label in labels]
    arrangements = comb(sizes[0], chosen[0]) * comb(sizes[1], chosen[1])
    if arrangements <= permutations:
        firsts, seconds = (_all_arrangements(n, k) for n, k in zip(sizes, chosen, strict=True))
        count = sum(extreme(np.tile(column[:, None], seconds.shape[1]), seconds) for column in firsts.T)
        return MonteCarloP(count / arrangements, count / arrangements, count / arrangements, arrangements)
    count = 0
    for start in range(0, permutations, _CHUNK):
        size = min(_CHUNK, permutations - start)
        count += extreme(*(_random_arrangements(rng, n, k, size) for n, k in zip(sizes, chosen, strict=True)))
    return monte_carlo_p(count, permutations)


def _wins(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """1 where first > second, 1/2 where equal, else 0: shape (n_first, n_second)."""
    return (np.sign(np.subtract.outer(first, second)) + 1) / 2


def _studentized(wins: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Absolute difference of effects over its standard error, for arrangements in columns: (n_first, K), (n_second, K).

    Infinite where groups that do not overlap leave no variance but a difference; 0 where there is neither.
    """
    difference = np.zeros(first.shape[1])
    variance = np.zeros(first.shape[1])
    for sign, s, t in ((1.0, first, second), (-1.0, ~first, ~second)):
        s, t = s.astype(float), t.astype(float)
        n_s, n_t = s.sum(axis=0), t.sum(axis=0)
        placed_first = wins @ t / n_t
        placed_second = wins.T @ s / n_s
        effect = (placed_first * s).sum(axis=0) / n_s
        difference += sign * effect
        for placed, chosen, n in ((placed_first, s, n_s), (placed_second, t, n_t)):
            squares = ((placed - effect) ** 2 * chosen).sum(axis=0)
            variance += squares / ((n - 1) * n)
    difference[np.abs(difference) < _SAME] = 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(difference) / np.sqrt(np.where(variance > _SAME**2, variance, 0.0))
    return np.where(difference == 0, 0.0, ratio)


def _random_arrangements(rng: np.random.Generator, n: int, k: int, size: int) -> np.ndarray:
    """Boolean columns, shape (n, size), each with k true entries, all subsets equally likely."""
    columns = np.zeros((size, n), dtype=bool)
    np.put_along_axis(columns, rng.random((size, n)).argsort(axis=1)[:, :k], True, axis=1)
    return columns.T


def _all_arrangements(n: int, k: int) -> np.ndarray:
    """Every subset of k out of n as boolean columns, shape (n, comb(n, k))."""
    subsets = np.array(list(combinations(range(n), k)))
    columns = np.zeros((len(subsets), n), dtype=bool)
    np.put_along_axis(columns, subsets, True, axis=1)
    return columns.T
