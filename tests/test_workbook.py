"""Reading whole workbooks."""

from pathlib import Path

import pytest
from layouts import cohort, writers

from d_q_trial.trial import load_trial
from d_q_trial.workbook.reader import read_workbook

ROOT = Path(__file__).resolve().parents[1]


def test_population_sample_keeps_age_and_marker_of_a_person_together(tmp_path):
    made = cohort.make()
    frame = read_workbook(writers.write("wide", made, tmp_path / "wide.xlsx"), cohort.trial()).frame
    people = frame[frame.cohort == "population"].pivot(index="participant", columns="variable", values="value")
    assert sorted(map(tuple, people[["age", "p16_variant_5"]].to_numpy())) == sorted(
        (person["age"], person["p16_variant_5"]) for person in made.population
    )


def test_real_trial_in_two_sheets_is_read_by_its_trial_file_alone():
    frame = read_workbook(ROOT / "data/pbc/pbc.xlsx", load_trial(ROOT / "data/pbc/trial.yaml")).frame
    counts = frame.groupby(["variable", "visit"]).size()
    assert counts["bilirubin", "baseline"] == 312
    assert counts["bilirubin", "month_6"] == 256
    assert counts["bilirubin", "year_1"] == 250
    assert set(frame.arm) == {"d_penicillamine", "placebo"}
    cell = frame[(frame.participant == "2") & (frame.variable == "bilirubin") & (frame.visit == "year_1")].iloc[0]
    assert (cell.value, cell.sheet, cell.cell) == (1.0, "Follow-up", "D4")


@pytest.mark.parametrize("place", ["sheet", "property"])
def test_synthetic_workbook_is_labelled_by_its_first_sheet_or_a_property(tmp_path, place):
    from openpyxl import load_workbook

    path = writers.write("wide", cohort.make(outcomes=["ctx"]), tmp_path / "wide.xlsx")
    assert read_workbook(path, cohort.trial()).label is None
    book = load_workbook(path)
    if place == "sheet":
        book.worksheets[0]["A3"] = "Synthetic data: not the trial's participants."
    else:
        book.properties.description = "synthetic data, made from printed summaries"
    book.save(path)
    assert read_workbook(path, cohort.trial()).label == "Synthetic data: not the trial's participants"
