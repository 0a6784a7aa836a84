"""What a run was made from and what it made, as a Workflow Run RO-Crate."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import sha256, write_json
from . import manifest

if TYPE_CHECKING:
    from ..trial import Trial

NAME = "ro-crate-metadata.json"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
FORMATS = {
    ".parquet": "application/vnd.apache.parquet",
    ".md": "text/markdown",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
}
LICENCE = "https://spdx.org/licenses/MIT"


@dataclass(frozen=True)
class Run:
    """What stands behind the outputs of a folder.

    ``workflow`` and ``config`` are paths within the folder; ``inputs`` maps a name to its sha256 and what it is.
    """

    analysis: str
    trial: Trial
    data_label: str | None
    date: str  # ISO 8601, from the inputs
    workflow: str
    config: str
    inputs: Mapping[str, tuple[str, str]]
    versions: Mapping[str, str]
    code: str  # sha256 over the package's own files


def code_digest(package: Path | None = None) -> str:
    """Return one sha256 over every file of the package, by name and content."""
    package = package or Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(f"{path.relative_to(package).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()


def write(folder: Path, run: Run) -> None:
    """Describe a folder of outputs in ``ro-crate-metadata.json``; the same folder gives the same bytes."""
    write_json(describe(folder, run), folder / NAME)


def describe(folder: Path, run: Run) -> dict[str, Any]:
    """Return the crate of a folder as JSON-LD."""
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append("https://w3id.org/ro/terms/workflow-run/context")
    label = f"{run.data_label}. " if run.data_label else ""
    root = crate.root_dataset
    root["name"] = f"Reanalysis “{run.analysis}”: {run.trial.title}"
    root["description"] = f"{label}Outputs of one run of the workflow. {run.trial.citation}"
    root["datePublished"] = run.date
    root["license"] = crate.add(ContextEntity(crate, LICENCE, {"@type": "CreativeWork", "name": "MIT licence (code)"}))
    root["conformsTo"] = [
        crate.add(ContextEntity(crate, address, {"@type": "CreativeWork", "name": name, "version": version}))
        for address, (name, version) in PROFILES.items()
    ]

    def context(identifier: str, **properties):
        typed = {"@type": properties.pop("kind"), **properties}
        return crate.add(ContextEntity(crate, identifier, typed))

    code = context(
        "#code",
        kind="SoftwareSourceCode",
        name="d-q-trial",
        version=run.versions.get("d-q-trial", ""),
        sha256=run.code,
        programmingLanguage="Python",
    )
    software = [
        context(f"#software-{name}", kind="SoftwareApplication", name=name, version=version, softwareVersion=version)
        for name, version in run.versions.items()
        if name != "d-q-trial"
    ]
    workflow = crate.add_workflow(
        folder / run.workflow,
        run.workflow,
        main=True,
        lang="snakemake",
        lang_version=run.versions.get("snakemake"),
        properties={"name": "Workflow", "sha256": sha256(folder / run.workflow)},
    )
    workflow["softwareRequirements"] = [code, *software]
    inputs = [
        context(f"#input-{number}", kind="MediaObject", name=name, sha256=digest, description=what)
        for number, (name, (digest, what)) in enumerate(run.inputs.items(), start=1)
    ]
    files = {}
    for path in manifest.outputs(folder):
        name = path.relative_to(folder).as_posix()
        if name in (NAME, run.workflow):
            continue
        kind = FORMATS.get(path.suffix) or mimetypes.types_map.get(path.suffix) or "application/octet-stream"
        properties = {
            "name": name,
            "encodingFormat": kind,
            "contentSize": str(path.stat().st_size),
            "sha256": sha256(path),
        }
        files[name] = crate.add_file(path, name, properties=properties)
    config = files.pop(run.config)
    action = context(
        "#run",
        kind="CreateAction",
        name=f"Run of the analysis “{run.analysis}”",
        description=f"{label}Participants in, results out.",
    )
    action["instrument"] = workflow
    action["object"] = [*inputs, config]
    action["result"] = list(files.values())
    root["mentions"] = [action]
    return crate.metadata.generate()
