import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from d_q_trial import published
from d_q_trial.errors import UserError
from d_q_trial.trial import load_trial

FOLDER = Path("data/published")
TRIAL = load_trial("data/trial.yaml")


def _rows(name):
    return published.read_rows(FOLDER, name)


def test_a_printed_row_is_lost():
    counts = {name: len(_rows(name)) for name in ("summaries", "tests", "adverse_events")}
    assert counts == {"summaries": 195, "tests": 129, "adverse_events": 147}
    relations = Counter((row["source"], row["p_relation"]) for row in _rows("tests"))
    assert relations[("paper", "=")] == 94
    assert relations[("registry", "=")] == 5


def test_a_printed_number_does_not_parse_or_has_other_decimals():
    for row in _rows("summaries"):
        for key in ("center", "lower", "upper", "n"):
            assert not row[key] or Decimal(row[key]).is_finite()
        digits = row["lower"] if row["statistic"] == "count_percent" else row["center"]
        assert len(digits.partition(".")[2]) == int(row["decimals"])
    for row in _rows("tests"):
        assert 0 < Decimal(row["p"]) < 1
        assert len(row["p"].partition(".")[2]) == int(row["p_decimals"])


def test_a_median_lies_outside_its_quartiles():
    for row in _rows("summaries"):
        if row["statistic"].startswith("median"):
            assert Decimal(row["lower"]) <= Decimal(row["center"]) <= Decimal(row["upper"]), row


def test_two_printed_numbers_have_one_name():
    names = [claim.claim for claim in published.read_claims(FOLDER)]
    assert len(names) == len(set(names)) > 1000


def test_a_printed_outcome_or_visit_is_unknown():
    for name in ("summaries", "tests", "counts"):
        for row in _rows(name):
            assert row["outcome"] in TRIAL.outcomes or row["outcome"] == "sasp_composite"
            assert row["visit"] in TRIAL.visits


def test_the_copy_differs_from_the_transcribed_facts():
    facts = Path("../shared/facts")
    if not facts.is_dir():
        pytest.skip("the transcribed facts do not lie beside this checkout")
    weeks = {"0": "baseline", "2": "week_2", "4": "week_4", "20": "week_20"}
    for ours, theirs in (("summaries", "published_summaries"), ("tests", "published_tests")):
        with (facts / f"{theirs}.csv").open(newline="") as stream:
            expected = [{"visit": weeks[row.pop("week")], **row} for row in csv.DictReader(stream)]
        own = _rows(ours)
        assert [{key: row[key] for key in expected[0]} for row in own] == expected


def test_known_differences_name_no_claim_or_no_reason():
    names = {claim.claim for claim in published.read_claims(FOLDER)}
    for row in _rows("known_differences"):
        assert row["claim"] in names
        assert row["data"] in ("synthetic", "any")
        assert len(row["reason"]) > 20


def test_a_torn_row_or_a_missing_folder_ends_in_a_traceback(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        published.read_claims(tmp_path / "none")
    (tmp_path / "tests.csv").write_text("source,locator\npaper\n")
    with pytest.raises(UserError, match=r"tests.csv, row 2: expected as many cells"):
        published.read_claims(tmp_path)
