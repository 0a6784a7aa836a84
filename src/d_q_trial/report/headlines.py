"""The first screen: the main results with their qualifications, and each result under other methods."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from .. import labels
from ..formatting import format_number, format_p, format_p_digits
from ..results_table import ALL_PARTICIPANTS, Row, subgroup_keys
from ..stats.checks import is_significant
from ..stats.two_sample import get_test
from ..tables.build import Headline
from .collect import Report, Verdict, column_texts, outcomes_to_list

IMPUTED = "Multiple imputation (placements, t)"
# Sensitivity analyses with one P per result: name of the check and the beginning of its method; placeholders are filled.
CHECKS = {"Covariance, {model_scale}": "covariance, {model_scale}", IMPUTED: "imputed, placements"}


@dataclass(frozen=True)
class Effect:
    """One comparison of the arms in all participants or in a stratum, as text."""

    estimate: str
    limits: str  # of its confidence interval; empty if there is none
    p: str  # the digits, or that P is not defined
    named_p: str  # such as ``P = 0.050``
    significant: bool | None  # None without P
    verdict: Verdict | None  # on the reported P, if there is one
    n: tuple[float, float]  # participants in the treated and the control arm
    no_limits: str = ""  # why a limit is missing


class Check(NamedTuple):
    """P under another method; ``keeps`` says whether it is on the same side of alpha, None if this is not judged."""

    text: str = "–"
    keeps: bool | None = None


def result_groups(report: Report) -> list[str]:
    """Return the groups of participants of the main results: all, then the strata from the highest."""
    return [ALL_PARTICIPANTS, *reversed(report.analysis.strata.labels)]


def main_results(report: Report) -> list[dict[str, Any]]:
    """Return every comparison of the outcomes to list, and of those of the headlines, the primary endpoint first.

    ``effects`` are in the order of ``result_groups``; ``interaction`` and ``searched`` are P that qualify the subgroups.
    """
    trial, analysis, measure = report.trial, report.analysis, report.analysis.measure
    roles = {(line.outcome, line.visit): line.role for line in report.headlines if line.role}
    listed = outcomes_to_list(trial) | {line.outcome for line in report.headlines}
    pairs = [(o.key, visit) for o in trial.outcomes.values() if o.key in listed for visit in o.follow_up]
    results = []
    for outcome, visit in sorted(pairs, key=lambda pair: pair not in roles):
        effects = [find_effect(report, outcome, visit, group) for group in result_groups(report)]
        if not any(effects):
            continue
        place = {"outcome": outcome, "visit": visit, "marker": analysis.marker}
        p_highest = search_corrected_p(report, place | {"stratum": analysis.strata.labels[-1]})
        p_best = _values(report.table("robustness/best_cuts", **place), ("p_best_of_both",))[:1]
        searched = (f"{format_p_digits(p)} ({format_p_digits(q)})" for p, q in zip(p_highest, p_best, strict=False))
        unit = labels.change_unit(measure, trial.outcomes[outcome].unit) if measure == "difference" else ""
        label = ", ".join(filter(None, (report.labeller.cell("outcome", place), unit)))
        row = {"outcome": label, "role": roles.get((outcome, visit), ""), "effects": effects}
        results.append(row | {"interaction": format_interaction(report, place), "searched": "".join(searched)})
    return results


def find_effect(report: Report, outcome: str, visit: str, group: str) -> Effect | None:
    """Return the comparison of an outcome's changes in a group; None if the analysis does not have it."""
    analysis, contrast = report.analysis, report.trial.contrast
    keys, statistics = subgroup_keys(group, analysis.marker), (*get_test(analysis.test).estimate, "p")
    numbers = [report.numbers.get(outcome, analysis.measure, visit, s, contrast=contrast, **keys) for s in statistics]
    estimate, *limits, p = (number.value for number in numbers)
    if math.isnan(estimate) and math.isnan(p):
        return None
    key = (outcome, analysis.measure, visit, keys["marker"], group, contrast, "", "p")
    format_effect = partial(format_number, decimals=report.labeller.decimals(outcome))
    return Effect(
        estimate=format_effect(estimate),
        limits="" if any(map(math.isnan, limits)) else " to ".join(map(format_effect, limits)),
        p=format_p_digits(p),
        named_p=format_p(p),
        significant=None if math.isnan(p) else bool(is_significant(p, analysis.alpha)),
        verdict=next((verdict for verdict in report.verdicts if verdict["key"] == key and verdict["recomputed"]), None),
        n=(numbers[-1].n_first, numbers[-1].n_second),
        no_limits=numbers[1].reason or numbers[2].reason,
    )


def format_interaction(report: Report, place: Mapping[str, str]) -> str:
    """Format P of the interaction of the highest stratum with each lower one, named if there are several; empty without P."""
    *lower, highest = report.analysis.strata.labels
    rows = report.table("sensitivity/interaction", **place, statistic="p")
    p_values = {row["contrast"]: row["value"] for row in rows if row["method"].startswith("placements")}
    contrasts = {label: f"{report.trial.contrast}, {highest} - {label}" for label in reversed(lower)}
    digits = {label: format_p_digits(float(p_values.get(contrast) or "nan")) for label, contrast in contrasts.items()}
    texts = [f"{label} {p}" if lower[1:] else p for label, p in digits.items()]
    return "; ".join(texts) if any(p_values.values()) else ""


def search_corrected_p(report: Report, place: Mapping[str, str]) -> list[float]:
    """Return P of a stratum corrected for the search over all cutoffs: at most one, none of strata between two cutoffs."""
    if report.analysis.strata.by == "column":  # the cutoffs are those of the marker, not of the column
        return []
    return _values(report.table("robustness/analysis_cuts", **place), ("p_corrected",))


def describe_search(report: Report) -> str:
    """Describe the corrected P of the main results, or state why there is none."""
    if report.analysis.strata.by == "column":
        return "none, because the strata are those of a column and no cutoff was searched for"
    if get_test(report.analysis.test).not_permuted:
        return "this test gives none"
    if "robustness/analysis_cuts" not in report.tables:
        return "not computed for this analysis"
    highest, minimum = report.analysis.strata.labels[-1], report.settings.robustness.minimum_per_arm
    rows = [row for row in main_results(report) if row["effects"][1]]
    small = [row for row in rows if not row["searched"] and min(row["effects"][1].n) < minimum]
    few = f"{highest} has fewer than {labels.spell_number(minimum)} participants in an arm, so that its cutoff is not tried"
    if not any(row["searched"] for row in rows):
        return f"none, because {few if small else 'no cutoff was tried'}"
    text = f"that of {highest}, as if its cutoff had been chosen by P among all cutoffs; in parentheses, that of the best of"
    return f"{text} all cutoffs; a dash: {few}" if small else f"{text} all cutoffs"


def compare_headlines(report: Report) -> list[tuple[Headline, str, str, Effect | None]]:
    """Return each headline with its group of participants, the label of both, and its comparison (None: not made)."""
    compared = []
    for line in report.headlines:
        group = labels.select_strata([line.stratum], report.analysis.strata.labels)[0]
        outcome = report.labeller.cell("outcome", {"outcome": line.outcome, "visit": line.visit})
        effect = find_effect(report, line.outcome, line.visit, group)
        compared.append((line, group, f"{outcome}, {report.labeller.group(group)}", effect))
    return compared


def robustness_lines(report: Report) -> tuple[list[str], list[tuple[str, list[Check]]], list[str]]:
    """Return the names of the methods, each headline with its P under them, and the methods without a P for any headline."""
    checked = [
        (f"{label}: {effect.named_p}", _check_headline(report, line, group, effect.significant))
        for line, group, label, effect in compare_headlines(report)
        if effect
    ]
    methods = list(checked[0][1]) if checked else []
    absent = [name for name in methods if all(checks[name] == Check() for _, checks in checked)]
    present = [name for name in methods if name not in absent]
    return present, [(title, [checks[name] for name in present]) for title, checks in checked], absent


def _check_headline(report: Report, line: Headline, group: str, significant: bool | None) -> dict[str, Check]:
    """Return P of a headline under every other method, by the name of the method."""
    alpha, marker = report.analysis.alpha, report.analysis.marker
    place = {"outcome": line.outcome, "visit": line.visit, "marker": marker}
    group_place = place | subgroup_keys(group, marker)

    def judge(p_values: Collection[float], text: str = "") -> Check:
        """Compare P-values with alpha."""
        if not p_values:
            return Check()
        keeps = all(is_significant(p, alpha) == significant for p in p_values)
        return Check(text or " to ".join(map(format_p_digits, p_values)), None if significant is None else keeps)

    interaction = format_interaction(report, place) if group != ALL_PARTICIPANTS else ""
    # The interaction is another hypothesis, so its P is not judged.
    checks = {"Interaction P": Check(interaction) if interaction else Check()}
    rows = [row for row in report.table("robustness/multiplicity", **group_place) if row["p_max_t"]]
    adjusted = {report.labeller.cell("family", row): float(row["p_max_t"]) for row in rows}
    text = "; ".join(f"{format_p_digits(p)} ({family})" for family, p in adjusted.items())
    checks["Corrected for the search"] = judge(search_corrected_p(report, group_place))
    checks["Multiplicity-adjusted (max-T)"] = judge(adjusted.values(), text)
    rows = report.table("sensitivity/sensitivity", **group_place)
    for name, method in CHECKS.items():
        checks[report.labeller.fill(name)] = judge(_values(rows, ("p",), report.labeller.fill(method))[:1])
    bounds = _values(rows, ("p_lowest", "p_highest"))
    complete = len(set(bounds)) == 1  # the bounds are the P of the analysis itself
    checks["Worst-case bounds"] = Check("nothing is missing") if complete else judge(bounds)
    sizes = {row["method"].partition(",")[0]: (row["n_first"], row["n_second"]) for row in rows}
    if "imputed" in sizes and sizes["imputed"] == sizes["covariance"]:  # covariance takes complete cases only
        checks[IMPUTED] = Check("nothing to impute")
    checks["Leave-one-out"] = Check()
    flips = _values(report.table("sensitivity/leave_one_out", **group_place), ("flips",))
    if flips and significant is not None:
        times = labels.pluralize(int(flips[0]), "repetition") if any(flips) else "none"
        checks["Leave-one-out"] = Check(f"crosses {alpha:g} in {times}", not any(flips))
    return checks


def _values(rows: Sequence[Row], statistics: tuple[str, ...], method: str = "") -> list[float]:
    """Return the values of statistics, without missing ones."""
    return [float(text) for name in statistics for text in column_texts(rows, name, method) if text]
