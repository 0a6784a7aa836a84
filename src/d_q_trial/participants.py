"""One tidy table of the participants, whatever the workbook looked like."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UserError
from .files import read_csv, write_csv, write_json
from .trial import BASELINE

if TYPE_CHECKING:
    import pandas as pd

    from .trial import Trial

TRIAL, POPULATION = "trial", "population"
VALUE, PERCENT_CHANGE = "value", "percent_change"

COLUMNS = (
    "cohort",  # trial or population
    "participant",
    "linked",  # yes: the id holds across sheets; no: made up, because the sheet has none
    "arm",  # key of the arm; empty in the population sample
    "marker",  # of a stratum that the sheet itself states
    "stratum",
    "variable",  # key of an outcome or marker, or the name of a strata column
    "visit",
    "measure",  # value, or percent_change where the sheet gives changes
    "value",
    "text",  # of a categorical cell
    "sheet",
    "cell",
)


@dataclass(frozen=True)
class Participants:
    """The participants of a workbook: a row of ``frame`` for each participant, variable and visit that has a value."""

    frame: pd.DataFrame  # with the columns of COLUMNS; `linked` is bool, `value` float, the others are text
    label: str | None = None  # how outputs have to be marked ("synthetic data ..."), None for a real workbook
    source: dict[str, Any] = field(default_factory=dict)  # of JSON: name and sha256 of the workbook, how it was read

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


def read_description(folder: Path | str) -> dict[str, Any]:
    """Read the label and source of the participants without their table.

    UserError if the file is damaged.
    """
    path = Path(folder) / "participants.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise UserError(f"{path}: not readable as JSON; delete it, and `snakemake --cores 4` makes it again") from None


def age_groups(frame: pd.DataFrame, trial: Trial, exclude: Collection[str] = ()) -> dict[str, pd.DataFrame]:
    """Return age and markers at baseline of each group of people in which they are correlated, by its name in the results.

    That is: the population sample, its members under and from the age that splits it, and the analysed participants of the
    trial, without those to ``exclude``; a row per person and a column per variable, NaN where it is missing. Without a
    population sample there is none.
    """
    if (sample := trial.population) is None:
        return {}
    wanted = [sample.age, *trial.markers]
    known = frame[frame["linked"] & frame["visit"].eq(BASELINE) & frame["variable"].isin(wanted)]
    people = known.pivot(index=["cohort", "arm", "participant"], columns="variable", values="value")
    people = people.reindex(columns=wanted).reset_index(["cohort", "arm"])
    population, own = people[people["cohort"].eq(POPULATION)], people[people["cohort"].eq(TRIAL)]
    age, cut = population[sample.age], sample.cut_age
    return {
        "population": population,
        f"population_under_{cut:g}": population[age < cut],
        f"population_over_{cut:g}": population[age >= cut],
        "participants": own[own["arm"].isin(trial.analysed_arms) & ~own.index.isin(exclude)],
    }
