"""Cells of a workbook: values from calamine, and from the XML what it leaves out.

Calamine is fast, but shows an error cell, a formula without a stored value and an empty cell alike, and does not
know what is hidden; a scan of each sheet's XML finds these. It also lays a sheet out as a dense rectangle, which a
stray cell in the last row and column would turn into gigabytes; such a sheet is read cell by cell here.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from ..errors import UserError

DENSE_CELLS = 8_000_000  # more than this is read cell by cell, so that blank space costs no memory
MOST_FLAGS = 200_000
CHUNK = 1 << 23
EMPTY = ""
DATES = (datetime.date, datetime.time, datetime.timedelta)


@dataclass(frozen=True)
class Flag:
    """A cell that holds something other than a value."""

    kind: str  # "error" or "formula"
    shown: str  # what the user sees there


@dataclass
class SheetFacts:
    """What the XML of a sheet says beside the values; rows and columns count from 0."""

    flags: dict[tuple[int, int], Flag] = field(default_factory=dict)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    filtered: bool = False
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)  # first row, column, last row, column


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
        rows = {number: index for index, number in enumerate(self.row_numbers)}
        columns = {number: index for index, number in enumerate(self.column_numbers)}
        areas = []
        for top, left, bottom, right in self.facts.merged:
            inside_rows = [rows[r] for r in range(top, min(bottom, top + 100_000) + 1) if r in rows]
            inside_columns = [columns[c] for c in range(left, min(right, left + 20_000) + 1) if c in columns]
            if inside_rows and inside_columns:
                areas.append((inside_rows[0], inside_columns[0], inside_rows[-1], inside_columns[-1]))
        return areas


@dataclass
class Workbook:
    """All worksheets of a file, with its document properties as one text."""

    path: Path
    sheets: list[Sheet]
    properties: str = ""
    skipped: list[str] = field(default_factory=list)  # chart sheets and the like
    remarks: list[str] = field(default_factory=list)  # macros, links and the like


def column_letters(number: int) -> str:
    """Return the letters of a column counted from 0."""
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """Return a column's number, counted from 0."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def split_address(address: str) -> tuple[int, int]:
    """Return row and column, counted from 0, of an address such as ``C7``."""
    match = re.fullmatch(r"\$?([A-Za-z]{1,4})\$?(\d{1,8})", address.strip())
    if not match:
        raise ValueError(f"{address!r} is not a cell address")
    return int(match[2]) - 1, column_number(match[1])


def read_cells(path: Path | str) -> Workbook:
    """Read every worksheet of a workbook.

    Raises
    ------
    UserError
        If the file is not a workbook that can be read safely.
    """
    import python_calamine

    from . import guard

    path = Path(path)
    checked = guard.look_into(path)
    try:
        with zipfile.ZipFile(path) as archive:
            parts = _sheet_parts(archive)
            facts = {name: _scan_sheet(archive, part) for name, part in parts.items()}
            properties = _properties(archive)
            reader = python_calamine.load_workbook(path)
            sheets, skipped = [], []
            for about in reader.sheets_metadata:
                if about.typ != python_calamine.SheetTypeEnum.WorkSheet:
                    skipped.append(about.name)
                    continue
                hidden = about.visible != python_calamine.SheetVisibleEnum.Visible
                known = facts.get(about.name, SheetFacts())
                survey = checked.surveys.get(parts.get(about.name, ""))
                if survey is not None and survey.box > DENSE_CELLS:
                    sheet = _read_sparse(archive, parts[about.name], about.name, known)
                else:
                    sheet = _read_dense(reader.get_sheet_by_name(about.name), about.name, known)
                sheet.hidden = hidden
                sheets.append(sheet)
    except (zipfile.BadZipFile, python_calamine.CalamineError, ElementTree.ParseError, KeyError, EOFError) as error:
        raise UserError(f"{path}: damaged, or not a workbook ({' '.join(str(error).split())[:200]})") from None
    return Workbook(path, sheets, properties, skipped, checked.notes)


def _read_dense(source, name: str, facts: SheetFacts) -> Sheet:
    rows = source.to_python(skip_empty_area=True)
    top, left = source.start or (0, 0)
    width = len(rows[0]) if rows else 0
    if facts.flags:
        rows, top, left, width = _with_flags(rows, top, left, width, facts.flags)
    return Sheet(name, rows, range(top, top + len(rows)), range(left, left + width), facts)


def _with_flags(rows: list[list], top: int, left: int, width: int, flags: dict[tuple[int, int], Flag]):
    """Put flags in their cells, and extend the rectangle where they lie outside."""
    flags = dict(list(flags.items())[:MOST_FLAGS])
    flag_rows, flag_columns = [row for row, _ in flags], [column for _, column in flags]
    if not rows:
        top, left = min(flag_rows), min(flag_columns)
    above, before = max(0, top - min(flag_rows)), max(0, left - min(flag_columns))
    below = max(0, max(flag_rows) - (top + len(rows) - 1))
    after = max(0, max(flag_columns) - (left + width - 1))
    width = before + width + after
    if width * (above + len(rows) + below) > DENSE_CELLS:
        raise UserError("error cells lie scattered over the whole sheet; not a table of participants")
    if before or after:
        rows = [[EMPTY] * before + row + [EMPTY] * after for row in rows]
    rows = [[EMPTY] * width for _ in range(above)] + rows + [[EMPTY] * width for _ in range(below)]
    top, left = top - above, left - before
    for (row, column), flag in flags.items():
        rows[row - top][column - left] = flag
    return rows, top, left, width


def _sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Map each sheet's name to the part that holds it."""
    relations = {}
    for item in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels")):
        target = item.get("Target", "")
        target = target[1:] if target.startswith("/") else str(PurePosixPath("xl") / target)
        relations[item.get("Id")] = target
    parts = {}
    names = set(archive.namelist())
    for element in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter():
        if element.tag.endswith("}sheet") or element.tag == "sheet":
            link = next((v for k, v in element.attrib.items() if k.endswith("}id") or k == "r:id"), None)
            part = relations.get(link)
            if part in names:
                parts[element.get("name", "")] = part
    return parts


def _properties(archive: zipfile.ZipFile) -> str:
    texts = []
    for part in ("docProps/core.xml", "docProps/custom.xml", "docProps/app.xml"):
        try:
            texts += [text for text in ElementTree.fromstring(archive.read(part)).itertext() if text.strip()]
        except (KeyError, ElementTree.ParseError):
            continue
    return "\n".join(texts)


_CELL = re.compile(rb"<(?:\w+:)?c\b((?:[^>/]|/(?!>))*)(?:/>|>(.*?)</(?:\w+:)?c>)", re.S)
_ROW = re.compile(rb"<(?:\w+:)?row\b([^>]*)>")
_COLUMN = re.compile(rb"<(?:\w+:)?col\b([^>]*)>")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\b[^>]*\bref=[\"']([^\"']+)[\"']")
_REFERENCE = re.compile(rb"\br=[\"']\$?([A-Z]{1,4})\$?(\d{1,8})[\"']")
_NO_VALUE = re.compile(rb"<(?:\w+:)?v\b[^>]*>[^<]", re.S)
_SHOWN = re.compile(rb"<(?:\w+:)?v\b[^>]*>([^<]*)")
_FORMULA = re.compile(rb"<(?:\w+:)?f\b(?:[^>]*/>|[^>]*>([^<]*))")
_TRUE = (b"1", b"true")


def _attribute(attributes: bytes, name: bytes) -> bytes:
    match = re.search(rb"(?:^|\s)" + name + rb"\s*=\s*[\"']([^\"']*)[\"']", attributes)
    return match[1] if match else b""


def _scan_sheet(archive: zipfile.ZipFile, part: str) -> SheetFacts:
    """Look through the XML of one sheet for what calamine does not tell."""
    facts = SheetFacts()
    with archive.open(part) as stream:
        carry = b""
        while True:
            chunk = stream.read(CHUNK)
            text = carry + chunk
            if chunk:
                cut = max(text.rfind(b"</row>"), text.rfind(b":row>"))
                cut = text.find(b">", cut) + 1 if cut >= 0 else 0
                if not cut and len(text) < 8 * CHUNK:
                    carry = text
                    continue
                cut = cut or len(text)
                carry, text = text[cut:], text[:cut]
            _scan_text(text, facts, last=not chunk)
            if not chunk:
                return facts


def _scan_text(text: bytes, facts: SheetFacts, last: bool) -> None:
    """Look through whole rows; what stands behind the rows comes in the last piece. Each search costs a pass."""
    if b"hidden=" in text:
        for attributes in _COLUMN.findall(text):
            if _attribute(attributes, b"hidden") in _TRUE:
                first, final = _attribute(attributes, b"min"), _attribute(attributes, b"max")
                if first.isdigit() and final.isdigit():
                    facts.hidden_columns.append((int(first) - 1, int(final) - 1))
        for attributes in _ROW.findall(text):
            if _attribute(attributes, b"hidden") in _TRUE and _attribute(attributes, b"r").isdigit():
                facts.hidden_rows.append(int(_attribute(attributes, b"r")) - 1)
    if last:
        facts.filtered = b"autoFilter" in text and b"filterColumn" in text
        facts.merged += [area for reference in _MERGED.findall(text) if (area := _area(reference.decode()))]
    unusual = re.search(rb"<\w+:(?:row|c)\b|<c [^>]*='", text[:200_000])  # prefixed names, or single quotes
    if b't="e"' in text or unusual or (b"<f" in text and not _all_calculated(text)):
        _flag_cells(text, facts)


def _all_calculated(text: bytes) -> bool:
    """Tell quickly that every formula has a value, where cells are written in the usual way."""
    valued = text.count(b"</f><v>") + text.count(b"/><v>")
    return text.count(b"<f>") + text.count(b"<f ") == valued and b"<v></v>" not in text


def _area(reference: str) -> tuple[int, int, int, int] | None:
    first, _, last = reference.partition(":")
    try:
        (top, left), (bottom, right) = split_address(first), split_address(last or first)
    except ValueError:
        return None
    return top, left, bottom, right


def _flag_cells(text: bytes, facts: SheetFacts) -> None:
    for match in _CELL.finditer(text):
        attributes, content = match[1], match[2]
        if not content:
            continue
        is_error = _attribute(attributes, b"t") == b"e"
        formula = _FORMULA.search(content)
        if not is_error and (formula is None or _NO_VALUE.search(content)):
            continue
        if is_error:
            shown = _SHOWN.search(content)
            flag = Flag("error", shown[1].decode("utf-8", "replace") if shown else "#ERROR")
        elif _attribute(attributes, b"t") == b"str" and b"<v" in content:
            continue  # a formula whose stored value is the empty text
        else:
            flag = Flag("formula", "=" + (formula[1] or b"").decode("utf-8", "replace")[:60])
        reference = _REFERENCE.search(attributes)
        if reference:
            facts.flags[int(reference[2]) - 1, column_number(reference[1].decode())] = flag


def _read_sparse(archive: zipfile.ZipFile, part: str, name: str, facts: SheetFacts) -> Sheet:
    """Read only the used cells of a sheet, and leave out most of the blank space between them."""
    strings = _shared_strings(archive)
    cells: dict[tuple[int, int], object] = {}
    with archive.open(part) as stream:
        for _, element in ElementTree.iterparse(stream):
            tag = element.tag.rpartition("}")[2]
            if tag == "c":
                value = _sparse_value(element, strings)
                if value != EMPTY and (reference := element.get("r")):
                    cells[split_address(reference)] = value
            elif tag == "row":
                element.clear()
            if len(cells) > DENSE_CELLS:
                raise UserError(f"{name}: more than {DENSE_CELLS:,} scattered cells; not a table of participants")
    rows = _with_gaps(sorted({row for row, _ in cells}))
    columns = _with_gaps(sorted({column for _, column in cells}))
    if len(rows) * len(columns) > DENSE_CELLS:
        raise UserError(f"{name}: cells in {len(rows):,} rows and {len(columns):,} columns; too many to read")
    row_index = {number: index for index, number in enumerate(rows)}
    column_index = {number: index for index, number in enumerate(columns)}
    table = [[EMPTY] * len(columns) for _ in rows]
    for (row, column), value in cells.items():
        table[row_index[row]][column_index[column]] = value
    return Sheet(name, table, rows, columns, facts)


def _with_gaps(numbers: list[int], longest: int = 12) -> list[int]:
    """Keep every used row or column, and at most ``longest`` blank ones in a gap."""
    kept: list[int] = []
    for number in numbers:
        if kept:
            kept += range(max(kept[-1] + 1, number - longest), number)
        kept.append(number)
    return kept


def _shared_strings(archive: zipfile.ZipFile) -> list[str]:
    part = next((n for n in archive.namelist() if n.lower() == "xl/sharedstrings.xml"), None)
    if part is None:
        return []
    strings = []
    with archive.open(part) as stream:
        for _, element in ElementTree.iterparse(stream):
            if element.tag.rpartition("}")[2] == "si":
                strings.append("".join(t.text or "" for t in element.iter() if t.tag.rpartition("}")[2] == "t"))
                element.clear()
    return strings


def _sparse_value(element, strings: list[str]):
    texts = {child.tag.rpartition("}")[2]: child for child in element}
    kind = element.get("t", "n")
    if kind == "inlineStr":
        return "".join(texts["is"].itertext()) if "is" in texts else EMPTY
    content = texts["v"].text if "v" in texts else None
    if content is None or kind == "e":
        return EMPTY
    if kind == "s":
        return strings[int(content)] if int(content) < len(strings) else EMPTY
    if kind == "b":
        return content == "1"
    if kind == "n":
        try:
            return float(content)
        except ValueError:
            return content
    return content
