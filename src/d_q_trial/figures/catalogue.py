"""The figures of a trial and their panels, read from a YAML file."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ..config.settings import Analysis
from ..config.validation import StrictModel, load_list
from ..labels import SEVERAL_STRATA, caption_values, fill_placeholders, join_words, select_strata
from ..results_table import ALL_PARTICIPANTS
from ..trial import BASELINE, FamilyKey, Key, MarkerKey, OutcomeKey, Trial, VisitKey, check_known

_KEYS_OF_PANELS = {"arms": ("visit", "strata", "marker"), "estimation": ("visit", "strata", "marker")}
_KEYS_OF_PANELS |= {"time_course": ("strata", "marker"), "strata": ("strata", "marker"), "correlation": ("group",)}
_ALL, _DEFAULT_STRATA = [ALL_PARTICIPANTS], {"strata": ["each"]}


def check_keys(entry: Any, keys_of_kinds: Mapping[str, Sequence[str]]) -> None:
    """Raise a ValueError if a panel or table has a key that belongs to other kinds only, and would have no effect."""
    others = {key for keys in keys_of_kinds.values() for key in keys}.difference(used := keys_of_kinds[entry.kind])
    for key in sorted(others & entry.model_fields_set):
        raise ValueError(f"{entry.kind!r} has no {key!r}: it uses {', '.join(used)}")


class Panel(StrictModel):
    """One frame of a figure.

    ``arms``: every participant by arm at one visit, overall or by stratum. ``estimation``: the same in one group of
    participants, with the difference between the arms and its interval. ``time_course``: medians by arm over the
    visits. ``strata``: baseline values by stratum, both arms together. ``correlation``: a marker against age.
    """

    kind: Literal["arms", "estimation", "time_course", "strata", "correlation"]
    outcome: str  # or the marker, in a correlation
    visit: VisitKey = ""  # of ``arms`` and ``estimation``
    # all, highest, lowest, each, descending, or labels
    strata: list[str] = Field(default_factory=lambda panel: _DEFAULT_STRATA.get(panel.get("kind"), _ALL), min_length=1)
    marker: MarkerKey = ""  # that defines the strata; by default that of the analysis
    group: Literal["population", "population_under_cut", "population_from_cut", "participants"] = "participants"

    @field_validator("outcome")
    @classmethod
    def _check_outcome(cls, name: str, info: ValidationInfo) -> str:
        return check_known(name, info, "markers" if info.data.get("kind") == "correlation" else "outcomes")

    @model_validator(mode="after")
    def _check_kind(self, info: ValidationInfo):
        check_keys(self, _KEYS_OF_PANELS)
        if self.kind == "correlation" and info.context and info.context.population is None:
            raise ValueError("a correlation needs the key 'population' in the trial")
        outcome = info.context.outcomes[self.outcome] if info.context and self.kind != "correlation" else None
        if outcome and self.kind == "time_course" and not outcome.follow_up:
            raise ValueError(f"{self.outcome!r} is measured at baseline only, so it has no time course")
        if outcome and outcome.kind == "binary":
            raise ValueError(f"{self.outcome!r} is binary: it is counted in a table, not drawn in a panel")
        if self.kind in ("arms", "estimation") and not self.visit:
            raise ValueError(f"{self.kind!r} needs the key 'visit'")
        if self.kind in ("time_course", "estimation") and (len(self.strata) != 1 or self.strata[0] in SEVERAL_STRATA):
            raise ValueError(f"{self.kind!r} shows one of 'strata'")
        return self


class Flow(StrictModel):
    """Flow of participants: numbers reported in the article, and the number analysed for these outcomes."""

    outcomes: list[OutcomeKey]


class Treatment(StrictModel):
    """Treatment of an arm: ``times`` courses of ``days``, one every ``every_weeks`` weeks; without ``days``, throughout."""

    arm: Literal["treated", "control"]
    label: str = ""
    days: float | None = Field(default=None, gt=0)
    every_weeks: float = Field(default=0, ge=0)
    times: int = Field(default=1, ge=1)


class Design(StrictModel):
    """Treatments and measurements over the weeks of the trial; the visits come from the trial itself."""

    treatments: list[Treatment]

    @model_validator(mode="after")
    def _check_courses(self, info: ValidationInfo):
        if any(bool(t.every_weeks) != (t.times > 1) or (t.times > 1 and not t.days) for t in self.treatments):
            raise ValueError("repeated courses need 'days', 'every_weeks' and 'times' (2 or more)")
        visits = info.context.visits.values() if info.context else ()
        missing = join_words([visit.label for visit in visits if visit.week is None])
        if missing and any(treatment.days for treatment in self.treatments):
            raise ValueError(f"courses in 'days' need the week of every visit: the trial has none for {missing}")
        return self


class Forest(StrictModel):
    """Effects on every outcome of some families, overall and in each stratum, with P of the interaction."""

    families: list[FamilyKey] = Field(min_length=1)
    outcomes: list[OutcomeKey] = []  # of these families; all if empty


class Figure(StrictModel):
    """A page with panels, or with the flow of participants, the design, or a forest plot."""

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
    def _check_content(self):
        if sum(map(bool, (self.panels, self.flow, self.design, self.forest))) != 1:
            raise ValueError("a figure has one of 'panels', 'flow', 'design' and 'forest'")
        if not self.panels and (unused := sorted({"columns", "panel_height", "by_stratum"} & self.model_fields_set)):
            raise ValueError(f"only 'panels' have {join_words(list(map(repr, unused)))}")
        for index, panel in enumerate(self.panels):
            if self.by_stratum and (panel.kind == "correlation" or "strata" in panel.model_fields_set):
                raise ValueError(f"panels.{index}: 'by_stratum' repeats it by stratum, without 'strata' or 'group'")
            if panel.marker and panel.strata == _ALL and not self.by_stratum:
                raise ValueError(f"panels.{index}: 'marker' has no effect on all participants; name 'strata'")
        return self

    @property
    def depends_on_strata(self) -> bool:
        """Whether a panel or the caption depends on the marker and strata of the analysis; the title may depend, too."""
        in_panels = self.by_stratum or any(panel.strata != _ALL for panel in self.panels)
        return bool(in_panels or self.forest or re.search("{(strata|highest|lowest|marker)", self.caption))

    def expand_panels(self, strata: Sequence[str]) -> list[Panel]:
        """Return the panels for these strata, lowest first; ``by_stratum`` repeats them, highest stratum first."""
        if not self.by_stratum:
            return self.panels
        return [panel.model_copy(update={"strata": [name]}) for name in reversed(strata) for panel in self.panels]

    def texts(self, analysis: Analysis, trial: Trial) -> tuple[str, str]:
        """Return title and caption with the placeholders filled in; the panels, if any, give letters, strata and visits.

        If the analysis does not divide participants by the marker of any panel, title and caption say so.
        """
        strata = analysis.strata.labels
        panels = self.expand_panels(strata)
        letters = _collect_letters(panels, strata)
        shown = [name for name in reversed(strata) if name in letters or not panels]
        names = [f"{name} ({letters[name]})" if self.by_stratum else name for name in shown]
        visits = dict.fromkeys(trial.visits[panel.visit].label for panel in panels if panel.visit)
        values: dict[str, Any] = caption_values(trial, analysis)
        values |= {"letters": letters, "strata": join_words(names), "visits": join_words(visits)}
        title = fill_placeholders(self.title, values, f"{self.label}, title")
        caption = fill_placeholders(self.caption, values, f"{self.label}, caption")
        markers = {panel.marker or analysis.marker for panel in panels}
        if markers and analysis.strata.by != "quantile" and analysis.marker not in markers:
            undivided = join_words(sorted(trial.markers[marker].label for marker in markers), "or")
            title += ": no such strata in this analysis"
            caption = f"The analysis defines no strata by {undivided}; the panels are therefore empty."
        of_both = self.flow or self.forest
        of_trial = of_both or any(panel.group == "participants" for panel in panels)
        of_changes = of_both or any(p.kind == "time_course" or p.visit not in ("", BASELINE) for p in panels)
        conventions = values["excluded"] if of_trial else "", values["outliers"] if of_changes else ""
        return title, " ".join(filter(None, (caption, *conventions)))


def _collect_letters(panels: Sequence[Panel], strata: Sequence[str]) -> dict[str, str]:
    """Return the letters of the panels that show each outcome, marker, group, visit or stratum: ``a, c`` or ``d–f``."""
    letters: dict[str, list[str]] = defaultdict(list)
    for index, panel in enumerate(panels):
        shown = {*panel.strata, *select_strata(panel.strata, strata)}  # words such as highest, and labels
        for name in {panel.outcome, panel.marker, panel.group, panel.visit} | shown:
            letters[name].append(letter(index))
    runs = {name for name, run in letters.items() if len(run) > 2 and "".join(run) in ascii_lowercase}
    return {name: f"{run[0]}–{run[-1]}" if name in runs else ", ".join(run) for name, run in letters.items()}


def letter(index: int) -> str:
    """Return the letter of a panel, counted from 0; ``aa``, ``bb`` follow ``z``."""
    return ascii_lowercase[index % 26] * (index // 26 + 1)


class Catalogue(StrictModel):
    """All figures of a trial, in the order in which they are shown."""

    figures: dict[Key, Figure]


def read_catalogue(path: Path | str | None, trial: Trial) -> Catalogue:
    """Read the list of figures in the configuration, or the default one; see :func:`load_list`."""
    default = Path(__file__).with_name("default_figures.yaml.jinja")
    changes = {family: trial.changes_of(family) for family in trial.families}
    measured = [key for key, outcome in trial.outcomes.items() if outcome.follow_up]
    return load_list(Catalogue, path, default, trial, families=trial.families, changes=changes, measured=measured)


CUTOFF_TABLES = ("cutoffs", "windows", "best_cuts", "best_splits")  # files that describe every cutoff
_ROWS_PER_PAGE = 3  # of the figures of cutoffs


def list_cutoff_figures(trial: Trial) -> dict[str, tuple[str, str, list[tuple[str, str]]]]:
    """Return by name of the figure its family, marker, and the outcomes and visits, for families that fit on a page."""
    changes = {family: trial.changes_of(family) for family in trial.families}
    fitting = [(family, c) for family, c in changes.items() if 0 < len(c) <= _ROWS_PER_PAGE * count_columns(c)]
    return {f"every_cut_{family}_{key}": (family, key, c) for family, c in fitting for key in trial.markers}


def count_columns(changes: Sequence[tuple[str, str]]) -> int:
    """Return the number of panels side by side in a figure of cutoffs: a row per outcome, or several outcomes in a row."""
    outcomes = [outcome for outcome, _ in changes]
    visits = max(map(outcomes.count, outcomes), default=1)
    return min({1: 3, 2: 4}.get(visits, visits), 4, max(len(changes), 1))
