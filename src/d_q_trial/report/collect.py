"""Read the finished outputs of an analysis, and put them into the order of the report."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import compare, formatting
from ..figures.study import Numbers, read_rows
from ..pages import embedded
from ..participants import read_description
from ..results_table import NUMERIC
from ..software import software
from ..tables.catalogue import catalogue_of
from . import pieces
from .facts import Facts
from .headlines import describe_group
from .verdicts import Verdict, read_verdicts, tally

if TYPE_CHECKING:
    from ..config.settings import Settings
    from ..trial import Trial

FOLDERS = ("robustness", "sensitivity")
NOT_SHOWN = ("cutoffs", "windows", "own_cuts", "specifications")  # they are drawn, and stay in their files
FOREST = "forest"  # the figure that stands on the first screen


@dataclass(frozen=True)
class Panel:
    """One panel of a figure: its result in words, and the verdicts on its P-values."""

    letter: str
    words: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Figure:
    """A figure with the verdicts on the values that it shows."""

    key: str
    label: str
    title: str
    caption: str
    address: str
    width: int
    height: int
    alt: str
    file: str
    panels: tuple[Panel, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def tally(self) -> dict[str, int]:
        """Count the verdicts."""
        return tally(self.verdicts)


@dataclass(frozen=True)
class Table:
    """A finished table as HTML, with the verdicts on its values."""

    key: str
    label: str
    title: str
    html: str
    rows: int
    verdicts: tuple[Verdict, ...]

    @property
    def tally(self) -> dict[str, int]:
        """Count the verdicts."""
        return tally(self.verdicts)


@dataclass(frozen=True)
class Report:
    """Everything that the report of an analysis shows."""

    facts: Facts
    settings: Settings
    folder: Path

    @cached_property
    def figures(self) -> list[Figure]:
        """Figures in the order of the catalogue."""
        return read_figures(self.folder / "figures", self.facts.verdicts)

    @cached_property
    def tables(self) -> list[Table]:
        """Tables in the order of the catalogue."""
        listed = catalogue_of(self.settings.tables, self.facts.trial).tables
        return read_tables(self.folder / "tables", list(listed), self.facts.verdicts)

    @cached_property
    def pieces(self) -> list[pieces.Piece]:
        """Tables and pictures of the robustness and sensitivity analyses."""
        words = pieces.Words(self.facts.trial, self.facts.analysis)
        return [
            piece for name in FOLDERS for piece in pieces.read_pieces(self.folder / name, words, leave_out=NOT_SHOWN)
        ]

    @cached_property
    def changes(self) -> list[dict[str, str]]:
        """Comparisons whose conclusion differs from that of the reference analysis."""
        return changes_against_reference(self.folder.parent, self.facts, self.settings)


def collect(results: Path, settings: Settings, trial: Trial, name: str) -> Report:
    """Read the outputs of the analysis ``name`` below the folder of all results; what was not made is left out."""
    analysis, base = settings.analyses[name], settings.analyses[settings.reference]
    folder = results / name
    description = read_description(results / "workbooks" / analysis.workbook_id)
    tables = {
        f"{part}/{path.stem}": read_rows(path) for part in FOLDERS for path in sorted((folder / part).glob("*.csv"))
    }
    facts = Facts(
        trial=trial,
        analysis=analysis,
        numbers=Numbers(read_rows(folder / "results.csv")),
        headlines=catalogue_of(settings.tables, trial).headlines,
        label=description["label"],
        source=description["source"],
        strata=rows_if_made(folder / "strata.csv"),
        exclusions=rows_if_made(folder / "exclusions.csv"),
        verdicts=read_verdicts(rows_if_made(folder / "claims.csv"), trial),
        versions=software(),
        tables=tables,
        robustness=settings.robustness if tables else None,
        reference="" if name == settings.reference else settings.reference,
        differences=compare.differences(analysis, base, trial),
    )
    return Report(facts, settings, folder)


def rows_if_made(path: Path) -> list[dict[str, str]]:
    """Read a CSV file; one that was not made has no rows."""
    return read_rows(path) if path.exists() else []


def read_figures(folder: Path, verdicts: Sequence[Verdict]) -> list[Figure]:
    """Read the figures that are described in the JSON files of a folder."""
    described: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        described |= json.loads(path.read_text(encoding="utf-8"))
    return [
        _figure(key, described[key], folder, verdicts)
        for key in sorted(described, key=lambda key: described[key]["order"])
        if (folder / f"{key}.png").exists()
    ]


def _figure(key: str, described: Mapping[str, Any], folder: Path, verdicts: Sequence[Verdict]) -> Figure:
    label = described["label"]
    address, width, height = embedded(folder / f"{key}.png")
    own = tuple(verdict for verdict in verdicts if label in dict(verdict.places))
    panels = tuple(
        Panel(
            panel["letter"],
            panel["words"],
            tuple(v for v in own if v.quantity == "p" and (label, panel["letter"]) in v.places),
        )
        for panel in described["panels"]
    )
    return Figure(
        key=key,
        label=label,
        title=described["title"],
        caption=described["caption"],
        address=address,
        width=width,
        height=height,
        alt=_alternative(described),
        file=f"{folder.name}/{described['files']['pdf']}",
        panels=panels,
        verdicts=own,
    )


def _alternative(described: Mapping[str, Any], longest: int = 1200) -> str:
    """State the result of a figure; what would tire a listener is left to the list of panels below it."""
    label = f"{described['data_label']}. " if described.get("data_label") else ""
    words = f"{described['label']}. {described['title']}. {label}{described['words']}"
    kept = words[:longest].rpartition(";")[0] or words[:longest]
    return words if len(words) <= longest else f"{kept}; the rest is listed below, under “In words”."


def read_tables(folder: Path, names: Sequence[str], verdicts: Sequence[Verdict]) -> list[Table]:
    """Read finished tables: the content of their pages."""
    found = []
    for name in names:
        path = folder / f"{name}.html"
        if not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        title = re.search(r"<title>(.*?)\. (.*?)</title>", text, re.DOTALL)
        body = re.search(r"</h1>(.*)</main>", text, re.DOTALL)
        own = tuple(verdict for verdict in verdicts if title[1] in dict(verdict.places))
        found.append(Table(name, title[1], title[2], body[1].strip(), body[1].count("<tr") - 1, own))
    return found


def changes_against_reference(results: Path, facts: Facts, settings: Settings) -> list[dict[str, str]]:
    """Return the comparisons of small families whose conclusion differs from that of the reference, in words."""
    from ..files import read_csv

    if not facts.reference:
        return []
    names = (facts.reference, facts.analysis.name)
    tables = {name: read_csv(results / name / "results.csv", numeric=NUMERIC) for name in names}
    both = settings.model_copy(update={"analyses": {name: settings.analyses[name] for name in names}})
    tests = compare.compare_tests(tables, both, facts.trial)
    words = pieces.Words(facts.trial, facts.analysis)
    return [
        {
            "what": f"{words.of('outcome', row)}, {describe_group(row['stratum'], facts)}",
            "conclusion": compare.CHANGED[row["conclusion"]],
            "p": formatting.p_digits(row["p"]),
            "reference": f"{formatting.p_digits(row['reference_p'])}{_counterpart(row, settings)}",
        }
        for row in tests[tests["conclusion"].isin(compare.CHANGED)].to_dict("records")
    ]


def _counterpart(row: Mapping[str, Any], settings: Settings) -> str:
    """Name the stratum of the reference with which a stratum is compared, if it is called otherwise."""
    names = {
        place: label for label, place in compare.places(settings.analyses[settings.reference].strata.labels).items()
    }
    name = names.get(row["place"], row["stratum"])
    return "" if name == row["stratum"] else f" in {name}"
