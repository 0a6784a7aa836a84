"""P-values from random permutations, with the uncertainty that sampling leaves in them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np


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


@lru_cache(maxsize=2**14)  # of thousands of specifications, many have the same count
def monte_carlo_p(extreme: int, permutations: int, *, confidence: float = 0.99) -> MonteCarloP:
    """Return the P-value of a test with ``extreme`` of ``permutations`` random permutations as extreme as the data.

    P is (extreme + 1) / (permutations + 1), which counts the data as one of the permutations: it is never 0, and it
    holds its level for any number of permutations. The interval is that of Clopper and Pearson for the share of all
    permutations that are as extreme, so it says how much P could move with more permutations.

    Raises
    ------
    ValueError
        If ``extreme`` is negative or larger than ``permutations``, or ``confidence`` does not lie between 0 and 1.

    References
    ----------
    Phipson and Smyth (2010); Clopper and Pearson (1934), ``statsmodels.stats.proportion.proportion_confint``.

    Examples
    --------
    >>> monte_carlo_p(4, 99).p
    0.05
    """
    from statsmodels.stats.proportion import proportion_confint

    if not 0 <= extreme <= permutations or permutations < 1:
        raise ValueError(f"Monte Carlo P: {extreme} of {permutations} permutations")
    if not 0 < confidence < 1:
        raise ValueError(f"Monte Carlo P: confidence {confidence}, expected a number between 0 and 1")
    lower, upper = proportion_confint(extreme, permutations, alpha=1 - confidence, method="beta")
    return MonteCarloP((extreme + 1) / (permutations + 1), float(lower), float(upper), permutations)


def permutation_p(count: int, permutations: int, *, exhaustive: bool) -> MonteCarloP:
    """Return the P-value of a count: with its interval if the permutations are random, exact if they are all there are.

    Examples
    --------
    >>> permutation_p(3, 20, exhaustive=True).p
    0.15
    """
    found = monte_carlo_p(count, permutations)
    share = count / permutations
    return MonteCarloP(share, share, share, permutations) if exhaustive else found
