"""Everything that figures are drawn from: finished numbers, participants' values, and how they are to be marked."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..files import read_rows
from ..participants import POPULATION, TRIAL, VALUE
from ..results_table import ALL_PARTICIPANTS, Numbers, Row
from ..trial import BASELINE, Trial
from .catalogue import DESCENDING, EACH, HIGHEST, LOWEST


@dataclass(frozen=True)
class Person:
    """One baseline record: a participant of the trial, or a member of the population sample."""

    cohort: str
    arm: str
    values: dict[str, float]


@dataclass(frozen=True)
class Study:
    """What a set of figures is drawn from.

    Attributes
    ----------
    trial : Trial
    numbers : Numbers
        From results.csv.
    changes, strata : list of rows
        From changes.csv and strata.csv.
    people : list of Person
        From participants.csv: markers and age at baseline.
    strata_labels : tuple of str
        Lowest stratum first.
    marker : str
        The one by which the analysis makes its strata.
    label : str or None
        How the data have to be marked.
    flow : sequence of rows
        What the article reports on the flow of participants; may be empty.
    interactions : sequence of rows
        From sensitivity/interaction.csv; may be empty.
    """

    trial: Trial
    numbers: Numbers
    changes: list[Row]
    strata: list[Row]
    people: list[Person]
    strata_labels: tuple[str, ...]
    marker: str
    label: str | None = None
    flow: Sequence[Row] = ()
    interactions: Sequence[Row] = ()

    @cached_property
    def _points(self) -> dict[tuple[str, str, str], list[Row]]:
        points = defaultdict(list)
        for row in self.changes:
            if row["value"]:
                points[row["outcome"], row["measure"], row["visit"]].append(row)
        return dict(points)

    @cached_property
    def _assigned(self) -> dict[tuple[str, str], str]:
        return {(row["marker"], row["participant"]): row["stratum"] for row in self.strata}

    @cached_property
    def measure(self) -> str:
        """How the analysis measures changes."""
        return next((measure for _, measure, _ in self._points if measure != "baseline"), "percent_change")

    @cached_property
    def enrolled(self) -> Counter[str]:
        """Number of participants by arm, as the workbook has them; arms without ids are not counted."""
        return Counter(person.arm for person in self.people if person.cohort == TRIAL)

    def place(self, stratum: str, marker: str = "") -> dict[str, str]:
        """Return the keys of a stratum in the results, by the marker of the analysis unless another is named."""
        return {"marker": "" if stratum == ALL_PARTICIPANTS else marker or self.marker, "stratum": stratum}

    def values(
        self,
        outcome: str,
        measure: str,
        visit: str,
        *,
        marker: str = "",
        stratum: str = ALL_PARTICIPANTS,
        arm: str = "",
    ) -> tuple[float, ...]:
        """Return the participants' values in a group, in the order of the table; ``arm`` empty takes both arms."""
        return tuple(
            float(row["value"])
            for row in self._points.get((outcome, measure, visit), ())
            if (not arm or row["arm"] == arm) and self._belongs(row, marker, stratum)
        )

    def _belongs(self, row: Row, marker: str, stratum: str) -> bool:
        """Say whether a row counts in a stratum; a panel without ids states the strata of its rows itself."""
        linked = row["linked"] in ("yes", "True", "true")
        if stratum == ALL_PARTICIPANTS:
            return linked or not row["stratum"]
        if linked:
            return self._assigned.get((marker, row["participant"])) == stratum
        return (row["marker"], row["stratum"]) == (marker, stratum)

    def resolve(self, strata: Iterable[str]) -> list[str]:
        """Turn ``highest``, ``lowest``, ``each`` and ``descending`` into the labels of the analysis."""
        names = [*self.strata_labels]
        meaning = {HIGHEST: names[-1:], LOWEST: names[:1], EACH: names, DESCENDING: names[::-1]}
        return [label for name in strata for label in meaning.get(name, [name])]

    def pairs(self, marker: str, group: str) -> tuple[list[float], list[float]]:
        """Return age and marker of a group of people that has both."""
        sample = self.trial.population
        if sample is None:
            return [], []
        if group == "participants":
            chosen = [p.values for p in self.people if p.cohort == TRIAL and p.arm in self.trial.analysed_arms]
        else:
            chosen = [p.values for p in self.people if p.cohort == POPULATION]
        pairs = [(v[sample.age], v[marker]) for v in chosen if sample.age in v and marker in v]
        if group in ("population_under_cut", "population_from_cut"):
            pairs = [pair for pair in pairs if (pair[0] < sample.cut_age) == (group == "population_under_cut")]
        return [age for age, _ in pairs], [value for _, value in pairs]


def read_people(rows: Iterable[Row], trial: Trial) -> list[Person]:
    """Collect markers and age at baseline of everyone who has an id across sheets."""
    wanted = {*trial.markers} | ({trial.population.age} if trial.population else set())
    people: dict[tuple[str, str], Person] = {}
    arms = {*trial.analysed_arms, *(arm.key for arm in trial.arms.others)}
    for row in rows:
        if row["linked"] != "yes" or not (row["cohort"] == POPULATION or row["arm"] in arms):
            continue
        key = row["cohort"], row["participant"]
        person = people.setdefault(key, Person(row["cohort"], row["arm"], {}))
        if row["variable"] in wanted and row["visit"] == BASELINE and row["measure"] == VALUE and row["value"]:
            person.values[row["variable"]] = float(row["value"])
    return list(people.values())


def read_study(
    analysis: Path | str,
    participants: Path | str,
    trial: Trial,
    *,
    marker: str,
    strata_labels: Iterable[str],
    flow: Path | str | None = None,
) -> Study:
    """Read what the earlier steps wrote.

    Parameters
    ----------
    analysis : path
        Folder with changes.csv, strata.csv and results.csv.
    participants : path
        Folder with participants.csv and participants.json.
    trial : Trial
    marker, strata_labels
        As the analysis has them.
    flow : path, optional
        What the article reports on the flow of participants; may be absent.
    """
    analysis, participants = Path(analysis), Path(participants)
    interactions = analysis / "sensitivity/interaction.csv"
    return Study(
        trial=trial,
        numbers=Numbers(read_rows(analysis / "results.csv")),
        changes=read_rows(analysis / "changes.csv"),
        strata=read_rows(analysis / "strata.csv"),
        people=read_people(read_rows(participants / "participants.csv"), trial),
        strata_labels=tuple(strata_labels),
        marker=marker,
        label=json.loads((participants / "participants.json").read_text(encoding="utf-8"))["label"],
        flow=read_rows(flow) if flow and Path(flow).exists() else [],
        interactions=read_rows(interactions) if interactions.exists() else [],
    )
