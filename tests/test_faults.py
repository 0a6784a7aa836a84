"""Each fault of ``layouts/faults.yaml`` is reported with its place, its value and what was expected; all faults at once."""

import datetime
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from layouts import writers
from openpyxl import Workbook
from pipeline import TRIAL

from d_q_trial.errors import UserError
from d_q_trial.workbook.reader import read_workbook

invent = partial(writers.invent, 11, arm_size=8, outcomes=["age", "smoker", "ctx", "p1np", "bmd_radius"])


def make_wide() -> Workbook:
    """Participants: A id, B arm, C age, D smoker, E p16 v5, F p16 v1+5. Bone: A id, B-E CTx, F-I P1NP, J-K radius."""
    drawn = invent()
    for (variable, visit), cells in drawn.values.items():
        level = {"ctx": 0.4, "p1np": 50.0, "bmd_radius": 0.4}.get(variable)
        if level and visit != "baseline":
            cells |= {identity: round(level * (1 + number / 100), 3) for number, identity in enumerate(drawn.arms)}
    later = [key for key in drawn.values if key[0] in writers.REPEATED]
    participants = writers.table(drawn, writers.header, keys=writers.fixed_keys(drawn))
    return writers.workbook({"Participants": participants, "Bone": writers.table(drawn, arm=None, keys=later)})


def make_panel(variable: str) -> list[list]:
    return [[f"{variable}, % change at week 20"], ["Control", "D+Q"], *([row + 0.5, -row - 0.5] for row in range(8))]


def add_strata(book: Workbook) -> Workbook:
    sheet = book.create_sheet("Fig 4a")
    heads = (["CTx, % change at week 20, strata by p16 variant 5"], ["T1/T2", None, "T3", None], ["Control", "D+Q"] * 2)
    for row in (*heads, *([i + 0.5, -i - 0.5, 2 * i + 0.1, 3.5 * i - 9] for i in range(8))):
        sheet.append(row)
    return book


# long: A subject, B trt, C week, D age, E smoker, F and G p16, H ctx, I p1np, J bmd_radius; DQ-006 in rows 2 to 5
# labs: A id, B visit, C analyte, D result, E unit on "Labs"; A id, B arm, ... on "DM"
# panels: title, then Control | D+Q in rows 3 to 10
BASES = {
    "wide": make_wide,
    "long": lambda: writers.build(writers.WRITERS["long_by_visit"], invent()),
    "labs": lambda: writers.build(writers.WRITERS["long_by_variable"], invent()),
    "panels": lambda: writers.workbook({"Fig 3a": make_panel("CTx"), "Fig 3d": make_panel("P1NP")}),
    "strata": lambda: add_strata(writers.workbook({})),
    "wide and strata": lambda: add_strata(make_wide()),
    "empty": lambda: writers.workbook({"Sheet1": []}),
}


def edit(book: Workbook, edits: dict) -> None:
    """Overwrite cells, or hide a sheet or its columns; a text that begins like an error or a formula becomes one."""
    for place, value in edits.items():
        if place.startswith("hidden"):
            sheet, *columns = value
            book[sheet].sheet_state = "visible" if columns else "hidden"
            for column in columns:
                book[sheet].column_dimensions[column].hidden = True
            continue
        sheet, address = book[place.partition("!")[0]], place.partition("!")[2]
        if address.isalpha():
            address = f"{address}2:{address}{sheet.max_row}"
        for cell in np.ravel(sheet[address]):
            cell.value = make_value(book, cell.row, value) if isinstance(value, dict) else value


def make_value(book: Workbook, row: int, rule: dict):
    """Return a time, a text with the row's number, or the value of another cell as the rule changes it."""
    if "time" in rule:
        return datetime.time.fromisoformat(rule["time"])
    if "row" in rule:
        return rule["row"].format(row)
    name, _, address = rule["of"].partition("!")
    value = book[name][f"{address}{row if address.isalpha() else ''}"].value
    value = int(value.removeprefix("DQ-")) if rule.get("number") else rule.get("as", {}).get(value, value)
    return value * rule["times"] if "times" in rule else value


CELLS, FAULTS, NOTES = yaml.safe_load(Path("tests/layouts/faults.yaml").read_text(encoding="utf-8")).values()
# Where the values of each workbook are.
PLACES = {
    "wide": [f"Bone!{column}{row}" for row in (5, 9, 13) for column in "BCDEFGHI"],
    "long": [f"export!{column}{row}" for column in "HI" for row in range(3, 16)],
    "panels": [f"{sheet}!{column}{row}" for row in (4, 6, 8) for sheet in ("Fig 3a", "Fig 3d") for column in "AB"],
}


def read_edited(tmp_path, base, edits):
    """Return the lines of the error message, or the notes of the reading."""
    book = BASES[base]()
    edit(book, edits)
    book.save(tmp_path / "xlsx")
    try:
        return [], read_workbook(tmp_path / "xlsx", TRIAL).source["notes"]
    except UserError as error:
        return [line.strip() for line in str(error).split("\n")[1:]], []


@pytest.mark.parametrize("base", PLACES)
@pytest.mark.parametrize("which", CELLS)
def test_cells_that_are_not_plain_numbers_are_reported_with_place_and_value(tmp_path, base, which):
    cells = [(cell, message) for message, examples in CELLS[which].items() for cell in examples]
    planted = list(zip(PLACES[base], cells, strict=False))
    errors, notes = read_edited(tmp_path, base, {place: cell for place, (cell, _) in planted})
    lines = errors if which == "faults" else [note for note in notes if "read as" in note and "sample" not in note]
    for place, (_, message) in planted:
        assert any(re.search(f"^{re.escape(place)}: .+: {message}", line) for line in lines), (place, errors + notes)
    assert len(lines) == len(planted), lines


@pytest.mark.parametrize("name", [*FAULTS, *NOTES])
def test_a_fault_stops_the_reading_with_place_and_value_and_a_note_does_not(tmp_path, name):
    base, edits, message = (FAULTS | NOTES)[name]
    errors, notes = read_edited(tmp_path, base, edits)
    assert any(re.search(message, line) for line in (errors if name in FAULTS else notes)), errors + notes
    assert len(errors) <= (0 if name in NOTES else 16 if name.startswith("ids of two") else 2), errors


@pytest.mark.parametrize("base", ["wide", "long", "labs", "panels", "strata"])
def test_sound_workbook_of_any_layout_has_no_fault(tmp_path, base):
    errors, notes = read_edited(tmp_path, base, {})
    expected = "read as the population sample|no p16 variant 5 or|^linked participants: "
    assert errors == []
    assert all(re.search(expected, note) for note in notes), notes
    assert base != "wide" or not notes


@pytest.mark.parametrize(
    ("base", "edits"),
    [
        ("long", {"export!H3": "high", "export!B6": "plcb", "export!C8": datetime.date(2021, 3, 4)}),
        ("wide", {"Bone!B8": "high", "Bone!C8": "0,41", "Bone!D8": "inf", "Bone!A6": None, "Participants!B6": "C"}),
    ],
)
def test_all_faults_are_reported_at_once(tmp_path, base, edits):
    errors, _ = read_edited(tmp_path, base, edits)
    assert sorted(error.split(":")[0] for error in errors) == sorted(edits)
