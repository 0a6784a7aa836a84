"""Attainable P-values, bounds of U and definitions of quartiles, against R and exhaustive search."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import stats
from simulated_papers import sample_p

from d_q_trial.consistency import VARIANTS, quartiles
from d_q_trial.consistency.lattice import (
    EXACT,
    NO_TIES,
    Ties,
    attainable_p_values,
    fit_reported_p,
    rank_sum_p,
)
from d_q_trial.consistency.reported import PARTS, ReportedP
from d_q_trial.formatting import round_decimal
from d_q_trial.published_tables import parse_number
from d_q_trial.stats.quantiles import quantile
from d_q_trial.stats.rank_sum import midrank_columns
from d_q_trial.stats.two_sample import get_test

UNTIED = [(1, 1), (1, 4), (3, 2), (3, 3), (3, 5), (4, 4), (6, 4)]
GROUPS = [(2, 1, 1, 1, 1), (2, 2, 2, 1), (3, 1, 2, 1), (1, 4, 1, 1, 1), (3, 3, 2)]  # numbers of equal values


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
def test_p_equals_r(variant, u, n, tie_sum, expected):
    assert rank_sum_p(u, *n, variant, tie_sum) == pytest.approx(expected, rel=1e-12)


def list_u(values, n_first):
    """List U of every arrangement of the values; ties count half."""
    arrangements = itertools.combinations(range(len(values)), n_first)
    splits = [(values[list(first)], np.delete(values, first)) for first in arrangements]
    return [sum((a > b) + (a == b) / 2 for a in first for b in second) for first, second in splits]


def p_by_definition(u, all_u, size, variant):
    """Return P of one U among those of all arrangements, whose variance the approximations use."""
    all_u = np.array(all_u)
    distances, distance = abs(all_u - all_u.mean()), abs(u - all_u.mean())
    if variant.startswith("exact"):
        equal = (abs(distances - distance) < 1e-9).mean()
        return (distances > distance + 1e-9).mean() + equal * (0.5 if variant == "exact_mid_p" else 1)
    z = (max(0, distance - 0.5) if variant.endswith("continuity") else distance) / all_u.std()
    return 2 * (stats.t.sf(z, size - 1) if variant.startswith("t") else stats.norm.sf(z))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("n_first", "groups"), [(n, (1,) * (n + m)) for n, m in UNTIED] + [(n, groups) for n in (2, 3) for groups in GROUPS]
)
def test_p_and_the_lattice_equal_an_enumeration_of_all_arrangements(n_first, groups, variant):
    n_second, tie_sum = sum(groups) - n_first, sum(t**3 - t for t in groups)
    all_u = list_u(np.repeat(range(len(groups)), groups), n_first)
    if not (tie_sum and variant.startswith("exact")):  # with ties, P of the exact test is an approximation
        expected = {u: min(1, p_by_definition(u, all_u, sum(groups), variant)) for u in set(all_u)}
        p_values = {u: rank_sum_p(u, n_first, n_second, variant, tie_sum) for u in expected}
        assert p_values == pytest.approx(expected, rel=1e-12)
    if not tie_sum:
        lattice = attainable_p_values(n_first, n_second, variant)
        assert lattice.u.tolist() == sorted({min(u, n_first * n_second - u) for u in all_u})
        assert lattice.p.tolist() == [rank_sum_p(u, n_first, n_second, variant) for u in lattice.u]


@pytest.mark.parametrize("n", range(2, 9))
def test_exact_p_with_ties_lies_within_its_bounds(n):
    for cuts in itertools.product([False, True], repeat=n - 1):
        values = np.cumsum([0, *cuts])
        tie_sum = sum(t**3 - t for t in np.bincount(values).tolist())
        for n_first in range(1, n):
            sizes = (n_first, n - n_first)
            all_u = list_u(values, n_first)
            for u in set(all_u) if any(cuts) else ():  # a test of equal values has no P
                exact, mid_p = (p_by_definition(u, all_u, n, variant) for variant in EXACT)
                low, high = quartiles.bound_p(u, u, *sizes, "exact", tie_sum)
                assert low - 1e-12 <= exact <= high + 1e-12
                assert quartiles.bound_p(u, u, *sizes, "exact_mid_p", tie_sum)[0] * 0.9 <= mid_p


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("decimals", [1, 15])  # with ties and without
def test_p_of_every_sample_is_attainable(variant, decimals):
    rng = np.random.default_rng(2)
    for _ in range(40):
        sizes = rng.integers(6, 20, 2)
        samples = [np.round(rng.normal(mean, 1, n), decimals) for mean, n in zip((0.4, 0), sizes, strict=True)]
        tie_sum = int(midrank_columns(np.concatenate(samples)[:, None])[1][0])
        ties = Ties(1.0, 6, max(60, tie_sum), max(60, tie_sum)) if tie_sum else NO_TIES
        reported = parse_number(f"{sample_p(*samples, variant):.3f}")
        u = get_test("normal").compare(*samples).u
        fit = fit_reported_p(reported.low, reported.high, *map(int, sizes), variant, ties)
        assert min(u, math.prod(sizes) - u) in fit.u


@pytest.mark.parametrize("variant", VARIANTS)
def test_expected_hits_equal_the_long_run_frequency(variant):
    # Over all digits between 0.3 and 0.7, there are as many hits as lattice values.
    fits = [fit_reported_p(low, low + 0.001, 17, 12, variant) for low in np.arange(0.3005, 0.6995, 0.001).tolist()]
    hits = sum(fit.hits for fit in fits)
    assert hits == pytest.approx(sum(fit.expected for fit in fits), rel=0.05)
    assert 14 <= hits <= 25


def test_two_u_with_p_of_1_under_the_continuity_correction_count_once():
    fit = fit_reported_p(0.9999, 1.0, 5, 5, "normal_continuity", Ties(1.0, 6, 6, 6))
    assert (fit.u, fit.hits) == ((12.0, 12.5), 1)


def summarize(sample, kind=7, half="even", with_range=False):
    values = quantile(sample, np.array([0.25, 0.5, 0.75]), type=kind)
    limits = [f"{limit:.1f}" if with_range else "" for limit in (min(sample), max(sample))]
    return group(limits[0], *(f"{round_decimal(q, 1, half=half):f}" for q in values), limits[1])


def group(*texts):
    return {part: parse_number(text) for part, text in zip(PARTS, texts, strict=True) if text}


def infer_definition(*pairs):
    named = {f"variable {i}": pair for i, pair in enumerate(pairs)}
    p = parse_number("0.5")
    return quartiles.infer_definition([ReportedP(v, "=", p, (30, 30), pair, variable=v) for v, pair in named.items()])


@pytest.mark.parametrize("kind", [2, 7])
@pytest.mark.parametrize("half", ["even", "up"])
def test_the_definition_of_quartiles_is_inferred_from_simulated_whole_numbers(kind, half):
    rng = np.random.default_rng(3)
    pairs = [[summarize(np.round(rng.normal(40, 9, 30)), kind, half) for _ in range(2)] for _ in range(12)]
    decision = infer_definition(*pairs)
    best = decision.definitions[0]
    assert decision.steps == {f"variable {i}": 1.0 for i in range(12)}
    assert best.impossible_digits == 0
    if kind == 7:
        assert (best.type, best.rounding) == (7, f"half {half}")
        assert best.probability > 0.99
    else:  # quartiles of type 2 never fall on a quarter; type 5 puts the quartiles of 30 at the same values
        assert best.type in (2, 5)


def test_whole_scores_with_decimals_do_not_rule_out_types_that_interpolate():
    decision = infer_definition(*[[group("", "4.00", "5.00", "6.00", "")] * 2] * 3)  # most scores tie, without a gap
    assert set(decision.steps.values()) == {1.0}
    assert min(definition.probability for definition in decision.definitions) > 0.001


@given(
    samples=st.tuples(*[st.lists(st.integers(0, 80), min_size=2, max_size=13)] * 2),
    kind=st.sampled_from([2, 5, 6, 7]),
    with_range=st.booleans(),
    variant=st.sampled_from(list(VARIANTS)),
)
@example(samples=([0, 3], [2, 2, 2, 5]), kind=2, with_range=True, variant="exact")  # a larger P than without ties
def test_u_and_p_lie_within_the_bounds_from_quartiles(samples, kind, with_range, variant):
    first, second = (np.array(sample) / 10 for sample in samples)
    u = sum((a > b) + (a == b) / 2 for a in first for b in second)
    groups = [summarize(sample, kind, with_range=with_range) for sample in (first, second)]
    low, high, max_tie_sum = quartiles.bound_u(*groups, first.size, second.size, kind=kind)
    assert low <= u <= high
    assert midrank_columns(np.concatenate([first, second])[:, None])[1][0] <= max_tie_sum
    assume(np.ptp([*first, *second]) > 0)  # a test of equal values has no P
    p_low, p_high = quartiles.bound_p(low, high, first.size, second.size, variant, max_tie_sum)
    assert p_low - 1e-12 <= sample_p(first, second, variant) <= p_high + 1e-12


@given(k=st.tuples(st.integers(1, 4), st.integers(1, 4)), seed=st.integers(0, 10_000))
def test_bounds_are_attained_if_the_quartiles_are_values_of_the_sample(k, seed):
    rng = np.random.default_rng(seed)
    n = [4 * i + 1 for i in k]
    groups = [summarize(rng.normal(rng.normal(), 1, size)) for size in n]
    limits = [quartiles.bound_order_statistics(group, size, 7) for group, size in zip(groups, n, strict=True)]
    # The first sample as low and the second as high as possible, and the reverse.
    for bound, (first, second, nudge) in enumerate(((0, 1, 1e-6), (1, 0, -1e-6))):
        assume(np.abs(np.subtract.outer(limits[0][first], limits[1][second])).min() > 1e-3)  # no limit in common
        x, y = np.clip(limits[0][first] + nudge, -99, 99), np.clip(limits[1][second] - nudge, -99, 99)
        assert [summarize(x), summarize(y)] == groups
        assert sum(a > b for a in x for b in y) == quartiles.bound_u(*groups, *n, kind=7)[bound]


def test_contradictory_quantiles_allow_no_u():
    valid, broken = group("8.0", "9.0", "10.0", "11.0", "12.0"), group("9.5", "9.0", "10.0", "11.0", "12.0")
    assert quartiles.bound_u(broken, valid, 10, 10, kind=7) is None
