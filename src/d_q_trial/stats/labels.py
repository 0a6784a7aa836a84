"""Permuted treatment labels from a counter-based generator, and the P-values that counts of them give.

Permutations come in numbered blocks, each with a state of the generator of its own, made from the seed and the number
of the block. A permutation has the same labels whichever process, chunk or shard asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

BLOCK = 256  # permutations that one state of the generator makes; part of the definition of a seeded result


class MonteCarloP(NamedTuple):
    """A permutation P-value, the interval that holds the P of all permutations, and how many were drawn."""

    p: float
    lower: float
    upper: float
    permutations: int

    @classmethod
    def undefined(cls) -> MonteCarloP:
        """Return the result of a test that cannot be made."""
        return cls(np.nan, np.nan, np.nan, 0)


@dataclass(frozen=True)
class Labels:
    """Splits with ``n_first`` of ``n`` participants in the first arm: ``count`` random ones by ``seed``, or without all."""

    n: int
    n_first: int
    count: int
    seed: int | None

    @property
    def exhaustive(self) -> bool:
        """Whether they are every possible split once, the observed one among them."""
        return self.seed is None

    def take(self, start: int, stop: int) -> np.ndarray:
        """Return splits ``start`` to ``stop`` as bool of shape (n, stop - start)."""
        if self.seed is None:
            return every_split(self.n, self.n_first)[:, start:stop]
        return split_columns(random_orders(self.n, start, stop, self.seed)[:, : self.n_first], self.n)

    def p(self, extreme: int) -> MonteCarloP:
        """Return the P-value of a test that ``extreme`` of these splits reach; see :func:`permutation_p`."""
        return permutation_p(int(extreme), self.count, exhaustive=self.exhaustive)


def labels_for(is_first: ArrayLike, permutations: int, seed: int) -> Labels:
    """Return random splits of the observed sizes, or all of them if there are no more than ``permutations``.

    ValueError as :func:`check_drawn`.

    >>> labels_for([True, True, False, False], 100, seed=1).count
    6
    """
    check_drawn(permutations, seed)
    is_first = np.asarray(is_first, dtype=bool)
    n, n_first = is_first.size, int(is_first.sum())
    every = comb(n, n_first)
    return Labels(n, n_first, every, None) if every <= permutations else Labels(n, n_first, permutations, seed)


def check_drawn(permutations: int, seed: int) -> None:
    """Raise a ValueError if there are no permutations to draw, or the seed would repeat the numbers of another."""
    if permutations < 1 or not 0 <= seed < 2**64:
        raise ValueError(
            f"permutation: {permutations} permutations, seed {seed}; expected 1 or more, and 0 to 2^64 - 1"
        )


@lru_cache(maxsize=1)  # asked for block by block
def every_split(n: int, n_first: int) -> np.ndarray:
    """Return every choice of ``n_first`` out of ``n`` as a column of bool, shape (n, comb(n, n_first))."""
    chosen = np.array(list(combinations(range(n), n_first)), dtype=np.intp)
    return split_columns(chosen.reshape(comb(n, n_first), n_first), n)


def split_columns(chosen: np.ndarray, n: int) -> np.ndarray:
    """Return splits as columns of bool, shape (n, splits), from who is in the first arm, shape (splits, n_first)."""
    labels = np.zeros((len(chosen), n), dtype=bool)
    np.put_along_axis(labels, chosen, True, axis=1)
    return labels.T


def shard_range(count: int, shard: int, shards: int) -> tuple[int, int]:
    """Return start and stop of the permutations that belong to shard ``shard`` (from 1) of ``shards``.

    >>> shard_range(10, 2, 3)
    (3, 6)
    """
    if not 1 <= shard <= shards:
        raise ValueError(f"shard {shard} of {shards}: shards count from 1")
    return count * (shard - 1) // shards, count * shard // shards


def random_orders(n: int, start: int, stop: int, seed: int) -> np.ndarray:
    """Return orders ``start`` to ``stop`` of ``n`` things, of those that the seed makes: shape (stop - start, n)."""
    generators = (np.random.Philox(key=seed + (number << 64)) for number in range(start // BLOCK, -(-stop // BLOCK)))
    random = [np.random.Generator(generator).random((BLOCK, n)) for generator in generators]
    orders = [numbers.argsort(axis=1, kind="stable") for numbers in random]
    return np.concatenate([np.empty((0, n), dtype=np.intp), *orders])[start % BLOCK :][: stop - start]


@lru_cache(maxsize=2**14)  # of thousands of specifications, many have the same count
def permutation_p(count: int, permutations: int, *, exhaustive: bool = False) -> MonteCarloP:
    """Return the P-value of a test with ``count`` of ``permutations`` permutations as extreme as the data.

    Of random permutations, P is (count + 1) / (permutations + 1), which counts the data as one of them: it is never 0,
    and it holds its level for any number of permutations (Phipson and Smyth 2010, Statistical Applications in Genetics
    and Molecular Biology 9, 39). The 99% interval, ``proportion_confint`` of Clopper and Pearson (1934), is for the
    share of all permutations that are as extreme: how much P could move with more of them. If they are ``exhaustive``,
    the observed one included, P is their share. ValueError for an impossible count.

    >>> permutation_p(4, 99).p, permutation_p(3, 20, exhaustive=True).p
    (0.05, 0.15)
    """
    from statsmodels.stats.proportion import proportion_confint

    if not 0 <= count <= permutations or permutations < 1:
        raise ValueError(f"Monte Carlo P: {count} of {permutations} permutations")
    if exhaustive:
        share = count / permutations
        return MonteCarloP(share, share, share, permutations)
    lower, upper = proportion_confint(count, permutations, alpha=0.01, method="beta")
    return MonteCarloP((count + 1) / (permutations + 1), float(lower), float(upper), permutations)
