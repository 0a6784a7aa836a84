"""Group sizes that are not reported: linear constraints between them, and every solution.

A constraint is a line such as ``old/treated + old/control = 21`` or ``late/treated <= early/treated``: names and whole numbers,
spaces around ``+``, and one of ``=``, ``<=``, ``>=``. Unknowns are whole numbers from zero.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from ..published_tables import read_table

LARGEST = 2000  # an unknown that nothing bounds
MOST_SOLUTIONS = 20_000


@dataclass(frozen=True)
class Constraint:
    """``low <= sum of coefficient * unknown <= high``, with the line it comes from and where that is reported."""

    terms: tuple[tuple[str, int], ...]
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
    return Constraint(tuple((n, c) for n, c in coefficients.items() if c), low, high, text, where)


def read_constraints(path: Path | str) -> list[Constraint]:
    """Read a CSV with the columns ``constraint`` and, if given, ``where``."""
    constraints = []
    for row in read_table(path, ("constraint",), ("constraint", "where")):
        try:
            constraints.append(parse_constraint(row["constraint"], row.get("where", "")))
        except ValueError as error:
            raise UserError(f"{path}, row {row['_row']}, column constraint: {row['constraint']!r}: {error}") from None
    return constraints


Domains = dict[str, tuple[int, int]]


def _by_name(constraints: Iterable[Constraint]) -> dict[str, list[Constraint]]:
    by_name: dict[str, list[Constraint]] = {}
    for constraint in constraints:
        for name, _ in constraint.terms:
            by_name.setdefault(name, []).append(constraint)
    return by_name


def _propagate(domains: Domains, by_name: dict[str, list[Constraint]], first: Iterable[Constraint]) -> Domains | None:
    """Narrow by the ``first`` constraints, and then by those of every unknown whose bounds have changed."""
    domains, waiting = dict(domains), dict.fromkeys(first)
    while waiting:
        constraint = next(iter(waiting))
        del waiting[constraint]
        ends = [sorted(sign * end for end in domains[name]) for name, sign in constraint.terms]
        least, most = (sum(end[side] for end in ends) for side in (0, 1))
        if least > constraint.high or most < constraint.low:
            return None
        for (name, sign), (low, high) in zip(constraint.terms, ends, strict=True):
            below, above = max(low, constraint.low - most + high), min(high, constraint.high - least + low)
            if (below, above) == (low, high):
                continue
            lower, upper = sorted((below / sign, above / sign))
            domains[name] = (math.ceil(lower), math.floor(upper))
            if domains[name][0] > domains[name][1]:
                return None
            if sorted(sign * end for end in domains[name]) != [low, high]:
                waiting |= dict.fromkeys(by_name[name])
    return domains


def solutions(domains: Domains, constraints: Sequence[Constraint]) -> Iterator[dict[str, int]]:
    """Yield every assignment within the bounds that meets all constraints, in a fixed order."""
    by_name = _by_name(constraints)

    def search(domains: Domains, first: Iterable[Constraint]) -> Iterator[dict[str, int]]:
        narrowed = _propagate(domains, by_name, first)
        if narrowed is None:
            return
        free = [(high - low, name) for name, (low, high) in narrowed.items() if high > low]
        if not free:
            yield {name: low for name, (low, _) in narrowed.items()}
            return
        _, name = min(free)
        low, high = narrowed[name]
        for value in range(low, high + 1):
            yield from search(narrowed | {name: (value, value)}, by_name.get(name, ()))

    yield from search(domains, constraints)


def unknowns(constraints: Sequence[Constraint], names: Iterable[str] = ()) -> Domains:
    """Return the widest bounds of every unknown, narrowed by the constraints; UserError if these contradict each other."""
    narrowed: Domains | None = dict.fromkeys(
        [*names, *(name for c in constraints for name, _ in c.terms)], (0, LARGEST)
    )
    for number, constraint in enumerate(constraints):
        narrowed = _propagate(narrowed, _by_name(constraints[: number + 1]), [constraint])
        if narrowed is None:
            raise UserError(
                f"group sizes: no numbers meet all constraints together; {constraint.text!r} "
                f"({constraint.where or 'no place given'}) contradicts those before it"
            )
    return narrowed


def components(domains: Domains, constraints: Iterable[Constraint], pairs: Iterable[Iterable[str]]) -> list[list[str]]:
    """Split the open unknowns into groups that no constraint and no P-value links, in the order of their first name."""
    groups = [[name] for name, (low, high) in domains.items() if high > low]
    order = {name: place for place, (name,) in enumerate(groups)}
    for link in [*({name for name, _ in constraint.terms} for constraint in constraints), *map(set, pairs)]:
        linked = sorted((name for group in groups if link & set(group) for name in group), key=order.__getitem__)
        groups = [group for group in groups if not link & set(group)] + ([linked] if linked else [])
    return sorted(groups, key=lambda group: order[group[0]])
