"""Figures without panels: the flow of participants, the design of the trial, and forest plots."""

import math
from operator import sub
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes

from .. import labels
from ..formatting import format_interval, format_number, format_p_digits
from ..results_table import ALL_PARTICIPANTS, subgroup_keys
from ..stats.two_sample import get_test
from ..trial import BASELINE, Trial
from . import style
from .catalogue import Design, Flow, Forest
from .panels import Content
from .study import Study

# Millimetres. Flow of participants: height of a line of text, margin above and below the lines, gap, width of a box.
_LINE, _MARGIN, _GAP, _BOX = 3.1, 1.2, 5.0, 84.0
_DESIGN_ROW, _DESIGN_LEFT, _DESIGN_RIGHT = 6.4, 54.0, 6.0  # of the design: height of a row; margins
# Forest plots:
_ROW, _HEADER, _FOOTER = 3.9, 11.5, 8.0
_NAMES, _SIZES, _EFFECTS = 45.0, 13.0, 50.0  # widths of the columns
_LEFT = 3 + _NAMES + _SIZES  # of the axes
_DIFFERENCE, _P = _LEFT + _EFFECTS + 4, _LEFT + _EFFECTS + 45  # left edges of two columns
_COLUMNS = {"n": (_LEFT - 3, "right"), "difference": (_DIFFERENCE, "left"), "p": (_P, "left")}
_COLUMNS |= {"p_interaction": (style.WIDTH_MM - 1, "right")}

_ARROW = {"color": style.INK, "linewidth": 0.7, "arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
_ARROW |= {"connectionstyle": "angle,angleA=0,angleB=90"}  # across, then down
_FOOTNOTE = "Dashed boxes: as reported in the article. Other boxes: counted in the workbook."
_EFFECT_COLUMNS = ["family", "unit", "name", "group", "n", "has_size"]
_EFFECT_COLUMNS += ["estimate", "low", "high", "p", "p_interaction", "difference"]
_NO_EFFECTS = "No comparison of these outcomes in this analysis"


class Box(NamedTuple):
    """A box of the flow of participants: its title, and lines of text below."""

    title: str
    lines: list[str]
    reported: bool = False  # in the article; otherwise counted in the workbook
    fill: str = "white"

    def wrap(self) -> list[str]:
        """Return the lines of text that fit the box, title first."""
        texts = [style.wrap_text(line, _BOX - 2, style.BODY) for line in self.lines]
        return [style.truncate(self.title, _BOX - 2, style.BODY, "bold"), *"\n".join(texts).splitlines()]


def draw_flow(spec: Flow, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the flow of participants, a row of boxes for each stage: dashed boxes are reported, others counted."""
    stages, parents, top = list_stages(spec, study), [], 3.0
    heights = [_LINE * max(len(box.wrap()) for box in stage) + 2 * _MARGIN for stage in stages]
    page = style.Page(style.WIDTH_MM, sum(heights) + _GAP * len(stages) + 5.0 * bool(study.flow), study.label)
    ax, font = page.canvas(), {"ha": "center", "va": "top", "zorder": 3, "linespacing": 1.3}
    for stage, height in zip(stages, heights, strict=True):
        middles = [(page.width * (index + 0.5) / len(stage), top + height / 2) for index in range(len(stage))]
        for index, (box, (centre, _)) in enumerate(zip(stage, middles, strict=True)):
            if parents:
                ax.annotate("", (centre, top), parents[index % len(parents)], arrowprops=_ARROW, zorder=1)
            frame = {"linestyle": (0, (3, 2))} if box.reported else {}
            style.draw_box(ax, centre - _BOX / 2, top, _BOX, height, facecolor=box.fill, zorder=2, **frame)
            title, *lines = box.wrap()
            ax.text(centre, top + _MARGIN, title, weight="bold", **font)
            ax.text(centre, top + _MARGIN + _LINE, "\n".join(lines), **font)
        parents, top = middles, top + height + _GAP
    if study.flow:
        page.text(3, page.height - page.top - 3, _FOOTNOTE, color=style.QUIET)
    boxes = [box for stage in stages for box in stage if box.lines]
    sentences = [f"{box.title}: {'; '.join(box.lines)}{' (reported)' * box.reported}." for box in boxes]
    return page, [Content("Participants", " ".join(sentences))]


def list_stages(spec: Flow, study: Study) -> list[list[Box]]:
    """Return the boxes of each stage of the trial: one for all participants, then one for each arm."""
    trial, enrolled = study.trial, study.enrolled
    compared = {trial.arms.control.key: style.CONTROL, trial.arms.treated.key: style.TREATED}
    names = {arm.key: arm.label for arm in trial.analysed_arms.values()}
    allocated = {row["arm"]: row["count"] for row in study.flow if row["step"] == "allocated"}
    losses = [row for row in study.flow if row["step"] in ("withdrew", "left_treatment")]
    stages = [[Box("Screened", [f"n = {r['count']}"], reported=True)] for r in study.flow if r["step"] == "screened"]
    # Unless the reported numbers agree, the workbook may not contain all randomized participants.
    agree = all(allocated.get(key) == str(enrolled[key]) for key in compared)
    heading = f"{'Randomized to' if agree else 'In'} the two arms compared"
    others = [(arm.label, enrolled[arm.key]) for arm in trial.arms.others if enrolled[arm.key]]
    lines = [_format_n(sum(enrolled[key] for key in compared))]
    stages.append([Box(heading, lines + [f"not analysed here: {label}, n = {n}" for label, n in others])])
    groups, left, analysed = [], [], []
    for key, look in compared.items():
        reported = allocated.get(key, str(enrolled[key]))
        note = "" if reported == str(enrolled[key]) else f" ({reported} allocated, as reported)"
        groups.append(Box(names[key], [_format_n(enrolled[key]) + note], fill=look.tint))
        lines = [f"{r['count']} {r.get('text') or r['step'].replace('_', ' ')}" for r in losses if r["arm"] == key]
        left.append(Box(f"{names[key]}, left the study or the treatment", lines or ["none reported"], reported=True))
        analysed.append(Box(f"{names[key]}, analysed", _list_sizes(spec, study, key)))
    return [*stages, groups, *([left] if losses else []), analysed]


def _format_n(count: int) -> str:
    return f"n = {count}" if count else "n not known: the workbook has no participant ids"


def _list_sizes(spec: Flow, study: Study, arm: str) -> list[str]:
    """Return for each outcome the number of participants of an arm who have a value, by visit."""
    lines, visits = [], study.trial.visits.items()
    for outcome in (study.trial.outcomes[key] for key in spec.outcomes):
        sizes = [(study.summary(study.key(outcome.key, key), arm).n, visit.label) for key, visit in visits]
        texts = [f"{n:.0f} at {labels.uncapitalize(visit)}" for n, visit in sizes if n > 0]
        absent = "by stratum only" if study.numbers.has(outcome=outcome.key, statistic="median") else "not analysed"
        lines.append(f"{outcome.label}: {', '.join(texts) or absent}")
    return lines


def draw_design(spec: Design, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw treatments and measurements over the weeks of the trial."""
    visits, arms = list(study.trial.visits.values()), study.trial.arms
    has_weeks = all(visit.week is not None for visit in visits)  # otherwise the visits are equally spaced
    times = [visit.week if has_weeks else index for index, visit in enumerate(visits)]
    last = max([times[-1], *((t.times - 1) * t.every_weeks + t.days / 7 for t in spec.treatments if t.days)])
    phrases = [": ".join(filter(None, (getattr(arms, t.arm).label, t.label))) for t in spec.treatments]
    measurements = _list_measurements(study.trial)
    names = *phrases, *(label for label, _ in measurements)
    row_labels = [style.wrap_text(name, _DESIGN_LEFT - 4, style.BODY) for name in names]
    height = _DESIGN_ROW * max(2, *(1 + label.count("\n") for label in row_labels)) / 2 * (len(row_labels) + 0.2)
    width, duration = style.WIDTH_MM - _DESIGN_LEFT - _DESIGN_RIGHT, last - times[0]
    padding = 0.04 * (duration or 1.0)
    scale, widest = width / (duration + 2 * padding), max(style.text_width(visit.label) for visit in visits)
    # Labels of visits that would reach each other or the edge of the page are slanted.
    slanted = widest > min(scale * min(map(sub, times[1:], times)) - 1, 2 * (_DESIGN_RIGHT + scale * padding))
    header = 7 + slanted * 0.6 * widest
    page = style.Page(style.WIDTH_MM, header + height + 11)  # no label, because it shows no participant data
    ax = page.axes(_DESIGN_LEFT, header, width, height)
    ax.set(xlim=(times[0] - padding, last + padding), ylim=(len(row_labels) - 0.4, -0.6), xlabel="Weeks" * has_weeks)
    ax.spines["left"].set_visible(False)
    ax.set_yticks(range(len(row_labels)), row_labels, size=style.BODY, va="center", linespacing=1.05)
    ax.tick_params(axis="y", length=0, pad=4)
    ax.axhline(len(phrases) - 0.5, color=style.GRID, linewidth=0.5)
    ticks = dict(zip(times, (f"{round(time, 2):g}" if has_weeks else "" for time in times), strict=True))
    for row, treatment in enumerate(spec.treatments):
        look = style.TREATED if treatment.arm == "treated" else style.CONTROL
        ax.plot((times[0], last), (row, row), color=look.edge, linewidth=0.8, zorder=1)
        bar = {"facecolor": look.face, "edgecolor": look.edge, "linewidth": 0.5, "zorder": 3}
        for week in [course * treatment.every_weeks for course in range(treatment.times if treatment.days else 0)]:
            style.draw_box(ax, week, row - 0.25, treatment.days / 7, 0.5, **bar)
            ticks[week] = f"{round(week, 2):g}"
    ax.set_xticks(list(ticks), ticks.values())
    for time, visit in zip(times, visits, strict=True):
        ax.axvline(time, color=style.GRID, linewidth=0.6, dashes=(3, 3), zorder=0.5)
        alignment = {"rotation": -35, "rotation_mode": "anchor", "ha": "right"} if slanted else {"ha": "center"}
        ax.text(time, -0.7, visit.label, size=style.SMALL, **alignment)
    for row, (label, keys) in enumerate(measurements, start=len(phrases)):
        measured = {time: visit.label for time, visit in zip(times, visits, strict=True) if visit.key in keys}
        ax.plot(list(measured), [row] * len(measured), "o", markersize=5, color=style.INK, label=label)
        phrases.append(f"{label}: {', '.join(measured.values())}")
    return page, [Content("Design", f"{'; '.join(phrases)}.")]


def _list_measurements(trial: Trial) -> list[tuple[str, frozenset[str]]]:
    """Return label and visits of each row of measurements: the markers, then the outcomes of each family by their visits."""
    rows = [(", ".join(marker.label for marker in trial.markers.values()), frozenset({BASELINE}))]
    for family, label in trial.families.items():
        names: dict[frozenset[str], list[str]] = {}
        for outcome in trial.outcomes.values():
            if outcome.family == family:
                names.setdefault(frozenset({BASELINE, *outcome.follow_up}), []).append(outcome.label)
        rows += [(f"{label}: {', '.join(n)}" if len(n) <= 3 else f"{label} ({len(n)})", v) for v, n in names.items()]
    return rows


def collect_effects(spec: Forest, study: Study) -> pd.DataFrame:
    """Return the comparisons of a forest plot: of all participants, then of each stratum, highest first.

    Columns: family; name (of outcome and visit); group (of participants); n (of control and of the treated arm), and
    whether it has_size above zero in either; estimate with its limits low and high, p, and p_interaction (of this stratum
    with the highest), as computed, NaN if not; difference (the estimate with its interval, as text) and its unit; and
    whether estimate or P was compared. A group without one of the arms has a row, and one without both has none.
    """
    trial, analysis, strata, rows = study.trial, study.analysis, study.analysis.strata.labels, []
    changes = [(family, *change) for family in spec.families for change in trial.changes_of(family, spec.outcomes)]
    for family, outcome_key, visit in changes:
        outcome, key = trial.outcomes[outcome_key], study.key(outcome_key, visit)
        unit = labels.difference_unit(analysis.measure, outcome.unit)
        name = f"{outcome.label}, {trial.visits[visit].label}"
        for group in (ALL_PARTICIPANTS, *reversed(strata)):
            subgroup, contrast = subgroup_keys(group, analysis.marker), f"{trial.contrast}, {strata[-1]} - {group}"
            sizes = [study.summary(key, arm, **subgroup).n for arm in reversed(trial.analysed_arms)]
            *ends, p = study.compare_arms(key, **subgroup)
            p_interaction = study.numbers.get(*key, "p", marker=analysis.marker, stratum="", contrast=contrast).value
            n, has_size = "/".join(format_number(size, 0) for size in sizes), any(size > 0 for size in sizes)
            difference = format_interval(*ends, labels.change_decimals(analysis.measure, outcome.decimals))
            rows.append((trial.families[family], unit, name, group, n, has_size, *ends, p, p_interaction, difference))
    effects = pd.DataFrame(rows, columns=_EFFECT_COLUMNS)
    effects["compared"] = effects[["estimate", "p"]].notna().any(axis=1)
    return effects[effects["compared"] | effects["has_size"]]


def draw_forest(spec: Forest, study: Study) -> tuple[style.Page, list[Content]]:
    """Draw the families one below the other, with an axis for each unit; the first row of an outcome names it."""
    effects, strata, arms, top = collect_effects(spec, study), study.analysis.strata.labels, study.trial.arms, 0.0
    if effects.empty:
        page = style.Page(style.WIDTH_MM, 20.0, study.label)
        style.write_message(page.canvas(), _NO_EFFECTS)
        return page, [Content("Effects", f"{_NO_EFFECTS}.", missing=True)]
    overall = effects["group"].eq(ALL_PARTICIPANTS)
    names, wrap = effects["name"].where(overall, effects["group"]), style.wrap_text
    names = names.mask(~overall & ~effects["name"].duplicated(), effects["name"] + ", " + effects["group"])
    texts = effects[["n"]].assign(name=[wrap(name, _NAMES - 3, weight="bold") for name in names])
    texts["difference"] = [wrap(difference, _P - _DIFFERENCE) for difference in effects["difference"]]
    texts["p"] = effects["p"].map(format_p_digits)
    texts["p_interaction"] = [format_p_digits(p) if math.isfinite(p) else "" for p in effects["p_interaction"]]
    reference = wrap(style.truncate(f"against {strata[-1]}", 40), 24)  # two lines at most
    headings = {"n": wrap(f"n, {arms.control.label} / {arms.treated.label}", _LEFT - 6), "p": "P"}
    headings["difference"] = "difference (CI)" if get_test(study.analysis.test).has_interval else "difference"
    headings["p_interaction"] = f"interaction P,\n{reference}"
    row = _ROW + 2.4 * max(text.count("\n") for column in ("name", "difference") for text in texts[column])
    blocks = effects.groupby(["family", "unit"], sort=False)
    page = style.Page(style.WIDTH_MM, row * len(effects) + (_HEADER + _FOOTER) * len(blocks), study.label)
    for (family, unit), rows in blocks:
        top += _HEADER
        draw_effects(page.axes(_LEFT, top, _EFFECTS, row * len(rows)), rows, study, unit)
        page.text(3, top - 7, family, weight="bold", size=style.TITLE, va="bottom")
        for column, (x, alignment) in _COLUMNS.items():
            page.text(x, top - 1, headings[column], ha=alignment, va="bottom", color=style.QUIET)
        for index in rows.index:
            y, is_overall = top + row * 0.5, overall[index]
            left, weight = (3, "bold") if is_overall else (6, "normal")
            page.text(left, y, texts["name"][index], weight=weight, linespacing=1)
            for column, (x, alignment) in _COLUMNS.items():
                page.text(x, y, texts[column][index], ha=alignment, linespacing=1)
            top += row
        top += _FOOTER
    sentences = [style.render_text("panel", "forest", effect=effect) for effect in effects.itertuples()]
    return page, [Content("Effects", " ".join(sentences))]


def draw_effects(ax: Axes, effects: pd.DataFrame, study: Study, unit: str) -> None:
    """Draw estimates with their intervals, a row each; ``effects`` are some of :func:`collect_effects`."""
    low, high = style.pad_range([0.0, *effects[["estimate", "low", "high"]].stack().dropna()])
    ax.set(xlim=(low, high), ylim=(len(effects) - 0.5, -0.5), yticks=[])
    ax.axvline(0, **style.DASHED)
    looks = style.group_looks(study.analysis.strata.labels)
    for row, effect in enumerate(effects.itertuples()):
        look = looks[effect.group]
        # NaN draws nothing.
        ax.plot((effect.low, effect.high), (row, row), color=look.edge, linewidth=0.9, zorder=1)
        ax.plot(effect.estimate, row, zorder=2, label=effect.group, **look.points(3.4, 0.6))
    ax.spines["left"].set_visible(False)
    ax.locator_params("x", nbins=5, min_n_ticks=3)
    label = f"Difference of changes, {labels.contrast_label(study.trial)}{f' ({unit})' if unit else ''}"
    ax.set_xlabel(style.wrap_text(label, style.WIDTH_MM - 10, style.BODY))
    style.format_axis(ax.xaxis, (low, high))
