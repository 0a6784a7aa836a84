"""Open a workbook file: check it, then read it into plain values in a process with limits on memory and time.

The threat is a damaged or absurd file. Whatever it does to the library that reads it, the user gets one message.
"""

import csv
import datetime
import io
import os
import pickle
import re
import resource
import signal
import stat
import subprocess
import sys
import time
import zipfile
from itertools import accumulate
from pathlib import Path
from typing import Any

from openpyxl.utils import get_column_letter

from .. import step_log
from ..errors import UserError
from .sheets import DATES, EMPTY, Flag, Sheet, Workbook, is_number, join_first, make_printable

MAX_BYTES = 200_000_000  # of the file
MAX_UNPACKED = 600_000_000  # bytes of all parts of the archive
LARGE = 40_000_000  # bytes of a sheet's XML above which only values are read
MAX_CELLS = 30_000_000  # of the rectangle that holds the used cells
MEMORY = 1_000_000_000  # bytes of address space of the reading process
SECONDS = 10  # of processor time, plus those for the size of the file:
SECONDS_PER_MB = 5
MAX_SECONDS = 240
REPORT_EVERY = 10  # seconds

# First bytes of files that are often mistaken for a workbook, with the message for the user.
OTHER_KINDS = {
    b"%PDF": "a PDF document, not a workbook",
    b"\x1f\x8b": "a gzip file; unpack it first",
    b"{": "a JSON file, not a workbook",
    b"<": "a web page or XML file, not a workbook; open it in a spreadsheet program and save it as .xlsx",
    b"version https://git-lfs": "a Git LFS pointer; fetch the file itself with `git lfs pull`",
    b"\x09\x08": "a very old .xls file; open it in a spreadsheet program and save it as .xlsx",
}
_FORMAT_LITERALS = re.compile(r'"[^"]*"|[\\_*].')  # of a number format: text, single characters, widths
_LIMIT_FORMAT = re.compile(r'(?:\[[a-z]+\d*\])?["\\\s]*([<>≤≥])', re.I)  # shows the sign before the number
OTHER_ARCHIVES = {"word/": "a Word document", "ppt/": "a PowerPoint document", "index/": "a Numbers document"}
WORKBOOK_PARTS = {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}
REMARKS = {
    "vbaproject.bin": "the workbook has macros; they are not run",
    "externallinks/": "cells refer to other workbooks; their stored values are used",
}
# Formats of SPSS, Stata and SAS, as pyreadstat names them.
STATISTICS_FORMATS = {".sav": "sav", ".zsav": "sav", ".dta": "dta", ".sas7bdat": "sas7bdat", ".xpt": "xport"}


def load_workbook(path: Path | str) -> Workbook:
    """Read every worksheet of an .xlsx, .xlsm, .xls, .xlsb, .ods, .csv or .tsv file, or an SPSS, Stata or SAS file.

    UserError, in one line that names the file, if the file is of another kind, is damaged or protected, or takes more
    memory or time than a trial's workbook can.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    seconds = min(SECONDS + round(SECONDS_PER_MB * size / 1e6), MAX_SECONDS)
    command = [sys.executable, "-m", __name__, str(path.resolve()), str(seconds), str(MEMORY)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    started, output = time.monotonic(), None
    process = subprocess.Popen(command, env=environment, **pipes)
    while output is None:
        try:
            output, _ = process.communicate(timeout=REPORT_EVERY)
        except subprocess.TimeoutExpired:
            passed = time.monotonic() - started
            print(f"reading {path.name}: {passed:.0f} s", file=sys.stderr, flush=True)
            if passed > 4 * seconds:
                process.kill()
    result, software_log = "damaged, or not a workbook (the program that reads it stopped)", ""
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        result = f"reading it takes more than {seconds} s; save its values in a new workbook"
    elif process.returncode == 0:
        result, software_log = pickle.loads(output)
    if isinstance(result, str):
        raise UserError(f"{path}: {make_printable(result)}")
    step_log.add_child_software(software_log)
    result.path = path
    return result


def _read_within_limits(path: Path, seconds: int, size: int) -> bytes:
    """Read a file in the child process; return, pickled, the workbook or a message for the user, and the software used."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    try:
        return pickle.dumps((read_file(path), step_log.software_line()), protocol=5)
    except UserError as error:
        result = str(error)
    except PermissionError as error:
        result = f"cannot be read ({error.strerror})"
    except MemoryError:
        result = f"reading it needs more than {size // 1_000_000:,} MB of memory"
    except RecursionError:
        result = "damaged, or not a workbook (nested too deeply)"
    except Exception as error:  # whatever a library makes of a damaged file
        result = f"damaged, or not a workbook ({' '.join(str(error).split())[:160] or type(error).__name__})"
    return pickle.dumps((result, ""))


# -- checks of the file -------------------------------------------------------------------------------------------


def _read_first_bytes(path: Path) -> bytes:
    """Return the first bytes of a file; refuse one that is not regular, too large, empty, protected or of another kind."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise UserError("a folder; expected a workbook" if stat.S_ISDIR(status.st_mode) else "not a regular file")
    if status.st_size > MAX_BYTES:
        raise UserError(f"{status.st_size / 1e6:,.0f} MB, more than the {MAX_BYTES / 1e6:,.0f} MB that are read")
    with path.open("rb") as stream:
        head = stream.read(4096)
    if not head.strip(b"\0 \t\r\n"):
        raise UserError("an empty file")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, message in OTHER_KINDS.items():
        if text.startswith(start) and path.suffix.lower() not in STATISTICS_FORMATS:
            raise UserError(message)
    if head.startswith(b"\xd0\xcf\x11\xe0") and b"E\0n\0c\0r\0y\0p\0t\0" in path.read_bytes():
        raise UserError("password-protected; save it without a password")
    return head


def _open_archive(path: Path) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
    """Open the archive of a workbook; return it with its parts by name, and refuse one that unpacks to too much."""
    try:
        archive = zipfile.ZipFile(path)
        entries = archive.infolist()
    except zipfile.BadZipFile:
        raise UserError("damaged or truncated; download or save it again") from None
    if any(entry.flag_bits & 1 for entry in entries):
        raise UserError("password-protected; save it without a password")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > MAX_UNPACKED:
        size = f"{unpacked / 1e6:,.0f} MB, far more than a trial's workbook"
        raise UserError(f"unpacks to {size}; save its values in a new workbook")
    # Programs differ in case and in slashes.
    parts = {entry.filename.replace("\\", "/").lower().lstrip("/"): entry for entry in entries}
    if WORKBOOK_PARTS.isdisjoint(parts):
        inside = [name for name in sorted(parts) if name.endswith((".xlsx", ".xlsm", ".csv", ".xls"))]
        messages = [f"an archive with {name} inside; unpack it first" for name in inside]
        messages += [kind for start, kind in OTHER_ARCHIVES.items() if any(name.startswith(start) for name in parts)]
        raise UserError([*messages, "an archive without a workbook"][0])
    return archive, parts


# -- reading ------------------------------------------------------------------------------------------------------


def read_file(path: Path) -> Workbook:
    """Read every sheet of a file; its content determines its kind, not its name. A damaged file may raise anything."""
    head = _read_first_bytes(path)
    if head.startswith(b"PK"):
        archive, parts = _open_archive(path)
        with archive:
            if "xl/workbook.xml" in parts:
                return _read_xlsx(path, archive, parts)
    elif path.suffix.lower() in STATISTICS_FORMATS:
        return _read_statistics_file(path)
    elif not head.startswith(b"\xd0\xcf\x11\xe0"):
        return _read_delimited(path)
    note = "this format does not show hidden rows, formats and errors; check them yourself"
    return Workbook(path, _read_with_calamine(path), remarks=[note])


def _read_xlsx(path: Path, archive: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo]) -> Workbook:
    import openpyxl
    from openpyxl.reader import excel

    # Pictures are not needed, and files of R's openxlsx refer to some that do not exist.
    excel.find_images = lambda *_: ([], [])
    listed = len(re.findall(rb"<(?:\w+:)?sheet\s", archive.read(parts["xl/workbook.xml"])))
    documents = (archive.read(part).decode("utf-8", "replace") for name, part in parts.items() if "docprops/" in name)
    properties = "\n".join(documents)
    modified = re.search(r"modified[^>]*>\s*(\d{4}-\d{2}-\d{2})", properties)
    result = Workbook(path, [], modified=modified[1] if modified else "")
    result.properties = "\n".join(filter(str.strip, re.split(r"<[^>]*>", properties)))
    result.remarks = [remark for part, remark in REMARKS.items() if any(part in name for name in parts)]
    if any("worksheets/" in name and part.file_size > LARGE for name, part in parts.items()):
        result.remarks.append("large sheets: merged cells, formats and hidden rows are not looked at")
        result.sheets = _read_with_calamine(path)
        return result
    content = io.BytesIO(path.read_bytes())
    book = openpyxl.load_workbook(content)
    if listed != len(book.sheetnames):
        raise UserError(f"damaged: it lists {listed} sheets, and {len(book.sheetnames)} are there")
    # `_cells` is not public, but iterating over the rows would visit every blank cell of an endless sheet.
    formulas = any(cell.data_type == "f" for sheet in book.worksheets for cell in sheet._cells.values())
    stored = openpyxl.load_workbook(content, data_only=True) if formulas else book
    result.sheets = [_convert_worksheet(sheet, stored[sheet.title]._cells) for sheet in book.worksheets]
    return result


def _convert_worksheet(sheet, stored: dict[tuple[int, int], Any]) -> Sheet:
    """Convert a worksheet of openpyxl; ``stored`` holds its cells with the stored values of formulas."""
    cells: dict[tuple[int, int], Any] = {}
    percent, struck = [], []
    for (row, column), cell in sheet._cells.items():
        place, source = (row - 1, column - 1), stored[row, column]
        value = _plain_value(source.value)
        if cell.data_type == "f" and source.value is None:
            formula = cell.value if isinstance(cell.value, str) else getattr(cell.value, "text", "=...")
            value = Flag("formula", str(formula)[:200])
        elif source.data_type == "e":
            value = Flag("error cell", str(source.value))
        if value == EMPTY:
            continue
        shown_as = cell.number_format if cell.has_style and is_number(value) else ""
        cells[place] = f"{limit[1]}{value:.15g}" if (limit := _LIMIT_FORMAT.match(shown_as)) else value
        if "%" in _FORMAT_LITERALS.sub("", shown_as):
            percent.append(place)
        if cell.has_style and cell.font.strike:
            struck.append(place)
    height, width = (1 + max((place[axis] for place in cells), default=-1) for axis in (0, 1))
    if height * width > MAX_CELLS:
        title, last = sheet.title[:40], f"{get_column_letter(width)}{height}"
        raise UserError(f"sheet {title!r}: cells lie scattered from A1 to {last}; delete those far from the tables")
    result = Sheet(sheet.title, [[cells.get((r, c), EMPTY) for c in range(width)] for r in range(height)])
    result.hidden, result.percent, result.struck = sheet.sheet_state != "visible", {*percent}, {*struck}
    merged = [r for r in sheet.merged_cells.ranges if r.min_row <= height and r.min_col <= width]
    areas = [(r.min_row - 1, r.min_col - 1, min(r.max_row, height) - 1, min(r.max_col, width) - 1) for r in merged]
    totals = accumulate((bottom - top + 1) * (right - left + 1) for top, left, bottom, right in areas)
    # Areas cannot overlap, so areas beyond the size of the rectangle are damage that would only cost time.
    result.merged = [area for area, total in zip(areas, totals, strict=True) if total <= height * width]
    result.hidden_rows = {number - 1 for number, row in sheet.row_dimensions.items() if row.hidden}
    hidden = [range((c.min or 1) - 1, c.max or 1) for c in sheet.column_dimensions.values() if c.hidden]
    result.hidden_columns = {i for i in range(width) if any(i in area for area in hidden)}
    return result


def _plain_value(value: Any) -> Any:
    """Return the value of a cell as text, number, boolean or date; a blank text becomes ``EMPTY``."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return EMPTY
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date()
    return value if isinstance(value, (str, bool, int, float, *DATES)) else str(value)


def _sheet_from_rows(name: str, rows: list[list], *, hidden: bool = False) -> Sheet:
    """Build a sheet from rows of unequal length, without blank rows at the end."""
    width = max((len(row) for row in rows), default=0)
    while rows and not any(value != EMPTY for value in rows[-1]):
        rows.pop()
    return Sheet(name, [row + [EMPTY] * (width - len(row)) for row in rows], hidden=hidden)


def _read_with_calamine(path: Path) -> list[Sheet]:
    """Read the values of .xls, .xlsb and .ods, and of large .xlsx."""
    import python_calamine

    book, sheets = python_calamine.load_workbook(path), []
    for sheet in book.sheets_metadata:
        if str(sheet.typ).endswith("WorkSheet"):
            cells = book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
            rows = [list(map(_plain_value, row)) for row in cells]
            sheets.append(_sheet_from_rows(sheet.name, rows, hidden=not str(sheet.visible).endswith("Visible")))
    return sheets


def _read_delimited(path: Path) -> Workbook:
    """Read text with commas, semicolons or tabs as one sheet; numbers with a decimal comma remain text."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace").replace("\ufffd", "\0")  # cp1252 has no character for such a byte
    if "\0" in text:
        raise UserError("not a workbook and not text")
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    counts = {separator: [line.count(separator) for line in lines] for separator in ("\t", ";", ",")}
    delimiter = max(counts, key=lambda s: (sum(n > 0 for n in counts[s]), s != ","))
    if not lines or not any(counts[delimiter]):
        raise UserError("a text file without commas, semicolons or tabs")
    csv.field_size_limit(1 << 20)
    rows = [list(map(_parse_number, row)) for row in csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)]
    width = max(map(len, rows))
    short = [str(number) for number, row in enumerate(rows, start=1) if 1 < len(row) < width]
    remark = f"rows with fewer cells than others, whose values may be in the wrong columns: {join_first(short, 10)}"
    return Workbook(path, [_sheet_from_rows(path.stem, rows)], remarks=[remark] if short else [])


def _parse_number(cell: str) -> str | float:
    """Return a plain number as a float; codes such as 007 remain text."""
    text = cell.strip()
    plain = len(text) < 40 and re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", text)
    return float(text) if plain else text


def _read_statistics_file(path: Path) -> Workbook:
    """Read an SPSS, Stata or SAS file; variable labels become the header, and value labels replace the values."""
    try:
        import pyreadstat
    except ImportError:
        command = "pip install --editable '.[statistics-files]'"
        raise UserError(f"a file of SPSS, Stata or SAS needs a reader: {command}") from None
    frame, meta = getattr(pyreadstat, f"read_{STATISTICS_FORMATS[path.suffix.lower()]}")(path)
    single = [name for name, kind in meta.readstat_variable_types.items() if kind == "float" and name in frame]
    # Stata stores 5.1 in single precision. As a double it would be 5.099999904632568, and ties would be lost.
    frame[single] = frame[single].astype("float32").astype(str).astype(float)
    for name, value_labels in meta.variable_value_labels.items():
        frame[name] = [value_labels.get(value, value) for value in frame[name]]
    header = [meta.column_names_to_labels.get(name) or name for name in frame]
    body = frame.astype(object).where(frame.notna(), None).values.tolist()
    sheet = _sheet_from_rows(path.stem, [header, *(list(map(_plain_value, row)) for row in body)])
    sheet.names = list(map(str, frame))
    return Workbook(path, [sheet])


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)  # so that nothing a library prints becomes part of the output
        output.write(_read_within_limits(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
