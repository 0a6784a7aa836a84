"""Figures of the bundled cohort and of the real trial, drawn as the workflow draws them."""

import re

import drawn
import pipeline
import pytest

from d_q_trial.config import settings
from d_q_trial.figures import make, style
from d_q_trial.figures.catalogue import catalogue_of
from d_q_trial.figures.study import read_study
from d_q_trial.files import write_csv
from d_q_trial.robustness.interaction import interactions

LISTED, USUAL, LONG = "data/figures.yaml", None, drawn.with_long_labels
CONFIGS = (
    ("config.yaml", LISTED, None),
    ("config.yaml", LISTED, LONG),
    pytest.param(("config.yaml", USUAL, LONG), marks=pytest.mark.slow),
    pytest.param(("data/pbc/config.yaml", USUAL, None), marks=pytest.mark.slow),
)


@pytest.fixture(scope="module", params=CONFIGS)
def trial_pages(request, tmp_path_factory):
    """A page with its contents for every figure."""
    config, listed, renamed = request.param
    chosen, run = settings.load(config), pipeline.of_config(config)
    trial = renamed(run.trial) if renamed else run.trial
    folder, analysis = tmp_path_factory.mktemp("run"), chosen.analyses[chosen.reference]
    run.participants.write(folder)
    for name in ("changes", "strata", "results"):
        write_csv(getattr(run, name), folder / f"{name}.csv")
    made = interactions(run.layout, chosen.robustness.model_copy(update={"permutations": 1}))
    write_csv(made, folder / "sensitivity/interaction.csv")
    study = read_study(folder, folder, trial, analysis, published=chosen.published)
    with style.settings():
        pages = {}
        for key, figure in catalogue_of(listed, trial).figures.items():
            page, contents = make.build(figure, study)
            pages[key] = page, contents
        yield pages


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
            drawn = []
            for line in groups:
                middle, name = sum(line.get_xdata()) / len(line.get_xdata()), f"beyond {line.get_label()}"
                beyond = [b for b in ax.lines if b.get_label() == name and abs(b.get_xdata()[0] - middle) < 0.5]
                drawn.append(str(sum(len(points.get_ydata()) for points in (line, *beyond))))
            assert drawn == stated, key
            compared += len(drawn)
    assert compared > 20


def test_no_text_is_cut_off_by_the_page_or_overlaps_another(trial_pages):
    for key, (page, _) in trial_pages.items():
        assert drawn.faults(page.figure) == [], key
