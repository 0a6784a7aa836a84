"""Findings: observations about printed numbers, how they were made, and the harmless explanation if there is one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

KINDS = {
    "convention": "what the numbers say about the method",
    "group size": "numbers of participants that are not printed",
    "difference": "two printed numbers that do not agree",
    "observation": "a printed number that stands out",
    "agreement": "a check that came out as printed",
}
# How sure an observation is. The words are about the arithmetic, never about how a number came to be.
CERTAIN, STRONG, PROBABLE, OPEN = "certain", "strong", "probable", "open"


@dataclass(frozen=True)
class Finding:
    """One observation.

    ``finding`` is a stable name, ``value`` what is printed, ``expected`` what the check gives, ``how`` the check in
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

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r}: expected one of {', '.join(KINDS)}")


COLUMNS = tuple(field.name for field in fields(Finding))


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by kind, keeping the order within a kind, and refuse a name used twice."""
    findings = list(findings)
    names = [finding.finding for finding in findings]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"findings named twice: {', '.join(twice)}")
    order = list(KINDS)
    return sorted(findings, key=lambda finding: order.index(finding.kind))


def as_rows(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Findings as dictionaries, for CSV and JSON."""
    return [asdict(finding) for finding in findings]


def certainty(probability: float) -> str:
    """Say in a word how sure an inference with this probability is."""
    return STRONG if probability > 0.999 else PROBABLE if probability > 0.9 else OPEN


def slug(text: str) -> str:
    """Make a name for a finding: small letters and digits with hyphens between."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def share(probability: float) -> str:
    """Print a probability in words that do not round it to certainty: ``0.95``, ``over 0.999``, ``1 in 10^63``."""
    if probability > 0.999:
        return "over 0.999"
    if probability >= 0.001:
        return f"{probability:.2g}"
    return f"1 in 10^{-math.log10(probability):.0f}" if probability > 0 else "0"


def listed(words: Iterable[str]) -> str:
    """Join words as prose does: ``a``, ``a and b``, ``a, b and c``."""
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
