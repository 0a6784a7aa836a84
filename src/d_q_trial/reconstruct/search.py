"""Search one column of recorded values that meets its constraints: starting values, simulated annealing, refinement."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..errors import UserError
from .constraints import Constraint, Quantile, RankSum

# A total miss this small is the lattice's: ties are what is left to try.
_NEARLY = 0.08
# Starting temperatures of successive attempts, in units of a constraint's gap, and the final one of all.
_HOT = (0.05, 0.2, 0.6)
_COLD = 0.002
# Values closer than this part of the column's range count as placed beside one another.
_NEAR = 0.002
# Tails of a starting sample bend outwards: most values lie near the quartile, few near the extreme.
_TAIL = 1.7


class UnmetError(UserError):
    """A set of constraints that the search could not meet."""


@dataclass(frozen=True)
class Measure:
    """From recorded whole cells to analysed values: the value itself, or its percent change from a baseline.

    ``decimals`` are those of the recorded value: cell 123 at 2 decimals is 1.23. Changes are quotients of whole
    numbers, so that equal changes are equal floats.
    """

    decimals: int
    baseline: np.ndarray | None = None  # cells, shape (n,)

    def column(self, cells: np.ndarray) -> np.ndarray:
        """Return the analysed values, shape (n,)."""
        if self.baseline is None:
            return cells / 10.0**self.decimals
        return (cells - self.baseline) * 100.0 / self.baseline

    def value(self, item: int, cell: int) -> float:
        """Return the analysed value of one item."""
        if self.baseline is None:
            return cell / 10.0**self.decimals
        return (cell - int(self.baseline[item])) * 100.0 / int(self.baseline[item])

    def cell(self, item: int, value: float) -> int:
        """Return the cell whose analysed value is nearest to ``value``."""
        if self.baseline is None:
            return round(value * 10.0**self.decimals)
        base = int(self.baseline[item])
        return round(base * (1 + value / 100.0))

    def cells(self, values: np.ndarray) -> np.ndarray:
        """Return the nearest cells of a whole column."""
        return np.array([self.cell(item, value) for item, value in enumerate(values)], dtype=np.int64)


@dataclass(frozen=True)
class Problem:
    """One column to find: its measure, its constraints, and how far its values may reach."""

    name: str
    measure: Measure
    constraints: tuple[Constraint, ...]
    group: np.ndarray  # int, shape (n,): items of one group may exchange values
    lowest: np.ndarray  # float, shape (n,)
    highest: np.ndarray
    exchange: bool = False  # whether an exchange within a group can help (constraints on parts of it)
    keep_ties: bool = False  # whether items that start with equal values stay where they are (a printed P needs ties)
    touching: tuple[tuple[int, ...], ...] = field(init=False)
    quartiles: tuple[Quantile, ...] = field(init=False)

    def __post_init__(self):
        touching = [[] for _ in range(self.group.size)]
        for number, constraint in enumerate(self.constraints):
            for item in constraint.items:
                touching[int(item)].append(number)
        object.__setattr__(self, "touching", tuple(map(tuple, touching)))
        quartiles = tuple(c for c in self.constraints if isinstance(c, Quantile) and 0 < c.probability < 1)
        object.__setattr__(self, "quartiles", quartiles)


def unmet(problem: Problem, column: np.ndarray) -> list[str]:
    """Return a line per constraint that ``column`` does not meet: its name and the value reached."""
    return [f"{c.name} (reached {c.value(column):.5g})" for c in problem.constraints if c.gap(column)]


def solve(
    problem: Problem,
    start: Callable[[], np.ndarray],
    rng: np.random.Generator,
    *,
    steps: int = 6000,
    attempts: int = 12,
) -> np.ndarray:
    """Return cells, shape (n,), that meet every constraint of ``problem``.

    Parameters
    ----------
    start : callable
        Gives the analysed values to start from, shape (n,); called anew for every attempt.
    steps, attempts : int
        Proposals of one annealing, and how often to start again.

    Raises
    ------
    UnmetError
        Naming the constraints that the best attempt misses.
    """
    best: tuple[float, list[str]] = (math.inf, [])
    for attempt in range(attempts):
        cells = problem.measure.cells(start())
        loss = _anneal(problem, cells, rng, steps, _HOT[attempt % len(_HOT)])
        if loss == 0.0:
            return cells
        if loss < best[0]:
            best = (loss, unmet(problem, problem.measure.column(cells)))
    raise UnmetError(f"{problem.name}: no values found that meet " + "; ".join(best[1]))


def _anneal(problem: Problem, cells: np.ndarray, rng: np.random.Generator, steps: int, hot: float) -> float:
    """Change ``cells`` in place until all constraints are met or the steps are used up; return the loss."""
    measure, constraints = problem.measure, problem.constraints
    column = measure.column(cells)
    gaps = np.array([constraint.gap(column) for constraint in constraints])
    held = _tied(column) if problem.keep_ties else set()
    for step in range(steps):
        missed = np.flatnonzero(gaps)
        if missed.size == 0:
            return 0.0
        temperature = hot * (_COLD / hot) ** (step / steps)
        focus = constraints[int(missed[int(rng.integers(missed.size))])]
        moves = _propose(problem, cells, column, focus, held, gaps.sum() < _NEARLY, rng)
        if moves is None:
            continue
        old = [(item, int(cells[item]), column[item]) for item, _ in moves]
        touched = problem.touching[moves[0][0]]
        if len(moves) == 2:
            touched = tuple(dict.fromkeys(touched + problem.touching[moves[1][0]]))
        for item, cell in moves:
            cells[item] = cell
            column[item] = measure.value(item, cell)
        fresh = [constraints[number].gap(column) for number in touched]
        worse = sum(fresh) - sum(gaps[number] for number in touched)
        if worse <= 0 or rng.random() < math.exp(-worse / temperature):
            for number, gap in zip(touched, fresh, strict=True):
                gaps[number] = gap
        else:
            for item, cell, value in old:
                cells[item] = cell
                column[item] = value
    return float(gaps.sum())


def _propose(
    problem: Problem, cells, column, focus: Constraint, held: set[int], nearly: bool, rng
) -> list[tuple[int, int]] | None:
    """Propose one or two moves (item, cell) for the constraint in focus; None if out of reach."""
    measure = problem.measure
    item = focus.lever(column, rng) if rng.random() < 0.85 else int(rng.integers(cells.size))
    if item in held:
        return None
    kind = rng.random()
    if problem.exchange and kind < 0.4:
        mates = np.flatnonzero(problem.group == problem.group[item])
        mate = int(mates[int(rng.integers(mates.size))])
        if mate == item or mate in held:
            return None
        return _within(problem, [(item, measure.cell(item, column[mate])), (mate, measure.cell(mate, column[item]))])
    if isinstance(focus, Quantile) and kind > 0.6:
        wanted = focus.aim(column, item, rng)
        return None if wanted is None else _within(problem, [(item, measure.cell(item, wanted))])
    if isinstance(focus, RankSum) and kind > 0.9 and problem.quartiles:
        return _balanced(problem, column, focus, held, rng)
    if kind < 0.65:  # a few steps on the grid
        size = 1 + int(rng.exponential(2.0)) if rng.random() < 0.8 else 1 + int(rng.exponential(20.0))
        return _within(problem, [(item, int(cells[item]) + (size if rng.random() < 0.5 else -size))])
    lattice = nearly and isinstance(focus, RankSum) and measure.baseline is not None
    if measure.baseline is not None and kind > (0.8 if lattice else 0.87):
        # No change at all: the one value that women share easily.
        return _within(problem, [(item, int(measure.baseline[item]))])
    other = int(focus.items[int(rng.integers(focus.items.size))])
    # Beside another item's value or upon it: upon it gives the half-integer U that some printed P ask for.
    return _within(problem, [(item, measure.cell(item, column[other]) + int(rng.integers(-1, 2)))])


def _within(problem: Problem, moves: list[tuple[int, int]]) -> list[tuple[int, int]] | None:
    for item, cell in moves:
        if not problem.lowest[item] <= problem.measure.value(item, cell) <= problem.highest[item]:
            return None
    return moves


def _balanced(problem: Problem, column, focus: Constraint, held: set[int], rng) -> list[tuple[int, int]] | None:
    """Propose to move both items beside a quartile, the one past another item's value, so that the quartile stays."""
    quartile = problem.quartiles[int(rng.integers(len(problem.quartiles)))]
    pair = quartile.pair(column)
    if pair is None or held.intersection(pair[:2]):
        return None
    lower, upper, share = pair
    now = column[lower] + share * (column[upper] - column[lower])
    beside = column[int(focus.items[int(rng.integers(focus.items.size))])]
    if beside > now:
        cell = problem.measure.cell(upper, beside) + int(rng.integers(-1, 2))
        partner = (now - share * problem.measure.value(upper, cell)) / (1 - share)
        return _within(problem, [(upper, cell), (lower, problem.measure.cell(lower, partner))])
    cell = problem.measure.cell(lower, beside) + int(rng.integers(-1, 2))
    partner = (now - (1 - share) * problem.measure.value(lower, cell)) / share
    return _within(problem, [(lower, cell), (upper, problem.measure.cell(upper, partner))])


def _tied(column: np.ndarray) -> set[int]:
    """Return the items whose value another item shares."""
    _, which, counts = np.unique(column, return_inverse=True, return_counts=True)
    return {int(item) for item in np.flatnonzero(counts[which] > 1)}


def refine(
    problem: Problem, cells: np.ndarray, scores: np.ndarray, rng: np.random.Generator, *, rounds: int = 4
) -> np.ndarray:
    """Return cells, shape (n,), that still meet every constraint, in a better order and without artefacts of the search.

    A search that places values upon and beside one another leaves more ties, near ties and unchanged values than a
    laboratory would report, and its exchanges mix up who changes like whom. The constraints ask for neither.

    Parameters
    ----------
    cells : array of int, shape (n,)
        Meet every constraint of ``problem``.
    scores : array of float, shape (n,)
        Within a group of ``problem``, values should ascend with them: a soft goal.
    rounds : int
        How often each item is tried.
    """
    cells = cells.copy()
    column = problem.measure.column(cells)
    for _ in range(rounds):
        for item in rng.permutation(cells.size):
            _exchange(problem, cells, column, scores, int(item), rng)
    for _ in range(rounds):
        for item in rng.permutation(cells.size):
            _loosen(problem, cells, column, int(item), rng)
    return cells


def _exchange(problem: Problem, cells, column, scores, item: int, rng) -> None:
    """Give two items of a group each other's value if that brings both nearer to the order of their scores."""
    mates = np.flatnonzero(
        (problem.group == problem.group[item]) & ((scores - scores[item]) * (column - column[item]) < 0)
    )
    if mates.size:
        mate = int(mates[int(rng.integers(mates.size))])
        cell = problem.measure.cell
        _attempt(problem, cells, column, [(item, cell(item, column[mate])), (mate, cell(mate, column[item]))])


def _loosen(problem: Problem, cells, column, item: int, rng) -> None:
    """Move an item that sits upon or beside another, or on no change, to anywhere between its farther neighbours."""
    measure, own = problem.measure, column[item]
    near = max(abs(measure.value(item, int(cells[item]) + 1) - own), _NEAR * float(np.ptp(column)))
    apart = np.delete(column, item) - own
    if np.abs(apart).min() > near and (measure.baseline is None or own != 0.0):
        return
    # Outermost values stay or move inwards: how far a column reaches is not to change.
    below, above = apart[apart < -near].max(initial=-np.inf), apart[apart > near].min(initial=np.inf)
    low = measure.cell(item, own + (below if np.isfinite(below) else 0.0))
    high = measure.cell(item, own + (above if np.isfinite(above) else 0.0))
    _attempt(problem, cells, column, [(item, int(rng.integers(low, high + 1)))])


def _attempt(problem: Problem, cells, column, moves: list[tuple[int, int]]) -> None:
    """Make the moves (item, cell) in place if the values stay within reach and every constraint stays met."""
    before = [(item, int(cells[item]), column[item]) for item, _ in moves]
    for item, cell in moves:
        cells[item], column[item] = cell, problem.measure.value(item, cell)
    touched = {number for item, _ in moves for number in problem.touching[item]}
    if all(problem.lowest[item] <= column[item] <= problem.highest[item] for item, _ in moves) and not any(
        problem.constraints[number].gap(column) for number in touched
    ):
        return
    for item, cell, value in before:
        cells[item], column[item] = cell, value


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
