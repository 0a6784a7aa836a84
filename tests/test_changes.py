import numpy as np
import pytest
from cohorts import measured, participants
from hypothesis import given
from hypothesis import strategies as st

from d_q_trial import changes
from d_q_trial.config import settings
from d_q_trial.errors import UserError
from d_q_trial.stats.checks import significant
from d_q_trial.trial import load_trial

TRIAL = load_trial("data/trial.yaml")


def analysis(**different):
    content = {"trial": "x", "analyses": {"published": {"workbook": "x", "marker": "p16_variant_5", **different}}}
    return settings.load(content).analyses["published"]


def build(rows, **different):
    return changes.build_changes(participants(rows), TRIAL, analysis(**different))


def one(frame, participant, visit):
    row = frame[frame["participant"].eq(participant) & frame["visit"].eq(visit)]
    assert len(row) == 1
    return row.iloc[0]


def test_percent_change_is_relative_to_baseline():
    frame = build(measured("A", "d_q", "ctx", baseline=0.4, week_2=0.5))
    assert one(frame, "A", "week_2")["value"] == 25
    assert one(frame, "A", "baseline")["value"] == 0.4


@pytest.mark.parametrize(("kind", "value"), [("percent", 25.0), ("log_ratio", np.log(1.25)), ("difference", 0.1)])
def test_each_kind_of_change_has_its_formula_and_measure(kind, value):
    row = one(build(measured("A", "d_q", "ctx", baseline=0.4, week_2=0.5), change=kind), "A", "week_2")
    assert row["value"] == pytest.approx(value, rel=1e-9)
    assert row["measure"] == {"percent": "percent_change"}.get(kind, kind)


@pytest.mark.parametrize(
    ("baseline", "follow_up", "kind", "reason"),
    [
        (None, 0.5, "percent", changes.NO_BASELINE),
        (0.4, None, "percent", changes.NO_FOLLOW_UP),
        (0.0, 0.5, "percent", changes.NOT_POSITIVE),
        (-0.1, 0.5, "percent", changes.NOT_POSITIVE),
        (0.4, 0.0, "log_ratio", changes.FOLLOW_UP_NOT_POSITIVE),
        (0.4, 0.0, "percent", ""),
        (-0.1, 0.5, "difference", ""),
    ],
)
def test_a_change_without_value_has_a_reason(baseline, follow_up, kind, reason):
    other = measured("B", "control", "ctx", baseline=0.4, week_2=0.5)
    row = one(
        build(measured("A", "d_q", "ctx", baseline=baseline, week_2=follow_up) + other, change=kind), "A", "week_2"
    )
    assert row["reason"] == reason
    assert np.isnan(row["value"]) == bool(reason)


def test_exclusions_name_the_participant_and_the_reason():
    rows = measured("A", "d_q", "ctx", baseline=0.4) + measured("B", "control", "ctx", baseline=0.4, week_2=0.5)
    table = changes.exclusions(build(rows))
    assert table[["participant", "visit", "reason"]].to_numpy().tolist() == [["A", "week_2", changes.NO_FOLLOW_UP]]


def test_other_arms_and_the_population_sample_have_no_changes():
    rows = measured("F", "fisetin", "ctx", baseline=0.4, week_2=0.5) + measured("A", "d_q", "ctx", baseline=1.0)
    rows += [{"cohort": "population", "arm": "", "participant": "P", "variable": "age", "value": 40.0}]
    assert set(build(rows)["participant"]) == {"A"}


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6), st.integers(1, 1000))
def test_percent_change_does_not_depend_on_the_unit(baseline, follow_up, factor):
    scaled = changes.percent_change(baseline * factor, follow_up * factor)
    plain = changes.percent_change(baseline, follow_up)
    assert scaled == pytest.approx(plain, rel=1e-8, abs=1e-7)


def test_changes_that_tie_on_paper_tie_in_floating_point():
    # 0.3 -> 0.42 and 0.5 -> 0.7 are both +40%, but 100 * (f - b) / b differs in the last bits.
    assert 100 * (0.42 - 0.3) / 0.3 != 100 * (0.7 - 0.5) / 0.5
    assert changes.percent_change(0.3, 0.42) == changes.percent_change(0.5, 0.7) == 40


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_rounding_to_ten_digits_is_close_and_idempotent(value):
    once = significant(value)
    assert once == pytest.approx(value, rel=1e-9, abs=0)
    assert significant(once) == once
    assert np.isnan(significant(np.nan))


def test_an_excluded_participant_has_no_values_and_all_unknown_ones_are_named_at_once():
    rows = measured("A", "d_q", "ctx", baseline=0.4, week_2=0.5) + measured(
        "B", "control", "ctx", baseline=0.4, week_2=0.6
    )
    frame = build(rows, exclude=["A"])
    assert set(frame.loc[frame["reason"].eq(changes.EXCLUDED), "participant"]) == {"A"}
    assert frame.loc[frame["participant"].eq("A"), "value"].isna().all()
    with pytest.raises(UserError, match=r"exclude: no analysed participant is called '1', '2'; ids look like A, B$"):
        build(rows, exclude=[1, "A", 2])


def test_the_fences_of_an_outlier_are_those_of_its_own_arm():
    rows = [
        row
        for arm, values in (("d_q", [1.0, 1.0, 3.0, 3.0, 9.0]), ("control", [100.0, 200.0, 300.0, 400.0, 500.0]))
        for i, v in enumerate(values)
        for row in measured(f"{arm}{i}", arm, "ctx", baseline=100.0, week_2=100 + v)
    ]
    frame = build(rows, outliers={"rule": "trim", "limit": 1.5})
    assert frame.loc[frame["reason"].eq(changes.BEYOND_FENCE), "participant"].tolist() == ["d_q4"]


@pytest.mark.parametrize(("rule", "expected"), [("keep", 900.0), ("trim", np.nan), ("winsorise", 3 + 1.5 * 2)])
def test_an_outlier_is_kept_trimmed_or_winsorised_by_the_quartiles_of_its_arm(rule, expected):
    values = [1.0, 1.0, 3.0, 3.0, 900.0]  # quartiles 1 and 3
    rows = [
        row for i, v in enumerate(values) for row in measured(f"S{i}", "d_q", "ctx", baseline=100.0, week_2=100 + v)
    ]
    frame = build(rows, outliers={"rule": rule, "limit": 1.5})
    assert one(frame, "S4", "week_2")["value"] == pytest.approx(expected, nan_ok=True)
    assert one(frame, "S0", "week_2")["value"] == 1.0
    assert (one(frame, "S4", "week_2")["reason"] == changes.BEYOND_FENCE) == (rule == "trim")


def test_a_given_percent_change_is_used_where_raw_values_are_absent():
    rows = measured("A", "d_q", "ctx", baseline=0.4, week_2=0.5)
    rows += [{**row, "measure": "percent_change"} for row in measured("A", "d_q", "ctx", week_2=99.0, week_4=-10.0)]
    frame = build(rows)
    assert one(frame, "A", "week_2")["value"] == 25
    assert one(frame, "A", "week_4")["value"] == -10
    assert one(build(rows, change="log_ratio"), "A", "week_4")["value"] == pytest.approx(np.log(0.9))
    assert one(build(rows, change="difference"), "A", "week_4")["reason"] == changes.NO_RAW_VALUES


def test_rows_without_ids_are_kept_unlinked():
    rows = [
        {
            "participant": "Fig4a:1", "linked": False, "variable": "ctx", "visit": "week_2", "value": 5.0,
            "measure": "percent_change", "marker": "p16_variant_5", "stratum": "T3",
        }
    ]  # fmt: skip
    frame = build(rows)
    assert frame[["value", "stratum", "linked"]].to_numpy().tolist() == [[5.0, "T3", False]]


def test_unknown_outcomes_and_duplicates_are_refused():
    rows = measured("A", "d_q", "ctx", baseline=0.4)
    with pytest.raises(UserError, match="did you mean 'ctx'"):
        build(rows, outcomes=["ctxx"])
    with pytest.raises(UserError, match="second value of ctx for A"):
        build(rows + rows)
