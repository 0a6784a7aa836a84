"""Settle what a workbook says twice: panels, repeated columns, samples, changes beside the values that make them."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from ..participants import PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .faults import Faults
from .mapping import DATA, GROUPS, Plan
from .rows import Rows
from .values import Chunk

MOST_LISTED = 20


def label_of(trial: Trial, chunk: Chunk) -> str:
    """Return what a chunk holds, in words."""
    known = chunk.variable in trial.outcomes or chunk.variable in trial.markers
    variable = trial.variable_label(chunk.variable) if known else chunk.variable
    return f"{variable}, {trial.visits[chunk.visit].label}"


def settle_population(chunks: list[Chunk], trial: Trial, faults: Faults) -> list[Chunk]:
    """Keep one of several blocks that give the same population sample, and ask about blocks that share people with it."""
    plans = list({id(c.plan): c.plan for c in chunks if c.plan.cohort == POPULATION}.values())
    sample: list[tuple[Plan, Counter]] = []
    repeated = []
    for plan in plans:
        own = [c for c in chunks if c.plan is plan]
        rows: dict[str, list] = defaultdict(list)
        for chunk in own:
            for person, value in zip(chunk.participants, chunk.values.tolist(), strict=True):
                rows[person].append((chunk.variable, value))
        people = Counter(tuple(sorted(values)) for values in rows.values())
        place = {"sheet": plan.sheet, "cell": plan.block.range}
        other = next(
            (p for p, known in sample if 2 * (people & known).total() > min(people.total(), known.total())), None
        )
        if other and people == next(known for p, known in sample if p is other):
            faults.note("population", "repeats another sheet; not read twice", sheet=plan.sheet)
            repeated.append(plan)
            continue
        if other:
            what = f"most people without ids here are on {other.sheet}!{other.block.range} too; list one block in the mapping"
            faults.error("population", what, **place)
        sample.append((plan, people))
        label = trial.population.label if trial.population else "sample"
        faults.note("population", f"{len(rows)} people without an arm: read as the {label}", sheet=plan.sheet)
    return [c for c in chunks if not any(c.plan is plan for plan in repeated)]


def one_value_per_group(plan: Plan, rows: Rows) -> bool:
    """Return whether a block without ids holds one value per group: summaries such as medians, not participants."""
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
            faults.note("zero baseline", "changes at baseline are zero by definition; not read", **chunk.head)
        else:
            kept.append(chunk)
    return kept


def settle_panels(chunks: list[Chunk], trial: Trial, faults: Faults) -> list[Chunk]:
    """Keep one of several panels that show the same group; panels that differ are a fault."""
    groups: dict[tuple, dict[int, list[tuple[Chunk, int]]]] = defaultdict(lambda: defaultdict(list))
    for chunk in (c for c in chunks if not c.linked):
        for index, (arm, stratum) in enumerate(zip(chunk.arms, chunk.strata, strict=True)):
            key = (chunk.variable, chunk.visit, chunk.measure, chunk.marker if stratum else "", stratum, arm)
            groups[key][id(chunk.plan)].append((chunk, index))
    dropped: dict[int, set[int]] = defaultdict(set)
    for key, plans in groups.items():
        first, *others = (
            [sorted(float(chunk.values[index]) for chunk, index in entries), entries] for entries in plans.values()
        )
        for values, entries in others:
            chunk = entries[0][0]
            what = ", ".join(filter(None, [label_of(trial, chunk), key[4], key[5]]))
            head = first[1][0][0].head
            where = f"{head['sheet']}!{head['cell']}"
            if values == first[0]:
                faults.note("repeated panel", f"{what}: the same values as at {where}; read once", **chunk.head)
            else:
                what = f"{what}: other values than at {where}; choose one in the mapping"
                faults.error("two panels", what, **chunk.head)
            for chunk, index in entries:
                dropped[id(chunk)].add(index)
    for chunk in (c for c in chunks if not c.linked):
        if drop := dropped.get(id(chunk)):
            chunk.keep(np.array([index not in drop for index in range(len(chunk.positions))], dtype=bool))
        if not any(chunk.strata):
            chunk.marker = ""
    return [chunk for chunk in chunks if len(chunk.positions)]


def settle_repeats(chunks: list[Chunk], trial: Trial, faults: Faults) -> list[Chunk]:
    """Keep one of each value that is said twice; values that differ are a fault."""
    groups: dict[tuple, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        if chunk.linked:
            groups[chunk.plan.cohort, chunk.variable, chunk.visit, chunk.measure].append(chunk)
    for group in groups.values():
        seen: dict[str, tuple[float, Chunk, int]] = {}
        for chunk in group:
            _settle_one(chunk, seen, trial, faults)
    return [chunk for chunk in chunks if len(chunk.positions)]


def _settle_one(chunk: Chunk, seen: dict[str, tuple[float, Chunk, int]], trial: Trial, faults: Faults) -> None:
    keep = np.ones(len(chunk.positions), dtype=bool)
    differing: dict[int, list[tuple[int, str]]] = defaultdict(list)
    repeated = 0
    # What does not change is repeated on each row of a long table; what belongs to a visit should stand there once.
    visits = chunk.variable in trial.outcomes and bool(trial.outcomes[chunk.variable].follow_up)
    for index, identity in enumerate(chunk.participants):
        value = float(chunk.values[index])
        known, other, place = seen.setdefault(identity, (value, chunk, index))
        if other is chunk and place == index:
            continue
        keep[index] = False
        if known == value or (chunk.texts and other.texts and chunk.texts[index] == other.texts[place]):
            repeated += other is not chunk or visits
        else:
            differing[id(other)].append((index, identity))
    label = label_of(trial, chunk)
    for entries in differing.values():
        index, identity = entries[0]
        other = seen[identity][1]
        for index, identity in entries if other is chunk else entries[:1]:
            known, _, place = seen[identity]
            where = f"{other.plan.sheet}!{other.at(place)['cell']}"
            if other is chunk:
                what = f"second value of {label} for participant {identity}; {where} has {known:.10g}"
                faults.error("second value", what, **chunk.at(index))
            else:
                here = chunk.at(index)
                faults.error(
                    "two columns",
                    f"second column for {label}; {other.plan.sheet}!{other.head['cell']} has other values for "
                    f"{len(entries)} participants, first {identity} ({known:.10g} at {where}, here "
                    f"{here['value']:.10g} at {here['cell']}); choose one in the mapping",
                    **chunk.head,
                )
    if repeated:
        what = f"{label} repeated with equal values for {repeated} participants; read once"
        faults.note("repeated", what, **chunk.head)
    if not keep.all():
        chunk.keep(keep)


def compare_given(chunks: list[Chunk], trial: Trial, faults: Faults) -> tuple[list[Chunk], list[dict[str, Any]]]:
    """Compare given changes with recomputed ones, and drop those that raw values make again.

    Returns
    -------
    list of Chunk
        Without given changes of participants who have both raw values, and without panels that repeat raw values.
    list of dict
        A comparison per column of given changes.
    """
    raw: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    arm_of: dict[str, str | None] = {}
    for chunk in (c for c in chunks if c.linked):
        arm_of |= dict(zip(chunk.participants, chunk.arms, strict=True))
        if chunk.measure == VALUE and chunk.plan.cohort == TRIAL and chunk.texts is None:
            raw[chunk.variable, chunk.visit].update(zip(chunk.participants, chunk.values.tolist(), strict=True))
    kept, comparisons = [], []
    for chunk in chunks:
        made: dict[str, float] = {}
        later = raw.get((chunk.variable, chunk.visit), {})
        if chunk.variable in trial.outcomes and chunk.measure == PERCENT_CHANGE:
            first = raw.get((chunk.variable, BASELINE), {})
            made = {i: 100 * (value - first[i]) / first[i] for i, value in later.items() if first.get(i, 0.0) > 0}
        elif chunk.variable in trial.outcomes and not chunk.linked:
            made = later
        if not made:
            kept.append(chunk)
        elif chunk.linked:
            comparisons.append(_compare_linked(chunk, made, trial, faults))
            chunk.keep(np.array([identity not in made for identity in chunk.participants], dtype=bool))
            kept += [chunk] if len(chunk.positions) else []
        else:
            comparisons.append(_compare_panel(chunk, made, arm_of, trial, faults))
    return kept, comparisons


def _comparison(chunk: Chunk, group: str, compared: int, agreeing: int, note: str) -> dict[str, Any]:
    return {
        "sheet": chunk.plan.sheet,
        "cell": chunk.head["cell"],
        "outcome": chunk.variable,
        "visit": chunk.visit,
        "group": group,
        "compared": compared,
        "agreeing": agreeing,
        "note": note,
    }


def _tolerance(values: np.ndarray) -> float:
    """Return half a unit of the last decimal that the values were written with."""
    decimals = max((len(f"{value:.10g}".partition(".")[2]) for value in values.tolist()), default=0)
    return 0.5 * 10.0**-decimals * (1 + 1e-6) + 1e-9


def _compare_linked(chunk: Chunk, made: dict[str, float], trial: Trial, faults: Faults) -> dict[str, Any]:
    tolerance = _tolerance(chunk.values)
    pairs = [
        (index, float(given), made[identity])
        for index, (identity, given) in enumerate(zip(chunk.participants, chunk.values, strict=True))
        if identity in made
    ]
    wrong = [p for p in pairs if abs(p[1] - p[2]) > max(tolerance, 1e-7 * abs(p[2]))]
    label = label_of(trial, chunk)
    note = "given changes differ" if wrong else ""
    for index, _, recomputed in wrong[:MOST_LISTED]:
        what = f"given percent change of {label}; raw values make {recomputed:.6g}; the raw values are used"
        faults.note("given change", what, **chunk.at(index))
    ratios = [given / recomputed for _, given, recomputed in wrong if recomputed]
    if ratios and len(wrong) == len(pairs) and np.allclose(ratios, ratios[0], rtol=1e-3):
        note = f"all given changes are {float(f'{ratios[0]:.3g}'):g} times the recomputed ones"
        faults.note("given change", f"{label}: {note}", **chunk.head | {"value": ""})
    return _comparison(chunk, "", len(pairs), len(pairs) - len(wrong), note)


def _compare_panel(chunk: Chunk, made: dict[str, float], arm_of: dict, trial: Trial, faults: Faults) -> dict[str, Any]:
    """Compare a panel without ids with the recomputed values of its arms, as sorted lists."""
    arms = {arm for arm in chunk.arms if arm}
    pool = sorted(value for identity, value in made.items() if not arms or arm_of.get(identity) in arms)
    tolerance = _tolerance(chunk.values)
    matched, position = 0, 0
    for value in np.sort(chunk.values):
        near = max(tolerance, 1e-7 * abs(value))
        while position < len(pool) and pool[position] < value - near:
            position += 1
        if position < len(pool) and abs(pool[position] - value) <= near:
            matched += 1
            position += 1
    group = ", ".join(sorted({s for s in chunk.strata if s} | arms))
    count = len(chunk.values)
    note = "" if matched == count else f"{count - matched} values of the panel are not among those of the participants"
    faults.note(
        "panel",
        f"{label_of(trial, chunk)} ({group or 'all participants'}): {matched} of {count} values agree with those of the "
        "participants on other sheets; the panel is not read twice",
        **chunk.head,
    )
    return _comparison(chunk, group, count, matched, note)
