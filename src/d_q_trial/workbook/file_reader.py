"""Read a spreadsheet file into plain values; run as a process of its own, with limits on memory and time.

``python -m d_q_trial.workbook.file_reader PATH OUTPUT SECONDS BYTES`` writes a pickled :class:`Workbook`. Exit status 2 means
that standard error holds a message for the user. Everything that a damaged or absurd file can do to a library happens here.
"""

from __future__ import annotations

import csv
import datetime
import io
import pickle
import re
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import software
from .sheets import DATES, EMPTY, Flag, Sheet, SheetFacts, Workbook

LARGE = 40_000_000  # bytes of a sheet's XML above which only values are read
MOST_CELLS = 30_000_000  # of the rectangle around the used cells
GAP = 3  # blank rows or columns that are kept between used ones; two of them may stand inside a table
STATISTICS = {
    ".sav": "read_sav",
    ".zsav": "read_sav",
    ".dta": "read_dta",
    ".sas7bdat": "read_sas7bdat",
    ".xpt": "read_xport",
}


class RefusedError(Exception):
    """A file that cannot be read, with a message for the user."""


def read_file(path: Path) -> Workbook:
    """Read every sheet of a file, judged by its content, not by its name.

    Raises
    ------
    RefusedError
        If the file is not one that can be read.
    """
    if path.suffix.lower() in STATISTICS:
        return _statistics_file(path)
    with path.open("rb") as stream:
        head = stream.read(4)
    if head.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            if any(_plain_name(name) == "xl/workbook.xml" for name in archive.namelist()):
                return _xlsx(path, archive)
    if not head.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return _delimited(path)
    note = "this format does not tell hidden rows, formats and errors; check them yourself"
    return Workbook(path, _calamine(path), remarks=[note])


def _plain_name(part: str) -> str:
    """Return the name of a part of an archive in one spelling; programs differ in case and in slashes."""
    return part.replace("\\", "/").lower().lstrip("/")


def _xlsx(path: Path, archive: zipfile.ZipFile) -> Workbook:
    import openpyxl

    result, listed, large = Workbook(path, []), 0, False
    properties = ""
    for part in archive.infolist():
        name = _plain_name(part.filename)
        if name == "xl/workbook.xml":
            listed = len(re.findall(rb"<(?:\w+:)?sheet\s", archive.read(part)))
        elif name.startswith("docprops/"):
            properties += archive.read(part).decode("utf-8", "replace") + "\n"
        elif name.endswith("vbaproject.bin"):
            result.remarks.append("the workbook has macros; they are not run")
        elif "externallinks/" in name and not name.endswith(".rels"):
            result.remarks.append("cells refer to other workbooks; their stored values are used")
        large = large or ("worksheets/" in name and part.file_size > LARGE)
    result.remarks = list(dict.fromkeys(result.remarks))
    stated = re.search(r"modified[^>]*>\s*(\d{4}-\d{2}-\d{2})", properties)
    result.modified = stated[1] if stated else ""
    result.properties = "\n".join(filter(str.strip, re.split(r"<[^>]*>", properties)))
    if large:
        result.remarks.append("large sheets: merged cells, comments, formats and hidden rows are not looked at")
        result.sheets = _calamine(path)
        return result
    content = io.BytesIO(path.read_bytes())
    book = openpyxl.load_workbook(content)
    if listed != len(book.sheetnames):
        raise RefusedError(f"damaged: it lists {listed} sheets, and {len(book.sheetnames)} are there")
    result.skipped = [sheet.title for sheet in book.chartsheets]
    # The mapping of cells is not public; going through the rows would visit every blank cell of an endless sheet.
    if any(cell.data_type == "f" for sheet in book.worksheets for cell in sheet._cells.values()):
        stored = openpyxl.load_workbook(content, data_only=True)
        result.sheets = [_worksheet(sheet, stored[sheet.title]._cells) for sheet in book.worksheets]
    else:
        result.sheets = [_worksheet(sheet, sheet._cells) for sheet in book.worksheets]
    return result


def _worksheet(sheet, stored: dict[tuple[int, int], Any]) -> Sheet:
    """Convert a worksheet of openpyxl; ``stored`` are its cells with the stored values of formulas."""
    cells: dict[tuple[int, int], Any] = {}
    facts, comments = SheetFacts(), []
    for (row, column), cell in sheet._cells.items():
        place, source = (row - 1, column - 1), stored[row, column]
        value = _plain(source.value)
        if cell.data_type == "f" and source.value is None:
            shown = cell.value if isinstance(cell.value, str) else getattr(cell.value, "text", "=...")
            value = Flag("formula", str(shown)[:200])
        elif source.data_type == "e":
            value = Flag("error", str(source.value))
        if cell.comment is not None:
            comments.append(cell.comment.text.strip())
        if value == EMPTY:
            continue
        cells[place] = value
        if cell.has_style and "%" in cell.number_format and isinstance(value, int | float):
            facts.percent.add(place)
        if cell.has_style and cell.font.strike:
            facts.struck.add(place)
    facts.merged = [(r.min_row - 1, r.min_col - 1, r.max_row - 1, r.max_col - 1) for r in sheet.merged_cells.ranges]
    facts.hidden_rows = [number - 1 for number, row in sheet.row_dimensions.items() if row.hidden]
    hidden = [column for column in sheet.column_dimensions.values() if column.hidden]
    facts.hidden_columns = [((column.min or 1) - 1, (column.max or 1) - 1) for column in hidden]
    facts.filtered = bool(sheet.auto_filter.ref)
    rows, columns = _kept({row for row, _ in cells}), _kept({column for _, column in cells})
    if len(rows) * len(columns) > MOST_CELLS:
        raise RefusedError(
            f"sheet {sheet.title[:40]!r}: {len(cells):,} cells lie scattered over {len(rows):,} rows and "
            f"{len(columns):,} columns"
        )
    table = [[cells.get((row, column), EMPTY) for column in columns] for row in rows]
    return Sheet(sheet.title, table, rows, columns, facts, sheet.sheet_state != "visible", comments)


def _plain(value: Any) -> Any:
    """Return a cell's value as text, number, truth value or date; blanks are empty."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return EMPTY
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date()
    return value if isinstance(value, (str, bool, int, float, *DATES)) else str(value)


def _kept(used: set[int]) -> list[int]:
    """Return the used numbers, and between them up to ``GAP`` blank ones, in order."""
    ordered = sorted(used)
    kept = ordered[:1]
    for number in ordered[1:]:
        kept += range(max(kept[-1] + 1, number - GAP), number + 1)
    return kept


def _from_rows(name: str, rows: list[list], *, hidden: bool = False) -> Sheet:
    """Make a sheet of rows of unequal length, without blank rows below them."""
    width = max((len(row) for row in rows), default=0)
    if len(rows) * width > MOST_CELLS:
        raise RefusedError(f"sheet {name[:40]!r}: {len(rows):,} rows and {width:,} columns are more than can be read")
    while rows and not any(value != EMPTY for value in rows[-1]):
        rows.pop()
    table = [row + [EMPTY] * (width - len(row)) for row in rows]
    return Sheet(name, table, range(len(table)), range(width), hidden=hidden)


def _calamine(path: Path) -> list[Sheet]:
    """Read the values of .xls, .xlsb and .ods, and of large .xlsx."""
    import python_calamine

    book, sheets = python_calamine.load_workbook(path), []
    for sheet in book.sheets_metadata:
        if str(sheet.typ).endswith("WorkSheet"):
            cells = book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
            rows = [list(map(_plain, row)) for row in cells]
            sheets.append(_from_rows(sheet.name, rows, hidden=not str(sheet.visible).endswith("Visible")))
    return sheets


def _delimited(path: Path) -> Workbook:
    """Read text with commas, semicolons or tabs as one sheet; numbers stay text unless they have a decimal point."""
    content = path.read_bytes()
    encodings = ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252")
    text = "\0"
    for encoding in encodings:
        with suppress(UnicodeDecodeError):
            text = content.decode(encoding)
            break
    if "\0" in text:
        raise RefusedError("not a workbook and not text")
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    counts = {sign: [line.count(sign) for line in lines] for sign in ("\t", ";", ",")}
    sign = max(counts, key=lambda s: (sum(n > 0 for n in counts[s]), s != ","))
    if not lines or not any(counts[sign]):
        raise RefusedError("a text file without commas, semicolons or tabs")
    csv.field_size_limit(1 << 20)
    rows = [[_number(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline=None), delimiter=sign)]
    return Workbook(path, [_from_rows(path.stem, rows)])


def _number(cell: str) -> str | float:
    """Return a plain number as such; codes such as 007 stay text."""
    text = cell.strip()
    plain = len(text) < 40 and re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", text)
    return float(text) if plain else text


def _statistics_file(path: Path) -> Workbook:
    """Read a file of SPSS, Stata or SAS; labels of variables stand above their names, labels of values are a legend."""
    try:
        import pyreadstat
    except ImportError:
        raise RefusedError(
            "a file of SPSS, Stata or SAS needs a reader: pip install 'd-q-trial[statistics-files]'"
        ) from None
    frame, meta = getattr(pyreadstat, STATISTICS[path.suffix.lower()])(path)
    labels = [meta.column_names_to_labels.get(name) or name for name in frame]
    body = frame.astype(object).where(frame.notna(), None).values.tolist()
    sheets = [_from_rows(path.stem, [labels, *(list(map(_plain, row)) for row in body)])]
    legend = [
        [name, f"{value:g}" if isinstance(value, float) else str(value), str(label)]
        for name, values in meta.variable_value_labels.items()
        for value, label in values.items()
    ]
    if legend:
        sheets.append(_from_rows("Value labels", [["Variable", "Code", "Meaning"], *legend]))
    return Workbook(path, sheets)


def main(arguments: list[str]) -> int:
    """Limit this process, read the file and write the result."""
    import resource

    path, output, seconds, size = arguments
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    resource.setrlimit(resource.RLIMIT_AS, (int(size), int(size)))
    try:
        with open(output, "wb") as stream:
            pickle.dump(read_file(Path(path)), stream, protocol=5)
    except RefusedError as error:
        message = str(error)
    except MemoryError:
        message = f"reading it needs more than {int(size) // 1_000_000:,} MB of memory"
    except RecursionError:
        message = "damaged, or not a workbook (nested too deeply)"
    except Exception as error:  # whatever a library makes of a damaged file
        words = " ".join(str(error).split())[:160] or type(error).__name__
        message = f"damaged, or not a workbook ({words})"
    else:
        print(software.line(), file=sys.stderr)
        return 0
    print("".join(c if c.isprintable() else " " for c in message), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
