"""Sound workbooks, and the single faults of ``faults.yaml`` to plant in them."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

import numpy as np
import yaml
from openpyxl import Workbook, load_workbook

from . import writers
from .cohort import make

PEOPLE = 16
ROWS = range(2, 2 + PEOPLE)


def cohort():
    made = make(11, arm_size=PEOPLE // 2, outcomes=["age", "smoker", "ctx", "p1np", "bmd_radius"])
    for (variable, visit), cells in made.values.items():
        level = {"ctx": 0.4, "p1np": 50.0, "bmd_radius": 0.4}.get(variable)
        if level and visit != "baseline":
            cells |= {identity: round(level * (1 + number / 100), 3) for number, identity in enumerate(made.ids)}
    return made


def wide() -> Workbook:
    """Participants: A id, B arm, C age, D smoker, E p16 v5, F p16 v1+5. Bone: A id, B-E CTx, F-I P1NP, J-K radius."""
    made = cohort()
    later = [key for key in made.values if writers.has_visits(key[0])]
    participants = writers.table(made, writers.plain, keys=writers.once(made))
    return writers.workbook({"Participants": participants, "Bone": writers.table(made, arm=None, keys=later)})


def written(name: str) -> Workbook:
    with tempfile.TemporaryDirectory() as folder:
        made = make(11, arm_size=PEOPLE // 2, outcomes=["age", "smoker", "ctx", "p1np", "bmd_radius"])
        return load_workbook(writers.write(name, made, Path(folder) / "sound.xlsx"))


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
            name, *numbers = value
            hide(book[name], place.removeprefix("hidden "), numbers)
            continue
        sheet, address = book[place.partition("!")[0]], place.partition("!")[2]
        if address.isalpha():
            address = f"{address}2:{address}{sheet.max_row}"
        for cell in np.ravel(sheet[address]):
            cell.value = made(book, cell.row, value) if isinstance(value, dict) else value
            if isinstance(cell.value, str):
                cell.data_type = {"#": "e", "=": "f"}.get(cell.value[:1], "s")


def hide(sheet, kind: str, numbers: list) -> None:
    for number in numbers:
        (sheet.row_dimensions if kind == "rows" else sheet.column_dimensions)[number].hidden = True
    if kind == "sheet":
        sheet.sheet_state = "hidden"


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


FAULTS, REMARKS = yaml.safe_load(Path(__file__).with_name("faults.yaml").read_text(encoding="utf-8")).values()
