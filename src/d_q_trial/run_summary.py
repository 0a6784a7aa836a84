"""Summary that the terminal shows after a run."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .config.settings import RESERVED, for_step
from .files import LEFT_OVER, read_rows, sha256

if TYPE_CHECKING:
    from snakemake.jobs import Job

    from .config.settings import Settings


class Summary:
    """What a run did, whatever ``--quiet`` hides; it needs the standard library alone. ``source`` names the configuration."""

    def __init__(self, settings: Settings, source: str):
        self.settings, self.source = settings, source
        self.failed: dict[str, str] = {}  # the log file of each failed step, and its rule

    def note(self, record: logging.LogRecord) -> bool:
        """Keep which steps fail, and add to the message of nothing to be done where the report is; a filter that passes all."""
        if getattr(record, "event", None) == "job_error":
            self.failed |= dict.fromkeys(record.log, record.rule_name)
        elif str(record.msg).startswith("Nothing to be done"):
            record.msg = "\n".join([str(record.msg), *self._report(), *self._notes()])
        return True

    def print_success(self, finished: Iterable[Job]) -> None:
        """Print what was done, the verdicts of each analysis, and where the report or what was asked for is."""
        jobs = [*finished]
        print(f"\n{_done(jobs)}")
        for name, analysis in self.settings.analyses.items():
            description = Path("results/workbooks", analysis.workbook_id, "participants.json")
            if description.exists() and (label := json.loads(description.read_text(encoding="utf-8"))["label"]):
                print(f"{name}: {label}")
            if (claims := Path("results", name, "claims.csv")).exists():
                counts = Counter(row["verdict"] for row in read_rows(claims))
                listed = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
                print(f"{name}: {counts.total()} reported values: {listed}")
        # The message of a rule that only names what was asked for.
        asked = [job.message for job in jobs if (job.message or "").startswith("The ")]
        print(*(asked or self._report()), *self._notes(), sep="\n")

    def print_failure(self, finished: Iterable[Job]) -> None:
        """Print which steps failed and the message of each, last of all; steps that fail for one cause share its message."""
        print(f"\nStopped; {_done(finished)}")
        print("Finished steps are kept. Fix the cause and run the same command again.")
        causes: dict[str, list[str]] = {}  # a message, and the steps that it stopped
        for file, rule in self.failed.items():
            # A message of this package may have several lines; what precedes it is progress, or a traceback.
            text = Path(file).read_text(encoding="utf-8", errors="replace").strip() if Path(file).is_file() else ""
            message = text[max(text.rfind("d-q-trial "), 0) :] or "without a message, as on a full disk"
            cause = message.partition(": ")[2] or rule  # after the name of the step
            causes.setdefault(cause, [message]).append(f"{rule} (log: {file})")
        for message, *failed in causes.values():
            print(f"Failed: {', '.join(failed)}", message, sep="\n  ")

    def _report(self) -> list[str]:
        report = Path("results", self.settings.reference, "report.html")
        lines = [f"The report is {report}; results/index.html leads to every page"] * report.exists()
        if len(self.settings.analyses) > 1 and Path("results/compare/comparison.png").exists():
            lines.append("The comparison of the analyses is results/compare/comparison.html")
        return lines

    def _notes(self) -> list[str]:
        """Name the folders in results/ of no analysis, files of no step, and reports of other settings or another workbook."""
        known = {*self.settings.analyses, *RESERVED} - ({"compare"} if len(self.settings.analyses) == 1 else set())
        made = (*Path("results").glob("*/results.csv"), *Path("results").glob("*/comparisons.csv"))
        stale = sorted({path.parent for path in made if path.parent.name not in known})
        what = f"belongs to no analysis in {self.source}; unless another configuration made it, remove it with"
        notes = [f"Stale: {name} {what}  rm -r {name}" for name in stale]
        # Without its own records, in .snakemake, Snakemake compares dates alone.
        what = f"is of other settings or another workbook than {self.source} states; if a full run does not renew it:"
        outdated = [f"results/{name}/report.html" for name in self.settings.analyses if self._is_outdated(name)]
        notes += [f"Outdated: {report} {what}  snakemake --cores 4 --forceall" for report in outdated]
        if moved := [path for path in sorted(Path("results", LEFT_OVER).rglob("*")) if path.is_file()]:
            what = "file(s) that no step of this version makes and that may be deleted, for example to"
            notes.append(f"Moved: {len(moved)} {what} {moved[0]}")
        return notes

    def _is_outdated(self, name: str) -> bool:
        """Tell whether a finished analysis states other settings, or another workbook, than are configured now."""
        analysis = self.settings.analyses[name]
        try:
            made = json.loads(Path("results", name, "manifest.json").read_bytes())["settings"]
            described = json.loads(Path("results/workbooks", analysis.workbook_id, "participants.json").read_bytes())
            return made != for_step(self.settings, name) or described["source"]["sha256"] != sha256(analysis.workbook)
        except (OSError, ValueError, KeyError, TypeError):  # not finished, or damaged
            return False


def _done(finished: Iterable[Job]) -> str:
    """Count the finished steps by rule."""
    counts = Counter(job.rule.name for job in finished if job.rule.name != "all")
    steps = counts.total()
    listed = ", ".join(rule if number == 1 else f"{rule} ({number})" for rule, number in counts.items())
    return f"{steps or 'no'} step{'s' * (steps != 1)} done{': ' * bool(listed)}{listed}"
