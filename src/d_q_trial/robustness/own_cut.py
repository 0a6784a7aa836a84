"""The groups among all cuts that consist of whole strata: where the analysis cuts itself, and where the article does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..changes import significant
from ..config.settings import StrataRule
from ..errors import UserError
from ..strata import build_strata
from .comparisons import stratified
from .cutoffs import CUTOFFS

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis
    from ..participants import Participants
    from ..trial import Trial

COLUMNS = (*CUTOFFS, "stratum")


def own_cuts(
    cutoffs: pd.DataFrame, changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis
) -> pd.DataFrame:
    """Pick the comparisons that are those of the analysis.

    Parameters
    ----------
    cutoffs : pandas.DataFrame
        Every cut, as :func:`.cutoffs.cutoffs_table` sets them.
    changes, strata : pandas.DataFrame

    Returns
    -------
    pandas.DataFrame
        Rows of ``cutoffs`` with one column more, ``stratum``: the stratum, or strata, that the group consists of.
    """
    names = np.full(len(cutoffs), "", dtype=object)
    rows = cutoffs.groupby(["outcome", "visit", "marker"], sort=False).indices
    for entry in stratified(changes, strata, trial, analysis):
        everyone = entry.everybody
        own = rows.get((everyone.outcome, everyone.visit, entry.marker), np.empty(0, dtype=int))
        known = everyone.linked & ~np.isnan(everyone.value) & ~np.isnan(entry.marker_value)
        amount, stratum = significant(entry.marker_value[known]), entry.stratum[known]
        cuts, sides = cutoffs["cut"].to_numpy(float)[own], cutoffs["side"].to_numpy(object)[own]
        for row, cut, side in zip(own, cuts, sides, strict=True):
            upper = amount >= cut if analysis.strata.at_cut == "upper" else amount > cut
            names[row] = _whole_strata(stratum, upper if side == "above" else ~upper, analysis.strata.labels)
    marked = cutoffs.assign(stratum=names)[list(COLUMNS)]
    return marked[marked["stratum"].ne("")].reset_index(drop=True)


def article_cuts(
    cutoffs: pd.DataFrame, participants: Participants, changes: pd.DataFrame, trial: Trial, analysis: Analysis
) -> pd.DataFrame:
    """Pick the comparisons at the quantiles ``trial.cuts``, whatever the analysis does; as :func:`own_cuts`.

    There are none if the trial states no quantiles, or if these leave a stratum without participants.
    """
    none = cutoffs[:0].assign(stratum="")
    if not trial.cuts:
        return none
    rule = StrataRule(cuts=trial.cuts, labels=[str(number) for number in range(len(trial.cuts) + 1)])
    there = analysis.model_copy(update={"strata": rule})
    try:
        strata = build_strata(participants, trial, there)
    except UserError:
        return none
    # The groups of the table are those of the analysis, also in where a value at the cut goes.
    here = there.model_copy(update={"strata": rule.model_copy(update={"at_cut": analysis.strata.at_cut})})
    return own_cuts(cutoffs, changes, strata, trial, here)


def _whole_strata(stratum: np.ndarray, inside: np.ndarray, labels: list[str]) -> str:
    """Name the strata that lie inside a group, if none lies on both sides."""
    own = set(stratum[inside])
    if not own.isdisjoint(stratum[~inside]) or not own <= set(labels):
        return ""
    return " + ".join(label for label in labels if label in own)
