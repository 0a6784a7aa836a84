"""Change the code, one fault at a time, and count the faults that the tests notice: mutation testing with mutmut.

`pyproject.toml` lists in [tool.mutants] the modules and, for each, the fast tests that must detect faults in it. A module is
copied to `.cache/mutants/`, changed and tested there; diffs of the surviving mutants are written to the same folder.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from mutmut import configuration
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

TOP = Path(__file__).parent.parent
FOLDER = TOP / ".cache" / "mutants"
# Exit codes of the tests of a detected mutant: a failed test, a timeout, or a crash.
FAILED, TIMED_OUT, CRASHED = {1, 3}, {24, 36, 152, 255, -24}, {-9, -11}
ENVIRONMENT = os.environ | {"OPENBLAS_NUM_THREADS": "1"}


def prepare(module: str, tests: list[str], settings: dict) -> Path:
    """Make a folder to test the mutants of a module: symbolic links to the checkout, and settings."""
    folder = FOLDER / module.removesuffix(".py").replace("/", "_")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    linked = ("src", "tests", "benchmarks", "data", "config.yaml")
    for name in linked:
        (folder / name).symlink_to(TOP / name)
    options = {
        **settings,
        "source_paths": ["src"],
        "only_mutate": [f"src/d_q_trial/{module}"],
        "also_copy": list(linked[1:]),
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "--hypothesis-profile=mutants"],
        "pytest_add_cli_args_test_selection": [f"tests/{test}" for test in tests],
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in options.items()]  # this JSON is also TOML
    text = (TOP / "pyproject.toml").read_text("utf-8")
    (folder / "pyproject.toml").write_text("\n".join([text, "[tool.mutmut]", *lines, ""]), "utf-8")
    return folder


def list_mutants(module: str) -> list[str]:
    """Return the names of all mutants of a module; the working directory must be its folder."""
    configuration.reset_config()
    path = Path(f"src/d_q_trial/{module}")
    return [
        get_mutant_name(path, name) for name in mutate_file_contents(str(path), path.read_text("utf-8")).mutant_names
    ]


def measure(module: str, config: dict, options: argparse.Namespace) -> tuple[list[int], list[str]]:
    """Return the numbers of all, tested, detected and timed-out mutants of a module, and the diffs of the survivors."""
    with contextlib.chdir(prepare(module, config["modules"][module], config["settings"])):
        all_names = list_mutants(module)
        names = [name for name in all_names if not any(re.search(pattern, name) for pattern in config["left_out"])]
        chosen = [name for name in names if re.search(options.match, name)]
        if options.sample and options.sample < len(chosen):
            chosen = random.Random(options.seed).sample(chosen, options.sample)
        command = [Path(sys.executable).with_name("mutmut"), "run", "--max-children", str(options.jobs)]
        with open("log", "w") as log:
            only = chosen if len(chosen) < len(all_names) else []
            status = subprocess.run([*command, *only], stdout=log, stderr=log, env=ENVIRONMENT).returncode
        if status:
            raise SystemExit(f"{module}: mutmut ended with status {status}, see {Path('log').absolute()}")
        path = Path(f"src/d_q_trial/{module}")
        exit_codes = json.loads(Path(f"mutants/{path}.meta").read_text("utf-8"))["exit_code_by_key"]
        survivors = [name for name in chosen if exit_codes[name] not in FAILED | TIMED_OUT | CRASHED]
        timed_out = sum(exit_codes[name] in TIMED_OUT for name in chosen)
        diffs = [f"# {name} ({exit_codes[name]})\n{get_diff_for_mutant(name, path=path)}\n" for name in survivors]
    return [len(names), len(chosen), len(chosen) - len(survivors), timed_out], diffs


def main() -> None:
    with (TOP / "pyproject.toml").open("rb") as file:
        config = tomllib.load(file)["tool"]["mutants"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", default=list(config["modules"]), help="such as strata.py; all if none")
    parser.add_argument("--sample", type=int, help="test a random sample of this size of the mutants of each module")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--match", default="", help="test the mutants whose name has this regular expression")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    print("| module | mutants | tested | detected | timed out |  |\n|---|---|---|---|---|---|")
    total = [0, 0, 0, 0]
    for module in options.modules:
        counts, diffs = measure(module, config, options)
        total = [a + b for a, b in zip(total, counts, strict=True)]
        print(format_row(f"`{module}`", counts), flush=True)
        (FOLDER / f"{module.replace('/', '_')}.diff").write_text("\n".join(diffs), "utf-8")
    print(format_row("all", total))


def format_row(name: str, counts: list[int]) -> str:
    """Return a row of the table of scores."""
    return f"| {' | '.join([name, *map(str, counts), f'{counts[2] / counts[1]:.0%}'])} |"


if __name__ == "__main__":
    main()
