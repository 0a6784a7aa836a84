"""Every printed number recomputed from a workbook with pandas and scipy alone: nothing of the package is used here."""

import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

PUBLISHED = Path("data/published")
LABELS = {
    "Age": "age",
    "Weight": "weight",
    "BMI": "bmi",
    "Smoker": "smoker",
    "Calcium": "calcium",
    "Phosphorus": "phosphorus",
    "Creatinine": "creatinine",
    "25(OH)D": "vitamin_d_25oh",
    "CTx": "ctx",
    "P1NP": "p1np",
    "Radius BMD": "bmd_radius",
    "Femur neck BMD": "bmd_femur_neck",
    "Lumbar spine BMD": "bmd_lumbar_spine",
    "p16 variant 5": "p16_variant_5",
    "p16 variant 1+5": "p16_variant_1+5",
}
# The one printed number that the cohort leaves aside, as its first sheet says.
READ_OTHERWISE = {("p1np", "week_4", "d_q", "1480"): "148.0"}


def prints_as(value: float, printed: str) -> bool:
    """Half to even or half up, at the printed decimals; twelve digits, so that binary noise makes no tie."""
    target, exact = Decimal(printed), Decimal(f"{value:.12g}")
    step = Decimal(1).scaleb(min(0, target.as_tuple().exponent))
    return any(exact.quantize(step, rounding=rule) == target for rule in (ROUND_HALF_EVEN, ROUND_HALF_UP))


def _key(label: str) -> str:
    plain = label.replace("α", "alpha").replace("γ", "g").lower()
    return "sasp_" + re.sub("[^a-z0-9]", "", plain)


def _published(name: str) -> pd.DataFrame:
    frame = pd.read_csv(PUBLISHED / f"{name}.csv", dtype=str, keep_default_na=False)
    return frame[~frame["outcome"].isin(["sasp_composite"])] if "outcome" in frame else frame


class Cohort:
    """The sheets of a workbook, columns renamed to (outcome, visit)."""

    def __init__(self, path):
        people = pd.read_excel(path, sheet_name="Participants", engine="openpyxl").set_index("ID")
        sasp = pd.read_excel(path, sheet_name="SASP", engine="openpyxl").set_index("ID")
        assert (people["Arm"] == sasp["Arm"]).all()
        self.arm = people["Arm"].map({"Control": "control", "D+Q": "d_q"})
        self.columns = {}
        for frame in (people, sasp):
            for header in frame.columns.drop("Arm"):
                label, visit = re.fullmatch(r"(.*?)(?: (baseline|week \d+))?(?: \([^()]*\))?", header).groups()
                key = LABELS.get(label) or LABELS.get(header) or _key(label)
                self.columns[key, (visit or "baseline").replace(" ", "_")] = frame[header]
        self.population = pd.read_excel(path, sheet_name="p16 by age", engine="openpyxl")
        self.upper = {
            marker: self.columns[marker, "baseline"] >= self.columns[marker, "baseline"].quantile(2 / 3)
            for marker in ("p16_variant_5", "p16_variant_1+5")
        }

    def values(self, outcome, measure, visit):
        column = self.columns[self._resolve(outcome), visit]
        if measure == "baseline":
            return column
        base = self.columns[self._resolve(outcome), "baseline"]
        change = 100 * (column - base) / base
        return change.map(lambda value: float(f"{value:.10g}"))

    def _resolve(self, outcome):
        if (outcome, "baseline") in self.columns:
            return outcome
        return "sasp_" + outcome.removeprefix("sasp_").replace("_", "")

    def members(self, marker, stratum, group):
        chosen = pd.Series(True, index=self.arm.index)
        if group in ("control", "d_q"):
            chosen &= self.arm == group
        if stratum in ("T3", "T1/T2"):
            chosen &= self.upper[marker] if stratum == "T3" else ~self.upper[marker]
        return chosen

    def sample(self, row, stratum, group):
        values = self.values(row.outcome, row.measure, row.visit)
        return values[self.members(row.marker, stratum, group)].dropna()


def checks(path) -> list[tuple[str, str, float, bool]]:
    """Return (what, printed, recomputed, agrees) for every printed number that participants can give."""
    cohort = Cohort(path)
    return [*_summaries(cohort), *_tests(cohort), *_counts(cohort), *_ages(cohort), *_correlations(cohort)]


def _summaries(cohort):
    wanted = {
        "median_iqr": (("center", 0.5), ("lower", 0.25), ("upper", 0.75)),
        "median_range": (("center", 0.5), ("lower", 0.0), ("upper", 1.0)),
    }
    for row in _published("summaries").query("group != 'fisetin'").itertuples():
        name = f"{row.locator} {row.outcome} {row.visit} {row.stratum} {row.group}"
        if row.statistic == "count_percent":
            smokes = cohort.sample(row, "all", row.group) == "yes"
            yield f"{name} count", row.center, int(smokes.sum()), prints_as(smokes.sum(), row.center)
            yield f"{name} percent", row.lower, 100 * smokes.mean(), prints_as(100 * smokes.mean(), row.lower)
            continue
        sample = cohort.sample(row, row.stratum, row.group)
        if row.n:
            yield f"{name} n", row.n, len(sample), len(sample) == int(row.n)
        for field, probability in wanted[row.statistic]:
            printed = getattr(row, field)
            printed = READ_OTHERWISE.get((row.outcome, row.visit, row.group, printed), printed)
            value = sample.quantile(probability)
            yield f"{name} {field}", printed, value, prints_as(value, printed)


def _tests(cohort):
    for row in _published("tests").itertuples():
        name = f"{row.locator} {row.outcome} {row.visit} {row.stratum} {row.contrast}"
        first, second = row.contrast.split(" - ")
        if row.test == "chi_squared":
            table = pd.crosstab(cohort.arm, cohort.values(row.outcome, "baseline", "baseline"))
            p = stats.chi2_contingency(table, correction=False).pvalue
            yield f"{name} P", row.p, p, prints_as(p, row.p)
            continue
        sides = (
            [(first, "all"), (second, "all")] if "vs" in row.stratum else [(row.stratum, first), (row.stratum, second)]
        )
        samples = [cohort.sample(row, *side) for side in sides]
        p = stats.mannwhitneyu(*samples, use_continuity=False, method="asymptotic").pvalue
        agrees = {"=": prints_as(p, row.p), ">": p > float(row.p), "<": p < float(row.p)}[row.p_relation]
        yield f"{name} P", f"{row.p_relation} {row.p}", p, agrees
        difference = samples[0].median() - samples[1].median()
        if row.effect:
            yield f"{name} effect", row.effect, difference, prints_as(difference, row.effect)
        if row.direction:
            agrees = difference < 0 if row.direction == "negative" else difference > 0
            yield f"{name} direction", row.direction, difference, agrees
        for printed, sample in zip((row.n_d_q, row.n_control), samples, strict=True):
            if printed:
                yield f"{name} n", printed, len(sample), len(sample) == int(printed)


def _counts(cohort):
    for row in _published("counts").itertuples():
        found = len(cohort.sample(row, row.stratum, row.group))
        yield f"{row.locator} {row.outcome} {row.visit} {row.stratum} {row.group} n", row.n, found, found == int(row.n)


def _ages(cohort):
    age = cohort.columns["age", "baseline"]
    for row in _published("ranges").itertuples():
        for printed, value in ((row.lower, age.min()), (row.upper, age.max())):
            yield f"{row.locator} {row.outcome} range", printed, value, prints_as(value, printed)
    for row in _published("registry_baseline").query("group in ['d_q', 'control']").itertuples():
        sample = age[cohort.arm == row.group]
        yield f"registry {row.outcome} {row.group} mean", row.value, sample.mean(), prints_as(sample.mean(), row.value)
        yield f"registry {row.outcome} {row.group} SD", row.spread, sample.std(), prints_as(sample.std(), row.spread)


def _correlations(cohort):
    age = cohort.population["Age (years)"]
    found = {"participants": 60, "population": len(age), "population_under_60": (age < 60).sum()}
    found["population_over_60"] = (age >= 60).sum()
    for row in _published("correlations").itertuples():
        n = int(found[row.group])
        yield f"{row.locator} n", row.n, n, n == int(row.n)
        if row.r:
            rho, p = stats.spearmanr(cohort.columns[row.marker, "baseline"], cohort.columns["age", "baseline"])
            yield f"{row.locator} rho", row.r, rho, prints_as(rho, row.r)
            yield f"{row.locator} P", f"{row.p_relation} {row.p}", p, p < float(row.p)


def finite_share(path) -> float:
    """Share of the expected values that are there: guards against a table of blanks that passes by emptiness."""
    return float(np.mean([column.notna().mean() for column in Cohort(path).columns.values()]))
