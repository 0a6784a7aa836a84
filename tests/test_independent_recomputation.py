"""Every reported value is recomputed from the bundled workbook with pandas and scipy alone: no code of the package is used."""

import itertools
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd
import yaml
from scipy import stats

# The one reported value that the cohort does not meet; its first sheet says so.
KNOWN_ERRORS = {("p1np", "week_4", "d_q", "1480"): "148.0"}
# The columns of each reported statistic: a quantile of type 7, or a function of the sample.
STATISTICS = {
    "median_iqr": {"center": 0.5, "lower": 0.25, "upper": 0.75},
    "median_range": {"center": 0.5, "lower": 0.0, "upper": 1.0},
    "range": {"lower": 0.0, "upper": 1.0},
    "count_percent": {"center": pd.Series.sum, "lower": lambda sample: 100 * sample.mean()},
    "mean_sd": {"value": pd.Series.mean, "spread": pd.Series.std},
}


def rounds_to(value: float, reported: str) -> bool:
    """Return whether a value rounds to the reported decimals, half up or half to even; the twelfth digit is binary noise."""
    target, exact = Decimal(reported), Decimal(f"{value:.12g}")
    step = Decimal(1).scaleb(min(0, target.as_tuple().exponent))
    return any(exact.quantize(step, rounding=rule) == target for rule in (ROUND_HALF_EVEN, ROUND_HALF_UP))


def read_published(name: str) -> pd.DataFrame:
    """Read a table of reported values, without what no participant of the workbook can give."""
    frame = pd.read_csv(f"data/published/{name}.csv", dtype=str, keep_default_na=False)
    if name == "registry_baseline":
        frame = frame[frame["group"].ne("total")].assign(measure="baseline", stratum="all")
    if name != "correlations":
        frame = frame[frame["outcome"].ne("sasp_composite") & frame.get("group", frame["outcome"]).ne("fisetin")]
    return frame


class Cohort:
    """The sheets of the workbook, with columns named by outcome and visit."""

    def __init__(self):
        trial = yaml.safe_load(Path("data/trial.yaml").read_text(encoding="utf-8"))
        keys = {entry["label"]: key for part in ("outcomes", "markers") for key, entry in trial[part].items()}
        sheets = pd.read_excel("data/reconstructed.xlsx", sheet_name=None, engine="openpyxl")
        participants, sasp = (sheets[name].set_index("ID") for name in ("Participants", "SASP"))
        assert (participants["Arm"] == sasp["Arm"]).all()
        self.arm = participants["Arm"].map({"Control": "control", "D+Q": "d_q"})
        self.columns = {}
        for header, column in [*participants.drop(columns="Arm").items(), *sasp.drop(columns="Arm").items()]:
            label, visit = re.fullmatch(r"(.*?)(?: (baseline|week \d+))?(?: \([^()]*\))?", header).groups()
            key = keys.get(label) or keys[header], (visit or "baseline").replace(" ", "_")
            self.columns[key] = column if column.dtype.kind in "if" else column.eq("yes")
        self.population = sheets["p16 by age"]
        markers = {marker: self.columns[marker, "baseline"] for marker in trial["markers"]}
        self.highest = {marker: values >= values.quantile(2 / 3) for marker, values in markers.items()}

    def select(self, row, stratum: str, group: str) -> pd.Series:
        """Return the values of a row's outcome, or their changes, in an arm and a stratum."""
        values = self.columns[row.outcome, row.visit]
        if row.measure != "baseline":
            baseline = self.columns[row.outcome, "baseline"]
            values = (100 * (values - baseline) / baseline).map(lambda value: float(f"{value:.10g}"))
        selected = self.arm.eq(group) if group in ("control", "d_q") else self.arm.notna()
        if stratum in ("T3", "T1/T2"):
            selected &= self.highest[row.marker] if stratum == "T3" else ~self.highest[row.marker]
        return values[selected].dropna()


def recompute(cohort: Cohort) -> list[tuple[str, str, float, bool]]:
    """Return the name, reported text, recomputed value and agreement of every value that participants can give."""
    checked, parts = [], (recompute_groups(cohort), recompute_tests(cohort), recompute_correlations(cohort))
    for row, name, relation, reported, value in itertools.chain(*parts):
        if reported:
            agrees = {"=": rounds_to(value, reported), "<": value < float(reported), ">": value > float(reported)}
            checked.append((" ".join([*row[2:8], name]), f"{relation} {reported}", value, agrees[relation]))
    return checked


def recompute_groups(cohort: Cohort) -> Iterator[tuple]:
    """Yield the sizes, quantiles, means and shares of groups."""
    tables = (read_published(name).itertuples() for name in ("summaries", "ranges", "registry_baseline", "counts"))
    for row in itertools.chain(*tables):
        sample = cohort.select(row, row.stratum, row.group)
        yield row, "n", "=", row.n, len(sample)
        for name, part in STATISTICS[row.statistic].items() if "statistic" in row._fields else ():
            reported = getattr(row, name)
            reported = KNOWN_ERRORS.get((row.outcome, row.visit, row.group, reported), reported)
            yield row, name, "=", reported, part(sample) if callable(part) else sample.quantile(part)


def recompute_tests(cohort: Cohort) -> Iterator[tuple]:
    """Yield P, effects, directions and group sizes of the tests."""
    for row in read_published("tests").itertuples():
        if row.test == "chi_squared":
            table = pd.crosstab(cohort.arm, cohort.columns[row.outcome, "baseline"])
            yield row, "P", "=", row.p, stats.chi2_contingency(table, correction=False).pvalue
            continue
        between_strata = "vs" in row.stratum
        sides = [(side, "all") if between_strata else (row.stratum, side) for side in row.contrast.split(" - ")]
        samples = [cohort.select(row, *side) for side in sides]
        p = stats.mannwhitneyu(*samples, use_continuity=False, method="asymptotic").pvalue
        difference = samples[0].median() - samples[1].median()
        yield row, "P", row.p_relation, row.p, p
        yield row, "effect", "=", row.effect, difference
        if row.direction:
            yield row, "direction", "<" if row.direction == "negative" else ">", "0", difference
        for reported, sample in zip((row.n_d_q, row.n_control), samples, strict=True):
            yield row, "n", "=", reported, len(sample)


def recompute_correlations(cohort: Cohort) -> Iterator[tuple]:
    """Yield the correlations of markers with age in the participants, and the sizes of all groups."""
    age = cohort.population["Age (years)"]
    sizes = {"participants": len(cohort.arm), "population": len(age)}
    sizes |= {"population_under_60": (age < 60).sum(), "population_over_60": (age >= 60).sum()}
    for row in read_published("correlations").itertuples():
        yield row, "n", "=", row.n, int(sizes[row.group])
        if row.r:
            rho, p = stats.spearmanr(cohort.columns[row.marker, "baseline"], cohort.columns["age", "baseline"])
            yield row, "rho", "=", row.r, rho
            yield row, "P", row.p_relation, row.p, p


def test_every_reported_value_follows_from_the_bundled_workbook_and_a_changed_value_contradicts_it():
    cohort = Cohort()
    checked = recompute(cohort)
    assert [check for check in checked if not check[3]] == []
    assert len(checked) > 850
    p1np = cohort.columns["p1np", "week_2"]
    p1np[p1np.idxmax()] *= 3
    assert not all(agrees for *_, agrees in recompute(cohort))
