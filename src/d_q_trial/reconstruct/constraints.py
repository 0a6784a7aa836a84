"""Turn the reported values of data/published into constraints on one column: quantiles, moments, differences, tests.

A constraint measures its distance from being met (``gap``; 0 = met) and picks an item to move (``pick_item``).
Items are positions in the column; a column is an array of float, shape (n,).
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.random import Generator

from ..errors import UserError
from ..published_tables import SUMMARIES, Row, parse_number, read_published_table
from ..trial import BASELINE
from .design import Cohort, Design, Group, Targets

# Added to the gap of every missed constraint, so that the search does not accept a near miss.
_MISS_PENALTY = 0.02
# The smallest difference, in reported units, of medians that the article calls lower or higher without a number.
_SMALLEST_DIFFERENCE = 1.0
_PROBABILITIES = {"minimum": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "maximum": 1.0}
_MOMENTS: dict[str, Callable[..., float]] = {"mean": np.mean, "sd": partial(np.std, ddof=1)}
# The distance that counts as 1 is the reported range (of the quartiles or of all values) or SD divided by this number.
_DIVISORS = {"median_iqr": 4, "median_range": 16, "range": 16, "mean_sd": 4}
Window = tuple[float, float]


def rounding_window(reported: str, *, edges: bool = False) -> Window:
    """Return the interval of values that round to ``reported``, half to even or half up.

    Its edges (x.5 of the last digit) are excluded, because there the outcome depends on floating-point error. With
    ``edges``, for positive numbers, an edge that one of the two rules rounds to ``reported`` is included.
    """
    number = parse_number(reported)
    margin = 5e-5 * number.unit
    low_margin = 0.0 if edges else margin
    high_margin = 0.0 if edges and int(number.text[-1]) % 2 == 0 else margin
    return round(number.low + low_margin, number.decimals + 6), round(number.high - high_margin, number.decimals + 6)


def z_windows(reported: str, relation: str, sign: int = 0) -> tuple[Window, ...]:
    """Return the intervals of z that give a two-sided normal P as reported.

    ``relation``: "=" (P rounds to ``reported``), ">" or "<" (a bound). ``sign``: +1 or -1 allows one side only.
    """
    bound = parse_number(reported).value
    p_limits = {"=": rounding_window(reported), ">": (bound * 1.001, 1.0), "<": (0.0, bound * 0.999)}[relation[0]]
    high, low = (-NormalDist().inv_cdf(min(p, 1.0) / 2) if p > 0 else math.inf for p in p_limits)
    positive, negative = (low, high), (-high, -low)
    return {0: (positive, negative), 1: (positive,), -1: (negative,)}[sign]


def rank_sum_z(first: np.ndarray, second: np.ndarray) -> float:
    """Return z of the rank-sum test: tie-corrected normal approximation, no continuity correction."""
    values, pairs = np.concatenate([first, second]), first.size * second.size
    n, tied = values.size, (values[:, None] == values).sum(axis=1)  # how many values equal each
    variance = pairs / 12 * (n + 1 - (tied**2 - 1).sum() / (n * (n - 1)))
    excess = np.sign(first[:, None] - second).sum() / 2  # U minus its expectation
    return excess / math.sqrt(variance) if variance > 0 else 0.0


@dataclass(frozen=True)
class Constraint:
    """A statistic of one or two groups of items must lie within one of several windows."""

    name: str
    groups: tuple[np.ndarray, ...]
    windows: tuple[Window, ...]
    statistic: Callable[..., float]
    scale: float = 1.0  # the distance from a window that counts as 1

    @cached_property
    def items(self) -> np.ndarray:
        """The items of all groups."""
        return np.concatenate(self.groups)

    def value(self, column: np.ndarray) -> float:
        """Return the statistic."""
        return float(self.statistic(*(column[group] for group in self.groups)))

    def gap(self, column: np.ndarray) -> float:
        """Return the distance from the nearest window in units of ``scale``, plus a penalty; 0 within a window."""
        value = self.value(column)
        distance = min(max(low - value, value - high, 0.0) for low, high in self.windows)
        return distance / self.scale + _MISS_PENALTY if distance else 0.0

    def pick_item(self, column: np.ndarray, rng: Generator) -> int:
        """Return a random item whose value may change the statistic; by default any item."""
        return self.items[rng.integers(self.items.size)]


@dataclass(frozen=True)
class MedianDifference(Constraint):
    """The difference of the medians of two groups."""

    statistic: Callable[..., float] = lambda first, second: np.median(first) - np.median(second)

    def pick_item(self, column: np.ndarray, rng: Generator) -> int:
        """Return a random item near the median of either group."""
        group = self.groups[0 if rng.integers(2) else 1]
        order = np.argsort(column[group], kind="stable")
        rank = (order.size - 1) // 2 + rng.integers(-1, 3)
        return group[order[min(max(rank, 0), order.size - 1)]]


@dataclass(frozen=True)
class Quantile(Constraint):
    """The type 7 quantile of one group."""

    statistic: Callable[..., float] = np.quantile
    probability: float = 0.5

    def neighbours(self, column: np.ndarray) -> tuple[int, int, float]:
        """Return the items below and above the quantile, and the weight of the upper: 0 if it is one item's value."""
        (group,) = self.groups
        order = np.argsort(column[group], kind="stable")
        rank = (order.size - 1) * self.probability
        below = int(rank)
        return group[order[below]], group[order[min(below + 1, order.size - 1)]], rank - below

    def value(self, column: np.ndarray) -> float:  # noqa: D102
        lower, upper, weight = self.neighbours(column)
        return float(column[lower] + weight * (column[upper] - column[lower]))

    def pick_item(self, column: np.ndarray, rng: Generator) -> int:  # noqa: D102
        return self.neighbours(column)[rng.integers(2)]

    def value_to_meet(self, column: np.ndarray, item: int, rng: Generator) -> float | None:
        """Return a value of ``item`` that puts the quantile into its window if the order stays; None if none does."""
        lower, upper, weight = self.neighbours(column)
        low, high = self.windows[0]
        target = low + rng.random() * (high - low)
        if column[item] == column[lower]:
            return (target - weight * column[upper]) / (1 - weight)
        if weight and column[item] == column[upper]:
            return (target - (1 - weight) * column[lower]) / weight
        return None


def read_targets(folder: Path | str, design: Design) -> Targets:
    """Read the reported values of the trial's outcomes and of the design's arms; other rows are ignored.

    A suspect value is read as the value that ``suspect_values.csv`` gives instead.
    """
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
    for suspect in read_published_table(folder, "suspect_values"):
        outcome, visit, arm, reported = (suspect[name] for name in ("outcome", "visit", "arm", "reported"))
        rows = [row for row in targets[outcome, visit] if row.get("group") == arm and reported in row.values()]
        if not rows:
            raise UserError(f"{folder}/suspect_values.csv: {reported} is not reported of {outcome} {visit} {arm}")
        for row in rows:
            row |= {name: suspect["instead"] for name, text in row.items() if text == reported}
    return targets


def row_groups(row: Row) -> list[Group]:
    """Return the group that a row summarises, or the two groups that a test compares."""
    if "contrast" not in row:
        return [(row["marker"], row["stratum"], row["group"])]
    sides = row["contrast"].split(" - ")
    return [(row["marker"], *((side, "") if " vs " in row["stratum"] else (row["stratum"], side))) for side in sides]


def check_targets(cohort: Cohort) -> None:
    """Check what every reported number is about: the measure, the visit and the number of participants."""
    for (outcome, visit), rows in cohort.targets.items():
        measured, name = cohort.measured(outcome, visit), BASELINE if visit == BASELINE else "percent_change"
        for row in rows:
            if row["measure"] != name or visit not in (BASELINE, *cohort.design.trial.outcomes[outcome].follow_up):
                raise UserError(f"{describe_row(row)}: a cohort has no {row['measure']} of {outcome} at {visit}")
            for marker, stratum, arm in row_groups(row):
                n, reported = cohort.members(marker, stratum, arm)[measured].sum(), row.get("n", row.get(f"n_{arm}"))
                if reported and int(reported) != n:
                    raise UserError(f"{describe_row(row)}: n = {n} in {arm or 'both arms'}, reported {reported}")


def build_constraints(cohort: Cohort, outcome: str, visit: str) -> tuple[Constraint, ...]:
    """Return the constraints on one column; items are positions among the participants with a value."""
    measured = cohort.measured(outcome, visit)
    # Quantiles of whole numbers may lie at the edge of the window that rounds to the reported value.
    edges = visit == BASELINE and cohort.design.decimals[outcome] == 0
    constraints: dict[tuple, Constraint] = {}  # a value that is reported twice is one constraint
    for row in cohort.targets[outcome, visit]:
        groups = row_groups(row)
        items = tuple(np.flatnonzero(cohort.members(*group)[measured]) for group in groups)
        is_test = row.get("test") == "rank_sum"
        for key, constraint in _test_constraints(row, items) if is_test else _summary_constraints(row, items, edges):
            if not all(group.size for group in items):
                raise UserError(f"{constraint.name}: no participant has a value")
            constraints.setdefault((*groups, key), constraint)
    return tuple(constraints.values())


def _test_constraints(row: Row, items: tuple[np.ndarray, ...]) -> Iterator[tuple[str, Constraint]]:
    """Yield the constraint on P and, if a direction is reported, on the difference of medians, each after its key."""
    title, sign, relation, p = f"{describe_row(row)}, ", effect_sign(row), row["p_relation"], row["p"]
    yield relation + p, Constraint(f"{title}z of P {relation} {p}", items, z_windows(p, relation, sign), rank_sum_z)
    if sign:
        any_size = (_SMALLEST_DIFFERENCE, math.inf) if sign > 0 else (-math.inf, -_SMALLEST_DIFFERENCE)
        window = rounding_window(row["effect"]) if row["effect"] else any_size
        name = f"{title}difference of medians {row['effect'] or row['direction']}"
        yield "", MedianDifference(name, items, (window,), scale=10.0)


def _summary_constraints(row: Row, items: tuple[np.ndarray, ...], edges: bool) -> Iterator[tuple[str, Constraint]]:
    """Yield the constraints on the quantiles or moments of a row, each after its key; smallest probability first."""
    if (statistic := row.get("statistic", "")) not in _DIVISORS:
        return
    numbers = {name: parse_number(row[column]) for column, name in SUMMARIES[statistic].items() if row[column]}
    values = [number.value for number in numbers.values()]
    scale = (numbers["sd"].value if "sd" in numbers else np.ptp(values or [0.0])) / _DIVISORS[statistic] or 1.0
    for name, number in sorted(numbers.items(), key=lambda item: _PROBABILITIES.get(item[0], 0.0)):
        low, high = rounding_window(number.text, edges=edges)
        if statistic == "range" and number.decimals == 0:
            low = number.value  # an age of 62 is 62.0 or more, and is reported as 62
        limits = f"{describe_row(row)}, {name} = {number.text}", items, ((low, high),)
        if name in _PROBABILITIES:
            yield name + number.text, Quantile(*limits, scale=scale, probability=_PROBABILITIES[name])
        else:
            yield name + number.text, Constraint(*limits, _MOMENTS[name], scale)


def effect_sign(row: Row) -> int:
    """Return the reported direction of a test: 1, -1, or 0 where none is reported."""
    sign = int(np.sign(parse_number(row["effect"] or "0").value))
    return sign or {"negative": -1, "positive": 1}.get(row["direction"], 0)


def describe_row(row: Row) -> str:
    """Name a reported number by its place and group."""
    stratum = f"{row['stratum']} by {row['marker']}" if row["marker"] else ""
    group = row.get("group", row.get("contrast", ""))
    return " ".join(filter(None, (row["locator"], row["outcome"], row["visit"], stratum, group)))
