"""Recognise what a label says: variable, visit, arm, stratum, measure, unit, role; by the trial's names and grammar."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ..participants import PERCENT_CHANGE
from ..trial import BASELINE, Trial

_GREEK = {
    "α": "alpha",
    "β": "beta",
    "γ": "gamma",
    "κ": "kappa",
    "λ": "lambda",
    "μ": "u",  # in workbooks it is the prefix micro
    "Δ": " delta ",
    "δ": " delta ",
    "ß": "beta",  # typed for want of a beta
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
_NOT_BEFORE, _NOT_AFTER = r"(?<![a-z0-9])", r"(?![a-z0-9])"

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
    "percent_value": "percent change; pct change",
    "unit": "unit; units; lbstresu; lborresu; uom; result unit; unit of measure",
    "stratum": "tertile; tertiles; stratum; strata; p16 tertile; p16 group; p16 stratum; p16 tertile group; "
    "tertile group; p16 status; p16 category; tertile of p16; baseline p16 tertile; subgroup",
    "row_number": "#; row; row number; row no; index; obs; no; nr; n°; unnamed: 0; x1; s no; sl no; serial no; number; "
    "observation number",
    "measure": "measure type; scale; quantity; type",
}
STATISTICS = re.compile(
    _NOT_BEFORE
    + r"(?:mean|average|median|s\.?d\.?|s\.?e\.?m?\.?|std(?:ev| dev)?|standard deviation|std error|standard error|"
    r"iqr|q1|q3|lower quartile|upper quartile|quartiles?|25th|75th|minimum|maximum|min|max|count|total|"
    r"p[\s\-_]?values?|p|95\s*percent ci|ci|confidence interval|effect|difference of medians|hodges[\s\-]lehmann|"
    r"coefficient|estimate|odds ratio|hazard ratio|rank sum|statistic|rho|r)" + _NOT_AFTER
)

_FROM_BASELINE = re.compile(
    r"(?:(?:change|difference|delta)\s+)?"
    r"(?:from|vs\.?|versus|relative to|over|compared (?:to|with)|minus|against|of|since|"
    r"to)\s+(?:the\s+)?(?:baseline|base line|bl|week 0|wk 0|w0|day 0|pre-?treatment)" + _NOT_AFTER
)
_PERCENT = re.compile(r"percent(?:age)?|(?<![a-z])pct(?![a-z])|(?<![a-z])perc(?![a-z])")
_CHANGE = re.compile(
    _NOT_BEFORE + r"(?:changes?|chg|delta|diff(?:erence)?|increase|decrease|pchg|pct\s?chg)" + _NOT_AFTER
)
_OTHER_SCALE = re.compile(
    _NOT_BEFORE + r"(?:fold|ratio|log(?:2|10)?|ln|z[\s\-]?scores?|t[\s\-]?scores?|rank|normali[sz]ed|standardi[sz]ed|"
    r"imputed|adjusted|relative|residuals?|slope|auc)" + _NOT_AFTER
)
_TO = re.compile(_NOT_BEFORE + r"(?:to|by|vs|and)" + _NOT_AFTER)
_STRATUM = re.compile(
    _NOT_BEFORE + r"(?:t(?:ertiles?)?\s*[1-3](?:\s*(?:[/+&,\-]|and|or|to)\s*(?:t(?:ertiles?)?\s*)?[1-3])*|"
    r"(?:highest|upper|top|high|third|3rd|lowest|lower|low|middle|mid|first|second|1st|2nd|lower two|two lower|bottom)"
    r"(?:\s*(?:[/+&]|and)\s*(?:lowest|low|middle|mid|first|second))?\s*(?:p16\s*)?tertiles?(?:\s*(?:of\s*)?p16)?)"
    + _NOT_AFTER
)
_HIGH_LOW = re.compile(_NOT_BEFORE + r"(?:(high|low)\s*p16|p16\s*[\-:]?\s*(high|low))" + _NOT_AFTER)
_GROUP_SIZE = re.compile(r"[(\[]?\s*" + _NOT_BEFORE + r"n\s*=\s*\d+\s*[)\]]?")
_WEEK = re.compile(
    _NOT_BEFORE
    + r"(?:(?:weeks?|wks?|w)[\s_.\-#:]*0*(\d+(?:\.\d+)?)|0*(\d+(?:\.\d+)?)[\s_.\-]*(?:weeks?|wks?|wk|w|-week))"
    + _NOT_AFTER
)
_DAY = re.compile(_NOT_BEFORE + r"(?:(?:day|d)[\s_.\-]*(\d+)|(\d+)[\s_.\-]*(?:days?|d))" + _NOT_AFTER)
_UNIT = re.compile(
    r"^(?:percent|years?|yrs?|y|kg|g|cm|m|mm|au|a\.u\.|arbitrary units|relative units|iu|ratio|"
    r"(?:[a-z]{1,5}\s*/\s*[a-z]{1,4}\s*[\^²]?\s*\d?(?:\s*/\s*[a-z0-9]+)?)|(?:[a-z]{1,4}\s*(?:\^|\*\*)?\s*-?\d)|"
    r"[a-z]{1,5}\s*(?:per|\.)\s*[a-z]{1,4}\s*\d?|[a-z]{1,4}\s+[a-z]{1,3}\s*(?:\^)?-\d)$"
)
_BARE_UNIT = re.compile(
    r"(?:(?<=[\s,;_])((?:[npumk]?g|[npum]?mol|[mu]?iu|m?u|kg|au)\s*(?:/|per)\s*(?:[mud]?l|cm\^?2|m\^?2|day|mmol|min))"
    r"(?=[\s,;_]|$)|(?<=[\s,;_])(kg|years?|yrs?|cm)\s*$)"
)
_LEGEND = re.compile(r"([\w.+/ ]{1,30}?)\s*(?:=|:)\s*([^=:,;()\[\]\n]{1,60})")
PARENTHESIS = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")


def fold(text: str) -> str:
    """Return lower-case text with plain letters: Greek spelt out, dashes and quotes unified, camel case parted."""
    text = unicodedata.normalize("NFKC", str(text).translate(_TRANSLATION)).translate(_TRANSLATION)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z0-9])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})", " ", text)
    text = text.replace("%", " percent ").replace("_x000d_", " ")
    return " ".join(text.casefold().split())


def words(text: str) -> list[str]:
    """Split folded text into words; ``+`` and ``&`` count as the word ``plus``."""
    return ["plus" if w in ("+", "&") else w for w in re.findall(r"[^\W_]+|[+&]", text) if w]


@lru_cache(maxsize=20_000)
def squash(text: str) -> str:
    """Return the letters and digits of a label without its fillers, to compare spellings."""
    parts = words(fold(text))
    kept = [word for word in parts if word not in FILLERS]
    return "".join(kept or parts)


def _pattern(names: list[str]) -> re.Pattern:
    """Compile an expression that finds any of the names, longest first, with any separators between their parts."""
    bodies = []
    for name in sorted({fold(n) for n in names}, key=lambda n: (-len(n), n)):
        parts = re.findall(r"[^\W\d_]+|\d+|[+&/]", name)
        parts = [r"(?:\+|&|/|plus|and)" if p in ("+", "&", "plus", "and", "/") else re.escape(p) for p in parts]
        if parts:
            bodies.append(SEPARATOR.join(parts))
    return re.compile(_NOT_BEFORE + "(?:" + "|".join(bodies or [r"(?!)"]) + ")" + _NOT_AFTER)


@dataclass(frozen=True)
class Reading:
    """What a label was found to say; None for what it does not say.

    ``rest`` are words that nothing explained: with them, the reading is a possibility and not certain.
    """

    variable: str | None = None
    visit: str | None = None
    arm: str | None = None
    stratum: str | None = None
    measure: str | None = None  # value, percent_change, change (scale unknown) or other
    unit: str | None = None
    role: str | None = None
    statistic: bool = False
    rest: str = ""
    qualifier: str = ""  # in parentheses, and not understood
    unknown_visit: str | None = None  # a time that the trial does not have
    candidates: tuple[str, ...] = ()
    bare_week: bool = False  # the visit is only a number behind the name, as in ctx_20
    legend: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def certain(self) -> bool:
        """Whether every word of the label was understood."""
        return not self.rest


class Vocabulary:
    """The names of one trial, ready to be found in labels."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.variables: dict[str, set[str]] = {}
        for key, thing in (trial.outcomes | trial.markers).items():
            for name in (key, thing.label, *thing.names):
                self.variables.setdefault(squash(name), set()).add(key)
        arms = [trial.arms.treated, trial.arms.control, *trial.arms.others]
        self.arms = {squash(name): arm.key for arm in arms for name in (arm.key, arm.label, *arm.names)}
        self.arm_labels = {arm.key: arm.label for arm in arms}
        self.visits = {
            squash(name): visit.key
            for visit in trial.visits.values()
            for name in (visit.key, visit.label, *visit.names)
        }
        self.weeks = {visit.week: key for key, visit in trial.visits.items() if visit.week is not None}
        self._arm_pattern = _pattern([n for a in arms for n in (a.key, a.label, *a.names)])
        self._visit_pattern = _pattern([n for v in trial.visits.values() for n in (v.key, v.label, *v.names)])
        self._variable_pattern = _pattern(
            [n for k, t in (trial.outcomes | trial.markers).items() for n in (k, t.label, *t.names)]
        )
        self.roles = {squash(name): role for role, names in ROLES.items() for name in names.split(";")}
        self.roles |= {squash(name): "participant" for name in trial.id_names}
        self._own_words = {
            key: {word for name in (thing.label, *thing.names) for word in words(fold(name))}
            for key, thing in trial.outcomes.items()
        }
        self.label = lru_cache(maxsize=50_000)(self._label)
        self.context = lru_cache(maxsize=5_000)(self._context)

    # -- single things ------------------------------------------------------------------------------------------

    def variable(self, text: str) -> tuple[str, ...]:
        """Return the keys that the whole text may name."""
        return tuple(sorted(self.variables.get(squash(text), ())))

    def arm(self, text: str) -> str | None:
        """Return the arm that the whole text names."""
        return self.arms.get(squash(text))

    def visit(self, value: object) -> str | None:
        """Return the visit that a whole cell names."""
        reading = self.label(_as_text(value))
        if reading.visit and not (reading.rest or reading.variable or reading.arm):
            return reading.visit
        return None

    def week(self, text: str) -> Reading:
        """Read a header cell that is a bare number: the week of a visit."""
        visit = self.weeks.get(float(text))
        return Reading(visit=visit) if visit else Reading(rest=text)

    # -- labels -------------------------------------------------------------------------------------------------

    def _label(self, text: str) -> Reading:
        """Read a column's label, or a cell that names something."""
        folded = fold(text)
        if not folded:
            return Reading()
        whole = self.variable(text)
        role = self.roles.get(squash(text))
        if whole and not role:
            return Reading(variable=whole[0]) if len(whole) == 1 else Reading(candidates=whole)
        if arm := self.arm(text):
            return Reading(arm=arm)
        if visit := self.visits.get(squash(text)):
            return Reading(visit=visit)
        if role:
            return Reading(role=role, variable=whole[0] if len(whole) == 1 else None)
        return self._parse(folded)

    def _parse(self, text: str) -> Reading:
        legend = tuple((a.strip(), b.strip()) for a, b in _LEGEND.findall(text)) if "=" in text else ()
        text = _GROUP_SIZE.sub(" ", text)
        found = Reading(legend=legend)
        text, found = self._parentheses(text, found)
        if (match := _BARE_UNIT.search(text)) and not found.unit:
            found = replace(found, unit=match[1] or match[2])
            text = text[: match.start()] + " " + text[match.end() :]
        text, found = self._scale(text, found)
        text, found = self._time(text, found)
        text, found = self._take(text, found, "arm", self._arm_pattern, self.arms)
        text, found = self._strata(text, found)
        return self._name(text, found)

    def _parentheses(self, text: str, found: Reading) -> tuple[str, Reading]:
        """Judge what stands in parentheses: a unit, a legend, part of the name, or a remark."""
        for _ in range(6):
            match = next((m for m in PARENTHESIS.finditer(text) if not self._is_name_part(text, m)), None)
            if not match:
                return text, found
            inner = " ".join(match[1].split())
            keep = " "
            if "=" in inner:
                pass
            elif _UNIT.match(inner) and not self.visits.get(squash(inner)) and not _WEEK.fullmatch(inner):
                found = replace(found, unit=inner)
                if inner == "percent":
                    keep = " percent "
            elif self._explains(inner):
                keep = f" {inner} "
            elif "," in inner and _UNIT.match(inner.split(",")[0].strip()):
                unit, _, remark = inner.partition(",")
                found = replace(found, unit=unit.strip())
                keep = f" {remark} " if self._explains(remark) else " "
                if keep == " ":
                    found = replace(found, qualifier=remark.strip())
            elif inner:
                found = replace(found, qualifier=inner)
            text = text[: match.start()] + keep + text[match.end() :]
        return text, found

    def _is_name_part(self, text: str, match: re.Match) -> bool:
        """Tell whether parentheses belong to a name, as in 25(OH)D."""
        after = text[match.end() : match.end() + 1]
        before = text[match.start() - 1 : match.start()]
        return bool(after.isalnum() or (before.isalnum() and len(match[1]) <= 2 and match[1].isalpha() and after))

    def _explains(self, text: str) -> bool:
        """Tell whether a remark in parentheses says something that belongs to the reading."""
        reading = self._label(text) if "(" not in text else Reading(rest=text)
        said = reading.variable or reading.visit or reading.arm or reading.stratum or reading.measure
        return bool(said) and reading.certain

    def _scale(self, text: str, found: Reading) -> tuple[str, Reading]:
        changed = _FROM_BASELINE.search(text)
        if changed and not self.visits.get(squash(text)):
            text = text[: changed.start()] + " change " + text[changed.end() :]
        if _CHANGE.search(text):
            percent = bool(_PERCENT.search(text)) or "pchg" in text
            measure = PERCENT_CHANGE if percent else "change"
            text = _TO.sub(" ", _PERCENT.sub(" ", _CHANGE.sub(" ", text)))
            found = replace(found, measure=measure)
        elif _PERCENT.search(text):
            text = _PERCENT.sub(" ", text)
            found = replace(found, unit="percent")
        return text, found

    def _time(self, text: str, found: Reading) -> tuple[str, Reading]:
        visits, unknown = [], None
        for pattern, divisor in ((_WEEK, 1.0), (_DAY, 7.0)):
            for match in list(pattern.finditer(text)):
                week = float(match[1] or match[2]) / divisor
                if week in self.weeks:
                    visits.append(self.weeks[week])
                elif self._visit_pattern.fullmatch(match[0]):
                    continue
                elif divisor == 1.0 or match[0].startswith("day"):
                    unknown = match[0]
                else:
                    continue
                text = text.replace(match[0], " ", 1)
        for match in list(self._visit_pattern.finditer(text)):
            key = self.visits.get(squash(match[0]))
            if key:
                visits.append(key)
                text = text.replace(match[0], " ", 1)
        distinct = sorted(set(visits))
        if len(distinct) == 2 and BASELINE in distinct and (found.measure or _TO.search(text)):
            distinct.remove(BASELINE)  # "baseline to week 20"
            text = _TO.sub(" ", text)
            found = replace(found, measure=found.measure or "change")
        if len(distinct) == 1:
            found = replace(found, visit=distinct[0])
        elif distinct:
            found = replace(found, rest="two visits: " + ", ".join(distinct))
        if unknown and not distinct:
            found = replace(found, unknown_visit=unknown)
        return text, found

    def _take(self, text, found, attribute, pattern, keys):
        matches = list(pattern.finditer(text))
        distinct = {keys[squash(m[0])] for m in matches if squash(m[0]) in keys}
        if len(distinct) == 1:
            for match in matches:
                text = text.replace(match[0], " ", 1)
            found = replace(found, **{attribute: distinct.pop()})
        return text, found

    def _strata(self, text: str, found: Reading) -> tuple[str, Reading]:
        match = _STRATUM.search(text) or _HIGH_LOW.search(text)
        if not match:
            return text, found
        return text[: match.start()] + " " + text[match.end() :], replace(found, stratum=stratum_label(match[0]))

    def _name(self, text: str, found: Reading) -> Reading:
        """Look the remaining words up as a variable, or a role."""
        rest = [w for w in words(text) if w not in FILLERS]
        if not rest:
            return found
        key = "".join(rest)
        candidates = tuple(sorted(self.variables.get(key, ())))
        if len(candidates) == 1:
            return replace(found, variable=candidates[0])
        if candidates:
            return replace(found, candidates=candidates, rest=found.rest or " ".join(rest))
        if role := self.roles.get(key):
            return replace(found, role=role)
        if scale := _OTHER_SCALE.search(text):
            without = text[: scale.start()] + text[scale.end() :]
            inner = self._name(without, replace(found, measure="other")) if without.strip() else found
            if inner.variable:
                return replace(inner, measure="other")
        if statistic := STATISTICS.search(text):
            without = text[: statistic.start()] + text[statistic.end() :]
            inner = self._name(without, found) if without.strip() else found
            return replace(inner, statistic=True, rest=inner.rest)
        if key := self._with_own_words(text, rest):
            return replace(found, variable=key)
        if (week := _number(rest[-1])) is not None and len(rest) > 1 and found.visit is None:
            named = self.variables.get("".join(rest[:-1]), set())
            if len(named) == 1 and next(iter(named)) in self.trial.outcomes:
                if week in self.weeks:
                    return replace(found, variable=next(iter(named)), visit=self.weeks[week], bare_week=True)
                return replace(found, candidates=tuple(named), rest=rest[-1], unknown_visit=rest[-1])
        possible = {k for m in self._variable_pattern.finditer(text) for k in self.variables.get(squash(m[0]), ())}
        return replace(found, candidates=tuple(sorted(possible)), rest=" ".join(filter(None, [found.rest, *rest])))

    def _with_own_words(self, text: str, rest: list[str]) -> str | None:
        """Recognise a name beside more words that all belong to the same outcome, as in "distal radius BMD"."""
        found = set()
        for match in self._variable_pattern.finditer(text):
            for key in self.variables.get(squash(match[0]), ()):
                left = [word for word in rest if word not in words(match[0])]
                if key in self.trial.outcomes and set(left) <= self._own_words[key]:
                    found.add(key)
        return found.pop() if len(found) == 1 else None

    def _context(self, text: str) -> Reading:
        """Read a title or sheet name: what it mentions, where it mentions just one of a kind."""
        folded = fold(text)
        _, found = self._scale(folded, Reading())
        shortened = _FROM_BASELINE.sub(" change ", folded)
        found = replace(found, unit=None)
        if found.measure is None and _PERCENT.search(folded) and "change" in folded:
            found = replace(found, measure=PERCENT_CHANGE)
        rest, timed = self._time(shortened, Reading())
        rest = _FROM_BASELINE.sub(" ", rest)
        keys = {k for m in self._variable_pattern.finditer(rest) for k in self.variables.get(squash(m[0]), ())}
        outcomes = {k for k in keys if k in self.trial.outcomes}
        arms = {self.arms[squash(m[0])] for m in self._arm_pattern.finditer(rest) if squash(m[0]) in self.arms}
        strata = {stratum_label(m[0]) for m in [*_STRATUM.finditer(rest), *_HIGH_LOW.finditer(rest)]}
        return replace(
            found,
            visit=timed.visit,
            variable=outcomes.pop() if len(outcomes) == 1 else None,
            candidates=tuple(sorted(keys)),
            arm=arms.pop() if len(arms) == 1 else None,
            stratum=strata.pop() if len(strata) == 1 else None,
        )


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


def _number(word: str) -> float | None:
    return float(word) if word.isdigit() else None


def _as_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
