"""Rank-sum statistics of many specifications under permuted treatment labels, as matrix products.

The distance of U from its mean is half the sum, over the first sample, of centred doubled midranks: whole numbers,
``2 * midrank - (n + 1)``, zero where a participant has no value. So (specifications x participants) times
(participants x permutations) gives all distances at once, and as sums of whole numbers they are exact in float32. How many
of the first sample have a value depends on the permutation and on who is missing: one product per pattern of missing values.

:func:`blocks` goes through the permutations block by block, and :class:`StepDown` and :class:`Joint` keep counts of them
and not the deviates themselves. The labels come from :mod:`.labels`, the same whichever process or shard computes them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .checks import finite
from .labels import BLOCK, Labels, MonteCarloP
from .rank_sum import midrank_columns

# Deviates of equal distance from the mean differ by rounding only, by less than this part of themselves.
SAME = 2e-6
_EXACT_IN_FLOAT32 = 4096  # participants up to which sums of doubled ranks stay below 2^24

Progress = Callable[[int, int], None]


class Observed(NamedTuple):
    """Statistics of the specifications under one split, each of shape (specifications,)."""

    effect: np.ndarray
    z: np.ndarray


class Block(NamedTuple):
    """Statistics of a block of permutations, each of shape (specifications, permutations).

    ``z`` is 0 and ``effect``, the probability of superiority less one half, is NaN where an arm is too small.
    """

    start: int  # number of the first permutation
    z: np.ndarray
    effect: np.ndarray


class Design:
    """Specifications as columns of values, shape (participants, specifications), made ready for any split.

    NaN marks a participant who is not part of a specification or has no value in it, and stays so under permutation; so
    the number per arm varies where a value is missing. With fewer than ``minimum_per_arm`` values in an arm, a
    specification takes no part in a split. A ``sign`` of -1 turns a specification around, so that deviates above 0 are
    in the favoured direction; ``continuity`` says whether the deviate carries the correction: both one for all, or one
    each. ValueError for infinite values.

    ``scores``, shape (specifications, participants), are the centred doubled midranks times sign. Who has a value is in
    ``presence``, shape (patterns, participants), once for every different ``pattern``, shape (specifications,).
    ``tie_factor`` is what ties do to the deviate: 1 without ties, 0 where all values are equal.
    """

    def __init__(
        self, values: ArrayLike, *, minimum_per_arm: int = 1, sign: ArrayLike = 1.0, continuity: ArrayLike = False
    ):
        values = finite(values, "permutation")
        participants, count = values.shape
        ranks, tie_sum = midrank_columns(values)
        present = ~np.isnan(values)
        n, self.minimum_per_arm = present.sum(axis=0), max(1, minimum_per_arm)
        self.dtype = np.float32 if participants <= _EXACT_IN_FLOAT32 else np.float64
        scores = np.where(present, 2 * ranks - (n + 1), 0.0) * np.asarray(sign, dtype=float)
        self.scores = np.ascontiguousarray(scores.T, dtype=self.dtype)
        self.presence, self.pattern = present.T.astype(self.dtype), np.arange(count)
        if count:
            patterns, pattern = np.unique(present.T, axis=0, return_inverse=True)
            self.presence, self.pattern = patterns.astype(self.dtype), pattern.ravel()
        self.continuity = np.broadcast_to(np.asarray(continuity, dtype=bool), count)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = 1 - tie_sum / (n * (n - 1.0) * (n + 1.0))
            self.tie_factor = np.where(share > 1e-9, 1 / np.sqrt(share), 0.0)

    def __len__(self) -> int:
        return len(self.scores)

    def observed(self, is_first: ArrayLike) -> Observed:
        """Return the statistics under one split, bool of shape (participants,), in float64.

        ``effect`` is the probability of superiority, P(first > second) + P(tie) / 2, turned by ``sign``. It and ``z`` are
        NaN where an arm has fewer than ``minimum_per_arm`` values; ``z`` also where all values are equal.
        """
        block = self.permuted(np.asarray(is_first, dtype=bool)[:, None], dtype=np.float64)
        effect = 0.5 + block.effect[:, 0]
        return Observed(effect, np.where(np.isnan(effect) | (self.tie_factor == 0), np.nan, block.z[:, 0]))

    def permuted(self, labels: np.ndarray, start: int = 0, dtype: Any = None) -> Block:
        """Return the statistics under many splits, bool of shape (participants, permutations)."""
        dtype = dtype or self.dtype
        scores, presence, labels = (array.astype(dtype, copy=False) for array in (self.scores, self.presence, labels))
        n_first = presence @ labels
        n = presence.sum(axis=1)[:, None]
        product = n_first * (n - n_first)
        usable = np.minimum(n_first, n - n_first) >= self.minimum_per_arm
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(usable, 1 / np.sqrt(product * ((n + 1) / 3)), 0).astype(dtype)
            factor = np.where(usable, 0.5 / product, np.nan).astype(dtype)
        z = scores @ labels
        effect = z * factor[self.pattern]
        if self.continuity.any():  # half a unit of U
            distance = z[self.continuity]
            z[self.continuity] = np.copysign(np.maximum(np.abs(distance) - 1, 0), distance)
        z *= scale[self.pattern]
        z *= self.tie_factor.astype(dtype)[:, None]
        return Block(start, z, effect)


def blocks(
    design: Design,
    labels: Labels,
    *,
    start: int = 0,
    stop: int | None = None,
    memory_mb: int = 512,
    progress: Progress | None = None,
) -> Iterator[Block]:
    """Yield the statistics of permutations ``start`` to ``stop``, a block at a time.

    ``memory_mb`` bounds the memory of a block and changes no number; a ValueError says what would hold it. ``progress``
    is called with the permutations done and those to do.
    """
    stop = labels.count if stop is None else stop
    needed = -(-design.scores.itemsize * (len(design) * (BLOCK * 5 + design.scores.shape[1])) // 2**20)
    if needed > memory_mb:
        raise ValueError(f"memory_mb: {memory_mb} MB do not hold {len(design):,} specifications; {needed} MB do")
    edges = sorted({start, *range(-(-start // BLOCK) * BLOCK, stop, BLOCK), stop})
    for first, last in itertools.pairwise(edges):
        yield design.permuted(labels.take(first, last), first)
        if progress is not None:
            progress(last - start, stop - start)


class StepDown:
    """Count, for every specification, how often the maximum over those no more extreme than it reaches it.

    Westfall and Young's free step-down procedure (1993), algorithm 4.1; Ge, Dudoit and Speed (2003), TEST 12, 1-77, box
    2. Within a ``family``, the specifications with the same number, they are ordered by the observed ``|z|``, shape
    (specifications,); under a permutation the largest ``|z|`` of a specification and all that are no more extreme is
    compared with the observed ``|z|``. Equally extreme ones share one count. For the most extreme one this is the plain
    max-T test, the P-value of the best of a search; with a family each, it is the test of every specification by
    itself. NaN ranks last and is never counted, but takes part under permutation.

    ``counts``, shape (specifications,), are the permutations in which the maximum was as large as the observed ``|z|``.
    """

    def __init__(self, z: ArrayLike, family: ArrayLike | None = None):
        size = np.abs(np.asarray(z, dtype=float))
        self._known = ~np.isnan(size)
        family = np.zeros(size.size, dtype=int) if family is None else np.asarray(family, dtype=int)
        ranked = np.where(self._known, size, -1.0)
        self._order = np.lexsort((ranked, family))  # family by family, least extreme first
        ordered = ranked[self._order]
        new_family = np.diff(family[self._order], prepend=np.nan) != 0
        starts = np.flatnonzero(new_family | (np.diff(ordered, prepend=np.nan) > SAME * ordered))
        repeats = np.diff(np.append(starts, size.size))  # how many are equally extreme
        self._last = np.repeat(starts + repeats - 1, repeats)  # the place of the last that is as extreme
        # Of those equally extreme, the least extreme by rounding decides.
        least = np.repeat(ordered[starts], repeats)
        self._threshold = np.where(least < 0, np.inf, least * (1 - SAME))[:, None]
        edges = itertools.pairwise([*np.flatnonzero(new_family), size.size])
        self._families = [slice(*edge) for edge in edges if edge[1] - edge[0] > 1]
        self.counts = np.zeros(size.size, dtype=np.int64)

    def add(self, block: Block) -> None:
        """Count the permutations of a block."""
        largest = np.abs(block.z[self._order])
        for own in self._families:
            np.maximum.accumulate(largest[own], axis=0, out=largest[own])
        self.counts[self._order] += (largest[self._last] >= self._threshold).sum(axis=1)

    def p(self, p_of: Callable[[int], MonteCarloP]) -> list[MonteCarloP]:
        """Return the P-values, one for each specification; undefined where the deviate is missing.

        ``p_of`` makes a P-value of a count, as :meth:`.labels.Labels.p` does. In each family, from the most extreme
        specification down, no P-value is smaller than the one before.
        """
        counts = self.counts[self._order]
        for own in self._families:
            counts[own] = np.maximum.accumulate(counts[own][::-1])[::-1]
        stepped = np.empty_like(counts)
        stepped[self._order] = counts
        return [
            p_of(int(n)) if known else MonteCarloP.undefined() for n, known in zip(stepped, self._known, strict=True)
        ]


SUMMARIES = ("median_effect", "share_significant", "mean_z")


class Joint:
    """Count, for every group of specifications, how often a permuted summary is at least as favourable as observed.

    A specification that has too few participants in an arm under a split takes no part in the summaries of that split,
    under the observed split as under a permuted one. So a summary is the same function of the labels throughout, and
    every P-value is that of an exact test. In a group, every specification counts as often as its weight says, shape
    (groups, specifications). The summaries are ``median_effect`` (the lower median of the probabilities of superiority,
    turned so that more than one half is favourable), ``share_significant`` (share of the weight with a deviate of at
    least ``critical``) and ``mean_z`` (mean deviate). Where no specification of a group takes part, they are one half,
    0 and 0. Simonsohn, Simmons and Nelson (2020), Nature Human Behaviour 4, 1208-1214.

    ``observed`` and ``counts`` hold the observed summaries (NaN for an empty group) and how many permutations reach
    them, by name and of shape (groups,); ``significant`` and ``usable`` the weight of the significant specifications,
    and of those that take part, added up over all permutations.
    """

    def __init__(self, observed: Observed, weights: ArrayLike, *, critical: float):
        self._weights, self._critical = np.asarray(weights, dtype=float), critical
        known = ~np.isnan(observed.z)
        effect, z = np.where(known, observed.effect - 0.5, np.nan), np.where(known, observed.z, 0.0)
        median = np.array([_lower_median(effect, own) for own in np.asarray(weights)])
        total, above, summed = self._weights @ known, self._weights @ (z >= critical), self._weights @ z
        with np.errstate(invalid="ignore"):
            self.observed = dict(zip(SUMMARIES, (0.5 + median, above / total, summed / total), strict=True))
        # To be compared with a column per permutation.
        self._median, self._total, self._above, self._sum = (a[:, None] for a in (median, total, above, summed))
        self.counts = {name: np.zeros(len(self._weights), dtype=np.int64) for name in SUMMARIES}
        self.significant, self.usable = np.zeros((2, len(self._weights)), dtype=np.int64)

    def add(self, block: Block) -> None:
        """Count the permutations of a block."""
        usable = self._weights @ ~np.isnan(block.effect)
        significant = self._weights @ (block.z >= np.float32(self._critical))
        # The lower median is at least m if more than half of the weight is.
        favourable = np.array(
            [
                own[own > 0] @ (block.effect[own > 0] >= median - SAME * abs(median))
                for own, median in zip(self._weights, self._median, strict=True)
            ]
        )
        mean = self._weights @ block.z.astype(float)
        none, total = usable == 0, self._total
        enough = {
            "median_effect": np.where(none, self._median <= 0, 2 * favourable > usable),
            "share_significant": np.where(none, self._above == 0, significant * total >= self._above * usable),
            "mean_z": np.where(none, self._sum <= 0, mean * total >= (self._sum - SAME * total) * usable),
        }
        for name, reached in enough.items():
            self.counts[name] += reached.sum(axis=1)
        self.significant += np.rint(significant.sum(axis=1)).astype(np.int64)
        self.usable += np.rint(usable.sum(axis=1)).astype(np.int64)


def curve(effects: np.ndarray, weights: np.ndarray, places: int) -> np.ndarray:
    """Return effects, shape (specifications, curves), at evenly spread places of their sorted curve: (places, curves).

    Place k of K holds the effect below which a share (k + 1/2) / K of the weight lies, ``weights`` of shape
    (specifications,) saying how often each counts. Missing effects (NaN) are left out; NaN without any.

    >>> curve(np.array([[0.3], [0.1], [0.2]]), np.array([1, 1, 2]), 4).ravel()
    array([0.1, 0.2, 0.2, 0.3])
    """
    ordered = np.sort(np.repeat(effects, weights, axis=0), axis=0)  # NaN sorts last
    known = np.count_nonzero(~np.isnan(ordered), axis=0)
    wanted = (2 * np.arange(places)[:, None] + 1) * known // (2 * places)
    return np.take_along_axis(ordered, wanted, axis=0)


def _lower_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the smallest value below or at which at least half of the weight of the known values lies."""
    ordered = np.sort(np.repeat(values, weights))
    known = np.count_nonzero(~np.isnan(ordered))
    return float(ordered[(known - 1) // 2]) if known else np.nan
