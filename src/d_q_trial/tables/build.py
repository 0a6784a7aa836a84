"""Build tables from finished numbers: each cell is looked up, none is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import formatting, labels
from ..published_tables import read_published
from ..results_table import ALL_PARTICIPANTS, BOTH_ARMS, Number, Numbers
from ..stats.two_sample import get_test
from ..trial import BASELINE
from .catalogue import EACH, HIGHEST, LOWEST

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..trial import Outcome, Trial
    from .catalogue import Catalogue, Table

DASH = "–"
MISSING = "Rows with a dash have no values in this analysis."
SUMMARIES = {"binary": ("n", "count", "percent"), "continuous": ("n", "median", "q1", "q3")}
EFFECTS = ("median_difference", "hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper", "p")


@dataclass(frozen=True)
class Row:
    """One row: its cells as the article would print them, the first of which names it, and the same in full precision."""

    cells: tuple[str, ...]
    exact: dict[str, Any]
    section: str = ""


@dataclass(frozen=True)
class BuiltTable:
    """A table ready to be written; ``data_label`` says how synthetic data are marked, None for a real workbook."""

    key: str
    label: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    data_label: str | None = None
    headings: int = 1  # how many columns name the row


@dataclass(frozen=True)
class Source:
    """What tables are built from; ``published`` is the folder of reported values."""

    trial: Trial
    analysis: Analysis
    numbers: Numbers
    published: str | None
    data_label: str | None


@dataclass(frozen=True)
class Group:
    """A column of summaries: its heading, its name in full precision, and where its numbers stand in the results."""

    heading: str
    name: str
    where: Mapping[str, str]


@dataclass(frozen=True)
class Test:
    """A column of P-values."""

    heading: str
    name: str  # what follows "p" in full precision
    where: Mapping[str, str]
    statistic: str = "p"


def build_tables(catalogue: Catalogue, source: Source) -> list[BuiltTable]:
    """Build every table of a catalogue that the analysis and the reported values can fill."""
    return [_BUILDERS[table.kind](key, table, source) for key, table in catalogue.tables.items()]


def title(table: Table, trial: Trial, analysis: Analysis) -> str:
    """Return the title of a table with its placeholders filled in."""
    return _filled(table.title, table, trial, analysis)


def notes(table: Table, trial: Trial, analysis: Analysis) -> list[str]:
    """Say what the values of a table are and how they were computed; a paragraph each."""
    if table.kind == "events":
        made = ["Number (percent) of participants."]
    elif table.kind == "comparisons":
        unit = {"percent_change": " in percent", "difference": " in the unit of the outcome"}.get(analysis.measure, "")
        made = [
            f"Changes from baseline are {labels.FORMULAS[analysis.measure]}{unit}. Differences are "
            f"{labels.direction(trial)}, {labels.interval(analysis)}. P: {get_test(analysis.test).sentence}; not adjusted "
            "for multiplicity."
        ]
    else:
        made = [_summaries(table, trial, analysis)]
    if table.kind in ("strata", "comparisons"):
        marker = trial.markers[table.marker or analysis.marker]
        made.append(labels.strata(analysis.strata, marker.label, marker.unit))
    return [*made, _filled(table.note, table, trial, analysis)] if table.note else made


def caption(table: Table, trial: Trial, analysis: Analysis) -> str:
    """Return label, title and notes of a table as one paragraph."""
    return " ".join([f"{table.label}. {title(table, trial, analysis)}.", *notes(table, trial, analysis)])


def _summaries(table: Table, trial: Trial, analysis: Analysis) -> str:
    kinds = {trial.outcomes[name].kind for name in table.rows.keys(trial)}
    parts = []
    if "continuous" in kinds:
        parts.append(f"median (first quartile, third quartile; type {analysis.quartile_type})")
    if "binary" in kinds:
        parts.append("number (percent)")
    chi = "; chi-squared test without continuity correction for numbers" if "binary" in kinds else ""
    trend = ""
    if table.kind == "strata" and len(analysis.strata.labels) > 2:
        trend = "; P for trend over the strata: Jonckheere-Terpstra test"
    what = "" if _measure(table, analysis) == BASELINE else f" Change: {labels.FORMULAS[analysis.measure]}."
    test = get_test(analysis.test).sentence
    smd = " SMD: absolute difference of means or proportions over the root mean square of the arms' SDs."
    values = f"Values are {labels.listing(parts, 'or')}.{what} P: {test}{chi}{trend}; not adjusted for multiplicity."
    return values + smd * table.smd


def _filled(text: str, table: Table, trial: Trial, analysis: Analysis) -> str:
    marker = trial.markers[table.marker or analysis.marker].label
    return " ".join(labels.fill(text, labels.caption_words(trial, analysis) | {"marker": marker}).split())


def _measure(table: Table, analysis: Analysis) -> str:
    """Return what is shown at the visit of a table: the value at baseline, the change after it."""
    return BASELINE if table.visit == BASELINE else analysis.measure


def _strata_of(table: Table, source: Source) -> list[str]:
    known = source.analysis.strata.labels
    meaning = {HIGHEST: [known[-1]], LOWEST: [known[0]], EACH: list(known)}
    return [label for name in table.strata for label in meaning.get(name, [name])]


def _place(table: Table, source: Source, stratum: str) -> dict[str, str]:
    marker = "" if stratum == ALL_PARTICIPANTS else table.marker or source.analysis.marker
    return {"marker": marker, "stratum": stratum}


def _built(key: str, table: Table, source: Source, columns, rows, *more_notes: str, **more) -> BuiltTable:
    paragraphs = [*notes(table, source.trial, source.analysis), *filter(None, more_notes)]
    if any(DASH in row.cells for row in rows):
        paragraphs.append(MISSING)
    fields = {"data_label": source.data_label} | more
    return BuiltTable(
        key,
        table.label,
        title(table, source.trial, source.analysis),
        tuple(columns),
        tuple(rows),
        tuple(paragraphs),
        **fields,
    )


class _Cells:
    """How the rows of one table are written: measure, decimals, and the unit that all rows share."""

    def __init__(self, table: Table, source: Source, measure: str):
        self.table, self.source, self.measure = table, source, measure
        self.outcomes = [source.trial.outcomes[name] for name in table.rows.keys(source.trial)]
        units = {self._unit(outcome) for outcome in self.outcomes}
        self.shared_unit = units.pop() if len(units) == 1 else ""

    def _unit(self, outcome: Outcome) -> str:
        at_baseline = self.measure == BASELINE
        return labels.unit(outcome.unit) if at_baseline else labels.change_unit(self.measure, outcome.unit)

    @property
    def heading(self) -> str:
        name = "Characteristic" if self.measure == BASELINE else "Outcome"
        return f"{name} ({self.shared_unit})" if self.shared_unit else name

    def name(self, outcome: Outcome) -> str:
        unit = self._unit(outcome)
        return outcome.label if not unit or unit == self.shared_unit else f"{outcome.label}, {unit}"

    def decimals(self, outcome: Outcome) -> int:
        if self.table.decimals is not None:
            return self.table.decimals
        at_baseline = self.measure == BASELINE
        return outcome.decimals if at_baseline else labels.change_decimals(self.measure, outcome.decimals)

    def number(self, outcome: Outcome, visit: str, statistic: str, **where: str) -> Number:
        return self.source.numbers.get(outcome.key, self.measure, visit, statistic, **where)

    def summary(self, outcome: Outcome, visit: str, **where: str) -> tuple[str, dict[str, float]]:
        """Return the summary of a group as text and in full precision."""
        names = SUMMARIES["binary" if outcome.kind == "binary" else "continuous"]
        exact = {name: self.number(outcome, visit, name, **where).value for name in names}
        n, *values = exact.values()
        if math.isnan(n) or n == 0:
            return DASH, exact
        if outcome.kind == "binary":
            return f"{values[0]:.0f} ({formatting.number(values[1], 1)})", exact
        return formatting.median_iqr(*values, self.decimals(outcome)), exact


def _p(number: Number) -> str:
    return DASH if number.reason == "not in this analysis" else formatting.p_digits(number.value)


def _arms(key: str, table: Table, source: Source) -> BuiltTable:
    """Control before treated, as the article has them."""
    trial, place = source.trial, _place(table, source, _strata_of(table, source)[0])
    arms = (trial.arms.control, trial.arms.treated)
    groups = [Group(arm.label, arm.key, {"group": arm.key} | place) for arm in arms]
    return _by_group(key, table, source, groups, [Test("P", "", {"contrast": trial.contrast} | place)], place)


def _strata(key: str, table: Table, source: Source) -> BuiltTable:
    """Both arms together at baseline, lowest stratum first; the highest is compared with each lower one."""
    marker, names = table.marker or source.analysis.marker, _strata_of(table, source)
    groups = [Group(label, label, {"group": BOTH_ARMS, "marker": marker, "stratum": label}) for label in names]
    *lower, upper = names
    place = {"marker": marker, "stratum": ""}
    tests = [
        Test(
            f"P, {upper} against {label}" if len(lower) > 1 else "P",
            f"_{upper}_vs_{label}" if len(lower) > 1 else "",
            {"contrast": f"{upper} - {label}"} | place,
        )
        for label in lower
    ]
    if len(lower) > 1:
        contrast = f"trend {' < '.join(names)}"
        tests.append(Test("P for trend", "_trend", {"contrast": contrast, "group": BOTH_ARMS} | place, "p_trend"))
    return _by_group(key, table, source, groups, tests, {"marker": marker})


def _by_group(
    key: str, table: Table, source: Source, groups: Sequence[Group], tests: Sequence[Test], fixed: Mapping[str, str]
) -> BuiltTable:
    """Build a row per outcome with a column per group and per test."""
    visit = BASELINE if table.kind == "strata" else table.visit
    cells = _Cells(table, source, BASELINE if table.kind == "strata" else _measure(table, source.analysis))
    rows, sizes = [], []
    for outcome in cells.outcomes:
        texts = [cells.name(outcome)]
        exact: dict[str, Any] = {"outcome": outcome.key, "visit": visit, "measure": cells.measure, **fixed}
        for group in groups:
            text, values = cells.summary(outcome, visit, **group.where)
            texts.append(text)
            exact |= {f"{group.name}_{name}": value for name, value in values.items()}
        for test in tests:
            p = cells.number(outcome, visit, test.statistic, **test.where)
            texts.append(_p(p))
            exact |= {f"p{test.name}": p.value, f"p_method{test.name}": p.method}
        if table.smd:
            exact["smd"] = _smd(cells, outcome, visit, groups)
            texts.append(formatting.number(exact["smd"], 2))
        rows.append(Row(tuple(texts), exact))
        sizes.append([0 if math.isnan(n) else int(n) for n in (exact[f"{group.name}_n"] for group in groups)])
    full = [max(column, default=0) for column in zip(*sizes, strict=True)]
    columns = [f"{group.heading} (n = {n})" if n else group.heading for group, n in zip(groups, full, strict=True)]
    columns = [cells.heading, *columns, *(test.heading for test in tests), *["SMD"][: table.smd]]
    return _built(key, table, source, columns, rows, _fewer(cells.outcomes, groups, sizes, full))


def _smd(cells: _Cells, outcome: Outcome, visit: str, groups: Sequence[Group]) -> float:
    """Return the standardized mean difference of two groups, without sign; NaN where nothing varies."""
    means, variances = [], []
    for group in groups:
        names = ("percent",) if outcome.kind == "binary" else ("mean", "sd")
        mean, *sd = (cells.number(outcome, visit, name, **group.where).value for name in names)
        means.append(mean)
        variances.append(sd[0] ** 2 if sd else mean * (100 - mean))
    spread = math.sqrt(sum(variances) / 2)
    return abs(means[0] - means[1]) / spread if spread else math.nan


def _fewer(outcomes: Sequence[Outcome], groups: Sequence[Group], sizes: list[list[int]], full: list[int]) -> str:
    """Name the outcomes of which fewer participants than the heading says have a value."""
    found = []
    for outcome, own in zip(outcomes, sizes, strict=True):
        few = [f"{group.heading} {n}" for group, n, most in zip(groups, own, full, strict=True) if 0 < n < most]
        if few:
            found.append(f"{outcome.label} ({', '.join(few)})")
    return f"Fewer participants have a value of {labels.listing(found)}." if found else ""


def _comparisons(key: str, table: Table, source: Source) -> BuiltTable:
    """Treated before control, because differences are treated minus control."""
    trial, arms = source.trial, tuple(source.trial.analysed_arms.values())
    cells = _Cells(table, source, source.analysis.measure)
    rows = []
    for outcome in cells.outcomes:
        for visit, stratum in ((v, s) for v in outcome.follow_up for s in _strata_of(table, source)):
            place = _place(table, source, stratum)
            effects = {name: cells.number(outcome, visit, name, contrast=trial.contrast, **place) for name in EFFECTS}
            if all(effect.reason == "not in this analysis" for effect in effects.values()):
                continue
            summaries = {arm.key: cells.summary(outcome, visit, group=arm.key, **place) for arm in arms}
            exact: dict[str, Any] = {"outcome": outcome.key, "visit": visit, "measure": cells.measure, **place}
            for arm, (_, values) in summaries.items():
                exact |= {f"{arm}_{name}": value for name, value in values.items()}
            exact |= {name: effect.value for name, effect in effects.items()} | {"p_method": effects["p"].method}
            sizes = [values["n"] for _, values in summaries.values()]
            decimals = cells.decimals(outcome)
            texts = (
                cells.name(outcome),
                trial.visits[visit].label,
                "All" if stratum == ALL_PARTICIPANTS else stratum,
                *(DASH if math.isnan(n) else f"{n:.0f}" for n in sizes),
                *(text for text, _ in summaries.values()),
                formatting.number(effects["median_difference"].value, decimals),
                formatting.interval(*(effects[name].value for name in EFFECTS[1:4]), decimals),
                _p(effects["p"]),
            )
            rows.append(Row(texts, exact, section=trial.families[outcome.family]))
    columns = (
        cells.heading,
        "Visit",
        "Participants",
        *(f"n, {arm.label}" for arm in arms),
        *(f"{arm.label}, median (quartiles)" for arm in arms),
        "Median difference",
        f"Hodges-Lehmann estimate ({labels.interval_level(source.analysis)} CI)",
        "P",
    )
    return _built(key, table, source, columns, rows, headings=3)


def _events(key: str, table: Table, source: Source) -> BuiltTable:
    """Copy adverse events from the article; the label says which part of a labelled run it does not apply to."""
    reported = read_published(source.published, Path(table.file).stem) if source.published else []
    reported = [row for row in reported if row["source"] == table.source]
    arms = (source.trial.arms.control, source.trial.arms.treated)
    found = {(row["event"], row["group"]): row for row in reported}
    rows = []
    for event in dict.fromkeys(row["event"] for row in reported):
        texts, exact = [], {"event": event}
        for arm in arms:
            row = found.get((event, arm.key), {})
            affected, percent = row.get("affected", ""), row.get("percent", "")
            texts.append(f"{affected} ({percent})" if affected and percent else affected)
            exact |= {f"{arm.key}_{name}": row.get(name, "") for name in ("affected", "at_risk", "percent")}
        rows.append(Row((event, *texts), exact))
    risk = {arm.key: "/".join(sorted({r["at_risk"] for r in reported if r["group"] == arm.key})) for arm in arms}
    columns = ["Event", *(f"{arm.label} (n = {risk[arm.key]})" if risk[arm.key] else arm.label for arm in arms)]
    missing = "" if rows else "The folder of reported values has no such events."
    label = f"Copied from the article. All other tables: {source.data_label}" if source.data_label else None
    return _built(key, table, source, columns, rows, missing, data_label=label)


_BUILDERS = {"arms": _arms, "strata": _strata, "comparisons": _comparisons, "events": _events}
