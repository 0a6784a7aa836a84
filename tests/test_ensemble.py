"""What cohorts that agree with everything reported say where nothing is reported."""

import numpy as np
import openpyxl
import pytest
from pipeline import CHOSEN, LABEL, PUBLISHED, TRIAL, one, run_config

from d_q_trial.cli import main
from d_q_trial.errors import UserError
from d_q_trial.files import read_label, read_rows
from d_q_trial.reconstruct.constraints import read_targets
from d_q_trial.reconstruct.design import read_design
from d_q_trial.reconstruct.ensemble import analyse_cohort, summarize_cohorts

WORKBOOK = "data/reconstructed.xlsx"


@pytest.fixture(scope="module")
def numbers():
    return analyse_cohort(WORKBOOK, TRIAL, PUBLISHED, CHOSEN.robustness)[0]


@pytest.fixture(scope="module")
def summary(numbers):
    """Three cohorts: the bundled one, and two whose unreported P-values differ from it."""
    free = numbers["quantity"].eq("p") & ~numbers["value"].round(3).isin([0.611, 0.020, 0.024, 0.149, 0.035])
    lower, higher = (numbers.assign(value=numbers["value"].where(~free, by)) for by in (0.01, 0.9))
    reported = read_targets("data/published", read_design("data/reconstruct/trial.yaml", TRIAL))
    return summarize_cohorts([numbers, lower, higher], reported, 0.05)


def test_numbers_of_a_cohort_equal_the_analysis_of_its_workbook_and_include_what_is_not_reported(numbers):
    for marker, stratum in (("", "all"), ("p16_variant_1+5", "T3")):
        place = {"outcome": "p1np", "visit": "week_4", "marker": marker, "stratum": stratum}
        for quantity in ("median_difference", "hodges_lehmann", "p"):
            expected = run_config().value(quantity, **place, contrast="d_q - control")
            assert one(numbers, **place, analysis="rank_sum", quantity=quantity)["value"] == expected
    assert len(numbers[numbers["analysis"].eq("covariance")]) == 9  # turnover at three visits, density at three sites
    assert len(numbers[numbers["analysis"].eq("interaction")]) == 18  # by either marker
    assert numbers["value"].notna().all()


def test_quantiles_and_share_equal_numpy_and_stand_beside_the_reported_number(numbers, summary):
    place = {"analysis": "rank_sum", "outcome": "ctx", "visit": "week_4", "stratum": "all", "quantity": "p"}
    found, values = one(summary, **place), np.array([one(numbers, **place)["value"], 0.01, 0.9])
    levels = np.quantile(values, [0, 0.05, 0.5, 0.95, 1])
    assert list(found[["minimum", "p05", "median", "p95", "maximum"]]) == pytest.approx(list(levels), rel=1e-5)
    assert found["share_below_alpha"] == pytest.approx(np.mean(values < 0.05))
    assert found["reported"] == "> 0.05"
    assert one(summary, **place | {"visit": "week_20", "marker": ""})["reported"] == "0.611"
    t3 = {"analysis": "rank_sum", "outcome": "p1np", "visit": "week_2", "marker": "p16_variant_5", "stratum": "T3"}
    assert one(summary, **t3, quantity="median_difference")["reported"] == "+34"
    assert set(summary[summary["quantity"].eq("hodges_lehmann")]["reported"]) == {""}


def test_a_workbook_that_is_not_labelled_synthetic_is_refused(tmp_path):
    book = openpyxl.load_workbook(WORKBOOK)
    del book["READ ME"]
    book.properties.title = book.properties.subject = book.properties.keywords = book.properties.creator = None
    del book.custom_doc_props["synthetic"]
    book.save(tmp_path / "unnamed.xlsx")
    with pytest.raises(UserError, match=r"unnamed\.xlsx: expected a synthetic cohort"):
        analyse_cohort(tmp_path / "unnamed.xlsx", TRIAL, PUBLISHED, CHOSEN.robustness)


def test_the_command_writes_a_page_with_a_row_for_each_number_picture_and_table_with_the_label(tmp_path):
    page, table = tmp_path / "out" / "page.md", tmp_path / "out" / "table.csv"
    assert main(["ensemble", WORKBOOK, WORKBOOK, "--page", str(page), "--summary", str(table)]) == 0
    text = page.read_text(encoding="utf-8")
    assert LABEL in text
    assert "](page.png)" in text
    assert text.count("\n| ") == 1 + len(read_rows(table))
    assert LABEL.encode() in page.with_suffix(".png").read_bytes()
    assert read_label(table) == LABEL
