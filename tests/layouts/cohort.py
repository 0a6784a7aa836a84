"""An invented cohort with the variables and visits of the trial, for the layouts to write."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from d_q_trial.trial import Trial, load_trial

ROOT = Path(__file__).resolve().parents[2]


@cache
def trial() -> Trial:
    return load_trial(ROOT / "data" / "trial.yaml")


@dataclass
class Cohort:
    """Values by (variable, visit) and participant; missing values have no entry."""

    arms: dict[str, str] = field(default_factory=dict)
    values: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    population: list[dict[str, float]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return list(self.arms)

    def get(self, variable: str, visit: str, identity: str) -> float | None:
        return self.values.get((variable, visit), {}).get(identity)


def from_frame(frame: pd.DataFrame) -> Cohort:
    """Make a cohort from a table of participants, with the population sample."""
    frame = frame[frame["text"] == ""]
    rows = frame[frame["cohort"] == "trial"]
    values = {
        key: dict(zip(g["participant"], g["value"], strict=True)) for key, g in rows.groupby(["variable", "visit"])
    }
    order = [(key, visit) for key, o in trial().outcomes.items() for visit in ["baseline", *o.follow_up]]
    order += [(key, "baseline") for key in trial().markers]
    sample = frame[frame["cohort"] == "population"].groupby("participant", sort=False)
    return Cohort(
        rows.groupby("participant", sort=False)["arm"].first().to_dict(),
        {key: values[key] for key in order if key in values},
        [dict(zip(rows["variable"], rows["value"], strict=True)) for _, rows in sample],
    )


def make(seed: int = 5, *, arm_size: int = 12, outcomes: list[str] | None = None) -> Cohort:
    """Draw a cohort with values in the middle of the plausible ranges."""
    random = np.random.default_rng(seed)
    ids = [f"DQ-{number:03d}" for number in sorted(random.choice(np.arange(1, 200), 2 * arm_size, replace=False))]
    cohort = Cohort(dict(zip(ids, random.permutation(["d_q", "control"] * arm_size).tolist(), strict=True)))
    for key, outcome in trial().outcomes.items():
        for visit in ["baseline", *outcome.follow_up] if outcomes is None or key in outcomes else ():
            present = [identity for identity in ids if visit == "baseline" or random.random() > 0.06]
            values = np.sqrt(np.prod(outcome.plausible or 1.0)) * np.exp(0.25 * random.standard_normal(len(present)))
            values = values > 1 if outcome.kind == "binary" else values.round(3)
            cohort.values[key, visit] = dict(zip(present, values.astype(float).tolist(), strict=True))
    for key in trial().markers:
        values = random.permutation(np.arange(1, 400))[: len(ids)] / 100
        cohort.values[key, "baseline"] = dict(zip(ids, values.tolist(), strict=True))
    sample = [random.uniform(23, 88, 25).round(1), *random.uniform(0.1, 4, (len(trial().markers), 25)).round(2)]
    for values in zip(*sample, strict=True):
        cohort.population.append(dict(zip(["age", *trial().markers], map(float, values), strict=True)))
    return cohort
