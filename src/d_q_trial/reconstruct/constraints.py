"""Turn the reported values of data/published into constraints on one column: quantiles, moments, differences, tests.

A constraint measures by how much it is missed (``gap``; 0 = met) and names an item whose move may help (``lever``).
Items are positions in the column; a column is an array of float, shape (n,).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist

import numpy as np

from ..errors import UserError
from ..published_tables import read_published
from .design import Design
from .enrolment import Enrolment

Row = dict[str, str]
_NORMAL = NormalDist()
# Added to every missed constraint, so that the search does not settle for a near miss.
_MISSED = 0.02
# The least difference, in reported units, of medians that the article calls lower or higher without a number.
_APART = 1.0
_PROBABILITIES = {
    "median_iqr": (("lower", 0.25), ("center", 0.5), ("upper", 0.75)),
    "median_range": (("lower", 0.0), ("center", 0.5), ("upper", 1.0)),
    "range": (("lower", 0.0), ("upper", 1.0)),
}


def printed_window(printed: str, *, edges: bool = False) -> tuple[float, float]:
    """Return the interval of values that round to ``printed``, half to even or half up.

    The edges (x.5 of the last digit) are left out unless ``edges``: there the float of a recomputation decides.
    """
    target = Decimal(printed)
    half = Decimal(5).scaleb(min(int(target.as_tuple().exponent), 0) - 1)
    low, high = target - half, target + half
    if edges:
        digit_even = target.as_tuple().digits[-1] % 2 == 0
        closed_low = digit_even or target > 0  # half up takes the lower edge of a positive number
        closed_high = digit_even or target < 0
        margin = half * Decimal("1e-6")
        return float(low if closed_low else low + margin), float(high if closed_high else high - margin)
    margin = half * Decimal("1e-4")
    return float(low + margin), float(high - margin)


def z_windows(printed: str, relation: str, sign: int = 0) -> list[tuple[float, float]]:
    """Return the intervals of z that give a two-sided normal P as reported.

    ``relation``: "=" (P rounds to ``printed``), ">" or "<" (a bound). ``sign``: +1 or -1 allows one side only.
    """

    def z(p: float) -> float:
        return -_NORMAL.inv_cdf(p / 2) if p < 1 else 0.0

    bound = float(printed)
    if relation == "=":
        low_p, high_p = printed_window(printed)
        low, high = z(min(high_p, 1.0)), z(low_p)
    elif relation == ">":
        low, high = 0.0, z(bound * 1.001)
    elif relation == "<":
        low, high = z(bound * 0.999), math.inf
    else:
        raise ValueError(f"relation {relation!r}: expected =, > or <")
    both = [(low, high), (-high, -low)]
    return both if sign == 0 else [both[0] if sign > 0 else both[1]]


def _outside(value: float, low: float, high: float) -> float:
    return low - value if value < low else value - high if value > high else 0.0


class _Windowed:
    """A constraint whose value lies between ``low`` and ``high``."""

    weight = 1.0

    def gap(self, column: np.ndarray) -> float:
        """Return the distance from the window in units of ``scale``."""
        distance = _outside(self.value(column), self.low, self.high)
        return self.weight * distance / self.scale + _MISSED if distance else 0.0


class _TwoGroups:
    """A constraint on a ``first`` and a ``second`` group of items."""

    @property
    def items(self) -> np.ndarray:
        """Return the items of both groups."""
        return np.concatenate([self.first, self.second])


@dataclass(frozen=True)
class Quantile(_Windowed):
    """The type 7 quantile of some items lies within a window."""

    name: str
    items: np.ndarray
    probability: float
    low: float
    high: float
    scale: float

    def value(self, column: np.ndarray) -> float:
        """Return the quantile."""
        ordered = np.sort(column[self.items])
        at = (ordered.size - 1) * self.probability
        below = int(at)
        share = at - below
        return float(ordered[below] + share * (ordered[below + 1] - ordered[below]) if share else ordered[below])

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:
        """Return one of the items that the quantile is made of."""
        order = np.argsort(column[self.items], kind="stable")
        at = int((order.size - 1) * self.probability)
        return int(self.items[order[min(at + int(rng.integers(2)), order.size - 1)]])

    def aim(self, column: np.ndarray, item: int, rng: np.random.Generator) -> float | None:
        """Return the value of ``item`` that puts the quantile into its window while the order stays; None if none."""
        ordered = np.sort(column[self.items])
        at = (ordered.size - 1) * self.probability
        below = int(at)
        share = at - below
        wanted = self.low + rng.random() * (self.high - self.low) if math.isfinite(self.low + self.high) else self.low
        here = column[item]
        if here == ordered[below]:
            return float((wanted - share * ordered[below + 1]) / (1 - share)) if share else wanted
        if share and here == ordered[below + 1]:
            return float((wanted - (1 - share) * ordered[below]) / share)
        return None

    def pair(self, column: np.ndarray) -> tuple[int, int, float] | None:
        """Return the two items that the quantile lies between and the weight of the upper; None if it is one item."""
        order = np.argsort(column[self.items], kind="stable")
        at = (order.size - 1) * self.probability
        below = int(at)
        if at == below:
            return None
        return int(self.items[order[below]]), int(self.items[order[below + 1]]), at - below


@dataclass(frozen=True)
class Moment(_Windowed):
    """The mean or the standard deviation (n - 1) of some items lies within a window."""

    name: str
    items: np.ndarray
    kind: str  # "mean" or "sd"
    low: float
    high: float
    scale: float
    weight = 4.0

    def value(self, column: np.ndarray) -> float:
        """Return the mean or the standard deviation."""
        values = column[self.items]
        return float(values.mean() if self.kind == "mean" else values.std(ddof=1))

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:
        """Return any item."""
        return int(self.items[int(rng.integers(self.items.size))])


@dataclass(frozen=True)
class MedianDifference(_Windowed, _TwoGroups):
    """The difference of two medians, first minus second, lies within a window."""

    name: str
    first: np.ndarray
    second: np.ndarray
    low: float
    high: float
    scale: float

    def value(self, column: np.ndarray) -> float:
        """Return the difference."""
        return float(np.median(column[self.first]) - np.median(column[self.second]))

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:
        """Return one of the items in the middle of either group."""
        group = self.first if rng.integers(2) else self.second
        order = np.argsort(column[group], kind="stable")
        at = (order.size - 1) // 2 + int(rng.integers(-1, 3))
        return int(group[order[min(max(at, 0), order.size - 1)]])


@dataclass(frozen=True)
class RankSum(_TwoGroups):
    """z of the rank-sum test (tie-corrected normal approximation, no continuity correction) lies in a window."""

    name: str
    first: np.ndarray
    second: np.ndarray
    windows: tuple[tuple[float, float], ...]

    def value(self, column: np.ndarray) -> float:
        """Return z."""
        first, second = column[self.first], column[self.second]
        above = first[:, None] - second[None, :]
        u = np.count_nonzero(above > 0) + 0.5 * np.count_nonzero(above == 0)
        n1, n2 = first.size, second.size
        n = n1 + n2
        ordered = np.sort(np.concatenate([first, second]))
        new = np.flatnonzero(ordered[1:] != ordered[:-1])
        ties = 0.0
        if new.size < n - 1:
            runs = np.diff(np.concatenate([[-1], new, [n - 1]])).astype(float)
            ties = float(np.sum(runs**3 - runs))
        variance = n1 * n2 / 12 * (n + 1 - ties / (n * (n - 1)))
        return (u - n1 * n2 / 2) / math.sqrt(variance) if variance > 0 else 0.0

    def gap(self, column: np.ndarray) -> float:
        """Return the distance of z from the nearest window."""
        z = self.value(column)
        distance = min(_outside(z, low, high) for low, high in self.windows)
        return distance + _MISSED if distance else 0.0

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:
        """Return any item."""
        at = int(rng.integers(self.first.size + self.second.size))
        return int(self.first[at] if at < self.first.size else self.second[at - self.first.size])

    def ties_needed(self) -> tuple[float, float] | None:
        """Return the least and most sum of t^3 - t that a whole-number U needs for z to fall into a window.

        None where some U, whole or half, gives it with no tie or a single pair.
        """
        n1, n2 = self.first.size, self.second.size
        n, middle = n1 + n2, n1 * n2 / 2
        windows = [(low, high) for low, high in self.windows if high > 0]
        best = None
        for twice in range(2 * n1 * n2 + 1):
            distance = abs(twice / 2 - middle)
            for low, high in windows:
                # variance = n1 n2 / 12 (n + 1 - ties / (n (n - 1))) has to give low <= distance / sd <= high
                least, most = (
                    n * (n - 1) * (n + 1 - 12 / (n1 * n2) * (distance / z) ** 2) if z else -math.inf
                    for z in (low, high)
                )
                if (twice % 2 and least <= 6 <= most) or least <= 0 <= most:
                    return None
                if twice % 2 == 0 and least > 0 and (best is None or least < best[0]):
                    best = (least, most)
        return best


Constraint = Quantile | Moment | MedianDifference | RankSum


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
