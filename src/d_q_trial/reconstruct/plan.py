"""The trial's side of a reconstruction, read from a YAML file: who left, recorded decimals, shapes, soft goals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import UserError, nearest
from ..yaml_files import read_yaml


@dataclass(frozen=True)
class Plan:
    """What a synthetic cohort needs to know beside the printed rows; the keys are those of the file."""

    seed: int
    label: str
    trial: str
    arms: dict[str, int]
    cut: Fraction
    markers: dict[str, dict[str, Any]]
    marker_decimals: int
    marker_loading: float
    overlap: dict[str, list[int]]
    absences: list[dict[str, Any]]
    counts: list[list[Any]]
    readings: list[dict[str, str]]
    not_recomputable: list[str]
    other_groups: list[str]
    decimals: dict[str, int]
    sasp: dict[str, Any]
    extremes: dict[str, list[float]]
    height: list[float]
    shapes: dict[str, dict[str, dict[str, list[float]]]]
    loadings: dict[str, dict[str, float]]
    changes: dict[str, float]
    population: dict[str, Any]
    outcomes: dict[str, dict[str, Any]]  # of the trial file: label, unit, family, follow_up
    trial_markers: dict[str, dict[str, Any]]

    def family(self, outcome: str) -> str:
        """Return the family of an outcome (turnover, bmd, sasp, ...)."""
        return self.outcomes[outcome]["family"]

    def visits(self, outcome: str) -> list[str]:
        """Return the follow-up visits of an outcome."""
        return self.outcomes[outcome].get("follow_up", [])

    def decimals_of(self, outcome: str, printed) -> int:
        """Return the recorded decimals of an outcome; SASP proteins get theirs from the size of their median."""
        if outcome in self.decimals:
            return self.decimals[outcome]
        if outcome in self.sasp["decimals"]:
            return self.sasp["decimals"][outcome]
        rows = printed.summaries_of(outcome, "baseline")
        if not rows:
            raise UserError(f"{outcome}: no printed baseline and no recorded decimals")
        shown = max(int(row["decimals"]) for row in rows)
        smallest = min(float(row["center"]) for row in rows)
        needed = math.ceil(-math.log10(self.sasp["finest_step"] * smallest))
        return min(max(shown, needed, 0), self.sasp["most_decimals"])

    def loading(self, outcome: str) -> dict[str, float]:
        """Return the loadings of an outcome on shared factors; those of its family if it has none of its own."""
        return self.loadings.get(outcome, self.loadings.get(self.family(outcome), {}))


def read_plan(path: Path | str) -> Plan:
    """Read the plan and the outcomes of the trial file that it names."""
    path = Path(path)
    given = read_yaml(path)
    known = set(Plan.__dataclass_fields__) - {"outcomes", "trial_markers"}
    for key in given:
        if key not in known:
            raise UserError(f"{path}: unknown key {key!r}{nearest(key, known)}")
    for key in sorted(known - set(given)):
        raise UserError(f"{path}: {key!r} is missing")
    trial_path = next(
        (folder / given["trial"] for folder in (Path(), *path.resolve().parents) if (folder / given["trial"]).exists()),
        None,
    )
    if trial_path is None:
        raise UserError(f"{path}: trial file {given['trial']!r} not found")
    trial = read_yaml(trial_path)
    given["cut"] = Fraction(str(given["cut"]))
    return Plan(**given, outcomes=trial["outcomes"], trial_markers=trial["markers"])
