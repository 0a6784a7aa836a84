"""P-values adjusted for the number of tests: Holm, Benjamini and Hochberg, and Westfall and Young's max-T.

Missing P-values (NaN) stay missing and do not count as tests.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .monte_carlo import MonteCarloP, monte_carlo_p


def holm(p: ArrayLike) -> np.ndarray:
    """Step-down adjustment that bounds the chance of any false finding, whatever the dependence.

    Parameters
    ----------
    p : array of float, shape (k,)

    Returns
    -------
    array of float, shape (k,)
        R: ``p.adjust(p, "holm")``.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65-70.
    """
    p, known, order, m = _sorted(p)
    steps = np.maximum.accumulate((m - np.arange(m)) * p[known][order])
    return _unsorted(p, known, order, steps)


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """Step-up adjustment that bounds the expected share of false findings among the findings.

    Holds for independent and positively dependent tests.

    Parameters
    ----------
    p : array of float, shape (k,)

    Returns
    -------
    array of float, shape (k,)
        R: ``p.adjust(p, "BH")``.

    References
    ----------
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300.
    """
    p, known, order, m = _sorted(p)
    steps = np.minimum.accumulate((m / np.arange(m, 0, -1)) * p[known][order][::-1])[::-1]
    return _unsorted(p, known, order, steps)


def step_down_p(
    z: ArrayLike, counts: ArrayLike, permutations: int, family: ArrayLike | None = None, *, exhaustive: bool = False
) -> list[MonteCarloP]:
    """Step-down max-T P-values from the counts of :class:`~.reducers.StepDown`.

    In each family, from the most extreme specification down, no P-value is smaller than the one before.

    Parameters
    ----------
    z : array of float, shape (k,)
        Observed deviates; where they are NaN there is no P.
    counts : array of int, shape (k,)
        Permutations in which the maximum over the specification and all less extreme ones reached it.
    permutations : int
    family : array of int, shape (k,), optional
    exhaustive : bool
        The permutations are all there are, the observed one included: P is their share, without error.

    Returns
    -------
    list of MonteCarloP
        P with its Monte Carlo interval.

    References
    ----------
    Westfall and Young (1993), algorithm 4.1; Ge, Dudoit and Speed (2003), TEST 12, 1-77, box 2.
    """
    size, counts = np.abs(np.asarray(z, dtype=float)), np.asarray(counts, dtype=np.int64)
    family = np.zeros(size.size, dtype=int) if family is None else np.asarray(family, dtype=int)
    adjusted = [MonteCarloP.undefined()] * size.size
    for number in np.unique(family):
        members = np.flatnonzero((family == number) & ~np.isnan(size))
        members = members[np.argsort(-size[members], kind="stable")]
        for member, count in zip(members, np.maximum.accumulate(counts[members]), strict=True):
            adjusted[member] = permutation_p(int(count), permutations, exhaustive=exhaustive)
    return adjusted


def permutation_p(count: int, permutations: int, *, exhaustive: bool) -> MonteCarloP:
    """P-value from a count: with its interval if the permutations are random, exact if they are all there are."""
    if exhaustive:
        return MonteCarloP(count / permutations, count / permutations, count / permutations, permutations)
    return monte_carlo_p(count, permutations)


def _sorted(p: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    p = np.asarray(p, dtype=float)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("multiplicity: a P-value lies outside 0 to 1")
    known = ~np.isnan(p)
    return p, known, np.argsort(p[known], kind="stable"), int(known.sum())


def _unsorted(p: np.ndarray, known: np.ndarray, order: np.ndarray, steps: np.ndarray) -> np.ndarray:
    adjusted = np.full(p.shape, np.nan)
    back = np.empty(order.size)
    back[order] = np.minimum(steps, 1.0)
    adjusted[known] = back
    return adjusted
