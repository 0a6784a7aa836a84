"""Compare percent changes that a workbook gives with those that its raw values make."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass

import numpy as np

from ..participants import PERCENT_CHANGE, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .extract import Chunk
from .faults import Faults

MOST_LISTED = 20


@dataclass
class Comparison:
    """What came of one comparison, as a claim about the workbook."""

    sheet: str
    cell: str
    outcome: str
    visit: str
    group: str
    compared: int
    agreeing: int
    note: str


def compare_given(chunks: list[Chunk], trial: Trial, faults: Faults) -> tuple[list[Chunk], list[dict]]:
    """Compare given changes with recomputed ones, and drop those that raw values make again.

    Returns
    -------
    list of Chunk
        Without given changes of participants who have both raw values, and without panels that repeat raw values.
    list of dict
        A comparison per column of given changes.
    """
    if all(chunk.linked and chunk.measure == VALUE for chunk in chunks):
        return chunks, []
    raw: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for chunk in chunks:
        if chunk.linked and chunk.measure == VALUE and chunk.plan.cohort == TRIAL and chunk.texts is None:
            raw[chunk.variable, chunk.visit].update(zip(chunk.participants, chunk.values.tolist(), strict=True))
    arm_of = {
        identity: arm
        for chunk in chunks
        if chunk.linked
        for identity, arm in zip(chunk.participants, chunk.arms, strict=True)
    }
    kept, comparisons = [], []
    for chunk in chunks:
        outcome = trial.outcomes.get(chunk.variable)
        made: dict[str, float] = {}
        if outcome is not None and chunk.measure == PERCENT_CHANGE:
            made = _changes(raw.get((chunk.variable, BASELINE), {}), raw.get((chunk.variable, chunk.visit), {}))
        elif outcome is not None and not chunk.linked:
            made = raw.get((chunk.variable, chunk.visit), {})
        if not made:
            kept.append(chunk)
        elif chunk.linked:
            comparisons.append(_compare_linked(chunk, made, trial, faults))
            chunk.keep(np.array([identity not in made for identity in chunk.participants], dtype=bool))
            kept += [chunk] if len(chunk.positions) else []
        else:
            comparisons.append(_compare_panel(chunk, made, arm_of, trial, faults))
    return kept, [asdict(comparison) for comparison in comparisons]


def _changes(baseline: dict[str, float], follow_up: dict[str, float]) -> dict[str, float]:
    return {
        identity: 100 * (value - baseline[identity]) / baseline[identity]
        for identity, value in follow_up.items()
        if baseline.get(identity, 0.0) > 0
    }


def _tolerance(values: np.ndarray) -> float:
    """Return half a unit of the last decimal that the values were written with."""
    decimals = max((len(f"{value:.10g}".partition(".")[2]) for value in values.tolist()), default=0)
    return 0.5 * 10.0**-decimals * (1 + 1e-6) + 1e-9


def _compare_linked(chunk: Chunk, made: dict[str, float], trial: Trial, faults: Faults) -> Comparison:
    tolerance = _tolerance(chunk.values)
    pairs = [
        (index, float(given), made[identity])
        for index, (identity, given) in enumerate(zip(chunk.participants, chunk.values, strict=True))
        if identity in made
    ]
    wrong = [p for p in pairs if abs(p[1] - p[2]) > max(tolerance, 1e-7 * abs(p[2]))]
    label = f"{trial.variable_label(chunk.variable)}, {trial.visits[chunk.visit].label}"
    note = ""
    if wrong:
        ratio = _common_ratio(wrong) if len(wrong) == len(pairs) else None
        note = f"all given changes are {ratio:g} times the recomputed ones" if ratio else "given changes differ"
        for index, given, recomputed in wrong[:MOST_LISTED]:
            faults.note(
                "given change",
                f"given percent change of {label}; raw values make {recomputed:.6g}; the raw values are used",
                sheet=chunk.plan.sheet,
                cell=chunk.address(index),
                value=given,
            )
        if ratio:
            faults.note("given change", f"{label}: {note}", sheet=chunk.plan.sheet, cell=chunk.header_cell)
    return Comparison(
        chunk.plan.sheet, chunk.header_cell, chunk.variable, chunk.visit, "", len(pairs), len(pairs) - len(wrong), note
    )


def _common_ratio(wrong: list[tuple[int, float, float]]) -> float | None:
    ratios = [given / made for _, given, made in wrong if made]
    if not ratios or not np.allclose(ratios, ratios[0], rtol=1e-3):
        return None
    return float(f"{ratios[0]:.3g}")


def _compare_panel(chunk: Chunk, made: dict[str, float], arm_of: dict, trial: Trial, faults: Faults) -> Comparison:
    """Compare a panel without ids with the recomputed values of its arms, as sorted lists."""
    arms = {arm for arm in chunk.arms if arm}
    pool = sorted(value for identity, value in made.items() if not arms or arm_of.get(identity) in arms)
    tolerance = _tolerance(chunk.values)
    matched, position = 0, 0
    for value in np.sort(chunk.values):
        while position < len(pool) and pool[position] < value - max(tolerance, 1e-7 * abs(value)):
            position += 1
        if position < len(pool) and abs(pool[position] - value) <= max(tolerance, 1e-7 * abs(value)):
            matched += 1
            position += 1
    group = ", ".join(sorted({s for s in chunk.strata if s} | set(arms)))
    label = f"{trial.variable_label(chunk.variable)}, {trial.visits[chunk.visit].label}"
    count = len(chunk.values)
    note = "" if matched == count else f"{count - matched} values of the panel are not among those of the participants"
    faults.note(
        "panel",
        f"{label} ({group or 'all participants'}): {matched} of {count} values agree with those of the participants on other "
        "sheets; the panel is not read twice",
        sheet=chunk.plan.sheet,
        cell=chunk.header_cell,
        value=chunk.column.label,
    )
    return Comparison(chunk.plan.sheet, chunk.header_cell, chunk.variable, chunk.visit, group, count, matched, note)
