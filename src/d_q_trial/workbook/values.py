"""Take the values out of a block as its mapping says: cells become numbers, columns become one long table."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pandas as pd

from ..files import safe_text
from ..participants import COLUMNS, PERCENT_CHANGE
from ..trial import BASELINE, Trial
from .layout import MISSING, is_number
from .mapping import DATA, GROUPS, PARTICIPANT, STRATUM, UNIT, VARIABLE, VISIT, Column, Plan, Policy
from .recognise import PERCENT_OF_BASELINE
from .rows import Rows
from .sheets import DATES, EMPTY, Faults, Flag

Part = dict[str, list]  # columns of the long table
Remark = tuple[int, object, str, str]  # position of a cell, what it shows, kind and text of a fault or note
CHANGES = (PERCENT_CHANGE, PERCENT_OF_BASELINE)
LONGEST_NUMBER = 60  # characters
LARGEST = 1e100  # changes made from larger numbers would overflow
YES, NO = {"yes", "y", "true", "1", "ever", "positive", "pos"}, {"no", "n", "false", "0", "never", "negative", "neg"}
FLAGS = {
    "error": ("error cell", "an error cell where a number belongs"),
    "formula": ("formula", "a formula without a stored value; open in Excel and save again"),
    "unreadable": ("unreadable", "a cell that cannot be read; open in Excel, correct it and save again"),
}
BELOW_RULES = {  # what becomes of a value below a limit of detection: a share of the limit
    "missing": (math.nan, "missing"),
    "limit": (1.0, "the limit"),
    "half": (0.5, "half the limit"),
    "lowest": (0.0, "0, the lowest rank"),
}
COMMA_ADVICE = "write a point, or set decimal_comma: true in the mapping"
_DASHES = str.maketrans(dict.fromkeys("−–‐‑‒—", "-"))
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_BELOW = re.compile(r"(?:<=?|≤|below|under|less than)\s*([\d.,]+)\s*[a-z/%µμ0-9]*", re.I)
_BELOW_WORD = re.compile(r"(?:b?lo[dq]|<\s*l?lo[dq]|bl[oq]q?|below .*|undetect\w*|not detect\w*)", re.I)
REFUSED = (  # texts that are no plain numbers: pattern, kind, expectation
    (r"[+-]?\d+,\d+", "comma", f"a comma in a number; {COMMA_ADVICE}"),
    (r"(?:>=?|≥|above|over|more than)\s*[\d.,]+\s*[a-z/%µμ0-9]*", "above range", "above a limit; expected a number"),
    (r"[+-]?\d{1,3}(?:[ ,'’]\d{3})+(?:\.\d+)?", "grouped digits", "grouped digits; expected a plain number"),
    (r"[+-]*(?:inf|infinity|∞)", "infinite", "infinite; expected a number"),
    (r"[\s\S]*", "text", "text where a number belongs"),
)


class _RefusedError(Exception):
    """A cell that is not a number: its kind of fault, and what was expected."""


def read_numbers(cells: Sequence, policy: Policy, binary: bool) -> tuple[np.ndarray, list[Remark], list[Remark]]:
    """Read a column of cells as numbers.

    Parameters
    ----------
    cells : sequence
        Values of a :class:`Sheet`, "" where empty, Flag where an error or an uncalculated formula stands.
    policy : Policy
    binary : bool
        Whether yes and no are expected; they become 1 and 0.

    Returns
    -------
    array of float
        NaN where there is no number.
    list, list
        Faults, and notes on cells that were not plain numbers.
    """
    values, faults, notes = np.full(len(cells), math.nan), [], []
    missing = MISSING | {code.strip().casefold() for code in policy.missing}
    codes = {float(code) for code in policy.missing if _PLAIN.fullmatch(code.strip())}
    for position, cell in enumerate(cells):
        if cell == EMPTY:
            continue
        kind, what, value = "", "", cell
        try:
            if binary or type(cell) is not float:
                value, kind, what = _read(cell, policy, binary, missing)
            if value in codes or cell != cell:
                value, kind, what = math.nan, "missing code", "read as missing"
            elif abs(value) > LARGEST:
                what = "infinite" if math.isinf(value) else "too large to be a measurement"
                raise _RefusedError("infinite", f"{what}; expected a number")
        except _RefusedError as error:
            value, (kind, what) = math.nan, error.args
            faults.append((position, getattr(cell, "shown", cell), kind, what))
        else:
            notes += [(position, getattr(cell, "shown", cell), kind, what)] if kind else []
        values[position] = value
    return values, faults, notes


def _read(cell: object, policy: Policy, binary: bool, missing: set[str]) -> tuple[float, str, str]:
    """Return a cell's number, and kind and text of a note if it was not a plain one."""
    text = unicodedata.normalize("NFKC", str(cell)).strip().translate(_DASHES)
    word = text.casefold().removesuffix(".0")
    if binary and not isinstance(cell, Flag) and word in YES | NO:
        return float(word in YES), "", ""
    if isinstance(cell, bool):
        raise _RefusedError("truth value", "a truth value where a number belongs")
    if isinstance(cell, Flag):
        if cell.kind == "error" and policy.error_cells == "missing":
            return math.nan, "error cell", "an error cell, read as missing"
        raise _RefusedError(*FLAGS[cell.kind])
    if isinstance(cell, DATES):
        raise _RefusedError("date", "a date or time where a number belongs")
    if is_number(cell) and not binary:
        return float(cell), "", ""  # type: ignore[arg-type]
    if not text:
        return math.nan, "", ""
    if text.casefold() in missing:
        return math.nan, "missing code", "read as missing"
    if binary:
        raise _RefusedError("binary", "expected yes or no, 1 or 0")
    if len(text) > LONGEST_NUMBER:
        raise _RefusedError(*REFUSED[-1][1:])
    return _read_text(text, policy)


def _read_text(text: str, policy: Policy) -> tuple[float, str, str]:
    if _PLAIN.fullmatch(text):
        return float(text), "number as text", f"a number stored as text, read as {float(text):.15g}"
    if match := _BELOW.fullmatch(text):
        limit = match[1].replace(",", ".") if policy.decimal_comma else match[1]
        if _COMMA.fullmatch(limit):
            raise _RefusedError("comma", f"a comma in a limit of detection; {COMMA_ADVICE}")
        if not _PLAIN.fullmatch(limit):
            raise _RefusedError("text", "a limit that is not a number")
        share, words = BELOW_RULES[policy.below_detection]
        return share * float(limit), "below detection", f"below detection, read as {words}"
    if _BELOW_WORD.fullmatch(text):
        share, words = BELOW_RULES["lowest" if policy.below_detection == "lowest" else "missing"]
        return share, "below detection", f"below detection without a limit, read as {words}"
    if text.endswith("%") and _PLAIN.fullmatch(text[:-1].strip()):
        return float(text[:-1]), "percent sign", "a percentage, read as the number before the sign"
    if policy.decimal_comma and _COMMA.fullmatch(text):
        return float(text.replace(",", ".")), "", ""
    raise _RefusedError(*next((kind, what) for pattern, kind, what in REFUSED if re.fullmatch(pattern, text, re.I)))


# -- blocks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Source:
    """A column of a block, as far as it gives one variable at one visit."""

    plan: Plan
    column: Column
    variable: str
    visit: str
    measure: str

    @property
    def of_baseline(self) -> bool:
        """Whether the cells hold percentages of the baseline, from which changes are made."""
        return self.measure == PERCENT_CHANGE and PERCENT_OF_BASELINE in (self.column.measure, self.plan.measure)

    @property
    def head(self) -> dict[str, str]:
        """Sheet, cell and label of the column, as faults state them."""
        return self.plan.head_of(self.column)

    def label(self, trial: Trial) -> str:
        """Return variable and visit in words."""
        thing = trial.outcomes.get(self.variable) or trial.markers.get(self.variable)
        return f"{thing.label if thing else self.variable}, {trial.visits[self.visit].label}"


def cell_of(row) -> dict:
    """Return sheet, cell and number of a row of the long table, as faults state them."""
    return {"sheet": row.source.plan.sheet, "cell": row.cell, "value": float(row.value)}


def make_frame(parts: list[Part]) -> pd.DataFrame:
    """Return the parts of the long table as one.

    It has a row per value, the columns of ``participants.COLUMNS``, ``source`` (a :class:`Source`, the same object for all
    values of a column that belong together) and ``unit``, which the cell ``unit_cell`` beside the value states.
    """
    columns = (*COLUMNS, "source", "unit", "unit_cell")
    content = {name: list(chain.from_iterable(part[name] for part in parts)) for name in columns}
    return pd.DataFrame(content, dtype=object).astype({"value": float, "linked": bool})


@dataclass
class BlockReader:
    """Read the data columns of a block, and its column of strata, as parts of the long table."""

    plan: Plan
    rows: Rows
    trial: Trial
    policy: Policy
    faults: Faults
    counts: Counter[str]

    def read(self) -> list[Part]:
        """Return a part for each column, variable and visit."""
        parts: list[Part] = []
        named = np.array([name or self.plan.variable for name in self.rows.variables], dtype=object)
        naming = self.plan.one(VARIABLE)
        for column in self.plan.having(DATA):
            if column.variable:
                parts += self._variable(column, column.variable, np.flatnonzero(self.rows.use))
                continue
            unnamed = np.flatnonzero(self.rows.use & np.equal(named, None)) if naming else ()
            self._report_unnamed([i for i in unnamed if self._cell(i, column) != EMPTY], naming, naming, "variable")
            for key in dict.fromkeys(name for name in named if name):
                parts += self._variable(column, key, np.flatnonzero(self.rows.use & (named == key)))
        return parts + self._strata()

    def _cell(self, position: int, column: Column):
        return self.plan.block.values[self.plan.header.first_data + position][column.index]

    def _variable(self, column: Column, key: str, where: np.ndarray) -> list[Part]:
        facts, cells = self.plan.block.sheet.facts, [self._cell(i, column) for i in where]
        if self.policy.struck_out == "missing" and facts.struck:
            struck = self._are_among(facts.struck, where, column)
            cells = [EMPTY if out else cell for cell, out in zip(cells, struck, strict=True)]
        binary = getattr(self.trial.outcomes.get(key), "kind", "") == "binary"
        values, faults, notes = read_numbers(cells, self.policy, binary)
        for report, remarks in ((self.faults.error, faults), (self.faults.note, notes)):
            for position, cell, kind, what in remarks:
                report(kind, what, **self.plan.place(int(where[position]), column), value=cell)
        self.counts.update(kind for *_, kind, _ in notes if kind in ("below detection", "missing code"))
        present = ~np.isnan(values)
        signs = sum(kind == "percent sign" for *_, kind, _ in notes)
        where, values = where[present], values[present]
        if (facts.percent or signs) and len(where):
            values = self._as_shown(values, where, column, signs)
        if column.factor != 1.0:
            # Dividing by 1000 gives the nearest number to the shifted decimal point, multiplying by 0.001 may not.
            inverse = round(1 / column.factor)
            values = values / inverse if abs(inverse * column.factor - 1) < 1e-12 else values * column.factor
        visits = self._visits(column, key, where) if len(where) else np.array([])
        found = [visit for visit in self.trial.visits if visit in visits]
        return [self._part(column, key, visit, where[visits == visit], values[visits == visit]) for visit in found]

    def _are_among(self, places: set[tuple[int, int]], where: np.ndarray, column: Column) -> np.ndarray:
        """Return which cells of a column are among places of its sheet."""
        block, sheet, first = self.plan.block, self.plan.block.sheet, self.plan.header.first_data
        own = (block.place(first + int(i), column.index) for i in where)
        return np.array([(sheet.row_numbers[r], sheet.column_numbers[c]) in places for r, c in own])

    def _as_shown(self, values: np.ndarray, where: np.ndarray, column: Column, signs: int) -> np.ndarray:
        """Return numbers as the program shows them: a cell formatted as percent holds a hundredth of what it shows.

        ``signs`` cells are text with a percent sign, which are read as they stand.
        """
        percent = self._are_among(self.plan.block.sheet.facts.percent, where, column)
        place = self.plan.place(int(where[0]), column) | {"value": column.label}
        shown = int(percent.sum()) + signs
        if 0 < shown < percent.size:
            what = f"{shown} of {percent.size} cells are formatted as percent and the others are not"
            self.faults.error("percent format", f"{what}; format all alike", **place)
        elif percent.any():
            what = "cells formatted as percent, read as the percentages that they show"
            self.faults.note("percent format", what, **place)
        return np.where(percent, values * 100, values) if shown == percent.size else values

    def _visits(self, column: Column, key: str, where: np.ndarray) -> np.ndarray:
        """Return the visit of each value: its column's, its row's, or the title's; None where it is not stated."""
        outcome, naming = self.trial.outcomes.get(key), self.plan.one(VISIT)
        fixed = column.visit or self.plan.visit
        if outcome is None or not outcome.follow_up:
            # A variable such as age at a later visit is not what the analyses call age.
            fixed = BASELINE if column.visit in (None, BASELINE) else None
        elif not column.visit and (naming or any(self.rows.visits)):
            visits = np.array([self.rows.visits[i] or self.plan.visit for i in where], dtype=object)
            self._report_unnamed(where[np.equal(visits, None)], naming, naming or column, "visit")
            return visits
        elif not fixed:
            expected = ", ".join(visit.label for visit in self.trial.visits.values())
            what = f"{outcome.label} without a visit; expected one of {expected}"
            self.faults.error("no visit", what, **self.plan.head_of(column))
        return np.full(len(where), fixed, dtype=object)

    def _report_unnamed(self, positions, naming: Column | None, place: Column | None, what: str) -> None:
        """Report values whose row should name their variable or visit and does not; unknown names are known already."""
        for position in map(int, positions):
            if naming is None or self._cell(position, naming) == EMPTY:
                self.faults.error(f"no {what}", f"a value without a {what}", **self.plan.place(position, place))

    def _part(self, column: Column, key: str, visit: str, where: np.ndarray, values, texts: list | str = "") -> Part:
        plan, rows, groups = self.plan, self.rows, self.plan.kind == GROUPS
        outcome, measure = self.trial.outcomes.get(key), column.measure
        # A title that says percent change does not make changes of baselines.
        of_title = plan.measure in CHANGES and visit != BASELINE and outcome is not None and outcome.follow_up
        measure = PERCENT_CHANGE if of_title or measure in CHANGES else measure
        source, where = Source(plan, column, key, visit, measure), where.tolist()
        if source.of_baseline:
            values = values - 100
        cells = [plan.place(i, column)["cell"] for i in where]
        if plan.one(PARTICIPANT) and not groups:
            participants = [rows.ids[i] for i in where]
        else:  # the row or, in groups, the cell is the participant
            own = cells if groups else [plan.place(i, plan.columns[0])["cell"] for i in where]
            participants = [f"{plan.sheet} {cell}" for cell in own]
        arms, strata = [rows.arms[i] or "" for i in where], [""] * len(where)
        if groups:
            arms = [column.arm or arm or plan.arm or "" for arm in arms]
            strata = [column.stratum or rows.strata[i] or plan.stratum or "" for i in where]
        unit = plan.one(UNIT)
        part = {
            "cohort": plan.cohort,
            "participant": participants,
            "linked": not groups,
            "arm": arms,
            "marker": (column.marker or (plan.marker if groups else "") or "") if groups or texts else "",
            "stratum": strata,
            "variable": key,
            "visit": visit,
            "measure": measure,
            "value": values.tolist(),
            "text": texts,
            "sheet": safe_text(plan.sheet),
            "cell": cells,
            "source": source,
            "unit": [str(self._cell(i, unit)).strip() for i in where] if unit else "",
            "unit_cell": [plan.place(i, unit)["cell"] for i in where] if unit else "",
        }
        return {name: entry if isinstance(entry, list) else [entry] * len(where) for name, entry in part.items()}

    def _strata(self) -> list[Part]:
        """Return the column of strata of a block with ids, as text under the column's own name."""
        column, rows = self.plan.one(STRATUM), self.rows
        if column is None or self.plan.kind == GROUPS:
            return []
        first: dict[str, int] = {}
        for position, (identity, stratum) in enumerate(zip(rows.ids, rows.strata, strict=True)):
            if identity and stratum and rows.use[position]:
                first.setdefault(identity, position)
        where = np.array(sorted(first.values()), dtype=int)
        texts, name = [str(rows.strata[i]) for i in where], safe_text(column.label or "stratum")
        return [self._part(column, name, BASELINE, where, np.full(len(where), math.nan), texts)]
