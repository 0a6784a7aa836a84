import os
import shutil
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
        (
            ["inspect", "data/pbc/pbc.xlsx", "--trial", "data/pbc/trial.yaml", "--write-mapping", "data"],
            "data: a folder",
        ),
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


def test_a_damaged_table_of_cutoffs_is_named_where_it_was_made(finished, tmp_path, capsys):
    results = shutil.copytree(finished[0] / "results", tmp_path / "results")
    (damaged,) = results.glob("every_cut/*/windows.csv")
    damaged.write_text("a\n1\n")
    assert cli.main(["robustness", "--results", str(results), *CONFIG]) == 1
    assert capsys.readouterr().err.startswith(f"d-q-trial robustness: {damaged}: damaged")


def test_figures_are_copied_only_from_an_analysis_that_differs_in_marker_and_strata_alone(tmp_path, capsys):
    text = Path("tests/config.yaml").read_text().replace("robustness:", "  strict: {alpha: 0.01}\nrobustness:")
    (tmp_path / "c.yaml").write_text(text)
    assert cli.main(["figures", "--twin", "strict", "--config", str(tmp_path / "c.yaml")]) == 1
    assert "--twin: 'strict' is not one of published\n" in capsys.readouterr().err


def test_inspect_refuses_the_workbook_as_the_place_of_its_page(tmp_path, capsys):
    workbook = shutil.copy("data/reconstructed.xlsx", tmp_path)
    assert cli.main(["inspect", workbook, "--html", workbook]) == 1
    assert f"--html {workbook}: the workbook itself; name the page" in capsys.readouterr().err


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


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_inspect_prints_on_a_console_with_few_characters(tmp_path, encoding):
    arguments = ["inspect", "data/reconstructed.xlsx", "--write-mapping", tmp_path / "m"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "d_q_trial", *arguments]
    run = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert run.stderr == b""
    assert b"Primary endpoint" in run.stdout


def test_inspect_refuses_a_folder_as_the_place_of_a_mapping(tmp_path, capsys):
    assert cli.main(["inspect", "data/reconstructed.xlsx", "--write-mapping", str(tmp_path)]) == 1
    assert f"{tmp_path}: a folder" in capsys.readouterr().err


def test_the_installed_command_runs():
    (entry,) = tomllib.loads(Path("pyproject.toml").read_text())["project"]["scripts"].items()
    assert EntryPoint(*entry, "console_scripts").load() is cli.main
