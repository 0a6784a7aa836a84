"""Turn the reported values of data/published into constraints on one column: quantiles, moments, differences, tests.

A constraint measures by how much it is missed (``gap``; 0 = met) and names an item whose move may help (``lever``).
Items are positions in the column; a column is an array of float, shape (n,).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import NormalDist

import numpy as np

from ..errors import UserError
from ..published_tables import SUMMARIES, Row, parse_number, read_published_table
from ..trial import BASELINE
from .design import Cohort, Design, Targets

# Added to every missed constraint, so that the search does not settle for a near miss.
_MISSED = 0.02
# The least difference, in reported units, of medians that the article calls lower or higher without a number.
_APART = 1.0
_PROBABILITIES = {"minimum": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "maximum": 1.0}
_MOMENTS = {"mean": np.mean, "sd": partial(np.std, ddof=1)}
# The range of the quartiles of a group, or of all its values, in units of what counts as missed by one.
_PARTS = {"median_iqr": 4, "median_range": 16, "range": 16}
Window = tuple[float, float]


def rounding_window(reported: str, *, edges: bool = False) -> Window:
    """Return the interval of values that round to ``reported``, half to even or half up.

    The edges (x.5 of the last digit) are left out, because there the float of a recomputation decides; with ``edges``, for
    positive numbers, those are kept that one of the two rules rounds to ``reported``.
    """
    given = parse_number(reported)
    margin = 5e-5 * given.unit
    low = 0.0 if edges else margin
    high = 0.0 if edges and int(given.text[-1]) % 2 == 0 else margin
    return round(given.low + low, given.decimals + 6), round(given.high - high, given.decimals + 6)


def z_windows(reported: str, relation: str, sign: int = 0) -> tuple[Window, ...]:
    """Return the intervals of z that give a two-sided normal P as reported.

    ``relation``: "=" (P rounds to ``reported``), ">" or "<" (a bound). ``sign``: +1 or -1 allows one side only.
    """
    bound = float(reported)
    limits = {"=": rounding_window(reported), ">": (bound * 1.001, 1.0), "<": (0.0, bound * 0.999)}[relation[0]]
    high, low = (-NormalDist().inv_cdf(min(p, 1.0) / 2) if p > 0 else math.inf for p in limits)
    both = ((low, high), (-high, -low))
    return both if sign == 0 else both[:1] if sign > 0 else both[1:]


def rank_sum_z(first: np.ndarray, second: np.ndarray) -> float:
    """Return z of the rank-sum test: tie-corrected normal approximation, no continuity correction."""
    pairs, n = first.size * second.size, first.size + second.size
    ordered = np.sort(np.concatenate([first, second]))
    runs = np.diff(np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1], [True]])))
    ties = np.sum(runs**3 - runs)
    variance = pairs / 12 * (n + 1 - ties / (n * (n - 1)))
    excess = np.sign(first[:, None] - second).sum() / 2  # of U over its expectation
    return excess / math.sqrt(variance) if variance > 0 else 0.0


@dataclass(frozen=True)
class Constraint:
    """A statistic of one or two groups of items lies within one of some windows."""

    name: str
    groups: tuple[np.ndarray, ...]
    windows: tuple[Window, ...]
    statistic: Callable[..., float]
    scale: float = 1.0  # the distance from a window that counts as one

    @cached_property
    def items(self) -> np.ndarray:
        """The items of all groups."""
        return np.concatenate(self.groups)

    def value(self, column: np.ndarray) -> float:
        """Return the statistic."""
        return float(self.statistic(*(column[group] for group in self.groups)))

    def gap(self, column: np.ndarray) -> float:
        """Return the distance from the nearest window in units of ``scale``, and a little more; 0 within a window."""
        value = self.value(column)
        distance = min(max(low - value, value - high, 0.0) for low, high in self.windows)
        return distance / self.scale + _MISSED if distance else 0.0

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:
        """Return an item that may change the statistic: here any."""
        return self.items[rng.integers(self.items.size)]


@dataclass(frozen=True)
class MedianDifference(Constraint):
    """The difference of the medians of two groups."""

    statistic: Callable[..., float] = lambda first, second: np.median(first) - np.median(second)

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:
        """Return one of the items in the middle of either group."""
        group = self.groups[0 if rng.integers(2) else 1]
        order = np.argsort(column[group], kind="stable")
        at = (order.size - 1) // 2 + rng.integers(-1, 3)
        return group[order[min(max(at, 0), order.size - 1)]]


@dataclass(frozen=True)
class Quantile(Constraint):
    """The type 7 quantile of one group."""

    statistic: Callable[..., float] = np.quantile
    probability: float = 0.5

    def around(self, column: np.ndarray) -> tuple[int, int, float]:
        """Return the items below and above the quantile, and the weight of the upper: 0 if it is one item's value."""
        (group,) = self.groups
        order = np.argsort(column[group], kind="stable")
        at = (order.size - 1) * self.probability
        below = int(at)
        return group[order[below]], group[order[min(below + 1, order.size - 1)]], at - below

    def value(self, column: np.ndarray) -> float:  # noqa: D102
        lower, upper, share = self.around(column)
        return float(column[lower] + share * (column[upper] - column[lower]))

    def lever(self, column: np.ndarray, rng: np.random.Generator) -> int:  # noqa: D102
        return self.around(column)[rng.integers(2)]

    def aim(self, column: np.ndarray, item: int, rng: np.random.Generator) -> float | None:
        """Return the value of ``item`` that puts the quantile into its window while the order stays; None if none."""
        lower, upper, share = self.around(column)
        low, high = self.windows[0]
        wanted = low + rng.random() * (high - low)
        if column[item] == column[lower]:
            return (wanted - share * column[upper]) / (1 - share)
        if share and column[item] == column[upper]:
            return (wanted - (1 - share) * column[lower]) / share
        return None


def read_targets(folder: Path | str, design: Design) -> Targets:
    """Read the reported values, but for outcomes that the trial file does not name and for other arms and groups."""
    groups = ("", "all", "both arms", *design.arms)
    targets: Targets = defaultdict(list)
    for name in ("counts", "summaries", "ranges", "registry_baseline", "tests"):
        rows = read_published_table(folder, name)
        if not rows and name in ("summaries", "tests"):
            raise UserError(f"{Path(folder) / name}.csv: no reported values")
        for row in rows:
            if row["outcome"] in design.trial.outcomes and row.get("group", "") in groups:
                if name == "registry_baseline":  # a mean with its standard deviation, in the columns of a summary
                    row |= {"center": row["value"], "lower": row["spread"], "upper": "", "marker": "", "stratum": "all"}
                targets[row["outcome"], row["visit"]].append(row)
    for reading in design.readings:
        rows = targets[reading.outcome, reading.visit]
        wanted = {"group": reading.group, reading.field: reading.reported}.items()
        hits = [row for row in rows if wanted <= row.items()]
        if not hits:
            raise UserError(f"reading of {reading.outcome} {reading.reported}: no reported row has it")
        for row in hits:
            row[reading.field] = reading.read_as
    return targets


def groups_of(row: Row) -> list[tuple[str, str, str]]:
    """Return marker, stratum and arm of the group of a row, or of the two groups of a test."""
    if "contrast" not in row:
        return [(row["marker"], row["stratum"], row["group"])]
    sides = row["contrast"].split(" - ")
    return [(row["marker"], *((side, "") if " vs " in row["stratum"] else (row["stratum"], side))) for side in sides]


def check_counts(cohort: Cohort) -> None:
    """Check every reported number of participants."""
    for (outcome, visit), rows in cohort.targets.items():
        present = cohort.present(outcome, visit)
        for row in rows:
            for marker, stratum, group in groups_of(row):
                n, reported = cohort.members(marker, stratum, group)[present].sum(), row.get("n", row.get(f"n_{group}"))
                if reported and int(reported) != n:
                    raise UserError(f"{_name(row)}: n = {n} in {group or 'both arms'}, reported {reported}")


def constraints_on(cohort: Cohort, outcome: str, visit: str) -> tuple[Constraint, ...]:
    """Return the constraints on one column; their items count positions within the participants who have a value."""
    # Quantiles of whole numbers may lie at the edge of what rounds to the reported one.
    edges = visit == BASELINE and cohort.design.decimals[outcome] == 0
    found: dict[tuple, Constraint] = {}  # a value that is reported twice is one constraint
    present = cohort.present(outcome, visit)
    for row in cohort.targets[outcome, visit]:
        groups, title = groups_of(row), f"{_name(row)}, "
        items = tuple(np.flatnonzero(cohort.members(*group)[present]) for group in groups)
        if row.get("test") == "rank_sum":
            sign, relation, p = effect_sign(row), row["p_relation"], row["p"]
            test = Constraint(f"{title}P {relation} {p}", items, z_windows(p, relation, sign), rank_sum_z)
            found.setdefault((*groups, relation, p), test)
            if sign:
                far = (_APART, math.inf) if sign > 0 else (-math.inf, -_APART)
                window = rounding_window(row["effect"]) if row["effect"] else far
                name = f"{title}difference of medians {row['effect'] or row['direction']}"
                found.setdefault(tuple(groups), MedianDifference(name, items, (window,), scale=10.0))
        fields = SUMMARIES.get(row.get("statistic", ""), {}).items()
        for column, what in sorted(fields, key=lambda field: _PROBABILITIES.get(field[1], 0)):
            key = what, *groups, row[column]
            if what in _MOMENTS:
                windows, name = (rounding_window(row[column]),), f"{title}{what} = {row[column]}"
                found.setdefault(key, Constraint(name, items, windows, _MOMENTS[what], float(row["lower"]) / 4))
                continue
            low, high = rounding_window(row[column], edges=edges)
            if row["statistic"] == "range" and parse_number(row[column]).decimals == 0:
                low = parse_number(row[column]).value  # an age of 62 is 62.0 or more, and is reported as 62
            scale = max(abs(float(row["upper"]) - float(row["lower"])) / _PARTS[row["statistic"]], 1e-9)
            at = _PROBABILITIES[what]
            name = f"{title}quantile {at:g} = {row[column]}"
            found.setdefault(key, Quantile(name, items, ((low, high),), scale=scale, probability=at))
    for constraint in found.values():
        if constraint.items.size == 0:
            raise UserError(f"{constraint.name}: no participant has a value")
    return tuple(found.values())


def effect_sign(row: Row) -> int:
    """Return the reported direction of a test: 1, -1, or 0 where none is reported."""
    if row["effect"]:
        return -1 if row["effect"].startswith("-") else 1
    return {"negative": -1, "positive": 1}.get(row["direction"], 0)


def _name(row: Row) -> str:
    by = f"{row['stratum']} by {row['marker']}" if row["marker"] else ""
    group = row.get("group", row.get("contrast", ""))
    return " ".join(part for part in (row["locator"], row["outcome"], row["visit"], by, group) if part)
