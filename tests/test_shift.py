import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oracle_values import parse_samples, read_rows, select_numbers

from d_q_trial.stats import shift
from d_q_trial.stats.checks import is_significant
from d_q_trial.stats.rank_sum import exact_p
from d_q_trial.stats.shift import hodges_lehmann
from d_q_trial.stats.two_sample import get_test, rank_sum_variants

methods = st.sampled_from(rank_sum_variants())
samples = st.lists(st.integers(-20, 20).map(float), min_size=3, max_size=9).map(np.array)
SAMPLES = {row["sample"]: parse_samples(row) for row in read_rows("rank_sum")}


def estimate_shift(first, second, method="normal", confidence=0.95):
    shift = hodges_lehmann(first, second, method=method, confidence=confidence)
    return [shift.estimate, shift.lower, shift.upper]


# R's root search to 1e-4 leaves the lattice when nearly all values tie, so its limits for "constant" are not valid.
@pytest.mark.parametrize("oracle", [row for row in read_rows("rank_sum") if row["sample"] != "constant"])
@pytest.mark.parametrize(("method", "column"), [("normal", "normal"), ("normal_continuity", "continuity")])
def test_interval_equals_r(oracle, method, column):
    expected = select_numbers(oracle, f"{column}_lower", f"{column}_upper")
    assert estimate_shift(*SAMPLES[oracle["sample"]], method)[1:] == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("oracle", read_rows("rank_sum_exact"), ids=lambda row: row["sample"])
def test_exact_interval_and_p_without_ties_equal_r(oracle):
    samples, expected = SAMPLES[oracle["sample"]], select_numbers(oracle, "estimate", "lower", "upper")
    assert estimate_shift(*samples, "exact") == pytest.approx(expected, abs=1e-12)
    assert get_test("exact").compare(*samples).p == pytest.approx(float(oracle["p"]), rel=1e-12)


@given(samples, samples, methods)
@example(np.arange(-1.0, 2), np.array([0, 1, -1, 2, -2, 3, -3, 4, -5.0]), "exact")  # P = 0.1
@example(np.array([0, -1, -1, -2.0]), np.array([0, 1, -1, -2, 3, -3, -4.0]), "exact")  # P = 0.1 after rounding errors
def test_the_interval_contains_the_shifts_that_the_test_does_not_reject(first, second, method):
    def is_rejected(shift):
        return is_significant(get_test(method).compare(first - shift, second).p, 0.1)

    _, lower, upper = estimate_shift(first, second, method, 0.9)
    assert all(is_rejected(shift) for shift in (lower - 0.25, upper + 0.25) if np.isfinite(shift))
    if method == "exact" and any(np.unique(sample).size < sample.size for sample in (first, second)):
        return  # with ties within a sample P need not be monotone, and the interval contains rejected shifts too
    assert lower == upper or not any(is_rejected(d) for d in (lower + 0.25, upper - 0.25) if np.isfinite(d))


@given(samples, samples, methods, st.integers(-9, 9))
@example(np.zeros(3), np.zeros(4), "exact", 1)
def test_the_interval_moves_with_a_sample_and_is_mirrored_if_the_samples_are_swapped(first, second, method, move):
    original = estimate_shift(first, second, method, 0.9)
    assert estimate_shift(first + move, second, method, 0.9) == pytest.approx([value + move for value in original])
    estimate, lower, upper = estimate_shift(second, first, method, 0.9)
    assert original == pytest.approx([-estimate, -upper, -lower])


def test_an_exact_interval_with_ties_computes_few_exact_p_values_in_large_samples(monkeypatch):
    calls, rng = [], np.random.default_rng(1)
    monkeypatch.setattr(shift, "exact_p", lambda *arguments: calls.append(1) or exact_p(*arguments))
    samples = rng.integers(0, 60, 150), rng.integers(2, 62, 140)
    assert estimate_shift(*samples, "exact") == pytest.approx(estimate_shift(*samples), abs=1)
    assert 0 < len(calls) <= 12


@pytest.mark.parametrize(
    ("first", "second", "method", "confidence", "expected"),
    [
        ([1, 4, 6], [0, 3], "normal", 0.95, (2, -np.inf, np.inf)),  # differences -2, 1, 1, 3, 4, 6
        ([1, 2], [3, 4], "exact", 0.95, (-2, -np.inf, np.inf)),
        # Any shift separates two constant samples: only 1 of the 35 arrangements is as far from the mean.
        ([5] * 3, [5] * 4, "exact", 0.95, (0, 0, 0)),
        ([5] * 3, [5] * 4, "exact", 0.99, (0, -np.inf, np.inf)),
        ([1, np.nan, 5], [0], "normal", 0.2, (3, 1, 5)),
        ([np.nan], [1], "normal", 0.95, (np.nan, np.nan, np.nan)),
    ],
)
def test_limits_are_infinite_if_no_shift_is_rejected_and_nan_without_values(
    first, second, method, confidence, expected
):
    assert estimate_shift(first, second, method, confidence) == pytest.approx(expected, nan_ok=True)
