"""Every single fault is told with its place, its value and what was expected; all faults at once."""

import re

import pytest
from layouts import faulty

from d_q_trial.errors import UserError
from d_q_trial.workbook import read_workbook


def said(tmp_path, plant):
    """The lines of the error message, and the notes of a reading that went through."""
    _, book = faulty.base()
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


def test_there_are_enough_single_faults():
    assert len(faulty.CASES) >= 60


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
