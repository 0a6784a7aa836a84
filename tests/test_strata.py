import numpy as np
import pandas as pd
import pytest
from pipeline import TRIAL, make_analysis, make_participants, value_rows

from d_q_trial import strata
from d_q_trial.errors import UserError
from d_q_trial.files import write_csv

MARKERS = {"p16_variant_1+5": [6.5, 4.5, 5.5], "p16_variant_5": [1.0, 2.0, 3.0], "ctx": [9.0, 9.0, 9.0]}
THIRDS = {"cuts": ["2/3"], "labels": ["T1/T2", "T3"]}


def build(rows, rule=THIRDS, **settings):
    return strata.build_strata(make_participants(rows), TRIAL, make_analysis(strata=rule, **settings))


def divide(values, others=(), rule=THIRDS, **settings):
    """Divide participants S0, S1, ... of both arms; F0, F1, ... are of an arm that is not analysed."""
    arms = [(f"S{i}", ("control", "d_q")[i % 2], value) for i, value in enumerate(values)]
    arms += [(f"F{i}", "fisetin", value) for i, value in enumerate(others)]
    rows = [row for name, arm, value in arms for row in value_rows(name, arm, "p16_variant_5", baseline=float(value))]
    return build(rows, rule, **settings)


def count(frame):
    return frame["stratum"].value_counts().to_dict()


@pytest.mark.parametrize(
    ("by", "values", "cut", "upper", "lower"),
    [
        ("quantile", range(60), "2/3", 20, 20),
        ("quantile", [*range(39), 39, 39, *range(41, 60)], "2/3", 21, 19),  # a tie at the cutoff
        # With 61 values the cutoff is the 41st value itself, up to rounding error of 60 * (2/3).
        ("quantile", [0.1 * i for i in range(61)], "2/3", 21, 20),
        ("value", [1, 2, 3 - 1e-13, 4], 3, 2, 1),  # value and cutoff are rounded before they are compared
        ("value", [1, 1.1, 1.23456789012, 2], 1.23456789012, 2, 1),
    ],
)
def test_a_value_at_the_cutoff_goes_to_the_configured_side(by, values, cut, upper, lower):
    for at_cut, size in (("upper", upper), ("lower", lower)):
        rule = {"by": by, "cuts": [cut], "labels": ["low", "high"], "at_cut": at_cut}
        assert count(divide(values, rule=rule)) == {"low": len(values) - size, "high": size}


def test_the_reference_group_and_exclusions_change_the_cutoff():
    low = [-1.0] * 14
    assert count(divide(range(60), others=low)) == {"T1/T2": 40, "T3": 20}
    everyone = divide(range(60), others=low, rule=THIRDS | {"reference": "everyone"})
    assert count(everyone) == {"T1/T2": 35, "T3": 25}
    assert "F0" not in set(everyone["participant"])
    fewer = divide(range(60), exclude=[f"S{i}" for i in range(30)])
    assert count(fewer) == {"T1/T2": 20, "T3": 10}
    assert fewer["lower"].dropna().unique() == pytest.approx([30 + 29 * 2 / 3])


def list_markers(markers, arms=("d_q", "control", "d_q")):
    """Return rows of three participants with the values of some markers."""
    return [
        {"participant": name, "arm": arm, "variable": marker, "value": value}
        for marker, values in markers.items()
        for name, arm, value in zip("ABC", arms, values, strict=True)
    ]


def add_other_values(rows):
    """Add values at a later visit and percent changes, which are no markers."""
    later = [{**row, "visit": "week_2", "value": 99.0} for row in rows]
    return rows + later + [{**row, "measure": "percent_change", "value": 99.0} for row in rows[:3]]


def test_the_strata_and_marker_values_of_analysed_participants_are_those_worked_by_hand_and_read_as_written(tmp_path):
    rows, rule = add_other_values(list_markers(MARKERS)), {"cuts": ["1/4", "3/4"], "labels": ["low", "middle", "high"]}
    rows += [{**row, "participant": name, "arm": "fisetin"} for name, row in zip("DE", rows, strict=False)]
    frame = build(rows, rule)
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
    absolute = build(rows, rule | {"by": "value", "cuts": [1.5, 2.5]})
    pd.testing.assert_frame_equal(absolute, frame[:3])  # of the marker of the analysis alone
    values = strata.select_marker_values(make_participants(rows), TRIAL, make_analysis(exclude=["B"]))
    wide = frame[frame["participant"].ne("B")].pivot(index="participant", columns="marker", values="marker_value")
    pd.testing.assert_frame_equal(values, wide, check_names=False)


def test_strata_from_a_column_keep_the_marker_values():
    markers = add_other_values(list_markers({"p16_variant_5": [1.0, 2.0, None]}))
    groups = list_markers({"group": [np.nan] * 3})
    groups = [row | {"text": text} for row, text in zip(groups, ["T3", "T1/T2", "T3"], strict=True)]
    others = [row | {"participant": row["participant"] * 2, "arm": "fisetin"} for row in groups]
    frame = build(markers + groups + others, {"by": "column", "column": "group", "labels": ["T1/T2", "T3"]})
    expected = [
        ("A", "d_q", "p16_variant_5", 1.0, "T3", "column group", np.nan, np.nan),
        ("B", "control", "p16_variant_5", 2.0, "T1/T2", "column group", np.nan, np.nan),
        ("C", "d_q", "p16_variant_5", np.nan, "T3", "column group", np.nan, np.nan),
    ]
    pd.testing.assert_frame_equal(frame, pd.DataFrame(expected, columns=list(strata.COLUMNS)))


COLUMN = {"by": "column", "labels": ["T1", "T2"]}
EMPTY_MIDDLE = "strata.cuts: no participant falls into 10 to below 20, 20 and above"
EMPTY = "strata.labels: no participant falls into T8; column 'group' has none"
NOT_READ = (
    "strata.column: no column {} of the workbook was read as strata of the analysed participants{}; "
    "read as strata: group. To have a column read as strata, write `stratum` for it in a "
    "mapping, under `columns` of its block"
)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"by": "value", "cuts": [10, 20]}, f"{EMPTY_MIDDLE}; p16_variant_5 runs from 1 to 3 and is cut at 10, 20"),
        (COLUMN | {"column": "age"}, NOT_READ.format("'age'", "")),
        (COLUMN | {"column": "grup"}, NOT_READ.format("'grup'", "; did you mean 'group'?")),
        (COLUMN | {"column": "group"}, "Sheet!B7: stratum 'T9' is not among the labels T1, T2"),
        (COLUMN | {"column": "group", "labels": ["T8", "T9"]}, EMPTY),
    ],
)
def test_strata_that_cannot_be_assigned_are_refused_with_their_place(rule, message):
    rows = list_markers({"p16_variant_5": [1, 2, 3], "age": [1, 2, 3]})
    groups = list_markers({"group": [np.nan] * 3})
    rows += [row | {"text": "T9", "cell": f"B{number}"} for number, row in enumerate(groups, start=7)]
    with pytest.raises(UserError) as error:
        build(rows, rule)
    assert str(error.value).removeprefix("analyses.published.") == message


def test_a_workbook_without_the_marker_has_no_strata_and_unknown_markers_and_columns_are_named():
    frame = build([{"participant": "A", "variable": "ctx", "value": 1.0}])
    assert (len(frame), tuple(frame)) == (0, strata.COLUMNS)
    rows = list_markers({"p16_variant_5": [1, 2, 3]})
    with pytest.raises(UserError, match=r"^analyses.published.marker: 'p16_variant_4' .*did you mean 'p16_variant_5'"):
        build(rows, marker="p16_variant_4")
    with pytest.raises(UserError, match="read as strata: none"):
        build(rows, COLUMN | {"column": "group"})


def test_panels_without_ids_are_in_the_stratum_of_their_panel_and_participants_with_ids_in_that_of_the_table():
    table = pd.DataFrame({"participant": ["A", "B", "A"], "marker": ["p", "p", "q"], "stratum": ["T1", "T3", "T9"]})
    rows = [("A", True, "", ""), ("B", True, "p", "T7"), ("C", True, "", "")]
    rows += [("", False, "p", "T3"), ("", False, "q", "T3")]
    changes = pd.DataFrame(rows, columns=["participant", "linked", "marker", "stratum"])
    assert strata.find_strata(changes, table, "p").tolist() == ["T1", "T3", "", "T3", ""]
