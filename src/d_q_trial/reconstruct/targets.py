"""Turn the reported values of data/published into constraints on one column of a cohort."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..published_tables import read_published
from .constraints import Constraint, MedianDifference, Moment, Quantile, RankSum, printed_window, z_windows
from .design import Design
from .enrolment import Enrolment

Row = dict[str, str]
_PROBABILITIES = {
    "median_iqr": (("lower", 0.25), ("center", 0.5), ("upper", 0.75)),
    "median_range": (("lower", 0.0), ("center", 0.5), ("upper", 1.0)),
    "range": (("lower", 0.0), ("upper", 1.0)),
}
# A reported "P1NP was lower" asks for medians that differ by one reported unit.
_APART = 1.0


@dataclass(frozen=True)
class Targets:
    """The reported rows that participants can give, with the readings of the design applied."""

    summaries: tuple[Row, ...]
    tests: tuple[Row, ...]

    def summaries_of(self, outcome: str, visit: str) -> list[Row]:
        """Return the summaries of one column."""
        return [row for row in self.summaries if (row["outcome"], row["visit"]) == (outcome, visit)]

    def tests_of(self, outcome: str, visit: str) -> list[Row]:
        """Return the tests on one column."""
        return [row for row in self.tests if (row["outcome"], row["visit"]) == (outcome, visit)]


def read_targets(folder: Path | str, design: Design) -> Targets:
    """Read ``summaries.csv`` and ``tests.csv`` and leave out what no participant table can give."""
    rows = {
        name: [row for row in read_published(folder, name) if row["outcome"] not in design.not_recomputable]
        for name in ("summaries", "ranges", "registry_baseline", "tests")
    }
    for name, needed in rows.items():
        if not needed and name in ("summaries", "tests"):
            raise UserError(f"{Path(folder) / name}.csv: no reported values")
    reported = (*rows["summaries"], *rows["ranges"], *(_as_summary(row) for row in rows["registry_baseline"]))
    summaries = [dict(row) for row in reported if row["group"] not in design.other_groups]
    for reading in design.readings:
        hits = [
            row
            for row in summaries
            if (row["outcome"], row["visit"], row["group"]) == (reading["outcome"], reading["visit"], reading["group"])
            and row[reading["field"]] == reading["printed"]
        ]
        if not hits:
            raise UserError(f"reading of {reading['outcome']} {reading['printed']}: no reported row has it")
        for row in hits:
            row[reading["field"]] = reading["read_as"]
    return Targets(tuple(summaries), tuple(rows["tests"]))


def _as_summary(row: Row) -> Row:
    """Return a mean with its standard deviation in the columns of a summary."""
    return {**row, "center": row["value"], "lower": row["spread"], "upper": "", "marker": "", "stratum": "all"}


def constraints_on(
    targets: Targets, design: Design, enrolment: Enrolment, outcome: str, visit: str, items: np.ndarray
) -> tuple[Constraint, ...]:
    """Return the constraints on one column; their items count positions within ``items`` (participants)."""
    edges = visit == "baseline" and design.decimals_of(outcome, targets) == 0
    found: dict[tuple, Constraint] = {}

    def members(marker: str, stratum: str, group: str) -> np.ndarray:
        return np.flatnonzero(enrolment.members(marker, stratum, group)[items])

    def add(key: tuple, constraint: Constraint) -> None:
        if constraint.items.size == 0:
            raise UserError(f"{constraint.name}: nobody has a value")
        found.setdefault(key, constraint)

    for row in targets.summaries_of(outcome, visit):
        if row["statistic"] not in (*_PROBABILITIES, "mean_sd"):
            continue
        where = members(row["marker"], row["stratum"], row["group"])
        if row["n"] and int(row["n"]) != where.size:
            raise UserError(f"{_name(row)}: n = {where.size}, reported {row['n']}")
        if row["statistic"] == "mean_sd":
            for kind, field in (("mean", "center"), ("sd", "lower")):
                name = f"{_name(row)}, {kind} = {row[field]}"
                low, high = printed_window(row[field])
                add((kind, row["group"], row[field]), Moment(name, where, kind, low, high, float(row["lower"])))
            continue
        limits = sorted(float(row[field]) for field in ("lower", "upper"))
        scale = max((limits[1] - limits[0]) / (4 if row["statistic"] == "median_iqr" else 16), 1e-9)
        for field, probability in _PROBABILITIES[row["statistic"]]:
            low, high = printed_window(row[field], edges=edges)
            if row["statistic"] == "range" and Decimal(row[field]) == int(Decimal(row[field])):
                low, high = max(low, float(row[field])), high  # an age of 62 is 62.0 or more, and is reported as 62
            name = f"{_name(row)}, quantile {probability:g} = {row[field]}"
            add(
                ("quantile", row["marker"], row["stratum"], row["group"], probability, row[field]),
                Quantile(name, where, probability, low, high, scale),
            )
    for row in targets.tests_of(outcome, visit):
        if row["test"] != "rank_sum":
            continue
        first, second = (members(row["marker"], *side) for side in _sides(row))
        key = (row["marker"], row["stratum"], row["contrast"], row["p_relation"], row["p"])
        for name, printed_n in (("n_d_q", first.size), ("n_control", second.size)):
            if row[name] and int(row[name]) != printed_n:
                raise UserError(f"{_name(row)}: {name} = {printed_n}, reported {row[name]}")
        sign = effect_sign(row)
        title = f"{_name(row)}, {row['contrast']}"
        windows = tuple(z_windows(row["p"], row["p_relation"], sign))
        add(("rank_sum", *key), RankSum(f"{title}, P {row['p_relation']} {row['p']}", first, second, windows))
        if row["effect"]:
            low, high = printed_window(row["effect"].replace("+", ""))
            title = f"{title}, difference of medians {row['effect']}"
            add(("difference", *key[:3]), MedianDifference(title, first, second, low, high, 10.0))
        elif sign:
            low, high = (_APART, np.inf) if sign > 0 else (-np.inf, -_APART)
            title = f"{title}, sign of the difference of medians"
            add(("difference", *key[:3]), MedianDifference(title, first, second, low, high, 10.0))
    return tuple(found.values())


def _sides(row: Row) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return (stratum, group) of the first and of the second side of a contrast."""
    first, second = row["contrast"].split(" - ")
    if " vs " in row["stratum"]:
        return (first, "all"), (second, "all")
    return (row["stratum"], first), (row["stratum"], second)


def effect_sign(row: Row) -> int:
    """Return the reported direction of a test: 1, -1, or 0 where none is reported."""
    if row["effect"]:
        return -1 if row["effect"].startswith("-") else 1
    return {"negative": -1, "positive": 1}.get(row.get("direction", ""), 0)


def _name(row: Row) -> str:
    parts = [row["locator"], row["outcome"], row["visit"]]
    if row["marker"]:
        parts.append(f"{row['stratum']} by {row['marker']}")
    parts.append(row.get("group", ""))
    return " ".join(part for part in parts if part)
