"""The cut of a marker that divides the changes of one arm best, whatever the other arm does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from ..stats.maximally_selected import best_split
from .cutoffs import NO_MARKER, Slices

if TYPE_CHECKING:
    import pandas as pd

    from ..config.robustness import Robustness
    from ..trial import Trial

COLUMNS = (
    "outcome",
    "measure",
    "visit",
    "marker",
    "arm",
    "n",
    "cuts",
    "cut",
    "z",
    "p",
    "p_corrected",
    "p_corrected_lower",
    "p_corrected_upper",
    "permutations",
    "reason",
)
NO_SPLIT = "no cut leaves enough participants on either side"


def best_splits(found: list[Slices], trial: Trial, robustness: Robustness) -> pd.DataFrame:
    """Split the changes of each arm along each marker; see :func:`~d_q_trial.stats.maximally_selected.best_split`.

    Returns
    -------
    pandas.DataFrame
        Columns ``COLUMNS``. ``z`` is positive where changes are larger at or above ``cut``; ``p`` is that of the cut as
        if it had been the only one, by the normal approximation; ``p_corrected`` is corrected for the search, with its
        99% Monte Carlo interval.
    """
    import pandas as pd

    rows = []
    for part in found:
        for arm, own in zip(trial.analysed_arms, (part.comparison.is_first, ~part.comparison.is_first), strict=True):
            split = best_split(
                part.marker_value[own],
                part.comparison.value[own],
                minimum=robustness.minimum_per_arm,
                permutations=robustness.permutations,
                seed=robustness.seed,
            )
            p = 2 * ndtr(-abs(split.z))
            none = np.isnan(split.z)
            reason = "" if not none else (NO_SPLIT if own.any() else NO_MARKER)
            permutations = None if none else split.p.permutations
            numbers = (split.n, split.splits, split.cut, split.z, p, *split.p[:3])
            rows.append((*part.head(), arm, *numbers, permutations, reason))
    whole = dict.fromkeys(("n", "cuts", "permutations"), "Int64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(whole)
