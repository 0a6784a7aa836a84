"""Describe the inputs and outputs of a finished run for other programs, as a Workflow Run RO-Crate."""

import datetime
import hashlib
import mimetypes
import os
import shutil
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from ..config.settings import as_yaml, for_step
from ..files import sha256, write_json, write_text
from ..pages import escape_markdown
from ..report.collect import Report
from . import manifest
from .tables import write_data_package

NAME = "ro-crate-metadata.json"
WORKFLOW, CONFIG, README = "export/Snakefile", "export/config.yaml", "README.md"
LICENCE, MAINTAINERS = "https://spdx.org/licenses/MIT", "The d-q-trial maintainers"
TERMS = f"Code: MIT ({LICENCE}). Data: the terms of the workbook's source."
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
WORKFLOW_PROFILE = ("https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE", "CreativeWork")
FORMATS = {
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".yaml": "application/yaml",
}


def code_digest() -> str:
    """Return one sha256 over every file of the package, by name and content."""
    package = Path(__file__).parent.parent
    paths = sorted(path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc")
    lines = (f"{path.relative_to(package).as_posix()} {sha256(path)}\n" for path in paths)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _home_page(name: str) -> str:
    """Return the URL that a distribution states as its home page."""
    if name == "python":
        return "https://www.python.org"
    package = metadata.metadata(name)
    entries = (entry.split(", ", 1) for entry in package.get_all("Project-URL", []))
    urls = {label.casefold(): url for label, url in entries}
    preferred = [urls[label] for label in ("homepage", "documentation", "source") if label in urls]
    return [*preferred, package.get("Home-page", "")][0]


def write_exports(report: Report, workflow: Path) -> None:
    """Write data package, RO-Crate, README, manifest and a copy of ``workflow`` (the Snakefile) of a finished analysis."""
    folder, name, trial, label = report.folder, report.analysis.name, report.trial, report.label
    title, label_prefix = f"Reanalysis “{name}”: {trial.title}", f"{label}. " if label else ""
    introduction = f"{label_prefix}Results of the analysis “{name}” of: {trial.title}. Start with report.html."
    write_text(escape_markdown(f"# Analysis “{name}”\n\n{introduction}\n\n{trial.citation}\n"), folder / README)
    write_text(as_yaml(report.settings, name), folder / CONFIG)
    shutil.copyfile(workflow, folder / WORKFLOW)
    description = f"{label or ''} {trial.citation}".strip()
    write_data_package(folder, name=trial.name.lower(), title=title, description=description)
    _write_crate(report, title, label_prefix)
    manifest.write_manifest(folder, name, label, for_step(report.settings, name))


def _write_crate(report: Report, title: str, label_prefix: str) -> None:
    """Write ``ro-crate-metadata.json`` into a folder of finished outputs; ``label_prefix`` begins its descriptions.

    Everything but the time of the run follows from the folder and its inputs.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    folder, versions = report.folder, dict(report.versions)
    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append("https://w3id.org/ro/terms/workflow-run/context")

    def add(identifier: str, kind: str, **properties: Any) -> ContextEntity:
        return crate.add(ContextEntity(crate, identifier, {"@type": kind} | properties))

    rights = {
        "author": add("#maintainers", "Organization", name=MAINTAINERS),
        "license": add(LICENCE, "CreativeWork", name="MIT licence (code)"),
    }
    package = {"name": "d-q-trial", "version": versions.pop("d-q-trial"), "sha256": code_digest()}
    requirements = [add("#code", "SoftwareSourceCode", **package, **rights, programmingLanguage="Python")]
    for name, version in versions.items():
        url = _home_page(name)
        software = {"name": name, "softwareVersion": version, "url": url}
        requirements.append(add(url or f"#software-{name}", "SoftwareApplication", **software))
    language = {"lang": "snakemake", "lang_version": versions["snakemake"]}
    workflow = crate.add_workflow(folder / WORKFLOW, WORKFLOW, main=True, **language)
    files = {}
    for name, file in manifest.list_outputs(folder).items():
        if name != WORKFLOW:
            properties = _describe_file(name, file["sha256"]) | {"contentSize": str(file["bytes"])}
            files[name] = crate.add_file(folder / name, name, properties=properties)
    files[README]["about"] = crate.root_dataset
    inputs = [
        add(f"#input-{number}", "MediaObject", **_describe_file(name, digest), description=description)
        for number, (name, digest, description) in enumerate(_list_inputs(report), start=1)
    ]
    timestamp = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())  # the convention of reproducible builds
    ended = datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
    run = add(
        *("#run", "CreateAction"),
        name=f"Run of the analysis “{report.analysis.name}”",
        endTime=ended.isoformat(),
        description=f"{label_prefix}Participants in, results out.",
        instrument=workflow,
        object=[*inputs, files.pop(CONFIG)],
        result=list(files.values()),
    )
    properties = {"name": "Workflow", "version": package["version"], "encodingFormat": "text/plain"}
    for name, value in {**properties, "sha256": sha256(folder / WORKFLOW), **rights}.items():
        workflow[name] = value
    workflow["softwareRequirements"] = requirements
    workflow["conformsTo"] = add(*WORKFLOW_PROFILE, name="Bioschemas profile of a ComputationalWorkflow", version="1.0")
    root = crate.root_dataset
    root["name"] = title
    root["description"] = f"{label_prefix}Outputs of one run of the workflow. {report.trial.citation}"
    root["datePublished"] = ended.date().isoformat()
    root["license"] = add("#terms", "CreativeWork", name=TERMS)
    root["conformsTo"] = [add(url, "CreativeWork", name=name, version=v) for url, (name, v) in PROFILES.items()]
    root["mentions"] = run
    write_json(crate.metadata.generate(), folder / NAME)


def _describe_file(name: str, digest: str) -> dict[str, str]:
    suffix = Path(name).suffix
    media_type = FORMATS.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
    return {"name": name, "sha256": digest, "encodingFormat": media_type}


def _list_inputs(report: Report) -> Iterator[tuple[str, str, str]]:
    """Yield name, sha256 and description of every input file of an analysis."""
    settings, source = report.settings, report.source
    yield source.get("name", "workbook"), source.get("sha256", ""), "workbook with the participants"
    files = [(report.analysis.mapping, "mapping of the workbook"), (settings.trial, "description of the trial")]
    files += [(settings.tables, "tables"), (settings.figures, "figures")]
    files += [(path, "reported values") for path in sorted(Path(settings.published or "/dev/null").glob("*.csv"))]
    for path, description in files:
        if path:
            yield Path(path).name, sha256(path), description
