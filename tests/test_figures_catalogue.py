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


LABELS = ["low", "middle", "high"]


def texts(figure, labels=("T1/T2", "T3")):
    return figure.texts(caption_words(TRIAL, ANALYSIS), labels, TRIAL)


@pytest.mark.parametrize("key", CATALOGUE.figures)
def test_every_caption_and_title_can_be_filled(key):
    assert "{" not in "".join(texts(CATALOGUE.figures[key], LABELS))


def test_a_caption_says_which_test_was_used():
    assert "no continuity correction" in texts(CATALOGUE.figures["figure_3"])[1]


def test_letters_in_a_caption_follow_the_panels():
    figure = CATALOGUE.figures["figure_3"]
    assert (
        "CTx (bone resorption; a–c) and P1NP (bone formation; d–f) at 20 weeks, 2 weeks and 4 weeks" in texts(figure)[1]
    )
    swapped = figure.model_copy(update={"panels": [figure.panels[3], *figure.panels[1:3], figure.panels[0]]})
    assert "CTx (bone resorption; b–d) and P1NP (bone formation; a)" in texts(swapped)[1]


@pytest.mark.parametrize("labels", [["T1/T2", "T3"], LABELS, list("abcde")])
def test_panels_by_stratum_show_every_stratum_of_the_analysis_highest_first(labels):
    figure = CATALOGUE.figures["figure_4"]
    shown = [(panel.outcome, *panel.strata) for panel in figure.drawn(labels)]
    assert shown == [(outcome, label) for label in reversed(labels) for outcome in ("p1np", "ctx")]
    assert all(label in texts(figure, labels)[1] for label in labels)


def test_a_caption_names_the_strata_with_their_letters():
    assert "high (a, b), middle (c, d) and low (e, f)" in texts(CATALOGUE.figures["figure_4"], LABELS)[1]
    assert "in stratum high, middle and low of" in texts(CATALOGUE.figures["figure_5"], LABELS)[1]


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        ({"kind": "arms", "outcome": "ctxx", "visit": "week_20"}, "did you mean 'ctx'"),
        ({"kind": "arms", "outcome": "ctx", "visit": "week_21"}, r"panels\.0\.visit"),
        ({"kind": "arms", "outcome": "ctx"}, "needs the key 'visit'"),
        ({"kind": "arms", "outcome": "ctx", "visit": "week_2", "colour": "red"}, r"colour: unknown key"),
        ({"kind": "time_course", "outcome": "ctx", "marker": "p16"}, r"panels\.0\.marker"),
        ({"kind": "correlation", "outcome": "ctx"}, r"panels\.0\.outcome"),
        (
            {"kind": "estimation", "outcome": "ctx", "visit": "week_2", "strata": ["each", "all"]},
            "shows one of 'strata'",
        ),
    ],
)
def test_a_fault_in_the_list_is_named(listed, panel, message):
    with pytest.raises(UserError, match=message):
        listed(panel)


def test_a_figure_has_panels_or_a_drawing_not_both(listed):
    with pytest.raises(UserError, match="one of 'panels', 'flow', 'design' and 'forest'"):
        listed({"kind": "arms", "outcome": "ctx", "visit": "week_2"}, flow={"outcomes": ["ctx"]})


def test_an_unknown_placeholder_is_named():
    with pytest.raises(UserError, match=r"\{tretaed\}; did you mean 'treated'"):
        fill("{tretaed}", WORDS)


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
