"""The log of a step: progress of long computations, and the versions of the libraries that the step imported."""

import re
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import TextIO

# Declared libraries that do not influence any result: they run the steps, find the code that a step depends on, draw the
# pages of `snakemake --report`, and describe a finished run.
TOOLS = {"snakemake", "grimp", "networkx", "pygments", "rocrate"}
_MODULES = {"python-calamine": "python_calamine", "pyyaml": "yaml"}  # modules not named after their distribution
_LINE_START = "software: "
_child_versions: dict[str, str] = {}  # of the libraries that child processes imported


def report_tenths(title: str, unit: str, stream: TextIO | None = None) -> Callable[[int, int], None]:
    """Return a function that reports progress at every tenth of the units.

    It prints to ``stream``, by default standard error, which rules log; the terminal shows standard output.
    """
    reported = 0

    def report(done: int, total: int) -> None:
        nonlocal reported
        tenth = 10 * done // total
        if tenth > reported:
            print(f"{title}: {done:,} of {total:,} {unit}", file=stream or sys.stderr, flush=True)
            reported = tenth

    return report


def imported_versions() -> dict[str, str]:
    """Return the versions of the declared libraries that this process or its child processes have imported."""
    required = (text for text in metadata.requires("d-q-trial") or [] if "extra ==" not in text)
    names = {re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0].lower() for text in required} - TOOLS
    imported = sorted(name for name in names if _MODULES.get(name, name) in sys.modules)
    return _child_versions | {name: metadata.version(name) for name in imported}


def software_line() -> str:
    """Return the last line of the log of a step: the versions of the libraries that it imported."""
    return _LINE_START + ", ".join(f"{name} {version}" for name, version in imported_versions().items())


def used_versions(results: Path, analysis: str, workbook: str, search: str) -> dict[str, str]:
    """Return the versions of Python, this package, Snakemake, and the libraries that the steps of an analysis imported.

    The libraries are those in the logs of the steps, of which the last takes precedence, and those of this process.
    ``results`` is the folder of all results; ``workbook`` and ``search`` name the folders that analyses share.
    """
    logged: dict[str, str] = {}
    folders = (f"workbooks/{workbook}", f"every_cut/{search}", analysis)
    for path in sorted(path for folder in folders for path in (results / folder / "logs").glob("*.log")):
        logged |= _parse_versions(path.read_text(encoding="utf-8", errors="replace"))
    tools = {name: metadata.version(name) for name in ("d-q-trial", "snakemake")}
    return {"python": python_version()} | tools | dict(sorted((logged | imported_versions()).items()))


def add_child_software(output: str) -> None:
    """Add the versions in the output of a child process to those of this process."""
    _child_versions.update(_parse_versions(output))


def _parse_versions(text: str) -> dict[str, str]:
    lines = (line.removeprefix(_LINE_START) for line in text.splitlines() if line.startswith(_LINE_START))
    return dict(part.split(" ", 1) for line in lines for part in line.split(", ") if " " in part)
