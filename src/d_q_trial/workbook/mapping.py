"""The mapping: which cell is what. Recognition proposes it, a mapping file states it, and values are read through it alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..errors import UserError, nearest
from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..trial import Trial
from .faults import shown
from .layout import Header
from .numbers import Policy
from .sheets import Block, Sheet, Workbook, split_address

ROLES = ("data", "participant", "arm", "visit", "variable", "stratum", "unit", "ignore")
DATA, PARTICIPANT, ARM, VISIT, VARIABLE, STRATUM, UNIT, IGNORE = ROLES
NAMED = ("variable", "visit", "arm", "marker")  # what the trial has to know
PARTICIPANTS, LONG, GROUPS = "participants", "long", "groups"
READABLE = (PARTICIPANTS, LONG, GROUPS)
MAPPED = "mapping"  # the evidence for what a mapping file says
CERTAIN, INFERRED, UNSURE = "certain", "inferred", "unsure"


@dataclass
class Codes:
    """Meaning of codes, in lower case, from legends and the mapping file."""

    arms: dict[str, str] = field(default_factory=dict)
    visits: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    strata: dict[str, str] = field(default_factory=dict)


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


@dataclass
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

    @property
    def readable(self) -> bool:
        """Whether values are taken from the block."""
        return self.kind in READABLE and not self.unread


OPEN = "?"  # what the analyst has to fill in


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_entry(value: object) -> object:
    """Let a column be written as one word: ``ignore``, or its role."""
    if value == IGNORE or value is None:
        return {"is": IGNORE}
    return {"is": value} if isinstance(value, str) else value


def _code(value: object) -> str:
    """Return a code as written in a cell; YAML reads 0, 1.0, yes and no as other things than text."""
    if value is True or value is False:
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


class _Said(_Strict):
    """What a column, or a whole block, may say of its values."""

    variable: str | None = None
    visit: str | None = None
    arm: str | None = None
    stratum: str | None = None
    marker: str | None = None
    measure: Literal["value", "percent_change", "percent_of_baseline"] | None = None


class ColumnEntry(_Said):
    """A column, or a row where participants stand in columns."""

    role: Literal[ROLES] | None = Field(default=None, alias="is")  # type: ignore[valid-type]
    unit: str | None = None
    factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class BlockEntry(_Said):
    """A rectangle of a sheet."""

    sheet: str
    range: str
    header: Annotated[int, Field(ge=0)] = 1
    participants: Literal["rows", "columns"] = "rows"
    kind: Literal["participants", "long", "groups"] | None = None
    cohort: Literal["trial", "population"] = "trial"
    columns: dict[str, Annotated[ColumnEntry, BeforeValidator(_as_entry)]]


class Mapping(_Strict):
    """The whole file."""

    workbook: str | None = None
    below_detection: Literal["missing", "limit", "half", "lowest"] = "missing"
    decimal_comma: bool = False
    error_cells: Literal["fault", "missing"] = "fault"
    hidden_rows: Literal["read", "ignore"] = "read"
    struck_out: Literal["read", "missing"] = "read"
    missing: list[Annotated[str, BeforeValidator(_code)]] = []
    arms: dict[str, str] = {}
    visits: dict[str, str] = {}
    variables: dict[str, str] = {}
    strata: dict[str, str] = {}
    blocks: Annotated[list[BlockEntry], Field(min_length=1)]

    @property
    def policy(self) -> Policy:
        """How cells that are not plain numbers are read."""
        return Policy(
            self.below_detection,
            self.decimal_comma,
            self.error_cells,
            frozenset(code.strip().casefold() for code in self.missing),
            self.hidden_rows,
            self.struck_out,
        )


def load_mapping(path: Path | str) -> Mapping:
    """Read a mapping file.

    Raises
    ------
    UserError
        With a line for each key that is unknown, missing or of the wrong type.
    """
    import yaml

    try:
        content = yaml.load(
            Path(path).read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        )
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected the key 'blocks' at the top level; 'inspect' writes a mapping to start from")
    for key in ("arms", "visits", "variables", "strata"):
        if isinstance(content.get(key), dict):
            content[key] = {_code(code): value for code, value in content[key].items()}
    for block in content.get("blocks") or []:
        if isinstance(block, dict) and isinstance(block.get("columns"), dict):
            block["columns"] = {_place(name): entry for name, entry in block["columns"].items()}
    if "blocks" in content and not content["blocks"]:
        raise UserError(f"{path}: blocks: no block is listed; expected at least one, with sheet, range and columns")
    try:
        return Mapping.model_validate(content)
    except ValidationError as error:
        lines = [_describe(fault) for fault in error.errors()]
        raise UserError("\n  ".join([f"{path}: {len(lines)} fault{'s' * (len(lines) > 1)}", *lines])) from None


def _place(name: object) -> str:
    """Return the name of a column; unquoted ON and NO are truth values to YAML."""
    return {True: "ON", False: "NO"}[name] if isinstance(name, bool) else str(name)


def _describe(fault) -> str:
    where = ".".join(str(part) for part in fault["loc"] if not str(part).startswith("function-"))
    if fault["type"] == "extra_forbidden":
        model = ColumnEntry if "columns" in fault["loc"] else BlockEntry if "blocks" in fault["loc"] else Mapping
        known = {field.alias or name for name, field in model.model_fields.items()}
        return f"{where}: unknown key{nearest(str(fault['loc'][-1]), known)}"
    if fault["type"] == "missing":
        return f"{where}: this key is missing"
    return f"{where}: {shown(fault['input'])}: {fault['msg'].replace('Input should be', 'expected')}"


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

    def check(self, kind: str, value: str | None, where: str) -> None:
        if value is None or value in self.known[kind]:
            return
        if value == OPEN:
            self.faults.append(f"{where}: to be filled in: {kind}, one of {', '.join(self.known[kind][:8])}, ...")
            return
        article = "an" if kind == "arm" else "a"
        close = nearest(value, self.known[kind])
        self.faults.append(f"{where}: {value!r} is not {article} {kind} of the trial{close}")


def plans_of(mapping: Mapping, workbook: Workbook, trial: Trial, path: Path | str) -> tuple[list[Plan], Codes]:
    """Turn a mapping into plans.

    Raises
    ------
    UserError
        With a line for each sheet, range, column or name that does not exist.
    """
    names = _Names(trial)
    for kind, codes in (("arm", mapping.arms), ("visit", mapping.visits), ("variable", mapping.variables)):
        for code, key in codes.items():
            if key != IGNORE:
                names.check(kind, key, f"{kind}s.{code}")
    sheets = {sheet.name: sheet for sheet in workbook.sheets}
    plans = []
    for number, entry in enumerate(mapping.blocks, start=1):
        where = f"blocks[{number}]"
        sheet = sheets.get(entry.sheet)
        if sheet is None:
            names.faults.append(f"{where}.sheet: no sheet is called {entry.sheet!r}{nearest(entry.sheet, sheets)}")
            continue
        block = _block(sheet, entry, where, names)
        if block is not None:
            plans.append(_plan(block, entry, where, names))
    if names.faults:
        count = len(names.faults)
        raise UserError("\n  ".join([f"{path}: {count} fault{'s' * (count > 1)}", *names.faults]))
    spelt = (mapping.arms, mapping.visits, mapping.variables, mapping.strata)
    return plans, Codes(*({code.casefold(): key for code, key in codes.items()} for codes in spelt))


def _block(sheet: Sheet, entry: BlockEntry, where: str, names: _Names) -> Block | None:
    first, _, last = entry.range.partition(":")
    try:
        (top, left), (bottom, right) = split_address(first), split_address(last or first)
    except ValueError:
        names.faults.append(f"{where}.range: {entry.range!r} is not a range such as A1:K61")
        return None
    rows = [i for i, number in enumerate(sheet.row_numbers) if top <= number <= bottom]
    columns = [i for i, number in enumerate(sheet.column_numbers) if left <= number <= right]
    if not rows or not columns:
        names.faults.append(f"{where}.range: {entry.range!r} holds no cells on sheet {entry.sheet!r}")
        return None
    block = Block(sheet, rows, columns)
    return block.turned() if entry.participants == "columns" else block


def _plan(block: Block, entry: BlockEntry, where: str, names: _Names) -> Plan:
    header = Header(rows=list(range(entry.header)), first_data=entry.header)
    header.labels = [[] for _ in range(block.width)]
    for row in header.rows:
        for index, value in enumerate(block.values[row] if row < block.height else []):
            if value != "":
                header.labels[index].append(" ".join(str(value).split()))
    plan = Plan(block, "unknown", header, cohort=entry.cohort, evidence=MAPPED)
    for name in NAMED:
        names.check(name, getattr(entry, name), f"{where}.{name}")
        setattr(plan, name, getattr(entry, name))
    plan.stratum, plan.measure = entry.stratum, entry.measure
    plan.columns = [Column(index, header.text(index), why="not in the mapping") for index in range(block.width)]
    places = {_name_of(block, index): index for index in range(block.width)}
    for name, column in entry.columns.items():
        index = places.get(name.upper())
        if index is None:
            names.faults.append(f"{where}.columns.{name}: not inside the range {entry.range}")
            continue
        _fill(plan.columns[index], column, f"{where}.columns.{name}", names)
    plan.kind = _kind(plan, entry)
    return plan


def _name_of(block: Block, index: int) -> str:
    """Return the letter of a column, or the number of a row where participants stand in columns."""
    row, column = block.place(0, index)
    address = block.sheet.address(row, column)
    letters = "".join(c for c in address if c.isalpha())
    return address[len(letters) :] if block.transposed else letters


def _fill(column: Column, entry: ColumnEntry, where: str, names: _Names) -> None:
    for name in NAMED:
        names.check(name, getattr(entry, name), f"{where}.{name}")
        setattr(column, name, getattr(entry, name))
    column.role = entry.role or DATA
    column.stratum, column.unit, column.factor = entry.stratum, entry.unit, entry.factor
    column.measure = entry.measure or VALUE
    column.why = ""
    if column.role == IGNORE:
        column.why = "ignored by the mapping"


def _kind(plan: Plan, entry: BlockEntry) -> str:
    if entry.kind:
        return entry.kind
    if plan.one("participant"):
        return LONG if plan.one("visit") or plan.one("variable") else PARTICIPANTS
    if entry.cohort == "population":
        return PARTICIPANTS
    data = plan.having(DATA)
    raw = {(c.variable, c.visit) for c in data if c.measure == VALUE and plan.measure != PERCENT_CHANGE and not c.arm}
    return PARTICIPANTS if plan.one("arm") and len(raw) > 1 else GROUPS
