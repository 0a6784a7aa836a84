"""The numbers above and below every cut of a marker, packed for the page."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import formatting, labels

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..trial import Trial

COLUMNS = (
    "outcome",
    "measure",
    "visit",
    "marker",
    "cut",
    "side",
    "n_first",
    "n_second",
    "median_first",
    "median_second",
    "hodges_lehmann",
    "lower",
    "upper",
    "p",
)
SIDES = ("below", "above")


def explorer(
    rows: Sequence[Mapping[str, str]],
    own_cuts: Mapping[str, float],
    trial: Trial,
    analysis: Analysis,
    first: tuple[str, str] = ("", ""),
) -> dict[str, Any]:
    """Pack the table of cuts: one entry per marker, outcome and visit, its cuts in increasing order.

    Parameters
    ----------
    rows : sequence of mapping
        cutoffs.csv, two rows per cut, ``side`` below and above.
    own_cuts : mapping of marker to float
        Where the analysis cuts each marker; markers without one are allowed.
    trial, analysis
    first : (outcome, visit)
        What to show before anything is chosen.

    Returns
    -------
    dict
        ``markers``, ``choices`` and ``series``. All numbers that people see are text, printed here; the page only shows
        them. A side is ``[n_first, n_second, median_first, median_second, shift, lower, upper, P]``.
    """
    series: dict[tuple[str, str, str], dict[str, dict[str, Sequence[str]]]] = {}
    decimals: dict[tuple[str, str, str], int] = {}
    for row in rows:
        key = row["marker"], row["outcome"], row["visit"]
        decimals[key] = labels.change_decimals(row["measure"], trial.outcomes[row["outcome"]].decimals)
        series.setdefault(key, {}).setdefault(row["cut"], {})[row["side"]] = _side(row, decimals[key])
    packed = []
    for (marker, outcome, visit), cuts in series.items():
        ordered = sorted(cuts, key=float)
        packed.append(
            {
                "marker": marker,
                "choice": f"{outcome}/{visit}",
                "cuts": [float(f"{float(cut):.6g}") for cut in ordered],
                "shown": [formatting.number(float(cut), _cut_decimals(ordered)) for cut in ordered],
                "start": _start([float(cut) for cut in ordered], own_cuts.get(marker), analysis.strata.at_cut),
                **{side: [cuts[cut].get(side) for cut in ordered] for side in SIDES},
            }
        )
    known = {(outcome, visit) for _, outcome, visit in series}
    choices = [(o.key, v) for o in trial.outcomes.values() for v in trial.visits if (o.key, v) in known]
    markers = sorted(
        {marker for marker, _, _ in series}, key=lambda m: (m != analysis.marker, list(trial.markers).index(m))
    )
    measure = next((row["measure"] for row in rows), analysis.measure)
    return {
        "markers": [
            {"key": key, "label": trial.markers[key].label, "unit": trial.markers[key].unit, "own": own_cuts.get(key)}
            for key in markers
        ],
        "choices": [
            {
                "key": f"{outcome}/{visit}",
                "label": f"{trial.outcomes[outcome].label} at {trial.visits[visit].label}",
                "family": trial.families[trial.outcomes[outcome].family],
                "unit": labels.change_unit(measure, trial.outcomes[outcome].unit),
            }
            for outcome, visit in choices
        ],
        "first": "/".join(first if first in known else choices[0]),
        "arms": [arm.label for arm in trial.analysed_arms.values()],
        "level": labels.interval_level(analysis),
        "change": labels.CHANGES[measure],
        "at_cut": analysis.strata.at_cut,
        "series": packed,
    }


def as_script(data: Any) -> str:
    """Return JSON that cannot end the element of a page in which it stands."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _value(text: str) -> float:
    return float(text) if text else math.nan


def _side(row: Mapping[str, str], decimals: int) -> list[str]:
    sizes = [f"{_value(row[name]):.0f}" for name in ("n_first", "n_second")]
    names = ("median_first", "median_second", "hodges_lehmann", "lower", "upper")
    return [
        *sizes,
        *(formatting.number(_value(row[name]), decimals) for name in names),
        formatting.p_digits(_value(row["p"])),
    ]


def _cut_decimals(cuts: Sequence[str]) -> int:
    """Decimals that tell neighbouring cuts apart without drowning the reader in digits."""
    values = [float(cut) for cut in cuts]
    gaps = [b - a for a, b in itertools.pairwise(values) if b > a]
    smallest = min(gaps, default=1.0)
    return min(4, max(0, 1 - math.floor(math.log10(smallest))))


def _start(cuts: Sequence[float], own: float | None, at_cut: str) -> int:
    """Position of the cut that parts participants as the analysis does, or the middle."""
    if own is None:
        return len(cuts) // 2
    if at_cut == "upper":
        return next((index for index, cut in enumerate(cuts) if cut >= own), len(cuts) - 1)
    return max((index for index, cut in enumerate(cuts) if cut <= own), default=0)
