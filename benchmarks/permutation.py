"""Time of the permutation engine, of the bare matrix product of its size and of scipy, measured in turn in one run.

    python benchmarks/permutation.py [pairs]

10,000 specifications, 10,000 permutations, 60 participants; a third of the specifications have ties, and there are 40
patterns of missing values. The engine draws the labels and computes the pointwise and step-down max-T counts of each
specification and the joint summaries of all. The bare product is numpy's ``scores @ labels`` of float32 matrices of the same
shapes; a second line, without a target, writes it into memory that is already allocated, so that only the arithmetic counts.
scipy's vectorised mannwhitneyu runs on some specifications and permutations without missing values, and its time is scaled
to all; with missing values it would be hundreds of times slower. Its deviates are compared with missing values too.

Each runs in one thread, as a job of the workflow does. The ratios are of processor time, which other processes hardly affect;
their median over the pairs must meet the target.
"""

import os
import statistics
import subprocess
import sys
from functools import partial

import numpy as np
from scipy.special import ndtri
from scipy.stats import mannwhitneyu
from timing import parse_numbers, timed

from d_q_trial.stats.permutation import Design, Joint, StepDown, labels_for, permuted_blocks

PARTICIPANTS, SPECIFICATIONS, PERMUTATIONS = 60, 10_000, 10_000
SCIPY_SPECIFICATIONS, SCIPY_PERMUTATIONS = 1000, 40
TARGETS = {"engine / bare product": 3.0, "scipy / engine": 50.0, "largest difference of z": 1e-6}


def simulate_cohort():
    """Return values with ties and missing values; the first half of the participants is the first arm."""
    rng = np.random.default_rng(20240722)
    values = rng.normal(size=(PARTICIPANTS, SPECIFICATIONS))
    values[:, ::3] = np.round(values[:, ::3], 1)
    patterns = rng.random((PARTICIPANTS, 40)) < 0.05
    values[patterns[:, rng.integers(0, 40, SPECIFICATIONS)]] = np.nan
    return values, np.arange(PARTICIPANTS) < PARTICIPANTS // 2


def rank(values, is_first):
    """Return the parts that depend on the values alone: ranks, and the counters with the observed deviates."""
    design = Design(values, minimum_per_arm=6)
    observed = design.observed(is_first)
    counters = [
        StepDown(observed.z),
        StepDown(observed.z, family=np.arange(observed.z.size)),
        Joint(observed, np.ones((1, values.shape[1]), dtype=bool), critical=ndtri(0.975)),
    ]
    return design, counters


def count(design, labels, counters):
    """Add every block of permutations to the counters."""
    for block in permuted_blocks(design, labels):
        for counter in counters:
            counter.add(block)


def scipy_z(values, splits):
    """Return the deviates of each split by vectorised mannwhitneyu, without continuity correction."""
    z = np.empty((values.shape[1], len(splits)))
    missing = "omit" if np.isnan(values).any() else "propagate"
    for number, split in enumerate(splits):
        first, second = values[split], values[~split]
        test = mannwhitneyu(first, second, method="asymptotic", use_continuity=False, nan_policy=missing)
        n_first, n_second = ((~np.isnan(side)).sum(axis=0) for side in (first, second))
        z[:, number] = np.sign(test.statistic - n_first * n_second / 2) * -ndtri(test.pvalue / 2)
    return z


def largest_difference(values, labels, expected):
    """Return the largest difference between the deviates of the engine and those expected from scipy."""
    z = Design(values).permuted(labels.take(0, expected.shape[1])).z
    return float(np.abs(z - expected).max())


def main(pairs=7):
    """Print seconds, ratios, and whether each target is met; return 1 if one is missed."""
    values, is_first = simulate_cohort()
    labels = labels_for(is_first, PERMUTATIONS, seed=1)
    scores = Design(values).scores
    label_matrix = np.ascontiguousarray(labels.take(0, PERMUTATIONS), dtype=scores.dtype)
    splits = label_matrix[:, :SCIPY_PERMUTATIONS].T > 0
    complete = np.random.default_rng(2).normal(size=(PARTICIPANTS, SCIPY_SPECIFICATIONS))
    complete[:, ::3] = np.round(complete[:, ::3], 1)
    scale = SPECIFICATIONS / SCIPY_SPECIFICATIONS * PERMUTATIONS / SCIPY_PERMUTATIONS
    product = np.zeros((SPECIFICATIONS, PERMUTATIONS), dtype=scores.dtype)
    times: dict[str, list[float]] = {}

    def measure(name, action, *arguments, scale=1.0):
        seconds, result = timed(action, *arguments)
        times.setdefault(name, []).append(seconds.processor * scale)
        return result

    for _ in range(pairs):
        measure("bare product", np.matmul, scores, label_matrix)
        measure("the same, warm memory", partial(np.matmul, out=product), scores, label_matrix)
        design, counters = measure("ranking, once", rank, values, is_first)
        measure("engine", count, design, labels, counters)
        expected = measure("scipy, scaled", scipy_z, complete, splits, scale=scale)
    # The second sample has missing values.
    cases = [(complete, expected), (values[:, :200], scipy_z(values[:, :200], splits[:5]))]
    ratios = {
        "engine / warm product": [e / b for e, b in zip(times["engine"], times["the same, warm memory"], strict=True)],
        "engine / bare product": [e / b for e, b in zip(times["engine"], times["bare product"], strict=True)],
        "scipy / engine": [s / e for s, e in zip(times["scipy, scaled"], times["engine"], strict=True)],
        "largest difference of z": [max(largest_difference(sample, labels, z) for sample, z in cases)],
    }
    print(
        f"{SPECIFICATIONS:,} specifications, {PERMUTATIONS:,} permutations, {PARTICIPANTS} participants; {pairs} pairs"
    )
    for name, seconds in times.items():
        print(f"  {name:24s} {statistics.median(seconds):9.2f} s   ({min(seconds):.2f} to {max(seconds):.2f})")
    print(f"  (scipy was measured on {SCIPY_SPECIFICATIONS:,} specifications and {SCIPY_PERMUTATIONS} permutations)")
    missed = 0
    for name, measured in ratios.items():
        ratio, target = statistics.median(measured), TARGETS.get(name)
        verdict = ""
        if target is not None:
            is_met = ratio >= target if name.startswith("scipy") else ratio <= target
            missed += not is_met
            verdict = f"target {target:g}: {'met' if is_met else 'MISSED'}"
        print(f"  {name:24s} {ratio:9.3g}   ({min(measured):.3g} to {max(measured):.3g})   {verdict}")
    return int(bool(missed))


if __name__ == "__main__":
    single = {f"{library}_NUM_THREADS": "1" for library in ("OPENBLAS", "OMP", "MKL")}
    if single.items() <= os.environ.items():
        sys.exit(main(*parse_numbers(__doc__, "pairs")))
    # The libraries read these variables when numpy is imported.
    sys.exit(subprocess.run([sys.executable, *sys.argv], env={**os.environ, **single}, check=False).returncode)
