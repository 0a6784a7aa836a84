import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from d_q_trial import published, published_tables
from d_q_trial.errors import UserError
from d_q_trial.trial import load_trial

FOLDER = Path("data/published")
TRIAL = load_trial("data/trial.yaml")


def _rows(name):
    return published_tables.read_published(FOLDER, name)


def test_every_reported_row_is_there():
    counts = {name: len(_rows(name)) for name in ("summaries", "tests", "adverse_events")}
    assert counts == {"summaries": 195, "tests": 129, "adverse_events": 147}
    relations = Counter((row["source"], row["p_relation"]) for row in _rows("tests"))
    assert relations[("paper", "=")] == 94
    assert relations[("registry", "=")] == 5


def test_reported_numbers_have_the_stated_decimals_and_medians_lie_within_their_quartiles():
    for row in _rows("summaries"):
        for key in ("center", "lower", "upper", "n"):
            assert not row[key] or Decimal(row[key]).is_finite()
        digits = row["lower"] if row["statistic"] == "count_percent" else row["center"]
        assert len(digits.partition(".")[2]) == int(row["decimals"])
        if row["statistic"].startswith("median"):
            assert Decimal(row["lower"]) <= Decimal(row["center"]) <= Decimal(row["upper"]), row
    for row in _rows("tests"):
        assert 0 < Decimal(row["p"]) < 1
        assert len(row["p"].partition(".")[2]) == int(row["p_decimals"])


def test_reported_outcomes_and_visits_are_those_of_the_trial():
    for name in ("summaries", "tests", "counts"):
        for row in _rows(name):
            assert row["outcome"] in TRIAL.outcomes or row["outcome"] == "sasp_composite"
            assert row["visit"] in TRIAL.visits


def test_the_tables_equal_the_transcribed_facts():
    facts = Path("../shared/facts")
    if not facts.is_dir():
        pytest.skip("the transcribed facts do not lie beside this checkout")
    weeks = {"0": "baseline", "2": "week_2", "4": "week_4", "20": "week_20"}
    for ours, theirs in (("summaries", "published_summaries"), ("tests", "published_tests")):
        with (facts / f"{theirs}.csv").open(newline="") as stream:
            expected = [{"visit": weeks[row.pop("week")], **row} for row in csv.DictReader(stream)]
        own = _rows(ours)
        assert [{key: row[key] for key in expected[0]} for row in own] == expected


def test_known_differences_name_a_claim_and_a_reason():
    names = {claim.claim for claim in published.read_claims(FOLDER)}
    assert len(names) > 1000
    for row in _rows("known_differences"):
        assert row["claim"] in names
        assert row["data"] in ("synthetic", "any")
        assert len(row["reason"]) > 20


HEADER = "source,locator,outcome,measure,visit,marker,stratum,contrast,test,p_relation,p,effect,direction"
ROW = "paper,Fig. 3a,ctx,percent_change,week_20,,all,d_q - control,rank_sum,{relation},{p},,"


def write_tests(folder, *rows, header=HEADER, encoding="utf-8"):
    (folder / "tests.csv").write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return folder


@pytest.mark.parametrize(
    ("relation", "p", "expected"),
    [
        ("=", "0.611", ("=", "0.611")),
        (" = ", "0.611", ("=", "0.611")),
        ("> ", "0.05", (">", "0.05")),
        ("≥", "0.05", (">=", "0.05")),
        ("≤", "0.05", ("<=", "0.05")),
        ("＞", "0.05", (">", "0.05")),
        ("＜", "0.05", ("<", "0.05")),
        ("", "<0.001", ("<", "0.001")),
        ("<", "<0.001", ("<", "0.001")),
        ("=", "= 0.900", ("=", "0.900")),
    ],
)
def test_relations_minus_signs_and_byte_order_marks_are_read_as_they_are_meant(relation, p, expected, tmp_path):
    row = ROW.format(relation=relation, p=p).removesuffix(",,") + ",−9,"
    write_tests(tmp_path, row, encoding="utf-8-sig")
    claim, effect = published.read_claims(tmp_path)
    assert (claim.source, claim.relation, claim.reported) == ("paper", *expected)
    assert effect.reported == "-9"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.format(relation="~", p="0.611"), "row 2, column p_relation: '~', expected one of =, <, >, <=, >="),
        (ROW.format(relation=">", p="<0.001"), "row 2, column p: '<0.001'"),
        (ROW.format(relation="n.s.", p="0.611"), "column p_relation: 'n.s.'"),
        (ROW.format(relation="=", p="NS"), "row 2, column p: 'NS', expected a number from 0 to 1"),
        (ROW.format(relation="=", p=""), "row 2, column p: '', expected"),
        (ROW.format(relation="", p="0.611"), "column p_relation: ''"),
        (ROW.format(relation="=", p="1.7"), "column p: '1.7'"),
        (ROW.format(relation="=", p="0,05").replace("0,05", '"0,05"'), "column p: '0,05'"),
        ("paper,Fig. 3a,ctx", r"row 2: 3 cells, expected 13"),
        (ROW.format(relation="=", p="0.6").replace("rank_sum", "rank sum"), "column test: 'rank sum'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_row_column_value_and_expectation(row, message, tmp_path):
    write_tests(tmp_path, row)
    with pytest.raises(UserError, match=r"tests\.csv") as caught:
        published.read_claims(tmp_path)
    assert message in str(caught.value)


def test_every_fault_of_a_table_is_named_at_once(tmp_path):
    write_tests(tmp_path, ROW.format(relation="~", p="NS"), ROW.format(relation="=", p="x"))
    with pytest.raises(UserError, match="3 faults"):
        published.read_claims(tmp_path)


@pytest.mark.parametrize(
    ("header", "encoding", "message"),
    [
        (HEADER.replace(",", ";"), "utf-8", "separated by semicolons"),
        (HEADER.replace("source", "sorce"), "utf-8", "column 'source' is missing; did you mean 'sorce'?"),
        (HEADER + ",é", "latin-1", "not UTF-8 text"),
        ("", "utf-8", "column 'source' is missing"),
    ],
)
def test_tables_in_another_form_are_refused_in_one_line(header, encoding, message, tmp_path):
    write_tests(tmp_path, header=header, encoding=encoding)
    with pytest.raises(UserError) as caught:
        published.read_claims(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no such folder"):
        published.read_claims(tmp_path / "none")
