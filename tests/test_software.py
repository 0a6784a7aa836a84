"""What is declared is imported, and what is listed is declared."""

import ast
import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

from d_q_trial import software

SOURCE = Path(software.__file__).parent


def _imported() -> set[str]:
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.split(".")[0])
    return found


def _declared() -> set[str]:
    project = tomllib.loads((SOURCE.parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {re.match(r"[\w.-]+", need).group().lower() for need in project["dependencies"]}


def test_every_declared_dependency_is_imported_or_named_as_a_tool_and_every_tool_declared():
    owners = metadata.packages_distributions()
    distributions = {name.lower() for module in _imported() for name in owners.get(module, ())}
    assert _declared() - distributions <= set(software.TOOLS) <= _declared()


def test_the_software_of_a_run_is_what_its_logs_state(tmp_path):
    said = {
        "workbooks/w": "alpha 1.0, beta 1.0",
        "every_cut/s": "gamma 1.0",
        "a": "alpha 0.9, numpy 2.0",
        "b": "delta 1.0",
    }
    for folder, libraries in said.items():
        (tmp_path / folder / "logs").mkdir(parents=True)
        (tmp_path / folder / "logs/any.log").write_text(f"something else\nsoftware: {libraries}\n")
    found = software.used_versions(tmp_path, "a", "w", "s")
    assert list(found)[:3] == ["python", "d-q-trial", "snakemake"]
    assert {"alpha", "beta", "gamma"} <= found.keys()
    assert found["alpha"] == "1.0"
    assert found.keys().isdisjoint({"delta", "pygments"})


def test_report_and_crate_of_a_run_list_the_libraries_that_its_steps_imported(finished):
    folder = finished[0] / "results/published"
    assert "statsmodels" in (folder / "logs/sensitivity.log").read_text()
    assert "statsmodels" not in (folder / "logs/tables.log").read_text()
    crate = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
    software = [entry for entry in crate if entry["@type"] == "SoftwareApplication"]
    assert all(entry["@id"] == entry["url"] and entry["url"].startswith("https://") for entry in software)
    listed = {entry["name"] for entry in software}
    assert {"numpy", "scipy", "pandas", "statsmodels", "matplotlib", "openpyxl", "snakemake"} <= listed
    assert listed.isdisjoint({"pygments", "networkx", "python-calamine"})
    methods = (folder / "methods.md").read_text()
    assert f"statsmodels {metadata.version('statsmodels')}" in methods
    assert "pygments" not in methods
