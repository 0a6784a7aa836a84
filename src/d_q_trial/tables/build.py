"""The tables of a trial, as its YAML file lists them, and built from finished numbers.

Each cell is looked up; only the standardized mean difference is computed.
"""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, ValidationInfo, model_validator

from .. import formatting, labels
from ..config.settings import Analysis
from ..config.validation import StrictModel, load_list, must_match
from ..figures.catalogue import check_keys
from ..files import read_yaml_beside
from ..published_tables import parse_number, read_published_table
from ..results_table import ABSENT, ALL_PARTICIPANTS, BOTH_ARMS, Number, Numbers, subgroup_keys
from ..stats.two_sample import get_test
from ..trial import BASELINE, Decimals, FamilyKey, Key, Outcome, OutcomeKey, Trial, VisitKey

DASH = "–"
_TEXTS = read_yaml_beside(__file__, "notes")
SUMMARIES = {"binary": ("n", "count", "percent"), "continuous": ("n", "median", "q1", "q3")}
EFFECTS = ("median_difference", "hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper", "p")
EVENT_COLUMNS = ("affected", "at_risk", "percent")
Exact = dict[str, Any]  # keys of a row, and its values in full precision
ENDINGS = (".csv", "_exact.csv", ".html")  # of the files that each table has
_KEYS_OF_TABLES = {"arms": ("rows", "visit", "strata", "decimals", "smd"), "strata": ("rows", "strata", "decimals")}
_KEYS_OF_TABLES |= {"comparisons": ("rows", "strata", "decimals"), "events": ("file",)}


class Rows(StrictModel):
    """The outcomes of a table: those marked ``table_1`` in the trial, those of families, or a list."""

    table_1: bool = False
    families: list[FamilyKey] = []
    outcomes: list[OutcomeKey] = []

    @model_validator(mode="after")
    def _require_one_key(self):
        if sum(map(bool, (self.table_1, self.families, self.outcomes))) != 1:
            raise ValueError("'rows' has one of 'table_1: true', 'families' and 'outcomes'")
        return self

    def keys(self, trial: Trial) -> list[str]:
        """Return the keys of the outcomes, in the order of the trial or as listed."""
        outcomes = trial.outcomes.items()
        return self.outcomes or [k for k, o in outcomes if (self.table_1 and o.table_1) or o.family in self.families]


class Table(StrictModel):
    """One table.

    ``arms``: a row per outcome, a column per arm, P. ``strata``: a row per outcome at baseline, a column per stratum, P
    of the highest against each lower one, and of the trend over three or more. ``comparisons``: a row per outcome, visit
    and group of participants, with medians, their difference, Hodges-Lehmann estimate and P. ``events``: adverse events,
    as reported in ``file``.
    """

    label: str  # as the article numbers its tables, such as "Extended Data Table 2"
    title: str
    note: str = ""
    kind: Literal["arms", "strata", "comparisons", "events"]
    rows: Rows | None = None
    visit: VisitKey = BASELINE  # after baseline, the change from baseline is shown
    strata: list[str] = Field([ALL_PARTICIPANTS], min_length=1)  # all, highest, lowest, each, or labels; see _Builder
    decimals: Decimals | None = None  # at baseline and of percent changes; other measures have fixed decimals
    smd: bool = False  # whether ``arms`` has a column with the standardized mean difference
    file: Literal["adverse_events.csv", ""] = ""  # of ``events``, in the folder of reported values

    @model_validator(mode="after")
    def _check_keys_of_kind(self, info: ValidationInfo):
        check_keys(self, _KEYS_OF_TABLES)
        if not getattr(self, needed := "file" if self.kind == "events" else "rows"):
            raise ValueError(f"{self.kind!r} needs the key {needed!r}")
        outcomes = self.rows.outcomes if self.kind == "comparisons" and info.context else ()
        if unchanged := [key for key in outcomes if not info.context.outcomes[key].follow_up]:
            raise ValueError(f"'comparisons' shows changes, but {unchanged[0]!r} has no 'follow_up' in the trial")
        if self.kind == "arms" and (len(self.strata) != 1 or self.strata[0] in labels.SEVERAL_STRATA):
            raise ValueError("'arms' shows one of 'strata'")
        return self


_SINGLE_GROUP = must_match(f"(?!({'|'.join(labels.SEVERAL_STRATA)})$).*", "one group: all, highest, lowest or a label")


class Headline(StrictModel):
    """A comparison of the arms that is stated at the top of the report and in the methods section."""

    outcome: OutcomeKey
    visit: VisitKey
    stratum: Annotated[str, _SINGLE_GROUP] = ALL_PARTICIPANTS  # all, highest, lowest, or a label of the analysis
    role: str = ""  # such as "the primary endpoint"


class Catalogue(StrictModel):
    """All tables of a trial, in the order in which they are shown, and its headlines."""

    tables: dict[Key, Table]
    headlines: list[Headline] = []


def read_catalogue(path: Path | str | None, trial: Trial) -> Catalogue:
    """Read the list of tables in the configuration, or the default list; see :func:`load_list`."""
    last_visits = {key: outcome.follow_up[-1] for key, outcome in trial.outcomes.items() if outcome.follow_up}
    at_baseline = [key for key, outcome in trial.outcomes.items() if outcome.table_1] or list(trial.outcomes)
    headlines = [(outcome, visit, "") for outcome, visit in last_visits.items()][:1]
    if trial.primary:
        headlines = [(trial.primary.outcome, trial.primary.visit, "the primary endpoint")]
    values = {"at_baseline": at_baseline, "changing": list(last_visits), "headlines": headlines}
    return load_list(Catalogue, path, Path(__file__).with_name("default_tables.yaml.jinja"), trial, **values)


@dataclass(frozen=True)
class Row:
    """One row: its cells as the article would print them, starting with its label, and its values in full precision."""

    cells: tuple[str, ...]
    exact: Exact
    section: str = ""


@dataclass(frozen=True)
class BuiltTable:
    """A table ready to be written; ``data_label`` marks synthetic data and is None for a real workbook."""

    key: str
    label: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    data_label: str | None = None
    headings: int = 1  # number of columns that name the row
    markers: tuple[str, ...] = ()  # whose strata are shown


class Column(NamedTuple):
    """A column of summaries or P-values."""

    heading: str
    name: str  # prefix of a group's exact columns, or suffix of the exact column "p" of a test
    keys: Mapping[str, str]  # of its numbers in the results
    statistic: str = "p"


def build_tables(catalogue: Catalogue, *source: Any, **options: Any) -> list[BuiltTable]:
    """Build every table of a catalogue; ``source`` and ``options`` are the fields of :class:`_Builder` after ``table``."""
    return [_BUILDERS[table.kind](_Builder(key, table, *source, **options)) for key, table in catalogue.tables.items()]


def table_caption(table: Table, trial: Trial, analysis: Analysis) -> str:
    """Return label, title and notes of a table as one paragraph."""
    builder = _Builder("", table, trial, analysis, Numbers([]))
    return " ".join([f"{table.label}. {builder.fill(table.title)}.", *builder.notes()])


@dataclass
class _Builder:
    """One table to be built: which numbers of the results it shows, and how they are formatted."""

    key: str
    table: Table
    trial: Trial
    analysis: Analysis
    numbers: Numbers
    published: str | None = None
    data_label: str | None = None
    divided: Collection[str] | None = None  # markers that divide participants with ids into strata; None: not known

    def __post_init__(self):
        table, trial, analysis = self.table, self.trial, self.analysis
        at_baseline = table.kind == "strata" or (table.kind == "arms" and table.visit == BASELINE)
        self.measure = BASELINE if at_baseline else analysis.measure
        self.arms = (trial.arms.control, trial.arms.treated)  # in the order of the article
        self.marker = trial.markers[analysis.marker]
        self.placeholders = labels.caption_values(trial, analysis)
        is_default = table.kind == "strata" and "strata" not in table.model_fields_set  # each stratum
        self.strata = labels.select_strata(["each"] if is_default else table.strata, analysis.strata.labels)
        self.outcomes = [trial.outcomes[name] for name in table.rows.keys(trial)] if table.rows else []
        units = {labels.change_unit(self.measure, outcome.unit) for outcome in self.outcomes}
        self.shared_unit = units.pop() if len(units) == 1 else ""
        heading = "Characteristic" if at_baseline else "Outcome"
        self.heading = f"{heading} ({self.shared_unit})" if self.shared_unit else heading  # of the first column

    def finish(self, columns: Sequence[str], rows: Sequence[Row], *added_notes: str, **fields: Any) -> BuiltTable:
        """Return the table with its title and notes."""
        dash_note = _TEXTS["dash"] if any(DASH in row.cells for row in rows) else ""
        notes = tuple(filter(None, [*self.notes(), *added_notes, dash_note]))
        fields = {"data_label": self.data_label, "notes": notes, "markers": (self.marker.key,)} | fields
        title = self.fill(self.table.title)
        return BuiltTable(self.key, self.table.label, title, tuple(columns), tuple(rows), **fields)

    def fill(self, text: str) -> str:
        """Fill the placeholders of a title or note."""
        return " ".join(labels.fill_placeholders(text, self.placeholders, self.table.label).split())

    def notes(self) -> list[str]:
        """Return paragraphs on what the values of the table are and how they were computed."""
        rule, kinds = self.analysis.strata, {outcome.kind for outcome in self.outcomes}
        strata = labels.describe("strata", rule=rule, marker=self.marker.label, unit=self.marker.unit)
        if self.divided is not None and self.marker.key not in self.divided:
            strata = _TEXTS["undivided"].format(marker=self.marker.label)
        values = self.placeholders | {"table": self.table, "kinds": kinds, "measure": self.measure}
        values |= {"labels": rule.labels, "shown": self.strata, "formula": labels.FORMULAS.get(self.measure, "")}
        values["strata"] = strata if self.strata != [ALL_PARTICIPANTS] else ""
        values["unknown"] = [name for name in self.strata if name not in (ALL_PARTICIPANTS, *rule.labels)]
        template = formatting.text_engine().from_string(_TEXTS["notes"])
        return list(filter(None, [*template.render(values).splitlines(), self.fill(self.table.note)]))

    def row_label(self, outcome: Outcome) -> str:
        """Return the label of an outcome, with its unit unless the heading has it."""
        unit = labels.change_unit(self.measure, outcome.unit)
        return outcome.label if not unit or unit == self.shared_unit else f"{outcome.label}, {unit}"

    def decimals(self, outcome: Outcome) -> int:
        """Return the decimals of an outcome: those of the table, if set, at baseline and for percent changes."""
        fixed = self.table.decimals if self.measure in (BASELINE, "percent_change") else None
        return labels.change_decimals(self.measure, outcome.decimals) if fixed is None else fixed

    def look_up(self, outcome: Outcome, visit: str, statistic: str, **keys: str) -> Number:
        """Return a number of the results."""
        return self.numbers.get(outcome.key, self.measure, visit, statistic, **keys)

    def arm_columns(self, place: Mapping[str, str]) -> list[Column]:
        """Return the columns of the arms in a group of participants."""
        return [Column(arm.label, arm.key, {"group": arm.key, **place}) for arm in self.arms]

    def summarize(self, outcome: Outcome, visit: str, groups: Sequence[Column], **keys: str) -> tuple[list[str], Exact]:
        """Return the summaries of groups as text, and in full precision after the keys of their row."""
        texts, exact = [], {"outcome": outcome.key, "visit": visit, "measure": self.measure, **keys}
        for group in groups:
            names = SUMMARIES[outcome.kind]
            n, *values = (self.look_up(outcome, visit, name, **group.keys).value for name in names)
            exact |= {f"{group.name}_{name}": value for name, value in zip(names, (n, *values), strict=True)}
            if math.isnan(n) or n == 0:
                texts.append(DASH)
            elif outcome.kind == "binary":
                texts.append(f"{values[0]:.0f} ({formatting.format_number(values[1], 1)})")
            else:
                texts.append(formatting.format_median_iqr(*values, self.decimals(outcome)))
        return texts, exact


def _format_p(number: Number) -> str:
    return DASH if number.reason == ABSENT else formatting.format_p_digits(number.value)


def _build_groups(builder: _Builder) -> BuiltTable:
    """Build a row per outcome with a column per arm, or per stratum at baseline (lowest first, both arms together), and P.

    The highest stratum is compared with each lower one, if both are shown; three or more, if all are, have P for trend.
    """
    table, rows, (*lower, upper) = builder.table, [], builder.analysis.strata.labels
    keys = subgroup_keys(builder.strata[0], builder.marker.key)
    groups, tests = builder.arm_columns(keys), [Column("P", "", {"contrast": builder.trial.contrast} | keys)]
    if table.kind == "strata":
        keys = {"marker": builder.marker.key}
        places = {name: subgroup_keys(name, builder.marker.key) | {"group": BOTH_ARMS} for name in builder.strata}
        groups = [Column("All" if name == ALL_PARTICIPANTS else name, name, place) for name, place in places.items()]
        place = keys | {"stratum": ""}
        contrasts = {name: place | {"contrast": f"{upper} - {name}"} for name in lower if {name, upper} <= {*places}}
        tests = [Column(f"P, {upper} against {name}", f"_{upper}_vs_{name}", at) for name, at in contrasts.items()]
        if len(tests) == 1:
            tests = [Column("P", "", *contrasts.values())]
        elif len(tests) == len(lower):
            trend = place | {"contrast": f"trend {' < '.join((*lower, upper))}", "group": BOTH_ARMS}
            tests.append(Column("P for trend", "_trend", trend, "p_trend"))
    for outcome in builder.outcomes:
        visit = BASELINE if table.kind == "strata" else table.visit
        texts, exact = builder.summarize(outcome, visit, groups, **keys)
        for test in tests:
            p = builder.look_up(outcome, visit, test.statistic, **test.keys)
            texts.append(_format_p(p))
            exact |= {f"p{test.name}": p.value, f"p_method{test.name}": p.method}
        if table.smd:
            exact["smd"] = _standardized_difference(builder, outcome, visit, groups)
            texts.append(formatting.format_number(exact["smd"], 2))
        rows.append(Row((builder.row_label(outcome), *texts), exact))
    sizes = {group.heading: [row.exact[f"{group.name}_n"] for row in rows] for group in groups}
    full = {heading: max((n for n in column if n > 0), default=0) for heading, column in sizes.items()}
    columns = [f"{heading} (n = {n:.0f})" if n else heading for heading, n in full.items()]
    incomplete = []  # outcomes with fewer values than the heading has participants
    for index, outcome in enumerate(builder.outcomes):
        fewer = [f"{heading} {n[index]:.0f}" for heading, n in sizes.items() if 0 < n[index] < full[heading]]
        incomplete += [f"{outcome.label} ({', '.join(fewer)})"] if fewer else []
    note = _TEXTS["fewer"].format(outcomes=labels.join_words(incomplete)) if incomplete else ""
    columns = [builder.heading, *columns, *(test.heading for test in tests), *(["SMD"] if table.smd else [])]
    return builder.finish(columns, rows, note)


def _standardized_difference(builder: _Builder, outcome: Outcome, visit: str, groups: Sequence[Column]) -> float:
    """Return the absolute standardized mean difference of two groups; NaN if the values do not vary."""
    names = ("percent",) if outcome.kind == "binary" else ("mean", "sd")
    found = [[builder.look_up(outcome, visit, name, **group.keys).value for name in names] for group in groups]
    (first, *_), (second, *_) = found
    pooled_sd = math.sqrt(sum(sd[0] ** 2 if sd else mean * (100 - mean) for mean, *sd in found) / 2)
    return abs(first - second) / pooled_sd if pooled_sd else math.nan


def _build_comparisons(builder: _Builder) -> BuiltTable:
    """Build a row per outcome, visit and group of participants that compares the arms."""
    trial, arms, test = builder.trial, builder.arms, get_test(builder.analysis.test)
    estimate, lower, _ = test.estimate
    statistics = dict.fromkeys((*EFFECTS, *test.estimate))
    rows, unbounded, compared = [], [], []
    for outcome in builder.outcomes:
        for visit, stratum in itertools.product(outcome.follow_up, builder.strata):
            place, decimals = subgroup_keys(stratum, builder.marker.key), builder.decimals(outcome)
            effects = {s: builder.look_up(outcome, visit, s, contrast=trial.contrast, **place) for s in statistics}
            summaries, exact = builder.summarize(outcome, visit, builder.arm_columns(place), **place)
            sizes = [exact[f"{arm.key}_n"] for arm in arms]
            pairs = (builder.analysis.outcomes, outcome.key), (builder.analysis.visits, visit)
            is_chosen = all(name in names or names == "all" for names, name in pairs)
            if not (any(n > 0 for n in sizes) or (is_chosen and stratum == ALL_PARTICIPANTS)):
                continue
            p = effects["p"]
            texts = (
                builder.row_label(outcome),
                trial.visits[visit].label,
                "All" if stratum == ALL_PARTICIPANTS else stratum,
                *(formatting.format_number(n, 0) for n in sizes),
                *summaries,
                formatting.format_number(effects["median_difference"].value, decimals),
                formatting.format_interval(*(effects[name].value for name in test.estimate), decimals),
                _format_p(p),
            )
            exact |= {name: effect.value for name, effect in effects.items()} | {"p_method": p.method}
            rows.append(Row(texts, exact, section=trial.families[outcome.family]))
            if test.has_interval and p.reason != ABSENT:
                unbounded.append(effects[lower].reason)
            compared.append((p.n_first, p.n_second))
    level = f" ({labels.confidence_level(builder.analysis)} CI)" if test.has_interval else ""
    columns = [builder.heading, "Visit", "Participants", *(f"n, {arm.label}" for arm in arms)]
    columns += [f"{arm.label}, median (quartiles)" for arm in arms]
    columns += ["Difference of medians", labels.STATISTICS[estimate] + level, "P"]
    notes = [_TEXTS["unbounded"].format(reason=reason) for reason in dict.fromkeys(filter(None, unbounded))]
    notes.append(labels.describe_small_groups(compared, "of this table", builder.analysis))
    return builder.finish(columns, rows, *notes, headings=3)


def _build_events(builder: _Builder) -> BuiltTable:
    """Copy adverse events of the first source, and name what is not shown; the data label is that of all other tables."""
    file, label, arms = builder.table.file, builder.data_label, [arm.key for arm in builder.arms]
    rows_of_file = read_published_table(builder.published, Path(file).stem)
    source = rows_of_file[0]["source"] if rows_of_file else "paper"
    reported = [row for row in rows_of_file if row["source"] == source]
    arm_labels = {key: arm.label for key, arm in builder.trial.every_arm.items()}
    hidden = [arm_labels.get(row["group"], row["group"]) for row in reported if row["group"] not in arms]
    hidden += [row["source"] for row in rows_of_file if row["source"] not in (source, "registry")]
    names = labels.join_words([*dict.fromkeys(hidden)])
    copied = _TEXTS["copied"].format(source="the article" if source == "paper" else f"the source “{source}”")
    counts, rows = {(row["event"], row["group"]): row for row in reported}, []
    for event in dict.fromkeys(row["event"] for row in reported):
        texts, exact = [event], {"event": event}
        for arm in builder.arms:
            values = {name: counts.get((event, arm.key), {}).get(name, "") for name in EVENT_COLUMNS}
            texts.append(f"{values['affected']} ({values['percent']})" if all(values.values()) else values["affected"])
            exact |= {f"{arm.key}_{name}": parse_number(text).value if text else None for name, text in values.items()}
        if any(texts[1:]):
            rows.append(Row(tuple(texts), exact))
    at_risk = ["/".join(sorted({r["at_risk"] for r in reported if r["group"] == arm.key})) for arm in builder.arms]
    columns = [f"{arm.label} (n = {n})" if n else arm.label for arm, n in zip(builder.arms, at_risk, strict=True)]
    notes = ["" if reported else _TEXTS["no_events"], "" if source == "paper" else copied]
    notes.append(_TEXTS["hidden"].format(file=file, names=names) if names else "")
    return builder.finish(["Event", *columns], rows, *notes, data_label=label and f"{copied} All other tables: {label}")


_BUILDERS = {"arms": _build_groups, "strata": _build_groups, "comparisons": _build_comparisons, "events": _build_events}
