"""What stands for a missing value and for an outlier, worked by hand."""

import numpy as np
import pytest

from d_q_trial.robustness.specifications import fences, with_missing, without_outliers

NAN = np.nan
WEEK_2 = np.array([10.0, 5.0, NAN, NAN, 1.0])
WEEK_4 = np.array([NAN, 6.0, NAN, 2.0, NAN])
WEEK_20 = np.array([NAN, NAN, NAN, 7.0, NAN])
HAS_BASELINE = np.array([True, True, True, True, False])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("available", [NAN, NAN, NAN, 7.0, NAN]),
        ("last_carried_forward", [10.0, 6.0, NAN, 7.0, 1.0]),  # the latest earlier value, not the first or the baseline
        ("no_change", [0.0, 0.0, 0.0, 7.0, NAN]),
    ],
)
def test_a_missing_value_is_replaced_as_by_hand_and_observed_values_stay(rule, expected):
    kept = [week.copy() for week in (WEEK_2, WEEK_4, WEEK_20)]
    np.testing.assert_array_equal(with_missing([WEEK_2, WEEK_4, WEEK_20], HAS_BASELINE, rule), expected)
    np.testing.assert_array_equal([WEEK_2, WEEK_4, WEEK_20], kept)
    np.testing.assert_array_equal(with_missing([WEEK_2], HAS_BASELINE, "last_carried_forward"), WEEK_2)


def test_fences_are_those_of_the_quartiles_of_both_arms_together():
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, NAN, 40.0])
    low, high = fences(values, limit=3.0, quartile_type=7)  # quartiles 2.25 and 4.75 of 1, 2, 3, 4, 5, 40
    assert (low, high) == (2.25 - 3 * 2.5, 4.75 + 3 * 2.5)
    np.testing.assert_array_equal(without_outliers(values, "keep", low, high), values)
    np.testing.assert_array_equal(without_outliers(values, "trim", low, high), [1, 2, 3, 4, 5, NAN, NAN])
    np.testing.assert_array_equal(without_outliers(values, "winsorise", low, high), [1, 2, 3, 4, 5, NAN, 12.25])
    empty = np.full(4, NAN)
    for rule in ("keep", "trim", "winsorise"):
        assert np.isnan(without_outliers(empty, rule, *fences(empty, limit=3.0, quartile_type=7))).all()


@pytest.mark.parametrize(
    "call", [lambda: with_missing([WEEK_2], HAS_BASELINE, "x"), lambda: without_outliers(WEEK_2, "x", 0, 1)]
)
def test_an_unknown_rule_is_refused(call):
    with pytest.raises(ValueError, match="rule 'x'"):
        call()
