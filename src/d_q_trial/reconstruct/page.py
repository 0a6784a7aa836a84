"""The ensemble as a page: what the printed numbers pin down, and what they leave open."""

from __future__ import annotations

from .plan import Plan

_INTRO = """# What the printed numbers pin down, and what they leave open

**{label}.** {cohorts} synthetic cohorts, each of which agrees with every number that the article and the registry print of
participants (the 1480% as 148.0%), are held side by side: `python -m d_q_trial reconstruct --seeds ... --page ...` makes
this page. A number that is printed is the same in all of them. A number that is not printed may differ: where the cohorts
agree, print pins it down; where they spread, it leaves it open.

The spread is no confidence interval and says nothing of how likely a value is: the cohorts are those that one search
finds from the shapes that `data/reconstruct/trial.yaml` starts with, so the truth can lie outside. In particular a wide
spread proves that print leaves a number open; a narrow one proves nothing.

"""

_SHIFTS = """## Contrasts of the arms, D+Q - control

Percent changes from baseline. Each cell: median of the cohorts (5th to 95th percentile). Differences and shifts are in
percentage points. T3 and T1/T2 by the p16 assay named. "Printed" is P as the article prints it as text, or the bound that
the text gives; the P-values of the other panels exist inside images only.

| outcome | visit | women | difference of medians | Hodges-Lehmann shift | P | printed P |
|---|---|---|---|---|---|---|
"""

_SOFT = """## What goes together within a woman

Spearman correlations: soft goals of the search, printed nowhere except variant 5 with age.

| correlation | median of the cohorts | least | greatest |
|---|---|---|---|
"""


def page_text(frame, correlations: dict[str, tuple[float, float, float]], plan: Plan) -> str:
    """Return the page as Markdown; ``frame`` as ``ensemble.summarise`` gives it."""
    lines = []
    for key, part in frame.groupby(["outcome", "visit", "marker", "stratum"], sort=False):
        outcome, visit, marker, stratum = key
        cells = {row.quantity: row for row in part.itertuples()}
        women = f"{stratum} by {plan.trial_markers[marker]['label']}" if marker else "all"
        shown = [
            plan.outcomes[outcome]["label"],
            visit.replace("_", " "),
            women,
            _spread(cells["median_difference"], 1),
            _spread(cells["hodges_lehmann"], 1),
            _spread(cells["p"], 3),
            cells["p"].printed or "-",
        ]
        lines.append("| " + " | ".join(shown) + " |")
    soft = [f"| {name} | {middle:.2f} | {low:.2f} | {high:.2f} |" for name, (low, middle, high) in correlations.items()]
    intro = _INTRO.format(label=plan.label, cohorts=int(frame["cohorts"].max()))
    return intro + _SHIFTS + "\n".join(lines) + "\n\n" + _SOFT + "\n".join(soft) + "\n"


def _spread(row, decimals: int) -> str:
    return f"{row.median:.{decimals}f} ({row.p05:.{decimals}f} to {row.p95:.{decimals}f})"
