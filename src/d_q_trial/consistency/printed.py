"""A printed number and the values that print as it."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")


class Printed(NamedTuple):
    """A number as printed: its text, value, decimals, and the interval of values that round to it."""

    text: str
    value: float
    decimals: int
    low: float
    high: float

    @property
    def unit(self) -> float:
        """One unit of the last printed decimal."""
        return 10.0**-self.decimals


def parse(text: str) -> Printed:
    """Read a printed number; half a unit of its last decimal on either side prints the same, ties both ways.

    Raises
    ------
    ValueError
        If the text is not a finite decimal number. A comma is taken as one of thousands or not at all: ``0,05`` is
        refused rather than read as 5.
    """
    cleaned = text.strip().replace("\u2212", "-")
    if _THOUSANDS.fullmatch(cleaned):
        cleaned = cleaned.replace(",", "")
    try:
        number = Decimal(cleaned)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a finite number")
    decimals = max(0, -int(number.as_tuple().exponent))
    half = Decimal(5).scaleb(-decimals - 1)
    return Printed(cleaned, float(number), decimals, float(number - half), float(number + half))


def maybe(text: str | None) -> Printed | None:
    """Read a printed number, or None from an empty cell."""
    return parse(text) if text and text.strip() else None


def overlap(first: tuple[float, float], second: tuple[float, float]) -> bool:
    """Say whether two intervals share a value, up to rounding of the binary kind."""
    slack = 1e-9 * max(1.0, *(abs(end) for end in (*first, *second)))
    return first[0] <= second[1] + slack and second[0] <= first[1] + slack
