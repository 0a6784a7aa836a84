"""Comparisons with the missing values filled in by multiple imputation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..stats.ancova import ancova_effect
from ..stats.estimate import Estimate
from ..stats.imputation import impute, pool
from ..stats.interaction import mann_whitney_effect
from .comparisons import TOO_FEW, Comparison, estimate_rows, generator, rows_of

if TYPE_CHECKING:
    import pandas as pd

    from ..config.robustness import Robustness
    from ..config.settings import Analysis

IMPUTATIONS = 20
EFFECT, ADJUSTED = "mann_whitney_effect", "adjusted_difference"
METHODS = {EFFECT: "placements, t", ADJUSTED: "covariance, HC3, t"}


def imputed_rows(
    own: list[Comparison], markers: pd.DataFrame | None, analysis: Analysis, robustness: Robustness
) -> list[tuple]:
    """Return rows of one outcome from imputed log ratios: all participants and each stratum, at each visit.

    The arms are imputed apart, so that no effect of treatment is assumed; the columns are log baseline, the log ratio
    at each visit, and the markers (as logs where they are positive).
    """
    whole = [c for c in own if not c.marker]
    if not whole or not all(c.linked.all() for c in whole):
        return []
    participants = list(dict.fromkeys(np.concatenate([c.participant for c in whole])))
    place = {person: i for i, person in enumerate(participants)}
    columns = np.full((len(participants), len(whole) + 1), np.nan)
    is_first = np.zeros(len(participants), dtype=bool)
    for index, c in enumerate(whole):
        at = np.array([place[person] for person in c.participant])
        columns[at, index + 1] = c.log_ratio
        is_first[at] = c.is_first
        positive = c.baseline > 0
        columns[at[positive], 0] = np.log(c.baseline[positive])
    if markers is not None:
        columns = np.column_stack([columns, *_marker_columns(markers.reindex(participants).to_numpy(float))])
    sets = IMPUTATIONS if np.isnan(columns).any() else 2  # complete values need no repetition
    filled, reason = np.empty((sets, *columns.shape)), ""
    try:
        for arm in (True, False):
            seed = generator(robustness.seed, "imputation", own[0].outcome, str(arm))
            filled[:, is_first == arm] = impute(columns[is_first == arm], imputations=sets, seed=seed)
    except (ValueError, np.linalg.LinAlgError):
        reason = TOO_FEW
    column = {c.visit: index + 1 for index, c in enumerate(whole)}
    rows = []
    for c in own:
        at = [place[person] for person in c.participant]
        for name in METHODS:
            rows += _pooled_rows(c, name, filled[:, at, 0], filled[:, at, column[c.visit]], analysis, reason)
    return rows


def _marker_columns(values: np.ndarray) -> list[np.ndarray]:
    """Return the markers that vary, as logs where they are positive."""
    varying = [column for column in values.T if np.unique(column[~np.isnan(column)]).size > 1]
    return [np.log(column) if np.nanmin(column) > 0 else column for column in varying]


def _pooled_rows(
    c: Comparison, name: str, log_baseline: np.ndarray, log_ratio: np.ndarray, analysis: Analysis, reason: str
) -> list[tuple]:
    """Return rows of one effect, estimated in every set, shape (sets, participants), and pooled by Rubin's rules."""
    key, confidence = (c.outcome, "log_ratio", *c.key[2:], ""), 1 - analysis.alpha
    n = int(c.is_first.sum()), int((~c.is_first).sum())
    method = f"imputed, {METHODS[name]}, {len(log_ratio)} sets, Rubin's rules"
    pooled, share = Estimate.without_error(np.nan), np.nan
    if not reason:
        estimates = []
        for baseline, ratio in zip(log_baseline, log_ratio, strict=True):
            if name == EFFECT:
                effect = mann_whitney_effect(ratio[c.is_first], ratio[~c.is_first])
                # The distance from no effect, so that P tests it.
                estimates.append((effect.effect - 0.5, effect.variance, effect.df))
            else:
                estimate, error = ancova_effect(ratio, baseline, c.is_first)
                estimates.append((estimate, error**2, sum(n) - 3))
        values, variances, df = np.array(estimates, dtype=float).T
        if np.isnan(variances).any() or not variances.mean() > 0:
            reason = TOO_FEW
        else:
            pooled, share = pool(values, variances, complete_df=float(df.mean()), confidence=confidence)
    if name == EFFECT:
        pooled = pooled._replace(**{part: getattr(pooled, part) + 0.5 for part in ("estimate", "lower", "upper")})
    rows = estimate_rows(key, name, pooled, n, method, reason)
    return rows + rows_of(key, n, method, reason, missing_share=share)
