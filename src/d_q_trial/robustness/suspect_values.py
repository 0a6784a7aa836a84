"""What a suspect value does to each method: the analysis with it, with what it may have been, and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .. import formatting
from ..stats.change import significant
from ..stats.shift import hodges_lehmann
from ..stats.two_sample import get_test, rank_sum_variants
from ..stats.two_sample.welch import mean_difference
from .comparisons import TOO_FEW, Comparison, all_comparisons, estimate_rows, rows_of, table
from .interaction import interactions
from .sensitivity import covariance_rows, mixed_rows

if TYPE_CHECKING:
    import pandas as pd

    from ..config.robustness import Robustness
    from ..config.settings import Analysis
    from ..trial import Trial

ABSENT = "no participant has this value"
SEVERAL = "several participants have this value"


def suspect_values(
    suspects: pd.DataFrame,
    changes: pd.DataFrame,
    strata: pd.DataFrame,
    trial: Trial,
    analysis: Analysis,
    robustness: Robustness,
) -> pd.DataFrame:
    """Analyse the outcome of each suspect percent change by every method, in three versions.

    The participant is the one of the arm whose percent change rounds to ``reported`` (or, in data where it has been
    corrected already, to ``instead``). ``instead`` changes the follow-up value; the baseline stays.

    ``suspects`` is the published table of that name, all columns as text.

    Returns
    -------
    pandas.DataFrame
        Columns as the results; ``group`` names the version: ``1480``, ``148.0 for 1480``, ``without 1480``. A value
        that no participant has leaves one row with the reason.
    """
    import pandas as pd

    parts = [table([])]
    for case in suspects.itertuples(index=False):
        own = changes[changes["outcome"].eq(case.outcome)]
        rows = own[own["visit"].eq(case.visit) & own["arm"].eq(case.arm)]
        matches = [
            not np.isnan(value) and any(formatting.prints_as(value, text) for text in (case.reported, case.instead))
            for value in _percent(rows, analysis)
        ]
        if sum(matches) != 1:
            key = (case.outcome, analysis.measure, case.visit, "", "all", "", case.reported)
            parts.append(table(rows_of(key, (None, None), "", SEVERAL if any(matches) else ABSENT, **{"": np.nan})))
            continue
        versions = {
            case.reported: float(case.reported),
            f"{case.instead} for {case.reported}": float(case.instead),
            f"without {case.reported}": np.nan,
        }
        for name, value in versions.items():
            version = _with_value(own, rows.index[matches][0], value, analysis)
            found = _by_every_method(version, case.visit, strata, trial, analysis)
            between = interactions(version[version["visit"].eq(case.visit)], strata, trial, analysis, robustness)
            parts += [found.assign(group=name), between.assign(group=name)]
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _percent(rows: pd.DataFrame, analysis: Analysis) -> np.ndarray:
    value, baseline, follow_up = (rows[name].to_numpy(float) for name in ("value", "baseline", "follow_up"))
    raw = 100 * (follow_up - baseline) / np.where(baseline == 0, np.nan, baseline)
    return np.where(np.isnan(raw), value, raw) if analysis.change == "percent" else raw


def _with_value(own: pd.DataFrame, index, percent: float, analysis: Analysis) -> pd.DataFrame:
    """Return the changes with another percent change (NaN: none) at one row."""
    own = own.copy()
    baseline = own.at[index, "baseline"]
    follow_up = baseline * (1 + percent / 100)
    change = {"percent": percent, "log_ratio": np.log1p(percent / 100), "difference": follow_up - baseline}
    own.at[index, "follow_up"] = follow_up
    own.at[index, "value"] = float(significant(change[analysis.change]))
    own.at[index, "reason"] = "left out" if np.isnan(percent) else ""
    return own


def _by_every_method(
    version: pd.DataFrame, visit: str, strata: pd.DataFrame, trial: Trial, analysis: Analysis
) -> pd.DataFrame:
    comparisons = all_comparisons(version, strata, trial, analysis)
    rows: list[tuple] = []
    for comparison in comparisons:
        if comparison.visit == visit:
            rows += _plain_rows(comparison, analysis) + covariance_rows(comparison, analysis)
    for whose in dict.fromkeys((c.marker, c.stratum) for c in comparisons):
        rows += mixed_rows([c for c in comparisons if (c.marker, c.stratum) == whose], analysis)
    return table(rows)


def _plain_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    """Return rows of the methods without a covariate: medians, ranks, means."""
    first, second = comparison.samples()
    n, key, confidence = (first.size, second.size), (*comparison.key, ""), 1 - analysis.alpha
    rows = rows_of(key, n, "", median_difference=np.median(first) - np.median(second))
    shift = hodges_lehmann(first, second, method=analysis.test, confidence=confidence)
    for name, value in zip(("", "_lower", "_upper"), shift, strict=True):
        known = {f"hodges_lehmann{name}": value if np.isfinite(value) else np.nan}
        rows += rows_of(key, n, analysis.test, "" if np.isfinite(value) else TOO_FEW, **known)
    for method in rank_sum_variants():
        rows += rows_of(key, n, f"rank-sum, {method}", p=get_test(method).compare(first, second).p)
    found = mean_difference(first, second, confidence=confidence)
    reason = TOO_FEW if np.isnan(found.p) else ""
    return rows + estimate_rows(key, "mean_difference", found, n, "means, t (Welch)", reason)
