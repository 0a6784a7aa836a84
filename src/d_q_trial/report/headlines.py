"""The first screen: the main results with what qualifies them, and what becomes of each under other methods."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .. import formatting, labels
from ..results_table import ALL_PARTICIPANTS
from ..stats.checks import is_significant
from ..stats.two_sample import get_test
from ..tables.catalogue import HIGHEST, LOWEST, Headline
from .facts import Facts, Row
from .pieces import is_large
from .verdicts import Verdict


@dataclass(frozen=True)
class Effect:
    """One comparison of the arms among all participants or within a stratum, as text."""

    estimate: str
    limits: str  # of its confidence interval; empty where there is none
    p: str
    significant: bool
    verdict: Verdict | None  # on its P, if one is reported


@dataclass(frozen=True)
class MainResult:
    """One outcome and visit: the comparison in each group of participants, and what qualifies the subgroups."""

    outcome: str
    role: str
    effects: tuple[Effect | None, ...]  # in the order of ``groups``
    interaction: str
    searched: str


@dataclass(frozen=True)
class Check:
    """What becomes of a conclusion under another method; ``keeps`` is None if the method was not applied."""

    text: str
    keeps: bool | None


def groups(facts: Facts) -> list[str]:
    """Return the groups of participants of the main results: all, then the strata from the highest."""
    return [ALL_PARTICIPANTS, *reversed(facts.analysis.strata.labels)]


def main_results(facts: Facts) -> list[MainResult]:
    """Return every comparison of the families that are small enough to list, the primary endpoint first."""
    trial, analysis = facts.trial, facts.analysis
    roles = {(line.outcome, line.visit): line.role for line in facts.headlines if line.role}
    chosen = [
        (outcome, visit)
        for outcome in trial.outcomes.values()
        if not is_large(outcome.family, trial)
        for visit in outcome.follow_up
    ]
    chosen.sort(key=lambda pair: (pair[0].key, pair[1]) not in roles)
    made = []
    for outcome, visit in chosen:
        effects = tuple(effect(facts, outcome.key, visit, group) for group in groups(facts))
        if not any(effects):
            continue
        place = {"outcome": outcome.key, "visit": visit, "marker": analysis.marker}
        made.append(
            MainResult(
                f"{outcome.label}, {trial.visits[visit].label}",
                roles.get((outcome.key, visit), ""),
                effects,
                "; ".join(formatting.p_digits(_number(row["value"])) for row in interactions(facts, place)),
                "; ".join(formatting.p_digits(value) for value in searched(facts, place)),
            )
        )
    return made


def estimator(facts: Facts) -> tuple[str, str]:
    """Return the statistic and the words of the estimate that belongs to the test of the analysis."""
    if get_test(facts.analysis.test).mean_difference is not None:
        return "mean_difference", "difference of means"
    return "hodges_lehmann", "Hodges-Lehmann estimate"


def effect(facts: Facts, outcome: str, visit: str, group: str) -> Effect | None:
    """Return the comparison of an outcome's changes in a group; None if the analysis does not have it."""
    analysis, statistic = facts.analysis, estimator(facts)[0]
    key = _place(facts, group)
    found = [
        facts.numbers.get(outcome, analysis.measure, visit, name, contrast=facts.trial.contrast, **key).value
        for name in (statistic, f"{statistic}_lower", f"{statistic}_upper", "p")
    ]
    if math.isnan(found[-1]):
        return None
    decimals = labels.change_decimals(analysis.measure, facts.trial.outcomes[outcome].decimals)
    wanted = (outcome, analysis.measure, visit, key["marker"], group, facts.trial.contrast, "", "p")
    verdict = next((verdict for verdict in facts.verdicts if verdict.key == wanted and verdict.recomputed), None)
    estimate, *ends = (formatting.number(value, decimals) for value in found[:3])
    limits = "" if any(map(math.isnan, found[1:3])) else " to ".join(ends)
    return Effect(
        estimate, limits, formatting.p_digits(found[3]), bool(is_significant(found[3], analysis.alpha)), verdict
    )


def interactions(facts: Facts, place: Mapping[str, str]) -> list[Row]:
    """Return the tests of interaction of the highest stratum with each lower one."""
    upper = facts.analysis.strata.labels[-1]
    rows = facts.table("sensitivity/interaction", statistic="p", **place)
    return [row for row in rows if f", {upper} - " in row["contrast"] and row["method"].startswith("placements")]


def searched(facts: Facts, place: Mapping[str, str]) -> list[float]:
    """Return P of the best of all cutoffs, above or below, corrected for the search; at most one."""
    rows = facts.table("robustness/best_cuts", **place)
    return [float(row["p_best_of_both"]) for row in rows if row["p_best_of_both"]][:1]


def describe_group(group: str, facts: Facts) -> str:
    """Say which participants a group contains: ``T3 of p16 variant 5``."""
    if group == ALL_PARTICIPANTS:
        return "all participants"
    return f"{group} of {labels.within(facts.trial.markers[facts.analysis.marker].label)}"


def group_of(headline: Headline, facts: Facts) -> str:
    """Return the group of participants that a headline is about."""
    names = facts.analysis.strata.labels
    return {HIGHEST: names[-1], LOWEST: names[0]}.get(headline.stratum, headline.stratum)


def robustness_lines(facts: Facts) -> tuple[list[str], list[tuple[str, list[Check]]]]:
    """Return for each headline what its conclusion survives and what it does not; and the names of the methods."""
    lines = []
    for line in facts.headlines:
        group = group_of(line, facts)
        found = effect(facts, line.outcome, line.visit, group)
        if found is None:
            continue
        checks = _checks(facts, line, group, found.significant)
        outcome, visit = facts.trial.outcomes[line.outcome].label, facts.trial.visits[line.visit].label
        title = f"{outcome}, {visit}, {describe_group(group, facts)}: {name_p(found.p)}"
        lines.append((title, checks))
    known = [name for _, checks in lines for name, check in checks.items() if check.keeps is not None]
    names = sorted(set(known), key=list(lines[0][1]).index) if lines else []
    return names, [(title, [checks[name] for name in names]) for title, checks in lines]


def _checks(facts: Facts, line: Headline, group: str, significant: bool) -> dict[str, Check]:
    place = {"outcome": line.outcome, "visit": line.visit}
    own = place | _place(facts, group)
    subgroup = place | {"marker": facts.analysis.marker}
    in_stratum = group != ALL_PARTICIPANTS

    def judge(values: list[float]) -> Check:
        known = [value for value in values if not math.isnan(value)]
        if not known:
            return Check("–", None)
        keeps = all(is_significant(value, facts.analysis.alpha) == significant for value in known)
        return Check(" to ".join(dict.fromkeys(map(formatting.p_digits, known))), keeps)

    def statistic(method: str, *names: str) -> list[float]:
        rows = [row for row in facts.table("sensitivity/sensitivity", **own) if row["method"].startswith(method)]
        return [_number(row["value"]) for name in names for row in rows if row["statistic"] == name]

    family = [_number(row["p_max_t"]) for row in facts.table("robustness/multiplicity", **own)][:1]
    influence = {row["statistic"]: _number(row["value"]) for row in facts.table("sensitivity/leave_one_out", **own)}
    flips = influence.get("flips", math.nan)
    removal = Check("–", None)
    if not math.isnan(flips):
        removal = Check(
            f"{flips:.0f} participant{'s' if flips != 1 else ''} would reverse it"
            if flips
            else "none would reverse it",
            flips == 0,
        )
    corrected = [_number(row["value"]) for row in interactions(facts, subgroup)] if in_stratum else []
    search = searched(facts, subgroup) if in_stratum else []
    return {
        "Interaction P": judge(corrected),
        "Corrected for the search": judge(search),
        "Multiplicity-adjusted (max-T)": judge(family),
        "Covariance, log scale": judge(statistic("covariance, log scale", "p")[:1]),
        "Multiple imputation": judge(statistic("imputed, placements", "p")[:1]),
        "Any values of the missing": judge(statistic("any values of the missing", "p_lowest", "p_highest")),
        "Leave-one-out": removal,
    }


def _place(facts: Facts, group: str) -> dict[str, str]:
    return {"marker": "" if group == ALL_PARTICIPANTS else facts.analysis.marker, "stratum": group}


def _number(text: str) -> float:
    return float(text) if text else math.nan


def name_p(digits: str) -> str:
    """Return ``P = 0.250`` or ``P < 0.001`` for the digits of a P-value."""
    return f"P < {digits[1:]}" if digits.startswith("<") else f"P = {digits}"
