"""Two-by-two tables, rank correlation, trend over groups, and quantiles."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from oracle_values import parse_numbers, parse_samples, read_rows, select_numbers
from scipy import stats

from d_q_trial.stats.categorical import chi_squared, jonckheere_terpstra, spearman
from d_q_trial.stats.quantiles import quantile


def test_chi_squared_equals_r_without_yates_also_for_large_samples_and_is_undefined_for_an_empty_margin():
    for oracle in read_rows("chi_squared"):
        arms = [[int(oracle[f"{name}_{arm}"]) for name in ("count", "n")] for arm in ("first", "second")]
        samples = (np.repeat([1.0, 0.0], [count, n - count]) for count, n in arms)
        assert chi_squared(*samples)[1:] == pytest.approx(select_numbers(oracle, "statistic", "p")), oracle
    even = np.tile([0.0, 1.0], 25_000)
    assert (chi_squared(np.ones(50_000), np.zeros(50_000)).p, chi_squared(even, even).p) == (0, 1)
    assert chi_squared([1, 1], [1, 1, np.nan]) == pytest.approx((4, np.nan, np.nan), nan_ok=True)
    assert chi_squared([1, 0], [0]).n == 3
    with pytest.raises(ValueError, match=r"^chi-squared test: expected values of 0 and 1$"):
        chi_squared([0, 1, 2], [0, 1])


def test_spearman_equals_r_is_one_for_a_perfect_order_and_undefined_for_a_constant_or_two_pairs():
    for oracle in read_rows("spearman"):
        assert spearman(*parse_samples(oracle))[1:] == pytest.approx(select_numbers(oracle, "r", "p")), oracle
    # scipy 1.11's spearmanr(nan_policy="omit") once gave P = 1 here.
    assert spearman([1, 2, 3, np.nan, 5], [2, 4, 6, 8, 100]) == (4, 1.0, 0.0)
    assert spearman([1, 2, 3, 4], [8, 6, 4, 2])[1:] == (-1.0, 0.0)
    assert np.isnan([*spearman([1, 1, 1, 1], [1, 2, 3, 4])[1:], *spearman([1, 2], [1, 2])[1:]]).all()
    assert spearman([1, 2, 3], [0, 1, 1]).statistic == pytest.approx(np.sqrt(3) / 2)


def test_z_and_p_of_a_trend_equal_r_and_equal_values_one_group_or_two_values_have_no_trend():
    for oracle in read_rows("trend"):
        values, groups = parse_numbers(oracle["values"]), parse_numbers(oracle["groups"])
        trend = jonckheere_terpstra([values[groups == group] for group in np.unique(groups)])
        assert trend[1:] == pytest.approx(select_numbers(oracle, "z", "p"), rel=1e-9), oracle["case"]
    for samples in ([[1, 1], [1], [1, 1]], [[1, 2, 3], [], [np.nan]], [[1], [2]], []):
        assert np.isnan(jonckheere_terpstra(samples).p)


@given(st.lists(st.lists(st.integers(0, 6).map(float), min_size=1, max_size=5), min_size=3, max_size=4))
@example([[1.0], [2.0], [4.0], [3.0]])  # for few values without ties, kendalltau prefers its exact P
def test_p_of_a_trend_is_kendall_s_and_only_the_order_of_groups_and_values_matters(samples):
    n, z, p = jonckheere_terpstra(samples)
    groups = np.repeat(np.arange(len(samples)), [len(sample) for sample in samples])
    expected = stats.kendalltau(groups, np.concatenate(samples), method="asymptotic").pvalue
    assert p == pytest.approx(expected, rel=1e-12, nan_ok=True)
    for changed, sign in ((samples[::-1], -1), ([np.exp(sample) for sample in samples], 1)):
        trend = list(jonckheere_terpstra(changed))
        assert trend == pytest.approx([n, sign * z, p], rel=1e-9, abs=1e-9, nan_ok=True)


def test_quartiles_equal_r_in_a_sample_and_in_columns_and_are_nan_without_values():
    for oracle in read_rows("quantiles"):
        values, expected = parse_numbers(oracle["values"]), select_numbers(oracle, "q1", "q3")
        with_nan, columns = np.append(values, np.nan), np.column_stack([values, 2 * values])
        for data, quartiles in ((with_nan, expected), (columns, np.outer(expected, [1, 2]))):
            found = quantile(data, [0.25, 0.75], type=int(oracle["type"]))
            np.testing.assert_allclose(found, quartiles, rtol=1e-12, err_msg=str(oracle))
    assert np.isnan(quantile([np.nan], [0.25, 0.75], type=7)).tolist() == [True, True]
    assert np.isnan(quantile(np.empty((0, 3)), [0.25, 0.75], type=7)).shape == (2, 3)
    for values, share, kind, message in (
        ([1.0], 0.5, 10, "1 to 9"),
        ([], 0.5, 0, "1 to 9"),
        ([1.0], 1.5, 7, r"\[0, 1"),
    ):
        with pytest.raises(ValueError, match=message):
            quantile(values, share, type=kind)
