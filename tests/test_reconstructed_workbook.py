"""The bundled cohort is labelled as synthetic, and its columns resemble those of participants."""

import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
from pipeline import LABEL, run_config

SITES = ("bmd_radius", "bmd_femur_neck", "bmd_lumbar_spine")


def pivot(cohort):
    """Return the trial's participants or the population sample, with a column per variable and visit."""
    frame = run_config().participants.frame
    rows = frame[frame["cohort"].eq(cohort) & frame["value"].notna()]
    return rows.pivot(index="participant", columns=["variable", "visit"], values="value")


@pytest.fixture(scope="module")
def cohort():
    return pivot("trial")


def test_first_sheet_and_document_properties_state_that_the_data_are_synthetic_and_no_date_of_writing():
    book = openpyxl.load_workbook("data/reconstructed.xlsx")
    assert book.sheetnames[0] == "READ ME"
    lines = [str(row[0]) for row in book["READ ME"].values]
    assert lines[0] == "SYNTHETIC DATA: not the participants of the trial"
    for phrase in ("1480", "--seed", "no evidence that the printed numbers are correct"):
        assert phrase in " ".join(lines)
    assert {book.properties.title, book.properties.subject, book.properties.keywords} == {LABEL}
    assert book.custom_doc_props["synthetic"].value == "true"
    with zipfile.ZipFile("data/reconstructed.xlsx") as archive:
        assert {info.date_time[:3] for info in archive.infolist()} == {(2024, 7, 2)}


def test_values_have_the_decimals_of_a_laboratory_and_weight_and_bmi_imply_a_height(cohort):
    decimals = {"calcium": 1, "phosphorus": 1, "vitamin_d_25oh": 0, "p1np": 1, "ctx": 3, "bmd_radius": 3, "weight": 1}
    for outcome, digits in decimals.items():
        pd.testing.assert_frame_equal(cohort[outcome], cohort[outcome].round(digits))
    assert ((cohort["weight"] / cohort["bmi"]) ** 0.5).stack().between(1.45, 1.81).all()


@pytest.mark.parametrize(
    ("first", "second", "method", "low", "high"),
    [
        (("weight", "baseline"), ("bmi", "baseline"), "spearman", 0.75, 0.97),
        (("p16_variant_5", "baseline"), ("p16_variant_1+5", "baseline"), "spearman", 0.3, 0.9),
        (("p16_variant_1+5", "baseline"), ("age", "baseline"), "spearman", 0, 0.3),
        # Bone density varies less within than between participants.
        *(((site, "baseline"), (site, "week_20"), "pearson", 0.93, 1) for site in SITES),
    ],
)
def test_columns_correlate_like_those_of_participants(cohort, first, second, method, low, high):
    assert low < cohort[first].corr(cohort[second], method=method) < high


@pytest.mark.parametrize("outcome", ["ctx", "p1np"])
def test_turnover_of_a_participant_correlates_over_all_visits(cohort, outcome):
    correlations = np.log(cohort[outcome]).corr().to_numpy()[np.triu_indices(4, 1)]
    assert 0.75 < correlations.min() <= correlations.max() < 0.95
    assert 0.8 < correlations.mean() < 0.9


def test_proteins_correlate_with_each_other_and_over_visits(cohort):
    sasp = cohort[[name for name in cohort.columns.levels[0] if name.startswith("sasp_")]]
    before, after = (sasp.xs(visit, axis=1, level="visit") for visit in ("baseline", "week_2"))
    assert before.shape[1] == 36
    assert 0.15 < before.corr(method="spearman").to_numpy()[np.triu_indices(36, 1)].mean() < 0.5
    assert 0.7 < before.corrwith(after, method="spearman").median() < 0.97


def test_columns_have_few_repeated_and_few_missing_values(cohort):
    # Gro-alpha is the exception: its reported P of 0.435 exists only with five equal changes and a pair.
    for (name, visit), column in cohort.drop(columns=["smoker", "sasp_gro_alpha"], level="variable").items():
        values = column.dropna()
        possible = np.ptp(values) * 10 ** max(len(f"{v:.10g}".partition(".")[2]) for v in values)
        if possible > 5000:  # of 60 values, more than three pairs are unlikely by chance
            assert len(values) - values.nunique() <= 3, (name, visit)
        if visit != "baseline":
            assert (column == cohort[name, "baseline"]).sum() <= 4, (name, visit)
    assert 0.98 < cohort.notna().mean(axis=None) < 1  # a few participants withdrew


def test_the_population_sample_has_the_reported_ages_and_p16_increases_with_age():
    sample = pivot("population").droplevel("visit", axis=1)
    age = sample["age"]
    assert (len(age), age.min(), age.max(), (age < 60).sum()) == (228, 23, 88, 42)
    for marker in ("p16_variant_5", "p16_variant_1+5"):
        assert 0.2 < age.corr(sample[marker], method="spearman") < 0.7
        assert age[age >= 60].corr(sample[marker][age >= 60], method="spearman") > 0.1
