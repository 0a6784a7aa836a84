"""The picture of every cut: its lines are the numbers of the tables. And the command that writes both."""

import json
import subprocess
import sys

import analysis_folder
import numpy as np
import pipeline
import pytest

from d_q_trial.config import settings
from d_q_trial.figures import cutoff_pages, style
from d_q_trial.figures import cutoff_words as describe
from d_q_trial.figures import cutoffs as drawing
from d_q_trial.files import read_csv
from d_q_trial.formatting import p_digits
from d_q_trial.robustness import best_cuts, cutoffs
from d_q_trial.robustness.cut_tables import CutTables
from d_q_trial.robustness.own_cut import article_cuts
from d_q_trial.strata import marker_values
from d_q_trial.trial import load_trial

TRIAL = load_trial("data/trial.yaml")
PANEL = ("p16_variant_5", "p1np", "week_2")


@pytest.fixture(scope="module")
def tables():
    run, chosen = pipeline.of_config(), settings.load("tests/config.yaml")
    changes = run.changes[run.changes["outcome"].isin(["ctx", "p1np"])]
    analysis = chosen.analyses["published"]
    markers = marker_values(run.participants, run.trial, analysis)
    found = cutoffs.slices(changes, markers, run.trial, analysis, chosen.robustness)
    every = cutoffs.cutoffs_table(found)
    return CutTables(
        every,
        cutoffs.windows_table(found),
        best_cuts.best_cuts(found, run.trial, chosen.robustness),
        article_cuts(every, run.participants, changes, run.trial, analysis),
    )


@pytest.fixture
def axes():
    with style.settings():
        yield style.Page(89, 60).axes(15, 5, 60, 40)


def _line(ax, label):
    (line,) = (line for line in ax.lines if line.get_label() == label)
    return line.get_xydata()


@pytest.mark.parametrize("side", ["above", "below"])
def test_a_line_is_not_the_shift_or_p_of_its_side(tables, axes, side):
    panel = tables.of(*PANEL)
    rows = panel.cutoffs[panel.cutoffs["side"].eq(side)]
    drawing.draw_shifts(axes, panel, (-100, 100))
    np.testing.assert_array_equal(_line(axes, side), rows[["share_below", "hodges_lehmann"]].to_numpy(float))
    axes.clear()
    drawing.draw_p(axes, panel, 0.05, 0.0001)
    np.testing.assert_array_equal(_line(axes, side), rows[["share_below", "p"]].to_numpy(float))
    assert axes.get_yscale() == "log"
    assert (_line(axes, "alpha")[:, 1] == 0.05).all()
    best = panel.best[panel.best["side"].eq(side)]
    assert _line(axes, f"best {side}")[:, 1] == pytest.approx(best["p"].to_numpy(float))


def test_the_windows_are_not_those_of_the_table(tables, axes):
    panel = tables.of(*PANEL)
    drawing.draw_windows(axes, panel, (-100, 100))
    np.testing.assert_array_equal(
        _line(axes, "windows"), panel.windows[["share_below", "hodges_lehmann"]].to_numpy(float)
    )
    (bars,) = (c for c in axes.collections if c.get_label() == "interval")
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_array_equal(ends, panel.windows[["lower", "upper"]].to_numpy(float))


def test_the_cut_of_the_analysis_is_marked_elsewhere(tables, axes):
    panel = tables.of(*PANEL)
    drawing._along(axes, panel, 2, named=True)
    # 39 of the 60 women lie below the upper tertile, for 21 lie at or above it.
    assert {x for x, _ in _line(axes, "marked cut")} == {39 / 60}


def test_the_words_of_a_panel_hide_what_the_search_costs(tables):
    panel = tables.of(*PANEL)
    best = panel.best_of_both()
    words = drawing._best_words(panel, 2)
    assert f"corrected {p_digits(best.p_best_of_both)}, in family {p_digits(best.p_best_of_family)}" in words
    assert best.p < best.p_best_of_both < best.p_best_of_family


def test_a_family_that_does_not_fit_on_a_page_has_a_figure():
    assert {family for family, _ in cutoff_pages.figures(TRIAL).values()} == {"turnover", "bmd"}
    (only,) = cutoff_pages.figures(load_trial("data/pbc/trial.yaml"))
    assert only == "every_cut_laboratory_urine_copper"


def _run(folder, output):
    """Both steps; what they said is put together."""
    people = str(folder.parent / "workbook")
    said = ""
    for arguments in (["cutoffs", people, folder, output], ["robustness", folder, output, "--participants", people]):
        command = [sys.executable, "-m", "d_q_trial", *map(str, arguments)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        said += run.stderr
        assert run.returncode == 0, said
    return said


def test_the_command_leaves_out_a_file_or_writes_other_bytes_the_next_time(tmp_path):
    folder = analysis_folder.write(tmp_path)
    for output in ("one", "two"):
        assert "permutations" in _run(folder, tmp_path / output)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / o).iterdir()} for o in ("one", "two"))
    assert one == two
    described = json.loads(one["robustness.json"])
    pictures = {name.removesuffix(".png") for name in one if name.endswith(".png")}
    assert pictures == set(cutoff_pages.figures(TRIAL)) == set(described)
    for name in pictures:
        assert b"Synthetic data" in one[f"{name}.png"]
        assert "Synthetic data" in described[name]["words"]
        assert "pointwise" in described[name]["caption"]


def test_an_analysis_without_markers_ends_in_an_error(tmp_path):
    folder = analysis_folder.write(tmp_path)
    strata, people = folder / "strata.csv", tmp_path / "workbook/participants.csv"
    strata.write_text(strata.read_text().split("\n", 1)[0] + "\n")
    lines = people.read_text().splitlines(keepends=True)
    people.write_text("".join(line for line in lines if ",p16_" not in line))
    _run(folder, tmp_path / "out")
    best = read_csv(tmp_path / "out/best_cuts.csv")
    assert set(best["reason"]) == {cutoffs.NO_MARKER}
    assert len(best) == 180
    assert (tmp_path / "out/cutoffs.csv").read_text() == ",".join([*cutoffs.CUTOFFS, "data"]) + "\n"
    assert len(list((tmp_path / "out").glob("*.png"))) == 4


def test_the_mark_of_the_article_moves_with_the_cut_of_the_analysis_or_with_where_ties_go():
    run, analysis = pipeline.of_config(), settings.load("tests/config.yaml").analyses["published"]
    changes = run.changes[run.changes["outcome"].eq("p1np")]
    for rule in ({"cuts": [0.5]}, {"cuts": [0.3, 0.6], "labels": ["a", "b", "c"]}, {"at_cut": "lower"}):
        elsewhere = analysis.model_copy(update={"strata": settings.StrataRule(**rule)})
        markers = marker_values(run.participants, TRIAL, elsewhere)
        found = cutoffs.slices(changes, markers, TRIAL, elsewhere, settings.load("tests/config.yaml").robustness)
        every = cutoffs.cutoffs_table(found)
        marked = article_cuts(every, run.participants, changes, TRIAL, elsewhere)
        panel = marked[marked["marker"].eq(PANEL[0]) & marked["visit"].eq(PANEL[2])]
        assert set(panel["share_below"]) == {39 / 60}
        assert set(panel["side"]) == {"above", "below"}


def test_a_trial_that_states_no_cut_gets_a_mark(tables):
    run, analysis = pipeline.of_config(), settings.load("tests/config.yaml").analyses["published"]
    trial = TRIAL.model_copy(update={"cuts": []})
    assert article_cuts(tables.cutoffs, run.participants, run.changes, trial, analysis).empty


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ("1.355", "This analysis cuts at 1.355 AU."),
        ("0.8; 1.2", "This analysis cuts at 0.800 and 1.200 AU."),
        ("column group", "This analysis takes its strata from the column group of the workbook."),
    ],
)
def test_the_caption_does_not_say_where_the_analysis_cuts(tables, cut, said):
    chosen = settings.load("tests/config.yaml")
    analysis = chosen.analyses["published"]
    words = describe.describe(tables, TRIAL, analysis, chosen.robustness, None, cuts={PANEL[0]: cut})
    assert words[f"every_cut_turnover_{PANEL[0]}"]["caption"].endswith(f"Dotted: the cut of the article. {said}")
    assert words["every_cut_turnover_p16_variant_1+5"]["caption"].endswith("Dotted: the cut of the article.")
