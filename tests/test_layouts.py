"""The same cohort in many layouts gives the same participants; the order of rows, columns and sheets means nothing."""

import random
from functools import cache

import pipeline
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import cohort, writers
from openpyxl import Workbook, load_workbook

from d_q_trial.claims import FAILURES
from d_q_trial.config.settings import StrataRule
from d_q_trial.errors import UserError
from d_q_trial.workbook.reader import read_workbook

ASKED = {
    "coded": "not an arm of the trial",
    "coded_visits_in_rows": "not a visit of",
    "transposed": r"write transpose: \[Sheet1\]",
}
SMALL = ["age", "weight", "smoker", "vitamin_d_25oh", "ctx", "p1np", "bmd_radius", "bmd_femur_neck", "sasp_il6"]


@pytest.mark.parametrize("name", list(writers.WRITERS))
def test_layout_gives_the_same_participants_and_keeps_the_population_sample_apart(tmp_path, name):
    made = cohort.make(outcomes=SMALL)
    path = writers.save(writers.WRITERS[name], made, tmp_path / "book.xlsx")
    mapping = writers.write_answers(name, tmp_path)
    if mapping:
        with pytest.raises(UserError, match=ASKED[name]):
            read_workbook(path, cohort.trial())
    everyone = read_workbook(path, cohort.trial(), mapping).frame
    frame, sample = (everyone[everyone.cohort == which] for which in ("trial", "population"))
    keys = ["participant", "arm", "variable", "visit", "measure"]
    assert frame.linked.all()
    assert not frame.duplicated(keys).any()
    assert frame.set_index(keys).value.to_dict() == {
        (identity, made.arms[identity], variable, visit, "value"): value
        for (variable, visit), cells in made.values.items()
        for identity, value in cells.items()
    }
    people = sample.pivot(index="participant", columns="variable", values="value")
    assert sorted(people.to_dict("records"), key=lambda p: p["age"]) == sorted(made.population, key=lambda p: p["age"])


@pytest.mark.parametrize("name", list(writers.PANELS))
def test_panels_without_ids_give_the_same_changes_by_arm(tmp_path, name):
    made = cohort.make(outcomes=SMALL)
    read = read_workbook(writers.save(writers.PANELS[name], made, tmp_path / "book.xlsx"), cohort.trial())
    frame = read.frame[read.frame.cohort == "trial"]
    assert not frame.linked.any()
    told = [note for note in read.source["notes"] if note.startswith("linked participants: the panels have no ids")]
    assert len(told) == 1
    assert "adjustment for baseline" in told[0]
    assert set(frame.measure) == {"percent_change"}
    found = {key: sorted(group) for key, group in frame.groupby(["variable", "visit", "arm"]).value}
    wanted = {
        (*pair, arm): sorted(writers.changes(made, *pair, arm))
        for pair in writers.change_keys(made)
        for arm in writers.ARMS
    }
    assert found.keys() == wanted.keys()
    for key, values in wanted.items():
        assert found[key] == pytest.approx(values, rel=1e-12), key
    assert frame.participant.is_unique


def test_panels_by_stratum_keep_marker_stratum_and_arm(tmp_path):
    made = cohort.make(outcomes=SMALL)
    frame = read_workbook(writers.save(writers.by_stratum, made, tmp_path / "strata.xlsx"), cohort.trial()).frame
    for marker in cohort.trial().markers:
        upper = writers.split_thirds(made, marker)[2]
        for stratum, ids in (("T3", upper), ("T1/T2", set(made.arms) - upper)):
            own = frame[frame.marker.eq(marker) & frame.stratum.eq(stratum)]
            for arm in writers.ARMS:
                rows = own[own.variable.eq("ctx") & own.visit.eq("week_20") & own.arm.eq(arm)]
                assert sorted(rows.value) == pytest.approx(sorted(writers.changes(made, "ctx", "week_20", arm, ids)))
            rows = own[own.variable.eq("sasp_il6")]
            assert set(rows.visit) == {"baseline"}
            assert set(rows.measure) == {"value"}
            assert set(rows.arm) == {""}
            assert sorted(rows.value) == sorted(made.values["sasp_il6", "baseline"][i] for i in ids)


def test_marker_of_the_strata_is_read_from_the_header_of_their_column(tmp_path):
    book = Workbook()
    book.active.append(["Site", "p16 variant 1+5 tertile", "Treatment", "% change at 20 weeks"])
    for number in range(40):
        stratum = ["Highest tertile", "Lower two tertiles"][number % 2]
        book.active.append(["Radius", stratum, ["Control", "D+Q"][number // 2 % 2], 0.25 * number - 5])
    book.save(tmp_path / "strata.xlsx")
    frame = read_workbook(tmp_path / "strata.xlsx", cohort.trial()).frame
    assert frame.groupby(["variable", "marker", "stratum", "arm"]).size().to_dict() == {
        ("bmd_radius", "p16_variant_1+5", stratum, arm): 10 for stratum in ("T1/T2", "T3") for arm in ("control", "d_q")
    }


@pytest.mark.parametrize("place", ["sheet", "property"])
def test_synthetic_workbook_is_labelled_by_its_first_sheet_or_a_property(tmp_path, place):
    path = writers.save(writers.wide, cohort.make(outcomes=["ctx"]), tmp_path / "wide.xlsx")
    assert read_workbook(path, cohort.trial()).label is None
    book = load_workbook(path)
    if place == "sheet":
        book.worksheets[0]["A3"] = "Synthetic data: not the trial's participants."
    else:
        book.properties.description = "synthetic data, made from printed summaries"
    book.save(path)
    assert read_workbook(path, cohort.trial()).label == "Synthetic data: not the trial's participants"


OUTCOMES = ["age", "smoker", "ctx", "bmd_radius", "sasp_il6"]
LAYOUTS = ["wide", "sheet_per_visit", "long_by_visit", "long_by_variable"]


def contents(path, book):
    """What is read from a workbook that is saved under a path."""
    book.save(path)
    frame = read_workbook(path, cohort.trial()).frame
    people = frame.participant.where(frame.cohort == "trial", "")  # those of the population are numbered by their rows
    columns = ["cohort", "variable", "visit", "participant", "value", "arm", "measure"]
    return sorted(frame.assign(participant=people)[columns].values.tolist())


@cache
def original(name, path):
    """The cells of a layout, sheet by sheet, with the header in the first row, and what is read from it."""
    book = writers.build(writers.WRITERS[name], cohort.make(outcomes=OUTCOMES))
    rows = {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}
    return rows, contents(path, book)


def shuffled_rows(rows, order):
    return [rows[0], *order.sample(rows[1:], len(rows) - 1)]


def shuffled_columns(rows, order):
    places = order.sample(range(len(rows[0])), len(rows[0]))
    return [[row[place] for place in places] for row in rows]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("shuffle", [shuffled_rows, shuffled_columns, None], ids=["rows", "columns", "sheets"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_order_of_a_workbook_does_not_change_what_is_read(name, shuffle, tmp_path_factory, seed):
    order, path = random.Random(seed), tmp_path_factory.getbasetemp() / "shuffled.xlsx"
    content, plain = original(name, path)
    titles = list(content) if shuffle else order.sample(list(content), len(content))
    content = {title: shuffle(content[title], order) if shuffle else content[title] for title in titles}
    assert len(plain) > 100
    assert contents(path, writers.workbook(content)) == plain


# Layouts that hold a part of the bundled cohort, with the mapping that they need; the values reproduced, and those within a
# reported bound. What they lack: titled panels have no ids, so no correlation with age; beside a tertile the other marker is
# missing, in panels by stratum ids and all participants together.
PARTS = {
    "titled panels": (writers.titled_panels, "", 827, 31),
    "changes beside a tertile": (writers.changes_beside_a_tertile, "strata: {1: T1/T2, 3: T3}", 815, 19),
    "panels by stratum": (writers.by_stratum, "", 382, 26),
    "thirds in words": (writers.thirds_in_words, "strata: {T1: T1/T2, T2: T1/T2}", 286, 14),
}
BY_TERTILE = StrataRule(by="column", column="p16 variant 5 tertile", labels=["T1/T2", "T3"])


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_layout_of_the_bundled_cohort_reproduces_all_that_it_holds_and_fails_nothing(tmp_path, name):
    write, mapping, reproduced, within = PARTS[name]
    base = pipeline.run_config()
    path = writers.save(write, cohort.from_frame(base.participants.frame), tmp_path / "book.xlsx")
    (tmp_path / "mapping.yaml").write_text(mapping)
    read = read_workbook(path, base.trial, tmp_path / "mapping.yaml" if mapping else None)
    by = {"strata": BY_TERTILE} if read.frame["text"].any() else {}
    judged = pipeline.run(read, base.trial, base.analysis.model_copy(update=by)).verdicts()
    canonical = base.verdicts().set_index("claim")["verdict"]
    false = [
        row.claim for row in judged.itertuples() if row.verdict in FAILURES and canonical[row.claim] not in FAILURES
    ]
    counts = judged["verdict"].value_counts()
    assert false == []
    assert (counts["reproduced"], counts["within the reported bound"]) == (reproduced, within)
