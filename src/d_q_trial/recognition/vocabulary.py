"""Recognise what a label says: variable, visit, arm, stratum, measure, unit, role; by the trial's names and grammar.

The general words stand in ``words.yaml``; the expressions here say how they are put together.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from ..errors import UserError
from ..participants import PERCENT_CHANGE
from ..spreadsheet.sheets import Flag, is_number
from ..trial import BASELINE, Trial
from .spelling import DASHES, WORDS, is_unit, plain_characters, plain_unit

Codes = Mapping[str, Mapping[str, str]]  # by role, the meaning of codes in lower case
FILLERS, PERSONS, IDENTIFIERS, BESIDE_IDENTIFIERS, STRATA, NEGATIONS, OTHER_THINGS = (
    frozenset(WORDS[key].split())
    for key in ("fillers", "persons", "identifiers", "beside_identifiers", "strata", "negations", "other_things")
)
_TERTILES = {word: number for number, names in WORDS["tertiles"].items() for word in names.split()}

# A word of its own: TNFα is no camel case; but µ is the prefix micro.
_GREEK = {letter: f" {name} " for name, letters in WORDS["greek"].items() for letter in letters} | {"μ": "u"}
_TRANSLATION = str.maketrans(_GREEK | DASHES | dict.fromkeys("’‘`´", "'") | {"×": "x"})
_SIGNS = str.maketrans({"<": " below ", "≤": " to ", ">": " above ", "≥": " from ", "~": " about ", "?": " perhaps "})
MOST_LETTERS = 2000  # of a cell that are looked at
MOST_WORDS = 30  # of a name
NOT_BEFORE, NOT_AFTER = r"(?<![a-z0-9])", r"(?![a-z0-9])"
_WEEKS, _DAYS, _MONTHS = "weeks?|wks?|w", "days?|d", "months?|mo"
_TIMES = f"{_WEEKS}|{_DAYS}|{_MONTHS}"
_BEFORE_ZERO = re.compile(rf"\b((?:{_TIMES})\s+|[wd])-(?=\d)|(?<!\S)-(?=\d+\s*-?(?:{_TIMES})\b)")  # week -2, w-2


def _word(body: str) -> re.Pattern:
    """Compile an expression that stands between other words."""
    return re.compile(f"{NOT_BEFORE}(?:{body}){NOT_AFTER}")


def normalize(text: str) -> str:
    """Return lower-case text with plain letters: Greek spelt out, dashes and quotes unified, camel case parted."""
    text = unicodedata.normalize("NFKC", str(text).translate(_TRANSLATION)).translate(_TRANSLATION)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z0-9])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})", " ", text)
    text = text.replace("%", " percent ").replace("_x000d_", " ").casefold()
    text = _BEFORE_ZERO.sub(r"\1 minus ", text) if "-" in text else text
    return " ".join(re.sub(r"(?<![a-z])var\.?\s*(?=\d)", "variant ", text).split())


def split_words(text: str) -> list[str]:
    """Split folded text into words; ``+``, ``&`` and "and" count as the word ``plus``."""
    return ["plus" if w in ("+", "&", "and") else w for w in re.findall(r"[^\W_]+|[+&]", text)]


@lru_cache(maxsize=20_000)
def compact_name(text: str) -> str:
    """Return the letters and digits of a label without its fillers, to compare spellings; 1.5 is not 15, <5 not >5."""
    text = re.sub(r"(?<=\d)\.(?=\d)", "point", normalize(text)).translate(_SIGNS)
    return "".join(_content(text) or split_words(text))


def _content(text: str) -> list[str]:
    """Return the words of a folded text that are not fillers."""
    return [word for word in split_words(text) if word not in FILLERS]


def compile_names(names: Iterable[str]) -> re.Pattern:
    """Compile an expression that finds any of the names, longest first, with any separators between their parts."""
    bodies = []
    for name in sorted({normalize(n) for n in names}, key=lambda n: (-len(n), n)):
        parts = re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?|[+&/]", name)
        parts = [r"(?:\+|&|/|plus|and)" if p in ("+", "&", "plus", "and", "/") else re.escape(p) for p in parts]
        bodies += [r"[\s_.\-]*".join(parts)] if parts else []
    return _word("|".join(bodies) or r"(?!)")


def read_list(key: str) -> list[str]:
    """Return the entries of a list of words."""
    return [entry.strip() for entry in WORDS[key].split(";")]


STATISTICS, CHANGE, OTHER_SCALE, NOT_AS_MEASURED, MARKS, UNMARKED, OWN_POPULATION = (
    compile_names(read_list(key))
    for key in ("statistics", "changes", "other_scales", "not_as_measured", "marks", "unmarked", "own_population")
)
_BASELINE = r"\s+(?:the\s+)?(?:baseline|base line|bl|week 0|wk 0|w0|day 0|pre-?treatment)"
_TO_BASELINE = rf"(?:vs\.?|versus|relative to|over|compared (?:to|with)|against|of|to){_BASELINE}"
FROM_BASELINE = _word(rf"(?:(?:change|difference|delta)\s+)?(?:(?:from|minus|since){_BASELINE}|{_TO_BASELINE})")
OF_BASELINE = _word(_TO_BASELINE)
PERCENT = re.compile(r"percent(?:age)?|(?<![a-z])(?:pct|perc)(?![a-z])")
TO = _word("to|by|vs")
_THIRD = "|".join(sorted((word for word in _TERTILES if not word.isdigit()), key=len, reverse=True))
STRATUM = _word(
    r"t(?:ertiles?)?\s*[1-3](?:\s*(?:[/+&,\-]|and|or|to)\s*(?:t(?:ertiles?)?\s*)?[1-3])*(?:\s*of\s*p16)?|"
    rf"(?:lower two|two lower|{_THIRD})(?:\s*(?:[/+&]|and)\s*(?:{_THIRD}))?\s*(?:p16\s*)?tertiles?(?:\s*(?:of\s*)?p16)?|"
    r"(?:high|low)\s*p16|p16\s*[\-:]?\s*(?:high|low)"
)
GROUP_SIZE = re.compile(r"[(\[]?\s*" + NOT_BEFORE + r"n\s*=\s*\d+\s*[)\]]?")
# Times of doses, times since another event than the start, and several times; not with single letters, as in D+Q.
_SPELT, _ANOTHER = r"[\s\-]*(?:weeks?|wks?|days?|months?)", r"(?:\s*,\s*\d+)*(?:-|\s*(?:and|or|to|&)\s*)\d+"
NO_VISIT = _word(
    rf"(?:every|each)\s+\d+{_SPELT}|\d+{_SPELT}\s+(?:after|post|since)\s+(?:the\s+)?(?:last|final|end)|"
    rf"{_SPELT}\s*\d+{_ANOTHER}|(?:weeks|wks|days|months)\s*\d+\s*-\s*\d+|(?!0+\D)\d+{_ANOTHER}{_SPELT}"
)
FOLLOW_UP = _word(r"follow[\s_\-]*up(?:\s+(?:visit|value|level))?")


def _counted(words: str, days: float) -> list[tuple[re.Pattern, float]]:
    """Return how "week 2" and "2 weeks" are written, with the days that one has.

    The first is tried first, as in "variant 5 week 20".
    """
    number, gap = r"0*(\d+(?:\.\d+)?)", r"[\s_.\-#:]*"
    bodies = (f"(?:{words}){gap}{number}", f"(?<!minus ){number}{gap}(?:{words})")
    return [(_word(body), days) for body in bodies]


WEEKS, DAYS = _counted(_WEEKS, 7), _counted(_DAYS, 1)
MONTHS = _counted(_MONTHS, 30.45)  # at which a trial by weeks has no visit
_ACRONYM = re.compile(r"\b(?=[^\W_]*[A-Z][^\W_]*[A-Z]|[^\W_]{2}[^\W_]*\d)[^\W\d_][^\W_]+")
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
MOST_SHARING = 3  # things of one acronym; more, as with IL and MMP, name a family
_RATIO = re.compile(r"[a-z]{1,5}(?:/[a-z]{1,4}\d?)+")  # a unit, even if it is not known
BARE_UNIT = re.compile(
    r"(?:(?<=[\s,;_])((?:[npumk]?g|[npum]?mol|[mu]?iu|m?u|kg|au)\s*(?:/|per)\s*(?:[mud]?l|cm\^?2|m\^?2|day|mmol|min))"
    r"(?=[\s,;_]|$)|(?<=[\s,;_])(kg|years?|yrs?|cm)\s*$)"
)
_EVENT_OF_ARM = re.compile(r"_arm_\d+$|\s*\(arm \d+[^()]*\)$", re.I)  # REDCap: week_2_arm_1, Week 2 (Arm 1: Control)
_NUMBERED = re.compile(r"(.*?)(\d+)")  # what stands behind a name, or is part of one
_AGAINST = re.compile(r"\b(?:vs\.?|versus|than)\s+(?:the\s+)?$")
# What may stand before a name without a sign between, as in w2CTX.
_GLUED = re.compile(r"(?:(?:week|wk|day|month|visit|[a-z])?\d+[a-z]*|base|baseline|bl|pre|post|[a-z])?")
PARENTHESIS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")


def stratum_label(text: str) -> str:
    """Return a stratum's name in one spelling: ``T3``, ``T1/T2``, or the words as they stand."""
    match = STRATUM.search(normalize(text))
    named = re.sub(r"\s*of\s*p16$", "", match[0]) if match else ""
    if "lower two" in named or "two lower" in named:
        return "T1/T2"
    parts = re.findall(r"[1-3](?=st|nd|rd|\b)|[a-z]+", named) if "p16" not in named or "tertile" in named else []
    numbers = {_TERTILES[part] for part in parts if part in _TERTILES}
    return "/".join(f"T{number}" for number in sorted(numbers)) or " ".join(text.split())


class Form(NamedTuple):
    """An id taken apart: letters before a number."""

    prefix: str
    number: int


def code_form(identity: str) -> Form | None:
    """Take an id such as ``P-02`` apart; None for other ids."""
    match = re.fullmatch(r"\s*([^\d\s]*?)[\s_\-.#:]*0*(\d+)\s*", identity)
    return Form(match[1].casefold().rstrip("-_. "), int(match[2])) if match else None


_ROLE = re.compile(r"(?:group|arm|treatment|trt|cohort|sequence|visit|time ?point|v(?=\d))[\s_:#.\-]*(\w{1,4})", re.I)


def short_code(text: str) -> str:
    """Return a code in lower case, without a word for its role: ``A`` and ``Group A`` are the same."""
    match = _ROLE.fullmatch(text.strip())
    return (match[1] if match else text.strip()).casefold()


def id_kind(label: str) -> str:
    """Return what a column's label says that its ids are of: screening, randomization, case or subject; or nothing."""
    return next((kind for kind, pattern in WORDS["id_kinds"].items() if re.search(pattern, normalize(label))), "")


_SUMMARY = re.compile(rf"\b(?:{WORDS['summaries']})\b")
_WHOLE_NUMBER = re.compile(r"\d+\.0+|[1-9](?:\.\d+)?[eE]\+\d{1,2}")  # 1E1 is a code


def canonical_id(value: object) -> str:
    """Return an id as text; 2.0, "2.0" and " 2 " are all "2"."""
    if is_number(value):
        return str(int(value)) if float(value).is_integer() else repr(float(value))  # type: ignore[arg-type]
    if isinstance(value, Flag):
        return value.shown
    text = plain_characters(str(value))
    return str(int(float(text))) if _WHOLE_NUMBER.fullmatch(text) and float(text) < 1e15 else text


def differ_by_one_edit(first: str, second: str) -> bool:
    """Return whether one character replaced, added or left out turns one text into the other."""
    cuts, others = ([text[:i] + text[i + 1 :] for i in range(len(text))] for text in (first, second))
    replaced = len(first) == len(second) and any(a == b for a, b in zip(cuts, others, strict=True))
    return first != second and (replaced or first in others or second in cuts)


def is_summary(cell: object) -> bool:
    """Return whether a cell names a statistic, such as N, Q1, Overall or "Mean (SD), Control"."""
    if not isinstance(cell, str) or len(cell) >= 40 or (cell[-1:].isdigit() and len(cell) > 3):
        return False
    folded = normalize(cell)
    return bool(STATISTICS.fullmatch(folded) or _SUMMARY.search(folded) or folded in WORDS["whole"])


def find_summaries(cells: list) -> list[int]:
    """Return where a column names statistics; more than a few with one beginning, such as Q1, Q2, ..., are ids."""
    forms = [code_form(canonical_id(cell)) for cell in cells]
    alike = Counter(form.prefix for form in {*forms} if form)
    return [i for i, form in enumerate(forms) if is_summary(cells[i]) and not (form and alike[form.prefix] > 3)]


@dataclass(eq=False, kw_only=True)
class Meaning:
    """What a label, a column or a whole block says of values; None for what it does not say."""

    variable: str | None = None
    visit: str | None = None
    arm: str | None = None
    stratum: str | None = None
    marker: str | None = None
    measure: str | None = None  # of a label also change (scale unknown) or other
    unit: str | None = None


@dataclass(eq=False)
class Reading(Meaning):
    """What a label was found to say.

    ``rest`` are words that nothing explained: with them, the reading is a possibility and not certain.
    """

    role: str | None = None
    statistic: bool = False
    rest: str = ""
    qualifier: str = ""  # in parentheses, and not understood
    unknown_visit: str | None = None  # a time that the trial does not have
    candidates: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether every word of the label was understood."""
        return not self.rest

    def says_beside(self, *names: str) -> bool:
        """Return whether the label says, or remarks, anything of values beside these things."""
        things = {"variable", "visit", "arm", "stratum", "measure", "statistic", "qualifier"}
        return any(getattr(self, name) for name in things.difference(names))

    def take(self, pattern: re.Pattern) -> re.Match | None:
        """Take the first match out of what is not explained yet."""
        if match := pattern.search(self.rest):
            self.rest = self.rest[: match.start()] + " " + self.rest[match.end() :]
        return match


class Vocabulary:
    """The names of one trial, ready to be found in labels.

    ``codes`` are those of a mapping: by ``arm``, ``visit`` and ``variable`` a key by each code, in lower case.
    """

    def __init__(self, trial: Trial, codes: Codes | None = None) -> None:
        self.trial = trial
        self.weeks = {visit.week: key for key, visit in trial.visits.items() if visit.week is not None}
        things = {"arm": trial.every_arm, "visit": trial.visits, "variable": trial.markers | trial.outcomes}
        names = {role: {key: [key, x.label, *x.names] for key, x in own.items()} for role, own in things.items()}
        alone: dict[str, dict[str, str]] = {role: {} for role in names}  # letters and numbers, no part of a text
        for role, own in names.items():
            for code, key in (codes or {}).get(role, {}).items():
                if key in own and not compact_name(code).isdigit() and len(code) > 1:
                    own[key].append(code)
                elif key in own:
                    alone[role][code] = key
        self.numbered = {code: key for code, key in alone["visit"].items() if code.isdigit()}  # also behind names
        self._arm_codes = alone["arm"]
        self.ignored = {
            compact_name(code) for code, key in (codes or {}).get("variable", {}).items() if key == "ignore"
        }
        self.arms, self.visits = (
            {compact_name(name): key for key, own in names[role].items() for name in own}
            | {code: key for code, key in alone[role].items() if not code.isdigit()}
            for role in ("arm", "visit")
        )
        for role in ("arm", "visit"):
            said = Counter(name for own in names[role].values() for name in set(map(compact_name, own)))
            if shared := [name for name, count in said.items() if count > 1]:
                raise UserError(f"{shared[0]!r} names several {role}s of the trial; expected one")
        self._arm_pattern, self._visit_pattern, self._variable_pattern = (
            compile_names(name for own in names[role].values() for name in own) for role in ("arm", "visit", "variable")
        )
        sample = trial.population
        self.names_population = compile_names([sample.label, *sample.names] if sample else ()).search
        self.variables: dict[str, set[str]] = defaultdict(set)
        # Words that tell a thing from most others: acronyms in its names, and the longer words of its label.
        telling: dict[str, set[str]] = defaultdict(set)
        for key, own in names["variable"].items():
            for name in own:
                self.variables[compact_name(name)].add(key)
            for word in [*_ACRONYM.findall(" ".join(own[1:])), *_LONG_WORD.findall(own[1])]:
                telling[compact_name(word)].add(key)
        self._telling = {word: keys for word, keys in telling.items() if word and len(keys) <= MOST_SHARING}
        self._name_words = {key: [set(_content(normalize(n))) for n in own] for key, own in names["variable"].items()}
        self.roles = {compact_name(name): role for role, own in WORDS["roles"].items() for name in own.split(";")}
        self.roles |= {compact_name(name): "participant" for name in trial.id_names}
        self.label = lru_cache(maxsize=50_000)(lambda text: self._label(text[:MOST_LETTERS]))
        self.context = lru_cache(maxsize=5_000)(lambda text: self._context(text[:MOST_LETTERS]))

    def arm(self, text: str) -> str | None:
        """Return the arm that the whole text names."""
        return self.arms.get(compact_name(text))

    def arm_of(self, cell: object) -> str | None:
        """Return the arm that a cell of a column of arms names for certain, by name or by code."""
        text = canonical_id(cell)
        reading = self.label(text)
        return self._arm_codes.get(short_code(text)) or (reading.arm if reading.certain else None)

    def visit(self, value: object) -> str | None:
        """Return the visit that a whole cell names, if it says nothing more."""
        reading = self.label(text := _EVENT_OF_ARM.sub("", canonical_id(value)))
        more = reading.rest or reading.unit or reading.says_beside("visit")
        sign = not _SIGNS.keys().isdisjoint(map(ord, text)) and compact_name(text) not in self.visits
        return None if more or sign else reading.visit

    def is_week(self, value: object) -> bool:
        """Return whether a header cell names a visit, or is a bare number that is the week of one."""
        return self.visit(value) is not None if isinstance(value, str) else value in self.weeks

    def _label(self, text: str) -> Reading:
        """Read a column's label, or a cell that names something."""
        folded, whole = normalize(text), tuple(sorted(self.variables.get(compact_name(text), ())))
        said, role = set(_content(folded)), self.roles.get(compact_name(text))
        identifies = bool(said & (PERSONS | IDENTIFIERS)) and said <= PERSONS | IDENTIFIERS | BESIDE_IDENTIFIERS
        only = whole[0] if len(whole) == 1 else None
        if compact_name(text) in self.ignored:
            return Reading(role="ignored")
        if not folded:
            return Reading()
        if whole and role not in ("participant", "arm", "visit", "variable"):
            return Reading(variable=only, candidates=() if only else whole)
        if arm := self.arm(text):
            return Reading(arm=arm)
        if visit := self.visits.get(compact_name(text)):
            return Reading(visit=visit)
        if role:
            return Reading(role=role, variable=only)
        if identifies and (len(said) == 1 or said - PERSONS):
            return Reading(role="participant")
        return Reading(unit=folded) if len(folded) > 1 and is_unit(folded) else self._parts(folded)

    def _parts(self, folded: str) -> Reading:
        """Take one thing after another out of a label; what is left of it names a variable or a role."""
        found = Reading(rest=GROUP_SIZE.sub(" ", folded))
        for _ in range(2):  # parentheses may stand in parentheses
            found.rest = PARENTHESIS.sub(lambda match: self._parentheses(match, found), found.rest)
        if not found.unit and (match := found.take(BARE_UNIT)):
            found.unit = match[1] or match[2]
        head, _, last = found.rest.rpartition(",")
        if not found.unit and head.strip() and is_unit(last.strip()):
            found.rest, found.unit = head, last.strip()
        _take_scale(found)
        doubt = self._take_time(found)
        arms = self._arms_in(found.rest)
        before = self._arm_pattern.split(found.rest)[0]
        if found.measure and len(arms) == 1 and _AGAINST.search(before) and not STATISTICS.search(before):
            found.measure = "other"  # a difference between arms
        if len(arms) == 1 and not NEGATIONS & set(split_words(others := self._arm_pattern.sub(" ", found.rest))):
            found.arm, found.rest = arms.pop(), others
        if match := found.take(STRATUM):
            found.stratum = stratum_label(match[0])
        found = self._name(found.rest, replace(found, rest=doubt))
        known = FILLERS.union(*self._name_words.get(found.variable or "", ()))
        return replace(found, qualifier="") if set(split_words(found.qualifier)) <= known else found

    def _parentheses(self, match: re.Match, found: Reading) -> str:
        """Judge what stands in parentheses: a unit, a legend, part of the name, or a remark; return what stays."""
        before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
        inner = " ".join(match[1].split())
        if after.isalnum() or (before.isalnum() and after and len(inner) <= 2 and inner.isalpha()):
            return match[0]  # belongs to a name, as in 25(OH)D
        if "=" in inner:
            return " "
        unit, _, remark = inner.partition(",")
        scale = STATISTICS.fullmatch(unit) or OTHER_SCALE.fullmatch(unit)
        other = self.visits.get(compact_name(unit)) or scale or unit in FILLERS
        if not other and (is_unit(unit) or _RATIO.fullmatch(plain_unit(unit))):
            found.unit = unit
        else:
            remark = inner
        stays = " percent " if found.unit == "percent" else " "
        reading = self._label(remark) if "(" not in remark else Reading(rest=remark)
        certain = reading.certain and (reading.variable or reading.visit or reading.arm or reading.stratum)
        if certain or OTHER_SCALE.search(remark) or CHANGE.search(remark) or STRATA & set(split_words(remark)):
            return f" {remark}{stays}"
        found.qualifier = remark.strip() or found.qualifier
        return stays

    def _take_time(self, found: Reading) -> str:
        """Take the visit, or a time that the trial does not have; return why it is in doubt."""
        visits = self._take_counted(found, WEEKS + DAYS)
        for name in self._visit_pattern.findall(found.rest):
            if key := self.visits.get(compact_name(name)):
                visits.add(key)
                found.rest = found.rest.replace(name, " ", 1)
        visits = visits or self._take_counted(found, MONTHS)
        if not (visits or found.unknown_visit or FOLLOW_UP.fullmatch(found.rest)) and (match := found.take(FOLLOW_UP)):
            found.unknown_visit = match[0]
        if len(visits) == 2 and BASELINE in visits and (found.measure or TO.search(found.rest)):
            visits.remove(BASELINE)  # "baseline to week 20"
            found.measure = found.measure or "change"
        if visits:
            found.unknown_visit = None
        if len(visits) == 1:
            found.visit = visits.pop()
        return "two visits: " + ", ".join(sorted(visits)) if visits else ""

    def _take_counted(self, found: Reading, times: list[tuple[re.Pattern, float]]) -> set[str]:
        """Take numbers of weeks, days or months."""
        visits = set()
        for pattern, days in times:
            for match in list(pattern.finditer(found.rest)):
                if visit := self.weeks.get(float(match[1]) * days / 7):
                    visits.add(visit)
                elif self._visit_pattern.fullmatch(match[0]) or "d" in re.findall(r"[a-z]+", match[0]):
                    continue  # a visit of another name, or vitamin D 3
                else:
                    found.unknown_visit = match[0]
                found.rest = found.rest.replace(match[0], " ", 1)
        return visits

    def _name(self, text: str, found: Reading) -> Reading:
        """Look the remaining words up as a variable, or a role."""
        rest = [word for word in _content(text) if not (found.measure and TO.fullmatch(word))]
        if not rest:
            return found
        candidates = tuple(sorted(self.variables.get("".join(rest), ())))
        if len(candidates) == 1:
            return replace(found, variable=candidates[0])
        if candidates:
            return replace(found, candidates=candidates, rest=found.rest or " ".join(rest))
        if role := self.roles.get("".join(rest)):
            return replace(found, role=role)
        if STRATA & set(rest):
            others = [word for word in rest if word not in STRATA]
            markers = ({self._named(others)} | self._glued(others)) & set(self.trial.markers)
            if markers or not others:
                return replace(found, role="stratum", candidates=tuple(sorted(markers)))
        named = self._named(rest)
        if (scale := OTHER_SCALE.search(text)) and not ("relative" in rest and named in self.trial.markers):
            inner = self._name(text[: scale.start()] + text[scale.end() :], found)
            if inner.variable:
                return replace(inner, measure="other")
        if statistic := STATISTICS.search(text):
            return replace(self._name(text[: statistic.start()] + text[statistic.end() :], found), statistic=True)
        if found.visit is None and (match := _NUMBERED.fullmatch(rest[-1])) and not (named and match[1]):
            key = self._named([*rest[:-1], *filter(None, [match[1]])])
            if key in self.trial.outcomes:
                if visit := self.numbered.get(match[2]) or self.visits.get(match[2]):
                    return replace(found, variable=key, visit=visit)
                if not match[1]:  # bmd 2 may be of week 2, or the second visit
                    return replace(found, candidates=(key,), rest=rest[-1], unknown_visit=rest[-1])
        if named:
            return replace(found, variable=named)
        possible = self._mentioned(text) or self._glued(rest)
        return replace(found, candidates=tuple(sorted(possible)), rest=" ".join(filter(None, [found.rest, *rest])))

    def _named(self, parts: list[str]) -> str | None:
        """Return the variable that words name: a name of it, in any order, beside words of its other names alone."""
        said = set(parts)
        found = set(self.variables.get("".join(parts), ()))
        for key, names in self._name_words.items() if len(said) == len(parts) <= MOST_WORDS else ():
            if said <= set().union(*names) and any(name <= said for name in names):
                found.add(key)
        return found.pop() if len(found) == 1 else None

    def _mentioned(self, text: str, alone: bool = False) -> set[str]:
        """Return the variables whose names stand in a text; ``alone``: not beside a word that makes it another's name."""
        found = set()
        for match in self._variable_pattern.finditer(text):
            before, after = _content(text[: match.start()])[-1:], _content(text[match.end() :])[:1]
            if not (alone and (OTHER_THINGS.intersection(before) - {"ii", "iii"} or OTHER_THINGS.intersection(after))):
                found |= self.variables.get(compact_name(match[0]), set())
        return found

    def _arms_in(self, text: str) -> set[str]:
        """Return the arms whose names stand in a text."""
        return {self.arms[name] for name in map(compact_name, self._arm_pattern.findall(text)) if name in self.arms}

    def _glued(self, parts: list[str]) -> set[str]:
        """Return the variables whose name is part of a label without a sign between, as in CTX2; or else a word that tells one."""
        whole = "".join(parts)
        inside = [name for name in self.variables if len(name) > 2 and name in whole]
        found = {key for name in inside if _GLUED.fullmatch(whole.partition(name)[0]) for key in self.variables[name]}
        told = (keys for word, keys in self._telling.items() if any(part.startswith(word) for part in parts))
        return found or set().union(*told)

    def _context(self, text: str) -> Reading:
        """Read a title or sheet name: what it mentions, where it mentions just one of a kind."""
        found = Reading(rest=NO_VISIT.sub(" , ", normalize(text)))
        _take_scale(found)
        measure, found.measure = found.measure, None
        self._take_time(found)
        keys = self._mentioned(found.rest, alone=True)
        mentioned = {
            "variable": keys & set(self.trial.outcomes),
            "arm": self._arms_in(found.rest),
            "stratum": {stratum_label(match[0]) for match in STRATUM.finditer(found.rest)},
        }
        only = {name: own.pop() for name, own in mentioned.items() if len(own) == 1}
        return Reading(visit=found.visit, measure=measure, candidates=tuple(sorted(keys)), **only)


def _take_scale(found: Reading) -> None:
    """Take a change, a percentage or a percentage of the baseline."""
    of_baseline = PERCENT.search(found.rest) and not CHANGE.search(found.rest)
    if of_baseline and found.take(OF_BASELINE):
        found.take(PERCENT)
        found.measure = "percent_of_baseline"  # 95.9 for a fall by 4.1 percent
        return
    text = FROM_BASELINE.sub(" change ", found.rest)
    percent = PERCENT.search(text) or "pchg" in text
    if CHANGE.search(text):
        found.measure = PERCENT_CHANGE if percent else "change"
    elif percent:
        found.unit = "percent"
    found.rest = PERCENT.sub(" , ", CHANGE.sub(" , ", text))  # so that what is around it does not meet
