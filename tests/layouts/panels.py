"""Source data per figure panel: groups side by side, percent changes, no ids."""

from __future__ import annotations

from functools import partial
from itertools import zip_longest

import numpy as np

from .cohort import Cohort, trial
from .writers import (
    WEEKS,
    arm_label,
    beside,
    coded_visits_in_rows,
    has_visits,
    label,
    layout,
    of_arm,
    standard,
    strange,
)

ARMS = ("control", "d_q")
PANELS: dict = {}
panel = partial(layout, registry=PANELS)


def change(cohort: Cohort, variable: str, visit: str, identity: str) -> float | None:
    first, later = cohort.get(variable, "baseline", identity), cohort.get(variable, visit, identity)
    return None if first is None or later is None else 100 * (later - first) / first


def group(cohort: Cohort, variable: str, visit: str, arm: str, members=None) -> list[float]:
    ids = [i for i in of_arm(cohort, arm) if members is None or i in members]
    return [v for v in (change(cohort, variable, visit, i) for i in ids) if v is not None]


def upper_tertile(cohort: Cohort, marker: str) -> set[str]:
    cells = cohort.values[marker, "baseline"]
    cut = np.quantile(list(cells.values()), 2 / 3)
    return {identity for identity, value in cells.items() if value > cut - 1e-9}


def pairs(cohort: Cohort) -> list[tuple[str, str]]:
    return [(v, visit) for v, visit in cohort.values if visit != "baseline" and has_visits(v)]


def by_variable(cohort: Cohort) -> dict[str, list[str]]:
    """The later visits of each variable."""
    return {v: [visit for other, visit in pairs(cohort) if other == v] for v, _ in pairs(cohort)}


def fill(sheet, row: int, column: int, columns: list[list]) -> None:
    for offset, cells in enumerate(columns):
        for down, cell in enumerate(cells):
            sheet.cell(row + down, column + offset, cell)


def groups(cohort: Cohort, variable: str, visit: str, more: str = "") -> list[list]:
    """Rows of a header with the arms and their changes, of unequal length."""
    columns = [[arm_label(arm) + more, *group(cohort, variable, visit, arm)] for arm in ARMS]
    return list(map(list, zip_longest(*columns)))


@panel
def sheet_per_panel(cohort):
    """A sheet per panel with a title; Control beside D+Q, of unequal length."""
    sheets = {}
    for number, (variable, visit) in enumerate(pairs(cohort)):
        title = f"{strange(variable)}: percent change from baseline to {WEEKS[visit]} weeks"
        sheets[f"Fig. {number // 6 + 3}{'abcdef'[number % 6]}"] = [[title], [], *groups(cohort, variable, visit)]
    return sheets


@panel
def panels_on_one_sheet(cohort):
    """All panels of a variable beside each other, the visit merged over the arms, letters and a title above."""
    sheets = {}
    for variable, visits in by_variable(cohort).items():
        letters = zip("abcdef", visits, strict=False)
        parts = [[[f"{x}, Week {WEEKS[w]}"], *groups(cohort, variable, w, " (n = 12)")] for x, w in letters]
        title = f"Source data, {label(variable)}, % change from baseline"
        sheets[f"Source {label(variable)}"[:31]] = [[title], [], *beside(*parts)]

    def finish(book):
        for name in sheets:
            for column in range(1, book[name].max_column, 3):
                book[name].merge_cells(start_row=3, end_row=3, start_column=column, end_column=column + 1)

    return sheets, finish


@panel
def replicates(cohort):
    """Weeks down, the participants of an arm across below one merged name, as some plotting programs store it."""
    ids = [identity for arm in ARMS for identity in of_arm(cohort, arm)]
    each = len(ids) // 2
    heads = ["Week", *(name for arm in ARMS for name in [arm_label(arm), *[None] * (each - 1)])]
    sheets = {
        label(v): [
            [f"{label(v)} (% change)"],
            heads,
            *([WEEKS[w], *(change(cohort, v, w, i) for i in ids)] for w in visits),
        ]
        for v, visits in by_variable(cohort).items()
    }

    def finish(book):
        for name in sheets:
            for column in (2, 2 + each):
                book[name].merge_cells(start_row=2, end_row=2, start_column=column, end_column=column + each - 1)

    return sheets, finish


@panel
def long_panels(cohort):
    """Two columns per panel, the group and the change."""
    sheets = {}
    for variable, visit in pairs(cohort):
        heads = ["Group", f"{strange(variable)}, change from baseline at week {WEEKS[visit]} (%)"]
        rows = [[arm_label(arm), value] for arm in ARMS for value in group(cohort, variable, visit, arm)]
        sheets[f"{label(variable)} w{WEEKS[visit]}"] = [heads, *rows]
    return sheets


@panel
def medians_below_each_panel(cohort):
    """Panels below each other; beside the last row of each the word Median."""
    rows = []
    for variable, visit in pairs(cohort):
        medians = [sorted(values)[len(values) // 2] for values in (group(cohort, variable, visit, arm) for arm in ARMS)]
        rows.append([None, f"Change in {strange(variable)} at {WEEKS[visit]} weeks (%)"])
        rows += [[None, *row] for row in groups(cohort, variable, visit)]
        rows += [["Median", *medians], [], []]
    return {"Sheet": rows}


@panel
def time_course_by_arm(cohort):
    """A block of weeks per arm beside each other; one title above the first alone; zeros at baseline."""
    sheets = {}
    for number, (variable, visits) in enumerate(by_variable(cohort).items()):
        parts = []
        for arm in ARMS:
            rows = [[0, *(change(cohort, variable, visit, i) for visit in visits)] for i in of_arm(cohort, arm)]
            parts.append([[arm_label(arm)], ["Week 0", *(f"Week {WEEKS[visit]}" for visit in visits)], *rows])
        sheets[f"Fig {number}"] = [[f"{label(variable)} percent change from baseline"], *beside(*parts)]
    return sheets


only = partial(layout, registry={})


@only
def by_stratum(cohort, proteins=False):
    """Strata by arm: T1/T2 and T3 above Control and D+Q; baselines by stratum alone; of the proteins those alone or both."""
    sheets = {}
    for marker in trial().markers:
        upper = upper_tertile(cohort, marker)
        strata = {"T1/T2": set(cohort.arms) - upper, "T3": upper}
        for number, (variable, visit) in enumerate(pairs(cohort)):
            if proteins or not variable.startswith("sasp_"):
                title = f"Strata by {label(marker)}: {label(variable)} % change from baseline, {WEEKS[visit]} weeks"
                columns = [group(cohort, variable, visit, arm, ids) for ids in strata.values() for arm in ARMS]
                heads = [["T1/T2", None, "T3", None], [arm_label(arm) for arm in ARMS] * 2]
                sheets[f"{label(marker).replace(' ', '_')} {number}"] = [[title], *heads, *zip_longest(*columns)]
        parts = []
        for variable in [v for v, visit in cohort.values if visit == "baseline" and has_visits(v)]:
            cells = cohort.values[variable, "baseline"]
            columns = [[name, *(cells[i] for i in cells if i in ids)] for name, ids in strata.items()]
            if proteins or variable.startswith("sasp_"):
                parts.append([[f"{label(variable)} at baseline"], *map(list, zip_longest(*columns))])
        sheets[f"Baseline, {label(marker)}"] = beside(*parts)
    return sheets


@only
def thirds_in_words(cohort):
    """Groups named after three thirds of p16 and the arm."""
    cells = cohort.values["p16_variant_5", "baseline"]
    low, high = np.quantile(list(cells.values()), [1 / 3, 2 / 3]) - 1e-9
    thirds = {"Lowest tertile": [], "Middle tertile": [], "Highest tertile": []}
    for identity, value in cells.items():
        thirds[list(thirds)[int(value >= low) + int(value >= high)]].append(identity)
    sheets = {}
    for number, (variable, visit) in enumerate(pairs(cohort)):
        columns = [
            [f"{third}, {arm_label(arm)}", *group(cohort, variable, visit, arm, ids)]
            for third, ids in thirds.items()
            for arm in ARMS
        ]
        title = f"{label(variable)} % change, week {WEEKS[visit]}, by p16 variant 5"
        sheets[f"Fig {number}"] = [[title], *zip_longest(*columns)]
    return sheets


@only
def titled_panels(cohort):
    """All that figures and tables show without ids: changes by arm, also by stratum, and baselines by arm."""
    sheets = sheet_per_panel.rows(cohort) | by_stratum.rows(cohort, proteins=True)
    for number, (variable, visit) in enumerate(cohort.values):
        if visit == "baseline" and variable in trial().outcomes:
            cells = cohort.values[variable, visit]
            columns = [[arm_label(arm), *(cells[i] for i in of_arm(cohort, arm) if i in cells)] for arm in ARMS]
            sheets[f"Table 1 {number}"] = [[f"{label(variable)} at baseline"], *zip_longest(*columns)]
    return sheets


@only
def changes_beside_a_tertile(cohort):
    """A row a participant with percent changes, baselines, and the third of p16 by number."""
    upper = upper_tertile(cohort, "p16_variant_5")
    first = [key for key in cohort.values if key[1] == "baseline" and key[0] in trial().outcomes]
    heads = [
        "ID",
        "Arm",
        "p16 variant 5 tertile",
        *(f"{strange(v)} % change week {WEEKS[w]}" for v, w in pairs(cohort)),
    ]
    rows = [
        [i, arm_label(arm), 3 if i in upper else 1, *(change(cohort, v, w, i) for v, w in pairs(cohort))]
        for i, arm in cohort.arms.items()
    ]
    values = [[standard(*key) for key in first], *([cohort.get(*key, i) for key in first] for i in cohort.arms)]
    return {"Data": [[*row, *more] for row, more in zip([heads, *rows], values, strict=True)]}


@only
def prism_grouped(cohort):
    """Weeks down, each arm's name once over as many columns as the largest arm has, some of them blank."""
    each = max(len(of_arm(cohort, arm)) for arm in ARMS) + 2
    heads = ["Week", *(name for arm in ARMS for name in [arm_label(arm), *[None] * (each - 1)])]
    sheets = {}
    for variable, visits in by_variable(cohort).items():
        changes = [[[change(cohort, variable, w, i) for i in of_arm(cohort, arm)] for arm in ARMS] for w in visits]
        rows = [
            [WEEKS[w], *(c for own in cells for c in [*own, *[None] * (each - len(own))])]
            for w, cells in zip(visits, changes, strict=True)
        ]
        sheets[label(variable)] = [[f"{label(variable)} (% change)"], heads, *rows]
    return sheets


@only
def visits_by_number(cohort):
    """V1 to V4 without a legend."""
    return {"Sheet": coded_visits_in_rows.rows(cohort)["Sheet"]}
