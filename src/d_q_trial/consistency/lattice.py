"""Attainable P-values of a rank-sum test for two group sizes, the expected ties, and bounds of U and P by quantiles.

The bounds by reported medians, quartiles and ranges are outer bounds: a P-value outside them cannot come from such data,
one inside may; see docs/consistency.md.
"""

import math
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, stdtr

from ..published_tables import ReportedNumber
from ..stats.quantiles import quantile
from ..stats.rank_sum import exact_counts, normal_z

ROUNDING = 1e-12  # error of a computed P-value
_LEAST_EXPECTED = 1e-9  # attainable values in an interval; keeps likelihoods finite
EXACT = ("exact", "exact_mid_p")
TIE_STEP = 6  # t^3 - t is a multiple of six for every whole t
QUARTILES = {"q1": 0.25, "median": 0.5, "q3": 0.75}
MAX_PAIRS = 22_500  # n1 * n2, such as 150 * 150, beyond which nearly every P of three decimals is attainable

Group = dict[str, ReportedNumber]  # the reported quantiles of one group by their names, in ascending order


class Lattice(NamedTuple):
    """Attainable P-values in ascending order."""

    u: np.ndarray  # of each P, the smaller of U and n1 * n2 - U
    p: np.ndarray
    knots: np.ndarray  # each P once and, if there are several, one more value at either end, extrapolated


def rank_sum_p(u, n_first: int, n_second: int, variant: str, tie_sum=0.0):
    """Return the two-sided P of U, the number of pairs with first > second; ``u`` and ``tie_sum`` broadcast.

    ``tie_sum`` is the sum of t^3 - t over the groups of t equal values. The P of the exact variants depends on the whole
    pattern of ties. As an approximation, the distance from the mean is scaled by the tie-corrected standard deviation and
    the distribution without ties is interpolated; the usual error is ``_TRUE_ERROR``.
    """
    n, mean = n_first + n_second, n_first * n_second / 2
    if variant not in EXACT:
        z = -np.abs(normal_z(u, n_first, n_second, tie_sum, continuity=variant.endswith("_continuity")))
        return 2 * (ndtr(z) if variant.startswith("normal") else stdtr(n - 1, z))
    tie_sum = np.asarray(tie_sum, dtype=float)
    distance = np.abs(np.asarray(u, dtype=float) - mean) / np.sqrt(1 - tie_sum / (n**3 - n))
    if variant == "exact":  # with ties U moves in halves: an atom extends a quarter of a unit outwards, not half a unit
        distance = distance + np.where(tie_sum > 0, 0.25, 0.0)
    table = _exact_table(n_first, n_second, variant)
    return np.exp(np.interp(mean - distance, np.arange(table.size), table))


def most_ties(u: np.ndarray, n_first: int, n_second: int) -> np.ndarray:
    """Return an upper bound of the tie sum with which each U can occur, if not all values are equal.

    z is the correlation of ranks and groups times the root of n - 1, so that its square is at most n - 1.
    """
    n, pairs = n_first + n_second, n_first * n_second
    return np.minimum((n - 1) ** 3 - (n - 1), n**3 - n - 3 * n * (2 * u - pairs) ** 2 / pairs)


@lru_cache(maxsize=4096)
def _exact_table(n_first: int, n_second: int, variant: str) -> np.ndarray:
    """Return the logarithms of the exact P at U = 0, 1, ..., up to the mean, rounded up if it is a half-integer."""
    counts = exact_counts(n_first, n_second)
    cumulative, half = np.cumsum(counts), counts[: (n_first * n_second + 1) // 2 + 1]
    doubled = 2 * cumulative[: half.size]
    if variant == "exact_mid_p":
        doubled -= half
        if counts.size % 2:
            doubled[-1] = cumulative[-1] - half[-1] / 2  # the middle is one atom, not two
    return np.log(np.minimum(1.0, doubled / cumulative[-1]))


@lru_cache(maxsize=4096)
def attainable_p_values(n_first: int, n_second: int, variant: str, halves: bool = False, tie_sum: int = 0) -> Lattice:
    """Return all P-values that a variant can give; ``halves`` adds half-integer U, which only ties between groups give."""
    step = 0.5 if halves else 1.0
    u = np.arange(0, np.floor(n_first * n_second / 2 / step) + 1) * step
    p = rank_sum_p(u, n_first, n_second, variant, tie_sum)
    knots = p[_mark_distinct(p)]
    if knots.size > 1:
        below, above = 2 * knots[[0, -1]] - knots[[1, -2]]
        knots = np.concatenate([[below], knots, [above]])
    return Lattice(u, p, knots)


def _mark_distinct(p: np.ndarray) -> np.ndarray:
    """Mark each P once: with the continuity correction the two middle values of U both give P = 1."""
    return np.concatenate([[True], np.diff(p) > ROUNDING])


class Ties(NamedTuple):
    """The expected ties."""

    weight: float  # probability of any ties
    low: int  # usual range of the tie sum if there are ties
    high: int
    most: int  # a tie sum that is hardly ever exceeded


NO_TIES = Ties(0.0, 0, 0, 0)
UNKNOWN_TIES = Ties(0.25, 6, 60, 600)  # perhaps a quarter of published variables have ties, a few pairs each
FEW_TIES = Ties(0.1, 6, 60, 60)  # changes of measured values: a handful of tied pairs at most, such as "no change"
_SD_PER_IQR = 1 / 1.349  # of a normal distribution
# Skewed or heaped data have more ties than a normal sample with the same quartiles. Factors of the expected tie sum:
_USUAL_FACTORS, _MOST_FACTOR = (0.5, 2.2), 6.0
_TRUE_ERROR, _SAFE_ERROR = 0.06, 0.6  # of the interpolated exact P with ties, in steps: usual, and hardly exceeded


class Fit(NamedTuple):
    """A reported P on a lattice."""

    u: tuple[float, ...]  # values of U that give the reported P, rare ties included
    # Number of attainable values that round to the reported P; with ties, each U counts by the share of the usual tie sums
    # that bring its P into the interval.
    hits: float
    expected: float  # number that a lattice of this density, interpolated, has in the interval by chance

    @property
    def chance(self) -> float:
        """The probability that an interval of this width, placed at random nearby, contains an attainable value."""
        return min(1.0, self.expected)


@lru_cache(maxsize=16384)
def fit_reported_p(low: float, high: float, n_first: int, n_second: int, variant: str, ties: Ties = NO_TIES) -> Fit:
    """Fit the interval of values that round to a reported P, without ties or with the expected ones.

    For the exact variants each P with ties is widened by the error of the approximation.
    """
    start, end, _, u = _compute_bands(n_first, n_second, variant, TIE_STEP, ties.most, _SAFE_ERROR)
    matching_u = u[(start <= high + ROUNDING) & (end >= low - ROUNDING)]
    start, end, middle, _ = _compute_bands(n_first, n_second, variant, ties.low, ties.high, _TRUE_ERROR)
    first, last = np.interp([low, high], middle.knots, np.arange(middle.knots.size))
    expected = max(float(last - first), _LEAST_EXPECTED)
    if not matching_u.size:
        return Fit((), 0.0, expected)
    near = (start <= high + ROUNDING) & (end >= low - ROUNDING)
    near[near] = _mark_distinct(end[near])
    width, overlap = (end - start)[near], np.minimum(end[near], high) - np.maximum(start[near], low)
    # Without ties, or where P hardly moves with them (at the mean of U, and for very small P), a band is one point.
    share = np.where(width < ROUNDING, 1.0, np.clip(overlap / np.maximum(width, ROUNDING), 0.0, 1.0))
    return Fit(tuple(matching_u.tolist()), float(share.sum()), expected)


@lru_cache(maxsize=4096)
def _compute_bands(n_first: int, n_second: int, variant: str, least: int, most: int, error: float):
    """Return the smallest and largest P of each U over a range of tie sums, the lattice at its middle, and the U."""
    if not most:
        lattice = attainable_p_values(n_first, n_second, variant)
        return lattice.p, lattice.p, lattice, lattice.u
    n = n_first + n_second
    # Two values are both tied or not at all, and a test of equal values has no P.
    sums = [_clip_tie_sum(tie_sum, n) if n > 2 else 0 for tie_sum in (least, most)]
    sums.insert(1, sum(sums) // 2)
    few, middle, many = (attainable_p_values(n_first, n_second, variant, True, tie_sum) for tie_sum in sums)
    start, end = many.p, few.p  # more ties, smaller variance, smaller P
    if variant in EXACT and end.size > 1:
        spacing = np.gradient(few.p)
        start, end = start - error * spacing, end + error * spacing
    return start, end, middle, few.u


def estimate_ties(step: float, first: Group, second: Group, n_first: int, n_second: int) -> Ties:
    """Return the expected ties of values recorded in a ``step``, in the unit of the quartiles.

    The quartiles of both groups give the spread; without quartiles the ties are unknown. The values are taken as normal.
    """
    widths = [group["q3"].value - group["q1"].value for group in (first, second) if {"q1", "q3"} <= group.keys()]
    if not widths:
        return UNKNOWN_TIES
    n = n_first + n_second
    sd = max(sum(widths) / len(widths), step / 2) * _SD_PER_IQR
    # The probability that two values, and that three values, fall into one step.
    pair = min(1.0, step / (2 * math.sqrt(math.pi) * sd))
    triple = min(1.0, (step / sd) ** 2 / (2 * math.pi * math.sqrt(3)))
    expected = n * (n - 1) * (n - 2) * triple + 3 * n * (n - 1) * pair
    margin = 2 * math.sqrt(TIE_STEP * expected)  # twice the standard deviation of a Poisson number of pairs
    weight = 1 - math.exp(-n * (n - 1) / 2 * pair)
    low, high = _USUAL_FACTORS[0] * expected - margin, _USUAL_FACTORS[1] * expected + margin + 2 * TIE_STEP
    most = _MOST_FACTOR * expected + margin + 10 * TIE_STEP
    tie_sums = (_clip_tie_sum(TIE_STEP * round(tie_sum / TIE_STEP), n) for tie_sum in (low, high, most))
    return Ties(min(max(weight, 0.02), 0.98), *tie_sums)


def _clip_tie_sum(tie_sum: int, n: int) -> int:
    """Clip a tie sum to the range from one tied pair to half of the sum if all values were equal."""
    return max(TIE_STEP, min(tie_sum, (n**3 - n) // 2))


@lru_cache(maxsize=4096)
def quantile_position(n: int, p: float, kind: int) -> Fraction:
    """Return the position of a quantile among the ranks 1 to n: 7.25 is a quarter of the way from the seventh value up.

    ``kind`` is the definition of the quantile, type 1 to 9 of Hyndman and Fan (1996).
    """
    # A quantile of the ranks is its own position.
    return Fraction(float(quantile(np.arange(1.0, n + 1), p, type=kind))).limit_denominator(10_000)


def bound_order_statistics(group: Group, n: int, kind: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper envelope of the order statistics, arrays of shape (n,).

    Unreported quantiles set no bound. A reported quantile may be any value of the interval that rounds to it.
    """
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    positions = {part: quantile_position(n, p, kind) for part, p in QUARTILES.items()} | {"minimum": 1, "maximum": n}
    for part, number in group.items():
        above, below = math.ceil(positions[part]) - 1, math.floor(positions[part]) - 1  # the values at or next to it
        low[above], high[below] = max(low[above], number.low), min(high[below], number.high)
    return np.maximum.accumulate(low), np.minimum.accumulate(high[::-1])[::-1]


def bound_u(first: Group, second: Group, n_first: int, n_second: int, *, kind: int) -> tuple[float, float, int] | None:
    """Return the smallest and largest U, and a bound of the sum of t^3 - t; None if quantiles contradict each other.

    U is largest with the first group at the upper and the second at the lower envelope of its order statistics.
    """
    bounds = [bound_order_statistics(group, n, kind) for group, n in ((first, n_first), (second, n_second))]
    (first_low, first_high), (second_low, second_high) = bounds
    if any((low > high).any() for low, high in bounds):
        return None
    # U counts pairs with first > second. Equal bounds count in the largest U, as either value may lie just off its bound.
    least = np.searchsorted(second_high, first_low, side="left").sum()  # the bounds ascend
    most = np.searchsorted(second_low, first_high, side="right").sum()
    low, high = np.concatenate([first_low, second_low]), np.concatenate([first_high, second_high])
    can_tie = (low[:, None] <= low) & (low <= high[:, None])  # whether a value may equal the lower bound of another
    largest = np.where(can_tie, can_tie.sum(axis=0), 0).max(axis=1)  # the largest group of ties that it may be in
    return float(least), float(most), int((largest**2 - 1).sum())


def bound_p(u_low: float, u_high: float, n_first: int, n_second: int, variant: str, tie_sum: int = 0):
    """Return bounds of P for U anywhere in a range, with a sum of t^3 - t from zero to ``tie_sum``.

    An exact P with ties is at most twice the P without them. Breaking a group of t ties moves U by at most t^2 / 8, and by
    at most (t^3 - t) / 12: an exact P is at least the P of the U farther out by the sum of these, or that of one arrangement.
    """
    n, mean, ends = n_first + n_second, n_first * n_second / 2, np.array([u_low, u_high])
    high = 1.0 if u_low <= mean <= u_high else float(rank_sum_p(ends, n_first, n_second, variant).max())
    if variant not in EXACT:
        tie_sums = np.minimum(tie_sum, most_ties(ends, n_first, n_second))
        return float(rank_sum_p(ends, n_first, n_second, variant, tie_sums).min()), high
    outermost = min(u_low, 2 * mean - u_high)
    shift = min(tie_sum / 12, math.sqrt(n * (n + tie_sum)) / 8)  # the root bounds the sum of t^2
    low = float(rank_sum_p(max(0, math.floor(outermost - shift)), n_first, n_second, variant))
    return low / (2 if shift > outermost else 1), min(1.0, 2 * high if tie_sum else high)
