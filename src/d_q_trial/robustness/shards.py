"""Counts over a range of the permutations of a multiverse, and the sum of such counts over all ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from ..files import atomic
from ..stats.labels import labels_for, shard_range
from ..stats.permutation import SUMMARIES, Curves, Joint, Pointwise, Progress, StepDown, run

if TYPE_CHECKING:
    from .multiverse import Prepared

CURVES = 499  # permutations of which the whole curve is kept
PLACES = 201  # along a curve


@dataclass(frozen=True)
class Counts:
    """How often permutations reached what was observed, over some range of the permutations.

    Attributes
    ----------
    identity : str
        Of the specifications, labels and families that were counted; counts of different identity do not add up.
    start, stop : int
        The range.
    total : int
        How many permutations there are in all.
    exhaustive : bool
        Whether these are all possible splits.
    step_down, pointwise : array of int, shape (tests,)
    joint : array of int, shape (3, families)
        In the order of ``SUMMARIES``.
    significant, usable : array of int, shape (families,)
        Specifications that were significant, and that had enough participants, added up over the permutations.
    curves : array of float, shape (places, kept permutations of the range)
    """

    identity: str
    start: int
    stop: int
    total: int
    exhaustive: bool
    step_down: np.ndarray
    pointwise: np.ndarray
    joint: np.ndarray
    significant: np.ndarray
    usable: np.ndarray
    curves: np.ndarray

    def write(self, path: Path | str) -> None:
        """Write the counts into one file, whole or not at all."""
        with atomic(path) as temporary:
            np.savez(temporary, **vars(self))


def write_nothing(path: Path | str) -> None:
    """Write the file of a shard where there is nothing to count."""
    with atomic(path) as temporary:
        np.savez(temporary)


def read_counts(path: Path | str) -> Counts | None:
    """Read what :meth:`Counts.write` or :func:`write_nothing` wrote."""
    with np.load(path, allow_pickle=False) as content:
        values = {name: value if value.ndim else value.item() for name, value in content.items()}
    return Counts(**values) if values else None


def count(
    prepared: Prepared,
    *,
    permutations: int,
    seed: int,
    shard: int = 1,
    shards: int = 1,
    memory_mb: int = 512,
    progress: Progress | None = None,
) -> Counts:
    """Permute the arm labels of all specifications together, for one shard of the permutations.

    Parameters
    ----------
    prepared : Prepared
        With specifications.
    permutations, seed : int
        How many random splits; all splits if there are no more than that.
    shard, shards : int
        Which part of the permutations, from 1, and how many parts there are.
    memory_mb : int
        Bound on the memory; it changes no number.
    progress : callable, optional
        Called with the permutations done and those to do.

    Raises
    ------
    ValueError
        If the memory does not suffice; the message says what would.
    """
    every = prepared.specifications
    observed = every.design.observed(every.is_first)
    labels = labels_for(every.is_first, permutations, seed)
    start, stop = shard_range(labels.count, shard, shards)
    step_down, pointwise = StepDown(observed.z), Pointwise(observed.z)
    weights = np.array([every.weights_of(family.members) for family in prepared.families])
    joint = Joint(observed, weights, critical=prepared.critical)
    kept = min(CURVES, labels.count)
    curves = Curves(every.weights, curves=kept, places=PLACES)
    first, last = min(start, kept), min(stop, kept)
    # Few permutations with much to keep, and many with little: apart, both use the memory well.
    run(every.design, labels, [curves], start=first, stop=last, memory_mb=memory_mb)
    rest = {"start": start, "stop": stop, "memory_mb": memory_mb, "progress": progress}
    run(every.design, labels, [step_down, pointwise, joint], **rest)
    identity = hashlib.sha256()
    for array in (every.design.scores, every.design.continuity, every.is_first, weights):
        identity.update(np.ascontiguousarray(array).tobytes())
    settings = (every.design.minimum_per_arm, labels.count, labels.exhaustive, seed, prepared.critical)
    identity.update(repr(settings).encode())
    return Counts(
        identity=identity.hexdigest(),
        start=start,
        stop=stop,
        total=labels.count,
        exhaustive=labels.exhaustive,
        step_down=step_down.counts,
        pointwise=pointwise.counts,
        joint=np.array([joint.counts[name] for name in SUMMARIES]),
        significant=joint.significant,
        usable=joint.usable,
        curves=curves.values[:, first:last],
    )


def read_and_add_up(paths: Sequence[Path | str]) -> Counts:
    """Read the counts of all shards and add them up; a shard without counts is a :class:`UserError`."""
    parts = []
    for path in paths:
        part = read_counts(path)
        if part is None:
            raise UserError(f"{path}: holds no counts; delete it and run again")
        parts.append(part)
    return add_up(parts, [str(path) for path in paths])


def add_up(parts: Sequence[Counts], names: Sequence[str] | None = None) -> Counts:
    """Add up the counts of all shards.

    Raises
    ------
    UserError
        If a part belongs to other specifications, or a range is missing or there twice.
    """
    names = names or [f"part {number}" for number in range(1, len(parts) + 1)]
    pairs = sorted(zip(parts, names, strict=True), key=lambda pair: pair[0].start)
    reached = 0
    for part, name in pairs:
        if part.identity != pairs[0][0].identity or part.total != pairs[0][0].total:
            raise UserError(f"{name}: counts of other specifications than {pairs[0][1]}; delete both and run again")
        if part.start != reached:
            raise UserError(f"{name}: begins at permutation {part.start:,}, expected {reached:,}")
        reached = part.stop
    parts = [part for part, _ in pairs]
    if reached != parts[0].total:
        raise UserError(f"{pairs[-1][1]}: ends at permutation {reached:,} of {parts[0].total:,}; a part is missing")
    summed = {
        name: np.sum([getattr(part, name) for part in parts], axis=0)
        for name in ("step_down", "pointwise", "joint", "significant", "usable")
    }
    return replace(parts[0], stop=reached, curves=np.concatenate([part.curves for part in parts], axis=1), **summed)
