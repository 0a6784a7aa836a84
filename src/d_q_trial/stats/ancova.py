"""Linear models by statsmodels: covariance analysis and the interaction of treatment with a continuous marker."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.regression.linear_model import OLS, RegressionResults

from .checks import finite, open_share
from .estimate import Estimate

_NEGLIGIBLE = 1e-12  # residuals this small, relative to the response, are rounding


def least_squares(design: ArrayLike, response: ArrayLike, *, confidence: float) -> list[Estimate]:
    """Ordinary least squares with HC3 standard errors and Student's t: ``OLS(...).fit(cov_type="HC3", use_t=True)``.

    Arrays rather than formulas: a formula costs ten times the fit, and imputation fits thousands.

    Parameters
    ----------
    design, response : array of float, shape (n, k), (n,)
        With a column of ones, if there is to be one. Rows with a NaN are left out; ValueError if a value is infinite.
    confidence : float

    Returns
    -------
    list of Estimate
        A coefficient per column, with n - k degrees of freedom. Only estimates are set if the fit leaves nothing over, or if
        a row's leverage is 1 (HC3 is undefined); nothing is set if the columns are linearly dependent or n <= k.

    References
    ----------
    MacKinnon and White (1985). R: ``sandwich::vcovHC(lm(...), type = "HC3")`` with t of n - k.

    >>> slope = least_squares([[1, 0], [1, 1], [1, 2], [1, 3]], [1.0, 2.5, 2.0, 4.0], confidence=0.95)[1]
    >>> round(slope.estimate, 3), round(slope.standard_error, 3), slope.df
    (0.85, 0.39, 2.0)
    """
    open_share(confidence, "confidence")
    fitted, coefficients, lengths, df = _fit(design, response)
    if fitted is None:
        return [Estimate.without_error(b) for b in coefficients / lengths]
    lower, upper = fitted.conf_int(1 - confidence).T
    fields = zip(coefficients, fitted.bse, fitted.tvalues, fitted.pvalues, lower, upper, lengths, strict=True)
    return [
        Estimate(*(float(x) for x in (b / unit, se / unit, df, t, p, low / unit, high / unit)))
        for b, se, t, p, low, high, unit in fields
    ]


def _fit(design: ArrayLike, response: ArrayLike) -> tuple[RegressionResults | None, np.ndarray, np.ndarray, int]:
    """Fit by HC3 in columns of length 1: the fit (None without errors), coefficients, lengths, degrees of freedom."""
    design, response = finite(design, "design"), finite(response, "response")
    known = ~np.isnan(response) & ~np.isnan(design).any(axis=1)
    design, response = design[known], response[known]
    n, k = design.shape
    lengths = np.sqrt((design**2).sum(axis=0))  # columns of length 1, so that no unit is taken for a dependence
    lengths[lengths == 0] = 1.0
    scaled = design / lengths
    if n <= k or np.linalg.matrix_rank(scaled) < k:
        return None, np.full(k, np.nan), lengths, n - k
    if (np.linalg.qr(scaled)[0] ** 2).sum(axis=1).max() > 1 - 1e-10:
        return None, OLS(response, scaled).fit().params, lengths, n - k
    robust = OLS(response, scaled).fit(cov_type="HC3", use_t=True)
    negligible = np.abs(robust.resid).max() <= _NEGLIGIBLE * np.abs(response).max()
    return None if negligible else robust, robust.params, lengths, n - k


def ancova(response: ArrayLike, covariate: ArrayLike, is_first: ArrayLike, *, confidence: float) -> Estimate:
    """Adjusted difference of an outcome between two arms, first minus second: ``response ~ arm + covariate``.

    Arrays have shape (n,); the covariate is the baseline value. With log follow-up as response and log baseline as covariate,
    the effect is that of the log ratio as response. NaN as :func:`least_squares` says.

    >>> found = ancova([5, 7, 6, 9, 3, 4, 2, 5], [1, 2, 3, 4, 1, 2, 3, 4], [1, 1, 1, 1, 0, 0, 0, 0], confidence=0.95)
    >>> round(found.estimate, 3), found.df
    (3.25, 5.0)
    """
    return least_squares(_ancova_design(response, covariate, is_first), response, confidence=confidence)[1]


def ancova_effect(response: ArrayLike, covariate: ArrayLike, is_first: ArrayLike) -> tuple[float, float]:
    """Return estimate and standard error of :func:`ancova` alone, in half its time, for many imputed data sets.

    >>> arm = [1, 1, 1, 1, 0, 0, 0, 0]
    >>> [round(x, 3) for x in ancova_effect([5, 7, 6, 9, 3, 4, 2, 5], [1, 2, 3, 4, 1, 2, 3, 4], arm)]
    [3.25, 1.096]
    """
    fitted, coefficients, lengths, _ = _fit(_ancova_design(response, covariate, is_first), response)
    error = fitted.bse[1] / lengths[1] if fitted is not None else np.nan
    return float(coefficients[1] / lengths[1]), float(error)


def _ancova_design(response: ArrayLike, covariate: ArrayLike, is_first: ArrayLike) -> np.ndarray:
    covariate = _centred(covariate, np.isnan(finite(response, "response")))
    return np.column_stack([np.ones(covariate.size), np.asarray(is_first, dtype=float), covariate])


def marker_interaction(response: ArrayLike, marker: ArrayLike, is_first: ArrayLike, *, confidence: float) -> Estimate:
    """How much the effect of treatment changes along a continuous marker: ``response ~ arm * marker``, arrays (n,).

    The coefficient of the product: the difference of the two arms' slopes, per standard deviation of the marker among the
    participants that have both (P does not depend on that unit); NaN as :func:`least_squares` says.

    >>> arm, marker = [1, 1, 1, 1, 0, 0, 0, 0], [1, 2, 3, 4, 1, 2, 3, 4]
    >>> round(marker_interaction([2, 4, 7, 8, 1, 1, 2, 1], marker, arm, confidence=0.95).estimate, 3)
    2.39
    """
    response = finite(response, "response")
    marker = _centred(marker, np.isnan(response))
    known = ~np.isnan(marker)
    if known.sum() < 5 or not np.ptp(marker[known]) > 0:
        return Estimate.without_error(np.nan)
    standard = marker / marker[known].std(ddof=1)
    is_first = np.asarray(is_first, dtype=float)
    design = np.column_stack([np.ones(marker.size), is_first, standard, is_first * standard])
    return least_squares(design, response, confidence=confidence)[3]


def _centred(covariate: ArrayLike, missing: np.ndarray) -> np.ndarray:
    """Subtract the mean among the participants with a response; the others become NaN."""
    column = np.where(missing, np.nan, finite(covariate, "covariate"))
    return column - column[~np.isnan(column)].mean() if not np.isnan(column).all() else column
