"""The tables of a trial, as its YAML file lists them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, model_validator

from ..config.types import StrictModel, must_match
from ..config.yaml_files import load_list
from ..figures.catalogue import check_keys
from ..labels import SEVERAL_STRATA
from ..results_table import ALL_PARTICIPANTS
from ..trial import BASELINE, Decimals, FamilyKey, Key, OutcomeKey, Trial, VisitKey

ENDINGS = (".csv", "_exact.csv", ".html")  # of the files that each table has
_KEYS_OF_TABLES = {"arms": ("rows", "visit", "strata", "decimals", "smd"), "strata": ("rows", "strata", "decimals")}
_KEYS_OF_TABLES |= {"comparisons": ("rows", "strata", "decimals"), "events": ("file",)}


class Rows(StrictModel):
    """The outcomes of a table: those marked ``table_1`` in the trial, those of families, or a list."""

    table_1: bool = False
    families: list[FamilyKey] = []
    outcomes: list[OutcomeKey] = []

    @model_validator(mode="after")
    def _require_one_key(self):
        if sum(map(bool, (self.table_1, self.families, self.outcomes))) != 1:
            raise ValueError("'rows' has one of 'table_1: true', 'families' and 'outcomes'")
        return self

    def keys(self, trial: Trial) -> list[str]:
        """Return the keys of the outcomes, in the order of the trial or as listed."""
        outcomes = trial.outcomes.items()
        return self.outcomes or [k for k, o in outcomes if (self.table_1 and o.table_1) or o.family in self.families]


class Table(StrictModel):
    """One table.

    ``arms``: a row per outcome, a column per arm, P. ``strata``: a row per outcome at baseline, a column per stratum, P
    of the highest against each lower one, and of the trend over three or more. ``comparisons``: a row per outcome, visit
    and group of participants, with medians, their difference, Hodges-Lehmann estimate and P. ``events``: adverse events,
    as reported in ``file``.
    """

    label: str  # as the article numbers its tables, such as "Extended Data Table 2"
    title: str
    note: str = ""
    kind: Literal["arms", "strata", "comparisons", "events"]
    rows: Rows | None = None
    visit: VisitKey = BASELINE  # after baseline, the change from baseline is shown
    strata: list[str] = Field([ALL_PARTICIPANTS], min_length=1)  # all, highest, lowest, each, or labels; see _Builder
    decimals: Decimals | None = None  # at baseline and of percent changes; other measures have fixed decimals
    smd: bool = False  # whether ``arms`` has a column with the standardized mean difference
    file: Literal["adverse_events.csv", ""] = ""  # of ``events``, in the folder of reported values

    @model_validator(mode="after")
    def _check_keys_of_kind(self, info: ValidationInfo):
        check_keys(self, _KEYS_OF_TABLES)
        if not getattr(self, needed := "file" if self.kind == "events" else "rows"):
            raise ValueError(f"{self.kind!r} needs the key {needed!r}")
        outcomes = self.rows.outcomes if self.kind == "comparisons" and info.context else ()
        if unchanged := [key for key in outcomes if not info.context.outcomes[key].follow_up]:
            raise ValueError(f"'comparisons' shows changes, but {unchanged[0]!r} has no 'follow_up' in the trial")
        if self.kind == "arms" and (len(self.strata) != 1 or self.strata[0] in SEVERAL_STRATA):
            raise ValueError("'arms' shows one of 'strata'")
        return self


_SINGLE_GROUP = must_match(f"(?!({'|'.join(SEVERAL_STRATA)})$).*", "one group: all, highest, lowest or a label")


class Headline(StrictModel):
    """A comparison of the arms that is stated at the top of the report and in the methods section."""

    outcome: OutcomeKey
    visit: VisitKey
    stratum: Annotated[str, _SINGLE_GROUP] = ALL_PARTICIPANTS  # all, highest, lowest, or a label of the analysis
    role: str = ""  # such as "the primary endpoint"


class Catalogue(StrictModel):
    """All tables of a trial, in the order in which they are shown, and its headlines."""

    tables: dict[Key, Table]
    headlines: list[Headline] = []


def read_catalogue(path: Path | str | None, trial: Trial) -> Catalogue:
    """Read the list of tables in the configuration, or the default list; see :func:`load_list`."""
    last_visits = {key: outcome.follow_up[-1] for key, outcome in trial.outcomes.items() if outcome.follow_up}
    at_baseline = [key for key, outcome in trial.outcomes.items() if outcome.table_1] or list(trial.outcomes)
    headlines = [(outcome, visit, "") for outcome, visit in last_visits.items()][:1]
    if trial.primary:
        headlines = [(trial.primary.outcome, trial.primary.visit, "the primary endpoint")]
    values = {"at_baseline": at_baseline, "changing": list(last_visits), "headlines": headlines}
    return load_list(Catalogue, path, Path(__file__).with_name("default_tables.yaml.jinja"), trial, **values)
