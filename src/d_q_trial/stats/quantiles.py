"""Sample quantiles by the nine definitions of Hyndman and Fan (1996), by numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .checks import present

# numpy's name of each type; R's quantile(type=) counts the same way.
_METHODS: dict[int, Any] = {
    1: "inverted_cdf",
    2: "averaged_inverted_cdf",
    3: "closest_observation",
    4: "interpolated_inverted_cdf",
    5: "hazen",
    6: "weibull",
    7: "linear",
    8: "median_unbiased",
    9: "normal_unbiased",
}
TYPES = tuple(_METHODS)


def quantile(values: ArrayLike, probability: float | ArrayLike, *, type: int) -> Any:
    """Quantile of one sample, missing values left out; NaN if there is no value.

    Parameters
    ----------
    values : array of float, shape (n,)
        NaN marks a missing value; ValueError if a value is infinite.
    probability : float or array of float, shape (k,)
        Between 0 and 1.
    type : int, 1 to 9
        No default: the reported digits depend on it. Type 7 is R's and numpy's default, type 6 that of SPSS and Minitab,
        type 2 that of SAS.

    Notes
    -----
    Types 1 to 3 jump where n times the probability is a whole number, which binary arithmetic may miss: 25 times 7/25 is a
    little more than 7, so that numpy takes the eighth of 25 values, and R, which allows for rounding, the seventh.

    References
    ----------
    Hyndman and Fan (1996), The American Statistician 50, 361-365.

    >>> quantile([3, 1, 4, 1, 5, float("nan")], [0.25, 0.75], type=7)
    array([1., 4.])
    >>> float(quantile(range(1, 26), 7 / 25, type=1))  # R: 7
    8.0
    """
    sample = present(values)
    if sample.size:
        return quantile_columns(sample, probability, type=type)
    return quantile_columns(np.zeros(1), probability, type=type) * np.nan


def quantile_columns(values: np.ndarray, probability: float | ArrayLike, *, type: int) -> Any:
    """Quantiles of the columns of an array without missing values, shape (n,) or (n, k); see :func:`quantile`.

    >>> quantile_columns(np.array([[1.0, 10.0], [3.0, 30.0]]), 0.5, type=7)
    array([ 2., 20.])
    """
    if type not in _METHODS:
        raise ValueError(f"quantile type {type!r}: expected a whole number from 1 to 9")
    return np.quantile(values, np.asarray(probability, dtype=float), axis=0, method=_METHODS[type])
