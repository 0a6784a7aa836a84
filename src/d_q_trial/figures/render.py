"""Lay out the figures of a study and write them, with a description of each for the report."""

import math
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError, did_you_mean
from ..files import copy_file, read_json, write_json
from ..results_table import ALL_PARTICIPANTS
from . import diagrams, style
from .catalogue import Catalogue, Figure, letter
from .panels import BEYOND, Content, View
from .study import Study

# Millimetres between the edge of a panel's cell and its axes.
_LEFT, _RIGHT, _TOP, _BOTTOM = 15.5, 3.0, 9.5, 7.5
_LOWEST = 20.0  # axes, in panels that are higher than the list says if they have much text
_RIGHT_AXIS = 12.0
_LEGEND, _NO_LEGEND = 5.0, 1.5  # above all panels
_SIZES = 3.5  # further room below time courses, for the label of n
_EXTRA_LINE = 2.8  # above panels, for each line of text above that of P
_LINES_PER_BRACKET = 2  # of strata, above the first
_STRATA_PER_ROW = 6  # strata of two arms, side by side over the width of a page
_COURSE = 3  # strata that are as wide as a time course of up to so many visits, with P at each


def draw_figures(
    study: Study, catalogue: Catalogue, folder: Path, *, only: Sequence[str] = (), twin: Path | None = None
) -> list[Path]:
    """Draw figures as PDF and PNG, and describe them in ``figures.json`` in the same folder.

    ``only`` are the keys of the figures to draw (all if empty); the descriptions of the others in the file are kept.
    ``twin`` is the folder of the figures of an analysis that differs in marker and strata alone; figures that do not depend
    on these are copied. Returns the files as written.
    """
    written, marker, descriptions = [], study.analysis.marker, folder / "figures.json"
    described = read_json(descriptions) if only and descriptions.exists() else {}
    twin_figures = read_json(twin / "figures.json") if twin else {}
    with style.journal_style():
        for key in only or catalogue.figures:
            if not (figure := catalogue.figures.get(key)):
                raise UserError(f"no figure is called {key!r}{did_you_mean(key, catalogue.figures)}")
            title, caption = figure.texts(study.analysis, study.trial)
            markers = {"markers": sorted({panel.marker or marker for panel in figure.panels} or {marker})}
            if key in twin_figures and not figure.depends_on_strata and twin_figures[key]["title"] == title:
                described[key] = twin_figures[key] | markers
                written += [copy_file(twin / file, folder / file) for file in twin_figures[key]["files"].values()]
                continue
            page, contents = lay_out_figure(figure, study)
            lettered = [(letter(index) if len(contents) > 1 else "", content) for index, content in enumerate(contents)]
            if any(str(line.get_label()).startswith(BEYOND) for ax in page.figure.axes for line in ax.lines):
                caption += " Triangles at the edge mark values outside the axis."
            reported = {row["arm"] for row in study.flow if figure.flow}
            if hidden := [arm.label for arm in study.trial.arms.others if arm.key in reported]:
                caption += f" Not shown: reported numbers of arms that are not analysed ({', '.join(hidden)})."
            described[key] = markers | {
                "order": list(catalogue.figures).index(key),
                "label": figure.label,
                "title": title,
                "caption": caption,
                "files": {"pdf": f"{key}.pdf", "png": f"{key}.png"},
                "words": " ".join(", ".join(filter(None, (name, content.words))) for name, content in lettered),
                "panels": [{"letter": name, **content._asdict()} for name, content in lettered],
                "data_label": page.label,
            }
            written += page.save(folder / key, title=f"{figure.label}. {title}")
    write_json({key: described[key] for key in catalogue.figures if key in described}, descriptions)
    return [*written, descriptions]


def lay_out_figure(figure: Figure, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw one figure on a page; call it within ``style.journal_style``."""
    diagram_pages = {"flow": diagrams.draw_flow, "design": diagrams.draw_design, "forest": diagrams.draw_forest}
    for kind, draw_page in diagram_pages.items():
        if spec := getattr(figure, kind):
            return draw_page(spec, study)
    views = [View(panel, study) for panel in figure.expand_panels(study.analysis.strata.labels)]
    across = [len(v.strata) / (2 if v.panel.kind == "strata" else 1) for v in views]
    across += [max(_COURSE, len(v.outcome.follow_up)) for v in views if v.panel.kind == "time_course"]
    columns = max(1, min(figure.columns, len(views), int(_STRATA_PER_ROW / max(across))))
    cell_width = style.WIDTH_MM / columns
    bold, title_width = (style.TITLE, "bold"), cell_width - 6.5
    titles = [style.wrap_text(style.truncate(v.title, 4 * title_width, *bold), title_width, *bold) for v in views]
    widths = [cell_width - _LEFT - _RIGHT - _RIGHT_AXIS * (view.panel.kind == "estimation") for view in views]
    needs_legend = any(view.needs_legend(width) for view, width in zip(views, widths, strict=True))
    axes, contents, margins = [], [], []  # margins: above and below the axes of each panel
    for view, width in zip(views, widths, strict=True):
        kind, lines = view.panel.kind, max(text.count("\n") for text in titles)
        bottom = _BOTTOM + _SIZES * (kind == "time_course")
        if kind == "strata":
            room = width / (len(view.strata) + 0.2) - 1
            bottom += 2.6 * max(style.wrap_text(name, room).count("\n") for name in view.strata)
            lines += _LINES_PER_BRACKET * max(0, len(view.strata) - 2)
        elif kind == "arms" and view.strata != [ALL_PARTICIPANTS]:
            lines += 1  # names of the strata
        margins.append((_TOP + _EXTRA_LINE * lines, bottom))
    cell_height = max(figure.panel_height, _LOWEST + max(map(sum, margins)))
    top = _LEGEND if needs_legend else _NO_LEGEND
    page = style.Page(style.WIDTH_MM, top + math.ceil(len(views) / columns) * cell_height + 1.0, study.label)
    for index, (view, title, (header, bottom)) in enumerate(zip(views, titles, margins, strict=True)):
        cell_left, cell_top = cell_width * (index % columns), top + cell_height * (index // columns)
        axes.append(page.axes(cell_left + _LEFT, cell_top + header, widths[index], cell_height - header - bottom))
        contents.append(view.draw(axes[-1]))
        if len(views) > 1:
            page.text(cell_left + 1.0, cell_top + 0.5, letter(index), weight="bold", size=style.LETTER, va="top")
        page.text(cell_left + 5.5, cell_top + 0.9, title, weight="bold", size=style.TITLE, va="top")
    drawn = [(a, v) for a, v, content in zip(axes, views, contents, strict=True) if not content.missing]
    for ax, view in drawn if figure.by_stratum else ():
        # Panels of one outcome and measure have the same vertical axis, so that strata can be compared.
        lows, highs = zip(*(a.get_ylim() for a, v in drawn if v.key[:2] == view.key[:2]), strict=True)
        view.limits = min(lows), max(highs)
        if ax.get_ylim() != view.limits:
            ax.clear()
            view.draw(ax)
    if needs_legend:
        labels = {arm.label: arm.label for arm in (study.trial.arms.control, study.trial.arms.treated)}
        page.legend(labels, page.width - 2, 0.0, loc="upper right", ncols=2, borderaxespad=0.2)
    return page, contents
