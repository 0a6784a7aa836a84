"""The comparisons of arms that an analysis makes, as arrays with a row per participant."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..changes import BEYOND_FENCE, EXCLUDED
from ..results_table import ALL_PARTICIPANTS, COLUMNS

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis
    from ..stats.estimate import Estimate
    from ..trial import Trial

TOO_FEW = "too few participants"
_ARRAYS = ("participant", "linked", "is_first", "value", "baseline", "log_ratio")


@dataclass(frozen=True)
class Comparison:
    """Two arms, one outcome and visit, all participants or one stratum; arrays have a row per participant.

    Participants whom the analysis excludes, and values that it trims, are not in it; participants without a value are,
    with NaN.
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
        """Outcome to contrast, the first columns of the tables."""
        return (self.outcome, self.measure, self.visit, self.marker, self.stratum, self.contrast)

    @property
    def place(self) -> tuple[str, str, str]:
        """Outcome, measure and visit."""
        return (self.outcome, self.measure, self.visit)

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
        arrays = {name: getattr(self, name)[rows] for name in _ARRAYS}
        return replace(self, marker=marker or self.marker, stratum=stratum or self.stratum, **arrays)


@dataclass(frozen=True)
class Stratified:
    """A comparison of all participants with the strata of one marker."""

    overall: Comparison
    marker: str
    stratum: np.ndarray  # label per participant, "" where not assigned
    marker_value: np.ndarray

    def stratum_of(self, label: str) -> Comparison:
        """Return the comparison within one stratum."""
        return self.overall.within(self.stratum == label, self.marker, label)


def overall(changes: pd.DataFrame, trial: Trial, analysis: Analysis) -> Iterator[Comparison]:
    """Yield the comparison of all participants for each outcome and visit of which there are changes."""
    for comparison, _, stratum in _comparisons(changes, trial, analysis):
        known = comparison.linked | (stratum == "")
        if known.any():
            yield comparison.within(known, stratum=ALL_PARTICIPANTS)


def whole(changes: pd.DataFrame, trial: Trial, analysis: Analysis) -> Iterator[Comparison]:
    """Yield each outcome and visit with all of its rows, those of panels that show one stratum included."""
    return (comparison for comparison, _, _ in _comparisons(changes, trial, analysis))


def stratified(changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis) -> Iterator[Stratified]:
    """Yield each outcome and visit once per marker, with the strata of those who have one.

    A panel without ids states the strata of its rows itself.
    """
    assigned = {marker: part.set_index("participant") for marker, part in strata.groupby("marker", sort=False)}
    markers = [m for m in trial.markers if m in assigned or m in set(changes["marker"])]
    for comparison, marker, stratum in _comparisons(changes, trial, analysis):
        for own in markers:
            label = np.where(~comparison.linked & (marker == own), stratum, "").astype(object)
            amount = np.full(label.size, np.nan)
            if own in assigned:
                place = assigned[own].index.get_indexer(comparison.participant)
                known = comparison.linked & (place >= 0)
                label[known] = assigned[own]["stratum"].to_numpy(object)[place[known]]
                amount[known] = assigned[own]["marker_value"].to_numpy(float)[place[known]]
            yield Stratified(comparison, own, label, amount)


def all_comparisons(changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis) -> list[Comparison]:
    """List the comparisons of all participants and within each stratum of each marker, where both arms have a value."""
    found = list(overall(changes, trial, analysis))
    for entry in stratified(changes, strata, trial, analysis):
        found += [entry.stratum_of(label) for label in analysis.strata.labels]
    return [comparison for comparison in found if min(comparison.counts())]


def matrix_of(comparisons: Iterable[Comparison]) -> tuple[np.ndarray, dict[str, int], np.ndarray]:
    """Return whose arm is first, the row of each participant, and the values, shape (participants, comparisons)."""
    comparisons = list(comparisons)
    is_first = {
        person: first for c in comparisons for person, first in zip(c.participant, c.is_first, strict=True)
    }  # in order of appearance
    row = {person: number for number, person in enumerate(is_first)}
    values = np.full((len(row), len(comparisons)), np.nan)
    for column, c in enumerate(comparisons):
        values[[row[person] for person in c.participant], column] = c.value
    return np.array(list(is_first.values()), dtype=bool), row, values


def table(rows: list[tuple]) -> pd.DataFrame:
    """Make a table with the columns of the results out of rows."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n_first": "Int64", "n_second": "Int64"})


def rows_of(key: tuple, n: tuple, method: str, reason: str = "", **statistics: float) -> list[tuple]:
    """Return rows of the results with one key (outcome to group), one for each statistic."""
    return [(*key, name, value, *n, method, reason) for name, value in statistics.items()]


def estimate_rows(key: tuple, name: str, found: Estimate, n: tuple[int, int], method: str, reason: str) -> list[tuple]:
    """Return rows of an estimate: itself, the limits of its interval, and P."""
    limits = {f"{name}_lower": found.lower, f"{name}_upper": found.upper}
    return rows_of(key, n, method, reason, **{name: found.estimate}, **limits, p=found.p)


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return random numbers of one test: they depend on the seed and on the test's name, not on what else is computed."""
    return np.random.default_rng([seed, zlib.crc32("\n".join(names).encode())])


def _comparisons(
    changes: pd.DataFrame, trial: Trial, analysis: Analysis
) -> Iterator[tuple[Comparison, np.ndarray, np.ndarray]]:
    """Yield each outcome and visit with all of its rows, and the marker and stratum that panels state."""
    chosen = changes[changes["measure"].eq(analysis.measure) & ~changes["reason"].isin([EXCLUDED, BEYOND_FENCE])]
    columns = {name: chosen[name].to_numpy(object) for name in ("participant", "marker", "stratum")}
    columns["linked"] = chosen["linked"].to_numpy(bool)
    columns["is_first"] = chosen["arm"].eq(next(iter(trial.analysed_arms))).to_numpy(bool)
    columns |= {name: chosen[name].to_numpy(float) for name in ("value", "baseline")}
    columns["log_ratio"] = _log_ratio(
        columns["value"], columns["baseline"], chosen["follow_up"].to_numpy(float), analysis.measure
    )
    groups = chosen.groupby(["outcome", "visit"], sort=False).indices
    for outcome, visit in chosen[["outcome", "visit"]].drop_duplicates().itertuples(index=False):
        rows = groups[outcome, visit]
        arrays = {name: columns[name][rows] for name in _ARRAYS}
        comparison = Comparison(outcome, analysis.measure, visit, "", "", trial.contrast, **arrays)
        yield comparison, columns["marker"][rows], columns["stratum"][rows]


def _log_ratio(value: np.ndarray, baseline: np.ndarray, follow_up: np.ndarray, measure: str) -> np.ndarray:
    """Return log(follow-up / baseline), from the change itself where it says so, so that winsorised values stay so."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "log_ratio":
            return value
        ratio = 1 + value / 100 if measure == "percent_change" else np.where(baseline > 0, follow_up / baseline, np.nan)
        return np.log(np.where(ratio > 0, ratio, np.nan))
