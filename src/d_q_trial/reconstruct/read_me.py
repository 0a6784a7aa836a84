"""What the first sheet of a synthetic workbook says."""

from __future__ import annotations

from collections import Counter

from .cohort import Cohort
from .plan import Plan

ARM_LABELS = {"control": "Control", "d_q": "D+Q"}


def read_me_lines(cohort: Cohort, plan: Plan) -> list[str]:
    """Return the lines of the sheet, a cell each."""
    return [
        "SYNTHETIC DATA: not the participants of the trial",
        plan.label,
        "",
        "No row is a person. The journal's participant workbook was not used and not seen. A computer searched for values",
        "whose medians, quartiles, ranges, numbers of participants and P-values come out as printed in the article",
        "(doi:10.1038/s41591-024-03096-2) and in the registry record (NCT04313634).",
        f"Made by: python -m d_q_trial reconstruct --seed {cohort.seed}   (the same seed gives the same cells)",
        "",
        *_MEANING,
        "",
        "Conventions",
        "Percent change = 100 x (follow-up - baseline) / baseline of the recorded values, to 10 significant digits.",
        "Quartiles: type 7. P: two-sided rank-sum test, normal approximation corrected for ties, no continuity correction.",
        f"T3: p16 at or above the {plan.cut} quantile (type 7) of all participants; T1/T2: below it. Two women share the cut",
        "of variant 5, so that its T3 has 21 women; T3 by variant 1+5 has 20.",
        "A printed value is met if half-to-even or half-up rounding of the recomputed value gives it.",
        "",
        "Printed numbers that are read otherwise",
        *(line for reading in plan.readings for line in _reading(reading, plan)),
        "",
        "Who has no value, and why (partly derived from the printed numbers of participants)",
        *_absences(plan),
        "",
        "Guessed, because printed nowhere: tails and correlations; changes of CTx at 2 and 4 weeks but for their printed",
        "contrasts; changes of SASP proteins outside T3; on sheet 'p16 by age' all but numbers and range of age.",
        "p16 is in arbitrary units (AU). An empty cell is a missing value.",
    ]


_MEANING = (
    "What agreement means: the printed numbers can all be true at once, with the numbers of participants, recorded",
    "decimals and the test stated below; and the analysis recomputes them as it would from the trial's own file.",
    "What it does not mean: it is no evidence that the printed numbers are correct, no check of the trial's data, and no",
    "source for anything that the article does not print. Other cohorts agree as well; other seeds give them.",
    "Do not pool, publish or analyse these rows as data.",
)


def _reading(reading: dict[str, str], plan: Plan) -> list[str]:
    label, week = plan.outcomes[reading["outcome"]]["label"], reading["visit"].replace("_", " ")
    return [
        f"{label}, {week}, {ARM_LABELS[reading['group']]}: printed {reading['printed']}, read as {reading['read_as']}:",
        f"{reading['why']}. With this workbook the printed {reading['printed']} is a known difference.",
    ]


def _absences(plan: Plan) -> list[str]:
    counts: Counter[tuple[str, str]] = Counter()
    for gone in plan.absences:
        counts[ARM_LABELS[gone["arm"]], gone["why"]] += gone.get("number", 1)
    return [f"{number} x {arm}: {why}" for (arm, why), number in counts.items()]
