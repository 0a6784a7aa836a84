"""The figures of a trial and their panels, read from a YAML file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ..config.types import Pair, Strict
from ..config.yaml_files import read_list
from ..labels import SEVERAL, fill_placeholders, join_words
from ..results_table import ALL_PARTICIPANTS
from ..trial import BASELINE, FamilyKey, Key, MarkerKey, OutcomeKey, Trial, VisitKey, check_known

if TYPE_CHECKING:
    from ..config.settings import Analysis


class Panel(Strict):
    """One frame of a figure.

    ``arms``: every participant by arm at one visit, all together or by stratum. ``estimation``: the same for one group
    of participants, with the difference between the arms and its interval. ``time_course``: medians by arm over the
    visits. ``strata``: baseline values by stratum, both arms together. ``correlation``: a marker against age.
    """

    kind: Literal["arms", "estimation", "time_course", "strata", "correlation"]
    outcome: str  # or the marker, in a correlation
    visit: VisitKey = ""  # of ``arms`` and ``estimation``
    strata: list[str] = Field([ALL_PARTICIPANTS], min_length=1)  # all, highest, lowest, each, descending, or labels
    marker: MarkerKey = ""  # that defines the strata; by default that of the analysis
    group: Literal["population", "population_under_cut", "population_from_cut", "participants"] = "participants"
    limits: Pair | None = None  # of the vertical axis; by default chosen from the data

    @field_validator("outcome")
    @classmethod
    def _of_the_trial(cls, name: str, info: ValidationInfo) -> str:
        return check_known(name, info, "markers" if info.data.get("kind") == "correlation" else "outcomes")

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo):
        if self.kind == "correlation" and info.context and info.context.population is None:
            raise ValueError("a correlation needs the key 'population' in the trial")
        shown = info.context.outcomes[self.outcome] if info.context and self.kind != "correlation" else None
        if shown and self.kind == "time_course" and not shown.follow_up:
            raise ValueError(f"{self.outcome!r} is measured at baseline only, so it has no time course")
        if shown and shown.kind == "binary":
            raise ValueError(f"{self.outcome!r} is binary: it is counted in a table, not drawn in a panel")
        if self.kind in ("arms", "estimation") and not self.visit:
            raise ValueError(f"{self.kind!r} needs the key 'visit'")
        if self.kind in ("time_course", "estimation") and (len(self.strata) != 1 or self.strata[0] in SEVERAL):
            raise ValueError(f"{self.kind!r} shows one of 'strata'")
        return self


class Flow(Strict):
    """Flow of participants: numbers reported in the article, and the counted n of these outcomes."""

    outcomes: list[OutcomeKey]


class Treatment(Strict):
    """Treatment of an arm: ``times`` courses of ``days``, one in ``every_weeks``; or throughout."""

    arm: Literal["treated", "control"]
    label: str = ""
    days: float | None = Field(default=None, gt=0)
    every_weeks: float = Field(default=0, ge=0)
    times: int = Field(default=1, ge=1)

    @property
    def starts(self) -> list[float]:
        """Weeks in which a course begins."""
        return [course * self.every_weeks for course in range(self.times)] if self.days else []


class Design(Strict):
    """Treatments and measurements over the weeks of the trial; the visits come from the trial itself."""

    treatments: list[Treatment]

    @model_validator(mode="after")
    def _weeks(self, info: ValidationInfo):
        missing = [visit.label for visit in info.context.visits.values() if visit.week is None] if info.context else []
        if missing and any(treatment.days for treatment in self.treatments):
            raise ValueError(
                f"courses in 'days' need the week of every visit: the trial has none for {join_words(missing)}"
            )
        return self


class Forest(Strict):
    """Effects of every outcome of some families in all participants and in each stratum, with P of their interaction."""

    families: list[FamilyKey] = Field(min_length=1)
    outcomes: list[OutcomeKey] = []  # of these families; all if empty


class Figure(Strict):
    """A page: either panels, or the flow of participants, the design, or a forest plot."""

    label: str  # as numbered in the article, such as "Extended Data Fig. 2"
    title: str
    caption: str
    columns: int = Field(default=3, ge=1, le=4)
    panel_height: float = Field(default=58.0, ge=30, le=150)  # millimetres
    panels: list[Panel] = Field(default=[], max_length=26)
    by_stratum: bool = False  # repeat the panels for every stratum of the analysis
    flow: Flow | None = None
    design: Design | None = None
    forest: Forest | None = None

    @model_validator(mode="after")
    def _one_kind(self):
        if sum(map(bool, (self.panels, self.flow, self.design, self.forest))) != 1:
            raise ValueError("a figure has one of 'panels', 'flow', 'design' and 'forest'")
        return self

    @property
    def has_strata(self) -> bool:
        """Whether a panel or the caption depends on the marker and strata of the analysis, as the title may too."""
        shown = any(panel.kind == "strata" or panel.strata != [ALL_PARTICIPANTS] for panel in self.panels)
        return bool(
            shown or self.by_stratum or self.forest or re.search("{(strata|highest|lowest|marker)", self.caption)
        )

    def drawn(self, strata: Sequence[str]) -> list[Panel]:
        """Return the panels for these strata, lowest first; ``by_stratum`` repeats them, highest stratum first."""
        if not self.by_stratum:
            return self.panels
        return [panel.model_copy(update={"strata": [name]}) for name in reversed(strata) for panel in self.panels]

    def texts(self, words: Mapping[str, Any], analysis: Analysis, trial: Trial) -> tuple[str, str]:
        """Return title and caption with the placeholders filled in, those on panels from the panels themselves.

        If the analysis does not divide the marker of any panel, title and caption say so.
        """
        strata = analysis.strata.labels
        panels = self.drawn(strata)
        letters = _letters(panels)
        names = [f"{name} ({letters[name]})" if self.by_stratum else name for name in reversed(strata)]
        visits = dict.fromkeys(trial.visits[panel.visit].label for panel in panels if panel.visit)
        words = words | {"letters": letters, "strata": join_words(names), "visits": join_words(visits)}
        title, caption = fill_placeholders(self.title, words), fill_placeholders(self.caption, words)
        markers = {panel.marker or analysis.marker for panel in panels}
        if markers and analysis.strata.by != "quantile" and analysis.marker not in markers:
            undivided = join_words(sorted(trial.markers[marker].label for marker in markers), "or")
            title += ": no such strata in this analysis"
            caption = f"The analysis defines no strata by {undivided}; the panels are therefore empty."
        whole = bool(self.flow or self.forest)
        people = whole or any(panel.group == "participants" for panel in panels)
        changes = whole or any(p.kind == "time_course" or p.visit not in ("", BASELINE) for p in panels)
        said = [caption, words["excluded"] * people, words["outliers"] * changes]
        return title, " ".join(filter(None, said))


def _letters(panels: Sequence[Panel]) -> dict[str, str]:
    """Return the letters of the panels that show an outcome, marker, group or stratum, by its name: ``a, c`` or ``d–f``."""
    found: dict[str, list[str]] = defaultdict(list)
    for place, panel in enumerate(panels):
        for name in {panel.outcome, panel.marker, panel.group, panel.visit, *panel.strata}:
            found[name].append(letter(place))
    runs = {name for name, own in found.items() if len(own) > 2 and "".join(own) in ascii_lowercase}
    return {name: f"{own[0]}–{own[-1]}" if name in runs else ", ".join(own) for name, own in found.items()}


def letter(place: int) -> str:
    """Return the letter of a panel, counted from 0; ``aa``, ``bb`` follow ``z``."""
    return ascii_lowercase[place % 26] * (place // 26 + 1)


class Catalogue(Strict):
    """All figures of a trial, in the order in which they are shown."""

    figures: dict[Key, Figure]


def catalogue_of(path: Path | str | None, trial: Trial) -> Catalogue:
    """Read the list of figures in the configuration, or the usual one; see :func:`read_list`."""
    changes = {family: trial.changes_of(family) for family in trial.families}
    measured = [key for key, outcome in trial.outcomes.items() if outcome.follow_up]
    words = {"families": trial.families, "changes": changes, "measured": measured}
    return read_list(Catalogue, path, Path(__file__).with_name("default_figures.yaml.jinja"), trial, **words)
