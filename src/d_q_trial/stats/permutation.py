"""Rank-sum statistics of many specifications under permuted treatment labels, as matrix products.

U minus its mean is half the sum, over the first sample, of centred doubled midranks. These are integers,
``2 * midrank - (n + 1)``, and zero for a missing value. The product of (specifications x participants) and
(participants x permutations) therefore gives all distances at once, and exactly, even in float32.

Permutations come in numbered blocks. Each block has its own state of a counter-based generator, derived from the seed
and the block number, so a permutation has the same labels in every process, chunk and shard.
"""

import gc
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .checks import as_finite
from .rank_sum import midrank_columns

BLOCK = 256  # permutations per state of the generator; part of the definition of a seeded result
TOLERANCE = 2e-6  # largest relative difference between equal deviates, caused by rounding
_EXACT_IN_FLOAT32 = 4096  # participants up to which sums of doubled ranks stay below 2^24

Progress = Callable[[int, int], None]


class MonteCarloP(NamedTuple):
    """Permutation P-values, the interval for the P of all permutations, and the number of permutations used.

    A float each or, for k tests, arrays of shape (k,).
    """

    p: Any = np.nan
    lower: Any = np.nan
    upper: Any = np.nan
    permutations: int = 0


def permutation_p(count: ArrayLike, permutations: int, *, exhaustive: bool = False) -> MonteCarloP:
    """Return the P-values of tests with ``count`` of ``permutations`` permutations as extreme as the data.

    For random permutations, P is (count + 1) / (permutations + 1): the data count as one of them, so that P is never 0
    and the test keeps its level for any number (Phipson and Smyth 2010, Statistical Applications in Genetics and
    Molecular Biology 9, 39). The 99% interval of Clopper and Pearson (1934) shows how much P could change with more of
    them. For an ``exhaustive`` set, which includes the observed labels, P is the share.

    >>> permutation_p(4, 99).p, permutation_p([3, 20], 20, exhaustive=True).p
    (0.05, array([0.15, 1.  ]))
    """
    from statsmodels.stats.proportion import proportion_confint

    count = np.asarray(count)
    if permutations < 1 or not ((count >= 0) & (count <= permutations)).all():
        raise ValueError(f"Monte Carlo P: {count} of {permutations} permutations")
    fields = [count / permutations] * 3
    if not exhaustive:
        limits = proportion_confint(count, permutations, alpha=0.01, method="beta")
        fields = [(count + 1) / (permutations + 1), *limits]
    return MonteCarloP._make([*(field if count.ndim else float(field) for field in fields), permutations])


def adjust_p(p: ArrayLike, method: str) -> np.ndarray:
    """Adjust P-values, shape (k,), by a method of statsmodels' ``multipletests``; missing ones are ignored.

    ``holm`` bounds the family-wise error rate (Holm 1979, Scandinavian Journal of Statistics 6, 65-70), ``fdr_bh`` the
    false discovery rate of independent or positively dependent tests (Benjamini and Hochberg 1995, Journal of the Royal
    Statistical Society B 57, 289-300). R: ``p.adjust(p, "holm")`` and ``p.adjust(p, "BH")``.

    >>> adjust_p([0.01, 0.04, float("nan")], "holm").tolist()
    [0.02, 0.04, nan]
    """
    from statsmodels.stats.multitest import multipletests

    p = as_finite(p, "multiplicity", columns=False)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("multiplicity: a P-value lies outside 0 to 1")
    adjusted, present = np.full(p.shape, np.nan), ~np.isnan(p)
    if present.any():
        gc.freeze()  # multipletests collects garbage, which takes a hundred times as long as the adjustment
        adjusted[present] = multipletests(p[present], method=method)[1]
        gc.unfreeze()
    return adjusted


@dataclass(frozen=True)
class Labels:
    """Splits with ``n_first`` of ``n`` participants in the first arm: ``count`` random ones, or all without a seed."""

    n: int
    n_first: int
    count: int
    seed: int | None

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 <= (self.seed or 0) < 2**64:  # any other seed repeats one of these
            received = f"{self.count} permutations, seed {self.seed}"
            raise ValueError(f"permutation: {received}; expected 1 or more, and a seed from 0 to 2^64 - 1")

    def take(self, start: int, stop: int) -> np.ndarray:
        """Return splits ``start`` to ``stop`` as bool of shape (n, stop - start)."""
        if self.seed is None:
            return every_split(self.n, self.n_first)[:, start:stop]
        return split_columns(random_orders(self, start, stop)[:, : self.n_first], self.n)

    def p(self, extreme: ArrayLike) -> MonteCarloP:
        """Return the P-values if ``extreme`` of these splits are as extreme as the data; see :func:`permutation_p`."""
        return permutation_p(extreme, self.count, exhaustive=self.seed is None)


@lru_cache(maxsize=4)  # all responses of the same length have the same orders
def random_orders(labels: Labels, start: int, stop: int) -> np.ndarray:
    """Return the random orders of the participants that define splits, shape (stop - start, n)."""
    keys = [(labels.seed or 0) + (number << 64) for number in range(start // BLOCK, -(-stop // BLOCK))]
    random = [np.random.Generator(np.random.Philox(key=key)).random((BLOCK, labels.n)) for key in keys]
    orders = [numbers.argsort(axis=1, kind="stable") for numbers in random]
    return np.concatenate([np.empty((0, labels.n), dtype=np.intp), *orders])[start % BLOCK :][: stop - start]


def labels_for(is_first: ArrayLike, permutations: int, seed: int) -> Labels:
    """Return random splits of the observed sizes, or all of them if there are no more than ``permutations``."""
    n, n_first = np.size(is_first), int(np.count_nonzero(is_first))
    splits = comb(n, n_first)
    return Labels(n, n_first, splits, None) if splits <= permutations else Labels(n, n_first, permutations, seed)


@lru_cache(maxsize=1)  # called for every block
def every_split(n: int, n_first: int) -> np.ndarray:
    """Return every choice of ``n_first`` out of ``n`` as a column of bool, shape (n, comb(n, n_first))."""
    chosen = np.array(list(itertools.combinations(range(n), n_first)), dtype=np.intp)
    return split_columns(chosen.reshape(comb(n, n_first), n_first), n)


def split_columns(chosen: np.ndarray, n: int) -> np.ndarray:
    """Return splits as columns of bool, shape (n, splits), from the first arm's members, shape (splits, n_first)."""
    labels = np.zeros((len(chosen), n), dtype=bool)
    np.put_along_axis(labels, chosen, True, axis=1)
    return labels.T


class Statistics(NamedTuple):
    """Statistics of k specifications under one split, of shape (k,), or under many from ``start``, (k, permutations).

    ``effect`` is the Mann-Whitney effect, P(first > second) + P(tie) / 2, minus one half, times the sign of the
    specification; NaN if an arm is too small. ``z`` is then NaN, or 0 under permuted labels.
    """

    effect: np.ndarray
    z: np.ndarray
    start: int = 0


class Design:
    """Specifications as columns of values, shape (participants, specifications), prepared for any split.

    Missing values stay missing under permutation, so the number per arm varies. A specification with fewer than
    ``minimum_per_arm`` values in an arm is excluded from that split. A ``sign`` of -1 reverses it, so that positive
    deviates are in the favoured direction; ``continuity`` sets the correction. Both may be one per specification.

    ``scores``, shape (specifications, participants), are the centred doubled midranks times sign. ``presence``, shape
    (patterns, participants), holds each distinct pattern of present values; ``pattern``, shape (specifications,), its
    row. ``tie_factor`` is the effect of ties on z: 1 without ties, 0 if all values are equal.
    """

    def __init__(
        self, values: ArrayLike, *, minimum_per_arm: int = 1, sign: ArrayLike = 1.0, continuity: ArrayLike = False
    ):
        values = as_finite(values, "permutation", columns=True)
        participants, count = values.shape
        ranks, tie_sum = midrank_columns(values)
        present = ~np.isnan(values)
        n, self.minimum_per_arm = present.sum(axis=0), max(1, minimum_per_arm)
        self.dtype = np.float32 if participants <= _EXACT_IN_FLOAT32 else np.float64
        scores = np.where(present, 2 * ranks - (n + 1), 0.0) * np.asarray(sign, dtype=float)
        self.scores = np.ascontiguousarray(scores.T, dtype=self.dtype)
        patterns, pattern = np.unique(present.T, axis=0, return_inverse=True)
        self.presence, self.pattern = patterns.astype(self.dtype), pattern.ravel()
        self.continuity = np.broadcast_to(np.asarray(continuity, dtype=bool), count)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = 1 - tie_sum / (n * (n - 1.0) * (n + 1.0))
            self.tie_factor = np.where(share > 1e-9, 1 / np.sqrt(share), 0.0)

    def __len__(self) -> int:
        return len(self.scores)

    def observed(self, is_first: ArrayLike) -> Statistics:
        """Return the statistics under one split, bool of shape (participants,), in float64."""
        statistics = self.permuted(np.asarray(is_first, dtype=bool)[:, None], dtype=np.float64)
        effect, z = statistics.effect[:, 0], statistics.z[:, 0]
        return Statistics(effect, np.where(np.isnan(effect) | (self.tie_factor == 0), np.nan, z))

    def permuted(self, labels: np.ndarray, start: int = 0, dtype: Any = None) -> Statistics:
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
        return Statistics(effect, z, start)


def check_memory(count: int, participants: int, memory_mb: int) -> None:
    """Raise MemoryError, with the memory needed, if ``count`` specifications in :func:`permuted_blocks` exceed the limit."""
    size = 4 if participants <= _EXACT_IN_FLOAT32 else 8
    needed = -(-size * count * (BLOCK * 5 + participants) // 2**20)
    if needed > memory_mb:
        raise MemoryError(f"robustness.memory_mb: {memory_mb} MB, but {count:,} specifications need {needed} MB")


def permuted_blocks(
    design: Design, labels: Labels, *, start: int = 0, stop: int | None = None, progress: Progress | None = None
) -> Iterator[Statistics]:
    """Yield the statistics of permutations ``start`` to ``stop`` block by block; call :func:`check_memory` first.

    ``progress`` is called with the number done and the total.
    """
    stop = labels.count if stop is None else stop
    edges = sorted({start, *range(-(-start // BLOCK) * BLOCK, stop, BLOCK), stop})
    for first, last in itertools.pairwise(edges):
        yield design.permuted(labels.take(first, last), first)
        if progress is not None:
            progress(last - start, stop - start)


class StepDown:
    """Count, for every specification, how often the permuted maximum of it and of less extreme ones reaches it.

    Westfall and Young's free step-down procedure (1993), algorithm 4.1; Ge, Dudoit and Speed (2003), TEST 12, 1-77, box
    2. Specifications with the same number are a ``family``. Within it, the observed ``|z|`` of a specification is
    compared with the largest permuted ``|z|`` of itself and all that are no more extreme; ties share one count. For the
    most extreme one this is the max-T test, the P-value of the best of a search; with one family each, the separate
    test of every specification. An observed NaN ranks last and has no P, but its permuted values enter the maximum.
    ``z``, ``family`` and ``counts`` have shape (specifications,).
    """

    def __init__(self, z: ArrayLike, family: ArrayLike = 0):
        size = np.abs(np.asarray(z, dtype=float))
        self._defined = ~np.isnan(size)
        family = np.broadcast_to(family, size.shape)
        ranked = np.where(self._defined, size, -1.0)
        self._order = np.lexsort((ranked, family))  # family by family, least extreme first
        ordered = ranked[self._order]
        new_family = np.diff(family[self._order], prepend=np.nan) != 0
        starts = np.flatnonzero(new_family | (np.diff(ordered, prepend=np.nan) > TOLERANCE * ordered))
        repeats = np.diff(np.append(starts, size.size))  # how many are equally extreme
        self._last = np.repeat(starts + repeats - 1, repeats)  # position of the last equally extreme one
        # Among equally extreme ones, the smallest determines the threshold.
        smallest = np.repeat(ordered[starts], repeats)
        self._threshold = np.where(smallest < 0, np.inf, smallest * (1 - TOLERANCE))[:, None]
        edges = itertools.pairwise([*np.flatnonzero(new_family), size.size])
        self._families = [slice(*edge) for edge in edges if edge[1] - edge[0] > 1]
        self.counts = np.zeros(size.size, dtype=np.int64)

    def add(self, block: Statistics) -> None:
        """Count the permutations of a block."""
        largest = np.abs(block.z[self._order])
        for family in self._families:
            np.maximum.accumulate(largest[family], axis=0, out=largest[family])
        self.counts[self._order] += (largest[self._last] >= self._threshold).sum(axis=1)

    def p(self, p_of: Callable[[np.ndarray], MonteCarloP]) -> MonteCarloP:
        """Return the P-values by ``p_of``, within a family never smaller than that of a more extreme specification."""
        counts = self.counts[self._order]
        for family in self._families:
            counts[family] = np.maximum.accumulate(counts[family][::-1])[::-1]
        *fields, permutations = p_of(counts[np.argsort(self._order)])
        return MonteCarloP._make([*(np.where(self._defined, field, np.nan) for field in fields), permutations])


class Joint:
    """Count, for every group of specifications, the permuted summaries that are at least as favourable as the observed.

    A specification with too few participants in an arm under a split is excluded from the summaries of that split.
    ``members``, bool of shape (groups, specifications), states which belong to a group. The summaries are the lower
    median of the effects, signed so that more than one half is favourable; the share of deviates of at least
    ``critical``; and the mean z. They are one half, 0 and 0 if no specification is usable. Simonsohn, Simmons and Nelson
    (2020), Nature Human Behaviour 4, 1208-1214.

    ``observed`` and ``counts``, shape (3, groups), hold the observed summaries (NaN for an empty group) and the number
    of permutations that reach them; ``significant`` and ``usable``, shape (groups,), the numbers of significant and of
    usable specifications, summed over all permutations.
    """

    SUMMARIES = ("median_effect", "share_significant", "mean_z")

    def __init__(self, observed: Statistics, members: ArrayLike, *, critical: float):
        self._members, self._critical = np.asarray(members, dtype=bool), critical
        groups = self._members & ~np.isnan(observed.z)
        self._summaries = np.full((3, len(groups)), np.nan)
        for number, group in enumerate(groups):
            if group.any():
                effect, z = observed.effect[group], observed.z[group]
                median = np.quantile(effect, 0.5, method="inverted_cdf")
                self._summaries[:, number] = median, (z >= critical).mean(), z.mean()
        self.observed = np.add(self._summaries, [[0.5], [0.0], [0.0]])
        self.counts = np.zeros(self.observed.shape, dtype=np.int64)
        self.significant, self.usable = np.zeros((2, len(groups)), dtype=np.int64)

    def add(self, block: Statistics) -> None:
        """Count the permutations of a block."""
        for number, (group, (median, share, mean)) in enumerate(zip(self._members, self._summaries.T, strict=True)):
            effect, z = block.effect[group], block.z[group]
            usable, significant = (~np.isnan(effect)).sum(axis=0), (z >= np.float32(self._critical)).sum(axis=0)
            # The lower median is at least m if more than half of the effects are at least m.
            favourable = (effect >= median - TOLERANCE * abs(median)).sum(axis=0)
            total = np.maximum(usable, 1)  # 0 of 1 if no specification is usable
            reached = (
                np.where(usable > 0, 2 * favourable > usable, median <= 0),
                significant / total >= share,
                z.sum(axis=0, dtype=float) / total >= mean - TOLERANCE,
            )
            self.counts[:, number] += np.sum(reached, axis=1)
            self.significant[number] += significant.sum()
            self.usable[number] += usable.sum()
