"""The cutoffs of an analysis and of the publication, selected from the comparisons at every cutoff."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ..comparisons import Layout
from ..config.settings import StrataRule
from ..errors import UserError
from ..formatting import round_significant
from ..participants import Participants
from ..strata import build_strata


def select_analysis_cuts(cutoffs: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Select the comparisons at the cutoffs of the analysis: those whose group consists of whole strata.

    ``cutoffs`` is the table of :func:`d_q_trial.robustness.cutoffs.cutoffs_table`. The result has an additional column,
    ``stratum``, with the stratum or strata that form the group.
    """
    strata_names = np.full(len(cutoffs), "", dtype=object)
    rows = cutoffs.groupby(["outcome", "visit", "marker"], sort=False).indices
    cuts, is_above = cutoffs["cut"].to_numpy(float), cutoffs["side"].eq("above").to_numpy()
    labels, at_cut = layout.analysis.strata.labels, layout.analysis.strata.at_cut
    for comparison in layout.by_marker:
        has_values = ~np.isnan(comparison.value + comparison.marker_value)
        comparison = comparison.within(comparison.linked & has_values)
        marker_value = round_significant(comparison.marker_value)
        for row in rows.get((comparison.outcome, comparison.visit, comparison.marker), ()):
            is_upper = marker_value >= cuts[row] if at_cut == "upper" else marker_value > cuts[row]
            members = is_upper == is_above[row]
            strata = set(comparison.label[members])
            if strata <= set(labels) and strata.isdisjoint(comparison.label[~members]):
                strata_names[row] = " + ".join(label for label in labels if label in strata)
    return cutoffs.assign(stratum=strata_names)[strata_names != ""].reset_index(drop=True)


def select_published_cuts(cutoffs: pd.DataFrame, participants: Participants, layout: Layout) -> pd.DataFrame:
    """Select the comparisons at the quantiles ``trial.cuts``, whatever the analysis; see :func:`select_analysis_cuts`.

    The result is empty if the trial states no quantiles, or if these leave a stratum without participants.
    """
    trial, analysis = layout.trial, layout.analysis
    empty = cutoffs[:0].assign(stratum="")
    if not trial.cuts:
        return empty
    rule = StrataRule(cuts=trial.cuts, labels=[str(number) for number in range(len(trial.cuts) + 1)])
    try:
        strata = build_strata(participants, trial, analysis.model_copy(update={"strata": rule}))
    except UserError:
        return empty
    # The groups of the table follow the analysis, also in the assignment of values at the cutoff.
    assigned = analysis.model_copy(update={"strata": rule.model_copy(update={"at_cut": analysis.strata.at_cut})})
    return select_analysis_cuts(cutoffs, replace(layout, strata=strata, analysis=assigned))
