import math

import pytest
from figure_samples import FINISHED, POINTS, number, point, study, summaries
from matplotlib.figure import Figure

from d_q_trial.figures import draw, forest, style
from d_q_trial.figures.catalogue import Forest, Panel
from d_q_trial.figures.panels import content
from d_q_trial.results_table import Numbers


def painted(panel, data=None):
    """Axes with the panel drawn on them, and what was looked up."""
    with style.settings():
        ax = Figure(figsize=(3, 2.5)).add_axes((0.2, 0.2, 0.7, 0.6))
        shown = content(panel, data or study())
        shown.paint(ax)
    return ax, shown


def lines(ax, label):
    return [line for line in ax.lines if line.get_label() == label]


def texts(ax):
    return [text.get_text() for text in ax.texts]


ARMS = Panel(kind="arms", outcome="ctx", visit="week_20")


def test_every_participant_is_a_point_at_the_height_of_the_value():
    ax, _ = painted(ARMS)
    (treated,) = lines(ax, "D+Q")
    assert sorted(treated.get_ydata()) == POINTS["d_q"]


def test_median_and_quartiles_are_the_finished_ones_not_those_of_the_points():
    ax, _ = painted(ARMS)
    medians = [line.get_ydata()[0] for line in lines(ax, "median")]
    assert medians == [FINISHED["median"]["control"], FINISHED["median"]["d_q"]]
    heights = [{min(line.get_ydata()), max(line.get_ydata())} for line in lines(ax, "quartiles")]
    assert heights == [{FINISHED["q1"][arm], FINISHED["q3"][arm]} for arm in ("control", "d_q")]


def test_n_is_the_finished_one():
    ax, _ = painted(ARMS)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["Control\nn = 105", "D+Q\nn = 106"]


def test_p_has_the_digits_of_the_article():
    ax, _ = painted(ARMS)
    assert "$P$ = 0.031" in texts(ax)


def test_an_extreme_value_is_marked_at_the_edge_with_its_value():
    ax, _ = painted(ARMS)
    assert ax.get_ylim()[1] < 400
    (beyond,) = lines(ax, "beyond Control")
    assert beyond.get_marker() == "^"
    assert "1,480%" in texts(ax)
    (control,) = lines(ax, "Control")
    assert len(control.get_ydata()) + len(beyond.get_ydata()) == len(POINTS["control"])


def test_many_extreme_values_are_counted():
    data = study(changes=[point(f"c{i}", "control", "ctx", v, "week_20") for i, v in enumerate((900, 950, 1480))])
    ax, _ = painted(ARMS, data)
    assert "3 values\nto 1,480%" in texts(ax)
    assert len(lines(ax, "beyond Control")[0].get_ydata()) == 3


def test_a_very_low_value_is_marked_at_the_lower_edge():
    data = study(changes=[point("c", "control", "ctx", -900.0, "week_20")])
    ax, _ = painted(ARMS, data)
    assert lines(ax, "beyond Control")[0].get_marker() == "v"
    assert "−900%" in texts(ax)


def test_the_line_of_no_change_is_dashed_and_at_zero():
    ax, _ = painted(ARMS)
    (zero,) = lines(ax, "zero")
    assert set(zero.get_ydata()) == {0.0}
    assert zero.is_dashed()


def test_axes_carry_units():
    assert painted(ARMS)[0].get_ylabel() == "CTx, change (%)"
    assert painted(Panel(kind="strata", outcome="sasp_sclerostin"))[0].get_ylabel() == "Sclerostin (pg/mL)"


def test_strata_stand_side_by_side_with_their_own_points_and_p():
    ax, shown = painted(Panel(kind="arms", outcome="ctx", visit="week_20", strata=["highest", "lowest"]))
    assert [line for line in texts(ax) if "$P$ =" in line] == ["T3\n$P$ = 0.031", "T1/T2\n$P$ = 0.031"]
    upper, lower = lines(ax, "D+Q")
    assert sorted(upper.get_ydata()) == POINTS["d_q"][1::2]
    assert sorted(lower.get_ydata()) == POINTS["d_q"][0::2]
    assert shown.more_lines == 1


def test_long_names_of_arms_go_into_a_legend():
    shown = content(Panel(kind="arms", outcome="ctx", visit="week_20", strata=["each"]), study(), 15.0)
    assert shown.arms_legend


def test_strata_at_baseline_take_both_arms_together():
    ax, _ = painted(Panel(kind="strata", outcome="sasp_sclerostin"))
    (lower,) = lines(ax, "T1/T2")
    assert len(lower.get_ydata()) + sum(len(line.get_ydata()) for line in lines(ax, "beyond T1/T2")) == 6
    assert "$P$ < 0.001" in texts(ax)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["T1/T2\nn = 77", "T3\nn = 77"]


def test_a_time_course_begins_at_zero_and_shows_finished_medians():
    ax, shown = painted(Panel(kind="time_course", outcome="ctx", strata=["highest"]))
    treated, control = (container.lines[0] for container in ax.containers)
    assert list(treated.get_ydata()) == [0.0, FINISHED["median"]["d_q"]]
    assert list(control.get_ydata()) == [0.0, FINISHED["median"]["control"]]
    assert shown.title == "CTx, T3 of p16 variant 5"
    assert {"$P$ = 0.031", "Weeks", "n, D+Q", "106"} <= set(texts(ax))
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "20"]


def test_error_bars_of_a_time_course_end_at_the_finished_quartiles():
    ax, _ = painted(Panel(kind="time_course", outcome="ctx", strata=["highest"]))
    _, _, (bars,) = ax.containers[0].lines
    assert bars.get_segments()[1][:, 1].tolist() == pytest.approx([6.6, 33.9])


@pytest.mark.parametrize(
    ("group", "ages", "r"),
    [
        ("population", [30, 59, 60, 80], "0.25"),
        ("population_under_cut", [30, 59], "0.35"),
        ("population_from_cut", [60, 80], "0.45"),
    ],
)
def test_a_correlation_shows_its_group_with_the_finished_r(group, ages, r):
    ax, _ = painted(Panel(kind="correlation", outcome="p16_variant_5", group=group))
    assert list(lines(ax, "participants")[0].get_xdata()) == ages
    assert texts(ax) == [f"Spearman r = {r}, $P$ < 0.001, n = 228"]


def test_an_arm_that_is_not_analysed_is_not_among_the_participants():
    ax, _ = painted(Panel(kind="correlation", outcome="p16_variant_5"))
    assert len(lines(ax, "participants")[0].get_xdata()) == len(POINTS["control"]) + len(POINTS["d_q"])


@pytest.mark.parametrize(
    ("panel", "said"),
    [
        (Panel(kind="arms", outcome="bmd_radius", visit="week_20"), "Radius BMD (20 weeks)"),
        (Panel(kind="time_course", outcome="p1np"), "P1NP (2 weeks)"),
        (Panel(kind="strata", outcome="sasp_fas"), "Fas (Baseline)"),
        (Panel(kind="correlation", outcome="p16_variant_1+5"), "p16 variant 1+5 and age"),
        (Panel(kind="arms", outcome="ctx", visit="week_20", strata=["T9"]), "No stratum T9"),
    ],
)
def test_a_panel_without_numbers_says_so(panel, said):
    ax, shown = painted(panel)
    assert shown.missing
    assert said in texts(ax)[0]
    assert not ax.lines


def test_rows_without_ids_count_only_in_the_stratum_that_their_sheet_names():
    loose = {"linked": "False", "marker": "p16_variant_5", "stratum": "T3"}
    data = study(changes=[point("x", "d_q", "ctx", 8.0, "week_20", **loose), point("y", "d_q", "ctx", 9.0, "week_20")])
    assert data.values("ctx", "percent_change", "week_20", marker="p16_variant_5", stratum="T3") == (8.0,)
    assert data.values("ctx", "percent_change", "week_20") == (9.0,)


def test_an_undefined_p_is_said_to_be_undefined():
    rows = study(numbers=type(study().numbers)([]))
    assert math.isnan(rows.numbers.get("ctx", "percent_change", "week_20", "p").value)
    ax, shown = painted(ARMS, rows)
    assert shown.missing
    assert "is not in this workbook" in texts(ax)[0]


def test_the_words_of_a_panel_give_its_result():
    _, shown = painted(ARMS)
    assert shown.words == (
        "CTx, 20 weeks. D+Q median 17.7% (quartiles 6.6 and 33.9), n = 106; "
        "Control median 3.3% (quartiles −11.1 and 12.2), n = 105; P = 0.031."
    )


@pytest.mark.parametrize("largest", [0.05, 0.9, 14.0, 160.0, 1500.0, 14_000.0])
def test_the_numbers_of_an_axis_run_into_its_label(largest):
    with style.settings():
        page = style.Page(60.0, 50.0, None)
        ax = page.axes(15.0, 5.0, 40.0, 30.0)
        values = (-0.6 * largest, 0.2 * largest, largest)
        group = draw.Group("Control", style.CONTROL, 0.0, values, 3, values[1], values[0], values[2])
        draw.groups(ax, [group], ylabel="Lumbar spine BMD, log ratio to baseline")
        page.figure.draw_without_rendering()
        label = ax.yaxis.label.get_window_extent()
        assert label.x0 >= 0
        numbers = [text for text in ax.get_yticklabels() if text.get_text()]
        assert numbers
        assert not [text.get_text() for text in numbers if label.overlaps(text.get_window_extent())]


def test_p_of_three_strata_stand_upon_each_other_and_cannot_be_read():
    places = [draw.Comparison(0.0, 2.0, 0.0123), draw.Comparison(1.0, 2.0, 0.456)]
    assert draw.levels(places) == [1, 0]
    assert draw.levels([draw.Comparison(0.0, 1.0, 0.1), draw.Comparison(2.0, 3.0, 0.1)]) == [0, 0]
    with style.settings():
        page = style.Page(60.0, 50.0, None)
        ax = page.axes(15.0, 12.0, 40.0, 30.0)
        members = [draw.Group("T", style.CONTROL, float(k), (1.0, 2.0, 3.0), 3, 2.0, 1.0, 3.0) for k in range(3)]
        draw.groups(ax, members, places, ylabel="")
        page.figure.draw_without_rendering()
        first, second = [text.get_window_extent() for text in ax.texts if text.get_text().startswith("$P$")]
    assert not first.overlaps(second)


def test_an_estimation_plot_shows_the_difference_above_the_median_of_the_control_group():
    rows = summaries("ctx", "percent_change", "week_20")
    for end, value in (("", 14.4), ("_lower", 2.0), ("_upper", 30.0)):
        rows.append(number("ctx", "percent_change", "week_20", f"hodges_lehmann{end}", value, contrast="d_q - control"))
    ax, shown = painted(Panel(kind="estimation", outcome="ctx", visit="week_20"), study(numbers=Numbers(rows)))
    base = FINISHED["median"]["control"]
    assert lines(ax, "difference")[0].get_ydata()[0] == base + 14.4
    assert list(lines(ax, "interval")[0].get_ydata()) == [base + 2.0, base + 30.0]
    assert "D+Q − Control 14.4 (2.0 to 30.0)" in shown.words


def test_more_strata_than_a_panel_holds_are_named_as_such():
    labels = tuple(f"s{number}" for number in range(7))
    _, shown = painted(Panel(kind="arms", outcome="ctx", visit="week_20", strata=["each"]), study(strata_labels=labels))
    assert shown.missing
    assert "holds up to 6 strata, this analysis has 7" in shown.words


def _effects(strata):
    rows, where = [], [("", "all"), *(("p16_variant_5", label) for label in strata)]
    for place, (marker, stratum) in enumerate(where):
        key = {"marker": marker, "stratum": stratum}
        for name, value in {"hodges_lehmann": 10.0 * place, "hodges_lehmann_lower": -5.0, "p": 0.2}.items():
            rows.append(number("ctx", "percent_change", "week_2", name, value, contrast="d_q - control", **key))
        rows += [number("ctx", "percent_change", "week_2", "n", 9, group=arm, **key) for arm in ("d_q", "control")]
    return Numbers(rows)


@pytest.mark.parametrize("strata", [("T1/T2", "T3"), ("low", "middle", "high")])
def test_a_forest_plot_has_a_row_for_all_participants_and_for_every_stratum(strata):
    interactions = [
        {"outcome": "ctx", "visit": "week_2", "marker": "p16_variant_5", "statistic": "p", "value": "0.25",
         "contrast": f"d_q - control, {strata[-1]} - {strata[0]}", "method": "placements, t, level 0.95"}
    ]  # fmt: skip
    data = study(numbers=_effects(strata), strata_labels=strata, interactions=interactions)
    assert [effect.group for effect in forest.effects(data, "turnover")] == ["all", *reversed(strata)]
    with style.settings():
        page, (shown,) = forest.forest(Forest(families=["turnover"]), data)
    written = [text.get_text() for ax in page.figure.axes for text in ax.texts]
    assert [text for text in written if text in strata] == list(reversed(strata))
    assert f"CTx, 2 weeks, {strata[0]}: 10.0, P = 0.200, interaction P = 0.250." in shown.words


def test_a_confidence_limit_outside_the_axis_of_a_forest_plot_ends_in_a_marked_arrow():
    found = [forest.Effect("ctx", "week_2", "all", (9, 9), 1.0, -5.0, 5.0, 0.2) for _ in range(11)]
    found.append(forest.Effect("ctx", "week_2", "T3", (9, 9), 1.0, -5.0, 500.0, 0.2))
    with style.settings():
        ax = Figure().add_axes((0.2, 0.2, 0.7, 0.6))
        forest._axis(ax, found, study(strata_labels=("T1/T2", "T3")))
    (arrow,) = [line for line in ax.lines if str(line.get_label()).startswith(draw.BEYOND)]
    assert (arrow.get_marker(), arrow.get_xdata()[0]) == (">", ax.get_xlim()[1])
    assert ax.get_xlim()[1] < 6


def test_p_is_in_italics_and_a_label_keeps_its_letters():
    figure = Figure()
    with style.settings():
        alone = style.italic_p(figure.text(0, 0, "PTH, P = 0.031, P < $5"))
        beside = style.italic_p(figure.text(0, 0, "vitamin P $\nP = 0.031"), "vitamin P $")
        figure.draw_without_rendering()
    assert alone.get_text() == r"PTH, $P$ = 0.031, $P$ < \$5"
    assert beside.get_text() == "vitamin P \\$\n$P$ = 0.031"
