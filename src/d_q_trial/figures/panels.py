"""What each panel shows: finished numbers looked up, and the same numbers put into words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import formatting, labels
from ..results_table import ALL_PARTICIPANTS, BOTH_ARMS
from ..trial import BASELINE, Outcome
from . import courses, draw, style
from .catalogue import EACH, Panel
from .study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_STRATA = 6  # side by side in a panel
_LETTER_MM = 1.3  # mean width of a letter under the axis


@dataclass(frozen=True)
class Content:
    """A panel ready to be drawn.

    Attributes
    ----------
    title : str
    paint : callable
        Takes axes and draws on them.
    words : str
        The result in words, for readers who do not see the drawing.
    arms_legend : bool
        Whether colours of arms need a legend.
    rows_below : bool
        Whether rows of n stand under the axis.
    more_lines : int
        How many lines stand above that of P: names of strata, or further brackets.
    right_axis : bool
        Whether an axis stands at the right.
    missing : bool
        Whether the panel only says why it shows nothing.
    """

    title: str
    paint: Callable[[Axes], Axes]
    words: str
    arms_legend: bool = False
    rows_below: bool = False
    more_lines: int = 0
    right_axis: bool = False
    missing: bool = False


def content(panel: Panel, study: Study, width: float = 60.0) -> Content:
    """Look up what a panel shows; where the workbook or the analysis does not have it, the panel says so.

    ``width`` is that of its axes in millimetres; names of arms that do not fit under them go into a legend.
    """
    trial = study.trial
    if panel.kind == "correlation":
        return _correlation(panel, study)
    outcome = trial.outcomes[panel.outcome]
    names = study.resolve([EACH] if panel.kind == "strata" and panel.strata == [ALL_PARTICIPANTS] else panel.strata)
    title = panel.title or _title(panel, study, outcome, names)
    unknown = [name for name in names if name not in (ALL_PARTICIPANTS, *study.strata_labels)]
    if unknown:
        has = ", ".join(study.strata_labels)
        return _missing(title, f"No stratum {', '.join(unknown)}\nin this analysis (it has {has})")
    if len(names) > MOST_STRATA:
        return _missing(
            title, f"A panel holds up to {MOST_STRATA} strata,\nthis analysis has {len(names)}: see the tables"
        )
    builders = {"arms": _arms, "estimation": _arms, "time_course": _time_course, "strata": _strata}
    return builders[panel.kind](panel, study, outcome, names, title, width)


def _title(panel: Panel, study: Study, outcome: Outcome, names: list[str]) -> str:
    if panel.kind == "strata":
        return outcome.label
    parts = [outcome.label] + ([study.trial.visits[panel.visit].label] if panel.visit else [])
    if panel.kind == "time_course":
        marker = study.trial.markers.get(panel.marker or study.marker)
        parts.append("all participants" if names == [ALL_PARTICIPANTS] else f"{names[0]} of {marker.label}")
    elif panel.kind == "estimation" and names != [ALL_PARTICIPANTS]:
        parts.append(names[0])
    return ", ".join(parts)


def with_unit(label: str, unit: str) -> str:
    """Join a label and its unit, with raised squares."""
    return f"{label} ({labels.unit(unit)})" if unit else label


def change_label(outcome: Outcome, measure: str) -> str:
    """Name an axis of changes."""
    names = {"percent_change": f"{outcome.label}, change (%)", "log_ratio": f"{outcome.label}, log ratio to baseline"}
    return names.get(measure) or with_unit(f"{outcome.label}, change", outcome.unit)


def _change_unit(outcome: Outcome, measure: str) -> str:
    return "" if measure == "log_ratio" else labels.change_unit(measure, outcome.unit)


def _missing(title: str, reason: str) -> Content:
    return Content(title, lambda ax: draw.message(ax, reason), reason.replace("\n", " ") + ".", missing=True)


def _not_there(title: str, study: Study, label: str, visit: str, stratum: str = "") -> Content:
    when = study.trial.visits[visit].label if visit in study.trial.visits else visit
    of = f", {stratum}," if stratum else ""
    return _missing(title, f"{label} ({when}){of}\nis not in this workbook or analysis")


def _place(panel: Panel, study: Study, stratum: str) -> dict[str, str]:
    marker = "" if stratum == ALL_PARTICIPANTS else panel.marker or study.marker
    return {"marker": marker, "stratum": stratum}


def _group(
    study: Study,
    key: tuple[str, str, str],
    name: str,
    look: style.Look,
    position: float,
    *,
    arm: str = "",
    **place: str,
) -> draw.Group:
    """Look up a group of participants; ``key`` is outcome, measure and visit, and no ``arm`` takes both together."""
    numbers = {
        statistic: study.numbers.get(*key, statistic, group=arm or BOTH_ARMS, **place).value
        for statistic in ("n", "median", "q1", "q3")
    }
    n = numbers.pop("n")
    values = study.values(*key, arm=arm, **place)
    return draw.Group(name, look, position, values, n=0 if math.isnan(n) else int(n), **numbers)


def _summary_words(group: draw.Group, decimals: int, unit: str) -> str:
    unit = unit if unit in ("", "%") else f" {unit}"
    if not math.isfinite(group.median):
        return f"{group.name}: no value"
    numbers = [formatting.number(v, decimals) for v in (group.median, group.q1, group.q3)]
    return f"{group.name} median {numbers[0]}{unit} (quartiles {numbers[1]} and {numbers[2]}), n = {group.n}"


def _arms(panel: Panel, study: Study, outcome: Outcome, strata: list[str], title: str, width: float) -> Content:
    """Every participant by arm at one visit, all together or in strata side by side."""
    trial, at_baseline = study.trial, panel.visit == BASELINE
    measure = "baseline" if at_baseline else study.measure
    key = (panel.outcome, measure, panel.visit)
    unit = outcome.unit if at_baseline else _change_unit(outcome, measure)
    decimals = outcome.decimals if at_baseline else labels.change_decimals(measure, outcome.decimals)
    members, comparisons, words, shift = [], [], [], None
    for index, stratum in enumerate(strata):
        place, start = _place(panel, study, stratum), index * 2.35
        pair = [
            _group(study, key, arm.label, look, start + step, arm=arm.key, **place)
            for step, (arm, look) in enumerate(
                ((trial.arms.control, style.CONTROL), (trial.arms.treated, style.TREATED))
            )
        ]
        p = study.numbers.get(*key, "p", contrast=trial.contrast, **place).value
        over = "" if stratum == ALL_PARTICIPANTS else stratum
        comparisons.append(draw.Comparison(start, start + 1, p, "" if panel.kind == "estimation" else over))
        said = "; ".join(_summary_words(group, decimals, unit) for group in reversed(pair))
        if panel.kind == "estimation":
            estimate, low, high = (
                study.numbers.get(*key, f"hodges_lehmann{end}", contrast=trial.contrast, **place).value
                for end in ("", "_lower", "_upper")
            )
            shift = draw.Shift(pair[0].median, estimate, low, high, labels.direction(trial))
            said += f"; {labels.direction(trial)} {formatting.interval(estimate, low, high, decimals)}"
        words.append((f"{over}: " if over else "") + f"{said}; {formatting.p_value(p)}")
        members += pair
    if not any(group.n for group in members):
        return _not_there(title, study, outcome.label, panel.visit)
    slot = width / (members[-1].position + 1.2)
    names_fit = len(strata) == 1 or max(len(group.name) for group in members) * _LETTER_MM <= slot

    def paint(ax: Axes) -> Axes:
        return draw.groups(
            ax,
            members,
            comparisons,
            ylabel=with_unit(outcome.label, outcome.unit) if at_baseline else change_label(outcome, measure),
            unit=unit,
            zero=not at_baseline,
            limits=panel.limits,
            names=names_fit,
            shift=shift,
        )

    return Content(
        title,
        paint,
        f"{title}. {'. '.join(words)}.",
        arms_legend=not names_fit,
        more_lines=int(any(comparison.over for comparison in comparisons)),
        right_axis=shift is not None,
    )


def _time_course(panel: Panel, study: Study, outcome: Outcome, strata: list[str], title: str, width: float) -> Content:
    """Median change by arm over the visits in one group of participants; every change is zero at baseline."""
    trial, measure, (stratum,) = study.trial, study.measure, strata
    place = _place(panel, study, stratum)

    def number(visit: str, arm: str, statistic: str) -> float:
        at = "baseline" if visit == BASELINE else measure
        return study.numbers.get(panel.outcome, at, visit, statistic, group=arm, **place).value

    arms = ((trial.arms.treated, style.TREATED), (trial.arms.control, style.CONTROL))
    visits = [v for v in outcome.follow_up if any(number(v, arm.key, "n") > 0 for arm, _ in arms)]
    if not visits:
        return _not_there(
            title, study, outcome.label, outcome.follow_up[0], "" if stratum == ALL_PARTICIPANTS else stratum
        )
    p = [study.numbers.get(panel.outcome, measure, v, "p", contrast=trial.contrast, **place).value for v in visits]
    members = []
    for arm, look in arms:
        counts = [number(visit, arm.key, "n") for visit in (BASELINE, *visits)]
        summaries = [(0.0, *(number(visit, arm.key, s) for visit in visits)) for s in ("median", "q1", "q3")]
        n = tuple(None if math.isnan(count) else int(count) for count in counts)
        members.append(courses.Course(arm.label, look, n, *summaries))
    shown = [trial.visits[v] for v in (BASELINE, *visits)]
    in_weeks = all(visit.week is not None for visit in shown)
    times = [visit.week for visit in shown] if in_weeks else list(range(len(shown)))

    def paint(ax: Axes) -> Axes:
        return courses.courses(
            ax,
            members,
            times,
            [math.nan, *p],
            ylabel=change_label(outcome, measure),
            xlabel="Weeks" if in_weeks else "",
            time_labels=[f"{visit.week:g}" if in_weeks else visit.label for visit in shown],
            limits=panel.limits,
        )

    unit, decimals = _change_unit(outcome, measure), labels.change_decimals(measure, outcome.decimals)
    words = []
    for index, visit in enumerate(visits, start=1):
        both = ", ".join(f"{m.name} {formatting.number(m.medians[index], decimals)}{unit}" for m in members)
        words.append(f"{trial.visits[visit].label}: {both}, {formatting.p_value(p[index - 1])}")
    return Content(title, paint, f"{title}. Medians at {'; '.join(words)}.", arms_legend=True, rows_below=True)


def _strata(panel: Panel, study: Study, outcome: Outcome, strata: list[str], title: str, width: float) -> Content:
    """Baseline values by stratum, both arms together; the highest stratum is compared with each lower one."""
    key, marker = (panel.outcome, "baseline", BASELINE), panel.marker or study.marker
    members = [
        _group(study, key, name, style.stratum_look(place, len(strata)), place, marker=marker, stratum=name)
        for place, name in enumerate(strata)
    ]
    if not any(group.n for group in members):
        return _not_there(title, study, outcome.label, BASELINE)
    *lower, highest = strata
    comparisons, said = [], [_summary_words(group, outcome.decimals, outcome.unit) for group in reversed(members)]
    for place, name in enumerate(lower):
        contrast = f"{highest} - {name}"
        p = study.numbers.get(*key, "p", marker=marker, stratum="", contrast=contrast).value
        comparisons.append(draw.Comparison(place, len(lower), p))
        said.append(f"{highest} against {name} {formatting.p_value(p)}" if len(lower) > 1 else formatting.p_value(p))

    def paint(ax: Axes) -> Axes:
        return draw.groups(
            ax,
            members,
            comparisons,
            ylabel=with_unit(outcome.label, outcome.unit),
            unit=outcome.unit,
            limits=panel.limits,
        )

    lines = draw.LINES_PER_LEVEL * max(draw.levels(comparisons), default=0)
    return Content(title, paint, f"{title} at baseline. {'; '.join(said)}.", more_lines=lines)


def _correlation(panel: Panel, study: Study) -> Content:
    """A marker against age in one group of people."""
    trial, marker = study.trial, study.trial.markers[panel.outcome]
    cut = f"{trial.population.cut_age:g}"
    groups = {
        "population": ("population", trial.population.label),
        "population_under_cut": (f"population_under_{cut}", f"{trial.population.label}, under {cut} years"),
        "population_from_cut": (f"population_over_{cut}", f"{trial.population.label}, {cut} years and over"),
        "participants": ("participants", "trial participants"),
    }
    group, name = groups[panel.group]
    title = panel.title or name.capitalize()
    ages, values = study.pairs(panel.outcome, panel.group)
    if not ages:
        return _missing(title, f"{marker.label} and age\nare not in this workbook")
    r, p = (
        study.numbers.get(panel.outcome, "correlation", BASELINE, statistic, contrast=trial.population.age, group=group)
        for statistic in ("spearman_r", "p")
    )
    n = int(r.n_first) if math.isfinite(r.n_first) else len(ages)

    def paint(ax: Axes) -> Axes:
        return draw.correlation(
            ax,
            ages,
            values,
            r=r.value,
            p=p.value,
            n=n,
            xlabel=with_unit("Age", "years"),
            ylabel=with_unit(marker.label, marker.unit),
            limits=panel.limits,
        )

    words = f"{marker.label} against age, {title.lower()}: Spearman r = {formatting.number(r.value, 2)}, "
    return Content(title, paint, f"{words}{formatting.p_value(p.value)}, n = {n}.")
