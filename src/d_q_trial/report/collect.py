"""Read the finished outputs of an analysis, and describe their keys and verdicts in words."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import claims, compare, formatting, labels, software
from ..config.settings import search_id
from ..files import read_rows, read_yaml_beside
from ..pages import embed_picture
from ..participants import read_description
from ..results_table import ALL_PARTICIPANTS, Numbers, read_results
from ..tables.catalogue import catalogue_of
from ..trial import BASELINE

if TYPE_CHECKING:
    from ..config.settings import Analysis, Settings
    from ..tables.catalogue import Headline
    from ..trial import Trial

Row = Mapping[str, str]
Verdict = Mapping[str, Any]  # one reported value, see read_verdicts
FOLDERS = ("robustness", "sensitivity")
MANY = 6  # the outcomes of a family with more changes than this are not listed one by one
# Symbol and colour of a verdict, by its meaning for the reader; colour is never the only difference.
_MARKS = {"success": ("✓", "good"), "warning": ("≈", "odd"), "failure": ("✗", "bad"), "neutral": ("·", "quiet")}
_WORDS = read_yaml_beside(__file__, "words")
_QUANTITIES = {key: labels.uncapitalize(text) for key, text in labels.STATISTICS.items()} | _WORDS["quantities"]
VERDICTS = {name: (*_MARKS[claims.STATUS[name]], _WORDS["verdicts"][name]) for name in claims.VERDICTS}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_PLACE = re.compile(r"\b((?:Extended Data )?(?:Fig\.|Table) \d+)([a-z]?)\b")


@dataclass(frozen=True)
class Words:
    """The names of the keys in the tables of an analysis."""

    trial: Trial
    analysis: Analysis

    def fill(self, text: str) -> str:
        """Fill the names of arms, marker and levels into a title or caption."""
        return labels.fill_placeholders(text, labels.caption_words(self.trial, self.analysis))

    def variable(self, key: str) -> str:
        """Return the label of an outcome or marker; the key in words if the trial does not have it."""
        known = self.trial.markers | self.trial.outcomes
        return known[key].label if key in known else labels.replace_keys(key, self.trial)

    def group(self, stratum: str) -> str:
        """Describe a group of participants, such as ``stratum T3 of p16 variant 5``."""
        if stratum == ALL_PARTICIPANTS:
            return "all participants"
        marker = labels.uncapitalize(self.trial.markers[self.analysis.marker].label)
        return self.analysis.strata.group(stratum, marker, "stratum")

    def decimals(self, outcome: str) -> int:
        """Return the decimals with which the changes of an outcome are shown."""
        return labels.change_decimals(self.analysis.measure, self.trial.outcomes[outcome].decimals)

    def of(self, column: str, row: Row) -> str:
        """Return the text of a table cell: an outcome with its visit, an arm, a contrast of strata."""
        text = row.get(column, "")
        known = {"arm": self.trial.analysed_arms, "marker": self.trial.markers, "visit": self.trial.visits}
        if text in known.get(column, ()):
            return known[column][text].label
        if column == "outcome" and text in self.trial.outcomes:
            visit = row.get("visit", BASELINE)
            return self.variable(text) + ("" if visit in ("", BASELINE) else f", {self.of('visit', row)}")
        if column == "contrast":
            return text.removeprefix(f"{self.trial.contrast}, ").replace(" - ", f" {formatting.MINUS} ")
        if column in ("stratum", "place"):
            return "all" if text in ("", ALL_PARTICIPANTS) else text
        return text.replace("_", " ") if column in ("outcome", "family", "summary", "side", "visit", "arm") else text

    def claim(self, row: Row) -> str:
        """Describe a reported value: ``P1NP at 2 weeks, T3 (p16 variant 5): D+Q against Control, P``."""
        trial, words = self.trial, self.variable(row["outcome"])
        quantity = _QUANTITIES.get(row["quantity"], row["quantity"])
        if row["measure"] == "correlation":
            age, people = (
                labels.uncapitalize(self.variable(row["contrast"])),
                labels.age_group_label(row["group"], trial),
            )
            return f"{words} and {age}, {people}: {quantity}"
        if row["visit"] in trial.visits:
            words += " at baseline" if row["visit"] == BASELINE else f" at {trial.visits[row['visit']].label}"
        words += f", {row['stratum']}" if row["stratum"] not in ("", ALL_PARTICIPANTS) else ""
        words += f" ({self.variable(row['marker'])})" if row["marker"] in trial.markers else ""
        arms = {key: arm.label for key, arm in trial.every_arm.items()}
        names = [arms.get(part, part) for part in (row["contrast"] or row["group"]).split(" - ") if part]
        return f"{words}: {', '.join(filter(None, [' against '.join(names), quantity]))}"


def read_verdicts(path: Path, words: Words) -> list[Verdict]:
    """Read claims.csv, if it was made, as it is shown, and add what the pages need.

    ``what`` is the value in words, ``mark`` the symbol of the verdict and the class of its colour, ``order`` the sort keys
    of the columns of verdict, reported and recomputed value, ``key`` that of the result (outcome, measure, visit, marker,
    stratum, contrast, group, statistic), and ``places`` label and panel of each figure or table.
    """
    return [
        {
            **row,
            **{name: row[name].replace("-", formatting.MINUS) for name in ("reported", "recomputed")},
            **{
                name: row[name] and labels.replace_keys(row[name], words.trial) for name in ("note", "known_difference")
            },
            "what": words.claim(row),
            "mark": VERDICTS[row["verdict"]][:2],
            "order": (list(VERDICTS).index(row["verdict"]), sort_key(row["reported"]), sort_key(row["recomputed"])),
            "key": tuple(row[name] for name in claims.KEYS),
            "places": find_places(row["locator"]) if row["source"] == "paper" else (),
        }
        for row in read_rows_if_made(path)
    ]


def find_places(locator: str) -> tuple[tuple[str, str], ...]:
    """Find the figures and tables that a locator names: ``Results; Fig. 4a`` belongs to panel a of ``Fig. 4``."""
    return tuple(dict.fromkeys(_PLACE.findall(locator)))


def sort_key(text: str) -> float:
    """Return the number in a reported value or bound, for sorting; text without a number comes last."""
    found = _NUMBER.search(text.replace(",", ""))
    return float(found.group()) if found else 1e300


def count_verdicts(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Count the verdicts that occur, in their fixed order."""
    counts = Counter(verdict["verdict"] for verdict in verdicts)
    return {name: counts[name] for name in VERDICTS if counts[name]}


def summarize_sources(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Summarise each source: how many values can be checked, how many were reproduced and how, and which were not."""
    made, ways = [], _WORDS["ways"]
    for source in dict.fromkeys(verdict["source"] for verdict in verdicts):
        own = [verdict for verdict in verdicts if verdict["source"] == source]
        counts = Counter(verdict["verdict"] for verdict in own)
        failed = [verdict for verdict in own if verdict["verdict"] in claims.FAILURES]
        unchecked = [verdict["quantity"] for verdict in own if verdict["verdict"] == claims.NOT_CHECKABLE]
        reproduced = sum(counts[name] for name in ways)
        made.append(
            {
                "source": source,
                "checkable": reproduced + len(failed),
                "reproduced": reproduced,
                "ways": ", ".join(f"{counts[name]:,} {words}" for name, words in ways.items() if counts[name]),
                "failed": sorted(failed, key=lambda verdict: verdict["quantity"] != "p"),
                "events": unchecked.count("affected"),  # adverse events have no participant data
                "unchecked": len(unchecked) - unchecked.count("affected"),
                "inapplicable": counts[claims.NOT_APPLICABLE],
            }
        )
    return made


@dataclass(frozen=True)
class Report:
    """The finished outputs of one analysis: everything that its pages show."""

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
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)  # those made, such as ``robustness/cutoffs``
    differences: Sequence[str] = ()  # settings that differ from the reference
    changes: Sequence[Mapping[str, str]] = ()  # comparisons whose conclusion differs from that of the reference
    figures: Sequence[Mapping[str, Any]] = ()  # as their JSON files describe them, with the verdicts on their values
    shown: Sequence[Mapping[str, Any]] = ()  # tables, likewise

    @property
    def words(self) -> Words:
        """Return the names of the keys."""
        return Words(self.trial, self.analysis)

    @property
    def reference(self) -> str:
        """Return the name of the reference analysis; empty if it is this one."""
        return "" if self.analysis.name == self.settings.reference else self.settings.reference

    def table(self, name: str, **keys: str) -> list[Row]:
        """Return the rows of a robustness or sensitivity table that have these keys; none if it was not made."""
        rows = self.tables.get(name, [])
        for key, value in keys.items():
            rows = [row for row in rows if row[key] == value]
        return rows

    def found(self, name: str, column: str, method: str = "", **keys: str) -> bool:
        """Return whether such a table has any value of a column or statistic by a method that begins so."""
        return any(column_texts(self.table(name, **keys), column, method))


def collect(results: Path, settings: Settings, trial: Trial, name: str) -> Report:
    """Read the outputs of the analysis ``name`` from the folder of all results; missing outputs are left out."""
    analysis, folder = settings.analyses[name], results / name
    description = read_description(results / "workbooks" / analysis.workbook_id)
    words = Words(trial, analysis)
    verdicts = read_verdicts(folder / "claims.csv", words)
    return Report(
        settings=settings,
        trial=trial,
        analysis=analysis,
        folder=folder,
        label=description["label"],
        source=description["source"],
        numbers=Numbers(read_rows(folder / "results.csv")),
        headlines=catalogue_of(settings.tables, trial).headlines,
        strata=read_rows_if_made(folder / "strata.csv"),
        exclusions=read_rows_if_made(folder / "exclusions.csv"),
        verdicts=verdicts,
        versions=software.used_versions(results, name, analysis.workbook_id, search_id(analysis)),
        tables={
            f"{part}/{path.stem}": read_rows(path) for part in FOLDERS for path in sorted((folder / part).glob("*.csv"))
        },
        differences=compare.describe_differences(analysis, settings.analyses[settings.reference], trial),
        changes=changes_against_reference(results, settings, trial, name),
        figures=read_figures(folder / "figures", verdicts, words),
        shown=[_placed(table, verdicts, words) for table in read_descriptions(folder / "tables").values()],
    )


def read_rows_if_made(path: Path) -> list[dict[str, str]]:
    """Read a CSV file; a missing file has no rows."""
    return read_rows(path) if path.exists() else []


def column_texts(rows: Iterable[Row], name: str, method: str = "") -> list[str]:
    """Return the texts of a column, or of a statistic in a table with a row per number, of rows whose method begins so."""
    chosen = [row for row in rows if row.get("statistic", name) == name and row.get("method", "").startswith(method)]
    return [row["value"] if "statistic" in row else row.get(name, "") for row in chosen]


def read_descriptions(folder: Path) -> dict[str, Any]:
    """Read the descriptions in the JSON files of a folder, by key."""
    read = (json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json")))
    return {key: value for content in read for key, value in content.items() if isinstance(value, dict)}


def read_figures(folder: Path, verdicts: Sequence[Verdict], words: Words) -> list[dict[str, Any]]:
    """Read the drawn figures of a folder, in order; each panel has the verdicts on its P-values."""
    drawn = [(key, figure) for key, figure in read_descriptions(folder).items() if (folder / f"{key}.png").exists()]
    found = []
    for key, figure in sorted(drawn, key=lambda item: item[1]["order"]):
        drawing = embed_picture(folder / f"{key}.png", _alternative(figure))
        found.append(_placed(figure, verdicts, words) | drawing | {"key": key})
        for panel in figure["panels"]:
            place = (figure["label"], panel["letter"])
            panel["verdicts"] = [v for v in found[-1]["verdicts"] if v["quantity"] == "p" and place in v["places"]]
    return found


def _placed(item: Mapping[str, Any], verdicts: Iterable[Verdict], words: Words) -> dict[str, Any]:
    """Add the verdicts on the values that a figure or table shows, their counts, and the other markers of its values."""
    there = [verdict for verdict in verdicts if item["label"] in dict(verdict["places"])]
    own = [verdict for verdict in there if verdict["key"][3] in ("", *item["markers"])]
    others = sorted({words.variable(verdict["key"][3]) for verdict in there if verdict not in own})
    return {**item, "verdicts": own, "tally": count_verdicts(own), "other_markers": labels.join_words(others)}


def _alternative(figure: Mapping[str, Any], longest: int = 1200) -> str:
    """Return the result of a figure as alternative text; a long text is cut, since the panels are listed below."""
    label = f"{figure['data_label']}. " if figure.get("data_label") else ""
    words = f"{figure['label']}. {figure['title']}. {label}{figure['words']}"
    kept = words[:longest].rpartition(";")[0] or words[:longest]
    return words if len(words) <= longest else f"{kept}; the rest is listed below, under “Caption, results in words”."


def changes_against_reference(results: Path, settings: Settings, trial: Trial, name: str) -> list[dict[str, str]]:
    """Return the comparisons whose conclusion differs from that of the reference, in words."""
    analysis, base = settings.analyses[name], settings.analyses[settings.reference]
    if analysis == base:
        return []
    both = settings.model_copy(update={"analyses": {entry.name: entry for entry in (base, analysis)}})
    tables = {entry: read_results(results / entry / "results.csv") for entry in both.analyses}
    tests = compare.compare_tests(tables, both, trial)
    counterparts = {place: label for label, place in compare.rank_strata(base.strata.labels).items()}
    words, changes = Words(trial, analysis), []
    for row in tests[tests["conclusion"].isin(compare.CHANGED)].to_dict("records"):
        counterpart = counterparts.get(row["place"], row["stratum"])
        other = "" if counterpart == row["stratum"] else f" in {counterpart}"
        what = f"{words.of('outcome', row)}, {words.group(row['stratum'])}"
        told = {"p": formatting.format_p_digits(row["p"]), "reference": compare.reference_p(row) + other}
        changes.append({"what": what, "conclusion": compare.CHANGED[row["conclusion"]], **told})
    return changes


def count_changing(family: str, trial: Trial) -> int:
    """Return how many outcomes of a family have changes from baseline."""
    return sum(outcome.family == family and bool(outcome.follow_up) for outcome in trial.outcomes.values())


def outcomes_to_list(trial: Trial) -> set[str]:
    """Return the outcomes to list one by one: those of small families and the primary one; all, if no family is small."""
    changing = {key for key, outcome in trial.outcomes.items() if outcome.follow_up}
    small = {key for key, outcome in trial.outcomes.items() if count_changing(outcome.family, trial) <= MANY}
    return small | ({trial.primary.outcome} if trial.primary else set()) if small & changing else {*trial.outcomes}
