"""What each row of a block says beside its values (participant, arm, visit, variable, stratum), and legends of codes."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from ..files import safe_text
from .layout import is_number, label_like
from .mapping import CODED, Codes, Column, Plan, Policy, article, decoded, short_code
from .recognise import STATISTICS, Vocabulary, fold, stratum_label
from .sheets import EMPTY, Block, Faults, Flag

_SIGNS = ("=", "→|->", ":", r"\bmeans\b|\bis\b", r"–|—|-(?=\s)")  # tried in turn: "Visit: 1 = baseline, 2 = ..."
_LEGENDS = [
    re.compile(rf"(?P<code>[\w.]{{1,12}})\s*(?:{sign})\s*(?P<name>[^=:;,()\[\]\n→]{{1,60}})", re.I) for sign in _SIGNS
] + [
    re.compile(rf"(?P<name>[^=:;,()\[\]\n→\d]{{1,60}}?)\s*(?:{sign})\s*(?P<code>[\w.]{{1,3}})(?![\w.])", re.I)
    for sign in _SIGNS
]
_EXPLAINS = re.compile(r"[=:→\-–—]| is | means ")
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


def in_text(text: str, find: Callable, least: int = 2) -> dict[str, str]:
    """Return the codes that one text explains, such as ``0 = Control, 1 = D+Q``; fewer than ``least`` are no legend."""
    for pattern in _LEGENDS if _EXPLAINS.search(text) else ():
        found = {}
        for match in pattern.finditer(text):
            key = find(match["name"].strip(" .'\""))
            if key and len(match["code"]) <= LONGEST_CODE:
                found[match["code"].casefold()] = key
        if len(found) >= least:
            return found
    return {}


def searchable(texts: Iterable[str]) -> Iterator[str]:
    """Pick the texts that may explain codes, the shortest first, as far as searching them takes a bounded time."""
    chosen = sorted(
        {text[:LONGEST_TEXT] for text in texts if _EXPLAINS.search(text)}, key=lambda text: (len(text), text)
    )
    lengths = itertools.accumulate(map(len, chosen))
    return (text for text, length in zip(chosen, lengths, strict=True) if length <= MOST_TEXT)


def in_rows(block: Block, find: Callable) -> dict[str, str]:
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
        texts += [*plan.header.titles, *(column.label for column in plan.columns if column.role in ("arm", "visit"))]
        for row in plan.block.values[-FOOTERS:]:
            texts += [cell for cell in row if isinstance(cell, str) and len(row) - row.count(EMPTY) == 1]
    chosen, codes = list(searchable(texts)), {}
    for role, find in (("arm", vocabulary.arm), ("visit", vocabulary.visit)):
        legends = [in_text(text, find) for text in chosen] + [in_rows(block, find) for block in blocks]
        # A single code in a text contradicts a legend, but makes none.
        single = [in_text(text, find, 1) for text in chosen]
        meanings: dict[str, set[str]] = defaultdict(set)
        for code, key in (pair for found in [*legends, *single] for pair in found.items()):
            meanings[code].add(key)
        known = set().union(*legends)
        codes[role] = {code: keys.pop() for code, keys in meanings.items() if code in known and len(keys) == 1}
    return codes


# -- rows ---------------------------------------------------------------------------------------------------------


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


class RowReader:
    """Reads the columns, merged areas and section rows that say whose and when the values of each row of a block are.

    The result are ``plan.rows``, with a column for each role, None where a row says nothing; ``use``, whether it holds data;
    and ``unknown``, whether its arm was not understood; and ``plan.spellings``.
    """

    def __init__(self, plan: Plan, vocabulary: Vocabulary, codes: Codes, policy: Policy, faults: Faults) -> None:
        self.plan, self.vocabulary, self.codes, self.faults = plan, vocabulary, codes, faults
        self.body, self.header = plan.body, plan.header
        self.said = {role: np.full(len(self.body), None, dtype=object) for role in ("participant", *CODED)}
        last = plan.block.values[self.header.rows[-1]] if self.header.rows else []
        repeated = any(cell != EMPTY for cell in last)  # the header may be
        self.use = np.array([not (repeated and row == last) for row in self.body], dtype=bool)
        self.unknown = np.zeros(len(self.body), dtype=bool)
        if policy.hidden_rows == "ignore" and not plan.block.transposed:
            own = plan.block.rows[self.header.first_data :]
            self.use &= [row not in plan.block.sheet.hidden_rows for row in own]
        self._sections()
        if column := plan.one("participant"):
            self._ids(column)
        else:
            self._skip_summaries()
        if column := plan.one("stratum"):
            self._fill(column, lambda cell: self._decoded("stratum", cell) or stratum_label(canonical_id(cell)))
        if column := plan.one("arm"):
            self._arms(column)
        if column := plan.one("visit"):
            self._visits(column)
        if column := plan.one("variable"):
            self._fill(column, self._variable, "not read")
        plan.rows = pd.DataFrame(self.said, dtype=object).assign(use=self.use, unknown=self.unknown)

    def _decoded(self, role: str, cell: object) -> str | None:
        return decoded(self.codes, role, canonical_id(cell))

    def _sections(self) -> None:
        """Read rows that hold a single name: they head the rows below them."""
        said: dict[str, str] = {}
        for position, row in enumerate(self.body if self.plan.block.width > 1 else ()):
            both_ends = row[0] != EMPTY and row[-1] != EMPTY  # spares most rows the counting
            if not both_ends and len(row) - row.count(EMPTY) == 1:
                cell = next(value for value in row if value != EMPTY)
                if names := self._section(cell) if label_like(cell) else {}:
                    said |= names
                    for role, name in names.items():
                        self.plan.spellings[role][canonical_id(cell)] = name
                    self.use[position] = False
                    continue
            for role, name in said.items():
                self.said[role][position] = name

    def _section(self, cell: str) -> dict[str, str]:
        """Return what a heading says for certain, by role."""
        reading = self.vocabulary.label(cell)
        said = {role: self._decoded(role, cell) for role in ("arm", "visit", "variable")}
        if not any(said.values()) and reading.certain:
            said = {role: getattr(reading, role) for role in CODED}
        return {role: name for role, name in said.items() if name}

    def _cells(self, column: Column) -> list:
        """Return a column's cells, with merged cells and names written once per group filled down."""
        cells, plan = [row[column.index] for row in self.body], self.plan
        if EMPTY not in cells:
            return cells
        merged, first = plan.block.sheet.merged, self.header.first_data
        places = {plan.block.place(first + i, column.index): i for i in range(len(cells) if merged else 0)}
        for top, left, bottom, right in merged:
            for place in itertools.product(range(top, bottom + 1), range(left, right + 1)):
                if place in places and cells[places[place]] == EMPTY:
                    cells[places[place]] = plan.block.sheet.rows[top][left]
        written = [cell for cell in cells if cell != EMPTY]
        in_runs = len(written) == len(set(map(str, written))) and len(written) <= 0.5 * len(cells) and cells[0] != EMPTY
        if in_runs and (column.role != "participant" or plan.one("visit") or plan.one("variable")):
            blank = [p for p, cell in enumerate(cells) if cell == EMPTY and self.use[p]]
            if with_data := [p for p in blank if plan.holds_data(p)]:
                what = f"blank cells below a {column.role} read as the one above"
                self.faults.note("filled down", what, **plan.place(with_data[0], column))
                for position in blank:
                    cells[position] = cells[position - 1]
        return cells

    def _ids(self, column: Column) -> None:
        ids, unusual = self.said["participant"], []
        for position, cell in enumerate(self._cells(column)):
            if not self.use[position] or self._skip_summary(position, column, cell):
                continue
            if cell == EMPTY or isinstance(cell, Flag):
                self.use[position] = False
                if self.plan.holds_data(position):
                    place = self.plan.place(position, column) | {"value": getattr(cell, "shown", cell)}
                    self.faults.error("no id", "values without a participant id", **place)
                continue
            ids[position] = safe_text(canonical_id(cell))
            if isinstance(cell, str) and plain_characters(cell) != " ".join(cell.split()):
                unusual.append(position)
        if unusual:
            what = "ids hold characters that cannot be seen or look like others; they are read as plain ones"
            place = self.plan.place(unusual[0], column)
            self.faults.note("id characters", f"{len(unusual)} {what}", **place, value=ids[unusual[0]])

    def _skip_summaries(self) -> None:
        """Leave out rows without ids that a word beside the values calls a mean, a median or the like."""
        for column in self.plan.having("ignore"):
            for position, row in enumerate(self.body):
                if self.use[position] and label_like(row[column.index]):
                    self._skip_summary(position, column, row[column.index])

    def _skip_summary(self, position: int, column: Column, cell: object) -> bool:
        """Leave out a row whose cell names a statistic, such as N, Q1, Overall or "Mean (SD), Control"."""
        if not isinstance(cell, str) or len(cell) >= 40 or (cell[-1:].isdigit() and len(cell) > 3):
            return False
        folded = fold(cell)
        summary = bool(STATISTICS.fullmatch(folded) or _SUMMARY.search(folded) or folded in _WHOLE)
        if summary:
            self.use[position] = False
            what = "a summary, not a participant; not read"
            self.faults.note("summary row", what, **self.plan.place(position, column), value=cell)
        return summary

    def _arms(self, column: Column) -> None:
        """Read the arm of each row, and a stratum that the same cell names."""
        labels, trial, cells = self.vocabulary.arm_labels, self.vocabulary.trial, self._cells(column)
        used = {cell for cell, use in zip(cells, self.use, strict=True) if use and cell != EMPTY}
        readings = {cell: self.vocabulary.label(canonical_id(cell)) for cell in used}
        arms = {cell: self._decoded("arm", cell) or reading.arm for cell, reading in readings.items()}
        unknown = [cell for cell, arm in arms.items() if arm is None]
        only_control = len(arms) == 2 and len(unknown) == 1 and trial.arms.control.key in arms.values()
        if only_control and fold(canonical_id(unknown[0])) in _TREATED:
            arms[unknown[0]] = trial.arms.treated.key
            what = f"read as {trial.arms.treated.label}, because the only other arm is the control"
            self.faults.note("arm", what, **self.plan.place(0, column), value=str(unknown[0]))
        self._fill(column, arms.get, f"expected {' or '.join(labels.values())}, a legend, or 'arms' in the mapping")
        for position, cell in enumerate(cells):
            if self.use[position] and cell != EMPTY:
                self.unknown[position] = arms[cell] is None
                if readings[cell].arm and not self.said["stratum"][position]:
                    self.said["stratum"][position] = readings[cell].stratum

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
            if coded := self._decoded("visit", cell):
                return coded
            text = _EVENT_OF_ARM.sub("", canonical_id(cell))
            if "month" in header and text.isdigit():
                return self.vocabulary.visit(f"{text} months")
            if not (is_number(cell) or text.isdigit()) or are_weeks:
                week = float(text) / (7.0 if "day" in header else 1.0) if _NUMBER.fullmatch(text) else None
                return weeks.get(week) or self.vocabulary.visit(text)
            return self.vocabulary.visit(f"visit {text}")

        self._fill(column, find, "name it under 'visits' in the mapping")
        for position, row in enumerate(self.body if not self.plan.one("arm") else ()):
            cell = row[column.index]  # REDCap: "Baseline (Arm 2: D+Q)" or, with a mapping, week_2_arm_2
            if match := _EVENT_WITH_ARM.search(cell) if isinstance(cell, str) else None:
                arm = decoded(self.codes, "arm", match[1]) or self.vocabulary.arm(match[2] or "")
                self.said["arm"][position] = self.said["arm"][position] or arm
                self.plan.spellings["arm"][match[1]] = arm

    def _variable(self, cell: object) -> str | None:
        reading = self.vocabulary.label(str(cell))
        return self._decoded("variable", cell) or (reading.variable if reading.certain else None)

    def _fill(self, column: Column, find: Callable, advice: str = "") -> None:
        """Read what the cells of a column name; report each unknown name once, and leave out what is to be ignored."""
        cells, role = self._cells(column), column.role
        counts = Counter(cell for cell, used in zip(cells, self.use, strict=True) if used and cell != EMPTY)
        meaning = {cell: find(cell) for cell in counts}
        report = self.faults.note if role == "variable" else self.faults.error
        for position, cell in enumerate(cells):
            if not self.use[position] or cell == EMPTY:
                continue
            if meaning[cell] == "ignore":
                self.use[position] = False
            elif meaning[cell]:
                self.said[role][position] = safe_text(meaning[cell])
            elif times := counts.pop(cell, 0):
                what = f"not {article(role)} of the trial{f' (in {times} rows)' * (times > 1)}; {advice}"
                place = self.plan.place(position, column) | {"value": getattr(cell, "shown", cell)}
                report(f"unknown {role}", what, **place)
