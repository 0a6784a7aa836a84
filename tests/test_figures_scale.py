import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from d_q_trial.figures.draw import REACH, side_steps, time_positions, view

HEIGHTS = st.lists(st.floats(0, 150), min_size=1, max_size=60)


def test_one_extreme_value_does_not_flatten_the_axis():
    low, high = view([-20, -10, 0, 10, 1480], (-15, 5))
    assert high < 5 + REACH * 20
    assert low < -20


def test_a_value_just_out_of_reach_is_shown_rather_than_marked():
    assert view([-6, 15, 19.2], (-2, 1))[1] > 19.2


def test_values_within_reach_widen_the_axis():
    assert view([0, 60], (0, 10))[1] > 60


def test_zero_is_kept_in_view():
    low, high = view([5, 6], (5, 6), include=(0.0,))
    assert low < 0 < high


def test_stated_limits_overrule_the_choice():
    assert view([0, 1], (0, 1), limits=(-3.0, 7.0)) == (-3.0, 7.0)


@pytest.mark.parametrize("values", [[], [math.nan], [3.0], [0.0, 0.0]])
def test_an_axis_always_has_an_extent(values):
    low, high = view(values, ())
    assert low < high


def test_equal_quartiles_hide_no_value():
    low, high = view([1, 1, 1, 9], (1, 1))
    assert low < 1
    assert high > 9


@given(HEIGHTS)
def test_no_point_hides_another(heights):
    steps = side_steps(heights, 3.0, 1000.0)
    for i in range(len(heights)):
        for j in range(i):
            assert math.hypot(heights[i] - heights[j], steps[i] - steps[j]) >= 0.98 * 3.0 - 1e-9


@given(HEIGHTS, st.floats(1, 20))
def test_points_stay_within_their_group(heights, room):
    assert all(abs(step) <= room for step in side_steps(heights, 3.0, room))


def test_a_lone_point_stands_in_the_middle():
    assert side_steps([5.0, 50.0], 3.0, 20.0) == [0.0, 0.0]


def test_the_place_of_a_point_does_not_depend_on_the_others_above():
    assert side_steps([1.0, 2.0, 90.0], 3.0, 20.0)[:2] == side_steps([1.0, 2.0], 3.0, 20.0)


def test_long_gaps_between_visits_are_cut_and_said_so():
    assert time_positions([0, 2, 4, 20]) == ([0, 1, 2, 4], [3])
    assert time_positions([0, 26, 52]) == ([0, 1, 2], [])


def test_visits_out_of_order_are_refused():
    with pytest.raises(ValueError, match="follow each other"):
        time_positions([0, 4, 2])
