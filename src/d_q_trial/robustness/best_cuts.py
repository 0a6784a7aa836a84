"""The best cut of each marker, with P-values that pay for the search."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..stats.labels import labels_for
from ..stats.maximally_selected import restrict
from ..stats.monte_carlo import MonteCarloP, permutation_p
from ..stats.multiplicity import step_down_p
from ..stats.permutation import Design, Largest, StepDown, run
from ..stats.two_sample import get_test
from .cutoffs import NO_MARKER, TOO_FEW_FOR_CUTS, Slices

if TYPE_CHECKING:
    import pandas as pd

    from ..config.robustness import Robustness
    from ..stats.permutation import Progress
    from ..trial import Trial

SIDES = ("above", "below")
COLUMNS = (
    "outcome",
    "measure",
    "visit",
    "marker",
    "side",
    "cuts",
    "cut",
    "n_first",
    "n_second",
    "hodges_lehmann",
    "lower",
    "upper",
    "method",
    "p",
    "p_best_of_side",
    "p_best_of_side_lower",
    "p_best_of_side_upper",
    "p_best_of_both",
    "p_best_of_both_lower",
    "p_best_of_both_upper",
    "p_best_of_family",
    "p_best_of_family_lower",
    "p_best_of_family_upper",
    "permutations",
    "reason",
)


@dataclass(frozen=True)
class _Search:
    """All subgroups above and below cuts as specifications of one permutation test; arrays of shape (specifications,)."""

    slice: np.ndarray  # index among the slices
    group: np.ndarray  # index among the groups of the slice
    side: np.ndarray  # 0 above, 1 below
    family: np.ndarray
    design: Design
    is_first: np.ndarray  # of shape (participants,)


def best_cuts(
    found: list[Slices], trial: Trial, robustness: Robustness, progress: Progress | None = None
) -> pd.DataFrame:
    """Find the cut with the largest deviate above, and below, and its P corrected for the search.

    Arm labels of all participants are permuted together. Under each permutation the same search is made again, among
    all cuts that leave ``robustness.minimum_per_arm`` in each arm under those labels, and its largest ``|z|`` is held
    against the observed one. Deviates are those of the tie-corrected normal approximation, with the continuity
    correction only where the test of the cuts has it. Where several cuts share the largest ``|z|``, the lowest counts.

    Returns
    -------
    pandas.DataFrame
        A row per marker, outcome, visit and side with the columns of ``COLUMNS``: ``cuts`` is the number of cuts tried
        on that side, ``p`` that of the cut as if it had been the only one. ``p_best_of_side`` corrects for the search
        over those cuts, ``p_best_of_both`` for the search on both sides (at the better of the two), and ``p_best_of_family`` for the search over
        both sides, all markers, all visits and all outcomes of the outcome's family (step-down, as Westfall and Young);
        each with its 99% Monte Carlo interval. ``reason`` says why there is no cut.

    References
    ----------
    The maximally selected statistic of Miller and Siegmund (1982), Biometrics 38, 1011-1016, applied to the comparison
    of arms within a subgroup.
    """
    import pandas as pd

    search = _search(found, trial, robustness)
    z = search.design.observed(search.is_first).z
    labels = labels_for(search.is_first, robustness.permutations, robustness.seed)
    by_side, by_slice = Largest(z, 2 * search.slice + search.side), Largest(z, search.slice)
    by_family = StepDown(z, search.family)
    if len(z):
        run(
            search.design,
            labels,
            [by_side, by_slice, by_family],
            memory_mb=robustness.memory_mb,
            progress=progress,
        )
    in_family = step_down_p(by_family, labels.count, exhaustive=labels.exhaustive)
    rows = []
    for (number, part), (side, word) in itertools.product(enumerate(found), enumerate(SIDES)):
        own = np.flatnonzero((search.slice == number) & (search.side == side) & ~np.isnan(z))
        reason = get_test(part.method).not_permuted
        if reason or not own.size:
            reason = reason or (TOO_FEW_FOR_CUTS if part.comparison.value.size else NO_MARKER)
            blank = [None] * (len(COLUMNS) - 7)
            rows.append((*part.head(), word, 0, *blank, reason))
            continue
        best = own[np.argmax(np.abs(z[own]) >= np.abs(z[own]).max() * (1 - 1e-9))]
        of_side, of_both = (
            permutation_p(int(counts.counts[place]), labels.count, exhaustive=labels.exhaustive)
            for counts, place in ((by_side, 2 * number + side), (by_slice, number))
        )
        if abs(z[best]) < by_slice.observed[number]:
            of_both = MonteCarloP.undefined()
        group = search.group[best]
        estimates = (part.shifts.estimate[group], part.shifts.lower[group], part.shifts.upper[group])
        rows.append(
            (
                *part.head(),
                word,
                own.size,
                part.groups.position[group],
                part.tests.n_first[group],
                part.tests.n_second[group],
                *(value if np.isfinite(value) else None for value in estimates),
                part.method,
                part.tests.p[group],
                *(value for p in (of_side, of_both, in_family[best]) for value in p[:3]),
                labels.count,
                "",
            )
        )
    whole = ("cuts", "n_first", "n_second", "permutations")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(whole, "Int64"))


def _search(found: list[Slices], trial: Trial, robustness: Robustness) -> _Search:
    is_first = {
        person: first
        for part in found
        for person, first in zip(part.comparison.participant, part.comparison.is_first, strict=True)
    }  # in order of appearance
    place = {person: row for row, person in enumerate(is_first)}
    families = list(dict.fromkeys(outcome.family for outcome in trial.outcomes.values()))
    columns, continuity, keys = [np.empty((len(place), 0))], [], [np.empty((4, 0), dtype=int)]
    for number, part in enumerate(found):
        groups = np.flatnonzero(part.groups.side != "window")
        groups = groups[np.lexsort((part.groups.position[groups], part.groups.side[groups]))]
        values = np.full((len(place), groups.size), np.nan)
        rows = [place[person] for person in part.comparison.participant]
        values[rows] = restrict(part.comparison.value, part.groups.members[:, groups])
        columns.append(values)
        family = families.index(trial.outcomes[part.comparison.outcome].family)
        sides = (part.groups.side[groups] == "below").astype(int)
        keys.append(np.array([np.full(groups.size, number), groups, sides, np.full(groups.size, family)]))
        continuity += [bool(get_test(part.method).continuity)] * groups.size
    design = Design(
        np.concatenate(columns, axis=1), minimum_per_arm=robustness.minimum_per_arm, continuity=np.array(continuity)
    )
    return _Search(*np.concatenate(keys, axis=1), design, np.array(list(is_first.values()), dtype=bool))
