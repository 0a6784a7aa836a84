"""The figures mirror those of the article, panel by panel, as its captions describe them."""

import pytest

from d_q_trial.figures.catalogue import catalogue_of
from d_q_trial.trial import load_trial

TRIAL = load_trial("data/trial.yaml")
FIGURES = catalogue_of("data/figures.yaml", TRIAL).figures
V15, V5 = "p16_variant_1+5", "p16_variant_5"
SASP = ("sasp_sclerostin", "sasp_fas", "sasp_mmp2", "sasp_parc", "sasp_osteoactivin", "sasp_tnfr1")
BMD = ("bmd_radius", "bmd_femur_neck", "bmd_lumbar_spine")

# Figure: for each panel its kind, outcome or marker, and visit or group of people.
ARTICLE = {
    "figure_3": [("arms", outcome, visit) for outcome in ("ctx", "p1np") for visit in ("week_20", "week_2", "week_4")],
    "figure_4": [("time_course", outcome, None) for outcome in ("p1np", "ctx", "p1np", "ctx")],
    "figure_5": [("arms", outcome, "week_20") for outcome in BMD],
    "extended_data_figure_2": [
        ("correlation", marker, group) for group in ("population", "population_under_cut") for marker in (V15, V5)
    ],
    "extended_data_figure_3": [
        ("correlation", marker, group) for group in ("population_from_cut", "participants") for marker in (V15, V5)
    ],
    "extended_data_figure_4": [("arms", outcome, "week_20") for outcome in BMD],
    "extended_data_figure_5": [("time_course", outcome, None) for outcome in ("p1np", "ctx", "p1np", "ctx")],
    "extended_data_figure_6": [("strata", outcome, None) for outcome in SASP],
}
HIGHEST_FIRST = [["T3"], ["T3"], ["T1/T2"], ["T1/T2"]]


@pytest.mark.parametrize("figure", ARTICLE)
def test_the_panels_of_a_figure_are_those_of_the_article(figure):
    place = {"arms": "visit", "correlation": "group"}
    assert ARTICLE[figure] == [
        (panel.kind, panel.outcome, getattr(panel, place[panel.kind]) if panel.kind in place else None)
        for panel in FIGURES[figure].drawn(["T1/T2", "T3"])
    ]


@pytest.mark.parametrize(("figure", "marker"), [("figure_4", ""), ("extended_data_figure_5", V15)])
def test_time_courses_show_the_highest_stratum_before_the_lowest(figure, marker):
    panels = FIGURES[figure].drawn(["T1/T2", "T3"])
    assert [list(panel.strata) for panel in panels] == HIGHEST_FIRST
    assert {panel.marker for panel in panels} == {marker}


def test_every_figure_of_the_article_with_data_is_there_in_order():
    numbers = [f"figure_{n}" for n in range(1, 6)] + [f"extended_data_figure_{n}" for n in range(2, 7)]
    extra = ["forest", "estimation_figure_3", "estimation_figure_5"]
    assert list(FIGURES) == numbers + extra
    assert all("Not in the article" in FIGURES[name].caption for name in extra)
