"""Permuted treatment labels from a counter-based generator.

Permutations come in numbered blocks, each with a state of the generator of its own, made from the seed and the number
of the block. A permutation has the same labels whichever process, chunk or shard asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

BLOCK = 256  # permutations that one state of the generator makes; part of the definition of a seeded result


class Labels(Protocol):
    """Splits of the participants into two arms, numbered from 0."""

    @property
    def count(self) -> int:
        """How many splits there are."""

    @property
    def exhaustive(self) -> bool:
        """Whether they are every possible split once, the observed one among them."""

    def take(self, start: int, stop: int) -> np.ndarray:
        """Return splits ``start`` to ``stop`` as bool of shape (participants, splits)."""


@dataclass(frozen=True)
class RandomLabels:
    """Random splits with ``n_first`` of ``n`` participants in the first arm; the same for the same seed."""

    n: int
    n_first: int
    count: int
    seed: int
    exhaustive = False

    def take(self, start: int, stop: int) -> np.ndarray:
        """Return splits ``start`` to ``stop`` as bool of shape (n, stop - start)."""
        labels = np.zeros((stop - start, self.n), dtype=bool)
        chosen = random_orders(self.n, start, stop, self.seed)[:, : self.n_first]
        np.put_along_axis(labels, chosen, True, axis=1)
        return labels.T


class AllLabels:
    """Every split with ``n_first`` of ``n`` participants in the first arm."""

    exhaustive = True

    def __init__(self, n: int, n_first: int):
        chosen = np.array(list(combinations(range(n), n_first)), dtype=np.intp).reshape(comb(n, n_first), n_first)
        self._labels = np.zeros((len(chosen), n), dtype=bool)
        np.put_along_axis(self._labels, chosen, True, axis=1)
        self.count = len(chosen)

    def take(self, start: int, stop: int) -> np.ndarray:
        """Return splits ``start`` to ``stop`` as bool of shape (n, stop - start)."""
        return self._labels[start:stop].T


def labels_for(is_first: ArrayLike, permutations: int, seed: int) -> Labels:
    """Return random splits of the observed sizes, or all of them if there are no more than ``permutations``.

    Raises
    ------
    ValueError
        If ``permutations`` is not positive, or the seed lies outside 0 to 2^64 - 1.
    """
    if permutations < 1 or not 0 <= seed < 2**64:
        raise ValueError(
            f"permutation: {permutations} permutations, seed {seed}; expected 1 or more, and 0 to 2^64 - 1"
        )
    is_first = np.asarray(is_first, dtype=bool)
    n, n_first = is_first.size, int(is_first.sum())
    if comb(n, n_first) <= permutations:
        return AllLabels(n, n_first)
    return RandomLabels(n, n_first, permutations, seed)


def shard_range(count: int, shard: int, shards: int) -> tuple[int, int]:
    """Permutations that belong to shard ``shard`` (from 1) of ``shards``: start and stop."""
    if not 1 <= shard <= shards:
        raise ValueError(f"shard {shard} of {shards}: shards count from 1")
    return count * (shard - 1) // shards, count * shard // shards


def random_orders(n: int, start: int, stop: int, seed: int) -> np.ndarray:
    """Random orders of ``n`` things, numbers ``start`` to ``stop`` of those the seed makes: shape (stop - start, n)."""
    numbers = range(start // BLOCK, -(-stop // BLOCK))
    orders = np.empty((len(numbers) * BLOCK, n), dtype=np.intp)
    for place, number in enumerate(numbers):
        generator = np.random.Generator(np.random.Philox(key=seed + (number << 64)))
        order = generator.random((BLOCK, n)).argsort(axis=1, kind="stable")
        orders[place * BLOCK : (place + 1) * BLOCK] = order
    first = start - numbers.start * BLOCK
    return orders[first : first + stop - start]
