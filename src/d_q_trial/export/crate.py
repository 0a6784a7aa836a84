"""Describe what a run was made from and what it made, as a Workflow Run RO-Crate."""

from __future__ import annotations

import datetime
import hashlib
import mimetypes
import os
import shutil
from collections.abc import Mapping
from importlib import metadata
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
WORKFLOW_PROFILE = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
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


def _media_type(name: str) -> str:
    ending = Path(name).suffix
    return FORMATS.get(ending) or mimetypes.types_map.get(ending, "application/octet-stream")


def _home_page(name: str) -> str:
    """Return the address that a distribution states as its home."""
    if name == "python":
        return "https://www.python.org"
    about = metadata.metadata(name)
    stated = [entry.split(", ", 1) for entry in about.get_all("Project-URL", [])]
    named = {label.casefold(): address for label, address in stated}
    return next(
        (named[label] for label in ("homepage", "documentation", "source") if label in named), about["Home-page"] or ""
    )


def _end_time() -> str:
    """Return the time of writing, or that of SOURCE_DATE_EPOCH, as reproducible builds have it."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.datetime.fromtimestamp(int(epoch), datetime.UTC) if epoch else datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="seconds")


def write(
    folder: Path,
    analysis: str,
    trial: Trial,
    inputs: Mapping[str, tuple[str, str]],
    *,
    label: str | None,
    date: str,
    workflow: Path,
    versions: Mapping[str, str],
) -> None:
    """Write ``ro-crate-metadata.json``, a copy of the workflow and a README into a folder of finished outputs.

    Everything but the end time of the run follows from the folder and its inputs.

    Parameters
    ----------
    folder : path
    analysis, trial
    inputs : mapping
        sha256 and description of each input file, by its name.
    label : str or None
        Label of synthetic data.
    date : str
        ISO 8601, of the workbook.
    workflow : path
        The Snakefile.
    versions : mapping
        Versions of the software that the run used, by name; see :func:`d_q_trial.software.used`.
    """
    shutil.copyfile(workflow, folder / WORKFLOW)
    mark = f"{label}. " if label else ""
    about = f"{mark}Results of the analysis “{analysis}” of: {trial.title}. Start with report.html."
    write_text(f"# Analysis “{analysis}”\n\n{about}\n\n{trial.citation}\n", folder / README)
    write_json(_crate(folder, analysis, trial, inputs, mark, date, dict(versions)), folder / NAME)


def _crate(
    folder: Path,
    analysis: str,
    trial: Trial,
    inputs: Mapping[str, tuple[str, str]],
    mark: str,
    date: str,
    versions: dict[str, str],
) -> dict[str, Any]:
    from rocrate.model.contextentity import ContextEntity
    from rocrate.model.entity import Entity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append("https://w3id.org/ro/terms/workflow-run/context")

    def add(identifier: str, kind: str, **properties: Any) -> ContextEntity:
        return crate.add(ContextEntity(crate, identifier, {"@type": kind, **properties}))

    def state(entity: Entity, **properties: Any) -> None:
        for name, value in properties.items():
            entity[name] = value

    maintainers = add("#maintainers", "Organization", name=PUBLISHER)
    licence = add(LICENCE, "CreativeWork", name="MIT licence (code)")
    root, version = crate.root_dataset, versions.pop("d-q-trial")
    state(
        root,
        name=f"Reanalysis “{analysis}”: {trial.title}",
        description=f"{mark}Outputs of one run of the workflow. {trial.citation}",
        datePublished=date,
        license=licence,
        author=maintainers,
        publisher=maintainers,
        conformsTo=[add(url, "CreativeWork", name=name, version=of) for url, (name, of) in PROFILES.items()],
    )
    package = {"name": "d-q-trial", "version": version, "sha256": code_digest(), "programmingLanguage": "Python"}
    code = add("#code", "SoftwareSourceCode", **package)
    needed = [
        add(page or f"#software-{name}", "SoftwareApplication", name=name, softwareVersion=of, url=page)
        for name, of in versions.items()
        for page in (_home_page(name),)
    ]
    described = {"name": "Workflow", "version": version, "encodingFormat": "text/plain"}
    workflow = crate.add_workflow(
        folder / WORKFLOW,
        WORKFLOW,
        main=True,
        lang="snakemake",
        lang_version=versions["snakemake"],
        properties=described | {"sha256": sha256(folder / WORKFLOW)},
    )
    profile = add(WORKFLOW_PROFILE, "CreativeWork", name="Bioschemas profile of a ComputationalWorkflow", version="1.0")
    state(workflow, author=maintainers, license=licence, softwareRequirements=[code, *needed], conformsTo=profile)
    files = {}
    for path in manifest.outputs(folder):
        name = path.relative_to(folder).as_posix()
        if name not in (NAME, WORKFLOW):
            properties = {"name": name, "encodingFormat": _media_type(name), "sha256": sha256(path)}
            files[name] = crate.add_file(path, name, properties=properties | {"contentSize": str(path.stat().st_size)})
    files[README]["about"] = root
    used = [
        add(
            f"#input-{number}",
            "MediaObject",
            name=name,
            sha256=digest,
            description=what,
            encodingFormat=_media_type(name),
        )
        for number, (name, (digest, what)) in enumerate(inputs.items(), start=1)
    ]
    run = add("#run", "CreateAction", name=f"Run of the analysis “{analysis}”", endTime=_end_time())
    state(
        run,
        description=f"{mark}Participants in, results out.",
        agent=maintainers,
        instrument=workflow,
        object=[*used, files.pop(CONFIG)],
        result=list(files.values()),
    )
    root["mentions"] = run
    return crate.metadata.generate()
