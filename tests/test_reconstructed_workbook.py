"""The bundled cohort, by code that shares nothing with the one that made it."""

import zipfile

import pandas as pd
import pytest
from printed_checks import Cohort, checks, finite_share

WORKBOOK = "data/reconstructed.xlsx"


@pytest.fixture(scope="module")
def cohort():
    return Cohort(WORKBOOK)


def test_every_printed_number_comes_out_of_the_bundled_cohort():
    found = checks(WORKBOOK)
    missed = [f"{what}: printed {printed}, recomputed {value}" for what, printed, value, agrees in found if not agrees]
    assert missed == []
    assert len(found) > 656


def test_a_single_swapped_value_breaks_a_printed_number(tmp_path):
    import openpyxl

    book = openpyxl.load_workbook(WORKBOOK)
    sheet = book["Participants"]
    column = next(cell.column for cell in sheet[1] if cell.value == "P1NP week 2 (µg/L)")
    cells = [sheet.cell(row, column) for row in range(2, 62)]
    highest = max(cells, key=lambda cell: cell.value)
    highest.value = round(highest.value * 3, 1)
    path = tmp_path / "changed.xlsx"
    book.save(path)
    assert not all(agrees for *_, agrees in checks(path))


def test_first_sheet_and_document_properties_say_that_the_data_are_synthetic():
    first = pd.read_excel(WORKBOOK, sheet_name=0, header=None, engine="openpyxl")
    with pd.ExcelFile(WORKBOOK, engine="openpyxl") as book:
        assert book.sheet_names[0] == "READ ME"
    assert first.iloc[0, 0] == "SYNTHETIC DATA: not the participants of the trial"
    text = " ".join(first[0].dropna())
    assert "1480" in text
    assert "--seed" in text
    assert "no evidence that the printed numbers are correct" in text
    with zipfile.ZipFile(WORKBOOK) as archive:
        core = archive.read("docProps/core.xml").decode()
        custom = archive.read("docProps/custom.xml").decode()
    assert core.count("Synthetic data: not the trial's participants") == 3  # title, subject, keywords
    assert 'name="synthetic"' in custom
    assert "<vt:lpwstr>true</vt:lpwstr>" in custom


def test_no_date_in_the_file_but_the_fixed_one():
    with zipfile.ZipFile(WORKBOOK) as archive:
        assert {info.date_time[:3] for info in archive.infolist()} == {(2024, 7, 2)}


def test_strata_hold_the_women_that_the_paper_counts(cohort):
    upper = cohort.upper["p16_variant_5"]
    assert upper.sum() == 21
    assert cohort.arm[upper].value_counts().to_dict() == {"control": 11, "d_q": 10}
    assert cohort.upper["p16_variant_1+5"].sum() == 20


def test_recorded_decimals_are_those_of_a_laboratory(cohort):
    decimals = {"calcium": 1, "phosphorus": 1, "vitamin_d_25oh": 0, "p1np": 1, "ctx": 3, "bmd_radius": 3, "weight": 1}
    for (outcome, _), column in cohort.columns.items():
        if outcome in decimals:
            pd.testing.assert_series_equal(column, column.round(decimals[outcome]))


def test_weight_and_bmi_agree_on_a_height(cohort):
    height = (cohort.columns["weight", "baseline"] / cohort.columns["bmi", "baseline"]) ** 0.5
    assert height.between(1.45, 1.81).all()


def test_visits_of_a_woman_go_together(cohort):
    for outcome, visit, least in (
        ("ctx", "week_2", 0.7),
        ("ctx", "week_20", 0.7),
        ("p1np", "week_2", 0.7),
        ("p1np", "week_20", 0.7),
        ("bmd_radius", "week_20", 0.9),
        ("bmd_femur_neck", "week_20", 0.9),
        ("bmd_lumbar_spine", "week_20", 0.9),
    ):
        assert cohort.columns[outcome, "baseline"].corr(cohort.columns[outcome, visit], method="spearman") > least


def test_markers_go_with_age_and_with_each_other(cohort):
    five, one_and_five = (cohort.columns[key, "baseline"] for key in ("p16_variant_5", "p16_variant_1+5"))
    assert 0.2 < five.corr(one_and_five, method="spearman") < 0.9
    assert 0 < one_and_five.corr(cohort.columns["age", "baseline"], method="spearman") < 0.3


def test_table_is_full_but_for_the_women_who_left():
    assert 0.98 < finite_share(WORKBOOK) < 1
