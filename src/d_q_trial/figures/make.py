"""Lay out the figures of a study and write them, with a description of each for the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError, did_you_mean
from ..files import copy_file, write_json
from ..labels import caption_words
from . import draw, style, whole
from .catalogue import Catalogue, Figure, letter
from .panels import Content, View
from .study import Study

# Millimetres between the edge of a panel's cell and its axes.
_LEFT, _RIGHT, _TOP, _BOTTOM = 15.5, 3.0, 9.5, 7.5
_RIGHT_AXIS = 12.0
_LEGEND, _NO_LEGEND = 5.0, 1.5  # above all panels
_ROWS_OF_N = (2.0, 3.5)  # more at the left and below
_STRATA_PER_ROW = 6  # of two arms, side by side over the width of a page
_COURSE = 3  # strata that take the width of a course, with P at every visit
_EXTRA_LINE = 2.8  # above panels with more lines than that of P


def draw_figures(
    study: Study, catalogue: Catalogue, folder: Path, *, only: Sequence[str] = (), twin: Path | None = None
) -> list[Path]:
    """Draw figures as PDF and PNG, and describe them in ``figures.json`` beside them.

    ``only`` are the keys of the figures to draw (all if empty). ``twin`` is the folder of the figures of an analysis that
    differs in marker and strata alone: those without strata are copied. Returns the files, in the order of writing.
    """
    written, described, marker = [], {}, study.analysis.marker
    words = caption_words(study.trial, study.analysis)
    drawn = json.loads((twin / "figures.json").read_bytes()) if twin else {}
    with style.journal_style():
        for key in only or catalogue.figures:
            if not (figure := catalogue.figures.get(key)):
                raise UserError(f"no figure is called {key!r}{did_you_mean(key, catalogue.figures)}")
            title, caption = figure.texts(words, study.analysis, study.trial)
            markers = {"markers": sorted({panel.marker or marker for panel in figure.panels} or {marker})}
            if key in drawn and not figure.has_strata and drawn[key]["title"] == title:
                described[key] = drawn[key] | markers
                written += [copy_file(twin / file, folder / file) for file in drawn[key]["files"].values()]
                continue
            page, contents = build(figure, study)
            lettered = [(letter(place) if len(contents) > 1 else "", shown) for place, shown in enumerate(contents)]
            if any(str(line.get_label()).startswith(draw.BEYOND) for ax in page.figure.axes for line in ax.lines):
                caption += " Triangles at the edge mark values outside the axis."
            described[key] = markers | {
                "order": list(catalogue.figures).index(key),
                "label": figure.label,
                "title": title,
                "caption": caption,
                "files": {"pdf": f"{key}.pdf", "png": f"{key}.png"},
                "words": " ".join(", ".join(filter(None, (own, shown.words))) for own, shown in lettered),
                "panels": [{"letter": own, **shown._asdict()} for own, shown in lettered],
                "data_label": page.label,
            }
            written += page.save(folder / key, title=f"{figure.label}. {title}")
    write_json(described, folder / "figures.json")
    return [*written, folder / "figures.json"]


def build(figure: Figure, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw one figure; call it within ``style.settings``."""
    for kind, drawing in {"flow": whole.draw_flow, "design": whole.draw_design, "forest": whole.draw_forest}.items():
        if spec := getattr(figure, kind):
            return drawing(spec, study)
    views = [View(panel, study) for panel in figure.drawn(study.analysis.strata.labels)]
    wide = [{"time_course": _COURSE, "strata": len(v.strata) / 2}.get(v.panel.kind, len(v.strata)) for v in views]
    columns = max(1, min(figure.columns, len(views), int(_STRATA_PER_ROW / max(wide))))
    cell, high, bold = style.WIDTH_MM / columns, figure.panel_height, (style.TITLE, "bold")
    titles = [style.wrap_text(style.truncate(v.title, 4 * (cell - 6.5), *bold), cell - 6.5, *bold) for v in views]
    lines = max(title.count("\n") for title in titles)
    rights = [_RIGHT + _RIGHT_AXIS * (view.panel.kind == "estimation") for view in views]
    legend = any(view.needs_legend(cell - _LEFT - right) for view, right in zip(views, rights, strict=True))
    top = _LEGEND if legend else _NO_LEGEND
    page = style.Page(style.WIDTH_MM, top + -(-len(views) // columns) * high + 1.0, study.label)
    axes, contents = [], []
    for index, view in enumerate(views):
        left, above = cell * (index % columns), top + high * (index // columns)
        indent, below = _ROWS_OF_N if view.panel.kind == "time_course" else (0.0, 0.0)
        if view.panel.kind == "strata":
            room = (cell - _LEFT - rights[index]) / (len(view.strata) + 0.2) - 1
            below = 2.6 * max(style.wrap_text(name, room).count("\n") for name in view.strata)
        head = _TOP + _EXTRA_LINE * (view.extra_lines + lines)
        size = cell - _LEFT - indent - rights[index], high - head - _BOTTOM - below
        axes.append(page.axes(left + _LEFT + indent, above + head, *size))
        contents.append(view.draw(axes[-1]))
        if len(views) > 1:
            page.text(left + 1.0, above + 0.5, letter(index), weight="bold", size=style.LETTER, va="top")
        page.text(left + 5.5, above + 0.9, titles[index], weight="bold", size=style.TITLE, va="top")
    shared = [(a, v) for a, v, c in zip(axes, views, contents, strict=True) if figure.by_stratum and not c.missing]
    for ax, view in shared:  # panels of one outcome have the same vertical axis, so that strata can be compared
        lows, highs = zip(*(a.get_ylim() for a, v in shared if v.panel.outcome == view.panel.outcome), strict=True)
        view.limits = min(lows), max(highs)
        if ax.get_ylim() != view.limits:
            ax.clear()
            view.draw(ax)
    if legend:
        names = {arm.label: arm.label for arm in (study.trial.arms.control, study.trial.arms.treated)}
        page.legend(names, page.width - 2, 0.0, loc="upper right", ncols=2, borderaxespad=0.2)
    return page, contents
