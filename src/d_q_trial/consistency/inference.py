"""Which variant of the rank-sum test made the P-values of a paper, between which numbers of participants, and whether
each P-value can come about under it.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, softmax

from ..published_tables import Number, Row
from ..stats.checks import is_significant
from . import VARIANTS, sizes
from .lattice import EXACT, TIE_STEP, attainable_p_values, fit_reported_p, rank_sum_p
from .quartiles import Decision, RangeCheck, check_range
from .reported import Reported, ReportedP

# Share of P-values that a paper's own convention does not explain (misprints, unreported exclusions, another program),
# and the weight of each share: the density of Beta(1, 9), a tenth on average.
MISS_RATES = np.array([0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6])
_WEIGHTS = 9 * (1 - MISS_RATES) ** 8 * np.gradient(MISS_RATES)
MISS_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
ALPHA = 0.05
MOST_MISSING = 2  # participants without a value, in either group, that are considered
ATTAINABLE, TIES, FEWER = "attainable", "attainable with ties", "attainable with fewer participants"
MANY_TIES, OTHER = "attainable with many ties", "attainable under another possible variant"
NEITHER = "not attained"
NOT_RULED_OUT = 0.001  # probability of a variant
STATUSES = (ATTAINABLE, TIES, FEWER, MANY_TIES, OTHER, NEITHER)
DEPENDENCE = ("claim", "where", "reported", "n_first", "n_second", "u", "u_other", *VARIANTS, "depends_on_variant")


class Score(NamedTuple):
    """How well one variant explains all P-values together.

    The counts are made at the group sizes that are most likely under the best variant, so that all variants are counted
    alike; ``attainable_at_own_sizes`` is made at those that suit the variant itself. ``by_chance`` is the number of
    P-values that a lattice of this density would reach without being the right one. ``log10_likelihood`` is relative to
    P-values that lie anywhere, averaged over the miss rate and over all solutions for unreported group sizes.
    ``probability`` is that among the variants and "none of these", all equally probable beforehand.
    """

    variant: str
    attainable: int
    total: int
    by_chance: float
    attainable_with_ties: int
    attainable_at_own_sizes: int
    miss_rate: float
    log10_likelihood: float
    probability: float


class Option(NamedTuple):
    """One possible pair of numbers for P-values that share their groups."""

    first: str
    second: str
    n_first: int
    n_second: int
    attainable: int
    p_values: int
    probability: float


@dataclass(frozen=True)
class Inference:
    """Scores of the variants, best first, none without P-values; for the best, the numbers of each P-value.

    ``options`` holds every pair of unreported numbers that meets the sums, most probable first, by the names of the pair.
    """

    scores: list[Score]
    numbers: dict[str, tuple[int, int]]
    options: dict[tuple[str, str], list[Option]]

    @property
    def variant(self) -> str:
        """The variant with the largest likelihood, or the usual one."""
        return self.scores[0].variant if self.scores else "normal"

    @property
    def fits(self) -> bool:
        """Whether the P-values fit the variants together better than random digits do; if not, none is judged alone."""
        return sum(score.probability for score in self.scores) >= 0.5

    @property
    def possible(self) -> list[str]:
        """The variants that are not ruled out, best first; all if there are no P-values, or they fit none."""
        return [s.variant for s in self.scores if s.probability > NOT_RULED_OUT] if self.fits else list(VARIANTS)


@dataclass(frozen=True)
class Assessment:
    """One P-value under one variant.

    ``u`` holds the smaller of U and n1 * n2 - U. ``chance`` is the probability that random digits nearby are attainable.
    ``fewer`` lists every pair of numbers, up to two participants smaller, that gives the digits without ties.
    ``tie_sum`` is the smallest sum of t^3 - t that gives the digits, if only many ties do.
    """

    p: ReportedP
    variant: str
    numbers: tuple[int, int]
    status: str
    u: tuple[float, ...]
    chance: float
    fewer: tuple[tuple[int, int], ...] = ()
    tie_sum: int | None = None


@dataclass(frozen=True)
class Report:
    """What the reported numbers of one paper give; every check reads it and yields findings."""

    reported: Reported
    inference: Inference
    assessments: list[Assessment]
    decision: Decision
    ranges: list[RangeCheck]
    dependence: list[dict]
    unsettled: dict[str, list[ReportedP]] = field(default_factory=dict)  # left out, by what leaves their groups open

    def table(self, name: str, **cells: str) -> list[Row]:
        """Return the rows of a published table that have these cells; none if it is absent."""
        return [row for row in self.reported.tables.get(name, []) if cells.items() <= row.items()]


def assess_paper(reported: Reported, decision: Decision) -> Report:
    """Infer the convention from the P-values of the first source, and assess every P-value whose groups tables settle."""
    source = next((p.source for p in reported.p_values if p.usable), "")
    used = [p for p in reported.p_values if p.usable and p.source == source]
    inference, unsettled = Inference([], {}, {}), {}
    while used and not inference.scores:
        try:
            inference = infer(used, reported.constraints)
        except sizes.UnsettledError as error:
            if not reported.tables:
                raise
            unsettled[error.fault] = [p for p in used if p.claim in error.pairs]
            used = [p for p in used if p.claim not in error.pairs]
    assessments = [assess(p, inference.numbers[p.claim], inference.variant, inference.possible) for p in used]
    ranges = []
    for p in reported.p_values:
        numbers = inference.numbers.get(p.claim, p.pair)
        bounded = len(p.medians) == 2 or (p.relation != "=" and p.p.value > 0)
        if p.test == "rank_sum" and bounded and all(isinstance(n, int) for n in numbers) and not p.too_large:
            ranges.append(check_range(p, *numbers))
    plain = [a for a in assessments if a.p.highlight and a.status == ATTAINABLE]  # with ties, P depends on which
    dependence = [row for a in plain for row in under_each_variant(a) if inference.fits]
    return Report(reported, inference, assessments, decision, ranges, dependence, unsettled)


def infer(p_values: list[ReportedP], constraints: Sequence[sizes.Constraint] = ()) -> Inference:
    """Infer one convention for the paper, and the numbers of participants that are not reported.

    All P-values are ``usable``; the constraints are between the unknowns that their pairs name. UnsettledError if these
    contradict each other or leave an unknown of a P-value without a bound.
    """
    pairs, components = sizes.solve_sizes({p.claim: p.pair for p in p_values}, constraints)
    # Of each component, the log-likelihoods of its solutions at each miss rate; of all, those averaged over the solutions.
    tables = {variant: [_log_likelihoods(p_values, own, variant) for own in components] for variant in VARIANTS}
    profiles = [sum(logsumexp(table, axis=0) - math.log(len(table)) for table in own) for own in tables.values()]
    logs = logsumexp(profiles, axis=1, b=MISS_WEIGHTS)
    # Beside the variants there is "none of these": digits that lie anywhere, with likelihood one.
    probabilities = softmax([*logs, 0.0])[:-1]
    rates = dict(zip(VARIANTS, np.argmax(profiles, axis=1), strict=True))
    numbers: dict[str, sizes.Numbers] = defaultdict(dict)  # of the solutions that are most likely under each variant
    for variant, rate in rates.items():
        for own, table in zip(components, tables[variant], strict=True):
            numbers[variant] |= own[table[:, rate].argmax()]
    ranked = sorted(zip(VARIANTS, logs, probabilities, strict=True), key=lambda variant: -variant[1])
    best = ranked[0][0]
    scores = []
    for variant, log, probability in ranked:
        fits = [p.fits(numbers[best][p.claim], variant) for p in p_values]
        scores.append(
            Score(
                variant,
                attainable=sum(bool(plain.u) for plain, _ in fits),
                total=len(p_values),
                by_chance=sum(plain.chance for plain, _ in fits),
                attainable_with_ties=sum(bool(tied.u) and not plain.u for plain, tied in fits),
                attainable_at_own_sizes=sum(bool(p.fits(numbers[variant][p.claim], variant)[0].u) for p in p_values),
                miss_rate=float(MISS_RATES[rates[variant]]),
                log10_likelihood=float(log) / math.log(10),
                probability=float(probability),
            )
        )
    options = {}
    for own, table in zip(components, tables[best], strict=True):
        weights = softmax(table[:, rates[best]])
        for pair in dict.fromkeys(pairs[claim] for claim in own[0]):
            if any(isinstance(end, str) for end in pair):
                sharing = [p for p in p_values if pairs[p.claim] == pair]
                options[tuple(map(str, pair))] = _options(pair, sharing, own, weights, best)
    return Inference(scores, numbers[best], options)


def _options(pair: sizes.Pair, p_values: list[ReportedP], solutions, weights, variant: str) -> list[Option]:
    """Return every pair of numbers that some solution gives to P-values with the same groups, most probable first."""
    shares: dict[tuple[int, int], float] = defaultdict(float)
    for solution, weight in zip(solutions, weights, strict=True):
        shares[solution[p_values[0].claim]] += float(weight)
    options = []
    for numbers, share in sorted(shares.items(), key=lambda item: (-round(item[1], 12), item[0])):
        reached = sum(bool(p.fits(numbers, variant)[0].u) for p in p_values)
        options.append(Option(*map(str, pair), *numbers, reached, len(p_values), share))
    return options


def _log_likelihoods(p_values: list[ReportedP], solutions: list[sizes.Numbers], variant: str) -> np.ndarray:
    """Return the log-likelihood of digits in each solution at each miss rate, relative to any P, shape (solutions, rates)."""
    total = np.zeros((len(solutions), MISS_RATES.size))
    for p in p_values:
        if p.claim in solutions[0]:
            numbers = [solution[p.claim] for solution in solutions]
            ratios = {pair: p.likelihood(pair, variant) for pair in dict.fromkeys(numbers)}
            total += np.log(np.outer([ratios[pair] for pair in numbers], 1 - MISS_RATES) + MISS_RATES)
    return total


def assess(p: ReportedP, numbers: tuple[int, int], variant: str, others: Sequence[str] = ()) -> Assessment:
    """Return whether and how a reported P can come about under a variant, or else one of ``others``, not ruled out either."""
    plain, tied = p.fits(numbers, variant)
    if plain.u:
        return Assessment(p, variant, numbers, ATTAINABLE, plain.u, plain.chance)
    smaller = itertools.product(*(range(n, max(n - MOST_MISSING, 1) - 1, -1) for n in numbers))
    fewer = tuple(pair for pair in smaller if pair != numbers and fit_reported_p(p.p.low, p.p.high, *pair, variant).u)
    status, u, tie_sum = TIES if tied.u else FEWER if fewer else NEITHER, tied.u, None
    if status == NEITHER and p.ties.weight:
        tie_sum, u = least_ties(p.p, numbers, variant)
        status = NEITHER if tie_sum is None else MANY_TIES
    if status == NEITHER and any(assess(p, numbers, other).status != NEITHER for other in others):
        status = OTHER
    return Assessment(p, variant, numbers, status, u, plain.chance, fewer, tie_sum)


def least_ties(p: Number, numbers: tuple[int, int], variant: str) -> tuple[int | None, tuple[float, ...]]:
    """Return the smallest tie sum at which some U gives a P that rounds to the number, and these U.

    Tie sums go up to half of what all values equal would make. Of the exact variants the two tails differ with ties, and
    P lies between that of one and of both.
    """
    n = sum(numbers)
    sums = np.arange(TIE_STEP, (n**3 - n) // 2 + 1, TIE_STEP)
    u = attainable_p_values(*numbers, variant, True).u
    for block in np.array_split(sums, sums.size // 200 + 1):
        values = rank_sum_p(u, *numbers, variant, block[:, None])
        found = (values >= p.low) & (values <= p.high * (2 if variant in EXACT else 1))
        if found.any():
            first = int(found.any(axis=1).argmax())
            return int(block[first]), tuple(u[found[first]].tolist())
    return None, ()


def under_each_variant(a: Assessment) -> list[dict]:
    """Return P of each U behind a reported P under every variant, and whether its side of alpha depends on the variant."""
    rows = []
    for u in a.u:
        values = [float(rank_sum_p(u, *a.numbers, variant)) for variant in VARIANTS]
        depends = len({bool(is_significant(p, ALPHA)) for p in values}) > 1
        row = (a.p.claim, a.p.where, a.p.p.text, *a.numbers, u, math.prod(a.numbers) - u, *values, depends)
        rows.append(dict(zip(DEPENDENCE, row, strict=True)))
    return rows
