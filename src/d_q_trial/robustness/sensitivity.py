"""The analyses that the paper announces and does not report: ANCOVA, repeated measures, imputed values, and bounds."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ..stats.ancova import ancova
from ..stats.bounds import p_bounds
from ..stats.estimate import Estimate
from ..stats.mixed import random_intercept
from ..stats.two_sample import get_test
from .comparisons import TOO_FEW, Comparison, all_comparisons, estimate_rows, rows_of, table
from .imputed import imputed_rows

if TYPE_CHECKING:
    import pandas as pd

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..trial import Trial

EVERY_VISIT = "mean of visits"

NO_BASELINE = "no baseline values of the same participants"
NO_IDS = "participants without ids: who is missing is not known"
AT_LEAST = "at least this; the search was cut short"


def sensitivity(
    changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness
) -> pd.DataFrame:
    """Repeat every comparison of changes by the announced methods; columns as the results.

    ``method`` says which: ``covariance`` (log follow-up on arm and log baseline, or percent change on arm and baseline,
    HC3), ``mixed model`` (log ratio over all visits), ``imputed`` (multiple imputation, pooled by Rubin's rules) and
    ``any values`` (lowest and highest P that the missing participants could give).
    """
    comparisons = all_comparisons(changes, strata, trial, analysis)
    markers = strata.pivot(index="participant", columns="marker", values="marker_value") if len(strata) else None
    rows: list[tuple] = []
    for comparison in comparisons:
        rows += covariance_rows(comparison, analysis) + _bound_rows(comparison, analysis)
    for visits in _by(comparisons, lambda c: (c.outcome, c.marker, c.stratum)):
        rows += mixed_rows(visits, analysis)
    for own in _by(comparisons, lambda c: c.outcome):
        rows += imputed_rows(own, markers, analysis, robustness)
    return table(rows)


def covariance_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    """Return rows of both analyses of covariance; the one on the log scale also in percent."""
    percent = 100 * np.expm1(comparison.log_ratio)
    rows = []
    for measure, response, covariate, method in (
        ("log_ratio", comparison.log_ratio, _log(comparison.baseline), "covariance, log scale, HC3, t"),
        ("percent_change", percent, comparison.baseline, "covariance, percent change, HC3, t"),
    ):
        used = np.where(np.isnan(covariate), np.nan, response)
        n = comparison.counts(used)
        key = (comparison.outcome, measure, *comparison.key[2:], "")
        found = Estimate.without_error(np.nan)
        if sum(n) > 3:
            found = ancova(used, covariate, comparison.is_first, confidence=1 - analysis.alpha)
        reason = "" if found.p == found.p else (TOO_FEW if np.isfinite(covariate).any() else NO_BASELINE)
        rows += estimate_rows(key, "adjusted_difference", found, n, method, reason)
        if measure == "log_ratio":
            rows += _percent_rows(key, found, n, method, reason)
    return rows


def mixed_rows(visits: list[Comparison], analysis: Analysis) -> list[tuple]:
    """Return rows of the mixed model over all visits of an outcome: the effect at each visit, and their mean.

    Log ratio on visit, visit x arm and log baseline, with a random intercept per participant; every participant with at
    least one follow-up counts.
    """
    if len(visits) < 2:
        return []
    k, method = len(visits), "mixed model, restricted likelihood, t (Satterthwaite)"
    whose, response, log_baseline, is_first = (
        np.concatenate(parts)
        for parts in zip(
            *(
                (c.participant.astype(str), np.where(c.linked, c.log_ratio, np.nan), _log(c.baseline), c.is_first)
                for c in visits
            ),
            strict=True,
        )
    )
    at_visit = np.repeat(np.eye(k), [c.value.size for c in visits], axis=0)
    centre = log_baseline[~np.isnan(response)]
    log_baseline = log_baseline - (np.nanmean(centre) if np.isfinite(centre).any() else 0.0)
    design = np.column_stack([at_visit, at_visit * is_first[:, None], log_baseline])
    try:
        fit, reason = random_intercept(design, response, whose), ""
    except ValueError:
        fit, reason = None, TOO_FEW if np.isfinite(centre).any() else NO_BASELINE
    used = ~np.isnan(response) & np.concatenate([~np.isnan(c.baseline) for c in visits])
    n = [c.counts(np.where(np.isnan(c.baseline), np.nan, c.log_ratio)) for c in visits]
    n.append(tuple(np.unique(whose[used & side]).size for side in (is_first, ~is_first)))
    rows = []
    for index, visit in enumerate([*(c.visit for c in visits), EVERY_VISIT]):
        effect = np.eye(k)[index] if index < k else np.full(k, 1 / k)
        found = Estimate.without_error(np.nan)
        if fit:
            found = fit.contrast(np.concatenate([np.zeros(k), effect, [0.0]]), confidence=1 - analysis.alpha)
        key = (visits[0].outcome, "log_ratio", visit, *visits[0].key[3:], "")
        rows += estimate_rows(key, "adjusted_difference", found, n[index], method, reason)
        rows += _percent_rows(key, found, n[index], method, reason)
    return rows


def _bound_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    """Return rows of the lowest and highest P; n counts all participants, those without a value included."""
    total = int(comparison.is_first.sum()), int((~comparison.is_first).sum())
    key, method = (*comparison.key, ""), f"any values of the missing, {analysis.test}"
    reason = get_test(analysis.test).no_bounds if comparison.linked.all() else NO_IDS
    if reason:
        return rows_of(key, total, method, reason, p_lowest=np.nan, p_highest=np.nan)
    missing = [both - seen for both, seen in zip(total, comparison.counts(), strict=True)]
    found = p_bounds(*comparison.samples(), *missing, method=analysis.test)
    cut_short = "" if found.highest_is_exact else AT_LEAST
    return rows_of(key, total, method, p_lowest=found.lowest) + rows_of(
        key, total, method, cut_short, p_highest=found.highest
    )


def _percent_rows(key: tuple, found: Estimate, n: tuple[int, int], method: str, reason: str) -> list[tuple]:
    """Return rows of a difference of logs as percent: by how much the treated ratio exceeds that of the control arm."""
    values = {"": found.estimate, "_lower": found.lower, "_upper": found.upper}
    percent = {f"adjusted_percent{name}": 100 * np.expm1(value) for name, value in values.items()}
    return rows_of(key, n, method, reason, **percent)


def _log(baseline: np.ndarray) -> np.ndarray:
    """Return the logarithm of the positive values, NaN for the others."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(np.where(baseline > 0, baseline, np.nan))


def _by(comparisons: list[Comparison], key) -> list[list[Comparison]]:
    """Return the comparisons in groups with the same key, in order of appearance."""
    order = {value: number for number, value in enumerate(dict.fromkeys(map(key, comparisons)))}
    return [list(group) for _, group in groupby(sorted(comparisons, key=lambda c: order[key(c)]), key=key)]
