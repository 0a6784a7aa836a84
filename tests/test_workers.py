"""Workers change when libraries are loaded, and nothing else."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import workspace

from d_q_trial import workers

VERIFY, LONG = ["verify", "results/published"], ["reconstruct", "--output", "cohort.xlsx"]


def _processes(folder: Path) -> list[int]:
    """The workers and jobs that run in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            named = b"d_q_trial.workers" in (path / "cmdline").read_bytes()
            found += [int(path.name)] * (named and (path / "cwd").readlink() == folder)
        except OSError:  # it has just ended
            continue
    return found


@pytest.fixture
def step(finished, monkeypatch):
    """What starts a command in the finished project, with a worker for it."""
    monkeypatch.chdir(finished[0])
    for name, value in (workspace.environment(finished[0]) | {workers.FOLDER: ""}).items():
        monkeypatch.setenv(name, value)
    workers.start_workers(["verify reconstruct"], "sockets")
    workspace.wait_for(lambda: Path("sockets/reconstruct").exists() and len(_processes(finished[0])) == 1)
    yield lambda arguments: subprocess.Popen([sys.executable, "-m", "d_q_trial", *arguments], stdout=subprocess.PIPE)
    workers._started.pop().communicate()
    workspace.wait_for(lambda: not _processes(finished[0]))
    shutil.rmtree("sockets")


def test_a_job_prints_and_ends_as_the_step_by_itself_does(step, monkeypatch):
    cases = (VERIFY, ["verify", "nowhere"], [*VERIFY, "--format", "markdown"])
    ended = []
    for folder in ("sockets", "nowhere"):
        monkeypatch.setenv(workers.FOLDER, folder)
        ended.append([(started.communicate()[0], started.returncode) for started in [*map(step, cases)]])
    assert Path("sockets/verify.json").exists()
    assert ended[0] == ended[1]
    assert [status for _, status in ended[0]] == [0, 2, 0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_job_ends_with_its_step_and_only_the_job_speaks_of_an_interrupt(step, finished, capfd, number):
    started = step(LONG)
    workspace.wait_for(lambda: len(_processes(finished[0])) == 2)
    for process in [started.pid, *_processes(finished[0])][: None if number == signal.SIGINT else 1]:
        os.kill(process, number)
    workspace.wait_for(lambda: len(_processes(finished[0])) == 1, seconds=4)
    started.communicate()
    assert "workers.run" not in capfd.readouterr().err  # as in a traceback of the step


def test_a_job_that_is_killed_fails_its_step_and_a_step_whose_worker_is_gone_runs_by_itself(step, finished):
    worker, started = _processes(finished[0]), step(LONG)
    workspace.wait_for(lambda: len(_processes(finished[0])) == 2)
    os.kill(*worker, signal.SIGKILL)
    assert step(VERIFY).communicate(timeout=60)[0]
    os.kill(*_processes(finished[0]), signal.SIGKILL)
    started.communicate()
    assert started.returncode == 1


@pytest.mark.slow
def test_an_analysis_made_by_workers_is_that_of_its_steps_alone(copy, monkeypatch):
    cuts = {"halves": [0.5], "thirds": ["1/3", "2/3"]}
    added = {name: {"strata": {"cuts": own}} for name, own in cuts.items()} | {"strict": {"alpha": 0.01}}
    workspace.edit(copy, lambda config: config["analyses"].update(added))
    workspace.snakemake(copy)
    monkeypatch.setenv("D_Q_TRIAL_CONFIG", next(map(str, (copy / ".snakemake/d_q_trial").glob("*.json"))))
    shutil.copytree(copy / "results", copy / "again")
    for command in ("results", "sensitivity", "tables", "figures", "report"):
        workspace.run(copy, "-m", "d_q_trial", command, "--analysis", "thirds", "--results", "again")
        logs = {name: copy / f"results/{name}/logs/{command}.log" for name in ("published", *added)}
        assert len({log.read_text().splitlines()[-1] for log in logs.values()}) == 1, command
    for path in (copy / "again/thirds").rglob("*.*"):
        assert path.read_bytes() == (copy / "results" / path.relative_to(copy / "again")).read_bytes(), path


@pytest.mark.slow
def test_workers_end_with_a_run_that_is_killed(copy):
    workspace.edit(copy, lambda config: config["analyses"].update(halves={"strata": {"cuts": [0.5]}}))
    run = workspace.start(copy)
    workspace.wait_for((copy / ".snakemake/workers/report").exists)
    assert len(_processes(copy)) >= 4
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    workspace.wait_for(lambda: not _processes(copy))
