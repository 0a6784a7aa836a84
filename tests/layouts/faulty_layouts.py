"""Single faults in other layouts than the wide one: long tables and panels of figures, planted cell by cell.

``EDITS`` maps a name to the layout, the cells to overwrite, a line of what has to be said, and whether it stops.
"""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path

from openpyxl import Workbook, load_workbook

from . import faulty, writers
from .cohort import make


def _written(name: str) -> Workbook:
    with tempfile.TemporaryDirectory() as folder:
        cohort = make(11, arm_size=faulty.PEOPLE // 2, outcomes=faulty.OUTCOMES)
        return load_workbook(writers.write(name, cohort, Path(folder) / "sound.xlsx"))


def _panels() -> Workbook:
    book = Workbook()
    book.remove(book.active)
    for name, variable in (("Fig 3a", "CTx"), ("Fig 3d", "P1NP")):
        sheet = book.create_sheet(name)
        sheet.append([f"{variable}, % change at week 20"])
        sheet.append(["Control", "D+Q"])
        for row in range(8):
            sheet.append([row + 0.5, -row - 0.5])
    return book


# long: A subject, B trt, C week, D age, E smoker, F and G p16, H ctx, I p1np, J bmd_radius; DQ-006 in rows 2 to 5
# labs: A id, B visit, C analyte, D result, E unit on "Labs"; A id, B arm, ... on "DM"
# panels: title, then Control | D+Q in rows 3 to 10
BASES = {
    "long": lambda: _written("long_by_visit"),
    "labs": lambda: _written("long_by_variable"),
    "panels": _panels,
    "wide": lambda: faulty.base()[1],
}

TEXT = "text where a number belongs"
ERROR = "an error cell where a number belongs"
FAULTS = {
    "date as a number": ("wide", {"Bone!C5": 44197}, r"^Bone!C5: 44197: a value of CTx more than 100 times the median"),
    "negative follow-up": ("wide", {"Bone!C5": -0.3}, r"^Bone!C5: -0.3: a negative value of CTx; correct it, list it"),
    "negative age": ("wide", {"Participants!C5": -64}, r"^Participants!C5: -64: a negative value of Age; correct it"),
    "negative marker": ("wide", {"Participants!E5": -1}, r"^Participants!E5: -1: a negative value of p16 variant 5; "),
    "code for missing": (
        "wide", {"Bone!C5": 999, "Bone!C7": 999}, r"^Bone!C7: 999: perhaps a code for a missing value of CTx; "
    ),
    "word among the values": ("long", {"export!H3": "high"}, rf"^export!H3: 'high': {TEXT}"),
    "error among the values": ("long", {"export!H3": "#N/A"}, rf"^export!H3: '#N/A': {ERROR}"),
    "formula never calculated": ("long", {"export!H3": "=1+1"}, r"^export!H3: '=1\+1': a formula without a stored value"),
    "date among the values": ("long", {"export!H3": datetime.date(2024, 1, 5)}, r"^export!H3: 2024-01-05: a date or time"),
    "truth value": ("long", {"export!H3": True}, r"^export!H3: True: a truth value where a number belongs"),
    "limit with a comma": ("long", {"export!H3": "<0,1"}, r"^export!H3: '<0,1': a comma in a limit of detection; write a"),
    "limit that is none": ("long", {"export!H3": "<1.2.3"}, r"^export!H3: '<1.2.3': a limit that is not a number"),
    "number beyond all scales": ("long", {"export!H3": 1e308}, r"^export!H3: 1e\+308: too large to be a measurement"),
    "arm that changes between visits": (
        "long", {"export!B4": "DQ"}, r"^export!B4: 'd_q': participant DQ-006 is in arm control at export!B2"
    ),
    "age that changes between visits": (
        "long", {"export!D4": 99}, r"^export!D4: 99: second value of Age, Baseline for participant DQ-006; export!D2 has"
    ),
    "marker that changes between visits": (
        "long", {"export!F4": 9.9}, r"^export!F4: 9.9: second value of p16 variant 5, .* DQ-006; export!F2 has 1.97"
    ),
    "visit that the trial does not have": ("long", {"export!C3": 3}, r"^export!C3: 3: not a visit of the trial"),
    "visit that is an error": ("long", {"export!C3": "#N/A"}, r"^export!C3: '#N/A': not a visit of the trial"),
    "visit that is a date": ("long", {"export!C3": datetime.date(2021, 3, 4)}, r"^export!C3: 2021-03-04: not a visit"),
    "no visit": ("long", {"export!C3": None}, r"^export!C3: a value without a visit$"),
    "no id": ("long", {"export!A3": None}, r"^export!A3: values without a participant id$"),
    "id in small letters": (
        "long", {"export!A3": "dq-006 "}, r"^export!A3: 'dq-006': differs only in writing from the participant 'DQ-006'"
    ),
    "id without its zeros": (
        "long", {"export!A3": "DQ 6"}, r"^export!A3: 'DQ 6': differs only in writing from the participant 'DQ-006'"
    ),
    "arm unknown": ("long", {"export!B3": "plcb"}, r"^export!B3: 'plcb': not an arm of the trial; expected D\+Q or"),
    "unit in a header": ("long", {"export!H1": "ctx (pg/mL)"}, r"^export!H1: 'ctx \(pg/mL\)': CTx in pg/ml, expected ng/mL"),
    "word as the first value of a table": ("labs", {"Labs!D2": "hi"}, rf"^Labs!D2: 'hi': {TEXT}"),
    "date as a result": ("labs", {"Labs!D3": datetime.date(2024, 1, 5)}, r"^Labs!D3: 2024-01-05: a date or time"),
    "unit in its own column": ("labs", {"Labs!E2": "pg/mL"}, r"^Labs!E2: 'pg/mL': CTx in pg/mL, expected ng/mL; convert"),
    "no analyte": ("labs", {"Labs!C2": None}, r"^Labs!C2: a value without a variable$"),
    "no visit of a result": ("labs", {"Labs!B2": None}, r"^Labs!B2: a value without a visit$"),
    "unscheduled visit": ("labs", {"Labs!B2": "Unscheduled"}, r"^Labs!B2: 'Unscheduled': not a visit of the trial"),
    "results of nobody": ("labs", {"Labs!A2": "DQ-777"}, r"^Labs!D2: 'DQ-777': participant has no arm on any sheet"),
    "result twice": (
        "labs",
        {"Labs!A3": "DQ-006"},
        r"^Labs!D3: [\d.]+: second value of CTx, Baseline for participant DQ-006; Labs!D2 has 0.257",
    ),
    "participant twice": (
        "labs", {"DM!A3": "DQ-198"}, r"^DM!A3: 'DQ-198': participant has a row already at A2; expected one row each"
    ),
    "word in a panel": ("panels", {"Fig 3a!A4": "high"}, rf"^Fig 3a!A4: 'high': {TEXT}"),
    "percent sign in a panel": ("panels", {"Fig 3a!A4": "12%"}, rf"^Fig 3a!A4: '12%': {TEXT}"),
    "error in a panel": ("panels", {"Fig 3a!B4": "#DIV/0!"}, rf"^Fig 3a!B4: '#DIV/0!': {ERROR}"),
    "infinite in a panel": ("panels", {"Fig 3a!B4": "inf"}, r"^Fig 3a!B4: 'inf': infinite; expected a number"),
    "panel without a visit": ("panels", {"Fig 3a!A1": "CTx, % change"}, r"^Fig 3a!A2: 'Control': CTx without a visit"),
    "thin space inside a number": ("wide", {"Bone!C5": "0\u2009.41"}, rf"^Bone!C5: '0.*\.41': {TEXT}"),
    "apostrophe before a number": ("wide", {"Bone!C5": "'0.41"}, rf"^Bone!C5: \"'0.41\": {TEXT}"),
    "comma and point": ("wide", {"Bone!C5": "1,234.5"}, r"^Bone!C5: '1,234.5': grouped digits; expected a plain number"),
    "remark in brackets": ("wide", {"Bone!C5": "12 (hemolysed)"}, rf"^Bone!C5: '12 \(hemolysed\)': {TEXT}"),
    "arm that is a truth value": ("wide", {"Participants!B5": True}, r"^Participants!B5: True: not an arm of the trial"),
    "arm that is an error": ("wide", {"Participants!B5": "#N/A"}, r"^Participants!B5: '#N/A': not an arm of the trial"),
    "two arms in a cell": ("wide", {"Participants!B5": "D+Q/Control"}, r"^Participants!B5: 'D\+Q/Control': not an arm"),
    "word as a marker": ("wide", {"Participants!E5": "low"}, rf"^Participants!E5: 'low': {TEXT}"),
}  # fmt: skip
REMARKS = {
    "zero baseline": ("long", {"export!H2": 0}, r"^export!H2: 0: zero baseline of CTx: no percent change from it$"),
    "no baseline": ("long", {"export!H2": None}, r"^export!H3: 0.626: participant DQ-006 has a follow-up value of CTx but"),
    "analyte unknown": ("labs", {"Labs!C2": "CRP"}, r"^Labs!C2: 'CRP': not a variable of the trial; not read$"),
    "below detection in a panel": ("panels", {"Fig 3a!A4": "<0.1"}, r"^Fig 3a!A4: '<0.1': below detection, read as miss"),
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
    "long dash": ("wide", {"Bone!C5": "—"}, r"^Bone!C5: '—': read as missing$"),
    "exponent": ("wide", {"Bone!C5": "4.1E-01"}, r"^Bone!C5: '4.1E-01': a number stored as text, read as 0.41$"),
    "marker that is the same in all": (
        "wide",
        {f"Participants!E{row}": 1.5 for row in range(2, 2 + faulty.PEOPLE)},
        r"^Participants!E1: 'p16 variant 5': all values of p16 variant 5 are equal: they cut no strata$",
    ),
    "marker that few have": (
        "wide",
        {f"Participants!E{row}": None for row in range(4, 2 + faulty.PEOPLE)},
        r"^Participants!E1: 'p16 variant 5': only 2 participants have a value of p16 variant 5$",
    ),
    "header missing": ("wide", {"Bone!C1": None}, r"^Bone!A1:K17: numbers that were not .* not read: C \(no header\)$"),
    "header that is a number": ("wide", {"Bone!C1": 44197}, r"^Bone!A1:K17: numbers that were not .*: C \('44197'\)$"),
    "header that is an error": ("wide", {"Bone!C1": "#REF!"}, r"^Bone!A1:K17: numbers that were not .*: C \('#REF!'\)$"),
}  # fmt: skip
EDITS = {name: (*entry, True) for name, entry in FAULTS.items()} | {
    name: (*entry, False) for name, entry in REMARKS.items()
}
assert len(EDITS) == len(FAULTS) + len(REMARKS)


def edit(book: Workbook, cells: dict[str, object]) -> None:
    """Overwrite cells; a text that begins like an error becomes one."""
    for place, value in cells.items():
        name, _, address = place.partition("!")
        book[name][address] = value
        if isinstance(value, str):
            book[name][address].data_type = "e" if value[:1] == "#" else "f" if value[:1] == "=" else "s"
