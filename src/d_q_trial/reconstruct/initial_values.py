"""Starting values of the search: a sample with quantiles near the wanted ones, ordered by latent scores."""

from __future__ import annotations

import math

import numpy as np

# Tails bend outwards: most values lie near the quartile, few near the extreme.
_TAIL = 1.7


def sample(n: int, knots: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return ``n`` sorted values, shape (n,), near ``knots``, shape (5,): minimum, quartiles (type 7) and maximum."""
    low, first, middle, third, high = (float(knot) for knot in knots)
    at = np.arange(n) / (n - 1) + rng.uniform(-0.35, 0.35, n) / (n - 1)
    at = np.sort(np.clip(at, 0, 1))
    at[0], at[-1] = 0.0, 1.0
    values = np.interp(at, [0.25, 0.5, 0.75], [first, middle, third])
    lower, upper = at < 0.25, at > 0.75
    values[lower] = first - (first - low) * (1 - at[lower] / 0.25) ** _TAIL
    values[upper] = third + (high - third) * ((at[upper] - 0.75) / 0.25) ** _TAIL
    for probability, value in ((0.25, first), (0.5, middle), (0.75, third)):
        position = (n - 1) * probability
        below = int(position)
        share = position - below
        if share == 0:
            values[below] = value
        else:
            room = min(value - values[below - 1], values[min(below + 2, n - 1)] - value)
            apart = max(0.0, 0.6 * rng.random() * room)
            values[below], values[below + 1] = value - share * apart, value + (1 - share) * apart
    return np.sort(values)


def log_tails(first: float, middle: float, third: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return a plausible minimum and maximum for positive values that are skewed like concentrations."""
    below, above = np.log(middle / first), np.log(third / middle)
    typical = max((below + above) / 2, 1e-3)
    reach = rng.uniform(1.4, 2.2, 2)
    return float(first * np.exp(-reach[0] * typical)), float(third * np.exp(reach[1] * 1.15 * typical))


def in_order_of(scores: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Give the sorted ``values`` to items by the rank of their ``scores``; both of shape (n,)."""
    placed = np.empty_like(values)
    placed[np.argsort(scores, kind="stable")] = np.sort(values)
    return placed


def tie_changes(
    values: np.ndarray, near_zero: np.ndarray, others: np.ndarray, base: np.ndarray, needed: tuple[float, float], rng
) -> None:
    """Make some percent changes equal, in place, so that their sum of t^3 - t lies within ``needed``.

    Parameters
    ----------
    values : array of float, shape (n,)
    near_zero, others : array of int
        Items of the group whose reported quartiles include zero, and the other items of the contrast.
    base : array of int, shape (n,)
        Baselines in whole cells.
    needed : tuple of float
        The longest run are items without any change. What is then missing are pairs in the tails, where no reported
        quartile lies; their change is a quotient that both baselines can carry.
    """
    least, most = needed
    run = 1
    while (run + 1) ** 3 - (run + 1) <= most:
        run += 1
    elsewhere = int(rng.integers(3))  # zeros in the other group
    chosen = near_zero[np.argsort(np.abs(values[near_zero]))][: run - elsewhere]
    nearest = others[np.argsort(np.abs(values[others]))][: run - chosen.size]
    values[np.concatenate([chosen, nearest])] = 0.0
    ties = run**3 - run
    free = np.setdiff1d(np.concatenate([near_zero, others]), np.concatenate([chosen, nearest]))
    while ties < least and free.size >= 2:
        outer = free[np.argsort(-np.abs(values[free]))][: max(2, free.size * 2 // 3)]
        # Pairs of one group: a tie across the groups would make U a half-integer.
        tries = [rng.choice(outer, 2, replace=False) for _ in range(40)]
        tries = [pair for pair in tries if len({item in near_zero for item in pair}) == 1]
        if not tries:
            break
        first, second = max(tries, key=lambda pair: _closeness(values, base, *pair))
        parts = math.gcd(int(base[first]), int(base[second]))
        values[[first, second]] = 100.0 * (round(parts * (1 + values[first] / 100.0)) / parts - 1)
        free = free[(free != first) & (free != second)]
        ties += 6


def _closeness(values: np.ndarray, base: np.ndarray, first: int, second: int) -> float:
    """Rate a pair: near each other, and able to share a change near theirs."""
    apart = abs(values[first] - values[second]) + 50.0 / math.gcd(int(base[first]), int(base[second]))
    return -float(apart)
