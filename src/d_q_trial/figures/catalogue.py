"""Which figures there are and what their panels show: data, read from a YAML file of the trial."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..config.yaml_files import faulty, read_yaml, validated
from ..errors import nearest
from ..results_table import EVERYBODY
from ..trial import Trial

CHANGE = "change"  # stands for whatever change the analysis asks for
HIGHEST, LOWEST, EACH = "highest", "lowest", "each"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Panel(_Strict):
    """One frame of a figure.

    ``arms``: every participant by arm at one visit, in everybody or in strata. ``time_course``: medians by arm over the
    visits. ``strata``: baseline values by stratum, both arms together. ``correlation``: a marker against age.
    """

    kind: Literal["arms", "time_course", "strata", "correlation"]
    outcome: str  # or the marker, in a correlation
    visit: str = ""  # of ``arms``
    strata: list[str] = [EVERYBODY]  # all, highest, lowest, each, or a label of the analysis
    marker: str = ""  # that makes the strata; the one of the analysis unless said otherwise
    group: Literal["population", "population_under_cut", "population_from_cut", "participants"] = "participants"
    title: str = ""
    limits: tuple[float, float] | None = None  # of the vertical axis; else chosen from the data

    @model_validator(mode="after")
    def _consistent(self):
        if self.kind == "arms" and not self.visit:
            raise ValueError("'arms' needs the key 'visit'")
        if self.kind == "time_course" and len(self.strata) != 1:
            raise ValueError("'time_course' shows one of 'strata'")
        return self


class Flow(_Strict):
    """How participants went through the trial: printed constants, and n of these outcomes as counted."""

    outcomes: list[str]


class Treatment(_Strict):
    """What an arm gets: a course of ``days`` that begins every so many weeks, ``times`` times; or throughout."""

    arm: Literal["treated", "control"]
    label: str = ""
    days: float | None = None
    every_weeks: float = 0
    times: int = 1
    start_week: float = 0


class Design(_Strict):
    """Treatments and measurements along the weeks of the trial; the visits come from the trial itself."""

    treatments: list[Treatment]
    notes: str = ""


class Figure(_Strict):
    """A page: either panels, or the flow of participants, or the design."""

    label: str  # as the article counts, such as "Extended Data Fig. 2"
    title: str
    caption: str
    width: Literal["single", "double"] = "double"
    columns: int = Field(default=3, ge=1, le=4)
    panel_height: float = Field(default=58.0, ge=30, le=150)  # millimetres
    panels: list[Panel] = Field(default=[], max_length=26)
    flow: Flow | None = None
    design: Design | None = None

    @model_validator(mode="after")
    def _one_kind(self):
        if sum(map(bool, (self.panels, self.flow, self.design))) != 1:
            raise ValueError("a figure has one of 'panels', 'flow' and 'design'")
        return self

    @property
    def shows_strata(self) -> bool:
        """Whether a panel shows strata, or the words name one."""
        words = f"{self.title} {self.caption}"
        return any(panel.kind == "strata" or panel.strata != [EVERYBODY] for panel in self.panels) or any(
            f"{{{name}}}" in words for name in (HIGHEST, LOWEST)
        )


class Catalogue(_Strict):
    """All figures of a trial, in the order in which they are shown."""

    figures: dict[str, Figure]

    def parts(self) -> dict[str, list[str]]:
        """Share the figures out to two jobs: those that stay as they are when a marker is cut elsewhere, and the others.

        A part without figures is left out; each keeps the order of the list.
        """
        parts = {"everybody": [], "strata": []}
        for key, figure in self.figures.items():
            parts["strata" if figure.shows_strata else "everybody"].append(key)
        return {name: keys for name, keys in parts.items() if keys}


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

    A figure per family of outcomes: the change by arm at every visit, in everybody and then in every stratum.
    """
    figures: dict[str, Figure] = {"figure_1": _default_flow(trial), "figure_2": _default_design()}
    for family, family_label in trial.families.items():
        outcomes = [o for o in trial.outcomes.values() if o.family == family and o.follow_up and o.kind != "binary"]
        pairs = [(outcome.key, visit) for outcome in outcomes for visit in outcome.follow_up]
        for strata, suffix, words, columns in (
            ([EVERYBODY], "", "all participants", 3),
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
    return Catalogue(figures=figures)


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
