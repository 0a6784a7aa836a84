"""Missing values filled in many times, and the results of the filled-in data pooled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .estimate import Estimate, t_estimate


class Pooled(NamedTuple):
    """A pooled estimate with its share of variance due to the missing values; see :func:`pool`."""

    estimate: Estimate
    missing_share: float


def chained_equations(
    values: ArrayLike, *, imputations: int, cycles: int, donors: int, rng: np.random.Generator
) -> np.ndarray:
    """Impute by chained equations with predictive mean matching.

    Each incomplete column is regressed on all others in turn, over ``cycles`` rounds that start from random
    observed values. A missing entry takes the observed value of one of the ``donors`` participants whose prediction (at
    the least-squares coefficients) lies nearest to its own prediction (at coefficients drawn from their posterior), so
    that imputed values are values which occur. The method assumes that values are missing at random given the columns.

    Parameters
    ----------
    values : array of float, shape (n, k)
        A row per participant; NaN marks what to impute.
    imputations, cycles, donors : int
    rng : numpy.random.Generator

    Returns
    -------
    array of float, shape (imputations, n, k)

    Raises
    ------
    ValueError
        If a column has fewer observed values than columns + 2, too few to regress on.

    References
    ----------
    van Buuren (2018), algorithms 3.1, 3.3 (type 1 matching, ridge 1e-5) and 4.3; R: ``mice(method = "pmm")``.
    """
    values = np.asarray(values, dtype=float)
    missing = np.isnan(values)
    n, k = values.shape
    incomplete = np.flatnonzero(missing.any(axis=0))
    if any(n - missing[:, column].sum() < k + 2 for column in incomplete):
        raise ValueError("imputation: too few observed values to regress on")
    result = np.empty((imputations, n, k))
    for filled in result:
        filled[:] = values
        for column in incomplete:
            observed = values[~missing[:, column], column]
            filled[missing[:, column], column] = rng.choice(observed, missing[:, column].sum())
        for _ in range(cycles if incomplete.size else 0):
            for column in incomplete:
                _impute_column(filled, column, missing[:, column], donors, rng)
    return result


def _impute_column(filled: np.ndarray, column: int, missing: np.ndarray, donors: int, rng: np.random.Generator) -> None:
    design = np.delete(filled, column, axis=1)
    design = np.column_stack([np.ones(len(design)), design - design.mean(axis=0)])
    observed, target = design[~missing], filled[~missing, column]
    cross = observed.T @ observed
    inverse = np.linalg.inv(cross + 1e-5 * np.diag(np.diag(cross)))
    coefficients = inverse @ (observed.T @ target)
    residual = target - observed @ coefficients
    df = max(target.size - design.shape[1], 1)
    spread = np.sqrt((residual @ residual) / rng.chisquare(df))
    drawn = coefficients + spread * np.linalg.cholesky(inverse) @ rng.standard_normal(coefficients.size)
    distance = np.abs(np.subtract.outer(design[missing] @ drawn, observed @ coefficients))
    nearest = np.argsort(distance, axis=1, kind="stable")[:, : min(donors, target.size)]
    pick = rng.integers(0, nearest.shape[1], size=len(nearest))
    filled[missing, column] = target[nearest[np.arange(len(nearest)), pick]]


def pool(estimates: ArrayLike, variances: ArrayLike, *, complete_df: float, confidence: float) -> Pooled:
    """Pool the results of m imputed data sets by Rubin's rules.

    Parameters
    ----------
    estimates, variances : array of float, shape (m,)
        Of the quantity in each completed data set; m is at least 2.
    complete_df : float
        Degrees of freedom that the analysis would have without missing values; infinite is allowed.
    confidence : float

    Returns
    -------
    Pooled
        The total variance is the mean variance plus (1 + 1/m) times the variance between the estimates; degrees of
        freedom by Barnard and Rubin, so that they never exceed ``complete_df``. ``missing_share`` is the share of
        the total variance that the missing values cause (lambda).

    References
    ----------
    Rubin (1987); Barnard and Rubin (1999). R: ``mice::pool.scalar(Q, U, n, k, rule = "rubin1987")`` with n - k =
    ``complete_df``.
    """
    estimates, variances = np.asarray(estimates, dtype=float), np.asarray(variances, dtype=float)
    m = estimates.size
    if m < 2 or variances.size != m:
        raise ValueError("pooling needs two or more estimates, each with its variance")
    within = variances.mean()
    between = estimates.var(ddof=1) if np.ptp(estimates) > 1e-12 * np.abs(estimates).max() else 0.0
    total = within + (1 + 1 / m) * between
    share = (1 + 1 / m) * between / total if total > 0 else np.nan
    observed_df = (complete_df + 1) / (complete_df + 3) * complete_df if np.isfinite(complete_df) else np.inf
    observed_df *= 1 - share
    if share == 0:
        df = observed_df
    else:
        old_df = (m - 1) / share**2
        df = old_df if np.isinf(observed_df) else old_df * observed_df / (old_df + observed_df)
    return Pooled(t_estimate(estimates.mean(), np.sqrt(total), df, confidence=confidence), float(share))
