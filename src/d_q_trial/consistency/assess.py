"""Each printed P-value under the inferred variant: attainable, with which U, and if not, what would explain it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..stats.checks import is_significant
from .claims import Claim
from .lattice import TIE_STEP, VARIANTS, fit, fit_tied, lattice, p_value
from .variants import Inference

NOT_RULED_OUT = 0.001  # probability of a variant
MOST_MISSING = 2  # participants without a value, in either group, that are reckoned with
ATTAINABLE, TIES, FEWER = "attainable", "attainable with ties", "attainable with fewer participants"
MANY_TIES, OTHER = "attainable with many ties", "attainable under another possible variant"
NEITHER = "not attained"


@dataclass(frozen=True)
class Assessment:
    """One P-value under one variant.

    ``u`` holds the smaller of U and n1 * n2 - U. ``chance`` is the probability that digits laid at random nearby are
    attainable. ``fewer`` lists every pair of numbers, up to two participants smaller, that gives the digits without
    ties. ``tie_sum`` is the smallest sum of t^3 - t that gives the digits, if many ties are what it takes.
    """

    claim: Claim
    variant: str
    n_first: int
    n_second: int
    status: str
    u: tuple[float, ...]
    chance: float
    chance_with_ties: float
    fewer: tuple[tuple[int, int], ...]
    tie_sum: int | None = None


def assess(claim: Claim, n_first: int, n_second: int, variant: str) -> Assessment:
    """Say whether and how a printed P can come about."""
    low, high = claim.low, claim.high
    plain = fit(low, high, n_first, n_second, variant)
    tied = fit_tied(low, high, n_first, n_second, variant, claim.ties)
    tied_possible = bool(claim.ties.weight and tied.u)
    fewer, tie_sum = (), None
    if plain.hits:
        status, u = ATTAINABLE, plain.u
    else:
        fewer = tuple(
            (n_first - a, n_second - b)
            for a in range(MOST_MISSING + 1)
            for b in range(MOST_MISSING + 1)
            if (a or b)
            and min(n_first - a, n_second - b) > 0
            and fit(low, high, n_first - a, n_second - b, variant).hits
        )
        status, u = (TIES, tied.u) if tied_possible else (FEWER, ()) if fewer else (NEITHER, ())
        if status == NEITHER and claim.ties.weight:
            tie_sum, u = least_ties(low, high, n_first, n_second, variant)
            status = NEITHER if tie_sum is None else MANY_TIES
    chance_with_ties = tied.chance if claim.ties.weight else 0.0
    return Assessment(claim, variant, n_first, n_second, status, u, plain.chance, chance_with_ties, fewer, tie_sum)


def least_ties(
    low: float, high: float, n_first: int, n_second: int, variant: str
) -> tuple[int | None, tuple[float, ...]]:
    """Smallest tie sum at which some U gives a P in the interval, up to half of what all values equal would make."""
    n = n_first + n_second
    sums = np.arange(TIE_STEP, (n**3 - n) // 2 + 1, TIE_STEP)
    u = lattice(n_first, n_second, variant, True).u
    for start in range(0, sums.size, 200):
        block = sums[start : start + 200]
        p = p_value(u, n_first, n_second, variant, block[:, None])
        found = ((p >= low) & (p <= high)).any(axis=1)
        if found.any():
            first = int(found.argmax())
            return int(block[first]), tuple(u[(p[first] >= low) & (p[first] <= high)].tolist())
    return None, ()


def assess_all(claims: list[Claim], inference: Inference) -> list[Assessment]:
    """Every usable P-value under the best variant, at its printed or inferred numbers.

    A P-value that the best variant cannot give is not held against the paper as long as a variant that is not ruled out
    can.
    """
    best, *others = inference.scores
    possible = [score.variant for score in others if score.probability > NOT_RULED_OUT]
    assessments = []
    for claim in claims:
        if claim.claim not in inference.numbers:
            continue
        numbers = inference.numbers[claim.claim]
        a = assess(claim, *numbers, best.variant)
        if a.status == NEITHER and any(assess(claim, *numbers, v).status != NEITHER for v in possible):
            a = replace(a, status=OTHER)
        assessments.append(a)
    return assessments


def under_each_variant(assessment: Assessment, alpha: float = 0.05) -> list[dict]:
    """P of the U behind a printed P, under every variant, and whether the side of ``alpha`` hangs on the choice."""
    rows = []
    for u in assessment.u:
        values = {v: float(p_value(u, assessment.n_first, assessment.n_second, v)) for v in VARIANTS}
        rows.append(
            {
                "claim": assessment.claim.claim,
                "where": assessment.claim.where,
                "printed": assessment.claim.p.text,
                "n_first": assessment.n_first,
                "n_second": assessment.n_second,
                "u": u,
                "u_other": assessment.n_first * assessment.n_second - u,
                **values,
                "hangs_on_variant": len({bool(is_significant(p, alpha)) for p in values.values()}) > 1,
            }
        )
    return rows


def unexplained_share(assessments: list[Assessment]) -> float:
    """Share of P-values that neither the lattice nor ties nor missing participants give."""
    return float(np.mean([a.status == NEITHER for a in assessments])) if assessments else 0.0
