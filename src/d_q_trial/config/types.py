"""Kinds of values in configuration files."""

import re
from collections import Counter
from fractions import Fraction
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator


class Quantile(Fraction):
    """An exact quantile, share or cutoff: 2/3 stays 2/3 from the configuration to the tables."""

    @property
    def label(self) -> str:
        """The number as it is usually written: ``2/3``, or a decimal if the denominator is above 20."""
        return str(self) if self.denominator <= 20 else f"{float(self):.10g}"

    @property
    def percent(self) -> str:
        """The share as a percentage if that is a whole number, or else as :attr:`label`."""
        return f"{int(100 * self)}%" if (100 * self).denominator == 1 else self.label

    def __format__(self, specification: str) -> str:
        return format(float(self), specification) if specification else str(self)


# A larger exponent is refused, because its exact number would fill the memory.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?|[+-]?\d+/\d+", re.ASCII | re.IGNORECASE)


def _parse_exact(value: Any) -> Fraction:
    """Read ``2/3``, ``0.75`` or ``1``; ValueError if the value is no finite number, or too large for a float."""
    text = str(value).replace(" ", "")
    try:
        float(exact := Fraction(text if _NUMBER.fullmatch(text) else ""))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError("expected a number or a fraction such as 2/3") from None
    return exact


def parse_quantile(value: Any) -> Quantile:
    """Read a number or fraction, else ValueError; within 1e-9 of a fraction of at most 20ths, return that fraction."""
    simple = (exact := _parse_exact(value)).limit_denominator(20)
    return Quantile(simple if abs(simple - exact) < Fraction(1, 10**9) else exact)


def must_match(pattern: str, expected: str) -> AfterValidator:
    """Return a validator that checks that a text, unless it is None, matches a pattern."""

    def check(text: str | None) -> str | None:
        if text is not None and not re.fullmatch(pattern, text):
            raise ValueError(f"expected {expected}")
        return text

    return AfterValidator(check)


def must_ascend(values: list[float]) -> list[float]:
    """Check that numbers ascend."""
    if sorted(values) != values:
        raise ValueError("expected ascending numbers")
    return values


Number = Annotated[float, BeforeValidator(lambda value: float(_parse_exact(value)))]
Exact = Annotated[Quantile, PlainValidator(parse_quantile), PlainSerializer(str, return_type=str)]
Share = Annotated[Exact, Field(gt=0, lt=1)]
Pair = Annotated[list[Number], Field(min_length=2, max_length=2), AfterValidator(must_ascend)]
_NO_TEXT = ("null", "none", "None", "")
OptionalText = Annotated[str | None, BeforeValidator(lambda text: None if text in _NO_TEXT else text)]
Checksum = Annotated[OptionalText, must_match("[0-9A-Fa-f]{64}", "a SHA-256 checksum, 64 hexadecimal digits")]
NameList = Literal["all"] | Annotated[list[str], Field(min_length=1)]


class StrictModel(BaseModel):
    """A group of settings in which an unknown key is an error; the types say which texts of a file are numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False)

    @pydantic.field_validator("*")
    @classmethod
    def _check_repetition(cls, value: Any) -> Any:
        """Refuse a list of names that has one of them twice, because it would count twice."""
        names = value if isinstance(value, list) and all(isinstance(name, str) for name in value) else []
        if repeated := [name for name, number in Counter(names).items() if number > 1]:
            raise ValueError(f"{repeated[0]!r} is listed twice")
        return value
