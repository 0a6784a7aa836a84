"""The choices of a specification that act on values: who counts, what stands for a missing value, what for an outlier.

They apply in this order: missing values, population, subgroup, outliers. None of them looks at the arm, so that a
specification means the same under permuted labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..stats.quantiles import quantile


def with_missing(changes: Sequence[np.ndarray], has_baseline: np.ndarray, rule: str) -> np.ndarray:
    """Return the changes at a visit after a rule for missing ones.

    Parameters
    ----------
    changes : sequence of array, shape (participants,)
        Observed changes at the visits of the outcome up to and with the one analysed, earliest first.
    has_baseline : array of bool, shape (participants,)
        Who has a baseline value, and one that the kind of change can be computed from.
    rule : {"available", "last_carried_forward", "no_change"}
        ``available``: missing stays missing. ``last_carried_forward``: the change at the last earlier follow-up visit
        that has one; the baseline is not carried forward, so who has no follow-up yet stays missing. ``no_change``: the
        follow-up equals the baseline, so the change is 0; who has no baseline value stays missing.

    Returns
    -------
    array, shape (participants,)
    """
    values = changes[-1].copy()
    if rule == "last_carried_forward":
        for earlier in reversed(changes[:-1]):
            values = np.where(np.isnan(values), earlier, values)
    elif rule == "no_change":
        values[np.isnan(values) & has_baseline] = 0.0
    elif rule != "available":
        raise ValueError(f"missing-value rule {rule!r}")
    return values


def fences(values: np.ndarray, *, limit: float, quartile_type: int) -> tuple[float, float]:
    """Return the values beyond which a specification's values are outliers.

    They lie ``limit`` interquartile ranges below the lower and above the upper quartile of the specification's own
    participants, of both arms together. The outlier rule of an analysis takes the quartiles of each arm instead. Here
    that would make the values depend on the arm labels: permuting the labels would then compare values which another
    split had trimmed, and the permutation test would not hold its level.

    Parameters
    ----------
    values : array of float, shape (participants,)
        NaN for everybody who is not part of the specification.
    limit : float
    quartile_type : int
        As Hyndman and Fan count them.

    Returns
    -------
    low, high : float
        NaN if there is no value.
    """
    q1, q3 = quantile(values, [0.25, 0.75], type=quartile_type)
    return q1 - limit * (q3 - q1), q3 + limit * (q3 - q1)


def without_outliers(values: np.ndarray, rule: str, low: float, high: float) -> np.ndarray:
    """Return the values of a specification after a rule for those beyond its :func:`fences`.

    Parameters
    ----------
    values : array of float, shape (participants,)
    rule : {"keep", "trim", "winsorise"}
        ``trim``: values beyond a fence become missing. ``winsorise``: they move to the fence.
    low, high : float

    Returns
    -------
    array, shape (participants,)
    """
    if rule == "winsorise":
        return np.clip(values, low, high)
    if rule == "trim":
        return np.where((values < low) | (values > high), np.nan, values)
    if rule != "keep":
        raise ValueError(f"outlier rule {rule!r}")
    return values
