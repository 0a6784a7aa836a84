"""Remarks on what is odd but kept: markers that cut no strata, changes that hardly can be, columns that were not read."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from ..participants import PERCENT_CHANGE, TRIAL
from ..trial import Trial
from .extract import Chunk
from .faults import Faults, shown
from .headers import is_number
from .plan import IGNORE, MAPPED, Plan

FEW = 3
MOST_CHANGE = 1000  # percent
SAMPLE = 200
MOST_NAMED = 6


def check_markers(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Tell of markers that can cut no strata, and of negative values of a marker."""
    for key, marker in trial.markers.items():
        own = [
            chunk for chunk in chunks if chunk.variable == key and chunk.plan.cohort == TRIAL and chunk.texts is None
        ]
        values = np.concatenate([chunk.values for chunk in own]) if own else np.zeros(0)
        if not own:
            continue
        place = {"sheet": own[0].plan.sheet, "cell": own[0].header_cell, "value": own[0].column.label}
        if len(values) < 2 * FEW:
            faults.note("few marked", f"only {len(values)} participants have a value of {marker.label}", **place)
        elif (values == values[0]).all():
            faults.note("no strata", f"all values of {marker.label} are equal: they cut no strata", **place)
        for chunk in own:
            for index in np.flatnonzero(chunk.values < 0):
                faults.note(
                    "outlying",
                    f"negative value of {marker.label}; kept",
                    sheet=chunk.plan.sheet,
                    cell=chunk.address(int(index)),
                    value=float(chunk.values[index]),
                )


def check_changes(chunks: list[Chunk], trial: Trial, faults: Faults) -> None:
    """Tell of given percent changes that hardly can be, and of groups that only one arm has values of."""
    arms: dict[tuple, set[str | None]] = defaultdict(set)
    first: dict[tuple, Chunk] = {}
    for chunk in chunks:
        if chunk.plan.cohort != TRIAL or chunk.variable not in trial.outcomes:
            continue
        if chunk.measure == PERCENT_CHANGE:
            for index in np.flatnonzero((chunk.values < -100) | (chunk.values > MOST_CHANGE)):
                value = float(chunk.values[index])
                why = "below -100%, which values above zero cannot make" if value < 0 else f"above {MOST_CHANGE}%"
                faults.note(
                    "outlying",
                    f"a percent change {why}; kept",
                    sheet=chunk.plan.sheet,
                    cell=chunk.address(int(index)),
                    value=value,
                )
        key = (chunk.variable, chunk.visit, chunk.measure)
        first.setdefault(key, chunk)
        arms[key].update(set(chunk.arms))
    everywhere = set().union(*arms.values())
    for key, present in arms.items():
        for name, arm in trial.analysed_arms.items():
            if name in everywhere - present and present != {None}:
                chunk = first[key]
                faults.note(
                    "empty arm",
                    f"{trial.variable_label(key[0])}, {trial.visits[key[1]].label}: no value in the arm {arm.label}",
                    sheet=chunk.plan.sheet,
                    cell=chunk.header_cell,
                )


def check_unread(plans: list[Plan], faults: Faults) -> None:
    """Tell of columns of numbers that nothing was read from, in a line per block."""
    for plan in plans:
        if not plan.readable or plan.evidence == MAPPED:
            continue
        body = plan.block.values[plan.header.first_data :]
        unread = []
        for column in plan.having(IGNORE):
            numbers = sum(is_number(row[column.index]) for row in body[:SAMPLE])
            if numbers > 1:
                letter = plan.block.address(plan.header.first_data, column.index).rstrip("0123456789")
                unread.append(f"{letter} ({shown(column.label) or 'no header'})")
        if unread:
            more = f" and {len(unread) - MOST_NAMED} more" if len(unread) > MOST_NAMED else ""
            faults.note(
                "unread columns",
                f"numbers that were not recognised and not read: {', '.join(unread[:MOST_NAMED])}{more}",
                sheet=plan.sheet,
                cell=plan.block.range,
            )
