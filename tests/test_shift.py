import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oracle_values import numbers, rows

from d_q_trial.stats.rank_sum import normal_p, rank_sum
from d_q_trial.stats.shift import hodges_lehmann, hodges_lehmann_subgroups, normal_depth
from d_q_trial.stats.two_sample import rank_sum_variants

METHODS = rank_sum_variants()

samples = st.lists(st.integers(-20, 20).map(float), min_size=3, max_size=9)
ROOT_SEARCH = 2e-4  # R finds the normal limits by a root search to 1e-4


# R's root search leaves the lattice when nearly all values tie, so its limits for "constant" are none.
USABLE = [row for row in rows("rank_sum") if row["sample"] != "constant"]


@pytest.mark.parametrize("oracle", USABLE, ids=lambda row: row["sample"])
@pytest.mark.parametrize(("method", "column"), [("normal", "normal"), ("normal_continuity", "continuity")])
def test_interval_equals_r(oracle, method, column):
    shift = hodges_lehmann(numbers(oracle["x"]), numbers(oracle["y"]), method=method, confidence=0.95)
    assert shift.lower == pytest.approx(float(oracle[f"{column}_lower"]), abs=ROOT_SEARCH)
    assert shift.upper == pytest.approx(float(oracle[f"{column}_upper"]), abs=ROOT_SEARCH)


@pytest.mark.parametrize("oracle", rows("rank_sum_exact"), ids=lambda row: row["sample"])
def test_exact_interval_equals_r(oracle):
    sample = next(row for row in rows("rank_sum") if row["sample"] == oracle["sample"])
    shift = hodges_lehmann(numbers(sample["x"]), numbers(sample["y"]), method="exact", confidence=0.95)
    expected = [float(oracle[name]) for name in ("estimate", "lower", "upper")]
    assert list(shift) == pytest.approx(expected, abs=1e-12)


@given(samples, samples, st.sampled_from(METHODS))
@example([0.0, 1.0, -1.0], [0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -5.0], "exact")  # P = 0.1
def test_the_interval_holds_what_the_test_does_not_reject(first, second, method):
    first, second = np.array(first), np.array(second)
    alpha = 0.1
    shift = hodges_lehmann(first, second, method=method, confidence=1 - alpha)
    outside = [limit + step for limit, step in ((shift.lower, -0.25), (shift.upper, 0.25)) if np.isfinite(limit)]
    for d in outside:
        assert rank_sum(first - d, second, method=method).p <= alpha
    if method == "exact" and min(len(set(first)) - len(first), len(set(second)) - len(second)) < 0:
        return  # with ties within a sample P need not be monotone in d, and the limits enclose rejected shifts too
    for d, limit in ((shift.lower + 0.25, shift.lower), (shift.upper - 0.25, shift.upper)):
        if np.isfinite(limit) and shift.lower < shift.upper:
            p = rank_sum(first - d, second, method=method).p
            assert p > alpha or np.isnan(p)


@given(samples, samples, st.sampled_from(METHODS), st.integers(-9, 9))
def test_moving_a_sample_moves_the_shift_with_it(first, second, method, move):
    before = hodges_lehmann(first, second, method=method, confidence=0.9)
    after = hodges_lehmann(np.array(first) + move, second, method=method, confidence=0.9)
    assert list(after) == pytest.approx([value + move for value in before])


@given(samples, samples, st.sampled_from(METHODS))
@example([0.0] * 3, [0.0] * 4, "exact")
def test_swapping_the_samples_mirrors_the_interval(first, second, method):
    one = hodges_lehmann(first, second, method=method, confidence=0.9)
    other = hodges_lehmann(second, first, method=method, confidence=0.9)
    assert list(one) == pytest.approx([-other.estimate, -other.upper, -other.lower])


def test_the_estimate_is_the_median_of_pairwise_differences():
    # Differences of (1, 4, 6) and (0, 3): -2, 1, 1, 3, 4, 6
    assert hodges_lehmann([1, 4, 6], [0, 3], method="normal", confidence=0.95).estimate == 2


def test_values_that_all_tie_leave_the_interval_open_on_one_side():
    # Any shift parts the samples. Three equal ranks and four: only 1 of the 35 arrangements is as far from the mean.
    shift = hodges_lehmann([5.0] * 3, [5.0] * 4, method="exact", confidence=0.95)
    assert (shift.estimate, shift.lower, shift.upper) == (0, 0, 0)
    wider = hodges_lehmann([5.0] * 3, [5.0] * 4, method="exact", confidence=0.99)
    assert (wider.lower, wider.upper) == (-np.inf, np.inf)


def test_samples_too_small_to_reject_get_infinite_limits():
    shift = hodges_lehmann([1.0, 2.0], [3.0, 4.0], method="exact", confidence=0.95)
    assert (shift.lower, shift.upper) == (-np.inf, np.inf)


def test_missing_values_are_left_out_and_no_value_gives_nan():
    with_missing = hodges_lehmann([1.0, np.nan, 5.0], [0.0], method="normal", confidence=0.5)
    assert with_missing == hodges_lehmann([1.0, 5.0], [0.0], method="normal", confidence=0.5)
    assert np.isnan(hodges_lehmann([np.nan], [1.0], method="normal", confidence=0.95)).all()


@given(st.integers(0, 10**6), st.sampled_from(METHODS), st.booleans())
def test_a_subgroup_has_the_shift_of_its_own_samples(seed, method, ties):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=14).round(0 if ties else 6)
    values[rng.integers(14)] = np.nan
    is_first, members = rng.random(14) < 0.5, rng.random((14, 5)) < 0.7
    found = hodges_lehmann_subgroups(values, is_first, members, method=method, confidence=0.9)
    for column, group in enumerate(members.T):
        alone = hodges_lehmann(values[group & is_first], values[group & ~is_first], method=method, confidence=0.9)
        np.testing.assert_array_equal([field[column] for field in found], list(alone))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 400), st.sampled_from([0.001, 0.05, 0.1, 0.5]))
def test_the_limit_is_at_the_first_u_that_is_not_rejected(n_first, n_second, tie_sum, alpha):
    for method in ("normal", "normal_continuity"):
        p = normal_p(
            np.arange(n_first * n_second // 2 + 1),
            n_first,
            n_second,
            tie_sum,
            continuity=method == "normal_continuity",
        )
        assert normal_depth(n_first, n_second, tie_sum, alpha, continuity=method == "normal_continuity") == np.argmax(
            ~(p <= alpha)
        )
