"""Seconds per synthetic cohort, and whether each meets every printed number: python benchmarks/reconstruct.py [SEEDS]."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from printed_checks import checks

from d_q_trial.reconstruct.cohort import reconstruct
from d_q_trial.reconstruct.constraints import read_targets
from d_q_trial.reconstruct.design import read_design
from d_q_trial.reconstruct.ensemble import parse_seeds
from d_q_trial.reconstruct.workbook import write_workbook

plan = read_design("data/reconstruct/trial.yaml")
printed = read_targets("data/published", plan)
seconds = []
print("seed  seconds  printed numbers met")
with tempfile.TemporaryDirectory() as folder:
    for seed in parse_seeds(sys.argv[1] if len(sys.argv) > 1 else "2-6"):
        cohort = reconstruct(plan, printed, seed)
        path = Path(folder) / f"{seed}.xlsx"
        write_workbook(cohort, plan, path)
        met = [agrees for *_, agrees in checks(path)]
        seconds.append(cohort.seconds)
        print(f"{seed:4d}  {cohort.seconds:7.1f}  {sum(met)} of {len(met)}", flush=True)
print(f"longest: {max(seconds):.1f} s (aim: below 60)")
