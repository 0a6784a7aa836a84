"""An estimate with its standard error, interval and P-value from Student's t."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit


class Estimate(NamedTuple):
    """An estimate and its uncertainty; fields that are undefined are NaN."""

    estimate: float
    standard_error: float
    df: float
    t: float
    p: float
    lower: float
    upper: float

    @classmethod
    def without_error(cls, estimate: float) -> Estimate:
        """Return an estimate whose uncertainty is not defined."""
        return cls(float(estimate), *[np.nan] * 6)


def t_estimate(estimate: float, standard_error: float, df: float, *, confidence: float) -> Estimate:
    """Two-sided P and interval of an estimate by Student's t.

    Parameters
    ----------
    estimate, standard_error : float
    df : float
        Degrees of freedom, whole or not; infinite gives the normal distribution.
    confidence : float
        Such as 0.95.
    """
    if not (standard_error > 0 and df > 0):
        return Estimate.without_error(estimate)
    t = estimate / standard_error
    half = stdtrit(df, (1 + confidence) / 2) * standard_error
    fields = (estimate, standard_error, df, t, 2 * stdtr(df, -abs(t)), estimate - half, estimate + half)
    return Estimate(*(float(field) for field in fields))
