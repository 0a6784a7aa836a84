"""Multiplicity-adjusted P-values, by family."""

import numpy as np
import pandas as pd

from ..comparisons import Comparison, Layout, value_matrix
from ..config.settings import Family, Robustness
from ..labels import select_strata
from ..stats.permutation import Design, MonteCarloP, StepDown, adjust_p, check_memory, labels_for, permuted_blocks
from ..stats.two_sample import get_test

NO_IDS = "participants without ids: their outcomes and visits cannot be permuted together"
COLUMNS = (
    *("family", "outcome", "measure", "visit", "marker", "stratum", "contrast", "n_first", "n_second", "method", "p"),
    *("p_holm", "p_benjamini_hochberg", "p_max_t", "p_max_t_lower", "p_max_t_upper", "permutations", "reason"),
)


def multiplicity_table(layout: Layout, robustness: Robustness) -> pd.DataFrame:
    """Adjust the P-values of each family in the configuration.

    Strata are those of the marker of the analysis. Holm and Benjamini-Hochberg adjust the P-values of the analysis's
    test. Step-down max-T (Westfall and Young) permutes the arm labels of all participants of the family jointly, which
    keeps the correlation of outcomes and visits. Missing values stay missing under permutation, and the arm sizes of a
    stratum vary as they would under another randomization. The statistic is the z of the tie-corrected normal
    approximation, continuity-corrected only if the test of the analysis is.

    Returns a row per family and comparison with the columns ``COLUMNS``. ``p_max_t_lower`` and ``p_max_t_upper`` are
    the 99% Monte Carlo interval; ``reason`` explains a missing max-T.
    """
    test, rows = get_test(layout.analysis.test), []
    for name, family in robustness.families.items():
        members = [c for c in layout.compared if _belongs(c, family, layout)]
        _, is_first, values = value_matrix(members)
        p = test.compare_columns(values, is_first).p
        reason = test.not_permuted or ("" if all(member.linked.all() for member in members) else NO_IDS)
        max_t = MonteCarloP(*np.full((3, len(members)), np.nan))
        if members and not reason:
            check_memory(*values.T.shape, robustness.memory_mb)
            labels = labels_for(is_first, robustness.permutations, robustness.seed)
            design = Design(values, continuity=bool(test.continuity))
            step_down = StepDown(design.observed(is_first).z)
            for block in permuted_blocks(design, labels):
                step_down.add(block)
            max_t = step_down.p(labels.p)
        adjusted = zip(members, p, adjust_p(p, "holm"), adjust_p(p, "fdr_bh"), *max_t[:3], strict=True)
        for member, *p_values in adjusted:
            missing = np.isnan(p_values[-1])
            permutations, why = (None, reason or test.undefined) if missing else (max_t.permutations, "")
            rows.append((name, *member.key, *member.counts(), test.name, *p_values, permutations, why))
    integers = ("n_first", "n_second", "permutations")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(integers, "Int64"))


def _belongs(comparison: Comparison, family: Family, layout: Layout) -> bool:
    """Return whether a family includes a comparison; only strata of the marker of the analysis can belong to one."""
    outcome = layout.trial.outcomes[comparison.outcome]
    return (
        (family.outcomes == "all" or not {outcome.key, outcome.family}.isdisjoint(family.outcomes))
        and (family.visits == "all" or comparison.visit in family.visits)
        and comparison.stratum in select_strata(family.strata, layout.analysis.strata.labels)
        and comparison.marker in ("", layout.analysis.marker)
    )
