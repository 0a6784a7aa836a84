"""Inference on a multiverse: tables of specifications, of summaries by family, and of what each choice explains."""

import hashlib
import pickle
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from ..errors import UserError
from ..files import atomic
from ..stats.permutation import Joint, Progress, StepDown, check_memory, labels_for, permuted_blocks
from ..stats.rank_sum import hodges_lehmann_columns
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
