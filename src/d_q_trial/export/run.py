"""Write everything that other programs read, for one finished analysis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..config import settings
from ..files import write_text
from ..participants import read_description
from . import crate, manifest, tables

if TYPE_CHECKING:
    from ..config.settings import Settings
    from ..trial import Trial


def write_exports(results: Path, chosen: Settings, trial: Trial, analysis: str, workflow: Path) -> None:
    """Write data package, RO-Crate and manifest of an analysis whose other outputs are finished.

    ``results`` is the folder of all results, ``workflow`` the Snakefile, of which the crate keeps a copy.
    """
    folder = results / analysis
    description = read_description(results / "workbooks" / chosen.analyses[analysis].workbook_id)
    label = description["label"]
    write_text(settings.as_yaml(chosen, analysis), folder / crate.CONFIG)
    about = f"{label or ''} {trial.citation}".strip()
    title = f"Reanalysis “{analysis}”: {trial.title}"
    tables.write_data_package(folder, name=trial.name, title=title, description=about)
    crate.write(folder, chosen, trial, analysis, description, workflow)
    manifest.write(folder, analysis, label, settings.for_step(chosen, analysis))
