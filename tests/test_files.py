import json
import os
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from d_q_trial import files


def test_a_failure_leaves_a_part_or_destroys_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text("whole", path)

    def fail():
        with files.atomic(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "whole"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_killed_run_left_stays_or_takes_others_along(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in (".part-abc.png", "figures/.part-x.pdf", "figures/a.pdf", ".hidden"):
        (tmp_path / name).write_text("x")
    files.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".hidden", "a.pdf"]


def test_other_people_cannot_read_the_results(tmp_path):
    files.write_text("x", tmp_path / "a.txt")
    reference = tmp_path / "b.txt"
    reference.write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode == reference.stat().st_mode


def test_a_table_does_not_survive_a_file(tmp_path):
    frame = pd.DataFrame({"name": ["a", "NA", ""], "value": [0.1 + 0.2, float("nan"), 1e-300]})
    files.write_csv(frame, tmp_path / "t.csv")
    again = files.read_csv(tmp_path / "t.csv", numeric=("value",))
    assert again["name"].tolist() == ["a", "NA", ""]
    assert again["value"].equals(frame["value"])


def test_json_holds_what_is_not_json(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json({"x": float("nan")}, tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()
    files.write_json({"b": "µ", "a": 1}, tmp_path / "a.json")
    assert list(json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))) == ["b", "a"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_cell_becomes_a_formula(text):
    assert files.safe_text(text) == "'" + text
    assert files.safe_text("x" + text) == "x" + text


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_number_is_read_back_as_another_one(values):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        files.write_csv(pd.DataFrame({"value": values}), path)
        assert files.read_csv(path, numeric=("value",))["value"].tolist() == values


def test_rows_below_those_of_another_table_change_or_lose_some(tmp_path):
    whole = pd.DataFrame({"who": ["=a", "b, c", 'd "e"'], "value": [0.1 + 0.2, None, 1e-300]})
    files.write_csv(whole, tmp_path / "whole.csv", label="made up")
    files.write_csv(whole[:1], tmp_path / "first.csv", label="made up")
    files.write_csv(whole[1:], tmp_path / "both.csv", label="made up", below=tmp_path / "first.csv")
    assert (tmp_path / "both.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_file_that_stays_the_same_gets_a_new_date(tmp_path):
    path = tmp_path / "folder" / "settings.json"
    files.keep_json({"cuts": [0.5]}, path)
    os.utime(path, (1, 1))
    files.keep_json({"cuts": [0.5]}, path)
    assert path.stat().st_mtime == 1
    files.keep_json({"cuts": [0.6]}, path)
    assert path.stat().st_mtime > 1
    assert json.loads(path.read_text()) == {"cuts": [0.6]}
