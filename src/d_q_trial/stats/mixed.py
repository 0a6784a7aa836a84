"""Repeated measures: a linear mixed model with a random intercept per participant, by statsmodels' ``MixedLM``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from statsmodels.regression.linear_model import OLS
from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams

from .checks import finite
from .estimate import Estimate, t_estimate

_LOW, _HIGH = -14.0, 14.0  # logarithm of the variance between participants over that within, where it is searched
_STEP = 1e-4  # of the logarithm, to differentiate


class RandomIntercept(NamedTuple):
    """A fitted model; see :func:`random_intercept`. ``covariance_slope`` is by the log variance ratio."""

    coefficients: np.ndarray
    covariance: np.ndarray
    residual_variance: float
    participant_variance: float
    n_values: int
    n_participants: int
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
        within = self.n_values - self.coefficients.size
        df = 2 / (2 / within + slope**2 * self.log_ratio_variance)
        return t_estimate(float(weights @ self.coefficients), variance**0.5, df, confidence=confidence)


def random_intercept(design: ArrayLike, response: ArrayLike, participant: ArrayLike) -> RandomIntercept:
    """Fit ``response = design @ b + intercept of the participant + residual`` by restricted maximum likelihood.

    Every two values of a participant share the same correlation. Missing values are left out, not the participant: the fit is
    valid if the reason depends on nothing but the values that were seen. MixedLM's likelihood is maximized along its one
    variance ratio, between correlations of 0 and 0.999999; its general search stops short near either.

    Parameters
    ----------
    design, response, participant : array, shape (n, k), (n,), (n,)
        A row per participant and visit. Rows with NaN are left out.

    Raises
    ------
    ValueError
        With the reason, if the columns are linearly dependent, no participant has two values, the response does not vary
        beyond the design, the values of a participant do not vary, or a value is infinite.

    References
    ----------
    Laird and Ware (1982). R: ``lmerTest::lmer(response ~ ... + (1 | participant))``.

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

    def deviance(log_ratio: float) -> float:
        return -2 * float(model.loglike(_at(model, log_ratio), profile_fe=False))

    grid = np.linspace(_LOW, _HIGH, 9)
    start = int(np.argmin([deviance(value) for value in grid]))
    if start == grid.size - 1:
        raise ValueError("mixed model: the values of a participant do not vary")
    bounds = grid[max(start - 1, 0)], grid[start + 1]
    log_ratio = float(minimize_scalar(deviance, bounds=bounds, method="bounded", options={"xatol": 1e-7}).x)
    counts = n, int(sizes.size)
    if log_ratio < _LOW + 2:
        covariance = plain.cov_params()
        return RandomIntercept(plain.params, covariance, float(plain.scale), 0.0, *counts, 0 * covariance, 0.0)
    at, hessian = _at(model, log_ratio), _hessian(model, log_ratio)
    residual, ratio = float(model.get_scale(at.fe_params, at.cov_re, at.vcomp)), float(np.exp(log_ratio))
    above, below = (np.linalg.inv(-_hessian(model, log_ratio + step)[:-1, :-1]) for step in (_STEP, -_STEP))
    return RandomIntercept(
        at.fe_params,
        np.linalg.inv(-hessian[:-1, :-1]),
        residual,
        ratio * residual,
        *counts,
        (above - below) / (2 * _STEP),
        float(np.linalg.inv(-hessian)[-1, -1]) / ratio**2,
    )


def _at(model: MixedLM, log_ratio: float) -> MixedLMParams:
    """Return parameters with a log variance ratio, and the coefficients that are best with it."""
    cov_re = np.array([[np.exp(log_ratio)]])
    coefficients, _ = model.get_fe_params(cov_re, np.empty(0))
    return MixedLMParams.from_components(coefficients, cov_re=cov_re)


def _hessian(model: MixedLM, log_ratio: float) -> np.ndarray:
    """Second derivatives of the restricted likelihood by the coefficients and, last, the variance ratio."""
    hessian: np.ndarray = model.hessian(_at(model, log_ratio))[0]
    return hessian
