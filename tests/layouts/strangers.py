"""More layouts of a cohort: codes with legends, other words for visits, units in rows, blanks inside, ids without a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from openpyxl import Workbook
from openpyxl.comments import Comment

from .cohort import Cohort
from .writers import (
    VISITS,
    WEEKS,
    arm_label,
    has_visits,
    label,
    layout,
    measured_later,
    measured_once,
    population,
    strange,
    unit,
    variables,
    with_unit,
)

MONTHS = {"baseline": "Baseline", "week_2": "Week 2", "week_4": "Month 1", "week_20": "Month 5"}
DAYS = {"baseline": "Baseline", "week_2": "Day 14", "week_4": "Day 28", "week_20": "Day 140"}


def table(sheet, cohort: Cohort, heads: list, row_of: Callable[[str], list], *, every: int = 0) -> None:
    """Append a header and a row a participant, with a blank row after each ``every`` rows."""
    sheet.append(heads)
    for number, identity in enumerate(cohort.ids, start=1):
        sheet.append(row_of(identity))
        if every and number % every == 0:
            sheet.append([])


def cells(cohort: Cohort, identity: str, keys: list[tuple[str, str]]) -> list:
    return [cohort.get(variable, visit, identity) for variable, visit in keys]


def standard(variable: str, visit: str) -> str:
    return with_unit(variable, visit if has_visits(variable) else None)


def simple(cohort: Cohort, head=standard, arm="Arm", code=arm_label, name="ID") -> Workbook:
    """Return a workbook with one wide table and the population."""
    book = Workbook()
    keys = list(cohort.values)
    heads = [name, arm, *(head(*key) for key in keys)]
    table(book.active, cohort, heads, lambda i: [i, code(cohort.arms[i]), *cells(cohort, i, keys)])
    population(cohort, book)
    return book


def is_treated(arm: str) -> int:
    return int(arm == "d_q")


@layout
def coded_arms_with_a_legend_in_the_header(cohort: Cohort, path: Path) -> None:
    simple(cohort, arm="Group (1 = D+Q, 0 = Control)", code=is_treated).save(path)


@layout
def coded_arms_with_a_legend_in_a_comment(cohort: Cohort, path: Path) -> None:
    book = simple(cohort, arm="Treatment", code=is_treated)
    book.active["B1"].comment = Comment("Treatment: 0 = no treatment, 1 = dasatinib + quercetin", "somebody")
    book.save(path)


@layout
def coded_arms_with_a_legend_below_the_table(cohort: Cohort, path: Path) -> None:
    book = simple(cohort, arm="Tx", code=is_treated)
    book.active.append(["0 = Control; 1 = D+Q"])
    book.save(path)


@layout
def visits_in_months_and_units_after_commas(cohort: Cohort, path: Path) -> None:
    """ "Month 5" has only one visit of the trial in it; units follow a comma, AU among them."""

    def head(variable: str, visit: str) -> str:
        own = unit(variable) or ("AU" if variable.startswith("p16") else "")
        return strange(variable) + (f", {MONTHS[visit]}" if has_visits(variable) else "") + (f", {own}" if own else "")

    simple(cohort, head).save(path)


@layout
def units_in_a_row_of_their_own(cohort: Cohort, path: Path) -> None:
    book = Workbook()
    sheet, keys = book.active, list(cohort.values)
    sheet.append(["ID", "Arm", *(label(v) + (f" {VISITS[w]}" if has_visits(v) else "") for v, w in keys)])
    units = [unit(v) or ("AU" if v.startswith("p16") else None) for v, _ in keys]
    table(sheet, cohort, [None, None, *units], lambda i: [i, arm_label(cohort.arms[i]), *cells(cohort, i, keys)])
    population(cohort, book)
    book.save(path)


@layout
def sheets_named_after_days(cohort: Cohort, path: Path) -> None:
    """The arm stands on the first sheet only."""
    book = Workbook()
    book.remove(book.active)
    for visit, name in DAYS.items():
        sheet = book.create_sheet(name)
        keys = [key for key in cohort.values if key[1] == visit]
        arm = ["Arm"] if visit == "baseline" else []
        heads = ["Participant", *arm, *(with_unit(v) for v, _ in keys)]
        table(
            sheet,
            cohort,
            heads,
            lambda i, a=arm, k=keys: [i, *(arm_label(cohort.arms[i]) for _ in a), *cells(cohort, i, k)],
        )
    population(cohort, book)
    book.save(path)


@layout
def coded_visits_in_rows(cohort: Cohort, path: Path) -> None:
    """A visit number, which a note on another sheet explains."""
    book = Workbook()
    sheet, once, later = book.active, measured_once(cohort), measured_later(cohort)
    sheet.append(["ID", "Arm", "Visit", *map(with_unit, once), *map(with_unit, later)])
    for identity, arm in cohort.arms.items():
        for number, visit in enumerate(VISITS, start=1):
            first = [cohort.get(v, "baseline", identity) if visit == "baseline" else None for v in once]
            sheet.append([identity, arm_label(arm), number, *first, *(cohort.get(v, visit, identity) for v in later)])
    book.create_sheet("Notes")["A1"] = "Visit: 1 = baseline, 2 = week 2, 3 = week 4, 4 = week 20"
    population(cohort, book)
    book.save(path)


@layout
def baseline_beside_follow_up_in_rows(cohort: Cohort, path: Path) -> None:
    """A row per later visit; the baseline, repeated, in columns of its own."""
    book = Workbook()
    sheet, once, later = book.active, measured_once(cohort), measured_later(cohort)
    heads = ["ID", "Arm", "Week", *map(with_unit, once)]
    sheet.append([*heads, *(f"{label(v)} baseline" for v in later), *(f"{label(v)} follow-up" for v in later)])
    for identity, arm in cohort.arms.items():
        for visit in list(VISITS)[1:]:
            first = [cohort.get(v, "baseline", identity) for v in [*once, *later]]
            now = [cohort.get(v, visit, identity) for v in later]
            sheet.append([identity, arm_label(arm), WEEKS[visit], *first, *now])
    population(cohort, book)
    book.save(path)


@layout
def blank_rows_and_columns_inside(cohort: Cohort, path: Path) -> None:
    """A blank column before each variable and a blank row after ten participants."""
    book = Workbook()
    parts = [[key for key in cohort.values if key[0] == variable] for variable in variables(cohort)]
    heads = ["ID", "Arm", *(text for part in parts for text in [None, *(standard(*key) for key in part)])]

    def row(identity: str) -> list:
        own = [cell for part in parts for cell in [None, *cells(cohort, identity, part)]]
        return [identity, arm_label(cohort.arms[identity]), *own]

    table(book.active, cohort, heads, row, every=10)
    population(cohort, book)
    book.save(path)


@layout
def rows_of_statistics_below(cohort: Cohort, path: Path) -> None:
    """N, mean and the arms' medians right below the participants, then abbreviations."""
    book = simple(cohort)
    for name in ("N", "Mean", "Mean (SD), Control", "Median D+Q", "Overall"):
        book.active.append([name, None, *(round(sum(c.values()) / len(c), 3) for c in cohort.values.values())])
    book.active.append(["CTx, C-terminal telopeptide"])
    book.save(path)


@layout
def ids_under_a_strange_header(cohort: Cohort, path: Path) -> None:
    """Nothing but one code per row says that the column holds ids."""
    simple(cohort, name="Kennung").save(path)


@layout
def long_names_in_words(cohort: Cohort, path: Path) -> None:
    names = {
        "ctx": "Serum C-terminal telopeptide of type I collagen",
        "p1np": "Procollagen type I N-terminal propeptide",
        "bmd_radius": "Bone mineral density at the ultradistal radius",
        "bmd_femur_neck": "Bone mineral density at the femoral neck",
        "p16_variant_5": "T cell p16INK4a mRNA expression (variant 5)",
        "p16_variant_1+5": "T cell p16INK4a mRNA relative expression (variants 1 and 5)",
    }

    def head(variable: str, visit: str) -> str:
        own = f" ({unit(variable)})" if unit(variable) else ""
        return names.get(variable, label(variable)) + (f" at {VISITS[visit]}" if has_visits(variable) else "") + own

    simple(cohort, head, "Treatment allocation", name="Participant identification number").save(path)


@layout
def numbers_behind_names_with_dots(cohort: Cohort, path: Path) -> None:
    """As R writes them: PINP.0, IL6.2, BMD_radius.20; numbers and truth values as text."""
    names = {"p1np": "PINP", "bmd_radius": "BMD_radius", "bmd_femur_neck": "BMD_FN", "vitamin_d_25oh": "VitD"}

    def head(variable: str, visit: str) -> str:
        return names.get(variable, label(variable)) + (f".{WEEKS[visit]}" if has_visits(variable) else "")

    book = simple(cohort, head, name="pid")
    for row in book.active.iter_rows(min_row=2, min_col=3):
        for cell in row:
            cell.value = "NA" if cell.value is None else f" {cell.value} "
    book.save(path)


@layout
def arms_as_merged_cells_at_the_left(cohort: Cohort, path: Path) -> None:
    book = Workbook()
    sheet, keys = book.active, list(cohort.values)
    sheet.append(["Arm", "ID", *(standard(*key) for key in keys)])
    row = 2
    for arm in ("d_q", "control"):
        own = [identity for identity, a in cohort.arms.items() if a == arm]
        sheet.cell(row, 1, arm_label(arm))
        sheet.merge_cells(start_row=row, end_row=row + len(own) - 1, start_column=1, end_column=1)
        for identity in own:
            for column, value in enumerate([identity, *cells(cohort, identity, keys)], start=2):
                sheet.cell(row, column, value)
            row += 1
    population(cohort, book)
    book.save(path)


@layout
def redcap_events_beside_a_study_id(cohort: Cohort, path: Path) -> None:
    """A constant study id before the participant's; events as REDCap names them; the arm on the first row alone."""
    book = Workbook()
    sheet, once, later = book.active, measured_once(cohort), measured_later(cohort)
    sheet.append(["STUDYID", "USUBJID", "redcap_event_name", "arm", *once, *later])
    for identity, arm in cohort.arms.items():
        for visit in VISITS:
            first = visit == "baseline"
            fixed = [cohort.get(v, "baseline", identity) if first else None for v in once]
            row = ["DQ", identity, f"{visit}_arm_1", arm_label(arm) if first else None]
            sheet.append([*row, *fixed, *(cohort.get(v, visit, identity) for v in later)])
    population(cohort, book)
    book.save(path)
