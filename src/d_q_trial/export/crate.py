"""Describe the inputs and outputs of a finished run for other programs: Frictionless Data Package, Workflow Run RO-Crate."""

import datetime
import mimetypes
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from ..config.settings import as_yaml, for_step
from ..files import read_yaml_beside, sha256, write_json, write_text
from ..pages import escape_markdown
from ..report.collect import Report
from ..results_table import KEYS
from .tables import COLUMNS
from .verify import list_outputs, write_manifest

WORKFLOW, CONFIG, README = "export/Snakefile", "export/config.yaml", "README.md"
PRIMARY_KEYS = {"results": list(KEYS), "claims": ["claim"]}
CSV_FORMAT = {"profile": "tabular-data-resource", "format": "csv", "mediatype": "text/csv", "encoding": "utf-8"}
FIXED = read_yaml_beside(__file__, "crate")


def write_exports(report: Report, workflow: Path) -> None:
    """Write data package, RO-Crate, README, manifest and a copy of ``workflow`` (the Snakefile) of a finished analysis."""
    folder, name, trial, label = report.folder, report.analysis.name, report.trial, report.label
    title, label_prefix = f"Reanalysis “{name}”: {trial.title}", f"{label}. " if label else ""
    introduction = f"{label_prefix}Results of the analysis “{name}” of: {trial.title}. Start with report.html."
    write_text(escape_markdown(f"# Analysis “{name}”\n\n{introduction}\n\n{trial.citation}\n"), folder / README)
    write_text(as_yaml(report.settings, name), folder / CONFIG)
    shutil.copyfile(workflow, folder / WORKFLOW)
    write_data_package(folder, name=trial.name.lower(), title=title, description=f"{label_prefix}{trial.citation}")
    _write_crate(report, title, label_prefix)
    write_manifest(folder, name, label, for_step(report.settings, name))


def table_schema(path: Path) -> dict[str, Any]:
    """Return the Table Schema of a CSV file of this package.

    A column without a type in ``columns.yaml`` is a number if all its non-empty cells are numbers, else text.
    """
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)
    types = {name: "number" if pd.api.types.is_numeric_dtype(cells) else "string" for name, cells in frame.items()}
    fields = [{"name": name, "type": inferred} | COLUMNS.get(name, {}) for name, inferred in types.items()]
    key = {"primaryKey": PRIMARY_KEYS[path.stem]} if path.stem in PRIMARY_KEYS else {}
    return {"fields": fields, "missingValues": [""], **key}


def write_data_package(folder: Path, *, name: str, title: str, description: str) -> None:
    """Write ``datapackage.json``, which describes every CSV file of an analysis as a Frictionless Data Package."""
    resources = []
    outputs = {path: file for path, file in list_outputs(folder).items() if path.endswith(".csv")}
    for path, file in outputs.items():
        name_of_table = "".join(c if c.isalnum() else "-" for c in path.removesuffix(".csv")).lower()
        sizes = {"bytes": file["bytes"], "hash": f"sha256:{file['sha256']}"}
        schema = table_schema(folder / path)
        resources.append({"name": name_of_table, "path": path, **CSV_FORMAT, **sizes, "schema": schema})
    package = {"profile": "tabular-data-package", "name": name, "title": title, "description": description}
    write_json(package | {"resources": resources}, folder / "datapackage.json")


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

    for identifier, properties in FIXED["entities"].items():
        crate.add(ContextEntity(crate, identifier, properties))
    package = {"name": "d-q-trial", "version": versions.pop("d-q-trial"), "programmingLanguage": "Python"}
    requirements = [add("#code", "SoftwareSourceCode", **package, **FIXED["rights"])]
    for name, version in versions.items():
        url = "https://www.python.org" if name == "python" else f"https://pypi.org/project/{name}/{version}/"
        requirements.append(add(url, "SoftwareApplication", name=name, softwareVersion=version, url=url))
    files = {}
    for name, file in list_outputs(folder).items():
        properties = _describe_file(name, file["sha256"]) | {"contentSize": str(file["bytes"])}
        if name == WORKFLOW:
            properties |= {**FIXED["workflow"], **FIXED["rights"], "version": package["version"]}
            language = {"lang": "snakemake", "lang_version": versions["snakemake"]}
            workflow = crate.add_workflow(folder / name, name, main=True, properties=properties, **language)
        else:
            files[name] = crate.add_file(folder / name, name, properties=properties)
    workflow["softwareRequirements"] = requirements
    files[README]["about"] = crate.root_dataset
    inputs = [
        add(f"#input-{number}", "MediaObject", **_describe_file(name, digest), description=description)
        for number, (name, digest, description) in enumerate(_list_inputs(report), start=1)
    ]
    timestamp = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())  # the convention of reproducible builds
    ended = datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
    run_name, run_description = (
        f"Run of the analysis “{report.analysis.name}”",
        f"{label_prefix}Participants in, results out.",
    )
    properties = {"name": run_name, "endTime": ended.isoformat(), "description": run_description}
    inputs.append(files.pop(CONFIG))
    run = crate.add_action(workflow, "#run", inputs, list(files.values()), properties=properties)
    description = f"{label_prefix}Outputs of one run of the workflow. {report.trial.citation}"
    described = {"name": title, "description": description, "datePublished": ended.date().isoformat(), "mentions": run}
    for name, value in (described | FIXED["root"]).items():
        crate.root_dataset[name] = value
    write_json(crate.metadata.generate(), folder / "ro-crate-metadata.json")


def _describe_file(name: str, digest: str) -> dict[str, str]:
    suffix = Path(name).suffix.lower()
    media_type = FIXED["formats"].get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
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
