"""What the printed numbers say about themselves, as the consistency checks wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from ..consistency.findings import KINDS, Finding, in_order
from ..figures.study import read_rows


def read_findings(folder: Path) -> list[Finding]:
    """Read findings.csv of a folder, ordered by kind; none if it is not there."""
    path = folder / "findings.csv"
    return in_order(Finding(**row) for row in read_rows(path)) if path.exists() else []


def by_kind(findings: Sequence[Finding]) -> list[tuple[str, str, list[Finding]]]:
    """Group ordered findings by kind, each with what the kind means."""
    return [(kind, KINDS[kind], list(own)) for kind, own in groupby(findings, key=lambda finding: finding.kind)]
