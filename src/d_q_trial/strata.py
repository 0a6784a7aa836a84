"""Strata of the participants, by marker."""

from pathlib import Path

import numpy as np
import pandas as pd

from .config.settings import Analysis, StrataRule
from .errors import UserError, describe_unknown, did_you_mean
from .files import read_csv
from .formatting import round_significant
from .participants import TRIAL, VALUE, Participants
from .stats.quantiles import quantile
from .trial import BASELINE, Trial

COLUMNS = ("participant", "arm", "marker", "marker_value", "stratum", "cut", "lower", "upper")
NUMERIC = ("marker_value", "lower", "upper")


def build_strata(participants: Participants, trial: Trial, analysis: Analysis) -> pd.DataFrame:
    """Assign strata by the rule of the analysis.

    Quantiles divide every marker of the trial; absolute values and columns divide only the marker of the analysis.
    Excluded participants are in no stratum, and their marker values do not count for the quantiles.

    A row per analysed participant and marker, with the columns of ``COLUMNS``: ``marker_value`` in the marker's unit
    (NaN where a column gives the stratum alone), ``stratum`` one of the labels, ``cut`` the cut values as text,
    ``lower`` and ``upper`` the cuts that bound the stratum (NaN where it is open, or from a column). Empty if the workbook
    has no marker. UserError if the analysis names a marker or column that does not exist, or a stratum stays empty.
    """
    if problems := describe_unknown(f"analyses.{analysis.name}.marker", [analysis.marker], trial.markers):
        raise UserError(problems[0])
    frame, by = select_linked(participants, analysis), analysis.strata.by
    markers = trial.markers if by == "quantile" else [analysis.marker]
    divide = _divide_by_column if by == "column" else _divide_by_cuts
    parts = [part for marker in markers if len(part := divide(frame, trial, analysis, marker))]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def select_marker_values(participants: Participants, trial: Trial, analysis: Analysis) -> pd.DataFrame:
    """Return the baseline marker values of the analysed participants, independently of the strata.

    A row per participant, a column per marker that the workbook has, in the marker's unit; NaN where missing.
    """
    frame = _select_baseline(select_linked(participants, analysis))
    frame = frame[frame["arm"].isin(trial.analysed_arms) & frame["variable"].isin(trial.markers)]
    return frame.pivot(index="participant", columns="variable", values="value")


def cut_points(values: np.ndarray, rule: StrataRule) -> np.ndarray:
    """Return the cut points in the marker's unit, from the values of the reference group (shape (n,)) if by quantile."""
    cuts = [float(cut) for cut in rule.cuts]
    return round_significant(quantile(values, cuts, type=rule.quantile_type) if rule.by == "quantile" else cuts)


def assign_strata(values: np.ndarray, cuts: np.ndarray, at_cut: str) -> np.ndarray:
    """Return the stratum of each value as a number, 0 for the lowest; ``at_cut`` assigns values equal to a cut point."""
    return np.searchsorted(cuts, round_significant(values), side="right" if at_cut == "upper" else "left")


def select_linked(participants: Participants, analysis: Analysis) -> pd.DataFrame:
    """Return the values of the trial's participants with ids, without those that the analysis excludes."""
    frame = participants.frame
    return frame[frame["cohort"].eq(TRIAL) & frame["linked"] & ~frame["participant"].isin(analysis.exclude)]


def _select_baseline(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["visit"].eq(BASELINE) & frame["measure"].eq(VALUE)]


def _divide_by_cuts(frame: pd.DataFrame, trial: Trial, analysis: Analysis, marker: str) -> pd.DataFrame:
    """Return the strata of one marker by quantiles or absolute values; empty if no analysed participant has a value."""
    rule = analysis.strata
    marker_rows = _select_baseline(frame[frame["variable"].eq(marker)])
    analysed = marker_rows[marker_rows["arm"].isin(trial.analysed_arms)]
    if analysed.empty:
        return analysed
    reference = marker_rows if rule.reference == "everyone" else analysed
    cuts = cut_points(reference["value"].to_numpy(float), rule)
    index = assign_strata(analysed["value"].to_numpy(float), cuts, rule.at_cut)
    if empty := [label for number, label in enumerate(rule.labels) if number not in index]:
        raise UserError(
            f"analyses.{analysis.name}.strata.cuts: no participant falls into {', '.join(empty)}; {marker} runs from "
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


def _divide_by_column(frame: pd.DataFrame, trial: Trial, analysis: Analysis, marker: str) -> pd.DataFrame:
    """Return the strata that a column of the workbook states."""
    rule = analysis.strata
    strata_rows = frame[frame["text"].ne("") & frame["arm"].isin(trial.analysed_arms)]
    rows = strata_rows[strata_rows["variable"].eq(rule.column)]
    if rows.empty:
        columns = sorted(set(strata_rows["variable"]))
        raise UserError(
            f"analyses.{analysis.name}.strata.column: no column {rule.column!r} of the workbook was read as strata of the "
            f"analysed participants{did_you_mean(rule.column, columns)}; read as strata: {', '.join(columns) or 'none'}. "
            f"A mapping makes a column one with {{is: stratum}}"
        )
    if len(unexpected := rows[~rows["text"].isin(rule.labels)]):
        sheet, cell, text = unexpected[["sheet", "cell", "text"]].iloc[0]
        raise UserError(f"{sheet}!{cell}: stratum {text!r} is not among the labels {', '.join(rule.labels)}")
    if empty := [label for label in rule.labels if label not in set(rows["text"])]:
        raise UserError(f"analyses.{analysis.name}.strata.labels: column {rule.column!r} has no {', '.join(empty)}")
    values = _select_baseline(frame[frame["variable"].eq(marker)]).set_index("participant")["value"]
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


def find_strata(changes: pd.DataFrame, strata: pd.DataFrame, marker: str) -> pd.Series:
    """Return the stratum of each row of the changes: of its participant, or stated by its panel without ids; "" if none."""
    by_participant = strata[strata["marker"].eq(marker)].set_index("participant")["stratum"]
    by_panel = changes["stratum"].where(changes["marker"].eq(marker), "")
    return changes["participant"].map(by_participant).astype(object).where(changes["linked"], by_panel).fillna("")
