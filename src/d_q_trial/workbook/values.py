"""Take the values out of a block as its mapping says: cells become numbers, columns become one long table."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..participants import COLUMNS, PERCENT_CHANGE
from ..recognition.layout import MISSING, id_shape, looks_like_label
from ..recognition.numbers import ANSWERS, PLAIN, read_number
from ..recognition.spelling import plain_characters
from ..recognition.vocabulary import (
    canonical_id,
    find_summaries,
    is_summary,
    normalize,
    short_code,
    split_words,
    stratum_label,
)
from ..spreadsheet.sheets import EMPTY, Flag, is_number
from ..trial import BASELINE, Marker, Outcome
from .mapping import CODED, Column, Plan

if TYPE_CHECKING:
    from .reader import Reading

Part = dict[str, list]  # columns of the long table
KEEP = "correct it, list it under missing in the mapping, or keep it by giving the block in the mapping"
CHANGES = (PERCENT_CHANGE, "percent_of_baseline")


@dataclass(frozen=True, eq=False)
class Source:
    """A column of a block, as far as it gives one variable at one visit."""

    plan: Plan
    column: Column
    variable: str
    visit: str
    measure: str
    thing: Outcome | Marker | None  # what the variable is; None for a column of strata
    label: str  # variable and visit in words

    @property
    def of_baseline(self) -> bool:
        """Whether the cells hold percentages of the baseline, from which changes are made."""
        return self.measure == PERCENT_CHANGE and "percent_of_baseline" in (self.column.measure, self.plan.measure)

    @property
    def head(self) -> dict[str, str]:
        """Sheet, cell and label of the column, as faults state them."""
        return self.plan.head_of(self.column)


def cell_location(row) -> dict:
    """Return sheet, cell and number of a row of the long table, as faults state them."""
    return {"sheet": row.source.plan.sheet, "cell": row.cell, "value": row.text or float(row.value)}


def variable_visits(frame: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the pairs of variable and visit of which the long table has values."""
    return set(zip(frame["variable"], frame["visit"], strict=True))


def build_frame(parts: list[Part]) -> pd.DataFrame:
    """Return the parts of the long table as one.

    It has a row per value, the columns of ``participants.COLUMNS``, ``source`` (a :class:`Source`, the same object for all
    values of a column that belong together) and ``unit``, which the cell ``unit_cell`` beside the value states.
    """
    columns = (*COLUMNS, "source", "unit", "unit_cell")
    content = {name: list(itertools.chain.from_iterable(part[name] for part in parts)) for name in columns}
    return pd.DataFrame(content, dtype=object).astype({"value": float, "linked": bool})


class BlockReader:
    """Reads first what the rows of a block say, then its values.

    What columns and merged areas say goes to ``plan.rows``, which has a column for each role, None where a row says nothing;
    ``use``, whether the row holds data; and ``unknown``, whether its arm was not understood.
    """

    def __init__(self, plan: Plan, reading: Reading) -> None:
        self.plan, self.vocabulary, self.trial, self.reading = plan, reading.vocabulary, reading.trial, reading
        self.codes, self.policy, self.faults = reading.policy.codes, reading.policy, reading.faults
        self.body, block, header = plan.body, plan.block, plan.header
        self.said = {role: np.full(len(self.body), None, dtype=object) for role in ("participant", *CODED, "unit")}
        # Below groups, the same header may begin another panel.
        repeated = [block.values[row] for row in header.rows[-1:] if plan.one("participant")]
        self.use = np.array([row not in repeated for row in self.body], dtype=bool)
        self.unknown = np.zeros(len(self.body), dtype=bool)
        if self.policy.hidden_rows == "ignore":
            self.use &= [row not in block.sheet.hidden_rows for row in block.rows[header.first_data :]]
        self._leave_out_titles()
        self._read_ids(plan.one("participant"))
        for role in ("stratum", "arm", "visit", "variable"):
            if column := plan.one(role):
                self._read_names(column)
        plan.rows = pd.DataFrame(self.said, dtype=object).assign(use=self.use, unknown=self.unknown)

    def _decoded(self, role: str, cell: object) -> str | None:
        """Return what a cell with a code means."""
        text, codes = canonical_id(cell), self.codes[role]
        return codes.get(text.casefold()) or codes.get(short_code(text))

    def _leave_out_titles(self) -> None:
        """Leave out rows that hold one text where ids or remarks stand, unlike the ids; ask if they may head rows of values."""
        plan, ids = self.plan, self.plan.one("participant")
        shapes = {id_shape(row[ids.index]) for i, row in enumerate(self.body) if plan.holds_data(i)} if ids else set()
        for position, row in enumerate(self.body if not plan.mapped else ()):
            used = [column for column, cell in zip(plan.columns, row, strict=True) if cell != EMPTY]
            if len(row) == 1 or len(used) != 1 or used[0].role not in ("participant", "ignore"):
                continue
            cell, column = row[used[0].index], used[0]
            if looks_like_label(cell) and not is_summary(cell) and not (column is ids and id_shape(cell) in shapes):
                self.use[position] = False
                if count := sum(plan.holds_data(below) for below in range(position + 1, len(self.body))):
                    self.faults.error("title inside", plan.place(position, column, cell), count=count)

    def _cells(self, column: Column) -> list:
        """Return a column's cells, with merged cells and names written once per group filled down."""
        cells, plan = self.plan.cells(column), self.plan
        if EMPTY not in cells:
            return cells
        merged, first = plan.block.sheet.merged, plan.header.first_data
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
                self.faults.note("filled down", plan.place(with_data[0], column), column=column)
                for position in blank:
                    cells[position] = cells[position - 1]
        return cells

    def _read_ids(self, column: Column | None) -> None:
        """Read the ids; leave out rows without one, and those that a word there, or beside the values, calls a summary."""
        cells, ids, unusual = self._cells(column) if column else [], self.said["participant"], []
        for beside in [column] if column else [*self.plan.having("ignore"), *self.plan.having("arm")]:
            texts = cells if column else self.plan.cells(beside)
            for position in find_summaries(texts):
                if self.use[position] and not self.vocabulary.arm(texts[position]):
                    self.use[position] = False
                    self.faults.note("summary row", self.plan.place(position, beside, texts[position]))
        for position, cell in enumerate(cells):
            if not self.use[position]:
                continue
            names_arm = isinstance(cell, str) and len(cell) > 2 and self.vocabulary.arm(cell)
            if cell == EMPTY or isinstance(cell, Flag) or names_arm:
                self.use[position] = False
                if self.plan.holds_data(position):
                    self.faults.error("no id", self.plan.place(position, column, cell))
                continue
            ids[position] = canonical_id(cell)
            if isinstance(cell, str) and plain_characters(cell) != " ".join(cell.split()):
                unusual.append(position)
        if unusual:
            place = self.plan.place(unusual[0], column, ids[unusual[0]])
            self.faults.note("id characters", place, count=len(unusual))

    def _read_names(self, column: Column) -> None:
        """Read what the cells of a column name; report each unknown name once, and leave out what is to be ignored."""
        cells, role, stratum = self._cells(column), column.role, self.said["stratum"]
        counts = Counter(cell for cell, used in zip(cells, self.use, strict=True) if used and cell != EMPTY)
        find = partial(self._visit, normalize(column.label)) if role == "visit" else partial(self._named, role)
        meaning = {cell: find(cell) for cell in counts}
        labels = " or ".join(arm.label for arm in self.trial.every_arm.values())
        for position, cell in enumerate(cells):
            if not self.use[position] or cell == EMPTY:
                continue
            said = self.vocabulary.label(canonical_id(cell))
            if meaning[cell] == "ignore":
                self.use[position], self.said[role][position] = False, "ignore"
            elif meaning[cell]:
                self.said[role][position] = meaning[cell]
                if role == "variable":
                    self.said["unit"][position] = said.unit
            elif times := counts.pop(cell, 0):
                place, rows = self.plan.place(position, column, cell), f" (in {times} rows)" * (times > 1)
                likely = {said.variable, *said.candidates} - {None, *meaning.values()} if role == "variable" else ()
                name, stops = f"unknown {role}" + " / likely" * bool(likely), bool(likely) or role != "variable"
                words = {"rows": rows, "labels": labels, "likely": " or ".join(sorted(likely))}
                self.faults.error(name, place, stops=stops, **words)
            if role == "arm" and self.use[position]:
                self.unknown[position] = meaning[cell] is None
                stratum[position] = stratum[position] or (said.stratum if said.arm else None)

    def _named(self, role: str, cell: object) -> str | None:
        """Return the stratum, arm or variable that a cell names by itself, or as a code."""
        text = canonical_id(cell)
        if decoded := self._decoded(role, cell):
            return decoded
        if role == "stratum":
            return stratum_label(text)
        reading = self.vocabulary.label(text)
        if role == "arm":  # beside the arm, numbers and letters such as those of "Arm 2: D+Q"
            known = set(split_words(reading.rest)) <= {"arm", "group", *"abcdefghijklmnopqrstuvwxyz0123456789"}
            return reading.arm if known and not reading.says_beside("arm", "stratum") else None
        dated = reading.visit and self.plan.one("visit")
        plain = reading.certain and not (dated or reading.says_beside("variable", "visit"))
        return reading.variable if plain else None

    def _visit(self, header: str, cell: object) -> str | None:
        """Return the visit that a cell names, or that its code means; a bare number under weeks or days is one of them."""
        text = canonical_id(cell)
        number = is_number(cell) or text.isdecimal()
        times = "visit n" not in header and re.search("week|wk|day|month", header)
        if (decoded := self._decoded("visit", cell)) or not (number and times):
            return decoded or self.vocabulary.visit(f"visit {text}" if number else text)
        weeks = float(text) / (7 if "day" in header else 1)
        return self.vocabulary.weeks.get(weeks) if weeks == 0 or "month" not in header else None

    # Values

    def read(self) -> list[Part]:
        """Return a part for each column, variable and visit."""
        plan, parts, naming = self.plan, [], self.plan.one("variable")
        used = np.flatnonzero(plan.rows["use"])
        named = plan.rows["variable"].fillna(plan.variable or "").to_numpy()
        for column in plan.data:
            if naming and not column.variable:
                unnamed = [i for i in used if not named[i] and plan.cell(i, column) != EMPTY]
                self._report_unnamed(unnamed, naming, naming)
            for key in [column.variable] if column.variable else dict.fromkeys(filter(None, named)):
                parts += self._variable(column, key, [i for i in used if column.variable or named[i] == key])
        return parts + self._strata()

    def _variable(self, column: Column, key: str, where: list[int]) -> list[Part]:
        """Return the parts of one variable: the cells of a column in some rows."""
        plan, sheet, trial = self.plan, self.plan.block.sheet, self.trial
        at = lambda i: plan.block.place(plan.header.first_data + i, column.index)  # noqa: E731
        struck = sheet.struck if self.policy.struck_out == "missing" else ()
        outcome = trial.outcomes.get(key)
        answers = (outcome.answers or ANSWERS) if outcome and outcome.kind == "binary" else None
        missing = MISSING | {code.strip().casefold() for code in self.policy.missing}
        missing |= {float(code) for code in missing if PLAIN.fullmatch(code)}
        values, kinds = np.full(len(where), math.nan), Counter[str]()
        for index, position in enumerate(where):
            cell = plan.cell(position, column)
            if cell == EMPTY or (struck and at(position) in struck):
                continue
            value, kind, what = read_number(cell, self.policy, missing, answers)
            if kind:
                self.faults.error(kind, plan.place(position, column, cell), what, stops=value is None)
                kinds[kind] += value is not None
            values[index] = math.nan if value is None else value
        self.reading.counts.update({kind: kinds[kind] for kind in ("below detection", "missing code") if kinds[kind]})
        present = np.flatnonzero(~np.isnan(values))
        where, values = [where[i] for i in present], values[present]
        if column.factor == 1.0 and any(at(i) in sheet.percent for i in where):
            self.faults.error("percent format", plan.place(where[0], column, column.label))
        if column.factor != 1.0:
            # Dividing by 1000 gives the nearest number to the shifted decimal point, multiplying by 0.001 may not.
            inverse = round(1 / column.factor)
            values = values / inverse if abs(inverse * column.factor - 1) < 1e-12 else values * column.factor
        groups = self._by_visit(column, key, where, values)
        return [self._part(column, key, visit, [where[i] for i in own], values[own]) for visit, own in groups]

    def _by_visit(self, column: Column, key: str, where: list[int], values: Sequence) -> list[tuple[str, list[int]]]:
        """Return the positions of the values of each visit."""
        visits = self._visits(column, key, where, values) if where else []
        return [(v, [i for i, own in enumerate(visits) if own == v]) for v in self.trial.visits if v in visits]

    def _visits(self, column: Column, key: str, where: list[int], values: Sequence) -> list[str | None]:
        """Return the visit of each value: its column's, its row's, or the title's; None where it is not stated.

        What is measured once is of baseline if nothing else is stated, or if it is repeated at several later visits alone.
        """
        outcome, naming, rows = self.trial.outcomes.get(key), self.plan.one("visit"), self.plan.rows["visit"].to_numpy()
        fixed = column.visit or self.plan.visit
        if outcome is None or not outcome.follow_up:
            # A title above columns with visits of their own speaks of those.
            fixed = column.visit or (None if any(other.visit for other in self.plan.data) else self.plan.visit)
            visits = [column.visit or rows[i] or fixed or BASELINE for i in where]
            given = pd.Series(list(values), self.plan.rows["participant"].to_numpy()[where]).groupby(level=0)
            same = column.visit is None and given.size().max() > 1 and given.nunique().max() == 1
            return visits if BASELINE in visits or not same else [BASELINE] * len(where)
        if not column.visit and (naming or any(rows)):
            visits = [rows[i] or self.plan.visit for i in where]
            self._report_unnamed([i for i, v in zip(where, visits, strict=True) if not v], naming, naming or column)
            return visits
        if not fixed:
            expected = ", ".join(visit.label for visit in self.trial.visits.values())
            self.faults.error("no visit", self.plan.head_of(column), outcome=outcome, expected=expected)
        return [fixed] * len(where)

    def _report_unnamed(self, positions: list[int], naming: Column | None, place: Column) -> None:
        """Report values whose row should name their variable or visit and does not; unknown names are known already."""
        for position in positions:
            if naming is None or self.plan.cell(position, naming) == EMPTY:
                what = naming.role if naming else "visit"
                self.faults.error(f"no {what} / value", self.plan.place(position, place))

    def _part(self, column: Column, key: str, visit: str, where: list[int], values, texts: list | str = "") -> Part:
        plan, rows, groups = self.plan, self.plan.rows, self.plan.kind == "groups"
        outcome, measure, trial = self.trial.outcomes.get(key), column.measure, self.trial
        # A title that says percent change does not make changes of baselines.
        of_title = plan.measure in CHANGES and visit != BASELINE and outcome is not None and outcome.follow_up
        measure = PERCENT_CHANGE if of_title or measure in CHANGES else measure
        thing = outcome or trial.markers.get(key)
        label = f"{thing.label if thing else key}, {trial.visits[visit].label}"
        source = Source(plan, column, key, visit, measure, thing, label)
        if source.of_baseline:
            values = values - 100
        cells = [plan.place(i, column)["cell"] for i in where]
        arms, strata, ids = (rows[role].to_numpy()[where].tolist() for role in ("arm", "stratum", "participant"))
        if groups or not plan.one("participant"):  # the row or, in groups, the cell is the participant
            own = cells if groups else [plan.place(i, plan.columns[0])["cell"] for i in where]
            ids = [f"{plan.sheet} {cell}" for cell in own]
        unit, said = plan.one("unit"), rows["unit"].to_numpy()
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
            "sheet": plan.sheet,
            "cell": cells,
            "source": source,
            "unit": [(unit and str(plan.cell(i, unit)).strip()) or said[i] or "" for i in where],
            "unit_cell": [plan.place(i, unit or plan.one("variable") or column)["cell"] for i in where],
        }
        return {name: entry if isinstance(entry, list) else [entry] * len(where) for name, entry in part.items()}

    def _strata(self) -> list[Part]:
        """Return the column of strata of a block of participants, as text under the column's own name."""
        column, rows = self.plan.one("stratum"), self.plan.rows
        if column is None or self.plan.kind == "groups":
            return []
        own, name = rows[rows["use"] & rows["stratum"].notna()], column.label or "stratum"
        if self.plan.one("participant"):
            own = own.dropna(subset="participant")
        where, texts = own.index.tolist(), own["stratum"].tolist()
        groups, empty = self._by_visit(column, name, where, texts), np.full(len(where), math.nan)
        return [self._part(column, name, v, [where[i] for i in g], empty[g], [texts[i] for i in g]) for v, g in groups]
