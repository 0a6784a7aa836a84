import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from unittest.mock import Mock

import pytest

from d_q_trial import cli

CONFIG = ["--config", "tests/config.yaml"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "data/pbc/pbc.xlsx", "--trial", "x"], "--trial x: no such file; name the trial's"),
        (["results", "--results", "OUT", *CONFIG], "OUT/workbooks/reconstructed/participants.csv: No such file"),
        (["report", "--results", "OUT", *CONFIG], "OUT/workbooks/reconstructed/participants.json: No such file"),
        (["results", "--analysis", "publishd", *CONFIG], "did you mean 'published'?"),
        (["results", "--config", "data/trial.yaml"], "\n  analyses: this key is missing"),
        (["results", "--config", "README.md"], "README.md, line "),
        (["results", "--config", "data/reconstructed.xlsx"], "data/reconstructed.xlsx: not readable as YAML: "),
        (["consistency", "--config", "data/pbc/config.yaml"], "published: the configuration names no folder"),
        (["verify", "nowhere"], "no such folder"),
        (["verify", "--against", "nowhere", "--format", "json"], "--format go with a judgement"),
    ],
)
def test_a_faulty_argument_gives_one_message_and_no_output(tmp_path, capsys, arguments, message):
    out = tmp_path / "out"
    status = cli.main([argument.replace("OUT", str(out)) for argument in arguments])
    assert status == (2 if arguments[0] == "verify" else 1)
    printed = capsys.readouterr().err
    assert message.replace("OUT", str(out)) in printed
    assert printed.startswith(f"d-q-trial {arguments[0]}: ")
    assert not list(out.glob("*"))


@pytest.mark.parametrize("new", ["nowhere.xlsx", "README.md", "nowhere.yaml", "config.yaml"])
def test_a_faulty_file_of_the_configuration_is_named_and_leaves_no_output(tmp_path, capsys, new):
    old = "data/trial.yaml" if new.endswith(".yaml") else "data/reconstructed.xlsx"
    (tmp_path / "c.yaml").write_text(Path("tests/config.yaml").read_text().replace(old, new))
    out = tmp_path / "out"
    assert cli.main(["participants", "--config", str(tmp_path / "c.yaml"), "--results", str(out)]) == 1
    assert capsys.readouterr().err.startswith(f"d-q-trial participants: {new}: ")
    assert not list(out.glob("*"))


def test_an_interrupted_command_prints_one_line_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr("d_q_trial.config.settings.load", Mock(side_effect=KeyboardInterrupt))
    assert cli.main(["results", *CONFIG]) == 1
    assert capsys.readouterr().err == "d-q-trial results: interrupted\n"


@pytest.mark.parametrize("content", ["", "[]", "{}"])
def test_a_damaged_description_of_the_participants_is_reported_by_name(tmp_path, capsys, content):
    damaged = tmp_path / "workbooks/reconstructed/participants.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text(content)
    assert cli.main(["report", "--results", str(tmp_path), *CONFIG]) == 1
    assert f"{damaged}: damaged; delete it" in capsys.readouterr().err


@pytest.mark.parametrize("optimized", [[], ["-OO"]])
def test_help_imports_no_large_library_and_lists_every_command_even_without_docstrings(optimized):
    command = [sys.executable, *optimized, "-X", "importtime", "-m", "d_q_trial", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"pandas", "numpy", "scipy", "matplotlib", "pydantic"} & set(run.stderr.split())
    assert set(cli.COMMANDS.choices) <= set(run.stdout.split())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_inspect_prints_on_a_console_with_few_characters(tmp_path, encoding):
    arguments = ["inspect", "data/reconstructed.xlsx", "--write-mapping", tmp_path / "m"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "d_q_trial", *arguments]
    run = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert run.stderr == b""
    assert b"Primary endpoint" in run.stdout


def test_the_installed_command_runs():
    (entry,) = tomllib.loads(Path("pyproject.toml").read_text())["project"]["scripts"].items()
    assert EntryPoint(*entry, "console_scripts").load() is cli.main
