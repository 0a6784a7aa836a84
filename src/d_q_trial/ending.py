"""What the terminal says when a run has ended."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from .published import read_rows

if TYPE_CHECKING:
    from .settings import Settings

_STARTED = time.monotonic()


def tell(settings: Settings) -> None:
    """Print the tally of claims of each analysis, where to look first, and how long it took.

    Runs after every call of snakemake, also when nothing was to be done, so it reads with the standard library alone.
    """
    print()
    for name, analysis in settings.analyses.items():
        folder = Path("results") / name
        description = Path("results/workbooks") / analysis.workbook_id / "participants.json"
        label = json.loads(description.read_text(encoding="utf-8"))["label"] if description.exists() else None
        if label:
            print(f"{name}: {label}")
        if (folder / "claims.csv").exists():
            print(f"{name}: {_tally(folder)}")
    first = Path("results") / settings.reference / "report.html"
    if first.exists():
        print(f"Look first at {first}")
    print(f"Took {time.monotonic() - _STARTED:.0f} s")


def _tally(folder: Path) -> str:
    rows = read_rows(folder, "claims")
    counts = Counter(row["verdict"] for row in rows)
    return f"{len(rows)} printed numbers: " + ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
