"""Join what was read from all blocks by participant, and settle what is said twice."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from ..participants import COLUMNS, PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .cells import EMPTY, column_letters
from .extract import Chunk
from .faults import Faults
from .plan import ARM, DATA, GROUPS, PARTICIPANT, PARTICIPANTS, STRATUM, Plan
from .rows import Rows

Arms = dict[str, tuple[str, Plan, int, int]]  # participant -> arm, and the block, row and column that say so
MOST_TOLD = 10


def crossed_ids(plan: Plan, rows: Rows) -> None:
    """Take ids for row numbers where the same one stands beside values of several arms."""
    by_arm = defaultdict(list)
    for column in plan.having(DATA):
        if column.arm:
            by_arm[column.arm].append(column.index)
    if len(by_arm) < 2 or not any(rows.ids):
        return
    for row in plan.block.values[plan.header.first_data :]:
        if sum(any(row[c] != EMPTY for c in columns) for columns in by_arm.values()) > 1:
            plan.kind = GROUPS
            plan.evidence = "groups side by side; the ids are row numbers"
            rows.ids = [None] * len(rows.ids)
            return


def duplicate_rows(plan: Plan, rows: Rows, faults: Faults) -> None:
    """Tell of participants with more than one row where each has one."""
    if plan.kind != PARTICIPANTS or len(set(rows.ids)) == len(rows.ids):
        return
    column = plan.one("participant")
    first: dict[str, int] = {}
    for position, identity in enumerate(rows.ids):
        if identity is None or not rows.use[position]:
            continue
        if identity in first:
            place = plan.block.address(plan.header.first_data + position, column.index)
            other = plan.block.address(plan.header.first_data + first[identity], column.index)
            faults.error(
                "duplicate participant",
                f"participant has a row already at {other}; expected one row each",
                sheet=plan.sheet,
                cell=place,
                value=identity,
            )
            rows.use[position] = False
        else:
            first[identity] = position


def learn_arms(plan: Plan, rows: Rows, arms: Arms, faults: Faults) -> None:
    """Note each participant's arm, and tell of those who change it."""
    column = plan.one(ARM)
    index = column.index if column else 0
    for position, (identity, arm) in enumerate(zip(rows.ids, rows.arms, strict=True)):
        if identity is None or arm is None or not rows.use[position]:
            continue
        known = arms.setdefault(identity, (arm, plan, position, index))
        if known[0] != arm:
            _arm_changed(identity, arm, known, plan, position, index, faults)


def _arm_changed(identity, arm, known, plan: Plan, position: int, index: int, faults: Faults) -> None:
    other = known[1].block.address(known[1].header.first_data + known[2], known[3])
    faults.error(
        "arm changed",
        f"participant {identity} is in arm {known[0]} at {known[1].sheet}!{other}",
        sheet=plan.sheet,
        cell=plan.block.address(plan.header.first_data + position, index),
        value=arm,
    )


def learn_arms_of_titles(plan: Plan, rows: Rows, arms: Arms, faults: Faults) -> None:
    """Note arms that a column's header, a title or a sheet's name gives to participants with ids."""
    by_arm = {column.index: column.arm for column in plan.having(DATA) if column.arm}
    if not any(rows.ids) or not (by_arm or plan.arm) or plan.kind == GROUPS or plan.one(ARM):
        return
    first = plan.header.first_data
    for position, identity in enumerate(rows.ids):
        if identity is None or not rows.use[position] or rows.arms[position]:
            continue
        row = plan.block.values[first + position]
        column, arm = next(((c, a) for c, a in by_arm.items() if row[c] != EMPTY), (0, plan.arm))
        if arm is None:
            continue
        known = arms.setdefault(identity, (arm, plan, position, column))
        if known[0] != arm:
            _arm_changed(identity, arm, known, plan, position, column, faults)


def give_arms(plan: Plan, rows: Rows, arms: Arms) -> None:
    """Give each row with an id its participant's arm."""
    if plan.cohort == POPULATION:
        people = {identity for identity in rows.ids if identity}
        if not people or 2 * len(people & arms.keys()) < len(people):
            return
        plan.cohort = TRIAL
    rows.arms = [
        arms[identity][0] if identity in arms else arm for identity, arm in zip(rows.ids, rows.arms, strict=True)
    ]


def check_every_arm(chunks: list[Chunk], known: set[str], trial: Trial, faults: Faults) -> None:
    """Tell of participants without an arm, once each, but for those who are told of already."""
    linked = [chunk for chunk in chunks if chunk.linked and chunk.plan.cohort != POPULATION]
    if linked and not known and not any(arm for chunk in linked for arm in chunk.arms[:1000]):
        chunk = linked[0]
        expected = " or ".join(arm.label for arm in trial.analysed_arms.values())
        faults.error(
            "no arm",
            f"nobody has an arm; expected a column of arms ({expected}) here or on a sheet with the same ids",
            sheet=chunk.plan.sheet,
            cell=chunk.plan.block.range,
        )
        return
    told: set[str] = set()
    complete: set[int] = set()  # lists that columns of a block share
    for chunk in chunks:
        if not chunk.linked or chunk.plan.cohort == POPULATION or id(chunk.arms) in complete:
            continue
        if None not in chunk.arms:
            complete.add(id(chunk.arms))
            continue
        for index, identity in enumerate(chunk.participants):
            if chunk.arms[index] is None and identity not in known | told:
                told.add(identity)
                faults.error(
                    "no arm",
                    "participant has no arm on any sheet",
                    sheet=chunk.plan.sheet,
                    cell=chunk.address(index),
                    value=identity,
                )


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


def check_linked(plans: list[Plan], faults: Faults) -> None:
    """Tell of several tables of participants of which one has no ids: their rows cannot be joined."""
    own = [plan for plan in plans if plan.kind == PARTICIPANTS and plan.cohort != POPULATION and plan.having(DATA)]
    for plan in own if len(own) > 1 else ():
        if plan.one(PARTICIPANT) is None:
            faults.error(
                "no ids",
                "a table of participants without recognised ids beside others; expected a column such as Participant ID "
                "(if a column holds them, say so in the mapping)",
                sheet=plan.sheet,
                cell=plan.block.range,
            )


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
    for index, identity in enumerate(chunk.participants):
        value = float(chunk.values[index])
        if identity not in seen:
            seen[identity] = (value, chunk, index)
            continue
        known, other, place = seen[identity]
        keep[index] = False
        if known == value or (chunk.texts and other.texts and chunk.texts[index] == other.texts[place]):
            repeated += other is not chunk
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


def stratum_chunks(plan: Plan, rows: Rows) -> list[Chunk]:
    """Return the column of strata of a block with ids, as text under the column's own name."""
    column = plan.one(STRATUM)
    if column is None or plan.kind == GROUPS or not any(rows.ids):
        return []
    first: dict[str, int] = {}
    for position, (identity, stratum) in enumerate(zip(rows.ids, rows.strata, strict=True)):
        if identity and stratum and rows.use[position]:
            first.setdefault(identity, position)
    positions = np.array(sorted(first.values()), dtype=int)
    texts = [str(rows.strata[i]) for i in positions]
    return [
        Chunk(
            plan, column, column.label or "stratum", "baseline", VALUE, column.marker or "", positions,
            np.full(len(positions), np.nan), [str(rows.ids[i]) for i in positions],
            [rows.arms[i] for i in positions], [None] * len(positions), True, texts,
        )
    ]  # fmt: skip


def make_frame(chunks: list[Chunk]):
    """Return the long table of all values, with the columns of ``participants.COLUMNS``.

    The columns of text are put together as Arrow arrays, which chunks of equal content share: a hundred thousand
    participants with fifty columns make five million rows.
    """
    import pyarrow as pa
    from pyarrow import compute

    parts: dict[str, list] = {name: [] for name in COLUMNS}
    constants: dict[tuple[str, int], pa.Array] = {}
    lists: dict[int, pa.Array] = {}
    numbers: dict[int, pa.Array] = {}
    alive = []  # keeps the lists in the cache from being replaced by others at the same address

    def constant(value: str, count: int):
        key = (value, count)
        if key not in constants:
            constants[key] = pa.repeat(pa.scalar(value, pa.large_string()), count)
        return constants[key]

    def texts(values: list):
        if id(values) not in lists:
            alive.append(values)
            lists[id(values)] = compute.fill_null(pa.array(values, pa.large_string()), "")
        return lists[id(values)]

    for chunk in chunks:
        count = len(chunk.positions)
        parts["cohort"].append(constant(chunk.plan.cohort, count))
        parts["participant"].append(texts(chunk.participants))
        parts["linked"].append(pa.array(np.full(count, chunk.linked)))
        parts["arm"].append(texts(chunk.arms))
        parts["marker"].append(constant(chunk.marker, count))
        parts["stratum"].append(constant("", count) if chunk.linked else texts(chunk.strata))
        parts["variable"].append(constant(chunk.variable, count))
        parts["visit"].append(constant(chunk.visit, count))
        parts["measure"].append(constant(chunk.measure, count))
        parts["value"].append(pa.array(np.asarray(chunk.values, dtype=float)))
        parts["text"].append(texts(chunk.texts) if chunk.texts else constant("", count))
        parts["sheet"].append(constant(chunk.plan.sheet, count))
        parts["cell"].append(_cells(chunk, numbers))
    types = {"linked": pa.bool_(), "value": pa.float64()}
    columns = {
        name: pa.chunked_array(values, type=types.get(name, pa.large_string())) for name, values in parts.items()
    }
    frame = pa.table(columns).to_pandas()
    return frame.astype({"linked": bool, "value": float})


def _cells(chunk: Chunk, numbers: dict):
    """Return the addresses of a chunk's values; the texts of row numbers are made once per block."""
    import pyarrow as pa
    from pyarrow import compute

    block = chunk.plan.block
    if block.transposed or len(chunk.positions) < 1000:
        return pa.array([chunk.address(index) for index in range(len(chunk.positions))], pa.large_string())
    if id(block) not in numbers:
        rows = [block.sheet.row_numbers[block.place(row, 0)[0]] + 1 for row in range(block.height)]
        numbers[id(block)] = pa.array(rows).cast(pa.large_string())
    rows = numbers[id(block)]
    positions = chunk.positions + chunk.plan.header.first_data
    chosen = rows.slice(positions[0], len(positions))
    if len(positions) != positions[-1] - positions[0] + 1:
        chosen = rows.take(pa.array(positions))
    column = column_letters(block.sheet.column_numbers[block.place(0, chunk.column.index)[1]])
    return compute.binary_join_element_wise(
        pa.scalar(column, pa.large_string()), chosen, pa.scalar("", pa.large_string())
    )
