"""Files of every kind are read, or refused in one line, within 20 seconds and 1 GB."""

import contextlib
import datetime
import gzip
import random
import re
import resource
import time
from functools import partial
from itertools import pairwise
from pathlib import Path

import openpyxl
import pandas as pd
import pyreadstat
import pytest
from hostile.parts import BOOK_RELATIONS, RELATIONS, SHEET, STRINGS, TYPES, valid_parts, worksheet, write_zip
from openpyxl.utils import get_column_letter

from d_q_trial.errors import UserError
from d_q_trial.spreadsheet import loader
from d_q_trial.spreadsheet.sheets import Flag

SOUND = valid_parts()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.xlsx"


def make_compound_file(*streams):
    """Return a compound file with directory entries of these names, as .xls and protected workbooks have."""
    entries = b"".join(s.encode("utf-16-le").ljust(64, b"\0") + bytes(64) for s in ("Root Entry", *streams))
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + entries + bytes(5000)


def get_refusal(path):
    """Return the message of a refusal: one printable line that names the file."""
    with pytest.raises(UserError) as caught:
        loader.load_workbook(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_folders_missing_files_impossible_names_and_files_beyond_a_limit_of_size_or_time_are_refused(
    path, tmp_path, monkeypatch
):
    assert "a folder" in get_refusal(tmp_path)
    assert "no such file" in get_refusal(tmp_path / "no.xlsx")
    with pytest.raises(UserError, match="cannot be read"):
        loader.load_workbook("a\0b.xlsx")
    write_zip(path, SOUND)
    for limit, expected in (("MAX_UNPACKED", "unpacks to 0 MB, far more"), ("MAX_BYTES", "more than the 0 MB")):
        monkeypatch.setattr(loader, limit, 10)
        with pytest.raises(UserError, match=expected):
            loader.read_file(path)
    monkeypatch.setattr(loader, "SECONDS", 0)
    assert re.search("takes more than 0 s|damaged", get_refusal(path))


def _nest_entities():
    """Define an entity of ten entities of ten entities, and so on, down to a short text."""
    entities = (f'<!ENTITY {name} "{f"&{inner};" * 10}">' for inner, name in pairwise("abcdefghij"))
    doctype = f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{"".join(entities)}]>'
    return doctype.encode() + SOUND[STRINGS].replace(b"<t>ID</t>", b"<t>&j;</t>")


def _fill_long_cells():
    """Fill cells with texts that hardly compress, so that no compression ratio reveals their size."""
    text = "".join(random.Random(32_000).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=32_000))
    return (f'<row><c t="inlineStr"><is><t>{i}{text}</t></is></c></row>'.encode() for i in range(1200))


def _fill_cells(places):
    return (f'<row r="{row}"><c r="{column}{row}"><v>1</v></c></row>'.encode() for row, column in places)


SCATTERED = [(i * 40, get_column_letter(i * 3)) for i in range(1, 5000)]
MERGES = "".join(f'<mergeCell ref="A{i}:XFD{i}"/>' for i in range(1, 60_000))
# Files, as bytes or as parts of an archive, and the message of their refusal; without a message they may be read.
FILES = {
    "empty": (b"", "an empty file"),
    "zero bytes": (bytes(8000), "an empty file"),
    "random bytes": (b"\x01\x02\x03" + bytes(range(256)) * 9, "not a workbook and not text"),
    "protected": (make_compound_file("EncryptionInfo", "EncryptedPackage"), "password-protected"),
    "other compound file": (make_compound_file("WordDocument"), "damaged, or not a workbook"),
    "html": (b"<html><table><tr><td>CTx</td></tr></table></html>", "a web page or XML file"),
    "json": (b'{"data": []}', "a JSON file"),
    "a byte that is not a letter": (b"ID,Arm\nS\x81,Control\n", "not a workbook and not text"),
    "prose": (b"see the supplement\n", "a text file without commas"),
    "pdf": (b"%PDF-1.7\n" + bytes(100), "a PDF document"),
    "gzip": (gzip.compress(b"workbook", mtime=0), "a gzip file"),
    "git lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a Git LFS pointer"),
    "only the letters PK": (b"PK", "damaged or truncated"),
    "docx": ({TYPES: b"<Types/>", "word/document.xml": b"<d/>"}, "a Word document"),
    "zip with a workbook": ({"supplement/data.xlsx": b"x"}, r"an archive with supplement/data\.xlsx inside"),
    "zip without a workbook": ({"a.txt": b"x"}, "an archive without a workbook"),
    "no sheet part": (SOUND | {SHEET: None}, "damaged"),
    "broken xml": (SOUND | {SHEET: b"<worksheet><sheetData>"}, "damaged"),
    "entities": (SOUND | {STRINGS: _nest_entities()}, "damaged|needs more"),
    "bomb of blank rows": (SOUND | {SHEET: worksheet(b"<row/>" * 1000 for _ in range(20_000))}, ""),
    "scattered cells": (SOUND | {SHEET: worksheet(_fill_cells(SCATTERED))}, "lie scattered"),
    "nested deeply": (SOUND | {STRINGS: b"<sst>" + b"<a>" * 200_000}, "damaged|needs more"),
    "merged areas": (SOUND | {SHEET: worksheet(after=f"<mergeCells>{MERGES}</mergeCells>".encode())}, ""),
    "long cells": (SOUND | {SHEET: worksheet(_fill_long_cells())}, ""),
    "endless": (SOUND | {SHEET: worksheet(_fill_cells([(1048576, "XFD")]), b'<dimension ref="A1:XFD1048576"/>')}, ""),
}


@pytest.mark.parametrize("name", FILES)
def test_file_is_refused_by_its_kind_or_read_within_20_seconds_and_1_gb(name, path):
    content, expected = FILES[name]
    path.write_bytes(content) if isinstance(content, bytes) else write_zip(path, content)
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    if expected:
        assert re.search(expected, get_refusal(path))
    else:
        with contextlib.suppress(UserError):
            loader.load_workbook(path)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert used.ru_utime - before.ru_utime < 20
    assert time.monotonic() - started < 60
    # Kilobytes of the largest child so far; if it was an earlier one, this one used less.
    assert used.ru_maxrss < 1_000_000 or used.ru_maxrss == before.ru_maxrss


def test_output_of_a_library_is_not_part_of_the_workbook(path, tmp_path, monkeypatch):
    noise = "import os\nos.write(1, b'a warning')\nraise ValueError('no such part')\n"
    (tmp_path / "python_calamine.py").write_text(noise)
    monkeypatch.syspath_prepend(tmp_path)
    write_zip(path, {"content.xml": b"<x/>"})
    assert get_refusal(path).endswith("damaged, or not a workbook (no such part)")


# -- what is read ----------------------------------------------------------------------------------------------------

# A cell as it is stored, and its value.
CELLS = {
    '<c r="E3" t="e"><v>#DIV/0!</v></c>': Flag("error cell", "#DIV/0!"),
    '<c r="E3" t="e"><f>1/0</f><v>#DIV/0!</v></c>': Flag("error cell", "#DIV/0!"),
    '<c r="E3"><f>B3*2</f></c>': Flag("formula", "=B3*2"),
    '<c r="E3"><f>B3*2</f><v/></c>': Flag("formula", "=B3*2"),
    '<c r="E3"><f t="array" ref="E3">SUM(B3)</f></c>': Flag("formula", "=SUM(B3)"),
    '<c r="E3"><f t="array" ref="E3">SUM(B3)</f><v>0.41</v></c>': 0.41,
    '<c r="E3" t="str"><f>B3</f><v>0.41</v></c>': "0.41",
    '<c r="E3" t="b"><v>1</v></c>': True,
    '<c r="E3" t="d"><v>2024-01-05T00:00:00</v></c>': datetime.date(2024, 1, 5),
    '<c r="E3" t="inlineStr"><is><r><t>0.</t></r><r><rPr><b/></rPr><t>41</t></r></is></c>': "0.41",
}


@pytest.mark.parametrize("xml", CELLS)
def test_cell_is_read_as_stored(xml, path):
    write_zip(path, SOUND | {SHEET: re.sub(rb'<c r="E3"[^>]*>.*?</c>', lambda _: xml.encode(), SOUND[SHEET])})
    sheet = loader.read_file(path).sheets[0]
    cells = {sheet.address(r, c): value for r, row in enumerate(sheet.rows) for c, value in enumerate(row)}
    assert (cells["E3"], cells["F3"]) == (CELLS[xml], 0.33)


@pytest.mark.parametrize(("number_format", "value"), [('"<"0.00', "<0.1"), ('[<0.2]"<0.2";0.0', 0.1)])
def test_a_number_behind_a_sign_of_its_format_is_a_limit(path, number_format, value):
    (book := openpyxl.Workbook()).active.append([0.1])
    book.active["A1"].number_format = number_format
    book.save(path)
    assert loader.load_workbook(path).sheets[0].rows == [[value]]


def test_macros_links_and_rows_of_text_with_fewer_cells_than_others_are_noted(path, tmp_path):
    for part, notes in (
        ("xl/styles.xml", []),
        ("xl/vbaProject.bin", ["the workbook has macros; they are not run"]),
        ("xl/externalLinks/externalLink1.xml", ["cells refer to other workbooks; their stored values are used"]),
    ):
        write_zip(path, {part: b"<externalLink/>"} | SOUND)
        assert loader.read_file(path).remarks == notes
    (tmp_path / "x.csv").write_bytes(b"Results\nID,Arm,CTx\nS1,D+Q,0.3\nS2,0.4\n\nS3,Control,0.5\nS4,0.1\n")
    (remark,) = loader.read_file(tmp_path / "x.csv").remarks
    assert remark.endswith("in the wrong columns: 4, 7")  # lone texts are not noted


# The content of files with one table.
TABLES = {
    "plain.csv": b"ID,Arm,CTx\n007,D+Q,0.31\nS2,Control,-1.5\n",
    "bom.csv": "\ufeffID,Arm,CTx\r\n007,D+Q,0.31\r\nS2,Control,-1.5\r\n".encode(),
    "semicolon.csv": b"ID;Arm;CTx\n007;D+Q;0.31\nS2;Control;-1.5\n",
    "tabs.tsv": "ID\tArm\tCTx\n007\tD+Q\t0.31\nS2\tControl\t-1.5\n".encode("utf-16"),
    "comma.csv": b"ID;Arm;CTx\n007;D+Q;0,31\nS2;Control;-1.5\n",
    "quoted.txt": b'"ID","Arm","CTx"\n"007","D+Q",0.31\n"S2","Control",-1.5\n',
    "Data.ods": (Path(__file__).parent / "hostile/table.ods").read_bytes(),
}


@pytest.mark.parametrize("name", TABLES)
def test_text_or_an_ods_file_is_read_as_one_sheet_with_decimal_commas_as_text(name, tmp_path):
    (tmp_path / name).write_bytes(TABLES[name])
    (sheet,) = loader.load_workbook(tmp_path / name).sheets
    ctx = "0,31" if name == "comma.csv" else 0.31
    assert sheet.rows == [["ID", "Arm", "CTx"], ["007", "D+Q", ctx], ["S2", "Control", -1.5]]
    assert sheet.name == Path(name).stem


HEADS, ARMS = {"id": "ID", "arm": "Arm", "ctx": "CTx"}, {0: "Control", 1: "D+Q"}
# Functions that write a file of each kind; those of SAS have no value labels.
STATISTICS_FILES = {
    "data.sav": partial(pyreadstat.write_sav, column_labels=HEADS, variable_value_labels={"arm": ARMS}),
    "data.dta": partial(pd.DataFrame.to_stata, write_index=False, variable_labels=HEADS, value_labels={"arm": ARMS}),
    "data.xpt": partial(pyreadstat.write_xport, column_labels=HEADS),
}


@pytest.mark.parametrize("name", STATISTICS_FILES)
def test_files_of_statistics_programs_are_read_with_value_labels_and_shortest_decimals(name, tmp_path):
    frame = pd.DataFrame({"id": ["S1", "S2", "S3"], "arm": [0.0, 1.0, 0.0], "ctx": [5.1, 0.3, None]})
    if name == "data.dta":
        frame["ctx"] = frame["ctx"].astype("float32")  # single precision, which Stata alone has
    STATISTICS_FILES[name](frame, tmp_path / name)
    (sheet,) = loader.load_workbook(tmp_path / name).sheets
    control, treated = [0, 1] if name == "data.xpt" else ARMS.values()
    assert sheet.rows == [["ID", "Arm", "CTx"], ["S1", control, 5.1], ["S2", treated, 0.3], ["S3", control, ""]]


def test_names_of_files_and_parts_and_missing_pictures_do_not_matter(tmp_path):
    picture = f'<Relationship Id="rId1" Type="{RELATIONS}/drawing" Target="../drawings/drawing1.xml"/>'
    relations = re.sub(rb"<Relationship .*/>", picture.encode(), SOUND[BOOK_RELATIONS])
    renamed = {name: content.replace(b"sheet1.xml", b"other.xml") for name, content in SOUND.items()}
    renamed["xl/worksheets/other.xml"] = renamed.pop(SHEET)
    files = dict.fromkeys(("sound.xlsx", "data.csv", "a{b}.xlsx", "-x.xlsx", "with space'.xlsx"), SOUND)
    files |= {"picture.xlsx": SOUND | {"xl/worksheets/_rels/sheet1.xml.rels": relations}, "renamed.xlsx": renamed}
    for name, parts in files.items():
        write_zip(tmp_path / name, parts)
        (sheet,) = loader.load_workbook(tmp_path / name).sheets
        assert (sheet.address(12, 7), sheet.rows[0][0], sheet.rows[12][7]) == ("H13", "ID", 66), name
