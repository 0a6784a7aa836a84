"""Describe a finished run for other programs: what it was made from and what it made, as a Workflow Run RO-Crate."""

from __future__ import annotations

import datetime
import hashlib
import mimetypes
import os
import shutil
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config.settings import as_yaml, for_step
from ..files import sha256, write_json, write_text
from ..pages import escape_markdown
from . import manifest
from .tables import write_data_package

if TYPE_CHECKING:
    from ..report.collect import Report

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
    """Return the address that a distribution states as its home."""
    if name == "python":
        return "https://www.python.org"
    about = metadata.metadata(name)
    stated = [entry.split(", ", 1) for entry in about.get_all("Project-URL", [])]
    named = {label.casefold(): address for label, address in stated}
    known = [named[label] for label in ("homepage", "documentation", "source") if label in named]
    return [*known, about.get("Home-page", "")][0]


def write_exports(report: Report, workflow: Path) -> None:
    """Write data package, RO-Crate, README and manifest of an analysis whose other outputs are finished.

    ``report`` is what its pages show, ``workflow`` the Snakefile, of which the crate keeps a copy.
    """
    folder, name, trial, label = report.folder, report.analysis.name, report.trial, report.label
    title, mark = f"Reanalysis “{name}”: {trial.title}", f"{label}. " if label else ""
    about = f"{mark}Results of the analysis “{name}” of: {trial.title}. Start with report.html."
    write_text(escape_markdown(f"# Analysis “{name}”\n\n{about}\n\n{trial.citation}\n"), folder / README)
    write_text(as_yaml(report.settings, name), folder / CONFIG)
    shutil.copyfile(workflow, folder / WORKFLOW)
    described = f"{label or ''} {trial.citation}".strip()
    write_data_package(folder, name=trial.name.lower(), title=title, description=described)
    _write_crate(report, title, mark)
    manifest.write(folder, name, label, for_step(report.settings, name))


def _write_crate(report: Report, title: str, mark: str) -> None:
    """Write ``ro-crate-metadata.json`` into a folder of finished outputs; its descriptions begin with a ``mark``.

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
    own = {"name": "d-q-trial", "version": versions.pop("d-q-trial"), "sha256": code_digest()}
    needed = [add("#code", "SoftwareSourceCode", **own, **rights, programmingLanguage="Python")]
    for name, of in versions.items():
        page = _home_page(name)
        known = {"name": name, "softwareVersion": of, "url": page}
        needed.append(add(page or f"#software-{name}", "SoftwareApplication", **known))
    language = {"lang": "snakemake", "lang_version": versions["snakemake"]}
    main = crate.add_workflow(folder / WORKFLOW, WORKFLOW, main=True, **language)
    files = {}
    for name, file in manifest.list_outputs(folder).items():
        if name != WORKFLOW:
            known = _file(name, file["sha256"]) | {"contentSize": str(file["bytes"])}
            files[name] = crate.add_file(folder / name, name, properties=known)
    files[README]["about"] = crate.root_dataset
    used = [
        add(f"#input-{number}", "MediaObject", **_file(name, digest), description=words)
        for number, (name, digest, words) in enumerate(_inputs(report), start=1)
    ]
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())  # as reproducible builds have it
    ended = datetime.datetime.fromtimestamp(moment, datetime.UTC)
    run = add(
        *("#run", "CreateAction"),
        name=f"Run of the analysis “{report.analysis.name}”",
        endTime=ended.isoformat(),
        description=f"{mark}Participants in, results out.",
        instrument=main,
        object=[*used, files.pop(CONFIG)],
        result=list(files.values()),
    )
    known = {"version": own["version"], "encodingFormat": "text/plain", "sha256": sha256(folder / WORKFLOW)}
    for name, value in {"name": "Workflow", **known, **rights}.items():
        main[name] = value
    main["softwareRequirements"] = needed
    main["conformsTo"] = add(*WORKFLOW_PROFILE, name="Bioschemas profile of a ComputationalWorkflow", version="1.0")
    root = crate.root_dataset
    root["name"] = title
    root["description"] = f"{mark}Outputs of one run of the workflow. {report.trial.citation}"
    root["datePublished"] = ended.date().isoformat()
    root["license"] = add("#terms", "CreativeWork", name=TERMS)
    root["conformsTo"] = [add(url, "CreativeWork", name=name, version=of) for url, (name, of) in PROFILES.items()]
    root["mentions"] = run
    write_json(crate.metadata.generate(), folder / NAME)


def _file(name: str, digest: str) -> dict[str, str]:
    ending = Path(name).suffix
    kind = FORMATS.get(ending) or mimetypes.types_map.get(ending, "application/octet-stream")
    return {"name": name, "sha256": digest, "encodingFormat": kind}


def _inputs(report: Report) -> Iterator[tuple[str, str, str]]:
    """Yield name, sha256 and description of every input file of an analysis."""
    chosen, source = report.settings, report.source
    yield source.get("name", "workbook"), source.get("sha256", ""), "workbook with the participants"
    described = [(report.analysis.mapping, "mapping of the workbook"), (chosen.trial, "description of the trial")]
    described += [(chosen.tables, "tables"), (chosen.figures, "figures")]
    described += [(path, "reported values") for path in sorted(Path(chosen.published or "/dev/null").glob("*.csv"))]
    for path, words in described:
        if path:
            yield Path(path).name, sha256(path), words
