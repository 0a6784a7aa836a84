"""Bring similar characters and units to one spelling; convert units."""

import re
import unicodedata
from functools import lru_cache

from ..files import read_yaml_beside

WORDS = read_yaml_beside(__file__, "words")
DASHES = dict.fromkeys("−‐‑‒–—―", "-")


@lru_cache(maxsize=20_000)
def plain_characters(text: str) -> str:
    """Return text without invisible characters, in compatibility form, with one kind of dash and single spaces."""
    text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return " ".join(text.translate(str.maketrans(DASHES)).split())


_UNIT_PART = re.compile(r"([kdcmunpf]?)(mol|iu|g|l|m2|m)|u|day|min|h")
_UNIT_SPELLINGS = {name: names.split()[0] for names in WORDS["same_units"] for name in names.split()}


def plain_unit(text: str) -> str:
    """Return a unit in one spelling: lower case, ``u`` for micro, a slash for per, no spaces, ``years`` for ``yrs``."""
    text = plain_characters(text).replace("μ", "u").casefold().strip(".()[]")
    text = re.sub(r"\s*\bper\b\s*", "/", text)
    text = re.sub(r"^([a-z]+)[\s·.*]+([a-z]+)\^?-([12])$", lambda m: f"{m[1]}/{m[2]}{'' if m[3] == '1' else 2}", text)
    text = text.replace("^", "").replace("**", "").replace(" ", "").replace("mcg", "ug")
    text = re.sub(r"\bcc\b", "ml", text)
    return _UNIT_SPELLINGS.get(text, text)


def unit_factor(unit: str, target: str) -> float | None:
    """Return the factor that converts one unit to another: 1.0 for another spelling of it, None if it does not convert."""
    if plain_unit(unit) == plain_unit(target):
        return 1.0
    first, second = _parse_unit(unit), _parse_unit(target)
    return float(f"{first[0] / second[0]:.10g}") if first and second and first[1] == second[1] else None


def is_known_unit(unit: str) -> bool:
    """Return whether a unit can be interpreted."""
    return _parse_unit(unit) is not None


def is_unit(text: str) -> bool:
    """Return whether a text is a unit and nothing else."""
    return is_known_unit(text) or plain_unit(text) in _UNIT_SPELLINGS


def _parse_unit(unit: str) -> tuple[float, tuple[str, ...]] | None:
    """Return the scale of a unit and its base units, as in (1e-3, ("g", "l")) for mg/l."""
    scale, bases = 1.0, []
    for position, part in enumerate(plain_unit(unit).split("/")):
        match = _UNIT_PART.fullmatch(part)
        if not match:
            return None
        factor = WORDS["prefixes"][match[1] or ""] ** (2 if match[2] == "m2" else 1)
        scale = scale / factor if position else scale * factor
        bases.append(match[2] or part)
    return scale, tuple(bases)
