"""The first screen: the main results with their qualifications, and each result under other methods."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import formatting, labels
from ..results_table import ALL_PARTICIPANTS, group_keys
from ..stats.checks import is_significant
from ..stats.two_sample import get_test
from ..tables.catalogue import Headline
from .collect import Report, Row, Verdict, column_texts, outcomes_to_list

IMPUTED = "Multiple imputation (placements, t)"
# Sensitivity analyses with one P for a result: name of the check and the beginning of the method, to be filled.
CHECKS = {"Covariance, {model_scale}": "covariance, {model_scale}", IMPUTED: "imputed, placements"}


@dataclass(frozen=True)
class Effect:
    """One comparison of the arms in all participants or in a stratum, as text."""

    estimate: str
    limits: str  # of its confidence interval; empty where there is none
    p: str  # its digits, or that it is not defined
    named_p: str
    significant: bool | None  # None without P
    verdict: Verdict | None  # on its P, if one is reported
    n: tuple[float, float]  # participants in the treated and the control arm


class Check(NamedTuple):
    """P under another method: whether it is on the same side of alpha (``keeps``), None if that is not to be judged."""

    text: str = "–"
    keeps: bool | None = None


def result_groups(report: Report) -> list[str]:
    """Return the groups of participants of the main results: all, then the strata from the highest."""
    return [ALL_PARTICIPANTS, *reversed(report.analysis.strata.labels)]


def main_results(report: Report) -> list[dict[str, Any]]:
    """Return every comparison of the outcomes to list, and of those of the headlines, the primary endpoint first.

    ``effects`` are in the order of ``groups``; ``interaction`` and ``searched`` are P-values that qualify the subgroups.
    """
    trial, measure, digits, made = report.trial, report.analysis.measure, formatting.format_p_digits, []
    roles = {(line.outcome, line.visit): line.role for line in report.headlines if line.role}
    wanted = outcomes_to_list(trial) | {line.outcome for line in report.headlines}
    chosen = [(o.key, v) for o in trial.outcomes.values() if o.key in wanted for v in o.follow_up]
    for outcome, visit in sorted(chosen, key=lambda pair: pair not in roles):
        effects = [find_effect(report, outcome, visit, group) for group in result_groups(report)]
        place = {"outcome": outcome, "visit": visit, "marker": report.analysis.marker}
        own = search_corrected_p(report, place | {"stratum": report.analysis.strata.labels[-1]})
        best = _values(report.table("robustness/best_cuts", **place), ("p_best_of_both",))[:1]
        unit = labels.change_unit(measure, trial.outcomes[outcome].unit) if measure == "difference" else ""
        row = {
            "outcome": ", ".join(filter(None, (report.words.of("outcome", place), unit))),
            "role": roles.get((outcome, visit), ""),
            "effects": effects,
            "interaction": _named(interaction_p_values(report, place), report),
            "searched": "".join(f"{digits(p)} ({digits(of_best)})" for p, of_best in zip(own, best, strict=False)),
        }
        made += [row] if any(effects) else []
    return made


def find_effect(report: Report, outcome: str, visit: str, group: str) -> Effect | None:
    """Return the comparison of an outcome's changes in a group; None if the analysis does not have it."""
    analysis, contrast = report.analysis, report.trial.contrast
    own, names = group_keys(group, analysis.marker), (*get_test(analysis.test).estimate, "p")
    numbers = [report.numbers.get(outcome, analysis.measure, visit, name, contrast=contrast, **own) for name in names]
    found = [number.value for number in numbers]
    if math.isnan(found[0]) and math.isnan(found[-1]):
        return None
    key = (outcome, analysis.measure, visit, own["marker"], group, contrast, "", "p")
    estimate, *ends = (formatting.format_number(value, report.words.decimals(outcome)) for value in found[:3])
    return Effect(
        estimate=estimate,
        limits="" if any(map(math.isnan, found[1:3])) else " to ".join(ends),
        p=formatting.format_p_digits(found[-1]),
        named_p=formatting.format_p(found[-1]),
        significant=None if math.isnan(found[-1]) else bool(is_significant(found[-1], analysis.alpha)),
        verdict=next((verdict for verdict in report.verdicts if verdict["key"] == key and verdict["recomputed"]), None),
        n=(numbers[-1].n_first, numbers[-1].n_second),
    )


def interaction_p_values(report: Report, place: Mapping[str, str]) -> dict[str, float]:
    """Return P of the interaction of the highest stratum with each lower one by its name, NaN where undefined; none if all are."""
    *lower, highest = report.analysis.strata.labels
    rows = report.table("sensitivity/interaction", **place, statistic="p")
    known = {row["contrast"]: row["value"] for row in rows if row["method"].startswith("placements")}
    pairs = {name: f"{report.trial.contrast}, {highest} - {name}" for name in reversed(lower)}
    return {name: float(known.get(pair) or "nan") for name, pair in pairs.items()} if any(known.values()) else {}


def _named(found: Mapping[str, float], report: Report) -> str:
    """Write P of interactions, each after its stratum if the analysis has several."""
    several = len(report.analysis.strata.labels) > 2
    return "; ".join(f"{name} " * several + formatting.format_p_digits(p) for name, p in found.items())


def search_corrected_p(report: Report, place: Mapping[str, str]) -> list[float]:
    """Return P of a stratum corrected for the search over all cutoffs; at most one, none of strata between two cutoffs."""
    by_column = report.analysis.strata.by == "column"  # the cutoffs are those of the marker, not of the column
    return [] if by_column else _values(report.table("robustness/analysis_cuts", **place), ("p_corrected",))


def describe_search(report: Report) -> str:
    """Describe the corrected P of the main results, or state why there is none."""
    if report.analysis.strata.by == "column":
        return "none, because the strata are those of a column and no cutoff was searched for"
    own = f"that of {report.analysis.strata.labels[-1]}, as if its cutoff had been chosen by P among all cutoffs"
    own += "; in parentheses, that of the best of all cutoffs"
    return "this test gives none" if get_test(report.analysis.test).not_permuted else own


def headline_label(headline: Headline, report: Report) -> str:
    """Return the outcome, visit and group of participants of a headline in words."""
    what = report.words.of("outcome", {"outcome": headline.outcome, "visit": headline.visit})
    return f"{what}, {report.words.group(headline_group(headline, report))}"


def headline_group(headline: Headline, report: Report) -> str:
    """Return the group of participants that a headline is about."""
    return labels.select_strata([headline.stratum], report.analysis.strata.labels)[0]


def robustness_lines(report: Report) -> tuple[list[str], list[tuple[str, list[Check]]], list[str]]:
    """Return the names of the methods, each headline with its P under these, and the methods that give none a P."""
    lines = []
    for line in report.headlines:
        group = headline_group(line, report)
        if found := find_effect(report, line.outcome, line.visit, group):
            title = f"{headline_label(line, report)}: {found.named_p}"
            lines.append((title, _checks(report, line, group, found.significant)))
    known = {name for _, checks in lines for name, check in checks.items() if check != Check()}
    every = [*lines[0][1]] if lines else []
    names, absent = ([name for name in every if (name in known) == shown] for shown in (True, False))
    return names, [(title, [checks[name] for name in names]) for title, checks in lines], absent


def _checks(report: Report, line: Headline, group: str, significant: bool | None) -> dict[str, Check]:
    place = {"outcome": line.outcome, "visit": line.visit}
    own = place | group_keys(group, report.analysis.marker)

    def judge(values: Collection[float], text: str = "", at_least: str = "") -> Check:  # at_least: P is a lower bound
        if not values:
            return Check()
        keeps = all(is_significant(value, report.analysis.alpha) == significant for value in values)
        text = text or f" to {at_least}".join(map(formatting.format_p_digits, values))
        return Check(text, None if significant is None or (at_least and significant and keeps) else keeps)

    flips = _values(report.table("sensitivity/leave_one_out", **own), ("flips",))
    between = (
        interaction_p_values(report, place | {"marker": report.analysis.marker}) if group != ALL_PARTICIPANTS else {}
    )
    rows = [row for row in report.table("robustness/multiplicity", **own) if row["p_max_t"]]
    families = {report.words.of("family", row): float(row["p_max_t"]) for row in rows}
    adjusted = "; ".join(f"{formatting.format_p_digits(p)} ({family})" for family, p in families.items())
    checks = {
        "Interaction P": Check(_named(between, report)) if between else Check(),  # another hypothesis
        "Corrected for the search": judge(search_corrected_p(report, own)),
        "Multiplicity-adjusted (max-T)": judge(families.values(), adjusted),
    }
    rows = report.table("sensitivity/sensitivity", **own)  # covariance takes the known values alone
    least = "at least " * any(row.get("reason", "").startswith("at least") for row in rows)
    for name, method in CHECKS.items():
        checks[report.words.fill(name)] = judge(_values(rows, ("p",), report.words.fill(method))[:1])
    bounds = _values(rows, ("p_lowest", "p_highest"))
    complete = len(set(bounds)) == 1 and not least  # the bounds are the P of the analysis itself
    checks["Worst-case bounds"] = Check("nothing is missing") if complete else judge(bounds, at_least=least)
    sizes = {row["method"].partition(",")[0]: (row["n_first"], row["n_second"]) for row in rows}
    if "imputed" in sizes and sizes["imputed"] == sizes["covariance"]:
        checks[IMPUTED] = Check("nothing to impute")
    times = labels.pluralize(int(flips[0]), "repetition") if any(flips) else "none"
    crossing = Check(f"crosses {report.analysis.alpha:g} in {times}", not any(flips))
    checks["Leave-one-out"] = crossing if flips and significant is not None else Check()
    return checks


def _values(rows: Sequence[Row], statistics: tuple[str, ...], method: str = "") -> list[float]:
    """Return the known values of statistics."""
    return [float(text) for name in statistics for text in column_texts(rows, name, method) if text]
