import pandas as pd
import pipeline
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d_q_trial import claims
from d_q_trial.changes import percent_change
from d_q_trial.config import settings
from d_q_trial.errors import UserError
from d_q_trial.trial import load_trial


@pytest.fixture(scope="module")
def clean():
    return pipeline.of_config()


@pytest.fixture(scope="module")
def verdicts(clean):
    return clean.verdicts()


def _failed(frame):
    return frame[frame["verdict"].isin(claims.FAILURES)]


def _surprises(frame):
    """Claims that fail and are not known to, and known differences that no longer differ."""
    return frame[frame["verdict"].isin(claims.FAILURES) != frame["known_difference"].ne("")]


def test_every_reported_number_is_reproduced_or_known_to_differ_or_not_checkable_for_a_stated_reason(clean, verdicts):
    known = claims.known_differences("data/published", synthetic=True)
    assert known
    assert not claims.known_differences("data/published", synthetic=False)
    assert _surprises(clean.verdicts(known)).empty
    paper = verdicts[verdicts["source"].eq("paper") & verdicts["quantity"].ne("affected")]
    assert paper["verdict"].isin([claims.REPRODUCED, claims.WITHIN_BOUND]).all()
    unchecked = verdicts[verdicts["verdict"].eq(claims.NOT_CHECKABLE)]
    assert set(unchecked["note"]) == {
        "sasp_composite is not an outcome that can be computed",
        "the arm Fisetin is not analysed",
        "the workbook has no adverse events",
    }


def test_swapped_arms_fail_in_medians_and_directions_and_never_in_p(clean):
    frame = clean.participants.frame.copy()
    frame["arm"] = frame["arm"].replace({"d_q": "control", "control": "d_q"})
    failed = _failed(pipeline.rerun(clean, frame=frame).verdicts())
    # A two-sided P does not know the direction; medians and differences do.
    assert not failed["quantity"].eq("p").any()
    effects = failed["quantity"].eq("difference of medians")
    assert effects.sum() == 8
    assert failed["quantity"].eq("direction").any()
    assert (failed.loc[~effects & failed["quantity"].ne("direction"), "group"].isin(["d_q", "control"])).all()
    # Groups of both arms are the same people as before.
    assert not failed["group"].eq("both arms").any()


def test_a_changed_value_changes_the_verdicts_on_its_outcome_and_visit_alone(clean):
    frame = clean.participants.frame.copy()
    chosen = frame["variable"].eq("ctx") & frame["visit"].eq("week_20") & frame["arm"].eq("d_q")
    highest = frame[chosen]["value"].idxmax()
    baseline = frame[
        frame["variable"].eq("ctx")
        & frame["visit"].eq("baseline")
        & frame["participant"].eq(frame.loc[highest, "participant"])
    ]["value"].item()
    assert percent_change(baseline, frame.loc[highest, "value"]) > -28
    frame.loc[highest, "value"] = baseline * 0.5
    before, after = clean.verdicts(), pipeline.rerun(clean, frame=frame).verdicts()
    changed = after[after["verdict"].ne(before["verdict"])]
    assert len(changed)
    assert set(changed["outcome"]) == {"ctx"}
    assert set(changed["visit"]) == {"week_20"}
    assert changed["claim"].str.startswith("registry:outcome_measure_1").any()


@pytest.mark.parametrize("test", ["normal_continuity", "exact"])
def test_another_variant_of_the_test_is_named_as_another_convention(clean, test):
    before, after = clean.verdicts(), pipeline.rerun(clean, test=test).verdicts()
    changed = after[after["verdict"].ne(before["verdict"])]
    assert set(changed["quantity"]) == {"p"}
    assert changed["verdict"].eq(claims.OTHER_CONVENTION).mean() > 0.95
    primary = after[after["claim"].str.contains("Fig._3a:ctx") & after["quantity"].eq("p")]
    assert primary["verdict"].item() == claims.OTHER_CONVENTION
    assert "without continuity correction" in primary["note"].item()


def test_another_quartile_type_is_named_as_another_convention(clean):
    after = pipeline.rerun(clean, quartile_type=6).verdicts()
    changed = after[after["verdict"].eq(claims.OTHER_CONVENTION)]
    assert set(changed["quantity"]) == {"q1", "q3"}
    assert changed["note"].str.contains("quartile type 7").all()


def test_a_value_beyond_its_bound_is_outside_the_reported_bound(clean):
    frame = clean.participants.frame.copy()
    control = frame["variable"].eq("ctx") & frame["visit"].eq("week_2") & frame["arm"].eq("control")
    frame.loc[control, "value"] *= 3
    after = pipeline.rerun(clean, frame=frame).verdicts()
    row = after[after["claim"].str.contains("Fig._3b") & after["quantity"].eq("p")]
    assert row[["reported", "verdict"]].to_numpy().tolist() == [["> 0.05", claims.OUTSIDE_BOUND]]


def test_a_known_difference_of_an_unknown_claim_is_refused(clean):
    with pytest.raises(UserError, match="no claim is called 'x'"):
        clean.verdicts({"x": "a reason"})


def test_verdicts_are_the_same_after_writing_and_reading(tmp_path, verdicts):
    from d_q_trial.files import write_csv

    write_csv(verdicts, tmp_path / "claims.csv")
    again = claims.read_verdicts(tmp_path / "claims.csv")
    pd.testing.assert_frame_equal(again, verdicts, check_dtype=False)


@pytest.mark.parametrize(
    ("labels", "cuts"), [(["low", "high"], [2 / 3]), (["A", "B", "C"], [1 / 3, 2 / 3]), (["x", "y"], [3 / 4])]
)
def test_a_claim_about_a_stratum_is_judged_by_its_members_not_by_its_label(labels, cuts, clean, verdicts):
    rule = (
        settings.load(pipeline.CONFIG).analyses["published"].strata.model_copy(update={"labels": labels, "cuts": cuts})
    )
    found = pipeline.rerun(clean, strata=rule).verdicts()
    about_t3, about_t12 = (verdicts["marker"].eq("p16_variant_5") & verdicts["stratum"].eq(s) for s in ("T3", "T1/T2"))
    same = {"high": 2, "C": 1, "y": 0}[labels[-1]]  # how many of the article's strata the analysis has
    for about, there in ((about_t3, same >= 1), (about_t12, same == 2)):
        assert about.any()
        if there:
            assert found.loc[about, "verdict"].tolist() == verdicts.loc[about, "verdict"].tolist()
            assert not found.loc[about, "stratum"].isin(["T3", "T1/T2"]).any()
        else:
            assert set(found.loc[about, "verdict"]) == {claims.NOT_APPLICABLE}
            assert set(found.loc[about, "note"]) == {claims.OTHER_SUBGROUPS}
    overall = verdicts["stratum"].eq("all")
    assert found.loc[overall, "verdict"].tolist() == verdicts.loc[overall, "verdict"].tolist()
    assert not found["verdict"].isin(claims.FAILURES).sum() > verdicts["verdict"].isin(claims.FAILURES).sum()


def judged(value, relation, reported, statistic="p"):
    """The verdict on one reported number of the primary endpoint."""
    key = {"outcome": "ctx", "measure": "percent_change", "visit": "week_20", "marker": "", "stratum": "all"}
    key |= {"contrast": "d_q - control", "group": "", "statistic": statistic}
    claim = claims.Claim("c", "paper", "Fig. 3a", statistic, reported, relation, **key)
    frame = pd.DataFrame([{**key, "value": value, "reason": "", "method": "normal"}])
    trial = load_trial("data/trial.yaml")
    return claims.judge([claim], frame, frame.iloc[:0], trial, {}).iloc[0]


@pytest.mark.parametrize(
    ("value", "relation", "reported", "verdict", "note"),
    [
        (0.04, "<", "0.05", claims.WITHIN_BOUND, ""),
        (0.05, "<", "0.05", claims.OUTSIDE_BOUND, ""),
        (0.05, "<=", "0.05", claims.WITHIN_BOUND, ""),
        (0.05, ">", "0.05", claims.OUTSIDE_BOUND, ""),
        (0.05, ">=", "0.05", claims.WITHIN_BOUND, ""),
        (0.315, ">", "0.05", claims.WITHIN_BOUND, ""),
        (0.117, "=", "0.900", claims.NOT_REPRODUCED, ""),
        (0.1, "<", "0.000", claims.NOT_CHECKABLE, "impossible: no P-value is below 0"),
        (0.0004, "=", "0.000", claims.REPRODUCED, "reported as zero: below half a unit of its last decimal"),
        (0.0006, "=", "0.000", claims.NOT_REPRODUCED, ""),
        (0.575, "=", "0.57", claims.REPRODUCED, "rounded as a binary number"),
        (0.575, "=", "0.58", claims.REPRODUCED, ""),
        (0.125, "=", "0.12", claims.REPRODUCED, ""),
        (0.125, "=", "0.13", claims.REPRODUCED, ""),
    ],
)
def test_bounds_exclude_their_limit_and_ties_in_rounding_match_either_way(value, relation, reported, verdict, note):
    found = judged(value, relation, reported)
    assert (found["verdict"], found["note"]) == (verdict, note)


@given(st.integers(0, 999))
def test_every_tie_of_three_decimals_is_matched_as_programs_print_it(thousandths):
    value = float(f"{thousandths / 100:.2f}5")
    assert judged(value, "=", f"{value:.2f}", "median_difference")["verdict"] == claims.REPRODUCED


def test_only_matching_verdicts_have_the_status_of_success():
    assert {v for v, status in claims.STATUS.items() if status == "success"} == {claims.REPRODUCED, claims.WITHIN_BOUND}
    assert {v for v, status in claims.STATUS.items() if status == "failure"} == set(claims.FAILURES)
    assert set(claims.STATUS) == set(claims.VERDICTS)
