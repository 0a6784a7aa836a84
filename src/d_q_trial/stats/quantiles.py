"""Sample quantiles by the nine definitions of Hyndman and Fan (1996), American Statistician 50, 361-365, by numpy."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .checks import as_finite

# numpy's names of the types; R's quantile(type=) uses the same numbers.
_METHODS: tuple[Any, ...] = (
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation"),
    *("interpolated_inverted_cdf", "hazen", "weibull"),
    *("linear", "median_unbiased", "normal_unbiased"),
)
TYPES = tuple(range(1, 10))


def quantile(values: ArrayLike, probability: float | ArrayLike, *, type: int) -> Any:
    """Quantile of a sample, shape (n,), or of columns without missing values, shape (n, m), at one or k probabilities.

    The result has shape () or (m,), or (k,) or (k, m). ``type``, 1 to 9, has no default because the reported digits
    depend on it. Type 7 is the default of R and numpy, type 6 of SPSS and Minitab, type 2 of SAS. Types 1 and 2 jump
    where n times the probability is whole, type 3 at halves. Binary arithmetic may miss it, as 25 * 7/25; R does not.

    >>> quantile([3, 1, 4, 1, 5, float("nan")], [0.25, 0.75], type=7)
    array([1., 4.])
    """
    if type not in TYPES:
        raise ValueError(f"quantile type {type!r}: expected a whole number from 1 to 9")
    values = as_finite(values, columns=np.ndim(values) > 1)
    sample = values[~np.isnan(values)] if values.ndim == 1 else values
    if not len(sample):
        return np.full((*np.shape(probability), *values.shape[1:]), np.nan)[()]
    return np.quantile(sample, np.asarray(probability, dtype=float), axis=0, method=_METHODS[type - 1])
