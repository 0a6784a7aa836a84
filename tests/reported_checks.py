"""Every reported number recomputed from a workbook with pandas and scipy alone: no code of the package is used here."""

import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy import stats

PUBLISHED = Path("data/published")
MARKERS = ("p16_variant_5", "p16_variant_1+5")
# The one reported number that the cohort leaves aside, as its first sheet says.
READ_OTHERWISE = {("p1np", "week_4", "d_q", "1480"): "148.0"}
PARTS = {
    "median_iqr": (("center", 0.5), ("lower", 0.25), ("upper", 0.75)),
    "median_range": (("center", 0.5), ("lower", 0.0), ("upper", 1.0)),
}


def rounds_to(value: float, reported: str) -> bool:
    """Half to even or half up, at the reported decimals; twelve digits, so that binary noise makes no tie."""
    target, exact = Decimal(reported), Decimal(f"{value:.12g}")
    step = Decimal(1).scaleb(min(0, target.as_tuple().exponent))
    return any(exact.quantize(step, rounding=rule) == target for rule in (ROUND_HALF_EVEN, ROUND_HALF_UP))


def _published(name: str) -> pd.DataFrame:
    frame = pd.read_csv(PUBLISHED / f"{name}.csv", dtype=str, keep_default_na=False)
    return frame[frame["outcome"].ne("sasp_composite") & frame.get("group", frame["outcome"]).ne("fisetin")]


class Cohort:
    """The sheets of a workbook, columns renamed to (outcome, visit)."""

    def __init__(self, path):
        trial = yaml.safe_load(Path("data/trial.yaml").read_text(encoding="utf-8"))
        keys = {entry["label"]: key for part in ("outcomes", "markers") for key, entry in trial[part].items()}
        sheets = pd.read_excel(path, sheet_name=None, engine="openpyxl")
        people, sasp = (sheets[name].set_index("ID") for name in ("Participants", "SASP"))
        assert (people["Arm"] == sasp["Arm"]).all()
        self.arm = people["Arm"].map({"Control": "control", "D+Q": "d_q"})
        self.columns = {}
        for header, column in [*people.drop(columns="Arm").items(), *sasp.drop(columns="Arm").items()]:
            label, visit = re.fullmatch(r"(.*?)(?: (baseline|week \d+))?(?: \([^()]*\))?", header).groups()
            self.columns[keys.get(label) or keys[header], (visit or "baseline").replace(" ", "_")] = column
        self.population = sheets["p16 by age"]
        markers = {marker: self.columns[marker, "baseline"] for marker in MARKERS}
        self.upper = {marker: values >= values.quantile(2 / 3) for marker, values in markers.items()}

    def sample(self, row, stratum, group):
        """Values of a row's outcome, or their changes, in an arm and a stratum."""
        values = self.columns[row.outcome, row.visit]
        if row.measure != "baseline":
            base = self.columns[row.outcome, "baseline"]
            values = (100 * (values - base) / base).map(lambda value: float(f"{value:.10g}"))
        chosen = self.arm.eq(group) if group in ("control", "d_q") else self.arm.notna()
        if stratum in ("T3", "T1/T2"):
            chosen &= self.upper[row.marker] if stratum == "T3" else ~self.upper[row.marker]
        return values[chosen].dropna()


def checks(path) -> list[tuple[str, str, float, bool]]:
    """Return (what, reported, recomputed, agrees) for every reported number that participants can give."""
    cohort = Cohort(path)
    return [*_summaries(cohort), *_tests(cohort), *_counts(cohort), *_ages(cohort), *_correlations(cohort)]


def _summaries(cohort):
    for row in _published("summaries").itertuples():
        name = f"{row.locator} {row.outcome} {row.visit} {row.stratum} {row.group}"
        if row.statistic == "count_percent":
            smokes = cohort.sample(row, "all", row.group) == "yes"
            yield f"{name} count", row.center, int(smokes.sum()), rounds_to(smokes.sum(), row.center)
            yield f"{name} percent", row.lower, 100 * smokes.mean(), rounds_to(100 * smokes.mean(), row.lower)
            continue
        sample = cohort.sample(row, row.stratum, row.group)
        if row.n:
            yield f"{name} n", row.n, len(sample), len(sample) == int(row.n)
        for field, probability in PARTS[row.statistic]:
            reported = getattr(row, field)
            reported = READ_OTHERWISE.get((row.outcome, row.visit, row.group, reported), reported)
            value = sample.quantile(probability)
            yield f"{name} {field}", reported, value, rounds_to(value, reported)


def _tests(cohort):
    for row in _published("tests").itertuples():
        name = f"{row.locator} {row.outcome} {row.visit} {row.stratum} {row.contrast}"
        if row.test == "chi_squared":
            table = pd.crosstab(cohort.arm, cohort.columns[row.outcome, "baseline"])
            p = stats.chi2_contingency(table, correction=False).pvalue
            yield f"{name} P", row.p, p, rounds_to(p, row.p)
            continue
        of_strata = "vs" in row.stratum
        sides = [(side, "all") if of_strata else (row.stratum, side) for side in row.contrast.split(" - ")]
        samples = [cohort.sample(row, *side) for side in sides]
        p = stats.mannwhitneyu(*samples, use_continuity=False, method="asymptotic").pvalue
        agrees = {"=": rounds_to(p, row.p), ">": p > float(row.p), "<": p < float(row.p)}[row.p_relation]
        yield f"{name} P", f"{row.p_relation} {row.p}", p, agrees
        difference = samples[0].median() - samples[1].median()
        if row.effect:
            yield f"{name} effect", row.effect, difference, rounds_to(difference, row.effect)
        if row.direction:
            agrees = difference < 0 if row.direction == "negative" else difference > 0
            yield f"{name} direction", row.direction, difference, agrees
        for reported, sample in zip((row.n_d_q, row.n_control), samples, strict=True):
            if reported:
                yield f"{name} n", reported, len(sample), len(sample) == int(reported)


def _counts(cohort):
    for row in _published("counts").itertuples():
        found = len(cohort.sample(row, row.stratum, row.group))
        yield f"{row.locator} {row.outcome} {row.visit} {row.stratum} {row.group} n", row.n, found, found == int(row.n)


def _ages(cohort):
    age = cohort.columns["age", "baseline"]
    for row in _published("ranges").itertuples():
        for reported, value in ((row.lower, age.min()), (row.upper, age.max())):
            yield f"{row.locator} {row.outcome} range", reported, value, rounds_to(value, reported)
    for row in _published("registry_baseline").query("group != 'total'").itertuples():
        sample = age[cohort.arm == row.group]
        for reported, value in ((row.value, sample.mean()), (row.spread, sample.std())):
            yield f"registry {row.outcome} {row.group} mean or SD", reported, value, rounds_to(value, reported)


def _correlations(cohort):
    age = cohort.population["Age (years)"]
    found = {"participants": 60, "population": len(age), "population_under_60": (age < 60).sum()}
    found["population_over_60"] = (age >= 60).sum()
    for row in pd.read_csv(PUBLISHED / "correlations.csv", dtype=str, keep_default_na=False).itertuples():
        n = int(found[row.group])
        yield f"{row.locator} n", row.n, n, n == int(row.n)
        if row.r:
            rho, p = stats.spearmanr(cohort.columns[row.marker, "baseline"], cohort.columns["age", "baseline"])
            yield f"{row.locator} rho", row.r, rho, rounds_to(rho, row.r)
            yield f"{row.locator} P", f"{row.p_relation} {row.p}", p, p < float(row.p)


def finite_share(path) -> float:
    """Share of the expected values that are there: guards against a table of blanks that passes by emptiness."""
    return float(np.mean([column.notna().mean() for column in Cohort(path).columns.values()]))
