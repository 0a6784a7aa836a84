"""The bundled cohort: it says that it is synthetic, and its columns are like those of participants."""

import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pytest
from pipeline import LABEL, run_config

WORKBOOK = "data/reconstructed.xlsx"
SITES = ("bmd_radius", "bmd_femur_neck", "bmd_lumbar_spine")


def wide(cohort):
    """Values of the trial's participants or of the population sample, with a column per variable and visit."""
    frame = run_config().participants.frame
    own = frame[frame["cohort"].eq(cohort) & frame["value"].notna()]
    return own.pivot(index="participant", columns=["variable", "visit"], values="value")


@pytest.fixture(scope="module")
def cohort():
    return wide("trial")


def test_first_sheet_and_document_properties_say_that_the_data_are_synthetic_and_hold_no_date_of_writing():
    book = openpyxl.load_workbook(WORKBOOK)
    assert book.sheetnames[0] == "READ ME"
    lines = [str(row[0]) for row in book["READ ME"].values]
    assert lines[0] == "SYNTHETIC DATA: not the participants of the trial"
    for words in ("1480", "--seed", "no evidence that the printed numbers are correct"):
        assert words in " ".join(lines)
    about = book.properties
    assert {about.title, about.subject, about.keywords} == {LABEL}
    assert book.custom_doc_props["synthetic"].value == "true"
    with zipfile.ZipFile(WORKBOOK) as archive:
        assert {info.date_time[:3] for info in archive.infolist()} == {(2024, 7, 2)}


def test_recorded_decimals_are_those_of_a_laboratory_and_weight_and_bmi_agree_on_a_height(cohort):
    decimals = {"calcium": 1, "phosphorus": 1, "vitamin_d_25oh": 0, "p1np": 1, "ctx": 3, "bmd_radius": 3, "weight": 1}
    for outcome, places in decimals.items():
        pd.testing.assert_frame_equal(cohort[outcome], cohort[outcome].round(places))
    assert ((cohort["weight"] / cohort["bmi"]) ** 0.5).stack().between(1.45, 1.81).all()


@pytest.mark.parametrize(
    ("first", "second", "method", "low", "high"),
    [
        (("weight", "baseline"), ("bmi", "baseline"), "spearman", 0.75, 0.97),
        (("p16_variant_5", "baseline"), ("p16_variant_1+5", "baseline"), "spearman", 0.3, 0.9),
        (("p16_variant_1+5", "baseline"), ("age", "baseline"), "spearman", 0, 0.3),
        # Bone density of a participant changes less than participants differ.
        *(((site, "baseline"), (site, "week_20"), "pearson", 0.93, 1) for site in SITES),
    ],
)
def test_columns_correlate_as_those_of_participants_do(cohort, first, second, method, low, high):
    assert low < cohort[first].corr(cohort[second], method=method) < high


@pytest.mark.parametrize("outcome", ["ctx", "p1np"])
def test_turnover_of_a_participant_keeps_its_level_over_all_visits(cohort, outcome):
    found = np.log(cohort[outcome]).corr().to_numpy()[np.triu_indices(4, 1)]
    assert 0.75 < found.min() <= found.max() < 0.95
    assert 0.8 < found.mean() < 0.9


def test_proteins_correlate_with_each_other_and_with_themselves(cohort):
    sasp = cohort[[name for name in cohort.columns.levels[0] if name.startswith("sasp_")]]
    before, after = (sasp.xs(visit, axis=1, level="visit") for visit in ("baseline", "week_2"))
    assert before.shape[1] == 36
    assert 0.15 < before.corr(method="spearman").to_numpy()[np.triu_indices(36, 1)].mean() < 0.5
    assert 0.7 < before.corrwith(after, method="spearman").median() < 0.97


def test_no_column_has_more_repeats_than_its_decimals_explain_or_many_missing_values(cohort):
    # Gro-alpha is the exception: its reported P of 0.435 exists with five equal changes and a pair only.
    for (name, visit), column in cohort.drop(columns=["smoker", "sasp_gro_alpha"], level="variable").items():
        values = column.dropna()
        cells = np.ptp(values) * 10 ** max(len(f"{v:.10g}".partition(".")[2]) for v in values)
        if cells > 5000:  # 60 values on so many places: by chance hardly three pairs
            assert len(values) - values.nunique() <= 3, (name, visit)
        if visit != "baseline":
            assert (column == cohort[name, "baseline"]).sum() <= 4, (name, visit)
    assert 0.98 < cohort.notna().mean(axis=None) < 1  # a few participants left


def test_population_sample_has_the_ages_that_the_article_gives_and_p16_rises_with_them():
    sample = wide("population").droplevel("visit", axis=1)
    age = sample["age"]
    assert (len(age), age.min(), age.max(), (age < 60).sum()) == (228, 23, 88, 42)
    for marker in ("p16_variant_5", "p16_variant_1+5"):
        assert 0.2 < age.corr(sample[marker], method="spearman") < 0.7
        assert age[age >= 60].corr(sample[marker][age >= 60], method="spearman") > 0.1
