"""The bundled cohort, by code that shares nothing with the one that made it."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from reported_checks import Cohort, checks, finite_share

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


@pytest.mark.parametrize("outcome", ["ctx", "p1np"])
def test_turnover_of_a_woman_keeps_its_level_over_all_visits(cohort, outcome):
    visits = {visit: np.log(column) for (name, visit), column in cohort.columns.items() if name == outcome}
    assert len(visits) == 4
    found = pd.DataFrame(visits).corr().to_numpy()[np.triu_indices(4, 1)]
    assert found.min() > 0.75
    assert found.max() < 0.95
    assert 0.8 < found.mean() < 0.9


@pytest.mark.parametrize("site", ["bmd_radius", "bmd_femur_neck", "bmd_lumbar_spine"])
def test_bone_density_of_a_woman_changes_less_than_women_differ(cohort, site):
    assert 0.93 < cohort.columns[site, "baseline"].corr(cohort.columns[site, "week_20"]) < 1


def test_weight_goes_with_bmi(cohort):
    assert 0.75 < cohort.columns["weight", "baseline"].corr(cohort.columns["bmi", "baseline"], method="spearman") < 0.97


def test_proteins_go_with_each_other_and_with_themselves(cohort):
    baseline = pd.DataFrame(
        {name: c for (name, visit), c in cohort.columns.items() if (name[:5], visit[:1]) == ("sasp_", "b")}
    )
    among = baseline.corr(method="spearman").to_numpy()[np.triu_indices(36, 1)]
    assert 0.15 < among.mean() < 0.5
    later = [column.corr(cohort.columns[name, "week_2"], method="spearman") for name, column in baseline.items()]
    assert len(later) == 36
    assert 0.7 < np.median(later) < 0.97


def test_no_column_has_more_repeats_than_its_decimals_explain(cohort):
    # Gro-alpha is the exception: its printed P of 0.435 exists with five equal changes and a pair only.
    for (name, visit), column in cohort.columns.items():
        values = column.dropna()
        if name == "smoker" or name == "sasp_groalpha":
            continue
        cells = np.ptp(values) * 10 ** max(len(f"{v:.10g}".partition(".")[2]) for v in values)
        if cells > 5000:  # 60 values on so many places: by chance hardly three pairs
            assert len(values) - values.nunique() <= 3, (name, visit)
        if visit != "baseline":
            assert (column == cohort.columns[name, "baseline"]).sum() <= 4, (name, visit)


def test_markers_go_with_age_and_with_each_other(cohort):
    five, one_and_five = (cohort.columns[key, "baseline"] for key in ("p16_variant_5", "p16_variant_1+5"))
    assert 0.3 < five.corr(one_and_five, method="spearman") < 0.9
    assert 0 < one_and_five.corr(cohort.columns["age", "baseline"], method="spearman") < 0.3


def test_table_is_full_but_for_the_women_who_left():
    assert 0.98 < finite_share(WORKBOOK) < 1


def test_population_sample_has_the_ages_that_the_article_gives_and_p16_rises_with_them(cohort):
    age = cohort.population["Age (years)"]
    assert len(age) == 228
    assert (age.min(), age.max()) == (23, 88)
    assert (age < 60).sum() == 42
    for marker in ("p16 variant 5 (AU)", "p16 variant 1+5 (AU)"):
        assert 0.2 < age.corr(cohort.population[marker], method="spearman") < 0.7
        assert age[age >= 60].corr(cohort.population[marker][age >= 60], method="spearman") > 0.1
