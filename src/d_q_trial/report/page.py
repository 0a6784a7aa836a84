"""Write the report of one analysis, its page of reported values, and the paragraph on methods."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from .. import labels
from ..config.settings import Settings, as_yaml
from ..consistency.findings import KINDS, Finding, in_order
from ..files import write_text
from ..pages import environment, render
from ..trial import Trial
from . import headlines, methods, pieces, verdicts
from .collect import FOREST, Report, collect, rows_if_made
from .explorer import explorer

# Outputs that a report can show, and what the report calls them; each is made on request where the run leaves it out.
ON_REQUEST = {
    "robustness/cutoffs": "Every cutoff of the markers",
    "robustness/multiplicity": "P-values adjusted for multiple testing",
    "robustness/multiverse": "The multiverse",
    "sensitivity/sensitivity": "Interaction, sensitivity analyses and influence",
    "sensitivity/power": "Power, and sensitivity to suspect values",
}


def write_report(results: Path, settings: Settings, trial: Trial, name: str) -> list[Path]:
    """Write ``report.html``, ``claims.html`` and ``methods.md`` of an analysis; each stands alone."""
    report = collect(results, settings, trial, name)
    texts = {
        "report.html": report_page(report),
        "claims.html": claims_page(report),
        "methods.md": methods.paragraph(report.facts),
    }
    for file, text in texts.items():
        write_text(text, report.folder / file)
    return [report.folder / file for file in texts]


def report_page(report: Report) -> str:
    """Return the report as one page that asks the network for nothing."""
    facts, folder = report.facts, report.folder
    first = next((line for line in facts.headlines if line.stratum != "all"), None)
    cuts = explorer(
        facts.table("robustness/cutoffs"),
        facts.table("robustness/prespecified_cuts"),
        facts.table("robustness/best_cuts"),
        facts.trial,
        facts.analysis,
        (first.outcome, first.visit) if first else ("", ""),
    )
    return render(
        "report.html.j2",
        **_common(report, "report.html"),
        libraries=("d3", "plot") if cuts else (),
        data=cuts,
        figures=[figure for figure in report.figures if figure["key"] != FOREST],
        forest=next((figure for figure in report.figures if figure["key"] == FOREST), None),
        tables=report.tables,
        changes=report.changes,
        groups=[headlines.describe_group(group, facts) for group in headlines.groups(facts)],
        results=headlines.main_results(facts),
        checks=headlines.robustness_lines(facts),
        explorer=cuts,
        pieces=group_pieces(report.pieces),
        requests=_requests(report),
        findings=_findings(folder.parent / "consistency", facts.trial),
        picture=_picture(folder.parent / "consistency"),
        sentences=methods.sentences(facts),
        paragraph=methods.paragraph(facts),
        configuration=as_yaml(report.settings, facts.analysis.name),
    )


def claims_page(report: Report) -> str:
    """Return the table of reported values as a page of its own."""
    places = {item["label"]: item["key"] for item in (*report.figures, *report.tables)}
    return render("claims.html.j2", **_common(report, "claims.html"), libraries=("sortable",), places=places)


def page_links(settings: Settings, current: str, analysis: str = "") -> list[tuple[str, str]]:
    """Return the other pages of a run as text and address, seen from a page in a folder of results/."""
    home = f"../{analysis or settings.reference}/" if current.startswith("../") or not analysis else ""
    links = [("Overview", "../index.html"), (f"Report of {analysis or settings.reference}", f"{home}report.html")]
    if settings.published:
        links.append(("Reported values", f"{home}claims.html"))
    if len(settings.analyses) > 1:
        links.append(("Comparison of analyses", "../compare/comparison.html"))
    if settings.published and (Path(settings.published) / "tests.csv").exists():
        links.append(("Internal consistency", "../consistency/consistency.html"))
    return [(text, "" if address == current else address) for text, address in links]


def sources_of(trial: Trial) -> list[tuple[str, str]]:
    """Return the article and the registry entry, as text and address."""
    doi = re.search(r"doi:(\S+)", trial.citation)
    found = [(f"Article (doi:{doi[1]})", f"https://doi.org/{doi[1]}")] if doi else []
    if trial.registration.startswith("NCT"):
        found.append((f"Registry ({trial.registration})", f"https://clinicaltrials.gov/study/{trial.registration}"))
    return found


def group_pieces(listed: list[pieces.Piece]) -> list[tuple[str, str, list[pieces.Piece]]]:
    """Put pieces of one group together, with the caption that they share; others stand alone, without a title."""
    made = []
    for group, members in groupby(listed, key=lambda piece: piece.group):
        own = list(members)
        made += [(group, *pieces.share_captions(own))] if group else [("", "", [piece]) for piece in own]
    return made


def _common(report: Report, current: str) -> dict[str, object]:
    """Return what the report and the page of reported values have in common."""
    facts = report.facts
    environment().filters["size"] = verdicts.size
    sources = dict.fromkeys(verdict.source for verdict in facts.verdicts)
    summaries = [verdicts.summarise(facts.verdicts, source) for source in sources]
    return {
        "title": f"{'Report' if current == 'report.html' else 'Reported values'}: {facts.analysis.name}",
        "label": facts.label,
        "links": page_links(report.settings, current, facts.analysis.name),
        "facts": facts,
        "summaries": [(summary, verdicts.sentence(summary)) for summary in summaries],
        "tally": verdicts.tally(facts.verdicts),
        "meanings": verdicts.VERDICTS,
        "sources": sources_of(facts.trial),
        "address": verdicts.address,
        "level": labels.interval_level(facts.analysis),
    }


def _requests(report: Report) -> list[tuple[str, str, str]]:
    """Return what was not made for this analysis: its name, the reason, and the command that makes it."""
    if not report.facts.trial.markers:
        return [(name, "the trial has no marker", "") for name in ON_REQUEST.values()]
    return [
        (name, "this run did not ask for it", f"snakemake --cores 4 results/{report.folder.name}/{table}.csv")
        for table, name in ON_REQUEST.items()
        if table not in report.facts.tables
    ]


def _findings(folder: Path, trial: Trial) -> list[tuple[str, str, list[Finding]]]:
    """Read the findings on the reported numbers, grouped by kind, with labels for keys."""
    rows = rows_if_made(folder / "findings.csv")
    found = in_order(Finding(**{name: labels.plain(text, trial) for name, text in row.items()}) for row in rows)
    return [(kind, KINDS[kind], list(own)) for kind, own in groupby(found, key=lambda finding: finding.kind)]


def _picture(folder: Path) -> str:
    """Return the drawing of attainable P-values from the page on internal consistency; empty if there is none."""
    page = folder / "consistency.html"
    found = re.search(r"<svg.*?</svg>", page.read_text(encoding="utf-8"), re.DOTALL) if page.exists() else None
    return found[0] if found else ""
