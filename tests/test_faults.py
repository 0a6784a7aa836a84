"""Every single fault is told with its place, its value and what was expected; all faults at once."""

import re

import pytest
from layouts import faulty, faulty_layouts

from d_q_trial.errors import UserError
from d_q_trial.workbook.reader import read_workbook


def said(tmp_path, plant, book=None):
    """The lines of the error message, and the notes of a reading that went through."""
    book = book or faulty.base()[1]
    plant(book)
    book.save(tmp_path / "faulty.xlsx")
    try:
        read = read_workbook(tmp_path / "faulty.xlsx", faulty.trial())
    except UserError as error:
        return [line.strip() for line in str(error).split("\n")[1:]], []
    return [], read.source["notes"]


def test_sound_workbook_has_no_fault_and_no_remark(tmp_path):
    assert said(tmp_path, lambda book: None) == ([], [])


@pytest.mark.parametrize("case", faulty.CASES, ids=[case.name for case in faulty.CASES])
def test_single_fault_is_told_with_place_value_and_expectation(tmp_path, case):
    errors, notes = said(tmp_path, case.plant)
    lines = errors if case.stops else notes
    assert any(re.search(case.message, line) for line in lines), (errors, notes)
    assert bool(errors) == case.stops, (errors, notes)
    assert len(errors) <= (16 if case.name.startswith("ids of two") else 2), errors


@pytest.mark.parametrize("name", faulty_layouts.EDITS)
def test_single_fault_in_another_layout_is_told_with_place_value_and_expectation(tmp_path, name):
    layout, cells, message, stops = faulty_layouts.EDITS[name]
    errors, notes = said(tmp_path, lambda book: faulty_layouts.edit(book, cells), faulty_layouts.BASES[layout]())
    assert any(re.search(message, line) for line in (errors if stops else notes)), (errors, notes)
    assert bool(errors) == stops, (errors, notes)
    assert len(errors) <= 2


@pytest.mark.parametrize("layout", faulty_layouts.BASES)
def test_sound_workbook_of_any_layout_has_no_fault(tmp_path, layout):
    errors, notes = said(tmp_path, lambda book: None, faulty_layouts.BASES[layout]())
    assert errors == []
    assert all(
        re.search("read as the population sample|no p16 variant 5 or|^linked participants: ", note) for note in notes
    ), notes


def test_three_faults_in_a_long_table_are_told_in_one_pass(tmp_path):
    cells = {"export!H3": "high", "export!B6": "plcb", "export!C8": faulty_layouts.datetime.date(2021, 3, 4)}
    errors, _ = said(tmp_path, lambda book: faulty_layouts.edit(book, cells), faulty_layouts.BASES["long"]())
    assert len(errors) == len(cells)
    assert {error.split(":")[0] for error in errors} == set(cells)


def test_there_are_enough_single_faults():
    assert len(faulty.CASES) >= 60
    assert len(faulty_layouts.EDITS) >= 60


def test_all_faults_are_told_in_one_pass(tmp_path):
    cells = ["word in a number", "decimal comma", "arm unknown", "values without an id", "infinite", "date"]
    cases = [case for case in faulty.CASES if case.name in cells]
    places = iter("BCDEFG")

    def plant(book):
        for case in cases:
            if case.message.startswith("^Bone!B5"):
                column = next(places)
                before = book["Bone"]["B5"].value
                case.plant(book)
                value, book["Bone"]["B5"] = book["Bone"]["B5"].value, before
                book["Bone"]["B5"].number_format = "General"
                book["Bone"][f"{column}8"] = value
            else:
                case.plant(book)

    errors, _ = said(tmp_path, plant)
    assert len(cases) == len(cells)
    assert len(errors) == len(cases), errors
