"""The mapping: which cell is what. Recognition proposes it, a mapping file states it, and values are read through it alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import BeforeValidator, Field, ValidationError

from ..config.types import Strict
from ..config.yaml_files import faults_of, faulty, read_yaml
from ..errors import UserError, nearest
from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .layout import Header
from .recognise import Meaning, Reading
from .sheets import EMPTY, Block, Sheet, Workbook, column_letters, split_address

ROLES = ("data", "participant", "arm", "visit", "variable", "stratum", "unit", "ignore")
# What codes stand for, and their section of the file.
CODED = {"arm": "arms", "visit": "visits", "variable": "variables", "stratum": "strata"}
Codes = dict[str, dict[str, str]]  # by role, the meaning of codes in lower case, from legends and the mapping file
SAID = ("variable", "visit", "arm", "marker", "stratum", "measure")  # what a column, or its whole block, says
NAMED = SAID[:4]  # what the trial has to know
READABLE = ("participants", "long", "groups")
MAPPED = "mapping"  # the evidence for what a mapping file says
OPEN = "?"  # what the analyst has to fill in
_ROLE = re.compile(r"(?:group|arm|treatment|trt|cohort|sequence|visit|time ?point|v(?=\d))[\s_:#.\-]*(\w{1,4})", re.I)


def short_code(text: str) -> str:
    """Return a code in lower case, without a word for its role: ``A`` and ``Group A`` are the same."""
    match = _ROLE.fullmatch(text.strip())
    return (match[1] if match else text.strip()).casefold()


def decoded(codes: Codes, role: str, text: str) -> str | None:
    """Return what a cell with a code means."""
    return codes.get(role, {}).get(text.casefold()) or codes.get(role, {}).get(short_code(text))


def article(role: str) -> str:
    """Return the name of a role as messages say it, such as "an arm"."""
    return f"{'an' if role == 'arm' else 'a'} {role}"


@dataclass(eq=False)
class Column(Meaning):
    """A column of a block: the role it plays, and what it says of the values in it."""

    index: int
    label: str = ""
    role: str = "ignore"
    measure: str | None = field(default=VALUE, kw_only=True)
    factor: float = 1.0
    confidence: str = "certain"
    why: str = ""
    candidates: tuple[str, ...] = ()  # variables that an unsure column could hold
    asked: bool = False  # whether the analyst has to say what it holds
    reading: Reading | None = None  # of its label, where it was recognised
    used: int = 0  # cells below its header, of the first ones of a long column
    numeric: bool = False  # whether most of them stand for numbers
    distinct: list = field(default_factory=list)  # the first different values of them

    def judge(self, role: str, confidence: str, why: str) -> None:
        """Say what the column is for, how sure that is, and why."""
        self.role, self.confidence, self.why = role, confidence, why


@dataclass(eq=False)
class Plan(Meaning):
    """A block with the meaning of its columns; what it says as a whole stands in for what columns do not say."""

    block: Block
    kind: str
    header: Header
    columns: list[Column] = field(default_factory=list)
    cohort: str = TRIAL
    evidence: str = ""
    unread: str = ""  # why nothing is taken from a block that could be read
    rows: pd.DataFrame | None = None  # what each row says, once :class:`values.BlockReader` has read them
    # How rows that head others, and events, spell what they say.
    spellings: dict[str, dict[str, str | None]] = field(default_factory=lambda: {role: {} for role in CODED})

    @property
    def sheet(self) -> str:
        """Name of the sheet."""
        return self.block.sheet.name

    @property
    def body(self) -> list[list]:
        """Rows below the header."""
        return self.block.values[self.header.first_data :]

    @property
    def readable(self) -> bool:
        """Whether values are taken from the block."""
        return self.kind in READABLE and not self.unread

    @property
    def mapped(self) -> bool:
        """Whether a mapping file has given the block."""
        return self.evidence == MAPPED

    @property
    def kind_by_roles(self) -> str:
        """What the rows are, by the roles of the columns; one without an id is a person if it holds several raw values."""
        in_rows = bool(self.one("visit") or self.one("variable"))
        if self.one("participant"):
            return "long" if in_rows else "participants"
        values = [c for c in self.data if c.measure == VALUE and self.measure != PERCENT_CHANGE and not c.arm]
        person = self.one("arm") and not in_rows and len({(c.variable, c.visit) for c in values}) > 1
        return "participants" if person or self.cohort != TRIAL else "groups"

    @property
    def unmeasured(self) -> bool:
        """Whether later values without ids may be values or changes, or the title says that they are on another scale."""
        data = self.data
        later = self.one("visit") or any((column.visit or self.visit or BASELINE) != BASELINE for column in data)
        stated = self.measure in (VALUE, PERCENT_CHANGE) or any(column.measure != VALUE for column in data)
        return bool(later) and not stated and (self.kind == "groups" or self.measure == "percent_of_baseline")

    def having(self, role: str) -> list[Column]:
        """Return the columns with a role."""
        return [column for column in self.columns if column.role == role]

    @property
    def data(self) -> list[Column]:
        """The columns of values."""
        return self.having("data")

    def one(self, role: str) -> Column | None:
        """Return the first column with a role."""
        return next((column for column in self.columns if column.role == role), None)

    @property
    def people(self) -> set[str]:
        """The different participants."""
        return set(self.rows["participant"].dropna())

    def cell(self, position: int, column: Column) -> Any:
        """Return the cell of a data row."""
        return self.block.values[self.header.first_data + position][column.index]

    def holds_data(self, position: int) -> bool:
        """Return whether a data row holds anything in the columns of values."""
        return any(self.cell(position, column) != EMPTY for column in self.data)

    def place(self, position: int, column: Column, value: object = "") -> dict[str, Any]:
        """Return sheet and cell of a data row's value, and what is there, as faults state them."""
        cell = self.block.address(self.header.first_data + position, column.index)
        return {"sheet": self.sheet, "cell": cell, "value": getattr(value, "shown", value)}

    def head_of(self, column: Column) -> dict[str, str]:
        """Return sheet, cell and label of a column, as faults state them."""
        row = min(self.header.rows[-1] if self.header.rows else self.header.first_data, self.block.height - 1)
        return {"sheet": self.sheet, "cell": self.block.address(row, column.index), "value": column.label}

    def whole(self) -> dict[str, str]:
        """Return sheet and range of the block, as faults state them."""
        return {"sheet": self.sheet, "cell": self.block.range}

    def name_of(self, column: Column, *, relative: bool = False) -> str:
        """Return a column's letter, or its row's number where participants stand in columns.

        Where it is ``relative``, as in panels, A or 1 is the first one of the block.
        """
        row, index = self.block.place(0, column.index)
        rows, columns = self.block.sheet.row_numbers, self.block.sheet.column_numbers
        if self.block.transposed:
            return str(rows[row] + 1 - (rows[self.block.top] if relative else 0))
        return column_letters(columns[index] - (columns[self.block.left] if relative else 0))


def _code(value: object) -> str:
    """Return a code as written in a cell; YAML reads 0, 1.0, yes and no as other things than text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _text_keys(section: Any) -> Any:
    """Return a section with its keys as text; ``1, 2`` stands for both codes."""
    if not isinstance(section, dict):
        return section
    whole = {_code(key): value for key, value in section.items()}
    return {part.strip(): value for key, value in whole.items() for part in key.split(",")} | whole


TextKeys = BeforeValidator(_text_keys)
# A column may be written as one word: ``ignore``, or its role.
OneWord = BeforeValidator(lambda value: {"is": value or "ignore"} if isinstance(value, str | None) else value)
CodeSection = Annotated[dict[str, str], TextKeys]


class Statement(Strict):
    """What a column, a panel or a whole block may say of its values."""

    variable: str | None = None
    visit: str | None = None
    arm: str | None = None
    stratum: str | None = None
    marker: str | None = None
    measure: Literal["value", "percent_change", "percent_of_baseline"] | None = None

    @property
    def said(self) -> dict[str, Any]:
        """What is said, by name."""
        return {name: value for name in SAID if (value := getattr(self, name)) is not None}


class ColumnEntry(Statement):
    """A column, or a row where participants stand in columns."""

    role: Literal[ROLES] | None = Field(default=None, alias="is")  # type: ignore[valid-type]
    unit: str | None = None
    factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class BlockEntry(Statement):
    """A rectangle of a sheet, or several alike: ``panels`` names them as ``Sheet!A1:B20``, with what only they say."""

    sheet: str = ""
    range: str = ""
    panels: dict[str, Annotated[Statement, BeforeValidator(lambda value: value or {})]] = {}
    header: Annotated[int, Field(ge=0)] = 1
    participants: Literal["rows", "columns"] = "rows"
    kind: Literal[READABLE] | None = None  # type: ignore[valid-type]
    cohort: Literal["trial", "population"] = "trial"
    columns: Annotated[dict[str, Annotated[ColumnEntry, OneWord]], TextKeys]


class Policy(Strict):
    """What to do with cells that are not plain numbers."""

    below_detection: Literal["missing", "limit", "half", "lowest"] = "missing"
    decimal_comma: bool = False
    error_cells: Literal["fault", "missing"] = "fault"
    hidden_rows: Literal["read", "ignore"] = "read"
    struck_out: Literal["read", "missing"] = "read"
    missing: list[Annotated[str, BeforeValidator(_code)]] = []


class Mapping(Policy):
    """The whole file; without ``blocks``, they are recognised, with the codes and policies of the file."""

    workbook: str | None = None
    arms: CodeSection = {}
    visits: CodeSection = {}
    variables: CodeSection = {}
    strata: CodeSection = {}
    blocks: Annotated[list[BlockEntry] | None, BeforeValidator(lambda value: value or [])] = None

    @property
    def entries(self) -> Iterator[tuple[str, BlockEntry]]:
        """Each block with its place in the file; a block of panels gives one for each of them."""
        for number, block in enumerate(self.blocks or [], start=1):
            if not block.panels:
                yield f"blocks[{number}]", block
            for place, panel in block.panels.items():
                sheet, _, area = place.rpartition("!")
                own = block.model_copy(update={"sheet": sheet, "range": area, **panel.said})
                yield f"blocks[{number}].panels.{place}", own


def load_mapping(path: Path | str) -> Mapping:
    """Read a mapping file; UserError has a line for each key that is unknown, missing or of the wrong type."""
    content = read_yaml(path)
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        lines = [re.sub(r"^blocks\.(\d+)", lambda m: f"blocks[{int(m[1]) + 1}]", f) for f in faults_of(error, Mapping)]
        raise faulty(path, lines) from None
    if mapping.blocks == []:
        raise UserError(f"{path}: blocks: no block is listed; expected at least one, with sheet, range and columns")
    return mapping


def plans_of(mapping: Mapping, workbook: Workbook, trial: Trial, path: Path | str | None) -> tuple[list[Plan], Codes]:
    """Turn a mapping into plans; UserError has a line for each sheet, range, column or name that does not exist."""
    reader = _MappingReader(trial, {sheet.name: sheet for sheet in workbook.sheets})
    codes = {role: getattr(mapping, section) for role, section in CODED.items()}
    for role in ("arm", "visit", "variable"):
        for code, key in codes[role].items():
            if key != "ignore":
                reader.check(role, key, f"{CODED[role]}.{code}")
    plans = [plan for where, entry in mapping.entries if (plan := reader.plan(entry, where))]
    if reader.faults:
        raise faulty(path, list(dict.fromkeys(reader.faults)))
    return plans, {role: {code.casefold(): key for code, key in own.items()} for role, own in codes.items()}


class _MappingReader:
    """Turn entries into plans, and collect the names in them that do not exist."""

    def __init__(self, trial: Trial, sheets: dict[str, Sheet]) -> None:
        self.sheets, self.faults = sheets, list[str]()
        arms = [arm.key for arm in (trial.arms.treated, trial.arms.control, *trial.arms.others)]
        self.known = {"variable": [*trial.outcomes, *trial.markers], "visit": [*trial.visits], "arm": arms}
        self.known["marker"] = [*trial.markers]

    def check(self, kind: str, value: str, where: str) -> None:
        known = self.known[kind]
        if value == OPEN:
            self.faults.append(f"{where}: to be filled in: {kind}, one of {', '.join(known[:8])}, ...")
        elif value not in known:
            self.faults.append(f"{where}: {value!r} is not {article(kind)} of the trial{nearest(value, known)}")

    def said(self, entry: Statement, where: str) -> dict[str, Any]:
        for kind, value in entry.said.items():
            if kind in NAMED:
                self.check(kind, value, f"{where}.{kind}")
        return entry.said

    def plan(self, entry: BlockEntry, where: str) -> Plan | None:
        if not (block := self._block(entry, where)):
            return None
        header = Header(rows=list(range(entry.header)), first_data=entry.header)
        heads = block.values[: entry.header]
        header.labels = [[" ".join(str(row[i]).split()) for row in heads if row[i] != ""] for i in range(block.width)]
        plan = Plan(block, "", header, cohort=entry.cohort, evidence=MAPPED, **self.said(entry, where))
        plan.columns = [Column(index, header.text(index), why="not in the mapping") for index in range(block.width)]
        places = {plan.name_of(column, relative=bool(entry.panels)): column for column in plan.columns}
        for name, own in entry.columns.items():
            column, place = places.get(name.upper()), f"{where}.columns.{name}"
            if column is None:
                self.faults.append(f"{place}: not inside the range {entry.range}")
                continue
            column.role, column.unit, column.factor = own.role or "data", own.unit, own.factor
            column.why = "ignored by the mapping" if own.role == "ignore" else ""
            for said, value in self.said(own, place).items():
                setattr(column, said, value)
        plan.kind = entry.kind or plan.kind_by_roles
        return plan

    def _block(self, entry: BlockEntry, where: str) -> Block | None:
        first, _, last = entry.range.partition(":")
        sheet = self.sheets.get(entry.sheet)
        try:
            (top, left), (bottom, right) = split_address(first), split_address(last or first)
        except ValueError:
            what = f"{entry.range!r} is not a range such as A1:K61" if entry.range else "this key is missing"
            self.faults.append(f"{where}.range: {what}")
            return None
        if sheet is None:
            what = f"no sheet is called {entry.sheet!r}{nearest(entry.sheet, self.sheets)}"
            self.faults.append(f"{where}.sheet: {what if entry.sheet else 'this key is missing'}")
            return None
        rows = [i for i, number in enumerate(sheet.row_numbers) if top <= number <= bottom]
        columns = [i for i, number in enumerate(sheet.column_numbers) if left <= number <= right]
        if not rows or not columns:
            self.faults.append(f"{where}.range: {entry.range!r} holds no cells on sheet {entry.sheet!r}")
            return None
        block = Block(sheet, rows, columns)
        return block.turned() if entry.participants == "columns" else block
