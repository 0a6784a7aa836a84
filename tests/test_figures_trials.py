"""Figures of the bundled cohort and of the real trial, drawn as the workflow draws them."""

import re

import pipeline
import pytest
from matplotlib.text import Text

from d_q_trial.config import settings
from d_q_trial.figures import make, style
from d_q_trial.figures.catalogue import catalogue_of
from d_q_trial.figures.study import read_study
from d_q_trial.files import write_csv
from d_q_trial.robustness.interaction import interactions

CONFIGS = ("config.yaml", pytest.param("data/pbc/config.yaml", marks=pytest.mark.slow))


@pytest.fixture(scope="module", params=CONFIGS)
def trial_pages(request, tmp_path_factory):
    """A page with its contents for every figure."""
    chosen, run = settings.load(request.param), pipeline.of_config(request.param)
    folder, analysis = tmp_path_factory.mktemp("run"), chosen.analyses[chosen.reference]
    run.participants.write(folder)
    for name in ("changes", "strata", "results"):
        write_csv(getattr(run, name), folder / f"{name}.csv")
    made = interactions(run.layout, chosen.robustness.model_copy(update={"permutations": 1}))
    write_csv(made, folder / "sensitivity/interaction.csv")
    flow = f"{chosen.published}/flow.csv" if chosen.published else None
    study = read_study(folder, folder, run.trial, analysis, flow=flow)
    with style.settings():
        pages = {}
        for key, figure in catalogue_of(chosen.figures, run.trial).figures.items():
            page, contents = make.build(figure, study)
            page.figure.set_dpi(style.PNG_DPI)
            page.figure.draw_without_rendering()
            pages[key] = page, contents
        yield pages


def _texts(figure):
    """All texts that are drawn: not those of ticks outside the axes, nor of axes that are switched off."""
    hidden = set()
    for ax in [*figure.axes, *(inner for outer in figure.axes for inner in outer.child_axes)]:
        for place, (low, high), axis in ((0, ax.get_xlim(), ax.xaxis), (1, ax.get_ylim(), ax.yaxis)):
            for label in axis.get_ticklabels(which="both"):
                if not ax.axison or not low <= label.get_position()[place] <= high:
                    hidden.add(label)
    found = dict.fromkeys(figure.findobj(Text))
    return [text for text in found if text.get_visible() and text.get_text() and text not in hidden]


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
        width, height = page.figure.bbox.size
        boxes = [(text.get_text(), text.get_window_extent()) for text in _texts(page.figure)]
        for index, (name, box) in enumerate(boxes):
            assert (box.x0 >= 0, box.y0 >= 0, box.x1 <= width, box.y1 <= height) == (True,) * 4, (key, name)
            assert not [other for other, area in boxes[:index] if box.overlaps(area) and other != "//"], (key, name)
