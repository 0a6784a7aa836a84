"""Hold every printed number against its recomputed value, with a verdict each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import formatting
from .errors import UserError
from .files import read_csv
from .published import Claim
from .results_table import KEYS
from .stats.two_sample import get_test, names

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
VERDICTS = (
    REPRODUCED,
    WITHIN_BOUND,
    OTHER_CONVENTION,
    NOT_REPRODUCED,
    OUTSIDE_BOUND,
    NOT_CHECKABLE,
    NOT_APPLICABLE,
)
FAILURES = (NOT_REPRODUCED, OUTSIDE_BOUND)
# What a verdict means for whoever reads it: colours, marks and exit statuses follow it.
STATUS = {
    **dict.fromkeys((REPRODUCED, WITHIN_BOUND), "success"),
    OTHER_CONVENTION: "warning",
    **dict.fromkeys(FAILURES, "failure"),
    **dict.fromkeys((NOT_CHECKABLE, NOT_APPLICABLE), "neutral"),
}
OTHER_SUBGROUPS = "this analysis defines the subgroups differently"

COLUMNS = (
    "claim",
    "source",
    "locator",
    "quantity",
    "reported",
    "recomputed",
    "verdict",
    "note",
    "known_difference",
    "value",
    *KEYS,
)


def judge(
    claims: list[Claim],
    results: pd.DataFrame,
    alternatives: pd.DataFrame,
    trial: Trial,
    known: Mapping[str, str],
    strata: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Judge all claims against the results of one analysis.

    Parameters
    ----------
    claims : list of Claim
    results, alternatives : pandas.DataFrame
        As :func:`d_q_trial.results.build_results` makes them.
    trial : Trial
    known : mapping of claim to reason
        Differences that are expected.
    strata : pandas.DataFrame, optional
        As :func:`d_q_trial.strata.build_strata` makes them; without them, strata go by their labels.

    Returns
    -------
    pandas.DataFrame
        A row per claim with the columns of ``COLUMNS``. A reported value is ``reproduced`` if the recomputed one rounds
        to it, half to even, half up, or as a binary number; ``reproduced under another convention`` if the same
        statistic by another test variant or quartile type does. A reported bound excludes its limit, unless it is
        reported as one that includes it (``<=``, ``>=``). A claim about a stratum is compared with the stratum of the
        analysis that has the same members as the article's definition gives, whatever its label; it is ``not
        applicable`` if there is none.

    Raises
    ------
    UserError
        If a known difference names a claim that does not exist.
    """
    import pandas as pd

    names = {claim.claim for claim in claims}
    for name in known:
        if name not in names:
            raise UserError(f"known_differences.csv: no claim is called {name!r}")
    found = _index(results)
    others: dict[tuple, list] = {}
    for *key, value, method in alternatives[[*KEYS, "value", "method"]].itertuples(index=False):
        others.setdefault(tuple(key), []).append((value, method))
    rows = []
    same_strata = _same_strata(strata, trial)
    for claim in claims:
        claim = _in_analysis(claim, same_strata)
        verdict, value, note = _verdict(claim, found, others.get(claim.key, []), trial)
        shown = "" if math.isnan(value) else _shown(claim, value)
        rows.append(
            (
                claim.claim,
                claim.source,
                claim.locator,
                claim.quantity,
                _printed(claim),
                shown,
                verdict,
                note,
                known.get(claim.claim, ""),
                value,
                *claim.key,
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def read_verdicts(path: Path | str) -> pd.DataFrame:
    """Read a ``claims.csv``."""
    return read_csv(path, numeric=("value",))


def tally(verdicts: pd.DataFrame) -> str:
    """One line: how many claims got which verdict."""
    counts = verdicts["verdict"].value_counts()
    parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if verdict in counts]
    return f"{len(verdicts)} printed numbers: {', '.join(parts)}"


def surprises(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Claims that fail without being known to, and known differences that no longer differ."""
    failed = verdicts["verdict"].isin(FAILURES)
    known = verdicts["known_difference"].ne("")
    return verdicts[failed != known]


def _index(results: pd.DataFrame) -> dict[tuple, tuple[float, str]]:
    columns = [*KEYS, "value", "reason"]
    return {tuple(key): (value, reason) for *key, value, reason in results[columns].itertuples(index=False)}


def _same_strata(strata: pd.DataFrame | None, trial: Trial) -> dict[str, dict[str, str]]:
    """Return the stratum of the analysis with the same members as each of the article's, by marker; empty if none."""
    same: dict[str, dict[str, str]] = {}
    if strata is None or not trial.stratum_labels:
        return same
    import numpy as np

    from .stats.change import significant
    from .stats.quantiles import quantile

    for marker, own in strata.groupby("marker"):
        values = own["marker_value"].to_numpy(float)
        if np.isnan(values).any():  # strata from a column of the workbook go by their labels
            continue
        cuts = significant(quantile(values, trial.cuts, type=7))
        place = np.searchsorted(cuts, significant(values), side="right")
        label = own["stratum"].to_numpy(object)
        same[str(marker)] = {
            name: next(
                (own_name for own_name in dict.fromkeys(label) if ((label == own_name) == (place == n)).all()), ""
            )
            for n, name in enumerate(trial.stratum_labels)
        }
    return same


def _in_analysis(claim: Claim, same_strata: Mapping[str, Mapping[str, str]]) -> Claim:
    """Return a claim with the labels that the analysis gives to the strata that it speaks of."""
    names = same_strata.get(claim.marker)
    sides = claim.contrast.split(" - ") if claim.contrast else []
    between_strata = bool(names) and len(sides) == 2 and all(side in names for side in sides)
    if not names or (claim.stratum not in names and not between_strata):
        return claim
    used = sides if between_strata else [claim.stratum]
    if not all(names[name] for name in used):
        return replace(claim, not_checkable=OTHER_SUBGROUPS)
    if between_strata:
        return replace(claim, contrast=" - ".join(names[side] for side in sides))
    return replace(claim, stratum=names[claim.stratum])


def _verdict(claim: Claim, found: dict, others: list[tuple[float, str]], trial: Trial) -> tuple[str, float, str]:
    if claim.not_checkable:
        verdict = NOT_APPLICABLE if claim.not_checkable == OTHER_SUBGROUPS else NOT_CHECKABLE
        return verdict, math.nan, claim.not_checkable
    if claim.key not in found:
        return NOT_CHECKABLE, math.nan, _why_absent(claim, found, trial)
    value, reason = found[claim.key]
    if math.isnan(value):
        return NOT_CHECKABLE, value, reason
    if claim.relation != "=":
        bound = float(claim.printed)
        if claim.statistic == "p" and claim.relation == "<" and bound <= 0:
            return NOT_CHECKABLE, value, "impossible: no P-value is below 0"
        holds = {"<": value < bound, ">": value > bound, "<=": value <= bound, ">=": value >= bound}[claim.relation]
        return (WITHIN_BOUND if holds else OUTSIDE_BOUND), value, ""
    if rule := formatting.rounding_rule(value, claim.printed):
        zero = claim.statistic == "p" and float(claim.printed) == 0
        note = "reported as zero: below half a unit of its last decimal" if zero else ""
        return REPRODUCED, value, note or ("rounded as a binary number" if rule == "binary" else "")
    matches = [m for other, m in others if not math.isnan(other) and formatting.prints_as(other, claim.printed)]
    if matches:
        return OTHER_CONVENTION, value, "the reported value is that of: " + ", ".join(map(_convention, matches))
    return NOT_REPRODUCED, value, ""


def _convention(method: str) -> str:
    return get_test(method).label if method in names() else method.replace("type_", "quartile type ")


def _why_absent(claim: Claim, found: dict, trial: Trial) -> str:
    """Say which part of the claim's key the results lack."""
    if claim.outcome not in trial.outcomes and claim.outcome not in trial.markers:
        return f"{claim.outcome} is not an outcome that can be computed"
    arms = {arm.key: arm.label for arm in trial.arms.others}
    if claim.group in arms:
        return f"the arm {arms[claim.group]} is not analysed"
    for name in ("outcome", "measure", "visit", "marker", "stratum"):
        position, wanted = KEYS.index(name), getattr(claim, name)
        if wanted and not any(key[position] == wanted for key in found):
            return f"this analysis has no {name} {wanted}"
    return "this analysis has no such result"


def _printed(claim: Claim) -> str:
    return claim.printed if claim.relation == "=" else f"{claim.relation} {claim.printed}"


def _shown(claim: Claim, value: float) -> str:
    """Print a recomputed value with the printed decimals; beside a bound, with enough digits to see it."""
    decimals = len(claim.printed.partition(".")[2])
    if claim.relation != "=":
        return formatting.p_digits(value) if claim.statistic == "p" else f"{formatting.rounded(value, decimals + 2):f}"
    return f"{formatting.rounded(value, decimals):f}"
