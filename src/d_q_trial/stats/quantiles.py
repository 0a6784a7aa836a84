"""Sample quantiles by the nine definitions of Hyndman and Fan (1996), American Statistician 50, 361-365, by numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .checks import finite

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
    """Quantile of a sample, shape (n,), at a probability or at k, shape (k,); NaN is left out, and the result if empty.

    Of columns, shape (n, m) without missing values, the result has shape (m,) or (k, m).

    ``type``, 1 to 9, has no default: the reported digits depend on it. Type 7 is R's and numpy's default, type 6 that
    of SPSS and Minitab, type 2 that of SAS. Types 1 to 3 jump where n times the probability is a whole number, which
    binary arithmetic may miss: 25 times 7/25 is a little more than 7, so that numpy takes the eighth of 25 values, and
    R, which allows for rounding, the seventh. ValueError for infinite values and probabilities outside 0 to 1.

    >>> quantile([3, 1, 4, 1, 5, float("nan")], [0.25, 0.75], type=7)
    array([1., 4.])
    """
    if type not in _METHODS:
        raise ValueError(f"quantile type {type!r}: expected a whole number from 1 to 9")
    values = finite(values)
    sample = values[~np.isnan(values)] if values.ndim == 1 else values
    if not len(sample):
        return np.full((*np.shape(probability), *values.shape[1:]), np.nan)[()]
    return np.quantile(sample, np.asarray(probability, dtype=float), axis=0, method=_METHODS[type])
