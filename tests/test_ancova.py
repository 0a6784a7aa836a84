"""Analysis of covariance and the repeated-measures model."""

import re
from functools import partial

import numpy as np
import pytest
import statsmodels.api as sm
from oracle_values import read_columns, read_rows, read_values

from d_q_trial.formatting import round_significant
from d_q_trial.stats.ancova import ancova, marker_interaction, random_intercept

FIELDS = ("estimate", "standard_error", "p", "lower", "upper")
R, D = read_values("sensitivity"), read_columns("sensitivity_data")
ARM, BASELINE, WEEK_20, MARKER = (D[name] for name in ("arm", "baseline", "week_20", "marker"))
PERCENT, LOG_RATIO, LOGS = 100 * (WEEK_20 - BASELINE) / BASELINE, np.log(WEEK_20 / BASELINE), np.log([2, 4, 5, 7, 9])
fit_ancova, fit_interaction = (partial(model, confidence=0.95) for model in (ancova, marker_interaction))


@pytest.mark.parametrize(
    ("fit", "name", "units"),
    [
        (lambda _: fit_ancova(np.log(WEEK_20), np.log(BASELINE), ARM), "ancova_log", [1]),
        (lambda unit: fit_ancova(PERCENT, BASELINE * unit, ARM), "ancova_percent", [1e-20, 1, 1e20]),
        (lambda u: fit_interaction(LOG_RATIO, 40 * (u - 1) + u * MARKER, ARM), "marker_interaction", [0.1, 1, 7]),
    ],
)
def test_estimates_with_hc3_and_t_equal_r_in_any_unit_of_the_covariate(fit, name, units):
    for unit in units:
        estimates = [getattr(fit(unit), field) for field in FIELDS]
        assert estimates == pytest.approx([R[f"{name}.{field}"] for field in FIELDS], rel=1e-9)


@pytest.mark.parametrize(
    ("response", "covariate", "arm", "has_estimate"),
    [
        ([1.0, 2, 4, 3, 7], [1.0, 2, 3, 5, 4], [1, 0, 0, 0, 0], True),  # one treated participant: leverage 1
        (round_significant(LOGS), LOGS, [1, 0, 1, 0, 1], True),  # equal to ten digits
        ([0.1] * 5, [1.0, 2, 3, 5, 4], [1, 0, 1, 0, 0], True),  # a constant response: an effect of 0
        ([1.0, 2, 4, 3], [5.0, 5, 5, 5], [1, 0, 1, 0], False),  # dependent columns
        ([1.0, 2, 4, 3, 7, 5], [0.3, 0.1, 0.3, 0.1, 0.1, 0.3], [1, 0, 1, 0, 0, 1], False),
        ([1.0, 2, 4], [5.0, np.nan, 1], [1, 0, 1], False),
    ],
)
def test_data_without_residual_error_have_no_p(response, covariate, arm, has_estimate):
    effect = fit_ancova(response, covariate, arm)
    assert np.isfinite(effect.estimate) == has_estimate
    assert np.isnan(effect.p)
    assert response[0] != 0.1 or effect.estimate == pytest.approx(0, abs=1e-12)


def test_a_constant_added_to_the_covariate_changes_nothing_and_an_interaction_needs_five_participants():
    effects = [fit_ancova(PERCENT, BASELINE + constant, ARM) for constant in (0, 1e7)]
    assert effects[1] == pytest.approx(effects[0], rel=1e-6)
    response, marker, arm = [1.0, 2, 4, 3, 7], [1.0, 2, 3, 5, 4], [1, 0, 1, 0, 0]
    assert np.isfinite(fit_interaction(response, marker, arm).estimate)
    assert np.isnan(fit_interaction(response[:4], marker[:4], arm[:4]).estimate)


def fit_mixed(design, response, participant, *contrasts):
    return random_intercept(design, response, participant, contrasts, confidence=0.95)


def assert_equals_lmertest(effect, expected):
    # R stops its search at a relative tolerance of about 1e-6 in the variances.
    for field, tolerance in (("estimate", 1e-6), ("standard_error", 1e-6), ("df", 1e-3), ("p", 1e-5)):
        assert getattr(effect, field) == pytest.approx(float(expected[field]), rel=tolerance), field


def test_mixed_model_equals_lmertest_with_its_degrees_of_freedom():
    response = np.concatenate([np.log(D[visit] / BASELINE) for visit in ("week_2", "week_4", "week_20")])
    participant, arm, baseline = (np.tile(column, 3) for column in (D["participant"], ARM, BASELINE))
    visit = np.repeat(np.eye(3), len(ARM), axis=0)
    design = np.column_stack([visit, visit * arm[:, None], np.log(baseline)])
    effects = fit_mixed(design, response, participant, [0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 1 / 3, 1 / 3, 1 / 3, 0])
    for effect, name in zip(effects, ("week_20", "mean"), strict=True):
        assert_equals_lmertest(effect, {key.removeprefix(f"mixed_{name}."): value for key, value in R.items()})


@pytest.mark.parametrize("oracle", read_rows("mixed"), ids=lambda row: f"correlation {row['icc']}")
def test_mixed_model_equals_lmertest_at_any_correlation_within_participants(oracle):
    rows = [row for row in read_rows("mixed_data") if row["icc"] == oracle["icc"]]
    response, design = [float(row["y"] or "nan") for row in rows], [[1.0, float(row["arm"])] for row in rows]
    (effect,) = fit_mixed(design, response, [row["participant"] for row in rows], [0, 1])
    assert_equals_lmertest(effect, oracle)


def test_mixed_model_is_independent_of_the_row_order_to_nine_digits():
    rng, participant = np.random.default_rng(5), np.repeat(np.arange(15), 2)
    design = np.column_stack([np.ones(30), np.arange(30) % 2, np.arange(30) < 14])
    for _ in range(8):
        response = rng.normal(size=30) + rng.normal(size=15)[participant]
        orders = np.arange(30), rng.permutation(30)
        (first,), (second,) = (fit_mixed(design[i], response[i], participant[i], [0, 0, 1]) for i in orders)
        assert second == pytest.approx(first, rel=1e-9)


def test_mixed_model_without_variance_between_participants_is_least_squares():
    values = np.random.default_rng(2).normal(size=(15, 2))
    values[:, 1] -= values[:, 0] + values[:, 1].mean()  # correlation within participants is negative
    design, response = np.column_stack([np.ones(30), np.tile(np.arange(15) < 7, 2)]), values.T.ravel()
    (effect,) = fit_mixed(design, response, np.tile(np.arange(15), 2), [0, 1])
    expected = sm.OLS(response, design).fit()
    assert effect[:3] == pytest.approx((expected.params[1], expected.bse[1], 28))


@pytest.mark.parametrize(
    ("response", "participant", "reason"),
    [
        ([1, 2, 3, 4, 5, 6], "abcdef", "mixed model: no participant has more than one value"),
        ([0.1] * 6, "aabbcc", "mixed model: the response does not vary beyond the design"),
        ([1, 1, 2, 2, 4, 4], "aabbcc", "mixed model: the values of a participant do not vary"),
        ([1, np.inf, 2, 2, 4, 4], "aabbcc", "response: infinite value, expected finite numbers (NaN where missing)"),
        # One degree of freedom: lme4's REML deviance is 5.035102 at every variance between participants.
        ([1, 2, 4], "aab", "mixed model: the values do not determine the variance between participants"),
        ([4, 2, 1], "baa", "mixed model: the values do not determine the variance between participants"),
        ([1] + [np.nan] * 5, "aabbcc", "mixed model: linearly dependent columns, or too few values"),
    ],
)
def test_mixed_model_refuses_unsuitable_data_with_the_reason(response, participant, reason):
    design = np.ones((6, 1)) if len(response) == 6 else np.array([[1, 0], [1, 1], [1, 0]])
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        fit_mixed(design, response, list(participant), [1] * design.shape[1])
