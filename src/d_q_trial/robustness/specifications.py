"""All combinations of the choices of a multiverse, as columns of values over the same participants.

The choices that act on values apply in this order: missing values, population, subgroup, outliers. None of them
depends on the arm, so a specification means the same under permuted labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ..changes import NO_LOGARITHM, apply_outlier_rule, compute_changes, find_fences, linked_values, select_column
from ..config.robustness import Robustness
from ..config.settings import Analysis, StrataRule
from ..participants import PERCENT_CHANGE, VALUE, Participants
from ..stats.permutation import Design
from ..stats.rank_sum import midrank_columns
from ..stats.two_sample import get_test
from ..strata import assign_strata, cut_points, select_linked
from ..trial import BASELINE, Trial

# A specification takes one option of each choice; `marker` and `cut` are "" and NaN for all participants.
CHOICES = ("outcome", "visit", "marker", "cut", "change", "outliers", "missing", "population", "test")

WHOLE, OVERALL, SUBGROUPS = "whole multiverse", "all participants", "subgroups"
TOO_SMALL = "too small under any labels"
ALL_EQUAL = "all values are equal"


@dataclass(frozen=True)
class Measurements:
    """Values of the analysed participants who have ids, in arrays of shape (participants,); NaN where missing."""

    is_first: np.ndarray  # bool: in the treated arm
    visits: Mapping[str, tuple[str, ...]]  # follow-up visits by outcome, in the order of the trial
    baseline: Mapping[str, np.ndarray]
    follow_up: Mapping[tuple[str, str], np.ndarray]  # by outcome and visit
    percent_change: Mapping[tuple[str, str], np.ndarray]  # as stated in the workbook, by outcome and visit
    subgroups: Mapping[tuple[str, float], np.ndarray]  # by marker and quantile: at or above the cutoff (bool)


@dataclass(frozen=True)
class Specifications:
    """The specifications of a multiverse and their tests.

    Specifications that rank the same participants in the same way, and use the same test variant, are one test: for
    example percent change and log ratio without outliers, or all rules for missing values if no value is missing. A
    test is computed once. In the curve and in the inference it counts once for each of its specifications, so that each
    combination of choices has the same weight whatever the data.

    A specification is left out (``test`` is -1, and ``reason`` in the table explains it) if it could not have
    ``minimum_per_arm`` participants in both arms under any labels, or if all its values are equal.
    """

    table: pd.DataFrame  # a row each, in configuration order: CHOICES, own (reported by the analysis), reason
    is_first: np.ndarray  # bool, shape (participants,)
    values: np.ndarray  # shape (participants, columns); NaN if not included
    column: np.ndarray  # of each specification in `values`; those that differ only in the test variant share one
    test: np.ndarray  # number of the test of each specification, from 0
    design: Design  # the tests, signed so that deviates above 0 are in the favoured direction
    families: Mapping[str, np.ndarray]  # which specifications (bool) are summarized together
    critical: float  # smallest z of a significant specification

    @cached_property
    def weights(self) -> np.ndarray:
        """Number of specifications of each family with each test, shape (families, tests); the whole multiverse first."""
        tests = (self.test[members & (self.test >= 0)] for members in self.families.values())
        return np.array([np.bincount(family_tests, minlength=len(self.design)) for family_tests in tests])


def collect_measurements(
    participants: Participants, trial: Trial, analysis: Analysis, robustness: Robustness
) -> Measurements | None:
    """Collect the values that a multiverse needs from the participants of an analysis.

    Excluded participants are left out. Subgroups follow the conventions of the strata of the analysis (quantile type,
    participants that define the quantiles, stratum of a value at the cutoff); the marker, cutoff, outcomes and visits of
    the analysis are not used. A subgroup of none, or all, of the participants is left out.

    None unless both arms have participants with ids: panels of single figures do not link the values of a participant,
    and without the link there is no joint inference over outcomes and visits.
    """
    multiverse, frame = robustness.multiverse, select_linked(participants, analysis)
    wide, arms = linked_values(frame)
    analysed = arms.isin(trial.analysed_arms).to_numpy()
    treated, control = trial.analysed_arms
    if not {treated, control} <= set(arms):
        return None
    analysed_wide = wide[analysed]
    visits = {key: tuple(v for v in trial.visits if v in trial.outcomes[key].follow_up) for key in multiverse.outcomes}
    pairs = [(outcome, visit) for outcome, follow_up in visits.items() for visit in follow_up]
    subgroups = {}
    for marker in (m for m in trial.markers if multiverse.markers == "all" or m in multiverse.markers):
        marker_values = select_column(wide, marker, BASELINE, VALUE)
        for cut in map(float, multiverse.cuts):
            members = _select_at_or_above(marker_values, analysed, cut, analysis.strata)
            if members.any() and not members.all():
                subgroups[marker, cut] = members
    return Measurements(
        is_first=arms[analysed].eq(treated).to_numpy(),
        visits=visits,
        baseline={outcome: select_column(analysed_wide, outcome, BASELINE, VALUE) for outcome in visits},
        follow_up={pair: select_column(analysed_wide, *pair, VALUE) for pair in pairs},
        percent_change={pair: select_column(analysed_wide, *pair, PERCENT_CHANGE) for pair in pairs},
        subgroups=subgroups,
    )


def _select_at_or_above(values: np.ndarray, analysed: np.ndarray, quantile: float, rule: StrataRule) -> np.ndarray:
    """Return which analysed participants are at or above a quantile of the marker; False without a value."""
    analysed_values = values[analysed]
    reference = values if rule.reference == "everyone" else analysed_values
    halves = StrataRule(cuts=[quantile], quantile_type=rule.quantile_type, labels=["lower", "upper"])
    is_upper = assign_strata(analysed_values, cut_points(reference, halves), rule.at_cut) == 1
    return is_upper & ~np.isnan(analysed_values)


def apply_missing_rule(changes: Sequence[np.ndarray], has_baseline: np.ndarray, rule: str) -> np.ndarray:
    """Return the changes at a visit after applying a rule for missing ones, shape (participants,).

    ``changes`` are the observed ones at the visits of the outcome up to and including the one analysed, earliest first;
    ``has_baseline`` (bool) is True for a baseline value from which the kind of change can be computed. With the rule
    ``available``, missing stays missing. ``last_carried_forward`` takes the change at the last earlier follow-up visit
    that has one; the baseline is not carried forward. ``no_change`` sets the change to 0; without a baseline value it
    stays missing. An infinite change marks a value without a logarithm. It is left out, but it is not missing.
    """
    table = pd.DataFrame(changes)
    values = (table.ffill() if rule == "last_carried_forward" else table).iloc[-1].to_numpy()
    if rule == "no_change":
        values = np.where(np.isnan(values) & has_baseline, 0.0, values)
    return np.where(np.isinf(values), np.nan, values)


def combine_choices(data: Measurements, trial: Trial, analysis: Analysis, robustness: Robustness) -> Specifications:
    """Combine every outcome, visit, subgroup, change, outlier rule, missing-value rule, population and test.

    The population ``completers`` consists of the participants with a value of the outcome at its last visit;
    ``intention_to_treat`` consists of all participants.
    """
    multiverse, columns, rows = robustness.multiverse, [], []
    everyone = np.ones(data.is_first.size, dtype=bool)
    subgroups = ({("", np.nan): everyone} if multiverse.overall else {}) | dict(data.subgroups)
    for outcome, visits in data.visits.items():
        baseline, last_visit = data.baseline[outcome], (outcome, visits[-1])
        completers = ~np.isnan(data.follow_up[last_visit]) | ~np.isnan(data.percent_change[last_visit])
        populations = {"intention_to_treat": everyone, "completers": completers}
        selected_visits = [v for v in visits if multiverse.visits == "all" or v in multiverse.visits]
        for visit, kind in product(selected_visits, multiverse.changes):
            changes = [
                compute_changes(baseline, data.follow_up[outcome, v], data.percent_change[outcome, v], kind)
                for v in visits[: visits.index(visit) + 1]
            ]
            observed = [np.where(reason == NO_LOGARITHM, -np.inf, value) for value, reason in changes]
            has_baseline = ~np.isnan(baseline) & ((kind == "difference") | (baseline > 0))
            filled = {rule: apply_missing_rule(observed, has_baseline, rule) for rule in multiverse.missing}
            for (marker, cut), population, missing in product(subgroups, multiverse.populations, multiverse.missing):
                values = np.where(subgroups[marker, cut] & populations[population], filled[missing], np.nan)
                # An analysis takes the quartiles of each arm. Here that would make the values depend on the arm labels:
                # permuted labels would compare values trimmed under another split, and the test would lose its level.
                fences = find_fences(values, limit=multiverse.outlier_limit, quartile_type=analysis.quartile_type)
                for outliers in multiverse.outliers:
                    columns.append(apply_outlier_rule(values, outliers, *fences))
                    choices = (outcome, visit, marker, cut, kind, outliers, missing, population)
                    rows += [(*choices, test) for test in multiverse.tests]
    table = pd.DataFrame(rows, columns=list(CHOICES))
    values = np.column_stack(columns) if columns else np.empty((everyone.size, 0))
    column = np.repeat(np.arange(len(columns)), len(multiverse.tests))
    reason, test, design = _find_tests(values, table, column, robustness)
    families, critical = _define_families(table, trial), float(-ndtri(analysis.alpha / 2))
    table = table.assign(own=_matches_analysis(table, analysis), reason=reason)
    return Specifications(table, data.is_first, values, column, test, design, families, critical)


def _find_tests(
    values: np.ndarray, table: pd.DataFrame, column: np.ndarray, robustness: Robustness
) -> tuple[np.ndarray, np.ndarray, Design]:
    """Return why specifications are left out, the test of each of the others, and the design of the tests."""
    present = ~np.isnan(values)
    smallest = np.where(present, values, np.inf).min(axis=0, initial=np.inf)
    largest = np.where(present, values, -np.inf).max(axis=0, initial=-np.inf)
    too_small = present.sum(axis=0) < 2 * robustness.minimum_per_arm
    reason = np.select([too_small, smallest >= largest], [TOO_SMALL, ALL_EQUAL], "")[column]
    ranks = [column_ranks.tobytes() for column_ranks in np.ascontiguousarray(midrank_columns(values)[0].T)]
    key = pd.DataFrame({"ranks": pd.factorize(np.array(ranks, dtype=object))[0][column]})
    key["sign"] = table["outcome"].map(robustness.multiverse.outcomes).map({"higher": 1.0, "lower": -1.0})
    key["continuity"] = table["test"].map(lambda test: bool(get_test(test).continuity))
    key = key[reason == ""]
    test = np.full(len(table), -1)
    test[key.index] = key.groupby(list(key), sort=False).ngroup()
    tests = key.drop_duplicates()
    design = Design(
        values[:, column[tests.index]],
        minimum_per_arm=robustness.minimum_per_arm,
        sign=tests["sign"].to_numpy(float),
        continuity=tests["continuity"].to_numpy(bool),
    )
    return reason, test, design


def _matches_analysis(table: pd.DataFrame, analysis: Analysis) -> pd.Series:
    """Return which specifications the analysis reports: none if it treats outliers, because it treats them by arm."""
    choices = {"change": analysis.change, "test": analysis.test, "outliers": "keep"}
    choices |= {"missing": "available", "population": "intention_to_treat"}
    cut = float(analysis.strata.cuts[-1]) if analysis.strata.by == "quantile" else np.nan
    is_analysed_group = table["marker"].eq("") | table["cut"].sub(cut).abs().lt(1e-9)
    has_choices = (table[list(choices)] == list(choices.values())).all(axis=1)
    return is_analysed_group & has_choices & (analysis.outliers.rule == "keep")


def _define_families(table: pd.DataFrame, trial: Trial) -> dict[str, np.ndarray]:
    """Return the families: whole multiverse; all participants, subgroups; markers, outcomes, visits; outcomes by group.

    A family with the same specifications as an earlier one is left out.
    """
    marker, outcome, visit = (table[name] for name in ("marker", "outcome", "visit"))
    families = {WHOLE: marker.notna(), OVERALL: marker.eq(""), SUBGROUPS: marker.ne("")}
    families |= {f"{SUBGROUPS} by {trial.markers[key].label}": marker.eq(key) for key in marker.unique() if key}
    families |= {trial.outcomes[key].label: outcome.eq(key) for key in outcome.unique()}
    families |= {trial.visits[key].label: visit.eq(key) for key in visit.unique()}
    for key, group in product(outcome.unique(), (OVERALL, SUBGROUPS)):
        families[f"{trial.outcomes[key].label}, {group}"] = families[group] & outcome.eq(key)
    distinct: dict[bytes, tuple[str, np.ndarray]] = {}
    for name, members in families.items():
        if members.any():
            distinct.setdefault(members.to_numpy().tobytes(), (name, members.to_numpy()))
    return dict(distinct.values())
