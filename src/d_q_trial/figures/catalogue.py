"""Which figures there are and what their panels show: data, read from a YAML file of the trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
MOST_IN_FOREST = 12  # comparisons of a family
FOREST_CAPTION = (
    "{change} from baseline: difference between the arms ({direction}), {estimate}; n by arm. Interaction P: whether the effect in "
    "a stratum of {marker} differs from that in {highest} (Mann-Whitney effects, Student's t with Satterthwaite's degrees "
    "of freedom). P: {test}; not adjusted for multiplicity."
)


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
    title: str = ""
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
    start_week: float = 0


class Design(Strict):
    """Treatments and measurements along the weeks of the trial; the visits come from the trial itself."""

    treatments: list[Treatment]
    notes: str = ""


class Forest(Strict):
    """Effects of every outcome of some families in all participants and in each stratum, with P of their interaction."""

    families: list[str]


class Figure(Strict):
    """A page: either panels, or the flow of participants, the design, or a forest plot."""

    label: str  # as the article counts, such as "Extended Data Fig. 2"
    title: str
    caption: str
    width: Literal["single", "double"] = "double"
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
        letters = _Letters(panels)
        names = [f"{name} ({letters[name]})" if self.by_stratum else name for name in reversed(strata)]
        visits = dict.fromkeys(trial.visits[panel.visit].label for panel in panels if panel.visit)
        more = {"letters": letters, "strata": listing(names), "visits": listing(visits)}
        return fill(self.title, words | more), fill(self.caption, words | more)


class _Letters(dict[str, str]):
    """Letters of the panels that show an outcome, a marker, a group or a stratum, by its name: ``a, c`` or ``d–f``."""

    def __init__(self, panels: Sequence[Panel]):
        places: dict[str, list[int]] = {}
        for place, panel in enumerate(panels):
            for name in {panel.outcome, panel.marker, panel.group, panel.visit, *panel.strata}:
                places.setdefault(name, []).append(place)
        super().__init__({name: self._runs(found) for name, found in places.items()})

    @staticmethod
    def _runs(places: list[int]) -> str:
        runs: list[list[int]] = []
        for place in places:
            if runs and runs[-1][-1] == place - 1:
                runs[-1].append(place)
            else:
                runs.append([place])
        parts = [f"{letter(run[0])}–{letter(run[-1])}" if len(run) > 2 else ", ".join(map(letter, run)) for run in runs]
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
    faults = [fault for key, figure in catalogue.figures.items() for fault in _faults(key, figure, trial)]
    if faults:
        raise faulty(path, faults)
    return catalogue


def _faults(key: str, figure: Figure, trial: Trial) -> list[str]:
    where = f"figures.{key}"
    faults = []

    def check(place: str, name: str, known) -> None:
        if name not in known:
            faults.append(f"{where}.{place}: the trial has no {name!r}{nearest(name, known)}")

    for outcome in figure.flow.outcomes if figure.flow else ():
        check("flow.outcomes", outcome, trial.outcomes)
    for family in figure.forest.families if figure.forest else ():
        check("forest.families", family, trial.families)
    for index, panel in enumerate(figure.panels):
        place = f"panels.{index}"
        check(f"{place}.outcome", panel.outcome, trial.markers if panel.kind == "correlation" else trial.outcomes)
        if panel.visit:
            check(f"{place}.visit", panel.visit, trial.visits)
        if panel.marker:
            check(f"{place}.marker", panel.marker, trial.markers)
        if panel.kind == "correlation" and trial.population is None:
            faults.append(f"{where}.{place}: a correlation needs the key 'population' in the trial")
    return faults


def default_catalogue(trial: Trial) -> Catalogue:
    """List figures for a trial that has no list of its own.

    A figure per family of outcomes: the change by arm at every visit, in all participants and then in every stratum.
    """
    figures: dict[str, Figure] = {"figure_1": _default_flow(trial), "figure_2": _default_design()}
    for family, family_label in trial.families.items():
        pairs = _followed(trial, family)
        for strata, suffix, words, columns in (
            ([ALL_PARTICIPANTS], "", "all participants", 3),
            ([EACH], "_strata", "strata of {marker}", 2),
        ):
            per_page = 4 * columns
            for page in range(0, len(pairs), per_page):
                number = len(figures) + 1
                panels = [
                    Panel(kind="arms", outcome=outcome, visit=visit, strata=strata)
                    for outcome, visit in pairs[page : page + per_page]
                ]
                figures[f"figure_{number}_{family}{suffix}"] = Figure(
                    label=f"Fig. {number}",
                    title=f"{family_label}: change from baseline, {words}",
                    caption=(
                        "{change} from baseline by arm. Points are participants; lines are medians and quartiles; "
                        "P: {test}."
                    ),
                    columns=columns,
                    panels=panels,
                )
    families = [family for family in trial.families if 0 < len(_followed(trial, family)) <= MOST_IN_FOREST]
    if families:
        figures["forest"] = Figure(
            label="Forest plot",
            title="Effects in all participants and in strata of {marker}",
            caption=FOREST_CAPTION,
            forest=Forest(families=families),
        )
    return Catalogue(figures=figures)


def _followed(trial: Trial, family: str) -> list[tuple[str, str]]:
    """Return the outcomes of a family that are not yes or no, with their visits after baseline."""
    outcomes = [o for o in trial.outcomes.values() if o.family == family and o.kind != "binary"]
    return [(outcome.key, visit) for outcome in outcomes for visit in outcome.follow_up]


def _default_flow(trial: Trial) -> Figure:
    outcomes = [outcome.key for outcome in trial.outcomes.values() if outcome.follow_up][:6]
    return Figure(
        label="Fig. 1",
        title="Participants",
        caption="Participants by arm, and how many have a value at each visit.",
        flow=Flow(outcomes=outcomes),
    )


def _default_design() -> Figure:
    return Figure(
        label="Fig. 2",
        title="Design",
        caption="Arms, visits and measurements.",
        design=Design(treatments=[Treatment(arm="treated"), Treatment(arm="control")]),
    )
