"""Infer the definition of the quartiles, the variant of the test and the group sizes of a paper, and assess each P-value.

If values were recorded in steps coarser than the reported decimals, the last digit of a quantile shows its definition:
whole numbers and n = 30 give .25 and .75 under type 7 (reported as .2 or .3, and .8), but whole numbers under type 2.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp, softmax

from ..published_tables import ReportedNumber, Row
from ..stats.checks import is_significant
from ..stats.quantiles import TYPES
from . import VARIANTS, lattice, sizes
from .lattice import EXACT, QUARTILES, TIE_STEP, Group, attainable_p_values, fit_reported_p, most_ties, rank_sum_p
from .reported import Reported, ReportedP, with_recording_step

# Share of P-values that the convention of the paper does not explain (misprints, unreported exclusions, another program),
# and the weight of each share: the density of Beta(1, 9), a tenth on average.
MISS_RATES = np.array([0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6])
_WEIGHTS = 9 * (1 - MISS_RATES) ** 8 * np.gradient(MISS_RATES)
MISS_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
ALPHA = 0.05
MAX_MISSING = 2  # largest number of participants without a value, in either group, that is considered
ATTAINABLE, TIES, FEWER = "attainable", "attainable with ties", "attainable with fewer participants"
MANY_TIES, OTHER = "attainable with many ties", "attainable under another possible variant"
NEITHER = "not attained"
NOT_RULED_OUT = 0.001  # a variant is possible if its probability exceeds this
STATUSES = (ATTAINABLE, TIES, FEWER, MANY_TIES, OTHER, NEITHER)
_DEFINITIONS = [*itertools.product(TYPES, ("even", "up"))]  # types of quantiles and rounding rules
_COARSER = 0.2  # prior probability that a variable was recorded with fewer decimals than reported
_LEAST_PROBABILITY = 1e-6  # of a digit that a definition cannot give: a misprint, or another n
_MOST_GAP = 400  # steps from one value to the next
_MOST_DECIMALS = 9  # further decimals are ignored
DEPENDENCE = ("claim", "where", "reported", "n_first", "n_second", "u", "u_other", *VARIANTS, "depends_on_variant")


class Definition(NamedTuple):
    """One definition of the quartiles with one rounding rule, judged by all reported digits together."""

    type: int
    rounding: str
    log10_likelihood: float
    probability: float
    impossible_digits: int


class Score(NamedTuple):
    """How well one variant explains all P-values; all variants are counted at the sizes most likely under the best one."""

    variant: str
    attainable: int
    total: int
    by_chance: float  # number of P-values that a wrong lattice of the same density would be expected to reach
    attainable_with_ties: int
    miss_rate: float
    # Relative to uniformly distributed P-values, averaged over the miss rate and the solutions for unreported group sizes.
    log10_likelihood: float
    probability: float  # posterior among the variants and "none of these", which have equal prior probability


class Option(NamedTuple):
    """One possible pair of group sizes, for the P-values that compare the same two groups."""

    first: str
    second: str
    n_first: int
    n_second: int
    attainable: int
    p_values: int
    probability: float


class Inference(NamedTuple):
    """The scores of the variants, and the group sizes under the best variant."""

    scores: list[Score]  # best first; empty without P-values
    numbers: dict[str, tuple[int, int]]  # group sizes of each P-value
    # By the names of two groups, every pair of unreported sizes that meets the sums, most probable first.
    options: dict[tuple[str, str], list[Option]]

    @property
    def variant(self) -> str:
        """The variant with the largest likelihood; without scores, the normal approximation."""
        return self.scores[0].variant if self.scores else "normal"

    @property
    def fits(self) -> bool:
        """Whether the variants together explain the P-values better than random digits do; if not, no P is judged alone."""
        return sum(score.probability for score in self.scores) >= 0.5

    @property
    def possible(self) -> list[str]:
        """The variants that are not ruled out, best first; all variants without P-values, or if the P-values fit none."""
        return [s.variant for s in self.scores if s.probability > NOT_RULED_OUT] if self.fits else list(VARIANTS)


class Assessment(NamedTuple):
    """One P-value under one variant."""

    p: ReportedP
    variant: str
    numbers: tuple[int, int]
    status: str
    u: tuple[float, ...]  # the smaller of U and n1 * n2 - U
    chance: float  # probability that random digits nearby are attainable
    fewer: tuple[tuple[int, int], ...] = ()  # group sizes, up to two participants smaller, that give P without ties
    tie_sum: int | None = None  # smallest sum of t^3 - t that gives the digits, if only many ties do


class RangeCheck(NamedTuple):
    """The ranges of U and P that the reported quantiles allow, and whether the reported P is inside."""

    p: ReportedP
    n_first: int
    n_second: int
    u_low: float
    u_high: float
    p_low: float
    p_high: float
    inside: bool | None  # None if the quantiles contradict each other under every type


class Report(NamedTuple):
    """Everything inferred from the reported numbers of one paper; every check reads it and yields findings."""

    reported: Reported
    inference: Inference
    assessments: list[Assessment]
    definitions: list[Definition]  # of the quartiles, most probable first
    steps: dict[str, float]  # of each variable that was recorded more coarsely than reported
    ranges: list[RangeCheck]
    dependence: list[dict]
    unsettled: dict[str, list[ReportedP]]  # P-values left out, by fault

    def table(self, name: str, **cells: str) -> list[Row]:
        """Return the rows of a published table that have these cells; no rows if the table is absent."""
        return [row for row in self.reported.tables.get(name, []) if cells.items() <= row.items()]


def assess_paper(reported: Reported) -> Report:
    """Infer the convention from the P-values of the first source, and assess those whose group sizes are determined."""
    definitions, steps = infer_definition(reported.p_values)
    for index, p in enumerate(reported.p_values):
        if reported.tables and p.measured and p.variable in steps:  # the recording step is not the last decimal
            reported.p_values[index] = with_recording_step(steps[p.variable], p)
    source = next((p.source for p in reported.p_values if p.usable), "")
    used = [p for p in reported.p_values if p.usable and p.source == source]
    inference, unsettled = Inference([], {}, {}), {}
    while used and not inference.scores:
        try:
            inference = infer_convention(used, reported.constraints)
        except sizes.UnsettledError as error:
            if not reported.tables:
                raise
            unsettled[error.fault] = [p for p in used if p.claim in error.pairs]
            used = [p for p in used if p.claim not in error.pairs]
    assessments = [assess_p(p, inference.numbers[p.claim], inference.variant, inference.possible) for p in used]
    ranges = []
    for p in reported.p_values:
        numbers = inference.numbers.get(p.claim, p.pair)
        can_check = len(p.medians) == 2 or (p.relation != "=" and p.p.value > 0)
        if p.test == "rank_sum" and can_check and all(isinstance(n, int) for n in numbers) and not p.too_large:
            ranges.append(check_range(p, *numbers))
    # With ties, P depends on which values are tied, so that the variants are compared only where ties are not needed.
    without_ties = [a for a in assessments if a.p.highlight and a.status == ATTAINABLE and inference.fits]
    dependence = []  # P of each U under every variant, and whether its significance depends on the variant
    for a, u in ((assessment, u) for assessment in without_ties for u in assessment.u):
        p_by_variant = [float(rank_sum_p(u, *a.numbers, variant)) for variant in VARIANTS]
        depends = len({bool(is_significant(p, ALPHA)) for p in p_by_variant}) > 1
        cells = (a.p.claim, a.p.where, a.p.p.text, *a.numbers, u, math.prod(a.numbers) - u, *p_by_variant, depends)
        dependence.append(dict(zip(DEPENDENCE, cells, strict=True)))
    return Report(reported, inference, assessments, definitions, steps, ranges, dependence, unsettled)


def infer_definition(p_values: list[ReportedP]) -> tuple[list[Definition], dict[str, float]]:
    """Infer the definition of the quartiles, of nine types and two rounding rules, from the last reported digits.

    Returns the definitions, most probable first, and the step of each variable recorded more coarsely than reported.
    Computed values such as changes are left out: they have no recording step. All groups of a variable share its step:
    one unit of the last reported decimal, ten units or, with several decimals, any power of ten up to a whole number.
    """
    variables: dict[str, list[tuple[Group, int]]] = defaultdict(list)
    for p in p_values:
        for group, n in zip(p.groups, p.pair, strict=True):
            if p.measured and isinstance(n, int) and QUARTILES.keys() <= group.keys():
                variables[p.variable].append((group, n))
    log_likelihoods, impossible, steps = np.zeros(len(_DEFINITIONS)), np.zeros(len(_DEFINITIONS), int), {}
    for name, groups in variables.items():
        decimals = min(_MOST_DECIMALS, max(group[part].decimals for group, _ in groups for part in QUARTILES))
        most = max(decimals, 1)  # last digits that can depend on the definition; the other digits are taken as uniform
        uniform = -3 * len(groups) * math.log(10)  # log-likelihood of one uniform digit of every quartile
        joints = [np.full(len(_DEFINITIONS), math.log(1 - _COARSER) + most * uniform)]  # log of prior times likelihood
        probabilities = []
        for last in range(1, most + 1):
            probabilities.append(np.hstack([digit_probabilities(group, n, decimals, last) for group, n in groups]))
            log_likelihood = np.log(np.maximum(probabilities[-1], _LEAST_PROBABILITY)).sum(axis=1)
            joints.append(math.log(_COARSER / most) + log_likelihood + (most - last) * uniform)
        last = int(np.argmax([joint.max() for joint in joints]))
        if last:
            steps[name] = 10.0 ** (last - decimals)
            impossible += (probabilities[last - 1] == 0).sum(axis=1)
        log_likelihoods += logsumexp(joints, axis=0)
    relative = (log_likelihoods - log_likelihoods.max()) / math.log(10)
    numbers = zip(_DEFINITIONS, relative, softmax(log_likelihoods), impossible, strict=True)
    definitions = [Definition(k, f"half {rounding}", float(r), float(p), int(n)) for (k, rounding), r, p, n in numbers]
    definitions.sort(key=lambda d: (-round(d.probability, 12), d.type, d.rounding))
    return definitions, steps


def digit_probabilities(group: Group, n: int, decimals: int, last: int) -> np.ndarray:
    """Return the probability of the ``last`` digits of each quartile under each definition, shape (definitions, 3).

    The values are taken as recorded with ``last`` decimals fewer than the ``decimals`` of the quartiles, and the distance
    from one value to the next as geometric, with the mean that the quartiles and n suggest.
    """
    steps_per_unit = 10.0 ** (decimals - last)
    step = 10**last  # in units of the last reported decimal
    mean_gap = max((group["q3"].value - group["q1"].value) * steps_per_unit, 0.25) / (n / 2)  # in steps
    gaps = np.arange(_MOST_GAP)
    weights = (mean_gap / (1 + mean_gap)) ** gaps / (1 + mean_gap)
    probabilities = np.empty((len(_DEFINITIONS), len(QUARTILES)))
    for column, (part, p) in enumerate(QUARTILES.items()):
        digits = round(group[part].value * 10**decimals) % step
        for row, (kind, rounding) in enumerate(_DEFINITIONS):
            fraction = lattice.quantile_position(n, p, kind) % 1
            # The excess over the value below, which is an even number of units and does not affect the rounding.
            excess = fraction.numerator * step * gaps / fraction.denominator
            rounded = (np.rint(excess) if rounding == "even" else np.floor(excess + 0.5)) % step
            probabilities[row, column] = weights[rounded == digits].sum() if fraction else digits == 0
    return probabilities


def infer_convention(p_values: list[ReportedP], constraints: Sequence[sizes.Constraint] = ()) -> Inference:
    """Infer one convention for the paper, and the group sizes that are not reported.

    All P-values are ``usable``; the constraints are between the unknowns that their pairs name. UnsettledError if the
    constraints contradict each other or leave an unknown of a P-value without a bound.
    """
    pairs, components = sizes.solve_sizes({p.claim: p.pair for p in p_values}, constraints)
    # The log-likelihoods of the solutions of each component at each miss rate; the profiles average over the solutions.
    tables = {variant: [_log_likelihoods(p_values, s, variant) for s in components] for variant in VARIANTS}
    profiles = [sum(logsumexp(t, axis=0) - math.log(len(t)) for t in tables[variant]) for variant in VARIANTS]
    log_likelihoods = logsumexp(profiles, axis=1, b=MISS_WEIGHTS)
    # In addition to the variants there is "none of these": uniformly distributed P-values, with likelihood one.
    probabilities = softmax([*log_likelihoods, 0.0])[:-1]
    rates = np.argmax(profiles, axis=1)
    ranked = sorted(zip(VARIANTS, rates, log_likelihoods, probabilities, strict=True), key=lambda row: -row[2])
    best, best_rate, *_ = ranked[0]
    numbers: sizes.Numbers = {}  # in the solutions that are most likely under the best variant
    options = {}
    for solutions, table in zip(components, tables[best], strict=True):
        numbers |= solutions[table[:, best_rate].argmax()]
        weights = softmax(table[:, best_rate])
        for pair in dict.fromkeys(pairs[claim] for claim in solutions[0]):
            if any(isinstance(size, str) for size in pair):
                pair_p_values = [p for p in p_values if pairs[p.claim] == pair]
                options[tuple(map(str, pair))] = _rank_options(pair, pair_p_values, solutions, weights, best)
    scores = []
    for variant, rate, log_likelihood, probability in ranked:
        fits = [p.fits(numbers[p.claim], variant) for p in p_values]
        scores.append(
            Score(
                variant,
                attainable=sum(bool(plain.u) for plain, _ in fits),
                total=len(p_values),
                by_chance=sum(plain.chance for plain, _ in fits),
                attainable_with_ties=sum(bool(tied.u) and not plain.u for plain, tied in fits),
                miss_rate=float(MISS_RATES[rate]),
                log10_likelihood=float(log_likelihood) / math.log(10),
                probability=float(probability),
            )
        )
    return Inference(scores, numbers, options)


def _rank_options(pair: sizes.Pair, p_values: list[ReportedP], solutions, weights, variant: str) -> list[Option]:
    """Return every pair of group sizes that some solution gives to P-values of the same groups, most probable first."""
    probabilities: dict[tuple[int, int], float] = defaultdict(float)
    for solution, weight in zip(solutions, weights, strict=True):
        probabilities[solution[p_values[0].claim]] += float(weight)
    options = []
    for numbers, probability in sorted(probabilities.items(), key=lambda item: (-round(item[1], 12), item[0])):
        attainable = sum(bool(p.fits(numbers, variant)[0].u) for p in p_values)
        options.append(Option(*map(str, pair), *numbers, attainable, len(p_values), probability))
    return options


def _log_likelihoods(p_values: list[ReportedP], solutions: list[sizes.Numbers], variant: str) -> np.ndarray:
    """Return the log-likelihood of the digits, relative to uniformly distributed P-values, shape (solutions, rates)."""
    total = np.zeros((len(solutions), MISS_RATES.size))
    for p in p_values:
        if p.claim in solutions[0]:
            numbers = [solution[p.claim] for solution in solutions]
            ratios = {pair: p.likelihood(pair, variant) for pair in set(numbers)}
            total += np.log(np.outer([ratios[pair] for pair in numbers], 1 - MISS_RATES) + MISS_RATES)
    return total


def assess_p(p: ReportedP, numbers: tuple[int, int], variant: str, alternatives: Sequence[str] = ()) -> Assessment:
    """Assess whether a reported P is attainable under a variant, or else under one of the alternative variants."""
    plain, tied = p.fits(numbers, variant)
    if plain.u:
        return Assessment(p, variant, numbers, ATTAINABLE, plain.u, plain.chance)
    smaller = itertools.product(*(range(n, max(n - MAX_MISSING, 1) - 1, -1) for n in numbers))
    fewer = tuple(pair for pair in smaller if pair != numbers and fit_reported_p(p.p.low, p.p.high, *pair, variant).u)
    status = TIES if tied.u else FEWER if fewer else NEITHER
    u, tie_sum = tied.u, None
    if status == NEITHER and p.ties.weight:
        tie_sum, u = find_least_ties(p.p, numbers, variant)
        status = NEITHER if tie_sum is None else MANY_TIES
    if status == NEITHER and any(assess_p(p, numbers, alternative).status != NEITHER for alternative in alternatives):
        status = OTHER
    return Assessment(p, variant, numbers, status, u, plain.chance, fewer, tie_sum)


def find_least_ties(p: ReportedNumber, numbers: tuple[int, int], variant: str) -> tuple[int | None, tuple[float, ...]]:
    """Return the smallest tie sum at which some U gives a P that rounds to the number, and these U.

    With ties the two tails of an exact variant differ, and P lies between the P of one tail and of both.
    """
    u, highest = attainable_p_values(*numbers, variant, True).u, p.high * (2 if variant in EXACT else 1)
    most = most_ties(u, *numbers) // TIE_STEP
    u, most = u[most > 0], most[most > 0]
    low, high = np.ones_like(most), most
    while (low < high).any():  # bisect: P falls as the tie sum of a given U rises
        middle = (low + high) // 2
        is_enough = rank_sum_p(u, *numbers, variant, middle * TIE_STEP) <= highest
        low, high = np.where(is_enough, low, middle + 1), np.where(is_enough, middle, high)
    p_values = rank_sum_p(u, *numbers, variant, low * TIE_STEP)
    matching = (p_values >= p.low) & (p_values <= highest)
    if not matching.any():
        return None, ()
    least = low[matching].min()
    return int(least) * TIE_STEP, tuple(u[matching & (low == least)].tolist())


def check_range(p: ReportedP, n_first: int, n_second: int) -> RangeCheck:
    """Check one P against the quantiles of its groups, under every variant and type of quantiles."""
    u_ranges = [span for kind in TYPES if (span := lattice.bound_u(*p.groups, n_first, n_second, kind=kind))]
    if not u_ranges:
        return RangeCheck(p, n_first, n_second, *[math.nan] * 4, None)
    lows, highs, tie_sums = zip(*u_ranges, strict=True)
    u_low, u_high = min(lows), max(highs)
    tie_sum = max(tie_sums) if p.ties.weight else 0
    lows, highs = zip(*(lattice.bound_p(u_low, u_high, n_first, n_second, v, tie_sum) for v in VARIANTS), strict=True)
    low, high = min(lows), max(highs)
    meets = max(low - p.p.high, p.p.low - high) <= lattice.ROUNDING
    inside = {"=": meets, "<": low < p.p.value, ">": high > p.p.value}[p.relation]
    return RangeCheck(p, n_first, n_second, u_low, u_high, low, high, inside)
