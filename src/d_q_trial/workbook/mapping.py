"""The mapping: which cell is what. Recognition proposes it, a mapping file states it, and values are read through it alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError

from ..config.types import Strict
from ..config.yaml_files import faults_of, faulty, read_yaml
from ..errors import UserError, nearest
from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..trial import Trial
from .layout import Header
from .sheets import Block, Sheet, Workbook, column_letters, split_address

ROLES = ("data", "participant", "arm", "visit", "variable", "stratum", "unit", "ignore")
DATA, PARTICIPANT, ARM, VISIT, VARIABLE, STRATUM, UNIT, IGNORE = ROLES
NAMED = ("variable", "visit", "arm", "marker")  # what the trial has to know
SAID = (*NAMED, "stratum", "measure")  # what a column, or its whole block, may say of the values
PARTICIPANTS, LONG, GROUPS = "participants", "long", "groups"
READABLE = (PARTICIPANTS, LONG, GROUPS)
MAPPED = "mapping"  # the evidence for what a mapping file says
CERTAIN, INFERRED, UNSURE = "certain", "inferred", "unsure"
OPEN = "?"  # what the analyst has to fill in
_WITH_ROLE = re.compile(r"(?:group|arm|treatment|trt|cohort|sequence|visit|time ?point)[\s_:#.\-]*(\w{1,4})", re.I)


def short_code(text: str) -> str:
    """Return a code in lower case, without a word for its role: ``A`` and ``Group A`` are the same."""
    match = _WITH_ROLE.fullmatch(text.strip())
    return (match[1] if match else text.strip()).casefold()


@dataclass
class Codes:
    """Meaning of codes, in lower case, from legends and the mapping file."""

    arms: dict[str, str] = field(default_factory=dict)
    visits: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    strata: dict[str, str] = field(default_factory=dict)

    def find(self, kind: str, text: str) -> str | None:
        """Return what a cell with a code means; ``kind`` is the name of an attribute."""
        known = getattr(self, kind)
        return known.get(text.casefold()) or known.get(short_code(text))


@dataclass
class Column:
    """A column of a block: the role it plays, and what it says of the values in it."""

    index: int
    label: str = ""
    role: str = IGNORE
    variable: str | None = None
    visit: str | None = None
    arm: str | None = None
    stratum: str | None = None
    marker: str | None = None
    measure: str = VALUE
    unit: str | None = None
    factor: float = 1.0
    confidence: str = CERTAIN
    why: str = ""
    candidates: tuple[str, ...] = ()  # variables that an unsure column could hold
    asked: bool = False  # whether the analyst has to say what it holds


@dataclass(eq=False)
class Plan:
    """A block with the meaning of its columns; what it says as a whole stands in for what columns do not say."""

    block: Block
    kind: str
    header: Header
    columns: list[Column] = field(default_factory=list)
    cohort: str = TRIAL
    variable: str | None = None
    visit: str | None = None
    arm: str | None = None
    stratum: str | None = None
    marker: str | None = None
    measure: str | None = None
    evidence: str = ""
    unread: str = ""  # why nothing is taken from a block that could be read

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

    def having(self, role: str) -> list[Column]:
        """Return the columns with a role."""
        return [column for column in self.columns if column.role == role]

    def one(self, role: str) -> Column | None:
        """Return the first column with a role."""
        return next((column for column in self.columns if column.role == role), None)

    def place(self, position: int, column: Column) -> dict[str, str]:
        """Return sheet and cell of a data row's value, as faults state them."""
        return {"sheet": self.sheet, "cell": self.block.address(self.header.first_data + position, column.index)}

    def head_of(self, column: Column) -> dict[str, str]:
        """Return sheet, cell and label of a column, as faults state them."""
        row = self.header.rows[-1] if self.header.rows else self.header.first_data
        row = min(row, self.block.height - 1)
        return {"sheet": self.sheet, "cell": self.block.address(row, column.index), "value": column.label}

    def whole(self) -> dict[str, str]:
        """Return sheet and range of the block, as faults state them."""
        return {"sheet": self.sheet, "cell": self.block.range}


def _as_entry(value: object) -> object:
    """Let a column be written as one word: ``ignore``, or its role."""
    return {"is": value or IGNORE} if isinstance(value, str | None) else value


def _code(value: object) -> str:
    """Return a code as written in a cell; YAML reads 0, 1.0, yes and no as other things than text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _with_text_keys(name: Any) -> Any:
    """Make the keys of a section text, as the cells show them."""
    return {_code(key): value for key, value in name.items()} if isinstance(name, dict) else name


def _with_letters(columns: Any) -> Any:
    """Make the keys of ``columns`` text; unquoted ON and NO are truth values to YAML."""
    names = {True: "ON", False: "NO"}
    if not isinstance(columns, dict):
        return columns
    return {names[key] if isinstance(key, bool) else str(key): entry for key, entry in columns.items()}


CodeSection = Annotated[dict[str, str], BeforeValidator(_with_text_keys)]


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
    kind: Literal["participants", "long", "groups"] | None = None
    cohort: Literal["trial", "population"] = "trial"
    columns: Annotated[dict[str, Annotated[ColumnEntry, BeforeValidator(_as_entry)]], BeforeValidator(_with_letters)]


class Policy(Strict):
    """What to do with cells that are not plain numbers."""

    below_detection: Literal["missing", "limit", "half", "lowest"] = "missing"
    decimal_comma: bool = False
    error_cells: Literal["fault", "missing"] = "fault"
    hidden_rows: Literal["read", "ignore"] = "read"
    struck_out: Literal["read", "missing"] = "read"
    missing: list[Annotated[str, BeforeValidator(_code)]] = []


class Mapping(Policy):
    """The whole file."""

    workbook: str | None = None
    arms: CodeSection = {}
    visits: CodeSection = {}
    variables: CodeSection = {}
    strata: CodeSection = {}
    blocks: Annotated[list[BlockEntry], BeforeValidator(lambda value: value or [])] = []

    @property
    def entries(self) -> Iterator[tuple[str, BlockEntry]]:
        """Each block with its place in the file; a block of panels gives one for each of them."""
        for number, block in enumerate(self.blocks, start=1):
            if not block.panels:
                yield f"blocks[{number}]", block
            for place, panel in block.panels.items():
                sheet, _, area = place.rpartition("!")
                yield (
                    f"blocks[{number}].panels.{place}",
                    block.model_copy(update={"sheet": sheet, "range": area, **panel.said}),
                )


def load_mapping(path: Path | str) -> Mapping:
    """Read a mapping file.

    Raises
    ------
    UserError
        With a line for each key that is unknown, missing or of the wrong type.
    """
    content = read_yaml(path)
    try:
        mapping = Mapping.model_validate(content)
    except ValidationError as error:
        lines = [re.sub(r"^blocks\.(\d+)", lambda m: f"blocks[{int(m[1]) + 1}]", f) for f in faults_of(error, Mapping)]
        raise faulty(path, lines) from None
    if not mapping.blocks:
        raise UserError(f"{path}: blocks: no block is listed; expected at least one, with sheet, range and columns")
    return mapping


class _Names:
    """Check the names that a mapping uses against the trial, and collect what is wrong."""

    def __init__(self, trial: Trial) -> None:
        arms = [trial.arms.treated, trial.arms.control, *trial.arms.others]
        self.known = {
            "variable": [*trial.outcomes, *trial.markers],
            "visit": list(trial.visits),
            "arm": [arm.key for arm in arms],
            "marker": list(trial.markers),
        }
        self.faults: list[str] = []

    def check(self, kind: str, value: str, where: str) -> None:
        known = self.known[kind]
        if value == OPEN:
            self.faults.append(f"{where}: to be filled in: {kind}, one of {', '.join(known[:8])}, ...")
        elif value not in known:
            article = "an" if kind == "arm" else "a"
            self.faults.append(f"{where}: {value!r} is not {article} {kind} of the trial{nearest(value, known)}")

    def check_said(self, entry: Statement, where: str) -> None:
        for kind in set(NAMED) & entry.said.keys():
            self.check(kind, entry.said[kind], f"{where}.{kind}")


def plans_of(mapping: Mapping, workbook: Workbook, trial: Trial, path: Path | str) -> tuple[list[Plan], Codes]:
    """Turn a mapping into plans.

    Raises
    ------
    UserError
        With a line for each sheet, range, column or name that does not exist.
    """
    names = _Names(trial)
    for kind in ("arm", "visit", "variable"):
        for code, key in getattr(mapping, f"{kind}s").items():
            if key != IGNORE:
                names.check(kind, key, f"{kind}s.{code}")
    sheets = {sheet.name: sheet for sheet in workbook.sheets}
    plans = []
    for where, entry in mapping.entries:
        sheet = sheets.get(entry.sheet)
        if lacking := [key for key in ("sheet", "range") if not getattr(entry, key)]:
            names.faults += [f"{where}.{key}: this key is missing" for key in lacking]
        elif sheet is None:
            names.faults.append(f"{where}.sheet: no sheet is called {entry.sheet!r}{nearest(entry.sheet, sheets)}")
        elif block := _block(sheet, entry, where, names.faults):
            plans.append(_plan(block, entry, where, names))
    if names.faults:
        raise faulty(path, list(dict.fromkeys(names.faults)))
    spelt = (mapping.arms, mapping.visits, mapping.variables, mapping.strata)
    return plans, Codes(*({code.casefold(): key for code, key in codes.items()} for codes in spelt))


def _block(sheet: Sheet, entry: BlockEntry, where: str, faults: list[str]) -> Block | None:
    first, _, last = entry.range.partition(":")
    try:
        (top, left), (bottom, right) = split_address(first), split_address(last or first)
    except ValueError:
        faults.append(f"{where}.range: {entry.range!r} is not a range such as A1:K61")
        return None
    rows = [i for i, number in enumerate(sheet.row_numbers) if top <= number <= bottom]
    columns = [i for i, number in enumerate(sheet.column_numbers) if left <= number <= right]
    if not rows or not columns:
        faults.append(f"{where}.range: {entry.range!r} holds no cells on sheet {entry.sheet!r}")
        return None
    block = Block(sheet, rows, columns)
    return block.turned() if entry.participants == "columns" else block


def _plan(block: Block, entry: BlockEntry, where: str, names: _Names) -> Plan:
    header = Header(rows=list(range(entry.header)), first_data=entry.header)
    header.labels = [[] for _ in range(block.width)]
    for row in block.values[: entry.header]:
        for index, value in enumerate(row):
            if value != "":
                header.labels[index].append(" ".join(str(value).split()))
    names.check_said(entry, where)
    plan = Plan(block, "unknown", header, cohort=entry.cohort, evidence=MAPPED, **entry.said)
    plan.columns = [Column(index, header.text(index), why="not in the mapping") for index in range(block.width)]
    places = {column_name(block, index, relative=bool(entry.panels)): index for index in range(block.width)}
    for name, column in entry.columns.items():
        index = places.get(name.upper())
        if index is None:
            names.faults.append(f"{where}.columns.{name}: not inside the range {entry.range}")
            continue
        names.check_said(column, f"{where}.columns.{name}")
        role = column.role or DATA
        more = {"why": "ignored by the mapping"} if role == IGNORE else {}
        plan.columns[index] = Column(
            index, header.text(index), role, unit=column.unit, factor=column.factor, **column.said, **more
        )
    plan.kind = entry.kind or _kind(plan)
    return plan


def column_name(block: Block, index: int, *, relative: bool = False) -> str:
    """Return the letter of a column, or the number of a row where participants stand in columns.

    Where they are ``relative``, as in panels, A or 1 is the first one of the block.
    """
    row, column = block.place(0, index)
    numbers, place, first = block.sheet.column_numbers, column, block.left
    if block.transposed:
        numbers, place, first = block.sheet.row_numbers, row, block.top
    number = numbers[place] - (numbers[first] if relative else 0)
    return str(number + 1) if block.transposed else column_letters(number)


def _kind(plan: Plan) -> str:
    if plan.one(PARTICIPANT):
        return LONG if plan.one(VISIT) or plan.one(VARIABLE) else PARTICIPANTS
    if plan.cohort != TRIAL:
        return PARTICIPANTS
    data = [c for c in plan.having(DATA) if c.measure == VALUE and plan.measure != PERCENT_CHANGE and not c.arm]
    return PARTICIPANTS if plan.one(ARM) and len({(c.variable, c.visit) for c in data}) > 1 else GROUPS
