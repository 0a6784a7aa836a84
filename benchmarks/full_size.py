"""Cost of a multiverse of any size: processor seconds per million permuted tests, and the memory of a shard.

    python benchmarks/full_size.py [permutations]

Counts the multiverse of config.yaml as a job of `snakemake full_size` does, with two numbers of permutations, so that the
difference excludes one-time work (imports, ranking). One test is one specification under one permutation.
"""

import os
import resource
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from timing import parse_numbers

from d_q_trial.config import settings
from d_q_trial.files import sha256
from d_q_trial.robustness.multiverse import count_permutations
from d_q_trial.robustness.specifications import prepare_specifications
from d_q_trial.trial import load_trial
from d_q_trial.workbook.reader import read_workbook

NODES, FULL_SIZE = 100, 1e12


def main(permutations=20_000):
    """Print tests, seconds and memory, and the time of 1e12 tests; return 1 if a shard needs more memory than it requests."""
    config = settings.load("config.yaml")
    analysis, robustness, trial = config.analyses[config.reference], config.settings, load_trial(config.trial)
    participants = read_workbook(analysis.workbook, trial, analysis.mapping)
    specifications, _ = prepare_specifications(participants, trial, analysis, robustness)
    tests = len(specifications.design)
    initial = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = {}
    for number in (permutations // 10, permutations):
        start = time.process_time()
        count_permutations(specifications, permutations=number, seed=robustness.seed, memory_mb=robustness.memory_mb)
        seconds[number] = time.process_time() - start
    few, many = seconds
    cost = (seconds[many] - seconds[few]) / ((many - few) * tests / 1e6)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{os.path.basename(analysis.workbook)} ({sha256(analysis.workbook)[:8]}): {tests:,} specifications")
    print(f"{many:,} permutations: {seconds[many]:.1f} s of processor; {cost:.4f} s per million permuted tests")
    print(f"memory: {memory:.0f} MB at most, {initial:.0f} MB before; a shard asks for {robustness.memory_mb} + 500 MB")
    print(f"{FULL_SIZE:.0e} permuted tests on {NODES} processors: {FULL_SIZE / 1e6 * cost / NODES / 60:.0f} minutes")
    return int(memory > robustness.memory_mb + 500)


if __name__ == "__main__":
    sys.exit(main(*parse_numbers(__doc__, "permutations")))
