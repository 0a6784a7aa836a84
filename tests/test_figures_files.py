"""Pages and files of figures: labels, letters, layout, and bytes that are the same at every run."""

import json
import re

import pytest
from figure_samples import LABEL, TRIAL, WORDS, numbers, point, study
from matplotlib.text import Text
from PIL import Image

from d_q_trial.errors import UserError
from d_q_trial.figures import make, style
from d_q_trial.figures.catalogue import Catalogue, Figure, Panel, catalogue_of
from d_q_trial.results_table import Numbers

CATALOGUE = catalogue_of("data/figures.yaml", TRIAL)
ARMS = Panel(kind="arms", outcome="ctx", visit="week_20")
PANELS = [ARMS, Panel(kind="time_course", outcome="ctx", strata=["highest"])]
SMALL = Catalogue(figures={"figure_3": Figure(label="Fig. 3", title="{change}", caption="{test}", panels=PANELS)})
FLOW = [("screened", "", "177", "screened"), ("allocated", "d_q", "30", "")]
FLOW += [("withdrew", "d_q", "1", "left after week 2")]
FLOW = [dict(zip(("step", "arm", "count", "text"), row, strict=True)) for row in FLOW]


def built(key, label=LABEL, flow=FLOW, **changed):
    with style.settings():
        return make.build(CATALOGUE.figures[key], study(label, flow, **changed))


def all_texts(page):
    return [text for text in page.figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("key", CATALOGUE.figures)
def test_figures_have_journal_width_a_letter_per_panel_and_the_label_of_data_that_they_show(key):
    page, contents = built(key)
    assert page.figure.get_figwidth() * 25.4 == pytest.approx(183)
    letters = [text.get_text() for text in page.figure.texts if re.fullmatch("[a-z]", text.get_text())]
    assert letters == ([chr(97 + i) for i in range(len(contents))] if len(contents) > 1 else [])
    labels = [text for text in all_texts(page) if text.get_gid() == "label"]
    assert [text.get_text() for text in labels] == ([] if key == "figure_2" else [LABEL])
    assert all(text.get_fontsize() >= 7 for text in labels)
    real, _ = built(key, label=None)
    assert not [text for text in all_texts(real) if "ynthetic" in text.get_text()]


def test_the_flow_tells_reported_from_counted_numbers_and_needs_nothing_reported():
    page, (shown,) = built("figure_1")
    written = {text.get_text() for text in all_texts(page)}
    assert {"n = 177", "n = 6 (30 allocated, as reported)", "n = 5", "Fisetin, n = 1", "1 left after week 2"} <= written
    assert "Dashed boxes: as reported in the article. Other boxes: counted in the workbook." in written
    assert "D+Q CTx 20 weeks: n = 106" in shown.words
    page, _ = built("figure_1", flow=())
    assert not [text for text in all_texts(page) if "reported" in text.get_text() or "Screened" in text.get_text()]


def test_the_design_follows_the_visits_of_the_trial():
    page, (shown,) = built("figure_2")
    (ax,) = page.figure.axes
    dots = {line.get_label(): list(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"}
    assert dots["Bone turnover markers: CTx, P1NP"] == [0, 2, 4, 20]
    assert sorted(patch.get_x() for patch in ax.patches) == sorted([0, 4, 8, 12, 16] * 2)
    assert "Control: no treatment" in shown.words


@pytest.mark.parametrize("label", [LABEL, None])
def test_files_hold_the_label_of_synthetic_data_and_neither_clock_nor_version(tmp_path, label):
    files = make.draw_figures(study(label), SMALL, tmp_path, words=WORDS)
    assert [path.name for path in files] == ["figure_3.pdf", "figure_3.png", "figures.json"]
    pdf, png = files[0].read_bytes(), Image.open(files[1])
    for absent in (b"CreationDate", b"Matplotlib", b"/Subtype /Type3", *([] if label else [b"ynthetic"])):
        assert absent not in pdf
    assert b"/CIDFontType2" in pdf  # TrueType, so text stays text
    if label:
        assert label.replace("'", "").encode() in pdf.replace(b"'", b"") or label.encode("utf-16-be") in pdf
    assert png.text.get("Description") == label
    assert "Software" not in png.text
    figure = json.loads(files[2].read_text())["figure_3"]
    assert (figure["title"], figure["data_label"]) == ("Percent change", label)
    assert figure["files"] == {"pdf": "figure_3.pdf", "png": "figure_3.png"}
    assert [panel["letter"] for panel in figure["panels"]] == ["a", "b"]
    assert figure["words"].startswith("a, CTx, 20 weeks. D+Q median 17.7%")
    again = make.draw_figures(study(label), SMALL, tmp_path / "again", words=WORDS)
    assert [path.read_bytes() for path in files] == [path.read_bytes() for path in again]


@pytest.mark.parametrize("outside", [True, False])
def test_a_caption_mentions_triangles_only_where_some_are_drawn(tmp_path, outside):
    data = study() if outside else study(changes=[point("c", "control", "ctx", 1.0, "week_20")])
    make.draw_figures(data, SMALL, tmp_path, words=WORDS)
    caption = json.loads((tmp_path / "figures.json").read_text())["figure_3"]["caption"]
    assert caption == "rank-sum test" + " Triangles at the edge mark values outside the axis." * outside


@pytest.mark.parametrize(("count", "columns"), [(2, 3), (3, 2), (5, 1)])
def test_panels_with_many_strata_are_wider(count, columns):
    page, _ = built("figure_5", strata_labels=tuple(f"s{number}" for number in range(count)))
    assert len({round(ax.get_position().x0, 3) for ax in page.figure.axes}) == columns


@pytest.mark.parametrize(
    ("key", "visit", "columns"), [("figure_4", "week_2", 2), ("estimation_figure_5", "week_20", 3)]
)
def test_panels_of_one_outcome_share_their_axis_over_the_strata(key, visit, columns):
    rows, outcomes = [], [panel.outcome for panel in CATALOGUE.figures[key].panels]
    for stratum, median in (("T3", 80.0), ("T1/T2", 5.0)):
        for group in ("d_q", "control"):
            where = {"marker": "p16_variant_5", "stratum": stratum, "group": group}
            found = {"n": 9, "median": median, "q1": median - 1, "q3": median + 1}
            rows += [row for name in outcomes for row in numbers((name, "percent_change", visit), found, **where)]
    page, _ = built(key, numbers=Numbers(rows))
    limits = [ax.get_ylim() for ax in page.figure.axes[: 2 * columns]]
    assert limits[0] == limits[columns]
    assert limits[0][1] > 80


def test_an_unknown_figure_is_named(tmp_path):
    with pytest.raises(UserError, match="did you mean 'figure_3'"):
        make.draw_figures(study(), SMALL, tmp_path, words=WORDS, only=["figure3"])
