"""Checks of published tables against each other: each finds its fault, and no fault where there is none."""

import csv
import shutil

import pytest

from d_q_trial.consistency import table_checks
from d_q_trial.consistency.inference import Report
from d_q_trial.consistency.quartiles import Decision
from d_q_trial.consistency.reported import Reported, read_folder

PLACE = {"source": "paper", "locator": "Fig. 1", "outcome": "age", "measure": "change", "visit": "late", "marker": "",
         "stratum": "all"}  # fmt: skip


def check_tables(reported, checks=table_checks.CHECKS):
    report = Report(reported, None, [], "normal", Decision([], {}), [], [])
    return [finding for check in checks for finding in check(report)]


def findings(check, **tables):
    """Findings of one check of tables that are given by their names."""
    return check_tables(Reported("title", [], tables=tables), [getattr(table_checks, check)])


def kinds(check, **tables):
    return [finding.kind for finding in findings(check, **tables)]


def summary(**cells):
    return PLACE | {"measure": "baseline", "visit": "baseline", "group": "new", "n": "", "statistic": "median_iqr",
                    "center": "50.1", "lower": "40.2", "upper": "60.3", "unit": "years"} | cells  # fmt: skip


def baseline(group, value, n):
    return PLACE | {"source": "registry", "visit": "baseline", "group": group, "n": str(n), "statistic": "mean_sd",
                    "value": value, "spread": "5.0"}  # fmt: skip


def p_row(source, p, **cells):
    return PLACE | {"source": source, "contrast": "new - old", "test": "rank_sum", "p_relation": "=", "p": p} | cells


def count(n, group="both arms", **cells):
    return PLACE | {"outcome": "ctx", "group": group, "n": str(n)} | cells


@pytest.mark.parametrize(("other", "kind"), [("0.04", "agreement"), ("0.041", "agreement"), ("0.043", "difference")])
def test_two_sources_are_compared_at_their_reported_decimals(other, kind):
    assert kinds("sources_agree", tests=[p_row("paper", "0.041"), p_row("registry", other)]) == [kind]


@pytest.mark.parametrize(("total", "kind"), [("51.2", "agreement"), ("51.9", "difference")])
def test_total_of_means_is_weighted_by_numbers(total, kind):
    rows = [baseline("new", "50.0", 40), baseline("old", "53.7", 20), baseline("total", total, 60)]
    (finding,) = findings("total_of_means", registry_baseline=rows)
    assert finding.kind == kind
    assert "51.23" in finding.what


def limits(**last):
    change = {"measure": "percent_change", "statistic": "median_range"}
    rows = [summary(**change, center=f"{i}.1", lower="-20.4", upper=f"{60 + i}.2") for i in range(9)]
    return [*rows, summary(**change, outcome="crp", **{"center": "-3.1", "lower": "-9.1"} | last)]


def test_a_limit_without_its_decimal_is_observed():
    (finding,) = findings("decimals", summaries=limits(upper="1480"))
    assert "times the next largest" in finding.what
    assert "148.0" in finding.expected
    assert findings("decimals", summaries=limits(center="3", lower="1", upper="9")) == []  # a row of whole numbers


@pytest.mark.parametrize(("maximum", "expected"), [("9.0", []), ("8.0", ["difference"])])
def test_a_quartile_beyond_the_range_of_another_source_differs(maximum, expected):
    rows = [summary(center="5.0", lower="2.0", upper="9.0")]
    rows.append(summary(source="registry", center="5.0", statistic="median_range", lower="1.0", upper=maximum))
    assert kinds("order_of_limits", summaries=rows) == expected


@pytest.mark.parametrize(
    ("measured", "missing", "expected"),
    [(28, 3, ["completers-new"]), (27, 3, []), (27, 2, ["flow-sum-new"])],
)
def test_completers_are_at_least_those_measured_and_milestones_add_up(measured, missing, expected):
    milestones = {"started": 30, "completed": 27, "not_completed": missing}
    lines = [
        {"source": "registry", "locator": "flow", "milestone": m, "reason": "", "group": "new", "n": str(n)}
        for m, n in milestones.items()
    ]
    rows = [count(30, "new", visit="early"), count(measured, "new")]
    assert [finding.finding for finding in findings("flow", registry_flow=lines, counts=rows)] == expected


def test_a_footnote_that_names_another_test_is_found_by_recomputing():
    stated = [PLACE | {"locator": "footnote", "kind": "test", "subject": "Fig. 1", "value": "rank_sum"}]
    tests = [p_row("paper", "0.592", outcome="smoker", visit="baseline", test="chi_squared")]
    groups = [
        summary(outcome="smoker", group=group, n="30", statistic="count_percent", center=n)
        for group, n in (("new", "10"), ("old", "12"))
    ]
    (finding,) = findings("stated_tests", statements=stated, tests=tests, summaries=groups)
    # R: chisq.test(matrix(c(10, 20, 12, 18), 2), correct = FALSE)$p.value 0.592; correct = TRUE and fisher.test 0.789
    assert finding.what.endswith("is that of chi-squared")
    assert "Yates' correction 0.789; Fisher's exact test 0.789; rank-sum test 0.595" in finding.how
    assert finding.certainty == "certain"


def event(source, name, new, old="", percent=""):
    return [
        PLACE | {"source": source, "event": name, "group": g, "affected": str(n), "at_risk": "30", "percent": percent}
        for g, n in (("new", new), ("old", old))
    ]


@pytest.mark.parametrize(("percent", "expected"), [("53", ["agreement"]), ("54", ["difference", "agreement"])])
def test_percentages_are_recomputed(percent, expected):
    assert kinds("percentages", adverse_events=event("paper", "headache", 16, percent=percent)) == expected


LISTED = [PLACE | {"locator": "footnote", "kind": "listed_from", "subject": "", "group": "", "value": "2"}]


def test_adverse_events_are_matched_by_name_and_by_count():
    rows = [
        *event("paper", "Headache", 16),
        *event("paper", "Gastrointestinal reflux", 2),
        *event("paper", "Body pain", 5, 2),
        *event("paper", "Nausea", 5),
        *event("registry", "Headache", 16, 0),
        *event("registry", "Gastroesophageal reflux disease", 2, 0),
        *event("registry", "Nausea", 6, 0),
        *event("registry", "Pain in extremity", 2, 3),
        *event("registry", "Cough", 1, 0),  # below the stated threshold
    ]
    found = {f.finding: f for f in findings("adverse_events", adverse_events=rows, statements=LISTED)}
    assert "reflux" in found["adverse-events-agree"].value
    assert found["adverse-events-differ"].value == "nausea, new: 5 against 6"
    assert "body pain, new: 5" in found["adverse-events-only-paper"].what
    assert found["adverse-events-only-registry"].value == "pain in extremity, new: 2; pain in extremity, old: 3"


# The published tables of the trial: a finding comes and goes with the cells that it is about.


def same(row, cells):
    return all(row[column] == value for column, value in cells.items())


def findings_after(tmp_path, table, where, change):
    """Findings of a copy of the published tables in which the rows that match have other cells."""
    folder = tmp_path / "published"
    shutil.copytree("data/published", folder)
    path = folder / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert any(same(row, where) for row in rows), "no row to change"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | change if same(row, where) else row for row in rows)
    return {finding.finding: finding for finding in check_tables(read_folder(folder))}


@pytest.fixture(scope="module")
def as_published():
    return {finding.finding: finding for finding in check_tables(read_folder("data/published"))}


AGE, SMOKER = {"outcome": "age", "group": "d_q"}, {"outcome": "smoker"}
P1NP = {"source": "registry", "outcome": "p1np", "group": "d_q"}
SASP = {"outcome": "sasp_composite", "group": "d_q"}
CTX = {"source": "registry", "outcome": "ctx", "visit": "week_20"}
BODY = {"source": "paper", "event": "Body pain"}


@pytest.mark.parametrize(
    ("name", "table", "where", "change"),
    [
        ("means-equal-medians-age", "registry_baseline", AGE, {"value": "71.3"}),
        ("means-equal-medians-age", "summaries", AGE, {"center": "71.1"}),
        ("total-of-means-registry-age", "registry_baseline", {"group": "total"}, {"value": "73.4"}),
        ("decimals-registry-p1np-week_4-d_q-upper", "summaries", P1NP | {"visit": "week_4"}, {"upper": "148.0"}),
        ("below-minus-100-registry-sasp_composite-week_2-d_q-lower", "summaries", SASP, {"lower": "-100.0"}),
        ("stated-n-paper-fig-3-caption", "statements", {"kind": "n"}, {"visits": "week_2"}),
        ("completers-d_q", "registry_flow", {"milestone": "completed", "group": "d_q"}, {"n": "28"}),
        ("stated-test-smoker", "statements", {"kind": "test", "subject": "Table 1"}, {"value": "chi_squared"}),
        ("stated-test-smoker", "tests", SMOKER, {"test": "rank_sum", "p": "0.595"}),
        ("adverse-events-only-paper", "adverse_events", BODY, {"event": "Pain in extremity"}),
        ("adverse-events-only-registry", "statements", {"kind": "listed_from"}, {"value": "9"}),
        ("withdrawals-d_q", "flow", {"step": "left_treatment"}, {"step": "withdrew"}),
        ("share-p16_variant_5-T3", "statements", {"kind": "share"}, {"value": "7/20"}),
        ("stated-hba1c-that-excludes", "statements", {"source": "registry", "kind": "limit"}, {"value": "6.5"}),
    ],
)
def test_a_finding_disappears_with_its_cause(tmp_path, as_published, name, table, where, change):
    before = as_published[name]
    assert before.kind in ("difference", "observation")
    assert all((before.where, before.how, before.harmless_explanation))
    after = findings_after(tmp_path, table, where, change)
    assert name not in after or after[name].kind == "agreement"


@pytest.mark.parametrize(
    ("name", "words", "table", "where", "change"),
    [
        ("decimals-registry-p1np-week_20-d_q-upper", "1309 has no decimal", "summaries", P1NP | {"visit": "week_20"},
         {"upper": "1309"}),
        ("below-minus-100-registry-ctx-week_20-control-lower", "−142.4%", "summaries", CTX | {"group": "control"},
         {"lower": "-142.4"}),
        ("sources-differ-median-ctx-percent_change-week_20-all-control", "median of ctx", "summaries",
         CTX | {"group": "control"}, {"center": "-7.9"}),
        ("sources-differ-P-p1np-percent_change-week_4-all-d_q-control", "P of p1np", "tests",
         {"source": "registry", "outcome": "p1np", "visit": "week_4"}, {"p": "0.026"}),
        ("sources-differ-n-ctx-percent_change-week_20-all-d_q", "n of ctx", "summaries", CTX | {"group": "d_q"},
         {"n": "29"}),
        ("stated-test-smoker", "with Yates' correction", "tests", SMOKER, {"p": "0.789"}),
        ("stated-test-age", "of another test", "tests", {"outcome": "age"}, {"test": "other"}),
        ("adverse-events-differ", "headache, d_q: 15 against 16", "adverse_events",
         {"source": "paper", "event": "Headache", "group": "d_q"}, {"affected": "15"}),
        ("flow-reasons-control", "3 reasons for 2", "registry_flow",
         {"reason": "Protocol Violation", "group": "control"}, {"n": "2"}),
        ("sum-ctx-week_2-p16_variant_5", "add up to 61", "counts",
         {"outcome": "ctx", "visit": "week_2", "stratum": "T3", "marker": "p16_variant_5"}, {"n": "22"}),
    ],
)  # fmt: skip
def test_a_finding_appears_with_its_cause(tmp_path, as_published, name, words, table, where, change):
    assert words not in getattr(as_published.get(name), "what", "")
    assert words in findings_after(tmp_path, table, where, change)[name].what


def test_agreements_need_no_explanation_and_withdrawals_have_the_one_that_fits(as_published):
    assert not any(finding.harmless_explanation for finding in as_published.values() if finding.kind == "agreement")
    assert "left treatment and stayed" in as_published["withdrawals-d_q"].harmless_explanation


@pytest.mark.parametrize("table", ["registry_baseline", "registry_flow", "flow", "statements", "adverse_events"])
def test_an_absent_table_leaves_the_findings_of_the_others(as_published, table):
    reported = read_folder("data/published")
    del reported.tables[table]
    left = check_tables(reported)
    assert 0 < len(left) < len(as_published)
    assert {finding.finding for finding in left} < set(as_published)
