"""Power of a comparison of two groups, and type S and type M errors of significant estimates."""

import math

import numpy as np
from scipy import optimize, special, stats
from statsmodels.stats.power import TTestIndPower

from .checks import check_proportion


def t_power(difference: float, sd: float, n_first: int, n_second: int, *, alpha: float) -> float:
    """Two-tailed power of the t test with equal variances, by ``TTestIndPower``; ``difference`` and ``sd`` in one unit.

    Cohen (1988), Statistical Power Analysis, chapter 2. R: ``power.t.test(n, delta, sd, strict = TRUE)``.
    """
    _check_arguments(sd, n_first, n_second, alpha)
    effect, ratio = abs(difference) / sd, n_second / n_first
    if math.isnan(effect):
        return math.nan
    power = float(TTestIndPower().power(effect, n_first, alpha, ratio=ratio))
    if math.isnan(power):  # scipy fails where the opposite tail is below 1e-20, which adds nothing
        power = float(TTestIndPower().power(effect, n_first, alpha / 2, ratio=ratio, alternative="larger"))
    return 1.0 if math.isnan(power) else power  # for very large effects, scipy fails for the near tail, too


def implied_sd(difference: float, n_first: int, n_second: int, *, power: float, alpha: float) -> float:
    """Standard deviation at which the t test has the stated power for ``difference``.

    >>> round(implied_sd(19.8, 27, 27, power=0.9, alpha=0.05), 2)  # the paper's plan
    22.02
    """
    if difference == 0:
        raise ValueError("power: no standard deviation gives a difference of 0 more power than alpha")
    return abs(difference) / detectable_difference(1.0, n_first, n_second, power=power, alpha=alpha)


def detectable_difference(sd: float, n_first: int, n_second: int, *, power: float, alpha: float) -> float:
    """Difference that the t test detects with the stated power, which must exceed alpha."""
    _check_arguments(sd, n_first, n_second, alpha)
    if not alpha < check_proportion(power, "power"):
        raise ValueError(f"power {power:g}: expected more than alpha, {alpha:g}")

    def excess(effect: float) -> float:
        return t_power(effect, 1.0, n_first, n_second, alpha=alpha) - power

    high = 1.0
    while excess(high) < 0:
        high *= 2
    return sd * float(optimize.brentq(excess, 0.0, high, xtol=1e-13))


def _check_arguments(sd: float, n_first: int, n_second: int, alpha: float) -> None:
    check_proportion(alpha, "alpha")
    if not sd > 0:
        raise ValueError(f"power: standard deviation {sd:g}, expected a number above 0")
    if not (min(n_first, n_second) >= 1 and n_first + n_second >= 3):
        raise ValueError(f"power: groups of {n_first} and {n_second}, expected three participants or more, none empty")


def exaggeration(true_effect: float, standard_error: float, df: float, *, alpha: float) -> tuple[float, float, float]:
    """Power, probability of a wrong sign (type S) and exaggeration ratio (type M) of significant estimates.

    The ratio is the mean absolute significant estimate over the true effect, infinite for a true effect of 0. The
    estimate is modelled as the true effect plus ``standard_error`` times Student's t (infinite df: normal). NaN without
    a standard error or if df <= 1. Gelman and Carlin (2014) simulate (``retrodesign``) what is computed in closed form
    here: the integral of t f(t) over t > a is f(a) (df + a^2) / (df - 1), with f the density of Student's t.

    >>> [round(value, 3) for value in exaggeration(0.5, 0.4, 19, alpha=0.05)]
    [0.207, 0.008, 2.165]
    """
    check_proportion(alpha, "alpha")
    if not standard_error > 0 or not df > 1 or math.isnan(true_effect):
        return math.nan, math.nan, math.nan
    effect, critical = abs(true_effect) / standard_error, -float(special.stdtrit(df, alpha / 2))
    ends = critical + np.array([-effect, effect])  # of the two tails, in standard errors
    above, below = special.stdtr(df, -ends).tolist()
    power = above + below
    if effect == 0:
        return power, 0.5, math.inf
    # The integral over either tail; with the effect, they add up to E|estimate| over both tails.
    factor = np.ones(2) if math.isinf(df) else (df + ends**2) / (df - 1)
    tails = effect * (above - below) + float((stats.t.pdf(ends, df) * factor).sum())
    return power, below / power, tails / power / effect
