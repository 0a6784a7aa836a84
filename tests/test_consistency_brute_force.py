"""Lattices and envelopes against trying everything: all arrangements of small samples, with and without ties."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from d_q_trial.consistency import quartiles
from d_q_trial.consistency.lattice import VARIANTS, lattice, p_value
from d_q_trial.consistency.reported import Group
from d_q_trial.published_tables import number
from d_q_trial.stats.quantiles import quantile

SIZES = [(1, 1), (1, 4), (2, 3), (3, 3), (3, 5), (4, 4), (4, 6)]


def all_u(values, n_first):
    """U of every way to deal the values, ties counting half."""
    found = []
    for chosen in itertools.combinations(range(len(values)), n_first):
        rest = [values[i] for i in range(len(values)) if i not in chosen]
        found.append(sum((values[i] > other) + (values[i] == other) / 2 for i in chosen for other in rest))
    return found


def p_by_definition(u, every, size, variant):
    """P of one U among those of all arrangements; the variance of the approximations is that of the arrangements."""
    every = np.array(every)
    mean, distance = every.mean(), abs(u - every.mean())
    if variant.startswith("exact"):
        farther, equal = (
            (abs(every - mean) > distance + 1e-9).mean(),
            (abs(abs(every - mean) - distance) < 1e-9).mean(),
        )
        return farther + equal * (0.5 if variant == "exact_mid_p" else 1)
    corrected = max(0, distance - 0.5) if variant.endswith("continuity") else distance
    z = corrected / every.std()
    return 2 * (stats.t.sf(z, size - 1) if variant.startswith("t") else stats.norm.sf(z))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("sizes", SIZES)
def test_lattice_is_that_of_all_arrangements(sizes, variant):
    every = all_u(range(sum(sizes)), sizes[0])
    lower = sorted({min(u, math.prod(sizes) - u) for u in every})
    grid = lattice(*sizes, variant)
    assert grid.u.tolist() == lower
    expected = [p_by_definition(u, every, sum(sizes), variant) for u in lower]
    np.testing.assert_allclose(grid.p, np.minimum(1, expected), rtol=1e-12)


@pytest.mark.parametrize("variant", ["normal", "normal_continuity", "t", "t_continuity"])
@pytest.mark.parametrize("groups", [(2, 1, 1, 1, 1), (2, 2, 2, 1), (3, 1, 2, 1), (1, 4, 1, 1, 1), (3, 3, 2)])
def test_tied_p_has_the_variance_of_all_arrangements(groups, variant):
    values = [rank for rank, count in enumerate(groups) for _ in range(count)]
    tie_sum = sum(t**3 - t for t in groups)
    for n_first in (2, 3):
        every = all_u(values, n_first)
        for u in set(every):
            expected = p_by_definition(u, every, len(values), variant)
            assert p_value(u, n_first, len(values) - n_first, variant, tie_sum) == pytest.approx(expected, rel=1e-12)


def summary(sample, kind=7):
    q1, median, q3 = (number(f"{q:.1f}") for q in quantile(sample, np.array([0.25, 0.5, 0.75]), type=kind))
    return Group(median, q1, q3)


@given(
    samples=st.tuples(*[st.lists(st.integers(0, 80), min_size=2, max_size=13)] * 2),
    kind=st.sampled_from([2, 5, 6, 7]),
)
def test_u_of_any_samples_lies_within_the_bounds_of_their_quartiles(samples, kind):
    first, second = (np.array(sample) / 10 for sample in samples)
    u = sum((a > b) + (a == b) / 2 for a in first for b in second)
    low, high = quartiles.u_range(summary(first, kind), summary(second, kind), first.size, second.size, kind=kind)
    assert low <= u <= high


@given(k=st.tuples(st.integers(1, 4), st.integers(1, 4)), seed=st.integers(0, 10_000))
def test_bounds_are_attained_where_quartiles_are_values(k, seed):
    rng = np.random.default_rng(seed)
    n = [4 * i + 1 for i in k]
    groups = [summary(rng.normal(rng.normal(), 1, size)) for size in n]
    edges = [quartiles.order_bounds(group, size, 7) for group, size in zip(groups, n, strict=True)]
    for bound, (first, second) in enumerate(
        ((0, 1), (1, 0))
    ):  # the first as low and the second as high, or the reverse
        assume(np.abs(np.subtract.outer(edges[0][first], edges[1][second])).min() > 1e-3)  # no edge in common
        nudge = 1e-6 if first == 0 else -1e-6
        x, y = np.clip(edges[0][first] + nudge, -99, 99), np.clip(edges[1][second] - nudge, -99, 99)
        assert [values(summary(x)), values(summary(y))] == [values(group) for group in groups]
        assert sum(a > b for a in x for b in y) == quartiles.u_range(*groups, *n, kind=7)[bound]


def values(group):
    return group.q1.value, group.median.value, group.q3.value


def test_bounds_of_small_samples_are_those_of_trying_all():
    # All pairs of samples of five values from 0 to 5, by what their quartiles print; a value on the same side of a printed
    # quartile may lie anywhere, so that ties between the groups are broken both ways by a tenth.
    samples = list(itertools.combinations_with_replacement(range(6), 5))
    by_print = {}
    for sample in samples:
        by_print.setdefault((sample[1], sample[2], sample[3]), []).append(sample)
    counts = Counter(len(group) for group in by_print.values())
    assert sum(counts.values()) == 56
    for first, second in itertools.islice(itertools.product(by_print, by_print), 0, None, 7):
        us = [
            (sum(a > b for a in x for b in y), sum(a >= b for a in x for b in y))
            for x in by_print[first]
            for y in by_print[second]
        ]
        groups = [Group(number(f"{m}.0"), number(f"{q1}.0"), number(f"{q3}.0")) for q1, m, q3 in (first, second)]
        low, high = quartiles.u_range(*groups, 5, 5, kind=7)
        assert low <= min(u for u, _ in us)
        assert high >= max(u for _, u in us)
