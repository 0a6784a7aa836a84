"""Tables of reported values: completeness, reading, and messages about faults."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from pipeline import TRIAL

from d_q_trial.claims import read_claims
from d_q_trial.errors import UserError
from d_q_trial.published_tables import check_names, read_folder, read_published_table

FOLDER = Path("data/published")
TESTS_HEADER = (FOLDER / "tests.csv").read_text(encoding="utf-8").split("\n")[0]
AGE = "mean_sd,71.2,4.9,"
REASON = (FOLDER / "known_differences.csv").read_text(encoding="utf-8").split(",", 4)[-1].strip()


def test_the_tables_hold_every_reported_row_with_the_stated_decimals_and_outcomes_and_visits_of_the_trial():
    tables = {name: read_published_table(FOLDER, name) for name in ("summaries", "tests", "counts", "adverse_events")}
    assert [len(tables[name]) for name in ("summaries", "tests", "adverse_events")] == [195, 129, 147]
    relations = Counter((row["source"], row["p_relation"]) for row in tables["tests"])
    assert (relations["paper", "="], relations["registry", "="]) == (94, 5)
    rows = [row for name in ("summaries", "tests", "counts") for row in tables[name]]
    assert {row["outcome"] for row in rows} - set(TRIAL.outcomes) == {"sasp_composite"}
    assert {row["visit"] for row in rows} <= set(TRIAL.visits)
    numbers = [(row["p"], row["p_decimals"]) for row in tables["tests"]]
    for row in tables["summaries"]:
        numbers.append((row["lower" if row["statistic"] == "count_percent" else "center"], row["decimals"]))
    assert [number for number, decimals in numbers if len(number.partition(".")[2]) != int(decimals)] == []


STATED = {" = ,0.611": "=0.611", "> ,0.05": ">0.05", "≥,0.05": ">=0.05", "≤,0.05": "<=0.05", "＞,0.05": ">0.05"}
STATED |= {",<0.001": "<0.001", "<,<0.001": "<0.001", "=,= 0.900": "=0.900"}  # the cells of relation and P


@pytest.mark.parametrize(("stated", "expected"), STATED.items())
@pytest.mark.parametrize("minus", "−‑－")
def test_relations_minus_signs_and_byte_order_marks_are_normalised(stated, expected, minus, tmp_path):
    header = "source,locator,outcome,measure,visit,marker,stratum,contrast,test,p_relation,p,effect,direction"
    row = f"paper,Fig. 3a,ctx,percent_change,week_20,,all,d_q - control,rank_sum,{stated},{minus}9,"
    (tmp_path / "tests.csv").write_text(f"{header}\n{row}\n", encoding="utf-8-sig")
    claim, effect = read_claims(tmp_path)
    assert (claim["source"], claim["relation"] + claim["reported"]) == ("paper", expected)
    assert effect["reported"] == "-9"


@pytest.mark.parametrize("name", ["Tests.csv", "summary.CSV"])
def test_a_folder_with_a_file_of_another_name_is_refused_unless_it_is_hidden(tmp_path, name):
    (tmp_path / "._tests.csv").write_bytes(b"\xff")
    assert not any(read_folder(tmp_path).values())
    (tmp_path / name).touch()
    with pytest.raises(UserError, match=rf"{name}: no table of reported values has this name") as caught:
        read_folder(tmp_path)
    assert ("did you mean 'tests.csv'" in str(caught.value)) == (name == "Tests.csv")


def read_everything(folder):
    check_names(folder, TRIAL)
    return read_claims(folder)


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("tests", ",0.117,", ",1.17,", "row 2, column p: '1.17', expected a number from 0 to 1"),
        ("tests", ",0.117,", ",,", "row 2, column p: '', expected"),
        ("tests", ",=,0.117,", ",~,0.117,", "row 2, column p_relation: '~', expected one of =, <, >, <=, >="),
        ("tests", ",=,0.117,", ",>,<0.001,", "row 2, column p: '<0.001'"),
        ("tests", ",rank_sum,,,=,0.117,", ",rank-sum,,,~,NS,", "3 faults\n  row 2, column test: 'rank-sum', expected"),
        ("tests", ",baseline,baseline", ",baseline", "row 2: 17 cells, expected 18"),
        ("tests", TESTS_HEADER, TESTS_HEADER.replace(",", ";"), "separated by semicolons"),
        ("tests", TESTS_HEADER, TESTS_HEADER.replace(",", "\t"), "columns are separated by tabs; expected commas"),
        ("tests", "source,", "sorce,", "the header lacks source; did you mean 'sorce'?"),
        ("tests", ",note", ",p", "column 'p' occurs 2 times"),
        ("tests", " - control,", " – control,", "d_q – control', expected 'first group - second group'"),
        ("counts", ",all,d_q,28", ",all,d_q,", "row 3, column n: '', expected a whole number from 0"),
        ("ranges", ",range,,", ",range,70,", "column center: '70', expected nothing, because the contrast or"),
        ("correlations", ",0.51,", ",5.1,", "column r: '5.1', expected a number from -1 to 1"),
        ("summaries", ",74.4,", ',"74,4",', "row 2, column center: '74,4', expected a number with a decimal point"),
        ("tests", "30,30,=,0.592", "30.0,0,=,0.592", "'30.0', expected a whole number from 1, or nothing\n  row 5"),
        ("tests", ",n_control,", ",n_controls,", "n_controls: '30', expected nothing, because the contrast or"),
        ("summaries", "percent,10,", "percent,40,", "column center: '40', expected a whole number from 0 to 30"),
        ("summaries", "percent,10,33.3", "percent,10,133", "column lower: '133', expected a number from 0 to 100"),
        ("summaries", "percent,10,33.3,", "percent,10,33.3,40", "column upper: '40', expected nothing"),
        ("adverse_events", ",5,30,17,", ",31,30,17,", "column affected: '31', expected a whole number from 0 to 30"),
        ("registry_baseline", AGE, "count_percent,x,,", "column value: 'x', expected a whole number from 0 to 30"),
        ("registry_baseline", AGE, "count_percent,40,,", "column value: '40', expected a whole number from 0 to 30"),
        ("registry_baseline", AGE, "count_percent,4,133,", "column spread: '133', expected a number from 0 to 100"),
        ("registry_baseline", AGE, "mean_sd,1e-99999999999,4,", "'1e-99999999999', expected a number"),
        ("tests", ",=,0.592", ",,<>0.592", "column p: '>0.592', expected a number"),
        ("registry_baseline", ",4.9,", ",-4.9,", "column spread: '-4.9', expected a number from 0"),
        ("correlations", ",<,0.001,", ",,0.001,", "column p_relation: '', expected one of =, <"),
        ("registry_baseline", "mean_sd", "range", "column statistic: 'range', expected one of mean_sd, count_percent"),
        ("power", "0.1,0.9,0.05,19.8", "10,90,5,0", "4 faults\n  row 2, column withdrawal: '10', expected a prop"),
        ("power", ",ctx,", ",ctxx,", "row 2, column outcome: 'ctxx' is not one of age"),
        ("suspect_values", ",week_4,d_q,", ",week_4,dq,", "row 2, column arm: 'dq' is not one of d_q"),
        ("registry_flow", ",completed,", ",Completed,", "milestone: 'Completed', expected one of started, completed"),
        ("registry_baseline", ",4.9,", ",,", "row 2, column spread: '', expected a number"),
        ("flow", ",screened,", ",assessed,", "column step: 'assessed', expected one of screened, allocated, withdrew"),
        ("statements", ",limit,", ",limits,", "did you mean 'limit'"),
        ("statements", ",1/3,", ",1/0,", "column value: '1/0', expected a fraction between 0 and 1"),
        ("adverse_events", "Headache", "é", "not UTF-8 text (byte"),
        ("flow", "allocated,control", "allocated,d_q", "row 4: 'allocated d_q of paper', expected once (it is in"),
        ("flow", "withdrew,d_q", "withdrew,dq", "row 5, column arm: 'dq' is not one of d_q, control, fisetin; did you"),
        ("statements", "ctx p1np", "", "row 2, column subject: '' is not one of"),
        ("statements", "week_2 week_4 week_20", "", "row 2, column visits: '' is not one of"),
        ("adverse_events", "Overall,d_q", "Overall,dq", "row 3, column group: 'dq' is not one of"),
        ("statements", "ctx p1np", "ctx p1mp", "row 2, column subject: 'p1mp' is not one of"),
        ("statements", "share,p16_variant_5,", "share,p16_variant_6,", "column subject: 'p16_variant_6' is not one of"),
        ("statements", "week_4 week_20", "week_4 week20", "row 2, column visits: 'week20' is not one of"),
        ("statements", ",T3,", ",T4,", "row 10, column group: 'T4' is not one of T1/T2, T3, all"),
        ("registry_flow", ",d_q,27", ",dq,27", "row 5, column group: 'dq' is not one of"),
        ("registry_baseline", ",age,", ",agee,", "column outcome: 'agee' is not one of"),
        ("counts", "d_q,28", "all,56", "row 3: paper:Fig._3a:ctx:week_20:both_arms:n is reported in counts.csv, row 2"),
        ("known_differences", ":maximum,", ":max,", "row 2: no reported value is called 'registry:outcome_measure_3:p"),
        ("known_differences", REASON, "", "row 2, column reason: '', expected a reason"),
    ],
)
def test_a_message_names_row_column_and_value_of_a_fault(tmp_path, table, old, new, message):
    path = shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True) / f"{table}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="latin-1" if new == "é" else "utf-8")
    with pytest.raises(UserError, match=rf"{table}\.csv") as caught:
        read_everything(tmp_path)
    assert message in str(caught.value)
