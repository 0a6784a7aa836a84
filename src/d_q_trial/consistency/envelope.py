"""How far U, and so P, can go for printed medians, quartiles and ranges.

Each order statistic of a group lies between a lower and an upper envelope that the printed quantiles leave
it. The first group at its upper and the second at its lower envelope give the largest U that can be. The
bounds are outer bounds: a P-value outside them cannot come from such data, one inside may. They are attained
where every printed quantile is one of the values (n = 4k + 1 under type 7). Where a quantile lies between two
values, not both of them can be at their envelope, and the bounds go too far by the pairs of one value for each.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from .claims import Group
from .lattice import p_value
from .quartiles import place


def order_bounds(group: Group, n: int, kind: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper envelope of the order statistics, arrays of shape (n,).

    Parameters
    ----------
    group : Group
        Printed quantiles; those that are not printed bound nothing. Each stands for the interval that rounds to it.
    kind : int, 1 to 9
        Definition of the quartiles.
    """
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    for p, printed in ((Fraction(1, 4), group.q1), (Fraction(1, 2), group.median), (Fraction(3, 4), group.q3)):
        if printed is None:
            continue
        rank, fraction = place(n, p, kind)
        upper = rank if fraction else rank - 1  # index of the value at or above the quantile
        low[upper] = max(low[upper], printed.low)
        high[rank - 1] = min(high[rank - 1], printed.high)
    if group.minimum is not None:
        low[0], high[0] = max(low[0], group.minimum.low), min(high[0], group.minimum.high)
    if group.maximum is not None:
        low[-1], high[-1] = max(low[-1], group.maximum.low), min(high[-1], group.maximum.high)
    return np.maximum.accumulate(low), np.minimum.accumulate(high[::-1])[::-1]


def u_range(first: Group, second: Group, n_first: int, n_second: int, *, kind: int):
    """Smallest and largest U of two groups with these printed quantiles; None if a group contradicts itself."""
    first_low, first_high = order_bounds(first, n_first, kind)
    second_low, second_high = order_bounds(second, n_second, kind)
    if (first_low > first_high).any() or (second_low > second_high).any():
        return None
    return _pairs(first_low, second_high, ties=False), _pairs(first_high, second_low, ties=True)


def _pairs(first: np.ndarray, second: np.ndarray, *, ties: bool) -> float:
    """Pairs with first > second; equal bounds count whole if ``ties``, because either may yield a little."""
    return float(np.searchsorted(np.sort(second), first, side="right" if ties else "left").sum())


def p_range(
    u_low: float, u_high: float, n_first: int, n_second: int, variant: str, tie_sum: int = 0
) -> tuple[float, float]:
    """Smallest and largest P for U anywhere in a range, with a sum of t^3 - t from zero to ``tie_sum``."""
    middle = n_first * n_second / 2
    sums = np.array([0, min(tie_sum, (n_first + n_second) * ((n_first + n_second) ** 2 - 1) // 2)])
    ends = p_value(np.array([[u_low], [u_high]]), n_first, n_second, variant, sums)
    return float(ends.min()), 1.0 if u_low <= middle <= u_high else float(ends.max())
