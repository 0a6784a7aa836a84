"""Titles, captions and words for the multiverse's table and picture, from its finished numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..formatting import number, p_value
from ..robustness.families import WHOLE
from ..stats.checks import is_significant

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis, Robustness
    from ..trial import Trial

TITLE = "Specification curve"


def describe(
    table: pd.DataFrame, summary: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness, reason: str
) -> dict[str, Any]:
    """Describe ``multiverse.csv`` and ``specification_curve.png``, as the report reads it."""
    if reason:
        caption = f"There is no multiverse: {reason}."
        return {name: {"title": TITLE, "caption": caption, "words": caption} for name in ("specification_curve",)}
    return {
        "specification_curve": {
            "title": TITLE,
            "caption": _caption(table, summary, trial, analysis, robustness),
            "words": _words(table, summary, trial, analysis),
        },
        "multiverse": {
            "title": "Inference on the multiverse",
            "caption": (
                "For each family of specifications: the median of the Mann–Whitney effects in the favoured direction (0.5 is "
                "no effect), the share of specifications that are significant in that direction, and the mean deviate. P "
                "is one-sided: the share of permutations of the arm labels, the same for all specifications, whose summary is at "
                "least as favourable; with the interval that the number of permutations leaves. Participants who are "
                "missing in a specification stay missing. Permuted mean: the share that is significant when the arms "
                "mean nothing. Too small: specifications with fewer than "
                f"{robustness.minimum_per_arm} participants in an arm, which count as no effect, under the observed labels as "
                "under permuted ones."
            ),
        },
    }


def _direction(trial: Trial, robustness: Robustness) -> str:
    outcomes = robustness.multiverse.outcomes.items()
    return ", ".join(f"{direction} {trial.outcomes[key].label}" for key, direction in outcomes)


def _caption(table, summary, trial: Trial, analysis: Analysis, robustness: Robustness) -> str:
    left_out, too_small = (int(summary[name].iloc[0]) for name in ("left_out", "too_small"))
    lost = f" {too_small:,} have fewer than {robustness.minimum_per_arm} participants in an arm and are not drawn."
    lost *= bool(too_small)
    lost += f" {left_out:,} are left out altogether, because no labels could give them enough." * bool(left_out)
    return (
        "Every combination of the choices below, each a point: the chance that a change is more favourable in "
        f"{trial.arms.treated.label} (favoured: {_direction(trial, robustness)}), in order of size. Grey: where the curve "
        "lies when the arm labels are permuted. Below, a strip for each option: grey where the options of a choice are "
        "spread evenly, black where this one is there twice as often or more, white where it is not; at the right its median "
        f"effect and the share with P < {analysis.alpha:g} in the favoured direction. Framed: the analysis' own "
        f"specifications.{lost} All specifications, with their P-values adjusted for all the others, are in "
        "specifications.csv beside this picture."
    )


def _words(table, summary, trial: Trial, analysis: Analysis) -> str:
    whole = summary[summary["family"].eq(WHOLE)].set_index("summary")
    drawn = table[table["effect"].notna()]
    own = drawn[drawn["own"].eq("yes")]
    adjusted = int(is_significant(drawn["p_adjusted"], analysis.alpha).sum())
    value, p = whole["value"], whole["p"]
    return (
        f"Curve of {len(drawn):,} effects from {number(drawn['effect'].min(), 2)} to {number(drawn['effect'].max(), 2)}; "
        f"median {number(value['median_effect'], 2)}, {p_value(p['median_effect'])}; "
        f"{number(100 * value['share_significant'], 1)}% significant in the favoured direction, "
        f"{p_value(p['share_significant'])}; mean z {number(value['mean_z'], 2)}, {p_value(p['mean_z'])}. "
        f"After adjustment for the whole multiverse {adjusted or 'none'} "
        f"{'remain' if adjusted != 1 else 'remains'} below {analysis.alpha:g}; the smallest adjusted value is "
        f"{p_value(drawn['p_adjusted'].min())}. The analysis' own {len(own)} effects lie between "
        f"{number(own['effect'].min(), 2)} and {number(own['effect'].max(), 2)}."
    )
