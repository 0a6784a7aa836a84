"""The reported values, one claim each, and a verdict on each by its recomputed value."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from . import formatting
from .errors import UserError, did_you_mean
from .files import read_csv
from .published_tables import SUMMARIES, Row, parse_number, read_folder, read_published_table
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

_HOLDS = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
_TABLES = ("summaries", "ranges", "tests", "counts", "correlations", "adverse_events")
# A reported value: its name and place, its ``relation`` ("=" for a value, an inequality for a bound), the key of its row of
# the results, and why it is ``not_checkable``.
Claim = dict[str, str]
COLUMNS = (
    *("claim", "source", "locator", "quantity", "reported", "recomputed", "verdict", "note", "known_difference"),
    *("value", *KEYS),
)


def read_claims(folder: Path | str) -> list[Claim]:
    """Read every reported value of a folder as a claim, in the order of the files.

    UserError if a row is malformed, two reported values get the same name, or a known difference has the name of none.
    """
    if not Path(folder).is_dir():
        raise UserError(f"{folder}: no such folder of reported values")
    tables, claims, places = read_folder(folder), [], {}
    for table, row in [(name, row) for name in _TABLES for row in tables[name]]:
        place = f"{table}.csv, row {row['_row']}"
        for claim in _claims_of(table, row):
            claims.append(claim)
            if (first := places.setdefault(claim["claim"], place)) != place:
                raise UserError(f"{folder}/{place}: {claim['claim']} is reported in {first} too")
    for row in tables["known_differences"]:
        if row["claim"] not in places:
            said = f"no reported value is called {row['claim']!r}{did_you_mean(row['claim'], places)}"
            raise UserError(f"{folder}/known_differences.csv, row {row['_row']}: {said}")
    return claims


def known_differences(folder: Path | str, *, synthetic: bool) -> dict[str, str]:
    """Return the reason for each known difference, by claim."""
    rows = read_published_table(folder, "known_differences")
    return {row["claim"]: row["reason"] for row in rows if synthetic or row["data"] == "any"}


def _claims_of(table: str, row: Row) -> Iterator[Claim]:
    """Yield the claims of a row, each from its quantity, reported value, relation and statistic of the results."""
    key = dict.fromkeys(KEYS, "") | {"stratum": "all"} | {name: row[name] for name in KEYS if name in row}
    key["group"] = "both arms" if key["group"] == "all" else key["group"]
    parts: tuple[str, ...] = ()  # of the name, where they are not those of the key
    missing = ""
    if table in ("summaries", "ranges"):
        columns = {"n": "n"} | SUMMARIES[row["statistic"]]
        values = [(name, row[column], "=", name) for column, name in columns.items()]
    elif table == "tests":
        key["stratum"] = "" if " vs " in row["stratum"] else row["stratum"]  # "A vs B" is the contrast itself
        sign = {"negative": "<", "positive": ">"}.get(row["direction"], "")
        values = [
            ("p", row["p"], row["p_relation"], "p"),
            ("difference of medians", row["effect"], "=", "median_difference"),
            ("direction", sign and "0", sign, "median_difference"),
        ]
    elif table == "counts":
        values = [("n", row["n"], "=", "n")]
    elif table == "correlations":
        parts = (row["marker"], row["with"], row["group"])
        key |= {"outcome": row["marker"], "measure": "correlation", "visit": "baseline", "marker": ""}
        key["contrast"] = row["with"]
        values = [("n", row["n"], "=", "n"), ("spearman_r", row["r"], "=", "spearman_r")]
        values.append(("p", row["p"], row["p_relation"], "p"))
    else:  # the registry lists some events under two headings
        key["outcome"] = row["event"] + (f", {row['note']}" if row["source"] == "registry" and row.get("note") else "")
        values, missing = [("affected", row["affected"], "=", "")], NO_EVENTS
    if not parts:
        stratum = key["stratum"] if key["stratum"] != "all" else ""
        parts = (key["outcome"], key["visit"], key["marker"], stratum, key["contrast"] or key["group"])
    for quantity, reported, relation, statistic in values:
        if reported:
            place = (row["source"], row["locator"], *parts, quantity)
            name = ":".join(part.replace(" ", "_") for part in place if part)
            of_row = {"source": row["source"], "locator": row["locator"], "quantity": quantity, "reported": reported}
            own = {"relation": relation, "statistic": statistic, "not_checkable": missing}
            own["test"] = row.get("test", "") if statistic == "p" else ""
            yield {"claim": name} | of_row | key | own


def judge(
    claims: list[Claim],
    results: pd.DataFrame,
    alternatives: pd.DataFrame,
    trial: Trial,
    known: Mapping[str, str],
    strata: pd.DataFrame,
) -> pd.DataFrame:
    """Judge all claims against the results of one analysis.

    ``results``, ``alternatives`` and ``strata`` are as made before, ``known`` says why a claim is expected to differ.

    A row per claim with the columns of ``COLUMNS``. A reported value is ``reproduced`` if the recomputed one rounds to it,
    half to even, half up, or as a binary number; ``reproduced under another convention`` if the same statistic by another
    test variant or quartile type does, or lies within the reported bound. A bound excludes its limit, unless it is reported
    as one that includes it (``<=``, ``>=``). A claim about a stratum is compared with the stratum of the analysis that has
    the same members as the article's definition gives, whatever its label; it is ``not applicable`` if there is none.
    """
    import pandas as pd

    columns = [*KEYS, "value", "reason"]
    found = {tuple(key): (value, reason) for *key, value, reason in results[columns].itertuples(index=False)}
    others: dict[tuple, list[tuple[float, str]]] = {}
    for *key, value, method in alternatives[[*KEYS, "value", "method"]].itertuples(index=False):
        others.setdefault(tuple(key), []).append((value, method))
    same_strata = _same_strata(strata, trial)
    rows = []
    for claim in (_in_analysis(claim, same_strata) for claim in claims):
        verdict, value, note = _verdict(claim, found, others.get(_key(claim), []), trial)
        judged = {"verdict": verdict, "note": note, "known_difference": known.get(claim["claim"], ""), "value": value}
        judged["recomputed"] = "" if math.isnan(value) else _recomputed(claim, value)
        bound = {} if claim["relation"] == "=" else {"reported": f"{claim['relation']} {claim['reported']}"}
        rows.append(claim | bound | judged)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _key(claim: Claim) -> tuple[str, ...]:
    return tuple(claim[name] for name in KEYS)


def read_verdicts(path: Path | str) -> pd.DataFrame:
    """Read a ``claims.csv``."""
    return read_csv(path, numeric=("value",), required=("claim", "verdict", "note", "known_difference"))


def _same_strata(strata: pd.DataFrame, trial: Trial) -> dict[str, dict[str, str]]:
    """Return the stratum of the analysis with the same members as each of the article's, by marker; empty if none."""
    same: dict[str, dict[str, str]] = {}
    from .stats.quantiles import quantile
    from .strata import assign_strata

    for marker, own in strata.groupby("marker") if trial.stratum_labels else ():
        values = own["marker_value"].to_numpy(float)
        if own["marker_value"].isna().any():  # strata from a column of the workbook go by their labels
            continue
        place = assign_strata(
            values, formatting.round_significant(quantile(values, trial.cuts, type=7)), at_cut="upper"
        )
        label = own["stratum"].to_numpy(object)
        same[str(marker)] = {
            name: next((other for other in dict.fromkeys(label) if ((label == other) == (place == n)).all()), "")
            for n, name in enumerate(trial.stratum_labels)
        }
    return same


def _in_analysis(claim: Claim, same_strata: Mapping[str, Mapping[str, str]]) -> Claim:
    """Return a claim with the labels that the analysis gives to its strata."""
    names = same_strata.get(claim["marker"], {})
    sides = claim["contrast"].split(" - ")
    field, own = ("contrast", sides) if names.keys() >= set(sides) else ("stratum", [claim["stratum"]])
    if not names.keys() >= set(own):
        return claim
    if not all(names[name] for name in own):
        return claim | {"not_checkable": OTHER_SUBGROUPS}
    return claim | {field: " - ".join(names[name] for name in own)}


def _verdict(claim: Claim, found: dict, others: list[tuple[float, str]], trial: Trial) -> tuple[str, float, str]:
    if claim["not_checkable"]:
        verdict = NOT_APPLICABLE if claim["not_checkable"] == OTHER_SUBGROUPS else NOT_CHECKABLE
        return verdict, math.nan, claim["not_checkable"]
    if _key(claim) not in found:
        return NOT_CHECKABLE, math.nan, _why_absent(claim, found, trial)
    binary = getattr(trial.outcomes.get(claim["outcome"]), "kind", "") == "binary"
    if claim["test"] not in ("", "chi_squared" if binary else "rank_sum"):
        return NOT_CHECKABLE, math.nan, OTHER_TEST
    value, reason = found[_key(claim)]
    if math.isnan(value):
        return NOT_CHECKABLE, value, reason
    limit, is_bound = parse_number(claim["reported"]).value, claim["relation"] != "="
    if claim["statistic"] == "n" and value == 0 < limit:
        return NOT_CHECKABLE, value, NO_GROUP
    if claim["statistic"] == "p" and claim["relation"] == "<" and limit <= 0:
        return NOT_CHECKABLE, value, "impossible: no P-value is below 0"
    if rule := _rule(claim, value):
        note = "rounded as a binary number" if rule == "binary" else ""
        if claim["statistic"] == "p" and limit == 0 and not is_bound:
            note = "reported as zero: below half a unit of its last decimal"
        return WITHIN_BOUND if is_bound else REPRODUCED, value, note
    if methods := [method for other, method in others if not math.isnan(other) and _rule(claim, other)]:
        names = [TESTS[name].label if name in TESTS else name.replace("type_", "quartile type ") for name in methods]
        said = "the reported bound holds for" if is_bound else "the reported value is that of"
        return OTHER_CONVENTION, value, f"{said}: {', '.join(names)}"
    return OUTSIDE_BOUND if is_bound else NOT_REPRODUCED, value, ""


def _rule(claim: Claim, value: float) -> str:
    """Return the rule by which a value rounds to the reported one, or the relation of the bound that it keeps; else empty."""
    if claim["relation"] == "=":
        return formatting.find_rounding_rule(value, claim["reported"])
    keeps = _HOLDS[claim["relation"]](formatting.to_decimal(value), Decimal(parse_number(claim["reported"]).text))
    return claim["relation"] if keeps else ""


def _why_absent(claim: Claim, found: dict, trial: Trial) -> str:
    """State which part of the claim's key is missing in the results, and what they have instead if all else is there."""
    if claim["outcome"] not in trial.outcomes and claim["outcome"] not in trial.markers:
        return f"{claim['outcome']} is not an outcome that can be computed"
    if arm := next((arm for arm in trial.arms.others if arm.key == claim["group"]), None):
        return f"the arm {arm.label} is not analysed"
    key = _key(claim)
    alike = [other for other in found if other[0] == key[0]]
    for place, name in enumerate(KEYS[1:], start=1):
        rest = key[:place], key[place + 1 :]
        if here := [other[place] or "(empty)" for other in alike if (other[:place], other[place + 1 :]) == rest]:
            return f"this analysis has no {name} {key[place] or '(empty)'} for this result, only {', '.join(here)}"
    for name in ("measure", *KEYS):  # without its measure, an outcome may be missing too
        if claim[name] and claim[name] not in {other[KEYS.index(name)] for other in found}:
            return f"this analysis has no {name} {claim[name]}"
    return "this analysis has no such result"


def _recomputed(claim: Claim, value: float) -> str:
    """Format a recomputed value with the reported decimals, by the rule that gives the reported one.

    Beside a bound it has two more, or as many as tell it from the limit. A P-value that would be shown as zero is shown
    as below one unit of its last decimal.
    """
    reported, is_bound = parse_number(claim["reported"]), claim["relation"] != "="
    limit, decimals = Decimal(reported.text), reported.decimals + 2 * is_bound
    while is_bound and formatting.round_decimal(value, decimals) == limit != formatting.to_decimal(value):
        decimals += 1
    found = limit if not is_bound and _rule(claim, value) else formatting.round_decimal(value, decimals)
    return f"<{10**-decimals:.{decimals}f}" if claim["statistic"] == "p" and not found else f"{found:f}"
