import numpy as np
import pandas as pd
import pytest
from cohorts import participants
from test_changes import TRIAL, analysis

from d_q_trial import strata
from d_q_trial.errors import UserError
from d_q_trial.files import write_csv


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


HALVES = {"cuts": ["1/2"], "labels": ["low", "high"]}


def marked(markers, arms=("d_q", "control", "d_q")):
    """Three participants with the values of some markers."""
    return [
        {"participant": name, "arm": arm, "variable": marker, "value": value}
        for marker, values in markers.items()
        for name, arm, value in zip("ABC", arms, values, strict=True)
    ]


def test_the_table_of_strata_is_the_one_worked_by_hand_and_is_read_as_written(tmp_path):
    rows = marked({"p16_variant_1+5": [6.5, 4.5, 5.5], "p16_variant_5": [1.0, 2.0, 3.0], "ctx": [9.0, 9.0, 9.0]})
    rows += [{**row, "visit": "week_2", "value": 99.0} for row in rows]
    rows += [{**row, "measure": "percent_change", "value": 99.0} for row in rows[:3]]
    rule = {"cuts": ["1/4", "3/4"], "labels": ["low", "middle", "high"]}
    frame = strata.build_strata(participants(rows), TRIAL, analysis(strata=rule))
    expected = [
        ("A", "d_q", "p16_variant_5", 1.0, "low", "1.5; 2.5", np.nan, 1.5),
        ("B", "control", "p16_variant_5", 2.0, "middle", "1.5; 2.5", 1.5, 2.5),
        ("C", "d_q", "p16_variant_5", 3.0, "high", "1.5; 2.5", 2.5, np.nan),
        ("A", "d_q", "p16_variant_1+5", 6.5, "high", "5; 6", 6.0, np.nan),
        ("B", "control", "p16_variant_1+5", 4.5, "low", "5; 6", np.nan, 5.0),
        ("C", "d_q", "p16_variant_1+5", 5.5, "middle", "5; 6", 5.0, 6.0),
    ]
    pd.testing.assert_frame_equal(frame, pd.DataFrame(expected, columns=list(strata.COLUMNS)))
    write_csv(frame, tmp_path / "strata.csv")
    pd.testing.assert_frame_equal(strata.read_strata(tmp_path / "strata.csv"), frame, check_dtype=False)
    absolute = strata.build_strata(
        participants(rows), TRIAL, analysis(strata=rule | {"by": "value", "cuts": [1.5, 2.5]})
    )
    pd.testing.assert_frame_equal(absolute, frame[:3])  # of the marker of the analysis alone


def test_a_column_states_the_strata_beside_the_marker():
    rule = {"by": "column", "column": "group", "labels": ["T1/T2", "T3"]}
    rows = marked({"p16_variant_5": [1.0, 2.0, None], "group": [np.nan] * 3})
    for row, text in zip(rows[3:], ["T3", "T1/T2", "T3"], strict=True):
        row["text"] = text
    rows += marked({"group": [np.nan] * 3}, arms=["fisetin"] * 3)
    rows += [{**row, "visit": "week_2", "value": 99.0} for row in rows[:3]]
    rows += [{**row, "measure": "percent_change", "value": 99.0} for row in rows[:3]]
    frame = strata.build_strata(participants(rows), TRIAL, analysis(strata=rule))
    found = [(row["participant"], row["arm"], row["marker_value"], row["stratum"]) for row in frame.to_dict("records")]
    assert found[:2] == [("A", "d_q", 1.0, "T3"), ("B", "control", 2.0, "T1/T2")]
    assert (found[2][0], found[2][3], np.isnan(found[2][2]), len(found)) == ("C", "T3", True, 3)
    assert set(frame["marker"] + ", " + frame["cut"]) == {"p16_variant_5, column group"}
    assert frame[["marker_value", "lower", "upper"]].dtypes.eq(float).all()
    assert frame[["lower", "upper"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("rule", "marker", "message"),
    [
        (
            {"by": "value", "cuts": [100, 200], "labels": ["low", "middle", "high"]},
            "p16_variant_5",
            "strata.cuts: no participant falls into middle, high; p16_variant_5 runs from 1 to 3 and is cut at 100, 200",
        ),
        (HALVES, "p16_variant_4", "marker: 'p16_variant_4' is not one of {markers}; did you mean 'p16_variant_5'?"),
        (
            {"by": "column", "column": "p16_variant_6", "labels": ["a", "b"]},
            "p16_variant_5",
            "strata.column: the workbook has no column 'p16_variant_6'; did you mean 'p16_variant_5'?",
        ),
    ],
)
def test_what_cannot_be_divided_is_named_with_its_place(rule, marker, message):
    with pytest.raises(UserError) as found:
        strata.build_strata(
            participants(marked({"p16_variant_5": [1, 2, 3]})), TRIAL, analysis(strata=rule, marker=marker)
        )
    assert str(found.value) == f"analyses.published.{message.format(markers=', '.join(TRIAL.markers))}"


def test_a_stratum_that_is_no_label_is_named_with_its_cell():
    rows = [row | {"text": "T9", "cell": f"B{n}"} for n, row in enumerate(marked({"group": [np.nan] * 3}), start=7)]
    with pytest.raises(UserError) as found:
        strata.build_strata(
            participants(rows), TRIAL, analysis(strata={"by": "column", "column": "group", "labels": ["T1", "T2"]})
        )
    assert str(found.value) == "Sheet!B7: stratum 'T9' is not among the labels T1, T2"


def test_marker_values_are_those_of_analysed_participants_at_baseline():
    rows = marked({"p16_variant_5": [1.0, 2.0, 3.0], "p16_variant_1+5": [6.0, 4.0, 5.0], "ctx": [9.0, 9.0, 9.0]})
    rows += [{**row, "visit": "week_2", "value": 99.0} for row in rows]
    rows += [{**row, "measure": "percent_change", "value": 99.0} for row in rows[:3]]
    rows += [{**row, "participant": name, "arm": "fisetin"} for name, row in zip("DE", rows, strict=False)]
    found = strata.marker_values(participants(rows), TRIAL, analysis(exclude=["B"]))
    expected = {"p16_variant_5": [1.0, 3.0], "p16_variant_1+5": [6.0, 5.0]}
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected, index=["A", "C"]), check_names=False, check_like=True)


def test_a_workbook_without_marker_has_no_strata():
    rows = [{"participant": "A", "variable": "ctx", "value": 1.0}]
    frame = strata.build_strata(participants(rows), TRIAL, analysis())
    assert (len(frame), tuple(frame)) == (0, strata.COLUMNS)


def test_excluded_participants_are_in_no_stratum_and_move_the_cut():
    frame = build(range(60), exclude=[f"S{i}" for i in range(30)])
    assert sizes(frame) == {"T1/T2": 20, "T3": 10}
    assert cut_values(frame) == pytest.approx([30 + 29 * 2 / 3])


@pytest.mark.parametrize(("values", "cut"), [([1, 2, 3 - 1e-13, 4], 3), ([1, 1.1, 1.23456789012, 2], 1.23456789012)])
def test_marker_and_cut_are_rounded_before_they_are_compared(values, cut):
    assert sizes(build(values, by="value", cuts=[cut], labels=["low", "high"])) == {"low": 2, "high": 2}
