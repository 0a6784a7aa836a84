"""The long table of results, a row per number; every later step only reads it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from .participants import Participants, age_groups
from .results_table import ALL_PARTICIPANTS, BOTH_ARMS, COLUMNS
from .stats import categorical, quantiles
from .stats.categorical import jonckheere_terpstra
from .stats.shift import hodges_lehmann
from .stats.two_sample import get_test, rank_sum_variants
from .subgroups import Matrix, Subgroup
from .trial import BASELINE

if TYPE_CHECKING:
    import pandas as pd

    from .config.settings import Analysis, Settings
    from .trial import Trial

ALL_EQUAL = "all values are equal"
EMPTY_GROUP = "a group has no value"
ONE_VALUE = "the group has one value"
NO_LIMIT = "the groups are too small to exclude any shift"
NO_INTERVAL = "no interval of the shift for this test"
TREND = "Jonckheere-Terpstra"
NO_TREND = "fewer than two strata have a value, or all values are equal"


def variants_to_try(settings: Settings) -> tuple[str, ...]:
    """Rank-sum variants beside that of the analysis: of reported numbers, whose convention may be another.

    Without them none is tried, because the exact test of hundreds of participants costs seconds.
    """
    return rank_sum_variants() if settings.published else ()


def build_results(
    participants: Participants,
    changes: pd.DataFrame,
    strata: pd.DataFrame,
    trial: Trial,
    analysis: Analysis,
    *,
    also: Iterable[str] = rank_sum_variants(),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute every summary, effect and P-value of an analysis.

    That is: all participants together, and the markers against age; each stratum of each marker; and the strata against
    each other at baseline, with the trend over three or more.

    ``participants``, ``changes`` and ``strata`` are as the steps before make them; ``also`` names the two-sample tests to
    make beside that of the analysis.

    The results have a row per number in full precision, with the columns of ``COLUMNS``. ``contrast`` is first - second;
    ``group`` names the group of a summary; ``n_first`` is the size of that group, or of the first group of a contrast;
    ``method`` is the convention by which the number was made; ``value`` is NaN where ``reason`` says why. The alternatives,
    with the same columns, are P-values by the tests ``also``, and quartiles by the other definitions.
    """
    import pandas as pd

    matrix = Matrix(changes, trial)
    rows = [*_within(matrix, matrix.all_participants(), analysis, also), *_correlations(participants, trial)]
    by_marker = matrix.strata(strata, analysis.strata.labels)
    for subgroup in (subgroup for subgroups in by_marker for subgroup in subgroups):
        rows += _within(matrix, subgroup, analysis, also)
    for *lower, upper in by_marker:
        for subgroup in lower:
            key = (upper.marker, "", f"{upper.stratum} - {subgroup.stratum}")
            rows += _contrasts(matrix, key, upper.rows, subgroup.rows, analysis, also, matrix.measure == "baseline")
    for subgroups in by_marker:
        rows += _trends(matrix, subgroups)
    types = {"value": float, "n_first": "Int64", "n_second": "Int64"}
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype(types)
    methods = {*also, *(f"type_{kind}" for kind in quantiles.TYPES)}
    is_other = table["method"].isin(methods - {analysis.test, f"type_{analysis.quartile_type}"})
    return table[~is_other].reset_index(drop=True), table[is_other].reset_index(drop=True)


def _trends(matrix: Matrix, strata: list[Subgroup]) -> Iterator[tuple]:
    """Test the trend over three or more ordered strata of a marker, by Jonckheere and Terpstra.

    Of the changes within each arm, and of the baseline values of both arms together, as in the contrasts of strata.
    ``contrast`` names the strata in their order, ``group`` the arm; ``z_trend`` is positive where values rise.
    """
    if len(strata) < 3:
        return
    contrast = f"trend {' < '.join(subgroup.stratum for subgroup in strata)}"
    for group, members in zip(
        (*matrix.trial.analysed_arms, BOTH_ARMS),
        zip(*([rows for _, rows in matrix.groups(subgroup)] for subgroup in strata), strict=True),
        strict=True,
    ):
        for column in np.flatnonzero(~matrix.binary & ((matrix.measure == "baseline") == (group == BOTH_ARMS))):
            found = jonckheere_terpstra([matrix.values[rows, column] for rows in members])
            head = (matrix.outcome[column], matrix.measure[column], matrix.visit[column])
            reason = NO_TREND if np.isnan(found.p) else ""
            for statistic, value in (("z_trend", found.statistic), ("p_trend", found.p)):
                yield (*head, strata[0].marker, "", contrast, group, statistic, value, found.n, np.nan, TREND, reason)


def _within(matrix: Matrix, subgroup: Subgroup, analysis: Analysis, also: Iterable[str]) -> Iterator[tuple]:
    """Describe the groups of a subgroup, and compare its arms."""
    for group, members in matrix.groups(subgroup):
        yield from _summaries(matrix, subgroup, group, members, analysis)
    key = (subgroup.marker, subgroup.stratum, matrix.trial.contrast)
    yield from _contrasts(matrix, key, *matrix.arms(subgroup), analysis, also)


def _summaries(
    matrix: Matrix, subgroup: Subgroup, group: str, members: np.ndarray, analysis: Analysis
) -> Iterator[tuple]:
    """Describe one group in every column; a change of both arms together is only counted."""
    values = matrix.values[members]
    described = _describe(values, analysis.quartile_type)
    for column, n in enumerate((~np.isnan(values)).sum(axis=0)):
        names = (matrix.outcome[column], matrix.measure[column], matrix.visit[column])
        head, tail = (*names, subgroup.marker, subgroup.stratum, "", group), (int(n), np.nan)
        yield (*head, "n", float(n), *tail, "", "")
        if group == BOTH_ARMS and matrix.measure[column] != "baseline":
            continue
        numbers = {name: found[column] for name, found in described.items()}
        if matrix.binary[column]:
            count = np.nansum(values[:, column]) if n else np.nan
            numbers = {("count", ""): count, ("percent", ""): 100 * count / max(n, 1)}
        for (statistic, method), value in numbers.items():
            reason = "" if not math.isnan(value) else ONE_VALUE if n else EMPTY_GROUP
            yield (*head, statistic, value, *tail, method, reason)


def _describe(values: np.ndarray, quartile_type: int) -> dict[tuple[str, str], np.ndarray]:
    """Statistics of each column, by name and method; columns with equally many values are done together."""
    kinds = (quartile_type, *(kind for kind in quantiles.TYPES if kind != quartile_type))
    quartiles = [(name, f"type_{kind}") for kind in kinds for name in ("q1", "q3")]
    names = [("median", ""), *quartiles, *((name, "") for name in ("minimum", "maximum", "mean", "sd"))]
    result = {name: np.full(values.shape[1], np.nan) for name in names}
    ordered = np.sort(values, axis=0)  # missing values last
    sizes = (~np.isnan(values)).sum(axis=0)
    for n in np.unique(sizes[sizes > 0]):
        columns = np.flatnonzero(sizes == n)
        block = ordered[:n, columns]
        result["median", ""][columns] = np.median(block, axis=0)
        for kind in kinds:
            q1, q3 = quantiles.quantile(block, [0.25, 0.75], type=kind)
            result["q1", f"type_{kind}"][columns], result["q3", f"type_{kind}"][columns] = q1, q3
        result["minimum", ""][columns], result["maximum", ""][columns] = block[0], block[-1]
        result["mean", ""][columns] = block.mean(axis=0)
        if n > 1:
            result["sd", ""][columns] = block.std(axis=0, ddof=1)
    return result


def _contrasts(
    matrix: Matrix,
    key: tuple[str, str, str],
    first: np.ndarray,
    second: np.ndarray,
    analysis: Analysis,
    also: Iterable[str],
    chosen: np.ndarray | bool = True,
) -> Iterator[tuple]:
    """Compare two groups in every column in which both have values; ``chosen`` limits the columns."""
    own, further = get_test(analysis.test), [get_test(name) for name in also if name != analysis.test]
    both, confidence = first | second, 1 - analysis.alpha
    some = ~np.isnan(matrix.values[first]).all(axis=0) & ~np.isnan(matrix.values[second]).all(axis=0)
    columns = np.flatnonzero(some & chosen)
    if not columns.size:
        return
    values, is_first = matrix.values[both][:, columns], first[both]
    p_further = {test.name: test.compare_columns(values, is_first).p for test in further}
    level, no_limit = f"{own.name}, level {confidence:g}", NO_LIMIT if own.depths else NO_INTERVAL
    for position, column in enumerate(columns):
        a, b = (v[~np.isnan(v)] for v in (values[is_first, position], values[~is_first, position]))
        # Statistic, value, method, and the reason where the value is missing.
        numbers: list[tuple[str, float, str, str]]
        if matrix.binary[column]:
            result = categorical.chi_squared(a, b)
            found = {"chi_squared": result.statistic, "p": result.p}
            numbers = [(name, value, "chi_squared", ALL_EQUAL) for name, value in found.items()]
        else:
            shift = hodges_lehmann(a, b, method=own.name, confidence=confidence)
            test = own.compare(a, b)
            numbers = [
                ("median_difference", np.median(a) - np.median(b), "", ""),
                ("hodges_lehmann", shift.estimate, "", ""),
                ("hodges_lehmann_lower", shift.lower, level, no_limit),
                ("hodges_lehmann_upper", shift.upper, level, no_limit),
                ("mann_whitney_effect", test.u / (a.size * b.size), "", ""),
                ("u", test.u, "", ""),
            ]
            if own.mean_difference:
                means = own.mean_difference(a, b, confidence=confidence)
                numbers += [
                    ("mean_difference", means.estimate, "", own.undefined),
                    ("mean_difference_lower", means.lower, level, own.undefined),
                    ("mean_difference_upper", means.upper, level, own.undefined),
                ]
            numbers += [
                (own.statistic, test.statistic, own.name, own.undefined),
                ("p", test.p, own.name, own.undefined),
            ]
            numbers += [("p", p_further[other.name][position], other.name, other.undefined) for other in further]
        head = (matrix.outcome[column], matrix.measure[column], matrix.visit[column], *key, "")
        for statistic, value, method, reason in numbers:
            known = math.isfinite(value)
            yield (*head, statistic, value if known else np.nan, a.size, b.size, method, "" if known else reason)


def _correlations(participants: Participants, trial: Trial) -> Iterator[tuple]:
    """Spearman correlation of each marker with age, in the population sample and among the analysed participants."""
    groups = age_groups(participants.frame, trial)
    for names in ([name for name in groups if name != "participants"], ["participants"] if groups else []):
        for marker in trial.markers if names else ():
            age, whole = trial.population.age, groups[names[0]]
            if whole[age].isna().all() or whole[marker].isna().all():
                continue
            for group in names:
                result = categorical.spearman(groups[group][marker], groups[group][age])
                head = (marker, "correlation", BASELINE, "", ALL_PARTICIPANTS, age, group)
                reason = "" if result.n > 2 and not np.isnan(result.statistic) else ALL_EQUAL
                yield (*head, "n", float(result.n), result.n, np.nan, "", "")
                yield (*head, "spearman_r", result.statistic, result.n, np.nan, "spearman", reason)
                yield (*head, "p", result.p, result.n, np.nan, "spearman, t", reason)
