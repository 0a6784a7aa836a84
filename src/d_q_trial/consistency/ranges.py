"""Printed P-values against the printed medians, quartiles and ranges, and printed effects against the medians."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .claims import Claim
from .envelope import p_range, u_range
from .printed import overlap


@dataclass(frozen=True)
class RangeCheck:
    """How far P can go for the printed quantiles of a claim; ``inside`` is None if they contradict themselves."""

    claim: Claim
    n_first: int
    n_second: int
    u_low: float
    u_high: float
    p_low: float
    p_high: float
    inside: bool | None


def check_range(claim: Claim, n_first: int, n_second: int, *, variant: str, kind: int) -> RangeCheck | None:
    """Check one P against the quantiles of its groups; None if a group has none."""
    if claim.first.median is None or claim.second.median is None:
        return None
    span = u_range(claim.first, claim.second, n_first, n_second, kind=kind)
    if span is None:
        return RangeCheck(claim, n_first, n_second, math.nan, math.nan, math.nan, math.nan, None)
    low, high = p_range(*span, n_first, n_second, variant, claim.ties.most if claim.ties.weight else 0)
    inside = {
        "=": claim.low <= high and low <= claim.high,
        "<": low < claim.p.value,
        ">": high > claim.p.value,
    }[claim.relation]
    return RangeCheck(claim, n_first, n_second, *span, low, high, inside)


@dataclass(frozen=True)
class EffectCheck:
    """A printed effect against the difference of the printed medians."""

    claim: Claim
    low: float
    high: float
    agrees: bool


def check_effect(claim: Claim) -> EffectCheck | None:
    """Check a printed difference of medians; None if it or a median is not printed."""
    if claim.effect is None or claim.first.median is None or claim.second.median is None:
        return None
    low = claim.first.median.low - claim.second.median.high
    high = claim.first.median.high - claim.second.median.low
    return EffectCheck(claim, low, high, overlap((low, high), (claim.effect.low, claim.effect.high)))
