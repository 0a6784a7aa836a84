"""Hold every printed number against its recomputed value, with a verdict each."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
VERDICTS = (REPRODUCED, WITHIN_BOUND, OTHER_CONVENTION, NOT_REPRODUCED, OUTSIDE_BOUND, NOT_CHECKABLE)
FAILURES = (NOT_REPRODUCED, OUTSIDE_BOUND)

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

    Returns
    -------
    pandas.DataFrame
        A row per claim with the columns of ``COLUMNS``. A printed value is ``reproduced`` if the recomputed one prints
        like it with ties to even or half up; ``reproduced under another convention`` if the same statistic by another test variant or
        quartile type does; a printed bound ``holds`` or is ``violated``.

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
    for claim in claims:
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


def _verdict(claim: Claim, found: dict, others: list[tuple[float, str]], trial: Trial) -> tuple[str, float, str]:
    if claim.not_checkable:
        return NOT_CHECKABLE, math.nan, claim.not_checkable
    if claim.key not in found:
        return NOT_CHECKABLE, math.nan, _why_absent(claim, found, trial)
    value, reason = found[claim.key]
    if math.isnan(value):
        return NOT_CHECKABLE, value, reason
    if claim.relation != "=":
        bound = float(claim.printed)
        holds = value > bound if claim.relation == ">" else value < bound
        return (WITHIN_BOUND if holds else OUTSIDE_BOUND), value, ""
    if formatting.prints_as(value, claim.printed):
        return REPRODUCED, value, ""
    matches = [m for other, m in others if not math.isnan(other) and formatting.prints_as(other, claim.printed)]
    if matches:
        return OTHER_CONVENTION, value, "printed value comes out by: " + ", ".join(map(_convention, matches))
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
