"""What each panel shows: finished numbers looked up, and the same numbers put into words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import formatting, labels
from ..results_table import BOTH_ARMS, EVERYBODY
from ..trial import BASELINE, Outcome
from . import courses, draw, style
from .catalogue import EACH, Panel
from .study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PERCENT = "percent_change"
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
    missing : bool
        Whether the panel only says that its numbers are missing.
    """

    title: str
    paint: Callable[[Axes], Axes]
    words: str
    arms_legend: bool = False
    rows_below: bool = False
    more_lines: int = 0
    missing: bool = False


def content(panel: Panel, study: Study, width: float = 60.0) -> Content:
    """Look up what a panel shows; where the workbook does not have it, the panel says so.

    ``width`` is that of its axes in millimetres; names of arms that do not fit under them go into a legend.
    """
    if panel.kind == "arms":
        return _arms(panel, study, width)
    return {"time_course": _time_course, "strata": _strata, "correlation": _correlation}[panel.kind](panel, study)


def with_unit(label: str, unit: str) -> str:
    """Join a label and its unit, with raised squares."""
    return f"{label} ({labels.unit(unit)})" if unit else label


def change_label(outcome: Outcome, measure: str) -> str:
    """Name an axis of changes."""
    if measure == _PERCENT:
        return f"{outcome.label}, change (%)"
    if measure == "log_ratio":
        return f"{outcome.label}, log ratio to baseline"
    return with_unit(f"{outcome.label}, change", outcome.unit)


def _change_unit(outcome: Outcome, measure: str) -> str:
    return "" if measure == "log_ratio" else labels.change_unit(measure, outcome.unit)


def _missing(title: str, reason: str) -> Content:
    return Content(title, lambda ax: draw.message(ax, reason), reason.replace("\n", " ") + ".", missing=True)


def _not_there(study: Study, label: str, visit: str, strata: str = "") -> str:
    when = study.trial.visits[visit].label if visit in study.trial.visits else visit
    lines = [f"{label} ({when})", "is not in this workbook or analysis"]
    if strata:
        lines[0] += f", {strata},"
    return "\n".join(lines)


def _unknown_strata(panel: Panel, study: Study) -> list[str]:
    known = {EVERYBODY, *study.strata_labels}
    return [label for label in study.resolve(panel.strata) if label not in known]


def _no_such_strata(title: str, unknown: list[str], study: Study) -> Content:
    has = ", ".join(study.strata_labels)
    return _missing(title, f"No stratum {', '.join(unknown)}\nin this analysis (it has {has})")


def _summary_words(name: str, group: draw.Group, decimals: int, unit: str) -> str:
    unit = unit if unit in ("", "%") else f" {unit}"
    if not math.isfinite(group.median):
        return f"{name}: no value"
    numbers = [formatting.number(v, decimals) for v in (group.median, group.q1, group.q3)]
    return f"{name} median {numbers[0]}{unit} (quartiles {numbers[1]} and {numbers[2]}), n = {group.n}"


def _arms(panel: Panel, study: Study, width: float) -> Content:
    """Every participant by arm at one visit, in everybody or in strata side by side."""
    trial, outcome = study.trial, study.trial.outcomes[panel.outcome]
    at_baseline = panel.visit == BASELINE
    measure = "baseline" if at_baseline else study.measure
    marker = panel.marker or study.marker
    title = panel.title or f"{outcome.label}, {trial.visits[panel.visit].label}"
    if unknown := _unknown_strata(panel, study):
        return _no_such_strata(title, unknown, study)
    strata = study.resolve(panel.strata)
    unit = outcome.unit if at_baseline else _change_unit(outcome, measure)
    decimals = outcome.decimals if at_baseline else labels.change_decimals(measure, outcome.decimals)
    members, comparisons, words = [], [], []
    for index, stratum in enumerate(strata):
        where = {"marker": "" if stratum == EVERYBODY else marker, "stratum": stratum}
        start = index * 2.35
        pair = []
        for step, (arm, look) in enumerate(((trial.arms.control, style.CONTROL), (trial.arms.treated, style.TREATED))):

            def number(statistic, arm=arm, where=where):
                return study.numbers.get(panel.outcome, measure, panel.visit, statistic, group=arm.key, **where).value

            n = number("n")
            group = draw.Group(
                name=arm.label,
                look=look,
                position=start + step,
                values=study.values(panel.outcome, measure, panel.visit, arm=arm.key, **where),
                n=0 if math.isnan(n) else int(n),
                median=number("median"),
                q1=number("q1"),
                q3=number("q3"),
            )
            pair.append(group)
        p = study.numbers.get(panel.outcome, measure, panel.visit, "p", contrast=trial.contrast, **where).value
        over = "" if stratum == EVERYBODY else stratum
        comparisons.append(draw.Comparison(start, start + 1, p, over))
        said = "; ".join(_summary_words(g.name, g, decimals, unit) for g in reversed(pair))
        words.append((f"{over}: " if over else "") + f"{said}; {formatting.p_value(p)}")
        members += pair
    if not any(group.n for group in members):
        return _missing(title, _not_there(study, outcome.label, panel.visit))
    ylabel = with_unit(outcome.label, outcome.unit) if at_baseline else change_label(outcome, measure)
    slot = width / (members[-1].position + 1.2)
    names_fit = len(strata) == 1 or max(len(group.name) for group in members) * _LETTER_MM <= slot

    def paint(ax: Axes) -> Axes:
        return draw.groups(
            ax,
            members,
            comparisons,
            ylabel=ylabel,
            unit=unit,
            zero=not at_baseline,
            limits=panel.limits,
            names=names_fit,
        )

    return Content(
        title,
        paint,
        f"{title}. {'. '.join(words)}.",
        arms_legend=not names_fit,
        more_lines=int(any(comparison.over for comparison in comparisons)),
    )


def _time_course(panel: Panel, study: Study) -> Content:
    """Median change by arm over the visits within one stratum; every change is zero at baseline."""
    trial, outcome, measure = study.trial, study.trial.outcomes[panel.outcome], study.measure
    marker = panel.marker or study.marker
    if unknown := _unknown_strata(panel, study):
        return _no_such_strata(panel.title or outcome.label, unknown, study)
    (stratum,) = study.resolve(panel.strata)
    everybody = stratum == EVERYBODY
    where = {"marker": "" if everybody else marker, "stratum": stratum}
    whom = "all participants" if everybody else f"{stratum} of {trial.markers[marker].label}"
    title = panel.title or f"{outcome.label}, {whom}"

    def number(visit: str, arm: str, statistic: str) -> float:
        return study.numbers.get(panel.outcome, measure, visit, statistic, group=arm, **where).value

    arms = ((trial.arms.treated, style.TREATED), (trial.arms.control, style.CONTROL))
    visits = [v for v in outcome.follow_up if any(number(v, arm.key, "n") > 0 for arm, _ in arms)]
    if not visits:
        return _missing(title, _not_there(study, outcome.label, outcome.follow_up[0], "" if everybody else stratum))
    p = [
        study.numbers.get(panel.outcome, measure, visit, "p", contrast=trial.contrast, **where).value
        for visit in visits
    ]
    members = []
    for arm, look in arms:
        at_baseline = study.numbers.get(panel.outcome, "baseline", BASELINE, "n", group=arm.key, **where).value
        counts = [at_baseline, *(number(visit, arm.key, "n") for visit in visits)]
        members.append(
            courses.Course(
                arm.label,
                look,
                tuple(None if math.isnan(n) else int(n) for n in counts),
                *(
                    (0.0, *(number(visit, arm.key, statistic) for visit in visits))
                    for statistic in ("median", "q1", "q3")
                ),
            )
        )
    shown = [trial.visits[v] for v in (BASELINE, *visits)]
    in_weeks = all(visit.week is not None for visit in shown)
    names = [f"{visit.week:g}" if in_weeks else visit.label for visit in shown]
    times = [visit.week for visit in shown] if in_weeks else list(range(len(shown)))

    def paint(ax: Axes) -> Axes:
        return courses.courses(
            ax,
            members,
            times,
            [math.nan, *p],
            ylabel=change_label(outcome, measure),
            xlabel="Weeks" if in_weeks else "",
            time_labels=names,
            limits=panel.limits,
        )

    unit = _change_unit(outcome, measure)
    decimals = labels.change_decimals(measure, outcome.decimals)
    words = []
    for index, visit in enumerate(visits, start=1):
        both = ", ".join(f"{m.name} {formatting.number(m.medians[index], decimals)}{unit}" for m in members)
        words.append(f"{trial.visits[visit].label}: {both}, {formatting.p_value(p[index - 1])}")
    return Content(title, paint, f"{title}. Medians at {'; '.join(words)}.", arms_legend=True, rows_below=True)


def _strata(panel: Panel, study: Study) -> Content:
    """Baseline values by stratum, both arms together; the highest stratum is compared with each lower one."""
    outcome, marker = study.trial.outcomes[panel.outcome], panel.marker or study.marker
    title = panel.title or outcome.label
    if unknown := _unknown_strata(panel, study):
        return _no_such_strata(title, unknown, study)
    strata = study.resolve(panel.strata if panel.strata != [EVERYBODY] else [EACH])
    members = []
    for position, stratum in enumerate(strata):

        def number(statistic, stratum=stratum):
            return study.numbers.get(
                panel.outcome, "baseline", BASELINE, statistic, marker=marker, stratum=stratum, group=BOTH_ARMS
            ).value

        n = number("n")
        members.append(
            draw.Group(
                name=stratum,
                look=style.stratum_look(position, len(strata)),
                position=position,
                values=study.values(panel.outcome, "baseline", BASELINE, marker=marker, stratum=stratum),
                n=0 if math.isnan(n) else int(n),
                median=number("median"),
                q1=number("q1"),
                q3=number("q3"),
            )
        )
    if not any(group.n for group in members):
        return _missing(title, _not_there(study, outcome.label, BASELINE))
    comparisons = []
    for position, stratum in enumerate(strata[:-1]):
        contrast = f"{strata[-1]} - {stratum}"
        p = study.numbers.get(
            panel.outcome, "baseline", BASELINE, "p", marker=marker, stratum="", contrast=contrast
        ).value
        comparisons.append(draw.Comparison(position, len(strata) - 1, p))
    said = [_summary_words(group.name, group, outcome.decimals, outcome.unit) for group in reversed(members)]
    said += [formatting.p_value(comparison.p) for comparison in comparisons]

    def paint(ax: Axes) -> Axes:
        return draw.groups(
            ax,
            members,
            comparisons,
            ylabel=with_unit(outcome.label, outcome.unit),
            unit=outcome.unit,
            limits=panel.limits,
        )

    words = f"{title} at baseline. {'; '.join(said)}."
    return Content(title, paint, words, more_lines=draw.LINES_PER_LEVEL * max(draw.levels(comparisons), default=0))


def _correlation(panel: Panel, study: Study) -> Content:
    """A marker against age in one group of people."""
    trial, marker = study.trial, study.trial.markers[panel.outcome]
    cut = f"{trial.population.cut_age:g}"
    title = (
        panel.title
        or {
            "population": trial.population.label,
            "population_under_cut": f"{trial.population.label}, under {cut} years",
            "population_from_cut": f"{trial.population.label}, {cut} years and over",
            "participants": "trial participants",
        }[panel.group].capitalize()
    )
    ages, values = study.pairs(panel.outcome, panel.group)
    if not ages:
        return _missing(title, f"{marker.label} and age\nare not in this workbook")

    group = {"population_under_cut": f"population_under_{cut}", "population_from_cut": f"population_over_{cut}"}

    def number(statistic: str):
        return study.numbers.get(
            panel.outcome,
            "correlation",
            BASELINE,
            statistic,
            contrast=trial.population.age,
            group=group.get(panel.group, panel.group),
        )

    r, p = number("spearman_r"), number("p")
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
