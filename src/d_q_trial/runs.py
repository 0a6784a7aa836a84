"""A run of the workflow: locks that killed runs leave, and the summary that the terminal shows at the end."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .config.settings import RESERVED, Settings, for_step
from .errors import UserError
from .files import LEFT_OVER, read_description, read_rows, sha256

if TYPE_CHECKING:
    from snakemake.jobs import Job
    from snakemake.workflow import Workflow

_lock_files: list[int] = []  # descriptors, open until this process ends


def mark_alive(folder: Path | str) -> None:
    """Mark this process as alive; if no other process is, remove the locks and configurations of ended runs.

    The operating system releases the mark when the process ends, however it ends. Snakemake's lock, in the same folder,
    prevents two runs at the same time. OSError if the folder cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _lock_files.append(os.open(folder / "alive", os.O_CREAT | os.O_RDWR))
    with contextlib.suppress(OSError):  # held by another process, or a file system without locks
        fcntl.flock(_lock_files[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        for path in (*folder.glob("locks/*"), *folder.glob("d_q_trial/*.json")):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        fcntl.flock(_lock_files[-1], fcntl.LOCK_SH | fcntl.LOCK_NB)


class Summary:
    """Summary of a run, printed even with ``--quiet``, by the standard library alone; ``source`` names the configuration."""

    def __init__(self, settings: Settings, source: str, workflow: Workflow):
        self.settings, self.source, self.workflow = settings, source, workflow
        self.failed: dict[str, str] = {}  # log file of each failed step -> its rule

    def note(self, record: logging.LogRecord) -> bool:
        """Record failed steps, and add the report to "Nothing to be done"; a logging filter that passes every record."""
        if getattr(record, "event", None) == "job_error":
            self.failed |= dict.fromkeys(record.log, record.rule_name)
        elif str(record.msg).startswith("Nothing to be done"):
            record.msg = "\n".join([str(record.msg), *self._list_reports(), *self._list_notes()])
        return True

    def print_success(self) -> None:
        """Print the finished steps, the verdicts of each analysis, and the path of the report or the requested outputs."""
        jobs = [*self.workflow.dag.finished_jobs]
        print(f"\n{_count_steps(jobs)}")
        for name, analysis in self.settings.analyses.items():
            folder, claims = Path("results/workbooks", analysis.workbook_id), Path("results", name, "claims.csv")
            try:
                if (folder / "participants.json").exists() and (label := read_description(folder)["label"]):
                    print(f"{name}: {label}")
                if claims.exists():
                    counts = Counter(row["verdict"] for row in read_rows(claims, ["verdict"]))
                    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in counts.most_common())
                    print(f"{name}: {counts.total()} reported values: {verdicts}")
            except UserError as error:
                print(f"{name}: {error}")
        # A rule that only requests outputs names them in a message that begins with "The".
        requested = [job.message for job in jobs if (job.message or "").startswith("The ")]
        print(*(requested or self._list_reports()), *self._list_notes(), sep="\n")

    def print_failure(self) -> None:
        """Print the finished steps, then each failure message once, below the steps that failed with it."""
        print(f"\nStopped; {_count_steps(self.workflow.dag.finished_jobs)}")
        print("Finished steps are kept. Fix the cause and run the same command again.")
        causes: dict[str, list[str]] = {}  # message without the command -> message and the steps that it stopped
        for file, rule in self.failed.items():
            # A message of this package may have several lines; progress or a traceback may precede it.
            text = Path(file).read_text(encoding="utf-8", errors="replace").strip() if Path(file).is_file() else ""
            message = text[max(text.rfind("d-q-trial "), 0) :] or "without a message, as on a full disk"
            cause = message.partition(": ")[2] or rule
            causes.setdefault(cause, [message]).append(f"{rule} (log: {file})")
        for message, *failed in causes.values():
            print(f"Failed: {', '.join(failed)}", message, sep="\n  ")

    def _list_reports(self) -> list[str]:
        report = Path("results", self.settings.reference, "report.html")
        lines = [f"The report is {report}; results/index.html leads to every page"] * report.exists()
        if len(self.settings.analyses) > 1 and Path("results/compare/comparison.png").exists():
            lines.append("The comparison of the analyses is results/compare/comparison.html")
        return lines

    def _list_notes(self) -> list[str]:
        """List folders in results/ of no analysis, outputs that may be outdated, and files that no step makes."""
        expected = {*self.settings.analyses, *RESERVED} - ({"compare"} if len(self.settings.analyses) == 1 else set())
        tables = (*Path("results").glob("*/results.csv"), *Path("results").glob("*/comparisons.csv"))
        stale = sorted({path.parent for path in tables if path.parent.name not in expected})
        advice = f"belongs to no analysis in {self.source}; unless another configuration made it, remove it with"
        notes = [f"Stale: {folder} {advice}  rm -r {folder}" for folder in stale]
        # Without its records in .snakemake, Snakemake compares only the dates of files.
        outdated = [f"results/{name}/report.html" for name in self.settings.analyses if self._is_outdated(name)]
        advice = f"is of other settings or another workbook than {self.source} states; if a full run does not renew it:"
        notes += [f"Outdated: {report} {advice}  snakemake --cores 4 --forceall" for report in outdated]
        dag = self.workflow.dag
        unrecorded = {job.rule.name for job in dag.jobs if dag.reason(job).no_metadata and not dag.needrun(job)}
        if unrecorded:
            rules = ", ".join(sorted(unrecorded))
            advice = "have no record in .snakemake of the code and settings that made them. To make them again:"
            notes.append(f"Unrecorded: outputs of {rules} {advice}  snakemake --cores 4 --forceall")
        if moved := [path for path in sorted(Path("results", LEFT_OVER).rglob("*")) if path.is_file()]:
            advice = "file(s) that no step of this version makes and that may be deleted, for example to"
            notes.append(f"Moved: {len(moved)} {advice} {moved[0]}")
        return notes

    def _is_outdated(self, name: str) -> bool:
        """Return whether a finished analysis used other settings, or another workbook, than are configured now."""
        analysis = self.settings.analyses[name]
        try:
            used = json.loads(Path("results", name, "manifest.json").read_bytes())["settings"]
            metadata = json.loads(Path("results/workbooks", analysis.workbook_id, "participants.json").read_bytes())
            return used != for_step(self.settings, name) or metadata["source"]["sha256"] != sha256(analysis.workbook)
        except (OSError, ValueError, KeyError, TypeError):  # not finished, or damaged
            return False


def _count_steps(finished: Iterable[Job]) -> str:
    """Count the finished steps by rule."""
    counts = Counter(job.rule.name for job in finished if job.rule.name != "all")
    steps = "1 step" if counts.total() == 1 else f"{counts.total() or 'no'} steps"
    rules = ", ".join(rule if number == 1 else f"{rule} ({number})" for rule, number in counts.items())
    return f"{steps} done: {rules}" if rules else f"{steps} done"
