"""Source data per figure panel: groups side by side, percent changes, no ids."""

from __future__ import annotations

from pathlib import Path

from openpyxl import Workbook

from .cohort import Cohort, trial
from .writers import WEEKS, arm_label, has_visits, label, population, strange

ARMS = ("control", "d_q")


def change(cohort: Cohort, variable: str, visit: str, identity: str) -> float | None:
    first, later = cohort.get(variable, "baseline", identity), cohort.get(variable, visit, identity)
    return None if first is None or later is None else 100 * (later - first) / first


def group(cohort: Cohort, variable: str, visit: str, arm: str, members=None) -> list[float]:
    ids = [i for i, own in cohort.arms.items() if own == arm and (members is None or i in members)]
    return [v for v in (change(cohort, variable, visit, i) for i in ids) if v is not None]


def upper_tertile(cohort: Cohort, marker: str) -> set[str]:
    cells = cohort.values[marker, "baseline"]
    return set(sorted(cells, key=cells.get)[-(len(cells) // 3) :])


def pairs(cohort: Cohort) -> list[tuple[str, str]]:
    return [(v, visit) for v, visit in cohort.values if visit != "baseline" and has_visits(v)]


def fill(sheet, row: int, column: int, columns: list[list]) -> None:
    for offset, cells in enumerate(columns):
        for down, cell in enumerate(cells):
            sheet.cell(row + down, column + offset, cell)


def sheet_per_panel(cohort: Cohort, path: Path) -> None:
    """A sheet per panel with a title; Control beside D+Q, of unequal length."""
    book = Workbook()
    book.remove(book.active)
    for number, (variable, visit) in enumerate(pairs(cohort)):
        sheet = book.create_sheet(f"Fig. {number // 6 + 3}{'abcdef'[number % 6]}")
        sheet.append([f"{strange(variable)}: percent change from baseline to {WEEKS[visit]} weeks"])
        sheet.append([])
        heads = [[arm_label(arm)] for arm in ARMS]
        fill(sheet, 3, 1, [h + group(cohort, variable, visit, arm) for h, arm in zip(heads, ARMS, strict=True)])
    population(cohort, book)
    book.save(path)


def panels_on_one_sheet(cohort: Cohort, path: Path) -> None:
    """All panels of a variable beside each other, the visit merged over the arms, letters and a title above."""
    book = Workbook()
    book.remove(book.active)
    for variable in dict.fromkeys(v for v, _ in pairs(cohort)):
        sheet = book.create_sheet(f"Source {label(variable)}"[:31])
        sheet["A1"] = f"Source data, {label(variable)}, % change from baseline"
        column = 1
        for letter, (_, visit) in zip("abcdef", [p for p in pairs(cohort) if p[0] == variable], strict=False):
            sheet.cell(3, column, f"{letter}, Week {WEEKS[visit]}")
            sheet.merge_cells(start_row=3, end_row=3, start_column=column, end_column=column + 1)
            fill(
                sheet, 4, column, [[f"{arm_label(arm)} (n = 12)", *group(cohort, variable, visit, arm)] for arm in ARMS]
            )
            column += 3
    book.save(path)


def replicates(cohort: Cohort, path: Path) -> None:
    """Weeks down, the participants of an arm across below one merged name, as some plotting programs store it."""
    book = Workbook()
    book.remove(book.active)
    for variable in dict.fromkeys(v for v, _ in pairs(cohort)):
        sheet = book.create_sheet(label(variable))
        sheet["A1"] = f"{label(variable)} (% change)"
        sheet["A2"] = "Week"
        visits = [visit for v, visit in pairs(cohort) if v == variable]
        column = 2
        for arm in ARMS:
            ids = [i for i, own in cohort.arms.items() if own == arm]
            sheet.cell(2, column, arm_label(arm))
            sheet.merge_cells(start_row=2, end_row=2, start_column=column, end_column=column + len(ids) - 1)
            for offset, identity in enumerate(ids):
                for row, visit in enumerate(visits, start=3):
                    sheet.cell(row, 1, WEEKS[visit])
                    sheet.cell(row, column + offset, change(cohort, variable, visit, identity))
            column += len(ids)
    book.save(path)


def long_panels(cohort: Cohort, path: Path) -> None:
    """Two columns per panel, the group and the change."""
    book = Workbook()
    book.remove(book.active)
    for variable, visit in pairs(cohort):
        sheet = book.create_sheet(f"{label(variable)} w{WEEKS[visit]}")
        sheet.append(["Group", f"{strange(variable)}, change from baseline at week {WEEKS[visit]} (%)"])
        for arm in ARMS:
            for value in group(cohort, variable, visit, arm):
                sheet.append([arm_label(arm), value])
    book.save(path)


def by_stratum(cohort: Cohort, path: Path) -> None:
    """Strata by arm: T1/T2 and T3 above Control and D+Q; proteins at baseline by stratum alone."""
    book = Workbook()
    book.remove(book.active)
    for marker in trial().markers:
        upper = upper_tertile(cohort, marker)
        lower = set(cohort.arms) - upper
        for variable, visit in pairs(cohort):
            if variable.startswith("sasp_"):
                continue
            sheet = book.create_sheet(f"{label(marker).replace(' ', '_')} {label(variable)[:8]} w{WEEKS[visit]}")
            sheet.append([f"Strata by {label(marker)}: {label(variable)} % change from baseline, {WEEKS[visit]} weeks"])
            sheet.append(["T1/T2", None, "T3", None])
            sheet.append([arm_label(arm) for arm in ARMS] * 2)
            columns = [group(cohort, variable, visit, arm, ids) for ids in (lower, upper) for arm in ARMS]
            fill(sheet, 4, 1, columns)
        proteins = [v for v, visit in cohort.values if v.startswith("sasp_") and visit == "baseline"]
        sheet = book.create_sheet(f"SASP baseline, {label(marker)}")
        for number, variable in enumerate(proteins):
            column = 1 + 3 * number
            sheet.cell(1, column, f"{label(variable)} (pg/mL) at baseline")
            cells = cohort.values[variable, "baseline"]
            for offset, (name, ids) in enumerate([("T1/T2", lower), ("T3", upper)]):
                fill(sheet, 2, column + offset, [[name, *(cells[i] for i in cells if i in ids)]])
    book.save(path)


PANELS = {f.__name__: f for f in (sheet_per_panel, panels_on_one_sheet, replicates, long_panels)}


def _panel(cohort: Cohort, variable: str, visit: str) -> list[list]:
    return [[arm_label(arm), *group(cohort, variable, visit, arm)] for arm in ARMS]


def medians_below_each_panel(cohort: Cohort, path: Path) -> None:
    """Panels below each other; beside the last row of each the word Median."""
    book = Workbook()
    sheet, row = book.active, 1
    for variable, visit in pairs(cohort):
        columns = _panel(cohort, variable, visit)
        sheet.cell(row, 2, f"Change in {strange(variable)} at {WEEKS[visit]} weeks (%)")
        fill(sheet, row + 1, 2, columns)
        row += 1 + max(map(len, columns))
        fill(sheet, row, 1, [["Median"], *([sorted(c[1:])[len(c) // 2]] for c in columns)])
        row += 3
    population(cohort, book)
    book.save(path)


def time_course_by_arm(cohort: Cohort, path: Path) -> None:
    """A block of weeks per arm beside each other; one title above the first alone; zeros at baseline."""
    book = Workbook()
    book.remove(book.active)
    for number, variable in enumerate(dict.fromkeys(v for v, _ in pairs(cohort))):
        sheet = book.create_sheet(f"Fig {number}")
        sheet["A1"] = f"{label(variable)} percent change from baseline"
        visits = ["baseline", *(visit for v, visit in pairs(cohort) if v == variable)]
        for block, arm in enumerate(ARMS):
            left = 1 + block * (len(visits) + 1)
            sheet.cell(2, left, arm_label(arm))
            own = [identity for identity, a in cohort.arms.items() if a == arm]
            cells = [
                [f"Week {WEEKS[v]}", *((0 if v == "baseline" else change(cohort, variable, v, i)) for i in own)]
                for v in visits
            ]
            fill(sheet, 3, left, cells)
    population(cohort, book)
    book.save(path)


PANELS |= {function.__name__: function for function in (medians_below_each_panel, time_course_by_arm)}
