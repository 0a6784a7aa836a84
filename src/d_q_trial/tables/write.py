"""Write tables: CSV as printed and in full precision, HTML, and one workbook with a sheet each."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import atomic, safe_text, write_csv, write_text
from ..pages import environment

if TYPE_CHECKING:
    from .build import SetTable

# Workbooks carry dates inside; these stand in for the clock so that the same numbers give the same bytes.
_EPOCH = datetime(2000, 1, 1)
_ZIP_EPOCH = (2000, 1, 1, 0, 0, 0)
LABEL_COLUMN = "data"


def write_tables(tables: Sequence[SetTable], folder: Path | str) -> list[Path]:
    """Write every table into a folder.

    Returns
    -------
    list of Path
        For each table KEY.csv (as printed), KEY_exact.csv and KEY.html, then tables.xlsx.
    """
    folder = Path(folder)
    written = []
    for table in tables:
        paths = [folder / f"{table.key}{end}" for end in (".csv", "_exact.csv", ".html")]
        write_csv(printed_frame(table), paths[0])
        write_csv(exact_frame(table), paths[1])
        write_text(page(table), paths[2])
        written += paths
    write_workbook(tables, folder / "tables.xlsx")
    return [*written, folder / "tables.xlsx"]


def printed_frame(table: SetTable):
    """Return a table as printed; the label of marked data stands in a last column, ``data``."""
    import pandas as pd

    frame = pd.DataFrame([row.cells for row in table.rows], columns=list(table.columns), dtype=object)
    return _labelled(frame.map(safe_text), table)


def exact_frame(table: SetTable):
    """Return the numbers of a table in full precision; the label of marked data stands in a last column, ``data``."""
    import pandas as pd

    frame = pd.DataFrame([row.exact for row in table.rows])
    counted = [name for name in frame if name.endswith(("_n", "_count"))]
    return _labelled(frame.astype(dict.fromkeys(counted, "Int64")), table)


def _labelled(frame, table: SetTable):
    return frame.assign(**{LABEL_COLUMN: table.data_label}) if table.data_label else frame


def page(table: SetTable) -> str:
    """Return a table as a page of its own, which needs no other file."""
    return environment().get_template("table_page.html.j2").render(table=table)


def write_workbook(tables: Sequence[SetTable], path: Path | str) -> None:
    """Write a workbook with a sheet per table: title, label of the data, header, rows, notes."""
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
    from openpyxl.utils import get_column_letter

    book = Workbook()
    book.remove(book.active)
    bold, marked = Font(bold=True), Font(bold=True, color="7A1F00")
    fill, line = PatternFill("solid", fgColor="FFF3CD"), Border(bottom=Side(style="thin"))
    wrapped = Alignment(wrap_text=True, vertical="top")
    for table in tables:
        sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", " ", table.label)[:31])

        def put(cells, sheet=sheet, **style):
            sheet.append([safe_text(cell) for cell in cells])
            for cell in sheet[sheet.max_row][: len(cells)]:
                for name, value in style.items():
                    setattr(cell, name, value)

        put([f"{table.label}. {table.title}"], font=bold)
        if table.data_label:
            put([table.data_label], font=marked, fill=fill)
        put(table.columns, font=bold, border=line, alignment=wrapped)
        # By its name: asking for the cell would make it, and leave an empty row.
        sheet.freeze_panes = f"{get_column_letter(table.headings + 1)}{sheet.max_row + 1}"
        section = None
        for row in table.rows:
            if row.section and row.section != section:
                put([row.section], font=bold)
            section = row.section
            put(row.cells)
        widths = []
        for index, name in enumerate(table.columns):
            longest = max([len(row.cells[index]) for row in table.rows] + [min(len(name), 16)])
            widths.append(min(longest + 2, 44))
            sheet.column_dimensions[get_column_letter(index + 1)].width = widths[-1]
        for note in table.notes:
            put([note], alignment=wrapped)
            sheet.merge_cells(start_row=sheet.max_row, end_row=sheet.max_row, start_column=1, end_column=len(widths))
            sheet.row_dimensions[sheet.max_row].height = 15 * math.ceil(1.1 * len(note) / sum(widths))
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.fitToHeight = 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
    labels = dict.fromkeys(table.data_label for table in tables if table.data_label)
    book.properties.title = "Tables"
    book.properties.description = "; ".join(labels) or None
    book.properties.creator = "d-q-trial"
    book.properties.created = _EPOCH
    with atomic(path) as temporary:
        book.save(temporary)
        _without_clock(temporary)


def _without_clock(path: Path) -> None:
    """Write the parts of a workbook again with fixed dates."""
    with zipfile.ZipFile(path) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    stamp = _EPOCH.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, content)
            entry = zipfile.ZipInfo(name, _ZIP_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
