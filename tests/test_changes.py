import re

import numpy as np
import pandas as pd
import pytest
from pipeline import TRIAL, make_analysis, make_participants, one, pick, value_rows

from d_q_trial import changes
from d_q_trial.errors import UserError
from d_q_trial.files import write_csv


def build(rows, **settings):
    return changes.build_changes(make_participants(rows), TRIAL, make_analysis(**settings))


def as_percent(rows, **columns):
    return [row | {"measure": "percent_change"} | columns for row in rows]


def test_the_changes_of_the_analysed_arms_are_those_worked_by_hand_and_are_read_as_written(tmp_path):
    rows = value_rows("A", "d_q", "ctx", baseline=0.4, week_2=0.5, week_4=0.3)
    rows += value_rows("B", "control", "ctx", week_2=0.5) + value_rows("B", "control", "p1np", baseline=60.0)
    rows += value_rows("A", "d_q", "p1np", baseline=None, week_4=30.0)
    rows += as_percent(value_rows("B", "control", "p1np", week_4=-10.0))
    rows += as_percent(value_rows("A", "d_q", "ctx", week_2=99.0))  # not used beside raw values
    name, stratum = "Fig. 4a:1", {"linked": False, "marker": "p16_variant_5", "stratum": "T3"}  # of a panel without ids
    rows += [row | stratum for row in value_rows(name, "d_q", "ctx", baseline=0.7, week_2=1)]
    rows += as_percent(value_rows(name, "d_q", "ctx", week_2=5.0, week_4=6.0, week_20=7.0), **stratum)
    rows += as_percent(value_rows(name, "d_q", "p1np", week_4=8.0, baseline=9.0), **stratum)
    rows += as_percent(value_rows(name, "d_q", "calcium", week_4=8.0), **stratum)
    rows += as_percent(value_rows(name, "d_q", "bmd_radius", week_4=8.0), **stratum)  # a visit that is not analysed
    rows += value_rows("F", "fisetin", "ctx", baseline=0.4, week_2=0.5)  # another arm, and the population sample
    rows += [{"cohort": "population", "arm": "", "participant": "P", "variable": "ctx", "value": 0.4}]
    frame = build(rows, outcomes=["bmd_radius", "p1np", "ctx"], visits=["week_4", "week_2"])
    a, b = ("A", True, "d_q", "", ""), ("B", True, "control", "", "")
    panel = (name, False, "d_q", "p16_variant_5", "T3")
    expected = [
        (*a, "ctx", "baseline", "baseline", 0.4, "", 0.4, ""),
        (*b, "ctx", "baseline", "baseline", "", "", "", changes.NO_BASELINE),
        # Equal changes tie despite rounding error: 100 * (0.5 - 0.4) / 0.4 is not 25 in the last bits.
        (*a, "ctx", "percent_change", "week_2", 0.4, 0.5, 25.0, ""),
        (*b, "ctx", "percent_change", "week_2", "", 0.5, "", changes.NO_BASELINE),
        (*a, "ctx", "percent_change", "week_4", 0.4, 0.3, -25.0, ""),
        (*b, "ctx", "percent_change", "week_4", "", "", "", changes.NO_BASELINE),
        (*a, "p1np", "baseline", "baseline", "", "", "", changes.NO_BASELINE),
        (*b, "p1np", "baseline", "baseline", 60.0, "", 60.0, ""),
        (*a, "p1np", "percent_change", "week_4", "", 30.0, "", changes.NO_BASELINE),
        (*b, "p1np", "percent_change", "week_4", 60.0, "", -10.0, ""),
        (*panel, "ctx", "baseline", "baseline", 0.7, "", 0.7, ""),
        (*panel, "ctx", "percent_change", "week_2", "", "", 5.0, ""),
        (*panel, "ctx", "percent_change", "week_4", "", "", 6.0, ""),
        (*panel, "p1np", "percent_change", "week_4", "", "", 8.0, ""),
    ]
    assert frame.columns.tolist() == list(changes.COLUMNS)
    assert list(frame.astype(object).fillna("").itertuples(index=False, name=None)) == expected
    missing = [(name, arm, *place, reason) for name, _, arm, _, _, *place, _, _, _, reason in expected if reason]
    assert list(changes.list_missing_changes(frame).itertuples(index=False, name=None)) == missing
    write_csv(frame, tmp_path / "changes.csv")
    pd.testing.assert_frame_equal(changes.read_changes(tmp_path / "changes.csv"), frame, check_dtype=False)


@pytest.mark.parametrize(
    ("baseline", "follow_up", "kind", "value", "reason"),
    [
        (0.4, 0.5, "log_ratio", np.log(1.25), ""),
        (0.4, 0.5, "difference", 0.1, ""),
        (0.4, 0.0, "percent", -100.0, ""),
        (-0.1, 0.5, "difference", 0.6, ""),
        (0.4, None, "percent", np.nan, changes.NO_FOLLOW_UP),
        (0.0, 0.5, "percent", np.nan, changes.NOT_POSITIVE),
        (-0.1, 0.5, "percent", np.nan, changes.NOT_POSITIVE),
        (0.4, 0.0, "log_ratio", np.nan, changes.NO_LOGARITHM),
    ],
)
def test_each_kind_of_change_has_its_formula_and_measure_or_a_reason(baseline, follow_up, kind, value, reason):
    rows = value_rows("A", "d_q", "ctx", baseline=baseline, week_2=follow_up)
    rows += value_rows("B", "control", "ctx", baseline=0.4, week_2=0.5)
    row = one(build(rows, change=kind), participant="A", visit="week_2")
    assert row["value"] == pytest.approx(value, rel=1e-9, nan_ok=True)
    assert (row["measure"], row["reason"]) == ({"percent": "percent_change"}.get(kind, kind), reason)


@pytest.mark.parametrize(
    ("rule", "quartile_type", "low", "high", "reason"),
    [
        ("keep", 7, -4.0, 900.0, ""),
        ("trim", 7, np.nan, np.nan, changes.BEYOND_FENCE),
        ("winsorise", 7, 1 - 1.5 * 2, 3 + 1.5 * 2, changes.WINSORISED),
        # The quartiles of type 6 are -4 + 3/4 * 5 and 3 + 1/4 * 897.
        ("winsorise", 6, -4.0, 227.25 + 1.5 * 227.5, changes.WINSORISED),
    ],
)
def test_an_outlier_lies_beyond_the_quartiles_of_its_arm_outcome_and_visit(rule, quartile_type, low, high, reason):
    # In the control arm 2.7 lies on the fence, which in binary is below it: -0.6 + 1.5 * (-0.6 + 2.8). One baseline value is
    # far from the others. All but one change in P1NP are zero, and so are its quartiles.
    control = [-1.8, -2.8, -0.6, -2.8, -3.8, 1.1, -2.3, 2.7, -2.6]
    differences = {"d_q": [-4.0, 1.0, 1.0, 3.0, 3.0, 900.0], "control": control}
    rows = []
    for arm, values in differences.items():
        for i, value in enumerate(values):
            start = 1000.0 if i == 2 else 100.0
            rows += value_rows(f"{arm}{i}", arm, "ctx", baseline=start, week_2=start + value, week_4=start)
            rows += value_rows(f"{arm}{i}", arm, "p1np", baseline=start, week_2=start + (i == 0))
    outliers = {"rule": rule} if rule == "keep" else {"rule": rule, "limit": 1.5}
    frame = build(rows, change="difference", outliers=outliers, quartile_type=quartile_type)
    treated, control = (pick(frame, outcome="ctx", visit="week_2", arm=arm) for arm in differences)
    assert treated["value"].tolist() == pytest.approx([low, *differences["d_q"][1:5], high], nan_ok=True)
    moved = treated["value"].ne(differences["d_q"])
    assert treated["reason"].tolist() == [reason if value else "" for value in moved]
    assert control["value"].tolist() == differences["control"]
    assert pick(frame, measure="baseline")["value"].max() == 1000
    of_p1np = int(quartile_type == 6)  # by type 6 the upper quartile of its changes is 1/4
    assert frame["reason"].ne("").sum() == moved.sum() + of_p1np
    assert len(changes.list_missing_changes(frame)) == (2 if rule == "trim" else 0)


def test_panels_without_ids_have_the_configured_kind_of_change_or_a_reason():
    (row,) = as_percent(value_rows("F", "d_q", "ctx", week_2=-100.0), linked=False)
    panel = [row, {**row, "participant": "G", "value": 25.0}]
    ratios = build(panel, change="log_ratio")
    assert ratios["value"].tolist() == pytest.approx([np.nan, np.log(1.25)], nan_ok=True)
    assert ratios["reason"].tolist() == [changes.NO_LOGARITHM, ""]
    differences = build(panel, change="difference")
    assert differences["value"].isna().all()
    assert set(differences["reason"] + differences["measure"]) == {changes.NO_RAW_VALUES + "difference"}
    panel = [{**row, "participant": f"H{i}", "value": v} for i, v in enumerate([1.0, 1.0, 3.0, 3.0, 9.0])]
    panel += [{**row, "stratum": "T3", "marker": "p16_variant_5", "value": row["value"] * 10} for row in panel]
    trimmed = build(panel, outliers={"rule": "trim", "limit": 1.5})
    assert trimmed["value"].isna().tolist() == 2 * ([False] * 4 + [True])


TWO = [row for name in ("S1", "S2") for row in value_rows(name, "d_q", "ctx", baseline=0.4, week_2=0.5)]


def test_an_excluded_participant_has_no_values_and_unknown_names_and_second_values_are_refused_with_their_place():
    frame = build(TWO, exclude=["S1"])
    assert set(pick(frame, reason=changes.EXCLUDED)["participant"]) == {"S1"}
    assert pick(frame, participant="S1")["value"].isna().all()
    outcomes, visits = ", ".join(TRIAL.outcomes), ", ".join([*TRIAL.visits][1:])
    for key, names, message in (
        ("outcomes", ["ctxx"], f"'ctxx' is not one of {outcomes}; did you mean 'ctx'?"),
        ("visits", ["week_3"], f"'week_3' is not one of {visits}; did you mean 'week_4'?"),
        ("exclude", [1, "S1", "S3"], "no analysed participant is called '1', 'S3'; ids look like S1, S2"),
        ("exclude", ["S02"], "no analysed participant is called 'S02'; ids look like S1, S2; did you mean 'S2'?"),
        ("exclude", ["S1", "S2"], "no participant is left in the arm D+Q"),
    ):
        with pytest.raises(UserError, match=f"^{re.escape(f'analyses.published.{key}: {message}')}$"):
            build(TWO, **{key: names})
    with pytest.raises(UserError, match=r"^Sheet!B7: second value of ctx for S1$"):
        build([*TWO, TWO[0] | {"cell": "B7"}])
