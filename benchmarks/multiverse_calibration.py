"""How often the joint tests of a multiverse reject, in simulated trials of this trial's size: a table for the documentation.

    python benchmarks/multiverse_calibration.py [trials without an effect] [trials with one] [permutations]

30 women an arm, two outcomes at three visits, two markers that go together, and as many missing as in the trial (one
after 2 weeks, four after 4). Log ratios follow t distributions with 4 degrees of freedom and correlate within a
woman. The multiverse is that of config.yaml, with one variant of the test. An effect shifts the log ratios of the treated at 2
and 4 weeks, in the upper third of the first marker or in all participants, by a multiple of their standard deviation.
"""

import sys

import numpy as np

from d_q_trial.config import settings
from d_q_trial.robustness.multiverse import Prepared, families_of
from d_q_trial.robustness.shards import count
from d_q_trial.robustness.specifications import Measurements, specifications
from d_q_trial.stats.multiplicity import step_down_p
from d_q_trial.stats.permutation import SUMMARIES, StepDown
from d_q_trial.trial import load_trial

CHOSEN = settings.load("config.yaml")
ANALYSIS, ROBUSTNESS = CHOSEN.analyses[CHOSEN.reference], CHOSEN.robustness
MULTIVERSE = ROBUSTNESS.multiverse.model_copy(update={"tests": ["normal"]})
TRIAL = load_trial(CHOSEN.trial)
VISITS = ("week_2", "week_4", "week_20")
DIRECTION = {"higher": 1.0, "lower": -1.0}
SD = 0.25  # of a log ratio
FAMILIES = ("whole multiverse", "all participants", "subgroups")
SCENARIOS = {  # shift in the upper third of the first marker, and in all participants, in SD
    "no effect": (0.0, 0.0),
    "1 SD in the upper third": (1.0, 0.0),
    "2 SD in the upper third": (2.0, 0.0),
    "0.5 SD in all participants": (0.0, 0.5),
}


def simulated(rng, upper_shift, shift):
    """Raw values and subgroups of one trial."""
    is_first = np.arange(60) < 30
    log_markers = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=60)
    markers = dict(zip(TRIAL.markers, np.exp(log_markers).T, strict=True))
    subgroups = {
        (m, cut): values >= np.quantile(values, cut)
        for m, values in markers.items()
        for cut in map(float, MULTIVERSE.cuts)
    }
    first_marker = next(iter(markers.values()))
    upper = first_marker >= np.quantile(first_marker, 2 / 3)
    lost = rng.permutation(60)[:4]
    baseline, follow_up, given = {}, {}, {}
    for outcome, direction in MULTIVERSE.outcomes.items():
        baseline[outcome] = np.exp(rng.normal(3.5, 0.4, 60))
        own = rng.standard_t(4, 60)
        for visit in VISITS:
            noise = (own + rng.standard_t(4, 60)) / 2  # each of variance 2, so together of variance 1
            moved = is_first * (upper_shift * upper + shift) * (visit != "week_20")
            change = SD * (noise + DIRECTION[direction] * moved)
            follow_up[outcome, visit] = np.round(baseline[outcome] * np.exp(change), 1)
            given[outcome, visit] = np.full(60, np.nan)
        follow_up[outcome, "week_4"][lost[:1]] = np.nan
        follow_up[outcome, "week_20"][lost] = np.nan
    return Measurements(is_first, dict.fromkeys(MULTIVERSE.outcomes, VISITS), baseline, follow_up, given, subgroups)


def p_values(rng, truth, permutations):
    """P of each family and summary, and the smallest adjusted P of the whole."""
    data = simulated(rng, *truth)
    every = specifications(data, MULTIVERSE, ANALYSIS, minimum_per_arm=ROBUSTNESS.minimum_per_arm)
    families = [family for family in families_of(every, TRIAL) if family.name in FAMILIES]
    seed = int(rng.integers(2**32))
    counts = count(Prepared(every, families, 1.959964), permutations=permutations, seed=seed)
    step_down = StepDown(every.design.observed(every.is_first).z)
    step_down.counts = counts.step_down
    adjusted = min(p.p for p in step_down_p(step_down, counts.total) if p.p == p.p)
    return np.append((counts.joint.T.ravel() + 1) / (counts.total + 1), adjusted)


def main(trials=400, trials_with_effect=150, permutations=199):
    """Print the table as Markdown: shares of P at most 0.05, and at most 0.10."""
    names = [f"{family}: {summary.replace('_', ' ')}" for family in FAMILIES for summary in SUMMARIES]
    found = []
    for number, truth in enumerate(SCENARIOS.values()):
        rng = np.random.default_rng([ROBUSTNESS.seed, number])
        repeats = trials_with_effect if any(truth) else trials
        p = np.array([p_values(rng, truth, permutations) for _ in range(repeats)])
        found.append([[f"{(p[:, k] <= level + 1e-12).mean():.3f}" for level in (0.05, 0.1)] for k in range(p.shape[1])])
        print(f"{number + 1} of {len(SCENARIOS)}", file=sys.stderr, flush=True)
    print("|  |", " | ".join(SCENARIOS), "|")
    print("|---" * (len(SCENARIOS) + 1) + "|")
    for k, name in enumerate([*names, "smallest max-T adjusted P"]):
        print(f"| {name} |", " | ".join(" / ".join(row[k]) for row in found), "|")
    errors = (np.sqrt(level * (1 - level) / trials) for level in (0.05, 0.1))
    print(
        f"\n{trials} trials without an effect (standard errors {' and '.join(f'{e:.3f}' for e in errors)}), "
        f"{trials_with_effect} with each effect; {permutations} permutations"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
