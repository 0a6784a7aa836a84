"""The whole check of a paper: what its P-values imply together, and each P-value under the inferred variant."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..published_tables import Row
from ..stats.checks import is_significant
from .lattice import TIE_STEP, VARIANTS, fit, lattice, p_value
from .quartiles import Decision, RangeCheck, check_range
from .reported import Reported, ReportedP
from .variants import Inference, infer

ALPHA = 0.05
NOT_RULED_OUT = 0.001  # probability of a variant
MOST_MISSING = 2  # participants without a value, in either group, that are considered
ATTAINABLE, TIES, FEWER = "attainable", "attainable with ties", "attainable with fewer participants"
MANY_TIES, OTHER = "attainable with many ties", "attainable under another possible variant"
NEITHER = "not attained"
STATUSES = (ATTAINABLE, TIES, FEWER, MANY_TIES, OTHER, NEITHER)
DEPENDENCE = ("claim", "where", "reported", "n_first", "n_second", "u", "u_other", *VARIANTS, "depends_on_variant")


@dataclass(frozen=True)
class Assessment:
    """One P-value under one variant.

    ``u`` holds the smaller of U and n1 * n2 - U. ``chance`` is the probability that random digits nearby are attainable.
    ``fewer`` lists every pair of numbers, up to two participants smaller, that gives the digits without ties.
    ``tie_sum`` is the smallest sum of t^3 - t that gives the digits, if only many ties do.
    """

    p: ReportedP
    variant: str
    n_first: int
    n_second: int
    status: str
    u: tuple[float, ...]
    chance: float
    fewer: tuple[tuple[int, int], ...]
    tie_sum: int | None = None

    @property
    def numbers(self) -> tuple[int, int]:
        """Numbers of participants of the two groups."""
        return self.n_first, self.n_second


@dataclass(frozen=True)
class Report:
    """What the reported numbers of one paper give; every check reads it and yields findings."""

    reported: Reported
    inference: Inference | None
    assessments: list[Assessment]
    decision: Decision
    ranges: list[RangeCheck]
    dependence: list[dict]

    def table(self, name: str) -> list[Row]:
        """Return the rows of a published table; none if it is absent."""
        return self.reported.tables.get(name, [])

    @property
    def variant(self) -> str:
        """The inferred variant, or the usual one."""
        return self.inference.best.variant if self.inference else "normal"


def assess_paper(reported: Reported, decision: Decision) -> Report:
    """Infer the convention from the P-values of the first source, and assess every P-value under it."""
    source = next((p.source for p in reported.p_values if p.usable), "")
    used = [p for p in reported.p_values if p.usable and p.source == source]
    inference = infer(used, reported.constraints) if used else None
    assessments = assess_all(used, inference) if inference else []
    report = Report(reported, inference, assessments, decision, [], [])
    inferred = inference.numbers if inference else {}
    checks = []
    for p in reported.p_values:
        numbers = inferred.get(p.claim, (p.n_first, p.n_second))
        if p.test == "rank_sum" and None not in numbers and not p.too_large:
            checks.append(check_range(p, *numbers, variant=report.variant, kind=decision.best_type))
    dependence = [row for a in assessments if a.p.highlight for row in under_each_variant(a)]
    return replace(report, ranges=[check for check in checks if check], dependence=dependence)


def assess(p: ReportedP, n_first: int, n_second: int, variant: str) -> Assessment:
    """Return whether and how a reported P can come about."""
    plain, tied = p.fits(n_first, n_second, variant)
    if plain.u:
        return Assessment(p, variant, n_first, n_second, ATTAINABLE, plain.u, plain.chance, ())
    smaller = [(n_first - a, n_second - b) for a in range(MOST_MISSING + 1) for b in range(MOST_MISSING + 1) if a or b]
    fewer = tuple(pair for pair in smaller if min(pair) > 0 and fit(p.low, p.high, *pair, variant).u)
    status, u, tie_sum = (TIES, tied.u, None) if tied.u else (FEWER if fewer else NEITHER, (), None)
    if status == NEITHER and p.ties.weight:
        tie_sum, u = least_ties(p.low, p.high, n_first, n_second, variant)
        status = NEITHER if tie_sum is None else MANY_TIES
    return Assessment(p, variant, n_first, n_second, status, u, plain.chance, fewer, tie_sum)


def least_ties(
    low: float, high: float, n_first: int, n_second: int, variant: str
) -> tuple[int | None, tuple[float, ...]]:
    """Return the smallest tie sum at which some U gives a P in the interval, and these U.

    Tie sums go up to half of what all values equal would make.
    """
    n = n_first + n_second
    sums = np.arange(TIE_STEP, (n**3 - n) // 2 + 1, TIE_STEP)
    u = lattice(n_first, n_second, variant, True).u
    for start in range(0, sums.size, 200):
        block = sums[start : start + 200]
        p = p_value(u, n_first, n_second, variant, block[:, None])
        found = (p >= low) & (p <= high)
        if found.any():
            first = int(found.any(axis=1).argmax())
            return int(block[first]), tuple(u[found[first]].tolist())
    return None, ()


def assess_all(p_values: list[ReportedP], inference: Inference) -> list[Assessment]:
    """Assess every usable P-value under the best variant, at its reported or inferred numbers.

    A P-value that the best variant cannot give does not count against the paper while a variant that is not ruled out
    can give it.
    """
    best, *others = inference.scores
    possible = [score.variant for score in others if score.probability > NOT_RULED_OUT]
    assessments = []
    for p in p_values:
        numbers = inference.numbers[p.claim]
        a = assess(p, *numbers, best.variant)
        if a.status == NEITHER and any(assess(p, *numbers, other).status != NEITHER for other in possible):
            a = replace(a, status=OTHER)
        assessments.append(a)
    return assessments


def under_each_variant(a: Assessment) -> list[dict]:
    """Return P of each U behind a reported P under every variant, and whether its side of alpha depends on the variant."""
    rows = []
    for u in a.u:
        values = {variant: float(p_value(u, *a.numbers, variant)) for variant in VARIANTS}
        depends = len({bool(is_significant(p, ALPHA)) for p in values.values()}) > 1
        row = (a.p.claim, a.p.where, a.p.p.text, *a.numbers, u, a.n_first * a.n_second - u, *values.values(), depends)
        rows.append(dict(zip(DEPENDENCE, row, strict=True)))
    return rows
