import pytest
import yaml
from figure_samples import ANALYSIS, TRIAL, WORDS

from d_q_trial.errors import UserError
from d_q_trial.figures.catalogue import catalogue_of, default_catalogue, load_catalogue
from d_q_trial.labels import caption_words, fill
from d_q_trial.trial import load_trial

CATALOGUE = load_catalogue("data/figures.yaml", TRIAL)


@pytest.fixture
def listed(tmp_path):
    """Write one figure with the given panels and load it."""

    def load(*panels, **more):
        figure = {"label": "Fig. 1", "title": "T", "caption": "C", "panels": list(panels), **more}
        path = tmp_path / "figures.yaml"
        path.write_text(yaml.safe_dump({"figures": {"figure_1": figure}}), encoding="utf-8")
        return load_catalogue(path, TRIAL)

    return load


def shown(key):
    return [(panel.outcome, panel.visit, *panel.strata) for panel in CATALOGUE.figures[key].panels]


def test_all_figures_of_the_article_are_listed_with_their_panels():
    numbers = {key: len(figure.panels) for key, figure in CATALOGUE.figures.items()}
    assert numbers == {
        "figure_1": 0, "figure_2": 0, "figure_3": 6, "figure_4": 4, "figure_5": 3, "extended_data_figure_2": 4,
        "extended_data_figure_3": 4, "extended_data_figure_4": 3, "extended_data_figure_5": 4,
        "extended_data_figure_6": 6,
    }  # fmt: skip


def test_figure_3_has_the_order_of_the_article():
    visits = ("week_20", "week_2", "week_4")
    assert shown("figure_3") == [(outcome, visit, "all") for outcome in ("ctx", "p1np") for visit in visits]


def test_figure_4_shows_the_highest_stratum_first():
    assert shown("figure_4") == [
        ("p1np", "", "highest"), ("ctx", "", "highest"), ("p1np", "", "lowest"), ("ctx", "", "lowest"),
    ]  # fmt: skip


def test_extended_data_figure_5_cuts_by_the_other_marker():
    assert {panel.marker for panel in CATALOGUE.figures["extended_data_figure_5"].panels} == {"p16_variant_1+5"}


def test_every_caption_and_title_can_be_filled():
    words = caption_words(TRIAL, ANALYSIS)
    for figure in CATALOGUE.figures.values():
        assert "{" not in fill(figure.title, words) + fill(figure.caption, words)


def test_a_caption_says_which_test_was_used():
    words = caption_words(TRIAL, ANALYSIS)
    assert "no continuity correction" in fill(CATALOGUE.figures["figure_3"].caption, words)


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        ({"kind": "arms", "outcome": "ctxx", "visit": "week_20"}, "did you mean 'ctx'"),
        ({"kind": "arms", "outcome": "ctx", "visit": "week_21"}, r"panels\.0\.visit"),
        ({"kind": "arms", "outcome": "ctx"}, "needs the key 'visit'"),
        ({"kind": "arms", "outcome": "ctx", "visit": "week_2", "colour": "red"}, r"colour: unknown key"),
        ({"kind": "time_course", "outcome": "ctx", "marker": "p16"}, r"panels\.0\.marker"),
        ({"kind": "correlation", "outcome": "ctx"}, r"panels\.0\.outcome"),
    ],
)
def test_a_fault_in_the_list_is_named(listed, panel, message):
    with pytest.raises(UserError, match=message):
        listed(panel)


def test_a_figure_has_panels_or_a_drawing_not_both(listed):
    with pytest.raises(UserError, match="one of 'panels', 'flow' and 'design'"):
        listed({"kind": "arms", "outcome": "ctx", "visit": "week_2"}, flow={"outcomes": ["ctx"]})


def test_an_unknown_placeholder_is_named():
    with pytest.raises(UserError, match=r"\{tretaed\}; did you mean 'treated'"):
        fill("{tretaed}", WORDS)


def test_a_figure_of_everybody_is_drawn_again_when_the_cut_moves_or_one_of_strata_is_not():
    parts = CATALOGUE.parts()
    assert sorted(parts["everybody"] + parts["strata"]) == sorted(CATALOGUE.figures)
    assert parts["strata"] == ["figure_4", "figure_5", "extended_data_figure_5", "extended_data_figure_6"]


def test_words_that_name_a_stratum_leave_a_figure_among_those_of_everybody(listed):
    panel = {"kind": "arms", "outcome": "ctx", "visit": "week_2"}
    assert listed(panel).parts() == {"everybody": ["figure_1"]}
    assert listed(panel, caption="All but {highest}.").parts() == {"strata": ["figure_1"]}


def test_a_trial_without_a_list_gets_every_change_overall_and_by_stratum():
    trial = load_trial("data/pbc/trial.yaml")
    catalogue = catalogue_of(None, trial)
    assert catalogue == default_catalogue(trial)
    pairs = {(key, visit) for key, outcome in trial.outcomes.items() for visit in outcome.follow_up}
    assert pairs
    for strata in (["all"], ["each"]):
        panels = [p for figure in catalogue.figures.values() for p in figure.panels if p.strata == strata]
        assert {(p.outcome, p.visit) for p in panels} == pairs
        assert len(panels) == len(pairs)
