"""P-values from random permutations, with the uncertainty that sampling leaves in them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv


class MonteCarloP(NamedTuple):
    """A permutation P-value, the interval that holds the P of all permutations, and how many were drawn."""

    p: float
    lower: float
    upper: float
    permutations: int

    @classmethod
    def undefined(cls) -> MonteCarloP:
        """Return the result of a test that cannot be made."""
        return cls(np.nan, np.nan, np.nan, 0)


def monte_carlo_p(extreme: int, permutations: int, *, confidence: float = 0.99) -> MonteCarloP:
    """P-value of a test of which ``extreme`` random permutations out of ``permutations`` were as extreme as the data.

    P is (extreme + 1) / (permutations + 1), which counts the data as one of the permutations: it is never 0, and it
    holds its level for any number of permutations. The interval is that of Clopper and Pearson for the share of all
    permutations that are as extreme, so it says how much P could move with more permutations.

    References
    ----------
    Phipson and Smyth (2010); Clopper and Pearson (1934).
    """
    tail = (1 - confidence) / 2
    lower = 0.0 if extreme == 0 else float(betaincinv(extreme, permutations - extreme + 1, tail))
    upper = 1.0 if extreme == permutations else float(betaincinv(extreme + 1, permutations - extreme, 1 - tail))
    return MonteCarloP((extreme + 1) / (permutations + 1), lower, upper, permutations)
