"""The analyses that the paper announces and does not print: covariance, repeated measures, imputed values, bounds."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ..stats.ancova import ancova
from ..stats.bounds import p_bounds
from ..stats.estimate import Estimate
from ..stats.mixed import random_intercept
from ..stats.two_sample import get_test
from .comparisons import TOO_FEW, Comparison, all_comparisons, estimate_rows, table
from .imputed import imputed_rows

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis, Robustness
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
        rows += covariance_rows(comparison, analysis)
        rows += _bound_rows(comparison, analysis)
    for visits in _over_visits(comparisons):
        rows += mixed_rows(visits, analysis)
    for outcome in dict.fromkeys(c.outcome for c in comparisons):
        own = [c for c in comparisons if c.outcome == outcome]
        rows += imputed_rows(own, markers, analysis, robustness)
    return table(rows)


def covariance_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    """Rows of both analyses of covariance; the one on the log scale also in percent."""
    confidence = 1 - analysis.alpha
    with np.errstate(divide="ignore", invalid="ignore"):
        log_baseline = np.log(np.where(comparison.baseline > 0, comparison.baseline, np.nan))
    percent = 100 * np.expm1(comparison.log_ratio)
    rows = []
    for measure, response, covariate, method in (
        ("log_ratio", comparison.log_ratio, log_baseline, "covariance, log scale, HC3, t"),
        ("percent_change", percent, comparison.baseline, "covariance, percent change, HC3, t"),
    ):
        used = np.where(np.isnan(covariate), np.nan, response)
        n = comparison.counts(used)
        key = (comparison.outcome, measure, *comparison.key[2:], "")
        found = Estimate.without_error(np.nan)
        if sum(n) > 3:
            found = ancova(used, covariate, comparison.is_first, confidence=confidence)
        reason = "" if found.p == found.p else (TOO_FEW if np.isfinite(covariate).any() else NO_BASELINE)
        rows += estimate_rows(key, "adjusted_difference", found, n, method, reason)
        if measure == "log_ratio":
            rows += _percent_rows(key, found, n, method, reason)
    return rows


def mixed_rows(visits: list[Comparison], analysis: Analysis) -> list[tuple]:
    """Rows of the mixed model over all visits of an outcome: the effect at each visit, and their mean.

    Log ratio on visit, visit x arm and log baseline, with a random intercept per participant; every participant with at
    least one follow-up counts.
    """
    if len(visits) < 2:
        return []
    k = len(visits)
    confidence, method = 1 - analysis.alpha, "mixed model, restricted likelihood, t (Satterthwaite)"
    blocks, response, participant = [], [], []
    for index, comparison in enumerate(visits):
        own = np.eye(k)[index] * np.ones((comparison.value.size, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            log_baseline = np.log(np.where(comparison.baseline > 0, comparison.baseline, np.nan))
        linked = np.where(comparison.linked, comparison.log_ratio, np.nan)
        blocks.append(np.column_stack([own, own * comparison.is_first[:, None], log_baseline]))
        response.append(linked)
        participant.append(comparison.participant.astype(str))
    design, response, participant = np.vstack(blocks), np.concatenate(response), np.concatenate(participant)
    centre = design[~np.isnan(response), -1]
    design[:, -1] -= np.nanmean(centre) if np.isfinite(centre).any() else 0.0
    try:
        fit, reason = random_intercept(design, response, participant), ""
    except ValueError:
        fit, reason = None, TOO_FEW if np.isfinite(centre).any() else NO_BASELINE
    rows = []
    for index, visit in enumerate([*(c.visit for c in visits), EVERY_VISIT]):
        effect = np.eye(k)[index] if index < k else np.full(k, 1 / k)
        found = Estimate.without_error(np.nan)
        if fit:
            found = fit.contrast(np.concatenate([np.zeros(k), effect, [0.0]]), confidence=confidence)
        used = [c.counts(np.where(np.isnan(c.baseline), np.nan, c.log_ratio)) for c in visits]
        n = used[index] if index < k else _participants(visits)
        key = (visits[0].outcome, "log_ratio", visit, *visits[0].key[3:], "")
        rows += estimate_rows(key, "adjusted_difference", found, n, method, reason)
        rows += _percent_rows(key, found, n, method, reason)
    return rows


def _percent_rows(key: tuple, found: Estimate, n: tuple[int, int], method: str, reason: str) -> list[tuple]:
    """Rows of a difference of logs as percent: by how much the treated ratio exceeds that of the control arm."""
    names = ("adjusted_percent", "adjusted_percent_lower", "adjusted_percent_upper")
    values = (found.estimate, found.lower, found.upper)
    return [(*key, name, 100 * np.expm1(v), *n, method, reason) for name, v in zip(names, values, strict=True)]


def _participants(visits: list[Comparison]) -> tuple[int, int]:
    """Count the participants of either arm who have a baseline and some follow-up."""
    arms: tuple[set, set] = (set(), set())
    for c in visits:
        for person, first in zip(c.participant, c.is_first, strict=True):
            arms[not first].add(person)
    seen = {
        person for c in visits for person in c.participant[c.linked & ~np.isnan(c.log_ratio) & ~np.isnan(c.baseline)]
    }
    return len(arms[0] & seen), len(arms[1] & seen)


def _over_visits(comparisons: list[Comparison]) -> list[list[Comparison]]:
    def whose(c: Comparison) -> tuple[str, str, str]:
        return (c.outcome, c.marker, c.stratum)

    order = {c: i for i, c in enumerate(dict.fromkeys(map(whose, comparisons)))}
    ordered = sorted(comparisons, key=lambda c: order[whose(c)])
    return [list(group) for _, group in groupby(ordered, key=whose)]


def _bound_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    """Rows of the lowest and highest P; n counts everybody, also those without a value."""
    total = int(comparison.is_first.sum()), int((~comparison.is_first).sum())
    key, method = (*comparison.key, ""), f"any values of the missing, {analysis.test}"
    reason = get_test(analysis.test).no_bounds if comparison.linked.all() else NO_IDS
    if reason:
        return [(*key, name, np.nan, *total, method, reason) for name in ("p_lowest", "p_highest")]
    missing = [all_ - seen for all_, seen in zip(total, comparison.counts(), strict=True)]
    found = p_bounds(*comparison.samples(), *missing, method=analysis.test)
    return [
        (*key, "p_lowest", found.lowest, *total, method, ""),
        (*key, "p_highest", found.highest, *total, method, "" if found.highest_is_exact else AT_LEAST),
    ]
