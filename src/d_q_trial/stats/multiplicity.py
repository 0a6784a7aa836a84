"""P-values adjusted for multiple testing by statsmodels; max-T, by permutation, is :class:`~.permutation.StepDown`.

P-values have shape (k,). Missing ones stay missing and do not count as tests; one outside 0 to 1 is a ``ValueError``.
"""

from __future__ import annotations

import gc

import numpy as np
from numpy.typing import ArrayLike


def holm(p: ArrayLike) -> np.ndarray:
    """Adjust P-values to bound the family-wise error rate, whatever their dependence.

    Holm (1979), Scandinavian Journal of Statistics 6, 65-70; R: ``p.adjust(p, "holm")``.

    >>> holm([0.01, 0.04, float("nan")]).tolist()
    [0.02, 0.04, nan]
    """
    return _adjusted(p, "holm")


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """Adjust P-values to bound the false discovery rate of independent or positively dependent tests.

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
        gc.freeze()  # multipletests collects garbage, which takes a hundred times as long as the adjustment
        adjusted[known] = multipletests(p[known], method=method)[1]
        gc.unfreeze()
    return adjusted
