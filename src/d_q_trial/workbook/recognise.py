"""Recognise what a label says: variable, visit, arm, stratum, measure, unit, role; by the trial's names and grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from ..participants import PERCENT_CHANGE
from ..trial import BASELINE, Trial
from .lexicon import (
    BARE_UNIT,
    CHANGE,
    DAY,
    FILLERS,
    FOLLOW_UP,
    FROM_BASELINE,
    GLUED,
    GROUP_SIZE,
    HIGH_LOW,
    MONTH,
    OF_BASELINE,
    OTHER_SCALE,
    PARENTHESIS,
    PERCENT,
    PERCENT_OF_BASELINE,
    ROLES,
    STATISTICS,
    STRATUM,
    TO,
    UNIT,
    WEEK,
    WEEKS_PER_MONTH,
    any_of,
    fold,
    is_unit,
    names_an_id,
    squash,
    stratum_label,
    words,
)


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
    assumed: str = ""  # what was taken for granted to read it so

    @property
    def certain(self) -> bool:
        """Whether every word of the label was understood."""
        return not self.rest


MOST_LETTERS = 2000  # of a cell that are looked at
LONGEST_NAME = 300  # letters; what is longer is prose, or made to take long


class Vocabulary:
    """The names of one trial, ready to be found in labels."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.variables: dict[str, set[str]] = {}
        self._in_any_order: dict[tuple[str, ...], set[str]] = {}
        for key, thing in (trial.outcomes | trial.markers).items():
            for name in (key, thing.label, *thing.names):
                self.variables.setdefault(squash(name), set()).add(key)
                parts = sorted(word for word in words(fold(name)) if word not in FILLERS)
                self._in_any_order.setdefault(tuple(parts), set()).add(key)
        arms = [trial.arms.treated, trial.arms.control, *trial.arms.others]
        self.arms = {squash(name): arm.key for arm in arms for name in (arm.key, arm.label, *arm.names)}
        self.arm_labels = {arm.key: arm.label for arm in arms}
        self.visits = {
            squash(name): visit.key
            for visit in trial.visits.values()
            for name in (visit.key, visit.label, *visit.names)
        }
        self.weeks = {visit.week: key for key, visit in trial.visits.items() if visit.week is not None}
        self._arm_pattern = any_of([n for a in arms for n in (a.key, a.label, *a.names)])
        self._visit_pattern = any_of([n for v in trial.visits.values() for n in (v.key, v.label, *v.names)])
        self._variable_pattern = any_of(
            [n for k, t in (trial.outcomes | trial.markers).items() for n in (k, t.label, *t.names)]
        )
        self.roles = {squash(name): role for role, names in ROLES.items() for name in names.split(";")}
        self.roles |= {squash(name): "participant" for name in trial.id_names}
        self._own_words = {
            key: {word for name in (thing.label, *thing.names) for word in words(fold(name))}
            for key, thing in (trial.outcomes | trial.markers).items()
        }
        self.label = lru_cache(maxsize=50_000)(lambda text: self._label(text[:MOST_LETTERS]))
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

    def is_week(self, value: object) -> bool:
        """Return whether a header cell names a visit, or is a bare number that is the week of one."""
        return self.visit(value) is not None if isinstance(value, str) else value in self.weeks

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
        if names_an_id(text):
            return Reading(role="participant")
        if len(folded) > 1 and is_unit(folded):
            return Reading(unit=folded)
        return self._parse(folded)

    def _parse(self, text: str) -> Reading:
        text = GROUP_SIZE.sub(" ", text)
        found = Reading()
        text, found = self._parentheses(text, found)
        if (match := BARE_UNIT.search(text)) and not found.unit:
            found = replace(found, unit=match[1] or match[2])
            text = text[: match.start()] + " " + text[match.end() :]
        head, comma, last = text.rpartition(",")
        if comma and head.strip() and not found.unit and is_unit(last.strip()):
            text, found = head, replace(found, unit=last.strip())
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
            elif self._is_unit(inner):
                found = replace(found, unit=inner)
                if inner == "percent":
                    keep = " percent "
            elif self._explains(inner):
                keep = f" {inner} "
            elif "," in inner and UNIT.match(inner.split(",")[0].strip()):
                unit, _, remark = inner.partition(",")
                found = replace(found, unit=unit.strip())
                keep = f" {remark} " if self._explains(remark) else " "
                if keep == " ":
                    found = replace(found, qualifier=remark.strip())
            elif inner:
                found = replace(found, qualifier=inner)
            text = text[: match.start()] + keep + text[match.end() :]
        return text, found

    def _is_unit(self, text: str) -> bool:
        """Return whether a remark in parentheses has the form of a unit."""
        return bool(UNIT.match(text)) and not self.visits.get(squash(text)) and not any(p.fullmatch(text) for p in WEEK)

    def _is_name_part(self, text: str, match: re.Match) -> bool:
        """Return whether parentheses belong to a name, as in 25(OH)D."""
        after = text[match.end() : match.end() + 1]
        before = text[match.start() - 1 : match.start()]
        return bool(after.isalnum() or (before.isalnum() and len(match[1]) <= 2 and match[1].isalpha() and after))

    def _explains(self, text: str) -> bool:
        """Return whether a remark in parentheses says something that belongs to the reading."""
        reading = self._label(text) if "(" not in text else Reading(rest=text)
        said = reading.variable or reading.visit or reading.arm or reading.stratum or reading.measure
        return bool(said) and reading.certain

    def _scale(self, text: str, found: Reading) -> tuple[str, Reading]:
        if (share := OF_BASELINE.search(text)) and not CHANGE.search(text):
            return text[: share.start()] + " " + text[share.end() :], replace(found, measure=PERCENT_OF_BASELINE)
        changed = FROM_BASELINE.search(text)
        if changed and not self.visits.get(squash(text)):
            text = text[: changed.start()] + " change " + text[changed.end() :]
        if CHANGE.search(text):
            percent = bool(PERCENT.search(text)) or "pchg" in text
            measure = PERCENT_CHANGE if percent else "change"
            text = TO.sub(" ", PERCENT.sub(" ", CHANGE.sub(" ", text)))
            found = replace(found, measure=measure)
        elif PERCENT.search(text):
            text = PERCENT.sub(" ", text)
            found = replace(found, unit="percent")
        return text, found

    def _time(self, text: str, found: Reading) -> tuple[str, Reading]:
        visits, unknown = [], None
        for pattern, divisor in (*((p, 1.0) for p in WEEK), *((p, 7.0) for p in DAY)):
            for match in list(pattern.finditer(text)):
                week = float(match[1]) / divisor
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
        if not visits and unknown is None:
            text, found, unknown = self._months(text, found)
            visits += [found.visit] if found.visit else []
        if not visits and unknown is None and (match := FOLLOW_UP.search(text)) and not FOLLOW_UP.fullmatch(text):
            text, unknown = text[: match.start()] + " " + text[match.end() :], match[0]
        distinct = sorted(set(visits))
        if len(distinct) == 2 and BASELINE in distinct and (found.measure or TO.search(text)):
            distinct.remove(BASELINE)  # "baseline to week 20"
            text = TO.sub(" ", text)
            found = replace(found, measure=found.measure or "change")
        if len(distinct) == 1:
            found = replace(found, visit=distinct[0])
        elif distinct:
            found = replace(found, rest="two visits: " + ", ".join(distinct))
        if unknown and not distinct:
            found = replace(found, unknown_visit=unknown)
        return text, found

    def _months(self, text: str, found: Reading) -> tuple[str, Reading, str | None]:
        """Take a month for the only visit of the trial that lies in it, whether months have 28 days or more."""
        match = MONTH[0].search(text) or MONTH[1].search(text)
        if not match or self._visit_pattern.fullmatch(match[0]):
            return text, found, None
        month = float(match[1])
        low, high = (factor * month for factor in WEEKS_PER_MONTH)
        near = [key for week, key in self.weeks.items() if low <= week <= high]
        text = text[: match.start()] + " " + text[match.end() :]
        if len(near) != 1:
            return text, found, match[0]
        label = self.trial.visits[near[0]].label
        return text, replace(found, visit=near[0], assumed=f"{match[0]} read as {label}"), None

    def _take(self, text, found, attribute, pattern, keys):
        matches = list(pattern.finditer(text))
        distinct = {keys[squash(m[0])] for m in matches if squash(m[0]) in keys}
        if len(distinct) == 1:
            for match in matches:
                text = text.replace(match[0], " ", 1)
            found = replace(found, **{attribute: distinct.pop()})
        return text, found

    def _strata(self, text: str, found: Reading) -> tuple[str, Reading]:
        match = STRATUM.search(text) or HIGH_LOW.search(text)
        if not match:
            return text, found
        return text[: match.start()] + " " + text[match.end() :], replace(found, stratum=stratum_label(match[0]))

    def _name(self, text: str, found: Reading) -> Reading:
        """Look the remaining words up as a variable, or a role."""
        rest = [w for w in words(text) if w not in FILLERS]
        if not rest:
            return found
        key = "".join(rest)
        candidates = self._named(rest)
        if len(candidates) == 1:
            return replace(found, variable=candidates[0])
        if candidates:
            return replace(found, candidates=candidates, rest=found.rest or " ".join(rest))
        if role := self.roles.get(key):
            return replace(found, role=role)
        if (scale := OTHER_SCALE.search(text)) and not self._relative_marker(text, rest):
            without = text[: scale.start()] + text[scale.end() :]
            inner = self._name(without, replace(found, measure="other")) if without.strip() else found
            if inner.variable:
                return replace(inner, measure="other")
        if statistic := STATISTICS.search(text):
            without = text[: statistic.start()] + text[statistic.end() :]
            inner = self._name(without, found) if without.strip() else found
            return replace(inner, statistic=True, rest=inner.rest)
        if (week := _number(rest[-1])) is not None and len(rest) > 1 and found.visit is None:
            named = self._named(rest[:-1])
            if len(named) == 1 and named[0] in self.trial.outcomes:
                if week in self.weeks:
                    return replace(found, variable=named[0], visit=self.weeks[week], bare_week=True)
                return replace(found, candidates=named, rest=rest[-1], unknown_visit=rest[-1])
        if key := self._with_own_words(text, rest):
            return replace(found, variable=key)
        possible = {k for m in self._variable_pattern.finditer(text) for k in self.variables.get(squash(m[0]), ())}
        possible = possible or self._glued("".join(rest))
        return replace(found, candidates=tuple(sorted(possible)), rest=" ".join(filter(None, [found.rest, *rest])))

    def _glued(self, word: str) -> set[str]:
        """Return the variables whose name stands in a word together with what may be a visit."""
        found = set()
        for name, keys in self.variables.items() if len(word) <= LONGEST_NAME else ():
            for rest in (word.removeprefix(name), word.removesuffix(name)):
                if len(name) > 2 and rest != word and GLUED.fullmatch(rest):
                    found |= keys
        return found

    def _named(self, parts: list[str]) -> tuple[str, ...]:
        """Return the variables that these words name, in the order of a name or in another."""
        keys = self.variables.get("".join(parts)) or self._in_any_order.get(tuple(sorted(parts)), set())
        return tuple(sorted(keys))

    def _relative_marker(self, text: str, rest: list[str]) -> bool:
        """Return whether "relative" belongs to the expression of a marker, which is never absolute."""
        return "relative" in rest and self._with_own_words(text, rest) in self.trial.markers

    def _with_own_words(self, text: str, rest: list[str]) -> str | None:
        """Recognise a name beside more words that all belong to the same outcome, as in "distal radius BMD"."""
        found = set()
        for match in self._variable_pattern.finditer(text if len(text) <= LONGEST_NAME else ""):
            for key in self.variables.get(squash(match[0]), ()):
                left = [word for word in rest if word not in words(match[0])]
                counted = key in self.trial.markers and any(word.isdigit() for word in left)  # another variant
                if set(left) <= self._own_words[key] and not counted:
                    found.add(key)
        return found.pop() if len(found) == 1 else None

    def _context(self, text: str) -> Reading:
        """Read a title or sheet name: what it mentions, where it mentions just one of a kind."""
        folded = fold(text)
        _, found = self._scale(folded, Reading())
        shortened = FROM_BASELINE.sub(" change ", folded)
        found = replace(found, unit=None)
        if found.measure is None and PERCENT.search(folded) and "change" in folded:
            found = replace(found, measure=PERCENT_CHANGE)
        rest, timed = self._time(shortened, Reading())
        rest = FROM_BASELINE.sub(" ", rest)
        keys = {k for m in self._variable_pattern.finditer(rest) for k in self.variables.get(squash(m[0]), ())}
        outcomes = {k for k in keys if k in self.trial.outcomes}
        arms = {self.arms[squash(m[0])] for m in self._arm_pattern.finditer(rest) if squash(m[0]) in self.arms}
        strata = {stratum_label(m[0]) for m in [*STRATUM.finditer(rest), *HIGH_LOW.finditer(rest)]}
        return replace(
            found,
            visit=timed.visit,
            variable=outcomes.pop() if len(outcomes) == 1 else None,
            candidates=tuple(sorted(keys)),
            arm=arms.pop() if len(arms) == 1 else None,
            stratum=strata.pop() if len(strata) == 1 else None,
        )


def _number(word: str) -> float | None:
    return float(word) if word.isdigit() else None


def _as_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
