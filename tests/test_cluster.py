"""The workflow on a Slurm cluster of one node, made of Debian's packages."""

import os
import shutil
import signal
import subprocess

import pytest
import workspace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("slurmctld") or os.geteuid() != 0, reason="needs slurmctld, slurmd and root"),
]


@pytest.fixture
def cluster(tmp_path):
    """Variables of the environment that lead to the cluster."""
    pytest.importorskip("snakemake_executor_plugin_slurm")
    folder = tmp_path / "slurm"
    try:
        subprocess.run(["tests/cluster/start", folder], check=True, timeout=60)
        yield {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    finally:
        for file in folder.glob("*.pid"):
            os.kill(int(file.read_text()), signal.SIGTERM)


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
        {name: content for name, content in workspace.outputs(folder).items() if "shards" not in name}
        for folder in (alone, spread)
    )
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
