"""What a workbook consists of once its file is read: sheets, cells, and the blocks of cells on a sheet."""

from __future__ import annotations

import datetime
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from openpyxl.utils import column_index_from_string, get_column_letter

EMPTY = ""
DATES = (datetime.date, datetime.time, datetime.timedelta)


@dataclass(frozen=True)
class Flag:
    """A cell that holds something other than a value."""

    kind: str  # "error", "formula" (without a stored value) or "unreadable"
    shown: str  # what the user sees there


@dataclass
class SheetFacts:
    """What a file says of a sheet beside the values; rows and columns count from 0."""

    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    filtered: bool = False
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)  # first row, column, last row, column
    percent: set[tuple[int, int]] = field(default_factory=set)  # numbers that the program shows as percent
    struck: set[tuple[int, int]] = field(default_factory=set)  # struck-out cells


@dataclass
class Sheet:
    """A sheet as a rectangle of values around its used cells.

    ``rows[i][j]`` is the value in row ``row_numbers[i]`` and column ``column_numbers[j]`` of the sheet (from 0);
    an empty cell is ``""``, an error or a formula without a stored value a :class:`Flag`.
    """

    name: str
    rows: list[list]
    row_numbers: range | list[int]
    column_numbers: range | list[int]
    facts: SheetFacts = field(default_factory=SheetFacts)
    hidden: bool = False
    comments: list[str] = field(default_factory=list)

    @property
    def height(self) -> int:
        """Number of rows in the rectangle."""
        return len(self.rows)

    @property
    def width(self) -> int:
        """Number of columns in the rectangle."""
        return len(self.column_numbers)

    def address(self, row: int, column: int) -> str:
        """Name of a cell, such as ``C7``."""
        return f"{column_letters(self.column_numbers[column])}{self.row_numbers[row] + 1}"

    @cached_property
    def merged(self) -> list[tuple[int, int, int, int]]:
        """Merged areas that touch the rectangle, in its own coordinates."""
        if not self.facts.merged or not self.rows:
            return []
        areas, room = [], self.height * self.width
        for top, left, bottom, right in self.facts.merged:
            first_row, last_row = _inside(self.row_numbers, top, bottom)
            first_column, last_column = _inside(self.column_numbers, left, right)
            # Areas cannot overlap, so more than the rectangle holds is nonsense that would only cost time.
            room -= max(last_row - first_row + 1, 0) * max(last_column - first_column + 1, 0)
            if first_row <= last_row and first_column <= last_column and room >= 0:
                areas.append((first_row, first_column, last_row, last_column))
        return areas


def _inside(numbers: range | list[int], first: int, last: int) -> tuple[int, int]:
    """Return the first and the last index of ascending numbers that lie between two bounds."""
    return bisect_left(numbers, first), bisect_right(numbers, last) - 1


@dataclass
class Workbook:
    """All worksheets of a file, with its document properties as one text."""

    path: Path
    sheets: list[Sheet]
    properties: str = ""
    modified: str = ""  # day on which it was saved, as it states itself
    skipped: list[str] = field(default_factory=list)  # chart sheets
    remarks: list[str] = field(default_factory=list)  # macros, links and the like


def column_letters(number: int) -> str:
    """Return the letters of a column counted from 0."""
    return get_column_letter(number + 1)


def split_address(address: str) -> tuple[int, int]:
    """Return row and column, counted from 0, of an address such as ``C7``."""
    match = re.fullmatch(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})", address.strip())
    if not match:
        raise ValueError(f"{address!r} is not a cell address")
    return int(match[2]) - 1, column_index_from_string(match[1].upper()) - 1


@dataclass(eq=False)
class Block:
    """A rectangle of a sheet; rows and columns count from 0 within it, ``bottom`` and ``right`` are exclusive.

    ``rows`` may leave out rows of the rectangle (blank ones inside a table). ``transposed`` blocks are read with
    rows and columns exchanged.
    """

    sheet: Sheet
    top: int
    left: int
    bottom: int
    right: int
    transposed: bool = False
    skipped_rows: frozenset[int] = frozenset()
    skipped_columns: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        rows = [r for r in range(self.top, self.bottom) if r not in self.skipped_rows]
        columns = [c for c in range(self.left, self.right) if c not in self.skipped_columns]
        self._rows, self._columns = (columns, rows) if self.transposed else (rows, columns)
        whole = self.left == 0 and self.right == self.sheet.width and not self.skipped_columns
        if self.transposed:
            self.values = [[self.sheet.rows[r][c] for r in rows] for c in columns]
        elif whole:
            self.values = [self.sheet.rows[r] for r in rows]
        elif not self.skipped_columns:
            self.values = [self.sheet.rows[r][self.left : self.right] for r in rows]
        else:
            self.values = [[self.sheet.rows[r][c] for c in columns] for r in rows]

    @property
    def height(self) -> int:
        """Number of rows as read."""
        return len(self._rows)

    @property
    def width(self) -> int:
        """Number of columns as read."""
        return len(self._columns)

    def column(self, index: int) -> list:
        """Return all values of a column."""
        return [row[index] for row in self.values]

    def place(self, row: int, column: int) -> tuple[int, int]:
        """Return a cell's row and column in the sheet's rectangle."""
        r, c = self._rows[row], self._columns[column]
        return (c, r) if self.transposed else (r, c)

    def address(self, row: int, column: int) -> str:
        """Return a cell's name, such as ``C7``."""
        return self.sheet.address(*self.place(row, column))

    @property
    def range(self) -> str:
        """Name of the whole rectangle, such as ``A1:K61``."""
        first = self.sheet.address(self.top, self.left)
        return f"{first}:{self.sheet.address(self.bottom - 1, self.right - 1)}"

    def turned(self) -> Block:
        """Return the block with rows and columns exchanged."""
        return Block(
            self.sheet,
            self.top,
            self.left,
            self.bottom,
            self.right,
            not self.transposed,
            self.skipped_rows,
            self.skipped_columns,
        )


def split(sheet: Sheet) -> list[Block]:
    """Return the blocks of a sheet, from top to bottom and left to right.

    Blank rows and columns cut, in turn, until no rectangle has one inside; an XY-cut. Cutting is deliberately
    eager: which pieces belong together (a table with a blank row between its arms) is for the reader of the headers.
    """
    for row in sheet.rows if sheet.height * sheet.width < 1_000_000 else ():
        for index, value in enumerate(row):
            if type(value) is str and value and not value.strip():
                row[index] = EMPTY
    blocks = [
        Block(sheet, top, left, bottom, right)
        for top, left, bottom, right in _cut(sheet.rows, 0, 0, sheet.height, sheet.width, _bridges(sheet))
    ]
    return sorted(blocks, key=lambda block: (block.top, block.left))


def _bridges(sheet: Sheet) -> list[tuple[int, range]]:
    """Return merged labels that stand right above numbers: they hold together columns that are blank below.

    A merged title above several tables, or a label above other labels, holds nothing together.
    """
    bridges = []
    for _, left, bottom, right in sheet.merged:
        if right > left and bottom + 1 < sheet.height:
            below = sheet.rows[bottom + 1][left : right + 1]
            if any(type(v) in (float, int) for v in below) and not any(type(v) is str and v for v in below):
                bridges.append((bottom, range(left, right + 1)))
    return bridges


def _cut(rows: list[list], top: int, left: int, bottom: int, right: int, bridges: list, depth: int = 0):
    """Yield the rectangles inside one, cut at blank rows and, where there are none, at blank columns."""
    if depth > 200:
        yield top, left, bottom, right
        return
    bands = _runs(_used_rows(rows, top, left, bottom, right), top)
    if not bands:
        return
    if len(bands) > 1:
        for first, last in bands:
            yield from _cut(rows, first, left, last, right, bridges, depth + 1)
        return
    top, bottom = bands[0]
    used = _used_columns(rows, top, left, bottom, right)
    for row, columns in bridges:
        if top <= row < bottom:
            for column in columns:
                if left <= column < right:
                    used[column - left] = True
    strips = _runs(used, left)
    if len(strips) == 1:
        yield top, strips[0][0], bottom, strips[0][1]
        return
    for first, last in strips:
        yield from _cut(rows, top, first, bottom, last, bridges, depth + 1)


def _used_rows(rows: list[list], top: int, left: int, bottom: int, right: int) -> list[bool]:
    whole = left == 0 and rows and right == len(rows[top])
    width = right - left
    return [(row if whole else row[left:right]).count(EMPTY) < width for row in rows[top:bottom]]


def _used_columns(rows: list[list], top: int, left: int, bottom: int, right: int) -> list[bool]:
    used = [False] * (right - left)
    pending = list(range(right - left))
    for row in rows[top:bottom]:
        if not pending:
            break
        still = [index for index in pending if row[left + index] == EMPTY]
        if len(still) < len(pending):
            for index in set(pending) - set(still):
                used[index] = True
            pending = still
    return used


def _runs(used: list[bool], offset: int) -> list[tuple[int, int]]:
    """Return first and last (exclusive) of each run of used rows or columns."""
    runs, start = [], None
    for index, flag in enumerate(used):
        if flag and start is None:
            start = index
        elif not flag and start is not None:
            runs.append((start + offset, index + offset))
            start = None
    if start is not None:
        runs.append((start + offset, len(used) + offset))
    return runs
