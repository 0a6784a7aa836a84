"""A multiverse: all combinations of analytical choices, as columns of values over the same participants, and their inference.

The choices that act on values apply in this order: missing values, population, subgroup, outliers. None of them
depends on the arm, so a specification means the same under permuted labels.
"""

import hashlib
import pickle
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from ..changes import NO_LOGARITHM, apply_outlier_rule, compute_changes, find_fences, linked_values, select_column
from ..config.settings import Analysis, Robustness, StrataRule
from ..errors import UserError
from ..files import atomic
from ..participants import PERCENT_CHANGE, VALUE, Participants
from ..stats.permutation import Design, Joint, Progress, StepDown, check_memory, labels_for, permuted_blocks
from ..stats.rank_sum import hodges_lehmann_columns
from ..stats.two_sample import get_test
from ..strata import assign_strata, cut_points, select_linked
from ..trial import BASELINE, Trial

# A specification takes one option of each choice; `marker` and `cut` are "" and NaN for all participants.
CHOICES = ("outcome", "visit", "marker", "cut", "change", "outliers", "missing", "population", "test")
# `own`: yes if the analysis reports the specification.
# `effect` and `z` are above 1/2 and above 0 in the favoured direction; `hodges_lehmann` is treated minus control.
COLUMNS = (
    *("specification", *CHOICES, "own", "n_first", "n_second"),
    *("effect", "hodges_lehmann", "z", "p"),
    *("p_adjusted", "p_adjusted_lower", "p_adjusted_upper", "permutations", "reason"),
)
SUMMARY_COLUMNS = (
    *("family", "summary", "value", "p", "p_lower", "p_upper", "permutations", "permuted_mean"),
    *("combinations", "left_out", "too_small", "specifications"),
)
CHOICE_COLUMNS = ("choice", "options", "df", "sum_of_squares", "share", "specifications", "method")

WHOLE, OVERALL, SUBGROUPS = "whole multiverse", "all participants", "subgroups"
TOO_SMALL = "too small under any labels"
ALL_EQUAL = "all values are equal"
NO_IDS = "the workbook does not say which values belong to the same participant"
NO_OUTCOMES = "robustness.multiverse.outcomes names no outcome"
NONE = "no specification has enough participants"
TOO_FEW = "too few in an arm"
ALL_CHOICES, REST, TOTAL = "all choices", "combinations of choices", "total"
METHOD = "analysis of variance of the effects, main effects, type II"
CURVES = 499  # permutations whose whole curve is kept
POINTS = 201  # along a curve


@dataclass(frozen=True)
class Specifications:
    """The specifications of a multiverse and their tests.

    A specification is left out (it is not ``tested``, and ``reason`` in the table explains it) if it could not have
    ``minimum_per_arm`` participants in both arms under any labels, or if all its values are equal.
    """

    table: pd.DataFrame  # a row each, in configuration order: CHOICES, own (reported by the analysis), reason
    is_first: np.ndarray  # bool, shape (participants,)
    values: np.ndarray  # shape (participants, specifications); NaN if not included
    tested: np.ndarray  # bool, shape (specifications,)
    design: Design  # those that are tested, signed so that deviates above 0 are in the favoured direction
    # Which specifications (bool) are summarized together; the whole multiverse first.
    families: Mapping[str, np.ndarray]
    critical: float  # smallest z of a significant specification

    @property
    def members(self) -> np.ndarray:
        """The specifications of each family among those that are tested, bool of shape (families, tests)."""
        return np.array(list(self.families.values()))[:, self.tested]


def prepare_specifications(
    participants: Participants, trial: Trial, analysis: Analysis, robustness: Robustness
) -> tuple[Specifications | None, str]:
    """Build the configured specifications, the same in every process; None and the reason if there are none.

    Excluded participants are left out. There is no joint inference over outcomes and visits unless both arms have
    participants with ids: panels of single figures do not link the values of a participant.
    """
    if not robustness.multiverse.outcomes:
        return None, NO_OUTCOMES
    wide, arms = linked_values(select_linked(participants, analysis))
    if not set(trial.analysed_arms) <= set(arms):
        return None, NO_IDS
    specs = combine_choices(wide, arms, trial, analysis, robustness)
    return (specs, "") if len(specs.design) else (None, NONE)


def _select_at_or_above(values: np.ndarray, analysed: np.ndarray, quantile: float, rule: StrataRule) -> np.ndarray:
    """Return which analysed participants are at or above a quantile of the marker; False without a value."""
    analysed_values = values[analysed]
    reference = values if rule.reference == "everyone" else analysed_values
    halves = StrataRule(cuts=[quantile], quantile_type=rule.quantile_type, labels=["lower", "upper"])
    is_upper = assign_strata(analysed_values, cut_points(reference, halves), rule.at_cut) == 1
    return is_upper & ~np.isnan(analysed_values)


def apply_missing_rule(changes: Sequence[np.ndarray], has_baseline: np.ndarray, rule: str) -> np.ndarray:
    """Return the changes at a visit after applying a rule for missing ones, shape (participants,).

    ``changes`` are the observed ones at the visits of the outcome up to and including the one analysed, earliest first;
    ``has_baseline`` (bool) is True for a baseline value from which the kind of change can be computed. With the rule
    ``available``, missing stays missing. ``last_carried_forward`` takes the change at the last earlier follow-up visit
    that has one; the baseline is not carried forward. ``no_change`` sets the change to 0; without a baseline value it
    stays missing. An infinite change marks a value without a logarithm. It is left out, but it is not missing.
    """
    table = pd.DataFrame(changes)
    values = (table.ffill() if rule == "last_carried_forward" else table).iloc[-1].to_numpy()
    if rule == "no_change":
        values = np.where(np.isnan(values) & has_baseline, 0.0, values)
    return np.where(np.isinf(values), np.nan, values)


def combine_choices(
    wide: pd.DataFrame, arms: pd.Series, trial: Trial, analysis: Analysis, robustness: Robustness
) -> Specifications:
    """Combine every outcome, visit, subgroup, change, outlier rule, missing-value rule, population and test.

    ``wide`` and ``arms`` are those of :func:`d_q_trial.changes.linked_values`. Subgroups follow the conventions of the
    strata of the analysis (quantile type, participants that define the quantiles, stratum of a value at the cutoff); its
    marker, cutoff, outcomes and visits are not used. A subgroup of none, or all, of the participants is left out. The
    population ``completers`` consists of the participants with a value of the outcome at its last visit;
    ``intention_to_treat`` consists of all participants.
    """
    multiverse, columns, rows, analysed = robustness.multiverse, [], [], arms.isin(trial.analysed_arms).to_numpy()
    everyone = np.ones(np.count_nonzero(analysed), dtype=bool)
    subgroups = {("", np.nan): everyone} if multiverse.overall else {}
    markers = [marker for marker in trial.markers if multiverse.markers == "all" or marker in multiverse.markers]
    for marker, cut in product(markers, map(float, multiverse.cuts)):
        marker_values = select_column(wide, marker, BASELINE, VALUE)
        members = _select_at_or_above(marker_values, analysed, cut, analysis.strata)
        if members.any() and not members.all():
            subgroups[marker, cut] = members
    wide = wide[analysed]
    for outcome in multiverse.outcomes:
        visits = [visit for visit in trial.visits if visit in trial.outcomes[outcome].follow_up]
        selected_visits = [v for v in visits if multiverse.visits == "all" or v in multiverse.visits]
        baseline = select_column(wide, outcome, BASELINE, VALUE)
        measured = {v: [select_column(wide, outcome, v, name) for name in (VALUE, PERCENT_CHANGE)] for v in visits}
        populations = {"intention_to_treat": everyone, "completers": ~np.isnan(measured[visits[-1]]).all(axis=0)}
        for visit, kind in product(selected_visits, multiverse.changes):
            until = visits[: visits.index(visit) + 1]
            changes = [compute_changes(baseline, *measured[v], kind) for v in until]
            observed = [np.where(reason == NO_LOGARITHM, -np.inf, value) for value, reason in changes]
            has_baseline = ~np.isnan(baseline) & ((kind == "difference") | (baseline > 0))
            filled = {rule: apply_missing_rule(observed, has_baseline, rule) for rule in multiverse.missing}
            for (marker, cut), population, missing in product(subgroups, multiverse.populations, multiverse.missing):
                values = np.where(subgroups[marker, cut] & populations[population], filled[missing], np.nan)
                # An analysis takes the quartiles of each arm. Here that would make the values depend on the arm labels:
                # permuted labels would compare values trimmed under another split, and the test would lose its level.
                fences = find_fences(values, limit=multiverse.outlier_limit, quartile_type=analysis.quartile_type)
                for outliers in multiverse.outliers:
                    columns += [apply_outlier_rule(values, outliers, *fences)] * len(multiverse.tests)
                    choices = (outcome, visit, marker, cut, kind, outliers, missing, population)
                    rows += [(*choices, test) for test in multiverse.tests]
    table = pd.DataFrame(rows, columns=list(CHOICES))
    frame = pd.DataFrame(np.reshape(columns, (len(rows), everyone.size)).T)
    too_small = frame.count() < 2 * robustness.minimum_per_arm
    table["reason"] = np.select([too_small, frame.min() == frame.max()], [TOO_SMALL, ALL_EQUAL], "")
    table["own"] = _matches_analysis(table, analysis)
    tested, values = table["reason"].eq("").to_numpy(), frame.to_numpy()
    design = Design(
        values[:, tested],
        minimum_per_arm=robustness.minimum_per_arm,
        sign=table["outcome"].map(multiverse.outcomes).map({"higher": 1.0, "lower": -1.0})[tested],
        continuity=table["test"].map(lambda name: bool(get_test(name).continuity))[tested],
    )
    is_first = arms[analysed].eq(next(iter(trial.analysed_arms))).to_numpy()
    critical = float(-ndtri(analysis.alpha / 2))
    return Specifications(table, is_first, values, tested, design, _define_families(table, trial), critical)


def _matches_analysis(table: pd.DataFrame, analysis: Analysis) -> pd.Series:
    """Return which specifications the analysis reports: none if it treats outliers, because it treats them by arm."""
    choices = {"change": [analysis.change], "test": [analysis.test], "outliers": ["keep"]}
    choices |= {"missing": ["available"], "population": ["intention_to_treat"]}
    scope = {"outcome": analysis.outcomes, "visit": analysis.visits}
    choices |= {name: keys for name, keys in scope.items() if keys != "all"}
    cut = float(analysis.strata.cuts[-1]) if analysis.strata.by == "quantile" else np.nan
    is_analysed_group = table["marker"].eq("") | table["cut"].sub(cut).abs().lt(1e-9)
    has_choices = table[list(choices)].isin(choices).all(axis=1)
    return is_analysed_group & has_choices & (analysis.outliers.rule == "keep")


def _define_families(table: pd.DataFrame, trial: Trial) -> dict[str, np.ndarray]:
    """Return the families: whole multiverse; all participants, subgroups; markers, outcomes, visits; outcomes by group.

    A family with the same specifications as an earlier one is left out.
    """
    marker, outcome, visit = (table[name] for name in ("marker", "outcome", "visit"))
    families = {WHOLE: marker.notna(), OVERALL: marker.eq(""), SUBGROUPS: marker.ne("")}
    families |= {f"{SUBGROUPS} by {trial.markers[key].label}": marker.eq(key) for key in marker.unique() if key}
    families |= {trial.outcomes[key].label: outcome.eq(key) for key in outcome.unique()}
    families |= {trial.visits[key].label: visit.eq(key) for key in visit.unique()}
    for key, group in product(outcome.unique(), (OVERALL, SUBGROUPS)):
        families[f"{trial.outcomes[key].label}, {group}"] = families[group] & outcome.eq(key)
    distinct: dict[bytes, tuple[str, np.ndarray]] = {}
    for name, members in families.items():
        if members.any():
            distinct.setdefault(members.to_numpy().tobytes(), (name, members.to_numpy()))
    return dict(distinct.values())


class Counts:
    """The observed statistics of a multiverse, and the numbers of permutations that are at least as extreme.

    ``observed``, ``step_down`` and ``joint`` are those of the tests of ``specs``. ``labels`` are all permutations, of which
    those in ``range`` (start, stop) are counted. ``curves`` has shape (points, kept permutations of the range).
    """

    def __init__(self, specs: Specifications, permutations: int, seed: int):
        self.specs, self.labels = specs, labels_for(specs.is_first, permutations, seed)
        self.observed = specs.design.observed(specs.is_first)
        self.step_down = StepDown(self.observed.z)
        self.joint = Joint(self.observed, specs.members, critical=specs.critical)
        self.curves, self.range = np.empty((POINTS, 0)), (0, 0)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the counts that add up over ranges of the permutations."""
        joint = {"joint": self.joint.counts, "significant": self.joint.significant, "usable": self.joint.usable}
        return {"step_down": self.step_down.counts} | joint

    def identity(self) -> str:
        """Return a hash of the specifications, families and permutations; only counts with the same one add up."""
        design = self.specs.design
        content = design.scores, design.continuity, self.specs.is_first, self.specs.members
        settings = design.minimum_per_arm, self.labels, self.specs.critical
        return hashlib.sha256(pickle.dumps((content, settings))).hexdigest()


def count_permutations(
    specs: Specifications,
    *,
    permutations: int,
    seed: int,
    shard: int = 1,
    shards: int = 1,
    memory_mb: int = 512,
    progress: Progress | None = None,
) -> Counts:
    """Permute the arm labels of all specifications jointly, for shard ``shard`` (from 1) of ``shards``.

    ``permutations`` is the number of random splits in all shards; if no more splits exist, all are counted. ``memory_mb``
    limits the memory, not the result; a MemoryError states the need. ``progress`` gets the number done and the total.
    """
    if not 1 <= shard <= shards:
        raise UserError(f"shard {shard} of {shards}: shards are numbered from 1")
    counts, curves, shares = Counts(specs, permutations, seed), [], (np.arange(POINTS) + 0.5) / POINTS
    start, stop = counts.range = tuple(counts.labels.count * part // shards for part in (shard - 1, shard))
    check_memory(*specs.design.scores.shape, memory_mb)
    for block in permuted_blocks(specs.design, counts.labels, start=start, stop=stop, progress=progress):
        if block.start < CURVES:
            curves.append(0.5 + pd.DataFrame(block.effect[:, : CURVES - block.start]).quantile(shares).to_numpy())
        counts.step_down.add(block)
        counts.joint.add(block)
    counts.curves = np.hstack([counts.curves, *curves])
    return counts


def write_counts(path: Path | str, counts: Counts | None) -> None:
    """Write the counts of a shard to a file, atomically; an empty archive if there is nothing to count."""
    content = {}
    if counts:
        content = counts.arrays() | {"identity": counts.identity(), "range": counts.range, "curves": counts.curves}
    with atomic(path) as temporary, temporary.open("wb") as stream:  # to a path, numpy would add .npz
        np.savez(stream, **content)


def read_counts(paths: Iterable[Path | str], specs: Specifications, permutations: int, seed: int) -> Counts:
    """Read the counts of all shards and add them up; ``specs``, ``permutations`` and ``seed`` are those of the shards.

    UserError if a file has no counts or those of other specifications, or a range is missing or duplicated.
    """
    counts, shards, stop, path = Counts(specs, permutations, seed), [], 0, None
    for path in paths:
        try:
            with np.load(path, allow_pickle=False) as content:
                shards.append((path, dict(content)))
        except (ValueError, EOFError, TypeError, zipfile.BadZipFile):
            raise UserError(f"{path}: not a file of counts, as the command permute writes it") from None
        if not {"identity", "range"} <= shards[-1][1].keys():
            raise UserError(f"{path}: holds no counts; delete it and run again")
    identity, total = counts.identity(), counts.labels.count
    for path, shard in sorted(shards, key=lambda item: tuple(item[1]["range"])):
        if shard["identity"] != identity:
            raise UserError(f"{path}: counts of other specifications or permutations; delete it and run again")
        start, end = shard["range"].tolist()
        if start != stop:
            raise UserError(f"{path}: begins at permutation {start:,}, expected {stop:,}")
        stop, counts.curves = end, np.hstack([counts.curves, shard["curves"]])
        for name, array in counts.arrays().items():
            array += shard[name]
    if stop != total:
        raise UserError(f"{path}: ends at permutation {stop:,} of {total:,}; a part is missing")
    return counts


def specification_table(counts: Counts | None) -> pd.DataFrame:
    """Return every specification with its choices, its result, and its P-values under permuted labels.

    The columns are ``COLUMNS``, with a row per specification in the order of the configuration. ``p`` is the two-sided
    P of the test variant; ``p_adjusted`` is that of step-down max-T over all specifications. ``reason`` explains a
    missing result.
    """
    if counts is None:
        return pd.DataFrame(columns=list(COLUMNS))
    specs, observed = counts.specs, counts.observed
    tests = pd.DataFrame({"effect": 0.5 + observed.effect, "z": observed.z, "p": 2 * ndtr(-np.abs(observed.z))})
    adjusted = counts.step_down.p(counts.labels.p)
    tests[["p_adjusted", "p_adjusted_lower", "p_adjusted_upper"]] = np.column_stack(adjusted[:3])
    # A row per specification, NaN without a result.
    results = tests.set_axis(np.flatnonzero(specs.tested))[~np.isnan(observed.z)].reindex(specs.table.index)
    reason = specs.table["reason"].mask(results["z"].isna() & specs.tested, TOO_FEW)
    n_first, n_second = ((~np.isnan(specs.values[arm])).sum(axis=0) for arm in (specs.is_first, ~specs.is_first))
    values = np.where(reason == "", specs.values, np.nan)
    # Treated minus control; by a test without an interval, which thousands of specifications do not need.
    shift = hodges_lehmann_columns(values, specs.is_first, method="brunner_munzel", confidence=0.95).estimate
    frame = specs.table.assign(
        specification=np.arange(1, len(specs.table) + 1),
        own=np.where(specs.table["own"], "yes", ""),
        n_first=n_first,
        n_second=n_second,
        hodges_lehmann=shift,
        permutations=pd.Series(counts.labels.count, specs.table.index, dtype="Int64").where(reason == ""),
        reason=reason,
        **results,
    )
    return frame[list(COLUMNS)]


def summary_table(counts: Counts | None) -> pd.DataFrame:
    """Test every family of specifications as a whole.

    The columns are ``SUMMARY_COLUMNS``, with a row per family and summary as :class:`~..stats.permutation.Joint`
    defines them. ``p`` is one-sided: the share of permutations whose summary is at least as favourable as the observed
    one, with its Monte Carlo interval. Of the ``combinations`` of choices, those ``left_out`` have no test under any
    labels, and those ``too_small`` have too few participants in an arm under the observed labels. The summary is
    computed from the other ``specifications``.
    """
    if counts is None:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    specs, joint, rows = counts.specs, counts.joint, []
    has_result = ~np.isnan(counts.observed.z)
    for column, ((family, members), tested) in enumerate(zip(specs.families.items(), specs.members, strict=True)):
        combinations, with_test, used = np.count_nonzero(members), int(tested.sum()), int(tested[has_result].sum())
        sizes = (combinations, combinations - with_test, with_test - used, used)
        significant, usable = joint.significant[column], joint.usable[column]
        for row, summary in enumerate(Joint.SUMMARIES):
            p = counts.labels.p(joint.counts[row, column])[:3] if used else [np.nan] * 3
            mean = significant / usable if summary == "share_significant" and usable else np.nan
            rows.append((family, summary, joint.observed[row, column], *p, counts.labels.count, mean, *sizes))
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def choices_variance(table: pd.DataFrame) -> pd.DataFrame:
    """Partition the variance of the effects in a :func:`specification_table` among the choices.

    The columns are ``CHOICE_COLUMNS``, with a row for each choice with two options or more: the reduction in the
    residual sum of squares when the choice is added to all others (type II), also as ``share`` of the total. The last
    rows are ``all choices`` together, the rest (``combinations of choices``), and the ``total``. If some combinations
    have no result, the choices overlap, and their shares do not add up to that of all. R: ``drop1``, also where choices are confounded.
    """
    results = table[table["effect"].notna()].copy()
    results["subgroup"] = results["marker"] + results["cut"].map(lambda cut: "all" if np.isnan(cut) else f" {cut:g}")
    choices = [name for name in ("outcome", "visit", "subgroup", *CHOICES[4:]) if results[name].nunique() > 1]
    if not choices or results["effect"].nunique() < 2:
        return pd.DataFrame(columns=list(CHOICE_COLUMNS))
    from statsmodels.formula.api import ols
    from statsmodels.tools.sm_exceptions import SingularMatrixWarning

    def fit_without(omitted: str = "") -> Any:
        terms = [f"C({name})" for name in choices if name != omitted]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SingularMatrixWarning)  # of confounded choices
            return ols(f"effect ~ {' + '.join(terms) or 1}", results, missing="raise").fit()

    fit = fit_without()
    if fit.df_resid < 1:  # as many specifications as choices: nothing is left to compare with
        return pd.DataFrame(columns=list(CHOICE_COLUMNS))
    # Not by anova_lm, which is wrong if choices are confounded, such as outcomes that have no visit in common.
    others = [fit_without(name) for name in choices]
    added = [(fit.df_model - other.df_model, other.ssr - fit.ssr) for other in others]
    frame = pd.DataFrame([*added, (fit.df_resid, fit.ssr)], [*choices, REST], ["df", "sum_of_squares"])
    rounding_error = frame["sum_of_squares"] < 1e-12 * fit.centered_tss  # of a choice that changes no effect
    frame["sum_of_squares"] = frame["sum_of_squares"].mask(rounding_error, 0.0)
    frame.loc[ALL_CHOICES, ["df", "sum_of_squares"]] = fit.df_model, fit.ess
    frame.loc[TOTAL, ["df", "sum_of_squares"]] = len(results) - 1, fit.centered_tss
    frame = frame.assign(share=frame["sum_of_squares"] / fit.centered_tss, specifications=len(results), method=METHOD)
    frame = frame.assign(options=results[choices].nunique()).astype({"options": "Int64", "df": "Int64"})
    return frame.loc[[*choices, ALL_CHOICES, REST, TOTAL]].reset_index(names="choice")[list(CHOICE_COLUMNS)]


def permuted_band(counts: Counts | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the 2.5th, 50th and 97.5th percentile of the permuted curves, at each point along the curve."""
    if counts is None or np.isnan(counts.curves).all():
        return tuple(np.full((3, 0 if counts is None else len(counts.curves)), np.nan))
    return tuple(np.nanquantile(counts.curves.astype(float), [0.025, 0.5, 0.975], axis=1))
