"""Which figures of every cut there are, and what fits on a page; light, since the workflow asks at every call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..trial import Trial

# Heights of a block in millimetres, and of the key below all of them.
TITLE, EFFECT, SAID, P_VALUES, STEP, SLIDING, TICKS, KEY = 4.5, 23.0, 7.5, 14.0, 2.5, 13.0, 10.5, 11.0
BLOCK = TITLE + EFFECT + SAID + P_VALUES + STEP + SLIDING + TICKS
TALLEST = 245.0  # what fits on a page of the journal, with a caption below


def figures(trial: Trial) -> dict[str, tuple[str, str]]:
    """Names of the figures that a trial has, each with its family of outcomes and its marker.

    A family with more outcomes and visits than fit on a page has none.
    """
    return {
        f"every_cut_{family}_{marker}": (family, marker)
        for family in trial.families
        for marker in trial.markers
        if (cells := cells_of(trial, family)) and KEY + BLOCK * -(-len(cells) // columns_of(trial, family)) <= TALLEST
    }


def cells_of(trial: Trial, family: str) -> list[tuple[str, str]]:
    """Outcomes of a family with their visits, a panel each."""
    return [(key, visit) for key, o in trial.outcomes.items() if o.family == family for visit in o.follow_up]


def columns_of(trial: Trial, family: str) -> int:
    """As many visits as there are in a row, and short rows of several outcomes."""
    visits = max((len(o.follow_up) for o in trial.outcomes.values() if o.family == family), default=1)
    return visits if visits > 2 else {1: 3, 2: 4}.get(visits, 3)
