"""How often the interaction tests reject, in simulated trials of this trial's size: a table for the documentation.

    python benchmarks/interaction_calibration.py [trials]

30 women an arm, the marker cut so that 10 of the treated and 11 of the controls lie in the upper stratum. Rejections at
0.05, of the t test on placements, of strata dealt anew within arms (499 deals), and of the product of arm and marker
(HC3). The marker may go with the outcome (prognostic), or the treated of the upper stratum may spread more widely; both
leave the hypothesis true for the first test, while a shift of the treated in the upper stratum makes it false.
"""

import sys

import numpy as np

from d_q_trial.stats.ancova import marker_interaction
from d_q_trial.stats.interaction import effect_difference, mann_whitney_effect, shuffled_strata_p

SCENARIOS = {  # slope of the marker, spread of the treated in the upper stratum, shift of the treated there
    "no effect": (0.0, 1.0, 0.0),
    "marker prognostic": (0.7, 1.0, 0.0),
    "treated of T3 spread twice as widely": (0.0, 2.0, 0.0),
    "effect in T3 of 0.5 SD": (0.0, 1.0, 0.5),
    "effect in T3 of 1 SD": (0.0, 1.0, 1.0),
    "effect in T3 of 2 SD": (0.0, 1.0, 2.0),
}


def one_trial(rng, slope, spread, shift):
    """P-values of the three tests in one simulated trial."""
    is_first = np.arange(60) < 30
    marker = np.concatenate([np.sort(rng.normal(size=30)), np.sort(rng.normal(size=30))])
    is_upper = np.concatenate([np.arange(30) >= 20, np.arange(30) >= 19])
    own = is_first & is_upper
    values = slope * marker + rng.normal(size=60) * np.where(own, spread, 1.0) + shift * own
    effects = [mann_whitney_effect(values[is_first & s], values[~is_first & s]) for s in (is_upper, ~is_upper)]
    return (
        effect_difference(*effects, confidence=0.95).p,
        shuffled_strata_p(values, is_first, is_upper, permutations=499, rng=rng).p,
        marker_interaction(values, marker, is_first, confidence=0.95).p,
    )


def main(trials=2000):
    """Print the table as Markdown."""
    print("| truth | placements, t | strata dealt | arm x marker, HC3 |\n|---|---|---|---|")
    for number, (name, truth) in enumerate(SCENARIOS.items()):
        rng = np.random.default_rng([20240722, number])
        p = np.array([one_trial(rng, *truth) for _ in range(trials)])
        rates = (np.nan_to_num(p, nan=1.0) <= 0.05).mean(axis=0)
        print(f"| {name} | {' | '.join(f'{rate:.3f}' for rate in rates)} |")
    print(f"\n{trials} trials each; standard error at 0.05: {np.sqrt(0.05 * 0.95 / trials):.3f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
