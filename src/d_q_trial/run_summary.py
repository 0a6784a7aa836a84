"""Summary that the terminal shows after a run."""

from __future__ import annotations

import json
import logging
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .config.settings import RESERVED
from .files import read_rows

if TYPE_CHECKING:
    from .config.settings import Settings

_STARTED = time.monotonic()
# Lines of Snakemake's own log.
_FINISHED = re.compile(r"^Finished jobid: \d+ \(Rule: (\w+)\)", re.MULTILINE)
_FAILED = re.compile(r"^Error in rule (\w+):.*?^    log: (\S+)", re.MULTILINE | re.DOTALL)
_TARGET = re.compile(r"^Job \d+: (The .+)$", re.MULTILINE)  # message of a rule that only names what was asked for


def print_summary(settings: Settings, source: str, logs: Sequence[str], moved: Sequence[str] = ()) -> None:
    """Print what was done, the verdicts of each analysis, where the report or the output asked for is, and the time taken.

    Runs in Snakemake's own process, so it reads with the standard library alone. ``source`` names the configuration,
    ``logs`` are Snakemake's own of the run, ``moved`` the files that no step makes, where they are now.
    """
    print(f"\n{_done(logs)}")
    for name, analysis in settings.analyses.items():
        description = Path("results/workbooks", analysis.workbook_id, "participants.json")
        if description.exists() and (label := json.loads(description.read_text(encoding="utf-8"))["label"]):
            print(f"{name}: {label}")
        if (claims := Path("results", name, "claims.csv")).exists():
            counts = Counter(row["verdict"] for row in read_rows(claims))
            listed = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
            print(f"{name}: {counts.total()} reported values: {listed}")
    print(*(_TARGET.findall(_read(*logs)) or _report(settings)), *_stale(settings, source), sep="\n")
    if moved:
        print(f"Moved: {len(moved)} file(s) that no step of this version makes, for example to {moved[0]}")
    print(f"Took {time.monotonic() - _STARTED:.0f} s")


def print_failure(logs: Sequence[str]) -> None:
    """Print which steps failed and the message of each, last of all; steps that fail for one cause share its message."""
    print(f"\nStopped after {time.monotonic() - _STARTED:.0f} s; {_done(logs)}")
    print("Finished steps are kept. Fix the cause and run the same command again.")
    causes: dict[str, list[str]] = {}  # a message, and the steps that it stopped
    for rule, file in dict.fromkeys(_FAILED.findall(_read(*logs))):
        # A message of this package may have several lines; what precedes it is progress, or a traceback.
        text = _read(file).strip()
        message = text[max(text.rfind("d-q-trial "), 0) :] or "without a message"
        cause = message.partition(": ")[2] or rule  # after the name of the step
        causes.setdefault(cause, [message]).append(f"{rule} (log: {file})")
    for message, *failed in causes.values():
        print(f"Failed: {', '.join(failed)}", message, sep="\n  ")


def name_the_report(settings: Settings, source: str) -> None:
    """Add to Snakemake's message of nothing to be done where the report is, and which folders are stale."""

    def add(record: logging.LogRecord) -> bool:
        if str(record.msg).startswith("Nothing to be done"):
            record.msg = "\n".join([str(record.msg), *_report(settings), *_stale(settings, source)])
        return True

    from snakemake.logging import logger

    logger.addFilter(add)


def _report(settings: Settings) -> list[str]:
    report, compared = Path("results") / settings.reference / "report.html", Path("results/compare/comparison.png")
    lines = [f"The report is {report}; results/index.html leads to every page"] * report.exists()
    if len(settings.analyses) > 1 and compared.exists():
        lines.append("The comparison of the analyses is results/compare/comparison.html")
    return lines


def _stale(settings: Settings, source: str) -> list[str]:
    """Name the folders of analyses that are no longer configured, with the command that removes each."""
    known = {*settings.analyses, *RESERVED} - ({"compare"} if len(settings.analyses) == 1 else set())
    made = (*Path("results").glob("*/results.csv"), *Path("results").glob("*/comparisons.csv"))
    stale = sorted({path.parent for path in made if path.parent.name not in known})
    what = f"belongs to no analysis in {source}; unless another configuration made it, remove it with"
    return [f"Stale: {name} {what}  rm -r {name}" for name in stale]


def _read(*paths: Path | str) -> str:
    files = [path for path in map(Path, paths) if path.is_file()]
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


def _done(logs: Sequence[str]) -> str:
    """Count the finished steps by rule."""
    counts = Counter(rule for rule in _FINISHED.findall(_read(*logs)) if rule != "all")
    steps = counts.total()
    listed = ", ".join(rule if number == 1 else f"{rule} ({number})" for rule, number in counts.items())
    return f"{steps or 'no'} step{'s' * (steps != 1)} done{': ' * bool(listed)}{listed}"
