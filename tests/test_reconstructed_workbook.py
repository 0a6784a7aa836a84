"""The bundled cohort, by code that shares nothing with the one that made it."""

import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
from reported_checks import Cohort, checks

WORKBOOK = "data/reconstructed.xlsx"


@pytest.fixture(scope="module")
def cohort():
    return Cohort(WORKBOOK)


def test_every_reported_number_comes_out_of_the_bundled_cohort():
    found = checks(WORKBOOK)
    assert [check for check in found if not check[3]] == []
    assert len(found) > 656


def test_a_single_changed_value_breaks_a_reported_number(tmp_path):
    book = openpyxl.load_workbook(WORKBOOK)
    sheet = book["Participants"]
    column = next(cell.column for cell in sheet[1] if cell.value == "P1NP week 2 (µg/L)")
    highest = max((sheet.cell(row, column) for row in range(2, 62)), key=lambda cell: cell.value)
    highest.value = round(highest.value * 3, 1)
    book.save(tmp_path / "changed.xlsx")
    assert not all(agrees for *_, agrees in checks(tmp_path / "changed.xlsx"))


def test_first_sheet_and_document_properties_say_that_the_data_are_synthetic_and_hold_no_date_of_writing():
    book = openpyxl.load_workbook(WORKBOOK)
    assert book.sheetnames[0] == "READ ME"
    lines = [str(row[0]) for row in book["READ ME"].values]
    assert lines[0] == "SYNTHETIC DATA: not the participants of the trial"
    for words in ("1480", "--seed", "no evidence that the printed numbers are correct"):
        assert words in " ".join(lines)
    about = book.properties
    assert {about.title, about.subject, about.keywords} == {"Synthetic data: not the trial's participants"}
    assert book.custom_doc_props["synthetic"].value == "true"
    with zipfile.ZipFile(WORKBOOK) as archive:
        assert {info.date_time[:3] for info in archive.infolist()} == {(2024, 7, 2)}


def test_strata_hold_the_participants_that_the_paper_counts(cohort):
    upper = cohort.upper["p16_variant_5"]
    assert cohort.arm[upper].value_counts().to_dict() == {"control": 11, "d_q": 10}
    assert cohort.upper["p16_variant_1+5"].sum() == 20


def test_recorded_decimals_are_those_of_a_laboratory(cohort):
    decimals = {"calcium": 1, "phosphorus": 1, "vitamin_d_25oh": 0, "p1np": 1, "ctx": 3, "bmd_radius": 3, "weight": 1}
    for (outcome, _), column in cohort.columns.items():
        if outcome in decimals:
            pd.testing.assert_series_equal(column, column.round(decimals[outcome]))


def test_weight_and_bmi_agree_on_a_height(cohort):
    weight, bmi = (cohort.columns[key, "baseline"] for key in ("weight", "bmi"))
    assert ((weight / bmi) ** 0.5).between(1.45, 1.81).all()


@pytest.mark.parametrize(
    ("first", "second", "method", "low", "high"),
    [
        (("weight", "baseline"), ("bmi", "baseline"), "spearman", 0.75, 0.97),
        (("p16_variant_5", "baseline"), ("p16_variant_1+5", "baseline"), "spearman", 0.3, 0.9),
        (("p16_variant_1+5", "baseline"), ("age", "baseline"), "spearman", 0, 0.3),
        # Bone density of a participant changes less than participants differ.
        (("bmd_radius", "baseline"), ("bmd_radius", "week_20"), "pearson", 0.93, 1),
        (("bmd_femur_neck", "baseline"), ("bmd_femur_neck", "week_20"), "pearson", 0.93, 1),
        (("bmd_lumbar_spine", "baseline"), ("bmd_lumbar_spine", "week_20"), "pearson", 0.93, 1),
    ],
)
def test_columns_correlate_as_those_of_participants_do(cohort, first, second, method, low, high):
    assert low < cohort.columns[first].corr(cohort.columns[second], method=method) < high


@pytest.mark.parametrize("outcome", ["ctx", "p1np"])
def test_turnover_of_a_participant_keeps_its_level_over_all_visits(cohort, outcome):
    visits = {visit: np.log(column) for (name, visit), column in cohort.columns.items() if name == outcome}
    found = pd.DataFrame(visits).corr().to_numpy()[np.triu_indices(4, 1)]
    assert 0.75 < found.min() <= found.max() < 0.95
    assert 0.8 < found.mean() < 0.9


def test_proteins_correlate_with_each_other_and_with_themselves(cohort):
    sasp = {visit: {} for visit in ("baseline", "week_2")}
    for (name, visit), column in cohort.columns.items():
        if name.startswith("sasp_"):
            sasp[visit][name] = column
    among = pd.DataFrame(sasp["baseline"]).corr(method="spearman").to_numpy()[np.triu_indices(36, 1)]
    assert 0.15 < among.mean() < 0.5
    later = [column.corr(sasp["week_2"][name], method="spearman") for name, column in sasp["baseline"].items()]
    assert len(later) == 36
    assert 0.7 < np.median(later) < 0.97


def test_no_column_has_more_repeats_than_its_decimals_explain(cohort):
    # Gro-alpha is the exception: its reported P of 0.435 exists with five equal changes and a pair only.
    for (name, visit), column in cohort.columns.items():
        values = column.dropna()
        if name in ("smoker", "sasp_gro_alpha"):
            continue
        cells = np.ptp(values) * 10 ** max(len(f"{v:.10g}".partition(".")[2]) for v in values)
        if cells > 5000:  # 60 values on so many places: by chance hardly three pairs
            assert len(values) - values.nunique() <= 3, (name, visit)
        if visit != "baseline":
            assert (column == cohort.columns[name, "baseline"]).sum() <= 4, (name, visit)


def test_table_is_full_but_for_the_participants_who_left(cohort):
    assert 0.98 < np.mean([column.notna().mean() for column in cohort.columns.values()]) < 1


def test_population_sample_has_the_ages_that_the_article_gives_and_p16_rises_with_them(cohort):
    age = cohort.population["Age (years)"]
    assert (len(age), age.min(), age.max(), (age < 60).sum()) == (228, 23, 88, 42)
    for marker in ("p16 variant 5 (AU)", "p16 variant 1+5 (AU)"):
        assert 0.2 < age.corr(cohort.population[marker], method="spearman") < 0.7
        assert age[age >= 60].corr(cohort.population[marker][age >= 60], method="spearman") > 0.1
