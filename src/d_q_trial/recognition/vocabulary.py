"""Interpret labels by the trial's names and one grammar: variable, visit, arm, stratum, measure, unit and role.

The general words are in ``words.yaml``; the expressions here define how words combine.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from ..errors import UserError
from ..participants import PERCENT_CHANGE
from ..spreadsheet.sheets import Flag, is_number
from ..trial import BASELINE, Trial
from .spelling import WORDS, is_unit, plain_characters, plain_unit

Codes = Mapping[str, Mapping[str, str]]  # for each role, the key that each lower-case code means
FILLERS, PERSONS, IDENTIFIERS, IDENTIFIER_QUALIFIERS, STRATA, NEGATIONS, OTHER_QUANTITIES = (
    frozenset(WORDS[key].split())
    for key in ("fillers", "persons", "identifiers", "beside_identifiers", "strata", "negations", "other_things")
)
_TERTILES = {word: number for number, names in WORDS["tertiles"].items() for word in names.split()}

# A Greek letter becomes a separate word, so that TNFα is not taken for camel case; but µ is the prefix micro.
_GREEK = {letter: f" {name} " for name, letters in WORDS["greek"].items() for letter in letters} | {"μ": "u"}
_TRANSLATION = str.maketrans(_GREEK | dict.fromkeys("’‘`´", "'") | {"×": "x"})
_SIGNS = str.maketrans({"<": " below ", "≤": " to ", ">": " above ", "≥": " from ", "~": " about ", "?": " perhaps "})
MAX_LETTERS = 2000  # of a label; the rest is ignored
MAX_WORDS = 30  # of a name
_UNITS = "weeks?|wks?|w|days?|d|months?|mo"  # of time
_NEGATIVE_TIME = re.compile(rf"\b((?:{_UNITS})\s+|[wd])-(?=\d)|(?<!\S)-(?=\d+\s*-?(?:{_UNITS})\b)")  # week -2, w-2


def _compile_word(body: str) -> re.Pattern:
    """Compile an expression that matches whole words only."""
    return re.compile(f"(?<![a-z0-9])(?:{body})(?![a-z0-9])")


def normalize(text: str) -> str:
    """Return lower-case text with plain letters: Greek spelt out, dashes and quotes unified, camel case split."""
    text = plain_characters(str(text).translate(_TRANSLATION)).translate(_TRANSLATION)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z0-9])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})", " ", text)
    text = text.replace("%", " percent ").replace("_x000d_", " ").casefold()
    text = _NEGATIVE_TIME.sub(r"\1 minus ", text) if "-" in text else text
    return " ".join(re.sub(r"(?<![a-z])var\.?\s*(?=\d)", "variant ", text).split())


def split_words(text: str) -> list[str]:
    """Split normalized text into words; ``+``, ``&`` and "and" become the word ``plus``."""
    return ["plus" if w in ("+", "&", "and") else w for w in re.findall(r"[^\W_]+|[+&]", text)]


@lru_cache(maxsize=20_000)
def compact_name(text: str) -> str:
    """Return the letters and digits of a label without fillers, to compare spellings; 1.5 is not 15, <5 is not >5."""
    text = re.sub(r"(?<=\d)\.(?=\d)", "point", normalize(text)).translate(_SIGNS)
    return "".join(_content_words(text) or split_words(text))


def _content_words(text: str) -> list[str]:
    """Return the words of a normalized text except fillers."""
    return [word for word in split_words(text) if word not in FILLERS]


def _join_names(names: Iterable[str]) -> str:
    """Return an expression for any of the names, longest first, with any separators between their parts."""
    bodies = []
    for name in sorted({normalize(n) for n in names}, key=lambda n: (-len(n), n)):
        parts = re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?|[+&/]", name)
        parts = [r"(?:\+|&|/|plus|and)" if p in ("+", "&", "plus", "and", "/") else re.escape(p) for p in parts]
        bodies += [r"[\s_.\-()]*".join(parts)] if parts else []
    return "|".join(bodies) or r"(?!)"


def compile_names(names: Iterable[str]) -> re.Pattern:
    """Compile an expression that matches any of the names as whole words."""
    return _compile_word(_join_names(names))


def split_list(key: str) -> list[str]:
    """Split a semicolon-separated list of ``words.yaml``."""
    return [entry.strip() for entry in WORDS[key].split(";")]


MARKS, UNMARKED, NOT_AS_MEASURED, OWN_POPULATION = (
    compile_names(split_list(key)) for key in ("marks", "unmarked", "not_as_measured", "own_population")
)
# Times: several ones, those of doses and those since another event; and one, not with single letters as in D+Q.
_COUNT, _GAP, _TIME_WORD = r"0*\d+(?:\.\d+)?", r"[\s_.\-#:]*", r"[\s\-]*(?:weeks?|wks?|days?|months?)"
_MORE_NUMBERS = r"(?:\s*,\s*\d+)*(?:-|\s*(?:and|or|to|&)\s*)\d+"
_TIMES = (
    rf"(?:every|each)\s+\d+{_TIME_WORD}|\d+{_TIME_WORD}\s+(?:after|post|since)\s+(?:the\s+)?(?:last|final|end)|"
    rf"{_TIME_WORD}\s*\d+{_MORE_NUMBERS}|(?:weeks|wks|days|months)\s*\d+\s*-\s*\d+|(?!0+\D)\d+{_MORE_NUMBERS}{_TIME_WORD}"
)
_TIME = (
    rf"(?:{_UNITS}){_GAP}{_COUNT}|(?<!minus ){_COUNT}{_GAP}(?:{_UNITS})|follow[\s_\-]*up(?:\s+(?:visit|value|level))?"
)
_DAYS_IN = {"w": 7, "d": 1, "m": 30.45}  # a trial that counts weeks has no visit at a number of months
_BASELINE = r"\s+(?:the\s+)?(?:baseline|base line|bl|week 0|wk 0|w0|day 0|pre-?treatment)"
_THIRD = "|".join(sorted((word for word in _TERTILES if not word.isdigit()), key=len, reverse=True))
_STRATUM = (
    rf"t(?:ertiles?)?\s*[1-3](?:\s*(?:[/+&,\-]|and|or|to)\s*(?:t(?:ertiles?)?\s*)?[1-3](?!{_TIME_WORD}))*|"
    rf"(?:{_THIRD})(?:\s*(?:[/+&]|and|\s)\s*(?:{_THIRD}))?\s*tertiles?"
)
STRATUM = _compile_word(_STRATUM)
# Phrases of every trial, by kind.
_PHRASES = {
    "time": _TIME,
    "stratum": rf"{_STRATUM}|(?:high|low)\s*p16|p16\s*[\-:]?\s*(?:high|low)",
    "of_baseline": rf"(?:vs\.?|versus|relative to|over|compared (?:to|with)|against|of|to){_BASELINE}",
    "change": rf"(?:from|minus|since){_BASELINE}|" + _join_names(split_list("changes")),
    "percent": "percent(?:age)?|pct|perc",
    "statistic": rf"(?<![(\[])(?:{_join_names(split_list('statistics'))})",  # P1NP (SD) may hold either
    "scale": _join_names(split_list("other_scales")),
}
_REMARK = re.compile(r"[(\[{][^()\[\]{}]*=[^()\[\]{}]*[)\]}]|\bn\s*=\s*\d+")  # a legend, or the number of participants
_PARENTHESIS = re.compile(r"[(\[{][^()\[\]{}]*[)\]}]")
_UNIT_PLACE = re.compile(
    r"[(\[{,]\s*([^()\[\]{},]+?)\s*(?=[)\]},]|$)|"
    r"(?<=[\s,;_])((?:[npumk]?g|[npum]?mol|[mu]?iu|m?u|kg|au)\s*(?:/|per)\s*(?:[mud]?l|cm\^?2|m\^?2|day|mmol|min))(?=[\s,;_]|$)|"
    r"(?<=[\s,;_])(kg|years?|yrs?|cm)\s*$"
)
_RATIO = re.compile(r"[a-z]{1,5}(?:/[a-z]{1,4}\d?)+")  # a unit, even if unknown
_ACRONYM = re.compile(r"\b(?=[^\W_]*[A-Z][^\W_]*[A-Z]|[^\W_]{2}[^\W_]*\d)[^\W\d_][^\W_]+")
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
MAX_SHARING = 3  # variables with the same acronym; with more, as for IL and MMP, it names a family
_EVENT_OF_ARM = re.compile(r"_arm_\d+$|\s*\(arm \d+[^()]*\)$", re.I)  # REDCap: week_2_arm_1, Week 2 (Arm 1: Control)
_NUMBERED = re.compile(r"(.*?)(\d+)")  # a number after a name, or within one


def stratum_label(text: str) -> str:
    """Return the canonical name of a stratum, such as ``T3`` or ``T1/T2``; unchanged if it has none."""
    match = STRATUM.search(normalize(text))
    words = re.findall(r"[1-3](?=st|nd|rd|\b)|[a-z]+", match[0]) if match else []
    numbers = {_TERTILES[word] for word in words if word in _TERTILES}
    return "/".join(f"T{number}" for number in sorted(numbers)) or " ".join(text.split())


class IdCode(NamedTuple):
    """A participant id of letters and a number, such as ``P-02``."""

    prefix: str
    number: int


def parse_id_code(identity: str) -> IdCode | None:
    """Parse an id such as ``P-02``; None for an id of another form."""
    match = re.fullmatch(r"\s*([^\d\s]*?)[\s_\-.#:]*0*(\d+)\s*", identity)
    return IdCode(match[1].casefold().rstrip("-_. "), int(match[2])) if match else None


def id_kind(label: str) -> str:
    """Return the kind of ids that a label names: sample, screening, randomization, case or subject; empty if none."""
    return next((kind for kind, pattern in WORDS["id_kinds"].items() if re.search(pattern, normalize(label))), "")


_STATISTIC = compile_names(split_list("statistics"))
_SUMMARY = re.compile(rf"\b(?:{WORDS['summaries']})\b")
_WHOLE_NUMBER = re.compile(r"\d+\.0+|[1-9](?:\.\d+)?[eE]\+\d{1,2}")  # 1E1 is a code


def canonical_id(value: object) -> str:
    """Return an id as text; 2.0, "2.0" and " 2 " all become "2"."""
    if is_number(value):
        return str(int(value)) if float(value).is_integer() else repr(float(value))  # type: ignore[arg-type]
    if isinstance(value, Flag):
        return value.shown
    text = plain_characters(str(value))
    return str(int(float(text))) if _WHOLE_NUMBER.fullmatch(text) and float(text) < 1e15 else text


def differ_by_one_edit(first: str, second: str) -> bool:
    """Return whether two texts differ by one character that is replaced, added or left out."""
    first_cuts, second_cuts = ([text[:i] + text[i + 1 :] for i in range(len(text))] for text in (first, second))
    replaced = len(first) == len(second) and any(a == b for a, b in zip(first_cuts, second_cuts, strict=True))
    return first != second and (replaced or first in second_cuts or second in first_cuts)


def is_summary(cell: object) -> bool:
    """Return whether a cell names a statistic, such as N, Q1, Overall or "Mean (SD), Control"."""
    if not isinstance(cell, str) or len(cell) >= 40 or (cell[-1:].isdigit() and len(cell) > 3):
        return False
    plain = normalize(cell)
    return bool(_STATISTIC.fullmatch(plain) or _SUMMARY.search(plain) or plain in WORDS["whole"])


def find_summaries(cells: list) -> list[int]:
    """Return the positions of cells that name statistics; more than three with one prefix, such as Q1, Q2, ..., are ids."""
    ids = [parse_id_code(canonical_id(cell)) for cell in cells]
    counts = Counter(code.prefix for code in {*ids} if code)
    return [i for i, code in enumerate(ids) if is_summary(cells[i]) and not (code and counts[code.prefix] > 3)]


@dataclass(eq=False, kw_only=True)
class Meaning:
    """What a label, a column or a whole block states about its values; None for what it does not state."""

    variable: str | None = None
    visit: str | None = None
    arm: str | None = None
    stratum: str | None = None
    marker: str | None = None
    measure: str | None = None  # of a label also "change" (scale unknown) or "other"
    unit: str | None = None


@dataclass(eq=False)
class LabelReading(Meaning):
    """The interpretation of a label: certain, or only possible if words were not understood, which ``leftover`` holds."""

    role: str | None = None
    statistic: bool = False
    leftover: str = ""
    qualifier: str = ""  # text in parentheses after the name of an arm that was not understood
    unknown_visit: str | None = None  # a time at which the trial has no visit
    candidates: tuple[str, ...] = ()
    mentioned: Collection[str] = ()  # variables that it names, even if other words were not understood

    @property
    def certain(self) -> bool:
        """Whether every word of the label was understood."""
        return not self.leftover

    def states_more_than(self, *names: str) -> bool:
        """Return whether the label states anything about its values other than the named fields."""
        fields = {"variable", "visit", "arm", "stratum", "measure", "statistic", "role", "qualifier"}
        return any(getattr(self, name) for name in fields.difference(names))


class Vocabulary:
    """The names of one trial, compiled for the recognition of labels.

    ``codes`` are those of a mapping: for ``arm``, ``visit`` and ``variable``, the key that each lower-case code means.
    """

    def __init__(self, trial: Trial, codes: Codes | None = None) -> None:
        self.trial = trial
        self.weeks = {visit.week: key for key, visit in trial.visits.items() if visit.week is not None}
        entries = {"arm": trial.every_arm, "visit": trial.visits, "variable": trial.markers | trial.outcomes}
        names = {role: {key: [key, x.label, *x.names] for key, x in group.items()} for role, group in entries.items()}
        given = {role: (codes or {}).get(role, {}) for role in names}
        self.ignored = {compact_name(code) for code, key in given["variable"].items() if key == "ignore"}
        self.codes = {role: {c: key for c, key in given[role].items() if key in names[role]} for role in names}
        # Numbers and single letters count only as the whole text; the number of a visit also after the name of an outcome.
        for role, key_by_code in self.codes.items():
            for code, key in key_by_code.items():
                if len(code) > 1 and not compact_name(code).isdigit():
                    names[role][key].append(code)
        for role in ("arm", "visit"):
            uses = Counter(name for labels in names[role].values() for name in set(map(compact_name, labels)))
            if shared := [name for name, count in uses.items() if count > 1]:
                raise UserError(f"{shared[0]!r} names several {role}s of the trial; expected one")
        self.arms, self.visits = (
            {compact_name(name): key for key, labels in names[role].items() for name in labels}
            | {code: key for code, key in self.codes[role].items() if not code.isdigit()}
            for role in ("arm", "visit")
        )
        arm, visit, variable = (_join_names(chain(*names[role].values())) for role in ("arm", "visit", "variable"))
        # The phrases of labels, by kind; at the same place, the first one counts.
        phrases = {
            "arm": arm,
            "against": rf"(?:vs\.?|versus|than)\s+(?:the\s+)?(?:{arm})",
            "times": _TIMES,
            "visit": visit,
            "variable": rf"(?:{variable})(?:(?<=[a-z])\d+)?",
            **_PHRASES,
        }
        self._phrases = _compile_word("|".join(f"(?P<{kind}>{phrase})" for kind, phrase in phrases.items()))
        sample = trial.population
        self._population_pattern = compile_names([sample.label, *sample.names] if sample else ())
        self._units = {plain_unit(variable.unit) for variable in entries["variable"].values() if variable.unit}
        self.variables: dict[str, set[str]] = defaultdict(set)
        # Words that few variables share: acronyms in their names, and the longer words of their labels.
        keys_by_word: dict[str, set[str]] = defaultdict(set)
        self._name_words: dict[str, list[set[str]]] = {}
        for key, labels in names["variable"].items():
            self._name_words[key] = [set(_content_words(normalize(name))) for name in labels]
            for name in labels:
                self.variables[compact_name(name)].add(key)
            for word in [*_ACRONYM.findall(" ".join(labels[1:])), *_LONG_WORD.findall(labels[1])]:
                keys_by_word[compact_name(word)].add(key)
        self._marker_words = set().union(*chain.from_iterable(self._name_words[key] for key in trial.markers))
        self._distinctive = {word: keys for word, keys in keys_by_word.items() if word and len(keys) <= MAX_SHARING}
        self.roles = {compact_name(name): role for role, text in WORDS["roles"].items() for name in text.split(";")}
        self.roles |= {compact_name(name): "participant" for name in trial.id_names}
        self.label = lru_cache(maxsize=50_000)(lambda text: self._read_label(text[:MAX_LETTERS]))

    def names_population(self, title: str) -> bool:
        """Return whether a title names the population sample, and not the trial's own population."""
        return bool(self._population_pattern.search(OWN_POPULATION.sub(" ", normalize(title))))

    def arm(self, text: str) -> str | None:
        """Return the arm that the whole text names."""
        return self.arms.get(compact_name(text))

    def arm_of(self, cell: object) -> str | None:
        """Return the arm that a cell of a column of arms names with certainty, by name or by code."""
        text = canonical_id(cell)
        reading = self.label(text)
        return self.codes["arm"].get(text.casefold()) or (reading.arm if reading.certain else None)

    def visit(self, value: object) -> str | None:
        """Return the visit that a cell names, unless the cell also states something else."""
        text = _EVENT_OF_ARM.sub("", canonical_id(value))
        reading = self.label(text)
        more = reading.leftover or reading.unit or reading.states_more_than("visit")
        compares = not _SIGNS.keys().isdisjoint(map(ord, text)) and compact_name(text) not in self.visits
        return None if more or compares else reading.visit

    def _read_label(self, text: str) -> LabelReading:
        """Interpret the label of a column, or a cell that holds a name."""
        plain, name = normalize(text), compact_name(text)
        words, role = set(_content_words(plain)), self.roles.get(name)
        candidates = tuple(sorted(self.variables.get(name, ())))
        variable = candidates[0] if len(candidates) == 1 else None
        if name in self.ignored:
            return LabelReading(role="ignored")
        if not plain:
            return LabelReading()
        if candidates and role not in ("participant", "arm", "visit", "variable"):
            return LabelReading(variable=variable, candidates=() if variable else candidates, mentioned=candidates)
        if name in self.arms or name in self.visits:
            return LabelReading(arm=self.arms.get(name), visit=self.visits.get(name))
        if role:
            return LabelReading(role=role, variable=variable)
        only_id_words = words <= PERSONS | IDENTIFIERS | IDENTIFIER_QUALIFIERS and words & (PERSONS | IDENTIFIERS)
        if only_id_words and (len(words) == 1 or words - PERSONS):
            return LabelReading(role="participant")
        return LabelReading(unit=plain) if len(plain) > 1 and is_unit(plain) else self._read_phrases(plain)

    def _read_phrases(self, text: str) -> LabelReading:
        """Find the unit and the phrases of a label; the words left must name a variable or a role."""
        found: dict[str, list[re.Match]] = defaultdict(list)

        def take(match: re.Match) -> str:
            found[str(match.lastgroup)].append(match)
            return match[0] if match.lastgroup in ("variable", "against") else " , "  # so that no new phrase arises

        unit, text = self._split_unit(_REMARK.sub(" ", text))
        rest = self._phrases.sub(take, text)
        measure, percent = None, found["percent"] or any("pchg" in match[0] for match in found["change"])
        if percent and found["of_baseline"] and not found["change"]:
            measure = "percent_of_baseline"  # 95.9 for a fall by 4.1 percent
        elif found["change"] or found["of_baseline"]:
            measure = PERCENT_CHANGE if percent else "change"
        if measure and found["against"] and not found["statistic"]:
            measure = "other"  # a difference between arms
        times = {self._find_visit(match[0]): match[0] for kind in ("visit", "time") for match in found[kind]}
        unknown_visit = times.pop(None, None) or next((match[0] for match in found["times"]), None)
        if len(times) == 2 and measure:
            times.pop(BASELINE, None)  # "percent change, baseline to week 20"
        arms = {self.arms.get(compact_name(match[0])) for match in found["arm"]}
        if len(arms) > 1 or NEGATIONS.intersection(split_words(rest)):
            arms, rest = set(), " ".join([rest, *(match[0] for match in found["arm"])])
        strata = {stratum_label(match[0]) for match in found["stratum"]}
        ambiguous = [sorted(entries) for entries in (times, strata) if len(entries) > 1]
        reading = LabelReading(
            visit=_only(times),
            unknown_visit=None if times else unknown_visit,
            arm=_only(arms),
            stratum=_only(strata),
            measure=measure,
            unit=unit or ("percent" if percent and not measure else None),
            statistic=bool(found["statistic"]),
            leftover="; ".join(map(" or ".join, ambiguous)),
            mentioned=self._find_mentioned(rest),
        )
        return self._read_name(rest, found, reading)

    def _split_unit(self, text: str) -> tuple[str | None, str]:
        """Return the first unit in parentheses, after a comma or after the name of a label, and the label without it."""
        for match in _UNIT_PLACE.finditer(text):
            unit, (start, end) = match[match.lastindex or 0], match.span(match.lastindex or 0)
            known = is_unit(unit) or plain_unit(unit) in self._units or _RATIO.fullmatch(plain_unit(unit))
            if known and unit not in FILLERS and not self._phrases.fullmatch(unit):
                return unit, f"{text[:start]} {text[end:]}"
        return None, text

    def _find_visit(self, time: str) -> str | None:
        """Return the visit at a time, given by its name or counted in weeks, days or months."""
        count, unit = re.search(r"\d+(?:\.\d+)?", time), re.search("[a-z]", time)
        weeks = float(count[0]) * _DAYS_IN.get(unit[0], math.nan) / 7 if count and unit else math.nan
        return self.visits.get(compact_name(time)) or self.weeks.get(weeks)

    def _read_name(self, text: str, found: Mapping[str, list[re.Match]], reading: LabelReading) -> LabelReading:
        """Look up the words left of a label as a variable or a role."""
        words = [word for word in _content_words(text) if not (reading.measure and word in ("to", "by"))]
        keys = self._find_variables(words)
        if reading.stratum and not keys:  # T3 of p16
            without_marker = [word for word in words if word not in self._marker_words]
            keys = self._find_variables(without_marker)
            words = without_marker if keys or not without_marker else words
        exact = not words or "".join(words) in self.variables
        if not (exact or reading.visit) and (match := _NUMBERED.fullmatch(words[-1])):
            key = _only(self._find_variables([*words[:-1], *filter(None, [match[1]])]))
            if key in self.trial.outcomes and not (keys and match[1]):
                if visit := self.codes["visit"].get(match[2]) or self.visits.get(match[2]):
                    return replace(reading, variable=key, visit=visit)
                if not match[1]:  # bmd 2 may be of week 2, or the second visit
                    return replace(reading, candidates=(key,), leftover=words[-1], unknown_visit=words[-1])
        if len(keys) == 1:
            other = [word for kind in ("statistic", "scale") for match in found[kind] for word in split_words(match[0])]
            # As in total P1NP.
            in_name = all(len(word) > 1 for word in other) and self._find_variables([*words, *other]) == keys
            measure = "other" if found["scale"] and not in_name else reading.measure
            return replace(reading, variable=_only(keys), statistic=reading.statistic and not in_name, measure=measure)
        if reading.arm and words and not _content_words(_PARENTHESIS.sub(" ", text)):
            return replace(reading, qualifier=" ".join(words))
        words += [match[0] for match in found["scale"]]
        role = self.roles.get("".join(words)) if words else None
        if role or not words:
            return replace(reading, role=role)
        if STRATA & set(words):
            others = [word for word in words if word not in STRATA]
            markers = (self._find_variables(others) | self._find_similar(others)) & set(self.trial.markers)
            if markers or not others:
                return replace(reading, role="stratum", candidates=tuple(sorted(markers)))
        named = keys or self._find_mentioned(text, exact=False) or self._find_similar(words)
        leftover = " ".join(filter(None, [reading.leftover, *words]))
        return replace(reading, candidates=tuple(sorted(named)), leftover=leftover)

    def _find_variables(self, words: list[str]) -> set[str]:
        """Return the variables with a name of these words, in any order, with or without words of their other names."""
        if (keys := self.variables.get("".join(words))) or len({*words}) < len(words) or len(words) > MAX_WORDS:
            return keys or set()
        named = self._name_words.items()
        return {k for k, names in named if {*words} <= set().union(*names) and any(name <= {*words} for name in names)}

    def _find_mentioned(self, text: str, *, exact: bool = True) -> set[str]:
        """Return the variables that a text names; ``exact``: not next to a word that makes it another quantity, as in urine CTx."""
        keys = set()
        for match in self._phrases.finditer(text):
            before, after = _content_words(text[: match.start()])[-1:], _content_words(text[match.end() :])[:1]
            other = OTHER_QUANTITIES.intersection(before) - {"ii", "iii"} or OTHER_QUANTITIES.intersection(after)
            if match.lastgroup == "variable" and not (exact and other):
                keys |= self.variables.get(compact_name(match[0]), set())
        return keys

    def _find_similar(self, words: list[str]) -> set[str]:
        """Return the variables whose names the words begin with, perhaps after a number, as in w2CTX, or that share a word."""
        starts = ["".join(words), *re.findall(r"(?<=\d)[a-z]\w*", "".join(words))]
        named = (
            self.variables[name] for name in self.variables if len(name) > 2 and any(s.startswith(name) for s in starts)
        )
        alike = (keys for start, keys in self._distinctive.items() if any(word.startswith(start) for word in words))
        return set().union(*named) or set().union(*alike)

    def context(self, text: str) -> LabelReading:
        """Interpret a title or the name of a sheet, whose other words do not matter: what it names without ambiguity."""
        reading = self.label(text)
        return LabelReading(
            variable=_only(self.trial.outcomes.keys() & reading.mentioned),
            visit=reading.visit,
            stratum=reading.stratum,
            measure=None if reading.measure == "other" else reading.measure,
            candidates=tuple(sorted(reading.mentioned)),
        )


def _only(entries: Collection[str]) -> Any:
    """Return the only entry; None of none or several."""
    return next(iter(entries)) if len(entries) == 1 else None
