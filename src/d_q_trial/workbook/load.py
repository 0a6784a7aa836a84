"""Read all sheets of a workbook file: values from calamine, and what it leaves out from the XML.

Calamine is fast, but shows an error cell, a formula without a stored value and an empty cell alike, and does not
know what is hidden; a scan of each sheet's XML finds these. Sheets that are not written in the usual way are parsed.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.etree import ElementTree

import python_calamine

from ..errors import UserError
from . import guard
from .cells import EMPTY, Flag, Sheet, SheetFacts, Workbook
from .exact import LARGE, Careful
from .guard_cells import Survey
from .package import comments, open_package
from .scan import scan_sheet


def read_cells(path: Path | str) -> Workbook:
    """Read every worksheet of a workbook.

    Raises
    ------
    UserError
        If the file is not a workbook that can be read safely.
    """
    path = Path(path)
    checked = guard.look_into(path)
    try:
        with zipfile.ZipFile(path) as archive:
            package = open_package(archive)
            reader, careful = _fast_reader(path), Careful(package)
            workbook = Workbook(path, [], package.properties, package.modified, remarks=checked.notes)
            for name, about in package.sheets.items():
                if not about.has_cells:
                    workbook.skipped.append(name)
                    continue
                survey = checked.surveys.get(about.part or "", Survey(plain=False))
                sheet = _read_fast(reader, archive, name, about.part, survey) or careful.read(name, survey.cells)
                sheet.hidden = about.hidden
                sheet.comments = comments(package, about.part)
                workbook.sheets.append(sheet)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, EOFError) as error:
        raise UserError(f"{path}: damaged, or not a workbook ({' '.join(str(error).split())[:200]})") from None
    return workbook


def _fast_reader(path: Path):
    """Open a workbook with calamine; None if it refuses, as it does where parts have other names than usual."""
    try:
        return python_calamine.load_workbook(path)
    except python_calamine.CalamineError:
        return None


def _read_fast(reader, archive: zipfile.ZipFile, name: str, part: str | None, survey: Survey) -> Sheet | None:
    """Read a sheet with calamine; None if only parsing it will do."""
    if reader is None or part is None or not survey.plain or survey.box > LARGE:
        return None
    try:
        source = reader.get_sheet_by_name(name)
        rows = source.to_python(skip_empty_area=True)
    except python_calamine.CalamineError:  # a cell of a kind that it does not know
        return None
    facts = scan_sheet(archive, part) if survey.special else SheetFacts()
    top, left = source.start or (0, 0)
    width = len(rows[0]) if rows else 0
    if facts.flags:
        rows, top, left, width = _with_flags(rows, top, left, width, facts.flags)
        if not rows:
            return None
    return Sheet(name, rows, range(top, top + len(rows)), range(left, left + width), facts)


def _with_flags(rows: list[list], top: int, left: int, width: int, flags: dict[tuple[int, int], Flag]):
    """Put flags in their cells, and extend the rectangle where they lie outside; no rows if it became too large."""
    flag_rows, flag_columns = [row for row, _ in flags], [column for _, column in flags]
    if not rows:
        top, left = min(flag_rows), min(flag_columns)
    above, before = max(0, top - min(flag_rows)), max(0, left - min(flag_columns))
    below = max(0, max(flag_rows) - (top + len(rows) - 1))
    after = max(0, max(flag_columns) - (left + width - 1))
    width = before + width + after
    if width * (above + len(rows) + below) > LARGE:
        return [], 0, 0, 0
    if before or after:
        rows = [[EMPTY] * before + row + [EMPTY] * after for row in rows]
    rows = [[EMPTY] * width for _ in range(above)] + rows + [[EMPTY] * width for _ in range(below)]
    top, left = top - above, left - before
    for (row, column), flag in flags.items():
        rows[row - top][column - left] = flag
    return rows, top, left, width
