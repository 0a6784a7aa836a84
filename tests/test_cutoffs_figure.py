"""Figures of all cutoffs: they draw the values of the tables, and their captions and words describe them."""

from dataclasses import replace

import drawn
import numpy as np
import pandas as pd
import pipeline
import pytest
from matplotlib.figure import Figure
from pipeline import CHOSEN, LABEL, TRIAL
from pipeline import PUBLISHED as ANALYSIS

from d_q_trial.config import settings
from d_q_trial.figures import cutoffs as drawing
from d_q_trial.figures import style
from d_q_trial.figures.catalogue import list_cutoff_figures
from d_q_trial.figures.cutoffs import CutTables
from d_q_trial.figures.texts import render_text
from d_q_trial.formatting import format_p_digits
from d_q_trial.robustness import cutoff_search, cutoffs
from d_q_trial.robustness.analysis_cuts import select_analysis_cuts, select_published_cuts
from d_q_trial.strata import select_marker_values

PANEL = ("p16_variant_5", "p1np", "week_2")
POINT = ["share_below", "difference"]


@pytest.fixture(scope="module")
def tables():
    run = pipeline.run_config()
    layout = replace(run.layout, changes=run.changes[run.changes["outcome"].isin(["ctx", "p1np"])])
    markers = select_marker_values(run.participants, run.trial, ANALYSIS)
    divided = cutoffs.divide_changes(layout.changes, markers, run.trial, ANALYSIS, CHOSEN.robustness)
    all_cuts, windows = cutoffs.cutoffs_table(divided), cutoffs.windows_table(divided)
    best_cuts, *_ = cutoff_search.best_cuts(divided, run.trial, ANALYSIS, CHOSEN.robustness)
    published_cuts = select_published_cuts(all_cuts, run.participants, layout)
    return CutTables(all_cuts, windows, best_cuts, select_analysis_cuts(all_cuts, layout), published_cuts)


@pytest.fixture
def draw_figure(tables, tmp_path, monkeypatch):
    """A function that draws the figure of a family by p16 variant 5 and returns it instead of writing it."""
    monkeypatch.setattr(style.Page, "save", lambda page, *_, **__: page.figure)

    def draw(family, trial=TRIAL):
        return drawing.draw_cutoffs(tables, trial, ANALYSIS, f"every_cut_{family}_{PANEL[0]}", tmp_path, None)

    return draw


def get_line(ax, label):
    (data,) = (line.get_xydata() for line in ax.lines if line.get_label() == label)
    return data


def test_lines_rings_and_marks_have_the_values_of_the_tables(tables, draw_figure):
    figure, panel = draw_figure("turnover"), tables.of(*PANEL)
    place = list_cutoff_figures(TRIAL)[f"every_cut_turnover_{PANEL[0]}"][2].index(PANEL[1:])
    differences, p_axes, sliding = figure.axes[3 * place : 3 * place + 3]
    assert p_axes.get_yscale() == "log"
    assert (get_line(p_axes, "alpha")[:, 1] == 0.05).all()
    for side in ("above", "below"):
        rows, best = (table[table["side"].eq(side)] for table in (panel.cutoffs, panel.best_cuts))
        np.testing.assert_array_equal(get_line(differences, side), rows[POINT].to_numpy(float))
        np.testing.assert_array_equal(get_line(p_axes, side), rows[["share_below", "p"]].to_numpy(float))
        assert get_line(p_axes, f"best {side}")[:, 1] == pytest.approx(best["p"].to_numpy(float))
    np.testing.assert_array_equal(get_line(sliding, "windows"), panel.windows[POINT].to_numpy(float))
    (bars,) = (c for c in sliding.collections if c.get_label() == "windows")
    limits = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_array_equal(limits, panel.windows[["lower", "upper"]].to_numpy(float))
    # 39 of the 60 women are below the upper tertile, 21 at or above it.
    assert {x for name in ("own cut", "published cut") for x, _ in get_line(sliding, name)} == {39 / 60}


@pytest.mark.parametrize(
    ("power", "first_is_empty", "panels", "labelled"),
    [(1, False, 4, 4), (1.6, False, 4, 4), (2.4, False, 4, 1), (60, False, 4, 1), (60, True, 3, 1)],
)
def test_small_p_are_labelled_without_reaching_the_panel_to_the_left(
    tables, tmp_path, monkeypatch, power, first_is_empty, panels, labelled
):
    monkeypatch.setattr(style.Page, "save", lambda page, *_, **__: page.figure)
    is_first = tables.cutoffs["outcome"].eq("ctx") & tables.cutoffs["visit"].eq("week_2")
    rows = tables.cutoffs[~is_first] if first_is_empty else tables.cutoffs
    smaller = tables._replace(cutoffs=rows.assign(p=rows["p"] ** power))
    visits = {
        key: TRIAL.outcomes[key].model_copy(update={"follow_up": ["week_2", "week_20"]}) for key in ("ctx", "p1np")
    }
    trial = TRIAL.model_copy(update={"outcomes": visits})
    figure = drawing.draw_cutoffs(smaller, trial, ANALYSIS, f"every_cut_turnover_{PANEL[0]}", tmp_path, None)
    figure.draw_without_rendering()
    p_axes = [ax for ax in figure.axes if ax.get_yscale() == "log"]
    drawn_texts = drawn.list_texts(figure)
    labels = [[t for t in ax.get_yticklabels() if t in drawn_texts] for ax in p_axes]
    assert (len(p_axes), len(list(filter(None, labels)))) == (panels, labelled)
    for before, texts in zip(p_axes, labels[1:], strict=False):
        assert all(text.get_window_extent().x0 > before.bbox.x1 for text in texts)


@pytest.mark.parametrize("lowest", [0.006, 6e-5, 6e-7, 6e-101])
def test_a_p_axis_has_few_labels(tables, lowest):
    axes = Figure().add_subplot()
    drawing.draw_p(axes, tables.of(*PANEL), 0.05, (lowest, 1.25))
    axes.figure.draw_without_rendering()
    ticks = [value for value in axes.get_yticks() if lowest <= value <= 1.25]
    assert 3 <= len(ticks) <= 5
    assert set(ticks) <= {10.0**-power for power in range(101)}


def test_the_best_cutoff_has_corrected_p(tables):
    best = tables.of(*PANEL).best_of_both()
    corrected = f"corrected {format_p_digits(best.p_best_of_both)}, in family {format_p_digits(best.p_best_of_family)}"
    assert render_text("every_cut", "best", best=best, decimals=2).endswith(f"\n{corrected}")
    assert best.p < best.p_best_of_both < best.p_best_of_family


@pytest.mark.parametrize("trial", [TRIAL, drawn.lengthen_labels(TRIAL)])
def test_the_legend_is_complete_and_no_text_overlaps(draw_figure, trial):
    figure = draw_figure("turnover", trial)
    (legend,) = figure.legends
    labels = "above the cutoff, below the cutoff, own cutoff, published cutoff, best of a side, sliding window"
    assert ", ".join(text.get_text() for text in legend.get_texts()) == labels
    assert drawn.find_faults(figure) == []


def test_fewer_panels_than_columns_fill_the_width(draw_figure):
    alone = TRIAL.model_copy(update={"outcomes": {"bmd_radius": TRIAL.outcomes["bmd_radius"]}})
    assert draw_figure("bmd", alone).axes[0].get_position().width > 0.8


@pytest.mark.parametrize("at_cut", ["upper", "lower"])
def test_the_published_cutoff_does_not_depend_on_the_cutoffs_of_the_analysis(at_cut):
    run = pipeline.run_config()
    rule = settings.StrataRule(cuts=[0.3, 0.6], labels=["a", "b", "c"], at_cut=at_cut)
    other = ANALYSIS.model_copy(update={"strata": rule})
    layout = replace(run.layout, changes=run.changes[run.changes["outcome"].eq("p1np")], analysis=other)
    markers = select_marker_values(run.participants, TRIAL, other)
    all_cuts = cutoffs.cutoffs_table(cutoffs.divide_changes(layout.changes, markers, TRIAL, other, CHOSEN.robustness))
    published = select_published_cuts(all_cuts, run.participants, layout)
    panel = pipeline.pick(published, marker=PANEL[0], visit=PANEL[2])
    assert (set(panel["share_below"]), set(panel["side"])) == ({39 / 60}, {"above", "below"})
    without = replace(run.layout, trial=TRIAL.model_copy(update={"cuts": []}))
    assert select_published_cuts(all_cuts, run.participants, without).empty


@pytest.mark.parametrize(
    ("best", "label", "start", "defined"),
    [({"cut": 151.0}, LABEL, f"{LABEL}. Bone", True), ({"p_best_of_both": np.nan}, None, "Bone", False)],
)
def test_words_give_the_data_label_and_the_best_cutoff_or_its_absence(tables, best, label, start, defined):
    changed = tables._replace(best_cuts=tables.best_cuts.assign(**best))
    figures = drawing.describe_cutoffs(changed, TRIAL, ANALYSIS, CHOSEN.robustness, label)
    words = figures[f"every_cut_turnover_{PANEL[0]}"]["words"]
    assert words.startswith(f"{start} turnover")
    assert (" 151, P = " in words, "no cutoff to try" in words) == (defined, not defined)
    assert "in stratum" not in figures["every_cut_turnover_p16_variant_1+5"]["words"]


def test_a_family_that_does_not_fit_on_a_page_is_not_drawn_and_captions_say_so(tables):
    assert {family for family, *_ in list_cutoff_figures(TRIAL).values()} == {"turnover", "bmd"}
    sentence = "The comparisons of senescence-associated secretory phenotype are in cutoffs.csv in the same folder, without a figure"
    with_proteins = tables._replace(cutoffs=pd.concat([tables.cutoffs, tables.cutoffs[:1].assign(outcome="sasp_il6")]))
    for made, is_said in ((tables, False), (with_proteins, True)):
        for name, figure in drawing.describe_cutoffs(made, TRIAL, ANALYSIS, CHOSEN.robustness, None).items():
            assert (sentence in figure["caption"]) == is_said, name
            assert "A value equal to a cutoff counts as above it." in figure["caption"]
