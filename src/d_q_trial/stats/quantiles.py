"""Sample quantiles by the nine definitions of Hyndman and Fan (1996)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

# numpy's names for types 1 to 9, in order; R's quantile(type=) counts the same way.
_METHODS = (
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "linear",
    "median_unbiased",
    "normal_unbiased",
)
TYPES = tuple(range(1, 10))


def quantile(values: ArrayLike, probability: float | ArrayLike, *, type: int):
    """Quantile of one sample, missing values left out.

    Parameters
    ----------
    values : array of float, shape (n,)
        NaN marks a missing value.
    probability : float or array of float, shape (k,)
        Between 0 and 1.
    type : int, 1 to 9
        Definition as in Hyndman and Fan. No default: the printed digits depend on it. Type 7 is R's and numpy's
        default, type 6 that of SPSS and Minitab, type 2 that of SAS.

    Returns
    -------
    float or array of float, shape (k,)
        NaN if there is no value.

    References
    ----------
    Hyndman and Fan (1996), The American Statistician 50, 361-365.
    """
    values = np.asarray(values, dtype=float)
    values = values[~np.isnan(values)]
    if values.size == 0:
        return np.full(np.shape(probability), np.nan)[()]
    return quantile_columns(values, probability, type=type)


def quantile_columns(values: np.ndarray, probability: float | ArrayLike, *, type: int):
    """Quantiles of the columns of an array without missing values, shape (n,) or (n, k); see :func:`quantile`."""
    if type not in TYPES:
        raise ValueError(f"quantile type {type!r}: expected a whole number from 1 to 9")
    return np.quantile(values, probability, axis=0, method=_METHODS[type - 1])
