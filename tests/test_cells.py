"""Cells as they stand in the XML: nothing is lost, nothing is guessed, whatever the way they are written."""

import datetime
import re
import time
import zipfile

import pytest
from hostile.parts import BOOK, BOOK_RELATIONS, MAIN, SHEET, STRINGS, STYLES, changed, sound_parts, write
from layouts import cohort, panels, writers

from d_q_trial.errors import UserError
from d_q_trial.workbook.cells import Flag
from d_q_trial.workbook.exact import Careful
from d_q_trial.workbook.load import read_cells
from d_q_trial.workbook.package import open_package
from d_q_trial.workbook.reader import look


@pytest.fixture
def workbook(tmp_path):
    return tmp_path / "data.xlsx"


def _cell(xml, path, address="E3"):
    """What is read from a cell that is written as ``xml`` in the place of E3."""

    def plant(part):
        planted, count = re.subn(rb'<c r="E3"[^>]*>.*?</c>', lambda _: xml.encode(), part)
        assert count == 1
        return planted

    changed(path, SHEET=plant)
    sheet = read_cells(path).sheets[0]
    place = {sheet.address(r, c): value for r, row in enumerate(sheet.rows) for c, value in enumerate(row)}
    assert place["F3"] == 0.33  # the neighbour stays where it is
    return place[address]


CELLS = {
    '<c r="E3" t="e"><v>#DIV/0!</v></c>': Flag("error", "#DIV/0!"),
    '<c r="E3" t="e"><f>1/0</f><v>#DIV/0!</v></c>': Flag("error", "#DIV/0!"),
    '<c t="e" r="E3"><v>#NUM!</v></c>': Flag("error", "#NUM!"),
    '<c r="E3" t = "e" ><v>#NUM!</v></c>': Flag("error", "#NUM!"),
    "<c r='E3' t='e'><v>#NUM!</v></c>": Flag("error", "#NUM!"),
    '<c r="E3" t="e"><v>#SPILL!</v></c>': Flag("error", "#SPILL!"),
    '<c r="E3" t="e"/>': Flag("error", "#ERROR"),
    '<c r="E3"><f>B3*2</f></c>': Flag("formula", "=B3*2"),
    '<c r="E3"><f>B3*2</f><v/></c>': Flag("formula", "=B3*2"),
    '<c r="E3"><f>B3*2</f><v> </v></c>': Flag("formula", "=B3*2"),
    '<c r="E3"><f t="shared" ref="E3:E4" si="0">B3*2</f></c>': Flag("formula", "=B3*2"),
    '<c r="E3"><f t="shared" si="0"/></c>': Flag("formula", "="),
    '<c r="E3"><f t="array" ref="E3">SUM(B3)</f></c>': Flag("formula", "=SUM(B3)"),
    '<c r="E3"><f t="array" ref="E3">SUM(B3)</f><v>0.41</v></c>': 0.41,
    '<c r="E3"><f t="shared" si="0"/><v>0.41</v></c>': 0.41,
    '<c r="E3" t="str"><f>IF(1,"","")</f><v></v></c>': "",
    '<c r="E3" t="str"><f>B3</f><v>0.41</v></c>': "0.41",
    '<c r="E3" t="b"><v>1</v></c>': True,
    '<c r="E3" t="d"><v>2024-01-05T00:00:00</v></c>': datetime.datetime(2024, 1, 5),
    '<c r="E3" t="inlineStr"><is><t>0.41</t></is></c>': "0.41",
    '<c r="E3" t="inlineStr"><is><r><t>0.</t></r><r><rPr><b/></rPr><t>41</t></r></is></c>': "0.41",
    '<c r="E3" t="inlineStr"><is><t>0.41</t><rPh sb="0" eb="1"><t>9</t></rPh></is></c>': "0.41",
    '<c r="E3"><v>0.4<!-- x -->1</v></c>': 0.41,
    '<c r="E3"><v><![CDATA[0.41]]></v></c>': 0.41,
    '<c r="E3"><v>0.4&#49;</v></c>': 0.41,
    '<c r="$E$3"><v>0.41</v></c>': 0.41,
    '<c r="e3"><v>0.41</v></c>': 0.41,
    '<c r="E3"><v>0.41</v><v>0.43</v></c>': Flag("unreadable", "0.41 and 0.43"),
    '<c r="E3"><v>0.41</v></c><c r="E3"><v>0.43</v></c>': Flag("unreadable", "0.41 and 0.43"),
    '<c r="E3" t="zz"><v>0.41</v></c>': Flag("unreadable", "0.41"),
    '<c r="E3"><v>0.41</v><extLst><ext><c r="E9"><v>7</v></c></ext></extLst></c>': 0.41,
    '<c r="E3"><v>0.41</v></c><!-- <c r="E3" t="e"><v>#N/A</v></c> -->': 0.41,
}


@pytest.mark.parametrize("xml", CELLS)
def test_cell_is_read_as_something_else(xml, workbook):
    found = _cell(xml, workbook)
    assert found == CELLS[xml]
    assert type(found) is type(CELLS[xml])


@pytest.mark.parametrize("number", ["99999", "-1", "abc"])
def test_text_that_is_not_in_the_file_is_blank_or_without_a_place(number, workbook):
    with pytest.raises(UserError, match=r"sheet 'Data', cell E3: its text is not among the file's texts"):
        _cell(f'<c r="E3" t="s"><v>{number}</v></c>', workbook)


@pytest.mark.parametrize("first_day", [b"", b' date1904="1"'])
def test_careful_reader_takes_a_date_for_a_number(first_day, workbook):
    style = b'<xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs>'
    formats = (
        b'<numFmts><numFmt numFmtId="170" formatCode="yyyy\\-mm"/><numFmt numFmtId="171" formatCode="0.0"/></numFmts>'
    )

    def styled(part):
        part = re.sub(rb"<numFmts.*?</numFmts>|<numFmts[^>]*/>", b"", part, flags=re.S)
        part = re.sub(rb"(<styleSheet[^>]*>)", rb"\1" + formats, part)
        return re.sub(rb"<cellXfs.*?</cellXfs>", b"<cellXfs>" + style, part, flags=re.S)

    changed(
        workbook,
        STYLES=styled,
        BOOK=lambda part: part.replace(b"<workbookPr />", b"<workbookPr" + first_day + b"/>"),
        SHEET=lambda part: part.replace(b'<c r="E2"', b'<c s="1" r="E2"')  # the attributes' order makes it unusual
        .replace(b'<c r="F2"', b'<c r="F2" s="2"').replace(b'<c r="G2"', b'<c r="G2" s="3"'),
    )  # fmt: skip
    row = read_cells(workbook).sheets[0].rows[1]
    assert [isinstance(value, datetime.date | datetime.time | datetime.timedelta) for value in row[4:7]] == [
        True,
        True,
        False,
    ]


def _renamed(names):
    def move(parts):
        return {names.get(name, name): content for name, content in parts.items()}

    return move


def _replaced(part, old, new):
    def edit(parts):
        assert old in parts[part]
        return parts | {part: parts[part].replace(old, new)}

    return edit


def _at(target):
    return _replaced(BOOK_RELATIONS, b"/xl/worksheets/sheet1.xml", target)


REARRANGED = {
    "sheet in another folder": [_at(b"/other/sheet1.xml"), _renamed({SHEET: "other/sheet1.xml"})],
    "target that climbs": [_at(b"../other/sheet1.xml"), _renamed({SHEET: "other/sheet1.xml"})],
    "target with a dot": [_at(b"./worksheets/sheet1.xml")],
    "target in capitals": [_at(b"worksheets/SHEET1.xml")],
    "texts in small letters": [_renamed({STRINGS: "xl/sharedstrings.xml"})],
    "texts in an encoding of bytes": [_replaced(STRINGS, b"<sst", b'<?xml version="1.0" encoding="US-ASCII"?><sst')],
    "workbook of another name": [
        _replaced("_rels/.rels", b"xl/workbook.xml", b"xl/workbook2.xml"),
        _renamed({BOOK: "xl/workbook2.xml", BOOK_RELATIONS: "xl/_rels/workbook2.xml.rels"}),
    ],
    "sheet in UTF-16": [lambda parts: parts | {SHEET: parts[SHEET].decode().encode("utf-16")}],
    "no styles": [lambda parts: {name: part for name, part in parts.items() if name != STYLES}],
    "comment in a text": [_replaced(STRINGS, b">D+Q<", b">D+<!-- and -->Q<")],
    "escaped character": [_replaced(STRINGS, b">D+Q<", b">D_x002B_Q<")],
    "rows in another order": [
        lambda parts: (
            parts | {SHEET: re.sub(rb'(<row r="2".*?</row>)(<row r="3".*?</row>)', rb"\2\1", parts[SHEET], flags=re.S)}
        )
    ],
}


def _table(path):
    return [(sheet.name, sheet.rows) for sheet in read_cells(path).sheets]


@pytest.mark.parametrize("name", REARRANGED)
def test_unusual_package_is_read_as_something_else(name, workbook, tmp_path):
    write(tmp_path / "sound.xlsx", sound_parts())
    parts = sound_parts()
    for change in REARRANGED[name]:
        parts = change(parts)
    write(workbook, parts)
    assert _table(workbook) == _table(tmp_path / "sound.xlsx")


def test_two_sheets_of_one_name_are_taken_for_one(workbook):
    again = b'<sheet name="Data" sheetId="2" r:id="rId1" /></sheets>'
    changed(workbook, BOOK=lambda part: part.replace(b"</sheets>", again))
    with pytest.raises(UserError, match="two sheets are called 'Data'"):
        read_cells(workbook)


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_texts_in_another_encoding_are_garbled(encoding, workbook):
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    changed(workbook, STRINGS=lambda part: (head + part.decode()).encode(encoding))
    with pytest.raises(UserError, match=rf"sharedStrings\.xml' is in the encoding {encoding}: open the file in"):
        read_cells(workbook)


def _agree(path):
    with zipfile.ZipFile(path) as archive:
        careful = Careful(open_package(archive))
        for fast in read_cells(path).sheets:
            slow = careful.read(fast.name, 0)
            assert (slow.rows, list(slow.row_numbers), list(slow.column_numbers)) == (
                fast.rows,
                list(fast.row_numbers),
                list(fast.column_numbers),
            )
            assert slow.facts == fast.facts


@pytest.mark.parametrize("name", [*writers.WRITERS, *panels.PANELS])
def test_careful_reader_and_fast_reader_disagree(name, workbook):
    (writers.WRITERS | panels.PANELS)[name](cohort.make(3, arm_size=4), workbook)
    _agree(workbook)


def test_careful_reader_and_fast_reader_disagree_on_the_bundled_workbook():
    _agree("data/reconstructed.xlsx")


def test_scattered_cells_or_endless_headers_take_for_ever(workbook):
    begin = time.process_time()
    scattered = b"".join(
        b'<row r="%d">%s</row>' % (r, b"".join(b'<c r="%s%d"><v>1</v></c>' % (c.encode(), r) for c in "AEIMQUY"))
        for r in range(1, 12_000, 4)
    )
    changed(workbook, SHEET=b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (MAIN.encode(), scattered))
    look(workbook, cohort.trial())
    changed(workbook, STRINGS=lambda part: part.replace(b">Age<", b">" + b"CTx " * 8000 + b"<"))
    look(workbook, cohort.trial())
    assert time.process_time() - begin < 10
