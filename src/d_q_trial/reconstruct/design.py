"""Read the design of a synthetic cohort, and draw its participants: arms, strata, absences and latent factors."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ..config.types import Pair, Strict, must_ascend
from ..config.yaml_files import read_yaml, validate_content
from ..errors import UserError
from ..published_tables import Row
from ..trial import BASELINE, ArmKey, MarkerKey, OutcomeKey, Trial, VisitKey

Counts = Annotated[list[int], Field(min_length=2, max_length=2), AfterValidator(must_ascend)]
Knots = Annotated[list[float], Field(min_length=5, max_length=5), AfterValidator(must_ascend)]
Share = Annotated[float, Field(ge=0, le=1)]


class MarkerDesign(Strict):
    """How a marker divides the participants, how its values are distributed, and its correlation with age."""

    upper: PositiveInt  # participants in the upper stratum
    upper_control: Counts  # the fewest and the most of these in the control arm
    tie_at_cut: bool
    spearman_with_age: Pair
    typical: PositiveFloat
    spread: PositiveFloat


class Absence(Strict):
    """Participants of one kind who have no value of some outcomes (or families) at some visits."""

    arm: ArmKey
    strata: dict[MarkerKey, str]
    number: PositiveInt = 1
    why: str
    missing: dict[str, list[str]]


class Reading(Strict):
    """A reported value that is read otherwise."""

    outcome: OutcomeKey
    visit: VisitKey
    group: str
    field: str
    reported: str
    read_as: str
    why: str


class Ties(Strict):
    """Equal changes that a reported P-value needs: the length of the longest run, and further pairs."""

    run: PositiveInt
    pairs: NonNegativeInt


class Design(Strict):
    """What a synthetic cohort needs to know beside the reported values; the keys are those of the file."""

    trial: Trial
    seed: NonNegativeInt
    label: str
    read_me: str  # of the workbook, with places for label, seed, cut, readings and absences
    codebook: dict[str, str]  # meaning of the columns ID, Arm and Marker
    arms: dict[ArmKey, PositiveInt]
    markers: dict[MarkerKey, MarkerDesign]
    marker_decimals: NonNegativeInt
    marker_loading: Share
    overlap: dict[ArmKey, Counts]
    absences: list[Absence]
    readings: list[Reading]
    decimals: dict[OutcomeKey, NonNegativeInt]
    ties: dict[OutcomeKey, dict[VisitKey, Ties]]
    extremes: dict[OutcomeKey, Pair]
    height: Pair
    shapes: dict[OutcomeKey, dict[VisitKey, dict[ArmKey, Knots]]]
    loadings: dict[str, dict[str, float]]
    shared_by_visits: Share
    against_baseline: float
    population_ages: list[list[float]]  # number, youngest, oldest of each part
    population_slopes: dict[MarkerKey, float]  # of a marker's logarithm, per decade of age

    @model_validator(mode="after")
    def _complete(self) -> Design:
        for name in self.continuous:
            if name not in self.decimals:
                raise ValueError(f"decimals.{name}: this key is missing")
        return self

    @property
    def continuous(self) -> list[str]:
        """The outcomes that are measured."""
        return [key for key, outcome in self.trial.outcomes.items() if outcome.kind == "continuous"]


def read_design(path: Path | str, trial: Trial) -> Design:
    """Read the design of cohorts of a trial; UserError names what is unknown, missing or of the wrong kind."""
    return validate_content(Design, read_yaml(path) | {"trial": trial}, path, trial)


# The rows of all reported tables that participants can give, by outcome and visit, with the readings of the design applied.
Targets = dict[tuple[str, str], list[Row]]


@dataclass
class Cohort:
    """The participants of one cohort; all arrays of shape (n,), but for the population sample.

    Recorded values are whole cells; the design's ``decimals`` place the point.
    """

    design: Design
    targets: Targets
    seed: int
    arm: np.ndarray  # str
    strata: dict[tuple[str, str], np.ndarray]  # (marker, stratum) -> bool
    factors: dict[str, np.ndarray]  # latent standard normal scores
    absent: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))  # (outcome, visit)
    cells: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)  # (outcome, visit) -> int
    markers: dict[str, np.ndarray] = field(default_factory=dict)
    population: dict[str, np.ndarray] = field(default_factory=dict)

    def members(self, marker: str, stratum: str, group: str) -> np.ndarray:
        """Return which participants belong to an arm ("", "all", "both arms": to either) within a stratum, as bool."""
        chosen = np.full(self.arm.size, True) if group in ("", "all", "both arms") else self.arm == group
        if stratum in ("", "all"):
            return chosen
        if (marker, stratum) not in self.strata:
            raise UserError(f"stratum {stratum!r} by marker {marker!r}: not known")
        return chosen & self.strata[marker, stratum]

    def values(self, outcome: str, visit: str) -> np.ndarray:
        """Return recorded values; NaN where there is none."""
        column = self.cells[outcome, visit] / 10.0 ** self.design.decimals[outcome]
        column[self.absent[outcome, visit]] = np.nan
        return column

    def present(self, outcome: str, visit: str) -> np.ndarray:
        """Return the positions of the participants who have a value at a visit and at baseline."""
        return np.delete(np.arange(self.arm.size), self.absent[outcome, visit] + self.absent[outcome, BASELINE])

    def scores(self, outcome: str, rng: np.random.Generator) -> np.ndarray:
        """Return latent scores: factors by the loadings of the outcome, or of its family; the rest is its own."""
        known = self.design.loadings
        loading = known.get(outcome, known.get(self.design.trial.outcomes[outcome].family, {}))
        own = max(0.0, 1.0 - sum(weight**2 for weight in loading.values())) ** 0.5
        return sum((w * self.factors[name] for name, w in loading.items()), own * rng.standard_normal(self.arm.size))


def recruit(design: Design, targets: Targets, seed: int, rng: np.random.Generator) -> Cohort:
    """Draw arms, strata and absences as the design counts them; order and overlap of the markers are random."""
    arm = np.concatenate([np.full(n, key, dtype=object) for key, n in design.arms.items()])
    arm = arm[rng.permutation(arm.size)]
    control, treated = design.trial.arms.control.key, design.trial.arms.treated.key
    numbers = []  # in the upper stratum of each marker, by arm
    for marker in design.markers.values():
        in_control = int(rng.integers(*marker.upper_control, endpoint=True))
        numbers.append({control: in_control, treated: marker.upper - in_control})
    first, second = (np.full(arm.size, False) for _ in design.markers)
    for key in design.arms:
        members = rng.permutation(np.flatnonzero(arm == key))
        shared = int(rng.integers(*design.overlap[key], endpoint=True))
        n = numbers[0][key]
        first[members[:n]] = True
        second[members[:shared]] = second[members[n : n + numbers[1][key] - shared]] = True
    low, high = design.trial.stratum_labels
    strata = {}
    for key, inside in zip(design.markers, (first, second), strict=True):
        strata |= {(key, low): ~inside, (key, high): inside}
    names = sorted({name for loading in design.loadings.values() for name in loading})
    cohort = Cohort(design, targets, seed, arm, strata, {name: rng.standard_normal(arm.size) for name in names})
    taken = np.full(arm.size, False)
    for absence in design.absences:
        fits = ~taken & cohort.members("", "", absence.arm)
        for marker, stratum in absence.strata.items():
            fits &= cohort.members(marker, stratum, "")
        candidates = rng.permutation(np.flatnonzero(fits))
        if candidates.size < absence.number:
            raise UserError(f"absence ({absence.why}): {candidates.size} participants fit, {absence.number} needed")
        who = candidates[: absence.number]
        taken[who] = True
        for outcome, described in design.trial.outcomes.items():
            for visit in absence.missing.get(outcome, absence.missing.get(described.family, [])):
                cohort.absent[outcome, visit].extend(who)
    return cohort
