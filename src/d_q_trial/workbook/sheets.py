"""What a workbook consists of once its file is read: sheets, cells, and what is known of them beside their values."""

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
