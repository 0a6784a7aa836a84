"""What a comparison of two groups could find, and by how much a significant finding exaggerates."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import nctdtr, ndtr, stdtr, stdtrit

from .monte_carlo import MonteCarloP, monte_carlo_p
from .rank_sum import normal_z, rank_sum_columns


class Exaggeration(NamedTuple):
    """What significance does to an estimate; see :func:`exaggeration`."""

    power: float
    wrong_sign: float
    ratio: float


def t_power(difference: float, sd: float, n_first: int, n_second: int, *, alpha: float) -> float:
    """Power of the two-sided t test of two groups with equal spread.

    Parameters
    ----------
    difference, sd : float
        In the same unit.
    n_first, n_second : int
    alpha : float

    References
    ----------
    The noncentral t distribution, both tails. R: ``power.t.test(n, delta, sd, strict = TRUE)``.
    """
    df = n_first + n_second - 2
    noncentrality = abs(difference) / (sd * math.sqrt(1 / n_first + 1 / n_second))
    critical = stdtrit(df, 1 - alpha / 2)
    # scipy returns NaN for some tails below 1e-20; they are nothing here.
    below, beyond = np.nan_to_num([nctdtr(df, noncentrality, critical), nctdtr(df, noncentrality, -critical)])
    return float(1 - below + beyond)


def implied_sd(difference: float, n_first: int, n_second: int, *, power: float, alpha: float) -> float:
    """Standard deviation at which a two-sided t test has the stated power for ``difference``."""

    def excess(ratio: float) -> float:
        return t_power(ratio, 1.0, n_first, n_second, alpha=alpha) - power

    return float(abs(difference) / brentq(excess, 1e-6, 50.0, xtol=1e-12))


def detectable_difference(sd: float, n_first: int, n_second: int, *, power: float, alpha: float) -> float:
    """Difference that a two-sided t test finds with the stated power."""
    return sd / implied_sd(1.0, n_first, n_second, power=power, alpha=alpha)


def rank_sum_power(
    difference: float,
    sd: float,
    n_first: int,
    n_second: int,
    *,
    alpha: float,
    method: str,
    trials: int,
    rng: np.random.Generator,
) -> MonteCarloP:
    """Power of the rank-sum test for a shift between two normal distributions, from simulated trials.

    Returns
    -------
    MonteCarloP
        ``p`` is the power, ``lower`` and ``upper`` its 99% interval by the number of trials.
    """
    values = rng.standard_normal((n_first + n_second, trials))
    values[:n_first] += difference / sd
    if method == "exact":
        p = rank_sum_columns(values, np.arange(n_first + n_second) < n_first, method=method).p
    else:
        # No two draws are equal, so that ranks are places in order: several times faster than midranks.
        order = np.argsort(np.ascontiguousarray(values.T), axis=1)
        u = (order < n_first) @ np.arange(1.0, n_first + n_second + 1) - n_first * (n_first + 1) / 2
        p = 2 * ndtr(-np.abs(normal_z(u, n_first, n_second, continuity=method == "normal_continuity")))
    found = int((p < alpha).sum())
    return monte_carlo_p(found, trials)._replace(p=found / trials)


def exaggeration(true_effect: float, standard_error: float, df: float, *, alpha: float) -> Exaggeration:
    """How much the estimates that reach significance exaggerate a true effect, on average (type M error).

    The estimate is taken as the true effect plus ``standard_error`` times Student's t.

    Parameters
    ----------
    true_effect, standard_error : float
    df : float
        Infinite gives the normal distribution.
    alpha : float

    Returns
    -------
    Exaggeration
        ``power``: chance of significance; ``wrong_sign``: chance that a significant estimate has the wrong sign
        (type S); ``ratio``: mean absolute significant estimate over the true effect. For a true effect of 0 the
        ratio is infinite and the sign is wrong half the time.

    References
    ----------
    Gelman and Carlin (2014), whose ``retrodesign`` simulates what is a closed form here: the mean of Student's t beyond
    a is f(a) (df + a^2) / (df - 1), with f the density.
    """
    if not standard_error > 0 or not df > 1 or math.isnan(true_effect):
        return Exaggeration(math.nan, math.nan, math.nan)
    effect = abs(true_effect) / standard_error
    critical = float(stdtrit(df, 1 - alpha / 2))
    above, below = float(stdtr(df, effect - critical)), float(stdtr(df, -critical - effect))
    power = above + below
    if effect == 0:
        return Exaggeration(power, 0.5, math.inf)
    # E|estimate| over the two tails, in standard errors.
    tails = effect * (above - below) + _mean_beyond(critical - effect, df) + _mean_beyond(critical + effect, df)
    return Exaggeration(power, below / power, tails / power / effect)


def _mean_beyond(a: float, df: float) -> float:
    """Integral of t f(t) over t > a, for Student's density f."""
    if math.isinf(df):
        return math.exp(-(a**2) / 2) / math.sqrt(2 * math.pi)
    log_density = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    log_density -= (df + 1) / 2 * math.log1p(a**2 / df)
    return math.exp(log_density) * (df + a**2) / (df - 1)
