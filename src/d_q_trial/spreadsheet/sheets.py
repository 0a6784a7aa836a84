"""The content of a workbook once its file is read: sheets, cells, and blocks of cells on a sheet."""

from __future__ import annotations

import datetime
from bisect import bisect_left
from collections.abc import Iterable
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
    """A sheet as a rectangle of values around its used cells.

    ``rows[i][j]`` is the value in row ``row_numbers[i]`` and column ``column_numbers[j]`` of the sheet (from 0);
    an empty cell is ``""``, an error or a formula without a stored value a :class:`Flag`. The other fields refer to rows,
    columns and cells by their position in the rectangle. If ``turned``, the sheet is transposed.
    """

    name: str
    rows: list[list]
    row_numbers: range | list[int]
    column_numbers: range | list[int]
    hidden: bool = False
    turned: bool = False
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)  # first row, column, last row, column
    percent: set[tuple[int, int]] = field(default_factory=set)  # numbers that the program shows as percent
    struck: set[tuple[int, int]] = field(default_factory=set)  # struck-out cells
    names: list[str] = field(default_factory=list)  # of the variables of a statistics file; the header has their labels

    def __post_init__(self) -> None:
        self.height, self.width = len(self.rows), len(self.column_numbers)

    def transpose(self) -> None:
        """Exchange rows and columns; the cells keep their addresses."""
        self.rows = list(map(list, zip(*self.rows, strict=True)))
        self.row_numbers, self.column_numbers = self.column_numbers, self.row_numbers
        self.hidden_rows, self.hidden_columns = self.hidden_columns, self.hidden_rows
        self.merged = [(left, top, right, bottom) for top, left, bottom, right in self.merged]
        self.percent, self.struck = ({(c, r) for r, c in places} for places in (self.percent, self.struck))
        self.turned, self.names = not self.turned, []
        self.height, self.width = self.width, self.height

    def address(self, row: int, column: int) -> str:
        """Return the address of a cell, such as ``C7``."""
        names = self.row_name(self.row_numbers[row]), self.column_name(self.column_numbers[column])
        return "".join(names if self.turned else names[::-1])

    def row_name(self, number: int) -> str:
        """Return the displayed name of a row counted from 0: a number, or the letters of a column if transposed."""
        return get_column_letter(number + 1) if self.turned else str(number + 1)

    def column_name(self, number: int) -> str:
        """Return the displayed name of a column counted from 0: letters, or the number of a row if transposed."""
        return str(number + 1) if self.turned else get_column_letter(number + 1)

    def locate(self, row: int, column: int) -> tuple[int, int]:
        """Return the position in the rectangle that a row and column of the sheet have, or would have if kept."""
        return bisect_left(self.row_numbers, row), bisect_left(self.column_numbers, column)

    def add_merged(self, areas: Iterable[tuple[int, int, int, int]]) -> None:
        """Add the merged areas of the sheet that overlap the rectangle."""
        room = self.height * self.width
        for first_row, first_column, last_row, last_column in areas if room else ():
            top, left = self.locate(first_row, first_column)
            bottom, right = self.locate(last_row + 1, last_column + 1)
            # Areas cannot overlap, so areas beyond the size of the rectangle are damage that would only cost time.
            room -= max(bottom - top, 0) * max(right - left, 0)
            if top < bottom and left < right and room >= 0:
                self.merged.append((top, left, bottom - 1, right - 1))


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
        return [self.sheet.column_name(self.sheet.column_numbers[column]) for column in self.columns]

    @cached_property
    def panel_names(self) -> list[str]:
        """The names of the columns counted from the first of the block, which is A, or 1 if transposed."""
        numbers = [self.sheet.column_numbers[column] for column in self.columns]
        return [self.sheet.column_name(number - numbers[0]) for number in numbers]

    def within(self, other: Block) -> bool:
        """Return whether another block contains all cells of this one."""
        return self.sheet is other.sheet and {*self.rows} <= {*other.rows} and {*self.columns} <= {*other.columns}


def split_blocks(sheet: Sheet) -> list[Block]:
    """Split a sheet at blank rows and columns, in turn, until no block contains one (XY-cut); sort by top, then left."""
    used = np.array([[value != EMPTY for value in row] for row in sheet.rows], dtype=bool)
    used = used.reshape(sheet.height, sheet.width)
    for _, left, bottom, right in sheet.merged:
        # A merged label right above numbers joins the columns that it spans; a title above tables does not.
        below = sheet.rows[bottom + 1][left : right + 1] if bottom + 1 < sheet.height else []
        if any(map(is_number, below)) and not any(type(v) is str and v for v in below):
            used[bottom, left : right + 1] = True
    blocks, pending = [], [(range(sheet.height), range(sheet.width))]
    while pending:
        rows, columns = pending.pop()
        area = used[rows.start : rows.stop, columns.start : columns.stop]
        bands, strips = _runs(area.any(axis=1), rows.start), _runs(area.any(axis=0), columns.start)
        if len(bands) > 1:
            pending += [(band, columns) for band in bands]
        elif len(strips) > 1:
            pending += [(rows, strip) for strip in strips]
        elif bands:
            blocks.append(Block(sheet, list(bands[0]), list(strips[0])))
    return sorted(blocks, key=attrgetter("top", "left"))


def _runs(used: np.ndarray, offset: int) -> list[range]:
    """Return the ranges of consecutive used rows or columns."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], used, [0]]))) + offset
    return [range(start, stop) for start, stop in edges.reshape(-1, 2).tolist()]


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
