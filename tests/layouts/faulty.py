"""Sound workbooks, and single faults to plant in them: cells to overwrite, and a line of what has to be said.

A place such as ``Bone!C5`` is a cell, ``Bone!C`` the cells of a column below its header; a value may be a function of the
workbook and the row.
"""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

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
    """Overwrite cells; a text that begins like an error or a formula becomes one."""
    for place, value in edits.items():
        name, _, address = place.partition("!")
        sheet = book[name]
        rows = range(2, sheet.max_row + 1) if address.isalpha() else [None]
        for row in rows:
            cell = sheet[f"{address}{row or ''}"]
            cell.value = value(book, row) if callable(value) else value
            if isinstance(cell.value, str):
                cell.data_type = {"#": "e", "=": "f"}.get(cell.value[:1], "s")


def hide(kind: str, *numbers):
    def plant(book):
        for number in numbers:
            sheet = book["Participants"] if kind == "row_dimensions" else book["Bone"]
            getattr(sheet, kind)[number].hidden = True

    return plant


def hide_sheet(book):
    book["Bone"].sheet_state = "hidden"


def at(place: str, change=lambda value: value):
    """The value of another cell, in the same row if the place is a column."""
    name, _, address = place.partition("!")
    return lambda book, row: change(book[name][f"{address}{row if address.isalpha() else ''}"].value)


def ctx_change(book, row):
    first, later = book["Bone"].cell(row, 2).value, book["Bone"].cell(row, 3).value
    return (later - first) / first


OTHER_ARM = {"D+Q": "Control", "Control": "D+Q"}
TEXT, ERROR, ARM = "text where a number belongs", "an error cell where a number belongs", "not an arm of the trial"
FAULTS = {
    # cells that are not numbers
    "word in a number": ("wide", {"Bone!B5": "high"}, rf"^Bone!B5: 'high': {TEXT}$"),
    "number with a remark": ("wide", {"Bone!B5": "0.41*"}, rf"^Bone!B5: '0.41\*': {TEXT}$"),
    "two numbers in a cell": ("wide", {"Bone!B5": "0.41/0.43"}, rf"^Bone!B5: '0.41/0.43': {TEXT}$"),
    "number with its unit": ("wide", {"Bone!B5": "0.41 ng/mL"}, rf"^Bone!B5: '0.41 ng/mL': {TEXT}$"),
    "range in a cell": ("wide", {"Bone!B5": "0.41-0.43"}, rf"^Bone!B5: '0.41-0.43': {TEXT}$"),
    "letter O for a zero": ("wide", {"Bone!B5": "O.41"}, rf"^Bone!B5: 'O.41': {TEXT}$"),
    "thin space inside a number": ("wide", {"Bone!C5": "0\u2009.41"}, rf"^Bone!C5: '0.*\.41': {TEXT}"),
    "apostrophe before a number": ("wide", {"Bone!C5": "'0.41"}, rf"^Bone!C5: \"'0.41\": {TEXT}"),
    "remark in brackets": ("wide", {"Bone!C5": "12 (hemolysed)"}, rf"^Bone!C5: '12 \(hemolysed\)': {TEXT}"),
    "word as a marker": ("wide", {"Participants!E5": "low"}, rf"^Participants!E5: 'low': {TEXT}"),
    "word among the values": ("long", {"export!H3": "high"}, rf"^export!H3: 'high': {TEXT}"),
    "word as the first value of a table": ("labs", {"Labs!D2": "hi"}, rf"^Labs!D2: 'hi': {TEXT}"),
    "word in a panel": ("panels", {"Fig 3a!A4": "high"}, rf"^Fig 3a!A4: 'high': {TEXT}"),
    "percent sign in a panel": ("panels", {"Fig 3a!A4": "12%"}, r"^Fig 3a!A3: 'Control': 1 of 8 cells are formatted as per"),
    "decimal comma": ("wide", {"Bone!B5": "0,41"}, r"^Bone!B5: '0,41': a comma in a number; .*decimal_comma: true"),
    "comma that may group thousands": ("wide", {"Bone!F5": "1,234"}, r"^Bone!F5: '1,234': a comma in a number"),
    "grouped digits": ("wide", {"Bone!F5": "1 234.5"}, r"^Bone!F5: '1 234.5': grouped digits; expected a plain number"),
    "comma and point": ("wide", {"Bone!C5": "1,234.5"}, r"^Bone!C5: '1,234.5': grouped digits; expected a plain number"),
    "limit with a comma": ("long", {"export!H3": "<0,1"}, r"^export!H3: '<0,1': a comma in a limit of detection; write a"),
    "limit that is none": ("long", {"export!H3": "<1.2.3"}, r"^export!H3: '<1.2.3': a limit that is not a number"),
    "above a limit": ("wide", {"Bone!F5": ">500"}, r"^Bone!F5: '>500': above a limit; expected a number"),
    "not available": ("wide", {"Bone!B5": "#N/A"}, rf"^Bone!B5: '#N/A': {ERROR}"),
    "division by zero": ("wide", {"Bone!C5": "#DIV/0!"}, rf"^Bone!C5: '#DIV/0!': {ERROR}"),
    "broken reference": ("wide", {"Participants!C5": "#REF!"}, rf"^Participants!C5: '#REF!': {ERROR}"),
    "error among the values": ("long", {"export!H3": "#N/A"}, rf"^export!H3: '#N/A': {ERROR}"),
    "error in a panel": ("panels", {"Fig 3a!B4": "#DIV/0!"}, rf"^Fig 3a!B4: '#DIV/0!': {ERROR}"),
    "formula never calculated": ("wide", {"Bone!B5": "=0.2*2"}, r"^Bone!B5: '=0.2\*2': a formula without a stored value; open"),
    "formula among the values": ("long", {"export!H3": "=1+1"}, r"^export!H3: '=1\+1': a formula without a stored value"),
    "date": ("wide", {"Bone!B5": datetime.date(2024, 1, 5)}, r"^Bone!B5: 2024-01-05: a date or time where a number belongs"),
    "time": ("wide", {"Bone!B5": datetime.time(4, 10)}, r"^Bone!B5: 04:10:00: a date or time where a number belongs"),
    "date among the values": ("long", {"export!H3": datetime.date(2024, 1, 5)}, r"^export!H3: 2024-01-05: a date or time"),
    "date as a result": ("labs", {"Labs!D3": datetime.date(2024, 1, 5)}, r"^Labs!D3: 2024-01-05: a date or time"),
    "date as a number": ("wide", {"Bone!C5": 44197}, r"^Bone!C5: 44197: a value of CTx more than 100 times the median"),
    "truth value": ("wide", {"Bone!B5": True}, r"^Bone!B5: True: a truth value where a number belongs"),
    "truth value among the values": ("long", {"export!H3": True}, r"^export!H3: True: a truth value where a number"),
    "infinite": ("wide", {"Bone!B5": "inf"}, r"^Bone!B5: 'inf': infinite; expected a number"),
    "infinity sign": ("wide", {"Bone!B5": "∞"}, r"^Bone!B5: '∞': infinite; expected a number"),
    "infinite in a panel": ("panels", {"Fig 3a!B4": "inf"}, r"^Fig 3a!B4: 'inf': infinite; expected a number"),
    "number beyond all scales": ("long", {"export!H3": 1e308}, r"^export!H3: 1e\+308: too large to be a measurement"),
    "smoker neither yes nor no": ("wide", {"Participants!D5": "sometimes"}, r"^Participants!D5: 'sometimes': expected yes or"),
    "smoker as a code without meaning": ("wide", {"Participants!D5": 2}, r"^Participants!D5: 2: expected yes or no, 1 or 0"),
    "negative follow-up": ("wide", {"Bone!C5": -0.3}, r"^Bone!C5: -0.3: a negative value of CTx; correct it, list it"),
    "negative age": ("wide", {"Participants!C5": -64}, r"^Participants!C5: -64: a negative value of Age; correct it"),
    "negative marker": ("wide", {"Participants!E5": -1}, r"^Participants!E5: -1: a negative value of p16 variant 5; "),
    "negative baseline": ("wide", {"Bone!B5": -0.2}, r"^Bone!B5: -0.2: a negative value of CTx; correct it"),
    "typographic minus": ("wide", {"Bone!C5": "−0.4"}, r"^Bone!C5: -0.4: a negative value of CTx; correct it"),
    "code for missing": (
        "wide", {"Bone!C5": 999, "Bone!C7": 999}, r"^Bone!C7: 999: perhaps a code for a missing value of CTx; "
    ),
    # participants and arms
    "participant twice": (
        "wide",
        {f"Participants!{c}9": at(f"Participants!{c}4") for c in "ABCDEF"},
        r"^Participants!A9: 'DQ-\d+': participant has a row already at A4; expected one row each",
    ),
    "participant twice on a sheet of visits": (
        "wide", {"Bone!A9": at("Bone!A4")}, r"^Bone!A9: 'DQ-\d+': participant has a row already at A4"
    ),
    "participant twice beside a long table": (
        "labs", {"DM!A3": "DQ-198"}, r"^DM!A3: 'DQ-198': participant has a row already at A2; expected one row each"
    ),
    "values without an id": ("wide", {"Bone!A6": None}, r"^Bone!A6: values without a participant id$"),
    "id is an error": ("wide", {"Bone!A6": "#REF!"}, r"^Bone!A6: '?#REF!'?: values without a participant id$"),
    "no id in a long table": ("long", {"export!A3": None}, r"^export!A3: values without a participant id$"),
    "id in small letters": (
        "long", {"export!A3": "dq-006 "}, r"^export!A3: 'dq-006': differs only in writing from the participant 'DQ-006'"
    ),
    "id without its zeros": (
        "long", {"export!A3": "DQ 6"}, r"^export!A3: 'DQ 6': differs only in writing from the participant 'DQ-006'"
    ),
    "arm unknown": ("wide", {"Participants!B6": "Placebo"}, rf"^Participants!B6: 'Placebo': {ARM}; expected D\+Q or Control"),
    "arm unknown in a long table": ("long", {"export!B3": "plcb"}, rf"^export!B3: 'plcb': {ARM}; expected D\+Q or"),
    "arm that is a truth value": ("wide", {"Participants!B5": True}, rf"^Participants!B5: True: {ARM}"),
    "arm that is an error": ("wide", {"Participants!B5": "#N/A"}, rf"^Participants!B5: '#N/A': {ARM}"),
    "two arms in a cell": ("wide", {"Participants!B5": "D+Q/Control"}, rf"^Participants!B5: 'D\+Q/Control': {ARM}"),
    "arm missing": ("wide", {"Participants!B6": None}, r"^Participants!C6: 'DQ-\d+': participant has no arm on any sheet$"),
    "arms as codes without a legend": (
        "wide",
        {"Participants!B": at("Participants!B", lambda arm: int(arm == "D+Q"))},
        rf"^Participants!B2: [01]: {ARM} \(in 8 rows\)",
    ),
    "arms as letters without a legend": (
        "wide",
        {"Participants!B": at("Participants!B", lambda arm: arm.replace("D+Q", "B").replace("Control", "A"))},
        rf"^Participants!B\d: '[AB]': {ARM} \(in 8 rows\)",
    ),
    "arm changed between sheets": (
        "wide",
        {"Bone!L1": "Group", "Bone!L": at("Participants!B"), "Bone!L7": at("Participants!B7", OTHER_ARM.get)},
        r"^Bone!L7: '?(d_q|control)'?: participant DQ-\d+ is in arm (d_q|control) at Participants!B7",
    ),
    "arm that changes between visits": (
        "long", {"export!B4": "DQ"}, r"^export!B4: 'd_q': participant DQ-006 is in arm control at export!B2"
    ),
    "one arm empty": ("wide", {"Participants!B": "Control"}, r"^no participant is in the arm D\+Q$"),
    "participant in follow-up only": (
        "wide",
        {"Bone!A18": "DQ-999"} | {f"Bone!{c}18": 0.4 for c in "BCDEJK"} | {f"Bone!{c}18": 50 for c in "FGHI"},
        r"^Bone!B18: 'DQ-999': participant has no arm on any sheet$",
    ),
    "results of nobody": ("labs", {"Labs!A2": "DQ-777"}, r"^Labs!D2: 'DQ-777': participant has no arm on any sheet"),
    "ids of two sheets do not belong together": (
        "wide", {"Bone!A": lambda book, row: f"X{row:04d}"}, r"^Bone!B2: 'X0002': participant has no arm on any sheet$"
    ),
    # columns
    "two columns for one variable": (
        "wide",
        {"Bone!L1": "CTX BL", "Bone!L": at("Bone!B", lambda value: value * 1.1)},
        r"^Bone!L1: 'CTX BL': second column for CTx, Baseline; Bone!B1 has other values for 16",
    ),
    "the same variable on two sheets with other values": (
        "wide",
        {"Bone!L1": "Age", "Bone!L": at("Participants!C"), "Bone!L5": at("Participants!C5", lambda age: age + 1)},
        r"^Bone!L1: 'Age': second column for Age, .*for 1 participants",
    ),
    "no visit in the header": (
        "wide", {"Bone!B1": "CTx", "Bone!E1": "lot", "Bone!E": "x"}, r"^Bone!B1: 'CTx': CTx without a visit; expected one of Baseline"
    ),
    "visits swapped into one": (
        "wide", {"Bone!C1": "CTx baseline"}, r"^Bone!C1: 'CTx baseline': second column for CTx, Baseline; Bone!B1 has other"
    ),
    "baseline column missing": (
        "wide", {"Bone!B1": "lot", "Bone!B": "x"}, r"^Bone!C1: 'CTx week 2 \(ng/mL\)': CTx has follow-up values but no baseline"
    ),
    "unit of CTx in the header": (
        "wide",
        {"Bone!B1": "CTx baseline (pg/mL)"},
        r"^Bone!B1: 'CTx baseline \(pg/mL\)': CTx in pg/ml, expected ng/mL; .*factor: 0.001 in the mapping",
    ),
    "unit of CTx by its values": (
        "wide",
        {"Bone!B": at("Bone!B", lambda value: value * 1000)},
        r"^Bone!B1: 'CTx baseline \(ng/mL\)': CTx has a median of \d+.*0\.001 times that would fit",
    ),
    "unit of BMD in the header": (
        "wide",
        {"Bone!J1": "Radius BMD baseline (mg/cm²)"},
        r"^Bone!J1: .*Radius BMD in mg/cm2, expected g/cm2; to convert, write factor: 0.001",
    ),
    "unit that does not convert": (
        "wide",
        {"Bone!B1": "CTx baseline (nmol/L)"},
        r"^Bone!B1: 'CTx baseline \(nmol/L\)': CTx in nmol/l, which does not convert to ng/mL",
    ),
    "unit in a short header": ("long", {"export!H1": "ctx (pg/mL)"}, r"^export!H1: 'ctx \(pg/mL\)': CTx in pg/ml, expected"),
    "unit in its own column": ("labs", {"Labs!E2": "pg/mL"}, r"^Labs!E2: 'pg/mL': CTx in pg/mL, expected ng/mL; convert"),
    # visits and repeated values
    "visit unknown": ("visits", {"Long!B3": "Week 3"}, r"^Long!B3: 'Week 3': not a visit of the trial; name it under 'visits'"),
    "visits numbered": ("visits", {"Long!B": lambda book, row: f"V{1 + row % 2}"}, r"^Long!B2: 'V1': not a visit of the trial"),
    "visit that the trial does not have": ("long", {"export!C3": 3}, r"^export!C3: 3: not a visit of the trial"),
    "visit that is an error": ("long", {"export!C3": "#N/A"}, r"^export!C3: '#N/A': not a visit of the trial"),
    "visit that is a date": ("long", {"export!C3": datetime.date(2021, 3, 4)}, r"^export!C3: 2021-03-04: not a visit"),
    "unscheduled visit": ("labs", {"Labs!B2": "Unscheduled"}, r"^Labs!B2: 'Unscheduled': not a visit of the trial"),
    "no visit": ("long", {"export!C3": None}, r"^export!C3: a value without a visit$"),
    "no visit of a result": ("labs", {"Labs!B2": None}, r"^Labs!B2: a value without a visit$"),
    "no analyte": ("labs", {"Labs!C2": None}, r"^Labs!C2: a value without a variable$"),
    "visit twice for a participant": (
        "visits",
        {"Long!B3": "Baseline"},
        r"^Long!C3: 0.34: second value of CTx, Baseline for participant DQ-\d+; Long!C2 has 0.32",
    ),
    "result twice": (
        "labs",
        {"Labs!A3": "DQ-006"},
        r"^Labs!D3: [\d.]+: second value of CTx, Baseline for participant DQ-006; Labs!D2 has 0.257",
    ),
    "age that changes between visits": (
        "long", {"export!D4": 99}, r"^export!D4: 99: second value of Age, Baseline for participant DQ-006; export!D2 has"
    ),
    "marker that changes between visits": (
        "long", {"export!F4": 9.9}, r"^export!F4: 9.9: second value of p16 variant 5, .* DQ-006; export!F2 has 1.97"
    ),
    "panel without a visit": ("panels", {"Fig 3a!A1": "CTx, % change"}, r"^Fig 3a!A2: 'Control': CTx without a visit"),
    "two panels of one group": (
        "panels",
        {"Fig 3d!A1": "CTx, % change at week 20", "Fig 3d!A6": 4.5},
        r"^Fig 3d!A2: .*CTx, 20 weeks, control: other values than at Fig 3a!A2",
    ),
    "nothing of the trial": ("plate", {}, r"^no participant of the trial was recognised; run 'inspect' and write a mapping$"),
    "empty workbook": ("empty", {}, r"^no participant of the trial was recognised"),
}  # fmt: skip
REMARKS = {
    "below detection": ("wide", {"Bone!B5": "<0.1"}, r"^Bone!B5: '<0.1': below detection, read as missing"),
    "below detection in words": ("wide", {"Bone!B5": "below LOD"}, r"^Bone!B5: 'below LOD': below detection without a limit"),
    "below detection in a panel": ("panels", {"Fig 3a!A4": "<0.1"}, r"^Fig 3a!A4: '<0.1': below detection, read as miss"),
    "not detected": ("wide", {"Bone!C5": "not detected"}, r"^Bone!C5: 'not detected': below detection"),
    "code n.d.": ("wide", {"Bone!C5": "n.d."}, r"^Bone!C5: 'n.d.': read as missing$"),
    "code NA": ("wide", {"Bone!C5": "NA"}, r"^Bone!C5: 'NA': read as missing$"),
    "code dash": ("wide", {"Bone!C5": "-"}, r"^Bone!C5: '-': read as missing$"),
    "long dash": ("wide", {"Bone!C5": "—"}, r"^Bone!C5: '—': read as missing$"),
    "padded digits": ("wide", {"Bone!C5": "  0.41 "}, r"^Bone!C5: '  0.41 ': a number stored as text, read as 0.41$"),
    "no-break space": ("wide", {"Bone!C5": "0.41\u00a0"}, r"^Bone!C5: '0.41.*': a number stored as text, read as 0.41$"),
    "full-width digits": ("wide", {"Bone!C5": "０.４１"}, r"^Bone!C5: '０.４１': a number stored as text, read as 0.41$"),
    "exponent": ("wide", {"Bone!C5": "4.1E-01"}, r"^Bone!C5: '4.1E-01': a number stored as text, read as 0.41$"),
    "zero baseline": ("wide", {"Bone!B5": 0}, r"^Bone!B5: 0: zero baseline of CTx: no percent change from it$"),
    "zero baseline in a long table": ("long", {"export!H2": 0}, r"^export!H2: 0: zero baseline of CTx: no percent change"),
    "value far off": ("wide", {"Bone!C5": 41}, r"^Bone!C5: 41: CTx outside 0.02 to 3 ng/mL; kept$"),
    "follow-up without a baseline": (
        "wide", {"Bone!B5": None}, r"^Bone!C5: [\d.]+: participant DQ-\d+ has a follow-up value of CTx but no baseline"
    ),
    "no baseline": ("long", {"export!H2": None}, r"^export!H3: 0.626: participant DQ-006 has a follow-up value of CTx but"),
    "summary row below the table": (
        "wide",
        {"Participants!A18": "Mean", "Participants!C18": 71.2, "Participants!E18": 1.0, "Participants!F18": 1.0},
        r"^Participants!A18: 'Mean': a summary, not a participant; not read$",
    ),
    "ids written otherwise on another sheet": (
        "wide",
        {"Bone!A": at("Bone!A", lambda identity: int(identity.removeprefix("DQ-")))},
        r"^Bone: '\d+': ids are written otherwise than on Participants \(DQ-\d+\)",
    ),
    "the same variable on two sheets": (
        "wide",
        {"Bone!L1": "Age", "Bone!L": at("Participants!C")},
        r"^Bone!L1: 'Age': Age, Baseline repeated with equal values for 16 participants; read once",
    ),
    "no visit in the header but all others there": (
        "wide", {"Bone!B1": "CTx"}, r"^Bone!B1: 'CTx': no visit named; the baseline, because all later"
    ),
    "unit unknown": ("wide", {"Bone!B1": "CTx baseline (BCE/mL)"}, r"^Bone!B1: .*CTx: unit 'bce/ml' cannot be compared with"),
    "no marker": (
        "wide",
        {f"Participants!{place}": None for place in ("E1", "E", "F1", "F")},
        r"^no p16 variant 5 or p16 variant 1\+5 and no strata: analyses by stratum cannot run$",
    ),
    "percent change that differs": (
        "wide",
        {"Bone!L1": "CTx week 2 % change", "Bone!L": lambda book, row: 100 * ctx_change(book, row), "Bone!L4": 7.5},
        r"^Bone!L4: 7.5: given percent change of CTx, 2 weeks; raw values make -?[\d.]+; the raw",
    ),
    "percent change as a fraction": (
        "wide",
        {"Bone!L1": "CTx week 2 % change", "Bone!L": ctx_change},
        r"^Bone!L1: CTx, 2 weeks: all given changes are 0.01 times the recomputed ones",
    ),
    "small stratum": ("strata", {f"Fig 4a!D{row}": None for row in range(6, 12)}, r"only 2 values in T3 d_q"),
    "strata of an unnamed marker": (
        "wide and strata",
        {"Fig 4a!A1": "CTx, % change at week 20"},
        r"^Fig 4a!A1:D11: block not read: it does not say which marker the strata are of",
    ),
    "hidden rows": (
        "wide",
        hide("row_dimensions", 4, 5, 6),
        r"^Participants: 3 hidden rows with data .* were read, first row 4; hidden_rows: ignore",
    ),
    "hidden column": ("wide", hide("column_dimensions", "C"), r"^Bone: 1 hidden columns with data were read: C$"),
    "hidden sheet": ("wide", hide_sheet, r"^Bone: a hidden sheet; its data were read$"),
    "analyte unknown": ("labs", {"Labs!C2": "CRP"}, r"^Labs!C2: 'CRP': not a variable of the trial; not read$"),
    "change that cannot be": ("panels", {"Fig 3a!A4": -140}, r"^Fig 3a!A4: -140: a percent change below -100%, which"),
    "change that hardly can be": ("panels", {"Fig 3a!A4": 1e6}, r"^Fig 3a!A4: 1000000: a percent change above 1000%; kept"),
    "arm without values": (
        "panels", {f"Fig 3a!B{row}": None for row in range(3, 11)}, r"^Fig 3a!A2: CTx, 20 weeks: no value in the arm D\+Q$"
    ),
    "group of another arm": (
        "panels",
        {"Fig 3a!C2": "Placebo"} | {f"Fig 3a!C{row}": row for row in range(3, 11)},
        r"^Fig 3a!A1:C10: numbers that were not recognised and not read: C \('Placebo'\)$",
    ),
    "marker that is the same in all": (
        "wide",
        {"Participants!E": 1.5},
        r"^Participants!E1: 'p16 variant 5': all values of p16 variant 5 are equal: they cut no strata$",
    ),
    "marker that few have": (
        "wide",
        {f"Participants!E{row}": None for row in ROWS[2:]},
        r"^Participants!E1: 'p16 variant 5': only 2 participants have a value of p16 variant 5$",
    ),
    "header missing": ("wide", {"Bone!C1": None}, r"^Bone!A1:K17: numbers that were not .* not read: C \(no header\)$"),
    "header that is a number": ("wide", {"Bone!C1": 44197}, r"^Bone!A1:K17: numbers that were not .*: C \('44197'\)$"),
    "header that is an error": ("wide", {"Bone!C1": "#REF!"}, r"^Bone!A1:K17: numbers that were not .*: C \('#REF!'\)$"),
}  # fmt: skip
assert not FAULTS.keys() & REMARKS
