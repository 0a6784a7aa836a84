"""The comparison of arms above and below every cut of a marker, and in sliding windows (STEPP)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..stats.change import significant
from ..stats.maximally_selected import Subgroups, restrict, subgroups
from ..stats.shift import hodges_lehmann_subgroups
from ..stats.two_sample import get_test
from .comparisons import Comparison, whole

if TYPE_CHECKING:
    import pandas as pd

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..trial import Trial

HEAD = ("outcome", "measure", "visit", "marker")
ESTIMATES = (
    *("n_first", "n_second", "median_first", "median_second", "hodges_lehmann", "lower", "upper"),
    *("p", "mann_whitney_effect", "method"),
)
CUTOFFS = (*HEAD, "cut", "share_below", "side", *ESTIMATES)
WINDOWS = (*HEAD, "low", "high", "median_marker", "share_below", *ESTIMATES)

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
        if its participants were assigned to the arms as evenly as possible.
    table : pandas.DataFrame
        A row per group: ``side``, ``low``, ``high``, ``position``, ``share_below`` (where the position lies among the
        participants), ``usable`` (whether the group has enough in each arm) and ``ESTIMATES``, which are NaN where it has not.
    """

    comparison: Comparison
    marker: str
    marker_value: np.ndarray  # of each participant, to ten significant digits
    method: str  # name of the test
    groups: Subgroups
    table: pd.DataFrame

    @property
    def head(self) -> tuple[str, str, str, str]:
        """Outcome, measure, visit and marker."""
        return (*self.comparison.place, self.marker)


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


def slice_of(
    everyone: Comparison, marker: str, amount: np.ndarray, analysis: Analysis, robustness: Robustness
) -> Slices:
    """Cut one outcome and visit along a marker, of which ``amount`` holds each participant's value (NaN: none)."""
    import pandas as pd

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
    tests = get_test(method).compare_columns(columns, is_first)
    shifts = hodges_lehmann_subgroups(
        comparison.value, is_first, groups.members & usable, method=method, confidence=1 - analysis.alpha
    )
    limits = [np.where(np.isfinite(limit), limit, np.nan) for limit in (shifts.lower, shifts.upper)]
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = tests.u / (tests.n_first * tests.n_second)
    medians = (pd.DataFrame(columns[side]).median().to_numpy(float) for side in (is_first, ~is_first))
    estimates = (tests.n_first, tests.n_second, *medians, shifts.estimate, *limits, tests.p, effect, method)
    places = {name: getattr(groups, name) for name in ("side", "low", "high", "position")}
    table = pd.DataFrame(
        places
        | {"share_below": _share_below(groups, amount), "usable": usable}
        | dict(zip(ESTIMATES, estimates, strict=True))
    )
    return Slices(comparison, marker, amount, method, groups, table)


def cutoffs_table(found: Iterable[Slices]) -> pd.DataFrame:
    """Return the comparisons above and below every cut, the side ``below`` first.

    Returns
    -------
    pandas.DataFrame
        Columns ``CUTOFFS``. ``share_below`` is the share of the participants in the group below; ``first`` is the treated
        arm; ``hodges_lehmann`` with ``lower`` and ``upper``, the limits of its interval (empty where the group is too
        small to have one), is in the unit of the change.
    """
    return _joined(found, CUTOFFS, "cut", lambda side: side != "window")


def windows_table(found: Iterable[Slices]) -> pd.DataFrame:
    """Return the comparisons in sliding windows.

    Returns
    -------
    pandas.DataFrame
        Columns ``WINDOWS``. A window holds its bounds ``low`` and ``high``; ``share_below`` is the share of the
        participants below its median marker, half of it where they have just that.
    """
    return _joined(found, WINDOWS, "median_marker", lambda side: side == "window")


def _method(comparison: Comparison, analysis: Analysis) -> str:
    """Name the test of all cuts: the analysis' own, unless hundreds of exact distributions of large groups would take hours."""
    small = max(comparison.counts()) < EXACT_BELOW
    return analysis.test if small else get_test(analysis.test).for_many or analysis.test


def _share_below(groups: Subgroups, marker: np.ndarray) -> np.ndarray:
    """Return the share of participants below each cut, and below the median of each window (those at it count half)."""
    size, ordered = groups.members.sum(axis=0), np.sort(marker)
    middle = sum(np.searchsorted(ordered, groups.position, side=side) for side in ("left", "right")) / 2
    below = np.where(groups.side == "below", size, np.where(groups.side == "above", marker.size - size, middle))
    return below / max(1, marker.size)


def _joined(found: Iterable[Slices], names: tuple[str, ...], position: str, chosen) -> pd.DataFrame:
    import pandas as pd

    parts = [pd.DataFrame(columns=list(names))]
    for part in found:
        rows = part.table[part.table["usable"] & chosen(part.table["side"])]
        # At each cut the group below comes first, as numbers along the marker do.
        rows = rows.sort_values(["position", "side"], ascending=[True, False], kind="stable")
        rows = rows.rename(columns={"position": position}).assign(**dict(zip(HEAD, part.head, strict=True)))
        if len(rows):
            parts.append(rows[list(names)])
    joined = pd.concat(parts[1:] or parts, ignore_index=True)
    return joined.astype({"n_first": "Int64", "n_second": "Int64"})
