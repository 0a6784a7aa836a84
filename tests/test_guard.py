import os
import re
import stat
import zipfile

import pytest
from hostile import corpus
from hostile.parts import SHEET, STRINGS, changed, sheet, sound_parts, write
from hypothesis import given
from hypothesis import strategies as st

from d_q_trial.errors import UserError
from d_q_trial.workbook import guard
from d_q_trial.workbook.guard_parts import Limits


@pytest.fixture
def workbook(tmp_path):
    return tmp_path / "data.xlsx"


@pytest.mark.parametrize("name", corpus.refused)
def test_hostile_file_is_refused_in_one_line_that_names_it(name, workbook):
    write_file, pattern = corpus.refused[name]
    write_file(workbook)
    with pytest.raises(UserError) as caught:
        guard.check_file(workbook)
    message = str(caught.value)
    assert re.search(pattern, message)
    assert message.startswith(f"{workbook}: ")
    assert message.isprintable()
    assert len(message) < 400


@pytest.mark.parametrize("name", corpus.read)
def test_harmless_file_passes_with_its_note(name, workbook):
    write_file, pattern = corpus.read[name]
    write_file(workbook)
    notes = guard.check_file(workbook)
    assert len(notes) == (pattern is not None)
    if pattern:
        assert re.search(pattern, notes[0])


def test_name_of_the_file_plays_no_part(tmp_path):
    path = tmp_path / "data.csv"
    write(path, sound_parts())
    assert guard.check_file(path) == []


def test_stored_and_deflated_workbooks_pass(workbook):
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        write(workbook, sound_parts(), method)
        assert guard.check_file(workbook) == []


def test_workbook_with_64_bit_end_record_passes(workbook):
    with zipfile.ZipFile(workbook, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sound_parts().items():
            with archive.open(name, "w", force_zip64=True) as part:
                part.write(content)
    assert guard.check_file(workbook) == []


def test_folder_names_the_workbooks_inside(tmp_path):
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(UserError, match=r"a folder, not a workbook; it holds a\.xlsx"):
        guard.check_file(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file_says_so(workbook):
    write(workbook, sound_parts())
    workbook.chmod(stat.S_IWUSR)
    with pytest.raises(UserError, match="cannot be read"):
        guard.check_file(workbook)


def test_name_with_a_null_byte_is_an_error_of_the_user():
    with pytest.raises(UserError, match="cannot be read"):
        guard.check_file("a\0b.xlsx")


def test_message_stays_on_one_line_whatever_the_part_is_called(workbook):
    write(workbook, sound_parts() | {"xl/worksheets/a\nb\x1b[31m.xml": b"<!DOCTYPE a><a/>"})
    with pytest.raises(UserError) as caught:
        guard.check_file(workbook)
    assert str(caught.value).isprintable()


def test_file_above_the_limit_is_not_opened(workbook):
    write(workbook, sound_parts())
    with pytest.raises(UserError, match="MB allowed"):
        guard.check_file(workbook, Limits(file_bytes=100))


def _survey(workbook, rows):
    changed(workbook, SHEET=b"".join(sheet(rows)))
    return guard.look_into(workbook).surveys[SHEET]


@pytest.mark.parametrize("prefix", [b"", b"x:"])
def test_sheet_is_measured_by_filled_cells_in_any_order(workbook, prefix):
    rows = (
        b'<row r="9"><c r="XFD9"><v>1</v></c><c r="B9" s="0"/><c r="C9"><v>1</v></c></row>'
        b'<row r="1048576"><c r="D1048576"><v>2</v></c></row><row r="4"><c r="E4"><f>A1</f></c></row>'
    )
    part = b"".join(sheet(rows))
    if prefix:
        part = re.sub(rb"<(/?)(?=[a-z])", rb"<\1x:", part).replace(b"xmlns=", b"xmlns:x=")
    changed(workbook, SHEET=part)
    seen = guard.look_into(workbook).surveys[SHEET]
    assert (seen.low, seen.high, seen.cells) == ((4, 3), (1_048_576, 16_384), 5)


def test_cells_without_addresses_are_counted_along(workbook):
    seen = _survey(workbook, b"<row><c><v>1</v></c><c><v>1</v></c></row><row><c/><c/><c><v>1</v></c></row>")
    assert (seen.low, seen.high) == ((1, 1), (2, 3))


def test_cell_across_two_pieces_is_not_lost():
    from d_q_trial.workbook.guard_cells import survey

    whole = b"<row>" + b"".join(b'<c r="AB%d" s="12"><v>3.5</v></c>' % i for i in range(1, 60))
    for cut in range(len(whole)):
        seen = survey([whole[:cut], whole[cut:]])
        assert (seen.plain, seen.low, seen.high, seen.cells) == (True, (1, 28), (59, 28), 59)


def test_long_texts_that_few_cells_show_are_allowed(workbook):
    corpus._texts(workbook, "x" * 32_000, 1_000)
    assert guard.check_file(workbook) == []


def test_long_text_that_another_cell_shows_does_not_count_for_all(workbook):
    strings = f"<sst><si><t>{'x' * 32_000}</t></si><si><t>y</t></si></sst>".encode()
    rows = (f'<row r="{i}"><c r="A{i}" t="s"><v>1</v></c></row>'.encode() for i in range(1, 20_000))
    write(workbook, sound_parts() | {STRINGS: strings, SHEET: b"".join(sheet(rows))})
    assert guard.check_file(workbook) == []


def test_safe_name_keeps_plain_names_readable():
    assert guard.safe_name("Fig 3a") == "Fig_3a"
    assert guard.safe_name("Data-1.2") == "Data-1.2"


@given(st.text(max_size=300))
def test_safe_name_is_one_harmless_component(text):
    name = guard.safe_name(text)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,90}", name)
    assert ".." not in name
    assert not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name)


@given(st.text(max_size=40), st.text(max_size=40))
def test_safe_name_keeps_different_names_apart(first, second):
    assert (guard.safe_name(first) == guard.safe_name(second)) == (first == second)
