"""Small made-up participants for tests."""

import pandas as pd

from d_q_trial.participants import COLUMNS, Participants

DEFAULTS = {
    "cohort": "trial",
    "linked": True,
    "arm": "d_q",
    "marker": "",
    "stratum": "",
    "visit": "baseline",
    "measure": "value",
    "text": "",
    "sheet": "Sheet",
    "cell": "A1",
}


def participants(rows: list[dict], label: str | None = None) -> Participants:
    """Rows with at least participant, variable and value; the rest has defaults."""
    return Participants(pd.DataFrame([{**DEFAULTS, **row} for row in rows], columns=list(COLUMNS)), label, {})


def measured(participant: str, arm: str, variable: str, **visits: float | None) -> list[dict]:
    """One row per visit that has a value."""
    return [
        {"participant": participant, "arm": arm, "variable": variable, "visit": visit, "value": value}
        for visit, value in visits.items()
        if value is not None
    ]
