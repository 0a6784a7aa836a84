"""Describe what a run was made from and what it made, as a Workflow Run RO-Crate."""

from __future__ import annotations

import datetime
import hashlib
import json
import mimetypes
import os
import shutil
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from ..files import sha256, write_json, write_text
from ..pages import environment
from . import manifest

if TYPE_CHECKING:
    from ..trial import Trial

NAME = "ro-crate-metadata.json"
WORKFLOW, CONFIG, README = "export/Snakefile", "export/config.yaml", "README.md"
PROFILES = (
    ("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    ("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    ("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
)
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

    Everything but the end time of the run follows from the folder and its inputs: the sha256 and the description of
    each input file by its name. ``label`` is that of synthetic data, ``date`` that of the workbook (ISO 8601), and
    ``workflow`` the Snakefile; ``versions`` are those of the software that the run used, see
    :func:`d_q_trial.software.used`.
    """
    shutil.copyfile(workflow, folder / WORKFLOW)
    mark = f"{label}. " if label else ""
    about = f"{mark}Results of the analysis “{analysis}” of: {trial.title}. Start with report.html."
    write_text(f"# Analysis “{analysis}”\n\n{about}\n\n{trial.citation}\n", folder / README)
    profiles = [_entity(url, "CreativeWork", name=name, version=version) for url, name, version in PROFILES]
    needed = {name: (version, _home_page(name)) for name, version in versions.items() if name != "d-q-trial"}
    software = [
        _entity(page or f"#software-{name}", "SoftwareApplication", name=name, softwareVersion=version, url=page)
        for name, (version, page) in needed.items()
    ]
    files = []
    for path in manifest.outputs(folder):
        name = path.relative_to(folder).as_posix()
        size = {"sha256": sha256(path), "contentSize": str(path.stat().st_size)}
        more = {"about": {"@id": "./"}} if name == README else {}
        files.append(_entity(quote(name), "File", name=name, encodingFormat=_media_type(name), **size, **more))
    read = [
        _entity(f"#input-{n}", "MediaObject", name=name, sha256=sha, description=what, encodingFormat=_media_type(name))
        for n, (name, (sha, what)) in enumerate(inputs.items(), start=1)
    ]
    text = (
        environment()
        .get_template("crate.json.j2")
        .render(
            **{"analysis": analysis, "trial": trial, "mark": mark, "date": date, "end_time": _end_time()},
            **{
                "workflow": WORKFLOW,
                "workflow_sha256": sha256(folder / WORKFLOW),
                "config": CONFIG,
                "code": code_digest(),
            },
            **{"version": versions["d-q-trial"], "snakemake": versions["snakemake"]},
            **{"profiles": profiles, "software": software, "inputs": read},
            files=[file for file in files if file["@id"] != WORKFLOW],
        )
    )
    write_json(json.loads(text), folder / NAME)


def _entity(identifier: str, kind: str, **properties: object) -> dict[str, object]:
    return {"@id": identifier, "@type": kind} | {name: value for name, value in properties.items() if value}
