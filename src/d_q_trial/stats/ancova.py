"""Linear models by statsmodels: covariance analysis, interaction with a continuous marker, repeated measures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from statsmodels.regression.linear_model import OLS
from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams

from .checks import finite, open_share
from .estimate import Estimate, t_estimate

_NEGLIGIBLE = 1e-12  # residuals this small, relative to the response, are rounding
_LOW, _HIGH = -14.0, 14.0  # logarithm of the variance between participants over that within, where it is searched
_STEP = 1e-4  # of the logarithm, to differentiate


def least_squares(design: ArrayLike, response: ArrayLike, *, confidence: float) -> list[Estimate]:
    """Ordinary least squares with HC3 standard errors, ``OLS(...).fit(cov_type="HC3")``, and Student's t.

    Arrays rather than formulas: a formula costs ten times the fit, and imputation fits thousands. Design and response
    have shapes (n, k) and (n,); rows with a NaN are left out; ValueError if a value is infinite.

    Returns a coefficient per column, with n - k degrees of freedom. Only estimates are set if the fit leaves nothing
    over, or if a row's leverage is 1 (HC3 is undefined); nothing is set if the columns are linearly dependent or n <=
    k. MacKinnon and White (1985). R: ``sandwich::vcovHC(lm(...), type = "HC3")`` with t of n - k.

    >>> slope = least_squares([[1, 0], [1, 1], [1, 2], [1, 3]], [1.0, 2.5, 2.0, 4.0], confidence=0.95)[1]
    >>> round(slope.estimate, 3), round(slope.standard_error, 3), slope.df
    (0.85, 0.39, 2.0)
    """
    open_share(confidence, "confidence")
    design, response = finite(design, "design"), finite(response, "response")
    known = ~np.isnan(response) & ~np.isnan(design).any(axis=1)
    design, response = design[known], response[known]
    n, k = design.shape
    lengths = np.sqrt((design**2).sum(axis=0))  # columns of length 1, so that no unit is taken for a dependence
    lengths[lengths == 0] = 1.0
    scaled = design / lengths
    if n <= k or np.linalg.matrix_rank(scaled) < k:
        return [Estimate.without_error(np.nan)] * k
    undefined = (np.linalg.qr(scaled)[0] ** 2).sum(axis=1).max() > 1 - 1e-10
    fitted = OLS(response, scaled).fit(**{} if undefined else {"cov_type": "HC3", "use_t": True})
    negligible = np.abs(fitted.resid).max() <= _NEGLIGIBLE * np.abs(response).max()
    errors = np.full(k, np.nan) if undefined or negligible else fitted.bse / lengths
    estimates = zip(fitted.params / lengths, errors, strict=True)
    return [t_estimate(estimate, error, float(n - k), confidence=confidence) for estimate, error in estimates]


def ancova(response: ArrayLike, covariate: ArrayLike, is_first: ArrayLike, *, confidence: float) -> Estimate:
    """Adjusted difference of an outcome between two arms, first minus second: ``response ~ arm + covariate``.

    Arrays have shape (n,); the covariate is the baseline value. With log follow-up as response and log baseline as covariate,
    the effect is that of the log ratio as response. NaN as :func:`least_squares` says.

    >>> found = ancova([5, 7, 6, 9, 3, 4, 2, 5], [1, 2, 3, 4, 1, 2, 3, 4], [1, 1, 1, 1, 0, 0, 0, 0], confidence=0.95)
    >>> round(found.estimate, 3), found.df
    (3.25, 5.0)
    """
    centred = _centred(covariate, response)
    design = np.column_stack([np.ones(centred.size), np.asarray(is_first, dtype=float), centred])
    return least_squares(design, response, confidence=confidence)[1]


def marker_interaction(response: ArrayLike, marker: ArrayLike, is_first: ArrayLike, *, confidence: float) -> Estimate:
    """How much the effect of treatment changes along a continuous marker: ``response ~ arm * marker``, arrays (n,).

    The coefficient of the product: the difference of the two arms' slopes, per standard deviation of the marker among the
    participants that have both (P does not depend on that unit); NaN as :func:`least_squares` says.

    >>> arm, marker = [1, 1, 1, 1, 0, 0, 0, 0], [1, 2, 3, 4, 1, 2, 3, 4]
    >>> round(marker_interaction([2, 4, 7, 8, 1, 1, 2, 1], marker, arm, confidence=0.95).estimate, 3)
    2.39
    """
    centred = _centred(marker, response)
    known = centred[~np.isnan(centred)]
    if known.size < 5 or not np.ptp(known) > 0:
        return Estimate.without_error(np.nan)
    standard, is_first = centred / known.std(ddof=1), np.asarray(is_first, dtype=float)
    design = np.column_stack([np.ones(centred.size), is_first, standard, is_first * standard])
    return least_squares(design, response, confidence=confidence)[3]


def _centred(covariate: ArrayLike, response: ArrayLike) -> np.ndarray:
    """Subtract the mean among the participants with a response; the others become NaN."""
    column = np.where(np.isnan(finite(response, "response")), np.nan, finite(covariate, "covariate"))
    return column - column[~np.isnan(column)].mean() if not np.isnan(column).all() else column


class RandomIntercept(NamedTuple):
    """A fitted model; see :func:`random_intercept`. ``covariance_slope`` is by the log variance ratio."""

    coefficients: np.ndarray
    covariance: np.ndarray
    within_df: int
    covariance_slope: np.ndarray
    log_ratio_variance: float

    def contrast(self, weights: ArrayLike, *, confidence: float) -> Estimate:
        """Estimate a combination of coefficients, weights of shape (k,), with Satterthwaite's degrees of freedom.

        These are 2 c^2 / var(c) for the variance c of the combination. With the residual variance profiled out, c depends
        on the log variance ratio r alone, and var(log c) = 2 / (n - k) + (d log c / d r)^2 var(r), where var(r) comes from
        MixedLM's own Hessian. R: ``lmerTest::contest1D``. If the participants' variance is estimated as 0, the degrees of
        freedom are those of least squares.
        """
        weights = np.asarray(weights, dtype=float)
        variance = float(weights @ self.covariance @ weights)
        slope = float(weights @ self.covariance_slope @ weights) / variance
        df = 2 / (2 / self.within_df + slope**2 * self.log_ratio_variance)
        return t_estimate(float(weights @ self.coefficients), variance**0.5, df, confidence=confidence)


def random_intercept(design: ArrayLike, response: ArrayLike, participant: ArrayLike) -> RandomIntercept:
    """Fit ``response = design @ b + intercept of the participant + residual`` by restricted maximum likelihood.

    Design, response and participant have shapes (n, k), (n,) and (n,): a row per participant and visit; rows with NaN
    are left out, not the participant: the fit is valid if the reason depends on nothing but the values that were seen.
    Every two values of a participant share the same correlation. MixedLM's likelihood is maximized along its one
    variance ratio, between correlations of 0 and 0.999999; its general search stops short near either. ValueError with
    the reason, if the columns are linearly dependent, no participant has two values, the response does not vary beyond
    the design, the values of a participant do not vary, or a value is infinite. Laird and Ware (1982). R:
    ``lmerTest::lmer(response ~ ... + (1 | participant))``.

    >>> fit = random_intercept([[1, 0], [1, 1]] * 4, [5, 6, 3, 5, 8, 8, 4, 6], list("aabbccdd"))
    >>> found = fit.contrast([0, 1], confidence=0.95)
    >>> round(found.estimate, 3), round(found.standard_error, 4), round(found.df, 3)
    (1.25, 0.4787, 3.0)
    """
    design, response = finite(design, "design"), finite(response, "response")
    known = ~np.isnan(response) & ~np.isnan(design).any(axis=1)
    design, response, owner = design[known], response[known], np.asarray(participant)[known]
    n, k = design.shape
    if n <= k or np.linalg.matrix_rank(design) < k:
        raise ValueError("mixed model: linearly dependent columns, or too few values")
    _, group, sizes = np.unique(owner, return_inverse=True, return_counts=True)
    if sizes.max() < 2:
        raise ValueError("mixed model: no participant has more than one value")
    plain = OLS(response, design).fit()
    if np.abs(plain.resid).max() <= 1e-10 * np.abs(response).max():
        raise ValueError("mixed model: the response does not vary beyond the design")
    model = MixedLM(response, design, group)
    model.cov_pen = model.fe_pen = None  # no penalties; else its fit() would set them
    model._cov_sing = 0

    def at(log_ratio: float) -> MixedLMParams:
        """Return parameters with a log variance ratio, and the coefficients that are best with it."""
        cov_re = np.array([[np.exp(log_ratio)]])
        return MixedLMParams.from_components(model.get_fe_params(cov_re, np.empty(0))[0], cov_re=cov_re)

    def covariance(log_ratio: float) -> np.ndarray:
        """Invert the second derivatives of the restricted likelihood by the coefficients."""
        return np.linalg.inv(-model.hessian(at(log_ratio))[0][:-1, :-1])

    def deviance(log_ratio: float) -> float:
        return -2 * float(model.loglike(at(log_ratio), profile_fe=False))

    grid = np.linspace(_LOW, _HIGH, 9)
    start = int(np.argmin([deviance(value) for value in grid]))
    if start == grid.size - 1:
        raise ValueError("mixed model: the values of a participant do not vary")
    bounds = grid[max(start - 1, 0)], grid[start + 1]
    log_ratio = float(minimize_scalar(deviance, bounds=bounds, method="bounded", options={"xatol": 1e-7}).x)
    if log_ratio < _LOW + 2:
        own = plain.cov_params()
        return RandomIntercept(plain.params, own, n - k, 0 * own, 0.0)
    best, ratio = at(log_ratio), float(np.exp(log_ratio))
    slope = (covariance(log_ratio + _STEP) - covariance(log_ratio - _STEP)) / (2 * _STEP)
    # The last of the derivatives is by the variance ratio.
    ratio_variance = float(np.linalg.inv(-model.hessian(best)[0])[-1, -1])
    return RandomIntercept(best.fe_params, covariance(log_ratio), n - k, slope, ratio_variance / ratio**2)
