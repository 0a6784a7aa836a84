"""Write everything that machines read, for one analysis."""

from __future__ import annotations

import json
from pathlib import Path

from ..config import settings
from ..files import atomic, sha256, write_text
from ..participants import read_description
from ..report.gather import as_yaml, software
from ..trial import load_trial
from . import ars, crate, manifest
from .parquet import write_parquet
from .schema import SCHEMAS

FOLDER = "export"
# Stands in for a date that the inputs do not have: the day from which this code dates.
CODE_DATE = "2026-11-24"


def write_exports(
    folder: Path, participants: Path | str, config: Path | str, analysis: str, workflow: Path | str
) -> None:
    """Write the folder ``export``: tables as Parquet, results as CDISC ARS, and the run's own configuration and workflow.

    Parameters
    ----------
    folder : path
        Folder of the analysis, with results.csv and, if there are any, claims.csv.
    participants : path
        Folder with participants.json.
    config : path
    analysis : str
    workflow : path
        The Snakefile, of which the folder keeps a copy.

    Raises
    ------
    UserError
        If a table departs from its schema.
    """
    chosen = settings.load(config)
    trial = load_trial(chosen.trial)
    entry = settings.analysis_named(chosen, analysis)
    label = read_description(participants)["label"]
    export = folder / FOLDER
    tables = {
        name: write_parquet(folder / f"{name}.csv", schema, export / f"{name}.parquet", label)
        for name, schema in SCHEMAS.items()
        if name == "results" or (folder / f"{name}.csv").exists()
    }
    event = ars.reporting_event(tables["results"], trial, entry, label)
    write_text(
        json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n", export / "ars.json"
    )
    write_text(as_yaml(chosen, analysis), export / "config.yaml")
    with atomic(export / "Snakefile") as temporary:
        temporary.write_bytes(Path(workflow).read_bytes())


def write_manifest(folder: Path, participants: Path | str, config: Path | str, analysis: str) -> None:
    """Describe all outputs of an analysis as an RO-Crate, then write their checksums; arguments as above.

    Everything else in ``folder`` is finished, the folder ``export`` included.
    """
    chosen = settings.load(config)
    description = read_description(participants)
    label, source = description["label"], description["source"]
    inputs = {source.get("name", "workbook"): (source.get("sha256", ""), "workbook with the participants")}
    inputs[Path(chosen.trial).name] = (sha256(chosen.trial), "description of the trial")
    for file, what in ((chosen.tables, "which tables to set"), (chosen.figures, "which figures to draw")):
        if file:
            inputs[Path(file).name] = (sha256(file), what)
    if chosen.published:
        for path in sorted(Path(chosen.published).glob("*.csv")):
            inputs[path.name] = (sha256(path), "printed values")
    run = crate.Run(
        analysis=analysis,
        trial=load_trial(chosen.trial),
        data_label=label,
        date=str(source.get("modified") or CODE_DATE),
        workflow=f"{FOLDER}/Snakefile",
        config=f"{FOLDER}/config.yaml",
        inputs=inputs,
        versions=software(),
        code=crate.code_digest(),
    )
    crate.write(folder, run)
    manifest.write(folder, analysis, label)
