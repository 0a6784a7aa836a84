"""The comparisons of arms in an analysis, as arrays with a row per participant, and rows of the results."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from .changes import BEYOND_FENCE, EXCLUDED, NO_LOGARITHM, build_changes
from .config.settings import Analysis
from .participants import Participants
from .results_table import ALL_PARTICIPANTS, COLUMNS
from .stats.checks import Estimate
from .strata import build_strata, find_strata, select_marker_values
from .trial import Trial


@dataclass(frozen=True)
class Comparison:
    """Two arms at one outcome and visit, in all participants or one stratum; arrays have a row per participant.

    Excluded participants and trimmed values are left out. Participants without a value are included, with NaN.
    """

    outcome: str
    measure: str
    visit: str
    marker: str
    stratum: str
    contrast: str
    participant: np.ndarray
    linked: np.ndarray  # False for the rows of panels without ids
    is_first: np.ndarray  # True in the treated arm
    has_arm: np.ndarray  # False for baseline values that state no arm
    value: np.ndarray  # the change, in the measure of the analysis; the baseline value at baseline
    baseline: np.ndarray
    ratio: np.ndarray  # follow-up / baseline; meaningless at baseline
    label: np.ndarray  # stratum of the marker, "" if not assigned
    marker_value: np.ndarray

    @property
    def key(self) -> tuple[str, ...]:
        """The fields from outcome to contrast, which are the first columns of the tables."""
        return (self.outcome, self.measure, self.visit, self.marker, self.stratum, self.contrast)

    @property
    def head(self) -> tuple[str, ...]:
        """Outcome, measure, visit and marker."""
        return self.key[:4]

    @property
    def is_change(self) -> bool:
        """Whether changes are compared, and not baseline values."""
        return self.measure != "baseline"

    @property
    def scale(self) -> str:
        """Measure of change in linear models: the difference if differences are analysed, else the log ratio."""
        return "difference" if self.measure == "difference" else "log_ratio"

    @property
    def no_logarithm(self) -> str:
        """Why linear models cannot be fitted: a follow-up value has no logarithm, which they need; empty if they can."""
        return NO_LOGARITHM if self.scale == "log_ratio" and (self.ratio <= 0).any() else ""

    @property
    def modelled(self) -> np.ndarray:
        """The change on ``scale``; all NaN if one has no logarithm, because excluding that participant would be a choice."""
        if self.no_logarithm:
            return np.full(self.ratio.shape, np.nan)
        return self.value if self.measure == self.scale else np.log(self.ratio)

    @property
    def covariate(self) -> np.ndarray:
        """The baseline value, or its logarithm (NaN if it has none) for changes on the log scale."""
        if self.scale == "difference":
            return self.baseline
        return np.log(np.where(self.baseline > 0, self.baseline, np.nan))

    def samples(self, values: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the values of each arm that are not missing; ``values`` (one per participant) replace ``value``."""
        values = self.value if values is None else values
        present = ~np.isnan(values)
        return values[self.is_first & present], values[~self.is_first & present]

    def counts(self, values: np.ndarray | None = None) -> tuple[int, int]:
        """Return the number of participants with a value in each arm."""
        first, second = self.samples(values)
        return first.size, second.size

    @property
    def total(self) -> tuple[int, int]:
        """Number of participants in each arm, including those without a value."""
        return int(self.is_first.sum()), int((~self.is_first).sum())

    def within(self, rows: np.ndarray, stratum: str = "") -> Comparison:
        """Return the comparison restricted to the participants in ``rows`` (bool or positions)."""
        arrays = {name: array[rows] for name, array in vars(self).items() if isinstance(array, np.ndarray)}
        return replace(self, stratum=stratum, **arrays)


@dataclass(frozen=True)
class Layout:
    """The comparisons of arms, of changes and at baseline, built from the changes and strata of an analysis."""

    changes: pd.DataFrame
    strata: pd.DataFrame | None  # None: only the comparisons of all participants
    markers: pd.DataFrame | None  # see select_marker_values; None only together with ``strata``
    trial: Trial
    analysis: Analysis

    @cached_property
    def whole(self) -> list[Comparison]:
        """Each outcome and visit with all of its rows; labels are the strata stated by panels without ids."""
        panel_strata = self.changes["stratum"].to_numpy(object), np.full(len(self.changes), np.nan)
        return list(self._build_comparisons({"": panel_strata}))

    @cached_property
    def by_marker(self) -> list[Comparison]:
        """Each outcome and visit with all of its rows, once per marker, with the strata of the marker as labels."""
        markers = {*self.strata["marker"], *self.changes["marker"]}
        return list(self._build_comparisons({m: self._label_rows(m) for m in self.trial.markers if m in markers}))

    @cached_property
    def overall(self) -> list[Comparison]:
        """The comparison of all participants for each outcome and visit, without the rows of panels of one stratum."""
        return [c.within(c.linked | (c.label == ""), ALL_PARTICIPANTS) for c in self.whole]

    @cached_property
    def by_stratum(self) -> list[Comparison]:
        """The comparison within each stratum of each marker, for each outcome and visit."""
        return [c.within(c.label == label, label) for c in self.by_marker for label in self.analysis.strata.labels]

    @cached_property
    def compared(self) -> list[Comparison]:
        """Changes in all participants, and in each stratum of each marker, if both arms have values."""
        return [c for c in self.overall + self.by_stratum if c.is_change and min(c.counts())]

    def _build_comparisons(self, strata: dict[str, tuple[np.ndarray, np.ndarray]]) -> Iterator[Comparison]:
        """Yield a comparison per outcome, visit and marker; ``strata`` has label and marker value of each row by marker."""
        changes = self.changes
        arrays = {name: changes[name].to_numpy(float) for name in ("value", "baseline")}
        arrays |= {"participant": changes["participant"].to_numpy(object), "linked": changes["linked"].to_numpy(bool)}
        arm, treated = changes["arm"], next(iter(self.trial.analysed_arms))
        arrays |= {"is_first": arm.eq(treated).to_numpy(), "has_arm": arm.ne("").to_numpy()}
        arrays["ratio"] = _follow_up_ratio(changes, self.analysis.measure)
        included = ~changes["reason"].isin([EXCLUDED, BEYOND_FENCE]).to_numpy()
        numbered = changes.assign(row=np.arange(len(changes)))
        for names, rows in numbered.groupby(["outcome", "measure", "visit"], sort=False)["row"]:
            for marker, (label, marker_value) in strata.items():
                head = (*names, marker, "", self.trial.contrast)
                yield Comparison(*head, **arrays, label=label, marker_value=marker_value).within(rows[included[rows]])

    def _label_rows(self, marker: str) -> tuple[np.ndarray, np.ndarray]:
        """Return label and marker value of each row, by participant or with the label stated by its panel."""
        marker_values = self.markers.reindex(columns=[marker])[marker]
        row_values = self.changes["participant"].where(self.changes["linked"]).map(marker_values).to_numpy(float)
        return find_strata(self.changes, self.strata, marker).to_numpy(object), row_values


def build_layout(participants: Participants, trial: Trial, analysis: Analysis) -> Layout:
    """Build the comparisons of an analysis from its changes and strata of the participants."""
    inputs = (participants, trial, analysis)
    return Layout(build_changes(*inputs), build_strata(*inputs), select_marker_values(*inputs), trial, analysis)


def group_comparisons(comparisons: Iterable[Comparison], *names: str) -> list[list[Comparison]]:
    """Return the comparisons in groups that share the named fields, in order of appearance."""
    groups: dict[tuple, list[Comparison]] = {}
    for comparison in comparisons:
        groups.setdefault(tuple(getattr(comparison, name) for name in names), []).append(comparison)
    return list(groups.values())


def value_matrix(comparisons: list[Comparison], name: str = "value") -> tuple[pd.Index, np.ndarray, np.ndarray]:
    """Return the participants in order of appearance, is_first for each, and values (participants, comparisons)."""
    row, participants = pd.factorize(np.concatenate([*(c.participant for c in comparisons), np.empty(0, dtype=object)]))
    is_first = np.zeros(len(participants), dtype=bool)
    values = np.full((len(participants), len(comparisons)), np.nan)
    if comparisons:
        is_first[row] = np.concatenate([c.is_first for c in comparisons])
        column = np.repeat(np.arange(len(comparisons)), [c.value.size for c in comparisons])
        values[row, column] = np.concatenate([getattr(c, name) for c in comparisons])
    return pd.Index(participants), is_first, values


def results_frame(rows: list[tuple]) -> pd.DataFrame:
    """Return rows as a table with the columns of the results."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": float, "n_first": "Int64", "n_second": "Int64"})


def result_rows(key: tuple, n: tuple, method: str, reason: str = "", /, **statistics: float) -> list[tuple]:
    """Return rows of the results with one key (outcome to group), one for each statistic.

    ``reason`` explains missing statistics; it is set for those that are not finite.
    """
    return [
        (*key, name, value, *n, method, "") if math.isfinite(value) else (*key, name, math.nan, *n, method, reason)
        for name, value in statistics.items()
    ]


def estimate_rows(key: tuple, name: str, estimate: Estimate, n: tuple, method: str, reason: str) -> list[tuple]:
    """Return rows of an estimate, of the limits of its interval, and of P."""
    limits = {f"{name}_lower": estimate.lower, f"{name}_upper": estimate.upper}
    return result_rows(key, n, method, reason, **{name: estimate.estimate}, **limits, p=estimate.p)


def seeded_generator(seed: int, *names: str) -> np.random.Generator:
    """Return the random number generator of one test, which depends only on the seed and the name of the test."""
    return np.random.default_rng([seed, zlib.crc32("\n".join(names).encode())])


def _follow_up_ratio(changes: pd.DataFrame, measure: str) -> np.ndarray:
    """Return follow-up / baseline, from the change itself where possible, so that winsorised values are kept."""
    value, baseline = changes["value"], changes["baseline"].where(changes["baseline"] > 0)
    if measure == "difference":
        ratio = 1 + value / baseline
    elif measure == "log_ratio":
        ratio = np.exp(value.where(changes["measure"].eq(measure))).fillna(changes["follow_up"] / baseline)
    else:
        ratio = 1 + value / 100
    return ratio.to_numpy(float)
