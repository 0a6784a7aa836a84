"""A copy of the project in which the real workflow runs in real processes."""

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
import yaml

TOP = Path(__file__).parent.parent
PARTS = ("Snakefile", "rules", "profiles", "data", "src", "environment.yaml", "environment.post-deploy.sh")


def make(folder: Path) -> Path:
    """Copy what the workflow needs, compiled, into an empty folder, with the configuration of the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        copy = shutil.copytree if (TOP / part).is_dir() else shutil.copy2
        copy(TOP / part, folder / part)
    shutil.copy2(TOP / "tests/config.yaml", folder / "config.yaml")
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The copy's own package, not the installed one, and a cache of its own but for the fonts, whose search takes long."""
    own = {"PYTHONPATH": str(folder / "src"), "XDG_CACHE_HOME": str(folder / ".cache")}
    return {**os.environ, **own, "MPLCONFIGDIR": matplotlib.get_cachedir(), "SOURCE_DATE_EPOCH": "1700000000"}


def run(folder: Path, *arguments: str, cwd: Path | None = None, status: int = 0, **more: str) -> str:
    """Run Python in the copy, which must end with a status, and return what it printed; ``more`` go to its environment."""
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd or folder,
        env=environment(folder) | more,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )
    assert ended.returncode == status, ended.stdout
    return ended.stdout


def snakemake(folder: Path, *arguments: str, cores: int = 2, **more) -> str:
    """Run snakemake in the copy, as :func:`run` does; the workflow finds its own package."""
    return run(folder, "-m", "snakemake", "--cores", str(cores), *arguments, **{"PYTHONPATH": ""} | more)


def start(folder: Path, *arguments: str, **more: str) -> subprocess.Popen:
    """Start snakemake in the copy, as the leader of a group of processes that :func:`kill` ends."""
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--cores", "2", *arguments],
        cwd=folder,
        env=environment(folder) | more,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill(process: subprocess.Popen) -> None:
    """End a process and its children without a chance to clean up."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def planned(folder: Path, *arguments: str) -> set[str]:
    """Commands that a run would carry out, as ``command:analysis`` or, where no analysis is named, ``command``."""
    printed = snakemake(folder, "--dry-run", "--printshellcmds", *arguments)
    found = re.findall(r" -m d_q_trial (\w+)(?: .*?--analysis '?([\w+.-]+))?", printed)
    return {":".join(filter(None, command)) for command in found}


def edit(folder: Path, change) -> None:
    """Change the configuration of the copy by a function of its content."""
    path = folder / "config.yaml"
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config, sort_keys=False))


def outputs(folder: Path) -> dict[str, bytes]:
    """Bytes of everything in results/ but the logs."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if "logs" not in path.parts}
