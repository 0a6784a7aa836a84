"""Read the design of a synthetic cohort and draw its participants: arms, strata, missing visits and latent factors."""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.random import Generator
from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ..config.types import Pair, StrictModel, must_ascend
from ..config.yaml_files import read_yaml, validate_content
from ..errors import UserError
from ..published_tables import Row
from ..trial import BASELINE, ArmKey, MarkerKey, OutcomeKey, Trial, VisitKey

Counts = Annotated[list[int], Field(min_length=2, max_length=2), AfterValidator(must_ascend)]
Knots = Annotated[list[float], Field(min_length=5, max_length=5), AfterValidator(must_ascend)]
Share = Annotated[float, Field(ge=0, le=1)]


class MarkerDesign(StrictModel):
    """Strata sizes of a marker, the distribution of its values, and its correlation with age."""

    upper: PositiveInt  # participants in the upper stratum
    upper_control: Counts  # the fewest and the most of them in the control arm
    tie_at_cut: bool
    spearman_with_age: Pair
    typical: PositiveFloat
    spread: PositiveFloat


class Absence(StrictModel):
    """Participants with missing values: their arm, strata and number, and the missed visits by outcome or family."""

    arm: ArmKey
    strata: dict[MarkerKey, str]
    number: PositiveInt = 1
    why: str
    missing: dict[str, list[str]]


class Ties(StrictModel):
    """Tied changes without which a reported P-value cannot occur: the size of the largest tie, and further pairs."""

    run: PositiveInt
    pairs: NonNegativeInt


class Design(StrictModel):
    """Assumptions of a synthetic cohort beyond the reported values; the fields are the keys of the design file."""

    trial: Trial
    seed: NonNegativeInt
    label: str
    read_me: str  # of the workbook, with placeholders for label, seed, cut and absences
    codebook: dict[str, str]  # meaning of the columns ID, Arm and Marker
    arms: dict[ArmKey, PositiveInt]
    markers: dict[MarkerKey, MarkerDesign]
    marker_decimals: NonNegativeInt
    marker_loading: Share
    overlap: dict[ArmKey, Counts]
    absences: list[Absence]
    decimals: dict[OutcomeKey, NonNegativeInt]
    ties: dict[OutcomeKey, dict[VisitKey, Ties]]
    extremes: dict[OutcomeKey, Pair]
    height: Pair
    shapes: dict[OutcomeKey, dict[VisitKey, dict[ArmKey, Knots]]]
    loadings: dict[str, dict[str, float]]
    shared_by_visits: Share
    against_baseline: float
    population_ages: list[list[float]]  # number of people, youngest and oldest age in each age group
    population_slopes: dict[MarkerKey, float]  # of a marker's logarithm, per decade of age

    @model_validator(mode="after")
    def _require_decimals(self) -> Self:
        for name in self.continuous:
            if name not in self.decimals:
                raise ValueError(f"decimals.{name}: this key is missing")
        return self

    @property
    def continuous(self) -> list[str]:
        """The keys of the continuous outcomes."""
        return [key for key, outcome in self.trial.outcomes.items() if outcome.kind == "continuous"]


def read_design(path: Path | str, trial: Trial) -> Design:
    """Read the design file of a trial; UserError names a key or value that is unknown, missing or of the wrong type."""
    return validate_content(Design, read_yaml(path) | {"trial": trial}, path, trial)


# Rows of the reported tables by outcome and visit, with suspect values replaced.
Targets = dict[tuple[str, str], list[Row]]
Group = tuple[str, str, str]  # marker, stratum, arm


@dataclass
class Cohort:
    """The participants of one cohort; arrays have shape (n,), except in the population sample.

    A cell is a recorded value as an integer in units of its last decimal: 123 is 1.23 if the design has 2 ``decimals``.
    """

    design: Design
    targets: Targets
    seed: int
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

    def draw_scores(self, outcome: str, rng: Generator) -> np.ndarray:
        """Draw latent scores: factors weighted by the loadings of the outcome or its family, plus a unique factor."""
        loadings = self.design.loadings
        loading = loadings.get(outcome, loadings.get(self.design.trial.outcomes[outcome].family, {}))
        unique_weight = max(0.0, 1.0 - sum(weight**2 for weight in loading.values())) ** 0.5
        unique = unique_weight * rng.standard_normal(self.arm.size)
        return sum((weight * self.factors[name] for name, weight in loading.items()), unique)


def draw_participants(design: Design, targets: Targets, seed: int, rng: Generator) -> Cohort:
    """Draw arms, strata and absences in the numbers of the design; participant order and marker overlap are random."""
    arm = rng.permutation(np.concatenate([np.full(n, key, dtype=object) for key, n in design.arms.items()]))
    control, treated = design.trial.arms.control.key, design.trial.arms.treated.key
    upper_sizes = []  # number in the upper stratum of each marker, by arm
    for marker in design.markers.values():
        n_control = int(rng.integers(*marker.upper_control, endpoint=True))
        upper_sizes.append({control: n_control, treated: marker.upper - n_control})
    first_upper, second_upper = (np.full(arm.size, False) for _ in design.markers)
    for key in design.arms:
        members = rng.permutation(np.flatnonzero(arm == key))
        n_both = int(rng.integers(*design.overlap[key], endpoint=True))
        n_first, n_second = (sizes[key] for sizes in upper_sizes)
        first_upper[members[:n_first]] = True
        second_upper[members[:n_both]] = second_upper[members[n_first : n_first + n_second - n_both]] = True
    lower_label, upper_label = design.trial.stratum_labels
    strata = {}
    for key, in_upper in zip(design.markers, (first_upper, second_upper), strict=True):
        strata |= {(key, lower_label): ~in_upper, (key, upper_label): in_upper}
    factor_names = sorted({name for loading in design.loadings.values() for name in loading})
    cohort = Cohort(design, targets, seed, arm, strata, {name: rng.standard_normal(arm.size) for name in factor_names})
    already_absent = np.full(arm.size, False)
    for absence in design.absences:
        eligible = ~already_absent & cohort.members("", "", absence.arm)
        for marker, stratum in absence.strata.items():
            eligible &= cohort.members(marker, stratum, "")
        candidates = rng.permutation(np.flatnonzero(eligible))
        if candidates.size < absence.number:
            raise UserError(f"absence ({absence.why}): {candidates.size} participants fit, {absence.number} needed")
        absentees = candidates[: absence.number]
        already_absent[absentees] = True
        for key, outcome in design.trial.outcomes.items():
            for visit in absence.missing.get(key, absence.missing.get(outcome.family, [])):
                cohort.absent[key, visit].extend(absentees)
    return cohort
