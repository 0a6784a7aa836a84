"""The same cohort in many layouts gives the same participants, in any order of rows, columns and sheets."""

import random
from functools import cache

import pandas as pd
import pipeline
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import writers
from pipeline import LABEL, TRIAL

from d_q_trial.claims import FAILURES
from d_q_trial.config.settings import StrataRule
from d_q_trial.errors import UserError
from d_q_trial.results_table import KEYS
from d_q_trial.workbook.reader import read_workbook

# Layouts that need a mapping, and the error without it.
ANSWERS = {
    "coded": ("arms: {0: control, 1: d_q}", "not an arm of the trial"),
    "transposed": ("transpose: [Sheet1]", r"write transpose: \[Sheet1\]"),
}
SMALL = ["age", "weight", "smoker", "vitamin_d_25oh", "ctx", "p1np", "bmd_radius", "bmd_femur_neck", "sasp_il6"]


def compute_results(participants):
    """Return the results of the published analysis, sorted by their keys."""
    results = pipeline.run(participants, TRIAL, pipeline.PUBLISHED, also=()).results
    return results.sort_values(list(KEYS)).reset_index(drop=True)


@pytest.fixture(scope="module")
def expected_results(tmp_path_factory):
    path = writers.save(writers.wide, writers.invent(outcomes=SMALL), tmp_path_factory.mktemp("wide") / "book.xlsx")
    return compute_results(read_workbook(path, TRIAL))


@pytest.mark.parametrize("name", list(writers.WRITERS))
def test_layout_and_its_proposed_mapping_give_the_same_participants_population_and_results(
    tmp_path, name, expected_results, forget_names
):
    drawn = writers.invent(outcomes=SMALL)
    path = writers.save(writers.WRITERS[name], drawn, tmp_path / "book.xlsx")
    mapping = tmp_path / "answers.yaml" if name in ANSWERS else None
    if mapping:
        mapping.write_text(ANSWERS[name][0])
        with pytest.raises(UserError, match=ANSWERS[name][1]):
            read_workbook(path, TRIAL)
    participants = read_workbook(path, TRIAL, mapping)
    frame, sample = (participants.frame[participants.frame.cohort == which] for which in ("trial", "population"))
    keys = ["participant", "arm", "variable", "visit", "measure"]
    assert frame.linked.all()
    assert not frame.duplicated(keys).any()
    assert frame.set_index(keys).value.to_dict() == {
        (identity, drawn.arms[identity], variable, visit, "value"): value
        for (variable, visit), cells in drawn.values.items()
        for identity, value in cells.items()
    }
    people = sample.pivot(index="participant", columns="variable", values="value")
    assert sorted(people.to_dict("records"), key=lambda p: p["age"]) == sorted(drawn.population, key=lambda p: p["age"])
    pd.testing.assert_frame_equal(compute_results(participants), expected_results)
    proposed = writers.propose_mapping(path, mapping)
    forget_names()
    assert read_workbook(path, TRIAL, proposed).frame.equals(participants.frame)


def test_panels_by_stratum_give_marker_stratum_and_arm_also_by_their_proposed_mapping(tmp_path, forget_names):
    drawn = writers.invent(outcomes=SMALL)
    path = writers.save(writers.by_stratum, drawn, tmp_path / "strata.xlsx")
    frame, proposed = read_workbook(path, TRIAL).frame, writers.propose_mapping(path)
    forget_names()
    assert read_workbook(path, TRIAL, proposed).frame.equals(frame)
    for marker in TRIAL.markers:
        upper = writers.split_thirds(drawn, marker)[2]
        for stratum, ids in (("T3", upper), ("T1/T2", set(drawn.arms) - upper)):
            panel = frame[frame.marker.eq(marker) & frame.stratum.eq(stratum)]
            for arm in writers.ARMS:
                rows = panel[panel.variable.eq("ctx") & panel.visit.eq("week_20") & panel.arm.eq(arm)]
                assert sorted(rows.value) == pytest.approx(sorted(writers.changes(drawn, "ctx", "week_20", arm, ids)))
            rows = panel[panel.variable.eq("sasp_il6") & panel.measure.eq("value")]
            assert set(rows.visit + rows.arm) == {"baseline"}
            assert sorted(rows.value) == sorted(drawn.values["sasp_il6", "baseline"][i] for i in ids)


def test_first_sheet_or_a_property_labels_a_workbook_as_synthetic(tmp_path):
    book, path = writers.build(writers.wide, writers.invent(outcomes=["ctx"])), tmp_path / "wide.xlsx"
    sheet, description = "Synthetic data: not the trial's participants.", "synthetic data, made from printed summaries"
    for texts, label in (((None, None), None), ((sheet, None), LABEL), ((None, description), LABEL)):
        book.worksheets[0]["A3"], book.properties.description = texts
        book.save(path)
        assert read_workbook(path, TRIAL).label == label, texts


def read_values(path, book):
    """Save a workbook and return the values that are read from it, also by the mapping that is proposed."""
    book.save(path)
    frame = read_workbook(path, TRIAL).frame
    assert read_workbook(path, TRIAL, writers.propose_mapping(path)).frame.equals(frame)
    people = frame.participant.where(frame.cohort == "trial", "")  # those of the population are numbered by their rows
    columns = ["cohort", "variable", "visit", "participant", "value", "arm", "measure"]
    return sorted(frame.assign(participant=people)[columns].values.tolist())


@cache
def build_layout(name, path):
    """Return the cells of a layout by sheet, with the header in the first row, and the values that are read."""
    drawn = writers.invent(outcomes=["age", "smoker", "ctx", "bmd_radius", "sasp_il6"])
    book = writers.build(writers.WRITERS[name], drawn)
    rows = {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}
    return rows, read_values(path, book)


@pytest.mark.parametrize("name", ["wide", "sheet_per_visit", "long_by_visit", "long_by_variable"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_rows_columns_and_sheets_does_not_change_the_values(name, tmp_path_factory, seed):
    order, path = random.Random(seed), tmp_path_factory.getbasetemp() / "shuffled.xlsx"
    content, values = build_layout(name, path)
    shuffled = {}
    for title in order.sample(list(content), len(content)):
        header, *rows = content[title]
        columns = order.sample(range(len(header)), len(header))
        shuffled[title] = [[row[column] for column in columns] for row in [header, *order.sample(rows, len(rows))]]
    assert len(values) > 100
    assert read_values(path, writers.workbook(shuffled)) == values


# Layouts with a part of the bundled cohort, their mapping, and the numbers of reported values that are reproduced and that
# are within the reported bound. Titled panels lack ids, and so the correlation with age; changes beside a tertile lack the
# other marker.
PARTS = {
    "titled panels": (writers.titled_panels, "", 827, 31),
    "changes beside a tertile": (writers.changes_beside_a_tertile, "strata: {1: T1/T2, 3: T3}", 815, 19),
}
BY_TERTILE = StrataRule(by="column", column="p16 variant 5 tertile", labels=["T1/T2", "T3"])


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_layout_of_a_part_of_the_bundled_cohort_reproduces_its_values_and_adds_no_failure(tmp_path, name):
    write, mapping, reproduced, within = PARTS[name]
    base = pipeline.run_config()
    path = writers.save(write, writers.cohort_from_frame(base.participants.frame), tmp_path / "book.xlsx")
    (tmp_path / "mapping.yaml").write_text(mapping)
    read = read_workbook(path, base.trial, tmp_path / "mapping.yaml" if mapping else None)
    by = {"strata": BY_TERTILE} if read.frame["text"].any() else {}
    judged = pipeline.run(read, base.trial, base.analysis.model_copy(update=by)).verdicts()
    tables = judged, base.verdicts()
    failed, failed_before = (set(table.loc[table["verdict"].isin(FAILURES), "claim"]) for table in tables)
    assert failed <= failed_before
    counts = judged["verdict"].value_counts()
    assert (counts["reproduced"], counts["within the reported bound"]) == (reproduced, within)
