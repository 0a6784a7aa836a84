"""Checks of the values once they are joined: units, odd values, baselines, arms, hidden cells, tables that are not read."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .faults import Faults, shown
from .layout import is_number
from .lexicon import code_form, is_known_unit, unit_factor
from .mapping import ARM, DATA, GROUPS, IGNORE, MAPPED, PARTICIPANT, UNIT, UNSURE, Plan
from .numbers import Policy
from .rows import canonical_id
from .sheets import Sheet, column_letters
from .values import Chunk

UNLINKED = (
    "linked participants: the panels have no ids, so whatever needs the same participant in several columns is skipped: "
    "strata and cuts made here (also other cuts, windows and the multiverse), changes other than percent, adjustment for "
    "baseline, imputation, correlation of the markers with age; the comparisons of groups run"
)
FEW = 3
MANY = 10
SAMPLE = 200
MOST_NAMED = 6
MOST_CHANGE = 1000  # percent
FAR = 1000  # times the median of a column
RARE = 0.1  # share of negative values that may be slips; a scale such as a T-score has more
SCALES = (1e-9, 1e-6, 1e-3, 1e-2, 0.1, 10.0, 100.0, 1e3, 1e6, 1e9)
KEEP = "correct it, list it under missing in the mapping, or keep it by giving the block in the mapping"


def check_units(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Warn about units, stated or apparent, that are not the trial's, and implausible values; nothing is converted."""
    for chunk in chunks:
        outcome = trial.outcomes.get(chunk.variable)
        thing = outcome or trial.markers.get(chunk.variable)
        if thing is None or chunk.measure != VALUE or chunk.texts is not None or not len(chunk.values):
            continue
        if outcome is not None and outcome.kind == "binary":
            continue
        if chunk.plan.one(UNIT):
            _check_unit_column(chunk, thing, faults)
        told = _check_stated(chunk, thing, faults)
        limits = outcome.plausible if outcome else None
        if not told and not (limits and _check_median(chunk, outcome, faults)):
            _check_odd_values(chunk, thing.label, limits, faults)


def _check_stated(chunk: Chunk, thing, faults: Faults) -> bool:
    stated = chunk.column.unit
    if not stated or not thing.unit or chunk.column.factor != 1.0:  # a factor of the mapping has converted it
        return False
    factor = unit_factor(stated, thing.unit)
    if factor == 1.0:
        return False
    place = chunk.head | {"value": chunk.column.label or stated}
    if factor is None and not (is_known_unit(stated) and is_known_unit(thing.unit)):
        faults.note("unit", f"{thing.label}: unit {stated!r} cannot be compared with {thing.unit!r}", **place)
        return False
    how = (
        f", which does not convert to {thing.unit}; write a factor in the mapping"
        if factor is None
        else f", expected {thing.unit}; to convert, write factor: {factor:g} in the mapping"
    )
    faults.error("unit", f"{thing.label} in {stated}{how}", **place)
    return True


def _check_unit_column(chunk: Chunk, thing, faults: Faults) -> None:
    """Compare the units that stand beside the values of a long table, each told of once."""
    column, block, first = chunk.plan.one(UNIT), chunk.plan.block, chunk.plan.header.first_data
    seen: dict[str, int] = {}
    for row in chunk.positions + first:
        seen.setdefault(str(block.values[int(row)][column.index]).strip(), int(row))
    for stated, row in seen.items():
        factor = unit_factor(stated, thing.unit) if stated and thing.unit and chunk.column.factor == 1.0 else 1.0
        if factor == 1.0:
            continue
        place = {"sheet": chunk.plan.sheet, "cell": block.address(row, column.index), "value": stated}
        if factor is None and not (is_known_unit(stated) and is_known_unit(thing.unit)):
            faults.note("unit", f"{thing.label}: unit {stated!r} cannot be compared with {thing.unit!r}", **place)
        else:
            faults.error(
                "unit", f"{thing.label} in {stated}, expected {thing.unit}; convert it in the workbook", **place
            )


def _check_median(chunk: Chunk, outcome, faults: Faults) -> bool:
    """Warn about a column whose median lies outside the plausible values of its outcome."""
    low, high = outcome.plausible
    median = float(np.median(chunk.values))
    if low <= median <= high:
        return False
    fitting = [scale for scale in SCALES if low <= median * scale <= high]
    scale = min(fitting, key=lambda s: abs(np.log10(s)), default=None)
    hint = "; if it is right, widen 'plausible' in the trial file"
    if scale:
        hint = f"; {scale:g} times that would fit, perhaps another unit: write factor: {scale:g} in the mapping"
    expected = f"expected {low:g} to {high:g} {outcome.unit}{hint}"
    faults.error("implausible", f"{outcome.label} has a median of {median:.4g}, {expected}", **chunk.head)
    return True


def _check_odd_values(chunk: Chunk, label: str, limits, faults: Faults) -> None:
    """Ask about negative values where the others are positive, values far from all others, and likely missing codes."""
    values, median = chunk.values, float(np.median(chunk.values))
    low, high = limits or (-np.inf, np.inf)
    mapped = chunk.plan.evidence == MAPPED
    never_negative = low >= 0 if limits else np.mean(values < 0) <= RARE
    repeated = {value for value, n in Counter(values.tolist()).items() if n > 1 and _like_a_code(value)}
    for index in np.flatnonzero((values < low) | (values > high) | (values < 0) | (np.abs(values) > FAR * abs(median))):
        value = float(values[index])
        if median > 0 and value in repeated:
            kind, what = "missing code", f"perhaps a code for a missing value of {label}"
        elif median > 0 > value and never_negative:
            kind, what = "negative", f"a negative value of {label}"
        elif median > 0 and abs(value) > FAR * median:
            kind, what = "far off", f"a value of {label} more than {FAR} times the median, {median:.4g}"
        elif limits and not low <= value <= high:
            unit = chunk.column.unit or ""
            faults.note(
                "outlying", f"{label} outside {low:g} to {high:g} {unit}".rstrip() + "; kept", **chunk.at(index)
            )
            continue
        else:
            continue
        report, rest = (faults.note, "; kept") if mapped else (faults.error, f"; {KEEP}")
        report(kind, what + rest, **chunk.at(index))


def _like_a_code(value: float) -> bool:
    return abs(value) >= 9 and set(f"{abs(value):g}") == {"9"}


def check_fractions(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Warn about changes without raw values, said to be percent, so small that they look like fractions."""
    for chunk in chunks:
        if chunk.measure != PERCENT_CHANGE or len(chunk.values) < MANY or chunk.column.factor != 1.0:
            continue
        largest = float(np.abs(chunk.values).max())
        if largest < 1:
            report = faults.note if chunk.plan.evidence == MAPPED else faults.error
            report(
                "fraction",
                f"percent changes of {trial.variable_label(chunk.variable)} are all below 1 in size (at most "
                f"{largest:.3g}), as if they were fractions; if they are, write factor: 100 in the mapping",
                **chunk.head,
            )


def check_unsure(plans: list[Plan], chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Ask about columns of numbers that may hold a variable which is otherwise missing at some visit."""
    have = {(chunk.variable, chunk.visit) for chunk in chunks if chunk.plan.cohort == TRIAL}
    columns = [
        (plan, column)
        for plan in plans
        if plan.readable and plan.evidence != MAPPED
        for column in plan.having(IGNORE)
        if column.confidence == UNSURE
    ]
    for plan, column in columns:
        for key in column.candidates:
            outcome = trial.outcomes.get(key)
            visits = [BASELINE, *(outcome.follow_up if outcome else [])]
            missing = [trial.visits[visit].label for visit in visits if (key, visit) not in have]
            if missing and not (column.visit and (key, column.visit) in have):
                column.asked = True
                faults.error(
                    "ambiguous",
                    f"may be {trial.variable_label(key)}, which is missing at {', '.join(missing)}, or not "
                    f"({column.why}); say in a mapping which it is, or ignore",
                    **plan.head_of(column),
                )


def check_baselines(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Warn about baselines from which no percent change can be made, and about follow-up values without one."""
    baseline: dict[str, set[str]] = defaultdict(set)
    later: dict[str, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        outcome = trial.outcomes.get(chunk.variable)
        if not chunk.linked or outcome is None or not outcome.follow_up or chunk.measure != VALUE:
            continue
        if chunk.visit != BASELINE:
            later[chunk.variable].append(chunk)
            continue
        baseline[chunk.variable].update(chunk.participants)
        for index in np.flatnonzero(chunk.values <= 0):
            sign = "zero" if chunk.values[index] == 0 else "negative"
            what = f"{sign} baseline of {outcome.label}: no percent change from it"
            faults.note("baseline", what, **chunk.at(index))
    for variable, own in later.items():
        label = trial.outcomes[variable].label
        if not baseline[variable]:
            faults.error("no baseline", f"{label} has follow-up values but no baseline values", **own[0].head)
            continue
        told = baseline[variable]
        for chunk in own:
            for index, identity in enumerate(chunk.participants):
                if identity not in told:
                    told.add(identity)
                    what = f"participant {identity} has a follow-up value of {label} but no baseline"
                    faults.note("no baseline", what, **chunk.at(index))


def check_arms(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Warn about an empty arm, a missing marker and small strata."""
    own = [chunk for chunk in chunks if chunk.plan.cohort == TRIAL]
    present = {arm for chunk in own for arm in chunk.arms}
    if not own:
        faults.error("no participants", "no participant of the trial was recognised; run 'inspect' and write a mapping")
        return
    for key, arm in trial.analysed_arms.items() if present != {None} else ():
        if key not in present:
            faults.error("empty arm", f"no participant is in the arm {arm.label}")
    markers = {chunk.variable for chunk in own} & set(trial.markers)
    if trial.markers and not markers and not any(any(chunk.strata) or chunk.texts for chunk in own):
        names = " or ".join(marker.label for marker in trial.markers.values())
        faults.note("no marker", f"no {names} and no strata: analyses by stratum cannot run")
    if not any(chunk.linked for chunk in own):
        faults.note("unlinked", UNLINKED)
    for chunk in own:
        if chunk.linked and not chunk.texts:
            continue
        labels = chunk.texts or [stratum or "" for stratum in chunk.strata]
        for (arm, stratum), count in Counter(zip(chunk.arms, labels, strict=True)).items():
            if stratum and count < FEW:
                where = " ".join(filter(None, [stratum, arm]))
                what = f"only {count} value{'s' * (count > 1)} in {where}"
                faults.note("small stratum", what, **chunk.head | {"value": ""})


def check_markers(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Warn about markers that can cut no strata."""
    for key, marker in trial.markers.items():
        own = [c for c in chunks if c.variable == key and c.plan.cohort == TRIAL and c.texts is None]
        values = np.concatenate([chunk.values for chunk in own]) if own else np.zeros(0)
        if own and len(values) < 2 * FEW:
            what = f"only {len(values)} participants have a value of {marker.label}"
            faults.note("few marked", what, **own[0].head)
        elif own and (values == values[0]).all():
            what = f"all values of {marker.label} are equal: they cut no strata"
            faults.note("no strata", what, **own[0].head)


def check_changes(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Warn about implausible given percent changes, and about groups with values of one arm alone."""
    arms: dict[tuple, set[str | None]] = defaultdict(set)
    first: dict[tuple, Chunk] = {}
    for chunk in chunks:
        if chunk.plan.cohort != TRIAL or chunk.variable not in trial.outcomes:
            continue
        if chunk.measure == PERCENT_CHANGE:
            for index in np.flatnonzero((chunk.values < -100) | (chunk.values > MOST_CHANGE)):
                low = "below -100%, which values above zero cannot make"
                why = low if chunk.values[index] < 0 else f"above {MOST_CHANGE}%"
                faults.note("outlying", f"a percent change {why}; kept", **chunk.at(index))
        key = (chunk.variable, chunk.visit, chunk.measure)
        first.setdefault(key, chunk)
        arms[key].update(chunk.arms)
    everywhere = set().union(*arms.values())
    for key, present in arms.items():
        for name, arm in trial.analysed_arms.items():
            if name in everywhere - present and present != {None}:
                where = f"{trial.variable_label(key[0])}, {trial.visits[key[1]].label}"
                what = f"{where}: no value in the arm {arm.label}"
                faults.note("empty arm", what, **first[key].head | {"value": ""})


def check_hidden(plans: list[Plan], policy: Policy, faults: Faults) -> None:
    """Warn about hidden sheets, rows and columns that were read, and about struck-out values."""
    by_sheet: dict[int, list[Plan]] = defaultdict(list)
    for plan in plans:
        if plan.readable:
            by_sheet[id(plan.block.sheet)].append(plan)
    for own in by_sheet.values():
        sheet = own[0].block.sheet
        if sheet.hidden:
            faults.note("hidden", "a hidden sheet; its data were read", sheet=sheet.name)
        rows, columns = _hidden_rows(sheet, own), _hidden_columns(sheet, own)
        if rows and policy.hidden_rows == "read":
            why = "by a saved filter or by hand" if sheet.facts.filtered else "by hand or by a filter"
            what = f"{len(rows)} hidden rows with data ({why}) were read, first row {rows[0] + 1}; hidden_rows: ignore leaves them out"
            faults.note("hidden", what, sheet=sheet.name)
        if columns:
            names = ", ".join(column_letters(column) for column in columns[:10])
            faults.note("hidden", f"{len(columns)} hidden columns with data were read: {names}", sheet=sheet.name)
        struck = sorted(sheet.facts.struck)
        if struck and policy.struck_out == "read":
            names = ", ".join(f"{column_letters(column)}{row + 1}" for row, column in struck[:10])
            what = f"{len(struck)} struck-out cells were read: {names}; struck_out: missing leaves them out"
            faults.note("struck out", what, sheet=sheet.name)


def _hidden_rows(sheet: Sheet, plans: list[Plan]) -> list[int]:
    index = {number: i for i, number in enumerate(sheet.row_numbers)} if sheet.facts.hidden_rows else {}
    return [
        number
        for number in sorted(index.keys() & set(sheet.facts.hidden_rows))
        if any(p.block.top <= index[number] < p.block.bottom for p in plans)
        and any(value != "" for value in sheet.rows[index[number]])
    ]


def _hidden_columns(sheet: Sheet, plans: list[Plan]) -> list[int]:
    areas = set(sheet.facts.hidden_columns)  # a file may declare the same ones again and again
    return [
        number
        for i, number in enumerate(sheet.column_numbers if areas else ())
        if any(first <= number <= last for first, last in areas)
        and any(p.block.left <= i < p.block.right for p in plans)
        and any(row[i] != "" for row in sheet.rows)
    ]


def check_torn(plans: list[Plan], faults: Faults) -> None:
    """Refuse tables that blank rows or columns tear apart, where the piece without a header or without ids is not read."""
    for plan in plans:
        block, identity = plan.block, plan.one(PARTICIPANT)
        if not plan.readable or plan.evidence == MAPPED or identity is None or block.transposed:
            continue
        column = block.place(0, identity.index)[1]
        first = block.place(plan.header.first_data, 0)[0] if plan.header.first_data < block.height else block.bottom
        for other in plans:
            piece = other.block
            if other.readable or piece.sheet is not block.sheet or piece.transposed:
                continue
            place = {"sheet": other.sheet, "cell": piece.range}
            below = piece.top >= block.bottom and piece.left <= column < piece.right and not other.header.rows
            if below and _same_form(block.sheet, block, piece, column):
                faults.error(
                    "torn table",
                    f"{piece.height} rows below {piece.top - block.bottom} blank rows look like more of the table above "
                    "and are not read; delete the blank rows, or give the range in the mapping",
                    **place,
                )
            named = [c.label for c in other.columns if c.variable and c.confidence != UNSURE]
            start = piece.place(other.header.first_data, 0)[0] if other.header.first_data < piece.height else -1
            if piece.left >= block.right and named and start == first:
                faults.error(
                    "torn table",
                    f"columns without a participant id ({', '.join(named[:3])}) beside the table are not read; delete "
                    "the blank columns, or give the range in the mapping",
                    **place,
                )


def _same_form(sheet: Sheet, block, piece, column: int) -> bool:
    """Return whether a piece holds ids of the form of a table's in the same column, with numbers beside them."""
    forms = []
    for part in (block, piece):
        cells = [sheet.rows[row][column] for row in range(part.top, part.bottom)]
        forms.append({form.prefix for cell in cells if cell != "" and (form := code_form(canonical_id(cell)))})
    return bool(forms[0] & forms[1]) and any(is_number(value) for row in piece.values for value in row)


def check_groups(plans: list[Plan], faults: Faults) -> None:
    """Refuse numbers without a group in a block whose other columns are groups."""
    for plan in plans:
        if not plan.readable or plan.kind != GROUPS or plan.evidence == MAPPED or plan.one(ARM):
            continue
        named = [column for column in plan.having(DATA) if column.arm or column.stratum]
        body = plan.block.values[plan.header.first_data :]
        for column in plan.columns:
            numbers = sum(is_number(row[column.index]) for row in body)
            if named and column not in named and not column.label and numbers > 1 and column.why != "row number":
                what = f"{numbers} numbers without a group beside columns of groups; name the group above them"
                faults.error("no group", what, **plan.place(0, column))


def check_unread(plans: list[Plan], faults: Faults) -> None:
    """Warn about columns of numbers that nothing was read from, in a line per block."""
    for plan in plans:
        if not plan.readable or plan.evidence == MAPPED:
            continue
        body = plan.block.values[plan.header.first_data :]
        unread = []
        for column in plan.having(IGNORE):
            if sum(is_number(row[column.index]) for row in body[:SAMPLE]) > 1:
                letter = plan.place(0, column)["cell"].rstrip("0123456789")
                unread.append(f"{letter} ({shown(column.label) or 'no header'})")
        if unread:
            more = f" and {len(unread) - MOST_NAMED} more" if len(unread) > MOST_NAMED else ""
            what = f"numbers that were not recognised and not read: {', '.join(unread[:MOST_NAMED])}{more}"
            faults.note("unread columns", what, sheet=plan.sheet, cell=plan.block.range)
