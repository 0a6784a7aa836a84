"""Missing values: multiple imputation with pooled results, and bounds on P that need no model."""

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.imputation.bayes_mi import BayesGaussMI

from .checks import Estimate, Seed, as_finite, drop_missing
from .estimate import t_estimate
from .rank_sum import normal_p, pairwise_wins
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
    values = as_finite(values)
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
    estimates, variances = as_finite(estimates, "estimates"), as_finite(variances, "variances")
    m = estimates.size
    if m < 2 or variances.size != m:
        raise ValueError("pooling needs two or more estimates, each with its variance")
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
    ``method`` names a test whose ``no_bounds`` is empty. NaN if nothing was observed or nothing varies.

    Lowest P: for U above its mean, z increases with U and with the ties T, and the points (U, T) with z <= c form a
    convex set. The largest z is therefore at a corner of the convex hull, where a U + b T is largest for some a, b >= 0.
    With the missing values of one sample fixed, that sum is convex in the numbers of the other sample's missing values
    at each place, so it is largest with all of them at one place: the missing values of each sample are equal.

    Highest P: if U is on one side of its mean for all values, P is highest where U is nearest to its mean, with all
    missing values different. If U can be on either side, P is 1: an upper bound if heavy ties make U jump over its mean.

    >>> [round(bound, 4) for bound in p_bounds([1, 2, 3, 4], [5, 6, 7, 8], 1, 1, method="normal")]
    [0.0086, 0.4647]
    """
    test = get_test(method)
    if test.no_bounds:
        raise ValueError(f"bounds of P: method {method!r}: {test.no_bounds}")
    if min(missing_first, missing_second) < 0:
        raise ValueError(f"bounds of P: {missing_first} and {missing_second} missing, expected 0 or more")
    samples, missing = (drop_missing(first), drop_missing(second)), (missing_first, missing_second)
    places, mirrored = (_Places(samples[::step], missing[::step], continuity=bool(test.continuity)) for step in (1, -1))
    lowest = places.lowest_p()
    return lowest, np.nan if np.isnan(lowest) else places.highest_p(mirrored)


class _Places:
    """The places of a missing value in the order of values: below, at and above each distinct observed value.

    Odd places are observed values, even places the gaps around them. U is doubled, so that it is an integer.
    """

    def __init__(self, samples: tuple[np.ndarray, ...], missing: tuple[int, ...], *, continuity: bool):
        distinct = np.unique(np.concatenate(samples))
        places = 2 * distinct.size + 1
        first, second = (np.bincount(2 * np.searchsorted(distinct, each) + 1, minlength=places) for each in samples)
        # Increase of U for a missing value of either sample at each place.
        self.gain_first = 2 * np.cumsum(second) - second
        self.gain_second = 2 * samples[0].size - 2 * np.cumsum(first) + first
        self.tied, self.u = first + second, int(first @ self.gain_first)
        self.tie_sum = float((self.tied**3 - self.tied).sum())
        self.missing, self.continuity = missing, continuity
        self.sizes = samples[0].size + missing[0], samples[1].size + missing[1]
        self.mean = self.sizes[0] * self.sizes[1]

    def p(self, u: ArrayLike, tie_sum: ArrayLike) -> np.ndarray:
        """Return P for a doubled U and a tie sum; NaN if all values are equal."""
        return normal_p(np.divide(u, 2), *self.sizes, tie_sum, continuity=self.continuity)

    def added_ties(self, more: int) -> np.ndarray:
        """Return the increase of the sum of t^3 - t if ``more`` values are added at each place."""
        joined = (self.tied + more).astype(float)
        return joined**3 - joined - (self.tied**3 - self.tied)

    def lowest_p(self) -> float:
        """Return the lowest P with the missing values of each sample at one place, possibly the same; or NaN."""
        k, m = self.missing
        u = self.u + k * self.gain_first + m * self.gain_second + k * m
        same_place = self.p(u, self.tie_sum + self.added_ties(k + m))
        # Among places with equally many values, U is smallest and largest at the first and the last.
        first, from_last = (np.unique(tied, return_index=True)[1] for tied in (self.tied, self.tied[::-1]))
        at = np.union1d(first, self.tied.size - 1 - from_last)
        u = self.u + np.add.outer(k * self.gain_first[at], m * self.gain_second[at]) + 2 * k * m * pairwise_wins(at, at)
        ties = np.add.outer(self.added_ties(k)[at], self.added_ties(m)[at])
        np.fill_diagonal(ties, np.nan)
        return float(np.fmin.reduce(np.append(same_place, self.p(u, self.tie_sum + ties))))

    def highest_p(self, mirrored: "_Places") -> float:
        """Return the highest P, 1 if U can be on either side of its mean."""
        # Missing values at the extremes, all different: no new ties, and the largest (smallest) possible U.
        smallest, largest = self.u, 2 * self.mean - mirrored.u
        if smallest < self.mean < largest:
            return 1.0
        return float(self.p(min((largest, smallest), key=lambda u: abs(u - self.mean)), self.tie_sum))
