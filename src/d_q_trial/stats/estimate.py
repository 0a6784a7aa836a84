"""Estimates with standard error, interval and P-value from Student's t."""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from .checks import open_share, present


class Estimate(NamedTuple):
    """An estimate and its uncertainty; fields that are undefined are NaN."""

    estimate: float = np.nan
    standard_error: float = np.nan
    df: float = np.nan
    t: float = np.nan
    p: float = np.nan
    lower: float = np.nan
    upper: float = np.nan


def t_estimate(estimate: float, standard_error: float, df: float, *, confidence: float) -> Estimate:
    """Two-sided P and interval of an estimate by Student's t (infinite df: normal); no error unless both are above 0."""
    open_share(confidence, "confidence")
    if not (standard_error > 0 and df > 0):
        return Estimate(float(estimate))
    t = estimate / standard_error
    p = 2 * special.stdtr(df, -abs(t))
    half = -special.stdtrit(df, (1 - confidence) / 2) * standard_error
    return Estimate(*(float(field) for field in (estimate, standard_error, df, t, p, estimate - half, estimate + half)))


def mean_difference(first: ArrayLike, second: ArrayLike, *, confidence: float) -> Estimate:
    """Difference of means with interval and P of Welch's t test by ``scipy.stats.ttest_ind``.

    NaN where a sample has fewer than two values; no error where neither varies. Welch (1947), Biometrika 34, 28-35; R:
    ``t.test(first, second)``.

    >>> round(mean_difference([1, 2, 3], [2, 4, 6], confidence=0.95).p, 3)
    0.221
    """
    first, second = present(first), present(second)
    open_share(confidence, "confidence")
    if min(first.size, second.size) < 2:
        return Estimate()
    estimate = first.mean() - second.mean()
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        return Estimate(float(estimate))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)  # one group may be constant
        found = stats.ttest_ind(first, second, equal_var=False)
    error = np.sqrt(first.var(ddof=1) / first.size + second.var(ddof=1) / second.size)
    interval = t_estimate(estimate, error, found.df, confidence=confidence)
    return interval._replace(t=float(found.statistic), p=float(found.pvalue))


def welch(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return t and P of Welch's test; see :func:`mean_difference`."""
    found = mean_difference(first, second, confidence=0.95)
    return found.t, found.p
