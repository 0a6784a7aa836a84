"""What goes together within a woman: the soft goals, as a cohort reaches them."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from .cohort import BASELINE, Cohort
from .plan import Plan


def correlations(cohort: Cohort, plan: Plan) -> dict[str, float]:
    """Return Spearman correlations by name: visits with each other, variables, markers and age, SASP proteins."""
    value = cohort.values
    label = {key: given["label"] for key, given in (plan.outcomes | plan.trial_markers).items()}
    result = {}
    for outcome in plan.outcomes:
        if plan.family(outcome) in ("turnover", "bmd"):
            for visit in plan.visits(outcome):
                name = f"{label[outcome]}: baseline with {visit.replace('_', ' ')}"
                result[name] = _rho(value(outcome, BASELINE), value(outcome, visit))
            between = [_rho(value(outcome, a), value(outcome, b)) for a, b in combinations(plan.visits(outcome), 2)]
            if between:
                result[f"{label[outcome]}: later visits with each other (mean)"] = float(np.mean(between))
    for first, second in (("weight", "bmi"), ("ctx", "p1np"), ("bmd_femur_neck", "bmd_lumbar_spine")):
        result[f"{label[first]} with {label[second]}"] = _rho(value(first, BASELINE), value(second, BASELINE))
    markers = list(cohort.markers)
    result[" with ".join(label[key] for key in markers)] = _rho(*(cohort.markers[key] for key in markers))
    for key in markers:
        result[f"{label[key]} with age"] = _rho(cohort.markers[key], value("age", BASELINE))
        result[f"{label[key]} with age, population sample"] = _rho(cohort.population[key], cohort.population["age"])
    proteins = [key for key in plan.outcomes if plan.family(key) == "sasp"]
    among = [
        _rho(value(first, BASELINE), value(second, BASELINE))
        for number, first in enumerate(proteins)
        for second in proteins[:number]
    ]
    result["SASP proteins with each other (mean)"] = float(np.mean(among))
    follow = [_rho(value(key, BASELINE), value(key, "week_2")) for key in proteins]
    result["SASP proteins: baseline with week 2 (median)"] = float(np.median(follow))
    return result


def describe(cohort: Cohort, plan: Plan) -> list[str]:
    """Return lines that tell the seconds and the correlations of a cohort."""
    lines = [f"seed {cohort.seed}: {cohort.seconds:.1f} s; Spearman correlations within women:"]
    return lines + [f"  {rho:5.2f}  {name}" for name, rho in correlations(cohort, plan).items()]


def _rho(first: np.ndarray, second: np.ndarray) -> float:
    from ..stats.categorical import spearman

    both = ~np.isnan(first) & ~np.isnan(second)
    return float(spearman(first[both], second[both]).r)
