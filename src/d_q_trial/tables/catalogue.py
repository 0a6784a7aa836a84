"""Which tables there are: data, read from a YAML file of the trial."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from ..config.types import Strict
from ..config.yaml_files import faulty, read_yaml, validated
from ..errors import nearest
from ..results_table import ALL_PARTICIPANTS
from ..trial import BASELINE, Trial

HIGHEST, LOWEST, EACH = "highest", "lowest", "each"


class Rows(Strict):
    """Outcomes of a table: those marked ``table_1`` in the trial, families, or a list."""

    table_1: bool = False
    families: list[str] = []
    outcomes: list[str] = []

    @model_validator(mode="after")
    def _one_kind(self):
        if sum(map(bool, (self.table_1, self.families, self.outcomes))) != 1:
            raise ValueError("'rows' has one of 'table_1: true', 'families' and 'outcomes'")
        return self

    def keys(self, trial: Trial) -> list[str]:
        """Return the keys of the outcomes, in the order of the trial or as listed."""
        if self.outcomes:
            return list(self.outcomes)
        return [
            key
            for key, outcome in trial.outcomes.items()
            if (self.table_1 and outcome.table_1) or outcome.family in self.families
        ]


class Table(Strict):
    """One table.

    ``arms``: a row per outcome, a column per arm, P. ``strata``: a row per outcome at baseline, a column per stratum, P
    of the highest against each lower one, and of the trend over three or more. ``comparisons``: a row per outcome, visit
    and group of participants, with medians, their difference, Hodges-Lehmann estimate and P. ``events``: adverse events,
    as reported in ``file``.
    """

    label: str  # as the article counts, such as "Extended Data Table 2"
    title: str
    note: str = ""
    kind: Literal["arms", "strata", "comparisons", "events"]
    rows: Rows | None = None
    visit: str = BASELINE  # after baseline, the change from baseline is shown
    strata: list[str] = [ALL_PARTICIPANTS]  # all, highest, lowest, each, or labels of the analysis
    marker: str = ""  # that makes the strata; the one of the analysis unless said otherwise
    decimals: int | None = None
    smd: bool = False  # whether ``arms`` has a column with the standardized mean difference
    file: str = ""  # of ``events``, in the folder of reported values
    source: str = "paper"  # of ``events``: which rows of the file
    after: str = ""  # key of the figure that the table follows in the report; without it, the table comes last

    @model_validator(mode="after")
    def _consistent(self):
        if self.kind == "events":
            if not self.file or self.rows:
                raise ValueError("'events' needs the key 'file', and has no 'rows'")
        elif self.rows is None:
            raise ValueError(f"{self.kind!r} needs the key 'rows'")
        if self.kind == "arms" and len(self.strata) != 1:
            raise ValueError("'arms' shows one of 'strata'")
        if self.smd and self.kind != "arms":
            raise ValueError(f"{self.kind!r} has no 'smd': it compares the two columns of 'arms'")
        return self


class Headline(Strict):
    """A comparison of the arms that is stated in words: at the top of the report, and in the paragraph on methods."""

    outcome: str
    visit: str
    stratum: str = ALL_PARTICIPANTS  # all, highest, lowest, or a label of the analysis
    role: str = ""  # such as "the primary endpoint"


class Catalogue(Strict):
    """All tables of a trial, in the order in which they are shown, and which comparisons are stated in words."""

    tables: dict[str, Table]
    headlines: list[Headline] = []


def load_catalogue(path: Path | str, trial: Trial) -> Catalogue:
    """Read a list of tables and check it against the trial.

    Raises
    ------
    UserError
        If the file is not YAML, has unknown keys, or names an outcome, family, visit or marker that the trial lacks.
    """
    catalogue = validated(Catalogue, read_yaml(path), path)
    faults = [fault for key, table in catalogue.tables.items() for fault in _faults(f"tables.{key}", table, trial)]
    for index, headline in enumerate(catalogue.headlines):
        where = f"headlines.{index}"
        for place, name, known in (
            ("outcome", headline.outcome, trial.outcomes),
            ("visit", headline.visit, trial.visits),
        ):
            if name not in known:
                faults.append(f"{where}.{place}: the trial has no {name!r}{nearest(name, known)}")
    if faults:
        raise faulty(path, faults)
    return catalogue


def _faults(where: str, table: Table, trial: Trial) -> list[str]:
    rows = table.rows or Rows(table_1=True)
    checks = [
        *(("rows.outcomes", name, trial.outcomes) for name in rows.outcomes),
        *(("rows.families", name, trial.families) for name in rows.families),
        ("visit", table.visit, trial.visits),
        *([("marker", table.marker, trial.markers)] if table.marker else []),
    ]
    return [
        f"{where}.{place}: the trial has no {name!r}{nearest(name, known)}"
        for place, name, known in checks
        if name not in known
    ]


def default_catalogue(trial: Trial) -> Catalogue:
    """List tables for a trial that has no list of its own: the baseline by arm, and every change by arm."""
    changing = [key for key, outcome in trial.outcomes.items() if outcome.follow_up]
    first = trial.outcomes[changing[0]] if changing else None
    return Catalogue(
        headlines=[
            Headline(outcome=first.key, visit=first.follow_up[-1], stratum=stratum)
            for stratum in (ALL_PARTICIPANTS, HIGHEST)
            if first
        ],
        tables={
            "table_1": Table(
                label="Table 1",
                title="Baseline characteristics",
                kind="arms",
                after="figure_2",
                rows=Rows(outcomes=[k for k, o in trial.outcomes.items() if o.table_1] or list(trial.outcomes)),
            ),
            "comparisons": Table(
                label="Main results",
                title="Change from baseline by arm, in all participants and in strata of {marker}",
                kind="comparisons",
                rows=Rows(outcomes=changing),
                strata=[ALL_PARTICIPANTS, EACH],
            ),
        },
    )


def catalogue_of(path: Path | str | None, trial: Trial) -> Catalogue:
    """Return the tables that a configuration names, or the usual ones where it names none."""
    return load_catalogue(path, trial) if path else default_catalogue(trial)
