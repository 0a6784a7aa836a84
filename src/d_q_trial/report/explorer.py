"""The numbers above and below every cutoff of a marker, packed for the page."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import formatting, labels

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..trial import Trial

Row = Mapping[str, str]
SIDES = ("below", "above")
# What is shown of a side, by the columns of cutoffs.csv.
SHOWN = ("n_first", "n_second", "median_first", "median_second", "hodges_lehmann", "lower", "upper", "p")
# P-values of a cutoff that the table may contain beside those of its sides.
AT_CUT = {"p_interaction": "Interaction P", "p_corrected": "P corrected for the search"}


def explorer(
    rows: Sequence[Row],
    own: Sequence[Row],
    best: Sequence[Row],
    trial: Trial,
    analysis: Analysis,
    first: tuple[str, str] = ("", ""),
) -> dict[str, Any] | None:
    """Pack the table of cutoffs: one entry per marker, outcome and visit, its cutoffs in increasing order.

    Parameters
    ----------
    rows, own, best : sequence of mapping
        cutoffs.csv with two rows per cutoff (``side`` below and above), prespecified_cuts.csv with those at which the analysis
        itself cuts, and best_cuts.csv with the P of the best cutoff corrected for the search.
    trial, analysis
    first : (outcome, visit)
        What to show before anything is chosen.

    Returns
    -------
    dict or None
        ``markers``, ``choices`` and ``series``; None without rows. All numbers that people see are text, formatted here;
        the page only shows them. A side is ``[n_first, n_second, median_first, median_second, estimate, lower, upper,
        P]``; of one with too few participants only its numbers of participants are known.
    """
    if not rows:
        return None
    series: dict[tuple[str, str, str], dict[str, dict[str, Row]]] = {}
    for row in rows:
        series.setdefault(_key(row), {}).setdefault(row["cut"], {})[row["side"]] = row
    prespecified_cuts: dict[tuple[str, str, str], set[str]] = {}
    for row in own:
        prespecified_cuts.setdefault(_key(row), set()).add(row["cut"])
    searched = {_key(row): row["p_best_of_both"] for row in best if row["p_best_of_both"]}
    packed = []
    for key, cuts in series.items():
        marker, outcome, visit = key
        ordered = sorted(cuts, key=float)
        decimals = labels.change_decimals(analysis.measure, trial.outcomes[outcome].decimals)
        sizes = _sizes(cuts)
        positions = [index for index, cut in enumerate(ordered) if cut in prespecified_cuts.get(key, ())]
        entry = {
            "marker": marker,
            "choice": f"{outcome}/{visit}",
            "cuts": [float(f"{float(cut):.6g}") for cut in ordered],
            "shown": [formatting.number(float(cut), _cut_decimals(ordered)) for cut in ordered],
            "own": positions,
            "start": positions[-1] if positions else len(ordered) // 2,
            "searched": formatting.p_digits(float(searched[key])) if key in searched else "",
            **{side: [_side(cuts[cut], side, sizes, decimals) for cut in ordered] for side in SIDES},
        }
        for name in AT_CUT:
            values = [next(iter(cuts[cut].values())).get(name, "") for cut in ordered]
            if any(values):
                entry[name] = [formatting.p_digits(_value(text)) for text in values]
        packed.append(entry)
    choices = [(o.key, v) for o in trial.outcomes.values() for v in trial.visits]
    choices = [choice for choice in choices if choice in {key[1:] for key in series}]
    order = list(trial.markers)
    markers = sorted({key[0] for key in series}, key=lambda m: (m != analysis.marker, order.index(m)))
    return {
        "markers": [
            {"key": key, "label": trial.markers[key].label, "unit": trial.markers[key].unit} for key in markers
        ],
        "choices": [
            {
                "key": f"{outcome}/{visit}",
                "outcome": outcome,
                "visit": visit,
                "label": f"{trial.outcomes[outcome].label} at {trial.visits[visit].label}",
                "family": trial.families[trial.outcomes[outcome].family],
                "unit": labels.change_unit(analysis.measure, trial.outcomes[outcome].unit),
            }
            for outcome, visit in choices
        ],
        "first": "/".join(first if first in choices else choices[0]),
        "arms": [arm.label for arm in trial.analysed_arms.values()],
        "level": labels.interval_level(analysis),
        "alpha": analysis.alpha,
        "change": labels.CHANGES[analysis.measure],
        "at_cut": {name: words for name, words in AT_CUT.items() if any(name in entry for entry in packed)},
        "series": packed,
    }


def _key(row: Row) -> tuple[str, str, str]:
    return row["marker"], row["outcome"], row["visit"]


def _value(text: str) -> float:
    return float(text) if text else math.nan


def _sizes(cuts: Mapping[str, Mapping[str, Row]]) -> list[int] | None:
    """Participants of each arm above and below together, which is the same at every cutoff."""
    for sides in cuts.values():
        if len(sides) == len(SIDES):
            return [sum(int(float(row[name])) for row in sides.values()) for name in SHOWN[:2]]
    return None


def _side(sides: Mapping[str, Row], side: str, sizes: list[int] | None, decimals: int) -> list[str] | None:
    """Format one side of a cutoff; with too few participants, only how many there are."""
    if side not in sides:
        other = next(iter(sides.values()))
        return [f"{n - float(other[name]):.0f}" for n, name in zip(sizes, SHOWN[:2], strict=True)] if sizes else None
    row = sides[side]
    return [
        *(f"{_value(row[name]):.0f}" for name in SHOWN[:2]),
        *(formatting.number(_value(row[name]), decimals) for name in SHOWN[2:-1]),
        formatting.p_digits(_value(row["p"])),
    ]


def _cut_decimals(cuts: Sequence[str]) -> int:
    """Return how many decimals tell neighbouring cutoffs apart."""
    gaps = [b - a for a, b in itertools.pairwise(map(float, cuts)) if b > a]
    return min(4, max(0, 1 - math.floor(math.log10(min(gaps, default=1.0)))))
