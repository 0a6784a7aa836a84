"""Read single cells and units: numbers, faults, answers and limits of detection; similar characters in one spelling."""

import math
import re
import unicodedata
from functools import lru_cache
from typing import Literal

from ..config.validation import StrictModel
from ..files import read_yaml_beside
from ..spreadsheet.sheets import DATES, Flag, is_number

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


Number = tuple[float | None, str, str]  # value (NaN if missing, None for a fault); kind and text of the fault or note
LONGEST_NUMBER = 60  # characters
LARGEST = 1e100  # changes from larger numbers would overflow
_USUAL_ANSWERS = "yes or no, 1 or 0, or 'yes_names' and 'no_names' of the outcome in the trial file"
ANSWERS = {word: float(answer == "yes") for answer, text in WORDS["answers"].items() for word in text.split()}
PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_BELOW_LIMIT = re.compile(r"(?:<=?|≤|below|under|less than)\s*([\d.,]+)\s*[a-z/%µμ0-9]*", re.I)
_LIMITS = "assay|detect|limit|quant|range|sensitiv|threshold|lo[dq]"
_BELOW_IN_WORDS = re.compile(rf"b?lo[dq]|<\s*l?lo[dq]|bl[oq]q?|below .*(?:{_LIMITS}).*|undetect\w*|not detect\w*", re.I)


class Policy(StrictModel):
    """How to read cells that are not plain numbers; a mapping file sets it."""

    below_detection: Literal["missing", "limit", "half", "lowest"] = "missing"
    decimal_comma: bool = False
    error_cells: Literal["fault", "missing"] = "fault"


def read_number(cell: object, policy: Policy, missing: frozenset, answers: dict[str, float] | None = None) -> Number:
    """Read a non-empty cell as a number; with ``answers``, such as yes and no, only as the number of one of these.

    ``missing`` holds the codes for a missing value, as lower-case text and as numbers.
    """
    plain = is_number(cell) and not answers
    value, kind, note = (float(cell), "", "") if plain else _read_other(cell, policy, missing, answers)  # type: ignore[arg-type]
    if value is not None and (value in missing or cell != cell):
        return math.nan, "missing code", "read as missing"
    if value is not None and abs(value) > LARGEST:
        problem = "infinite" if math.isinf(value) else "too large to be a measurement"
        return None, "infinite", f"{problem}; expected a number"
    return value, kind, note


def _read_other(cell: object, policy: Policy, missing: frozenset, answers: dict[str, float] | None) -> Number:
    text = plain_characters(str(cell))
    word = text.casefold().removesuffix(".0")
    if answers and not isinstance(cell, Flag) and word in answers:
        return answers[word], "", ""
    kind = "truth value" if isinstance(cell, bool) else "date" if isinstance(cell, DATES) else getattr(cell, "kind", "")
    if kind == "error cell" and policy.error_cells == "missing":
        return math.nan, kind, "an error cell, read as missing"
    if kind:
        return None, kind, WORDS["unfit"][kind]
    if not text or word in missing:
        return math.nan, *(("missing code", "read as missing") if text else ("", ""))
    if answers:
        return None, "binary", f"expected {_USUAL_ANSWERS if answers is ANSWERS else ' or '.join(answers)}"
    return _read_text(text, policy)


def _read_text(text: str, policy: Policy) -> Number:
    if len(text) > LONGEST_NUMBER:
        return None, *WORDS["refused"][-1][1:]
    if PLAIN.fullmatch(text):
        return float(text), "number as text", f"a number stored as text, read as {float(text):.15g}"
    if match := _BELOW_LIMIT.fullmatch(text):
        limit = match[1].replace(",", ".") if policy.decimal_comma else match[1]
        if _COMMA.fullmatch(limit):
            return None, "comma", WORDS["comma_in_limit"]
        if not PLAIN.fullmatch(limit):
            return None, "limit", "a limit that is not a number"
        share, meaning = WORDS["below_detection"][policy.below_detection]
        return share * float(limit), "below detection", f"below detection, read as {meaning}"
    if _BELOW_IN_WORDS.fullmatch(text):
        share, meaning = WORDS["below_detection"]["lowest" if policy.below_detection == "lowest" else "missing"]
        return share, "below detection", f"below detection without a limit, read as {meaning}"
    if policy.decimal_comma and _COMMA.fullmatch(text):
        return float(text.replace(",", ".")), "", ""
    return None, *next((kind, note) for pattern, kind, note in WORDS["refused"] if re.fullmatch(pattern, text, re.I))
