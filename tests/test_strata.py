import numpy as np
import pytest
from cohorts import participants
from test_changes import TRIAL, analysis

from d_q_trial import strata
from d_q_trial.errors import UserError


def build(values, others=(), exclude=(), **rule):
    rule = rule if "by" in rule else {"cuts": ["2/3"], "labels": ["T1/T2", "T3"]} | rule
    rows = [
        {"participant": f"S{i}", "arm": "d_q" if i % 2 else "control", "variable": "p16_variant_5", "value": float(v)}
        for i, v in enumerate(values)
    ]
    rows += [
        {"participant": f"F{i}", "arm": "fisetin", "variable": "p16_variant_5", "value": float(v)}
        for i, v in enumerate(others)
    ]
    return strata.build_strata(participants(rows), TRIAL, analysis(strata=rule, exclude=list(exclude)))


def sizes(frame):
    return frame["stratum"].value_counts().to_dict()


def cut_values(frame):
    """The cuts of the first marker in its unit, ascending: where its strata begin."""
    return sorted(frame.loc[frame["marker"].eq("p16_variant_5"), "lower"].dropna().unique())


def test_sixty_different_values_put_twenty_in_the_upper_third():
    assert sizes(build(range(60))) == {"T1/T2": 40, "T3": 20}


def test_a_tie_at_the_cut_goes_to_the_side_that_is_asked_for():
    values = [*range(39), 39, 39, *range(41, 60)]
    assert sizes(build(values)) == {"T1/T2": 39, "T3": 21}
    assert sizes(build(values, at_cut="lower")) == {"T1/T2": 41, "T3": 19}


def test_a_value_at_the_cut_goes_where_it_should_despite_rounding_error():
    # With 61 values the cut is the 41st value itself, up to rounding error of 60 * (2/3).
    values = [0.1 * i for i in range(61)]
    assert sizes(build(values)) == {"T1/T2": 40, "T3": 21}
    assert sizes(build(values, at_cut="lower")) == {"T1/T2": 41, "T3": 20}


def test_the_reference_group_moves_the_cut():
    low = [-1.0] * 14
    assert sizes(build(range(60), others=low)) == {"T1/T2": 40, "T3": 20}
    assert sizes(build(range(60), others=low, reference="everyone")) == {"T1/T2": 35, "T3": 25}
    assert "F0" not in set(build(range(60), others=low, reference="everyone")["participant"])


def test_three_strata_and_absolute_cuts_have_their_members_and_limits():
    frame = build(range(9), cuts=["1/3", "2/3"], labels=["T1", "T2", "T3"])
    assert sizes(frame) == {"T1": 3, "T2": 3, "T3": 3}
    assert cut_values(frame) == pytest.approx([8 / 3, 16 / 3])
    limits = frame.drop_duplicates("stratum").set_index("stratum")[["lower", "upper"]].to_numpy()
    np.testing.assert_allclose(limits, [[np.nan, 8 / 3], [8 / 3, 16 / 3], [16 / 3, np.nan]], rtol=1e-9)
    assert sizes(build(range(9), by="value", cuts=[7], labels=["low", "high"])) == {"low": 7, "high": 2}


def test_a_column_states_the_strata():
    rule = {"by": "column", "column": "group", "labels": ["T1/T2", "T3"]}
    rows = [
        {"participant": f"S{i}", "variable": "group", "value": np.nan, "text": text}
        for i, text in enumerate(["T3", "T1/T2", "T3"])
    ]
    frame = strata.build_strata(participants(rows), TRIAL, analysis(strata=rule))
    assert sizes(frame) == {"T3": 2, "T1/T2": 1}
    rows[0]["text"] = "T9"
    with pytest.raises(UserError, match=r"Sheet!A1: stratum 'T9' is not among the labels"):
        strata.build_strata(participants(rows), TRIAL, analysis(strata=rule))
    with pytest.raises(UserError, match="no column 'groop'; did you mean 'group'"):
        strata.build_strata(participants(rows), TRIAL, analysis(strata=rule | {"column": "groop"}))


def test_a_column_of_strata_keeps_the_marker():
    rows = [{"participant": f"S{i}", "variable": "group", "value": np.nan, "text": "T1/T2"} for i in range(3)]
    rows += [{"participant": f"S{i}", "variable": "p16_variant_5", "value": 2.0 + i} for i in range(2)]
    frame = strata.build_strata(
        participants(rows), TRIAL, analysis(strata={"by": "column", "column": "group", "labels": ["T1/T2", "T3"]})
    )
    np.testing.assert_array_equal(frame["marker_value"], [2.0, 3.0, np.nan])


def test_an_empty_stratum_is_refused():
    with pytest.raises(UserError, match="no participant falls into T3; p16_variant_5 runs from 0 to 8"):
        build(range(9), by="value", cuts=[100], labels=["T1/T2", "T3"])


def test_a_workbook_without_marker_has_no_strata():
    rows = [{"participant": "A", "variable": "ctx", "value": 1.0}]
    assert strata.build_strata(participants(rows), TRIAL, analysis()).empty


def test_excluded_participants_are_in_no_stratum_and_move_the_cut():
    frame = build(range(60), exclude=[f"S{i}" for i in range(30)])
    assert sizes(frame) == {"T1/T2": 20, "T3": 10}
    assert cut_values(frame) == pytest.approx([30 + 29 * 2 / 3])


def test_a_marker_is_rounded_before_it_is_compared_with_the_cut():
    assert sizes(build([1, 2, 3 - 1e-13, 4], by="value", cuts=[3], labels=["low", "high"])) == {"low": 2, "high": 2}
