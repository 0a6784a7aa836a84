"""The tidy table of the participants, independent of the layout of the workbook."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from .errors import UserError
from .files import read_csv, read_description, write_csv, write_json
from .trial import BASELINE, Trial

TRIAL, POPULATION = "trial", "population"
VALUE, PERCENT_CHANGE = "value", "percent_change"

COLUMNS = (
    "cohort",  # trial or population
    "participant",
    "linked",  # yes: the id identifies a participant across sheets; no: generated, because the sheet has no ids
    "arm",  # key of the arm; empty in the population sample
    "marker",  # that defines the stratum, if the sheet states a stratum
    "stratum",
    "variable",  # key of an outcome or marker, or the name of a strata column
    "visit",
    "measure",  # value, or percent_change if the sheet gives changes
    "value",
    "text",  # of a categorical value
    "sheet",
    "cell",
)


@dataclass(frozen=True)
class Participants:
    """The participants of a workbook: a row of ``frame`` for each participant, variable and visit that has a value."""

    frame: pd.DataFrame  # with the columns of COLUMNS; `linked` is bool, `value` float, the others are text
    label: str | None = None  # mark of all outputs ("synthetic data ..."); None for a real workbook
    source: dict[str, Any] = field(default_factory=dict)  # as JSON: name and sha256 of the workbook, how it was read

    def write(self, folder: Path | str) -> None:
        """Write ``participants.csv`` and ``participants.json`` into a folder."""
        folder = Path(folder)
        frame = self.frame.loc[:, list(COLUMNS)].copy()
        frame["linked"] = frame["linked"].map({True: "yes", False: "no"})
        write_csv(frame, folder / "participants.csv", label=self.label)
        write_json({"label": self.label, "source": self.source}, folder / "participants.json")


def read_participants(folder: Path | str) -> Participants:
    """Read the participants written by :meth:`Participants.write`."""
    folder = Path(folder)
    frame = read_csv(folder / "participants.csv", numeric=("value",))
    if tuple(frame.columns) != COLUMNS:
        raise UserError(f"{folder / 'participants.csv'}: written by another version; delete the folder and run again")
    frame["linked"] = frame["linked"] == "yes"
    return Participants(frame, **read_description(folder))


def age_groups(frame: pd.DataFrame, trial: Trial, exclude: Collection[str] = ()) -> dict[str, pd.DataFrame]:
    """Return age and markers at baseline in each group in which they are correlated, by the name of the group in the results.

    The groups are the population sample, its members below the age cutoff, those at or above it, and the analysed
    participants of the trial except ``exclude``; without a population sample there is none. A frame has a row per person and
    a column per variable, NaN if missing.
    """
    if (sample := trial.population) is None:
        return {}
    variables = [sample.age, *trial.markers]
    baseline = frame[frame["linked"] & frame["visit"].eq(BASELINE) & frame["variable"].isin(variables)]
    people = baseline.pivot(index=["cohort", "arm", "participant"], columns="variable", values="value")
    people = people.reindex(columns=variables).reset_index(["cohort", "arm"])
    population, participants = people[people["cohort"].eq(POPULATION)], people[people["cohort"].eq(TRIAL)]
    age, cutoff = population[sample.age], sample.cut_age
    return {
        "population": population,
        f"population_under_{cutoff:g}": population[age < cutoff],
        f"population_over_{cutoff:g}": population[age >= cutoff],
        "participants": participants[participants["arm"].isin(trial.analysed_arms) & ~participants.index.isin(exclude)],
    }
