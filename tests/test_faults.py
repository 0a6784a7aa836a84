"""Every single fault of ``layouts/faults.yaml`` is told with its place, its value and what was expected; all faults at once."""

import datetime
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from layouts import cohort, writers
from openpyxl import Workbook

from d_q_trial.errors import UserError
from d_q_trial.workbook.reader import read_workbook

PEOPLE = 16
ROWS = range(2, 2 + PEOPLE)
SMALL = ["age", "smoker", "ctx", "p1np", "bmd_radius"]


def wide() -> Workbook:
    """Participants: A id, B arm, C age, D smoker, E p16 v5, F p16 v1+5. Bone: A id, B-E CTx, F-I P1NP, J-K radius."""
    made = cohort.make(11, arm_size=PEOPLE // 2, outcomes=SMALL)
    for (variable, visit), cells in made.values.items():
        level = {"ctx": 0.4, "p1np": 50.0, "bmd_radius": 0.4}.get(variable)
        if level and visit != "baseline":
            cells |= {identity: round(level * (1 + number / 100), 3) for number, identity in enumerate(made.ids)}
    later = [key for key in made.values if writers.has_visits(key[0])]
    participants = writers.table(made, writers.header, keys=writers.fixed_keys(made))
    return writers.workbook({"Participants": participants, "Bone": writers.table(made, arm=None, keys=later)})


def written(name: str) -> Workbook:
    return writers.build(writers.WRITERS[name], cohort.make(11, arm_size=PEOPLE // 2, outcomes=SMALL))


def visits() -> Workbook:
    """A long table of CTx at two visits beside the participants."""
    book = wide()
    del book["Bone"]
    sheet = book.create_sheet("Long")
    sheet.append(["ID", "Visit", "CTx (ng/mL)"])
    for row in ROWS:
        for number, visit in enumerate(["Baseline", "Week 2"]):
            sheet.append([book["Participants"].cell(row, 1).value, visit, 0.3 + row / 100 + number / 50])
    return book


def panel(variable: str) -> list[list]:
    return [[f"{variable}, % change at week 20"], ["Control", "D+Q"], *([row + 0.5, -row - 0.5] for row in range(8))]


def strata(book: Workbook | None = None) -> Workbook:
    book = book or writers.workbook({})
    sheet = book.create_sheet("Fig 4a")
    for row in (
        ["CTx, % change at week 20, strata by p16 variant 5"],
        ["T1/T2", None, "T3", None],
        ["Control", "D+Q"] * 2,
    ):
        sheet.append(row)
    for number in range(8):
        sheet.append([number + 0.5, -number - 0.5, 2 * number + 0.1, 3.5 * number - 9])
    return book


# long: A subject, B trt, C week, D age, E smoker, F and G p16, H ctx, I p1np, J bmd_radius; DQ-006 in rows 2 to 5
# labs: A id, B visit, C analyte, D result, E unit on "Labs"; A id, B arm, ... on "DM"
# panels: title, then Control | D+Q in rows 3 to 10
BASES = {
    "wide": wide,
    "long": lambda: written("long_by_visit"),
    "labs": lambda: written("long_by_variable"),
    "visits": visits,
    "panels": lambda: writers.workbook({"Fig 3a": panel("CTx"), "Fig 3d": panel("P1NP")}),
    "strata": strata,
    "wide and strata": lambda: strata(wide()),
    "plate": lambda: writers.workbook(
        {"Plate 1": [["Well", "OD450", "Blank"], *([f"A{n}", 0.1 * n, 0.05] for n in range(8))]}
    ),
    "empty": lambda: writers.workbook({"Sheet1": []}),
}


def edit(book: Workbook, edits: dict) -> None:
    """Overwrite cells, or hide parts; a text that begins like an error or a formula becomes one."""
    for place, value in edits.items():
        if place.startswith("hidden "):
            sheet, kind = book[value[0]], place.removeprefix("hidden ")
            sheet.sheet_state = "hidden" if kind == "sheet" else "visible"
            for number in value[1:]:
                (sheet.row_dimensions if kind == "rows" else sheet.column_dimensions)[number].hidden = True
            continue
        sheet, address = book[place.partition("!")[0]], place.partition("!")[2]
        if address.isalpha():
            address = f"{address}2:{address}{sheet.max_row}"
        for cell in np.ravel(sheet[address]):
            cell.value = made(book, cell.row, value) if isinstance(value, dict) else value
            if isinstance(cell.value, str):
                cell.data_type = {"#": "e", "=": "f"}.get(cell.value[:1], "s")


def made(book: Workbook, row: int, rule: dict):
    """A time, a text with the row's number, the percent change of CTx, or what another cell holds, changed in some way."""
    if "time" in rule:
        return datetime.time.fromisoformat(rule["time"])
    if "row" in rule:
        return rule["row"].format(row)
    if "change of ctx" in rule:
        first, later = book["Bone"].cell(row, 2).value, book["Bone"].cell(row, 3).value
        return rule["change of ctx"] * (later - first) / first
    name, _, address = rule["of"].partition("!")
    value = book[name][f"{address}{row if address.isalpha() else ''}"].value
    value = int(value.removeprefix("DQ-")) if rule.get("number") else rule.get("as", {}).get(value, value)
    return value * rule["times"] if "times" in rule else value


CELLS, FAULTS, REMARKS = yaml.safe_load(Path("tests/layouts/faults.yaml").read_text(encoding="utf-8")).values()
# Where values stand in each workbook.
PLACES = {
    "wide": [f"Bone!{column}{row}" for row in (5, 9, 13) for column in "BCDEFGHI"],
    "long": [f"export!{column}{row}" for column in "HI" for row in range(3, 16)],
    "panels": [f"{sheet}!{column}{row}" for row in (4, 6, 8) for sheet in ("Fig 3a", "Fig 3d") for column in "AB"],
}


def said(tmp_path, base, edits):
    """The lines of the error message, and the notes of a reading that went through."""
    book = BASES[base]()
    edit(book, edits)
    book.save(tmp_path / "xlsx")
    try:
        read = read_workbook(tmp_path / "xlsx", cohort.trial())
    except UserError as error:
        return [line.strip() for line in str(error).split("\n")[1:]], []
    return [], read.source["notes"]


@pytest.mark.parametrize("base", PLACES)
@pytest.mark.parametrize("which", CELLS)
def test_cells_that_are_no_plain_numbers_are_told_with_place_and_value(tmp_path, base, which):
    cells = [(cell, message) for message, own in CELLS[which].items() for cell in own]
    planted = list(zip(PLACES[base], cells, strict=False))
    errors, notes = said(tmp_path, base, {place: cell for place, (cell, _) in planted})
    told = errors if which == "faults" else [note for note in notes if "read as" in note and "sample" not in note]
    for place, (_, message) in planted:
        assert any(re.search(f"^{re.escape(place)}: .+: {message}", line) for line in told), (place, errors + notes)
    assert len(told) == len(planted), told


@pytest.mark.parametrize("name", [*FAULTS, *REMARKS])
def test_single_fault_or_remark_is_told_with_place_and_value_and_a_fault_alone_stops(tmp_path, name):
    base, edits, message = (FAULTS | REMARKS)[name]
    errors, notes = said(tmp_path, base, edits)
    told = errors if name in FAULTS else notes
    assert any(re.search(message, line) for line in told), errors + notes
    assert len(errors) <= (0 if name in REMARKS else 16 if name.startswith("ids of two") else 2), errors


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
        ("long", {"export!H3": "high", "export!B6": "plcb", "export!C8": datetime.date(2021, 3, 4)}),
        ("wide", {"Bone!B8": "high", "Bone!C8": "0,41", "Bone!D8": "inf", "Bone!A6": None, "Participants!B6": "C"}),
    ],
)
def test_all_faults_are_told_in_one_pass(tmp_path, base, edits):
    errors, _ = said(tmp_path, base, edits)
    assert {error.split(":")[0] for error in errors} == set(edits)
    assert len(errors) == len(edits), errors
