"""Figures: the list of them, what panels draw and say, pages and files.

The small study has numbers that no calculation on its points would give, so that a computed statistic shows.
"""

import itertools
import json
import math
import re
from collections import Counter
from dataclasses import replace

import drawn
import pandas as pd
import pipeline
import pytest
import yaml
from cohorts import result_rows
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text
from PIL import Image
from pipeline import LABEL, TRIAL, alter_trial, make_analysis

from d_q_trial.claims import read_claims
from d_q_trial.config import settings
from d_q_trial.errors import UserError
from d_q_trial.figures import catalogue, draw, make, style, whole
from d_q_trial.figures.catalogue import Catalogue, Figure, Forest, Panel, read_catalogue
from d_q_trial.figures.draw import REACH, axis_range, beeswarm_offsets, time_positions
from d_q_trial.figures.panels import View
from d_q_trial.figures.study import Study, Summary, read_study
from d_q_trial.files import write_csv
from d_q_trial.labels import caption_values, fill_placeholders
from d_q_trial.report.collect import find_places
from d_q_trial.results_table import Numbers
from d_q_trial.robustness.interaction import interaction_table
from d_q_trial.trial import load_trial

ANALYSIS = make_analysis(strata={"cuts": ["2/3"], "labels": ["T1/T2", "T3"]})
THIRDS = make_analysis(strata={"cuts": ["1/3", "2/3"], "labels": ["low", "middle", "high"]})
WORDS = caption_values(TRIAL, ANALYSIS)
MARKER, VISIT, CONTRAST = "p16_variant_5", "week_20", "d_q - control"

# One control participant lies far beyond all others.
POINTS = {"control": [-20.0, -10.0, 0.0, 10.0, 1480.0], "d_q": [-5.0, 5.0, 15.0, 25.0, 35.0, 45.0]}
FINISHED = {"n": {"control": 105, "d_q": 106}, "median": {"control": 3.3, "d_q": 17.7}}  # n is not that of the points
FINISHED |= {"q1": {"control": -11.1, "d_q": 6.6}, "q3": {"control": 12.2, "d_q": 33.9}}
P = 0.0314
# Of people, with the correlation of marker and age.
GROUPS = {"population": 0.25, "population_under_60": 0.35, "population_over_60": 0.45, "participants": 0.51}


def summaries(*key, **where):
    rows = result_rows(key, {"p": P}, contrast=CONTRAST, **where)
    for arm in POINTS:
        rows += result_rows(key, {name: values[arm] for name, values in FINISHED.items()}, group=arm, **where)
    return rows


def point(participant, arm, outcome, value, visit, measure="percent_change", linked=True, marker="", stratum=""):
    row = {"participant": participant, "linked": linked, "arm": arm, "marker": marker, "stratum": stratum}
    return row | {"outcome": outcome, "measure": measure, "visit": visit, "value": value, "reason": ""}


def study(**changed) -> Study:
    """CTx at 20 weeks in everybody and by stratum; sclerostin at baseline; p16 against age."""
    points, strata = [point("gone", "d_q", "ctx", None, VISIT)], []
    for arm, values in POINTS.items():
        for index, value in enumerate(values):
            name, stratum = f"{arm}-{index}", "T3" if index % 2 else "T1/T2"
            points.append(point(name, arm, "ctx", value, VISIT))
            points.append(point(name, arm, "sasp_sclerostin", 900 + value, "baseline", "baseline"))
            strata.append({"participant": name, "marker": MARKER, "stratum": stratum, "arm": arm})
    rows, baseline = summaries("ctx", "percent_change", VISIT), ("sasp_sclerostin", "baseline", "baseline")
    for stratum in ("T3", "T1/T2"):
        where, found = {"marker": MARKER, "stratum": stratum}, {"n": 77, "median": 930.5, "q1": 905.5, "q3": 940.5}
        rows += summaries("ctx", "percent_change", VISIT, **where)
        rows += result_rows(baseline, found, group="both arms", **where)
    rows += result_rows(baseline, {"p": 0.0004}, marker=MARKER, stratum="", contrast="T3 - T1/T2")
    for group, r in GROUPS.items():
        where = {"contrast": "age", "group": group, "n_first": "228"}
        rows += result_rows((MARKER, "correlation", "baseline"), {"spearman_r": r, "p": 0.0004}, **where)
    fields = {"trial": TRIAL, "analysis": ANALYSIS, "label": LABEL, "strata": pd.DataFrame(strata)}
    fields |= {"numbers": Numbers(rows), "changes": pd.DataFrame(points)}
    known = {MARKER: [1.0, 2.0], "p16_variant_1+5": math.nan}
    fields["people"] = {name: pd.DataFrame({"age": [60, 100 * r], **known}) for name, r in GROUPS.items()}
    fields["enrolled"] = Counter({arm: len(values) for arm, values in POINTS.items()} | {"fisetin": 1})
    return Study(**fields | changed)


def few(*rows) -> Study:
    """The study with these points alone."""
    return study(changes=pd.DataFrame([point(*row) for row in rows]))


# The list of figures

FIGURES = read_catalogue("data/figures.yaml", TRIAL).figures


def said(figure, chosen=ANALYSIS):
    return figure.texts(caption_values(TRIAL, chosen), chosen, TRIAL)


def test_the_figures_are_those_of_the_article_in_order_and_three_more_and_their_captions_can_be_filled():
    article = [f"figure_{n}" for n in range(1, 6)] + [f"extended_data_figure_{n}" for n in range(2, 7)]
    extra = ["forest", "estimation_figure_3", "estimation_figure_5"]
    assert list(FIGURES) == article + extra
    assert all("Not in the article" in FIGURES[name].caption for name in extra)
    assert not any("{" in text for figure in FIGURES.values() for text in said(figure, THIRDS))


def test_a_panel_shows_the_values_that_the_article_reports_of_it():
    names, shown = ANALYSIS.strata.labels, 0
    panels = {figure.label: figure.expand_panels(names) for figure in FIGURES.values()}
    for claim in read_claims("data/published"):
        for label, letter in find_places(claim["locator"]):
            if letter:
                panel = panels[label][ord(letter) - ord("a")]
                assert (panel.outcome, panel.visit or claim["visit"]) == (claim["outcome"], claim["visit"]), claim
                assert claim["marker"] in ("", panel.marker or ANALYSIS.marker), claim
                view = View(panel, study())
                assert claim["stratum"] in (*view.strata, ""), claim
                assert panel.kind != "correlation" or view.group == claim["group"], claim
                shown += 1
    assert shown > 90
    # Of these panels it reports no number.
    correlated = [[panel.outcome for panel in FIGURES[f"extended_data_figure_{n}"].panels] for n in (2, 3)]
    assert correlated == [["p16_variant_1+5", "p16_variant_5"] * 2] * 2
    factors = [panel.outcome.removeprefix("sasp_") for panel in FIGURES["extended_data_figure_6"].panels]
    assert factors == ["sclerostin", "fas", "mmp2", "parc", "osteoactivin", "tnfr1"]


def test_letters_and_strata_in_a_caption_follow_the_panels():
    assert [catalogue.letter(place) for place in (0, 25, 26, 53)] == ["a", "z", "aa", "bbb"]
    figure = FIGURES["figure_3"]
    _, caption = said(figure)
    assert "CTx (bone resorption; a–c) and P1NP (bone formation; d–f) at 20 weeks, 2 weeks and 4 weeks" in caption
    assert "no continuity correction" in caption
    assert said(figure, make_analysis(change="difference"))[1].startswith("Change from baseline in CTx")
    swapped = figure.model_copy(update={"panels": [figure.panels[3], *figure.panels[1:3], figure.panels[0]]})
    assert "CTx (bone resorption; b–d) and P1NP (bone formation; a)" in said(swapped)[1]
    assert "high (a, b), middle (c, d) and low (e, f)" in said(FIGURES["figure_4"], THIRDS)[1]
    assert "in strata high, middle and low of" in said(FIGURES["figure_5"], THIRDS)[1]


def test_title_and_caption_claim_no_strata_by_a_marker_that_the_analysis_does_not_divide():
    by_value = make_analysis(strata={"by": "value", "cuts": [1.2]})
    title, caption = said(FIGURES["extended_data_figure_5"], by_value)
    assert title == "Course of bone turnover by stratum of p16 variant 1+5: no such strata in this analysis"
    assert caption == "The analysis defines no strata by p16 variant 1+5; the panels are therefore empty."
    for figure, chosen in (("figure_4", by_value), ("extended_data_figure_5", ANALYSIS)):
        assert said(FIGURES[figure], chosen)[1].startswith("Percent change from baseline in P1NP")


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        ({"kind": "arms", "outcome": "ctxx", "visit": "week_20"}, "did you mean 'ctx'"),
        ({"kind": "arms", "outcome": "ctx", "visit": "week_21"}, r"panels\.0\.visit"),
        ({"kind": "arms", "outcome": "ctx"}, "needs the key 'visit'"),
        ({"kind": "arms", "outcome": "ctx", "visit": "week_2", "colour": "red"}, r"colour: unknown key"),
        ({"kind": "time_course", "outcome": "ctx", "marker": "p16"}, r"panels\.0\.marker"),
        ({"kind": "correlation", "outcome": "ctx"}, r"panels\.0\.outcome"),
        ({"kind": "estimation", "outcome": "ctx", "visit": "week_2", "strata": ["each", "all"]}, "one of 'strata'"),
        ({"kind": "time_course", "outcome": "ctx", "strata": ["each"]}, "one of 'strata'"),
        ({"kind": "time_course", "outcome": "age"}, "'age' is measured at baseline only"),
        ({"kind": "arms", "outcome": "ctx", "visit": "week_2", "limits": [50, -50]}, "expected ascending numbers"),
        ({"kind": "arms", "outcome": "smoker", "visit": "baseline"}, r"panels\.0: 'smoker' is binary"),
        ({"kind": "strata", "outcome": "ctx", "strata": []}, r"strata: \[\]: expected at least 1"),
        ({"flow": {"outcomes": ["ctx"]}, "forest": {"families": ["bmd"]}}, "one of 'panels', 'flow', 'design' and"),
        ({"forest": {"families": []}}, r"forest\.families: \[\]: expected at least 1"),
        ({"design": {"treatments": [{"arm": "treated", "days": -2}]}}, r"days: -2: expected greater than 0"),
    ],
)
def test_a_fault_in_the_list_is_named(tmp_path, panel, message):
    figure = {"label": "Fig. 1", "title": "T", "caption": "C"}
    figure |= {"panels": [panel]} if "kind" in panel else panel
    path = tmp_path / "figures.yaml"
    path.write_text(yaml.safe_dump({"figures": {"figure_1": figure}}), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_catalogue(path, TRIAL)


def test_a_trial_without_what_its_figures_need_is_told_so():
    with pytest.raises(UserError, match=r"figure_2\.design: .* need the week of every visit: .* none for 20 weeks"):
        read_catalogue("data/figures.yaml", alter_trial(TRIAL, "visits", VISIT, week=None))
    with pytest.raises(UserError, match=r"extended_data_figure_2\.panels\.0: .* needs the key 'population'"):
        read_catalogue("data/figures.yaml", TRIAL.model_copy(update={"population": None}))


def test_an_unknown_placeholder_or_figure_is_named(tmp_path):
    with pytest.raises(UserError, match=r"\{tretaed\}; did you mean 'treated'"):
        fill_placeholders("{tretaed}", WORDS)
    for wrong in ("{treated.name}", "{treated[ctx]}", "{treated", "{}"):
        with pytest.raises(UserError, match="caption: .*" + re.escape(wrong)):
            fill_placeholders(wrong, WORDS)
    with pytest.raises(UserError, match="did you mean 'figure_3'"):
        make.draw_figures(study(), SMALL, tmp_path, only=["figure3"])


@pytest.mark.parametrize("path", ["data/pbc/trial.yaml", "data/trial.yaml"])
def test_a_trial_without_a_list_gets_n_of_all_outcomes_and_every_change_overall_and_by_stratum(path):
    trial = load_trial(path)
    outcomes = [outcome for outcome in trial.outcomes.values() if outcome.kind != "binary"]
    changes = sorted((outcome.key, visit) for outcome in outcomes for visit in outcome.follow_up)
    figures = read_catalogue(None, trial).figures
    assert list(figures)[:2] == ["figure_1", "figure_2"]
    assert figures["figure_1"].flow.outcomes == [outcome.key for outcome in outcomes if outcome.follow_up]
    forests = [figure.forest for figure in figures.values() if figure.forest]
    drawn = [cell for f in forests for family in f.families for cell in trial.changes_of(family, f.outcomes)]
    assert sorted(drawn) == changes
    assert "forest" in figures
    for strata in (["all"], ["each"]):
        panels = [panel for figure in figures.values() for panel in figure.panels if panel.strata == strata]
        assert sorted((panel.outcome, panel.visit) for panel in panels) == changes


# Panels

HEIGHTS = st.lists(st.floats(0, 150), min_size=1, max_size=60)
ARMS = Panel(kind="arms", outcome="ctx", visit=VISIT)
STRATA = Panel(kind="strata", outcome="sasp_sclerostin")
KEY = ("ctx", "percent_change", VISIT)


def painted(panel, data=None):
    """Axes with the panel drawn on them, and what they show."""
    with style.journal_style():
        ax = Canvas(figsize=(3, 2.5)).add_axes((0.2, 0.2, 0.7, 0.6))
        return ax, View(panel, data or study()).draw(ax)


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
    assert "P = 0.031" in texts(ax)
    (zero,) = lines(ax, "zero")
    assert (set(zero.get_ydata()), zero.is_dashed()) == ({0.0}, True)
    assert ax.get_ylabel() == "CTx, change (%)"
    assert shown.words == (
        "CTx, 20 weeks. D+Q median 17.7% (quartiles 6.6 and 33.9), n = 106; "
        "Control median 3.3% (quartiles −11.1 and 12.2), n = 105; P = 0.031."
    )


@pytest.mark.parametrize(
    ("outside", "marker", "said"),
    [
        ((1480,), "^", "1,480%"),
        ((900, 950, 1480), "^", "3 values\nto 1,480%"),
        ((900,) * 30, "^", "30 values\nto 900%"),
        ((-900,), "v", "−900%"),
    ],
)
def test_values_outside_the_axis_are_marked_at_its_edge_with_the_farthest(outside, marker, said):
    ax, _ = painted(ARMS, few(*((f"c{i}", "control", "ctx", float(v), VISIT) for i, v in enumerate((0, *outside)))))
    (beyond,) = lines(ax, "beyond Control")
    assert (beyond.get_marker(), len(beyond.get_ydata())) == (marker, len(outside))
    assert max(beyond.get_xdata()) - min(beyond.get_xdata()) < 0.2
    assert values(ax, "Control") == [[0]]
    assert said in texts(ax)
    assert ax.get_ylim()[1] < 400


def test_strata_stand_side_by_side_with_their_own_points_and_p():
    panel = ARMS.model_copy(update={"strata": ["highest", "lowest"]})
    ax, _ = painted(panel)
    assert [text for text in texts(ax) if "=" in text] == ["T3\nP = 0.031", "T1/T2\nP = 0.031"]
    assert values(ax, "D+Q") == [POINTS["d_q"][1::2], POINTS["d_q"][0::2]]
    assert View(panel, study()).extra_lines == 1
    assert [View(panel, study()).needs_legend(width) for width in (60.0, 15.0)] == [False, True]  # the names do not fit


def test_a_time_course_begins_at_zero_and_shows_finished_medians_and_quartiles():
    ax, shown = painted(Panel(kind="time_course", outcome="ctx", strata=["highest"]))
    drawn = [list(container.lines[0].get_ydata()) for container in ax.containers]
    assert drawn == [[0.0, FINISHED["median"][arm]] for arm in ("d_q", "control")]
    _, _, (bars,) = ax.containers[0].lines
    assert bars.get_segments()[1][:, 1].tolist() == pytest.approx([6.6, 33.9])
    assert shown.title == "CTx, T3 of p16 variant 5"
    assert {"P = 0.031", "106", "–"} <= set(texts(ax))
    heights = {text.get_text(): text.get_window_extent().y0 for text in ax.texts}
    assert heights["Weeks"] > heights["n, Control"] > heights["n, D+Q"]  # as in the tables
    assert ticks(ax) == ["0", "20"]


@pytest.mark.parametrize(
    ("group", "r"),
    [("population", 0.25), ("population_under_cut", 0.35), ("population_from_cut", 0.45), ("participants", 0.51)],
)
def test_a_correlation_shows_its_group_with_the_finished_r(group, r):
    ax, _ = painted(Panel(kind="correlation", outcome=MARKER, group=group))
    assert list(lines(ax, "participants")[0].get_xdata()) == [60, 100 * r]
    assert texts(ax) == [f"Spearman r = {r}, P < 0.001, n = 228"]


SEVENTHS = make_analysis(strata={"cuts": [f"{number}/7" for number in range(1, 7)]})
RADIUS = {"outcome": "bmd_radius"}
NOT_DIVIDED = pd.DataFrame([point("a", "d_q", "bmd_radius", None, VISIT) | {"reason": "baseline value is zero"}])


@pytest.mark.parametrize(
    ("panel", "changed", "said"),
    [
        ({}, {"numbers": Numbers([])}, "CTx (20 weeks) is not in this workbook"),
        (RADIUS, {}, "Radius BMD (20 weeks) is not"),
        (RADIUS, {"changes": NOT_DIVIDED}, "Radius BMD (20 weeks) has no value: baseline value is zero"),
        ({"kind": "time_course", "outcome": "p1np"}, {}, "P1NP (2 weeks)"),
        ({"kind": "strata", "outcome": "sasp_fas"}, {}, "Fas (Baseline)"),
        ({"kind": "correlation", "outcome": "p16_variant_1+5"}, {}, "p16 variant 1+5 and age"),
        ({"strata": ["T9"]}, {}, "No stratum T9"),
        ({"strata": ["each"]}, {"analysis": SEVENTHS}, "holds up to 6 strata, this analysis has 7"),
    ],
)
def test_a_panel_without_numbers_says_so(panel, changed, said):
    ax, shown = painted(ARMS.model_copy(update=panel), study(**changed))
    assert shown.missing
    assert said in shown.words
    assert texts(ax)[0].replace("\n", " ") + "." == shown.words
    assert not ax.lines


def test_rows_without_ids_count_only_in_the_stratum_that_their_sheet_names():
    loose = ("percent_change", False, MARKER, "T3")
    data = few(("x", "d_q", "ctx", 8.0, VISIT, *loose), ("y", "d_q", "ctx", 9.0, VISIT))
    assert data.values(KEY, marker=MARKER, stratum="T3") == (8.0,)
    assert data.values(KEY) == (9.0,)


def forest(data):
    """The texts of a forest plot of bone turnover, its axes, and its words."""
    with style.journal_style():
        page, (shown,) = whole.draw_forest(Forest(families=["turnover"]), data)
    return [text.get_text() for text in page.figure.texts], page.figure.axes, shown.words


@pytest.mark.parametrize(
    ("test", "estimate", "limits", "head"),
    [("welch", 3.4, [-0.6, 7.4], "difference (CI)"), ("brunner_munzel", 1.2, [1.2, 1.2], "difference")],
)
def test_the_estimate_of_the_test_is_drawn_upon_the_median_of_control_with_the_interval_that_it_has(
    test, estimate, limits, head
):
    ends = {"hodges_lehmann": 1.2, "mean_difference": 3.4, "mean_difference_lower": -0.6, "mean_difference_upper": 7.4}
    rows = Numbers([*summaries(*KEY), *result_rows(KEY, ends, contrast=CONTRAST)])
    data, base = study(numbers=rows, analysis=make_analysis(test=test)), FINISHED["median"]["control"]
    ax, _ = painted(ARMS.model_copy(update={"kind": "estimation"}), data)
    assert values(ax, "difference") == [[base + estimate]]
    assert values(ax, "interval") == [[base + limit for limit in limits]]
    ax, _ = painted(ARMS.model_copy(update={"kind": "estimation", "limits": (-30.0, 2000.0)}), data)
    ax.figure.draw_without_rendering()
    assert "1,000" in [tick.get_text() for tick in ax.child_axes[0].get_yticklabels()]
    assert head in forest(data)[0]


@pytest.fixture
def page():
    with style.journal_style():
        yield style.Page(100.0, 50.0)


@pytest.mark.parametrize("largest", [5e-8, 4e-5, 0.05, 0.9, 14.0, 160.0, 1500.0, 14_000.0, 8e7, 5e13])
def test_the_numbers_of_an_axis_do_not_reach_its_label(page, largest):
    low, median, high = -0.6 * largest, 0.2 * largest, largest
    group = draw.Group("Control", style.CONTROL, 0.0, (low, median, high), Summary(3, median, low, high))
    label = "Spine BMD, log ratio to baseline" if 0.001 < largest < 1e6 else "CTx, change (ng/mL)"
    draw.draw_groups(ax := page.axes(15.5, 5.0, 40.0, 30.0), [group])
    draw.label_y_axis(ax, label)
    assert drawn.find_faults(page.figure) == []
    assert not ax.yaxis.get_offset_text().get_text()  # which would lie upon P


def test_p_of_close_visits_do_not_overlap(page):
    rows = [row for visit in ("week_2", "week_4", VISIT) for row in summaries("ctx", "percent_change", visit)]
    View(Panel(kind="time_course", outcome="ctx"), study(numbers=Numbers(rows))).draw(page.axes(20.0, 8.0, 40.0, 25.0))
    assert drawn.find_faults(page.figure) == []


def by_three_strata(chosen):
    """The study with sclerostin at baseline by three strata."""
    key, rows = ("sasp_sclerostin", "baseline", "baseline"), []
    for label in chosen.strata.labels:
        found = {"n": 3, "median": 930.0, "q1": 905.0, "q3": 940.0}
        rows += result_rows(key, found, stratum=label, marker=MARKER, group="both arms")
        contrast = f"{chosen.strata.labels[-1]} - {label}"
        rows += result_rows(key, {"p": 0.0123}, stratum="", marker=MARKER, contrast=contrast)
    return study(numbers=Numbers(rows), analysis=chosen)


def test_long_names_of_strata_have_room_below_their_panel():
    labels = [f"women with {much} expression of p16 mRNA at baseline" for much in ("low or no", "some", "high")]
    chosen = make_analysis(strata={"cuts": ["1/3", "2/3"], "labels": labels})
    with style.journal_style():
        alone = FIGURES["extended_data_figure_6"].model_copy(update={"panels": [STRATA] * 3})
        page, _ = make.lay_out_figure(alone, by_three_strata(chosen))
    assert drawn.find_faults(page.figure) == []


def test_p_of_three_strata_stand_upon_each_other_without_overlap():
    ax, shown = painted(STRATA, by_three_strata(THIRDS))
    assert drawn.find_faults(ax.figure) == []
    assert texts(ax) == ["P = 0.012"] * 2
    assert "high against low P = 0.012; high against middle P = 0.012" in shown.words


@pytest.mark.parametrize(
    ("text", "italic"),
    [
        ("PTH, P = 0.031, P < $5", r"PTH, $P$ = 0.031, $P$ < \$5"),
        ("vitamin P $\nP not defined", "vitamin P \\$\n$P$ not defined"),
        ("P", "$P$"),
        ("interaction P,\nagainst T3", "interaction $P$,\nagainst T3"),
        ("One-sided P from $", r"One-sided $P$ from \$"),
        ("P =\n0.160", "$P$ =\n0.160"),
        ("Vitamin P ($)", "Vitamin P ($)"),
    ],
)
def test_p_is_in_italics_and_a_label_keeps_its_letters(page, text, italic):
    written = page.text(0, 0, text)
    style.italicize_p(page.figure)
    page.figure.draw_without_rendering()
    assert written.get_text() == italic


def test_a_forest_plot_has_a_row_for_all_participants_and_for_every_stratum_of_which_there_are_numbers():
    key, rows = ("ctx", "percent_change", "week_2"), []
    # Nobody is in the stratum in the middle, and in the lowest an arm is missing.
    for stratum, sizes, found in (("", (9, 9), {"p": 0.2}), ("high", (9, 9), {"p": 0.3}), ("low", (9, 0), {})):
        where = {"marker": MARKER, "stratum": stratum} if stratum else {}
        rows += result_rows(key, {"hodges_lehmann": 10.0} | found if found else {}, contrast=CONTRAST, **where)
        for arm, n in zip(("control", "d_q"), sizes, strict=True):
            rows += result_rows(key, {"n": n}, group=arm, **where)
    rows += result_rows(key, {"p": 0.25}, marker=MARKER, stratum="", contrast=f"{CONTRAST}, high - low")
    written, _, words = forest(study(numbers=Numbers(rows), analysis=THIRDS))
    assert [text for text in written if text in THIRDS.strata.labels] == ["high", "low"]
    assert "9/0" in written
    rest = "CTx, 2 weeks, high: 10.0, P = 0.300. CTx, 2 weeks, low: not compared, n = 9/0, interaction P = 0.250."
    assert words == f"CTx, 2 weeks, all participants: 10.0, P = 0.200. {rest}"


@pytest.mark.parametrize(
    ("change", "units"),
    [("percent", ["percentage points"]), ("log_ratio", ["log ratio"]), ("difference", ["ng/mL", "µg/L"])],
)
def test_a_forest_plot_has_an_axis_for_each_unit_and_names_it(change, units):
    chosen = make_analysis(change=change)
    keys, found = [(name, chosen.measure, "week_2") for name in ("p1np", "ctx")], {"hodges_lehmann": 1.0, "p": 0.2}
    rows = Numbers(row for key in keys for row in result_rows(key, found, contrast=CONTRAST))
    _, axes, words = forest(study(numbers=rows, analysis=chosen))
    assert [ax.get_xlabel() for ax in axes] == [f"Difference of changes, D+Q − Control ({unit})" for unit in units]
    assert words.count("P = 0.200") == 2


def test_a_forest_plot_has_room_for_large_differences_and_for_the_names_of_quarters():
    chosen = make_analysis(change="difference", strata={"cuts": ["1/4", "1/2", "3/4"]})
    found = {"hodges_lehmann": -1.06e11, "hodges_lehmann_lower": -2.55e11, "hodges_lehmann_upper": 4e10, "p": 0.2}
    found = result_rows(("sasp_fas", "difference", "week_2"), found, contrast=CONTRAST)
    with style.journal_style():
        page, _ = whole.draw_forest(Forest(families=["sasp"]), study(numbers=Numbers(found), analysis=chosen))
    assert drawn.find_faults(page.figure) == []
    assert [text.get_text().partition("\n")[2] for text in all_texts(page)].count("against quarter 4 of 4") == 1


@pytest.mark.parametrize(
    ("change", "unit", "label", "after"),
    [
        ("percent", "%", "CTx, change (%)", "%"),
        ("difference", "%", "CTx, change (percentage points)", " percentage points"),
        ("difference", "kg/m2", "CTx, change (kg/m²)", " kg/m²"),
        ("log_ratio", "%", "CTx, log ratio to baseline", ""),
    ],
)
def test_a_panel_has_the_unit_of_the_change(change, unit, label, after):
    data = study(trial=alter_trial(TRIAL, "outcomes", "ctx", unit=unit), analysis=make_analysis(change=change))
    assert (View(ARMS, data).axis_label, View(ARMS, data).unit) == (label, after)


def test_a_long_name_of_a_stratum_does_not_run_into_the_next(page):
    ax = page.axes(10.0, 10.0, 40.0, 20.0)
    ax.set_xlim(-0.6, 4.0)
    draw.draw_bracket(ax, 0, 1, 0.2, "women with low or no expression at baseline")
    draw.draw_bracket(ax, 2.4, 3.4, 0.2, "women with high expression at baseline")
    assert drawn.find_faults(page.figure) == []
    assert all("…" in text for text in texts(ax))


def test_a_message_stays_in_its_panel(page):
    ax = page.axes(2.0, 2.0, 20.0, 20.0)
    draw.write_message(ax, "no cut leaves enough participants in each arm")
    page.figure.draw_without_rendering()
    assert ax.get_window_extent().width > ax.texts[0].get_window_extent().width


def test_a_confidence_limit_outside_the_axis_of_a_forest_plot_ends_in_a_marked_arrow(page):
    found = [whole.Effect("CTx, 2 weeks", "all", "9/9", 1.0, -5.0, 5.0, 0.2) for _ in range(11)]
    found.append(whole.Effect("CTx, 2 weeks", "T3", "9/9", 1.0, -5.0, 500.0, 0.2))
    ax = page.axes(15.0, 5.0, 40.0, 30.0)
    whole._draw_effects(ax, found, study(), "%")
    (arrow,) = [line for line in ax.lines if str(line.get_label()).startswith(draw.BEYOND)]
    assert (arrow.get_marker(), arrow.get_xdata()[0]) == (">", ax.get_xlim()[1])
    assert ax.get_xlim()[1] < 6


@pytest.mark.parametrize(
    ("shown", "quartiles", "more", "inside", "outside"),
    [
        ([-20, -10, 0, 10, 1480], (-15, 5), {}, (-20, 10), 5 + REACH * 20),  # one value does not flatten the axis
        ([-6, 15, 19.2], (-2, 1), {}, (-6, 19.2), 30),  # just out of reach, it is shown rather than marked
        ([5, 6], (5, 6), {"include": (0.0,)}, (0, 6), 7),
        ([1, 1, 1, 9], (1, 1), {}, (1, 9), 10),  # equal quartiles hide no value
        ([3.0], (), {}, (3, 3), 4),  # one value has an axis around it
        ([], (), {}, (0.01, 0.99), 2),
        ([math.nan], (), {}, (0.01, 0.99), 2),
    ],
)
def test_an_axis_holds_all_values_but_those_far_away(shown, quartiles, more, inside, outside):
    low, high = axis_range(shown, quartiles, **more)
    assert low < inside[0]
    assert inside[1] < high < outside


@given(HEIGHTS, st.floats(1, 20))
def test_no_point_hides_another_or_leaves_its_group(heights, width):
    steps = beeswarm_offsets(heights, 3.0, 1000.0)
    for i, j in itertools.combinations(range(len(heights)), 2):
        assert math.hypot(heights[i] - heights[j], steps[i] - steps[j]) >= 0.98 * 3.0 - 1e-9
    assert all(abs(step) <= width for step in beeswarm_offsets(heights, 3.0, width))
    # One above all others stands in the middle and moves none of them.
    assert beeswarm_offsets([*heights, 200.0], 3.0, 1000.0) == [*steps, 0.0]


def test_long_gaps_between_visits_are_cut_and_visits_out_of_order_refused():
    assert time_positions([0, 2, 4, 20]) == ([0, 1, 2, 4], [3])
    assert time_positions([0, 26, 52]) == ([0, 1, 2], [])
    with pytest.raises(ValueError, match="follow each other"):
        time_positions([0, 4, 2])


# Pages and files

PANELS = [ARMS, Panel(kind="time_course", outcome="ctx", strata=["highest"])]


def test_stated_limits_of_an_axis_overrule_the_choice():
    for panel in PANELS:
        ax, _ = painted(Panel(**panel.model_dump() | {"limits": [-30, 2000]}))
        assert ax.get_ylim() == (-30.0, 2000.0)


SMALL = Catalogue(figures={"figure_3": Figure(label="Fig. 3", title="{change}", caption="{test}", panels=PANELS)})
FLOW = [("screened", "", "177", "screened"), ("allocated", "d_q", "30", "")]
FLOW += [("withdrew", "d_q", "1", "left after week 2")]
FLOW = [dict(zip(("step", "arm", "count", "text"), row, strict=True)) for row in FLOW]


def built(key, **changed):
    with style.journal_style():
        return make.lay_out_figure(FIGURES[key], study(**{"flow": FLOW} | changed))


def all_texts(page):
    return [text for text in page.figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("key", FIGURES)
def test_figures_have_journal_width_a_letter_per_panel_and_the_label_of_data_that_they_show(key):
    page, contents = built(key)
    assert page.figure.get_figwidth() * 25.4 == pytest.approx(183)
    letters = [text.get_text() for text in page.figure.texts if re.fullmatch("[a-z]", text.get_text())]
    assert letters == ([chr(97 + i) for i in range(len(contents))] if len(contents) > 1 else [])
    labels = [text for text in all_texts(page) if text.get_gid() == "label"]
    assert [text.get_text() for text in labels] == ([] if key == "figure_2" else [LABEL])
    assert all(text.get_fontsize() >= 7 for text in labels)
    real, _ = built(key, label=None)
    assert not [text for text in all_texts(real) if "ynthetic" in text.get_text()]


def test_the_flow_tells_reported_from_counted_numbers_and_needs_nothing_reported():
    page, (shown,) = built("figure_1")
    written = {text.get_text() for text in all_texts(page)}
    assert {"n = 177", "n = 6 (30 allocated, as reported)", "n = 5", "Fisetin, n = 1", "1 left after week 2"} <= written
    assert "Dashed boxes: as reported in the article. Other boxes: counted in the workbook." in written
    assert re.search(r"; in the two arms compared: .*; D\+Q CTx 20 weeks: n = 106", shown.words)
    page, _ = built("figure_1", flow=[{"step": "left_treatment", "arm": "d_q", "count": "2"}])  # without a text
    assert "2 left treatment" in {text.get_text() for text in all_texts(page)}
    page, _ = built("figure_1", flow=())
    counted = " ".join(text.get_text() for text in all_texts(page))
    assert "In the two arms compared" in counted
    assert not re.search("reported|Screened|Randomized", counted)


def test_the_design_follows_the_visits_of_the_trial():
    page, (shown,) = built("figure_2")
    (ax,) = page.figure.axes
    dots = {line.get_label(): list(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"}
    assert dots["Bone turnover markers: CTx, P1NP"] == [0, 2, 4, 20]
    assert sorted(patch.get_x() for patch in ax.patches) == sorted([0, 4, 8, 12, 16] * 2)
    assert "Control: no treatment" in shown.words
    # An outcome that is measured at other visits than its family stands apart.
    _, (shown,) = built("figure_2", trial=alter_trial(TRIAL, "outcomes", "ctx", follow_up=["week_2"]))
    rows = "Bone turnover markers: CTx: Baseline, 2 weeks; Bone turnover markers: P1NP: Baseline, 2 weeks, 4 weeks, 20 weeks"
    assert rows in shown.words


OF_ALL = {"kind": "arms", "outcome": "ctx", "visit": "week_20"}


@pytest.mark.parametrize(
    ("different", "has"),
    [
        ({}, False),
        ({"panels": [OF_ALL, OF_ALL | {"strata": ["highest"]}]}, True),
        ({"panels": [{"kind": "strata", "outcome": "ctx"}]}, True),
        ({"caption": "In {highest}"}, True),
        ({"by_stratum": True}, True),
        ({"panels": [], "forest": {"families": ["turnover"]}}, True),
        ({"panels": [], "flow": {"outcomes": ["ctx"]}}, False),
    ],
)
def test_a_figure_has_strata_if_anything_in_it_depends_on_them(different, has):
    figure = {"label": "Fig. 3", "title": "Change", "caption": "{test}", "panels": [OF_ALL]}
    assert Figure.model_validate(figure | different).depends_on_strata == has


@pytest.mark.parametrize(("label", "outside"), [(LABEL, True), (None, False)])
def test_files_hold_the_label_of_synthetic_data_and_neither_clock_nor_version(tmp_path, label, outside):
    data = replace(study() if outside else few(("c", "control", "ctx", 1.0, VISIT)), label=label)
    files = make.draw_figures(data, SMALL, tmp_path)
    assert [path.name for path in files] == ["figure_3.pdf", "figure_3.png", "figures.json"]
    pdf, png = files[0].read_bytes(), Image.open(files[1])
    for absent in (b"CreationDate", b"Matplotlib", b"/Subtype /Type3", *([] if label else [b"ynthetic"])):
        assert absent not in pdf
    assert b"/CIDFontType2" in pdf  # TrueType, so text stays text
    if label:
        assert label.replace("'", "").encode() in pdf.replace(b"'", b"") or label.encode("utf-16-be") in pdf
    assert png.text.get("Description") == label
    assert png.convert("RGB").getpixel((2, png.height - 2)) == (255, 255, 255)
    assert png.width == pytest.approx(style.WIDTH_MM / 25.4 * style.PNG_DPI, abs=1)
    assert "Software" not in png.text
    figure = json.loads(files[2].read_text())["figure_3"]
    assert (figure["title"], figure["data_label"]) == ("Percent change", label)
    assert figure["caption"] == WORDS["test"] + " Triangles at the edge mark values outside the axis." * outside
    assert figure["files"] == {"pdf": "figure_3.pdf", "png": "figure_3.png"}
    assert [panel["letter"] for panel in figure["panels"]] == ["a", "b"]
    assert figure["words"].startswith("a, CTx, 20 weeks. D+Q median 17.7%")
    again = make.draw_figures(data, SMALL, tmp_path / "again")
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]


@pytest.mark.parametrize(("count", "columns", "of_both_arms"), [(2, 3, 3), (3, 2, 3), (6, 1, 2)])
def test_panels_with_many_strata_are_wider(count, columns, of_both_arms):
    chosen = make_analysis(strata={"cuts": [f"{number}/{count}" for number in range(1, count)]})
    for key, expected in (("figure_5", columns), ("extended_data_figure_6", of_both_arms)):
        page, _ = built(key, analysis=chosen)
        assert len({round(ax.get_position().x0, 3) for ax in page.figure.axes}) == expected


def test_courses_have_room_for_p_at_every_visit():
    with style.journal_style():
        page, _ = make.lay_out_figure(FIGURES["figure_4"].model_copy(update={"columns": 4}), study())
    assert len({round(ax.get_position().x0, 3) for ax in page.figure.axes}) == 2


@pytest.mark.parametrize(
    ("key", "visit", "columns", "lowest"), [("figure_4", "week_2", 2, 0), ("estimation_figure_5", "week_20", 3, -120)]
)
def test_panels_of_one_outcome_share_their_axis_over_the_strata(key, visit, columns, lowest):
    measured, rows = (FIGURES[key].panels[0].outcome, "percent_change", visit), []
    for stratum, median, lower in (("T3", 80.0, -200.0), ("T1/T2", 5.0, 0.0)):
        where = {"marker": MARKER, "stratum": stratum}
        ends = {"hodges_lehmann": 1.0, "hodges_lehmann_lower": lower, "hodges_lehmann_upper": 2.0}
        rows += result_rows(measured, ends, contrast=CONTRAST, **where)
        for group in ("d_q", "control"):
            found = {"n": 9, "median": median, "q1": median - 1, "q3": median + 1}
            rows += result_rows(measured, found, group=group, **where)
    page, _ = built(key, numbers=Numbers(rows))
    limits = [ax.get_ylim() for ax in page.figure.axes[: 2 * columns]]
    assert limits[0] == limits[columns]
    assert limits[0][0] < lowest < 80 < limits[0][1]


# Figures of the bundled cohort and of the real trial, drawn as the workflow draws them

LISTED, USUAL, LONG = "data/figures.yaml", None, drawn.lengthen_labels
CONFIGS = (
    ("config.yaml", LISTED, None),
    ("config.yaml", LISTED, LONG),
    pytest.param(("config.yaml", USUAL, LONG), marks=pytest.mark.slow),
    pytest.param(("data/pbc/config.yaml", USUAL, LONG), marks=pytest.mark.slow),
)


@pytest.fixture(scope="module", params=CONFIGS)
def trial_pages(request, tmp_path_factory):
    """A page with its contents for every figure."""
    config, listed, renamed = request.param
    chosen, run = settings.load(config), pipeline.run_config(config)
    trial = renamed(run.trial) if renamed else run.trial
    folder = tmp_path_factory.mktemp("run")
    run.participants.write(folder)
    for name in ("changes", "strata", "results"):
        write_csv(getattr(run, name), folder / f"{name}.csv")
    made = interaction_table(run.layout, chosen.robustness.model_copy(update={"permutations": 1}))
    write_csv(made, folder / "sensitivity/interaction.csv")
    data = read_study(folder, folder, trial, run.analysis, published=chosen.published)
    with style.journal_style():
        yield {key: make.lay_out_figure(figure, data) for key, figure in read_catalogue(listed, trial).figures.items()}


def test_no_panel_lacks_its_numbers(trial_pages):
    assert [(key, c.title) for key, (_, contents) in trial_pages.items() for c in contents if c.missing] == []


def test_a_forest_has_the_interaction_by_student_s_t_that_was_computed(trial_pages):
    words = trial_pages["forest"][1][0].words
    assert words.count("interaction P") > 8
    assert not re.search(r"interaction P = (0\.500|1\.000)", words)  # those of the one permutation


def test_every_group_has_as_many_points_as_its_n(trial_pages):
    compared = 0
    for key, (page, _) in trial_pages.items():
        for ax in page.figure.axes:
            ticks = [tick.get_text() for tick in ax.get_xticklabels()]
            stated = [text.rpartition("n = ")[2] for text in ticks if text != "difference"]
            groups = [line for line in ax.lines if line.get_marker() in "os^vD" and line.get_markersize() == 3.0]
            if not all(stated) or ax.containers or ax.get_xlabel() or not groups:
                continue
            points = []
            for line in groups:
                middle, name = sum(line.get_xdata()) / len(line.get_xdata()), f"beyond {line.get_label()}"
                beyond = [b for b in ax.lines if b.get_label() == name and abs(b.get_xdata()[0] - middle) < 0.5]
                points.append(str(sum(len(part.get_ydata()) for part in (line, *beyond))))
            assert points == stated, key
            compared += len(points)
    assert compared > 20


def test_no_text_is_cut_off_by_the_page_or_overlaps_another(trial_pages):
    for key, (page, _) in trial_pages.items():
        assert drawn.find_faults(page.figure) == [], key
