"""Interaction of treatment with the strata and with the marker itself, for every outcome, visit and marker."""

from itertools import combinations

import numpy as np
import pandas as pd

from ..comparisons import Comparison, Layout, estimate_rows, result_rows, results_frame, seeded_generator
from ..config.settings import Analysis, Robustness
from ..stats.ancova import marker_interaction
from ..stats.estimate import effect_difference, mann_whitney_effect, permuted_strata_p
from ..stats.two_sample import get_test

NO_OVERLAP = get_test("brunner_munzel").undefined  # of a Mann-Whitney effect without variance
TOO_FEW = "too few participants, or too little variation"
GROUP_TOO_SMALL = "a group is smaller than two"


def interaction_table(layout: Layout, robustness: Robustness) -> pd.DataFrame:
    """Test the interaction of treatment with each pair of strata, and with the marker itself.

    Columns are those of the results. Contrast ``d_q - control, T3 - T1/T2``: ``effect_difference`` of the Mann-Whitney
    effects with interval and P by Student's t, and P from strata permuted within arms, with its Monte Carlo interval;
    ``n_first`` and ``n_second`` count the participants of the upper and the lower stratum. Contrast
    ``d_q - control x marker``: ``slope_difference`` of the log ratio (of the difference, if differences are analysed) per
    standard deviation of the marker; ``n_first`` and ``n_second`` count the arms.
    """
    analysis, rows = layout.analysis, []
    for c in (c for c in layout.by_marker if c.is_change):
        for lower, upper in combinations(analysis.strata.labels, 2):
            rows += _strata_rows(c, upper, lower, analysis, robustness)
        if not np.isnan(c.marker_value).all():
            response = np.where(np.isnan(c.marker_value), np.nan, c.modelled)
            slopes = marker_interaction(response, c.marker_value, c.is_first, confidence=1 - analysis.alpha)
            key = (c.outcome, c.scale, c.visit, c.marker, "", f"{c.contrast} x marker", "")
            method = f"{c.scale.replace('_', ' ')} on arm x marker, HC3, t, level {1 - analysis.alpha:.10g}"
            reason = c.no_logarithm or TOO_FEW
            rows += estimate_rows(key, "slope_difference", slopes, c.counts(response), method, reason)
    return results_frame(rows)


def _strata_rows(c: Comparison, upper: str, lower: str, analysis: Analysis, robustness: Robustness) -> list[tuple]:
    """Return rows of the interaction of treatment with two strata; none if an arm of a stratum has no value."""
    strata = [c.within(c.label == label) for label in (upper, lower)]
    n = tuple(sum(stratum.counts()) for stratum in strata)
    key = (*c.head, "", f"{c.contrast}, {upper} - {lower}", "")
    effects = [mann_whitney_effect(*stratum.samples()) for stratum in strata]
    if any(np.isnan(effect.estimate) for effect in effects):
        return []
    difference = effect_difference(*effects, confidence=1 - analysis.alpha)
    method = f"placements, t, level {1 - analysis.alpha:.10g}"
    _, *uncertainty = estimate_rows(key, "effect_difference", difference, n, method, NO_OVERLAP)
    rows = result_rows(key, n, "Mann-Whitney effects", effect_difference=difference.estimate) + uncertainty
    both, count = c.within(np.isin(c.label, [upper, lower])), robustness.permutations
    seed = seeded_generator(robustness.seed, *key[:6])
    permuted = permuted_strata_p(both.value, both.is_first, both.label == upper, permutations=count, seed=seed)
    method = f"strata permuted within arms, {permuted.permutations or count} permutations"
    p = {"p": permuted.p, "p_lower": permuted.lower, "p_upper": permuted.upper}
    return rows + result_rows(key, n, method, GROUP_TOO_SMALL, **p)
