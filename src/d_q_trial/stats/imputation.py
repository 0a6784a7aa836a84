"""Multiple imputation of missing values by statsmodels, and the results of the completed data pooled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.imputation.bayes_mi import BayesGaussMI

from .checks import finite
from .estimate import Estimate, t_estimate

BURN_IN, BETWEEN = 50, 10  # cycles before the first and between two completed data sets


class Pooled(NamedTuple):
    """A pooled estimate with its share of variance due to the missing values; see :func:`pool`."""

    estimate: Estimate
    missing_share: float


def impute(values: ArrayLike, *, imputations: int, seed: int | Sequence[int] | np.random.Generator) -> np.ndarray:
    """Draw the missing values from a multivariate normal model, by data augmentation (``BayesGaussMI``).

    The columns are standardized; the prior counts as one participant whose columns are uncorrelated. Assumes that values are
    missing at random given the columns, and about normal: pass logarithms of what is skewed.

    Parameters
    ----------
    values : array of float, shape (n, k)
        A row per participant; NaN marks what to impute.
    imputations : int
    seed : int, sequence of int, or numpy.random.Generator

    Returns
    -------
    array of float, shape (imputations, n, k)

    Raises
    ------
    ValueError
        If a value is infinite, a column does not vary, or an incomplete column has fewer observed values than columns + 2.

    References
    ----------
    Schafer (1997), chapter 5. SAS: PROC MI with MCMC; R: ``norm::da.norm``.

    >>> values = [[1, 2], [2, 3.9], [3, 6.2], [4, 8.1], [5, float("nan")], [6, 12.2]]
    >>> impute(values, imputations=3, seed=1)[:, 4].shape
    (3, 2)
    """
    values = finite(values)
    missing = np.isnan(values)
    n, k = values.shape
    if imputations < 1:
        raise ValueError(f"imputation: {imputations} imputations, expected at least 1")
    if ((n - missing.sum(axis=0))[missing.any(axis=0)] < k + 2).any():
        raise ValueError("imputation: too few observed values to predict from the others")
    if not missing.any():
        return np.repeat(values[None], imputations, axis=0)
    centre, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1)
    if not (spread > 1e-12 * np.abs(centre)).all():
        raise ValueError(f"imputation: column {int(np.argmin(spread > 1e-12 * np.abs(centre)))} does not vary")
    chain = BayesGaussMI((values - centre) / spread, rng=np.random.default_rng(seed))
    result = np.empty((imputations, n, k))
    for number in range(imputations):
        for _ in range(BETWEEN if number else BURN_IN):
            chain.update()
        result[number] = np.where(missing, chain.data * spread + centre, values)
    return result


def pool(estimates: ArrayLike, variances: ArrayLike, *, complete_df: float, confidence: float) -> Pooled:
    """Pool the results of m imputed data sets by Rubin's rules, with the degrees of freedom of Barnard and Rubin.

    Ours, because statsmodels pools with the normal distribution, which is too sure of itself in small trials.

    Parameters
    ----------
    estimates, variances : array of float, shape (m,)
        m is at least 2 (else ValueError).
    complete_df : float
        Degrees of freedom without missing values, which the pooled ones never exceed; infinite is allowed.
    confidence : float

    Returns
    -------
    Pooled
        The total variance is the mean variance plus (1 + 1/m) times the variance between the estimates. ``missing_share``
        is the share of it that the missing values cause (lambda).

    References
    ----------
    Barnard and Rubin (1999). R: ``mice::pool.scalar(Q, U, n, k, rule = "rubin1987")``, n - k = ``complete_df``.

    >>> pooled = pool([1.2, 0.8, 1.5], [0.3, 0.25, 0.28], complete_df=58, confidence=0.95)
    >>> round(pooled.estimate.estimate, 3), round(pooled.estimate.df, 2), round(pooled.missing_share, 3)
    (1.167, 10.21, 0.373)
    """
    estimates, variances = finite(estimates, "estimates"), finite(variances, "variances")
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
