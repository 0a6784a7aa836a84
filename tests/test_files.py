import json
import os
import string
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from d_q_trial import files
from d_q_trial.errors import UserError


def test_a_failure_while_writing_names_the_file_and_leaves_the_old_one_and_no_part(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text("whole", path)
    full_disk = pytest.raises(OSError, match="No space left")
    with full_disk as found, files.atomic(path) as temporary, temporary.open("w"), open("/dev/full", "w") as stream:
        stream.write("any")
    assert found.value.filename == str(path)
    assert path.read_text() == "whole"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_unfinished_files_of_a_killed_run_are_swept_and_nothing_else(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in (".part-abc.png", "figures/.part-x.pdf", "figures/a.pdf", ".hidden"):
        (tmp_path / name).write_text("x")
    files.remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".hidden", "a.pdf"]


def test_json_keeps_order_and_letters_and_refuses_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json({"x": float("nan")}, tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()
    files.write_json({"b": "µ", "a": 1}, tmp_path / "a.json")
    assert list(json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))) == ["b", "a"]


def test_each_content_is_kept_in_a_file_of_its_own(tmp_path):
    first = files.write_json_once({"cuts": [0.5]}, tmp_path)
    os.utime(first, (1, 1))
    assert files.write_json_once({"cuts": [0.5]}, tmp_path) == first
    assert Path(first).stat().st_mtime == 1
    second = files.write_json_once({"cuts": [0.6]}, tmp_path)
    assert [json.loads(Path(path).read_text())["cuts"] for path in (first, second)] == [[0.5], [0.6]]


@hypothesis_settings(max_examples=40)
@given(
    st.lists(st.text(alphabet="=+-@'\t\r1.e, \"ab" + string.ascii_uppercase[:3], max_size=6), min_size=1),
    st.floats(allow_infinity=False),
)
def test_a_table_is_read_as_it_was_written_and_holds_no_formula(words, value):
    frame = pd.DataFrame({"word": pd.Series(words, dtype=object), "value": value})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        files.write_csv(frame, path, label="made up")
        again = files.read_csv(path, numeric=("value",))
        raw = pd.read_csv(path, dtype=str, keep_default_na=False)["word"]
        assert files.read_label(path) == "made up"
        rows = files.read_rows(path)
    assert list(again) == ["word", "value"]
    assert [row["word"] for row in rows] == again["word"].tolist() == [text.replace("\r", "\n") for text in words]
    np.testing.assert_allclose(again["value"], frame["value"], rtol=1e-11, equal_nan=True)
    for text in raw[raw.str.startswith(("=", "+", "-", "@", "\t", "\r"))]:
        assert files._NUMBER.fullmatch(text)


@pytest.mark.parametrize("text", ["-1", "+2.5", "-1e-05", "-12,000", "+3%", "x=1", "x\t"])
def test_a_number_or_a_word_is_no_formula(text):
    assert files.escape_formula(text) == text


def test_missing_cells_are_empty_na_is_a_word_and_a_header_is_no_formula(tmp_path):
    files.write_csv(pd.DataFrame({"name": ["NA", ""], "=value": [0.1 + 0.2, np.nan]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "name,'=value\nNA,0.3\n,\n"
    assert files.read_csv(tmp_path / "t.csv", numeric=("'=value",))["name"].tolist() == ["NA", ""]


@pytest.mark.parametrize("text", ["a,b\n1\n", "a,b\n1,2,3\n", "a,b\n1,\xff\n"])
def test_a_damaged_table_is_named(tmp_path, text):
    (tmp_path / "t.csv").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"t\.csv: damaged, or not a table of this package"):
        files.read_rows(tmp_path / "t.csv")


def test_a_checksum_tells_another_workbook_in_one_line(tmp_path):
    path = tmp_path / "w.xlsx"
    path.write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    files.check_sha256(path, known.upper())
    with pytest.raises(UserError, match=f"SHA-256 is {known}, expected 0000.*; this is another file"):
        files.check_sha256(path, "0" * 64)
