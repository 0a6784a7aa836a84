"""Sensitivity analyses: those announced but not reported in the paper, leave-one-out influence, suspect values."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from ..changes import EXCLUDED, NOT_POSITIVE, compute_changes, treat_outliers
from ..comparisons import (
    Comparison,
    Layout,
    estimate_rows,
    group_comparisons,
    result_rows,
    results_frame,
    seeded_generator,
    value_matrix,
)
from ..config.settings import Analysis, Robustness
from ..formatting import find_rounding_rule
from ..results_table import ALL_PARTICIPANTS
from ..stats.ancova import ancova, random_intercept
from ..stats.checks import is_significant
from ..stats.estimate import Estimate, mann_whitney_effect, mean_difference
from ..stats.missing import impute, p_bounds, pool_estimates
from ..stats.rank_sum import hodges_lehmann
from ..stats.two_sample import get_test, rank_sum_variants
from .interaction import NO_OVERLAP, TOO_FEW, interaction_table

EVERY_VISIT = "mean of visits"
IMPUTATIONS = 20
EFFECT, ADJUSTED = "mann_whitney_effect", "adjusted_difference"
IMPUTED = {EFFECT: "placements, t", ADJUSTED: "covariance, HC3, t"}
COVARIANCE = {"log_ratio": "log scale", "difference": "differences", "percent_change": "percent change"}
MIXED = "mixed model, restricted likelihood, t (Satterthwaite)"

NO_BASELINE = "no baseline values of the same participants"
NO_IDS = "participants without ids: who is missing is not known"
ABSENT = "no analysed participant has this value"
NOT_ANALYSED = "no value of this outcome, visit and arm is analysed"
SEVERAL = "several participants have this value"


def sensitivity_table(layout: Layout, robustness: Robustness) -> pd.DataFrame:
    """Repeat every comparison of changes by the announced methods; columns are those of the results.

    ``method`` is ``covariance`` (log ratio on arm and log baseline, and percent change on arm and baseline, HC3),
    ``mixed model`` (log ratio over all visits), ``imputed`` (multiple imputation, pooled by Rubin's rules) or
    ``any values`` (lowest and highest P over all possible values of the missing participants). An analysis of differences
    uses differences instead of log ratios, and the baseline instead of its logarithm.
    """
    analysis, comparisons, rows = layout.analysis, layout.compared, []
    for comparison in comparisons:
        rows += [*covariance_rows(comparison, analysis), *_bound_rows(comparison, analysis)]
    for visits in group_comparisons(comparisons, "outcome", "marker", "stratum"):
        rows += mixed_rows(visits, analysis)
    for outcome_comparisons in group_comparisons(comparisons, "outcome"):
        rows += _imputed_rows(outcome_comparisons, layout.markers, analysis, robustness)
    return results_frame(rows)


def covariance_rows(comparison: Comparison, analysis: Analysis) -> Iterator[tuple]:
    """Yield rows of both analyses of covariance; the one on the log scale also in percent."""
    for measure, response, covariate in (
        (comparison.scale, comparison.modelled, comparison.covariate),
        ("percent_change", 100 * (comparison.ratio - 1), comparison.baseline),
    ):
        response = np.where(np.isnan(covariate), np.nan, response)
        key = (comparison.outcome, measure, *comparison.key[2:], "")
        reason = TOO_FEW if np.isfinite(covariate).any() else NO_BASELINE
        if measure == "log_ratio":
            reason = comparison.no_logarithm or reason
        method = f"covariance, {COVARIANCE[measure]}, HC3, t"
        difference = ancova(response, covariate, comparison.is_first, confidence=1 - analysis.alpha)
        yield from _adjusted_rows(key, difference, comparison.counts(response), method, reason)


def _adjusted_rows(key: tuple, difference: Estimate, n: tuple[int, int], method: str, reason: str) -> Iterator[tuple]:
    """Yield rows of an adjusted difference; one of logs also as the percent by which the treated ratio is larger."""
    yield from estimate_rows(key, ADJUSTED, difference, n, method, reason)
    if key[1] == "log_ratio":
        logs = {"": difference.estimate, "_lower": difference.lower, "_upper": difference.upper}
        percent = {f"adjusted_percent{end}": 100 * np.expm1(log) for end, log in logs.items()}
        yield from result_rows(key, n, method, reason, **percent)


def mixed_rows(visits: list[Comparison], analysis: Analysis) -> Iterator[tuple]:
    """Yield rows of the mixed model over all visits of an outcome: the effect at each visit, and their mean.

    The model is log ratio on visit, visit x arm and log baseline, or difference and baseline, with a random intercept per
    participant. It includes every participant with at least one follow-up.
    """
    if len(visits) < 2:
        return
    k, scale, linked = len(visits), visits[0].scale, [c.within(c.linked) for c in visits]
    ids, is_first, modelled = value_matrix(linked, "modelled")
    baseline = np.fmax.reduce(value_matrix(linked, "covariate")[2], axis=1)
    no_logarithm = next(filter(None, (c.no_logarithm for c in visits)), "")
    included = ~np.isnan(modelled).all(axis=1) & ~np.isnan(baseline) & (not no_logarithm)
    response = np.where(included[:, None], modelled, np.nan)
    baseline = baseline - np.mean(baseline, where=included) if included.any() else baseline
    at_visit = np.repeat(np.eye(k), ids.size, axis=0)
    design = np.column_stack([at_visit, at_visit * np.tile(is_first, k)[:, None], np.tile(baseline, k)])
    effects = np.vstack([np.eye(k), np.full(k, 1 / k)])
    contrasts = np.hstack([np.zeros((k + 1, k)), effects, np.zeros((k + 1, 1))])
    data = design, response.T.ravel(), np.tile(np.arange(ids.size), k)
    try:
        estimates, reason = random_intercept(*data, contrasts, confidence=1 - analysis.alpha), ""
    except ValueError:
        estimates, reason = [Estimate()] * (k + 1), no_logarithm or (TOO_FEW if included.any() else NO_BASELINE)
    n = [c.counts(np.where(np.isnan(c.covariate), np.nan, c.modelled)) for c in visits]
    n.append((int((included & is_first).sum()), int((included & ~is_first).sum())))
    for visit, effect, size in zip([*(c.visit for c in visits), EVERY_VISIT], estimates, n, strict=True):
        key = (visits[0].outcome, scale, visit, *visits[0].key[3:], "")
        yield from _adjusted_rows(key, effect, size, MIXED, reason)


def _bound_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    """Return rows of the lowest and highest P; n includes the participants without a value."""
    test, total, key = get_test(analysis.test), comparison.total, (*comparison.key, "")
    method = f"any values of the missing, {test.name}"
    if reason := test.no_bounds if comparison.linked.all() else NO_IDS:
        return result_rows(key, total, method, reason, p_lowest=np.nan, p_highest=np.nan)
    missing = np.subtract(total, comparison.counts()).tolist()
    lowest, highest = p_bounds(*comparison.samples(), *missing, method=test.name)
    return result_rows(key, total, method, test.undefined, p_lowest=lowest, p_highest=highest)


def _imputed_rows(
    comparisons: list[Comparison], markers: pd.DataFrame, analysis: Analysis, robustness: Robustness
) -> Iterator[tuple]:
    """Yield rows of one outcome from imputed changes: all participants and each stratum, at each visit.

    The arms are imputed separately, so that no treatment effect is assumed. The columns are log baseline and the log ratio
    at each visit, or baseline and differences, and the markers that vary (as logs if they are positive).
    """
    overall = [c for c in comparisons if not c.marker]
    if not overall or not all(c.linked.all() for c in overall):
        return
    ids, is_first, modelled = value_matrix(overall, "modelled")
    columns = [np.fmax.reduce(value_matrix(overall, "covariate")[2], axis=1), *modelled.T]
    for values in markers.reindex(ids).to_numpy(float).T:
        if np.unique(values[~np.isnan(values)]).size > 1:
            columns.append(np.log(values) if np.nanmin(values) > 0 else values)
    observed = np.column_stack(columns)
    reason = next(filter(None, (c.no_logarithm for c in overall)), "")
    if not reason and overall[0].scale == "log_ratio" and any((c.baseline <= 0).any() for c in overall):
        reason = NOT_POSITIVE
    sets = IMPUTATIONS if np.isnan(observed).any() else 2  # complete values need no repetition
    filled = np.full((sets, *observed.shape), np.nan)
    try:
        for arm in (True, False) if not reason else ():  # a value without a logarithm is observed, so it is not imputed
            seed = seeded_generator(robustness.seed, "imputation", overall[0].outcome, str(arm))
            filled[:, is_first == arm] = impute(observed[is_first == arm], imputations=sets, seed=seed)
    except (ValueError, np.linalg.LinAlgError):
        filled[:], reason = np.nan, TOO_FEW
    visit_columns = {c.visit: column for column, c in enumerate(overall, start=1)}
    for c in comparisons:
        members = ids.get_indexer(c.participant)
        key = (c.outcome, c.scale, *c.key[2:], "")
        for name, description in IMPUTED.items():
            baselines, changes = filled[:, members, 0], filled[:, members, visit_columns[c.visit]]
            pooled, missing_share = _pool_effect(name, baselines, changes, c.is_first, 1 - analysis.alpha)
            method = f"imputed, {description}, {sets} sets, Rubin's rules"
            undefined = reason or (NO_OVERLAP if name == EFFECT else TOO_FEW)
            yield from estimate_rows(key, name, pooled, c.total, method, undefined)
            yield from result_rows(key, c.total, method, undefined, missing_share=missing_share)


def _pool_effect(
    name: str, baselines: np.ndarray, changes: np.ndarray, is_first: np.ndarray, confidence: float
) -> tuple[Estimate, float]:
    """Estimate an effect in every imputed set, arrays of shape (sets, participants), and pool it by Rubin's rules.

    Undefined if the sets are NaN or the effect has no variance.
    """
    estimates, sets = [], len(changes)
    if not (np.ptp(baselines, axis=0).any() or np.ptp(changes, axis=0).any()):
        baselines, changes = baselines[:1], changes[:1]  # nothing was missing: all sets are the same
    for baseline, change in zip(baselines, changes, strict=True):
        if name == EFFECT:
            estimates.append(mann_whitney_effect(change[is_first], change[~is_first])[:3])
        else:
            estimates.append(ancova(change, baseline, is_first, confidence=confidence)[:3])
    values, errors, df = np.resize(estimates, (sets, 3)).T
    if not (errors**2).mean() > 0:
        return Estimate(), np.nan
    null = 0.5 if name == EFFECT else 0.0  # no effect; P tests the distance from it
    pooled, share = pool_estimates(values - null, errors**2, complete_df=float(df.mean()), confidence=confidence)
    from_null = {field: getattr(pooled, field) + null for field in ("estimate", "lower", "upper")}
    return pooled._replace(**from_null), share


def leave_one_out_table(layout: Layout) -> pd.DataFrame:
    """Compare the arms without each participant in turn; the strata stay as they are.

    Columns are those of the results, sorted within a comparison by the change in P. Statistic ``p``: ``group`` is the
    omitted participant. For the whole comparison: ``p_all`` (none omitted), ``p_minimum``, ``p_maximum`` and ``flips``, the
    number of omissions that move P to the other side of alpha. ``n_first`` and ``n_second`` count those compared.
    """
    test, alpha, rows = get_test(layout.analysis.test), layout.analysis.alpha, []
    for c in (c for c in layout.compared if min(c.counts()) > 1):
        measured = np.flatnonzero(~np.isnan(c.value))
        columns = np.tile(c.value[measured][:, None], measured.size + 1)  # the last column has all participants
        columns[np.diag_indices(measured.size)] = np.nan
        tests = test.compare_columns(columns, c.is_first[measured])
        p_without, p_all = tests.p[:-1], tests.p[-1]
        if np.isnan(p_without).all():
            continue
        flips = is_significant(p_without, alpha) != is_significant(p_all, alpha)
        summary = {"p_minimum": np.nanmin(p_without), "p_maximum": np.nanmax(p_without)}
        summary["flips"] = float(flips[~np.isnan(p_without)].sum())
        rows += result_rows((*c.key, ""), c.counts(), test.name, test.undefined, p_all=p_all, **summary)
        changes = np.round(np.abs(p_without - p_all), 10)  # equal changes differ in the last digits, by the processor
        for omitted in np.argsort(-changes, kind="stable"):
            key = (*c.key, str(c.participant[measured[omitted]]))
            n = (int(tests.n_first[omitted]), int(tests.n_second[omitted]))
            rows += result_rows(key, n, test.name, test.undefined, p=p_without[omitted])
    return results_frame(rows)


def suspect_values_table(suspects: pd.DataFrame, layout: Layout, robustness: Robustness) -> pd.DataFrame:
    """Analyse the outcome of each suspect percent change by every method, in three versions.

    ``layout`` has the changes before the analysis treats outliers, which is done again in every version.
    The participant is the one in the arm whose percent change rounds to ``reported`` (or to ``instead``, if the data
    have been corrected already). ``instead`` changes the follow-up value, not the baseline. ``suspects`` is the
    published table of that name, with all columns as text.

    Columns are those of the results; ``group`` names the version: ``1480``, ``148.0 for 1480``, ``without 1480``. A
    value that no participant has gives one row with the reason.
    """
    changes, analysis, frames = layout.changes, layout.analysis, [results_frame([])]
    for suspect in suspects.itertuples(index=False):
        outcome_changes = changes[changes["outcome"].eq(suspect.outcome) & changes["reason"].ne(EXCLUDED)]
        in_arm = (outcome_changes[["visit", "arm"]] == [suspect.visit, suspect.arm]).all(axis=1)
        candidates = outcome_changes[in_arm]
        percent_changes = candidates["value"] if analysis.change == "percent" else np.full(len(candidates), np.nan)
        percent, _ = compute_changes(candidates["baseline"], candidates["follow_up"], percent_changes, "percent")
        texts = reported, instead = suspect.reported, suspect.instead
        matches = [not np.isnan(value) and any(find_rounding_rule(value, text) for text in texts) for value in percent]
        if sum(matches) != 1:
            group = ("", ALL_PARTICIPANTS, layout.trial.contrast, reported)
            key = (suspect.outcome, analysis.measure, suspect.visit, *group)
            method, reason = f"test of the analysis, {analysis.test}", SEVERAL if any(matches) else ABSENT
            reason = NOT_ANALYSED if candidates.empty else reason
            frames.append(results_frame(result_rows(key, (None, None), method, reason, p=np.nan)))
            continue
        versions = {reported: float(reported), f"{instead} for {reported}": float(instead)}
        versions[f"without {reported}"] = np.nan
        index = candidates.index[matches][0]
        for version, value in versions.items():
            changed = _replace_percent_change(outcome_changes, index, value, analysis)
            groups = group_comparisons(replace(layout, changes=changed).compared, "marker", "stratum")
            rows = [row for visits in groups for row in _every_method_rows(visits, suspect.visit, analysis)]
            at_visit = replace(layout, changes=changed[changed["visit"].eq(suspect.visit)])
            tables = results_frame(rows), interaction_table(at_visit, robustness)
            frames += [table.assign(group=version) for table in tables]
    return pd.concat([frame for frame in frames if len(frame)] or frames, ignore_index=True)


def _replace_percent_change(changes: pd.DataFrame, index, percent: float, analysis: Analysis) -> pd.DataFrame:
    """Return the changes with the percent change of one row replaced (NaN: removed), and then outliers treated."""
    changes, baseline = changes.copy(), changes.loc[[index], "baseline"]
    follow_up = baseline * (1 + percent / 100)
    value, reason = compute_changes(baseline, follow_up, np.array([percent]), analysis.change)
    changes.loc[index, ["follow_up", "value", "reason"]] = *follow_up, *value, *reason
    treat_outliers(changes, analysis)
    return changes


def _every_method_rows(visits: list[Comparison], visit: str, analysis: Analysis) -> Iterator[tuple]:
    """Yield rows of one group of participants: the comparison at one visit, and the mixed model over all visits."""
    tests = [("test of the analysis", analysis.test), *(("rank-sum", name) for name in rank_sum_variants())]
    for c in (c for c in visits if c.visit == visit):
        (first, second), n, key, confidence = c.samples(), c.counts(), (*c.key, ""), 1 - analysis.alpha
        yield from result_rows(key, n, "", median_difference=np.median(first) - np.median(second))
        shift = hodges_lehmann(first, second, method=analysis.test, confidence=confidence)
        limits = {"hodges_lehmann_lower": shift.lower, "hodges_lehmann_upper": shift.upper}
        yield from result_rows(key, n, analysis.test, TOO_FEW, hodges_lehmann=shift.estimate)
        yield from result_rows(key, n, analysis.test, get_test(analysis.test).no_limit, **limits)
        for description, name in tests:
            test = get_test(name)
            yield from result_rows(key, n, f"{description}, {name}", test.undefined, p=test.compare(first, second).p)
        difference = mean_difference(first, second, confidence=confidence)
        yield from estimate_rows(key, "mean_difference", difference, n, "means, t (Welch)", TOO_FEW)
        yield from covariance_rows(c, analysis)
    yield from mixed_rows(visits, analysis)
