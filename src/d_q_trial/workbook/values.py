"""Read the values of a block as its mapping says: cells as numbers, columns as parts of one long table."""

import itertools
import math
import re
import string
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..participants import COLUMNS, PERCENT_CHANGE
from ..recognition.cells import ANSWERS, PLAIN, WORDS, plain_characters, read_number
from ..recognition.layout import MISSING, id_shape, looks_like_label
from ..recognition.vocabulary import canonical_id, find_summaries, normalize, short_code, split_words, stratum_label
from ..spreadsheet.sheets import EMPTY, Flag, is_number
from ..trial import BASELINE, Marker, Outcome
from .mapping import CODE_SECTIONS, BlockPlan, Column
from .reading import WorkbookReading

Part = dict[str, list]  # columns of the long table
CORRECT_OR_KEEP = "correct it, list it under missing in the mapping, or keep it by giving the block in the mapping"
CHANGE_MEASURES = (PERCENT_CHANGE, "percent_of_baseline")


@dataclass(frozen=True, eq=False)
class Source:
    """The values of one variable at one visit that a column of a block holds."""

    plan: BlockPlan
    column: Column
    variable: str
    visit: str
    measure: str
    definition: Outcome | Marker | None  # of the variable in the trial; None for a column of strata
    label: str  # of variable and visit
    of_baseline: bool  # whether the cells hold percentages of the baseline, from which the changes are computed

    @property
    def head(self) -> dict[str, str]:
        """Sheet, cell and label of the column, as faults state them."""
        return self.plan.header_of(self.column)


def cell_location(row) -> dict:
    """Return sheet, cell and value of a row of the long table, as faults state them."""
    return {"sheet": row.source.plan.sheet, "cell": row.cell, "value": row.text or float(row.value)}


def variable_visits(frame: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the pairs of variable and visit for which the long table has values."""
    return set(zip(frame["variable"], frame["visit"], strict=True))


def build_frame(parts: list[Part]) -> pd.DataFrame:
    """Concatenate the parts of the long table.

    It has one row per value and the columns of ``participants.COLUMNS``; ``source``, a :class:`Source`, the same object for
    all values of a column with the same variable and visit; and ``unit``, which the cell ``unit_cell`` next to the value states.
    """
    columns = (*COLUMNS, "source", "unit", "unit_cell")
    content = {name: list(itertools.chain.from_iterable(part[name] for part in parts)) for name in columns}
    return pd.DataFrame(content, dtype=object).astype({"value": float, "linked": bool})


class BlockReader:
    """Read a block: when created, the labels of its rows; by :meth:`read`, its values.

    ``plan.rows`` receives the row labels, from columns and merged cells: a column for each role, None where a row has no label;
    ``use``, whether the row holds data; and ``unknown_arm``, whether the arm of the row was not understood.
    """

    def __init__(self, plan: BlockPlan, reading: WorkbookReading) -> None:
        self.plan, self.body, self.reading = plan, plan.body, reading
        self.vocabulary, self.trial, self.faults = reading.vocabulary, reading.trial, reading.faults
        self.policy, self.codes = reading.policy, reading.policy.codes
        roles = ("participant", *CODE_SECTIONS, "unit")
        self.labels = {role: np.full(len(self.body), None, dtype=object) for role in roles}
        # Below groups, the same header may begin another panel.
        repeated = [plan.block.values[row] for row in plan.header.rows[-1:] if plan.column_of("participant")]
        self.use = np.array([row not in repeated for row in self.body], dtype=bool)
        self.unknown_arm = np.zeros(len(self.body), dtype=bool)
        if self.policy.hidden_rows == "ignore":
            self.use &= [row not in plan.block.sheet.hidden_rows for row in plan.block.rows[plan.header.first_data :]]
        self._exclude_titles()
        self._read_ids(plan.column_of("participant"))
        for column in filter(None, map(plan.column_of, ("stratum", "arm", "visit", "variable"))):
            self._read_names(column)
        plan.rows = pd.DataFrame(self.labels, dtype=object).assign(use=self.use, unknown_arm=self.unknown_arm)

    def _decode(self, role: str, cell: object) -> str | None:
        """Return the meaning of a cell that holds a code of the mapping."""
        text, codes = canonical_id(cell), self.codes[role]
        return codes.get(text.casefold()) or codes.get(short_code(text))

    def _exclude_titles(self) -> None:
        """Exclude rows with a lone text that is no id, in the id or an unused column; ask if it is the title of values below."""
        plan, id_column = self.plan, self.plan.column_of("participant")
        with_data = [i for i in range(len(self.body)) if plan.holds_data(i)]
        id_shapes = {id_shape(plan.cell(i, id_column)) for i in with_data} if id_column else set()
        for position, row in enumerate(() if plan.mapped else self.body):
            filled = [column for column, cell in zip(plan.columns, row, strict=True) if cell != EMPTY]
            if len(row) == 1 or len(filled) != 1 or filled[0].role not in ("participant", "ignore"):
                continue
            column, cell = filled[0], row[filled[0].index]
            like_ids = column is id_column and id_shape(cell) in id_shapes
            if looks_like_label(cell) and not find_summaries([cell]) and not like_ids:
                self.use[position] = False
                if count := sum(i > position for i in with_data):
                    self.faults.error("title inside", plan.locate(position, column, cell), count=count)

    def _fill_down_names(self, column: Column) -> list:
        """Return the cells of a column; fill blank ones from merged cells, or from above if names are written once per group."""
        plan, cells = self.plan, self.plan.cells(column)
        if EMPTY not in cells:
            return cells
        sheet, start = plan.block.sheet, plan.header.first_data
        positions = {plan.block.place(start + i, column.index): i for i in range(len(cells) if sheet.merged else 0)}
        for top, left, bottom, right in sheet.merged:
            for merged_cell in itertools.product(range(top, bottom + 1), range(left, right + 1)):
                if merged_cell in positions and cells[positions[merged_cell]] == EMPTY:
                    cells[positions[merged_cell]] = sheet.rows[top][left]
        names = [cell for cell in cells if cell != EMPTY]
        once_per_group = len({*map(str, names)}) == len(names) <= 0.5 * len(cells) and cells[0] != EMPTY
        if once_per_group and (column.role != "participant" or plan.column_of("visit") or plan.column_of("variable")):
            blank = [i for i, cell in enumerate(cells) if cell == EMPTY and self.use[i]]
            if blank_with_data := [i for i in blank if plan.holds_data(i)]:
                self.faults.note("filled down", plan.locate(blank_with_data[0], column), column=column)
                for position in blank:
                    cells[position] = cells[position - 1]
        return cells

    def _read_ids(self, column: Column | None) -> None:
        """Read the ids; exclude rows without one, and rows with an id, or a text next to the values, that names a summary."""
        cells = self._fill_down_names(column) if column else []
        ids, unusual = self.labels["participant"], []
        for text_column in [column] if column else [*self.plan.columns_of("ignore"), *self.plan.columns_of("arm")]:
            texts = cells if column else self.plan.cells(text_column)
            for position in find_summaries(texts):
                if self.use[position] and not self.vocabulary.arm(texts[position]):
                    self.use[position] = False
                    self.faults.note("summary row", self.plan.locate(position, text_column, texts[position]))
        for position, cell in enumerate(cells):
            if not self.use[position]:
                continue
            names_arm = isinstance(cell, str) and len(cell) > 2 and self.vocabulary.arm(cell)
            if cell == EMPTY or isinstance(cell, Flag) or names_arm:
                self.use[position] = False
                if self.plan.holds_data(position):
                    self.faults.error("no id", self.plan.locate(position, column, cell))
                continue
            ids[position] = canonical_id(cell)
            if isinstance(cell, str) and plain_characters(cell) != " ".join(cell.split()):
                unusual.append(position)
        if unusual:
            self.faults.note("id characters", self.plan.locate(unusual[0], column, ids[unusual[0]]), count=len(unusual))

    def _read_names(self, column: Column) -> None:
        """Read a column of strata, arms, visits or variables; report each unknown name once, exclude rows to be ignored."""
        cells, role, strata = self._fill_down_names(column), column.role, self.labels["stratum"]
        counts = Counter(cell for cell, used in zip(cells, self.use, strict=True) if used and cell != EMPTY)
        keys = {c: self._find_visit(column, c) if role == "visit" else self._find_key(role, c) for c in counts}
        arm_labels = " or ".join(arm.label for arm in self.trial.every_arm.values())
        for position, cell in enumerate(cells):
            if not self.use[position] or cell == EMPTY:
                continue
            key, label = keys[cell], self.vocabulary.label(canonical_id(cell))
            if key is not None:
                self.labels[role][position] = key
                self.use[position] = key != "ignore"
                if role == "variable":
                    self.labels["unit"][position] = label.unit
            elif count := counts.pop(cell, 0):
                place, rows = self.plan.locate(position, column, cell), f" (in {count} rows)" if count > 1 else ""
                likely = {label.variable, *label.candidates} - {None, *keys.values()} if role == "variable" else set()
                name, stops = f"unknown {role}{' / likely' if likely else ''}", bool(likely) or role != "variable"
                template_values = {"rows": rows, "labels": arm_labels, "likely": " or ".join(sorted(likely))}
                self.faults.error(name, place, stops=stops, **template_values)
            if role == "arm" and self.use[position]:
                self.unknown_arm[position] = key is None
                strata[position] = strata[position] or (label.stratum if label.arm else None)

    def _find_key(self, role: str, cell: object) -> str | None:
        """Return the stratum (empty for all), arm or variable that a cell names, also by its code, if it states nothing else."""
        text = canonical_id(cell)
        if decoded := self._decode(role, cell):
            return decoded
        if role == "stratum":
            return "" if normalize(text) in WORDS["whole"] else stratum_label(text)
        label = self.vocabulary.label(text)
        if role == "arm":  # numbers and letters may stand next to the arm, as in "Arm 2: D+Q"
            understood = {*split_words(label.leftover)} <= {"arm", "group", *string.ascii_lowercase, *string.digits}
            return label.arm if understood and not label.states_more_than("arm", "stratum") else None
        dated = label.visit and self.plan.column_of("visit")
        return label.variable if label.certain and not (dated or label.states_more_than("variable", "visit")) else None

    def _find_visit(self, column: Column, cell: object) -> str | None:
        """Return the visit that a cell names, also by its code; below a header of weeks or days, a number is a time."""
        text, header = canonical_id(cell), normalize(column.label)
        number = is_number(cell) or text.isdecimal()
        counts_time = "visit n" not in header and re.search("week|wk|day|month", header)
        if (decoded := self._decode("visit", cell)) or not (number and counts_time):
            return decoded or self.vocabulary.visit(f"visit {text}" if number else text)
        weeks = float(text) / (7 if "day" in header else 1)
        return self.vocabulary.weeks.get(weeks) if weeks == 0 or "month" not in header else None

    def read(self) -> list[Part]:
        """Return a part of the long table for each column, variable and visit."""
        plan, parts = self.plan, []
        used, groups = np.flatnonzero(plan.rows["use"]), plan.kind == "groups"
        row_variables = plan.rows["variable"].fillna(plan.variable or "").to_numpy()
        for column in plan.data:
            for role in ("variable", "arm", "stratum") if groups else ("variable",):
                if plan.column_of(role) and not (getattr(column, role) or getattr(plan, role)):
                    nameless = used[plan.rows[role].isna()[used]]
                    self._report_unnamed([i for i in nameless if plan.cell(i, column) != EMPTY], role, column)
            for key in [column.variable] if column.variable else dict.fromkeys(filter(None, row_variables)):
                parts += self._read_variable(column, key, used if column.variable else used[row_variables[used] == key])
        return parts + self._read_strata()

    def _read_variable(self, column: Column, key: str, positions: np.ndarray) -> list[Part]:
        """Return a part for each visit of one variable, from the cells of a column in the given data rows."""
        plan, sheet, outcome = self.plan, self.plan.block.sheet, self.trial.outcomes.get(key)
        places = [plan.block.place(plan.header.first_data + i, column.index) for i in positions]
        struck = sheet.struck if self.policy.struck_out == "missing" else ()
        answers = (outcome.answers or ANSWERS) if outcome and outcome.kind == "binary" else None
        missing = MISSING | {code.strip().casefold() for code in [*self.policy.missing, *self.trial.missing]}
        missing |= {float(code) for code in missing if PLAIN.fullmatch(code)}
        values, fault_counts = np.full(len(positions), math.nan), Counter[str]()
        for index, position in enumerate(positions):
            cell = plan.cell(position, column)
            if cell == EMPTY or places[index] in struck:
                continue
            value, kind, message = read_number(cell, self.policy, missing, answers)
            if kind:
                self.faults.error(kind, plan.locate(position, column, cell), message, stops=value is None)
                fault_counts[kind] += value is not None
            values[index] = math.nan if value is None else value
        self.reading.counts += Counter({kind: fault_counts[kind] for kind in ("below detection", "missing code")})
        present = np.flatnonzero(~np.isnan(values))
        if column.factor == 1.0 and any(places[i] in sheet.percent for i in present):
            self.faults.error("percent format", plan.locate(positions[present[0]], column, column.label))
        positions, values = positions[present], values[present]
        if column.factor != 1.0:
            # Dividing by 1000 gives the nearest number to the shifted decimal point, multiplying by 0.001 may not.
            inverse = round(1 / column.factor)
            values = values / inverse if abs(inverse * column.factor - 1) < 1e-12 else values * column.factor
        return self._split_by_visit(column, key, positions, values, np.full(len(values), "", dtype=object))

    def _split_by_visit(self, column: Column, key: str, positions: np.ndarray, values, texts) -> list[Part]:
        """Return a part for each visit of one variable, in the order of the trial's visits."""
        if not len(positions):
            return []
        visits = np.array(self._find_visits(column, key, positions, np.where(texts == "", values, texts)), dtype=object)
        at_visit = {visit: visits == visit for visit in self.trial.visits if visit in visits}
        return [self._build_part(column, key, v, positions[at], values[at], texts[at]) for v, at in at_visit.items()]

    def _find_visits(self, column: Column, key: str, positions: np.ndarray, contents: np.ndarray) -> list[str | None]:
        """Return the visit of each value, as its column, its row or the title states it; None where none does.

        A variable that is measured once is of baseline if no visit is stated, or if only later visits repeat its value.
        """
        outcome, plan = self.trial.outcomes.get(key), self.plan
        row_visits, participants = (plan.rows[role].to_numpy()[positions] for role in ("visit", "participant"))
        if outcome is None or not outcome.follow_up:
            # A title above columns with visits of their own does not give the visit of the other columns.
            title_visit = None if any(other.visit for other in plan.data) else plan.visit
            visits = [column.visit or row_visit or title_visit or BASELINE for row_visit in row_visits]
            by_participant = pd.Series(contents, participants).groupby(level=0)
            repeated = by_participant.size().max() > 1 and by_participant.nunique().max() == 1
            return [BASELINE] * len(visits) if repeated and not column.visit and BASELINE not in visits else visits
        if not column.visit and (plan.column_of("visit") or plan.rows["visit"].notna().any()):
            visits = [row_visit or plan.visit for row_visit in row_visits]
            unnamed = [position for position, visit in zip(positions, visits, strict=True) if not visit]
            self._report_unnamed(unnamed, "visit", column)
            return visits
        visit = column.visit or plan.visit
        if not visit:
            expected = ", ".join(visit.label for visit in self.trial.visits.values())
            self.faults.error("no visit", plan.header_of(column), outcome=outcome, expected=expected)
        return [visit] * len(positions)

    def _report_unnamed(self, positions: list[int], role: str, column: Column) -> None:
        """Report values whose row has a blank cell for their variable, arm or the like; unknown names are reported already."""
        label_column = self.plan.column_of(role)
        for position in positions:
            if label_column is None or self.plan.cell(position, label_column) == EMPTY:
                self.faults.error(f"no {role} / value", self.plan.locate(position, label_column or column))

    def _build_part(self, column: Column, key: str, visit: str, positions, values, texts) -> Part:
        """Return the rows of the long table for the values of one variable at one visit in a column."""
        plan, rows, trial, groups = self.plan, self.plan.rows, self.trial, self.plan.kind == "groups"
        definition = trial.outcomes.get(key) or trial.markers.get(key)
        # A title that says percent change does not apply to baseline values.
        by_title = plan.measure in CHANGE_MEASURES and visit != BASELINE and getattr(definition, "follow_up", ())
        measure = PERCENT_CHANGE if by_title or column.measure in CHANGE_MEASURES else column.measure
        label = f"{definition.label if definition else key}, {trial.visits[visit].label}"
        of_baseline = measure == PERCENT_CHANGE and "percent_of_baseline" in (column.measure, plan.measure)
        source = Source(plan, column, key, visit, measure, definition, label, of_baseline)
        values = values - 100 if source.of_baseline else values
        cells = [plan.locate(i, column)["cell"] for i in positions]
        arms, strata, ids = (rows[role].to_numpy()[positions].tolist() for role in ("arm", "stratum", "participant"))
        # Without ids, the cell of a group or the row of a table stands for the participant.
        if groups or not plan.column_of("participant"):
            id_cells = cells if groups else [plan.locate(i, plan.columns[0])["cell"] for i in positions]
            ids = [f"{plan.sheet} {cell}" for cell in id_cells]
        unit_column, row_units = plan.column_of("unit"), rows["unit"].to_numpy()
        unit_source = unit_column or plan.column_of("variable") or column
        constants = {"cohort": plan.cohort, "variable": key, "visit": visit, "measure": measure, "sheet": plan.sheet}
        marker = (groups and (column.marker or plan.marker)) or (texts.any() and column.marker) or ""
        constants |= {"source": source, "linked": not groups, "marker": marker}
        return {name: [value] * len(positions) for name, value in constants.items()} | {
            "participant": ids,
            "arm": [(groups and column.arm) or arm or (groups and plan.arm) or "" for arm in arms],
            "stratum": [(groups and (column.stratum or stratum or plan.stratum)) or "" for stratum in strata],
            "value": values.tolist(),
            "text": texts.tolist(),
            "cell": cells,
            "unit": [(unit_column and str(plan.cell(i, unit_column)).strip()) or row_units[i] or "" for i in positions],
            "unit_cell": [plan.locate(i, unit_source)["cell"] for i in positions],
        }

    def _read_strata(self) -> list[Part]:
        """Return the column of strata of a block of participants, as text under the label of the column."""
        column, rows = self.plan.column_of("stratum"), self.plan.rows
        if column is None or self.plan.kind == "groups":
            return []
        rows = rows[rows["use"] & rows["stratum"].fillna("").ne("")]
        values, texts = np.full(len(rows), math.nan), rows["stratum"].to_numpy()
        return self._split_by_visit(column, column.label or "stratum", rows.index.to_numpy(), values, texts)
