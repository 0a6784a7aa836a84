"""Conventions on arguments, estimates by Student's t, differences of effects between strata, and power."""

import math
import re
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle_values import read_columns, read_values
from scipy import stats

from d_q_trial.stats.ancova import ancova
from d_q_trial.stats.categorical import spearman
from d_q_trial.stats.checks import as_finite, check_proportion, drop_missing, is_significant
from d_q_trial.stats.estimate import effect_difference, mann_whitney_effect, mean_difference, t_estimate
from d_q_trial.stats.estimate import permuted_strata_p as permute_strata
from d_q_trial.stats.maximally_selected import best_cut_bootstrap, best_split
from d_q_trial.stats.permutation import Design
from d_q_trial.stats.power import detectable_difference, exaggeration, implied_sd, t_power
from d_q_trial.stats.quantiles import quantile

samples = st.lists(st.integers(-6, 6).map(float), min_size=2, max_size=8)
four_samples = st.tuples(samples, samples, samples, samples)
NO_UNCERTAINTY = [math.nan] * 6
R, DATA = read_values("sensitivity"), read_columns("sensitivity_data")
FINITE, INFINITE, ARMS = [1.0, 2, 3, 4], [1, math.inf, 3, 4], [True, False, True, False]
SPLIT = {"minimum": 1, "permutations": 9, "seed": 1}
SEARCH = {"above": True, "at_cut_upper": True, "minimum_per_arm": 1, "resamples": 2, "seed": 1}


def test_t_estimate_has_the_p_and_interval_of_student_s_t_if_error_and_df_are_positive():
    errors, dfs = [0.5, 0.5, 0.0, 0.5, np.nan, 0.5], [10, np.inf, 5, 0.0, 5, np.nan]
    expected = np.full((6, 6), np.nan)
    expected[:, 0] = 0.5, 10, -4, 2 * stats.t.sf(4, 10), *stats.t.interval(0.9, 10, -2, 0.5)
    expected[:, 1] = 0.5, np.inf, -4, 2 * stats.norm.sf(4), *stats.norm.interval(0.9, -2, 0.5)
    estimate, *uncertainty = t_estimate(-2.0, errors, dfs, confidence=0.9)
    assert estimate == -2
    np.testing.assert_allclose(uncertainty, expected, rtol=1e-12)


def test_welch_needs_two_values_per_group_and_one_group_that_varies():
    assert np.isnan(mean_difference([1.0], [1.0, 2.0], confidence=0.5)).all()
    constant = mean_difference([5.0, 5.0 + 1e-15], [2.0, 2.0], confidence=0.5)
    assert constant == pytest.approx((3.0, *NO_UNCERTAINTY), nan_ok=True)
    # Variances 0 and 2, so a standard error of 1 with one degree of freedom: Cauchy's distribution.
    cauchy = mean_difference([1.0, 1.0], [1.0, 3.0], confidence=0.5)
    assert cauchy == pytest.approx((-1.0, 1.0, 1.0, -1.0, 0.5, -2.0, 0.0), abs=1e-12)


def test_missing_values_are_dropped_and_invalid_arguments_are_named():
    np.testing.assert_array_equal(as_finite([1, None]), [1, np.nan])
    np.testing.assert_array_equal(drop_missing([3, None, 1]), [3, 1])
    infinite = "infinite value, expected finite numbers (NaN where missing)"
    proportion = "expected a number between 0 and 1, such as 0.95 for 95%"
    missing = "missing value, expected a marker and a response for every participant"
    groups = "expected three participants or more, none empty"
    zero = "no standard deviation gives a difference of 0 more power than alpha"
    for call, message in (
        (lambda: as_finite([math.inf]), f"values: {infinite}"),
        (lambda: as_finite([-math.inf], "marker"), f"marker: {infinite}"),
        (lambda: drop_missing([math.inf]), f"sample: {infinite}"),
        (lambda: drop_missing([FINITE]), "sample: shape (1, 4), expected (n,)"),
        (lambda: Design(FINITE), "permutation: shape (4,), expected (n, k)"),
        (lambda: quantile("ab", 0.5, type=7), "values: expected an array of numbers (NaN where missing)"),
        (lambda: spearman(FINITE, [1]), "arrays of different lengths, expected the same: x 4, y 1"),
        (lambda: ancova(FINITE, FINITE, FINITE, confidence=0.95), "is_first: expected True or False in every row"),
        (lambda: check_proportion(0, "power"), f"power 0: {proportion}"),
        (lambda: check_proportion(1, "power"), f"power 1: {proportion}"),
        (lambda: t_estimate(1, 1, 1, confidence=95), f"confidence 95: {proportion}"),
        (lambda: mean_difference([1], [1], confidence=95), f"confidence 95: {proportion}"),
        (lambda: is_significant(0.05, 5), f"alpha 5: {proportion}"),
        (lambda: quantile(INFINITE, 0.5, type=7), f"values: {infinite}"),
        (lambda: spearman(INFINITE, FINITE), f"x: {infinite}"),
        (lambda: ancova(INFINITE, FINITE, ARMS, confidence=0.95), f"response: {infinite}"),
        (lambda: ancova(FINITE, FINITE, ARMS, confidence=95), f"confidence 95: {proportion}"),
        (lambda: Design([[1.0], [math.inf]]), f"permutation: {infinite}"),
        (lambda: best_split(INFINITE, FINITE, **SPLIT), f"marker: {infinite}"),
        (lambda: best_cut_bootstrap(INFINITE, FINITE, ARMS, **SEARCH), f"marker: {infinite}"),
        (lambda: best_cut_bootstrap([*FINITE[:3], None], FINITE, ARMS, **SEARCH), f"best cutoff: {missing}"),
        (lambda: t_power(1, 0, 5, 5, alpha=0.05), "power: standard deviation 0, expected a number above 0"),
        (lambda: t_power(1, 1, 1, 1, alpha=0.05), f"power: groups of 1 and 1, {groups}"),
        (lambda: t_power(1, 1, 5, 5, alpha=5), f"alpha 5: {proportion}"),
        (lambda: exaggeration(1, 1, 5, alpha=5), f"alpha 5: {proportion}"),
        (lambda: implied_sd(1, 5, 5, power=0.04, alpha=0.05), "power 0.04: expected more than alpha, 0.05"),
        (lambda: implied_sd(0, 5, 5, power=0.9, alpha=0.05), f"power: {zero}"),
        (lambda: detectable_difference(1, 5, 5, power=90, alpha=0.05), f"power 90: {proportion}"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            call()


def test_p_up_to_alpha_is_significant_within_rounding_error():
    p = [0.05, 0.05 + 1e-13, 0.05 + 1e-11, 1e-9, None]
    assert is_significant(p, 0.05).tolist() == [True, True, False, True, False]
    assert is_significant(0.5 + 1e-12, 0.5)  # exactly at the tolerance


def test_placement_variance_equals_delong_s_in_r():
    change = 100 * (DATA["week_20"] - DATA["baseline"]) / DATA["baseline"]
    for stratum, upper in (("upper", 1), ("lower", 0)):
        effect = mann_whitney_effect(*(change[(DATA["upper"] == upper) & (DATA["arm"] == arm)] for arm in (1, 0)))
        expected = [R[f"mann_whitney_{stratum}.{name}"] for name in ("effect", "variance")]
        assert [effect.estimate, effect.standard_error**2] == pytest.approx(expected, rel=1e-10)


def subtract_effects(upper_first, upper_second, lower_first, lower_second):
    effects = mann_whitney_effect(upper_first, upper_second), mann_whitney_effect(lower_first, lower_second)
    return effect_difference(*effects, confidence=0.95)


@given(four_samples)
def test_an_effect_difference_changes_sign_if_arms_or_strata_are_swapped_and_combines_the_variances_of_four_groups(
    groups,
):
    a, b, c, d = groups
    original = subtract_effects(*groups)
    for swapped in (subtract_effects(b, a, d, c), subtract_effects(c, d, a, b)):
        assert swapped.estimate == pytest.approx(-original.estimate, abs=1e-12)
        assert swapped.p == pytest.approx(original.p, rel=1e-9, nan_ok=True)
        assert swapped.lower == pytest.approx(-original.upper, rel=1e-9, abs=1e-12, nan_ok=True)
    placements = [(np.sign(np.subtract.outer(*pair)) / 2).mean(axis=1) for pair in ((a, b), (b, a), (c, d), (d, c))]
    variances = np.array([placement.var(ddof=1) / placement.size for placement in placements])
    dfs = np.array([placement.size - 1 for placement in placements])
    assume(min(variances[:2].sum(), variances[2:].sum()) > 1e-9)
    assert original.standard_error == pytest.approx(variances.sum() ** 0.5)
    assert original.df == pytest.approx(variances.sum() ** 2 / (variances**2 / dfs).sum())


def test_equal_samples_have_an_effect_of_one_half_and_separate_samples_have_no_interval():
    equal = (np.arange(n) % 7 for n in range(1, 30))
    assert {mann_whitney_effect(sample, sample).estimate for sample in equal} == {0.5}
    assert mann_whitney_effect([5, 6, 7], [1, 2, 3]).standard_error == 0
    difference = subtract_effects([5, 6, 7], [1, 2, 3], [1, 4, 6], [2, 3, 5])
    assert difference == pytest.approx((1 - 5 / 9, *NO_UNCERTAINTY), nan_ok=True)


def _permute_by_definition(values, is_first, is_upper):
    """Return P over every arrangement of the stratum labels within arms, and their number."""

    def statistic(upper):
        high, low = (mann_whitney_effect(values[is_first & s], values[~is_first & s]) for s in (upper, ~upper))
        difference, error = abs(high.estimate - low.estimate), math.hypot(high.standard_error, low.standard_error)
        if difference < 1e-9:
            return 0.0
        return difference / error if error > 3e-8 else np.inf

    arms = (np.flatnonzero(is_first), np.flatnonzero(~is_first))
    arrangements = list(product(*(combinations(arm, int(is_upper[arm].sum())) for arm in arms)))
    permuted = [statistic(np.isin(np.arange(values.size), first + second)) for first, second in arrangements]
    return np.mean(np.array(permuted) >= statistic(is_upper) - 1e-8), len(arrangements)


@pytest.mark.parametrize("seed", range(6))
def test_permutation_p_is_exact_if_all_arrangements_are_counted(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 9 if seed % 2 else 1000, 11).astype(float)
    arrays = values, np.arange(11) < 5, np.isin(np.arange(11), [0, 2, 5, 6, 9])
    expected, total = _permute_by_definition(*arrays)
    exact = permute_strata(*arrays, permutations=total, seed=rng)
    assert (exact.p, exact.permutations) == (pytest.approx(expected, abs=1e-12), total)
    sampled = permute_strata(*arrays, permutations=total - 1, seed=rng)
    assert sampled.permutations == total - 1
    assert sampled.lower <= expected <= sampled.upper


def test_permuted_strata_repeat_with_their_seed_ignore_missing_values_and_need_two_participants_per_group():
    arrays = np.random.default_rng(3).normal(size=12), np.arange(12) < 6, np.arange(12) % 2 == 0
    padding = [np.nan] * 4, [1, 1, 0, 0], [1] * 4
    padded = [np.append(array, more) for array, more in zip(arrays, padding, strict=True)]
    for permutations, used in ((10_000, 400), (99, 99), (1, 1)):
        complete, repeated = (permute_strata(*a, permutations=permutations, seed=1) for a in (arrays, padded))
        assert (complete.permutations, complete) == (used, repeated)
    for labels in ("10000011", "11100011", "11000001", "11000111"):  # one in each of the four groups
        is_upper = [label == "1" for label in labels]
        assert np.isnan(permute_strata(range(8), [1] * 4 + [0] * 4, is_upper, permutations=99, seed=1).p)
    with pytest.raises(ValueError, match="0 permutations"):
        permute_strata(*arrays, permutations=0, seed=1)


def test_power_equals_r_detectable_differences_have_theirs_and_the_reported_calculation_implies_an_sd_of_22():
    sd = implied_sd(19.8, 27, 27, power=0.9, alpha=0.05)
    assert (sd, round(sd, 1)) == (pytest.approx(R["power.sd_27"], rel=1e-6), 22.0)
    assert t_power(19.8, 22, 30, 30, alpha=0.05) == pytest.approx(R["power.power_30"], rel=1e-7)
    assert t_power(19.8, 22, 10, 11, alpha=0.05) == pytest.approx(R["power.power_10_11"], rel=1e-7)
    assert t_power(0.0, 22, 10, 11, alpha=0.05) == pytest.approx(0.05, rel=1e-9)
    assert t_power(1000.0, 1.0, 27, 27, alpha=0.05) == 1  # scipy's noncentral t has no such tails
    assert math.isnan(t_power(math.nan, 1.0, 27, 27, alpha=0.05))
    for sizes in ((10, 11), (1, 2), (500, 3)):
        difference = detectable_difference(22, *sizes, power=0.8, alpha=0.05)
        assert t_power(difference, 22, *sizes, alpha=0.05) == pytest.approx(0.8, rel=1e-9)


def test_exaggeration_equals_r_ignores_the_sign_and_is_infinite_without_effect_and_undefined_without_error():
    expected = [R[f"exaggeration.{field}"] for field in ("power", "wrong_sign", "ratio")]
    assert exaggeration(0.5, 0.4, 19, alpha=0.05) == pytest.approx(expected, rel=1e-8)
    assert exaggeration(-0.5, 0.4, 19, alpha=0.05) == exaggeration(0.5, 0.4, 19, alpha=0.05)
    normal, many_df = (exaggeration(0.6, 0.5, df, alpha=0.05) for df in (math.inf, 1e7))
    assert normal == pytest.approx(many_df, rel=1e-5)
    assert exaggeration(10.0, 0.1, 50, alpha=0.05)[2] == pytest.approx(1, rel=1e-9)
    assert exaggeration(0.0, 0.1, 50, alpha=0.05) == pytest.approx((0.05, 0.5, math.inf))
    for effect, error, df in ((0.5, 0, 19), (0.5, 0.4, 1), (math.nan, 0.4, 19)):
        assert np.isnan(exaggeration(effect, error, df, alpha=0.05)).all()
