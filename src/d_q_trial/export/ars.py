"""Write the results as one reporting event of the CDISC Analysis Results Standard, version 1.0.

An analysis of the standard is one variable at one visit in one analysis set with one method; its results carry the raw
and the formatted value. A data subset is a measure at a visit. An analysis set is all participants or one stratum of one
marker. The groupings are the arms, the strata of a marker, and the cohorts in which a marker is correlated with age.
Conditions select rows of the CSV of their dataset; all conditions of an analysis together select its participants.
"""

import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from .. import formatting, labels
from ..config.settings import Analysis
from ..files import escape_formula, read_yaml_beside, write_text
from ..participants import POPULATION, TRIAL
from ..results_table import ALL_PARTICIPANTS, BOTH_ARMS, Row
from ..trial import BASELINE, Trial

Entry = dict[str, Any]
Key = tuple[str, ...]

ARM, COHORT = "AG_ARM", "AG_COHORT"
ANALYSIS_KEYS = ("outcome", "measure", "visit", "marker", "stratum", "contrast")
METHODS, DECIMALS = read_yaml_beside(__file__, "ars").values()


def write_event(rows: list[Row], trial: Trial, analysis: Analysis, data_label: str | None, path: Path) -> None:
    """Write :func:`reporting_event` as JSON without spaces."""
    event = reporting_event(rows, trial, analysis, data_label)
    write_text(json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n", path)


def reporting_event(rows: list[Row], trial: Trial, analysis: Analysis, data_label: str | None) -> Entry:
    """Return the rows of results.csv, as text, as a ReportingEvent; ``data_label`` begins its label and its description."""
    rows_of_analyses: dict[Key, list[Row]] = {}  # by ANALYSIS_KEYS and method
    statistics: dict[str, dict[str, None]] = {}  # of each method, in their order
    for row in rows:
        method = _method_id(row)
        rows_of_analyses.setdefault((*(row[name] for name in ANALYSIS_KEYS), method), []).append(row)
        statistics.setdefault(method, {})[row["statistic"]] = None
    sets = dict.fromkeys((row["marker"], row["stratum"]) for row in rows if row["stratum"])
    subsets = dict.fromkeys((row["measure"], row["visit"]) for row in rows)
    analyses = [_analysis(members, key[-1], trial, analysis) for key, members in rows_of_analyses.items()]
    contents = [{"name": a["name"], "level": 1, "order": n, "analysisId": a["id"]} for n, a in enumerate(analyses, 1)]
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
        "mainListOfContents": {"name": "All analyses", "contentsList": {"listItems": contents}},
        "referenceDocuments": [{"id": "RD_ARTICLE", "name": trial.citation}],
        "analysisSets": _entries("AS", {key: _analysis_set(*key, trial, analysis) for key in sets}),
        "dataSubsets": _entries("DS", {key: _data_subset(*key, trial) for key in subsets}),
        "analysisGroupings": [*_groupings(rows, trial, analysis)],
        "methods": [_method(method, names, trial, analysis) for method, names in statistics.items()],
        "analyses": analyses,
    }


@cache  # thousands of results share a few hundred
def identifier(*parts: str) -> str:
    """Join parts into an identifier; special characters become their code point, so that "<5" and ">5" differ."""
    text = "_".join(filter(None, parts)).replace(" ", "_")
    return re.sub(r"\W", lambda match: f".{ord(match[0]):x}", text, flags=re.ASCII)


@cache
def _split_contrast(contrast: str, names: Key) -> Key:
    """Return the two of the names that a contrast joins by " - ", which may be a part of a name."""
    return next(pair for pair in itertools.permutations(names, 2) if " - ".join(pair) == contrast)


def _method_id(row: Row) -> str:
    if row["measure"] == "correlation":
        return "M_SPEARMAN"
    if not row["contrast"]:
        return "M_COUNT" if row["statistic"] in ("count", "percent") else "M_SUMMARY"
    if row["statistic"].endswith("_trend"):
        return "M_TREND"
    return "M_CHI_SQUARED" if row["method"] == "chi_squared" else "M_TWO_SAMPLE"


def _method(method: str, statistics: Iterable[str], trial: Trial, analysis: Analysis) -> Entry:
    text = METHODS[method]["description"].format_map(labels.caption_values(trial, analysis))
    operations = [
        {"id": f"{method}_{key.upper()}", "name": labels.STATISTICS.get(key, key), "label": key, "order": order}
        for order, key in enumerate(statistics, start=1)
    ]
    entry = {"id": method, "name": METHODS[method]["name"], "description": text[0].upper() + text[1:]}
    return entry | {"operations": operations}


def _group_name(marker: str, stratum: str, trial: Trial, analysis: Analysis) -> str:
    """Return the name of a stratum of a marker, or of all its strata; empty for all participants."""
    if not marker:
        return ""
    label = trial.markers[marker].label
    return analysis.strata.group(stratum, label) if stratum else f"strata of {analysis.strata.name(label)}"


def _analysis(rows: list[Row], method: str, trial: Trial, analysis: Analysis) -> Entry:
    row, is_correlation = rows[0], method == "M_SPEARMAN"
    endpoint = trial.primary and (trial.primary.outcome, trial.primary.visit, ALL_PARTICIPANTS)
    is_primary = endpoint == (row["outcome"], row["visit"], row["stratum"])
    ending = METHODS[method]["ending"].format(contrast=row["contrast"])
    place = [trial.variable_label(row["outcome"]), _measure_at_visit(row["measure"], row["visit"], trial)]
    place += filter(None, [_group_name(row["marker"], row["stratum"], trial, analysis)])
    between_strata = not row["stratum"] and method != "M_TREND"
    grouping = COHORT if is_correlation else identifier("AG_STRATUM", row["marker"]) if between_strata else ARM
    results = [_result(row, method, grouping, trial, analysis) for row in rows]
    by_group = any(result["resultGroups"] for result in results)
    entry = {
        "id": identifier("AN", *(row[key] for key in ANALYSIS_KEYS[:-1]), ending),
        "version": 1,
        "name": f"{', '.join(place)}: {ending}",
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


def _result(row: Row, method: str, grouping: str, trial: Trial, analysis: Analysis) -> Entry:
    """Return one number, raw and formatted; a missing number has no raw value, and its reason as formatted value."""
    all_names = (*trial.analysed_arms, *analysis.strata.labels)
    names = [row["group"]] if row["group"] else _split_contrast(row["contrast"], all_names)
    groups = [{"groupingId": grouping, "groupId": identifier(grouping, name)} for name in names if name != BOTH_ARMS]
    raw = {"rawValue": row["value"]} if row["value"] else {}
    operation = f"{method}_{row['statistic'].upper()}"
    return {"operationId": operation, "resultGroups": groups, **raw, "formattedValue": _format_value(row, trial)}


def _format_value(row: Row, trial: Trial) -> str:
    statistic, value = row["statistic"], float(row["value"] or "nan")
    if math.isnan(value):
        return ": ".join(filter(None, (formatting.UNDEFINED, row["reason"])))
    if statistic in ("p", "p_trend"):
        return formatting.format_p_digits(value)
    if statistic in DECIMALS:
        return formatting.format_number(value, DECIMALS[statistic])
    decimals = labels.change_decimals(row["measure"], trial.outcomes[row["outcome"]].decimals)
    return formatting.format_grouped(value, decimals + (statistic in ("mean", "sd")))


def _measure_at_visit(measure: str, visit: str, trial: Trial) -> str:
    return f"{labels.CHANGES.get(measure, measure)}, {trial.visits[visit].label}"


def _entries(prefix: str, conditions: Mapping[Key, tuple[str, Entry]]) -> list[Entry]:
    """Return an entry for each key, in their order, from its name and the condition that selects it."""
    return [
        {"id": identifier(prefix, *key), "name": name, "label": name, "level": 1, "order": order} | condition
        for order, (key, (name, condition)) in enumerate(conditions.items(), start=1)
    ]


def _where(dataset: str, *conditions: Key) -> Entry:
    """Return the conjunction of conditions on the rows of a dataset: variable, comparator and values of each."""
    clauses: list[Entry] = []
    for variable, comparator, *values in conditions:
        where = {"variable": variable, "comparator": comparator, "value": [*map(escape_formula, values)]}
        clauses.append({"condition": {"dataset": dataset} | where})
    if len(clauses) == 1:
        return clauses[0]
    numbered = [{"level": 2, "order": order} | clause for order, clause in enumerate(clauses, start=1)]
    return {"compoundExpression": {"logicalOperator": "AND", "whereClauses": numbered}}


def _of_stratum(marker: str, stratum: str) -> Entry:
    return _where("strata", ("marker", "EQ", marker), ("stratum", "EQ", stratum))


def _analysis_set(marker: str, stratum: str, trial: Trial, analysis: Analysis) -> tuple[str, Entry]:
    """Select all participants, or those in one stratum of one marker."""
    if not marker:
        return "All analysed participants in the arms compared", _where("changes", ("arm", "IN", *trial.analysed_arms))
    return _group_name(marker, stratum, trial, analysis), _of_stratum(marker, stratum)


def _data_subset(measure: str, visit: str, trial: Trial) -> tuple[str, Entry]:
    correlated = _where("participants", ("linked", "EQ", "yes"), ("visit", "EQ", visit))
    changed = _where("changes", ("measure", "EQ", measure), ("visit", "EQ", visit))
    return _measure_at_visit(measure, visit, trial), correlated if measure == "correlation" else changed


def _groupings(rows: list[Row], trial: Trial, analysis: Analysis) -> Iterator[Entry]:
    """Yield the arms, the strata of each marker that are compared, and the cohorts of correlations."""
    arms = {(key,): (arm.label, _where("changes", ("arm", "EQ", key))) for key, arm in trial.analysed_arms.items()}
    yield _grouping(ARM, "Arm", "changes", "arm", arms)
    for marker in dict.fromkeys(row["marker"] for row in rows if row["marker"] and not row["stratum"]):
        name = f"Stratum of {analysis.strata.name(trial.markers[marker].label)}"
        strata = {(label,): (label, _of_stratum(marker, label)) for label in analysis.strata.labels}
        yield _grouping(identifier("AG_STRATUM", marker), name, "strata", "stratum", strata)
    if names := dict.fromkeys(row["group"] for row in rows if row["measure"] == "correlation"):
        cohorts = {(key,): (labels.age_group_label(key, trial), _cohort(key, trial, analysis)) for key in names}
        yield _grouping(COHORT, "Cohort", "participants", "cohort", cohorts)


def _cohort(group: str, trial: Trial, analysis: Analysis) -> Entry:
    """Select the members of a group of :func:`..participants.age_groups` by the row of their age."""
    conditions = [("linked", "EQ", "yes"), ("visit", "EQ", BASELINE), ("variable", "EQ", trial.population.age)]
    if group == "participants":
        conditions += [("cohort", "EQ", TRIAL), ("arm", "IN", *trial.analysed_arms)]
        conditions += [("participant", "NOTIN", *analysis.exclude)] * bool(analysis.exclude)
    else:
        at_age = ("value", "LT" if "_under_" in group else "GE", f"{trial.population.cut_age:.12g}")
        conditions += [("cohort", "EQ", POPULATION)] + [at_age] * (group != POPULATION)
    return _where("participants", *conditions)


def _grouping(key: str, name: str, dataset: str, variable: str, groups: Mapping[Key, tuple[str, Entry]]) -> Entry:
    """Return a grouping from the name of each group and the condition that selects it."""
    entry = {"id": key, "name": name, "label": name, "groupingDataset": dataset, "groupingVariable": variable}
    return entry | {"dataDriven": False, "groups": _entries(key, groups)}
