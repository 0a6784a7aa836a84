"""A forest plot: effects in all participants and in each stratum, with P of the interaction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import formatting, labels
from ..results_table import ALL_PARTICIPANTS
from . import draw, style
from .catalogue import Forest
from .panels import Content
from .study import Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW, HEAD, FOOT = 3.9, 9.0, 9.0  # millimetres
NAMES, COUNTS, EFFECTS = 38.0, 20.0, 58.0  # widths of the columns
LEFT = 3 + NAMES + COUNTS  # of the axes
COLUMNS = [LEFT + EFFECTS + place for place in (4, 37, 46)]  # difference, P, P of the interaction
INTERACTION = "placements"  # begins the method of the interaction's P that Student's t gives
EMPTY = "No comparison of these outcomes in this analysis"


@dataclass(frozen=True)
class Effect:
    """The comparison of the arms in one group of participants, as computed; NaN where it was not."""

    outcome: str
    visit: str
    group: str
    n: tuple[float, float]
    estimate: float
    low: float
    high: float
    p: float

    @property
    def overall(self) -> bool:
        """Whether this is the comparison of all participants."""
        return self.group == ALL_PARTICIPANTS


def effects(study: Study, family: str) -> list[Effect]:
    """Look up the comparisons of a family of outcomes: all participants first, then the strata from the highest."""
    trial, found = study.trial, []
    for outcome in (o for o in trial.outcomes.values() if o.family == family and o.kind != "binary"):
        for visit in outcome.follow_up:
            for group in (ALL_PARTICIPANTS, *reversed(study.strata_labels)):
                key, place = (outcome.key, study.measure, visit), study.place(group)
                estimate, low, high, p = (
                    study.numbers.get(*key, name, contrast=trial.contrast, **place).value
                    for name in ("hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper", "p")
                )
                treated, control = (
                    study.numbers.get(*key, "n", group=arm, **place).value for arm in trial.analysed_arms
                )
                if math.isfinite(estimate) or math.isfinite(p):
                    found.append(Effect(outcome.key, visit, group, (treated, control), estimate, low, high, p))
    return found


def interaction(study: Study, outcome: str, visit: str) -> dict[str, float]:
    """Return P of the interaction between the highest stratum and each lower one, by the name of the lower one."""
    *lower, highest = study.strata_labels
    contrasts = {f"{study.trial.contrast}, {highest} - {name}": name for name in lower}
    return {
        contrasts[row["contrast"]]: float(row["value"])
        for row in study.interactions
        if (row["outcome"], row["visit"], row["marker"], row["statistic"]) == (outcome, visit, study.marker, "p")
        and row["method"].startswith(INTERACTION)
        and row["contrast"] in contrasts
        and row["value"]
    }


def forest(spec: Forest, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the families one below the other, each with an axis of its own."""
    families = {family: found for family in spec.families if (found := effects(study, family))}
    height = sum(HEAD + ROW * len(found) + FOOT for found in families.values()) or 20.0
    page = style.Page(style.WIDTHS_MM["double"], height, study.label)
    canvas, top, words = page.canvas(), 0.0, []
    if not families:
        draw.message(canvas, EMPTY)
        return page, [Content("Effects", lambda _: None, f"{EMPTY}.", missing=True)]
    arms = "n, {} /\n{}".format(*(arm.label for arm in study.trial.analysed_arms.values()))
    reference = study.strata_labels[-1]
    heads = ("difference (interval)", "P", f"interaction P,\nagainst {reference}")
    for family, found in families.items():
        top += HEAD
        _axis(page.axes(LEFT, top, EFFECTS, ROW * len(found)), found, study)
        look = {"va": "bottom", "color": style.QUIET}
        canvas.text(3, top - 1, study.trial.families[family], weight="bold", size=style.TITLE, va="bottom")
        style.write(canvas, LEFT - 3, top - 1, arms, ha="right", **look)
        for place, name in zip(COLUMNS, heads, strict=True):
            style.italic_p(style.write(canvas, place, top - 1, name, **look), reference)
        words += [_row(canvas, top + ROW * (index + 0.5), effect, study) for index, effect in enumerate(found)]
        top += ROW * len(found) + FOOT
    return page, [Content("Effects", lambda _: None, " ".join(words))]


def _axis(ax: Axes, found: list[Effect], study: Study) -> None:
    """Draw estimates with their intervals; limits far outside the others are cut by an arrow."""
    ends = sorted(value for e in found for value in (e.low, e.high) if math.isfinite(value))
    few = len(ends) // 20
    inner = [e.estimate for e in found if math.isfinite(e.estimate)] + ends[few : -few or None]
    low, high = min([0.0, *inner]), max([0.0, *inner])
    room = 0.05 * (high - low) or 1.0
    ax.set(xlim=(low - room, high + room), ylim=(len(found) - 0.5, -0.5), yticks=[])
    ax.axvline(0, **style.DASHED)
    for place, effect in enumerate(found):
        if not math.isfinite(effect.estimate):
            continue
        look = style.NEUTRAL
        if not effect.overall:
            look = style.stratum_look(study.strata_labels.index(effect.group), len(study.strata_labels))
        if not math.isnan(effect.low):
            left, right = max(effect.low, low - room), min(effect.high, high + room)
            ax.plot((left, right), (place, place), color=look.edge, linewidth=0.9, zorder=1)
            for end, limit, marker in ((left, effect.low, "<"), (right, effect.high, ">")):
                if end != limit:
                    label = f"{draw.BEYOND}{effect.group}"
                    ax.plot(end, place, marker=marker, markersize=2.5, color=look.edge, clip_on=False, label=label)
        points = look.points(3.4, 0.6) | ({"marker": "D"} if effect.overall else {})
        ax.plot(effect.estimate, place, zorder=2, label=effect.group, **points)
    ax.spines["left"].set_visible(False)
    unit = {"percent_change": " (percentage points)", "log_ratio": " (log ratio)"}.get(study.measure, "")
    ax.set_xlabel(f"Difference of changes, {labels.direction(study.trial)}{unit}")


def _row(canvas: Axes, y: float, effect: Effect, study: Study) -> str:
    """Write the texts of one comparison, and return them as a sentence."""
    outcome = study.trial.outcomes[effect.outcome]
    name = f"{outcome.label}, {study.trial.visits[effect.visit].label}"
    if effect.overall:
        style.write(canvas, 3, y, name, weight="bold")
    else:
        style.write(canvas, 6, y, effect.group)
    sizes = "/".join("–" if math.isnan(n) else f"{n:.0f}" for n in effect.n)
    style.write(canvas, LEFT - 3, y, sizes, ha="right")
    decimals = labels.change_decimals(study.measure, outcome.decimals)
    estimate = formatting.number(effect.estimate, decimals)
    if math.isfinite(effect.low) and math.isfinite(effect.high):
        estimate = formatting.interval(effect.estimate, effect.low, effect.high, decimals)
    style.write(canvas, COLUMNS[0], y, estimate)
    style.write(canvas, COLUMNS[1], y, formatting.p_digits(effect.p))
    whom = "all participants" if effect.overall else effect.group
    words = f"{name}, {whom}: {estimate}, {formatting.p_value(effect.p)}"
    if (p := interaction(study, effect.outcome, effect.visit).get(effect.group)) is not None:
        style.write(canvas, COLUMNS[2], y, formatting.p_digits(p))
        words += f", interaction {formatting.p_value(p)}"
    return f"{words}."
