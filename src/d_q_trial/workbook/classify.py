"""Propose a mapping for each block of a sheet: its kind and the meaning of its columns."""

from ..participants import POPULATION, VALUE
from ..recognition.cells import unit_factor
from ..recognition.layout import Header, find_header, find_tables, mostly_numbers
from ..recognition.vocabulary import (
    NOT_A_STRATUM,
    NOT_AS_MEASURED,
    LabelReading,
    Vocabulary,
    canonical_id,
    id_kind,
    normalize,
)
from ..spreadsheet.sheets import EMPTY, Block, Workbook, is_number
from .mapping import MEANINGS, BlockPlan, Column

MAX_PROBED = 2000  # rows; far fewer show the roles of the columns
MAX_DISTINCT = 400
MAX_CATEGORIES = 60  # distinct entries in a column of names
MAX_CODES = 3  # a column with no more distinct numbers holds codes or counts
BY_GROUP = "columns named after groups, no participant id"


def summarize_column(block: Block, header: Header, index: int) -> Column:
    """Return a column with the number, type and distinct values of its cells, or of the first cells of a long column."""
    rows = block.values[header.first_data : header.first_data + MAX_PROBED]
    cells = [row[index].strip() if isinstance(row[index], str) else row[index] for row in rows if row[index] != EMPTY]
    distinct = list(dict.fromkeys(cells))[:MAX_DISTINCT]
    return Column(index, used=len(cells), numeric=bool(mostly_numbers(rows, index)), distinct=distinct)


def classify_block(block: Block, vocabulary: Vocabulary, contexts: list[str]) -> BlockPlan:
    """Propose what a block holds and what its columns mean; ``contexts`` are its titles, nearest first, and the sheet's name."""
    header = find_header(block, vocabulary)
    columns = [summarize_column(block, header, index) for index in range(block.width)]
    text_only = not any(column.numeric for column in columns)
    if text_only:
        kind = "codebook" if sum(column.used > 1 for column in columns) >= 2 and block.height >= 2 else "note"
        note = BlockPlan(block, kind, header, evidence="text only")
        if not {vocabulary.label(" ".join(labels)).role for labels in header.labels} >= {"participant", "arm"}:
            return note
    plan = BlockPlan(block, "unknown", header, columns)
    names = block.sheet.names  # of the variables of a statistics file; they may say what the labels do not
    for column in columns:
        labels, name = header.labels[column.index], names[block.columns[column.index]] if names else ""
        labels = [*labels, name] if vocabulary.label(name).variable else labels
        column.label, column.reading = header.text(column.index), read_labels(labels, vocabulary)
        judge_column(column, vocabulary)
    titles = [*reversed(header.titles), *contexts]
    context = read_context(titles, {c.reading.variable for c in columns if c.reading.variable}, vocabulary)
    for name in MEANINGS:
        setattr(plan, name, getattr(context, name))
    if block.sheet.turned and not plan.column_of("participant"):
        columns[0].judge("participant", "certain", "")  # the corner cell labels the names of variables, not the ids
    _keep_one_column_per_role(plan, vocabulary)
    for column in plan.data if plan.column_of("variable") is None else ():
        column.unit = column.unit or (context.unit if column.variable in (None, context.variable) else None)
    for column in plan.data if text_only else ():  # the block may list arms, but holds no values
        column.judge("ignore", "certain", "text only")
    _decide_kind(plan, vocabulary)
    _find_marker(plan, context, vocabulary)
    plan.sampled = any(map(vocabulary.names_population, titles))
    texts = [*header.titles, *contexts, *(column.label for column in plan.data)]
    doubtful = [text for text in texts if NOT_AS_MEASURED.search(normalize(text).replace("et al", ""))]
    doubtful += [text for text in texts if vocabulary.label(text).measure == "other"]
    doubtful += [text for text in texts if NOT_A_STRATUM.search(normalize(text))]
    sheet = read_context(contexts[-1:], set(), vocabulary)
    for name in ("variable", "visit"):  # where the name of the sheet contradicts a title
        if getattr(sheet, name) not in (None, getattr(context, name), *vocabulary.trial.markers):
            doubtful.append(contexts[-1])
    plan.caution = doubtful[0] if doubtful else ""
    return note if text_only and not plan.readable else plan


def read_labels(labels: list[str], vocabulary: Vocabulary) -> LabelReading:
    """Read the header cells of a column as one label, or each by itself if they name nothing together."""
    if labels and all(label.isdigit() for label in labels):
        return _read_label(labels[-1], vocabulary)
    joined = vocabulary.label(" ".join(labels))
    if len(labels) <= 1 or (joined.certain and (joined.variable or joined.role or joined.arm)):
        return joined
    readings = [_read_label(label, vocabulary) for label in labels]
    variables = {reading.variable for reading in readings}
    combined, leftover, banners = {}, [], []
    for label, reading in zip(labels, readings, strict=True):
        same_variable = not reading.candidates or variables & {*reading.candidates}
        if reading.leftover and label is not labels[-1] and same_variable:
            banners.append(reading.leftover)  # such as "Demographics", or "BMD" above "Radius BMD"
            continue
        for name, value in vars(reading).items():
            if value and name in MEANINGS and combined.get(name, value) != value:
                leftover.append(f"{combined[name]} or {value}")
            if value:
                combined[name] = value
        leftover.append(reading.leftover)
    if combined.keys() & {"visit", "measure"} and not combined.keys() & {"variable", "role", "arm", "stratum"}:
        leftover += banners  # of a variable that is not the trial's
    return LabelReading(**combined | {"leftover": "; ".join(filter(None, leftover))})


def _read_label(label: str, vocabulary: Vocabulary) -> LabelReading:
    """Read one header cell; a bare number is the week of a visit."""
    if not label.isdigit():
        return vocabulary.label(label)
    visit = vocabulary.weeks.get(float(label))
    return LabelReading(visit=visit) if visit else LabelReading(leftover=label)


def read_context(texts: list[str], column_variables: set[str], vocabulary: Vocabulary) -> LabelReading:
    """Combine titles and the name of the sheet, nearest first; what a nearer text says takes precedence.

    A text does not count if its variable, unless a marker, is not that of the nearer texts or, if they have none, one of the
    columns. An arm counts only if every word is understood, since a title may name the treatment of the trial, not an arm.
    """
    combined: dict = {}
    names_outcome = any(vocabulary.context(text).variable for text in texts)
    for text in texts:
        mentioned, label = vocabulary.context(text), vocabulary.label(text)
        meaning = {name: getattr(mentioned, name) for name in MEANINGS} | {"arm": label.arm if label.certain else None}
        # A marker is what strata are of, unless nothing names an outcome.
        of_strata = label.variable in vocabulary.trial.markers and (label.stratum or names_outcome)
        if label.certain and label.variable and not of_strata:
            meaning["variable"] = label.variable
        expected = {combined["variable"]} if "variable" in combined else column_variables
        if expected and meaning["variable"] not in (None, *expected, *vocabulary.trial.markers):
            continue
        if label.variable and label.variable == meaning["variable"]:
            meaning["unit"] = label.unit
        meaning["candidates"] = tuple(key for key in mentioned.candidates if key in vocabulary.trial.markers)
        combined = {name: value for name, value in meaning.items() if value} | combined
    return LabelReading(**combined)


def judge_column(column: Column, vocabulary: Vocabulary) -> None:
    """Decide what a column means, by its label and its cells."""
    reading = column.reading
    for name in (*MEANINGS, "unit"):
        setattr(column, name, getattr(reading, name))
    column.measure = reading.measure or VALUE
    column.candidates = (reading.variable,) if reading.variable else reading.candidates
    column.judge(*_decide_role(column, vocabulary))
    definition = (vocabulary.trial.markers | vocabulary.trial.outcomes).get(reading.variable)
    if column.role == "data" and definition:
        stated_units = [unit for unit in (reading.qualifier, reading.unit) if unit and definition.unit]
        same_units = [unit for unit in stated_units if unit_factor(unit, definition.unit) == 1.0]
        column.unit = definition.unit if same_units else column.unit  # in the spelling of the trial
        if reading.qualifier and reading.qualifier not in same_units:
            why = f"could be {reading.variable}, but {reading.qualifier!r} is not understood"
            column.judge("ignore", "unsure", why)


def _decide_role(column: Column, vocabulary: Vocabulary) -> tuple[str, str, str]:
    """Return the role of a column, the confidence in it and the reason, by the first rule that applies."""
    reading = column.reading
    first = column.distinct[0] if column.used else None
    counts_up = is_number(first) and column.distinct == [first + step for step in range(len(column.distinct))]
    cell_role = None if reading.variable else _find_role_of_cells(column, vocabulary)
    confirmed = reading.role in (cell_role, "arm", "stratum")
    are_visits = reading.role == "visit" and _are_visits(column, vocabulary)
    derived = "a derived quantity, not a measured value; if these are percent changes, say so"
    percent = "percent of baseline, not a change; say measure: percent_of_baseline, or percent_change, in the mapping"
    possible = f"could be {' or '.join(reading.candidates)}, but {reading.leftover!r} is not understood"
    if reading.leftover.isdigit():
        possible += f"; if it is a visit, name {reading.leftover} under 'visits'"
    row_number = reading.role == "row_number" or (not column.label and counts_up)
    rules = (
        (not column.used, "ignore", "certain", "empty"),
        (reading.role == "ignored", "ignore", "certain", "ignored by the mapping"),
        (row_number, "ignore", "certain", "row number" if counts_up else "not understood"),
        (reading.role == "qualifier", "ignore", "certain", "qualifies the values of its rows"),
        (reading.role == "participant" or are_visits, reading.role, "certain", ""),
        (reading.measure == "percent_of_baseline", "ignore", "unsure", percent),
        (reading.measure in ("other", "change") and not reading.statistic, "ignore", "unsure", derived),
        (reading.statistic, "ignore", "certain", "a statistic, not a measured value"),
        (reading.role == "variable" and reading.variable and column.numeric, "data", "certain", ""),
        (cell_role and confirmed, cell_role, "certain", ""),
        (cell_role, cell_role, "inferred", "recognised by its values"),
        (reading.role in ("arm", "stratum", "visit", "variable"), reading.role, "unsure", ""),
        (reading.leftover and reading.candidates and column.numeric, "ignore", "unsure", possible),
        (reading.unknown_visit, "ignore", "unsure", f"not among the trial's visits: {reading.unknown_visit}"),
        (reading.leftover, "ignore", "unsure", "not among the trial's names"),
        (reading.role == "unit", "unit", "certain", ""),
        (not (column.numeric or reading.variable), "ignore", "certain", ""),
        (True, "data", "certain", ""),
    )
    return next(verdict for applies, *verdict in rules if applies)


def _are_visits(column: Column, vocabulary: Vocabulary) -> bool:
    """Return whether all cells of a column of visits are names of visits, or weeks or days of visits of the trial."""
    label = normalize(column.label)
    units_per_week = 7 if "day" in label else 1
    numbers = column.numeric and "month" not in label and all(map(is_number, column.distinct))
    are_weeks = numbers and all(value / units_per_week in vocabulary.weeks for value in column.distinct)
    return are_weeks or all(map(vocabulary.visit, column.distinct))


def _find_role_of_cells(column: Column, vocabulary: Vocabulary) -> str | None:
    """Return the role of a column whose cells all name arms, strata, visits or variables; None for other columns."""
    if column.numeric or len(column.distinct) > MAX_CATEGORIES:
        return None
    readings = [vocabulary.label(str(value)) for value in column.distinct]
    kinds = ("variable", "arm", "stratum", "visit")
    roles = {next((kind for kind in kinds if getattr(reading, kind)), None) for reading in readings}
    return roles.pop() if len(roles) == 1 and all(reading.certain for reading in readings) else None


def _keep_one_column_per_role(plan: BlockPlan, vocabulary: Vocabulary) -> None:
    """Keep one column for each role that a row can have only once; mark another column that groups the rows differently."""
    for role in ("participant", "arm", "visit", "variable"):
        used, *repeats = sorted(plan.columns_of(role), key=lambda column: _role_priority(column, vocabulary)) or [None]
        entry = lambda cell: (role == "arm" and vocabulary.arm_of(cell)) or canonical_id(cell)  # noqa: B023, E731
        for column in repeats:
            why = f"the {role} is taken from column {plan.block.address(0, used.index)}"
            column.judge("ignore", column.confidence, why)
            rows = [(entry(row[used.index]), entry(row[column.index])) for row in plan.body]
            pairs = {pair for pair in rows if EMPTY not in pair}
            used_entries, entries = ({pair[side] for pair in pairs} for side in (0, 1))
            # Codes for the entries, or numbers of samples below them, do not contradict them.
            if len(pairs) > max(len(used_entries), len(entries)) or used_entries & entries:
                column.used_instead = used
                column.conflicting_rows = [i for i, pair in enumerate(rows) if pair in pairs and pair[0] != pair[1]]


def _role_priority(column: Column, vocabulary: Vocabulary) -> tuple[int, ...]:
    """Return the sort key of a column among those with the same role; the most likely column sorts first.

    Participant ids rank by: not ids of samples, labelled as ids of subjects, most distinct values. Arms rank by whether any
    cell names an arm, visits by whether their numbers have no fractions.
    """
    unsure, distinct, kind = column.confidence == "unsure", len(column.distinct), id_kind(column.label)
    if column.role == "arm":
        return (not any(map(vocabulary.arm_of, column.distinct)),)
    if column.role != "participant":
        return unsure, any(is_number(value) and value % 1 != 0 for value in column.distinct)  # type: ignore[operator]
    return unsure, kind == "sample", distinct == 1 or kind != "subject", -distinct, bool(kind)


def _decide_kind(plan: BlockPlan, vocabulary: Vocabulary) -> None:
    """Decide the kind of a block by the roles of its columns."""
    trial = vocabulary.trial
    if plan.column_of("arm"):
        plan.arm = None  # the arm in a title is the treatment of the trial, not the arm of each row
    for column in plan.data:
        if column.variable is None and plan.variable is None and plan.column_of("variable") is None:
            column.judge("ignore", "unsure", column.why or "no variable named")
    data = plan.data
    variables = {column.variable for column in data}
    sampled_markers = variables & set(trial.markers) if trial.population else set()
    with_ids = plan.column_of("participant") is not None
    if not with_ids and sum(column.reading.statistic for column in plan.columns) >= 2:
        plan.kind, plan.evidence = "results", "columns of statistics"
    elif not plan.header.rows:
        plan.evidence = "no header"
    elif not data:
        _decide_kind_without_variables(plan, vocabulary)
    elif with_ids:
        plan.kind = plan.kind_by_roles
        plan.evidence = f"a participant id{', visits or variables in rows' if plan.kind == 'long' else ''}"
        no_arm = not (plan.column_of("arm") or plan.arm or any(column.arm for column in data))
        if no_arm and sampled_markers and variables <= {*trial.markers, trial.population.age}:
            plan.cohort = POPULATION  # unless its ids turn out to be those of the trial's participants
    elif plan.arm or any(column.arm or column.stratum for column in data):
        plan.kind, plan.evidence = "groups", BY_GROUP
    elif plan.column_of("arm"):
        plan.kind, plan.evidence = plan.kind_by_roles, "an arm in each row, no participant id"
    elif sampled_markers and trial.population.age in variables:
        plan.kind, plan.cohort, plan.evidence = "participants", POPULATION, "a marker and age, no arm"
    else:
        plan.evidence = "neither participant ids nor groups"


def _decide_kind_without_variables(plan: BlockPlan, vocabulary: Vocabulary) -> None:
    """Decide the kind of a block that names no variable of the trial: ids and arms, groups, or not read."""
    plan.evidence = "no column of a known variable"
    id_column, arm_column = plan.column_of("participant"), plan.column_of("arm")
    if id_column:
        plan.evidence = "participant ids, but no known variable"
        labelled = arm_column is not None and arm_column.reading.role == "arm"
        arms = {vocabulary.arm_of(cell) for cell in arm_column.distinct} - {None} if labelled else set()
        if len(arms) > 1 and arm_column.used > len(arm_column.distinct):  # a legend would name each arm once
            for column in plan.columns:
                if column.role in ("visit", "variable") or (column.role == "stratum" and column.confidence == "unsure"):
                    column.judge("ignore", "certain", "beside arms, not values")
            plan.kind = "participants" if id_column.used == len(id_column.distinct) else "long"
            plan.evidence = "participant ids and arms"
        elif any(column.candidates and column.confidence == "unsure" for column in plan.columns):
            plan.kind = plan.kind_by_roles
            plan.unread_reason = "participant ids, but no certain variable; name the variables in the mapping"
        return
    numeric = [c for c in plan.columns if c.numeric and len(c.distinct) > MAX_CODES]
    has_text = any(column.used and not column.numeric for column in plan.columns)
    if len(numeric) >= 2 and all(column.arm or column.stratum for column in numeric) and not has_text:
        plan.kind, plan.evidence = "groups", BY_GROUP
        plan.unread_reason = "it does not say what was measured; name variable, visit and measure in the mapping"
        for column in numeric:
            column.judge("data", column.confidence, "")


def _find_marker(plan: BlockPlan, context: LabelReading, vocabulary: Vocabulary) -> None:
    """Find the marker that defines the strata: the only one in a title, in the header of the strata, or in the trial."""
    column, trial = plan.column_of("stratum"), vocabulary.trial
    in_label = [key for key in vocabulary.context(column.label if column else "").candidates if key in trial.markers]
    for markers in (context.candidates, in_label, [*trial.markers]):
        plan.marker = plan.marker or (markers[0] if len(markers) == 1 else None)
    strata = column or plan.stratum or any(column.stratum for column in plan.data)
    if plan.kind == "groups" and strata and not plan.marker:
        plan.unread_reason = "it does not say which marker the strata are of; name it in the mapping"


def propose_plans(workbook: Workbook, vocabulary: Vocabulary) -> list[BlockPlan]:
    """Classify every block of every sheet."""
    tables = [(sheet.name, *table) for sheet in workbook.sheets for table in find_tables(sheet, vocabulary)]
    return [classify_block(block, vocabulary, [*titles, name]) for name, block, titles in tables]
