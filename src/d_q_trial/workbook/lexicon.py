"""Words and expressions that labels, ids and units are made of, whatever the trial; and one spelling for all of them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_GREEK = {
    **dict.fromkeys("αΑ", " alpha "),  # a word of its own: TNFα is no camel case
    **dict.fromkeys("βΒ", " beta "),
    **dict.fromkeys("γΓ", " gamma "),
    **dict.fromkeys("κΚ", " kappa "),
    **dict.fromkeys("λΛ", " lambda "),
    "μ": "u",  # in workbooks it is the prefix micro
    "Δ": " delta ",
    "δ": " delta ",
    "ß": " beta ",  # typed for want of a beta
}
_TRANSLATION = str.maketrans(_GREEK | dict.fromkeys("−‐‑‒–—―", "-") | dict.fromkeys("’‘`´", "'") | {"×": "x"})

# Words that leave the meaning of a label unchanged.
FILLERS = frozenset(
    re.findall(
        r"\w+",
        """serum plasma blood level levels concentration concentrations conc value values result results measured
        circulating fasting of the in at on for a an time point timepoint""",
    )
)
SEPARATOR = r"[\s_.\-]*"
NOT_BEFORE, NOT_AFTER = r"(?<![a-z0-9])", r"(?![a-z0-9])"

ROLES = {
    "participant": "participant id; participant number; participant no; participant code; participant; subject; "
    "subject id; subject number; subject no; subject code; subjid; usubjid; patient; patient id; patient number; "
    "patient no; patient code; pat id; pt; pt id; ptid; study id; studyid; study number; study no; record id; id; "
    "id no; id number; id code; pid; sid; case id; case number; case no; volunteer; volunteer id; person; person id; "
    "woman; screening number; randomization number; randomisation number; deidentified id; de-identified id; "
    "anonymized id; anonymised id; sample id; participants; subjects; patients",
    "arm": "arm; group; treatment; treatment group; treatment arm; trt; trtgrp; tx; trt group; intervention; "
    "intervention group; allocation; randomization; randomisation; randomized group; randomised group; "
    "randomized treatment; randomised treatment; randomization arm; study arm; study group; arm name; arm code; "
    "assigned group; assigned arm; assigned treatment; assignment; treatment assignment; treatment allocation; "
    "regimen; actarm; actarmcd; armcd; trt01p; trt01a; group name; treatment code; group code; exposure",
    "visit": "visit; time; timepoint; time point; week; weeks; wk; study week; visit name; visit week; avisit; "
    "visit number; visit no; epoch; day; study day; days; event; event name; redcap event name; month; months; "
    "time (weeks); week of study; follow up; follow-up",
    "variable": "variable; test; parameter; param; paramcd; analyte; outcome; measure; biomarker; protein; assay; "
    "lbtest; lbtestcd; test name; measurement; name; endpoint; marker; factor; sasp factor; cytokine; trait; "
    "variable name; site; measurement type; laboratory test; lab test",
    "value": "value; result; aval; lbstresn; lborres; concentration; conc; level; reading; number; data; score; "
    "measured value; result value; numeric result; observation; response; y",
    "unit": "unit; units; lbstresu; lborresu; uom; result unit; unit of measure",
    "stratum": "tertile; tertiles; stratum; strata; p16 tertile; p16 group; p16 stratum; p16 tertile group; "
    "tertile group; p16 status; p16 category; tertile of p16; baseline p16 tertile; subgroup",
    "row_number": "#; row; row number; row no; index; obs; no; nr; n°; unnamed: 0; x1; s no; sl no; serial no; number; "
    "observation number",
    "measure": "measure type; scale; quantity; type",
}
# "Participant identification number", "Study ID", "Unique subject code": words of an id, one of the first or last kind.
PEOPLE = frozenset(["participant", "subject", "patient", "volunteer", "person", "woman", "pt"])
ID_WORDS = frozenset(["id", "ids", "identifier", "identification"])
BESIDE_AN_ID = PEOPLE.union(
    ID_WORDS,
    re.findall(
        r"\w+",
        """number no nr num code study trial unique record deidentified de identified anonymized anonymised anonymous
        randomization randomisation screening case coded key""",
    ),
)
STATISTICS = re.compile(
    NOT_BEFORE
    + r"(?:mean|average|median|s\.?d\.?|s\.?e\.?m?\.?|std(?:ev| dev)?|standard deviation|std error|standard error|"
    r"iqr|q1|q3|lower quartile|upper quartile|quartiles?|25th|75th|minimum|maximum|min|max|count|total|"
    r"p[\s\-_]?values?|p|95\s*percent ci|ci|confidence interval|effect|difference of medians|hodges[\s\-]lehmann|"
    r"coefficient|estimate|odds ratio|hazard ratio|rank sum|statistic|rho|r)" + NOT_AFTER
)

FROM_BASELINE = re.compile(
    r"(?:(?:change|difference|delta)\s+)?"
    r"(?:from|vs\.?|versus|relative to|over|compared (?:to|with)|minus|against|of|since|"
    r"to)\s+(?:the\s+)?(?:baseline|base line|bl|week 0|wk 0|w0|day 0|pre-?treatment)" + NOT_AFTER
)
PERCENT_OF_BASELINE = "percent_of_baseline"  # 95.9 for a fall by 4.1 percent
OF_BASELINE = re.compile(
    r"percent(?:age)?\s+of\s+(?:the\s+)?(?:baseline|base line|bl|week 0|wk 0|pre-?treatment)(?![a-z0-9])"
)
PERCENT = re.compile(r"percent(?:age)?|(?<![a-z])pct(?![a-z])|(?<![a-z])perc(?![a-z])")
CHANGE = re.compile(NOT_BEFORE + r"(?:changes?|chg|delta|diff(?:erence)?|increase|decrease|pchg|pct\s?chg)" + NOT_AFTER)
OTHER_SCALE = re.compile(
    NOT_BEFORE + r"(?:fold|ratio|log(?:2|10)?|ln|z[\s\-]?scores?|t[\s\-]?scores?|rank|normali[sz]ed|standardi[sz]ed|"
    r"imputed|adjusted|relative|residuals?|slope|auc)" + NOT_AFTER
)
TO = re.compile(NOT_BEFORE + r"(?:to|by|vs|and)" + NOT_AFTER)
STRATUM = re.compile(
    NOT_BEFORE + r"(?:t(?:ertiles?)?\s*[1-3](?:\s*(?:[/+&,\-]|and|or|to)\s*(?:t(?:ertiles?)?\s*)?[1-3])*|"
    r"(?:highest|upper|top|high|third|3rd|lowest|lower|low|middle|mid|first|second|1st|2nd|lower two|two lower|bottom)"
    r"(?:\s*(?:[/+&]|and)\s*(?:lowest|low|middle|mid|first|second))?\s*(?:p16\s*)?tertiles?(?:\s*(?:of\s*)?p16)?)"
    + NOT_AFTER
)
HIGH_LOW = re.compile(NOT_BEFORE + r"(?:(high|low)\s*p16|p16\s*[\-:]?\s*(high|low))" + NOT_AFTER)
GROUP_SIZE = re.compile(r"[(\[]?\s*" + NOT_BEFORE + r"n\s*=\s*\d+\s*[)\]]?")


def _counted(words: str) -> tuple[re.Pattern, re.Pattern]:
    """Compile "week 2" and "2 weeks"; the first is tried first, as in "variant 5 week 20"."""
    number, gap = r"0*(\d+(?:\.\d+)?)", r"[\s_.\-#:]*"
    return (
        re.compile(f"{NOT_BEFORE}(?:{words}){gap}{number}{NOT_AFTER}"),
        re.compile(f"{NOT_BEFORE}{number}{gap}(?:{words}){NOT_AFTER}"),
    )


WEEK, DAY, MONTH = _counted("weeks?|wks?|w"), _counted("days?|d"), _counted("months?|mo")
WEEKS_PER_MONTH = (4.0, 4.35)  # months of 28 days, and of the calendar
FOLLOW_UP = re.compile(NOT_BEFORE + r"follow[\s_\-]*up(?:\s+(?:visit|value|level))?" + NOT_AFTER)
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


_VARIANT = re.compile(r"(?<![a-z])var\.?\s*(?=\d)")
# What stands before or behind a name without a sign between, as in CTX2, ctxw20, w2ctx, p1npbase.
GLUED = re.compile(
    r"(?:w|wk|weeks?|v|visit|d|days?|m|mo|months?)?\d+(?:w|wk|weeks?|d|days?|m|mo|months?)?|bl?|base(?:line)?|pre|post|fu|end"
)


def fold(text: str) -> str:
    """Return lower-case text with plain letters: Greek spelt out, dashes and quotes unified, camel case parted."""
    text = unicodedata.normalize("NFKC", str(text).translate(_TRANSLATION)).translate(_TRANSLATION)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z0-9])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})", " ", text)
    text = text.replace("%", " percent ").replace("_x000d_", " ")
    return " ".join(_VARIANT.sub("variant ", text.casefold()).split())


def words(text: str) -> list[str]:
    """Split folded text into words; ``+``, ``&`` and "and" count as the word ``plus``."""
    return ["plus" if w in ("+", "&", "and") else w for w in re.findall(r"[^\W_]+|[+&]", text) if w]


@lru_cache(maxsize=20_000)
def squash(text: str) -> str:
    """Return the letters and digits of a label without its fillers, to compare spellings."""
    parts = words(fold(text))
    kept = [word for word in parts if word not in FILLERS]
    return "".join(kept or parts)


def any_of(names: list[str]) -> re.Pattern:
    """Compile an expression that finds any of the names, longest first, with any separators between their parts."""
    bodies = []
    for name in sorted({fold(n) for n in names}, key=lambda n: (-len(n), n)):
        parts = re.findall(r"[^\W\d_]+|\d+|[+&/]", name)
        parts = [r"(?:\+|&|/|plus|and)" if p in ("+", "&", "plus", "and", "/") else re.escape(p) for p in parts]
        if parts:
            bodies.append(SEPARATOR.join(parts))
    return re.compile(NOT_BEFORE + "(?:" + "|".join(bodies or [r"(?!)"]) + ")" + NOT_AFTER)


def stratum_label(text: str) -> str:
    """Return a stratum's name in one spelling: ``T3``, ``T1/T2``, or the words as they stand."""
    folded = fold(text)
    digits = re.findall(r"[1-3]", folded) if re.match(r"t(?:ertiles?)?\s*[1-3]", folded) else []
    if digits:
        return "/".join(f"T{d}" for d in sorted(set(digits)))
    if "tertile" in folded:
        named = {
            "highest": "3", "upper": "3", "top": "3", "high": "3", "third": "3", "3rd": "3",
            "lowest": "1", "lower": "1", "low": "1", "first": "1", "1st": "1", "bottom": "1",
            "middle": "2", "mid": "2", "second": "2", "2nd": "2",
        }  # fmt: skip
        if "lower two" in folded or "two lower" in folded:
            return "T1/T2"
        digits = [named[w] for w in words(folded) if w in named]
        if digits:
            return "/".join(f"T{d}" for d in sorted(set(digits)))
    return " ".join(text.split())


def names_an_id(text: str) -> bool:
    """Return whether a label says nothing but that a column identifies people."""
    said = {word for word in words(fold(text)) if word not in FILLERS}
    return bool(said & (PEOPLE | ID_WORDS)) and said <= BESIDE_AN_ID and bool(said - PEOPLE or len(said) == 1)


_FORM = re.compile(r"\s*([^\d\s]*?)[\s_\-.#:]*0*(\d+)\s*")


@dataclass
class Form:
    """An id taken apart: letters before a number."""

    prefix: str
    number: int


def code_form(identity: str) -> Form | None:
    """Take an id such as ``P-02`` apart; None for other ids."""
    match = _FORM.fullmatch(identity)
    return Form(match[1].casefold().rstrip("-_. "), int(match[2])) if match else None


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
    ratio = first[0] / second[0]
    return float(f"{ratio:.10g}")


def is_known_unit(unit: str) -> bool:
    """Return whether a unit can be interpreted."""
    return _parse(plain_unit(unit)) is not None


def is_unit(text: str) -> bool:
    """Return whether a text is a unit and nothing else."""
    return is_known_unit(text) or any(plain_unit(text) in same for same in _SAME)


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
