"""Every declared dependency is used, and the software of a run is listed."""

import ast
import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

from d_q_trial import software

SOURCE = Path(software.__file__).parent


def list_imported_modules() -> set[str]:
    modules = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                modules.add(node.module.split(".")[0])
    return modules


def test_dependencies_are_imported_or_listed_as_tools_and_tools_are_declared():
    project = tomllib.loads((SOURCE.parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.match(r"[\w.-]+", dependency).group().lower() for dependency in project["dependencies"]}
    distributions = metadata.packages_distributions()
    imported = {name.lower() for module in list_imported_modules() for name in distributions.get(module, ())}
    assert declared - imported <= software.TOOLS <= declared


def test_versions_are_those_that_the_logs_of_the_run_state(tmp_path):
    folders = {"workbooks/w": "alpha 1.0, beta 1.0", "every_cut/s": "gamma 1.0"}
    folders |= {"a": "alpha 0.9, numpy 2.0", "b": "delta 1.0"}
    for folder, libraries in folders.items():
        (tmp_path / folder / "logs").mkdir(parents=True)
        (tmp_path / folder / "logs/any.log").write_text(f"something else\nsoftware: {libraries}\n")
    versions = software.used_versions(tmp_path, "a", "w", "s")
    assert list(versions)[:3] == ["python", "d-q-trial", "snakemake"]
    assert {"alpha": "1.0", "beta": "1.0", "gamma": "1.0"}.items() <= versions.items()
    assert versions.keys().isdisjoint({"delta", "pygments"})


def test_report_and_crate_list_the_libraries_that_the_steps_imported(finished):
    folder = finished[0] / "results/published"
    assert "statsmodels" in (folder / "logs/sensitivity.log").read_text()
    assert "statsmodels" not in (folder / "logs/tables.log").read_text()
    crate = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    applications = [entry for entry in crate if entry["@type"] == "SoftwareApplication"]
    assert all(entry["@id"] == entry["url"] and entry["url"].startswith("https://") for entry in applications)
    names = {entry["name"] for entry in applications}
    assert {"numpy", "scipy", "pandas", "statsmodels", "matplotlib", "openpyxl", "snakemake"} <= names
    assert names.isdisjoint({"pygments", "networkx", "python-calamine"})
    methods = (folder / "methods.md").read_text()
    assert f"statsmodels {metadata.version('statsmodels')}" in methods
    assert "pygments" not in methods
