"""Which definition of the quartiles, and which rounding rule, made the printed medians and quartiles.

A quantile of n recorded values lies at one value or a fixed fraction of the way to the next. If the values
were recorded in steps coarser than the printed decimals, the fraction shows in the last digit: whole numbers
and n = 30 give .25 and .75 under type 7 (printed .2 or .3, and .8), but whole numbers under type 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np

from ..stats.quantiles import TYPES
from .printed import Printed

ROUNDINGS = ("even", "up")
# (a, b) of Hyndman and Fan's continuous types: position a + p (n + 1 - a - b).
_CONTINUOUS = {
    4: (Fraction(0), Fraction(1)),
    5: (Fraction(1, 2), Fraction(1, 2)),
    6: (Fraction(0), Fraction(0)),
    7: (Fraction(1), Fraction(1)),
    8: (Fraction(1, 3), Fraction(1, 3)),
    9: (Fraction(3, 8), Fraction(3, 8)),
}
_QUARTER, _HALF, _THREE_QUARTERS = Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)
_COARSER = 0.2  # prior probability that a variable was recorded one decimal coarser than it is printed
_ODD = 1e-6  # of a digit that a definition cannot give: a misprint, or another n
_MOST_GAP = 400


@lru_cache(maxsize=4096)
def place(n: int, p: Fraction, kind: int) -> tuple[int, Fraction]:
    """Rank of the value below a quantile (from 1), and the fraction of the way to the next one.

    Parameters
    ----------
    n : int
    p : Fraction
    kind : int, 1 to 9
        Definition as Hyndman and Fan (1996) count them.
    """
    if kind in _CONTINUOUS:
        a, b = _CONTINUOUS[kind]
        position = a + p * (n + 1 - a - b)
        rank = math.floor(position)
        fraction = position - rank
    else:
        position = n * p - (Fraction(1, 2) if kind == 3 else 0)
        rank = math.floor(position)
        rest = position - rank
        if kind == 1:
            fraction = Fraction(int(rest > 0))
        elif kind == 2:
            fraction = Fraction(1) if rest > 0 else Fraction(1, 2)
        else:
            fraction = Fraction(0) if rest == 0 and rank % 2 == 0 else Fraction(1)
    if rank < 1:
        return 1, Fraction(0)
    if rank >= n:
        return n, Fraction(0)
    if fraction == 1:
        return rank + 1, Fraction(0)
    return rank, fraction


@dataclass(frozen=True)
class Printout:
    """The median and quartiles of one group as printed, with its number of participants."""

    label: str
    n: int
    q1: Printed
    median: Printed
    q3: Printed


@dataclass(frozen=True)
class Definition:
    """What one definition and rounding rule make of all printouts together."""

    kind: int
    rounding: str
    log_likelihood: float
    probability: float
    impossible: int


@dataclass(frozen=True)
class Decision:
    """Definitions, most probable first; how many printed digits bear on them; the coarser recorded steps."""

    definitions: list[Definition]
    informative: list[str]
    steps: dict[str, float]


def decide(variables: dict[str, list[Printout]]) -> Decision:
    """Weigh the nine definitions and two rounding rules by the last digits of the printed quartiles.

    Parameters
    ----------
    variables : dict of name to list of Printout
        The groups of one variable share the step in which it was recorded: that of the last printed decimal, or ten of
        them.
    """
    keys = [(kind, rounding) for kind in TYPES for rounding in ROUNDINGS]
    logs, misses = dict.fromkeys(keys, 0.0), dict.fromkeys(keys, 0)
    steps = {}
    for name, groups in variables.items():
        digits = {key: [p for group in groups for p in digit_probabilities(group, *key)] for key in keys}
        fine = math.log(1 - _COARSER) - 3 * len(groups) * math.log(10)
        wide = {key: math.log(_COARSER) + sum(math.log(max(p, _ODD)) for p in digits[key]) for key in keys}
        coarse = max(wide.values()) > fine
        if coarse:
            steps[name] = 10 * max(group.median.unit for group in groups)
        for key in keys:
            top = max(fine, wide[key])
            logs[key] += top + math.log(math.exp(fine - top) + math.exp(wide[key] - top))
            misses[key] += sum(p == 0 for p in digits[key]) if coarse else 0
    best = max(logs.values())
    weights = {key: math.exp(value - best) for key, value in logs.items()}
    whole = sum(weights.values())
    definitions = [
        Definition(kind, rounding, logs[kind, rounding] - best, weights[kind, rounding] / whole, misses[kind, rounding])
        for kind, rounding in logs
    ]
    definitions.sort(key=lambda d: (-round(d.probability, 12), d.kind, d.rounding))
    return Decision(definitions, sorted(steps), steps)


def digit_probabilities(group: Printout, kind: int, rounding: str) -> list[float]:
    """Probability of each of the three last digits, if values were recorded in steps of ten printed units.

    The distance from one value to the next is taken as geometric, with the mean that the quartiles and n suggest.
    """
    unit = group.median.unit
    spread = max((group.q3.value - group.q1.value) / unit / 10, 0.25)
    gap = spread / (group.n / 2)
    keep = gap / (1 + gap)
    probabilities = []
    for p, printed in ((_QUARTER, group.q1), (_HALF, group.median), (_THREE_QUARTERS, group.q3)):
        _, fraction = place(group.n, p, kind)
        digit = round(printed.value / unit) % 10
        last = _last_digits(fraction.numerator, fraction.denominator, rounding)
        weights = (1 - keep) * keep ** np.arange(last.size)
        probabilities.append(float(weights[last == digit].sum()) if fraction else float(digit == 0))
    return probabilities


@lru_cache(maxsize=1024)
def _last_digits(numerator: int, denominator: int, rounding: str) -> np.ndarray:
    """Last printed digit of a quantile, for distances 0, 1, 2, ... between the two values it lies between.

    The tens in front are even, so that rounding half to even looks at the last digit alone.
    """
    value = numerator * 10 * np.arange(_MOST_GAP)
    down, rest = np.divmod(value, denominator)
    half = 2 * rest == denominator
    up = np.where(half, (down % 2 == 1) | (rounding == "up"), 2 * rest > denominator)
    return (down + up) % 10
