"""The figures of every cut: their lines are the numbers of the tables, their words say what is drawn."""

from dataclasses import replace

import drawn
import numpy as np
import pipeline
import pytest
from pipeline import CHOSEN, LABEL, TRIAL
from pipeline import PUBLISHED as ANALYSIS

from d_q_trial.config import settings
from d_q_trial.figures import cutoffs as drawing
from d_q_trial.figures import style
from d_q_trial.figures.cutoffs import CutTables
from d_q_trial.figures.words import render_text
from d_q_trial.formatting import format_p_digits
from d_q_trial.robustness import cutoffs, search
from d_q_trial.robustness.analysis_cuts import select_analysis_cuts, select_published_cuts
from d_q_trial.strata import select_marker_values

PANEL = ("p16_variant_5", "p1np", "week_2")
PLACE = ["share_below", "difference"]


@pytest.fixture(scope="module")
def tables():
    run = pipeline.run_config()
    layout = replace(run.layout, changes=run.changes[run.changes["outcome"].isin(["ctx", "p1np"])])
    markers = select_marker_values(run.participants, run.trial, ANALYSIS)
    found = cutoffs.divide_changes(layout.changes, markers, run.trial, ANALYSIS, CHOSEN.robustness)
    every = cutoffs.cutoffs_table(found)
    return CutTables(
        every,
        cutoffs.windows_table(found),
        search.best_cuts(found, run.trial, ANALYSIS, CHOSEN.robustness)[0],
        select_analysis_cuts(every, layout),
        select_published_cuts(every, run.participants, layout),
    )


@pytest.fixture
def axes():
    with style.journal_style():
        yield style.Page(89, 60).axes(15, 5, 60, 40)


def line(ax, label):
    (found,) = (line for line in ax.lines if line.get_label() == label)
    return found.get_xydata()


def test_lines_are_the_numbers_of_the_tables_and_the_best_are_ringed(tables, axes):
    panel = tables.of(*PANEL)
    drawing.draw_differences(axes, panel)
    drawing.draw_windows(axes, panel)
    p_axes = axes.figure.add_subplot()
    drawing.draw_p(p_axes, panel, 0.05, 0.0001)
    assert p_axes.get_yscale() == "log"
    assert (line(p_axes, "alpha")[:, 1] == 0.05).all()
    for side in ("above", "below"):
        rows, best = (table[table["side"].eq(side)] for table in (panel.cutoffs, panel.best_cuts))
        np.testing.assert_array_equal(line(axes, side), rows[PLACE].to_numpy(float))
        np.testing.assert_array_equal(line(p_axes, side), rows[["share_below", "p"]].to_numpy(float))
        assert line(p_axes, f"best {side}")[:, 1] == pytest.approx(best["p"].to_numpy(float))
    np.testing.assert_array_equal(line(axes, "windows"), panel.windows[PLACE].to_numpy(float))
    (bars,) = (c for c in axes.collections if c.get_label() == "windows")
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_array_equal(ends, panel.windows[["lower", "upper"]].to_numpy(float))


@pytest.mark.parametrize(
    ("lowest", "named"),
    [
        (0.006, ["0.05", "1", "0.01"]),
        (6e-5, ["0.05", "1", "0.01", "0.001", "0.0001"]),
        (6e-7, ["0.05", "1", "0.0001", "1e-06"]),
        (6e-101, ["0.05", "1e-20", "1e-40", "1e-60", "1e-80", "1e-100"]),  # where 1 would lie upon 0.05
    ],
)
def test_an_axis_of_p_has_few_labels(tables, axes, lowest, named):
    drawing.draw_p(axes, tables.of(*PANEL), 0.05, lowest)
    assert [tick.get_text() for tick in axes.get_yticklabels()] == named


def test_the_own_and_the_published_cut_are_marked_and_the_best_one_is_corrected_for_the_search(tables, axes):
    panel = tables.of(*PANEL)
    drawing.draw_marker_axis(axes, panel, 2, labelled=True)
    # 39 of the 60 women lie below the upper tertile, for 21 lie at or above it.
    assert {x for name in ("own cut", "published cut") for x, _ in line(axes, name)} == {39 / 60}
    best = panel.best_of_both()
    corrected = f"corrected {format_p_digits(best.p_best_of_both)}, in family {format_p_digits(best.p_best_of_family)}"
    assert render_text("every_cut", "best", best=best, decimals=2).endswith(f"\n{corrected}")
    assert best.p < best.p_best_of_both < best.p_best_of_family


@pytest.mark.parametrize("trial", [TRIAL, drawn.lengthen_labels(TRIAL)])
def test_the_key_names_all_that_is_drawn_and_no_text_overlaps(tables, tmp_path, monkeypatch, trial):
    pages = []
    monkeypatch.setattr(style.Page, "save", lambda page, *_, **__: pages.append(page))
    drawing.draw_cutoffs(tables, trial, ANALYSIS, f"every_cut_turnover_{PANEL[0]}", tmp_path, None)
    (key,) = pages[0].figure.legends
    names = "above the cutoff, below the cutoff, own cutoff, published cutoff, best of a side, sliding window"
    assert ", ".join(text.get_text() for text in key.get_texts()) == names
    assert drawn.find_faults(pages[0].figure) == []


def test_families_with_room_or_the_primary_endpoint_fill_a_page_and_captions_name_the_rest(tables):
    primary = TRIAL.primary.model_copy(update={"outcome": "sasp_vegf"})
    other = TRIAL.model_copy(update={"primary": primary})
    family, _, shown = drawing.list_figures(other)[f"every_cut_sasp_{PANEL[0]}"]
    changes = TRIAL.changes_of(family)
    assert (shown[0], shown[1:], len(changes)) == (changes[-1], changes[:8], 36)
    families = [{found for found, *_ in drawing.list_figures(trial).values()} for trial in (TRIAL, other)]
    assert families == [{"turnover", "bmd"}, {"turnover", "bmd", "sasp"}]
    too_large = "The comparisons of senescence-associated secretory phenotype are too many for a figure; they are in cutoffs.csv"
    for trial, named in ((TRIAL, lambda _: too_large), (other, lambda name: "27 more comparisons" * ("sasp" in name))):
        for name, figure in drawing.describe_cutoffs(tables, trial, ANALYSIS, CHOSEN.robustness, None, cuts={}).items():
            assert named(name) in figure["caption"], name
            assert (too_large in figure["caption"]) == (trial is TRIAL)


def test_fewer_panels_than_columns_fill_the_width(tables, tmp_path, monkeypatch):
    pages = []
    monkeypatch.setattr(style.Page, "save", lambda page, *_, **__: pages.append(page))
    alone = TRIAL.model_copy(update={"outcomes": {"bmd_radius": TRIAL.outcomes["bmd_radius"]}})
    drawing.draw_cutoffs(tables, alone, ANALYSIS, f"every_cut_bmd_{PANEL[0]}", tmp_path, None)
    assert pages[0].figure.axes[0].get_position().width > 0.8


@pytest.mark.parametrize("at_cut", ["upper", "lower"])
def test_the_published_cut_stays_where_it_is_when_the_analysis_cuts_elsewhere(at_cut):
    run = pipeline.run_config()
    changes = run.changes[run.changes["outcome"].eq("p1np")]
    rule = settings.StrataRule(cuts=[0.3, 0.6], labels=["a", "b", "c"], at_cut=at_cut)
    elsewhere = ANALYSIS.model_copy(update={"strata": rule})
    markers = select_marker_values(run.participants, TRIAL, elsewhere)
    every = cutoffs.cutoffs_table(cutoffs.divide_changes(changes, markers, TRIAL, elsewhere, CHOSEN.robustness))
    marked = select_published_cuts(every, run.participants, replace(run.layout, changes=changes, analysis=elsewhere))
    panel = pipeline.pick(marked, marker=PANEL[0], visit=PANEL[2])
    assert set(panel["share_below"]) == {39 / 60}
    assert set(panel["side"]) == {"above", "below"}
    without = replace(run.layout, trial=TRIAL.model_copy(update={"cuts": []}))
    assert select_published_cuts(every, run.participants, without).empty


def test_words_begin_with_the_label_of_the_data_and_give_the_best_cutoff_as_measured_or_say_that_there_is_none(tables):
    some, none = (
        tables._replace(best_cuts=tables.best_cuts.assign(**x)) for x in ({"cut": 151.0}, {"p_best_of_both": np.nan})
    )
    for made, label, untried in ((some, LABEL, False), (none, None, True)):
        described = drawing.describe_cutoffs(made, TRIAL, ANALYSIS, CHOSEN.robustness, label, cuts={})
        words = described[f"every_cut_turnover_{PANEL[0]}"]["words"]
        assert words.startswith(f"{LABEL}. Bone turnover" if label else "Bone turnover")
        assert ("no cutoff to try" in words, " 151, P = " in words) == (untried, not untried)
        assert "in stratum" not in described["every_cut_turnover_p16_variant_1+5"]["words"]
