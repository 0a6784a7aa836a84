"""Cold run, run with nothing to do, and run after an edit to a cutoff, each against its yardstick in the same run.

    .venv/bin/python benchmarks/workflow.py [repetitions]

Cold: all jobs by snakemake on two cores, against the very same commands called one after the other in one Python
process. Nothing to do: against snakemake on a Snakefile with one rule that is done. Cutoff edit: against cold.
Pairs are measured in turn, and the median of the ratios is printed, because machines drift.
"""

import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
import workspace

BARS = {"cold / one process": 1.5, "nothing to do / empty Snakefile": 1.5, "cutoff edit / cold": 0.7}

ONE_PROCESS = """
import contextlib, json, sys
from d_q_trial.__main__ import main
for arguments in json.load(open(sys.argv[1])):
    with contextlib.redirect_stderr(None), contextlib.redirect_stdout(None):
        status = main(arguments)
    assert not status, arguments
"""


def timed(action, *arguments) -> float:
    """Seconds of wall clock that a call takes."""
    start = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - start


def run(folder: Path, *arguments: str) -> None:
    result = workspace.snakemake(folder, *arguments)
    assert result.returncode == 0, result.stdout


def commands(folder: Path) -> list[list[str]]:
    """Arguments of every job in an order that works, as snakemake would call them."""
    plan = workspace.snakemake(folder, "--dry-run", "--printshellcmds", "--forceall").stdout
    lines = [line.strip() for line in plan.splitlines() if " -m d_q_trial " in line]
    order = ["participants", "results", "claims"]
    calls = [shlex.split(re.sub(r" 2> \S+.*$", "", line))[3:] for line in lines]
    last = {"compare": 1, "report": 2, "export": 3}
    return sorted(calls, key=lambda c: (last.get(c[0], 0), order.index(c[0]) if c[0] in order else len(order)))


def one_process(folder: Path, calls: Path) -> None:
    command = [sys.executable, "-c", ONE_PROCESS, str(calls)]
    subprocess.run(command, cwd=folder, env=workspace.environment(folder), check=True)


def clean(folder: Path) -> None:
    for name in ("results", ".snakemake"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "results").mkdir()


def main() -> None:
    import json

    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds: dict[str, list[float]] = {}

    def note(name: str, value: float) -> float:
        seconds.setdefault(name, []).append(value)
        return value

    ratios: dict[str, list[float]] = {name: [] for name in BARS}
    with tempfile.TemporaryDirectory() as scratch:
        folder = workspace.make(Path(scratch) / "project")
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder / "src")], check=True)
        empty = Path(scratch) / "empty"
        empty.mkdir()
        (empty / "Snakefile").write_text('rule all:\n    output: "done"\n    shell: "touch {output}"\n')
        run(empty)
        calls = Path(scratch) / "calls.json"
        calls.write_text(json.dumps(commands(folder)))
        config = folder / "config.yaml"
        text = config.read_text()
        for number in range(repetitions):
            clean(folder)
            config.write_text(text)
            alone = note("one process", timed(one_process, folder, calls))
            clean(folder)
            cold = note("cold", timed(run, folder))
            ratios["cold / one process"].append(cold / alone)
            nothing, nothing_empty = timed(run, folder), timed(run, empty)
            note("nothing to do", nothing), note("empty Snakefile", nothing_empty)
            ratios["nothing to do / empty Snakefile"].append(nothing / nothing_empty)
            config.write_text(text.replace("cuts: [2/3]", f"cuts: [0.{60 + number}]"))
            edit = note("cutoff edit", timed(run, folder))
            ratios["cutoff edit / cold"].append(edit / cold)
    print(f"{os.cpu_count()} cores, {repetitions} repetitions; medians")
    for name, values in seconds.items():
        print(f"  {name:32s} {statistics.median(values):6.1f} s   ({min(values):.1f} to {max(values):.1f})")
    for name, values in ratios.items():
        ratio = statistics.median(values)
        print(f"  {name:32s} {ratio:6.2f}     bar {BARS[name]}: {'kept' if ratio <= BARS[name] else 'MISSED'}")


if __name__ == "__main__":
    main()
