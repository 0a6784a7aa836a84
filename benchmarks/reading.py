"""Time to read a large sheet, as a ratio to pandas with calamine alone, in one process.

Run ``python benchmarks/reading.py``; the target is a ratio of at most 1.3 for a sheet of 100,000 rows and 50 columns.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from openpyxl import Workbook
from timing import timed

from d_q_trial.trial import load_trial
from d_q_trial.workbook.reader import read_workbook

ROOT = Path(__file__).resolve().parents[1]
TARGET = 1.3


def list_columns(trial, count: int) -> list[tuple[str, float]]:
    """Return the header and the typical value of each column after id and arm."""
    columns = []
    for outcome in trial.outcomes.values():
        if outcome.kind == "continuous":
            low, high = outcome.plausible or (1.0, 10_000.0)
            columns += [
                (f"{outcome.label} {trial.visits[visit].label}", float(np.sqrt(low * high)))
                for visit in ["baseline", *outcome.follow_up]
            ]
    return columns[: count - 2]


def write_sheet(path: Path, trial, rows: int, columns: int) -> None:
    """Write a wide sheet of participants."""
    headers, random = list_columns(trial, columns), np.random.default_rng(1)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Participants")
    sheet.append(["ID", "Arm", *(header for header, _ in headers)])
    for row in range(2, rows + 2):
        values = [float(f"{level * random.uniform(0.8, 1.2):.4g}") for _, level in headers]
        sheet.append([f"S{row}", ("Control", "D+Q")[row % 2], *values])
    book.save(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    trial = load_trial(ROOT / "data" / "trial.yaml")
    small = ROOT / "data" / "reconstructed.xlsx"
    read_workbook(small, trial)  # imports and caches
    pd.read_excel(small, engine="calamine")
    print(f"the trial's own workbook (60 participants, 5 sheets): {timed(read_workbook, small, trial)[0].clock:.3f} s")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.xlsx"
        write_sheet(path, trial, arguments.rows, arguments.columns)
        print(f"{arguments.rows:,} x {arguments.columns}: {path.stat().st_size / 1e6:.0f} MB")
        ratios = []
        for _ in range(arguments.repeats):
            pandas = timed(partial(pd.read_excel, engine="calamine"), path)[0].clock
            reader = timed(read_workbook, path, trial)[0].clock
            ratios.append(reader / pandas)
            print(f"  pandas with calamine {pandas:.2f} s, this reader {reader:.2f} s, ratio {reader / pandas:.2f}")
    median = sorted(ratios)[len(ratios) // 2]
    print(f"median ratio {median:.2f}, at most {TARGET} wanted: {'met' if median <= TARGET else 'NOT met'}")
    return 0 if median <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
