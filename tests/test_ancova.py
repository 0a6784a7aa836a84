"""Analysis of covariance and the repeated-measures model."""

import re

import numpy as np
import pytest
import statsmodels.api as sm
from oracle.sensitivity import data, value
from oracle_values import rows
from scipy.stats import ttest_ind

from d_q_trial.stats.ancova import ancova, least_squares, random_intercept

FIELDS = ("estimate", "standard_error", "p", "lower", "upper")


def _percent(d):
    return 100 * (d["week_20"] - d["baseline"]) / d["baseline"]


def test_ancova_is_that_of_r_with_hc3_and_t_whatever_the_unit_of_the_covariate():
    d = data()
    log = ancova(np.log(d["week_20"]), np.log(d["baseline"]), d["arm"], confidence=0.95)
    assert [getattr(log, f) for f in FIELDS] == pytest.approx([value(f"ancova_log.{f}") for f in FIELDS], rel=1e-9)
    expected = [value(f"ancova_percent.{field}") for field in FIELDS]
    for unit in (1e-20, 1.0, 1e20):
        percent = ancova(_percent(d), d["baseline"] * unit, d["arm"], confidence=0.95)
        assert [getattr(percent, field) for field in FIELDS] == pytest.approx(expected, rel=1e-9)


def test_p_comes_from_t_and_not_from_the_normal_distribution():
    d = data()
    seen = ~np.isnan(d["week_20"])
    design = sm.add_constant(np.column_stack([d["arm"], d["baseline"]])[seen])
    theirs = sm.OLS(_percent(d)[seen], design)
    ours = ancova(_percent(d), d["baseline"], d["arm"], confidence=0.95)
    assert ours.p == pytest.approx(theirs.fit(cov_type="HC3", use_t=True).pvalues[1], rel=1e-9)
    assert ours.p > theirs.fit(cov_type="HC3").pvalues[1] + 1e-3


def test_with_two_equal_groups_and_no_covariate_hc3_is_welch_but_for_the_leverage():
    first, second = np.array([1.0, 4, 2, 8, 5]), np.array([3.0, 9, 4, 4, 6])
    design = np.column_stack([np.ones(10), np.arange(10) < 5])
    found = least_squares(design, np.concatenate([first, second]), 1, confidence=0.95)
    # Leverage 1/n in each group turns sum(e^2)/n^2 into sum(e^2)/(n-1)^2.
    expected = np.sqrt(sum(((s - s.mean()) ** 2).sum() for s in (first, second))) / 4
    assert (found.standard_error, found.df) == (pytest.approx(expected, rel=1e-12), 8)


@pytest.mark.parametrize(
    ("response", "covariate", "arm", "estimated"),
    [
        ([1.0, 2, 4, 3, 7], [1.0, 2, 3, 5, 4], [1, 0, 0, 0, 0], True),  # alone in its arm: leverage 1
        ([0.1] * 5, [1.0, 2, 3, 5, 4], [1, 0, 1, 0, 0], True),  # a constant response: an effect of 0
        ([1.0, 2, 4, 3], [5.0, 5, 5, 5], [1, 0, 1, 0], False),  # dependent columns
        ([1.0, 2, 4, 3, 7, 5], [0.3, 0.1, 0.3, 0.1, 0.1, 0.3], [1, 0, 1, 0, 0, 1], False),
        ([1.0, 2, 4], [5.0, np.nan, 1], [1, 0, 1], False),
    ],
)
def test_data_that_leave_no_error_have_no_p(response, covariate, arm, estimated):
    found = ancova(response, covariate, arm, confidence=0.95)
    assert np.isfinite(found.estimate) == estimated
    assert np.isnan(found.p)
    assert response[0] != 0.1 or found.estimate == pytest.approx(0, abs=1e-12)


def test_infinite_values_and_a_confidence_of_95_are_refused():
    plain, infinite = [1.0, 2, 3, 4, 6], [1, np.inf, 3, 4, 5]
    for response, covariate, confidence, match in (
        (infinite, plain, 0.95, "^response: infinite"),
        (plain, infinite, 0.95, "^covariate: infinite"),
        (plain, plain, 95, "^confidence 95: "),
    ):
        with pytest.raises(ValueError, match=match):
            ancova(response, covariate, [1, 1, 0, 0, 0], confidence=confidence)


def _long(d, visits=("week_2", "week_4", "week_20")):
    """Rows participant x visit; columns: a visit's mean each, arm at each visit, log baseline."""
    response = np.concatenate([np.log(d[visit] / d["baseline"]) for visit in visits])
    blocks = np.kron(np.eye(len(visits)), np.ones((d["arm"].size, 1)))
    arm = np.tile(d["arm"], len(visits))
    design = np.column_stack([blocks, blocks * arm[:, None], np.tile(np.log(d["baseline"]), len(visits))])
    return design, response, np.tile(d["participant"], len(visits))


def mixed(design, response, participant, *contrasts):
    return random_intercept(design, response, participant, contrasts, confidence=0.95)


def assert_same_as_lmertest(found, expected):
    # R stops its search at a relative 1e-6 or so in the variances.
    for field, tolerance in (("estimate", 1e-6), ("standard_error", 1e-6), ("df", 1e-3), ("p", 1e-5)):
        assert getattr(found, field) == pytest.approx(float(expected(field)), rel=tolerance), field


def test_mixed_model_is_that_of_lmertest_with_its_degrees_of_freedom():
    found = mixed(*_long(data()), [0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 1 / 3, 1 / 3, 1 / 3, 0])
    for effect, name in zip(found, ("week_20", "mean"), strict=True):
        assert_same_as_lmertest(effect, lambda field, name=name: value(f"mixed_{name}.{field}"))


@pytest.mark.parametrize("oracle", rows("mixed"), ids=lambda row: f"correlation {row['icc']}")
def test_mixed_model_is_that_of_lmertest_also_where_participants_hardly_vary_within(oracle):
    here = [row for row in rows("mixed_data") if row["icc"] == oracle["icc"]]
    response = [float(row["y"] or "nan") for row in here]
    design = [[1.0, float(row["arm"])] for row in here]
    assert_same_as_lmertest(
        mixed(design, response, [row["participant"] for row in here], [0, 1])[0], oracle.__getitem__
    )


def test_on_complete_data_the_mean_over_visits_is_the_t_test_of_participants_means():
    rng = np.random.default_rng(1)
    values = rng.normal(size=20)[:, None] + rng.normal(size=(20, 3))
    blocks = np.kron(np.eye(3), np.ones((20, 1)))
    design = np.column_stack([blocks, blocks * np.tile(np.arange(20) < 9, 3)[:, None]])
    (found,) = mixed(design, values.T.ravel(), np.tile(np.arange(20), 3), [0, 0, 0, 1 / 3, 1 / 3, 1 / 3])
    theirs = ttest_ind(values[:9].mean(axis=1), values[9:].mean(axis=1))
    assert (found.df, found.p) == pytest.approx((18, theirs.pvalue), rel=1e-4)
    assert found.t == pytest.approx(theirs.statistic, rel=1e-5)


def test_without_variance_between_participants_the_mixed_model_is_least_squares():
    values = np.random.default_rng(2).normal(size=(15, 2))
    values[:, 1] -= values[:, 0] + values[:, 1].mean()  # correlation within participants is negative
    design, response = np.column_stack([np.ones(30), np.tile(np.arange(15) < 7, 2)]), values.T.ravel()
    (found,) = mixed(design, response, np.tile(np.arange(15), 2), [0, 1])
    theirs = sm.OLS(response, design).fit()
    assert found[:3] == pytest.approx((theirs.params[1], theirs.bse[1], 28))


@pytest.mark.parametrize(
    ("response", "participant", "reason"),
    [
        ([1.0, 2, 3, 4, 5, 6], "abcdef", "mixed model: no participant has more than one value"),
        ([0.1] * 6, "aabbcc", "mixed model: the response does not vary beyond the design"),
        ([1.0, 1, 2, 2, 4, 4], "aabbcc", "mixed model: the values of a participant do not vary"),
        ([1.0, np.inf, 2, 2, 4, 4], "aabbcc", "response: infinite value, expected finite numbers (NaN where missing)"),
        (
            [1.0, np.nan, np.nan, np.nan, np.nan, np.nan],
            "aabbcc",
            "mixed model: linearly dependent columns, or too few values",
        ),
    ],
)
def test_data_without_a_repeated_measure_are_refused_with_the_reason(response, participant, reason):
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        mixed(np.ones((6, 1)), response, list(participant), [1])
