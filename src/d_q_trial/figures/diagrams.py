"""Figures without panels: the flow of participants, the design of the trial, and forest plots."""

import math
from collections.abc import Sequence, Set
from operator import sub
from typing import NamedTuple

from matplotlib.axes import Axes

from ..formatting import format_interval, format_number, format_p_digits
from ..labels import change_decimals, contrast_label, difference_unit
from ..results_table import ALL_PARTICIPANTS, subgroup_keys
from ..stats.two_sample import get_test
from ..trial import BASELINE, Arm
from . import elements, style
from .catalogue import Design, Flow, Forest
from .panels import Content
from .study import Study
from .texts import render_text

# Millimetres. Flow of participants:
_LINE, _MARGIN = 3.1, 1.2  # height of a line of text in a box; margin above and below the lines
_TABLE_ROW, _FIRST_COLUMN = 3.6, 36.0  # of the table of n: height of a row of one line; width of the first column
_ARROW = 4.0
_ARM_BOX, _TOP_BOX, _SIDE_BOX = 84.0, 60.0, 54.0  # widths of boxes: of an arm, above the arms, of arms not compared
_DESIGN_ROW, _DESIGN_LEFT, _DESIGN_RIGHT = 6.4, 54.0, 6.0  # of the design: height of a row; margins
# Forest plots:
_ROW, _HEADER, _FOOTER = 3.9, 11.5, 8.0
_NAMES, _SIZES, _EFFECTS = 45.0, 13.0, 50.0  # widths of the columns
_LEFT = 3 + _NAMES + _SIZES  # of the axes
_COLUMNS = [_LEFT + _EFFECTS + offset for offset in (4, 45, 54)]  # difference, P, P of the interaction

_STROKE = {"color": style.INK, "linewidth": 0.7}
_REPORTED = {"linestyle": (0, (3, 2))}
_FOOTNOTE = "Dashed boxes: as reported in the article. Other boxes: counted in the workbook."
_NO_EFFECTS = "No comparison of these outcomes in this analysis"


def draw_flow(spec: Flow, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the flow of participants: dashed boxes are reported in the article, others counted in the workbook."""
    arms, enrolled, phrases = study.trial.arms, study.enrolled, []
    compared_arms = (arms.control, arms.treated)
    screened = [row["count"] for row in study.flow if row["step"] == "screened"][:1]
    withdrawals: dict[str, list[str]] = {arm.key: [] for arm in compared_arms}
    for row in study.flow:
        if row["step"] in ("withdrew", "left_treatment") and row["arm"] in withdrawals:
            withdrawals[row["arm"]].append(f"{row['count']} {row.get('text') or row['step'].replace('_', ' ')}")
    _, outcome_labels, row_height = table = _lay_out_table(spec.outcomes, study)
    table_height = row_height * (len(outcome_labels) + 1.5) + 2 * _MARGIN
    most_withdrawals = max(map(len, withdrawals.values()))
    height = 17 + 2 * _box_height(2) + table_height + (_box_height(2) + 5) * len(screened) + 4.5 * bool(study.flow)
    if most_withdrawals:
        height += _box_height(most_withdrawals + 1) + _ARROW
    page = style.Page(style.WIDTH_MM, height, study.label)
    ax, middle, top = page.canvas(), page.width / 2, 3.0
    for count in screened:
        bottom = _draw_box(ax, middle, top, _TOP_BOX, ["Screened", f"n = {count}"], **_REPORTED)
        phrases.append(f"Screened: {count} (reported)")
        top = _draw_arrow(ax, middle, bottom, 5)
    total = sum(enrolled[arm.key] for arm in compared_arms)
    allocated = {row["arm"]: row["count"] for row in study.flow if row["step"] == "allocated"}
    counted = {arm.key: str(enrolled[arm.key]) for arm in compared_arms}
    # Unless the reported numbers agree, the workbook may not contain all randomized participants.
    heading = f"{'Randomized to' if counted.items() <= allocated.items() else 'In'} the two arms compared"
    bottom = _draw_box(ax, middle, top, _TOP_BOX, [heading, _format_n(total)])
    phrases.append(f"{heading.lower()}: {total}")
    if not_compared := [arm for arm in arms.others if enrolled[arm.key]]:
        centre = page.width - 3 - _SIDE_BOX / 2
        ax.plot((middle, centre), (top + 4.3,) * 2, zorder=1, **_STROKE)
        lines = ["Not analysed here", *(f"{arm.label}, {_format_n(enrolled[arm.key])}" for arm in not_compared)]
        _draw_box(ax, centre, top, _SIDE_BOX, lines)
        phrases += [f"not analysed: {arm.label} {enrolled[arm.key]}" for arm in not_compared]
    fork, centres = bottom + 4, (page.width / 4 + 0.5, page.width * 3 / 4 - 0.5)
    ax.plot((middle, middle), (bottom, fork), **_STROKE)
    ax.plot(centres, (fork, fork), **_STROKE)
    for centre, arm, look in zip(centres, compared_arms, (style.CONTROL, style.TREATED), strict=True):
        size, reported = _format_n(enrolled[arm.key]), allocated.get(arm.key, counted[arm.key])
        if reported != counted[arm.key]:
            size += f" ({reported} allocated, as reported)"
        bottom = _draw_box(ax, centre, _draw_arrow(ax, centre, fork), _ARM_BOX, [arm.label, size], facecolor=look.tint)
        phrases.append(f"{arm.label}: {size}")
        if most_withdrawals:
            padding = [""] * (most_withdrawals - len(withdrawals[arm.key]))  # both arms have boxes of equal height
            lines = ["Left the study or the treatment", *withdrawals[arm.key], *padding]
            bottom = _draw_box(ax, centre, _draw_arrow(ax, centre, bottom), _ARM_BOX, lines, **_REPORTED)
            phrases += [f"{arm.label} {text} (reported)" for text in withdrawals[arm.key]]
        left, top = centre - _ARM_BOX / 2, _draw_arrow(ax, centre, bottom)
        style.draw_box(ax, left, top, _ARM_BOX, table_height)
        phrases += _draw_table(ax, left, top + _MARGIN, arm, table, study)
    if study.flow:
        page.text(3, page.height - page.top - 3, _FOOTNOTE, color=style.QUIET)
    return page, [Content("Participants", f"{'; '.join(phrases)}.")]


def _box_height(lines: int) -> float:
    return _LINE * lines + 2 * _MARGIN


def _draw_box(ax: Axes, centre: float, top: float, width: float, lines: Sequence[str], **frame) -> float:
    """Draw a box with centred lines of text, the first one bold; return the position of its lower edge."""
    style.draw_box(ax, centre - width / 2, top, width, _box_height(len(lines)), zorder=2, **frame)
    for index, line in enumerate(lines):
        font = {"ha": "center", "va": "center", "zorder": 3, "weight": "normal" if index else "bold"}
        line = style.truncate(line, width - 2, style.BODY, font["weight"])
        ax.text(centre, top + _MARGIN + _LINE * (index + 0.5), line, **font)
    return top + _box_height(len(lines))


def _draw_arrow(ax: Axes, x: float, top: float, length: float = _ARROW) -> float:
    """Draw an arrow downwards; return the position of its tip."""
    arrow = _STROKE | {"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
    ax.annotate("", (x, top + length), (x, top), arrowprops=arrow, zorder=1)
    return top + length


def _format_n(count: int) -> str:
    return f"n = {count}" if count else "n not known: the workbook has no participant ids"


def _lay_out_table(outcomes: Sequence[str], study: Study) -> tuple[dict[str, str], dict[str, str], float]:
    """Return the wrapped labels of visits and of outcomes in a table of n, by key, and the height of its rows."""
    measured = {BASELINE, *(visit for key in outcomes for visit in study.trial.outcomes[key].follow_up)}
    width = (_ARM_BOX - _FIRST_COLUMN) / len(measured) - 1
    visits = {key: style.wrap_text(visit.label, width) for key, visit in study.trial.visits.items() if key in measured}
    names = {key: style.wrap_text(study.trial.outcomes[key].label, _FIRST_COLUMN - 3, style.BODY) for key in outcomes}
    return visits, names, _TABLE_ROW + _LINE * max(text.count("\n") for text in (*visits.values(), *names.values()))


def _draw_table(ax: Axes, left: float, top: float, arm: Arm, table: tuple, study: Study) -> list[str]:
    """Draw a table of n in one arm, with a row per outcome and a column per visit; return its numbers as phrases."""
    (visit_labels, outcome_labels, row_height), trial = table, study.trial
    column, y, phrases = (_ARM_BOX - _FIRST_COLUMN) / len(visit_labels), top + row_height / 2, []
    centres = [left + _FIRST_COLUMN + column * (index + 0.5) for index in range(len(visit_labels))]
    ax.text(left + 2, y, "Analysed, n", weight="bold", va="center")
    for centre, label in zip(centres, visit_labels.values(), strict=True):
        ax.text(centre, y, label, ha="center", va="center", size=style.SMALL)
    ax.plot((left + 2, left + _ARM_BOX - 2), (y + row_height * 0.75,) * 2, color=style.GRID, linewidth=0.5)
    for index, (outcome, label) in enumerate(outcome_labels.items()):
        y = top + row_height * (index + 2)
        ax.text(left + 2, y, label, va="center")
        for centre, visit in zip(centres, visit_labels, strict=True):
            n = study.summary(study.key(outcome, visit), arm.key).n
            ax.text(centre, y, format_number(n, 0), ha="center", va="center")
            if math.isfinite(n):
                phrases.append(f"{arm.label} {trial.outcomes[outcome].label} {trial.visits[visit].label}: n = {n:.0f}")
    return phrases


def draw_design(spec: Design, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw treatments and measurements over the weeks of the trial."""
    visits, arms = list(study.trial.visits.values()), study.trial.arms
    times, time_labels, axis_label = elements.time_axis(visits)
    treatments = sorted(spec.treatments, key=lambda treatment: treatment.arm != "treated")
    phrases = [": ".join(filter(None, (getattr(arms, t.arm).label, t.label))) for t in treatments]
    measurements, divider = _list_measurements(study), len(treatments)  # the line between the two takes a row
    rows = [*range(divider), *range(divider + 1, divider + 1 + len(measurements))]
    row_labels = (*phrases, *(label for label, _ in measurements))
    row_labels = [style.wrap_text(label, _DESIGN_LEFT - 4, style.BODY) for label in row_labels]
    height = _DESIGN_ROW * max(2, *(1 + label.count("\n") for label in row_labels)) / 2 * (len(rows) + 1.2)
    width, duration = style.WIDTH_MM - _DESIGN_LEFT - _DESIGN_RIGHT, times[-1] - times[0]
    padding = 0.04 * (duration or 1.0)
    scale, widest = width / (duration + 2 * padding), max(style.text_width(visit.label) for visit in visits)
    # Labels of visits that would reach each other or the edge of the page are slanted.
    slanted = widest > min(scale * min(map(sub, times[1:], times)) - 1, 2 * (_DESIGN_RIGHT + scale * padding))
    header = 7 + slanted * 0.6 * widest
    page = style.Page(style.WIDTH_MM, header + height + 11)  # no label, because it shows no participant data
    ax = page.axes(_DESIGN_LEFT, header, width, height)
    ax.set(xlim=(times[0] - padding, times[-1] + padding), ylim=(rows[-1] + 0.6, -0.6), xlabel=axis_label)
    ax.spines["left"].set_visible(False)
    starts = [[course * t.every_weeks for course in range(t.times if t.days else 0)] for t in treatments]  # of courses
    ticks = {week: f"{week:g}" for weeks in starts for week in weeks}
    ticks |= dict(zip(times, time_labels, strict=True))
    ax.set_xticks(list(ticks), ticks.values())
    ax.set_yticks(rows, row_labels, size=style.BODY, va="center", linespacing=1.05)
    ax.tick_params(axis="y", length=0, pad=4)
    for time, visit in zip(times, visits, strict=True):
        ax.axvline(time, color=style.GRID, linewidth=0.6, dashes=(3, 3), zorder=0.5)
        alignment = {"rotation": -35, "rotation_mode": "anchor", "ha": "right"} if slanted else {"ha": "center"}
        ax.text(time, -0.7, visit.label, size=style.SMALL, **alignment)
    for row, (treatment, weeks) in enumerate(zip(treatments, starts, strict=True)):
        look = style.TREATED if treatment.arm == "treated" else style.CONTROL
        ax.plot((times[0], times[-1]), (row, row), color=look.edge, linewidth=0.8, zorder=1)
        bar = {"facecolor": look.face, "edgecolor": look.edge, "linewidth": 0.5, "zorder": 3}
        for week in weeks:
            style.draw_box(ax, week, row - 0.25, treatment.days / 7, 0.5, **bar)
    ax.axhline(divider, color=style.GRID, linewidth=0.5, xmin=(4 - _DESIGN_LEFT) / width, clip_on=False)
    for row, (label, measured_at) in zip(rows[divider:], measurements, strict=True):
        measured = [(time, visit.label) for time, visit in zip(times, visits, strict=True) if visit.key in measured_at]
        ax.plot([time for time, _ in measured], [row] * len(measured), "o", markersize=5, color=style.INK, label=label)
        phrases.append(f"{label}: {', '.join(visit for _, visit in measured)}")
    return page, [Content("Design", f"{'; '.join(phrases)}.")]


def _list_measurements(study: Study) -> list[tuple[str, Set[str]]]:
    """Return the label and the visits of each row of measurements: the markers, then the outcomes of each family.

    Outcomes of a family that are measured at different visits have separate rows. A row names up to three outcomes.
    """
    trial, outcomes = study.trial, {}  # labels of outcomes by family and visits
    for outcome in sorted(trial.outcomes.values(), key=lambda outcome: list(trial.families).index(outcome.family)):
        outcomes.setdefault((outcome.family, frozenset((BASELINE, *outcome.follow_up))), []).append(outcome.label)
    rows = [(", ".join(marker.label for marker in trial.markers.values()), {BASELINE})]
    for (family, visits), names in outcomes.items():
        label, count = trial.families[family], len(names)
        rows.append((f"{label}: {', '.join(names)}" if count <= 3 else f"{label} ({count})", visits))
    return rows


class Effect(NamedTuple):
    """The comparison of the arms in one group of participants, as computed; NaN if not computed."""

    name: str  # of the outcome and visit
    group: str
    n: str  # of control and of the treated arm
    estimate: float
    low: float
    high: float
    p: float
    p_interaction: float = math.nan  # of this stratum with the highest
    difference: str = ""  # the estimate with its interval, if it has one

    @property
    def compared(self) -> bool:
        """Whether the comparison gave a number."""
        return math.isfinite(self.estimate) or math.isfinite(self.p)


def collect_effects(study: Study, family: str, only: Sequence[str] = ()) -> dict[str, list[Effect]]:
    """Return the comparisons of a family, or of ``only`` some outcomes, by unit: all participants, then each stratum."""
    trial, analysis, strata = study.trial, study.analysis, study.analysis.strata.labels
    by_unit: dict[str, list[Effect]] = {}
    for outcome, visit in ((trial.outcomes[key], visit) for key, visit in trial.changes_of(family, only)):
        name = f"{outcome.label}, {trial.visits[visit].label}"
        decimals = change_decimals(analysis.measure, outcome.decimals)
        key, effects = study.key(outcome.key, visit), []
        for group in (ALL_PARTICIPANTS, *reversed(strata)):
            subgroup = subgroup_keys(group, analysis.marker)
            sizes = [study.summary(key, arm, **subgroup).n for arm in reversed(trial.analysed_arms)]
            *ends, p = study.compare_arms(key, **subgroup)
            contrast = f"{trial.contrast}, {strata[-1]} - {group}"
            interaction = study.numbers.get(*key, "p", marker=analysis.marker, stratum="", contrast=contrast)
            has_interval = all(map(math.isfinite, ends))
            difference = format_interval(*ends, decimals) if has_interval else format_number(ends[0], decimals)
            n = "/".join(format_number(size, 0) for size in sizes)
            effect = Effect(name, group, n, *ends, p, interaction.value, difference)
            if effect.compared or any(map(math.isfinite, sizes)):  # a stratum without one arm still has a row
                effects.append(effect)
        if any(effect.compared for effect in effects):
            by_unit.setdefault(difference_unit(analysis.measure, outcome.unit), []).extend(effects)
    return by_unit


def draw_forest(spec: Forest, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the families one below the other, with an axis for each unit of their outcomes."""
    blocks, sentences, arms, strata = [], [], study.trial.arms, study.analysis.strata.labels
    for family in spec.families:
        blocks += [(family, *block) for block in collect_effects(study, family, spec.outcomes).items()]
    cells = [text for *_, effects in blocks for effect in effects for text in _wrap_cells(effect)]
    row = _ROW + 2.4 * max((text.count("\n") for text in cells), default=0)
    height = sum(_HEADER + row * len(effects) + _FOOTER for *_, effects in blocks) or 20.0
    page, top = style.Page(style.WIDTH_MM, height, study.label), 0.0
    if not blocks:
        elements.write_message(page.canvas(), _NO_EFFECTS)
        return page, [Content("Effects", f"{_NO_EFFECTS}.", missing=True)]
    sizes = style.wrap_text(f"n, {arms.control.label} / {arms.treated.label}", _LEFT - 6)
    reference = style.wrap_text(style.truncate(f"against {strata[-1]}", 40), 24)  # two lines at most
    difference = "difference (CI)" if get_test(study.analysis.test).has_interval else "difference"
    for family, unit, effects in blocks:
        top += _HEADER
        _draw_effects(page.axes(_LEFT, top, _EFFECTS, row * len(effects)), effects, study, unit)
        quiet = {"va": "bottom", "color": style.QUIET}
        page.text(3, top - 7, study.trial.families[family], weight="bold", size=style.TITLE, va="bottom")
        page.text(_LEFT - 3, top - 1, sizes, ha="right", **quiet)
        page.text(_COLUMNS[0], top - 1, difference, **quiet)
        page.text(_COLUMNS[1], top - 1, "P", **quiet)
        page.text(style.WIDTH_MM - 1, top - 1, f"interaction P,\n{reference}", ha="right", **quiet)
        sentences += [_write_row(page, top + row * (index + 0.5), effect) for index, effect in enumerate(effects)]
        top += row * len(effects) + _FOOTER
    return page, [Content("Effects", " ".join(sentences))]


def _draw_effects(ax: Axes, effects: list[Effect], study: Study, unit: str) -> None:
    """Draw estimates with their intervals; an arrow marks a limit far outside the others."""
    limits = sorted(limit for effect in effects for limit in (effect.low, effect.high) if math.isfinite(limit))
    extreme = len(limits) // 20  # limits at either end that do not widen the axis
    estimates = [effect.estimate for effect in effects if math.isfinite(effect.estimate)]
    low, high = elements.pad_range([0.0, *estimates, *limits[extreme : -extreme or None]])
    ax.set(xlim=(low, high), ylim=(len(effects) - 0.5, -0.5), yticks=[])
    ax.axvline(0, **style.DASHED)
    strata = study.analysis.strata.labels
    looks = {stratum: style.stratum_look(index, len(strata)) for index, stratum in enumerate(strata)}
    for row, effect in enumerate(effects):
        look = style.OVERALL if effect.group == ALL_PARTICIPANTS else looks[effect.group]
        # NaN draws nothing.
        ax.plot((max(effect.low, low), min(effect.high, high)), (row, row), color=look.edge, linewidth=0.9, zorder=1)
        arrow = {"markersize": 2.5, "color": look.edge, "clip_on": False, "label": f"{elements.BEYOND}{effect.group}"}
        for edge, outside, marker in ((low, effect.low < low, "<"), (high, effect.high > high, ">")):
            if outside:
                ax.plot(edge, row, marker=marker, **arrow)
        ax.plot(effect.estimate, row, zorder=2, label=effect.group, **look.points(3.4, 0.6))
    ax.spines["left"].set_visible(False)
    ax.locator_params("x", nbins=5)
    label = f"Difference of changes, {contrast_label(study.trial)}{f' ({unit})' if unit else ''}"
    ax.set_xlabel(style.wrap_text(label, style.WIDTH_MM - 10, style.BODY))
    elements.format_axis(ax.xaxis, (low, high))


def _wrap_cells(effect: Effect) -> tuple[str, str]:
    """Wrap the name of a row (an outcome, or one of the strata below it) and its difference to their columns."""
    overall = effect.group == ALL_PARTICIPANTS
    name = style.wrap_text(effect.name if overall else effect.group, _NAMES - 3, weight="bold" if overall else "normal")
    return name, style.wrap_text(effect.difference, _COLUMNS[1] - _COLUMNS[0])


def _write_row(page: style.Page, y: float, effect: Effect) -> str:
    """Write the texts of one comparison, and return them as a sentence."""
    overall, (name, difference) = effect.group == ALL_PARTICIPANTS, _wrap_cells(effect)
    page.text(3 if overall else 6, y, name, weight="bold" if overall else "normal", linespacing=1.0)
    page.text(_LEFT - 3, y, effect.n, ha="right")
    interaction = "" if math.isnan(effect.p_interaction) else format_p_digits(effect.p_interaction)
    for x, text in zip(_COLUMNS, (difference, format_p_digits(effect.p), interaction), strict=True):
        page.text(x, y, text, linespacing=1.0)
    return render_text("panel", "forest", effect=effect, group="all participants" if overall else effect.group)
