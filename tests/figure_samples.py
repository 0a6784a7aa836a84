"""A small study with numbers that no calculation on its points would give, so that a computed statistic shows."""

from collections import Counter

import pandas as pd
from pipeline import LABEL, TRIAL

from d_q_trial.config.settings import Analysis
from d_q_trial.figures.study import Study
from d_q_trial.participants import age_groups
from d_q_trial.results_table import Numbers

ANALYSIS = Analysis(name="published", workbook="x.xlsx", marker="p16_variant_5")
WORDS = {"test": "rank-sum test", "change": "Percent change", "treated": "D+Q", "control": "Control"}
WORDS |= {"highest": "T3", "lowest": "T1/T2", "marker": "p16 variant 5"}
MARKER, VISIT = "p16_variant_5", "week_20"

# One control participant lies far beyond all others.
POINTS = {"control": [-20.0, -10.0, 0.0, 10.0, 1480.0], "d_q": [-5.0, 5.0, 15.0, 25.0, 35.0, 45.0]}
FINISHED = {"n": {"control": 105, "d_q": 106}, "median": {"control": 3.3, "d_q": 17.7}}  # n is not that of the points
FINISHED |= {"q1": {"control": -11.1, "d_q": 6.6}, "q3": {"control": 12.2, "d_q": 33.9}}
P = 0.0314


def number(outcome, measure, visit, statistic, value, *, stratum="all", n="", **where):
    row = dict.fromkeys(("marker", "contrast", "group", "n_second", "method", "reason"), "") | where
    row |= {"outcome": outcome, "measure": measure, "visit": visit, "stratum": stratum, "n_first": str(n)}
    return row | {"statistic": statistic, "value": str(value)}


def numbers(key, found, **where):
    """A row for each statistic that is found at (outcome, measure, visit)."""
    return [number(*key, statistic, value, **where) for statistic, value in found.items()]


def summaries(*key, **where):
    rows = [number(*key, name, of[arm], group=arm, **where) for name, of in FINISHED.items() for arm in of]
    return [number(*key, "p", P, contrast="d_q - control", **where), *rows]


def point(participant, arm, outcome, value, visit, measure="percent_change", linked=True, marker="", stratum=""):
    row = {"participant": participant, "linked": linked, "arm": arm, "marker": marker, "stratum": stratum}
    return row | {"outcome": outcome, "measure": measure, "visit": visit, "value": value}


def study(label=LABEL, flow=(), changes=None, **changed) -> Study:
    """CTx at 20 weeks in everybody and by stratum; sclerostin at baseline; p16 against age."""
    points, strata, people = [point("gone", "d_q", "ctx", None, VISIT)], [], []
    for arm, values in POINTS.items():
        for index, value in enumerate(values):
            name, stratum = f"{arm}-{index}", "T3" if index % 2 else "T1/T2"
            points.append(point(name, arm, "ctx", value, VISIT))
            points.append(point(name, arm, "sasp_sclerostin", 900 + value, "baseline", "baseline"))
            strata.append({"participant": name, "marker": MARKER, "stratum": stratum, "arm": arm})
            people.append(("trial", arm, 60.0 + index, 1.0 + index))
    people += [("population", "", age, age / 10) for age in (30.0, 59.0, 60.0, 80.0)]
    people.append(("trial", "fisetin", 70.0, 9.0))
    known = pd.DataFrame(people, columns=["cohort", "arm", "age", MARKER]).rename_axis("participant").reset_index()
    known = known.melt(["cohort", "arm", "participant"]).assign(linked=True, visit="baseline")
    rows, baseline = summaries("ctx", "percent_change", VISIT), ("sasp_sclerostin", "baseline", "baseline")
    for stratum in ("T3", "T1/T2"):
        where, found = {"marker": MARKER, "stratum": stratum}, {"n": 77, "median": 930.5, "q1": 905.5, "q3": 940.5}
        rows += summaries("ctx", "percent_change", VISIT, **where)
        rows += numbers(baseline, found, group="both arms", **where)
    rows += numbers(baseline, {"p": 0.0004}, marker=MARKER, stratum="", contrast="T3 - T1/T2")
    groups = {"population": 0.25, "population_under_60": 0.35, "population_over_60": 0.45, "participants": 0.51}
    for group, r in groups.items():
        where = {"contrast": "age", "group": group, "n": 228}
        rows += numbers((MARKER, "correlation", "baseline"), {"spearman_r": r, "p": 0.0004}, **where)
    fields = {"numbers": Numbers(rows), "changes": pd.DataFrame(points if changes is None else changes)}
    fields |= {"strata": pd.DataFrame(strata), "people": age_groups(known, TRIAL)}
    fields |= {"enrolled": Counter(arm for cohort, arm, *_ in people if cohort == "trial"), "flow": flow}
    fields |= {"trial": TRIAL, "strata_labels": ("T1/T2", "T3"), "marker": MARKER, "measure": "percent_change"}
    return Study(**{"label": label} | fields | changed)
