"""Layouts of a cohort, with headers as other authors would write them; each returns the rows of its sheets."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np
import yaml
from openpyxl import Workbook

from .cohort import Cohort, trial

WEEKS = {"baseline": 0, "week_2": 2, "week_4": 4, "week_20": 20}
VISITS = {"baseline": "baseline", "week_2": "week 2", "week_4": "week 4", "week_20": "week 20"}
DAYS = {"baseline": "Baseline", "week_2": "Day 14", "week_4": "Day 28", "week_20": "Day 140"}
ALIASES = yaml.safe_load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"))
# Spellings of the visits.
TIMES = {
    "baseline": ["Baseline", "BL", "W0", "week 0", "day 0"],
    "week_2": ["week 2", "wk2", "W2", "W02", "2 weeks", "day 14", "2-wk"],
    "week_4": ["Week 4", "WK 4", "4 wk", "day 28"],
    "week_20": ["W20", "20 weeks", "Week 20", "day 140"],
}
AGES = "p16 by age"
WRITERS: dict[str, Callable] = {}
# The mappings of layouts that the reader cannot recognise on its own.
ANSWERS = {"coded": "arms: {0: control, 1: d_q}", "transposed": "transpose: [Sheet1]"}


def workbook(sheets: dict[str, list[list]]) -> Workbook:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return book


def layout(function):
    """Register a layout: a function that returns the rows of each sheet, and optionally the merged cells.

    Merged cells are (sheet, top, bottom, left, right).
    """
    WRITERS[function.__name__] = function
    return function


def build(layout: Callable, cohort: Cohort) -> Workbook:
    """Build the workbook of a layout, with the population sample on a separate sheet."""
    content = layout(cohort)
    sheets, merged = content if isinstance(content, tuple) else (content, ())
    book = workbook({**sheets, AGES: sheets.get(AGES) or population(cohort)})
    for sheet, top, bottom, left, right in merged:
        book[sheet].merge_cells(start_row=top, end_row=bottom, start_column=left, end_column=right)
    return book


def save(layout: Callable, cohort: Cohort, path: Path) -> Path:
    build(layout, cohort).save(path)
    return path


def write_answers(name: str, folder: Path) -> Path | None:
    """Write the mapping of a layout and return its path, None if the layout needs none."""
    path = folder / "answers.yaml"
    path.write_text(ANSWERS.get(name, ""), encoding="utf-8")
    return path if name in ANSWERS else None


def population(cohort: Cohort, *, ids: bool = False) -> list[list]:
    markers = trial().markers
    rows = [[values["age"], *map(values.get, markers)] for values in cohort.population]
    return [
        [*["ID"] * ids, "Age (years)", *map(label, markers)],
        *([*[f"P{number:03d}"] * ids, *row] for number, row in enumerate(rows, start=1)),
    ]


def arm_label(key: str) -> str:
    return trial().every_arm[key].label


def label(variable: str) -> str:
    return trial().variable_label(variable)


def alias(variable: str) -> str:
    return ALIASES.get(variable, label(variable))


def unit(variable: str) -> str:
    outcome = trial().outcomes.get(variable)
    return outcome.unit if outcome and "%" not in outcome.unit else ""


def with_unit(variable: str, visit: str | None = None) -> str:
    text = label(variable) + (f" {VISITS[visit]}" if visit and has_visits(variable) else "")
    return text + (f" ({unit(variable)})" if unit(variable) else "")


def has_visits(variable: str) -> bool:
    outcome = trial().outcomes.get(variable)
    return bool(outcome and outcome.follow_up)


def header(variable: str, visit: str) -> str:
    return with_unit(variable)


def list_variables(cohort: Cohort, later: bool) -> list[str]:
    """List the variables with follow-up visits (``later``), or those without."""
    return [v for v in dict.fromkeys(variable for variable, _ in cohort.values) if has_visits(v) == later]


def table(cohort: Cohort, head=with_unit, *, first="ID", arm="Arm", code=arm_label, keys=None, ids=None) -> list[list]:
    """Return a header and a row per participant: id, arm (unless None), and the values of (variable, visit) keys."""
    keys = list(cohort.values) if keys is None else keys
    rows = [[first, *([arm] if arm else []), *(head(*key) for key in keys)]]
    for identity in cohort.ids if ids is None else ids:
        values = [cohort.get(*key, identity) for key in keys]
        rows.append([identity, *([code(cohort.arms[identity])] if arm else []), *values])
    return rows


def fixed_keys(cohort: Cohort) -> list[tuple[str, str]]:
    """Return the keys of the variables that are measured once."""
    return [(variable, "baseline") for variable in list_variables(cohort, False)]


def join_tables(*tables: list[list]) -> list[list]:
    """Join tables side by side, with a blank column between them."""
    widths = [max(map(len, rows)) for rows in tables]
    lines = zip_longest(*tables, fillvalue=[])
    return [
        [cell for row, width in zip(line, widths, strict=True) for cell in [*row, *[None] * (width + 1 - len(row))]]
        for line in lines
    ]


def list_ids(cohort: Cohort, key: str) -> list[str]:
    return [identity for identity, arm in cohort.arms.items() if arm == key]


def long_rows(cohort: Cohort, heads: list, visits: dict, head=with_unit, *, repeat=True, code=arm_label) -> list[list]:
    """Return a row per participant and visit: id, arm, visit, variables measured once, and the values of the visit.

    Variables measured once are in the baseline row only, unless ``repeat`` is true.
    """
    fixed, later = list_variables(cohort, False), list_variables(cohort, True)
    rows = [[*heads, *map(head, [*fixed, *later])]]
    for identity, arm in cohort.arms.items():
        for visit, name in visits.items():
            once = [cohort.get(v, "baseline", identity) if repeat or visit == "baseline" else None for v in fixed]
            rows.append([identity, code(arm), name, *once, *(cohort.get(v, visit, identity) for v in later)])
    return rows


@layout
def wide(cohort):
    """One row per participant, one header row; proteins and the population on separate sheets."""
    proteins = [key for key in cohort.values if key[0].startswith("sasp_")]
    clinical = [key for key in cohort.values if key not in proteins]
    return {
        "READ ME": [["Participants of an invented trial"]],
        "Participants": table(cohort, keys=clinical),
        "SASP": table(cohort, keys=proteins),
        "Codebook": [
            ["Column", "Meaning"],
            ["CTx baseline (ng/mL)", "C-terminal telopeptide of type I collagen"],
            ["Arm", "Control or D+Q"],
        ],
    }


@layout
def two_header_rows(cohort):
    """Variable above visit in merged cells, below a title, not in A1, with a remark next to the table."""
    (_, names, weeks, *_), *_ = weeks_below_blank_cells(cohort).values()
    names[:2], weeks[:2] = ["Participant", "Treatment arm"], [None, None]
    visits = ["BL" if week == 0 else week and f"W{week}" for week in weeks]
    body = table(cohort, code=lambda arm: {"d_q": "Dasatinib + Quercetin", "control": "No treatment"}[arm])[1:]
    title = [[], ["Supplementary Data 1. Individual participant data"], []]
    rows = [*title, [*names, None, None, "Measured at one laboratory."], visits, *body]
    starts = [column for column, name in enumerate(names, start=3) if name]
    merged = [("Data", 4, 5, column, column) for column in (3, 4)]
    merged += [("Data", 4, 4, start, after - 1) for start, after in pairwise([*starts[2:], 3 + len(names)])]
    return {"Data": [[None, None, *row] for row in rows]}, merged


@layout
def sheet_per_variable(cohort):
    """The sheet's name is the variable, the columns are visits; arm only on the first sheet."""
    patient = "Patient No."
    demographics = table(cohort, lambda v, w: alias(v), first=patient, arm="Randomized group", keys=fixed_keys(cohort))
    sheets = {"Demographics": demographics}
    for variable in list_variables(cohort, True):
        keys = [key for key in cohort.values if key[0] == variable]
        rows = table(cohort, lambda v, visit: f"Wk {WEEKS[visit]}", first=patient, arm=None, keys=keys)
        sheets[alias(variable)] = [[f"{alias(variable)} ({unit(variable)})"], *rows]
    return sheets


@layout
def long_by_visit(cohort):
    """One row per participant and visit; constant values are repeated on each row."""
    code = lambda arm: {"d_q": "DQ", "control": "control"}.get(arm, arm_label(arm))  # noqa: E731
    rows = long_rows(cohort, ["subject", "trt", "week"], WEEKS, str, code=code)
    count = len(list_variables(cohort, True))
    return {"export": [row for row in rows if row[2] in ("week", 0) or any(c is not None for c in row[-count:])]}


@layout
def long_by_variable(cohort):
    """One row per participant, visit and analyte, with units; demographics wide on another sheet."""
    rows = [["USUBJID", "Visit", "Analyte", "Result", "Units"]]
    for variable, visit in cohort.values:
        for identity in cohort.arms if has_visits(variable) else ():
            value = cohort.get(variable, visit, identity)
            if value is not None:
                name = "Baseline" if visit == "baseline" else f"{WEEKS[visit]} weeks"
                rows.append([identity, name, alias(variable), value, unit(variable)])
    ids = list(reversed(cohort.ids))
    return {"Labs": rows, "DM": table(cohort, header, first="USUBJID", arm="ARM", keys=fixed_keys(cohort), ids=ids)}


@layout
def weeks_below_blank_cells(cohort):
    """Three header rows: a banner, the variable once per group of columns, weeks as numbers; arms in capitals."""
    banner, names, weeks = ["", ""], ["", ""], ["Participant", "Allocation"]
    for variable, visit in cohort.values:
        family = trial().outcomes[variable].family.upper() if variable in trial().outcomes else "P16"
        banner.append(None if family in banner else family)
        names.append(alias(variable) if visit == "baseline" else None)
        weeks.append(WEEKS[visit] if has_visits(variable) else None)
    return {"All data": [banner, names, weeks, *table(cohort, code=lambda arm: arm_label(arm).upper())[1:]]}


@layout
def arms_below_each_other(cohort):
    """A heading per arm, each with its own header, a blank row between."""
    rows = []
    for key in ("control", "d_q"):
        rows += [[f"{arm_label(key)} group"], *table(cohort, arm=None, ids=list_ids(cohort, key)), []]
    return {"Participants": rows}


@layout
def coded(cohort):
    """Arms 0/1, snake case, numbers as text, NA for missing values."""
    head = lambda v, visit: v.removeprefix("sasp_") + (f"_w{WEEKS[visit]}" if has_visits(v) else "")  # noqa: E731
    heads, *body = table(
        cohort, head, first="record_id", arm="Group (1 = D+Q, 0 = Control)", code={"d_q": 1, "control": 0}.get
    )
    texts = [head == "weight" for head in heads]
    cells = [["NA" if c is None else str(c) if text else c for c, text in zip(row, texts, strict=True)] for row in body]
    return {"data": [heads, *cells]}


@layout
def merged_ids(cohort):
    """Long, the id and arm merged over the rows of a participant, visits as weeks with a dash."""
    names = {visit: f"{week}-week" if week else "Baseline" for visit, week in WEEKS.items()}
    rows = long_rows(cohort, ["Patient", "Arm", "Time point"], names, repeat=False)
    rows = [[None, None, *row[2:]] if "-week" in row[2] else row for row in rows]
    return {"CRF": rows}, [("CRF", n, n + 3, c, c) for n in range(2, len(rows), 4) for c in (1, 2)]


@layout
def side_by_side(cohort):
    """Blocks side by side on one sheet, each with a title and separate ids, in different orders."""
    demographics = table(cohort, header, first="Subject", keys=fixed_keys(cohort), ids=sorted(cohort.ids))
    parts = [[["Demographics and p16"], *demographics]]
    for number, variable in enumerate(list_variables(cohort, True), start=1):
        keys = [key for key in cohort.values if key[0] == variable]
        ids = sorted(cohort.ids, reverse=bool(number % 2))
        heads = lambda v, visit: f"{VISITS[visit]} ({unit(v)})"  # noqa: E731
        parts.append([[alias(variable)], *table(cohort, heads, first="Subject", arm=None, keys=keys, ids=ids)])
    return {"Sheet1": join_tables(*parts)}


@layout
def units_in_a_row_of_their_own(cohort):
    heads, *body = table(cohort, lambda v, visit: label(v) + (f" {VISITS[visit]}" if has_visits(v) else ""))
    return {
        "Sheet": [
            heads,
            [None, None, *("AU" if v.startswith("p16") else unit(v) or None for v, _ in cohort.values)],
            *body,
        ]
    }


@layout
def baseline_beside_follow_up_in_rows(cohort):
    """A row per later visit; the baseline is repeated in separate columns."""
    later = list_variables(cohort, True)
    heads, *body = long_rows(cohort, ["ID", "Arm", "Week"], WEEKS)
    heads += [f"{label(v)} baseline" for v in later]
    return {"Sheet": [heads, *([*row, *body[n - n % 4][-len(later) :]] for n, row in enumerate(body) if n % 4)]}


@layout
def arms_as_merged_cells_at_the_left(cohort):
    ids = [*list_ids(cohort, "d_q"), *list_ids(cohort, "control")]
    rows = [[arm, identity, *values] for identity, arm, *values in table(cohort, ids=ids)]
    middle = 1 + len(list_ids(cohort, "d_q"))
    return {"Sheet": rows}, [("Sheet", 2, middle, 1, 1), ("Sheet", middle + 1, len(rows), 1, 1)]


@layout
def redcap_events_beside_a_study_id(cohort):
    """A constant study id before the participant id; events as REDCap names them; the arm on the first row only."""
    events = {visit: f"{visit}_arm_1" for visit in VISITS}
    heads, *body = long_rows(cohort, ["USUBJID", "arm", "redcap_event_name"], events, str, repeat=False)
    body = [["DQ", identity, arm if "base" in event else None, event, *row] for identity, arm, event, *row in body]
    return {"Sheet": [["STUDYID", *heads], *body]}


def visit_sheets(cohort: Cohort, names: dict[str, str], arm=lambda visit: "Arm", **heads) -> dict:
    """Return a sheet per visit, with a column per variable."""
    keys_by_visit = {visit: [key for key in cohort.values if key[1] == visit] for visit in VISITS}
    return {names[v]: table(cohort, header, arm=arm(v), keys=keys, **heads) for v, keys in keys_by_visit.items()}


def statistics_rows(cohort: Cohort) -> list[list]:
    """Return rows of N, mean and medians by arm to put below the participants, and then abbreviations."""
    means = [round(sum(cells.values()) / len(cells), 3) for cells in cohort.values.values()]
    names = ("N", "Mean", "Mean (SD), Control", "Median D+Q", "Overall")
    return [*([name, None, *means] for name in names), ["CTx, C-terminal telopeptide"]]


ARMS = ("control", "d_q")
CAPITALS = {visit: name.capitalize() for visit, name in VISITS.items()}
WRITERS |= {
    "sheet_per_visit": lambda c: (
        visit_sheets(c, CAPITALS, lambda visit: "Group", first="Subject ID", code=lambda arm: arm_label(arm).lower())
        | {AGES: population(c, ids=True)}
    ),
    "sheets_named_after_days": lambda c: visit_sheets(c, DAYS, {"baseline": "Arm"}.get, first="Participant"),
    "transposed": lambda c: {"Sheet1": list(zip(*table(c), strict=True))},
    "sheet_per_arm": lambda c: {arm_label(key): table(c, arm=None, ids=list_ids(c, key)) for key in ARMS},
    "rows_of_statistics_below": lambda c: {"Sheet": [*table(c), *statistics_rows(c)]},
}


# -- source data per figure panel: groups side by side, percent changes, no ids --------------------------------------


def change(cohort: Cohort, variable: str, visit: str, identity: str) -> float | None:
    first, later = cohort.get(variable, "baseline", identity), cohort.get(variable, visit, identity)
    return None if first is None or later is None else 100 * (later - first) / first


def changes(cohort: Cohort, variable: str, visit: str, arm: str, members=None) -> list[float]:
    ids = [i for i in list_ids(cohort, arm) if members is None or i in members]
    return [v for v in (change(cohort, variable, visit, i) for i in ids) if v is not None]


def split_thirds(cohort: Cohort, marker: str) -> list[set[str]]:
    """Return the participants of each third of a marker, lowest first."""
    cells = cohort.values[marker, "baseline"]
    cuts = np.quantile(list(cells.values()), [1 / 3, 2 / 3]) - 1e-9
    return [{i for i, value in cells.items() if np.searchsorted(cuts, value) == third} for third in range(3)]


def change_keys(cohort: Cohort) -> list[tuple[str, str]]:
    return [(v, visit) for v, visit in cohort.values if visit != "baseline" and has_visits(v)]


def follow_ups(cohort: Cohort) -> dict[str, list[str]]:
    """Return the follow-up visits of each variable."""
    return {v: [visit for variable, visit in change_keys(cohort) if variable == v] for v, _ in change_keys(cohort)}


def transpose(columns) -> list[list]:
    """Turn columns of unequal length into rows."""
    return list(map(list, zip_longest(*columns)))


def change_rows(cohort: Cohort, variable: str, visit: str, suffix: str = "") -> list[list]:
    """Return a header with the arms, and the rows of their changes."""
    return transpose([arm_label(arm) + suffix, *changes(cohort, variable, visit, arm)] for arm in ARMS)


def baseline_rows(cohort: Cohort, variable: str, members: dict) -> list[list]:
    """Return a title, and the baseline values of each group below its name."""
    cells = cohort.values[variable, "baseline"].items()
    columns = ([name, *(value for i, value in cells if i in ids)] for name, ids in members.items())
    return [[f"{label(variable)} at baseline"], *transpose(columns)]


def sheet_per_panel(cohort):
    """A sheet per panel with a title; Control next to D+Q, of unequal length."""
    sheets = {}
    for number, (variable, visit) in enumerate(change_keys(cohort)):
        title = f"{alias(variable)}: percent change from baseline to {WEEKS[visit]} weeks"
        sheets[f"Fig. {number // 6 + 3}{'abcdef'[number % 6]}"] = [[title], [], *change_rows(cohort, variable, visit)]
    return sheets


def panels_on_one_sheet(cohort):
    """All panels of a variable side by side, the visit merged over the arms, with letters and a title above."""
    sheets, merged = {}, []
    for variable, visits in follow_ups(cohort).items():
        name = f"Source {label(variable)}"[:31]
        letters = zip("abcdef", visits, strict=False)
        parts = [[[f"{x}, Week {WEEKS[w]}"], *change_rows(cohort, variable, w, " (n = 12)")] for x, w in letters]
        title = f"Source data, {label(variable)}, % change from baseline"
        sheets[name] = [[title], [], *join_tables(*parts)]
        merged += [(name, 3, 3, column, column + 1) for column in range(1, 3 * len(visits), 3)]
    return sheets, merged


def replicates(cohort):
    """Weeks in rows, participants in columns, the arm merged over its columns, as some plotting programs store them."""
    arm_size = len(cohort.arms) // 2
    heads = ["Week", *(name for arm in ARMS for name in [arm_label(arm), *[None] * (arm_size - 1)])]
    sheets = {label(variable): [[f"{label(variable)} (% change)"], heads] for variable in follow_ups(cohort)}
    for variable, visit in change_keys(cohort):
        cells = (change(cohort, variable, visit, i) for arm in ARMS for i in list_ids(cohort, arm))
        sheets[label(variable)].append([WEEKS[visit], *cells])
    return sheets, [(name, 2, 2, column, column + arm_size - 1) for name in sheets for column in (2, 2 + arm_size)]


def long_panels(cohort):
    """Two columns per panel, the group and the change."""
    sheets = {}
    for variable, visit in change_keys(cohort):
        heads = ["Group", f"{alias(variable)}, change from baseline at week {WEEKS[visit]} (%)"]
        rows = [[arm_label(arm), value] for arm in ARMS for value in changes(cohort, variable, visit, arm)]
        sheets[f"{label(variable)} w{WEEKS[visit]}"] = [heads, *rows]
    return sheets


def medians_below_each_panel(cohort):
    """Panels below each other; the word Median labels the last row of each."""
    rows = []
    for variable, visit in change_keys(cohort):
        values_by_arm = [sorted(changes(cohort, variable, visit, arm)) for arm in ARMS]
        rows.append([None, f"Change in {alias(variable)} at {WEEKS[visit]} weeks (%)"])
        rows += [[None, *row] for row in change_rows(cohort, variable, visit)]
        rows += [["Median", *(values[len(values) // 2] for values in values_by_arm)], [], []]
    return {"Sheet": rows}


def time_course_by_arm(cohort):
    """A block of weeks per arm, side by side; a title above the first block only; zeros at baseline."""
    sheets = {}
    for number, (variable, visits) in enumerate(follow_ups(cohort).items()):
        parts = []
        for arm in ARMS:
            rows = [[0, *(change(cohort, variable, visit, i) for visit in visits)] for i in list_ids(cohort, arm)]
            parts.append([[arm_label(arm)], ["Week 0", *(f"Week {WEEKS[visit]}" for visit in visits)], *rows])
        sheets[f"Fig {number}"] = [[f"{label(variable)} percent change from baseline"], *join_tables(*parts)]
    return sheets


_PANELS = (sheet_per_panel, panels_on_one_sheet, replicates, long_panels, medians_below_each_panel, time_course_by_arm)
PANELS = {panel.__name__: panel for panel in _PANELS}


def by_stratum(cohort, proteins=False):
    """T1/T2 and T3 above Control and D+Q: changes, with or without ``proteins``; baselines by stratum, all or of proteins only."""
    sheets = {}
    for marker in trial().markers:
        upper = split_thirds(cohort, marker)[2]
        strata = {"T1/T2": set(cohort.arms) - upper, "T3": upper}
        for number, (variable, visit) in enumerate(change_keys(cohort)):
            if proteins or not variable.startswith("sasp_"):
                title = f"Strata by {label(marker)}: {label(variable)} % change from baseline, {WEEKS[visit]} weeks"
                columns = (changes(cohort, variable, visit, arm, ids) for ids in strata.values() for arm in ARMS)
                heads = [["T1/T2", None, "T3", None], [arm_label(arm) for arm in ARMS] * 2]
                sheets[f"{label(marker).replace(' ', '_')} {number}"] = [[title], *heads, *transpose(columns)]
        variables = [v for v in follow_ups(cohort) if proteins or v.startswith("sasp_")]
        sheets[f"Baseline, {label(marker)}"] = join_tables(*(baseline_rows(cohort, v, strata) for v in variables))
    return sheets


def thirds_in_words(cohort):
    """Groups named after three thirds of p16 and the arm."""
    names, thirds = ("Lowest tertile", "Middle tertile", "Highest tertile"), split_thirds(cohort, "p16_variant_5")
    groups = [(f"{n}, {arm_label(arm)}", arm, ids) for n, ids in zip(names, thirds, strict=True) for arm in ARMS]
    sheets = {}
    for number, (variable, visit) in enumerate(change_keys(cohort)):
        columns = ([name, *changes(cohort, variable, visit, arm, ids)] for name, arm, ids in groups)
        title = f"{label(variable)} % change, week {WEEKS[visit]}, by p16 variant 5"
        sheets[f"Fig {number}"] = [[title], *transpose(columns)]
    return sheets


def titled_panels(cohort):
    """All data of figures and tables without ids: changes by arm, also by stratum, and baselines by arm."""
    arms = {arm_label(arm): list_ids(cohort, arm) for arm in ARMS}
    once_or_first = [v for v, visit in cohort.values if visit == "baseline" and v in trial().outcomes]
    tables = {f"Table 1 {number}": baseline_rows(cohort, v, arms) for number, v in enumerate(once_or_first)}
    return sheet_per_panel(cohort) | by_stratum(cohort, proteins=True) | tables


def changes_beside_a_tertile(cohort):
    """A row per participant with percent changes, baselines, and the number of the third of p16."""
    upper = split_thirds(cohort, "p16_variant_5")[2]
    first = [key for key in cohort.values if key[1] == "baseline" and key[0] in trial().outcomes]
    heads = ["p16 variant 5 tertile", *(f"{alias(v)} % change week {WEEKS[w]}" for v, w in change_keys(cohort))]
    rows = [[3 if i in upper else 1, *(change(cohort, *key, i) for key in change_keys(cohort))] for i in cohort.arms]
    baselines = table(cohort, keys=first)
    return {"Data": [[*left, *right] for left, right in zip(baselines, [heads, *rows], strict=True)]}
