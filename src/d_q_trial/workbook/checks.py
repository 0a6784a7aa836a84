"""Checks of a workbook that has been read: each is a function of the reading, listed in ``CHECKS``, that reports faults.

An error stops every analysis until the workbook or a mapping settles it; a note tells what was read in a way that the
analyst might not expect. Nothing is changed here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..trial import BASELINE
from .layout import is_number
from .mapping import ARM, DATA, GROUPS, IGNORE, INFERRED, MAPPED, PARTICIPANT, PARTICIPANTS, UNSURE, Column, Plan
from .recognise import code_form, is_known_unit, plain_unit, unit_factor
from .rows import canonical_id
from .sheets import EMPTY, Block, Sheet, column_letters, shown
from .values import Source, cell_of

if TYPE_CHECKING:
    from .reader import Reading

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
LAST, DIGITS = 6, 6  # rows at the end that may hold statistics, and the digits of one that hardly agree by chance
FAR = 100  # times the median of a column, or of the same variable in other columns
RARE = 0.1  # share of negative values that may be slips; a scale such as a T-score has more
SCALES = (1e-3, 1e3, 1e-6, 1e6, 1e-9, 1e9, 0.1, 10.0, 1e-2, 100.0)  # of units, the likeliest first
KEEP = "correct it, list it under missing in the mapping, or keep it by giving the block in the mapping"


def _own(reading: Reading) -> pd.DataFrame:
    return reading.frame[reading.frame["cohort"] == TRIAL]


def _measured(reading: Reading) -> Iterator[tuple[Source, pd.DataFrame, object]]:
    """Yield each column of measured values with its outcome or marker: no changes, strata, or answers of yes or no."""
    frame, things = reading.frame, reading.trial.outcomes | reading.trial.markers
    for source, own in frame[frame["measure"].eq(VALUE) & frame["text"].eq("")].groupby("source", sort=False):
        thing = things.get(source.variable)
        asked = source.plan.unmeasured and source.plan.evidence != MAPPED
        if thing and not asked and getattr(thing, "kind", "") != "binary":
            yield source, own, thing


def _columns(reading: Reading, role: str) -> Iterator[tuple[Plan, Column]]:
    """Yield the columns with a role of blocks that were recognised and are read, or could be."""
    for plan in reading.plans:
        if plan.evidence != MAPPED and (plan.readable or plan.one(PARTICIPANT)):
            yield from ((plan, column) for column in plan.having(role))


def _report(reading: Reading, plan: Plan):
    """Return what reports a question: an error, or a note where a mapping has given the block."""
    return reading.faults.note if plan.evidence == MAPPED else reading.faults.error


def check_every_arm(reading: Reading) -> None:
    """Refuse participants without an arm, except those whose arm was not understood and is reported already."""
    known = {identity for _, rows in reading.blocks for identity in rows.unknown_arms}
    linked = _own(reading)
    linked = linked[linked["linked"]]
    if len(linked) and not known and not linked["arm"].any():
        expected = " or ".join(arm.label for arm in reading.trial.analysed_arms.values())
        what = f"nobody has an arm; expected a column of arms ({expected}) here or on a sheet with the same ids"
        reading.faults.error("no arm", what, **linked["source"].iloc[0].plan.whole())
        return
    lacking = linked[linked["arm"].eq("") & ~linked["participant"].isin(known)]
    for row in lacking.drop_duplicates("participant").itertuples():
        place = cell_of(row) | {"value": row.participant}
        reading.faults.error("no arm", "participant has no arm on any sheet", **place)


def check_every_id(reading: Reading) -> None:
    """Refuse several tables of participants of which one has no ids: their rows cannot be joined."""
    plans = [plan for plan, _ in reading.blocks if plan.kind == PARTICIPANTS and plan.cohort == TRIAL]
    plans = [plan for plan in plans if plan.having(DATA)]
    for plan in plans if len(plans) > 1 else ():
        if plan.one(PARTICIPANT) is None:
            what = (
                "a table of participants without recognised ids beside others; expected a column such as Participant ID "
                "(if a column holds them, say so in the mapping)"
            )
            reading.faults.error("no ids", what, **plan.whole())


def check_units(reading: Reading) -> None:
    """Refuse units, in a header or beside the values, that are not the trial's; nothing is converted."""
    for source, own, thing in _measured(reading):
        beside = dict(zip(own["unit"][::-1], own["unit_cell"][::-1], strict=True))
        stated = [(unit, {"sheet": source.plan.sheet, "cell": cell, "value": unit}) for unit, cell in beside.items()]
        if source.column.unit:
            head = source.head | {"value": source.column.label or source.column.unit}
            stated.insert(0, (source.column.unit, head))
        for unit, place in stated if thing.unit and source.column.factor == 1.0 else ():  # a factor has converted it
            factor = unit_factor(unit, thing.unit) if unit else 1.0
            if factor is None and not (is_known_unit(unit) and is_known_unit(thing.unit)):
                what = f"{thing.label}: unit {unit!r} cannot be compared with {thing.unit!r}"
                percent = plain_unit(unit) in ("percent", "%")  # perhaps of the baseline, or a change
                ask = _report(reading, source.plan) if percent else reading.faults.note
                ask("unit", what + "; say measure: in the mapping" * percent, **place)
            elif factor is None:
                how = f"which does not convert to {thing.unit}; write a factor in the mapping"
                reading.faults.error("unit", f"{thing.label} in {unit}, {how}", **place)
            elif factor != 1.0:
                in_header = f"to convert, write factor: {factor:g} in the mapping"
                how = "convert it in the workbook" if place["value"] == unit else in_header
                reading.faults.error("unit", f"{thing.label} in {unit}, expected {thing.unit}; {how}", **place)


def check_plausible(reading: Reading) -> None:
    """Ask about columns whose values, as a whole or singly, lie beyond what the trial or the other values lead to expect."""
    stated = {(fault.sheet, fault.cell) for fault in reading.faults.errors if fault.kind == "unit"}
    columns = [(source, own, thing, float(own["value"].median())) for source, own, thing in _measured(reading)]
    medians = defaultdict(list)
    for source, _, _, median in columns:
        medians[source.variable].append(median)
    for source, own, thing, median in columns:
        low, high = thing.plausible or (-np.inf, np.inf)
        others = medians[source.variable]
        far = [other for other in others if 0 < FAR * min(median, other) < max(median, other)]
        if (source.head["sheet"], source.head["cell"]) in stated:
            continue
        if not low <= median <= high:
            fitting = [scale for scale in SCALES if low <= median * scale <= high]
            hint = "if it is right, widen 'plausible' in the trial file"
            if fitting:
                hint = f"{fitting[0]:g} times that would fit, perhaps another unit: write factor: {fitting[0]:g} in the mapping"
            what = f"has a median of {median:.4g}, expected {low:g} to {high:g} {thing.unit}; {hint}"
            reading.faults.error("implausible", f"{thing.label} {what}", **source.head)
        elif 2 * len(far) >= len(others) > 1 and source.plan.evidence != MAPPED:
            what = f"has a median of {median:.4g} here and {np.median(far):.4g} in other columns; correct it, or write a mapping"
            reading.faults.error("implausible", f"{thing.label} {what}", **source.head)
        else:
            _check_odd_values(reading, source, own, thing)


def _check_odd_values(reading: Reading, source: Source, own: pd.DataFrame, thing) -> None:
    """Ask about negative values where the others are positive, values far from all others, and likely missing codes."""
    values = own["value"].to_numpy()
    counts, median = Counter(values.tolist()), float(np.median(values))
    low, high = thing.plausible or (-np.inf, np.inf)
    never_negative = low >= 0 if thing.plausible else np.mean(values < 0) <= RARE
    largest = max((value for value in counts if not _like_a_code(value)), default=0.0)
    codes = {value for value, n in counts.items() if _like_a_code(value) and (n > 1 or value > 10 * largest)}
    outside = (values < low) | (values > high)
    for index in np.flatnonzero(outside | (values < 0) | (values > min(FAR * abs(median), 10 * largest))):
        value, place = float(values[index]), cell_of(own.iloc[index])
        if median > 0 and value in codes:
            kind, what = "missing code", f"perhaps a code for a missing value of {thing.label}"
        elif median > 0 > value and never_negative:
            kind, what = "negative", f"a negative value of {thing.label}"
        elif median > 0 and abs(value) > FAR * median:
            kind, what = "far off", f"a value of {thing.label} more than {FAR} times the median, {median:.4g}"
        else:
            if outside[index]:
                span = f"{low:g} to {high:g} {source.column.unit or ''}".rstrip()
                reading.faults.note("outlying", f"{thing.label} outside {span}; kept", **place)
            continue
        rest = "kept" if source.plan.evidence == MAPPED else KEEP
        _report(reading, source.plan)(kind, f"{what}; {rest}", **place)


def _like_a_code(value: float) -> bool:
    return abs(value) >= 9 and set(f"{abs(value):g}") == {"9"}


def check_changes(reading: Reading) -> None:
    """Ask about given changes that look like fractions; report implausible ones, and outcomes with values of one arm alone."""
    own, trial = _own(reading), reading.trial
    own = own[own["variable"].isin(trial.outcomes)]
    given = own[own["measure"] == PERCENT_CHANGE]
    for row in given[~given["value"].between(-100, MOST_CHANGE)].itertuples():
        why = "below -100%, which values above zero cannot make" if row.value < 0 else f"above {MOST_CHANGE}%"
        reading.faults.note("outlying", f"a percent change {why}; kept", **cell_of(row))
    for source, changes in given.groupby("source", sort=False):
        largest, smallest = changes["value"].abs().max(), changes["value"].min()
        if len(changes) >= MANY and smallest > 0 and 50 < changes["value"].median() < 200 and not source.of_baseline:
            what = (
                f"percent changes of {trial.variable_label(source.variable)} are all above zero with a median near 100, as "
                "if they were percent of baseline; if they are, write measure: percent_of_baseline in the mapping"
            )
            _report(reading, source.plan)("percent of baseline", what, **source.head)
        if len(changes) >= MANY and largest < 1 and source.column.factor == 1.0:
            what = (
                f"percent changes of {trial.variable_label(source.variable)} are all below 1 in size (at most "
                f"{largest:.3g}), as if they were fractions; if they are, write factor: 100 in the mapping"
            )
            _report(reading, source.plan)("fraction", what, **source.head)
    arms = {key: arm for key, arm in trial.analysed_arms.items() if key in set(own["arm"])}
    for _, values in own.groupby(["variable", "visit", "measure"], sort=False):
        present, source = set(values["arm"]), values["source"].iloc[0]
        for arm in (arm for key, arm in arms.items() if key not in present and present != {""}):
            what = f"{source.label(trial)}: no value in the arm {arm.label}"
            reading.faults.note("empty arm", what, **source.head | {"value": ""})


def check_baselines(reading: Reading) -> None:
    """Report baselines that give no percent change, follow-up values without one, and computed changes that hardly can be."""
    trial, faults, keys = reading.trial, reading.faults, ["variable", "participant"]
    followed = [key for key, outcome in trial.outcomes.items() if outcome.follow_up]
    raw = reading.frame[reading.frame["linked"] & (reading.frame["measure"] == VALUE)]
    raw = raw[raw["variable"].isin(followed)]
    raw = raw.assign(label=[trial.variable_label(key) for key in raw["variable"]])
    first, later = raw[raw["visit"] == BASELINE], raw[raw["visit"] != BASELINE]
    for row in first[first["value"] <= 0].itertuples():
        what = f"{'negative' if row.value else 'zero'} baseline of {row.label}: no percent change from it"
        faults.note("baseline", what, **cell_of(row))
    unknown = ~later["variable"].isin(first["variable"])
    for row in later[unknown].drop_duplicates("variable").itertuples():
        faults.error("no baseline", f"{row.label} has follow-up values but no baseline values", **row.source.head)
    later = later[~unknown].join(first.set_index(keys)["value"].rename("base"), on=keys)
    both = later.groupby("variable", sort=False)["base"].transform("count")
    for row in later[both.eq(0)].drop_duplicates("variable").itertuples():
        what = f"no participant has both a baseline and a later value of {row.label}; the ids may be of samples"
        faults.error("no baseline", what, **row.source.head)
    for row in later[later["base"].isna()].drop_duplicates(keys).itertuples():
        what = f"participant {row.participant} has a follow-up value of {row.label} but no baseline"
        faults.note("no baseline", what, **cell_of(row))
    for row in later[(later["base"] > 0) & (later["value"] > later["base"] * (1 + MOST_CHANGE / 100))].itertuples():
        what = f"a value of {row.label} that makes a percent change above {MOST_CHANGE}%; kept"
        faults.note("outlying", what, **cell_of(row))


def check_groups(reading: Reading) -> None:
    """Report an empty arm, a missing marker, panels without ids, small strata, and markers that define none."""
    own, trial, faults = _own(reading), reading.trial, reading.faults
    if own.empty:
        faults.error("no participants", "no participant of the trial was recognised; run 'inspect' and write a mapping")
        return
    for key, arm in trial.analysed_arms.items():
        if own["arm"].any() and key not in set(own["arm"]):
            faults.error("empty arm", f"no participant is in the arm {arm.label}")
    if trial.markers and not (own["variable"].isin(trial.markers).any() or own["stratum"].any() or own["text"].any()):
        names = " or ".join(marker.label for marker in trial.markers.values())
        faults.note("no marker", f"no {names} and no strata: analyses by stratum cannot run")
    if not own["linked"].any():
        faults.note("unlinked", UNLINKED)
    labels = own["text"].where(own["text"].ne(""), own["stratum"])
    for (source, arm, stratum), rows in own[labels.ne("")].groupby(["source", "arm", labels], sort=False):
        if len(rows) < FEW:
            what = f"only {len(rows)} value{'s' * (len(rows) > 1)} in {' '.join(filter(None, [stratum, arm]))}"
            faults.note("small stratum", what, **source.head | {"value": ""})
    for key, values in own[own["text"].eq("")].groupby("variable", sort=False):
        if key in trial.markers:
            label, head = trial.markers[key].label, values["source"].iloc[0].head
            if len(values) < 2 * FEW:
                faults.note("few marked", f"only {len(values)} participants have a value of {label}", **head)
            elif values["value"].nunique() == 1:
                faults.note("no strata", f"all values of {label} are equal: they cut no strata", **head)


def check_hidden(reading: Reading) -> None:
    """Report hidden sheets, rows and columns that were read, and struck-out values."""
    for sheet in reading.workbook.sheets:
        blocks = [plan.block for plan in reading.plans if plan.readable and plan.block.sheet is sheet]
        facts, policy, told = sheet.facts, reading.policy, []
        hidden, areas = set(facts.hidden_rows), set(facts.hidden_columns)  # a file may declare the same ones again
        own = sorted({i for block in blocks for i in block.rows if hidden and sheet.row_numbers[i] in hidden})
        rows = [sheet.row_numbers[i] + 1 for i in own if any(value != EMPTY for value in sheet.rows[i])]
        used = {i: sheet.column_numbers[i] for block in blocks for i in block.columns if areas}
        own = sorted(i for i, number in used.items() if any(first <= number <= last for first, last in areas))
        columns = [column_letters(used[i]) for i in own if any(row[i] != EMPTY for row in sheet.rows)]
        if sheet.hidden and blocks:
            told.append("a hidden sheet; its data were read")
        if rows and policy.hidden_rows == "read":
            why = "by a saved filter or by hand" if facts.filtered else "by hand or by a filter"
            what = f"{len(rows)} hidden rows with data ({why}) were read, first row {rows[0]}"
            told.append(f"{what}; hidden_rows: ignore leaves them out")
        if columns:
            told.append(f"{len(columns)} hidden columns with data were read: {', '.join(columns[:10])}")
        if facts.struck and blocks and policy.struck_out == "read":
            names = ", ".join(f"{column_letters(column)}{row + 1}" for row, column in sorted(facts.struck)[:10])
            told.append(f"{len(facts.struck)} struck-out cells were read: {names}; struck_out: missing leaves them out")
        for note in told:
            reading.faults.note("hidden", note, sheet=sheet.name)


def check_merged_values(reading: Reading) -> None:
    """Ask about a merged cell over several rows of values: it holds one value, and the other rows none."""
    for plan in (plan for plan in reading.plans if plan.readable and plan.body):
        block, sheet = plan.block, plan.block.sheet
        first = {block.place(plan.header.first_data, column.index) for column in plan.having(DATA)}
        for top, left, bottom, right in sheet.merged:
            over = right - left if block.transposed else bottom - top
            begins = any((r == top and c <= left) if block.transposed else (c == left and r <= top) for r, c in first)
            if over and begins and top < block.bottom and is_number(sheet.rows[top][left]):
                area = f"{sheet.address(top, left)}:{sheet.address(bottom, right)}"
                what = (
                    f"a merged cell gives one value to {over + 1} participants; only the first has it; unmerge the cell"
                )
                place = {"sheet": sheet.name, "cell": area, "value": sheet.rows[top][left]}
                _report(reading, plan)("merged value", what, **place)


def check_torn(reading: Reading) -> None:
    """Refuse tables that blank rows or columns tear apart, where the piece without a header or without ids is not read."""
    for plan, identity in _columns(reading, PARTICIPANT):
        block = plan.block
        if block.transposed or not plan.readable:
            continue
        column = block.place(0, identity.index)[1]
        first = block.place(plan.header.first_data, 0)[0] if plan.body else block.bottom
        for other in reading.plans:
            piece = other.block
            if other.readable or piece.sheet is not block.sheet or piece.transposed:
                continue
            below = piece.top >= block.bottom and piece.left <= column < piece.right and not other.header.rows
            named = [c.label for c in other.columns if c.variable and c.confidence != UNSURE]
            start = piece.place(other.header.first_data, 0)[0] if other.body else -1
            if below and _same_form(block.sheet, block, piece, column):
                what = (
                    f"{piece.height} rows below {piece.top - block.bottom} blank rows look like more of the table above"
                )
                blank = "rows"
            elif piece.left >= block.right and named and start == first:
                what = f"columns without a participant id ({', '.join(named[:3])}) beside the table"
                blank = "columns"
            else:
                continue
            what += (
                f"{' and' * (blank == 'rows')} are not read; delete the blank {blank}, or give the range in the mapping"
            )
            reading.faults.error("torn table", what, **other.whole())


def check_beside_groups(reading: Reading) -> None:
    """Refuse numbers beside groups, in the same rows, that no group or name stands above."""
    groups: dict[int, list[tuple[Block, int]]] = defaultdict(list)  # with the first row of data, by sheet
    for plan in reading.plans:
        if plan.kind == GROUPS and plan.evidence != MAPPED and plan.body and not plan.block.transposed:
            groups[id(plan.block.sheet)].append((plan.block, plan.block.rows[plan.header.first_data]))
    for plan in reading.plans:
        block, beside = plan.block, groups.get(id(plan.block.sheet), [])
        if not beside or plan.readable or any(cell != EMPTY for labels in plan.header.labels for cell in labels):
            continue
        left = any(own.right <= block.left and first <= block.top < own.bottom for own, first in beside)
        if left and any(is_number(value) for row in plan.body for value in row):
            what = "numbers without a group beside columns of groups; name the group above them, or write a mapping"
            reading.faults.error("no group", what, **plan.whole())


def check_measures(reading: Reading) -> None:
    """Ask once about blocks that do not say whether their later values are values or changes."""
    plans = [plan for plan in reading.plans if plan.readable and plan.evidence != MAPPED and plan.unmeasured]
    if plans:
        alike = f" (as {len(plans) - 1} more blocks)" * (len(plans) > 1)
        what = f"later values that may be values, percent changes or percent of baseline{alike}; say measure: in the mapping"
        reading.faults.error("no measure", what, **plans[0].whole())


def check_statistics(reading: Reading) -> None:
    """Ask about a row at the end of groups without ids that holds the means or medians of the rows above."""
    for plan, rows in reading.blocks:
        columns = plan.having(DATA) if plan.kind == GROUPS and plan.readable and plan.evidence != MAPPED else []
        used = np.flatnonzero(rows.use)
        cells = [[plan.body[i][c.index] for c in columns] for i in used]
        values = np.array([[float(cell) if is_number(cell) else np.nan for cell in row] for row in cells])
        for end in range(max(len(used) - LAST, FEW), len(used) if columns else 0):
            own = ~np.isnan(values[end])
            written = [f"{value:.10g}" for value in values[end, own]]
            decimals = max((len(text.partition(".")[2]) for text in written), default=0)
            above = values[:end, own]
            if sum(len(text.lstrip("-0.")) for text in written) < DIGITS or np.isnan(above).all(axis=0).any():
                continue
            for statistic in (np.nanmean, np.nanmedian):
                if np.allclose(statistic(above, axis=0), values[end, own], rtol=1e-9, atol=0.51 * 10.0**-decimals):
                    what = "a row that holds the means or medians of those above; end the range before it in a mapping"
                    reading.faults.error("statistics", what, **plan.place(int(used[end]), columns[0]))
                    break


def _same_form(sheet: Sheet, block: Block, piece: Block, column: int) -> bool:
    """Return whether a piece holds ids of the form of a table's in the same column, with numbers beside them."""
    above, below = (
        {form.prefix for row in sheet.rows[part.top : part.bottom] if (form := code_form(canonical_id(row[column])))}
        for part in (block, piece)
    )
    return bool(above & below) and any(is_number(value) for row in piece.values for value in row)


def check_columns(reading: Reading) -> None:
    """Ask about columns that may hold what is missing, or lack a group, and report other numbers that are not read."""
    own, trial = _own(reading), reading.trial
    have = set(zip(own["variable"], own["visit"], strict=True))
    unread: dict[Plan, list[str]] = defaultdict(list)
    for plan, column in [*_columns(reading, IGNORE), *_columns(reading, DATA)]:
        asked = []
        for key in column.candidates if column.role == IGNORE and column.confidence == UNSURE else ():
            visits = [BASELINE, *getattr(trial.outcomes.get(key), "follow_up", ())]
            missing = [trial.visits[visit].label for visit in visits if (key, visit) not in have]
            if missing and (key, column.visit) not in have:
                asked.append(f"{trial.variable_label(key)}, which is missing at {', '.join(missing)}")
        if asked:
            column.asked = True
            what = f"may be {', or '.join(asked)}, or not ({column.why}); say in a mapping which it is, or ignore"
            reading.faults.error("ambiguous", what, **plan.head_of(column))
        numbers = sum(is_number(row[column.index]) for row in plan.body[:SAMPLE])
        named = any(c.arm or c.stratum for c in plan.having(DATA)) and plan.kind == GROUPS and not plan.one(ARM)
        if numbers > 1 and named and not (column.arm or column.stratum or column.label or column.why == "row number"):
            what = f"{numbers} numbers without a group beside columns of groups; name the group above them"
            reading.faults.error("no group", what, **plan.place(0, column))
        if numbers > 1 and column.role == IGNORE and plan.readable:
            unread[plan].append(f"{plan.name_of(column)} ({shown(column.label) or 'no header'})")
    for plan, names in unread.items():
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        what = f"numbers that were not recognised and not read: {', '.join(names[:MOST_NAMED])}{more}"
        reading.faults.note("unread columns", what, **plan.whole())


def check_inferred(reading: Reading) -> None:
    """Report what was inferred and not stated, and blocks that are not read although they could be."""
    for plan in reading.plans:
        for column in plan.columns if plan.readable else ():
            if column.confidence == INFERRED and column.role != IGNORE:
                reading.faults.note("inferred", column.why, **plan.head_of(column))
        if plan.unread:
            reading.faults.note("unread", f"block not read: {plan.unread}", **plan.whole())


CHECKS = (
    check_every_arm,
    check_every_id,
    check_units,
    check_plausible,
    check_baselines,
    check_groups,
    check_changes,
    check_hidden,
    check_merged_values,
    check_torn,
    check_beside_groups,
    check_measures,
    check_statistics,
    check_columns,
    check_inferred,
)
