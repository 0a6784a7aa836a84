"""Analysis of covariance and the repeated-measures model."""

import re

import numpy as np
import pytest
import statsmodels.api as sm
from oracle_values import read_columns, read_rows, read_values

from d_q_trial.formatting import round_significant
from d_q_trial.stats.ancova import ancova, marker_interaction, random_intercept

FIELDS = ("estimate", "standard_error", "p", "lower", "upper")
R, D = read_values("sensitivity"), read_columns("sensitivity_data")
PERCENT, LOG_RATIO = 100 * (D["week_20"] - D["baseline"]) / D["baseline"], np.log(D["week_20"] / D["baseline"])


@pytest.mark.parametrize(
    ("estimated", "name", "units"),
    [
        (lambda _: ancova(np.log(D["week_20"]), np.log(D["baseline"]), D["arm"], confidence=0.95), "ancova_log", [1]),
        (lambda u: ancova(PERCENT, D["baseline"] * u, D["arm"], confidence=0.95), "ancova_percent", [1e-20, 1, 1e20]),
        (
            lambda u: marker_interaction(LOG_RATIO, 40 * (u - 1) + u * D["marker"], D["arm"], confidence=0.95),
            "marker_interaction",
            [0.1, 1, 7],
        ),
    ],
)
def test_estimates_are_those_of_r_with_hc3_and_t_whatever_the_unit_of_the_covariate(estimated, name, units):
    for unit in units:
        found = [getattr(estimated(unit), field) for field in FIELDS]
        assert found == pytest.approx([R[f"{name}.{field}"] for field in FIELDS], rel=1e-9)


@pytest.mark.parametrize(
    ("response", "covariate", "arm", "estimated"),
    [
        ([1.0, 2, 4, 3, 7], [1.0, 2, 3, 5, 4], [1, 0, 0, 0, 0], True),  # alone in its arm: leverage 1
        (
            round_significant(np.log([2, 4, 5, 7, 9])),
            np.log([2.0, 4, 5, 7, 9]),
            [1, 0, 1, 0, 1],
            True,
        ),  # but for ten digits
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


def test_five_participants_are_the_fewest_that_have_an_interaction():
    response, marker, arm = [1.0, 2, 4, 3, 7], [1.0, 2, 3, 5, 4], [1, 0, 1, 0, 0]
    assert np.isfinite(marker_interaction(response, marker, arm, confidence=0.95).estimate)
    assert np.isnan(marker_interaction(response[:4], marker[:4], arm[:4], confidence=0.95).estimate)


def mixed(design, response, participant, *contrasts):
    return random_intercept(design, response, participant, contrasts, confidence=0.95)


def assert_same_as_lmertest(found, expected):
    # R stops its search at a relative 1e-6 or so in the variances.
    for field, tolerance in (("estimate", 1e-6), ("standard_error", 1e-6), ("df", 1e-3), ("p", 1e-5)):
        assert getattr(found, field) == pytest.approx(float(expected(field)), rel=tolerance), field


def test_mixed_model_is_that_of_lmertest_with_its_degrees_of_freedom():
    response = np.concatenate([np.log(D[visit] / D["baseline"]) for visit in ("week_2", "week_4", "week_20")])
    whose, arm, baseline = (np.tile(D[name], 3) for name in ("participant", "arm", "baseline"))
    visit = np.repeat(np.eye(3), len(D["arm"]), axis=0)
    design = np.column_stack([visit, visit * arm[:, None], np.log(baseline)])
    found = mixed(design, response, whose, [0, 0, 0, 0, 0, 1, 0], [0, 0, 0, 1 / 3, 1 / 3, 1 / 3, 0])
    for effect, name in zip(found, ("week_20", "mean"), strict=True):
        assert_same_as_lmertest(effect, lambda field, name=name: R[f"mixed_{name}.{field}"])


@pytest.mark.parametrize("oracle", read_rows("mixed"), ids=lambda row: f"correlation {row['icc']}")
def test_mixed_model_is_that_of_lmertest_also_where_participants_hardly_vary_within(oracle):
    here = [row for row in read_rows("mixed_data") if row["icc"] == oracle["icc"]]
    response, design = [float(row["y"] or "nan") for row in here], [[1.0, float(row["arm"])] for row in here]
    (found,) = mixed(design, response, [row["participant"] for row in here], [0, 1])
    assert_same_as_lmertest(found, oracle.__getitem__)


def test_the_mixed_model_does_not_depend_on_the_order_of_the_rows_to_nine_digits():
    rng, whose = np.random.default_rng(5), np.repeat(np.arange(15), 2)
    design = np.column_stack([np.ones(30), np.arange(30) % 2, np.arange(30) < 14])
    for _ in range(8):
        response = rng.normal(size=30) + rng.normal(size=15)[whose]
        orders = np.arange(30), rng.permutation(30)
        (first,), (second,) = (mixed(design[i], response[i], whose[i], [0, 0, 1]) for i in orders)
        assert second == pytest.approx(first, rel=1e-9)


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
        ([1, 2, 3, 4, 5, 6], "abcdef", "mixed model: no participant has more than one value"),
        ([0.1] * 6, "aabbcc", "mixed model: the response does not vary beyond the design"),
        ([1, 1, 2, 2, 4, 4], "aabbcc", "mixed model: the values of a participant do not vary"),
        ([1, np.inf, 2, 2, 4, 4], "aabbcc", "response: infinite value, expected finite numbers (NaN where missing)"),
        ([1] + [np.nan] * 5, "aabbcc", "mixed model: linearly dependent columns, or too few values"),
    ],
)
def test_data_without_a_repeated_measure_are_refused_with_the_reason(response, participant, reason):
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        mixed(np.ones((6, 1)), response, list(participant), [1])
