"""Settle what a workbook says twice: panels, repeated columns, samples, changes beside the values that make them."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass

import numpy as np

from ..participants import PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .faults import Faults
from .mapping import DATA, GROUPS, Plan
from .rows import Rows
from .values import Chunk


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


MOST_LISTED = 20


@dataclass
class Comparison:
    """What came of one comparison, as a claim about the workbook."""

    sheet: str
    cell: str
    outcome: str
    visit: str
    group: str
    compared: int
    agreeing: int
    note: str


def compare_given(chunks: list[Chunk], trial: Trial, faults: Faults) -> tuple[list[Chunk], list[dict]]:
    """Compare given changes with recomputed ones, and drop those that raw values make again.

    Returns
    -------
    list of Chunk
        Without given changes of participants who have both raw values, and without panels that repeat raw values.
    list of dict
        A comparison per column of given changes.
    """
    if all(chunk.linked and chunk.measure == VALUE for chunk in chunks):
        return chunks, []
    raw: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for chunk in chunks:
        if chunk.linked and chunk.measure == VALUE and chunk.plan.cohort == TRIAL and chunk.texts is None:
            raw[chunk.variable, chunk.visit].update(zip(chunk.participants, chunk.values.tolist(), strict=True))
    arm_of = {
        identity: arm
        for chunk in chunks
        if chunk.linked
        for identity, arm in zip(chunk.participants, chunk.arms, strict=True)
    }
    kept, comparisons = [], []
    for chunk in chunks:
        outcome = trial.outcomes.get(chunk.variable)
        made: dict[str, float] = {}
        if outcome is not None and chunk.measure == PERCENT_CHANGE:
            made = _changes(raw.get((chunk.variable, BASELINE), {}), raw.get((chunk.variable, chunk.visit), {}))
        elif outcome is not None and not chunk.linked:
            made = raw.get((chunk.variable, chunk.visit), {})
        if not made:
            kept.append(chunk)
        elif chunk.linked:
            comparisons.append(_compare_linked(chunk, made, trial, faults))
            chunk.keep(np.array([identity not in made for identity in chunk.participants], dtype=bool))
            kept += [chunk] if len(chunk.positions) else []
        else:
            comparisons.append(_compare_panel(chunk, made, arm_of, trial, faults))
    return kept, [asdict(comparison) for comparison in comparisons]


def _changes(baseline: dict[str, float], follow_up: dict[str, float]) -> dict[str, float]:
    return {
        identity: 100 * (value - baseline[identity]) / baseline[identity]
        for identity, value in follow_up.items()
        if baseline.get(identity, 0.0) > 0
    }


def _tolerance(values: np.ndarray) -> float:
    """Return half a unit of the last decimal that the values were written with."""
    decimals = max((len(f"{value:.10g}".partition(".")[2]) for value in values.tolist()), default=0)
    return 0.5 * 10.0**-decimals * (1 + 1e-6) + 1e-9


def _compare_linked(chunk: Chunk, made: dict[str, float], trial: Trial, faults: Faults) -> Comparison:
    tolerance = _tolerance(chunk.values)
    pairs = [
        (index, float(given), made[identity])
        for index, (identity, given) in enumerate(zip(chunk.participants, chunk.values, strict=True))
        if identity in made
    ]
    wrong = [p for p in pairs if abs(p[1] - p[2]) > max(tolerance, 1e-7 * abs(p[2]))]
    label = f"{trial.variable_label(chunk.variable)}, {trial.visits[chunk.visit].label}"
    note = ""
    if wrong:
        ratio = _common_ratio(wrong) if len(wrong) == len(pairs) else None
        note = f"all given changes are {ratio:g} times the recomputed ones" if ratio else "given changes differ"
        for index, given, recomputed in wrong[:MOST_LISTED]:
            faults.note(
                "given change",
                f"given percent change of {label}; raw values make {recomputed:.6g}; the raw values are used",
                sheet=chunk.plan.sheet,
                cell=chunk.address(index),
                value=given,
            )
        if ratio:
            faults.note("given change", f"{label}: {note}", sheet=chunk.plan.sheet, cell=chunk.header_cell)
    return Comparison(
        chunk.plan.sheet, chunk.header_cell, chunk.variable, chunk.visit, "", len(pairs), len(pairs) - len(wrong), note
    )


def _common_ratio(wrong: list[tuple[int, float, float]]) -> float | None:
    ratios = [given / made for _, given, made in wrong if made]
    if not ratios or not np.allclose(ratios, ratios[0], rtol=1e-3):
        return None
    return float(f"{ratios[0]:.3g}")


def _compare_panel(chunk: Chunk, made: dict[str, float], arm_of: dict, trial: Trial, faults: Faults) -> Comparison:
    """Compare a panel without ids with the recomputed values of its arms, as sorted lists."""
    arms = {arm for arm in chunk.arms if arm}
    pool = sorted(value for identity, value in made.items() if not arms or arm_of.get(identity) in arms)
    tolerance = _tolerance(chunk.values)
    matched, position = 0, 0
    for value in np.sort(chunk.values):
        while position < len(pool) and pool[position] < value - max(tolerance, 1e-7 * abs(value)):
            position += 1
        if position < len(pool) and abs(pool[position] - value) <= max(tolerance, 1e-7 * abs(value)):
            matched += 1
            position += 1
    group = ", ".join(sorted({s for s in chunk.strata if s} | set(arms)))
    label = f"{trial.variable_label(chunk.variable)}, {trial.visits[chunk.visit].label}"
    count = len(chunk.values)
    note = "" if matched == count else f"{count - matched} values of the panel are not among those of the participants"
    faults.note(
        "panel",
        f"{label} ({group or 'all participants'}): {matched} of {count} values agree with those of the participants on other "
        "sheets; the panel is not read twice",
        sheet=chunk.plan.sheet,
        cell=chunk.header_cell,
        value=chunk.column.label,
    )
    return Comparison(chunk.plan.sheet, chunk.header_cell, chunk.variable, chunk.visit, group, count, matched, note)
