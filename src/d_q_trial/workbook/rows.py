"""What each row of a block says beside its values: whose they are, in which arm and stratum, when, of what."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..files import safe_text
from .faults import Faults
from .layout import is_number, label_like
from .lexicon import STATISTICS, fold, stratum_label
from .mapping import ARM, DATA, IGNORE, PARTICIPANT, STRATUM, VARIABLE, VISIT, Codes, Column, Plan
from .numbers import Policy
from .recognise import Reading as Label
from .recognise import Vocabulary
from .sheets import EMPTY, Block, Flag

_SIGNS = ("=", "→|->", ":", r"\bmeans\b|\bis\b", r"–|—|-(?=\s)")  # tried in turn: "Visit: 1 = baseline, 2 = ..."
_PAIRS = [re.compile(rf"([\w.]{{1,12}})\s*(?:{sign})\s*([^=:;,()\[\]\n→]{{1,60}})", re.I) for sign in _SIGNS]
_REVERSED = [
    re.compile(rf"([^=:;,()\[\]\n→\d]{{1,60}}?)\s*(?:{sign})\s*([\w.]{{1,3}})(?![\w.])", re.I) for sign in _SIGNS
]
LONGEST_CODE = 4
LONGEST_TEXT = 2000  # characters of one text that are searched for codes
MOST_TEXT = 60_000  # and of all texts together: the patterns are slow
FOOTERS = 20  # rows at the end of a table where remarks may stand


def in_text(text: str, vocabulary: Vocabulary, find) -> dict[str, str]:
    """Return the codes that one text explains, such as ``0 = Control, 1 = D+Q``."""
    if not _may_explain(text):
        return {}
    for pattern, code, name in (*((p, 1, 2) for p in _PAIRS), *((p, 2, 1) for p in _REVERSED)):
        found = {}
        for match in pattern.finditer(text):
            key = find(match[name].strip(" .'\""))
            if key and len(match[code]) <= LONGEST_CODE:
                found[match[code].strip().casefold()] = key
        if len(found) >= 2:
            return found
    return {}


def _may_explain(text: str) -> bool:
    return any(sign in text for sign in "=:→-–—") or " is " in text or " means " in text


def searchable(texts: Iterable[str]) -> Iterator[str]:
    """Pick the texts that may explain codes, the shortest first, as far as searching them takes a bounded time."""
    left = MOST_TEXT
    for text in sorted(
        {text[:LONGEST_TEXT] for text in texts if _may_explain(text)}, key=lambda text: (len(text), text)
    ):
        left -= len(text)
        if left < 0:
            return
        yield text


def in_rows(block: Block, vocabulary: Vocabulary, find) -> dict[str, str]:
    """Return the codes that a codebook explains in rows: a short code beside a name."""
    found: dict[str, str] = {}
    for row in block.values[:400]:
        cells = [cell for cell in row if cell != EMPTY]
        for code, name in itertools.pairwise(cells):
            text = str(int(code)) if is_number(code) and float(code).is_integer() else str(code).strip()
            key = find(str(name)) if isinstance(name, str) else None
            if key and len(text) <= LONGEST_CODE and not (isinstance(code, str) and find(text) == key):
                found[text.casefold()] = key
    return found if len(found) >= 2 else {}


def texts_of(plans: list[Plan]) -> list[str]:
    """Return the texts in and around tables that may explain codes: titles, headers, remarks below."""
    texts = []
    for plan in plans:
        texts += plan.header.titles
        texts += [column.label for column in plan.columns if column.role in (ARM, VISIT)]
        for row in plan.block.values[-FOOTERS:]:
            if len(row) - row.count(EMPTY) == 1:
                texts += [cell for cell in row if isinstance(cell, str) and cell]
    return texts


def collect(blocks: list[Block], more: list[str], vocabulary: Vocabulary) -> tuple[dict[str, str], dict[str, str]]:
    """Return what texts of a workbook say of codes for arms and for visits; contradictions are dropped.

    Parameters
    ----------
    blocks : list of Block
        Notes and codebooks.
    more : list of str
        Texts from elsewhere: titles, headers, comments.
    vocabulary : Vocabulary
        The trial's names.
    """
    answers = []
    cells = (cell for block in blocks for row in block.values[:400] for cell in row if isinstance(cell, str))
    lists = ["; ".join(str(v) for row in block.values[:40] for v in row if label_like(v)) for block in blocks]
    texts = list(searchable([*cells, *more, *lists]))
    for find in (vocabulary.arm, vocabulary.visit):
        known: dict[str, str] = {}
        contradicted = set()
        explained = [in_text(text, vocabulary, find) for text in texts]
        for found in [*explained, *(in_rows(block, vocabulary, find) for block in blocks)]:
            for code, key in found.items():
                if known.setdefault(code, key) != key:
                    contradicted.add(code)
        answers.append({code: key for code, key in known.items() if code not in contradicted})
    return answers[0], answers[1]


_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_EXPONENT = re.compile(r"[1-9](?:\.\d+)?[eE]\+?\d{1,2}")
_POINT_ZERO = re.compile(r"\d+\.0+")
_TREATED = {"treatment", "treated", "active", "intervention", "drug", "verum", "experimental", "treat", "trt"}

_EVENT_OF_ARM = re.compile(r"_arm_\d+$", re.I)  # REDCap: week_2_arm_1
_EVENT_WITH_ARM = re.compile(r"(?<![a-z])(arm[ _]\d+)(?::\s*([^()]+)\))?$", re.I)
_SUMMARY = re.compile(r"\b(?:mean|median|average|total|sd|sem|iqr|standard (?:deviation|error)|quartiles?)\b")
_WHOLE = ("n", "overall", "all", "sum", "cv", "cv percent", "percent cv", "range", "geomean")


@dataclass
class Rows:
    """What each data row of a block says; None where it says nothing."""

    ids: list[str | None]
    arms: list[str | None]
    visits: list[str | None]
    variables: list[str | None]
    strata: list[str | None]
    use: np.ndarray  # rows that hold data
    unknown_arms: set[str] = field(default_factory=set)  # participants whose arm was not understood, as told
    sections: dict[str, dict[str, str | None]] = field(  # what rows that head others say
        default_factory=lambda: {"arms": {}, "visits": {}, "variables": {}}
    )


def canonical_id(value: object) -> str:
    """Return an id as text; 2.0, "2.0" and " 2 " are all "2"."""
    if is_number(value):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    if isinstance(value, Flag):
        return value.shown
    text = plain_characters(str(value))
    if _EXPONENT.fullmatch(text) and float(text) < 1e15:
        return str(int(float(text)))
    return text.partition(".")[0] if _POINT_ZERO.fullmatch(text) else text


def plain_characters(text: str) -> str:
    """Return text without characters that cannot be seen, with one kind of dash, space and letter."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return " ".join(text.translate(_DASHES).split())


def read_rows(plan: Plan, vocabulary: Vocabulary, codes: Codes, policy: Policy, faults: Faults) -> Rows:
    """Read the columns, merged areas and section rows that say whose and when the values of each row are."""
    body = plan.block.values[plan.header.first_data :]
    count = len(body)
    rows = Rows(*([None] * count for _ in range(5)), use=np.ones(count, dtype=bool))  # type: ignore[arg-type]
    _skip_headers(plan, body, rows)
    sheet = plan.block.sheet
    if policy.hidden_rows == "ignore" and not plan.block.transposed:
        numbers = [sheet.row_numbers[plan.block.place(plan.header.first_data + i, 0)[0]] for i in range(count)]
        rows.use &= ~np.isin(numbers, sheet.facts.hidden_rows)
    _sections(plan, body, vocabulary, codes, rows)
    if column := plan.one(PARTICIPANT):
        _read_ids(plan, column, body, rows, faults)
    else:
        _skip_summaries(plan, body, rows, faults)
    if column := plan.one(STRATUM):
        for position, cell in enumerate(_cells(plan, column, body, rows, faults)):
            if cell != EMPTY and rows.use[position]:
                text = canonical_id(cell)
                rows.strata[position] = safe_text(codes.strata.get(text.casefold()) or stratum_label(text))
    if column := plan.one(ARM):
        _read_arms(plan, column, body, rows, vocabulary, codes, faults)
    if column := plan.one(VISIT):
        weeks = _are_weeks([row[column.index] for row in body], column, vocabulary)
        found = _named(
            plan, column, body, rows, lambda cell: _visit(cell, column, vocabulary, codes, weeks), "a visit", faults
        )
        rows.visits = [new or old for new, old in zip(found, rows.visits, strict=True)]
        if not plan.one(ARM):
            _arms_of_events(column, body, rows, vocabulary, codes)
    if column := plan.one(VARIABLE):
        found = _named(plan, column, body, rows, lambda cell: _variable(cell, vocabulary, codes), "a variable", faults)
        rows.variables = [new or old for new, old in zip(found, rows.variables, strict=True)]
    return rows


def _skip_headers(plan: Plan, body: list[list], rows: Rows) -> None:
    """Leave out rows that repeat the header."""
    if not plan.header.rows:
        return
    last = plan.block.values[plan.header.rows[-1]]
    first_label = next((index for index, cell in enumerate(last) if cell != EMPTY), None)
    if first_label is None:
        return
    label = last[first_label]
    for position, row in enumerate(body):
        if row[first_label] == label and row == last:
            rows.use[position] = False


def _sections(plan: Plan, body: list[list], vocabulary: Vocabulary, codes: Codes, rows: Rows) -> None:
    """Read rows that hold a single name: they head the rows below them."""
    width = plan.block.width
    if width < 2:
        return
    said: dict[str, str] = {}
    for position, row in enumerate(body):
        both_ends = row[0] != EMPTY and row[-1] != EMPTY  # spares most rows the counting
        if not both_ends and len(row) - row.count(EMPTY) == 1:
            cell = next(value for value in row if value != EMPTY)
            reading = vocabulary.label(cell) if label_like(cell) else None
            spelt = canonical_id(cell).casefold()
            if label_like(cell) and spelt in codes.arms | codes.visits | codes.variables:
                reading = Label(codes.variables.get(spelt), codes.visits.get(spelt), codes.arms.get(spelt))
            if reading and reading.certain and (reading.arm or reading.visit or reading.stratum or reading.variable):
                for name in ("arm", "visit", "stratum", "variable"):
                    if getattr(reading, name):
                        said[name] = getattr(reading, name)
                        if name != "stratum":
                            rows.sections[f"{name}s"][canonical_id(cell)] = said[name]
                rows.use[position] = False
                continue
        if said:
            rows.arms[position] = said.get("arm")
            rows.visits[position] = said.get("visit")
            rows.strata[position] = said.get("stratum")
            rows.variables[position] = said.get("variable")


def _cells(plan: Plan, column: Column, body: list[list], rows: Rows, faults: Faults) -> list:
    """Return a column's cells, with merged cells and names written once per group filled down."""
    cells = [row[column.index] for row in body]
    if EMPTY not in cells:
        return cells
    if plan.block.sheet.merged:
        cells = _fill_merged(plan, column, cells)
    blank = [p for p, cell in enumerate(cells) if cell == EMPTY and rows.use[p] and _has_data(plan, body[p])]
    if not blank:
        return cells
    written = [cell for cell in cells if cell != EMPTY]
    in_runs = len(written) == len(set(map(str, written))) and len(written) <= 0.5 * len(cells) and cells[0] != EMPTY
    if in_runs and (column.role != PARTICIPANT or plan.one(VISIT) or plan.one(VARIABLE)):
        faults.note(
            "filled down", f"blank cells below a {column.role} read as the one above", **plan.place(blank[0], column)
        )
        for position in range(1, len(cells)):
            if cells[position] == EMPTY and rows.use[position]:
                cells[position] = cells[position - 1]
    return cells


def _fill_merged(plan: Plan, column: Column, cells: list) -> list:
    cells = list(cells)
    places = {
        plan.block.place(plan.header.first_data + position, column.index): position for position in range(len(cells))
    }
    for top, left, bottom, right in plan.block.sheet.merged:
        value = plan.block.sheet.rows[top][left]
        for row in range(top, bottom + 1):
            for col in range(left, right + 1):
                position = places.get((row, col))
                if position is not None and cells[position] == EMPTY:
                    cells[position] = value
    return cells


def _has_data(plan: Plan, row: list) -> bool:
    return any(row[c.index] != EMPTY for c in plan.columns if c.role == DATA)


def _read_ids(plan: Plan, column: Column, body: list[list], rows: Rows, faults: Faults) -> None:
    unusual: list[int] = []
    for position, cell in enumerate(_cells(plan, column, body, rows, faults)):
        if not rows.use[position]:
            continue
        if cell == EMPTY or isinstance(cell, Flag):
            rows.use[position] = False
            if _has_data(plan, body[position]):
                shown = cell.shown if isinstance(cell, Flag) else cell
                faults.error("no id", "values without a participant id", **plan.place(position, column), value=shown)
        elif isinstance(cell, str) and len(cell) < 40 and _is_summary(cell):
            rows.use[position] = False
            faults.note(
                "summary row", "a summary, not a participant; not read", **plan.place(position, column), value=cell
            )
        else:
            # ASCII letters and digits alone are an id as they stand.
            plain = isinstance(cell, str) and cell.isascii() and cell.isalnum() and not cell[:1].isdigit()
            rows.ids[position] = cell if plain else safe_text(canonical_id(cell))
            if not plain and isinstance(cell, str) and plain_characters(cell) != " ".join(cell.split()):
                unusual.append(position)
    if unusual:
        faults.note(
            "id characters",
            f"{len(unusual)} ids hold characters that cannot be seen or look like others; they are read as plain ones",
            **plan.place(unusual[0], column),
            value=rows.ids[unusual[0]],
        )


def _skip_summaries(plan: Plan, body: list[list], rows: Rows, faults: Faults) -> None:
    """Leave out rows without ids that a word beside the values calls a mean, a median or the like."""
    for column in plan.columns:
        if column.role != IGNORE:
            continue
        for position, row in enumerate(body):
            cell = row[column.index]
            if label_like(cell) and len(cell) < 40 and rows.use[position] and _is_summary(cell):
                rows.use[position] = False
                faults.note(
                    "summary row", "a summary, not a participant; not read", **plan.place(position, column), value=cell
                )


def _is_summary(text: str) -> bool:
    """Return whether an id is no id but the name of a statistic, such as N, Q1, Overall or "Mean (SD), Control"."""
    if text[-1:].isdigit() and len(text) > 3:
        return False
    folded = fold(text)
    return bool(STATISTICS.fullmatch(folded) or _SUMMARY.search(folded) or folded in _WHOLE)


def _read_arms(plan, column, body, rows, vocabulary, codes, faults) -> None:
    """Read the arm of each row, and a stratum that the same cell names."""
    cells = _cells(plan, column, body, rows, faults)
    values = {cell for cell, used in zip(cells, rows.use, strict=True) if used and cell != EMPTY}
    known: dict[object, tuple[str | None, str | None]] = {}
    for value in values:
        text = canonical_id(value)
        reading = vocabulary.label(text)
        code = text.casefold()
        arm = codes.arms.get(code) or reading.arm
        known[value] = (arm, reading.stratum if reading.arm else None)
    _treated_beside_control(plan, column, values, known, vocabulary, faults)
    expected = " or ".join(vocabulary.arm_labels.values())
    told: set[object] = set()
    for position, cell in enumerate(cells):
        if not rows.use[position] or cell == EMPTY:
            continue
        arm, named = known[cell]
        if arm == IGNORE:
            rows.use[position] = False
            continue
        rows.arms[position] = arm or rows.arms[position]
        rows.strata[position] = rows.strata[position] or named
        if arm is None and rows.ids[position]:
            rows.unknown_arms.add(str(rows.ids[position]))
        if arm is None and cell not in told:
            told.add(cell)
            repeated = sum(1 for other in cells if other == cell)
            times = f" (in {repeated} rows)" if repeated > 1 else ""
            faults.error(
                "unknown arm",
                f"not an arm of the trial{times}; expected {expected}, a legend, or 'arms' in the mapping",
                **plan.place(position, column),
                value=cell.shown if isinstance(cell, Flag) else cell,
            )


def _treated_beside_control(plan, column, values, known, vocabulary, faults) -> None:
    """Take a general word such as "treatment" for the treated arm if the only other word is the control."""
    unknown = [value for value in values if known[value][0] is None]
    control, treated = vocabulary.trial.arms.control.key, vocabulary.trial.arms.treated.key
    if len(values) != 2 or len(unknown) != 1 or fold(canonical_id(unknown[0])) not in _TREATED:
        return
    if control in {arm for arm, _ in known.values()}:
        known[unknown[0]] = (treated, None)
        faults.note(
            "arm",
            f"read as {vocabulary.arm_labels[treated]}, because the only other arm is the control",
            **plan.place(0, column),
            value=str(unknown[0]),
        )


def _are_weeks(cells: list, column: Column, vocabulary: Vocabulary) -> bool:
    """Return whether bare numbers in a column of visits are weeks: its header says so, or all are weeks of the trial.

    Numbers of visits, such as 1, 2, 3, 4, may be weeks of the trial by chance.
    """
    label = fold(column.label)
    if re.search(r"week|wk|day|month", label):
        return True
    numbers = {float(canonical_id(cell)) for cell in cells if canonical_id(cell).isdigit()}
    return numbers <= vocabulary.weeks.keys() and ("visit" not in label or 0 in numbers)


def _visit(cell: object, column: Column, vocabulary: Vocabulary, codes: Codes, weeks: bool) -> str | None:
    text = canonical_id(cell)
    if text.casefold() in codes.visits:
        return codes.visits[text.casefold()]
    text = _EVENT_OF_ARM.sub("", text)
    if is_number(cell) or text.isdigit():
        label = fold(column.label)
        if "month" in label:
            return vocabulary.visit(f"{text} months")
        if "visit n" in label or not weeks:
            return vocabulary.visit(f"visit {text}")
        return vocabulary.weeks.get(float(text) / (7.0 if "day" in label else 1.0)) or vocabulary.visit(text)
    return vocabulary.visit(text)


def _arms_of_events(column: Column, body: list[list], rows: Rows, vocabulary: Vocabulary, codes: Codes) -> None:
    """Read the arms that events of REDCap name, as in "Baseline (Arm 2: D+Q)" or, with a mapping, week_2_arm_2."""
    for position, row in enumerate(body):
        cell = row[column.index]
        match = _EVENT_WITH_ARM.search(cell) if isinstance(cell, str) else None
        if match:
            arm = codes.arms.get(match[1].casefold()) or vocabulary.arm(match[2] or "")
            rows.arms[position] = rows.arms[position] or arm
            rows.sections["arms"][match[1]] = arm


def _variable(cell: object, vocabulary: Vocabulary, codes: Codes) -> str | None:
    if key := codes.variables.get(canonical_id(cell).casefold()):
        return key
    reading = vocabulary.label(str(cell))
    return reading.variable if reading.certain else None


def _named(plan, column, body, rows, find: Callable[[object], str | None], what: str, faults) -> list[str | None]:
    """Read a column whose cells name visits or variables; tell of each name that is unknown once."""
    cells = _cells(plan, column, body, rows, faults)
    meaning = {cell: find(cell) for cell in {c for c in cells if c != EMPTY and not isinstance(c, Flag)}}
    told: set[object] = set()
    found: list[str | None] = []
    for position, cell in enumerate(cells):
        key = meaning.get(cell) if not isinstance(cell, Flag) else None
        if key == IGNORE:
            rows.use[position] = False
            key = None
        found.append(key)
        if cell == EMPTY or key is not None or not rows.use[position] or cell in told:
            continue
        told.add(cell)
        shown = cell.shown if isinstance(cell, Flag) else cell
        place = plan.place(position, column)
        if column.role == VARIABLE:
            faults.note("unknown variable", f"not {what} of the trial; not read", **place, value=shown)
        else:
            faults.error(
                "unknown visit", f"not {what} of the trial; name it under 'visits' in the mapping", **place, value=shown
            )
    return found
