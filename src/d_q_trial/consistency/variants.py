"""Which variant of the rank-sum test made the P-values of a paper, and between which numbers of participants."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from . import sizes
from .claims import Claim
from .findings import listed
from .lattice import MOST_PAIRS, VARIANTS, fit_tied, hits, hits_tied

# Share of P-values that a paper's own convention does not explain (misprints, unprinted exclusions, another program),
# and the weight of each share: the density of Beta(1, 9), a tenth on average.
MISS_RATES = np.array([0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6])
_WEIGHTS = 9 * (1 - MISS_RATES) ** 8 * np.gradient(MISS_RATES)
MISS_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Score:
    """What one variant makes of all P-values together.

    ``log_likelihood`` is natural, relative to P-values that lie anywhere, averaged over the miss rate and over all
    solutions for unprinted group sizes. The counts are made at the group sizes that are most likely under the best
    variant, so that all variants are counted alike; ``attainable_at_own_sizes`` is made at those that suit the variant
    itself. ``by_chance`` is the number of P-values that a lattice of this density would reach without being the right
    one. ``probability`` is that among the variants and "none of these", all equally probable beforehand.
    """

    variant: str
    log_likelihood: float
    miss_rate: float
    attainable: int
    attainable_with_ties: int
    attainable_at_own_sizes: int
    by_chance: float
    probability: float
    total: int


@dataclass(frozen=True)
class Option:
    """One possible pair of numbers for P-values that share their groups."""

    pair: tuple[str, str]
    n_first: int
    n_second: int
    attainable: int
    total: int
    log_likelihood: float
    probability: float


@dataclass(frozen=True)
class Inference:
    """Scores of the variants, best first; for the best, numbers of each claim and options for unprinted ones."""

    scores: list[Score]
    numbers: dict[str, tuple[int, int]]
    options: list[Option]
    solutions: int
    limits: dict[str, tuple[int, int]]

    @property
    def best(self) -> Score:
        """The variant with the largest likelihood."""
        return self.scores[0]


def claim_ratios(claims: list[Claim], n_first: int, n_second: int, variant: str) -> np.ndarray:
    """Likelihoods of printed digits under a variant, relative to P-values that lie anywhere near, shape (k,)."""
    low, high = np.array([c.low for c in claims]), np.array([c.high for c in claims])
    found, expected = hits(low, high, n_first, n_second, variant)
    ratios = found / expected
    weights, tied = np.array([c.ties.weight for c in claims]), np.zeros(len(claims))
    for ties in dict.fromkeys(c.ties for c in claims if c.ties.weight):
        rows = np.array([c.ties == ties for c in claims])
        found, expected = hits_tied(low[rows], high[rows], n_first, n_second, variant, ties)
        tied[rows] = found / expected
    return (1 - weights) * ratios + weights * tied


def infer(claims: list[Claim], constraints: list[sizes.Constraint] = ()) -> Inference:
    """Infer one convention for the paper, and the numbers of participants that are not printed.

    Parameters
    ----------
    claims : list of Claim
        Those that are not ``usable`` are left out.
    constraints : list of Constraint
        Between the unknowns that claims name in ``size_first`` and ``size_second``.

    Raises
    ------
    UserError
        If the constraints contradict each other or leave an unknown of a claim without a bound.
    """
    claims = [claim for claim in claims if claim.usable]
    constraints = list(constraints)
    ends = [_ends(claim) for claim in claims]
    names = [end for pair in ends for end in pair if isinstance(end, str)]
    domains = sizes.unknowns(constraints, names)
    for name in names:
        if domains[name][1] >= sizes.LARGEST:
            raise UserError(f"group sizes: nothing bounds {name!r}; add a constraint such as '{name} <= 40'")
    groups = _components(claims, ends, domains, constraints)
    results = []
    for variant in VARIANTS:
        tables, profile = [], np.zeros(MISS_RATES.size)
        for members, found in groups:
            table = _log_ratios(members, found, variant)  # solutions x miss rates
            tables.append(table)
            top = table.max(axis=0)
            profile = profile + top + np.log(np.exp(table - top).mean(axis=0))
        results.append((_log_mean(profile), int(profile.argmax()), variant, tables))
    logs = np.array([result[0] for result in results])
    # Beside the variants stands "none of these": digits that lie anywhere, with likelihood one.
    top = max(0.0, logs.max())
    shares = np.exp(logs - top) / (np.exp(logs - top).sum() + np.exp(-top))
    order = sorted(range(len(results)), key=lambda i: -logs[i])
    _, rate, variant, tables = results[order[0]]
    numbers = _numbers(groups, tables, rate)
    scores = []
    for i in order:
        _, own_rate, other, own_tables = results[i]
        own = _numbers(groups, own_tables, own_rate)
        scores.append(_score(claims, numbers, own, other, logs[i], MISS_RATES[own_rate], shares[i]))
    options = _options(groups, tables, rate, variant)
    count = int(np.prod([len(found) for _, found in groups], dtype=object)) if groups else 0
    return Inference(scores, numbers, options, count, domains)


def _ends(claim: Claim) -> tuple[int | str, int | str]:
    return (
        claim.size_first if claim.n_first is None else claim.n_first,
        claim.size_second if claim.n_second is None else claim.n_second,
    )


Group = tuple[list[tuple[Claim, tuple]], list[dict[str, int]]]


def _components(claims, ends, domains, constraints) -> list[Group]:
    """Claims that share unknowns, with every solution for those; claims with known numbers have one, empty."""
    fixed = {name: low for name, (low, high) in domains.items() if low == high}
    ends = [tuple(fixed.get(end, end) for end in pair) for pair in ends]
    pairs = [tuple(end for end in pair if isinstance(end, str)) for pair in ends]
    groups: list[Group] = []
    known = [
        (claim, pair) for claim, pair in zip(claims, ends, strict=True) if not any(isinstance(e, str) for e in pair)
    ]
    if known:
        groups.append((known, [{}]))
    for names in sizes.components(domains, constraints, pairs):
        members = [(claim, pair) for claim, pair in zip(claims, ends, strict=True) if set(pair) & set(names)]
        if not members:
            continue
        needed = sorted({end for _, pair in members for end in pair if isinstance(end, str)})
        involved = [c for c in constraints if any(name in names for name, _ in c.terms)]
        bounds = {name: domains[name] for c in involved for name, _ in c.terms} | {n: domains[n] for n in names}
        for _, pair in members:
            if math.prod(end if isinstance(end, int) else domains[end][1] for end in pair) > MOST_PAIRS:
                raise UserError(
                    f"group sizes: {listed(needed)} may be so large that nearly every P is attainable; add "
                    f"constraints that keep the product of two groups to {MOST_PAIRS} or less"
                )
        found = {}
        for count, solution in enumerate(sizes.solutions(bounds, involved)):
            if count == sizes.MOST_SOLUTIONS:
                raise UserError(
                    f"group sizes: more than {sizes.MOST_SOLUTIONS} solutions for {listed(needed)}; add constraints"
                )
            kept = tuple(solution[name] for name in needed)
            if min(kept) > 0:
                found.setdefault(kept, dict(zip(needed, kept, strict=True)))
        if not found:
            raise UserError(f"group sizes: no solution above zero for {', '.join(needed)}")
        groups.append((members, list(found.values())))
    return groups


def _log_ratios(members, found, variant: str) -> np.ndarray:
    """Log-likelihood of each solution at each miss rate, shape (solutions, rates)."""
    by_pair: dict[tuple, list[Claim]] = {}
    for claim, pair in members:
        by_pair.setdefault(pair, []).append(claim)
    total = np.zeros((len(found), MISS_RATES.size))
    for pair, claims in by_pair.items():
        cache: dict[tuple[int, int], np.ndarray] = {}
        for row, solution in enumerate(found):
            numbers = _resolve(pair, solution)
            if numbers not in cache:
                ratios = claim_ratios(claims, *numbers, variant)
                cache[numbers] = np.log((1 - MISS_RATES) * ratios[:, None] + MISS_RATES).sum(axis=0)
            total[row] += cache[numbers]
    return total


def _resolve(pair, solution) -> tuple[int, int]:
    return tuple(solution[end] if isinstance(end, str) else end for end in pair)


def _log_mean(profile: np.ndarray) -> float:
    return float(profile.max() + np.log((np.exp(profile - profile.max()) * MISS_WEIGHTS).sum()))


def _numbers(groups, tables, rate: int) -> dict[str, tuple[int, int]]:
    """Numbers of every claim in the most likely solution."""
    numbers = {}
    for (members, found), table in zip(groups, tables, strict=True):
        best = found[int(table[:, rate].argmax())]
        numbers |= {claim.claim: _resolve(pair, best) for claim, pair in members}
    return numbers


def _score(claims, numbers, own, variant, log_likelihood, miss_rate, share) -> Score:
    plain, tied, plain_own, chance = 0, 0, 0, 0.0
    for claim in claims:
        n = numbers[claim.claim]
        plain_own += int(hits([claim.low], [claim.high], *own[claim.claim], variant)[0][0] > 0)
        found, expected = hits([claim.low], [claim.high], *n, variant)
        chance += min(1.0, float(expected[0]))
        if found[0] > 0:
            plain += 1
        elif claim.ties.weight:
            tied += bool(fit_tied(claim.low, claim.high, *n, variant, claim.ties).u)
    return Score(
        variant, float(log_likelihood), float(miss_rate), plain, tied, plain_own, chance, float(share), len(claims)
    )


def _options(groups, tables, rate: int, variant: str) -> list[Option]:
    """Every pair of numbers that some solution gives to claims with unknown sizes, most probable first."""
    options = []
    for (members, found), table in zip(groups, tables, strict=True):
        if len(found) == 1 and not found[0]:
            continue
        weights = np.exp(table[:, rate] - table[:, rate].max())
        weights /= weights.sum()
        by_pair: dict[tuple, list[Claim]] = {}
        for claim, pair in members:
            by_pair.setdefault(pair, []).append(claim)
        for pair, claims in by_pair.items():
            shares: dict[tuple[int, int], float] = {}
            for solution, weight in zip(found, weights, strict=True):
                numbers = _resolve(pair, solution)
                shares[numbers] = shares.get(numbers, 0.0) + float(weight)
            for numbers, share in sorted(shares.items(), key=lambda item: (-round(item[1], 12), item[0])):
                ends = [c.low for c in claims], [c.high for c in claims]
                reached = int((hits(*ends, *numbers, variant)[0] > 0).sum())
                ratios = claim_ratios(claims, *numbers, variant)
                log = float(np.log((1 - MISS_RATES[rate]) * ratios + MISS_RATES[rate]).sum())
                label = tuple(str(end) for end in pair)
                options.append(Option(label, *numbers, reached, len(claims), log, share))
    return options
