"""Every reported number recomputed from a workbook with pandas and scipy alone: no code of the package is used here."""

import itertools
import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd
import yaml
from scipy import stats

PUBLISHED = Path("data/published")
MARKERS = ("p16_variant_5", "p16_variant_1+5")
# The one reported number that the cohort leaves aside, as its first sheet says.
READ_OTHERWISE = {("p1np", "week_4", "d_q", "1480"): "148.0"}
PARTS = {
    "median_iqr": {"center": 0.5, "lower": 0.25, "upper": 0.75},
    "median_range": {"center": 0.5, "lower": 0.0, "upper": 1.0},
    "range": {"lower": 0.0, "upper": 1.0},
    "count_percent": {"center": pd.Series.sum, "lower": lambda sample: 100 * sample.mean()},
    "mean_sd": {"value": pd.Series.mean, "spread": pd.Series.std},
}


def rounds_to(value: float, reported: str) -> bool:
    """Half to even or half up, at the reported decimals; twelve digits, so that binary noise makes no tie."""
    target, exact = Decimal(reported), Decimal(f"{value:.12g}")
    step = Decimal(1).scaleb(min(0, target.as_tuple().exponent))
    return any(exact.quantize(step, rounding=rule) == target for rule in (ROUND_HALF_EVEN, ROUND_HALF_UP))


def _published(name: str) -> pd.DataFrame:
    frame = pd.read_csv(PUBLISHED / f"{name}.csv", dtype=str, keep_default_na=False)
    if name == "registry_baseline":
        frame = frame[frame["group"].ne("total")].assign(measure="baseline", stratum="all")
    if name != "correlations":
        frame = frame[frame["outcome"].ne("sasp_composite") & frame.get("group", frame["outcome"]).ne("fisetin")]
    return frame


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
            key = keys.get(label) or keys[header], (visit or "baseline").replace(" ", "_")
            self.columns[key] = column if column.dtype.kind in "if" else column.eq("yes")
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
    cohort, found = Cohort(path), []
    for row, what, relation, reported, value in (*_groups(cohort), *_tests(cohort), *_ages(cohort)):
        if reported:
            agrees = {"=": rounds_to(value, reported), "<": value < float(reported), ">": value > float(reported)}
            found.append((" ".join([*row[2:8], what]), f"{relation} {reported}", value, agrees[relation]))
    return found


def _groups(cohort):
    tables = (_published(name).itertuples() for name in ("summaries", "ranges", "registry_baseline", "counts"))
    for row in itertools.chain(*tables):
        sample = cohort.sample(row, row.stratum, row.group)
        yield row, "n", "=", row.n, len(sample)
        for field, part in PARTS[row.statistic].items() if "statistic" in row._fields else ():
            reported = getattr(row, field)
            reported = READ_OTHERWISE.get((row.outcome, row.visit, row.group, reported), reported)
            yield row, field, "=", reported, part(sample) if callable(part) else sample.quantile(part)


def _tests(cohort):
    for row in _published("tests").itertuples():
        if row.test == "chi_squared":
            table = pd.crosstab(cohort.arm, cohort.columns[row.outcome, "baseline"])
            yield row, "P", "=", row.p, stats.chi2_contingency(table, correction=False).pvalue
            continue
        of_strata = "vs" in row.stratum
        sides = [(side, "all") if of_strata else (row.stratum, side) for side in row.contrast.split(" - ")]
        samples = [cohort.sample(row, *side) for side in sides]
        p = stats.mannwhitneyu(*samples, use_continuity=False, method="asymptotic").pvalue
        yield row, "P", row.p_relation, row.p, p
        difference = samples[0].median() - samples[1].median()
        yield row, "effect", "=", row.effect, difference
        if row.direction:
            yield row, "direction", "<" if row.direction == "negative" else ">", "0", difference
        for reported, sample in zip((row.n_d_q, row.n_control), samples, strict=True):
            yield row, "n", "=", reported, len(sample)


def _ages(cohort):
    """Markers and age, in the participants and in the population sample."""
    age = cohort.population["Age (years)"]
    found = {"participants": 60, "population": len(age), "population_under_60": (age < 60).sum()}
    found["population_over_60"] = (age >= 60).sum()
    for row in _published("correlations").itertuples():
        yield row, "n", "=", row.n, int(found[row.group])
        if row.r:
            rho, p = stats.spearmanr(cohort.columns[row.marker, "baseline"], cohort.columns["age", "baseline"])
            yield row, "rho", "=", row.r, rho
            yield row, "P", row.p_relation, row.p, p
