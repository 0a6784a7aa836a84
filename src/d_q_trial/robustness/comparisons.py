"""The comparisons of arms that an analysis makes, with each participant's raw values at hand."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..changes import BEYOND_FENCE, EXCLUDED
from ..results_table import COLUMNS, EVERYBODY

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis
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
    table = _Changes(changes, trial, analysis)
    for rows in table.groups:
        known = rows[table.linked[rows] | (table.stratum[rows] == "")]
        if known.size:
            yield table.comparison(known, "", EVERYBODY)


def whole(changes: pd.DataFrame, trial: Trial, analysis: Analysis) -> Iterator[Comparison]:
    """Yield each outcome and visit with all of its rows, those of panels that show one stratum included."""
    table = _Changes(changes, trial, analysis)
    for rows in table.groups:
        yield table.comparison(rows, "", "")


def stratified(changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis) -> Iterator[Stratified]:
    """Yield each outcome and visit once per marker, with the strata of those who have one."""
    table = _Changes(changes, trial, analysis)
    own = {marker: part.set_index("participant") for marker, part in strata.groupby("marker", sort=False)}
    markers = {
        marker: table.assigned(marker, own.get(marker))
        for marker in trial.markers
        if marker in own or marker in set(changes["marker"])
    }
    for rows in table.groups:
        for marker, (label, amount) in markers.items():
            yield Stratified(table.comparison(rows, marker, ""), marker, label[rows], amount[rows])


def all_comparisons(changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis) -> list[Comparison]:
    """List the comparisons among everybody and within each stratum of each marker, where both arms have a value."""
    found = list(everybody(changes, trial, analysis))
    for entry in stratified(changes, strata, trial, analysis):
        found += [entry.stratum_of(label) for label in analysis.strata.labels]
    return [comparison for comparison in found if min(comparison.counts())]


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


class _Changes:
    """The changes that an analysis compares, as arrays: one pass over the table instead of one per comparison."""

    def __init__(self, changes: pd.DataFrame, trial: Trial, analysis: Analysis):
        chosen = changes[changes["measure"].eq(analysis.measure) & ~changes["reason"].isin([EXCLUDED, BEYOND_FENCE])]
        self._trial, self._analysis = trial, analysis
        self._outcome, self._visit, self._marker, self.stratum = (
            chosen[name].to_numpy(object) for name in ("outcome", "visit", "marker", "stratum")
        )
        self.participant, self.linked = chosen["participant"].to_numpy(object), chosen["linked"].to_numpy(bool)
        self._is_first = chosen["arm"].eq(next(iter(trial.analysed_arms))).to_numpy(bool)
        self._value, self._baseline, follow_up = (
            chosen[name].to_numpy(float) for name in ("value", "baseline", "follow_up")
        )
        self._log_ratio = _log_ratio(self._value, self._baseline, follow_up, analysis.measure)
        number = chosen.groupby(["outcome", "visit"], sort=False).ngroup().to_numpy(int)
        # Rows of each outcome and visit, in order of appearance.
        self.groups = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])
        if not number.size:
            self.groups = []

    def assigned(self, marker: str, own: pd.DataFrame | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the stratum and the marker's value in each row; a panel without ids states the strata of its rows."""
        label = np.where(~self.linked & (self._marker == marker), self.stratum, "").astype(object)
        amount = np.full(label.size, np.nan)
        if own is not None:
            place = own.index.get_indexer(self.participant)
            known = self.linked & (place >= 0)
            label[known] = own["stratum"].to_numpy(object)[place[known]]
            amount[known] = own["marker_value"].to_numpy(float)[place[known]]
        return label, amount

    def comparison(self, rows: np.ndarray, marker: str, stratum: str) -> Comparison:
        """Return the comparison of the arms in some rows of one outcome and visit."""
        return Comparison(
            self._outcome[rows[0]],
            self._analysis.measure,
            self._visit[rows[0]],
            marker,
            stratum,
            self._trial.contrast,
            self.participant[rows],
            self.linked[rows],
            self._is_first[rows],
            self._value[rows],
            self._baseline[rows],
            self._log_ratio[rows],
        )


def _log_ratio(value: np.ndarray, baseline: np.ndarray, follow_up: np.ndarray, measure: str) -> np.ndarray:
    """Return log(follow-up / baseline), from the change itself where it says so, so that winsorised values stay so."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "log_ratio":
            return value
        ratio = 1 + value / 100 if measure == "percent_change" else np.where(baseline > 0, follow_up / baseline, np.nan)
        return np.log(np.where(ratio > 0, ratio, np.nan))
