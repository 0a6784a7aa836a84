"""Which figures there are and what their panels show: data, read from a YAML file of the trial."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from ..config.types import Strict
from ..config.yaml_files import faulty, read_yaml, validated
from ..errors import nearest
from ..labels import fill, listing
from ..results_table import ALL_PARTICIPANTS
from ..trial import Trial

HIGHEST, LOWEST, EACH, DESCENDING = "highest", "lowest", "each", "descending"
MOST_IN_FOREST = 12  # comparisons of a family, in the figures of a trial without a list
_FOLDER = Path(__file__).parent


class Panel(Strict):
    """One frame of a figure.

    ``arms``: every participant by arm at one visit, all together or in strata. ``estimation``: the same for one group
    of participants, with the difference of the arms and its interval. ``time_course``: medians by arm over the visits.
    ``strata``: baseline values by stratum, both arms together. ``correlation``: a marker against age.
    """

    kind: Literal["arms", "estimation", "time_course", "strata", "correlation"]
    outcome: str  # or the marker, in a correlation
    visit: str = ""  # of ``arms`` and ``estimation``
    strata: list[str] = [ALL_PARTICIPANTS]  # all, highest, lowest, each (lowest first), descending, or labels
    marker: str = ""  # that makes the strata; the one of the analysis unless said otherwise
    group: Literal["population", "population_under_cut", "population_from_cut", "participants"] = "participants"
    limits: tuple[float, float] | None = None  # of the vertical axis; else chosen from the data

    @model_validator(mode="after")
    def _consistent(self):
        if self.kind in ("arms", "estimation") and not self.visit:
            raise ValueError(f"{self.kind!r} needs the key 'visit'")
        if self.kind in ("time_course", "estimation") and len(self.strata) != 1:
            raise ValueError(f"{self.kind!r} shows one of 'strata'")
        return self


class Flow(Strict):
    """How participants went through the trial: numbers of the article, and n of these outcomes as counted."""

    outcomes: list[str]


class Treatment(Strict):
    """What an arm gets: a course of ``days`` that begins every so many weeks, ``times`` times; or throughout."""

    arm: Literal["treated", "control"]
    label: str = ""
    days: float | None = None
    every_weeks: float = 0
    times: int = 1

    @property
    def starts(self) -> list[float]:
        """Weeks in which a course begins."""
        return [course * self.every_weeks for course in range(self.times)] if self.days else []


class Design(Strict):
    """Treatments and measurements along the weeks of the trial; the visits come from the trial itself."""

    treatments: list[Treatment]


class Forest(Strict):
    """Effects of every outcome of some families in all participants and in each stratum, with P of their interaction."""

    families: list[str]


class Figure(Strict):
    """A page: either panels, or the flow of participants, the design, or a forest plot."""

    label: str  # as the article counts, such as "Extended Data Fig. 2"
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

    def drawn(self, strata: Sequence[str]) -> list[Panel]:
        """Return the panels for an analysis with these strata, lowest first: ``by_stratum`` repeats them, highest first."""
        if not self.by_stratum:
            return self.panels
        return [panel.model_copy(update={"strata": [name]}) for name in reversed(strata) for panel in self.panels]

    def texts(self, words: Mapping[str, Any], strata: Sequence[str], trial: Trial) -> tuple[str, str]:
        """Return title and caption with their placeholders filled in, those on panels from the panels themselves."""
        panels = self.drawn(strata)
        letters = _letters(panels)
        names = [f"{name} ({letters[name]})" if self.by_stratum else name for name in reversed(strata)]
        visits = dict.fromkeys(trial.visits[panel.visit].label for panel in panels if panel.visit)
        more = {"letters": letters, "strata": listing(names), "visits": listing(visits)}
        return fill(self.title, words | more), fill(self.caption, words | more)


def _letters(panels: Sequence[Panel]) -> dict[str, str]:
    """Return the letters of the panels that show an outcome, marker, group or stratum, by its name: ``a, c`` or ``d–f``."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, panel in enumerate(panels):
        for name in {panel.outcome, panel.marker, panel.group, panel.visit, *panel.strata}:
            places[name].append(place)
    return {name: _runs(found) for name, found in places.items()}


def _runs(places: list[int]) -> str:
    parts = []
    for _, members in groupby(enumerate(places), key=lambda item: item[1] - item[0]):
        run = [letter(place) for _, place in members]
        parts.append(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(run))
    return ", ".join(parts)


def letter(place: int) -> str:
    """Return the letter of a panel, counted from 0."""
    return chr(ord("a") + place)


class Catalogue(Strict):
    """All figures of a trial, in the order in which they are shown."""

    figures: dict[str, Figure]


def catalogue_of(path: Path | str | None, trial: Trial) -> Catalogue:
    """Return the figures that a configuration names, or the usual ones where it names none."""
    return load_catalogue(path, trial) if path else default_catalogue(trial)


def load_catalogue(path: Path | str, trial: Trial) -> Catalogue:
    """Read a list of figures and check it against the trial.

    Raises
    ------
    UserError
        If the file is not YAML, has unknown keys, or names an outcome, visit or marker that the trial does not have.
    """
    catalogue = validated(Catalogue, read_yaml(path), path)
    faults = [
        f"figures.{key}.{place}: the trial has no {name!r}{nearest(name, known)}"
        for key, figure in catalogue.figures.items()
        for place, name, known in _names(figure, trial)
        if name not in known
    ]
    if trial.population is None:
        faults += [
            f"figures.{key}: a correlation needs the key 'population' in the trial"
            for key, figure in catalogue.figures.items()
            if any(panel.kind == "correlation" for panel in figure.panels)
        ]
    if faults:
        raise faulty(path, faults)
    return catalogue


def _names(figure: Figure, trial: Trial):
    """Yield the names that a figure uses: where it does, the name, and the names that the trial has."""
    yield from (("flow.outcomes", name, trial.outcomes) for name in (figure.flow.outcomes if figure.flow else ()))
    yield from (("forest.families", name, trial.families) for name in (figure.forest.families if figure.forest else ()))
    for index, panel in enumerate(figure.panels):
        known = trial.markers if panel.kind == "correlation" else trial.outcomes
        yield f"panels.{index}.outcome", panel.outcome, known
        if panel.visit:
            yield f"panels.{index}.visit", panel.visit, trial.visits
        if panel.marker:
            yield f"panels.{index}.marker", panel.marker, trial.markers


def default_catalogue(trial: Trial) -> Catalogue:
    """List figures for a trial that has no list of its own; see ``default_figures.yaml.jinja``."""
    import yaml
    from jinja2 import Template

    changes: dict[str, list[tuple[str, str]]] = {family: [] for family in trial.families}
    for outcome in trial.outcomes.values():
        if outcome.kind != "binary":
            changes[outcome.family] += [(outcome.key, visit) for visit in outcome.follow_up]
    text = Template(_FOLDER.joinpath("default_figures.yaml.jinja").read_text(encoding="utf-8")).render(
        families=trial.families,
        changes=changes,
        measured=[outcome.key for outcome in trial.outcomes.values() if outcome.follow_up],
        in_forest=[family for family, listed in changes.items() if 0 < len(listed) <= MOST_IN_FOREST],
    )
    return Catalogue.model_validate(yaml.safe_load(text))


@cache
def captions() -> dict[str, Any]:
    """Return titles, captions and words of the figures that no catalogue holds."""
    return read_yaml(_FOLDER / "captions.yaml")
