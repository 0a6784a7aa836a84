"""A small sound workbook, and single faults to plant in it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from . import writers
from .cohort import Cohort, make, trial

OUTCOMES = ["age", "smoker", "ctx", "p1np", "bmd_radius"]
PEOPLE = 16


@dataclass
class Case:
    """One planted fault and what has to be said of it."""

    name: str
    plant: Callable[[Workbook], None]
    message: str  # a line of the message, or of the notes
    stops: bool


CASES: list[Case] = []


def base() -> tuple[Cohort, Workbook]:
    """Two sheets: Participants (A id, B arm, C age, D smoker, E p16 v5, F p16 v1+5), Bone (A id, then visits)."""
    cohort = make(11, arm_size=PEOPLE // 2, outcomes=OUTCOMES)
    cohort.values = {key: dict(cells) for key, cells in cohort.values.items()}
    for (variable, visit), cells in cohort.values.items():
        level = {"ctx": 0.4, "p1np": 50.0, "bmd_radius": 0.4}.get(variable)
        if level and visit != "baseline":
            for number, identity in enumerate(cohort.ids):
                cells[identity] = round(level * (1 + number / 100), 3)
    book = Workbook()
    first = book.active
    first.title = "Participants"
    once = [k for k in cohort.values if not writers.has_visits(k[0])]
    later = [k for k in cohort.values if writers.has_visits(k[0])]
    first.append(["ID", "Arm", *(writers.with_unit(v) for v, _ in once)])
    bone = book.create_sheet("Bone")
    bone.append(["ID", *(writers.with_unit(v, visit) for v, visit in later)])
    for identity, arm in cohort.arms.items():
        first.append([identity, writers.arm_label(arm), *(cohort.get(v, visit, identity) for v, visit in once)])
        bone.append([identity, *(cohort.get(v, visit, identity) for v, visit in later)])
    return cohort, book


def fault(name: str, message: str):
    """Register a fault that has to stop the reading."""
    return _register(name, message, True)


def remark(name: str, message: str):
    """Register something that has to be told without stopping."""
    return _register(name, message, False)


def _register(name: str, message: str, stops: bool):
    def add(function: Callable[[Workbook], None]):
        CASES.append(Case(name, function, message, stops))
        return function

    return add


def cell(name: str, place: str, value: object, message: str, *, stops: bool = True) -> None:
    """Register a fault that is one cell: ``place`` is like ``Bone!B5``."""
    sheet, _, address = place.partition("!")

    def plant(book: Workbook) -> None:
        book[sheet][address] = value
        if isinstance(value, str) and value.startswith("#"):
            book[sheet][address].data_type = "e"

    _register(name, message, stops)(plant)


def row_of(book: Workbook, sheet: str, identity: str) -> int:
    return next(row for row in range(2, 99) if book[sheet].cell(row, 1).value == identity)


def column_of(book: Workbook, sheet: str, head: str) -> str:
    cells = next(book[sheet].iter_rows(min_row=1, max_row=1))
    return get_column_letter(next(c.column for c in cells if c.value == head))


# -- cells that are not numbers -------------------------------------------------------------------------------------

TEXT = "text where a number belongs"
cell("word in a number", "Bone!B5", "high", rf"^Bone!B5: 'high': {TEXT}$")
cell("number with a remark", "Bone!B5", "0.41*", rf"^Bone!B5: '0.41\*': {TEXT}$")
cell("two numbers in a cell", "Bone!B5", "0.41/0.43", rf"^Bone!B5: '0.41/0.43': {TEXT}$")
cell("number with its unit", "Bone!B5", "0.41 ng/mL", rf"^Bone!B5: '0.41 ng/mL': {TEXT}$")
cell("range in a cell", "Bone!B5", "0.41-0.43", rf"^Bone!B5: '0.41-0.43': {TEXT}$")
cell("letter O for a zero", "Bone!B5", "O.41", rf"^Bone!B5: 'O.41': {TEXT}$")
cell("decimal comma", "Bone!B5", "0,41", r"^Bone!B5: '0,41': a comma in a number; .*decimal_comma: true")
cell("comma that may group thousands", "Bone!F5", "1,234", r"^Bone!F5: '1,234': a comma in a number")
cell("grouped digits", "Bone!F5", "1 234.5", r"^Bone!F5: '1 234.5': grouped digits; expected a plain number")
cell("above a limit", "Bone!F5", ">500", r"^Bone!F5: '>500': above a limit; expected a number")
cell("not available", "Bone!B5", "#N/A", r"^Bone!B5: '#N/A': an error cell where a number belongs")
cell("division by zero", "Bone!C5", "#DIV/0!", r"^Bone!C5: '#DIV/0!': an error cell where a number belongs")
cell("broken reference", "Participants!C5", "#REF!", r"^Participants!C5: '#REF!': an error cell where a number belongs")
cell(
    "formula never calculated",
    "Bone!B5",
    "=0.2*2",
    r"^Bone!B5: '=0.2\*2': a formula without a stored value; open in Excel",
)
cell("date", "Bone!B5", datetime.date(2024, 1, 5), r"^Bone!B5: 2024-01-05: a date or time where a number belongs")
cell("time", "Bone!B5", datetime.time(4, 10), r"^Bone!B5: 04:10:00: a date or time where a number belongs")
cell("truth value", "Bone!B5", True, r"^Bone!B5: True: a truth value where a number belongs")
cell("infinite", "Bone!B5", "inf", r"^Bone!B5: 'inf': infinite; expected a number")
cell("infinity sign", "Bone!B5", "∞", r"^Bone!B5: '∞': infinite; expected a number")
cell("smoker neither yes nor no", "Participants!D5", "sometimes", r"^Participants!D5: 'sometimes': expected yes or no")
cell("smoker as a code without meaning", "Participants!D5", 2, r"^Participants!D5: 2: expected yes or no, 1 or 0")

cell("below detection", "Bone!B5", "<0.1", r"^Bone!B5: '<0.1': below detection, read as missing", stops=False)
cell(
    "below detection in words",
    "Bone!B5",
    "below LOD",
    r"^Bone!B5: 'below LOD': below detection without a limit",
    stops=False,
)
cell("not detected", "Bone!C5", "not detected", r"^Bone!C5: 'not detected': below detection", stops=False)
cell("code n.d.", "Bone!C5", "n.d.", r"^Bone!C5: 'n.d.': read as missing$", stops=False)
cell("code NA", "Bone!C5", "NA", r"^Bone!C5: 'NA': read as missing$", stops=False)
cell("code dash", "Bone!C5", "-", r"^Bone!C5: '-': read as missing$", stops=False)
cell("typographic minus", "Bone!C5", "−0.4", r"^Bone!C5: -0.4: a negative value of CTx; correct it")
cell("padded digits", "Bone!C5", "  0.41 ", r"^Bone!C5: '  0.41 ': a number stored as text, read as 0.41$", stops=False)
cell(
    "no-break space",
    "Bone!C5",
    "0.41\u00a0",
    r"^Bone!C5: '0.41.*': a number stored as text, read as 0.41$",
    stops=False,
)
cell(
    "full-width digits",
    "Bone!C5",
    "０.４１",
    r"^Bone!C5: '０.４１': a number stored as text, read as 0.41$",
    stops=False,
)
cell("zero baseline", "Bone!B5", 0, r"^Bone!B5: 0: zero baseline of CTx: no percent change from it$", stops=False)
cell("negative baseline", "Bone!B5", -0.2, r"^Bone!B5: -0.2: a negative value of CTx; correct it")
cell("value far off", "Bone!C5", 41, r"^Bone!C5: 41: CTx outside 0.02 to 3 ng/mL; kept$", stops=False)

# -- participants and arms ------------------------------------------------------------------------------------------


@fault("participant twice", r"^Participants!A9: 'DQ-\d+': participant has a row already at A4; expected one row each")
def _(book):
    for column in range(1, 7):
        book["Participants"].cell(9, column, book["Participants"].cell(4, column).value)


@fault("participant twice on a sheet of visits", r"^Bone!A9: 'DQ-\d+': participant has a row already at A4")
def _(book):
    book["Bone"]["A9"] = book["Bone"]["A4"].value


@fault("values without an id", r"^Bone!A6: values without a participant id$")
def _(book):
    book["Bone"]["A6"] = None


@fault("id is an error", r"^Bone!A6: '?#REF!'?: values without a participant id$")
def _(book):
    book["Bone"]["A6"] = "#REF!"
    book["Bone"]["A6"].data_type = "e"


@fault("arm unknown", r"^Participants!B6: 'Placebo': not an arm of the trial; expected D\+Q or Control or Fisetin")
def _(book):
    book["Participants"]["B6"] = "Placebo"


@fault("arm missing", r"^Participants!C6: 'DQ-\d+': participant has no arm on any sheet$")
def _(book):
    book["Participants"]["B6"] = None


@fault("arms as codes without a legend", r"^Participants!B2: [01]: not an arm of the trial \(in 8 rows\)")
def _(book):
    for row in range(2, 2 + PEOPLE):
        place = book["Participants"].cell(row, 2)
        place.value = int(place.value == "D+Q")


@fault("arms as letters without a legend", r"^Participants!B\d: '[AB]': not an arm of the trial \(in 8 rows\)")
def _(book):
    for row in range(2, 2 + PEOPLE):
        place = book["Participants"].cell(row, 2)
        place.value = "AB"[place.value == "D+Q"]


def _second_arm(book):
    sheet = book["Bone"]
    sheet.insert_cols(2)
    sheet["B1"] = "Group"
    for row in range(2, 2 + PEOPLE):
        sheet.cell(row, 2, book["Participants"].cell(row, 2).value)


@fault(
    "arm changed between sheets",
    r"^Bone!B7: '?(d_q|control)'?: participant DQ-\d+ is in arm (d_q|control) at Participants!B7",
)
def _(book):
    _second_arm(book)
    place = book["Bone"]["B7"]
    place.value = "Control" if place.value == "D+Q" else "D+Q"


@fault("one arm empty", r"^no participant is in the arm D\+Q$")
def _(book):
    for row in range(2, 2 + PEOPLE):
        book["Participants"].cell(row, 2, "Control")


@fault("participant in follow-up only", r"^Bone!B18: 'DQ-999': participant has no arm on any sheet$")
def _(book):
    book["Bone"].append(["DQ-999", *[0.4] * 4, *[50] * 4, 0.4, 0.4])


@fault("ids of two sheets do not belong together", r"^Bone!B2: 'X0001': participant has no arm on any sheet$")
def _(book):
    for row in range(2, 2 + PEOPLE):
        book["Bone"].cell(row, 1, f"X{row - 1:04d}")


@remark(
    "follow-up without a baseline", r"^Bone!C5: [\d.]+: participant DQ-\d+ has a follow-up value of CTx but no baseline"
)
def _(book):
    book["Bone"]["B5"] = None


@remark("summary row below the table", r"^Participants!A18: 'Mean': a summary, not a participant; not read$")
def _(book):
    book["Participants"].append(["Mean", None, 71.2, None, 1.0, 1.0])


@remark(
    "ids written otherwise on another sheet", r"^Bone: '\d+': ids are written otherwise than on Participants \(DQ-\d+\)"
)
def _(book):
    for row in range(2, 2 + PEOPLE):
        place = book["Bone"].cell(row, 1)
        place.value = int(place.value.removeprefix("DQ-"))


# -- columns --------------------------------------------------------------------------------------------------------


@fault(
    "two columns for one variable",
    r"^Bone!L1: 'CTX BL': second column for CTx, Baseline; Bone!B1 has other values for 16",
)
def _(book):
    sheet = book["Bone"]
    sheet["L1"] = "CTX BL"
    for row in range(2, 2 + PEOPLE):
        sheet.cell(row, 12, sheet.cell(row, 2).value * 1.1)


@fault(
    "the same variable on two sheets with other values", r"^Bone!L1: 'Age': second column for Age, .*for 1 participants"
)
def _(book):
    sheet = book["Bone"]
    sheet["L1"] = "Age"
    for row in range(2, 2 + PEOPLE):
        sheet.cell(row, 12, book["Participants"].cell(row, 3).value + (row == 5))


@remark(
    "the same variable on two sheets",
    r"^Bone!L1: 'Age': Age, Baseline repeated with equal values for 16 participants; read once",
)
def _(book):
    sheet = book["Bone"]
    sheet["L1"] = "Age"
    for row in range(2, 2 + PEOPLE):
        sheet.cell(row, 12, book["Participants"].cell(row, 3).value)


@fault("no visit in the header", r"^Bone!B1: 'CTx': CTx without a visit; expected one of Baseline, 2 weeks")
def _(book):
    book["Bone"]["B1"] = "CTx"
    book["Bone"].delete_cols(5)


@remark(
    "no visit in the header but all others there", r"^Bone!B1: 'CTx': no visit named; the baseline, because all later"
)
def _(book):
    book["Bone"]["B1"] = "CTx"


@fault(
    "visits swapped into one", r"^Bone!C1: 'CTx baseline': second column for CTx, Baseline; Bone!B1 has other values"
)
def _(book):
    book["Bone"]["C1"] = "CTx baseline"


@fault("baseline column missing", r"^Bone!B1: 'CTx week 2 \(ng/mL\)': CTx has follow-up values but no baseline values")
def _(book):
    book["Bone"].delete_cols(2)


@fault(
    "unit of CTx in the header",
    r"^Bone!B1: 'CTx baseline \(pg/mL\)': CTx in pg/ml, expected ng/mL; .*factor: 0.001 in the mapping",
)
def _(book):
    book["Bone"]["B1"] = "CTx baseline (pg/mL)"


@fault(
    "unit of CTx by its values",
    r"^Bone!B1: 'CTx baseline \(ng/mL\)': CTx has a median of \d+.*0\.001 times that would fit",
)
def _(book):
    for row in range(2, 2 + PEOPLE):
        book["Bone"].cell(row, 2).value *= 1000


@fault(
    "unit of BMD in the header", r"^Bone!J1: .*Radius BMD in mg/cm2, expected g/cm2; to convert, write factor: 0.001"
)
def _(book):
    book["Bone"]["J1"] = "Radius BMD baseline (mg/cm²)"


@fault(
    "unit that does not convert", r"^Bone!B1: 'CTx baseline \(nmol/L\)': CTx in nmol/l, which does not convert to ng/mL"
)
def _(book):
    book["Bone"]["B1"] = "CTx baseline (nmol/L)"


@remark("unit unknown", r"^Bone!B1: .*CTx: unit 'bce/ml' cannot be compared with 'ng/mL'")
def _(book):
    book["Bone"]["B1"] = "CTx baseline (BCE/mL)"


@remark("no marker", r"^no p16 variant 5 or p16 variant 1\+5 and no strata: analyses by stratum cannot run$")
def _(book):
    book["Participants"].delete_cols(5, 2)


@remark(
    "percent change that differs",
    r"^Bone!L4: 7.5: given percent change of CTx, 2 weeks; raw values make -?[\d.]+; the raw",
)
def _(book):
    sheet = book["Bone"]
    sheet["L1"] = "CTx week 2 % change"
    for row in range(2, 2 + PEOPLE):
        first, later = sheet.cell(row, 2).value, sheet.cell(row, 3).value
        sheet.cell(row, 12, 100 * (later - first) / first if row != 4 else 7.5)


@remark("percent change as a fraction", r"^Bone!L1: CTx, 2 weeks: all given changes are 0.01 times the recomputed ones")
def _(book):
    sheet = book["Bone"]
    sheet["L1"] = "CTx week 2 % change"
    for row in range(2, 2 + PEOPLE):
        first, later = sheet.cell(row, 2).value, sheet.cell(row, 3).value
        sheet.cell(row, 12, (later - first) / first)


# -- visits, strata, hidden cells -----------------------------------------------------------------------------------


def _long(book, visits=("Baseline", "Week 2")):
    for name in ("Bone",):
        del book[name]
    sheet = book.create_sheet("Long")
    sheet.append(["ID", "Visit", "CTx (ng/mL)"])
    for row in range(2, 2 + PEOPLE):
        for number, visit in enumerate(visits):
            sheet.append([book["Participants"].cell(row, 1).value, visit, 0.3 + row / 100 + number / 50])


@fault(
    "visit unknown",
    r"^Long!B3: 'Week 3': not a visit of the trial \(in 16 rows\); name it under 'visits' in the mapping",
)
def _(book):
    _long(book, ("Baseline", "Week 3"))


@fault("visits numbered", r"^Long!B3: 2: not a visit of the trial|^Long!B2: 'V1': not a visit of the trial")
def _(book):
    _long(book, ("V1", "V2"))


@fault(
    "visit twice for a participant",
    r"^Long!C3: 0.34: second value of CTx, Baseline for participant DQ-\d+; Long!C2 has 0.32",
)
def _(book):
    _long(book)
    book["Long"]["B3"] = "Baseline"


@remark("small stratum", r"only 2 values in T3 d_q")
def _(book):
    for name in book.sheetnames:
        del book[name]
    sheet = book.create_sheet("Fig 4a")
    sheet.append(["CTx, % change at week 20, strata by p16 variant 5"])
    sheet.append(["T1/T2", None, "T3", None])
    sheet.append(["Control", "D+Q", "Control", "D+Q"])
    for number in range(8):
        sheet.append([number + 0.5, -number - 0.5, 2 * number + 0.1, 3.5 * number - 9 if number < 2 else None])


@remark(
    "strata of an unnamed marker", r"^Fig 4a!A1:D11: block not read: it does not say which marker the strata are of"
)
def _(book):
    sheet = book.create_sheet("Fig 4a")
    sheet.append(["CTx, % change at week 20"])
    sheet.append(["T1/T2", None, "T3", None])
    sheet.append(["Control", "D+Q", "Control", "D+Q"])
    for number in range(8):
        sheet.append([number + 0.5, -number - 0.5, 2 * number + 0.1, 3.5 * number - 9])


@remark("hidden rows", r"^Participants: 3 hidden rows with data .* were read, first row 4; hidden_rows: ignore")
def _(book):
    for row in (4, 5, 6):
        book["Participants"].row_dimensions[row].hidden = True


@remark("hidden column", r"^Bone: 1 hidden columns with data were read: C$")
def _(book):
    book["Bone"].column_dimensions["C"].hidden = True


@remark("hidden sheet", r"^Bone: a hidden sheet; its data were read$")
def _(book):
    book["Bone"].sheet_state = "hidden"


@fault("two panels of one group", r"^Fig 3b!A2: .*CTx, 20 weeks, control: other values than at Fig 3a!A2")
def _(book):
    for name in book.sheetnames:
        del book[name]
    for number, name in enumerate(("Fig 3a", "Fig 3b")):
        sheet = book.create_sheet(name)
        sheet.append(["CTx, % change at week 20"])
        sheet.append(["Control", "D+Q"])
        for row in range(8):
            sheet.append([row + 0.5 + number * (row == 3), -row - 0.5])


@fault("nothing of the trial", r"^no participant of the trial was recognised; run 'inspect' and write a mapping$")
def _(book):
    for name in book.sheetnames:
        del book[name]
    sheet = book.create_sheet("Plate 1")
    sheet.append(["Well", "OD450", "Blank"])
    for row in range(8):
        sheet.append([f"A{row}", 0.1 * row, 0.05])


@fault("empty workbook", r"^no participant of the trial was recognised")
def _(book):
    for name in book.sheetnames:
        del book[name]
    book.create_sheet("Sheet1")


assert len({case.name for case in CASES}) == len(CASES)
assert trial() is not None
