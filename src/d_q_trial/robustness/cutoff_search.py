"""The best cutoff of each marker, with P corrected for the search and its bootstrap range, and the best split."""

import numpy as np
import pandas as pd
from scipy.special import ndtr

from ..comparisons import Comparison, seeded_generator
from ..config.robustness import Robustness
from ..config.settings import Analysis
from ..stats.maximally_selected import best_cut_bootstrap, best_split
from ..stats.permutation import TOLERANCE, Design, Progress, StepDown, labels_for, permuted_blocks
from ..stats.two_sample import get_test
from ..trial import Trial
from .cutoffs import HEAD, NO_MARKER, TOO_FEW_FOR_CUTS, Subgroups

SIDES = ("above", "below")
RESAMPLES = 499
ENDS = ("", "_lower", "_upper")  # of the names of an estimate and of the limits of its interval
BEST_CUTS = (
    *(*HEAD, "side", "cuts", "cut", "n_first", "n_second", "difference", "lower", "upper", "method", "p"),
    *(f"p_best_of_{scope}{end}" for scope in ("side", "both", "family") for end in ENDS),
    *("permutations", "mann_whitney_effect", "cut_lower", "cut_upper"),
    *("effect_out_of_bag", "effect_out_of_bag_lower", "effect_out_of_bag_upper", "resamples", "reason"),
)
BEST_SPLITS = (
    *(*HEAD, "arm", "n", "cuts", "cut", "z", "p", "p_corrected", "p_corrected_lower", "p_corrected_upper"),
    *("permutations", "reason"),
)
NO_SPLIT = "no cut leaves enough participants on either side"


def best_cuts(
    groups: Subgroups, trial: Trial, analysis: Analysis, robustness: Robustness, progress: Progress | None = None
) -> tuple[pd.DataFrame, np.ndarray]:
    """Find the cutoffs with the largest absolute z above and below, with P corrected for the search.

    The arm labels of all participants are permuted jointly. For each permutation, the same search is repeated over all
    cutoffs that leave ``robustness.minimum_per_arm`` in each arm under those labels, and its largest ``|z|`` is
    compared with the observed one. Each z is that of the tie-corrected normal approximation, continuity-corrected
    only if the test of the cutoffs is. If several cutoffs share the largest ``|z|``, the lowest is chosen.

    Returns a row per marker, outcome, visit and side with the columns ``BEST_CUTS``: ``cuts`` is the number of cutoffs
    tried on that side, ``p`` the P of the cutoff without correction. ``p_best_of_side`` corrects for the search over
    those cutoffs, ``p_best_of_both`` for the search on both sides (at the better of the two), and ``p_best_of_family``
    for the search over both sides, all markers, all visits and all outcomes of the outcome's family (step-down,
    Westfall and Young); each has its 99% Monte Carlo interval. ``cut_lower`` to ``cut_upper`` is the percentile range
    of the cutoff over bootstrap resamples. ``effect_out_of_bag``, with its range, is the median Mann-Whitney effect at
    the best cutoff of each resample, in the participants left out of it. ``reason`` explains a missing cutoff.

    The second value has, for each group, P corrected for the search over all cutoffs on both sides (step-down); NaN for
    windows, for groups that are too small, and if the test is not permuted. Miller and Siegmund (1982), Biometrics 38,
    1011-1016, applied to the comparison of arms within a subgroup.
    """
    table, test = groups.table, get_test(analysis.test)
    # In the order of the table the lowest of equally good cutoffs comes first.
    tried = table[table["side"].ne("window") & (not test.not_permuted)]
    continuity = [bool(get_test(name).continuity) for name in tried["method"]]
    changes = groups.values[:, tried.index]
    design = Design(changes, minimum_per_arm=robustness.minimum_per_arm, continuity=continuity)
    observed, families = design.observed(groups.is_first), {key: o.family for key, o in trial.outcomes.items()}
    labels = labels_for(groups.is_first, robustness.permutations, robustness.seed)
    scopes = {"side": ["comparison", "side"], "both": "comparison", "family": tried["outcome"].map(families)}
    searches = {scope: StepDown(observed.z, tried.groupby(keys).ngroup()) for scope, keys in scopes.items()}
    for block in permuted_blocks(design, labels, progress=progress) if len(tried) else ():
        for search in searches.values():
            search.add(block)
    tried, corrected = tried.assign(cut=tried["position"], z=np.abs(observed.z)), np.full(len(table), np.nan)
    for scope, search in searches.items():
        tried[[f"p_best_of_{scope}{end}" for end in ENDS]] = np.column_stack(search.p(labels.p)[:3])
    corrected[tried.index] = tried["p_best_of_both"]
    on_side = tried.groupby(["comparison", "side"])["z"]
    is_best = tried["z"] >= on_side.transform("max") * (1 - TOLERANCE)
    best = tried.assign(cuts=on_side.transform("count"))[is_best].drop_duplicates(["comparison", "side"])
    is_worse = best["z"] < best.groupby("comparison")["z"].transform("max")  # the other side has the better cutoff
    best.loc[is_worse, [f"p_best_of_both{end}" for end in ENDS]] = np.nan
    places = [(groups.comparisons[row.comparison], row.side) for row in best.itertuples()]
    columns = [_bootstrap_columns(*place, analysis, robustness) for place in places]
    best = best.assign(permutations=labels.count).join(pd.DataFrame(columns, best.index)).drop(columns=list(HEAD))
    rows = []
    for number, c in enumerate(groups.comparisons):
        reason = test.not_permuted or (TOO_FEW_FOR_CUTS if c.value.size else NO_MARKER)  # if there is no cutoff
        rows += [(number, *c.head, side, reason) for side in SIDES]
    frame = pd.DataFrame(rows, columns=["comparison", *HEAD, "side", "reason"]).astype({"comparison": int})
    frame = frame.join(best.set_index(["comparison", "side"]), on=["comparison", "side"]).fillna({"cuts": 0})
    frame["reason"] = frame["reason"].where(frame["cut"].isna(), "")
    integers = ("cuts", "n_first", "n_second", "permutations", "resamples")
    return frame.reindex(columns=list(BEST_CUTS)).astype(dict.fromkeys(integers, "Int64")), corrected


def _bootstrap_columns(c: Comparison, side: str, analysis: Analysis, robustness: Robustness) -> dict[str, float]:
    """Return the columns of one best cutoff that come from bootstrap resamples."""
    options = {"above": side == "above", "at_cut_upper": analysis.strata.at_cut == "upper", "resamples": RESAMPLES}
    seed = seeded_generator(robustness.seed, "bootstrap", *c.head, side)
    data = c.marker_value, c.value, c.is_first
    cuts, effects = best_cut_bootstrap(*data, **options, minimum_per_arm=robustness.minimum_per_arm, seed=seed)
    cuts, effects = cuts[~np.isnan(cuts)], effects[~np.isnan(effects)]
    columns: dict[str, float] = {"resamples": cuts.size}
    ends = {"_lower": analysis.alpha / 2, "_upper": 1 - analysis.alpha / 2}
    if cuts.size:  # both ends are cutoffs that some resample chose
        columns |= {f"cut{end}": np.quantile(cuts, share, method="inverted_cdf") for end, share in ends.items()}
    if effects.size:
        quantiles = {"": 0.5} | ends
        columns |= {f"effect_out_of_bag{end}": np.quantile(effects, share) for end, share in quantiles.items()}
    return columns


def best_splits(groups: Subgroups, trial: Trial, robustness: Robustness) -> pd.DataFrame:
    """Split the changes of each arm along each marker; see :func:`~d_q_trial.stats.maximally_selected.best_split`.

    Columns ``BEST_SPLITS``. ``z`` is positive if changes are larger at or above ``cut``; ``p`` is that of the cutoff
    without correction, by the normal approximation; ``p_corrected``, with its 99% Monte Carlo interval, is corrected.
    """
    rows = []
    options = {"minimum": robustness.minimum_per_arm, "permutations": robustness.permutations, "seed": robustness.seed}
    for comparison in groups.comparisons:
        for arm, in_arm in zip(trial.analysed_arms, (comparison.is_first, ~comparison.is_first), strict=True):
            split = best_split(comparison.marker_value[in_arm], comparison.value[in_arm], **options)
            reason = "" if not np.isnan(split.z) else (NO_SPLIT if in_arm.any() else NO_MARKER)
            results = (split.n, split.splits, split.cut, split.z, 2 * ndtr(-abs(split.z)), *split.p[:3])
            rows.append((*comparison.head, arm, *results, split.p.permutations or None, reason))
    integers = dict.fromkeys(("n", "cuts", "permutations"), "Int64")
    return pd.DataFrame(rows, columns=list(BEST_SPLITS)).astype(integers)
