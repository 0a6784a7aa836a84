import json
import re

import pytest
from figure_samples import LABEL, TRIAL, WORDS, number, point, study
from matplotlib.text import Text
from PIL import Image

from d_q_trial.errors import UserError
from d_q_trial.figures import make, style
from d_q_trial.figures.catalogue import Catalogue, Figure, Panel, load_catalogue
from d_q_trial.results_table import Numbers

CATALOGUE = load_catalogue("data/figures.yaml", TRIAL)
SMALL = Catalogue(
    figures={
        "figure_3": Figure(
            label="Fig. 3", title="{change}", caption="{test}", columns=2,
            panels=[
                Panel(kind="arms", outcome="ctx", visit="week_20"),
                Panel(kind="time_course", outcome="ctx", strata=["highest"]),
            ],
        )
    }
)  # fmt: skip
FLOW = [
    {"step": "screened", "arm": "", "count": "177", "text": "screened"},
    {"step": "allocated", "arm": "d_q", "count": "30", "text": ""},
    {"step": "withdrew", "arm": "d_q", "count": "1", "text": "left after week 2"},
]


def built(key, label=LABEL, flow=FLOW):
    with style.settings():
        return make.build(CATALOGUE.figures[key], study(label, flow))


def all_texts(page):
    return [text for text in page.figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("key", [key for key in CATALOGUE.figures if key != "figure_2"])
def test_synthetic_data_are_labelled_on_every_figure_that_shows_data(key):
    page, _ = built(key)
    (label,) = [text for text in all_texts(page) if text.get_gid() == "label"]
    assert label.get_text() == LABEL
    assert label.get_fontsize() >= 7


@pytest.mark.parametrize(("key", "label"), [*((key, None) for key in CATALOGUE.figures), ("figure_2", LABEL)])
def test_real_data_and_a_design_without_data_carry_no_label(key, label):
    page, _ = built(key, label=label)
    assert not [text for text in all_texts(page) if "ynthetic" in text.get_text()]


@pytest.mark.parametrize("key", CATALOGUE.figures)
def test_figures_have_journal_width_and_a_letter_per_panel(key):
    page, contents = built(key)
    assert page.figure.get_figwidth() * 25.4 == pytest.approx(183)
    letters = [text.get_text() for text in page.figure.texts if re.fullmatch("[a-z]", text.get_text())]
    assert letters == ([chr(97 + i) for i in range(len(contents))] if len(contents) > 1 else [])


@pytest.mark.parametrize("key", ["figure_1", "figure_2"])
def test_no_text_of_a_schematic_is_cut_off_or_overlaps(key):
    with style.settings():
        page, _ = make.build(CATALOGUE.figures[key], study(LABEL, FLOW))
        page.figure.set_dpi(style.PNG_DPI)
        page.figure.draw_without_rendering()
        boxes = [(text.get_text(), text.get_window_extent()) for text in all_texts(page) if text.get_visible()]
    for name, box in boxes:
        assert box.x0 >= 0, name
        assert box.y0 >= 0, name
        assert box.x1 <= page.figure.bbox.x1, name
        assert box.y1 <= page.figure.bbox.y1, name
    for index, (name, box) in enumerate(boxes):
        assert not [other for other, area in boxes[:index] if box.overlaps(area)], name


def test_the_flow_tells_reported_from_counted_numbers():
    page, (shown,) = built("figure_1")
    written = [text.get_text() for text in all_texts(page)]
    assert "n = 177" in written
    assert "n = 6 (30 allocated, as reported)" in written
    assert "n = 5" in written
    assert "Fisetin, n = 1" in written
    assert "D+Q CTx 20 weeks: n = 106" in shown.words
    assert "Dashed boxes: as reported in the article. Other boxes: counted in the workbook." in written


def test_the_flow_needs_nothing_reported():
    page, _ = built("figure_1", flow=())
    assert not [text for text in all_texts(page) if "reported" in text.get_text() or "Screened" in text.get_text()]


def test_the_design_follows_the_visits_of_the_trial():
    page, (shown,) = built("figure_2")
    (ax,) = page.figure.axes
    dots = {line.get_label(): list(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"}
    assert dots["Bone turnover markers: CTx, P1NP"] == [0, 2, 4, 20]
    starts = sorted(patch.get_x() for patch in ax.patches)
    assert starts == sorted([0, 4, 8, 12, 16] * 2)
    assert "Control: no treatment" in shown.words


def test_files_hold_the_label_and_neither_clock_nor_version(tmp_path):
    make.draw_figures(study(), SMALL, tmp_path, words=WORDS)
    pdf, png = (tmp_path / "figure_3.pdf").read_bytes(), Image.open(tmp_path / "figure_3.png")
    assert b"CreationDate" not in pdf
    assert b"Matplotlib" not in pdf
    assert LABEL.replace("'", "").encode() in pdf.replace(b"'", b"") or LABEL.encode("utf-16-be") in pdf
    assert png.text["Description"] == LABEL
    assert "Software" not in png.text
    assert b"/CIDFontType2" in pdf  # TrueType, so text stays text
    assert b"/Subtype /Type3" not in pdf


def test_files_from_real_data_do_not_hold_the_label(tmp_path):
    make.draw_figures(study(None), SMALL, tmp_path, words=WORDS)
    assert b"ynthetic" not in (tmp_path / "figure_3.pdf").read_bytes()
    assert "Description" not in Image.open(tmp_path / "figure_3.png").text
    assert json.loads((tmp_path / "figures.json").read_text())["figure_3"]["data_label"] is None


def test_drawing_twice_gives_the_same_bytes(tmp_path):
    first = make.draw_figures(study(), SMALL, tmp_path / "first", words=WORDS)
    second = make.draw_figures(study(), SMALL, tmp_path / "second", words=WORDS)
    assert [path.name for path in first] == ["figure_3.pdf", "figure_3.png", "figures.json"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_the_description_names_files_and_results(tmp_path):
    make.draw_figures(study(), SMALL, tmp_path, words=WORDS)
    figure = json.loads((tmp_path / "figures.json").read_text())["figure_3"]
    assert figure["title"] == "Percent change"
    assert figure["caption"].startswith("rank-sum test")
    assert figure["files"] == {"pdf": "figure_3.pdf", "png": "figure_3.png"}
    assert [panel["letter"] for panel in figure["panels"]] == ["a", "b"]
    assert figure["words"].startswith("a, CTx, 20 weeks. D+Q median 17.7%")


def test_a_caption_mentions_triangles_only_where_some_are_drawn(tmp_path):
    make.draw_figures(study(), SMALL, tmp_path, words=WORDS)
    plain = study(changes=[point("c", "control", "ctx", 1.0, "week_20")])
    make.draw_figures(plain, SMALL, tmp_path / "plain", words=WORDS)
    with_triangle, without = (
        json.loads((folder / "figures.json").read_text())["figure_3"]["caption"]
        for folder in (tmp_path, tmp_path / "plain")
    )
    assert with_triangle == "rank-sum test Triangles at the edge mark values outside the axis."
    assert without == "rank-sum test"


@pytest.mark.parametrize(("count", "columns"), [(2, 3), (3, 2), (5, 1)])
def test_panels_with_many_strata_are_wider(count, columns):
    labels = tuple(f"s{number}" for number in range(count))
    with style.settings():
        page, _ = make.build(CATALOGUE.figures["figure_5"], study(strata_labels=labels))
    assert len({round(ax.get_position().x0, 3) for ax in page.figure.axes}) == columns


def test_panels_of_one_outcome_share_their_axis_over_the_strata():
    rows = []
    for stratum, median in (("T3", 80.0), ("T1/T2", 5.0)):
        where = {"marker": "p16_variant_5", "stratum": stratum, "group": "d_q"}
        for statistic, value in {"n": 9, "median": median, "q1": median - 1, "q3": median + 1}.items():
            rows += [number(key, "percent_change", "week_2", statistic, value, **where) for key in ("ctx", "p1np")]
    with style.settings():
        page, _ = make.build(CATALOGUE.figures["figure_4"], study(numbers=Numbers(rows)))
    limits = [ax.get_ylim() for ax in page.figure.axes]
    assert limits[0] == limits[2]
    assert limits[0][1] > 80


def test_an_unknown_figure_is_named(tmp_path):
    with pytest.raises(UserError, match="did you mean 'figure_3'"):
        make.draw_figures(study(), SMALL, tmp_path, words=WORDS, only=["figure3"])


def test_no_text_overlaps_in_panels_of_points():
    page, _ = built("figure_3")
    (ax, *_) = page.figure.axes
    page.figure.draw_without_rendering()
    shown = [t for t in ax.findobj(Text) if t.get_text() and t.get_visible()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    for index, (name, box) in enumerate(boxes):
        assert not [other for other, area in boxes[:index] if box.overlaps(area)], name
