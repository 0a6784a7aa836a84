"""P-values that a rank-sum test can give for two group sizes, by variant of the test, and the expected ties."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, stdtr

from ..stats.rank_sum import exact_counts, normal_z

_EDGE = 1e-12  # rounding error of a P-value
_LEAST = 1e-9  # attainable values that are expected anywhere
EXACT = ("exact", "exact_mid_p")
TIE_STEP = 6  # t^3 - t is a multiple of six for every whole t
# Pairs of participants, such as 150 times 150, beyond which nearly every P of three decimals is attainable.
MOST_PAIRS = 22_500


class Lattice(NamedTuple):
    """Attainable P-values in ascending order and the U of each (the smaller of U and n1 * n2 - U).

    ``knots`` holds each P once and, where there are several, one more at either end, at their slope.
    """

    u: np.ndarray
    p: np.ndarray
    knots: np.ndarray


def rank_sum_p(u, n_first: int, n_second: int, variant: str, tie_sum=0.0):
    """Two-sided P of U, the pairs with first > second, under a variant; ``u`` and ``tie_sum`` broadcast.

    ``tie_sum`` is the sum of t^3 - t over the groups of t equal values. For the exact variants, whose P depends on the
    whole pattern of ties, the distance from the mean is scaled by the tie-corrected standard deviation and the
    distribution without ties is interpolated: an approximation, whose usual error is ``_TRUE_ERROR``.
    """
    n, mean = n_first + n_second, n_first * n_second / 2
    if variant not in EXACT:
        z = -np.abs(normal_z(u, n_first, n_second, tie_sum, continuity=variant.endswith("_continuity")))
        return 2 * (ndtr(z) if variant.startswith("normal") else stdtr(n - 1, z))
    tie_sum = np.asarray(tie_sum, dtype=float)
    distance = np.abs(np.asarray(u, dtype=float) - mean) / np.sqrt(1 - tie_sum / (n**3 - n))
    if variant == "exact":  # with ties U moves in halves: an atom that reached half a unit outwards reaches a quarter
        distance = distance + np.where(tie_sum > 0, 0.25, 0.0)
    table = _exact_table(n_first, n_second, variant)
    return np.exp(np.interp(mean - distance, np.arange(table.size), table))


@lru_cache(maxsize=4096)
def _exact_table(n_first: int, n_second: int, variant: str) -> np.ndarray:
    """Logarithms of the exact P at U = 0, 1, ..., up to the mean (one entry beyond it if the mean is a half)."""
    counts = exact_counts(n_first, n_second)
    below, half = np.cumsum(counts), counts[: (n_first * n_second + 1) // 2 + 1]
    doubled = 2 * below[: half.size]
    if variant == "exact_mid_p":
        doubled -= half
        if counts.size % 2:
            doubled[-1] = below[-1] - half[-1] / 2  # the middle is one atom, not two
    return np.log(np.minimum(1.0, doubled / below[-1]))


@lru_cache(maxsize=4096)
def attainable_p_values(n_first: int, n_second: int, variant: str, halves: bool = False, tie_sum: int = 0) -> Lattice:
    """All P-values that a variant can give; with ``halves``, also of half-integer U, which only ties between groups make."""
    step = 0.5 if halves else 1.0
    u = np.arange(0, np.floor(n_first * n_second / 2 / step) + 1) * step
    p = rank_sum_p(u, n_first, n_second, variant, tie_sum)
    knots = p[_first_of_each(p)]
    if knots.size > 1:
        below, above = 2 * knots[[0, -1]] - knots[[1, -2]]
        knots = np.concatenate([[below], knots, [above]])
    return Lattice(u, p, knots)


def _first_of_each(p: np.ndarray) -> np.ndarray:
    """Mark each P once: with the continuity correction the two middle values of U both give P = 1."""
    return np.concatenate([[True], np.diff(p) > _EDGE])


class Ties(NamedTuple):
    """The expected ties.

    ``weight`` is the probability of any, ``low`` to ``high`` the usual range of the tie sum if there are, ``most`` a sum
    that is hardly ever exceeded.
    """

    weight: float
    low: int
    high: int
    most: int


NO_TIES = Ties(0.0, 0, 0, 0)
# Unknown: perhaps a quarter of published variables tie, a few pairs each.
UNKNOWN_TIES = Ties(0.25, 6, 60, 600)
# Changes of measured values: a handful of pairs at most, as at "no change".
FEW_TIES = Ties(0.1, 6, 60, 60)
_SPREAD_PER_IQR = 1 / 1.349  # of a normal distribution
# Data that are skewed or heaped tie more than a normal sample with the same quartiles; up to so many times as much.
_USUAL, _MOST = (0.5, 2.2), 6.0
_TRUE_ERROR, _SAFE_ERROR = 0.06, 0.6  # of the interpolated exact P with ties, in steps: usual, and hardly exceeded


class Fit(NamedTuple):
    """A reported P on a lattice.

    ``u`` holds the values of U that give it, rare ties included. ``hits`` counts the attainable values in the interval
    that rounds to it, with ties each U by the share of the usual tie sums that bring its P there; ``expected`` is how
    many a lattice of this density, interpolated, has there by chance.
    """

    u: tuple[float, ...]
    hits: float
    expected: float

    @property
    def chance(self) -> float:
        """The probability that an interval of this width, laid at random nearby, holds an attainable value."""
        return min(1.0, self.expected)


@lru_cache(maxsize=16384)
def fit_reported_p(low: float, high: float, n_first: int, n_second: int, variant: str, ties: Ties = NO_TIES) -> Fit:
    """Fit one reported interval of P, without ties or with those that are expected.

    For the exact variants each P with ties is widened by the error of the approximation.
    """
    start, end, _, u = _bands(n_first, n_second, variant, TIE_STEP, ties.most, _SAFE_ERROR)
    reached = u[(start <= high + _EDGE) & (end >= low - _EDGE)]
    start, end, middle, _ = _bands(n_first, n_second, variant, ties.low, ties.high, _TRUE_ERROR)
    places = np.interp([low, high], middle.knots, np.arange(middle.knots.size))
    expected = max(float(places[1] - places[0]), _LEAST)
    if not reached.size:
        return Fit((), 0.0, expected)
    near = (start <= high + _EDGE) & (end >= low - _EDGE)
    near[near] = _first_of_each(end[near])
    width, overlap = (end - start)[near], np.minimum(end[near], high) - np.maximum(start[near], low)
    # No ties, or P hardly moves with them (the middle of the distribution, and very small P): a point, wholly inside.
    share = np.where(width < _EDGE, 1.0, np.clip(overlap / np.maximum(width, _EDGE), 0.0, 1.0))
    return Fit(tuple(reached.tolist()), float(share.sum()), expected)


@lru_cache(maxsize=4096)
def _bands(n_first: int, n_second: int, variant: str, least: int, most: int, error: float):
    """Smallest and largest P of each U over a range of tie sums, the lattice in its middle, and the U."""
    if not most:
        grid = attainable_p_values(n_first, n_second, variant)
        return grid.p, grid.p, grid, grid.u
    n = n_first + n_second
    # Of two values all or none tie, and a test of equal values has no P.
    least, most = (_possible(tie_sum, n) if n > 2 else 0 for tie_sum in (least, most))
    few = attainable_p_values(n_first, n_second, variant, True, least)
    start, end = (
        attainable_p_values(n_first, n_second, variant, True, most).p,
        few.p,
    )  # more ties, smaller variance, smaller P
    if variant in EXACT and few.p.size > 1:
        spacing = np.gradient(few.p)
        start, end = start - error * spacing, end + error * spacing
    return start, end, attainable_p_values(n_first, n_second, variant, True, (least + most) // 2), few.u


def ties_from_step(step: float, first, second, n_first: int, n_second: int) -> Ties:
    """Return the expected ties of values recorded in a ``step``, in the unit of the quartiles.

    The quartiles of both groups give the spread; without quartiles the ties are unknown.
    """
    widths = [group["q3"].value - group["q1"].value for group in (first, second) if {"q1", "q3"} <= group.keys()]
    if not widths:
        return UNKNOWN_TIES
    n = n_first + n_second
    spread = max(sum(widths) / len(widths), step / 2) * _SPREAD_PER_IQR
    # Chance that two, and that three, values fall into one step, of a normal distribution.
    pair = min(1.0, step / (2 * math.sqrt(math.pi) * spread))
    triple = min(1.0, (step / spread) ** 2 / (2 * math.pi * math.sqrt(3)))
    tie_sum = n * (n - 1) * (n - 2) * triple + 3 * n * (n - 1) * pair
    chance = 2 * math.sqrt(TIE_STEP * tie_sum)  # twice the standard deviation of a Poisson number of pairs
    weight = 1 - math.exp(-n * (n - 1) / 2 * pair)
    low, high = _USUAL[0] * tie_sum - chance, _USUAL[1] * tie_sum + chance + 2 * TIE_STEP
    most = _MOST * tie_sum + chance + 10 * TIE_STEP
    sums = (_possible(TIE_STEP * round(tie_sum / TIE_STEP), n) for tie_sum in (low, high, most))
    return Ties(min(max(weight, 0.02), 0.98), *sums)


def _possible(tie_sum: int, n: int) -> int:
    """Return the nearest tie sum of at least one pair, and at most half of what all values equal would make."""
    return max(TIE_STEP, min(tie_sum, (n**3 - n) // 2))
