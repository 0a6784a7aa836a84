"""Every finding comes from the tables: change a cell in a copy and it goes, plant its like elsewhere and it comes."""

import csv
import shutil

import pytest

from d_q_trial.consistency import table_checks
from d_q_trial.consistency.assess import Report
from d_q_trial.consistency.quartiles import Decision
from d_q_trial.consistency.reported import read_folder


def same(row, cells):
    return all(row[column] == value for column, value in cells.items())


def table_findings(folder):
    report = Report(read_folder(folder), None, [], Decision([], {}), [], [])
    return [finding for check in table_checks.CHECKS for finding in check(report)]


def found(tmp_path, table, where, change):
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
    return {finding.finding: finding for finding in table_findings(folder)}


@pytest.fixture(scope="module")
def as_printed():
    return {finding.finding: finding for finding in table_findings("data/published")}


AGE = {"outcome": "age", "group": "d_q"}
SMOKER = {"outcome": "smoker"}
LIMIT = {"source": "registry", "outcome": "p1np", "visit": "week_4", "group": "d_q"}
BODY = {"source": "paper", "event": "Body pain"}


@pytest.mark.parametrize(
    ("name", "table", "where", "change"),
    [
        ("means-equal-medians-age", "registry_baseline", AGE, {"value": "71.3"}),
        ("means-equal-medians-age", "summaries", AGE, {"center": "71.1"}),
        ("total-of-means-registry-age", "registry_baseline", {"group": "total"}, {"value": "73.4"}),
        ("decimals-registry-p1np-week_4-d_q-upper", "summaries", LIMIT, {"upper": "148.0"}),
        (
            "below-minus-100-registry-sasp_composite-week_2-d_q-lower",
            "summaries",
            {"outcome": "sasp_composite", "group": "d_q"},
            {"lower": "-87.7"},
        ),
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
def test_finding_goes_when_its_cell_is_other(tmp_path, as_printed, name, table, where, change):
    assert as_printed[name].kind in ("difference", "observation")
    after = found(tmp_path, table, where, change)
    assert name not in after or after[name].kind == "agreement"


@pytest.mark.parametrize(
    ("name", "words", "table", "where", "change"),
    [
        (
            "decimals-registry-p1np-week_20-d_q-upper",
            "1309 has no decimal",
            "summaries",
            {"source": "registry", "outcome": "p1np", "visit": "week_20", "group": "d_q"},
            {"upper": "1309"},
        ),
        (
            "below-minus-100-registry-ctx-week_20-control-lower",
            "-142.4%",
            "summaries",
            {"source": "registry", "outcome": "ctx", "visit": "week_20", "group": "control"},
            {"lower": "-142.4"},
        ),
        (
            "sources-differ-median-ctx-percent_change-week_20-all-control",
            "median of ctx",
            "summaries",
            {"source": "registry", "outcome": "ctx", "visit": "week_20", "group": "control"},
            {"center": "-7.9"},
        ),
        (
            "sources-differ-P-p1np-percent_change-week_4-all-d_q-control",
            "P of p1np",
            "tests",
            {"source": "registry", "outcome": "p1np", "visit": "week_4"},
            {"p": "0.026"},
        ),
        (
            "sources-differ-n-ctx-percent_change-week_20-all-d_q",
            "n of ctx",
            "summaries",
            {"source": "registry", "outcome": "ctx", "visit": "week_20", "group": "d_q"},
            {"n": "29"},
        ),
        ("stated-test-smoker", "with Yates' correction", "tests", SMOKER, {"p": "0.789"}),
        ("stated-test-age", "of another test", "tests", {"outcome": "age"}, {"test": "other"}),
        (
            "adverse-events-differ",
            "headache, d_q: 15 against 16",
            "adverse_events",
            {"source": "paper", "event": "Headache", "group": "d_q"},
            {"affected": "15"},
        ),
        (
            "flow-reasons-control",
            "3 reasons for 2",
            "registry_flow",
            {"reason": "Protocol Violation", "group": "control"},
            {"n": "2"},
        ),
        (
            "sum-ctx-week_2-p16_variant_5",
            "add up to 61",
            "counts",
            {"outcome": "ctx", "visit": "week_2", "stratum": "T3", "marker": "p16_variant_5"},
            {"n": "22"},
        ),
    ],
)
def test_finding_comes_when_its_like_is_planted(tmp_path, as_printed, name, words, table, where, change):
    assert words not in getattr(as_printed.get(name), "what", "")
    assert words in found(tmp_path, table, where, change)[name].what


@pytest.mark.parametrize("table", ["registry_baseline", "registry_flow", "flow", "statements", "adverse_events"])
def test_a_table_that_is_not_there_breaks_the_others_or_keeps_its_findings(tmp_path, table):
    folder = tmp_path / "published"
    shutil.copytree("data/published", folder)
    (folder / f"{table}.csv").unlink()
    left = list(table_findings(folder))
    assert 0 < len(left) < len(list(table_findings("data/published")))
