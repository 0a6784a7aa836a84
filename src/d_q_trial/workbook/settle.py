"""Settle what a workbook says twice: panels, repeated columns, samples, summaries."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from ..participants import PERCENT_CHANGE, POPULATION
from ..trial import BASELINE, Trial
from .extract import Chunk
from .faults import Faults
from .plan import DATA, GROUPS, Plan
from .rows import Rows


def settle_population(chunks: list[Chunk], trial: Trial, faults: Faults) -> list[Chunk]:
    """Keep one of several blocks that give the same population sample, and say what was taken for it."""
    plans = list({id(c.plan): c.plan for c in chunks if c.plan.cohort == POPULATION}.values())
    sample: set[tuple] = set()
    repeated = []
    for plan in plans:
        own = [c for c in chunks if c.plan is plan]
        values = tuple(sorted((c.variable, tuple(np.sort(c.values))) for c in own))
        if values in sample:
            faults.note("population", "repeats another sheet; not read twice", sheet=plan.sheet)
            repeated.append(plan)
            continue
        sample.add(values)
        people = {identity for c in own for identity in c.participants}
        label = trial.population.label if trial.population else "sample"
        faults.note("population", f"{len(people)} people without an arm: read as the {label}", sheet=plan.sheet)
    return [c for c in chunks if not any(c.plan is plan for plan in repeated)]


def one_value_per_group(plan: Plan, rows: Rows) -> bool:
    """Tell whether a block without ids holds one value per group: summaries such as medians, not participants."""
    if plan.kind != GROUPS:
        return False
    said = zip(rows.variables, rows.visits, rows.arms, rows.strata, strict=True)
    down = Counter(entry for entry, used in zip(said, rows.use, strict=True) if used)
    across = Counter((c.variable, c.visit, c.arm, c.stratum, c.measure) for c in plan.having(DATA))
    return bool(down and across) and max(down.values()) * max(across.values()) == 1


def drop_zero_baselines(chunks: list[Chunk], faults: Faults) -> list[Chunk]:
    """Leave out columns that give the change at baseline, which is zero by definition."""
    kept = []
    for chunk in chunks:
        changes = PERCENT_CHANGE in (chunk.plan.measure, chunk.column.measure)
        if changes and chunk.visit == BASELINE and chunk.texts is None and not chunk.values.any():
            faults.note(
                "zero baseline",
                "changes at baseline are zero by definition; not read",
                sheet=chunk.plan.sheet,
                cell=chunk.header_cell,
                value=chunk.column.label,
            )
        else:
            kept.append(chunk)
    return kept


def settle_panels(chunks: list[Chunk], trial: Trial, faults: Faults) -> list[Chunk]:
    """Keep one of several panels that show the same group; panels that differ are a fault."""
    groups: dict[tuple, dict[int, list[tuple[Chunk, int]]]] = defaultdict(lambda: defaultdict(list))
    for chunk in chunks:
        if not chunk.linked:
            for index, (arm, stratum) in enumerate(zip(chunk.arms, chunk.strata, strict=True)):
                marker = chunk.marker if stratum else ""
                key = (chunk.variable, chunk.visit, chunk.measure, marker, stratum, arm)
                groups[key][id(chunk.plan)].append((chunk, index))
    dropped: dict[int, set[int]] = defaultdict(set)
    for key, plans in groups.items():
        first, *others = plans.values()
        for other in others:
            same = _values(first) == _values(other)
            chunk, index = other[0]
            what = ", ".join(filter(None, [_label(trial, key[0]), trial.visits[key[1]].label, key[4], key[5]]))
            where = f"{first[0][0].plan.sheet}!{first[0][0].header_cell}"
            place = {"sheet": chunk.plan.sheet, "cell": chunk.header_cell, "value": chunk.column.label}
            if same:
                faults.note("repeated panel", f"{what}: the same values as at {where}; read once", **place)
            else:
                faults.error("two panels", f"{what}: other values than at {where}; choose one in the mapping", **place)
            for chunk, index in other:
                dropped[id(chunk)].add(index)
    for chunk in chunks:
        if not chunk.linked:
            drop = dropped.get(id(chunk), set())
            keep = np.array([index not in drop for index in range(len(chunk.positions))], dtype=bool)
            if chunk.linked is False and not keep.all():
                chunk.keep(keep)
            if not any(chunk.strata):
                chunk.marker = ""
    return [chunk for chunk in chunks if len(chunk.positions)]


def _values(entries: list[tuple[Chunk, int]]) -> list[float]:
    return sorted(float(chunk.values[index]) for chunk, index in entries)


def settle_repeats(chunks: list[Chunk], trial: Trial, faults: Faults) -> list[Chunk]:
    """Keep one of each value that is said twice; values that differ are a fault."""
    groups: dict[tuple, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        if chunk.linked:
            key = (chunk.plan.cohort, chunk.variable, chunk.visit, chunk.measure)
            groups[key].append(chunk)
    unique: dict[int, bool] = {}  # columns of a block share their list of participants
    for group in groups.values():
        seen: dict[str, tuple[float, Chunk, int]] = {}
        for chunk in group:
            people = chunk.participants
            if id(people) not in unique:
                unique[id(people)] = len(set(people)) == len(people)
            if len(group) > 1 or not unique[id(people)]:
                _settle_one(chunk, seen, trial, faults)
    return [chunk for chunk in chunks if len(chunk.positions)]


def _settle_one(chunk: Chunk, seen: dict, trial: Trial, faults: Faults) -> None:
    keep = np.ones(len(chunk.positions), dtype=bool)
    differing: dict[int, list[tuple[int, str, float, str]]] = defaultdict(list)
    repeated = 0
    # What does not change is repeated on each row of a long table; what belongs to a visit should stand there once.
    visits = chunk.variable in trial.outcomes and bool(trial.outcomes[chunk.variable].follow_up)
    for index, identity in enumerate(chunk.participants):
        value = float(chunk.values[index])
        if identity not in seen:
            seen[identity] = (value, chunk, index)
            continue
        known, other, place = seen[identity]
        keep[index] = False
        if known == value or (chunk.texts and other.texts and chunk.texts[index] == other.texts[place]):
            repeated += other is not chunk or visits
        else:
            differing[id(other)].append((index, identity, known, f"{other.plan.sheet}!{other.address(place)}"))
    others = {id(other): other for _, other, _ in seen.values()}
    label = f"{_label(trial, chunk.variable)}, {trial.visits[chunk.visit].label}"
    for key, entries in differing.items():
        other = others.get(key, chunk)
        index, identity, known, where = entries[0]
        if other is chunk:
            for index, identity, known, where in entries:
                faults.error(
                    "second value",
                    f"second value of {label} for participant {identity}; {where} has {known:.10g}",
                    sheet=chunk.plan.sheet,
                    cell=chunk.address(index),
                    value=float(chunk.values[index]),
                )
            continue
        faults.error(
            "two columns",
            f"second column for {label}; {other.plan.sheet}!{other.header_cell} has other values for "
            f"{len(entries)} participants, first {identity} ({known:.10g} at {where}, here "
            f"{float(chunk.values[index]):.10g} at {chunk.address(index)}); choose one in the mapping",
            sheet=chunk.plan.sheet,
            cell=chunk.header_cell,
            value=chunk.column.label,
        )
    if repeated:
        faults.note(
            "repeated",
            f"{label} repeated with equal values for {repeated} participants; read once",
            sheet=chunk.plan.sheet,
            cell=chunk.header_cell,
            value=chunk.column.label,
        )
    if not keep.all():
        chunk.keep(keep)


def _label(trial: Trial, key: str) -> str:
    return trial.variable_label(key) if key in trial.outcomes or key in trial.markers else key
