"""The comparison of arms above and below every cutoff of a marker and in sliding windows, and the best cutoff and split.

P of the best is corrected for the search, and the best cutoff has its range over bootstrap resamples.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtr

from ..comparisons import Comparison, Layout, seeded_generator, value_matrix
from ..config.settings import Analysis, Robustness, Windows
from ..formatting import round_significant
from ..stats.estimate import effect_difference, mann_whitney_effects
from ..stats.maximally_selected import best_cut_bootstrap, best_split
from ..stats.permutation import TOLERANCE, Design, Progress, StepDown, check_memory, labels_for, permuted_blocks
from ..stats.quantiles import quantile
from ..stats.rank_sum import pairwise_wins
from ..stats.two_sample import TwoSampleTest, get_test
from ..trial import Trial

HEAD = ("outcome", "measure", "visit", "marker")
ESTIMATES = (
    *("n_first", "n_second", "median_first", "median_second", "difference", "lower", "upper"),
    *("p", "mann_whitney_effect"),
)
CUTOFFS = (*HEAD, "cut", "share_below", "side", *ESTIMATES, "method", "p_corrected", "p_interaction")
WINDOWS = (*HEAD, "low", "high", "median_marker", "share_below", *ESTIMATES, "method")
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

EXACT_BELOW = 50  # participants per arm, as in R's wilcox.test
RESAMPLES = 499

NO_MARKER = "no participant has a value of this marker and a change"
TOO_FEW_FOR_CUTS = "no cut leaves enough participants in each arm"
NO_SPLIT = "no cut leaves enough participants on either side"


@dataclass(frozen=True)
class Subgroups:
    """Groups of participants by the cutoffs and sliding windows of each marker, for each outcome and visit.

    A group is above a cutoff, below it or in a window, and could have ``robustness.minimum_per_arm`` in each arm if
    its participants were assigned as evenly as possible. ``table`` has one row per group: ``comparison`` (its number),
    ``HEAD``, ``side``, ``low``, ``high``, ``position``, ``share_below`` (the share of participants below the position),
    ``usable`` (whether each arm has enough), ``method`` (the test of the analysis, or a faster one if hundreds of exact
    distributions would take hours), ``ESTIMATES`` (NaN if not usable), and ``p_interaction`` of the groups above and
    below the same cutoff (or NaN).
    """

    comparisons: list[Comparison]  # the participants with a marker value, to ten significant digits, and a change
    table: pd.DataFrame
    is_first: np.ndarray  # bool, shape (participants,)
    values: np.ndarray  # the changes in each group, shape (participants, groups); NaN outside it


def divide_changes(
    changes: pd.DataFrame, markers: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness
) -> Subgroups:
    """Divide every outcome and visit along every marker; see :class:`Subgroups`.

    Cutoffs are the distinct marker values, to ten significant digits, of the participants with a change, so each
    divides them differently. ``analysis.strata.at_cut`` assigns the values at the cutoff; the cutoffs of the analysis
    are not used. Participants without ids have no marker values, so they are in no group. ``markers`` has a row per
    participant and a column per marker; see :func:`d_q_trial.strata.select_marker_values`.
    """
    by_marker = []
    for comparison in (c for c in Layout(changes, None, None, trial, analysis).whole if c.is_change):
        for marker, values in markers.reindex(index=comparison.participant, columns=list(trial.markers)).items():
            marker_value = np.where(comparison.linked, values.to_numpy(float), np.nan)
            by_marker.append(replace(comparison, marker=marker, marker_value=marker_value))
    return divide_comparisons(by_marker, analysis, robustness)


def divide_comparisons(comparisons: Iterable[Comparison], analysis: Analysis, robustness: Robustness) -> Subgroups:
    """Divide comparisons of the same arms, each an outcome and visit, along the values of their markers (NaN: none)."""
    test, smallest, parts, heads = get_test(analysis.test), robustness.minimum_per_arm, [], []
    for c in comparisons:
        c = c.within(~np.isnan(c.value) & ~np.isnan(c.marker_value))
        parts.append(replace(c, marker_value=round_significant(c.marker_value)))
        is_small = max(c.counts()) < EXACT_BELOW
        heads.append((*c.head, test.name if is_small else test.for_many or test.name))
    _, is_first, changes = value_matrix(parts)
    *_, markers = value_matrix(parts, "marker_value")
    table, members = list_subgroups(markers, robustness.windows, 2 * smallest, analysis.strata.at_cut)
    if not test.not_permuted:  # checked now, because the search comes after hours of work
        check_memory(int(table["side"].ne("window").sum()), is_first.size, robustness.memory_mb)
    values = np.where(members, changes[:, table["comparison"]], np.nan)
    usable = np.minimum(*(members[arm].sum(axis=0) for arm in (is_first, ~is_first))) >= smallest
    table = table.join(pd.DataFrame(heads, columns=[*HEAD, "method"]), on="comparison")
    table = table.assign(usable=usable, **dict.fromkeys(ESTIMATES, np.nan))
    for name, rows in table[usable].groupby("method").groups.items():
        estimates = _estimate_groups(get_test(name), values[:, rows], is_first, 1 - analysis.alpha)
        table.loc[rows, list(ESTIMATES)] = estimates.T
    table["p_interaction"] = _interaction_p(changes, is_first, table, members)
    return Subgroups(parts, table, is_first, values)


def list_subgroups(markers: np.ndarray, windows: Windows, minimum: int, at_cut: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return every group of at least ``minimum`` above a cutoff, below a cutoff, and in a sliding window.

    ``markers`` has a column per comparison, shape (n, c), with NaN for participants who do not belong to it. The groups
    are a table, sorted by ``comparison`` (number of the column) and position, at a cutoff the group below first, and the
    members, bool of shape (n, k). ``side`` is ``above`` (marker >= low), ``below`` (marker < high) or ``window`` (low <=
    marker <= high); with ``at_cut="lower"``, ``above`` is marker > low, and ``below`` is marker <= high: the same
    divisions with another cutoff value. ``low`` and ``high`` are infinite on the open side; ``position`` is the cutoff,
    or the median marker value of a window; ``share_below`` is the share of participants below it, those at the median of
    a window counting half. A window includes all participants tied with its first or last member; equal windows are
    merged. This is the sliding window of STEPP (Bonetti and Gelber 2000, Statistics in Medicine 19, 2595-2609), with
    patients in a window = share * n and patients in common = (share - step) * n.
    """
    rows: list[tuple] = []
    for number, column in enumerate(markers.T):
        ordered = np.sort(column[~np.isnan(column)])
        size, step = (max(1, round(share * ordered.size)) for share in (windows.share, windows.step))
        starts = sorted({*range(0, ordered.size - size, step), ordered.size - size}) if ordered.size else []
        cuts = np.unique(ordered)[:-1] if at_cut == "lower" else np.unique(ordered)[1:]
        for cut in cuts:
            rows += (number, "above", cut, np.inf, cut), (number, "below", -np.inf, cut, cut)
        for low, high in dict.fromkeys((ordered[start], ordered[start + size - 1]) for start in starts):
            rows.append((number, "window", low, high, np.median(ordered[(ordered >= low) & (ordered <= high)])))
    names = ["comparison", "side", "low", "high", "position"]
    table = pd.DataFrame(rows, columns=names).astype({"comparison": int} | dict.fromkeys(names[2:], float))
    table = table.sort_values(["comparison", "position", "side"], ascending=[True, True, False], ignore_index=True)
    number, side, low, high, position = (table[name].to_numpy() for name in names)
    marker = markers[:, number]
    members = (marker >= low) & (marker <= high)
    members &= (marker != position) | (side != ("above" if at_cut == "lower" else "below"))
    enough, share_of_ties = members.sum(axis=0) >= minimum, np.where(side == "window", 0.5, at_cut == "lower")
    below = (marker < position).sum(axis=0) + (marker == position).sum(axis=0) * share_of_ties
    table["share_below"] = below / (~np.isnan(marker)).sum(axis=0)
    return table[enough].reset_index(drop=True), members[:, enough]


def _estimate_groups(test: TwoSampleTest, values: np.ndarray, is_first: np.ndarray, confidence: float) -> np.ndarray:
    """Return ``ESTIMATES`` of the groups in the columns of values: shape (9, k)."""
    tests = test.compare_columns(values, is_first)
    difference = test.difference_columns(values, is_first, confidence=confidence)
    limits = (np.where(np.isinf(limit), np.nan, limit) for limit in (difference.lower, difference.upper))
    medians = (pd.DataFrame(values[arm]).median().to_numpy(float) for arm in (is_first, ~is_first))
    effect = tests.u / (tests.n_first * tests.n_second)
    return np.array([tests.n_first, tests.n_second, *medians, difference.estimate, *limits, tests.p, effect])


def _interaction_p(changes: np.ndarray, is_first: np.ndarray, table: pd.DataFrame, members: np.ndarray) -> np.ndarray:
    """Return P of the difference between the Mann-Whitney effects above and below each cutoff, for both groups.

    ``changes`` has shape (participants, comparisons), ``members`` (participants, groups).
    """
    p, cuts = np.full(len(table), np.nan), table[table["usable"] & table["side"].ne("window")].reset_index(names="row")
    pairs = cuts.pivot(index=["comparison", "position"], columns="side", values="row").dropna()
    for number, pair in pairs.astype(int).groupby(level="comparison"):
        arms = [arm & ~np.isnan(changes[:, number]) for arm in (is_first, ~is_first)]
        wins, rows = pairwise_wins(*(changes[arm, number] for arm in arms)), pair.to_numpy()
        effects = [mann_whitney_effects(wins, *(members[arm][:, side] for arm in arms)) for side in rows.T]
        p[rows] = effect_difference(*effects, confidence=0.95).p[:, None]
    return p


def cutoffs_table(groups: Subgroups, corrected: np.ndarray | float = np.nan) -> pd.DataFrame:
    """Return the comparisons above and below every cutoff, the side ``below`` first; columns ``CUTOFFS``.

    ``share_below`` is the share of participants in the group below; ``first`` is the treated arm. ``difference``, the
    estimate of the test ``method``, and the limits of its interval, ``lower`` and ``upper`` (empty if the group is too
    small or the test has none), are in the unit of the change. ``p_corrected`` is ``p`` corrected for the search over
    all cutoffs on both sides, given by ``corrected`` for each group (:func:`best_cuts`);
    ``p_interaction`` is P of the interaction of treatment with the two sides of the cutoff.
    """
    table = groups.table.assign(p_corrected=corrected, cut=groups.table["position"])
    return _select_groups(table, CUTOFFS, table["side"].ne("window"))


def windows_table(groups: Subgroups) -> pd.DataFrame:
    """Return the comparisons in sliding windows (STEPP); columns ``WINDOWS``.

    A window includes its bounds ``low`` and ``high``; ``share_below`` is the share of participants below its median
    marker value, those at the median counting half.
    """
    table = groups.table.rename(columns={"position": "median_marker"})
    return _select_groups(table, WINDOWS, table["side"].eq("window"))


def _select_groups(table: pd.DataFrame, names: tuple[str, ...], rows: pd.Series) -> pd.DataFrame:
    """Return the usable groups among the rows, with the named columns."""
    selected = table.loc[rows & table["usable"], list(names)].reset_index(drop=True)
    return selected.astype({"n_first": "Int64", "n_second": "Int64"})


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
        rows += [(number, *c.head, side, reason) for side in ("above", "below")]
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
    low, high = analysis.alpha / 2, 1 - analysis.alpha / 2
    columns = dict(zip(("cut_lower", "cut_upper"), quantile(cuts, [low, high], type=1), strict=True))  # each was chosen
    effects = zip(ENDS, quantile(effects, [0.5, low, high], type=7), strict=True)
    columns |= {f"effect_out_of_bag{end}": effect for end, effect in effects}
    return columns | {"resamples": np.count_nonzero(~np.isnan(cuts))}


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
