import numpy as np
import pandas as pd
import pytest
from cohorts import make_participants
from test_changes import TRIAL, make_analysis

from d_q_trial import strata
from d_q_trial.errors import UserError
from d_q_trial.files import write_csv

THIRDS = {"cuts": ["2/3"], "labels": ["T1/T2", "T3"]}


def divided(rows, rule=None, **different):
    return strata.build_strata(make_participants(rows), TRIAL, make_analysis(strata=rule or THIRDS, **different))


def build(values, others=(), rule=None, **different):
    """Strata of participants S0, S1, ... of both arms, and F0, F1, ... of an arm that is not analysed."""
    rows = [
        {"participant": f"{name}{i}", "arm": arms[i % 2], "variable": "p16_variant_5", "value": float(v)}
        for name, arms, own in (("S", ("control", "d_q"), values), ("F", ("fisetin",) * 2, others))
        for i, v in enumerate(own)
    ]
    return divided(rows, rule, **different)


def sizes(frame):
    return frame["stratum"].value_counts().to_dict()


@pytest.mark.parametrize(
    ("values", "upper", "lower"),
    [
        (range(60), 20, 20),
        ([*range(39), 39, 39, *range(41, 60)], 21, 19),  # a tie at the cut
        # With 61 values the cut is the 41st value itself, up to rounding error of 60 * (2/3).
        ([0.1 * i for i in range(61)], 21, 20),
    ],
)
def test_the_upper_third_has_a_third_and_a_value_at_the_cut_goes_to_the_side_that_is_asked_for(values, upper, lower):
    for at_cut, size in (("upper", upper), ("lower", lower)):
        assert sizes(build(values, rule=THIRDS | {"at_cut": at_cut})) == {"T1/T2": len(values) - size, "T3": size}


def test_the_reference_group_and_exclusions_move_the_cut():
    low = [-1.0] * 14
    assert sizes(build(range(60), others=low)) == {"T1/T2": 40, "T3": 20}
    everyone = build(range(60), others=low, rule=THIRDS | {"reference": "everyone"})
    assert sizes(everyone) == {"T1/T2": 35, "T3": 25}
    assert "F0" not in set(everyone["participant"])
    fewer = build(range(60), exclude=[f"S{i}" for i in range(30)])
    assert sizes(fewer) == {"T1/T2": 20, "T3": 10}
    assert fewer["lower"].dropna().unique() == pytest.approx([30 + 29 * 2 / 3])


def marked(markers, arms=("d_q", "control", "d_q")):
    """Three participants with the values of some markers."""
    return [
        {"participant": name, "arm": arm, "variable": marker, "value": value}
        for marker, values in markers.items()
        for name, arm, value in zip("ABC", arms, values, strict=True)
    ]


def beside_others(rows):
    """Rows, and what is not a marker at baseline."""
    later = [{**row, "visit": "week_2", "value": 99.0} for row in rows]
    return rows + later + [{**row, "measure": "percent_change", "value": 99.0} for row in rows[:3]]


def test_the_table_of_strata_is_the_one_worked_by_hand_and_is_read_as_written(tmp_path):
    markers = {"p16_variant_1+5": [6.5, 4.5, 5.5], "p16_variant_5": [1.0, 2.0, 3.0], "ctx": [9.0, 9.0, 9.0]}
    rows, rule = beside_others(marked(markers)), {"cuts": ["1/4", "3/4"], "labels": ["low", "middle", "high"]}
    frame = divided(rows, rule)
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
    absolute = divided(rows, rule | {"by": "value", "cuts": [1.5, 2.5]})
    pd.testing.assert_frame_equal(absolute, frame[:3])  # of the marker of the analysis alone


def test_a_column_states_the_strata_beside_the_marker():
    rule = {"by": "column", "column": "group", "labels": ["T1/T2", "T3"]}
    rows = marked({"p16_variant_5": [1.0, 2.0, None], "group": [np.nan] * 3})
    for row, text in zip(rows[3:], ["T3", "T1/T2", "T3"], strict=True):
        row["text"] = text
    rows = beside_others(rows[:3]) + rows[3:] + marked({"group": [np.nan] * 3}, arms=["fisetin"] * 3)
    frame = divided(rows, rule)
    found = [(row["participant"], row["arm"], row["marker_value"], row["stratum"]) for row in frame.to_dict("records")]
    assert found[:2] == [("A", "d_q", 1.0, "T3"), ("B", "control", 2.0, "T1/T2")]
    assert (found[2][0], found[2][3], np.isnan(found[2][2]), len(found)) == ("C", "T3", True, 3)
    assert set(frame["marker"] + ", " + frame["cut"]) == {"p16_variant_5, column group"}
    assert frame[["marker_value", "lower", "upper"]].dtypes.eq(float).all()
    assert frame[["lower", "upper"]].isna().all(axis=None)


COLUMN = {"by": "column", "labels": ["T1", "T2"]}
NOT_READ = (
    "strata.column: no column {} of the workbook was read as strata of the analysed participants{}; "
    "read as strata: group. A mapping makes a column one with {{is: stratum}}"
)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"by": "value", "cuts": [100, 200], "labels": ["low", "middle", "high"]},
            "strata.cuts: no participant falls into middle, high; p16_variant_5 runs from 1 to 3 and is cut at 100, 200",
        ),
        (COLUMN | {"column": "age"}, NOT_READ.format("'age'", "")),
        (COLUMN | {"column": "grup"}, NOT_READ.format("'grup'", "; did you mean 'group'?")),
        (COLUMN | {"column": "group"}, "Sheet!B7: stratum 'T9' is not among the labels T1, T2"),
        (COLUMN | {"column": "group", "labels": ["T8", "T9"]}, "strata.labels: column 'group' has no T8"),
    ],
)
def test_what_cannot_be_divided_is_named_with_its_place(rule, message):
    rows = marked({"p16_variant_5": [1, 2, 3], "age": [1, 2, 3], "group": [np.nan] * 3})
    stated = [row | {"text": "T9", "cell": f"B{n}"} for n, row in enumerate(rows[6:], start=7)]
    with pytest.raises(UserError) as found:
        divided(rows[:6] + stated, rule)
    assert str(found.value).removeprefix("analyses.published.") == message


def test_an_unknown_marker_and_a_workbook_without_columns_of_strata_are_named():
    rows = marked({"p16_variant_5": [1, 2, 3]})
    with pytest.raises(UserError, match=r"^analyses.published.marker: 'p16_variant_4' .*did you mean 'p16_variant_5'"):
        divided(rows, marker="p16_variant_4")
    with pytest.raises(UserError, match="read as strata: none"):
        divided(rows, COLUMN | {"column": "group"})


def test_marker_values_are_those_of_analysed_participants_at_baseline():
    markers = {"p16_variant_5": [1.0, 2.0, 3.0], "p16_variant_1+5": [6.0, 4.0, 5.0], "ctx": [9.0, 9.0, 9.0]}
    rows = beside_others(marked(markers))
    rows += [{**row, "participant": name, "arm": "fisetin"} for name, row in zip("DE", rows, strict=False)]
    found = strata.select_marker_values(make_participants(rows), TRIAL, make_analysis(exclude=["B"]))
    expected = {"p16_variant_5": [1.0, 3.0], "p16_variant_1+5": [6.0, 5.0]}
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected, index=["A", "C"]), check_names=False, check_like=True)


def test_participants_are_in_their_own_stratum_and_panels_without_ids_in_the_one_that_they_state_for_the_marker():
    table = pd.DataFrame({"participant": ["A", "B", "A"], "marker": ["p", "p", "q"], "stratum": ["T1", "T3", "T9"]})
    linked = [("A", True, "", ""), ("B", True, "p", "T7"), ("C", True, "", "")]
    rows = [*linked, ("", False, "p", "T3"), ("", False, "q", "T3")]
    changes = pd.DataFrame(rows, columns=["participant", "linked", "marker", "stratum"])
    assert strata.find_strata(changes, table, "p").tolist() == ["T1", "T3", "", "T3", ""]


def test_a_workbook_without_marker_has_no_strata():
    frame = divided([{"participant": "A", "variable": "ctx", "value": 1.0}])
    assert (len(frame), tuple(frame)) == (0, strata.COLUMNS)


@pytest.mark.parametrize(("values", "cut"), [([1, 2, 3 - 1e-13, 4], 3), ([1, 1.1, 1.23456789012, 2], 1.23456789012)])
def test_marker_and_cut_are_rounded_before_they_are_compared(values, cut):
    assert sizes(build(values, rule={"by": "value", "cuts": [cut], "labels": ["low", "high"]})) == {"low": 2, "high": 2}
