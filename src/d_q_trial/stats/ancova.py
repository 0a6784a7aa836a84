"""Analysis of covariance: the effect of treatment at equal baseline values."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .estimate import Estimate
from .least_squares import least_squares


def ancova(response: ArrayLike, covariate: ArrayLike, is_first: ArrayLike, *, confidence: float) -> Estimate:
    """Adjusted difference of an outcome between two arms: response on arm and covariate.

    Parameters
    ----------
    response, covariate : array of float, shape (n,)
        The covariate is the baseline value in the analyses here. With log follow-up as response and log baseline as
        covariate, the effect is the same as with the log ratio as response.
    is_first : array of bool, shape (n,)
    confidence : float

    Returns
    -------
    Estimate
        First arm minus second, in the unit of the response; HC3 standard error, t with n - 3 degrees of freedom.
    """
    covariate = np.asarray(covariate, dtype=float)
    is_first = np.asarray(is_first, dtype=float)
    # Centring changes no effect of the arm, only the numbers that the solver has to handle.
    centred = covariate - np.nanmean(covariate) if np.isfinite(covariate).any() else covariate
    design = np.column_stack([np.ones(covariate.size), is_first, centred])
    return least_squares(design, response, confidence=confidence)[1]


def marker_interaction(response: ArrayLike, marker: ArrayLike, is_first: ArrayLike, *, confidence: float) -> Estimate:
    """How much the effect of treatment changes along a continuous marker: response on arm x marker.

    Parameters
    ----------
    response, marker : array of float, shape (n,)
    is_first : array of bool, shape (n,)
    confidence : float

    Returns
    -------
    Estimate
        Coefficient of the product of arm and marker: the difference of the two arms' slopes, in units of the response
        per standard deviation of the marker among the participants that have both (P does not depend on that
        unit); HC3 standard error, t with n - 4 degrees of freedom.
    """
    response = np.asarray(response, dtype=float)
    marker = np.asarray(marker, dtype=float)
    present = ~np.isnan(response) & ~np.isnan(marker)
    response, marker = response[present], marker[present]
    is_first = np.asarray(is_first, dtype=float)[present]
    if marker.size < 5 or np.ptp(marker) == 0:
        return Estimate.without_error(np.nan)
    standard = (marker - marker.mean()) / marker.std(ddof=1)
    design = np.column_stack([np.ones(marker.size), is_first, standard, is_first * standard])
    return least_squares(design, response, confidence=confidence)[3]
