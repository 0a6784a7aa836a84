"""Changes as a matrix, and the subgroups of participants in which the arms are compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .results_table import ALL_PARTICIPANTS, BOTH_ARMS

if TYPE_CHECKING:
    import pandas as pd

    from .trial import Trial


@dataclass(frozen=True)
class Subgroup:
    """A set of participants among whom the arms are compared: all of them, or a stratum of a marker."""

    marker: str
    stratum: str
    rows: np.ndarray  # bool, shape (participants,)


class Matrix:
    """The changes as a matrix, a row per participant and a column per outcome, measure and visit.

    Participants without ids (from panels of source data) have rows of their own, with one value each; their sheet
    states the stratum to which they belong.
    """

    def __init__(self, changes: pd.DataFrame, trial: Trial):
        self.trial = trial
        row_keys = ["participant", "arm", "marker", "stratum", "linked"]
        column_keys = ["outcome", "measure", "visit"]
        self.people = changes[row_keys].drop_duplicates().reset_index(drop=True)
        columns = changes[column_keys].drop_duplicates().reset_index(drop=True)
        row, column = (changes.groupby(keys, sort=False).ngroup().to_numpy() for keys in (row_keys, column_keys))
        self.values = np.full((len(self.people), len(columns)), np.nan)
        self.values[row, column] = changes["value"].to_numpy(float)
        self.outcome, self.measure, self.visit = (columns[key].to_numpy(object) for key in column_keys)
        self.binary = np.array([trial.outcomes[outcome].kind == "binary" for outcome in self.outcome], dtype=bool)
        self.arm = self.people["arm"].to_numpy(object)

    def all_participants(self) -> Subgroup:
        """All participants with an id, and the rows of panels that are not those of a stratum."""
        return Subgroup("", ALL_PARTICIPANTS, (self.people["linked"] | self.people["stratum"].eq("")).to_numpy(bool))

    def strata(self, strata: pd.DataFrame, labels: Iterable[str]) -> list[list[Subgroup]]:
        """Strata of every marker that has some, the lowest first."""
        people, found = self.people, []
        for marker in (m for m in self.trial.markers if m in {*strata["marker"], *people["marker"]}):
            own = strata[strata["marker"].eq(marker)].set_index("participant")["stratum"]
            stated = people["stratum"].where(people["marker"].eq(marker))
            stratum = people["participant"].map(own).where(people["linked"], stated)
            found.append([Subgroup(marker, label, stratum.eq(label).to_numpy(bool)) for label in labels])
        return found

    def arms(self, subgroup: Subgroup) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the treated and of the control arm within a subgroup, as bool of shape (participants,)."""
        treated, control = self.trial.analysed_arms
        return subgroup.rows & (self.arm == treated), subgroup.rows & (self.arm == control)

    def groups(self, subgroup: Subgroup) -> Iterator[tuple[str, np.ndarray]]:
        """Groups of a subgroup that are summarized: each arm, and both together."""
        yield from zip(self.trial.analysed_arms, self.arms(subgroup), strict=True)
        yield BOTH_ARMS, subgroup.rows
