"""Make data/examples/consistency from simulated reaction times, with a known convention and one misprint."""

from pathlib import Path

import numpy as np
import pandas as pd
from simulated_papers import sample_p

from d_q_trial.formatting import round_decimal
from d_q_trial.stats.quantiles import quantile

FOLDER = Path("data/examples/consistency")
CONVENTION = "exact"
MISPRINTED, MISPRINT = "reading speed", "0.127"
ALL, LATE = (9, 8), (7, 6)  # participants per group; of the late session, only their sum is reported
COLUMNS = (
    "claim", "where", "p", "n_first", "n_second", "size_first", "size_second", "n_both", "ties", "variable",
    "median_first", "q1_first", "q3_first", "median_second", "q1_second", "q3_second",
)  # fmt: skip
OUTCOMES = (
    "simple reaction", "choice reaction", "go reaction", "stop reaction", "digit span", "reading speed", "tapping",
    "trail making", "word recall", "tracking",
)  # fmt: skip


def claims_csv(seed=1908):
    rng = np.random.default_rng(seed)
    rows = []
    for session, where, sizes in (("first session", "Table 1", ALL), ("late session", "Table 2", LATE)):
        for outcome in OUTCOMES:
            shift = rng.choice([0.0, 0.6, 1.2])
            samples = [rng.normal(mean, 40, n) for mean, n in zip((300 + 40 * shift, 300), sizes, strict=True)]
            p = f"{round_decimal(sample_p(*samples, CONVENTION), 3):f}"
            if (outcome, session) == (MISPRINTED, "first session"):
                p = MISPRINT
            size_columns = (*sizes, "", "", "") if sizes == ALL else ("", "", "late/new", "late/usual", sum(LATE))
            quartiles = [f"{q:.1f}" for s in samples for q in quantile(s, np.array([0.5, 0.25, 0.75]), type=7)]
            rows.append((f"{outcome} {session}", where, p, *size_columns, "none", f"{outcome} {session}", *quartiles))
    return pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False)


if __name__ == "__main__":
    (FOLDER / "claims.csv").write_text(claims_csv(), encoding="utf-8")
