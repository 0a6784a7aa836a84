"""The long table of results, a row per number; every later step only reads it."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from .comparisons import Comparison, Layout, group_comparisons, result_rows, results_frame, value_matrix
from .participants import Participants, age_groups
from .results_table import ALL_PARTICIPANTS, BOTH_ARMS
from .stats import categorical, quantiles
from .stats.categorical import jonckheere_terpstra
from .stats.rank_sum import hodges_lehmann_columns
from .stats.two_sample import get_test, rank_sum_variants
from .trial import BASELINE

EMPTY_GROUP = "a group has no value"
ONE_VALUE = "the group has one value"
TREND = "Jonckheere-Terpstra"
NO_TREND = "fewer than three values or two strata with values, or all values are equal"
NO_CORRELATION = "fewer than three pairs, or all values of one are equal"


def build_results(
    participants: Participants, layout: Layout, *, also: Iterable[str] = rank_sum_variants()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute every summary, effect and P-value of an analysis.

    That is: all participants together, and the markers against age; each stratum of each marker; and the strata against
    each other at baseline, with the trend over three or more. ``also`` names additional two-sample tests.

    The results have a row per number in full precision, with the columns of ``COLUMNS``. ``contrast`` is first - second;
    ``group`` names the group of a summary; ``n_first`` is the size of that group, or of the first group of a contrast;
    ``method`` is the convention that was used; ``value`` is NaN where ``reason`` explains it. The alternatives,
    with the same columns, are P-values by the tests ``also``, and quartiles by the other definitions.
    """
    analysis = layout.analysis
    rows = [*_subgroup_rows(layout, layout.overall, also), *_correlation_rows(participants, layout)]
    for comparisons in group_comparisons(layout.by_stratum, "marker", "stratum"):
        rows += _subgroup_rows(layout, comparisons, also)
    *lower_strata, upper = analysis.strata.labels
    for comparisons in group_comparisons(layout.by_marker, "marker"):
        for lower in lower_strata:
            both = [c.within(np.isin(c.label, [upper, lower])) for c in comparisons if not c.is_change]
            of_strata = [replace(c, contrast=f"{upper} - {lower}", is_first=c.label == upper) for c in both]
            rows += _contrast_rows(layout, of_strata, also)
        rows += _trend_rows(layout, comparisons)
    results = results_frame(rows)
    methods = {*also, *(f"type_{kind}" for kind in quantiles.TYPES)}
    is_alternative = results["method"].isin(methods - {analysis.test, f"type_{analysis.quartile_type}"})
    return results[~is_alternative].reset_index(drop=True), results[is_alternative].reset_index(drop=True)


def _is_binary(layout: Layout, comparison: Comparison) -> bool:
    return layout.trial.outcomes[comparison.outcome].kind == "binary"


def _trend_rows(layout: Layout, comparisons: list[Comparison]) -> Iterator[tuple]:
    """Test the trend over three or more ordered strata of a marker, by Jonckheere and Terpstra.

    The test is of the changes within each arm, and of the baseline values of both arms together, as in the contrasts of
    strata. ``contrast`` names the strata in their order, ``group`` the arm; ``z_trend`` is positive where values rise.
    """
    strata = layout.analysis.strata.labels
    if len(strata) < 3:
        return
    (treated, control), contrast = layout.trial.analysed_arms, f"trend {' < '.join(strata)}"
    for group, c in product((treated, control, BOTH_ARMS), comparisons):
        if _is_binary(layout, c) or c.is_change == (group == BOTH_ARMS):
            continue
        members = (c.is_first == (group == treated)) | (group == BOTH_ARMS)
        trend = jonckheere_terpstra([c.value[members & (c.label == stratum)] for stratum in strata])
        key, n = (*c.head, "", contrast, group), (trend.n, np.nan)
        yield from result_rows(key, n, TREND, NO_TREND, z_trend=trend.statistic, p_trend=trend.p)


def _subgroup_rows(layout: Layout, comparisons: list[Comparison], also: Iterable[str]) -> Iterator[tuple]:
    """Summarize the groups of a subgroup, and compare its arms."""
    of_arms = [comparison.within(comparison.has_arm, comparison.stratum) for comparison in comparisons]
    _, is_first, values = value_matrix(of_arms)
    for arm, members in zip(layout.trial.analysed_arms, (is_first, ~is_first), strict=True):
        yield from _summary_rows(layout, of_arms, arm, values[members])
    yield from _summary_rows(layout, comparisons, BOTH_ARMS, value_matrix(comparisons)[2])
    yield from _contrast_rows(layout, of_arms, also)


def _summary_rows(layout: Layout, comparisons: list[Comparison], group: str, values: np.ndarray) -> Iterator[tuple]:
    """Summarize one group in every column of values; a change of both arms together is only counted."""
    statistics_by_column = _summarize_columns(values, layout.analysis.quartile_type).to_dict("index")
    for column, (c, n) in enumerate(zip(comparisons, (~np.isnan(values)).sum(axis=0), strict=True)):
        key, sizes = (*c.head, c.stratum, "", group), (int(n), np.nan)
        yield from result_rows(key, sizes, "", n=float(n))
        if group == BOTH_ARMS and c.is_change:
            continue
        statistics = statistics_by_column[column]
        if _is_binary(layout, c):
            count = np.nansum(values[:, column]) if n else np.nan
            statistics = {("count", ""): count, ("percent", ""): 100 * count / max(n, 1)}
        for (name, method), value in statistics.items():
            yield from result_rows(key, sizes, method, ONE_VALUE if n else EMPTY_GROUP, **{name: value})


def _summarize_columns(values: np.ndarray, quartile_type: int) -> pd.DataFrame:
    """Return a row of statistics, by name and method, for each column of values."""
    ordered, sizes = np.sort(values, axis=0), (~np.isnan(values)).sum(axis=0)  # missing values last
    frame = pd.DataFrame(ordered)
    result = {("median", ""): frame.median()}
    for kind in (quartile_type, *(kind for kind in quantiles.TYPES if kind != quartile_type)):
        quartiles = np.empty((2, sizes.size))
        for n in np.unique(sizes):  # columns with equally many values together
            quartiles[:, sizes == n] = quantiles.quantile(ordered[:n, sizes == n], [0.25, 0.75], type=kind)
        result["q1", f"type_{kind}"], result["q3", f"type_{kind}"] = quartiles
    result |= {("minimum", ""): frame.min(), ("maximum", ""): frame.max()}
    return pd.DataFrame(result | {("mean", ""): frame.mean(), ("sd", ""): frame.std()})


def _contrast_rows(layout: Layout, comparisons: list[Comparison], also: Iterable[str]) -> Iterator[tuple]:
    """Compare two groups in every comparison in which both have values."""
    test, confidence = get_test(layout.analysis.test), 1 - layout.analysis.alpha
    comparisons = [comparison for comparison in comparisons if min(comparison.counts())]
    _, is_first, values = value_matrix(comparisons)
    other_tests = [get_test(name) for name in also if name != test.name]
    other_p = [other.compare_columns(values, is_first).p for other in other_tests]
    tests = test.compare_columns(values, is_first)
    shifts = hodges_lehmann_columns(values, is_first, method=test.name, confidence=confidence)
    estimates = {"hodges_lehmann": (shifts, test.no_limit)}
    if test.mean_difference:
        means = test.difference_columns(values, is_first, confidence=confidence)
        estimates["mean_difference"] = (means, test.undefined)
    for column, comparison in enumerate(comparisons):
        (first, second), n, key = comparison.samples(), comparison.counts(), (*comparison.key, "")
        if _is_binary(layout, comparison):
            chi_squared = categorical.chi_squared(first, second)
            statistics = {"chi_squared": chi_squared.statistic, "p": chi_squared.p}
            yield from result_rows(key, n, "chi_squared", "all values are equal", **statistics)
            continue
        difference, u = np.median(first) - np.median(second), tests.u[column]
        yield from result_rows(key, n, "", median_difference=difference)
        for name, (estimate, reason) in estimates.items():
            limits = {f"{name}_lower": estimate.lower[column], f"{name}_upper": estimate.upper[column]}
            yield from result_rows(key, n, "", reason, **{name: estimate.estimate[column]})
            yield from result_rows(key, n, f"{test.name}, level {confidence:.10g}", reason, **limits)
        yield from result_rows(key, n, "", mann_whitney_effect=u / (first.size * second.size), u=u)
        statistics = {test.statistic: tests.statistic[column], "p": tests.p[column]}
        yield from result_rows(key, n, test.name, test.undefined, **statistics)
        for other, p in zip(other_tests, other_p, strict=True):
            yield from result_rows(key, n, other.name, other.undefined, p=p[column])


def _correlation_rows(participants: Participants, layout: Layout) -> Iterator[tuple]:
    """Correlate each marker with age (Spearman), in the population sample and among the analysed participants."""
    trial, groups = layout.trial, age_groups(participants.frame, layout.trial, layout.analysis.exclude)
    for sample, marker in product(("population", "participants") if groups else (), trial.markers):
        age = trial.population.age
        if groups[sample][[age, marker]].isna().all().any():
            continue
        for group in (name for name in groups if name.startswith(sample)):
            correlation = categorical.spearman(groups[group][marker], groups[group][age])
            key, n = (marker, "correlation", BASELINE, "", ALL_PARTICIPANTS, age, group), (correlation.n, np.nan)
            yield from result_rows(key, n, "", n=float(correlation.n))
            yield from result_rows(key, n, "spearman", NO_CORRELATION, spearman_r=correlation.statistic)
            yield from result_rows(key, n, "spearman, t", NO_CORRELATION, p=correlation.p)
