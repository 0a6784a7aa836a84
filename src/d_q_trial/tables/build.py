"""Build tables from finished numbers: each cell is looked up; only the standardized mean difference is computed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import formatting, labels
from ..config.yaml_files import read_yaml
from ..published_tables import parse_number, read_published_table
from ..results_table import ABSENT, ALL_PARTICIPANTS, BOTH_ARMS, Number, Numbers, group_keys
from ..stats.two_sample import get_test
from ..trial import BASELINE

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..trial import Outcome, Trial
    from .catalogue import Catalogue, Table

DASH = "–"
_TEXTS = read_yaml(Path(__file__).with_name("notes.yaml"))
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
    markers: tuple[str, ...] = ()  # whose strata are shown


class Column(NamedTuple):
    """A column of summaries or P-values."""

    heading: str
    name: str  # of a group in full precision, or what follows "p" in it
    where: Mapping[str, str]  # its numbers stand in the results
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


def table_caption(table: Table, trial: Trial, analysis: Analysis) -> str:
    """Return label, title and notes of a table as one paragraph."""
    build = _Builder("", table, trial, analysis, Numbers([]))
    return " ".join([f"{table.label}. {build.filled(table.title)}.", *build.notes()])


@dataclass
class _Builder:
    """One table to be built: where its numbers stand in the results, and how they are written."""

    key: str
    table: Table
    trial: Trial
    analysis: Analysis
    numbers: Numbers
    published: str | None = None
    data_label: str | None = None

    def __post_init__(self):
        table, trial, analysis = self.table, self.trial, self.analysis
        at_baseline = table.kind == "strata" or (table.kind == "arms" and table.visit == BASELINE)
        self.measure = BASELINE if at_baseline else analysis.measure
        self.arms = (trial.arms.control, trial.arms.treated)  # as the article has them
        self.marker = trial.markers[table.marker or analysis.marker]
        self.words = labels.caption_words(trial, analysis)
        if self.marker.key != analysis.marker:
            self.words["strata_variable"] = self.marker.label
        every = table.kind == "strata" and table.strata == [ALL_PARTICIPANTS]  # the default is a column per stratum
        self.strata = labels.select_strata(["each"] if every else table.strata, analysis.strata.labels)
        self.outcomes = [trial.outcomes[name] for name in table.rows.keys(trial)] if table.rows else []
        units = {self.unit(outcome) for outcome in self.outcomes}
        self.shared_unit = units.pop() if len(units) == 1 else ""
        # Heading of the first column, with the unit that all rows share.
        name = "Characteristic" if at_baseline else "Outcome"
        self.heading = f"{name} ({self.shared_unit})" if self.shared_unit else name

    def built(self, columns: Sequence[str], rows: Sequence[Row], *more_notes: str, **more: Any) -> BuiltTable:
        """Return the table with its title and notes."""
        paragraphs = filter(None, [*self.notes(), *more_notes, _TEXTS["dash"] * any(DASH in row.cells for row in rows)])
        fields = {"data_label": self.data_label, "notes": tuple(paragraphs), "markers": (self.marker.key,)} | more
        title = self.filled(self.table.title)
        return BuiltTable(self.key, self.table.label, title, tuple(columns), tuple(rows), **fields)

    def filled(self, text: str) -> str:
        """Return a title or note of the table with its placeholders filled in."""
        return " ".join(labels.fill_placeholders(text, self.words).split())

    def notes(self) -> list[str]:
        """Say what the values of the table are and how they were computed; a paragraph each."""
        texts, table, analysis = _TEXTS, self.table, self.analysis
        kinds = {outcome.kind for outcome in self.outcomes}
        values = [
            text.format(quartile_type=analysis.quartile_type) for kind, text in texts["values"].items() if kind in kinds
        ]
        formula = labels.FORMULAS.get(self.measure, "")
        words = {
            "values": labels.join_words(values, "or"),
            "change": texts["change"].format(formula=formula) * bool(formula),
            "formula": formula,
            "baseline": texts["baseline"] * (table.visit == BASELINE),
            "unit": texts["unit"].get(self.measure, ""),
            "chi_squared": texts["chi_squared"] * ("binary" in kinds),
            "trend": texts["trend"] * (len(analysis.strata.labels) > 2),
            "smd": texts["smd"] * table.smd,
        }
        made = [labels.fill_placeholders(texts[table.kind], self.words | words)]
        if self.strata != [ALL_PARTICIPANTS]:
            divided = analysis.strata.by == "quantile" or self.marker.key == analysis.marker
            said = labels.describe_strata(analysis.strata, self.marker.label, self.marker.unit)
            made.append(said if divided else texts["undivided"].format(marker=self.marker.label))
        if table.kind != "events":
            made += [self.words["excluded"], self.words["outliers"] * (self.measure != BASELINE)]
        return [*filter(None, made), *([self.filled(table.note)] if table.note else [])]

    def unit(self, outcome: Outcome) -> str:
        """Return the unit of what is shown of an outcome."""
        return labels.change_unit(self.measure, outcome.unit)

    def name(self, outcome: Outcome) -> str:
        """Return the label of an outcome, with its unit where the heading has none."""
        unit = self.unit(outcome)
        return outcome.label if not unit or unit == self.shared_unit else f"{outcome.label}, {unit}"

    def decimals(self, outcome: Outcome) -> int:
        """Return the decimals that are shown of an outcome: those of the table at baseline and of percent changes."""
        fixed = self.table.decimals if self.measure in (BASELINE, "percent_change") else None
        return labels.change_decimals(self.measure, outcome.decimals) if fixed is None else fixed

    def number(self, outcome: Outcome, visit: str, statistic: str, **where: str) -> Number:
        """Look up a number."""
        return self.numbers.get(outcome.key, self.measure, visit, statistic, **where)

    def by_arm(self, place: Mapping[str, str]) -> list[Column]:
        """Return the columns of the arms in a group of participants."""
        return [Column(arm.label, arm.key, {"group": arm.key, **place}) for arm in self.arms]

    def summaries(
        self, outcome: Outcome, visit: str, groups: Sequence[Column], **fixed: str
    ) -> tuple[list[str], dict[str, Any]]:
        """Return the summaries of groups as text, and in full precision after the keys of their row."""
        texts, exact = [], {"outcome": outcome.key, "visit": visit, "measure": self.measure, **fixed}
        for group in groups:
            found = {name: self.number(outcome, visit, name, **group.where).value for name in SUMMARIES[outcome.kind]}
            exact |= {f"{group.name}_{name}": value for name, value in found.items()}
            n, *values = found.values()
            if math.isnan(n) or n == 0:
                texts.append(DASH)
            elif outcome.kind == "binary":
                texts.append(f"{values[0]:.0f} ({formatting.format_number(values[1], 1)})")
            else:
                texts.append(formatting.format_median_iqr(*values, self.decimals(outcome)))
        return texts, exact


def _p(number: Number) -> str:
    return DASH if number.reason == ABSENT else formatting.format_p_digits(number.value)


def _arms(build: _Builder) -> BuiltTable:
    """Build a table with a column per arm."""
    place = group_keys(build.strata[0], build.marker.key)
    return _by_group(build, build.by_arm(place), [Column("P", "", {"contrast": build.trial.contrast} | place)], **place)


def _strata(build: _Builder) -> BuiltTable:
    """Both arms together at baseline, lowest stratum first; the highest is compared with each lower one."""
    place = {"marker": build.marker.key, "stratum": ""}
    groups = [Column(name, name, place | {"group": BOTH_ARMS, "stratum": name}) for name in build.strata]
    *lower, upper = build.strata
    tests = [
        Column(f"P, {upper} against {name}", f"_{upper}_vs_{name}", place | {"contrast": f"{upper} - {name}"})
        for name in lower
    ]
    if len(lower) == 1:
        tests = [tests[0]._replace(heading="P", name="")]
    else:
        trend = place | {"contrast": f"trend {' < '.join(build.strata)}", "group": BOTH_ARMS}
        tests.append(Column("P for trend", "_trend", trend, "p_trend"))
    return _by_group(build, groups, tests, marker=build.marker.key)


def _by_group(build: _Builder, groups: Sequence[Column], tests: Sequence[Column], **fixed: str) -> BuiltTable:
    """Build a row per outcome with a column per group and per test; ``fixed`` are keys of every row."""
    visit, smd = BASELINE if build.table.kind == "strata" else build.table.visit, build.table.smd
    rows, sizes = [], []
    for outcome in build.outcomes:
        texts, exact = build.summaries(outcome, visit, groups, **fixed)
        for test in tests:
            p = build.number(outcome, visit, test.statistic, **test.where)
            texts.append(_p(p))
            exact |= {f"p{test.name}": p.value, f"p_method{test.name}": p.method}
        if smd:
            exact["smd"] = _smd(build, outcome, visit, groups)
            texts.append(formatting.format_number(exact["smd"], 2))
        rows.append(Row((build.name(outcome), *texts), exact))
        sizes.append([0 if math.isnan(n) else int(n) for n in (exact[f"{group.name}_n"] for group in groups)])
    full = [max(column, default=0) for column in zip(*sizes, strict=True)]
    columns = [f"{group.heading} (n = {n})" if n else group.heading for group, n in zip(groups, full, strict=True)]
    columns = [build.heading, *columns, *(test.heading for test in tests), *["SMD"] * smd]
    fewer = []  # outcomes of which fewer participants than the heading says have a value
    for outcome, own in zip(build.outcomes, sizes, strict=True):
        few = [f"{group.heading} {n}" for group, n, most in zip(groups, own, full, strict=True) if 0 < n < most]
        fewer += [f"{outcome.label} ({', '.join(few)})"] * bool(few)
    return build.built(columns, rows, _TEXTS["fewer"].format(outcomes=labels.join_words(fewer)) * bool(fewer))


def _smd(build: _Builder, outcome: Outcome, visit: str, groups: Sequence[Column]) -> float:
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
    trial, rows, test, unbounded, compared = build.trial, [], get_test(build.analysis.test), [], []
    shown, names = test.estimate, dict.fromkeys((*EFFECTS, *test.estimate))
    for outcome in build.outcomes:
        for visit, stratum in itertools.product(outcome.follow_up, build.strata):
            place, decimals = group_keys(stratum, build.marker.key), build.decimals(outcome)
            effects = {name: build.number(outcome, visit, name, contrast=trial.contrast, **place) for name in names}
            summaries, exact = build.summaries(outcome, visit, build.by_arm(place), **place)
            if not any(exact[f"{arm.key}_n"] > 0 for arm in build.arms):  # of a group with one arm, that is shown
                continue
            texts = (
                build.name(outcome),
                trial.visits[visit].label,
                "All" if stratum == ALL_PARTICIPANTS else stratum,
                *(formatting.format_number(exact[f"{arm.key}_n"], 0) for arm in build.arms),
                *summaries,
                formatting.format_number(effects["median_difference"].value, decimals),
                formatting.format_interval(*(effects[name].value for name in shown), decimals),
                _p(effects["p"]),
            )
            exact |= {name: effect.value for name, effect in effects.items()} | {"p_method": effects["p"].method}
            rows.append(Row(texts, exact, section=trial.families[outcome.family]))
            unbounded.append(effects[shown[1]].reason * (test.has_interval and effects["p"].reason != ABSENT))
            group = "all participants" if stratum == ALL_PARTICIPANTS else stratum
            compared.append((group, (effects["p"].n_first, effects["p"].n_second)))
    limits = f" ({labels.confidence_level(build.analysis)} CI)" if test.has_interval else ""
    columns = [build.heading, "Visit", "Participants", *(f"n, {arm.label}" for arm in build.arms)]
    columns += [f"{arm.label}, median (quartiles)" for arm in build.arms]
    columns += ["Difference of medians", labels.STATISTICS[shown[0]] + limits, "P"]
    notes = (_TEXTS["unbounded"].format(reason=reason) for reason in dict.fromkeys(filter(None, unbounded)))
    return build.built(columns, rows, *notes, labels.describe_small_groups(compared, trial, build.analysis), headings=3)


def _events(build: _Builder) -> BuiltTable:
    """Copy adverse events from the article; the label says which part of a labelled run it does not apply to."""
    folder, file, label = build.published, Path(build.table.file).stem, build.data_label
    reported = [
        row for row in (read_published_table(folder, file) if folder else ()) if row["source"] == build.table.source
    ]
    found, rows = {(row["event"], row["group"]): row for row in reported}, []
    for event in dict.fromkeys(row["event"] for row in reported):
        texts, exact = [event], {"event": event}
        for arm in build.arms:
            row = {name: found.get((event, arm.key), {}).get(name, "") for name in ("affected", "at_risk", "percent")}
            texts.append(f"{row['affected']} ({row['percent']})" if all(row.values()) else row["affected"])
            exact |= {f"{arm.key}_{name}": parse_number(text).value if text else None for name, text in row.items()}
        rows.append(Row(tuple(texts), exact))
    risk = ["/".join(sorted({row["at_risk"] for row in reported if row["group"] == arm.key})) for arm in build.arms]
    columns = [f"{arm.label} (n = {n})" if n else arm.label for arm, n in zip(build.arms, risk, strict=True)]
    missing = _TEXTS["no_events"] * (not rows)
    return build.built(["Event", *columns], rows, missing, data_label=label and _TEXTS["copied"].format(label=label))


_BUILDERS = {"arms": _arms, "strata": _strata, "comparisons": _comparisons, "events": _events}
