"""What the trial could find: the planned power, that of each comparison, and how far significance exaggerates."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..files import read_csv
from ..results_table import EVERYBODY
from ..stats.interaction import mann_whitney_effect
from ..stats.power import detectable_difference, exaggeration, implied_sd, simulated_power, t_power
from ..stats.two_sample import get_test
from ..stats.two_sample.welch import mean_difference
from .comparisons import TOO_FEW, Comparison, all_comparisons, generator, table

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis, Robustness
    from ..stats.monte_carlo import MonteCarloP
    from ..trial import Trial

FILE = "power.csv"
COLUMNS = (
    "source",
    "locator",
    "outcome",
    "measure",
    "visit",
    "per_group",
    "withdrawal",
    "power",
    "alpha",
    "difference",
)
PLANNED, OBSERVED, OVERALL = "planned", "as observed", "as among all"
_TRIALS = 20_000


def read_planned(folder: Path | str | None) -> pd.DataFrame:
    """Read the printed calculation of power; empty without such a file."""
    import pandas as pd

    path = Path(folder or "") / FILE
    if not folder or not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    frame = read_csv(path, numeric=COLUMNS[5:])
    if tuple(frame.columns) != COLUMNS:
        raise UserError(f"{path}: expected the columns {', '.join(COLUMNS)}")
    return frame


def power_table(
    planned: pd.DataFrame,
    changes: pd.DataFrame,
    strata: pd.DataFrame,
    trial: Trial,
    analysis: Analysis,
    robustness: Robustness,
) -> pd.DataFrame:
    """Power of the plan and of the comparisons that were made.

    Returns
    -------
    pandas.DataFrame
        Columns as the results. ``group`` says which effect is taken as true. ``planned``: the standard deviation
        that the plan implies, and with it the power of every comparison of that outcome for the planned difference, and
        the difference that it would find with the planned power. ``as observed`` and ``as among all``: power, chance of
        a wrong sign and exaggeration of significant estimates, were the true effect the one observed in this
        comparison, or the one among everybody; on two scales, the mean log ratio and the Mann-Whitney effect (its
        distance from 1/2).
    """
    comparisons = all_comparisons(changes, strata, trial, analysis)
    rows: list[tuple] = []
    for plan in planned.itertuples(index=False):
        rows += _planned_rows(plan, comparisons, trial, analysis, robustness)
    overall = {(c.outcome, c.visit): _estimates(c) for c in comparisons if c.stratum == EVERYBODY and not c.marker}
    for comparison in comparisons:
        rows += _exaggeration_rows(comparison, overall.get((comparison.outcome, comparison.visit), {}), analysis)
    return table(rows)


def _planned_rows(
    plan, comparisons: list[Comparison], trial: Trial, analysis: Analysis, robustness: Robustness
) -> list[tuple]:
    n = math.floor(plan.per_group * (1 - plan.withdrawal) + 1e-9)
    sd = implied_sd(plan.difference, n, n, power=plan.power, alpha=plan.alpha)
    key = (plan.outcome, plan.measure, plan.visit, "", EVERYBODY, trial.contrast, PLANNED)
    rows = [
        (*key, "difference", plan.difference, n, n, "as printed", ""),
        (*key, "implied_sd", sd, n, n, f"two-sided t test, power {plan.power:g}", ""),
    ]

    @cache  # many comparisons have the same number of participants
    def simulate(n: tuple[int, int]) -> MonteCarloP:
        return simulated_power(
            plan.difference,
            sd,
            *n,
            alpha=plan.alpha,
            method=get_test(analysis.test).for_many or analysis.test,
            trials=_TRIALS,
            seed=generator(robustness.seed, "power", str(n)),
        )

    for c in comparisons:
        if c.outcome != plan.outcome or c.measure != plan.measure:
            continue
        n = c.counts()
        key = (*c.key, PLANNED)
        if min(n) < 2:
            continue
        by_t = t_power(plan.difference, sd, *n, alpha=plan.alpha)
        needed = detectable_difference(sd, *n, power=plan.power, alpha=plan.alpha)
        simulated = simulate(n)
        label = f"rank-sum test, {_TRIALS} simulated normal trials"
        rows += [
            (*key, "power", by_t, *n, "two-sided t test", ""),
            (*key, "power", simulated.p, *n, label, ""),
            (*key, "power_lower", simulated.lower, *n, label, ""),
            (*key, "power_upper", simulated.upper, *n, label, ""),
            (*key, "detectable_difference", needed, *n, f"two-sided t test, power {plan.power:g}", ""),
        ]
    return rows


def _estimates(c: Comparison) -> dict[str, tuple[float, float, float]]:
    """Estimate, standard error and degrees of freedom on each scale."""
    mean = mean_difference(*c.samples(c.log_ratio), confidence=0.95)
    effect = mann_whitney_effect(*c.samples())
    return {
        "mean log ratio, t (Welch)": (mean.estimate, mean.standard_error, mean.df),
        "Mann-Whitney effect, t (Brunner-Munzel)": (effect.effect - 0.5, math.sqrt(effect.variance), effect.df),
    }


def _exaggeration_rows(c: Comparison, overall: dict, analysis: Analysis) -> list[tuple]:
    rows = []
    for scale, (estimate, error, df) in _estimates(c).items():
        truths = {OBSERVED: estimate}
        if c.marker and scale in overall:
            truths[OVERALL] = overall[scale][0]
        n = c.counts(c.log_ratio) if scale.startswith("mean") else c.counts()
        for name, truth in truths.items():
            found = exaggeration(truth, error, df, alpha=analysis.alpha)
            reason = TOO_FEW if math.isnan(found.power) else ""
            for statistic, value in zip(("power", "wrong_sign", "exaggeration"), found, strict=True):
                undefined = not reason and not math.isfinite(value)
                value = math.nan if undefined else value
                why = "the effect taken as true is 0" if undefined else reason
                rows.append((*c.key, name, statistic, value, *n, scale, why))
    return rows
