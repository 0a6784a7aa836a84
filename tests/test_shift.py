import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from oracle_values import numbers, rows

from d_q_trial.stats import shift
from d_q_trial.stats.checks import is_significant
from d_q_trial.stats.rank_sum import exact_p, normal_p, rank_sum
from d_q_trial.stats.shift import hodges_lehmann, hodges_lehmann_subgroups, normal_depth
from d_q_trial.stats.two_sample import rank_sum_variants

methods = st.sampled_from(rank_sum_variants())
samples = st.lists(st.integers(-20, 20).map(float), min_size=3, max_size=9)
SAMPLES = {row["sample"]: (numbers(row["x"]), numbers(row["y"])) for row in rows("rank_sum")}
ROOT_SEARCH = 2e-4  # R finds the normal limits by a root search to 1e-4


# R's root search leaves the lattice when nearly all values tie, so its limits for "constant" are none.
@pytest.mark.parametrize("sample", sorted(SAMPLES.keys() - {"constant"}))
@pytest.mark.parametrize(("method", "column"), [("normal", "normal"), ("normal_continuity", "continuity")])
def test_interval_equals_r(sample, method, column):
    oracle = next(row for row in rows("rank_sum") if row["sample"] == sample)
    found = hodges_lehmann(*SAMPLES[sample], method=method, confidence=0.95)
    expected = [float(oracle[f"{column}_{end}"]) for end in ("lower", "upper")]
    assert [found.lower, found.upper] == pytest.approx(expected, abs=ROOT_SEARCH)


@pytest.mark.parametrize("oracle", rows("rank_sum_exact"), ids=lambda row: row["sample"])
def test_exact_interval_equals_r(oracle):
    found = hodges_lehmann(*SAMPLES[oracle["sample"]], method="exact", confidence=0.95)
    expected = [float(oracle[name]) for name in ("estimate", "lower", "upper")]
    assert list(found) == pytest.approx(expected, abs=1e-12)


@given(samples, samples, methods)
@example([0.0, 1.0, -1.0], [0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -5.0], "exact")  # P = 0.1
@example([0.0, -1.0, -1.0, -2.0], [0.0, 1.0, -1.0, -2.0, 3.0, -3.0, -4.0], "exact")  # P = 0.1 after rounding errors
def test_the_interval_holds_what_the_test_does_not_reject(first, second, method):
    first, second = np.array(first), np.array(second)
    alpha = 0.1
    found = hodges_lehmann(first, second, method=method, confidence=1 - alpha)
    outside = [limit + step for limit, step in ((found.lower, -0.25), (found.upper, 0.25)) if np.isfinite(limit)]
    for d in outside:
        assert is_significant(rank_sum(first - d, second, method=method).p, alpha)
    if method == "exact" and min(len(set(first)) - len(first), len(set(second)) - len(second)) < 0:
        return  # with ties within a sample P need not be monotone in d, and the limits enclose rejected shifts too
    for d, limit in ((found.lower + 0.25, found.lower), (found.upper - 0.25, found.upper)):
        if np.isfinite(limit) and found.lower < found.upper:
            p = rank_sum(first - d, second, method=method).p
            assert not is_significant(p, alpha)


@given(samples, samples, methods, st.integers(-9, 9))
@example([0.0] * 3, [0.0] * 4, "exact", 1)
def test_the_interval_moves_with_a_sample_and_is_mirrored_when_they_swap(first, second, method, move):
    plain = hodges_lehmann(first, second, method=method, confidence=0.9)
    moved = hodges_lehmann(np.array(first) + move, second, method=method, confidence=0.9)
    assert list(moved) == pytest.approx([value + move for value in plain])
    swapped = hodges_lehmann(second, first, method=method, confidence=0.9)
    assert list(plain) == pytest.approx([-swapped.estimate, -swapped.upper, -swapped.lower])


def test_the_estimate_is_the_median_of_pairwise_differences():
    # Differences of (1, 4, 6) and (0, 3): -2, 1, 1, 3, 4, 6
    assert hodges_lehmann([1, 4, 6], [0, 3], method="normal", confidence=0.95).estimate == 2


def test_arms_and_members_may_be_ones_and_zeros_and_a_subgroup_empty():
    found = hodges_lehmann_subgroups(
        [5, 7, 1, 2], [1, 1, 0, 0], [[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 0]], method="normal", confidence=0.5
    )
    np.testing.assert_array_equal(found.estimate, [4.5, 4, np.nan])


def test_an_exact_interval_with_ties_takes_few_exact_p_values_also_in_large_samples(monkeypatch):
    tried, rng = [], np.random.default_rng(1)
    monkeypatch.setattr(shift, "exact_p", lambda *arguments: tried.append(1) or exact_p(*arguments))
    first, second = rng.integers(0, 60, 150), rng.integers(2, 62, 140)
    found = hodges_lehmann(first, second, method="exact", confidence=0.95)
    assert list(found) == pytest.approx(hodges_lehmann(first, second, method="normal", confidence=0.95), abs=1)
    assert len(tried) <= 12


def test_limits_are_infinite_where_no_shift_can_be_rejected():
    found = hodges_lehmann([1.0, 2.0], [3.0, 4.0], method="exact", confidence=0.95)
    assert (found.lower, found.upper) == (-np.inf, np.inf)
    # Any shift parts samples that tie throughout: only 1 of the 35 arrangements is as far from the mean.
    found = hodges_lehmann([5.0] * 3, [5.0] * 4, method="exact", confidence=0.95)
    assert (found.estimate, found.lower, found.upper) == (0, 0, 0)
    wider = hodges_lehmann([5.0] * 3, [5.0] * 4, method="exact", confidence=0.99)
    assert (wider.lower, wider.upper) == (-np.inf, np.inf)


def test_missing_values_are_left_out_and_no_value_gives_nan():
    with_missing = hodges_lehmann([1.0, np.nan, 5.0], [0.0], method="normal", confidence=0.5)
    assert with_missing == hodges_lehmann([1.0, 5.0], [0.0], method="normal", confidence=0.5)
    assert np.isnan(hodges_lehmann([np.nan], [1.0], method="normal", confidence=0.95)).all()


@given(st.integers(0, 10**6), methods, st.booleans())
def test_a_subgroup_has_the_shift_of_its_own_samples(seed, method, ties):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=14).round(0 if ties else 6)
    values[rng.integers(14)] = np.nan
    is_first, members = rng.random(14) < 0.5, rng.random((14, 5)) < 0.7
    found = hodges_lehmann_subgroups(values, is_first, members, method=method, confidence=0.9)
    for column, group in enumerate(members.T):
        alone = hodges_lehmann(values[group & is_first], values[group & ~is_first], method=method, confidence=0.9)
        np.testing.assert_array_equal([field[column] for field in found], list(alone))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 400), st.sampled_from([0.001, 0.05, 0.5]), st.booleans())
def test_the_limit_is_at_the_first_u_that_is_not_rejected(n_first, n_second, tie_sum, alpha, continuity):
    u = np.arange(n_first * n_second // 2 + 1)
    p = normal_p(u, n_first, n_second, tie_sum, continuity=continuity)
    assume(p[-1] > alpha)  # else every U is rejected: impossible ties, or one value each
    assert normal_depth(n_first, n_second, tie_sum, alpha, continuity=continuity) == np.argmax(~(p <= alpha))
