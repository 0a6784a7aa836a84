"""Run the pipeline from workbook to verdicts in one process, for tests of its numbers."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from d_q_trial import claims
from d_q_trial.comparisons import Layout, build_layout
from d_q_trial.config import settings
from d_q_trial.participants import Participants
from d_q_trial.results import build_results
from d_q_trial.stats.two_sample import rank_sum_variants
from d_q_trial.strata import select_marker_values
from d_q_trial.trial import Trial, load_trial
from d_q_trial.workbook.reader import read_workbook

CONFIG, PBC = "tests/config.yaml", "data/pbc/config.yaml"
CHOSEN = settings.load(CONFIG)
PUBLISHED = CHOSEN.analyses["published"]
TRIAL = load_trial(CHOSEN.trial)
LABEL = "Synthetic data: not the trial's participants"


def make_analysis(**overrides) -> settings.Analysis:
    """Return an analysis of a workbook x with these settings, as a configuration would set them."""
    content = {"trial": "x", "analyses": {"published": {"workbook": "x", "marker": "p16_variant_5", **overrides}}}
    return settings.load(content).analyses["published"]


def alter_trial(trial: Trial, kind: str, key: str, **overrides) -> Trial:
    """Return the trial with one of its outcomes or visits (``kind``) altered."""
    entries = getattr(trial, kind)
    return trial.model_copy(update={kind: entries | {key: entries[key].model_copy(update=overrides)}})


def pick(table: pd.DataFrame, **keys) -> pd.DataFrame:
    """Return the rows of a table with these values in these columns."""
    for column, value in keys.items():
        table = table[table[column].eq(value)]
    return table


def one(table: pd.DataFrame, **keys) -> pd.Series:
    """Return the only row of a table with these values in these columns."""
    rows = pick(table, **keys)
    assert len(rows) == 1, f"{len(rows)} rows for {keys}"
    return rows.iloc[0]


def widen_changes(layout: Layout) -> tuple[pd.DataFrame, np.ndarray]:
    """Return changes by participant and by (outcome, visit), and whether each participant is treated."""
    changes = layout.changes[layout.changes["measure"].ne("baseline")]
    wide = changes.pivot(index=["participant", "arm"], columns=["outcome", "visit"], values="value")
    return wide.droplevel("arm"), wide.index.get_level_values("arm") == layout.trial.arms.treated.key


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
        """The input of the robustness analyses."""
        markers = select_marker_values(self.participants, self.trial, self.analysis)
        return Layout(self.changes, self.strata, markers, self.trial, self.analysis)

    def value(self, statistic: str, **keys: str) -> float:
        """Return the only value in the results with these keys."""
        return one(self.results, statistic=statistic, **keys)["value"]

    def verdicts(self, known_differences: dict[str, str] | None = None) -> pd.DataFrame:
        """Judge all values that the paper and the registry report."""
        tables = claims.read_claims("data/published"), self.results, self.alternatives
        return claims.judge_claims(*tables, self.trial, known_differences or {}, self.strata)


def run(
    participants: Participants, trial: Trial, analysis: settings.Analysis, also: tuple[str, ...] = rank_sum_variants()
) -> Run:
    layout = build_layout(participants, trial, analysis)
    results = build_results(participants, layout, also=also)
    return Run(participants, layout.changes, layout.strata, *results, trial, analysis)


@lru_cache
def run_config(path: str = CONFIG) -> Run:
    """Run the reference analysis of a configuration."""
    config = settings.load(path)
    trial = load_trial(config.trial)
    analysis = config.analyses[config.reference]
    participants = read_workbook(analysis.workbook, trial, analysis.mapping)
    return run(participants, trial, analysis, rank_sum_variants() if config.published else ())


def rerun(base: Run, *, frame: pd.DataFrame | None = None, **overrides) -> Run:
    """Repeat an analysis with other participants or other settings."""
    participants = base.participants if frame is None else replace(base.participants, frame=frame)
    return run(participants, base.trial, base.analysis.model_copy(update=overrides))


def list_unreproduced(workbook: str | Path) -> list[str]:
    """List reported values that the published analysis of a synthetic cohort does not reproduce, except known differences."""
    verdicts = run(read_workbook(workbook, TRIAL), TRIAL, PUBLISHED).verdicts()
    known_differences = claims.read_known_differences("data/published", synthetic=True)
    failed = verdicts["verdict"].isin([*claims.FAILURES, claims.OTHER_CONVENTION])
    return sorted(set(verdicts.loc[failed, "claim"]) - set(known_differences))
