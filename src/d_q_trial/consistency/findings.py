"""Findings: observations about reported numbers, in the words of ``findings.yaml``."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

KINDS = {
    "convention": "what the numbers imply about the method",
    "group size": "numbers of participants that are not reported",
    "difference": "two reported numbers that do not agree",
    "observation": "a reported number that is unusual",
    "agreement": "a check that the reported numbers pass",
}
# Certainty of an observation: about the arithmetic, never about how a number came to be.
CERTAIN, STRONG, PROBABLE, OPEN = "certain", "strong", "probable", "open"


@dataclass(frozen=True)
class Finding:
    """One observation.

    ``finding`` is a stable name, ``value`` what is reported, ``expected`` what the check gives, ``how`` the check in
    words. ``harmless_explanation`` is empty if none is known.
    """

    finding: str
    kind: str
    what: str
    where: str
    how: str
    value: str = ""
    expected: str = ""
    certainty: str = CERTAIN
    harmless_explanation: str = ""


COLUMNS = tuple(field.name for field in fields(Finding))


@cache
def _words() -> dict[str, dict[str, str]]:
    import yaml

    return yaml.safe_load(Path(__file__).with_name("findings.yaml").read_text(encoding="utf-8"))


def finding(check: str, *parts: str, **values: Any) -> Finding:
    """Make a finding of a check.

    ``findings.yaml`` has its columns as templates, filled with ``values``; a value with the name of a column that the
    check leaves open is that column. ``parts`` follow the name of the check in the name of the finding.
    """
    words = _words()[check]
    row = {name: words[name].format(**values) if name in words else str(values.get(name, "")) for name in COLUMNS}
    row["finding"] = row["finding"] or "-".join((check, *parts))
    row["certainty"] = row["certainty"] or CERTAIN
    if row["kind"] == "agreement":
        row["harmless_explanation"] = ""
    return Finding(**row)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by kind, keeping the order within a kind, and refuse a name used twice."""
    findings = list(findings)
    names = [finding.finding for finding in findings]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two findings have the same name: {', '.join(twice)}")
    return sorted(findings, key=lambda finding: list(KINDS).index(finding.kind))


def as_rows(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Return findings as dictionaries, for CSV and JSON."""
    return [asdict(finding) for finding in findings]


def certainty(probability: float) -> str:
    """Return in a word how certain an inference with this probability is."""
    return STRONG if probability > 0.999 else PROBABLE if probability > 0.9 else OPEN


def slug(text: str) -> str:
    """Return a name for a finding: small letters and digits with hyphens between."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def share(probability: float) -> str:
    """Format a probability so that it does not round to certainty: ``0.95``, ``over 0.999``, ``1 in 10^63``."""
    if probability > 0.999:
        return "over 0.999"
    if probability >= 0.001:
        return f"{probability:.2g}"
    return f"1 in 10^{-math.log10(probability):.0f}" if probability > 0 else "0"


def listed(words: Iterable[str]) -> str:
    """Join words as prose does: ``a``, ``a and b``, ``a, b and c``."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last
