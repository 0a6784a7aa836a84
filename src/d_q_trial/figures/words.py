"""Titles, captions and alternative texts of the figures of every cut and of the specification curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import labels
from ..formatting import interval, number, p_value
from ..stats.checks import is_significant
from .cutoff_pages import figures

if TYPE_CHECKING:
    import pandas as pd

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..trial import Trial
    from .cut_tables import CutTables

CURVE = "Specification curve"


def describe_cutoffs(
    tables: CutTables,
    trial: Trial,
    analysis: Analysis,
    robustness: Robustness,
    label: str | None,
    *,
    cuts: Mapping[str, str],
) -> dict[str, dict[str, Any]]:
    """Describe every figure of cuts by name, in the order of the report: the analysis' own marker first.

    ``cuts`` says for each marker where they lie, as strata.csv does.
    """
    names = sorted(figures(trial).items(), key=lambda item: item[1][1] != analysis.marker)
    described = {}
    for name, (family, marker) in names:
        title = f"{trial.families[family]} against every cut of {trial.markers[marker].label}"
        caption = _cutoffs_caption(trial, analysis, robustness)
        if marker in cuts:
            caption += f" {_where(cuts[marker], trial.markers[marker].unit)}"
        sentences = [f"{label}. {title}."] if label else [f"{title}."]
        for key, outcome in trial.outcomes.items():
            for visit in outcome.follow_up if outcome.family == family else []:
                sentences.append(_panel_in_words(tables.of(marker, key, visit), trial, analysis, key, visit))
        described[name] = {"title": title, "caption": caption, "words": " ".join(filter(None, sentences))}
    return described


def _where(cut: str, unit: str) -> str:
    """Say where the analysis itself cuts; a cut is text, since strata may come from a column."""
    if cut.startswith("column "):
        return f"This analysis takes its strata from the {cut} of the workbook."
    places = " and ".join(number(float(part), 3) for part in cut.split("; "))
    return f"This analysis cuts at {places}{f' {unit}' if unit else ''}."


def _cutoffs_caption(trial: Trial, analysis: Analysis, robustness: Robustness) -> str:
    caption = (
        f"Top: Hodges-Lehmann estimate of the median difference between the arms ({labels.direction(trial)}) among "
        f"participants above and below each cut that leaves at least {robustness.minimum_per_arm} of them in each arm, "
        f"with pointwise {labels.interval_level(analysis)} intervals: each holds for its own cut, not for all cuts "
        f"together. Middle: P of the same comparisons on a logarithmic axis, with a line at {analysis.alpha:g}; the best "
        "cut of either side is ringed. The line of text gives the better of the two, its P as if it had been the only "
        f"cut, P corrected for the search over all cuts on both sides (at most {robustness.permutations:,} permutations "
        "of the arm labels), and P corrected for the search over all cuts, markers, outcomes and visits of the family. "
        "Bottom: the difference in sliding windows along the marker (STEPP), each holding "
        f"{robustness.windows.share:.0%} of the participants. Neighbouring cuts and windows share most of their "
        "participants, so the curves are smoother than the evidence. Limits outside a panel are cut off."
    )
    caption += " Thin vertical line: the cutoff of this analysis."
    return caption + " Dotted: the published cutoff." * bool(trial.cuts)


def _panel_in_words(panel: CutTables, trial: Trial, analysis: Analysis, outcome: str, visit: str) -> str:
    """State what a panel shows: the groups of the analysis' own cut, and the best cut."""
    own = trial.outcomes[outcome]
    decimals = labels.change_decimals(analysis.measure, own.decimals)
    parts = [
        f"in {row.stratum} the difference is {interval(row.hodges_lehmann, row.lower, row.upper, decimals)}, "
        f"{p_value(row.p)}"
        for row in panel.own.itertuples(index=False)
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
    return f"{own.label} at {trial.visits[visit].label}: {'; '.join(parts)}."


def describe_multiverse(
    table: pd.DataFrame, summary: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness, reason: str
) -> dict[str, dict[str, str]]:
    """Describe ``multiverse.csv``, ``choices_variance.csv`` and ``specification_curve.png``, as the report reads it."""
    if reason:
        caption = f"There is no multiverse: {reason}."
        return {"specification_curve": {"title": CURVE, "caption": caption, "words": caption}}
    whole = summary[summary["family"].eq(summary["family"].iloc[0])].set_index("summary")  # the first is the whole
    return {
        "specification_curve": {
            "title": CURVE,
            "caption": _curve_caption(whole, trial, analysis, robustness),
            "words": _curve_in_words(table, whole, analysis),
        },
        "multiverse": {
            "title": "Inference on the multiverse",
            "caption": (
                "For each family of specifications: the median of the Mann–Whitney effects in the favoured direction (0.5 "
                "is no effect), the share of specifications that are significant in that direction, and the mean deviate. "
                "P is one-sided: the share of permutations of the arm labels, the same for all specifications, whose "
                "summary is at least as favourable; with the interval that the number of permutations leaves. "
                "Participants who are missing in a specification stay missing. Permuted mean: the share that is "
                "significant under permuted labels. Too small: combinations with fewer than "
                f"{robustness.minimum_per_arm} participants in an arm, which are in no summary, under the observed labels "
                "as under permuted ones."
            ),
        },
        "choices_variance": {
            "title": "How much of the variance each choice explains",
            "caption": (
                "Share of the variance of the effects on the specification curve: by how much the residual sum of squares "
                "falls when a choice is added to all others (analysis of variance, main effects, type II)."
            ),
        },
    }


def _curve_caption(whole: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness) -> str:
    combinations, left_out, too_small, drawn = (
        int(whole[name].iloc[0]) for name in ("combinations", "left_out", "too_small", "specifications")
    )
    favoured = ", ".join(
        f"{direction} {trial.outcomes[key].label}" for key, direction in robustness.multiverse.outcomes.items()
    )
    few = f"{too_small:,} with fewer than {robustness.minimum_per_arm} participants in an arm" if too_small else ""
    none = f"{left_out:,} that no labels could give enough" if left_out else ""
    lost = f" Of {combinations:,} combinations, {drawn:,} are in the curve and in all numbers here"
    lost += f", without {' and '.join(filter(None, (few, none)))}." if few or none else "."
    return (
        "Every combination of the choices below, each a point: the probability that a change is more favourable in "
        f"{trial.arms.treated.label} (favoured: {favoured}), in order of size. Grey: 95% of the curves under permuted "
        "arm labels. Below, a strip for each option: grey where the options of a choice are spread evenly, black where "
        "this one occurs twice as often or more, white where it does not; at the right its median effect and the share "
        f"with P ≤ {analysis.alpha:g} in the favoured direction. Framed: the analysis' own specifications.{lost} All "
        "specifications, with their multiplicity-adjusted P, are in specifications.csv beside this figure."
    )


def _curve_in_words(table: pd.DataFrame, whole: pd.DataFrame, analysis: Analysis) -> str:
    drawn = table[table["effect"].notna()]
    own = drawn[drawn["own"].eq("yes")]
    adjusted = int(is_significant(drawn["p_adjusted"], analysis.alpha).sum())
    value, p = whole["value"], whole["p"]
    words = (
        f"Curve of {len(drawn):,} effects from {number(drawn['effect'].min(), 2)} to {number(drawn['effect'].max(), 2)}; "
        f"median {number(value['median_effect'], 2)}, {p_value(p['median_effect'])}; "
        f"{number(100 * value['share_significant'], 1)}% significant in the favoured direction, "
        f"{p_value(p['share_significant'])}; mean z {number(value['mean_z'], 2)}, {p_value(p['mean_z'])}. "
        f"After adjustment for the whole multiverse {adjusted or 'none'} "
        f"{'remain' if adjusted != 1 else 'remains'} significant; the smallest adjusted value is "
        f"{p_value(drawn['p_adjusted'].min())}."
    )
    if len(own):
        low, high = (number(end, 2) for end in (own["effect"].min(), own["effect"].max()))
        words += f" The analysis' own {len(own)} effects lie between {low} and {high}."
    return words
