"""Missing values: multiple imputation with pooled results, and bounds on P that need no model."""

from functools import partial
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr
from statsmodels.imputation.bayes_mi import BayesGaussMI

from .checks import Estimate, Seed, as_finite, as_rows, drop_missing
from .estimate import t_estimate
from .rank_sum import normal_z
from .two_sample import get_test

BURN_IN, BETWEEN = 50, 10  # iterations before the first imputed data set, and between successive ones


def impute(values: ArrayLike, *, imputations: int, seed: Seed) -> np.ndarray:
    """Impute missing values from a multivariate normal model by data augmentation (``BayesGaussMI``).

    Values have one row per participant, shape (n, k), with NaN where missing; the result has shape (imputations, n, k).
    Columns are standardized; the prior weighs as much as one participant with uncorrelated columns. Assumes values
    missing at random given the columns and roughly normal: pass logarithms of skewed values. ValueError if a column
    does not vary, or if an incomplete column has fewer observed values than columns + 2. Schafer (1997), Analysis of
    Incomplete Multivariate Data, chapter 5. SAS: PROC MI with MCMC; R: ``norm::da.norm``.
    """
    values = as_finite(values, "imputation", columns=True)
    missing = np.isnan(values)
    if imputations < 1:
        raise ValueError(f"imputation: {imputations} imputations, expected at least 1")
    if ((~missing).sum(axis=0)[missing.any(axis=0)] < values.shape[1] + 2).any():
        raise ValueError("imputation: too few observed values to predict from the others")
    if not missing.any():
        return np.repeat(values[None], imputations, axis=0)
    centre, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0, ddof=1)
    varies = spread > 1e-12 * np.abs(centre)
    if not varies.all():
        raise ValueError(f"imputation: column {int(np.argmin(varies))} does not vary")
    chain, completed = BayesGaussMI((values - centre) / spread, rng=np.random.default_rng(seed)), []
    for cycles in [BURN_IN] + [BETWEEN] * (imputations - 1):
        for _ in range(cycles):
            chain.update()
        completed.append(np.where(missing, chain.data * spread + centre, values))
    return np.array(completed)


def pool_estimates(
    estimates: ArrayLike, variances: ArrayLike, *, complete_df: float, confidence: float
) -> tuple[Estimate, float]:
    """Pool m imputed data sets, arrays (m,), by Rubin's rules, with the degrees of freedom of Barnard and Rubin (1999).

    Not by statsmodels: its normal distribution understates the uncertainty in small trials. ``complete_df`` is the
    degrees of freedom without missing values and may be infinite. The second result is lambda, the share of the total
    variance that is due to missing values; the total is the mean variance plus (1 + 1/m) times the variance between the
    estimates. R: ``mice::pool.scalar(Q, U, n, k, rule = "rubin1987")``, n - k = ``complete_df``.

    >>> round(pool_estimates([1.2, 0.8, 1.5], [0.3, 0.25, 0.28], complete_df=58, confidence=0.95)[0].df, 2)
    10.21
    """
    estimates, variances = as_rows(estimates=estimates, variances=variances)
    m = estimates.size
    if m < 2:
        raise ValueError("pooling needs two or more estimates, each with its variance")
    if np.isnan(estimates).any() or np.isnan(variances).any() or not complete_df > 0:
        return Estimate(estimates.mean()), np.nan
    between = (1 + 1 / m) * estimates.var(ddof=1) if np.ptp(estimates) > 1e-12 * np.abs(estimates).max() else 0.0
    total = variances.mean() + between
    share = float(between / total) if total > 0 else np.nan
    observed_df = (1 - share) * complete_df / (1 + 2 / (complete_df + 1))
    low, high = sorted(((m - 1) / share**2 if share else np.inf, observed_df))
    df = low * high / (low + high) if high < np.inf else low
    return t_estimate(estimates.mean(), np.sqrt(total), df, confidence=confidence), share


def p_bounds(
    first: ArrayLike, second: ArrayLike, missing_first: int, missing_second: int, *, method: str
) -> tuple[float, float]:
    """Lowest and highest P of a rank-sum test over all possible values of the missing participants.

    A missing value may equal an observed or another missing value. NaN in a sample does not count as missing.
    ``method`` names a test whose ``no_bounds`` is empty. NaN if nothing was observed or nothing varies. P is lowest if
    the missing values of each sample are equal, and highest if all are different, see docs/statistics.md.

    >>> [round(bound, 4) for bound in p_bounds([1, 2, 3, 4], [5, 6, 7, 8], 1, 1, method="normal")]
    [0.0086, 0.4647]
    """
    test = get_test(method)
    if test.no_bounds:
        raise ValueError(f"bounds of P: method {method!r}: {test.no_bounds}")
    if min(missing_first, missing_second) < 0:
        raise ValueError(f"bounds of P: {missing_first} and {missing_second} missing, expected 0 or more")
    k, m, samples = missing_first, missing_second, (drop_missing(first), drop_missing(second))
    n_first, n_second = samples[0].size + k, samples[1].size + m
    z_of = partial(normal_z, n_first=n_first, n_second=n_second, continuity=bool(test.continuity))
    # The places of a missing value: at each distinct observed value (odd numbers), and below, between and above these.
    distinct = np.unique(np.concatenate(samples))
    places = np.arange(2 * distinct.size + 1)
    counts = [np.bincount(2 * np.searchsorted(distinct, each) + 1, minlength=places.size) for each in samples]
    # Increase of U for a missing value of either sample at each place.
    gain_first = np.cumsum(counts[1]) - counts[1] / 2
    gain_second = samples[0].size - np.cumsum(counts[0]) + counts[0] / 2
    smallest_u, tied = counts[0] @ gain_first, np.add(*counts).astype(float)
    tie_sum = (tied**3 - tied).sum()
    # Both at any place; or at two places, where U is smallest and largest among those with as many observed values.
    ends = [np.unique(tied[::step], return_index=True)[1] for step in (1, -1)]
    ends = np.union1d(ends[0], places[-1] - ends[1])
    place_first, place_second = np.hstack([[places, places], np.array(list(product(ends, ends))).T])
    together, ties = place_first == place_second, np.zeros(place_first.size)
    for at, values in ((place_first, k + m * together), (place_second, m * ~together)):
        more = tied[at] + values
        ties += more**3 - more - tied[at] ** 3 + tied[at]
    u = smallest_u + k * gain_first[place_first] + m * gain_second[place_second]
    u += k * m * (np.sign(place_first - place_second) + 1) / 2
    lowest = float(2 * ndtr(-np.fmax.reduce(np.abs(z_of(u, tie_sum=tie_sum + ties)))))
    # All different, and at the extremes: no new ties, and the smallest and largest possible U.
    extremes = np.array([smallest_u, smallest_u + k * gain_first[-1] + m * gain_second[0] + k * m])
    below, above = extremes - n_first * n_second / 2
    highest = 1.0 if below < 0 < above else float(2 * ndtr(-np.abs(z_of(extremes, tie_sum=tie_sum)).min()))
    return lowest, np.nan if np.isnan(lowest) else highest
