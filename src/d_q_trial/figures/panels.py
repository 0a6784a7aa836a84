"""The kinds of panels: functions that draw finished numbers on axes and return them in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from ..formatting import format_number, format_p
from ..labels import (
    age_group_label,
    change_decimals,
    change_unit,
    contrast_label,
    format_unit,
    join_words,
    select_strata,
)
from ..results_table import ALL_PARTICIPANTS, group_keys
from ..trial import BASELINE
from . import draw, style
from .catalogue import Panel
from .study import Study, Summary
from .words import render_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_STRATA = 6  # side by side in a panel
_PAIR = 2.35  # distance between strata, with the arms of each one unit apart
_DODGE = 0.07  # shift between the courses of two arms, in units of the shortest time between visits
_LINES_PER_BRACKET = 2  # above the first


class Content(NamedTuple):
    """Title and text alternative of a panel."""

    title: str
    words: str
    missing: bool = False  # the panel only says why it shows nothing


class NotShownError(Exception):
    """The workbook or the analysis lacks the data of a panel."""


class View:
    """A panel of a study: whose numbers it shows, and how they are named."""

    def __init__(self, panel: Panel, study: Study):
        trial, analysis = study.trial, study.analysis
        self.panel, self.study, self.limits = panel, study, panel.limits
        self.marker = panel.marker or analysis.marker
        every = panel.kind == "strata" and panel.strata == [ALL_PARTICIPANTS]
        self.strata = select_strata(["each"] if every else panel.strata, study.analysis.strata.labels)
        self.places = [group_keys(name, self.marker) for name in self.strata]
        if panel.kind == "correlation":
            cut = f"{trial.population.cut_age:g}"  # the group of people, as named in the results
            self.group = panel.group.replace("under_cut", f"under_{cut}").replace("from_cut", f"over_{cut}")
            self.outcome, self.title = trial.markers[panel.outcome], age_group_label(self.group, trial).capitalize()
            return
        self.outcome = trial.outcomes[panel.outcome]
        self.visit = BASELINE if panel.kind == "strata" else panel.visit
        self.key = study.key(self.outcome.key, self.visit)
        _, measure, _ = self.key
        self.decimals = change_decimals(measure, self.outcome.decimals)
        of = "" if measure == "log_ratio" else change_unit(measure, self.outcome.unit)
        what = {BASELINE: "", "log_ratio": ", log ratio to baseline"}.get(measure, ", change")
        self.unit = of if of in ("", "%") else f" {of}"  # as written after a number
        self.label = with_unit(
            f"{style.truncate(self.outcome.label, 40, style.BODY)}{what}", of
        )  # the title has it in full
        whose = ""
        if panel.kind == "time_course":
            name = analysis.strata.group if self.marker == analysis.marker else "{} of {}".format
            group = name(self.strata[0], trial.markers[self.marker].label)
            whose = "all participants" if self.strata == [ALL_PARTICIPANTS] else group
        elif panel.kind == "estimation" and self.strata != [ALL_PARTICIPANTS]:
            whose = self.strata[0]
        visit = trial.visits[panel.visit].label if panel.visit else ""
        self.title = ", ".join(filter(None, (self.outcome.label, visit, whose)))

    @property
    def more_lines(self) -> int:
        """Lines of text above that of P: names of strata, or further brackets."""
        if self.panel.kind == "strata":
            return _LINES_PER_BRACKET * max(0, len(self.strata) - 2)
        return int(self.panel.kind == "arms" and self.strata != [ALL_PARTICIPANTS])

    def needs_key(self, width: float) -> bool:
        """Return whether the arms need a key: courses do, and groups whose names do not fit below ``width`` millimetres."""
        estimation = self.panel.kind == "estimation"
        room = width / (_PAIR * (len(self.strata) - 1) + 2.2 + estimation) - 1
        wide = max(style.text_width(arm.label) for arm in self.study.trial.analysed_arms.values()) > room
        return self.panel.kind == "time_course" or (self.panel.kind in ("arms", "estimation") and wide)

    def draw(self, ax: Axes) -> Content:
        """Draw the panel on axes, or write in their frame why the workbook or the analysis lacks its data."""
        names, has = self.strata, self.study.analysis.strata.labels
        try:
            if unknown := [name for name in names if name not in (ALL_PARTICIPANTS, *has)]:
                raise NotShownError(f"No stratum {', '.join(unknown)} in this analysis (it has {', '.join(has)})")
            if len(names) > MOST_STRATA:
                most = f"A panel holds up to {MOST_STRATA} strata"
                raise NotShownError(f"{most}, this analysis has {len(names)}: see the tables")
            return Content(self.title, KINDS[self.panel.kind](ax, self))
        except NotShownError as reason:
            draw.message(ax, str(reason))
            return Content(self.title, f"{reason}.", missing=True)

    def not_there(self, visit: str, stratum: str = ALL_PARTICIPANTS) -> NotShownError:
        """Return the error of an outcome without numbers, with the reasons of the participants who have no value."""
        label, of = self.study.trial.visits[visit].label, "" if stratum == ALL_PARTICIPANTS else f", {stratum},"
        changes = self.study.changes[self.study.changes["outcome"].eq(self.outcome.key)]
        reasons = join_words(
            [reason for reason in changes.loc[changes["visit"].eq(visit), "reason"].unique() if reason]
        )
        why = f"has no value: {reasons}" if reasons else "is not in this workbook or analysis"
        return NotShownError(f"{self.outcome.label} ({label}){of} {why}")

    def groups(self, ax: Axes, members: list[draw.Group], **how: bool) -> None:
        """Draw groups of participants."""
        if not any(group.n for group in members):
            raise self.not_there(self.visit)
        draw.groups(ax, members, self.label, unit=self.unit, limits=self.limits, **how)

    def words(self, group: draw.Group) -> str:
        """Return the summary of a group."""
        return render_text("panel", "summary", group=group, shown=self)


def with_unit(label: str, of: str) -> str:
    """Join a label and its unit, with superscript squares."""
    return f"{label} ({format_unit(of)})" if of else label


def draw_arms(ax: Axes, view: View) -> str:
    """Every participant by arm at one visit, all together or by stratum, or with the difference between the arms."""
    study, key, estimation = view.study, view.key, view.panel.kind == "estimation"
    trial, members, compared = study.trial, [], []
    for index, place in enumerate(view.places):
        for step, (arm, look) in enumerate(((trial.arms.control, style.CONTROL), (trial.arms.treated, style.TREATED))):
            values, summary = study.values(key, arm.key, **place), study.summary(key, arm.key, **place)
            members.append(draw.Group(arm.label, look, _PAIR * index + step, values, summary))
    named = not view.needs_key(draw.axes_size(ax)[0] / 72 * 25.4)
    view.groups(ax, members, names=named, zero=view.visit != BASELINE)
    for name, place, control, treated in zip(view.strata, view.places, members[::2], members[1::2], strict=True):
        p, over, ends = study.contrast(key, "p", **place), "" if name == ALL_PARTICIPANTS else name, []
        draw.bracket(ax, control.position, treated.position, p, "" if estimation else over)
        if estimation:
            ends = study.difference(key, **place)
            draw.difference(ax, treated.position + 1, control.summary.median, ends, contrast_label(trial))
        compared.append((over, (view.words(treated), view.words(control)), ends, p))
    if view.limits:  # the interval of a difference does not lengthen a stated axis
        ax.set_ylim(view.limits)
    return render_text(
        "panel", "arms", title=view.title, compared=compared, direction=contrast_label(trial), shown=view
    )


def draw_time_course(ax: Axes, view: View) -> str:
    """Median change by arm over the visits in one group of participants; every change is zero at baseline."""
    study, trial, (place,), (stratum,) = view.study, view.study.trial, view.places, view.strata
    arms, outcome, follow_up = list(trial.analysed_arms.values()), view.outcome.key, view.outcome.follow_up
    found = {v: [study.summary(study.key(outcome, v), arm.key, **place) for arm in arms] for v in follow_up}
    found = {visit: summaries for visit, summaries in found.items() if any(summary.n > 0 for summary in summaries)}
    if not found:
        raise view.not_there(follow_up[0], stratum)
    times, names, axis = draw.time_axis([trial.visits[visit] for visit in (BASELINE, *found)])
    positions, broken = draw.time_positions(times)
    quartiles = [q for summaries in found.values() for summary in summaries for q in (summary.q1, summary.q3)]
    ax.set(
        xlim=(-0.45, positions[-1] + 0.45), ylim=view.limits or draw.axis_range(quartiles, quartiles, include=(0.0,))
    )
    ax.axhline(0.0, label="zero", **style.DASHED)
    draw.row_below(ax, 0, axis, ())
    ax.set_xticks(positions, names)
    draw.label_y_axis(ax, view.label, 1.1)
    for index, (arm, look) in enumerate(zip(arms, (style.TREATED, style.CONTROL), strict=True)):
        at_baseline = study.summary(study.key(outcome, BASELINE), arm.key, **place).n
        summaries = [Summary(at_baseline, 0.0, 0.0, 0.0), *(by_arm[index] for by_arm in found.values())]
        moved = [position + _DODGE * (1 - 2 * index) for position in positions]
        draw.course(ax, moved, summaries, look, label=arm.label, zorder=3 - 0.1 * index)
        row = len(arms) - index  # control first, as in the tables
        draw.row_below(ax, row, f"n, {arm.label}", [s.n for s in summaries], positions, look.edge)
    for later in broken:
        draw.axis_break(ax, (positions[later - 1] + positions[later]) / 2)
    visits = []
    for (visit, summaries), position in zip(found.items(), positions[1:], strict=True):
        p = study.contrast(study.key(outcome, visit), "p", **place)
        if not math.isnan(p):
            text = style.wrap_text(format_p(p), draw.axis_length(ax, 1.0), style.BODY)
            ax.text(position, 1.01, text, transform=ax.get_xaxis_transform(), ha="center", va="bottom")
        medians = [(arm.label, summary.median) for arm, summary in zip(arms, summaries, strict=True)]
        visits.append((trial.visits[visit].label, medians, p))
    return render_text("panel", "time_course", title=view.title, visits=visits, shown=view)


def draw_strata(ax: Axes, view: View) -> str:
    """Baseline values by stratum, both arms together; the highest stratum is compared with each lower one."""
    study, key, members, compared = view.study, view.key, [], []
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
    return render_text("panel", "strata", title=view.title, groups=groups, highest=highest, compared=compared)


def draw_correlation(ax: Axes, view: View) -> str:
    """A marker against age in one group of participants."""
    study, marker, age = view.study, view.outcome, view.study.trial.population.age
    pairs = study.people[view.group][[age, marker.key]].dropna()
    if pairs.empty:
        raise NotShownError(f"{marker.label} and age are not in this workbook")
    key, place = (marker.key, "correlation", BASELINE), {"contrast": age, "group": view.group}
    r, p = (study.numbers.get(*key, statistic, **place) for statistic in ("spearman_r", "p"))
    ax.plot(pairs[age], pairs[marker.key], label="participants", **style.NEUTRAL.points(draw.POINT))
    if view.limits is not None:
        ax.set_ylim(*view.limits)
    ax.margins(0.04)
    ax.set_xlabel(with_unit("Age", "years"))
    draw.label_y_axis(ax, with_unit(marker.label, marker.unit))
    result = f"Spearman r = {format_number(r.value, 2)}, {format_p(p.value)}, n = {format_number(r.n_first, 0)}"
    ax.text(0.0, 1.01, result, transform=ax.transAxes, ha="left", va="bottom")
    return render_text("panel", "correlation", marker=marker.label, title=view.title, result=result)


KINDS = {
    "arms": draw_arms,
    "estimation": draw_arms,
    "time_course": draw_time_course,
    "strata": draw_strata,
    "correlation": draw_correlation,
}
