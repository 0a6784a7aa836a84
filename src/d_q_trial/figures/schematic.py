"""Figures without data points: the flow of participants and the design of the trial."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..trial import BASELINE, Arm
from . import style
from .catalogue import Design, Flow, Treatment
from .panels import Content
from .study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE, _MARGIN = 3.1, 1.2  # millimetres from one line of a box to the next, and around them
_PITCH = 3.6  # of the rows of the table
_ARROW = 4.0
_WIDE, _NARROW, _SIDE = 84.0, 60.0, 44.0  # boxes of an arm, above the arms, and of arms that are not compared
_REPORTED = {"linestyle": (0, (3, 2))}
_FOOTNOTE = "Dashed boxes: as reported in the article. Other boxes: counted in the workbook."


def _height(lines: int) -> float:
    return _LINE * lines + 2 * _MARGIN


def _box(ax: Axes, left: float, top: float, width: float, lines: Sequence[str], **frame) -> float:
    """Draw a box with centred lines, the first one bold; return its lower edge."""
    style.box(ax, left, top, width, _height(len(lines)), zorder=2, **frame)
    look = {"ha": "center", "va": "center", "zorder": 3}
    for index, line in enumerate(lines):
        weight = "normal" if index else "bold"
        ax.text(left + width / 2, top + _MARGIN + _LINE * (index + 0.5), line, weight=weight, **look)
    return top + _height(len(lines))


def _arrow(ax: Axes, x: float, top: float, length: float = _ARROW) -> float:
    """Draw an arrow downwards; return where it ends."""
    look = {"arrowstyle": "-|>", "linewidth": 0.7, "color": style.INK, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
    ax.annotate("", (x, top + length), (x, top), arrowprops=look, zorder=1)
    return top + length


def flow(spec: Flow, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the flow of participants: what the article reports in dashed boxes, what the workbook holds in others."""
    trial = study.trial
    arms = (trial.arms.control, trial.arms.treated)
    screened = next((row["count"] for row in study.flow if row["step"] == "screened"), "")
    left = {arm.key: [f"{row['count']}: {row['text']}" for row in study.flow
                      if row["step"] in ("withdrew", "left_treatment") and row["arm"] == arm.key] for arm in arms}  # fmt: skip
    most_left = max(map(len, left.values()))
    height = 17 + 2 * _height(2) + _table_height(spec) + (_height(2) + 5) * bool(screened)
    height += (_height(most_left + 1) + _ARROW) * bool(most_left) + 4.5 * bool(study.flow)
    page = style.Page(style.WIDTHS_MM["double"], height, study.label)
    ax, middle, top, words = page.canvas(), page.width / 2, 3.0, []
    line = {"color": style.INK, "linewidth": 0.7}
    if screened:
        bottom = _box(ax, middle - _NARROW / 2, top, _NARROW, ["Screened", f"n = {screened}"], **_REPORTED)
        words.append(f"Screened: {screened} (reported)")
        top = _arrow(ax, middle, bottom, 5)
    total = sum(study.enrolled[arm.key] for arm in arms)
    bottom = _box(ax, middle - _NARROW / 2, top, _NARROW, ["Randomized to the two arms compared", _n(total)])
    words.append(f"randomized to the two arms compared: {total}")
    if others := [arm for arm in trial.arms.others if study.enrolled[arm.key]]:
        edge = page.width - 3 - _SIDE
        names = [f"{arm.label}, {_n(study.enrolled[arm.key])}" for arm in others]
        _box(ax, edge, top, _SIDE, ["Not analysed here", *names])
        ax.plot((middle + _NARROW / 2, edge), (top + 4.3,) * 2, zorder=1, **line)
        words += [f"not analysed: {arm.label} {study.enrolled[arm.key]}" for arm in others]
    fork = bottom + 4
    centres = (page.width / 4 + 0.5, page.width * 3 / 4 - 0.5)
    ax.plot((middle, middle), (bottom, fork), **line)
    ax.plot(centres, (fork, fork), **line)
    for centre, arm, look in zip(centres, arms, (style.CONTROL, style.TREATED), strict=True):
        edge, count = centre - _WIDE / 2, _allocated(arm, study)
        bottom = _box(ax, edge, _arrow(ax, centre, fork), _WIDE, [arm.label, count], facecolor=look.tint)
        words.append(f"{arm.label}: {count}")
        if most_left:
            lines = ["Left the study or the treatment", *left[arm.key], *[""] * (most_left - len(left[arm.key]))]
            bottom = _box(ax, edge, _arrow(ax, centre, bottom), _WIDE, lines, **_REPORTED)
            words += [f"{arm.label} {text} (reported)" for text in left[arm.key]]
        words += _counts(ax, edge, _arrow(ax, centre, bottom), arm, spec, study)
    if study.flow:
        ax.text(3, height - 3, _FOOTNOTE, size=style.SMALL, color=style.QUIET, va="center")
    return page, [Content("Participants", lambda _: None, f"{'; '.join(words)}.")]


def _n(count: int) -> str:
    return f"n = {count}" if count else "n not known: the workbook has no participant ids"


def _allocated(arm: Arm, study: Study) -> str:
    """Say how many the workbook has, and what the article reports if that is another number."""
    rows = [row for row in study.flow if row["step"] == "allocated" and row["arm"] == arm.key]
    count, stated = study.enrolled[arm.key], rows[0]["count"] if rows else ""
    return _n(count) + (f" ({stated} allocated, as reported)" if stated and stated != str(count) else "")


def _table_height(spec: Flow) -> float:
    return _PITCH * (len(spec.outcomes) + 1.5) + 2 * _MARGIN


def _counts(ax: Axes, left: float, top: float, arm: Arm, spec: Flow, study: Study) -> list[str]:
    """Draw n per outcome and visit of one arm as a small table; return it in words."""
    trial = study.trial
    measured = {visit for key in spec.outcomes for visit in trial.outcomes[key].follow_up}
    visits = [visit for visit in trial.visits.values() if visit.key == BASELINE or visit.key in measured]
    style.box(ax, left, top, _WIDE, _table_height(spec))
    names = 30.0
    pace = (_WIDE - names) / len(visits)
    columns = [(left + names + pace * (index + 0.5), visit) for index, visit in enumerate(visits)]
    line = top + _MARGIN + _PITCH / 2
    ax.text(left + 2, line, "Analysed, n", weight="bold", va="center")
    for centre, visit in columns:
        ax.text(centre, line, visit.label, ha="center", va="center", size=style.SMALL)
    ax.plot((left + 2, left + _WIDE - 2), (line + _PITCH * 0.75,) * 2, color=style.GRID, linewidth=0.5)
    words = []
    for index, key in enumerate(spec.outcomes):
        label, line = trial.outcomes[key].label, top + _MARGIN + _PITCH * (index + 2)
        ax.text(left + 2, line, label, va="center")
        for centre, visit in columns:
            measure = "baseline" if visit.key == BASELINE else study.measure
            n = study.numbers.get(key, measure, visit.key, "n", group=arm.key).value
            ax.text(centre, line, "–" if math.isnan(n) else f"{n:.0f}", ha="center", va="center")
            if not math.isnan(n):
                words.append(f"{arm.label} {label} {visit.label}: n = {n:.0f}")
    return words


def design(spec: Design, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw treatments and measurements along the weeks of the trial."""
    trial = study.trial
    visits = list(trial.visits.values())
    weeks = [visit.week for visit in visits if visit.week is not None]
    in_weeks = len(weeks) == len(visits)
    times: Sequence[float] = weeks if in_weeks else range(len(visits))
    measured = _measured(study)
    treatments = sorted(spec.treatments, key=lambda treatment: treatment.arm != "treated")
    row, gap, left = 6.4, 5.0, 54.0
    depth = row * (len(treatments) + len(measured)) + gap
    page = style.Page(
        style.WIDTHS_MM["double"], depth + 21 + 5 * bool(spec.notes)
    )  # no participants' data, so no label
    ax = page.axes(left, 7, page.width - left - 6, depth + 3)
    span = times[-1] - times[0] or 1.0
    ax.set(xlim=(times[0] - 0.04 * span, times[-1] + 0.04 * span), ylim=(depth + 3, 0), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.set_xticks(times, [f"{t:g}" for t in times] if in_weeks else [visit.label for visit in visits])
    if in_weeks:
        ax.set_xlabel("Weeks")
        starts = {t.start_week + k * t.every_weeks for t in treatments if t.days for k in range(t.times)}
        ax.set_xticks(sorted(starts - set(times)), minor=True)
        ax.xaxis.set_minor_formatter("{x:g}")
        ax.tick_params(axis="x", which="minor", length=2.5, width=0.6, pad=2.0, labelsize=style.SMALL)
    above = {"xycoords": ax.get_xaxis_transform(), "xytext": (0, 3), "textcoords": "offset points", "ha": "center"}
    for time, visit in zip(times, visits, strict=True):
        ax.axvline(time, color=style.GRID, linewidth=0.6, dashes=(3, 3), zorder=0.5)
        ax.annotate(visit.label, (time, 1), size=style.SMALL, **above)
    words = []
    for index, treatment in enumerate(treatments):
        label = ": ".join(filter(None, (getattr(trial.arms, treatment.arm).label, treatment.label)))
        _row_label(ax, 2 + row * (index + 0.5), label)
        _treatment(ax, 2 + row * (index + 0.5), treatment, times)
        words.append(label)
    for index, (label, when) in enumerate(measured, start=len(treatments)):
        y, at = 2 + gap + row * (index + 0.5), [v.key in when for v in visits]
        _row_label(ax, y, label)
        dots = [time for time, here in zip(times, at, strict=True) if here]
        ax.plot(dots, [y] * len(dots), "o", markersize=5, color=style.INK, label=label, zorder=2)
        words.append(f"{label}: {', '.join(v.label for v, here in zip(visits, at, strict=True) if here)}")
    between, start = 2 + row * len(treatments) + gap / 2, -(left - 4) / (page.width - left - 6)
    ax.axhline(between, color=style.GRID, linewidth=0.5, xmin=start, clip_on=False)
    if spec.notes:
        page.text(3, depth + 22, spec.notes, size=style.SMALL, color=style.QUIET)
    return page, [Content("Design", lambda _: None, f"{'; '.join(words)}.")]


def _row_label(ax: Axes, y: float, text: str) -> None:
    ax.annotate(
        textwrap.fill(text, 40), (0, y), xycoords=ax.get_yaxis_transform(), xytext=(-4, 0),
        textcoords="offset points", ha="right", va="center", linespacing=1.05, annotation_clip=False,
    )  # fmt: skip


def _treatment(ax: Axes, y: float, treatment: Treatment, times: Sequence[float]) -> None:
    """Draw bars of the days of treatment, or a line throughout."""
    look = style.TREATED if treatment.arm == "treated" else style.CONTROL
    ax.plot((times[0], times[-1]), (y, y), color=look.edge, linewidth=0.8, zorder=1)
    for cycle in range(treatment.times if treatment.days else 0):
        start = treatment.start_week + cycle * treatment.every_weeks
        bar = {"facecolor": look.face, "edgecolor": look.edge, "linewidth": 0.5, "zorder": 3}
        style.box(ax, start, y - 1.6, treatment.days / 7, 3.2, **bar)


def _measured(study: Study) -> list[tuple[str, set[str]]]:
    """List what is measured when: the markers, then each family of outcomes, with its names if they are few."""
    trial = study.trial
    rows = [(", ".join(marker.label for marker in trial.markers.values()), {BASELINE})] if trial.markers else []
    for family, label in trial.families.items():
        outcomes = [outcome for outcome in trial.outcomes.values() if outcome.family == family]
        names = ", ".join(outcome.label for outcome in outcomes)
        text = f"{label}: {names}" if len(outcomes) <= 3 else f"{label} ({len(outcomes)})"
        if outcomes:
            rows.append((text, {BASELINE, *(visit for outcome in outcomes for visit in outcome.follow_up)}))
    return rows
