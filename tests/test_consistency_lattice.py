"""Attainable P-values, bounds of U and definitions of quartiles, against R and against trying everything."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from simulated_papers import sample_p

from d_q_trial.consistency import VARIANTS, quartiles
from d_q_trial.consistency.lattice import Ties, attainable_p_values, fit_reported_p, rank_sum_p
from d_q_trial.consistency.reported import PARTS, ReportedP
from d_q_trial.formatting import round_decimal
from d_q_trial.published_tables import parse_number
from d_q_trial.stats.quantiles import quantile
from d_q_trial.stats.rank_sum import midrank_columns
from d_q_trial.stats.two_sample import get_test


@pytest.mark.parametrize(
    ("variant", "u", "n", "tie_sum", "expected"),
    [
        # R, coin: wilcox_test(distribution = "exact"), pvalue and midpvalue, x = 1 3 6 8 9, y = 2 4 5 7 10 11, U = 12.
        ("exact", 12, (5, 6), 0, 0.662337662337662),
        ("exact_mid_p", 12, (5, 6), 0, 0.599567099567100),
        ("normal_continuity", 12, (5, 6), 0, 0.648076868139146),  # R: wilcox.test(exact = FALSE)
        # tests/oracle/consistency.R, t_approximation(x, y, corrected), x = 1 2 2 3 5 8 8 9, y = 2 4 5 5 6 7 8 10 11
        ("t_continuity", 25, (8, 9), 72, 0.323882817227687),
        ("t", 25, (8, 9), 72, 0.30209466619456),
    ],
)
def test_p_equals_that_of_r(variant, u, n, tie_sum, expected):
    assert rank_sum_p(u, *n, variant, tie_sum) == pytest.approx(expected, rel=1e-12)


def all_u(values, n_first):
    """U of every arrangement of the values, ties counting half."""
    found = []
    for chosen in itertools.combinations(range(len(values)), n_first):
        rest = [values[i] for i in range(len(values)) if i not in chosen]
        found.append(sum((values[i] > other) + (values[i] == other) / 2 for i in chosen for other in rest))
    return found


def p_by_definition(u, every, size, variant):
    """P of one U among those of all arrangements; the variance of the approximations is that of the arrangements."""
    every = np.array(every)
    away, distance = abs(every - every.mean()), abs(u - every.mean())
    if variant.startswith("exact"):
        equal = (abs(away - distance) < 1e-9).mean()
        return (away > distance + 1e-9).mean() + equal * (0.5 if variant == "exact_mid_p" else 1)
    z = (max(0, distance - 0.5) if variant.endswith("continuity") else distance) / every.std()
    return 2 * (stats.t.sf(z, size - 1) if variant.startswith("t") else stats.norm.sf(z))


UNTIED = [(1, 1), (1, 4), (3, 2), (3, 3), (3, 5), (4, 4), (6, 4)]
GROUPS = [(2, 1, 1, 1, 1), (2, 2, 2, 1), (3, 1, 2, 1), (1, 4, 1, 1, 1), (3, 3, 2)]  # of equal values


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("n_first", "groups"), [(n, (1,) * (n + m)) for n, m in UNTIED] + [(n, groups) for n in (2, 3) for groups in GROUPS]
)
def test_p_is_that_among_all_arrangements_and_the_lattice_holds_all_of_them(n_first, groups, variant):
    n_second, tie_sum = sum(groups) - n_first, sum(t**3 - t for t in groups)
    every = all_u(np.repeat(range(len(groups)), groups), n_first)
    if not (tie_sum and variant.startswith("exact")):  # P of which is an approximation with ties
        expected = {u: min(1, p_by_definition(u, every, sum(groups), variant)) for u in set(every)}
        found = {u: rank_sum_p(u, n_first, n_second, variant, tie_sum) for u in expected}
        assert found == pytest.approx(expected, rel=1e-12)
    if not tie_sum:
        grid = attainable_p_values(n_first, n_second, variant)
        assert grid.u.tolist() == sorted({min(u, n_first * n_second - u) for u in every})
        assert grid.p.tolist() == [rank_sum_p(u, n_first, n_second, variant) for u in grid.u]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("decimals", [1, None])
def test_p_of_every_sample_is_attainable(variant, decimals):
    rng = np.random.default_rng(2)
    for _ in range(40):
        sizes = rng.integers(6, 20, 2)
        samples = [rng.normal(mean, 1, n) for mean, n in zip((0.4, 0), sizes, strict=True)]
        if decimals is not None:
            samples = [np.round(sample, decimals) for sample in samples]
        tie_sum = int(midrank_columns(np.concatenate(samples)[:, None])[1][0])
        reported = parse_number(f"{sample_p(*samples, variant):.3f}")
        ties = Ties(1.0, 6, max(60, tie_sum), max(60, tie_sum))
        args = (reported.low, reported.high, *map(int, sizes), variant)
        found = fit_reported_p(*args, ties) if tie_sum else fit_reported_p(*args)
        u = get_test("normal").compare(*samples).u
        assert min(u, math.prod(sizes) - u) in found.u


@pytest.mark.parametrize("variant", VARIANTS)
def test_expected_hits_are_the_long_run_share(variant):
    # Every digit between 0.3 and 0.7: as many hits in all as lattice values there.
    fits = [fit_reported_p(low, low + 0.001, 17, 12, variant) for low in np.arange(0.3005, 0.6995, 0.001).tolist()]
    found = sum(one.hits for one in fits)
    assert found == pytest.approx(sum(one.expected for one in fits), rel=0.05)
    assert 14 <= found <= 25


def test_the_two_middle_values_under_correction_count_once():
    # U = 12 and 12.5 both give 1 with the correction: one attainable value, not two.
    found = fit_reported_p(0.9999, 1.0, 5, 5, "normal_continuity", Ties(1.0, 6, 6, 6))
    assert found.u == (12.0, 12.5)
    assert found.hits == 1


def summary(sample, kind=7, half="even", with_range=False):
    quartiles = [
        f"{round_decimal(q, 1, half=half):f}" for q in quantile(sample, np.array([0.25, 0.5, 0.75]), type=kind)
    ]
    return group(f"{min(sample):.1f}", *quartiles, f"{max(sample):.1f}") if with_range else group("", *quartiles, "")


def group(*texts):
    return {part: parse_number(text) for part, text in zip(PARTS, texts, strict=True) if text}


def decide(*pairs):
    p_values = [
        ReportedP(f"variable {i}", "=", parse_number("0.5"), (30, 30), groups, variable=f"variable {i}")
        for i, groups in enumerate(pairs)
    ]
    return quartiles.infer_definition(p_values)


@pytest.mark.parametrize("kind", [2, 7])
@pytest.mark.parametrize("half", ["even", "up"])
def test_the_definition_of_quartiles_is_found_from_simulated_whole_numbers(kind, half):
    rng = np.random.default_rng(3)
    decision = decide(*[[summary(np.round(rng.normal(40, 9, 30)), kind, half) for _ in range(2)] for _ in range(12)])
    best = decision.definitions[0]
    assert decision.steps == {f"variable {i}": 1.0 for i in range(12)}
    assert best.impossible_digits == 0
    if kind == 7:
        assert (best.type, best.rounding) == (7, f"half {half}")
        assert best.probability > 0.99
    else:  # quartiles of type 2 never fall on a quarter; type 5 puts the quartiles of 30 at the same values
        assert best.type in (2, 5)


def test_a_score_reported_with_decimals_does_not_rule_out_types_that_interpolate():
    decision = decide(*[[group("", "4.00", "5.00", "6.00", "")] * 2] * 3)  # most scores tie, without a gap
    assert set(decision.steps.values()) == {1.0}
    assert min(definition.probability for definition in decision.definitions) > 0.001


@given(
    samples=st.tuples(*[st.lists(st.integers(0, 80), min_size=2, max_size=13)] * 2),
    kind=st.sampled_from([2, 5, 6, 7]),
    with_range=st.booleans(),
    variant=st.sampled_from(list(VARIANTS)),
)
def test_u_and_p_of_any_samples_lie_within_the_bounds_of_their_quartiles(samples, kind, with_range, variant):
    first, second = (np.array(sample) / 10 for sample in samples)
    u = sum((a > b) + (a == b) / 2 for a in first for b in second)
    groups = [summary(sample, kind, with_range=with_range) for sample in (first, second)]
    low, high, most = quartiles.bound_u(*groups, first.size, second.size, kind=kind)
    tie_sum = int(midrank_columns(np.concatenate([first, second])[:, None])[1][0])
    assert low <= u <= high
    assert tie_sum <= most
    assume(np.ptp([*first, *second]) > 0)  # a test of equal values has no P
    p_low, p_high = quartiles.bound_p(low, high, first.size, second.size, variant, most)
    assert p_low - 1e-12 <= sample_p(first, second, variant) <= p_high + 1e-12


@given(k=st.tuples(st.integers(1, 4), st.integers(1, 4)), seed=st.integers(0, 10_000))
def test_bounds_are_attained_where_quartiles_are_values(k, seed):
    rng = np.random.default_rng(seed)
    n = [4 * i + 1 for i in k]
    groups = [summary(rng.normal(rng.normal(), 1, size)) for size in n]
    edges = [quartiles.bound_order_statistics(group, size, 7) for group, size in zip(groups, n, strict=True)]
    # The first as low and the second as high as can be, and the reverse.
    for bound, (first, second) in enumerate(((0, 1), (1, 0))):
        assume(np.abs(np.subtract.outer(edges[0][first], edges[1][second])).min() > 1e-3)  # no edge in common
        nudge = 1e-6 if first == 0 else -1e-6
        x, y = np.clip(edges[0][first] + nudge, -99, 99), np.clip(edges[1][second] - nudge, -99, 99)
        assert [summary(x), summary(y)] == groups
        assert sum(a > b for a in x for b in y) == quartiles.bound_u(*groups, *n, kind=7)[bound]


def test_contradictory_quantiles_leave_no_u():
    whole, broken = group("8.0", "9.0", "10.0", "11.0", "12.0"), group("9.5", "9.0", "10.0", "11.0", "12.0")
    assert quartiles.bound_u(broken, whole, 10, 10, kind=7) is None
