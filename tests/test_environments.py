"""Containers and conda environments have the locked versions, and Snakemake runs the steps in them and on clusters."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import workspace
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

# Replacements of the programs that Snakemake calls. Each logs the command of a step and then runs it.
PROGRAMS = {
    "activate": 'export PATH="$1/bin:$PATH"\n',
    "interpreter": '#!/bin/sh\necho "$@" >> "{log}"\n[ "$2" = pip ] || exec "{python}" "$@"\n',
    "conda": """#!/bin/sh
case "$1 $2" in
  "info --json") echo '{{"conda_prefix": "{prefix}", "conda_version": "24.9.0", "platform": "linux-64"}}' ;;
  "config --get") echo '{{"get": {{"channel_priority": "strict"}}}}' ;;
  "env create") for last; do :; done; mkdir -p "$last/bin"; cp "{prefix}/bin/interpreter" "$last/bin/python3" ;;
  *) echo "conda 24.9.0" ;;
esac
""",
    "apptainer": """#!/bin/sh
[ "$1" = --version ] && {{ echo "apptainer version 1.3.4"; exit; }}
for last; do :; done
echo "$@" >> "{log}"
exec bash -c "$last"
""",
}


def test_conda_installs_the_locked_versions_and_conda_container_and_package_agree_on_python():
    lock, recipe = (Path(name).read_text(encoding="utf-8") for name in ("requirements.lock", "Dockerfile"))
    *packages, from_lock = yaml.safe_load(Path("environment.yaml").read_text(encoding="utf-8"))["dependencies"]
    locked = {Requirement(line) for line in re.findall(r"^(\w.*?) *\\$", lock, flags=re.MULTILINE)}
    assert {Requirement(line) for line in from_lock["pip"]} == locked
    assert len(locked) > 100
    (conda,) = [line.split("=")[1] for line in packages if line.startswith("python ")]
    (container,) = re.findall(r"^ARG BASE=\S*python:(\d+\.\d+)-", recipe, flags=re.MULTILINE)
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert conda == container
    assert conda in SpecifierSet(project["requires-python"])
    assert "--require-hashes -r /opt/requirements.lock" in recipe


@pytest.mark.slow
@pytest.mark.parametrize("method", ["conda", "apptainer"])
def test_steps_run_in_the_environment_that_snakemake_deploys(tmp_path, method):
    folder = workspace.make(tmp_path / "copy")
    (folder / "d-q-trial.sif").touch()
    programs, log = tmp_path / "bin", tmp_path / "log"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text(text.format(prefix=tmp_path, log=log, python=sys.executable), encoding="utf-8")
        (programs / name).chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    workspace.snakemake(folder, "--profile", f"profiles/{method}", "results/published/strata.csv", PATH=path)
    environment = f"--editable {folder}" if method == "conda" else f"{folder}/d-q-trial.sif"
    for command in ("d_q_trial participants", "d_q_trial results", environment):
        assert command in log.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_shards_of_a_kubernetes_pod_and_of_the_workflow_give_the_bytes_of_one_process(copy):
    job = yaml.safe_load(Path("profiles/kubernetes/full_size.yaml").read_text(encoding="utf-8"))["spec"]
    pod = job["template"]["spec"]["containers"][0]
    assert f"--shards {job['completions']} " in pod["args"][0]
    command = pod["args"][0].replace("99999", "199").replace("_of_8", "_of_2").replace("--shards 8", "--shards 2")
    variables = {"JOB_COMPLETION_INDEX": "0", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run([*pod["command"], command], cwd=copy, env=workspace.environment(copy) | variables, check=True)
    printed = workspace.snakemake(copy, "full_size", "--config", "robustness={shards: 2, full_permutations: 199}")
    assert "Permute the treatment labels (analysis published, part 2 of 2)" in printed
    assert "part 1 of 2" not in printed  # it is not computed again
    assert "Test the multiverse and draw its specification curve" in printed
    requested = "\nThe full-size multiverse is results/full_size/published/multiverse.csv\n"
    assert requested in printed.rpartition("done: ")[2]
    assert "The report is" not in printed  # it was not requested
    # The default run has as many permutations, in one shard.
    for path in (copy / "results/full_size/published").glob("*.*"):
        assert path.read_bytes() == (copy / "results/published/robustness" / path.name).read_bytes(), path.name
    default = ("results/published/robustness/multiverse.csv", "--config", "robustness={shards: 3}")
    assert workspace.list_steps(copy, *default) == {"permute:published", "multiverse:published"}


@pytest.fixture
def cluster(tmp_path):
    """Start a Slurm cluster of one node from Debian's packages and return the environment variables that select it."""
    pytest.importorskip("snakemake_executor_plugin_slurm")
    folder = tmp_path / "slurm"
    try:
        subprocess.run(["tests/cluster/start", folder], check=True, timeout=60)
        yield {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    finally:
        for file in folder.glob("*.pid"):
            os.kill(int(file.read_text()), signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("slurmctld") or os.geteuid() != 0, reason="needs slurmctld, slurmd and root")
def test_a_resumed_cluster_run_of_shards_gives_the_bytes_of_one_process(cluster, tmp_path):
    single, sharded = (workspace.make(tmp_path / name) for name in ("single", "sharded"))
    workspace.snakemake(single, "full_size", "--config", "robustness={full_permutations: 3999}")
    target = ("full_size", "--config", "robustness={full_permutations: 3999, shards: 4}")
    no_accounting = ("--slurm-status-command", "squeue", "--slurm-no-account")
    profile = ("--profile", "profiles/slurm", *no_accounting, "--slurm-init-seconds-before-status-checks", "5")
    process = workspace.start(sharded, *profile, *target, **cluster)
    shards = sharded / "results/full_size/published/shards"
    workspace.wait_for(lambda: [*shards.glob("multiverse_*.npz")], 300)
    workspace.kill(process)
    workspace.snakemake(sharded, *profile, *target, **cluster)
    assert len([*shards.glob("multiverse_*_of_4.npz")]) == 4
    expected, outputs = workspace.read_outputs(single), workspace.read_outputs(sharded)
    differing = [name for name in expected | outputs if expected.get(name) != outputs.get(name)]
    assert [name for name in differing if "shards" not in name] == []
