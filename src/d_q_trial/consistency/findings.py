"""Make findings, observations about reported numbers, from the templates of ``findings.yaml``."""

import math
import re
from collections.abc import Iterable
from functools import cache, partial
from typing import Any, NamedTuple

from .. import labels
from ..files import read_yaml_beside
from ..formatting import text_engine
from ..trial import Trial
from . import VARIANTS, WORDS

KINDS: dict[str, str] = WORDS["kinds"]  # with a description of each


class Finding(NamedTuple):
    """One observation. Its certainty is about the arithmetic, never about how a number came to be."""

    finding: str  # a stable name
    kind: str
    what: str
    where: str
    how: str  # description of the check
    value: str  # the reported number
    expected: str  # the result of the check
    certainty: str  # certain, strong, probable or open
    harmless_explanation: str  # empty if none is known


def slug(text: str) -> str:
    """Return a text as a name for a finding: lower-case letters and digits, separated by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def format_probability(probability: float) -> str:
    """Format a probability so that it does not round to certainty: ``0.95``, ``over 0.999``, ``1 in 10^63``."""
    if probability > 0.999:
        return "over 0.999"
    if probability >= 0.001:
        return f"{probability:.2g}"
    return f"1 in 10^{-math.log10(probability):.0f}" if probability > 0 else "0"


_TEMPLATES = read_yaml_beside(__file__, "findings")
_ENGINE = text_engine(
    **labels.WORD_FILTERS,
    certainty=lambda probability: "strong" if probability > 0.999 else "probable" if probability > 0.9 else "open",
    each=lambda rows, text: [text.format(row) for row in rows],
    pairs=lambda numbers: " or ".join(f"{first} and {second}" for first, second in numbers),
    quantity=lambda key: " ".join(part for part in key if part not in ("", "all")),
    share=format_probability,
    variant=VARIANTS.get,
    source=lambda row: f"{row['source']}, {row['locator']}",
)
_template = cache(partial(_ENGINE.from_string, globals={"variants": VARIANTS}))


_TEXTS = " ".join(text for texts in _TEMPLATES.values() for text in texts.values())
_PROSE = {*re.findall(r"\w+", re.sub(r"{[{%].*?[%}]}", " ", _TEXTS, flags=re.DOTALL))}


def replace_keys(text: str, trial: Trial) -> str:
    """Replace the keys of a trial in the text of a finding by their labels, but not the words of the templates."""
    return labels.replace_keys(text, trial, kept=_PROSE)


def make_finding(check: str, /, *parts: str, **values: Any) -> Finding:
    """Make a finding of a check.

    ``findings.yaml`` has a template for each column, rendered with ``values``. A column without a template takes the
    value of its name. ``parts`` follow the name of the check in the name of the finding.
    """
    row = {name: str(values.get(name, "")) for name in Finding._fields}
    row |= {name: _template(text).render(values) for name, text in _TEMPLATES[check].items()}
    row["finding"] = row["finding"] or "-".join((check, *parts))
    row["certainty"] = row["certainty"] or "certain"
    if row["kind"] == "agreement":
        row["harmless_explanation"] = ""
    return Finding(**row)


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by kind, keeping the order within a kind."""
    return sorted(findings, key=lambda finding: list(KINDS).index(finding.kind))
