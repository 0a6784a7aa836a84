"""The values that the paper and the registry report, one claim each, with the key of the result it is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError
from .published_tables import Row, read_published
from .results_table import KEYS

# Statistic of the results for each part of a reported summary: center, lower, upper.
_SUMMARY_PARTS = {
    "median_iqr": ("median", "q1", "q3"),
    "median_range": ("median", "minimum", "maximum"),
    "count_percent": ("count", "percent", ""),
    "range": ("", "minimum", "maximum"),
}
_NO_EVENTS = "the workbook has no adverse events"


@dataclass(frozen=True)
class Claim:
    """One reported value.

    ``relation`` is "=" for a value, one of the inequalities for a bound. The fields from ``outcome`` to ``statistic``
    are the key columns of the results.
    """

    claim: str
    source: str
    locator: str
    quantity: str
    reported: str
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
        """Key of the row of the results that this claim is about."""
        return tuple(getattr(self, name) for name in KEYS)


def read_claims(folder: Path | str) -> list[Claim]:
    """Read every reported value of a folder as a claim, in the order of the files.

    Raises
    ------
    UserError
        If a row is malformed, or two reported values get the same name.
    """
    if not Path(folder).is_dir():
        raise UserError(f"{folder}: no such folder of reported values")
    readers = {
        "summaries": _summary,
        "ranges": _summary,
        "tests": _test,
        "counts": _count,
        "correlations": _correlation,
        "adverse_events": _event,
    }
    claims: dict[str, Claim] = {}
    for name, reader in readers.items():
        for row in read_published(folder, name):
            for claim in reader(row):
                if claim.claim in claims:
                    raise UserError(f"{folder}: two reported values have the name {claim.claim}")
                claims[claim.claim] = claim
    return list(claims.values())


def known_differences(folder: Path | str, *, synthetic: bool) -> dict[str, str]:
    """Return why each known difference differs, by claim."""
    applies = {"any", "synthetic"} if synthetic else {"any"}
    return {
        row["claim"]: row["reason"] for row in read_published(folder, "known_differences") if row["data"] in applies
    }


def _claim(
    row: Row,
    quantity: str,
    reported: str,
    relation: str = "=",
    *,
    statistic: str | None = None,
    parts: tuple[str, ...] = (),
    **own: str,
) -> Claim:
    """Make a claim of a row; ``own`` holds fields that the row does not give, ``parts`` replaces those of the name."""
    key = {"marker": "", "stratum": "all", "contrast": "", "group": ""}
    key |= {name: row[name] for name in ("outcome", "measure", "visit", "marker", "stratum") if name in row} | own
    if not parts:
        marker = key["marker"] if key["marker"] != key["outcome"] else ""
        stratum = key["stratum"] if key["stratum"] != "all" else ""
        parts = (key["outcome"], key.get("visit", ""), marker, stratum, key["contrast"] or key["group"])
    name = ":".join(part.replace(" ", "_") for part in (row["source"], row["locator"], *parts, quantity) if part)
    key = {"measure": "", "visit": "", "statistic": quantity if statistic is None else statistic} | key
    return Claim(name, row["source"], row["locator"], quantity, reported, relation, **key)


def _summary(row: Row) -> Iterator[Claim]:
    group = "both arms" if row["group"] == "all" else row["group"]
    parts = zip(_SUMMARY_PARTS[row["statistic"]], (row["center"], row["lower"], row["upper"]), strict=True)
    for statistic, reported in (("n", row["n"]), *parts):
        if statistic and reported:
            yield _claim(row, statistic, reported, group=group)


def _test(row: Row) -> Iterator[Claim]:
    # Between strata the stratum names the contrast itself, and the results leave the stratum empty.
    place = {"contrast": row["contrast"], "stratum": "" if " vs " in row["stratum"] else row["stratum"]}
    yield _claim(row, "p", row["p"], row["p_relation"], **place)
    if row["effect"]:
        yield _claim(row, "difference of medians", row["effect"], statistic="median_difference", **place)
    if row["direction"]:
        relation = {"negative": "<", "positive": ">"}[row["direction"]]
        yield _claim(row, "direction", "0", relation, statistic="median_difference", **place)


def _count(row: Row) -> Iterator[Claim]:
    yield _claim(row, "n", row["n"], group=row["group"])


def _correlation(row: Row) -> Iterator[Claim]:
    parts = (row["marker"], row["with"], row["group"])
    key = dict(zip(("outcome", "contrast", "group"), parts, strict=True)) | {"measure": "correlation", "marker": ""}
    for statistic, column, relation in (("n", "n", "="), ("spearman_r", "r", "="), ("p", "p", row["p_relation"])):
        if row[column]:
            yield _claim(row, statistic, row[column], relation, parts=parts, visit="baseline", **key)


def _event(row: Row) -> Iterator[Claim]:
    if row["affected"]:
        # The registry lists some events under two headings.
        name = f"{row['event']}, {row['note']}" if row["source"] == "registry" else row["event"]
        place = {"outcome": name, "group": row["group"], "stratum": "all", "not_checkable": _NO_EVENTS}
        yield _claim(row, "affected", row["affected"], statistic="", **place)
