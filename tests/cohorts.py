"""Small invented participants and results for tests."""

import numpy as np
import pandas as pd

from d_q_trial import results_table
from d_q_trial.participants import COLUMNS, Participants

DEFAULTS = {"cohort": "trial", "linked": True, "arm": "d_q", "marker": "", "stratum": "", "visit": "baseline"}
DEFAULTS |= {"measure": "value", "text": "", "sheet": "Sheet", "cell": "A1"}


def make_participants(rows: list[dict], label: str | None = None) -> Participants:
    """Make participants from rows with at least participant, variable and value; other columns have defaults."""
    return Participants(pd.DataFrame([{**DEFAULTS, **row} for row in rows], columns=list(COLUMNS)), label, {})


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
