"""Sensitivity analyses: those announced but not reported in the paper, leave-one-out influence, suspect values."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ..changes import EXCLUDED, NOT_POSITIVE, change_or_given, treat_outliers
from ..comparisons import (
    TOO_FEW,
    Comparison,
    Layout,
    estimate_rows,
    group_comparisons,
    result_rows,
    results_frame,
    seeded_generator,
    value_matrix,
)
from ..config.robustness import Robustness
from ..config.settings import Analysis
from ..formatting import find_rounding_rule
from ..results_table import ALL_PARTICIPANTS
from ..stats.ancova import ancova, random_intercept
from ..stats.checks import is_significant
from ..stats.estimate import Estimate, mann_whitney_effect, mean_difference
from ..stats.missing import impute, p_bounds, pool_estimates
from ..stats.shift import hodges_lehmann
from ..stats.two_sample import get_test, rank_sum_variants
from .interaction import NO_OVERLAP, interactions

EVERY_VISIT = "mean of visits"
IMPUTATIONS = 20
EFFECT, ADJUSTED = "mann_whitney_effect", "adjusted_difference"
IMPUTED = {EFFECT: "placements, t", ADJUSTED: "covariance, HC3, t"}
COVARIANCE = {"log_ratio": "log scale", "difference": "differences", "percent_change": "percent change"}
MIXED = "mixed model, restricted likelihood, t (Satterthwaite)"

NO_BASELINE = "no baseline values of the same participants"
NO_IDS = "participants without ids: who is missing is not known"
AT_LEAST = "at least this: with many ties, the highest P is not known"
ABSENT = "no analysed participant has this value"
SEVERAL = "several participants have this value"


def sensitivity(layout: Layout, robustness: Robustness) -> pd.DataFrame:
    """Repeat every comparison of changes by the announced methods; columns are those of the results.

    ``method`` is ``covariance`` (log ratio on arm and log baseline, and percent change on arm and baseline, HC3),
    ``mixed model`` (log ratio over all visits), ``imputed`` (multiple imputation, pooled by Rubin's rules) or
    ``any values`` (lowest and highest P over all possible values of the missing participants). If the analysis is of
    differences, these and the baseline take the place of log ratios and log baseline.
    """
    analysis, comparisons, rows = layout.analysis, layout.compared, []
    markers = layout.strata.pivot(index="participant", columns="marker", values="marker_value")
    for comparison in comparisons:
        rows += covariance_rows(comparison, analysis) + _bound_rows(comparison, analysis)
    for visits in group_comparisons(comparisons, "outcome", "marker", "stratum"):
        rows += mixed_rows(visits, analysis)
    for own in group_comparisons(comparisons, "outcome"):
        rows += _imputed_rows(own, markers, analysis, robustness)
    return results_frame(rows)


def covariance_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    """Return rows of both analyses of covariance; the one on the log scale also in percent."""
    rows = []
    for measure, response, covariate in (
        (comparison.scale, comparison.modelled, comparison.covariate),
        ("percent_change", 100 * (comparison.ratio - 1), comparison.baseline),
    ):
        used = np.where(np.isnan(covariate), np.nan, response)
        n = comparison.counts(used)
        key = (comparison.outcome, measure, *comparison.key[2:], "")
        reason = TOO_FEW if np.isfinite(covariate).any() else NO_BASELINE
        reason = comparison.no_logarithm * (measure == "log_ratio") or reason
        method = f"covariance, {COVARIANCE[measure]}, HC3, t"
        found = ancova(used, covariate, comparison.is_first, confidence=1 - analysis.alpha)
        rows += _adjusted_rows(key, found, n, method, reason)
    return rows


def _adjusted_rows(key: tuple, found: Estimate, n: tuple[int, int], method: str, reason: str) -> list[tuple]:
    """Return rows of an adjusted difference; one of logs also as the percent by which the treated ratio is larger."""
    rows = estimate_rows(key, ADJUSTED, found, n, method, reason)
    if key[1] != "log_ratio":
        return rows
    values = {"": found.estimate, "_lower": found.lower, "_upper": found.upper}
    percent = {f"adjusted_percent{name}": 100 * np.expm1(value) for name, value in values.items()}
    return rows + result_rows(key, n, method, reason, **percent)


def mixed_rows(visits: list[Comparison], analysis: Analysis) -> list[tuple]:
    """Return rows of the mixed model over all visits of an outcome: the effect at each visit, and their mean.

    The model is log ratio on visit, visit x arm and log baseline, or difference and baseline, with a random intercept per
    participant. It includes every participant with at least one follow-up.
    """
    if len(visits) < 2:
        return []
    k, scale = len(visits), visits[0].scale
    names = ("participant", "linked", "modelled", "covariate", "is_first")
    whose, linked, modelled, baseline, is_first = (np.concatenate([getattr(c, n) for c in visits]) for n in names)
    whose, response = whose.astype(str), np.where(linked, modelled, np.nan)
    at_visit = np.repeat(np.eye(k), [c.value.size for c in visits], axis=0)
    if no_logarithm := next(filter(None, (c.no_logarithm for c in visits)), ""):
        response[:] = np.nan
    centre = baseline[~np.isnan(response)]
    measured = np.isfinite(centre).any()
    baseline = baseline - (np.nanmean(centre) if measured else 0.0)
    design = np.column_stack([at_visit, at_visit * is_first[:, None], baseline])
    effects = np.vstack([np.eye(k), np.full(k, 1 / k)])
    contrasts = np.hstack([np.zeros((k + 1, k)), effects, np.zeros((k + 1, 1))])
    try:
        found, reason = random_intercept(design, response, whose, contrasts, confidence=1 - analysis.alpha), ""
    except ValueError:
        found, reason = [Estimate()] * (k + 1), no_logarithm or (TOO_FEW if measured else NO_BASELINE)
    used = ~np.isnan(response) & ~np.isnan(baseline)
    n = [c.counts(np.where(np.isnan(c.covariate), np.nan, c.modelled)) for c in visits]
    n.append(tuple(np.unique(whose[used & side]).size for side in (is_first, ~is_first)))
    rows = []
    for visit, effect, size in zip([*(c.visit for c in visits), EVERY_VISIT], found, n, strict=True):
        key = (visits[0].outcome, scale, visit, *visits[0].key[3:], "")
        rows += _adjusted_rows(key, effect, size, MIXED, reason)
    return rows


def _bound_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    """Return rows of the lowest and highest P; n includes the participants without a value."""
    total, key = comparison.total, (*comparison.key, "")
    method = f"any values of the missing, {analysis.test}"
    reason = get_test(analysis.test).no_bounds if comparison.linked.all() else NO_IDS
    if reason:
        return result_rows(key, total, method, reason, p_lowest=np.nan, p_highest=np.nan)
    missing = [both - seen for both, seen in zip(total, comparison.counts(), strict=True)]
    lowest, highest, exact = p_bounds(*comparison.samples(), *missing, method=analysis.test)
    rows = result_rows(key, total, method, get_test(analysis.test).undefined, p_lowest=lowest, p_highest=highest)
    return rows if exact else [rows[0], (*rows[1][:-1], AT_LEAST)]


def _imputed_rows(
    own: list[Comparison], markers: pd.DataFrame, analysis: Analysis, robustness: Robustness
) -> list[tuple]:
    """Return rows of one outcome from imputed changes: all participants and each stratum, at each visit.

    The arms are imputed separately, so that no treatment effect is assumed. The columns are log baseline and the log ratio
    at each visit, or baseline and differences, and the markers that vary (as logs if they are positive).
    """
    whole = [c for c in own if not c.marker]
    if not whole or not all(c.linked.all() for c in whole):
        return []
    people, is_first, modelled = value_matrix(whole, "modelled")
    columns = [np.fmax.reduce(value_matrix(whole, "covariate")[2], axis=1), *modelled.T]
    for values in markers.reindex(people).to_numpy(float).T:
        if np.unique(values[~np.isnan(values)]).size > 1:
            columns.append(np.log(values) if np.nanmin(values) > 0 else values)
    observed = np.column_stack(columns)
    no_log = own[0].scale == "log_ratio" and any((c.baseline <= 0).any() for c in whole)
    reason = next(filter(None, (c.no_logarithm for c in whole)), "") or NOT_POSITIVE * no_log
    sets = IMPUTATIONS if np.isnan(observed).any() else 2  # complete values need no repetition
    filled = np.full((sets, *observed.shape), np.nan)
    try:
        for arm in (True, False) if not reason else ():  # what has been observed is not imputed
            seed = seeded_generator(robustness.seed, "imputation", own[0].outcome, str(arm))
            filled[:, is_first == arm] = impute(observed[is_first == arm], imputations=sets, seed=seed)
    except (ValueError, np.linalg.LinAlgError):
        filled[:], reason = np.nan, TOO_FEW
    column = {c.visit: number for number, c in enumerate(whole, start=1)}
    rows = []
    for c in own:
        at = people.get_indexer(c.participant)
        key = (c.outcome, c.scale, *c.key[2:], "")
        for name, words in IMPUTED.items():
            values = filled[:, at, 0], filled[:, at, column[c.visit]]
            found, share = _pooled(name, *values, c.is_first, 1 - analysis.alpha)
            method = f"imputed, {words}, {sets} sets, Rubin's rules"
            undefined = reason or (NO_OVERLAP if name == EFFECT else TOO_FEW)
            rows += estimate_rows(key, name, found, c.total, method, undefined)
            rows += result_rows(key, c.total, method, undefined, missing_share=share)
    return rows


def _pooled(
    name: str, baselines: np.ndarray, changes: np.ndarray, is_first: np.ndarray, confidence: float
) -> tuple[Estimate, float]:
    """Estimate an effect in every imputed set, arrays of shape (sets, participants), and pool it by Rubin's rules.

    Undefined if the sets are NaN or the effect has no variance.
    """
    estimates, sets, null = [], len(changes), 0.5 if name == EFFECT else 0.0  # no effect
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
    found, share = pool_estimates(values - null, errors**2, complete_df=float(df.mean()), confidence=confidence)
    moved = {part: getattr(found, part) + null for part in ("estimate", "lower", "upper")}
    return found._replace(**moved), share


def leave_one_out(layout: Layout) -> pd.DataFrame:
    """Compare the arms without each participant in turn; the strata stay as they are.

    Columns are those of the results, sorted within a comparison by the change in P. Statistic ``p``: ``group`` is the
    omitted participant. For the comparison as a whole: ``p_all`` (none omitted), ``p_minimum``, ``p_maximum`` and
    ``flips``, the number of participants whose omission moves P to the other side of alpha. ``n_first`` and
    ``n_second`` count the participants compared.
    """
    return results_frame(
        [row for comparison in layout.compared for row in _influence_rows(comparison, layout.analysis)]
    )


def _influence_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    present, test = np.flatnonzero(~np.isnan(comparison.value)), get_test(analysis.test)
    if min(comparison.counts()) < 2:
        return []
    columns = np.tile(comparison.value[present][:, None], present.size + 1)  # the last column has all participants
    columns[np.diag_indices(present.size)] = np.nan
    found = test.compare_columns(columns, comparison.is_first[present])
    without, whole = found.p[:-1], found.p[-1]
    if np.isnan(without).all():
        return []
    flips = (is_significant(without, analysis.alpha) != is_significant(whole, analysis.alpha))[~np.isnan(without)].sum()
    extremes = {"p_minimum": np.nanmin(without), "p_maximum": np.nanmax(without)}
    key = (*comparison.key, "")
    rows = result_rows(key, comparison.counts(), test.name, test.undefined, p_all=whole, **extremes, flips=float(flips))
    changes = np.round(np.abs(without - whole), 10)  # equal changes differ in the last digits, by the processor
    for i in np.argsort(-changes, kind="stable"):
        group, n = str(comparison.participant[present[i]]), (int(found.n_first[i]), int(found.n_second[i]))
        rows += result_rows((*comparison.key, group), n, test.name, test.undefined, p=without[i])
    return rows


def suspect_values(suspects: pd.DataFrame, layout: Layout, robustness: Robustness) -> pd.DataFrame:
    """Analyse the outcome of each suspect percent change by every method, in three versions.

    ``layout`` has the changes before the analysis treats outliers, which is done again in every version.
    The participant is the one in the arm whose percent change rounds to ``reported`` (or to ``instead``, if the data
    have been corrected already). ``instead`` changes the follow-up value, not the baseline. ``suspects`` is the
    published table of that name, with all columns as text.

    Columns are those of the results; ``group`` names the version: ``1480``, ``148.0 for 1480``, ``without 1480``. A
    value that no participant has gives one row with the reason.
    """
    changes, analysis, parts = layout.changes, layout.analysis, [results_frame([])]
    for case in suspects.itertuples(index=False):
        own = changes[changes["outcome"].eq(case.outcome) & changes["reason"].ne(EXCLUDED)]
        rows = own[own["visit"].eq(case.visit) & own["arm"].eq(case.arm)]
        given = rows["value"] if analysis.change == "percent" else np.full(len(rows), np.nan)
        percent, _ = change_or_given(rows["baseline"], rows["follow_up"], given, "percent")
        texts = case.reported, case.instead
        matches = [not np.isnan(value) and any(find_rounding_rule(value, text) for text in texts) for value in percent]
        if sum(matches) != 1:
            whole = ALL_PARTICIPANTS, layout.trial.contrast, case.reported
            key = (case.outcome, analysis.measure, case.visit, "", *whole)
            method, reason = f"test of the analysis, {analysis.test}", SEVERAL if any(matches) else ABSENT
            parts.append(results_frame(result_rows(key, (None, None), method, reason, p=np.nan)))
            continue
        versions = {
            case.reported: float(case.reported),
            f"{case.instead} for {case.reported}": float(case.instead),
            f"without {case.reported}": np.nan,
        }
        place, made = rows.index[matches][0], {}
        participant = own.at[place, "participant"]
        for name, value in versions.items():
            version, found = _with_value(own, place, value, analysis), []
            for visits in group_comparisons(replace(layout, changes=version).compared, "marker", "stratum"):
                group = visits[0].marker, visits[0].stratum
                # Without the participant, a group is the same in every version, unless a value moves the fences of its arm.
                same = analysis.outliers.rule == "keep" and not any(participant in c.participant for c in visits)
                if group not in made or not same:
                    made[group] = _by_every_method(visits, case.visit, analysis)
                found += made[group]
            at_visit = replace(layout, changes=version[version["visit"].eq(case.visit)])
            parts += [part.assign(group=name) for part in (results_frame(found), interactions(at_visit, robustness))]
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _with_value(own: pd.DataFrame, index, percent: float, analysis: Analysis) -> pd.DataFrame:
    """Return the changes with the percent change of one row replaced (NaN: removed), and then outliers treated."""
    own, baseline = own.copy(), own.loc[[index], "baseline"]
    follow_up, given = baseline * (1 + percent / 100), np.array([percent])
    value, reason = change_or_given(baseline, follow_up, given, analysis.change)
    own.loc[index, ["follow_up", "value", "reason"]] = *follow_up, *value, *reason
    treat_outliers(own, analysis)
    return own


def _by_every_method(visits: list[Comparison], visit: str, analysis: Analysis) -> list[tuple]:
    """Return rows of one group of participants: the comparison at one visit, and the mixed model over all."""
    at_visit = [c for c in visits if c.visit == visit]
    rows = [row for c in at_visit for row in _plain_rows(c, analysis) + covariance_rows(c, analysis)]
    return rows + mixed_rows(visits, analysis)


def _plain_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    """Return rows of the methods without a covariate: medians, the test of the analysis, ranks, means."""
    first, second = comparison.samples()
    n, key, confidence = (first.size, second.size), (*comparison.key, ""), 1 - analysis.alpha
    rows = result_rows(key, n, "", median_difference=np.median(first) - np.median(second))
    shift = hodges_lehmann(first, second, method=analysis.test, confidence=confidence)
    limits = {"hodges_lehmann_lower": shift.lower, "hodges_lehmann_upper": shift.upper}
    rows += result_rows(key, n, analysis.test, TOO_FEW, hodges_lehmann=shift.estimate)
    rows += result_rows(key, n, analysis.test, get_test(analysis.test).no_limit, **limits)
    for what, name in (("test of the analysis", analysis.test), *(("rank-sum", name) for name in rank_sum_variants())):
        test = get_test(name)
        rows += result_rows(key, n, f"{what}, {name}", test.undefined, p=test.compare(first, second).p)
    found = mean_difference(first, second, confidence=confidence)
    return rows + estimate_rows(key, "mean_difference", found, n, "means, t (Welch)", TOO_FEW)
