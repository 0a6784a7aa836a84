"""A copy of the project in which the real workflow runs in real processes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parent.parent
PARTS = ("Snakefile", "config.yaml", "rules", "profiles", "data", "src")


def make(folder: Path) -> Path:
    """Copy what the workflow needs into an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ignored = shutil.ignore_patterns("__pycache__", "raw")
    for part in PARTS:
        source = TOP / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=ignored)
        else:
            shutil.copy2(source, folder / part)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The copy's own package, not the installed one, and nobody's home."""
    return {**os.environ, "PYTHONPATH": str(folder / "src"), "XDG_CACHE_HOME": str(folder / ".cache")}


def snakemake(folder: Path, *arguments: str, cores: int = 2, **more) -> subprocess.CompletedProcess:
    """Run snakemake in the copy and return what it said."""
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", str(cores), *arguments],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
        **more,
    )


def planned(folder: Path, *arguments: str) -> set[str]:
    """Commands that a run would carry out, as `command`, and as `command:analysis`."""
    run = snakemake(folder, "--dry-run", "--printshellcmds", *arguments)
    assert run.returncode == 0, run.stdout
    jobs = set()
    for line in run.stdout.splitlines():
        if found := re.search(r" -m d_q_trial (\w+) (.*)", line):
            command, rest = found.groups()
            folders = set(re.findall(r"results/([\w+.-]+)", rest)) - {"workbooks", "compare", "consistency"}
            jobs |= {command, *(f"{command}:{name}" for name in folders)}
    return jobs


def outputs(folder: Path) -> dict[str, bytes]:
    """Bytes of everything in results/ but the logs, and the settings, which are what the steps were told."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    made = (path for path in files if not {"logs", "settings"} & {*path.parts})
    return {str(path.relative_to(folder)): path.read_bytes() for path in made}
