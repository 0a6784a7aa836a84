"""P-values adjusted for multiple testing: Holm, Benjamini and Hochberg, and Westfall and Young's max-T.

Missing P-values (NaN) stay missing and do not count as tests. A P-value outside 0 to 1 is a ``ValueError``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .labels import MonteCarloP, permutation_p
from .permutation import StepDown


def holm(p: ArrayLike) -> np.ndarray:
    """Adjust P-values, shape (k,), to bound the family-wise error rate, whatever their dependence.

    Holm (1979), Scandinavian Journal of Statistics 6, 65-70; R: ``p.adjust(p, "holm")``.

    >>> holm([0.01, 0.04, float("nan")]).tolist()
    [0.02, 0.04, nan]
    """
    return _adjusted(p, "holm")


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """Adjust P-values, shape (k,), to bound the false discovery rate of independent or positively dependent tests.

    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57, 289-300; R: ``p.adjust(p, "BH")``.

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
    """Return step-down max-T P-values, one for each specification; undefined where the deviate is missing.

    In each family, from the most extreme specification down, no P-value is smaller than the one before; equally extreme
    ones have the same. ``counted`` holds the counts of all permutations; see :func:`~.labels.permutation_p`. Westfall
    and Young (1993), algorithm 4.1; Ge, Dudoit and Speed (2003), TEST 12, 1-77, box 2.
    """
    adjusted = [MonteCarloP.undefined()] * counted.order.size
    largest, family = 0, None
    for member in counted.order[::-1]:  # the most extreme first
        largest = max(largest if counted.family[member] == family else 0, int(counted.counts[member]))
        family = counted.family[member]
        if counted.known[member]:
            adjusted[member] = permutation_p(largest, permutations, exhaustive=exhaustive)
    return adjusted
