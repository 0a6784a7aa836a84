"""Search one column of recorded values that meets its constraints: starting values, simulated annealing, refinement."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from .constraints import Constraint, Quantile, rank_sum_z
from .design import Ties

# A total miss this small is the lattice's: ties are what is left to try.
_NEARLY = 0.08
# Starting temperatures of successive attempts, in units of a constraint's gap, and the final one of all.
_HOT = (0.05, 0.2, 0.6)
_COLD = 0.002
# Values closer than this part of the column's range count as placed beside one another.
_NEAR = 0.002
# Tails of a starting sample bend outwards: most values lie near the quartile, few near the extreme.
_TAIL = 1.7

_ROUNDS = 4  # in which every item is tried, to bring a column into a better order

Moves = list[tuple[int, int]]  # item, new cell


@dataclass
class Column:
    """A column to find: recorded whole cells, their analysed values, and the gaps of the constraints on them.

    The analysed value is the recorded one or, with a ``baseline`` (cells, shape (n,)), the percent change from it: a
    quotient of whole numbers, so that equal changes are equal floats. ``decimals`` are those of the recorded value: cell
    123 at 2 decimals is 1.23. Values stay between ``lowest`` and ``highest``, shape (n,); items of one ``group`` (int,
    shape (n,)) may exchange them. With ``keep_ties``, items that start with equal values
    stay where they are, because a reported P needs them.
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
        members = [set(constraint.items) for constraint in self.constraints]
        groups = [set(np.flatnonzero(self.group == number)) for number in np.unique(self.group)]
        # Exchanging values within a group helps only where a constraint is on part of the group.
        partial = any(0 < len(group & items) < len(group) for group in groups for items in members)
        self.exchange = partial and self.baseline is not None
        self.touching = [[n for n, items in enumerate(members) if item in items] for item in range(self.group.size)]
        self.quartiles = [c for c in self.constraints if isinstance(c, Quantile) and 0 < c.probability < 1]
        self.fill(np.zeros(self.group.size, dtype=int))

    def fill(self, cells: np.ndarray) -> None:
        """Set all cells."""
        self.cells, self.values = cells, self.values_of(cells)
        self.gaps = np.array([constraint.gap(self.values) for constraint in self.constraints])

    def values_of(self, cells, items=slice(None)):
        """Return the analysed values of cells of all items, or of some."""
        if self.baseline is None:
            return cells / 10.0**self.decimals
        return (cells - self.baseline[items]) * 100.0 / self.baseline[items]

    def cells_of(self, values, items=slice(None)):
        """Return the cells whose analysed values are nearest."""
        scaled = 10.0**self.decimals * values if self.baseline is None else self.baseline[items] * (1 + values / 100.0)
        return np.rint(scaled).astype(int)

    def attempt(self, moves: Moves, rng: np.random.Generator, temperature: float = 0.0) -> None:
        """Make moves if values stay within reach and the gaps do not grow; at a temperature, some that do are made."""
        items = [item for item, _ in moves]
        values = [self.values_of(cell, item) for item, cell in moves]
        if not all(self.lowest[i] <= value <= self.highest[i] for i, value in zip(items, values, strict=True)):
            return
        before = self.cells[items], self.values[items]
        self.cells[items], self.values[items] = [cell for _, cell in moves], values
        touched = list(dict.fromkeys(number for item in items for number in self.touching[item]))
        gaps = [self.constraints[number].gap(self.values) for number in touched]
        worse = sum(gaps) - sum(self.gaps[number] for number in touched)
        if worse <= 0 or (temperature and rng.random() < math.exp(-worse / temperature)):
            self.gaps[touched] = gaps
        else:
            self.cells[items], self.values[items] = before

    def swap(self, item: int, mate: int) -> Moves:
        """Return the moves that give two items each other's value."""
        return [(item, self.cells_of(self.values[mate], item)), (mate, self.cells_of(self.values[item], mate))]


def solve(
    column: Column, start: Callable[[], np.ndarray], rng: np.random.Generator, *, steps: int = 6000, attempts: int = 12
) -> None:
    """Fill a column with cells that meet every constraint.

    ``start`` gives the analysed values to start from, shape (n,), anew for each of the ``attempts``, which make so many
    ``steps``. UserError names the constraints that the best attempt misses, and the values reached.
    """
    best, missed = math.inf, [""]
    for attempt in range(attempts):
        column.fill(column.cells_of(start()))
        _anneal(column, rng, steps, _HOT[attempt % len(_HOT)])
        if not column.gaps.any():
            return
        if column.gaps.sum() < best:
            best = column.gaps.sum()
            missed = [
                f"{c.name} (reached {c.value(column.values):.5g})" for c in column.constraints if c.gap(column.values)
            ]
    raise UserError(f"{column.name}: no values found that meet " + "; ".join(missed))


def _anneal(column: Column, rng: np.random.Generator, steps: int, hot: float) -> None:
    """Change a column until all constraints are met or the steps are used up."""
    held = set()
    if column.keep_ties:
        _, which, counts = np.unique(column.values, return_inverse=True, return_counts=True)
        held = set(np.flatnonzero(counts[which] > 1))
    for step in range(steps):
        missed = np.flatnonzero(column.gaps)
        if missed.size == 0:
            return
        focus = column.constraints[missed[rng.integers(missed.size)]]
        moves = _propose(column, focus, held, rng)
        if moves:
            column.attempt(moves, rng, hot * (_COLD / hot) ** (step / steps))


def _propose(column: Column, focus: Constraint, held: set[int], rng: np.random.Generator) -> Moves:
    """Propose one or two moves for the constraint in focus, or none."""
    values, baseline, of_ranks = column.values, column.baseline, focus.statistic is rank_sum_z
    item = focus.lever(values, rng) if rng.random() < 0.85 else rng.integers(values.size)
    if item in held:
        return []
    kind = rng.random()
    if column.exchange and kind < 0.4:
        mates = np.flatnonzero(column.group == column.group[item])
        mate = mates[rng.integers(mates.size)]
        return [] if mate == item or mate in held else column.swap(item, mate)
    if isinstance(focus, Quantile) and kind > 0.6:
        wanted = focus.aim(values, item, rng)
        return [] if wanted is None else [(item, column.cells_of(wanted, item))]
    if of_ranks and kind > 0.9 and column.quartiles:
        return _balanced(column, focus, held, rng)
    if kind < 0.65:  # a few steps on the grid
        size = 1 + int(rng.exponential(2.0)) if rng.random() < 0.8 else 1 + int(rng.exponential(20.0))
        return [(item, column.cells[item] + (size if rng.random() < 0.5 else -size))]
    nearly = of_ranks and column.gaps.sum() < _NEARLY
    if baseline is not None and kind > (0.8 if nearly else 0.87):
        return [(item, baseline[item])]  # no change at all: the one value that participants share easily
    other = focus.items[rng.integers(focus.items.size)]
    # Beside another item's value or upon it: upon it gives the half-integer U that some reported P ask for.
    return [(item, column.cells_of(values[other], item) + rng.integers(-1, 2))]


def _balanced(column: Column, focus: Constraint, held: set[int], rng: np.random.Generator) -> Moves:
    """Propose to move both items beside a quartile, the one past another item's value, so that the quartile stays."""
    values = column.values
    lower, upper, share = column.quartiles[rng.integers(len(column.quartiles))].around(values)
    if not share or held & {lower, upper}:
        return []
    now = values[lower] + share * (values[upper] - values[lower])
    beside = values[focus.items[rng.integers(focus.items.size)]]
    item, partner, weight = (upper, lower, share) if beside > now else (lower, upper, 1 - share)
    cell = column.cells_of(beside, item) + rng.integers(-1, 2)
    rest = (now - weight * column.values_of(cell, item)) / (1 - weight)
    return [(item, cell), (partner, column.cells_of(rest, partner))]


def refine(column: Column, scores: np.ndarray, rng: np.random.Generator) -> None:
    """Bring a column that meets every constraint into a better order, without artefacts of the search.

    A search that places values upon and beside one another leaves more ties, near ties and unchanged values than a
    laboratory would report, and its exchanges mix up who changes like whom. The constraints ask for neither. Within a
    group of the column, values should ascend with the ``scores``, shape (n,): a soft goal.
    """
    for proposed in (_ordering, _loosening):
        for _ in range(_ROUNDS):
            for item in rng.permutation(column.cells.size):
                moves = proposed(column, item, scores, rng)
                if moves:
                    column.attempt(moves, rng)


def _ordering(column: Column, item: int, scores: np.ndarray, rng: np.random.Generator) -> Moves:
    """Propose an exchange within a group that brings two items nearer to the order of their scores."""
    wrong = (scores - scores[item]) * (column.values - column.values[item]) < 0
    mates = np.flatnonzero(wrong & (column.group == column.group[item]))
    return column.swap(item, mates[rng.integers(mates.size)]) if mates.size else []


def _loosening(column: Column, item: int, scores: np.ndarray, rng: np.random.Generator) -> Moves:
    """Propose to move an item that lies upon or beside another, or on no change, between its farther neighbours."""
    own = column.values[item]
    near = max(abs(column.values_of(column.cells[item] + 1, item) - own), _NEAR * np.ptp(column.values))
    apart = np.delete(column.values, item) - own
    if np.abs(apart).min() > near and (column.baseline is None or own != 0.0):
        return []
    # Outermost values stay or move inwards: how far a column reaches is not to change.
    below, above = apart[apart < -near].max(initial=-np.inf), apart[apart > near].min(initial=np.inf)
    low, high = (column.cells_of(own + (by if np.isfinite(by) else 0.0), item) for by in (below, above))
    return [(item, rng.integers(low, high + 1))]


def sample_around_knots(n: int, knots: Sequence[float], rng: np.random.Generator) -> np.ndarray:
    """Return ``n`` sorted values, shape (n,), near five knots: minimum, quartiles (type 7) and maximum."""
    low, first, middle, third, high = knots
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


def assign_by_rank(scores: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Give the sorted ``values`` to items by the rank of their ``scores``; both of shape (n,)."""
    placed = np.empty_like(values)
    placed[np.argsort(scores, kind="stable")] = np.sort(values)
    return placed


def impose_ties(
    values: np.ndarray, constraints: Sequence[Constraint], base: np.ndarray, ties: Ties, rng: np.random.Generator
) -> None:
    """Make some percent changes, shape (n,), equal in place; ``base`` holds the baselines in whole cells, shape (n,).

    A run of items of the contrast gets no change at all, most of them of the group whose reported quartiles include zero.
    Pairs of one group (a tie across the groups would make U a half-integer) in the tails, where no reported quartile
    lies, get a change that both baselines can carry.
    """
    tied = next(c.items for c in constraints if c.statistic is rank_sum_z)
    about_zero = [c.items for c in constraints if isinstance(c, Quantile) and c.windows[0][0] <= 0 <= c.windows[0][1]]
    near_zero = np.intersect1d(np.concatenate(about_zero), tied)
    others = np.setdiff1d(tied, near_zero)
    elsewhere = rng.integers(3)  # zeros in the other group
    chosen = near_zero[np.argsort(np.abs(values[near_zero]))][: ties.run - elsewhere]
    nearest = others[np.argsort(np.abs(values[others]))][: ties.run - chosen.size]
    zero = np.concatenate([chosen, nearest])
    values[zero] = 0.0
    free = np.setdiff1d(np.concatenate([near_zero, others]), zero)

    def distance(pair: np.ndarray) -> float:
        return abs(values[pair[0]] - values[pair[1]]) + 50.0 / math.gcd(*base[pair])

    for _ in range(ties.pairs):
        outer = free[np.argsort(-np.abs(values[free]))][: max(2, free.size * 2 // 3)]
        tries = [rng.choice(outer, 2, replace=False) for _ in range(40)]
        pair = min((pair for pair in tries if len(set(np.isin(pair, near_zero))) == 1), key=distance)
        parts = math.gcd(*base[pair])
        values[pair] = 100.0 * (round(parts * (1 + values[pair[0]] / 100.0)) / parts - 1)
        free = np.setdiff1d(free, pair)


def swap_until(
    miss: Callable[[], float], propose: Callable[[], tuple[np.ndarray, Sequence[int]]], attempts: int
) -> bool:
    """Exchange two entries of an array, as proposed, wherever ``miss`` does not grow; return whether it reached 0."""
    now = miss()
    for _ in range(attempts):
        if not now:
            return True
        column, pair = propose()
        pair = np.asarray(pair)
        column[pair] = column[pair[::-1]]
        fresh = miss()
        if fresh > now:
            column[pair] = column[pair[::-1]]
        else:
            now = fresh
    return False
