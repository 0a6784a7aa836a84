"""Infer the definition of reported quartiles, and bound U and P by reported medians, quartiles and ranges.

If values were recorded in steps coarser than the reported decimals, the last digit of a quantile shows its definition:
whole numbers and n = 30 give .25 and .75 under type 7 (reported as .2 or .3, and .8), but whole numbers under type 2.
U is largest with the first group at the upper and the second at the lower envelope of its order statistics. The bounds
are outer bounds: a P-value outside them cannot come from such data, one inside may; see docs/consistency.md.
"""

import itertools
import math
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, softmax

from ..stats.quantiles import TYPES, quantile
from . import VARIANTS
from .lattice import EXACT, ROUNDING, most_ties, rank_sum_p
from .reported import Group, ReportedP

_DEFINITIONS = [*itertools.product(TYPES, ("even", "up"))]  # types of quantiles and rounding rules
_QUARTILES = {"q1": 0.25, "median": 0.5, "q3": 0.75}
_COARSER = 0.2  # prior probability that a variable was recorded with fewer decimals than reported
_LEAST_PROBABILITY = 1e-6  # of a digit that a definition cannot give: a misprint, or another n
_MOST_GAP = 400  # steps from one value to the next
_MOST_DECIMALS = 9  # further decimals are ignored


@lru_cache(maxsize=4096)
def quantile_position(n: int, p: float, kind: int) -> tuple[int, Fraction]:
    """Return the rank of the value below a quantile (from 1), and the fraction of the way to the next one.

    ``kind`` is the definition of the quantile, type 1 to 9 of Hyndman and Fan (1996).
    """
    # A quantile of the ranks 1 to n is its own position.
    return divmod(Fraction(float(quantile(np.arange(1.0, n + 1), p, type=kind))).limit_denominator(10_000), 1)


class Definition(NamedTuple):
    """One definition of the quartiles with one rounding rule, judged by all reported digits together."""

    type: int
    rounding: str
    log10_likelihood: float
    probability: float
    impossible_digits: int


@dataclass(frozen=True)
class Decision:
    """The definition of the quartiles, and the recording steps of the variables, inferred from the reported digits."""

    definitions: list[Definition]  # most probable first
    steps: dict[str, float]  # of each variable that was recorded more coarsely than reported


def infer_definition(p_values: list[ReportedP]) -> Decision:
    """Infer the definition of the quartiles, of nine types and two rounding rules, from the last reported digits.

    Computed values such as changes are left out: they have no recording step. All groups of a variable share its step:
    one unit of the last reported decimal, ten units or, with several decimals, any power of ten up to a whole number.
    """
    variables: dict[str, list[tuple[Group, int]]] = defaultdict(list)
    for p in p_values:
        for group, n in zip(p.groups, p.pair, strict=True):
            if p.measured and isinstance(n, int) and _QUARTILES.keys() <= group.keys():
                variables[p.variable].append((group, n))
    log_likelihoods, impossible, steps = np.zeros(len(_DEFINITIONS)), np.zeros(len(_DEFINITIONS), int), {}
    for name, groups in variables.items():
        decimals = min(_MOST_DECIMALS, max(group[part].decimals for group, _ in groups for part in _QUARTILES))
        most = max(decimals, 1)  # last digits that can depend on the definition; the other digits are taken as uniform
        uniform = -3 * len(groups) * math.log(10)  # log-likelihood of one uniform digit of every quartile
        joints = [np.full(len(_DEFINITIONS), math.log(1 - _COARSER) + most * uniform)]  # log of prior times likelihood
        probabilities = []
        for last in range(1, most + 1):
            probabilities.append(np.hstack([digit_probabilities(group, n, decimals, last) for group, n in groups]))
            log_likelihood = np.log(np.maximum(probabilities[-1], _LEAST_PROBABILITY)).sum(axis=1)
            joints.append(math.log(_COARSER / most) + log_likelihood + (most - last) * uniform)
        last = int(np.argmax([joint.max() for joint in joints]))
        if last:
            steps[name] = 10.0 ** (last - decimals)
            impossible += (probabilities[last - 1] == 0).sum(axis=1)
        log_likelihoods += logsumexp(joints, axis=0)
    relative = (log_likelihoods - log_likelihoods.max()) / math.log(10)
    numbers = zip(_DEFINITIONS, relative, softmax(log_likelihoods), impossible, strict=True)
    definitions = [Definition(k, f"half {rounding}", float(r), float(p), int(n)) for (k, rounding), r, p, n in numbers]
    definitions.sort(key=lambda d: (-round(d.probability, 12), d.type, d.rounding))
    return Decision(definitions, steps)


def digit_probabilities(group: Group, n: int, decimals: int, last: int) -> np.ndarray:
    """Return the probability of the ``last`` digits of each quartile under each definition, shape (definitions, 3).

    The values are taken as recorded with ``last`` decimals fewer than the ``decimals`` of the quartiles, and the distance
    from one value to the next as geometric, with the mean that the quartiles and n suggest.
    """
    steps_per_unit = 10.0 ** (decimals - last)
    step = 10**last  # in units of the last reported decimal
    mean_gap = max((group["q3"].value - group["q1"].value) * steps_per_unit, 0.25) / (n / 2)  # in steps
    gaps = np.arange(_MOST_GAP)
    weights = (mean_gap / (1 + mean_gap)) ** gaps / (1 + mean_gap)
    probabilities = np.empty((len(_DEFINITIONS), len(_QUARTILES)))
    for column, (part, p) in enumerate(_QUARTILES.items()):
        digits = round(group[part].value * 10**decimals) % step
        for row, (kind, rounding) in enumerate(_DEFINITIONS):
            _, fraction = quantile_position(n, p, kind)
            # The excess over the value below, which is an even number of units and does not affect the rounding.
            excess = fraction.numerator * step * gaps / fraction.denominator
            rounded = (np.rint(excess) if rounding == "even" else np.floor(excess + 0.5)) % step
            probabilities[row, column] = weights[rounded == digits].sum() if fraction else digits == 0
    return probabilities


class RangeCheck(NamedTuple):
    """The ranges of U and P that the reported quantiles allow, and whether the reported P is inside."""

    p: ReportedP
    n_first: int
    n_second: int
    u_low: float
    u_high: float
    p_low: float
    p_high: float
    inside: bool | None  # None if the quantiles contradict each other under every type


def check_range(p: ReportedP, n_first: int, n_second: int) -> RangeCheck:
    """Check one P against the quantiles of its groups, under every variant and type of quantiles."""
    u_ranges = [span for kind in TYPES if (span := bound_u(*p.groups, n_first, n_second, kind=kind))]
    if not u_ranges:
        return RangeCheck(p, n_first, n_second, *[math.nan] * 4, None)
    lows, highs, tie_sums = zip(*u_ranges, strict=True)
    u_low, u_high = min(lows), max(highs)
    tie_sum = max(tie_sums) if p.ties.weight else 0
    lows, highs = zip(*(bound_p(u_low, u_high, n_first, n_second, v, tie_sum) for v in VARIANTS), strict=True)
    low, high = min(lows), max(highs)
    meets = max(low - p.p.high, p.p.low - high) <= ROUNDING
    inside = {"=": meets, "<": low < p.p.value, ">": high > p.p.value}[p.relation]
    return RangeCheck(p, n_first, n_second, u_low, u_high, low, high, inside)


def bound_order_statistics(group: Group, n: int, kind: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper envelope of the order statistics, arrays of shape (n,).

    Unreported quantiles set no bound. A reported quantile may be any value of the interval that rounds to it.
    """
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    neighbours = {"minimum": (0, 0), "maximum": (n - 1, n - 1)}
    for part, p in _QUARTILES.items():
        rank, fraction = quantile_position(n, p, kind)
        neighbours[part] = (rank if fraction else rank - 1, rank - 1)  # the values at or above, and at or below it
    for part, number in group.items():
        above, below = neighbours[part]
        low[above], high[below] = max(low[above], number.low), min(high[below], number.high)
    return np.maximum.accumulate(low), np.minimum.accumulate(high[::-1])[::-1]


def bound_u(first: Group, second: Group, n_first: int, n_second: int, *, kind: int) -> tuple[float, float, int] | None:
    """Return the smallest and largest U, and a bound of the sum of t^3 - t; None if quantiles contradict each other."""
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
