"""Power, detectable differences and exaggeration ratios."""

import math
import re

import numpy as np
import pytest
from oracle_values import read_values

from d_q_trial.stats.power import detectable_difference, exaggeration, implied_sd, t_power

R = read_values("sensitivity")


def test_power_equals_r_with_both_tails_and_the_reported_calculation_implies_a_standard_deviation_of_22():
    sd = implied_sd(19.8, 27, 27, power=0.9, alpha=0.05)
    assert (sd, round(sd, 1)) == (pytest.approx(R["power.sd_27"], rel=1e-6), 22.0)
    assert t_power(19.8, 22, 30, 30, alpha=0.05) == pytest.approx(R["power.power_30"], rel=1e-7)
    assert t_power(19.8, 22, 10, 11, alpha=0.05) == pytest.approx(R["power.power_10_11"], rel=1e-7)
    assert t_power(0.0, 22, 10, 11, alpha=0.05) == pytest.approx(0.05, rel=1e-9)
    assert t_power(1000.0, 1.0, 27, 27, alpha=0.05) == 1  # scipy's noncentral t has no such tails
    assert math.isnan(t_power(math.nan, 1.0, 27, 27, alpha=0.05))


@pytest.mark.parametrize("sizes", [(10, 11), (1, 2), (500, 3)])
def test_the_detectable_difference_has_the_given_power(sizes):
    difference = detectable_difference(22, *sizes, power=0.8, alpha=0.05)
    assert t_power(difference, 22, *sizes, alpha=0.05) == pytest.approx(0.8, rel=1e-9)


def test_exaggeration_equals_r_ignores_the_sign_and_has_a_normal_limit():
    expected = [R[f"exaggeration.{field}"] for field in ("power", "wrong_sign", "ratio")]
    assert exaggeration(0.5, 0.4, 19, alpha=0.05) == pytest.approx(expected, rel=1e-8)
    assert exaggeration(-0.5, 0.4, 19, alpha=0.05) == exaggeration(0.5, 0.4, 19, alpha=0.05)
    normal, many_df = (exaggeration(0.6, 0.5, df, alpha=0.05) for df in (math.inf, 1e7))
    assert normal == pytest.approx(many_df, rel=1e-5)


def test_exaggeration_is_one_for_a_certain_effect_infinite_for_none_and_undefined_without_error():
    assert exaggeration(10.0, 0.1, 50, alpha=0.05)[2] == pytest.approx(1, rel=1e-9)
    assert exaggeration(0.0, 0.1, 50, alpha=0.05) == pytest.approx((0.05, 0.5, math.inf))
    for effect, error, df in ((0.5, 0, 19), (0.5, 0.4, 1), (math.nan, 0.4, 19)):
        assert np.isnan(exaggeration(effect, error, df, alpha=0.05)).all()


PROPORTION = "expected a number between 0 and 1, such as 0.95 for 95%"
GROUPS = "expected three participants or more, none empty"
ZERO = "no standard deviation gives a difference of 0 more power than alpha"


def test_arguments_out_of_range_are_named():
    for message, call in (
        ("power: standard deviation 0, expected a number above 0", lambda: t_power(1, 0, 5, 5, alpha=0.05)),
        (f"power: groups of 1 and 1, {GROUPS}", lambda: t_power(1, 1, 1, 1, alpha=0.05)),
        (f"alpha 5: {PROPORTION}", lambda: t_power(1, 1, 5, 5, alpha=5)),
        (f"alpha 5: {PROPORTION}", lambda: exaggeration(1, 1, 5, alpha=5)),
        ("power 0.04: expected more than alpha, 0.05", lambda: implied_sd(1, 5, 5, power=0.04, alpha=0.05)),
        (f"power: {ZERO}", lambda: implied_sd(0, 5, 5, power=0.9, alpha=0.05)),
        (f"power 90: {PROPORTION}", lambda: detectable_difference(1, 5, 5, power=90, alpha=0.05)),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            call()
