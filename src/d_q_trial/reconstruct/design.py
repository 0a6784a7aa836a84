"""Read what a synthetic cohort needs to know beside the reported values: absences, recorded decimals, starting shapes."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, NotRequired

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator
from typing_extensions import TypedDict

from ..config.yaml_files import read_yaml, validated
from ..errors import UserError, nearest

_STRICT = ConfigDict(extra="forbid")


def _fraction(value: Any) -> Fraction:
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise ValueError("expected a fraction such as 2/3") from None


def _ascending(values: list[float]) -> list[float]:
    if sorted(values) != values:
        raise ValueError(f"{values}, expected ascending numbers")
    return values


Pair = Annotated[list[float], Field(min_length=2, max_length=2), BeforeValidator(_ascending)]
Counts = Annotated[list[int], Field(min_length=2, max_length=2), BeforeValidator(_ascending)]
Knots = Annotated[list[float], Field(min_length=5, max_length=5), BeforeValidator(_ascending)]
Decimals = Annotated[int, Field(ge=0, le=9)]


class MarkerDesign(TypedDict):
    """How a marker divides the participants, and its correlation with age."""

    __pydantic_config__ = _STRICT
    upper: dict[str, Counts]
    upper_total: NotRequired[PositiveInt]
    tie_at_cut: bool
    spearman_with_age: Annotated[list[str], Field(min_length=2, max_length=2)]
    typical: PositiveFloat
    spread: PositiveFloat


class Absence(TypedDict):
    """Participants of one kind who have no value for something."""

    __pydantic_config__ = _STRICT
    arm: str
    strata: dict[str, str]
    number: NotRequired[PositiveInt]
    why: str
    missing: dict[str, list[str]]


class Reading(TypedDict):
    """A reported value that is read otherwise."""

    __pydantic_config__ = _STRICT
    outcome: str
    visit: str
    group: str
    field: str
    printed: str
    read_as: str
    why: str


class Proteins(TypedDict):
    """Recorded decimals of the SASP proteins."""

    __pydantic_config__ = _STRICT
    finest_step: PositiveFloat
    most_decimals: Decimals


class Changes(TypedDict):
    """What the score of a follow-up is made of."""

    __pydantic_config__ = _STRICT
    shared_by_visits: Annotated[float, Field(ge=0, le=1)]
    against_baseline: float


class Population(TypedDict):
    """The population sample."""

    __pydantic_config__ = _STRICT
    ages: list[tuple[PositiveInt, float, float]]
    slope_per_decade: dict[str, float]


class Design(BaseModel):
    """What a synthetic cohort needs to know beside the reported values; the keys are those of the file."""

    model_config = ConfigDict(extra="forbid")

    seed: Annotated[int, Field(ge=0)]
    label: str
    read_me: str  # of the workbook, with places for label, seed, cut, readings and absences
    trial: str
    arms: dict[str, PositiveInt]
    cut: Annotated[Any, BeforeValidator(_fraction)]
    markers: dict[str, MarkerDesign]
    marker_decimals: Decimals
    marker_loading: Annotated[float, Field(ge=0, le=1)]
    overlap: dict[str, Counts]
    absences: list[Absence]
    counts: list[tuple[str, str, str, str, str, int]]
    readings: list[Reading]
    not_recomputable: list[str]
    other_groups: list[str]
    decimals: dict[str, Decimals]
    sasp: Proteins
    extremes: dict[str, Pair]
    height: Pair
    shapes: dict[str, dict[str, dict[str, Knots]]]
    loadings: dict[str, dict[str, float]]
    changes: Changes
    population: Population
    outcomes: dict[str, dict[str, Any]]  # of the trial file: label, unit, family, follow_up
    trial_markers: dict[str, dict[str, Any]]

    @model_validator(mode="after")
    def _names(self) -> Design:
        """Check that every outcome, arm and marker that is named exists."""
        outcomes = [*self.decimals, *self.extremes, *self.shapes]
        outcomes += [count[0] for count in self.counts] + [reading["outcome"] for reading in self.readings]
        arms = [*self.overlap, *(gone["arm"] for gone in self.absences)]
        arms += [arm for visits in self.shapes.values() for shape in visits.values() for arm in shape]
        arms += [arm for marker in self.markers.values() for arm in marker["upper"]]
        markers = [*self.population["slope_per_decade"], *(m for gone in self.absences for m in gone["strata"])]
        for kind, named, known in (
            ("outcome", outcomes, self.outcomes),
            ("arm", arms, self.arms),
            ("marker", markers, self.markers),
            ("marker", self.markers, self.trial_markers),
        ):
            for name in named:
                if name not in known:
                    raise ValueError(f"unknown {kind} {name!r}{nearest(name, known)}")
        return self

    def family(self, outcome: str) -> str:
        """Return the family of an outcome (turnover, bmd, sasp, ...)."""
        return self.outcomes[outcome]["family"]

    def visits(self, outcome: str) -> list[str]:
        """Return the follow-up visits of an outcome."""
        return self.outcomes[outcome].get("follow_up", [])

    def decimals_of(self, outcome: str, targets) -> int:
        """Return the recorded decimals of an outcome; SASP proteins get theirs from the size of their median."""
        if outcome in self.decimals:
            return self.decimals[outcome]
        rows = targets.summaries_of(outcome, "baseline")
        if not rows:
            raise UserError(f"{outcome}: no reported baseline and no recorded decimals")
        shown = max(int(row["decimals"]) for row in rows)
        smallest = min(float(row["center"]) for row in rows)
        needed = math.ceil(-math.log10(self.sasp["finest_step"] * smallest))
        return min(max(shown, needed, 0), self.sasp["most_decimals"])

    def loading(self, outcome: str) -> dict[str, float]:
        """Return the loadings of an outcome on shared factors; those of its family if it has none of its own."""
        return self.loadings.get(outcome, self.loadings.get(self.family(outcome), {}))


def read_design(path: Path | str) -> Design:
    """Read a design and the outcomes of the trial file that it names.

    Raises
    ------
    UserError
        Naming what is unknown, missing or of the wrong kind.
    """
    path = Path(path)
    given = read_yaml(path)
    trial = str(given.get("trial", ""))
    trial_path = next(
        (folder / trial for folder in (Path(), *path.resolve().parents) if trial and (folder / trial).is_file()), None
    )
    if trial_path is None:
        raise UserError(f"{path}: trial file {trial!r} not found")
    described = read_yaml(trial_path)
    named = {"outcomes": described.get("outcomes"), "trial_markers": described.get("markers")}
    return validated(Design, given | named, path)
