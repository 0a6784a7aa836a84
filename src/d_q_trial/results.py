"""The long table of results, a row per number; every later step only reads it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .comparisons import Comparison, Layout, group_comparisons, result_rows, results_frame, value_matrix
from .participants import Participants, age_groups
from .results_table import ALL_PARTICIPANTS, BOTH_ARMS
from .stats import categorical, quantiles
from .stats.categorical import jonckheere_terpstra
from .stats.shift import hodges_lehmann_columns
from .stats.two_sample import get_test, rank_sum_variants
from .trial import BASELINE

if TYPE_CHECKING:
    from .config.settings import Settings
    from .stats.checks import Estimate

EMPTY_GROUP = "a group has no value"
ONE_VALUE = "the group has one value"
TREND = "Jonckheere-Terpstra"
NO_TREND = "fewer than three values or two strata with values, or all values are equal"
NO_CORRELATION = "fewer than three pairs, or all values of one are equal"


def variants_to_try(settings: Settings) -> tuple[str, ...]:
    """List other rank-sum variants to try, because reported numbers may follow another convention.

    Without them none is tried, because the exact test of hundreds of participants costs seconds.
    """
    return rank_sum_variants() if settings.published else ()


def build_results(
    participants: Participants, layout: Layout, *, also: Iterable[str] = rank_sum_variants()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute every summary, effect and P-value of an analysis.

    That is: all participants together, and the markers against age; each stratum of each marker; and the strata against
    each other at baseline, with the trend over three or more.

    ``also`` names the two-sample tests to make beside that of the analysis.

    The results have a row per number in full precision, with the columns of ``COLUMNS``. ``contrast`` is first - second;
    ``group`` names the group of a summary; ``n_first`` is the size of that group, or of the first group of a contrast;
    ``method`` is the convention by which the number was made; ``value`` is NaN where ``reason`` says why. The alternatives,
    with the same columns, are P-values by the tests ``also``, and quartiles by the other definitions.
    """
    analysis = layout.analysis
    rows = [*_within(layout, layout.overall, also), *_correlations(participants, layout)]
    for comparisons in group_comparisons(layout.by_stratum, "marker", "stratum"):
        rows += _within(layout, comparisons, also)
    by_marker = group_comparisons(layout.by_marker, "marker")
    *lower, upper = analysis.strata.labels
    for comparisons, label in product(by_marker, lower):
        rows += _contrasts(layout, [_between(c, upper, label) for c in comparisons if not c.is_change], also)
    for comparisons in by_marker:
        rows += _trends(layout, comparisons)
    every = results_frame(rows)
    methods = {*also, *(f"type_{kind}" for kind in quantiles.TYPES)}
    is_other = every["method"].isin(methods - {analysis.test, f"type_{analysis.quartile_type}"})
    return every[~is_other].reset_index(drop=True), every[is_other].reset_index(drop=True)


def _between(comparison: Comparison, upper: str, lower: str) -> Comparison:
    """Return the comparison of two strata, both arms together, instead of that of the arms."""
    both = comparison.within(np.isin(comparison.label, [upper, lower]))
    return replace(both, contrast=f"{upper} - {lower}", is_first=both.label == upper)


def _groups(layout: Layout, is_first: np.ndarray) -> dict[str, np.ndarray]:
    """Return the members (bool) of the groups that are summarized: each arm, and both together."""
    return dict(zip((*layout.trial.analysed_arms, BOTH_ARMS), (is_first, ~is_first, is_first | True), strict=True))


def _is_binary(layout: Layout, comparison: Comparison) -> bool:
    return layout.trial.outcomes[comparison.outcome].kind == "binary"


def _trends(layout: Layout, comparisons: list[Comparison]) -> Iterator[tuple]:
    """Test the trend over three or more ordered strata of a marker, by Jonckheere and Terpstra.

    Of the changes within each arm, and of the baseline values of both arms together, as in the contrasts of strata.
    ``contrast`` names the strata in their order, ``group`` the arm; ``z_trend`` is positive where values rise.
    """
    strata = layout.analysis.strata.labels
    if len(strata) < 3:
        return
    contrast = f"trend {' < '.join(strata)}"
    for group, c in product((*layout.trial.analysed_arms, BOTH_ARMS), comparisons):
        if _is_binary(layout, c) or c.is_change == (group == BOTH_ARMS):
            continue
        members = _groups(layout, c.is_first)[group]
        found = jonckheere_terpstra([c.value[members & (c.label == stratum)] for stratum in strata])
        key, n = (*c.head, "", contrast, group), (found.n, np.nan)
        yield from result_rows(key, n, TREND, NO_TREND, z_trend=found.statistic, p_trend=found.p)


def _within(layout: Layout, comparisons: list[Comparison], also: Iterable[str]) -> Iterator[tuple]:
    """Describe the groups of a subgroup, and compare its arms."""
    _, is_first, values = value_matrix(comparisons)
    for group, members in _groups(layout, is_first).items():
        yield from _summaries(layout, comparisons, group, values[members])
    yield from _contrasts(layout, comparisons, also)


def _summaries(layout: Layout, comparisons: list[Comparison], group: str, values: np.ndarray) -> Iterator[tuple]:
    """Describe one group in every column of values; a change of both arms together is only counted."""
    described = _describe(values, layout.analysis.quartile_type).to_dict("index")
    for column, (c, n) in enumerate(zip(comparisons, (~np.isnan(values)).sum(axis=0), strict=True)):
        key, sizes = (*c.head, c.stratum, "", group), (int(n), np.nan)
        yield from result_rows(key, sizes, "", n=float(n))
        if group == BOTH_ARMS and c.is_change:
            continue
        numbers = described[column]
        if _is_binary(layout, c):
            count = np.nansum(values[:, column]) if n else np.nan
            numbers = {("count", ""): count, ("percent", ""): 100 * count / max(n, 1)}
        for (statistic, method), value in numbers.items():
            yield from result_rows(key, sizes, method, ONE_VALUE if n else EMPTY_GROUP, **{statistic: value})


def _describe(values: np.ndarray, quartile_type: int) -> pd.DataFrame:
    """Return a row of statistics, by name and method, for each column of values."""
    ordered, sizes = np.sort(values, axis=0), (~np.isnan(values)).sum(axis=0)  # missing values last
    frame = pd.DataFrame(ordered)
    result = {("median", ""): frame.median()}
    for kind in (quartile_type, *(kind for kind in quantiles.TYPES if kind != quartile_type)):
        quartiles = np.empty((2, sizes.size))
        for n in np.unique(sizes):  # columns with equally many values are done together
            quartiles[:, sizes == n] = quantiles.quantile(ordered[:n, sizes == n], [0.25, 0.75], type=kind)
        result["q1", f"type_{kind}"], result["q3", f"type_{kind}"] = quartiles
    result |= {("minimum", ""): frame.min(), ("maximum", ""): frame.max()}
    return pd.DataFrame(result | {("mean", ""): frame.mean(), ("sd", ""): frame.std()})


def _contrasts(layout: Layout, comparisons: list[Comparison], also: Iterable[str]) -> Iterator[tuple]:
    """Compare two groups in every comparison in which both have values."""
    own, confidence = get_test(layout.analysis.test), 1 - layout.analysis.alpha
    further = [get_test(name) for name in also if name != own.name]
    comparisons = [comparison for comparison in comparisons if min(comparison.counts())]
    _, is_first, values = value_matrix(comparisons)
    p_further = {test.name: test.compare_columns(values, is_first).p for test in further}
    tests = own.compare_each(values, is_first)
    shifts = hodges_lehmann_columns(values, is_first, method=own.name, confidence=confidence)
    means = own.difference_columns(values, is_first, confidence=confidence) if own.mean_difference else shifts
    level = f"{own.name}, level {confidence:g}"
    for column, comparison in enumerate(comparisons):
        (a, b), n, key = comparison.samples(), comparison.counts(), (*comparison.key, "")
        if _is_binary(layout, comparison):
            found = categorical.chi_squared(a, b)
            yield from result_rows(
                key, n, "chi_squared", "all values are equal", chi_squared=found.statistic, p=found.p
            )
            continue
        difference, limits = np.median(a) - np.median(b), _limits("hodges_lehmann", shifts, column)
        yield from result_rows(key, n, "", median_difference=difference, hodges_lehmann=shifts.estimate[column])
        yield from result_rows(key, n, level, own.no_limit, **limits)
        yield from result_rows(key, n, "", mann_whitney_effect=tests.u[column] / (a.size * b.size), u=tests.u[column])
        if own.mean_difference:
            yield from result_rows(key, n, "", own.undefined, mean_difference=means.estimate[column])
            yield from result_rows(key, n, level, own.undefined, **_limits("mean_difference", means, column))
        found = {own.statistic: tests.statistic[column], "p": tests.p[column]}
        yield from result_rows(key, n, own.name, own.undefined, **found)
        for other in further:
            yield from result_rows(key, n, other.name, other.undefined, p=p_further[other.name][column])


def _limits(name: str, found: Estimate, column: int) -> dict[str, float]:
    """Return the limits of an interval in one of the columns, by their names in the results."""
    return {f"{name}_lower": found.lower[column], f"{name}_upper": found.upper[column]}


def _correlations(participants: Participants, layout: Layout) -> Iterator[tuple]:
    """Spearman correlation of each marker with age, in the population sample and among the analysed participants."""
    trial, groups = layout.trial, age_groups(participants.frame, layout.trial, layout.analysis.exclude)
    for whole, marker in product(("population", "participants") if groups else (), trial.markers):
        age = trial.population.age
        if groups[whole][[age, marker]].isna().all().any():
            continue
        for group, people in ((name, people) for name, people in groups.items() if name.startswith(whole)):
            result = categorical.spearman(people[marker], people[age])
            key, n = (marker, "correlation", BASELINE, "", ALL_PARTICIPANTS, age, group), (result.n, np.nan)
            yield from result_rows(key, n, "", n=float(result.n))
            yield from result_rows(key, n, "spearman", NO_CORRELATION, spearman_r=result.statistic)
            yield from result_rows(key, n, "spearman, t", NO_CORRELATION, p=result.p)
