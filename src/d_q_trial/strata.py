"""Strata of the participants, by marker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .errors import UserError, describe_unknown, did_you_mean
from .files import read_csv
from .formatting import round_significant
from .participants import TRIAL, VALUE, Participants
from .stats.quantiles import quantile
from .trial import BASELINE

if TYPE_CHECKING:
    import pandas as pd

    from .config.settings import Analysis, StrataRule
    from .trial import Trial

COLUMNS = ("participant", "arm", "marker", "marker_value", "stratum", "cut", "lower", "upper")
NUMERIC = ("marker_value", "lower", "upper")


def build_strata(participants: Participants, trial: Trial, analysis: Analysis) -> pd.DataFrame:
    """Assign strata by the rule of the analysis.

    Quantiles are cut for every marker of the trial, absolute values and columns for the marker of the analysis alone.
    Excluded participants are neither in the strata nor among those whose quantiles count.

    A row per analysed participant and marker, with the columns of ``COLUMNS``: ``marker_value`` in the marker's unit
    (NaN where a column gives the stratum alone), ``stratum`` one of the labels, ``cut`` the cut values as text,
    ``lower`` and ``upper`` the cuts between which the stratum lies (NaN where it is open, or from a column). Empty if
    the workbook has no marker. UserError if the analysis names a marker or column that does not exist, or a stratum
    stays empty.
    """
    import pandas as pd

    if faults := describe_unknown(f"analyses.{analysis.name}.marker", [analysis.marker], trial.markers):
        raise UserError(faults[0])
    frame, by = _linked(participants, analysis), analysis.strata.by
    markers = trial.markers if by == "quantile" else [analysis.marker]
    divide = _from_column if by == "column" else _cut
    parts = [part for marker in markers if len(part := divide(frame, trial, analysis, marker))]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def marker_values(participants: Participants, trial: Trial, analysis: Analysis) -> pd.DataFrame:
    """Markers at baseline of the analysed participants, whatever the strata are.

    A row per participant, a column per marker that the workbook has, in the marker's unit; NaN where missing.
    """
    frame = _at_baseline(_linked(participants, analysis))
    frame = frame[frame["arm"].isin(trial.analysed_arms) & frame["variable"].isin(trial.markers)]
    return frame.pivot(index="participant", columns="variable", values="value")


def cut_points(values: np.ndarray, rule: StrataRule) -> np.ndarray:
    """Cut points in the marker's unit, from the values of the reference group (shape (n,)) if by quantile."""
    cuts = [float(cut) for cut in rule.cuts]
    return round_significant(quantile(values, cuts, type=rule.quantile_type) if rule.by == "quantile" else cuts)


def assign_strata(values: np.ndarray, cuts: np.ndarray, at_cut: str) -> np.ndarray:
    """Index of the stratum of each value, 0 for the lowest; a value equal to a cut goes to the upper or lower one."""
    return np.searchsorted(cuts, round_significant(values), side="right" if at_cut == "upper" else "left")


def _linked(participants: Participants, analysis: Analysis) -> pd.DataFrame:
    frame = participants.frame
    return frame[frame["cohort"].eq(TRIAL) & frame["linked"] & ~frame["participant"].isin(analysis.exclude)]


def _at_baseline(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["visit"].eq(BASELINE) & frame["measure"].eq(VALUE)]


def _cut(frame: pd.DataFrame, trial: Trial, analysis: Analysis, marker: str) -> pd.DataFrame:
    rule = analysis.strata
    rows = _at_baseline(frame[frame["variable"].eq(marker)])
    analysed = rows[rows["arm"].isin(trial.analysed_arms)]
    if analysed.empty:
        return analysed
    reference = rows if rule.reference == "everyone" else analysed
    cuts = cut_points(reference["value"].to_numpy(float), rule)
    index = assign_strata(analysed["value"].to_numpy(float), cuts, rule.at_cut)
    if missing := [label for number, label in enumerate(rule.labels) if number not in index]:
        raise UserError(
            f"analyses.{analysis.name}.strata.cuts: no participant falls into {', '.join(missing)}; {marker} runs from "
            f"{analysed['value'].min():g} to {analysed['value'].max():g} and is cut at "
            f"{', '.join(f'{cut:g}' for cut in cuts)}"
        )
    return analysed[["participant", "arm"]].assign(
        marker=marker,
        marker_value=analysed["value"],
        stratum=np.array(rule.labels, dtype=object)[index],
        cut="; ".join(f"{cut:.10g}" for cut in cuts),
        lower=np.array([np.nan, *cuts])[index],
        upper=np.array([*cuts, np.nan])[index],
    )


def _from_column(frame: pd.DataFrame, trial: Trial, analysis: Analysis, marker: str) -> pd.DataFrame:
    rule = analysis.strata
    stated = frame[frame["text"].ne("") & frame["arm"].isin(trial.analysed_arms)]
    rows = stated[stated["variable"].eq(rule.column)]
    if rows.empty:
        known = sorted(set(stated["variable"]))
        raise UserError(
            f"analyses.{analysis.name}.strata.column: no column {rule.column!r} of the workbook was read as strata of the "
            f"analysed participants{did_you_mean(rule.column, known)}; read as strata: {', '.join(known) or 'none'}. A mapping "
            f"makes a column one with {{is: stratum}}"
        )
    if len(stray := rows[~rows["text"].isin(rule.labels)]):
        row = stray.iloc[0]
        raise UserError(
            f"{row['sheet']}!{row['cell']}: stratum {row['text']!r} is not among the labels {', '.join(rule.labels)}"
        )
    if empty := [label for label in rule.labels if label not in set(rows["text"])]:
        raise UserError(f"analyses.{analysis.name}.strata.labels: column {rule.column!r} has no {', '.join(empty)}")
    values = _at_baseline(frame[frame["variable"].eq(marker)]).set_index("participant")["value"]
    return rows[["participant", "arm"]].assign(
        marker=marker,
        marker_value=rows["participant"].map(values).astype(float),
        stratum=rows["text"],
        cut=f"column {rule.column}",
        lower=np.nan,
        upper=np.nan,
    )


def read_strata(path: Path | str) -> pd.DataFrame:
    """Read the table of :func:`build_strata` as it was written."""
    return read_csv(path, numeric=NUMERIC)


def stratum_of(changes: pd.DataFrame, strata: pd.DataFrame, marker: str) -> pd.Series:
    """Return the stratum of each row of the changes: that of its participant, or as stated by its panel without ids.

    It is "" if there is none.
    """
    own = strata[strata["marker"].eq(marker)].set_index("participant")["stratum"]
    stated = changes["stratum"].where(changes["marker"].eq(marker), "")
    return changes["participant"].map(own).astype(object).where(changes["linked"], stated).fillna("")
