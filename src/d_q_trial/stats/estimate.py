"""An estimate with its standard error, interval and P-value from Student's t."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from .checks import open_share


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
    """Two-sided P and interval of an estimate by Student's t (infinite df: normal); no error unless both are above 0.

    >>> found = t_estimate(2.0, 0.5, 10, confidence=0.95)
    >>> round(found.p, 5), round(found.lower, 3), round(found.upper, 3)
    (0.00252, 0.886, 3.114)
    """
    open_share(confidence, "confidence")
    if not (standard_error > 0 and df > 0):
        return Estimate.without_error(estimate)
    t, p = estimate / standard_error, 2 * stats.t.sf(abs(estimate / standard_error), df)
    half = stats.t.isf((1 - confidence) / 2, df) * standard_error
    return Estimate(*(float(field) for field in (estimate, standard_error, df, t, p, estimate - half, estimate + half)))
