"""Rank-sum statistics of many specifications under permuted arm labels, as matrix products.

The distance of U from its mean is half the sum, over the first sample, of centred doubled midranks: whole numbers,
``2 * midrank - (n + 1)``, zero where a participant has no value. So (specifications x participants) times
(participants x permutations) gives all distances at once, and as sums of whole numbers they are exact in float32,
whatever the order in which a library adds them up. How many of the first sample have a value depends on the
permutation and on who is missing, not on the values: one product per pattern of missing values gives that too.

The permuted labels come from :mod:`.labels`, the same whichever process, chunk or shard computes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from .labels import BLOCK, Labels
from .rank_sum import midrank_columns

_WIDTH = 16384  # permutations at once: rows of 64 kB stay in the inner caches, and a call costs little for each
_TILE = 64  # specifications at once
_EXACT_IN_FLOAT32 = 4096  # participants up to which sums of doubled ranks stay below 2^24

Progress = Callable[[int, int], None]


class Observed(NamedTuple):
    """Statistics of the specifications under one split, each of shape (specifications,)."""

    n_first: np.ndarray
    n_second: np.ndarray
    effect: np.ndarray
    z: np.ndarray


class Design:
    """Specifications as columns of values, made ready for any split of the participants.

    Parameters
    ----------
    values : array of float, shape (participants, specifications)
        NaN marks a participant who is not part of a specification or has no value in it. She stays so under
        permutation, so the number per arm varies where somebody is missing.
    minimum_per_arm : int
        A specification with fewer values in an arm has the deviate 0 under that split: it does not take part.
    sign : array of float, shape (specifications,), optional
        -1 turns a specification around, so that deviates above 0 speak for the favoured direction.
    continuity : array of bool, shape (specifications,), optional
        Where the deviate carries the continuity correction.

    Attributes
    ----------
    scores : array, shape (specifications, participants)
        Centred doubled midranks times sign; 0 where missing.
    presence : array, shape (patterns, participants)
        Who has a value, once for every different pattern of missing values.
    pattern : array of int, shape (specifications,)
    tie_factor : array of float, shape (specifications,)
        What ties do to the deviate; 1 without ties, 0 where all values are equal.
    """

    def __init__(
        self,
        values: ArrayLike,
        *,
        minimum_per_arm: int = 1,
        sign: ArrayLike | None = None,
        continuity: ArrayLike | None = None,
    ):
        values = np.asarray(values, dtype=float)
        if np.isinf(values).any():
            raise ValueError("permutation engine: infinite value")
        participants, count = values.shape
        ranks, tie_sum = midrank_columns(values)
        present = ~np.isnan(values)
        n = present.sum(axis=0)
        scores = np.where(present, 2 * ranks - (n + 1), 0.0)
        if sign is not None:
            scores *= np.asarray(sign, dtype=float)
        self.dtype = np.float32 if participants <= _EXACT_IN_FLOAT32 else np.float64
        self.scores = np.ascontiguousarray(scores.T, dtype=self.dtype)
        packed = np.packbits(present, axis=0).T
        _, first, pattern = np.unique(
            np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel(), return_index=True, return_inverse=True
        )
        self.presence = np.ascontiguousarray(present.T[first], dtype=self.dtype)
        self.pattern = pattern.ravel()
        self.n, self.tie_sum = n, tie_sum
        self.minimum_per_arm = max(1, minimum_per_arm)
        self.continuity = np.zeros(count, dtype=bool) if continuity is None else np.asarray(continuity, dtype=bool)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = 1 - tie_sum / (n * (n - 1.0) * (n + 1.0))
            self.tie_factor = np.where(share > 1e-9, 1 / np.sqrt(share), 0.0)
        self.tie_factor[~np.isfinite(self.tie_factor)] = 0.0

    def __len__(self) -> int:
        return len(self.scores)

    def observed(self, is_first: ArrayLike) -> Observed:
        """Statistics under one split, bool of shape (participants,), in float64.

        ``effect`` is the Mann-Whitney effect, P(first > second) + P(tie) / 2, turned by ``sign``; NaN with an empty
        arm. ``z`` is NaN where an arm has fewer than ``minimum_per_arm`` values or all values are equal.
        """
        first = np.asarray(is_first, dtype=float)
        distance = self.scores.astype(float) @ first
        n_first = (self.presence.astype(float) @ first)[self.pattern]
        n_second = self.n - n_first
        with np.errstate(divide="ignore", invalid="ignore"):
            effect = 0.5 + distance / (2 * n_first * n_second)
            shrunk = np.sign(distance) * np.maximum(np.abs(distance) - self.continuity, 0)
            z = shrunk * self.tie_factor * np.sqrt(3 / ((self.n + 1) * n_first * n_second))
        usable = (np.minimum(n_first, n_second) >= self.minimum_per_arm) & (self.tie_factor > 0)
        z[~usable] = np.nan
        return Observed(n_first.astype(int), n_second.astype(int), effect, z)

    def arm_scale(self, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number in the first arm, and the factor from distance to deviate without ties: (patterns, permutations).

        The factor is 0 where an arm is smaller than ``minimum_per_arm``.
        """
        n_first = self.presence @ labels
        n = self.presence.sum(axis=1)[:, None]
        n_second = n - n_first
        product = n_first * n_second * ((n + 1) / 3)
        scale = np.zeros_like(product)
        usable = np.minimum(n_first, n_second) >= self.minimum_per_arm
        np.divide(1, np.sqrt(product, where=usable, out=product), where=usable, out=scale)
        return n_first, scale


class Reducer(Protocol):
    """What is kept of the permutations: it sees the specifications one by one, for a chunk of permutations each."""

    signed: bool  # whether deviates come with their direction, or as absolute values
    each: int  # bytes that it needs for every permutation of a chunk

    def begin(self, start: int, n_first: np.ndarray, scale: np.ndarray, labels: np.ndarray) -> None:
        """Start a chunk at permutation ``start``.

        ``n_first`` and ``scale`` are as from :meth:`Design.arm_scale`, ``labels`` of shape (participants, permutations).
        """

    def row(self, specification: int, distance: np.ndarray, z: np.ndarray) -> None:
        """Take doubled distances and deviates of one specification, shape (permutations,), to be left as they are."""

    def end(self) -> None:
        """Close the chunk."""


def run(
    design: Design,
    labels: Labels,
    reducers: Sequence[Reducer],
    *,
    order: ArrayLike | None = None,
    start: int = 0,
    stop: int | None = None,
    memory_mb: int = 512,
    progress: Progress | None = None,
) -> None:
    """Hand the deviates of every specification under permutations ``start`` to ``stop`` to the reducers.

    Parameters
    ----------
    order : array of int, shape (specifications,), optional
        In which order the specifications come.
    memory_mb : int
        Bound on the memory of a chunk; it decides how many permutations go at once and changes no number.
    progress : callable, optional
        Called with the permutations done and those to do.

    Raises
    ------
    ValueError
        If the memory does not hold even a narrow chunk; the message says what would.
    """
    stop = labels.count if stop is None else stop
    if start >= stop:
        return
    order = np.arange(len(design)) if order is None else np.asarray(order)
    pattern, tie_factor = design.pattern.tolist(), design.tie_factor.astype(design.dtype)
    tied, corrected = (design.tie_factor != 1).tolist(), design.continuity.tolist()
    scores = design.scores[order]
    signed = any(reducer.signed for reducer in reducers)
    sized = signed and not all(reducer.signed for reducer in reducers)
    kept = sum(reducer.each for reducer in reducers)
    for first, last in _chunks(design, start, stop, memory_mb, kept):
        chosen = np.ascontiguousarray(labels.take(first, last), dtype=design.dtype)
        n_first, scale = design.arm_scale(chosen)
        distances = np.empty((min(_TILE, len(order)), last - first), dtype=design.dtype)
        z, size = np.empty((2, last - first), dtype=design.dtype)
        for reducer in reducers:
            reducer.begin(first, n_first, scale, chosen)
        for top in range(0, len(order), _TILE):
            rows = order[top : top + _TILE].tolist()
            np.matmul(scores[top : top + _TILE], chosen, out=distances[: len(rows)])
            if not signed:
                np.abs(distances, out=distances)
            for distance, row in zip(distances, rows, strict=False):
                if corrected[row]:
                    np.abs(distance, out=z)
                    z -= 1  # half a unit of U
                    np.maximum(z, 0, out=z)
                    if signed:
                        np.copysign(z, distance, out=z)
                    z *= scale[pattern[row]]
                else:
                    np.multiply(distance, scale[pattern[row]], z)
                if tied[row]:
                    z *= tie_factor[row]
                if sized:
                    np.abs(z, size)
                for reducer in reducers:
                    reducer.row(row, distance, z if reducer.signed == signed else size)
        for reducer in reducers:
            reducer.end()
        if progress is not None:
            progress(last - start, stop - start)


def _chunks(design: Design, start: int, stop: int, memory_mb: int, kept: int) -> Iterator[tuple[int, int]]:
    size = np.dtype(design.dtype).itemsize
    fixed = 2 * design.scores.nbytes
    # Labels as floats and while they are drawn; patterns with their intermediate results; the tile; a few rows.
    each = (size + 20) * design.scores.shape[1] + 5 * size * len(design.presence) + size * (_TILE + 16) + kept
    width = (memory_mb * 2**20 - fixed) // each
    least = min(BLOCK, stop - start)
    if width < least:
        needed = -(-(fixed + each * least) // 2**20)
        raise ValueError(f"memory_mb: {memory_mb} MB do not hold {len(design):,} specifications; {needed} MB do")
    width = int(min(width, _WIDTH))
    if width >= BLOCK:
        # Chunks of equal width that end where a block ends, so that no block is drawn twice.
        equal = -(-(stop - start) // -(-(stop - start) // width))
        width = min(-(-equal // BLOCK) * BLOCK, width - width % BLOCK)
    edges = [start, *range(start - start % BLOCK + width, stop, width), stop]
    yield from ((first, last) for first, last in pairwise(edges) if last > first)
