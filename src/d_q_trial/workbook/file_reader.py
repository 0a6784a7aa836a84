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
from collections.abc import Iterable
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
ENCODINGS = ("utf-8-sig", "utf-16", "cp1252")


class RefusedError(Exception):
    """A file that cannot be read, with a message for the user."""


def read_file(path: Path) -> Workbook:
    """Read every sheet of a file, judged by its content, not by its name.

    Raises
    ------
    RefusedError
        If the file is not one that can be read.
    """
    with path.open("rb") as stream:
        head = stream.read(8)
    if path.suffix.lower() in STATISTICS:
        return _statistics_file(path)
    if head.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            if _name_of(archive, "xl/workbook.xml"):
                return _xlsx(path, archive)
        return _calamine(path)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return _calamine(path)
    return _delimited(path)


def _name_of(archive: zipfile.ZipFile, part: str) -> str:
    """Return the name under which an archive holds a part; names differ in case and in slashes."""
    names = (name for name in archive.namelist() if name.replace("\\", "/").lower().lstrip("/") == part)
    return next(names, "")


def _xlsx(path: Path, archive: zipfile.ZipFile) -> Workbook:
    import openpyxl

    parts = [info for info in archive.infolist() if re.search(r"(?i)worksheets[/\\][^/\\]+\.xml$", info.filename)]
    has_formulas = any(_contains(archive, info, (b"<f>", b"<f ", b":f>", b":f ")) for info in parts)
    if max((info.file_size for info in parts), default=0) > LARGE:
        if has_formulas:
            raise RefusedError("a sheet this large with formulas; save it with values only")
        return _large_xlsx(path, archive)
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), data_only=True)
    formulas = openpyxl.load_workbook(io.BytesIO(path.read_bytes())) if has_formulas else None
    result = _workbook(path, archive)
    listed = re.findall(rb"<(?:\w+:)?sheet\s", archive.read(_name_of(archive, "xl/workbook.xml")))
    if len(listed) != len(book.sheetnames):
        raise RefusedError(f"damaged: it lists {len(listed)} sheets, and {len(book.sheetnames)} are there")
    result.skipped = [sheet.title for sheet in book.chartsheets]
    for sheet in book.worksheets:
        source = formulas[sheet.title] if formulas else None
        result.sheets.append(_worksheet(sheet, source))
    return result


def _contains(archive: zipfile.ZipFile, info: zipfile.ZipInfo, patterns: Iterable[bytes]) -> bool:
    with archive.open(info) as stream:
        rest = b""
        while piece := stream.read(1 << 20):
            if any(pattern in rest + piece for pattern in patterns):
                return True
            rest = piece[-8:]
    return False


def _workbook(path: Path, archive: zipfile.ZipFile) -> Workbook:
    """Return a workbook without sheets: what its properties and its other parts say."""
    names = archive.namelist()
    texts = [archive.read(name).decode("utf-8", "replace") for name in names if name.startswith("docProps/")]
    stated = re.search(r"modified[^>]*>\s*(\d{4}-\d{2}-\d{2})", "".join(texts))
    remarks = []
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        remarks.append("the workbook has macros; they are not run")
    if any("externallinks/" in name.lower() for name in names):
        remarks.append("cells refer to other workbooks; their stored values are used")
    properties = "\n".join(filter(str.strip, re.split(r"<[^>]*>", "\n".join(texts))))
    return Workbook(path, [], properties, stated[1] if stated else "", remarks=remarks)


def _worksheet(sheet, formulas) -> Sheet:
    """Convert a worksheet of openpyxl; ``formulas`` is the same sheet with formulas in place of stored values."""
    cells: dict[tuple[int, int], Any] = {}
    facts = SheetFacts()
    comments = []
    # The mapping of cells is not public; going through the rows would visit every blank cell of an endless sheet.
    for (row, column), cell in sheet._cells.items():
        place = (row - 1, column - 1)
        value = cell.value
        if value is None:
            formula = formulas._cells.get((row, column)) if formulas else None
            if formula is not None and formula.data_type == "f":
                shown = formula.value if isinstance(formula.value, str) else getattr(formula.value, "text", "=...")
                cells[place] = Flag("formula", str(shown)[:200])
        elif cell.data_type == "e":
            cells[place] = Flag("error", str(value))
        else:
            cells[place] = _plain(value)
        if getattr(cell, "comment", None) is not None:
            comments.append(cell.comment.text.strip())
        if value is not None and cell.has_style:
            if isinstance(value, int | float) and "%" in cell.number_format:
                facts.percent.add(place)
            if cell.font.strike:
                facts.struck.add(place)
    facts.merged = [(r.min_row - 1, r.min_col - 1, r.max_row - 1, r.max_col - 1) for r in sheet.merged_cells.ranges]
    facts.hidden_rows = [number - 1 for number, row in sheet.row_dimensions.items() if row.hidden]
    hidden = [column for column in sheet.column_dimensions.values() if column.hidden]
    facts.hidden_columns = [((column.min or 1) - 1, (column.max or 1) - 1) for column in hidden]
    facts.filtered = bool(sheet.auto_filter.ref)
    return _rectangle(sheet.title, cells, facts, hidden=sheet.sheet_state != "visible", comments=comments)


def _plain(value: Any) -> Any:
    """Return a cell's value as text, number, truth value or date."""
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date()
    return value if isinstance(value, (str, bool, int, float, *DATES)) else str(value)


def _rectangle(name: str, cells: dict[tuple[int, int], Any], facts: SheetFacts, **more) -> Sheet:
    rows = _kept({row for row, _ in cells})
    columns = _kept({column for _, column in cells})
    if len(rows) * len(columns) > MOST_CELLS:
        raise RefusedError(
            f"sheet {name[:40]!r}: {len(cells):,} cells lie scattered over {len(rows):,} rows and {len(columns):,} columns"
        )
    row_of, column_of = ({number: i for i, number in enumerate(numbers)} for numbers in (rows, columns))
    table: list[list] = [[EMPTY] * len(columns) for _ in rows]
    for (row, column), value in cells.items():
        table[row_of[row]][column_of[column]] = value
    return Sheet(name, table, rows, columns, facts, **more)


def _kept(used: set[int]) -> list[int]:
    """Return the used numbers, and between them up to ``GAP`` blank ones, in order."""
    ordered = sorted(used)
    kept = ordered[:1]
    for number in ordered[1:]:
        kept += range(max(kept[-1] + 1, number - GAP), number + 1)
    return kept


def _large_xlsx(path: Path, archive: zipfile.ZipFile) -> Workbook:
    """Read values only, row by row."""
    import openpyxl

    result = _workbook(path, archive)
    result.remarks.append("large sheets: merged cells, comments, formats and hidden rows are not looked at")
    book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), data_only=True, read_only=True)
    for sheet in book.worksheets:
        rows: list[list] = []
        for number, row in enumerate(sheet.iter_rows(values_only=True)):
            rows.append([EMPTY if value is None else _plain(value) for value in row])
            if number % 10_000 == 9_999:
                print(f"{path.name}: {number + 1:,} rows read", file=sys.stderr, flush=True)
        result.sheets.append(_from_rows(sheet.title, rows))
    return result


def _from_rows(name: str, rows: list[list], *, hidden: bool = False) -> Sheet:
    """Make a sheet of rows of unequal length, without blank rows and columns around it."""
    width = max((len(row) for row in rows), default=0)
    if len(rows) * width > MOST_CELLS:
        raise RefusedError(f"sheet {name[:40]!r}: {len(rows):,} rows and {width:,} columns are more than can be read")
    while rows and all(value == EMPTY for value in rows[-1]):
        rows.pop()
    table = [row + [EMPTY] * (width - len(row)) for row in rows]
    return Sheet(name, table, range(len(table)), range(width), hidden=hidden)


def _calamine(path: Path) -> Workbook:
    """Read .xls, .xlsb and .ods."""
    import python_calamine

    book = python_calamine.load_workbook(path)
    result = Workbook(
        path, [], remarks=["this format does not tell hidden rows, formats and errors; check them yourself"]
    )
    for sheet in book.sheets_metadata:
        if str(sheet.typ).endswith("WorkSheet"):
            rows = book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
            hidden = not str(sheet.visible).endswith("Visible")
            result.sheets.append(_from_rows(sheet.name, rows, hidden=hidden))
    return result


def _delimited(path: Path) -> Workbook:
    """Read text with commas, semicolons or tabs as one sheet; numbers stay text unless they have a decimal point."""
    content = path.read_bytes()
    text = next((decoded for name in ENCODINGS if (decoded := _decoded(content, name)) is not None), None)
    if text is None or "\0" in text:
        raise RefusedError("not a workbook and not text")
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    counts = {sign: [line.count(sign) for line in lines] for sign in ("\t", ";", ",")}
    sign = max(counts, key=lambda s: (sum(n > 0 for n in counts[s]), s != ","))
    if not lines or not any(counts[sign]):
        raise RefusedError("a text file without commas, semicolons or tabs")
    csv.field_size_limit(1 << 20)
    rows = [[_number(cell) for cell in row] for row in csv.reader(io.StringIO(text), delimiter=sign)]
    return Workbook(path, [_from_rows(path.stem, rows)])


def _decoded(content: bytes, encoding: str) -> str | None:
    if encoding == "utf-16" and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return None
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return None


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
    body = frame.astype(object).where(frame.notna(), EMPTY).values.tolist()
    rows = [[_plain(value) for value in row] for row in body]
    sheets = [_from_rows(path.stem, [labels, *rows])]
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
