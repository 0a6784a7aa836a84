"""Many cohorts that agree with every reported number: make them, and summarise what the paper leaves open."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError
from ..files import atomic
from ..formatting import p_digits
from ..stats.checks import is_significant
from .cohort import reconstruct
from .workbook import write_workbook

if TYPE_CHECKING:
    import pandas as pd

    from ..config.settings import Analysis, Robustness
    from ..trial import Trial
    from .constraints import Targets
    from .design import Design

RANK_SUM, COVARIANCE, INTERACTION = "rank_sum", "covariance", "interaction"
KEYS = ["analysis", "outcome", "visit", "marker", "stratum", "quantity"]
LEVELS = {"minimum": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "maximum": 1.0}

_PAGE = """# Numbers that the paper does not determine

**{label}.**

{cohorts} synthetic cohorts (seeds {seeds}) went through the same analysis. Each agrees with every value that the
article and the registry report about the participants (1480% read as 148.0%), so reported numbers are the same in all of them. Where the cohorts
differ, the reported numbers leave a value open.

The range over cohorts is not a confidence interval and does not say how likely a value is. The cohorts are those that one
search finds from the shapes in `data/reconstruct/trial.yaml`; others may lie outside. A wide range **proves** that a value is
open; a narrow one proves nothing.

Each cell gives the median of the cohorts with their 5th and 95th percentiles. Share: cohorts with P below {alpha:g}. Differences
are {contrast}, in percentage points. Covariance: log follow-up on arm and log baseline, all participants. Interaction: whether the
probability of superiority differs between the strata.

![Range of P over the cohorts, one line per comparison]({picture})

*Thin line: smallest to largest P; thick line: 5th to 95th percentile; point: median; diamond: reported P; dashed: {alpha:g}.*

| analysis | quantity | outcome | visit | participants | reported | cohorts | share |
|---|---|---|---|---|---|---|---|
{rows}

## How it is made

    python -m d_q_trial reconstruct --seeds {seeds} --folder results/reconstructed/cohorts
    python -m d_q_trial ensemble results/reconstructed/cohorts --page docs/ensemble.md --summary results/reconstructed/ensemble.csv
"""


@contextlib.contextmanager
def progress_bar(title: str, unit: str = "columns") -> Iterator[Callable[[int, int, str], None]]:
    """Yield ``step(done, total, what)``, which shows progress on standard error: one line, or one per tenth in a log."""
    live, shown = sys.stderr.isatty(), -1

    def step(done: int, total: int, what: str) -> None:
        nonlocal shown
        if live or 10 * done // total != shown:
            print(f"{title}: {done}/{total} {unit}, {what}", file=sys.stderr, end="\r" if live else "\n", flush=True)
        shown = 10 * done // total

    yield step
    if live:
        print(file=sys.stderr)


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of ``"1-100"`` or ``"3,5,8-10"``."""
    seeds: list[int] = []
    for part in text.split(","):
        numbers = [piece.strip() for piece in part.split("-")]
        if len(numbers) > 2 or not all(map(str.isdigit, numbers)) or int(numbers[0]) > int(numbers[-1]):
            raise UserError(f"--seeds {text!r}: expected whole numbers and ranges, such as 1-100 or 3,5,8-10")
        seeds += range(int(numbers[0]), int(numbers[-1]) + 1)
    return list(dict.fromkeys(seeds))


def cohort_name(seed: int) -> str:
    """Return the name of a cohort's workbook."""
    return f"cohort_{seed:04d}.xlsx"


def seeds_of(folder: Path | str) -> list[int]:
    """Return the seeds whose cohorts are in a folder, in order."""
    names = (re.fullmatch(r"cohort_(\d{4,})\.xlsx", path.name) for path in Path(folder).glob("*.xlsx"))
    return sorted(int(name[1]) for name in names if name)


def make_cohorts(design: Design, targets: Targets, seeds: list[int], folder: Path | str) -> None:
    """Search one cohort per seed and write it as ``cohort_0001.xlsx``.

    A cohort depends on its seed alone, so that several processes can share the seeds.
    """
    for number, seed in enumerate(seeds, start=1):
        with progress_bar(f"cohort {number} of {len(seeds)} (seed {seed})") as step:
            cohort = reconstruct(design, targets, seed, progress=step)
        write_workbook(cohort, design, Path(folder) / cohort_name(seed))


def numbers_of(
    workbook: Path | str, trial: Trial, analysis: Analysis, robustness: Robustness
) -> tuple[pd.DataFrame, str]:
    """Run one cohort through the pipeline.

    Returns
    -------
    pandas.DataFrame
        A row per number, columns ``KEYS`` and ``value``: contrasts of the arms overall and within strata (median
        difference, Hodges-Lehmann estimate, P), P of the analysis of covariance of all participants, and P of the
        interaction with the strata; for bone turnover and density.
    str
        The workbook's label.

    Raises
    ------
    UserError
        If the workbook does not say that it is synthetic.
    """
    import pandas as pd

    from ..changes import build_changes
    from ..results import build_results
    from ..robustness.comparisons import overall
    from ..robustness.interaction import interactions
    from ..robustness.sensitivity import covariance_rows
    from ..strata import build_strata
    from ..workbook.reader import read_workbook

    people = read_workbook(workbook, trial, analysis.mapping)
    if people.label is None:
        raise UserError(f"{workbook}: expected a synthetic cohort; the workbook does not say that it is one")
    # Without the 36 proteins, which the page does not show, an ensemble takes a fraction of the time.
    others = [key for key, outcome in trial.outcomes.items() if outcome.family not in ("turnover", "bmd")]
    people = replace(people, frame=people.frame[~people.frame["variable"].isin(others)])
    changes = build_changes(people, trial, analysis)
    strata = build_strata(people, trial, analysis)
    results, _ = build_results(people, changes, strata, trial, analysis)
    chosen = results["contrast"].eq(trial.contrast) & results["measure"].eq(analysis.measure)
    chosen &= results["statistic"].isin(("median_difference", "hodges_lehmann", "p"))
    rows = [row for comparison in overall(changes, trial, analysis) for row in covariance_rows(comparison, analysis)]
    covariance = pd.DataFrame(rows, columns=list(results.columns))
    covariance = covariance[covariance["statistic"].eq("p") & covariance["measure"].eq("log_ratio")]
    # P from placements is wanted, so one permutation is enough.
    interaction = interactions(changes, strata, trial, analysis, robustness.model_copy(update={"permutations": 1}))
    interaction = interaction[interaction["statistic"].eq("p") & interaction["method"].str.startswith("placements")]
    parts = {RANK_SUM: results[chosen], COVARIANCE: covariance, INTERACTION: interaction}
    tables = [part.assign(analysis=name, quantity=part["statistic"])[[*KEYS, "value"]] for name, part in parts.items()]
    return pd.concat(tables, ignore_index=True), people.label


def summarise(cohorts: list[pd.DataFrame], targets: Targets, alpha: float) -> pd.DataFrame:
    """Return a row per number: its quantiles over the cohorts, the share of P below ``alpha``, and the reported value."""
    import pandas as pd

    result = []
    for key, part in pd.concat(cohorts).groupby(KEYS, sort=False):
        row = dict(zip(KEYS, key, strict=True)) | {"cohorts": len(part)}
        levels = np.quantile(part["value"], list(LEVELS.values()))
        row |= {name: float(f"{level:.6g}") for name, level in zip(LEVELS, levels, strict=True)}
        row["share_below_alpha"] = (
            float(is_significant(part["value"], alpha).mean()) if row["quantity"] == "p" else np.nan
        )
        result.append(row | {"reported": _reported(targets, row)})
    return pd.DataFrame(result)


def _reported(targets: Targets, wanted: dict) -> str:
    if wanted["analysis"] != RANK_SUM:
        return ""
    for row in targets.tests_of(wanted["outcome"], wanted["visit"]):
        if (row["marker"], row["stratum"]) == (wanted["marker"], wanted["stratum"]):
            if wanted["quantity"] == "p":
                return row["p"] if row["p_relation"] == "=" else f"{row['p_relation']} {row['p']}"
            return row["effect"] if wanted["quantity"] == "median_difference" else ""
    return ""


def page_text(summary: pd.DataFrame, trial: Trial, alpha: float, label: str, seeds: str, picture: str) -> str:
    """Return the summary as a page of Markdown."""
    names = {"p": "P", "median_difference": "median difference", "hodges_lehmann": "Hodges-Lehmann estimate"}
    rows = []
    for row in summary.itertuples():
        show = p_digits if row.quantity == "p" else "{:.1f}".format
        spread = f"{show(row.median)} ({show(row.p05)} to {show(row.p95)})"
        share = "" if np.isnan(row.share_below_alpha) else f"{100 * row.share_below_alpha:.0f}%"
        cells = (row.analysis.replace("_", "-"), names[row.quantity], *_place(row, trial), row.reported, spread, share)
        rows.append("| " + " | ".join(cells) + " |")
    words = {"label": label, "seeds": seeds, "alpha": alpha, "picture": picture, "cohorts": summary["cohorts"].max()}
    contrast = f"{trial.arms.treated.label} - {trial.arms.control.label}"
    return _PAGE.format(**words, contrast=contrast, rows="\n".join(rows))


def _place(row, trial: Trial) -> tuple[str, str, str]:
    """Return outcome, visit and participants of a row of the summary by their display names."""
    by = f"{row.stratum} by {trial.markers[row.marker].label}" if row.marker and row.stratum else ""
    by = by or (f"by {trial.markers[row.marker].label}" if row.marker else "all")
    return trial.outcomes[row.outcome].label, trial.visits[row.visit].label, by


def draw_summary(summary: pd.DataFrame, trial: Trial, path: Path | str, *, alpha: float, label: str) -> None:
    """Draw the range of P over the cohorts as a PNG, one line per comparison of the arms."""
    from matplotlib.figure import Figure

    rows = summary[summary["quantity"].eq("p") & summary["analysis"].eq(RANK_SUM)]
    figure = Figure(figsize=(7.2, 0.16 * len(rows) + 0.9), layout="constrained")
    ax = figure.subplots()
    for at, row in enumerate(rows.itertuples()):
        if row.reported[:1].isdigit():
            ax.plot(float(row.reported), at, "D", markersize=3.5, color="C1")
            continue
        ax.plot([max(row.minimum, 0.002), row.maximum], [at, at], color="0.5", linewidth=0.6)
        ax.plot([max(row.p05, 0.002), row.p95], [at, at], color="0.75", linewidth=3)
        ax.plot(row.median, at, "o", markersize=3, color="0.3")
    ax.axvline(alpha, color="0.5", linewidth=0.7, linestyle="--", zorder=0)
    ax.set(xscale="log", xlim=(0.002, 1.05), ylim=(len(rows) - 0.4, -0.6), xlabel="P, two-sided rank-sum test")
    ax.set_xticks([0.005, 0.01, 0.05, 0.1, 0.5, 1], labels=["0.005", "0.01", "0.05", "0.1", "0.5", "1"])
    ax.minorticks_off()
    ax.set_yticks(range(len(rows)), labels=[", ".join(_place(row, trial)) for row in rows.itertuples()], fontsize=6)
    figure.suptitle(label, fontsize=8)
    with atomic(path) as temporary:
        figure.savefig(temporary, format="png", dpi=160, metadata={"Software": None, "Description": label})
