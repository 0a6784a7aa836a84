"""An invented cohort, and its layouts with headers as other authors would write them; each returns the rows of its sheets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from openpyxl import Workbook
from pipeline import TRIAL

from d_q_trial.workbook.inspect import render_mapping
from d_q_trial.workbook.reader import examine_workbook

WEEKS = {"baseline": 0, "week_2": 2, "week_4": 4, "week_20": 20}
VISITS = {"baseline": "baseline", "week_2": "week 2", "week_4": "week 4", "week_20": "week 20"}
ALIASES = yaml.safe_load(Path(__file__).with_name("names.yaml").read_text(encoding="utf-8"))
# Spellings of the visits.
TIMES = {
    "baseline": ["Baseline", "BL", "W0", "week 0", "day 0"],
    "week_2": ["week 2", "wk2", "W2", "W02", "2 weeks", "day 14", "2-wk"],
    "week_4": ["Week 4", "WK 4", "4 wk", "day 28"],
    "week_20": ["W20", "20 weeks", "Week 20", "day 140"],
}
AGES, ARMS, label = "p16 by age", ("control", "d_q"), TRIAL.variable_label
# The variables that are measured more than once.
REPEATED = {key for key, outcome in TRIAL.outcomes.items() if outcome.follow_up}


@dataclass
class Cohort:
    """Values by (variable, visit) and participant; missing values have no entry."""

    arms: dict[str, str] = field(default_factory=dict)
    values: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    population: list[dict[str, float]] = field(default_factory=list)

    def get(self, variable: str, visit: str, identity: str) -> float | None:
        return self.values.get((variable, visit), {}).get(identity)


def cohort_from_frame(frame: pd.DataFrame) -> Cohort:
    """Make a cohort from a table of participants, with the population sample."""
    frame = frame[frame["text"] == ""]
    rows = frame[frame["cohort"] == "trial"]
    groups = rows.groupby(["variable", "visit"], sort=False)
    sample = frame[frame["cohort"] == "population"].groupby("participant", sort=False)
    return Cohort(
        rows.groupby("participant", sort=False)["arm"].first().to_dict(),
        {key: dict(zip(group["participant"], group["value"], strict=True)) for key, group in groups},
        [dict(zip(rows["variable"], rows["value"], strict=True)) for _, rows in sample],
    )


def invent(seed: int = 5, *, arm_size: int = 12, outcomes: list[str] | None = None) -> Cohort:
    """Draw a cohort with values in the middle of the plausible ranges."""
    random = np.random.default_rng(seed)
    ids = [f"DQ-{number:03d}" for number in sorted(random.choice(np.arange(1, 200), 2 * arm_size, replace=False))]
    cohort = Cohort(dict(zip(ids, random.permutation(["d_q", "control"] * arm_size).tolist(), strict=True)))
    for key, outcome in TRIAL.outcomes.items():
        for visit in ["baseline", *outcome.follow_up] if outcomes is None or key in outcomes else ():
            present = [identity for identity in ids if visit == "baseline" or random.random() > 0.06]
            values = np.sqrt(np.prod(outcome.plausible or 1.0)) * np.exp(0.25 * random.standard_normal(len(present)))
            values = values > 1 if outcome.kind == "binary" else values.round(3)
            cohort.values[key, visit] = dict(zip(present, values.astype(float).tolist(), strict=True))
    for key in TRIAL.markers:
        values = random.permutation(np.arange(1, 400))[: len(ids)] / 100
        cohort.values[key, "baseline"] = dict(zip(ids, values.tolist(), strict=True))
    sample = [random.uniform(23, 88, 25).round(1), *random.uniform(0.1, 4, (len(TRIAL.markers), 25)).round(2)]
    for values in zip(*sample, strict=True):
        cohort.population.append(dict(zip(["age", *TRIAL.markers], map(float, values), strict=True)))
    return cohort


def workbook(sheets: dict[str, list[list]]) -> Workbook:
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return book


def build(layout: Callable, cohort: Cohort) -> Workbook:
    """Build the workbook of a layout, with the population sample on a separate sheet.

    A layout returns the rows of each sheet, and optionally merged cells as (sheet, top, bottom, left, right).
    """
    content = layout(cohort)
    sheets, merged = content if isinstance(content, tuple) else (content, ())
    book = workbook({**sheets, AGES: sheets.get(AGES) or population(cohort)})
    for sheet, top, bottom, left, right in merged:
        book[sheet].merge_cells(start_row=top, end_row=bottom, start_column=left, end_column=right)
    return book


def save(layout: Callable, cohort: Cohort, path: Path) -> Path:
    build(layout, cohort).save(path)
    return path


def propose_mapping(path: Path, answers: Path | None = None) -> Path:
    """Write the mapping that is proposed for a workbook and the answers so far, and return its path."""
    text = render_mapping(examine_workbook(path, TRIAL, answers))
    path.with_name("mapping.yaml").write_text(text, encoding="utf-8")
    return path.with_name("mapping.yaml")


def population(cohort: Cohort, *, ids: bool = False) -> list[list]:
    markers = TRIAL.markers
    rows = [[values["age"], *map(values.get, markers)] for values in cohort.population]
    return [
        [*["ID"] * ids, "Age (years)", *map(label, markers)],
        *([*[f"P{number:03d}"] * ids, *row] for number, row in enumerate(rows, start=1)),
    ]


def arm_label(key: str) -> str:
    return TRIAL.every_arm[key].label


def alias(variable: str) -> str:
    return ALIASES.get(variable, label(variable))


def unit(variable: str) -> str:
    outcome = TRIAL.outcomes.get(variable)
    return outcome.unit if outcome and "%" not in outcome.unit else ""


def with_unit(variable: str, visit: str | None = None) -> str:
    text = label(variable) + (f" {VISITS[visit]}" if visit and variable in REPEATED else "")
    return text + (f" ({unit(variable)})" if unit(variable) else "")


def header(variable: str, visit: str) -> str:
    return with_unit(variable)


def table(cohort: Cohort, head=with_unit, *, first="ID", arm="Arm", code=arm_label, keys=None, ids=None) -> list[list]:
    """Return a header and a row per participant: id, arm (unless None), and the values of (variable, visit) keys."""
    keys = list(cohort.values) if keys is None else keys
    rows = [[first, *([arm] if arm else []), *(head(*key) for key in keys)]]
    for identity in cohort.arms if ids is None else ids:
        values = [cohort.get(*key, identity) for key in keys]
        rows.append([identity, *([code(cohort.arms[identity])] if arm else []), *values])
    return rows


def fixed_keys(cohort: Cohort) -> list[tuple[str, str]]:
    """Return the keys of the variables that are measured once."""
    return [key for key in cohort.values if key[0] not in REPEATED]


def change_keys(cohort: Cohort) -> list[tuple[str, str]]:
    return [(variable, visit) for variable, visit in cohort.values if visit != "baseline"]


def follow_ups(cohort: Cohort) -> dict[str, list[str]]:
    """Return the follow-up visits of each variable that has some."""
    return {v: [visit for variable, visit in change_keys(cohort) if variable == v] for v, _ in change_keys(cohort)}


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
    fixed, later = [variable for variable, _ in fixed_keys(cohort)], follow_ups(cohort)
    rows = [[*heads, *map(head, [*fixed, *later])]]
    for identity, arm in cohort.arms.items():
        for visit, name in visits.items():
            once = [cohort.get(v, "baseline", identity) if repeat or visit == "baseline" else None for v in fixed]
            rows.append([identity, code(arm), name, *once, *(cohort.get(v, visit, identity) for v in later)])
    return rows


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


def two_header_rows(cohort):
    """Variable above visit in merged cells, below a title, not in A1, with a remark next to the table."""
    (_, names, weeks, *_), *_ = weeks_below_blank_cells(cohort).values()
    names[:2], weeks[:2] = ["Participant", "Treatment arm"], [None, None]
    visits = ["BL" if week == 0 else week and f"W{week}" for week in weeks]
    body = table(cohort, code={"d_q": "Dasatinib + Quercetin", "control": "No treatment"}.get)[1:]
    title = [[], ["Supplementary Data 1. Individual participant data"], []]
    rows = [*title, [*names, None, None, "Measured at one laboratory."], visits, *body]
    starts = [column for column, name in enumerate(names, start=3) if name]
    merged = [("Data", 4, 5, column, column) for column in (3, 4)]
    merged += [("Data", 4, 4, start, after - 1) for start, after in pairwise([*starts[2:], 3 + len(names)])]
    return {"Data": [[None, None, *row] for row in rows]}, merged


def sheet_per_variable(cohort):
    """The sheet's name is the variable, the columns are visits; arm only on the first sheet."""
    patient = "Patient No."
    demographics = table(cohort, lambda v, w: alias(v), first=patient, arm="Randomized group", keys=fixed_keys(cohort))
    sheets = {"Demographics": demographics}
    for variable, visits in follow_ups(cohort).items():
        keys = [(variable, visit) for visit in ["baseline", *visits]]
        rows = table(cohort, lambda v, visit: f"Wk {WEEKS[visit]}", first=patient, arm=None, keys=keys)
        sheets[alias(variable)] = [[f"{alias(variable)} ({unit(variable)})"], *rows]
    return sheets


def sheet_per_visit(cohort):
    """A sheet per visit, with a column per variable; the population has ids."""
    sheets, heads = {AGES: population(cohort, ids=True)}, {"first": "Subject ID", "arm": "Group"}
    for visit, name in VISITS.items():
        keys = [key for key in cohort.values if key[1] == visit]
        sheets[name.capitalize()] = table(cohort, header, code=lambda arm: arm_label(arm).lower(), keys=keys, **heads)
    return sheets


def long_by_visit(cohort):
    """One row per participant and visit; constant values are repeated on each row."""
    code = {"d_q": "DQ", "control": "control"}.get
    rows = long_rows(cohort, ["subject", "trt", "week"], WEEKS, str, code=code)
    count = len(follow_ups(cohort))
    return {"export": [row for row in rows if row[2] in ("week", 0) or any(c is not None for c in row[-count:])]}


def long_by_variable(cohort):
    """One row per participant, visit and analyte, with units; demographics wide on another sheet."""
    rows = [["USUBJID", "Visit", "Analyte", "Result", "Units"]]
    for variable, visit in cohort.values:
        for identity in cohort.arms if variable in REPEATED else ():
            value = cohort.get(variable, visit, identity)
            if value is not None:
                name = "Baseline" if visit == "baseline" else f"{WEEKS[visit]} weeks"
                rows.append([identity, name, alias(variable), value, unit(variable)])
    ids = list(reversed(cohort.arms))
    return {"Labs": rows, "DM": table(cohort, header, first="USUBJID", arm="ARM", keys=fixed_keys(cohort), ids=ids)}


def weeks_below_blank_cells(cohort):
    """Three header rows: a banner, the variable once per group of columns, weeks as numbers; arms in capitals."""
    banner, names, weeks = ["", ""], ["", ""], ["Participant", "Allocation"]
    for variable, visit in cohort.values:
        family = TRIAL.outcomes[variable].family.upper() if variable in TRIAL.outcomes else "P16"
        banner.append(None if family in banner else family)
        names.append(alias(variable) if visit == "baseline" else None)
        weeks.append(WEEKS[visit] if variable in REPEATED else None)
    return {"All data": [banner, names, weeks, *table(cohort, code=lambda arm: arm_label(arm).upper())[1:]]}


def arms_below_each_other(cohort):
    """A heading per arm, each with its own header, a blank row between."""
    rows = []
    for key in ARMS:
        rows += [[f"{arm_label(key)} group"], *table(cohort, arm=None, ids=list_ids(cohort, key)), []]
    return {"Participants": rows}


def coded(cohort):
    """Arms 0/1, snake case, numbers as text, NA for missing values."""
    arm = {"arm": "Group (1 = D+Q, 0 = Control)", "code": {"d_q": 1, "control": 0}.get}
    shorten = lambda v, visit: v.removeprefix("sasp_") + (f"_w{WEEKS[visit]}" if v in REPEATED else "")  # noqa: E731
    heads, *body = table(cohort, shorten, first="record_id", **arm)
    texts = [head == "weight" for head in heads]
    cells = [["NA" if c is None else str(c) if text else c for c, text in zip(row, texts, strict=True)] for row in body]
    return {"data": [heads, *cells]}


def merged_ids(cohort):
    """Long, the id and arm merged over the rows of a participant, visits as weeks with a dash."""
    names = {visit: f"{week}-week" if week else "Baseline" for visit, week in WEEKS.items()}
    rows = long_rows(cohort, ["Patient", "Arm", "Time point"], names, repeat=False)
    rows = [[None, None, *row[2:]] if "-week" in row[2] else row for row in rows]
    return {"CRF": rows}, [("CRF", n, n + 3, c, c) for n in range(2, len(rows), 4) for c in (1, 2)]


def side_by_side(cohort):
    """Blocks side by side on one sheet, each with a title and separate ids, in different orders."""
    demographics = table(cohort, header, first="Subject", keys=fixed_keys(cohort), ids=sorted(cohort.arms))
    parts = [[["Demographics and p16"], *demographics]]
    heads = lambda v, visit: f"{VISITS[visit]} ({unit(v)})"  # noqa: E731
    for number, (variable, visits) in enumerate(follow_ups(cohort).items(), start=1):
        keys = [(variable, visit) for visit in ["baseline", *visits]]
        ids = sorted(cohort.arms, reverse=bool(number % 2))
        parts.append([[alias(variable)], *table(cohort, heads, first="Subject", arm=None, keys=keys, ids=ids)])
    return {"Sheet1": join_tables(*parts)}


_FUNCTIONS = (wide, two_header_rows, sheet_per_variable, sheet_per_visit, long_by_visit, long_by_variable, merged_ids)
_FUNCTIONS += (weeks_below_blank_cells, arms_below_each_other, side_by_side, coded)
WRITERS: dict[str, Callable] = {function.__name__: function for function in _FUNCTIONS} | {
    "transposed": lambda c: {"Sheet1": list(zip(*table(c), strict=True))},
    "sheet_per_arm": lambda c: {arm_label(key): table(c, arm=None, ids=list_ids(c, key)) for key in ARMS},
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


def transpose(columns) -> list[list]:
    """Turn columns of unequal length into rows."""
    return list(map(list, zip_longest(*columns)))


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
        columns = ([arm_label(arm), *changes(cohort, variable, visit, arm)] for arm in ARMS)
        sheets[f"Fig. {number // 6 + 3}{'abcdef'[number % 6]}"] = [[title], [], *transpose(columns)]
    return sheets


def by_stratum(cohort):
    """Changes with T1/T2 and T3 above Control and D+Q, and baselines by stratum."""
    sheets = {}
    for marker in TRIAL.markers:
        upper = split_thirds(cohort, marker)[2]
        strata = {"T1/T2": set(cohort.arms) - upper, "T3": upper}
        for number, (variable, visit) in enumerate(change_keys(cohort)):
            title = f"Strata by {label(marker)}: {label(variable)} % change from baseline, {WEEKS[visit]} weeks"
            columns = (changes(cohort, variable, visit, arm, ids) for ids in strata.values() for arm in ARMS)
            heads = [["T1/T2", None, "T3", None], [arm_label(arm) for arm in ARMS] * 2]
            sheets[f"{label(marker).replace(' ', '_')} {number}"] = [[title], *heads, *transpose(columns)]
        baselines = (baseline_rows(cohort, variable, strata) for variable in follow_ups(cohort))
        sheets[f"Baseline, {label(marker)}"] = join_tables(*baselines)
    return sheets


def titled_panels(cohort):
    """All data of figures and tables without ids: changes by arm, also by stratum, and baselines by arm."""
    arms = {arm_label(arm): list_ids(cohort, arm) for arm in ARMS}
    once_or_first = [v for v, visit in cohort.values if visit == "baseline" and v in TRIAL.outcomes]
    tables = {f"Table 1 {number}": baseline_rows(cohort, v, arms) for number, v in enumerate(once_or_first)}
    return sheet_per_panel(cohort) | by_stratum(cohort) | tables


def changes_beside_a_tertile(cohort):
    """A row per participant with percent changes, baselines, and the number of the third of p16."""
    upper = split_thirds(cohort, "p16_variant_5")[2]
    first = [key for key in cohort.values if key[1] == "baseline" and key[0] in TRIAL.outcomes]
    heads = ["p16 variant 5 tertile", *(f"{alias(v)} % change week {WEEKS[w]}" for v, w in change_keys(cohort))]
    rows = [[3 if i in upper else 1, *(change(cohort, *key, i) for key in change_keys(cohort))] for i in cohort.arms]
    baselines = table(cohort, keys=first)
    return {"Data": [[*left, *right] for left, right in zip(baselines, [heads, *rows], strict=True)]}
