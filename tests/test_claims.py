import math
from dataclasses import replace

import pandas as pd
import pipeline
import pytest
from oracle_values import read_rows
from pipeline import TRIAL

from d_q_trial import claims, cli
from d_q_trial.errors import UserError
from d_q_trial.files import write_csv
from d_q_trial.results_table import KEYS


@pytest.fixture(scope="module")
def few_outcomes():
    """The published analysis of the outcomes with the most kinds of reported values."""
    return pipeline.rerun(pipeline.run_config(), outcomes=["ctx", "p1np", "sasp_il6", "smoker"])


def test_every_reported_value_is_reproduced_or_known_to_differ_or_not_checkable_for_a_stated_reason():
    known_differences = claims.read_known_differences("data/published", synthetic=True)
    assert known_differences
    assert not claims.read_known_differences("data/published", synthetic=False)
    verdicts = pipeline.run_config().verdicts(known_differences)
    assert verdicts["verdict"].isin(claims.FAILURES).eq(verdicts["known_difference"].ne("")).all()
    paper = verdicts[verdicts["source"].eq("paper") & verdicts["quantity"].ne("affected")]
    assert paper["verdict"].isin([claims.REPRODUCED, claims.WITHIN_BOUND]).all()
    unchecked = verdicts[verdicts["verdict"].eq(claims.NOT_CHECKABLE)]
    reasons = {"this analysis has no outcome sasp_composite", "the arm Fisetin is not analysed", claims.NO_EVENTS}
    assert set(unchecked["note"]) == reasons


def test_each_reported_value_becomes_a_claim_with_its_source_and_key():
    all_claims = {claim["claim"]: claim for claim in claims.read_claims("data/published")}
    assert len(all_claims) == 1040
    for row in read_rows("claims"):  # worked by hand from the tables of data/published
        test = "rank_sum" if row["statistic"] == "p" and row["measure"] != "correlation" else ""
        assert all_claims[row["claim"]] == {"not_checkable": "", "test": test} | row


def test_reported_values_need_their_folder_events_need_no_note_and_differences_apply_to_a_kind_of_data(tmp_path):
    with pytest.raises(UserError, match=f"^{tmp_path / 'none'}: no such folder of reported values$"):
        claims.read_claims(tmp_path / "none")
    header = "source,locator,event,group,affected,at_risk,percent"
    (tmp_path / "adverse_events.csv").write_text(f"{header}\nregistry,,a,,1,9,")
    (claim,) = claims.read_claims(tmp_path)
    assert (claim["claim"], claim["outcome"]) == ("registry:a:affected", "a")
    (tmp_path / "known_differences.csv").write_text("claim,data,reason\na,any,1\nb,synthetic,2\n")
    known_differences = [claims.read_known_differences(tmp_path, synthetic=synthetic) for synthetic in (True, False)]
    assert known_differences == [{"a": "1", "b": "2"}, {"a": "1"}]


def test_swapped_arms_contradict_medians_and_directions_but_no_p(few_outcomes):
    frame = few_outcomes.participants.frame.copy()
    frame["arm"] = frame["arm"].replace({"d_q": "control", "control": "d_q"})
    swapped = pipeline.rerun(few_outcomes, frame=frame).verdicts()
    failed = swapped[swapped["verdict"].isin(claims.FAILURES)]
    of_differences = failed["quantity"].isin(["difference of medians", "direction"])
    # A two-sided P does not depend on the direction, and groups of both arms keep their participants.
    assert not failed["quantity"].eq("p").any()
    assert set(failed.loc[of_differences, "quantity"]) == {"difference of medians", "direction"}
    assert set(failed.loc[~of_differences, "group"]) == {"d_q", "control"}


def test_one_changed_value_changes_only_verdicts_on_its_outcome_and_visit(few_outcomes):
    frame = few_outcomes.participants.frame.copy()
    highest = pipeline.pick(frame, variable="ctx", visit="week_20", arm="d_q")["value"].idxmax()
    place = {"variable": "ctx", "visit": "baseline", "participant": frame.loc[highest, "participant"]}
    frame.loc[highest, "value"] = pipeline.one(frame, **place)["value"] / 2
    before, after = few_outcomes.verdicts(), pipeline.rerun(few_outcomes, frame=frame).verdicts()
    changed = after[after["verdict"].ne(before["verdict"])]
    assert set(changed["outcome"] + " " + changed["visit"]) == {"ctx week_20"}
    assert changed["claim"].str.startswith("registry:outcome_measure_1").any()


@pytest.mark.parametrize("test", ["normal_continuity", "exact"])
def test_the_default_test_of_a_statistics_program_changes_only_p_and_is_named_as_another_convention(few_outcomes, test):
    before, after = few_outcomes.verdicts(), pipeline.rerun(few_outcomes, test=test).verdicts()
    changed = after[after["verdict"].ne(before["verdict"])]
    assert set(changed["quantity"]) == {"p"}
    assert changed["verdict"].eq(claims.OTHER_CONVENTION).mean() > 0.95
    primary = changed[changed["claim"].str.contains("Fig._3a:ctx:week_20")]
    assert list(primary["verdict"]) == [claims.OTHER_CONVENTION]


@pytest.mark.parametrize("label", [None, "synthetic data"])
def test_written_verdicts_have_known_differences_of_synthetic_data_only_if_labelled(label, few_outcomes, tmp_path):
    replace(few_outcomes.participants, label=label).write(tmp_path / "workbooks/reconstructed")
    for name in ("results", "alternatives", "strata"):
        write_csv(getattr(few_outcomes, name), tmp_path / f"published/{name}.csv")
    assert cli.main(["tables", "--config", pipeline.CONFIG, "--results", str(tmp_path)]) == 0
    verdicts = claims.read_verdicts(tmp_path / "published/claims.csv")
    assert verdicts["known_difference"].ne("").any() == bool(label)
    known_differences = claims.read_known_differences("data/published", synthetic=bool(label))
    expected = few_outcomes.verdicts(known_differences)
    pd.testing.assert_frame_equal(verdicts[expected.columns], expected, check_dtype=False)


# The claim about P of the primary endpoint.
PRIMARY = {"outcome": "ctx", "measure": "percent_change", "visit": "week_20", "marker": "", "stratum": "all"}
PRIMARY |= {"contrast": "d_q - control", "group": "", "claim": "c", "source": "paper", "locator": "Fig. 3a"}
NO_STRATA = pd.DataFrame(columns=["marker"])
BOUND = "the reported bound holds for: exact test"
EXACT, ZERO = "the reported value is that of: exact test", "reported as zero: below half a unit of its last decimal"
ONE_MATCHES, TWO_MATCH = [("exact", 0.6114), ("normal_continuity", 0.62)], [("exact", 0.611), ("type_6", 0.6108)]


def judge(value, relation, reported, statistic="p", others=(), known=None, strata=NO_STRATA, result=None, **claim):
    """Judge one reported value of the primary endpoint; ``result`` and ``claim`` override columns of either."""
    about = PRIMARY | {"quantity": statistic, "statistic": statistic, "reported": reported, "relation": relation}
    row = {name: about[name] for name in KEYS} | {"value": value, "reason": "", "method": "normal"} | (result or {})
    alternatives = pd.DataFrame([{**row, "value": v, "method": m} for m, v in others], columns=list(row))
    claim = about | {"not_checkable": "", "test": ""} | claim
    return claims.judge_claims([claim], pd.DataFrame([row]), alternatives, TRIAL, known or {}, strata).iloc[0]


@pytest.mark.parametrize(
    ("labels", "matched"),
    [
        (["low"] * 4 + ["high"] * 3, {"T1/T2": "low", "T3": "high"}),
        (["A"] * 2 + ["B"] * 2 + ["C"] * 3, {"T3": "C"}),
        (["T1/T2"] * 5 + ["T3"] * 2, {}),
    ],
)
def test_a_claim_about_a_stratum_is_judged_by_its_members_not_by_its_label(labels, matched):
    # The 2/3 quantile of the marker is the fifth value, which belongs to the upper stratum. The other marker has no values,
    # so its strata are matched by label.
    marker, no_values = "p16_variant_5", "p16_variant_1+5"
    strata = pd.DataFrame({"marker": marker, "marker_value": [1.0, 2, 3, 4, 5, 6, 7], "stratum": labels})
    strata = pd.concat([strata, strata.assign(marker=no_values, marker_value=math.nan)])
    for field, names in (("stratum", ["T1/T2"]), ("stratum", ["T3"]), ("contrast", ["T3", "T1/T2"])):
        for by, own_labels in ((marker, matched), (no_values, {name: name for name in names})):
            result = {field: " - ".join(own_labels.get(name, "none") for name in names), "marker": by}
            row = judge(0.611, "=", "0.611", strata=strata, result=result, marker=by, **{field: " - ".join(names)})
            if own_labels.keys() >= set(names):
                assert (row["verdict"], row[field]) == (claims.REPRODUCED, result[field])
            else:
                assert (row["verdict"], row["note"]) == (claims.NOT_APPLICABLE, claims.OTHER_SUBGROUPS)


@pytest.mark.parametrize(
    ("values", "recomputed", "verdict", "note"),
    [
        # A bound excludes its limit, unless it is reported as one that includes it.
        ((0.0123456, "<", "0.05"), "0.0123", claims.WITHIN_BOUND, ""),
        ((0.05, "<", "0.05"), "0.0500", claims.OUTSIDE_BOUND, ""),
        ((0.05, "<=", "0.05"), "0.0500", claims.WITHIN_BOUND, ""),
        ((0.05000000000000001, "<=", "0.05"), "0.0500", claims.WITHIN_BOUND, ""),  # rounding error of the computer
        ((0.05, ">", "0.05"), "0.0500", claims.OUTSIDE_BOUND, ""),
        ((0.05, ">=", "0.05"), "0.0500", claims.WITHIN_BOUND, ""),
        ((0.315, ">", "0.05"), "0.3150", claims.WITHIN_BOUND, ""),
        ((-0.1, "<", "0", "median_difference"), "-0.10", claims.WITHIN_BOUND, ""),
        ((0.1, "<", "0.000"), "0.10000", claims.NOT_CHECKABLE, "impossible: no P-value is below 0"),
        # Ties in rounding match either way.
        ((0.117, "=", "0.900"), "0.117", claims.NOT_REPRODUCED, ""),
        ((1.9e-6, "=", "0.000"), "<0.001", claims.REPRODUCED, ZERO),
        ((0.0004, "=", "0.000"), "<0.001", claims.REPRODUCED, ZERO),
        ((0.0006, "=", "0.000"), "0.001", claims.NOT_REPRODUCED, ""),
        ((0.575, "=", "0.57"), "0.57", claims.REPRODUCED, "rounded as a binary number"),
        ((1057104.5, "=", "1,057,105", "median"), "1057105", claims.REPRODUCED, ""),
        # Other conventions that round to the reported value are named.
        ((0.5, "=", "0.611", "p", ONE_MATCHES), "0.500", claims.OTHER_CONVENTION, EXACT),
        ((0.5, "=", "0.611", "p", TWO_MATCH), "0.500", claims.OTHER_CONVENTION, f"{EXACT}, quartile type 6"),
        ((0.5, "=", "0.611", "p", [("exact", math.nan), ("type_6", 0.6)]), "0.500", claims.NOT_REPRODUCED, ""),
        ((0.6114, "=", "0.611", "p", [("exact", 0.611)]), "0.611", claims.REPRODUCED, ""),
        ((0.06, "<", "0.05", "p", [("exact", 0.04)]), "0.0600", claims.OTHER_CONVENTION, BOUND),
        ((0.04, ">", "0.05", "p", [("exact", 0.03)]), "0.0400", claims.OUTSIDE_BOUND, ""),
        # The size of a group without values is checked only if it is reported as zero.
        ((0.0, "=", "21", "n"), "0", claims.NOT_CHECKABLE, claims.NO_GROUP),
        ((0.0, "=", "0", "n"), "0", claims.REPRODUCED, ""),
        ((20.0, "=", "21", "n"), "20", claims.NOT_REPRODUCED, ""),
        # A bound has more decimals than its limit, as many as distinguish the value from it.
        ((0.05004, "<", "0.05"), "0.05004", claims.OUTSIDE_BOUND, ""),
        ((1.23456, ">", "0.50", "median_difference"), "1.2346", claims.WITHIN_BOUND, ""),
        ((0.00003, "<", "0.00001"), "0.0000300", claims.OUTSIDE_BOUND, ""),
        ((1e-9, "<", "0.001"), "<0.00001", claims.WITHIN_BOUND, ""),
    ],
)
def test_the_recomputed_and_the_reported_value_determine_the_verdict(values, recomputed, verdict, note):
    row, (value, relation, reported, *_) = judge(*values), values
    assert row["reported"] == (reported if relation == "=" else f"{relation} {reported}")
    assert (row["value"], row["recomputed"], row["verdict"], row["note"]) == (value, recomputed, verdict, note)


@pytest.mark.parametrize(
    ("claim", "note"),
    [
        ({"outcome": "sasp_composite", "test": "other"}, "this analysis has no outcome sasp_composite"),
        ({"group": "fisetin"}, "the arm Fisetin is not analysed"),
        ({"group": "Placebo"}, "this analysis has no group Placebo for this result, only (empty)"),
        ({"measure": "log_ratio"}, "this analysis has no measure log_ratio for this result, only percent_change"),
        ({"visit": "week_2"}, "this analysis has no visit week_2 for this result, only week_20"),
        ({"stratum": ""}, "this analysis has no stratum (empty) for this result, only all"),
        ({"stratum": "T3", "group": "Placebo"}, "this analysis has no stratum T3 for this result, only all"),
        ({"contrast": "T3 - T1/T2"}, "this analysis has no contrast T3 - T1/T2 for this result, only d_q - control"),
        ({"not_checkable": claims.NO_EVENTS}, claims.NO_EVENTS),
        ({"test": "other"}, claims.OTHER_TEST),
        ({"test": "chi_squared"}, claims.OTHER_TEST),
    ],
)
def test_a_claim_that_cannot_be_checked_states_what_the_analysis_lacks(claim, note):
    row = judge(0.611, "=", "0.611", **claim)
    assert (row["verdict"], row["recomputed"], row["note"]) == (claims.NOT_CHECKABLE, "", note)
    assert math.isnan(row["value"])


def test_a_verdict_holds_the_claim_and_the_numbers_as_text():
    row = judge(0.6114, "=", "0.611", known={"c": "why"})
    expected = ("c", "paper", "Fig. 3a", "p", "0.611", "0.611", claims.REPRODUCED, "", "why", 0.6114)
    assert tuple(row) == (*expected, *((PRIMARY | {"statistic": "p"})[name] for name in KEYS))
    assert tuple(row.index) == claims.COLUMNS
    undefined = judge(math.nan, "=", "0.611", result={"reason": "all values are equal"})
    assert tuple(undefined[["recomputed", "verdict", "note"]]) == ("", claims.NOT_CHECKABLE, "all values are equal")
