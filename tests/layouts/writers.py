"""Layouts of a cohort, with headers as strangers would write them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from openpyxl import Workbook

from .cohort import Cohort, trial

WEEKS = {"baseline": 0, "week_2": 2, "week_4": 4, "week_20": 20}
VISITS = {"baseline": "baseline", "week_2": "week 2", "week_4": "week 4", "week_20": "week 20"}
STRANGE = {
    "ctx": "β-CTX",
    "p1np": "PINP",
    "bmd_radius": "Distal radius BMD",
    "bmd_femur_neck": "Femoral neck BMD",
    "bmd_lumbar_spine": "LS BMD",
    "p16_variant_5": "p16INK4a variant 5",
    "p16_variant_1+5": "p16 v1+5",
    "vitamin_d_25oh": "25-hydroxyvitamin D",
    "bmi": "Body mass index",
    "sasp_tnf_alpha": "TNF-alpha",
    "sasp_gro_alpha": "CXCL1",
    "sasp_il6": "IL-6",
}
WRITERS: dict[str, Callable[[Cohort, Path], None]] = {}


def layout(function):
    """Register a layout."""
    WRITERS[function.__name__] = function
    return function


def write(name: str, cohort: Cohort, path: Path) -> Path:
    WRITERS[name](cohort, path)
    return path


def arm_label(key: str) -> str:
    arms = trial().arms
    return next(a.label for a in [arms.treated, arms.control, *arms.others] if a.key == key)


def label(variable: str) -> str:
    return trial().variable_label(variable)


def strange(variable: str) -> str:
    return STRANGE.get(variable, label(variable))


def unit(variable: str) -> str:
    outcome = trial().outcomes.get(variable)
    return outcome.unit if outcome and "%" not in outcome.unit else ""


def with_unit(variable: str, visit: str | None = None) -> str:
    text = label(variable) + (f" {VISITS[visit]}" if visit else "")
    return text + (f" ({unit(variable)})" if unit(variable) else "")


def has_visits(variable: str) -> bool:
    outcome = trial().outcomes.get(variable)
    return bool(outcome and outcome.follow_up)


def variables(cohort: Cohort) -> list[str]:
    return list(dict.fromkeys(variable for variable, _ in cohort.values))


def measured_later(cohort: Cohort) -> list[str]:
    return [v for v in variables(cohort) if has_visits(v)]


def measured_once(cohort: Cohort) -> list[str]:
    return [v for v in variables(cohort) if not has_visits(v)]


def population(cohort: Cohort, book: Workbook, *, ids: bool = False) -> None:
    sheet = book.create_sheet("p16 by age")
    sheet.append((["ID"] if ids else []) + ["Age (years)", *(label(k) for k in trial().markers)])
    for number, person in enumerate(cohort.population, start=1):
        sheet.append(([f"P{number:03d}"] if ids else []) + [person["age"], *(person[k] for k in trial().markers)])


@layout
def wide(cohort: Cohort, path: Path) -> None:
    """One row a participant, one header row; proteins and the population on sheets of their own."""
    book = Workbook()
    book.active.title = "READ ME"
    book.active.append(["Participants of an invented trial"])
    sheets = {"main": book.create_sheet("Participants"), "sasp": book.create_sheet("SASP")}
    for name, sheet in sheets.items():
        columns = [k for k in cohort.values if (k[0].startswith("sasp_")) == (name == "sasp")]
        heads = [with_unit(v, visit if has_visits(v) else None) for v, visit in columns]
        sheet.append(["ID", "Arm", *heads])
        for identity, arm in cohort.arms.items():
            sheet.append([identity, arm_label(arm), *(cohort.get(v, visit, identity) for v, visit in columns)])
    population(cohort, book)
    codebook = book.create_sheet("Codebook")
    codebook.append(["Column", "Meaning"])
    codebook.append(["CTx baseline (ng/mL)", "C-terminal telopeptide of type I collagen"])
    codebook.append(["Arm", "Control or D+Q"])
    book.save(path)


@layout
def two_header_rows(cohort: Cohort, path: Path) -> None:
    """Variable above visit in merged cells, below a title, not in A1, a remark beside the table."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Data"
    sheet["C2"] = "Supplementary Data 1. Individual participant data"
    row, column = 4, 3
    for head in ("Participant", "Treatment arm"):
        sheet.cell(row, column, head)
        sheet.merge_cells(start_row=row, end_row=row + 1, start_column=column, end_column=column)
        column += 1
    keys = []
    for variable in variables(cohort):
        visits = cohort.visits(variable)
        sheet.cell(row, column, strange(variable) + (f", {unit(variable)}" if unit(variable) else ""))
        if len(visits) > 1:
            sheet.merge_cells(start_row=row, end_row=row, start_column=column, end_column=column + len(visits) - 1)
        for visit in visits:
            if has_visits(variable):
                sheet.cell(row + 1, column, {"baseline": "BL"}.get(visit, f"W{WEEKS[visit]}"))
            keys.append((variable, visit, column))
            column += 1
    for offset, (identity, arm) in enumerate(cohort.arms.items(), start=2):
        sheet.cell(row + offset, 3, identity)
        sheet.cell(row + offset, 4, {"d_q": "Dasatinib + Quercetin", "control": "No treatment"}.get(arm, arm))
        for variable, visit, place in keys:
            sheet.cell(row + offset, place, cohort.get(variable, visit, identity))
    sheet.cell(row, column + 2, "Measured at one laboratory.")
    population(cohort, book)
    book.save(path)


@layout
def sheet_per_visit(cohort: Cohort, path: Path) -> None:
    """Baseline, Week 2, Week 4, Week 20: the sheet's name is the visit."""
    book = Workbook()
    book.remove(book.active)
    for visit in VISITS:
        sheet = book.create_sheet({"baseline": "Baseline"}.get(visit, f"Week {WEEKS[visit]}"))
        own = [v for v in variables(cohort) if (v, visit) in cohort.values]
        sheet.append(["Subject ID", "Group", *(with_unit(v) for v in own)])
        for identity, arm in cohort.arms.items():
            sheet.append([identity, arm_label(arm).lower(), *(cohort.get(v, visit, identity) for v in own)])
    population(cohort, book, ids=True)
    book.save(path)


@layout
def sheet_per_variable(cohort: Cohort, path: Path) -> None:
    """The sheet's name is the variable, the columns are visits; arm only on the first sheet."""
    book = Workbook()
    first = book.active
    first.title = "Demographics"
    own = measured_once(cohort)
    first.append(["Patient No.", "Randomized to", *(strange(v) for v in own)])
    first["B1"] = "Randomized group"
    for identity, arm in cohort.arms.items():
        first.append([identity, arm_label(arm), *(cohort.get(v, "baseline", identity) for v in own)])
    for variable in measured_later(cohort):
        sheet = book.create_sheet(strange(variable))
        visits = cohort.visits(variable)
        sheet.append([f"{strange(variable)} ({unit(variable)})"])
        sheet.append(["Patient No.", *(f"Wk {WEEKS[v]}" for v in visits)])
        for identity in cohort.arms:
            cells = [cohort.get(variable, visit, identity) for visit in visits]
            sheet.append([identity, *cells])
    population(cohort, book)
    book.save(path)


@layout
def long_by_visit(cohort: Cohort, path: Path) -> None:
    """One row per participant and visit, what does not change repeated on each row."""
    book = Workbook()
    sheet = book.active
    sheet.title = "export"
    once, later = measured_once(cohort), measured_later(cohort)
    sheet.append(["subject", "trt", "week", *(v for v in once), *(v for v in later)])
    for identity, arm in cohort.arms.items():
        for visit, week in WEEKS.items():
            cells = [cohort.get(v, visit, identity) for v in later]
            if visit == "baseline" or any(c is not None for c in cells):
                fixed = [cohort.get(v, "baseline", identity) for v in once]
                sheet.append([identity, "DQ" if arm == "d_q" else arm, week, *fixed, *cells])
    population(cohort, book)
    book.save(path)


@layout
def long_by_variable(cohort: Cohort, path: Path) -> None:
    """One row per participant, visit and analyte, with units; demographics wide on another sheet."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Labs"
    sheet.append(["USUBJID", "Visit", "Analyte", "Result", "Units"])
    for variable in measured_later(cohort):
        for visit in cohort.visits(variable):
            for identity in cohort.arms:
                value = cohort.get(variable, visit, identity)
                if value is not None:
                    name = "Baseline" if visit == "baseline" else f"{WEEKS[visit]} weeks"
                    sheet.append([identity, name, strange(variable), value, unit(variable)])
    other = book.create_sheet("DM")
    once = measured_once(cohort)
    other.append(["USUBJID", "ARM", *(with_unit(v) for v in once)])
    for identity, arm in reversed(cohort.arms.items()):
        other.append([identity, arm_label(arm), *(cohort.get(v, "baseline", identity) for v in once)])
    population(cohort, book)
    book.save(path)


@layout
def transposed(cohort: Cohort, path: Path) -> None:
    """Variables down, participants across."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    sheet.append(["ID", *cohort.arms])
    sheet.append(["Arm", *(arm_label(arm) for arm in cohort.arms.values())])
    for variable, visit in cohort.values:
        head = with_unit(variable, visit if has_visits(variable) else None)
        sheet.append([head, *(cohort.get(variable, visit, identity) for identity in cohort.arms)])
    population(cohort, book)
    book.save(path)


@layout
def weeks_below_blank_cells(cohort: Cohort, path: Path) -> None:
    """Three header rows: a banner, the variable once per group of columns, weeks as numbers; ids are numbers."""
    book = Workbook()
    sheet = book.active
    sheet.title = "All data"
    banner, names, weeks = ["", ""], ["", ""], ["No. of participant", "Allocation"]
    for variable, visit in cohort.values:
        family = "p16" if variable not in trial().outcomes else trial().outcomes[variable].family
        banner.append(family.upper())
        names.append(strange(variable) if visit == "baseline" else None)
        weeks.append(WEEKS[visit] if has_visits(variable) else None)
    banner = [b if i == 0 or b != banner[i - 1] else None for i, b in enumerate(banner)]
    weeks[0] = "Participant"
    sheet.append(banner)
    sheet.append(names)
    sheet.append(weeks)
    for identity, arm in cohort.arms.items():
        cells = [cohort.get(v, visit, identity) for v, visit in cohort.values]
        sheet.append([identity, arm_label(arm).upper(), *cells])
    population(cohort, book)
    book.save(path)


@layout
def arms_below_each_other(cohort: Cohort, path: Path) -> None:
    """A heading per arm, each with its own header, a blank row between."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Participants"
    heads = [with_unit(v, visit if has_visits(v) else None) for v, visit in cohort.values]
    for key in ("control", "d_q"):
        sheet.append([f"{arm_label(key)} group"])
        sheet.append(["ID", *heads])
        for identity, arm in cohort.arms.items():
            if arm == key:
                sheet.append([identity, *(cohort.get(v, visit, identity) for v, visit in cohort.values)])
        sheet.append([])
    population(cohort, book)
    book.save(path)


@layout
def section_rows(cohort: Cohort, path: Path) -> None:
    """One header; a row that says the arm heads its participants, with a blank row between the arms."""
    book = Workbook()
    sheet = book.active
    sheet.append(["Table S2: all participants"])
    sheet.append(["Study ID", *(with_unit(v, visit if has_visits(v) else None) for v, visit in cohort.values)])
    for key in ("d_q", "control"):
        sheet.append([arm_label(key)])
        for identity, arm in cohort.arms.items():
            if arm == key:
                sheet.append([identity, *(cohort.get(v, visit, identity) for v, visit in cohort.values)])
        sheet.append([])
    population(cohort, book)
    book.save(path)


@layout
def sheet_per_arm(cohort: Cohort, path: Path) -> None:
    """The sheet's name is the arm."""
    book = Workbook()
    book.remove(book.active)
    for key in ("control", "d_q"):
        sheet = book.create_sheet(arm_label(key))
        sheet.append(["ID", *(with_unit(v, visit if has_visits(v) else None) for v, visit in cohort.values)])
        for identity, arm in cohort.arms.items():
            if arm == key:
                sheet.append([identity, *(cohort.get(v, visit, identity) for v, visit in cohort.values)])
    population(cohort, book)
    book.save(path)


@layout
def coded(cohort: Cohort, path: Path) -> None:
    """Arms 0/1 with a codebook, snake case, visits as bare weeks, numbers as text, blank columns between families."""
    book = Workbook()
    sheet = book.active
    sheet.title = "data"
    heads, keys, family = ["record_id", "group"], [None, None], None
    for variable, visit in cohort.values:
        own = trial().outcomes[variable].family if variable in trial().outcomes else "p16"
        if family not in (None, own):
            heads.append(None)
            keys.append(None)
        family = own
        heads.append(variable.removeprefix("sasp_") + (f"_{WEEKS[visit]}" if has_visits(variable) else ""))
        keys.append((variable, visit))
    sheet.append(heads)
    for identity, arm in cohort.arms.items():
        row = [identity, {"control": 0, "d_q": 1}[arm]]
        for key in keys[2:]:
            value = None if key is None else cohort.get(*key, identity)
            row.append("NA" if value is None and key else str(value) if key and key[0] == "weight" else value)
        sheet.append(row)
    codebook = book.create_sheet("codebook")
    codebook.append(["variable", "code", "meaning"])
    codebook.append(["group", 0, "control"])
    codebook.append(["group", 1, "D+Q"])
    population(cohort, book)
    book.save(path)


@layout
def merged_ids(cohort: Cohort, path: Path) -> None:
    """Long, the id and arm merged over the rows of a participant, visits as V names with weeks."""
    book = Workbook()
    sheet = book.active
    sheet.title = "CRF"
    once, later = measured_once(cohort), measured_later(cohort)
    sheet.append(["Patient", "Arm", *(with_unit(v) for v in once), "Time point", *(with_unit(v) for v in later)])
    row = 2
    for identity, arm in cohort.arms.items():
        sheet.cell(row, 1, identity)
        sheet.cell(row, 2, arm_label(arm))
        for offset, visit in enumerate(WEEKS):
            for index, variable in enumerate(once, start=3):
                sheet.cell(row + offset, index, cohort.get(variable, "baseline", identity) if offset == 0 else None)
            name = "Baseline" if visit == "baseline" else f"{WEEKS[visit]}-week"
            sheet.cell(row + offset, 3 + len(once), name)
            for index, variable in enumerate(later, start=4 + len(once)):
                sheet.cell(row + offset, index, cohort.get(variable, visit, identity))
        for column in (1, 2):
            sheet.merge_cells(start_row=row, end_row=row + 3, start_column=column, end_column=column)
        row += 4
    population(cohort, book)
    book.save(path)


@layout
def side_by_side(cohort: Cohort, path: Path) -> None:
    """Blocks beside each other on one sheet, each with a title and its own ids, in different orders."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    blocks: list[tuple[str, list[str]]] = [("Demographics and p16", measured_once(cohort))]
    blocks += [(strange(v), [v]) for v in measured_later(cohort)]
    column = 1
    for number, (title, own) in enumerate(blocks):
        keys = [(v, visit) for v in own for visit in cohort.visits(v)]
        sheet.cell(1, column, title)
        heads = ["Subject", *(["Arm"] if number == 0 else [])]
        heads += [with_unit(v) if number == 0 else f"{VISITS[visit]} ({unit(v)})" for v, visit in keys]
        for offset, head in enumerate(heads):
            sheet.cell(2, column + offset, head)
        ids = sorted(cohort.arms, reverse=bool(number % 2))
        for row, identity in enumerate(ids, start=3):
            cells = [identity, *([arm_label(cohort.arms[identity])] if number == 0 else [])]
            cells += [cohort.get(v, visit, identity) for v, visit in keys]
            for offset, cell in enumerate(cells):
                sheet.cell(row, column + offset, cell)
        column += len(heads) + 1
    population(cohort, book)
    book.save(path)
