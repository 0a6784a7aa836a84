"""Read a sheet by parsing it, cell by cell: slower than calamine, but right whatever the way it is written.

Needed for sheets in an unusual form, for cells that calamine refuses, and for cells far apart: calamine lays a sheet
out as a dense rectangle, which a stray cell in the last row and column would turn into gigabytes.
"""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass
from xml.etree import ElementTree

from ..errors import UserError
from .cells import EMPTY, Flag, Sheet, SheetFacts, column_letters, column_number
from .package import TRUE, Package, date_styles, local, plain_text, shared_strings
from .scan import merged_area

MOST_CELLS = 300_000  # more take longer than a user waits; no table of participants in an unusual form is so large
LARGE = 8_000_000  # a rectangle of more cells is laid out without most of the blank space in it

_ROW_DEPTH = 3  # worksheet, sheetData, row
_ADDRESS = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?|nan", re.I)


@dataclass
class Careful:
    """Reads sheets of one workbook; its shared texts and styles are read once, when first needed."""

    package: Package
    _strings: list[str] | None = None
    _dates: set[int] | None = None

    def read(self, name: str, cells: int) -> Sheet:
        """Read one sheet.

        Parameters
        ----------
        name : str
            Name of the sheet.
        cells : int
            Number of its cells, blank formatted ones included.

        Raises
        ------
        UserError
            If the sheet is missing, or larger than can be parsed in time. The message does not name the file.
        """
        part = self.package.sheets[name].part
        if part is None:
            raise UserError(f"sheet {name[:60]!r} is not in the file: damaged; copy or download it again")
        if cells > MOST_CELLS:
            raise UserError(
                f"sheet {name[:60]!r} has {cells:,} cells written in an unusual form or lying far apart, too many to be "
                "read; delete what does not belong to the table, and save it again with a spreadsheet program"
            )
        found: dict[tuple[int, int], object] = {}
        facts = SheetFacts()
        row, column, depth = 0, -1, 0
        with self.package.archive.open(part) as stream:
            namespace = None
            for event, element in ElementTree.iterparse(stream, ("start", "end")):
                depth += 1 if event == "start" else -1
                if namespace is None:
                    namespace = element.tag[: -len(local(element.tag))]
                if not element.tag.startswith(namespace) or "}" in element.tag[len(namespace) :]:
                    continue  # an extension
                tag = element.tag[len(namespace) :]
                if event == "start":
                    if tag == "row" and depth == _ROW_DEPTH:
                        row, column = _number(element.get("r"), row + 1), -1
                    continue
                if tag == "c" and depth == _ROW_DEPTH:
                    row_here, column = _place(element.get("r"), max(row, 1), column + 1)
                    place = row_here - 1, column
                    value = self._value(element, namespace)
                    if value is None:
                        address = f"{column_letters(column)}{row_here}"
                        raise UserError(
                            f"sheet {name[:60]!r}, cell {address}: its text is not among the file's texts: damaged; copy "
                            "or download it again"
                        )
                    if found.get(place, value) != value:
                        value = Flag("unreadable", f"{_shown(found[place])} and {_shown(value)}")
                    if isinstance(value, Flag):
                        facts.flag(*place, value)
                    if value != EMPTY:
                        found[place] = value
                elif tag == "row":
                    if element.get("hidden") in TRUE:
                        facts.hidden_rows.append(row - 1)
                    element.clear()
                else:
                    _learn(element, tag, facts)
        return _laid_out(name, found, facts)

    def _value(self, element, namespace: str) -> object:
        """Return what a cell holds; None if it refers to a text that is not there."""
        kind = element.get("t", "n")
        if kind == "inlineStr":
            text = element.find(f"{namespace}is")
            return EMPTY if text is None else plain_text(text)
        stored, *others = element.findall(f"{namespace}v") or [None]
        if others:
            return Flag("unreadable", " and ".join("".join(v.itertext()) for v in (stored, *others)))
        formula = element.find(f"{namespace}f")
        content = "" if stored is None else "".join(stored.itertext())
        if kind == "e":
            return Flag("error", content.strip() or "#ERROR")
        if kind == "str" and stored is not None:
            return content
        if not content.strip():
            return EMPTY if formula is None else Flag("formula", f"={(formula.text or '')[:60]}")
        if kind == "s":
            return self._shared(content.strip())
        if kind == "b":
            return content.strip() in TRUE
        if kind == "d":
            return _iso_date(content)
        if kind != "n":
            return Flag("unreadable", content)
        return self._number(content, _number(element.get("s"), 0))

    def _shared(self, number: str) -> str | None:
        if self._strings is None:
            self._strings = shared_strings(self.package)
        if number.isdecimal() and int(number) < len(self._strings):
            return self._strings[int(number)]
        return None

    def _number(self, content: str, style: int) -> object:
        if not _NUMBER.fullmatch(content.strip()):
            return content
        value = float(content)
        if style and math.isfinite(value):
            if self._dates is None:
                self._dates = date_styles(self.package)
            if style in self._dates:
                return _date(value, self.package.from_1904)
        return value


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() else otherwise


def _place(address: str | None, row: int, column: int) -> tuple[int, int]:
    """Return the row (from 1) and the column (from 0) of a cell; it may leave its address to its neighbours."""
    match = _ADDRESS.fullmatch(address or "")
    return (int(match[2]), column_number(match[1])) if match else (row, column)


def _learn(element, tag: str, facts: SheetFacts) -> None:
    """Note what an element says beside the values: hidden columns, merged areas, a filter."""
    if tag == "col" and element.get("hidden") in TRUE:
        first = _number(element.get("min"), 0)
        if first:
            facts.hidden_columns.append((first - 1, _number(element.get("max"), first) - 1))
    elif tag == "mergeCell" and (area := merged_area(element.get("ref", ""))):
        facts.merged.append(area)
    elif tag == "filterColumn":
        facts.filtered = True


def _iso_date(text: str) -> object:
    try:
        return datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        return text


def _date(value: float, from_1904: bool) -> object:
    from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

    try:
        return from_excel(value, CALENDAR_MAC_1904 if from_1904 else CALENDAR_WINDOWS_1900)
    except (OverflowError, ValueError):  # no such day
        return Flag("unreadable", f"{value:.15g} as a date")


def _shown(value: object) -> str:
    return value.shown if isinstance(value, Flag) else str(value)[:60]


def _laid_out(name: str, found: dict[tuple[int, int], object], facts: SheetFacts) -> Sheet:
    """Return the rectangle of the filled cells; a huge one without most of the blank rows and columns in it."""
    if not found:
        return Sheet(name, [], range(0), range(0), facts)
    rows, columns = sorted({row for row, _ in found}), sorted({column for _, column in found})
    all_rows, all_columns = range(rows[0], rows[-1] + 1), range(columns[0], columns[-1] + 1)
    if len(all_rows) * len(all_columns) > LARGE:
        all_rows, all_columns = _with_gaps(rows), _with_gaps(columns)
        if len(all_rows) * len(all_columns) > LARGE:
            corner = f"{column_letters(columns[-1])}{rows[-1] + 1}"
            raise UserError(
                f"sheet {name[:60]!r}: its cells lie scattered between {column_letters(columns[0])}{rows[0] + 1} and "
                f"{corner}, in {len(rows):,} rows and {len(columns):,} columns; not a table of participants"
            )
    row_index = {number: index for index, number in enumerate(all_rows)}
    column_index = {number: index for index, number in enumerate(all_columns)}
    table = [[EMPTY] * len(column_index) for _ in row_index]
    for (row, column), value in found.items():
        table[row_index[row]][column_index[column]] = value
    return Sheet(name, table, all_rows, all_columns, facts)


def _with_gaps(numbers: list[int], longest: int = 12) -> list[int]:
    """Keep every used row or column, and at most ``longest`` blank ones in a gap."""
    kept: list[int] = []
    for number in numbers:
        if kept:
            kept += range(max(kept[-1] + 1, number - longest), number)
        kept.append(number)
    return kept
