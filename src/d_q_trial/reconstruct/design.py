"""What a synthetic cohort must agree with: its design, the reported values, and the constraints on each column."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any, Self

import numpy as np
from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ..config.validation import Pair, StrictModel, must_ascend, read_yaml, validate_content
from ..errors import UserError
from ..published_tables import SUMMARIES, parse_number, read_published_table
from ..trial import BASELINE, ArmKey, Decimals, FamilyKey, MarkerKey, OutcomeKey, Trial, VisitKey
from .search import Constraint, MedianDifference, Quantile, Window, rank_sum_z

# The smallest difference, in reported units, of medians that the article calls lower or higher without a number.
_SMALLEST_DIFFERENCE = 1.0
_PROBABILITIES = {"minimum": 0.0, "q1": 0.25, "median": 0.5, "q3": 0.75, "maximum": 1.0}
_MOMENTS: dict[str, Callable[..., float]] = {"mean": np.mean, "sd": partial(np.std, ddof=1)}
# The distance that counts as 1 is the reported range (of the quartiles or of all values) or SD divided by this number.
_DIVISORS = {"median_iqr": 4, "median_range": 16, "range": 16, "mean_sd": 4}
Counts = Annotated[list[NonNegativeInt], Field(min_length=2, max_length=2), AfterValidator(must_ascend)]
_Change = Annotated[float, Field(gt=-100)]
Knots = Annotated[list[_Change], Field(min_length=5, max_length=5), AfterValidator(must_ascend)]
Share = Annotated[float, Field(ge=0, le=1)]
TwoOrMore = Annotated[int, Field(ge=2)]
Range = Annotated[list[PositiveFloat], Field(min_length=2, max_length=2), AfterValidator(must_ascend)]


class MarkerDesign(StrictModel):
    """Strata sizes of a marker, the distribution of its values, and its correlation with age."""

    upper: TwoOrMore  # participants in the upper stratum
    upper_control: Counts  # the fewest and the most of them in the control arm
    tie_at_cut: bool
    spearman_with_age: Pair
    typical: PositiveFloat
    spread: PositiveFloat
    slope: float  # of its logarithm per decade of age, in the population sample


class Absence(StrictModel):
    """Participants with missing values: their arm, strata and number, and the missed visits by outcome or family."""

    arm: ArmKey
    strata: dict[MarkerKey, str]
    number: PositiveInt = 1
    why: str
    missing: dict[OutcomeKey | FamilyKey, list[VisitKey]]


class Design(StrictModel):
    """Assumptions of a synthetic cohort beyond the reported values; the fields are the keys of the design file."""

    trial: Trial
    seed: NonNegativeInt
    read_me: str  # of the workbook, with placeholders for label, seed, cut and absences
    codebook: dict[str, str]  # meaning of the columns ID, Arm and Marker
    arms: dict[ArmKey, PositiveInt]
    markers: dict[MarkerKey, MarkerDesign]
    marker_decimals: Decimals
    marker_loading: Share
    overlap: dict[ArmKey, Counts]
    absences: list[Absence]
    decimals: dict[OutcomeKey, Decimals]
    # Changes that must be tied, because a reported P cannot occur without: the size of the largest tie, further pairs.
    ties: dict[OutcomeKey, dict[VisitKey, tuple[PositiveInt, NonNegativeInt]]]
    extremes: dict[OutcomeKey, Range]
    age: OutcomeKey
    heights: list[tuple[OutcomeKey, OutcomeKey, float, float]]  # weight, BMI, lowest and highest height that they imply
    shapes: dict[OutcomeKey, dict[VisitKey, dict[ArmKey, Knots]]]
    loadings: dict[OutcomeKey | FamilyKey, dict[str, float]]
    shared_by_visits: Share
    against_baseline: float
    population_ages: list[tuple[TwoOrMore, float, float]]  # people, youngest and oldest age in each age group

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if len(self.trial.stratum_labels) != 2:
            raise ValueError("a cohort needs a trial with two 'stratum_labels'")
        arms = self.trial.analysed_arms
        required = {"decimals": self.continuous, "arms": arms, "overlap": arms, "codebook": ("ID", "Arm", "Marker")}
        for name, key in ((name, key) for name, keys in required.items() for key in keys):
            if key not in getattr(self, name):
                raise ValueError(f"{name}.{key}: this key is missing")
        for name, visits in [*self.ties.items(), *self.shapes.items()]:
            for visit in visits:
                if visit not in self.trial.outcomes[name].follow_up:
                    raise ValueError(f"{name}.{visit}: the trial has no change of {name} at {visit}")
        return self

    @property
    def continuous(self) -> list[str]:
        """The keys of the continuous outcomes."""
        return [key for key, outcome in self.trial.outcomes.items() if outcome.kind == "continuous"]

    def for_outcome(self, table: dict[str, Any], outcome: str) -> Any:
        """Return the entry of an outcome or else of its family; None without one."""
        return table.get(outcome, table.get(self.trial.outcomes[outcome].family))


def read_design(path: Path | str, trial: Trial) -> Design:
    """Read the design file of a trial; UserError names a key or value that is unknown, missing or of the wrong type."""
    return validate_content(Design, read_yaml(path) | {"trial": trial}, path, trial)


Group = tuple[str, str, str]  # marker, stratum, arm


class Target(dict[str, str]):
    """A row of a reported table; its text names its place and group."""

    def __str__(self) -> str:
        stratum = f"{self['stratum']} by {self['marker']}" if self["marker"] else ""
        group = self.get("group", self.get("contrast", ""))
        return " ".join(filter(None, (self["locator"], self["outcome"], self["visit"], stratum, group)))

    @property
    def groups(self) -> list[Group]:
        """The group that the row summarises, or the two groups that it compares."""
        if "contrast" not in self:
            return [(self["marker"], self["stratum"], self["group"])]
        sides, is_of_strata = self["contrast"].split(" - "), " vs " in self["stratum"]
        return [(self["marker"], *((side, "") if is_of_strata else (self["stratum"], side))) for side in sides]

    @property
    def sign(self) -> int:
        """The reported direction of a test: 1, -1, or 0 where none is reported."""
        sign = int(np.sign(parse_number(self["effect"] or "0").value))
        return sign or {"negative": -1, "positive": 1}.get(self["direction"], 0)


Targets = dict[tuple[str, str], list[Target]]  # by outcome and visit, with suspect values replaced


@dataclass
class Cohort:
    """The participants of one cohort; arrays have shape (n,), except in the population sample.

    A cell is a recorded value as an integer in units of its last decimal: 123 is 1.23 if the design has 2 ``decimals``.
    """

    design: Design
    targets: Targets
    read_me: str
    arm: np.ndarray  # str
    strata: dict[tuple[str, str], np.ndarray]  # (marker, stratum) -> bool
    factors: dict[str, np.ndarray]  # latent factor -> standard normal scores
    absent: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))  # positions
    cells: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)  # (outcome, visit) -> int
    markers: dict[str, np.ndarray] = field(default_factory=dict)
    population: dict[str, np.ndarray] = field(default_factory=dict)

    def members(self, marker: str, stratum: str, group: str) -> np.ndarray:
        """Return a mask of an arm ("", "all", "both arms": either) within a stratum ("", "all": any)."""
        in_arm = np.full(self.arm.size, True) if group in ("", "all", "both arms") else self.arm == group
        if stratum in ("", "all"):
            return in_arm
        if (marker, stratum) not in self.strata:
            raise UserError(f"stratum {stratum!r} by marker {marker!r}: not known")
        return in_arm & self.strata[marker, stratum]

    def values(self, outcome: str, visit: str) -> np.ndarray:
        """Return the recorded values, NaN where missing."""
        values = self.cells[outcome, visit] / 10.0 ** self.design.decimals[outcome]
        values[self.absent[outcome, visit]] = np.nan
        return values

    def measured(self, outcome: str, visit: str) -> np.ndarray:
        """Return the positions of the participants with a value at a visit and at baseline."""
        return np.delete(np.arange(self.arm.size), self.absent[outcome, visit] + self.absent[outcome, BASELINE])


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
                targets[row["outcome"], row["visit"]].append(Target(row))
    for suspect in read_published_table(folder, "suspect_values"):
        outcome, visit, arm, reported = (suspect[name] for name in ("outcome", "visit", "arm", "reported"))
        rows = [row for row in targets[outcome, visit] if row.get("group") == arm and reported in row.values()]
        if not rows:
            raise UserError(f"{folder}/suspect_values.csv: {reported} is not reported of {outcome} {visit} {arm}")
        for row in rows:
            row |= {name: suspect["instead"] for name, text in row.items() if text == reported}
    return targets


def check_targets(cohort: Cohort) -> None:
    """Check what every reported number is about: the measure, the visit and the number of participants."""
    for (outcome, visit), rows in cohort.targets.items():
        measured, name = cohort.measured(outcome, visit), BASELINE if visit == BASELINE else "percent_change"
        for row in rows:
            if row["measure"] != name or visit not in (BASELINE, *cohort.design.trial.outcomes[outcome].follow_up):
                raise UserError(f"{row}: a cohort has no {row['measure']} of {outcome} at {visit}")
            for marker, stratum, arm in row.groups:
                n, reported = cohort.members(marker, stratum, arm)[measured].sum(), row.get("n", row.get(f"n_{arm}"))
                if reported and int(reported) != n:
                    raise UserError(f"{row}: n = {n} in {arm or 'both arms'}, reported {reported}")


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


def build_constraints(cohort: Cohort, outcome: str, visit: str) -> tuple[Constraint, ...]:
    """Return the constraints on one column; items are positions among the participants with a value."""
    measured = cohort.measured(outcome, visit)
    # Quantiles of whole numbers may lie at the edge of the window that rounds to the reported value.
    edges = visit == BASELINE and cohort.design.decimals[outcome] == 0
    constraints: dict[tuple, Constraint] = {}  # a value that is reported twice is one constraint
    for row in cohort.targets[outcome, visit]:
        items = tuple(np.flatnonzero(cohort.members(*group)[measured]) for group in row.groups)
        is_test = row.get("test") == "rank_sum"
        for key, constraint in _test_constraints(row, items) if is_test else _summary_constraints(row, items, edges):
            if not all(group.size for group in items):
                raise UserError(f"{constraint.name}: no participant has a value")
            constraints.setdefault((*row.groups, key), constraint)
    return tuple(constraints.values())


def _test_constraints(row: Target, items: tuple[np.ndarray, ...]) -> Iterator[tuple[str, Constraint]]:
    """Yield the constraint on P and, if a direction is reported, on the difference of medians, each after its key."""
    sign, relation, p = row.sign, row["p_relation"], row["p"]
    yield relation + p, Constraint(f"{row}, z of P {relation} {p}", items, z_windows(p, relation, sign), rank_sum_z)
    if sign:
        any_size = (_SMALLEST_DIFFERENCE, math.inf) if sign > 0 else (-math.inf, -_SMALLEST_DIFFERENCE)
        window = rounding_window(row["effect"]) if row["effect"] else any_size
        name = f"{row}, difference of medians {row['effect'] or row['direction']}"
        yield "", MedianDifference(name, items, (window,), scale=10.0)


def _summary_constraints(row: Target, items: tuple[np.ndarray, ...], edges: bool) -> Iterator[tuple[str, Constraint]]:
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
        limits = f"{row}, {name} = {number.text}", items, ((low, high),)
        if name in _PROBABILITIES:
            yield name + number.text, Quantile(*limits, scale=scale, probability=_PROBABILITIES[name])
        else:
            yield name + number.text, Constraint(*limits, _MOMENTS[name], scale)
