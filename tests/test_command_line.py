import subprocess
import sys

import pytest


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
        (["results", "nowhere", "OUT"], "nowhere"),
        (["changes", "nowhere", "OUT"], "nowhere"),
        (["export", "nowhere", "--participants", "PEOPLE"], "nowhere/results.csv"),
        (
            ["figures", "nowhere", "--participants", "PEOPLE", "--everybody", "--only", "figure_4"],
            "figure_4: shows strata",
        ),
        (["results", "nowhere", "OUT", "--analysis", "publishd"], "did you mean 'published'?"),
        (["results", "nowhere", "OUT", "--config", "data/trial.yaml"], "analyses"),
        (["results", "nowhere", "OUT", "--config", "README.md"], "README.md: not readable as YAML"),
        (["verify", "nowhere"], "no such folder"),
        (["verify", "data"], "run `snakemake --cores 4` first"),
    ],
)
def test_a_mistake_ends_in_a_traceback_or_half_a_result(tmp_path, arguments, message):
    out, people = tmp_path / "out", tmp_path / "people"
    people.mkdir()
    (people / "participants.json").write_text('{"label": null, "source": {}}')
    run = call(*[{"OUT": out, "PEOPLE": people}.get(argument, argument) for argument in arguments])
    assert run.returncode == 1
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.startswith(f"d-q-trial {arguments[0]}: ")
    assert not list(out.glob("*")) if out.exists() else True


def test_help_imports_heavy_libraries():
    code = "import sys; from d_q_trial.cli import build_parser; build_parser(); print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pandas", "numpy", "scipy", "matplotlib", "pydantic"} & set(run.stdout.split())


def test_every_command_has_help():
    run = call("--help")
    assert run.returncode == 0
    for command in ("participants", "results", "claims", "verify"):
        assert command in run.stdout
