"""The kinds of panels: functions that draw finished numbers on axes and return them in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ..formatting import number, p_value
from ..labels import change_decimals, direction, sample, strata_named, unit
from ..results_table import ALL_PARTICIPANTS, group_keys
from ..trial import BASELINE
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


class NotShownError(Exception):
    """The workbook or the analysis lacks the data of a panel; the message has two lines."""


class View:
    """A panel of a study: whose numbers it shows, and how they are named."""

    def __init__(self, panel: Panel, study: Study):
        trial, every = study.trial, panel.kind == "strata" and panel.strata == [ALL_PARTICIPANTS]
        self.panel, self.study, self.limits = panel, study, panel.limits
        self.marker = panel.marker or study.marker
        self.strata = strata_named(["each"] if every else panel.strata, study.strata_labels)
        self.places = [group_keys(name, self.marker) for name in self.strata]
        if panel.kind == "correlation":
            cut = f"{trial.population.cut_age:g}"  # the group of people, as named in the results
            self.group = panel.group.replace("under_cut", f"under_{cut}").replace("from_cut", f"over_{cut}")
            self.outcome, self.title = trial.markers[panel.outcome], sample(self.group, trial).capitalize()
            return
        self.outcome = trial.outcomes[panel.outcome]
        self.visit = BASELINE if panel.kind == "strata" else panel.visit
        self.measure = BASELINE if self.visit == BASELINE else study.measure
        self.decimals = change_decimals(self.measure, self.outcome.decimals)
        of = {"percent_change": "%", "log_ratio": ""}.get(self.measure, self.outcome.unit)
        what = {BASELINE: "", "log_ratio": ", log ratio to baseline"}.get(self.measure, ", change")
        self.unit, self.label = unit(of), with_unit(f"{self.outcome.label}{what}", of)
        parts, overall = [self.outcome.label], self.strata[0] == ALL_PARTICIPANTS
        if panel.visit:
            parts.append(trial.visits[panel.visit].label)
        if panel.kind == "time_course":
            column = study.strata_column if self.marker == study.marker else ""
            named = column or trial.markers[self.marker].label
            parts.append("all participants" if overall else f"{self.strata[0]} of {named}")
        elif panel.kind == "estimation" and not overall:
            parts.append(self.strata[0])
        self.title = ", ".join(parts)

    def key(self, visit: str = "") -> tuple[str, str, str]:
        """Return outcome, measure and visit, by default that of the panel, as in the results."""
        return self.outcome.key, self.measure, visit or self.visit

    @property
    def more_lines(self) -> int:
        """Lines of text above that of P: names of strata, or further brackets."""
        if self.panel.kind == "strata":
            return _LINES_PER_BRACKET * max(0, len(self.strata) - 2)
        return int(self.panel.kind == "arms" and self.strata != [ALL_PARTICIPANTS])

    def needs_key(self, width: float) -> bool:
        """Return whether the arms need a key: courses do, and groups whose names do not fit below ``width`` millimetres."""
        letters = max(len(arm.label) for arm in self.study.trial.analysed_arms.values())
        wide = letters * _LETTER_MM > width / (_PAIR * (len(self.strata) - 1) + 2.2)
        return self.panel.kind == "time_course" or (self.panel.kind == "arms" and len(self.strata) > 1 and wide)

    def draw(self, ax: Axes) -> Content:
        """Draw the panel on axes, or write in their frame why the workbook or the analysis lacks its data."""
        names, has = self.strata, self.study.strata_labels
        try:
            if unknown := [name for name in names if name not in (ALL_PARTICIPANTS, *has)]:
                raise NotShownError(f"No stratum {', '.join(unknown)}\nin this analysis (it has {', '.join(has)})")
            if len(names) > MOST_STRATA:
                raise NotShownError(
                    f"A panel holds up to {MOST_STRATA} strata,\nthis analysis has {len(names)}: see the tables"
                )
            return Content(self.title, KINDS[self.panel.kind](ax, self))
        except NotShownError as reason:
            draw.message(ax, str(reason))
            return Content(self.title, str(reason).replace("\n", " ") + ".", missing=True)

    def not_there(self, visit: str, stratum: str = ALL_PARTICIPANTS) -> NotShownError:
        """Return the error of an outcome without numbers."""
        label, of = self.study.trial.visits[visit].label, "" if stratum == ALL_PARTICIPANTS else f", {stratum},"
        return NotShownError(f"{self.outcome.label} ({label}){of}\nis not in this workbook or analysis")

    def groups(self, ax: Axes, members: list[draw.Group], **how: bool) -> None:
        """Draw groups of participants."""
        if not any(group.n for group in members):
            raise self.not_there(self.visit)
        draw.groups(ax, members, self.label, unit=self.unit, limits=self.limits, **how)

    def words(self, group: draw.Group) -> str:
        """Return the summary of a group."""
        return say("panel", "summary", group=group, shown=self, unit=draw.after_number(self.unit))


def with_unit(label: str, of: str) -> str:
    """Join a label and its unit, with superscript squares."""
    return f"{label} ({unit(of)})" if of else label


def arms(ax: Axes, view: View) -> str:
    """Every participant by arm at one visit, all together or by stratum, or with the difference between the arms."""
    study, key, estimation = view.study, view.key(), view.panel.kind == "estimation"
    trial, members, compared = study.trial, [], []
    for index, place in enumerate(view.places):
        for step, (arm, look) in enumerate(((trial.arms.control, style.CONTROL), (trial.arms.treated, style.TREATED))):
            values, summary = study.values(key, arm.key, **place), study.summary(key, arm.key, **place)
            members.append(draw.Group(arm.label, look, _PAIR * index + step, values, summary))
    named = not view.needs_key(draw.size(ax)[0] / 72 * 25.4)
    view.groups(ax, members, names=named, zero=view.visit != BASELINE)
    for name, place, control, treated in zip(view.strata, view.places, members[::2], members[1::2], strict=True):
        p, over, ends = study.contrast(key, "p", **place), "" if name == ALL_PARTICIPANTS else name, []
        draw.bracket(ax, control.position, treated.position, p, "" if estimation else over)
        if estimation:
            ends = [study.contrast(key, statistic, **place) for statistic in study.test.estimate]
            draw.difference(ax, treated.position + 1, control.summary.median, ends, direction(trial))
        compared.append((over, (view.words(treated), view.words(control)), ends, p))
    return say("panel", "arms", title=view.title, compared=compared, direction=direction(trial), shown=view)


def time_course(ax: Axes, view: View) -> str:
    """Median change by arm over the visits in one group of participants; every change is zero at baseline."""
    study, trial, (place,), (stratum,) = view.study, view.study.trial, view.places, view.strata
    follow_up, looks = view.outcome.follow_up, (style.TREATED, style.CONTROL)
    by_visit = {v: [study.summary(view.key(v), arm, **place) for arm in trial.analysed_arms] for v in follow_up}
    by_visit = {visit: found for visit, found in by_visit.items() if any(summary.n > 0 for summary in found)}
    if not by_visit:
        raise view.not_there(follow_up[0], stratum)
    times, names, axis = draw.time_axis([trial.visits[visit] for visit in (BASELINE, *by_visit)])
    positions, broken = draw.time_positions(times)
    quartiles = [q for found in by_visit.values() for summary in found for q in (summary.q1, summary.q3)]
    ax.set(xlim=(-0.45, positions[-1] + 0.45), ylim=view.limits or draw.view(quartiles, quartiles, include=(0.0,)))
    draw.zero_line(ax)
    draw.row_below(ax, 0, axis, ())
    ax.set_xticks(positions, names)
    draw.name_y(ax, view.label)
    for index, (arm, look) in enumerate(zip(trial.analysed_arms.values(), looks, strict=True)):
        at_baseline = study.summary((view.outcome.key, "baseline", BASELINE), arm.key, **place).n
        summaries = [Summary(at_baseline, 0.0, 0.0, 0.0), *(found[index] for found in by_visit.values())]
        moved = [position + _DODGE * (1 - 2 * index) for position in positions]
        draw.course(ax, moved, summaries, look, label=arm.label, zorder=3 - 0.1 * index)
        row = len(looks) - index  # control first, as in the tables
        draw.row_below(ax, row, f"n, {arm.label}", [s.n for s in summaries], positions, look.edge)
    for place_of_break in broken:
        draw.axis_break(ax, (positions[place_of_break - 1] + positions[place_of_break]) / 2)
    said, above = [], {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "bottom"}
    for (visit, found), position in zip(by_visit.items(), positions[1:], strict=True):
        p = study.contrast(view.key(visit), "p", **place)
        if not math.isnan(p):
            style.italic_p(ax.text(position, 1.01, p_value(p), **above))
        medians = [(arm.label, s.median) for arm, s in zip(trial.analysed_arms.values(), found, strict=True)]
        said.append((trial.visits[visit].label, medians, p))
    return say("panel", "time_course", title=view.title, visits=said, shown=view)


def strata(ax: Axes, view: View) -> str:
    """Baseline values by stratum, both arms together; the highest stratum is compared with each lower one."""
    study, key, members, compared = view.study, view.key(), [], []
    for position, (name, place) in enumerate(zip(view.strata, view.places, strict=True)):
        look = style.stratum_look(position, len(view.strata))
        members.append(draw.Group(name, look, position, study.values(key, **place), study.summary(key, **place)))
    view.groups(ax, members)
    *lower, highest = view.strata
    for position, name in enumerate(lower):
        place = {"marker": view.marker, "stratum": "", "contrast": f"{highest} - {name}"}
        p = study.numbers.get(*key, "p", **place).value
        draw.bracket(ax, position, len(lower), p, level=len(lower) - 1 - position)
        compared.append((name, p))
    groups = [view.words(group) for group in members]
    return say("panel", "strata", title=view.title, groups=groups, highest=highest, compared=compared)


def correlation(ax: Axes, view: View) -> str:
    """A marker against age in one group of participants."""
    study, marker, age = view.study, view.outcome, view.study.trial.population.age
    pairs = study.people[view.group][[age, marker.key]].dropna()
    if pairs.empty:
        raise NotShownError(f"{marker.label} and age\nare not in this workbook")
    key, place = (marker.key, "correlation", BASELINE), {"contrast": age, "group": view.group}
    r, p = (study.numbers.get(*key, statistic, **place) for statistic in ("spearman_r", "p"))
    ax.plot(pairs[age], pairs[marker.key], label="participants", **style.NEUTRAL.points(draw.POINT))
    if view.limits is not None:
        ax.set_ylim(*view.limits)
    ax.margins(0.04)
    ax.set_xlabel(with_unit("Age", "years"))
    draw.name_y(ax, with_unit(marker.label, marker.unit))
    result = f"Spearman r = {number(r.value, 2)}, {p_value(p.value)}, n = {number(r.n_first, 0)}"
    style.italic_p(ax.text(0.0, 1.01, result, transform=ax.transAxes, ha="left", va="bottom"))
    return say("panel", "correlation", marker=marker.label, title=view.title, result=result)


KINDS = {"arms": arms, "estimation": arms, "time_course": time_course, "strata": strata, "correlation": correlation}
