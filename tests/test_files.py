import json
import os
import string
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from d_q_trial import files
from d_q_trial.errors import UserError


def test_a_failed_write_names_the_file_and_keeps_the_old_one_alone_and_a_pipe_is_refused(tmp_path):
    path, pipe = tmp_path / "a.txt", tmp_path / "pipe"
    files.write_text("complete", path)
    disk_full = pytest.raises(OSError, match="No space left")
    with disk_full as error, files.atomic(path) as temporary, temporary.open("w"), open("/dev/full", "w") as stream:
        stream.write("any")
    assert error.value.filename == str(path)
    assert path.read_text() == "complete"
    assert [*tmp_path.iterdir()] == [path]
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="pipe: a folder, a device or a pipe; expected the name of a file"):
        files.write_text("text", pipe)
    assert pipe.is_fifo()


def test_only_unfinished_files_of_a_killed_run_are_removed(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in (".part-abc.png", "figures/.part-x.pdf", "figures/a.pdf", ".hidden"):
        (tmp_path / name).write_text("x")
    files.remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".hidden", "a.pdf"]


def test_json_keeps_the_order_of_keys_and_refuses_nan(tmp_path):
    files.write_json({"b": "µ", "a": 1}, tmp_path / "a.json")
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json({"x": float("nan")}, tmp_path / "a.json")
    assert [*json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))] == ["b", "a"]


@settings(max_examples=40)
@given(
    st.lists(st.text(alphabet="=+-@'\t\r1.e, \"ab" + string.ascii_uppercase[:3], max_size=6), min_size=1),
    st.floats(allow_infinity=False),
)
def test_a_table_survives_writing_and_reading_and_contains_no_formula(texts, value):
    frame = pd.DataFrame({"text": pd.Series(texts, dtype=object), "value": value})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        files.write_csv(frame, path, label="made up")
        table, rows = files.read_csv(path, numeric=("value",)), files.read_rows(path)
        cells = pd.read_csv(path, dtype=str, keep_default_na=False)["text"]
        assert files.read_label(path) == "made up"
    assert list(table) == ["text", "value"]
    assert [row["text"] for row in rows] == table["text"].tolist() == [text.replace("\r", "\n") for text in texts]
    np.testing.assert_allclose(table["value"], frame["value"], rtol=1e-11, equal_nan=True)
    for cell in cells[cells.str.startswith(("=", "+", "-", "@", "\t", "\r"))]:
        assert files._NUMBER.fullmatch(cell)


def test_missing_cells_are_empty_na_is_text_and_headers_but_no_numbers_and_words_are_escaped(tmp_path):
    texts = ["-1", "+2.5", "-1e-05", "-12,000", "+3%", "x=1", "x\t"]
    assert [*map(files.escape_formula, texts)] == texts
    path = tmp_path / "t.csv"
    files.write_csv(pd.DataFrame({"name": ["NA", ""], "=value": [0.1 + 0.2, np.nan]}), path)
    assert path.read_text() == "name,'=value\nNA,0.3\n,\n"
    assert files.read_csv(path, numeric=("'=value",))["name"].tolist() == ["NA", ""]


@pytest.mark.parametrize("text", ["a,b\n1\n", "a,b\n1,2,3\n", "a,b\n1,\xff\n", "a,c\n1,2\n", "a,b\nx,2\n"])
def test_a_damaged_table_is_reported_by_name(tmp_path, text):
    (tmp_path / "t.csv").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"t\.csv: damaged, or not a table of this package"):
        files.read_rows(tmp_path / "t.csv", ["b"], ["a"])


def test_a_checksum_detects_another_file(tmp_path):
    checksum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "w.xlsx").write_bytes(b"abc")
    files.check_sha256(tmp_path / "w.xlsx", checksum.upper())
    with pytest.raises(UserError, match=f"SHA-256 is {checksum}, expected 0000.*; this is another file"):
        files.check_sha256(tmp_path / "w.xlsx", "0" * 64)
