"""What a doubtful value does to each method: the analysis with it, with what it may have been, and without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import formatting
from ..changes import significant
from ..errors import UserError
from ..files import read_csv
from ..stats.shift import hodges_lehmann
from ..stats.two_sample import get_test, rank_sum_variants
from ..stats.two_sample.welch import mean_difference
from .comparisons import TOO_FEW, Comparison, all_comparisons, estimate_rows, table
from .interaction import interactions
from .sensitivity import covariance_rows, mixed_rows

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis, Robustness
    from ..trial import Trial

FILE = "doubtful_values.csv"
COLUMNS = ("source", "locator", "outcome", "visit", "arm", "printed", "instead", "reason")
ABSENT = "no participant has this value"
SEVERAL = "several participants have this value"


def read_doubtful(folder: Path | str | None) -> pd.DataFrame:
    """Read the printed percent changes that may be slips; empty without such a file."""
    import pandas as pd

    path = Path(folder or "") / FILE
    if not folder or not path.exists():
        return pd.DataFrame(columns=list(COLUMNS))
    frame = read_csv(path)
    if tuple(frame.columns) != COLUMNS:
        raise UserError(f"{path}: expected the columns {', '.join(COLUMNS)}")
    return frame


def doubtful_values(
    doubtful: pd.DataFrame,
    changes: pd.DataFrame,
    strata: pd.DataFrame,
    trial: Trial,
    analysis: Analysis,
    robustness: Robustness,
) -> pd.DataFrame:
    """Analyse the outcome of each doubtful percent change by every method, in three versions.

    The participant is the one of the arm whose percent change prints as ``printed`` (or, in data where it has been
    corrected already, as ``instead``). ``instead`` changes the follow-up value; the baseline stays.

    Returns
    -------
    pandas.DataFrame
        Columns as the results; ``group`` names the version: ``1480``, ``148.0 for 1480``, ``without 1480``. A value
        that nobody has leaves one row with the reason.
    """
    parts = []
    for case in doubtful.itertuples(index=False):
        rows = changes[
            changes["outcome"].eq(case.outcome) & changes["visit"].eq(case.visit) & changes["arm"].eq(case.arm)
        ]
        percent = _percent(rows, analysis)
        found = [
            index
            for index, value in zip(rows.index, percent, strict=True)
            if not np.isnan(value) and any(formatting.prints_as(value, text) for text in (case.printed, case.instead))
        ]
        if len(found) != 1:
            head = (case.outcome, analysis.measure, case.visit, "", "all", "", case.printed)
            parts.append(table([(*head, "", np.nan, None, None, "", SEVERAL if found else ABSENT)]))
            continue
        versions = {
            case.printed: float(case.printed),
            f"{case.instead} for {case.printed}": float(case.instead),
            f"without {case.printed}": np.nan,
        }
        own = changes[changes["outcome"].eq(case.outcome)]
        for name, value in versions.items():
            version = _with_value(own, found[0], value, analysis)
            parts.append(_by_every_method(version, case.visit, name, strata, trial, analysis, robustness))
    return _joined(parts)


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(parts, ignore_index=True) if parts else table([])


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
    version: pd.DataFrame,
    visit: str,
    name: str,
    strata: pd.DataFrame,
    trial: Trial,
    analysis: Analysis,
    robustness: Robustness,
) -> pd.DataFrame:
    comparisons = all_comparisons(version, strata, trial, analysis)
    rows: list[tuple] = []
    for comparison in comparisons:
        if comparison.visit == visit:
            rows += _plain_rows(comparison, analysis) + covariance_rows(comparison, analysis)
    for whose in dict.fromkeys((c.marker, c.stratum) for c in comparisons):
        rows += mixed_rows([c for c in comparisons if (c.marker, c.stratum) == whose], analysis)
    between = interactions(version[version["visit"].eq(visit)], strata, trial, analysis, robustness)
    frame = _joined([table(rows), between])
    return frame.assign(group=name)


def _plain_rows(comparison: Comparison, analysis: Analysis) -> list[tuple]:
    """Rows of the methods without a covariate: medians, means, ranks."""
    first, second = comparison.samples()
    n, key, confidence = (first.size, second.size), (*comparison.key, ""), 1 - analysis.alpha
    rows = [(*key, "median_difference", np.median(first) - np.median(second), *n, "", "")]
    shift = hodges_lehmann(first, second, method=analysis.test, confidence=confidence)
    names = ("hodges_lehmann", "hodges_lehmann_lower", "hodges_lehmann_upper")
    for statistic, value in zip(names, shift, strict=True):
        value = value if np.isfinite(value) else np.nan
        rows.append((*key, statistic, value, *n, analysis.test, TOO_FEW if np.isnan(value) else ""))
    for method in rank_sum_variants():
        rows.append((*key, "p", get_test(method).compare(first, second).p, *n, f"rank-sum, {method}", ""))
    found = mean_difference(first, second, confidence=confidence)
    reason = "" if found.p == found.p else TOO_FEW
    return rows + estimate_rows(key, "mean_difference", found, n, "means, t (Welch)", reason)
