"""Group sizes that are not reported: linear constraints between them, and every solution.

A constraint is a line such as ``old/treated + old/control = 21`` or ``late/treated <= early/treated``: names and whole numbers,
spaces around ``+``, and one of ``=``, ``<=``, ``>=``. Unknowns are whole numbers from zero.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..published_tables import read_table
from .lattice import MOST_PAIRS

LARGEST = 2000  # an unknown that nothing bounds
MOST_SOLUTIONS = 20_000


class UnsettledError(UserError):
    """Constraints that do not settle the groups of some ``pairs``, given by name; ``fault`` says why."""

    def __init__(self, fault: str, pairs: Collection[str], advice: str = ""):
        super().__init__(f"group sizes: {fault}{advice}")
        self.fault, self.pairs = fault, pairs


Pair = tuple[int | str, int | str]  # numbers of two groups, or names of unknowns; empty if neither is reported
Domains = dict[str, tuple[int, int]]
Numbers = dict[str, tuple[int, int]]  # of the two groups that each pair compares


@dataclass(frozen=True)
class Constraint:
    """``low <= sum of coefficient * unknown <= high``, with the line it comes from and where that is reported."""

    terms: dict[str, int]
    low: float
    high: float
    text: str
    where: str = ""


def parse_constraint(text: str, where: str = "") -> Constraint:
    """Read one line; ValueError if it has not exactly one relation, or a term is empty."""
    match = re.fullmatch(r"(\S.*?) (=|<=|>=) (\S.*)", " ".join(text.split()))
    if not match:
        raise ValueError("expected one of =, <= and >= with spaces around it")
    constant, coefficients = 0, Counter[str]()
    for sign, side in ((1, match[1]), (-1, match[3])):
        for term in side.split(" + "):
            if " " in term or term == "+":
                raise ValueError("expected names or whole numbers with ' + ' between them on either side")
            if term.isdecimal():
                constant += sign * int(term)
            else:
                coefficients[term] += sign
    if not any(coefficients.values()):
        raise ValueError("expected at least one name")
    low = -math.inf if match[2] == "<=" else -constant
    high = math.inf if match[2] == ">=" else -constant
    return Constraint({n: c for n, c in coefficients.items() if c}, low, high, text, where)


def read_constraints(path: Path | str) -> list[Constraint]:
    """Read a CSV with the columns ``constraint`` and, if given, ``where``."""
    constraints = []
    for row in read_table(path, "consistency/sizes", required=("constraint",)):
        try:
            constraints.append(parse_constraint(row["constraint"], row["where"]))
        except ValueError as error:
            raise UserError(f"{path}, row {row['_row']}, column constraint: {row['constraint']!r}: {error}") from None
    return constraints


def _narrowed(domains: Domains, constraints: Iterable[Constraint]) -> Domains | None:
    """Narrow bounds by the constraints until nothing changes; None if no numbers are left for an unknown."""
    domains, before = dict(domains), None
    while domains != before:
        before = dict(domains)
        for constraint in constraints:
            ends = [sorted(sign * end for end in domains[name]) for name, sign in constraint.terms.items()]
            least, most = map(sum, zip(*ends, strict=True))
            if constraint.low <= least and most <= constraint.high:
                continue  # whatever the unknowns are
            for (name, sign), (low, high) in zip(constraint.terms.items(), ends, strict=True):
                below, above = max(low, constraint.low - most + high), min(high, constraint.high - least + low)
                lower, upper = sorted((below / sign, above / sign))
                domains[name] = (math.ceil(lower), math.floor(upper))
                if below > above or domains[name][0] > domains[name][1]:
                    return None
    return domains


def iterate_solutions(
    domains: Domains, constraints: Sequence[Constraint], names: Collection[str]
) -> Iterator[dict[str, int]]:
    """Yield the values of some unknowns in every assignment that meets all constraints within the bounds, each once."""
    narrowed = _narrowed(domains, constraints)
    if narrowed is None:
        return
    free = [(name not in names, high - low, name) for name, (low, high) in narrowed.items() if high > low]
    if not free:
        yield {name: narrowed[name][0] for name in names}
        return
    other, _, name = min(free)
    low, high = narrowed[name]
    branches = (iterate_solutions(narrowed | {name: (n, n)}, constraints, names) for n in range(low, high + 1))
    yield from itertools.islice(itertools.chain.from_iterable(branches), 1 if other else None)


def solve_sizes(
    pairs: Mapping[str, Pair], constraints: Sequence[Constraint]
) -> tuple[dict[str, Pair], list[list[Numbers]]]:
    """Return the pairs of groups with the numbers that the constraints fix, and every solution for the others.

    A solution has the numbers of each pair by its name; pairs that share unknowns are solved together, in a list of their
    own. UnsettledError if the constraints contradict each other, do not bound a group, or leave no solution, more than
    ``MOST_SOLUTIONS``, or groups that may be too large for the lattice.
    """
    groups = {end: (1, LARGEST) for pair in pairs.values() for end in pair if isinstance(end, str)}
    constraints = constraints if groups else []
    widest = {name: (0, LARGEST) for constraint in constraints for name in constraint.terms} | groups
    domains = _narrowed(widest, constraints)
    if domains is None:
        last = next(c for n, c in enumerate(constraints, 1) if _narrowed(widest, constraints[:n]) is None)
        place = last.where or "no place given"
        fault = f"no numbers meet all constraints together; {last.text!r} ({place}) contradicts those before it"
        raise UnsettledError(fault, [key for key, pair in pairs.items() if groups.keys() & {*pair}])
    for name in groups:
        if domains[name][1] >= LARGEST:
            left = [key for key, pair in pairs.items() if name in pair]
            raise UnsettledError(f"nothing bounds {name!r}", left, f"; add a constraint such as '{name} <= 40'")
    fixed = {name: low for name, (low, high) in domains.items() if low == high}
    pairs = {name: tuple(fixed.get(end, end) for end in pair) for name, pair in pairs.items()}
    free = domains.keys() - fixed.keys()
    linked: list[frozenset[str]] = []
    for link in map(free.intersection, [*(c.terms for c in constraints), *pairs.values()]):
        apart = [names for names in linked if not names & link]
        linked = [*apart, frozenset(link.union(*(names for names in linked if names & link)))]
    shared: dict[frozenset[str], dict[str, Pair]] = defaultdict(dict)
    for name, pair in pairs.items():
        shared[next((names for names in linked if names & set(pair)), frozenset())][name] = pair
    return pairs, [_solved(own, names, domains, constraints) for names, own in shared.items()]


def _solved(pairs: dict[str, Pair], linked: frozenset[str], domains: Domains, constraints) -> list[Numbers]:
    needed = sorted(linked.intersection(itertools.chain(*pairs.values())))
    names = " and ".join(needed)
    largest = {key: [domains.get(end, (0, end))[1] for end in pair] for key, pair in pairs.items()}
    if large := [key for key, numbers in largest.items() if math.prod(numbers) > MOST_PAIRS]:
        advice = f"; add constraints that keep the product of two groups to {MOST_PAIRS} or less"
        words = " and ".join(map(str, pairs[large[0]]))
        raise UnsettledError(f"{words} may be so large that nearly every P is attainable", large, advice)
    involved = [c for c in constraints if linked & c.terms.keys()]
    bounds = {name: domains[name] for name in linked.union(*(c.terms for c in involved))}
    found = list(itertools.islice(iterate_solutions(bounds, involved, needed), MOST_SOLUTIONS + 1))
    if len(found) > MOST_SOLUTIONS:
        raise UnsettledError(f"more than {MOST_SOLUTIONS} solutions for {names}", pairs, "; add constraints")
    if not found:
        raise UnsettledError(f"no solution above zero for {names}", pairs)
    return [{name: tuple(one.get(end, end) for end in pair) for name, pair in pairs.items()} for one in found]
