"""P-values adjusted for multiple testing: Holm, Benjamini and Hochberg, and Westfall and Young's max-T.

Missing P-values (NaN) stay missing and do not count as tests.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .monte_carlo import MonteCarloP, permutation_p
from .permutation import StepDown


def holm(p: ArrayLike) -> np.ndarray:
    """Adjust P-values to bound the family-wise error rate, whatever their dependence.

    Parameters
    ----------
    p : array of float, shape (k,)

    Returns
    -------
    array of float, shape (k,)
        R: ``p.adjust(p, "holm")``.

    Raises
    ------
    ValueError
        If a P-value lies outside 0 to 1.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, float("nan")]).tolist()
    [0.02, 0.04, nan]
    """
    return _adjusted(p, "holm")


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """Adjust P-values to bound the false discovery rate of independent or positively dependent tests.

    Parameters
    ----------
    p : array of float, shape (k,)

    Returns
    -------
    array of float, shape (k,)
        R: ``p.adjust(p, "BH")``.

    Raises
    ------
    ValueError
        If a P-value lies outside 0 to 1.

    References
    ----------
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04]).tolist()
    [0.02, 0.04]
    """
    return _adjusted(p, "fdr_bh")


def _adjusted(p: ArrayLike, method: str) -> np.ndarray:
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(p, dtype=float)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("multiplicity: a P-value lies outside 0 to 1")
    adjusted, known = np.full(p.shape, np.nan), ~np.isnan(p)
    if known.any():
        adjusted[known] = multipletests(p[known], method=method)[1]
    return adjusted


def step_down_p(counted: StepDown, permutations: int, *, exhaustive: bool = False) -> list[MonteCarloP]:
    """Return step-down max-T P-values.

    In each family, from the most extreme specification down, no P-value is smaller than the one before; equally extreme
    ones have the same.

    Parameters
    ----------
    counted : StepDown
        After all permutations.
    permutations : int
    exhaustive : bool
        The permutations are all there are, the observed one included: P is their share, without error.

    Returns
    -------
    list of MonteCarloP
        One for each specification, with its Monte Carlo interval; undefined where the deviate is missing.

    References
    ----------
    Westfall and Young (1993), algorithm 4.1; Ge, Dudoit and Speed (2003), TEST 12, 1-77, box 2.
    """
    adjusted = [MonteCarloP.undefined()] * counted.order.size
    largest, family = 0, None
    for member in counted.order[::-1]:  # the most extreme first
        largest = (
            int(counted.counts[member]) if counted.family[member] != family else max(largest, counted.counts[member])
        )
        family = counted.family[member]
        if counted.known[member]:
            adjusted[member] = permutation_p(int(largest), permutations, exhaustive=exhaustive)
    return adjusted
