import numpy as np
import pytest
from oracle_values import numbers, rows

from d_q_trial.stats.categorical import chi_squared, spearman


def _sample(count, n):
    return np.repeat([1.0, 0.0], [count, n - count])


@pytest.mark.parametrize("oracle", rows("chi_squared"))
def test_chi_squared_equals_r_without_yates(oracle):
    counts = {key: int(value) for key, value in oracle.items() if key[:3] in ("cou", "n_f", "n_s")}
    result = chi_squared(
        _sample(counts["count_first"], counts["n_first"]), _sample(counts["count_second"], counts["n_second"])
    )
    assert result.chi_squared == pytest.approx(float(oracle["statistic"]))
    assert result.p == pytest.approx(float(oracle["p"]))


def test_a_table_with_an_empty_margin_has_no_p():
    assert np.isnan(chi_squared([1, 1], [1, 1, np.nan]).p)


@pytest.mark.parametrize("oracle", rows("spearman"))
def test_spearman_equals_r(oracle):
    result = spearman(numbers(oracle["x"]), numbers(oracle["y"]))
    assert result.r == pytest.approx(float(oracle["r"]))
    assert result.p == pytest.approx(float(oracle["p"]))


def test_spearman_of_a_perfect_order_is_one_with_a_p_of_zero():
    # scipy 1.11's spearmanr(nan_policy="omit") once gave P = 1 here.
    assert spearman([1, 2, 3, np.nan, 5], [2, 4, 6, 8, 100])[:3] == (4, 1.0, 0.0)
    assert spearman([1, 2, 3, 4], [8, 6, 4, 2])[1:] == (-1.0, 0.0)


def test_spearman_of_a_constant_or_a_pair_is_not_defined():
    assert np.isnan(spearman([1, 1, 1, 1], [1, 2, 3, 4]).r)
    assert np.isnan(spearman([1, 2], [1, 2]).p)


def test_chi_squared_of_large_samples_does_not_overflow():
    even = np.tile([0.0, 1.0], 25_000)
    assert chi_squared(np.ones(50_000), np.zeros(50_000)).p == 0
    assert chi_squared(even, even).p == 1


def test_values_other_than_0_and_1_are_refused():
    with pytest.raises(ValueError, match="0 and 1"):
        chi_squared([0, 1, 2], [0, 1])
    with pytest.raises(ValueError, match="infinite"):
        spearman([1, 2, np.inf], [1, 2, 3])
