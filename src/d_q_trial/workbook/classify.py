"""Judge each block of a sheet by itself: what kind it is, and what its columns mean."""

from __future__ import annotations

from dataclasses import replace

from ..participants import PERCENT_CHANGE, POPULATION, VALUE
from ..trial import Trial
from . import neighbours
from .blocks import Block
from .columns import Content, judge_column, probe
from .headers import Header, find_header
from .plan import (
    ARM,
    DATA,
    GROUPS,
    IGNORE,
    LONG,
    PARTICIPANT,
    PARTICIPANTS,
    UNSURE,
    VARIABLE,
    VISIT,
    Column,
    Plan,
)
from .recognise import Reading, Vocabulary

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
    """Tell whether the first columns hold names of variables, each once, as in a table with participants across."""
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
    context = read_context([*reversed(header.titles), *contexts], vocabulary)
    _spread_groups(header, readings, contents)
    plan.columns = [
        judge_column(index, header.text(index), readings[index], contents[index], vocabulary)
        for index in range(block.width)
    ]
    for attribute in ("variable", "visit", "arm", "stratum", "measure"):
        setattr(plan, attribute, getattr(context, attribute))
    plan.marker = _marker(context, vocabulary.trial)
    neighbours.bare_weeks(plan, readings)
    neighbours.follow_up_in_rows(plan, readings, vocabulary.trial)
    neighbours.ids_by_content(plan, contents)
    neighbours.baseline_by_elimination(plan, vocabulary.trial)
    neighbours.one_of_each_role(plan, contents)
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
    """Tell whether a row without an id is a person: it holds several raw values of one."""
    raw = [column for column in data if column.measure == VALUE and plan.measure != PERCENT_CHANGE]
    return len({(column.variable, column.visit) for column in raw}) > 1
