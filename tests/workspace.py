"""Copy the project and run the real workflow in it, in real processes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib
import openpyxl
import yaml

from d_q_trial.files import read_rows

TOP = Path(__file__).parent.parent
PARTS = ("Snakefile", "rules", "profiles", "data", "src", "environment.yaml", "environment.post-deploy.sh")

# The label of synthetic data as it is, or with its apostrophe escaped for HTML or PDF.
LABEL = re.compile(rb"Synthetic data: not the trial(?:'|&#39;|&#x27;|\\')s participants")


def make(folder: Path) -> Path:
    """Copy the files that the workflow needs into an empty folder, with the configuration of the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        copy = shutil.copytree if (TOP / part).is_dir() else shutil.copy2
        copy(TOP / part, folder / part)
    shutil.copy2(TOP / "tests/config.yaml", folder / "config.yaml")
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Return an environment with the package of the copy and a separate cache, except for fonts, which are slow to find."""
    separate = {"PYTHONPATH": str(folder / "src"), "XDG_CACHE_HOME": str(folder / ".cache")}
    return {**os.environ, **separate, "MPLCONFIGDIR": matplotlib.get_cachedir(), "SOURCE_DATE_EPOCH": "1700000000"}


def run(folder: Path, *arguments: str, cwd: Path | None = None, status: int = 0, **variables: str) -> str:
    """Run Python in the copy, check its exit status and return its output; ``variables`` are added to its environment."""
    command, env = [sys.executable, *arguments], environment(folder) | variables
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 900}
    process = subprocess.run(command, cwd=cwd or folder, env=env, **options, check=False)
    assert process.returncode == status, process.stdout
    return process.stdout


def snakemake(folder: Path, *arguments: str, cores: int = 2, **variables) -> str:
    """Run snakemake in the copy, as :func:`run` does; the workflow finds its package without PYTHONPATH."""
    return run(folder, "-m", "snakemake", "--cores", str(cores), *arguments, **{"PYTHONPATH": ""} | variables)


def start(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen:
    """Start snakemake in the copy, as the leader of a process group that :func:`kill` ends."""
    command, env = ["-m", "snakemake", "--cores", "2", *arguments], environment(folder) | variables
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    return subprocess.Popen([sys.executable, *command], cwd=folder, env=env, **options)


def kill(process: subprocess.Popen) -> None:
    """Kill a process and its children; they cannot clean up."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until a condition is true; AssertionError if it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def list_steps(folder: Path, *arguments: str) -> set[str]:
    """List the steps of a dry run as ``command:analysis``, or as ``command`` if it names no analysis."""
    output = snakemake(folder, "--dry-run", "--printshellcmds", *arguments)
    steps = re.findall(r" -m d_q_trial (\w+)(?: .*?--analysis '?([\w+.-]+))?", output)
    return {":".join(filter(None, step)) for step in steps}


def edit(folder: Path, change) -> None:
    """Apply a function to the configuration of the copy; it changes the content in place."""
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config, sort_keys=False))


def read_outputs(folder: Path) -> dict[str, bytes]:
    """Return the bytes of all files in results/ except the logs."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if "logs" not in path.parts}


def read_labels(path: Path) -> list:
    """Return a match with the label, or None, for each row of a table, each sheet of a workbook, or another file as a whole."""
    if path.suffix == ".csv":
        parts = [row.get("data", "").encode() for row in read_rows(path)]
    elif path.suffix == ".xlsx":
        parts = [str([*sheet.values]).encode() for sheet in openpyxl.load_workbook(path)]
    else:
        parts = [path.read_bytes()]
    return [LABEL.search(part) for part in parts]
