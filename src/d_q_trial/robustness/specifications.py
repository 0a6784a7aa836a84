"""All combinations of the choices of a multiverse, as columns of values over the same participants.

The choices that act on values apply in this order: missing values, population, subgroup, outliers. None of them looks
at the arm, so that a specification means the same under permuted labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..changes import change_or_given, column_of, linked_values
from ..config.settings import StrataRule
from ..participants import PERCENT_CHANGE, TRIAL, VALUE, Participants
from ..stats.permutation import Design
from ..stats.quantiles import quantile
from ..stats.rank_sum import midrank_columns
from ..stats.two_sample import get_test
from ..strata import assign, cut_points
from ..trial import BASELINE

if TYPE_CHECKING:
    from ..config.robustness import Multiverse
    from ..config.settings import Analysis
    from ..trial import Trial

TOO_SMALL = "too small under any labels"
ALL_EQUAL = "all values are equal"


class Specification(NamedTuple):
    """One of each choice; ``marker`` and ``cut`` are "" and NaN for all participants."""

    outcome: str
    visit: str
    marker: str
    cut: float
    change: str
    outliers: str
    missing: str
    population: str
    test: str


@dataclass(frozen=True)
class Measurements:
    """Values of the analysed participants who have ids, in arrays of shape (participants,); NaN where missing.

    Attributes
    ----------
    is_first : array of bool
        Who belongs to the treated arm.
    visits : mapping
        For each outcome, its follow-up visits in the order of the trial.
    baseline, follow_up, given : mapping
        Raw values by outcome, by outcome and visit, and percent changes that the workbook states itself.
    subgroups : mapping
        For each marker and quantile, who lies at or above the cut (bool).
    """

    is_first: np.ndarray
    visits: Mapping[str, tuple[str, ...]]
    baseline: Mapping[str, np.ndarray]
    follow_up: Mapping[tuple[str, str], np.ndarray]
    given: Mapping[tuple[str, str], np.ndarray]
    subgroups: Mapping[tuple[str, float], np.ndarray]

    def changes(self, outcome: str, kind: str) -> dict[str, np.ndarray]:
        """Return the observed changes of an outcome at each of its visits; ``kind`` as in the configuration."""
        baseline = self.baseline[outcome]
        return {
            visit: change_or_given(baseline, self.follow_up[outcome, visit], self.given[outcome, visit], kind)[0]
            for visit in self.visits[outcome]
        }

    def completers(self, outcome: str) -> np.ndarray:
        """Say who has a value of the outcome at the last visit of the trial at which it is measured."""
        last = outcome, self.visits[outcome][-1]
        return ~np.isnan(self.follow_up[last]) | ~np.isnan(self.given[last])


@dataclass(frozen=True)
class Specifications:
    """The specifications of a multiverse and the tests that they amount to.

    Specifications that rank the same participants in the same way, and use the same variant of the test, are one test:
    the percent change and the log ratio without outliers, or every rule for missing values where nobody is missing. A
    test is computed once. In the curve and in the inference it counts as often as there are specifications that
    amount to it, so that each combination of choices weighs the same whatever the data.

    Attributes
    ----------
    table : list of Specification
        All combinations, in the order of the configuration.
    is_first : array of bool, shape (participants,)
    values : array of float, shape (participants, columns)
        NaN for who is not part of it. Specifications that differ in the test variant alone share a column.
    column : array of int, shape (specifications,)
    test : array of int, shape (specifications,)
        Number of the test, from 0; -1 for specifications that are left out, because they could not have
        ``minimum_per_arm`` participants in both arms whatever the labels, or all their values are equal.
    design : Design
        The tests, signed so that deviates above 0 speak for the favoured direction.
    reasons : list of str
        Why a specification is left out; "" where it is not.
    """

    table: list[Specification]
    is_first: np.ndarray
    values: np.ndarray
    column: np.ndarray
    test: np.ndarray
    design: Design
    reasons: list[str]

    @property
    def weights(self) -> np.ndarray:
        """Number of specifications that amount to each test."""
        return self.weights_of(np.ones(len(self.table), dtype=bool))

    def weights_of(self, members: np.ndarray) -> np.ndarray:
        """Number of those of some specifications (bool) that amount to each test."""
        return np.bincount(self.test[members & (self.test >= 0)], minlength=len(self.design))


def measurements(
    participants: Participants, trial: Trial, analysis: Analysis, multiverse: Multiverse
) -> Measurements | None:
    """Take the values that a multiverse needs from the participants, as the analysis sees them.

    Participants whom the analysis excludes are not there. Subgroups follow the conventions by which the analysis cuts
    strata (type of quantile, whose quantiles, where a value equal to the cut goes); the analysis' own marker, cut and
    choice of outcomes and visits play no part. A subgroup that holds none, or all, of the participants is not one.

    Returns
    -------
    Measurements or None
        None if the arms do not both have participants with ids: panels of single figures do not say which of their
        values belong to one participant, and without that there is no joint inference over outcomes and visits.
    """
    frame = participants.frame
    frame = frame[frame["cohort"].eq(TRIAL) & frame["linked"] & ~frame["participant"].isin(analysis.exclude)]
    wide, arms = linked_values(frame)
    analysed = arms.isin(trial.analysed_arms).to_numpy()
    treated, control = trial.analysed_arms
    if not {treated, control} <= set(arms):
        return None

    def values(variable: str, visit: str, measure: str = VALUE) -> np.ndarray:
        return column_of(wide, variable, visit, measure)[analysed]

    measured = {outcome: trial.outcomes[outcome].follow_up for outcome in multiverse.outcomes}
    visits = {outcome: tuple(visit for visit in trial.visits if visit in own) for outcome, own in measured.items()}
    pairs = [(outcome, visit) for outcome, own in visits.items() for visit in own]
    subgroups = {}
    for marker in (m for m in trial.markers if multiverse.markers == "all" or m in multiverse.markers):
        everyone = column_of(wide, marker, BASELINE, VALUE)
        for cut in map(float, multiverse.cuts):
            own = _at_or_above(everyone, analysed, cut, analysis.strata)
            if own.any() and not own.all():
                subgroups[marker, cut] = own
    return Measurements(
        is_first=arms[analysed].eq(treated).to_numpy(),
        visits=visits,
        baseline={outcome: values(outcome, BASELINE) for outcome in visits},
        follow_up={pair: values(*pair) for pair in pairs},
        given={pair: values(*pair, PERCENT_CHANGE) for pair in pairs},
        subgroups=subgroups,
    )


def _at_or_above(everyone: np.ndarray, analysed: np.ndarray, cut: float, rule: StrataRule) -> np.ndarray:
    """Say which analysed participants lie above a quantile of the marker; nobody without a value does."""
    own = everyone[analysed]
    reference = everyone if rule.reference == "everyone" else own
    upper = np.zeros(own.size, dtype=bool)
    if np.isnan(reference).all():
        return upper
    halves = StrataRule(cuts=[cut], quantile_type=rule.quantile_type, labels=["lower", "upper"])
    known = ~np.isnan(own)
    upper[known] = assign(own[known], cut_points(reference, halves), rule.at_cut) == 1
    return upper


def with_missing(changes: Sequence[np.ndarray], has_baseline: np.ndarray, rule: str) -> np.ndarray:
    """Return the changes at a visit after a rule for missing ones, shape (participants,).

    Parameters
    ----------
    changes : sequence of array, shape (participants,)
        Observed changes at the visits of the outcome up to and with the one analysed, earliest first.
    has_baseline : array of bool, shape (participants,)
        Who has a baseline value, and one that the kind of change can be computed from.
    rule : {"available", "last_carried_forward", "no_change"}
        ``available``: missing stays missing. ``last_carried_forward``: the change at the last earlier follow-up visit
        that has one; the baseline is not carried forward. ``no_change``: the follow-up equals the baseline, so the
        change is 0; without a baseline value it stays missing.
    """
    values = changes[-1].copy()
    if rule == "last_carried_forward":
        for earlier in reversed(changes[:-1]):
            values = np.where(np.isnan(values), earlier, values)
    elif rule == "no_change":
        values[np.isnan(values) & has_baseline] = 0.0
    elif rule != "available":
        raise ValueError(f"missing-value rule {rule!r}")
    return values


def fences(values: np.ndarray, *, limit: float, quartile_type: int) -> tuple[float, float]:
    """Return the values beyond which a specification's values are outliers; NaN without a value.

    They lie ``limit`` interquartile ranges below the lower and above the upper quartile of the specification's own
    participants, of both arms together. The outlier rule of an analysis takes the quartiles of each arm instead. Here
    that would make the values depend on the arm labels: permuting the labels would then compare values which another
    split had trimmed, and the permutation test would not hold its level.
    """
    q1, q3 = quantile(values, [0.25, 0.75], type=quartile_type)
    return q1 - limit * (q3 - q1), q3 + limit * (q3 - q1)


def without_outliers(values: np.ndarray, rule: str, low: float, high: float) -> np.ndarray:
    """Return the values of a specification after a rule for those beyond its :func:`fences`.

    ``trim``: they become missing. ``winsorise``: they move to the fence. ``keep``: they stay.
    """
    if rule == "winsorise":
        return np.clip(values, low, high)
    if rule == "trim":
        return np.where((values < low) | (values > high), np.nan, values)
    if rule != "keep":
        raise ValueError(f"outlier rule {rule!r}")
    return values


def specifications(
    data: Measurements, multiverse: Multiverse, analysis: Analysis, *, minimum_per_arm: int
) -> Specifications:
    """Combine every outcome, visit, subgroup, change, outlier rule, missing-value rule, population and test.

    The population ``completers`` holds who has a value of the outcome at the last visit of the trial at which it is
    measured; ``intention_to_treat`` holds all participants.
    """
    columns: list[np.ndarray] = []
    table: list[Specification] = []
    column: list[int] = []
    everyone = np.ones(data.is_first.size, dtype=bool)
    subgroups = ({("", np.nan): everyone} if multiverse.overall else {}) | dict(data.subgroups)
    for outcome, visits in data.visits.items():
        populations = {"intention_to_treat": everyone, "completers": data.completers(outcome)}
        chosen = [v for v in visits if multiverse.visits == "all" or v in multiverse.visits]
        for visit, kind in product(chosen, multiverse.changes):
            known = _after_missing(data, outcome, visit, kind, multiverse)
            for (marker, cut), population, missing in product(subgroups, multiverse.populations, multiverse.missing):
                own = subgroups[marker, cut] & populations[population]
                values = np.where(own, known[missing], np.nan)
                low, high = fences(values, limit=multiverse.outlier_limit, quartile_type=analysis.quartile_type)
                for outliers in multiverse.outliers:
                    columns.append(without_outliers(values, outliers, low, high))
                    choices = (outcome, visit, marker, cut, kind, outliers, missing, population)
                    table += [Specification(*choices, test) for test in multiverse.tests]
                    column += [len(columns) - 1] * len(multiverse.tests)
    return _tests(data, multiverse, table, columns, np.array(column, dtype=int), minimum_per_arm)


def is_own(specification: Specification, analysis: Analysis) -> bool:
    """Say whether a specification is one of the analysis' own: its choices throughout, for any marker.

    Subgroups are the analysis' own at its highest quantile cut.
    """
    prespecified_cuts = analysis.strata.cuts[-1:] if analysis.strata.by == "quantile" else []
    return (
        specification.change == analysis.change
        and specification.test == analysis.test
        and specification.outliers == analysis.outliers.rule
        and specification.missing == "available"
        and specification.population == "intention_to_treat"
        and (not specification.marker or any(abs(specification.cut - cut) < 1e-9 for cut in prespecified_cuts))
    )


def _after_missing(
    data: Measurements, outcome: str, visit: str, kind: str, multiverse: Multiverse
) -> dict[str, np.ndarray]:
    """Return the changes at a visit, by missing-value rule."""
    observed = data.changes(outcome, kind)
    up_to = [observed[v] for v in data.visits[outcome][: data.visits[outcome].index(visit) + 1]]
    baseline = data.baseline[outcome]
    has_baseline = ~np.isnan(baseline) & ((kind == "difference") | (baseline > 0))
    return {rule: with_missing(up_to, has_baseline, rule) for rule in multiverse.missing}


def _tests(
    data: Measurements,
    multiverse: Multiverse,
    table: list[Specification],
    columns: list[np.ndarray],
    column: np.ndarray,
    minimum_per_arm: int,
) -> Specifications:
    """Find the specifications that are one test, and make the tests ready for permuted labels."""
    values = np.column_stack(columns) if columns else np.empty((data.is_first.size, 0))
    ranks, _ = midrank_columns(values)
    present = ~np.isnan(values)
    low, high = (np.where(present, values, fill) for fill in (np.inf, -np.inf))
    reason = np.where(low.min(axis=0, initial=np.inf) >= high.max(axis=0, initial=-np.inf), ALL_EQUAL, "")
    reason = np.where(present.sum(axis=0) < 2 * minimum_per_arm, TOO_SMALL, reason)
    continuity = np.array([get_test(s.test).continuity for s in table], dtype=bool)
    sign = np.array([1.0 if multiverse.outcomes[s.outcome] == "higher" else -1.0 for s in table])
    numbers: dict[tuple[bytes, float, bool], int] = {}
    ranks_of = [own.tobytes() for own in np.ascontiguousarray(ranks.T)]
    test = np.full(len(table), -1)
    for place in np.flatnonzero(reason[column] == ""):
        key = (ranks_of[column[place]], sign[place], continuity[place])
        test[place] = numbers.setdefault(key, len(numbers))
    first = np.unique(test, return_index=True)[1][(test < 0).any().astype(int) :]  # a specification of each test
    design = Design(
        values[:, column[first]], minimum_per_arm=minimum_per_arm, sign=sign[first], continuity=continuity[first]
    )
    return Specifications(table, data.is_first, values, column, test, design, reason[column].tolist())
