"""Write a synthetic cohort as an Excel workbook that labels itself synthetic; the same cohort gives the same bytes."""

import datetime
from pathlib import Path

import numpy as np

from ..files import atomic, set_fixed_date
from ..trial import BASELINE, Marker, Outcome
from ..workbook.reader import SYNTHETIC
from .design import Cohort

_DATE = datetime.datetime(2024, 7, 2)


def write_workbook(cohort: Cohort, path: Path | str) -> None:
    """Write sheets ``READ ME``, ``Participants``, ``SASP``, ``p16 by age`` and ``Codebook``, or no file at all."""
    from openpyxl import Workbook
    from openpyxl.packaging.custom import StringProperty
    from openpyxl.styles import Font

    book = Workbook()
    read_me = book.active
    read_me.title = "READ ME"
    for line in cohort.read_me.splitlines():
        read_me.append([line])
    read_me.column_dimensions["A"].width = 120
    for title, columns in _sheet_columns(cohort).items():
        sheet = book.create_sheet(title)
        for row in (list(columns), *zip(*columns.values(), strict=True)):
            sheet.append(row)
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "C2" if "Arm" in columns else "A2"
    properties = book.properties
    properties.title = properties.subject = properties.keywords = SYNTHETIC
    properties.creator = "d_q_trial reconstruct"
    properties.created = properties.modified = _DATE
    book.custom_doc_props.append(StringProperty(name="synthetic", value="true"))
    with atomic(path) as temporary:
        book.save(temporary)
        set_fixed_date(temporary, _DATE)


def _sheet_columns(cohort: Cohort) -> dict[str, dict[str, list]]:
    """Return the columns of each sheet by header."""
    design, trial = cohort.design, cohort.design.trial
    ids = [f"S{number:02d}" for number in range(1, cohort.arm.size + 1)]
    id_and_arm = {"ID": ids, "Arm": [trial.analysed_arms[arm].label for arm in cohort.arm]}
    measured_once, follow_up, sasp = {}, {}, {}  # columns by header
    codebook = [("Variable", "Unit", "Meaning"), *((name, "", design.codebook[name]) for name in ("ID", "Arm"))]
    for key, outcome in trial.outcomes.items():
        if key not in design.continuous:
            measured_once[outcome.label] = ["yes" if cell else "no" for cell in cohort.cells[key, BASELINE]]
            codebook.append((outcome.label, "", "yes or no"))
            continue
        decimals = design.decimals[key]
        columns = measured_once if not outcome.follow_up else sasp if outcome.family == "sasp" else follow_up
        for visit in (BASELINE, *outcome.follow_up):
            values = cohort.values(key, visit).tolist()
            columns[_header(outcome, visit.replace("_", " ") if outcome.follow_up else "")] = [
                None if np.isnan(value) else round(value, decimals) if decimals else int(value) for value in values
            ]
        meaning = "whole numbers" if decimals == 0 else f"recorded to {10.0**-decimals:g}"
        if outcome.follow_up:
            weeks = ", ".join(visit.removeprefix("week_") for visit in outcome.follow_up)
            meaning += f"; at baseline and at weeks {weeks}"
        codebook.append((outcome.label, outcome.unit, meaning))
    age = cohort.population["age"].tolist()
    population = {"ID": [f"P{number + 1:03d}" for number in range(len(age))], _header(trial.outcomes[design.age]): age}
    for key, values in cohort.markers.items():
        marker = trial.markers[key]
        measured_once[_header(marker)], population[_header(marker)] = values.tolist(), cohort.population[key].tolist()
        codebook.append((marker.label, marker.unit, design.codebook["Marker"]))
    sheets = {
        "Participants": id_and_arm | measured_once | follow_up,
        "SASP": id_and_arm | sasp if sasp else {},
        "p16 by age": population if age else {},
        "Codebook": {name: column for name, *column in zip(*codebook, strict=True)},
    }
    return {title: columns for title, columns in sheets.items() if columns}


def _header(variable: Outcome | Marker, visit: str = "") -> str:
    return " ".join(filter(None, (variable.label, visit, f"({variable.unit})" if variable.unit else "")))
