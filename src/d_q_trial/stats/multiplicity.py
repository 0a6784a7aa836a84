"""P-values adjusted for multiple testing by statsmodels; max-T, by permutation, is :class:`~.permutation.StepDown`."""

import gc

import numpy as np
from numpy.typing import ArrayLike


def adjusted(p: ArrayLike, method: str) -> np.ndarray:
    """Adjust P-values, shape (k,), by a method of ``multipletests``; missing ones stay missing and do not count.

    ``holm`` bounds the family-wise error rate, whatever the dependence (Holm 1979, Scandinavian Journal of Statistics 6,
    65-70); ``fdr_bh`` the false discovery rate of independent or positively dependent tests (Benjamini and Hochberg
    1995, Journal of the Royal Statistical Society B 57, 289-300). R: ``p.adjust(p, "holm")`` and ``p.adjust(p, "BH")``.

    >>> adjusted([0.01, 0.04, float("nan")], "holm").tolist()
    [0.02, 0.04, nan]
    """
    from statsmodels.stats.multitest import multipletests

    p = np.asarray(p, dtype=float)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("multiplicity: a P-value lies outside 0 to 1")
    found, known = np.full(p.shape, np.nan), ~np.isnan(p)
    if known.any():
        gc.freeze()  # multipletests collects garbage, which takes a hundred times as long as the adjustment
        found[known] = multipletests(p[known], method=method)[1]
        gc.unfreeze()
    return found
