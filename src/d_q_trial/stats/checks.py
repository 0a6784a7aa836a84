"""Conventions of all functions of this package.

- NaN marks a missing value and is ignored. An infinite value (a measurement or arithmetic error) raises ``ValueError``.
- A result that the data do not determine (an empty sample, no variation) is NaN, with its sample sizes.
- An argument outside its range, or of another shape or length, raises ``ValueError``. Confidence level, alpha and power
  are proportions: 0.95, not 95.
- Samples have shapes (n,) and (m,). Effects compare the first with the second, in the unit of the values; P-values are
  two-sided. For columns of shape (n, k), every result has shape (k,).
- Ties count one half, in midranks and in pairs of equal values.
- ``seed`` is a whole number or, for resampling and imputation, anything that ``numpy.random.default_rng`` accepts.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

Seed = int | np.random.Generator
_ROUNDING = 1e-12  # rounding error allowed in a P-value


class Estimate(NamedTuple):
    """An estimate and its uncertainty, or arrays of them; fields that are undefined are NaN."""

    estimate: Any = np.nan
    standard_error: Any = np.nan
    df: Any = np.nan
    t: Any = np.nan
    p: Any = np.nan
    lower: Any = np.nan
    upper: Any = np.nan


def as_finite(values: ArrayLike, name: str = "values", *, columns: bool | None = None) -> np.ndarray:
    """Return values as floats, including NaN: shape (n, k) if ``columns``, (n,) if not, or any if None; else ValueError."""
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected an array of numbers (NaN where missing)") from None
    if np.isinf(array).any():
        raise ValueError(f"{name}: infinite value, expected finite numbers (NaN where missing)")
    if columns is not None and array.ndim != 1 + columns:
        raise ValueError(f"{name}: shape {array.shape}, expected {'(n, k)' if columns else '(n,)'}")
    return array


def as_rows(matrix: ArrayLike | None = None, /, **vectors: ArrayLike) -> list[np.ndarray]:
    """Return arrays of the same rows as floats: a matrix (n, k), if any, and vectors (n,); vectors ``is_...`` as bool."""
    rows = {} if matrix is None else {"values": as_finite(matrix, columns=True)}
    rows |= {name: as_finite(vector, name, columns=False) for name, vector in vectors.items()}
    if len({len(array) for array in rows.values()}) > 1:
        sizes = ", ".join(f"{name} {len(array)}" for name, array in rows.items())
        raise ValueError(f"arrays of different lengths, expected the same: {sizes}")
    for name in [name for name in rows if name.startswith("is_")]:
        if not ((rows[name] == 0) | (rows[name] == 1)).all():
            raise ValueError(f"{name}: expected True or False in every row")
        rows[name] = rows[name] == 1
    return list(rows.values())


def complete_rows(matrix: ArrayLike | None = None, /, **vectors: ArrayLike) -> list[np.ndarray]:
    """Return the arrays of :func:`as_rows` without the rows in which one is missing."""
    rows = as_rows(matrix, **vectors)
    complete = ~np.isnan(np.column_stack(rows)).any(axis=1)
    return [array[complete] for array in rows]


def drop_missing(sample: ArrayLike) -> np.ndarray:
    """Return the values of a sample that are not missing, shape (n,)."""
    return complete_rows(sample=sample)[0]


def check_proportion(value: float, name: str) -> float:
    """Return a confidence level, an alpha or a power; ValueError unless it is strictly between 0 and 1."""
    if not 0 < value < 1:
        raise ValueError(f"{name} {value:g}: expected a number between 0 and 1, such as 0.95 for 95%")
    return float(value)


def is_significant(p: ArrayLike, alpha: float) -> np.ndarray:
    """Return whether P <= alpha (NaN: no), so that an interval excludes exactly the values that its test rejects."""
    return np.asarray(p, dtype=float) <= check_proportion(alpha, "alpha") + _ROUNDING
