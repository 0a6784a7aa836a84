"""Judge one column of a block by its label and its cells."""

from __future__ import annotations

from dataclasses import dataclass

from ..participants import VALUE
from . import units
from .blocks import Block
from .headers import is_number, number_like
from .lexicon import PERCENT_OF_BASELINE, fold
from .plan import (
    ARM,
    DATA,
    INFERRED,
    PARTICIPANT,
    STRATUM,
    UNSURE,
    VARIABLE,
    VISIT,
    Column,
)
from .recognise import Reading, Vocabulary
from .sheets import EMPTY

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
        if reading.qualifier and thing and thing.unit and units.factor(reading.qualifier, thing.unit) == 1.0:
            column.unit = thing.unit
        elif reading.qualifier and not column.why:
            column.why = f"leaving out {reading.qualifier!r}"
        if column.unit and thing and thing.unit and units.factor(column.unit, thing.unit) == 1.0:
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
