"""Which variant of the rank-sum test made the P-values of a paper, and between which numbers of participants."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from ..errors import UserError
from . import sizes
from .lattice import MOST_PAIRS, VARIANTS, hits, hits_tied
from .reported import ReportedP

# Share of P-values that a paper's own convention does not explain (misprints, unreported exclusions, another program),
# and the weight of each share: the density of Beta(1, 9), a tenth on average.
MISS_RATES = np.array([0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6])
_WEIGHTS = 9 * (1 - MISS_RATES) ** 8 * np.gradient(MISS_RATES)
MISS_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()

Pair = tuple[int | str, int | str]  # numbers of the two groups, or names of unknowns
Member = tuple[ReportedP, Pair]
# P-values that share unknowns, with every solution for those; P-values with known numbers have one, empty.
Component = tuple[list[Member], list[dict[str, int]]]


@dataclass(frozen=True)
class Score:
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


@dataclass(frozen=True)
class Option:
    """One possible pair of numbers for P-values that share their groups."""

    first: str
    second: str
    n_first: int
    n_second: int
    attainable: int
    p_values: int
    log10_likelihood: float
    probability: float


@dataclass(frozen=True)
class Inference:
    """Scores of the variants, best first; for the best, numbers of each P-value and options for unreported ones."""

    scores: list[Score]
    numbers: dict[str, tuple[int, int]]
    options: list[Option]

    @property
    def best(self) -> Score:
        """The variant with the largest likelihood."""
        return self.scores[0]

    def solutions(self) -> dict[tuple[str, str], list[Option]]:
        """Return every pair of unreported numbers that meets the sums, most probable first, by the names of the pair."""
        by_pair: dict[tuple[str, str], list[Option]] = {}
        for option in self.options:
            by_pair.setdefault((option.first, option.second), []).append(option)
        return by_pair


def likelihood_ratios(p_values: list[ReportedP], n_first: int, n_second: int, variant: str) -> np.ndarray:
    """Return likelihoods of reported digits under a variant, relative to P-values that lie anywhere, shape (k,)."""
    low, high = np.array([p.low for p in p_values]), np.array([p.high for p in p_values])
    found, expected = hits(low, high, n_first, n_second, variant)
    weights, tied = np.array([p.ties.weight for p in p_values]), np.zeros(len(p_values))
    for ties in dict.fromkeys(p.ties for p in p_values if p.ties.weight):
        rows = np.array([p.ties == ties for p in p_values])
        reached, likely = hits_tied(low[rows], high[rows], n_first, n_second, variant, ties)
        tied[rows] = reached / likely
    return (1 - weights) * found / expected + weights * tied


def _log_likelihoods(p_values: list[ReportedP], n_first: int, n_second: int, variant: str) -> np.ndarray:
    """Return the log-likelihood of all these P-values at each miss rate, shape (rates,)."""
    ratios = likelihood_ratios(p_values, n_first, n_second, variant)
    return np.log((1 - MISS_RATES) * ratios[:, None] + MISS_RATES).sum(axis=0)


def infer(p_values: list[ReportedP], constraints: list[sizes.Constraint] = ()) -> Inference:
    """Infer one convention for the paper, and the numbers of participants that are not reported.

    Parameters
    ----------
    p_values : list of ReportedP
        Those that are not ``usable`` are left out.
    constraints : list of Constraint
        Between the unknowns that P-values name in ``size_first`` and ``size_second``.

    Raises
    ------
    UserError
        If the constraints contradict each other or leave an unknown of a P-value without a bound.
    """
    p_values = [p for p in p_values if p.usable]
    components = _components(p_values, list(constraints))
    tables, profiles = {}, {}
    for variant in VARIANTS:
        tables[variant] = [_log_ratios(*component, variant) for component in components]  # solutions x miss rates
        means = (logsumexp(table, axis=0) - math.log(len(table)) for table in tables[variant])
        profiles[variant] = sum(means, np.zeros(MISS_RATES.size))
    logs = {variant: float(logsumexp(profile, b=MISS_WEIGHTS)) for variant, profile in profiles.items()}
    # Beside the variants there is "none of these": digits that lie anywhere, with likelihood one.
    top = max(0.0, *logs.values())
    whole = sum(math.exp(log - top) for log in logs.values()) + math.exp(-top)
    order = sorted(VARIANTS, key=lambda variant: -logs[variant])
    best, rates = order[0], {variant: int(profile.argmax()) for variant, profile in profiles.items()}
    numbers = {variant: _numbers(components, tables[variant], rates[variant]) for variant in VARIANTS}
    scores = [
        Score(
            variant,
            *_counts(p_values, numbers[best], numbers[variant], variant),
            float(MISS_RATES[rates[variant]]),
            logs[variant] / math.log(10),
            math.exp(logs[variant] - top) / whole,
        )
        for variant in order
    ]
    return Inference(scores, numbers[best], _options(components, tables[best], rates[best], best))


def _components(p_values: list[ReportedP], constraints: list[sizes.Constraint]) -> list[Component]:
    pairs: list[Pair] = [(p.n_first or p.size_first, p.n_second or p.size_second) for p in p_values]
    names = [end for pair in pairs for end in pair if isinstance(end, str)]
    domains = sizes.unknowns(constraints, names)
    for name in names:
        if domains[name][1] >= sizes.LARGEST:
            raise UserError(f"group sizes: nothing bounds {name!r}; add a constraint such as '{name} <= 40'")
    fixed = {name: low for name, (low, high) in domains.items() if low == high}
    pairs = [tuple(fixed.get(end, end) for end in pair) for pair in pairs]
    open_names = [{end for end in pair if isinstance(end, str)} for pair in pairs]
    known = [(p, pair) for p, pair, names in zip(p_values, pairs, open_names, strict=True) if not names]
    components: list[Component] = [(known, [{}])] if known else []
    for linked in sizes.components(domains, constraints, open_names):
        members = [(p, pair) for p, pair, names in zip(p_values, pairs, open_names, strict=True) if names & set(linked)]
        if members:
            components.append((members, _solutions(members, linked, domains, constraints)))
    return components


def _solutions(members: list[Member], linked: list[str], domains, constraints) -> list[dict[str, int]]:
    """Return every solution above zero for the unknowns of some P-values."""
    needed = sorted({end for _, pair in members for end in pair if isinstance(end, str)})
    for _, pair in members:
        if math.prod(end if isinstance(end, int) else domains[end][1] for end in pair) > MOST_PAIRS:
            raise UserError(
                f"group sizes: {' and '.join(needed)} may be so large that nearly every P is attainable; add "
                f"constraints that keep the product of two groups to {MOST_PAIRS} or less"
            )
    involved = [c for c in constraints if any(name in linked for name, _ in c.terms)]
    bounds = {name: domains[name] for name in (*(name for c in involved for name, _ in c.terms), *linked)}
    found: dict[tuple[int, ...], dict[str, int]] = {}
    for count, solution in enumerate(sizes.solutions(bounds, involved)):
        if count == sizes.MOST_SOLUTIONS:
            raise UserError(
                f"group sizes: more than {sizes.MOST_SOLUTIONS} solutions for {' and '.join(needed)}; add constraints"
            )
        kept = {name: solution[name] for name in needed}
        if min(kept.values()) > 0:
            found.setdefault(tuple(kept.values()), kept)
    if not found:
        raise UserError(f"group sizes: no solution above zero for {', '.join(needed)}")
    return list(found.values())


def _by_pair(members: list[Member]) -> dict[Pair, list[ReportedP]]:
    by_pair: dict[Pair, list[ReportedP]] = {}
    for p, pair in members:
        by_pair.setdefault(pair, []).append(p)
    return by_pair


def _resolve(pair: Pair, solution: dict[str, int]) -> tuple[int, ...]:
    return tuple(solution[end] if isinstance(end, str) else end for end in pair)


def _log_ratios(members: list[Member], found: list[dict[str, int]], variant: str) -> np.ndarray:
    """Return the log-likelihood of each solution at each miss rate, shape (solutions, rates)."""
    total = np.zeros((len(found), MISS_RATES.size))
    for pair, p_values in _by_pair(members).items():
        numbers = [_resolve(pair, solution) for solution in found]
        logs = {sizes: _log_likelihoods(p_values, *sizes, variant) for sizes in dict.fromkeys(numbers)}
        total += [logs[sizes] for sizes in numbers]
    return total


def _numbers(components: list[Component], tables: list[np.ndarray], rate: int) -> dict[str, tuple[int, ...]]:
    """Return the numbers of every P-value in the most likely solution."""
    return {
        p.claim: _resolve(pair, found[int(table[:, rate].argmax())])
        for (members, found), table in zip(components, tables, strict=True)
        for p, pair in members
    }


def _counts(p_values, numbers, own_numbers, variant: str) -> tuple[int, int, float, int, int]:
    """Return attainable P-values, all, those by chance, those with ties only, and those at the variant's own sizes."""
    fits = [p.fits(*numbers[p.claim], variant) for p in p_values]
    plain = sum(bool(fit.u) for fit, _ in fits)
    tied = sum(bool(with_ties.u) and not fit.u for fit, with_ties in fits)
    own = sum(bool(p.fits(*own_numbers[p.claim], variant)[0].u) for p in p_values)
    return plain, len(p_values), sum(fit.chance for fit, _ in fits), tied, own


def _options(components: list[Component], tables: list[np.ndarray], rate: int, variant: str) -> list[Option]:
    """Return every pair of numbers that some solution gives to P-values of unknown sizes, most probable first."""
    options = []
    for (members, found), table in zip(components, tables, strict=True):
        if found == [{}]:
            continue
        weights = np.exp(table[:, rate] - table[:, rate].max())
        weights /= weights.sum()
        for pair, p_values in _by_pair(members).items():
            shares: dict[tuple[int, ...], float] = {}
            for solution, weight in zip(found, weights, strict=True):
                numbers = _resolve(pair, solution)
                shares[numbers] = shares.get(numbers, 0.0) + float(weight)
            for numbers, share in sorted(shares.items(), key=lambda item: (-round(item[1], 12), item[0])):
                ends = [p.low for p in p_values], [p.high for p in p_values]
                reached = int((hits(*ends, *numbers, variant)[0] > 0).sum())
                log = float(_log_likelihoods(p_values, *numbers, variant)[rate]) / math.log(10)
                options.append(Option(*map(str, pair), *numbers, reached, len(p_values), log, share))
    return options
