"""After the search: bring values into the wanted order and wipe out its traces, while every constraint stays met.

A search that places values upon and beside one another leaves more ties, near ties and unchanged values than a laboratory
would report, and its exchanges mix up who changes like whom. Neither is asked for by the constraints.
"""

from __future__ import annotations

import numpy as np

from .search import Problem

# Values closer than this part of the column's range count as placed beside one another.
_NEAR = 0.002


def settle(
    problem: Problem, cells: np.ndarray, scores: np.ndarray, rng: np.random.Generator, *, rounds: int = 4
) -> np.ndarray:
    """Return cells, shape (n,), that meet the constraints as the given ones do, ordered better and free of traces.

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
