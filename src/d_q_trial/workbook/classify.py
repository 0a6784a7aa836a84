"""Propose a mapping for each block of a sheet: what kind it is, and what its columns mean."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..participants import PERCENT_CHANGE, POPULATION, VALUE
from ..trial import BASELINE, Trial
from .layout import Header, find_header, is_number, number_like
from .lexicon import PERCENT_OF_BASELINE, code_form, fold, unit_factor
from .mapping import (
    ARM,
    DATA,
    GROUPS,
    IGNORE,
    INFERRED,
    LONG,
    PARTICIPANT,
    PARTICIPANTS,
    STRATUM,
    UNSURE,
    VARIABLE,
    VISIT,
    Column,
    Plan,
)
from .recognise import Reading, Vocabulary
from .sheets import EMPTY, Block

MOST_DISTINCT = 400
MOST_PROBED = 2000  # a table of participants is rarely longer; the roles of its columns show long before
CATEGORIES = 60


@dataclass
class Content:
    """What the cells below a column's header are like."""

    used: int
    numbers: int  # cells that stand for a number
    distinct: list  # up to MOST_DISTINCT different values

    @property
    def numeric(self) -> bool:
        """Whether most cells stand for numbers."""
        return self.used > 0 and self.numbers >= 0.6 * self.used


def probe(block: Block, column: int, first_data: int) -> Content:
    """Look at a column's cells, the first ones of a long column."""
    cells = [row[column] for row in block.values[first_data : first_data + MOST_PROBED] if row[column] != EMPTY]
    if set(map(type, cells)) <= {float}:
        return Content(len(cells), len(cells), list(dict.fromkeys(cells))[:MOST_DISTINCT])
    numbers = sum(map(number_like, cells))
    distinct = dict.fromkeys(cell.strip() if isinstance(cell, str) else cell for cell in cells)
    return Content(len(cells), numbers, list(distinct)[:MOST_DISTINCT])


def judge_column(index: int, label: str, reading: Reading, content: Content, vocabulary: Vocabulary) -> Column:
    """Judge the role of one column from its label and its cells."""
    column = Column(index, label)
    for attribute in ("variable", "visit", "arm", "stratum", "unit"):
        setattr(column, attribute, getattr(reading, attribute))
    column.measure = reading.measure or VALUE
    column.candidates = (reading.variable,) if reading.variable else reading.candidates
    if not content.used:
        column.why = "empty"
        return column
    if reading.role == "row_number" or (not label and _is_counter(content)):
        column.why = "row number" if _is_counter(content) else "not understood"
        return column
    if reading.role == PARTICIPANT:
        column.role = PARTICIPANT
        return column
    if reading.role == VISIT and all(vocabulary.visit(value) for value in content.distinct):
        column.role = VISIT
        return column
    if reading.role == VISIT and content.numeric and _weeks_or_days(label, content, vocabulary):
        column.role = VISIT
        return column
    if reading.measure == PERCENT_OF_BASELINE:
        column.confidence = UNSURE
        column.why = (
            "percent of baseline, not a change; say measure: percent_of_baseline, or percent_change, in the mapping"
        )
        return column
    if reading.statistic or reading.measure in ("other", "change"):
        column.why = "a statistic or a derived quantity, not a measured value"
        return column
    if not reading.variable and (role := _role_by_content(content, vocabulary)):
        column.role = role
        if reading.role not in (role, "arm", "stratum"):
            column.why, column.confidence = "recognised by its values", INFERRED
        return column
    if reading.role in (ARM, STRATUM, VISIT, VARIABLE):
        column.role, column.confidence = reading.role, UNSURE
        return column
    if reading.rest or reading.unknown_visit:
        column.confidence = UNSURE
        column.why = (
            f"could be {' or '.join(reading.candidates)}, but {reading.rest!r} is not understood"
            if reading.candidates
            else f"not among the trial's visits: {reading.unknown_visit}"
            if reading.unknown_visit
            else "not among the trial's names"
        )
        return column
    if reading.role == "unit":
        column.role = "unit"
        return column
    if content.numeric or reading.variable:
        column.role = DATA
        if reading.assumed:
            column.confidence, column.why = INFERRED, reading.assumed
        thing = vocabulary.trial.outcomes.get(column.variable) or vocabulary.trial.markers.get(column.variable)
        if reading.qualifier and thing and thing.unit and unit_factor(reading.qualifier, thing.unit) == 1.0:
            column.unit = thing.unit
        elif reading.qualifier and not column.why:
            column.why = f"leaving out {reading.qualifier!r}"
        if column.unit and thing and thing.unit and unit_factor(column.unit, thing.unit) == 1.0:
            column.unit = thing.unit  # in the trial's own spelling
    return column


def _is_counter(content: Content) -> bool:
    return all(is_number(v) for v in content.distinct) and content.distinct == [
        float(i) for i in range(int(content.distinct[0]), int(content.distinct[0]) + len(content.distinct))
    ]


def _weeks_or_days(label: str, content: Content, vocabulary: Vocabulary) -> bool:
    unit = 7.0 if "day" in fold(label) else 1.0 if "month" not in fold(label) else None
    return unit is not None and all(
        is_number(value) and float(value) / unit in vocabulary.weeks for value in content.distinct
    )


def _role_by_content(content: Content, vocabulary: Vocabulary) -> str | None:
    """Recognise a column of arms, strata, visits or variables by its cells."""
    texts = [str(value) for value in content.distinct]
    if content.numeric or not texts or len(texts) > CATEGORIES:
        return None
    readings = [vocabulary.label(text) for text in texts]
    if not all(reading.certain for reading in readings):
        return None
    if all(r.arm and not r.variable for r in readings):
        return ARM
    if all(r.stratum and not (r.arm or r.variable) for r in readings):
        return STRATUM
    if all(r.visit and not (r.variable or r.arm) for r in readings):
        return VISIT
    if all(r.variable for r in readings):
        return VARIABLE
    return None


_SAMPLE = re.compile(r"sample|specimen|aliquot|tube|barcode")


def bare_weeks(plan: Plan, readings: list[Reading]) -> None:
    """Accept numbers behind names as weeks only if a variable has several, all of them weeks of the trial."""
    weeks: dict[str, set[str]] = {}
    others = {name for reading in readings if reading.unknown_visit for name in reading.candidates}
    for reading in readings:
        if reading.bare_week and reading.variable and reading.visit:
            weeks.setdefault(reading.variable, set()).add(reading.visit)
    for column, reading in zip(plan.columns, readings, strict=True):
        if not reading.bare_week:
            continue
        if len(weeks[reading.variable]) < 2 or reading.variable in others:
            column.role, column.confidence = IGNORE, UNSURE
            column.why = "the number behind the name may be a week, or not"
        else:
            column.confidence, column.why = INFERRED, "the number behind the name read as a week"


def follow_up_in_rows(plan: Plan, readings: list[Reading], trial: Trial) -> None:
    """Read columns such as "CTx follow-up" beside "CTx baseline" at the visit that each row names."""
    if plan.one(VISIT) is None:
        return
    for column, reading in zip(plan.columns, readings, strict=True):
        outcome = trial.outcomes.get(reading.variable or "")
        if outcome and outcome.follow_up and (reading.unknown_visit or "").startswith("follow"):
            column.role, column.confidence, column.why = DATA, INFERRED, "follow-up read as the visit of each row"


def ids_by_content(plan: Plan, contents: list[Content]) -> None:
    """Take a column for the ids whose header is not understood, if only it holds one code of a form per row."""
    if plan.one(PARTICIPANT) or not any(column.role == DATA and column.variable for column in plan.columns):
        return
    fitting = [c for c in plan.columns if c.role == IGNORE and not c.candidates and _is_code(contents[c.index])]
    if len(fitting) == 1:
        column = fitting[0]
        column.role, column.confidence, column.why = PARTICIPANT, INFERRED, "one code per row, read as participant ids"


def _is_code(content: Content) -> bool:
    """Return whether cells are numbered codes such as S01, P-02: all different, with the same letters."""
    forms = [code_form(value) if isinstance(value, str) else None for value in content.distinct]
    letters = {form.prefix for form in forms if form}
    return content.used == len(forms) > 2 and all(forms) and len(letters) == 1 and letters != {""}


def baseline_by_elimination(plan: Plan, trial: Trial) -> None:
    """Take a column without a visit for the baseline if every later visit of its variable has a column beside it."""
    if plan.visit or plan.one(VISIT):
        return
    by_variable: dict[str, list[Column]] = {}
    for column in plan.having(DATA):
        if column.variable in trial.outcomes and column.measure == VALUE and not column.arm:
            by_variable.setdefault(column.variable, []).append(column)
    for variable, columns in by_variable.items():
        later = trial.outcomes[variable].follow_up
        without = [column for column in columns if column.visit is None]
        if later and len(without) == 1 and sorted(c.visit for c in columns if c.visit) == sorted(later):
            without[0].visit, without[0].confidence = BASELINE, INFERRED
            without[0].why = "no visit named; the baseline, because all later visits have columns of their own"


def one_of_each_role(plan: Plan, contents: list[Content]) -> None:
    """Keep one column for each role that a row can have only once; of several ids, that which parts most people."""
    for role in (PARTICIPANT, ARM, VISIT, VARIABLE):
        columns = plan.having(role)
        if role == PARTICIPANT:
            # A sample is not a participant: one may have several.
            columns.sort(key=lambda c: (bool(_SAMPLE.search(fold(c.label))), -len(contents[c.index].distinct)))
        keep = next((c for c in columns if c.confidence != UNSURE), columns[0] if columns else None)
        for column in columns:
            if column is not keep:
                column.role = IGNORE
                column.why = f"the {role} is taken from column {plan.block.address(0, keep.index)}"


CODES = 3  # a column of no more different numbers holds codes or counts


def classify(block: Block, vocabulary: Vocabulary, contexts: list[str]) -> Plan:
    """Propose what a block is and what its columns mean, with participants in rows or, if that fits, in columns.

    Parameters
    ----------
    block : Block
    vocabulary : Vocabulary
        The trial's names.
    contexts : list of str
        Titles that stand above the block, nearest first, and last the name of the sheet.
    """
    plan = _classify(block, vocabulary, contexts)
    if _names_down(block, vocabulary):
        turned = _classify(block.turned(), vocabulary, contexts)
        identity = turned.one(PARTICIPANT)
        if identity and turned.readable and _named_data(turned) > _named_data(plan):
            return turned
    return plan


def _names_down(block: Block, vocabulary: Vocabulary) -> bool:
    """Return whether the first columns hold names of variables, each once, as in a table with participants across."""
    if block.width < 3 or block.height > 3000 or block.width > 20_000:
        return False
    for column in (0, 1):
        labels = [cell for cell in block.column(column) if isinstance(cell, str) and cell.strip()]
        readings = [vocabulary.label(cell) for cell in dict.fromkeys(labels)]
        named = [reading for reading in readings if reading.variable]
        if len(named) >= 2 and len(set(labels)) == len(labels):
            return True
    return False


def _named_data(plan: Plan) -> int:
    return len({(c.variable, c.visit) for c in plan.having(DATA) if c.variable}) if plan.readable else 0


def _classify(block: Block, vocabulary: Vocabulary, contexts: list[str]) -> Plan:
    header = find_header(block, vocabulary)
    contents = [probe(block, column, header.first_data) for column in range(block.width)]
    plan = Plan(block, "unknown", header)
    if not any(content.numeric for content in contents) or header.first_data >= block.height:
        return _text_block(plan, contents)
    readings = [read_labels(header.labels[column], vocabulary) for column in range(block.width)]
    if block.transposed and readings[0].role == VARIABLE:
        readings[0] = Reading()  # the word in the corner speaks of the names below it, not of the ids beside it
    context = read_context([*reversed(header.titles), *contexts], vocabulary)
    _spread_groups(header, readings, contents)
    plan.columns = [
        judge_column(index, header.text(index), readings[index], contents[index], vocabulary)
        for index in range(block.width)
    ]
    for attribute in ("variable", "visit", "arm", "stratum", "measure"):
        setattr(plan, attribute, getattr(context, attribute))
    plan.marker = _marker(context, vocabulary.trial)
    bare_weeks(plan, readings)
    follow_up_in_rows(plan, readings, vocabulary.trial)
    ids_by_content(plan, contents)
    baseline_by_elimination(plan, vocabulary.trial)
    one_of_each_role(plan, contents)
    _settle(plan, readings, contents, vocabulary.trial)
    return plan


def _spread_groups(header: Header, readings: list[Reading], contents: list[Content]) -> None:
    """Give a title that stands once over replicate columns, at their left or in their middle, to all of them."""
    named = [i for i, reading in enumerate(readings) if (reading.arm or reading.stratum) and not reading.variable]
    columns = [i for i, content in enumerate(contents) if content.numeric and (i in named or not header.labels[i])]
    if (
        len(named) < 2
        or len(columns) == len(named)
        or any(i not in columns for i in named)
        or len(columns) % len(named)
    ):
        return
    each = len(columns) // len(named)
    offsets = {columns.index(i) - each * number for number, i in enumerate(named)}
    if offsets not in ({0}, {(each - 1) // 2}, {each // 2}):
        return
    for place, column in enumerate(columns):
        source = named[place // each]
        if column != source:
            readings[column] = replace(readings[source], assumed="the group title spread over its replicate columns")
            header.labels[column] = list(header.labels[source])


def read_labels(labels: list[str], vocabulary: Vocabulary) -> Reading:
    """Read a column's header rows together, or else each by itself."""
    if not labels:
        return Reading()
    if all(label.isdigit() for label in labels):
        return vocabulary.week(labels[-1])
    whole = vocabulary.label(" ".join(labels))
    if len(labels) == 1 or (whole.certain and (whole.variable or whole.role or whole.arm)):
        return whole
    merged: dict[str, object] = {}
    rest = []
    for label in labels:
        reading = vocabulary.week(label) if label.isdigit() else vocabulary.label(label)
        if reading.rest and label is not labels[-1] and not reading.candidates:
            continue  # a banner such as "Demographics"
        for attribute in ("variable", "visit", "arm", "stratum", "measure", "unit", "role", "unknown_visit"):
            value = getattr(reading, attribute)
            if value is None:
                continue
            if attribute in merged and merged[attribute] != value and attribute not in ("unit", "role"):
                rest.append(f"{merged[attribute]} or {value}")
            merged[attribute] = value
        merged["statistic"] = merged.get("statistic", False) or reading.statistic
        if reading.rest:
            rest.append(reading.rest)
        if reading.candidates:
            merged["candidates"] = reading.candidates
        if reading.assumed:
            merged["assumed"] = reading.assumed
    return Reading(**merged, rest="; ".join(rest))  # type: ignore[arg-type]


def read_context(texts: list[str], vocabulary: Vocabulary) -> Reading:
    """Combine titles and the sheet's name; the nearest that says something counts.

    An arm counts only if the whole title names nothing but known things: a title may well name the treatment of the
    trial without meaning the arm.
    """
    found: dict[str, object] = {}
    for text in texts:
        reading = vocabulary.context(text)
        exact = vocabulary.label(text)
        said = {name: getattr(reading, name) for name in ("variable", "visit", "stratum", "measure")}
        said["arm"] = exact.arm if exact.certain else None
        if exact.certain and exact.variable:
            said["variable"] = exact.variable
        for attribute, value in said.items():
            if value is not None:
                found.setdefault(attribute, value)
        markers = tuple(key for key in reading.candidates if key in vocabulary.trial.markers)
        if markers:
            found.setdefault("candidates", markers)
    return Reading(**found)  # type: ignore[arg-type]


def _marker(context: Reading, trial: Trial) -> str | None:
    """Return the marker that cuts strata: the one a title names, or the trial's only one."""
    if len(context.candidates) == 1:
        return context.candidates[0]
    return next(iter(trial.markers)) if len(trial.markers) == 1 else None


def _text_block(plan: Plan, contents: list[Content]) -> Plan:
    wide = sum(content.used > 1 for content in contents)
    plan.kind = "codebook" if wide >= 2 and plan.block.height >= 2 else "note"
    plan.evidence = "text only"
    return plan


def _settle(plan: Plan, readings: list[Reading], contents: list[Content], trial: Trial) -> None:
    """Decide the kind of the block, now that the roles of its columns are known."""
    data = plan.having(DATA)
    for column in data:
        if column.variable is None and plan.variable is None and plan.one(VARIABLE) is None:
            column.role, column.confidence = IGNORE, UNSURE
            column.why = column.why or "no variable named"
    data = plan.having(DATA)
    statistics = sum(reading.statistic for reading in readings)
    has_rows = plan.one(PARTICIPANT) is not None
    if statistics >= 2 and not has_rows:
        plan.kind, plan.evidence = "results", "columns of statistics"
        return
    if not data:
        _settle_unknown(plan, contents)
        return
    in_rows = plan.one(VISIT) is not None or plan.one(VARIABLE) is not None
    if has_rows:
        plan.kind = LONG if in_rows else PARTICIPANTS
        plan.evidence = "a participant id" + (", visits or variables in rows" if in_rows else "")
    elif any(c.arm or c.stratum for c in data) or plan.arm:
        plan.kind, plan.evidence = GROUPS, "columns named after groups, no participant id"
    elif plan.one(ARM) and not in_rows and _rows_link(plan, data):
        plan.kind, plan.evidence = PARTICIPANTS, "an arm in each row, no participant id"
    elif plan.one(ARM):
        plan.kind, plan.evidence = GROUPS, "an arm in each row, no participant id"
    else:
        known = {c.variable for c in data}
        markers = known & set(trial.markers)
        if trial.population and markers and trial.population.age in known:
            plan.kind, plan.evidence = PARTICIPANTS, "a marker and age, no arm"
        else:
            plan.evidence = "neither participant ids nor groups"
            return
    if has_rows and not plan.one(ARM) and trial.population and not any(c.arm for c in data) and not plan.arm:
        known = {c.variable for c in data}
        if known & set(trial.markers) and known <= {*trial.markers, trial.population.age}:
            plan.cohort = POPULATION  # unless its participants turn out to be the trial's
    elif plan.evidence == "a marker and age, no arm":
        plan.cohort = POPULATION


def _settle_unknown(plan: Plan, contents: list[Content]) -> None:
    """Say what can be said of a block that names no variable of the trial."""
    plan.evidence = "no column of a known variable"
    if plan.one(PARTICIPANT) is not None:
        plan.evidence = "participant ids, but no known variable"
        return
    numeric = [c for c in plan.columns if contents[c.index].numeric and len(contents[c.index].distinct) > CODES]
    groups = [c for c in numeric if c.arm or c.stratum]
    words_beside = any(content.used and not content.numeric for content in contents)
    if len(groups) < 2 or len(groups) < len(numeric) or words_beside:
        return
    plan.kind, plan.evidence = GROUPS, "columns named after groups, no participant id"
    plan.unread = "it does not say what was measured; name variable, visit and measure in the mapping"
    for column in groups:
        column.role, column.why = DATA, ""


def _rows_link(plan: Plan, data: list[Column]) -> bool:
    """Return whether a row without an id is a person: it holds several raw values of one."""
    raw = [column for column in data if column.measure == VALUE and plan.measure != PERCENT_CHANGE]
    return len({(column.variable, column.visit) for column in raw}) > 1
