"""The list of figures: what it may say, what its captions say, and that it mirrors the article panel by panel."""

import pytest
import yaml
from figure_samples import ANALYSIS, TRIAL, WORDS

from d_q_trial.errors import UserError
from d_q_trial.figures.catalogue import catalogue_of
from d_q_trial.labels import caption_words, fill
from d_q_trial.trial import load_trial

FIGURES = catalogue_of("data/figures.yaml", TRIAL).figures
TWO, THREE = ("T1/T2", "T3"), ("low", "middle", "high")
V15, V5 = "p16_variant_1+5", "p16_variant_5"
SASP = ("sasp_sclerostin", "sasp_fas", "sasp_mmp2", "sasp_parc", "sasp_osteoactivin", "sasp_tnfr1")
BMD = [("arms", outcome, "week_20") for outcome in ("bmd_radius", "bmd_femur_neck", "bmd_lumbar_spine")]
COURSES = [("time_course", outcome, "") for outcome in ("p1np", "ctx", "p1np", "ctx")]

# Figure: for each panel its kind, outcome or marker, and visit or group of people, as the captions of the article say.
ARTICLE = {
    "figure_3": [("arms", outcome, visit) for outcome in ("ctx", "p1np") for visit in ("week_20", "week_2", "week_4")],
    "figure_4": COURSES,
    "figure_5": BMD,
    "extended_data_figure_2": [
        ("correlation", marker, group) for group in ("population", "population_under_cut") for marker in (V15, V5)
    ],
    "extended_data_figure_3": [
        ("correlation", marker, group) for group in ("population_from_cut", "participants") for marker in (V15, V5)
    ],
    "extended_data_figure_4": BMD,
    "extended_data_figure_5": COURSES,
    "extended_data_figure_6": [("strata", outcome, "") for outcome in SASP],
}


def texts(figure, labels=TWO):
    return figure.texts(caption_words(TRIAL, ANALYSIS), labels, TRIAL)


def test_the_figures_and_their_panels_are_those_of_the_article_in_order():
    numbers = [f"figure_{n}" for n in range(1, 6)] + [f"extended_data_figure_{n}" for n in range(2, 7)]
    extra = ["forest", "estimation_figure_3", "estimation_figure_5"]
    assert list(FIGURES) == numbers + extra
    assert all("Not in the article" in FIGURES[name].caption for name in extra)
    for figure, panels in ARTICLE.items():
        drawn = FIGURES[figure].drawn(TWO)
        assert [(p.kind, p.outcome, p.group if p.kind == "correlation" else p.visit) for p in drawn] == panels


@pytest.mark.parametrize(("figure", "marker"), [("figure_4", ""), ("extended_data_figure_5", V15)])
@pytest.mark.parametrize("labels", [TWO, THREE, tuple("abcde")])
def test_panels_by_stratum_show_every_stratum_of_the_analysis_highest_first(figure, marker, labels):
    shown = [(panel.outcome, panel.marker, *panel.strata) for panel in FIGURES[figure].drawn(labels)]
    assert shown == [(outcome, marker, label) for label in reversed(labels) for outcome in ("p1np", "ctx")]


@pytest.mark.parametrize("key", FIGURES)
def test_every_caption_and_title_can_be_filled(key):
    assert "{" not in "".join(texts(FIGURES[key], THREE))


def test_letters_and_strata_in_a_caption_follow_the_panels():
    figure = FIGURES["figure_3"]
    _, caption = texts(figure)
    assert "CTx (bone resorption; a–c) and P1NP (bone formation; d–f) at 20 weeks, 2 weeks and 4 weeks" in caption
    assert "no continuity correction" in caption
    swapped = figure.model_copy(update={"panels": [figure.panels[3], *figure.panels[1:3], figure.panels[0]]})
    assert "CTx (bone resorption; b–d) and P1NP (bone formation; a)" in texts(swapped)[1]
    assert "high (a, b), middle (c, d) and low (e, f)" in texts(FIGURES["figure_4"], THREE)[1]
    assert "in stratum high, middle and low of" in texts(FIGURES["figure_5"], THREE)[1]


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
        (None, "one of 'panels', 'flow', 'design' and 'forest'"),
    ],
)
def test_a_fault_in_the_list_is_named(tmp_path, panel, message):
    panels = [panel or {"kind": "strata", "outcome": "ctx"}]
    figure = {"label": "Fig. 1", "title": "T", "caption": "C", "panels": panels}
    figure |= {} if panel else {"flow": {"outcomes": ["ctx"]}}
    path = tmp_path / "figures.yaml"
    path.write_text(yaml.safe_dump({"figures": {"figure_1": figure}}), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        catalogue_of(path, TRIAL)


def test_a_correlation_needs_a_population_sample(tmp_path):
    with pytest.raises(UserError, match=r"extended_data_figure_2\.panels\.0: .* needs the key 'population'"):
        catalogue_of("data/figures.yaml", TRIAL.model_copy(update={"population": None}))


def test_an_unknown_placeholder_is_named():
    with pytest.raises(UserError, match=r"\{tretaed\}; did you mean 'treated'"):
        fill("{tretaed}", WORDS)


@pytest.mark.parametrize("path", ["data/pbc/trial.yaml", "data/trial.yaml"])
def test_a_trial_without_a_list_gets_every_change_overall_and_by_stratum(path):
    trial = load_trial(path)
    outcomes = [outcome for outcome in trial.outcomes.values() if outcome.kind != "binary"]
    changes = sorted((outcome.key, visit) for outcome in outcomes for visit in outcome.follow_up)
    figures = catalogue_of(None, trial).figures
    assert list(figures)[:2] == ["figure_1", "figure_2"]
    assert "forest" in figures
    for strata in (["all"], ["each"]):
        panels = [panel for figure in figures.values() for panel in figure.panels if panel.strata == strata]
        assert sorted((panel.outcome, panel.visit) for panel in panels) == changes
