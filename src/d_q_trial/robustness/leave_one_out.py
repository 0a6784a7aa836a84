"""How much every P-value depends on a single participant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..files import safe_text
from ..stats.checks import is_significant
from ..stats.two_sample import get_test
from .comparisons import Comparison, all_comparisons, rows_of, table

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis
    from ..trial import Trial


def leave_one_out(changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis) -> pd.DataFrame:
    """Compare the arms without each participant in turn; the strata stay as they are.

    Returns
    -------
    pandas.DataFrame
        Columns as the results, sorted within a comparison by how far P moves. Statistic ``p`` with ``group`` = who is
        left out; for the comparison as a whole ``p_all`` (nobody left out), ``p_minimum``, ``p_maximum`` and ``flips``,
        the number of participants without whom P lies on the other side of alpha. ``n_first`` and ``n_second`` count
        the participants who are compared.
    """
    return table([row for c in all_comparisons(changes, strata, trial, analysis) for row in _rows(c, analysis)])


def _rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    present = np.flatnonzero(~np.isnan(comparison.value))
    if min(comparison.counts()) < 2:
        return []
    columns = np.tile(comparison.value[present][:, None], present.size + 1)  # the last with all participants
    columns[np.diag_indices(present.size)] = np.nan
    test = get_test(analysis.test).compare_columns(columns, comparison.is_first[present])
    without, whole = test.p[:-1], test.p[-1]
    if np.isnan(without).all():
        return []
    flips = (is_significant(without, analysis.alpha) != is_significant(whole, analysis.alpha)).sum()
    extremes = {"p_minimum": np.nanmin(without), "p_maximum": np.nanmax(without)}
    key, method = (*comparison.key, ""), analysis.test
    rows = rows_of(key, comparison.counts(), method, p_all=whole, **extremes, flips=float(flips))
    participants = comparison.participant[present]
    for i in np.lexsort((np.arange(present.size), -np.abs(without - whole))):
        n = int(test.n_first[i]), int(test.n_second[i])
        rows += rows_of((*comparison.key, safe_text(str(participants[i]))), n, method, p=without[i])
    return rows
