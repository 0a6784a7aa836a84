"""How many ties to reckon with, from the step in which the data were recorded."""

from __future__ import annotations

import math

from .lattice import TIE_STEP, Ties

# Nothing known: perhaps a quarter of published variables tie, a few pairs each.
UNKNOWN_TIES = Ties(0.25, 6, 60, 600)
# Changes of measured values: a handful of pairs at most, as at "no change".
FEW_TIES = Ties(0.1, 6, 60, 60)
_SPREAD_PER_IQR = 1 / 1.349  # of a normal distribution
# Data that are skewed or heaped tie more than a normal sample with the same quartiles; up to so many times as much.
_USUAL, _MOST = (0.5, 2.2), 6.0


def from_decimals(step: float, first, second, n_first: int, n_second: int) -> Ties:
    """Probability of any tie, and the range of the tie sum, for values recorded in a ``step``.

    Parameters
    ----------
    step : float
        In the unit of the quartiles.
    first, second : Group
        Their quartiles give the spread; without quartiles nothing is known.
    """
    widths = [g.q3.value - g.q1.value for g in (first, second) if g.q1 is not None and g.q3 is not None]
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
    return Ties(
        min(max(weight, 0.02), 0.98),
        _whole(low, n),
        _whole(high, n),
        _whole(_MOST * tie_sum + chance + 10 * TIE_STEP, n),
    )


def _whole(tie_sum: float, n: int) -> int:
    """Round to a possible tie sum, at least one pair, at most half of what all values equal would make."""
    return max(TIE_STEP, min(TIE_STEP * round(tie_sum / TIE_STEP), (n**3 - n) // 2))
