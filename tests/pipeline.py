"""Runs the line from workbook to verdicts in one process; what tests of its numbers share."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import pandas as pd

from d_q_trial import claims
from d_q_trial.comparisons import Layout, build_layout
from d_q_trial.config import settings
from d_q_trial.participants import Participants
from d_q_trial.results import build_results
from d_q_trial.stats.two_sample import rank_sum_variants
from d_q_trial.trial import Trial, load_trial
from d_q_trial.workbook.reader import read_workbook

CONFIG, PBC = "tests/config.yaml", "data/pbc/config.yaml"
CHOSEN = settings.load(CONFIG)
PUBLISHED = CHOSEN.analyses["published"]
TRIAL = load_trial(CHOSEN.trial)
LABEL = "Synthetic data: not the trial's participants"


def analysis(**different) -> settings.Analysis:
    """An analysis of a workbook x with these settings, as a configuration states them."""
    content = {"trial": "x", "analyses": {"published": {"workbook": "x", "marker": "p16_variant_5", **different}}}
    return settings.load(content).analyses["published"]


def altered(trial: Trial, kind: str, key: str, **different) -> Trial:
    """The trial with another of its outcomes or visits."""
    entries = getattr(trial, kind)
    return trial.model_copy(update={kind: entries | {key: entries[key].model_copy(update=different)}})


def pick(table: pd.DataFrame, **keys) -> pd.DataFrame:
    """The rows of a table with these keys."""
    for key, wanted in keys.items():
        table = table[table[key].eq(wanted)]
    return table


def one(table: pd.DataFrame, **keys) -> pd.Series:
    """The one row of a table with these keys."""
    rows = pick(table, **keys)
    assert len(rows) == 1, f"{len(rows)} rows for {keys}"
    return rows.iloc[0]


@dataclass(frozen=True)
class Run:
    participants: Participants
    changes: pd.DataFrame
    strata: pd.DataFrame
    results: pd.DataFrame
    alternatives: pd.DataFrame
    trial: Trial
    analysis: settings.Analysis

    @property
    def layout(self) -> Layout:
        """What the robustness analyses start from."""
        return Layout(self.changes, self.strata, self.trial, self.analysis)

    def value(self, statistic: str, **keys: str) -> float:
        """The one number of the results with these keys."""
        return one(self.results, statistic=statistic, **keys)["value"]

    def verdicts(self, known: dict[str, str] | None = None) -> pd.DataFrame:
        """Verdicts on everything that the paper and the registry print."""
        printed = claims.read_claims("data/published")
        return claims.judge(printed, self.results, self.alternatives, self.trial, known or {}, self.strata)


def run(
    participants: Participants, trial: Trial, analysis: settings.Analysis, also: tuple[str, ...] = rank_sum_variants()
) -> Run:
    layout = build_layout(participants, trial, analysis)
    results = build_results(participants, layout, also=also)
    return Run(participants, layout.changes, layout.strata, *results, trial, analysis)


@lru_cache
def of_config(path: str = CONFIG) -> Run:
    """The reference analysis of a configuration."""
    chosen = settings.load(path)
    trial = load_trial(chosen.trial)
    analysis = chosen.analyses[chosen.reference]
    participants = read_workbook(analysis.workbook, trial, analysis.mapping)
    return run(participants, trial, analysis, rank_sum_variants() if chosen.published else ())


def rerun(base: Run, *, frame: pd.DataFrame | None = None, **different) -> Run:
    """An analysis again, with other participants or another setting."""
    participants = base.participants if frame is None else replace(base.participants, frame=frame)
    return run(participants, base.trial, base.analysis.model_copy(update=different))


def unreproduced(workbook: str | Path) -> list[str]:
    """Reported values that the published analysis of a synthetic cohort does not reproduce, and that are not known to differ."""
    verdicts = run(read_workbook(workbook, TRIAL), TRIAL, PUBLISHED).verdicts()
    known = claims.known_differences("data/published", synthetic=True)
    failed = verdicts["verdict"].isin([*claims.FAILURES, claims.OTHER_CONVENTION])
    return sorted(set(verdicts.loc[failed, "claim"]) - set(known))
