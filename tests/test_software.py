"""What is declared is imported, and what is listed is declared."""

import ast
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


def test_every_declared_dependency_is_imported_or_named_as_a_tool():
    owners = metadata.packages_distributions()
    distributions = {name.lower() for module in _imported() for name in owners.get(module, ())}
    unused = _declared() - distributions - set(software.TOOLS)
    assert not unused, f"declared and never imported: {sorted(unused)}"


def test_no_tool_is_named_that_is_not_declared():
    assert set(software.TOOLS) <= _declared()


def test_the_list_holds_the_libraries_at_their_versions():
    listed = software.software()
    assert {"python", "d-q-trial", "numpy", "scipy", "pandas", "statsmodels", "matplotlib", "openpyxl"} <= set(listed)
    assert listed["statsmodels"] == metadata.version("statsmodels")
