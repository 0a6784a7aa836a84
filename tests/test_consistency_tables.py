"""Checks of published tables against each other: findings appear and disappear with the cells that they are about."""

import shutil

import pandas as pd
import pytest

from d_q_trial.consistency import checks
from d_q_trial.consistency.inference import Inference, Report
from d_q_trial.consistency.quartiles import Decision
from d_q_trial.consistency.reported import read_folder

AGE, SMOKER = {"outcome": "age", "group": "d_q"}, {"outcome": "smoker"}
P1NP_4 = {"source": "registry", "outcome": "p1np", "group": "d_q", "visit": "week_4"}
SASP = {"outcome": "sasp_composite", "group": "d_q"}
CTX = {"source": "registry", "outcome": "ctx", "visit": "week_20"}
BODY = {"source": "paper", "event": "Body pain"}


def check_tables(reported):
    report = Report(reported, Inference([], {}, {}), [], Decision([], {}), [], [])
    functions = [check for name, check in vars(checks).items() if name.startswith("check_")]
    return {finding.finding: finding for check in functions for finding in check(report)}


def check_altered_copy(tmp_path, table, where, change):
    """Check a copy of the published tables in which the rows that match have other cells."""
    folder = shutil.copytree("data/published", tmp_path / "published")
    path = folder / f"{table}.csv"
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    matching = rows[list(where)].eq(where).all(axis=1)
    assert matching.any(), "no row to change"
    rows.loc[matching, list(change)] = list(change.values())
    rows.to_csv(path, index=False)
    return check_tables(read_folder(folder))


@pytest.fixture(scope="module")
def as_published():
    return check_tables(read_folder("data/published"))


@pytest.mark.parametrize(("name", "table", "where", "change", "message"), [  # None if the finding disappears
    ("means-equal-medians-age", "registry_baseline", AGE, {"value": "71.3"}, None),
    ("total-of-means-registry-age", "registry_baseline", {"group": "total"}, {"value": "73.4"}, None),
    ("decimals-registry-p1np-week_4-d_q-upper", "summaries", P1NP_4, {"upper": "148.0"}, None),
    ("decimals-registry-p1np-week_4-d_q-upper", "summaries", P1NP_4, {"center": "3", "lower": "1"}, None),
    ("below-minus-100-registry-sasp_composite-week_2-d_q-lower", "summaries", SASP, {"lower": "-100.0"}, None),
    ("stated-n-paper-fig-3-caption", "statements", {"kind": "n"}, {"visits": "week_2"}, None),
    ("completers-d_q", "registry_flow", {"milestone": "completed", "group": "d_q"}, {"n": "28"}, None),
    ("stated-test-smoker", "statements", {"kind": "test", "subject": "Table 1"}, {"value": "chi_squared"}, None),
    ("stated-test-smoker", "tests", SMOKER, {"test": "rank_sum", "p": "0.595"}, None),
    ("adverse-events-differ", "adverse_events", BODY, {"event": "Pain in extremity"}, "pain in extremity, d_q: 5 against 2"),
    ("adverse-events-only-registry", "statements", {"kind": "listed_from"}, {"value": "9"}, None),
    ("withdrawals-d_q", "flow", {"step": "left_treatment"}, {"step": "withdrew"}, None),
    ("share-p16_variant_5-T3", "statements", {"kind": "share"}, {"value": "7/20"}, None),
    ("stated-hba1c-exclusion-limit", "statements", {"source": "registry", "kind": "limit"}, {"value": "6.5"}, None),
    ("decimals-registry-p1np-week_20-d_q-upper", "summaries", P1NP_4 | {"visit": "week_20"}, {"upper": "1309"},
     "1309 has no decimal"),
    ("below-minus-100-registry-ctx-week_20-control-lower", "summaries", CTX | {"group": "control"},
     {"lower": "-142.4"}, "−142.4%"),
    ("sources-differ-median-ctx-percent_change-week_20-all-control", "summaries", CTX | {"group": "control"},
     {"center": "-7.8"}, "median of ctx"),
    ("order-age-baseline-baseline-all-d_q-q1-median", "summaries", AGE, {"lower": "99.9"},
     "q1 99.9 lies above median"),
    ("order-ctx-percent_change-week_20-all-d_q-q3-maximum", "summaries", CTX | {"group": "d_q"}, {"upper": "2.4"},
     "q3 2.6 lies above maximum 2.4"),
    ("percent-paper-extended-data-table-1-body-pain-d-q", "adverse_events", BODY | {"group": "d_q"},
     {"percent": "18"}, "5 of 30 is 16.7%, reported as 18%"),
    ("flow-sum-control", "registry_flow", {"milestone": "completed", "group": "control"}, {"n": "27"},
     "27 completed and 2 did not, of 30 started"),
    ("stated-test-smoker", "tests", SMOKER, {"p": "0.789"}, "with Yates' correction"),
    ("stated-test-age", "tests", {"outcome": "age"}, {"test": "other"}, "of another test"),
    ("adverse-events-differ", "adverse_events", {"source": "paper", "event": "Headache", "group": "d_q"},
     {"affected": "15"}, "headache, d_q: 15 against 16"),
    ("flow-reasons-control", "registry_flow", {"reason": "Protocol Violation", "group": "control"}, {"n": "2"},
     "3 reasons for 2"),
    ("sum-paper-ctx-percent_change-week_2-p16_variant_5", "counts",
     {"outcome": "ctx", "visit": "week_2", "stratum": "T3", "marker": "p16_variant_5"}, {"n": "22"}, "add up to 61"),
    ("sum-registry-age-baseline-baseline-groups", "registry_baseline", {"group": "total"}, {"n": "75"},
     "the groups add up to 74, the whole is reported as 75"),
])  # fmt: skip
def test_a_finding_appears_and_disappears_with_its_cause(tmp_path, as_published, name, table, where, change, message):
    before, after = as_published.get(name), check_altered_copy(tmp_path, table, where, change).get(name)
    if message:
        assert before is None or message not in before.what
        assert message in after.what
    else:
        assert before.kind in ("difference", "observation")
        assert all((before.where, before.how, before.harmless_explanation))
        assert after is None or after.kind == "agreement"


def test_means_without_spread_must_equal_their_medians(tmp_path):
    finding = check_altered_copy(tmp_path, "registry_baseline", {"outcome": "age"}, {"spread": "0"})[
        "means-equal-medians-age"
    ]
    assert "the last digit is over 0.999" in finding.how
    assert finding.certainty == "open"


def test_two_sources_are_compared_at_the_decimals_that_both_report(tmp_path, as_published):
    where = {"source": "registry", "outcome": "p1np", "visit": "week_4"}
    after = check_altered_copy(tmp_path, "tests", where, {"p": "0.02"})  # the paper reports 0.024
    assert after["sources-agree"].what == as_published["sources-agree"].what


def test_findings_state_what_the_checks_compute_and_explain_differences(as_published):
    finding = as_published["stated-test-smoker"]
    # R: chisq.test(matrix(c(10, 20, 12, 18), 2), correct = FALSE)$p.value 0.592; correct = TRUE and fisher.test 0.789
    assert finding.what.endswith("is that of chi-squared")
    assert finding.how.startswith("Recomputed from 10 of 30 and 12 of 30: chi-squared 0.592;")
    assert "Yates' correction 0.789; Fisher's exact test 0.789; rank-sum test 0.595" in finding.how
    assert finding.certainty == "certain"
    assert "average 73.39" in as_published["total-of-means-registry-age"].what  # weighted by numbers
    assert "(30 × 71.2 + 14 × 75.9 + 30 × 74.4) / 74" in as_published["total-of-means-registry-age"].how
    assert as_published["total-of-means-registry-age"].how.endswith("The standard deviation is 5.8; 5.7 is reported.")
    limit = as_published["decimals-registry-p1np-week_4-d_q-upper"]
    assert "times the next largest" in limit.what
    assert "148.0" in limit.expected
    longer = read_folder("data/published")
    for row in longer.tables["summaries"]:
        row |= {part: f"{row[part]}00" for part in ("center", "lower", "upper") if "." in row[part]}
        row |= {"upper": "1480.25"} if P1NP_4.items() <= row.items() else {}
    limit = check_tables(longer)["decimals-registry-p1np-week_4-d_q-upper"]
    assert "1480.25 has 2 decimals among" in limit.what
    assert limit.expected.startswith("a number with 3 decimals;")
    assert as_published["adverse-events-agree"].value.startswith("overall (control), overall (d_q), headache (d_q)")
    assert "reflux (d_q) as gastroesophageal reflux disease" in as_published["adverse-events-agree"].value
    only_paper, only_registry = (as_published[f"adverse-events-only-{source}"] for source in ("paper", "registry"))
    assert only_paper.what.endswith("does not use: body pain, control: 2; body pain, d_q: 5")
    assert "pain and pain in extremity) sum to 3 (control) and 8 (d_q)" in only_paper.how
    assert "does not show: covid, d_q: 2" in only_registry.what
    assert "covid, d_q: 2; pain, d_q: 3; pain in extremity, control: 3" in only_registry.value
    # Agreements need no explanation.
    assert not any(finding.harmless_explanation for finding in as_published.values() if finding.kind == "agreement")
    assert "left treatment but stayed" in as_published["withdrawals-d_q"].harmless_explanation


@pytest.mark.parametrize("table", ["registry_baseline", "registry_flow", "flow", "statements", "adverse_events"])
def test_without_one_table_the_others_keep_their_findings(as_published, table):
    reported = read_folder("data/published")
    del reported.tables[table]
    assert set() < check_tables(reported).keys() < as_published.keys()
