"""The kinds of panels: functions that draw finished numbers on axes and return them in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ..formatting import number, p_value
from ..labels import change_decimals, direction, sample, strata_named, unit
from ..results_table import ALL_PARTICIPANTS, group_keys
from ..trial import BASELINE, Outcome
from . import draw, style
from .catalogue import Panel
from .study import Study, Summary
from .words import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_STRATA = 6  # side by side in a panel
_PAIR = 2.35  # distance between strata, with the arms of each one unit apart
_DODGE = 0.07  # shift between the courses of two arms, in units of the shortest time between visits
_LETTER_MM = 1.3  # mean width of a letter under the axis
_LINES_PER_BRACKET = 2  # above the first


class Content(NamedTuple):
    """Title and text alternative of a panel."""

    title: str
    words: str
    missing: bool = False  # the panel only says why it shows nothing


class Room(NamedTuple):
    """What a panel needs around its axes."""

    more_lines: int = 0  # above that of P: names of strata, or further brackets
    rows_below: bool = False  # of n
    right_axis: bool = False
    arms_legend: bool = False  # a key to the colours of the arms


class NotShownError(Exception):
    """The workbook or the analysis lacks the data of a panel; the message has two lines."""


class Quantity(NamedTuple):
    """What an axis shows: an outcome at baseline, or its change."""

    measure: str  # in the results
    label: str  # of the axis
    unit: str
    decimals: int

    @classmethod
    def of(cls, outcome: Outcome, study: Study, visit: str = "") -> Quantity:
        """Return the outcome at baseline if that is the visit, otherwise its change as the analysis measures it."""
        measure = BASELINE if visit == BASELINE else study.measure
        what = {BASELINE: "", "log_ratio": ", log ratio to baseline"}.get(measure, ", change")
        of = {"percent_change": "%", "log_ratio": ""}.get(measure, outcome.unit)
        decimals = change_decimals(measure, outcome.decimals)
        return cls(measure, with_unit(f"{outcome.label}{what}", of), unit(of), decimals)

    def words(self, group: draw.Group) -> str:
        """Return the summary of a group."""
        return say("panel", "summary", group=group, shown=self, unit=draw.after_number(self.unit))


def strata_of(panel: Panel, study: Study) -> list[str]:
    """Return the labels of the strata that a panel shows."""
    every = panel.kind == "strata" and panel.strata == [ALL_PARTICIPANTS]
    return strata_named(["each"] if every else panel.strata, study.strata_labels)


def room(panel: Panel, study: Study, width: float) -> Room:
    """Return the room that a panel needs around axes of this width in millimetres; long arm names need a legend."""
    names, course = strata_of(panel, study), panel.kind == "time_course"
    if panel.kind == "strata":
        return Room(more_lines=_LINES_PER_BRACKET * max(0, len(names) - 2))
    if panel.kind != "arms":
        return Room(rows_below=course, arms_legend=course, right_axis=panel.kind == "estimation")
    letters = max(len(arm.label) for arm in study.trial.analysed_arms.values())
    fit = letters * _LETTER_MM <= width / (_PAIR * (len(names) - 1) + 2.2)
    return Room(more_lines=int(names != [ALL_PARTICIPANTS]), arms_legend=len(names) > 1 and not fit)


def draw_panel(ax: Axes, panel: Panel, study: Study) -> Content:
    """Draw a panel on axes, or write in their frame why the workbook or the analysis lacks its data."""
    title, names, has = title_of(panel, study), strata_of(panel, study), study.strata_labels
    try:
        if unknown := [name for name in names if name not in (ALL_PARTICIPANTS, *has)]:
            raise NotShownError(f"No stratum {', '.join(unknown)}\nin this analysis (it has {', '.join(has)})")
        if len(names) > MOST_STRATA:
            raise NotShownError(
                f"A panel holds up to {MOST_STRATA} strata,\nthis analysis has {len(names)}: see the tables"
            )
        return Content(title, KINDS[panel.kind](ax, panel, study, title))
    except NotShownError as reason:
        draw.message(ax, str(reason))
        return Content(title, str(reason).replace("\n", " ") + ".", missing=True)


def title_of(panel: Panel, study: Study) -> str:
    """Return the title of a panel."""
    trial = study.trial
    if panel.kind == "correlation":
        return sample(_people(panel, study), trial).capitalize()
    name = strata_of(panel, study)[0]
    parts = [trial.outcomes[panel.outcome].label] + ([trial.visits[panel.visit].label] if panel.visit else [])
    if panel.kind == "time_course":
        marker = trial.markers.get(panel.marker or study.marker)
        parts.append("all participants" if name == ALL_PARTICIPANTS else f"{name} of {marker.label}")
    elif panel.kind == "estimation" and name != ALL_PARTICIPANTS:
        parts.append(name)
    return ", ".join(parts)


def with_unit(label: str, of: str) -> str:
    """Join a label and its unit, with superscript squares."""
    return f"{label} ({unit(of)})" if of else label


def _not_there(study: Study, outcome: Outcome, visit: str, stratum: str = ALL_PARTICIPANTS) -> NotShownError:
    of = "" if stratum == ALL_PARTICIPANTS else f", {stratum},"
    return NotShownError(
        f"{outcome.label} ({study.trial.visits[visit].label}){of}\nis not in this workbook or analysis"
    )


def arms(ax: Axes, panel: Panel, study: Study, title: str) -> str:
    """Every participant by arm at one visit, all together or by stratum, or with the difference between the arms."""
    trial, outcome = study.trial, study.trial.outcomes[panel.outcome]
    shown = Quantity.of(outcome, study, panel.visit)
    key, names = (panel.outcome, shown.measure, panel.visit), strata_of(panel, study)
    looks = ((trial.arms.control, style.CONTROL, 0), (trial.arms.treated, style.TREATED, 1))
    places, members = [group_keys(name, panel.marker or study.marker) for name in names], []
    for index, place in enumerate(places):
        for arm, look, step in looks:
            values, summary = study.values(key, arm.key, **place), study.summary(key, arm.key, **place)
            members.append(draw.Group(arm.label, look, _PAIR * index + step, values, summary))
    if not any(group.n for group in members):
        raise _not_there(study, outcome, panel.visit)
    named = not room(panel, study, draw.size(ax)[0] / 72 * 25.4).arms_legend
    changes = {"zero": panel.visit != BASELINE, "limits": panel.limits}
    draw.groups(ax, members, shown.label, unit=shown.unit, names=named, **changes)
    compared = []
    for name, place, control, treated in zip(names, places, members[::2], members[1::2], strict=True):
        p, over, ends = study.contrast(key, "p", **place), "" if name == ALL_PARTICIPANTS else name, []
        draw.bracket(ax, control.position, treated.position, p, "" if panel.kind == "estimation" else over)
        if panel.kind == "estimation":
            ends = [study.contrast(key, f"hodges_lehmann{end}", **place) for end in ("", "_lower", "_upper")]
            draw.difference(ax, treated.position + 1, control.summary.median, ends, direction(trial))
        compared.append((over, (shown.words(treated), shown.words(control)), ends, p))
    return say("panel", "arms", title=title, compared=compared, direction=direction(trial), shown=shown)


def time_course(ax: Axes, panel: Panel, study: Study, title: str) -> str:
    """Median change by arm over the visits in one group of participants; every change is zero at baseline."""
    trial, outcome, (stratum,) = study.trial, study.trial.outcomes[panel.outcome], strata_of(panel, study)
    shown, place = Quantity.of(outcome, study), group_keys(stratum, panel.marker or study.marker)
    keys = {visit: (panel.outcome, shown.measure, visit) for visit in outcome.follow_up}
    by_visit = {v: [study.summary(key, arm, **place) for arm in trial.analysed_arms] for v, key in keys.items()}
    visits = [visit for visit, summaries in by_visit.items() if any(summary.n > 0 for summary in summaries)]
    if not visits:
        raise _not_there(study, outcome, outcome.follow_up[0], stratum)
    times, names, axis = draw.time_axis([trial.visits[visit] for visit in (BASELINE, *visits)])
    positions, broken = draw.time_positions(times)
    quartiles = [q for visit in visits for summary in by_visit[visit] for q in (summary.q1, summary.q3)]
    limits = panel.limits or draw.view(quartiles, quartiles, include=(0.0,))
    ax.set(xlim=(-0.45, positions[-1] + 0.45), ylim=limits)
    draw.zero_line(ax)
    draw.row_below(ax, 0, axis, ())
    ax.set_xticks(positions, names)
    draw.name_y(ax, shown.label)
    for index, (arm, look) in enumerate(zip(trial.analysed_arms.values(), (style.TREATED, style.CONTROL), strict=True)):
        row = len(trial.analysed_arms) - index  # control first, as in the tables
        at_baseline = study.summary((panel.outcome, "baseline", BASELINE), arm.key, **place).n
        summaries = [Summary(at_baseline, 0.0, 0.0, 0.0), *(by_visit[visit][index] for visit in visits)]
        moved = [position + _DODGE * (1 - 2 * index) for position in positions]
        draw.course(ax, moved, summaries, look, label=arm.label, zorder=3 - 0.1 * index)
        draw.row_below(ax, row, f"n, {arm.label}", [s.n for s in summaries], positions, look.edge)
    for place_of_break in broken:
        draw.axis_break(ax, (positions[place_of_break - 1] + positions[place_of_break]) / 2)
    said, labels = [], [arm.label for arm in trial.analysed_arms.values()]
    above = {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "bottom"}
    for visit, position in zip(visits, positions[1:], strict=True):
        p, medians = study.contrast(keys[visit], "p", **place), [summary.median for summary in by_visit[visit]]
        if not math.isnan(p):
            style.italic_p(ax.text(position, 1.01, p_value(p), **above))
        said.append((trial.visits[visit].label, list(zip(labels, medians, strict=True)), p))
    return say("panel", "time_course", title=title, visits=said, shown=shown)


def strata(ax: Axes, panel: Panel, study: Study, title: str) -> str:
    """Baseline values by stratum, both arms together; the highest stratum is compared with each lower one."""
    outcome, names = study.trial.outcomes[panel.outcome], strata_of(panel, study)
    shown = Quantity.of(outcome, study, BASELINE)
    key, members = (panel.outcome, shown.measure, BASELINE), []
    for position, name in enumerate(names):
        look, place = style.stratum_look(position, len(names)), group_keys(name, panel.marker or study.marker)
        members.append(draw.Group(name, look, position, study.values(key, **place), study.summary(key, **place)))
    if not any(group.n for group in members):
        raise _not_there(study, outcome, BASELINE)
    draw.groups(ax, members, shown.label, unit=shown.unit, limits=panel.limits)
    *lower, highest = names
    compared = []
    for position, name in enumerate(lower):
        place = {"marker": panel.marker or study.marker, "stratum": "", "contrast": f"{highest} - {name}"}
        p = study.numbers.get(*key, "p", **place).value
        draw.bracket(ax, position, len(lower), p, level=len(lower) - 1 - position)
        compared.append((name, p))
    groups = [shown.words(group) for group in members]
    return say("panel", "strata", title=title, groups=groups, highest=highest, compared=compared)


def _people(panel: Panel, study: Study) -> str:
    """Return the group of participants of a correlation, as named in the results."""
    cut = f"{study.trial.population.cut_age:g}"
    return panel.group.replace("under_cut", f"under_{cut}").replace("from_cut", f"over_{cut}")


def correlation(ax: Axes, panel: Panel, study: Study, title: str) -> str:
    """A marker against age in one group of participants."""
    marker, group, age = study.trial.markers[panel.outcome], _people(panel, study), study.trial.population.age
    pairs = study.people[group][[age, marker.key]].dropna()
    if pairs.empty:
        raise NotShownError(f"{marker.label} and age\nare not in this workbook")
    key, place = (marker.key, "correlation", BASELINE), {"contrast": age, "group": group}
    r, p = (study.numbers.get(*key, statistic, **place) for statistic in ("spearman_r", "p"))
    ax.plot(pairs[age], pairs[marker.key], label="participants", **style.NEUTRAL.points(draw.POINT))
    if panel.limits is not None:
        ax.set_ylim(*panel.limits)
    ax.margins(0.04)
    ax.set_xlabel(with_unit("Age", "years"))
    draw.name_y(ax, with_unit(marker.label, marker.unit))
    result = f"Spearman r = {number(r.value, 2)}, {p_value(p.value)}, n = {number(r.n_first, 0)}"
    style.italic_p(ax.text(0.0, 1.01, result, transform=ax.transAxes, ha="left", va="bottom"))
    return say("panel", "correlation", marker=marker.label, title=title, result=result)


KINDS = {"arms": arms, "estimation": arms, "time_course": time_course, "strata": strata, "correlation": correlation}
