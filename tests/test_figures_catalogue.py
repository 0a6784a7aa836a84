"""The list of figures: what it may say, what its captions say, and that it mirrors the article panel by panel."""

import pytest
import yaml
from figure_samples import ANALYSIS, TRIAL, WORDS

from d_q_trial.errors import UserError
from d_q_trial.figures.catalogue import catalogue_of
from d_q_trial.labels import caption_words, fill
from d_q_trial.trial import load_trial

FIGURES = catalogue_of("data/figures.yaml", TRIAL).figures
LABELS = ["low", "middle", "high"]
V15, V5 = "p16_variant_1+5", "p16_variant_5"
SASP = ("sasp_sclerostin", "sasp_fas", "sasp_mmp2", "sasp_parc", "sasp_osteoactivin", "sasp_tnfr1")
BMD = ("bmd_radius", "bmd_femur_neck", "bmd_lumbar_spine")

# Figure: for each panel its kind, outcome or marker, and visit or group of people, as the captions of the article say.
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
    assert [panel.strata for panel in panels] == [["T3"], ["T3"], ["T1/T2"], ["T1/T2"]]
    assert {panel.marker for panel in panels} == {marker}


def test_every_figure_of_the_article_with_data_is_there_in_order():
    numbers = [f"figure_{n}" for n in range(1, 6)] + [f"extended_data_figure_{n}" for n in range(2, 7)]
    extra = ["forest", "estimation_figure_3", "estimation_figure_5"]
    assert list(FIGURES) == numbers + extra
    assert all("Not in the article" in FIGURES[name].caption for name in extra)


def texts(figure, labels=("T1/T2", "T3")):
    return figure.texts(caption_words(TRIAL, ANALYSIS), labels, TRIAL)


@pytest.mark.parametrize("key", FIGURES)
def test_every_caption_and_title_can_be_filled(key):
    assert "{" not in "".join(texts(FIGURES[key], LABELS))


def test_letters_in_a_caption_follow_the_panels():
    figure = FIGURES["figure_3"]
    assert (
        "CTx (bone resorption; a–c) and P1NP (bone formation; d–f) at 20 weeks, 2 weeks and 4 weeks" in texts(figure)[1]
    )
    assert "no continuity correction" in texts(figure)[1]
    swapped = figure.model_copy(update={"panels": [figure.panels[3], *figure.panels[1:3], figure.panels[0]]})
    assert "CTx (bone resorption; b–d) and P1NP (bone formation; a)" in texts(swapped)[1]


@pytest.mark.parametrize("labels", [["T1/T2", "T3"], LABELS, list("abcde")])
def test_panels_by_stratum_show_every_stratum_of_the_analysis_highest_first(labels):
    figure = FIGURES["figure_4"]
    shown = [(panel.outcome, *panel.strata) for panel in figure.drawn(labels)]
    assert shown == [(outcome, label) for label in reversed(labels) for outcome in ("p1np", "ctx")]
    assert all(label in texts(figure, labels)[1] for label in labels)


def test_a_caption_names_the_strata_with_their_letters():
    assert "high (a, b), middle (c, d) and low (e, f)" in texts(FIGURES["figure_4"], LABELS)[1]
    assert "in stratum high, middle and low of" in texts(FIGURES["figure_5"], LABELS)[1]


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
        ({"kind": "time_course", "outcome": "ctx", "flow": {}}, "one of 'panels', 'flow', 'design' and 'forest'"),
    ],
)
def test_a_fault_in_the_list_is_named(tmp_path, panel, message):
    more = {"flow": {"outcomes": ["ctx"]}} if "flow" in panel else {}
    panel = {key: value for key, value in panel.items() if key != "flow"}
    figure = {"label": "Fig. 1", "title": "T", "caption": "C", "panels": [panel], **more}
    path = tmp_path / "figures.yaml"
    path.write_text(yaml.safe_dump({"figures": {"figure_1": figure}}), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        catalogue_of(path, TRIAL)


def test_an_unknown_placeholder_is_named():
    with pytest.raises(UserError, match=r"\{tretaed\}; did you mean 'treated'"):
        fill("{tretaed}", WORDS)


@pytest.mark.parametrize("path", ["data/pbc/trial.yaml", "data/trial.yaml"])
def test_a_trial_without_a_list_gets_every_change_overall_and_by_stratum(path):
    trial = load_trial(path)
    outcomes = [outcome for outcome in trial.outcomes.values() if outcome.kind != "binary"]
    changes = {(outcome.key, visit) for outcome in outcomes for visit in outcome.follow_up}
    figures = catalogue_of(None, trial).figures
    assert list(figures)[:2] == ["figure_1", "figure_2"]
    assert "forest" in figures
    for strata in (["all"], ["each"]):
        panels = [p for figure in figures.values() for p in figure.panels if p.strata == strata]
        assert {(p.outcome, p.visit) for p in panels} == changes
        assert len(panels) == len(changes)
