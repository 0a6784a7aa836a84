"""Take the values out of a block as its mapping says, and put all of them into one long table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..files import safe_text
from ..participants import COLUMNS, PERCENT_CHANGE, VALUE
from ..trial import BASELINE, Trial
from .faults import Faults
from .lexicon import PERCENT_OF_BASELINE
from .mapping import DATA, GROUPS, PARTICIPANT, STRATUM, VARIABLE, VISIT, Column, Plan
from .numbers import Policy, read_numbers
from .rows import Rows
from .sheets import EMPTY


@dataclass(eq=False)
class Chunk:
    """Values of one variable, visit and measure from one column of a block."""

    plan: Plan
    column: Column
    variable: str
    visit: str
    measure: str
    marker: str
    positions: np.ndarray  # data rows
    values: np.ndarray
    participants: list[str]
    arms: list[str | None]
    strata: list[str | None]
    linked: bool
    texts: list[str] | None = None

    def at(self, index: int) -> dict[str, Any]:
        """Return sheet, cell and number of a value, as faults state them."""
        return self.plan.place(int(self.positions[index]), self.column) | {"value": float(self.values[index])}

    @property
    def head(self) -> dict[str, str]:
        """Sheet, cell and label of the column, as faults state them."""
        return self.plan.head_of(self.column)

    def keep(self, chosen: np.ndarray) -> None:
        """Keep only some of the values."""
        self.positions, self.values = self.positions[chosen], self.values[chosen]
        where = np.flatnonzero(chosen)
        for name in ("participants", "arms", "strata", "texts"):
            entries = getattr(self, name)
            if entries is not None:
                setattr(self, name, [entries[i] for i in where])


def read_block(
    plan: Plan, rows: Rows, trial: Trial, policy: Policy, faults: Faults, counts: dict[str, int]
) -> list[Chunk]:
    """Read the data columns of a block as chunks of one variable, visit and measure each."""
    chunks: list[Chunk] = []
    body = plan.block.values[plan.header.first_data :]
    everything = bool(rows.use.all())
    for column in plan.having(DATA):
        cells = [row[column.index] for row in body]
        if column.variable:
            keys: list[str | None] = [column.variable]
        else:
            keys = [v or plan.variable for v in dict.fromkeys(rows.variables)]
            _without_name(plan, column, cells, rows, faults)
        for key in dict.fromkeys(k for k in keys if k):
            wanted = rows.use
            if not column.variable and any(rows.variables):
                wanted = wanted & np.array([(variable or plan.variable) == key for variable in rows.variables])
            whole = everything and wanted is rows.use
            chunks += _read_variable(
                plan, column, key, cells, None if whole else wanted, rows, trial, policy, faults, counts
            )
    return chunks


def _read_variable(plan, column, key, cells, wanted, rows, trial, policy, faults, counts) -> list[Chunk]:
    where = np.arange(len(cells)) if wanted is None else np.flatnonzero(wanted)
    outcome = trial.outcomes.get(key)
    binary = outcome is not None and outcome.kind == "binary"
    cells = cells if wanted is None else [cells[i] for i in where]
    sheet = plan.block.sheet
    if policy.struck_out == "missing" and sheet.facts.struck:
        places = (plan.block.place(plan.header.first_data + int(i), column.index) for i in where)
        struck = [(sheet.row_numbers[r], sheet.column_numbers[c]) in sheet.facts.struck for r, c in places]
        cells = [EMPTY if out else cell for cell, out in zip(cells, struck, strict=True)]
    numbers = read_numbers(cells, policy, binary=binary)
    for report, entries in ((faults.error, numbers.faults), (faults.note, numbers.notes)):
        for position, cell, kind, expectation in entries:
            report(kind, expectation, **plan.place(int(where[position]), column), value=cell)
    counts["below detection"] = counts.get("below detection", 0) + numbers.below_detection
    counts["missing codes"] = counts.get("missing codes", 0) + numbers.missing_codes
    present = ~np.isnan(numbers.values)
    values = numbers.values
    if not present.all():
        where, values = where[present], values[present]
    if not len(where):
        return []
    values = _as_shown(plan, column, where, values, faults)
    if PERCENT_OF_BASELINE in (column.measure, plan.measure):
        values = values - 100
    if column.factor != 1.0:
        # Dividing by 1000 gives the nearest number to the shifted decimal point, multiplying by 0.001 may not.
        inverse = round(1 / column.factor)
        values = values / inverse if abs(inverse * column.factor - 1) < 1e-12 else values * column.factor
    fixed, visits = _visits(plan, column, key, where, rows, trial, faults)
    if fixed:
        return [_chunk(plan, column, key, fixed, where, values, rows, trial)]
    chunks = []
    for visit in (v for v in trial.visits if v in visits):
        chosen = np.array([v == visit for v in visits], dtype=bool)
        chunks.append(_chunk(plan, column, key, visit, where[chosen], values[chosen], rows, trial))
    return chunks


def _as_shown(plan: Plan, column: Column, where: np.ndarray, values: np.ndarray, faults: Faults) -> np.ndarray:
    """Return numbers as the program shows them: a cell formatted as percent holds a hundredth of what it shows."""
    formatted = plan.block.sheet.facts.percent
    if not formatted:
        return values
    sheet, first = plan.block.sheet, plan.header.first_data
    places = [plan.block.place(first + int(row), column.index) for row in where]
    percent = np.array([(sheet.row_numbers[r], sheet.column_numbers[c]) in formatted for r, c in places])
    place = plan.place(int(where[0]), column) | {"value": column.label}
    if percent.all():
        faults.note("percent format", "cells formatted as percent, read as the percentages that they show", **place)
        return values * 100
    if percent.any():
        faults.error(
            "percent format",
            f"{percent.sum()} of {percent.size} cells are formatted as percent and the others are not; format all alike",
            **place,
        )
    return values


def _visits(plan, column, key, where, rows, trial, faults) -> tuple[str | None, list[str | None]]:
    """Return one visit for all values, or else the visit of each: its column's, its row's, or the title's."""
    outcome = trial.outcomes.get(key)
    if outcome is None or not outcome.follow_up:
        if column.visit in (None, BASELINE) and not plan.one(VISIT):
            return BASELINE, []
        if column.visit in (None, BASELINE):
            return None, [BASELINE for _ in where]
        return None, []  # a variable such as age at a later visit: not what the analyses call age
    if column.visit:
        return column.visit, []
    if plan.one(VISIT) or any(rows.visits):
        visits = [rows.visits[i] or plan.visit for i in where]
        _without_visit(plan, column, where, visits, faults)
        return None, visits
    if plan.visit:
        return plan.visit, []
    expected = ", ".join(visit.label for visit in trial.visits.values())
    what = f"{trial.variable_label(key)} without a visit; expected one of {expected}"
    faults.error("no visit", what, **plan.head_of(column))
    return None, []


def _without_name(plan: Plan, column: Column, cells: Sequence, rows: Rows, faults: Faults) -> None:
    """Warn about values whose row should name their variable and does not; unknown names are reported elsewhere."""
    naming = plan.one(VARIABLE)
    if naming is None or plan.variable:
        return
    names = [row[naming.index] for row in plan.block.values[plan.header.first_data :]]
    for position, (cell, name) in enumerate(zip(cells, names, strict=True)):
        if rows.variables[position] is None and cell != EMPTY and rows.use[position] and name == EMPTY:
            faults.error("no variable", "a value without a variable", **plan.place(position, naming))


def _without_visit(plan: Plan, column: Column, where, visits: list[str | None], faults: Faults) -> None:
    """Warn about values whose row should say its visit and does not; unknown visits are reported elsewhere."""
    saying = plan.one(VISIT)
    for position, visit in zip(map(int, where), visits, strict=True):
        row = plan.block.values[plan.header.first_data + position]
        if visit is None and (saying is None or row[saying.index] == EMPTY):
            faults.error("no visit", "a value without a visit", **plan.place(position, saying or column))


def measure_of(plan: Plan, column: Column, key: str, visit: str, trial: Trial) -> str:
    """Return the measure of a column's values; a title that says percent change does not make changes of baselines."""
    if column.measure != VALUE:
        return PERCENT_CHANGE if column.measure == PERCENT_OF_BASELINE else column.measure
    outcome = trial.outcomes.get(key)
    if (
        plan.measure in (PERCENT_CHANGE, PERCENT_OF_BASELINE)
        and visit != BASELINE
        and outcome is not None
        and outcome.follow_up
    ):
        return PERCENT_CHANGE
    return VALUE


def _chunk(plan, column, key, visit, positions, values, rows, trial) -> Chunk:
    linked = plan.kind != GROUPS
    own = [int(i) for i in positions]
    if plan.one(PARTICIPANT) and linked:
        participants = [rows.ids[i] for i in own]
    else:  # the row or, in groups, the cell is the person
        person = plan.columns[0] if linked else column
        participants = [f"{plan.sheet} {plan.place(i, person)['cell']}" for i in own]
    arms = [rows.arms[i] for i in own]
    strata: list[str | None] = [None] * len(own)
    if not linked:
        arms = [column.arm or arm or plan.arm for arm in arms]
        strata = [column.stratum or rows.strata[i] or plan.stratum for i in own]
    measure = measure_of(plan, column, key, visit, trial)
    marker = "" if linked else column.marker or plan.marker or ""
    return Chunk(plan, column, key, visit, measure, marker, positions, values, participants, arms, strata, linked)


def stratum_chunks(plan: Plan, rows: Rows) -> list[Chunk]:
    """Return the column of strata of a block with ids, as text under the column's own name."""
    column = plan.one(STRATUM)
    if column is None or plan.kind == GROUPS or not any(rows.ids):
        return []
    first: dict[str, int] = {}
    for position, (identity, stratum) in enumerate(zip(rows.ids, rows.strata, strict=True)):
        if identity and stratum and rows.use[position]:
            first.setdefault(identity, position)
    positions = np.array(sorted(first.values()), dtype=int)
    texts = [str(rows.strata[i]) for i in positions]
    return [
        Chunk(
            plan, column, safe_text(column.label or "stratum"), "baseline", VALUE, column.marker or "", positions,
            np.full(len(positions), np.nan), [str(rows.ids[i]) for i in positions],
            [rows.arms[i] for i in positions], [None] * len(positions), True, texts,
        )
    ]  # fmt: skip


def make_frame(chunks: list[Chunk]) -> pd.DataFrame:
    """Return the long table of all values, with the columns of ``participants.COLUMNS``."""
    parts = [
        pd.DataFrame(
            {
                "cohort": chunk.plan.cohort,
                "participant": chunk.participants,
                "linked": chunk.linked,
                "arm": [arm or "" for arm in chunk.arms],
                "marker": chunk.marker,
                "stratum": "" if chunk.linked else [stratum or "" for stratum in chunk.strata],
                "variable": chunk.variable,
                "visit": chunk.visit,
                "measure": chunk.measure,
                "value": chunk.values.astype(float),
                "text": chunk.texts or "",
                "sheet": safe_text(chunk.plan.sheet),
                "cell": [chunk.at(index)["cell"] for index in range(len(chunk.positions))],
            },
            columns=list(COLUMNS),
        )
        for chunk in chunks
        if len(chunk.positions)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
