"""Power of the trial: planned power, power of each comparison, and type S and type M errors."""

import math
from collections.abc import Iterator

import pandas as pd

from ..comparisons import Layout, result_rows, results_frame
from ..errors import UserError
from ..results_table import ALL_PARTICIPANTS
from ..stats.estimate import mann_whitney_effect
from ..stats.power import detectable_difference, exaggeration, implied_sd, t_power
from .interaction import NO_OVERLAP, TOO_FEW

NUMERIC = ("per_group", "withdrawal", "power", "alpha", "difference")  # columns of the plan
PLANNED, OBSERVED, OVERALL = "planned", "as observed", "as overall"
EFFECT = "Mann-Whitney effect, t (Brunner-Munzel)"
NO_EFFECT = "the effect taken as true is 0"
NOT_PLANNED = "this analysis does not compare the planned outcome by the planned measure of change"


def power_table(planned: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Compute the power of the planned trial and of every comparison of the analysis.

    Columns are those of the results; ``group`` states the assumed true effect. ``planned``: the standard deviation
    implied by the plan, the power of every comparison of that outcome for the planned difference, and the difference
    detectable with the planned power. ``as observed`` and ``as overall``: power, probability of a wrong sign (type S)
    and exaggeration of significant estimates (type M), if the true effect equals that observed in this comparison, or
    in all participants; an effect is the distance of the Mann-Whitney effect from 1/2. Power for the observed effect is a
    function of P alone (Hoenig and Heisey 2001, American Statistician 55, 19-24).
    """
    rows = [row for plan in planned.itertuples(index=False) for row in _planned_rows(plan, layout)]
    overall = {}  # all participants come before their strata
    for c in layout.compared:
        place, effect = c.key[:3], mann_whitney_effect(*c.samples())
        true_effects = {OBSERVED: effect.estimate - 0.5}
        if not c.marker:
            overall[place] = true_effects[OBSERVED]
        elif place in overall:
            true_effects[OVERALL] = overall[place]
        for name, true_effect in true_effects.items():
            values = exaggeration(true_effect, effect.standard_error, effect.df, alpha=layout.analysis.alpha)
            statistics = dict(zip(("power", "wrong_sign", "exaggeration"), values, strict=True))
            reason = NO_OVERLAP if math.isnan(statistics["power"]) else NO_EFFECT
            rows += result_rows((*c.key, name), c.counts(), EFFECT, reason, **statistics)
    return results_frame(rows)


def _planned_rows(plan, layout: Layout) -> Iterator[tuple]:
    """Yield rows of the plan, and of the planned difference in every comparison of the planned outcome and measure."""
    size = math.floor(plan.per_group * (1 - plan.withdrawal) + 1e-9)
    try:
        sd = implied_sd(plan.difference, size, size, power=plan.power, alpha=plan.alpha)
    except ValueError as error:
        raise UserError(f"power.csv, {plan.outcome}, {plan.measure}, {plan.visit}: {error}") from None
    with_power = f"two-sided t test, power {plan.power:g}"
    key = (plan.outcome, plan.measure, plan.visit, "", ALL_PARTICIPANTS, layout.trial.contrast, PLANNED)
    yield from result_rows(key, (size, size), "as reported", difference=plan.difference)
    yield from result_rows(key, (size, size), with_power, implied_sd=sd)
    compared = [c for c in layout.compared if (c.outcome, c.measure) == (plan.outcome, plan.measure)]
    if not compared:
        yield from result_rows(key, (None, None), "two-sided t test", NOT_PLANNED, power=math.nan)
    for c in compared:
        n, key = c.counts(), (*c.key, PLANNED)
        if min(n) < 2:
            yield from result_rows(key, n, "two-sided t test", TOO_FEW, power=math.nan)
            continue
        detectable = detectable_difference(sd, *n, power=plan.power, alpha=plan.alpha)
        yield from result_rows(key, n, "two-sided t test", power=t_power(plan.difference, sd, *n, alpha=plan.alpha))
        yield from result_rows(key, n, with_power, detectable_difference=detectable)
