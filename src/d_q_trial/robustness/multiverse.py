"""The inference on a multiverse: a row per specification, and a row per family and summary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from ..stats.monte_carlo import MonteCarloP, permutation_p
from ..stats.multiplicity import step_down_p
from ..stats.permutation import SUMMARIES, Joint, StepDown
from .families import SpecificationFamily, families_of
from .measurements import measurements
from .shards import Counts
from .specifications import Specifications, is_own, specifications

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis, Robustness
    from ..participants import Participants
    from ..trial import Trial

COLUMNS = (
    "specification",
    "outcome",
    "visit",
    "marker",
    "cut",  # quantile of the marker; empty for everybody
    "change",
    "outliers",
    "missing",
    "population",
    "test",
    "own",  # yes: one of the analysis' own
    "same_test",  # specifications with the same number are one test
    "n_first",
    "n_second",
    "effect",  # Mann-Whitney, above one half in the favoured direction
    "hodges_lehmann",  # treated minus control, in percent, as natural logarithm or in the outcome's unit
    "z",  # above 0 in the favoured direction
    "p",
    "p_pointwise",
    "p_pointwise_lower",
    "p_pointwise_upper",
    "p_adjusted",
    "p_adjusted_lower",
    "p_adjusted_upper",
    "permutations",
    "reason",
)
NUMERIC = (
    "cut",
    "n_first",
    "n_second",
    *(name for name in COLUMNS if name.startswith(("effect", "hodges", "z", "p_"))),
    "p",
    "permutations",
)
SUMMARY_COLUMNS = (
    "family",
    "summary",
    "value",
    "p",
    "p_lower",
    "p_upper",
    "permutations",
    "permuted_mean",  # of the share of significant specifications
    "specifications",
    "tests",
    "too_small",
    "left_out",
)
TOO_FEW = "too few in an arm"

NO_IDS = "the workbook does not say which values belong to the same participant"
NONE = "no specification has enough participants"


@dataclass(frozen=True)
class Prepared:
    """A multiverse before any permutation, or the reason why there is none."""

    specifications: Specifications | None
    families: list[SpecificationFamily]
    critical: float  # deviate above which a specification is significant
    reason: str = ""


def prepare(participants: Participants, trial: Trial, analysis: Analysis, robustness: Robustness) -> Prepared:
    """Make the specifications that the settings ask for; the same whoever calls it."""
    critical = float(-ndtri(analysis.alpha / 2))
    data = measurements(participants, trial, analysis, robustness.multiverse)
    if data is None:
        return Prepared(None, [], critical, NO_IDS)
    every = specifications(data, robustness.multiverse, analysis, minimum_per_arm=robustness.minimum_per_arm)
    if not len(every.design):
        return Prepared(None, [], critical, NONE)
    return Prepared(every, families_of(every, trial), critical)


def specification_table(prepared: Prepared, counts: Counts | None, analysis: Analysis) -> pd.DataFrame:
    """Describe every specification by its choices, its result, and its P-values under permuted labels.

    Returns
    -------
    pandas.DataFrame
        The columns of ``COLUMNS``, a row per specification in the order of the settings. ``p`` is two-sided and that of
        the test variant; ``p_pointwise`` the share of permutations in which ``|z|`` of the same specification is as
        large; ``p_adjusted`` that of step-down max-T over all specifications. ``reason`` says why there is no result.
    """
    import pandas as pd

    every = prepared.specifications
    if every is None or counts is None:
        return pd.DataFrame(columns=list(COLUMNS))
    design = every.design
    observed = design.observed(every.is_first)
    undefined = MonteCarloP.undefined()
    counted = StepDown(observed.z)
    counted.counts = counts.step_down
    adjusted = step_down_p(counted, counts.total, exhaustive=counts.exhaustive)
    pointwise = [
        undefined if np.isnan(z) else permutation_p(int(n), counts.total, exhaustive=counts.exhaustive)
        for z, n in zip(observed.z, counts.pointwise, strict=True)
    ]
    n_first, n_second = _sizes(every)

    @cache
    def shift(column: int) -> float:
        return _shift(every, column)

    rows = []
    for number, (own, column, test) in enumerate(
        zip(every.table, every.column.tolist(), every.test.tolist(), strict=True)
    ):
        reason, result = every.reasons[number], [np.nan] * 4
        by_itself = of_all = undefined
        if test >= 0 and np.isnan(observed.z[test]):
            reason = TOO_FEW
        elif test >= 0:
            z = observed.z[test]
            result = [observed.effect[test], shift(column), z, 2 * ndtr(-abs(z))]
            by_itself, of_all = pointwise[test], adjusted[test]
        rows.append(
            (
                number + 1,
                own.outcome,
                own.visit,
                own.marker,
                own.cut,
                own.change,
                own.outliers,
                own.missing,
                own.population,
                own.test,
                "yes" if is_own(own, analysis) else "",
                test + 1 if test >= 0 else None,
                n_first[column],
                n_second[column],
                *result,
                *by_itself[:3],
                *of_all[:3],
                counts.total if not reason else None,
                reason,
            )
        )
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"same_test": "Int64", "permutations": "Int64"})


def summary_table(prepared: Prepared, counts: Counts | None) -> pd.DataFrame:
    """Test every family of specifications as a whole.

    Returns
    -------
    pandas.DataFrame
        The columns of ``SUMMARY_COLUMNS``, a row per family and summary as :class:`~..stats.permutation.Joint` defines them.
        ``p`` is one-sided: the share of permutations whose summary is at least as favourable as the observed one, with
        its Monte Carlo interval. ``tests`` counts the different tests, ``too_small`` the specifications that have too
        few participants in an arm under the observed labels and count as no effect, ``left_out`` those without a test.
    """
    import pandas as pd

    every = prepared.specifications
    if every is None or counts is None:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    observed = every.design.observed(every.is_first)
    weights = np.array([every.weights_of(family.members) for family in prepared.families])
    values = Joint(observed, weights, critical=prepared.critical).observed
    rows = []
    for number, family in enumerate(prepared.families):
        own = weights[number]
        total = int(own.sum())
        for place, name in enumerate(SUMMARIES):
            p = MonteCarloP.undefined()
            if total:
                p = permutation_p(int(counts.joint[place, number]), counts.total, exhaustive=counts.exhaustive)
            mean = np.nan
            if total and name == "share_significant":
                mean = int(counts.significant[number]) / (total * counts.total)
            rows.append(
                (
                    family.name,
                    name,
                    values[name][number],
                    *p[:3],
                    counts.total,
                    mean,
                    total,
                    int(np.count_nonzero(own)),
                    int(own[np.isnan(observed.z)].sum()),
                    int(family.members.sum()) - total,
                )
            )
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def permuted_band(counts: Counts | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the 2.5th, 50th and 97.5th percentile of the permuted curves, at each place along the curve."""
    if counts is None or np.isnan(counts.curves).all():
        empty = np.full(0 if counts is None else len(counts.curves), np.nan)
        return empty, empty, empty
    return tuple(np.nanquantile(counts.curves.astype(float), [0.025, 0.5, 0.975], axis=1))


def _sizes(specifications: Specifications) -> tuple[np.ndarray, np.ndarray]:
    present = ~np.isnan(specifications.values)
    first = specifications.is_first[:, None]
    return (present & first).sum(axis=0), (present & ~first).sum(axis=0)


def _shift(specifications: Specifications, column: int) -> float:
    """Hodges-Lehmann shift: the median of all differences of a treated and a control value."""
    values = specifications.values[:, column]
    known = ~np.isnan(values)
    first, second = (values[known & side] for side in (specifications.is_first, ~specifications.is_first))
    return float(np.median(np.subtract.outer(first, second)))
