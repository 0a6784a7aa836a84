"""Figures that are drawn as a whole: the flow of participants, the design of the trial, and forest plots."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import replace
from operator import sub
from typing import TYPE_CHECKING, NamedTuple

from .. import labels
from ..formatting import format_interval, format_number, format_p_digits
from ..results_table import ALL_PARTICIPANTS, group_keys
from ..stats.two_sample import get_test
from ..trial import BASELINE, Arm
from . import draw, style
from .catalogue import Design, Flow, Forest
from .panels import Content
from .study import Study
from .words import render_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Millimetres.
_LINE, _MARGIN = 3.1, 1.2  # from one line of a box to the next, and around them
_PITCH, _NAMES = 3.6, 36.0  # of the rows of a table, and the width of its first column
_ARROW = 4.0
_WIDE, _NARROW, _SIDE = 84.0, 60.0, 54.0  # boxes of an arm, above the arms, and of arms that are not compared
_ROW, _LEFT, _RIGHT = 6.4, 54.0, 6.0  # of the design

_STROKE = {"color": style.INK, "linewidth": 0.7}
_REPORTED = {"linestyle": (0, (3, 2))}
_FOOTNOTE = "Dashed boxes: as reported in the article. Other boxes: counted in the workbook."


def draw_flow(spec: Flow, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the flow of participants: dashed boxes are reported in the article, others counted in the workbook."""
    arms, enrolled, words = study.trial.arms, study.enrolled, []
    pair = (arms.control, arms.treated)
    screened = [row["count"] for row in study.flow if row["step"] == "screened"][:1]
    left: dict[str, list[str]] = {arm.key: [] for arm in pair}
    for row in (row for row in study.flow if row["step"] in ("withdrew", "left_treatment")):
        left.get(row["arm"], []).append(f"{row['count']} {row.get('text') or row['step'].replace('_', ' ')}")
    _, names, pitch = grid = _grid(spec.outcomes, study)
    most_left, table = max(map(len, left.values())), pitch * (len(names) + 1.5) + 2 * _MARGIN
    height = 17 + 2 * _height(2) + table + (_height(2) + 5) * len(screened) + 4.5 * bool(study.flow)
    page = style.Page(style.WIDTH_MM, height + (_height(most_left + 1) + _ARROW) * bool(most_left), study.label)
    ax, middle, top = page.canvas(), page.width / 2, 3.0
    for count in screened:
        bottom = _box(ax, middle, top, _NARROW, ["Screened", f"n = {count}"], **_REPORTED)
        words.append(f"Screened: {count} (reported)")
        top = _arrow(ax, middle, bottom, 5)
    total = sum(enrolled[arm.key] for arm in pair)
    allocated = {row["arm"]: row["count"] for row in study.flow if row["step"] == "allocated"}
    sizes = {arm.key: str(enrolled[arm.key]) for arm in pair}
    # Unless the reported flow says so, the workbook may not hold all randomized participants.
    head = f"{'Randomized to' if sizes.items() <= allocated.items() else 'In'} the two arms compared"
    bottom = _box(ax, middle, top, _NARROW, [head, _n(total)])
    words.append(f"{head.lower()}: {total}")
    if others := [arm for arm in arms.others if enrolled[arm.key]]:
        centre = page.width - 3 - _SIDE / 2
        ax.plot((middle, centre), (top + 4.3,) * 2, zorder=1, **_STROKE)
        counted = [f"{arm.label}, {_n(enrolled[arm.key])}" for arm in others]
        _box(ax, centre, top, _SIDE, ["Not analysed here", *counted])
        words += [f"not analysed: {arm.label} {enrolled[arm.key]}" for arm in others]
    fork, centres = bottom + 4, (page.width / 4 + 0.5, page.width * 3 / 4 - 0.5)
    ax.plot((middle, middle), (bottom, fork), **_STROKE)
    ax.plot(centres, (fork, fork), **_STROKE)
    for centre, arm, look in zip(centres, pair, (style.CONTROL, style.TREATED), strict=True):
        stated = allocated.get(arm.key, sizes[arm.key])
        count = _n(enrolled[arm.key]) + f" ({stated} allocated, as reported)" * (stated != sizes[arm.key])
        bottom = _box(ax, centre, _arrow(ax, centre, fork), _WIDE, [arm.label, count], facecolor=look.tint)
        words.append(f"{arm.label}: {count}")
        if most_left:
            lines = ["Left the study or the treatment", *left[arm.key], *[""] * (most_left - len(left[arm.key]))]
            bottom = _box(ax, centre, _arrow(ax, centre, bottom), _WIDE, lines, **_REPORTED)
            words += [f"{arm.label} {text} (reported)" for text in left[arm.key]]
        top = _arrow(ax, centre, bottom)
        style.draw_box(ax, centre - _WIDE / 2, top, _WIDE, table)
        words += _counts(ax, centre - _WIDE / 2, top + _MARGIN, arm, grid, study)
    if study.flow:
        page.text(3, page.height - page.top - 3, _FOOTNOTE, color=style.QUIET)
    return page, [Content("Participants", f"{'; '.join(words)}.")]


def _height(lines: int) -> float:
    return _LINE * lines + 2 * _MARGIN


def _box(ax: Axes, centre: float, top: float, width: float, lines: Sequence[str], **frame) -> float:
    """Draw a box with centred lines, the first one bold; return its lower edge."""
    style.draw_box(ax, centre - width / 2, top, width, _height(len(lines)), zorder=2, **frame)
    for index, line in enumerate(lines):
        look = {"ha": "center", "va": "center", "zorder": 3, "weight": "normal" if index else "bold"}
        line = style.truncate(line, width - 2, style.BODY, look["weight"])
        ax.text(centre, top + _MARGIN + _LINE * (index + 0.5), line, **look)
    return top + _height(len(lines))


def _arrow(ax: Axes, x: float, top: float, length: float = _ARROW) -> float:
    """Draw an arrow downwards; return where it ends."""
    look = _STROKE | {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
    ax.annotate("", (x, top + length), (x, top), arrowprops=look, zorder=1)
    return top + length


def _n(count: int) -> str:
    return f"n = {count}" if count else "n not known: the workbook has no participant ids"


def _grid(outcomes: Sequence[str], study: Study) -> tuple[dict[str, str], dict[str, str], float]:
    """Return the visits and outcomes of a table of n, with their labels in lines, and the height of a row."""
    trial = study.trial
    measured = {BASELINE, *(visit for key in outcomes for visit in trial.outcomes[key].follow_up)}
    room = (_WIDE - _NAMES) / len(measured) - 1
    visits = {key: style.wrap_text(visit.label, room) for key, visit in trial.visits.items() if key in measured}
    names = {key: style.wrap_text(trial.outcomes[key].label, _NAMES - 3, style.BODY) for key in outcomes}
    return visits, names, _PITCH + _LINE * max(text.count("\n") for text in (*visits.values(), *names.values()))


def _counts(ax: Axes, left: float, top: float, arm: Arm, grid: tuple, study: Study) -> list[str]:
    """Draw n per outcome and visit of one arm as a small table; return it in words."""
    trial, words, (visits, names, pitch) = study.trial, [], grid
    pace, line = (_WIDE - _NAMES) / len(visits), top + pitch / 2
    centres = [left + _NAMES + pace * (index + 0.5) for index in range(len(visits))]
    ax.text(left + 2, line, "Analysed, n", weight="bold", va="center")
    for centre, head in zip(centres, visits.values(), strict=True):
        ax.text(centre, line, head, ha="center", va="center", size=style.SMALL)
    ax.plot((left + 2, left + _WIDE - 2), (line + pitch * 0.75,) * 2, color=style.GRID, linewidth=0.5)
    for index, (key, name) in enumerate(names.items()):
        label, line = trial.outcomes[key].label, top + pitch * (index + 2)
        ax.text(left + 2, line, name, va="center")
        for centre, visit in zip(centres, map(trial.visits.get, visits), strict=True):
            n = study.summary(study.key(key, visit.key), arm.key).n
            ax.text(centre, line, format_number(n, 0), ha="center", va="center")
            words += [f"{arm.label} {label} {visit.label}: n = {n:.0f}"] if math.isfinite(n) else []
    return words


def draw_design(spec: Design, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw treatments and measurements over the weeks of the trial."""
    visits, arms = list(study.trial.visits.values()), study.trial.arms
    times, ticks, axis = draw.time_axis(visits)
    treatments = sorted(spec.treatments, key=lambda treatment: treatment.arm != "treated")
    names = [": ".join(filter(None, (getattr(arms, t.arm).label, t.label))) for t in treatments]
    measured, line = _measured(study), len(names)  # the row of the line between the two
    rows = [*range(line), *range(line + 1, line + 1 + len(measured))]
    wrapped = [style.wrap_text(name, _LEFT - 4, style.BODY) for name in (*names, *(label for label, _ in measured))]
    depth = _ROW * max(2, *(1 + name.count("\n") for name in wrapped)) / 2 * (len(rows) + 1.2)
    width, room = style.WIDTH_MM - _LEFT - _RIGHT, 0.04 * (times[-1] - times[0] or 1.0)
    widest, scale = max(style.text_width(v.label) for v in visits), width / (times[-1] - times[0] + 2 * room)
    slanted = widest > min(scale * min(map(sub, times[1:], times)) - 1, 2 * (_RIGHT + scale * room))
    head = 7 + slanted * 0.6 * widest  # names are slanted that would reach each other or the edge of the page
    page = style.Page(style.WIDTH_MM, head + depth + 11)  # no label, because it shows no participant data
    ax = page.axes(_LEFT, head, width, depth)
    ax.set(xlim=(times[0] - room, times[-1] + room), ylim=(rows[-1] + 0.6, -0.6))
    ax.spines["left"].set_visible(False)
    ax.set_xlabel(axis)
    weeks = {start: f"{start:g}" for treatment in treatments for start in treatment.starts}
    weeks |= dict(zip(times, ticks, strict=True))
    ax.set_xticks(list(weeks), weeks.values())
    ax.set_yticks(rows, wrapped, size=style.BODY, va="center", linespacing=1.05)
    ax.tick_params(axis="y", length=0, pad=4)
    for time, visit in zip(times, visits, strict=True):
        ax.axvline(time, color=style.GRID, linewidth=0.6, dashes=(3, 3), zorder=0.5)
        look = {"rotation": -35, "rotation_mode": "anchor", "ha": "right"} if slanted else {"ha": "center"}
        ax.text(time, -0.7, visit.label, size=style.SMALL, **look)
    for row, treatment in enumerate(treatments):
        look = style.TREATED if treatment.arm == "treated" else style.CONTROL
        ax.plot((times[0], times[-1]), (row, row), color=look.edge, linewidth=0.8, zorder=1)
        bar = {"facecolor": look.face, "edgecolor": look.edge, "linewidth": 0.5, "zorder": 3}
        for start in treatment.starts:
            style.draw_box(ax, start, row - 0.25, treatment.days / 7, 0.5, **bar)
    ax.axhline(line, color=style.GRID, linewidth=0.5, xmin=(4 - _LEFT) / width, clip_on=False)
    words = list(names)
    for row, (label, when) in zip(rows[line:], measured, strict=True):
        seen = [(time, visit.label) for time, visit in zip(times, visits, strict=True) if visit.key in when]
        ax.plot([time for time, _ in seen], [row] * len(seen), "o", markersize=5, color=style.INK, label=label)
        words.append(f"{label}: {', '.join(name for _, name in seen)}")
    return page, [Content("Design", f"{'; '.join(words)}.")]


def _measured(study: Study) -> list[tuple[str, Set[str]]]:
    """Return what is measured at which visits: the markers, then the outcomes of each family, with their names if few."""
    trial, found = study.trial, {}  # labels of outcomes by family and visits
    for outcome in sorted(trial.outcomes.values(), key=lambda outcome: list(trial.families).index(outcome.family)):
        found.setdefault((outcome.family, frozenset((BASELINE, *outcome.follow_up))), []).append(outcome.label)
    rows = [(", ".join(marker.label for marker in trial.markers.values()), {BASELINE})] if trial.markers else []
    for (family, visits), names in found.items():
        label = trial.families[family]
        rows.append((f"{label}: {', '.join(names)}" if len(names) <= 3 else f"{label} ({len(names)})", visits))
    return rows


# Forest plots, in millimetres.
ROW, HEAD, FOOT = 3.9, 11.5, 8.0
NAMES, COUNTS, EFFECTS = 45.0, 13.0, 50.0  # widths of the columns
LEFT = 3 + NAMES + COUNTS  # of the axes
COLUMNS = [LEFT + EFFECTS + place for place in (4, 45, 54)]  # difference, P, P of the interaction
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

    @property
    def compared(self) -> bool:
        """Whether the comparison gave a number."""
        return math.isfinite(self.estimate) or math.isfinite(self.p)


def collect_effects(study: Study, family: str, only: Sequence[str] = ()) -> dict[str, list[Effect]]:
    """Look up comparisons of a family, or ``only`` of some outcomes, by unit: of all participants, then by stratum."""
    trial, analysis, highest = study.trial, study.analysis, study.analysis.strata.labels[-1]
    by_unit: dict[str, list[Effect]] = {}
    for outcome, visit in ((trial.outcomes[key], visit) for key, visit in trial.changes_of(family, only)):
        decimals = labels.change_decimals(analysis.measure, outcome.decimals)
        key, own = study.key(outcome.key, visit), []
        for group in (ALL_PARTICIPANTS, *reversed(study.analysis.strata.labels)):
            place = group_keys(group, analysis.marker)
            sizes = [study.summary(key, arm, **place).n for arm in reversed(trial.analysed_arms)]
            ends, p = study.difference(key, **place), study.contrast(key, "p", **place)
            pair = {"marker": analysis.marker, "stratum": "", "contrast": f"{trial.contrast}, {highest} - {group}"}
            p_interaction = study.numbers.get(*key, "p", **pair).value
            difference = (
                format_interval(*ends, decimals) if all(map(math.isfinite, ends)) else format_number(ends[0], decimals)
            )
            n = "/".join(format_number(size, 0) for size in sizes)
            name = f"{outcome.label}, {trial.visits[visit].label}"
            effect = Effect(name, group, n, *ends, p, p_interaction, difference)
            if effect.compared or any(map(math.isfinite, sizes)):  # a stratum without an arm has a row as well
                own.append(effect)
        if any(effect.compared for effect in own):
            by_unit.setdefault(labels.difference_unit(analysis.measure, outcome.unit), []).extend(own)
    return by_unit


def draw_forest(spec: Forest, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the families one below the other, with an axis for each unit of their outcomes."""
    blocks = [
        (family, *block) for family in spec.families for block in collect_effects(study, family, spec.outcomes).items()
    ]
    texts = [text for *_, found in blocks for effect in found for text in _lines(effect)]
    row = ROW + 2.4 * max((text.count("\n") for text in texts), default=0)
    height = sum(HEAD + row * len(found) + FOOT for *_, found in blocks) or 20.0
    page, top, words = style.Page(style.WIDTH_MM, height, study.label), 0.0, []
    if not blocks:
        draw.message(page.canvas(), EMPTY)
        return page, [Content("Effects", f"{EMPTY}.", missing=True)]
    arms = style.wrap_text(f"n, {study.trial.arms.control.label} / {study.trial.arms.treated.label}", LEFT - 6)
    against = style.wrap_text(
        style.truncate(f"against {study.analysis.strata.labels[-1]}", 40), 24
    )  # two lines at most
    for family, unit, found in blocks:
        top += HEAD
        _axis(page.axes(LEFT, top, EFFECTS, row * len(found)), found, study, unit)
        look = {"va": "bottom", "color": style.QUIET}
        page.text(3, top - 7, study.trial.families[family], weight="bold", size=style.TITLE, va="bottom")
        page.text(LEFT - 3, top - 1, arms, ha="right", **look)
        page.text(COLUMNS[0], top - 1, f"difference{' (CI)' * get_test(study.analysis.test).has_interval}", **look)
        page.text(COLUMNS[1], top - 1, "P", **look)
        page.text(style.WIDTH_MM - 1, top - 1, f"interaction P,\n{against}", ha="right", **look)
        words += [_row(page, top + row * (index + 0.5), effect) for index, effect in enumerate(found)]
        top += row * len(found) + FOOT
    return page, [Content("Effects", " ".join(words))]


def _axis(ax: Axes, found: list[Effect], study: Study, unit: str) -> None:
    """Draw estimates with their intervals; an arrow marks a limit far outside the others."""
    ends = sorted(value for e in found for value in (e.low, e.high) if math.isfinite(value))
    few = len(ends) // 20
    low, high = draw.pad_range(
        [0.0, *(e.estimate for e in found if math.isfinite(e.estimate)), *ends[few : -few or None]]
    )
    ax.set(xlim=(low, high), ylim=(len(found) - 0.5, -0.5), yticks=[])
    ax.axvline(0, **style.DASHED)
    names = study.analysis.strata.labels
    looks = {ALL_PARTICIPANTS: _OVERALL} | {n: style.stratum_look(i, len(names)) for i, n in enumerate(names)}
    for place, effect in enumerate(found):
        look = looks[effect.group]
        inside = max(effect.low, low), min(effect.high, high)  # NaN draws nothing
        ax.plot(inside, (place, place), color=look.edge, linewidth=0.9, zorder=1)
        arrow = {"markersize": 2.5, "color": look.edge, "clip_on": False, "label": f"{draw.BEYOND}{effect.group}"}
        for edge, sign in [(low, "<")] * (effect.low < low) + [(high, ">")] * (effect.high > high):
            ax.plot(edge, place, marker=sign, **arrow)
        ax.plot(effect.estimate, place, zorder=2, label=effect.group, **look.points(3.4, 0.6))
    ax.spines["left"].set_visible(False)
    ax.locator_params("x", nbins=5)
    label = f"Difference of changes, {labels.contrast_label(study.trial)}{f' ({unit})' if unit else ''}"
    ax.set_xlabel(style.wrap_text(label, style.WIDTH_MM - 10, style.BODY))
    draw.format_axis(ax.xaxis, (low, high))


def _lines(effect: Effect) -> tuple[str, str]:
    """Return in lines the name of a row, an outcome in all participants or a stratum, and the difference."""
    overall = effect.group == ALL_PARTICIPANTS
    name = style.wrap_text(effect.name if overall else effect.group, NAMES - 3, weight="bold" if overall else "normal")
    return name, style.wrap_text(effect.difference, COLUMNS[1] - COLUMNS[0])


def _row(page: style.Page, y: float, effect: Effect) -> str:
    """Write the texts of one comparison, and return them as a sentence."""
    overall, (name, difference) = effect.group == ALL_PARTICIPANTS, _lines(effect)
    page.text(3 if overall else 6, y, name, weight="bold" if overall else "normal", linespacing=1.0)
    page.text(LEFT - 3, y, effect.n, ha="right")
    interaction = "" if math.isnan(effect.p_interaction) else format_p_digits(effect.p_interaction)
    for place, text in zip(COLUMNS, (difference, format_p_digits(effect.p), interaction), strict=True):
        page.text(place, y, text, linespacing=1.0)
    return render_text("panel", "forest", effect=effect, group="all participants" if overall else effect.group)
