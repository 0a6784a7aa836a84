"""Reported values in words, their verdicts, and the figure or table to which each belongs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import claims, formatting, labels
from ..trial import BASELINE

if TYPE_CHECKING:
    from ..trial import Trial

# Sign and colour of a verdict, by what it means for the reader: colour is never the only difference.
_MARKS = {"success": ("✓", "good"), "warning": ("≈", "odd"), "failure": ("✗", "bad"), "neutral": ("·", "quiet")}
_MEANINGS = {
    claims.REPRODUCED: "the recomputed value rounds to the reported value",
    claims.WITHIN_BOUND: "only a bound is reported, and the recomputed value lies within it",
    claims.OTHER_CONVENTION: "another variant of the test or quartile definition gives the reported value",
    claims.NOT_REPRODUCED: "the recomputed value rounds to another value",
    claims.OUTSIDE_BOUND: "only a bound is reported, and the recomputed value lies outside it",
    claims.NOT_CHECKABLE: "the data or this analysis do not contain it",
    claims.NOT_APPLICABLE: claims.OTHER_SUBGROUPS,
}
VERDICTS = {name: (*_MARKS[claims.STATUS[name]], _MEANINGS[name]) for name in claims.VERDICTS}
_WAYS = {
    claims.REPRODUCED: "exactly",
    claims.WITHIN_BOUND: "within a reported bound",
    claims.OTHER_CONVENTION: "under another convention",
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
_GROUPS = {
    "participants": "trial participants",
    "population": "population sample",
    "population_under_cut": "population sample, younger",
    "population_from_cut": "population sample, older",
}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_PLACE = re.compile(r"\b((?:Extended Data )?(?:Fig\.|Table) \d+)([a-z]?)\b")


@dataclass(frozen=True)
class Verdict:
    """One reported value: a row of claims.csv as people read it."""

    claim: str
    what: str
    where: str
    source: str
    reported: str
    recomputed: str
    verdict: str
    note: str
    quantity: str
    key: tuple[str, ...]  # of the result: outcome, measure, visit, marker, stratum, contrast, group, statistic
    places: tuple[tuple[str, str], ...] = field(default=())  # label of each figure or table, and letter of the panel

    @property
    def sign(self) -> str:
        """Return the sign that stands beside the verdict."""
        return VERDICTS[self.verdict][0]

    @property
    def mood(self) -> str:
        """Return the class of the verdict's colour."""
        return VERDICTS[self.verdict][1]

    @property
    def rank(self) -> int:
        """Return the place of the verdict in the fixed order."""
        return list(VERDICTS).index(self.verdict)

    @property
    def failed(self) -> bool:
        """Return whether the recomputed value contradicts the reported one."""
        return self.verdict in claims.FAILURES


def read_verdicts(rows: Sequence[Mapping[str, str]], trial: Trial) -> list[Verdict]:
    """Put the rows of claims.csv into words."""
    return [_verdict(row, trial) for row in rows]


def tally(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Count verdicts, in their fixed order; those that occur."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    return {name: counts[name] for name in VERDICTS if counts[name]}


def find_places(locator: str) -> tuple[tuple[str, str], ...]:
    """Find the figures and tables that a locator names: ``Results; Fig. 4a`` belongs to panel a of ``Fig. 4``."""
    return tuple(dict.fromkeys(_PLACE.findall(locator)))


def size(text: str) -> float:
    """Return the number in a reported value, for sorting; one without a number comes last.

    A bound such as ``< 0.001`` sorts beside its number.
    """
    found = _NUMBER.search(text.replace(formatting.MINUS, "-").replace(",", ""))
    return float(found.group()) if found else 1e300


def address(**filters: str) -> str:
    """Return the address of the page of reported values, filtered."""
    from urllib.parse import urlencode

    return f"claims.html#{urlencode(filters)}"


def summarise(verdicts: Sequence[Verdict], source: str) -> dict[str, object]:
    """Summarise one source: how many values can be checked, how many were reproduced and how, and what was not."""
    own = [verdict for verdict in verdicts if verdict.source == source]
    counts = Counter(verdict.verdict for verdict in own)
    reproduced = sum(counts[name] for name in _WAYS)
    failed = [verdict for verdict in own if verdict.failed]
    return {
        "source": source,
        "checkable": reproduced + len(failed),
        "reproduced": reproduced,
        "ways": ", ".join(f"{counts[name]:,} {words}" for name, words in _WAYS.items() if counts[name]),
        "failed": sorted(failed, key=lambda verdict: verdict.quantity != "p"),
        "unchecked": _unchecked(own),
        "inapplicable": counts[claims.NOT_APPLICABLE],
        "address": address(source=source),
    }


def sentence(summary: Mapping[str, object]) -> str:
    """Say how many values of a source were reproduced, and which were not."""
    reproduced, checkable, source = summary["reproduced"], summary["checkable"], summary["source"]
    named = f"{checkable:,} checkable number{'' if checkable == 1 else 's'} of the {source}"
    if not checkable:
        text = f"no number of the {source} can be checked in this analysis"
    elif reproduced == checkable:
        text = f"all {named} were reproduced ({summary['ways']})"
    else:
        text = f"{reproduced:,} of {named} were reproduced"
    failed = summary["failed"]
    mismatches = (
        f"one mismatch: {failed[0].what}: reported {failed[0].reported}, recomputed {failed[0].recomputed}"
        if len(failed) == 1
        else f"{len(failed):,} mismatches"
        if failed
        else ""
    )
    return "; ".join(filter(None, [text[0].upper() + text[1:], mismatches, *summary["unchecked"]])) + "."


def _unchecked(own: Sequence[Verdict]) -> list[str]:
    """Say how many values cannot be checked: adverse events, of which no participant data exist, and others."""
    unchecked = [verdict.quantity for verdict in own if verdict.verdict == claims.NOT_CHECKABLE]
    events, others = unchecked.count("affected"), len(unchecked) - unchecked.count("affected")
    counted = f"{events:,} adverse-event count{'s have' if events != 1 else ' has'} no participant data"
    rest = f"{others:,} other number{'s' if others != 1 else ''} cannot be checked"
    return [counted] * bool(events) + [rest] * bool(others)


def _verdict(row: Mapping[str, str], trial: Trial) -> Verdict:
    known = f"known difference: {row['known_difference']}" if row["known_difference"] else ""
    return Verdict(
        claim=row["claim"],
        what=_what(row, trial),
        where=row["locator"],
        source=row["source"],
        reported=row["reported"].replace("-", formatting.MINUS),
        recomputed=row["recomputed"].replace("-", formatting.MINUS),
        verdict=row["verdict"],
        note=labels.plain("; ".join(filter(None, [row["note"], known])), trial),
        quantity=row["quantity"],
        key=tuple(row[name] for name in claims.KEYS),
        places=find_places(row["locator"]) if row["source"] == "paper" else (),
    )


def variable(key: str, trial: Trial) -> str:
    """Return the label of an outcome or marker; of one that the trial does not know, its words."""
    known = {**trial.outcomes, **trial.markers}
    return known[key].label if key in known else key.replace("_", " ")


def _what(row: Mapping[str, str], trial: Trial) -> str:
    """Say of whom and what the number is: ``P1NP at 2 weeks, T3: D+Q against Control, P``."""
    words, quantity = variable(row["outcome"], trial), _STATISTICS.get(row["quantity"], row["quantity"])
    if row["measure"] == "correlation":
        group = _GROUPS.get(row["group"], row["group"])
        return f"{words} and {labels.within(variable(row['contrast'], trial))}, {group}: {quantity}"
    if row["visit"] == BASELINE:
        words += " at baseline"
    elif row["visit"] in trial.visits:
        words += f" at {trial.visits[row['visit']].label}"
    if row["stratum"] not in ("", "all"):
        words += f", {row['stratum']}"
    if row["marker"] in trial.markers:
        words += f" ({trial.markers[row['marker']].label})"
    arms = {arm.key: arm.label for arm in (trial.arms.treated, trial.arms.control, *trial.arms.others)}
    names = [arms.get(part, part) for part in (row["contrast"] or row["group"]).split(" - ") if part]
    return f"{words}: {' against '.join(names)}, {quantity}" if names else f"{words}: {quantity}"
