"""Checks of the values once they are joined: units, arms, baselines, markers, changes, strata, hidden cells, unread columns."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .faults import Faults, shown
from .layout import is_number
from .lexicon import code_form, is_known_unit, unit_factor
from .mapping import ARM, DATA, GROUPS, IGNORE, MAPPED, PARTICIPANT, UNIT, UNSURE, Plan
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
SCALES = (1e-9, 1e-6, 1e-3, 1e-2, 0.1, 10.0, 100.0, 1e3, 1e6, 1e9)


def check_units(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Tell of units that are not the trial's, stated or apparent; nothing is converted here."""
    for chunk in chunks:
        outcome = trial.outcomes.get(chunk.variable)
        thing = outcome or trial.markers.get(chunk.variable)
        if thing is None or chunk.measure != VALUE or chunk.texts is not None or not len(chunk.values):
            continue
        if outcome is not None and outcome.kind == "binary":
            continue
        if chunk.plan.one(UNIT):
            _check_unit_column(chunk, thing, faults)
        stated = chunk.column.unit
        if chunk.column.factor != 1.0:
            stated = None  # the mapping has converted it
        told = bool(stated and thing.unit and _check_stated(chunk, stated, thing, faults))
        if outcome is not None and outcome.plausible and not told:
            _check_plausible(chunk, outcome, faults)


def _check_stated(chunk: Chunk, stated: str, thing, faults: Faults) -> bool:
    factor = unit_factor(stated, thing.unit)
    if factor == 1.0:
        return False
    place = {"sheet": chunk.plan.sheet, "cell": chunk.header_cell, "value": chunk.column.label or stated}
    if factor is not None:
        faults.error(
            "unit",
            f"{thing.label} in {stated}, expected {thing.unit}; to convert, write factor: {factor:g} in the mapping",
            **place,
        )
        return True
    if is_known_unit(stated) and is_known_unit(thing.unit):
        faults.error(
            "unit",
            f"{thing.label} in {stated}, which does not convert to {thing.unit}; write a factor in the mapping",
            **place,
        )
        return True
    faults.note("unit", f"{thing.label}: unit {stated!r} cannot be compared with {thing.unit!r}", **place)
    return False


def _check_unit_column(chunk: Chunk, thing, faults: Faults) -> None:
    """Compare the units that stand beside the values of a long table, each told of once."""
    column, block, first = chunk.plan.one(UNIT), chunk.plan.block, chunk.plan.header.first_data
    seen = {}
    for position in chunk.positions:
        seen.setdefault(str(block.values[first + int(position)][column.index]).strip(), first + int(position))
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


def check_fractions(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Tell of changes without raw values that are said to be percent, but all so small that they look like fractions."""
    for chunk in chunks:
        if chunk.measure != PERCENT_CHANGE or len(chunk.values) < MANY or chunk.column.factor != 1.0:
            continue
        largest = float(np.abs(chunk.values).max())
        if largest >= 1:
            continue
        report = faults.note if chunk.plan.evidence == MAPPED else faults.error
        report(
            "fraction",
            f"percent changes of {trial.variable_label(chunk.variable)} are all below 1 in size (at most {largest:.3g}), "
            "as if they were fractions; if they are, write factor: 100 in the mapping",
            sheet=chunk.plan.sheet,
            cell=chunk.header_cell,
            value=chunk.column.label,
        )


def check_unsure(plans: list[Plan], chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Ask about columns of numbers that may hold a variable which is otherwise missing at some visit."""
    have = {(chunk.variable, chunk.visit) for chunk in chunks if chunk.plan.cohort == TRIAL}
    for plan in plans:
        if not plan.readable or plan.evidence == MAPPED:
            continue
        for column in plan.columns:
            if column.role != IGNORE or column.confidence != UNSURE:
                continue
            for key in column.candidates:
                outcome = trial.outcomes.get(key)
                visits = [BASELINE, *(outcome.follow_up if outcome else [])]
                missing = [trial.visits[visit].label for visit in visits if (key, visit) not in have]
                if not missing or (column.visit and (key, column.visit) in have):
                    continue
                column.asked = True
                faults.error(
                    "ambiguous",
                    f"may be {trial.variable_label(key)}, which is missing at {', '.join(missing)}, or not "
                    f"({column.why}); say in a mapping which it is, or ignore",
                    sheet=plan.sheet,
                    cell=plan.block.address(plan.header.rows[-1] if plan.header.rows else 0, column.index),
                    value=column.label,
                )


def _check_plausible(chunk: Chunk, outcome, faults: Faults) -> None:
    low, high = outcome.plausible
    median = float(np.median(chunk.values))
    if not low <= median <= high:
        fitting = [scale for scale in SCALES if low <= median * scale <= high]
        scale = min(fitting, key=lambda s: abs(np.log10(s)), default=None)
        hint = "; if it is right, widen 'plausible' in the trial file"
        if scale:
            hint = f"; {scale:g} times that would fit, perhaps another unit: write factor: {scale:g} in the mapping"
        faults.error(
            "implausible",
            f"{outcome.label} has a median of {median:.4g}, expected {low:g} to {high:g} {outcome.unit}{hint}",
            sheet=chunk.plan.sheet,
            cell=chunk.header_cell,
            value=chunk.column.label,
        )
        return
    for index in np.flatnonzero((chunk.values < low) | (chunk.values > high)):
        value = float(chunk.values[index])
        told = value <= 0 and chunk.visit == BASELINE and outcome.follow_up  # as a baseline
        if not told:
            faults.note(
                "outlying",
                f"{outcome.label} outside {low:g} to {high:g} {outcome.unit}; kept",
                sheet=chunk.plan.sheet,
                cell=chunk.address(int(index)),
                value=value,
            )


def check_baselines(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Tell of baselines from which no percent change can be made, and of follow-up values without one."""
    baseline: dict[str, list[list[str]]] = defaultdict(list)
    whole: dict[str, int] = {}  # the list of participants that the baseline has, where columns share it
    later: dict[str, list[Chunk]] = defaultdict(list)
    for chunk in chunks:
        outcome = trial.outcomes.get(chunk.variable)
        if not chunk.linked or outcome is None or not outcome.follow_up or chunk.measure != VALUE:
            continue
        if chunk.visit != BASELINE:
            later[chunk.variable].append(chunk)
            continue
        baseline[chunk.variable].append(chunk.participants)
        whole[chunk.variable] = id(chunk.participants)
        for index in np.flatnonzero(chunk.values <= 0):
            value = float(chunk.values[index])
            faults.note(
                "baseline",
                f"{'zero' if value == 0 else 'negative'} baseline of {outcome.label}: no percent change from it",
                sheet=chunk.plan.sheet,
                cell=chunk.address(int(index)),
                value=value,
            )
    for variable, own in later.items():
        label = trial.outcomes[variable].label
        if not baseline[variable]:
            faults.error(
                "no baseline",
                f"{label} has follow-up values but no baseline values",
                sheet=own[0].plan.sheet,
                cell=own[0].header_cell,
                value=own[0].column.label,
            )
            continue
        told: set[str] = set()
        others = [chunk for chunk in own if whole.get(variable) != id(chunk.participants)]
        known = set().union(*baseline[variable]) if others else set()
        for chunk in others:
            for identity in sorted(set(chunk.participants) - known - told):
                told.add(identity)
                index = chunk.participants.index(identity)
                faults.note(
                    "no baseline",
                    f"participant {identity} has a follow-up value of {label} but no baseline",
                    sheet=chunk.plan.sheet,
                    cell=chunk.address(index),
                    value=float(chunk.values[index]),
                )


def check_arms(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Tell of an empty arm, of a missing marker and of small strata."""
    own = [chunk for chunk in chunks if chunk.plan.cohort == TRIAL]
    present = {arm for arms in {id(chunk.arms): chunk.arms for chunk in own}.values() for arm in set(arms)}
    only_strata = bool(own) and present == {None}
    if not own:
        faults.error("no participants", "no participant of the trial was recognised; run 'inspect' and write a mapping")
    elif not only_strata:
        for key, arm in trial.analysed_arms.items():
            if key not in present:
                faults.error("empty arm", f"no participant is in the arm {arm.label}")
    if own and trial.markers:
        markers = {chunk.variable for chunk in own} & set(trial.markers)
        strata = [chunk for chunk in own if any(chunk.strata) or chunk.texts]
        if not markers and not strata:
            names = " or ".join(marker.label for marker in trial.markers.values())
            faults.note("no marker", f"no {names} and no strata: analyses by stratum cannot run")
    if own and not any(chunk.linked for chunk in own):
        faults.note("unlinked", UNLINKED)
    for chunk in own:
        if chunk.linked and not chunk.texts:
            continue
        labels = chunk.texts or [stratum or "" for stratum in chunk.strata]
        for (arm, stratum), count in Counter(zip(chunk.arms, labels, strict=True)).items():
            if stratum and count < FEW:
                faults.note(
                    "small stratum",
                    f"only {count} value{'s' * (count > 1)} in {' '.join(filter(None, [stratum, arm]))}",
                    sheet=chunk.plan.sheet,
                    cell=chunk.header_cell,
                )


def check_hidden(plans: list[Plan], faults: Faults) -> None:
    """Tell of hidden sheets, rows and columns that were read."""
    by_sheet: dict[int, tuple[Sheet, list[Plan]]] = {}
    for plan in plans:
        if plan.readable:
            by_sheet.setdefault(id(plan.block.sheet), (plan.block.sheet, []))[1].append(plan)
    for sheet, own in by_sheet.values():
        if sheet.hidden:
            faults.note("hidden", "a hidden sheet; its data were read", sheet=sheet.name)
        rows, columns = _hidden_rows(sheet, own), _hidden_columns(sheet, own)
        if rows:
            why = "by a saved filter or by hand" if sheet.facts.filtered else "by hand or by a filter"
            faults.note(
                "hidden",
                f"{len(rows)} hidden rows with data ({why}) were read, first row {rows[0] + 1}",
                sheet=sheet.name,
            )
        if columns:
            names = ", ".join(column_letters(column) for column in columns[:10])
            faults.note("hidden", f"{len(columns)} hidden columns with data were read: {names}", sheet=sheet.name)


def _hidden_rows(sheet: Sheet, plans: list[Plan]) -> list[int]:
    if not sheet.facts.hidden_rows:
        return []
    index = {number: i for i, number in enumerate(sheet.row_numbers)}
    return [
        number
        for number in sorted(set(sheet.facts.hidden_rows))
        if number in index
        and any(p.block.top <= index[number] < p.block.bottom for p in plans)
        and any(value != "" for value in sheet.rows[index[number]])
    ]


def _hidden_columns(sheet: Sheet, plans: list[Plan]) -> list[int]:
    index = {number: i for i, number in enumerate(sheet.column_numbers)}
    numbers: set[int] = set()
    reached = -1
    for first, last in sorted(set(sheet.facts.hidden_columns)):  # a file may declare the same ones again and again
        numbers.update(range(max(first, reached + 1), min(last, 16_384) + 1))
        reached = max(reached, last)
    return [
        number
        for number in sorted(numbers & index.keys())
        if any(p.block.left <= index[number] < p.block.right for p in plans)
        and any(row[index[number]] != "" for row in sheet.rows)
    ]


def check_torn(plans: list[Plan], faults: Faults) -> None:
    """Refuse tables that blank rows or columns tear apart, where the piece without a header or without ids is not read."""
    whole = [plan for plan in plans if plan.readable and plan.evidence != MAPPED and plan.one(PARTICIPANT)]
    for plan in whole:
        block, identity = plan.block, plan.one(PARTICIPANT)
        if block.transposed or identity is None:
            continue
        column = block.place(0, identity.index)[1]
        first = block.place(plan.header.first_data, 0)[0] if plan.header.first_data < block.height else block.bottom
        for other in plans:
            piece = other.block
            if other.readable or piece.sheet is not block.sheet or piece.transposed:
                continue
            below = piece.top >= block.bottom and piece.left <= column < piece.right and not other.header.rows
            if below and _same_form(block.sheet, block, piece, column):
                faults.error(
                    "torn table",
                    f"{piece.height} rows below {piece.top - block.bottom} blank rows look like more of the table above and are "
                    "not read; delete the blank rows, or give the range in the mapping",
                    sheet=other.sheet,
                    cell=piece.range,
                )
            named = [c for c in other.columns if c.variable and c.confidence != UNSURE]
            start = piece.place(other.header.first_data, 0)[0] if other.header.first_data < piece.height else -1
            if piece.left >= block.right and named and start == first:
                faults.error(
                    "torn table",
                    f"columns without a participant id ({', '.join(c.label for c in named[:3])}) beside the table are not read; "
                    "delete the blank columns, or give the range in the mapping",
                    sheet=other.sheet,
                    cell=piece.range,
                )


def _same_form(sheet: Sheet, block, piece, column: int) -> bool:
    """Return whether a piece holds ids of the form of a table's in the same column, with numbers beside them."""
    forms = []
    for part in (block, piece):
        cells = [sheet.rows[row][column] for row in range(part.top, part.bottom)]
        forms.append({form.prefix for cell in cells if cell != "" and (form := code_form(canonical_id(cell)))})
    numbers = any(type(value) in (int, float) for row in piece.values for value in row)
    return numbers and bool(forms[0] & forms[1])


def check_groups(plans: list[Plan], faults: Faults) -> None:
    """Refuse numbers without a group in a block whose other columns are groups."""
    for plan in plans:
        if not plan.readable or plan.kind != GROUPS or plan.evidence == MAPPED or plan.one(ARM):
            continue
        named = [column for column in plan.having(DATA) if column.arm or column.stratum]
        body = plan.block.values[plan.header.first_data :]
        for column in plan.columns:
            numbers = sum(type(row[column.index]) in (int, float) for row in body)
            if named and column not in named and not column.label and numbers > 1 and column.why != "row number":
                faults.error(
                    "no group",
                    f"{numbers} numbers without a group beside columns of groups; name the group above them",
                    sheet=plan.sheet,
                    cell=plan.block.address(plan.header.first_data, column.index),
                )


FEW = 3
MOST_CHANGE = 1000  # percent
SAMPLE = 200
MOST_NAMED = 6


def check_markers(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Tell of markers that can cut no strata, and of negative values of a marker."""
    for key, marker in trial.markers.items():
        own = [
            chunk for chunk in chunks if chunk.variable == key and chunk.plan.cohort == TRIAL and chunk.texts is None
        ]
        values = np.concatenate([chunk.values for chunk in own]) if own else np.zeros(0)
        if not own:
            continue
        place = {"sheet": own[0].plan.sheet, "cell": own[0].header_cell, "value": own[0].column.label}
        if len(values) < 2 * FEW:
            faults.note("few marked", f"only {len(values)} participants have a value of {marker.label}", **place)
        elif (values == values[0]).all():
            faults.note("no strata", f"all values of {marker.label} are equal: they cut no strata", **place)
        for chunk in own:
            for index in np.flatnonzero(chunk.values < 0):
                faults.note(
                    "outlying",
                    f"negative value of {marker.label}; kept",
                    sheet=chunk.plan.sheet,
                    cell=chunk.address(int(index)),
                    value=float(chunk.values[index]),
                )


def check_changes(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Tell of given percent changes that hardly can be, and of groups that only one arm has values of."""
    arms: dict[tuple, set[str | None]] = defaultdict(set)
    first: dict[tuple, Chunk] = {}
    for chunk in chunks:
        if chunk.plan.cohort != TRIAL or chunk.variable not in trial.outcomes:
            continue
        if chunk.measure == PERCENT_CHANGE:
            for index in np.flatnonzero((chunk.values < -100) | (chunk.values > MOST_CHANGE)):
                value = float(chunk.values[index])
                why = "below -100%, which values above zero cannot make" if value < 0 else f"above {MOST_CHANGE}%"
                faults.note(
                    "outlying",
                    f"a percent change {why}; kept",
                    sheet=chunk.plan.sheet,
                    cell=chunk.address(int(index)),
                    value=value,
                )
        key = (chunk.variable, chunk.visit, chunk.measure)
        first.setdefault(key, chunk)
        arms[key].update(set(chunk.arms))
    everywhere = set().union(*arms.values())
    for key, present in arms.items():
        for name, arm in trial.analysed_arms.items():
            if name in everywhere - present and present != {None}:
                chunk = first[key]
                faults.note(
                    "empty arm",
                    f"{trial.variable_label(key[0])}, {trial.visits[key[1]].label}: no value in the arm {arm.label}",
                    sheet=chunk.plan.sheet,
                    cell=chunk.header_cell,
                )


def check_unread(plans: list[Plan], faults: Faults) -> None:
    """Tell of columns of numbers that nothing was read from, in a line per block."""
    for plan in plans:
        if not plan.readable or plan.evidence == MAPPED:
            continue
        body = plan.block.values[plan.header.first_data :]
        unread = []
        for column in plan.having(IGNORE):
            numbers = sum(is_number(row[column.index]) for row in body[:SAMPLE])
            if numbers > 1:
                letter = plan.block.address(plan.header.first_data, column.index).rstrip("0123456789")
                unread.append(f"{letter} ({shown(column.label) or 'no header'})")
        if unread:
            more = f" and {len(unread) - MOST_NAMED} more" if len(unread) > MOST_NAMED else ""
            faults.note(
                "unread columns",
                f"numbers that were not recognised and not read: {', '.join(unread[:MOST_NAMED])}{more}",
                sheet=plan.sheet,
                cell=plan.block.range,
            )
