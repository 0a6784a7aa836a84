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
from .mapping import Column, Plan, Policy
from .recognise import PERCENT_OF_BASELINE
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
    trial: Trial
    policy: Policy
    faults: Faults
    counts: Counter[str]

    def read(self) -> list[Part]:
        """Return a part for each column, variable and visit."""
        plan, parts, naming = self.plan, [], self.plan.one("variable")
        used = np.flatnonzero(plan.rows["use"])
        named = plan.rows["variable"].fillna(plan.variable or "").to_numpy()
        for column in plan.data:
            if naming and not column.variable:
                self._report_unnamed(
                    [i for i in used if not named[i] and plan.cell(i, column) != EMPTY], naming, naming
                )
            for key in [column.variable] if column.variable else dict.fromkeys(filter(None, named)):
                parts += self._variable(column, key, [i for i in used if column.variable or named[i] == key])
        return parts + self._strata()

    def _variable(self, column: Column, key: str, where: list[int]) -> list[Part]:
        """Return the parts of one variable: the cells of a column in some rows."""
        plan, sheet, trial = self.plan, self.plan.block.sheet, self.trial
        at = lambda i: plan.block.place(plan.header.first_data + i, column.index)  # noqa: E731
        struck = sheet.struck if self.policy.struck_out == "missing" else ()
        cells = [EMPTY if struck and at(i) in struck else plan.cell(i, column) for i in where]
        binary = getattr(trial.outcomes.get(key), "kind", "") == "binary"
        values, faults, notes = read_numbers(cells, self.policy, binary)
        for report, remarks in ((self.faults.error, faults), (self.faults.note, notes)):
            for position, cell, kind, what in remarks:
                report(kind, what, **plan.place(where[position], column), value=cell)
        kinds = Counter(kind for *_, kind, _ in notes)
        self.counts.update({kind: kinds[kind] for kind in ("below detection", "missing code") if kinds[kind]})
        present = np.flatnonzero(~np.isnan(values))
        where, values = [where[i] for i in present], values[present]
        if where and (sheet.percent or kinds["percent sign"]):
            percent = np.array([at(i) in sheet.percent for i in where])
            place = plan.place(where[0], column) | {"value": column.label}
            values = self._as_shown(values, percent, int(percent.sum()) + kinds["percent sign"], place)
        if column.factor != 1.0:
            # Dividing by 1000 gives the nearest number to the shifted decimal point, multiplying by 0.001 may not.
            inverse = round(1 / column.factor)
            values = values / inverse if abs(inverse * column.factor - 1) < 1e-12 else values * column.factor
        visits = self._visits(column, key, where) if where else []
        groups = {
            visit: [i for i, own in enumerate(visits) if own == visit] for visit in trial.visits if visit in visits
        }
        return [self._part(column, key, visit, [where[i] for i in own], values[own]) for visit, own in groups.items()]

    def _as_shown(self, values: np.ndarray, percent: np.ndarray, shown: int, place: dict) -> np.ndarray:
        """Return numbers as the program shows them: a cell formatted as ``percent`` holds a hundredth of what it shows.

        The others of ``shown`` cells are text with a percent sign, which are read as they stand.
        """
        if 0 < shown < percent.size:
            what = f"{shown} of {percent.size} cells are formatted as percent and the others are not"
            self.faults.error("percent format", f"{what}; format all alike", **place)
        elif percent.any():
            what = "cells formatted as percent, read as the percentages that they show"
            self.faults.note("percent format", what, **place)
        return np.where(percent, values * 100, values) if shown == percent.size else values

    def _visits(self, column: Column, key: str, where: list[int]) -> list[str | None]:
        """Return the visit of each value: its column's, its row's, or the title's; None where it is not stated."""
        outcome, naming, rows = self.trial.outcomes.get(key), self.plan.one("visit"), self.plan.rows["visit"].to_numpy()
        fixed = column.visit or self.plan.visit
        if outcome is None or not outcome.follow_up:
            # A variable such as age at a later visit is not what the analyses call age.
            fixed = BASELINE if column.visit in (None, BASELINE) else None
        elif not column.visit and (naming or any(rows)):
            visits = [rows[i] or self.plan.visit for i in where]
            self._report_unnamed([i for i, v in zip(where, visits, strict=True) if not v], naming, naming or column)
            return visits
        elif not fixed:
            expected = ", ".join(visit.label for visit in self.trial.visits.values())
            what = f"{outcome.label} without a visit; expected one of {expected}"
            self.faults.error("no visit", what, **self.plan.head_of(column))
        return [fixed] * len(where)

    def _report_unnamed(self, positions: list[int], naming: Column | None, place: Column) -> None:
        """Report values whose row should name their variable or visit and does not; unknown names are known already."""
        for position in positions:
            if naming is None or self.plan.cell(position, naming) == EMPTY:
                what = naming.role if naming else "visit"
                self.faults.error(f"no {what}", f"a value without a {what}", **self.plan.place(position, place))

    def _part(self, column: Column, key: str, visit: str, where: list[int], values, texts: list | str = "") -> Part:
        plan, rows, groups = self.plan, self.plan.rows, self.plan.kind == "groups"
        outcome, measure = self.trial.outcomes.get(key), column.measure
        # A title that says percent change does not make changes of baselines.
        of_title = plan.measure in CHANGES and visit != BASELINE and outcome is not None and outcome.follow_up
        measure = PERCENT_CHANGE if of_title or measure in CHANGES else measure
        source = Source(plan, column, key, visit, measure)
        if source.of_baseline:
            values = values - 100
        cells = [plan.place(i, column)["cell"] for i in where]
        arms, strata, ids = (rows[role].to_numpy()[where].tolist() for role in ("arm", "stratum", "participant"))
        if groups or not plan.one("participant"):  # the row or, in groups, the cell is the participant
            own = cells if groups else [plan.place(i, plan.columns[0])["cell"] for i in where]
            ids = [f"{plan.sheet} {cell}" for cell in own]
        unit = plan.one("unit")
        part = {
            "cohort": plan.cohort,
            "participant": ids,
            "linked": not groups,
            "arm": [(groups and column.arm) or arm or (groups and plan.arm) or "" for arm in arms],
            "marker": (column.marker or (plan.marker if groups else "") or "") if groups or texts else "",
            "stratum": [column.stratum or stratum or plan.stratum or "" for stratum in strata] if groups else "",
            "variable": key,
            "visit": visit,
            "measure": measure,
            "value": values.tolist(),
            "text": texts,
            "sheet": safe_text(plan.sheet),
            "cell": cells,
            "source": source,
            "unit": [str(plan.cell(i, unit)).strip() for i in where] if unit else "",
            "unit_cell": [plan.place(i, unit)["cell"] for i in where] if unit else "",
        }
        return {name: entry if isinstance(entry, list) else [entry] * len(where) for name, entry in part.items()}

    def _strata(self) -> list[Part]:
        """Return the column of strata of a block with ids, as text under the column's own name."""
        column, rows = self.plan.one("stratum"), self.plan.rows
        if column is None or self.plan.kind == "groups":
            return []
        own = rows[rows["use"] & rows["stratum"].notna()].dropna(subset="participant").drop_duplicates("participant")
        name, texts = safe_text(column.label or "stratum"), own["stratum"].tolist()
        return [self._part(column, name, BASELINE, own.index.tolist(), np.full(len(own), math.nan), texts)]
