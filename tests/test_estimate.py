"""Conventions on arguments, and estimates by Student's t, worked by hand."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from d_q_trial.stats.checks import finite, is_significant, open_share, present
from d_q_trial.stats.estimate import mean_difference, t_estimate

NONE = [math.nan] * 6


def test_an_estimate_has_the_p_and_the_interval_of_student_s_t():
    half = 0.5 * stats.t.ppf(0.95, 10)
    expected = (2, 0.5, 10, 4, 2 * stats.t.sf(4, 10), 2 - half, 2 + half)
    assert t_estimate(2.0, 0.5, 10, confidence=0.9) == pytest.approx(expected)
    assert t_estimate(-2.0, 0.5, 10, confidence=0.9).p == pytest.approx(expected[4])


@pytest.mark.parametrize(("error", "df"), [(0.0, 5), (0.5, 0.0), (math.nan, 5), (0.5, math.nan)])
def test_an_estimate_without_error_or_degrees_of_freedom_stands_alone(error, df):
    assert t_estimate(2.0, error, df, confidence=0.9) == pytest.approx((2.0, *NONE), nan_ok=True)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1.0], [1.0, 2.0], (math.nan, *NONE)),
        ([5.0, 5.0], [2.0, 2.0], (3.0, *NONE)),
        # Variances 0 and 2, so a standard error of 1 with one degree of freedom: Cauchy's distribution.
        ([1.0, 1.0], [1.0, 3.0], (-1.0, 1.0, 1.0, -1.0, 0.5, -2.0, 0.0)),
    ],
)
def test_welch_needs_two_values_and_one_group_that_varies(first, second, expected):
    assert mean_difference(first, second, confidence=0.5) == pytest.approx(expected, nan_ok=True, abs=1e-12)


def test_missing_values_are_left_out_and_infinite_ones_refused_by_name():
    np.testing.assert_array_equal(finite([1, None]), [1, np.nan])
    np.testing.assert_array_equal(present([[3, None], [1, 2]]), [3, 1, 2])
    infinite = "infinite value, expected finite numbers (NaN where missing)"
    share = "expected a number between 0 and 1, such as 0.95 for 95%"
    for call, message in (
        (lambda: finite([math.inf]), f"values: {infinite}"),
        (lambda: finite([-math.inf], "marker"), f"marker: {infinite}"),
        (lambda: present([math.inf]), f"sample: {infinite}"),
        (lambda: open_share(0, "power"), f"power 0: {share}"),
        (lambda: open_share(1, "power"), f"power 1: {share}"),
        (lambda: t_estimate(1, 1, 1, confidence=95), f"confidence 95: {share}"),
        (lambda: mean_difference([1], [1], confidence=95), f"confidence 95: {share}"),
        (lambda: is_significant(0.05, 5), f"alpha 5: {share}"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            call()


def test_p_up_to_alpha_is_significant_but_for_rounding():
    found = is_significant([0.05, 0.05 + 1e-13, 0.05 + 1e-11, 1e-9, None], 0.05)
    assert found.tolist() == [True, True, False, True, False]
    assert is_significant(0.5 + 1e-12, 0.5)  # the tolerance itself
