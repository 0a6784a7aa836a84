"""How much every P-value leans on a single participant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..files import safe_text
from ..stats.checks import is_significant
from ..stats.two_sample import get_test
from .comparisons import Comparison, all_comparisons, table

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis
    from ..trial import Trial


def leave_one_out(changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis) -> pd.DataFrame:
    """Compare the arms without each participant in turn; strata stay as they are.

    Returns
    -------
    pandas.DataFrame
        Columns as the results, sorted within a comparison by how far P moves. Statistic ``p`` with ``group`` = who is
        left out; for the comparison as a whole ``p_all`` (nobody left out), ``p_minimum``, ``p_maximum`` and ``flips``,
        the number of participants whose absence takes P across alpha. ``n_first`` and ``n_second`` count who stays.
    """
    rows: list[tuple] = []
    for comparison in all_comparisons(changes, strata, trial, analysis):
        rows += _rows(comparison, analysis)
    return table(rows)


def _rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    present = np.flatnonzero(~np.isnan(comparison.value))
    first, second = comparison.counts()
    if min(first, second) < 2:
        return []
    values = np.tile(comparison.value[present][:, None], present.size)
    values[np.diag_indices(present.size)] = np.nan
    everybody = comparison.value[present][:, None]
    test = get_test(analysis.test).compare_columns(np.hstack([everybody, values]), comparison.is_first[present])
    whole, without = test.p[0], test.p[1:]
    if np.isnan(without).all():
        return []
    flips = float((is_significant(without, analysis.alpha) != is_significant(whole, analysis.alpha)).sum())
    summary = (
        ("p_all", whole),
        ("p_minimum", np.nanmin(without)),
        ("p_maximum", np.nanmax(without)),
        ("flips", flips),
    )
    rows = [(*comparison.key, "", name, value, first, second, analysis.test, "") for name, value in summary]
    people = comparison.participant[present]
    for i in np.lexsort((np.arange(present.size), -np.abs(without - whole))):
        n = test.n_first[i + 1], test.n_second[i + 1]
        rows.append((*comparison.key, safe_text(str(people[i])), "p", without[i], *map(int, n), analysis.test, ""))
    return rows
