"""Figures without data points: the flow of participants and the design of the trial."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..results_table import Row
from ..trial import BASELINE, Arm
from . import style
from .catalogue import Design, Flow, Treatment
from .panels import Content
from .study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINE = 3.1  # millimetres from one line of a box to the next
_PITCH = 3.6  # of the rows of the table
_DASHED = (0, (3, 2))


def _nothing(ax: Axes) -> Axes:
    return ax


def _box_height(lines: int) -> float:
    return _LINE * lines + 2.4


def _table_height(spec: Flow) -> float:
    return _PITCH * (len(spec.outcomes) + 1.5) + 2.4


def _box(
    ax: Axes,
    left: float,
    top: float,
    width: float,
    lines: Sequence[str],
    *,
    bold: int = 1,
    reported: bool = False,
    fill: str = "white",
) -> float:
    """Draw a box with centred lines, the first ones bold; return its lower edge."""
    from matplotlib.patches import Rectangle

    height = _box_height(len(lines))
    ax.add_patch(
        Rectangle(
            (left, top), width, height, facecolor=fill, edgecolor=style.INK, linewidth=0.7,
            linestyle=_DASHED if reported else "-", zorder=2,
        )
    )  # fmt: skip
    for index, line in enumerate(lines):
        ax.text(
            left + width / 2,
            top + 1.2 + _LINE * (index + 0.5),
            line,
            ha="center",
            va="center",
            weight="bold" if index < bold else "normal",
            zorder=3,
        )
    return top + height


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "linewidth": 0.7, "color": style.INK, "shrinkA": 0, "shrinkB": 0,
                    "mutation_scale": 6},
        zorder=1,
    )  # fmt: skip


def flow(spec: Flow, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the flow of participants: what the article reports in dashed boxes, what the workbook holds in others."""
    trial = study.trial
    arms = (trial.arms.control, trial.arms.treated)
    reported = {step: [row for row in study.flow if row["step"] == step] for step in ("screened", "allocated")}
    leavers = {
        arm.key: [r for r in study.flow if r["step"] in ("withdrew", "left_treatment") and r["arm"] == arm.key]
        for arm in arms
    }
    leaver_lines = max(map(len, leavers.values()))
    height = 3 + 8 + 4 + _box_height(2) * 2 + _table_height(spec) + 2
    height += (_box_height(2) + 5) * bool(reported["screened"])
    height += (_box_height(leaver_lines + 1) + 4) * bool(leaver_lines)
    height += 4.5 * bool(study.flow)
    page = style.Page(style.WIDTHS_MM["double"], height, study.label)
    ax = page.canvas()
    middle, wide = page.width / 2, 84.0
    top, words = 3.0, []
    if reported["screened"]:
        (row, *_) = reported["screened"]
        bottom = _box(ax, middle - 30, top, 60, ["Screened", f"n = {row['count']}"], reported=True)
        words.append(f"Screened: {row['count']} (reported)")
        _arrow(ax, (middle, bottom), (middle, bottom + 5))
        top = bottom + 5
    total = sum(study.enrolled.get(arm.key, 0) for arm in arms)
    bottom = _box(ax, middle - 30, top, 60, ["Randomized to the two arms compared", _n(total)])
    words.append(f"randomized to the two arms compared: {total}")
    others = [arm for arm in trial.arms.others if study.enrolled.get(arm.key)]
    if others:
        lines = ["Not analysed here", *(f"{arm.label}, {_n(study.enrolled[arm.key])}" for arm in others)]
        _box(ax, page.width - 47, top, 44, lines)
        ax.plot((middle + 30, page.width - 47), (top + 4.3,) * 2, color=style.INK, linewidth=0.7, zorder=1)
        words += [f"not analysed: {arm.label} {study.enrolled[arm.key]}" for arm in others]
    fork = bottom + 4
    centres = (page.width / 4 + 0.5, page.width * 3 / 4 - 0.5)
    ax.plot((middle, middle), (bottom, fork), color=style.INK, linewidth=0.7)
    ax.plot(centres, (fork, fork), color=style.INK, linewidth=0.7)
    for centre, arm, tint in zip(centres, arms, (style.CONTROL.tint, style.TREATED.tint), strict=True):
        _arrow(ax, (centre, fork), (centre, fork + 4))
        count = _allocated(arm, reported["allocated"], study)
        below = _box(ax, centre - wide / 2, fork + 4, wide, [arm.label, count], fill=tint)
        words.append(f"{arm.label}: {count}")
        if leaver_lines:
            lines = ["Left the study or the treatment", *(f"{row['count']}: {row['text']}" for row in leavers[arm.key])]
            _arrow(ax, (centre, below), (centre, below + 4))
            lines += [""] * (leaver_lines + 1 - len(lines))
            below = _box(ax, centre - wide / 2, below + 4, wide, lines, reported=True)
            words += [f"{arm.label} {row['count']}: {row['text']} (reported)" for row in leavers[arm.key]]
        _arrow(ax, (centre, below), (centre, below + 4))
        words += _counts(ax, centre - wide / 2, below + 4, wide, arm, spec.outcomes, study)
    if study.flow:
        ax.text(
            3,
            height - 3,
            "Dashed boxes: as reported in the article. Other boxes: counted in the workbook.",
            size=style.SMALL,
            color=style.QUIET,
            va="center",
        )
    return page, [Content("Participants", _nothing, f"{'; '.join(words)}.")]


def _n(count: int) -> str:
    return f"n = {count}" if count else "n not known: the workbook has no participant ids"


def _allocated(arm: Arm, reported: Sequence[Row], study: Study) -> str:
    """Say how many the workbook has, and what the article reports if that is another number."""
    count = study.enrolled.get(arm.key, 0)
    stated = next((row["count"] for row in reported if row["arm"] == arm.key), "")
    return _n(count) + (f" ({stated} allocated, as reported)" if stated and stated != str(count) else "")


def _counts(
    ax: Axes, left: float, top: float, width: float, arm: Arm, outcomes: Sequence[str], study: Study
) -> list[str]:
    """Draw n per outcome and visit of one arm as a small table; return it in words."""
    from matplotlib.patches import Rectangle

    trial, pitch = study.trial, _PITCH
    visits = [v for v in trial.visits if v == BASELINE or any(v in trial.outcomes[o].follow_up for o in outcomes)]
    height = pitch * (len(outcomes) + 1.5) + 2.4
    ax.add_patch(Rectangle((left, top), width, height, facecolor="white", edgecolor=style.INK, linewidth=0.7))
    first = 30.0
    pace = (width - first) / len(visits)
    centres = [left + first + pace * (index + 0.5) for index in range(len(visits))]
    line = top + 1.2 + pitch / 2
    ax.text(left + 2, line, "Analysed, n", weight="bold", va="center")
    for centre, visit in zip(centres, visits, strict=True):
        ax.text(centre, line, trial.visits[visit].label, ha="center", va="center", size=style.SMALL)
    ax.plot((left + 2, left + width - 2), (line + pitch * 0.75,) * 2, color=style.GRID, linewidth=0.5)
    words = []
    for index, key in enumerate(outcomes):
        line = top + 1.2 + pitch * (index + 2)
        ax.text(left + 2, line, trial.outcomes[key].label, va="center")
        for centre, visit in zip(centres, visits, strict=True):
            measure = "baseline" if visit == BASELINE else study.measure
            n = study.numbers.get(key, measure, visit, "n", group=arm.key).value
            text = "–" if math.isnan(n) else f"{n:.0f}"
            ax.text(centre, line, text, ha="center", va="center")
            if text != "–":
                words.append(f"{arm.label} {trial.outcomes[key].label} {trial.visits[visit].label}: n = {text}")
    return words


def design(spec: Design, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw treatments and measurements along the weeks of the trial."""
    trial = study.trial
    visits = list(trial.visits.values())
    in_weeks = all(visit.week is not None for visit in visits)
    times = [visit.week if in_weeks else float(index) for index, visit in enumerate(visits)]
    measured = _measured(study)
    order = {"treated": 0, "control": 1}
    treatments = sorted(spec.treatments, key=lambda treatment: order[treatment.arm])
    row, gap = 6.4, 5.0
    rows = len(treatments) + len(measured)
    height = 7 + row * rows + gap + 14 + (5 if spec.notes else 0)
    page = style.Page(style.WIDTHS_MM["double"], height)  # no data of participants, so no label
    left = 54.0
    ax = page.axes(left, 7, page.width - left - 6, row * rows + gap + 3)
    span = times[-1] - times[0] or 1.0
    ax.set_xlim(times[0] - 0.04 * span, times[-1] + 0.04 * span)
    ax.set_ylim(row * rows + gap + 3, 0)
    ax.spines["left"].set_visible(False)
    ax.set_yticks([])
    ax.set_xticks(times, [f"{t:g}" for t in times] if in_weeks else [visit.label for visit in visits])
    if in_weeks:
        ax.set_xlabel("Weeks")
        starts = {t.start_week + k * t.every_weeks for t in treatments if t.days for k in range(t.times)}
        ax.set_xticks(sorted(starts - set(times)), minor=True)
        ax.xaxis.set_minor_formatter("{x:g}")
        ax.tick_params(axis="x", which="minor", length=2.5, width=0.6, pad=2.0, labelsize=style.SMALL)
    for time, visit in zip(times, visits, strict=True):
        ax.axvline(time, color=style.GRID, linewidth=0.6, dashes=(3, 3), zorder=0.5)
        ax.annotate(
            visit.label, (time, 1), xycoords=ax.get_xaxis_transform(), xytext=(0, 3), textcoords="offset points",
            ha="center", size=style.SMALL,
        )  # fmt: skip
    words = []
    for index, treatment in enumerate(treatments):
        y = 2 + row * (index + 0.5)
        arm = getattr(trial.arms, treatment.arm)
        label = f"{arm.label}: {treatment.label}" if treatment.label else arm.label
        _row_label(ax, y, label, 40)
        _treatment(ax, y, treatment, times)
        words.append(label)
    for index, (label, when) in enumerate(measured):
        y = 2 + gap + row * (len(treatments) + index + 0.5)
        _row_label(ax, y, label, 40)
        at = [time for time, visit in zip(times, visits, strict=True) if visit.key in when]
        ax.plot(at, [y] * len(at), linestyle="none", marker="o", markersize=5, color=style.INK, label=label, zorder=2)
        words.append(f"{label}: {', '.join(visit.label for visit in visits if visit.key in when)}")
    between = 2 + row * len(treatments) + gap / 2
    start = -(left - 4) / (page.width - left - 6)
    ax.axhline(between, color=style.GRID, linewidth=0.5, xmin=start, clip_on=False)
    if spec.notes:
        page.text(3, height - 4, spec.notes, size=style.SMALL, color=style.QUIET)
    return page, [Content("Design", _nothing, f"{'; '.join(words)}.")]


def _row_label(ax: Axes, y: float, text: str, width: int) -> None:
    ax.annotate(
        "\n".join(textwrap.wrap(text, width)), (0, y), xycoords=ax.get_yaxis_transform(), xytext=(-4, 0),
        textcoords="offset points", ha="right", va="center", linespacing=1.05, annotation_clip=False,
    )  # fmt: skip


def _treatment(ax: Axes, y: float, treatment: Treatment, times: Sequence[float]) -> None:
    """Bars of the days of treatment, or a line throughout."""
    from matplotlib.patches import Rectangle

    look = style.TREATED if treatment.arm == "treated" else style.CONTROL
    ax.plot((times[0], times[-1]), (y, y), color=look.edge, linewidth=0.8, zorder=1)
    if treatment.days is None:
        return
    for cycle in range(treatment.times):
        start = treatment.start_week + cycle * treatment.every_weeks
        ax.add_patch(
            Rectangle(
                (start, y - 1.6), treatment.days / 7, 3.2, facecolor=look.face, edgecolor=look.edge, linewidth=0.5,
                zorder=3,
            )
        )  # fmt: skip


def _measured(study: Study) -> list[tuple[str, set[str]]]:
    """What is measured when: the markers, then each family of outcomes, with its names if they are few."""
    trial = study.trial
    rows = []
    if trial.markers:
        rows.append((", ".join(marker.label for marker in trial.markers.values()), {BASELINE}))
    for family, label in trial.families.items():
        outcomes = [outcome for outcome in trial.outcomes.values() if outcome.family == family]
        if not outcomes:
            continue
        names = ", ".join(outcome.label for outcome in outcomes)
        text = f"{label}: {names}" if len(outcomes) <= 3 else f"{label} ({len(outcomes)})"
        rows.append((text, {BASELINE, *(visit for outcome in outcomes for visit in outcome.follow_up)}))
    return rows
