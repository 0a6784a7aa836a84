"""What is to be read from a block: the common language of recognition, mapping file and reader."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..participants import TRIAL, VALUE
from .blocks import Block
from .headers import Header

DATA, PARTICIPANT, ARM, VISIT, VARIABLE, STRATUM, UNIT, IGNORE = (
    "data",
    "participant",
    "arm",
    "visit",
    "variable",
    "stratum",
    "unit",
    "ignore",
)
PARTICIPANTS, LONG, GROUPS = "participants", "long", "groups"
READABLE = (PARTICIPANTS, LONG, GROUPS)
MAPPED = "mapping"  # the evidence for what a mapping file says
CERTAIN, INFERRED, UNSURE = "certain", "inferred", "unsure"


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
    partner: int | None = None  # the id column that goes with this one, where a block has several
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

    @property
    def readable(self) -> bool:
        """Whether values are taken from the block."""
        return self.kind in READABLE and not self.unread
