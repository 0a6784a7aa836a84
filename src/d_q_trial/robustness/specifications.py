"""All combinations of the choices of a multiverse, as columns of values over the same participants.

The choices that act on values apply in this order: missing values, population, subgroup, outliers. None of them
depends on the arm, so a specification means the same under permuted labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy.special import ndtri

from ..changes import NO_LOGARITHM, apply_outlier_rule, compute_changes, find_fences, linked_values, select_column
from ..config.settings import Analysis, Robustness, StrataRule
from ..participants import PERCENT_CHANGE, VALUE, Participants
from ..stats.permutation import Design
from ..stats.two_sample import get_test
from ..strata import assign_strata, cut_points, select_linked
from ..trial import BASELINE, Trial

# A specification takes one option of each choice; `marker` and `cut` are "" and NaN for all participants.
CHOICES = ("outcome", "visit", "marker", "cut", "change", "outliers", "missing", "population", "test")

WHOLE, OVERALL, SUBGROUPS = "whole multiverse", "all participants", "subgroups"
TOO_SMALL = "too small under any labels"
ALL_EQUAL = "all values are equal"
NO_IDS = "the workbook does not say which values belong to the same participant"
NO_OUTCOMES = "robustness.multiverse.outcomes names no outcome"
NONE = "no specification has enough participants"


@dataclass(frozen=True)
class Specifications:
    """The specifications of a multiverse and their tests.

    A specification is left out (it is not ``tested``, and ``reason`` in the table explains it) if it could not have
    ``minimum_per_arm`` participants in both arms under any labels, or if all its values are equal.
    """

    table: pd.DataFrame  # a row each, in configuration order: CHOICES, own (reported by the analysis), reason
    is_first: np.ndarray  # bool, shape (participants,)
    values: np.ndarray  # shape (participants, specifications); NaN if not included
    tested: np.ndarray  # bool, shape (specifications,)
    design: Design  # those that are tested, signed so that deviates above 0 are in the favoured direction
    # Which specifications (bool) are summarized together; the whole multiverse first.
    families: Mapping[str, np.ndarray]
    critical: float  # smallest z of a significant specification

    @property
    def members(self) -> np.ndarray:
        """The specifications of each family among those that are tested, bool of shape (families, tests)."""
        return np.array(list(self.families.values()))[:, self.tested]


def prepare_specifications(
    participants: Participants, trial: Trial, analysis: Analysis, robustness: Robustness
) -> tuple[Specifications | None, str]:
    """Build the configured specifications, the same in every process; None and the reason if there are none.

    Excluded participants are left out. There is no joint inference over outcomes and visits unless both arms have
    participants with ids: panels of single figures do not link the values of a participant.
    """
    if not robustness.multiverse.outcomes:
        return None, NO_OUTCOMES
    wide, arms = linked_values(select_linked(participants, analysis))
    if not set(trial.analysed_arms) <= set(arms):
        return None, NO_IDS
    specs = combine_choices(wide, arms, trial, analysis, robustness)
    return (specs, "") if len(specs.design) else (None, NONE)


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


def combine_choices(
    wide: pd.DataFrame, arms: pd.Series, trial: Trial, analysis: Analysis, robustness: Robustness
) -> Specifications:
    """Combine every outcome, visit, subgroup, change, outlier rule, missing-value rule, population and test.

    ``wide`` and ``arms`` are those of :func:`d_q_trial.changes.linked_values`. Subgroups follow the conventions of the
    strata of the analysis (quantile type, participants that define the quantiles, stratum of a value at the cutoff); its
    marker, cutoff, outcomes and visits are not used. A subgroup of none, or all, of the participants is left out. The
    population ``completers`` consists of the participants with a value of the outcome at its last visit;
    ``intention_to_treat`` consists of all participants.
    """
    multiverse, columns, rows, analysed = robustness.multiverse, [], [], arms.isin(trial.analysed_arms).to_numpy()
    everyone = np.ones(np.count_nonzero(analysed), dtype=bool)
    subgroups = {("", np.nan): everyone} if multiverse.overall else {}
    markers = [marker for marker in trial.markers if multiverse.markers == "all" or marker in multiverse.markers]
    for marker, cut in product(markers, map(float, multiverse.cuts)):
        marker_values = select_column(wide, marker, BASELINE, VALUE)
        members = _select_at_or_above(marker_values, analysed, cut, analysis.strata)
        if members.any() and not members.all():
            subgroups[marker, cut] = members
    wide = wide[analysed]
    for outcome in multiverse.outcomes:
        visits = [visit for visit in trial.visits if visit in trial.outcomes[outcome].follow_up]
        selected_visits = [v for v in visits if multiverse.visits == "all" or v in multiverse.visits]
        baseline = select_column(wide, outcome, BASELINE, VALUE)
        measured = {v: [select_column(wide, outcome, v, name) for name in (VALUE, PERCENT_CHANGE)] for v in visits}
        populations = {"intention_to_treat": everyone, "completers": ~np.isnan(measured[visits[-1]]).all(axis=0)}
        for visit, kind in product(selected_visits, multiverse.changes):
            until = visits[: visits.index(visit) + 1]
            changes = [compute_changes(baseline, *measured[v], kind) for v in until]
            observed = [np.where(reason == NO_LOGARITHM, -np.inf, value) for value, reason in changes]
            has_baseline = ~np.isnan(baseline) & ((kind == "difference") | (baseline > 0))
            filled = {rule: apply_missing_rule(observed, has_baseline, rule) for rule in multiverse.missing}
            for (marker, cut), population, missing in product(subgroups, multiverse.populations, multiverse.missing):
                values = np.where(subgroups[marker, cut] & populations[population], filled[missing], np.nan)
                # An analysis takes the quartiles of each arm. Here that would make the values depend on the arm labels:
                # permuted labels would compare values trimmed under another split, and the test would lose its level.
                fences = find_fences(values, limit=multiverse.outlier_limit, quartile_type=analysis.quartile_type)
                for outliers in multiverse.outliers:
                    columns += [apply_outlier_rule(values, outliers, *fences)] * len(multiverse.tests)
                    choices = (outcome, visit, marker, cut, kind, outliers, missing, population)
                    rows += [(*choices, test) for test in multiverse.tests]
    table = pd.DataFrame(rows, columns=list(CHOICES))
    frame = pd.DataFrame(np.reshape(columns, (len(rows), everyone.size)).T)
    too_small = frame.count() < 2 * robustness.minimum_per_arm
    table["reason"] = np.select([too_small, frame.min() == frame.max()], [TOO_SMALL, ALL_EQUAL], "")
    table["own"] = _matches_analysis(table, analysis)
    tested, values = table["reason"].eq("").to_numpy(), frame.to_numpy()
    design = Design(
        values[:, tested],
        minimum_per_arm=robustness.minimum_per_arm,
        sign=table["outcome"].map(multiverse.outcomes).map({"higher": 1.0, "lower": -1.0})[tested],
        continuity=table["test"].map(lambda name: bool(get_test(name).continuity))[tested],
    )
    is_first = arms[analysed].eq(next(iter(trial.analysed_arms))).to_numpy()
    critical = float(-ndtri(analysis.alpha / 2))
    return Specifications(table, is_first, values, tested, design, _define_families(table, trial), critical)


def _matches_analysis(table: pd.DataFrame, analysis: Analysis) -> pd.Series:
    """Return which specifications the analysis reports: none if it treats outliers, because it treats them by arm."""
    choices = {"change": [analysis.change], "test": [analysis.test], "outliers": ["keep"]}
    choices |= {"missing": ["available"], "population": ["intention_to_treat"]}
    scope = {"outcome": analysis.outcomes, "visit": analysis.visits}
    choices |= {name: keys for name, keys in scope.items() if keys != "all"}
    cut = float(analysis.strata.cuts[-1]) if analysis.strata.by == "quantile" else np.nan
    is_analysed_group = table["marker"].eq("") | table["cut"].sub(cut).abs().lt(1e-9)
    has_choices = table[list(choices)].isin(choices).all(axis=1)
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
