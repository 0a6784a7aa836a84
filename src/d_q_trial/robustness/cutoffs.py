"""The comparison of arms above and below every cut of a marker, and in windows that slide along it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..changes import significant
from ..stats.maximally_selected import Subgroups, restrict, subgroups
from ..stats.shift import Shifts, hodges_lehmann_subgroups
from ..stats.two_sample import Compared, get_test
from .comparisons import Comparison, whole

if TYPE_CHECKING:
    import pandas as pd

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..trial import Trial

ESTIMATES = (
    "n_first",
    "n_second",
    "median_first",
    "median_second",
    "hodges_lehmann",
    "lower",
    "upper",
    "p",
    "mann_whitney_effect",
    "method",
)
CUTOFFS = ("outcome", "measure", "visit", "marker", "cut", "share_below", "side", *ESTIMATES)
WINDOWS = ("outcome", "measure", "visit", "marker", "low", "high", "median_marker", "share_below", *ESTIMATES)

EXACT_BELOW = 50  # participants per arm, as in R's wilcox.test

NO_MARKER = "no values of this marker for these participants"
TOO_FEW_FOR_CUTS = "no cut leaves enough participants in each arm"


@dataclass(frozen=True)
class Slices:
    """One outcome and visit, cut and windowed along one marker.

    Attributes
    ----------
    comparison : Comparison
        The participants who have a value of the marker and of the change.
    groups : Subgroups
        Every group above or below a cut, and every window, that could have ``robustness.minimum_per_arm`` in each arm
        if its participants were dealt to the arms as evenly as possible.
    usable : array of bool, shape (groups,)
        Whether it has them.
    share_below : array of float, shape (groups,)
        Where the group's position lies among the participants.
    medians : array of float, shape (2, groups)
        NaN in groups that are not usable, as in the fields of ``tests`` and ``shifts``.
    """

    comparison: Comparison
    marker: str
    marker_value: np.ndarray  # of each participant, to ten significant digits
    method: str  # of the rank-sum test
    groups: Subgroups
    usable: np.ndarray
    share_below: np.ndarray
    medians: np.ndarray
    tests: Compared
    shifts: Shifts

    def head(self) -> tuple[str, str, str, str]:
        """Return outcome, measure, visit and marker."""
        return (self.comparison.outcome, self.comparison.measure, self.comparison.visit, self.marker)


def slices(
    changes: pd.DataFrame, markers: pd.DataFrame, trial: Trial, analysis: Analysis, robustness: Robustness
) -> list[Slices]:
    """Cut every outcome and visit along every marker; see :class:`Slices`.

    Cuts are the distinct values of the marker, to ten significant digits, among those who have a value of the change;
    so each divides them differently. A value at the cut goes where ``analysis.strata.at_cut`` says; where the analysis
    itself cuts plays no part. Participants without ids have no values to cut: their slices are empty.

    Parameters
    ----------
    changes : pandas.DataFrame
    markers : pandas.DataFrame
        A row per participant, a column per marker; :func:`d_q_trial.strata.marker_values`.
    """
    found = []
    for comparison in whole(changes, trial, analysis):
        values = markers.reindex(comparison.participant)
        for marker in trial.markers:
            amount = np.full(comparison.value.size, np.nan)
            if marker in values:
                amount = np.where(comparison.linked, values[marker].to_numpy(float), np.nan)
            found.append(slice_of(comparison, marker, amount, analysis, robustness))
    return found


def cutoffs_table(found: list[Slices]) -> pd.DataFrame:
    """Set the comparisons above and below every cut, the side ``below`` first.

    Returns
    -------
    pandas.DataFrame
        Columns ``CUTOFFS``. ``share_below`` is the share of the participants in the group below; ``first`` is the treated
        arm; ``hodges_lehmann`` with ``lower`` and ``upper``, the limits of its interval (empty where the group is too
        small to have one), is in the unit of the change.
    """
    return _table(
        CUTOFFS, found, lambda s: s.groups.side != "window", lambda s: (s.groups.position, s.share_below, s.groups.side)
    )


def windows_table(found: list[Slices]) -> pd.DataFrame:
    """Set the comparisons in sliding windows.

    Returns
    -------
    pandas.DataFrame
        Columns ``WINDOWS``. A window holds its bounds ``low`` and ``high``; ``share_below`` is the share of the
        participants below its median marker, half of it where they have just that.
    """
    return _table(
        WINDOWS,
        found,
        lambda s: s.groups.side == "window",
        lambda s: (s.groups.low, s.groups.high, s.groups.position, s.share_below),
    )


def slice_of(
    everyone: Comparison, marker: str, amount: np.ndarray, analysis: Analysis, robustness: Robustness
) -> Slices:
    """Cut one outcome and visit along a marker, of which ``amount`` holds each participant's value (NaN: none)."""
    known = ~np.isnan(everyone.value) & ~np.isnan(amount)
    comparison, amount = everyone.within(known, marker), significant(amount[known])
    groups = subgroups(
        amount,
        window=robustness.windows.share,
        step=robustness.windows.step,
        minimum=2 * robustness.minimum_per_arm,
        at_cut=analysis.strata.at_cut,
    )
    is_first, method = comparison.is_first, _method(comparison, analysis)
    smaller = np.minimum(groups.members[is_first].sum(axis=0), groups.members[~is_first].sum(axis=0))
    usable = smaller >= robustness.minimum_per_arm
    columns = np.where(usable, restrict(comparison.value, groups.members), np.nan)
    return Slices(
        comparison,
        marker,
        amount,
        method,
        groups,
        usable,
        _share_below(groups, amount),
        np.array([_medians(columns[is_first]), _medians(columns[~is_first])]),
        get_test(method).compare_columns(columns, is_first),
        hodges_lehmann_subgroups(
            comparison.value, is_first, groups.members & usable, method=method, confidence=1 - analysis.alpha
        ),
    )


def _method(comparison: Comparison, analysis: Analysis) -> str:
    """Test of all cuts: that of the analysis, unless hundreds of exact distributions of large groups would take hours."""
    small = max(comparison.counts()) < EXACT_BELOW
    return analysis.test if small else get_test(analysis.test).for_many or analysis.test


def _share_below(groups: Subgroups, marker: np.ndarray) -> np.ndarray:
    """Share of participants below each cut, and below the median of each window (those at it count half)."""
    size, ordered = groups.members.sum(axis=0), np.sort(marker)
    middle = sum(np.searchsorted(ordered, groups.position, side=side) for side in ("left", "right")) / 2
    below = np.where(groups.side == "below", size, np.where(groups.side == "above", marker.size - size, middle))
    return below / max(1, marker.size)


def _medians(columns: np.ndarray) -> np.ndarray:
    """Median of each column without its missing values."""
    ordered, n = np.sort(columns, axis=0), (~np.isnan(columns)).sum(axis=0)
    if not len(columns):
        return np.full(columns.shape[1], np.nan)
    middle = np.array([np.maximum(n - 1, 0) // 2, np.minimum(n // 2, len(columns) - 1)])
    return np.where(n > 0, np.take_along_axis(ordered, middle, axis=0).mean(axis=0), np.nan)


def _table(names: tuple[str, ...], found: list[Slices], chosen, places) -> pd.DataFrame:
    import pandas as pd

    parts = []
    for part in found:
        # At each cut the group below comes first, as numbers along the marker do.
        keep = np.flatnonzero(part.usable & chosen(part))
        keep = keep[np.lexsort((part.groups.side[keep] == "above", part.groups.position[keep]))]
        parts.append(_rows(part, places(part), keep, names))
    whole = dict.fromkeys(("n_first", "n_second"), "Int64")
    if not parts:
        return pd.DataFrame(columns=list(names)).astype(whole)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
    return pd.DataFrame(columns).astype(whole)


def _rows(part: Slices, places: tuple[np.ndarray, ...], keep: np.ndarray, names: tuple[str, ...]) -> dict:
    tests, shifts = part.tests, part.shifts
    values = [np.full(part.usable.size, word, dtype=object) for word in part.head()]
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = tests.u / (tests.n_first * tests.n_second)
    values += [*places, tests.n_first, tests.n_second, *part.medians, shifts.estimate]
    values += [np.where(np.isfinite(limit), limit, np.nan) for limit in (shifts.lower, shifts.upper)]
    values += [tests.p, effect, np.full(part.usable.size, part.method, dtype=object)]
    return {name: value[keep] for name, value in zip(names, values, strict=False)}
