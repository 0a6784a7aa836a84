import tracemalloc
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle_values import numbers, rows
from scipy import stats

from d_q_trial.stats.rank_sum import (
    asymptotic_columns,
    exact_counts,
    exact_p,
    exact_p_columns,
    midrank_columns,
    normal_p,
    rank_sum,
)
from d_q_trial.stats.two_sample import get_test, rank_sum_variants

METHODS = rank_sum_variants()

# Few different values, so that ties are common.
samples = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=12)


@pytest.mark.parametrize("oracle", rows("rank_sum"), ids=lambda row: row["sample"])
@pytest.mark.parametrize("method", METHODS)
def test_p_equals_r(oracle, method):
    result = rank_sum(numbers(oracle["x"]), numbers(oracle["y"]), method=method)
    assert result.u == float(oracle["u"])
    assert result.p == pytest.approx(float(oracle[method]), rel=1e-9)


@pytest.mark.parametrize("oracle", rows("rank_sum"), ids=lambda row: row["sample"])
def test_z_equals_coin(oracle):
    assert rank_sum(numbers(oracle["x"]), numbers(oracle["y"]), method="normal").z == pytest.approx(float(oracle["z"]))


@pytest.mark.parametrize("oracle", rows("rank_sum_exact"), ids=lambda row: row["sample"])
def test_exact_p_without_ties_equals_wilcox_test(oracle):
    sample = next(row for row in rows("rank_sum") if row["sample"] == oracle["sample"])
    result = rank_sum(numbers(sample["x"]), numbers(sample["y"]), method="exact")
    assert result.p == pytest.approx(float(oracle["p"]), rel=1e-12)


@pytest.mark.parametrize(("u", "n_first", "n_second", "printed"), [(361, 28, 28, "0.611"), (304, 28, 28, "0.149")])
def test_the_papers_p_needs_the_normal_approximation_without_correction(u, n_first, n_second, printed):
    assert f"{normal_p(u, n_first, n_second):.3f}" == printed
    assert f"{normal_p(u, n_first, n_second, continuity=True):.3f}" != printed


def test_a_hand_worked_example():
    # x = 1, 2, 2; y = 2, 3: pairs with x > y: none, ties: (2,2) twice, so U = 1. Midranks 1, 3, 3, 3, 5: tie sum 24.
    # Variance = 3*2/12 * (6 - 24/20) = 2.4, z = (1 - 3)/sqrt(2.4).
    result = rank_sum([1, 2, 2], [2, 3], method="normal")
    assert result.u == 1
    assert result.z == pytest.approx(-2 / np.sqrt(2.4))
    assert rank_sum([1, 2, 2], [2, 3], method="normal_continuity").z == pytest.approx(-1.5 / np.sqrt(2.4))
    # Of the ten ways to choose y's two ranks: sums 4 (3 times), 6 (4, one of them 1+5... as enumerated below).
    sums = [a + b for a, b in combinations([1, 3, 3, 3, 5], 2)]
    assert rank_sum([1, 2, 2], [2, 3], method="exact").p == np.mean([abs(s - 6) >= abs(8 - 6) for s in sums])


@given(samples, samples)
def test_exact_p_equals_enumeration(first, second):
    first, second = first[:5], second[:5]
    assume(len(set(first + second)) > 1)
    pooled = stats.rankdata(first + second)
    mean = len(first) * (len(pooled) + 1) / 2
    observed = abs(pooled[: len(first)].sum() - mean)
    far = [abs(sum(c) - mean) >= observed - 1e-9 for c in combinations(pooled, len(first))]
    assert rank_sum(first, second, method="exact").p == pytest.approx(np.mean(far), rel=1e-12)


@given(samples, samples)
def test_normal_variants_equal_scipy(first, second):
    assume(len(set(first + second)) > 1)
    for method, correction in (("normal", False), ("normal_continuity", True)):
        ours = rank_sum(first, second, method=method)
        theirs = stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=correction)
        assert ours.u == theirs.statistic
        assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)


@given(samples, samples, st.sampled_from(METHODS))
def test_swapping_the_samples_changes_the_sign_only(first, second, method):
    one, other = rank_sum(first, second, method=method), rank_sum(second, first, method=method)
    assert one.u + other.u == one.n_first * one.n_second
    assert one.z == pytest.approx(-other.z, nan_ok=True)
    assert one.p == pytest.approx(other.p, nan_ok=True)


@given(samples, samples, st.sampled_from(METHODS))
def test_a_monotone_transform_changes_nothing(first, second, method):
    transformed = (np.exp(np.array(sample) / 3) for sample in (first, second))
    assert rank_sum(first, second, method=method) == pytest.approx(rank_sum(*transformed, method=method), nan_ok=True)


@given(samples, samples)
def test_p_lies_between_0_and_1(first, second):
    for method in METHODS:
        p = rank_sum(first, second, method=method).p
        assert np.isnan(p) or 0 < p <= 1


@given(st.integers(1, 12), st.integers(1, 12))
def test_exact_counts_add_up_and_are_symmetric(n_first, n_second):
    counts = exact_counts(n_first, n_second)
    assert sum(counts) == comb(n_first + n_second, n_first)
    assert counts == counts[::-1]
    assert counts == exact_counts(n_second, n_first)


@given(
    st.lists(st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=8, max_size=8), min_size=1, max_size=5),
    st.sampled_from(METHODS),
)
def test_columns_with_missing_values_equal_single_tests(columns, method):
    values = np.array([[np.nan if v is None else float(v) for v in column] for column in columns]).T
    is_first = np.arange(8) < 4
    together = get_test(method).compare_columns(values, is_first)
    for position in range(values.shape[1]):
        single = rank_sum(values[is_first, position], values[~is_first, position], method=method)
        assert [field[position] for field in together] == pytest.approx(list(single), nan_ok=True)


def test_columns_equal_scipy_along_an_axis():
    values = np.random.default_rng(3).integers(0, 9, size=(30, 40)).astype(float)
    values[np.random.default_rng(4).random(values.shape) < 0.1] = np.nan
    theirs = stats.mannwhitneyu(
        values[:14], values[14:], axis=0, nan_policy="omit", method="asymptotic", use_continuity=False
    )
    ours = asymptotic_columns(values, np.arange(30) < 14, continuity=False)
    np.testing.assert_allclose(ours.p, theirs.pvalue, rtol=1e-9)
    np.testing.assert_array_equal(ours.u, theirs.statistic)


@given(st.lists(st.lists(st.integers(0, 4), min_size=7, max_size=7), min_size=1, max_size=4))
def test_midranks_equal_scipy(columns):
    values = np.array(columns, dtype=float).T
    ranks, tie_sum = midrank_columns(values)
    assert np.array_equal(ranks, stats.rankdata(values, axis=0))
    assert tie_sum.tolist() == [sum(np.unique(c, return_counts=True)[1] ** 3) - 7 for c in columns]


@pytest.mark.parametrize("method", METHODS)
def test_all_values_equal_have_no_p(method):
    result = rank_sum([2.0, 2.0], [2.0, 2.0, 2.0], method=method)
    assert result.u == 3
    assert np.isnan(result.z)
    assert np.isnan(result.p)


def test_missing_values_do_not_count_in_n():
    result = rank_sum([1.0, np.nan, 3.0], [2.0, np.nan], method="normal")
    assert (result.n_first, result.n_second) == (2, 1)


def test_an_empty_sample_gives_nan_and_wrong_arguments_are_refused():
    result = rank_sum([np.nan], [1.0, 2.0], method="normal")
    assert (result.n_first, result.n_second) == (0, 2)
    assert np.isnan(result.p)
    with pytest.raises(ValueError, match="infinite"):
        rank_sum([np.inf], [1.0], method="normal")
    with pytest.raises(ValueError, match="expected one of"):
        rank_sum([1.0], [2.0], method="students")


def test_exact_p_of_large_samples_equals_scipy_with_and_without_ties():
    generator = np.random.default_rng(1)
    first, second = generator.normal(size=150), generator.normal(0.1, size=140)
    theirs = stats.mannwhitneyu(first, second, method="exact").pvalue
    assert rank_sum(first, second, method="exact").p == pytest.approx(theirs, rel=1e-12)
    ranks = stats.rankdata(np.concatenate([first, second]))
    assert exact_p(ranks, np.arange(290) < 150) == pytest.approx(theirs, rel=1e-10)


@pytest.mark.slow
def test_exact_p_of_520_against_520_does_not_overflow():
    generator = np.random.default_rng(1)
    values = generator.normal(size=1040)
    values[:520] += 0.1
    labels = np.arange(1040) < 520
    exact, normal = (
        exact_p_columns(values[:, None], labels)[0],
        asymptotic_columns(values[:, None], labels, continuity=True),
    )
    assert exact == pytest.approx(normal.p[0], rel=0.01)


def test_many_exact_p_values_keep_no_tables():
    generator = np.random.default_rng(1)
    tracemalloc.start()
    for _ in range(5):
        rank_sum(generator.integers(0, 40, 60), generator.integers(0, 40, 60), method="exact")
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1e6
    assert peak < 2e7


def test_the_exact_test_with_ties_of_too_many_participants_is_refused():
    with pytest.raises(ValueError, match="at most 1200"):
        exact_p(np.ones(1202), np.arange(1202) < 601)
