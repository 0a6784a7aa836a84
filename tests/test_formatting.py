import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d_q_trial import formatting
from d_q_trial.labels import uncapitalize


def test_a_value_rounds_to_the_reported_value_by_half_even_half_up_or_as_a_binary_number():  # 2.675 is 2.67499...
    rules = {(28.25, "28.2"): "half even", (28.25, "28.3"): "half up", (28.26, "28.2"): "", (33.6, "+34"): "half even"}
    rules |= {(2.675, "2.68"): "half even", (2.675, "2.67"): "binary"}
    assert {example: formatting.find_rounding_rule(*example) for example in rules} == rules


@given(st.floats(-1e6, 1e6), st.integers(0, 3))
def test_a_rounded_value_has_a_rounding_rule(value, decimals):
    for half in ("even", "up"):
        assert formatting.find_rounding_rule(value, f"{formatting.round_decimal(value, decimals, half=half):f}")


def test_p_has_three_decimals_and_numbers_have_minus_signs_grouped_thousands_and_a_dash_if_undefined():
    p = {0.61146: "P = 0.611", 0.00099: "P < 0.001", 0.001: "P = 0.001", 1.0: "P = 1.000", math.nan: "P not defined"}
    assert {value: formatting.format_p(value) for value in p} == p
    assert formatting.format_number(math.nan, 1) == formatting.format_grouped(math.nan, 1) == "–"
    assert formatting.format_number(-8.66, 1) == "−8.7"
    assert formatting.format_number(-0.01, 1) == "0.0"
    assert formatting.format_median_iqr(1260088, 1057105, 1526011.5, 0) == "1,260,088 (1,057,105, 1,526,012)"
    assert formatting.format_interval(-1.25, -3, 0.4, 1) == "−1.2 (−3.0 to 0.4)"
    assert formatting.format_interval(-1.25, math.nan, math.nan, 1) == "−1.2"
    assert formatting.format_interval(-1.5, -2.84e147, math.inf, 1) == "−1.5 (−2.8e+147 to inf)"
    assert formatting.format_number(123456789012000.0, 0) == "123456789012000"


@given(st.floats(-1.7e308, 1.7e308), st.integers(0, 6))
def test_every_finite_number_is_formatted_in_at_most_28_characters(value, decimals):
    text, tolerance = formatting.format_grouped(value, decimals), 0.6 * 10.0**-decimals
    assert len(text) <= 28
    parsed = float(text.replace("−", "-").replace(",", ""))
    assert parsed == pytest.approx(value, rel=0.06 if abs(value) >= 1e15 else 1e-11, abs=tolerance)
    assert float(formatting.round_decimal(value, decimals)) == pytest.approx(value, rel=1e-11, abs=tolerance)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_rounding_to_significant_digits_is_accurate_and_idempotent(value):
    rounded = formatting.round_significant(value)
    assert rounded == pytest.approx(value, rel=1e-9, abs=0)
    assert formatting.round_significant(rounded) == rounded
    assert formatting.round_significant(1.23456789049) == 1.23456789
    assert math.isnan(formatting.round_significant(math.nan))
    assert formatting.round_significant([123456.0, -0.00123456], 3).tolist() == [123000.0, -0.00123]


def test_a_label_is_lower_case_within_a_sentence_unless_it_is_a_name():
    for label in ("Radius BMD", "Treatment as usual", "Vitamin D"):
        assert uncapitalize(label) == label[0].lower() + label[1:]
    for name in ("CTx", "Fas", "D-penicillamine", "Beck Depression Inventory", "Beat the Blues"):
        assert uncapitalize(name) == name
