"""The best cutoff of a marker, with P-values and estimates corrected for the search.

The best *subgroup* is the one above (or below) a cutoff in which treatment works best; its P comes from permuted arm
labels (:class:`~.permutation.StepDown`). The best *split* separates the responses best, regardless of treatment; its P
comes from permuted responses (:func:`best_split`).

A cutoff is a value of the marker; of equally good cutoffs, the lowest is chosen. Deviates are corrected for ties, not
for continuity. Markers, responses and arms have shape (n,).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .checks import Seed, as_rows, complete_rows
from .permutation import BLOCK, TOLERANCE, Labels, MonteCarloP, random_orders
from .rank_sum import midrank_columns, normal_z, pairwise_wins


class BestSplit(NamedTuple):
    """Result of :func:`best_split`."""

    cut: float
    z: float
    p: MonteCarloP
    splits: int
    n: int


def best_cut_bootstrap(
    marker: ArrayLike,
    response: ArrayLike,
    is_first: ArrayLike,
    *,
    above: bool,
    at_cut_upper: bool,
    minimum_per_arm: int,
    resamples: int,
    seed: Seed,
) -> np.ndarray:
    """Repeat the search for the best subgroup in bootstrap resamples of each arm, and evaluate it out of bag.

    The subgroup is above the cutoff if ``above``, else below; participants at the cutoff belong to the upper group if
    ``at_cut_upper``, else to the lower. The best cutoff of a resample has the largest ``|z|`` among those that leave
    ``minimum_per_arm`` participants. Returns shape (2, resamples): the cutoffs, and the Mann-Whitney effects at them in
    participants who are not in the resample, NaN if there are none. The out-of-bag estimate of Efron and
    Tibshirani (1997), JASA 92, 548-560; R: cutpointr. ValueError for a missing value.
    """
    marker, response, is_first = as_rows(marker=marker, response=response, is_first=is_first)
    if np.isnan(marker + response).any():
        raise ValueError("best cutoff: missing value, expected a marker and a response for every participant")
    results, weights = np.full((2, resamples), np.nan), np.zeros((resamples, marker.size))
    if not is_first.any() or is_first.all():
        return results
    rng = np.random.default_rng(seed)
    for arm in (is_first, ~is_first):
        n = int(arm.sum())
        weights[:, arm] = rng.multinomial(n, np.full(n, 1 / max(1, n)), size=resamples)
    # In this order, every subgroup extends from one of its members to the end.
    order = np.argsort(marker if above else -marker, kind="stable")
    marker, response, is_first, weights = marker[order], response[order], is_first[order], weights[:, order]
    starts = np.flatnonzero(np.diff(marker, prepend=np.nan) != 0)
    u, tie_sum, first, second = _sums_from_starts(response, is_first, weights, starts)
    z = np.nan_to_num(normal_z(u, first, second, tie_sum, continuity=False))
    # A cutoff is a drawn value, and the first one inside the subgroup or the last one outside; some drawn are outside.
    is_inside = above == at_cut_upper
    drawn = np.add.reduceat(weights, starts, axis=1) > 0
    at_cut = drawn if is_inside else np.roll(drawn, 1, axis=1)
    eligible = at_cut & (first + second < marker.size) & (np.minimum(first, second) >= max(1, minimum_per_arm))
    size = np.where(eligible, np.abs(z), -1.0)
    u, _, first, second = _sums_from_starts(response, is_first, (weights == 0).astype(float), starts)
    with np.errstate(invalid="ignore"):
        effect = u / (first * second)
    largest = size.max(axis=1, keepdims=True)
    is_best = (size >= largest * (1 - TOLERANCE)) & (largest >= 0)
    row = np.flatnonzero(is_best.any(axis=1))
    best = is_best[row].argmax(axis=1) if above else starts.size - 1 - is_best[row, ::-1].argmax(axis=1)
    results[:, row] = marker[starts[best if is_inside else best - 1]], effect[row, best]
    return results


def _sums_from_starts(
    response: np.ndarray, is_first: np.ndarray, weights: np.ndarray, starts: np.ndarray
) -> list[np.ndarray]:
    """Return U, tie sum and sizes of the weighted arms from each start to the end, of shape (resamples, starts)."""
    later = np.triu(np.ones((response.size, response.size)), 1)
    wins = pairwise_wins(response, response)
    pairs = np.where(is_first[:, None] & ~is_first, wins, np.where(~is_first[:, None] & is_first, 1 - wins, 0.0))
    ties = weights @ ((wins == 0.5) * later).T
    # What each participant adds to the sums by comparison with those later in the order.
    added = [weights * (weights @ (pairs * later).T), weights * (3 * ties * (ties + weights) + weights**2 - 1)]
    added += [weights * is_first, weights * ~is_first]
    return [np.cumsum(terms[:, ::-1], axis=1)[:, ::-1][:, starts] for terms in added]


def best_split(marker: ArrayLike, response: ArrayLike, *, minimum: int, permutations: int, seed: int) -> BestSplit:
    """Maximally selected rank statistic: the cutoff with the largest ``|z|``, and its P from permuted responses.

    A cutoff leaves at least ``minimum`` participants on either side; equal marker values stay together. NaN if there is
    no such cutoff, or if all responses are equal. Lausen and Schumacher (1992), Biometrics 48, 73-85. R:
    ``maxstat::maxstat.test(smethod = "Wilcoxon")``, with the largest marker value of the lower group as cutoff.

    >>> best_split([1, 2, 3, 4, 5, 6], [1, 2, 1, 8, 9, 7], minimum=2, permutations=99, seed=1).cut
    4.0
    """
    marker, response = complete_rows(marker=marker, response=response)
    labels = Labels(n := marker.size, n, permutations, seed)
    cuts = np.unique(marker)[1:]
    is_upper = marker >= cuts[:, None]
    n_upper = is_upper.sum(axis=1)
    allowed = np.minimum(n_upper, n - n_upper) >= max(1, minimum)
    cuts, is_upper, n_upper = cuts[allowed], is_upper[allowed].astype(float), n_upper[allowed]
    ranks, tie_sum = midrank_columns(response[:, None])
    scores = 2 * ranks[:, 0] - (n + 1)
    if not cuts.size or not scores.any():
        return BestSplit(np.nan, np.nan, MonteCarloP(), cuts.size, n)
    # A sum of scores is a number of half units of U, so its z is this number times the z of half a unit.
    half_unit_z = normal_z((n_upper * (n - n_upper) + 1) / 2, n_upper, n - n_upper, tie_sum, continuity=False)
    z = (is_upper @ scores) * half_unit_z
    best = int(np.argmax(np.abs(z) >= np.abs(z).max() * (1 - TOLERANCE)))
    extreme, chunk = 0, BLOCK * max(1, 2**13 // n)  # 16 MB of orders
    for start in range(0, permutations, chunk):
        orders = random_orders(labels, start, min(start + chunk, permutations))
        permuted = np.abs((is_upper @ scores[orders.T]) * half_unit_z[:, None]).max(axis=0)
        extreme += int((permuted >= abs(z[best]) * (1 - TOLERANCE)).sum())
    return BestSplit(float(cuts[best]), float(z[best]), labels.p(extreme), cuts.size, n)
