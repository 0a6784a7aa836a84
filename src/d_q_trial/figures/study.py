"""The data of the figures: finished numbers, participants' values, and the label of synthetic data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ..changes import read_changes
from ..config.settings import Analysis
from ..files import read_rows
from ..participants import TRIAL, age_groups, read_participants
from ..published_tables import read_published_table
from ..results_table import ALL_PARTICIPANTS, BOTH_ARMS, COLUMNS, NUMERIC, Numbers, Row
from ..stats.two_sample import get_test
from ..strata import find_strata, read_strata
from ..trial import BASELINE, Trial

Key = tuple[str, str, str]  # outcome, measure and visit
INTERACTION = "placements"  # prefix of the method of the interaction P by Student's t


class Summary(NamedTuple):
    """Finished numbers of one group of participants; NaN if the results do not have them."""

    n: float
    median: float
    q1: float
    q3: float


@dataclass(frozen=True)
class Study:
    """The data of a set of figures."""

    trial: Trial
    analysis: Analysis
    numbers: Numbers  # of results.csv, and P of the interactions of treatment with the strata, by Student's t
    changes: pd.DataFrame  # changes.csv
    strata: pd.DataFrame  # strata.csv
    enrolled: Counter[str]  # participants by arm in the workbook; arms without ids are not counted
    people: dict[str, pd.DataFrame]  # age and markers by group; see ``age_groups``
    label: str | None = None  # of data that must be marked, such as synthetic data
    flow: Sequence[Row] = ()  # of participants, as reported in the article

    @cached_property
    def _changes_by_key(self) -> dict[Key, pd.DataFrame]:
        """The changes by outcome, measure and visit; a column named after each marker contains the strata."""
        by_marker = {marker: find_strata(self.changes, self.strata, marker) for marker in self.trial.markers}
        return dict(iter(self.changes.assign(**by_marker).groupby(["outcome", "measure", "visit"])))

    def key(self, outcome: str, visit: str) -> Key:
        """Return the key in the results of an outcome at baseline, or of its change from baseline to a later visit."""
        return outcome, BASELINE if visit == BASELINE else self.analysis.measure, visit

    def compare_arms(self, key: Key, **subgroup: str) -> list[float]:
        """Return the difference between the arms, as the test of the analysis estimates it, its limits, and P."""
        statistics, contrast = (*get_test(self.analysis.test).estimate, "p"), self.trial.contrast
        return [self.numbers.get(*key, name, contrast=contrast, **subgroup).value for name in statistics]

    def summary(self, key: Key, arm: str = "", **subgroup: str) -> Summary:
        """Return n, median and quartiles of a group; without an ``arm``, of both arms together."""
        keys = {"group": arm or BOTH_ARMS} | subgroup
        return Summary(*(self.numbers.get(*key, name, **keys).value for name in Summary._fields))

    def values(self, key: Key, arm: str = "", marker: str = "", stratum: str = ALL_PARTICIPANTS) -> tuple[float, ...]:
        """Return the participants' values in a group, in the order of the table; without an ``arm``, of both arms."""
        if (rows := self._changes_by_key.get(key)) is None:
            return ()
        in_group = rows[marker].eq(stratum) if marker else rows["linked"] | rows["stratum"].eq("")
        return tuple(rows.loc[in_group & (rows["arm"].eq(arm) if arm else True), "value"].dropna())


def read_study(
    folder: Path, participants: Path, trial: Trial, analysis: Analysis, *, published: Path | str | None = None
) -> Study:
    """Read the outputs of earlier steps from the ``folder`` of an analysis and the folder of its ``participants``.

    ``published`` is the folder of reported values, if any; the first source in its ``flow.csv`` gives the flow of participants.
    """
    people = read_participants(participants)
    with_ids = people.frame[people.frame["linked"] & people.frame["cohort"].eq(TRIAL)]
    rows, interactions = read_rows(folder / "results.csv", COLUMNS, NUMERIC), folder / "sensitivity/interaction.csv"
    if interactions.exists():
        rows += [row for row in read_rows(interactions, COLUMNS, NUMERIC) if row["method"].startswith(INTERACTION)]
    changes, strata = read_changes(folder / "changes.csv"), read_strata(folder / "strata.csv")
    enrolled = Counter(with_ids.drop_duplicates("participant")["arm"])
    groups, flow = age_groups(people.frame, trial, analysis.exclude), read_published_table(published, "flow")
    flow = [row for row in flow if row["source"] == flow[0]["source"]]
    return Study(trial, analysis, Numbers(rows), changes, strata, enrolled, groups, people.label, flow)
