"""A forest plot: effects in all participants and in each stratum, with P of the interaction."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .. import labels
from ..formatting import interval, number, p_digits
from ..results_table import ALL_PARTICIPANTS, group_keys
from . import draw, style
from .catalogue import Forest
from .panels import Content
from .study import Study
from .words import say

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW, HEAD, FOOT = 3.9, 9.0, 9.0  # millimetres
NAMES, COUNTS, EFFECTS = 38.0, 20.0, 58.0  # widths of the columns
LEFT = 3 + NAMES + COUNTS  # of the axes
COLUMNS = [LEFT + EFFECTS + place for place in (4, 37, 46)]  # difference, P, P of the interaction
INTERACTION = "placements"  # begins the method of the interaction P by Student's t
EMPTY = "No comparison of these outcomes in this analysis"
_OVERALL = replace(style.NEUTRAL, marker="D")


@dataclass(frozen=True)
class Effect:
    """The comparison of the arms in one group of participants, as computed; NaN if not computed."""

    name: str  # of the outcome and visit
    group: str
    n: tuple[float, ...]  # of control and of the treated arm
    estimate: float
    low: float
    high: float
    p: float
    p_interaction: float = math.nan  # of this stratum with the highest
    decimals: int = 1

    @property
    def difference(self) -> str:
        """The estimate with its interval, if it has one."""
        ends = (self.estimate, self.low, self.high)
        return interval(*ends, self.decimals) if all(map(math.isfinite, ends)) else number(self.estimate, self.decimals)


def effects(study: Study, family: str) -> list[Effect]:
    """Look up the comparisons of a family of outcomes: all participants first, then the strata from the highest."""
    trial, found, highest = study.trial, [], study.strata_labels[-1]
    interactions = {
        (row["outcome"], row["visit"], row["contrast"]): float(row["value"])
        for row in study.interactions
        if (row["marker"], row["statistic"]) == (study.marker, "p")
        and row["method"].startswith(INTERACTION)
        and row["value"]
    }
    for outcome in (o for o in trial.outcomes.values() if o.family == family and o.kind != "binary"):
        for visit in outcome.follow_up:
            for group in (ALL_PARTICIPANTS, *reversed(study.strata_labels)):
                key, place = (outcome.key, study.measure, visit), group_keys(group, study.marker)
                names = ("hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper", "p")
                numbers = [study.contrast(key, name, **place) for name in names]
                name = f"{outcome.label}, {trial.visits[visit].label}"
                n = tuple(study.summary(key, arm, **place).n for arm in reversed(trial.analysed_arms))
                contrast = f"{trial.contrast}, {highest} - {group}"
                p_interaction = interactions.get((outcome.key, visit, contrast), math.nan)
                decimals = labels.change_decimals(study.measure, outcome.decimals)
                if math.isfinite(numbers[0]) or math.isfinite(numbers[-1]):
                    found.append(Effect(name, group, n, *numbers, p_interaction, decimals))
    return found


def forest(spec: Forest, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the families one below the other, each with an axis of its own."""
    families = {family: found for family in spec.families if (found := effects(study, family))}
    height = sum(HEAD + ROW * len(found) + FOOT for found in families.values()) or 20.0
    page = style.Page(style.WIDTH_MM, height, study.label)
    canvas, top, words = page.canvas(), 0.0, []
    if not families:
        draw.message(canvas, EMPTY)
        return page, [Content("Effects", f"{EMPTY}.", missing=True)]
    arms = f"n, {study.trial.arms.control.label} /\n{study.trial.arms.treated.label}"
    reference = study.strata_labels[-1]
    heads = ("difference (CI)", "P", f"interaction P,\nagainst {reference}")
    for family, found in families.items():
        top += HEAD
        _axis(page.axes(LEFT, top, EFFECTS, ROW * len(found)), found, study)
        look = {"va": "bottom", "color": style.QUIET}
        canvas.text(3, top - 1, study.trial.families[family], weight="bold", size=style.TITLE, va="bottom")
        style.write(canvas, LEFT - 3, top - 1, arms, ha="right", **look)
        for place, name in zip(COLUMNS, heads, strict=True):
            style.italic_p(style.write(canvas, place, top - 1, name, **look), reference)
        words += [_row(canvas, top + ROW * (index + 0.5), effect) for index, effect in enumerate(found)]
        top += ROW * len(found) + FOOT
    return page, [Content("Effects", " ".join(words))]


def _axis(ax: Axes, found: list[Effect], study: Study) -> None:
    """Draw estimates with their intervals; an arrow marks a limit far outside the others."""
    ends = sorted(value for e in found for value in (e.low, e.high) if math.isfinite(value))
    few = len(ends) // 20
    low, high = draw.padded([0.0, *(e.estimate for e in found if math.isfinite(e.estimate)), *ends[few : -few or None]])
    ax.set(xlim=(low, high), ylim=(len(found) - 0.5, -0.5), yticks=[])
    ax.axvline(0, **style.DASHED)
    names = study.strata_labels
    looks = {ALL_PARTICIPANTS: _OVERALL} | {n: style.stratum_look(i, len(names)) for i, n in enumerate(names)}
    for place, effect in enumerate(found):
        look = looks[effect.group]
        if not math.isnan(effect.low):
            left, right = max(effect.low, low), min(effect.high, high)
            ax.plot((left, right), (place, place), color=look.edge, linewidth=0.9, zorder=1)
            arrow = {"markersize": 2.5, "color": look.edge, "clip_on": False, "label": f"{draw.BEYOND}{effect.group}"}
            for end, limit, marker in ((left, effect.low, "<"), (right, effect.high, ">")):
                if end != limit:
                    ax.plot(end, place, marker=marker, **arrow)
        ax.plot(effect.estimate, place, zorder=2, label=effect.group, **look.points(3.4, 0.6))
    ax.spines["left"].set_visible(False)
    unit = {"percent_change": " (percentage points)", "log_ratio": " (log ratio)"}.get(study.measure, "")
    ax.set_xlabel(f"Difference of changes, {labels.direction(study.trial)}{unit}")


def _row(canvas: Axes, y: float, effect: Effect) -> str:
    """Write the texts of one comparison, and return them as a sentence."""
    overall = effect.group == ALL_PARTICIPANTS
    style.write(
        canvas, *((3, y, effect.name) if overall else (6, y, effect.group)), weight="bold" if overall else "normal"
    )
    style.write(canvas, LEFT - 3, y, "/".join(number(n, 0) for n in effect.n), ha="right")
    interaction = "" if math.isnan(effect.p_interaction) else p_digits(effect.p_interaction)
    for place, text in zip(COLUMNS, (effect.difference, p_digits(effect.p), interaction), strict=True):
        style.write(canvas, place, y, text)
    return say("panel", "forest", effect=effect, group="all participants" if overall else effect.group)
