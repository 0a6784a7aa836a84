"""Comparisons with the missing values filled in by multiple imputation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..stats.ancova import ancova
from ..stats.estimate import Estimate
from ..stats.imputation import impute, pool
from ..stats.interaction import mann_whitney_effect
from .comparisons import TOO_FEW, Comparison, estimate_rows, generator

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis, Robustness

IMPUTATIONS = 20


def imputed_rows(
    own: list[Comparison], markers: pd.DataFrame | None, analysis: Analysis, robustness: Robustness
) -> list[tuple]:
    """Rows of one outcome from imputed log ratios: everybody and each stratum, at each visit.

    The arms are imputed apart, so that no effect of treatment is assumed; the columns are log baseline, the log ratio
    at each visit, and the markers (as logs where they are positive).
    """
    whole = [c for c in own if not c.marker]
    if not whole or not all(c.linked.all() for c in whole):
        return []
    people = list(dict.fromkeys(np.concatenate([c.participant for c in whole])))
    place = {person: i for i, person in enumerate(people)}
    columns = np.full((len(people), len(whole) + 1), np.nan)
    is_first = np.zeros(len(people), dtype=bool)
    for index, c in enumerate(whole):
        at = [place[person] for person in c.participant]
        columns[at, index + 1] = c.log_ratio
        is_first[at] = c.is_first
        seen = c.baseline > 0
        columns[np.array(at)[seen], 0] = np.log(c.baseline[seen])
    if markers is not None:
        columns = np.column_stack([columns, _marker_columns(markers.reindex(people).to_numpy(float))])
    sets = IMPUTATIONS if np.isnan(columns).any() else 2  # complete values need no repetition
    filled = np.empty((sets, *columns.shape))
    try:
        for arm in (True, False):
            seed = generator(robustness.seed, "imputation", own[0].outcome, str(arm))
            filled[:, is_first == arm] = impute(columns[is_first == arm], imputations=sets, seed=seed)
        reason = ""
    except (ValueError, np.linalg.LinAlgError):
        reason = TOO_FEW
    visits = {c.visit: index + 1 for index, c in enumerate(whole)}
    rows = []
    for c in own:
        at = np.array([place[person] for person in c.participant])
        rows += _pooled_rows(c, filled[:, at, 0], filled[:, at, visits[c.visit]], analysis, reason)
    return rows


def _marker_columns(values: np.ndarray) -> np.ndarray:
    """Return the markers that vary, as logs where they are positive."""
    varying = [column for column in values.T if np.unique(column[~np.isnan(column)]).size > 1]
    columns = [np.log(column) if np.nanmin(column) > 0 else column for column in varying]
    return np.column_stack(columns) if columns else np.empty((len(values), 0))


def _pooled_rows(
    c: Comparison, log_baseline: np.ndarray, log_ratio: np.ndarray, analysis: Analysis, reason: str
) -> list[tuple]:
    confidence = 1 - analysis.alpha
    key = (c.outcome, "log_ratio", *c.key[2:], "")
    n = int(c.is_first.sum()), int((~c.is_first).sum())
    rows = []
    for name, method in (("mann_whitney_effect", "placements, t"), ("adjusted_difference", "covariance, HC3, t")):
        pooled, share, why = Estimate.without_error(np.nan), np.nan, reason
        if not why:
            estimates = []
            for baseline, ratio in zip(log_baseline, log_ratio, strict=True):
                if name == "mann_whitney_effect":
                    effect = mann_whitney_effect(ratio[c.is_first], ratio[~c.is_first])
                    # The distance from no effect, so that P tests it.
                    estimates.append((effect.effect - 0.5, effect.variance, effect.df))
                else:
                    found = ancova(ratio, baseline, c.is_first, confidence=confidence)
                    estimates.append((found.estimate, found.standard_error**2, sum(n) - 3))
            values, variances, df = (np.array(column) for column in zip(*estimates, strict=True))
            if np.isnan(variances).any() or not variances.mean() > 0:
                why = TOO_FEW
            else:
                pooled, share = pool(values, variances, complete_df=float(df.mean()), confidence=confidence)
        if name == "mann_whitney_effect":
            pooled = pooled._replace(**{f: getattr(pooled, f) + 0.5 for f in ("estimate", "lower", "upper")})
        label = f"imputed, {method}, {len(log_ratio)} sets, Rubin's rules"
        rows += estimate_rows(key, name, pooled, n, label, why)
        rows.append((*key, "missing_share", share, *n, label, why))
    return rows
