"""The mapping: which cell is what. Recognition proposes it, a mapping file states it, and values are read through it alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from openpyxl.utils import range_boundaries
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from ..config.types import Strict
from ..config.yaml_files import read_yaml, validate_content
from ..errors import did_you_mean
from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..recognition.layout import Header
from ..recognition.vocabulary import Codes, Meaning, Reading, canonical_id
from ..spreadsheet.sheets import EMPTY, Block, Sheet, Workbook
from ..trial import BASELINE, Trial

ROLES = ("data", "participant", "arm", "visit", "variable", "stratum", "unit", "ignore")
# What codes stand for, and their section of the file.
CODED = {"arm": "arms", "visit": "visits", "variable": "variables", "stratum": "strata"}
SAID = ("variable", "visit", "arm", "marker", "stratum", "measure")  # what a column, or its whole block, says
NAMED = SAID[:4]  # what the trial has to know
READABLE = ("participants", "long", "groups")
MAPPED = "mapping"  # the evidence for what a mapping file says
OPEN = "?"  # what the analyst has to fill in


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
    beside: Column | None = None  # column that is used for the role instead
    apart: list[int] = field(default_factory=list)  # data rows with other entries there, if it parts the rows otherwise
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
    sampled: bool = False  # whether a title or a mapping calls the people the population sample
    evidence: str = ""
    unread: str = ""  # why nothing is taken from a block that could be read
    doubt: str = ""  # a title or header by which the values may not be as measured
    rows: pd.DataFrame | None = None  # what each row says, once :class:`values.BlockReader` has read them

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
        """Whether recognition left open if later values are values or changes: without ids, or on another scale."""
        data = self.data
        later = self.one("visit") or any((column.visit or self.visit or BASELINE) != BASELINE for column in data)
        stated = self.measure in (VALUE, PERCENT_CHANGE) or any(column.measure != VALUE for column in data)
        other = self.kind == "groups" or self.measure == "percent_of_baseline"
        return bool(later) and other and not (stated or self.mapped)

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

    def cells(self, column: Column) -> list:
        """Return the cells of a column below the header."""
        return [row[column.index] for row in self.body]

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


def _code(value: object) -> str:
    """Return a code as written in a cell; YAML reads 0, 1.0, yes and no as other things than text."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else canonical_id(value)


def _text_keys(section: Any) -> Any:
    """Return a section with its keys as text; ``1, 2`` stands for both codes."""
    if not isinstance(section, dict):
        return section
    whole = {_code(key): value for key, value in section.items()}
    return {part.strip(): value for key, value in whole.items() for part in key.split(",")} | whole


def _key(name: str, info: ValidationInfo, kind: str) -> str:
    """Check that the trial has an arm, visit or the like of this name; the context of the validation lists them."""
    known = info.context[kind]
    if name == OPEN:
        raise ValueError(f"to be filled in: {kind}, one of {', '.join(known[:8])}, ...")
    if name not in known and not (name == "ignore" and info.field_name in CODED.values()):
        raise ValueError(f"not a{'n' * (kind == 'arm')} {kind} of the trial{did_you_mean(name, known)}")
    return name


def _sheet(name: str, info: ValidationInfo) -> Sheet:
    """Return the sheet of this name."""
    sheets = info.context["sheet"]
    if name not in sheets:
        raise ValueError(f"no sheet is called {name!r}{did_you_mean(name, sheets)}")
    return sheets[name]


def _turned(name: str, info: ValidationInfo) -> str:
    """Turn the sheet of this name, so that what follows in the file is of its rows as columns."""
    sheet = _sheet(name, info)
    if sheet.turned:
        raise ValueError(f"{name!r} is listed twice")
    sheet.turn()
    return name


def _block(place: str, info: ValidationInfo) -> Block:
    """Return the cells of a place such as ``Sheet!A1:K61``."""
    name, mark, area = place.rpartition("!")
    if not mark:
        raise ValueError("not a place such as Sheet1!A1:K61")
    sheet = _sheet(name, info)
    try:
        left, top, right, bottom = map(int, range_boundaries(area.strip()))
        left, top, right, bottom = (top, left, bottom, right) if sheet.turned else (left, top, right, bottom)
    except (TypeError, ValueError):
        raise ValueError("not a range such as A1:K61") from None
    rows = [i for i, number in enumerate(sheet.row_numbers) if top <= number + 1 <= bottom]
    columns = [i for i, number in enumerate(sheet.column_numbers) if left <= number + 1 <= right]
    if not rows or not columns:
        raise ValueError(f"holds no cells on sheet {name!r}")
    return Block(sheet, rows, columns)


def _range(area: str, info: ValidationInfo) -> Block | None:
    if info.data.get("panels", True) or "sheet" not in info.data:
        return None
    if not (info.data["sheet"] and area):
        raise ValueError("a key is missing; expected sheet and range, or panels")
    return _block(f"{info.data['sheet']}!{area}", info)


def _inside(name: str, info: ValidationInfo) -> str:
    """Check that a block has a column of this letter, or a row of this number, and all panels alike."""
    own, panels = info.data.get("range"), info.data.get("panels") or ()
    for block in [own] if own else panels:
        if name.upper() not in (block.panel_names if panels else block.names):
            raise ValueError(f"not inside the range {block.range}")
    return name.upper()


def _by_number(blocks: Any) -> dict[int, Any]:
    if not blocks or not isinstance(blocks, list):
        raise ValueError("no block is listed; expected at least one, with sheet, range and columns")
    return dict(enumerate(blocks, start=1))


TextKeys = BeforeValidator(_text_keys)
# A column may be written as one word: ``ignore``, or its role.
OneWord = BeforeValidator(lambda value: {"is": value or "ignore"} if isinstance(value, str | None) else value)
OrEmpty, OrData = BeforeValidator(lambda value: value or {}), BeforeValidator(lambda value: value or "data")
VariableKey, VisitKey, ArmKey, MarkerKey = (Annotated[str, AfterValidator(partial(_key, kind=kind))] for kind in NAMED)


class Statement(Strict):
    """What a column, a panel or a whole block may say of its values."""

    variable: VariableKey | None = None
    visit: VisitKey | None = None
    arm: ArmKey | None = None
    stratum: str | None = None
    marker: MarkerKey | None = None
    measure: Literal["value", "percent_change", "percent_of_baseline"] | None = None


class ColumnEntry(Statement):
    """A column, or a row of a sheet that is transposed."""

    role: Annotated[Literal[ROLES], OrData] = Field(default="data", alias="is")  # type: ignore[valid-type]
    unit: str | None = None
    factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class BlockEntry(Statement):
    """A rectangle of a sheet, or several alike: ``panels`` names them as ``Sheet!A1:B20``, with what only they say."""

    panels: dict[Annotated[str, AfterValidator(_block)], Annotated[Statement, OrEmpty]] = {}
    sheet: str = ""
    range: Annotated[str, AfterValidator(_range)] = Field(default="", validate_default=True)
    header: Annotated[int, Field(ge=0)] = 1
    kind: Literal[READABLE] | None = None  # type: ignore[valid-type]
    cohort: Literal["trial", "population"] = "trial"
    columns: Annotated[dict[Annotated[str, AfterValidator(_inside)], Annotated[ColumnEntry, OneWord]], TextKeys]

    @field_validator("columns")
    @classmethod
    def _one_of_each_role(cls, columns: dict[str, ColumnEntry]) -> dict[str, ColumnEntry]:
        roles = [entry.role for entry in columns.values() if entry.role not in ("data", "ignore")]
        if twice := sorted({role for role in roles if roles.count(role) > 1}):
            raise ValueError(f"several columns are {twice[0]}; expected one (combine them in the workbook)")
        return columns

    @property
    def plans(self) -> list[Plan]:
        """The plan of the block, or of each panel."""
        blocks: Any = self.panels or {self.range: Statement()}
        said = self.model_dump(include={*SAID}, exclude_none=True)
        return [self._plan(block, said | own.model_dump(exclude_none=True)) for block, own in blocks.items()]

    def _plan(self, block: Block, said: dict[str, Any]) -> Plan:
        header = Header(rows=list(range(self.header)), first_data=self.header)
        heads = block.values[: self.header]
        header.labels = [[" ".join(str(row[i]).split()) for row in heads if row[i] != ""] for i in range(block.width)]
        plan = Plan(block, "", header, cohort=self.cohort, sampled=self.cohort != TRIAL, evidence=MAPPED, **said)
        for index, name in enumerate(block.panel_names if self.panels else block.names):
            own, why = self.columns.get(name), "not in the mapping"
            if own:
                why = "ignored by the mapping" if own.role == "ignore" else ""
            stated = own.model_dump(exclude_none=True) if own else {}
            plan.columns.append(Column(index, header.text(index), why=why, **stated))
        plan.kind = self.kind or plan.kind_by_roles
        return plan


class Mapping(Strict):
    """The whole file; without ``blocks``, they are recognised, with the codes and policies of the file."""

    # What to do with cells that are not plain numbers.
    below_detection: Literal["missing", "limit", "half", "lowest"] = "missing"
    decimal_comma: bool = False
    error_cells: Literal["fault", "missing"] = "fault"
    hidden_rows: Literal["read", "ignore"] = "read"
    struck_out: Literal["read", "missing"] = "read"
    missing: list[Annotated[str, BeforeValidator(_code)]] = []

    workbook: str | None = None
    transpose: list[Annotated[str, AfterValidator(_turned)]] = []  # sheets with a participant in each column
    ignore: list[Annotated[str, AfterValidator(_block)]] = []  # places without values, such as Sheet!A20:C25
    arms: Annotated[dict[str, ArmKey], TextKeys] = {}
    visits: Annotated[dict[str, VisitKey], TextKeys] = {}
    variables: Annotated[dict[str, VariableKey], TextKeys] = {}
    strata: Annotated[dict[str, str], TextKeys] = {}
    blocks: Annotated[dict[int, BlockEntry] | None, BeforeValidator(_by_number)] = None

    @property
    def codes(self) -> Codes:
        """What codes stand for, by role."""
        return {role: {c.casefold(): key for c, key in getattr(self, name).items()} for role, name in CODED.items()}


def load_mapping(path: Path | str, workbook: Workbook, trial: Trial) -> Mapping:
    """Read a mapping file of a workbook.

    UserError has a line for each key that is unknown, missing or of the wrong type, and for each sheet, range, column or
    name that does not exist.
    """
    known = {"variable": [*trial.outcomes, *trial.markers], "visit": [*trial.visits], "arm": [*trial.every_arm]}
    known |= {"marker": [*trial.markers], "sheet": {sheet.name: sheet for sheet in workbook.sheets}}
    return validate_content(Mapping, read_yaml(path), path, context=known)
