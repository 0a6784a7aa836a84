"""Conventions on arguments, estimates by Student's t, and the difference of treatment effects between strata."""

import math
import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle_values import read_columns, read_values
from scipy import stats

from d_q_trial.stats.ancova import ancova
from d_q_trial.stats.categorical import spearman
from d_q_trial.stats.checks import as_finite, check_proportion, drop_missing, is_significant
from d_q_trial.stats.estimate import (
    effect_difference,
    mann_whitney_effect,
    mean_difference,
    permuted_strata_p,
    t_estimate,
)
from d_q_trial.stats.maximally_selected import best_cut_bootstrap, best_split
from d_q_trial.stats.permutation import Design
from d_q_trial.stats.quantiles import quantile

samples = st.lists(st.integers(-6, 6).map(float), min_size=2, max_size=8)
NONE = [math.nan] * 6
R = read_values("sensitivity")
PLAIN, INFINITE, ARMS = [1.0, 2, 3, 4], [1, math.inf, 3, 4], [True, False, True, False]
SEARCH = {"above": True, "at_cut_upper": True, "minimum_per_arm": 1, "resamples": 2, "seed": 1}
HALF = 0.5 * stats.t.ppf(0.95, 10)


@pytest.mark.parametrize(
    ("estimate", "error", "df", "uncertainty"),
    [
        (2.0, 0.5, 10, (0.5, 10, 4, 2 * stats.t.sf(4, 10), 2 - HALF, 2 + HALF)),
        (-2.0, 0.5, 10, (0.5, 10, -4, 2 * stats.t.sf(4, 10), -2 - HALF, -2 + HALF)),
        *((2.0, error, df, NONE) for error, df in ((0.0, 5), (0.5, 0.0), (math.nan, 5), (0.5, math.nan))),
    ],
)
def test_an_estimate_has_the_p_and_the_interval_of_student_s_t_or_stands_alone(estimate, error, df, uncertainty):
    found = t_estimate(estimate, error, df, confidence=0.9)
    assert found == pytest.approx((estimate, *uncertainty), nan_ok=True)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0], [1.0, 2.0], (math.nan, *NONE)),
        ([5.0, 5.0], [2.0, 2.0], (3.0, *NONE)),
        # Variances 0 and 2, so a standard error of 1 with one degree of freedom: Cauchy's distribution.
        ([1.0, 1.0], [1.0, 3.0], (-1.0, 1.0, 1.0, -1.0, 0.5, -2.0, 0.0)),
    ],
)
def test_welch_needs_two_values_and_one_group_that_varies(first, second, expected):
    assert mean_difference(first, second, confidence=0.5) == pytest.approx(expected, nan_ok=True, abs=1e-12)


def test_missing_values_are_left_out_and_infinite_ones_refused_by_name():
    np.testing.assert_array_equal(as_finite([1, None]), [1, np.nan])
    np.testing.assert_array_equal(drop_missing([[3, None], [1, 2]]), [3, 1, 2])
    infinite = "infinite value, expected finite numbers (NaN where missing)"
    share = "expected a number between 0 and 1, such as 0.95 for 95%"
    missing = "missing value, expected a marker and a response for every participant"
    for call, message in (
        (lambda: as_finite([math.inf]), f"values: {infinite}"),
        (lambda: as_finite([-math.inf], "marker"), f"marker: {infinite}"),
        (lambda: drop_missing([math.inf]), f"sample: {infinite}"),
        (lambda: check_proportion(0, "power"), f"power 0: {share}"),
        (lambda: check_proportion(1, "power"), f"power 1: {share}"),
        (lambda: t_estimate(1, 1, 1, confidence=95), f"confidence 95: {share}"),
        (lambda: mean_difference([1], [1], confidence=95), f"confidence 95: {share}"),
        (lambda: is_significant(0.05, 5), f"alpha 5: {share}"),
        (lambda: quantile(INFINITE, 0.5, type=7), f"values: {infinite}"),
        (lambda: spearman(INFINITE, PLAIN), f"x: {infinite}"),
        (lambda: spearman(PLAIN, INFINITE), f"y: {infinite}"),
        (lambda: ancova(INFINITE, PLAIN, ARMS, confidence=0.95), f"response: {infinite}"),
        (lambda: ancova(PLAIN, INFINITE, ARMS, confidence=0.95), f"covariate: {infinite}"),
        (lambda: ancova(PLAIN, PLAIN, ARMS, confidence=95), f"confidence 95: {share}"),
        (lambda: Design([[1.0], [math.inf]]), f"permutation: {infinite}"),
        (lambda: best_split(INFINITE, PLAIN, minimum=1, permutations=9, seed=1), f"marker: {infinite}"),
        (lambda: best_split(PLAIN, INFINITE, minimum=1, permutations=9, seed=1), f"response: {infinite}"),
        (lambda: best_cut_bootstrap(INFINITE, PLAIN, ARMS, **SEARCH), f"marker: {infinite}"),
        (lambda: best_cut_bootstrap(PLAIN, INFINITE, ARMS, **SEARCH), f"response: {infinite}"),
        (lambda: best_cut_bootstrap([*PLAIN[:3], None], PLAIN, ARMS, **SEARCH), f"best cutoff: {missing}"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            call()


def test_p_up_to_alpha_is_significant_but_for_rounding():
    found = is_significant([0.05, 0.05 + 1e-13, 0.05 + 1e-11, 1e-9, None], 0.05)
    assert found.tolist() == [True, True, False, True, False]
    assert is_significant(0.5 + 1e-12, 0.5)  # the tolerance itself


@pytest.mark.parametrize(("stratum", "upper"), [("upper", 1), ("lower", 0)])
def test_placement_variance_is_that_of_delong(stratum, upper):
    d = read_columns("sensitivity_data")
    change, here = 100 * (d["week_20"] - d["baseline"]) / d["baseline"], d["upper"] == upper
    effect = mann_whitney_effect(change[here & (d["arm"] == 1)], change[here & (d["arm"] == 0)])
    assert effect.estimate == pytest.approx(R[f"mann_whitney_{stratum}.effect"], rel=1e-10)
    assert effect.standard_error**2 == pytest.approx(R[f"mann_whitney_{stratum}.variance"], rel=1e-10)


@given(st.tuples(samples, samples), st.tuples(samples, samples))
def test_the_difference_joins_the_placement_variances_of_four_groups(upper, lower):
    parts = []
    for pair in (upper, lower):
        placed = [(np.sign(np.subtract.outer(own, other)) / 2).mean(axis=1) for own, other in (pair, pair[::-1])]
        parts += [(p.var(ddof=1) / p.size, p.size - 1) for p in placed]
    assume(min(parts[0][0] + parts[1][0], parts[2][0] + parts[3][0]) > 1e-9)
    found = effect_difference(mann_whitney_effect(*upper), mann_whitney_effect(*lower), confidence=0.95)
    variance = sum(part for part, _ in parts)
    assert found.standard_error == pytest.approx(variance**0.5)
    assert found.df == pytest.approx(variance**2 / sum(part**2 / df for part, df in parts))


@given(samples, samples, samples, samples)
def test_swapping_arms_or_strata_turns_the_sign_and_keeps_p(a, b, c, d):
    plain, *others = (
        effect_difference(mann_whitney_effect(e, f), mann_whitney_effect(g, h), confidence=0.95)
        for e, f, g, h in ((a, b, c, d), (b, a, d, c), (c, d, a, b))
    )
    for other in others:
        assert other.estimate == pytest.approx(-plain.estimate, abs=1e-12)
        assert other.p == pytest.approx(plain.p, rel=1e-9, nan_ok=True)
        assert other.lower == pytest.approx(-plain.upper, rel=1e-9, abs=1e-12, nan_ok=True)


def test_the_effect_of_equal_samples_is_exactly_one_half():
    samples = [np.arange(n) % 7 for n in range(1, 30)]
    assert {mann_whitney_effect(sample, sample).estimate for sample in samples} == {0.5}


def test_groups_without_overlap_give_no_interval_rather_than_a_narrow_one():
    apart, mixed = mann_whitney_effect([5, 6, 7], [1, 2, 3]), mann_whitney_effect([1, 4, 6], [2, 3, 5])
    assert apart.standard_error == 0
    difference = effect_difference(apart, mixed, confidence=0.95)
    assert difference == pytest.approx((1 - 5 / 9, *NONE), nan_ok=True)


def _brute_force(values, is_first, is_upper):
    """P over every arrangement of the stratum labels within arms, from the definition."""

    def statistic(upper):
        high, low = (mann_whitney_effect(values[is_first & s], values[~is_first & s]) for s in (upper, ~upper))
        difference, error = abs(high.estimate - low.estimate), math.hypot(high.standard_error, low.standard_error)
        if difference < 1e-9:
            return 0.0
        return difference / error if error > 3e-8 else np.inf

    observed, found = statistic(is_upper), []
    arms = [np.flatnonzero(is_first), np.flatnonzero(~is_first)]
    for first in combinations(arms[0], int(is_upper[arms[0]].sum())):
        for second in combinations(arms[1], int(is_upper[arms[1]].sum())):
            upper = np.isin(np.arange(values.size), first + second)
            found.append(statistic(upper) >= observed - 1e-8)
    return np.mean(found), len(found)


@pytest.mark.parametrize("seed", range(6))
def test_permutation_p_is_exact_where_all_arrangements_can_be_counted(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 9 if seed % 2 else 1000, 11).astype(float)
    is_first = np.arange(11) < 5
    is_upper = np.isin(np.arange(11), [0, 2, 5, 6, 9])
    expected, total = _brute_force(values, is_first, is_upper)
    counted = permuted_strata_p(values, is_first, is_upper, permutations=total, seed=rng)
    assert (counted.p, counted.permutations) == (pytest.approx(expected, abs=1e-12), total)
    drawn = permuted_strata_p(values, is_first, is_upper, permutations=total - 1, seed=rng)
    assert drawn.permutations == total - 1
    assert drawn.lower <= expected <= drawn.upper


def test_participants_without_a_value_do_not_take_part_and_a_group_of_one_has_no_interaction():
    values, is_first, is_upper = np.random.default_rng(3).normal(size=12), np.arange(12) < 6, np.arange(12) % 2 == 0
    padded = [np.append(a, b) for a, b in ((values, [np.nan] * 4), (is_first, [1, 1, 0, 0]), (is_upper, [1] * 4))]
    plain = permuted_strata_p(values, is_first, is_upper, permutations=10_000, seed=1)
    assert plain.permutations == 400
    assert permuted_strata_p(*padded, permutations=10_000, seed=1) == plain
    assert permuted_strata_p(*padded, permutations=1, seed=1).permutations == 1
    for labels in ("10000011", "11100011", "11000001", "11000111"):  # one in each of the four groups
        upper = [label == "1" for label in labels]
        assert np.isnan(permuted_strata_p(range(8), [1] * 4 + [0] * 4, upper, permutations=99, seed=1).p)
    with pytest.raises(ValueError, match="0 permutations"):
        permuted_strata_p(values, is_first, is_upper, permutations=0, seed=1)


def test_permutation_p_depends_on_the_seed_alone_and_of_a_planted_interaction_is_the_smallest_but_never_zero():
    values = np.concatenate([np.arange(20) + 100.0, np.arange(20), np.arange(20), np.arange(20) + 100.5])
    arrays = values, np.arange(80) < 40, np.arange(80) % 40 < 20
    p, again = (permuted_strata_p(*arrays, permutations=500, seed=np.random.default_rng(5)) for _ in "ab")
    assert (p, p.p) == (again, pytest.approx(1 / 501))
