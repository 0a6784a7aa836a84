"""Render the report, the page of claims and the paragraph on methods."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ..files import write_text
from ..tables.write import environment
from . import methods
from .claims import MEANINGS, MOODS, SIGNS, size
from .cutoffs import as_script
from .findings import by_kind
from .gather import Report

_VENDOR = Path(__file__).parent / "vendor"
TITLE = "Reanalysis report"


def write_report(report: Report, folder: Path | str) -> list[Path]:
    """Write ``report.html``, ``claims.html`` and ``methods.md`` into a folder; each stands alone."""
    folder = Path(folder)
    texts = {
        "report.html": report_page(report),
        "claims.html": claims_page(report),
        "methods.md": methods.paragraph(report.facts),
    }
    for name, text in texts.items():
        write_text(text, folder / name)
    return [folder / name for name in texts]


def report_page(report: Report) -> str:
    """Return the report as one page that asks the network for nothing."""
    facts = report.facts
    return _render(
        "report.html.j2",
        report,
        sentences=[methods.study_sentence(facts), *methods.main_sentences(facts)][:3],
        conventions=methods.conventions(facts),
        paragraph=methods.paragraph(facts),
        findings=by_kind(report.findings),
        explorer=report.explorer,
        explorer_script=as_script(report.explorer) if report.explorer else "",
        scripts=["d3", "plot", "sortable"] if report.explorer else ["sortable"],
    )


def claims_page(report: Report) -> str:
    """Return the table of claims as a page of its own."""
    return _render("claims.html.j2", report, scripts=["sortable"])


def _render(template: str, report: Report, *, scripts: list[str], **more) -> str:
    engine = environment()
    engine.globals |= {"vendor": _vendor, "sign": SIGNS, "mood": MOODS, "meaning": MEANINGS, "quoted": _quoted}
    engine.filters["size"] = size
    return engine.get_template(template).render(
        title=f"{TITLE}: {report.facts.analysis.name}", report=report, facts=report.facts, scripts=scripts, **more
    )


def _quoted(text: str):
    """Return text as a string of a style sheet, in which every sign that could end it is written by its number."""
    from markupsafe import Markup

    return Markup('"' + "".join(c if c.isalnum() or c == " " else f"\\{ord(c):06x}" for c in text) + '"')


@cache
def _vendor(name: str) -> str:
    """Return a library of others, unchanged; see the licence beside it."""
    return (_VENDOR / f"{name}.min.js").read_text(encoding="utf-8")
