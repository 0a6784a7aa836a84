"""Summarise the results of many cohorts that agree with every reported number: what the paper leaves undetermined."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ..claims import Claim
from ..comparisons import build_layout, results_frame
from ..config.settings import Analysis, Robustness
from ..errors import UserError
from ..files import atomic
from ..formatting import format_p_digits
from ..pages import text_template
from ..results import build_results
from ..robustness.interaction import interaction_table
from ..robustness.sensitivity import covariance_rows
from ..stats.checks import is_significant
from ..trial import Trial
from ..workbook.reader import read_workbook

RANK_SUM, COVARIANCE, INTERACTION = "rank_sum", "covariance", "interaction"
KEYS = ["analysis", "outcome", "visit", "marker", "stratum", "quantity"]
LEVELS = {"minimum": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "maximum": 1.0}
_NAMES = {"p": "P", "median_difference": "difference of medians", "hodges_lehmann": "Hodges-Lehmann estimate"}


def analyse_cohort(
    workbook: Path | str, trial: Trial, analysis: Analysis, robustness: Robustness
) -> tuple[pd.DataFrame, str]:
    """Analyse one cohort; return its results, and the label of its workbook.

    The results of bone turnover and density, one row per number with columns ``KEYS`` and ``value``: contrasts of the
    arms overall and within strata (difference of medians, Hodges-Lehmann estimate, P), P of the analysis of covariance
    of all participants, and P of the interaction with the strata. UserError if the workbook is not labelled synthetic.
    """
    participants = read_workbook(workbook, trial, analysis.mapping)
    if participants.label is None:
        raise UserError(f"{workbook}: expected a synthetic cohort; the workbook does not say that it is one")
    # Without the 36 proteins, which the page does not show, an ensemble takes a fraction of the time.
    shown = [key for key, outcome in trial.outcomes.items() if outcome.follow_up and outcome.family != "sasp"]
    layout = build_layout(participants, trial, analysis.model_copy(update={"outcomes": shown}))
    results, _ = build_results(participants, layout)
    covariance = results_frame([row for c in layout.compared if not c.marker for row in covariance_rows(c, analysis)])
    # Only P from placements is used, so one permutation is enough.
    interaction = interaction_table(layout, robustness.model_copy(update={"permutations": 1}))
    is_contrast = results[["contrast", "measure"]].eq([trial.contrast, analysis.measure]).all(axis=1)
    rows = {
        RANK_SUM: results[is_contrast & results["statistic"].isin(tuple(_NAMES))],
        COVARIANCE: covariance[covariance["statistic"].eq("p") & covariance["measure"].eq("log_ratio")],
        INTERACTION: interaction[interaction["statistic"].eq("p") & interaction["method"].str.startswith("placements")],
    }
    frames = [part.assign(analysis=name, quantity=part["statistic"])[[*KEYS, "value"]] for name, part in rows.items()]
    return pd.concat(frames, ignore_index=True), participants.label


def summarize_cohorts(cohorts: list[pd.DataFrame], claims: list[Claim], alpha: float) -> pd.DataFrame:
    """Return one row per number: quantiles over the cohorts, share of P up to ``alpha``, and the reported value."""
    values = pd.concat(cohorts).groupby(KEYS, sort=False)["value"]
    summary = values.agg(
        cohorts="size",
        **{name: lambda group, level=level: float(f"{group.quantile(level):.6g}") for name, level in LEVELS.items()},
        share_below_alpha=lambda group: is_significant(group, alpha).mean(),
    ).reset_index()
    summary["share_below_alpha"] = summary["share_below_alpha"].where(summary["quantity"].eq("p"))
    reported = pd.DataFrame(claims, columns=[*KEYS[1:], "statistic", "relation", "reported"])
    reported = reported[reported["quantity"].ne("direction")].assign(analysis=RANK_SUM, quantity=reported["statistic"])
    reported["reported"] = (reported["relation"].replace("=", "") + " " + reported["reported"]).str.strip()
    reported = reported[[*KEYS, "reported"]].drop_duplicates(KEYS)
    return summary.merge(reported, how="left", on=KEYS).fillna({"reported": ""})


def render_summary(summary: pd.DataFrame, trial: Trial, alpha: float, label: str, picture: str) -> str:
    """Return the summary as a page of Markdown."""
    template = text_template("ensemble.md.j2")
    rows = [(row, _display_names(row, trial)) for row in summary.itertuples()]
    template_values = {"label": label, "alpha": alpha, "picture": picture, "cohorts": summary["cohorts"].max()}
    return template.render(rows=rows, names=_NAMES, p_digits=format_p_digits, arms=trial.arms, **template_values)


def _display_names(row, trial: Trial) -> tuple[str, str, str]:
    """Return the display names of outcome, visit and participants of a row of the summary."""
    participants = f"{row.stratum} by {trial.markers[row.marker].label}".strip() if row.marker else "all"
    return trial.outcomes[row.outcome].label, trial.visits[row.visit].label, participants


def draw_summary(summary: pd.DataFrame, trial: Trial, path: Path | str, *, alpha: float, label: str) -> None:
    """Draw the range of P over the cohorts as a PNG, one line per comparison of the arms."""
    rows = summary[summary["quantity"].eq("p") & summary["analysis"].eq(RANK_SUM)].reset_index(drop=True)
    figure = Figure(figsize=(7.2, 0.16 * len(rows) + 0.9), layout="constrained")
    ax = figure.subplots()
    is_known = rows["reported"].str.match(r"\d")
    ax.plot(rows.loc[is_known, "reported"].astype(float), rows.index[is_known], "D", markersize=3.5, color="C1")
    unknown = rows[~is_known]
    ax.hlines(unknown.index, unknown["minimum"].clip(0.002), unknown["maximum"], color="0.5", linewidth=0.6)
    ax.hlines(unknown.index, unknown["p05"].clip(0.002), unknown["p95"], color="0.75", linewidth=3)
    ax.plot(unknown["median"], unknown.index, "o", markersize=3, color="0.3")
    ax.axvline(alpha, color="0.5", linewidth=0.7, linestyle="--", zorder=0)
    ax.set(xscale="log", xlim=(0.002, 1.05), ylim=(len(rows) - 0.4, -0.6), xlabel="P, two-sided rank-sum test")
    ax.set_xticks([0.005, 0.01, 0.05, 0.1, 0.5, 1], labels=["0.005", "0.01", "0.05", "0.1", "0.5", "1"])
    ax.minorticks_off()
    names = [", ".join(_display_names(row, trial)) for row in rows.itertuples()]
    ax.set_yticks(range(len(rows)), labels=names, fontsize=6)
    figure.suptitle(label, fontsize=8)
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=160, metadata={"Software": None, "Description": label})
