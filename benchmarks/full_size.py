"""What a multiverse of any size costs: processor seconds per million permuted tests, and the memory of a shard.

    python benchmarks/full_size.py [permutations]

Counts the multiverse of config.yaml as a job of `snakemake full_size` does, with two numbers of permutations. The difference is
free of what is done once (imports, ranking). One test is one specification under one permutation.
"""

import os
import resource
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from timing import numbers_given

from d_q_trial.config import settings
from d_q_trial.files import sha256
from d_q_trial.robustness.multiverse import count_permutations, prepare_specifications
from d_q_trial.trial import load_trial
from d_q_trial.workbook.reader import read_workbook

NODES, MANY = 100, 1e12


def main(permutations=20_000):
    """Print tests, seconds and memory, and what 1e12 tests would take."""
    chosen = settings.load("config.yaml")
    analysis, robustness, trial = chosen.analyses[chosen.reference], chosen.robustness, load_trial(chosen.trial)
    participants = read_workbook(analysis.workbook, trial, analysis.mapping)
    specifications, _ = prepare_specifications(participants, trial, analysis, robustness)
    tests = len(specifications.design)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = {}
    for number in (permutations // 10, permutations):
        start = time.process_time()
        count_permutations(specifications, permutations=number, seed=robustness.seed, memory_mb=robustness.memory_mb)
        spent[number] = time.process_time() - start
    few, many = spent
    cost = (spent[many] - spent[few]) / ((many - few) * tests / 1e6)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{os.path.basename(analysis.workbook)} ({sha256(analysis.workbook)[:8]}): {tests:,} different specifications"
    )
    print(f"{many:,} permutations: {spent[many]:.1f} s of processor; {cost:.4f} s per million permuted tests")
    print(f"memory: {memory:.0f} MB at most, {before:.0f} MB before; a shard asks for {robustness.memory_mb} + 500 MB")
    print(f"{MANY:.0e} permuted tests on {NODES} processors: {MANY / 1e6 * cost / NODES / 60:.0f} minutes")
    return int(memory > robustness.memory_mb + 500)


if __name__ == "__main__":
    sys.exit(main(*numbers_given(__doc__, "permutations")))
