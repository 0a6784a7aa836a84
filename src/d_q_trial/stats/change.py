"""Change from baseline of arrays of values, with the reason where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

SIGNIFICANT_DIGITS = 10

NO_BASELINE = "no baseline value"
NO_FOLLOW_UP = "no follow-up value"
NOT_POSITIVE = "baseline value is zero or negative"
FOLLOW_UP_NOT_POSITIVE = "follow-up value is zero or negative, so it has no logarithm"
NO_RAW_VALUES = "the workbook gives the percent change only"


def significant(values: ArrayLike, digits: int = SIGNIFICANT_DIGITS) -> Any:
    """Round to significant digits, so that values which tie on paper tie in floating point."""
    values = np.asarray(values, dtype=float)
    # By way of decimal text, as on paper: scaling by powers of ten would round twice.
    return np.char.mod(f"%.{digits - 1}e", values).astype(float)[()]


def percent_change(baseline: ArrayLike, follow_up: ArrayLike) -> Any:
    """Percent change, 100 * (follow-up - baseline) / baseline, to ten significant digits; arguments broadcast.

    >>> float(percent_change(0.3, 0.42))
    40.0
    """
    baseline, follow_up = np.asarray(baseline, dtype=float), np.asarray(follow_up, dtype=float)
    return significant(100 * (follow_up - baseline) / baseline)


def change(baseline: np.ndarray, follow_up: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Change of raw values, and the reason where there is none.

    Parameters
    ----------
    baseline, follow_up : array of float, shape (n,)
        In the outcome's unit; NaN marks a missing value.
    kind : {"percent", "log_ratio", "difference"}

    Returns
    -------
    value : array of float, shape (n,)
        To ten significant digits; NaN where ``reason`` is not empty.
    reason : array of str, shape (n,)
    """
    conditions = [np.isnan(baseline), np.isnan(follow_up)]
    reasons = [NO_BASELINE, NO_FOLLOW_UP]
    if kind != "difference":
        conditions.append(baseline <= 0)
        reasons.append(NOT_POSITIVE)
    if kind == "log_ratio":
        conditions.append(follow_up <= 0)
        reasons.append(FOLLOW_UP_NOT_POSITIVE)
    reason = np.select(conditions, reasons, "").astype(object)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "percent":
            value = percent_change(baseline, follow_up)
        elif kind == "log_ratio":
            value = significant(np.log(follow_up / baseline))
        else:
            value = significant(follow_up - baseline)
    return np.where(reason == "", value, np.nan), reason


def change_or_given(
    baseline: np.ndarray, follow_up: np.ndarray, given: np.ndarray, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Change of raw values, or from the percent change that the workbook gives where there is none; as :func:`change`.

    Parameters
    ----------
    baseline, follow_up, given : array of float, shape (n,)
        ``given`` in percent.
    kind : {"percent", "log_ratio", "difference"}
    """
    value, reason = change(baseline, follow_up, kind)
    use_given = (reason != "") & ~np.isnan(given)
    from_given, given_reason = change_from_percent(given, kind)
    return np.where(use_given, from_given, value), np.where(use_given, given_reason, reason).astype(object)


def change_from_percent(percent: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Change from a given percent change, as :func:`change`; a difference cannot be derived from it."""
    reason = np.where(np.isnan(percent), NO_FOLLOW_UP, "").astype(object)
    if kind == "percent":
        return significant(percent), reason
    if kind == "difference":
        return np.full(percent.shape, np.nan), np.where(reason == "", NO_RAW_VALUES, reason)
    reason[percent <= -100] = FOLLOW_UP_NOT_POSITIVE
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(reason == "", significant(np.log1p(percent / 100)), np.nan), reason
