"""How often the tests of robustness reject, in simulated trials of this trial's size: the table of docs/robustness.md.

    python benchmarks/calibration.py [--trials 1000] [--only best_cut] [--processes 2]

60 women, 30 an arm; two markers that go together; two outcomes at three visits, correlated as repeated measurements
are. The first marker is cut so that 21 women lie in the upper stratum, and the arms are dealt so that 10 of them are treated.
Each scenario says what is true; each function of TESTS takes one simulated trial and returns P-values by name. A new test is one more function.
"""

import argparse
from dataclasses import dataclass
from multiprocessing import Pool

import numpy as np

from d_q_trial.config.robustness import Robustness
from d_q_trial.config.settings import load
from d_q_trial.robustness.comparisons import Comparison
from d_q_trial.robustness.cutoffs import slice_of
from d_q_trial.robustness.search import best_cuts
from d_q_trial.stats.ancova import marker_interaction
from d_q_trial.stats.interaction import effect_difference, mann_whitney_effect, permuted_strata_p
from d_q_trial.stats.labels import labels_for
from d_q_trial.stats.multiplicity import holm, step_down_p
from d_q_trial.stats.permutation import Design, StepDown, run
from d_q_trial.stats.rank_sum import asymptotic_columns
from d_q_trial.trial import load_trial

WOMEN, PERMUTATIONS = 60, 199
PLACES = [(outcome, visit) for outcome in ("ctx", "p1np") for visit in ("week_2", "week_4", "week_20")]
SCENARIOS = {  # slope of the marker; spread of the treated in the upper stratum; shift of all treated; of those in it
    "no effect": (0.0, 1.0, 0.0, 0.0),
    "marker prognostic": (0.7, 1.0, 0.0, 0.0),
    "treated of T3 spread twice as widely": (0.0, 2.0, 0.0, 0.0),
    "effect in everybody of 0.5 SD": (0.0, 1.0, 0.5, 0.0),
    "effect in T3 of 0.5 SD": (0.0, 1.0, 0.0, 0.5),
    "effect in T3 of 1 SD": (0.0, 1.0, 0.0, 1.0),
    "effect in T3 of 2 SD": (0.0, 1.0, 0.0, 2.0),
}
TRIAL, ANALYSIS = load_trial("data/trial.yaml"), load("config.yaml").analyses["published"]


@dataclass(frozen=True)
class Simulated:
    """One trial: changes of shape (women, places), markers of shape (women, 2); effects are in the first place alone."""

    values: np.ndarray
    markers: np.ndarray
    is_first: np.ndarray
    is_upper: np.ndarray
    rng: np.random.Generator

    @property
    def seed(self):
        """Another one for each trial."""
        return int(self.rng.integers(2**31))


def simulate(rng, slope, spread, shift, shift_upper):
    marker, is_upper, is_first = np.sort(rng.normal(size=WOMEN)), np.arange(WOMEN) >= 39, np.zeros(WOMEN, dtype=bool)
    is_first[rng.permutation(39)[:20]] = True
    is_first[39 + rng.permutation(21)[:10]] = True
    other = 0.7 * marker + np.sqrt(1 - 0.7**2) * rng.normal(size=WOMEN)
    own = is_first & is_upper
    values = np.sqrt(0.5) * rng.normal(size=(WOMEN, 1)) + np.sqrt(0.5) * rng.normal(size=(WOMEN, len(PLACES)))
    values = slope * marker[:, None] + values * np.where(own, spread, 1.0)[:, None]
    values[:, 0] += shift * is_first + shift_upper * own
    return Simulated(values, np.column_stack([marker, other]), is_first, is_upper, rng)


def interaction(trial):
    values, is_first, is_upper = trial.values[:, 0], trial.is_first, trial.is_upper
    effects = [mann_whitney_effect(values[is_first & s], values[~is_first & s]) for s in (is_upper, ~is_upper)]
    permuted = permuted_strata_p(values, is_first, is_upper, permutations=PERMUTATIONS, seed=trial.rng)
    return {
        "interaction: placements, t": effect_difference(*effects, confidence=0.95).p,
        "interaction: strata permuted": permuted.p,
        "interaction: arm x marker, HC3": marker_interaction(values, trial.markers[:, 0], is_first, confidence=0.95).p,
    }


def best_cut(trial):
    """The outcome with the effect at its visit, cut along the first marker; and the search over four of them."""
    robustness = Robustness(permutations=PERMUTATIONS, seed=trial.seed)
    people = np.array([f"A{i}" for i in range(WOMEN)], dtype=object)
    whole = np.ones(WOMEN, dtype=bool)
    found = []
    for place, (outcome, visit) in enumerate(PLACES[:2]):
        for marker, amount in zip(TRIAL.markers, trial.markers.T, strict=True):
            value = trial.values[:, place]
            names = (outcome, ANALYSIS.measure, visit, marker, "", TRIAL.contrast)
            comparison = Comparison(*names, people, whole, trial.is_first, value, value, value, people, amount)
            found.append(slice_of(comparison, ANALYSIS, robustness))
    table = best_cuts(found, TRIAL, ANALYSIS, robustness)
    one = table.iloc[:2]
    return {
        "best cut: P as if the only one": one["p"].min(),
        "best cut: corrected, above": one["p_best_of_side"].iloc[0],
        "best cut: corrected, both sides": one["p_best_of_both"].min(),
        "best cut: corrected, 2 markers x 2 visits": table["p_best_of_family"].min(),
    }


def multiplicity(trial):
    """Any of six comparisons within the upper stratum."""
    values = np.where(trial.is_upper[:, None], trial.values, np.nan)
    p = asymptotic_columns(values, trial.is_first, continuity=False).p
    design, labels = Design(values), labels_for(trial.is_first, PERMUTATIONS, trial.seed)
    z = design.observed(trial.is_first).z
    counts = StepDown(z)
    run(design, labels, [counts])
    return {
        "T3, smallest of 6: unadjusted": p.min(),
        "T3, smallest of 6: Holm": holm(p).min(),
        "T3, smallest of 6: max-T": min(found.p for found in step_down_p(counts, labels.count)),
    }


TESTS = {test.__name__: test for test in (interaction, best_cut, multiplicity)}


def one_trial(job):
    scenario, number, names = job
    rng = np.random.default_rng([20240722, scenario, number])
    trial = simulate(rng, *list(SCENARIOS.values())[scenario])
    return {name: p for test in names for name, p in TESTS[test](trial).items()}


def main():
    """Print the table as Markdown: a row per test, a column per scenario."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--only", nargs="+", choices=TESTS, default=list(TESTS))
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    columns = []
    with Pool(arguments.processes) as pool:
        for scenario in range(len(SCENARIOS)):
            jobs = [(scenario, number, arguments.only) for number in range(arguments.trials)]
            rows = pool.map(one_trial, jobs, chunksize=16)
            columns.append({name: np.mean([not row[name] > 0.05 for row in rows]) for name in rows[0]})
    print(f"| test | {' | '.join(SCENARIOS)} |\n|---|{'---|' * len(SCENARIOS)}")
    for name in columns[0]:
        print(f"| {name} | {' | '.join(f'{column[name]:.3f}' for column in columns)} |")
    error = np.sqrt(0.05 * 0.95 / arguments.trials)
    print(f"\n{arguments.trials} trials each; standard error of a rate of 0.05: {error:.3f}")


if __name__ == "__main__":
    main()
