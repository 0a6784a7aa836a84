"""Write a synthetic cohort as an Excel workbook that says what it is; the same cohort gives the same bytes."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path

import numpy as np

from ..files import atomic, without_clock
from .cohort import BASELINE, Cohort
from .design import Design

_DATE = datetime.datetime(2024, 7, 2)
ARM_LABELS = {"control": "Control", "d_q": "D+Q"}


def write_workbook(cohort: Cohort, design: Design, path: Path | str) -> None:
    """Write sheets ``READ ME``, ``Participants``, ``SASP``, ``p16 by age`` and ``Codebook``, whole or not at all."""
    from openpyxl import Workbook
    from openpyxl.packaging.custom import StringProperty
    from openpyxl.styles import Font

    book = Workbook()
    read_me = book.active
    read_me.title = "READ ME"
    for line in read_me_lines(cohort, design):
        read_me.append([line])
    read_me.column_dimensions["A"].width = 120
    for title, columns in _sheets(cohort, design).items():
        sheet = book.create_sheet(title)
        for row in (list(columns), *zip(*columns.values(), strict=True)):
            sheet.append(row)
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "C2" if "Arm" in columns else "A2"
    properties = book.properties
    properties.title = properties.subject = properties.keywords = design.label
    properties.creator = "d_q_trial reconstruct"
    properties.created = properties.modified = _DATE
    book.custom_doc_props.append(StringProperty(name="synthetic", value="true"))
    with atomic(path) as temporary:
        book.save(temporary)
        without_clock(temporary, _DATE)


def _sheets(cohort: Cohort, design: Design) -> dict[str, dict[str, list]]:
    """Return the sheets, each a column of cells per header."""
    people = {"ID": cohort.people.ids, "Arm": [ARM_LABELS[arm] for arm in cohort.people.arm]}
    once: dict[str, list] = {}
    repeated: dict[bool, dict[str, list]] = {False: {}, True: {}}  # whether a SASP protein -> columns
    for key, given in design.outcomes.items():
        if given.get("kind") == "binary":
            once[given["label"]] = ["yes" if smokes else "no" for smokes in cohort.smoker]
        elif not design.visits(key):
            once[_header(design, key)] = _cells(cohort, key, BASELINE)
        else:
            for visit in (BASELINE, *design.visits(key)):
                header = _header(design, key, visit)
                repeated[design.family(key) == "sasp"][header] = _cells(cohort, key, visit)
    markers = {_marker_header(design, key): values.tolist() for key, values in cohort.markers.items()}
    age = cohort.population["age"]
    sample = {"ID": [f"P{number + 1:03d}" for number in range(age.size)], _header(design, "age"): age.tolist()}
    sample |= {_marker_header(design, key): cohort.population[key].tolist() for key in design.markers}
    codes = zip(*_codebook(cohort, design), strict=True)
    return {
        "Participants": people | once | markers | repeated[False],
        "SASP": people | repeated[True],
        "p16 by age": sample,
        "Codebook": dict(zip(("Variable", "Unit", "Meaning"), map(list, codes), strict=True)),
    }


def _header(design: Design, outcome: str, visit: str = "") -> str:
    given = design.outcomes[outcome]
    when = "baseline" if visit == BASELINE else f"week {visit.removeprefix('week_')}" if visit else ""
    unit = given.get("unit", "")
    return " ".join(part for part in (given["label"], when, f"({unit})" if unit else "") if part)


def _marker_header(design: Design, key: str) -> str:
    marker = design.trial_markers[key]
    return f"{marker['label']} ({marker['unit']})" if marker.get("unit") else marker["label"]


def _cells(cohort: Cohort, outcome: str, visit: str) -> list[float | int | None]:
    decimals = cohort.decimals[outcome]
    values = cohort.values(outcome, visit)
    return [None if np.isnan(v) else int(v) if decimals == 0 else round(float(v), decimals) for v in values]


def _codebook(cohort: Cohort, design: Design) -> list[tuple[str, str, str]]:
    """Return name, unit and meaning of every variable."""
    rows = [
        ("ID", "", "S..: participants; P..: population sample"),
        ("Arm", "", "Control: no treatment; D+Q: dasatinib plus quercetin"),
    ]
    for key, given in design.outcomes.items():
        binary = given.get("kind") == "binary"
        decimals = 0 if binary else cohort.decimals[key]
        meaning = "whole numbers" if decimals == 0 else f"recorded to {10.0**-decimals:g}"
        if design.visits(key):
            weeks = ", ".join(visit.removeprefix("week_") for visit in design.visits(key))
            meaning += f"; at baseline and at weeks {weeks}"
        unit, meaning = ("", "yes or no") if binary else (given.get("unit", ""), meaning)
        rows.append((given["label"], unit, meaning))
    markers = (design.trial_markers[key] for key in design.markers)
    return rows + [(marker["label"], marker.get("unit", ""), "T cell p16 mRNA at baseline") for marker in markers]


def read_me_lines(cohort: Cohort, design: Design) -> list[str]:
    """Return the lines of the sheet, a cell each."""
    readings = "\n".join(line for reading in design.readings for line in _reading(reading, design))
    words = {"label": design.label, "seed": cohort.seed, "cut": design.cut, "readings": readings}
    return design.read_me.format(**words, absences="\n".join(_absences(design))).splitlines()


def _reading(reading: dict[str, str], design: Design) -> list[str]:
    label, week = design.outcomes[reading["outcome"]]["label"], reading["visit"].replace("_", " ")
    return [
        f"{label}, {week}, {ARM_LABELS[reading['group']]}: printed {reading['printed']}, read as {reading['read_as']}:",
        f"{reading['why']}. With this workbook the printed {reading['printed']} is a known difference.",
    ]


def _absences(design: Design) -> list[str]:
    counts: Counter[tuple[str, str]] = Counter()
    for gone in design.absences:
        counts[ARM_LABELS[gone["arm"]], gone["why"]] += gone.get("number", 1)
    return [f"{number} x {arm}: {why}" for (arm, why), number in counts.items()]
