"""Analysis of covariance and the repeated-measures model."""

import numpy as np
import pytest
from oracle.sensitivity import data, value
from oracle_values import rows

from d_q_trial.stats.ancova import ancova, least_squares, random_intercept

FIELDS = ("estimate", "standard_error", "p", "lower", "upper")


def _percent(d):
    return 100 * (d["week_20"] - d["baseline"]) / d["baseline"]


@pytest.mark.parametrize("field", FIELDS)
def test_ancova_on_the_log_scale_is_that_of_r_with_hc3_and_t(field):
    d = data()
    found = ancova(np.log(d["week_20"]), np.log(d["baseline"]), d["arm"], confidence=0.95)
    assert getattr(found, field) == pytest.approx(value(f"ancova_log.{field}"), rel=1e-9)


@pytest.mark.parametrize("field", FIELDS)
def test_ancova_of_percent_change_is_that_of_r_with_hc3_and_t(field):
    d = data()
    found = ancova(_percent(d), d["baseline"], d["arm"], confidence=0.95)
    assert getattr(found, field) == pytest.approx(value(f"ancova_percent.{field}"), rel=1e-9)


def test_p_comes_from_t_and_not_from_the_normal_distribution():
    import statsmodels.api as sm

    d = data()
    seen = ~np.isnan(d["week_20"])
    design = sm.add_constant(np.column_stack([d["arm"], d["baseline"]])[seen])
    theirs = sm.OLS(_percent(d)[seen], design)
    ours = ancova(_percent(d), d["baseline"], d["arm"], confidence=0.95)
    assert ours.p == pytest.approx(theirs.fit(cov_type="HC3", use_t=True).pvalues[1], rel=1e-9)
    assert ours.p > theirs.fit(cov_type="HC3").pvalues[1] + 1e-3


def test_log_follow_up_and_log_ratio_have_the_same_adjusted_effect():
    d = data()
    log_baseline = np.log(d["baseline"])
    follow_up = ancova(np.log(d["week_4"]), log_baseline, d["arm"], confidence=0.95)
    ratio = ancova(np.log(d["week_4"]) - log_baseline, log_baseline, d["arm"], confidence=0.95)
    assert ratio == pytest.approx(follow_up, rel=1e-9)


def test_with_two_equal_groups_and_no_covariate_hc3_is_welch_but_for_the_leverage():
    first, second = np.array([1.0, 4, 2, 8, 5]), np.array([3.0, 9, 4, 4, 6])
    design = np.column_stack([np.ones(10), np.arange(10) < 5])
    found = least_squares(design, np.concatenate([first, second]), confidence=0.95)[1]
    # Leverage 1/n in each group turns sum(e^2)/n^2 into sum(e^2)/(n-1)^2.
    expected = np.sqrt(sum(((s - s.mean()) ** 2).sum() for s in (first, second))) / 4
    assert found.standard_error == pytest.approx(expected, rel=1e-12)
    assert found.df == 8


def test_a_participant_alone_in_its_arm_gives_an_estimate_without_error():
    found = ancova([1.0, 2, 4, 3, 7], [1.0, 2, 3, 5, 4], [1, 0, 0, 0, 0], confidence=0.95)
    assert np.isfinite(found.estimate)
    assert np.isnan(found.p)


def test_dependent_columns_give_nothing():
    found = ancova([1.0, 2, 4, 3], [5.0, 5, 5, 5], [1, 0, 1, 0], confidence=0.95)
    assert np.isnan(found.estimate)
    assert np.isnan(ancova([1.0, 2, 4], [5.0, np.nan, 1], [1, 0, 1], confidence=0.95).estimate)


def _long(d, visits=("week_2", "week_4", "week_20")):
    """Rows participant x visit; columns: a visit's mean each, arm at each visit, log baseline."""
    response = np.concatenate([np.log(d[visit] / d["baseline"]) for visit in visits])
    blocks = np.kron(np.eye(len(visits)), np.ones((d["arm"].size, 1)))
    arm = np.tile(d["arm"], len(visits))
    design = np.column_stack([blocks, blocks * arm[:, None], np.tile(np.log(d["baseline"]), len(visits))])
    return design, response, np.tile(d["participant"], len(visits))


@pytest.mark.parametrize(
    ("name", "weights"), [("week_20", [0, 0, 0, 0, 0, 1, 0]), ("mean", [0, 0, 0, 1 / 3, 1 / 3, 1 / 3, 0])]
)
def test_mixed_model_is_that_of_lmertest_with_its_degrees_of_freedom(name, weights):
    found = random_intercept(*_long(data())).contrast(weights, confidence=0.95)
    # R stops its search at a relative 1e-6 or so in the variances.
    for field, tolerance in (("estimate", 1e-6), ("standard_error", 1e-6), ("df", 1e-3), ("p", 1e-5)):
        assert getattr(found, field) == pytest.approx(value(f"mixed_{name}.{field}"), rel=tolerance), field


def test_mixed_model_finds_the_variances_of_lmer():
    fit = random_intercept(*_long(data()))
    assert fit.residual_variance == pytest.approx(value("mixed.residual_variance"), rel=1e-5)
    assert fit.participant_variance == pytest.approx(value("mixed.participant_variance"), rel=1e-4)
    assert (fit.n_values, fit.n_participants) == (138, 48)


def test_on_complete_data_the_mean_over_visits_is_the_t_test_of_participants_means():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(1)
    own = rng.normal(size=20)
    values = own[:, None] + rng.normal(size=(20, 3))
    arm = np.repeat([1.0, 0.0], [9, 11])
    blocks = np.kron(np.eye(3), np.ones((20, 1)))
    design = np.column_stack([blocks, blocks * np.tile(arm, 3)[:, None]])
    fit = random_intercept(design, values.T.ravel(), np.tile(np.arange(20), 3))
    found = fit.contrast([0, 0, 0, 1 / 3, 1 / 3, 1 / 3], confidence=0.95)
    means = values.mean(axis=1)
    theirs = ttest_ind(means[:9], means[9:])
    assert found.df == pytest.approx(18, rel=1e-4)
    assert found.t == pytest.approx(theirs.statistic, rel=1e-5)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-4)


def test_without_variance_between_participants_the_mixed_model_is_least_squares():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(15, 2))
    values[:, 1] -= values[:, 0] + values[:, 1].mean()  # correlation within participants is negative
    design = np.column_stack([np.ones(30), np.tile(np.arange(15) < 7, 2)])
    fit = random_intercept(design, values.T.ravel(), np.tile(np.arange(15), 2))
    assert fit.participant_variance == 0
    found = fit.contrast([0, 1], confidence=0.95)
    coefficients, residual, *_ = np.linalg.lstsq(design, values.T.ravel(), rcond=None)
    assert found.estimate == pytest.approx(coefficients[1])
    assert found.df == 28
    assert fit.residual_variance == pytest.approx(residual[0] / 28)


@pytest.mark.parametrize("oracle", rows("mixed"), ids=lambda row: f"correlation {row['icc']}")
def test_mixed_model_is_that_of_lmertest_also_where_participants_hardly_vary_within(oracle):
    here = [row for row in rows("mixed_data") if row["icc"] == oracle["icc"]]
    response = [float(row["y"] or "nan") for row in here]
    design = [[1.0, float(row["arm"])] for row in here]
    fit = random_intercept(design, response, [row["participant"] for row in here])
    found = fit.contrast([0, 1], confidence=0.95)
    for field, tolerance in (("estimate", 1e-6), ("standard_error", 1e-6), ("df", 1e-3), ("p", 1e-5)):
        assert getattr(found, field) == pytest.approx(float(oracle[field]), rel=tolerance), field
    assert fit.residual_variance == pytest.approx(float(oracle["residual_variance"]), rel=1e-5)
    assert fit.participant_variance == pytest.approx(float(oracle["participant_variance"]), rel=1e-5)


@pytest.mark.parametrize(
    ("response", "participant", "reason"),
    [
        ([1.0, 2, 3, 4, 5, 6], ["a", "b", "c", "d", "e", "f"], "more than one value"),
        ([0.1] * 6, ["a", "a", "b", "b", "c", "c"], "the response does not vary"),
        ([1.0, 1, 2, 2, 4, 4], ["a", "a", "b", "b", "c", "c"], "values of a participant do not vary"),
        ([1.0, np.inf, 2, 2, 4, 4], ["a", "a", "b", "b", "c", "c"], "infinite"),
    ],
)
def test_data_without_a_repeated_measure_are_refused_with_the_reason(response, participant, reason):
    with pytest.raises(ValueError, match=reason):
        random_intercept(np.ones((6, 1)), response, participant)


@pytest.mark.parametrize("unit", [1e-20, 1.0, 1e20])
def test_the_unit_of_the_covariate_changes_nothing(unit):
    d = data()
    plain = ancova(_percent(d), d["baseline"], d["arm"], confidence=0.95)
    assert list(ancova(_percent(d), d["baseline"] * unit, d["arm"], confidence=0.95)) == pytest.approx(list(plain))


def test_a_constant_response_has_an_effect_of_0_and_no_p():
    d = data()
    found = ancova(np.full(d["arm"].size, 0.1), d["baseline"], d["arm"], confidence=0.95)
    assert found.estimate == pytest.approx(0, abs=1e-12)
    assert np.isnan(found.p)


def test_infinite_values_and_a_confidence_of_95_are_refused():
    with pytest.raises(ValueError, match="infinite"):
        ancova([1.0, np.inf, 3, 4, 5], [1.0, 2, 3, 4, 6], [1, 1, 0, 0, 0], confidence=0.95)
    with pytest.raises(ValueError, match="between 0 and 1"):
        ancova([1.0, 2, 3, 4, 5], [1.0, 2, 3, 4, 6], [1, 1, 0, 0, 0], confidence=95)
