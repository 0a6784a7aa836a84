"""Write a synthetic cohort as an Excel workbook that says what it is; the same cohort gives the same bytes."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import numpy as np

from ..files import atomic
from .cohort import BASELINE, Cohort
from .plan import Plan
from .read_me import ARM_LABELS, read_me_lines

_DATE = datetime.datetime(2024, 7, 2)


def write_workbook(cohort: Cohort, plan: Plan, path: Path | str) -> None:
    """Write sheets ``READ ME``, ``Participants``, ``SASP``, ``p16 by age`` and ``Codebook``, whole or not at all."""
    from openpyxl import Workbook
    from openpyxl.packaging.custom import StringProperty

    book = Workbook()
    read_me = book.active
    read_me.title = "READ ME"
    for line in read_me_lines(cohort, plan):
        read_me.append([line])
    read_me.column_dimensions["A"].width = 120
    _table(book.create_sheet("Participants"), *_participants(cohort, plan))
    _table(book.create_sheet("SASP"), *_sasp(cohort, plan))
    _table(book.create_sheet("p16 by age"), *_population(cohort, plan))
    _table(book.create_sheet("Codebook"), *_codebook(cohort, plan))
    properties = book.properties
    properties.title = properties.subject = properties.keywords = plan.label
    properties.creator = "d_q_trial reconstruct"
    properties.created = properties.modified = _DATE
    book.custom_doc_props.append(StringProperty(name="synthetic", value="true"))
    with atomic(path) as temporary:
        book.save(temporary)
        _fix_dates(temporary)


def _header(plan: Plan, outcome: str, visit: str = "") -> str:
    given = plan.outcomes[outcome]
    when = "baseline" if visit == BASELINE else f"week {visit.removeprefix('week_')}" if visit else ""
    unit = given.get("unit", "")
    return " ".join(part for part in (given["label"], when, f"({unit})" if unit else "") if part)


def _cells(cohort: Cohort, outcome: str, visit: str) -> list[float | int | None]:
    decimals = cohort.decimals[outcome]
    values = cohort.values(outcome, visit)
    return [None if np.isnan(v) else int(v) if decimals == 0 else round(float(v), decimals) for v in values]


def _participants(cohort: Cohort, plan: Plan):
    columns: list[tuple[str, list]] = [
        ("ID", cohort.people.ids),
        ("Arm", [ARM_LABELS[arm] for arm in cohort.people.arm]),
    ]
    plain = [key for key in plan.outcomes if not plan.visits(key)]
    repeated = [key for key in plan.outcomes if plan.visits(key) and plan.family(key) != "sasp"]
    for key in plain:
        if plan.outcomes[key].get("kind") == "binary":
            columns.append((plan.outcomes[key]["label"], ["yes" if smokes else "no" for smokes in cohort.smoker]))
        else:
            columns.append((_header(plan, key), _cells(cohort, key, BASELINE)))
    for key, values in cohort.markers.items():
        columns.append((_marker_header(plan, key), [float(value) for value in values]))
    for key in repeated:
        for visit in (BASELINE, *plan.visits(key)):
            columns.append((_header(plan, key, visit), _cells(cohort, key, visit)))
    return _rows(columns)


def _marker_header(plan: Plan, key: str) -> str:
    marker = plan.trial_markers[key]
    return f"{marker['label']} ({marker['unit']})" if marker.get("unit") else marker["label"]


def _sasp(cohort: Cohort, plan: Plan):
    columns: list[tuple[str, list]] = [
        ("ID", cohort.people.ids),
        ("Arm", [ARM_LABELS[arm] for arm in cohort.people.arm]),
    ]
    for key in plan.outcomes:
        if plan.family(key) == "sasp":
            for visit in (BASELINE, *plan.visits(key)):
                columns.append((_header(plan, key, visit), _cells(cohort, key, visit)))
    return _rows(columns)


def _population(cohort: Cohort, plan: Plan):
    age = cohort.population["age"]
    columns: list[tuple[str, list]] = [
        ("ID", [f"P{number + 1:03d}" for number in range(age.size)]),
        (_header(plan, "age"), [float(value) for value in age]),
    ]
    columns += [(_marker_header(plan, key), [float(v) for v in cohort.population[key]]) for key in plan.markers]
    return _rows(columns)


def _codebook(cohort: Cohort, plan: Plan):
    rows = [
        ["ID", "", "S..: participants; P..: population sample"],
        ["Arm", "", "Control: no treatment; D+Q: dasatinib plus quercetin"],
    ]
    for key, given in plan.outcomes.items():
        binary = given.get("kind") == "binary"
        meaning = "yes or no" if binary else _precision(cohort.decimals[key])
        if plan.visits(key):
            weeks = ", ".join(visit.removeprefix("week_") for visit in plan.visits(key))
            meaning += f"; at baseline and at weeks {weeks}"
        rows.append([given["label"], "" if binary else given.get("unit", ""), meaning])
    for key in plan.markers:
        rows.append(
            [plan.trial_markers[key]["label"], plan.trial_markers[key].get("unit", ""), "T cell p16 mRNA at baseline"]
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


def _fix_dates(path: Path) -> None:
    """Give every part of the archive one date, and the document the dates set above: saving writes the clock."""
    import re

    stamp = _DATE.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(path) as archive:
        parts = [(info.filename, archive.read(info.filename)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts:
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, content)
            info = zipfile.ZipInfo(name, _DATE.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            archive.writestr(info, content)
