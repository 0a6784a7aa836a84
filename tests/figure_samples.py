"""A small study with numbers that no calculation on its points would give, so that a computed statistic shows."""

from d_q_trial.config.settings import Analysis
from d_q_trial.figures.study import Person, Study
from d_q_trial.results_table import Numbers
from d_q_trial.trial import load_trial

TRIAL = load_trial("data/trial.yaml")
ANALYSIS = Analysis(name="published", workbook="x.xlsx", marker="p16_variant_5")
LABEL = "Synthetic data: not the trial's participants"
WORDS = {"test": "rank-sum test", "change": "Percent change", "treated": "D+Q", "control": "Control"}
WORDS |= {"highest": "T3", "lowest": "T1/T2", "marker": "p16 variant 5"}

# One control participant lies far beyond all others.
POINTS = {"control": [-20.0, -10.0, 0.0, 10.0, 1480.0], "d_q": [-5.0, 5.0, 15.0, 25.0, 35.0, 45.0]}
FINISHED = {"median": {"control": 3.3, "d_q": 17.7}, "q1": {"control": -11.1, "d_q": 6.6}}
FINISHED["q3"] = {"control": 12.2, "d_q": 33.9}
COUNTS = {"control": 105, "d_q": 106}  # not the number of points
P = 0.0314


def number(outcome, measure, visit, statistic, value, *, marker="", stratum="all", contrast="", group="", n=""):
    return {
        "outcome": outcome, "measure": measure, "visit": visit, "marker": marker, "stratum": stratum,
        "contrast": contrast, "group": group, "statistic": statistic, "value": str(value), "n_first": str(n),
        "n_second": "", "method": "", "reason": "",
    }  # fmt: skip


def summaries(outcome, measure, visit, **where):
    rows = [number(outcome, measure, visit, "p", P, contrast="d_q - control", **where)]
    for arm in POINTS:
        rows.append(number(outcome, measure, visit, "n", COUNTS[arm], group=arm, **where))
        rows += [
            number(outcome, measure, visit, name, value[arm], group=arm, **where) for name, value in FINISHED.items()
        ]
    return rows


def point(participant, arm, outcome, value, visit, measure="percent_change", linked="True", marker="", stratum=""):
    return {
        "participant": participant, "linked": linked, "arm": arm, "marker": marker, "stratum": stratum,
        "outcome": outcome, "measure": measure, "visit": visit, "value": "" if value is None else str(value),
    }  # fmt: skip


def study(label=LABEL, flow=(), **changed) -> Study:
    """CTx at 20 weeks in everybody and by stratum; sclerostin at baseline; p16 against age."""
    visit, marker = "week_20", "p16_variant_5"
    changes, strata, people = [], [], []
    for arm, values in POINTS.items():
        for index, value in enumerate(values):
            name = f"{arm}-{index}"
            changes.append(point(name, arm, "ctx", value, visit))
            changes.append(point(name, arm, "sasp_sclerostin", 900 + value, "baseline", "baseline"))
            stratum = "T3" if index % 2 else "T1/T2"
            strata.append({"participant": name, "marker": marker, "stratum": stratum, "arm": arm})
            people.append(Person("trial", arm, {"age": 60.0 + index, marker: 1.0 + index}))
    changes.append(point("gone", "d_q", "ctx", None, visit))
    people += [Person("population", "", {"age": age, marker: age / 10}) for age in (30.0, 59.0, 60.0, 80.0)]
    people.append(Person("trial", "fisetin", {"age": 70.0, marker: 9.0}))
    rows = summaries("ctx", "percent_change", visit)
    for stratum in ("T3", "T1/T2"):
        rows += summaries("ctx", "percent_change", visit, marker=marker, stratum=stratum)
        where = {"marker": marker, "stratum": stratum, "group": "both arms"}
        for name, value in {"n": 77, "median": 930.5, "q1": 905.5, "q3": 940.5}.items():
            rows.append(number("sasp_sclerostin", "baseline", "baseline", name, value, **where))
    contrast = {"marker": marker, "stratum": "", "contrast": "T3 - T1/T2"}
    rows.append(number("sasp_sclerostin", "baseline", "baseline", "p", 0.0004, **contrast))
    for group, r in {
        "population": 0.25,
        "population_under_60": 0.35,
        "population_over_60": 0.45,
        "participants": 0.51,
    }.items():
        for statistic, value in (("spearman_r", r), ("p", 0.0004)):
            rows.append(number(marker, "correlation", "baseline", statistic, value, contrast="age", group=group, n=228))
    fields = {
        "trial": TRIAL, "numbers": Numbers(rows), "changes": changes, "strata": strata, "people": people,
        "strata_labels": ("T1/T2", "T3"), "marker": marker, "label": label, "flow": list(flow),
    }  # fmt: skip
    return Study(**(fields | changed))
