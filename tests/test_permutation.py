"""Permuted labels, counts and P-values, and the split that divides a response best, against R and enumeration."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_values import read_columns, read_values, step_down_by_definition
from scipy.stats import binomtest

from d_q_trial.stats import permutation
from d_q_trial.stats.maximally_selected import best_cut_bootstrap, best_split
from d_q_trial.stats.permutation import BLOCK, Design, Joint, Labels, StepDown, adjust_p, labels_for, permutation_p
from d_q_trial.stats.rank_sum import pairwise_wins
from d_q_trial.stats.two_sample import get_test

ORACLE, DATA, SPLIT_DATA = read_values("permutation"), *map(read_columns, ("permutation_data", "best_split_data"))
ARM = DATA["arm"] == 1
VALUES = np.column_stack([DATA[name] for name in "abc"])
P = np.array([0.035, 0.049, 0.2, 0.001, 0.035, 0.9, 0.011])


def compute_step_down(columns, is_first, permutations=500, family=0):
    design, labels = Design(np.column_stack(columns)), labels_for(is_first, permutations, seed=1)
    adjusted = StepDown(design.observed(is_first).z, family)
    for block in permutation.permuted_blocks(design, labels):
        adjusted.add(block)
    return adjusted.p(labels.p)


def test_step_down_over_all_splits_equals_enumeration_in_r_and_coin_within_its_sampling_error():
    assert Design(VALUES).observed(ARM).z == pytest.approx([ORACLE[f"z {name}"] for name in "abc"], abs=1e-12)
    for family, name in ((np.arange(3), "p"), (0, "step-down")):  # each column alone, and Westfall and Young
        adjusted = compute_step_down(VALUES.T, ARM, family=family)
        assert adjusted.p == pytest.approx([ORACLE[f"{name} {column}"] for column in "abc"], abs=1e-12)
        assert adjusted.permutations == comb(11, int(ARM.sum()))
    columns = [DATA["a"], [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [9, 6, 8, 3, 4, 2, 7, 1, 2, 5, 0]]
    assert compute_step_down(columns[1:2], ARM).p == pytest.approx(ORACLE["coin exact e"], abs=1e-12)
    for name, p in zip("aef", compute_step_down(columns, ARM).p, strict=True):
        expected = ORACLE[f"coin step-down {name}"]
        assert p == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 1e6))


def test_permuted_labels_are_balanced_and_depend_on_the_seed_alone_which_has_64_bits():
    labels = Labels(20, 8, 20 * BLOCK, seed=4)
    columns = labels.take(0, 20 * BLOCK)
    np.testing.assert_array_equal(labels.take(300, 900), columns[:, 300:900])
    assert not (Labels(20, 8, 10, seed=10).take(0, 10) == columns[:, :10]).all()
    assert (np.sort(permutation.random_orders(labels, 5, 600), axis=1) == np.arange(20)).all()
    assert (columns.sum(axis=0) == 8).all()
    assert np.abs(columns.mean(axis=1) - 0.4).max() < 4.5 * np.sqrt(0.24 / (20 * BLOCK))
    assert len(np.unique(columns.T, axis=0)) > 19.9 * BLOCK * 0.95
    assert labels_for(np.arange(6) < 3, 1, 2**64 - 1).count == 1
    for permutations, seed in ((0, 1), (10, -1), (10, 2**64)):
        with pytest.raises(ValueError, match="expected 1 or more, and a seed from 0 to"):
            labels_for(np.arange(6) < 3, permutations, seed)


@given(st.integers(1, 400), st.data())
def test_monte_carlo_p_is_above_zero_with_the_interval_of_clopper_and_pearson(permutations, data):
    extreme = data.draw(st.integers(0, permutations))
    p = permutation_p(extreme, permutations)
    interval = binomtest(extreme, permutations).proportion_ci(0.99, method="exact")
    assert p == pytest.approx(((extreme + 1) / (permutations + 1), *interval, permutations))
    assert 0 <= p.lower <= extreme / permutations <= p.upper <= 1
    assert permutation_p(extreme, permutations, exhaustive=True).p == extreme / permutations
    for impossible in ((-1, permutations), (permutations + 1, permutations), (0, 0)):
        with pytest.raises(ValueError, match="permutations"):
            permutation_p(*impossible)


@pytest.mark.parametrize(("method", "name"), [("holm", "holm"), ("fdr_bh", "bh")])
def test_adjusted_p_equals_p_adjust_in_r_and_ignores_missing_values(method, name):
    expected = [ORACLE[f"{name} {rank}"] for rank in range(1, 8)]
    np.testing.assert_allclose(adjust_p(P, method), expected, rtol=1e-12)
    np.testing.assert_allclose(adjust_p(np.insert(P, [0, 3], np.nan), method), np.insert(expected, [0, 3], np.nan))
    assert adjust_p(np.array([]), method).size == 0
    assert adjust_p([1, 0], method).tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"^multiplicity: a P-value lies outside 0 to 1$"):
        adjust_p([0.2, 1.2], method)


@given(st.integers(0, 10**6))
def test_step_down_p_is_the_share_of_larger_maxima_within_each_family(seed):
    rng = np.random.default_rng(seed)
    values, is_first, family = rng.integers(0, 4, (6, 5)).astype(float), np.arange(6) < 3, rng.integers(0, 2, 5)
    values[rng.random((6, 5)) < 0.1] = np.nan
    splits = (is_first, *labels_for(is_first, 20, seed=0).take(0, 20).T)
    expected = step_down_by_definition(get_test("normal"), values, splits, family)
    adjusted = compute_step_down(values.T, is_first, family=family)
    np.testing.assert_allclose(adjusted[:3], [expected] * 3)  # of all splits, so that there is no interval


def test_specifications_that_are_too_small_and_empty_groups_have_no_summary():
    values, is_first = np.random.default_rng(1).normal(size=(10, 4)), np.arange(10) < 5
    values[2:5, 1] = np.nan
    observed = Design(values, minimum_per_arm=3).observed(is_first)
    assert np.isnan(observed.z[1])
    summaries = Joint(observed, [[True] * 4, np.arange(4) != 1, [False] * 4], critical=1.0).observed
    assert (summaries[:, 0] == summaries[:, 1]).all()
    assert np.isnan(summaries[:, 2]).all()


def test_the_best_split_equals_maxstat_and_coin_in_r_and_p_is_nan_without_a_split():
    marker, response = SPLIT_DATA["marker"], SPLIT_DATA["response"]
    incomplete = np.append(marker, [5.0, np.nan]), np.append(response, [np.nan, 5.0])  # the last two do not count
    split = best_split(*incomplete, minimum=4, permutations=20_000, seed=1)  # 4 of 40, as by maxstat's minprop = 0.1
    assert (marker[split.cut > marker].max(), split.splits) == (ORACLE["maxstat cut"], ORACLE["splits"])
    assert split.n == marker.size
    for package in ("maxstat", "coin maxstat"):
        assert abs(split.z) == pytest.approx(ORACLE[f"{package} statistic"], abs=1e-12)
        p = ORACLE[f"{package} p"]
        assert split.p.p == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) * (1 / 200_000 + 1 / 20_000)))
    assert split.p.lower < split.p.p < split.p.upper
    for marker, response in (([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3, 4], [5, 5, 5, 5]), ([], [])):
        assert np.isnan(best_split(marker, response, minimum=1, permutations=99, seed=1).p.p)


def _search_cut_by_cut(marker, response, is_first, weights, above):
    """Return the best cut of a resample, and its effect in the participants left out, from one test per cut."""
    best, cut_and_effect = -1.0, (np.nan, np.nan)
    for cut in np.unique(marker[weights > 0])[1:]:
        arms = [((marker >= cut) == above) & arm for arm in (is_first, ~is_first)]
        samples = [np.repeat(response[arm], weights[arm]) for arm in arms]
        size = abs(np.nan_to_num(get_test("normal").compare(*samples).statistic))
        if min(map(len, samples)) >= 3 and size > best * (1 + 1e-9):
            left_out = [response[arm & (weights == 0)] for arm in arms]
            effect = pairwise_wins(*left_out).mean() if min(map(len, left_out)) else np.nan
            best, cut_and_effect = size, (cut, effect)
    return cut_and_effect


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize(("seed", "responses"), [*((seed, 12) for seed in range(5)), (5, 1)])
def test_bootstrap_cuts_and_out_of_bag_effects_equal_a_search_cut_by_cut(above, seed, responses):
    rng, bootstrap = np.random.default_rng(seed), np.random.default_rng(seed)
    marker, response = rng.integers(0, 8, 24).astype(float), rng.integers(0, responses, 24).astype(float)
    is_first, weights = np.arange(24) % 2 == 0, np.zeros((20, 24), dtype=int)
    for arm in (is_first, ~is_first):
        weights[:, arm] = bootstrap.multinomial(12, np.full(12, 1 / 12), size=20)
    options = {"above": above, "at_cut_upper": True, "minimum_per_arm": 3, "resamples": 20, "seed": seed}
    expected = [_search_cut_by_cut(marker, response, is_first, resample, above) for resample in weights]
    np.testing.assert_allclose(best_cut_bootstrap(marker, response, is_first, **options).T, expected, rtol=1e-12)
    assert np.isnan(best_cut_bootstrap([], [], [], **options)).all()
