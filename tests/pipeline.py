"""Small invented participants and results; and the pipeline from workbook to verdicts in one process, for tests of its numbers."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from d_q_trial import claims, results_table
from d_q_trial.comparisons import Layout, build_layout
from d_q_trial.config import settings
from d_q_trial.participants import COLUMNS, Participants
from d_q_trial.results import build_results
from d_q_trial.stats.two_sample import rank_sum_variants
from d_q_trial.trial import Trial, load_trial
from d_q_trial.workbook.reader import read_workbook

CONFIG, PBC = "tests/config.yaml", "data/pbc/config.yaml"
CHOSEN = settings.load(CONFIG)
PUBLISHED = CHOSEN.analyses["published"]
TRIAL = load_trial(CHOSEN.trial)
LABEL = "Synthetic data: not the trial's participants"
DEFAULTS = {"cohort": "trial", "linked": True, "arm": "d_q", "marker": "", "stratum": "", "visit": "baseline"}
DEFAULTS |= {"measure": "value", "text": "", "sheet": "Sheet", "cell": "A1"}


def make_participants(rows: list[dict]) -> Participants:
    """Make participants from rows with at least participant, variable and value; other columns have defaults."""
    return Participants(pd.DataFrame([{**DEFAULTS, **row} for row in rows], columns=list(COLUMNS)), None, {})


def value_rows(participant: str, arm: str, variable: str, **visits: float | None) -> list[dict]:
    """Return a row per visit that has a value."""
    return [
        {"participant": participant, "arm": arm, "variable": variable, "visit": visit, "value": value}
        for visit, value in visits.items()
        if value is not None
    ]


def randomized(n=16, outcomes=("p1np",), *, seed=5, drop=(), changed=None, markers=None) -> list[dict]:
    """Return rows of two arms with a marker (0 to n - 1, permuted) and outcomes at four visits.

    ``drop`` lists each (participant, visit) without a value; ``changed`` replaces the values of others.
    """
    rng = np.random.default_rng(seed)
    markers = rng.permutation(n) if markers is None else markers
    replaced, rows = (changed or {}) | dict.fromkeys(drop), []
    for i in range(n):
        name, arm = f"A{i:02d}", "d_q" if i % 2 else "control"
        for outcome in outcomes:
            values = {"baseline": 40.0 + rng.integers(0, 30)}
            for visit in ("week_2", "week_4", "week_20"):
                values[visit] = float(np.round(values["baseline"] * np.exp(rng.normal(0.3 * (i % 2), 0.2)), 1))
            values = {visit: replaced.get((name, visit), value) for visit, value in values.items()}
            rows += value_rows(name, arm, outcome, **values)
        rows += value_rows(name, arm, "p16_variant_5", baseline=float(markers[i]))
    return rows


def result_rows(key: tuple[str, str, str], statistics: dict[str, object], **columns: str) -> list[dict[str, str]]:
    """Return a row of results for each statistic at (outcome, measure, visit); ``columns`` sets other columns."""
    row = dict.fromkeys(results_table.COLUMNS, "") | {"stratum": "all"}
    row |= dict(zip(results_table.KEYS, key, strict=False)) | columns
    return [row | {"statistic": statistic, "value": str(value)} for statistic, value in statistics.items()]


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
class Run(Layout):
    """The input of the robustness analyses, the participants that it was built from, and its results."""

    participants: Participants
    results: pd.DataFrame
    alternatives: pd.DataFrame

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
    return Run(layout.changes, layout.strata, layout.markers, trial, analysis, participants, *results)


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
