"""The permutation engine against the bare matrix product of its size, and against scipy, side by side in one run.

    python benchmarks/permutation.py [pairs]

10,000 specifications, 10,000 permutations, 60 participants; a third of the specifications with ties, 40 patterns of
missing values. The engine draws the labels and gives each specification's pointwise and step-down max-T counts, and the joint
summaries of all. The bare product is numpy's ``scores @ labels`` of float32 matrices of the same shapes; a second line, without
a target, has it write into memory that is there already, so that it pays for nothing but the arithmetic.
scipy's vectorised mannwhitneyu works on some specifications and permutations, scaled to all, and has no missing values
to care for, with which it would be hundreds of times slower; the deviates are compared with missing values too.

Each has one thread, as a job of the workflow does; what counts is its processor time, which other processes disturb little. Pairs are measured in turn, and the median of the ratios is compared with the target.
"""

import os
import statistics
import subprocess
import sys
from functools import partial

import numpy as np
from scipy.special import ndtri
from scipy.stats import mannwhitneyu
from timing import numbers_given, timed

from d_q_trial.stats.permutation import Design, Joint, StepDown, labels_for, permuted_blocks

PARTICIPANTS, SPECIFICATIONS, PERMUTATIONS = 60, 10_000, 10_000
SCIPY_SPECIFICATIONS, SCIPY_PERMUTATIONS = 1000, 40
BARS = {"engine / bare product": 3.0, "scipy / engine": 50.0, "largest difference of z": 1e-6}


def cohort():
    """Values with ties and missing values; the first half of the participants is the first arm."""
    rng = np.random.default_rng(20240722)
    values = rng.normal(size=(PARTICIPANTS, SPECIFICATIONS))
    values[:, ::3] = np.round(values[:, ::3], 1)
    patterns = rng.random((PARTICIPANTS, 40)) < 0.05
    values[patterns[:, rng.integers(0, 40, SPECIFICATIONS)]] = np.nan
    return values, np.arange(PARTICIPANTS) < PARTICIPANTS // 2


def ranked(values, is_first):
    """What depends on the values alone: ranks, observed deviates, and what is to be counted."""
    design = Design(values, minimum_per_arm=6)
    observed = design.observed(is_first)
    reducers = [
        StepDown(observed.z),
        StepDown(observed.z, family=np.arange(observed.z.size)),
        Joint(observed, np.ones((1, values.shape[1]), dtype=int), critical=ndtri(0.975)),
    ]
    return design, reducers


def count(design, labels, reducers):
    """Hand every block of permutations to what is counted."""
    for block in permuted_blocks(design, labels):
        for reducer in reducers:
            reducer.add(block)


def scipy_z(values, splits):
    """Deviates of each split by vectorised mannwhitneyu, without continuity correction."""
    found = np.empty((values.shape[1], len(splits)))
    missing = "omit" if np.isnan(values).any() else "propagate"
    for number, split in enumerate(splits):
        first, second = values[split], values[~split]
        test = mannwhitneyu(first, second, method="asymptotic", use_continuity=False, nan_policy=missing)
        n_first, n_second = ((~np.isnan(side)).sum(axis=0) for side in (first, second))
        found[:, number] = np.sign(test.statistic - n_first * n_second / 2) * -ndtri(test.pvalue / 2)
    return found


def largest_difference(values, labels, theirs):
    """Between the deviates of the engine and scipy's."""
    ours = Design(values).permuted(labels.take(0, theirs.shape[1])).z
    return float(np.abs(ours - theirs).max())


def main(pairs=7):
    """Print seconds, ratios, and whether each target is met; the exit status says the same."""
    values, is_first = cohort()
    labels = labels_for(is_first, PERMUTATIONS, seed=1)
    scores = Design(values).scores
    chosen = np.ascontiguousarray(labels.take(0, PERMUTATIONS), dtype=scores.dtype)
    splits = chosen[:, :SCIPY_PERMUTATIONS].T > 0
    complete = np.random.default_rng(2).normal(size=(PARTICIPANTS, SCIPY_SPECIFICATIONS))
    complete[:, ::3] = np.round(complete[:, ::3], 1)
    scale = SPECIFICATIONS / SCIPY_SPECIFICATIONS * PERMUTATIONS / SCIPY_PERMUTATIONS
    product = np.zeros((SPECIFICATIONS, PERMUTATIONS), dtype=scores.dtype)
    times: dict[str, list[float]] = {}

    def note(name, action, *arguments, scale=1.0):
        spent, result = timed(action, *arguments)
        times.setdefault(name, []).append(spent.processor * scale)
        return result

    for _ in range(pairs):
        note("bare product", np.matmul, scores, chosen)
        note("the same, warm memory", partial(np.matmul, out=product), scores, chosen)
        design, reducers = note("ranking, once", ranked, values, is_first)
        note("engine", count, design, labels, reducers)
        theirs = note("scipy, scaled", scipy_z, complete, splits, scale=scale)
    part, few = values[:, :200], splits[:5]
    differences = largest_difference(complete, labels, theirs), largest_difference(part, labels, scipy_z(part, few))
    ratios = {
        "engine / warm product": [e / b for e, b in zip(times["engine"], times["the same, warm memory"], strict=True)],
        "engine / bare product": [e / b for e, b in zip(times["engine"], times["bare product"], strict=True)],
        "scipy / engine": [s / e for s, e in zip(times["scipy, scaled"], times["engine"], strict=True)],
        "largest difference of z": [max(differences)],
    }
    print(
        f"{SPECIFICATIONS:,} specifications, {PERMUTATIONS:,} permutations, {PARTICIPANTS} participants; {pairs} pairs"
    )
    for name, spent in times.items():
        print(f"  {name:24s} {statistics.median(spent):9.2f} s   ({min(spent):.2f} to {max(spent):.2f})")
    print(f"  (scipy was measured on {SCIPY_SPECIFICATIONS:,} specifications and {SCIPY_PERMUTATIONS} permutations)")
    missed = 0
    for name, found in ratios.items():
        ratio, bar = statistics.median(found), BARS.get(name)
        verdict = ""
        if bar is not None:
            kept = ratio >= bar if name.startswith("scipy") else ratio <= bar
            missed += not kept
            verdict = f"target {bar:g}: {'met' if kept else 'MISSED'}"
        print(f"  {name:24s} {ratio:9.3g}   ({min(found):.3g} to {max(found):.3g})   {verdict}")
    return int(bool(missed))


if __name__ == "__main__":
    single = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
    if single.items() <= os.environ.items():
        sys.exit(main(*numbers_given(__doc__, "pairs")))
    # The libraries read this before numpy is there.
    sys.exit(subprocess.run([sys.executable, *sys.argv], env={**os.environ, **single}, check=False).returncode)
