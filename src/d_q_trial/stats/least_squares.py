"""Least squares with a covariance that survives unequal spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .estimate import Estimate, t_estimate


def least_squares(design: ArrayLike, response: ArrayLike, *, confidence: float) -> list[Estimate]:
    """Ordinary least squares with HC3 standard errors and Student's t.

    Parameters
    ----------
    design : array of float, shape (n, k)
        With its column of ones, if there is to be one. Rows with a NaN here or in the response are left out.
    response : array of float, shape (n,)
    confidence : float
        Such as 0.95.

    Returns
    -------
    list of Estimate
        A coefficient per column, with n - k degrees of freedom. Only estimates are set if a row's leverage is 1 (its
        residual is 0 whatever its value, and HC3 is undefined); nothing is set if the columns are linearly
        dependent or n <= k.

    References
    ----------
    MacKinnon and White (1985); Long and Ervin (2000). R: ``sandwich::vcovHC(lm(...), type = "HC3")`` with t of n - k.
    """
    design = np.asarray(design, dtype=float)
    response = np.asarray(response, dtype=float)
    present = ~np.isnan(response) & ~np.isnan(design).any(axis=1)
    design, response = design[present], response[present]
    n, k = design.shape
    if n <= k or np.linalg.matrix_rank(design) < k:
        return [Estimate.without_error(np.nan)] * k
    q, r = np.linalg.qr(design)
    solve = np.linalg.solve(r, q.T)
    coefficients = solve @ response
    leverage = (q**2).sum(axis=1)
    if leverage.max() > 1 - 1e-10:
        return [Estimate.without_error(b) for b in coefficients]
    scaled = (response - design @ coefficients) / (1 - leverage)
    errors = np.sqrt(((solve * scaled) ** 2).sum(axis=1))
    return [t_estimate(b, e, n - k, confidence=confidence) for b, e in zip(coefficients, errors, strict=True)]
