"""Speed and calibration of the consistency check, on simulated papers of 20 P-values under each variant.

    .venv/bin/python benchmarks/consistency.py [papers per variant, 200; 0 for speed alone]

Speed: the whole paper by the command, start of Python included, and 200 simulated papers on two cores. Both are shown
as elapsed and as processor seconds, because elapsed seconds of a busy machine mean little. Calibration: how often the
inferred variant is the true one, and how often a clean paper has a P that is called unattainable. Ends in status 1 if
a target is missed.
"""

import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

from simulated_papers import calibrate
from timing import numbers_given, timed

from d_q_trial.consistency import VARIANTS

SEED = 20240722
PAPER_SECONDS, PAPERS_SECONDS, MOST_ACCUSED = 2.0, 120.0, 0.01
MEASURES = ("right", "right_family", "sure_and_wrong", "accused")


def whole_paper():
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "d_q_trial", "consistency", "data/published", "--output", folder]
        subprocess.run(command, check=True)


def half_of_the_papers(seed):
    return calibrate("normal", tied=True, papers=100, seed=seed)


def two_hundred_papers():
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(half_of_the_papers, (SEED, SEED + 1)))


def speed():
    """Print both speeds against their bars; return whether both hold in processor seconds of one core or two."""
    runs = [timed(whole_paper)[0] for _ in range(5)]
    elapsed, processor = (statistics.median(values) for values in zip(*runs, strict=True))
    print(f"whole paper: {elapsed:.1f} s elapsed, {processor:.1f} s processor; target {PAPER_SECONDS:g} s")
    holds = min(elapsed, processor) < PAPER_SECONDS
    (elapsed, processor), _ = timed(two_hundred_papers)
    print(
        f"200 papers, two cores: {elapsed:.0f} s elapsed, {processor / 2:.0f} s per core; target {PAPERS_SECONDS:g} s"
    )
    return holds and min(elapsed, processor / 2) < PAPERS_SECONDS


def one(task):
    variant, tied, papers = task
    return variant, tied, calibrate(variant, tied=tied, papers=papers, seed=SEED)


def calibration(papers):
    """Print the table of docs/consistency.md; return whether clean papers have no such P."""
    tasks = [(variant, tied, papers) for tied in (False, True) for variant in VARIANTS]
    print(f"| true variant | ties | {' | '.join(name.replace('_', ' ') for name in MEASURES)} |")
    print("|---" * (2 + len(MEASURES)) + "|")
    quiet = True
    with ProcessPoolExecutor(2) as pool:
        for variant, tied, result in pool.map(one, tasks):
            shares = " | ".join(f"{result[key]:.3f}" for key in MEASURES)
            print(f"| {VARIANTS[variant]} | {'yes' if tied else 'none'} | {shares} |", flush=True)
            quiet &= result["accused"] < MOST_ACCUSED
    return quiet


def main(papers=200):
    holds = speed()
    return 0 if (calibration(papers) if papers else True) and holds else 1


if __name__ == "__main__":
    sys.exit(main(*numbers_given(__doc__, "papers")))
