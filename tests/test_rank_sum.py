import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle_values import parse_numbers, read_rows
from scipy import stats

from d_q_trial.stats.rank_sum import asymptotic_columns, exact_p, pairwise_wins
from d_q_trial.stats.two_sample import get_test, rank_sum_variants

# Few different values, so that ties are common.
samples = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=12)


@pytest.mark.parametrize("oracle", read_rows("rank_sum"), ids=lambda row: row["sample"])
def test_u_z_and_p_of_every_variant_equal_r_and_coin(oracle):
    found = {
        name: get_test(name).compare(parse_numbers(oracle["x"]), parse_numbers(oracle["y"]))
        for name in rank_sum_variants()
    }
    assert {result.u for result in found.values()} == {float(oracle["u"])}
    assert [result.p for result in found.values()] == pytest.approx([float(oracle[name]) for name in found], rel=1e-9)
    assert found["normal"].statistic == pytest.approx(float(oracle["z"]))


def test_hand_worked_examples():
    # x = 1, 2, 2; y = 2, 3: pairs with x > y: none, ties: (2,2) twice, so U = 1. Midranks 1, 3, 3, 3, 5: tie sum 24.
    # Variance = 3*2/12 * (6 - 24/20) = 2.4, z = (1 - 3)/sqrt(2.4). A missing value does not count.
    result = get_test("normal").compare([1, 2, np.nan, 2], [2, 3])
    assert result[:4] == (3, 2, 1, pytest.approx(-2 / np.sqrt(2.4)))
    assert get_test("normal_continuity").compare([1, 2, 2], [2, 3]).statistic == pytest.approx(-1.5 / np.sqrt(2.4))
    # U = 1 with a mean of 2 and a variance of 5/3; the correction takes half of the distance.
    assert get_test("normal_continuity").compare([1, 4], [2, 5]).statistic == pytest.approx(-0.5 / np.sqrt(5 / 3))
    assert pairwise_wins(np.array([1, 2]), np.array([1, 3])).tolist() == [[0.5, 0], [1, 0]]


@given(samples, samples)
def test_every_variant_equals_scipy_or_enumeration(first, second):
    assume(len(set(first + second)) > 1)
    for method, correction in (("normal", False), ("normal_continuity", True)):
        ours = get_test(method).compare(first, second)
        theirs = stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=correction)
        assert (ours.u, ours.p) == (theirs.statistic, pytest.approx(theirs.pvalue, rel=1e-9))
    first, second = first[:5], second[:5]
    assume(len(set(first + second)) > 1)
    pooled = stats.rankdata(first + second)
    mean = len(first) * (len(pooled) + 1) / 2
    observed = abs(pooled[: len(first)].sum() - mean)
    far = [abs(sum(c) - mean) >= observed - 1e-9 for c in combinations(pooled, len(first))]
    assert get_test("exact").compare(first, second).p == pytest.approx(np.mean(far), rel=1e-12)


def test_exact_p_of_large_samples_equals_scipy_with_and_without_ties():
    generator = np.random.default_rng(1)
    first, second = generator.normal(size=150), generator.normal(0.1, size=140)
    theirs = stats.mannwhitneyu(first, second, method="exact").pvalue
    assert get_test("exact").compare(first, second).p == pytest.approx(theirs, rel=1e-12)
    ranks = stats.rankdata(np.concatenate([first, second]))
    assert exact_p(ranks, np.arange(290) < 150) == pytest.approx(theirs, rel=1e-10)


@pytest.mark.slow
def test_exact_p_of_520_against_520_does_not_overflow():
    values = np.random.default_rng(1).normal(size=(1040, 1))
    values[:520] += 0.1
    labels = np.arange(1040) < 520
    normal = asymptotic_columns(values, labels, continuity=True)
    assert get_test("exact").compare_columns(values, labels).p == pytest.approx(normal.p, rel=0.01)


def test_many_exact_p_values_keep_no_tables():
    generator = np.random.default_rng(1)
    tracemalloc.start()
    for _ in range(5):
        get_test("exact").compare(generator.integers(0, 40, 60), generator.integers(0, 40, 60))
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1e6
    assert peak < 2e7


def test_the_exact_test_with_ties_of_too_many_participants_is_refused():
    with pytest.raises(ValueError, match="at most 1200"):
        exact_p(np.ones(1202), np.arange(1202) < 601)
