"""Take a small valid workbook apart, and write changed parts as a workbook.

``small.xlsx`` has one sheet, Data, of twelve invented participants: ID, Arm, Age, p16 variant 5, and CTx and P1NP at baseline
and 20 weeks. Its strings are shared, as in Excel. ``table.ods`` has one sheet, Data, of three rows.
"""

import zipfile
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = "xl/worksheets/sheet1.xml"
BOOK_RELATIONS = "xl/_rels/workbook.xml.rels"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRINGS = "xl/sharedStrings.xml"
TYPES = "[Content_Types].xml"


def valid_parts():
    """Return the parts of a workbook that any reader should understand: name -> bytes."""
    with zipfile.ZipFile(Path(__file__).with_name("small.xlsx")) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_zip(path, parts, compression=zipfile.ZIP_DEFLATED):
    """Write parts as a zip archive; a part is bytes, an iterable of bytes, or None to omit it."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            info.compress_type = compression
            if content is not None:
                with archive.open(info, "w", force_zip64=False) as part:
                    part.writelines([content] if isinstance(content, bytes) else content)


def worksheet(rows=b"", before=b"", after=b""):
    """Yield the part of a worksheet with these rows (bytes or an iterable of bytes)."""
    yield b'<worksheet xmlns="%s">%s<sheetData>' % (MAIN.encode(), before)
    yield from [rows] if isinstance(rows, bytes) else rows
    yield b"</sheetData>" + after + b"</worksheet>"
