"""The comparison of arms above and below every cutoff of a marker and in sliding windows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ..comparisons import Comparison, Layout, value_matrix
from ..config.robustness import Robustness, Windows
from ..config.settings import Analysis
from ..formatting import round_significant
from ..stats.estimate import effect_difference, mann_whitney_effects
from ..stats.permutation import check_memory
from ..stats.two_sample import TwoSampleTest, get_test
from ..trial import Trial

HEAD = ("outcome", "measure", "visit", "marker")
ESTIMATES = (
    *("n_first", "n_second", "median_first", "median_second", "difference", "lower", "upper"),
    *("p", "mann_whitney_effect", "method"),
)
CUTOFFS = (*HEAD, "cut", "share_below", "side", *ESTIMATES, "p_corrected", "p_interaction")
WINDOWS = (*HEAD, "low", "high", "median_marker", "share_below", *ESTIMATES)

EXACT_BELOW = 50  # participants per arm, as in R's wilcox.test

NO_MARKER = "no participant has a value of this marker and a change"
TOO_FEW_FOR_CUTS = "no cut leaves enough participants in each arm"


@dataclass(frozen=True)
class Slices:
    """Groups of participants of one outcome and visit, by the cutoffs and sliding windows of one marker.

    A group is above a cutoff, below it or in a window, and could have ``robustness.minimum_per_arm`` in each arm if
    its participants were assigned as evenly as possible. ``table`` has one row per group: ``side``, ``low``, ``high``,
    ``position``, ``share_below`` (the share of participants below the position), ``usable`` (whether each arm has
    enough), ``ESTIMATES`` (NaN if not), and ``p_interaction`` of the groups above and below the same cutoff (or NaN).
    """

    comparison: Comparison  # the participants with a marker value, to ten significant digits, and a change
    method: str  # the test of the analysis, or a faster one if hundreds of exact distributions would take hours
    members: np.ndarray  # of each group, bool of shape (participants, groups)
    table: pd.DataFrame


def divide_changes(
    changes: pd.DataFrame, markers: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness
) -> list[Slices]:
    """Divide every outcome and visit along every marker; see :class:`Slices`.

    Cutoffs are the distinct marker values, to ten significant digits, of the participants with a change, so each
    divides them differently. ``analysis.strata.at_cut`` assigns the values at the cutoff; the cutoffs of the analysis
    are not used. Participants without ids have no marker values, so their slices are empty. ``markers`` has a row per
    participant and a column per marker; see :func:`d_q_trial.strata.select_marker_values`.
    """
    by_marker = []
    for comparison in (c for c in Layout(changes, None, trial, analysis).whole if c.is_change):
        for marker, values in markers.reindex(index=comparison.participant, columns=list(trial.markers)).items():
            marker_value = np.where(comparison.linked, values.to_numpy(float), np.nan)
            by_marker.append(replace(comparison, marker=marker, marker_value=marker_value))
    return divide_comparisons(by_marker, analysis, robustness)


def divide_comparisons(comparisons: Iterable[Comparison], analysis: Analysis, robustness: Robustness) -> list[Slices]:
    """Divide comparisons of the same arms, each an outcome and visit, along the values of their markers (NaN: none)."""
    parts, methods, smallest = [], [], robustness.minimum_per_arm
    for c in comparisons:
        c = c.within(~np.isnan(c.value) & ~np.isnan(c.marker_value))
        c = replace(c, marker_value=round_significant(c.marker_value))
        groups, members = list_subgroups(c.marker_value, robustness.windows, 2 * smallest, analysis.strata.at_cut)
        smaller_arm = np.minimum(*(members[arm].sum(axis=0) for arm in (c.is_first, ~c.is_first)))
        parts.append((c, groups.assign(usable=smaller_arm >= smallest), members))
        is_small = max(c.counts()) < EXACT_BELOW
        methods.append(analysis.test if is_small else get_test(analysis.test).for_many or analysis.test)
    if not parts:
        return []
    # All at once, because many groups have equal sizes.
    ids, is_first, _ = value_matrix([comparison for comparison, *_ in parts])
    if not get_test(analysis.test).not_permuted:  # checked now, because the search comes after hours of work
        cuts = sum(np.count_nonzero(groups["side"] != "window") for _, groups, _ in parts)
        check_memory(cuts, len(ids), robustness.memory_mb)
    columns = []
    for comparison, groups, members in parts:
        group_values = np.where(members & groups["usable"].to_numpy(), comparison.value[:, None], np.nan)
        columns.append(pd.DataFrame(group_values, comparison.participant))
    values = pd.concat(columns, axis=1).reindex(ids).to_numpy()
    ends = np.cumsum([frame.shape[1] for frame in columns])
    column_methods = np.repeat(methods, np.diff(ends, prepend=0))
    estimates = np.empty((len(ESTIMATES) - 1, values.shape[1]))
    for name in dict.fromkeys(methods):
        has_method = column_methods == name
        estimates[:, has_method] = _estimate_groups(get_test(name), values[:, has_method], is_first, 1 - analysis.alpha)
    estimates_by_part = np.split(estimates, ends[:-1], axis=1)
    return [_make_slices(*part, *results) for part, *results in zip(parts, methods, estimates_by_part, strict=True)]


def _estimate_groups(test: TwoSampleTest, values: np.ndarray, is_first: np.ndarray, confidence: float) -> np.ndarray:
    """Return ``ESTIMATES`` of the groups in the columns of values, without the method: shape (9, k)."""
    tests = test.compare_columns(values, is_first)
    difference = test.difference_columns(values, is_first, confidence=confidence)
    limits = (np.where(np.isinf(limit), np.nan, limit) for limit in (difference.lower, difference.upper))
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = tests.u / (tests.n_first * tests.n_second)
    medians = (pd.DataFrame(values[arm]).median().to_numpy(float) for arm in (is_first, ~is_first))
    return np.array([tests.n_first, tests.n_second, *medians, difference.estimate, *limits, tests.p, effect])


def _make_slices(
    comparison: Comparison, groups: pd.DataFrame, members: np.ndarray, method: str, estimates: np.ndarray
) -> Slices:
    """Put the estimates of the groups of one comparison into its table."""
    marker = comparison.marker_value
    # Below a cutoff is the group below it; below the median of a window, participants at the median count half.
    size, ordered = members.sum(axis=0), np.sort(marker)
    middle = sum(np.searchsorted(ordered, groups["position"], side=side) for side in ("left", "right")) / 2
    below = np.select([groups["side"] == "below", groups["side"] == "above"], [size, marker.size - size], middle)
    table = groups.assign(share_below=below / max(1, marker.size))
    table = table.assign(p_interaction=_interaction_p(comparison.value, comparison.is_first, table, members))
    return Slices(comparison, method, members, table.assign(**dict(zip(ESTIMATES, (*estimates, method), strict=True))))


def list_subgroups(marker: np.ndarray, windows: Windows, minimum: int, at_cut: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return every group of at least ``minimum`` above a cutoff, below a cutoff, and in a sliding window.

    The groups are a table, sorted by position, at a cutoff the group below first, and the members, bool of shape (n, k).
    ``side`` is ``above`` (marker >= low), ``below`` (marker < high) or ``window`` (low <= marker <= high); with
    ``at_cut="lower"``, ``above`` is marker > low, and ``below`` is marker <= high: the same divisions with another cutoff
    value. ``low`` and ``high`` are infinite on the open side; ``position`` is the cutoff, or the median marker value of a
    window. A window includes all participants tied with its first or last member; equal windows are merged. This is the
    sliding window of STEPP (Bonetti and Gelber 2000, Statistics in Medicine 19, 2595-2609), with patients in a window =
    share * n and patients in common = (share - step) * n.
    """
    ordered, values = np.sort(marker), np.unique(marker)
    size, step = (max(1, round(share * ordered.size)) for share in (windows.share, windows.step))
    starts = sorted({*range(0, ordered.size - size, step), ordered.size - size}) if ordered.size else []
    cuts = values[:-1] if at_cut == "lower" else values[1:]
    rows = [("above", cut, np.inf, cut) for cut in cuts] + [("below", -np.inf, cut, cut) for cut in cuts]
    for low, high in dict.fromkeys((ordered[start], ordered[start + size - 1]) for start in starts):
        rows.append(("window", low, high, np.median(ordered[(ordered >= low) & (ordered <= high)])))
    table = pd.DataFrame(rows, columns=["side", "low", "high", "position"])
    table = table.astype(dict.fromkeys(("low", "high", "position"), float))  # also if they are empty
    table = table.sort_values(["position", "side"], ascending=[True, False], kind="stable", ignore_index=True)
    side, low, high, position = (table[name].to_numpy() for name in table)
    members = (marker[:, None] >= low) & (marker[:, None] <= high)
    members &= (marker[:, None] != position) | (side != ("above" if at_cut == "lower" else "below"))
    enough = members.sum(axis=0) >= minimum
    return table[enough].reset_index(drop=True), members[:, enough]


def _interaction_p(value: np.ndarray, is_first: np.ndarray, table: pd.DataFrame, members: np.ndarray) -> np.ndarray:
    """Return P of the difference between the Mann-Whitney effects above and below each cutoff, for both groups."""
    p = np.full(len(table), np.nan)
    cuts = table[table["usable"] & table["side"].ne("window")].groupby("position").groups
    pairs = np.array([rows for rows in cuts.values() if len(rows) == 2], dtype=int).reshape(-1, 2).T
    arms = is_first, ~is_first
    samples = [value[arm] for arm in arms]
    effects = [mann_whitney_effects(*samples, *(members[arm][:, side] for arm in arms)) for side in pairs]
    p[pairs] = effect_difference(*effects, confidence=0.95).p
    return p


def cutoffs_table(slices: Iterable[Slices], corrected: Iterable[np.ndarray] = ()) -> pd.DataFrame:
    """Return the comparisons above and below every cutoff, the side ``below`` first; columns ``CUTOFFS``.

    ``share_below`` is the share of participants in the group below; ``first`` is the treated arm. ``difference``, the
    estimate of the test ``method``, and the limits of its interval, ``lower`` and ``upper`` (empty if the group is too
    small or the test has none), are in the unit of the change. ``p_corrected`` is ``p`` corrected for the search over
    all cutoffs on both sides, given by ``corrected`` for each group (:func:`d_q_trial.robustness.cutoff_search.best_cuts`);
    ``p_interaction`` is P of the interaction of treatment with the two sides of the cutoff.
    """
    corrected = list(corrected)
    p = np.concatenate(corrected) if corrected else np.nan
    return _join_tables(slices, CUTOFFS, "cut", ("below", "above"), p_corrected=p)


def windows_table(slices: Iterable[Slices]) -> pd.DataFrame:
    """Return the comparisons in sliding windows (STEPP); columns ``WINDOWS``.

    A window includes its bounds ``low`` and ``high``; ``share_below`` is the share of participants below its median
    marker value, those at the median counting half.
    """
    return _join_tables(slices, WINDOWS, "median_marker", ("window",))


def _join_tables(
    slices: Iterable[Slices], names: tuple[str, ...], position: str, sides: tuple[str, ...], **more: ArrayLike
) -> pd.DataFrame:
    """Return the usable groups on the given sides, with a name for their position and ``more`` columns."""
    tables = {part.comparison.head: part.table for part in slices}
    if not tables:
        return pd.DataFrame(columns=list(names))
    rows = pd.concat(tables, names=HEAD).assign(**more).reset_index(list(HEAD))
    rows = rows[rows["usable"] & rows["side"].isin(sides)].reset_index(drop=True)
    return rows.rename(columns={"position": position})[list(names)].astype({"n_first": "Int64", "n_second": "Int64"})
