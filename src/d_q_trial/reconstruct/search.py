"""Search one column of recorded values that meets its constraints: starting values, simulated annealing, refinement.

A constraint measures its distance from being met (``gap``; 0 = met) and picks an item to move (``pick_item``).
Items are positions in the column; a column is an array of float, shape (n,).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator

from ..errors import UserError

# Added to the gap of every missed constraint, so that the search does not accept a near miss.
_MISS_PENALTY = 0.02
# Below this sum of gaps, only the discreteness of the values keeps P out of its window; ties are then tried more often.
_NEARLY_MET = 0.08
# Starting temperatures of successive attempts, in units of a constraint's gap, and their common final temperature.
_START_TEMPERATURES = (0.05, 0.2, 0.6)
_FINAL_TEMPERATURE = 0.002
# Values closer than this share of the column's range count as nearly tied.
_NEAR_TIE = 0.002
# Above 1, the tails of a starting sample are skewed: most values lie near the quartile, few near the extreme.
_TAIL_EXPONENT = 1.7
_REFINEMENT_ROUNDS = 4  # every item is tried once per round

Window = tuple[float, float]
Moves = list[tuple[int, int]]  # item, new cell


def rank_sum_z(first: np.ndarray, second: np.ndarray) -> float:
    """Return z of the rank-sum test: tie-corrected normal approximation, no continuity correction."""
    values, pairs = np.concatenate([first, second]), first.size * second.size
    n, tied = values.size, (values[:, None] == values).sum(axis=1)  # how many values equal each
    variance = pairs / 12 * (n + 1 - (tied**2 - 1).sum() / (n * (n - 1)))
    excess = np.sign(first[:, None] - second).sum() / 2  # U minus its expectation
    return excess / math.sqrt(variance) if variance > 0 else 0.0


@dataclass(frozen=True)
class Constraint:
    """A statistic of one or two groups of items must lie within one of several windows."""

    name: str
    groups: tuple[np.ndarray, ...]
    windows: tuple[Window, ...]
    statistic: Callable[..., float]
    scale: float = 1.0  # the distance from a window that counts as 1

    @cached_property
    def items(self) -> np.ndarray:
        """The items of all groups."""
        return np.concatenate(self.groups)

    def value(self, column: np.ndarray) -> float:
        """Return the statistic."""
        return float(self.statistic(*(column[group] for group in self.groups)))

    def gap(self, column: np.ndarray) -> float:
        """Return the distance from the nearest window in units of ``scale``, plus a penalty; 0 within a window."""
        value = self.value(column)
        distance = min(max(low - value, value - high, 0.0) for low, high in self.windows)
        return distance / self.scale + _MISS_PENALTY if distance else 0.0

    def pick_item(self, column: np.ndarray, rng: Generator) -> int:
        """Return a random item whose value may change the statistic; by default any item."""
        return self.items[rng.integers(self.items.size)]


@dataclass(frozen=True)
class MedianDifference(Constraint):
    """The difference of the medians of two groups."""

    statistic: Callable[..., float] = lambda first, second: np.median(first) - np.median(second)

    def pick_item(self, column: np.ndarray, rng: Generator) -> int:
        """Return a random item near the median of either group."""
        group = self.groups[0 if rng.integers(2) else 1]
        order = np.argsort(column[group], kind="stable")
        rank = (order.size - 1) // 2 + rng.integers(-1, 3)
        return group[order[min(max(rank, 0), order.size - 1)]]


@dataclass(frozen=True)
class Quantile(Constraint):
    """The type 7 quantile of one group."""

    statistic: Callable[..., float] = np.quantile
    probability: float = 0.5

    def neighbours(self, column: np.ndarray) -> tuple[int, int, float]:
        """Return the items below and above the quantile, and the weight of the upper: 0 if it is one item's value."""
        (group,) = self.groups
        order = np.argsort(column[group], kind="stable")
        rank = (order.size - 1) * self.probability
        below = int(rank)
        return group[order[below]], group[order[min(below + 1, order.size - 1)]], rank - below

    def value(self, column: np.ndarray) -> float:  # noqa: D102
        lower, upper, weight = self.neighbours(column)
        return float(column[lower] + weight * (column[upper] - column[lower]))

    def pick_item(self, column: np.ndarray, rng: Generator) -> int:  # noqa: D102
        return self.neighbours(column)[rng.integers(2)]

    def value_to_meet(self, column: np.ndarray, item: int, rng: Generator) -> float | None:
        """Return a value of ``item`` that puts the quantile into its window if the order stays; None if none does."""
        lower, upper, weight = self.neighbours(column)
        low, high = self.windows[0]
        target = low + rng.random() * (high - low)
        if column[item] == column[lower]:
            return (target - weight * column[upper]) / (1 - weight)
        if weight and column[item] == column[upper]:
            return (target - (1 - weight) * column[lower]) / weight
        return None


@dataclass
class Column:
    """A column to search: its cells, their analysed values, and the gaps of the constraints on them.

    A cell is an integer: 123 with 2 ``decimals`` is a recorded 1.23. The analysed value is the recorded one or, with a
    ``baseline`` (cells, shape (n,)), the percent change from it: a quotient of whole numbers, so that equal changes are
    equal floats. Values stay between ``lowest`` and ``highest``, shape (n,). Items of one ``group`` (int, shape (n,))
    may exchange values. With ``keep_ties``, items that start tied are not moved, because a reported P requires the ties.
    """

    name: str
    constraints: tuple[Constraint, ...]
    group: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    decimals: int
    baseline: np.ndarray | None = None
    keep_ties: bool = False

    def __post_init__(self) -> None:
        numbered = list(enumerate(self.constraints))
        self.constraints_on = [[n for n, c in numbered if item in c.items] for item in range(self.group.size)]
        # Exchanging values within a group helps only if its items are not all under the same constraints.
        kinds = {(group, *numbers) for group, numbers in zip(self.group, self.constraints_on, strict=True)}
        self.exchange = self.baseline is not None and len(kinds) > np.unique(self.group).size
        self.quartiles = [c for c in self.constraints if isinstance(c, Quantile) and 0 < c.probability < 1]

    def start(self, values: np.ndarray) -> None:
        """Set all cells to those nearest to analysed values."""
        self.cells = self.to_cells(values)
        self.values = self.to_values(self.cells)
        self.gaps = np.array([constraint.gap(self.values) for constraint in self.constraints])
        _, inverse, counts = np.unique(self.values, return_inverse=True, return_counts=True)
        self.fixed = set(np.flatnonzero(counts[inverse] > 1)) if self.keep_ties else set()

    def to_values(self, cells, items=slice(None)):
        """Return the analysed values of cells of all items, or of some."""
        if self.baseline is None:
            return cells / 10.0**self.decimals
        return (cells - self.baseline[items]) * 100.0 / self.baseline[items]

    def to_cells(self, values, items=slice(None)):
        """Return the cells with the nearest analysed values, of all items or of some."""
        scaled = 10.0**self.decimals * values if self.baseline is None else self.baseline[items] * (1 + values / 100.0)
        return np.rint(scaled).astype(int)

    def try_moves(self, moves: Moves, rng: Generator, temperature: float = 0.0) -> None:
        """Make moves that respect the limits and do not increase the gaps; at a temperature, also some that do."""
        items, values = [item for item, _ in moves], [self.to_values(cell, item) for item, cell in moves]
        allowed = [self.lowest[i] <= value <= self.highest[i] for i, value in zip(items, values, strict=True)]
        if not moves or not all(allowed):
            return
        old_cells, old_values = self.cells[items], self.values[items]
        self.cells[items], self.values[items] = [cell for _, cell in moves], values
        affected = list(dict.fromkeys(number for item in items for number in self.constraints_on[item]))
        gaps = [self.constraints[number].gap(self.values) for number in affected]
        increase = sum(gaps) - sum(self.gaps[number] for number in affected)
        if increase <= 0 or (temperature and rng.random() < math.exp(-increase / temperature)):
            self.gaps[affected] = gaps
        else:
            self.cells[items], self.values[items] = old_cells, old_values

    def swap_moves(self, item: int, partner: int) -> Moves:
        """Return the moves that give two items each other's value."""
        return [(item, self.to_cells(self.values[partner], item)), (partner, self.to_cells(self.values[item], partner))]


def solve(column: Column, start: Callable[[], np.ndarray], rng: Generator, *, steps=6000, attempts=12) -> None:
    """Fill a column with cells that meet every constraint, by simulated annealing.

    Each of the ``attempts`` starts from new analysed values, shape (n,), that ``start`` returns, and makes at most
    ``steps`` steps. UserError names the constraints that the last attempt misses, and the values reached.
    """
    for attempt in range(attempts):
        column.start(start())
        hottest = _START_TEMPERATURES[attempt % len(_START_TEMPERATURES)]
        for step in range(steps):
            missed = np.flatnonzero(column.gaps)
            if missed.size == 0:
                return
            moves = _propose_moves(column, column.constraints[missed[rng.integers(missed.size)]], rng)
            column.try_moves(moves, rng, hottest * (_FINAL_TEMPERATURE / hottest) ** (step / steps))
        if not column.gaps.any():
            return
    missed = [column.constraints[number] for number in np.flatnonzero(column.gaps)]
    reached = [f"{constraint.name} (reached {constraint.value(column.values):.5g})" for constraint in missed]
    raise UserError(f"{column.name}: no values found that meet {'; '.join(reached)}")


def _propose_moves(column: Column, constraint: Constraint, rng: Generator) -> Moves:
    """Propose one or two moves, or none, towards meeting a constraint."""
    values, baseline, is_rank_sum = column.values, column.baseline, constraint.statistic is rank_sum_z
    item = constraint.pick_item(values, rng) if rng.random() < 0.85 else rng.integers(values.size)
    if item in column.fixed:
        return []
    choice = rng.random()
    if column.exchange and choice < 0.4:
        partners = np.flatnonzero(column.group == column.group[item])
        partner = partners[rng.integers(partners.size)]
        return [] if partner == item or partner in column.fixed else column.swap_moves(item, partner)
    if isinstance(constraint, Quantile) and choice > 0.6:
        target = constraint.value_to_meet(values, item, rng)
        return [] if target is None else [(item, column.to_cells(target, item))]
    if is_rank_sum and choice > 0.9 and column.quartiles:
        return _propose_balanced_moves(column, constraint, rng)
    if choice < 0.65:  # a few units of the last decimal
        size = 1 + int(rng.exponential(2.0)) if rng.random() < 0.8 else 1 + int(rng.exponential(20.0))
        return [(item, column.cells[item] + (size if rng.random() < 0.5 else -size))]
    nearly_met = is_rank_sum and column.gaps.sum() < _NEARLY_MET
    if baseline is not None and choice > (0.8 if nearly_met else 0.87):
        return [(item, baseline[item])]  # no change from baseline: the one value that participants share easily
    target = values[constraint.items[rng.integers(constraint.items.size)]]
    # Next to another item's value or equal to it: a tie gives the half-integer U that some reported P require.
    return [(item, column.to_cells(target, item) + rng.integers(-1, 2))]


def _propose_balanced_moves(column: Column, constraint: Constraint, rng: Generator) -> Moves:
    """Propose to move one neighbour of a quartile to another item's value, and the other so that the quartile stays."""
    values = column.values
    lower, upper, share = column.quartiles[rng.integers(len(column.quartiles))].neighbours(values)
    if not share or column.fixed & {lower, upper}:
        return []
    quartile = values[lower] + share * (values[upper] - values[lower])
    target = values[constraint.items[rng.integers(constraint.items.size)]]
    item, partner, weight = (upper, lower, share) if target > quartile else (lower, upper, 1 - share)
    cell = column.to_cells(target, item) + rng.integers(-1, 2)
    partner_value = (quartile - weight * column.to_values(cell, item)) / (1 - weight)
    return [(item, cell), (partner, column.to_cells(partner_value, partner))]


def refine(column: Column, scores: np.ndarray, rng: Generator) -> None:
    """Remove artefacts of the search from a column that meets every constraint; it still meets them afterwards.

    The search leaves more ties, near ties and unchanged values than a laboratory would report, and its exchanges
    disturb the order of the latent ``scores``, shape (n,). Refinement brings the values of each group nearer to that
    order, and spreads values that are nearly equal.
    """
    for propose in (_propose_ordering, _propose_spreading):
        for _ in range(_REFINEMENT_ROUNDS):
            for item in rng.permutation(column.cells.size):
                column.try_moves(propose(column, item, scores, rng), rng)


def _propose_ordering(column: Column, item: int, scores: np.ndarray, rng: Generator) -> Moves:
    """Propose an exchange within a group that brings two items nearer to the order of their scores."""
    discordant = (scores - scores[item]) * (column.values - column.values[item]) < 0
    partners = np.flatnonzero(discordant & (column.group == column.group[item]))
    return column.swap_moves(item, partners[rng.integers(partners.size)]) if partners.size else []


def _propose_spreading(column: Column, item: int, scores: np.ndarray, rng: Generator) -> Moves:
    """Propose to move an item that is nearly tied, or unchanged from baseline, between its next distinct neighbours."""
    value = column.values[item]
    near = max(abs(column.to_values(column.cells[item] + 1, item) - value), _NEAR_TIE * np.ptp(column.values))
    distances = np.delete(column.values, item) - value
    if np.abs(distances).min() > near and (column.baseline is None or value != 0.0):
        return []
    # The outermost values stay or move inwards, so that the range of the column does not grow.
    low = column.to_cells(value + max(distances[distances < -near], default=0.0), item)
    high = column.to_cells(value + min(distances[distances > near], default=0.0), item)
    return [(item, rng.integers(low, high + 1))]


def sample_around_knots(n: int, knots: Sequence[float], rng: Generator) -> np.ndarray:
    """Return ``n`` sorted values, shape (n,), with nearly these five knots: minimum, quartiles (type 7) and maximum."""
    low, first, middle, third, high = knots
    levels = (np.arange(n) + rng.uniform(-0.35, 0.35, n)) / max(n - 1, 1)
    levels = np.sort(np.clip(levels, 0, 1))
    levels[0], levels[-1] = 0.0, 1.0
    values = np.interp(levels, [0.25, 0.5, 0.75], [first, middle, third])
    values -= (first - low) * np.maximum(1 - levels / 0.25, 0) ** _TAIL_EXPONENT
    values += (high - third) * np.maximum((levels - 0.75) / 0.25, 0) ** _TAIL_EXPONENT
    for quarter, knot in enumerate(knots[1:4], start=1):
        below, remainder = divmod((n - 1) * quarter, 4)
        values[below] = knot
        if share := remainder / 4:
            room = min(knot - values[below - 1], values[min(below + 2, n - 1)] - knot)
            distance = max(0.0, 0.6 * rng.random() * room)
            values[below : below + 2] = knot - share * distance, knot + (1 - share) * distance
    return np.sort(values)


def assign_by_rank(scores: np.ndarray, values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the ``values`` of each group in the order of its ``scores``; all have shape (n,)."""
    assigned = np.empty_like(values)
    assigned[np.lexsort((scores, groups))] = values[np.lexsort((values, groups))]
    return assigned


def impose_ties(values: np.ndarray, column: Column, largest: int, n_pairs: int, rng: Generator) -> None:
    """Make some of the starting values of a column, percent changes of shape (n,), equal in place.

    The ``largest`` tie consists of compared items without any change, most of them from the group whose reported quartiles
    include zero. Each further pair is within one group, because a tie between groups would make U a half-integer. Pairs
    are in the tails, where no quartile is reported, and get a change that both baselines can represent. UserError if the
    column has no such group, or too few items for the ties.
    """
    base = column.baseline
    compared = next((c.items for c in column.constraints if c.statistic is rank_sum_z), np.array([], int))
    includes_zero = [c.items for c in column.quartiles if c.windows[0][0] <= 0 <= c.windows[0][1]]
    if base is None or not includes_zero or compared.size < largest + 2 * n_pairs + 3:
        raise UserError(f"{column.name}: ties need a reported P, a quartile of 0%, and more participants than are tied")
    zero_group = np.intersect1d(np.concatenate(includes_zero), compared)
    other_group = np.setdiff1d(compared, zero_group)
    n_other = rng.integers(3)  # zeros in the other group
    by_distance = [group[np.argsort(np.abs(values[group]))] for group in (zero_group, other_group)]
    nearest = by_distance[0][: max(largest - n_other, 0)]
    unchanged = np.concatenate([nearest, by_distance[1][: largest - nearest.size]])
    values[unchanged] = 0.0
    untied = np.setdiff1d(compared, unchanged)
    for _ in range(n_pairs):
        tails = untied[np.argsort(-np.abs(values[untied]))][: max(2, untied.size * 2 // 3)]
        pairs = (rng.choice(tails, 2, replace=False) for _ in range(40))
        within = (pair for pair in pairs if len(set(np.isin(pair, zero_group))) == 1)
        pair = min(within, key=lambda pair: abs(np.diff(values[pair])[0]) + 50.0 / math.gcd(*base[pair]))
        steps = math.gcd(*base[pair])  # changes by a multiple of 1 / steps are whole cells for both
        values[pair] = 100.0 * (round(steps * (1 + values[pair[0]] / 100.0)) / steps - 1)
        untied = np.setdiff1d(untied, pair)
