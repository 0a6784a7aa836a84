"""What many synthetic cohorts say where nothing is printed: the pipeline's own numbers, and their spread."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from .printed import Printed

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis, Robustness
    from ..trial import Trial

RANK_SUM, COVARIANCE, INTERACTION = "rank_sum", "covariance", "interaction"
KEYS = ["analysis", "outcome", "visit", "marker", "stratum", "quantity"]
# Middle 90% of the cohorts, beside the least and the greatest.
LEVELS = {"minimum": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "maximum": 1.0}
_OF_CONTRASTS = ("median_difference", "hodges_lehmann", "p")


def numbers_of(
    workbook: Path | str, trial: Trial, analysis: Analysis, robustness: Robustness
) -> tuple[pd.DataFrame, str]:
    """Run one cohort through the pipeline.

    Returns
    -------
    pandas.DataFrame
        A row per number, columns ``KEYS`` and ``value``: contrasts of the arms overall and within strata (difference of
        medians, Hodges-Lehmann shift, P), P of the analysis of covariance among everybody, and P of the interaction with
        the strata; of the outcomes of bone turnover and density.
    str
        The workbook's label.

    Raises
    ------
    UserError
        If the workbook does not say that it is synthetic.
    """
    import pandas as pd

    from ..changes import build_changes
    from ..results import build_results
    from ..robustness.comparisons import everybody
    from ..robustness.interaction import interactions
    from ..robustness.sensitivity import covariance_rows
    from ..strata import build_strata
    from ..workbook import read_workbook

    people = read_workbook(workbook, trial, analysis.mapping)
    if people.label is None:
        raise UserError(f"{workbook}: expected a synthetic cohort; the workbook does not say that it is one")
    # Only what is shown is computed: of the others, 36 proteins, an ensemble would take several times as long.
    others = [key for key, outcome in trial.outcomes.items() if outcome.family not in ("turnover", "bmd")]
    people = replace(people, frame=people.frame[~people.frame["variable"].isin(others)])
    changes = build_changes(people, trial, analysis)
    strata = build_strata(people, trial, analysis)
    results, _ = build_results(people, changes, strata, trial, analysis)
    chosen = results["contrast"].eq(trial.contrast) & results["measure"].eq(analysis.measure)
    chosen &= results["statistic"].isin(_OF_CONTRASTS)
    parts = [_rows(results[chosen], RANK_SUM)]
    covariance = pd.DataFrame(
        [row for comparison in everybody(changes, trial, analysis) for row in covariance_rows(comparison, analysis)],
        columns=list(results.columns),
    )
    chosen = covariance["statistic"].eq("p") & covariance["measure"].eq("log_ratio")
    parts.append(_rows(covariance[chosen], COVARIANCE))
    # P by placements is wanted, which no permutation has a part in.
    interaction = interactions(changes, strata, trial, analysis, robustness.model_copy(update={"permutations": 1}))
    chosen = interaction["statistic"].eq("p") & interaction["method"].str.startswith("placements")
    parts.append(_rows(interaction[chosen], INTERACTION))
    return pd.concat(parts, ignore_index=True), people.label


def _rows(frame: pd.DataFrame, analysis: str) -> pd.DataFrame:
    return frame.assign(analysis=analysis, quantity=frame["statistic"])[[*KEYS, "value"]]


def summarise(cohorts: list[pd.DataFrame], printed: Printed, alpha: float) -> pd.DataFrame:
    """Return a row per number: its spread over the cohorts, the share of P below ``alpha``, and what is printed of it."""
    import pandas as pd

    result = []
    for key, part in pd.concat(cohorts).groupby(KEYS, sort=False):
        row = dict(zip(KEYS, key, strict=True)) | {"cohorts": len(part)}
        levels = np.quantile(part["value"], list(LEVELS.values()))
        row |= {name: float(f"{level:.6g}") for name, level in zip(LEVELS, levels, strict=True)}
        row["share_below_alpha"] = float((part["value"] < alpha).mean()) if row["quantity"] == "p" else np.nan
        result.append(row | {"printed": _printed(printed, row)})
    return pd.DataFrame(result)


def _printed(printed: Printed, wanted: dict) -> str:
    if wanted["analysis"] != RANK_SUM:
        return ""
    for row in printed.tests_of(wanted["outcome"], wanted["visit"]):
        if (row["marker"], row["stratum"]) == (wanted["marker"], wanted["stratum"]):
            if wanted["quantity"] == "p":
                return row["p"] if row["p_relation"] == "=" else f"{row['p_relation']} {row['p']}"
            return row["effect"] if wanted["quantity"] == "median_difference" else ""
    return ""
