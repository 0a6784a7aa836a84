"""What is done to a found column: order and traces of the search, while the constraints stay met."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from d_q_trial.reconstruct.constraints import Quantile, RankSum, printed_window, z_windows
from d_q_trial.reconstruct.search import Measure, Problem, refine, solve, tie_changes

FIRST, SECOND = np.arange(15), np.arange(15, 30)


def constraints():
    return (
        Quantile("q1", FIRST, 0.25, *printed_window("20.0"), 10),
        Quantile("median", SECOND, 0.5, *printed_window("37.4"), 10),
        RankSum("P", FIRST, SECOND, tuple(z_windows("0.044", "="))),
    )


def found(seed, decimals=2):
    """A problem of two groups with a column that solves it."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1], 15)
    problem = Problem("made up", Measure(decimals), constraints(), group, np.full(30, 1.0), np.full(30, 90.0))
    return problem, solve(problem, lambda: rng.uniform(5, 60, 30), rng), rng


@settings(max_examples=15)
@given(st.integers(0, 10_000))
def test_settling_breaks_no_constraint_and_reaches_no_farther_than_the_search(seed):
    problem, cells, rng = found(seed)
    settled = problem.measure.column(refine(problem, cells, rng.standard_normal(30), rng))
    before = problem.measure.column(cells)
    assert [constraint.name for constraint in problem.constraints if constraint.gap(settled)] == []
    assert settled.min() >= before.min()
    assert settled.max() <= before.max()


def test_settling_brings_the_groups_into_the_order_of_the_scores():
    problem, cells, rng = found(3)
    scores = rng.standard_normal(30)
    settled = refine(problem, cells, scores, rng, rounds=20)
    for members in (FIRST, SECOND):
        before, after = (stats.spearmanr(scores[members], column[members]).statistic for column in (cells, settled))
        assert after > 0.9 > before


def test_settling_parts_values_that_the_search_put_upon_or_beside_another():
    problem, cells, rng = found(4)
    crowded = np.argsort(cells)[8:11]
    cells[crowded] = cells[crowded[0]] + np.arange(3)
    column = problem.measure.column(cells)
    assert not any(constraint.gap(column) for constraint in problem.constraints), (
        "the example itself must be a solution"
    )
    settled = np.sort(refine(problem, cells, np.zeros(30), rng))
    assert np.diff(np.sort(cells)).min() <= 1 < np.diff(settled).min()


def test_settling_leaves_few_women_without_any_change():
    rng = np.random.default_rng(5)
    base = rng.integers(2000, 6000, 30)
    cells = base + np.round(base * rng.uniform(-0.3, 0.4, 30)).astype(int)
    cells[:8] = base[:8]
    measure = Measure(1, base)
    problem = Problem("made up", measure, (), np.zeros(30, int), np.full(30, -90.0), np.full(30, 90.0))
    assert (refine(problem, cells, np.zeros(30), rng) == base).sum() <= 1


def test_settling_keeps_the_ties_that_a_printed_p_needs():
    # 0.435 of 10 against 11 exists with five equal values and a pair only.
    base = np.full(21, 1000)
    first, second = np.arange(10), np.arange(10, 21)
    p = RankSum("P", first, second, tuple(z_windows("0.435", "=")))
    problem = Problem(
        "made up", Measure(0, base), (p,), np.repeat([0, 1], [10, 11]), np.full(21, -90.0), np.full(21, 90.0),
        keep_ties=True,
    )  # fmt: skip
    rng = np.random.default_rng(6)

    def start():
        values = rng.uniform(-40, 45, 21)
        tie_changes(values, second, first, base, p.ties_needed(), rng)
        return values

    cells = solve(problem, start, rng, steps=2500, attempts=80)
    settled = refine(problem, cells, rng.standard_normal(21), rng)
    assert p.gap(problem.measure.column(settled)) == 0
    _, counts = np.unique(settled, return_counts=True)
    assert sorted(counts[counts > 1]) == [2, 5]


@pytest.mark.parametrize("low", [10.0, 30.0])
def test_settling_exchanges_nothing_beyond_a_womans_own_reach(low):
    cells = np.array([100, 900, 500, 300])
    lowest = np.array([1.0, low, 1.0, 1.0])
    problem = Problem("made up", Measure(1), (), np.zeros(4, int), lowest, np.full(4, 99.0))
    settled = refine(problem, cells, np.array([3.0, 0.0, 2.0, 1.0]), np.random.default_rng(7), rounds=30)
    assert (problem.measure.column(settled) >= lowest).all()
    assert settled[1] == min(cell for cell in cells if cell / 10 >= low)
