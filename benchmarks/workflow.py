"""Time of a cold run and of a run after an edit of a cutoff, each relative to a yardstick in the same session.

    .venv/bin/python benchmarks/workflow.py [--repetitions 3] [--against CHECKOUT]

Cold: all jobs by snakemake on two cores, relative to the same commands called one after the other in one Python process, and
to a cold run of another checkout, such as an earlier commit, with a separate environment in ``.venv``. Cutoff edit: relative
to cold. Pairs are measured in turn, because machines drift, and the median of the ratios is printed. On a busy machine the
elapsed time says little; the ratios of processor seconds then at least show the work that is added or saved.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import workspace
from timing import Seconds, timed

TARGETS = {"cold / one process": 1.5, "cutoff edit / cold": 0.85, "cold / other checkout": 1.3}


ONE_PROCESS = """
import contextlib, json, os, sys
from d_q_trial.cli import main
for arguments in json.load(open(sys.argv[1])):
    with open(os.devnull, "w") as discard, contextlib.redirect_stderr(discard), contextlib.redirect_stdout(discard):
        status = main(arguments)
    assert not status, arguments
"""


def run(folder: Path, *arguments: str) -> None:
    workspace.snakemake(folder, *arguments)


def list_commands(folder: Path) -> list[list[str]]:
    """Return the arguments of every job, in the order in which snakemake would run them."""
    plan = workspace.snakemake(folder, "--dry-run", "--printshellcmds", "--forceall")
    lines = [line.strip() for line in plan.splitlines() if " -m d_q_trial " in line]
    commands = [shlex.split(re.sub(r" 2> \S+.*$", "", line)) for line in lines]
    return [command[command.index("d_q_trial") + 1 :] for command in commands]


def run_in_one_process(folder: Path, commands: Path) -> None:
    command = [sys.executable, "-c", ONE_PROCESS, str(commands)]
    subprocess.run(command, cwd=folder, env=workspace.environment(folder), check=True)


def clean(folder: Path) -> None:
    for name in ("results", ".snakemake"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "results").mkdir()


def run_other(checkout: Path) -> None:
    command = [checkout / ".venv/bin/python", "-m", "snakemake", "--cores", "2", "--quiet"]
    environment = os.environ | {"PATH": f"{checkout / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(command, cwd=checkout, env=environment, check=True, stderr=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="its results are deleted")
    arguments = parser.parse_args()
    seconds: dict[str, list[Seconds]] = {}

    def measure(name: str, action, *values) -> None:
        seconds.setdefault(name, []).append(timed(action, *values)[0])

    with tempfile.TemporaryDirectory() as scratch:
        folder = workspace.make(Path(scratch) / "project")
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder / "src")], check=True)
        config = folder / "config.yaml"
        text = (workspace.TOP / "config.yaml").read_text()
        config.write_text(text)
        commands = Path(scratch) / "commands.json"
        commands.write_text(json.dumps(list_commands(folder)))
        for number in range(arguments.repetitions):
            config.write_text(text)
            if arguments.against:
                clean(arguments.against)
                measure("other checkout", run_other, arguments.against)
            clean(folder)
            measure("one process", run_in_one_process, folder, commands)
            clean(folder)
            measure("cold", run, folder)
            config.write_text(text.replace("cuts: [2/3]", f"cuts: [0.{60 + number}]"))
            measure("cutoff edit", run, folder)
    load = os.getloadavg()[2] if hasattr(os, "getloadavg") else float("nan")
    print(
        f"{os.cpu_count()} cores, load {load:.1f} in the last quarter of an hour, {arguments.repetitions} repetitions; medians"
    )
    for name, values in seconds.items():
        clock, processor = (statistics.median(part) for part in zip(*values, strict=True))
        print(f"  {name:32s} {clock:6.1f} s on the clock, {processor:6.1f} s of the processor")
    for name, target in TARGETS.items():
        if not seconds.keys() >= set(name.split(" / ")):
            continue
        pairs = list(zip(*(seconds[part] for part in name.split(" / ")), strict=True))
        ratio = statistics.median(a.clock / b.clock for a, b in pairs)
        work = statistics.median(a.processor / b.processor for a, b in pairs)
        print(
            f"  {name:32s} {ratio:6.2f}     target {target}: {'met' if ratio <= target else 'MISSED'} ({work:.2f} by processor)"
        )


if __name__ == "__main__":
    main()
