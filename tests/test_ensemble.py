"""What cohorts that reproduce every reported value give for values that are not reported."""

import numpy as np
import openpyxl
import pytest
from pipeline import CHOSEN, LABEL, PUBLISHED, TRIAL, one, run_config

from d_q_trial.claims import read_claims
from d_q_trial.cli import main
from d_q_trial.errors import UserError
from d_q_trial.files import read_label, read_rows
from d_q_trial.reconstruct.ensemble import analyse_cohort, summarize_cohorts

WORKBOOK = "data/reconstructed.xlsx"


@pytest.fixture(scope="module")
def cohort():
    return analyse_cohort(WORKBOOK, TRIAL, PUBLISHED, CHOSEN.robustness)[0]


@pytest.fixture(scope="module")
def summary(cohort):
    """Summarize three cohorts: the bundled one, and two with other unreported P-values."""
    unreported = cohort["quantity"].eq("p") & ~cohort["value"].round(3).isin([0.611, 0.020, 0.024, 0.149, 0.035])
    lower, higher = (cohort.assign(value=cohort["value"].mask(unreported, p)) for p in (0.01, 0.9))
    return summarize_cohorts([cohort, lower, higher], read_claims("data/published"), 0.05)


def test_values_of_a_cohort_equal_the_analysis_of_its_workbook_and_include_unreported_ones(cohort):
    for marker, stratum in (("", "all"), ("p16_variant_1+5", "T3")):
        place = {"outcome": "p1np", "visit": "week_4", "marker": marker, "stratum": stratum}
        for quantity in ("median_difference", "hodges_lehmann", "p"):
            expected = run_config().value(quantity, **place, contrast="d_q - control")
            assert one(cohort, **place, analysis="rank_sum", quantity=quantity)["value"] == expected
    assert len(cohort[cohort["analysis"].eq("covariance")]) == 9  # turnover at three visits, density at three sites
    assert len(cohort[cohort["analysis"].eq("interaction")]) == 18  # by either marker
    assert cohort["value"].notna().all()


def test_the_summary_has_quantiles_of_numpy_and_the_reported_value(cohort, summary):
    place = {"analysis": "rank_sum", "outcome": "ctx", "visit": "week_4", "stratum": "all", "quantity": "p"}
    row, values = one(summary, **place), np.array([one(cohort, **place)["value"], 0.01, 0.9])
    quantiles = np.quantile(values, [0, 0.05, 0.5, 0.95, 1])
    assert list(row[["minimum", "p05", "median", "p95", "maximum"]]) == pytest.approx(list(quantiles), rel=1e-5)
    assert row["share_below_alpha"] == pytest.approx(np.mean(values < 0.05))
    assert row["reported"] == "> 0.05"
    assert one(summary, **place | {"visit": "week_20", "marker": ""})["reported"] == "0.611"
    t3 = {"analysis": "rank_sum", "outcome": "p1np", "visit": "week_2", "marker": "p16_variant_5", "stratum": "T3"}
    assert one(summary, **t3, quantity="median_difference")["reported"] == "+34"
    assert set(summary[summary["quantity"].eq("hodges_lehmann")]["reported"]) == {""}
    only_direction = t3 | {"visit": "week_20", "stratum": "T1/T2"}
    assert one(summary, **only_direction, quantity="median_difference")["reported"] == ""


def test_a_workbook_that_is_not_labelled_synthetic_is_refused(tmp_path):
    book = openpyxl.load_workbook(WORKBOOK)
    del book["READ ME"]
    book.properties.title = book.properties.subject = book.properties.keywords = book.properties.creator = None
    del book.custom_doc_props["synthetic"]
    book.save(tmp_path / "unnamed.xlsx")
    with pytest.raises(UserError, match=r"unnamed\.xlsx: expected a synthetic cohort"):
        analyse_cohort(tmp_path / "unnamed.xlsx", TRIAL, PUBLISHED, CHOSEN.robustness)


def test_the_command_writes_a_labelled_page_figure_and_table(tmp_path):
    page, table = tmp_path / "out/page.md", tmp_path / "out/table.csv"
    assert main(["ensemble", WORKBOOK, WORKBOOK, "--page", str(page), "--summary", str(table)]) == 0
    text = page.read_text(encoding="utf-8")
    assert LABEL in text
    assert "](page.png)" in text
    assert text.count("\n| ") == 1 + len(read_rows(table))
    assert LABEL.encode() in page.with_suffix(".png").read_bytes()
    assert read_label(table) == LABEL
