"""What the paper and the registry print, one claim per printed number, each with the key of the result it speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError
from .published_tables import read_published

# Which statistic of the results each printed part of a summary is: center, lower, upper.
_SUMMARY_PARTS = {
    "median_iqr": ("median", "q1", "q3"),
    "median_range": ("median", "minimum", "maximum"),
    "count_percent": ("count", "percent", ""),
    "range": ("", "minimum", "maximum"),
}
_GROUPS = {"all": "both arms"}


@dataclass(frozen=True)
class Claim:
    """One printed number.

    ``relation`` is "=" for a printed value, ">" or "<" for a bound. The fields from ``outcome`` to ``statistic`` are
    the key columns of the results table.
    """

    claim: str
    source: str
    locator: str
    quantity: str
    printed: str
    relation: str
    outcome: str
    measure: str
    visit: str
    marker: str
    stratum: str
    contrast: str
    group: str
    statistic: str
    not_checkable: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Key of the row of the results that this claim speaks of."""
        return (
            self.outcome,
            self.measure,
            self.visit,
            self.marker,
            self.stratum,
            self.contrast,
            self.group,
            self.statistic,
        )


def read_claims(folder: Path | str) -> list[Claim]:
    """Every printed number of a folder as a claim, in the order of the files.

    Raises
    ------
    UserError
        If a row is malformed, or two printed numbers get the same name.
    """
    if not Path(folder).is_dir():
        raise UserError(f"{folder}: no such folder of printed values")
    claims = [
        *(claim for name in ("summaries", "ranges") for row in read_published(folder, name) for claim in _summary(row)),
        *(claim for row in read_published(folder, "tests") for claim in _test(row)),
        *(_count(row) for row in read_published(folder, "counts")),
        *(claim for row in read_published(folder, "correlations") for claim in _correlation(row)),
        *(_event(row) for row in read_published(folder, "adverse_events") if row["affected"]),
    ]
    seen: set[str] = set()
    for claim in claims:
        if claim.claim in seen:
            raise UserError(f"{folder}: two printed numbers are called {claim.claim}")
        seen.add(claim.claim)
    return claims


def known_differences(folder: Path | str, *, synthetic: bool) -> dict[str, str]:
    """Reasons of the claims that are known not to come out, by claim."""
    applies = {"any", "synthetic"} if synthetic else {"any"}
    return {
        row["claim"]: row["reason"] for row in read_published(folder, "known_differences") if row["data"] in applies
    }


def _name(row: dict[str, str], *parts: str) -> str:
    place = row["locator"].replace(" ", "_")
    words = (row["source"], place, *(part.replace(" ", "_") for part in parts if part))
    return ":".join(words)


def _claim(row, quantity, printed, relation, statistic, *, contrast="", group="", stratum=None, **more) -> Claim:
    stratum = row.get("stratum", "all") if stratum is None else stratum
    marker = row.get("marker", "")
    place = stratum if stratum != "all" else ""
    outcome = row.get("outcome", marker)
    measure, visit = row.get("measure", ""), row.get("visit", "")
    return Claim(
        _name(row, outcome, visit, marker if marker != outcome else "", place, contrast or group, quantity),
        row["source"],
        row["locator"],
        quantity,
        printed,
        relation,
        outcome,
        measure,
        visit,
        marker,
        stratum,
        contrast,
        group,
        statistic,
        **more,
    )


def _summary(row: dict[str, str]) -> Iterator[Claim]:
    group = _GROUPS.get(row["group"], row["group"])
    parts = zip(_SUMMARY_PARTS[row["statistic"]], (row["center"], row["lower"], row["upper"]), strict=True)
    for statistic, printed in (("n", row["n"]), *parts):
        if statistic and printed:
            yield _claim(row, statistic, printed, "=", statistic, group=group)


def _test(row: dict[str, str]) -> Iterator[Claim]:
    # Between strata the stratum names the contrast itself, and the results leave the stratum empty.
    stratum = "" if " vs " in row["stratum"] else row["stratum"]
    common = {"contrast": row["contrast"], "stratum": stratum}
    yield _claim(row, "p", row["p"], row["p_relation"], "p", **common)
    if row["effect"]:
        yield _claim(row, "difference of medians", row["effect"], "=", "median_difference", **common)
    if row["direction"]:
        relation = {"negative": "<", "positive": ">"}[row["direction"]]
        yield _claim(row, "direction", "0", relation, "median_difference", **common)


def _count(row: dict[str, str]) -> Claim:
    return _claim(row, "n", row["n"], "=", "n", group=row["group"])


def _correlation(row: dict[str, str]) -> Iterator[Claim]:
    printed = {"n": (row["n"], "="), "spearman_r": (row["r"], "="), "p": (row["p"], row["p_relation"])}
    for statistic, (text, relation) in printed.items():
        if text:
            place = {"contrast": row["with"], "group": row["group"]}
            yield Claim(
                _name(row, row["marker"], row["with"], row["group"], statistic),
                row["source"],
                row["locator"],
                statistic,
                text,
                relation,
                outcome=row["marker"],
                measure="correlation",
                visit="baseline",
                marker="",
                stratum="all",
                statistic=statistic,
                **place,
            )


def _event(row: dict[str, str]) -> Claim:
    name = row["event"]
    if row["source"] == "registry":  # which lists some events under two headings
        name = f"{name}, {row['note']}"
    named = {**row, "outcome": name}
    reason = "the workbook has no adverse events"
    return _claim(named, "affected", row["affected"], "=", "", group=row["group"], stratum="all", not_checkable=reason)
