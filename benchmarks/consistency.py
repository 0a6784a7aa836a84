"""Speed and calibration of the consistency check, on simulated papers of 20 P-values under each variant.

    .venv/bin/python benchmarks/consistency.py [papers per variant, 200; 0 for speed alone]

Speed: the command on the published paper, including the start of Python, and 200 simulated papers on two cores. Both are
shown as elapsed and as processor seconds, because elapsed seconds mean little on a busy machine. Calibration: how often
the inferred variant is the true one, and how often a P of a paper without errors is called unattainable. The exit status
is 1 if a target is missed.
"""

import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

from simulated_papers import calibrate
from timing import parse_numbers, timed

from d_q_trial.consistency import VARIANTS

SEED = 20240722
PAPER_SECONDS, PAPERS_SECONDS, MAX_ACCUSED = 2.0, 120.0, 0.01
MEASURES = ("right", "right_family", "sure_and_wrong", "accused")


def check_published_paper():
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "d_q_trial", "consistency", "data/published", "--output", folder]
        subprocess.run(command, check=True)


def simulate_half(seed):
    return calibrate("normal", tied=True, papers=100, seed=seed)


def simulate_two_hundred():
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(simulate_half, (SEED, SEED + 1)))


def measure_speed():
    """Print both times and their targets; return whether both targets are met in processor seconds per core."""
    runs = [timed(check_published_paper)[0] for _ in range(5)]
    elapsed, processor = (statistics.median(values) for values in zip(*runs, strict=True))
    print(f"whole paper: {elapsed:.1f} s elapsed, {processor:.1f} s processor; target {PAPER_SECONDS:g} s")
    is_met = min(elapsed, processor) < PAPER_SECONDS
    (elapsed, processor), _ = timed(simulate_two_hundred)
    print(
        f"200 papers, two cores: {elapsed:.0f} s elapsed, {processor / 2:.0f} s per core; target {PAPERS_SECONDS:g} s"
    )
    return is_met and min(elapsed, processor / 2) < PAPERS_SECONDS


def calibrate_task(task):
    variant, tied, papers = task
    return variant, tied, calibrate(variant, tied=tied, papers=papers, seed=SEED)


def measure_calibration(papers):
    """Print the table of docs/consistency.md; return whether few papers without errors have an unattainable P."""
    tasks = [(variant, tied, papers) for tied in (False, True) for variant in VARIANTS]
    print(f"| true variant | ties | {' | '.join(name.replace('_', ' ') for name in MEASURES)} |")
    print("|---" * (2 + len(MEASURES)) + "|")
    is_met = True
    with ProcessPoolExecutor(2) as pool:
        for variant, tied, result in pool.map(calibrate_task, tasks):
            shares = " | ".join(f"{result[key]:.3f}" for key in MEASURES)
            print(f"| {VARIANTS[variant]} | {'yes' if tied else 'none'} | {shares} |", flush=True)
            is_met &= result["accused"] < MAX_ACCUSED
    return is_met


def main(papers=200):
    is_fast = measure_speed()
    return 0 if (not papers or measure_calibration(papers)) and is_fast else 1


if __name__ == "__main__":
    sys.exit(main(*parse_numbers(__doc__, "papers")))
