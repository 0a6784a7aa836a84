"""Read the finished outputs of an analysis, and put them into the order of the report."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import compare, formatting, software
from ..config.settings import search_id
from ..files import read_rows
from ..pages import embedded
from ..participants import read_description
from ..results_table import Numbers, read_results
from ..tables.catalogue import catalogue_of
from .facts import Facts
from .headlines import describe_group
from .pieces import Piece, Words, read_pieces
from .verdicts import Verdict, read_verdicts, tally

if TYPE_CHECKING:
    from ..config.settings import Settings
    from ..trial import Trial

FOLDERS = ("robustness", "sensitivity")
NOT_SHOWN = (
    "cutoffs",
    "windows",
    "prespecified_cuts",
    "published_cuts",
    "specifications",
)  # they are drawn, and stay in their files
FOREST = "forest"  # the figure that stands on the first screen


@dataclass(frozen=True)
class Report:
    """Everything that the pages of an analysis show.

    ``figures`` and ``tables`` are mappings, as their descriptions and pages have them, with the verdicts on the values
    that they show; ``changes`` are the comparisons whose conclusion differs from that of the reference.
    """

    facts: Facts
    settings: Settings
    folder: Path
    figures: Sequence[Mapping[str, Any]]
    tables: Sequence[Mapping[str, Any]]
    pieces: Sequence[Piece]
    changes: Sequence[Mapping[str, str]]


def collect(results: Path, settings: Settings, trial: Trial, name: str) -> Report:
    """Read the outputs of the analysis ``name`` below the folder of all results; what was not made is left out."""
    analysis, base = settings.analyses[name], settings.analyses[settings.reference]
    folder, listed = results / name, catalogue_of(settings.tables, trial)
    description = read_description(results / "workbooks" / analysis.workbook_id)
    tables = {
        f"{part}/{path.stem}": read_rows(path) for part in FOLDERS for path in sorted((folder / part).glob("*.csv"))
    }
    facts = Facts(
        trial=trial,
        analysis=analysis,
        numbers=Numbers(read_rows(folder / "results.csv")),
        headlines=listed.headlines,
        label=description["label"],
        source=description["source"],
        strata=rows_if_made(folder / "strata.csv"),
        exclusions=rows_if_made(folder / "exclusions.csv"),
        verdicts=read_verdicts(rows_if_made(folder / "claims.csv"), trial),
        versions=software.used(software.logs_of(results, name, analysis.workbook_id, search_id(analysis))),
        tables=tables,
        robustness=settings.robustness if tables else None,
        reference="" if name == settings.reference else settings.reference,
        differences=compare.differences(analysis, base, trial),
    )
    words = Words(trial, analysis)
    return Report(
        facts,
        settings,
        folder,
        figures=read_figures(folder / "figures", facts.verdicts),
        tables=read_tables(folder / "tables", listed.tables, facts.verdicts),
        pieces=[piece for part in FOLDERS for piece in read_pieces(folder / part, words, leave_out=NOT_SHOWN)],
        changes=changes_against_reference(results, facts, settings),
    )


def rows_if_made(path: Path) -> list[dict[str, str]]:
    """Read a CSV file; one that was not made has no rows."""
    return read_rows(path) if path.exists() else []


def read_figures(folder: Path, verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Read the figures that the JSON files of a folder describe, in their order."""
    described: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        described |= json.loads(path.read_text(encoding="utf-8"))
    found = []
    for key, figure in sorted(described.items(), key=lambda item: item[1]["order"]):
        if not (folder / f"{key}.png").exists():
            continue
        address, width, height = embedded(folder / f"{key}.png")
        shown = {"key": key, "address": address, "width": width, "height": height, "alt": _alternative(figure)}
        placed = _placed(figure["label"], verdicts)
        for panel in figure["panels"]:
            place = (figure["label"], panel["letter"])
            panel["verdicts"] = [v for v in placed["verdicts"] if v.quantity == "p" and place in v.places]
        found.append(figure | shown | placed | {"file": f"{folder.name}/{figure['files']['pdf']}"})
    return found


def _placed(label: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return the verdicts on the values of a figure or table, and their counts."""
    own = [verdict for verdict in verdicts if label in dict(verdict.places)]
    return {"verdicts": own, "tally": tally(own)}


def _alternative(figure: Mapping[str, Any], longest: int = 1200) -> str:
    """State the result of a figure; what would tire a listener is left to the list of panels below it."""
    label = f"{figure['data_label']}. " if figure.get("data_label") else ""
    words = f"{figure['label']}. {figure['title']}. {label}{figure['words']}"
    kept = words[:longest].rpartition(";")[0] or words[:longest]
    return words if len(words) <= longest else f"{kept}; the rest is listed below, under “Caption, results in words”."


def read_tables(folder: Path, names: Iterable[str], verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Read finished tables: the content of their pages."""
    found = []
    for path in (folder / f"{name}.html" for name in names):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if title := re.search(r"<title>(.*?)\. (.*?)</title>", text, re.DOTALL):
            body = re.search(r"</h1>(.*)</main>", text, re.DOTALL)[1]
            table = {
                "key": path.stem,
                "label": title[1],
                "title": title[2],
                "html": body,
                "rows": body.count("<tr") - 1,
            }
            found.append(table | _placed(title[1], verdicts))
    return found


def changes_against_reference(results: Path, facts: Facts, settings: Settings) -> list[dict[str, str]]:
    """Return the comparisons whose conclusion differs from that of the reference, in words."""
    if not facts.reference:
        return []
    names = (facts.reference, facts.analysis.name)
    tables = {name: read_results(results / name / "results.csv") for name in names}
    both = settings.model_copy(update={"analyses": {name: settings.analyses[name] for name in names}})
    tests = compare.compare_tests(tables, both, facts.trial)
    words = Words(facts.trial, facts.analysis)
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
