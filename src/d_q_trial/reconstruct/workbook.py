"""Write a synthetic cohort as an Excel workbook that says what it is; the same cohort gives the same bytes."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path

import numpy as np

from ..files import atomic, set_fixed_date
from ..trial import BASELINE
from .design import Cohort

_DATE = datetime.datetime(2024, 7, 2)


def write_workbook(cohort: Cohort, path: Path | str) -> None:
    """Write sheets ``READ ME``, ``Participants``, ``SASP``, ``p16 by age`` and ``Codebook``, whole or not at all."""
    from openpyxl import Workbook
    from openpyxl.packaging.custom import StringProperty
    from openpyxl.styles import Font

    book = Workbook()
    read_me = book.active
    read_me.title = "READ ME"
    for line in _read_me(cohort):
        read_me.append([line])
    read_me.column_dimensions["A"].width = 120
    for title, columns in _sheets(cohort).items():
        sheet = book.create_sheet(title)
        for row in (list(columns), *zip(*columns.values(), strict=True)):
            sheet.append(row)
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "C2" if "Arm" in columns else "A2"
    properties = book.properties
    properties.title = properties.subject = properties.keywords = cohort.design.label
    properties.creator = "d_q_trial reconstruct"
    properties.created = properties.modified = _DATE
    book.custom_doc_props.append(StringProperty(name="synthetic", value="true"))
    with atomic(path) as temporary:
        book.save(temporary)
        set_fixed_date(temporary, _DATE)


def _sheets(cohort: Cohort) -> dict[str, dict[str, list]]:
    """Return the sheets, each a column of cells per header."""
    design, trial = cohort.design, cohort.design.trial
    ids = [f"S{number + 1:02d}" for number in range(cohort.arm.size)]
    people = {"ID": ids, "Arm": [trial.analysed_arms[arm].label for arm in cohort.arm]}
    once: dict[str, list] = {}
    repeated: dict[bool, dict[str, list]] = {False: {}, True: {}}  # whether a SASP protein -> columns
    codes = [("Variable", "Unit", "Meaning"), ("ID", "", design.codebook["ID"]), ("Arm", "", design.codebook["Arm"])]
    for key, outcome in trial.outcomes.items():
        if outcome.kind == "binary":
            once[outcome.label] = ["yes" if cell else "no" for cell in cohort.cells[key, BASELINE]]
            codes.append((outcome.label, "", "yes or no"))
            continue
        decimals = design.decimals[key]
        for visit in (BASELINE, *outcome.follow_up):
            columns = repeated[outcome.family == "sasp"] if outcome.follow_up else once
            when = visit.replace("_", " ") if outcome.follow_up else ""
            columns[_header(outcome.label, when, outcome.unit)] = [
                None if np.isnan(v) else round(v, decimals) if decimals else int(v)
                for v in cohort.values(key, visit).tolist()
            ]
        meaning = "whole numbers" if decimals == 0 else f"recorded to {10.0**-decimals:g}"
        if outcome.follow_up:
            meaning += f"; at baseline and at weeks {', '.join(v.removeprefix('week_') for v in outcome.follow_up)}"
        codes.append((outcome.label, outcome.unit, meaning))
    age = cohort.population["age"]
    sample = {"ID": [f"P{number + 1:03d}" for number in range(age.size)]}
    sample[_header(trial.outcomes["age"].label, "", trial.outcomes["age"].unit)] = age.tolist()
    for key, values in cohort.markers.items():
        marker = trial.markers[key]
        header = _header(marker.label, "", marker.unit)
        once[header], sample[header] = values.tolist(), cohort.population[key].tolist()
        codes.append((marker.label, marker.unit, design.codebook["Marker"]))
    return {
        "Participants": people | once | repeated[False],
        "SASP": people | repeated[True],
        "p16 by age": sample,
        "Codebook": {name: rows for name, *rows in zip(*codes, strict=True)},
    }


def _header(label: str, when: str, unit: str) -> str:
    return " ".join(part for part in (label, when, f"({unit})" if unit else "") if part)


def _read_me(cohort: Cohort) -> list[str]:
    """Return the lines of the sheet, a cell each."""
    design, trial = cohort.design, cohort.design.trial
    absences: Counter[str] = Counter()
    for gone in design.absences:
        absences[f"{trial.analysed_arms[gone.arm].label}: {gone.why}"] += gone.number
    readings = [
        f"{trial.outcomes[given.outcome].label}, {given.visit.replace('_', ' ')}, "
        f"{trial.analysed_arms[given.group].label}: printed {given.reported}, read as {given.read_as}:\n"
        f"{given.why}. With this workbook the printed {given.reported} is a known difference."
        for given in design.readings
    ]
    words = {"label": design.label, "seed": cohort.seed, "cut": trial.cuts[0], "readings": "\n".join(readings)}
    return design.read_me.format(
        **words, absences="\n".join(f"{n} x {who}" for who, n in absences.items())
    ).splitlines()
