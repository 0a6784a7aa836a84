"""Write tables: CSV as formatted and in full precision, HTML, and one workbook."""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.packaging.core import DocumentProperties
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from ..files import LABEL_COLUMN, atomic, escape_formula, set_fixed_date, write_csv, write_json, write_text
from ..formatting import MINUS
from ..pages import template_engine
from .build import ENDINGS, BuiltTable

FONT = "Arial"
# Workbooks store their date; a fixed one makes the same numbers give the same bytes.
_EPOCH = datetime(2000, 1, 1)
_NUMBER = re.compile(rf"{MINUS}?\d+(?:\.(\d+))?")


def write_tables(tables: Sequence[BuiltTable], folder: Path | str) -> None:
    """Write every table into a folder, as KEY with each of ``ENDINGS``, and all of them into tables.xlsx and tables.json."""
    folder, contents = Path(folder), {}
    for table in tables:
        formatted, exact, html = (folder / f"{table.key}{ending}" for ending in ENDINGS)
        write_csv(_cell_frame(table), formatted, label=table.data_label)
        write_csv(exact_frame(table), exact)
        write_text(render_html(table), html)
        contents[table.key] = vars(table) | {"rows": [{"cells": r.cells, "section": r.section} for r in table.rows]}
    write_workbook(tables, folder / "tables.xlsx")
    write_json(contents, folder / "tables.json")


def exact_frame(table: BuiltTable):
    """Return the numbers of a table in full precision, with the label of synthetic data in a last column, ``data``."""
    frame = pd.DataFrame([row.exact for row in table.rows]) if table.rows else _cell_frame(table)  # for its header
    counts = [name for name in frame if name.endswith(("_n", "_count"))]
    frame = frame.astype(dict.fromkeys(counts, "Int64"))
    return frame.assign(**{LABEL_COLUMN: table.data_label}) if table.data_label else frame


def _cell_frame(table: BuiltTable):
    frame = pd.DataFrame([row.cells for row in table.rows], columns=list(table.columns), dtype=object)
    return frame.replace(rf"^{MINUS}(?=[\d.]+$)", "-", regex=True)  # which other programs read as a number


def render_html(table: BuiltTable) -> str:
    """Return a table as a self-contained page."""
    return template_engine().get_template("table_page.html.j2").render(table=table, label=table.data_label)


def write_workbook(tables: Sequence[BuiltTable], path: Path | str) -> None:
    """Write a workbook with two sheets per table: one formatted, with title, label and notes, and one in full precision.

    A cell that is one number is stored as a number with the decimals shown, so that columns sort and compute.
    """
    book = Workbook()
    book.remove(book.active)
    for table in tables:
        name = re.sub(r"[\[\]:*?/\\]", " ", table.label)
        _write_formatted(book.create_sheet(name[:28]), table)  # 31 are allowed; openpyxl numbers a second one
        exact, frame = book.create_sheet(f"{name[:22]} exact"), exact_frame(table)
        _append_row(exact, frame.columns, bold=True)
        for row in frame.astype(object).where(frame.notna(), None).to_numpy().tolist():
            _append_row(exact, row)
        exact.freeze_panes, exact.print_title_rows = "A2", "1:1"
        exact.sheet_format.defaultColWidth = 16
    for sheet in book:
        sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0  # as wide as the page
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
    labels = "; ".join(dict.fromkeys(table.data_label for table in tables if table.data_label)) or None
    book.properties = DocumentProperties(title="Tables", description=labels, creator="d-q-trial", created=_EPOCH)
    with atomic(path) as temporary:
        book.save(temporary)
        set_fixed_date(temporary, _EPOCH)


def _write_formatted(sheet, table: BuiltTable) -> None:
    """Write a formatted table: title, label of the data, header, rows, notes."""
    wrapped = Alignment(wrap_text=True, vertical="top")
    _append_row(sheet, [f"{table.label}. {table.title}"], bold=True)
    if table.data_label:
        _append_row(sheet, [table.data_label], bold=True, colour="7A1F00", fill=PatternFill("solid", fgColor="FFF3CD"))
    _append_row(sheet, table.columns, bold=True, border=Border(bottom=Side(style="thin")), alignment=wrapped)
    header = sheet.max_row
    # By its name: accessing the cell would create it, and leave an empty row.
    sheet.freeze_panes = f"{get_column_letter(table.headings + 1)}{header + 1}"
    sheet.print_title_rows = f"2:{header}"  # includes the label of the data, which is above the header
    for section, rows in groupby(table.rows, key=attrgetter("section")):
        if section:
            _append_row(sheet, [section], bold=True)
        for row in rows:
            _append_row(sheet, row.cells, numbers_from=table.headings)
    columns = zip(table.columns, *(row.cells for row in table.rows), strict=True)
    # In characters; a long heading is wrapped.
    widths = [min(max(min(len(heading), 16), *map(len, cells), 0) + 2, 44) for heading, *cells in columns]
    for index, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    # Wrapped text needs an explicit height: no program computes it on opening.
    lines = max(math.ceil(1.1 * len(name) / width) for name, width in zip(table.columns, widths, strict=True))
    sheet.row_dimensions[header].height = 15 * lines
    for note in table.notes:
        _append_row(sheet, [note], alignment=wrapped)
        sheet.merge_cells(start_row=sheet.max_row, end_row=sheet.max_row, start_column=1, end_column=len(widths))
        sheet.row_dimensions[sheet.max_row].height = 15 * math.ceil(1.1 * len(note) / sum(widths))


def _append_row(sheet, cells: Iterable[Any], *, numbers_from=math.inf, bold=False, colour="", **style) -> None:
    """Append a row of cells in one font; from column ``numbers_from``, counted from 0, a text that is a number becomes one."""
    font = Font(name=FONT, size=10, bold=bold, color=colour or None)
    values = [escape_formula(value) if isinstance(value, str) else value for value in cells]
    sheet.append(values)
    for column, (cell, value) in enumerate(zip(sheet[sheet.max_row], values, strict=False)):
        cell.font = font
        if column >= numbers_from and (match := _NUMBER.fullmatch(value)):
            cell.value = float(value.replace(MINUS, "-"))
            cell.number_format = "0" + (f".{'0' * len(match[1])}" if match[1] else "")
        for name, setting in style.items():
            setattr(cell, name, setting)
