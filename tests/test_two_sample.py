"""The registry of two-sample tests, and the two tests that are no rank-sum variants."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle_values import parse_numbers, read_rows

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
        found = get_test(name).compare(parse_numbers(oracle["x"]), parse_numbers(oracle["y"]))
        assert found[3:] == pytest.approx((float(oracle["statistic"]), float(oracle["p"])), rel=1e-9), oracle["sample"]


@pytest.mark.parametrize("oracle", read_rows("welch"), ids=lambda row: row["sample"])
def test_the_difference_of_means_equals_r_and_its_interval_is_mirrored(oracle):
    samples = parse_numbers(oracle["x"]), parse_numbers(oracle["y"])
    found, mirrored = (mean_difference(*pair, confidence=0.95) for pair in (samples, samples[::-1]))
    expected = [float(oracle[name]) for name in ("df", "statistic", "p", "lower", "upper")]
    assert found[2:] == pytest.approx(expected, rel=1e-10)
    assert found.t == pytest.approx(found.estimate / found.standard_error, rel=1e-12)
    assert (mirrored.lower, mirrored.upper) == pytest.approx((-found.upper, -found.lower), rel=1e-10)


@given(any_test, samples, samples)
def test_swapping_the_samples_changes_the_sign_and_a_rising_transform_nothing(test, first, second):
    one, other = test.compare(first, second), test.compare(second, first)
    assert one.u + other.u == first.size * second.size
    assert one.statistic == pytest.approx(-other.statistic, rel=1e-9, abs=1e-12, nan_ok=True)
    assert one.p == pytest.approx(other.p, rel=1e-9, nan_ok=True)
    assert np.isnan(one.p) or 0 <= one.p <= 1
    assume(test.mean_difference is None)
    moved = test.compare(np.exp(first / 3), np.exp(second / 3))
    assert list(moved) == pytest.approx(list(one), rel=1e-9, nan_ok=True)


@each_test
@given(st.integers(0, 10**6), st.sampled_from([6, 10_000]))
def test_columns_with_missing_values_equal_single_comparisons(test, seed, different):
    rng = np.random.default_rng(seed)
    values, is_first = rng.integers(0, different, (11, 12)).astype(float), np.arange(11) < 5
    values[rng.random(values.shape) < 0.2] = np.nan
    together = test.compare_columns(values, is_first)
    differences = test.difference_columns(values, is_first, confidence=0.8)
    for place, column in enumerate(values.T):
        pair = drop_missing(column[is_first]), drop_missing(column[~is_first])
        assert [field[place] for field in together] == pytest.approx(list(test.compare(*pair)), rel=1e-9, nan_ok=True)
        by = {} if test.mean_difference else {"method": test.name}
        own = (hodges_lehmann if by else mean_difference)(*pair, confidence=0.8, **by)
        np.testing.assert_allclose([field[place] for field in differences], own, rtol=1e-9, atol=1e-12)


@each_test
def test_every_test_says_what_it_can_and_cannot_do(test):
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
    name, lower, upper = test.estimate
    assert (STATISTICS[name] in test.interval) or (STATISTICS[name].lower() in test.interval)
    assert (lower, upper) == (f"{name}_lower", f"{name}_upper")


@each_test
def test_data_that_do_not_determine_a_p_give_nan_no_columns_nothing_and_infinite_values_an_error(test):
    for first, second in (([], [1.0, 2.0]), ([2.0, 2.0], [2.0, 2.0]), ([1.0, 2.0], [])):
        found = test.compare(first, second)
        assert found[:3] == (len(first), len(second), len(first) * len(second) / 2)
        assert np.isnan(found[3:]).all()
    none = test.compare_columns(np.empty((3, 0)), np.array([True, True, False]))
    assert [np.shape(field) for field in none] == [(0,)] * 5
    with pytest.raises(ValueError, match="infinite"):
        test.compare([1.0, np.inf], [1.0, 2.0, 3.0])


def test_an_unknown_name_lists_the_known_ones_in_alphabetical_order():
    with pytest.raises(ValueError, match=", ".join(sorted(TESTS))):
        get_test("students")


def test_names_and_words_are_read_without_numpy_or_scipy():
    code = (
        "import sys; from d_q_trial.stats.two_sample import TESTS; [test.sentence for test in TESTS.values()]; "
        "print({'numpy', 'scipy', 'pandas'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
