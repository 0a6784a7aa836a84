"""The first screen: the main results with their qualifications, and each result under other methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import formatting, labels
from ..results_table import ALL_PARTICIPANTS, group_keys
from ..stats.checks import is_significant
from ..stats.two_sample import get_test
from ..tables.catalogue import Headline
from .collect import Report, Row, Verdict, is_large, texts

# Checks of a conclusion: name of the check, its table, the statistics and the beginning of their method.
CHECKS = (
    ("Multiplicity-adjusted (max-T)", "robustness/multiplicity", ("p_max_t",), ""),
    ("Covariance, log scale", "sensitivity/sensitivity", ("p",), "covariance, log scale"),
    ("Multiple imputation", "sensitivity/sensitivity", ("p",), "imputed, placements"),
    ("Worst-case bounds", "sensitivity/sensitivity", ("p_lowest", "p_highest"), "any values of the missing"),
)


@dataclass(frozen=True)
class Effect:
    """One comparison of the arms in all participants or in a stratum, as text."""

    estimate: str
    limits: str  # of its confidence interval; empty where there is none
    p: str  # its digits
    named_p: str
    significant: bool
    verdict: Verdict | None  # on its P, if one is reported


class Check(NamedTuple):
    """A conclusion under another method: whether it is the same (``keeps``), None if the method was not applied."""

    text: str = "–"
    keeps: bool | None = None


def groups(report: Report) -> list[str]:
    """Return the groups of participants of the main results: all, then the strata from the highest."""
    return [ALL_PARTICIPANTS, *reversed(report.analysis.strata.labels)]


def main_results(report: Report) -> list[dict[str, Any]]:
    """Return every comparison of the families that are small enough to list, the primary endpoint first.

    ``effects`` are in the order of ``groups``; ``interaction`` and ``searched`` are P-values that qualify the subgroups.
    """
    trial, made = report.trial, []
    roles = {(line.outcome, line.visit): line.role for line in report.headlines if line.role}
    chosen = [(o.key, v) for o in trial.outcomes.values() if not is_large(o.family, trial) for v in o.follow_up]
    for outcome, visit in sorted(chosen, key=lambda pair: pair not in roles):
        effects = [effect(report, outcome, visit, group) for group in groups(report)]
        place = {"outcome": outcome, "visit": visit, "marker": report.analysis.marker}
        row = {
            "outcome": report.words.of("outcome", place),
            "role": roles.get((outcome, visit), ""),
            "effects": effects,
        }
        for name, found in (("interaction", interactions(report, place)), ("searched", searched(report, place))):
            row[name] = "; ".join(map(formatting.p_digits, found))
        made += [row] if any(effects) else []
    return made


def estimator(report: Report) -> tuple[str, str]:
    """Return the statistic and the name of the estimate that belongs to the test of the analysis."""
    if get_test(report.analysis.test).mean_difference is not None:
        return "mean_difference", "difference of means"
    return "hodges_lehmann", "Hodges-Lehmann estimate"


def effect(report: Report, outcome: str, visit: str, group: str) -> Effect | None:
    """Return the comparison of an outcome's changes in a group; None if the analysis does not have it."""
    analysis, contrast, statistic = report.analysis, report.trial.contrast, estimator(report)[0]
    own = group_keys(group, report.analysis.marker)
    names = (statistic, f"{statistic}_lower", f"{statistic}_upper", "p")
    found = [report.numbers.get(outcome, analysis.measure, visit, n, contrast=contrast, **own).value for n in names]
    if math.isnan(found[-1]):
        return None
    decimals = labels.change_decimals(analysis.measure, report.trial.outcomes[outcome].decimals)
    key = (outcome, analysis.measure, visit, own["marker"], group, contrast, "", "p")
    estimate, *ends = (formatting.number(value, decimals) for value in found[:3])
    return Effect(
        estimate=estimate,
        limits="" if any(map(math.isnan, found[1:3])) else " to ".join(ends),
        p=formatting.p_digits(found[-1]),
        named_p=formatting.p_value(found[-1]),
        significant=bool(is_significant(found[-1], analysis.alpha)),
        verdict=next((verdict for verdict in report.verdicts if verdict["key"] == key and verdict["recomputed"]), None),
    )


def interactions(report: Report, place: Mapping[str, str]) -> list[float]:
    """Return P of the interaction of the highest stratum with each lower one."""
    upper = f", {report.analysis.strata.labels[-1]} - "
    rows = report.table("sensitivity/interaction", **place)
    return _values([row for row in rows if upper in row["contrast"]], ("p",), "placements")


def searched(report: Report, place: Mapping[str, str]) -> list[float]:
    """Return P of the best of all cutoffs, above or below, corrected for the search; at most one."""
    return _values(report.table("robustness/best_cuts", **place), ("p_best_of_both",))[:1]


def group_of(headline: Headline, report: Report) -> str:
    """Return the group of participants that a headline is about."""
    return labels.strata_named([headline.stratum], report.analysis.strata.labels)[0]


def robustness_lines(report: Report) -> tuple[list[str], list[tuple[str, list[Check]]]]:
    """Return the names of the methods, and each headline with the checks of its conclusion by these methods."""
    lines = []
    for line in report.headlines:
        group = group_of(line, report)
        if found := effect(report, line.outcome, line.visit, group):
            what = report.words.of("outcome", {"outcome": line.outcome, "visit": line.visit})
            title = f"{what}, {report.words.group(group)}: {found.named_p}"
            lines.append((title, _checks(report, line, group, found.significant)))
    known = {name for _, checks in lines for name, check in checks.items() if check.keeps is not None}
    names = [name for name in (lines[0][1] if lines else ()) if name in known]
    return names, [(title, [checks[name] for name in names]) for title, checks in lines]


def _checks(report: Report, line: Headline, group: str, significant: bool) -> dict[str, Check]:
    place = {"outcome": line.outcome, "visit": line.visit}
    own = place | group_keys(group, report.analysis.marker)

    def judge(values: list[float]) -> Check:
        if not values:
            return Check()
        keeps = all(is_significant(value, report.analysis.alpha) == significant for value in values)
        return Check(" to ".join(dict.fromkeys(map(formatting.p_digits, values))), keeps)

    subgroup = place | {"marker": report.analysis.marker}
    in_stratum, flips = group != ALL_PARTICIPANTS, _values(report.table("sensitivity/leave_one_out", **own), ("flips",))
    checks = {
        "Interaction P": judge(interactions(report, subgroup) if in_stratum else []),
        "Corrected for the search": judge(searched(report, subgroup) if in_stratum else []),
    }
    for name, table, statistics, method in CHECKS:
        checks[name] = judge(_values(report.table(table, **own), statistics, method)[: len(statistics)])
    counted = labels.counted(int(flips[0]), "participant") if any(flips) else "none"
    checks["Leave-one-out"] = Check(f"{counted} would reverse it", not any(flips)) if flips else Check()
    return checks


def _values(rows: Sequence[Row], statistics: tuple[str, ...], method: str = "") -> list[float]:
    """Return the known values of statistics."""
    return [float(text) for name in statistics for text in texts(rows, name, method) if text]
