"""The best cutoff of each marker, with P corrected for the search and its bootstrap range, and the best split."""

import itertools

import numpy as np
import pandas as pd
from scipy.special import ndtr

from ..comparisons import seeded_generator, value_matrix
from ..config.robustness import Robustness
from ..config.settings import Analysis
from ..stats.maximally_selected import best_cut_bootstrap, best_split
from ..stats.permutation import TOLERANCE, Design, MonteCarloP, Progress, StepDown, labels_for, permuted_blocks
from ..stats.two_sample import get_test
from ..trial import Trial
from .cutoffs import HEAD, NO_MARKER, TOO_FEW_FOR_CUTS, Slices

SIDES = ("above", "below")
RESAMPLES = 499
CORRECTED = [f"p_best_of_{scope}{end}" for scope in ("side", "both", "family") for end in ("", "_lower", "_upper")]
BEST_CUTS = (
    *(*HEAD, "side", "cuts", "cut", "n_first", "n_second", "difference", "lower", "upper", "method", "p"),
    *(*CORRECTED, "permutations", "mann_whitney_effect", "cut_lower", "cut_upper"),
    *("effect_out_of_bag", "effect_out_of_bag_lower", "effect_out_of_bag_upper", "resamples", "reason"),
)
BEST_SPLITS = (
    *(*HEAD, "arm", "n", "cuts", "cut", "z", "p", "p_corrected", "p_corrected_lower", "p_corrected_upper"),
    *("permutations", "reason"),
)
NOTHING_TRIED = pd.DataFrame({"side": [], "slice": [], "family": [], "continuity": []})
NO_SPLIT = "no cut leaves enough participants on either side"


def best_cuts(
    slices: list[Slices], trial: Trial, analysis: Analysis, robustness: Robustness, progress: Progress | None = None
) -> tuple[pd.DataFrame, list[np.ndarray]]:
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

    The second value has, for each slice, P of each of its groups corrected for the search over all cutoffs on both
    sides (step-down); NaN for windows, for groups that are too small, and if the test is not permuted. Miller and
    Siegmund (1982), Biometrics 38, 1011-1016, applied to the comparison of arms within a subgroup.
    """
    ids, is_first, _ = value_matrix([part.comparison for part in slices])
    columns, parts = [np.empty((len(ids), 0))], [NOTHING_TRIED]
    for number, part in enumerate(slices):
        test = get_test(part.method)
        # By cutoff: in this order the lowest of equally good cutoffs comes first.
        cuts = part.table.loc[part.table["side"].ne("window") & (not test.not_permuted), ["side"]]
        group_values = np.where(part.members[:, cuts.index], part.comparison.value[:, None], np.nan)
        columns.append(pd.DataFrame(group_values, part.comparison.participant).reindex(ids).to_numpy())
        family = trial.outcomes[part.comparison.outcome].family
        parts.append(cuts.assign(slice=number, family=family, continuity=bool(test.continuity)))
    tried = pd.concat(parts)  # a row per cutoff and side; the index is its row in the table of the slice
    continuity = tried["continuity"].to_numpy(bool)
    design = Design(np.concatenate(columns, axis=1), minimum_per_arm=robustness.minimum_per_arm, continuity=continuity)
    z = design.observed(is_first).z
    labels = labels_for(is_first, robustness.permutations, robustness.seed)
    searches = [StepDown(z, tried.groupby(names).ngroup()) for names in (["slice", "side"], "slice", "family")]
    for block in permuted_blocks(design, labels, progress=progress) if len(z) else ():
        for search in searches:
            search.add(block)
    by_side, by_slice, by_family = searches
    p_of_family = by_family.p(labels.p)
    p_of_slice = np.array([p.p for p in by_slice.p(labels.p)])
    corrected, rows = [np.full(len(part.table), np.nan) for part in slices], []
    for (number, part), side in itertools.product(enumerate(slices), SIDES):
        in_slice = tried["slice"].eq(number)
        tests = np.flatnonzero(in_slice & tried["side"].eq(side) & ~np.isnan(z))
        row = dict(zip(HEAD, part.comparison.head, strict=True)) | {"side": side, "cuts": tests.size}
        if not tests.size:
            no_cut = TOO_FEW_FOR_CUTS if part.comparison.value.size else NO_MARKER
            rows.append(row | {"reason": get_test(part.method).not_permuted or no_cut})
            continue
        corrected[number][tried.index[tests]] = p_of_slice[tests]
        best = tests[np.argmax(np.abs(z[tests]) >= np.abs(z[tests]).max() * (1 - TOLERANCE))]
        p_of_side, p_of_both = (labels.p(search.counts[best]) for search in (by_side, by_slice))
        if abs(z[best]) < np.nanmax(np.abs(z[in_slice])):
            p_of_both = MonteCarloP()  # the other side has the better cutoff
        row |= part.table.loc[tried.index[best]].rename({"position": "cut"}).to_dict()
        p_values = [value for p in (p_of_side, p_of_both, p_of_family[best]) for value in p[:3]]
        row |= dict(zip(CORRECTED, p_values, strict=True)) | {"permutations": labels.count, "reason": ""}
        rows.append(row | _bootstrap_columns(part, side, analysis, robustness))
    integers = ("cuts", "n_first", "n_second", "permutations", "resamples")
    return pd.DataFrame(rows, columns=list(BEST_CUTS)).astype(dict.fromkeys(integers, "Int64")), corrected


def _bootstrap_columns(part: Slices, side: str, analysis: Analysis, robustness: Robustness) -> dict[str, float]:
    """Return the columns of one best cutoff that come from bootstrap resamples."""
    comparison = part.comparison
    options = {"above": side == "above", "at_cut_upper": analysis.strata.at_cut == "upper", "resamples": RESAMPLES}
    seed = seeded_generator(robustness.seed, "bootstrap", *comparison.head, side)
    data = comparison.marker_value, comparison.value, comparison.is_first
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


def best_splits(slices: list[Slices], trial: Trial, robustness: Robustness) -> pd.DataFrame:
    """Split the changes of each arm along each marker; see :func:`~d_q_trial.stats.maximally_selected.best_split`.

    Columns ``BEST_SPLITS``. ``z`` is positive if changes are larger at or above ``cut``; ``p`` is that of the cutoff
    without correction, by the normal approximation; ``p_corrected``, with its 99% Monte Carlo interval, is corrected.
    """
    rows = []
    options = {"minimum": robustness.minimum_per_arm, "permutations": robustness.permutations, "seed": robustness.seed}
    for comparison in (part.comparison for part in slices):
        for arm, in_arm in zip(trial.analysed_arms, (comparison.is_first, ~comparison.is_first), strict=True):
            split = best_split(comparison.marker_value[in_arm], comparison.value[in_arm], **options)
            reason = "" if not np.isnan(split.z) else (NO_SPLIT if in_arm.any() else NO_MARKER)
            results = (split.n, split.splits, split.cut, split.z, 2 * ndtr(-abs(split.z)), *split.p[:3])
            rows.append((*comparison.head, arm, *results, split.p.permutations or None, reason))
    integers = dict.fromkeys(("n", "cuts", "permutations"), "Int64")
    return pd.DataFrame(rows, columns=list(BEST_SPLITS)).astype(integers)
