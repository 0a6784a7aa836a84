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
NAMES, COUNTS, EFFECTS, RIGHT = 38.0, 20.0, 58.0, 64.0  # widths of the columns
INTERACTION = "placements"  # begins the method of the interaction's P that Student's t gives


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
                place = {"marker": "" if group == ALL_PARTICIPANTS else study.marker, "stratum": group}

                def number(statistic: str, key=(outcome.key, study.measure, visit), place=place, **more: str) -> float:
                    return study.numbers.get(*key, statistic, **place, **more).value

                names = ("hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper", "p")
                values = [number(name, contrast=trial.contrast) for name in names]
                n = tuple(number("n", group=arm.key) for arm in (trial.arms.treated, trial.arms.control))
                if any(math.isfinite(value) for value in (values[0], values[3])):
                    found.append(Effect(outcome.key, visit, group, n, *values))
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
    trial = study.trial
    height = sum(HEAD + ROW * len(found) + FOOT for found in families.values()) or 20.0
    page = style.Page(style.WIDTHS_MM["double"], height, study.label)
    canvas, top, words = page.canvas(), 0.0, []
    if not families:
        draw.message(canvas, "No comparison of these outcomes in this analysis")
        return page, [
            Content("Effects", lambda ax: ax, "No comparison of these outcomes in this analysis.", missing=True)
        ]
    for family, found in families.items():
        ax = page.axes(3 + NAMES + COUNTS, top + HEAD, EFFECTS, ROW * len(found))
        _axis(ax, found, study)
        head = {"va": "bottom", "size": style.SMALL, "color": style.QUIET}
        canvas.text(3, top + HEAD - 1, trial.families[family], weight="bold", size=style.TITLE, va="bottom")
        arms = f"n, {trial.arms.treated.label} /\n{trial.arms.control.label}"
        canvas.text(3 + NAMES + COUNTS - 3, top + HEAD - 1, arms, ha="right", **head)
        columns = [3 + NAMES + COUNTS + EFFECTS + place for place in (4, 37, 46)]
        for place, name in zip(
            columns, ("difference (interval)", "P", f"interaction P,\nagainst {study.strata_labels[-1]}"), strict=True
        ):
            canvas.text(place, top + HEAD - 1, name, **head)
        for index, effect in enumerate(found):
            words.append(_row(canvas, top + HEAD + ROW * (index + 0.5), columns, effect, study))
        top += HEAD + ROW * len(found) + FOOT
    return page, [Content("Effects", lambda ax: ax, " ".join(words))]


def _axis(ax: Axes, found: list[Effect], study: Study) -> None:
    """Draw estimates with their intervals; limits far outside the others are cut by an arrow."""
    ends = sorted(value for e in found for value in (e.low, e.high) if math.isfinite(value))
    inner = [e.estimate for e in found if math.isfinite(e.estimate)] + ends[
        len(ends) // 20 : -(len(ends) // 20) or None
    ]
    low, high = min([0.0, *inner]), max([0.0, *inner])
    room = 0.05 * (high - low) or 1.0
    ax.set_xlim(low - room, high + room)
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.axvline(0, color=style.GRID, linewidth=0.7, dashes=(4, 3), zorder=0.5)
    for place, effect in enumerate(found):
        if not math.isfinite(effect.estimate):
            continue
        index = 0 if effect.overall else 1 + study.strata_labels.index(effect.group)
        look = style.NEUTRAL if effect.overall else style.stratum_look(index - 1, len(study.strata_labels))
        if not math.isnan(effect.low):
            left, right = max(effect.low, low - room), min(effect.high, high + room)
            ax.plot((left, right), (place, place), color=look.edge, linewidth=0.9, zorder=1)
            for end, limit, marker in ((left, effect.low, "<"), (right, effect.high, ">")):
                if end != limit:
                    label = f"{draw.BEYOND}{effect.group}"
                    ax.plot(end, place, marker=marker, markersize=2.5, color=look.edge, clip_on=False, label=label)
        ax.plot(
            effect.estimate, place, marker="D" if effect.overall else look.marker, markersize=3.4,
            markerfacecolor=look.face, markeredgecolor=look.edge, markeredgewidth=0.6, zorder=2, label=effect.group,
        )  # fmt: skip
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    unit = {"percent_change": " (percentage points)", "log_ratio": " (log ratio)"}.get(study.measure, "")
    ax.set_xlabel(f"Difference of changes, {labels.direction(study.trial)}{unit}")


def _row(canvas: Axes, y: float, columns: list[float], effect: Effect, study: Study) -> str:
    """Write the texts of one comparison, and return them as a sentence."""
    trial, outcome = study.trial, study.trial.outcomes[effect.outcome]
    font = {"va": "center_baseline", "size": style.SMALL}
    name = f"{outcome.label}, {trial.visits[effect.visit].label}"
    if effect.overall:
        canvas.text(3, y, name, weight="bold", **font)
    else:
        canvas.text(6, y, effect.group, **font)
    sizes = "/".join("–" if math.isnan(n) else f"{n:.0f}" for n in effect.n)
    canvas.text(3 + NAMES + COUNTS - 3, y, sizes, ha="right", **font)
    decimals = labels.change_decimals(study.measure, outcome.decimals)
    estimate = formatting.number(effect.estimate, decimals)
    if math.isfinite(effect.low) and math.isfinite(effect.high):
        estimate = formatting.interval(effect.estimate, effect.low, effect.high, decimals)
    canvas.text(columns[0], y, estimate, **font)
    canvas.text(columns[1], y, formatting.p_digits(effect.p), **font)
    whom = "all participants" if effect.overall else effect.group
    words = f"{name}, {whom}: {estimate}, {formatting.p_value(effect.p)}"
    if (p := interaction(study, effect.outcome, effect.visit).get(effect.group)) is not None:
        canvas.text(columns[2], y, formatting.p_digits(p), **font)
        words += f", interaction {formatting.p_value(p)}"
    return f"{words}."
