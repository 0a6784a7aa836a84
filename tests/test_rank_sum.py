import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle_values import parse_samples, read_rows, select_numbers
from scipy import stats

from d_q_trial.stats.rank_sum import asymptotic_columns, exact_p
from d_q_trial.stats.two_sample import get_test, rank_sum_variants

# Few different values, so that ties are common.
samples = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=12)


@pytest.mark.parametrize("oracle", read_rows("rank_sum"), ids=lambda row: row["sample"])
def test_u_z_and_p_of_every_variant_equal_r_and_coin(oracle):
    results = {name: get_test(name).compare(*parse_samples(oracle)) for name in rank_sum_variants()}
    assert {result.u for result in results.values()} == {float(oracle["u"])}
    assert [result.p for result in results.values()] == pytest.approx(select_numbers(oracle, *results), rel=1e-9)
    assert results["normal"].statistic == pytest.approx(float(oracle["z"]))


@given(samples, samples)
def test_every_variant_equals_scipy_or_enumeration(first, second):
    assume(len(set(first + second)) > 1)
    for method, correction in (("normal", False), ("normal_continuity", True)):
        result = get_test(method).compare(first, second)
        expected = stats.mannwhitneyu(first, second, method="asymptotic", use_continuity=correction)
        assert (result.u, result.p) == (expected.statistic, pytest.approx(expected.pvalue, rel=1e-9))
    first, second = first[:5], second[:5]
    assume(len(set(first + second)) > 1)
    ranks = stats.rankdata(first + second)
    distances = abs(np.sum([*combinations(ranks, len(first))], axis=1) - len(first) * (len(ranks) + 1) / 2)
    extreme = distances >= distances[0] - 1e-9  # the first combination is the observed one
    assert get_test("exact").compare(first, second).p == pytest.approx(extreme.mean(), rel=1e-12)


def test_exact_p_of_large_samples_equals_scipy_by_either_algorithm():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=150), rng.normal(0.1, size=140)
    expected = stats.mannwhitneyu(first, second, method="exact").pvalue
    assert get_test("exact").compare(first, second).p == pytest.approx(expected, rel=1e-12)
    ranks = stats.rankdata(np.concatenate([first, second]))
    assert exact_p(ranks, np.arange(290) < 150) == pytest.approx(expected, rel=1e-10)


@pytest.mark.slow
def test_exact_p_of_520_against_520_does_not_overflow():
    is_first = np.arange(1040) < 520
    values = np.random.default_rng(1).normal(size=(1040, 1)) + 0.1 * is_first[:, None]
    normal = asymptotic_columns(values, is_first, continuity=True)
    assert get_test("exact").compare_columns(values, is_first).p == pytest.approx(normal.p, rel=0.01)


def test_exact_p_values_leave_no_tables_in_memory_and_too_many_participants_with_ties_are_refused():
    rng = np.random.default_rng(1)
    tracemalloc.start()
    for _ in range(5):
        get_test("exact").compare(rng.integers(0, 40, 60), rng.integers(0, 40, 60))
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1e6
    assert peak < 2e7
    with pytest.raises(ValueError, match="at most 1200"):
        exact_p(np.ones(1202), np.arange(1202) < 601)
