"""Read the finished outputs of an analysis, and label their keys and verdicts."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import claims, compare, formatting, labels, step_log
from ..config.settings import Analysis, Settings, search_id
from ..files import read_description, read_json, read_rows, read_yaml_beside
from ..pages import embed_picture
from ..results_table import ALL_PARTICIPANTS, COLUMNS, NUMERIC, Numbers, Row, read_results
from ..tables.build import Headline, read_catalogue
from ..trial import BASELINE, Trial

Verdict = Mapping[str, Any]  # one reported value, see read_verdicts
FOLDERS = ("robustness", "sensitivity")
MAX_LISTED = 6  # families with more outcomes that have changes are not listed outcome by outcome
# Symbol and colour class of each status of a verdict; colour is never the only difference.
_STATUS_MARKS = {"success": ("✓", "good"), "warning": ("≈", "odd"), "failure": ("✗", "bad"), "neutral": ("·", "quiet")}
_TEXTS = read_yaml_beside(__file__, "words")
_QUANTITIES = {key: labels.uncapitalize(text) for key, text in labels.STATISTICS.items()} | _TEXTS["quantities"]
VERDICTS = {name: (*_STATUS_MARKS[claims.STATUS[name]], _TEXTS["verdicts"][name]) for name in claims.VERDICTS}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_FIGURE_OR_TABLE = re.compile(r"\b((?:Extended Data )?(?:Fig\.|Table) \d+)([a-z]?)\b")


@dataclass(frozen=True)
class Labeller:
    """Labels for the keys in the tables of an analysis."""

    trial: Trial
    analysis: Analysis

    def fill(self, text: str) -> str:
        """Fill the placeholders of a title or caption: arms, marker, levels."""
        return labels.fill_placeholders(text, labels.caption_values(self.trial, self.analysis))

    def variable(self, key: str) -> str:
        """Return the label of an outcome or marker; a key that the trial does not have loses its underscores."""
        variables = self.trial.markers | self.trial.outcomes
        return variables[key].label if key in variables else labels.replace_keys(key, self.trial)

    def group(self, stratum: str) -> str:
        """Describe a group of participants, such as ``stratum T3 of p16 variant 5``."""
        if stratum == ALL_PARTICIPANTS:
            return "all participants"
        marker = labels.uncapitalize(self.trial.markers[self.analysis.marker].label)
        return self.analysis.strata.group(stratum, marker, "stratum")

    def decimals(self, outcome: str) -> int:
        """Return the decimals with which the changes of an outcome are shown."""
        return labels.change_decimals(self.analysis.measure, self.trial.outcomes[outcome].decimals)

    def cell(self, column: str, row: Row) -> str:
        """Return the text of a table cell: an outcome with its visit, an arm, a contrast of strata."""
        text = row.get(column, "")
        labelled = {"arm": self.trial.analysed_arms, "marker": self.trial.markers, "visit": self.trial.visits}
        if text in labelled.get(column, ()):
            return labelled[column][text].label
        if column == "outcome" and text in self.trial.outcomes:
            visit = row.get("visit", BASELINE)
            return self.variable(text) + ("" if visit in ("", BASELINE) else f", {self.cell('visit', row)}")
        if column == "contrast":
            return text.removeprefix(f"{self.trial.contrast}, ").replace(" - ", f" {formatting.MINUS} ")
        if column in ("stratum", "place"):
            return "all" if text in ("", ALL_PARTICIPANTS) else text
        return text.replace("_", " ") if column in ("outcome", "family", "summary", "side", "visit", "arm") else text

    def claim(self, row: Row) -> str:
        """Describe a reported value: ``P1NP at 2 weeks, T3 (p16 variant 5): D+Q against Control, P``."""
        trial, description = self.trial, self.variable(row["outcome"])
        quantity = _QUANTITIES.get(row["quantity"], row["quantity"])
        if row["measure"] == "correlation":
            age = labels.uncapitalize(self.variable(row["contrast"]))
            return f"{description} and {age}, {labels.age_group_label(row['group'], trial)}: {quantity}"
        if row["visit"] in trial.visits:
            description += " at baseline" if row["visit"] == BASELINE else f" at {trial.visits[row['visit']].label}"
        description += f", {row['stratum']}" if row["stratum"] not in ("", ALL_PARTICIPANTS) else ""
        description += f" ({self.variable(row['marker'])})" if row["marker"] in trial.markers else ""
        arm_labels = {key: arm.label for key, arm in trial.every_arm.items()}
        groups = [arm_labels.get(key, key) for key in (row["contrast"] or row["group"]).split(" - ") if key]
        return f"{description}: {', '.join(filter(None, [' against '.join(groups), quantity]))}"


def read_verdicts(path: Path, labeller: Labeller) -> list[Verdict]:
    """Read claims.csv, if it exists, with its texts as the pages show them, and add what the pages need.

    Added are ``what`` (description of the value), ``mark`` (symbol of the verdict and class of its colour), ``order`` (sort
    keys of the columns verdict, reported and recomputed value), ``key`` (of the result: outcome, measure, visit, marker,
    stratum, contrast, group, statistic) and ``places`` (label and panel of each figure or table).
    """
    verdicts, trial = [], labeller.trial
    for row in read_rows_if_exists(path, claims.COLUMNS):
        numbers = {name: row[name].replace("-", formatting.MINUS) for name in ("reported", "recomputed")}
        notes = {name: labels.replace_keys(row[name], trial) for name in ("note", "known_difference") if row[name]}
        added = {
            "what": labeller.claim(row),
            "mark": VERDICTS[row["verdict"]][:2],
            "order": (list(VERDICTS).index(row["verdict"]), sort_key(row["reported"]), sort_key(row["recomputed"])),
            "key": tuple(row[name] for name in claims.KEYS),
            "places": find_places(row["locator"]) if row["source"] == "paper" else (),
        }
        verdicts.append({**row, **numbers, **notes, **added})
    return verdicts


def find_places(locator: str) -> tuple[tuple[str, str], ...]:
    """Find the figures and tables that a locator names: ``Results; Fig. 4a`` belongs to panel a of ``Fig. 4``."""
    return tuple(dict.fromkeys(_FIGURE_OR_TABLE.findall(locator)))


def sort_key(text: str) -> float:
    """Return the number in a reported value or bound, for sorting; text without a number comes last."""
    match = _NUMBER.search(text.replace(",", ""))
    return float(match[0]) if match else 1e300


def count_verdicts(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Count the verdicts that occur, in the order of ``VERDICTS``."""
    counts = Counter(verdict["verdict"] for verdict in verdicts)
    return {name: counts[name] for name in VERDICTS if counts[name]}


def summarize_sources(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Summarise each source: how many values can be checked, how many were reproduced and how, and which were not."""
    summaries = []
    for source in dict.fromkeys(verdict["source"] for verdict in verdicts):
        source_verdicts = [verdict for verdict in verdicts if verdict["source"] == source]
        counts = Counter(verdict["verdict"] for verdict in source_verdicts)
        failed = [verdict for verdict in source_verdicts if verdict["verdict"] in claims.FAILURES]
        unchecked = [v["quantity"] for v in source_verdicts if v["verdict"] == claims.NOT_CHECKABLE]
        reproduced = {name: counts[name] for name in _TEXTS["ways"] if counts[name]}
        summary = {
            "source": source,
            "checkable": sum(reproduced.values()) + len(failed),
            "reproduced": sum(reproduced.values()),
            "ways": ", ".join(f"{count:,} {_TEXTS['ways'][name]}" for name, count in reproduced.items()),
            "failed": sorted(failed, key=lambda verdict: verdict["quantity"] != "p"),
            "events": unchecked.count("affected"),  # adverse events have no participant data
            "unchecked": len(unchecked) - unchecked.count("affected"),
            "inapplicable": counts[claims.NOT_APPLICABLE],
        }
        summaries.append(summary)
    return summaries


@dataclass(frozen=True)
class Report:
    """The finished outputs of one analysis, which its pages show."""

    settings: Settings
    trial: Trial
    analysis: Analysis
    folder: Path
    label: str | None
    source: Mapping[str, Any]
    numbers: Numbers
    headlines: Sequence[Headline]
    strata: Sequence[Row] = ()
    exclusions: Sequence[Row] = ()
    verdicts: Sequence[Verdict] = ()  # empty without reported values
    versions: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)  # by path, such as ``robustness/cutoffs``
    differences: Sequence[str] = ()  # settings that differ from the reference
    changes: Sequence[Mapping[str, str]] = ()  # comparisons whose conclusion differs from that of the reference
    not_made: int = 0  # comparisons that only the reference makes
    figures: Sequence[Mapping[str, Any]] = ()  # descriptions from JSON, with the verdicts on their values
    built_tables: Sequence[Mapping[str, Any]] = ()  # as the figures

    @property
    def labeller(self) -> Labeller:
        """Labels for the keys of this analysis."""
        return Labeller(self.trial, self.analysis)

    @property
    def reference(self) -> str:
        """Name of the reference analysis; empty if it is this one."""
        return "" if self.analysis.name == self.settings.reference else self.settings.reference

    def table(self, name: str, **keys: str) -> list[Row]:
        """Return the rows with these keys of a robustness or sensitivity table; none if the table does not exist."""
        rows = self.tables.get(name, [])
        for key, value in keys.items():
            rows = [row for row in rows if row[key] == value]
        return rows

    def has_value(self, name: str, column: str, method: str = "", **keys: str) -> bool:
        """Return whether such rows have any value of a column or statistic; ``method`` is the beginning of its method."""
        return any(column_texts(self.table(name, **keys), column, method))


def collect_report(results: Path, settings: Settings, trial: Trial, name: str) -> Report:
    """Read the outputs of the analysis ``name`` from the folder of all results; missing outputs are omitted."""
    analysis, folder = settings.analyses[name], results / name
    description = read_description(results / "workbooks" / analysis.workbook_id)
    labeller = Labeller(trial, analysis)
    verdicts = read_verdicts(folder / "claims.csv", labeller)
    changes, not_made = changes_against_reference(results, settings, trial, name)
    return Report(
        settings=settings,
        trial=trial,
        analysis=analysis,
        folder=folder,
        label=description["label"],
        source=description["source"],
        numbers=Numbers(read_rows(folder / "results.csv", COLUMNS, NUMERIC)),
        headlines=read_catalogue(settings.tables, trial).headlines,
        strata=read_rows_if_exists(folder / "strata.csv"),
        exclusions=read_rows_if_exists(folder / "exclusions.csv"),
        verdicts=verdicts,
        versions=step_log.used_versions(results, name, analysis.workbook_id, search_id(analysis)),
        tables={f"{f}/{path.stem}": read_rows(path) for f in FOLDERS for path in sorted((folder / f).glob("*.csv"))},
        differences=compare.describe_differences(analysis, settings.analyses[settings.reference], trial),
        changes=changes,
        not_made=not_made,
        figures=read_figures(folder / "figures", verdicts, labeller),
        built_tables=[_add_verdicts(t, verdicts, labeller) for t in read_descriptions(folder / "tables").values()],
    )


def read_rows_if_exists(path: Path, required: Iterable[str] = ()) -> list[dict[str, str]]:
    """Read a CSV file; a missing file has no rows."""
    return read_rows(path, required) if path.exists() else []


def column_texts(rows: Iterable[Row], name: str, method: str = "") -> list[str]:
    """Return the texts of a column (in a table with a row per number: of a statistic) by methods that begin with ``method``."""
    matching = [row for row in rows if row.get("statistic", name) == name and row.get("method", "").startswith(method)]
    return [row["value"] if "statistic" in row else row.get(name, "") for row in matching]


def read_descriptions(folder: Path) -> dict[str, Any]:
    """Read the descriptions in the JSON files of a folder, by key."""
    contents = map(read_json, sorted(folder.glob("*.json")))
    return {key: value for content in contents for key, value in content.items() if isinstance(value, dict)}


def read_figures(folder: Path, verdicts: Sequence[Verdict], labeller: Labeller) -> list[dict[str, Any]]:
    """Read the drawn figures of a folder, in order; each panel has the verdicts on its P-values."""
    drawn = [(key, text) for key, text in read_descriptions(folder).items() if (folder / f"{key}.png").exists()]
    figures = []
    for key, description in sorted(drawn, key=lambda item: item[1]["order"]):
        texts = (description.get(name) for name in ("label", "title", "data_label", "words"))
        picture = embed_picture(folder / f"{key}.png", ". ".join(filter(None, texts)))
        figure = _add_verdicts(description, verdicts, labeller) | picture | {"key": key}
        for panel in figure["panels"]:
            place = (figure["label"], panel["letter"])
            panel["verdicts"] = [v for v in figure["verdicts"] if v["quantity"] == "p" and place in v["places"]]
        figures.append(figure)
    return figures


def _add_verdicts(item: Mapping[str, Any], verdicts: Iterable[Verdict], labeller: Labeller) -> dict[str, Any]:
    """Add the verdicts on the values of a figure or table, their counts, and the markers of reported values not shown."""
    reported = [verdict for verdict in verdicts if item["label"] in dict(verdict["places"])]
    shown = [verdict for verdict in reported if verdict["key"][3] in ("", *item["markers"])]
    others = sorted({labeller.variable(verdict["key"][3]) for verdict in reported if verdict not in shown})
    return {**item, "verdicts": shown, "tally": count_verdicts(shown), "other_markers": labels.join_words(others)}


def changes_against_reference(
    results: Path, settings: Settings, trial: Trial, name: str
) -> tuple[list[dict[str, str]], int]:
    """Describe the comparisons whose conclusion differs from that of the reference, and count those that are not made."""
    analysis, base = settings.analyses[name], settings.analyses[settings.reference]
    if analysis == base:
        return [], 0
    both = settings.model_copy(update={"analyses": {entry.name: entry for entry in (base, analysis)}})
    tables = {entry: read_results(results / entry / "results.csv") for entry in both.analyses}
    tests = compare.compare_tests(tables, both, trial)
    base_strata = {place: label for label, place in compare.rank_strata(base.strata.labels).items()}
    labeller, changes = Labeller(trial, analysis), []
    for row in tests[tests["conclusion"].isin(compare.CHANGED)].to_dict("records"):
        base_stratum = base_strata.get(row["place"], row["stratum"])
        where = "" if base_stratum == row["stratum"] else f" in {base_stratum}"
        what = f"{labeller.cell('outcome', row)}, {labeller.group(row['stratum'])}"
        p, reference_p = (formatting.format_p_digits(row[name]) for name in ("p", "reference_p"))
        p_values = {"p": p, "reference": reference_p + where}
        changes.append({"what": what, "conclusion": compare.CHANGED[row["conclusion"]], **p_values})
    return changes, int(tests["conclusion"].eq(compare.NOT_MADE).sum())


def outcomes_to_list(trial: Trial) -> set[str]:
    """Return the outcomes to list one by one: those of small families and the primary one; all, if no family is small."""
    sizes = Counter(outcome.family for outcome in trial.outcomes.values() if outcome.follow_up)
    if min(sizes.values()) > MAX_LISTED:
        return set(trial.outcomes)
    small = {key for key, outcome in trial.outcomes.items() if sizes[outcome.family] <= MAX_LISTED}
    return small | ({trial.primary.outcome} if trial.primary else set())
