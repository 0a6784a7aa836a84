"""The registry of two-sample tests, and the two tests that are not rank-sum variants."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle_values import parse_samples, read_rows, select_numbers

from d_q_trial.labels import STATISTICS
from d_q_trial.report.methods import REFERENCES
from d_q_trial.stats.checks import drop_missing
from d_q_trial.stats.estimate import mean_difference
from d_q_trial.stats.shift import hodges_lehmann
from d_q_trial.stats.two_sample import TESTS, get_test

samples = st.lists(st.integers(-9, 9).map(float), min_size=2, max_size=9).map(np.array)
any_test = st.sampled_from(list(TESTS.values()))
each_test = pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)


@pytest.mark.parametrize("name", ["brunner_munzel", "welch"])
def test_statistic_and_p_equal_r(name):
    for oracle in read_rows(name):
        result, expected = get_test(name).compare(*parse_samples(oracle)), select_numbers(oracle, "statistic", "p")
        assert result[3:] == pytest.approx(expected, rel=1e-9), oracle["sample"]


@pytest.mark.parametrize("oracle", read_rows("welch"), ids=lambda row: row["sample"])
def test_the_difference_of_means_equals_r_and_its_interval_is_mirrored_if_the_samples_are_swapped(oracle):
    samples, expected = parse_samples(oracle), select_numbers(oracle, "df", "statistic", "p", "lower", "upper")
    difference, swapped = (mean_difference(*pair, confidence=0.95) for pair in (samples, samples[::-1]))
    assert difference[2:] == pytest.approx(expected, rel=1e-10)
    assert difference.t == pytest.approx(difference.estimate / difference.standard_error, rel=1e-12)
    assert (swapped.lower, swapped.upper) == pytest.approx((-difference.upper, -difference.lower), rel=1e-10)


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


def test_an_unknown_test_name_lists_the_tests_in_alphabetical_order():
    with pytest.raises(ValueError, match=", ".join(sorted(TESTS))):
        get_test("students")


def test_the_texts_of_the_tests_are_read_without_numpy_scipy_or_pandas():
    code = "import sys; from d_q_trial.stats.two_sample import TESTS; [test.sentence for test in TESTS.values()]; "
    code += "print({'numpy', 'scipy', 'pandas'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
