"""Rules that every function of this package follows, stated here once.

- NaN marks a missing value and is left out. An infinite value is a ``ValueError``: an error of measurement or arithmetic.
- What the data do not determine (an empty sample, no variation) is NaN, with its sample sizes.
- An argument outside its range is a ``ValueError``. A confidence level, an alpha and a power are shares: 0.95, not 95.
- Samples have shapes (n,) and (m,). Effects are of the first against the second, in the unit of the values; P-values are
  two-sided. Of columns, shape (n, k), every result has shape (k,).
- Ties count half: as midranks, and as pairs of equal values.
- Random numbers take a ``seed``: whatever ``numpy.random.default_rng`` takes, a generator included.
"""

import numpy as np
from numpy.typing import ArrayLike

Seed = int | np.random.Generator
_ROUNDING = 1e-12  # what binary arithmetic may add to a P-value


def finite(values: ArrayLike, name: str = "values") -> np.ndarray:
    """Return values as floats of the same shape, NaN kept; ValueError if one is infinite."""
    array = np.asarray(values, dtype=float)
    if np.isinf(array).any():
        raise ValueError(f"{name}: infinite value, expected finite numbers (NaN where missing)")
    return array


def present(sample: ArrayLike) -> np.ndarray:
    """Return the values of a sample that are not missing, shape (n,)."""
    array = finite(sample, "sample").ravel()
    return array[~np.isnan(array)]


def open_share(value: float, name: str) -> float:
    """Return a confidence level, an alpha or a power; ValueError unless it lies between 0 and 1, both excluded."""
    if not 0 < value < 1:
        raise ValueError(f"{name} {value:g}: expected a number between 0 and 1, such as 0.95 for 95%")
    return float(value)


def is_significant(p: ArrayLike, alpha: float) -> np.ndarray:
    """Return whether tests reject: P <= alpha, so that an interval excludes exactly what its test rejects; never NaN."""
    return np.asarray(p, dtype=float) <= open_share(alpha, "alpha") + _ROUNDING
