"""Words and expressions that labels, ids and units are made of, whatever the trial; lists of words are in ``words.yaml``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import yaml

WORDS = yaml.safe_load(Path(__file__).with_name("words.yaml").read_text(encoding="utf-8"))
FILLERS, PERSONS, IDENTIFIERS, BESIDE_IDENTIFIERS = (
    frozenset(WORDS[key].split()) for key in ("fillers", "persons", "identifiers", "beside_identifiers")
)
_TERTILES = {word: number for number, names in WORDS["tertiles"].items() for word in names.split()}

_GREEK = {
    **dict.fromkeys("αΑ", " alpha "),  # a word of its own: TNFα is no camel case
    **dict.fromkeys("βΒß", " beta "),  # ß is typed for want of a beta
    **dict.fromkeys("γΓ", " gamma "),
    **dict.fromkeys("κΚ", " kappa "),
    **dict.fromkeys("λΛ", " lambda "),
    **dict.fromkeys("δΔ", " delta "),
    "μ": "u",  # in workbooks it is the prefix micro
}
_TRANSLATION = str.maketrans(_GREEK | dict.fromkeys("−‐‑‒–—―", "-") | dict.fromkeys("’‘`´", "'") | {"×": "x"})
NOT_BEFORE, NOT_AFTER = r"(?<![a-z0-9])", r"(?![a-z0-9])"


def _word(body: str) -> re.Pattern:
    """Compile an expression that stands between other words."""
    return re.compile(f"{NOT_BEFORE}(?:{body}){NOT_AFTER}")


def fold(text: str) -> str:
    """Return lower-case text with plain letters: Greek spelt out, dashes and quotes unified, camel case parted."""
    text = unicodedata.normalize("NFKC", str(text).translate(_TRANSLATION)).translate(_TRANSLATION)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z0-9])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})", " ", text)
    text = text.replace("%", " percent ").replace("_x000d_", " ")
    return " ".join(re.sub(r"(?<![a-z])var\.?\s*(?=\d)", "variant ", text.casefold()).split())


def words(text: str) -> list[str]:
    """Split folded text into words; ``+``, ``&`` and "and" count as the word ``plus``."""
    return ["plus" if w in ("+", "&", "and") else w for w in re.findall(r"[^\W_]+|[+&]", text) if w]


@lru_cache(maxsize=20_000)
def squash(text: str) -> str:
    """Return the letters and digits of a label without its fillers, to compare spellings."""
    return "".join(content_words(fold(text)) or words(fold(text)))


def content_words(text: str) -> list[str]:
    """Return the words of a folded text that are not fillers."""
    return [word for word in words(text) if word not in FILLERS]


def any_of(names: Iterable[str]) -> re.Pattern:
    """Compile an expression that finds any of the names, longest first, with any separators between their parts."""
    bodies = []
    for name in sorted({fold(n) for n in names}, key=lambda n: (-len(n), n)):
        parts = re.findall(r"[^\W\d_]+|\d+|[+&/]", name)
        parts = [r"(?:\+|&|/|plus|and)" if p in ("+", "&", "plus", "and", "/") else re.escape(p) for p in parts]
        bodies += [r"[\s_.\-]*".join(parts)] if parts else []
    return _word("|".join(bodies) or r"(?!)")


def listed(key: str) -> list[str]:
    """Return the entries of a list of words."""
    return [entry.strip() for entry in WORDS[key].split(";")]


STATISTICS, CHANGE, OTHER_SCALE = (any_of(listed(key)) for key in ("statistics", "changes", "other_scales"))
_BASELINE = r"\s+(?:the\s+)?(?:baseline|base line|bl|week 0|wk 0|w0|day 0|pre-?treatment)"
FROM_BASELINE = _word(
    r"(?:(?:change|difference|delta)\s+)?"
    r"(?:from|vs\.?|versus|relative to|over|compared (?:to|with)|minus|against|of|since|to)" + _BASELINE
)
PERCENT_OF_BASELINE = "percent_of_baseline"  # 95.9 for a fall by 4.1 percent
OF_BASELINE = _word(r"percent(?:age)?\s+of" + _BASELINE)
PERCENT = re.compile(r"percent(?:age)?|(?<![a-z])pct(?![a-z])|(?<![a-z])perc(?![a-z])")
TO = _word("to|by|vs")
_THIRD = "|".join(sorted((word for word in _TERTILES if not word.isdigit()), key=len, reverse=True))
STRATUM = _word(
    r"t(?:ertiles?)?\s*[1-3](?:\s*(?:[/+&,\-]|and|or|to)\s*(?:t(?:ertiles?)?\s*)?[1-3])*(?:\s*of\s*p16)?|"
    rf"(?:lower two|two lower|{_THIRD})(?:\s*(?:[/+&]|and)\s*(?:{_THIRD}))?\s*(?:p16\s*)?tertiles?(?:\s*(?:of\s*)?p16)?|"
    r"(?:high|low)\s*p16|p16\s*[\-:]?\s*(?:high|low)"
)
GROUP_SIZE = re.compile(r"[(\[]?\s*" + NOT_BEFORE + r"n\s*=\s*\d+\s*[)\]]?")
FOLLOW_UP = _word(r"follow[\s_\-]*up(?:\s+(?:visit|value|level))?")


def _counted(words: str, *days: float) -> list[tuple[re.Pattern, float, float]]:
    """Return how "week 2" and "2 weeks" are written and the days that one has, at least and at most.

    The first is tried first, as in "variant 5 week 20".
    """
    number, gap = r"0*(\d+(?:\.\d+)?)", r"[\s_.\-#:]*"
    bodies = (f"(?:{words}){gap}{number}", f"{number}{gap}(?:{words})")
    return [(_word(body), days[0], days[-1]) for body in bodies]


WEEKS, DAYS = _counted("weeks?|wks?|w", 7), _counted("days?|d", 1)
MONTHS = _counted("months?|mo", 28, 30.45)  # of 28 days, and of the calendar
UNIT = re.compile(
    r"^(?:percent|years?|yrs?|y|kg|g|cm|m|mm|au|a\.u\.|arbitrary units|relative units|iu|ratio|"
    r"(?:[a-z]{1,5}\s*/\s*[a-z]{1,4}\s*[\^²]?\s*\d?(?:\s*/\s*[a-z0-9]+)?)|(?:[a-z]{1,4}\s*(?:\^|\*\*)?\s*-?\d)|"
    r"[a-z]{1,5}\s*(?:per|\.)\s*[a-z]{1,4}\s*\d?|[a-z]{1,4}\s+[a-z]{1,3}\s*(?:\^)?-\d)$"
)
BARE_UNIT = re.compile(
    r"(?:(?<=[\s,;_])((?:[npumk]?g|[npum]?mol|[mu]?iu|m?u|kg|au)\s*(?:/|per)\s*(?:[mud]?l|cm\^?2|m\^?2|day|mmol|min))"
    r"(?=[\s,;_]|$)|(?<=[\s,;_])(kg|years?|yrs?|cm)\s*$)"
)
PARENTHESIS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
# What stands before or behind a name without a sign between, as in CTX2, ctxw20, w2ctx, p1npbase.
GLUED = re.compile(
    r"(?:w|wk|weeks?|v|visit|d|days?|m|mo|months?)?\d+(?:w|wk|weeks?|d|days?|m|mo|months?)?|bl?|base(?:line)?|pre|post|fu|end"
)


def stratum_label(text: str) -> str:
    """Return a stratum's name in one spelling: ``T3``, ``T1/T2``, or the words as they stand."""
    match = STRATUM.search(fold(text))
    named = match[0] if match else ""
    if "lower two" in named or "two lower" in named:
        return "T1/T2"
    parts = re.findall(r"[1-3](?=st|nd|rd|\b)|[a-z]+", named) if "p16" not in named or "tertile" in named else []
    numbers = {_TERTILES[part] for part in parts if part in _TERTILES}
    return "/".join(f"T{number}" for number in sorted(numbers)) or " ".join(text.split())


def names_an_id(text: str) -> bool:
    """Return whether a label says nothing but that a column identifies people."""
    said = set(content_words(fold(text)))
    alone = len(said) == 1 or bool(said - PERSONS)
    return bool(said & (PERSONS | IDENTIFIERS)) and said <= PERSONS | IDENTIFIERS | BESIDE_IDENTIFIERS and alone


class Form(NamedTuple):
    """An id taken apart: letters before a number."""

    prefix: str
    number: int


def code_form(identity: str) -> Form | None:
    """Take an id such as ``P-02`` apart; None for other ids."""
    match = re.fullmatch(r"\s*([^\d\s]*?)[\s_\-.#:]*0*(\d+)\s*", identity)
    return Form(match[1].casefold().rstrip("-_. "), int(match[2])) if match else None


_PREFIX = {"k": 1e3, "": 1.0, "d": 1e-1, "c": 1e-2, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_UNIT_PART = re.compile(r"([kdcmunpf]?)(mol|iu|g|l|m2|m)|u|day|min|h")
_SAME = (
    {"years", "year", "yrs", "yr", "y", "a"},
    {"au", "a.u", "arbitraryunits", "arbitraryunit", "relativeunits", "ru", "relative"},
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


def unit_factor(stated: str, expected: str) -> float | None:
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
    return float(f"{first[0] / second[0]:.10g}")


def is_known_unit(unit: str) -> bool:
    """Return whether a unit can be interpreted."""
    return _parse(plain_unit(unit)) is not None


def is_unit(text: str) -> bool:
    """Return whether a text is a unit and nothing else."""
    return is_known_unit(text) or any(plain_unit(text) in same for same in _SAME)


def _parse(unit: str) -> tuple[float, tuple[str, ...]] | None:
    """Return the scale of a unit and its base units, as in (1e-3, ("g", "l")) for mg/l."""
    scale, bases = 1.0, []
    for position, part in enumerate(unit.split("/")):
        match = _UNIT_PART.fullmatch(part)
        if not match:
            return None
        factor = _PREFIX[match[1] or ""] ** (2 if match[2] == "m2" else 1)
        scale = scale / factor if position else scale * factor
        bases.append(match[2] or part)
    return scale, tuple(bases)
