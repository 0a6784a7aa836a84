"""Calibration and speed of the consistency check: simulated papers of 20 P-values under each variant.

Run from the checkout: ``PYTHONPATH=src python benchmarks/consistency.py [papers per variant]``.
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor

from d_q_trial.consistency.lattice import VARIANTS
from d_q_trial.consistency.simulate import calibrate

SEED = 20240722


def one(task):
    variant, tied, papers = task
    start = time.process_time()
    return variant, tied, calibrate(variant, tied=tied, papers=papers, seed=SEED), time.process_time() - start


def main(papers):
    tasks = [(variant, tied, papers) for tied in (False, True) for variant in VARIANTS]
    print("variant,ties,papers,right,right_family,sure_and_wrong,accused,cpu_seconds")
    with ProcessPoolExecutor(2) as pool:
        for variant, tied, result, seconds in pool.map(one, tasks):
            shares = ",".join(f"{result[key]:.3f}" for key in ("right", "right_family", "sure_and_wrong", "accused"))
            print(f"{variant},{'yes' if tied else 'no'},{papers},{shares},{seconds:.1f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
