"""Whether treatment works differently in different strata, for every outcome, visit and marker."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ..stats.ancova import marker_interaction
from ..stats.interaction import effect_difference, mann_whitney_effect, permuted_strata_p
from .comparisons import Stratified, generator, stratified, table

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis, Robustness
    from ..trial import Trial

NO_VARIANCE = "a group is smaller than two, or the arms of a stratum do not overlap"
NO_DEAL = "a group is smaller than two"
NO_SLOPE = "too few participants with a positive change and a marker value"


def interactions(
    changes: pd.DataFrame, strata: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness
) -> pd.DataFrame:
    """Test the interaction of treatment with strata and with the marker itself.

    Returns
    -------
    pandas.DataFrame
        Columns as the results. Contrast ``d_q - control, T3 - T1/T2``: ``effect_difference`` of the Mann-Whitney
        effects with interval and P by Student's t, and P with its Monte Carlo interval from strata dealt anew within
        arms; ``n_first`` and ``n_second`` count the participants of the upper and the lower stratum. Contrast
        ``d_q - control x marker``: ``slope_difference`` of the log ratio per standard deviation of the marker;
        ``n_first`` and ``n_second`` count the arms.
    """
    rows: list[tuple] = []
    for entry in stratified(changes, strata, trial, analysis):
        for lower, upper in combinations(analysis.strata.labels, 2):
            rows += _between_strata(entry, upper, lower, analysis, robustness)
        rows += _along_marker(entry, analysis)
    return table(rows)


def _between_strata(
    entry: Stratified, upper: str, lower: str, analysis: Analysis, robustness: Robustness
) -> list[tuple]:
    groups = {label: entry.stratum_of(label) for label in (upper, lower)}
    n = tuple(sum(group.counts()) for group in groups.values())
    whole = entry.everybody
    contrast = f"{whole.contrast}, {upper} - {lower}"
    head = (whole.outcome, whole.measure, whole.visit, entry.marker, "", contrast, "")
    effects = [mann_whitney_effect(*group.samples()) for group in groups.values()]
    if any(np.isnan(effect.effect) for effect in effects):
        return []
    found = effect_difference(*effects, confidence=1 - analysis.alpha)
    placements = f"placements, t, level {1 - analysis.alpha:g}"
    reason = "" if found.p == found.p else NO_VARIANCE
    rows = [
        (*head, "effect_difference", found.estimate, *n, "Mann-Whitney effects", ""),
        (*head, "effect_difference_lower", found.lower, *n, placements, reason),
        (*head, "effect_difference_upper", found.upper, *n, placements, reason),
        (*head, "p", found.p, *n, placements, reason),
    ]
    chosen = np.isin(entry.stratum, [upper, lower])
    dealt = permuted_strata_p(
        whole.value[chosen],
        whole.is_first[chosen],
        entry.stratum[chosen] == upper,
        permutations=robustness.permutations,
        seed=generator(robustness.seed, *head[:6]),
    )
    method = f"strata dealt within arms, {dealt.permutations or robustness.permutations} permutations"
    reason = "" if dealt.permutations else NO_DEAL
    for statistic, value in (("p", dealt.p), ("p_lower", dealt.lower), ("p_upper", dealt.upper)):
        rows.append((*head, statistic, value, *n, method, reason))
    return rows


def _along_marker(entry: Stratified, analysis: Analysis) -> list[tuple]:
    whole = entry.everybody
    if np.isnan(entry.marker_value).all():
        return []
    both = np.where(np.isnan(entry.marker_value), np.nan, whole.log_ratio)
    found = marker_interaction(both, entry.marker_value, whole.is_first, confidence=1 - analysis.alpha)
    head = (whole.outcome, "log_ratio", whole.visit, entry.marker, "", f"{whole.contrast} x marker", "")
    method = f"log ratio on arm x marker, HC3, t, level {1 - analysis.alpha:g}"
    reason = "" if found.p == found.p else NO_SLOPE
    values = zip(
        ("slope_difference", "slope_difference_lower", "slope_difference_upper", "p"),
        (found.estimate, found.lower, found.upper, found.p),
        strict=True,
    )
    return [(*head, statistic, value, *whole.counts(both), method, reason) for statistic, value in values]
