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


def analysis_cuts(cutoffs: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Select the comparisons at the cutoffs of the analysis: those whose group consists of whole strata.

    ``cutoffs`` is the table of :func:`d_q_trial.robustness.cutoffs.cutoffs_table`. The result has an additional column,
    ``stratum``, with the stratum or strata that form the group.
    """
    names = np.full(len(cutoffs), "", dtype=object)
    rows = cutoffs.groupby(["outcome", "visit", "marker"], sort=False).indices
    cuts, above = cutoffs["cut"].to_numpy(float), cutoffs["side"].eq("above").to_numpy()
    labels, at_cut = layout.analysis.strata.labels, layout.analysis.strata.at_cut
    for whole in layout.by_marker:
        known = whole.within(whole.linked & ~np.isnan(whole.value) & ~np.isnan(whole.marker_value))
        amount = round_significant(known.marker_value)
        for row in rows.get((known.outcome, known.visit, known.marker), ()):
            upper = amount >= cuts[row] if at_cut == "upper" else amount > cuts[row]
            inside = upper == above[row]
            own = set(known.label[inside])
            if own <= set(labels) and own.isdisjoint(known.label[~inside]):
                names[row] = " + ".join(label for label in labels if label in own)
    return cutoffs.assign(stratum=names)[names != ""].reset_index(drop=True)


def published_cuts(cutoffs: pd.DataFrame, participants: Participants, layout: Layout) -> pd.DataFrame:
    """Select the comparisons at the quantiles ``trial.cuts``, whatever the analysis; see :func:`analysis_cuts`.

    The result is empty if the trial states no quantiles, or if these leave a stratum without participants.
    """
    trial, analysis = layout.trial, layout.analysis
    none = cutoffs[:0].assign(stratum="")
    if not trial.cuts:
        return none
    rule = StrataRule(cuts=trial.cuts, labels=[str(number) for number in range(len(trial.cuts) + 1)])
    published = analysis.model_copy(update={"strata": rule})
    try:
        strata = build_strata(participants, trial, published)
    except UserError:
        return none
    # The groups of the table follow the analysis, also in the assignment of values at the cutoff.
    here = published.model_copy(update={"strata": rule.model_copy(update={"at_cut": analysis.strata.at_cut})})
    return analysis_cuts(cutoffs, replace(layout, strata=strata, analysis=here))
