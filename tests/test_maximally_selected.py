"""Subgroups along a marker, and the split that divides a response best."""

import numpy as np
import pytest
from oracle_values import read_columns, read_values

from d_q_trial.config.robustness import Windows
from d_q_trial.robustness.cutoffs import list_subgroups
from d_q_trial.stats.maximally_selected import best_cut_bootstrap, best_split
from d_q_trial.stats.rank_sum import pairwise_wins
from d_q_trial.stats.two_sample import get_test

ORACLE, DATA = read_values("permutation"), read_columns("best_split_data")
MARKER, RESPONSE = DATA["marker"], DATA["response"]
TENTH = 4  # of 40: the smallest group that maxstat's minprop = 0.1 leaves


def test_the_best_split_is_that_of_maxstat_and_coin_in_r():
    some = np.append(MARKER, [5.0, np.nan]), np.append(RESPONSE, [np.nan, 5.0])  # who lack a value do not count
    found = best_split(*some, minimum=TENTH, permutations=20_000, seed=1)
    assert (MARKER[found.cut > MARKER].max(), found.splits) == (ORACLE["maxstat cut"], ORACLE["splits"])
    assert found.n == MARKER.size
    for package in ("maxstat", "coin maxstat"):
        assert abs(found.z) == pytest.approx(ORACLE[f"{package} statistic"], abs=1e-12)
        p = ORACLE[f"{package} p"]
        assert found.p.p == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) * (1 / 200_000 + 1 / 20_000)))
    assert found.p.lower < found.p.p < found.p.upper


@pytest.mark.parametrize(("marker", "response"), [([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3, 4], [5, 5, 5, 5]), ([], [])])
def test_nothing_to_split_has_no_p(marker, response):
    assert np.isnan(best_split(marker, response, minimum=1, permutations=99, seed=1).p.p)


def test_windows_hold_everyone_and_keep_equal_values_together():
    marker = np.array([5.0, 1, 2, 2, 3, 8, 9, 4, 4, 4, 7])
    table, members = list_subgroups(marker, Windows(share=0.3, step=0.1), 1, "upper")
    inside = members[:, table["side"].eq("window")]
    assert inside.any(axis=1).all()
    for group in inside.T:
        low, high = marker[group].min(), marker[group].max()
        np.testing.assert_array_equal(group, (marker >= low) & (marker <= high))
        assert group.sum() >= 3
    assert len(np.unique(inside.T, axis=0)) == inside.shape[1]


def _searched_one_by_one(marker, response, is_first, weights, above):
    """Return the best cut of a resample, and the effect at it among those left out, from one test per cut."""
    best, found = -1.0, (np.nan, np.nan)
    for cut in np.unique(marker[weights > 0])[1:]:
        inside = (marker >= cut) == above
        first, second = (np.repeat(response[inside & arm], weights[inside & arm]) for arm in (is_first, ~is_first))
        if min(first.size, second.size) < 3:
            continue
        size = abs(np.nan_to_num(get_test("normal").compare(first, second).statistic))
        if size > best * (1 + 1e-9):
            first, second = (response[inside & arm & (weights == 0)] for arm in (is_first, ~is_first))
            best, found = size, (cut, pairwise_wins(first, second).mean() if min(first.size, second.size) else np.nan)
    return found


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize(("seed", "responses"), [*((seed, 12) for seed in range(5)), (5, 1)])
def test_bootstrap_cuts_and_their_effects_left_out_equal_a_search_one_by_one(above, seed, responses):
    rng, again = np.random.default_rng(seed), np.random.default_rng(seed)
    marker, response = rng.integers(0, 8, 24).astype(float), rng.integers(0, responses, 24).astype(float)
    is_first, weights = np.arange(24) % 2 == 0, np.zeros((20, 24), dtype=int)
    for arm in (is_first, ~is_first):
        weights[:, arm] = again.multinomial(12, np.full(12, 1 / 12), size=20)
    options = {"above": above, "at_cut_upper": True, "minimum_per_arm": 3, "resamples": 20, "seed": seed}
    expected = [_searched_one_by_one(marker, response, is_first, own, above) for own in weights]
    np.testing.assert_allclose(best_cut_bootstrap(marker, response, is_first, **options).T, expected, rtol=1e-12)
    assert np.isnan(best_cut_bootstrap([], [], [], **options)).all()
