"""Claims in words, and the figure or table to which each belongs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import formatting
from ..claims import (
    NOT_APPLICABLE,
    NOT_CHECKABLE,
    NOT_REPRODUCED,
    OTHER_CONVENTION,
    OUTSIDE_BOUND,
    REPRODUCED,
    VERDICTS,
    WITHIN_BOUND,
)
from ..trial import BASELINE

if TYPE_CHECKING:
    from ..trial import Trial

# Signs beside the words, so that colour is never the only difference.
SIGNS = {
    REPRODUCED: "✓",
    WITHIN_BOUND: "✓",
    OTHER_CONVENTION: "≈",
    NOT_REPRODUCED: "✗",
    OUTSIDE_BOUND: "✗",
    NOT_CHECKABLE: "·",
    NOT_APPLICABLE: "·",
}
MOODS = {
    REPRODUCED: "good",
    WITHIN_BOUND: "good",
    OTHER_CONVENTION: "odd",
    NOT_REPRODUCED: "bad",
    OUTSIDE_BOUND: "bad",
    NOT_CHECKABLE: "quiet",
    NOT_APPLICABLE: "quiet",
}
MEANINGS = {
    REPRODUCED: "the recomputed value prints as the printed one",
    WITHIN_BOUND: "only a bound is printed, and the recomputed value keeps it",
    OTHER_CONVENTION: "another variant of the test or definition of quartiles gives the printed value",
    NOT_REPRODUCED: "the recomputed value prints otherwise",
    OUTSIDE_BOUND: "only a bound is printed, and the recomputed value breaks it",
    NOT_CHECKABLE: "these data or this analysis cannot say",
    NOT_APPLICABLE: "this analysis defines the subgroups differently",
}
_STATISTICS = {
    "p": "P",
    "n": "n",
    "median": "median",
    "q1": "first quartile",
    "q3": "third quartile",
    "minimum": "minimum",
    "maximum": "maximum",
    "count": "number",
    "percent": "percent",
    "spearman_r": "Spearman r",
    "affected": "participants affected",
}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_PLACE = re.compile(r"\b((?:Extended Data )?(?:Fig\.|Table) \d+)")


@dataclass(frozen=True)
class Verdict:
    """One line of the table of claims."""

    claim: str
    what: str
    where: str
    source: str
    printed: str
    recomputed: str
    verdict: str
    sign: str
    mood: str
    note: str
    rank: int  # of the verdict, for sorting
    places: tuple[str, ...]  # labels of the figures and tables
    minor: bool = False  # not a P-value, which readers look at first


@dataclass(frozen=True)
class Tally:
    """How many claims got which verdict, in the fixed order of verdicts; those that occur."""

    counts: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """Number of claims."""
        return sum(number for _, number in self.counts)

    @property
    def sentence(self) -> str:
        """Return the tally in words."""
        parts = ", ".join(f"{number:,} {verdict}" for verdict, number in self.counts)
        return f"{self.total:,} printed number{'s' * (self.total != 1)}: {parts}"


def read_verdicts(rows: Sequence[Mapping[str, str]], trial: Trial) -> list[Verdict]:
    """Put the rows of claims.csv into words."""
    return [_verdict(row, trial) for row in rows]


def tally(verdicts: Sequence[Verdict]) -> Tally:
    """Count verdicts."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    return Tally(tuple((name, counts[name]) for name in VERDICTS if counts[name]))


def places(locator: str) -> tuple[str, ...]:
    """Labels of the figures and tables that a locator names: ``Results; Fig. 4a`` belongs to ``Fig. 4``."""
    return tuple(dict.fromkeys(_PLACE.findall(locator)))


def size(text: str) -> float:
    """Return the number in a printed value, for sorting; what holds none comes last.

    A bound such as ``< 0.001`` sorts beside its number.
    """
    found = _NUMBER.search(text.replace(formatting.MINUS, "-").replace(",", ""))
    return float(found.group()) if found else 1e300


def _verdict(row: Mapping[str, str], trial: Trial) -> Verdict:
    notes = [row["note"], f"known difference: {row['known_difference']}" if row["known_difference"] else ""]
    return Verdict(
        claim=row["claim"],
        what=_what(row, trial),
        where=row["locator"],
        source=row["source"],
        printed=row["reported"].replace("-", formatting.MINUS),
        recomputed=row["recomputed"].replace("-", formatting.MINUS),
        verdict=row["verdict"],
        sign=SIGNS[row["verdict"]],
        mood=MOODS[row["verdict"]],
        note="; ".join(filter(None, notes)),
        rank=VERDICTS.index(row["verdict"]),
        places=places(row["locator"]) if row["source"] == "paper" else (),
        minor=row["quantity"] != "p",
    )


def _what(row: Mapping[str, str], trial: Trial) -> str:
    """Say of whom and what the number is: ``P1NP at 2 weeks, T3: D+Q against Control, P``."""
    variables = {**trial.outcomes, **trial.markers}
    variable = variables.get(row["outcome"])
    words = variable.label if variable else row["outcome"].replace("_", " ")
    if row["measure"] == "correlation":
        contrast = variables.get(row["contrast"])
        words += f" and {contrast.label.lower() if contrast else row['contrast']}"
        return f"{words}, {row['group'].replace('_', ' ')}: {_STATISTICS.get(row['quantity'], row['quantity'])}"
    if row["visit"] in trial.visits and row["visit"] != BASELINE:
        words += f" at {trial.visits[row['visit']].label}"
    elif row["visit"] == BASELINE:
        words += " at baseline"
    if row["stratum"] not in ("", "all"):
        words += f", {row['stratum']}"
    if row["marker"] in trial.markers:
        words += f" ({trial.markers[row['marker']].label})"
    arms = {arm.key: arm.label for arm in (trial.arms.treated, trial.arms.control, *trial.arms.others)}
    who = row["contrast"] or row["group"]
    names = [arms.get(part, part) for part in who.split(" - ")]
    quantity = _STATISTICS.get(row["quantity"], row["quantity"])
    return f"{words}: {' against '.join(names)}, {quantity}" if who else f"{words}: {quantity}"
