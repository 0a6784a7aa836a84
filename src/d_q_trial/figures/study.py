"""The data of the figures: finished numbers, participants' values, and their label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..changes import read_changes
from ..files import read_rows
from ..participants import TRIAL, age_groups, read_participants
from ..published_tables import read_published_table
from ..results_table import ALL_PARTICIPANTS, BOTH_ARMS, Numbers, Row
from ..stats.two_sample import get_test
from ..strata import read_strata, stratum_of
from ..trial import BASELINE, Trial

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis

Key = tuple[str, str, str]  # outcome, measure and visit
INTERACTION = "placements"  # begins the method of the interaction P by Student's t


class Summary(NamedTuple):
    """Finished numbers of one group of participants; NaN if the results have none."""

    n: float
    median: float
    q1: float
    q3: float


@dataclass(frozen=True)
class Study:
    """The data of a set of figures."""

    trial: Trial
    analysis: Analysis
    numbers: Numbers  # of results.csv, and the interactions of treatment with the strata, by Student's t
    changes: pd.DataFrame  # changes.csv
    strata: pd.DataFrame  # strata.csv
    enrolled: Counter[str]  # participants by arm in the workbook; arms without ids are not counted
    people: dict[str, pd.DataFrame]  # age and markers by group; see ``age_groups``
    label: str | None = None  # of the data, if they have to be marked
    flow: Sequence[Row] = ()  # of participants, as reported in the article

    @cached_property
    def _changes(self) -> dict[Key, pd.DataFrame]:
        """The changes by outcome, measure and visit, with the strata by each marker in a column of its name."""
        by_marker = {marker: stratum_of(self.changes, self.strata, marker) for marker in self.trial.markers}
        return dict(iter(self.changes.assign(**by_marker).groupby(["outcome", "measure", "visit"])))

    def key(self, outcome: str, visit: str) -> Key:
        """Return the keys in the results of an outcome at baseline, or of its change to a later visit."""
        return outcome, BASELINE if visit == BASELINE else self.analysis.measure, visit

    def contrast(self, key: Key, statistic: str, **place: str) -> float:
        """Return a number that compares the arms."""
        return self.numbers.get(*key, statistic, contrast=self.trial.contrast, **place).value

    def difference(self, key: Key, **place: str) -> list[float]:
        """Return the difference between the arms and the limits of its interval, as the test of the analysis estimates it."""
        return [self.contrast(key, statistic, **place) for statistic in get_test(self.analysis.test).estimate]

    def summary(self, key: Key, arm: str = "", **place: str) -> Summary:
        """Return n, median and quartiles of a group; no ``arm`` takes both together."""
        place = {"group": arm or BOTH_ARMS} | place
        return Summary(*(self.numbers.get(*key, name, **place).value for name in Summary._fields))

    def values(
        self, key: Key, arm: str = "", *, marker: str = "", stratum: str = ALL_PARTICIPANTS
    ) -> tuple[float, ...]:
        """Return the participants' values in a group, in the order of the table; no ``arm`` takes both together."""
        if (rows := self._changes.get(key)) is None:
            return ()
        inside = rows[marker].eq(stratum) if marker else rows["linked"] | rows["stratum"].eq("")
        return tuple(rows.loc[inside & (rows["arm"].eq(arm) | (not arm)), "value"].dropna())


def read_study(
    folder: Path, participants: Path, trial: Trial, analysis: Analysis, *, published: Path | str | None = None
) -> Study:
    """Read the outputs of earlier steps: the folders of an analysis and of its participants.

    ``published`` is the folder of reported values, if any; its ``flow.csv`` is the flow of participants.
    """
    people = read_participants(participants)
    known = people.frame[people.frame["linked"] & people.frame["cohort"].eq(TRIAL)]
    rows, interactions = read_rows(folder / "results.csv"), folder / "sensitivity/interaction.csv"
    if interactions.exists():
        rows += [row for row in read_rows(interactions) if row["method"].startswith(INTERACTION)]
    return Study(
        trial=trial,
        analysis=analysis,
        numbers=Numbers(rows),
        changes=read_changes(folder / "changes.csv"),
        strata=read_strata(folder / "strata.csv"),
        enrolled=Counter(known.drop_duplicates("participant")["arm"]),
        people=age_groups(people.frame, trial, analysis.exclude),
        label=people.label,
        flow=read_published_table(published, "flow"),
    )
