"""Figures: their list, panels, pages and files.

The results of the small study cannot be computed from its points, so a figure that computes a statistic is noticed.
"""

import itertools
import json
import math
import re
from collections import Counter
from dataclasses import replace

import drawn
import matplotlib as mpl
import pandas as pd
import pipeline
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text
from PIL import Image
from pipeline import LABEL, TRIAL, alter_trial, make_analysis, result_rows

from d_q_trial.claims import read_claims
from d_q_trial.config import settings
from d_q_trial.errors import UserError
from d_q_trial.figures import catalogue, diagrams, panels, render, style
from d_q_trial.figures.catalogue import Catalogue, Figure, Forest, Panel, read_catalogue
from d_q_trial.figures.panels import Group, View
from d_q_trial.figures.study import Study, Summary, read_study
from d_q_trial.files import write_csv
from d_q_trial.labels import caption_values, fill_placeholders
from d_q_trial.report.collect import find_places
from d_q_trial.results_table import Numbers
from d_q_trial.robustness.interaction import interaction_table
from d_q_trial.trial import load_trial

ANALYSIS = make_analysis(strata={"cuts": ["2/3"], "labels": ["T1/T2", "T3"]})
THIRDS = make_analysis(strata={"cuts": ["1/3", "2/3"], "labels": ["low", "middle", "high"]})
CAPTION_VALUES, FIGURES = caption_values(TRIAL, ANALYSIS), read_catalogue("data/figures.yaml", TRIAL).figures
MARKER, VISIT, CONTRAST = "p16_variant_5", "week_20", "d_q - control"
KEY = ("ctx", "percent_change", VISIT)

# One control participant is far beyond all others.
POINTS = {"control": [-20.0, -10.0, 0.0, 10.0, 1480.0], "d_q": [-5.0, 5.0, 15.0, 25.0, 35.0, 45.0]}
RESULTS = {"n": {"control": 105, "d_q": 106}, "median": {"control": 3.3, "d_q": 17.7}}
RESULTS |= {"q1": {"control": -11.1, "d_q": 6.6}, "q3": {"control": 12.2, "d_q": 33.9}}
# Spearman correlation of marker and age by group.
CORRELATIONS = {"population": 0.25, "population_under_60": 0.35, "population_over_60": 0.45, "participants": 0.51}


def summary_rows(*key, **stratum):
    rows = result_rows(key, {"p": 0.0314}, contrast=CONTRAST, **stratum)
    for arm in POINTS:
        rows += result_rows(key, {name: values[arm] for name, values in RESULTS.items()}, group=arm, **stratum)
    return rows


def make_point(participant, arm, outcome, value, visit, measure="percent_change", linked=True, marker="", stratum=""):
    row = {"participant": participant, "linked": linked, "arm": arm, "marker": marker, "stratum": stratum}
    return row | {"outcome": outcome, "measure": measure, "visit": visit, "value": value, "reason": ""}


def make_study(analysis=ANALYSIS, **overrides) -> Study:
    """Make a study of CTx at 20 weeks overall and by stratum, of sclerostin at baseline, and of p16 and age."""
    points, strata = [make_point("withdrawn", "d_q", "ctx", None, VISIT)], []
    names, baseline = analysis.strata.labels, ("sasp_sclerostin", "baseline", "baseline")
    for arm, values in POINTS.items():
        for index, value in enumerate(values):
            name, stratum = f"{arm}-{index}", names[index % len(names)]
            points.append(make_point(name, arm, "ctx", value, VISIT))
            points.append(make_point(name, arm, "sasp_sclerostin", 900 + value, "baseline", "baseline"))
            strata.append({"participant": name, "marker": MARKER, "stratum": stratum, "arm": arm})
    rows = summary_rows(*KEY)
    for stratum in names:
        keys, statistics = {"marker": MARKER, "stratum": stratum}, {"n": 77, "median": 930.5, "q1": 905.5, "q3": 940.5}
        rows += summary_rows(*KEY, **keys) + result_rows(baseline, statistics, group="both arms", **keys)
        rows += result_rows(baseline, {"p": 0.0123}, marker=MARKER, stratum="", contrast=f"{names[-1]} - {stratum}")
    for group, r in CORRELATIONS.items():
        keys = {"contrast": "age", "group": group, "n_first": "228"}
        rows += result_rows((MARKER, "correlation", "baseline"), {"spearman_r": r, "p": 0.0004}, **keys)
    fields = {"trial": TRIAL, "analysis": analysis, "label": LABEL, "strata": pd.DataFrame(strata)}
    fields |= {"numbers": Numbers(rows), "changes": pd.DataFrame(points)}
    markers = {MARKER: [1.0, 2.0], "p16_variant_1+5": math.nan}
    fields["people"] = {name: pd.DataFrame({"age": [60, 100 * r], **markers}) for name, r in CORRELATIONS.items()}
    fields["enrolled"] = Counter({arm: len(values) for arm, values in POINTS.items()} | {"fisetin": 1})
    return Study(**fields | overrides)


def make_study_of(*points) -> Study:
    """Make the study with only these points."""
    return make_study(changes=pd.DataFrame([make_point(*values) for values in points]))


OVERALL = {"kind": "arms", "outcome": "ctx", "visit": "week_20"}


def fill_texts(figure, analysis=ANALYSIS):
    return figure.texts(analysis, TRIAL)


def test_the_figures_are_those_of_the_article_and_three_more_and_panels_show_the_values_reported_in_them():
    article = [f"figure_{n}" for n in range(1, 6)] + [f"extended_data_figure_{n}" for n in range(2, 7)]
    assert list(FIGURES) == [*article, "forest", "estimation_figure_3", "estimation_figure_5"]
    assert ["Not in the article" in figure.caption for figure in FIGURES.values()] == [False] * 10 + [True] * 3
    panels, checked = {figure.label: figure.expand_panels(ANALYSIS.strata.labels) for figure in FIGURES.values()}, 0
    for claim in read_claims("data/published"):
        for label, letter in find_places(claim["locator"]):
            if letter:
                view = View(panel := panels[label][ord(letter) - ord("a")], make_study())
                assert (panel.outcome, panel.visit or claim["visit"]) == (claim["outcome"], claim["visit"]), claim
                assert claim["marker"] in ("", panel.marker or ANALYSIS.marker), claim
                assert claim["stratum"] in (*view.strata, ""), claim
                assert panel.kind != "correlation" or view.group == claim["group"], claim
                checked += 1
    assert checked > 90
    # The article reports no value of these panels.
    shown = [" ".join(panel.outcome for panel in FIGURES[f"extended_data_figure_{n}"].panels) for n in (2, 3, 6)]
    factors = "sasp_sclerostin sasp_fas sasp_mmp2 sasp_parc sasp_osteoactivin sasp_tnfr1"
    assert shown == [*["p16_variant_1+5 p16_variant_5 p16_variant_1+5 p16_variant_5"] * 2, factors]


def test_captions_follow_the_panels_and_strata_and_say_if_the_analysis_defines_none_by_a_marker():
    assert [catalogue.letter(place) for place in (0, 25, 26, 53)] == ["a", "z", "aa", "bbb"]
    figure = FIGURES["figure_3"]
    caption = fill_texts(figure)[1]
    assert "CTx (bone resorption; a–c) and P1NP (bone formation; d–f) at 20 weeks, 2 weeks and 4 weeks" in caption
    assert "no continuity correction" in caption
    assert fill_texts(figure, make_analysis(change="difference"))[1].startswith("Change from baseline in CTx")
    winsorised = make_analysis(outliers={"rule": "winsorise", "limit": 3})
    limited = ["were set to that limit" in fill_texts(figure, winsorised)[1] for figure in FIGURES.values()]
    assert limited == [
        any(p.kind == "time_course" or p.visit for p in f.panels) or bool(f.flow or f.forest) for f in FIGURES.values()
    ]
    swapped = figure.model_copy(update={"panels": [figure.panels[3], *figure.panels[1:3], figure.panels[0]]})
    assert "CTx (bone resorption; b–d) and P1NP (bone formation; a)" in fill_texts(swapped)[1]
    assert "high (a, b), middle (c, d) and low (e, f)" in fill_texts(FIGURES["figure_4"], THIRDS)[1]
    assert "in strata high, middle and low of" in fill_texts(FIGURES["figure_5"], THIRDS)[1]
    one = Figure(label="", title="{strata}", caption="{letters[T3]}", panels=[OVERALL | {"strata": ["highest"]}])
    assert fill_texts(one) == ("T3", "a")
    by_value = make_analysis(strata={"by": "value", "cuts": [1.2]})
    assert fill_texts(FIGURES["extended_data_figure_5"], by_value) == (
        "Course of bone turnover by stratum of p16 variant 1+5: no such strata in this analysis",
        "The analysis defines no strata by p16 variant 1+5; the panels are therefore empty.",
    )
    for key, analysis in (("figure_4", by_value), ("extended_data_figure_5", ANALYSIS)):
        assert fill_texts(FIGURES[key], analysis)[1].startswith("Percent change from baseline in P1NP")


def test_an_unknown_placeholder_or_figure_is_named(tmp_path):
    for text in ("{treated.name}", "{treated[ctx]}", "{treated", "{}", "{tretaed}"):
        with pytest.raises(UserError, match="caption: .*" + re.escape(text)):
            fill_placeholders(text, CAPTION_VALUES)
    with pytest.raises(UserError, match=r"Fig\. 3, title: no placeholder is called {tretaed}; did you mean 'treated'"):
        fill_texts(FIGURES["figure_3"].model_copy(update={"title": "{tretaed}"}))
    with pytest.raises(UserError, match="did you mean 'figure_3'"):
        render.draw_figures(make_study(), SMALL, tmp_path, only=["figure3"])


@pytest.mark.parametrize("path", ["data/pbc/trial.yaml", "data/trial.yaml"])
def test_the_usual_figures_have_n_of_all_outcomes_and_all_changes_overall_and_by_stratum(path):
    trial = load_trial(path)
    outcomes = [outcome for outcome in trial.outcomes.values() if outcome.kind != "binary"]
    changes = sorted((outcome.key, visit) for outcome in outcomes for visit in outcome.follow_up)
    figures = read_catalogue(None, trial).figures
    assert figures["figure_1"].flow.outcomes == [outcome.key for outcome in outcomes if outcome.follow_up]
    assert figures["figure_2"].design
    forests = [figure.forest for key, figure in figures.items() if key.startswith("forest")]
    rows = [row for f in forests for family in f.families for row in trial.changes_of(family, f.outcomes)]
    assert sorted(rows) == changes
    for strata in (["all"], ["each"]):
        panels = [panel for figure in figures.values() for panel in figure.panels if panel.strata == strata]
        assert sorted((panel.outcome, panel.visit) for panel in panels) == changes


ARMS = Panel(kind="arms", outcome="ctx", visit=VISIT)
STRATA = Panel(kind="strata", outcome="sasp_sclerostin")


def draw_forest(study):
    """Draw the forest plot of bone turnover; return its figure and its words."""
    with style.journal_style():
        page, (contents,) = diagrams.draw_forest(Forest(families=["turnover"]), study)
    return page.figure, contents.words


def draw_panel(panel, study=None):
    """Draw a panel; return its axes and contents."""
    with style.journal_style():
        ax = Canvas(figsize=(3, 2.5)).add_axes((0.2, 0.2, 0.7, 0.6))
        return ax, View(panel, study or make_study()).draw(ax)


def find_lines(ax, label):
    return [line for line in ax.lines if line.get_label() == label]


def list_heights(ax, label):
    return [sorted(line.get_ydata()) for line in find_lines(ax, label)]


def list_texts(artist):
    return [text.get_text() for text in artist.texts]


def test_points_are_participants_and_medians_quartiles_n_and_p_are_those_of_the_results():
    ax, contents = draw_panel(ARMS)
    assert list_heights(ax, "D+Q") == [POINTS["d_q"]]
    assert [heights[0] for heights in list_heights(ax, "median")] == [RESULTS["median"][arm] for arm in POINTS]
    ends = [{heights[0], heights[-1]} for heights in list_heights(ax, "quartiles")]
    assert ends == [{RESULTS["q1"][arm], RESULTS["q3"][arm]} for arm in POINTS]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["Control\nn = 105", "D+Q\nn = 106"]
    assert [({*zero.get_ydata()}, zero.is_dashed()) for zero in find_lines(ax, "zero")] == [({0.0}, True)]
    assert ("P = 0.031" in list_texts(ax), ax.get_ylabel()) == (True, "CTx, change (%)")
    assert contents.words == (
        "CTx, 20 weeks. D+Q median 17.7% (quartiles 6.6 and 33.9), n = 106; "
        "Control median 3.3% (quartiles −11.1 and 12.2), n = 105; P = 0.031."
    )


@pytest.mark.parametrize(
    ("outside", "marker", "text"),
    [((-900,), "v", "−900%"), ((900, 1480), "^", "2 values\nto 1,480%"), ((900,) * 30, "^", "30 values\nto 900%")],
)
def test_values_outside_the_axis_are_marked_at_its_edge_with_the_farthest(outside, marker, text):
    points = ((f"c{i}", "control", "ctx", float(value), VISIT) for i, value in enumerate((0, *outside)))
    ax, _ = draw_panel(ARMS, make_study_of(*points))
    (beyond,) = find_lines(ax, "beyond Control")
    assert (beyond.get_marker(), len(beyond.get_ydata())) == (marker, len(outside))
    assert max(beyond.get_xdata()) - min(beyond.get_xdata()) < 0.2
    assert (list_heights(ax, "Control"), text in list_texts(ax), ax.get_ylim()[1] < 400) == ([[0]], True, True)


def test_strata_are_drawn_side_by_side_with_their_points_and_p():
    panel = ARMS.model_copy(update={"strata": ["highest", "lowest"]})
    ax, _ = draw_panel(panel)
    assert [text for text in list_texts(ax) if "=" in text] == ["T3\nP = 0.031", "T1/T2\nP = 0.031"]
    assert list_heights(ax, "D+Q") == [POINTS["d_q"][1::2], POINTS["d_q"][0::2]]
    # The labels of the arms do not fit into 15 mm.
    assert [View(panel, make_study()).needs_legend(width) for width in (60.0, 15.0)] == [False, True]


def test_a_time_course_begins_at_zero_and_shows_medians_and_quartiles_of_the_results():
    ax, contents = draw_panel(Panel(kind="time_course", outcome="ctx", strata=["highest"]))
    assert [[*c.lines[0].get_ydata()] for c in ax.containers] == [[0.0, RESULTS["median"][arm]] for arm in POINTS]
    _, _, (bars,) = ax.containers[1].lines
    assert bars.get_segments()[1][:, 1].tolist() == pytest.approx([6.6, 33.9])
    assert contents.title == "CTx, T3 of p16 variant 5"
    one_arm = make_study(numbers=Numbers(result_rows(KEY, {"n": 5, "median": 1}, group="d_q")))
    words = draw_panel(Panel(kind="time_course", outcome="ctx"), one_arm)[1].words
    assert words == "CTx. Medians at 20 weeks: Control no value, D+Q 1.0%, P not defined."
    assert (list_texts(ax), ax.get_xlabel()) == (["P = 0.031"], "n, Control / D+Q")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["Baseline\n–/–", "20 weeks\n105/106"]


def test_a_correlation_shows_its_group_with_r_of_the_results():
    groups = ("population", "population_under_cut", "population_from_cut", "participants")
    study = make_study(trial=alter_trial(TRIAL, "outcomes", "age", label="Age at entry", unit="months"))
    for group, r in zip(groups, CORRELATIONS.values(), strict=True):
        ax, contents = draw_panel(Panel(kind="correlation", outcome=MARKER, group=group), study)
        assert (ax.get_xlabel(), "60 months" in contents.words) == ("Age at entry (months)", "cut" in group)
        assert list(find_lines(ax, "participants")[0].get_xdata()) == [60, 100 * r]
        assert list_texts(ax) == [f"Spearman r = {r}, P < 0.001, n = 228"]


SEVENTHS = make_analysis(strata={"cuts": [f"{number}/7" for number in range(1, 7)]})
RADIUS, OTHER_MARKER = {"outcome": "bmd_radius"}, {"marker": "p16_variant_1+5"}
UNDEFINED = pd.DataFrame([make_point("a", "d_q", "bmd_radius", None, VISIT) | {"reason": "baseline value is zero"}])


@pytest.mark.parametrize(
    ("panel", "overrides", "message"),
    [
        ({"strata": ["all", "T3"]} | OTHER_MARKER, {"numbers": Numbers([])}, "together and T3 of p16 variant 1+5"),
        (RADIUS, {}, "Radius BMD (20 weeks) has no value in this analysis"),
        (RADIUS, {"changes": UNDEFINED}, "Radius BMD (20 weeks) has no value: baseline value is zero"),
        ({"kind": "time_course", "outcome": "p1np"}, {}, "P1NP (2 weeks)"),
        ({"kind": "strata", "outcome": "sasp_fas"}, {}, "Fas (Baseline)"),
        ({"kind": "correlation", "outcome": "p16_variant_1+5"}, {}, "p16 variant 1+5 and age"),
        ({"strata": ["T9"]}, {}, "No stratum T9"),
        ({"strata": ["each"]}, {"analysis": SEVENTHS}, "holds up to 6 strata, this analysis has 7"),
    ],
)
def test_a_panel_without_results_says_why(panel, overrides, message):
    ax, contents = draw_panel(ARMS.model_copy(update=panel), make_study(**overrides))
    assert contents.missing
    assert message in contents.words
    assert list_texts(ax)[0].replace("\n", " ") + "." == contents.words
    ax.figure.draw_without_rendering()
    assert ax.texts[0].get_window_extent().width < ax.bbox.width
    assert not ax.lines


def test_rows_without_ids_count_only_in_the_stratum_that_their_sheet_names():
    unlinked = ("percent_change", False, MARKER, "T3")
    study = make_study_of(("x", "d_q", "ctx", 8.0, VISIT, *unlinked), ("y", "d_q", "ctx", 9.0, VISIT))
    assert study.values(KEY, marker=MARKER, stratum="T3") == (8.0,)
    assert study.values(KEY) == (9.0,)


@pytest.mark.parametrize(
    ("test", "estimate", "limits", "head"),
    [("welch", 3.4, [-0.6, upper], "difference (CI)") for upper in (7.4, 2000.0)]
    + [("brunner_munzel", 1.2, [1.2, 1.2], "difference")],
)
def test_the_estimate_and_interval_of_the_test_start_at_the_control_median(test, estimate, limits, head):
    effect = {"hodges_lehmann": 1.2, "mean_difference": 3.4}
    effect |= {"mean_difference_lower": -0.6, "mean_difference_upper": limits[1]}
    rows = Numbers([*summary_rows(*KEY), *result_rows(KEY, effect, contrast=CONTRAST)])
    study, median = make_study(numbers=rows, analysis=make_analysis(test=test)), RESULTS["median"]["control"]
    ax, _ = draw_panel(ARMS.model_copy(update={"kind": "estimation"}), study)
    assert list_heights(ax, "difference") == [[median + estimate]]
    assert list_heights(ax, "interval") == [[median + limit for limit in limits]]
    assert bool(find_lines(ax, "beyond Control")) == (limits[1] < 1480), "a value beyond the axis"
    assert head in list_texts(draw_forest(study)[0])


@pytest.mark.parametrize("largest", [5e-8, 4e-5, 0.05, 0.9, 14.0, 160.0, 1500.0, 14_000.0, 7e6, 8e7, 5e13])
def test_tick_labels_do_not_overlap_the_axis_label(largest):
    low, median, high = -0.6 * largest, 0.2 * largest, largest
    group = Group("Control", style.CONTROL, 0.0, (low, median, high), Summary(3, median, low, high))
    view = View(ARMS, make_study())
    view.axis_label = "Spine BMD, change (log ratio)" if 0.001 < largest < 1e6 else "CTx, change (ng/mL)"
    with style.journal_style():
        page = style.Page(100.0, 50.0)
        view.draw_groups(ax := page.axes(15.5, 5.0, 40.0, 30.0), [group])
    assert drawn.find_faults(page.figure) == []
    assert not ax.yaxis.get_offset_text().get_text()  # which would overlap P


@pytest.mark.parametrize(
    ("strata", "ends"),
    [("each", [[1, 2], [0, 2]]), ("descending", [[0, 1], [0, 2]]), ("high low", [[0, 1]]), ("low middle", [])],
)
def test_strata_have_points_of_both_arms_and_each_lower_one_is_compared_with_the_highest(strata, ends):
    ax, contents = draw_panel(STRATA.model_copy(update={"strata": strata.split()}), make_study(THIRDS))
    assert [text for text in list_texts(ax) if "P" in text] == ["P = 0.012"] * len(ends)
    assert [[min(line.get_xdata()), max(line.get_xdata())] for line in find_lines(ax, "bracket")] == ends
    compared = ["n = 77.", "; P = 0.012.", "; high against low P = 0.012; high against middle P = 0.012."]
    assert contents.words.endswith(compared[len(ends)])
    (low,) = find_lines(ax, "low")
    assert low.get_marker() == style.STRATA[0].marker
    assert sorted(low.get_ydata()) == sorted(900 + value for values in POINTS.values() for value in values[0::3])


def test_p_is_in_italics_and_labels_are_unchanged():
    texts = {
        "PTH, P = 0.031, P < $5": r"PTH, $P$ = 0.031, $P$ < \$5",
        "vitamin P $\nP not defined": "vitamin P \\$\n$P$ not defined",
        "interaction P,\nagainst T3, P from 9": "interaction $P$,\nagainst T3, $P$ from 9",
        "Vitamin P ($)": "Vitamin P ($)",
        "P": "$P$",
        "P =\n0.160": "$P$ =\n0.160",
    }
    figure = Canvas()
    written = [figure.text(0, 0, text) for text in texts]
    style.italicize_p(figure)
    figure.draw_without_rendering()
    assert [text.get_text() for text in written] == list(texts.values())


def test_a_forest_plot_has_a_row_for_all_participants_and_for_every_stratum_with_results():
    key, rows = ("ctx", "percent_change", "week_2"), []
    # The middle stratum is empty, and the lowest has one arm.
    groups = (("", (9, 9), {"p": 0.2}), ("high", (9, 9), {"p": 0.3}), ("middle", (0, 0), {}), ("low", (9, 0), {}))
    for stratum, sizes, p in groups:
        keys = {"marker": MARKER, "stratum": stratum} if stratum else {}
        rows += result_rows(key, {"hodges_lehmann": 10.0} | p if p else {}, contrast=CONTRAST, **keys)
        for arm, n in zip(("control", "d_q"), sizes, strict=True):
            rows += result_rows(key, {"n": n}, group=arm, **keys)
    rows += result_rows(key, {"p": 0.25}, marker=MARKER, stratum="", contrast=f"{CONTRAST}, high - low")
    figure, words = draw_forest(make_study(numbers=Numbers(rows), analysis=THIRDS))
    assert [text for text in list_texts(figure) if text in ("high", "middle", "low", "9/0")] == ["high", "low", "9/0"]
    strata = "CTx, 2 weeks, high: 10.0, P = 0.300. CTx, 2 weeks, low: not compared, n = 9/0, interaction P = 0.250."
    assert words == f"CTx, 2 weeks, all participants: 10.0, P = 0.200. {strata}"
    panels_only = Numbers(row for row in rows if row["stratum"] != "all" and row["statistic"] == "n")
    figure, _ = draw_forest(make_study(numbers=panels_only, analysis=THIRDS))
    assert re.findall(".*(?:high|low)$", "\n".join(list_texts(figure)), re.M)[1:] == ["CTx, 2 weeks, high", "low"]


@pytest.mark.parametrize(
    ("change", "unit", "label", "in_words", "units"),
    [
        ("percent", "%", "CTx, change (%)", "%", ["percentage points"]),
        ("difference", "%", "CTx, change (percentage points)", " percentage points", ["percentage points", "µg/L"]),
        ("difference", "kg/m2", "CTx, change (kg/m²)", " kg/m²", ["kg/m²", "µg/L"]),
        ("log_ratio", "%", "CTx, change (log ratio)", "", ["log ratio"]),
    ],
)
def test_units_are_those_of_the_change_and_forests_have_room_for_large_differences(
    change, unit, label, in_words, units
):
    analysis = make_analysis(change=change, strata={"cuts": ["1/4", "1/2", "3/4"]})
    effect = {"hodges_lehmann": -1.06e11, "hodges_lehmann_lower": -2.55e11, "hodges_lehmann_upper": 4e10, "p": 0.2}
    keys = [(outcome, analysis.measure, "week_2") for outcome in ("p1np", "ctx")]
    rows = [row for key in keys for row in result_rows(key, effect, contrast=CONTRAST)]
    study = make_study(analysis, trial=alter_trial(TRIAL, "outcomes", "ctx", unit=unit), numbers=Numbers(rows))
    view, (figure, words) = View(ARMS, study), draw_forest(study)
    assert (view.axis_label, view.unit) == (label, in_words)
    effects = [f"Difference of changes, D+Q − Control ({unit})" for unit in units]
    assert [ax.get_xlabel() for ax in figure.axes] == effects
    assert [text.partition("\n")[2] for text in list_all_texts(figure)].count("against upper 25%") == len(units)
    assert words.count("P = 0.200") == 2
    assert drawn.find_faults(figure) == []


@pytest.mark.parametrize(
    ("values", "quartiles", "options", "inside", "outside"),
    [
        ([-20, 0, 10, 1480], (-15, 5), {}, (-20, 10), 5 + panels.REACH * 20),  # one value does not flatten the axis
        ([5, 6], (5, 6), {"include": (0.0,)}, (0, 6), 7),
        ([1, 1, 1, 9], (1, 1), {}, (1, 9), 10),  # equal quartiles hide no value
        ([3.0, math.nan], (), {}, (3, 3), 4),  # one value has an axis around it
        ([math.nan], (), {}, (0.01, 0.99), 2),
    ],
)
def test_an_axis_includes_all_values_except_those_far_away(values, quartiles, options, inside, outside):
    low, high = panels.axis_range(values, quartiles, **options)
    assert low < inside[0] <= inside[1] < high < outside


@given(st.lists(st.floats(0, 150), min_size=1, max_size=60), st.floats(1, 20))
def test_points_do_not_overlap_and_stay_in_their_group(heights, width):
    offsets = panels.beeswarm_offsets(heights, 3.0, 1000.0)
    for i, j in itertools.combinations(range(len(heights)), 2):
        assert math.hypot(heights[i] - heights[j], offsets[i] - offsets[j]) >= 0.98 * 3.0 - 1e-9
    assert all(abs(offset) <= width for offset in panels.beeswarm_offsets(heights, 3.0, width))
    # A point above all others is in the middle and moves none of them.
    assert panels.beeswarm_offsets([*heights, 200.0], 3.0, 1000.0) == [*offsets, 0.0]


PANELS = [ARMS, Panel(kind="time_course", outcome="ctx", strata=["highest"])]
SMALL = Catalogue(figures={"figure_3": Figure(label="Fig. 3", title="{change}", caption="{test}", panels=PANELS)})
FLOW = [{"step": "screened", "arm": "", "count": "177", "text": "screened"}]
FLOW += [{"step": "allocated", "arm": "d_q", "count": "30", "text": ""}]
FLOW += [{"step": "withdrew", "arm": "d_q", "count": "1", "text": "left after week 2"}]


def lay_out(key, changes=None, **overrides):
    """Draw a figure of the list, with ``changes``; ``overrides`` are of the study."""
    with style.journal_style():
        figure = FIGURES[key].model_copy(update=changes)
        page, contents = render.lay_out_figure(figure, make_study(**{"flow": FLOW} | overrides))
    return page.figure, contents


def list_all_texts(figure):
    return [text.get_text() for text in figure.findobj(Text)]


def test_the_flow_diagram_marks_reported_numbers_can_do_without_them_and_names_arms_that_it_does_not_show(tmp_path):
    figure, (contents,) = lay_out("figure_1")
    texts = "\n".join(list_all_texts(figure)).splitlines()
    numbers = {"n = 177", "n = 6 (30 allocated, as reported)", "n = 5", "1 left after week 2", "CTx: 106 at 20 weeks"}
    assert numbers | {"not analysed here: Fisetin, n = 1", "P1NP: not analysed"} <= set(texts)
    assert "Dashed boxes: as reported in the article. Other boxes: counted in the workbook." in texts
    assert re.search(r"In the two arms compared: .* D\+Q, analysed: CTx: 106 at 20 weeks;", contents.words)
    without_text = [{"step": "left_treatment", "arm": "d_q", "count": "2"}]
    assert "2 left treatment" in list_all_texts(lay_out("figure_1", flow=without_text)[0])
    numbers = Numbers(summary_rows(*KEY, marker=MARKER, stratum="T3"))  # of a panel without ids
    counted = " ".join(list_all_texts(lay_out("figure_1", flow=(), label=None, numbers=numbers)[0]))
    assert re.search("(?s)In the two arms compared.*CTx: by stratum only\nP1NP: not analysed", counted)
    assert not re.search("reported|Screened|Randomized|[Ss]ynthetic", counted)
    flow = [*FLOW, {"step": "withdrew", "arm": "fisetin", "count": "2", "text": "nausea"}]
    render.draw_figures(make_study(flow=flow), Catalogue(figures=FIGURES), tmp_path, only=["figure_1"])
    caption = json.loads((tmp_path / "figures.json").read_text())["figure_1"]["caption"]
    assert caption.endswith(" Not shown: reported numbers of arms that are not analysed (Fisetin).")


def test_the_study_design_has_a_row_for_the_outcomes_of_a_family_with_the_same_visits():
    week_4 = {"trial": alter_trial(TRIAL, "outcomes", "p1np", follow_up=["week_4"])}
    for overrides, rows, words in (
        ({}, {"CTx, P1NP": [0, 2, 4, 20]}, ("Control: no treatment", "Demographics (4): Baseline;")),
        (week_4, {"CTx": [0, 2, 4, 20], "P1NP": [0, 4]}, ("Bone turnover markers: P1NP: Baseline, 4 weeks;",)),
    ):
        figure, (contents,) = lay_out("figure_2", **overrides)
        (ax,) = figure.axes
        dots = {line.get_label(): list(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"}
        assert {name: dots[f"Bone turnover markers: {name}"] for name in rows} == rows
        assert sorted(patch.get_x() for patch in ax.patches) == sorted([0, 4, 8, 12, 16] * 2)
        assert [text for text in words if text not in contents.words] == []
    long = catalogue.Design(treatments=[{"arm": "treated", "days": 7, "every_weeks": 10, "times": 4}])
    assert lay_out("figure_2", {"design": long})[0].axes[0].get_xlim()[1] > 31


@pytest.mark.parametrize(("changes", "depends"), [
    ({}, False), ({"panels": [], "flow": {"outcomes": ["ctx"]}}, False),
    ({"panels": [], "forest": {"families": ["turnover"]}}, True), ({"panels": [{"kind": "strata", "outcome": "ctx"}]}, True),
    ({"panels": [OVERALL, OVERALL | {"strata": ["highest"]}]}, True),
    ({"caption": "In {highest}"}, True), ({"by_stratum": True}, True),
])  # fmt: skip
def test_a_figure_depends_on_strata_if_any_part_of_it_does(changes, depends):
    figure = {"label": "Fig. 3", "title": "Change", "caption": "{test}", "panels": [OVERALL]}
    assert Figure.model_validate(figure | changes).depends_on_strata == depends


@pytest.mark.parametrize(("label", "outside"), [(LABEL, True), (None, False)])
def test_files_have_the_data_label_and_no_date_or_version_whatever_the_user_configured(tmp_path, label, outside):
    study = replace(make_study() if outside else make_study_of(("c", "control", "ctx", 1.0, VISIT)), label=label)
    files = render.draw_figures(study, SMALL, tmp_path)
    assert [path.name for path in files] == ["figure_3.pdf", "figure_3.png", "figures.json"]
    pdf, png = files[0].read_bytes(), Image.open(files[1])
    for absent in (b"CreationDate", b"Matplotlib", b"/Subtype /Type3", *([] if label else [b"ynthetic"])):
        assert absent not in pdf
    assert b"/CIDFontType2" in pdf  # TrueType keeps text as text
    if label:
        assert label.replace("'", "").encode() in pdf.replace(b"'", b"") or label.encode("utf-16-be") in pdf
    assert (png.text.get("Description"), "Software" in png.text) == (label, False)
    assert png.convert("RGB").getpixel((2, png.height - 2)) == (255, 255, 255)
    assert png.width == pytest.approx(style.WIDTH_MM / 25.4 * style.PNG_DPI, abs=1)
    figure = json.loads(files[2].read_text())["figure_3"]
    note = " Triangles at the edge mark values outside the axis." * outside
    expected = {"title": "Percent change", "data_label": label, "caption": CAPTION_VALUES["test"] + note}
    assert figure.items() >= (expected | {"files": {"pdf": "figure_3.pdf", "png": "figure_3.png"}}).items()
    assert [panel["letter"] for panel in figure["panels"]] == ["a", "b"]
    assert figure["words"].startswith("a, CTx, 20 weeks. D+Q median 17.7%")
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 30, "pdf.fonttype": 3}):
        again = render.draw_figures(study, SMALL, tmp_path / "again")
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]


def test_figures_that_are_drawn_alone_keep_the_descriptions_of_the_others(tmp_path):
    listed = Catalogue(figures={"first": SMALL.figures["figure_3"], **SMALL.figures})
    for only in ("figure_3", "first"):
        path = render.draw_figures(make_study(), listed, tmp_path, only=[only])[-1]
    assert list(json.loads(path.read_text())) == ["first", "figure_3"]
    path.write_text("[]")
    with pytest.raises(UserError, match=r"figures\.json: damaged"):
        render.draw_figures(make_study(), listed, tmp_path, only=["first"])


def test_wide_panels_and_time_courses_of_many_visits_are_laid_out_in_fewer_columns():
    def count_columns(key, strata, changes=None, **overrides):
        analysis = make_analysis(strata={"cuts": [f"{number}/{strata}" for number in range(1, strata)]})
        figure, _ = lay_out(key, changes, analysis=analysis, **overrides)
        return len({round(ax.get_position().x0, 3) for ax in figure.axes})

    assert [count_columns("figure_5", strata) for strata in (2, 3, 6)] == [3, 2, 1]
    assert [count_columns("extended_data_figure_6", strata) for strata in (2, 3, 6)] == [3, 3, 2]
    assert count_columns("figure_4", 2, {"columns": 4}) == 2
    trial = alter_trial(TRIAL, "outcomes", "ctx", follow_up=["week_2", "week_4", "week_20", "week_20"])
    assert count_columns("figure_4", 2, trial=trial) == 1


def test_a_low_panel_is_as_high_as_its_text_requires():
    fifths = make_analysis(strata={"cuts": ["1/5", "2/5", "3/5", "4/5"]})
    changes = {"panel_height": 30, "panels": [STRATA, ARMS], "by_stratum": False}
    figure, _ = lay_out("figure_4", changes, analysis=fifths)
    assert figure.axes[0].get_position().height * figure.get_figheight() * 25.4 > 19.9
    assert drawn.find_faults(figure) == []


def test_panels_of_one_measure_share_an_axis_across_strata():
    keys = [(key, name) for key in (KEY, ("ctx", "baseline", "baseline")) for name in ANALYSIS.strata.labels]
    rows = [row for key, name in keys for row in summary_rows(*key, marker=MARKER, stratum=name)]
    panels = [ARMS, ARMS.model_copy(update={"visit": "baseline"})]
    figure, _ = lay_out("figure_4", {"panels": panels}, numbers=Numbers(rows))
    assert len({ax.get_ylim() for ax in figure.axes}) == 2


LISTED, USUAL, LONG = "data/figures.yaml", None, drawn.lengthen_labels
LONG_LABELS = [f"women with {much} expression of p16 mRNA at baseline" for much in ("low or no", "some", "high")]
LONG_STRATA = {"strata": settings.StrataRule(cuts=["1/3", "2/3"], labels=LONG_LABELS)}
CONFIGS = [("config.yaml", LISTED, *lengthened) for lengthened in ((None, {}), (None, LONG_STRATA), (LONG, {}))]
SLOW = [("config.yaml", USUAL, LONG, {}), ("data/pbc/config.yaml", USUAL, LONG, {})]
CONFIGS += [pytest.param(config, marks=pytest.mark.slow) for config in SLOW]


@pytest.fixture(scope="module", params=CONFIGS)
def trial_figures(request, tmp_path_factory):
    """The label of the data of a trial, and a page with its contents for every figure."""
    config, path, lengthen, overrides = request.param
    chosen, run = settings.load(config), pipeline.run_config(config)
    run = pipeline.rerun(run, **overrides) if overrides else run
    trial = lengthen(run.trial) if lengthen else run.trial
    folder = tmp_path_factory.mktemp("run")
    run.participants.write(folder)
    for name in ("changes", "strata", "results"):
        write_csv(getattr(run, name), folder / f"{name}.csv")
    interactions = interaction_table(run, chosen.robustness.model_copy(update={"permutations": 1}))
    write_csv(interactions, folder / "sensitivity/interaction.csv")
    study = read_study(folder, folder, trial, run.analysis, published=chosen.published)
    figures = read_catalogue(path, trial).figures.items()
    with style.journal_style():
        yield study.label, {key: render.lay_out_figure(figure, study) for key, figure in figures}


def test_panels_have_results_pages_their_width_letters_and_label_uncut_texts_and_interaction_p_of_t(trial_figures):
    data_label, pages = trial_figures
    for key, (page, contents) in pages.items():
        assert [panel.title for panel in contents if panel.missing] == [], key
        assert drawn.find_faults(page.figure) == [], key
        for ax in page.figure.axes:
            shown, values = ax.viewLim, ax.dataLim
            assert min(values.x0 - shown.xmin, shown.xmax - values.x1) >= 0, key
            assert min(values.y0 - shown.ymin, shown.ymax - values.y1) >= 0, key
        assert page.figure.get_figwidth() * 25.4 == pytest.approx(183)
        letters = [text for text in list_texts(page.figure) if re.fullmatch("[a-z]", text)]
        assert letters == ([chr(97 + i) for i in range(len(contents))] if len(contents) > 1 else []), key
        labels = [text for text in page.figure.findobj(Text) if text.get_gid() == "label"]
        assert [text.get_text() for text in labels] == ([data_label] if data_label and key != "figure_2" else []), key
        assert all(text.get_fontsize() >= 7 for text in labels)
    words = pages["forest"][1][0].words
    # The one permutation would give two values.
    assert len(set(re.findall(r"interaction P = (\d\.\d+)", words))) > 4
