"""Describe what a run was made from and what it made, as a Workflow Run RO-Crate."""

from __future__ import annotations

import datetime
import hashlib
import mimetypes
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import sha256, write_json, write_text
from . import manifest

if TYPE_CHECKING:
    from ..trial import Trial

NAME = "ro-crate-metadata.json"
WORKFLOW, CONFIG, README = "export/Snakefile", "export/config.yaml", "README.md"
LICENCE = "https://spdx.org/licenses/MIT"
PUBLISHER = "The d-q-trial maintainers"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
FORMATS = {
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
}


@dataclass(frozen=True)
class Run:
    """What stands behind the outputs of a folder.

    ``inputs`` maps a file name to its sha256 and what it is; ``code`` is one sha256 over the files of the package.
    """

    analysis: str
    trial: Trial
    data_label: str | None
    date: str  # ISO 8601, of the workbook
    inputs: Mapping[str, tuple[str, str]]
    versions: Mapping[str, str]
    code: str


def code_digest(package: Path = Path(__file__).parent.parent) -> str:
    """Return one sha256 over every file of the package, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(package).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()


def media_type(name: str) -> str:
    """Return the media type of a file by its ending."""
    return FORMATS.get(Path(name).suffix) or mimetypes.types_map.get(Path(name).suffix, "application/octet-stream")


def _end_time() -> str:
    """Return the time of writing, or that of SOURCE_DATE_EPOCH, as reproducible builds have it."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.datetime.fromtimestamp(int(epoch), datetime.UTC) if epoch else datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="seconds")


def write(folder: Path, run: Run, workflow: Path) -> None:
    """Write ``ro-crate-metadata.json``, a copy of the workflow and a README into a folder of finished outputs.

    Everything but the end time of the run follows from the folder and its inputs.
    """
    (folder / WORKFLOW).parent.mkdir(exist_ok=True)
    shutil.copyfile(workflow, folder / WORKFLOW)
    label = f"{run.data_label}. " if run.data_label else ""
    about = f"{label}Results of the analysis “{run.analysis}” of: {run.trial.title}. Start with report.html."
    write_text(f"# Analysis “{run.analysis}”\n\n{about}\n\n{run.trial.citation}\n", folder / README)
    write_json(describe(folder, run), folder / NAME)


def describe(folder: Path, run: Run) -> dict[str, Any]:
    """Return the crate of a folder as JSON-LD."""
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append("https://w3id.org/ro/terms/workflow-run/context")

    def add(identifier: str, kind: str, **properties):
        return crate.add(ContextEntity(crate, identifier, {"@type": kind, **properties}))

    label = f"{run.data_label}. " if run.data_label else ""
    maintainers = add("#maintainers", "Organization", name=PUBLISHER)
    licence = add(LICENCE, "CreativeWork", name="MIT licence (code)")
    root = crate.root_dataset
    root["name"] = f"Reanalysis “{run.analysis}”: {run.trial.title}"
    root["description"] = f"{label}Outputs of one run of the workflow. {run.trial.citation}"
    root["datePublished"] = run.date
    root["license"] = licence
    root["author"] = root["publisher"] = maintainers
    root["conformsTo"] = [
        add(address, "CreativeWork", name=name, version=version) for address, (name, version) in PROFILES.items()
    ]
    code = add(
        "#code",
        "SoftwareSourceCode",
        name="d-q-trial",
        version=run.versions.get("d-q-trial", ""),
        sha256=run.code,
        programmingLanguage="Python",
    )
    software = [
        add(f"#software-{name}", "SoftwareApplication", name=name, softwareVersion=version)
        for name, version in run.versions.items()
        if name != "d-q-trial"
    ]
    workflow = crate.add_workflow(
        folder / WORKFLOW,
        WORKFLOW,
        main=True,
        lang="snakemake",
        lang_version=run.versions.get("snakemake"),
        properties={
            "name": "Workflow",
            "version": run.versions.get("d-q-trial", ""),
            "sha256": sha256(folder / WORKFLOW),
            "encodingFormat": "text/plain",
        },
    )
    workflow["author"], workflow["license"] = maintainers, licence
    workflow["softwareRequirements"] = [code, *software]
    inputs = [
        add(
            f"#input-{number}",
            "MediaObject",
            name=name,
            sha256=digest,
            description=what,
            encodingFormat=media_type(name),
        )
        for number, (name, (digest, what)) in enumerate(run.inputs.items(), start=1)
    ]
    files = {}
    for path in manifest.outputs(folder):
        name = path.relative_to(folder).as_posix()
        if name in (NAME, WORKFLOW):
            continue
        files[name] = crate.add_file(
            path,
            name,
            properties={
                "name": name,
                "encodingFormat": media_type(name),
                "contentSize": str(path.stat().st_size),
                "sha256": sha256(path),
            },
        )
    if README in files:
        files[README]["about"] = root
    config = files.pop(CONFIG, None)
    action = add(
        "#run",
        "CreateAction",
        name=f"Run of the analysis “{run.analysis}”",
        description=f"{label}Participants in, results out.",
        endTime=_end_time(),
    )
    action["agent"] = maintainers
    action["instrument"] = workflow
    action["object"] = [*inputs, *([config] if config else [])]
    action["result"] = list(files.values())
    root["mentions"] = [action]
    return crate.metadata.generate()
