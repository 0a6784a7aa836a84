"""Change from baseline per participant, outcome and visit, with the reason where there is none."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .config.settings import Analysis
from .errors import UserError, describe_unknown, did_you_mean
from .files import read_csv
from .formatting import round_significant
from .participants import PERCENT_CHANGE, TRIAL, VALUE, Participants
from .stats.quantiles import quantile
from .trial import BASELINE, Trial

NUMERIC = ("baseline", "follow_up", "value")
COLUMNS = ("participant", "linked", "arm", "marker", "stratum", "outcome", "measure", "visit", *NUMERIC, "reason")

# Reasons for a missing change.
NO_BASELINE = "no baseline value"
NO_FOLLOW_UP = "no follow-up value"
NOT_POSITIVE = "baseline value is zero or negative"
NO_LOGARITHM = "follow-up value is zero or negative, so it has no logarithm"
NO_RAW_VALUES = "the workbook gives the percent change only"
BEYOND_FENCE = "outlier, trimmed"
WINSORISED = "outlier, set to the limit"  # the reason why a value is not as measured
EXCLUDED = "excluded by the analysis"


def build_changes(participants: Participants, trial: Trial, analysis: Analysis) -> pd.DataFrame:
    """Compute the baseline values and changes of the analysed participants by the rules of the analysis.

    A row per participant, outcome, measure and visit with the columns of ``COLUMNS``. ``value`` is the baseline value
    (measure ``baseline``) or the change (``percent_change`` in percent, ``log_ratio`` as the natural logarithm,
    ``difference`` in the outcome's unit). It is NaN where ``reason`` says why there is none; ``reason`` also
    marks a winsorised value. UserError if the analysis names an outcome, visit or participant that does not exist.
    """
    frame = participants.frame
    # Baseline values by stratum, in panels without ids, are of both arms together and state none.
    pooled = ~frame["linked"] & frame["arm"].eq("") & frame["visit"].eq(BASELINE)
    frame = frame[frame["cohort"].eq(TRIAL) & (frame["arm"].isin(trial.analysed_arms) | pooled)]
    outcomes = _select_names(analysis.outcomes, trial.outcomes, f"analyses.{analysis.name}.outcomes")
    follow_ups = [visit for visit in trial.visits if visit != BASELINE]
    visits = _select_names(analysis.visits, follow_ups, f"analyses.{analysis.name}.visits")
    excluded = _select_excluded(frame, trial, analysis)
    pairs = [(k, v) for k in outcomes for v in (BASELINE, *trial.outcomes[k].follow_up) if v in (BASELINE, *visits)]
    rows = pd.concat([_linked_rows(frame, pairs), _unlinked_rows(frame[~frame["linked"]], pairs)], ignore_index=True)
    baseline, follow_up, percent = (rows[name].to_numpy(float) for name in ("baseline", "follow_up", "percent"))
    value, reason = compute_changes(baseline, follow_up, percent, analysis.change)
    at_baseline, rounded = rows["visit"].eq(BASELINE).to_numpy(), round_significant(baseline)
    changes = rows.assign(
        measure=np.where(at_baseline, "baseline", analysis.measure),
        baseline=np.where(at_baseline, rounded, baseline),
        follow_up=np.where(at_baseline, np.nan, follow_up),
        value=np.where(at_baseline, rounded, value),
        reason=np.where(at_baseline, np.where(np.isnan(baseline), NO_BASELINE, ""), reason),
    )[list(COLUMNS)]
    changes.loc[changes["participant"].isin(excluded), ["value", "reason"]] = np.nan, EXCLUDED
    treat_outliers(changes, analysis)
    return changes


def linked_values(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Pivot the values of participants with ids: a row for each, a column for each variable, visit and measure.

    Missing values are NaN; :func:`select_column` reads a column. The second value is the arm of each participant, in the
    same order. UserError if a participant has two values of a variable, visit and measure.
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
    changes = read_csv(path, numeric=NUMERIC, required=COLUMNS)
    return changes.assign(linked=changes["linked"].eq("True"))


def list_missing_changes(changes: pd.DataFrame) -> pd.DataFrame:
    """List the participants without a value, by outcome, measure and visit, each with the reason."""
    columns = ["participant", "arm", "outcome", "measure", "visit", "reason"]
    return changes.loc[changes["value"].isna(), columns].reset_index(drop=True)


def _select_names(wanted, available, where: str) -> list[str]:
    """Return the available names that a setting selects; UserError, with the place of the setting, for an unknown one."""
    if problems := describe_unknown(where, wanted, available):
        raise UserError(problems[0])
    return [name for name in available if wanted == "all" or name in wanted]


def _select_excluded(frame: pd.DataFrame, trial: Trial, analysis: Analysis) -> set[str]:
    """Return the ids that the analysis excludes; UserError for an unknown id, or if an arm becomes empty."""
    ids = sorted(set(frame["participant"]))
    unknown = [name for name in analysis.exclude if name not in ids]
    if unknown:
        suggestion = did_you_mean(unknown[0], ids) if len(unknown) == 1 else ""
        raise UserError(
            f"analyses.{analysis.name}.exclude: no analysed participant is called "
            f"{', '.join(map(repr, unknown))}; ids look like {', '.join(ids[:3])}{suggestion}"
        )
    emptied = set(frame["arm"]) - set(frame.loc[~frame["participant"].isin(analysis.exclude), "arm"])
    if labels := [arm.label for key, arm in trial.analysed_arms.items() if key in emptied]:
        raise UserError(f"analyses.{analysis.name}.exclude: no participant is left in the arm {' or '.join(labels)}")
    return set(analysis.exclude)


def select_column(wide: pd.DataFrame, *key: str) -> np.ndarray:
    """Return one column of :func:`linked_values` by variable, visit and measure; all NaN if no participant has a value."""
    return wide[key].to_numpy(float) if key in wide.columns else np.full(len(wide), np.nan)


def _linked_rows(frame: pd.DataFrame, pairs: list[tuple[str, str]]) -> pd.DataFrame:
    """Return a row for each participant with an id and each outcome and visit (``pairs``) at which any has a value."""
    wide, arms = linked_values(frame)
    rows = pd.DataFrame(pairs, columns=["outcome", "visit"]).merge(arms.reset_index(), how="cross")
    baseline, follow_up, percent = (
        np.concatenate([select_column(wide, outcome, fixed_visit or visit, measure) for outcome, visit in pairs])
        for fixed_visit, measure in ((BASELINE, VALUE), ("", VALUE), ("", PERCENT_CHANGE))
    )
    rows = rows.assign(baseline=baseline, follow_up=follow_up, percent=percent, linked=True, marker="", stratum="")
    measured = rows["follow_up"].notna() | (rows["percent"].notna() & rows["visit"].ne(BASELINE))
    return rows[measured.groupby([rows["outcome"], rows["visit"]]).transform("any")]


def _unlinked_rows(frame: pd.DataFrame, pairs: list[tuple[str, str]]) -> pd.DataFrame:
    """Return the rows of panels without ids for these outcomes and visits, each of them a change or a baseline value."""
    frame = frame[pd.MultiIndex.from_frame(frame[["variable", "visit"]]).isin(pairs)]
    at_baseline = frame["visit"].eq(BASELINE) & frame["measure"].eq(VALUE)
    is_change = frame["visit"].ne(BASELINE) & frame["measure"].eq(PERCENT_CHANGE)
    added = {"baseline": frame["value"].where(at_baseline), "percent": frame["value"].where(is_change)}
    rows = frame.rename(columns={"variable": "outcome"}).assign(follow_up=np.nan, **added)
    return rows[at_baseline | is_change]


def treat_outliers(changes: pd.DataFrame, analysis: Analysis) -> None:
    """Trim or winsorise, in place, changes (not baseline values) beyond the fences of their arm, if the analysis does so."""
    rule, quartile_type = analysis.outliers, analysis.quartile_type
    if rule.rule == "keep":
        return
    is_change, untreated = changes["measure"].ne("baseline") & changes["value"].notna(), changes["value"].copy()
    for _, group in changes[is_change].groupby(["outcome", "visit", "arm", "marker", "stratum"], sort=False):
        fences = find_fences(group["value"], limit=rule.limit, quartile_type=quartile_type)
        changes.loc[group.index, "value"] = apply_outlier_rule(group["value"].to_numpy(), rule.rule, *fences)
    treated = is_change & changes["value"].ne(untreated)
    changes.loc[treated, "reason"] = WINSORISED if rule.rule == "winsorise" else BEYOND_FENCE


def find_fences(values: ArrayLike, *, limit: float, quartile_type: int) -> tuple[float, float]:
    """Return the limits beyond which values are outliers; NaN without a value.

    They are ``limit`` interquartile ranges below the lower and above the upper quartile, to ten significant digits, as the
    changes. If the quartiles are equal, for example because half of all changes are zero, they give no scale and nothing is
    an outlier.
    """
    q1, q3 = quantile(values, [0.25, 0.75], type=quartile_type)
    distance = limit * (q3 - q1 or np.inf)
    return tuple(round_significant([q1 - distance, q3 + distance]))


def apply_outlier_rule(values: np.ndarray, rule: str, low: float, high: float) -> np.ndarray:
    """Return the values after applying a rule for those beyond their fences (:func:`find_fences`).

    ``trim`` makes them missing, ``winsorise`` moves them to the fence, ``keep`` leaves them unchanged.
    """
    if rule == "winsorise":
        return np.clip(values, low, high)
    return np.where((values < low) | (values > high), np.nan, values) if rule == "trim" else values


def compute_changes(
    baseline: np.ndarray, follow_up: np.ndarray, percent: np.ndarray, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Compute changes from raw values or, where there are none, from the percent changes stated in the workbook.

    Raw values are in the outcome's unit, ``percent`` in percent, NaN where missing; ``kind`` is ``percent`` (100 *
    (follow-up - baseline) / baseline), ``log_ratio`` or ``difference``; all arrays have shape (n,). Returns the changes,
    with ten significant digits, and for each the reason why it is missing (NaN), empty if it is not.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "percent":
            from_raw, from_percent = 100 * (follow_up - baseline) / baseline, percent
        else:
            from_raw = follow_up - baseline if kind == "difference" else np.log(follow_up / baseline)
            from_percent = np.log1p(percent / 100)
    raw_reasons = {
        NO_BASELINE: np.isnan(baseline),
        NO_FOLLOW_UP: np.isnan(follow_up),
        NOT_POSITIVE: (baseline <= 0) & (kind != "difference"),
        NO_LOGARITHM: (follow_up <= 0) & (kind == "log_ratio"),
    }
    use_percent = np.any(list(raw_reasons.values()), axis=0) & ~np.isnan(percent)
    percent_reasons = {
        NO_RAW_VALUES: np.full(use_percent.shape, kind == "difference"),
        NO_LOGARITHM: (percent <= -100) & (kind == "log_ratio"),
    }
    reason = np.where(use_percent, _first_reason(percent_reasons), _first_reason(raw_reasons)).astype(object)
    return np.where(reason == "", round_significant(np.where(use_percent, from_percent, from_raw)), np.nan), reason


def _first_reason(conditions: dict[str, np.ndarray]) -> np.ndarray:
    """Return for each element the first key whose condition is true there, or an empty string."""
    return np.select(list(conditions.values()), list(conditions), "")
