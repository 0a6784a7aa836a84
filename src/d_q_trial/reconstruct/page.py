"""The ensemble as a page: what the printed numbers pin down, and what they leave open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..formatting import p_digits
from .spread import COVARIANCE, INTERACTION, RANK_SUM

if TYPE_CHECKING:
    import pandas as pd

    from ..trial import Trial

_INTRO = """# What the printed numbers pin down, and what they leave open

**{label}.**

{cohorts} synthetic cohorts went through the same analysis. Each agrees with every number that the article and the registry
print of participants (1480% read as 148.0%), so what is printed is the same in all of them. What is not printed may differ:
where the cohorts spread, print leaves it open.

The spread is no confidence interval and says nothing of how likely a value is. The cohorts are those that one search finds
from the shapes in `data/reconstruct/trial.yaml`; others may exist that lie outside. So a wide spread **proves** that print
leaves a number open; a narrow one proves nothing.

This page is written by the commands at its end. Each cell gives the median of the cohorts and, in brackets, their 5th to
95th percentile.
"""

_PICTURE = """
![Spread of P over the cohorts, a line for each comparison]({picture})

*A line for each comparison: thin from the least to the greatest P of the cohorts, thick from the 5th to the 95th percentile,
a point at the median. Diamonds: printed P-values, which all cohorts share. Dashed: {alpha:g}.*
"""

_OPEN = """
## P-values that the article gives in figures only

The text says no more than the bound, or nothing. Share: cohorts with P below {alpha:g}; a bound fixes it at 0 or 100%.

| outcome | visit | women | in the text | P | share |
|---|---|---|---|---|---|
"""

_SHIFTS = """
## Sizes of effects

{contrast}, percentage points. The article prints differences of medians where the column says so; Hodges-Lehmann shifts
nowhere.

| outcome | visit | women | P in the text | printed difference | difference of medians | Hodges-Lehmann shift |
|---|---|---|---|---|---|---|
"""

_OTHER = """
## Analyses that the article announces, or does not make

Covariance: log follow-up on arm and log baseline, everybody. Interaction: whether the Mann-Whitney effect differs between the
strata. Share: cohorts with P below {alpha:g}.

| analysis | outcome | visit | strata by | P | share |
|---|---|---|---|---|---|
"""

_MADE = """
## How it is made

    python -m d_q_trial reconstruct --seeds {seeds} --folder results/reconstructed/cohorts
    python -m d_q_trial ensemble results/reconstructed/cohorts --page docs/ensemble.md --summary results/reconstructed/ensemble.csv
"""


def page_text(summary: pd.DataFrame, trial: Trial, alpha: float, label: str, seeds: str, picture: str = "") -> str:
    """Return the page as Markdown; ``summary`` as :func:`.spread.summarise` gives it, ``seeds`` as the command takes them, ``picture`` as a relative path."""
    cohorts = int(summary["cohorts"].max())
    words = {
        "label": label,
        "cohorts": cohorts,
        "alpha": alpha,
        "contrast": _contrast(trial),
        "seeds": seeds,
        "picture": picture,
    }
    parts = [_INTRO, _pinned(summary), _PICTURE if picture else "", _OPEN, *_open_rows(summary, trial)]
    parts += [_SHIFTS, *_shift_rows(summary, trial), _OTHER, *_other_rows(summary, trial), _MADE]
    return "".join(part.format(**words) if part.startswith(("\n", "#")) else part for part in parts)


def _contrast(trial: Trial) -> str:
    return f"{trial.arms.treated.label} - {trial.arms.control.label}"


def _pinned(summary: pd.DataFrame) -> str:
    """Say how many printed P-values stay where they are printed, and by how much the others reach."""
    p = summary[summary["quantity"].eq("p") & summary["analysis"].eq(RANK_SUM)]
    exact = p[p["printed"].str.match(r"\d", na=False)]
    decimals = exact["printed"].str.partition(".")[2].str.len()
    same = sum(
        round(row.minimum, places) == round(row.maximum, places)
        for row, places in zip(exact.itertuples(), decimals, strict=True)
    )
    others = p[~p.index.isin(exact.index)]
    both = others[others["share_below_alpha"].between(0, 1, inclusive="neither")]
    return (
        f"\nOf the {len(exact)} P-values that the text prints in digits for these comparisons, {same} print the same in all "
        f"cohorts.\nOf the other {len(others)}, which the text bounds or leaves out, the middle 90% of the cohorts reach over "
        f"{(others['p95'] - others['p05']).median():.2f} in\nthe median, and {len(both)} lie below {{alpha:g}} in some "
        "cohorts and above it in others.\n"
    )


def _open_rows(summary: pd.DataFrame, trial: Trial):
    for row in summary[summary["quantity"].eq("p") & summary["analysis"].eq(RANK_SUM)].itertuples():
        if not row.printed[:1].isdigit():
            yield _line(*where(row, trial), row.printed or "-", _spread(row, p_digits), _share(row))


def _shift_rows(summary: pd.DataFrame, trial: Trial):
    for _, part in summary[summary["analysis"].eq(RANK_SUM)].groupby(list(_PLACE), sort=False):
        cells = {row.quantity: row for row in part.itertuples()}
        p, difference = cells["p"], cells["median_difference"]
        shown = (
            p.printed or "-",
            difference.printed or "-",
            _spread(difference, _one_decimal),
            _spread(cells["hodges_lehmann"], _one_decimal),
        )
        yield _line(*where(p, trial), *shown)


def _other_rows(summary: pd.DataFrame, trial: Trial):
    for row in summary[summary["analysis"].isin([COVARIANCE, INTERACTION])].itertuples():
        by = trial.markers[row.marker].label if row.marker else "-"
        outcome, visit, _ = where(row, trial)
        yield _line(row.analysis, outcome, visit, by, _spread(row, p_digits), _share(row))


_PLACE = ("outcome", "visit", "marker", "stratum")


def where(row, trial: Trial) -> tuple[str, str, str]:
    """Return outcome, visit and women of a row of the summary, as readers know them."""
    women = f"{row.stratum} by {trial.markers[row.marker].label}" if row.marker else "all"
    return trial.outcomes[row.outcome].label, trial.visits[row.visit].label, women


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _spread(row, shown: Callable[[float], str]) -> str:
    return f"{shown(row.median)} ({shown(row.p05)} to {shown(row.p95)})"


def _one_decimal(value: float) -> str:
    return f"{value:.1f}"


def _share(row) -> str:
    return f"{100 * row.share_below_alpha:.0f}%"
