"""What the specifications of a multiverse are computed from: raw values by participant, outcome and visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..changes import change_or_given, column_of, linked_values
from ..config.settings import StrataRule
from ..participants import PERCENT_CHANGE, TRIAL, VALUE, Participants
from ..strata import assign, cut_points
from ..trial import BASELINE

if TYPE_CHECKING:
    from ..config.robustness import Multiverse
    from ..config.settings import Analysis
    from ..trial import Trial

Subgroup = tuple[str, float]  # marker and quantile; the participants at or above the cut


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
    subgroups: Mapping[Subgroup, np.ndarray]

    def changes(self, outcome: str, kind: str) -> dict[str, np.ndarray]:
        """Return the observed changes of an outcome at each of its visits; ``kind`` as in the settings."""
        return {
            visit: change_or_given(
                self.baseline[outcome], self.follow_up[outcome, visit], self.given[outcome, visit], kind
            )[0]
            for visit in self.visits[outcome]
        }

    def completers(self, outcome: str) -> np.ndarray:
        """Say who has a value of the outcome at the last visit of the trial at which it is measured."""
        last = outcome, self.visits[outcome][-1]
        return ~np.isnan(self.follow_up[last]) | ~np.isnan(self.given[last])


def measurements(
    participants: Participants, trial: Trial, analysis: Analysis, multiverse: Multiverse
) -> Measurements | None:
    """Take the values that a multiverse needs from the participants, as the analysis sees them.

    Participants whom the analysis excludes are not there. Subgroups follow the conventions by which the analysis cuts
    strata (type of quantile, whose quantiles, where a value equal to the cut goes); the analysis' own marker, cut and
    choice of outcomes and visits play no part. A subgroup that holds nobody, or everybody, is not one.

    Returns
    -------
    Measurements or None
        None if the arms do not both have participants with ids: sheets of single figures do not say which of their
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

    visits = {}
    for outcome in multiverse.outcomes:
        measured = trial.outcomes[outcome].follow_up
        visits[outcome] = tuple(visit for visit in trial.visits if visit in measured)
    pairs = [(outcome, visit) for outcome, own in visits.items() for visit in own]
    markers = [m for m in trial.markers if multiverse.markers == "all" or m in multiverse.markers]
    subgroups = {}
    for marker in markers:
        everyone = column_of(wide, marker, BASELINE, VALUE)
        for cut in map(float, multiverse.cuts):
            subgroups[marker, cut] = _at_or_above(everyone, analysed, cut, analysis.strata)
    return Measurements(
        is_first=arms[analysed].eq(treated).to_numpy(),
        visits=visits,
        baseline={outcome: values(outcome, BASELINE) for outcome in visits},
        follow_up={pair: values(*pair) for pair in pairs},
        given={pair: values(*pair, PERCENT_CHANGE) for pair in pairs},
        subgroups={key: own for key, own in subgroups.items() if own.any() and not own.all()},
    )


def _at_or_above(everyone: np.ndarray, analysed: np.ndarray, cut: float, rule: StrataRule) -> np.ndarray:
    """Say which analysed participants lie above a quantile of the marker; nobody without a value does."""
    own = everyone[analysed]
    reference = everyone if rule.reference == "everyone" else own
    halves = StrataRule(
        by="quantile",
        cuts=[cut],
        quantile_type=rule.quantile_type,
        at_cut=rule.at_cut,
        reference=rule.reference,
        labels=["lower", "upper"],
    )
    if np.isnan(reference).all():
        return np.zeros(own.size, dtype=bool)
    known = ~np.isnan(own)
    upper = np.zeros(own.size, dtype=bool)
    upper[known] = assign(own[known], cut_points(reference, halves), rule.at_cut) == 1
    return upper
