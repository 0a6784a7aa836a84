"""Checks of printed tables against each other: each finds its fault, and is silent where there is none."""

import pytest

from d_q_trial.consistency import table_checks
from d_q_trial.consistency.assess import Report
from d_q_trial.consistency.quartiles import Decision
from d_q_trial.consistency.reported import Reported


def findings(check, **tables):
    """Findings of one check of tables that are given by their names."""
    return list(
        getattr(table_checks, check)(Report(Reported("t", [], tables=tables), None, [], Decision([], {}), [], []))
    )


def summary(**cells):
    row = {"source": "paper", "locator": "Table 1", "outcome": "age", "measure": "baseline", "visit": "baseline",
           "marker": "", "stratum": "all", "group": "new", "n": "", "statistic": "median_iqr", "center": "50.1",
           "lower": "40.2", "upper": "60.3", "unit": "years"}  # fmt: skip
    return row | cells


def baseline(group, value, n, spread="5.0"):
    return {"source": "registry", "locator": "baseline", "outcome": "age", "measure": "baseline", "visit": "baseline",
            "group": group, "n": str(n), "statistic": "mean_sd", "value": value, "spread": spread, "unit": "years"}  # fmt: skip


def p_row(source, p, **cells):
    return {"source": source, "locator": "Fig. 1", "outcome": "age", "measure": "change", "visit": "late", "marker": "",
            "stratum": "all", "contrast": "new - old", "test": "rank_sum", "p_relation": "=", "p": p} | cells  # fmt: skip


@pytest.mark.parametrize(("other", "kind"), [("0.04", "agreement"), ("0.041", "agreement"), ("0.043", "difference")])
def test_two_sources_agree_at_their_printed_decimals(other, kind):
    found = findings("sources_agree", tests=[p_row("paper", "0.041"), p_row("registry", other)])
    assert [f.kind for f in found] == [kind]


def test_means_that_repeat_all_medians_are_observed():
    medians = [summary(group="new", center="50.1"), summary(group="old", center="52.4")]
    same = [baseline("new", "50.1", 30), baseline("old", "52.4", 30)]
    (finding,) = findings("means_equal_medians", registry_baseline=same, summaries=medians)
    assert finding.kind == "observation"
    one = [baseline("new", "50.1", 30), baseline("old", "52.9", 30)]
    assert findings("means_equal_medians", registry_baseline=one, summaries=medians) == []


@pytest.mark.parametrize(("total", "kind"), [("51.2", "agreement"), ("51.9", "difference")])
def test_total_of_means_is_weighted_by_numbers(total, kind):
    rows = [baseline("new", "50.0", 40), baseline("old", "53.7", 20), baseline("total", total, 60)]
    (finding,) = findings("total_of_means", registry_baseline=rows)
    assert finding.kind == kind
    assert "51.23" in finding.what


def limits(last, spare="-3.1"):
    rows = [summary(measure="percent_change", statistic="median_range", center=f"{i}.1", lower="-20.4", upper=f"{60 + i}.2")
            for i in range(9)]  # fmt: skip
    return [*rows, summary(outcome="crp", measure="percent_change", statistic="median_range", center=spare, upper=last)]


def test_limit_without_its_decimal_is_observed():
    (finding,) = findings("decimals", summaries=limits("1480"))
    assert "times the next largest" in finding.what
    assert "148.0" in finding.expected


def test_rows_with_fewer_decimals_throughout_are_left_alone():
    rows = limits("148.0")
    rows[-1] |= {"center": "3", "lower": "1", "upper": "9"}
    assert findings("decimals", summaries=rows) == []


@pytest.mark.parametrize(("lower", "count"), [("-187.7", 1), ("-100.0", 0), ("-99.9", 0)])
def test_percentage_change_below_minus_100_is_observed(lower, count):
    assert len(findings("changes_below_minus_100", summaries=[summary(measure="percent_change", lower=lower)])) == count


def test_quartile_beyond_the_range_of_another_source_differs():
    quartiles = summary(center="5.0", lower="2.0", upper="9.0")
    assert (
        findings("order_of_limits", summaries=[quartiles, summary(statistic="median_range", lower="1.0", upper="9.0")])
        == []
    )
    found = findings(
        "order_of_limits", summaries=[quartiles, summary(statistic="median_range", lower="1.0", upper="8.0")]
    )
    assert [f.kind for f in found] == ["difference"]


def count(n, group="both arms", stratum="all", visit="late", marker="", **cells):
    return {"source": "paper", "locator": "Fig. 1", "outcome": "ctx", "measure": "change", "visit": visit,
            "marker": marker, "stratum": stratum, "group": group, "n": str(n)} | cells  # fmt: skip


@pytest.mark.parametrize(("upper", "kinds"), [(20, ["agreement"]), (21, ["difference", "agreement"])])
def test_strata_add_up_to_the_whole(upper, kinds):
    rows = [count(60), count(upper, stratum="T3", marker="p16"), count(40, stratum="T1/T2", marker="p16")]
    assert [f.kind for f in findings("parts_and_wholes", counts=rows)] == kinds


def test_completers_fewer_than_measured_differ_and_sums_are_checked():
    lines = [{"source": "registry", "locator": "flow", "milestone": m, "reason": "", "group": "new", "n": str(n)}
            for m, n in (("started", 30), ("completed", 27), ("not_completed", 3))]  # fmt: skip
    rows = [count(30, "new", visit="early"), count(28, "new")]
    (finding,) = findings("flow", registry_flow=lines, counts=rows)
    assert "27 completed, yet up to 28" in finding.what
    rows[1]["n"] = "27"
    assert findings("flow", registry_flow=lines, counts=rows) == []
    lines[2]["n"] = "2"
    assert [f.finding for f in findings("flow", registry_flow=lines, counts=rows)] == ["flow-sum-new"]


@pytest.mark.parametrize(("stratum", "kind"), [(20, "agreement"), (21, "observation")])
def test_tertile_holds_a_third(stratum, kind):
    said = [{"source": "paper", "locator": "Methods", "kind": "share", "subject": "p16", "group": "T3", "value": "1/3"}]
    (finding,) = findings("shares", statements=said, counts=[count(60), count(stratum, stratum="T3", marker="p16")])
    assert finding.kind == kind


def two_by_two(p):
    said = [
        {"source": "paper", "locator": "Table 1 footnote", "kind": "test", "subject": "Table 1", "value": "rank_sum"}
    ]
    rows = [p_row("paper", p, outcome="smoker", visit="baseline", locator="Table 1", test="chi_squared")]
    groups = [summary(outcome="smoker", group=g, n="30", statistic="count_percent", center=c) for g, c in (("new", "10"), ("old", "12"))]  # fmt: skip
    return findings("stated_tests", statements=said, tests=rows, summaries=groups)


def test_footnote_naming_another_test_is_found_by_recomputing():
    (finding,) = two_by_two("0.592")
    # R: chisq.test(matrix(c(10, 20, 12, 18), 2), correct = FALSE)$p.value 0.592; correct = TRUE and fisher.test 0.789
    assert finding.what.endswith("is that of chi-squared")
    assert "Yates' correction 0.789; Fisher's exact test 0.789; rank-sum test 0.595" in finding.how
    assert finding.certainty == "certain"


@pytest.mark.parametrize(("percent", "kinds"), [("53", ["agreement"]), ("54", ["difference", "agreement"])])
def test_percentages_are_recomputed(percent, kinds):
    event = {"source": "paper", "locator": "T", "event": "headache", "group": "new", "affected": "16", "at_risk": "30",
             "percent": percent}  # fmt: skip
    assert [f.kind for f in findings("percentages", adverse_events=[event])] == kinds


def event(source, name, new, old=""):
    return [{"source": source, "locator": source, "event": name, "group": g, "affected": str(n), "at_risk": "30", "percent": ""}
            for g, n in (("new", new), ("old", old))]  # fmt: skip


LISTED = [{"source": "paper", "locator": "footnote", "kind": "listed_from", "subject": "", "group": "", "value": "2"}]


def test_adverse_events_are_matched_and_differences_told_apart():
    rows = [
        *event("paper", "Headache", 16),
        *event("paper", "Gastrointestinal reflux", 2),
        *event("paper", "Body pain", 5, 2),
        *event("paper", "Nausea", 5),
        *event("registry", "Headache", 16, 0),
        *event("registry", "Gastroesophageal reflux disease", 2, 0),
        *event("registry", "Nausea", 6, 0),
        *event("registry", "Pain in extremity", 2, 3),
        *event("registry", "Cough", 1, 0),
    ]
    found = {f.finding: f for f in findings("adverse_events", adverse_events=rows, statements=LISTED)}
    assert "reflux" in found["adverse-events-agree"].value
    assert found["adverse-events-differ"].value == "nausea, new: 5 against 6"
    assert "body pain, new: 5" in found["adverse-events-only-paper"].what
    assert found["adverse-events-only-registry"].value == "pain in extremity, new: 2; pain in extremity, old: 3"


def test_events_below_the_stated_threshold_are_not_missed():
    rows = [*event("paper", "Headache", 16), *event("registry", "Headache", 16, 0), *event("registry", "Cough", 1, 0)]
    assert [f.finding for f in findings("adverse_events", adverse_events=rows, statements=LISTED)] == [
        "adverse-events-agree"
    ]
