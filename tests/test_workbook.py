"""Reading whole workbooks."""

from pathlib import Path

import pytest
from layouts import cohort, writers

from d_q_trial.trial import load_trial
from d_q_trial.workbook.reader import read_workbook

ROOT = Path(__file__).resolve().parents[1]


def as_values(participants):
    """Values by cohort, participant, variable, visit and measure."""
    frame = participants.frame
    keys = zip(frame.cohort, frame.participant, frame.variable, frame.visit, frame.measure, strict=True)
    return dict(zip(keys, frame.value, strict=True))


def expected_values(made):
    return {
        ("trial", identity, variable, visit, "value"): value
        for (variable, visit), cells in made.values.items()
        for identity, value in cells.items()
    }


def test_wide_workbook_gives_every_value_once(tmp_path):
    made = cohort.make()
    read = read_workbook(writers.write("wide", made, tmp_path / "wide.xlsx"), cohort.trial())
    values = {key: value for key, value in as_values(read).items() if key[0] == "trial"}
    assert values == expected_values(made)
    assert len(read.frame[read.frame.cohort == "trial"]) == len(values)
    arms = read.frame[read.frame.cohort == "trial"].groupby("participant").arm.first().to_dict()
    assert arms == made.arms
    assert read.label is None


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
    book = load_workbook(path)
    if place == "sheet":
        book.worksheets[0]["A3"] = "Synthetic data: not the trial's participants."
    else:
        book.properties.description = "synthetic data, made from printed summaries"
    book.save(path)
    assert read_workbook(path, cohort.trial()).label == "Synthetic data: not the trial's participants"
