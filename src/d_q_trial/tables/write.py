"""Write tables: CSV as shown and in full precision, HTML, LaTeX, and one workbook."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter, methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import LABEL_COLUMN, atomic, escape_formula, set_fixed_date, write_csv, write_json, write_text
from ..formatting import MINUS
from ..pages import template_engine

if TYPE_CHECKING:
    from .build import BuiltTable

# Signs and letters that pdflatex knows in formulas alone, and those that mean something else to it.
_GREEK = {letter: "\\" + unicodedata.name(letter).split()[-1].lower() for letter in map(chr, range(0x3B1, 0x3CA))}
_FORMULA = {"<": "<", ">": ">", "−": "-", "≤": r"\le", "≥": r"\ge", "×": r"\times"} | _GREEK
_LATEX = {sign: f"${formula}$" for sign, formula in _FORMULA.items()} | {sign: f"\\{sign}" for sign in "&%$#_{}"}
_LATEX |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
_LATEX |= {sign: f"{{{sign}}}" for sign in "[*"}  # at the start of a row, an option of the row above
_in_latex = methodcaller("translate", str.maketrans(_LATEX))
ENDINGS = (".csv", "_exact.csv", ".html", ".tex")  # of the files of each table
_SIGNS = ("block_start_string", "block_end_string", "variable_start_string", "variable_end_string")
PORTRAIT, LANDSCAPE = 85, 120  # characters that a line of LaTeX has room for
FONT = "Arial"
# Workbooks carry dates inside; these stand in for the clock so that the same numbers give the same bytes.
_EPOCH = datetime(2000, 1, 1)
_NUMBER = re.compile(rf"{MINUS}?\d+(?:\.(\d+))?")


def write_tables(tables: Sequence[BuiltTable], folder: Path | str) -> None:
    """Write every table into a folder, as KEY with each of ``ENDINGS``, and all of them into tables.xlsx and tables.json."""
    folder, described = Path(folder), {}
    for table in tables:
        shown, exact, html, tex = (folder / f"{table.key}{end}" for end in ENDINGS)
        write_csv(_cells(table), shown, label=table.data_label)
        write_csv(exact_frame(table), exact)
        write_text(render_html(table), html)
        write_text(render_latex(table), tex)
        rows = [{"cells": row.cells, "section": row.section} for row in table.rows]
        described[table.key] = vars(table) | {"rows": rows}
    write_workbook(tables, folder / "tables.xlsx")
    write_json(described, folder / "tables.json")


def exact_frame(table: BuiltTable):
    """Return the numbers of a table in full precision, with the label of synthetic data in a last column, ``data``."""
    import pandas as pd

    frame = pd.DataFrame([row.exact for row in table.rows]) if table.rows else _cells(table)  # a header at least
    counted = [name for name in frame if name.endswith(("_n", "_count"))]
    frame = frame.astype(dict.fromkeys(counted, "Int64"))
    return frame.assign(**{LABEL_COLUMN: table.data_label}) if table.data_label else frame


def _cells(table: BuiltTable):
    import pandas as pd

    frame = pd.DataFrame([row.cells for row in table.rows], columns=list(table.columns), dtype=object)
    return frame.replace(rf"^{MINUS}(?=[\d.]+$)", "-", regex=True)  # a number to every program that reads the CSV


def render_html(table: BuiltTable) -> str:
    """Return a table as a page of its own, which needs no other file."""
    return template_engine().get_template("table_page.html.j2").render(table=table, label=table.data_label)


def render_latex(table: BuiltTable) -> str:
    """Return a table in LaTeX, on as many pages as it needs: title and label of synthetic data above, notes below it.

    Columns share the width of the page by their contents; a table that is wider than a page is turned on its side, and
    columns of several words give way to those of one.
    """
    widths, words = _widths(table), _widths(table, one_word=True)
    turned, more = sum(widths) > PORTRAIT, sum(widths) - sum(words)
    scale = min(1, max(0, LANDSCAPE - sum(words)) / more) if more else 1
    widths = [word + scale * (width - word) for width, word in zip(widths, words, strict=True)]
    shares = [width / sum(widths) for width in widths]
    sections = [(section, list(rows)) for section, rows in groupby(table.rows, key=attrgetter("section"))]
    caption = " ".join(filter(None, (f"{table.label}. {table.title}.", table.data_label)))
    values = {"table": table, "caption": caption, "turned": turned, "shares": shares, "sections": sections}
    signs = dict(zip(_SIGNS, ("<%", "%>", "<<", ">>"), strict=True))  # braces are LaTeX's own
    template = template_engine().overlay(autoescape=False, **signs).get_template("table.tex.j2")
    return template.render(tex=_in_latex, cells=lambda cells: " & ".join(map(_in_latex, cells)), **values)


def _widths(table: BuiltTable, *, one_word: bool = False) -> list[int]:
    """Return the widths of the columns in characters, for whole cells or their longest words; a long heading is wrapped."""
    parts = str.split if one_word else lambda cell: [cell]
    columns = zip(table.columns, *(row.cells for row in table.rows), strict=True)
    longest = ([max(map(len, ("", *parts(cell)))) for cell in column] for column in columns)
    return [min(max(min(name, 16), *cells, 0) + 2, 44) for name, *cells in longest]


def write_workbook(tables: Sequence[BuiltTable], path: Path | str) -> None:
    """Write a workbook with two sheets per table: as shown, with title, label and notes, and in full precision.

    A cell that is one number is stored as a number with the decimals shown, so that columns sort and compute.
    """
    from openpyxl import Workbook
    from openpyxl.packaging.core import DocumentProperties

    book = Workbook()
    book.remove(book.active)
    for table in tables:
        name = re.sub(r"[\[\]:*?/\\]", " ", table.label)
        _write_shown(book.create_sheet(name[:31]), table)
        exact = book.create_sheet(f"{name[:25]} exact")
        frame = exact_frame(table)
        _append(exact, frame.columns, bold=True)
        for row in frame.astype(object).where(frame.notna(), None).to_numpy().tolist():
            _append(exact, row)
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


def _write_shown(sheet, table: BuiltTable) -> None:
    """Write a table as shown: title, label of the data, header, rows, notes."""
    from openpyxl.styles import Alignment, Border, PatternFill, Side
    from openpyxl.utils import get_column_letter

    wrapped = Alignment(wrap_text=True, vertical="top")
    _append(sheet, [f"{table.label}. {table.title}"], bold=True)
    if table.data_label:
        _append(sheet, [table.data_label], bold=True, colour="7A1F00", fill=PatternFill("solid", fgColor="FFF3CD"))
    _append(sheet, table.columns, bold=True, border=Border(bottom=Side(style="thin")), alignment=wrapped)
    header = sheet.max_row
    # By its name: asking for the cell would make it, and leave an empty row.
    sheet.freeze_panes = f"{get_column_letter(table.headings + 1)}{header + 1}"
    sheet.print_title_rows = f"2:{header}"  # with the label of the data, which stands above the header
    for section, rows in groupby(table.rows, key=attrgetter("section")):
        if section:
            _append(sheet, [section], bold=True)
        for row in rows:
            _append(sheet, row.cells, typed=True)
    widths = _widths(table)
    for index, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    # Wrapped text needs its height stated: no program computes it on opening.
    lines = max(math.ceil(1.1 * len(name) / width) for name, width in zip(table.columns, widths, strict=True))
    sheet.row_dimensions[header].height = 15 * lines
    for note in table.notes:
        _append(sheet, [note], alignment=wrapped)
        sheet.merge_cells(start_row=sheet.max_row, end_row=sheet.max_row, start_column=1, end_column=len(widths))
        sheet.row_dimensions[sheet.max_row].height = 15 * math.ceil(1.1 * len(note) / sum(widths))


def _append(
    sheet, cells: Iterable[Any], *, typed: bool = False, bold: bool = False, colour: str | None = None, **style
) -> None:
    """Append a row of cells in one font; ``typed`` stores a cell that is one number as a number."""
    from openpyxl.styles import Font

    font = Font(name=FONT, size=10, bold=bold, color=colour)
    values = [escape_formula(value) if isinstance(value, str) else value for value in cells]
    sheet.append(values)
    for cell, value in zip(sheet[sheet.max_row], values, strict=False):
        cell.font = font
        if typed and (match := _NUMBER.fullmatch(value)):
            cell.value = float(value.replace(MINUS, "-"))
            cell.number_format = "0" + (f".{'0' * len(match[1])}" if match[1] else "")
        for name, setting in style.items():
            setattr(cell, name, setting)
