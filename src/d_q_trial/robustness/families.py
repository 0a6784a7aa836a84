"""Which specifications of a multiverse are summarized together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..trial import Trial
    from .specifications import Specifications

WHOLE = "whole multiverse"
EVERYBODY = "everybody"
SUBGROUPS = "subgroups"


@dataclass(frozen=True)
class SpecificationFamily:
    """A name, and who belongs: array of bool, shape (specifications,)."""

    name: str
    members: np.ndarray


def families_of(specifications: Specifications, trial: Trial) -> list[SpecificationFamily]:
    """List the whole multiverse; everybody and the subgroups; each marker, outcome and visit; outcomes in both places.

    A family that holds the same specifications as one before it is not listed again.
    """
    table = specifications.table
    subgroup = np.array([s.marker != "" for s in table], dtype=bool)
    places = {EVERYBODY: ~subgroup, SUBGROUPS: subgroup}
    found = {WHOLE: np.ones(len(table), dtype=bool)} | places
    for field, label in (
        ("marker", lambda key: f"{SUBGROUPS} by {trial.markers[key].label}"),
        ("outcome", lambda key: trial.outcomes[key].label),
        ("visit", lambda key: trial.visits[key].label),
    ):
        values = np.array([getattr(s, field) for s in table], dtype=object)
        for key in dict.fromkeys(value for value in values if value):
            found[label(key)] = values == key
    outcomes = np.array([s.outcome for s in table], dtype=object)
    for key in dict.fromkeys(outcomes):
        for place, members in places.items():
            found[f"{trial.outcomes[key].label}, {place}"] = members & (outcomes == key)
    distinct: dict[bytes, SpecificationFamily] = {}
    for name, members in found.items():
        if members.any():
            distinct.setdefault(members.tobytes(), SpecificationFamily(name, members))
    return list(distinct.values())
