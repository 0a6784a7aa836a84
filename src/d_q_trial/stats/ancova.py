"""Linear models by statsmodels: analysis of covariance, interaction with a continuous marker, repeated measures.

Designs are arrays, not formulas: a formula takes ten times as long as the fit, and imputation fits thousands of models.
Rows with NaN are dropped. Arrays have shape (n,), designs (n, k).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from statsmodels.regression.linear_model import OLS
from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams, VCSpec

from .checks import Estimate, check_proportion, complete_rows
from .estimate import t_estimate

_NEGLIGIBLE = 1e-9  # residuals this small, relative to the response, are rounding error: changes have ten digits
_LOWEST, _HIGHEST = -14.0, 14.0  # search range of the log ratio of between- to within-participant variance
_STEP = 1e-4  # of the log ratio, for numerical derivatives
_FLAT = 1e-6  # differences of log-likelihoods this small are rounding error
_GROUP_SIZE = 16  # participants per group of MixedLM, which needs the same time for a group as for one participant


def least_squares(design: ArrayLike, response: ArrayLike, column: int, *, confidence: float) -> Estimate:
    """Estimate one coefficient by ordinary least squares with an HC3 standard error, ``OLS(...).fit(cov_type="HC3")``.

    P and interval use Student's t with n - k degrees of freedom. Only the estimate is defined if the fit is perfect or
    a row has leverage 1 (HC3 is undefined). Nothing is defined if the columns are linearly dependent or n <= k.
    MacKinnon and White (1985), Journal of Econometrics 29, 305-325. R: ``sandwich::vcovHC(lm(...), type = "HC3")``.
    """
    check_proportion(confidence, "confidence")
    design, response = complete_rows(design, response=response)
    n, k = design.shape
    lengths = np.maximum(np.linalg.norm(design, axis=0), np.finfo(float).tiny)
    scaled = design / lengths  # so that units do not affect the rank
    if n <= k or np.linalg.matrix_rank(scaled) < k:
        return Estimate()
    with np.errstate(divide="ignore", invalid="ignore"):  # a leverage of 1
        fitted = OLS(response, scaled, hasconst=True).fit(cov_type="HC3", use_t=True)
    leverage = (scaled * fitted.model.pinv_wexog.T).sum(axis=1)
    negligible = np.abs(fitted.resid).max() <= _NEGLIGIBLE * np.abs(response).max()
    error = np.nan if negligible or leverage.max() > 1 - 1e-10 else fitted.bse[column]
    estimate, error = fitted.params[column] / lengths[column], error / lengths[column]
    return t_estimate(estimate, error, float(n - k), confidence=confidence)


def ancova(response: ArrayLike, covariate: ArrayLike, is_first: ArrayLike, *, confidence: float) -> Estimate:
    """Adjusted difference of an outcome between two arms: ``response ~ arm + covariate``, by :func:`least_squares`.

    The covariate is the baseline value. For log follow-up and log baseline, the effect equals that on the log ratio.

    >>> round(ancova([5, 7, 6, 3, 4, 2, 5], [1, 2, 3, 1, 2, 3, 4], [1, 1, 1, 0, 0, 0, 0], confidence=0.95).p, 4)
    0.0446
    """
    response, covariate, is_first = complete_rows(response=response, covariate=covariate, is_first=is_first)
    # Centred, because a mean that is large beside the spread would cost the leverages their digits.
    center = covariate.sum() / max(covariate.size, 1)
    design = np.column_stack([np.ones(covariate.size), is_first, covariate - center])
    return least_squares(design, response, 1, confidence=confidence)


def marker_interaction(response: ArrayLike, marker: ArrayLike, is_first: ArrayLike, *, confidence: float) -> Estimate:
    """Interaction of treatment with a continuous marker: ``response ~ arm * marker``, by :func:`least_squares`.

    Difference between the slopes of the arms per standard deviation of the marker in participants with both values.
    """
    response, marker, is_first = complete_rows(response=response, marker=marker, is_first=is_first)
    if marker.size < 5 or not np.ptp(marker) > 0:
        return Estimate()
    standardized = (marker - marker.mean()) / marker.std(ddof=1)
    design = np.column_stack([np.ones(marker.size), is_first, standardized, is_first * standardized])
    return least_squares(design, response, 3, confidence=confidence)


def random_intercept(
    design: ArrayLike, response: ArrayLike, participant: ArrayLike, contrasts: ArrayLike, *, confidence: float
) -> list[Estimate]:
    """Fit ``response = design @ b + intercept of the participant + residual`` by restricted maximum likelihood.

    Each row is a participant at a visit. Rows with NaN are dropped, not their participants: the fit is valid if values
    are missing at random, and if all visits have equal variances and correlations. Returns an estimate for each
    contrast, a vector of weights of shape (k,). MixedLM's likelihood is maximized over its single variance ratio, for
    correlations from 0 to 0.999999; its general search stops early near either end. ValueError if the data do not
    determine the model.

    Degrees of freedom are Satterthwaite's, 2 c^2 / var(c) for the variance c of a contrast; docs/statistics.md has the
    formula. Without variance between participants, the model is least squares.
    Laird and Ware (1982), Biometrics 38, 963-974. R: ``lmerTest::lmer(... + (1 | participant))``, ``contest1D``.

    >>> design, response = [[1, 0], [1, 1]] * 4, [5, 6, 3, 5, 8, 8, 4, 6]
    >>> [round(field, 3) for field in random_intercept(design, response, list("aabbccdd"), [[0, 1]], confidence=0.95)[0][:3]]
    [1.25, 0.479, 3.0]
    """
    _, codes = np.unique(participant, return_inverse=True)
    design, response, codes = complete_rows(design, response=response, participant=codes)
    n, k = design.shape
    if n <= k or np.linalg.matrix_rank(design) < k:
        raise ValueError("mixed model: linearly dependent columns, or too few values")
    _, codes, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    if sizes.max() < 2:
        raise ValueError("mixed model: no participant has more than one value")
    plain = OLS(response, design).fit()
    if np.abs(plain.resid).max() <= _NEGLIGIBLE * np.abs(response).max():
        raise ValueError("mixed model: the response does not vary beyond the design")
    # The intercepts are a variance component within groups of participants: the same likelihood with fewer groups.
    groups = codes // _GROUP_SIZE
    group_codes = [codes[groups == group] for group in np.unique(groups)]
    intercepts = [np.equal.outer(members, np.unique(members)).astype(float) for members in group_codes]
    model = MixedLM(response, design, groups, exog_vc=VCSpec(["participant"], [], [intercepts]))
    model.cov_pen = model.fe_pen = None  # no penalties; fit() would set these
    model._cov_sing, no_covariance = 0, np.empty((0, 0))

    def parameters(log_ratio: float) -> MixedLMParams:
        """Return the parameters for a log variance ratio, with the coefficients that maximize the likelihood."""
        ratio = np.exp([log_ratio])
        coefficients, _ = model.get_fe_params(no_covariance, ratio)
        return MixedLMParams.from_components(coefficients, cov_re=no_covariance, vcomp=ratio)

    def slope(log_ratio: float) -> float:
        """Return the derivative of the log-likelihood with respect to the log variance ratio."""
        return float(model.score_full(parameters(log_ratio), calc_fe=False)[2].item() * np.exp(log_ratio))

    grid = np.linspace(_LOWEST, _HIGHEST, 9)
    heights = [model.loglike(parameters(value), profile_fe=False) for value in grid]
    if np.ptp(heights) < _FLAT:
        raise ValueError("mixed model: the values do not determine the variance between participants")
    start = int(np.argmax(heights))
    if start == grid.size - 1:
        raise ValueError("mixed model: the values of a participant do not vary")
    # The likelihood is flat at its maximum, so the zero of its slope is more accurate than the maximum itself.
    best, rising = grid[start], slope(grid[start]) > 0
    if rising or start:
        low, high = (grid[start], grid[start + 1]) if rising else (grid[start - 1], grid[start])
        best = brentq(slope, low, high, xtol=1e-12)
    coefficients, covariance, slopes, ratio_variance = plain.params, plain.cov_params(), np.zeros((k, k)), 0.0
    if best >= _LOWEST + 2:  # otherwise there is no variance between participants
        # Information of the restricted likelihood: rows and columns of the coefficients first, the variance ratio last.
        information = -np.array([model.hessian(parameters(best + step))[0] for step in (0.0, _STEP, -_STEP)])
        covariance, above, below = np.linalg.inv(information[:, :-1, :-1])
        coefficients, slopes = parameters(best).fe_params, (above - below) / (2 * _STEP)
        ratio_variance = float(np.linalg.inv(information[0])[-1, -1]) / np.exp(2 * best)
    estimates = []
    for weights in np.asarray(contrasts, dtype=float):
        variance = float(weights @ covariance @ weights)
        df = 2 / (2 / (n - k) + (weights @ slopes @ weights / variance) ** 2 * ratio_variance)
        estimates.append(t_estimate(float(weights @ coefficients), variance**0.5, df, confidence=confidence))
    return estimates
