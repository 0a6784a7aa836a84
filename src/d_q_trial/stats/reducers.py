"""What is kept of the deviates that :func:`~.permutation.run` makes: counts, not the deviates themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

# Deviates of equal distance from the mean differ by rounding only, by less than this part of themselves.
SAME = 2e-6
_LOOK = 32  # specifications after which the smallest of the running maxima is looked up


class StepDown:
    """Count, for every specification, how often the maximum over those no more extreme than it reaches it.

    The counts of Westfall and Young's free step-down procedure. Within a family the specifications are ordered by
    ``|z|``; under a permutation the largest ``|z|`` of a specification and all less extreme ones is held against the
    observed ``|z|``. For the most extreme one this is the plain max-T test, the P-value of the best of a search.

    Parameters
    ----------
    z : array of float, shape (specifications,)
        Observed deviates; NaN ranks last and is never counted.
    family : array of int, shape (specifications,), optional
        Specifications with the same number form a family.

    Attributes
    ----------
    order : array of int, shape (specifications,)
        In which :func:`run` has to visit them: family by family, least extreme first.
    counts : array of int, shape (specifications,)
        Permutations in which the maximum was as large as the observed ``|z|``.
    """

    signed = False
    each = 5

    def __init__(self, z: ArrayLike, family: ArrayLike | None = None):
        size = np.abs(np.asarray(z, dtype=float))
        self.family = np.zeros(size.size, dtype=int) if family is None else np.asarray(family, dtype=int)
        known = ~np.isnan(size)
        self.order = np.lexsort((np.where(known, size, -1.0), self.family))
        self.threshold = np.where(known, size * (1 - SAME), np.inf).tolist()
        self.counts = np.zeros(size.size, dtype=np.int64)
        self._family = self.family.tolist()

    def begin(self, start: int, n_first: np.ndarray, scale: np.ndarray, labels: np.ndarray) -> None:
        """Start a chunk."""
        self._running = np.zeros(scale.shape[1], dtype=scale.dtype)
        self._above = np.empty(scale.shape[1], dtype=bool)
        self._current: int | None = None
        self._rows, self._low = 0, 0.0

    def row(self, specification: int, distance: np.ndarray, z: np.ndarray) -> None:
        """Take one specification."""
        if self._family[specification] != self._current:
            self._current = self._family[specification]
            self._running[:] = z
            self._low = 0.0
        else:
            np.maximum(self._running, z, out=self._running)
        self._rows += 1
        if self._rows % _LOOK == 0:
            self._low = float(self._running.min())
        if self.threshold[specification] <= self._low:  # the maxima only grow, so all of them reach it
            self.counts[specification] += z.size
            return
        np.greater_equal(self._running, self.threshold[specification], self._above)
        self.counts[specification] += np.count_nonzero(self._above)

    def end(self) -> None:
        """Close the chunk."""


class Largest:
    """Count, for every group of specifications, how often its largest permuted ``|z|`` reaches the observed largest.

    The P-value of the best of a search, like that of the most extreme member in :class:`StepDown`, but for groups that
    may cut across the order in which the specifications come.

    Parameters
    ----------
    z : array of float, shape (specifications,)
        Observed deviates; NaN is no candidate, but may become one under permutation.
    group : array of int, shape (specifications,)
        Group of each specification, from 0; negative for none.
    """

    signed = False

    def __init__(self, z: ArrayLike, group: ArrayLike):
        size, self.group = np.abs(np.asarray(z, dtype=float)), np.asarray(group, dtype=int)
        groups = int(self.group.max(initial=-1)) + 1
        self.observed = np.full(groups, -np.inf)
        kept = (self.group >= 0) & ~np.isnan(size)
        np.maximum.at(self.observed, self.group[kept], size[kept])
        self.observed[np.isinf(self.observed)] = np.nan
        self.counts = np.zeros(groups, dtype=np.int64)
        self._group = self.group.tolist()
        self.each = 4 * groups

    def begin(self, start: int, n_first: np.ndarray, scale: np.ndarray, labels: np.ndarray) -> None:
        """Start a chunk."""
        self._running = np.zeros((self.counts.size, scale.shape[1]), dtype=scale.dtype)

    def row(self, specification: int, distance: np.ndarray, z: np.ndarray) -> None:
        """Take one specification."""
        group = self._group[specification]
        if group >= 0:
            np.maximum(self._running[group], z, out=self._running[group])

    def end(self) -> None:
        """Close the chunk."""
        with np.errstate(invalid="ignore"):
            self.counts += (self._running >= self.observed[:, None] * (1 - SAME)).sum(axis=1)


class Pointwise:
    """Count, for every specification by itself, how often its permuted ``|z|`` reaches the observed one."""

    signed = False
    each = 1

    def __init__(self, z: ArrayLike):
        size = np.abs(np.asarray(z, dtype=float))
        self.threshold = np.where(np.isnan(size), np.inf, size * (1 - SAME)).tolist()
        self.counts = np.zeros(size.size, dtype=np.int64)

    def begin(self, start: int, n_first: np.ndarray, scale: np.ndarray, labels: np.ndarray) -> None:
        """Start a chunk."""
        self._above = np.empty(scale.shape[1], dtype=bool)

    def row(self, specification: int, distance: np.ndarray, z: np.ndarray) -> None:
        """Take one specification."""
        np.greater_equal(z, self.threshold[specification], self._above)
        self.counts[specification] += np.count_nonzero(self._above)

    def end(self) -> None:
        """Close the chunk."""


class Deviates:
    """Keep every deviate: for small problems and for checks, shape (specifications, permutations)."""

    signed = True
    each = 0

    def __init__(self, specifications: int, permutations: int):
        self.z = np.empty((specifications, permutations))

    def begin(self, start: int, n_first: np.ndarray, scale: np.ndarray, labels: np.ndarray) -> None:
        """Start a chunk."""
        self._columns = slice(start, start + scale.shape[1])

    def row(self, specification: int, distance: np.ndarray, z: np.ndarray) -> None:
        """Take one specification."""
        self.z[specification, self._columns] = z

    def end(self) -> None:
        """Close the chunk."""
