"""Write the results as one reporting event of the CDISC Analysis Results Standard, version 1.0.

An analysis of the standard is one variable at one visit in one analysis set with one method; its results carry the raw
and the formatted value. A data subset is a measure at a visit. An analysis set is all participants or one stratum of one
marker. The groupings are the arms, the strata of a marker, and the cohorts in which a marker is correlated with age.
Conditions select rows of the CSV of their dataset; all conditions of an analysis together select its participants.
"""

import itertools
import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .. import formatting, labels
from ..config.settings import Analysis
from ..files import write_text
from ..participants import POPULATION, TRIAL
from ..results_table import ALL_PARTICIPANTS, BOTH_ARMS, Row
from ..stats.two_sample import get_test
from ..trial import BASELINE, Trial

Entry = dict[str, Any]
Pairs = Mapping[str, tuple[str, ...]]  # the two groups of each contrast, whose names may contain " - "

ARM, COHORT = "AG_ARM", "AG_COHORT"
ANALYSIS_KEYS = ("outcome", "measure", "visit", "marker", "stratum", "contrast")
# Name and description of each method, and how the name of an analysis ends; {contrast} names the groups compared.
METHODS = {
    "M_SUMMARY": ("Summary of a continuous variable", "Quartiles of type {quartile_type}.", "summary"),
    "M_COUNT": ("Summary of a binary variable", "Number and percentage of participants.", "number and percent"),
    "M_TWO_SAMPLE": ("Comparison of two groups", "{test}; {level} interval.", "{contrast}"),
    "M_CHI_SQUARED": ("Comparison of proportions", "Chi-squared test without continuity correction.", "{contrast}"),
    "M_TREND": ("Trend over strata", "Jonckheere-Terpstra test, normal approximation.", "{contrast}"),
    "M_SPEARMAN": ("Rank correlation", "Spearman correlation; P from the t distribution.", "and {contrast}"),
}
DECIMALS = {"n": 0, "count": 0, "percent": 1, "u": 1, "spearman_r": 2}
DECIMALS |= dict.fromkeys(("mann_whitney_effect", "z", "t", "z_trend", "chi_squared"), 3)


def write_event(rows: list[Row], trial: Trial, analysis: Analysis, data_label: str | None, path: Path) -> None:
    """Write :func:`reporting_event` as JSON without spaces."""
    event = reporting_event(rows, trial, analysis, data_label)
    write_text(json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n", path)


def reporting_event(rows: list[Row], trial: Trial, analysis: Analysis, data_label: str | None) -> Entry:
    """Return the rows of results.csv, as text, as a ReportingEvent; ``data_label`` begins its label and its description."""
    rows_of_analyses: dict[tuple[str, ...], list[Row]] = {}  # by ANALYSIS_KEYS and method
    statistics: dict[str, dict[str, None]] = {}  # of each method, in their order
    for row in rows:
        method = _method_id(row)
        rows_of_analyses.setdefault((*(row[name] for name in ANALYSIS_KEYS), method), []).append(row)
        statistics.setdefault(method, {})[row["statistic"]] = None
    sets = dict.fromkeys((row["marker"], row["stratum"]) for row in rows if row["stratum"])
    subsets = dict.fromkeys((row["measure"], row["visit"]) for row in rows)
    names = {key: analysis.strata.group(key[1], trial.markers[key[0]].label) for key in sets if key[0]}
    names |= {(key, ""): f"strata of {analysis.strata.name(marker.label)}" for key, marker in trial.markers.items()}
    sides = dict.fromkeys([*trial.analysed_arms, *(stratum for _, stratum in sets)])
    pairs = {" - ".join(pair): pair for pair in itertools.permutations(sides, 2)}
    analyses = [_analysis(group, key[-1], trial, names, pairs) for key, group in rows_of_analyses.items()]
    label = f"{data_label}. " if data_label else ""
    description = [
        label + trial.citation,
        *(labels.describe(name, analysis=analysis) for name in ("excluded", "outliers")),
    ]
    if any(row["marker"] == analysis.marker for row in rows):
        marker = trial.markers[analysis.marker]
        description.insert(1, labels.describe("strata", rule=analysis.strata, marker=marker.label, unit=marker.unit))
    return {
        "id": identifier("RE", trial.name, analysis.name),
        "version": 1,
        "name": f"{trial.title}: analysis “{analysis.name}”",
        "label": f"{label}Analysis “{analysis.name}”",
        "description": " ".join(filter(None, description)),
        "mainListOfContents": _contents(analyses),
        "referenceDocuments": [{"id": "RD_ARTICLE", "name": trial.citation}],
        "analysisSets": _entries("AS", {key: _analysis_set(*key, trial, names.get(key, "")) for key in sets}),
        "dataSubsets": _entries("DS", {key: _data_subset(*key, trial) for key in subsets}),
        "analysisGroupings": _groupings(rows, trial, analysis),
        "methods": [_method(method, names, analysis) for method, names in statistics.items()],
        "analyses": analyses,
    }


@cache  # thousands of results share a few hundred
def identifier(*parts: str) -> str:
    """Join parts into an identifier; special characters become their code point, so that "<5" and ">5" differ."""
    escaped = ((c if c.isascii() and c.isalnum() else "_" if c in " _" else f".{ord(c):x}" for c in p) for p in parts)
    return "_".join(filter(None, map("".join, escaped)))


def _method_id(row: Row) -> str:
    if row["measure"] == "correlation":
        return "M_SPEARMAN"
    if not row["contrast"]:
        return "M_COUNT" if row["statistic"] in ("count", "percent") else "M_SUMMARY"
    if row["statistic"].endswith("_trend"):
        return "M_TREND"
    return "M_CHI_SQUARED" if row["method"] == "chi_squared" else "M_TWO_SAMPLE"


def _method(method: str, statistics: Iterable[str], analysis: Analysis) -> Entry:
    (name, description, _), test = METHODS[method], get_test(analysis.test)
    level = f"{labels.confidence_level(analysis)} confidence" if test.has_interval else "no"
    text = description.format(test=test.sentence, quartile_type=analysis.quartile_type, level=level)
    operations = [
        {"id": f"{method}_{key.upper()}", "name": labels.STATISTICS.get(key, key), "label": key, "order": order}
        for order, key in enumerate(statistics, start=1)
    ]
    return {"id": method, "name": name, "description": text[0].upper() + text[1:], "operations": operations}


def _analysis(rows: list[Row], method: str, trial: Trial, names: Mapping[tuple[str, str], str], pairs: Pairs) -> Entry:
    row, is_correlation = rows[0], method == "M_SPEARMAN"
    endpoint = trial.primary and (trial.primary.outcome, trial.primary.visit, ALL_PARTICIPANTS)
    is_primary = endpoint == (row["outcome"], row["visit"], row["stratum"])
    group = names.get((row["marker"], row["stratum"]), "")  # empty: all participants
    subject = METHODS[method][2].format(contrast=row["contrast"])
    measure = labels.CHANGES.get(row["measure"], row["measure"])
    place = filter(None, [trial.variable_label(row["outcome"]), measure, trial.visits[row["visit"]].label, group])
    grouping = ARM if row["stratum"] or method == "M_TREND" else identifier("AG_STRATUM", row["marker"])
    if is_correlation:
        grouping = COHORT
    results = [_result(row, method, grouping, trial, pairs) for row in rows]
    by_group = any(result["resultGroups"] for result in results)
    entry = {
        "id": identifier("AN", *(row[key] for key in ANALYSIS_KEYS[:-1]), subject),
        "version": 1,
        "name": f"{', '.join(place)}: {subject}",
        "reason": {"controlledTerm": "DATA DRIVEN"},  # a reanalysis is not part of the protocol
        "purpose": {"controlledTerm": f"{'PRIMARY' if is_primary else 'EXPLORATORY'} OUTCOME MEASURE"},
        "dataset": "participants" if is_correlation else "changes",
        "variable": row["outcome"],
        "dataSubsetId": identifier("DS", row["measure"], row["visit"]),
        "methodId": method,
        "orderedGroupings": [{"order": 1, "groupingId": grouping, "resultsByGroup": by_group}],
        "results": results,
    }
    if row["stratum"] and not is_correlation:  # the cohorts of a correlation are a grouping, not an analysis set
        entry["analysisSetId"] = identifier("AS", row["marker"], row["stratum"])
    return entry


def _result(row: Row, method: str, grouping: str, trial: Trial, pairs: Pairs) -> Entry:
    """Return one number, raw and formatted; a missing number has no raw value, and its reason as formatted value."""
    names = [row["group"]] if row["group"] else pairs[row["contrast"]]
    groups = [{"groupingId": grouping, "groupId": identifier(grouping, name)} for name in names if name != BOTH_ARMS]
    raw = {"rawValue": row["value"]} if row["value"] else {}
    operation = f"{method}_{row['statistic'].upper()}"
    return {"operationId": operation, "resultGroups": groups, **raw, "formattedValue": _format_value(row, trial)}


def _format_value(row: Row, trial: Trial) -> str:
    value = float(row["value"]) if row["value"] else math.nan
    if math.isnan(value):
        return ": ".join(filter(None, (formatting.UNDEFINED, row["reason"])))
    if row["statistic"] in ("p", "p_trend"):
        return formatting.format_p_digits(value)
    if row["statistic"] in DECIMALS:
        return formatting.format_number(value, DECIMALS[row["statistic"]])
    decimals = labels.change_decimals(row["measure"], trial.outcomes[row["outcome"]].decimals)
    return formatting.format_grouped(value, decimals + (row["statistic"] in ("mean", "sd")))


def _contents(analyses: Iterable[Entry]) -> Entry:
    """List the analyses by variable."""
    contents: dict[str, list[Entry]] = {}
    for entry in analyses:
        items = contents.setdefault(entry["variable"], [])
        items.append({"name": entry["name"], "level": 2, "order": len(items) + 1, "analysisId": entry["id"]})
    variables = [
        {"name": variable, "level": 1, "order": order, "sublist": {"listItems": items}}
        for order, (variable, items) in enumerate(contents.items(), start=1)
    ]
    return {"name": "All analyses", "contentsList": {"listItems": variables}}


def _entries(prefix: str, conditions: Mapping[tuple[str, ...], tuple[str, Entry]]) -> list[Entry]:
    """Return an entry for each key, in their order, from its name and the condition that selects it."""
    return [
        {"id": identifier(prefix, *key), "name": name, "label": name, "level": 1, "order": order} | condition
        for order, (key, (name, condition)) in enumerate(conditions.items(), start=1)
    ]


def _where(dataset: str, comparators: Mapping[str, str] = {}, **values: list[str]) -> Entry:
    """Return the condition that each variable with values has one of them; ``comparators`` replace EQ and IN."""
    conditions = []
    for variable, accepted in values.items():
        comparator = comparators.get(variable, "IN" if len(accepted) > 1 else "EQ")
        condition = {"dataset": dataset, "variable": variable, "comparator": comparator, "value": accepted}
        if accepted:
            conditions.append({"condition": condition})
    if len(conditions) == 1:
        return conditions[0]
    clauses = [{"level": 2, "order": order} | condition for order, condition in enumerate(conditions, start=1)]
    return {"compoundExpression": {"logicalOperator": "AND", "whereClauses": clauses}}


def _analysis_set(marker: str, stratum: str, trial: Trial, name: str) -> tuple[str, Entry]:
    """Select all participants, or those in one stratum of one marker."""
    if stratum == ALL_PARTICIPANTS:
        return "All analysed participants in the arms compared", _where("changes", arm=list(trial.analysed_arms))
    return name, _where("strata", marker=[marker], stratum=[stratum])


def _data_subset(measure: str, visit: str, trial: Trial) -> tuple[str, Entry]:
    name = f"{labels.CHANGES.get(measure, measure)}, {trial.visits[visit].label}"
    if measure == "correlation":
        return name, _where("participants", linked=["yes"], visit=[visit])
    return name, _where("changes", measure=[measure], visit=[visit])


def _groupings(rows: list[Row], trial: Trial, analysis: Analysis) -> list[Entry]:
    arms = {key: (arm.label, _where("changes", arm=[key])) for key, arm in trial.analysed_arms.items()}
    groupings = [_grouping(ARM, "Arm", "changes", "arm", arms)]
    for marker in dict.fromkeys(row["marker"] for row in rows if row["marker"] and row["stratum"] == ""):
        name = f"Stratum of {analysis.strata.name(trial.markers[marker].label)}"
        strata = {key: (key, _where("strata", marker=[marker], stratum=[key])) for key in analysis.strata.labels}
        groupings.append(_grouping(identifier("AG_STRATUM", marker), name, "strata", "stratum", strata))
    correlated = dict.fromkeys(row["group"] for row in rows if row["measure"] == "correlation")
    if correlated:
        cohorts = {key: (labels.age_group_label(key, trial), _cohort(key, trial, analysis)) for key in correlated}
        groupings.append(_grouping(COHORT, "Cohort", "participants", "cohort", cohorts))
    return groupings


def _cohort(group: str, trial: Trial, analysis: Analysis) -> Entry:
    """Select the members of a group of :func:`..participants.age_groups` by the row of their age."""
    values = {"linked": ["yes"], "visit": [BASELINE], "variable": [trial.population.age]}
    if group == "participants":
        values |= {"cohort": [TRIAL], "arm": [*trial.analysed_arms], "participant": analysis.exclude}
    else:
        cut_age = [] if group == POPULATION else [f"{trial.population.cut_age:.12g}"]
        values |= {"cohort": [POPULATION], "value": cut_age}
    return _where("participants", {"participant": "NOTIN", "value": "LT" if "_under_" in group else "GE"}, **values)


def _grouping(key: str, name: str, dataset: str, variable: str, groups: Mapping[str, tuple[str, Entry]]) -> Entry:
    """Return a grouping from the name of each group and the condition that selects it."""
    entry = {"id": key, "name": name, "label": name, "groupingDataset": dataset, "groupingVariable": variable}
    return entry | {"dataDriven": False, "groups": _entries(key, {(group,): c for group, c in groups.items()})}
