"""The comparisons among all cuts that are those of the analysis, and those of the published cuts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..config.settings import StrataRule
from ..errors import UserError
from ..stats.change import significant
from ..strata import build_strata
from .comparisons import stratified

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis
    from ..participants import Participants
    from ..trial import Trial


def prespecified_cuts(
    cutoffs: pd.DataFrame, changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis
) -> pd.DataFrame:
    """Pick the comparisons at the cuts of the analysis: those whose group consists of whole strata.

    Parameters
    ----------
    cutoffs : pandas.DataFrame
        Every cut, as :func:`.cutoffs.cutoffs_table` returns them.
    changes, strata : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        Rows of ``cutoffs`` with one column more, ``stratum``: the stratum, or strata, that the group consists of.
    """
    names = np.full(len(cutoffs), "", dtype=object)
    rows = cutoffs.groupby(["outcome", "visit", "marker"], sort=False).indices
    labels = analysis.strata.labels
    for entry in stratified(changes, strata, trial, analysis):
        everyone = entry.overall
        known = everyone.linked & ~np.isnan(everyone.value) & ~np.isnan(entry.marker_value)
        amount, stratum = significant(entry.marker_value[known]), entry.stratum[known]
        for row in rows.get((everyone.outcome, everyone.visit, entry.marker), ()):
            cut, above = cutoffs["cut"].iat[row], cutoffs["side"].iat[row] == "above"
            upper = amount >= cut if analysis.strata.at_cut == "upper" else amount > cut
            inside = upper if above else ~upper
            own = set(stratum[inside])
            if own <= set(labels) and own.isdisjoint(stratum[~inside]):
                names[row] = " + ".join(label for label in labels if label in own)
    return cutoffs.assign(stratum=names)[names != ""].reset_index(drop=True)


def published_cuts(
    cutoffs: pd.DataFrame, participants: Participants, changes: pd.DataFrame, trial: Trial, analysis: Analysis
) -> pd.DataFrame:
    """Pick the comparisons at the quantiles ``trial.cuts``, whatever the analysis does; as :func:`prespecified_cuts`.

    There are none if the trial states no quantiles, or if these leave a stratum without participants.
    """
    none = cutoffs[:0].assign(stratum="")
    if not trial.cuts:
        return none
    rule = StrataRule(cuts=trial.cuts, labels=[str(number) for number in range(len(trial.cuts) + 1)])
    published = analysis.model_copy(update={"strata": rule})
    try:
        strata = build_strata(participants, trial, published)
    except UserError:
        return none
    # The groups of the table are those of the analysis, also in where a value at the cut goes.
    here = published.model_copy(update={"strata": rule.model_copy(update={"at_cut": analysis.strata.at_cut})})
    return prespecified_cuts(cutoffs, changes, strata, trial, here)
