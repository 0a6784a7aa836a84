import math
from dataclasses import replace
from pathlib import Path

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
def clean():
    return pipeline.run_config()


@pytest.fixture(scope="module")
def few(clean):
    """The published analysis of the outcomes with the most kinds of reported values."""
    return pipeline.rerun(clean, outcomes=["ctx", "p1np", "sasp_il6", "smoker"])


@pytest.fixture(scope="module")
def verdicts(few):
    return few.verdicts()


def test_every_reported_number_is_reproduced_or_known_to_differ_or_not_checkable_for_a_stated_reason(clean):
    known = claims.read_known_differences("data/published", synthetic=True)
    assert known
    assert not claims.read_known_differences("data/published", synthetic=False)
    verdicts = clean.verdicts(known)
    assert verdicts["verdict"].isin(claims.FAILURES).eq(verdicts["known_difference"].ne("")).all()
    paper = verdicts[verdicts["source"].eq("paper") & verdicts["quantity"].ne("affected")]
    assert paper["verdict"].isin([claims.REPRODUCED, claims.WITHIN_BOUND]).all()
    unchecked = verdicts[verdicts["verdict"].eq(claims.NOT_CHECKABLE)]
    assert set(unchecked["note"]) == {
        "sasp_composite is not an outcome that can be computed",
        "the arm Fisetin is not analysed",
        "the workbook has no adverse events",
    }


def test_a_reported_value_becomes_the_claim_with_its_place_and_key():
    read = {entry["claim"]: entry for entry in claims.read_claims("data/published")}
    assert len(read) == 1040
    for row in read_rows("claims"):  # worked by hand from the tables of data/published
        test = "rank_sum" if row["statistic"] == "p" and row["measure"] != "correlation" else ""
        assert read[row["claim"]] == {"not_checkable": "", "test": test} | row


def test_reported_values_are_refused_without_a_folder_or_with_one_name_for_two(tmp_path):
    with pytest.raises(UserError, match=f"^{tmp_path / 'none'}: no such folder of reported values$"):
        claims.read_claims(tmp_path / "none")
    head, row = Path("data/published/counts.csv").read_text().splitlines()[:2]
    (tmp_path / "counts.csv").write_text("\n".join([head, row, "", row.replace("both arms", "all")]))
    with pytest.raises(UserError, match=r"counts\.csv, row 4: paper:.*:n is reported in counts\.csv, row 2 too$"):
        claims.read_claims(tmp_path)


def test_a_known_difference_applies_to_its_kind_of_data_and_is_refused_for_an_unknown_claim(tmp_path):
    (tmp_path / "known_differences.csv").write_text("claim,data,reason\nregistry:a:affected,any,1\nb,synthetic,2\n")
    known = [claims.read_known_differences(tmp_path, synthetic=synthetic) for synthetic in (True, False)]
    assert known == [{"registry:a:affected": "1", "b": "2"}, {"registry:a:affected": "1"}]
    events = "source,locator,event,group,affected,at_risk,percent\nregistry,,a,,1,9,"
    (tmp_path / "adverse_events.csv").write_text(events)
    with pytest.raises(UserError, match=r"known_differences\.csv, row 3: no reported value is called 'b'"):
        claims.read_claims(tmp_path)


def test_verdicts_are_the_same_after_writing_and_reading(tmp_path, verdicts):
    write_csv(verdicts, tmp_path / "claims.csv")
    again = claims.read_verdicts(tmp_path / "claims.csv")
    pd.testing.assert_frame_equal(again, verdicts, check_dtype=False)


@pytest.mark.parametrize("label", [None, "synthetic data"])
def test_known_differences_of_the_synthetic_cohort_are_those_of_marked_participants_alone(label, few, tmp_path):
    replace(few.participants, label=label).write(tmp_path / "workbooks/reconstructed")
    for name in ("results", "alternatives", "strata"):
        write_csv(getattr(few, name), tmp_path / f"published/{name}.csv")
    assert cli.main(["tables", "--config", pipeline.CONFIG, "--results", str(tmp_path)]) == 0
    known = claims.read_verdicts(tmp_path / "published/claims.csv")["known_difference"]
    assert known.ne("").any() == bool(label)


# The claim about P of the primary endpoint.
PRIMARY = {"outcome": "ctx", "measure": "percent_change", "visit": "week_20", "marker": "", "stratum": "all"}
PRIMARY |= {"contrast": "d_q - control", "group": "", "claim": "c", "source": "paper", "locator": "Fig. 3a"}
NO_STRATA = pd.DataFrame(columns=["marker"])


def judged(
    value, relation, reported, statistic="p", others=(), known=None, reason="", strata=NO_STRATA, has=None, **key
):
    """The verdict on one reported number of the primary endpoint; ``has`` is of the results, ``key`` of the claim."""
    about = PRIMARY | {"quantity": statistic, "statistic": statistic, "reported": reported, "relation": relation}
    row = {name: about[name] for name in KEYS} | {"value": value, "reason": reason, "method": "normal"} | (has or {})
    alternatives = pd.DataFrame([{**row, "value": v, "method": m} for m, v in others], columns=list(row))
    claim = about | {"not_checkable": "", "test": ""} | key
    return claims.judge_claims([claim], pd.DataFrame([row]), alternatives, TRIAL, known or {}, strata).iloc[0]


@pytest.mark.parametrize(
    ("labels", "same"),
    [
        (["low"] * 4 + ["high"] * 3, {"T1/T2": "low", "T3": "high"}),
        (["A"] * 2 + ["B"] * 2 + ["C"] * 3, {"T3": "C"}),
        (["T1/T2"] * 5 + ["T3"] * 2, {}),
    ],
)
def test_a_claim_about_a_stratum_is_judged_by_its_members_not_by_its_label(labels, same):
    # The 2/3 quantile of the marker is the fifth value, which goes up; another marker has no values, so its strata go by their labels.
    marker, other = "p16_variant_5", "p16_variant_1+5"
    strata = pd.DataFrame({"marker": marker, "marker_value": [1.0, 2, 3, 4, 5, 6, 7], "stratum": labels})
    strata = pd.concat([strata, strata.assign(marker=other, marker_value=math.nan)])
    for field, named in (("stratum", ["T1/T2"]), ("stratum", ["T3"]), ("contrast", ["T3", "T1/T2"])):
        for by, own in ((marker, same), (other, {name: name for name in named})):
            here = {field: " - ".join(own.get(name, "none") for name in named), "marker": by}
            found = judged(0.611, "=", "0.611", strata=strata, has=here, marker=by, **{field: " - ".join(named)})
            if own.keys() >= set(named):
                assert (found["verdict"], found[field]) == (claims.REPRODUCED, here[field])
            else:
                assert (found["verdict"], found["note"]) == (claims.NOT_APPLICABLE, claims.OTHER_SUBGROUPS)


BOUND = "the reported bound holds for: exact test"
OTHERS, TWO = "the reported value is that of: exact test", [("exact", 0.611), ("type_6", 0.6108)]


@pytest.mark.parametrize(
    ("given", "verdict", "note"),
    [
        # A bound excludes its limit, unless it is reported as one that includes it.
        ((0.04, "<", "0.05"), claims.WITHIN_BOUND, ""),
        ((0.05, "<", "0.05"), claims.OUTSIDE_BOUND, ""),
        ((0.05, "<=", "0.05"), claims.WITHIN_BOUND, ""),
        ((0.05000000000000001, "<=", "0.05"), claims.WITHIN_BOUND, ""),  # rounding error of the computer
        ((0.05, ">", "0.05"), claims.OUTSIDE_BOUND, ""),
        ((0.05, ">=", "0.05"), claims.WITHIN_BOUND, ""),
        ((0.315, ">", "0.05"), claims.WITHIN_BOUND, ""),
        ((-0.1, "<", "0", "median_difference"), claims.WITHIN_BOUND, ""),
        ((0.1, "<", "0.000"), claims.NOT_CHECKABLE, "impossible: no P-value is below 0"),
        # Ties in rounding match either way.
        ((0.117, "=", "0.900"), claims.NOT_REPRODUCED, ""),
        ((0.0004, "=", "0.000"), claims.REPRODUCED, "reported as zero: below half a unit of its last decimal"),
        ((0.0006, "=", "0.000"), claims.NOT_REPRODUCED, ""),
        ((0.575, "=", "0.57"), claims.REPRODUCED, "rounded as a binary number"),
        ((0.125, "=", "0.13"), claims.REPRODUCED, ""),
        # Other conventions that round to the reported value are named.
        ((0.5, "=", "0.611", "p", [("exact", 0.6114), ("normal_continuity", 0.62)]), claims.OTHER_CONVENTION, OTHERS),
        ((0.5, "=", "0.611", "p", TWO), claims.OTHER_CONVENTION, f"{OTHERS}, quartile type 6"),
        ((0.5, "=", "0.611", "p", [("exact", math.nan), ("type_6", 0.6)]), claims.NOT_REPRODUCED, ""),
        ((0.6114, "=", "0.611", "p", [("exact", 0.611)]), claims.REPRODUCED, ""),
        ((0.06, "<", "0.05", "p", [("exact", 0.04)]), claims.OTHER_CONVENTION, BOUND),
        ((0.04, ">", "0.05", "p", [("exact", 0.03)]), claims.OUTSIDE_BOUND, ""),
        # The size of a group without values is checked only if it is reported as zero.
        ((0.0, "=", "21", "n"), claims.NOT_CHECKABLE, claims.NO_GROUP),
        ((0.0, "=", "0", "n"), claims.REPRODUCED, ""),
        ((20.0, "=", "21", "n"), claims.NOT_REPRODUCED, ""),
    ],
)
def test_a_verdict_follows_from_the_recomputed_and_the_reported_value(given, verdict, note):
    found = judged(*given)
    assert (found["verdict"], found["note"], found["value"]) == (verdict, note, given[0])


@pytest.mark.parametrize(
    ("key", "note"),
    [
        ({"outcome": "sasp_composite", "test": "other"}, "sasp_composite is not an outcome that can be computed"),
        ({"outcome": "p16_variant_5", "group": "fisetin"}, "the arm Fisetin is not analysed"),
        ({"outcome": "p1np"}, "this analysis has no outcome p1np"),
        ({"measure": "log_ratio"}, "this analysis has no measure log_ratio for this result, only percent_change"),
        ({"measure": "correlation", "outcome": "p16_variant_5"}, "this analysis has no measure correlation"),
        ({"visit": "week_2"}, "this analysis has no visit week_2 for this result, only week_20"),
        ({"stratum": ""}, "this analysis has no stratum (empty) for this result, only all"),
        ({"visit": "week_20", "stratum": "T3", "group": "Placebo"}, "this analysis has no stratum T3"),
        ({"contrast": "T3 - T1/T2"}, "this analysis has no contrast T3 - T1/T2 for this result, only d_q - control"),
        ({"not_checkable": claims.NO_EVENTS}, claims.NO_EVENTS),
        ({"test": "other"}, claims.OTHER_TEST),
        ({"test": "chi_squared"}, claims.OTHER_TEST),
    ],
)
def test_a_claim_that_cannot_be_checked_says_what_the_analysis_lacks(key, note):
    found = judged(0.611, "=", "0.611", **key)
    assert (found["verdict"], found["recomputed"], found["note"]) == (claims.NOT_CHECKABLE, "", note)
    assert math.isnan(found["value"])


def test_a_row_of_verdicts_has_the_claim_the_numbers_as_text_and_the_key():
    row = judged(0.6114, "=", "0.611", known={"c": "why"})
    expected = ("c", "paper", "Fig. 3a", "p", "0.611", "0.611", claims.REPRODUCED, "", "why", 0.6114)
    assert tuple(row) == (*expected, *((PRIMARY | {"statistic": "p"})[name] for name in KEYS))
    assert tuple(row.index) == claims.COLUMNS
    for given, shown in (
        ((0.0123456, "<", "0.05"), ("< 0.05", "0.0123")),
        ((1.23456, ">", "0.50", "median_difference"), ("> 0.50", "1.2346")),
        ((0.00003, "<", "0.00001"), ("< 0.00001", "0.0000300")),
        ((1e-9, "<", "0.001"), ("< 0.001", "<0.00001")),
        ((0.05004, "<", "0.05"), ("< 0.05", "0.05004")),  # not 0.0500, the limit
        ((1.9e-6, "=", "0.000"), ("0.000", "<0.001")),
        ((1057104.5, "=", "1,057,105", "median"), ("1,057,105", "1057105")),  # half up
        ((0.575, "=", "0.57"), ("0.57", "0.57")),  # as a binary number
    ):
        assert tuple(judged(*given)[["reported", "recomputed"]]) == shown
    undefined = judged(math.nan, "=", "0.611", reason="all values are equal")
    assert tuple(undefined[["recomputed", "verdict", "note"]]) == ("", claims.NOT_CHECKABLE, "all values are equal")
