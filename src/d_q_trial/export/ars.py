"""The results in the shape of the CDISC Analysis Results Standard, version 1.0: one reporting event.

Every analysis of the standard is one variable at one visit in one set of participants with one method; its results
carry the raw value, in full precision, and the formatted one. What the standard calls a data subset is here a measure
at a visit, an analysis set is everybody or a stratum, and the groupings are the arms, the strata and the groups of
people in whom a marker is related to age.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .. import formatting, labels
from ..results_table import BOTH_ARMS, EVERYBODY
from ..trial import BASELINE
from .schema import SUMMARIES

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..trial import Trial

Row = Mapping[str, str]

NAMES = {
    "n": "Number of participants",
    "median": "Median",
    "q1": "First quartile",
    "q3": "Third quartile",
    "minimum": "Minimum",
    "maximum": "Maximum",
    "mean": "Mean",
    "sd": "Standard deviation",
    "count": "Number with the property",
    "percent": "Percent with the property",
    "median_difference": "Difference of medians",
    "hodges_lehmann": "Hodges-Lehmann shift",
    "hodges_lehmann_lower": "Lower limit of the shift",
    "hodges_lehmann_upper": "Upper limit of the shift",
    "mann_whitney_effect": "U / (n1 n2)",
    "u": "U",
    "z": "z",
    "p": "P",
    "chi_squared": "Chi-squared",
    "spearman_r": "Spearman r",
}
ARM, GROUP = "AG_ARM", "AG_PEOPLE"


def reporting_event(rows: Sequence[Row], trial: Trial, analysis: Analysis, data_label: str | None) -> dict[str, Any]:
    """Return the results of an analysis as a ReportingEvent.

    Parameters
    ----------
    rows : sequence of mapping
        results.csv as text.
    trial, analysis
    data_label : str or None
        How the data have to be marked; stands in the description and in the label of the event.
    """
    methods = _methods(analysis)
    analyses: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        method = _method(row)
        key = (*(row[name] for name in ("outcome", "measure", "visit", "marker", "stratum", "contrast")), method)
        if key not in analyses:
            analyses[key] = _analysis(row, method, trial, analysis)
        analyses[key]["results"].append(_result(row, method, trial))
    subsets = dict.fromkeys((row["measure"], row["visit"]) for row in rows)
    sets = dict.fromkeys((row["marker"], row["stratum"]) for row in rows if row["stratum"])
    used = {key[-1] for key in analyses}
    label = f"{data_label}. " if data_label else ""
    return {
        "id": _id("RE", trial.name, analysis.name),
        "version": 1,
        "name": f"{trial.title}: analysis “{analysis.name}”",
        "label": f"{label}Analysis “{analysis.name}”",
        "description": f"{label}{trial.citation}",
        "mainListOfContents": _contents(analyses.values()),
        "referenceDocuments": [{"id": "RD_ARTICLE", "name": trial.citation}],
        "analysisSets": [_set(order, *key, trial) for order, key in enumerate(sets, start=1)],
        "dataSubsets": [_subset(order, *key, trial) for order, key in enumerate(subsets, start=1)],
        "analysisGroupings": _groupings(rows, trial, analysis),
        "methods": [method for method in methods if method["id"] in used],
        "analyses": list(analyses.values()),
    }


def _id(*parts: str) -> str:
    """Join words into an identifier; other signs stand as their number, so that "<5" and ">5" stay apart."""
    signs = (
        "".join(c if c.isascii() and c.isalnum() else "_" if c in " _" else f".{ord(c):x}" for c in p) for p in parts
    )
    return "_".join(filter(None, signs))


def _method(row: Row) -> str:
    if row["measure"] == "correlation":
        return "M_SPEARMAN"
    if not row["contrast"]:
        return "M_COUNT" if row["statistic"] in ("count", "percent") else "M_SUMMARY"
    return "M_CHI_SQUARED" if row["method"] == "chi_squared" else "M_RANK_SUM"


def _methods(analysis: Analysis) -> list[dict[str, Any]]:
    kinds = {
        "M_SUMMARY": (
            "Summary of a continuous variable",
            f"Quartiles of type {analysis.quartile_type} as Hyndman and Fan count them.",
            SUMMARIES[:8],
        ),
        "M_COUNT": ("Summary of a property", "Number and percent of those with a value.", SUMMARIES[8:]),
        "M_RANK_SUM": (
            "Comparison of two groups by ranks",
            f"{labels.TESTS[analysis.test]}; interval of level {labels.interval_level(analysis)} by inverting it.",
            tuple(name for name in NAMES if name not in SUMMARIES and name not in ("chi_squared", "spearman_r")),
        ),
        "M_CHI_SQUARED": (
            "Comparison of proportions",
            "Chi-squared without continuity correction.",
            ("chi_squared", "p"),
        ),
        "M_SPEARMAN": ("Correlation by ranks", "Spearman correlation; P from t.", ("n", "spearman_r", "p")),
    }
    return [
        {
            "id": method,
            "name": name,
            "description": description[0].upper() + description[1:],
            "operations": [
                {"id": f"{method}_{operation.upper()}", "name": NAMES[operation], "label": operation, "order": order}
                for order, operation in enumerate(operations, start=1)
            ],
        }
        for method, (name, description, operations) in kinds.items()
    ]


def _analysis(row: Row, method: str, trial: Trial, analysis: Analysis) -> dict[str, Any]:
    where = "" if row["stratum"] in ("", EVERYBODY) else f", {row['stratum']} of {trial.markers[row['marker']].label}"
    visit = trial.visits[row["visit"]].label
    what = {"M_SUMMARY": "summary", "M_COUNT": "number and percent", "M_SPEARMAN": f"and {row['contrast']}"}
    contrast = what.get(method, row["contrast"])
    label = trial.variable_label(row["outcome"])
    groupings = {"M_SPEARMAN": GROUP}
    grouping = groupings.get(method, ARM if row["stratum"] else _strata_grouping(row["marker"]))
    entry: dict[str, Any] = {
        "id": _id("AN", *(row[name] for name in ("outcome", "measure", "visit", "marker", "stratum")), contrast),
        "version": 1,
        "name": f"{label}, {labels.CHANGES.get(row['measure'], row['measure'])}, {visit}{where}: {contrast}",
        # A reanalysis is not part of the protocol, whatever role the outcome has there.
        "reason": {"controlledTerm": "DATA DRIVEN"},
        "purpose": {"controlledTerm": "EXPLORATORY OUTCOME MEASURE"},
        "dataset": "participants" if row["measure"] == "correlation" else "changes",
        "variable": row["outcome"],
        "dataSubsetId": _id("DS", row["measure"], row["visit"]),
        "methodId": method,
        "orderedGroupings": [{"order": 1, "groupingId": grouping, "resultsByGroup": not row["contrast"]}],
        "results": [],
    }
    if row["stratum"] and method != "M_SPEARMAN":  # whose groups of people are a grouping of their own
        entry["analysisSetId"] = _id("AS", row["marker"], row["stratum"])
    return entry


def _strata_grouping(marker: str) -> str:
    return _id("AG_STRATUM", marker)


def _result(row: Row, method: str, trial: Trial) -> dict[str, Any]:
    """One number, raw and formatted; a number that does not exist has no raw value, and its reason in its place."""
    result: dict[str, Any] = {"operationId": f"{method}_{row['statistic'].upper()}"}
    if method == "M_SPEARMAN":
        groups = [(GROUP, row["group"])]
    elif not row["contrast"]:
        groups = [] if row["group"] == BOTH_ARMS else [(ARM, row["group"])]
    else:
        grouping = ARM if row["stratum"] else _strata_grouping(row["marker"])
        groups = [(grouping, name) for name in row["contrast"].split(" - ")]
    result["resultGroups"] = [{"groupingId": name, "groupId": _id(name, group)} for name, group in groups]
    if row["value"]:
        result["rawValue"] = row["value"]
    result["formattedValue"] = _formatted(row, trial)
    return result


def _formatted(row: Row, trial: Trial) -> str:
    value = float(row["value"]) if row["value"] else math.nan
    if math.isnan(value):
        return f"{formatting.UNDEFINED}: {row['reason']}" if row["reason"] else formatting.UNDEFINED
    statistic = row["statistic"]
    if statistic == "p":
        return formatting.p_digits(value)
    fixed = {
        "n": 0,
        "count": 0,
        "percent": 1,
        "mann_whitney_effect": 3,
        "z": 3,
        "chi_squared": 3,
        "spearman_r": 2,
        "u": 1,
    }
    if statistic in fixed:
        return formatting.number(value, fixed[statistic])
    decimals = trial.outcomes[row["outcome"]].decimals
    more = statistic in ("mean", "sd")
    own = decimals if row["measure"] == BASELINE else labels.change_decimals(row["measure"], decimals)
    return formatting.grouped(value, own + more)


def _contents(analyses) -> dict[str, Any]:
    """List the analyses, those of one variable together."""
    variables: dict[str, list[dict[str, Any]]] = {}
    for entry in analyses:
        variables.setdefault(entry["variable"], []).append(entry)
    items = []
    for order, (variable, entries) in enumerate(variables.items(), start=1):
        listed = [
            {"name": entry["name"], "level": 2, "order": number, "analysisId": entry["id"]}
            for number, entry in enumerate(entries, start=1)
        ]
        items.append({"name": variable, "level": 1, "order": order, "sublist": {"listItems": listed}})
    return {"name": "All analyses", "contentsList": {"listItems": items}}


def _condition(dataset: str, variable: str, *values: str) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "variable": variable,
        "comparator": "EQ" if len(values) == 1 else "IN",
        "value": list(values),
    }


def _set(order: int, marker: str, stratum: str, trial: Trial) -> dict[str, Any]:
    everybody = stratum == EVERYBODY
    name = "Everybody in the arms compared" if everybody else f"{stratum} of {trial.markers[marker].label}"
    where = (
        _condition("changes", "arm", *trial.analysed_arms) if everybody else _condition("strata", "stratum", stratum)
    )
    return {
        "id": _id("AS", marker, stratum),
        "name": name,
        "label": name,
        "level": 1,
        "order": order,
        "condition": where,
    }


def _subset(order: int, measure: str, visit: str, trial: Trial) -> dict[str, Any]:
    name = f"{labels.CHANGES.get(measure, measure)}, {trial.visits[visit].label}"
    clauses = [
        {"level": 2, "order": number, "condition": _condition("changes", variable, value)}
        for number, (variable, value) in enumerate((("measure", measure), ("visit", visit)), start=1)
    ]
    return {
        "id": _id("DS", measure, visit),
        "name": name,
        "label": name,
        "level": 1,
        "order": order,
        "compoundExpression": {"logicalOperator": "AND", "whereClauses": clauses},
    }


def _groupings(rows: Sequence[Row], trial: Trial, analysis: Analysis) -> list[dict[str, Any]]:
    arms = {key: arm.label for key, arm in trial.analysed_arms.items()}
    groupings = [_grouping(ARM, "Arm", "changes", "arm", arms)]
    strata = {label: label for label in analysis.strata.labels}
    for marker in dict.fromkeys(row["marker"] for row in rows if row["marker"] and row["stratum"] == ""):
        name = f"Stratum of {trial.markers[marker].label}"
        groupings.append(_grouping(_strata_grouping(marker), name, "strata", "stratum", strata))
    people = dict.fromkeys(row["group"] for row in rows if row["measure"] == "correlation")
    if people:
        names = {group: group.replace("_", " ") for group in people}
        groupings.append(_grouping(GROUP, "Group of people", "participants", "cohort", names))
    return groupings


def _grouping(identifier: str, name: str, dataset: str, variable: str, groups: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": identifier,
        "name": name,
        "label": name,
        "groupingDataset": dataset,
        "groupingVariable": variable,
        "dataDriven": False,
        "groups": [
            {
                "id": _id(identifier, key),
                "name": label,
                "label": label,
                "level": 1,
                "order": order,
                "condition": _condition(dataset, variable, key),
            }
            for order, (key, label) in enumerate(groups.items(), start=1)
        ],
    }
