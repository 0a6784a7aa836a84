import subprocess
import sys

import pytest

CONFIG = ["--config", "tests/config.yaml"]


def call(*arguments, cwd="."):
    command = [sys.executable, "-m", "d_q_trial", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["participants", "nowhere.xlsx", "OUT", "--trial", "data/trial.yaml"], "nowhere.xlsx"),
        (["participants", "README.md", "OUT", "--trial", "data/trial.yaml"], "README.md"),
        (["participants", "data/pbc/pbc.xlsx", "OUT", "--trial", "nowhere.yaml"], "nowhere.yaml"),
        (["participants", "data/pbc/pbc.xlsx", "OUT", "--trial", "config.yaml"], "config.yaml"),
        (["results", "--results", "OUT", *CONFIG], "OUT/workbooks/reconstructed/participants.csv: No such file"),
        (["tables", "--results", "OUT", *CONFIG], "OUT/published/results.csv: No such file"),
        (["report", "--results", "OUT", *CONFIG], "OUT/workbooks/reconstructed/participants.json: No such file"),
        (["results", "--analysis", "publishd", *CONFIG], "did you mean 'published'?"),
        (["results", "--config", "data/trial.yaml"], "data/trial.yaml: 1 fault\n  analyses: expected one or more"),
        (["results", "--config", "README.md"], "README.md, line "),
        (["verify", "nowhere"], "no such folder"),
    ],
)
def test_a_mistake_ends_in_one_message_and_leaves_no_result(tmp_path, arguments, message):
    out = tmp_path / "out"
    run = call(*[{"OUT": out}.get(argument, argument) for argument in arguments])
    assert run.returncode == 1
    assert message.replace("OUT", str(out)) in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.startswith(f"d-q-trial {arguments[0]}: ")
    assert not out.exists() or not list(out.glob("*"))


def test_a_damaged_description_of_the_participants_is_named(tmp_path):
    damaged = tmp_path / "workbooks/reconstructed/participants.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("")
    run = call("report", "--results", tmp_path, *CONFIG)
    assert (run.returncode, "Traceback" in run.stderr) == (1, False)
    assert f"{damaged}: not readable as JSON" in run.stderr


def test_help_is_quick_and_names_every_command():
    code = "import sys, d_q_trial.cli; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pandas", "numpy", "scipy", "matplotlib", "pydantic"} & set(run.stdout.split())
    from d_q_trial.cli import COMMANDS

    run = call("--help")
    assert run.returncode == 0
    for command in COMMANDS.choices:
        assert command in run.stdout
