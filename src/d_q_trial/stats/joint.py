"""Tests of many specifications together: the middle effect, the share that is significant, and the mean deviate.

The specifications are different analyses of the same participants, so they depend on each other in ways that nobody can
write down. Permuting the arm labels once for all of them keeps that dependence: each permutation gives one value of
every summary, under the hypothesis that the arm changes nothing for anybody.

References
----------
Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4, 1208-1214.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .permutation import Design, Observed
from .reducers import SAME

SUMMARIES = ("median_effect", "share_significant", "mean_z")

_MOST = 255  # that a tally of bytes holds
_FLUSH = 64  # deviates that are added up in float32 before the sum moves on to float64
# Sums of float32 deviates and of float64 ones differ by less than this part of their weight.
_SAME_SUM = 2e-6


class Joint:
    """Count, for every group of specifications, how often a permuted summary is at least as favourable as observed.

    A specification that has too few participants in an arm under a split has the effect one half and the deviate 0
    there, under the observed split as under a permuted one, and is not significant: it neither speaks for nor against.
    So which specifications belong to a group does not depend on the labels, and every P-value is that of an exact test.

    The summaries of a group, in which every specification counts as often as its weight says:

    ``median_effect``
        Median of the Mann-Whitney effects, turned so that more than one half is favourable. Of an even number it is
        the smaller one of the two in the middle, which can be found by counting.
    ``share_significant``
        Share of the weight that has a deviate above ``critical``, that is a significant effect in the favoured direction.
    ``mean_z``
        Mean of the deviates.

    Parameters
    ----------
    design : Design
        Signed so that deviates above 0 are favourable.
    observed : Observed
        Of that design under the observed split.
    weights : array of int, shape (groups, specifications)
        How often a specification counts in a group; 0 where it is no member.
    critical : float

    Attributes
    ----------
    observed : dict of array, shape (groups,)
        The observed summaries, by name; NaN for an empty group.
    counts : dict of array of int, shape (groups,)
        Permutations whose summary is at least the observed one.
    significant : array of int, shape (groups,)
        Weight of significant specifications, added up over all permutations.
    """

    signed = True

    def __init__(self, design: Design, observed: Observed, weights: ArrayLike, *, critical: float):
        weights = np.asarray(weights, dtype=np.int64)
        self.total = weights.sum(axis=1)
        known = ~np.isnan(observed.z)
        effect = np.where(known, observed.effect - 0.5, 0.0)
        z = np.where(known, observed.z, 0.0)
        centre = np.array([_lower_median(effect, own) for own in weights])
        self._above_critical = weights @ (z > critical)
        self._sum = weights @ z
        with np.errstate(invalid="ignore"):
            share, mean = self._above_critical / self.total, self._sum / self.total
        self.observed = dict(zip(SUMMARIES, (0.5 + centre, share, mean), strict=True))
        self.counts = {name: np.zeros(len(weights), dtype=np.int64) for name in SUMMARIES}
        self.significant = np.zeros(len(weights), dtype=np.int64)
        self._critical = design.dtype(critical)
        self._centre = [m - SAME * abs(m) for m in centre]
        self._pattern = design.pattern.tolist()
        self._n = design.presence.sum(axis=1)[:, None]
        members: list[list[tuple[int, int]]] = [[] for _ in range(len(design))]
        for specification, group in np.argwhere(weights.T > 0).tolist():
            members[specification].append((group, int(weights[group, specification])))
        self._members = members
        self._corrected = design.continuity.tolist()
        self._summed = [_summed_scores(design, own) for own in weights]
        pairs = sum(len(patterns) for patterns, _ in self._summed)
        self.each = design.scores.itemsize * (pairs + 6 * len(design.presence)) + 40 * (len(weights) + 1)

    def begin(self, start: int, n_first: np.ndarray, scale: np.ndarray, labels: np.ndarray) -> None:
        """Start a chunk."""
        # An effect is compared by its distance, in units that depend on the numbers per arm.
        self._unit = np.divide(1, effect_factor(n_first, self._n, scale), where=scale > 0, out=np.zeros_like(scale))
        self._least: dict[tuple[int, int], np.ndarray] = {}
        groups, width = len(self.total), scale.shape[1]
        self._above = [(above, above.view(np.uint8)) for above in np.empty((2, width), dtype=bool)]
        self._weighted = np.empty(width, dtype=scale.dtype)
        self._favourable = [_Tally(width) for _ in range(groups)]
        self._significant = [_Tally(width) for _ in range(groups)]
        self._z = [_Sum(width, scale.dtype) for _ in range(groups)]
        # Without continuity correction a deviate is linear in the labels, and so is a sum of them.
        labels = labels.astype(float)
        for (patterns, scores), total in zip(self._summed, self._z, strict=True):
            total.begin((scores @ labels * scale[patterns]).sum(axis=0))

    def row(self, specification: int, distance: np.ndarray, z: np.ndarray) -> None:
        """Take one specification."""
        members = self._members[specification]
        if not members:
            return
        pattern, ((favourable, favourable_bytes), (significant, significant_bytes)) = (
            self._pattern[specification],
            self._above,
        )
        np.greater(z, self._critical, significant)
        for group, weight in members:
            least = self._least.get((group, pattern))
            if least is None:
                least = self._least[group, pattern] = self._least_distance(group, pattern)
            np.greater_equal(distance, least, favourable)
            self._favourable[group].add(favourable_bytes, weight)
            self._significant[group].add(significant_bytes, weight)
            if self._corrected[specification]:
                self._z[group].add(z if weight == 1 else np.multiply(z, z.dtype.type(weight), self._weighted))

    def _least_distance(self, group: int, pattern: int) -> np.ndarray:
        """Doubled distance from which the effect reaches the observed median; where an arm is too small it is 1/2."""
        unit, centre = self._unit[pattern], self._centre[group]
        least = unit * unit.dtype.type(centre)
        least[unit == 0] = -np.inf if centre <= 0 else np.inf
        return least

    def end(self) -> None:
        """Close the chunk."""
        for group, total in enumerate(self.total):
            significant = self._significant[group].total()
            # The median is at least m if more than half of the weight is.
            middle = 2 * self._favourable[group].total() > total
            enough = significant >= self._above_critical[group]
            mean = self._z[group].total() >= self._sum[group] - _SAME_SUM * total
            for name, reached in zip(SUMMARIES, (middle, enough, mean), strict=True):
                self.counts[name][group] += np.count_nonzero(reached)
            self.significant[group] += significant.sum()


class Curves:
    """Keep the curve of sorted effects of the first permutations, at some places along it.

    Parameters
    ----------
    design : Design
    weights : array of int, shape (specifications,)
        How often a specification counts.
    curves : int
        For how many permutations, from number 0.
    places : int
        Evenly spread along the curve.

    Attributes
    ----------
    values : array of float, shape (places, curves)
        Effects, smallest first, of the specifications that have enough participants in both arms under that
        permutation; NaN for permutations that were not computed, and where there are none.
    """

    signed = True

    def __init__(self, design: Design, weights: ArrayLike, *, curves: int, places: int):
        self.weights = np.asarray(weights, dtype=np.int64)
        self.values = np.full((places, curves), np.nan, dtype=design.dtype)
        self._pattern = design.pattern
        self._n = design.presence.sum(axis=1)[:, None]
        self.each = (design.scores.itemsize + 8) * len(design)

    def begin(self, start: int, n_first: np.ndarray, scale: np.ndarray, labels: np.ndarray) -> None:
        """Start a chunk."""
        self._start, self._width = start, max(0, min(start + scale.shape[1], self.values.shape[1]) - start)
        kept = slice(0, self._width)
        factor = effect_factor(n_first[:, kept], self._n, scale[:, kept])
        self._to_effect = np.where(factor > 0, factor, np.nan)
        self._effects = np.full((len(self._pattern), self._width), np.nan, dtype=scale.dtype)

    def row(self, specification: int, distance: np.ndarray, z: np.ndarray) -> None:
        """Take one specification."""
        if self._width:
            factor = self._to_effect[self._pattern[specification]]
            np.multiply(distance[: self._width], factor, out=self._effects[specification])

    def end(self) -> None:
        """Close the chunk."""
        if self._width:
            curves = curve(self._effects, self.weights, len(self.values))
            self.values[:, self._start : self._start + self._width] = curves + curves.dtype.type(0.5)
        del self._effects


def curve(effects: np.ndarray, weights: np.ndarray, places: int) -> np.ndarray:
    """Effects at evenly spread places of their sorted curve, missing ones left out.

    Parameters
    ----------
    effects : array of float, shape (specifications, curves)
        NaN where missing.
    weights : array of int, shape (specifications,)
        How often each counts.
    places : int

    Returns
    -------
    array, shape (places, curves)
        Place k of K holds the effect below which a share (k + 1/2) / K of the weight lies; NaN without any effect.
    """
    found = np.full((places, effects.shape[1]), np.nan, dtype=effects.dtype)
    order = np.argsort(effects, axis=0, kind="stable")  # NaN sorts last
    for column, places_of in enumerate(order.T):
        own = effects[places_of, column]
        known = int(np.count_nonzero(~np.isnan(own)))
        if known:
            reached = np.cumsum(weights[places_of[:known]])
            wanted = (2 * np.arange(places) + 1) * reached[-1] // (2 * places)
            found[:, column] = own[np.searchsorted(reached, wanted, side="right")]
    return found


def effect_factor(n_first: np.ndarray, n: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return the factor from a doubled distance to the effect less one half; 0 where an arm is too small."""
    factor = np.zeros_like(scale)
    np.divide(0.5, n_first * (n - n_first), where=scale > 0, out=factor)
    return factor


def _summed_scores(design: Design, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Patterns of the members without continuity correction, and the sum of their scores for each.

    Scores carry weights and tie factors: (patterns,) of int and (patterns, participants) of float.
    """
    members = np.flatnonzero((weights > 0) & ~design.continuity)
    patterns, place = np.unique(design.pattern[members], return_inverse=True)
    scores = np.zeros((len(patterns), design.scores.shape[1]))
    np.add.at(scores, place, design.scores[members] * (weights * design.tie_factor)[members, None])
    return patterns, scores


def _lower_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Smallest value below or at which at least half of the weight lies."""
    if not weights.any():
        return np.nan
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(2 * reached, reached[-1])]])


class _Tally:
    """Weighted counts per permutation, in bytes for as long as they fit."""

    def __init__(self, width: int):
        self._bytes = np.zeros(width, dtype=np.uint8)
        self._buffer = np.empty(width, dtype=np.uint8)
        self._total = np.zeros(width, dtype=np.int64)
        self._held = 0

    def add(self, counted: np.ndarray, weight: int) -> None:
        if weight == 1 and self._held < _MOST:
            np.add(self._bytes, counted, self._bytes)
            self._held += 1
            return
        while weight > 0:
            part = min(weight, _MOST)
            if self._held + part > _MOST:
                self._flush()
            np.add(self._bytes, np.multiply(counted, np.uint8(part), self._buffer), self._bytes)
            self._held += part
            weight -= part

    def _flush(self) -> None:
        self._total += self._bytes
        self._bytes[:] = 0
        self._held = 0

    def total(self) -> np.ndarray:
        self._flush()
        return self._total


class _Sum:
    """Sums per permutation, in the precision of the deviates for a few of them at a time."""

    def __init__(self, width: int, dtype: np.dtype):
        self._part = np.zeros(width, dtype=dtype)
        self._total = np.zeros(width)
        self._held = 0

    def begin(self, total: np.ndarray) -> None:
        self._total += total

    def add(self, z: np.ndarray) -> None:
        np.add(self._part, z, self._part)
        self._held += 1
        if self._held == _FLUSH:
            self._flush()

    def _flush(self) -> None:
        self._total += self._part
        self._part[:] = 0
        self._held = 0

    def total(self) -> np.ndarray:
        self._flush()
        return self._total
