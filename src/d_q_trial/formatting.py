"""Numbers as text: their rounding, minus signs, P-values, medians with quartiles, and intervals."""

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from typing import Any

MINUS = "\u2212"
UNDEFINED = "not defined"
_SMALLEST_P = Decimal("0.001")
# Percent changes carry ten significant digits; beyond twelve, a decimal tail is binary noise and must not break a tie.
_SIGNIFICANT = 12
_EVERY_DIGIT = Context(prec=400)  # of the largest float
LARGE = 1e15  # numbers of at least this size have an exponent


def to_decimal(value: float) -> Decimal:
    """Return a number as a decimal with twelve significant digits."""
    return Decimal(f"{value:.{_SIGNIFICANT}g}")


def round_decimal(value: float, decimals: int, *, half: str = "even") -> Decimal:
    """Round to ``decimals`` places, ties to even (``half="even"``) or away from zero (``half="up"``)."""
    rule = ROUND_HALF_EVEN if half == "even" else ROUND_HALF_UP
    result = to_decimal(value).quantize(Decimal(1).scaleb(-decimals), rounding=rule, context=_EVERY_DIGIT)
    return abs(result) if result == 0 else result


def find_rounding_rule(value: float, reported: str) -> str:
    """Return the rule by which ``value`` rounds to ``reported`` at the reported decimals, or an empty string.

    Half to even and half up, which agree except for ties, are tried on the decimal number; then the binary number is
    rounded as programs do, so that 0.575 becomes 0.57 because the nearest double is smaller.
    """
    target = Decimal(reported.replace(",", ""))
    decimals = max(0, -int(target.as_tuple().exponent))
    for rule in ("even", "up"):
        if round_decimal(value, decimals, half=rule) == target:
            return f"half {rule}"
    return "binary" if Decimal(f"{value:.{decimals}f}") == target else ""


def round_significant(values, digits: int = 10):
    """Round numbers to significant digits, so that values equal on paper are equal in floating point; same shape.

    Rounds decimal text, because scaling by powers of ten would round twice.
    """
    import numpy as np

    return np.char.mod(f"%.{digits - 1}e", np.asarray(values, dtype=float)).astype(float)[()]


def format_number(value: float, decimals: int, thousands: str = "") -> str:
    """Format a number with a true minus sign and a separator of thousands; NaN becomes an en dash.

    A number of at least ``LARGE`` has an exponent, such as 2.8e+147.
    """
    if value is None or math.isnan(value):
        return "–"
    text = f"{round_decimal(value, decimals):{thousands}f}" if abs(value) < LARGE else f"{value:.1e}"
    return text.replace("-", MINUS)


def format_grouped(value: float, decimals: int) -> str:
    """Format a number with thousands separated by commas, as the journal does."""
    return format_number(value, decimals, ",")


def format_p_digits(p: float) -> str:
    """Format the digits of a P-value: ``0.250``, or ``<0.001`` if it is smaller than that."""
    if p is None or math.isnan(p):
        return UNDEFINED
    return "<0.001" if to_decimal(p) < _SMALLEST_P else f"{round_decimal(p, 3):f}"


def format_p(p: float) -> str:
    """Format a P-value as the paper does: ``P = 0.250``, ``P < 0.001``."""
    digits = format_p_digits(p)
    if digits == UNDEFINED:
        return f"P {UNDEFINED}"
    return f"P < {digits[1:]}" if digits.startswith("<") else f"P = {digits}"


def format_median_iqr(median: float, q1: float, q3: float, decimals: int) -> str:
    """Format ``median (q1, q3)`` as the tables of the paper do."""
    return f"{format_grouped(median, decimals)} ({format_grouped(q1, decimals)}, {format_grouped(q3, decimals)})"


def format_interval(estimate: float, lower: float, upper: float, decimals: int) -> str:
    """Format ``estimate (lower to upper)``, "to" because a minus sign follows; the estimate alone if it has no limits."""
    if math.isnan(lower) and math.isnan(upper):
        return format_number(estimate, decimals)
    return f"{format_number(estimate, decimals)} ({format_number(lower, decimals)} to {format_number(upper, decimals)})"


def text_engine(**filters: Callable[..., Any]):
    """Return a template engine for sentences, which escapes nothing and has more ``filters``; an unknown name is an error."""
    import jinja2

    blocks = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    engine = jinja2.Environment(undefined=jinja2.StrictUndefined, **blocks)
    engine.filters |= {"fmt": format, **filters}
    return engine
