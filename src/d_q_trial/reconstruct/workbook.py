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

    book = Workbook()
    read_me = book.active
    read_me.title = "READ ME"
    for line in read_me_lines(cohort, design):
        read_me.append([line])
    read_me.column_dimensions["A"].width = 120
    _table(book.create_sheet("Participants"), *_participants(cohort, design))
    _table(book.create_sheet("SASP"), *_sasp(cohort, design))
    _table(book.create_sheet("p16 by age"), *_population(cohort, design))
    _table(book.create_sheet("Codebook"), *_codebook(cohort, design))
    properties = book.properties
    properties.title = properties.subject = properties.keywords = design.label
    properties.creator = "d_q_trial reconstruct"
    properties.created = properties.modified = _DATE
    book.custom_doc_props.append(StringProperty(name="synthetic", value="true"))
    with atomic(path) as temporary:
        book.save(temporary)
        without_clock(temporary, _DATE)


def _header(design: Design, outcome: str, visit: str = "") -> str:
    given = design.outcomes[outcome]
    when = "baseline" if visit == BASELINE else f"week {visit.removeprefix('week_')}" if visit else ""
    unit = given.get("unit", "")
    return " ".join(part for part in (given["label"], when, f"({unit})" if unit else "") if part)


def _cells(cohort: Cohort, outcome: str, visit: str) -> list[float | int | None]:
    decimals = cohort.decimals[outcome]
    values = cohort.values(outcome, visit)
    return [None if np.isnan(v) else int(v) if decimals == 0 else round(float(v), decimals) for v in values]


def _participants(cohort: Cohort, design: Design):
    columns = _people(cohort)
    for key, given in design.outcomes.items():
        if design.visits(key):
            continue
        if given.get("kind") == "binary":
            columns.append((given["label"], ["yes" if smokes else "no" for smokes in cohort.smoker]))
        else:
            columns.append((_header(design, key), _cells(cohort, key, BASELINE)))
    for key, values in cohort.markers.items():
        columns.append((_marker_header(design, key), [float(value) for value in values]))
    return _rows(columns + _repeated(cohort, design, sasp=False))


def _sasp(cohort: Cohort, design: Design):
    return _rows(_people(cohort) + _repeated(cohort, design, sasp=True))


def _people(cohort: Cohort) -> list[tuple[str, list]]:
    return [("ID", cohort.people.ids), ("Arm", [ARM_LABELS[arm] for arm in cohort.people.arm])]


def _repeated(cohort: Cohort, design: Design, *, sasp: bool) -> list[tuple[str, list]]:
    """Return the columns of the outcomes that are measured at several visits."""
    return [
        (_header(design, key, visit), _cells(cohort, key, visit))
        for key in design.outcomes
        if design.visits(key) and (design.family(key) == "sasp") == sasp
        for visit in (BASELINE, *design.visits(key))
    ]


def _marker_header(design: Design, key: str) -> str:
    marker = design.trial_markers[key]
    return f"{marker['label']} ({marker['unit']})" if marker.get("unit") else marker["label"]


def _population(cohort: Cohort, design: Design):
    age = cohort.population["age"]
    columns: list[tuple[str, list]] = [
        ("ID", [f"P{number + 1:03d}" for number in range(age.size)]),
        (_header(design, "age"), [float(value) for value in age]),
    ]
    columns += [(_marker_header(design, key), [float(v) for v in cohort.population[key]]) for key in design.markers]
    return _rows(columns)


def _codebook(cohort: Cohort, design: Design):
    rows = [
        ["ID", "", "S..: participants; P..: population sample"],
        ["Arm", "", "Control: no treatment; D+Q: dasatinib plus quercetin"],
    ]
    for key, given in design.outcomes.items():
        binary = given.get("kind") == "binary"
        meaning = "yes or no" if binary else _precision(cohort.decimals[key])
        if design.visits(key):
            weeks = ", ".join(visit.removeprefix("week_") for visit in design.visits(key))
            meaning += f"; at baseline and at weeks {weeks}"
        rows.append([given["label"], "" if binary else given.get("unit", ""), meaning])
    for key in design.markers:
        rows.append(
            [
                design.trial_markers[key]["label"],
                design.trial_markers[key].get("unit", ""),
                "T cell p16 mRNA at baseline",
            ]
        )
    return ["Variable", "Unit", "Meaning"], rows


def _precision(decimals: int) -> str:
    return "whole numbers" if decimals == 0 else f"recorded to {10.0**-decimals:g}"


def _rows(columns: list[tuple[str, list]]):
    return [name for name, _ in columns], [list(row) for row in zip(*(values for _, values in columns), strict=True)]


def _table(sheet, header: list[str], rows: list[list]) -> None:
    from openpyxl.styles import Font

    sheet.append(header)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in rows:
        sheet.append(row)
    sheet.freeze_panes = "C2" if header[1] == "Arm" else "A2"


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
