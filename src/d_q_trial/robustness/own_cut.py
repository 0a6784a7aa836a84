"""The groups among all cuts that consist of whole strata of the analysis: where it cuts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..changes import significant
from .comparisons import stratified
from .cutoffs import CUTOFFS

if TYPE_CHECKING:
    import pandas as pd

    from ..settings import Analysis
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


def _whole_strata(stratum: np.ndarray, inside: np.ndarray, labels: list[str]) -> str:
    """Name the strata that lie inside a group, if none lies on both sides."""
    own = set(stratum[inside])
    if not own.isdisjoint(stratum[~inside]) or not own <= set(labels):
        return ""
    return " + ".join(label for label in labels if label in own)
