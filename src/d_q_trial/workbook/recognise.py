"""Recognise what a label says: variable, visit, arm, stratum, measure, unit, role; by the trial's names and grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from ..participants import PERCENT_CHANGE
from ..trial import BASELINE, Trial
from .lexicon import (
    BARE_UNIT,
    CHANGE,
    DAYS,
    FOLLOW_UP,
    FROM_BASELINE,
    GLUED,
    GROUP_SIZE,
    MONTHS,
    OF_BASELINE,
    OTHER_SCALE,
    PARENTHESIS,
    PERCENT,
    PERCENT_OF_BASELINE,
    STATISTICS,
    STRATUM,
    TO,
    UNIT,
    WEEKS,
    WORDS,
    any_of,
    content_words,
    fold,
    is_unit,
    names_an_id,
    squash,
    stratum_label,
)

MOST_LETTERS = 2000  # of a cell that are looked at
LONGEST_NAME = 300  # letters; what is longer is prose, or made to take long
MOST_WORDS = 30  # of a name
BARE_WEEK = "the number behind the name read as a week"  # as in ctx_20


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
    assumed: str = ""  # what was taken for granted to read it so

    @property
    def certain(self) -> bool:
        """Whether every word of the label was understood."""
        return not self.rest


class _Label:
    """A folded label from which one thing after another is taken, and what was found in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.said: dict[str, Any] = {}

    def take(self, pattern: re.Pattern) -> re.Match | None:
        """Take the first match out of the text."""
        if match := pattern.search(self.text):
            self.text = self.text[: match.start()] + " " + self.text[match.end() :]
        return match


class Vocabulary:
    """The names of one trial, ready to be found in labels."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        arms = [trial.arms.treated, trial.arms.control, *trial.arms.others]
        self.arm_labels = {arm.key: arm.label for arm in arms}
        self.weeks = {visit.week: key for key, visit in trial.visits.items() if visit.week is not None}
        of_things = {k: [k, thing.label, *thing.names] for k, thing in (trial.outcomes | trial.markers).items()}
        of_arms = {arm.key: [arm.key, arm.label, *arm.names] for arm in arms}
        of_visits = {visit.key: [visit.key, visit.label, *visit.names] for visit in trial.visits.values()}
        self.arms = {squash(name): key for key, names in of_arms.items() for name in names}
        self.visits = {squash(name): key for key, names in of_visits.items() for name in names}
        self.variables: dict[str, set[str]] = {}
        for key, names in of_things.items():
            for name in names:
                self.variables.setdefault(squash(name), set()).add(key)
        self._name_words = {key: [set(content_words(fold(name))) for name in names] for key, names in of_things.items()}
        self._arm_pattern, self._visit_pattern, self._variable_pattern = (
            any_of([name for names in named.values() for name in names]) for named in (of_arms, of_visits, of_things)
        )
        self.roles = {squash(name): role for role, names in WORDS["roles"].items() for name in names.split(";")}
        self.roles |= {squash(name): "participant" for name in trial.id_names}
        self.label = lru_cache(maxsize=50_000)(lambda text: self._label(text[:MOST_LETTERS]))
        self.context = lru_cache(maxsize=5_000)(lambda text: self._context(text[:MOST_LETTERS]))

    def variable(self, text: str) -> tuple[str, ...]:
        """Return the keys that the whole text may name."""
        return tuple(sorted(self.variables.get(squash(text), ())))

    def arm(self, text: str) -> str | None:
        """Return the arm that the whole text names."""
        return self.arms.get(squash(text))

    def visit(self, value: object) -> str | None:
        """Return the visit that a whole cell names."""
        reading = self.label(str(int(value)) if isinstance(value, float) and value.is_integer() else str(value))
        return None if reading.rest or reading.variable or reading.arm else reading.visit

    def is_week(self, value: object) -> bool:
        """Return whether a header cell names a visit, or is a bare number that is the week of one."""
        return self.visit(value) is not None if isinstance(value, str) else value in self.weeks

    def _label(self, text: str) -> Reading:
        """Read a column's label, or a cell that names something."""
        folded, whole, role = fold(text), self.variable(text), self.roles.get(squash(text))
        if not folded:
            return Reading()
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

    def _parse(self, folded: str) -> Reading:
        label = _Label(GROUP_SIZE.sub(" ", folded))
        said = label.said
        for _ in range(2):  # parentheses may stand in parentheses
            label.text = PARENTHESIS.sub(lambda match: self._parentheses(match, said), label.text)
        if "unit" not in said and (match := label.take(BARE_UNIT)):
            said["unit"] = match[1] or match[2]
        head, _, last = label.text.rpartition(",")
        if "unit" not in said and head.strip() and is_unit(last.strip()):
            label.text, said["unit"] = head, last.strip()
        self._take_scale(label)
        self._take_time(label)
        arms = [match[0] for match in self._arm_pattern.finditer(label.text)]
        named = {self.arms.get(squash(arm)) for arm in arms}
        if len(named) == 1:
            said["arm"] = named.pop()
            label.text = self._arm_pattern.sub(" ", label.text)
        if match := label.take(STRATUM):
            said["stratum"] = stratum_label(match[0])
        return self._name(label.text, Reading(**said))

    def _parentheses(self, match: re.Match, said: dict[str, Any]) -> str:
        """Judge what stands in parentheses: a unit, a legend, part of the name, or a remark; return what stays."""
        before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
        inner = " ".join(match[1].split())
        if after.isalnum() or (before.isalnum() and after and len(inner) <= 2 and inner.isalpha()):
            return match[0]  # belongs to a name, as in 25(OH)D
        if "=" in inner:
            return " "
        unit, _, remark = inner.partition(",")
        if UNIT.match(unit) and not self.visits.get(squash(unit)) and not any(w.fullmatch(unit) for w, *_ in WEEKS):
            said["unit"] = unit
        else:
            remark = inner
        stays = " percent " if said.get("unit") == "percent" else " "
        reading = self._label(remark) if "(" not in remark else Reading(rest=remark)
        if reading.certain and any((reading.variable, reading.visit, reading.arm, reading.stratum, reading.measure)):
            return f" {remark}{stays}"
        if remark:
            said["qualifier"] = remark.strip()
        return stays

    def _take_scale(self, label: _Label) -> None:
        """Take a change, a percentage or a percentage of the baseline."""
        if not CHANGE.search(label.text) and label.take(OF_BASELINE):
            label.said["measure"] = PERCENT_OF_BASELINE
            return
        text = FROM_BASELINE.sub(" change ", label.text)
        percent = PERCENT.search(text) or "pchg" in text
        if CHANGE.search(text):
            label.said["measure"] = PERCENT_CHANGE if percent else "change"
        elif percent:
            label.said["unit"] = "percent"
        label.text = PERCENT.sub(" , ", CHANGE.sub(" , ", text))  # so that what is around it does not meet

    def _take_time(self, label: _Label) -> None:
        """Take the visit, or a time that the trial does not have."""
        visits = self._take_counted(label, WEEKS + DAYS)
        for match in list(self._visit_pattern.finditer(label.text)):
            if key := self.visits.get(squash(match[0])):
                visits.add(key)
                label.text = label.text.replace(match[0], " ", 1)
        visits = visits or self._take_counted(label, MONTHS)
        if not visits and "unknown_visit" not in label.said and not FOLLOW_UP.fullmatch(label.text):
            match = label.take(FOLLOW_UP)
            label.said["unknown_visit"] = match[0] if match else None
        if len(visits) == 2 and BASELINE in visits and ("measure" in label.said or TO.search(label.text)):
            visits.remove(BASELINE)  # "baseline to week 20"
            label.said.setdefault("measure", "change")
        if visits:
            label.said["unknown_visit"] = None
        if len(visits) == 1:
            label.said["visit"] = visits.pop()
        elif visits:
            label.said["rest"] = "two visits: " + ", ".join(sorted(visits))

    def _take_counted(self, label: _Label, times: list[tuple[re.Pattern, float, float]]) -> set[str]:
        """Take numbers of weeks, days or months; a month is a visit if just one of the trial lies in it."""
        visits = set()
        for pattern, shortest, longest in times:
            for match in list(pattern.finditer(label.text)):
                first, last = (float(match[1]) * days for days in (shortest, longest))
                near = [key for week, key in self.weeks.items() if first <= 7 * week <= last]
                if len(near) == 1:
                    visits.add(near[0])
                    if longest > shortest:
                        label.said["assumed"] = f"{match[0]} read as {self.trial.visits[near[0]].label}"
                elif self._visit_pattern.fullmatch(match[0]) or "d" in re.findall(r"[a-z]+", match[0]):
                    continue  # a visit of another name, or vitamin D 3
                else:
                    label.said["unknown_visit"] = match[0]
                label.text = label.text.replace(match[0], " ", 1)
        return visits

    def _name(self, text: str, found: Reading) -> Reading:
        """Look the remaining words up as a variable, or a role."""
        rest = [word for word in content_words(text) if not (found.measure and TO.fullmatch(word))]
        if not rest:
            return found
        candidates = tuple(sorted(self.variables.get("".join(rest), ())))
        if len(candidates) == 1:
            return replace(found, variable=candidates[0])
        if candidates:
            return replace(found, candidates=candidates, rest=found.rest or " ".join(rest))
        if role := self.roles.get("".join(rest)):
            return replace(found, role=role)
        named = self._named(rest)
        if (scale := OTHER_SCALE.search(text)) and not ("relative" in rest and named in self.trial.markers):
            inner = self._name(text[: scale.start()] + text[scale.end() :], found)
            if inner.variable:
                return replace(inner, measure="other")
        if statistic := STATISTICS.search(text):
            return replace(self._name(text[: statistic.start()] + text[statistic.end() :], found), statistic=True)
        if rest[-1].isdigit() and found.visit is None:
            key, week = self._named(rest[:-1]), float(rest[-1])
            if key in self.trial.outcomes:
                if week in self.weeks:
                    return replace(found, variable=key, visit=self.weeks[week], assumed=BARE_WEEK)
                return replace(found, candidates=(key,), rest=rest[-1], unknown_visit=rest[-1])
        if named:
            return replace(found, variable=named)
        possible = self._mentioned(text) or self._glued("".join(rest))
        return replace(found, candidates=tuple(sorted(possible)), rest=" ".join(filter(None, [found.rest, *rest])))

    def _named(self, parts: list[str]) -> str | None:
        """Return the variable that words name: a name of it, in any order, beside words of its other names alone."""
        said = set(parts)
        found = set(self.variables.get("".join(parts), ()))
        for key, names in self._name_words.items() if len(said) == len(parts) <= MOST_WORDS else ():
            if said <= set().union(*names) and any(name <= said for name in names):
                found.add(key)
        return found.pop() if len(found) == 1 else None

    def _mentioned(self, text: str) -> set[str]:
        """Return the variables whose names stand in a text."""
        return {k for m in self._variable_pattern.finditer(text) for k in self.variables.get(squash(m[0]), ())}

    def _glued(self, word: str) -> set[str]:
        """Return the variables whose name stands in a word together with what may be a visit."""
        found = set()
        for name, keys in self.variables.items() if len(word) <= LONGEST_NAME else ():
            for rest in (word.removeprefix(name), word.removesuffix(name)):
                if len(name) > 2 and rest != word and GLUED.fullmatch(rest):
                    found |= keys
        return found

    def _context(self, text: str) -> Reading:
        """Read a title or sheet name: what it mentions, where it mentions just one of a kind."""
        label = _Label(fold(text))
        self._take_scale(label)
        measure = label.said.pop("measure", None)
        self._take_time(label)
        keys = self._mentioned(label.text)
        arms = {self.arms.get(squash(match[0])) for match in self._arm_pattern.finditer(label.text)}
        mentioned = {
            "variable": keys & set(self.trial.outcomes),
            "arm": arms,
            "stratum": {stratum_label(match[0]) for match in STRATUM.finditer(label.text)},
        }
        only = {name: found.pop() for name, found in mentioned.items() if len(found) == 1}
        return Reading(visit=label.said.get("visit"), measure=measure, candidates=tuple(sorted(keys)), **only)
