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
    frame = select_linked(participants, analysis)
    markers = trial.markers if analysis.strata.by == "quantile" else [analysis.marker]
    parts = [part for marker in markers if len(part := _divide(frame, trial, analysis, marker))]
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


def _divide(frame: pd.DataFrame, trial: Trial, analysis: Analysis, marker: str) -> pd.DataFrame:
    """Return the strata of one marker; empty if quantiles or values divide it, and no analysed participant has a value."""
    rule, values = analysis.strata, _select_baseline(frame[frame["variable"].eq(marker)])
    if rule.by == "column":
        rows = _select_stated(frame[frame["arm"].isin(trial.analysed_arms)], analysis)
        index, cuts = rows["text"].map(rule.labels.index).to_numpy(), [np.nan] * (len(rule.labels) - 1)
        place, found, description = "labels", f"column {rule.column!r} has none", f"column {rule.column}"
    else:
        rows = values[values["arm"].isin(trial.analysed_arms)]
        if rows.empty:
            return rows
        cuts = cut_points((values if rule.reference == "everyone" else rows)["value"].to_numpy(float), rule)
        index = assign_strata(rows["value"].to_numpy(float), cuts, rule.at_cut)
        description = "; ".join(f"{cut:.10g}" for cut in cuts)
        ends = f"{rows['value'].min():g} to {rows['value'].max():g}"
        place, found = "cuts", f"{marker} runs from {ends} and is cut at {', '.join(f'{cut:g}' for cut in cuts)}"
    if empty := [label for number, label in enumerate(rule.labels) if number not in index]:
        place, names = f"analyses.{analysis.name}.strata.{place}", ", ".join(empty)
        raise UserError(f"{place}: no participant falls into {names}; {found}")
    return rows[["participant", "arm"]].assign(
        marker=marker,
        marker_value=rows["participant"].map(values.set_index("participant")["value"]).astype(float),
        stratum=np.array(rule.labels, dtype=object)[index],
        cut=description,
        lower=np.array([np.nan, *cuts])[index],
        upper=np.array([*cuts, np.nan])[index],
    )


def _select_stated(frame: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """Return the rows whose text is the stratum that a column of the workbook states; UserError for another text."""
    rule, stated = analysis.strata, frame[frame["text"].ne("")]
    rows = stated[stated["variable"].eq(rule.column)]
    if rows.empty:
        columns = sorted(set(stated["variable"]))
        raise UserError(
            f"analyses.{analysis.name}.strata.column: no column {rule.column!r} of the workbook was read as strata of the "
            f"analysed participants{did_you_mean(rule.column, columns)}; read as strata: {', '.join(columns) or 'none'}. "
            f"To have a column read as strata, write `stratum` for it in a mapping, under `columns` of its block"
        )
    if len(unexpected := rows[~rows["text"].isin(rule.labels)]):
        sheet, cell, text = unexpected[["sheet", "cell", "text"]].iloc[0]
        raise UserError(f"{sheet}!{cell}: stratum {text!r} is not among the labels {', '.join(rule.labels)}")
    return rows


def read_strata(path: Path | str) -> pd.DataFrame:
    """Read the table of :func:`build_strata` as it was written."""
    return read_csv(path, numeric=NUMERIC, required=COLUMNS)


def find_strata(changes: pd.DataFrame, strata: pd.DataFrame, marker: str) -> pd.Series:
    """Return the stratum of each row of the changes: of its participant, or stated by its panel without ids; "" if none."""
    by_participant = strata[strata["marker"].eq(marker)].set_index("participant")["stratum"]
    by_panel = changes["stratum"].where(changes["marker"].eq(marker), "")
    return changes["participant"].map(by_participant).astype(object).where(changes["linked"], by_panel).fillna("")
