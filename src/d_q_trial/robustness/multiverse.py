"""Inference on a multiverse: tables of specifications, of summaries by family, and of what each choice explains."""

import hashlib
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr

from ..errors import UserError
from ..files import atomic
from ..stats.permutation import Joint, MonteCarloP, StepDown, check_memory, labels_for, permutation_p, permuted_blocks
from .specifications import CHOICES, Specifications

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

TOO_FEW = "too few in an arm"
ALL_CHOICES, REST, TOTAL = "all choices", "combinations of choices", "total"
METHOD = "analysis of variance of the effects, main effects, type II"
CURVES = 499  # permutations whose whole curve is kept
POINTS = 201  # along a curve


@dataclass(frozen=True)
class Counts:
    """Numbers of permutations at least as extreme as the data, in a range of the permutations."""

    identity: str  # hash of the specifications, labels and families; only counts with the same one add up
    start: int
    stop: int
    total: int  # number of permutations in all shards
    exhaustive: bool  # whether these are all possible splits
    step_down: np.ndarray  # shape (tests,)
    joint: np.ndarray  # shape (3, families), in the order of Joint.SUMMARIES
    significant: np.ndarray  # shape (families,): significant specifications, summed over the permutations
    usable: np.ndarray  # shape (families,): specifications with enough participants, summed likewise
    curves: np.ndarray  # shape (points, kept permutations of the range)

    def p(self, count: ArrayLike) -> MonteCarloP:
        """Return the P-values if ``count`` permutations are at least as extreme as the data."""
        return permutation_p(count, self.total, exhaustive=self.exhaustive)


def count_permutations(
    specs: Specifications,
    *,
    permutations: int,
    seed: int,
    shard: int = 1,
    shards: int = 1,
    memory_mb: int = 512,
    progress: Callable[[int, int], None] | None = None,
) -> Counts:
    """Permute the arm labels of all specifications jointly, for shard ``shard`` (from 1) of ``shards``.

    ``permutations`` is the number of random splits in all shards; if no more splits exist, all are counted. ``memory_mb``
    limits the memory, not the result; a MemoryError states the need. ``progress`` gets the number done and the total.
    """
    if not 1 <= shard <= shards:
        raise UserError(f"shard {shard} of {shards}: shards are numbered from 1")
    observed = specs.design.observed(specs.is_first)
    labels = labels_for(specs.is_first, permutations, seed)
    start, stop = (labels.count * part // shards for part in (shard - 1, shard))
    step_down, joint = StepDown(observed.z), Joint(observed, specs.members, critical=specs.critical)
    curves, shares = [np.empty((POINTS, 0))], (np.arange(POINTS) + 0.5) / POINTS
    check_memory(*specs.design.scores.shape, memory_mb)
    for block in permuted_blocks(specs.design, labels, start=start, stop=stop, progress=progress):
        if block.start < CURVES:
            curves.append(0.5 + pd.DataFrame(block.effect[:, : CURVES - block.start]).quantile(shares).to_numpy())
        step_down.add(block)
        joint.add(block)
    content = specs.design.scores, specs.design.continuity, specs.is_first, specs.members
    settings = specs.design.minimum_per_arm, labels, seed, specs.critical
    return Counts(
        identity=hashlib.sha256(pickle.dumps((content, settings))).hexdigest(),
        start=start,
        stop=stop,
        total=labels.count,
        exhaustive=labels.seed is None,
        step_down=step_down.counts,
        joint=joint.counts,
        significant=joint.significant,
        usable=joint.usable,
        curves=np.hstack(curves),
    )


def write_counts(path: Path | str, counts: Counts | None) -> None:
    """Write the counts of a shard to a file, atomically; an empty archive if there is nothing to count."""
    with atomic(path) as temporary:
        np.savez(temporary, **(vars(counts) if counts else {}))


def read_counts(paths: Sequence[Path | str]) -> Counts:
    """Read the counts of all shards and add them up.

    UserError if a file has no counts or those of other specifications, or a range is missing or duplicated.
    """
    shards = []
    for path in paths:
        with np.load(path, allow_pickle=False) as content:
            values = {name: value if value.ndim else value.item() for name, value in content.items()}
        if not values:
            raise UserError(f"{path}: holds no counts; delete it and run again")
        shards.append((path, Counts(**values)))
    shards.sort(key=lambda shard: shard[1].start)
    (first_path, first), stop = shards[0], 0
    for path, counts in shards:
        if (counts.identity, counts.total) != (first.identity, first.total):
            raise UserError(f"{path}: counts of other specifications than {first_path}; delete both and run again")
        if counts.start != stop:
            raise UserError(f"{path}: begins at permutation {counts.start:,}, expected {stop:,}")
        stop = counts.stop
    if stop != first.total:
        raise UserError(f"{path}: ends at permutation {stop:,} of {first.total:,}; a part is missing")
    summed = ("step_down", "joint", "significant", "usable")
    sums = {field: sum(getattr(counts, field) for _, counts in shards) for field in summed}
    return replace(first, stop=stop, curves=np.hstack([counts.curves for _, counts in shards]), **sums)


def specification_table(specs: Specifications | None, counts: Counts | None) -> pd.DataFrame:
    """Return every specification with its choices, its result, and its P-values under permuted labels.

    The columns are ``COLUMNS``, with a row per specification in the order of the configuration. ``p`` is the two-sided
    P of the test variant; ``p_adjusted`` is that of step-down max-T over all specifications. ``reason`` explains a
    missing result.
    """
    if specs is None or counts is None:
        return pd.DataFrame(columns=list(COLUMNS))
    observed = specs.design.observed(specs.is_first)
    step_down = StepDown(observed.z)
    step_down.counts = counts.step_down
    tests = pd.DataFrame({"effect": 0.5 + observed.effect, "z": observed.z, "p": 2 * ndtr(-np.abs(observed.z))})
    tests[["p_adjusted", "p_adjusted_lower", "p_adjusted_upper"]] = np.column_stack(step_down.p(counts.p)[:3])
    # A row per specification, NaN without a result.
    results = tests.set_axis(np.flatnonzero(specs.tested))[~np.isnan(observed.z)].reindex(specs.table.index)
    reason = specs.table["reason"].mask(results["z"].isna() & specs.tested, TOO_FEW)
    shift = np.full(len(reason), np.nan)  # median of all differences, treated minus control
    present, arms = ~np.isnan(specs.values), (specs.is_first, ~specs.is_first)
    for number in np.flatnonzero(reason == ""):
        samples = (specs.values[present[:, number] & arm, number] for arm in arms)
        shift[number] = np.median(np.subtract.outer(*samples))
    n_first, n_second = (present[arm].sum(axis=0) for arm in arms)
    frame = specs.table.assign(
        specification=np.arange(1, len(specs.table) + 1),
        own=np.where(specs.table["own"], "yes", ""),
        n_first=n_first,
        n_second=n_second,
        hodges_lehmann=shift,
        permutations=pd.Series(counts.total, specs.table.index, dtype="Int64").where(reason == ""),
        reason=reason,
        **results,
    )
    return frame[list(COLUMNS)]


def summary_table(specs: Specifications | None, counts: Counts | None) -> pd.DataFrame:
    """Test every family of specifications as a whole.

    The columns are ``SUMMARY_COLUMNS``, with a row per family and summary as :class:`~..stats.permutation.Joint`
    defines them. ``p`` is one-sided: the share of permutations whose summary is at least as favourable as the observed
    one, with its Monte Carlo interval. Of the ``combinations`` of choices, those ``left_out`` have no test under any
    labels, and those ``too_small`` have too few participants in an arm under the observed labels. The summary is
    computed from the other ``specifications``.
    """
    if specs is None or counts is None:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    observed = specs.design.observed(specs.is_first)
    values = Joint(observed, specs.members, critical=specs.critical).observed
    has_result, rows = ~np.isnan(observed.z), []
    for column, ((family, members), tested) in enumerate(zip(specs.families.items(), specs.members, strict=True)):
        combinations, with_test, used = np.count_nonzero(members), int(tested.sum()), int(tested[has_result].sum())
        sizes = (combinations, combinations - with_test, with_test - used, used)
        significant, usable = counts.significant[column], counts.usable[column]
        for row, summary in enumerate(Joint.SUMMARIES):
            p = counts.p(counts.joint[row, column]) if used else MonteCarloP()
            mean = significant / usable if summary == "share_significant" and usable else np.nan
            rows.append((family, summary, values[row, column], *p[:3], counts.total, mean, *sizes))
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def choices_variance(table: pd.DataFrame) -> pd.DataFrame:
    """Partition the variance of the effects in a :func:`specification_table` among the choices.

    The columns are ``CHOICE_COLUMNS``, with a row for each choice with two options or more: the reduction in the
    residual sum of squares when the choice is added to all others (type II), also as ``share`` of the total. The last
    rows are ``all choices`` together, the rest (``combinations of choices``), and the ``total``. If some combinations
    have no result, the choices overlap, and their shares do not add up to that of all. R: ``car::Anova``.
    """
    results = table[table["effect"].notna()].copy()
    results["subgroup"] = results["marker"] + results["cut"].map(lambda cut: "all" if np.isnan(cut) else f" {cut:g}")
    choices = [name for name in ("outcome", "visit", "subgroup", *CHOICES[4:]) if results[name].nunique() > 1]
    if not choices or results["effect"].nunique() < 2:
        return pd.DataFrame(columns=list(CHOICE_COLUMNS))
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    fit = ols("effect ~ " + " + ".join(f"C({name})" for name in choices), results, missing="raise").fit()
    if fit.df_resid < 1:  # as many specifications as choices: nothing is left to compare with
        return pd.DataFrame(columns=list(CHOICE_COLUMNS))
    frame = anova_lm(fit, typ=2).set_axis([*choices, REST]).rename(columns={"sum_sq": "sum_of_squares"})
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
