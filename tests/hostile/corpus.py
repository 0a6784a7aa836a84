"""Every hostile file by name: how to write it, and what has to come of it.

``refused`` maps a name to (writer, pattern of the one-line message); ``read`` maps a name to (writer, pattern of a
note or None). Writers take the path to write.
"""

import gzip
import io
import itertools
import os
import re
import struct
import zipfile
import zlib
from string import ascii_uppercase

from .parts import (
    BOOK,
    MAIN,
    SHEET,
    STRINGS,
    STYLES,
    TYPES,
    changed,
    deflated,
    letters,
    sheet,
    sound_parts,
    write,
    zip_by_hand,
)

refused, read = {}, {}


def _refused(pattern):
    def register(writer):
        refused[writer.__name__] = (writer, pattern)
        return writer

    return register


def _read(pattern=None):
    def register(writer):
        read[writer.__name__] = (writer, pattern)
        return writer

    return register


# Not a workbook ------------------------------------------------------------------------------------------------------


def _bytes(name, content, pattern):
    def writer(path):
        path.write_bytes(content() if callable(content) else content)

    writer.__name__ = name
    refused[name] = (writer, pattern)


def ole(*streams):
    """A compound file with directory entries of these names, as .xls and protected workbooks have."""
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    entries = b"".join(s.encode("utf-16-le").ljust(64, b"\0") + bytes(64) for s in ("Root Entry", *streams))
    return header + entries + bytes(5000)


def _zip_of(**parts):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return stream.getvalue()


HTML = (
    b"<html xmlns:x='urn:schemas-microsoft-com:office:excel'><body><table><tr><td>CTx</td></tr></table></body></html>"
)
_bytes("empty_file", b"", "empty")
_bytes("zero_bytes", bytes(8000), "zero bytes")
_bytes("random_bytes", b"\x01\x02\x03" + zlib.compress(bytes(range(256)) * 9), "unknown kind")
_bytes("old_xls", ole("Workbook", "\x05SummaryInformation"), r"\.xls\): open")
_bytes("very_old_xls", b"\x09\x08\x10\x00\x00\x05" + bytes(300), r"\.xls")
_bytes("protected", ole("EncryptionInfo", "EncryptedPackage"), "password-protected")
_bytes("old_word", ole("WordDocument"), "Word")
_bytes("other_compound", ole("Something"), "compound file")
_bytes("csv", b"id,arm,ctx\n1,D+Q,0.3\n", "separated by comma")
_bytes("csv_semicolon", b"\xef\xbb\xbfid;arm;ctx\n1;D+Q;0,3\n", "separated by semicolon")
_bytes("tsv_utf_16", "id\tarm\n1\tD+Q\n".encode("utf-16"), "separated by tab")
_bytes("html_as_xls", HTML, "web page")
_bytes("html_with_doctype", b"\n<!DOCTYPE html>\n<html lang=en><head><title>Not found</title>", "web page")
_bytes("xml_of_2003", b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?><Workbook/>', "2003")
_bytes("other_xml", b'<?xml version="1.0"?><article/>', "an XML file")
_bytes("json", b'{"data": []}', "JSON")
_bytes("text", b"see the supplement\n", "text file")
_bytes("pdf", b"%PDF-1.7\n" + bytes(100), "PDF")
_bytes("gzipped", lambda: gzip.compress(b"workbook", mtime=0), "gzip")
_bytes("lfs_pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS")
_bytes("docx", _zip_of(**{TYPES: "<Types/>", "word/document.xml": "<d/>"}), "Word document")
_bytes("pptx", _zip_of(**{TYPES: "<Types/>", "ppt/presentation.xml": "<d/>"}), "PowerPoint")
_bytes("xlsb", _zip_of(**{TYPES: "<Types/>", "xl/workbook.bin": "x"}), r"\.xlsb")
_bytes("ods", _zip_of(**{"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<d/>"}), "ods")
_bytes("numbers", _zip_of(**{"Index/Document.iwa": "x"}), "Numbers")
_bytes("zip_with_workbook", _zip_of(**{"supplement/data.xlsx": "x"}), r"data\.xlsx inside")
_bytes("zip_without_workbook", _zip_of(**{"a.txt": "x"}), "without a workbook")
_bytes("zip_without_members", _zip_of(), "empty zip")
_bytes("office_without_workbook", _zip_of(**{TYPES: "<Types/>"}), "without the part")
_bytes("only_the_letters_pk", b"PK", "truncated")


@_refused("a folder")
def folder(path):
    path.mkdir()


@_refused("no such file")
def missing_file(path):
    pass


@_refused("not a regular file")
def named_pipe(path):
    os.mkfifo(path)


# Damaged -------------------------------------------------------------------------------------------------------------


def _sound(path):
    write(path, sound_parts())
    return path.read_bytes()


@_refused("truncated")
def truncated_by_half(path):
    content = _sound(path)
    path.write_bytes(content[: len(content) // 2])


@_refused("not where it should be|truncated")
def truncated_by_a_byte(path):
    path.write_bytes(_sound(path)[:-1])


@_refused("damaged")
def beginning_missing(path):
    path.write_bytes(b"PK" + _sound(path)[600:])


@_refused("not where it should be")
def two_end_records(path):
    content = _sound(path)
    path.write_bytes(content + content[-22:])


@_refused("damaged")
def flipped_bit_in_sheet(path):
    content = bytearray(_sound(path))
    content[content.index(SHEET.encode()) + len(SHEET) + 200] ^= 4
    path.write_bytes(content)


@_refused("checksum")
def flipped_bit_in_stored_sheet(path):
    write(path, sound_parts(), zipfile.ZIP_STORED)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"<v>65</v>", b"<v>66</v>", 1))


@_refused("packed in a way")
def packed_by_lzma(path):
    write(path, sound_parts(), zipfile.ZIP_LZMA)


@_refused("password-protected")
def protected_archive(path):
    members = [(n, b, 0, zlib.crc32(b), len(b), 1) for n, b in sound_parts().items()]
    zip_by_hand(path, members)


# Bombs ---------------------------------------------------------------------------------------------------------------

MEGABYTE = b" " * (1 << 20)


def _with_member(path, name, packed, size, *, crc=0):
    members = [(n, b, 0, zlib.crc32(b), len(b), 0) for n, b in sound_parts().items() if n != name]
    zip_by_hand(path, [*members, (name, packed, 8, crc, size, 0)])


@_refused("unpacks to")
def bomb_that_says_so(path):
    _with_member(path, SHEET, deflated(MEGABYTE), 700 << 20)


@_refused("times its size|unpacks to more")
def bomb_that_lies(path):
    _with_member(path, SHEET, deflated(itertools.repeat(MEGABYTE, 100)), 1000)


@_refused("times its size")
def bomb_by_ratio(path):
    _with_member(path, "xl/media/image1.png", deflated(itertools.repeat(MEGABYTE, 100)), 100 << 20)


@_refused("overlap")
def bomb_by_overlap(path):
    write(path, sound_parts())
    content = path.read_bytes()
    start, size = struct.unpack("<II", content[-10:-2])[1], struct.unpack("<II", content[-10:-2])[0]
    table = content[start : start + size]
    count = struct.unpack("<H", content[-12:-10])[0]
    end = struct.pack("<HHHHIIH", 0, 0, count * 9, count * 9, size * 9, start, 0)
    path.write_bytes(content[:start] + table * 9 + b"PK\x05\x06" + end)


@_refused("parts")
def many_members(path):
    members = [(f"xl/worksheets/s{i}.xml", b"", 0, 0, 0, 0) for i in range(60_000)]
    zip_by_hand(path, [(TYPES, b"", 0, 0, 0, 0), (BOOK, b"", 0, 0, 0, 0), *members])


@_refused("parts")
def many_members_that_lie(path):
    members = [(f"x{i}", b"", 0, 0, 0, 0) for i in range(100_000)]
    zip_by_hand(path, [(TYPES, b"", 0, 0, 0, 0), (BOOK, b"", 0, 0, 0, 0), *members], declared=9)


@_read("embedded")
def nested_bomb(path):
    inner = path.with_name("inner.zip")
    write(inner, {"b.xml": itertools.repeat(MEGABYTE, 100)})
    write(path, sound_parts() | {"xl/embeddings/bomb.zip": inner.read_bytes()})
    inner.unlink()


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
)


def _laughing(part, entity="&j;"):
    text = part.decode()
    at = text.index("<", text.find("?>") + 1)
    text = text[:at] + LAUGHS + "]>" + text[at:]
    return text.replace(">ID<", f">{entity}<")


def _in_part(name, key, encode):
    def writer(path):
        changed(path, **{key: encode})

    writer.__name__ = name
    refused[name] = (writer, "document type")


_in_part("laughs_in_strings", "STRINGS", lambda part: _laughing(part).encode())
_in_part("laughs_in_book", "BOOK", lambda part: _laughing(part).encode())
_in_part("laughs_in_types", "TYPES", lambda part: _laughing(part).encode())
_in_part("laughs_in_styles", "STYLES", lambda part: _laughing(part).encode())
_in_part("laughs_in_sheet", "SHEET", lambda part: _laughing(part).encode())
_in_part("laughs_in_utf_16", "STRINGS", lambda part: _laughing(part).encode("utf-16"))
_in_part("laughs_in_utf_16_be", "STRINGS", lambda part: _laughing(part).encode("utf-16-be"))
_in_part("laughs_after_comments", "SHEET", lambda part: b"<!-- <worksheet> -->\n<?x <a?>" + _laughing(part).encode())
_in_part(
    "entity_from_a_file",
    "STRINGS",
    lambda part: b'<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + part.replace(b">ID<", b">&x;<"),
)
_in_part("entity_from_an_address", "BOOK", lambda part: b'<!DOCTYPE s SYSTEM "http://127.0.0.1:9/evil.dtd">' + part)


@_refused("does not begin as XML")
def endless_prolog(path):
    changed(path, SHEET=lambda part: b"<!--" + b"-" * 100_000 + b"-->" + part)


@_refused("encoding")
def odd_encoding(path):
    changed(path, SHEET=lambda part: b'<?xml version="1.0" encoding="UTF-7"?>' + part)


def _texts(path, text, cells):
    strings = f'<sst xmlns="{MAIN}"><si><t>{text}</t></si></sst>'.encode()
    rows = (f'<row r="{i}"><c r="A{i}" t="s"><v>0</v></c></row>'.encode() for i in range(1, cells + 1))
    write(path, sound_parts() | {STRINGS: strings, SHEET: b"".join(sheet(rows))})


@_refused("not what its name says")
def long_texts_under_another_root(path):
    _texts(path, "x" * 32_000, 100_000)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    write(path, parts | {STRINGS: parts[STRINGS].replace(b"sst", b"tss")})


@_refused("one of two")
def decoy_of_shared_texts(path):
    write(path, sound_parts() | {"xl/zz.xml": f'<sst xmlns="{MAIN}"><si><t>x</t></si></sst>'.encode()})


@_refused("twice")
def sheet_there_twice(path):
    parts = sound_parts()
    members = [(n, b, 0, zlib.crc32(b), len(b), 0) for n, b in parts.items()]
    zip_by_hand(path, [*members, (SHEET.upper(), b"", 0, 0, 0, 0)])


@_refused("add up")
def one_long_text_in_many_cells(path):
    _texts(path, "x" * 32_000, 300_000)


@_refused("longer than")
def one_endless_text(path):
    _texts(path, "x" * 20_000_000, 500)


@_refused("larger than")
def endless_styles(path):
    rest = itertools.repeat(b'<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>' * 1000, 900)
    _big(path, STYLES, [f'<styleSheet xmlns="{MAIN}"><cellXfs>'.encode(), *rest, b"</cellXfs></styleSheet>"])


def _big(path, name, pieces):
    parts = sound_parts()
    parts.pop(name, None)
    write(path, parts | {name: pieces})


# Sheets that are larger than they seem, or the other way round -------------------------------------------------------


@_read()
def declared_far_too_large(path):
    changed(path, SHEET=lambda part: part.replace(b'<dimension ref="A1:H13"', b'<dimension ref="A1:XFD1048576"'))


@_read()
def declared_too_small(path):
    changed(path, SHEET=lambda part: part.replace(b'<dimension ref="A1:H13"', b'<dimension ref="A1"'))


@_read()
def million_blank_rows(path):
    rows = _data_rows()
    blank = (
        "".join(f'<row r="{r}" s="1" customFormat="1"><c r="A{r}" s="1"/><c r="B{r}" s="1"/></row>' for r in block)
        for block in (range(i, i + 1000) for i in range(1000, 1_000_000, 1000))
    )
    _big(path, SHEET, sheet(itertools.chain([rows], (text.encode() for text in blank))))


@_read()
def blank_columns_to_the_end(path):
    blank = "".join(f'<c r="{letters(c)}{r}" s="1"/>' for r in range(14, 60) for c in range(1, 16385)).encode()
    _big(path, SHEET, sheet([_data_rows(), b'<row r="14">', blank, b"</row>"]))


@_read()
def stray_cell_in_the_last_corner(path):
    changed(path, SHEET=lambda part: part.replace(b"</sheetData>", _cell(1_048_576, "XFD") + b"</sheetData>"))


@_read()
def stray_cell_out_of_order(path):
    changed(
        path,
        SHEET=lambda part: part.replace(b"<sheetData>", b"<sheetData>" + _cell(1_000_000, "XFC")).replace(
            b'<row r="2">', b'<row r="2"><c r="XFD2"><v>1</v></c>'
        ),
    )


@_refused("no worksheet can hold")
def million_columns(path):
    names = ("".join(name) for size in range(1, 6) for name in itertools.product(ascii_uppercase, repeat=size))
    cells = "".join(f'<c r="{name}1"><v>1</v></c>' for name in itertools.islice(names, 1_000_000))
    _big(path, SHEET, sheet([b'<row r="1">', cells.encode(), b"</row>"]))


@_refused("no worksheet can hold")
def million_columns_without_addresses(path):
    _big(path, SHEET, sheet([b'<row r="1">', b"<c><v>1</v></c>" * 1_000_000, b"</row>"]))


@_refused("no worksheet can hold")
def row_beyond_the_last(path):
    changed(path, SHEET=lambda part: part.replace(b"</sheetData>", _cell(9_999_999, "A") + b"</sheetData>"))


@_refused("no worksheet can hold")
def row_zero(path):
    changed(path, SHEET=lambda part: part.replace(b'r="A3"', b'r="A0"'))


@_refused("no worksheet can hold")
def nonsense_address(path):
    changed(path, SHEET=lambda part: part.replace(b'r="A3"', b'r="AAAAAAAAAAAA3"'))


@_refused("cells, blank")
def ten_million_cells(path):
    cells = "".join(f'<c r="{letters(c)}#"><v>1</v></c>' for c in range(1, 101))
    rows = (f'<row r="{r}">{cells.replace("#", str(r))}</row>'.encode() for r in range(1, 100_001))
    _big(path, SHEET, sheet(rows))


@_refused("merged areas")
def million_merged_areas(path):
    merged = b"<mergeCells>" + b'<mergeCell ref="A20:B20"/>' * 1_000_000 + b"</mergeCells>"
    _big(path, SHEET, sheet(_data_rows(), after=merged))


@_read()
def everything_merged(path):
    merged = b'<mergeCells><mergeCell ref="A20:XFD1048576"/></mergeCells>'
    changed(path, SHEET=lambda part: part.replace(b"</sheetData>", b"</sheetData>" + merged))


@_refused("well-formed|damaged")
def deeply_nested(path):
    _big(path, SHEET, sheet([_data_rows(), b"<x>" * 2_000_000]))


@_read()
def prefixed_tags(path):
    def prefix(part):
        text = part.decode().replace("</", "</x:").replace(f'xmlns="{MAIN}"', f'xmlns:x="{MAIN}"')
        return re.sub(r"<(?=[a-zA-Z])", "<x:", text).encode()

    changed(path, SHEET=prefix)


def _cell(row, column):
    return f'<row r="{row}"><c r="{column}{row}"><v>7</v></c></row>'.encode()


def _data_rows():
    part = sound_parts()[SHEET]
    return part[part.index(b"<sheetData>") + 11 : part.index(b"</sheetData>")]


# Active content, tricks with names -----------------------------------------------------------------------------------


@_read("macros")
def macros(path):
    types = (b"spreadsheetml.sheet.main+xml", b"ms-excel.sheet.macroEnabled.main+xml")
    parts = sound_parts() | {"xl/vbaProject.bin": ole("VBA")}
    parts[TYPES] = parts[TYPES].replace(b"openxmlformats-officedocument." + types[0], types[1])
    write(path, parts)


LINK = b'<externalLink xmlns="' + MAIN.encode() + b'"><externalBook xmlns:r="r" r:id="rId1"/></externalLink>'
LINK_RELATIONS = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/externalLinkPath" '
    b'Target="http://127.0.0.1:9/evil.xlsx" TargetMode="External"/></Relationships>'
)


@_read("links")
def external_links(path):
    extra = {"xl/externalLinks/externalLink1.xml": LINK}
    extra["xl/externalLinks/_rels/externalLink1.xml.rels"] = LINK_RELATIONS
    write(path, sound_parts() | extra)


@_read("connections")
def data_connections(path):
    write(path, sound_parts() | {"xl/connections.xml": b"<connections/>"})


def _title(name, title):
    def writer(path):
        changed(path, BOOK=lambda part: part.replace(b'name="Data"', f'name="{title}"'.encode()))

    writer.__name__ = name
    read[name] = (writer, None)


_title("sheet_named_as_a_path", "../../../../tmp/evil")
_title("sheet_named_as_a_root_path", "/etc/passwd")
_title("sheet_named_as_a_device", "NUL")
_title("sheet_named_with_markup", "&lt;script&gt;alert(1)&lt;/script&gt;")
_title("sheet_named_with_a_line_break", "a&#10;b")
_title("sheet_with_an_endless_name", "x" * 50_000)
_title("sheet_named_nothing", "")


@_refused("well-formed")
def sheet_named_with_a_terminal_escape(path):
    changed(path, BOOK=lambda part: part.replace(b'name="Data"', b'name="a&#27;[31m"'))


@_read()
def member_named_as_a_path(path):
    write(path, sound_parts() | {"../../../../tmp/evil.xml": b"<a/>", "/etc/evil": b"x", "C:\\evil.exe": b"x"})


@_read()
def cells_that_look_like_formulas(path):
    evil = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", '@SUM(1)"']
    names = (f">{text}<".replace("'", "&apos;").encode() for text in evil)

    def poison(part):
        for i, name in enumerate(names):
            part = part.replace(f">P0{i + 1}<".encode(), name)
        return part

    changed(path, STRINGS=poison)
