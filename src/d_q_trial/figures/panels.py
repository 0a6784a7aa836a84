"""What each panel shows: finished numbers looked up, and the same numbers put into words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from .. import formatting, labels
from ..results_table import ALL_PARTICIPANTS, BOTH_ARMS
from ..trial import BASELINE, Outcome
from . import draw, style
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
        Draws on the axes that it is given.
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
    paint: Callable[[Axes], object]
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
    if panel.kind == "correlation":
        return _correlation(panel, study)
    outcome = study.trial.outcomes[panel.outcome]
    names = study.resolve([EACH] if panel.kind == "strata" and panel.strata == [ALL_PARTICIPANTS] else panel.strata)
    title = panel.title or _title(panel, study, outcome, names)
    if unknown := [name for name in names if name not in (ALL_PARTICIPANTS, *study.strata_labels)]:
        has = ", ".join(study.strata_labels)
        return _missing(title, f"No stratum {', '.join(unknown)}\nin this analysis (it has {has})")
    if len(names) > MOST_STRATA:
        reason = f"A panel holds up to {MOST_STRATA} strata,\nthis analysis has {len(names)}: see the tables"
        return _missing(title, reason)
    builders = {"arms": _arms, "estimation": _arms, "time_course": _time_course, "strata": _strata}
    return builders[panel.kind](panel, study, outcome, names, title, width)


def _title(panel: Panel, study: Study, outcome: Outcome, names: list[str]) -> str:
    parts = [outcome.label]
    if panel.visit:
        parts.append(study.trial.visits[panel.visit].label)
    if panel.kind == "time_course":
        marker = study.trial.markers.get(panel.marker or study.marker)
        parts.append("all participants" if names == [ALL_PARTICIPANTS] else f"{names[0]} of {marker.label}")
    elif panel.kind == "estimation" and names != [ALL_PARTICIPANTS]:
        parts.append(names[0])
    return parts[0] if panel.kind == "strata" else ", ".join(parts)


def _missing(title: str, reason: str) -> Content:
    return Content(title, partial(draw.message, text=reason), reason.replace("\n", " ") + ".", missing=True)


def _not_there(title: str, study: Study, outcome: Outcome, visit: str, stratum: str = ALL_PARTICIPANTS) -> Content:
    of = "" if stratum == ALL_PARTICIPANTS else f", {stratum},"
    return _missing(
        title, f"{outcome.label} ({study.trial.visits[visit].label}){of}\nis not in this workbook or analysis"
    )


def with_unit(label: str, unit: str) -> str:
    """Join a label and its unit, with raised squares."""
    return f"{label} ({labels.unit(unit)})" if unit else label


@dataclass(frozen=True)
class Quantity:
    """What an axis shows: an outcome at baseline, or its change."""

    measure: str  # in the results
    label: str  # of the axis
    unit: str
    decimals: int

    @classmethod
    def of(cls, outcome: Outcome, study: Study, visit: str = "") -> Quantity:
        """Return the outcome at baseline if that is the visit, otherwise its change as the analysis measures it."""
        if visit == BASELINE:
            return cls("baseline", with_unit(outcome.label, outcome.unit), outcome.unit, outcome.decimals)
        measure = study.measure
        label, unit = {
            "percent_change": (f"{outcome.label}, change (%)", "%"),
            "log_ratio": (f"{outcome.label}, log ratio to baseline", ""),
        }.get(measure, (with_unit(f"{outcome.label}, change", outcome.unit), labels.unit(outcome.unit)))
        return cls(measure, label, unit, labels.change_decimals(measure, outcome.decimals))


def _group(
    study: Study, key: tuple[str, str, str], name: str, look: style.Look, position: float, arm: str = "", **place: str
) -> draw.Group:
    """Look up a group of participants; ``key`` is outcome, measure and visit, and no ``arm`` takes both together."""
    n, *summary = (
        study.numbers.get(*key, statistic, group=arm or BOTH_ARMS, **place).value
        for statistic in ("n", "median", "q1", "q3")
    )
    values = study.values(*key, arm=arm, **place)
    return draw.Group(name, look, position, values, 0 if math.isnan(n) else int(n), *summary)


def _summary_words(group: draw.Group, shown: Quantity) -> str:
    if not math.isfinite(group.median):
        return f"{group.name}: no value"
    median, q1, q3 = (formatting.number(v, shown.decimals) for v in (group.median, group.q1, group.q3))
    unit = draw.after_number(shown.unit)
    return f"{group.name} median {median}{unit} (quartiles {q1} and {q3}), n = {group.n}"


def _arms(panel: Panel, study: Study, outcome: Outcome, strata: list[str], title: str, width: float) -> Content:
    """Every participant by arm at one visit, all together or in strata side by side."""
    trial, shown = study.trial, Quantity.of(outcome, study, panel.visit)
    key = (panel.outcome, shown.measure, panel.visit)
    arms = ((trial.arms.control, style.CONTROL), (trial.arms.treated, style.TREATED))
    estimation, direction = panel.kind == "estimation", labels.direction(trial)
    members, comparisons, words, shift = [], [], [], None
    for index, stratum in enumerate(strata):
        place, start = study.place(stratum, panel.marker), index * 2.35

        def number(statistic: str, place: dict[str, str] = place) -> float:
            return study.numbers.get(*key, statistic, contrast=trial.contrast, **place).value

        pair = [
            _group(study, key, arm.label, look, start + step, arm.key, **place) for step, (arm, look) in enumerate(arms)
        ]
        members += pair
        p, over = number("p"), "" if stratum == ALL_PARTICIPANTS else stratum
        comparisons.append(draw.Comparison(start, start + 1, p, "" if estimation else over))
        said = "; ".join(_summary_words(group, shown) for group in reversed(pair))
        if estimation:
            interval = [number(f"hodges_lehmann{end}") for end in ("", "_lower", "_upper")]
            shift = draw.Shift(pair[0].median, *interval, direction)
            said += f"; {direction} {formatting.interval(*interval, shown.decimals)}"
        words.append((f"{over}: " if over else "") + f"{said}; {formatting.p_value(p)}")
    if not any(group.n for group in members):
        return _not_there(title, study, outcome, panel.visit)
    slot = width / (members[-1].position + 1.2)
    names_fit = len(strata) == 1 or max(len(group.name) for group in members) * _LETTER_MM <= slot
    paint = partial(
        draw.groups, members=members, comparisons=comparisons, ylabel=shown.label, unit=shown.unit,
        zero=panel.visit != BASELINE, limits=panel.limits, names=names_fit, shift=shift,
    )  # fmt: skip
    lines = int(any(comparison.over for comparison in comparisons))
    said = f"{title}. {'. '.join(words)}."
    return Content(title, paint, said, arms_legend=not names_fit, more_lines=lines, right_axis=shift is not None)


def _time_course(panel: Panel, study: Study, outcome: Outcome, strata: list[str], title: str, width: float) -> Content:
    """Median change by arm over the visits in one group of participants; every change is zero at baseline."""
    trial, shown, (stratum,) = study.trial, Quantity.of(outcome, study), strata
    place = study.place(stratum, panel.marker)

    def number(visit: str, statistic: str, **of: str) -> float:
        measure = "baseline" if visit == BASELINE else shown.measure
        return study.numbers.get(panel.outcome, measure, visit, statistic, **of, **place).value

    arms = ((trial.arms.treated, style.TREATED), (trial.arms.control, style.CONTROL))
    visits = [v for v in outcome.follow_up if any(number(v, "n", group=arm.key) > 0 for arm, _ in arms)]
    if not visits:
        return _not_there(title, study, outcome, outcome.follow_up[0], stratum)
    p = [number(visit, "p", contrast=trial.contrast) for visit in visits]
    members = []
    for arm, look in arms:
        counts = [number(visit, "n", group=arm.key) for visit in (BASELINE, *visits)]
        n = tuple(None if math.isnan(count) else int(count) for count in counts)
        summaries = [(0.0, *(number(v, name, group=arm.key) for v in visits)) for name in ("median", "q1", "q3")]
        members.append(draw.Course(arm.label, look, n, *summaries))
    times = [trial.visits[visit] for visit in (BASELINE, *visits)]
    weeks = [visit.week for visit in times if visit.week is not None]
    in_weeks = len(weeks) == len(times)
    paint = partial(
        draw.courses, members=members, times=weeks if in_weeks else range(len(times)), p=[math.nan, *p],
        ylabel=shown.label, xlabel="Weeks" if in_weeks else "", limits=panel.limits,
        time_labels=[f"{visit.week:g}" if in_weeks else visit.label for visit in times],
    )  # fmt: skip
    words = []
    for index, visit in enumerate(visits, start=1):
        both = ", ".join(f"{m.name} {formatting.number(m.medians[index], shown.decimals)}{shown.unit}" for m in members)
        words.append(f"{trial.visits[visit].label}: {both}, {formatting.p_value(p[index - 1])}")
    return Content(title, paint, f"{title}. Medians at {'; '.join(words)}.", arms_legend=True, rows_below=True)


def _strata(panel: Panel, study: Study, outcome: Outcome, strata: list[str], title: str, width: float) -> Content:
    """Baseline values by stratum, both arms together; the highest stratum is compared with each lower one."""
    shown, marker = Quantity.of(outcome, study, BASELINE), panel.marker or study.marker
    key = (panel.outcome, shown.measure, BASELINE)
    members = [
        _group(study, key, name, style.stratum_look(place, len(strata)), place, marker=marker, stratum=name)
        for place, name in enumerate(strata)
    ]
    if not any(group.n for group in members):
        return _not_there(title, study, outcome, BASELINE)
    *lower, highest = strata
    comparisons, said = [], [_summary_words(group, shown) for group in reversed(members)]
    for place, name in enumerate(lower):
        p = study.numbers.get(*key, "p", marker=marker, stratum="", contrast=f"{highest} - {name}").value
        comparisons.append(draw.Comparison(place, len(lower), p))
        said.append((f"{highest} against {name} " if len(lower) > 1 else "") + formatting.p_value(p))
    paint = partial(
        draw.groups, members=members, comparisons=comparisons, ylabel=shown.label, unit=shown.unit, limits=panel.limits
    )
    lines = draw.LINES_PER_LEVEL * max(draw.levels(comparisons), default=0)
    return Content(title, paint, f"{title} at baseline. {'; '.join(said)}.", more_lines=lines)


def _correlation(panel: Panel, study: Study) -> Content:
    """A marker against age in one group of people."""
    population, marker = study.trial.population, study.trial.markers[panel.outcome]
    cut = f"{population.cut_age:g}"
    group, name = {
        "population": ("population", population.label),
        "population_under_cut": (f"population_under_{cut}", f"{population.label}, under {cut} years"),
        "population_from_cut": (f"population_over_{cut}", f"{population.label}, {cut} years and over"),
        "participants": ("participants", "trial participants"),
    }[panel.group]
    title = panel.title or name.capitalize()
    ages, values = study.pairs(panel.outcome, panel.group)
    if not ages:
        return _missing(title, f"{marker.label} and age\nare not in this workbook")
    r, p = (
        study.numbers.get(panel.outcome, "correlation", BASELINE, statistic, contrast=population.age, group=group)
        for statistic in ("spearman_r", "p")
    )
    n = int(r.n_first) if math.isfinite(r.n_first) else len(ages)
    paint = partial(
        draw.correlation, x=ages, y=values, r=r.value, p=p.value, n=n, xlabel=with_unit("Age", "years"),
        ylabel=with_unit(marker.label, marker.unit), limits=panel.limits,
    )  # fmt: skip
    words = f"{marker.label} against age, {title.lower()}: Spearman r = {formatting.number(r.value, 2)}, "
    return Content(title, paint, f"{words}{formatting.p_value(p.value)}, n = {n}.")
