"""The structure of the package and the text of its documentation agree with docs/architecture.md."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import yaml

from d_q_trial.config import settings
from d_q_trial.consistency import checks as checks_of_numbers
from d_q_trial.consistency.outputs import check_paper
from d_q_trial.trial import load_trial
from d_q_trial.workbook import checks as checks_of_workbooks
from d_q_trial.workbook.reader import examine_workbook

TOP = Path(__file__).parent.parent
PACKAGE = TOP / "src" / "d_q_trial"


def test_packages_import_only_packages_below_them():
    lint = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([sys.executable, lint], cwd=TOP, capture_output=True, text=True, check=False)
    assert "1 kept, 0 broken" in run.stdout, run.stdout + run.stderr


def test_every_module_belongs_to_a_layer_or_is_a_tool_of_the_workflow():
    layers = (TOP / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.importlinter]")[2]
    tools = {"code_inputs", "labels", "runs", "step_log", "workers"}
    names = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    without_layer = {name for name in names if f"d_q_trial.{name}" not in layers}
    assert without_layer - {"__init__", "__main__", *tools} == set()


def test_every_function_named_check_is_run(monkeypatch):
    checked = []
    modules = (checks_of_workbooks, checks_of_numbers)
    for module in modules:
        monkeypatch.setattr(module, "check_last", lambda _, module=module: checked.append(module) or [], raising=False)
    examine_workbook("data/pbc/pbc.xlsx", load_trial("data/pbc/trial.yaml"))
    check_paper("data/published")
    assert tuple(checked) == modules


def test_ci_displays_and_keeps_the_verdicts_that_it_writes():
    for file in (".github/workflows/ci.yml", ".ci/run"):
        names = set(re.findall(r"[\w/]*verification\.\w+", (TOP / file).read_text(encoding="utf-8")))
        assert names == {"verification.md", "verification.xml"}


def test_the_readme_is_short_and_gives_the_two_commands():
    text = (TOP / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 900
    assert "    make  " in text
    assert "    make test" in text


def test_the_examples_of_docs_trial_are_valid(tmp_path):
    text = (TOP / "docs" / "trial.md").read_text(encoding="utf-8")
    trial, configuration = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    (tmp_path / "trial.yaml").write_text(trial, encoding="utf-8")
    assert load_trial(tmp_path / "trial.yaml").markers
    assert list(settings.load(yaml.safe_load(configuration)).analyses) == ["copper_tertiles"]


def test_every_public_function_of_the_statistics_has_an_example_that_is_run():
    page = (TOP / "docs" / "statistics.md").read_text(encoding="utf-8")
    for path in sorted((PACKAGE / "stats").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                own_example = ">>> " in (ast.get_docstring(node) or "")
                assert own_example or re.search(rf">>> .*\b{node.name}\(", page), f"{path.name}: {node.name}"
