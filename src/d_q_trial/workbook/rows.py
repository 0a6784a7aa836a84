"""What each row of a block says beside its values (participant, arm, visit, variable, stratum), and legends of codes."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ..files import safe_text
from .layout import is_number, label_like
from .mapping import ARM, DATA, IGNORE, PARTICIPANT, STRATUM, VARIABLE, VISIT, Codes, Column, Plan, Policy, short_code
from .recognise import STATISTICS, Vocabulary, fold, stratum_label
from .sheets import EMPTY, Block, Faults, Flag

_SIGNS = ("=", "→|->", ":", r"\bmeans\b|\bis\b", r"–|—|-(?=\s)")  # tried in turn: "Visit: 1 = baseline, 2 = ..."
_PAIRS = [re.compile(rf"([\w.]{{1,12}})\s*(?:{sign})\s*([^=:;,()\[\]\n→]{{1,60}})", re.I) for sign in _SIGNS]
_REVERSED = [
    re.compile(rf"([^=:;,()\[\]\n→\d]{{1,60}}?)\s*(?:{sign})\s*([\w.]{{1,3}})(?![\w.])", re.I) for sign in _SIGNS
]
LONGEST_CODE = 4
LONGEST_TEXT = 2000  # characters of one text that are searched for codes
MOST_TEXT = 60_000  # and of all texts together: the patterns are slow
FOOTERS = 20  # rows at the end of a table where remarks may stand
MOST_ROWS, MOST_LISTED = 400, 40  # of a codebook: rows that are read, and those whose cells are read as one list

_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_EXPONENT = re.compile(r"[1-9](?:\.\d+)?[eE]\+?\d{1,2}")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_POINT_ZERO = re.compile(r"\d+\.0+")
_TREATED = {"treatment", "treated", "active", "intervention", "drug", "verum", "experimental", "treat", "trt"}
_EVENT_OF_ARM = re.compile(r"_arm_\d+$", re.I)  # REDCap: week_2_arm_1
_EVENT_WITH_ARM = re.compile(r"(?<![a-z])(arm[ _]\d+)(?::\s*([^()]+)\))?$", re.I)
_SUMMARY = re.compile(r"\b(?:mean|median|average|total|sd|sem|iqr|standard (?:deviation|error)|quartiles?)\b")
_WHOLE = ("n", "overall", "all", "sum", "cv", "cv percent", "percent cv", "range", "geomean")


# -- legends ------------------------------------------------------------------------------------------------------


def in_text(text: str, vocabulary: Vocabulary, find, least: int = 2) -> dict[str, str]:
    """Return the codes that one text explains, such as ``0 = Control, 1 = D+Q``; fewer than ``least`` are no legend."""
    for pattern, code, name in (*((p, 1, 2) for p in _PAIRS), *((p, 2, 1) for p in _REVERSED)):
        found = {}
        for match in pattern.finditer(text) if _may_explain(text) else ():
            key = find(match[name].strip(" .'\""))
            if key and len(match[code]) <= LONGEST_CODE:
                found[match[code].strip().casefold()] = key
        if len(found) >= least:
            return found
    return {}


def _may_explain(text: str) -> bool:
    return any(sign in text for sign in ("=", ":", "→", "-", "–", "—", " is ", " means "))


def searchable(texts: Iterable[str]) -> Iterator[str]:
    """Pick the texts that may explain codes, the shortest first, as far as searching them takes a bounded time."""
    chosen = {text[:LONGEST_TEXT] for text in texts if _may_explain(text)}
    left = MOST_TEXT
    for text in sorted(chosen, key=lambda text: (len(text), text)):
        left -= len(text)
        if left < 0:
            return
        yield text


def in_rows(block: Block, find) -> dict[str, str]:
    """Return the codes that a codebook explains in rows: a short code beside a name."""
    found: dict[str, str] = {}
    for row in block.values[:MOST_ROWS]:
        for code, name in itertools.pairwise(cell for cell in row if cell != EMPTY):
            text = canonical_id(code)
            key = find(name) if isinstance(name, str) else None
            if key and len(short_code(text)) <= LONGEST_CODE and not (isinstance(code, str) and find(text) == key):
                found[short_code(text)] = key
    return found if len(found) >= 2 else {}


def collect(plans: list[Plan], comments: list[str], vocabulary: Vocabulary) -> Codes:
    """Return what the texts of a workbook say of codes for arms and for visits; contradictions are dropped.

    Searched are notes and codebooks, titles, headers, remarks below tables, and the comments of cells.
    """
    blocks = [plan.block for plan in plans if not plan.readable]
    texts = list(comments)
    for block in blocks:
        texts += [cell for row in block.values[:MOST_ROWS] for cell in row if isinstance(cell, str)]
        texts.append("; ".join(str(cell) for row in block.values[:MOST_LISTED] for cell in row if label_like(cell)))
    for plan in (plan for plan in plans if plan.readable):
        texts += [*plan.header.titles, *(column.label for column in plan.columns if column.role in (ARM, VISIT))]
        for row in plan.block.values[-FOOTERS:]:
            texts += [cell for cell in row if isinstance(cell, str) and len(row) - row.count(EMPTY) == 1]
    chosen = list(searchable(texts))
    answers = []
    for find in (vocabulary.arm, vocabulary.visit):
        explained = [in_text(text, vocabulary, find) for text in chosen] + [in_rows(block, find) for block in blocks]
        meanings: dict[str, set[str]] = {}
        for code, key in (pair for found in explained for pair in found.items()):
            meanings.setdefault(code, set()).add(key)
        for text in chosen:  # a single code in a text contradicts a legend, but makes none
            for code, key in in_text(text, vocabulary, find, 1).items():
                meanings.get(code, set()).add(key)
        answers.append({code: keys.pop() for code, keys in meanings.items() if len(keys) == 1})
    return Codes(*answers)


# -- rows ---------------------------------------------------------------------------------------------------------


@dataclass
class Rows:
    """What each data row of a block says; None where it says nothing."""

    ids: list[str | None]
    arms: list[str | None]
    visits: list[str | None]
    variables: list[str | None]
    strata: list[str | None]
    use: np.ndarray  # rows that hold data
    unknown_arms: set[str] = field(default_factory=set)  # participants whose arm was not understood, as reported
    spellings: dict[str, dict[str, str | None]] = field(  # how rows that head others, and events, spell what they say
        default_factory=lambda: {"arms": {}, "visits": {}, "variables": {}}
    )

    @property
    def people(self) -> set[str]:
        """The different participants."""
        return {identity for identity in self.ids if identity}


def canonical_id(value: object) -> str:
    """Return an id as text; 2.0, "2.0" and " 2 " are all "2"."""
    if is_number(value):
        return str(int(value)) if float(value).is_integer() else repr(float(value))  # type: ignore[arg-type]
    if isinstance(value, Flag):
        return value.shown
    text = plain_characters(str(value))
    if _EXPONENT.fullmatch(text) and float(text) < 1e15:
        return str(int(float(text)))
    return text.partition(".")[0] if _POINT_ZERO.fullmatch(text) else text


def plain_characters(text: str) -> str:
    """Return text without characters that cannot be seen, with one kind of dash, space and letter."""
    text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return " ".join(text.translate(_DASHES).split())


def read_rows(plan: Plan, vocabulary: Vocabulary, codes: Codes, policy: Policy, faults: Faults) -> Rows:
    """Read the columns, merged areas and section rows that say whose and when the values of each row are."""
    return _RowReader(plan, vocabulary, codes, faults).read(policy)


class _RowReader:
    def __init__(self, plan: Plan, vocabulary: Vocabulary, codes: Codes, faults: Faults) -> None:
        self.plan, self.vocabulary, self.codes, self.faults = plan, vocabulary, codes, faults
        self.body, self.data = plan.body, [column.index for column in plan.having(DATA)]
        count = len(self.body)
        self.rows = Rows(*([None] * count for _ in range(5)), use=np.ones(count, dtype=bool))  # type: ignore[arg-type]

    def read(self, policy: Policy) -> Rows:
        plan, rows, header = self.plan, self.rows, self.plan.header
        last = plan.block.values[header.rows[-1]] if header.rows else []
        if any(cell != EMPTY for cell in last):  # the header may be repeated
            rows.use &= [row != last for row in self.body]
        if policy.hidden_rows == "ignore" and not plan.block.transposed:
            sheet, first = plan.block.sheet, header.first_data
            numbers = [sheet.row_numbers[plan.block.place(first + i, 0)[0]] for i in range(len(self.body))]
            rows.use &= ~np.isin(numbers, sheet.facts.hidden_rows)
        self._sections()
        if column := plan.one(PARTICIPANT):
            self._ids(column)
        else:
            self._skip_summaries()
        if column := plan.one(STRATUM):
            for position, cell in enumerate(self._cells(column)):
                if cell != EMPTY and rows.use[position]:
                    text = canonical_id(cell)
                    rows.strata[position] = safe_text(self.codes.strata.get(text.casefold()) or stratum_label(text))
        if column := plan.one(ARM):
            self._arms(column)
        if column := plan.one(VISIT):
            self._visits(column)
        if column := plan.one(VARIABLE):
            self._fill("variables", column, self._variable, "a variable", "not read")
        return rows

    def _sections(self) -> None:
        """Read rows that hold a single name: they head the rows below them."""
        said: dict[str, str] = {}
        for position, row in enumerate(self.body if self.plan.block.width > 1 else ()):
            both_ends = row[0] != EMPTY and row[-1] != EMPTY  # spares most rows the counting
            if not both_ends and len(row) - row.count(EMPTY) == 1:
                cell = next(value for value in row if value != EMPTY)
                if names := self._section(cell) if label_like(cell) else {}:
                    said |= names
                    for kind in self.rows.spellings.keys() & names.keys():
                        self.rows.spellings[kind][canonical_id(cell)] = names[kind]
                    self.rows.use[position] = False
                    continue
            for kind, value in said.items():
                getattr(self.rows, kind)[position] = value

    def _section(self, cell: str) -> dict[str, str]:
        """Return what a heading says for certain, under the names of the attributes of :class:`Rows`."""
        text, reading = canonical_id(cell), self.vocabulary.label(cell)
        said = {kind: self.codes.find(kind, text) for kind in ("arms", "visits", "variables")}
        if not any(said.values()) and reading.certain:
            said = {
                "arms": reading.arm,
                "visits": reading.visit,
                "strata": reading.stratum,
                "variables": reading.variable,
            }
        return {kind: value for kind, value in said.items() if value}

    def _has_data(self, position: int) -> bool:
        return any(self.body[position][index] != EMPTY for index in self.data)

    def _cells(self, column: Column) -> list:
        """Return a column's cells, with merged cells and names written once per group filled down."""
        cells, plan, use = [row[column.index] for row in self.body], self.plan, self.rows.use
        if EMPTY not in cells:
            return cells
        places = (
            {plan.block.place(plan.header.first_data + i, column.index): i for i in range(len(cells))}
            if plan.block.sheet.merged
            else {}
        )
        for top, left, bottom, right in plan.block.sheet.merged:
            for place in itertools.product(range(top, bottom + 1), range(left, right + 1)):
                if place in places and cells[places[place]] == EMPTY:
                    cells[places[place]] = plan.block.sheet.rows[top][left]
        written = [cell for cell in cells if cell != EMPTY]
        in_runs = len(written) == len(set(map(str, written))) and len(written) <= 0.5 * len(cells) and cells[0] != EMPTY
        if in_runs and (column.role != PARTICIPANT or plan.one(VISIT) or plan.one(VARIABLE)):
            blank = [p for p, cell in enumerate(cells) if cell == EMPTY and use[p]]
            if with_data := [p for p in blank if self._has_data(p)]:
                what = f"blank cells below a {column.role} read as the one above"
                self.faults.note("filled down", what, **plan.place(with_data[0], column))
                for position in blank:
                    cells[position] = cells[position - 1]
        return cells

    def _ids(self, column: Column) -> None:
        rows, unusual = self.rows, []
        for position, cell in enumerate(self._cells(column)):
            if not rows.use[position] or self._skip_summary(position, column, cell):
                continue
            if cell == EMPTY or isinstance(cell, Flag):
                rows.use[position] = False
                if self._has_data(position):
                    place = self.plan.place(position, column) | {"value": getattr(cell, "shown", cell)}
                    self.faults.error("no id", "values without a participant id", **place)
                continue
            # ASCII letters and digits alone are an id as they stand.
            plain = isinstance(cell, str) and cell.isascii() and cell.isalnum() and not cell[:1].isdigit()
            rows.ids[position] = cell if plain else safe_text(canonical_id(cell))
            if not plain and isinstance(cell, str) and plain_characters(cell) != " ".join(cell.split()):
                unusual.append(position)
        if unusual:
            what = "ids hold characters that cannot be seen or look like others; they are read as plain ones"
            place = self.plan.place(unusual[0], column)
            self.faults.note("id characters", f"{len(unusual)} {what}", **place, value=rows.ids[unusual[0]])

    def _skip_summaries(self) -> None:
        """Leave out rows without ids that a word beside the values calls a mean, a median or the like."""
        for column in self.plan.having(IGNORE):
            for position, row in enumerate(self.body):
                if self.rows.use[position] and label_like(row[column.index]):
                    self._skip_summary(position, column, row[column.index])

    def _skip_summary(self, position: int, column: Column, cell: object) -> bool:
        """Leave out a row whose cell names a statistic, such as N, Q1, Overall or "Mean (SD), Control"."""
        if not isinstance(cell, str) or len(cell) >= 40 or (cell[-1:].isdigit() and len(cell) > 3):
            return False
        folded = fold(cell)
        summary = bool(STATISTICS.fullmatch(folded) or _SUMMARY.search(folded) or folded in _WHOLE)
        if summary:
            self.rows.use[position] = False
            what = "a summary, not a participant; not read"
            self.faults.note("summary row", what, **self.plan.place(position, column), value=cell)
        return summary

    def _arms(self, column: Column) -> None:
        """Read the arm of each row, and a stratum that the same cell names."""
        labels, trial, cells = self.vocabulary.arm_labels, self.vocabulary.trial, self._cells(column)
        used = {cell for cell, use in zip(cells, self.rows.use, strict=True) if use and cell != EMPTY}
        readings = {cell: self.vocabulary.label(canonical_id(cell)) for cell in used}
        arms = {cell: self.codes.find("arms", canonical_id(cell)) or reading.arm for cell, reading in readings.items()}
        unknown = [cell for cell, arm in arms.items() if arm is None]
        only_control = len(arms) == 2 and len(unknown) == 1 and trial.arms.control.key in arms.values()
        if only_control and fold(canonical_id(unknown[0])) in _TREATED:
            arms[unknown[0]] = trial.arms.treated.key
            what = f"read as {trial.arms.treated.label}, because the only other arm is the control"
            self.faults.note("arm", what, **self.plan.place(0, column), value=str(unknown[0]))
        expected = f"expected {' or '.join(labels.values())}, a legend, or 'arms' in the mapping"
        self._fill("arms", column, arms.get, "an arm", expected)
        for position, cell in enumerate(cells):
            if self.rows.use[position] and cell != EMPTY:
                if arms[cell] is None:
                    self.rows.unknown_arms.add(self.rows.ids[position] or "")
                elif readings[cell].arm:
                    self.rows.strata[position] = self.rows.strata[position] or readings[cell].stratum

    def _visits(self, column: Column) -> None:
        """Read the visit of each row; bare numbers are weeks if the header says so, or if they hardly can be visits."""
        header, weeks = fold(column.label), self.vocabulary.weeks
        numbers = {float(text) for row in self.body if (text := canonical_id(row[column.index])).isdigit()}
        # Numbers of visits, such as 1, 2, 3, 4 or 0, 2, may be weeks of the trial by chance.
        are_weeks = bool(re.search(r"week|wk|day|month", header)) and "visit n" not in header
        if not are_weeks and numbers <= weeks.keys() and 0 in numbers and max(numbers) > len(weeks):
            are_weeks = True
            self.faults.note("inferred", "numbers read as weeks", **self.plan.place(0, column))

        def find(cell: object) -> str | None:
            text = canonical_id(cell)
            if coded := self.codes.find("visits", text):
                return coded
            text = _EVENT_OF_ARM.sub("", text)
            if "month" in header and text.isdigit():
                return self.vocabulary.visit(f"{text} months")
            if not (is_number(cell) or text.isdigit()) or are_weeks:
                week = float(text) / (7.0 if "day" in header else 1.0) if _NUMBER.fullmatch(text) else None
                return weeks.get(week) or self.vocabulary.visit(text)
            return self.vocabulary.visit(f"visit {text}")

        self._fill("visits", column, find, "a visit", "name it under 'visits' in the mapping")
        for position, row in enumerate(self.body if not self.plan.one(ARM) else ()):
            cell = row[column.index]  # REDCap: "Baseline (Arm 2: D+Q)" or, with a mapping, week_2_arm_2
            if match := _EVENT_WITH_ARM.search(cell) if isinstance(cell, str) else None:
                arm = self.codes.find("arms", match[1]) or self.vocabulary.arm(match[2] or "")
                self.rows.arms[position] = self.rows.arms[position] or arm
                self.rows.spellings["arms"][match[1]] = arm

    def _variable(self, cell: object) -> str | None:
        reading = self.vocabulary.label(str(cell))
        return self.codes.find("variables", canonical_id(cell)) or (reading.variable if reading.certain else None)

    def _fill(self, kind: str, column: Column, find: Callable, what: str, advice: str) -> None:
        """Read what the cells of a column name; report each unknown name once, and leave out what is to be ignored."""
        cells, use, found = self._cells(column), self.rows.use, getattr(self.rows, kind)
        counts = Counter(cell for cell, used in zip(cells, use, strict=True) if used and cell != EMPTY)
        meaning = {cell: None if isinstance(cell, Flag) else find(cell) for cell in counts}
        report = self.faults.note if column.role == VARIABLE else self.faults.error
        for position, cell in enumerate(cells):
            if not use[position] or cell == EMPTY:
                continue
            if meaning[cell] == IGNORE:
                use[position] = False
            elif meaning[cell]:
                found[position] = meaning[cell]
            elif times := counts.pop(cell, 0):
                rows = f" (in {times} rows)" if times > 1 else ""
                place = self.plan.place(position, column) | {"value": getattr(cell, "shown", cell)}
                report(f"unknown {column.role}", f"not {what} of the trial{rows}; {advice}", **place)
