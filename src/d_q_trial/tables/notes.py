"""What stands over and under a table: its title, what its values are, and how they were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import labels
from ..stats.two_sample import get_test
from ..trial import BASELINE
from .catalogue import Table

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..trial import Outcome, Trial


def caption(table: Table, trial: Trial, analysis: Analysis) -> str:
    """Return label, title and notes of a table as one paragraph."""
    return " ".join([f"{table.label}. {title(table, trial, analysis)}.", *notes(table, trial, analysis)])


def title(table: Table, trial: Trial, analysis: Analysis) -> str:
    """Return the title of a table with its placeholders filled in."""
    return _filled(table.title, table, trial, analysis)


def notes(table: Table, trial: Trial, analysis: Analysis) -> list[str]:
    """Say what the values of a table are and how they were made; a paragraph each."""
    paragraphs = {"arms": _arms, "strata": _strata, "comparisons": _comparisons, "events": _events}
    made = paragraphs[table.kind](table, trial, analysis)
    return [*made, _filled(table.note, table, trial, analysis)] if table.note else made


def marker_of(table: Table, analysis: Analysis) -> str:
    """Return the key of the marker that makes the strata of a table."""
    return table.marker or analysis.marker


def measure_of(visit: str, analysis: Analysis) -> str:
    """Return what is shown at a visit: the value at baseline, the change after it."""
    return BASELINE if visit == BASELINE else analysis.measure


def _filled(text: str, table: Table, trial: Trial, analysis: Analysis) -> str:
    words = labels.caption_words(trial, analysis) | {"marker": trial.markers[marker_of(table, analysis)].label}
    return " ".join(labels.fill(text, words).split())


def _outcomes(table: Table, trial: Trial) -> list[Outcome]:
    return [trial.outcomes[name] for name in table.rows.keys(trial)]


def _arms(table: Table, trial: Trial, analysis: Analysis) -> list[str]:
    return [_summaries(_outcomes(table, trial), measure_of(table.visit, analysis), analysis)]


def _strata(table: Table, trial: Trial, analysis: Analysis) -> list[str]:
    return [_summaries(_outcomes(table, trial), BASELINE, analysis), _rule(table, trial, analysis)]


def _comparisons(table: Table, trial: Trial, analysis: Analysis) -> list[str]:
    measure = analysis.measure
    unit = {"percent_change": " in percent", "difference": " in the unit of the outcome"}.get(measure, "")
    made = (
        f"Changes from baseline are {labels.FORMULAS[measure]}{unit}. Differences and shifts are "
        f"{labels.direction(trial)}, {labels.interval(analysis)}. P: {get_test(analysis.test).sentence}; not adjusted for "
        f"multiplicity."
    )
    return [made, _rule(table, trial, analysis)]


def _events(table: Table, trial: Trial, analysis: Analysis) -> list[str]:
    return ["Number (percent) of participants."]


def _rule(table: Table, trial: Trial, analysis: Analysis) -> str:
    marker = trial.markers[marker_of(table, analysis)]
    return labels.strata(analysis.strata, marker.label, marker.unit)


def _summaries(outcomes: list[Outcome], measure: str, analysis: Analysis) -> str:
    kinds = {outcome.kind for outcome in outcomes}
    parts = []
    if "continuous" in kinds:
        parts.append(f"median (first quartile, third quartile; type {analysis.quartile_type})")
    if "binary" in kinds:
        parts.append("number (percent)")
    chi = "; chi-squared test without continuity correction for numbers" if "binary" in kinds else ""
    what = "" if measure == BASELINE else f" Change: {labels.FORMULAS[measure]}."
    test = get_test(analysis.test).sentence
    return f"Values are {labels.listing(parts, 'or')}.{what} P: {test}{chi}; not adjusted for multiplicity."
