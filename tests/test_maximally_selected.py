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


def test_the_best_split_equals_maxstat_and_coin_in_r():
    incomplete = np.append(MARKER, [5.0, np.nan]), np.append(RESPONSE, [np.nan, 5.0])  # the last two do not count
    split = best_split(*incomplete, minimum=4, permutations=20_000, seed=1)  # 4 of 40, as by maxstat's minprop = 0.1
    assert (MARKER[split.cut > MARKER].max(), split.splits) == (ORACLE["maxstat cut"], ORACLE["splits"])
    assert split.n == MARKER.size
    for package in ("maxstat", "coin maxstat"):
        assert abs(split.z) == pytest.approx(ORACLE[f"{package} statistic"], abs=1e-12)
        p = ORACLE[f"{package} p"]
        assert split.p.p == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) * (1 / 200_000 + 1 / 20_000)))
    assert split.p.lower < split.p.p < split.p.upper


@pytest.mark.parametrize(("marker", "response"), [([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3, 4], [5, 5, 5, 5]), ([], [])])
def test_p_is_nan_without_a_split(marker, response):
    assert np.isnan(best_split(marker, response, minimum=1, permutations=99, seed=1).p.p)


def test_windows_cover_all_participants_and_keep_equal_values_together():
    marker = np.array([5.0, 1, 2, 2, 3, 8, 9, 4, 4, 4, 7])
    table, members = list_subgroups(marker[:, None], Windows(share=0.3, step=0.1), 1, "upper")
    windows = members[:, table["side"].eq("window")]
    assert windows.any(axis=1).all()
    for window in windows.T:
        low, high = marker[window].min(), marker[window].max()
        np.testing.assert_array_equal(window, (marker >= low) & (marker <= high))
        assert window.sum() >= 3
    assert len(np.unique(windows.T, axis=0)) == windows.shape[1]


def _search_cut_by_cut(marker, response, is_first, weights, above):
    """Return the best cut of a resample, and its effect in the participants left out, from one test per cut."""
    best, cut_and_effect = -1.0, (np.nan, np.nan)
    for cut in np.unique(marker[weights > 0])[1:]:
        arms = [((marker >= cut) == above) & arm for arm in (is_first, ~is_first)]
        samples = [np.repeat(response[arm], weights[arm]) for arm in arms]
        size = abs(np.nan_to_num(get_test("normal").compare(*samples).statistic))
        if min(map(len, samples)) >= 3 and size > best * (1 + 1e-9):
            left_out = [response[arm & (weights == 0)] for arm in arms]
            effect = pairwise_wins(*left_out).mean() if min(map(len, left_out)) else np.nan
            best, cut_and_effect = size, (cut, effect)
    return cut_and_effect


@pytest.mark.parametrize("above", [True, False])
@pytest.mark.parametrize(("seed", "responses"), [*((seed, 12) for seed in range(5)), (5, 1)])
def test_bootstrap_cuts_and_out_of_bag_effects_equal_a_search_cut_by_cut(above, seed, responses):
    rng, bootstrap = np.random.default_rng(seed), np.random.default_rng(seed)
    marker, response = rng.integers(0, 8, 24).astype(float), rng.integers(0, responses, 24).astype(float)
    is_first, weights = np.arange(24) % 2 == 0, np.zeros((20, 24), dtype=int)
    for arm in (is_first, ~is_first):
        weights[:, arm] = bootstrap.multinomial(12, np.full(12, 1 / 12), size=20)
    options = {"above": above, "at_cut_upper": True, "minimum_per_arm": 3, "resamples": 20, "seed": seed}
    expected = [_search_cut_by_cut(marker, response, is_first, resample, above) for resample in weights]
    np.testing.assert_allclose(best_cut_bootstrap(marker, response, is_first, **options).T, expected, rtol=1e-12)
    assert np.isnan(best_cut_bootstrap([], [], [], **options)).all()
