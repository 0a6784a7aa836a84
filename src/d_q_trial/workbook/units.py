"""Compare the unit that a workbook states with the trial's."""

from __future__ import annotations

import re

_PREFIX = {"k": 1e3, "": 1.0, "d": 1e-1, "c": 1e-2, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_BASES = ("mol", "iu", "g", "l", "m2", "m")
_SAME = (
    {"years", "year", "yrs", "yr", "y", "a"},
    {"au", "a.u", "arbitraryunits", "arbitraryunit", "relativeunits", "ru", "relative"},
    {"kg/m2", "kg/m^2"},
    {"percent", "%"},
    {"s", "sec", "seconds"},
)


def plain_unit(text: str) -> str:
    """Return a unit in one spelling: lower case, ``u`` for micro, a slash for per, no spaces."""
    text = text.replace("μ", "u").replace("µ", "u").replace("²", "2").replace("−", "-").replace("⁻¹", "-1")
    text = text.casefold().strip().strip(".()[]")
    text = re.sub(r"\s*\bper\b\s*", "/", text)
    text = re.sub(r"^([a-z]+)[\s·.*]+([a-z]+)\^?-([12])$", lambda m: f"{m[1]}/{m[2]}{'' if m[3] == '1' else 2}", text)
    text = text.replace("^", "").replace("**", "").replace(" ", "").replace("mcg", "ug")
    return re.sub(r"\bcc\b", "ml", text)


def factor(stated: str, expected: str) -> float | None:
    """Return what to multiply values in the stated unit with to get the expected one.

    Returns
    -------
    float or None
        1.0 for another spelling of the same unit; None if the two cannot be compared.
    """
    stated, expected = plain_unit(stated), plain_unit(expected)
    if stated == expected or any(stated in same and expected in same for same in _SAME):
        return 1.0
    first, second = _parse(stated), _parse(expected)
    if first is None or second is None or first[1] != second[1]:
        return None
    ratio = first[0] / second[0]
    return float(f"{ratio:.10g}")


def is_known(unit: str) -> bool:
    """Tell whether a unit can be interpreted."""
    return _parse(plain_unit(unit)) is not None


def is_unit(text: str) -> bool:
    """Tell whether a text is a unit and nothing else."""
    return is_known(text) or any(plain_unit(text) in same for same in _SAME)


def _parse(unit: str) -> tuple[float, tuple[str, ...]] | None:
    scale, bases = 1.0, []
    for position, part in enumerate(unit.split("/")):
        found = _part(part)
        if found is None:
            return None
        scale = scale / found[0] if position else scale * found[0]
        bases.append(found[1])
    return scale, tuple(bases)


def _part(part: str) -> tuple[float, str] | None:
    for base in _BASES:
        if part.endswith(base) and (prefix := part[: -len(base)]) in _PREFIX:
            scale = _PREFIX[prefix]
            return (scale**2 if base == "m2" else scale), base
    return (1.0, part) if part in ("u", "day", "min", "h", "kg") else None
