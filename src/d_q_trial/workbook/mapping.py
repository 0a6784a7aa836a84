"""The mapping of a workbook: what each cell holds, as recognised or as a mapping file states; all values are read by it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from openpyxl.utils import range_boundaries
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from ..config.validation import StrictModel, read_yaml, validate_content
from ..errors import did_you_mean
from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..recognition.cells import Policy
from ..recognition.layout import Header
from ..recognition.vocabulary import Codes, LabelReading, Meaning, canonical_id
from ..spreadsheet.sheets import EMPTY, Block, Sheet, Workbook
from ..trial import BASELINE, Trial

ROLES = ("data", "participant", "arm", "visit", "variable", "stratum", "unit", "ignore")
# The roles that cells can fill with codes, and the section of the file that explains the codes.
CODE_SECTIONS = {"arm": "arms", "visit": "visits", "variable": "variables", "stratum": "strata"}
# What a column or its whole block can state.
MEANINGS = ("variable", "visit", "arm", "marker", "stratum", "measure")
READABLE = ("participants", "long", "groups")
TO_FILL_IN = "?"  # a value that the analyst has to fill in


@dataclass(eq=False)
class Column(Meaning):
    """A column of a block: its role, and what it states about its values."""

    index: int
    label: str = ""
    role: str = "ignore"
    measure: str | None = field(default=VALUE, kw_only=True)
    factor: float = 1.0
    confidence: str = "certain"
    why: str = ""
    candidates: tuple[str, ...] = ()  # variables that an unsure column could hold
    questioned: bool = False  # whether the analyst has to state what it holds
    reading: LabelReading | None = None  # of its label, if the block was recognised
    used: int = 0  # non-empty cells below the header; in a long column, among the first rows only
    used_instead: Column | None = None  # the column that is used for the role instead
    conflicting_rows: list[int] = field(default_factory=list)  # data rows that the two columns group differently
    numeric: bool = False  # whether most of the used cells stand for numbers
    distinct: list = field(default_factory=list)  # the first distinct values of the used cells

    def judge(self, role: str, confidence: str, why: str) -> None:
        """Set the role of the column, how certain it is, and why."""
        self.role, self.confidence, self.why = role, confidence, why


@dataclass(eq=False)
class BlockPlan(Meaning):
    """A block with the meaning of its columns; what the block states applies where a column states nothing."""

    block: Block
    kind: str
    header: Header
    columns: list[Column] = field(default_factory=list)
    cohort: str = TRIAL
    sampled: bool = False  # whether a title or a mapping says that this is the population sample
    evidence: str = ""
    mapped: bool = False  # whether a mapping file lists the block
    unread_reason: str = ""  # why a block of a readable kind is not read
    caution: str = ""  # a title or header that suggests that the values are not as measured
    rows: pd.DataFrame | None = None  # what each data row states, set by :class:`values.BlockReader`

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
        return self.kind in READABLE and not self.unread_reason

    @property
    def kind_by_roles(self) -> str:
        """The kind of the block by its columns; a row without an id but with an arm and several raw values is a participant."""
        in_rows = bool(self.column_of("visit") or self.column_of("variable"))
        if self.column_of("participant"):
            return "long" if in_rows else "participants"
        raw = [c for c in self.data if c.measure == VALUE and self.measure != PERCENT_CHANGE and not c.arm]
        one_row_each = self.column_of("arm") and not in_rows and len({(c.variable, c.visit) for c in raw}) > 1
        return "participants" if one_row_each or self.cohort != TRIAL else "groups"

    @property
    def measure_unknown(self) -> bool:
        """Whether nothing states if later values, of groups or in percent of baseline, are raw values or changes."""
        later = self.column_of("visit") or {column.visit or self.visit or BASELINE for column in self.data} - {BASELINE}
        known = self.mapped or self.measure in (VALUE, PERCENT_CHANGE) or any(c.measure != VALUE for c in self.data)
        return bool(later) and not known and (self.kind == "groups" or self.measure == "percent_of_baseline")

    def columns_of(self, role: str) -> list[Column]:
        """Return the columns with a role."""
        return [column for column in self.columns if column.role == role]

    @property
    def data(self) -> list[Column]:
        """The columns of values."""
        return self.columns_of("data")

    def column_of(self, role: str) -> Column | None:
        """Return the first column with a role."""
        return next((column for column in self.columns if column.role == role), None)

    @property
    def participant_ids(self) -> set[str]:
        """The ids of the participants."""
        return set(self.rows["participant"].dropna())

    def cell(self, position: int, column: Column) -> Any:
        """Return the cell of a data row."""
        return self.block.values[self.header.first_data + position][column.index]

    def cells(self, column: Column) -> list:
        """Return the cells of a column below the header."""
        return [row[column.index] for row in self.body]

    def holds_data(self, position: int) -> bool:
        """Return whether a data row holds anything in the columns of values."""
        return any(self.cell(position, column) != EMPTY for column in self.data)

    def locate(self, position: int, column: Column, value: object = "") -> dict[str, Any]:
        """Return sheet, cell and value at a data row, as faults report them."""
        cell = self.block.address(self.header.first_data + position, column.index)
        return {"sheet": self.sheet, "cell": cell, "value": getattr(value, "shown", value)}

    def header_of(self, column: Column) -> dict[str, str]:
        """Return sheet, cell and label of a column, as faults report them."""
        row = min(self.header.rows[-1] if self.header.rows else self.header.first_data, self.block.height - 1)
        return {"sheet": self.sheet, "cell": self.block.address(row, column.index), "value": column.label}

    def location(self) -> dict[str, str]:
        """Return sheet and range of the block, as faults report them."""
        return {"sheet": self.sheet, "cell": self.block.range}


def _format_keys(section: Any, info: ValidationInfo) -> Any:
    """Return a section with its keys as text; for strata, the key ``1, 2`` also applies to both. A code has one meaning."""
    if not isinstance(section, dict):
        return section
    split, meanings = info.field_name == CODE_SECTIONS["stratum"], dict[str, Any]()
    keys = {key: [key, *key.split(",")] if split else [key] for key in section}
    pairs = [(canonical_id(code), section[key]) for key, codes in keys.items() for code in codes]
    for code, meaning in pairs:
        if meanings.setdefault(code.casefold(), meaning) != meaning:
            raise ValueError(f"{code.casefold()!r} is listed twice")
    return dict(pairs)


def _check_key(name: str, info: ValidationInfo) -> str:
    """Check that the trial has a variable, visit, arm or marker with this key; the validation context lists the keys."""
    kind = next((role for role, section in CODE_SECTIONS.items() if section == info.field_name), info.field_name)
    keys = info.context[kind]
    if name == TO_FILL_IN:
        raise ValueError(f"to be filled in: {kind}, one of {', '.join(keys[:8])}, ...")
    if name not in keys and not (name == "ignore" and info.field_name in CODE_SECTIONS.values()):
        raise ValueError(f"not a{'n' * (kind == 'arm')} {kind} of the trial{did_you_mean(name, keys)}")
    return name


def _find_sheet(name: str, info: ValidationInfo) -> Sheet:
    """Return the sheet of this name."""
    sheets = info.context["sheet"]
    if name not in sheets:
        raise ValueError(f"no sheet is called {name!r}{did_you_mean(name, sheets)}")
    return sheets[name]


def _transpose_sheet(name: str, info: ValidationInfo) -> str:
    """Transpose the sheet of this name; the later entries of the file refer to its rows as columns."""
    sheet = _find_sheet(name, info)
    if sheet.turned:
        raise ValueError(f"{name!r} is listed twice")
    sheet.transpose()
    return name


def _find_block(place: str, info: ValidationInfo) -> Block:
    """Return the cells of a place such as ``Sheet!A1:K61``."""
    name, mark, area = place.rpartition("!")
    if not mark:
        raise ValueError("not a place such as Sheet1!A1:K61")
    sheet = _find_sheet(name, info)
    try:
        left, top, right, bottom = map(int, range_boundaries(area.strip()))
        left, top, right, bottom = (top, left, bottom, right) if sheet.turned else (left, top, right, bottom)
    except (TypeError, ValueError):
        raise ValueError("not a range such as A1:K61") from None
    rows, columns = [*range(top - 1, min(bottom, sheet.height))], [*range(left - 1, min(right, sheet.width))]
    if not rows or not columns:
        raise ValueError(f"holds no cells on sheet {name!r}")
    return Block(sheet, rows, columns)


def _empty_block(place: str, info: ValidationInfo) -> str:
    """Empty the cells of a place, which the later entries of the file and the recognition then find empty."""
    block = _find_block(place, info)
    if all(cell == EMPTY for row in block.values for cell in row):
        raise ValueError(f"holds no cells on sheet {block.sheet.name!r}")
    for row in block.rows:
        block.sheet.rows[row][block.left : block.right] = [EMPTY] * block.width
    return place


def _find_range(area: str, info: ValidationInfo) -> Block | None:
    if info.data.get("panels", True) or "sheet" not in info.data:
        return None
    if not (info.data["sheet"] and area):
        raise ValueError("a key is missing; expected sheet and range, or panels")
    return _find_block(f"{info.data['sheet']}!{area}", info)


def _check_column_name(name: str, info: ValidationInfo) -> str:
    """Check that the block, or every panel, has a column of this letter, or a row of this number if it is transposed."""
    area, panels = info.data.get("range"), info.data.get("panels") or ()
    for block in [area] if area else panels:
        if name.upper() not in (block.panel_names if panels else block.names):
            raise ValueError(f"not inside the range {block.range}")
    return name.upper()


def _number_blocks(blocks: Any) -> dict[int, Any]:
    if not blocks or not isinstance(blocks, list):
        raise ValueError("no block is listed; expected at least one, with sheet, range and columns")
    return dict(enumerate(blocks, start=1))


TextKeys = BeforeValidator(_format_keys)
# A column may be written as one word: its role, or ``ignore``.
OneWord = BeforeValidator(lambda value: {"is": value or "ignore"} if isinstance(value, str | None) else value)
OrEmpty, OrData = BeforeValidator(lambda value: value or {}), BeforeValidator(lambda value: value or "data")
TrialKey = Annotated[str, AfterValidator(_check_key)]
SheetRange = Annotated[str, AfterValidator(_find_block)]
ColumnName = Annotated[str, AfterValidator(_check_column_name)]


class Statement(StrictModel):
    """What a column, a panel or a whole block may state about its values."""

    variable: TrialKey | None = None
    visit: TrialKey | None = None
    arm: TrialKey | None = None
    stratum: str | None = None
    marker: TrialKey | None = None
    measure: Literal["value", "percent_change", "percent_of_baseline"] | None = None


class ColumnEntry(Statement):
    """A column, or a row of a sheet that is transposed."""

    role: Annotated[Literal[ROLES], OrData] = Field(default="data", alias="is")  # type: ignore[valid-type]
    unit: str | None = None
    factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class BlockEntry(Statement):
    """A rectangle of a sheet, or several with one layout: ``panels`` maps each ``Sheet!A1:B20`` to what only it states."""

    panels: dict[SheetRange, Annotated[Statement, OrEmpty]] = {}
    sheet: str = ""
    range: Annotated[str, AfterValidator(_find_range)] = Field(default="", validate_default=True)
    header: Annotated[int, Field(ge=0)] = 1
    kind: Literal[READABLE] | None = None  # type: ignore[valid-type]
    cohort: Literal["trial", "population"] = "trial"
    columns: Annotated[dict[ColumnName, Annotated[ColumnEntry, OneWord]], TextKeys]

    @field_validator("columns")
    @classmethod
    def _check_roles(cls, columns: dict[str, ColumnEntry], info: ValidationInfo) -> dict[str, ColumnEntry]:
        roles = [entry.role for entry in columns.values() if entry.role not in ("data", "ignore")]
        if repeated := sorted({role for role in roles if roles.count(role) > 1}):
            raise ValueError(f"several columns are {repeated[0]}; expected one (combine them in the workbook)")
        if info.data.get("measure") not in (None, VALUE) and VALUE in {entry.measure for entry in columns.values()}:
            raise ValueError("a column of values in a block of changes; state the measure of each column instead")
        for block in info.data.get("panels") or filter(None, [info.data.get("range")]):
            if info.data.get("header", 0) >= block.height:
                raise ValueError(f"the header leaves no row of data in the range {block.range}")
        return columns

    @property
    def plans(self) -> list[BlockPlan]:
        """The plan of the block, or of each panel."""
        blocks: Any = self.panels or {self.range: Statement()}
        return [self._build_plan(block, panel) for block, panel in blocks.items()]

    def _build_plan(self, block: Block, panel: Statement) -> BlockPlan:
        statements = self.model_dump(include={*MEANINGS}, exclude_none=True) | panel.model_dump(exclude_none=True)
        header = Header(rows=list(range(self.header)), first_data=self.header)
        rows = block.values[: self.header]
        header.labels = [[" ".join(str(row[i]).split()) for row in rows if row[i] != EMPTY] for i in range(block.width)]
        statements |= {"cohort": self.cohort, "sampled": self.cohort != TRIAL, "evidence": "mapping", "mapped": True}
        plan = BlockPlan(block, "", header, **statements)
        for index, name in enumerate(block.panel_names if self.panels else block.names):
            entry = self.columns.get(name)
            why = "not in the mapping" if not entry else "ignored by the mapping" if entry.role == "ignore" else ""
            fields = entry.model_dump(exclude_none=True) if entry else {}
            plan.columns.append(Column(index, header.text(index), why=why, **fields))
        plan.kind = self.kind or plan.kind_by_roles
        return plan


class Mapping(Policy):
    """A mapping file. Without ``blocks``, recognition finds the blocks and the rest of the file still applies."""

    hidden_rows: Literal["read", "ignore"] = "read"
    struck_out: Literal["read", "missing"] = "read"
    missing: list[str] = []

    workbook: str | None = None
    transpose: list[Annotated[str, AfterValidator(_transpose_sheet)]] = []  # sheets with a participant in each column
    ignore: list[Annotated[str, AfterValidator(_empty_block)]] = []  # places without values, such as Sheet!A20:C25
    arms: Annotated[dict[str, TrialKey], TextKeys] = {}
    visits: Annotated[dict[str, TrialKey], TextKeys] = {}
    variables: Annotated[dict[str, TrialKey], TextKeys] = {}
    strata: Annotated[dict[str, str], TextKeys] = {}
    blocks: Annotated[dict[int, BlockEntry] | None, BeforeValidator(_number_blocks)] = None

    @property
    def codes(self) -> Codes:
        """The meaning of each lower-case code, by role."""
        sections = {role: getattr(self, section) for role, section in CODE_SECTIONS.items()}
        return {role: {code.casefold(): key for code, key in codes.items()} for role, codes in sections.items()}


def load_mapping(path: Path | str, workbook: Workbook, trial: Trial) -> Mapping:
    """Read a mapping file of a workbook.

    UserError if a key is unknown, missing or of the wrong type, or if a sheet, range, column or name does not exist; it
    has a line for each such fault.
    """
    context = {"variable": [*trial.outcomes, *trial.markers], "visit": [*trial.visits], "arm": [*trial.every_arm]}
    context |= {"marker": [*trial.markers], "sheet": {sheet.name: sheet for sheet in workbook.sheets}}
    return validate_content(Mapping, read_yaml(path), path, context=context)
