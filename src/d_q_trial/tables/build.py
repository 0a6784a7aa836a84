"""Tables from finished numbers: each cell is looked up, none is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import formatting, labels
from ..figures.study import Number, Numbers
from ..published_tables import read_published
from ..results_table import BOTH_ARMS
from ..trial import BASELINE
from . import notes
from .catalogue import EACH, EVERYBODY, HIGHEST, LOWEST

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..trial import Outcome, Trial
    from .catalogue import Catalogue, Table

DASH = "–"
MISSING = "Rows with a dash have no values in this analysis."


@dataclass(frozen=True)
class Row:
    """One line: its cells as printed, the first of which names it, and the same in full precision."""

    cells: tuple[str, ...]
    exact: dict[str, Any]
    section: str = ""


@dataclass(frozen=True)
class SetTable:
    """A table ready to be written.

    ``data_label`` says how the data have to be marked; None for a real workbook.
    """

    key: str
    label: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    data_label: str | None = None
    headings: int = 1  # how many columns name the row
    printed_p: tuple[int, ...] = field(default=())  # positions of the columns with P


@dataclass(frozen=True)
class Source:
    """What tables are made from."""

    trial: Trial
    analysis: Analysis
    numbers: Numbers
    published: str | None
    data_label: str | None


def build_tables(catalogue: Catalogue, source: Source) -> list[SetTable]:
    """Set every table of a catalogue that the analysis and the printed values can fill."""
    builders = {"arms": _arms, "strata": _strata, "comparisons": _comparisons, "events": _events}
    return [builders[table.kind](key, table, source) for key, table in catalogue.tables.items()]


def _labels(table: Table, source: Source) -> list[str]:
    known = source.analysis.strata.labels
    meaning = {HIGHEST: [known[-1]], LOWEST: [known[0]], EACH: list(known)}
    return [label for name in table.strata for label in meaning.get(name, [name])]


def _set(key: str, table: Table, source: Source, columns, rows, *more_notes: str, **more) -> SetTable:
    paragraphs = [*notes.notes(table, source.trial, source.analysis), *more_notes]
    if any(DASH in row.cells for row in rows):
        paragraphs.append(MISSING)
    return SetTable(
        key,
        table.label,
        notes.title(table, source.trial, source.analysis),
        tuple(columns),
        tuple(rows),
        tuple(paragraphs),
        **{"data_label": source.data_label} | more,
    )


def _place(table: Table, source: Source, stratum: str) -> dict[str, str]:
    return {"marker": "" if stratum == EVERYBODY else notes.marker_of(table, source.analysis), "stratum": stratum}


def _decimals(outcome: Outcome, measure: str, table: Table) -> int:
    if table.decimals is not None:
        return table.decimals
    return outcome.decimals if measure == BASELINE else labels.change_decimals(measure, outcome.decimals)


def _summary(outcome: Outcome, measure, visit, group, place, decimals, source) -> tuple[str, dict[str, float]]:
    """Return a group's summary as printed and exactly."""

    def get(statistic: str) -> float:
        return source.numbers.get(outcome.key, measure, visit, statistic, group=group, **place).value

    names = ("n", "count", "percent") if outcome.kind == "binary" else ("n", "median", "q1", "q3")
    exact = {name: get(name) for name in names}
    if math.isnan(exact["n"]) or exact["n"] == 0:
        return DASH, exact
    if outcome.kind == "binary":
        return f"{exact['count']:.0f} ({formatting.number(exact['percent'], 1)})", exact
    return formatting.median_iqr(exact["median"], exact["q1"], exact["q3"], decimals), exact


def _p(number: Number) -> str:
    if number.reason == "not in this analysis":
        return DASH
    return formatting.p_digits(number.value)


def _row_label(outcome: Outcome, measure: str, *, shared_unit: str = "") -> str:
    unit = labels.unit(outcome.unit) if measure == BASELINE else labels.change_unit(measure, outcome.unit)
    return outcome.label if not unit or unit == shared_unit else f"{outcome.label}, {unit}"


def _shared_unit(outcomes: list[Outcome], measure: str) -> str:
    units = {labels.unit(o.unit) if measure == BASELINE else labels.change_unit(measure, o.unit) for o in outcomes}
    return units.pop() if len(units) == 1 else ""


def _head(text: str, sizes: list[float]) -> str:
    """Head a column with the group's size, or the range of sizes where outcomes differ."""
    known = sorted({int(n) for n in sizes if not math.isnan(n) and n > 0})
    if not known:
        return text
    return f"{text} (n = {known[0]})" if len(known) == 1 else f"{text} (n = {known[0]}–{known[-1]})"


def _arms(key: str, table: Table, source: Source) -> SetTable:
    """Control before treated, as the article has them."""
    trial = source.trial
    measure, stratum = notes.measure_of(table.visit, source.analysis), _labels(table, source)[0]
    place = _place(table, source, stratum)
    outcomes = [trial.outcomes[name] for name in table.rows.keys(trial)]
    arms = (trial.arms.control, trial.arms.treated)
    shared = _shared_unit(outcomes, measure)
    rows = []
    sizes: dict[str, list[float]] = {arm.key: [] for arm in arms}
    for outcome in outcomes:
        decimals = _decimals(outcome, measure, table)
        cells = [_row_label(outcome, measure, shared_unit=shared)]
        exact: dict[str, Any] = {"outcome": outcome.key, "visit": table.visit, "measure": measure, **place}
        for arm in arms:
            text, values = _summary(outcome, measure, table.visit, arm.key, place, decimals, source)
            cells.append(text)
            sizes[arm.key].append(values["n"])
            exact |= {f"{arm.key}_{name}": value for name, value in values.items()}
        p = source.numbers.get(outcome.key, measure, table.visit, "p", contrast=trial.contrast, **place)
        rows.append(Row((*cells, _p(p)), exact | {"p": p.value, "p_method": p.method}))
    columns = [
        f"Outcome ({shared})" if shared else "Outcome",
        *(_head(arm.label, sizes[arm.key]) for arm in arms),
        "P",
    ]
    return _set(key, table, source, columns, rows, printed_p=(3,))


def _strata(key: str, table: Table, source: Source) -> SetTable:
    """Both arms together at baseline, lowest stratum first."""
    trial, marker = source.trial, notes.marker_of(table, source.analysis)
    names = _labels(table, source)
    *lower, upper = names
    outcomes = [trial.outcomes[name] for name in table.rows.keys(trial)]
    shared = _shared_unit(outcomes, BASELINE)
    rows = []
    sizes: dict[str, list[float]] = {label: [] for label in names}
    for outcome in outcomes:
        cells = [_row_label(outcome, BASELINE, shared_unit=shared)]
        exact: dict[str, Any] = {"outcome": outcome.key, "visit": BASELINE, "measure": BASELINE, "marker": marker}
        for label in names:
            place = {"marker": marker, "stratum": label}
            decimals = _decimals(outcome, BASELINE, table)
            text, values = _summary(outcome, BASELINE, BASELINE, BOTH_ARMS, place, decimals, source)
            cells.append(text)
            sizes[label].append(values["n"])
            exact |= {f"{label}_{name}": value for name, value in values.items()}
        for label in lower:
            contrast = f"{upper} - {label}"
            p = source.numbers.get(outcome.key, BASELINE, BASELINE, "p", contrast=contrast, marker=marker, stratum="")
            cells.append(_p(p))
            suffix = "" if len(lower) == 1 else f"_{upper}_vs_{label}"
            exact |= {f"p{suffix}": p.value, f"p_method{suffix}": p.method}
        rows.append(Row(tuple(cells), exact))
    heads = ["P"] if len(lower) == 1 else [f"P, {upper} against {label}" for label in lower]
    columns = [
        f"Outcome ({shared})" if shared else "Outcome",
        *(_head(label, sizes[label]) for label in names),
        *heads,
    ]
    positions = tuple(range(len(names) + 1, len(columns)))
    return _set(key, table, source, columns, rows, printed_p=positions)


def _comparisons(key: str, table: Table, source: Source) -> SetTable:
    """Treated before control, because differences are treated minus control."""
    trial, numbers = source.trial, source.numbers
    measure, arms = source.analysis.measure, tuple(trial.analysed_arms.values())
    outcomes = [trial.outcomes[name] for name in table.rows.keys(trial)]
    shared = _shared_unit(outcomes, measure)
    rows = []
    for outcome in outcomes:
        decimals = _decimals(outcome, measure, table)
        for visit in outcome.follow_up:
            for stratum in _labels(table, source):
                place = _place(table, source, stratum)

                def effect(name: str, outcome=outcome, visit=visit, place=place) -> Number:
                    return numbers.get(outcome.key, measure, visit, name, contrast=trial.contrast, **place)

                names = ("median_difference", "hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper", "p")
                effects = {name: effect(name) for name in names}
                if all(effects[name].reason == "not in this analysis" for name in names):
                    continue
                exact: dict[str, Any] = {"outcome": outcome.key, "visit": visit, "measure": measure, **place}
                texts, sizes = [], []
                for arm in arms:
                    text, values = _summary(outcome, measure, visit, arm.key, place, decimals, source)
                    texts.append(text)
                    sizes.append(DASH if math.isnan(values["n"]) else f"{values['n']:.0f}")
                    exact |= {f"{arm.key}_{name}": value for name, value in values.items()}
                exact |= {name: number.value for name, number in effects.items()}
                exact["p_method"] = effects["p"].method
                shift = [effects[name].value for name in names[1:4]]
                cells = (
                    _row_label(outcome, measure, shared_unit=shared),
                    trial.visits[visit].label,
                    "Everybody" if stratum == EVERYBODY else stratum,
                    *sizes,
                    *texts,
                    formatting.number(effects["median_difference"].value, decimals),
                    formatting.interval(*shift, decimals),
                    _p(effects["p"]),
                )
                rows.append(Row(cells, exact, section=trial.families[outcome.family]))
    columns = (
        f"Outcome ({shared})" if shared else "Outcome",
        "Visit",
        "Participants",
        *(f"n, {arm.label}" for arm in arms),
        *(f"{arm.label}, median (quartiles)" for arm in arms),
        "Difference of medians",
        f"Shift ({labels.interval_level(source.analysis)} interval)",
        "P",
    )
    return _set(key, table, source, columns, rows, headings=3, printed_p=(9,))


def _events(key: str, table: Table, source: Source) -> SetTable:
    """Copy adverse events from print; the label says which part of a labelled run it does not apply to."""
    trial = source.trial
    printed = read_published(source.published, Path(table.file).stem) if source.published else []
    printed = [row for row in printed if row["source"] == table.source]
    arms = (trial.arms.control, trial.arms.treated)
    cells = {(row["event"], row["group"]): row for row in printed}
    rows = []
    for event in dict.fromkeys(row["event"] for row in printed):
        texts, exact = [], {"event": event}
        for arm in arms:
            row = cells.get((event, arm.key), {})
            affected, percent = row.get("affected", ""), row.get("percent", "")
            texts.append(f"{affected} ({percent})" if affected and percent else affected)
            exact |= {f"{arm.key}_{name}": row.get(name, "") for name in ("affected", "at_risk", "percent")}
        rows.append(Row((event, *texts), exact))
    risk = {arm.key: {row["at_risk"] for row in printed if row["group"] == arm.key} for arm in arms}
    columns = [
        "Event",
        *(f"{arm.label} (n = {'/'.join(sorted(risk[arm.key]))})" if risk[arm.key] else arm.label for arm in arms),
    ]
    missing = [] if rows else ["The folder of printed values has no such events."]
    label = f"Copied from print. All other tables: {source.data_label}" if source.data_label else None
    return _set(key, table, source, columns, rows, *missing, data_label=label)
