"""What the terminal says when a run has ended."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .published import read_rows

if TYPE_CHECKING:
    from .config.settings import Settings

_STARTED = time.monotonic()
# Lines of Snakemake's own log.
_FINISHED = re.compile(r"^Finished jobid: \d+ \(Rule: (\w+)\)", re.MULTILINE)
_FAILED = re.compile(r"^Error in rule (\w+):.*?^    log: (\S+)", re.MULTILINE | re.DOTALL)


def tell(settings: Settings, logs: Sequence[str]) -> None:
    """Print what was done, the tally of claims of each analysis, where to look first, and how long it took.

    Runs in Snakemake's own process, so it reads with the standard library alone. Snakemake does not come here when nothing
    was to be done, and says so itself.

    Parameters
    ----------
    settings : Settings
    logs : sequence of path
        Snakemake's own logs of the run.
    """
    print(f"\n{_done(logs)}")
    for name, analysis in settings.analyses.items():
        folder = Path("results") / name
        description = Path("results/workbooks") / analysis.workbook_id / "participants.json"
        label = json.loads(description.read_text(encoding="utf-8"))["label"] if description.exists() else None
        if label:
            print(f"{name}: {label}")
        if (folder / "claims.csv").exists():
            print(f"{name}: {_tally(folder)}")
    first = Path("results") / settings.reference / "report.html"
    if first.exists():
        print(f"Look first at {first}")
    if len(settings.analyses) > 1 and Path("results/compare/comparison.png").exists():
        print("All analyses side by side: results/compare/, and in that report")
    print(f"Took {time.monotonic() - _STARTED:.0f} s")


def tell_failure(logs: Sequence[str]) -> None:
    """Print which steps failed, where their messages are, and that what is finished stays."""
    failed = list(dict.fromkeys(_FAILED.findall(_read(*logs))))
    print(f"\nStopped after {time.monotonic() - _STARTED:.0f} s; {_done(logs)}")
    for rule, file in failed:
        said = _read(file).strip().splitlines()
        print(f"Failed: {rule}; its messages are in {file}" + (f" and end with\n  {said[-1]}" if said else ""))
    print("What is finished stays; once the cause is mended, the same command goes on from there.")


def _read(*paths: Path | str) -> str:
    files = [path for path in map(Path, paths) if path.is_file()]
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


def _done(logs: Sequence[str]) -> str:
    """Count the finished steps by rule."""
    counts = Counter(rule for rule in _FINISHED.findall(_read(*logs)) if rule != "all")
    steps = counts.total()
    listed = ", ".join(rule if number == 1 else f"{rule} ({number})" for rule, number in counts.items())
    return f"{steps or 'no'} step{'s' * (steps != 1)} done{': ' * bool(listed)}{listed}"


def _tally(folder: Path) -> str:
    rows = read_rows(folder, "claims")
    counts = Counter(row["verdict"] for row in rows)
    return f"{len(rows)} printed numbers: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
