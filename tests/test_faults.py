"""Every single fault is told with its place, its value and what was expected; all faults at once."""

import re

import pytest
from layouts import cohort, faulty

from d_q_trial.errors import UserError
from d_q_trial.workbook.reader import read_workbook


def said(tmp_path, base, edits):
    """The lines of the error message, and the notes of a reading that went through."""
    book = faulty.BASES[base]()
    faulty.edit(book, edits)
    book.save(tmp_path / "faulty.xlsx")
    try:
        read = read_workbook(tmp_path / "faulty.xlsx", cohort.trial())
    except UserError as error:
        return [line.strip() for line in str(error).split("\n")[1:]], []
    return [], read.source["notes"]


@pytest.mark.parametrize("name", faulty.FAULTS)
def test_single_fault_stops_with_place_value_and_expectation(tmp_path, name):
    base, edits, message = faulty.FAULTS[name]
    errors, _ = said(tmp_path, base, edits)
    assert any(re.search(message, line) for line in errors), errors
    assert len(errors) <= (16 if name.startswith("ids of two") else 2), errors


@pytest.mark.parametrize("name", faulty.REMARKS)
def test_remark_is_told_with_place_and_value_and_does_not_stop(tmp_path, name):
    base, edits, message = faulty.REMARKS[name]
    errors, notes = said(tmp_path, base, edits)
    assert not errors
    assert any(re.search(message, line) for line in notes), notes


@pytest.mark.parametrize("base", ["wide", "long", "labs", "visits", "panels", "strata"])
def test_sound_workbook_of_any_layout_has_no_fault(tmp_path, base):
    errors, notes = said(tmp_path, base, {})
    expected = "read as the population sample|no p16 variant 5 or|^linked participants: "
    assert errors == []
    assert all(re.search(expected, note) for note in notes), notes
    assert base != "wide" or not notes


@pytest.mark.parametrize(
    ("base", "edits"),
    [
        ("long", {"export!H3": "high", "export!B6": "plcb", "export!C8": faulty.datetime.date(2021, 3, 4)}),
        (
            "wide",
            {
                "Bone!B8": "high",
                "Bone!C8": "0,41",
                "Bone!D8": "inf",
                "Bone!E8": faulty.datetime.date(2021, 3, 4),
                "Bone!A6": None,
                "Participants!B6": "Placebo",
            },
        ),
    ],
)
def test_all_faults_are_told_in_one_pass(tmp_path, base, edits):
    errors, _ = said(tmp_path, base, edits)
    assert {error.split(":")[0] for error in errors} == set(edits)
    assert len(errors) == len(edits), errors
