"""An invented cohort of the trial's shape, as plain values; the layouts write it in their own ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from d_q_trial.trial import Trial, load_trial

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"demographics": 70.0, "chemistry": 4.0, "turnover": 0.4, "bmd": 0.7}
OWN = {"p1np": 55.0, "bmi": 26.0, "vitamin_d_25oh": 33.0, "calcium": 9.4, "creatinine": 0.8, "phosphorus": 3.5}
DECIMALS = {"ctx": 3, "bmd_radius": 3, "bmd_femur_neck": 3, "bmd_lumbar_spine": 3}


@cache
def trial() -> Trial:
    return load_trial(ROOT / "data" / "trial.yaml")


@dataclass
class Cohort:
    """Values by (variable, visit) and participant; what is missing has no entry."""

    arms: dict[str, str] = field(default_factory=dict)
    values: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    population: list[dict[str, float]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return list(self.arms)

    def get(self, variable: str, visit: str, identity: str) -> float | None:
        return self.values.get((variable, visit), {}).get(identity)


def of_frame(frame: pd.DataFrame) -> Cohort:
    """The participants and the population sample of a table of participants."""
    frame = frame[frame["text"] == ""]
    own = frame[frame["cohort"] == "trial"]
    values = {
        key: dict(zip(g["participant"], g["value"], strict=True)) for key, g in own.groupby(["variable", "visit"])
    }
    order = [(key, visit) for key, o in trial().outcomes.items() for visit in ["baseline", *o.follow_up]]
    order += [(key, "baseline") for key in trial().markers]
    sample = frame[frame["cohort"] == "population"].groupby("participant", sort=False)
    return Cohort(
        own.groupby("participant", sort=False)["arm"].first().to_dict(),
        {key: values[key] for key in order if key in values},
        [dict(zip(person["variable"], person["value"], strict=True)) for _, person in sample],
    )


def make(seed: int = 5, *, arm_size: int = 12, outcomes: list[str] | None = None, others: int = 0) -> Cohort:
    """Draw a cohort; ``others`` participants are of an arm that is not analysed."""
    t = trial()
    random = np.random.default_rng(seed)
    cohort = Cohort()
    arms = ["d_q", "control"] * arm_size + ["fisetin"] * others
    ids = [f"DQ-{number:03d}" for number in sorted(random.choice(np.arange(1, 200), len(arms), replace=False))]
    cohort.arms = dict(zip(ids, (str(a) for a in random.permutation(arms)), strict=True))
    for key, outcome in t.outcomes.items():
        if outcomes is not None and key not in outcomes:
            continue
        level = OWN.get(key) or LEVELS.get(outcome.family) or float(np.sqrt(np.prod(outcome.plausible)))
        digits = DECIMALS.get(key, outcome.decimals)
        for visit in ["baseline", *outcome.follow_up]:
            cells = {}
            for identity in ids:
                if visit != "baseline" and random.random() < 0.06:
                    continue
                if outcome.kind == "binary":
                    cells[identity] = float(random.random() < 0.4)
                else:
                    spread = 0.08 if key == "age" else 0.25
                    cells[identity] = round(float(level * np.exp(spread * random.standard_normal())), digits)
            cohort.values[key, visit] = cells
    for key in t.markers:
        drawn = random.permutation(np.arange(1, 400))[: len(ids)] / 100
        cohort.values[key, "baseline"] = {i: float(x) for i, x in zip(ids, drawn, strict=True)}
    for _ in range(25):
        cohort.population.append(
            {"age": round(float(random.uniform(23, 88)), 1)}
            | {key: round(float(random.uniform(0.1, 4)), 2) for key in t.markers}
        )
    return cohort
