"""Propose a mapping for each block of a sheet: what kind it is, and what its columns mean."""

from __future__ import annotations

from ..participants import POPULATION, VALUE
from ..recognition.layout import Header, find_header, find_tables, mostly_numbers
from ..recognition.spelling import unit_factor
from ..recognition.vocabulary import (
    NOT_AS_MEASURED,
    OWN_POPULATION,
    Reading,
    Vocabulary,
    canonical_id,
    id_kind,
    normalize,
)
from ..spreadsheet.sheets import EMPTY, Block, Workbook, is_number
from .mapping import SAID, Column, Plan

MOST_PROBED = 2000  # rows; the roles of columns show long before
MOST_DISTINCT = 400
CATEGORIES = 60
CODES = 3  # a column of no more different numbers holds codes or counts

BY_GROUP = "columns named after groups, no participant id"


def summarize_column(block: Block, header: Header, index: int) -> Column:
    """Look at a column's cells, the first ones of a long column."""
    rows = block.values[header.first_data : header.first_data + MOST_PROBED]
    cells = [row[index].strip() if isinstance(row[index], str) else row[index] for row in rows if row[index] != EMPTY]
    distinct = list(dict.fromkeys(cells))[:MOST_DISTINCT]
    return Column(index, used=len(cells), numeric=bool(mostly_numbers(rows, index)), distinct=distinct)


def classify(block: Block, vocabulary: Vocabulary, contexts: list[str]) -> Plan:
    """Propose what a block is and what its columns mean.

    ``contexts`` are the titles that stand above the block, nearest first, and last the name of the sheet.
    """
    header = find_header(block, vocabulary)
    columns = [summarize_column(block, header, index) for index in range(block.width)]
    plan = Plan(block, "unknown", header)
    if of_texts := not any(column.numeric for column in columns):
        texts = sum(column.used > 1 for column in columns)
        note = Plan(block, "codebook" if texts >= 2 and block.height >= 2 else "note", header, evidence="text only")
        if not {vocabulary.label(" ".join(labels)).role for labels in header.labels} >= {"participant", "arm"}:
            return note
    labelled = header.labels
    if names := block.sheet.names:  # of a statistics file, where they say what the labels do not
        own = [name if vocabulary.label(name).variable else "" for name in map(names.__getitem__, block.columns)]
        labelled = [[*labels, name] if name else labels for labels, name in zip(labelled, own, strict=True)]
    readings = [read_labels(labels, vocabulary) for labels in labelled]
    plan.columns = columns
    for column, reading in zip(columns, readings, strict=True):
        column.label, column.reading = header.text(column.index), reading
        judge_column(column, vocabulary)
    known = {reading.variable for reading in readings if reading.variable}
    context = read_context([*reversed(header.titles), *contexts], known, vocabulary)
    for name in SAID:
        setattr(plan, name, getattr(context, name))
    if block.sheet.turned and not plan.one("participant"):
        columns[0].judge("participant", "certain", "")  # the word in the corner speaks of the names below it
    _one_of_each_role(plan, vocabulary)
    for column in plan.data if plan.one("variable") is None else ():
        column.unit = column.unit or (None if column.variable else context.unit)
    for column in plan.data if of_texts else ():  # it may list arms, and holds no values
        column.judge("ignore", "certain", "text only")
    _settle_kind(plan, vocabulary)
    _settle_marker(plan, context, vocabulary)
    texts = [*header.titles, *contexts, *(column.label for column in plan.data)]
    called = (OWN_POPULATION.sub(" ", normalize(text)) for text in (*header.titles, *contexts))
    plan.sampled = any(map(vocabulary.names_population, called))
    remarks = [text for text in texts if NOT_AS_MEASURED.search(normalize(text).replace("et al", ""))]
    remarks += [text for text in texts if vocabulary.label(text).measure == "other"]
    sheet = vars(read_context(contexts[-1:], set(), vocabulary))
    apart = any(sheet[x] not in (None, vars(context)[x], *vocabulary.trial.markers) for x in ("variable", "visit"))
    plan.doubt = [*remarks, *contexts[-1:] * apart, ""][0]
    return note if of_texts and not plan.readable else plan


def read_labels(labels: list[str], vocabulary: Vocabulary) -> Reading:
    """Read a column's header rows together, or else each by itself."""
    if labels and all(label.isdigit() for label in labels):
        return _read_label(labels[-1], vocabulary)
    whole = vocabulary.label(" ".join(labels))
    if len(labels) <= 1 or (whole.certain and (whole.variable or whole.role or whole.arm)):
        return whole
    said: dict = {}
    rest = []
    readings = [_read_label(label, vocabulary) for label in labels]
    named = {reading.variable for reading in readings}
    for label, reading in zip(labels, readings, strict=True):
        of_named = named & set(reading.candidates) or not reading.candidates
        if reading.rest and label is not labels[-1] and of_named:
            continue  # a banner such as "Demographics", or "BMD" above "Radius BMD"
        for name, value in vars(reading).items():
            if value and name in SAID and said.get(name, value) != value:
                rest.append(f"{said[name]} or {value}")
            if value:
                said[name] = value
        rest += filter(None, [reading.rest])
    return Reading(**said | {"rest": "; ".join(rest)})


def _read_label(label: str, vocabulary: Vocabulary) -> Reading:
    """Read one header cell; a bare number is the week of a visit."""
    if not label.isdigit():
        return vocabulary.label(label)
    visit = vocabulary.weeks.get(float(label))
    return Reading(visit=visit) if visit else Reading(rest=label)


def read_context(texts: list[str], named: set[str], vocabulary: Vocabulary) -> Reading:
    """Combine titles and the sheet's name; the nearest that says something counts.

    One of another variable than the nearer ones, or than those that columns name (``named``), does not count; an arm only
    if the title names nothing but known things, since it may well name the treatment of the trial without meaning the arm.
    """
    found: dict = {}
    for text in texts:
        reading, exact = vocabulary.context(text), vocabulary.label(text)
        said = {name: getattr(reading, name) for name in SAID} | {"arm": exact.arm if exact.certain else None}
        if exact.certain and exact.variable:
            said["variable"] = exact.variable
        own = {found["variable"]} if "variable" in found else named
        if own and said["variable"] not in (None, *own, *vocabulary.trial.markers):
            continue
        if exact.variable and exact.variable == said["variable"]:
            said["unit"] = exact.unit
        said["candidates"] = tuple(key for key in reading.candidates if key in vocabulary.trial.markers)
        found = {name: value for name, value in said.items() if value} | found
    return Reading(**found)


def judge_column(column: Column, vocabulary: Vocabulary) -> None:
    """Judge the role of one column from its label and its cells."""
    reading = column.reading
    for name in (*SAID, "unit"):
        setattr(column, name, getattr(reading, name))
    column.measure = reading.measure or VALUE
    column.candidates = (reading.variable,) if reading.variable else reading.candidates
    column.judge(*_role(column, vocabulary))
    thing = (vocabulary.trial.markers | vocabulary.trial.outcomes).get(reading.variable)
    stated = [unit for unit in (reading.qualifier, reading.unit) if unit and thing and thing.unit]
    same = [unit for unit in stated if unit_factor(unit, thing.unit) == 1.0]
    if column.role == "data" and same:
        column.unit = thing.unit  # in the trial's own spelling
    if column.role == "data" and reading.variable and reading.qualifier and reading.qualifier not in same:
        column.judge("ignore", "unsure", f"could be {reading.variable}, but {reading.qualifier!r} is not understood")


def _role(column: Column, vocabulary: Vocabulary) -> tuple[str, str, str]:
    """Return the role of a column, how sure that is, and why: of the first rule that holds."""
    reading = column.reading
    counter = bool(column.used) and _is_counter(column)
    by_cells = None if reading.variable else _role_by_content(column, vocabulary)
    named = reading.role in (by_cells, "arm", "stratum")
    are_visits = reading.role == "visit" and _are_visits(column, vocabulary)
    derived = "a derived quantity, not a measured value; if these are percent changes, say so"
    keys = "say measure: percent_of_baseline, or percent_change, in the mapping"
    could = f"could be {' or '.join(reading.candidates)}, but {reading.rest!r} is not understood"
    could += f"; if it is a visit, name {reading.rest} under 'visits'" * reading.rest.isdigit()
    number = reading.role == "row_number" or (not column.label and counter)
    rules = (
        (not column.used, "ignore", "certain", "empty"),
        (reading.role == "ignored", "ignore", "certain", "ignored by the mapping"),
        (number, "ignore", "certain", "row number" if counter else "not understood"),
        (reading.role == "qualifier", "ignore", "certain", "qualifies the values of its rows"),
        (reading.role == "participant" or are_visits, reading.role, "certain", ""),
        (reading.measure == "percent_of_baseline", "ignore", "unsure", f"percent of baseline, not a change; {keys}"),
        (reading.measure in ("other", "change") and not reading.statistic, "ignore", "unsure", derived),
        (reading.statistic, "ignore", "certain", "a statistic, not a measured value"),
        (reading.role == "variable" and reading.variable and column.numeric, "data", "certain", ""),
        (by_cells and named, by_cells, "certain", ""),
        (by_cells, by_cells, "inferred", "recognised by its values"),
        (reading.role in ("arm", "stratum", "visit", "variable"), reading.role, "unsure", ""),
        (reading.rest and reading.candidates and column.numeric, "ignore", "unsure", could),
        (reading.unknown_visit, "ignore", "unsure", f"not among the trial's visits: {reading.unknown_visit}"),
        (reading.rest, "ignore", "unsure", "not among the trial's names"),
        (reading.role == "unit", "unit", "certain", ""),
        (not (column.numeric or reading.variable), "ignore", "certain", ""),
        (True, "data", "certain", ""),
    )
    return next(verdict for holds, *verdict in rules if holds)


def _is_counter(column: Column) -> bool:
    first = column.distinct[0]
    return is_number(first) and column.distinct == [first + step for step in range(len(column.distinct))]


def _are_visits(column: Column, vocabulary: Vocabulary) -> bool:
    """Return whether all cells of a column of visits are names of visits, or weeks or days of the trial."""
    folded = normalize(column.label)
    days = 7 if "day" in folded else 1
    numbers = column.numeric and "month" not in folded and all(map(is_number, column.distinct))
    weeks = numbers and all(value / days in vocabulary.weeks for value in column.distinct)
    return weeks or all(map(vocabulary.visit, column.distinct))


def _role_by_content(column: Column, vocabulary: Vocabulary) -> str | None:
    """Recognise a column of arms, strata, visits or variables by its cells."""
    if column.numeric or len(column.distinct) > CATEGORIES:
        return None
    readings = [vocabulary.label(str(value)) for value in column.distinct]
    kinds = ("variable", "arm", "stratum", "visit")
    roles = {next((kind for kind in kinds if getattr(r, kind)), None) for r in readings}
    return roles.pop() if len(roles) == 1 and all(reading.certain for reading in readings) else None


def _one_of_each_role(plan: Plan, vocabulary: Vocabulary) -> None:
    """Keep one column for each role that a row can have only once; note another that parts the rows otherwise."""
    for role in ("participant", "arm", "visit", "variable"):
        columns = sorted(plan.having(role), key=lambda column: _unlikelihood(column, vocabulary))
        said = lambda cell: (role == "arm" and vocabulary.arm_of(cell)) or canonical_id(cell)  # noqa: B023, E731
        for column in columns[1:]:
            first, why = columns[0], f"the {role} is taken from column {plan.block.address(0, columns[0].index)}"
            column.judge("ignore", column.confidence, why)
            rows = [(said(row[first.index]), said(row[column.index])) for row in plan.body]
            pairs = {pair for pair in rows if EMPTY not in pair}
            entries, others = ({pair[side] for pair in pairs} for side in (0, 1))
            # Codes for the entries, or numbers of samples below them, part the rows alike.
            alike = len(pairs) <= max(len(entries), len(others))
            apart = [i for i, pair in enumerate(rows) if pair in pairs and len({*pair}) == 2]
            if not alike or entries & others:
                column.beside, column.apart = first, apart


def _unlikelihood(column: Column, vocabulary: Vocabulary) -> tuple[int, ...]:
    """Return what sorts columns of a role, the likeliest first.

    Of ids those not of samples, named after people, of most; of arms those that name one; of visits those that are not
    times with fractions.
    """
    unsure, count, kind = column.confidence == "unsure", len(column.distinct), id_kind(column.label)
    if column.role == "arm":
        return (not any(map(vocabulary.arm_of, column.distinct)),)
    if column.role != "participant":
        return unsure, any(is_number(value) and value % 1 != 0 for value in column.distinct)  # type: ignore[operator]
    return unsure, kind == "sample", count == 1 or kind != "subject", -count, bool(kind)


def _settle_kind(plan: Plan, vocabulary: Vocabulary) -> None:
    """Decide the kind of the block, now that the roles of its columns are known."""
    trial = vocabulary.trial
    if plan.one("arm"):
        plan.arm = None  # a title names the treatment, not the arm of each row
    for column in plan.data:
        if column.variable is None and plan.variable is None and plan.one("variable") is None:
            column.judge("ignore", "unsure", column.why or "no variable named")
    data = plan.data
    known = {column.variable for column in data}
    sample = known & set(trial.markers) if trial.population else set()
    identified, by_group = plan.one("participant") is not None, any(column.arm or column.stratum for column in data)
    if not identified and sum(column.reading.statistic for column in plan.columns) >= 2:
        plan.kind, plan.evidence = "results", "columns of statistics"
    elif not plan.header.rows:
        plan.evidence = "no header"
    elif not data:
        _settle_unknown(plan, vocabulary)
    elif identified:
        plan.kind = plan.kind_by_roles
        plan.evidence = "a participant id" + ", visits or variables in rows" * (plan.kind == "long")
        no_arm = not (plan.one("arm") or plan.arm or any(column.arm for column in data))
        if no_arm and sample and known <= {*trial.markers, trial.population.age}:
            plan.cohort = POPULATION  # unless its participants turn out to be the trial's
    elif plan.arm or by_group:
        plan.kind, plan.evidence = "groups", BY_GROUP
    elif plan.one("arm"):
        plan.kind, plan.evidence = plan.kind_by_roles, "an arm in each row, no participant id"
    elif sample and trial.population.age in known:
        plan.kind, plan.cohort, plan.evidence = "participants", POPULATION, "a marker and age, no arm"
    else:
        plan.evidence = "neither participant ids nor groups"


def _settle_unknown(plan: Plan, vocabulary: Vocabulary) -> None:
    """Say what can be said of a block that names no variable of the trial."""
    plan.evidence = "no column of a known variable"
    if plan.one("participant") is not None:
        plan.evidence, arm = "participant ids, but no known variable", plan.one("arm")
        named = {vocabulary.arm_of(cell) for cell in arm.distinct} - {None} if arm and arm.reading.role == "arm" else ()
        if len(named) > 1 and arm.used > len(arm.distinct):  # no legend, which names each arm once
            for column in plan.columns:
                if column.role in ("visit", "variable") or (column.role == "stratum" and column.confidence == "unsure"):
                    column.judge("ignore", "certain", "beside arms, not values")
            one_each = plan.one("participant").used == len(plan.one("participant").distinct)
            plan.kind, plan.evidence = "participants" if one_each else "long", "participant ids and arms"
        elif any(column.candidates and column.confidence == "unsure" for column in plan.columns):
            plan.kind = plan.kind_by_roles
            plan.unread = "participant ids, and only columns that may be variables; say in the mapping which they are"
        return
    numeric = [c for c in plan.columns if c.numeric and len(c.distinct) > CODES]
    words_beside = any(column.used and not column.numeric for column in plan.columns)
    if len(numeric) < 2 or not all(c.arm or c.stratum for c in numeric) or words_beside:
        return
    plan.kind, plan.evidence = "groups", BY_GROUP
    plan.unread = "it does not say what was measured; name variable, visit and measure in the mapping"
    for column in numeric:
        column.judge("data", column.confidence, "")


def _settle_marker(plan: Plan, context: Reading, vocabulary: Vocabulary) -> None:
    """Find the marker that cuts strata: the only one that a title or the header of the strata names, or that the trial has."""
    column, trial = plan.one("stratum"), vocabulary.trial
    named = vocabulary.context(column.label).candidates if column else ()
    for markers in (context.candidates, tuple(key for key in named if key in trial.markers), tuple(trial.markers)):
        plan.marker = plan.marker or (markers[0] if len(markers) == 1 else None)
    strata = column or plan.stratum or any(column.stratum for column in plan.data)
    if plan.kind == "groups" and strata and not plan.marker:
        plan.unread = "it does not say which marker the strata are of; name it in the mapping"


def propose_plans(workbook: Workbook, vocabulary: Vocabulary) -> list[Plan]:
    """Classify every block of every sheet."""
    found = ((sheet.name, *table) for sheet in workbook.sheets for table in find_tables(sheet, vocabulary))
    return [classify(block, vocabulary, [*titles, name]) for name, block, titles in found]
