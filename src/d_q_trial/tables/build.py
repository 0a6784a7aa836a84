"""Build tables from finished numbers: each cell is looked up, none is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import formatting, labels
from ..config.yaml_files import read_yaml
from ..published_tables import read_published
from ..results_table import ALL_PARTICIPANTS, BOTH_ARMS, Number, Numbers
from ..trial import BASELINE

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..trial import Outcome, Trial
    from .catalogue import Catalogue, Table

DASH = "–"
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


class Group(NamedTuple):
    """A column of summaries: its heading, its name in full precision, and where its numbers stand in the results."""

    heading: str
    name: str
    where: Mapping[str, str]


class Test(NamedTuple):
    """A column of P-values."""

    heading: str
    name: str  # what follows "p" in full precision
    where: Mapping[str, str]
    statistic: str = "p"


def build_tables(
    catalogue: Catalogue,
    trial: Trial,
    analysis: Analysis,
    numbers: Numbers,
    published: str | None = None,
    data_label: str | None = None,
) -> list[BuiltTable]:
    """Build every table of a catalogue that the analysis and the reported values (a folder) can fill."""
    source = (trial, analysis, numbers, published, data_label)
    return [_BUILDERS[table.kind](_Builder(key, table, *source)) for key, table in catalogue.tables.items()]


def caption(table: Table, trial: Trial, analysis: Analysis) -> str:
    """Return label, title and notes of a table as one paragraph."""
    build = _Builder("", table, trial, analysis, Numbers([]), None, None)
    return " ".join([f"{table.label}. {build.filled(table.title)}.", *build.notes()])


@cache
def _texts() -> dict[str, Any]:
    return read_yaml(Path(__file__).with_name("notes.yaml"))


class _Builder:
    """One table to be built: where its numbers stand in the results, and how they are written."""

    def __init__(
        self,
        key: str,
        table: Table,
        trial: Trial,
        analysis: Analysis,
        numbers: Numbers,
        published: str | None,
        data_label: str | None,
    ):
        self.key, self.table, self.trial, self.analysis = key, table, trial, analysis
        self.numbers, self.published, self.data_label = numbers, published, data_label
        self.at_baseline = table.kind == "strata" or (table.kind == "arms" and table.visit == BASELINE)
        self.measure = BASELINE if self.at_baseline else analysis.measure
        self.arms = (trial.arms.control, trial.arms.treated)  # as the article has them
        self.marker = table.marker or analysis.marker
        self.words = labels.caption_words(trial, analysis)
        self.strata = labels.strata_named(table.strata, analysis.strata.labels)
        self.outcomes = [trial.outcomes[name] for name in table.rows.keys(trial)] if table.rows else []
        units = {self.unit(outcome) for outcome in self.outcomes}
        self.shared_unit = units.pop() if len(units) == 1 else ""

    def built(self, columns: Sequence[str], rows: Sequence[Row], *more_notes: str, **more: Any) -> BuiltTable:
        """Return the table with its title and notes."""
        paragraphs = [*self.notes(), *more_notes, *[_texts()["dash"]] * any(DASH in row.cells for row in rows)]
        fields = {"data_label": self.data_label, "notes": tuple(paragraphs)} | more
        title = self.filled(self.table.title)
        return BuiltTable(self.key, self.table.label, title, tuple(columns), tuple(rows), **fields)

    def filled(self, text: str) -> str:
        """Return a title or note of the table with its placeholders filled in."""
        return " ".join(labels.fill(text, self.words | {"marker": self.trial.markers[self.marker].label}).split())

    def notes(self) -> list[str]:
        """Say what the values of the table are and how they were computed; a paragraph each."""
        texts, table, analysis = _texts(), self.table, self.analysis
        kinds = {outcome.kind for outcome in self.outcomes}
        values = [
            text.format(quartile_type=analysis.quartile_type) for kind, text in texts["values"].items() if kind in kinds
        ]
        formula = labels.FORMULAS.get(self.measure, "")
        words = {
            "values": labels.listing(values, "or"),
            "change": texts["change"].format(formula=formula) * bool(formula),
            "formula": formula,
            "unit": texts["unit"].get(self.measure, ""),
            "chi_squared": texts["chi_squared"] * ("binary" in kinds),
            "trend": texts["trend"] * (len(analysis.strata.labels) > 2),
            "smd": texts["smd"] * table.smd,
        }
        made = [labels.fill(texts[table.kind], self.words | words)]
        if table.kind in ("strata", "comparisons"):
            marker = self.trial.markers[self.marker]
            made.append(labels.strata(analysis.strata, marker.label, marker.unit))
        return [*made, self.filled(table.note)] if table.note else made

    def place(self, stratum: str) -> dict[str, str]:
        """Return the keys of a group of participants in the results."""
        return {"marker": "" if stratum == ALL_PARTICIPANTS else self.marker, "stratum": stratum}

    def unit(self, outcome: Outcome) -> str:
        """Return the unit of what is shown of an outcome."""
        return labels.unit(outcome.unit) if self.at_baseline else labels.change_unit(self.measure, outcome.unit)

    @property
    def heading(self) -> str:
        """Heading of the first column, with the unit that all rows share."""
        name = "Characteristic" if self.at_baseline else "Outcome"
        return f"{name} ({self.shared_unit})" if self.shared_unit else name

    def name(self, outcome: Outcome) -> str:
        """Return the label of an outcome, with its unit where the heading has none."""
        unit = self.unit(outcome)
        return outcome.label if not unit or unit == self.shared_unit else f"{outcome.label}, {unit}"

    def decimals(self, outcome: Outcome) -> int:
        """Return the decimals that are shown of an outcome."""
        usual = outcome.decimals if self.at_baseline else labels.change_decimals(self.measure, outcome.decimals)
        return usual if self.table.decimals is None else self.table.decimals

    def number(self, outcome: Outcome, visit: str, statistic: str, **where: str) -> Number:
        """Look up a number."""
        return self.numbers.get(outcome.key, self.measure, visit, statistic, **where)

    def summary(self, outcome: Outcome, visit: str, **where: str) -> tuple[str, dict[str, float]]:
        """Return the summary of a group as text and in full precision."""
        exact = {name: self.number(outcome, visit, name, **where).value for name in SUMMARIES[outcome.kind]}
        n, *values = exact.values()
        if math.isnan(n) or n == 0:
            return DASH, exact
        if outcome.kind == "binary":
            return f"{values[0]:.0f} ({formatting.number(values[1], 1)})", exact
        return formatting.median_iqr(*values, self.decimals(outcome)), exact


def _p(number: Number) -> str:
    return DASH if number.reason == "not in this analysis" else formatting.p_digits(number.value)


def _arms(build: _Builder) -> BuiltTable:
    """Build a table with a column per arm."""
    place = build.place(build.strata[0])
    groups = [Group(arm.label, arm.key, {"group": arm.key} | place) for arm in build.arms]
    return _by_group(build, groups, [Test("P", "", {"contrast": build.trial.contrast} | place)], place)


def _strata(build: _Builder) -> BuiltTable:
    """Both arms together at baseline, lowest stratum first; the highest is compared with each lower one."""
    place = {"marker": build.marker, "stratum": ""}
    groups = [Group(name, name, place | {"group": BOTH_ARMS, "stratum": name}) for name in build.strata]
    *lower, upper = build.strata
    tests = [
        Test(f"P, {upper} against {name}", f"_{upper}_vs_{name}", {"contrast": f"{upper} - {name}"} | place)
        for name in lower
    ]
    if len(lower) == 1:
        tests = [tests[0]._replace(heading="P", name="")]
    else:
        contrast = f"trend {' < '.join(build.strata)}"
        tests.append(Test("P for trend", "_trend", {"contrast": contrast, "group": BOTH_ARMS} | place, "p_trend"))
    return _by_group(build, groups, tests, {"marker": build.marker})


def _by_group(build: _Builder, groups: Sequence[Group], tests: Sequence[Test], fixed: Mapping[str, str]) -> BuiltTable:
    """Build a row per outcome with a column per group and per test."""
    visit, smd = BASELINE if build.table.kind == "strata" else build.table.visit, build.table.smd
    rows, sizes = [], []
    for outcome in build.outcomes:
        texts = [build.name(outcome)]
        exact: dict[str, Any] = {"outcome": outcome.key, "visit": visit, "measure": build.measure, **fixed}
        for group in groups:
            text, values = build.summary(outcome, visit, **group.where)
            texts.append(text)
            exact |= {f"{group.name}_{name}": value for name, value in values.items()}
        for test in tests:
            p = build.number(outcome, visit, test.statistic, **test.where)
            texts.append(_p(p))
            exact |= {f"p{test.name}": p.value, f"p_method{test.name}": p.method}
        if smd:
            exact["smd"] = _smd(build, outcome, visit, groups)
            texts.append(formatting.number(exact["smd"], 2))
        rows.append(Row(tuple(texts), exact))
        sizes.append([0 if math.isnan(n) else int(n) for n in (exact[f"{group.name}_n"] for group in groups)])
    full = [max(column, default=0) for column in zip(*sizes, strict=True)]
    columns = [f"{group.heading} (n = {n})" if n else group.heading for group, n in zip(groups, full, strict=True)]
    columns = [build.heading, *columns, *(test.heading for test in tests), *["SMD"] * smd]
    fewer = []  # outcomes of which fewer participants than the heading says have a value
    for outcome, own in zip(build.outcomes, sizes, strict=True):
        few = [f"{group.heading} {n}" for group, n, most in zip(groups, own, full, strict=True) if 0 < n < most]
        fewer += [f"{outcome.label} ({', '.join(few)})"] * bool(few)
    return build.built(columns, rows, *[_texts()["fewer"].format(outcomes=labels.listing(fewer))] * bool(fewer))


def _smd(build: _Builder, outcome: Outcome, visit: str, groups: Sequence[Group]) -> float:
    """Return the standardized mean difference of two groups, without sign; NaN where nothing varies."""
    means, variances = [], []
    for group in groups:
        names = ("percent",) if outcome.kind == "binary" else ("mean", "sd")
        mean, *sd = (build.number(outcome, visit, name, **group.where).value for name in names)
        means.append(mean)
        variances.append(sd[0] ** 2 if sd else mean * (100 - mean))
    spread = math.sqrt(sum(variances) / 2)
    return abs(means[0] - means[1]) / spread if spread else math.nan


def _comparisons(build: _Builder) -> BuiltTable:
    trial, rows = build.trial, []
    arms = (trial.arms.control, trial.arms.treated)
    for outcome in build.outcomes:
        for visit, stratum in ((v, s) for v in outcome.follow_up for s in build.strata):
            place, decimals = build.place(stratum), build.decimals(outcome)
            effects = {name: build.number(outcome, visit, name, contrast=trial.contrast, **place) for name in EFFECTS}
            if all(effect.reason == "not in this analysis" for effect in effects.values()):
                continue
            difference, *estimate, _ = (effect.value for effect in effects.values())
            summaries = {arm.key: build.summary(outcome, visit, group=arm.key, **place) for arm in arms}
            exact: dict[str, Any] = {"outcome": outcome.key, "visit": visit, "measure": build.measure, **place}
            for arm, (_, values) in summaries.items():
                exact |= {f"{arm}_{name}": value for name, value in values.items()}
            exact |= {name: effect.value for name, effect in effects.items()} | {"p_method": effects["p"].method}
            texts = (
                build.name(outcome),
                trial.visits[visit].label,
                "All" if stratum == ALL_PARTICIPANTS else stratum,
                *(formatting.number(values["n"], 0) for _, values in summaries.values()),
                *(text for text, _ in summaries.values()),
                formatting.number(difference, decimals),
                formatting.interval(*estimate, decimals),
                _p(effects["p"]),
            )
            rows.append(Row(texts, exact, section=trial.families[outcome.family]))
    level = labels.interval_level(build.analysis)
    columns = [build.heading, "Visit", "Participants", *(f"n, {arm.label}" for arm in arms)]
    columns += [f"{arm.label}, median (quartiles)" for arm in arms]
    columns += ["Median difference", f"Hodges-Lehmann estimate ({level} CI)", "P"]
    return build.built(columns, rows, headings=3)


def _events(build: _Builder) -> BuiltTable:
    """Copy adverse events from the article; the label says which part of a labelled run it does not apply to."""
    folder, file, label = build.published, Path(build.table.file).stem, build.data_label
    reported = [row for row in (read_published(folder, file) if folder else ()) if row["source"] == build.table.source]
    found, rows = {(row["event"], row["group"]): row for row in reported}, []
    for event in dict.fromkeys(row["event"] for row in reported):
        texts, exact = [event], {"event": event}
        for arm in build.arms:
            row = found.get((event, arm.key), {})
            affected, percent = row.get("affected", ""), row.get("percent", "")
            texts.append(f"{affected} ({percent})" if affected and percent else affected)
            exact |= {f"{arm.key}_{name}": row.get(name, "") for name in ("affected", "at_risk", "percent")}
        rows.append(Row(tuple(texts), exact))
    risk = ["/".join(sorted({row["at_risk"] for row in reported if row["group"] == arm.key})) for arm in build.arms]
    columns = [f"{arm.label} (n = {n})" if n else arm.label for arm, n in zip(build.arms, risk, strict=True)]
    missing = [_texts()["no_events"]] * (not rows)
    return build.built(["Event", *columns], rows, *missing, data_label=label and _texts()["copied"].format(label=label))


_BUILDERS = {"arms": _arms, "strata": _strata, "comparisons": _comparisons, "events": _events}
