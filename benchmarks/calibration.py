"""How often the tests of robustness reject, in simulated trials of this trial's size: the tables of docs/robustness.md.

    snakemake --cores 4 calibration

runs both studies in ``robustness.shards`` parts; or by hand, one part and then the table of all:

    python benchmarks/calibration.py subgroups --trials 1000 --shard 1 --shards 2 --output PART.csv
    python benchmarks/calibration.py table PART.csv ...

A trial draws its numbers from a seed of its own, so that neither parts nor processes change a rate. Each study has scenarios,
which say what is true, and a function from a random generator and a scenario to P-values by name.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from d_q_trial.comparisons import Comparison
from d_q_trial.config import settings
from d_q_trial.config.robustness import Robustness
from d_q_trial.errors import UserError
from d_q_trial.files import write_csv
from d_q_trial.robustness.cutoffs import divide_comparisons
from d_q_trial.robustness.multiverse import count_permutations
from d_q_trial.robustness.search import best_cuts
from d_q_trial.robustness.specifications import Measurements, specifications
from d_q_trial.stats.ancova import marker_interaction
from d_q_trial.stats.estimate import effect_difference, mann_whitney_effect, permuted_strata_p
from d_q_trial.stats.permutation import Design, Joint, StepDown, adjust_p, labels_for, permuted_blocks
from d_q_trial.stats.rank_sum import asymptotic_columns
from d_q_trial.trial import load_trial

WOMEN, PERMUTATIONS, LEVELS = 60, 199, (0.05, 0.1)
VISITS = ("week_2", "week_4", "week_20")
CHOSEN = settings.load(os.environ.get("D_Q_TRIAL_CONFIG", "config.yaml"))
ANALYSIS, ROBUSTNESS, TRIAL = CHOSEN.analyses[CHOSEN.reference], CHOSEN.robustness, load_trial(CHOSEN.trial)


# Subgroups: 30 women an arm; two markers that go together; two outcomes at three visits, correlated as repeated measurements
# are. The first marker is cut so that 21 women lie in the upper stratum, and the arms are dealt so that 10 of them are treated.
# An effect is in the first outcome at the first visit.

PLACES = [(outcome, visit) for outcome in ("ctx", "p1np") for visit in VISITS]
SUBGROUPS = {  # slope of the marker; spread of the treated in the upper stratum; shift of all treated; of those in it
    "no effect": (0.0, 1.0, 0.0, 0.0),
    "marker prognostic": (0.7, 1.0, 0.0, 0.0),
    "twice the SD in treated T3": (0.0, 2.0, 0.0, 0.0),
    "effect in all participants of 0.5 SD": (0.0, 1.0, 0.5, 0.0),
    "effect in T3 of 0.5 SD": (0.0, 1.0, 0.0, 0.5),
    "effect in T3 of 1 SD": (0.0, 1.0, 0.0, 1.0),
    "effect in T3 of 2 SD": (0.0, 1.0, 0.0, 2.0),
}


@dataclass(frozen=True)
class Simulated:
    """One trial: changes of shape (women, places), markers of shape (women, 2)."""

    values: np.ndarray
    markers: np.ndarray
    is_first: np.ndarray
    is_upper: np.ndarray
    rng: np.random.Generator


def subgroups(rng, slope, spread, shift, shift_upper):
    """P-values of interaction tests, of best cutoffs and of several comparisons in the upper stratum."""
    marker, is_upper, is_first = np.sort(rng.normal(size=WOMEN)), np.arange(WOMEN) >= 39, np.zeros(WOMEN, dtype=bool)
    is_first[rng.permutation(39)[:20]] = True
    is_first[39 + rng.permutation(21)[:10]] = True
    other = 0.7 * marker + np.sqrt(1 - 0.7**2) * rng.normal(size=WOMEN)
    own = is_first & is_upper
    values = np.sqrt(0.5) * rng.normal(size=(WOMEN, 1)) + np.sqrt(0.5) * rng.normal(size=(WOMEN, len(PLACES)))
    values = slope * marker[:, None] + values * np.where(own, spread, 1.0)[:, None]
    values[:, 0] += shift * is_first + shift_upper * own
    trial = Simulated(values, np.column_stack([marker, other]), is_first, is_upper, rng)
    return interaction(trial) | best_cut(trial) | multiplicity(trial)


def interaction(trial):
    """Two strata, and the continuous marker."""
    values, is_first, is_upper = trial.values[:, 0], trial.is_first, trial.is_upper
    effects = [mann_whitney_effect(values[is_first & s], values[~is_first & s]) for s in (is_upper, ~is_upper)]
    permuted = permuted_strata_p(values, is_first, is_upper, permutations=PERMUTATIONS, seed=trial.rng)
    return {
        "interaction: placements, t": effect_difference(*effects, confidence=0.95).p,
        "interaction: subgroup labels permuted": permuted.p,
        "interaction: arm x marker, HC3": marker_interaction(values, trial.markers[:, 0], is_first, confidence=0.95).p,
    }


def best_cut(trial):
    """The outcome with the effect at its visit, cut along the first marker; and the search over four of them."""
    robustness = Robustness(permutations=PERMUTATIONS, seed=int(trial.rng.integers(2**31)))
    people = np.array([f"A{i}" for i in range(WOMEN)], dtype=object)
    whole = np.ones(WOMEN, dtype=bool)
    divided = []
    for place, (outcome, visit) in enumerate(PLACES[:2]):
        for marker, amount in zip(TRIAL.markers, trial.markers.T, strict=True):
            value = trial.values[:, place]
            names = (outcome, ANALYSIS.measure, visit, marker, "", TRIAL.contrast)
            divided.append(Comparison(*names, people, whole, trial.is_first, value, value, value, people, amount))
    table, _ = best_cuts(divide_comparisons(divided, ANALYSIS, robustness), TRIAL, ANALYSIS, robustness)
    one = table.iloc[:2]
    return {
        "best cutoff: unadjusted P": one["p"].min(),
        "best cutoff: corrected, above": one["p_best_of_side"].iloc[0],
        "best cutoff: corrected, both sides": one["p_best_of_both"].min(),
        "best cutoff: corrected, 2 markers x 2 visits": table["p_best_of_family"].min(),
    }


def multiplicity(trial):
    """Any of six comparisons within the upper stratum."""
    values = np.where(trial.is_upper[:, None], trial.values, np.nan)
    p = asymptotic_columns(values, trial.is_first, continuity=False).p
    design, labels = Design(values), labels_for(trial.is_first, PERMUTATIONS, int(trial.rng.integers(2**31)))
    counts = StepDown(design.observed(trial.is_first).z)
    for block in permuted_blocks(design, labels):
        counts.add(block)
    return {
        "T3, smallest of 6: unadjusted": p.min(),
        "T3, smallest of 6: Holm": adjust_p(p, "holm").min(),
        "T3, smallest of 6: max-T": min(found.p for found in counts.p(labels.p)),
    }


# The multiverse: that of config.yaml with one variant of the test; as many missing as in the trial (one after 4 weeks, four
# after 20). Log ratios follow t distributions with 4 degrees of freedom and correlate within a woman. An effect shifts the log
# ratios of the treated at 2 and 4 weeks by a multiple of their standard deviation.

SD = 0.25  # of a log ratio
DIRECTION = {"higher": 1.0, "lower": -1.0}
FAMILIES = ("whole multiverse", "all participants", "subgroups")
MULTIVERSE = {  # shift in the upper third of the first marker, and in all participants, in SD
    "no effect": (0.0, 0.0),
    "1 SD in the upper third": (1.0, 0.0),
    "2 SD in the upper third": (2.0, 0.0),
    "0.5 SD in all participants": (0.0, 0.5),
}


def measurements(rng, upper_shift, shift, choices):
    """Raw values and subgroups of one trial."""
    is_first = np.arange(WOMEN) < 30
    log_markers = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=WOMEN)
    markers = dict(zip(TRIAL.markers, np.exp(log_markers).T, strict=True))
    groups = {
        (m, cut): values >= np.quantile(values, cut)
        for m, values in markers.items()
        for cut in map(float, choices.cuts)
    }
    first_marker = next(iter(markers.values()))
    upper = first_marker >= np.quantile(first_marker, 2 / 3)
    lost = rng.permutation(WOMEN)[:4]
    baseline, follow_up, given = {}, {}, {}
    for outcome, direction in choices.outcomes.items():
        baseline[outcome] = np.exp(rng.normal(3.5, 0.4, WOMEN))
        own = rng.standard_t(4, WOMEN)
        for visit in VISITS:
            noise = (own + rng.standard_t(4, WOMEN)) / 2  # each of variance 2, so together of variance 1
            moved = is_first * (upper_shift * upper + shift) * (visit != "week_20")
            change = SD * (noise + DIRECTION[direction] * moved)
            follow_up[outcome, visit] = np.round(baseline[outcome] * np.exp(change), 1)
            given[outcome, visit] = np.full(WOMEN, np.nan)
        follow_up[outcome, "week_4"][lost[:1]] = np.nan
        follow_up[outcome, "week_20"][lost] = np.nan
    return Measurements(is_first, dict.fromkeys(choices.outcomes, VISITS), baseline, follow_up, given, groups)


def multiverse(rng, upper_shift, shift):
    """P of each family and summary, and the smallest adjusted P of the whole."""
    choices = ROBUSTNESS.multiverse.model_copy(update={"tests": ["normal"]})
    data = measurements(rng, upper_shift, shift, choices)
    every = specifications(data, TRIAL, ANALYSIS, ROBUSTNESS.model_copy(update={"multiverse": choices}))
    every = replace(every, families={name: every.families[name] for name in FAMILIES})
    counts = count_permutations(every, permutations=PERMUTATIONS, seed=int(rng.integers(2**32)))
    step_down = StepDown(every.design.observed(every.is_first).z)
    step_down.counts = counts.step_down
    joint = (counts.joint + 1) / (counts.total + 1)
    found = {
        f"{family}: {summary.replace('_', ' ')}": joint[row, column]
        for column, family in enumerate(FAMILIES)
        for row, summary in enumerate(Joint.SUMMARIES)
    }
    adjusted = [p.p for p in step_down.p(counts.p)]
    return found | {"smallest max-T adjusted P": np.nanmin(adjusted)}


STUDIES = {"subgroups": (SUBGROUPS, subgroups), "multiverse": (MULTIVERSE, multiverse)}


def simulate(study, trials, shard, shards):
    """Count the rejections in every ``shards``-th trial: a row per scenario, test and level."""
    scenarios, p_values = STUDIES[study]
    numbers = range(shard - 1, trials, shards)
    rejected, undefined = Counter(), Counter()
    for index, (scenario, truth) in enumerate(scenarios.items()):
        for number in numbers:
            rng = np.random.default_rng([ROBUSTNESS.seed, index, number])
            for test, p in p_values(rng, *truth).items():
                undefined[scenario, test] += bool(np.isnan(p))
                for level in LEVELS:
                    rejected[scenario, test, level] += bool(p <= level + 1e-12)
        print(f"{study}: {scenario}: {len(numbers)} trials", file=sys.stderr, flush=True)
    rows = [
        {"scenario": key[0], "test": key[1], "level": key[2], "trials": len(numbers), "rejected": n}
        | {"undefined": undefined[key[:2]]}
        for key, n in rejected.items()
    ]
    return pd.DataFrame(rows)


def table(parts):
    """Return the rates of all parts as Markdown: a row per test, a column per scenario."""
    total = pd.concat([pd.read_csv(part) for part in parts])
    total = total.groupby(["scenario", "test", "level"], sort=False).sum()
    rates = (total["rejected"] / total["trials"]).map("{:.3f}".format).unstack("level").agg(" / ".join, axis=1)
    shown = rates.unstack("scenario")
    order = {name: list(dict.fromkeys(total.index.get_level_values(name))) for name in ("scenario", "test")}
    shown = shown.loc[order["test"], order["scenario"]]
    lines = [f"| test | {' | '.join(shown.columns)} |", f"|---|{'---|' * shown.shape[1]}"]
    lines += [f"| {test} | {' | '.join(row)} |" for test, row in zip(shown.index, shown.to_numpy(), strict=True)]
    trials = int(total["trials"].max())
    errors = " and ".join(f"{np.sqrt(level * (1 - level) / trials):.4f}" for level in LEVELS)
    levels = " and ".join(f"{level:g}" for level in LEVELS)
    return (
        "\n".join(lines)
        + f"\n\nShare of trials with P of at most {levels}; {trials:,} trials per column, {PERMUTATIONS} permutations each; "
        f"standard errors of rates of {levels}: {errors}; P not defined: {int(total['undefined'].sum() / len(LEVELS))}.\n"
    )


def main():
    """Simulate one part of a study, or print the table of its parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=[*STUDIES, "table"])
    parser.add_argument("parts", nargs="*", type=Path, help="files of all parts, for the table")
    parser.add_argument("--trials", type=int, default=1000, help="trials of each scenario (default: %(default)s)")
    parser.add_argument("--shard", type=int, default=1, help="which part, from 1")
    parser.add_argument("--shards", type=int, default=1, help="how many parts there are")
    parser.add_argument("--output", type=Path, help="CSV of this part")
    arguments = parser.parse_args()
    if arguments.what == "table":
        print(table(arguments.parts), end="")
        return
    if not 1 <= arguments.shard <= arguments.shards <= arguments.trials or not arguments.output:
        raise UserError("expected --output, and 1 <= --shard <= --shards <= --trials")
    found = simulate(arguments.what, arguments.trials, arguments.shard, arguments.shards)
    write_csv(found, arguments.output)


if __name__ == "__main__":
    main()
