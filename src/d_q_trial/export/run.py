"""Write everything that other programs read, for one finished analysis."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import settings
from ..files import read_csv, write_text
from ..participants import read_description
from . import ars, crate, manifest, tables

if TYPE_CHECKING:
    from ..config.settings import Settings
    from ..trial import Trial


def write_exports(results: Path, chosen: Settings, trial: Trial, analysis: str, workflow: Path) -> None:
    """Write CDISC ARS, data package, RO-Crate and manifest of an analysis whose other outputs are finished.

    ``results`` is the folder of all results, ``workflow`` the Snakefile, of which the crate keeps a copy.
    """
    folder = results / analysis
    description = read_description(results / "workbooks" / chosen.analyses[analysis].workbook_id)
    label = description["label"]
    rows = read_csv(folder / "results.csv").to_dict("records")
    event = ars.reporting_event(rows, trial, chosen.analyses[analysis], label)
    text = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    write_text(text + "\n", folder / "export/ars.json")
    write_text(settings.as_yaml(chosen, analysis), folder / crate.CONFIG)
    about = f"{label or ''} {trial.citation}".strip()
    title = f"Reanalysis “{analysis}”: {trial.title}"
    tables.write_data_package(folder, name=trial.name, title=title, description=about)
    crate.write(folder, chosen, trial, analysis, description, workflow)
    manifest.write(folder, analysis, label, settings.for_step(chosen, analysis))
