"""Solve for group sizes that are not reported: find every solution of linear constraints between whole numbers."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..errors import UserError
from .lattice import MAX_PAIRS

LARGEST = 2000  # upper bound of an unknown without any other bound
MAX_SOLUTIONS = 20_000


class UnsettledError(UserError):
    """The constraints do not determine the group sizes of the named ``pairs``; ``fault`` says why."""

    def __init__(self, fault: str, pairs: Collection[str]):
        super().__init__(f"group sizes: {fault}")
        self.fault, self.pairs = fault, pairs


Pair = tuple[int | str, int | str]  # sizes of two groups, or names of unknowns; an empty name if neither is reported
Domains = dict[str, tuple[int, int]]  # smallest and largest value of each unknown
Numbers = dict[str, tuple[int, int]]  # sizes of the two groups of each pair


class Constraint(NamedTuple):
    """``low <= sum of coefficient * unknown <= high``, as text and with the place that reports it."""

    terms: dict[str, int]
    low: float
    high: float
    text: str
    where: str


def constrain_sum(names: Sequence[str], total: int, where: str) -> Constraint:
    """Return the constraint that unknowns add up to a total."""
    return Constraint(Counter(names), total, total, f"{' + '.join(names)} = {total}", where)


def constrain_order(smaller: str, larger: str, where: str) -> Constraint:
    """Return the constraint that one unknown is no larger than another."""
    return Constraint({smaller: 1, larger: -1}, -math.inf, 0, f"{smaller} <= {larger}", where)


def _narrow_domains(domains: Domains, constraints: Iterable[Constraint]) -> Domains | None:
    """Narrow the bounds by the constraints until nothing changes; None if an unknown has no possible value left."""
    domains, before = dict(domains), None
    while domains != before:
        before = dict(domains)
        for constraint in constraints:
            term_ranges = [sorted(factor * end for end in domains[name]) for name, factor in constraint.terms.items()]
            least, most = map(sum, zip(*term_ranges, strict=True))
            if constraint.low <= least and most <= constraint.high:
                continue  # met by every value of the unknowns
            for (name, factor), (low, high) in zip(constraint.terms.items(), term_ranges, strict=True):
                low, high = max(low, constraint.low - most + high), min(high, constraint.high - least + low)
                lower, upper = sorted((low / factor, high / factor))
                domains[name] = (math.ceil(lower), math.floor(upper))
                if low > high or domains[name][0] > domains[name][1]:
                    return None
    return domains


def iterate_solutions(
    domains: Domains, constraints: Sequence[Constraint], names: Collection[str]
) -> Iterator[dict[str, int]]:
    """Yield each choice of values for ``names`` that can be completed to meet all constraints within the bounds, once."""
    narrowed = _narrow_domains(domains, constraints)
    if narrowed is None:
        return
    free = [(name not in names, high - low, name) for name, (low, high) in narrowed.items() if high > low]
    if not free:
        yield {name: narrowed[name][0] for name in names}
        return
    is_auxiliary, _, name = min(free)  # the unknowns of ``names`` first; of the others, one value is enough
    low, high = narrowed[name]
    branches = (iterate_solutions(narrowed | {name: (n, n)}, constraints, names) for n in range(low, high + 1))
    yield from itertools.islice(itertools.chain.from_iterable(branches), 1 if is_auxiliary else None)


def solve_sizes(
    pairs: Mapping[str, Pair], constraints: Sequence[Constraint]
) -> tuple[dict[str, Pair], list[list[Numbers]]]:
    """Return the pairs with the group sizes that the constraints fix, and every solution for the remaining unknowns.

    A solution maps the name of each pair to its two group sizes. Pairs that share unknowns form a component; each
    component has a list of solutions. UnsettledError if the constraints contradict each other, do not bound a group, or
    leave no solution, more than ``MAX_SOLUTIONS``, or groups that may be too large for the lattice.
    """
    groups = {size: (1, LARGEST) for pair in pairs.values() for size in pair if isinstance(size, str)}
    constraints = constraints if groups else []
    widest = {name: (0, LARGEST) for constraint in constraints for name in constraint.terms} | groups
    domains = _narrow_domains(widest, constraints)
    if domains is None:
        last = next(c for n, c in enumerate(constraints, 1) if _narrow_domains(widest, constraints[:n]) is None)
        fault = f"no numbers meet all constraints together; {last.text!r} ({last.where}) contradicts those before it"
        raise UnsettledError(fault, [key for key, pair in pairs.items() if groups.keys() & {*pair}])
    for name in groups:
        if domains[name][1] >= LARGEST:
            raise UnsettledError(f"nothing bounds {name!r}", [key for key, pair in pairs.items() if name in pair])
    fixed = {name: low for name, (low, high) in domains.items() if low == high}
    pairs = {key: tuple(fixed.get(size, size) for size in pair) for key, pair in pairs.items()}
    free = domains.keys() - fixed.keys()
    components: list[frozenset[str]] = []  # unknowns that constraints or pairs link
    for link in map(free.intersection, [*(c.terms for c in constraints), *pairs.values()]):
        linked = [names for names in components if names & link]
        components = [*(names for names in components if names not in linked), frozenset(link.union(*linked))]
    component_pairs: dict[frozenset[str], dict[str, Pair]] = defaultdict(dict)
    for key, pair in pairs.items():
        component_pairs[next((names for names in components if names & set(pair)), frozenset())][key] = pair
    return pairs, [_solve_component(*item, domains, constraints) for item in component_pairs.items()]


def _solve_component(unknowns: frozenset[str], pairs: dict[str, Pair], domains: Domains, constraints) -> list[Numbers]:
    largest = {key: [domains.get(size, (0, size))[1] for size in pair] for key, pair in pairs.items()}
    if large := [key for key, sizes in largest.items() if math.prod(sizes) > MAX_PAIRS]:
        names = " and ".join(map(str, pairs[large[0]]))
        fault = f"{names} may be so large that nearly every P is attainable (expected at most {MAX_PAIRS} pairs)"
        raise UnsettledError(fault, large)
    group_names = sorted(unknowns.intersection(itertools.chain(*pairs.values())))
    relevant = [c for c in constraints if unknowns & c.terms.keys()]
    bounds = {name: domains[name] for name in unknowns.union(*(c.terms for c in relevant))}
    solutions = list(itertools.islice(iterate_solutions(bounds, relevant, group_names), MAX_SOLUTIONS + 1))
    if len(solutions) > MAX_SOLUTIONS:
        raise UnsettledError(f"more than {MAX_SOLUTIONS} solutions for {' and '.join(group_names)}", pairs)
    if not solutions:
        raise UnsettledError(f"no solution above zero for {' and '.join(group_names)}", pairs)
    return [{key: tuple(s.get(size, size) for size in pair) for key, pair in pairs.items()} for s in solutions]
