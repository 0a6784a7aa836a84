"""The registry of two-sample tests: the rank-sum variants, Brunner-Munzel and Welch, and the intervals of their effects."""

import subprocess
import sys
import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from oracle_values import parse_samples, read_rows, select_numbers
from scipy import stats

from d_q_trial.labels import STATISTICS
from d_q_trial.report.page import REFERENCES
from d_q_trial.stats import rank_sum
from d_q_trial.stats.checks import drop_missing, is_significant
from d_q_trial.stats.estimate import mean_difference
from d_q_trial.stats.rank_sum import asymptotic_columns, exact_p, hodges_lehmann
from d_q_trial.stats.two_sample import TESTS, get_test, rank_sum_variants

# Few different values, so that ties are common.
samples = st.lists(st.integers(-9, 9).map(float), min_size=1, max_size=9).map(np.array)
any_test, any_variant = st.sampled_from(list(TESTS.values())), st.sampled_from(rank_sum_variants())
each_test = pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
EXACT_ROWS = {row["sample"]: row for row in read_rows("rank_sum_exact")}
INFINITE = (-np.inf, np.inf)


def estimate_shift(first, second, method="normal", confidence=0.95):
    shift = hodges_lehmann(first, second, method=method, confidence=confidence)
    return [shift.estimate, shift.lower, shift.upper]


@pytest.mark.parametrize("oracle", read_rows("rank_sum"), ids=lambda row: row["sample"])
def test_u_z_p_and_intervals_of_the_rank_sum_variants_equal_r_and_coin(oracle):
    samples, name = parse_samples(oracle), oracle["sample"]
    results = {method: get_test(method).compare(*samples) for method in rank_sum_variants()}
    assert {result.u for result in results.values()} == {float(oracle["u"])}
    assert [result.p for result in results.values()] == pytest.approx(select_numbers(oracle, *results), rel=1e-9)
    assert results["normal"].statistic == pytest.approx(float(oracle["z"]))
    # R's root search to 1e-4 leaves the lattice when nearly all values tie, so its limits for "constant" are not valid.
    if name != "constant":
        for method in ("normal", "normal_continuity"):
            limits = select_numbers(oracle, f"{method}_lower", f"{method}_upper")
            assert estimate_shift(*samples, method)[1:] == pytest.approx(limits, abs=2e-4), method
    if name in EXACT_ROWS:  # those without ties
        exact = results["exact"].p, *estimate_shift(*samples, "exact")
        expected = select_numbers(EXACT_ROWS[name], "p", "estimate", "lower", "upper")
        assert exact == pytest.approx(expected, abs=1e-12)


def test_brunner_and_munzel_s_and_welch_s_test_and_the_difference_of_means_equal_r():
    for name in ("brunner_munzel", "welch"):
        for oracle in read_rows(name):
            samples, expected = parse_samples(oracle), select_numbers(oracle, "statistic", "p")
            assert get_test(name).compare(*samples)[3:] == pytest.approx(expected, rel=1e-9), oracle["sample"]
            if name == "welch":
                difference = mean_difference(*samples, confidence=0.95)
                expected = select_numbers(oracle, "df", "statistic", "p", "lower", "upper")
                assert difference[2:] == pytest.approx(expected, rel=1e-10), oracle["sample"]
                assert difference.t == pytest.approx(difference.estimate / difference.standard_error, rel=1e-12)


@given(*[samples.map(lambda sample: sample[:5])] * 2)
def test_u_counts_pairs_and_the_exact_p_is_a_share_of_all_arrangements(first, second):
    assume(np.ptp([*first, *second]) > 0)
    ranks = stats.rankdata([*first, *second])
    distances = abs(np.sum([*combinations(ranks, len(first))], axis=1) - len(first) * (len(ranks) + 1) / 2)
    extreme = distances >= distances[0] - 1e-9  # the first combination is the observed one
    wins = (np.sign(np.subtract.outer(first, second)) + 1) / 2
    assert get_test("exact").compare(first, second)[2::2] == (wins.sum(), pytest.approx(extreme.mean(), rel=1e-12))


@pytest.mark.slow
def test_exact_p_of_520_against_520_does_not_overflow():
    is_first = np.arange(1040) < 520
    values = np.random.default_rng(1).normal(size=(1040, 1)) + 0.1 * is_first[:, None]
    normal = asymptotic_columns(values, is_first, continuity=True)
    assert get_test("exact").compare_columns(values, is_first).p == pytest.approx(normal.p, rel=0.01)


def test_exact_inference_from_large_samples_equals_scipy_is_cheap_and_refuses_too_many_with_ties(monkeypatch):
    rng, is_first = np.random.default_rng(1), np.arange(290) < 150
    values = rng.normal(size=290)
    expected = stats.mannwhitneyu(values[is_first], values[~is_first], method="exact").pvalue
    assert exact_p(stats.rankdata(values), is_first) == pytest.approx(expected, rel=1e-10)
    tracemalloc.start()
    for _ in range(5):
        get_test("exact").compare(rng.integers(0, 40, 60), rng.integers(0, 40, 60))
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1e6
    assert peak < 2e7
    with pytest.raises(ValueError, match="at most 1200"):
        exact_p(np.ones(1202), np.arange(1202) < 601)
    calls, samples = [], (rng.integers(0, 60, 150), rng.integers(2, 62, 140))
    monkeypatch.setattr(rank_sum, "exact_p", lambda *arguments: calls.append(1) or exact_p(*arguments))
    assert estimate_shift(*samples, "exact") == pytest.approx(estimate_shift(*samples), abs=1)
    assert 0 < len(calls) <= 12


@given(any_test, samples, samples)
def test_swapping_the_samples_changes_the_sign_and_a_rising_transform_changes_nothing(test, first, second):
    result, swapped = test.compare(first, second), test.compare(second, first)
    assert result.u + swapped.u == first.size * second.size
    assert result.statistic == pytest.approx(-swapped.statistic, rel=1e-9, abs=1e-12, nan_ok=True)
    assert result.p == pytest.approx(swapped.p, rel=1e-9, nan_ok=True)
    assert np.isnan(result.p) or 0 <= result.p <= 1
    assume(test.mean_difference is None)
    transformed = test.compare(np.exp(first / 3), np.exp(second / 3))
    assert list(transformed) == pytest.approx(list(result), rel=1e-9, nan_ok=True)


@each_test
@given(st.integers(0, 10**6), st.sampled_from([6, 10_000]))
def test_columns_with_missing_values_equal_single_comparisons(test, seed, n_values):
    rng = np.random.default_rng(seed)
    values, is_first = rng.integers(0, n_values, (11, 12)).astype(float), np.arange(11) < 5
    values[rng.random(values.shape) < 0.2] = np.nan
    results = np.transpose(test.compare_columns(values, is_first))
    np.testing.assert_array_equal(results, np.transpose(test.compare_columns(values, is_first.astype(int))))
    differences = np.transpose(test.difference_columns(values, is_first, confidence=0.8))
    for column, result, difference in zip(values.T, results, differences, strict=True):
        pair = drop_missing(column[is_first]), drop_missing(column[~is_first])
        assert list(result) == pytest.approx(list(test.compare(*pair)), rel=1e-9, nan_ok=True)
        method = {} if test.mean_difference else {"method": test.name}
        expected = (hodges_lehmann if method else mean_difference)(*pair, confidence=0.8, **method)
        np.testing.assert_allclose(difference, expected, rtol=1e-9, atol=1e-12)


@each_test
def test_the_texts_of_a_test_agree_with_its_operations(test):
    assert test.label
    assert test.references
    assert set(test.references) <= set(REFERENCES)
    assert test.sentence.startswith("two-sided ")
    assert "{level}" in test.interval or "without an interval" in test.interval
    assert (test.continuity is None) == bool(test.not_permuted)
    shift = hodges_lehmann([1, 2, 3, 9, 9], [0, 1, 2, 2, 4], method=test.name, confidence=0.5)
    assert shift.estimate == 2
    assert np.isnan(shift.lower) == (test.depths is None)
    assert test.has_interval == ("{level}" in test.interval)
    name, *limits = test.estimate
    assert STATISTICS[name].lower() in test.interval.lower()
    assert limits == [f"{name}_lower", f"{name}_upper"]


@each_test
def test_undefined_p_is_nan_no_columns_give_no_results_and_infinite_values_are_refused(test):
    for first, second in (([], [1.0, 2.0]), ([2.0, 2.0], [2.0, 2.0]), ([1.0, 2.0], [])):
        result = test.compare(first, second)
        assert result[:3] == (len(first), len(second), len(first) * len(second) / 2)
        assert np.isnan(result[3:]).all()
    empty = test.compare_columns(np.empty((3, 0)), np.array([True, True, False]))
    assert [np.shape(field) for field in empty] == [(0,)] * 5
    with pytest.raises(ValueError, match="infinite"):
        test.compare([1.0, np.inf], [1.0, 2.0, 3.0])


def test_an_unknown_name_lists_the_tests_whose_texts_are_read_without_numpy_scipy_or_pandas():
    with pytest.raises(ValueError, match=", ".join(sorted(TESTS))):
        get_test("students")
    code = "import sys; from d_q_trial.stats.two_sample import TESTS; [test.sentence for test in TESTS.values()]; "
    code += "print({'numpy', 'scipy', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@given(samples, samples, any_variant, st.integers(-9, 9))
@example(np.arange(-1.0, 2), np.array([0, 1, -1, 2, -2, 3, -3, 4, -5.0]), "exact", 0)  # P = 0.1
@example(
    np.array([0, -1, -1, -2.0]), np.array([0, 1, -1, -2, 3, -3, -4.0]), "exact", 0
)  # P = 0.1 after rounding errors
@example(np.zeros(3), np.zeros(4), "exact", 1)
def test_the_interval_contains_the_shifts_that_are_not_rejected_and_moves_with_a_sample(first, second, method, move):
    def is_rejected(shift):
        return is_significant(get_test(method).compare(first - shift, second).p, 0.1)

    estimate, lower, upper = estimate_shift(first, second, method, 0.9)
    moved = estimate_shift(first + move, second, method, 0.9)
    assert moved == pytest.approx([estimate + move, lower + move, upper + move])
    assert estimate_shift(second, first, method, 0.9) == pytest.approx([-estimate, -upper, -lower])
    assert all(is_rejected(shift) for shift in (lower - 0.25, upper + 0.25) if np.isfinite(shift))
    if method == "exact" and any(np.unique(sample).size < sample.size for sample in (first, second)):
        return  # with ties within a sample P need not be monotone, and the interval contains rejected shifts too
    assert lower == upper or not any(is_rejected(d) for d in (lower + 0.25, upper - 0.25) if np.isfinite(d))


@pytest.mark.parametrize(
    ("first", "second", "method", "confidence", "expected"),
    [
        ([1, 4, 6], [0, 3], "normal", 0.95, (2, *INFINITE)),  # differences -2, 1, 1, 3, 4, 6
        ([1, 2], [3, 4], "exact", 0.95, (-2, *INFINITE)),
        # Any shift separates two constant samples: only 1 of the 35 arrangements is as far from the mean.
        ([5] * 3, [5] * 4, "exact", 0.95, (0, 0, 0)),
        ([5] * 3, [5] * 4, "exact", 0.99, (0, *INFINITE)),
        ([1, np.nan, 5], [0], "normal", 0.2, (3, 1, 5)),
        ([1, 2, 4], [3, 7, 9], "normal", 0.1, (-5, -5, -5)),  # as R: at this level every shift is rejected
        ([np.nan], [1], "normal", 0.95, (np.nan, np.nan, np.nan)),
    ],
)
def test_limits_are_infinite_if_no_shift_is_rejected_and_nan_without_data(first, second, method, confidence, expected):
    assert estimate_shift(first, second, method, confidence) == pytest.approx(expected, nan_ok=True)
