"""Imputation, pooling, and bounds that need no model."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oracle_values import read_values

from d_q_trial.stats.missing import impute, p_bounds, pool_estimates
from d_q_trial.stats.two_sample import get_test

R = read_values("sensitivity")


@pytest.mark.parametrize(("name", "complete_df"), [("pool", 58), ("pool_large", np.inf)])
def test_pooling_equals_mice(name, complete_df):
    estimates, variances = [1.2, 0.8, 1.5, 0.9, 1.1], [0.30, 0.25, 0.28, 0.33, 0.29]
    pooled, share = pool_estimates(estimates, variances, complete_df=complete_df, confidence=0.95)
    expected = [R[f"{name}.{field}"] for field in ("estimate", "standard_error", "df", "missing_share")]
    assert [*pooled[:3], share] == pytest.approx(expected, rel=1e-9)


def test_estimates_without_a_variance_in_one_imputation_have_no_interval_or_p_and_pooling_needs_two_imputations():
    for estimates, variances, df in (([1, np.nan], [1, 1], 5), ([1, 2], [1, np.nan], 5), ([1, 2], [1, 1], np.nan)):
        pooled, share = pool_estimates(estimates, variances, complete_df=df, confidence=0.95)
        assert pooled.estimate == pytest.approx(np.mean(estimates), nan_ok=True)
        assert np.isnan([*pooled[1:], share]).all()
    options = {"complete_df": np.inf, "confidence": 0.95}
    assert pool_estimates([1.0, 3.0], [0.25, 0.75], **options)[0].estimate == 2
    with pytest.raises(ValueError, match=r"^pooling needs two or more estimates, each with its variance$"):
        pool_estimates([1.0], [0.25], **options)


@pytest.fixture
def incomplete():
    """Three correlated columns, the last two with missing values."""
    rng = np.random.default_rng(4)
    first = rng.normal(size=40)
    values = np.column_stack([first, first + 0.3 * rng.normal(size=40), 2 * first + 0.3 * rng.normal(size=40)])
    for column, count in ((1, 6), (2, 8)):
        values[rng.choice(40, count, replace=False), column] = np.nan
    return values


def test_imputation_keeps_observed_values_differs_between_sets_repeats_with_its_seed_and_follows_units(incomplete):
    imputed, is_observed = impute(incomplete, imputations=5, seed=1), ~np.isnan(incomplete)
    assert imputed.shape == (5, 40, 3)
    assert (imputed[:, is_observed] == incomplete[is_observed]).all()
    assert len({completed.tobytes() for completed in imputed}) == 5
    assert (imputed == impute(incomplete, imputations=5, seed=np.random.default_rng(1))).all()
    assert (imputed != impute(incomplete, imputations=5, seed=2)).any()
    assert (impute(imputed[0], imputations=2, seed=1) == imputed[0]).all()
    move, scale = np.array([100.0, -50.0, 3.0]), np.array([1.0, 1e-3, 20.0])
    converted = impute(move + scale * incomplete, imputations=5, seed=1)
    np.testing.assert_allclose(converted, move + scale * imputed, rtol=1e-9)


def test_imputed_values_have_the_posterior_predictive_mean_and_spread():
    rng = np.random.default_rng(3)
    x = rng.normal(size=200)
    y = x + 0.5 * rng.normal(size=200)
    observed = np.column_stack([x, np.where(np.arange(200) == 7, np.nan, y)])
    imputed = impute(observed, imputations=600, seed=2)[:, 7, 1]
    slope, intercept = np.polyfit(np.delete(x, 7), np.delete(y, 7), 1)
    assert imputed.mean() == pytest.approx(intercept + slope * x[7], abs=0.08)
    assert imputed.std() == pytest.approx(0.5, rel=0.12)


def test_imputation_refuses_unsuitable_data_with_the_reason(incomplete):
    for values, imputations, message in (
        (incomplete[:5], 2, "too few observed values to predict from the others"),
        (np.column_stack([incomplete[:, :2], np.full(40, 0.1)]), 2, "column 2 does not vary"),
        (incomplete, 0, "0 imputations, expected at least 1"),
    ):
        with pytest.raises(ValueError, match=f"^imputation: {message}$"):
            impute(values, imputations=imputations, seed=1)


def _enumerate_bounds(first, second, missing_first, missing_second, method):
    """Return the extremes of P with each missing value at an observed one or at one of several points in each gap."""
    observed, missing = np.unique(np.concatenate([first, second])), missing_first + missing_second
    edges = np.concatenate([[observed[0] - 1], observed, [observed[-1] + 1]])
    gaps = [np.linspace(a, b, missing + 2)[1:-1] for a, b in pairwise(edges)]
    filled = np.array(list(product(np.unique(np.concatenate([observed, *gaps])), repeat=missing))).T
    first, second = (np.tile(np.array(sample)[:, None], filled.shape[1]) for sample in (first, second))
    values = np.concatenate([first, filled[:missing_first], second, filled[missing_first:]])
    p = get_test(method).compare_columns(values, np.arange(len(values)) < len(first) + missing_first).p
    return np.fmin.reduce(p), np.fmax.reduce(p)


small = st.lists(st.integers(0, 3).map(float), min_size=1, max_size=4)
tied = st.lists(st.integers(0, 1).map(float), min_size=1, max_size=9)
missing_counts = st.sampled_from([(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (2, 1), (1, 2)])


@given(
    st.one_of(st.tuples(small, small), st.tuples(tied, tied.map(lambda sample: sample[:3]))),
    missing_counts,
    st.sampled_from(["normal", "normal_continuity"]),
)
@example(([0.0], [0.0, 0.0, 0.0, 0.0, 1.0]), (1, 0), "normal")  # heavy ties make U jump over its mean
@settings(max_examples=150)
def test_bounds_are_the_extremes_of_all_arrangements_or_the_highest_is_1(samples, missing, method):
    lowest, highest = p_bounds(*samples, *missing, method=method)
    expected = _enumerate_bounds(*samples, *missing, method)
    assert lowest == pytest.approx(expected[0], rel=1e-9, nan_ok=True)
    assert highest == pytest.approx(expected[1], rel=1e-9, nan_ok=True) or highest == 1 > expected[1]


def test_bounds_of_large_samples_are_quick_and_tests_without_bounds_and_negative_counts_are_refused_with_the_reason():
    rng = np.random.default_rng(1)
    lowest, highest = p_bounds(rng.normal(size=128), rng.normal(size=126), 28, 30, method="normal")
    assert (lowest < 1e-6, highest) == (True, 1)
    lowest, highest = p_bounds(*rng.normal(size=(2, 20_000)), 28, 30, method="normal")  # all pairs would need 115 GB
    assert lowest < highest
    refused = [(method, 1, get_test(method).no_bounds) for method in ("exact", "brunner_munzel", "welch")]
    for method, missing, message in (*refused, ("normal", -1, "^bounds of P: -1 and 1 missing, expected 0 or more$")):
        with pytest.raises(ValueError, match=message):
            p_bounds([1.0], [2.0], missing, 1, method=method)
