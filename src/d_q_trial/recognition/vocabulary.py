"""Interpret labels by the trial's names and one grammar: variable, visit, arm, stratum, measure, unit and role.

The general words are in ``words.yaml``; the expressions here define how words combine.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from ..errors import UserError
from ..participants import PERCENT_CHANGE
from ..spreadsheet.sheets import Flag, is_number
from ..trial import BASELINE, Trial
from .cells import ANSWERS, DASHES, WORDS, is_unit, plain_characters, plain_unit

Codes = Mapping[str, Mapping[str, str]]  # for each role, the key that each lower-case code means
FILLERS, PERSONS, IDENTIFIERS, IDENTIFIER_QUALIFIERS, STRATA, NEGATIONS, OTHER_QUANTITIES = (
    frozenset(WORDS[key].split())
    for key in ("fillers", "persons", "identifiers", "beside_identifiers", "strata", "negations", "other_things")
)
_TERTILES = {word: number for number, names in WORDS["tertiles"].items() for word in names.split()}

# A Greek letter becomes a separate word, so that TNFα is not taken for camel case; but µ is the prefix micro.
_GREEK = {letter: f" {name} " for name, letters in WORDS["greek"].items() for letter in letters} | {"μ": "u"}
_TRANSLATION = str.maketrans(_GREEK | DASHES | dict.fromkeys("’‘`´", "'") | {"×": "x"})
_SIGNS = str.maketrans({"<": " below ", "≤": " to ", ">": " above ", "≥": " from ", "~": " about ", "?": " perhaps "})
MAX_LETTERS = 2000  # of a label; the rest is ignored
MAX_WORDS = 30  # of a name
MAX_UNMATCHED = 0.1  # share of the ids of a table, when its ids are matched by number with those of another table
_WORD_START, _WORD_END = r"(?<![a-z0-9])", r"(?![a-z0-9])"
_WEEKS, _DAYS, _MONTHS = "weeks?|wks?|w", "days?|d", "months?|mo"
_UNITS = f"{_WEEKS}|{_DAYS}|{_MONTHS}"
_NEGATIVE_TIME = re.compile(rf"\b((?:{_UNITS})\s+|[wd])-(?=\d)|(?<!\S)-(?=\d+\s*-?(?:{_UNITS})\b)")  # week -2, w-2


def _compile_word(body: str) -> re.Pattern:
    """Compile an expression that matches whole words only."""
    return re.compile(f"{_WORD_START}(?:{body}){_WORD_END}")


def normalize(text: str) -> str:
    """Return lower-case text with plain letters: Greek spelt out, dashes and quotes unified, camel case split."""
    text = unicodedata.normalize("NFKC", str(text).translate(_TRANSLATION)).translate(_TRANSLATION)
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


def compile_names(names: Iterable[str]) -> re.Pattern:
    """Compile an expression that matches any of the names, longest first, with any separators between their parts."""
    bodies = []
    for name in sorted({normalize(n) for n in names}, key=lambda n: (-len(n), n)):
        parts = re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?|[+&/]", name)
        parts = [r"(?:\+|&|/|plus|and)" if p in ("+", "&", "plus", "and", "/") else re.escape(p) for p in parts]
        bodies += [r"[\s_.\-]*".join(parts)] if parts else []
    return _compile_word("|".join(bodies) or r"(?!)")


def split_list(key: str) -> list[str]:
    """Split a semicolon-separated list of ``words.yaml``."""
    return [entry.strip() for entry in WORDS[key].split(";")]


STATISTICS, CHANGE, OTHER_SCALE, NOT_AS_MEASURED, MARKS, UNMARKED, OWN_POPULATION = (
    compile_names(split_list(key))
    for key in ("statistics", "changes", "other_scales", "not_as_measured", "marks", "unmarked", "own_population")
)
_BASELINE = r"\s+(?:the\s+)?(?:baseline|base line|bl|week 0|wk 0|w0|day 0|pre-?treatment)"
_TO_BASELINE = rf"(?:vs\.?|versus|relative to|over|compared (?:to|with)|against|of|to){_BASELINE}"
FROM_BASELINE = _compile_word(rf"(?:(?:change|difference|delta)\s+)?(?:(?:from|minus|since){_BASELINE}|{_TO_BASELINE})")
OF_BASELINE = _compile_word(_TO_BASELINE)
PERCENT = re.compile(r"percent(?:age)?|(?<![a-z])(?:pct|perc)(?![a-z])")
TO = _compile_word("to|by|vs")
_THIRD = "|".join(sorted((word for word in _TERTILES if not word.isdigit()), key=len, reverse=True))
STRATUM = _compile_word(
    r"t(?:ertiles?)?\s*[1-3](?:\s*(?:[/+&,\-]|and|or|to)\s*(?:t(?:ertiles?)?\s*)?[1-3])*(?:\s*of\s*p16)?|"
    rf"(?:lower two|two lower|{_THIRD})(?:\s*(?:[/+&]|and)\s*(?:{_THIRD}))?\s*(?:p16\s*)?tertiles?(?:\s*(?:of\s*)?p16)?|"
    r"(?:high|low)\s*p16|p16\s*[\-:]?\s*(?:high|low)"
)
_OUTSIDE = r"(?:\b(?:not(?: in)?|non|below|except|but|without|other than)[\s\-]+|[<≤>≥]\s*)(?:the\s+)?"
NOT_A_STRATUM = re.compile(_OUTSIDE + STRATUM.pattern)
GROUP_SIZE = re.compile(r"[(\[]?\s*" + _WORD_START + r"n\s*=\s*\d+\s*[)\]]?")
# Times of doses, times since an event other than the start, and several times; not with single letters, as in D+Q.
_TIME_WORD, _MORE_NUMBERS = r"[\s\-]*(?:weeks?|wks?|days?|months?)", r"(?:\s*,\s*\d+)*(?:-|\s*(?:and|or|to|&)\s*)\d+"
_KIND = r"(?:(?:randomi[sz]ed|controlled|clinical|pilot|phase|of|\d+)\s+)"  # of a trial
NOT_A_VISIT = _compile_word(
    rf"(?:every|each)\s+\d+{_TIME_WORD}|\d+[\s\-]*(?:week|wk|day|month)\s+{_KIND}*(?:trial|study|course|treatment)|"
    rf"(?:given|treat\w+|dosed|therapy)\s+(?:\S+\s+){{0,3}}for\s+\d+{_TIME_WORD}|"
    rf"\d+{_TIME_WORD}\s+(?:after|post|since)\s+(?:the\s+)?(?:last|final|end|second|third|\d+(?:nd|rd|th))|"
    rf"{_TIME_WORD}\s*\d+{_MORE_NUMBERS}|(?:weeks|wks|days|months)\s*\d+\s*-\s*\d+|(?!0+\D)\d+{_MORE_NUMBERS}{_TIME_WORD}"
)
FOLLOW_UP = _compile_word(r"follow[\s_\-]*up(?:\s+(?:visit|value|level))?")


def _compile_counts(words: str, days: float) -> list[tuple[re.Pattern, float]]:
    """Return expressions for "week 2" and "2 weeks", each with the days in one unit; "variant 5 week 20" needs this order."""
    number, gap = r"0*(\d+(?:\.\d+)?)", r"[\s_.\-#:]*"
    bodies = (f"(?:{words}){gap}{number}", f"(?<!minus ){number}{gap}(?:{words})")
    return [(_compile_word(body), days) for body in bodies]


WEEKS, DAYS = _compile_counts(_WEEKS, 7), _compile_counts(_DAYS, 1)
MONTHS = _compile_counts(_MONTHS, 30.45)  # a trial that counts weeks has no visit at such a time
_ACRONYM = re.compile(r"\b(?=[^\W_]*[A-Z][^\W_]*[A-Z]|[^\W_]{2}[^\W_]*\d)[^\W\d_][^\W_]+")
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
MAX_SHARING = 3  # variables with the same acronym; with more, as for IL and MMP, it names a family
_RATIO = re.compile(r"[a-z]{1,5}(?:/[a-z]{1,4}\d?)+")  # a unit, even if unknown
BARE_UNIT = re.compile(
    r"(?:(?<=[\s,;_])((?:[npumk]?g|[npum]?mol|[mu]?iu|m?u|kg|au)\s*(?:/|per)\s*(?:[mud]?l|cm\^?2|m\^?2|day|mmol|min))"
    r"(?=[\s,;_]|$)|(?<=[\s,;_])(kg|years?|yrs?|cm)\s*$)"
)
_EVENT_OF_ARM = re.compile(r"_arm_\d+$|\s*\(arm \d+[^()]*\)$", re.I)  # REDCap: week_2_arm_1, Week 2 (Arm 1: Control)
_NUMBERED = re.compile(r"(.*?)(\d+)")  # a number after a name, or within one
_AGAINST = re.compile(r"\b(?:vs\.?|versus|than)\s+(?:the\s+)?$")
# What may precede a name without a separator, as in w2CTX.
_NAME_PREFIX = re.compile(r"(?:(?:week|wk|day|month|visit|[a-z])?\d+[a-z]*|base|baseline|bl|pre|post|[a-z])?")
PARENTHESIS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")


def stratum_label(text: str) -> str:
    """Return the canonical name of a stratum, such as ``T3`` or ``T1/T2``; unchanged if it has none."""
    plain = normalize(text)
    match = None if NOT_A_STRATUM.search(plain) else STRATUM.search(plain)
    stratum = re.sub(r"\s*of\s*p16$", "", match[0]) if match else ""
    if "lower two" in stratum or "two lower" in stratum:
        return "T1/T2"
    words = re.findall(r"[1-3](?=st|nd|rd|\b)|[a-z]+", stratum) if "p16" not in stratum or "tertile" in stratum else []
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


_ROLE = re.compile(r"(?:group|arm|treatment|trt|cohort|sequence|visit|time ?point|v(?=\d))[\s_:#.\-]*(\w{1,4})", re.I)


def short_code(text: str) -> str:
    """Return a code in lower case and without the word for its role, so that ``Group A`` equals ``A``."""
    match = _ROLE.fullmatch(text.strip())
    return (match[1] if match else text.strip()).casefold()


def id_kind(label: str) -> str:
    """Return the kind of ids that a label names: sample, screening, randomization, case or subject; empty if none."""
    return next((kind for kind, pattern in WORDS["id_kinds"].items() if re.search(pattern, normalize(label))), "")


def match_ids(ids: set[str], base_ids: set[str], *, few_suffice: bool) -> dict[str, str]:
    """Match ids with those of another table: by number unless letters differ, else up to case and blanks; none if ambiguous."""
    forms = {identity: parse_id_code(identity) for identity in ids | base_ids}
    prefixes = {form.prefix if form else None for form in forms.values()} - {""}
    by_number = None not in prefixes and len(prefixes) <= 1
    keys = {i: form.number if by_number else i.casefold().replace(" ", "") for i, form in forms.items()}
    base_by_key = {keys[identity]: identity for identity in base_ids}
    if len(base_by_key) < len(base_ids) or len({keys[identity] for identity in ids}) < len(ids):
        return {}
    matched = {identity: base_by_key[keys[identity]] for identity in ids if keys[identity] in base_by_key}
    required = 1 if few_suffice and by_number else (1 - MAX_UNMATCHED if by_number else 1) * len(ids)
    return matched if len(matched) >= required else {}


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
    return bool(STATISTICS.fullmatch(plain) or _SUMMARY.search(plain) or plain in WORDS["whole"])


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
    qualifier: str = ""  # text in parentheses that was not understood
    unknown_visit: str | None = None  # a time at which the trial has no visit
    candidates: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether every word of the label was understood."""
        return not self.leftover

    def states_more_than(self, *names: str) -> bool:
        """Return whether the label states anything about its values other than the named fields."""
        fields = {"variable", "visit", "arm", "stratum", "measure", "statistic", "qualifier"}
        return any(getattr(self, name) for name in fields.difference(names))

    def extract(self, pattern: re.Pattern) -> re.Match | None:
        """Remove the first match of a pattern from ``leftover`` and return it."""
        if match := pattern.search(self.leftover):
            self.leftover = self.leftover[: match.start()] + " " + self.leftover[match.end() :]
        return match


class Vocabulary:
    """The names of one trial, compiled for the recognition of labels.

    ``codes`` are those of a mapping: for ``arm``, ``visit`` and ``variable``, the key that each lower-case code means.
    """

    def __init__(self, trial: Trial, codes: Codes | None = None) -> None:
        self.trial = trial
        self.weeks = {visit.week: key for key, visit in trial.visits.items() if visit.week is not None}
        entries = {"arm": trial.every_arm, "visit": trial.visits, "variable": trial.markers | trial.outcomes}
        names = {role: {key: [key, x.label, *x.names] for key, x in group.items()} for role, group in entries.items()}
        # Numbers and single letters count only as the whole text; the number of a visit also after the name of an outcome.
        self._short_codes: dict[str, dict[str, str]] = {role: {} for role in names}
        for role, names_by_key in names.items():
            for code, key in (codes or {}).get(role, {}).items():
                if key in names_by_key and not compact_name(code).isdigit() and len(code) > 1:
                    names_by_key[key].append(code)
                elif key in names_by_key:
                    self._short_codes[role][code] = key
        variable_codes = (codes or {}).get("variable", {}).items()
        self.ignored = {compact_name(code) for code, key in variable_codes if key == "ignore"}
        for role in ("arm", "visit"):
            uses = Counter(name for labels in names[role].values() for name in dict.fromkeys(map(compact_name, labels)))
            if shared := [name for name, count in uses.items() if count > 1]:
                raise UserError(f"{shared[0]!r} names several {role}s in the trial file and the mapping; expected one")
        self.arms, self.visits = (
            {compact_name(name): key for key, labels in names[role].items() for name in labels}
            | {code: key for code, key in self._short_codes[role].items() if not code.isdigit()}
            for role in ("arm", "visit")
        )
        patterns = [compile_names(chain.from_iterable(names_by_key.values())) for names_by_key in names.values()]
        self._arm_pattern, self._visit_pattern, self._variable_pattern = patterns
        sample = trial.population
        self._population_pattern = compile_names([sample.label, *sample.names] if sample else ())
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
        self._distinctive = {word: keys for word, keys in keys_by_word.items() if word and len(keys) <= MAX_SHARING}
        self.roles = {compact_name(name): role for role, text in WORDS["roles"].items() for name in text.split(";")}
        self.roles |= {compact_name(name): "participant" for name in trial.id_names}
        self._misread: dict[str, str] = {}
        self.label = lru_cache(maxsize=50_000)(lambda text: self._read_label(text[:MAX_LETTERS]))
        self.context = lru_cache(maxsize=5_000)(lambda text: self._read_context(text[:MAX_LETTERS]))
        # Names that would be misread, as "Delta-9-THC" for a change, are replaced by a word that means the variable.
        pairs = [(key, name) for key, labels in names["variable"].items() for name in labels[1:]]
        for key, name in sorted(pairs, key=lambda pair: len(pair[1])):
            reading = self._read_label(f"{name} {trial.visits[BASELINE].label}")
            if self.variables[compact_name(name)] == {key} and not (reading.certain and reading.variable == key):
                word = "name" + "".join(chr(ord("a") + int(digit)) for digit in str(len(self._misread)))
                pattern = rf"(?<!\w){re.escape(normalize(name))}(?!\w)"
                self._misread = {pattern: word} | self._misread  # a longer name before one that it contains
                self.variables[word] = {key}

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
        return self._short_codes["arm"].get(short_code(text)) or (reading.arm if reading.certain else None)

    def visit(self, value: object) -> str | None:
        """Return the visit that a cell names, unless the cell also states something else."""
        text = _EVENT_OF_ARM.sub("", canonical_id(value))
        reading = self.label(text)
        more = reading.leftover or reading.unit or reading.states_more_than("visit")
        compares = not _SIGNS.keys().isdisjoint(map(ord, text)) and compact_name(text) not in self.visits
        return None if more or compares else reading.visit

    def is_week(self, value: object) -> bool:
        """Return whether a header cell names a visit, or is a bare number that is the week of one."""
        return self.visit(value) is not None if isinstance(value, str) else value in self.weeks

    def _read_label(self, text: str) -> LabelReading:
        """Interpret the label of a column, or a cell that holds a name."""
        plain = normalize(text)
        for misread, word in self._misread.items():
            plain = re.sub(misread, word, plain)
        name = compact_name(plain)
        words, role = set(_content_words(plain)), self.roles.get(name)
        candidates = tuple(sorted(self.variables.get(name, ())))
        variable = candidates[0] if len(candidates) == 1 else None
        if name in self.ignored:
            return LabelReading(role="ignored")
        if not plain:
            return LabelReading()
        if candidates and role not in ("participant", "arm", "visit", "variable"):
            return LabelReading(variable=variable, candidates=() if variable else candidates)
        if arm := self.arm(text):
            return LabelReading(arm=arm)
        if visit := self.visits.get(name):
            return LabelReading(visit=visit)
        if role:
            return LabelReading(role=role, variable=variable)
        only_id_words = words <= PERSONS | IDENTIFIERS | IDENTIFIER_QUALIFIERS and words & (PERSONS | IDENTIFIERS)
        if only_id_words and (len(words) == 1 or words - PERSONS):
            return LabelReading(role="participant")
        return LabelReading(unit=plain) if len(plain) > 1 and is_unit(plain) else self._read_parts(plain)

    def _read_parts(self, plain: str) -> LabelReading:
        """Extract unit, measure, visit, arm and stratum from a label in turn; the words left name a variable or a role."""
        reading = LabelReading(leftover=GROUP_SIZE.sub(" ", plain))
        for _ in range(2):  # parentheses may be nested
            reading.leftover = PARENTHESIS.sub(lambda match: self._read_parenthesis(match, reading), reading.leftover)
        if not reading.unit and (match := reading.extract(BARE_UNIT)):
            reading.unit = match[1] or match[2]
        head, _, last = reading.leftover.rpartition(",")
        if not reading.unit and head.strip() and is_unit(last.strip()):
            reading.leftover, reading.unit = head, last.strip()
        _extract_measure(reading)
        ambiguity = self._extract_visit(reading)
        arms = self._find_arms(reading.leftover)
        before = self._arm_pattern.split(reading.leftover)[0]
        if reading.measure and len(arms) == 1 and _AGAINST.search(before) and not STATISTICS.search(before):
            reading.measure = "other"  # a difference between arms
        without_arm = self._arm_pattern.sub(" ", reading.leftover)
        if len(arms) == 1 and not NEGATIONS & set(split_words(without_arm)):
            reading.arm, reading.leftover = arms.pop(), without_arm
        if not NOT_A_STRATUM.search(reading.leftover) and (match := reading.extract(STRATUM)):
            reading.stratum = stratum_label(match[0])
        reading = self._read_name(reading.leftover, replace(reading, leftover=ambiguity))
        redundant = FILLERS.union(*self._name_words.get(reading.variable or "", ()))
        return replace(reading, qualifier="") if set(split_words(reading.qualifier)) <= redundant else reading

    def _read_parenthesis(self, match: re.Match, reading: LabelReading) -> str:
        """Interpret text in parentheses as a unit, a legend, part of the name, or a remark; return what replaces it."""
        before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
        inner = " ".join(match[1].split())
        if after.isalnum() or (before.isalnum() and after and len(inner) <= 2 and inner.isalpha()):
            return match[0]  # belongs to a name, as in 25(OH)D
        legend = re.findall(r"(\w+)\s*=\s*(\w+)", inner)
        if legend and all(ANSWERS.get(code, "") == ANSWERS.get(answer) for code, answer in legend):  # 1 = yes, 0 = no
            return " "
        unit, _, remark = inner.partition(",")
        scale = STATISTICS.fullmatch(unit) or OTHER_SCALE.fullmatch(unit)
        is_known_word = self.visits.get(compact_name(unit)) or scale or unit in FILLERS
        if not is_known_word and (is_unit(unit) or _RATIO.fullmatch(plain_unit(unit))):
            reading.unit = unit
        else:
            remark = inner
        percent = " percent " if reading.unit == "percent" else " "
        inside = self._read_label(remark) if "(" not in remark else LabelReading(leftover=remark)
        certain = inside.certain and (inside.variable or inside.visit or inside.arm or inside.stratum)
        if certain or OTHER_SCALE.search(remark) or CHANGE.search(remark) or STRATA & set(split_words(remark)):
            return f" {remark}{percent}"
        reading.qualifier = remark.strip() or reading.qualifier
        return percent

    def _extract_visit(self, reading: LabelReading) -> str:
        """Extract the visit, or a time at which the trial has none; return why the visit is ambiguous, if it is."""
        visits = self._extract_counted_times(reading, WEEKS + DAYS)
        for name in self._visit_pattern.findall(reading.leftover):
            if key := self.visits.get(compact_name(name)):
                visits.add(key)
                reading.leftover = reading.leftover.replace(name, " ", 1)
        visits = visits or self._extract_counted_times(reading, MONTHS)
        if not (visits or reading.unknown_visit or FOLLOW_UP.fullmatch(reading.leftover)):
            match = reading.extract(FOLLOW_UP)
            reading.unknown_visit = match[0] if match else None
        if len(visits) == 2 and BASELINE in visits and (reading.measure or TO.search(reading.leftover)):
            visits.remove(BASELINE)  # "baseline to week 20"
            reading.measure = reading.measure or "change"
        if visits:
            reading.unknown_visit = None
        if len(visits) == 1:
            reading.visit = visits.pop()
        return "two visits: " + ", ".join(sorted(visits)) if visits else ""

    def _extract_counted_times(self, reading: LabelReading, times: list[tuple[re.Pattern, float]]) -> set[str]:
        """Extract times counted in weeks, days or months; return the visits at these times."""
        visits = set()
        for pattern, days in times:
            for match in list(pattern.finditer(reading.leftover)):
                if visit := self.weeks.get(float(match[1]) * days / 7):
                    visits.add(visit)
                elif self._visit_pattern.fullmatch(match[0]) or "d" in re.findall(r"[a-z]+", match[0]):
                    continue  # a visit of another name, or vitamin D 3
                else:
                    reading.unknown_visit = match[0]
                reading.leftover = reading.leftover.replace(match[0], " ", 1)
        return visits

    def _read_name(self, text: str, reading: LabelReading) -> LabelReading:
        """Look up the remaining words of a label as a variable or a role."""
        words = [word for word in _content_words(text) if not (reading.measure and TO.fullmatch(word))]
        if not words:
            return reading
        candidates = tuple(sorted(self.variables.get("".join(words), ())))
        if len(candidates) == 1:
            return replace(reading, variable=candidates[0])
        if candidates:
            return replace(reading, candidates=candidates, leftover=reading.leftover or " ".join(words))
        if role := self.roles.get("".join(words)):
            return replace(reading, role=role)
        if STRATA & set(words):
            remaining = [word for word in words if word not in STRATA]
            markers = ({self._find_variable(remaining)} | self._find_embedded(remaining)) & set(self.trial.markers)
            if markers or not remaining:
                return replace(reading, role="stratum", candidates=tuple(sorted(markers)))
        variable = self._find_variable(words)
        if OTHER_SCALE.search(text) and not ("relative" in words and variable in self.trial.markers):
            unscaled = self._read_name(OTHER_SCALE.sub("", text, count=1), reading)
            if unscaled.variable:
                return replace(unscaled, measure="other")
        if STATISTICS.search(text):
            return replace(self._read_name(STATISTICS.sub("", text, count=1), reading), statistic=True)
        if reading.visit is None and (match := _NUMBERED.fullmatch(words[-1])) and not (variable and match[1]):
            key = self._find_variable([*words[:-1], *filter(None, [match[1]])])
            if key in self.trial.outcomes:
                if visit := self._short_codes["visit"].get(match[2]) or self.visits.get(match[2]):
                    return replace(reading, variable=key, visit=visit)
                if not match[1]:  # bmd 2 may be of week 2, or the second visit
                    return replace(reading, candidates=(key,), leftover=words[-1], unknown_visit=words[-1])
        if variable:
            return replace(reading, variable=variable)
        possible = self._find_mentioned(text) or self._find_embedded(words)
        leftover = " ".join(filter(None, [reading.leftover, *words]))
        return replace(reading, candidates=tuple(sorted(possible)), leftover=leftover)

    def _find_variable(self, words: list[str]) -> str | None:
        """Return the only variable that has a name of these words, in any order, with or without words of its other names."""
        unique = set(words)
        keys = set(self.variables.get("".join(words), ()))
        for key, names in self._name_words.items() if len(unique) == len(words) <= MAX_WORDS else ():
            if unique <= set().union(*names) and any(name <= unique for name in names):
                keys.add(key)
        return keys.pop() if len(keys) == 1 else None

    def _find_mentioned(self, text: str, *, exact: bool = False) -> set[str]:
        """Return the variables that a text names; ``exact``: not next to a word that makes it another quantity."""
        keys = set()
        for match in self._variable_pattern.finditer(text):
            before, after = _content_words(text[: match.start()])[-1:], _content_words(text[match.end() :])[:1]
            other = OTHER_QUANTITIES.intersection(before) - {"ii", "iii"} or OTHER_QUANTITIES.intersection(after)
            if not (exact and other):
                keys |= self.variables.get(compact_name(match[0]), set())
        return keys

    def _find_arms(self, text: str) -> set[str]:
        """Return the arms that a text names."""
        return {self.arms[name] for name in map(compact_name, self._arm_pattern.findall(text)) if name in self.arms}

    def _find_embedded(self, words: list[str]) -> set[str]:
        """Return the variables that a label names without a separator, as in CTX2, or else those of its distinctive words."""
        joined = "".join(words)
        names = [name for name in self.variables if len(name) > 2 and name in joined]
        names = [name for name in names if _NAME_PREFIX.fullmatch(joined.partition(name)[0])]
        keys = set().union(*(self.variables[name] for name in names))
        by_word = (keys for start, keys in self._distinctive.items() if any(word.startswith(start) for word in words))
        return keys or set().union(*by_word)

    def _read_context(self, text: str) -> LabelReading:
        """Interpret a title or the name of a sheet; an outcome, arm or stratum counts if the text names only one."""
        reading = LabelReading(leftover=NOT_A_VISIT.sub(" , ", normalize(text)))
        _extract_measure(reading)
        measure, reading.measure = reading.measure, None  # so that baseline and another visit remain two visits
        self._extract_visit(reading)
        keys = self._find_mentioned(reading.leftover, exact=True)
        mentioned = {
            "variable": keys & set(self.trial.outcomes),
            "arm": self._find_arms(reading.leftover),
            "stratum": {stratum_label(m[0]) for m in STRATUM.finditer(NOT_A_STRATUM.sub(" ", reading.leftover))},
        }
        unique = {name: values.pop() for name, values in mentioned.items() if len(values) == 1}
        return LabelReading(visit=reading.visit, measure=measure, candidates=tuple(sorted(keys)), **unique)


def _extract_measure(reading: LabelReading) -> None:
    """Extract a change, a percentage or a percentage of the baseline."""
    if PERCENT.search(reading.leftover) and not CHANGE.search(reading.leftover) and reading.extract(OF_BASELINE):
        reading.extract(PERCENT)
        reading.measure = "percent_of_baseline"  # 95.9 for a fall by 4.1 percent
        return
    text = FROM_BASELINE.sub(" change ", reading.leftover)
    percent = PERCENT.search(text) or "pchg" in text
    if CHANGE.search(text):
        reading.measure = PERCENT_CHANGE if percent else "change"
    elif percent:
        reading.unit = "percent"
    reading.leftover = PERCENT.sub(" , ", CHANGE.sub(" , ", text))  # commas keep the words on either side apart
