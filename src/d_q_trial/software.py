"""The software behind the results: what each step imported, with its version, from the logs of the run."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path
from platform import python_version

# Declared, but of no influence on a result: what each is for.
TOOLS = {
    "snakemake": "runs the steps",
    "networkx": "read by snakemake --report",
    "pygments": "read by snakemake --report",
    "rocrate": "describes a finished run",
}
_MODULES = {"python-calamine": "python_calamine", "pyyaml": "yaml"}  # where it has another name than its distribution
_LINE = "software: "
_of_children: dict[str, str] = {}  # what the processes imported that this one started


def declared_libraries() -> list[str]:
    """Return the distributions that the package declares to need, without its optional extras, in alphabetical order."""
    needed = [need for need in metadata.requires("d-q-trial") or [] if "extra ==" not in need]
    return sorted(re.split(r"[^A-Za-z0-9._-]", need, maxsplit=1)[0].lower() for need in needed)


def imported_versions() -> dict[str, str]:
    """Return the versions of the declared libraries that this process, or one that it started, has imported."""
    names = [name for name in declared_libraries() if name not in TOOLS and _MODULES.get(name, name) in sys.modules]
    return _of_children | {name: metadata.version(name) for name in names}


def software_line() -> str:
    """Return what a step states at the end of its log."""
    return _LINE + ", ".join(f"{name} {version}" for name, version in imported_versions().items())


def used_versions(results: Path, analysis: str, workbook: str, search: str) -> dict[str, str]:
    """Return the versions of Python, this package, Snakemake, and the libraries that the steps of an analysis imported.

    Those are the libraries that the logs of the steps in the folder of all results state (the last statement counts), and
    those of this process. ``workbook`` and ``search`` name the folders that the analysis shares with others.
    """
    found: dict[str, str] = {}
    folders = (f"workbooks/{workbook}", f"every_cut/{search}", analysis)
    for path in sorted(path for folder in folders for path in (results / folder / "logs").glob("*.log")):
        found |= _stated(path.read_text(encoding="utf-8", errors="replace"))
    tools = {name: metadata.version(name) for name in ("d-q-trial", "snakemake")}
    return {"python": python_version()} | tools | dict(sorted((found | imported_versions()).items()))


def add_child_software(output: str) -> None:
    """Take over what a process that this one started has stated in its output."""
    _of_children.update(_stated(output))


def _stated(text: str) -> dict[str, str]:
    lines = (line.removeprefix(_LINE) for line in text.splitlines() if line.startswith(_LINE))
    return dict(part.split(" ", 1) for line in lines for part in line.split(", ") if " " in part)
