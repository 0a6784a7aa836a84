"""Trend over ordered groups."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_values import numbers, rows

from d_q_trial.stats.categorical import jonckheere_terpstra

groups = st.lists(st.lists(st.integers(0, 6).map(float), min_size=1, max_size=5), min_size=3, max_size=4)


def _groups(oracle):
    values, number = numbers(oracle["values"]), numbers(oracle["groups"])
    return [values[number == group] for group in np.unique(number)]


@pytest.mark.parametrize("oracle", rows("trend"), ids=lambda row: row["case"])
def test_z_and_p_equal_r(oracle):
    found = jonckheere_terpstra(_groups(oracle))
    assert found.z == pytest.approx(float(oracle["z"]), rel=1e-9)
    assert found.p == pytest.approx(float(oracle["p"]), rel=1e-9)


def test_j_and_its_mean_are_those_of_the_book():
    # Hollander and Wolfe, example 6.2: 54 + 75.5... the motivational data, J = 79 of 108 pairs.
    control = [40, 35, 38, 43, 44, 41]
    some, much = [38, 40, 47, 44, 40, 42], [48, 40, 45, 43, 46, 44]
    assert jonckheere_terpstra([control, some, much]).j == 79


@given(groups)
def test_reversing_the_groups_changes_the_sign_only(samples):
    plain, reverse = jonckheere_terpstra(samples), jonckheere_terpstra(samples[::-1])
    assert plain.z == pytest.approx(-reverse.z, abs=1e-9, nan_ok=True)
    assert plain.p == pytest.approx(reverse.p, rel=1e-9, nan_ok=True)


@given(groups)
def test_a_monotone_transform_changes_nothing(samples):
    moved = jonckheere_terpstra([np.exp(np.array(sample)) for sample in samples])
    assert list(moved) == pytest.approx(list(jonckheere_terpstra(samples)), rel=1e-9, nan_ok=True)


def test_equal_values_or_one_group_have_no_trend():
    for samples in ([[1, 1], [1], [1, 1]], [[1, 2, 3], [], [np.nan]], []):
        assert np.isnan(jonckheere_terpstra(samples).p)
