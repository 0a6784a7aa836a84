import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from unittest.mock import Mock

import pytest

from d_q_trial import cli

CONFIG, WORKBOOK = ["--config", "tests/config.yaml"], "data/reconstructed.xlsx"
OTHER_ANALYSIS = ("robustness:", "  strict: {alpha: 0.01}\nrobustness:")


# OUT is the folder of results, COPY a workbook; `edit` is made to the text of the configuration.
@pytest.mark.parametrize(
    ("arguments", "message", "edit"),
    [
        (["inspect", "COPY", "--trial", "x"], "--trial x: no such file; name the trial's", ()),
        (["inspect", "COPY", "--html", "COPY"], "--html COPY: the workbook itself; name the page", ()),
        (["inspect", "COPY", "--write-mapping", "data"], "data: a folder", ()),
        (["results", "--results", "OUT"], "OUT/workbooks/reconstructed/participants.csv: No such file", ()),
        (["report", "--results", "OUT"], "OUT/workbooks/reconstructed/participants.json: No such file", ()),
        (["results", "--analysis", "publishd"], "did you mean 'published'?", ()),
        (["results", "--config", "data/trial.yaml"], "\n  analyses: this key is missing", ()),
        (["results", "--config", "README.md"], "README.md, line ", ()),
        (["results", "--config", "COPY"], "COPY: not readable as YAML: ", ()),
        (["consistency", "--config", "data/pbc/config.yaml"], "published: the configuration names no folder", ()),
        (["verify", "nowhere"], "no such folder", ()),
        (["verify", "--against", "nowhere", "--format", "json"], "--format go with a judgement", ()),
        (["figures", "--twin", "strict"], "--twin: 'strict' is not one of published\n", OTHER_ANALYSIS),
        (["participants", "--results", "OUT"], "participants: nowhere.xlsx: ", (WORKBOOK, "nowhere.xlsx")),
        (["participants", "--results", "OUT"], "participants: README.md: ", (WORKBOOK, "README.md")),
        (["participants", "--results", "OUT"], "participants: nowhere.yaml: ", ("data/trial.yaml", "nowhere.yaml")),
        (["participants", "--results", "OUT"], "participants: config.yaml: ", ("data/trial.yaml", "config.yaml")),
    ],
)
def test_a_faulty_input_gives_one_message_and_no_output(tmp_path, capsys, monkeypatch, arguments, message, edit):
    places = {"OUT": str(tmp_path / "out"), "COPY": shutil.copy(WORKBOOK, tmp_path)}
    (tmp_path / "config.yaml").write_text(Path("tests/config.yaml").read_text().replace(*edit or ("", "")))
    monkeypatch.setenv(cli.CONFIG_VARIABLE, str(tmp_path / "config.yaml"))
    status = cli.main([places.get(argument, argument) for argument in arguments])
    assert status == (2 if arguments[0] == "verify" else 1)
    printed = capsys.readouterr().err
    assert re.sub("OUT|COPY", lambda name: places[name[0]], message) in printed
    assert printed.startswith(f"d-q-trial {arguments[0]}: ")
    assert not (tmp_path / "out").exists()


def test_an_interrupted_command_prints_one_line_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr("d_q_trial.config.settings.load", Mock(side_effect=KeyboardInterrupt))
    assert cli.main(["results", *CONFIG]) == 1
    assert capsys.readouterr().err == "d-q-trial results: interrupted\n"


@pytest.mark.parametrize(
    ("command", "file", "content"),
    [
        ("report", "workbooks/reconstructed/participants.json", ""),
        ("report", "workbooks/reconstructed/participants.json", "[]"),
        ("report", "workbooks/reconstructed/participants.json", "{}"),
        ("robustness", "every_cut/*/windows.csv", "a\n1\n"),
    ],
)
def test_a_damaged_output_is_named_where_it_was_made(finished, tmp_path, capsys, command, file, content):
    results = shutil.copytree(finished[0] / "results", tmp_path / "results")
    (damaged,) = results.glob(file)
    damaged.write_text(content)
    assert cli.main([command, "--results", str(results), *CONFIG]) == 1
    assert capsys.readouterr().err.startswith(f"d-q-trial {command}: {damaged}: damaged")


@pytest.mark.parametrize("arguments", [["results", "--analysis="], ["verify", ""], ["multiverse", "out", ""]])
def test_an_empty_argument_is_refused_and_not_taken_for_the_default(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert "an argument is empty" in capsys.readouterr().err


def test_output_that_cannot_be_written_leaves_values_unjudged_with_one_message():
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "d_q_trial", "verify", "data"]
    with open("/dev/full", "w") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    assert (run.returncode, run.stderr) == (2, "d-q-trial verify: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("optimized", [[], ["-OO"]])
def test_help_imports_no_large_library_and_lists_every_command_even_without_docstrings(optimized):
    command = [sys.executable, *optimized, "-X", "importtime", "-m", "d_q_trial", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"pandas", "numpy", "scipy", "matplotlib", "pydantic"} & set(run.stderr.split())
    assert set(cli.COMMANDS.choices) <= set(run.stdout.split())


def test_inspect_prints_on_a_console_with_few_characters(tmp_path):
    command = [sys.executable, "-m", "d_q_trial", "inspect", WORKBOOK, "--write-mapping", tmp_path / "m"]
    run = subprocess.run(command, env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, check=True)
    assert run.stderr == b""
    assert b"Primary endpoint" in run.stdout


def test_the_installed_command_runs():
    (entry,) = tomllib.loads(Path("pyproject.toml").read_text())["project"]["scripts"].items()
    assert EntryPoint(*entry, "console_scripts").load() is cli.main
