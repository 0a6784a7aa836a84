"""Write everything that other programs read, for one finished analysis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import software
from ..config import settings
from ..files import read_csv, sha256, write_text
from ..participants import read_description
from . import ars, crate, manifest, tables

if TYPE_CHECKING:
    from ..config.settings import Settings
    from ..trial import Trial

# Stands in for a date that the inputs do not have: the day from which this code dates.
CODE_DATE = "2026-11-24"


def write_exports(
    folder: Path, participants: Path, chosen: Settings, trial: Trial, analysis: str, workflow: Path
) -> None:
    """Write CDISC ARS, data package, RO-Crate and manifest of an analysis whose other outputs are finished.

    ``folder`` and ``participants`` are those of the analysis and of its participants; ``workflow`` is the Snakefile, of
    which the crate keeps a copy.
    """
    description = read_description(participants)
    label, source = description["label"], description["source"]
    rows = read_csv(folder / "results.csv").to_dict("records")
    event = ars.reporting_event(rows, trial, chosen.analyses[analysis], label)
    text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_text(text + "\n", folder / "export/ars.json")
    write_text(settings.as_yaml(chosen, analysis), folder / crate.CONFIG)
    about = f"{label or ''} {trial.citation}".strip()
    tables.write_data_package(
        folder, name=trial.name, title=f"Reanalysis “{analysis}”: {trial.title}", description=about
    )
    entry = chosen.analyses[analysis]
    logs = software.logs_of(folder.parent, analysis, entry.workbook_id, settings.search_id(entry))
    about_run = {"label": label, "date": str(source.get("modified") or CODE_DATE), "versions": software.used(logs)}
    crate.write(folder, analysis, trial, _inputs(chosen, source), workflow=workflow, **about_run)
    manifest.write(folder, analysis, label, settings.for_step(chosen, analysis))


def _inputs(chosen: Settings, source: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return sha256 and description of every input file, by its name."""
    inputs = {source.get("name", "workbook"): (source.get("sha256", ""), "workbook with the participants")}
    described = ((chosen.trial, "description of the trial"), (chosen.tables, "tables"), (chosen.figures, "figures"))
    files = [(Path(file), words) for file, words in described if file]
    files += [(path, "reported values") for path in sorted(Path(chosen.published or "/dev/null").glob("*.csv"))]
    return inputs | {path.name: (sha256(path), words) for path, words in files}
