"""Describe a finished run for other programs: what it was made from and what it made, as a Workflow Run RO-Crate."""

from __future__ import annotations

import datetime
import hashlib
import mimetypes
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import software
from ..config.settings import as_yaml, for_step, search_id
from ..files import sha256, write_json, write_text
from ..participants import read_description
from . import manifest
from .tables import write_data_package

if TYPE_CHECKING:
    from ..config.settings import Settings
    from ..trial import Trial

NAME = "ro-crate-metadata.json"
WORKFLOW, CONFIG, README = "export/Snakefile", "export/config.yaml", "README.md"
LICENCE = "https://spdx.org/licenses/MIT"
PUBLISHER = "The d-q-trial maintainers"
# Stands in for a date that the inputs do not have: the day from which this code dates.
CODE_DATE = "2026-11-24"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
WORKFLOW_PROFILE = ("https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE", "CreativeWork")
FORMATS = {
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
}


def code_digest(package: Path = Path(__file__).parent.parent) -> str:
    """Return one sha256 over every file of the package, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(package).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()


def _home_page(name: str) -> str:
    """Return the address that a distribution states as its home."""
    if name == "python":
        return "https://www.python.org"
    about = metadata.metadata(name)
    stated = [entry.split(", ", 1) for entry in about.get_all("Project-URL", [])]
    named = {label.casefold(): address for label, address in stated}
    known = [named[label] for label in ("homepage", "documentation", "source") if label in named]
    return [*known, about["Home-page"] or ""][0]


def _end_time() -> str:
    """Return the time of writing, or that of SOURCE_DATE_EPOCH, as reproducible builds have it."""
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat()


def write_exports(results: Path, chosen: Settings, trial: Trial, analysis: str, workflow: Path) -> None:
    """Write data package, RO-Crate and manifest of an analysis whose other outputs are finished.

    ``results`` is the folder of all results, ``workflow`` the Snakefile, of which the crate keeps a copy.
    """
    folder = results / analysis
    description = read_description(results / "workbooks" / chosen.analyses[analysis].workbook_id)
    label = description["label"]
    write_text(as_yaml(chosen, analysis), folder / CONFIG)
    about = f"{label or ''} {trial.citation}".strip()
    title = f"Reanalysis “{analysis}”: {trial.title}"
    write_data_package(folder, name=trial.name, title=title, description=about)
    _write_crate(folder, chosen, trial, analysis, description, workflow)
    manifest.write(folder, analysis, label, for_step(chosen, analysis))


def _write_crate(
    folder: Path, chosen: Settings, trial: Trial, analysis: str, description: Mapping[str, Any], workflow: Path
) -> None:
    """Write ``ro-crate-metadata.json``, a copy of the workflow and a README into a folder of finished outputs.

    Everything but the end time of the run follows from the folder and its inputs. ``description`` is that of the
    participants, ``workflow`` the Snakefile.
    """
    entry = chosen.analyses[analysis]
    # Before the imports: what describes the run had no part in it.
    versions = software.used(folder.parent, analysis, entry.workbook_id, search_id(entry))

    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    source, mark = description["source"], f"{description['label']}. " if description["label"] else ""
    shutil.copyfile(workflow, folder / WORKFLOW)
    about = f"{mark}Results of the analysis “{analysis}” of: {trial.title}. Start with report.html."
    write_text(f"# Analysis “{analysis}”\n\n{about}\n\n{trial.citation}\n", folder / README)
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append("https://w3id.org/ro/terms/workflow-run/context")

    def add(identifier: str, kind: str, **properties: Any) -> ContextEntity:
        return crate.add(ContextEntity(crate, identifier, {"@type": kind} | properties))

    maintainers = add("#maintainers", "Organization", name=PUBLISHER)
    licence = add(LICENCE, "CreativeWork", name="MIT licence (code)")
    own = {"name": "d-q-trial", "version": versions.pop("d-q-trial"), "sha256": code_digest()}
    needed = [add("#code", "SoftwareSourceCode", **own, programmingLanguage="Python")]
    for name, of in versions.items():
        page = _home_page(name)
        known = {"name": name, "softwareVersion": of, "url": page}
        needed.append(add(page or f"#software-{name}", "SoftwareApplication", **known))
    main = crate.add_workflow(
        *(folder / WORKFLOW, WORKFLOW), main=True, lang="snakemake", lang_version=versions["snakemake"]
    )
    files = {}
    for name, file in manifest.outputs(folder).items():
        if name != WORKFLOW:
            known = _file(name, file["sha256"]) | {"contentSize": str(file["bytes"])}
            files[name] = crate.add_file(folder / name, name, properties=known)
    files[README]["about"] = crate.root_dataset
    used = [
        add(f"#input-{number}", "MediaObject", **_file(name, digest), description=words)
        for number, (name, digest, words) in enumerate(_inputs(chosen, source), start=1)
    ]
    run = add(
        *("#run", "CreateAction"),
        name=f"Run of the analysis “{analysis}”",
        endTime=_end_time(),
        description=f"{mark}Participants in, results out.",
        agent=maintainers,
        instrument=main,
        object=[*used, files.pop(CONFIG)],
        result=list(files.values()),
    )
    main["name"] = "Workflow"
    main["version"] = own["version"]
    main["encodingFormat"] = "text/plain"
    main["sha256"] = sha256(folder / WORKFLOW)
    main["author"] = maintainers
    main["license"] = licence
    main["softwareRequirements"] = needed
    main["conformsTo"] = add(*WORKFLOW_PROFILE, name="Bioschemas profile of a ComputationalWorkflow", version="1.0")
    root = crate.root_dataset
    root["name"] = f"Reanalysis “{analysis}”: {trial.title}"
    root["description"] = f"{mark}Outputs of one run of the workflow. {trial.citation}"
    root["datePublished"] = str(source.get("modified") or CODE_DATE)
    root["license"] = licence
    root["author"] = maintainers
    root["publisher"] = maintainers
    root["conformsTo"] = [add(url, "CreativeWork", name=name, version=of) for url, (name, of) in PROFILES.items()]
    root["mentions"] = run
    write_json(crate.metadata.generate(), folder / NAME)


def _file(name: str, digest: str) -> dict[str, str]:
    ending = Path(name).suffix
    kind = FORMATS.get(ending) or mimetypes.types_map.get(ending, "application/octet-stream")
    return {"name": name, "sha256": digest, "encodingFormat": kind}


def _inputs(chosen: Settings, source: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield name, sha256 and description of every input file."""
    yield source.get("name", "workbook"), source.get("sha256", ""), "workbook with the participants"
    described = [(chosen.trial, "description of the trial"), (chosen.tables, "tables"), (chosen.figures, "figures")]
    described += [(path, "reported values") for path in sorted(Path(chosen.published or "/dev/null").glob("*.csv"))]
    for path, words in described:
        if path:
            yield Path(path).name, sha256(path), words
