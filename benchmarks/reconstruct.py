"""Seconds per synthetic cohort, and the reported numbers that it misses: python benchmarks/reconstruct.py [SEED ...]."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from pipeline import list_unreproduced
from timing import parse_numbers, timed

from d_q_trial.reconstruct.cohort import reconstruct, write_workbook
from d_q_trial.reconstruct.design import read_design, read_targets
from d_q_trial.trial import load_trial

seeds = parse_numbers(__doc__, "seed") or range(2, 7)
design = read_design("data/reconstruct/trial.yaml", load_trial("data/trial.yaml"))
targets = read_targets("data/published", design)
seconds = []
print("seed  seconds  reported numbers not reproduced")
with tempfile.TemporaryDirectory() as folder:
    for seed in seeds:
        elapsed, cohort = timed(reconstruct, design, targets, seed)
        seconds.append(elapsed.clock)
        path = Path(folder) / f"{seed}.xlsx"
        write_workbook(cohort, path)
        print(f"{seed:4d}  {seconds[-1]:7.1f}  {len(list_unreproduced(path))}", flush=True)
print(f"longest: {max(seconds):.1f} s (aim: below 60)")
