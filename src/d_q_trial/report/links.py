"""Links between the pages of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..config.settings import Settings


def page_links(settings: Settings, current: str, analysis: str = "") -> list[tuple[str, str]]:
    """Return the pages of a run as text and address, relative to a page in a folder of results/."""
    home, name = ("", analysis) if analysis else (f"../{settings.reference}/", settings.reference)
    links = [("Overview", "../index.html"), (f"Report of {name}", f"{home}report.html")]
    if settings.published:
        links.append(("Reported values", f"{home}claims.html"))
    if len(settings.analyses) > 1:
        links.append(("Comparison of analyses", "../compare/comparison.html"))
    if settings.published and (Path(settings.published) / "tests.csv").exists():
        links.append(("Internal consistency", "../consistency/consistency.html"))
    return [(text, "" if address == current else address) for text, address in links]
