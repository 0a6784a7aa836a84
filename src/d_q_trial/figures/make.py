"""Lay out the figures of a study and write them, with a description of each for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError, nearest
from ..files import write_json
from ..labels import strata_named
from . import draw, style, whole
from .catalogue import Catalogue, Figure, Panel, letter
from .panels import Content, draw_panel, room
from .study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Millimetres between the edge of a panel's cell and its axes.
_LEFT, _RIGHT, _TOP, _BOTTOM = 14.5, 3.0, 9.5, 7.5
_RIGHT_AXIS = 9.5
_LEGEND, _NO_LEGEND = 5.0, 1.5  # above all panels
_ROWS_OF_N = (2.0, 3.5)  # more at the left and below
_STRATA_PER_ROW = 6  # side by side over the width of a page
_EXTRA_LINE = 2.8  # above panels with more lines than that of P


def draw_figures(
    study: Study, catalogue: Catalogue, folder: Path, *, words: Mapping[str, str], only: Sequence[str] = ()
) -> list[Path]:
    """Draw figures as PDF and PNG, and describe them in ``figures.json`` beside them.

    ``words`` are the values of the placeholders in titles and captions (see ``labels.caption_words``), ``only`` the
    keys of the figures to draw (all if empty). Returns the files, in the order of writing.
    """
    for key in only:
        if key not in catalogue.figures:
            raise UserError(f"no figure is called {key!r}{nearest(key, catalogue.figures)}")
    written: list[Path] = []
    described: dict[str, Any] = {}
    with style.settings():
        for order, (key, figure) in enumerate(catalogue.figures.items()):
            if not only or key in only:
                page, contents = build(figure, study)
                described[key] = {"order": order, **_describe(key, figure, study, page, contents, words)}
                written += page.save(folder / key, title=f"{figure.label}. {described[key]['title']}")
    write_json(described, folder / "figures.json")
    return [*written, folder / "figures.json"]


def build(figure: Figure, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw one figure; call it within ``style.settings``."""
    for kind, drawing in {"flow": whole.flow, "design": whole.design, "forest": whole.forest}.items():
        if spec := getattr(figure, kind):
            return drawing(spec, study)
    panels = figure.drawn(study.strata_labels)
    side_by_side = max(len(strata_named(panel.strata, study.strata_labels)) for panel in panels)
    columns = max(1, min(figure.columns, len(panels), _STRATA_PER_ROW // side_by_side))
    cell, high = style.WIDTH_MM / columns, figure.panel_height
    rooms = [room(panel, study, cell - _LEFT - _RIGHT) for panel in panels]
    legend = any(needed.arms_legend for needed in rooms)
    top = _LEGEND if legend else _NO_LEGEND
    page = style.Page(style.WIDTH_MM, top + -(-len(panels) // columns) * high + 1.0, study.label)
    axes, contents = [], []
    for index, (panel, needed) in enumerate(zip(panels, rooms, strict=True)):
        left, above = cell * (index % columns), top + high * (index // columns)
        indent, below = _ROWS_OF_N if needed.rows_below else (0.0, 0.0)
        head, right = _TOP + _EXTRA_LINE * needed.more_lines, _RIGHT + _RIGHT_AXIS * needed.right_axis
        size = cell - _LEFT - indent - right, high - head - _BOTTOM - below
        ax = page.axes(left + _LEFT + indent, above + head, *size)
        ax.set_gid(f"panel_{index}")
        axes.append(ax)
        contents.append(draw_panel(ax, panel, study))
        if len(panels) > 1:
            page.text(left + 1.0, above + 0.5, letter(index), weight="bold", size=style.LETTER, va="top")
        page.text(left + 5.5, above + 0.9, contents[-1].title, weight="bold", size=style.TITLE, va="top")
    if figure.by_stratum:
        _share_axes(axes, panels, contents, study)
    if legend:
        names = [arm.label for arm in (study.trial.arms.control, study.trial.arms.treated)]
        place = {"loc": "upper right", "ncols": 2, "borderaxespad": 0.2}
        page.legend(dict(zip(names, names, strict=True)), page.width - 2, 0.0, **place)
    return page, contents


def _share_axes(axes: Sequence[Axes], panels: Sequence[Panel], contents: Sequence[Content], study: Study) -> None:
    """Redraw the panels of one outcome with the same vertical axis, so that strata can be compared."""
    drawn = [(ax, panel) for ax, panel, content in zip(axes, panels, contents, strict=True) if not content.missing]
    for outcome in dict.fromkeys(panel.outcome for _, panel in drawn):
        own = [(ax, panel) for ax, panel in drawn if panel.outcome == outcome]
        for redraw in (True, False):  # drawing a panel adds room for the marks of values outside
            lows, highs = zip(*(ax.get_ylim() for ax, _ in own), strict=True)
            limits = min(lows), max(highs)
            for ax, panel in own:
                if redraw:
                    ax.clear()
                    draw_panel(ax, panel.model_copy(update={"limits": limits}), study)
                else:
                    ax.set_ylim(limits)
                    draw.name_y(ax, ax.get_ylabel())


def _describe(
    key: str, figure: Figure, study: Study, page: style.Page, contents: list[Content], words: Mapping[str, str]
) -> dict[str, Any]:
    """Return the description of a figure as JSON values: label, title, caption, files, and its result in words."""
    letters = [letter(index) for index in range(len(contents))] if len(contents) > 1 else [""]
    panels = [{"letter": own, **content._asdict()} for own, content in zip(letters, contents, strict=True)]
    title, caption = figure.texts(words, study.strata_labels, study.trial)
    if any(str(line.get_label()).startswith(draw.BEYOND) for ax in page.figure.axes for line in ax.lines):
        caption += " Triangles at the edge mark values outside the axis."
    return {
        "label": figure.label,
        "title": title,
        "caption": caption,
        "files": {"pdf": f"{key}.pdf", "png": f"{key}.png"},
        "width_mm": style.WIDTH_MM,
        "words": " ".join(", ".join(filter(None, (panel["letter"], panel["words"]))) for panel in panels),
        "panels": panels,
        "data_label": page.label,
    }
