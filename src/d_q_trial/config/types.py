"""Kinds of values in ``config.yaml``, forgiving in how they are written and strict in what they are."""

from __future__ import annotations

import contextlib
import re
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..stats import two_sample


def _number(value: Any) -> Any:
    """Read numbers that arrive as text: ``2/3`` from YAML, and everything given with ``snakemake --config``."""
    if isinstance(value, str):
        if re.fullmatch(r"\s*\d+\s*/\s*[1-9]\d*\s*", value):
            return float(Fraction(value.replace(" ", "")))
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                return kind(value)
    return value


def _text(value: Any) -> Any:
    """Read participant numbers and labels that YAML takes for numbers as the text they are."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _absent(value: Any) -> Any:
    return None if value in ("null", "none", "None", "") else value


Number = Annotated[float, BeforeValidator(_number), Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_number), Field(strict=True)]
Share = Annotated[Number, Field(gt=0, lt=1)]
Text = Annotated[str, BeforeValidator(_text)]
Optional = Annotated[str | None, BeforeValidator(_absent)]
TestName = Literal[two_sample.names()]  # type: ignore[valid-type]
PermutableTestName = Literal[two_sample.permutable_names()]  # type: ignore[valid-type]
Names = Literal["all"] | Annotated[list[str], Field(min_length=1)]


class Strict(BaseModel):
    """A group of settings in which an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
