"""Read the design of a synthetic cohort and draw its participants: arms, strata, missing visits and latent factors."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from numpy.random import Generator
from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ..config.validation import Pair, StrictModel, must_ascend, read_yaml, validate_content
from ..errors import UserError
from ..labels import fill_placeholders
from ..published_tables import Row
from ..trial import BASELINE, ArmKey, Decimals, FamilyKey, MarkerKey, OutcomeKey, Trial, VisitKey
from ..workbook.reader import SYNTHETIC

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


def draw_participants(design: Design, targets: Targets, seed: int, rng: Generator) -> Cohort:
    """Draw arms, strata and absences in the numbers of the design; participant order and marker overlap are random."""
    arm = rng.permutation(np.concatenate([np.full(n, key, dtype=object) for key, n in design.arms.items()]))
    lower_label, upper_label = design.trial.stratum_labels
    strata, n_control = {}, {}
    for name, marker in design.markers.items():
        ranks, cut = np.arange(arm.size), design.trial.cuts[0]  # of the marker's values
        ranks[-marker.upper :][: 1 + marker.tie_at_cut] = arm.size - marker.upper
        if (n_upper := (ranks >= np.quantile(ranks, float(cut))).sum()) != marker.upper:
            raise UserError(f"markers.{name}: {n_upper} values are at or above the {cut} quantile, not {marker.upper}")
        n_control[name] = int(rng.integers(*marker.upper_control, endpoint=True))
        strata[name, upper_label] = np.full(arm.size, False)
    for key in design.arms:
        members = rng.permutation(np.flatnonzero(arm == key))
        n_both, n_first = int(rng.integers(*design.overlap[key], endpoint=True)), 0
        for name, marker in design.markers.items():  # each marker after the first shares n_both participants with it
            n = n_control[name] if key == design.trial.arms.control.key else marker.upper - n_control[name]
            chosen = np.append(members[:n_both], members[n_first : n_first + n - n_both]) if n_first else members[:n]
            if np.unique(chosen).size != n:
                raise UserError(f"markers.{name}: 'upper', 'upper_control', 'overlap' and 'arms' contradict each other")
            strata[name, upper_label][chosen] = True
            n_first = n_first or n
    strata |= {(name, lower_label): ~strata[name, upper_label] for name in design.markers}
    factor_names = sorted({name for loading in design.loadings.values() for name in loading})
    factors = {name: rng.standard_normal(arm.size) for name in factor_names}
    cohort = Cohort(design, targets, _render_read_me(design, seed), arm, strata, factors)
    present = np.full(arm.size, True)
    for absence in design.absences:
        eligible = present & cohort.members("", "", absence.arm)
        for marker, stratum in absence.strata.items():
            eligible &= cohort.members(marker, stratum, "")
        candidates = rng.permutation(np.flatnonzero(eligible))
        if candidates.size < absence.number:
            raise UserError(f"absence ({absence.why}): {candidates.size} participants fit, {absence.number} needed")
        absentees = candidates[: absence.number]
        present[absentees] = False
        for outcome in design.trial.outcomes:
            for visit in design.for_outcome(absence.missing, outcome) or ():
                cohort.absent[outcome, visit].extend(absentees)
    return cohort


def _render_read_me(design: Design, seed: int) -> str:
    """Return the text of the sheet READ ME; UserError names a placeholder that is unknown."""
    absences: Counter[str] = Counter()
    for absence in design.absences:
        absences[f"{design.trial.analysed_arms[absence.arm].label}: {absence.why}"] += absence.number
    lines = "\n".join(f"{n} x {reason}" for reason, n in absences.items())
    values = {"label": SYNTHETIC, "seed": str(seed), "cut": str(design.trial.cuts[0]), "absences": lines}
    return fill_placeholders(design.read_me, values, "read_me")
