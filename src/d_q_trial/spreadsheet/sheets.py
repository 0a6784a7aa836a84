"""The content of a workbook once its file is read: sheets, cells, and blocks of cells on a sheet."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from pathlib import Path

import numpy as np
from openpyxl.utils import get_column_letter

EMPTY = ""
DATES = (datetime.date, datetime.time, datetime.timedelta)


@dataclass(frozen=True)
class Flag:
    """A cell that holds something other than a value."""

    kind: str  # "error cell" or "formula" (without a stored value)
    shown: str  # what the user sees there


def is_number(value: object) -> bool:
    """Return whether a cell holds a number, not a number as text or a boolean."""
    return type(value) in (float, int)


@dataclass
class Sheet:
    """A sheet as a rectangle of values from its first cell to the last used row and column.

    An empty cell is ``""``, an error or a formula without a stored value a :class:`Flag`. Rows and columns count from 0. If
    ``turned``, the sheet is transposed.
    """

    name: str
    rows: list[list]
    hidden: bool = False
    turned: bool = False
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)  # first row, column, last row, column
    percent: set[tuple[int, int]] = field(default_factory=set)  # numbers that the program shows as percent
    struck: set[tuple[int, int]] = field(default_factory=set)  # struck-out cells
    names: list[str] = field(default_factory=list)  # of the variables of a statistics file; the header has their labels

    def __post_init__(self) -> None:
        self.height, self.width = len(self.rows), len(self.rows[0]) if self.rows else 0

    def transpose(self) -> None:
        """Exchange rows and columns; the cells keep their addresses."""
        self.rows = list(map(list, zip(*self.rows, strict=True)))
        self.hidden_rows, self.hidden_columns = self.hidden_columns, self.hidden_rows
        self.merged = [(left, top, right, bottom) for top, left, bottom, right in self.merged]
        self.percent, self.struck = ({(c, r) for r, c in places} for places in (self.percent, self.struck))
        self.turned, self.names = not self.turned, []
        self.height, self.width = self.width, self.height

    def address(self, row: int, column: int) -> str:
        """Return the address of a cell, such as ``C7``."""
        names = self.row_name(row), self.column_name(column)
        return "".join(names if self.turned else names[::-1])

    def row_name(self, row: int) -> str:
        """Return the displayed name of a row: a number, or the letters of a column if transposed."""
        return get_column_letter(row + 1) if self.turned else str(row + 1)

    def column_name(self, column: int) -> str:
        """Return the displayed name of a column: letters, or the number of a row if transposed."""
        return str(column + 1) if self.turned else get_column_letter(column + 1)


@dataclass
class Workbook:
    """All worksheets of a file, with its document properties as one text."""

    path: Path
    sheets: list[Sheet]
    properties: str = ""
    modified: str = ""  # day on which it was last saved, by its properties
    remarks: list[str] = field(default_factory=list)  # macros, links and the like


@dataclass(eq=False)
class Block:
    """Some rows and columns of a sheet, by index in its rectangle; ``bottom`` and ``right`` are one past the last."""

    sheet: Sheet
    rows: list[int]
    columns: list[int]

    def __post_init__(self) -> None:
        self.top, self.bottom = self.rows[0], self.rows[-1] + 1
        self.left, self.right = self.columns[0], self.columns[-1] + 1
        self.values = [[row[column] for column in self.columns] for row in map(self.sheet.rows.__getitem__, self.rows)]
        self.height, self.width = len(self.values), len(self.values[0])

    def place(self, row: int, column: int) -> tuple[int, int]:
        """Return the row and column of a cell in the rectangle of the sheet."""
        return self.rows[row], self.columns[column]

    def address(self, row: int, column: int) -> str:
        """Return the address of a cell, such as ``C7``."""
        return self.sheet.address(*self.place(row, column))

    @property
    def range(self) -> str:
        """The range of the block, such as ``A1:K61``."""
        return f"{self.sheet.address(self.top, self.left)}:{self.sheet.address(self.rows[-1], self.columns[-1])}"

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns on the sheet."""
        return [*map(self.sheet.column_name, self.columns)]

    @cached_property
    def panel_names(self) -> list[str]:
        """The names of the columns counted from the first of the block, which is A, or 1 if transposed."""
        return [*map(self.sheet.column_name, range(self.width))]


def split_blocks(sheet: Sheet) -> list[Block]:
    """Split a sheet into the rectangles around touching cells; sort by top, then left."""
    from scipy import ndimage  # here, since the process that opens a file does not need it

    shape = sheet.height, sheet.width
    used = np.array([[value != EMPTY for value in row] for row in sheet.rows], dtype=bool).reshape(shape)
    for _, left, bottom, right in sheet.merged:
        # A merged label right above numbers joins the columns that it spans; a title above tables does not.
        below = sheet.rows[bottom + 1][left : right + 1] if bottom + 1 < sheet.height else []
        if any(map(is_number, below)) and not any(type(v) is str and v for v in below):
            used[bottom, left : right + 1] = True
    areas, count, previous = [], 0, -1
    while count != previous and used.size:  # until the rectangles around the parts do not touch
        previous, (labels, count) = count, ndimage.label(used, np.ones((3, 3)))
        areas = ndimage.find_objects(labels)
        for area in areas:
            used[area] = True
    blocks = [Block(sheet, [*range(r.start, r.stop)], [*range(c.start, c.stop)]) for r, c in areas]
    return sorted(blocks, key=attrgetter("top", "left"))


def format_cell(value: object) -> str:
    """Return the content of a cell for a message: short, on one line, text in quotes."""
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    return str(int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value)


def make_printable(text: object) -> str:
    """Return text on one line; a cell's content must not move the cursor, colour the terminal or spoil the page."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def join_first(names: list[str], most: int, mark: str = ", ") -> str:
    """Join the first names of a list and state how many more there are."""
    return mark.join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
