"""Change from baseline per participant, outcome and visit, with the reason where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import UserError, nearest, unknown
from .files import read_csv
from .formatting import significant
from .participants import PERCENT_CHANGE, TRIAL, VALUE, Participants
from .stats.quantiles import quantile
from .trial import BASELINE

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from .config.settings import Analysis, Outliers
    from .trial import Trial

NUMERIC = ("baseline", "follow_up", "value")
COLUMNS = (
    *("participant", "linked", "arm", "marker", "stratum", "outcome", "measure", "visit"),
    *(*NUMERIC, "reason"),
)

# Why there is no change.
NO_BASELINE = "no baseline value"
NO_FOLLOW_UP = "no follow-up value"
NOT_POSITIVE = "baseline value is zero or negative"
FOLLOW_UP_NOT_POSITIVE = "follow-up value is zero or negative, so it has no logarithm"
NO_RAW_VALUES = "the workbook gives the percent change only"
BEYOND_FENCE = "outlier, trimmed"
EXCLUDED = "excluded by the analysis"


def build_changes(participants: Participants, trial: Trial, analysis: Analysis) -> pd.DataFrame:
    """Baseline values and changes of the analysed participants, as the analysis asks for them.

    A row per participant, outcome, measure and visit with the columns of ``COLUMNS``. ``value`` is the baseline value
    (measure ``baseline``) or the change (``percent_change`` in percent, ``log_ratio`` as the natural logarithm,
    ``difference`` in the outcome's unit); it is NaN where ``reason`` says why there is none. UserError if the analysis
    names an outcome, visit or participant that does not exist.
    """
    import pandas as pd

    frame = participants.frame
    frame = frame[frame["cohort"].eq(TRIAL) & (frame["arm"].isin(trial.analysed_arms) | ~frame["linked"])]
    outcomes = _chosen(analysis.outcomes, trial.outcomes, f"analyses.{analysis.name}.outcomes")
    visits = _chosen(analysis.visits, [v for v in trial.visits if v != BASELINE], f"analyses.{analysis.name}.visits")
    excluded = _excluded(frame, analysis)

    pairs = [
        (key, v) for key in outcomes for v in (BASELINE, *trial.outcomes[key].follow_up) if v in (BASELINE, *visits)
    ]
    parts = [_linked(frame, pairs, analysis), _loose(frame[~frame["linked"]], outcomes, visits, analysis)]
    changes = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in COLUMNS})
    out = changes["participant"].isin(excluded)
    changes.loc[out, "value"] = np.nan
    changes.loc[out, "reason"] = EXCLUDED
    if analysis.outliers.rule != "keep":
        changes = _without_outliers(changes, analysis.outliers, analysis.quartile_type)
    return changes


def linked_values(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Spread the values of participants with ids: a row for each, a column for each variable, visit and measure.

    Values that are missing are NaN; :func:`column_of` reads a column. The second value is the arm of each participant, in
    the same order. UserError if a participant has two values of the same thing.
    """
    linked = frame[frame["linked"]]
    arms = linked.drop_duplicates("participant").set_index("participant")["arm"]
    keys = ["participant", "variable", "visit", "measure"]
    if linked.duplicated(keys).any():
        row = linked[linked.duplicated(keys)].iloc[0]
        raise UserError(f"{row['sheet']}!{row['cell']}: second value of {row['variable']} for {row['participant']}")
    wide = linked.pivot(index="participant", columns=["variable", "visit", "measure"], values="value")
    return wide.reindex(arms.index), arms


def read_changes(path: Path | str) -> pd.DataFrame:
    """Read the table of :func:`build_changes` as it was written."""
    changes = read_csv(path, numeric=NUMERIC)
    changes["linked"] = changes["linked"].eq("True")
    return changes


def exclusions(changes: pd.DataFrame) -> pd.DataFrame:
    """List the participants without a value, by outcome, measure and visit, each with the reason."""
    columns = ["participant", "arm", "outcome", "measure", "visit", "reason"]
    return changes.loc[changes["reason"].ne(""), columns].reset_index(drop=True)


def _chosen(wanted, available, where: str) -> list[str]:
    if faults := unknown(where, wanted, available):
        raise UserError(faults[0])
    return [name for name in available if wanted == "all" or name in wanted]


def _excluded(frame: pd.DataFrame, analysis: Analysis) -> set[str]:
    known = sorted(set(frame["participant"]))
    unknown = [name for name in analysis.exclude if name not in known]
    if unknown:
        alike = nearest(unknown[0], known) if len(unknown) == 1 else ""
        raise UserError(
            f"analyses.{analysis.name}.exclude: no analysed participant is called "
            f"{', '.join(map(repr, unknown))}; ids look like {', '.join(known[:3])}{alike}"
        )
    return set(analysis.exclude)


def column_of(wide: pd.DataFrame, *key: str) -> np.ndarray:
    """Return one column of :func:`linked_values` by variable, visit and measure; all NaN if no participant has a value."""
    return wide[key].to_numpy(float) if key in wide.columns else np.full(len(wide), np.nan)


def _linked(frame: pd.DataFrame, pairs: list[tuple[str, str]], analysis: Analysis) -> pd.DataFrame:
    """Rows of participants with ids, one for each at each outcome and visit (``pairs``) at which any has a value.

    A change that the workbook gives is used where raw values are absent.
    """
    import pandas as pd

    wide, arms = linked_values(frame)
    rows = pd.DataFrame(pairs, columns=["outcome", "visit"]).merge(arms.reset_index(), how="cross")
    baseline, follow_up, given = (
        np.concatenate([column_of(wide, outcome, at or visit, measure) for outcome, visit in pairs])
        for at, measure in ((BASELINE, VALUE), ("", VALUE), ("", PERCENT_CHANGE))
    )
    value, reason = change_or_given(baseline, follow_up, given, analysis.change)
    at_baseline, none = rows["visit"].eq(BASELINE).to_numpy(), np.isnan(baseline)
    measured = ~np.isnan(follow_up) | (~np.isnan(given) & ~at_baseline)
    rows = rows.assign(
        measure=np.where(at_baseline, "baseline", analysis.measure),
        baseline=np.where(at_baseline, significant(baseline), baseline),
        follow_up=np.where(at_baseline, np.nan, follow_up),
        value=np.where(at_baseline, significant(baseline), value),
        reason=np.where(at_baseline, np.where(none, NO_BASELINE, ""), reason),
        **{"linked": True, "marker": "", "stratum": ""},
    )
    return rows[rows.assign(measured=measured).groupby(["outcome", "visit"])["measured"].transform("any")]


def _loose(frame: pd.DataFrame, outcomes: list[str], visits: list[str], analysis: Analysis) -> pd.DataFrame:
    """Rows of panels without ids, each of them a change or a baseline value."""
    at_baseline = frame["visit"].eq(BASELINE) & frame["measure"].eq(VALUE)
    is_change = frame["visit"].isin(visits) & frame["measure"].eq(PERCENT_CHANGE)
    chosen = frame["variable"].isin(outcomes) & (at_baseline | is_change)
    frame, is_change = frame[chosen], is_change[chosen].to_numpy()
    given = frame["value"].to_numpy(float)
    value, reason = change_from_percent(np.where(is_change, given, np.nan), analysis.change)
    return frame.rename(columns={"variable": "outcome"}).assign(
        measure=np.where(is_change, analysis.measure, "baseline"),
        baseline=np.where(is_change, np.nan, given),
        follow_up=np.nan,
        value=np.where(is_change, value, significant(given)),
        reason=np.where(is_change, reason, ""),
    )


def _without_outliers(changes: pd.DataFrame, rule: Outliers, quartile_type: int) -> pd.DataFrame:
    """Trim or winsorise changes beyond the fences of their arm; baseline values are left alone."""
    changes = changes.copy()
    is_change = changes["measure"].ne("baseline") & changes["value"].notna()
    for _, group in changes[is_change].groupby(["outcome", "visit", "arm", "marker", "stratum"], sort=False):
        q1, q3 = quantile(group["value"], [0.25, 0.75], type=quartile_type)
        low, high = q1 - rule.limit * (q3 - q1), q3 + rule.limit * (q3 - q1)
        if rule.rule == "winsorise":
            changes.loc[group.index, "value"] = group["value"].clip(low, high)
        else:
            beyond = group.index[(group["value"] < low) | (group["value"] > high)]
            changes.loc[beyond, "value"] = np.nan
            changes.loc[beyond, "reason"] = BEYOND_FENCE
    return changes


def percent_change(baseline: ArrayLike, follow_up: ArrayLike) -> Any:
    """Percent change, 100 * (follow-up - baseline) / baseline, to ten significant digits; arguments broadcast."""
    baseline, follow_up = np.asarray(baseline, dtype=float), np.asarray(follow_up, dtype=float)
    return significant(100 * (follow_up - baseline) / baseline)


def change(baseline: np.ndarray, follow_up: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Change of raw values (in the outcome's unit, NaN where missing), to ten significant digits, and its reason.

    ``kind`` is ``percent``, ``log_ratio`` or ``difference``; all arrays have shape (n,). The reason says why there is no
    change, whose value is NaN then, and is empty elsewhere.
    """
    conditions = {
        NO_BASELINE: np.isnan(baseline),
        NO_FOLLOW_UP: np.isnan(follow_up),
        NOT_POSITIVE: (baseline <= 0) & (kind != "difference"),
        FOLLOW_UP_NOT_POSITIVE: (follow_up <= 0) & (kind == "log_ratio"),
    }
    reason = np.select(list(conditions.values()), list(conditions), "").astype(object)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "percent":
            value = percent_change(baseline, follow_up)
        else:
            value = significant(np.log(follow_up / baseline) if kind == "log_ratio" else follow_up - baseline)
    return np.where(reason == "", value, np.nan), reason


def change_from_percent(percent: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Change from a given percent change, as :func:`change`; a difference cannot be derived from it."""
    conditions = {
        NO_FOLLOW_UP: np.isnan(percent),
        NO_RAW_VALUES: np.full(percent.shape, kind == "difference"),
        FOLLOW_UP_NOT_POSITIVE: (percent <= -100) & (kind == "log_ratio"),
    }
    reason = np.select(list(conditions.values()), list(conditions), "").astype(object)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = significant(np.log1p(percent / 100) if kind == "log_ratio" else percent)
    return np.where(reason == "", value, np.nan), reason


def change_or_given(
    baseline: np.ndarray, follow_up: np.ndarray, given: np.ndarray, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Change of raw values, or where there is none, from the percent change ``given`` by the workbook; as :func:`change`."""
    value, reason = change(baseline, follow_up, kind)
    use_given = (reason != "") & ~np.isnan(given)
    from_given, given_reason = change_from_percent(given, kind)
    return np.where(use_given, from_given, value), np.where(use_given, given_reason, reason).astype(object)
