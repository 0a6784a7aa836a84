"""Write the results in the shape of the CDISC Analysis Results Standard, version 1.0: one reporting event.

An analysis of the standard is one variable at one visit in one analysis set with one method; its results carry the raw
and the formatted value. A data subset is a measure at a visit. An analysis set is all participants or one stratum of one
marker. The groupings are the arms, the strata of a marker, and the cohorts in which a marker is correlated with age.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from .. import formatting, labels
from ..pages import environment
from ..results_table import ALL_PARTICIPANTS, BOTH_ARMS
from ..stats.two_sample import get_test
from ..trial import BASELINE

if TYPE_CHECKING:
    from ..config.settings import Analysis
    from ..trial import Trial

Row = Mapping[str, str]

ARM, COHORT = "AG_ARM", "AG_COHORT"
PARTS = ("outcome", "measure", "visit", "marker", "stratum", "contrast")
# What each method makes of a variable; {contrast} where groups are compared. The template describes the methods.
SUBJECTS = {
    "M_SUMMARY": "summary",
    "M_COUNT": "number and percent",
    "M_TWO_SAMPLE": "{contrast}",
    "M_CHI_SQUARED": "{contrast}",
    "M_TREND": "{contrast}",
    "M_SPEARMAN": "and {contrast}",
}
DECIMALS = {"n": 0, "count": 0, "percent": 1, "u": 1, "spearman_r": 2}
DECIMALS |= dict.fromkeys(("mann_whitney_effect", "z", "t", "z_trend", "chi_squared"), 3)


def reporting_event(rows: list[Row], trial: Trial, analysis: Analysis, data_label: str | None) -> dict[str, Any]:
    """Return the results of an analysis (the rows of results.csv as text) as a ReportingEvent.

    ``data_label``, that of synthetic data, stands in the label and the description of the event.
    """
    analyses: dict[tuple[str, ...], dict[str, Any]] = {}
    operations: dict[str, dict[str, None]] = {}
    for row in rows:
        method = _method(row)
        key = (*(row[name] for name in PARTS), method)
        if key not in analyses:
            analyses[key] = _analysis(row, method, trial)
        entry = analyses[key]
        entry["results"].append(_result(row, method, trial))
        entry["orderedGroupings"][0]["resultsByGroup"] |= bool(entry["results"][-1]["resultGroups"])
        operations.setdefault(method, {})[row["statistic"]] = None
    contents: dict[str, list[dict[str, Any]]] = {}
    for entry in analyses.values():
        contents.setdefault(entry["variable"], []).append(entry)
    template = environment().get_template("ars.json.j2")
    text = template.render(
        **{"trial": trial, "analysis": analysis, "contents": contents, "operations": operations},
        **{"identifier": identifier, "names": labels.STATISTICS, "changes": labels.CHANGES},
        mark=f"{data_label}. " if data_label else "",
        all_participants=ALL_PARTICIPANTS,
        sets=dict.fromkeys((row["marker"], row["stratum"]) for row in rows if row["stratum"]),
        subsets=dict.fromkeys((row["measure"], row["visit"]) for row in rows),
        groupings=_groupings(rows, trial, analysis),
        test=get_test(analysis.test).sentence,
        level=labels.interval_level(analysis),
    )
    return json.loads(text) | {"analyses": list(analyses.values())}


def _groupings(rows: list[Row], trial: Trial, analysis: Analysis) -> list[tuple[str, str, str, str, dict[str, str]]]:
    """Return key, name, dataset and variable of each grouping, and the labels of its groups."""
    found = [(ARM, "Arm", "changes", "arm", {key: arm.label for key, arm in trial.analysed_arms.items()})]
    strata = {label: label for label in analysis.strata.labels}
    for marker in dict.fromkeys(row["marker"] for row in rows if row["marker"] and row["stratum"] == ""):
        name = f"Stratum of {trial.markers[marker].label}"
        found.append((identifier("AG_STRATUM", marker), name, "strata", "stratum", strata))
    cohorts = {row["group"]: row["group"].replace("_", " ") for row in rows if row["measure"] == "correlation"}
    return found + ([(COHORT, "Cohort", "participants", "cohort", cohorts)] if cohorts else [])


@cache  # thousands of results share a few hundred
def identifier(*parts: str) -> str:
    """Join words into an identifier; other characters become their code point, so that "<5" and ">5" stay apart."""
    words = (
        "".join(c if c.isascii() and c.isalnum() else "_" if c in " _" else f".{ord(c):x}" for c in p) for p in parts
    )
    return "_".join(filter(None, words))


def _method(row: Row) -> str:
    if row["measure"] == "correlation":
        return "M_SPEARMAN"
    if not row["contrast"]:
        return "M_COUNT" if row["statistic"] in ("count", "percent") else "M_SUMMARY"
    if row["statistic"].endswith("_trend"):
        return "M_TREND"
    return "M_CHI_SQUARED" if row["method"] == "chi_squared" else "M_TWO_SAMPLE"


def _analysis(row: Row, method: str, trial: Trial) -> dict[str, Any]:
    whole = row["stratum"] in ("", ALL_PARTICIPANTS)
    where = "" if whole else f", {row['stratum']} of {trial.markers[row['marker']].label}"
    subject = SUBJECTS[method].format(contrast=row["contrast"])
    measure = labels.CHANGES.get(row["measure"], row["measure"])
    name = f"{trial.variable_label(row['outcome'])}, {measure}, {trial.visits[row['visit']].label}{where}: {subject}"
    entry: dict[str, Any] = {
        "id": identifier("AN", *(row[part] for part in PARTS[:-1]), subject),
        "version": 1,
        "name": name,
        # A reanalysis is not part of the protocol, whatever role the outcome has there.
        "reason": {"controlledTerm": "DATA DRIVEN"},
        "purpose": {"controlledTerm": "EXPLORATORY OUTCOME MEASURE"},
        "dataset": "participants" if method == "M_SPEARMAN" else "changes",
        "variable": row["outcome"],
        "dataSubsetId": identifier("DS", row["measure"], row["visit"]),
        "methodId": method,
        "orderedGroupings": [{"order": 1, "groupingId": _grouping_of(row, method), "resultsByGroup": False}],
        "results": [],
    }
    if row["stratum"] and method != "M_SPEARMAN":  # the cohorts of a correlation are a grouping of their own
        entry["analysisSetId"] = identifier("AS", row["marker"], row["stratum"])
    return entry


def _grouping_of(row: Row, method: str) -> str:
    if method == "M_SPEARMAN":
        return COHORT
    return ARM if row["stratum"] or method == "M_TREND" else identifier("AG_STRATUM", row["marker"])


def _result(row: Row, method: str, trial: Trial) -> dict[str, Any]:
    """Return one number, raw and formatted; where there is none, the reason is formatted and there is no raw value."""
    grouping = _grouping_of(row, method)
    groups = [row["group"]] if row["group"] else row["contrast"].split(" - ")
    result: dict[str, Any] = {
        "operationId": f"{method}_{row['statistic'].upper()}",
        "resultGroups": [
            {"groupingId": grouping, "groupId": identifier(grouping, group)} for group in groups if group != BOTH_ARMS
        ],
    }
    return result | ({"rawValue": row["value"]} if row["value"] else {}) | {"formattedValue": _formatted(row, trial)}


def _formatted(row: Row, trial: Trial) -> str:
    value = float(row["value"]) if row["value"] else math.nan
    if math.isnan(value):
        return ": ".join(filter(None, (formatting.UNDEFINED, row["reason"])))
    if row["statistic"] in ("p", "p_trend"):
        return formatting.p_digits(value)
    if row["statistic"] in DECIMALS:
        return formatting.number(value, DECIMALS[row["statistic"]])
    decimals = trial.outcomes[row["outcome"]].decimals
    decimals = decimals if row["measure"] == BASELINE else labels.change_decimals(row["measure"], decimals)
    return formatting.grouped(value, decimals + (row["statistic"] in ("mean", "sd")))
