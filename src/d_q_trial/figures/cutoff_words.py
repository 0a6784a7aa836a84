"""Titles, captions and alternative texts of the figures of every cut, for the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import labels
from ..formatting import interval, number, p_value
from .cutoff_pages import figures

if TYPE_CHECKING:
    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..robustness.cut_tables import CutTables
    from ..trial import Trial


def describe(
    tables: CutTables,
    trial: Trial,
    analysis: Analysis,
    robustness: Robustness,
    label: str | None,
    *,
    cuts: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    """Describe every figure by name, in the order of the report: the analysis' own marker first.

    ``tables.marked`` holds the analysis' own cuts, and ``cuts`` says for each marker where they lie, as strata.csv does.
    """
    names = sorted(figures(trial).items(), key=lambda item: item[1][1] != analysis.marker)
    described = {}
    for name, (family, marker) in names:
        described[name] = _figure(tables, trial, analysis, robustness, family, marker, label)
        if marker in cuts:
            described[name]["caption"] += f" {_where(cuts[marker], trial.markers[marker].unit)}"
    return described


def _where(cut: str, unit: str) -> str:
    """Say where the analysis itself cuts; a cut is text, since strata may come from a column."""
    if cut.startswith("column "):
        return f"This analysis takes its strata from the {cut} of the workbook."
    places = " and ".join(number(float(part), 3) for part in cut.split("; "))
    return f"This analysis cuts at {places}{f' {unit}' if unit else ''}."


def _figure(
    tables: CutTables,
    trial: Trial,
    analysis: Analysis,
    robustness: Robustness,
    family: str,
    marker: str,
    label: str | None,
) -> dict[str, Any]:
    own, level = trial.markers[marker].label, labels.interval_level(analysis)
    title = f"{trial.families[family]} against every cut of {own}"
    caption = (
        f"Top: shift between the arms ({labels.direction(trial)}, Hodges-Lehmann) among participants above and below "
        f"each cut that leaves at least {robustness.minimum_per_arm} of them in each arm, with {level} intervals. The "
        "intervals are pointwise: each holds for its own cut, not for all cuts together. Middle: P of the same "
        f"comparisons on a logarithmic axis, with a line at {analysis.alpha:g}; the best cut of either side is ringed. "
        "The line of text gives the better of the two, its P as if it had been the only cut, P corrected for the "
        f"search over all cuts on both sides ({robustness.permutations:,} permutations of the arms at most), and P "
        "corrected for the search over all cuts, markers, outcomes and visits of the family. Bottom: the shift in "
        f"windows that slide along the marker, each holding {robustness.windows.share:.0%} of the participants. "
        "Neighbouring cuts and windows share most of their participants, so the curves are smoother than the evidence; "
        "what leaves a panel is cut off."
    )
    if trial.cuts:
        caption += " Dotted: the cut of the article."
    sentences = [f"{label}. {title}."] if label else [f"{title}."]
    for key, outcome in trial.outcomes.items():
        for visit in outcome.follow_up if outcome.family == family else []:
            sentences.append(_in_words(tables.of(marker, key, visit), trial, analysis, key, visit))
    return {"title": title, "caption": caption, "words": " ".join(filter(None, sentences))}


def _in_words(panel: CutTables, trial: Trial, analysis: Analysis, outcome: str, visit: str) -> str:
    """State what a panel shows: the groups of the analysis' own cut, and the best cut."""
    own = trial.outcomes[outcome]
    name = f"{own.label} at {trial.visits[visit].label}"
    decimals = labels.change_decimals(analysis.measure, own.decimals)
    parts = [
        f"in {row.stratum} the shift is {interval(row.hodges_lehmann, row.lower, row.upper, decimals)}, {p_value(row.p)}"
        for row in panel.marked.itertuples(index=False)
        if row.stratum in analysis.strata.labels
    ]
    best = panel.best_of_both()
    if best is None:
        parts.append("there is no cut to try")
    else:
        parts.append(
            f"the best of all cuts is {best.side} {number(best.cut, 3)}, {p_value(best.p)}, "
            f"{p_value(best.p_best_of_both)} after correction for the search"
        )
    return f"{name}: {'; '.join(parts)}."
