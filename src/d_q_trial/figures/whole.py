"""Figures that are drawn as a whole: the flow of participants, the design of the trial, and forest plots."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from .. import labels
from ..formatting import interval, number, p_digits
from ..results_table import ALL_PARTICIPANTS, group_keys
from ..trial import BASELINE, Arm
from . import draw, style
from .catalogue import Design, Flow, Forest
from .panels import Content
from .study import Study
from .words import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Millimetres.
_LINE, _MARGIN = 3.1, 1.2  # from one line of a box to the next, and around them
_PITCH, _NAMES = 3.6, 30.0  # of the rows of a table, and the width of its first column
_ARROW = 4.0
_WIDE, _NARROW, _SIDE = 84.0, 60.0, 44.0  # boxes of an arm, above the arms, and of arms that are not compared
_ROW, _GAP, _LEFT, _RIGHT = 6.4, 5.0, 54.0, 6.0  # of the design

_STROKE = {"color": style.INK, "linewidth": 0.7}
_REPORTED = {"linestyle": (0, (3, 2))}
_FOOTNOTE = "Dashed boxes: as reported in the article. Other boxes: counted in the workbook."


def flow(spec: Flow, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the flow of participants: dashed boxes are reported in the article, others counted in the workbook."""
    arms, enrolled = study.trial.arms, study.enrolled
    pair = (arms.control, arms.treated)
    screened = [f"n = {row['count']}" for row in study.flow if row["step"] == "screened"][:1]
    left: dict[str, list[str]] = {arm.key: [] for arm in pair}
    for row in study.flow:
        if row["step"] in ("withdrew", "left_treatment") and row["arm"] in left:
            left[row["arm"]].append(f"{row['count']} {row['text']}")
    most_left, table = max(map(len, left.values())), _PITCH * (len(spec.outcomes) + 1.5) + 2 * _MARGIN
    height = 17 + 2 * _height(2) + table + (_height(2) + 5) * len(screened) + 4.5 * bool(study.flow)
    page = style.Page(style.WIDTH_MM, height + (_height(most_left + 1) + _ARROW) * bool(most_left), study.label)
    ax, middle, top, words = page.canvas(), page.width / 2, 3.0, []
    for text in screened:
        bottom = _box(ax, middle - _NARROW / 2, top, _NARROW, ["Screened", text], **_REPORTED)
        words.append(f"Screened: {text.removeprefix('n = ')} (reported)")
        top = _arrow(ax, middle, bottom, 5)
    total = sum(enrolled[arm.key] for arm in pair)
    # Without a reported flow nobody says that the workbook holds everyone who was randomized.
    head = f"{'Randomized to' if study.flow else 'In'} the two arms compared"
    bottom = _box(ax, middle - _NARROW / 2, top, _NARROW, [head, _n(total)])
    words.append(f"{head.lower()}: {total}")
    if others := [arm for arm in arms.others if enrolled[arm.key]]:
        edge = page.width - 3 - _SIDE
        _box(ax, edge, top, _SIDE, ["Not analysed here", *(f"{arm.label}, {_n(enrolled[arm.key])}" for arm in others)])
        ax.plot((middle + _NARROW / 2, edge), (top + 4.3,) * 2, zorder=1, **_STROKE)
        words += [f"not analysed: {arm.label} {enrolled[arm.key]}" for arm in others]
    fork, centres = bottom + 4, (page.width / 4 + 0.5, page.width * 3 / 4 - 0.5)
    ax.plot((middle, middle), (bottom, fork), **_STROKE)
    ax.plot(centres, (fork, fork), **_STROKE)
    for centre, arm, look in zip(centres, pair, (style.CONTROL, style.TREATED), strict=True):
        edge, count = centre - _WIDE / 2, _allocated(arm, study)
        bottom = _box(ax, edge, _arrow(ax, centre, fork), _WIDE, [arm.label, count], facecolor=look.tint)
        words.append(f"{arm.label}: {count}")
        if most_left:
            lines = ["Left the study or the treatment", *left[arm.key], *[""] * (most_left - len(left[arm.key]))]
            bottom = _box(ax, edge, _arrow(ax, centre, bottom), _WIDE, lines, **_REPORTED)
            words += [f"{arm.label} {text} (reported)" for text in left[arm.key]]
        top = _arrow(ax, centre, bottom)
        style.box(ax, edge, top, _WIDE, table)
        words += _counts(ax, edge, top + _MARGIN, arm, spec.outcomes, study)
    if study.flow:
        style.write(ax, 3, page.height - page.top - 3, _FOOTNOTE, color=style.QUIET, va="center")
    return page, [Content("Participants", f"{'; '.join(words)}.")]


def _height(lines: int) -> float:
    return _LINE * lines + 2 * _MARGIN


def _box(ax: Axes, left: float, top: float, width: float, lines: Sequence[str], **frame) -> float:
    """Draw a box with centred lines, the first one bold; return its lower edge."""
    style.box(ax, left, top, width, _height(len(lines)), zorder=2, **frame)
    for index, line in enumerate(lines):
        look = {"ha": "center", "va": "center", "zorder": 3, "weight": "normal" if index else "bold"}
        ax.text(left + width / 2, top + _MARGIN + _LINE * (index + 0.5), line, **look)
    return top + _height(len(lines))


def _arrow(ax: Axes, x: float, top: float, length: float = _ARROW) -> float:
    """Draw an arrow downwards; return where it ends."""
    look = _STROKE | {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
    ax.annotate("", (x, top + length), (x, top), arrowprops=look, zorder=1)
    return top + length


def _n(count: int) -> str:
    return f"n = {count}" if count else "n not known: the workbook has no participant ids"


def _allocated(arm: Arm, study: Study) -> str:
    """Return n in the workbook, and the number that the article reports if it differs."""
    stated = [row["count"] for row in study.flow if row["step"] == "allocated" and row["arm"] == arm.key][:1]
    count = study.enrolled[arm.key]
    return _n(count) + "".join(f" ({n} allocated, as reported)" for n in stated if n != str(count))


def _counts(ax: Axes, left: float, top: float, arm: Arm, outcomes: Sequence[str], study: Study) -> list[str]:
    """Draw n per outcome and visit of one arm as a small table; return it in words."""
    trial, words = study.trial, []
    measured = {BASELINE, *(visit for key in outcomes for visit in trial.outcomes[key].follow_up)}
    visits = [visit for visit in trial.visits.values() if visit.key in measured]
    pace, line = (_WIDE - _NAMES) / len(visits), top + _PITCH / 2
    centres = [left + _NAMES + pace * (index + 0.5) for index in range(len(visits))]
    ax.text(left + 2, line, "Analysed, n", weight="bold", va="center")
    for centre, visit in zip(centres, visits, strict=True):
        style.write(ax, centre, line, visit.label, ha="center", va="center")
    ax.plot((left + 2, left + _WIDE - 2), (line + _PITCH * 0.75,) * 2, color=style.GRID, linewidth=0.5)
    for index, key in enumerate(outcomes):
        label, line = trial.outcomes[key].label, top + _PITCH * (index + 2)
        ax.text(left + 2, line, label, va="center")
        for centre, visit in zip(centres, visits, strict=True):
            n = study.summary((key, "baseline" if visit.key == BASELINE else study.measure, visit.key), arm.key).n
            ax.text(centre, line, number(n, 0), ha="center", va="center")
            words += [f"{arm.label} {label} {visit.label}: n = {n:.0f}"] if math.isfinite(n) else []
    return words


def design(spec: Design, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw treatments and measurements over the weeks of the trial."""
    visits, arms = list(study.trial.visits.values()), study.trial.arms
    times, ticks, axis = draw.time_axis(visits)
    treatments = sorted(spec.treatments, key=lambda treatment: treatment.arm != "treated")
    names = [": ".join(filter(None, (getattr(arms, t.arm).label, t.label))) for t in treatments]
    measured, top = _measured(study), 2 + _ROW * len(treatments)  # and the place of its rows
    rows = [2 + _ROW * (index + 0.5) + _GAP * (index >= len(names)) for index in range(len(names) + len(measured))]
    depth = rows[-1] + _ROW / 2 + 1
    page = style.Page(style.WIDTH_MM, depth + 18)  # no label, because it shows no participant data
    width, room = page.width - _LEFT - _RIGHT, 0.04 * (times[-1] - times[0] or 1.0)
    ax = page.axes(_LEFT, 7, width, depth)
    ax.set(xlim=(times[0] - room, times[-1] + room), ylim=(depth, 0))
    ax.spines["left"].set_visible(False)
    ax.set_xticks(times, ticks)
    ax.set_yticks(
        rows, [textwrap.fill(name, 40) for name in (*names, *measured)], size=style.BODY, va="center", linespacing=1.05
    )
    ax.tick_params(axis="y", length=0, pad=4)
    look = {"xycoords": ax.get_xaxis_transform(), "xytext": (0, 3), "textcoords": "offset points", "ha": "center"}
    for time, visit in zip(times, visits, strict=True):
        ax.axvline(time, color=style.GRID, linewidth=0.6, dashes=(3, 3), zorder=0.5)
        ax.annotate(visit.label, (time, 1), size=style.SMALL, **look)
    for y, treatment in zip(rows, treatments, strict=False):
        look = style.TREATED if treatment.arm == "treated" else style.CONTROL
        ax.plot((times[0], times[-1]), (y, y), color=look.edge, linewidth=0.8, zorder=1)
        bar = {"facecolor": look.face, "edgecolor": look.edge, "linewidth": 0.5, "zorder": 3}
        for start in treatment.starts:
            style.box(ax, start, y - 1.6, treatment.days / 7, 3.2, **bar)
    if axis:
        ax.set_xlabel(axis)
        ax.set_xticks(sorted({start for t in treatments for start in t.starts} - set(times)), minor=True)
        ax.xaxis.set_minor_formatter("{x:g}")
        ax.tick_params(axis="x", which="minor", length=2.5, width=0.6, pad=2.0, labelsize=style.SMALL)
    ax.axhline(top + _GAP / 2, color=style.GRID, linewidth=0.5, xmin=(4 - _LEFT) / width, clip_on=False)
    for y, (label, when) in zip(rows[len(names) :], measured.items(), strict=True):
        dots = [time for time, visit in zip(times, visits, strict=True) if visit.key in when]
        ax.plot(dots, [y] * len(dots), "o", markersize=5, color=style.INK, label=label, zorder=2)
    words = [f"{label}: {', '.join(v.label for v in visits if v.key in when)}" for label, when in measured.items()]
    return page, [Content("Design", f"{'; '.join([*names, *words])}.")]


def _measured(study: Study) -> dict[str, set[str]]:
    """Return what is measured at which visits: the markers, then each family of outcomes, with their names if few."""
    trial = study.trial
    rows = {", ".join(marker.label for marker in trial.markers.values()): {BASELINE}} if trial.markers else {}
    for family, label in trial.families.items():
        if outcomes := [outcome for outcome in trial.outcomes.values() if outcome.family == family]:
            names = ", ".join(outcome.label for outcome in outcomes)
            text = f"{label}: {names}" if len(outcomes) <= 3 else f"{label} ({len(outcomes)})"
            rows[text] = {BASELINE, *(visit for outcome in outcomes for visit in outcome.follow_up)}
    return rows


# Forest plots

# Of a forest plot, in millimetres.
ROW, HEAD, FOOT = 3.9, 9.0, 9.0
NAMES, COUNTS, EFFECTS = 38.0, 20.0, 58.0  # widths of the columns
LEFT = 3 + NAMES + COUNTS  # of the axes
COLUMNS = [LEFT + EFFECTS + place for place in (4, 37, 46)]  # difference, P, P of the interaction
EMPTY = "No comparison of these outcomes in this analysis"
_OVERALL = replace(style.NEUTRAL, marker="D")


class Effect(NamedTuple):
    """The comparison of the arms in one group of participants, as computed; NaN if not computed."""

    name: str  # of the outcome and visit
    group: str
    n: str  # of control and of the treated arm
    estimate: float
    low: float
    high: float
    p: float
    p_interaction: float = math.nan  # of this stratum with the highest
    difference: str = ""  # the estimate with its interval, if it has one
    unit: str = ""


def effects(study: Study, family: str) -> list[Effect]:
    """Look up the comparisons of a family of outcomes: all participants first, then the strata from the highest."""
    trial, found, highest = study.trial, [], study.strata_labels[-1]
    names = (*study.test.estimate, "p")
    for outcome in (o for o in trial.outcomes.values() if o.family == family and o.kind != "binary"):
        decimals = labels.change_decimals(study.measure, outcome.decimals)
        unit = labels.change_unit(study.measure, outcome.unit).replace("%", "percentage points")
        for visit in outcome.follow_up:
            key, name, own = (outcome.key, study.measure, visit), f"{outcome.label}, {trial.visits[visit].label}", []
            for group in (ALL_PARTICIPANTS, *reversed(study.strata_labels)):
                place = group_keys(group, study.marker)
                sizes = [study.summary(key, arm, **place).n for arm in reversed(trial.analysed_arms)]
                *ends, p = (study.contrast(key, statistic, **place) for statistic in names)
                pair = {"stratum": "", "contrast": f"{trial.contrast}, {highest} - {group}"}
                p_interaction = study.interactions.get(*key, "p", marker=study.marker, **pair).value
                known = all(map(math.isfinite, ends))
                difference = interval(*ends, decimals) if known else number(ends[0], decimals)
                n = "/".join(number(size, 0) for size in sizes)
                if any(map(math.isfinite, (ends[0], p, *sizes))):  # a stratum without an arm has a row as well
                    own.append(Effect(name, group, n, *ends, p, p_interaction, difference, unit))
            found += own if any(math.isfinite(effect.estimate) or math.isfinite(effect.p) for effect in own) else []
    return found


def forest(spec: Forest, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the families one below the other, with an axis for each unit of their outcomes."""
    blocks: dict[tuple[str, str], list[Effect]] = {}
    for family in spec.families:
        for effect in effects(study, family):
            blocks.setdefault((family, effect.unit), []).append(effect)
    height = sum(HEAD + ROW * len(found) + FOOT for found in blocks.values()) or 20.0
    page = style.Page(style.WIDTH_MM, height, study.label)
    canvas, top, words = page.canvas(), 0.0, []
    if not blocks:
        draw.message(canvas, EMPTY)
        return page, [Content("Effects", f"{EMPTY}.", missing=True)]
    arms = f"n, {study.trial.arms.control.label} /\n{study.trial.arms.treated.label}"
    reference = study.strata_labels[-1]
    against = textwrap.fill(f"against {reference}", 20, max_lines=2, placeholder=" …")
    limits = " (CI)" * study.test.has_interval
    heads = {COLUMNS[0]: f"difference{limits}", COLUMNS[1]: "P", style.WIDTH_MM - 1: f"interaction P,\n{against}"}
    for (family, _), found in blocks.items():
        top += HEAD
        _axis(page.axes(LEFT, top, EFFECTS, ROW * len(found)), found, study)
        look = {"va": "bottom", "color": style.QUIET}
        canvas.text(3, top - 1, study.trial.families[family], weight="bold", size=style.TITLE, va="bottom")
        style.write(canvas, LEFT - 3, top - 1, arms, ha="right", **look)
        for place, name in heads.items():
            side = "right" if place > COLUMNS[-1] else "left"
            style.italic_p(style.write(canvas, place, top - 1, name, ha=side, **look), against)
        words += [_row(canvas, top + ROW * (index + 0.5), effect) for index, effect in enumerate(found)]
        top += ROW * len(found) + FOOT
    return page, [Content("Effects", " ".join(words))]


def _axis(ax: Axes, found: list[Effect], study: Study) -> None:
    """Draw estimates with their intervals; an arrow marks a limit far outside the others."""
    ends = sorted(value for e in found for value in (e.low, e.high) if math.isfinite(value))
    few = len(ends) // 20
    low, high = draw.padded([0.0, *(e.estimate for e in found if math.isfinite(e.estimate)), *ends[few : -few or None]])
    ax.set(xlim=(low, high), ylim=(len(found) - 0.5, -0.5), yticks=[])
    ax.axvline(0, **style.DASHED)
    names = study.strata_labels
    looks = {ALL_PARTICIPANTS: _OVERALL} | {n: style.stratum_look(i, len(names)) for i, n in enumerate(names)}
    for place, effect in enumerate(found):
        look = looks[effect.group]
        if not math.isnan(effect.low):
            left, right = max(effect.low, low), min(effect.high, high)
            ax.plot((left, right), (place, place), color=look.edge, linewidth=0.9, zorder=1)
            arrow = {"markersize": 2.5, "color": look.edge, "clip_on": False, "label": f"{draw.BEYOND}{effect.group}"}
            for end, limit, marker in ((left, effect.low, "<"), (right, effect.high, ">")):
                if end != limit:
                    ax.plot(end, place, marker=marker, **arrow)
        ax.plot(effect.estimate, place, zorder=2, label=effect.group, **look.points(3.4, 0.6))
    ax.spines["left"].set_visible(False)
    ax.locator_params("x", nbins=7)
    unit = f" ({found[0].unit})" if found[0].unit else ""
    ax.set_xlabel(f"Difference of changes, {labels.direction(study.trial)}{unit}")


def _row(canvas: Axes, y: float, effect: Effect) -> str:
    """Write the texts of one comparison, and return them as a sentence."""
    overall = effect.group == ALL_PARTICIPANTS
    left, name, weight = (3, effect.name, "bold") if overall else (6, effect.group, "normal")
    style.write(canvas, left, y, name, weight=weight)
    style.write(canvas, LEFT - 3, y, effect.n, ha="right")
    interaction = "" if math.isnan(effect.p_interaction) else p_digits(effect.p_interaction)
    for place, text in zip(COLUMNS, (effect.difference, p_digits(effect.p), interaction), strict=True):
        style.write(canvas, place, y, text)
    return say("panel", "forest", effect=effect, group="all participants" if overall else effect.group)
