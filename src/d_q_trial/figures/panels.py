"""Kinds of panels: functions that draw finished numbers on axes and return a text alternative."""

import math
from typing import Any, NamedTuple

from matplotlib.axes import Axes

from .. import labels
from ..formatting import format_number, format_p
from ..results_table import ALL_PARTICIPANTS, subgroup_keys
from ..trial import BASELINE
from . import elements, style
from .catalogue import Panel
from .study import Study
from .texts import render_text

MAX_STRATA = 6  # in one panel, side by side
_STRATA_DISTANCE = 2.35  # between strata, whose arms are one unit apart
_DODGE = 0.07  # offset of the time course of an arm, in units of the distance between visits
_LINES_PER_BRACKET = 2  # above the first


class Content(NamedTuple):
    """Title and text alternative of a panel."""

    title: str
    words: str
    missing: bool = False  # the panel only states why it shows nothing


class NotShownError(Exception):
    """The workbook or the analysis lacks the data of a panel."""


class View:
    """A panel of a study: the participants and the numbers that it shows, and their labels."""

    def __init__(self, panel: Panel, study: Study):
        trial, analysis = study.trial, study.analysis
        self.panel, self.study = panel, study
        self.limits: elements.Limits = None  # of the vertical axis, if shared; by default chosen from the data
        self.marker = panel.marker or analysis.marker
        self.strata = labels.select_strata(panel.strata, analysis.strata.labels)
        self.subgroups = [subgroup_keys(stratum, self.marker) for stratum in self.strata]
        if panel.kind == "correlation":
            age = f"{trial.population.cut_age:g}"  # in the names of age groups in the results
            self.group = panel.group.replace("under_cut", f"under_{age}").replace("from_cut", f"over_{age}")
            self.outcome = trial.markers[panel.outcome]
            self.title = labels.age_group_label(self.group, trial).capitalize()
            return
        self.outcome = trial.outcomes[panel.outcome]
        self.visit = BASELINE if panel.kind == "strata" else panel.visit
        self.key = study.key(self.outcome.key, self.visit)
        _, measure, _ = self.key
        self.decimals = labels.change_decimals(measure, self.outcome.decimals)
        unit = labels.change_unit(measure, self.outcome.unit)
        self.unit = {"": "", "%": "%", "log ratio": ""}.get(unit, f" {unit}")  # as written after a number
        # The title has the full label.
        label = style.truncate(self.outcome.label, 30, style.BODY)
        self.axis_label = add_unit(label if measure == BASELINE else f"{label}, change", unit)
        visit = trial.visits[panel.visit].label if panel.visit else ""
        stratum = "" if panel.kind in ("arms", "strata") or panel.strata == [ALL_PARTICIPANTS] else self.strata[0]
        if stratum and panel.kind == "time_course":
            name_group = analysis.strata.group if self.marker == analysis.marker else "{} of {}".format
            stratum = name_group(stratum, trial.markers[self.marker].label)
        self.title = ", ".join(filter(None, (self.outcome.label, visit, stratum)))

    @property
    def extra_lines(self) -> int:
        """Lines of text above the line of P: names of strata, or further brackets."""
        if self.panel.kind == "strata":
            return _LINES_PER_BRACKET * max(0, len(self.strata) - 2)
        return int(self.panel.kind == "arms" and self.strata != [ALL_PARTICIPANTS])

    def needs_legend(self, width: float) -> bool:
        """Return whether the arms need a legend: in time courses, and if their names do not fit below ``width`` mm."""
        kind, arms = self.panel.kind, self.study.trial.analysed_arms.values()
        room = width / (_STRATA_DISTANCE * (len(self.strata) - 1) + 2.2 + (kind == "estimation")) - 1
        names_fit = all(style.text_width(arm.label) <= room for arm in arms)
        return kind == "time_course" or (kind in ("arms", "estimation") and not names_fit)

    def draw(self, ax: Axes) -> Content:
        """Draw the panel on axes, or write in their frame why the workbook or the analysis lacks its data."""
        strata, defined = self.strata, self.study.analysis.strata.labels
        try:
            if unknown := [name for name in strata if name not in (ALL_PARTICIPANTS, *defined)]:
                raise NotShownError(f"No stratum {', '.join(unknown)} in this analysis (it has {', '.join(defined)})")
            if len(strata) > MAX_STRATA:
                limit = f"A panel holds up to {MAX_STRATA} strata, this analysis has {len(strata)}: see the tables"
                raise NotShownError(limit)
            return Content(self.title, DRAW_BY_KIND[self.panel.kind](ax, self))
        except NotShownError as reason:
            elements.write_message(ax, str(reason))
            return Content(self.title, f"{reason}.", missing=True)

    def no_numbers_error(self, visit: str, stratum: str = ALL_PARTICIPANTS) -> NotShownError:
        """Return the error of an outcome without numbers; it lists the reasons why participants have no value."""
        changes, subgroup = self.study.changes, "" if stratum == ALL_PARTICIPANTS else f", {stratum},"
        changes = changes[changes["outcome"].eq(self.outcome.key) & changes["visit"].eq(visit)]
        reasons = labels.join_words(list(filter(None, changes["reason"].unique())))
        problem = f"has no value: {reasons}" if reasons else "has no value in this analysis"
        return NotShownError(f"{self.outcome.label} ({self.study.trial.visits[visit].label}){subgroup} {problem}")

    def draw_groups(self, ax: Axes, groups: list[elements.Group], **options: Any) -> None:
        """Draw groups of participants; NotShownError if all are empty."""
        if not any(group.n for group in groups):
            raise self.no_numbers_error(self.visit)
        elements.draw_groups(ax, groups, unit=self.unit, limits=self.limits, **options)
        elements.label_y_axis(ax, self.axis_label)

    def describe(self, group: elements.Group) -> str:
        """Return the summary of a group as text."""
        return render_text("panel", "summary", group=group, shown=self)


def add_unit(label: str, unit: str) -> str:
    """Add a unit, with superscripts, to a label."""
    return f"{label} ({labels.format_unit(unit)})" if unit else label


def draw_arms(ax: Axes, view: View) -> str:
    """Draw every participant by arm at one visit, overall or by stratum, or with the difference between the arms."""
    study, key, estimation = view.study, view.key, view.panel.kind == "estimation"
    trial, groups, comparisons = study.trial, [], []
    for index, subgroup in enumerate(view.subgroups):
        for step, (arm, look) in enumerate(((trial.arms.control, style.CONTROL), (trial.arms.treated, style.TREATED))):
            values, summary = study.values(key, arm.key, **subgroup), study.summary(key, arm.key, **subgroup)
            groups.append(elements.Group(arm.label, look, _STRATA_DISTANCE * index + step, values, summary))
    names = not view.needs_legend(elements.axes_size(ax)[0] * style.MM_PER_POINT)
    compared = [study.compare_arms(key, **subgroup) for subgroup in view.subgroups]
    include = [groups[0].summary.median + end for *ends, _ in compared for end in ends] if estimation else []
    no_change = [0.0] * (view.visit != BASELINE)
    view.draw_groups(ax, groups, names=names, include=include + no_change)
    for height in no_change:
        ax.axhline(height, label="zero", **style.DASHED)
    direction = labels.contrast_label(trial)
    for stratum, (*ends, p), control, treated in zip(view.strata, compared, groups[::2], groups[1::2], strict=True):
        name = "" if estimation or stratum == ALL_PARTICIPANTS else stratum
        elements.draw_bracket(ax, control.position, treated.position, p, name)
        if estimation:
            elements.draw_difference(ax, treated.position + 1, control.summary.median, ends, direction)
        comparisons.append((name, (view.describe(treated), view.describe(control)), ends if estimation else [], p))
    return render_text("panel", "arms", title=view.title, compared=comparisons, direction=direction, shown=view)


def draw_time_course(ax: Axes, view: View) -> str:
    """Draw the median change by arm at equally spaced visits in one group; every change is zero at baseline."""
    study, trial, (subgroup,), (stratum,) = view.study, view.study.trial, view.subgroups, view.strata
    visits, arms = (BASELINE, *view.outcome.follow_up), (trial.arms.control, trial.arms.treated)
    summaries = {v: [study.summary(study.key(view.outcome.key, v), a.key, **subgroup) for a in arms] for v in visits}
    summaries = {visit: s for visit, s in summaries.items() if visit == BASELINE or any(summary.n > 0 for summary in s)}
    if len(summaries) == 1:
        raise view.no_numbers_error(view.outcome.follow_up[0], stratum)
    sizes = ["/".join(format_number(summary.n, 0) for summary in s) for s in summaries.values()]
    summaries[BASELINE] = [summary._replace(median=0.0, q1=0.0, q3=0.0) for summary in summaries[BASELINE]]
    quartiles = [quartile for s in summaries.values() for _, _, *ends in s for quartile in ends]
    ax.set(xlim=(-0.45, len(sizes) - 0.55), ylim=view.limits or elements.axis_range(quartiles, quartiles))
    ax.axhline(0.0, label="zero", **style.DASHED)
    width = elements.axis_length(ax, 1.0) - 1
    names = [style.truncate(trial.visits[visit].label, width) for visit in summaries]
    ax.set_xticks(range(len(names)), [f"{name}\n{n}" for name, n in zip(names, sizes, strict=True)])
    ax.set_xlabel(style.truncate(f"n, {arms[0].label} / {arms[1].label}", elements.axis_length(ax, len(names))))
    elements.label_y_axis(ax, view.axis_label, 1.1)
    for index, (arm, look) in enumerate(zip(arms, (style.CONTROL, style.TREATED), strict=True)):
        drawn = [by_arm[index] for by_arm in summaries.values()]
        dodged = [position + _DODGE * (2 * index - 1) for position in range(len(drawn))]
        lengths = [[s.median - s.q1 for s in drawn], [s.q3 - s.median for s in drawn]]
        line = look.points(4.0, 0.6) | {"linestyle": "-", "color": look.edge, "linewidth": 1.1, "label": arm.label}
        line |= {"elinewidth": 0.9, "capsize": 2.0, "capthick": 0.9, "zorder": 2.9 + 0.1 * index}
        ax.errorbar(dodged, [s.median for s in drawn], yerr=lengths, **line)
    described = []
    for position, (visit, by_arm) in enumerate(list(summaries.items())[1:], start=1):
        *_, p = study.compare_arms(study.key(view.outcome.key, visit), **subgroup)
        if not math.isnan(p):
            text = style.wrap_text(format_p(p), width, style.BODY)
            ax.text(position, 1.01, text, transform=ax.get_xaxis_transform(), ha="center", va="bottom")
        medians = [(arm.label, summary.median) for arm, summary in zip(arms, by_arm, strict=True)]
        described.append((trial.visits[visit].label, medians, p))
    return render_text("panel", "time_course", title=view.title, visits=described, shown=view)


def draw_strata(ax: Axes, view: View) -> str:
    """Draw baseline values by stratum, both arms together; the highest stratum, if shown, is compared with each lower one."""
    study, key, groups, comparisons = view.study, view.key, [], []
    looks = style.group_looks(study.analysis.strata.labels)
    for position, (stratum, subgroup) in enumerate(zip(view.strata, view.subgroups, strict=True)):
        values, summary = study.values(key, **subgroup), study.summary(key, **subgroup)
        groups.append(elements.Group(stratum, looks[stratum], position, values, summary))
    view.draw_groups(ax, groups)
    *lower, highest = study.analysis.strata.labels
    places = {group.name: group.position for group in groups}
    compared = [stratum for stratum in places if stratum in lower] if highest in places else []
    compared.sort(key=lambda stratum: abs(places[stratum] - places[highest]))  # shorter brackets are below longer ones
    for level, stratum in enumerate(compared):
        p = study.numbers.get(*key, "p", marker=view.marker, stratum="", contrast=f"{highest} - {stratum}").value
        elements.draw_bracket(ax, *sorted((places[stratum], places[highest])), p, level=level)
        comparisons.insert(0, (stratum, p))
    texts = [view.describe(group) for group in groups]
    return render_text("panel", "strata", title=view.title, groups=texts, highest=highest, compared=comparisons)


def draw_correlation(ax: Axes, view: View) -> str:
    """Draw a marker against age in one group of participants."""
    study, marker, age = view.study, view.outcome, view.study.trial.population.age
    pairs = study.people[view.group][[age, marker.key]].dropna()
    if pairs.empty:
        raise NotShownError(f"{marker.label} and age are not in this workbook")
    key, keys = (marker.key, "correlation", BASELINE), {"contrast": age, "group": view.group}
    r, p = (study.numbers.get(*key, statistic, **keys) for statistic in ("spearman_r", "p"))
    ax.plot(pairs[age], pairs[marker.key], label="participants", **style.NEUTRAL.points(elements.POINT))
    ax.margins(0.04)
    ax.set_xlabel(add_unit("Age", "years"))
    elements.label_y_axis(ax, add_unit(marker.label, marker.unit))
    result = f"Spearman r = {format_number(r.value, 2)}, {format_p(p.value)}, n = {format_number(r.n_first, 0)}"
    ax.text(0.0, 1.01, result, transform=ax.transAxes, ha="left", va="bottom")
    return render_text("panel", "correlation", marker=marker.label, title=view.title, result=result)


DRAW_BY_KIND = {"arms": draw_arms, "estimation": draw_arms, "time_course": draw_time_course}
DRAW_BY_KIND |= {"strata": draw_strata, "correlation": draw_correlation}
