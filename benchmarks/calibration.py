"""Rejection rates of the robustness tests in simulated trials of this trial's size: the tables of docs/robustness.md.

    snakemake --cores 4 calibration

runs both studies in ``robustness.shards`` parts. To run one part and then print the table of all parts by hand:

    python benchmarks/calibration.py subgroups --trials 1000 --shard 1 --shards 2 --output PART.csv
    python benchmarks/calibration.py table PART.csv ...

Each trial has a separate seed, so that the number of parts and processes does not change a rate. A study has scenarios, which
set the true effects, and a function that returns the P-values of a random trial of a scenario by name.
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
from d_q_trial.config.settings import Robustness
from d_q_trial.errors import UserError
from d_q_trial.files import write_csv
from d_q_trial.participants import VALUE
from d_q_trial.robustness.cutoffs import best_cuts, divide_comparisons
from d_q_trial.robustness.multiverse import count_permutations
from d_q_trial.robustness.specifications import combine_choices
from d_q_trial.stats.ancova import marker_interaction
from d_q_trial.stats.estimate import effect_difference, mann_whitney_effect, permuted_strata_p
from d_q_trial.stats.permutation import Design, Joint, StepDown, adjust_p, labels_for, permuted_blocks
from d_q_trial.stats.rank_sum import asymptotic_columns
from d_q_trial.trial import BASELINE, load_trial

WOMEN, PERMUTATIONS, LEVELS = 60, 199, (0.05, 0.1)
VISITS = ("week_2", "week_4", "week_20")
CHOSEN = settings.load(os.environ.get("D_Q_TRIAL_CONFIG", "config.yaml"))
ANALYSIS, ROBUSTNESS, TRIAL = CHOSEN.analyses[CHOSEN.reference], CHOSEN.robustness, load_trial(CHOSEN.trial)


# Subgroups: 30 women per arm, two correlated markers, and two outcomes at three visits, correlated as repeated measurements.
# The upper stratum of the first marker has 21 women, 10 of them treated. An effect is in the first outcome at the first visit.

ENDPOINTS = [(outcome, visit) for outcome in ("ctx", "p1np") for visit in VISITS]
SUBGROUPS = {  # slope of the marker; SD of the treated in the upper stratum; shift of all treated, and of those in that stratum
    "no effect": (0.0, 1.0, 0.0, 0.0),
    "marker prognostic": (0.7, 1.0, 0.0, 0.0),
    "twice the SD in treated T3": (0.0, 2.0, 0.0, 0.0),
    "effect in all participants of 0.5 SD": (0.0, 1.0, 0.5, 0.0),
    "effect in T3 of 0.5 SD": (0.0, 1.0, 0.0, 0.5),
    "effect in T3 of 1 SD": (0.0, 1.0, 0.0, 1.0),
    "effect in T3 of 2 SD": (0.0, 1.0, 0.0, 2.0),
}


@dataclass(frozen=True)
class SimulatedTrial:
    """One trial: changes of shape (women, endpoints), markers of shape (women, 2)."""

    values: np.ndarray
    markers: np.ndarray
    is_first: np.ndarray
    is_upper: np.ndarray
    rng: np.random.Generator


def subgroup_p_values(rng, slope, spread, shift, shift_upper):
    """Return the P-values of interaction tests, of best cutoffs and of several comparisons in the upper stratum."""
    marker, is_upper = np.sort(rng.normal(size=WOMEN)), np.arange(WOMEN) >= 39
    is_first = np.zeros(WOMEN, dtype=bool)
    is_first[rng.permutation(39)[:20]] = True
    is_first[39 + rng.permutation(21)[:10]] = True
    second_marker = 0.7 * marker + np.sqrt(1 - 0.7**2) * rng.normal(size=WOMEN)
    is_treated_upper = is_first & is_upper
    values = np.sqrt(0.5) * rng.normal(size=(WOMEN, 1)) + np.sqrt(0.5) * rng.normal(size=(WOMEN, len(ENDPOINTS)))
    values = slope * marker[:, None] + values * np.where(is_treated_upper, spread, 1.0)[:, None]
    values[:, 0] += shift * is_first + shift_upper * is_treated_upper
    trial = SimulatedTrial(values, np.column_stack([marker, second_marker]), is_first, is_upper, rng)
    return interaction_p_values(trial) | best_cut_p_values(trial) | multiplicity_p_values(trial)


def interaction_p_values(trial):
    """Test the interaction of treatment with two strata, and with the continuous marker."""
    values, is_first, is_upper = trial.values[:, 0], trial.is_first, trial.is_upper
    effects = [mann_whitney_effect(values[is_first & s], values[~is_first & s]) for s in (is_upper, ~is_upper)]
    permuted = permuted_strata_p(values, is_first, is_upper, permutations=PERMUTATIONS, seed=trial.rng)
    return {
        "interaction: placements, t": effect_difference(*effects, confidence=0.95).p,
        "interaction: subgroup labels permuted": permuted.p,
        "interaction: arm x marker, HC3": marker_interaction(values, trial.markers[:, 0], is_first, confidence=0.95).p,
    }


def best_cut_p_values(trial):
    """Search the best cutoff of the first marker at the visit with the effect, and among two markers and two visits."""
    robustness = Robustness(permutations=PERMUTATIONS, seed=int(trial.rng.integers(2**31)))
    participants = np.array([f"A{i}" for i in range(WOMEN)], dtype=object)
    everyone = np.ones(WOMEN, dtype=bool)  # is linked and has an arm
    comparisons = []
    for endpoint, (outcome, visit) in enumerate(ENDPOINTS[:2]):
        for marker, amount in zip(TRIAL.markers, trial.markers.T, strict=True):
            labels = (outcome, ANALYSIS.measure, visit, marker, "", TRIAL.contrast, participants, everyone)
            values = [trial.values[:, endpoint]] * 3  # of the fields value, baseline and ratio
            comparisons.append(Comparison(*labels, trial.is_first, everyone, *values, participants, amount))
    table, _ = best_cuts(divide_comparisons(comparisons, ANALYSIS, robustness), TRIAL, ANALYSIS, robustness)
    first_search = table.iloc[:2]
    return {
        "best cutoff: unadjusted P": first_search["p"].min(),
        "best cutoff: corrected, above": first_search["p_best_of_side"].iloc[0],
        "best cutoff: corrected, both sides": first_search["p_best_of_both"].min(),
        "best cutoff: corrected, 2 markers x 2 visits": table["p_best_of_family"].min(),
    }


def multiplicity_p_values(trial):
    """Adjust the smallest P of six comparisons within the upper stratum."""
    values = np.where(trial.is_upper[:, None], trial.values, np.nan)
    p = asymptotic_columns(values, trial.is_first, continuity=False).p
    design, labels = Design(values), labels_for(trial.is_first, PERMUTATIONS, int(trial.rng.integers(2**31)))
    counts = StepDown(design.observed(trial.is_first).z)
    for block in permuted_blocks(design, labels):
        counts.add(block)
    return {
        "T3, smallest of 6: unadjusted": p.min(),
        "T3, smallest of 6: Holm": adjust_p(p, "holm").min(),
        "T3, smallest of 6: max-T": counts.p(labels.p).p.min(),
    }


# Multiverse: as in config.yaml with one variant of the test; as many values are missing as in the trial (one after 4 weeks,
# four after 20). Log ratios follow t distributions with 4 degrees of freedom and are correlated within a woman. An effect
# shifts the log ratios of the treated at 2 and 4 weeks by a multiple of their standard deviation.

SD = 0.25  # of a log ratio
DIRECTION = {"higher": 1.0, "lower": -1.0}
FAMILIES = ("whole multiverse", "all participants", "subgroups")
MULTIVERSE = {  # shift in the upper third of the first marker, and in all participants, in SD
    "no effect": (0.0, 0.0),
    "1 SD in the upper third": (1.0, 0.0),
    "2 SD in the upper third": (2.0, 0.0),
    "0.5 SD in all participants": (0.0, 0.5),
}


def simulate_values(rng, upper_shift, shift, choices):
    """Return the raw values of one trial, a row per woman and a column per variable, visit and measure."""
    is_first = np.arange(WOMEN) < 30
    log_markers = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], size=WOMEN)
    values = {
        (marker, BASELINE, VALUE): np.exp(logs) for marker, logs in zip(TRIAL.markers, log_markers.T, strict=True)
    }
    first_marker = next(iter(values.values()))
    is_upper = first_marker >= np.quantile(first_marker, 2 / 3)
    dropouts = rng.permutation(WOMEN)[:4]
    for outcome, direction in choices.outcomes.items():
        baseline = values[outcome, BASELINE, VALUE] = np.exp(rng.normal(3.5, 0.4, WOMEN))
        woman_effect = rng.standard_t(4, WOMEN)
        for visit in VISITS:
            noise = (woman_effect + rng.standard_t(4, WOMEN)) / 2  # each has variance 2, so the result has variance 1
            effect = is_first * (upper_shift * is_upper + shift) * (visit != "week_20")
            change = SD * (noise + DIRECTION[direction] * effect)
            values[outcome, visit, VALUE] = np.round(baseline * np.exp(change), 1)
        values[outcome, "week_4", VALUE][dropouts[:1]] = np.nan
        values[outcome, "week_20", VALUE][dropouts] = np.nan
    return pd.DataFrame(values), pd.Series(np.where(is_first, *TRIAL.analysed_arms))


def multiverse_p_values(rng, upper_shift, shift):
    """Return the P of each family and summary, and the smallest adjusted P of all specifications."""
    choices = ROBUSTNESS.multiverse.model_copy(update={"tests": ["normal"]})
    values, arms = simulate_values(rng, upper_shift, shift, choices)
    multiverse = combine_choices(values, arms, TRIAL, ANALYSIS, ROBUSTNESS.model_copy(update={"multiverse": choices}))
    multiverse = replace(multiverse, families={name: multiverse.families[name] for name in FAMILIES})
    counts = count_permutations(multiverse, permutations=PERMUTATIONS, seed=int(rng.integers(2**32)))
    joint_p = counts.labels.p(counts.joint.counts).p
    p_values = {
        f"{family}: {summary.replace('_', ' ')}": joint_p[row, column]
        for column, family in enumerate(FAMILIES)
        for row, summary in enumerate(Joint.SUMMARIES)
    }
    return p_values | {"smallest max-T adjusted P": np.nanmin(counts.step_down.p(counts.labels.p).p)}


STUDIES = {"subgroups": (SUBGROUPS, subgroup_p_values), "multiverse": (MULTIVERSE, multiverse_p_values)}


def simulate(study, trials, shard, shards):
    """Count the rejections in every ``shards``-th trial; a row is a scenario, test and level."""
    scenarios, compute_p_values = STUDIES[study]
    trial_numbers = range(shard - 1, trials, shards)
    rejected, undefined = Counter(), Counter()
    for index, (scenario, parameters) in enumerate(scenarios.items()):
        for number in trial_numbers:
            rng = np.random.default_rng([ROBUSTNESS.seed, index, number])
            for test, p in compute_p_values(rng, *parameters).items():
                undefined[scenario, test] += bool(np.isnan(p))
                for level in LEVELS:
                    rejected[scenario, test, level] += bool(p <= level + 1e-12)
        print(f"{study}: {scenario}: {len(trial_numbers)} trials", file=sys.stderr, flush=True)
    rows = [
        {"scenario": key[0], "test": key[1], "level": key[2], "trials": len(trial_numbers), "rejected": n}
        | {"undefined": undefined[key[:2]]}
        for key, n in rejected.items()
    ]
    return pd.DataFrame(rows)


def render_table(parts):
    """Return the rejection rates of all parts as Markdown: a row per test, a column per scenario."""
    total = pd.concat([pd.read_csv(part) for part in parts])
    total = total.groupby(["scenario", "test", "level"], sort=False).sum()
    rates = (total["rejected"] / total["trials"]).map("{:.3f}".format).unstack("level").agg(" / ".join, axis=1)
    scenarios, tests = (total.index.unique(level) for level in ("scenario", "test"))
    cells = rates.unstack("scenario").loc[tests, scenarios]
    lines = [f"| test | {' | '.join(cells.columns)} |", f"|---|{'---|' * cells.shape[1]}"]
    lines += [f"| {test} | {' | '.join(row)} |" for test, row in zip(cells.index, cells.to_numpy(), strict=True)]
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
        print(render_table(arguments.parts), end="")
        return
    if not 1 <= arguments.shard <= arguments.shards <= arguments.trials or not arguments.output:
        raise UserError("expected --output, and 1 <= --shard <= --shards <= --trials")
    rejections = simulate(arguments.what, arguments.trials, arguments.shard, arguments.shards)
    write_csv(rejections, arguments.output)


if __name__ == "__main__":
    main()
