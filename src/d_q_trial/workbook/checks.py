"""Checks of a workbook that has been read: each ``check_*`` reports faults in the words of ``messages.yaml``.

An error stops every analysis until the workbook is corrected or a mapping answers the question. A note reports what was
read in a way that the analyst might not expect. No check changes the values.
"""

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..recognition.cells import is_known_unit, plain_unit, unit_factor
from ..recognition.vocabulary import MARKS, UNMARKED, canonical_id, compact_name, id_kind, normalize, short_code
from ..spreadsheet.sheets import EMPTY, format_cell, is_number, join_first
from ..trial import BASELINE
from .mapping import CODE_SECTIONS, BlockPlan
from .reading import WorkbookReading
from .values import CHANGE_MEASURES, CORRECT_OR_KEEP, Source, cell_location, variable_visits

SMALL_GROUP = 3  # fewest values of a stratum, and fewest rows above a row of statistics
MANY = 10  # fewest changes that show their scale, and most names in a list
SAMPLE_ROWS = 200
MAX_NAMED = 6
MAX_GROUPS = 6  # three strata of two arms
MAX_CHANGE = 1000  # percent; the messages name it
CODE_MEANING = re.compile(r"(\w{1,4})\s*[=:]\s*([^=:,;\n]{1,60})")  # such as 1 = Baseline
FIRST_ROWS, LAST_ROWS = 2, 6  # that may hold statistics
FEWEST_DIGITS = 6  # of all numbers of a row together, which hardly agree by chance
FAR = 100  # times the median of a column, or of the same variable in other columns; a message names it
RARE = 0.1  # share of negative values that may be errors; a scale such as a T-score has more
UNIT_SCALES = (1e-3, 1e3, 1e-6, 1e6, 1e-9, 1e9, 0.1, 10.0, 1e-2, 100.0)  # the most likely first


def _iterate_measured(reading: WorkbookReading) -> Iterator[tuple[Source, pd.DataFrame]]:
    """Yield the columns of measured values, with their rows: no changes, no strata, no answers of yes or no."""
    frame = reading.frame
    for source, rows in frame[frame["measure"].eq(VALUE) & frame["text"].eq("")].groupby("source", sort=False):
        if source.definition and not source.plan.measure_unknown and getattr(source.definition, "kind", "") != "binary":
            yield source, rows


def check_every_arm(reading: WorkbookReading) -> None:
    """Refuse participants without an arm, unless their arm was not understood, which is reported already."""
    participants = reading.trial_rows[reading.trial_rows["linked"]].drop_duplicates("participant")
    reported = {i for plan in reading.read_plans for i in plan.rows.loc[plan.rows["unknown_arm"], "participant"] if i}
    if len(participants) and not reported and not participants["arm"].any():
        expected = " or ".join(arm.label for arm in reading.trial.analysed_arms.values())
        reading.faults.error("no arm / nobody", participants["source"].iloc[0].plan.location(), expected=expected)
        return
    for row in participants[participants["arm"].eq("") & ~participants["participant"].isin(reported)].itertuples():
        reading.faults.error("no arm", cell_location(row) | {"value": row.participant})


def check_every_id(reading: WorkbookReading) -> None:
    """Refuse a table without ids if there is another table, or an unread block with ids on its sheet: rows cannot be joined."""
    plans = [p for p in reading.read_plans if p.kind == "participants" and p.cohort == TRIAL and p.data]
    labels = [(p.sheet, text) for p in reading.plans if not p.readable for text in itertools.chain(*p.header.labels)]
    sheets_with_ids = {sheet for sheet, text in labels if reading.vocabulary.label(text).role == "participant"}
    for plan in (plan for plan in plans if plan.column_of("participant") is None):
        if len(plans) > 1 or (plan.sheet in sheets_with_ids and not plan.mapped):
            reading.faults.error("no ids", plan.location())


def check_same_ids(reading: WorkbookReading) -> None:
    """Ask about tables whose ids may not be those of the same participants, by the ids or by the labels of their columns."""
    plans = [p for p in reading.read_plans if p.column_of("participant") and p.cohort == TRIAL and not p.mapped]
    id_kinds = {p: {id_kind(c.label) for c in p.columns if c.reading.role in ("participant", "ignored")} for p in plans}
    sources = reading.trial_rows["source"].unique()
    pairs_read = {plan: {(s.variable, s.visit) for s in sources if s.plan is plan} for plan in plans}
    for first, second in itertools.combinations(plans, 2):
        disjoint = first.participant_ids.isdisjoint(second.participant_ids)
        with_arms = all(plan.column_of("arm") and plan.rows["arm"].nunique() > 1 for plan in (first, second))
        if with_arms and disjoint and pairs_read[first] & pairs_read[second]:
            reading.faults.error("other people", second.location(), other=first)
        columns = [first.column_of("participant"), second.column_of("participant")]
        kinds = [id_kind(column.label) for column in columns]
        # One label suffices if the other table also has ids of its kind, or if ids of its kind are never a participant's.
        other_kinds = [id_kinds[plan] | {"sample", "screening"} for plan in (second, first)]
        stated = any(kind and (kind in other or all(kinds)) for kind, other in zip(kinds, other_kinds, strict=True))
        numbers = any(all(canonical_id(cell).isdigit() for cell in column.distinct) for column in columns)
        if kinds[0] != kinds[1] and stated and (numbers or disjoint):
            columns[0].questioned = columns[1].questioned = True
            reading.faults.error("id kinds", second.header_of(columns[1]), where=first.header_of(columns[0]))


def check_units(reading: WorkbookReading) -> None:
    """Refuse units, in a header or next to the values, that are not the trial's; no value is converted."""
    for source, rows in _iterate_measured(reading):
        definition, column, mapped = source.definition, source.column, source.plan.mapped
        if not definition.unit or column.factor != 1.0:  # a factor has converted the values
            continue
        first_cells = dict(zip(rows["unit"][::-1], rows["unit_cell"][::-1], strict=True))
        places = [(u, {"sheet": source.plan.sheet, "cell": cell, "value": u}) for u, cell in first_cells.items() if u]
        if column.unit:
            places.insert(0, (column.unit, source.head | {"value": column.label or column.unit}))
        for unit, place in places:
            factor, template_values = unit_factor(unit, definition.unit), {"definition": definition, "unit": unit}
            both_known = is_known_unit(unit) and is_known_unit(definition.unit)
            if factor is None:
                name = "other" if both_known else "percent" if plain_unit(unit) == "percent" else "unknown"
                reading.faults.error(f"unit / {name}", place, stops=both_known or not mapped, **template_values)
            elif factor != 1.0:
                name = "unit / beside" if place["value"] == unit else "unit"
                reading.faults.error(name, place, factor=factor, **template_values)


def check_plausible(reading: WorkbookReading) -> None:
    """Ask about columns, and single values, far from what the trial or the other values lead to expect."""
    faults, reported = reading.faults, {(f.sheet, f.cell) for f in reading.faults.errors if f.kind == "unit"}
    columns = [(s, r, r["value"].median(), r["value"].abs().median()) for s, r in _iterate_measured(reading)]
    for source, rows, median, size in columns:
        if (source.head["sheet"], source.head["cell"]) in reported:
            continue
        low, high = source.definition.plausible or (-np.inf, np.inf)
        medians = [(other, scale) for s, _, other, scale in columns if s.variable == source.variable]
        far_medians = [other for other, scale in medians if 0 < FAR * min(size, scale) < max(size, scale)]
        if not low <= median <= high:
            hint = "if it is right, widen 'plausible' in the trial file"
            if scale := next((f"{scale:g}" for scale in UNIT_SCALES if low <= median * scale <= high), ""):
                hint = f"{scale} times that would fit: write factor: {scale} in the mapping if the unit, not the column, is wrong"
            faults.error("implausible", source.head, source=source, median=median, hint=hint, limits=(low, high))
        elif 2 * len(far_medians) >= len(medians) > 1 and not source.plan.mapped:
            other = np.median(far_medians)
            faults.error("implausible / columns", source.head, source=source, median=median, other=other)
        else:
            _check_odd_values(reading, source, rows, median, size)


def _find_missing_codes(values: np.ndarray, least: int) -> tuple[list[float], float]:
    """Return numbers of nines that are likely codes, being repeated or far off, and the largest of the other numbers."""
    counts = Counter(values.tolist())
    nines = {value for value in counts if abs(value) >= least and set(f"{abs(value):g}") == {"9"}}
    largest = max(map(abs, {*counts} - nines), default=0.0)
    return [value for value in nines if counts[value] > 1 or abs(value) > 10 * largest], largest


def _check_odd_values(reading: WorkbookReading, source: Source, rows: pd.DataFrame, median: float, size: float) -> None:
    """Ask about negative values where the others are positive, values far from all others, and likely missing codes."""
    values, mapped, definition = rows["value"].to_numpy(), source.plan.mapped, source.definition
    low, high = definition.plausible or (-np.inf, np.inf)
    never_negative = low >= 0 if definition.plausible else np.mean(values < 0) <= RARE
    codes, largest = _find_missing_codes(values, 9)
    outside = (values < low) | (values > high)
    zeros = (values == 0) & (low > 0) & (np.sum(values == 0) > 1)
    kinds = {
        "": ~(outside | (values < 0) | (values > min(FAR * size, 10 * largest))),
        "missing code": (np.isin(values, codes) | zeros) & (median > 0),
        "negative": (values < 0) & (median > 0) & never_negative,
        "far off": (np.abs(values) > FAR * size) & (size > 0),
        "outlying": outside,
    }
    kind = np.select([*kinds.values()], [*kinds], "")
    span = f"{low:g} to {high:g} {source.column.unit or ''}".rstrip()
    action = "kept" if mapped else CORRECT_OR_KEEP
    template_values = {"definition": definition, "median": size, "span": span, "action": action}
    for position in np.flatnonzero(kind != ""):
        stops = kind[position] != "outlying" and not mapped
        reading.faults.error(str(kind[position]), cell_location(rows.iloc[position]), stops=stops, **template_values)


def check_baselines(reading: WorkbookReading) -> None:
    """Report baselines without a percent change, later values without a baseline, and implausible computed changes."""
    trial, keys = reading.trial, ["variable", "participant"]
    raw = reading.frame[reading.frame["linked"] & (reading.frame["measure"] == VALUE)]
    raw = raw[raw["variable"].isin([key for key, outcome in trial.outcomes.items() if outcome.follow_up])]
    baselines = raw[raw["visit"] == BASELINE]
    later = raw[raw["visit"] != BASELINE].join(baselines.set_index(keys)["value"].rename("baseline"), on=keys)
    with_baselines = later["variable"].isin(baselines["variable"])
    never_paired = later.groupby("variable", sort=False)["baseline"].transform("count").eq(0)
    implausible = (later["baseline"] > 0) & (later["value"] > later["baseline"] * (1 + MAX_CHANGE / 100))
    for name, rows in (
        ("baseline / negative", baselines[baselines["value"] < 0]),
        ("baseline / zero", baselines[baselines["value"] == 0]),
        ("no baseline / variable", later[~with_baselines].drop_duplicates("variable")),
        ("no baseline / samples", later[with_baselines & never_paired].drop_duplicates("variable")),
        ("no baseline", later[with_baselines & later["baseline"].isna()].drop_duplicates(keys)),
        ("outlying / made", later[implausible]),
    ):
        for row in rows.itertuples():
            stops = name in ("no baseline / variable", "no baseline / samples")
            reading.faults.error(name, row.source.head if stops else cell_location(row), row=row, stops=stops)


def check_analysed(reading: WorkbookReading) -> None:
    """Ask for the arm of panels without ids, and report values that no analysis uses."""
    rows, trial = reading.trial_rows.drop_duplicates(["source", "arm", "stratum"]), reading.trial
    by_arm = rows.groupby(["variable", "visit", "marker", "stratum"])["arm"].transform("max").ne("")
    for row in rows.assign(by_arm=by_arm).itertuples():
        source, panel, later = row.source, not row.linked, row.visit != BASELINE
        no_arm = panel and not row.arm and source.plan.column_of("arm") is None  # else it is reported already
        applies_by_name = {
            "not analysed / visit": later and row.visit not in source.definition.follow_up,
            "not analysed / no ids": panel and (row.variable in trial.markers or (later and row.measure == VALUE)),
            "not analysed / arm": panel and row.arm not in ("", *trial.analysed_arms),
            "no arm / changes": no_arm and later,
            "no arm / value": no_arm and not later and row.by_arm,
        }
        for name in filter(applies_by_name.get, applies_by_name):
            stops = name.startswith("no arm") and not (later and source.plan.mapped)
            reading.faults.error(name, source.head, stops=stops, row=row, arm=trial.every_arm.get(row.arm))


def check_groups(reading: WorkbookReading) -> None:
    """Report an empty arm, a missing marker, panels without ids, small strata, and markers that define none."""
    rows, trial, faults = reading.trial_rows, reading.trial, reading.faults
    if rows.empty:
        faults.error("no participants")
        return
    for key, arm in trial.analysed_arms.items():
        if rows["arm"].any() and key not in set(rows["arm"]):
            faults.error("empty arm", arm=arm)
    strata = rows["text"].where(rows["text"].ne(""), rows["stratum"])
    if trial.markers and not (rows["variable"].isin(trial.markers).any() or strata.ne("").any()):
        faults.note("no marker", names=" or ".join(marker.label for marker in trial.markers.values()))
    if not rows["linked"].any():
        faults.note("unlinked")
    for (source, arm, stratum), group in rows[strata.ne("")].groupby(["source", "arm", strata], sort=False):
        if len(group) < SMALL_GROUP:
            size = f"{len(group)} value{'s' * (len(group) > 1)} in {' '.join(filter(None, [stratum, arm]))}"
            faults.note("small stratum", source.head | {"value": ""}, group=size)
    for key, marker_rows in rows[rows["text"].eq("")].groupby("variable", sort=False):
        if key in trial.markers:
            label, head = trial.markers[key].label, marker_rows["source"].iloc[0].head
            if len(marker_rows) < 2 * SMALL_GROUP:
                faults.note("few marked", head, count=len(marker_rows), label=label)
            elif marker_rows["value"].nunique() == 1:
                faults.note("no strata", head, label=label)


def check_qualifiers(reading: WorkbookReading) -> None:
    """Ask about titles and columns that suggest values other than those measured: logarithms, imputed values, repeats."""
    for plan in (plan for plan in reading.read_plans if not plan.mapped):
        if plan.caution:
            reading.faults.error("not as measured", plan.location() | {"value": plan.caution})
        used = [i for i in np.flatnonzero(plan.rows["use"]) if plan.holds_data(i)]
        for column in plan.columns_of("ignore"):
            qualifies = column.reading.role == "qualifier"
            if column.reading.role == "ignored" or (column.numeric and not qualifies):
                continue
            counts = Counter(canonical_id(plan.cell(i, column)) for i in used)
            marked = any(MARKS.search(UNMARKED.sub("", normalize(text))) or text in ("<", ">") for text in counts)
            if marked or (qualifies and len({*map(str.casefold, counts)}) > 1):
                marks = ", ".join(f"{text or 'blank'} ({count})" for text, count in counts.most_common(MAX_NAMED))
                reading.faults.error("qualifier", plan.header_of(column), marks=marks)


def check_codebooks(reading: WorkbookReading) -> None:
    """Ask about a codebook that gives a short name or a number as a code for another visit than it was read as."""
    visits_read = reading.collect_spellings("visit")
    find_visit, mapped_codes = reading.vocabulary.visit, reading.policy.codes["visit"]
    for plan in (plan for plan in reading.plans if not plan.readable):
        rows = [[cell for cell in row if cell != EMPTY] for row in plan.block.values[:SAMPLE_ROWS]]
        rows += [match for row in rows for cell in row if isinstance(cell, str) for match in CODE_MEANING.findall(cell)]
        # A row with more than two names of visits is a schedule.
        pairs = [pair for row in rows if sum(map(bool, map(find_visit, row))) <= 2 for pair in itertools.pairwise(row)]
        named = ((canonical_id(code), find_visit(name)) for code, name in pairs if isinstance(name, str))
        meanings = {code: visit for code, visit in named if visit and len(code) < len(BASELINE)}  # codes are short
        conflicts = [c for c, visit in meanings.items() if (visits_read.get(c) or find_visit(c) or visit) != visit]
        conflicts = [code for code in conflicts if code.casefold() not in mapped_codes]
        if len(meanings) > 1 and conflicts:
            reading.faults.error("codebook", plan.location(), code=conflicts[0])


def check_codes(reading: WorkbookReading) -> None:
    """Report codes of a mapping by which no cell and, without blocks, no label is read, and strata that no value has."""
    codes, readers = reading.policy.codes, (reading.vocabulary.label, reading.vocabulary.context)
    sheets = reading.workbook.sheets if any(codes.values()) and reading.policy.blocks is None else ()
    rows = [row for sheet in sheets for row in [[sheet.name], *sheet.rows]]
    texts = {compact_name(cell): cell for row in rows for cell in row if isinstance(cell, str)}
    for role in ("arm", "visit", "variable"):
        used = {form(text) for text in reading.collect_spellings(role) for form in (str.casefold, short_code)}
        for code, key in ((code, key) for code, key in codes[role].items() if code not in used):
            labels = [read(text) for name, text in texts.items() if compact_name(code) in name for read in readers]
            if key not in {"ignore" if label.role == "ignored" else getattr(label, role) for label in labels}:
                reading.faults.note("unused code", {"value": code}, section=CODE_SECTIONS[role])
    strata = {*reading.frame["stratum"], *reading.frame["text"]}
    missing = {fault.value.strip("'").casefold() for fault in reading.faults.found if fault.kind == "missing code"}
    unused = [("strata", code) for code, stratum in codes["stratum"].items() if stratum not in strata]
    unused += [("missing", code) for code in reading.policy.missing if canonical_id(code).casefold() not in missing]
    for section, code in unused:
        reading.faults.note("unused code", {"value": code}, section=section)


def check_mapping(reading: WorkbookReading) -> None:
    """Report what contradicts a mapping: the name of the workbook, labels of columns, and numbers that no block lists."""
    policy, faults, weeks = reading.policy, reading.faults, reading.vocabulary.weeks
    if policy.workbook not in (None, reading.workbook.path.name):
        faults.note("other workbook", {"value": policy.workbook})
    sheets = {} if policy.blocks is None else {sheet.name: sheet for sheet in reading.workbook.sheets}
    listed = {name: np.zeros((sheet.height, sheet.width), dtype=bool) for name, sheet in sheets.items()}
    for plan, start in [(p, p.header.first_data) for p in reading.plans if p.mapped]:
        known = [[i >= start or cell in weeks for cell in row] for i, row in enumerate(plan.block.values)]
        listed[plan.sheet][np.ix_(plan.block.rows, plan.block.columns)] |= known
        for name in ("variable", "visit", "arm", "stratum"):
            in_rows = plan.column_of(name) and plan.rows.loc[plan.rows["use"], name].notna().all()
            if getattr(plan, name) and (in_rows or all(getattr(column, name) for column in plan.data)):
                faults.note("no effect", plan.location(), statement=name, key=getattr(plan, name))
        for column, role in itertools.product(plan.data, ("variable", "visit", "arm")):
            named, used = getattr(column.reading, role), getattr(column, role) or getattr(plan, role)
            if column.reading.certain and used and named not in (None, used):
                faults.note("other label", plan.header_of(column), role=role, used=used)
            if role == "variable" and not (used or plan.column_of(role)):
                faults.error("no variable", plan.header_of(column), count=sum(map(is_number, plan.cells(column))))
    for name, sheet in sheets.items():
        if numbers := [(r, c) for r, c in np.argwhere(~listed[name]).tolist() if is_number(sheet.rows[r][c])]:
            faults.note("unlisted", {"sheet": name, "cell": sheet.address(*numbers[0])}, count=len(numbers))


def check_changes(reading: WorkbookReading) -> None:
    """Report implausible given changes, ask if they are fractions, and report outcomes with values in one arm only."""
    trial, faults = reading.trial, reading.faults
    rows = reading.trial_rows[reading.trial_rows["variable"].isin(trial.outcomes)]
    given = rows[rows["measure"] == PERCENT_CHANGE]
    for row in given[~given["value"].between(-100, MAX_CHANGE)].itertuples():
        faults.note(f"outlying / {'below' if row.value < 0 else 'above'}", cell_location(row))
    for source, changes in given.groupby("source", sort=False):
        template_values = {"definition": source.definition, "action": "kept" if source.plan.mapped else CORRECT_OR_KEEP}
        codes, _ = _find_missing_codes(changes["value"].to_numpy(), 99)
        for row in changes[changes["value"].isin(codes) & ~changes["value"].between(-98, 99)].itertuples():
            faults.error("missing code", cell_location(row), stops=not source.plan.mapped, **template_values)
    for _, changes in given.groupby([given["source"].map(lambda source: source.plan), "variable", "visit"], sort=False):
        source, values, sizes = changes["source"].iloc[0], changes["value"], changes["value"].abs()
        near_100 = values.min() > 0 and 50 < values.median() < 200 and not source.of_baseline
        fractions = sizes.quantile(0.9) < 1 and source.column.factor == 1.0
        for kind, suspected in (("percent of baseline", near_100), ("fraction", fractions)):
            if suspected and len(changes) >= MANY:
                faults.error(kind, source.head, stops=not source.plan.mapped, source=source, largest=sizes.max())
    arms = {key: arm for key, arm in trial.analysed_arms.items() if key in set(rows["arm"])}
    for _, group in rows.groupby(["variable", "visit", "measure"], sort=False):
        present, source = set(group["arm"]), group["source"].iloc[0]
        for arm in (arm for key, arm in arms.items() if key not in present and present != {""}):
            faults.note("empty arm / variable", source.head | {"value": ""}, label=source.label, arm=arm)


def check_hidden(reading: WorkbookReading) -> None:
    """Report hidden sheets, rows and columns that were read, and struck-out values."""
    for sheet in reading.workbook.sheets:
        blocks = [p.block for p in reading.plans if p.readable and p.block.sheet is sheet]
        rows = {i for block in blocks for i in block.rows if reading.policy.hidden_rows == "read"} & sheet.hidden_rows
        columns = {i for block in blocks for i in block.columns} & sheet.hidden_columns
        struck = sorted(sheet.struck) if blocks and reading.policy.struck_out == "read" else []
        names_by_kind = {
            "sheet": [sheet.name] if sheet.hidden and blocks else [],
            "rows": [*map(sheet.row_name, sorted(rows))],
            "columns": [*map(sheet.column_name, sorted(columns))],
            "struck": [sheet.address(*cell) for cell in struck],
        }
        for kind, names in names_by_kind.items():
            if names:
                reading.faults.note(f"hidden / {kind}", {"sheet": sheet.name}, names=join_first(names, MANY))


def check_merged_values(reading: WorkbookReading) -> None:
    """Ask about a merged cell over several rows of values: it holds one value, and the other rows none."""
    for plan in (plan for plan in reading.plans if plan.readable and plan.body):
        block, sheet = plan.block, plan.block.sheet
        first_row, columns = block.rows[plan.header.first_data], {block.columns[c.index] for c in plan.data}
        for top, left, bottom, right in sheet.merged:
            value = sheet.rows[top][left]
            if bottom > top and left in columns and first_row <= top < block.bottom and is_number(value):
                area = f"{sheet.address(top, left)}:{sheet.address(bottom, right)}"
                place = {"sheet": sheet.name, "cell": area, "value": value}
                reading.faults.error("merged value", place, stops=not plan.mapped, count=bottom - top + 1)


def check_measures(reading: WorkbookReading) -> None:
    """Ask once about blocks with later values that may be raw or changes, also below a title of changes with raw baselines."""
    sources = reading.frame["source"].unique()
    titled = [s for s in sources if s.plan.measure in CHANGE_MEASURES and s.column.measure == VALUE]
    changed = {(s.plan, s.variable) for s in titled if s.measure == PERCENT_CHANGE and not s.plan.mapped}
    with_raw_baselines = {s.plan for s in titled if s.visit == BASELINE and (s.plan, s.variable) in changed}
    plans = [plan for plan in reading.plans if plan.readable and (plan.measure_unknown or plan in with_raw_baselines)]
    if plans:
        more_blocks = f" (as {len(plans) - 1} more blocks)" if len(plans) > 1 else ""
        reading.faults.error("no measure", plans[0].location(), more_blocks=more_blocks)


def check_statistics(reading: WorkbookReading) -> None:
    """Ask about first and last rows without ids that hold numbers, means, SDs and the like of the other rows of their group."""
    for plan in (plan for plan in reading.read_plans if plan.readable and not plan.mapped):
        columns, rows = plan.data, plan.rows[plan.rows["use"]]
        groups = [rows, *(group for _, group in rows.fillna("").groupby([*CODE_SECTIONS], sort=False))]
        for group in groups if columns and plan.column_of("participant") is None else ():
            values = pd.DataFrame([[plan.cell(i, column) for column in columns] for i in group.index], group.index)
            values = values.where(values.map(is_number)).astype(float)
            last = range(max(len(values) - LAST_ROWS, SMALL_GROUP), len(values))
            first = range(min(FIRST_ROWS, max(len(values) - SMALL_GROUP, 0)))
            pairs = [(values.iloc[end], values.iloc[:end]) for end in last]
            pairs += [(values.iloc[start], values.iloc[start + 1 :]) for start in first]
            for row, others in pairs:
                if _holds_statistics(row, others):
                    reading.faults.error("statistics", plan.locate(int(row.name), columns[0]))


def _holds_statistics(row: pd.Series, others: pd.DataFrame) -> bool:
    """Return whether the numbers of a row are, as far as they are written, one statistic of each column of other rows."""
    others = others.dropna(axis="columns", how="all")
    numbers = row[others.columns].dropna()
    others, written = others[numbers.index], [f"{value:.10g}" for value in numbers]
    tolerance = 0.51 * 10.0 ** -max((len(text.partition(".")[2]) for text in written), default=0)
    statistics = [others.count()] if len(numbers) > 1 else []
    if sum(len(text.lstrip("-0.")) for text in written) >= FEWEST_DIGITS:
        statistics += [getattr(others, name)() for name in ("mean", "median", "std", "sem", "min", "max")]
    return any(np.isclose(statistic, numbers, rtol=1e-9, atol=tolerance).all() for statistic in statistics)


def check_columns(reading: WorkbookReading) -> None:
    """Ask about columns that may hold missing data or lack a group, and report other numbers or strata that are not read."""
    trial, pairs_read = reading.trial, variable_visits(reading.trial_rows)
    unread: dict[BlockPlan, list[str]] = defaultdict(list)
    plans = [plan for plan in reading.plans if not plan.mapped and (plan.readable or plan.column_of("participant"))]
    for plan, column in [(p, column) for role in ("ignore", "data") for p in plans for column in p.columns_of(role)]:
        possible, unsure = [], column.role == "ignore" and column.confidence == "unsure"
        for key in column.candidates if unsure else ():
            visits = [BASELINE, *getattr(trial.outcomes.get(key), "follow_up", ())]
            missing = [trial.visits[visit].label for visit in visits if (key, visit) not in pairs_read]
            if missing and (key, column.visit) not in pairs_read:
                possible.append(f"{trial.variable_label(key)}, which is missing at {', '.join(missing)}")
        *stem, mark = column.label.split() or [""]
        alike = [c.label for c in plan.data if unsure and c.variable in column.candidates]
        twins = [label for label in alike if label.split()[:-1] == stem]
        possible += [f"a replicate of {label!r}" for label in twins if max(map(len, (mark, label.split()[-1]))) <= 3]
        if possible:
            column.questioned = True
            reading.faults.error("ambiguous", plan.header_of(column), asked=", or ".join(possible), why=column.why)
        numbers = sum(is_number(row[column.index]) for row in plan.body[:SAMPLE_ROWS])
        of_strata = column.stratum or {*reading.vocabulary.context(column.label).candidates} & {*trial.markers}
        if numbers <= 1 and not (of_strata and column.used > 1 and column.role == "ignore"):
            continue
        grouped = plan.kind == "groups" and not plan.column_of("arm") and any(c.arm or c.stratum for c in plan.data)
        without_group = not (column.arm or column.stratum or plan.arm or column.why == "row number")
        if grouped and without_group and (column.role == "data" or not column.label):
            reading.faults.error("no group", plan.locate(0, column), count=numbers)
        if column.visit and column.why == "no variable named" and plan.readable:
            column.questioned = True
            reading.faults.error("no variable", plan.header_of(column), count=numbers)
        elif column.role == "ignore" and plan.readable:
            unread[plan].append(f"{plan.block.names[column.index]} ({format_cell(column.label) or 'no header'})")
    for plan, names in unread.items():
        reading.faults.note("unread columns", plan.location(), names=join_first(names, MAX_NAMED))


def check_unread(reading: WorkbookReading) -> None:
    """Ask about unread numbers on a sheet with data that are read, and about blocks with variables that are read nowhere."""
    faults, pairs_read = reading.faults, variable_visits(reading.trial_rows)
    sheets_read = {plan.sheet for plan in reading.plans if plan.readable}
    unread: dict[tuple[str, bool], list[tuple[BlockPlan, int, list[str]]]] = defaultdict(list)
    for plan in (p for p in reading.plans if p.kind in ("unknown", "groups") and not (p.unread_reason or p.mapped)):
        unknown, labels = plan.kind == "unknown", [column.label for column in plan.data]
        columns = plan.data if unknown else []
        named_pairs = {c.label or "no header": (c.variable or plan.variable, c.visit or plan.visit) for c in columns}
        # Groups are named by their columns; but participants may have a column each, with their arms below the ids.
        across = unknown or (plan.column_of("variable") is not None and MAX_GROUPS < len({*labels}) == len(labels))
        for text in sorted({text for column in plan.columns for text in column.distinct if isinstance(text, str)}):
            label = reading.vocabulary.label(text)
            if label.certain and label.variable and (label.visit or across):
                named_pairs[text] = (label.variable, label.visit)
        lacking = [text for text, (key, visit) in named_pairs.items() if (key, visit or BASELINE) not in pairs_read]
        numbers = sum(column.used for column in plan.columns if column.numeric)
        on_read_sheet = plan.sheet in sheets_read or not sheets_read
        unread_numbers = unknown and numbers > 0 and on_read_sheet and plan.column_of("participant") is None
        if named_pairs or unread_numbers:
            stops = bool(lacking or unread_numbers or not unknown)
            unread[plan.sheet, stops].append((plan, numbers, lacking or [*named_pairs]))
    for (sheet, stops), entries in unread.items():
        plans, numbers, names = zip(*entries, strict=True)
        names = join_first([*itertools.chain.from_iterable(names)], MAX_NAMED)
        places = join_first([plan.block.range for plan in plans[1:]], MAX_NAMED)
        turn = f"write transpose: [{sheet}] there if participants are in columns, " * (not plans[0].block.sheet.turned)
        template_values = {"names": names and f" ({names})", "places": places and f" and at {places}", "turn": turn}
        faults.error("unread / numbers", plans[0].location(), stops=stops, count=sum(numbers), **template_values)


def check_inferred(reading: WorkbookReading) -> None:
    """Report what was inferred, columns that contradict the one used, and blocks that could be read but are not."""
    for plan in reading.plans:
        for column in plan.columns if plan.readable else ():
            if column.confidence == "inferred" and column.role != "ignore":
                reading.faults.note("inferred", plan.header_of(column), role=column.role, why=column.why)
            if rows := column.conflicting_rows:
                used, first = column.used_instead, plan.locate(rows[0], column)["cell"]
                template_values = {"used": plan.header_of(used), "role": used.role, "count": len(rows), "first": first}
                reading.faults.error("columns apart", plan.header_of(column), **template_values)
        if plan.unread_reason:
            reading.faults.note("unread", plan.location(), why=plan.unread_reason)
