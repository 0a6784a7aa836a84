"""The registry of two-sample tests, and the two tests that are no rank-sum variants."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle_values import numbers, rows

from d_q_trial.stats.estimate import mean_difference
from d_q_trial.stats.shift import hodges_lehmann
from d_q_trial.stats.two_sample import TESTS, get_test, rank_sum_variants

samples = st.lists(st.integers(-9, 9).map(float), min_size=2, max_size=9).map(np.array)
any_test = st.sampled_from(list(TESTS.values()))
each_test = pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)


@pytest.mark.parametrize("oracle", rows("brunner_munzel"), ids=lambda row: row["sample"])
def test_brunner_munzel_equals_the_formula_in_r(oracle):
    found = get_test("brunner_munzel").compare(numbers(oracle["x"]), numbers(oracle["y"]))
    assert found.statistic == pytest.approx(float(oracle["statistic"]), rel=1e-10)
    assert found.p == pytest.approx(float(oracle["p"]), rel=1e-9)


@pytest.mark.parametrize("oracle", rows("welch"), ids=lambda row: row["sample"])
def test_welch_equals_r_with_its_interval(oracle):
    first, second = numbers(oracle["x"]), numbers(oracle["y"])
    found = mean_difference(first, second, confidence=0.95)
    expected = [float(oracle[name]) for name in ("df", "statistic", "p", "lower", "upper")]
    assert [found.df, found.t, found.p, found.lower, found.upper] == pytest.approx(expected, rel=1e-10)
    assert found.t == pytest.approx(found.estimate / found.standard_error, rel=1e-12)
    assert get_test("welch").compare(first, second).p == found.p


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


@given(any_test, st.integers(0, 10**6))
def test_columns_with_missing_values_equal_single_comparisons(test, seed):
    rng = np.random.default_rng(seed)
    values, is_first = rng.integers(0, 6, (11, 4)).astype(float), np.arange(11) < 5
    values[rng.random(values.shape) < 0.2] = np.nan
    together = test.compare_columns(values, is_first)
    for place, column in enumerate(values.T):
        alone = test.compare(column[is_first], column[~is_first])
        assert [field[place] for field in together] == pytest.approx(list(alone), rel=1e-9, nan_ok=True)


@given(samples, samples)
def test_the_welch_interval_is_mirrored(first, second):
    one, other = (mean_difference(*pair, confidence=0.9) for pair in ((first, second), (second, first)))
    expected = [-other.upper, -other.lower]
    assert [one.lower, one.upper] == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@each_test
def test_every_test_says_what_it_can_and_cannot_do(test):
    assert test.label
    assert test.references
    assert test.sentence.startswith("two-sided ")
    assert "{level}" in test.interval or "without an interval" in test.interval
    assert (test.continuity is None) == bool(test.not_permuted)
    shift = hodges_lehmann([1, 2, 3, 9, 9], [0, 1, 2, 2, 4], method=test.name, confidence=0.5)
    assert shift.estimate == 2
    assert np.isnan(shift.lower) == (test.depths is None)


@each_test
@pytest.mark.parametrize(("first", "second"), [([], [1.0, 2.0]), ([2.0, 2.0], [2.0, 2.0]), ([1.0, 2.0], [])])
def test_data_that_do_not_determine_a_p_give_nan(test, first, second):
    found = test.compare(np.array(first), np.array(second))
    assert (found.n_first, found.n_second, found.u) == (len(first), len(second), len(first) * len(second) / 2)
    assert np.isnan([found.p, found.statistic]).all()


@each_test
def test_no_columns_have_no_results(test):
    found = test.compare_columns(np.empty((3, 0)), np.array([True, True, False]))
    assert [np.shape(field) for field in found] == [(0,)] * 5


@each_test
def test_infinite_values_are_an_error(test):
    with pytest.raises(ValueError, match="infinite"):
        test.compare(np.array([1.0, np.inf]), np.array([1.0, 2.0, 3.0]))


def test_an_unknown_name_lists_the_known_ones_in_alphabetical_order():
    with pytest.raises(ValueError, match="brunner_munzel, exact, normal, normal_continuity, welch"):
        get_test("students")


def test_names_and_words_are_read_without_numpy_or_scipy():
    code = (
        "import sys; from d_q_trial.stats.two_sample import TESTS; [test.sentence for test in TESTS.values()]; "
        "print({'numpy', 'scipy', 'pandas'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_an_entry_in_the_registry_is_all_that_a_new_test_needs(monkeypatch):
    monkeypatch.setitem(TESTS, "median_test", replace(get_test("normal"), name="median_test", label="a newcomer"))
    assert get_test("median_test").label == "a newcomer"
    assert "median_test" in rank_sum_variants()
