"""Subgroups along a marker, and the split that divides a response best."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_values import FOLDER, rows

from d_q_trial.config.robustness import Windows
from d_q_trial.robustness.cutoffs import subgroups
from d_q_trial.stats.maximally_selected import best_cut_bootstrap, best_split
from d_q_trial.stats.rank_sum import rank_sum

ORACLE = {row["quantity"]: float(row["value"]) for row in rows("permutation")}
DATA = np.genfromtxt(FOLDER / "best_split_data.csv", delimiter=",", names=True)
MARKER, RESPONSE = DATA["marker"], DATA["response"]
TENTH = 4  # of 40: the smallest group that maxstat's minprop = 0.1 leaves
WINDOWS = Windows(share=1 / 3, step=1 / 20)

markers = st.lists(st.integers(0, 9).map(float), min_size=4, max_size=20).map(np.array)


def test_the_best_split_is_that_of_maxstat_and_coin_in_r():
    found = best_split(MARKER, RESPONSE, minimum=TENTH, permutations=20_000, seed=1)
    assert abs(found.z) == pytest.approx(ORACLE["maxstat statistic"], abs=1e-12)
    assert abs(found.z) == pytest.approx(ORACLE["coin maxstat statistic"], abs=1e-12)
    assert MARKER[found.cut > MARKER].max() == ORACLE["maxstat cut"]
    assert found.splits == ORACLE["splits"]
    for name in ("maxstat p", "coin maxstat p"):
        error = np.sqrt(ORACLE[name] * (1 - ORACLE[name]) * (1 / 200_000 + 1 / 20_000))
        assert found.p.p == pytest.approx(ORACLE[name], abs=4 * error)
    assert found.p.lower < found.p.p < found.p.upper


def test_the_statistic_is_the_largest_rank_sum_deviate_of_any_split():
    response = RESPONSE.copy()
    response[3] = np.nan
    found = best_split(MARKER, response, minimum=TENTH, permutations=99, seed=1)
    cuts = [cut for cut in np.unique(MARKER)[1:] if TENTH <= (cut <= MARKER).sum() <= MARKER.size - TENTH]
    tests = [rank_sum(response[cut <= MARKER], response[cut > MARKER], method="normal") for cut in cuts]
    deviates = [abs(test.statistic) for test in tests]
    assert abs(found.z) == pytest.approx(max(deviates), abs=1e-12)
    assert found.cut == cuts[int(np.argmax(deviates))]


@pytest.mark.parametrize(("marker", "response"), [([1, 1, 1, 1], [1, 2, 3, 4]), ([1, 2, 3, 4], [5, 5, 5, 5]), ([], [])])
def test_nothing_to_split_has_no_p(marker, response):
    assert np.isnan(best_split(marker, response, minimum=1, permutations=99, seed=1).p.p)


@given(markers, st.sampled_from(["upper", "lower"]))
def test_above_and_below_a_cutoff_are_all_participants_once(marker, at_cut):
    table, members = subgroups(marker, WINDOWS, 0, at_cut)
    for cut in table.loc[table["side"].eq("above"), "position"]:
        ((above,), (below,)) = (
            members[:, table["side"].eq(side) & table["position"].eq(cut)].T for side in ("above", "below")
        )
        np.testing.assert_array_equal(above, marker >= cut if at_cut == "upper" else marker > cut)
        np.testing.assert_array_equal(below, ~above)
        assert 0 < above.sum() < above.size


@given(markers, st.sampled_from([lambda m: 3 * m + 7, np.exp]))
def test_divisions_depend_neither_on_the_unit_nor_on_where_a_value_at_the_cut_goes(marker, transform):
    plain, moved = (subgroups(m, WINDOWS, 2, "upper")[1] for m in (marker, transform(marker)))
    np.testing.assert_array_equal(plain, moved)
    _, lower = subgroups(marker, WINDOWS, 2, "lower")
    assert {column.tobytes() for column in plain.T} == {column.tobytes() for column in lower.T}


def test_windows_hold_everyone_and_keep_equal_values_together():
    marker = np.array([5.0, 1, 2, 2, 3, 8, 9, 4, 4, 4, 7])
    table, members = subgroups(marker, Windows(share=0.3, step=0.1), 1, "upper")
    inside = members[:, table["side"].eq("window")]
    assert inside.any(axis=1).all()
    for group in inside.T:
        low, high = marker[group].min(), marker[group].max()
        np.testing.assert_array_equal(group, (marker >= low) & (marker <= high))
        assert group.sum() >= 3
    assert len(np.unique(inside.T, axis=0)) == inside.shape[1]


def bootstrap(marker=(1.0, 2, 3, 4), response=(1.0, 3, 2, 4)):
    options = {"above": True, "at_cut_upper": True, "minimum_per_arm": 1, "resamples": 2, "seed": 1}
    return best_cut_bootstrap(marker, response, [True, False] * (len(marker) // 2), **options)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: bootstrap(marker=(1.0, 2, np.inf, 4)), "marker: infinite"),
        (lambda: bootstrap(response=(1.0, 2, np.nan, 4)), "missing value"),
        (lambda: best_split([1, np.inf, 3], [1, 2, 3], minimum=1, permutations=9, seed=1), "marker: infinite"),
        (lambda: best_split([1, 2, 3], [1, np.inf, 3], minimum=1, permutations=9, seed=1), "response: infinite"),
        (
            lambda: best_split([1, 2, 3], [1, 2, 3], minimum=1, permutations=9, seed=2**64),
            "expected 1 or more, and 0 to",
        ),
    ],
)
def test_infinite_and_missing_values_and_impossible_seeds_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()


def _searched_one_by_one(marker, response, is_first, weights, side, minimum):
    """Return the best cut of a resample, and the effect at it among those left out, from one test per cut."""
    best, found = -1.0, (np.nan, np.nan)
    for cut in np.unique(marker[weights > 0])[1:]:
        inside = marker >= cut if side == "above" else marker < cut
        first, second = (np.repeat(response[inside & arm], weights[inside & arm]) for arm in (is_first, ~is_first))
        if min(first.size, second.size) < minimum:
            continue
        size = abs(np.nan_to_num(rank_sum(first, second, method="normal").statistic))
        if size > best * (1 + 1e-9):
            left_out = inside & (weights == 0)
            wins = np.subtract.outer(response[left_out & is_first], response[left_out & ~is_first])
            effect = ((wins > 0) + (wins == 0) / 2).mean() if wins.size else np.nan
            best, found = size, (cut, effect)
    return found


@pytest.mark.parametrize("side", ["above", "below"])
@pytest.mark.parametrize("seed", range(5))
def test_bootstrap_cuts_and_their_effects_left_out_equal_a_search_one_by_one(side, seed):
    rng = np.random.default_rng(seed)
    marker, response = rng.integers(0, 8, 24).astype(float), rng.integers(0, 12, 24).astype(float)
    is_first = np.arange(24) % 2 == 0
    options = {"above": side == "above", "at_cut_upper": True, "minimum_per_arm": 3, "resamples": 20, "seed": seed}
    cuts, effects = best_cut_bootstrap(marker, response, is_first, **options)
    again = np.random.default_rng(seed)
    weights = np.zeros((20, 24), dtype=int)
    for arm in (is_first, ~is_first):
        weights[:, arm] = again.multinomial(12, np.full(12, 1 / 12), size=20)
    expected = [_searched_one_by_one(marker, response, is_first, own, side, 3) for own in weights]
    np.testing.assert_allclose(np.column_stack([cuts, effects]), expected, rtol=1e-12)
    assert np.isnan(best_cut_bootstrap([], [], [], **options)).all()
