"""All combinations of the choices of a multiverse, as columns of values over the same participants."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..stats.permutation import Design
from ..stats.rank_sum import midrank_columns
from ..stats.two_sample import get_test
from .choices import fences, with_missing, without_outliers
from .measurements import Measurements, Subgroup

if TYPE_CHECKING:
    from ..config.robustness import Multiverse
    from ..config.settings import Analysis

TOO_SMALL = "too small under any labels"
ALL_EQUAL = "all values are equal"


class Specification(NamedTuple):
    """One of each choice; ``marker`` and ``cut`` are "" and NaN for everybody."""

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
class Specifications:
    """The specifications of a multiverse and the tests that they amount to.

    Specifications that rank the same participants in the same way, and use the same variant of the test, are one test:
    the percent change and the log ratio without outliers, or every rule for missing values where nobody is missing. A
    test is computed once. In the curve and in the inference it counts as often as there are specifications that
    amount to it, so that each combination of choices weighs the same whatever the data.

    Attributes
    ----------
    table : list of Specification
        All combinations, in the order of the settings.
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


def specifications(
    data: Measurements, multiverse: Multiverse, analysis: Analysis, *, minimum_per_arm: int
) -> Specifications:
    """Combine every outcome, visit, subgroup, change, outlier rule, missing-value rule, population and test.

    The population ``completers`` holds who has a value of the outcome at the last visit of the trial at which it is
    measured; ``intention_to_treat`` holds everybody. See :mod:`.choices` for the rules and :mod:`.measurements` for
    the subgroups.
    """
    columns: list[np.ndarray] = []
    table: list[Specification] = []
    column: list[int] = []
    subgroups = _subgroups(data, multiverse)
    for outcome, visits in data.visits.items():
        chosen = [v for v in visits if multiverse.visits == "all" or v in multiverse.visits]
        for visit, kind in product(chosen, multiverse.changes):
            known = _after_missing(data, outcome, visit, kind, multiverse)
            populations = {
                "intention_to_treat": np.ones(data.is_first.size, dtype=bool),
                "completers": data.completers(outcome),
            }
            for (marker, cut), population, missing in product(subgroups, multiverse.populations, multiverse.missing):
                own = subgroups[marker, cut] & populations[population]
                values = np.where(own, known[missing], np.nan)
                low, high = fences(values, limit=multiverse.outlier_limit, quartile_type=analysis.quartile_type)
                for outliers in multiverse.outliers:
                    columns.append(without_outliers(values, outliers, low, high))
                    for test in multiverse.tests:
                        table.append(
                            Specification(outcome, visit, marker, cut, kind, outliers, missing, population, test)
                        )
                        column.append(len(columns) - 1)
    return _tests(data, multiverse, table, columns, np.array(column, dtype=int), minimum_per_arm)


def is_own(specification: Specification, analysis: Analysis) -> bool:
    """Say whether a specification is one of the analysis' own: its choices throughout, for any marker.

    Subgroups are the analysis' own at its highest quantile cut.
    """
    own_cuts = analysis.strata.cuts[-1:] if analysis.strata.by == "quantile" else []
    return (
        specification.change == analysis.change
        and specification.test == analysis.test
        and specification.outliers == analysis.outliers.rule
        and specification.missing == "available"
        and specification.population == "intention_to_treat"
        and (not specification.marker or any(abs(specification.cut - cut) < 1e-9 for cut in own_cuts))
    )


def _subgroups(data: Measurements, multiverse: Multiverse) -> dict[Subgroup, np.ndarray]:
    everybody = {("", np.nan): np.ones(data.is_first.size, dtype=bool)} if multiverse.overall else {}
    return everybody | dict(data.subgroups)


def _after_missing(
    data: Measurements, outcome: str, visit: str, kind: str, multiverse: Multiverse
) -> dict[str, np.ndarray]:
    """Changes at a visit, by missing-value rule."""
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
    participants = data.is_first.size
    values = np.column_stack(columns) if columns else np.empty((participants, 0))
    ranks, _ = midrank_columns(values)
    size = (~np.isnan(values)).sum(axis=0)
    reason = np.where(_all_equal(values), ALL_EQUAL, "")
    reason = np.where(size < 2 * minimum_per_arm, TOO_SMALL, reason)
    continuity = np.array([get_test(s.test).continuity for s in table], dtype=bool)
    sign = np.array([1.0 if multiverse.outcomes[s.outcome] == "higher" else -1.0 for s in table])

    numbers: dict[tuple[bytes, float, bool], int] = {}
    bytes_of = [ranks[:, c].tobytes() for c in range(values.shape[1])]
    test = np.full(len(table), -1)
    for place, own in enumerate(column):
        if not reason[own]:
            key = (bytes_of[own], sign[place], continuity[place])
            test[place] = numbers.setdefault(key, len(numbers))
    _, first = np.unique(test[test >= 0], return_index=True)
    first = np.flatnonzero(test >= 0)[first]
    design = Design(
        values[:, column[first]] if len(first) else np.empty((participants, 0)),
        minimum_per_arm=minimum_per_arm,
        sign=sign[first],
        continuity=continuity[first],
    )
    return Specifications(table, data.is_first, values, column, test, design, reason[column].tolist())


def _all_equal(values: np.ndarray) -> np.ndarray:
    low, high = np.where(np.isnan(values), np.inf, values), np.where(np.isnan(values), -np.inf, values)
    return low.min(axis=0, initial=np.inf) >= high.max(axis=0, initial=-np.inf)
