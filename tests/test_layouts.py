"""The same cohort in many layouts gives the same participants."""

import pipeline
import pytest
from layouts import cohort, panels, writers
from openpyxl import Workbook

from d_q_trial.claims import FAILURES
from d_q_trial.config.settings import StrataRule
from d_q_trial.workbook.reader import read_workbook

SMALL = ["age", "weight", "smoker", "vitamin_d_25oh", "ctx", "p1np", "bmd_radius", "bmd_femur_neck", "sasp_il6"]


@pytest.mark.parametrize("name", list(writers.WRITERS))
def test_layout_gives_the_same_participants_and_keeps_the_population_sample_apart(tmp_path, name):
    made = cohort.make(outcomes=SMALL)
    everyone = read_workbook(writers.write(name, made, tmp_path / f"{name}.xlsx"), cohort.trial()).frame
    frame, sample = (everyone[everyone.cohort == which] for which in ("trial", "population"))
    keys = ["participant", "arm", "variable", "visit", "measure"]
    assert frame.linked.all()
    assert not frame.duplicated(keys).any()
    assert frame.set_index(keys).value.to_dict() == {
        (identity, made.arms[identity], variable, visit, "value"): value
        for (variable, visit), cells in made.values.items()
        for identity, value in cells.items()
    }
    assert sample.groupby("variable").size().to_dict() == {"age": 25, "p16_variant_5": 25, "p16_variant_1+5": 25}
    assert sample.participant.nunique() == 25


@pytest.mark.parametrize("name", list(panels.PANELS))
def test_panels_without_ids_give_the_same_changes_by_arm(tmp_path, name):
    made = cohort.make(outcomes=SMALL)
    panels.PANELS[name](made, tmp_path / "panels.xlsx")
    read = read_workbook(tmp_path / "panels.xlsx", cohort.trial())
    frame = read.frame[read.frame.cohort == "trial"]
    assert not frame.linked.any()
    told = [note for note in read.source["notes"] if note.startswith("linked participants: the panels have no ids")]
    assert len(told) == 1
    assert "adjustment for baseline" in told[0]
    assert set(frame.measure) == {"percent_change"}
    found = {key: sorted(group) for key, group in frame.groupby(["variable", "visit", "arm"]).value}
    wanted = {
        (*pair, arm): sorted(panels.group(made, *pair, arm)) for pair in panels.pairs(made) for arm in panels.ARMS
    }
    assert found.keys() == wanted.keys()
    for key, values in wanted.items():
        assert found[key] == pytest.approx(values, rel=1e-12), key
    assert frame.participant.is_unique


def test_panels_by_stratum_keep_marker_stratum_and_arm(tmp_path):
    made = cohort.make(outcomes=SMALL)
    panels.by_stratum(made, tmp_path / "strata.xlsx")
    frame = read_workbook(tmp_path / "strata.xlsx", cohort.trial()).frame
    for marker in cohort.trial().markers:
        upper = panels.upper_tertile(made, marker)
        for stratum, ids in (("T3", upper), ("T1/T2", set(made.arms) - upper)):
            own = frame[frame.marker.eq(marker) & frame.stratum.eq(stratum)]
            for arm in panels.ARMS:
                rows = own[own.variable.eq("ctx") & own.visit.eq("week_20") & own.arm.eq(arm)]
                assert sorted(rows.value) == pytest.approx(sorted(panels.group(made, "ctx", "week_20", arm, ids)))
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


# What each layout holds of the bundled cohort, with the mapping that it needs; beside the mapping, the values reproduced,
# those within a reported bound, and what the layout does not hold.
BY_TERTILE = StrataRule(by="column", column="p16 variant 5 tertile", labels=["T1/T2", "T3"])
VERDICTS = {
    "long export": (writers.WRITERS["long_by_visit"], "", 814, 32),
    "wide": (writers.WRITERS["wide"], "", 814, 32),
    "titled panels": (panels.titled_panels, "", 812, 31),  # ids: correlation with age
    "changes beside a tertile": (
        panels.changes_beside_a_tertile,
        "strata: {1: T1/T2, 3: T3}",
        800,
        19,
    ),  # the other marker
    "Prism grouped": (panels.prism_grouped, "", 102, 5),  # strata, baselines
    "panels by stratum": (panels.by_stratum, "", 367, 26),  # ids, all participants together
    "thirds in words": (
        panels.thirds_in_words,
        "strata: {T1: T1/T2, T2: T1/T2}",
        283,
        14,
    ),  # ids, all participants together
    "legend sheet": (writers.WRITERS["coded"], "", 814, 32),
    "visit codes": (panels.visits_by_number, "visits: {1: baseline, 2: week_2, 3: week_4, 4: week_20}", 814, 32),
    "transposed": (writers.WRITERS["transposed"], "", 814, 32),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", VERDICTS)
def test_layout_of_the_bundled_cohort_reproduces_all_that_it_holds_and_fails_nothing(tmp_path, name):
    write, mapping, reproduced, within = VERDICTS[name]
    base = pipeline.of_config()
    path = write(cohort.of_frame(base.participants.frame), tmp_path / "book.xlsx")
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
