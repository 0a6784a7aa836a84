"""What reported medians, quartiles and ranges imply: the definition of the quartiles, and bounds of U and P.

A quantile of n recorded values lies at one value or a fixed fraction of the way to the next. If the values were
recorded in steps coarser than the reported decimals, the fraction shows in the last digit: whole numbers and n = 30 give
.25 and .75 under type 7 (reported as .2 or .3, and .8), but whole numbers under type 2.

Each order statistic of a group lies between a lower and an upper envelope that the reported quantiles leave it. The
first group at its upper and the second at its lower envelope give the largest U that can be. The bounds are outer
bounds: a P-value outside them cannot come from such data, one inside may. They are attained where every reported
quantile is one of the values (n = 4k + 1 under type 7). Where a quantile lies between two values, not both of them can
be at their envelope, and the bounds go too far by the pairs of one value for each.
"""

from __future__ import annotations

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
from .lattice import EXACT, rank_sum_p
from .reported import Group, ReportedP

_KEYS = [*itertools.product(TYPES, ("even", "up"))]  # definitions and rounding rules
_QUARTILES = {"q1": 0.25, "median": 0.5, "q3": 0.75}
_COARSER = 0.2  # prior probability that a variable was recorded one decimal coarser than it is reported
_ODD = 1e-6  # of a digit that a definition cannot give: a misprint, or another n
_MOST_GAP = 400
_MOST_DECIMALS = 9  # further ones are not looked at


@lru_cache(maxsize=4096)
def quantile_position(n: int, p: float, kind: int) -> tuple[int, Fraction]:
    """Return the rank of the value below a quantile (from 1), and the fraction of the way to the next one.

    ``kind`` is the definition of the quantile, 1 to 9 as Hyndman and Fan (1996) count them.
    """
    # The quantile of the ranks themselves is its position among them.
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
    """Definitions, most probable first, and the step of each variable that was recorded more coarsely than reported."""

    definitions: list[Definition]
    steps: dict[str, float]


def infer_definition(p_values: list[ReportedP]) -> Decision:
    """Weigh the nine definitions and two rounding rules by the last digits of the reported quartiles.

    Computed values such as changes are left out: they have no step. The groups of one variable share the step in which
    it was recorded: one unit of the last reported decimal, ten or, of several decimals, up to a whole number.
    """
    variables: dict[str, list[tuple[Group, int]]] = defaultdict(list)
    for p in p_values:
        for group, n in zip(p.groups, p.pair, strict=True):
            if p.measured and isinstance(n, int) and _QUARTILES.keys() <= group.keys():
                variables[p.variable].append((group, n))
    logs, misses, steps = np.zeros(len(_KEYS)), np.zeros(len(_KEYS), int), {}
    for name, groups in variables.items():
        decimals = min(_MOST_DECIMALS, max(group[part].decimals for group, _ in groups for part in _QUARTILES))
        most = max(decimals, 1)  # last digits that a step can leave to the definition; others lie anywhere
        count = 3 * len(groups) * math.log(10)
        weighed, found = [np.full(len(_KEYS), math.log(1 - _COARSER) - most * count)], []
        for last in range(1, most + 1):
            found.append(np.hstack([digit_probabilities(group, n, decimals, last) for group, n in groups]))
            own = np.log(np.maximum(found[-1], _ODD)).sum(axis=1)
            weighed.append(math.log(_COARSER / most) + own - (most - last) * count)
        last = int(np.argmax([log.max() for log in weighed]))
        if last:
            steps[name] = 10.0 ** (last - decimals)
            misses += (found[last - 1] == 0).sum(axis=1)
        logs += logsumexp(weighed, axis=0)
    likelihoods = (logs - logs.max()) / math.log(10)
    definitions = [
        Definition(kind, f"half {rounding}", *map(float, numbers), int(missed))
        for (kind, rounding), *numbers, missed in zip(_KEYS, likelihoods, softmax(logs), misses, strict=True)
    ]
    definitions.sort(key=lambda d: (-round(d.probability, 12), d.type, d.rounding))
    return Decision(definitions, steps)


def digit_probabilities(group: Group, n: int, decimals: int, last: int) -> np.ndarray:
    """Return the probability of the ``last`` digits of each quartile under each definition, shape (definitions, 3).

    The values were recorded in steps of as many digits less than the ``decimals`` of the quartiles. The distance from one
    to the next is taken as geometric, with the mean that the quartiles and n suggest.
    """
    steps = 10.0 ** (decimals - last)  # per unit
    units, gap = 10**last, max((group["q3"].value - group["q1"].value) * steps, 0.25) / (n / 2)
    gaps = np.arange(_MOST_GAP)
    weights = (gap / (1 + gap)) ** gaps / (1 + gap)
    probabilities = np.empty((len(_KEYS), len(_QUARTILES)))
    for column, (part, p) in enumerate(_QUARTILES.items()):
        digits = round(group[part].value * 10**decimals) % units
        for row, (kind, rounding) in enumerate(_KEYS):
            _, fraction = quantile_position(n, p, kind)
            beyond = fraction.numerator * units * gaps / fraction.denominator  # the steps in front are even
            rounded = (np.rint(beyond) if rounding == "even" else np.floor(beyond + 0.5)) % units
            probabilities[row, column] = weights[rounded == digits].sum() if fraction else digits == 0
    return probabilities


class RangeCheck(NamedTuple):
    """How far P can go for the reported quantiles; ``inside`` is None if they contradict themselves under every type."""

    p: ReportedP
    n_first: int
    n_second: int
    u_low: float
    u_high: float
    p_low: float
    p_high: float
    inside: bool | None


def check_range(p: ReportedP, n_first: int, n_second: int) -> RangeCheck:
    """Check one P against the quantiles of its groups, under every variant and type of quantiles."""
    spans = [span for kind in TYPES if (span := u_range(*p.groups, n_first, n_second, kind=kind))]
    if not spans:
        return RangeCheck(p, n_first, n_second, *[math.nan] * 4, None)
    lows, highs, tie_sums = zip(*spans, strict=True)
    span, tie_sum = (min(lows), max(highs)), max(tie_sums) if p.ties.weight else 0
    lows, highs = zip(*(p_range(*span, n_first, n_second, variant, tie_sum) for variant in VARIANTS), strict=True)
    low, high = min(lows), max(highs)
    inside = {"=": p.p.low <= high and low <= p.p.high, "<": low < p.p.value, ">": high > p.p.value}[p.relation]
    return RangeCheck(p, n_first, n_second, *span, low, high, inside)


def order_bounds(group: Group, n: int, kind: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper envelope of the order statistics, arrays of shape (n,).

    Quantiles that are not reported bound nothing; each that is reported stands for the interval that rounds to it.
    """
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    ends = {"minimum": (0, 0), "maximum": (n - 1, n - 1)}
    for part, p in _QUARTILES.items():
        rank, fraction = quantile_position(n, p, kind)
        ends[part] = (rank if fraction else rank - 1, rank - 1)  # the values at or above, and at or below the quantile
    for part, value in group.items():
        above, below = ends[part]
        low[above], high[below] = max(low[above], value.low), min(high[below], value.high)
    return np.maximum.accumulate(low), np.minimum.accumulate(high[::-1])[::-1]


def u_range(first: Group, second: Group, n_first: int, n_second: int, *, kind: int) -> tuple[float, float, int] | None:
    """Return the least and most U for these quantiles, and a bound of the sum of t^3 - t; None if they contradict."""
    bounds = [order_bounds(group, n, kind) for group, n in ((first, n_first), (second, n_second))]
    (first_low, first_high), (second_low, second_high) = bounds
    if any((low > high).any() for low, high in bounds):
        return None
    # Pairs with first > second; equal bounds count in the largest U, because either may yield a little. The bounds ascend.
    least = np.searchsorted(second_high, first_low, side="left").sum()
    most = np.searchsorted(second_low, first_high, side="right").sum()
    low, high = np.concatenate([first_low, second_low]), np.concatenate([first_high, second_high])
    equal = (low[:, None] <= low) & (low <= high[:, None])  # whether a value may be at the lower end of another
    largest = np.where(equal, equal.sum(axis=0), 0).max(axis=1)  # number of equal values that it may be among
    return float(least), float(most), int((largest**2 - 1).sum())


def p_range(u_low: float, u_high: float, n_first: int, n_second: int, variant: str, tie_sum: int = 0):
    """Return the smallest and largest P for U anywhere in a range, with a sum of t^3 - t from zero to ``tie_sum``.

    Of the exact variants the two tails differ with ties, and P may be as small as that of one.
    """
    n = n_first + n_second
    # At most half of what all values equal would make, or that of equal values within the groups.
    sums = np.array([0, min(tie_sum, max((n**3 - n) // 2, n_first**3 - n_first + n_second**3 - n_second))])
    ends = rank_sum_p(np.array([[u_low], [u_high]]), n_first, n_second, variant, sums)
    low = float(ends.min()) / (2 if tie_sum and variant in EXACT else 1)
    return low, 1.0 if u_low <= n_first * n_second / 2 <= u_high else float(ends.max())
