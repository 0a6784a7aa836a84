"""Workers change only when libraries are loaded."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import workspace

from d_q_trial import workers

VERIFY = ["verify", "results/published"]


def _list_processes(folder: Path) -> list[int]:
    """List the workers and jobs that run in a folder."""
    processes = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            if b"d_q_trial.workers" in (path / "cmdline").read_bytes() and (path / "cwd").readlink() == folder:
                processes.append(int(path.name))
    return processes


def _wait_for_processes(folder: Path, number: int) -> None:
    workspace.wait_for(lambda: len(_list_processes(folder)) == number)


@pytest.fixture
def start_step(finished, monkeypatch):
    """Return a function that starts a command in the finished project, where it has a worker."""
    # A shell ignores interrupts in what it runs in the background, such as these tests, and processes inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.chdir(finished[0])
    for name, value in (workspace.environment(finished[0]) | {workers.FOLDER: ""}).items():
        monkeypatch.setenv(name, value)
    workers.start_workers(["verify reconstruct"], "sockets")
    workspace.wait_for(lambda: Path("sockets/verify reconstruct").exists() and len(_list_processes(finished[0])) == 1)
    yield lambda arguments: subprocess.Popen([sys.executable, "-m", "d_q_trial", *arguments], stdout=subprocess.PIPE)
    workers._started.pop().communicate()
    _wait_for_processes(finished[0], 0)
    shutil.rmtree("sockets")


@pytest.fixture
def start_endless_step(start_step, tmp_path):
    """Return a function that starts a step whose job waits for its input and never ends by itself."""
    os.mkfifo(tmp_path / "design.yaml")
    return lambda: start_step(["reconstruct", "--design", str(tmp_path / "design.yaml")])


def test_a_job_of_a_worker_has_the_output_and_status_of_a_step_without_one(start_step, monkeypatch):
    outcomes = []
    for folder in ("sockets", "nowhere"):
        monkeypatch.setenv(workers.FOLDER, folder)
        steps = [*map(start_step, (VERIFY, ["verify", "nowhere"], [*VERIFY, "--format", "markdown"]))]
        outcomes.append([(step.communicate()[0], step.returncode) for step in steps])
    assert Path("sockets/modules of verify-reconstruct.json").exists()
    assert [path.name for path in Path("sockets").iterdir() if "verify" in path.name.split()] == ["verify reconstruct"]
    assert outcomes[0] == outcomes[1]
    assert [status for _, status in outcomes[0]] == [0, 2, 0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_job_ends_with_its_step_which_prints_no_traceback(start_endless_step, finished, capfd, number):
    step = start_endless_step()
    _wait_for_processes(finished[0], 2)
    for process in [step.pid, *_list_processes(finished[0])][: None if number == signal.SIGINT else 1]:
        os.kill(process, number)
    _wait_for_processes(finished[0], 1)
    step.communicate()
    assert "workers.run" not in capfd.readouterr().err  # as in a traceback of the step


def test_a_killed_job_fails_its_step_and_a_step_without_its_worker_runs_by_itself(
    start_step, start_endless_step, finished
):
    worker, step = _list_processes(finished[0]), start_endless_step()
    _wait_for_processes(finished[0], 2)
    os.kill(*worker, signal.SIGKILL)
    assert start_step(VERIFY).communicate(timeout=60)[0]
    os.kill(*_list_processes(finished[0]), signal.SIGKILL)
    step.communicate()
    assert step.returncode == 1


@pytest.mark.slow
def test_workers_give_the_outputs_of_separate_steps(copy, monkeypatch):
    cuts = {"halves": [0.5], "thirds": ["1/3", "2/3"]}
    analyses = {name: {"strata": {"cuts": quantiles}} for name, quantiles in cuts.items()} | {"strict": {"alpha": 0.01}}
    workspace.edit(copy, lambda config: config["analyses"].update(analyses))
    workspace.snakemake(copy)
    monkeypatch.setenv("D_Q_TRIAL_CONFIG", next(map(str, (copy / ".snakemake/d_q_trial").glob("*.json"))))
    shutil.copytree(copy / "results", copy / "again")
    for command in ("results", "sensitivity", "tables", "figures", "report"):
        workspace.run(copy, "-m", "d_q_trial", command, "--analysis", "thirds", "--results", "again")
        logs = [copy / f"results/{name}/logs/{command}.log" for name in ("published", *analyses)]
        assert len({log.read_text().splitlines()[-1] for log in logs}) == 1, command
    for path in (copy / "again/thirds").rglob("*.*"):
        assert path.read_bytes() == (copy / "results" / path.relative_to(copy / "again")).read_bytes(), path


@pytest.mark.slow
def test_workers_end_when_their_run_is_killed(copy):
    workspace.edit(copy, lambda config: config["analyses"].update(halves={"strata": {"cuts": [0.5]}}))
    run = workspace.start(copy)
    workspace.wait_for((copy / ".snakemake/workers/report").exists)
    assert len(_list_processes(copy)) >= 4
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    _wait_for_processes(copy, 0)
