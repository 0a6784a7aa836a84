"""The comparisons of arms that an analysis makes, with each participant's raw values at hand."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..changes import BEYOND_FENCE, EXCLUDED, NUMERIC
from ..files import read_csv
from ..results import COLUMNS, EVERYBODY

if TYPE_CHECKING:
    import pandas as pd

    from ..settings import Analysis
    from ..stats.estimate import Estimate
    from ..trial import Trial


TOO_FEW = "too few participants"


@dataclass(frozen=True)
class Comparison:
    """Two arms, one outcome and visit, everybody or one stratum; arrays have a row per participant, NaN where missing.

    Participants whom the analysis excludes, and values that it trims, are not in it; those who have no value are.
    """

    outcome: str
    measure: str
    visit: str
    marker: str
    stratum: str
    contrast: str
    participant: np.ndarray
    linked: np.ndarray
    is_first: np.ndarray
    value: np.ndarray  # the change, in the measure of the analysis
    baseline: np.ndarray
    log_ratio: np.ndarray  # log(follow-up / baseline)

    @property
    def key(self) -> tuple[str, ...]:
        """Outcome to contrast, as the tables begin."""
        return (self.outcome, self.measure, self.visit, self.marker, self.stratum, self.contrast)

    def samples(self, values: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of either arm without the missing ones; of ``value`` unless others are given."""
        values = self.value if values is None else values
        present = ~np.isnan(values)
        return values[self.is_first & present], values[~self.is_first & present]

    def counts(self, values: np.ndarray | None = None) -> tuple[int, int]:
        """Return how many participants of either arm have a value."""
        first, second = self.samples(values)
        return first.size, second.size

    def within(self, rows: np.ndarray, marker: str = "", stratum: str = "") -> Comparison:
        """Return the comparison among some of its participants."""
        arrays = ("participant", "linked", "is_first", "value", "baseline", "log_ratio")
        parts = {name: getattr(self, name)[rows] for name in arrays}
        names = (self.outcome, self.measure, self.visit, marker or self.marker, stratum or self.stratum, self.contrast)
        return Comparison(*names, **parts)


@dataclass(frozen=True)
class Stratified:
    """A comparison among everybody with the strata of one marker; see :func:`stratified`."""

    everybody: Comparison
    marker: str
    stratum: np.ndarray  # label per participant of ``everybody``, "" where not assigned
    marker_value: np.ndarray

    def stratum_of(self, label: str) -> Comparison:
        """Return the comparison within one stratum."""
        return self.everybody.within(self.stratum == label, self.marker, label)


def everybody(changes: pd.DataFrame, trial: Trial, analysis: Analysis) -> Iterator[Comparison]:
    """Yield the comparison of the arms among everybody, for each outcome and visit of which there are changes."""
    for rows in _by_outcome_and_visit(changes, analysis):
        known = rows[rows["linked"] | rows["stratum"].eq("")]
        if comparison := _comparison(known, trial, analysis, "", EVERYBODY):
            yield comparison


def stratified(changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis) -> Iterator[Stratified]:
    """Yield each outcome and visit once per marker, with the strata of those who have one."""
    own = {marker: part.set_index("participant") for marker, part in strata.groupby("marker", sort=False)}
    markers = [m for m in trial.markers if m in own or m in set(changes["marker"])]
    for rows in _by_outcome_and_visit(changes, analysis):
        for marker in markers:
            given = rows["stratum"].where(rows["marker"].eq(marker) & ~rows["linked"], "")
            label, amount = given, np.full(len(rows), np.nan)
            if marker in own:
                assigned = rows["participant"].map(own[marker]["stratum"]).where(rows["linked"])
                label = assigned.where(rows["linked"], given).fillna("")
                amount = rows["participant"].map(own[marker]["marker_value"]).where(rows["linked"]).to_numpy(float)
            if comparison := _comparison(rows, trial, analysis, marker, ""):
                yield Stratified(comparison, marker, label.to_numpy(object), amount)


def all_comparisons(changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis) -> list[Comparison]:
    """List the comparisons among everybody and within each stratum of each marker, where both arms have a value."""
    found = list(everybody(changes, trial, analysis))
    for entry in stratified(changes, strata, trial, analysis):
        found += [entry.stratum_of(label) for label in analysis.strata.labels]
    return [comparison for comparison in found if min(comparison.counts())]


def read_changes_and_strata(folder: Path | str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the ``changes.csv`` and ``strata.csv`` of an analysis."""
    folder = Path(folder)
    changes = read_csv(folder / "changes.csv", numeric=NUMERIC)
    changes["linked"] = changes["linked"].eq("True")
    return changes, read_csv(folder / "strata.csv", numeric=("marker_value",))


def table(rows: list[tuple]) -> pd.DataFrame:
    """Make a table with the columns of the results out of rows."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n_first": "Int64", "n_second": "Int64"})


def estimate_rows(key: tuple, name: str, found: Estimate, n: tuple[int, int], method: str, reason: str) -> list[tuple]:
    """Rows of an estimate: itself, the limits of its interval, and P."""
    values = ((name, found.estimate), (f"{name}_lower", found.lower), (f"{name}_upper", found.upper), ("p", found.p))
    return [(*key, statistic, value, *n, method, reason) for statistic, value in values]


def generator(seed: int, *names: str) -> np.random.Generator:
    """Random numbers of one test: they depend on the seed and on the test's name, not on what else is computed."""
    return np.random.default_rng([seed, zlib.crc32("\n".join(names).encode())])


def _by_outcome_and_visit(changes: pd.DataFrame, analysis: Analysis) -> Iterator[pd.DataFrame]:
    chosen = changes[changes["measure"].eq(analysis.measure) & ~changes["reason"].isin([EXCLUDED, BEYOND_FENCE])]
    for _, rows in chosen.groupby(["outcome", "visit"], sort=False):
        yield rows


def _comparison(rows: pd.DataFrame, trial: Trial, analysis: Analysis, marker: str, stratum: str) -> Comparison | None:
    if rows.empty:
        return None
    treated, _ = trial.analysed_arms
    value, baseline, follow_up = (rows[name].to_numpy(float) for name in ("value", "baseline", "follow_up"))
    return Comparison(
        rows["outcome"].iloc[0],
        analysis.measure,
        rows["visit"].iloc[0],
        marker,
        stratum,
        trial.contrast,
        rows["participant"].to_numpy(object),
        rows["linked"].to_numpy(bool),
        rows["arm"].eq(treated).to_numpy(bool),
        value,
        baseline,
        _log_ratio(value, baseline, follow_up, analysis.measure),
    )


def _log_ratio(value: np.ndarray, baseline: np.ndarray, follow_up: np.ndarray, measure: str) -> np.ndarray:
    """Return log(follow-up / baseline), from the change itself where it says so, so that winsorised values stay so."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "log_ratio":
            return value
        ratio = 1 + value / 100 if measure == "percent_change" else np.where(baseline > 0, follow_up / baseline, np.nan)
        return np.log(np.where(ratio > 0, ratio, np.nan))
