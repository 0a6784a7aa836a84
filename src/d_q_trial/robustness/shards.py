"""Counts over a range of the permutations of a multiverse, and the sum of such counts over all ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files import atomic
from ..stats.labels import Labels, labels_for, shard_range
from ..stats.permutation import SUMMARIES, Curves, Joint, Pointwise, Progress, StepDown, run
from .families import SpecificationFamily
from .specifications import Specifications

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
    significant : array of int, shape (families,)
        Significant specifications, added up over the permutations.
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
    specifications: Specifications,
    families: Sequence[SpecificationFamily],
    *,
    critical: float,
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
    specifications : Specifications
    families : sequence of SpecificationFamily
        Groups of specifications that are summarized together.
    permutations, seed : int
        How many random splits; all splits if there are no more than that.
    critical : float
        Deviate above which a specification is significant in the favoured direction.
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
    design = specifications.design
    observed = design.observed(specifications.is_first)
    labels = labels_for(specifications.is_first, permutations, seed)
    start, stop = shard_range(labels.count, shard, shards)
    step_down, pointwise = StepDown(observed.z), Pointwise(observed.z)
    weights = np.array([specifications.weights_of(family.members) for family in families])
    joint = Joint(observed, weights, critical=critical)
    kept = min(CURVES, labels.count)
    curves = Curves(specifications.weights, curves=kept, places=PLACES)
    first, last = min(start, kept), min(stop, kept)
    # Few permutations with much to keep, and many with little: apart, both use the memory well.
    run(design, labels, [curves], start=first, stop=last, memory_mb=memory_mb)
    rest = {"start": start, "stop": stop, "memory_mb": memory_mb, "progress": progress}
    run(design, labels, [step_down, pointwise, joint], **rest)
    return Counts(
        identity=_identity(specifications, labels, weights, seed, critical),
        start=start,
        stop=stop,
        total=labels.count,
        exhaustive=labels.exhaustive,
        step_down=step_down.counts,
        pointwise=pointwise.counts,
        joint=np.array([joint.counts[name] for name in SUMMARIES]),
        significant=joint.significant,
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
    whole = parts[0]
    if reached != whole.total:
        raise UserError(f"{pairs[-1][1]}: ends at permutation {reached:,} of {whole.total:,}; a part is missing")

    def total(name: str) -> np.ndarray:
        return np.sum([getattr(part, name) for part in parts], axis=0)

    return Counts(
        identity=whole.identity,
        start=0,
        stop=whole.total,
        total=whole.total,
        exhaustive=whole.exhaustive,
        step_down=total("step_down"),
        pointwise=total("pointwise"),
        joint=total("joint"),
        significant=total("significant"),
        curves=np.concatenate([part.curves for part in parts], axis=1),
    )


def _identity(
    specifications: Specifications,
    labels: Labels,
    weights: np.ndarray,
    seed: int,
    critical: float,
) -> str:
    digest = hashlib.sha256()
    design = specifications.design
    for array in (design.scores, design.continuity, specifications.is_first, weights):
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(repr((design.minimum_per_arm, labels.count, labels.exhaustive, seed, critical)).encode())
    return digest.hexdigest()
