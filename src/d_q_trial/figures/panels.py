"""Panels of figures: functions that draw finished numbers on axes and return a text alternative."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from .. import labels
from ..formatting import format_grouped, format_number, format_p
from ..results_table import ALL_PARTICIPANTS, subgroup_keys
from ..trial import BASELINE
from . import style
from .catalogue import Panel
from .study import Study, Summary

MAX_STRATA = 6  # in one panel, side by side
_STRATA_DISTANCE = 2.35  # between strata, whose arms are one unit apart
_DODGE = 0.07  # offset of the time course of an arm, in units of the distance between visits
# A value farther from all quartiles than this multiple of their range is a triangle at the edge of the axis.
REACH = 5.0
_TRIANGLES = 0.07  # share of an axis
POINT = 3.0  # diameter of a participant's marker, in points of type
_HALF_GROUP = 0.30  # half the width available to the points, in units of the distance between groups
_POINTS_AT, _SUMMARY_AT = -5.0, 7.0  # points of type: of points from their group's position, of summary from points
BEYOND = "beyond "  # prefix of the labels of symbols for values outside the axis
_BRACKET = 1.035  # height of the bracket below P, as a share of the height of the axes
_LEVEL = 13.0  # points of type from a bracket to the one above it


class Content(NamedTuple):
    """Title and text alternative of a panel."""

    title: str
    words: str
    missing: bool = False  # the panel only states why it shows nothing


class NotShownError(Exception):
    """The workbook or the analysis lacks the data of a panel."""


class Group(NamedTuple):
    """Values of one group, a point per participant, with the finished summary; a NaN is not drawn."""

    name: str
    look: style.Look
    position: float  # along the axis; neighbours are one unit apart
    values: tuple[float, ...]
    summary: Summary

    @property
    def n(self) -> int:
        """Number of participants in the summary, 0 if it has none."""
        return 0 if math.isnan(self.summary.n) else int(self.summary.n)


class View:
    """A panel of a study: the participants and the numbers that it shows, and their labels."""

    def __init__(self, panel: Panel, study: Study):
        trial, analysis = study.trial, study.analysis
        self.panel, self.study = panel, study
        self.limits: style.Range | None = None  # of the vertical axis, if shared; by default chosen from the data
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
        label = style.truncate(self.outcome.label, 30, style.BODY)  # the title has the full label
        self.axis_label = add_unit(label if measure == BASELINE else f"{label}, change", unit)
        visit = trial.visits[panel.visit].label if panel.visit else ""
        stratum = "" if panel.kind in ("arms", "strata") or panel.strata == [ALL_PARTICIPANTS] else self.strata[0]
        marker, everyone = trial.markers[self.marker].label, "all participants together"
        name_group = analysis.strata.group if self.marker == analysis.marker else "{} of {}".format
        self.groups = [everyone if s == ALL_PARTICIPANTS else name_group(s, marker) for s in self.strata]
        stratum = self.groups[0] if stratum and panel.kind == "time_course" else stratum
        self.title = ", ".join(filter(None, (self.outcome.label, visit, stratum)))

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
            style.write_message(ax, str(reason))
            return Content(self.title, f"{reason}.", missing=True)

    def no_numbers_error(self, visit: str) -> NotShownError:
        """Return the error of groups without numbers: their names if others have values, or else why nobody has one."""
        changes = self.study.changes.loc[lambda rows: rows["outcome"].eq(self.outcome.key) & rows["visit"].eq(visit)]
        reasons = labels.join_words(list(filter(None, changes["reason"].unique())))
        problem = f": {reasons}" if reasons else " in this analysis"
        problem = f" in {labels.join_words(self.groups)}" if changes["value"].notna().any() else problem
        return NotShownError(f"{self.outcome.label} ({self.study.trial.visits[visit].label}) has no value{problem}")

    def draw_groups(self, ax: Axes, groups: Sequence[Group], include: Iterable[float] = ()) -> None:
        """Draw every participant as a point, with median, quartiles and n of each group; NotShownError if all are empty.

        The names of the groups are above n, unless there is a legend. Unless the axis is shared, it has the values to
        ``include``.
        """
        if not any(group.n for group in groups):
            raise self.no_numbers_error(self.visit)
        positions, values = [group.position for group in groups], [v for group in groups for v in group.values]
        quartiles = [quartile for group in groups for quartile in (group.summary.q1, group.summary.q3)]
        ax.set_xlim(min(positions) - 0.6, max(positions) + 0.6)
        ax.set_ylim(self.limits or axis_range(values, quartiles, include))
        for group in groups:
            _draw_group(ax, group, self.unit)
        width = style.axis_length(ax, 1.0) - 1
        has_names = not self.needs_legend(style.axes_size(ax)[0] * style.MM_PER_POINT)
        ax.set_xticks(positions, [f"{style.wrap_text(g.name, width)}\n" * has_names + f"n = {g.n}" for g in groups])
        ax.tick_params(axis="x", length=0)
        style.label_y_axis(ax, self.axis_label)

    def describe(self, group: Group) -> str:
        """Return the summary of a group as text."""
        return style.render_text("panel", "summary", group=group, shown=self)


def add_unit(label: str, unit: str) -> str:
    """Add a unit, with superscripts, to a label."""
    return f"{label} ({labels.format_unit(unit)})" if unit else label


def axis_range(values: Iterable[float], quartiles: Iterable[float], include: Iterable[float] = ()) -> style.Range:
    """Choose the range of an axis, slightly wider than the values in view.

    Values farther than ``REACH`` times the range of the ``quartiles`` (of all groups, as computed) do not extend it; the
    finite values to ``include``, such as zero, are always in view. There is room for the triangles of values out of view.
    """
    values, quartiles = list(filter(math.isfinite, values)), list(filter(math.isfinite, quartiles))
    first, third = min(quartiles, default=0.0), max(quartiles, default=0.0)
    reach = REACH * (third - first) or math.inf  # equal quartiles exclude no value
    near = [*(v for v in values if first - reach <= v <= third + reach), *quartiles, *filter(math.isfinite, include)]
    if not near:
        return 0.0, 1.0
    low, high = style.pad_range(near)
    room = _TRIANGLES * (high - low)
    return low - room * any(value < low for value in values), high + room * any(value > high for value in values)


def beeswarm_offsets(heights: Sequence[float], diameter: float, half_width: float) -> list[float]:
    """Return horizontal offsets, shape (n,), that keep points at ``heights``, shape (n,), from hiding each other.

    Heights and offsets are in points of type. The offsets are symmetric and the same in every run. None exceeds
    ``half_width``, so the points of a wider crowd overlap.
    """
    offsets, placed = [0.0] * len(heights), []
    count = int(half_width / (diameter / 2))
    lanes = sorted((lane * diameter / 2 for lane in range(count, -count - 1, -1)), key=abs)
    for index, height in sorted(enumerate(heights), key=lambda item: item[1]):
        near = [(x, y) for x, y in placed if height - y < diameter]
        candidates = lanes if index % 2 else [-lane for lane in lanes]  # mirrored at every second point, for symmetry
        free = (c for c in candidates if all(math.hypot(c - x, height - y) >= 0.98 * diameter for x, y in near))
        offsets[index] = next(free, candidates[len(placed) % len(candidates)])
        placed.append((offsets[index], height))
    return offsets


def _draw_group(ax: Axes, group: Group, unit: str) -> None:
    """Draw every value as a point, with the median as a wide line beside them and the quartiles as a bar.

    Values outside the axis are triangles at its edge, with the farthest of them in its ``unit`` and their number.
    """
    (low, high), (left, right), (width, height) = ax.get_ylim(), ax.get_xlim(), style.axes_size(ax)
    point = (right - left) / width  # one point of type, in units of the horizontal axis
    visible = [value for value in group.values if low <= value <= high]
    offsets = beeswarm_offsets([value * height / (high - low) for value in visible], POINT, _HALF_GROUP / point)
    middle = group.position + _POINTS_AT * point
    ax.plot([middle + x * point for x in offsets], visible, label=group.name, zorder=2, **group.look.points(POINT))
    _, median, q1, q3 = group.summary
    if math.isfinite(median):
        x, cap, half_width = middle + (max(offsets, default=0.0) + _SUMMARY_AT) * point, 1.6 * point, 3.6 * point
        bar = (x - cap, x + cap, x, x, x - cap, x + cap)
        ax.plot(bar, (q1, q1, q1, q3, q3, q3), color=style.INK, linewidth=0.8, zorder=3, label="quartiles")
        line = {"color": style.INK, "linewidth": 1.8, "solid_capstyle": "butt", "zorder": 3}
        ax.plot((x - half_width, x + half_width), (median, median), label="median", **line)
    above = sorted((value for value in group.values if value > high), reverse=True)
    below, transform = sorted(value for value in group.values if value < low), ax.get_xaxis_transform()
    for values, marker, edge in filter(lambda side: side[0], ((above, "^", 0.972), (below, "v", 0.028))):
        gap = min(1.3 * POINT, 8 / len(values))  # keeps many triangles from the next group
        positions = [group.position + (_POINTS_AT + gap * index) * point for index in range(len(values))]
        look = group.look.points(POINT + 1) | {"marker": marker, "clip_on": False, "zorder": 4}
        ax.plot(positions, [edge] * len(values), transform=transform, label=f"{BEYOND}{group.name}", **look)
        farthest = f"{format_grouped(values[0], 0 if abs(values[0]) >= 100 else 1)}{unit}"
        text = f"{len(values)} values\nto {farthest}" if len(values) > 1 else farthest
        inwards = 2.8 * text.count("\n") * (-1 if marker == "^" else 1)  # keeps a second line off the bracket of P
        offset = {"xycoords": transform, "xytext": (3.5, inwards), "textcoords": "offset points"}
        ax.annotate(text, (positions[-1], edge), va="center", size=style.SMALL - 1, zorder=4, **offset)


def draw_bracket(ax: Axes, first: float, second: float, p: float, group: str = "", level: int = 0) -> None:
    """Draw a bracket and P between two positions, with the name of their ``group``; ``level`` counts lower brackets."""
    group = style.truncate(group, style.axis_length(ax, second - first + 1.2), style.BODY)
    height, transform = _BRACKET + level * _LEVEL / style.axes_size(ax)[1], {"transform": ax.get_xaxis_transform()}
    line = {"color": style.INK, "linewidth": 0.6, "clip_on": False, "label": "bracket"}
    ax.plot((first, first, second, second), (height - 0.02, height, height, height - 0.02), **line, **transform)
    text = "\n".join(filter(None, (group, format_p(p))))
    ax.text((first + second) / 2, height + 0.015, text, ha="center", va="bottom", **transform)


def draw_difference(ax: Axes, position: float, base: float, ends: Sequence[float], label: str) -> None:
    """Draw a difference and its interval beside the points, relative to ``base``, the median of the first group.

    ``ends`` are the estimate and the limits, NaN without an interval. The axis at the right is zero at ``base``.
    """
    estimate, low, high = (base + (end if math.isfinite(end) else ends[0]) for end in ends)
    if not math.isfinite(estimate):
        return
    ax.set_xlim(right=position + 0.6)
    ax.plot((position, position), (low, high), color=style.INK, linewidth=1.0, label="interval")
    ax.plot(position, estimate, marker="D", markersize=3.6, color=style.INK, label="difference")
    ax.plot((0, position + 0.6), (base, base), color=style.GRID, linewidth=0.6, zorder=0.6, label="base")
    axis = ax.secondary_yaxis("right", functions=(lambda y: y - base, lambda y: y + base))
    label = style.wrap_text(
        style.truncate(label, 55.0), 1.1 * style.axes_size(ax)[1] * style.MM_PER_POINT
    )  # below the title
    axis.set_ylabel(label, labelpad=2.0, linespacing=1.0, size=style.SMALL)
    axis.spines["right"].set_visible(True)
    style.format_axis(axis.yaxis, ax.get_ylim())
    ax.set_xticks([*ax.get_xticks(), position], [*(tick.get_text() for tick in ax.get_xticklabels()), "difference"])


def draw_arms(ax: Axes, view: View) -> str:
    """Draw every participant by arm at one visit, overall or by stratum, or with the difference between the arms."""
    study, key, estimation = view.study, view.key, view.panel.kind == "estimation"
    trial, groups, comparisons = study.trial, [], []
    for index, subgroup in enumerate(view.subgroups):
        for step, (arm, look) in enumerate(((trial.arms.control, style.CONTROL), (trial.arms.treated, style.TREATED))):
            values, summary = study.values(key, arm.key, **subgroup), study.summary(key, arm.key, **subgroup)
            groups.append(Group(arm.label, look, _STRATA_DISTANCE * index + step, values, summary))
    compared = [study.compare_arms(key, **subgroup) for subgroup in view.subgroups]
    include = [groups[0].summary.median + end for *ends, _ in compared for end in ends] if estimation else []
    no_change = [0.0] * (view.visit != BASELINE)
    view.draw_groups(ax, groups, include + no_change)
    for height in no_change:
        ax.axhline(height, label="zero", **style.DASHED)
    direction = labels.contrast_label(trial)
    for stratum, (*ends, p), control, treated in zip(view.strata, compared, groups[::2], groups[1::2], strict=True):
        name = "" if estimation or stratum == ALL_PARTICIPANTS else stratum
        draw_bracket(ax, control.position, treated.position, p, name)
        if estimation:
            draw_difference(ax, treated.position + 1, control.summary.median, ends, direction)
        comparisons.append((name, (view.describe(treated), view.describe(control)), ends if estimation else [], p))
    return style.render_text("panel", "arms", title=view.title, compared=comparisons, direction=direction, shown=view)


def draw_time_course(ax: Axes, view: View) -> str:
    """Draw the median change by arm at equally spaced visits in one group; every change is zero at baseline."""
    study, trial, (subgroup,) = view.study, view.study.trial, view.subgroups
    visits, arms = (BASELINE, *view.outcome.follow_up), (trial.arms.control, trial.arms.treated)
    summaries = {v: [study.summary(study.key(view.outcome.key, v), a.key, **subgroup) for a in arms] for v in visits}
    summaries = {visit: s for visit, s in summaries.items() if visit == BASELINE or any(summary.n > 0 for summary in s)}
    if len(summaries) == 1:
        raise view.no_numbers_error(view.outcome.follow_up[0])
    sizes = ["/".join(format_number(summary.n, 0) for summary in s) for s in summaries.values()]
    summaries[BASELINE] = [summary._replace(median=0.0, q1=0.0, q3=0.0) for summary in summaries[BASELINE]]
    quartiles = [quartile for s in summaries.values() for _, _, *ends in s for quartile in ends]
    ax.set(xlim=(-0.45, len(sizes) - 0.55), ylim=view.limits or axis_range(quartiles, quartiles))
    ax.axhline(0.0, label="zero", **style.DASHED)
    width = style.axis_length(ax, 1.0) - 1
    names = [style.truncate(trial.visits[visit].label, width) for visit in summaries]
    ax.set_xticks(range(len(names)), [f"{name}\n{n}" for name, n in zip(names, sizes, strict=True)])
    ax.set_xlabel(style.truncate(f"n, {arms[0].label} / {arms[1].label}", style.axis_length(ax, len(names))))
    style.label_y_axis(ax, view.axis_label, 1.1)
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
    return style.render_text("panel", "time_course", title=view.title, visits=described, shown=view)


def draw_strata(ax: Axes, view: View) -> str:
    """Draw baseline values by stratum, both arms together; the highest stratum, if shown, is compared with each lower one."""
    study, key, groups, comparisons = view.study, view.key, [], []
    looks = style.group_looks(study.analysis.strata.labels)
    for position, (stratum, subgroup) in enumerate(zip(view.strata, view.subgroups, strict=True)):
        values, summary = study.values(key, **subgroup), study.summary(key, **subgroup)
        groups.append(Group(stratum, looks[stratum], position, values, summary))
    view.draw_groups(ax, groups)
    *lower, highest = study.analysis.strata.labels
    places = {group.name: group.position for group in groups}
    compared = [stratum for stratum in places if stratum in lower] if highest in places else []
    compared.sort(key=lambda stratum: abs(places[stratum] - places[highest]))  # shorter brackets are below longer ones
    for level, stratum in enumerate(compared):
        p = study.numbers.get(*key, "p", marker=view.marker, stratum="", contrast=f"{highest} - {stratum}").value
        draw_bracket(ax, *sorted((places[stratum], places[highest])), p, level=level)
        comparisons.insert(0, (stratum, p))
    texts = [view.describe(group) for group in groups]
    return style.render_text("panel", "strata", title=view.title, groups=texts, highest=highest, compared=comparisons)


def draw_correlation(ax: Axes, view: View) -> str:
    """Draw a marker against age in one group of participants."""
    study, marker, age = view.study, view.outcome, view.study.trial.outcomes[view.study.trial.population.age]
    pairs = study.people[view.group][[age.key, marker.key]].dropna()
    if pairs.empty:
        raise NotShownError(f"{marker.label} and age are not in this workbook")
    key, keys = (marker.key, "correlation", BASELINE), {"contrast": age.key, "group": view.group}
    r, p = (study.numbers.get(*key, statistic, **keys) for statistic in ("spearman_r", "p"))
    ax.plot(pairs[age.key], pairs[marker.key], label="participants", **style.NEUTRAL.points(POINT))
    ax.margins(0.04)
    ax.set_xlabel(add_unit(age.label, age.unit))
    style.label_y_axis(ax, add_unit(marker.label, marker.unit))
    result = f"Spearman r = {format_number(r.value, 2)}, {format_p(p.value)}, n = {format_number(r.n_first, 0)}"
    ax.text(0.0, 1.01, result, transform=ax.transAxes, ha="left", va="bottom")
    return style.render_text("panel", "correlation", marker=marker.label, title=view.title, result=result)


DRAW_BY_KIND = {"arms": draw_arms, "estimation": draw_arms, "time_course": draw_time_course}
DRAW_BY_KIND |= {"strata": draw_strata, "correlation": draw_correlation}
