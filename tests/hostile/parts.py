"""A small sound workbook as parts, and how to put changed parts together again."""

import io
import re
import zipfile

import openpyxl

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = "xl/worksheets/sheet1.xml"
BOOK_RELATIONS = "xl/_rels/workbook.xml.rels"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRINGS = "xl/sharedStrings.xml"
TYPES = "[Content_Types].xml"

OUTCOMES = ["CTx baseline (ng/mL)", "CTx 20 wk (ng/mL)", "P1NP baseline", "P1NP 20 wk"]


def sound_parts():
    """Parts of a workbook that any reader should understand: name -> bytes. Texts are shared, as Excel writes them."""
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
    if STRINGS not in parts:
        _share_texts(parts)
    return parts


def _share_texts(parts):
    texts = []

    def share(match):
        texts.append(match[2])
        return b'%s t="s"><v>%d</v></c>' % (match[1], len(texts) - 1)

    parts[SHEET] = re.sub(rb'(<c r="\w+") t="inlineStr"><is><t>([^<]*)</t></is></c>', share, parts[SHEET])
    items = b"".join(b"<si><t>" + text + b"</t></si>" for text in texts)
    parts[STRINGS] = b'<sst xmlns="' + MAIN.encode() + b'">' + items + b"</sst>"
    relation = (
        f'<Relationship Id="rId99" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml" /></Relationships>'
    )
    parts[BOOK_RELATIONS] = parts[BOOK_RELATIONS].replace(b"</Relationships>", relation.encode())
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/{STRINGS}" ContentType="{kind}" /></Types>'
    parts[TYPES] = parts[TYPES].replace(b"</Types>", override.encode())


def write(path, parts, compression=zipfile.ZIP_DEFLATED):
    """Write parts as a zip archive; a part may be bytes or an iterable of bytes."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            info.compress_type = compression
            with archive.open(info, "w", force_zip64=False) as part:
                for piece in [content] if isinstance(content, bytes) else content:
                    part.write(piece)


def changed(path, **edits):
    """Write the sound workbook with parts replaced; keys as the constants' names, e.g. ``SHEET=...``."""
    parts = sound_parts()
    for key, content in edits.items():
        name = globals()[key]
        parts[name] = content(parts[name]) if callable(content) else content
    write(path, parts)


def sheet(rows, before=b"", after=b""):
    """A worksheet part around ready-made rows (bytes or an iterable of bytes)."""
    yield (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<worksheet xmlns="' + MAIN.encode() + b'">' + before + b"<sheetData>"
    )
    yield from [rows] if isinstance(rows, bytes) else rows
    yield b"</sheetData>" + after + b"</worksheet>"
