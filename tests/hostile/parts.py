"""Take a small valid workbook apart, and write changed parts as a workbook."""

import io
import itertools
import re
import zipfile

import openpyxl

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = "xl/worksheets/sheet1.xml"
BOOK_RELATIONS = "xl/_rels/workbook.xml.rels"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRINGS = "xl/sharedStrings.xml"
STRINGS_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
TYPES = "[Content_Types].xml"

OUTCOMES = ["CTx baseline (ng/mL)", "CTx 20 wk (ng/mL)", "P1NP baseline", "P1NP 20 wk"]


def valid_parts():
    """Return the parts of a workbook that any reader should understand: name -> bytes. Strings are shared, as in Excel."""
    book = openpyxl.Workbook()
    book.active.title = "Data"
    book.active.append(["ID", "Arm", "Age", "p16 variant 5", *OUTCOMES])
    for i in range(12):
        ctx, p1np, arm = 0.3 + 0.01 * i, 40.0 + 2 * i, ("D+Q", "Control")[i % 2]
        outcomes = [ctx, ctx + 0.02 * (i % 5), p1np, p1np + i % 7]
        book.active.append([f"P{i + 1:02d}", arm, 65 + i, 1.5 + 0.1 * i, *outcomes])
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(stream) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    inline_string, numbers = rb' t="inlineStr"><is>(<t>[^<]*</t>)</is>', itertools.count()
    items = b"".join(b"<si>%s</si>" % item for item in re.findall(inline_string, parts[SHEET]))
    parts[SHEET] = re.sub(inline_string, lambda _: b' t="s"><v>%d</v>' % next(numbers), parts[SHEET])
    parts[STRINGS] = b'<sst xmlns="%s">%s</sst>' % (MAIN.encode(), items)
    for name, entry in (
        (BOOK_RELATIONS, f'<Relationship Id="rId99" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/>'),
        (TYPES, f'<Override PartName="/{STRINGS}" ContentType="{STRINGS_TYPE}"/>'),
    ):
        parts[name] = re.sub(rb"(?=</\w+>\s*$)", entry.encode(), parts[name])
    return parts


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
