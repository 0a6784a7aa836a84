"""Containers and conda get what the lock file names, and Snakemake runs the steps in them and on clusters."""

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

TOP = workspace.TOP
CONDA = yaml.safe_load((TOP / "environment.yaml").read_text(encoding="utf-8"))["dependencies"]
RECIPE = (TOP / "Dockerfile").read_text(encoding="utf-8")

# Stand-ins for the programs that Snakemake calls. Each notes that a step ran in its environment, and then runs it.
INTERPRETER = '#!/bin/sh\necho "$@" >> "{log}"\n[ "$2" = pip ] || exec "{python}" "$@"\n'
STANDINS = {
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


def test_conda_installs_the_versions_of_the_lock_file():
    lock = (TOP / "requirements.lock").read_text(encoding="utf-8")
    locked = {Requirement(line) for line in re.findall(r"^(\w.*?) *\\$", lock, flags=re.MULTILINE)}
    assert {Requirement(line) for line in CONDA[-1]["pip"]} == locked
    assert len(locked) > 100


def test_container_conda_and_package_agree_on_python():
    (conda,) = [line.split("=")[1] for line in CONDA[:-1] if line.startswith("python ")]
    (container,) = re.findall(r"^ARG BASE=\S*python:(\d+\.\d+)-", RECIPE, flags=re.MULTILINE)
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert conda == container
    assert conda in SpecifierSet(project["requires-python"])
    assert "--require-hashes -r /opt/requirements.lock" in RECIPE


@pytest.mark.slow
@pytest.mark.parametrize("method", ["conda", "apptainer"])
def test_the_steps_run_in_the_environment_that_snakemake_deploys(tmp_path, method):
    folder = workspace.make(tmp_path / "copy")
    (folder / "d-q-trial.sif").touch()
    bin_folder, log = tmp_path / "bin", tmp_path / "log"
    bin_folder.mkdir()
    for name, text in {**STANDINS, "interpreter": INTERPRETER, "activate": 'export PATH="$1/bin:$PATH"\n'}.items():
        (bin_folder / name).write_text(text.format(prefix=tmp_path, log=log, python=sys.executable), encoding="utf-8")
        (bin_folder / name).chmod(0o755)
    path = os.pathsep.join([str(bin_folder), os.environ["PATH"]])
    workspace.snakemake(folder, "--profile", f"profiles/{method}", "results/published/strata.csv", PATH=path)
    steps = log.read_text(encoding="utf-8")
    assert "d_q_trial participants" in steps
    assert "d_q_trial results" in steps
    wanted = f"--editable {folder}" if method == "conda" else f"{folder}/d-q-trial.sif"
    assert wanted in steps


@pytest.mark.slow
def test_shards_made_by_the_pods_of_a_cluster_are_added_up_and_not_made_again(copy):
    job = yaml.safe_load((TOP / "profiles/kubernetes/full_size.yaml").read_text(encoding="utf-8"))["spec"]
    pod = job["template"]["spec"]["containers"][0]
    assert f"--shards {job['completions']} " in pod["args"][0]
    command = pod["args"][0].replace("99999", "199").replace("_of_8", "_of_2").replace("--shards 8", "--shards 2")
    place = workspace.environment(copy) | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for index in "01":
        own = place | {"JOB_COMPLETION_INDEX": index}
        subprocess.run([*pod["command"], command], cwd=copy, env=own, check=True)
    settings = ("--config", "robustness={shards: 2, full_permutations: 199}")
    planned = workspace.snakemake(copy, "full_size", *settings, "--dry-run")
    assert "draw its specification curve" in planned
    assert "Permute the treatment labels" not in planned


@pytest.fixture
def cluster(tmp_path):
    """Variables of the environment that lead to a Slurm cluster of one node, made of Debian's packages."""
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
def test_shards_on_a_cluster_killed_in_the_middle_make_the_bytes_of_one_process(cluster, tmp_path):
    alone, spread = (workspace.make(tmp_path / name) for name in ("alone", "spread"))
    size = "full_permutations: 3999"
    workspace.snakemake(alone, "full_size", "--config", f"robustness={{{size}}}")
    asked = ("full_size", "--config", f"robustness={{{size}, shards: 4}}")
    without = ("--slurm-status-command", "squeue", "--slurm-no-account")
    profile = ("--profile", "profiles/slurm", *without, "--slurm-init-seconds-before-status-checks", "5")
    first = workspace.start(spread, *profile, *asked, **cluster)
    shards = spread / "results/full_size/published/shards"
    workspace.wait_for(lambda: [*shards.glob("multiverse_*.npz")], 300)
    workspace.kill(first)
    workspace.snakemake(spread, *profile, *asked, **cluster)
    assert len([*shards.glob("multiverse_*_of_4.npz")]) == 4
    ours, theirs = (
        {name: content for name, content in workspace.read_outputs(folder).items() if "shards" not in name}
        for folder in (alone, spread)
    )
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
