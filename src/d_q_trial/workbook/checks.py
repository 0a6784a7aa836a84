"""Checks of a workbook that has been read: each is a function of the reading, listed in ``CHECKS``, that reports faults.

An error stops every analysis until the workbook or a mapping settles it; a note tells what was read in a way that the
analyst might not expect. Nothing is changed here.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..trial import BASELINE
from .mapping import Plan
from .recognise import canonical_id, code_form, is_known_unit, plain_unit, unit_factor
from .sheets import EMPTY, Block, Sheet, column_letters, first_of, is_number, shown
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
        asked = source.plan.unmeasured and not source.plan.mapped
        if thing and not asked and getattr(thing, "kind", "") != "binary":
            yield source, own, thing


def _report(reading: Reading, plan: Plan):
    """Return what reports a question: an error, or a note where a mapping has given the block."""
    return reading.faults.note if plan.mapped else reading.faults.error


def check_every_arm(reading: Reading) -> None:
    """Refuse participants without an arm, except those whose arm was not understood and is reported already."""
    known = {identity for plan in reading.blocks for identity in plan.rows.loc[plan.rows["unknown"], "participant"]}
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
    plans = [p for p in reading.blocks if p.kind == "participants" and p.cohort == TRIAL and p.data]
    for plan in plans if len(plans) > 1 else ():
        if plan.one("participant") is None:
            what = "a table of participants without recognised ids beside others; expected a column such as Participant ID "
            reading.faults.error("no ids", what + "(if a column holds them, say so in the mapping)", **plan.whole())


def check_units(reading: Reading) -> None:
    """Refuse units, in a header or beside the values, that are not the trial's; nothing is converted."""
    for source, own, thing in _measured(reading):
        sheet, column = source.plan.sheet, source.column
        beside = dict(zip(own["unit"][::-1], own["unit_cell"][::-1], strict=True))
        stated = [(unit, {"sheet": sheet, "cell": cell, "value": unit}) for unit, cell in beside.items() if unit]
        if column.unit:
            stated.insert(0, (column.unit, source.head | {"value": column.label or column.unit}))
        for unit, place in stated if thing.unit and column.factor == 1.0 else ():  # a factor has converted it
            factor, report = unit_factor(unit, thing.unit), reading.faults.error
            if factor == 1.0:
                continue
            if factor:
                in_header = f"to convert, write factor: {factor:g} in the mapping"
                how = "convert it in the workbook" if place["value"] == unit else in_header
                what = f"in {unit}, expected {thing.unit}; {how}"
            elif is_known_unit(unit) and is_known_unit(thing.unit):
                what = f"in {unit}, which does not convert to {thing.unit}; write a factor in the mapping"
            else:
                percent = plain_unit(unit) in ("percent", "%")  # perhaps of the baseline, or a change
                report = _report(reading, source.plan) if percent else reading.faults.note
                what = (
                    f"unit {unit!r} cannot be compared with {thing.unit!r}" + "; say measure: in the mapping" * percent
                )
            report("unit", f"{thing.label}{' ' if what.startswith('in ') else ': '}{what}", **place)


def check_plausible(reading: Reading) -> None:
    """Ask about columns whose values, as a whole or singly, lie beyond what the trial or the other values lead to expect."""
    stated = {(fault.sheet, fault.cell) for fault in reading.faults.errors if fault.kind == "unit"}
    columns = [(source, own, thing, float(own["value"].median())) for source, own, thing in _measured(reading)]
    for source, own, thing, median in columns:
        low, high = thing.plausible or (-np.inf, np.inf)
        others = [other for alike, _, _, other in columns if alike.variable == source.variable]
        far = [other for other in others if 0 < FAR * min(median, other) < max(median, other)]
        if (source.head["sheet"], source.head["cell"]) in stated:
            continue
        if not low <= median <= high:
            hint = "if it is right, widen 'plausible' in the trial file"
            if scale := next((f"{scale:g}" for scale in SCALES if low <= median * scale <= high), ""):
                hint = f"{scale} times that would fit, perhaps another unit: write factor: {scale} in the mapping"
            what = f", expected {low:g} to {high:g} {thing.unit}; {hint}"
        elif 2 * len(far) >= len(others) > 1 and not source.plan.mapped:
            what = f" here and {np.median(far):.4g} in other columns; correct it, or write a mapping"
        else:
            _check_odd_values(reading, source, own, thing)
            continue
        reading.faults.error("implausible", f"{thing.label} has a median of {median:.4g}{what}", **source.head)


def _check_odd_values(reading: Reading, source: Source, own: pd.DataFrame, thing) -> None:
    """Ask about negative values where the others are positive, values far from all others, and likely missing codes."""
    values = own["value"].to_numpy()
    counts, median = Counter(values.tolist()), float(np.median(values))
    low, high = thing.plausible or (-np.inf, np.inf)
    never_negative = low >= 0 if thing.plausible else np.mean(values < 0) <= RARE
    nines = {value for value in counts if abs(value) >= 9 and set(f"{abs(value):g}") == {"9"}}
    largest = max(counts.keys() - nines, default=0.0)
    codes = {value for value in nines if counts[value] > 1 or value > 10 * largest}
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
        _report(reading, source.plan)(kind, f"{what}; {'kept' if source.plan.mapped else KEEP}", **place)


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
        found = []
        if smallest > 0 and 50 < changes["value"].median() < 200 and not source.of_baseline:
            like = "percent of baseline"
            found += [(like, "above zero with a median near 100", like, "measure: percent_of_baseline")]
        if largest < 1 and source.column.factor == 1.0:
            found += [("fraction", f"below 1 in size (at most {largest:.3g})", "fractions", "factor: 100")]
        for kind, what, like, key in found if len(changes) >= MANY else ():
            what = f"are all {what}, as if they were {like}; if they are, write {key} in the mapping"
            what = f"percent changes of {trial.variable_label(source.variable)} {what}"
            _report(reading, source.plan)(kind, what, **source.head)
    arms = {key: arm for key, arm in trial.analysed_arms.items() if key in set(own["arm"])}
    for _, values in own.groupby(["variable", "visit", "measure"], sort=False):
        present, source = set(values["arm"]), values["source"].iloc[0]
        for arm in (arm for key, arm in arms.items() if key not in present and present != {""}):
            what = f"{source.label(trial)}: no value in the arm {arm.label}"
            reading.faults.note("empty arm", what, **source.head | {"value": ""})


def check_baselines(reading: Reading) -> None:
    """Report baselines that give no percent change, follow-up values without one, and computed changes that hardly can be."""
    trial, faults, keys = reading.trial, reading.faults, ["variable", "participant"]
    raw = reading.frame[reading.frame["linked"] & (reading.frame["measure"] == VALUE)]
    raw = raw[raw["variable"].isin([key for key, outcome in trial.outcomes.items() if outcome.follow_up])]
    raw = raw.assign(label=[trial.variable_label(key) for key in raw["variable"]])
    first, later = raw[raw["visit"] == BASELINE], raw[raw["visit"] != BASELINE]
    unknown = later[~later["variable"].isin(first["variable"])]
    later = later[later["variable"].isin(first["variable"])].join(
        first.set_index(keys)["value"].rename("base"), on=keys
    )
    apart = later[later.groupby("variable", sort=False)["base"].transform("count").eq(0)]
    impossible = later[(later["base"] > 0) & (later["value"] > later["base"] * (1 + MOST_CHANGE / 100))]
    without = later[later["base"].isna()].drop_duplicates(keys)
    neither = "no participant has both a baseline and a later value of {label}; the ids may be of samples"
    for rows, whole, kind, words in (
        (first[first["value"] < 0], False, "baseline", "negative baseline of {label}: no percent change from it"),
        (first[first["value"] == 0], False, "baseline", "zero baseline of {label}: no percent change from it"),
        (
            unknown.drop_duplicates("variable"),
            True,
            "no baseline",
            "{label} has follow-up values but no baseline values",
        ),
        (apart.drop_duplicates("variable"), True, "no baseline", neither),
        (without, False, "no baseline", "participant {participant} has a follow-up value of {label} but no baseline"),
        (impossible, False, "outlying", f"a value of {{label}} that makes a percent change above {MOST_CHANGE}%; kept"),
    ):
        for row in rows.itertuples():
            what, place = words.format(**row._asdict()), row.source.head if whole else cell_of(row)
            faults.error(kind, what, **place, stops=whole)


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
    policy = reading.policy
    for sheet in reading.workbook.sheets:
        blocks, told = [plan.block for plan in reading.plans if plan.readable and plan.block.sheet is sheet], []
        own = sorted({i for block in blocks for i in block.rows if i in sheet.hidden_rows})
        rows = [sheet.row_numbers[i] + 1 for i in own if any(value != EMPTY for value in sheet.rows[i])]
        own = sorted({i for block in blocks for i in block.columns if i in sheet.hidden_columns})
        columns = [column_letters(sheet.column_numbers[i]) for i in own if any(row[i] != EMPTY for row in sheet.rows)]
        if sheet.hidden and blocks:
            told.append("a hidden sheet; its data were read")
        if rows and policy.hidden_rows == "read":
            why = "by a saved filter or by hand" if sheet.filtered else "by hand or by a filter"
            what = f"{len(rows)} hidden rows with data ({why}) were read, first row {rows[0]}"
            told.append(f"{what}; hidden_rows: ignore leaves them out")
        if columns:
            told.append(f"{len(columns)} hidden columns with data were read: {', '.join(columns[:10])}")
        if sheet.struck and blocks and policy.struck_out == "read":
            names = ", ".join(sheet.address(*place) for place in sorted(sheet.struck)[:10])
            told.append(f"{len(sheet.struck)} struck-out cells were read: {names}; struck_out: missing leaves them out")
        for note in told:
            reading.faults.note("hidden", note, sheet=sheet.name)


def check_merged_values(reading: Reading) -> None:
    """Ask about a merged cell over several rows of values: it holds one value, and the other rows none."""
    for plan in (plan for plan in reading.plans if plan.readable and plan.body):
        block, sheet = plan.block, plan.block.sheet
        first = {block.place(plan.header.first_data, column.index) for column in plan.data}
        for top, left, bottom, right in sheet.merged:
            over = right - left if block.transposed else bottom - top
            begins = any((r == top and c <= left) if block.transposed else (c == left and r <= top) for r, c in first)
            if over and begins and top < block.bottom and is_number(sheet.rows[top][left]):
                what = (
                    f"a merged cell gives one value to {over + 1} participants; only the first has it; unmerge the cell"
                )
                area = f"{sheet.address(top, left)}:{sheet.address(bottom, right)}"
                place = {"sheet": sheet.name, "cell": area, "value": sheet.rows[top][left]}
                _report(reading, plan)("merged value", what, **place)


def check_torn(reading: Reading) -> None:
    """Refuse tables that blank rows or columns tear apart, where the piece without a header or without ids is not read."""
    whole = [plan for plan in reading.plans if plan.readable and not plan.mapped and not plan.block.transposed]
    pieces = [plan for plan in reading.plans if not plan.readable and not plan.block.transposed]
    for plan, other in itertools.product(whole, pieces):
        block, piece, identity = plan.block, other.block, plan.one("participant")
        if not identity or piece.sheet is not block.sheet:
            continue
        column = block.place(0, identity.index)[1]
        below = piece.top >= block.bottom and piece.left <= column < piece.right and not other.header.rows
        named = [c.label for c in other.columns if c.variable and c.confidence != "unsure"]
        first, start = (p.block.place(p.header.first_data, 0)[0] if p.body else p.block.bottom for p in (plan, other))
        beside = piece.left >= block.right and named and other.body and start == first
        if below and _same_form(block.sheet, block, piece, column):
            gap, blank = f"{piece.height} rows below {piece.top - block.bottom} blank rows", "rows"
            what = f"{gap} look like more of the table above and are not read"
        elif beside:
            blank, what = (
                "columns",
                f"columns without a participant id ({', '.join(named[:3])}) beside the table are not read",
            )
        else:
            continue
        what = f"{what}; delete the blank {blank}, or give the range in the mapping"
        reading.faults.error("torn table", what, **other.whole())


def check_beside_groups(reading: Reading) -> None:
    """Refuse numbers beside groups, in the same rows, that no group or name stands above."""
    groups = [p for p in reading.plans if p.kind == "groups" and not p.mapped and p.body and not p.block.transposed]
    for plan in reading.plans:
        if plan.readable or any(cell != EMPTY for labels in plan.header.labels for cell in labels):
            continue
        beside = (p for p in groups if p.block.sheet is plan.block.sheet and p.block.right <= plan.block.left)
        left = any(p.block.rows[p.header.first_data] <= plan.block.top < p.block.bottom for p in beside)
        if left and any(is_number(value) for row in plan.body for value in row):
            what = "numbers without a group beside columns of groups; name the group above them, or write a mapping"
            reading.faults.error("no group", what, **plan.whole())


def check_measures(reading: Reading) -> None:
    """Ask once about blocks that do not say whether their later values are values or changes."""
    plans = [plan for plan in reading.plans if plan.readable and not plan.mapped and plan.unmeasured]
    if plans:
        alike = f" (as {len(plans) - 1} more blocks)" * (len(plans) > 1)
        what = f"later values that may be values, percent changes or percent of baseline{alike}; say measure: in the mapping"
        reading.faults.error("no measure", what, **plans[0].whole())


def check_statistics(reading: Reading) -> None:
    """Ask about a row at the end of groups without ids that holds the means or medians of the rows above."""
    for plan in reading.blocks:
        columns = plan.data if plan.kind == "groups" and plan.readable and not plan.mapped else []
        used = np.flatnonzero(plan.rows["use"])
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
    plans = [plan for plan in reading.plans if not plan.mapped and (plan.readable or plan.one("participant"))]
    for plan, column in [(p, column) for role in ("ignore", "data") for p in plans for column in p.having(role)]:
        asked = []
        for key in column.candidates if column.role == "ignore" and column.confidence == "unsure" else ():
            visits = [BASELINE, *getattr(trial.outcomes.get(key), "follow_up", ())]
            missing = [trial.visits[visit].label for visit in visits if (key, visit) not in have]
            if missing and (key, column.visit) not in have:
                asked.append(f"{trial.variable_label(key)}, which is missing at {', '.join(missing)}")
        if asked:
            column.asked = True
            what = f"may be {', or '.join(asked)}, or not ({column.why}); say in a mapping which it is, or ignore"
            reading.faults.error("ambiguous", what, **plan.head_of(column))
        numbers = sum(is_number(row[column.index]) for row in plan.body[:SAMPLE])
        named = any(c.arm or c.stratum for c in plan.data) and plan.kind == "groups" and not plan.one("arm")
        if numbers > 1 and named and not (column.arm or column.stratum or column.label or column.why == "row number"):
            what = f"{numbers} numbers without a group beside columns of groups; name the group above them"
            reading.faults.error("no group", what, **plan.place(0, column))
        if numbers > 1 and column.role == "ignore" and plan.readable:
            unread[plan].append(f"{plan.name_of(column)} ({shown(column.label) or 'no header'})")
    for plan, names in unread.items():
        what = f"numbers that were not recognised and not read: {first_of(names, MOST_NAMED)}"
        reading.faults.note("unread columns", what, **plan.whole())


def check_inferred(reading: Reading) -> None:
    """Report what was inferred and not stated, and blocks that are not read although they could be."""
    for plan in reading.plans:
        for column in plan.columns if plan.readable else ():
            if column.confidence == "inferred" and column.role != "ignore":
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
