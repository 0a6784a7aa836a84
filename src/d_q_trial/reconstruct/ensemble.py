"""Many cohorts that agree with everything printed, and what they say where nothing is printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import UserError
from ..files import write_csv, write_text
from .cohort import BASELINE, Cohort, reconstruct
from .plan import Plan
from .printed import Printed

# Middle 90% of the cohorts, beside the least and the greatest.
_LEVELS = {"minimum": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "maximum": 1.0}


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of ``"1-100"`` or ``"3,5,8-10"``."""
    seeds: list[int] = []
    for part in text.split(","):
        numbers = [piece.strip() for piece in part.split("-")]
        if len(numbers) > 2 or not all(map(str.isdigit, numbers)) or int(numbers[0]) > int(numbers[-1]):
            raise UserError(f"--seeds {text!r}: expected whole numbers and ranges, such as 1-100 or 3,5,8-10")
        seeds += range(int(numbers[0]), int(numbers[-1]) + 1)
    return list(dict.fromkeys(seeds))


def contrasts(cohort: Cohort, plan: Plan) -> list[dict]:
    """Return the contrasts of the arms that the article draws, a row each, with the numbers of one cohort.

    Percent changes of bone turnover and density: difference of medians, Hodges-Lehmann shift (both in percentage
    points), P and the number of participants, overall and within strata.
    """
    from ..stats.rank_sum import rank_sum
    from ..stats.shift import hodges_lehmann

    rows = []
    strata = [("", "all")] + [(marker, stratum) for marker in plan.markers for stratum in ("T3", "T1/T2")]
    treated, control = (
        next(key for key in plan.arms if (key == "control") is is_control) for is_control in (False, True)
    )
    for outcome in plan.outcomes:
        if plan.family(outcome) not in ("turnover", "bmd"):
            continue
        for visit in plan.visits(outcome):
            base = cohort.values(outcome, BASELINE)
            change = 100.0 * (cohort.values(outcome, visit) - base) / base
            change = np.array([float(f"{value:.10g}") for value in change])
            for marker, stratum in strata:
                first, second = (
                    change[cohort.people.members(marker, stratum, arm) & ~np.isnan(change)]
                    for arm in (treated, control)
                )
                test = rank_sum(first, second, method="normal")
                rows.append(
                    {
                        "outcome": outcome,
                        "visit": visit,
                        "marker": marker,
                        "stratum": stratum,
                        "median_difference": float(np.median(first) - np.median(second)),
                        "hodges_lehmann": hodges_lehmann(first, second, method="normal", confidence=0.95).estimate,
                        "p": test.p,
                    }
                )
    return rows


def summarise(cohorts: list[list[dict]], printed: Printed):
    """Return a frame: a row per contrast and quantity, its spread over the cohorts, and what is printed of it."""
    import pandas as pd

    keys = ["outcome", "visit", "marker", "stratum"]
    quantities = ["median_difference", "hodges_lehmann", "p"]
    table = pd.DataFrame([row for rows in cohorts for row in rows])
    result = []
    for key, part in table.groupby(keys, sort=False):
        for quantity in quantities:
            levels = np.quantile(part[quantity], list(_LEVELS.values()))
            row = dict(zip(keys, key, strict=True)) | {"quantity": quantity, "cohorts": len(part)}
            row |= {name: float(f"{level:.6g}") for name, level in zip(_LEVELS, levels, strict=True)}
            result.append(row | {"printed": _printed(printed, quantity, *key)})
    return pd.DataFrame(result)


def _printed(printed: Printed, quantity: str, outcome: str, visit: str, marker: str, stratum: str) -> str:
    for row in printed.tests_of(outcome, visit):
        if (row["marker"], row["stratum"]) == (marker, stratum):
            if quantity == "p":
                return row["p"] if row["p_relation"] == "=" else f"{row['p_relation']} {row['p']}"
            if quantity == "median_difference":
                return row["effect"]
    return ""


def make(
    plan: Plan,
    printed: Printed,
    seeds: list[int],
    folder: Path | str | None,
    summary: Path | str | None,
    page: Path | str | None,
) -> None:
    """Search a cohort per seed and write their workbooks, the table of their spread and the page about it."""
    from . import progress
    from .correlations import correlations, spread
    from .page import page_text
    from .workbook import write_workbook

    numbers, soft, seconds = [], [], []
    for number, seed in enumerate(seeds):
        with progress.bar(f"cohort {number + 1} of {len(seeds)} (seed {seed})") as step:
            cohort = reconstruct(plan, printed, seed, progress=step)
        if folder:
            write_workbook(cohort, plan, Path(folder) / f"cohort_{seed:04d}.xlsx")
        numbers.append(contrasts(cohort, plan))
        soft.append(correlations(cohort, plan))
        seconds.append(cohort.seconds)
    frame = summarise(numbers, printed)
    if summary:
        write_csv(frame, summary)
    if page:
        write_text(page_text(frame, spread(soft), plan), page)
    progress.tell(
        [f"{len(seeds)} cohorts; seconds per cohort: median {np.median(seconds):.1f}, longest {max(seconds):.1f}"]
    )
