"""The inference on a multiverse: a row per specification, a row per family and summary, and what each choice explains."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from ..stats.labels import MonteCarloP, permutation_p
from ..stats.multiplicity import step_down_p
from ..stats.permutation import SUMMARIES, Joint, StepDown
from .shards import Counts
from .specifications import Specification, Specifications, is_own, measurements, specifications

if TYPE_CHECKING:
    import pandas as pd

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..participants import Participants
    from ..trial import Trial

# `own`: yes for the analysis' own specifications. `same_test`: specifications with the same number are one test.
# `effect` and `z` lie above 1/2 and above 0 in the favoured direction; `hodges_lehmann` is treated minus control.
COLUMNS = (
    *("specification", *Specification._fields, "own", "same_test", "n_first", "n_second"),
    *("effect", "hodges_lehmann", "z", "p", "p_pointwise", "p_pointwise_lower", "p_pointwise_upper"),
    *("p_adjusted", "p_adjusted_lower", "p_adjusted_upper", "permutations", "reason"),
)
SUMMARY_COLUMNS = (
    *("family", "summary", "value", "p", "p_lower", "p_upper", "permutations", "permuted_mean"),
    *("combinations", "left_out", "too_small", "specifications", "tests"),
)
CHOICE_COLUMNS = ("choice", "options", "df", "sum_of_squares", "share", "specifications", "method")

WHOLE, OVERALL, SUBGROUPS = "whole multiverse", "all participants", "subgroups"
TOO_FEW = "too few in an arm"
NO_IDS = "the workbook does not say which values belong to the same participant"
NONE = "no specification has enough participants"
ALL_CHOICES, REST, TOTAL = "all choices", "combinations of choices", "total"
METHOD = "analysis of variance of the effects, main effects, type II"


@dataclass(frozen=True)
class Family:
    """A name, and the specifications that are summarized together: array of bool, shape (specifications,)."""

    name: str
    members: np.ndarray


@dataclass(frozen=True)
class Prepared:
    """A multiverse before any permutation, or the reason why there is none."""

    specifications: Specifications | None
    families: list[Family]
    critical: float  # deviate from which on a specification is significant
    reason: str = ""


def prepare(participants: Participants, trial: Trial, analysis: Analysis, robustness: Robustness) -> Prepared:
    """Make the specifications that the configuration asks for; the same in every process."""
    critical = float(-ndtri(analysis.alpha / 2))
    data = measurements(participants, trial, analysis, robustness.multiverse)
    if data is None:
        return Prepared(None, [], critical, NO_IDS)
    every = specifications(data, robustness.multiverse, analysis, minimum_per_arm=robustness.minimum_per_arm)
    if not len(every.design):
        return Prepared(None, [], critical, NONE)
    return Prepared(every, families_of(every, trial), critical)


def families_of(every: Specifications, trial: Trial) -> list[Family]:
    """List the whole multiverse; all participants and the subgroups; each marker, outcome and visit; outcomes in both places.

    A family that holds the same specifications as one before it is not listed again.
    """
    subgroup = np.array([s.marker != "" for s in every.table], dtype=bool)
    places = {OVERALL: ~subgroup, SUBGROUPS: subgroup}
    found = {WHOLE: np.ones(len(every.table), dtype=bool)} | places
    for field, label in (
        ("marker", lambda key: f"{SUBGROUPS} by {trial.markers[key].label}"),
        ("outcome", lambda key: trial.outcomes[key].label),
        ("visit", lambda key: trial.visits[key].label),
    ):
        values = np.array([getattr(s, field) for s in every.table], dtype=object)
        found |= {label(key): values == key for key in dict.fromkeys(value for value in values if value)}
    outcomes = np.array([s.outcome for s in every.table], dtype=object)
    for key in dict.fromkeys(outcomes):
        for place, members in places.items():
            found[f"{trial.outcomes[key].label}, {place}"] = members & (outcomes == key)
    distinct: dict[bytes, Family] = {}
    for name, members in found.items():
        if members.any():
            distinct.setdefault(members.tobytes(), Family(name, members))
    return list(distinct.values())


def specification_table(prepared: Prepared, counts: Counts | None, analysis: Analysis) -> pd.DataFrame:
    """Describe every specification by its choices, its result, and its P-values under permuted labels.

    Returns
    -------
    pandas.DataFrame
        The columns of ``COLUMNS``, a row per specification in the order of the configuration. ``p`` is two-sided and
        that of the test variant; ``p_pointwise`` the share of permutations in which ``|z|`` of the same specification
        is as large; ``p_adjusted`` that of step-down max-T over all specifications. ``reason`` says why there is no result.
    """
    import pandas as pd

    every = prepared.specifications
    if every is None or counts is None:
        return pd.DataFrame(columns=list(COLUMNS))
    observed = every.design.observed(every.is_first)
    counted = StepDown(observed.z)
    counted.counts = counts.step_down
    adjusted = step_down_p(counted, counts.total, exhaustive=counts.exhaustive)
    pointwise = [
        permutation_p(int(n), counts.total, exhaustive=counts.exhaustive)
        if not np.isnan(z)
        else MonteCarloP.undefined()
        for z, n in zip(observed.z, counts.pointwise, strict=True)
    ]
    present, first = ~np.isnan(every.values), every.is_first[:, None]
    n_first, n_second = (present & first).sum(axis=0), (present & ~first).sum(axis=0)

    @cache
    def shift(column: int) -> float:
        """Median of all differences of a treated and a control value."""
        sides = (every.values[present[:, column] & side, column] for side in (every.is_first, ~every.is_first))
        return float(np.median(np.subtract.outer(*sides)))

    rows = []
    for number, (own, column, test) in enumerate(
        zip(every.table, every.column.tolist(), every.test.tolist(), strict=True)
    ):
        row = {"specification": number + 1, **own._asdict(), "own": "yes" if is_own(own, analysis) else ""}
        row |= {"n_first": n_first[column], "n_second": n_second[column], "reason": every.reasons[number]}
        if test >= 0:
            z = observed.z[test]
            row |= {"same_test": test + 1, "reason": TOO_FEW if np.isnan(z) else ""}
        if not row["reason"]:
            row |= {"effect": observed.effect[test], "hodges_lehmann": shift(column), "permutations": counts.total}
            row |= {"z": z, "p": 2 * ndtr(-abs(z))}
            for name, found in (("p_pointwise", pointwise[test]), ("p_adjusted", adjusted[test])):
                row |= {name: found.p, f"{name}_lower": found.lower, f"{name}_upper": found.upper}
        rows.append(row)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype({"same_test": "Int64", "permutations": "Int64"})


def summary_table(prepared: Prepared, counts: Counts | None) -> pd.DataFrame:
    """Test every family of specifications as a whole.

    Returns
    -------
    pandas.DataFrame
        The columns of ``SUMMARY_COLUMNS``, a row per family and summary as :class:`~..stats.permutation.Joint` defines
        them. ``p`` is one-sided: the share of permutations whose summary is at least as favourable as the observed one,
        with its Monte Carlo interval. Of the ``combinations`` of choices, those ``left_out`` have no test whatever the
        labels, and those ``too_small`` have too few participants in an arm under the observed labels. The others are the
        ``specifications`` that the summary is of; they amount to so many different ``tests``.
    """
    import pandas as pd

    every = prepared.specifications
    if every is None or counts is None:
        return pd.DataFrame(columns=list(SUMMARY_COLUMNS))
    observed = every.design.observed(every.is_first)
    weights = np.array([every.weights_of(family.members) for family in prepared.families])
    values = Joint(observed, weights, critical=prepared.critical).observed
    known = ~np.isnan(observed.z)
    rows = []
    for number, (family, own) in enumerate(zip(prepared.families, weights, strict=True)):
        combinations, used = int(family.members.sum()), int(own[known].sum())
        sizes = (combinations, combinations - int(own.sum()), int(own.sum()) - used, used)
        for place, name in enumerate(SUMMARIES):
            p = MonteCarloP.undefined()
            if used:
                p = permutation_p(int(counts.joint[place, number]), counts.total, exhaustive=counts.exhaustive)
            mean = np.nan
            if name == "share_significant" and counts.usable[number]:
                mean = int(counts.significant[number]) / int(counts.usable[number])
            tests = int(np.count_nonzero(own[known]))
            rows.append((family.name, name, values[name][number], *p[:3], counts.total, mean, *sizes, tests))
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def choices_variance(table: pd.DataFrame) -> pd.DataFrame:
    """Share the variance of the effects of a multiverse among the choices.

    Parameters
    ----------
    table : pandas.DataFrame
        As :func:`specification_table` returns it.

    Returns
    -------
    pandas.DataFrame
        The columns of ``CHOICE_COLUMNS``, a row for each choice with two options or more: by how much the sum of
        squares of the residuals falls when the choice is added to all others (type II), also as ``share`` of the total.
        Then ``all choices`` together, the rest (their ``combinations``), and the ``total``. Where some combinations
        have no result, the choices overlap, and their shares do not add up to that of all.

    References
    ----------
    ``statsmodels.stats.anova.anova_lm(typ=2)``; R: ``car::Anova``.
    """
    import pandas as pd

    known = table[table["effect"].notna()].assign(
        subgroup=lambda t: t["marker"] + " " + t["cut"].map(lambda cut: f"{cut:g}")
    )
    choices = ["subgroup" if name == "marker" else name for name in Specification._fields if name != "cut"]
    choices = [name for name in choices if known[name].nunique() > 1]
    if not choices or known["effect"].nunique() < 2:
        return pd.DataFrame(columns=list(CHOICE_COLUMNS))
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    fit = ols("effect ~ " + " + ".join(f"C({name})" for name in choices), known).fit()
    by_choice = anova_lm(fit, typ=2)
    rows = [(name, known[name].nunique(), *by_choice.loc[f"C({name})", ["df", "sum_sq"]]) for name in choices]
    rows += [
        (ALL_CHOICES, None, fit.df_model, fit.ess),
        (REST, None, fit.df_resid, fit.ssr),
        (TOTAL, None, len(known) - 1, fit.centered_tss),
    ]
    frame = pd.DataFrame(rows, columns=["choice", "options", "df", "sum_of_squares"])
    frame = frame.assign(share=frame["sum_of_squares"] / fit.centered_tss, specifications=len(known), method=METHOD)
    return frame.astype({"options": "Int64", "df": "Int64"})[list(CHOICE_COLUMNS)]


def permuted_band(counts: Counts | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the 2.5th, 50th and 97.5th percentile of the permuted curves, at each place along the curve."""
    if counts is None or np.isnan(counts.curves).all():
        empty = np.full(0 if counts is None else len(counts.curves), np.nan)
        return empty, empty, empty
    return tuple(np.nanquantile(counts.curves.astype(float), [0.025, 0.5, 0.975], axis=1))
