"""What panels draw and say: every participant, finished numbers, and the reason where there are none."""

import itertools
import math

import pytest
from figure_samples import FINISHED, MARKER, POINTS, VISIT, numbers, point, study, summaries
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from d_q_trial.figures import draw, forest, style
from d_q_trial.figures.catalogue import Forest, Panel
from d_q_trial.figures.draw import REACH, side_steps, time_positions, view
from d_q_trial.figures.panels import draw_panel, room
from d_q_trial.figures.study import Summary
from d_q_trial.results_table import Numbers

HEIGHTS = st.lists(st.floats(0, 150), min_size=1, max_size=60)
ARMS = Panel(kind="arms", outcome="ctx", visit=VISIT)
STRATA = Panel(kind="strata", outcome="sasp_sclerostin")
KEY, CONTRAST = ("ctx", "percent_change", VISIT), "d_q - control"


def painted(panel, data=None):
    """Axes with the panel drawn on them, and what they show."""
    with style.settings():
        ax = Figure(figsize=(3, 2.5)).add_axes((0.2, 0.2, 0.7, 0.6))
        return ax, draw_panel(ax, panel, data or study())


def lines(ax, label):
    return [line for line in ax.lines if line.get_label() == label]


def values(ax, label):
    """Heights of what is drawn under a label, a list per line."""
    return [sorted(line.get_ydata()) for line in lines(ax, label)]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def ticks(ax):
    return [tick.get_text() for tick in ax.get_xticklabels()]


def test_participants_are_points_beside_the_finished_median_quartiles_n_and_p():
    ax, shown = painted(ARMS)
    arms = ("control", "d_q")
    assert values(ax, "D+Q") == [POINTS["d_q"]]
    assert [heights[0] for heights in values(ax, "median")] == [FINISHED["median"][arm] for arm in arms]
    ends = [{heights[0], heights[-1]} for heights in values(ax, "quartiles")]
    assert ends == [{FINISHED["q1"][arm], FINISHED["q3"][arm]} for arm in arms]
    assert ticks(ax) == ["Control\nn = 105", "D+Q\nn = 106"]
    assert "$P$ = 0.031" in texts(ax)
    (zero,) = lines(ax, "zero")
    assert (set(zero.get_ydata()), zero.is_dashed()) == ({0.0}, True)
    assert ax.get_ylabel() == "CTx, change (%)"
    assert shown.words == (
        "CTx, 20 weeks. D+Q median 17.7% (quartiles 6.6 and 33.9), n = 106; "
        "Control median 3.3% (quartiles −11.1 and 12.2), n = 105; P = 0.031."
    )


@pytest.mark.parametrize(
    ("outside", "marker", "said"),
    [((1480,), "^", "1,480%"), ((900, 950, 1480), "^", "3 values\nto 1,480%"), ((-900,), "v", "−900%")],
)
def test_values_outside_the_axis_are_marked_at_its_edge_with_the_farthest(outside, marker, said):
    changes = [point(f"c{i}", "control", "ctx", float(v), VISIT) for i, v in enumerate((0, *outside))]
    ax, _ = painted(ARMS, study(changes=changes))
    (beyond,) = lines(ax, "beyond Control")
    assert (beyond.get_marker(), len(beyond.get_ydata())) == (marker, len(outside))
    assert values(ax, "Control") == [[0]]
    assert said in texts(ax)
    assert ax.get_ylim()[1] < 400


def test_strata_stand_side_by_side_with_their_own_points_and_p():
    panel = ARMS.model_copy(update={"strata": ["highest", "lowest"]})
    ax, _ = painted(panel)
    assert [text for text in texts(ax) if "=" in text] == ["T3\n$P$ = 0.031", "T1/T2\n$P$ = 0.031"]
    assert values(ax, "D+Q") == [POINTS["d_q"][1::2], POINTS["d_q"][0::2]]
    assert room(panel, study(), 60.0) == (1, False, False, False)
    assert room(panel, study(), 15.0).arms_legend  # for names of arms that do not fit


def test_strata_at_baseline_take_both_arms_together():
    ax, _ = painted(STRATA)
    (lower,) = values(ax, "T1/T2")
    assert len(lower) + sum(map(len, values(ax, "beyond T1/T2"))) == 6
    assert "$P$ < 0.001" in texts(ax)
    assert ticks(ax) == ["T1/T2\nn = 77", "T3\nn = 77"]
    assert ax.get_ylabel() == "Sclerostin (pg/mL)"


def test_a_time_course_begins_at_zero_and_shows_finished_medians_and_quartiles():
    ax, shown = painted(Panel(kind="time_course", outcome="ctx", strata=["highest"]))
    drawn = [list(container.lines[0].get_ydata()) for container in ax.containers]
    assert drawn == [[0.0, FINISHED["median"][arm]] for arm in ("d_q", "control")]
    _, _, (bars,) = ax.containers[0].lines
    assert bars.get_segments()[1][:, 1].tolist() == pytest.approx([6.6, 33.9])
    assert shown.title == "CTx, T3 of p16 variant 5"
    assert {"$P$ = 0.031", "106", "–"} <= set(texts(ax))
    heights = {text.get_text(): text.get_window_extent().y0 for text in ax.texts}
    assert heights["Weeks"] > heights["n, Control"] > heights["n, D+Q"]  # as in the tables
    assert ticks(ax) == ["0", "20"]


@pytest.mark.parametrize(
    ("group", "ages", "r"),
    [
        ("population", [30, 59, 60, 80], "0.25"),
        ("population_under_cut", [30, 59], "0.35"),
        ("population_from_cut", [60, 80], "0.45"),
        ("participants", [60, 61, 62, 63, 64, 60, 61, 62, 63, 64, 65], "0.51"),  # not those of the third arm
    ],
)
def test_a_correlation_shows_its_group_with_the_finished_r(group, ages, r):
    ax, _ = painted(Panel(kind="correlation", outcome=MARKER, group=group))
    assert list(lines(ax, "participants")[0].get_xdata()) == ages
    assert texts(ax) == [f"Spearman r = {r}, $P$ < 0.001, n = 228"]


SEVEN = {"strata_labels": tuple(f"s{number}" for number in range(7))}


@pytest.mark.parametrize(
    ("panel", "changed", "said"),
    [
        ({}, {"numbers": Numbers([])}, "CTx (20 weeks) is not in this workbook"),
        ({"outcome": "bmd_radius"}, {}, "Radius BMD (20 weeks)"),
        ({"kind": "time_course", "outcome": "p1np"}, {}, "P1NP (2 weeks)"),
        ({"kind": "strata", "outcome": "sasp_fas"}, {}, "Fas (Baseline)"),
        ({"kind": "correlation", "outcome": "p16_variant_1+5"}, {}, "p16 variant 1+5 and age"),
        ({"strata": ["T9"]}, {}, "No stratum T9"),
        ({"strata": ["each"]}, SEVEN, "holds up to 6 strata, this analysis has 7"),
    ],
)
def test_a_panel_without_numbers_says_so(panel, changed, said):
    ax, shown = painted(ARMS.model_copy(update=panel), study(**changed))
    assert shown.missing
    assert said in shown.words
    assert texts(ax)[0].replace("\n", " ") + "." == shown.words
    assert not ax.lines


def test_rows_without_ids_count_only_in_the_stratum_that_their_sheet_names():
    loose = {"linked": False, "marker": MARKER, "stratum": "T3"}
    data = study(changes=[point("x", "d_q", "ctx", 8.0, VISIT, **loose), point("y", "d_q", "ctx", 9.0, VISIT)])
    assert data.values(KEY, marker=MARKER, stratum="T3") == (8.0,)
    assert data.values(KEY) == (9.0,)


def test_an_estimation_plot_shows_the_difference_above_the_median_of_the_control_group():
    ends = {"hodges_lehmann": 14.4, "hodges_lehmann_lower": 2.0, "hodges_lehmann_upper": 30.0}
    rows = Numbers([*summaries(*KEY), *numbers(KEY, ends, contrast=CONTRAST)])
    ax, shown = painted(ARMS.model_copy(update={"kind": "estimation"}), study(numbers=rows))
    base = FINISHED["median"]["control"]
    assert (values(ax, "difference"), values(ax, "interval")) == ([[base + 14.4]], [[base + 2.0, base + 30.0]])
    assert "D+Q − Control 14.4 (2.0 to 30.0)" in shown.words


@pytest.mark.parametrize("largest", [0.05, 0.9, 14.0, 160.0, 1500.0, 14_000.0])
def test_the_numbers_of_an_axis_do_not_reach_its_label(largest):
    low, median, high = -0.6 * largest, 0.2 * largest, largest
    group = draw.Group("Control", style.CONTROL, 0.0, (low, median, high), Summary(3, median, low, high))
    with style.settings():
        page = style.Page(60.0, 50.0, None)
        ax = page.axes(15.0, 5.0, 40.0, 30.0)
        draw.groups(ax, [group], "Spine BMD, log ratio to baseline")
        page.figure.draw_without_rendering()
        label, numbers = ax.yaxis.label.get_window_extent(), [t for t in ax.get_yticklabels() if t.get_text()]
        assert label.x0 >= 0
        assert numbers
        assert not any(label.overlaps(text.get_window_extent()) for text in numbers)


def test_p_of_three_strata_stand_upon_each_other_without_overlap():
    labels, key, rows = ("T1", "T2", "T3"), ("sasp_sclerostin", "baseline", "baseline"), []
    for label in labels:
        found = {"n": 3, "median": 930.0, "q1": 905.0, "q3": 940.0}
        rows += numbers(key, found, stratum=label, marker=MARKER, group="both arms")
        rows += (
            numbers(key, {"p": 0.0123}, stratum="", marker=MARKER, contrast=f"T3 - {label}") if label != "T3" else []
        )
    ax, shown = painted(STRATA, study(numbers=Numbers(rows), strata_labels=labels))
    ax.figure.draw_without_rendering()
    first, second = [text.get_window_extent() for text in ax.texts if text.get_text() == "$P$ = 0.012"]
    assert not first.overlaps(second)
    assert "T3 against T1 P = 0.012; T3 against T2 P = 0.012" in shown.words


def test_p_is_in_italics_and_a_label_keeps_its_letters():
    figure = Figure()
    with style.settings():
        alone = style.italic_p(figure.text(0, 0, "PTH, P = 0.031, P < $5"))
        beside = style.italic_p(figure.text(0, 0, "vitamin P $\nP = 0.031"), "vitamin P $")
        figure.draw_without_rendering()
    assert alone.get_text() == r"PTH, $P$ = 0.031, $P$ < \$5"
    assert beside.get_text() == "vitamin P \\$\n$P$ = 0.031"


@pytest.mark.parametrize("strata", [("T1/T2", "T3"), ("low", "middle", "high")])
def test_a_forest_plot_has_a_row_for_all_participants_and_for_every_stratum(strata):
    key, rows = ("ctx", "percent_change", "week_2"), []
    for index, where in enumerate([{}, *({"marker": MARKER, "stratum": label} for label in strata)]):
        found = {"hodges_lehmann": 10.0 * index, "hodges_lehmann_lower": -5.0, "p": 0.2}
        rows += numbers(key, found, contrast=CONTRAST, **where)
        rows += [row for arm in ("d_q", "control") for row in numbers(key, {"n": 9}, group=arm, **where)]
    interaction = {"outcome": "ctx", "visit": "week_2", "marker": MARKER, "statistic": "p", "value": "0.25"}
    interaction |= {"contrast": f"{CONTRAST}, {strata[-1]} - {strata[0]}", "method": "placements, t, level 0.95"}
    data = study(numbers=Numbers(rows), strata_labels=strata, interactions=[interaction])
    with style.settings():
        page, (shown,) = forest.forest(Forest(families=["turnover"]), data)
    assert [text for ax in page.figure.axes for text in texts(ax) if text in strata] == list(reversed(strata))
    assert f"CTx, 2 weeks, {strata[0]}: 10.0, P = 0.200, interaction P = 0.250." in shown.words


def test_a_confidence_limit_outside_the_axis_of_a_forest_plot_ends_in_a_marked_arrow():
    found = [forest.Effect("CTx, 2 weeks", "all", (9, 9), 1.0, -5.0, 5.0, 0.2) for _ in range(11)]
    found.append(forest.Effect("CTx, 2 weeks", "T3", (9, 9), 1.0, -5.0, 500.0, 0.2))
    with style.settings():
        ax = Figure().add_axes((0.2, 0.2, 0.7, 0.6))
        forest._axis(ax, found, study())
    (arrow,) = [line for line in ax.lines if str(line.get_label()).startswith(draw.BEYOND)]
    assert (arrow.get_marker(), arrow.get_xdata()[0]) == (">", ax.get_xlim()[1])
    assert ax.get_xlim()[1] < 6


@pytest.mark.parametrize(
    ("shown", "quartiles", "more", "inside", "outside"),
    [
        ([-20, -10, 0, 10, 1480], (-15, 5), {}, (-20, 10), 5 + REACH * 20),  # one value does not flatten the axis
        ([-6, 15, 19.2], (-2, 1), {}, (-6, 19.2), 30),  # just out of reach, it is shown rather than marked
        ([0, 60], (0, 10), {}, (0, 60), 70),
        ([5, 6], (5, 6), {"include": (0.0,)}, (0, 6), 7),
        ([1, 1, 1, 9], (1, 1), {}, (1, 9), 10),  # equal quartiles hide no value
        ([3.0], (), {}, (3, 3), 4),  # one value has an axis around it
        ([], (), {}, (0.01, 0.99), 2),
        ([math.nan], (), {}, (0.01, 0.99), 2),
        ([0, 1], (0, 1), {"limits": (-3.0, 7.0)}, (-2.9, 6.9), 7.1),  # stated limits overrule the choice
    ],
)
def test_an_axis_holds_all_values_but_those_far_away(shown, quartiles, more, inside, outside):
    low, high = view(shown, quartiles, **more)
    assert low < inside[0]
    assert inside[1] < high < outside


@given(HEIGHTS, st.floats(1, 20))
def test_no_point_hides_another_or_leaves_its_group(heights, width):
    steps = side_steps(heights, 3.0, 1000.0)
    for i, j in itertools.combinations(range(len(heights)), 2):
        assert math.hypot(heights[i] - heights[j], steps[i] - steps[j]) >= 0.98 * 3.0 - 1e-9
    assert all(abs(step) <= width for step in side_steps(heights, 3.0, width))


def test_a_lone_point_stands_in_the_middle_and_does_not_depend_on_points_above():
    assert side_steps([5.0, 50.0], 3.0, 20.0) == [0.0, 0.0]
    assert side_steps([1.0, 2.0, 90.0], 3.0, 20.0)[:2] == side_steps([1.0, 2.0], 3.0, 20.0)


def test_long_gaps_between_visits_are_cut_and_visits_out_of_order_refused():
    assert time_positions([0, 2, 4, 20]) == ([0, 1, 2, 4], [3])
    assert time_positions([0, 26, 52]) == ([0, 1, 2], [])
    with pytest.raises(ValueError, match="follow each other"):
        time_positions([0, 4, 2])
