"""Read the reported values, one claim each, and judge each claim by its recomputed value."""

from __future__ import annotations

import math
import operator
from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from . import formatting
from .errors import UserError, did_you_mean
from .files import read_csv, read_yaml_beside
from .published_tables import BOUNDS, SUMMARIES, Row, parse_number, read_folder, read_published_table
from .results_table import KEYS
from .stats.two_sample import TESTS

if TYPE_CHECKING:
    import pandas as pd

    from .trial import Trial

REPRODUCED = "reproduced"
OTHER_CONVENTION = "reproduced under another convention"
NOT_REPRODUCED = "not reproduced"
WITHIN_BOUND = "within the reported bound"
OUTSIDE_BOUND = "outside the reported bound"
NOT_CHECKABLE = "not checkable"
NOT_APPLICABLE = "not applicable"
FAILURES = (NOT_REPRODUCED, OUTSIDE_BOUND)
# Colours, marks and exit statuses follow the status of a verdict.
STATUS = {
    **dict.fromkeys((REPRODUCED, WITHIN_BOUND), "success"),
    OTHER_CONVENTION: "warning",
    **dict.fromkeys(FAILURES, "failure"),
    **dict.fromkeys((NOT_CHECKABLE, NOT_APPLICABLE), "neutral"),
}
VERDICTS = tuple(STATUS)
OTHER_SUBGROUPS = "this analysis defines the subgroups differently"
OTHER_TEST = "reported for another test"
NO_GROUP = "the workbook has no value of this group"
NO_EVENTS = "the workbook has no adverse events"

_result_key = operator.itemgetter(*KEYS)
_NAMED = ("outcome", "visit", "marker", "stratum", "contrast", "group")  # what the name of a reported value states
_QUANTITIES = read_yaml_beside(__file__, "claims")
_TABLES = ("summaries", "ranges", "tests", "counts", "correlations", "adverse_events")
# A reported value: its name and place, its ``relation`` ("=" for a value, an inequality for a bound), the key of its row in
# the results, and why it is ``not_checkable``.
Claim = dict[str, str]
COLUMNS = (
    *("claim", "source", "locator", "quantity", "reported", "recomputed", "verdict", "note", "known_difference"),
    *("value", *KEYS),
)


def read_claims(folder: Path | str) -> list[Claim]:
    """Read every reported value of a folder as a claim, in the order of the files.

    UserError if a row is malformed, two reported values get the same name, or a known difference names no reported value.
    """
    if not Path(folder).is_dir():
        raise UserError(f"{folder}: no such folder of reported values")
    tables, claims, places = read_folder(folder), [], {}
    for table, row in [(name, row) for name in _TABLES for row in tables[name]]:
        place = f"{table}.csv, row {row['_row']}"
        for claim in _build_claims(table, row):
            claims.append(claim)
            if (first := places.setdefault(claim["claim"], place)) != place:
                raise UserError(f"{folder}/{place}: {claim['claim']} is reported in {first} too")
    for row in tables["known_differences"]:
        if row["claim"] not in places:
            message = f"no reported value is called {row['claim']!r}{did_you_mean(row['claim'], places)}"
            raise UserError(f"{folder}/known_differences.csv, row {row['_row']}: {message}")
    return claims


def read_known_differences(folder: Path | str, *, synthetic: bool) -> dict[str, str]:
    """Return the reason for each known difference, by claim; those of synthetic data only if ``synthetic``."""
    rows = read_published_table(folder, "known_differences")
    return {row["claim"]: row["reason"] for row in rows if synthetic or row["data"] == "any"}


def _build_claims(table: str, row: Row) -> Iterator[Claim]:
    """Yield the claims of a row, one for each quantity that it reports."""
    key = dict.fromkeys(KEYS, "") | {"stratum": "all"} | {name: row[name] for name in KEYS if name in row}
    key["group"] = "both arms" if key["group"] in ("all", "total") else key["group"]
    if table == "tests":
        key["stratum"] = "" if " vs " in row["stratum"] else row["stratum"]  # "A vs B" is the contrast itself
        sign = {"negative": "<", "positive": ">"}.get(row["direction"], "")
        row = row | {"sign": sign, "zero": sign and "0"}
    elif table == "correlations":
        key |= {"outcome": row["marker"], "measure": "correlation", "marker": "", "contrast": row["with"]}
    elif table == "adverse_events":  # the registry lists some events under two headings
        key["outcome"] = row["event"] + (f", {row['note']}" if row["source"] == "registry" and row.get("note") else "")
    place = {"source": row["source"], "locator": row["locator"]}
    names = [*place.values(), *(key[name] for name in _NAMED if key[name] != "all")]
    if table == "correlations":
        key["visit"] = "baseline"  # which their names do not state
    summary = {"n": "n"} | SUMMARIES.get(row.get("statistic", ""), {})
    of_summary = {statistic: (column, "=", statistic) for column, statistic in summary.items()}
    for quantity, (column, relation, statistic) in _QUANTITIES.get(table, of_summary).items():
        if row[column]:
            reported = {"quantity": quantity, "reported": row[column], "relation": row.get(relation, relation)}
            reported["claim"] = ":".join(name.replace(" ", "_") for name in (*names, quantity) if name)
            reported["test"] = row.get("test", "") if statistic == "p" else ""
            reported["not_checkable"] = "" if statistic else NO_EVENTS
            yield key | place | reported | {"statistic": statistic}


def judge_claims(
    claims: list[Claim],
    results: pd.DataFrame,
    alternatives: pd.DataFrame,
    trial: Trial,
    differences: Mapping[str, str],
    strata: pd.DataFrame,
) -> pd.DataFrame:
    """Judge all claims against the results of one analysis.

    ``results``, ``alternatives`` and ``strata`` are tables of the analysis. ``differences`` gives the reason why a claim
    is expected to differ, by claim.

    Returns a row per claim with the columns of ``COLUMNS``. A reported value is ``reproduced`` if the recomputed value
    rounds to it, half to even, half up, or as a binary number; ``reproduced under another convention`` if the same statistic
    by another test variant or quartile type rounds to it, or lies within the reported bound. A bound excludes its limit,
    unless its relation includes it (``<=``, ``>=``). A claim about a stratum of the article is compared with the stratum of
    the analysis that has the same members, whatever its label; it is ``not applicable`` if there is no such stratum.
    """
    import pandas as pd

    columns = [*KEYS, "value", "reason"]
    results_by_key = {tuple(key): (value, reason) for *key, value, reason in results[columns].itertuples(index=False)}
    alternatives_by_key: dict[tuple, list[tuple[float, str]]] = defaultdict(list)
    for *key, value, method in alternatives[[*KEYS, "value", "method"]].dropna(subset="value").itertuples(index=False):
        alternatives_by_key[tuple(key)].append((value, method))
    stratum_labels = _match_strata(strata, trial)
    rows = []
    for claim in (_relabel_strata(claim, stratum_labels) for claim in claims):
        verdict, value, note = _judge_claim(claim, results_by_key, alternatives_by_key[_result_key(claim)], trial)
        recomputed = "" if math.isnan(value) else _format_recomputed(claim, value)
        row = claim | {"verdict": verdict, "note": note, "value": value, "recomputed": recomputed}
        row["known_difference"] = differences.get(claim["claim"], "")
        if claim["relation"] != "=":
            row["reported"] = f"{claim['relation']} {claim['reported']}"
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def read_verdicts(path: Path | str) -> pd.DataFrame:
    """Read a ``claims.csv``."""
    return read_csv(path, numeric=("value",), required=COLUMNS)


def _match_strata(strata: pd.DataFrame, trial: Trial) -> dict[str, dict[str, str]]:
    """Return the label of the stratum of the analysis with the same members as each stratum of the article, by marker.

    The label is empty if the analysis has no such stratum.
    """
    import numpy as np

    from .stats.quantiles import quantile
    from .strata import assign_strata

    matches: dict[str, dict[str, str]] = {}
    for marker, rows in strata.groupby("marker") if trial.stratum_labels else ():
        if rows["marker_value"].isna().any():  # strata from a column of the workbook are matched by their labels
            continue
        values = rows["marker_value"].to_numpy(float)
        numbers = assign_strata(values, formatting.round_significant(quantile(values, trial.cuts, type=7)), "upper")
        labelled = rows.assign(article=np.array(trial.stratum_labels)[numbers])
        pairs = labelled[["article", "stratum"]].drop_duplicates()
        same = ~(pairs["article"].duplicated(keep=False) | pairs["stratum"].duplicated(keep=False))
        matches[str(marker)] = dict.fromkeys(trial.stratum_labels, "") | dict(pairs[same].to_numpy())
    return matches


def _relabel_strata(claim: Claim, stratum_labels: Mapping[str, Mapping[str, str]]) -> Claim:
    """Return a claim with the labels that the analysis gives to its strata."""
    labels = stratum_labels.get(claim["marker"], {})
    sides = claim["contrast"].split(" - ")
    column, strata = ("contrast", sides) if labels.keys() >= set(sides) else ("stratum", [claim["stratum"]])
    if not labels.keys() >= set(strata):
        return claim
    if not all(labels[stratum] for stratum in strata):
        return claim | {"not_checkable": OTHER_SUBGROUPS}
    return claim | {column: " - ".join(labels[stratum] for stratum in strata)}


def _judge_claim(claim: Claim, results: dict, alternatives: list, trial: Trial) -> tuple[str, float, str]:
    """Return the verdict on a claim, its recomputed value (NaN if there is none) and a note."""
    if claim["not_checkable"]:
        verdict = NOT_APPLICABLE if claim["not_checkable"] == OTHER_SUBGROUPS else NOT_CHECKABLE
        return verdict, math.nan, claim["not_checkable"]
    if _result_key(claim) not in results:
        return NOT_CHECKABLE, math.nan, _explain_absence(claim, results, trial)
    binary = getattr(trial.outcomes.get(claim["outcome"]), "kind", "") == "binary"
    if claim["test"] not in ("", "chi_squared" if binary else "rank_sum"):
        return NOT_CHECKABLE, math.nan, OTHER_TEST
    value, reason = results[_result_key(claim)]
    if math.isnan(value):
        return NOT_CHECKABLE, value, reason
    limit, is_bound = parse_number(claim["reported"]).value, claim["relation"] != "="
    if claim["statistic"] == "n" and value == 0 < limit:
        return NOT_CHECKABLE, value, NO_GROUP
    if claim["statistic"] == "p" and claim["relation"] == "<" and limit <= 0:
        return NOT_CHECKABLE, value, "impossible: no P-value is below 0"
    if rule := _find_matching_rule(claim, value):
        note = "rounded as a binary number" if rule == "binary" else ""
        if claim["statistic"] == "p" and limit == 0 and not is_bound:
            note = "reported as zero: below half a unit of its last decimal"
        return WITHIN_BOUND if is_bound else REPRODUCED, value, note
    if methods := [method for number, method in alternatives if _find_matching_rule(claim, number)]:
        names = [TESTS[name].label if name in TESTS else name.replace("type_", "quartile type ") for name in methods]
        agreement = "the reported bound holds for" if is_bound else "the reported value is that of"
        return OTHER_CONVENTION, value, f"{agreement}: {', '.join(names)}"
    return OUTSIDE_BOUND if is_bound else NOT_REPRODUCED, value, ""


def _find_matching_rule(claim: Claim, value: float) -> str:
    """Return the rule by which a value rounds to the reported value, or the relation of the bound that it meets, or ""."""
    if claim["relation"] == "=":
        return formatting.find_rounding_rule(value, claim["reported"])
    meets = BOUNDS[claim["relation"]](formatting.to_decimal(value), Decimal(parse_number(claim["reported"]).text))
    return claim["relation"] if meets else ""


def _explain_absence(claim: Claim, results: dict, trial: Trial) -> str:
    """Say which part of the claim's key is the first that the results lack, and what they have instead."""
    key, candidates = _result_key(claim), list(results)
    other_arms = {arm.key: arm.label for arm in trial.arms.others}
    for index, name in enumerate(KEYS):
        matching = [other for other in candidates if other[index] == key[index]]
        if not matching and name == "outcome":
            return f"this analysis has no outcome {key[index]}"
        if claim["group"] in other_arms:
            return f"the arm {other_arms[claim['group']]} is not analysed"
        if not matching:
            available = ", ".join(dict.fromkeys(other[index] or "(empty)" for other in candidates))
            return f"this analysis has no {name} {key[index] or '(empty)'} for this result, only {available}"
        candidates = matching
    return "this analysis has no such result"


def _format_recomputed(claim: Claim, value: float) -> str:
    """Format a recomputed value with the reported decimals, by the rule that gives the reported value.

    If a bound is reported, there are two more decimals, or as many as distinguish the value from the limit. A P-value
    that would be shown as zero is shown as below one unit of its last decimal.
    """
    reported, is_bound = parse_number(claim["reported"]), claim["relation"] != "="
    limit, decimals = Decimal(reported.text), reported.decimals + (2 if is_bound else 0)
    while is_bound and formatting.round_decimal(value, decimals) == limit != formatting.to_decimal(value):
        decimals += 1
    matches = not is_bound and _find_matching_rule(claim, value)
    rounded = limit if matches else formatting.round_decimal(value, decimals)
    return f"<{10**-decimals:.{decimals}f}" if claim["statistic"] == "p" and not rounded else f"{rounded:f}"
