"""Group sizes that are not reported: linear constraints between them, and every solution.

A constraint is a line such as ``old/treated + old/control = 21`` or ``late/treated <= early/treated``: names and whole numbers,
spaces around ``+``, and one of ``=``, ``<=``, ``>=``. Unknowns are whole numbers from zero.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
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
    """Read one line.

    Raises
    ------
    ValueError
        If the line has not exactly one relation, or a term is empty.
    """
    words = text.split()
    relations = [word for word in words if word in ("=", "<=", ">=")]
    if len(relations) != 1:
        raise ValueError("expected one of =, <= and >= with spaces around it")
    at = words.index(relations[0])
    constant, coefficients = 0, {}
    for sign, side in ((1, words[:at]), (-1, words[at + 1 :])):
        if len(side) % 2 == 0 or any(word != "+" for word in side[1::2]):
            raise ValueError("expected names or whole numbers with ' + ' between them on either side")
        for term in side[::2]:
            if term.isdecimal():
                constant += sign * int(term)
            else:
                coefficients[term] = coefficients.get(term, 0) + sign
    if not any(coefficients.values()):
        raise ValueError("expected at least one name")
    low = -constant if relations[0] in ("=", ">=") else float("-inf")
    high = -constant if relations[0] in ("=", "<=") else float("inf")
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


def narrow(domains: Domains, constraints: Iterable[Constraint]) -> Domains | None:
    """Shrink the bounds of the unknowns until nothing changes; None if some constraint cannot hold."""
    return _propagate(domains, _watch(constraints), None)


def _watch(constraints: Iterable[Constraint]) -> dict[str, list[Constraint]]:
    watch: dict[str, list[Constraint]] = {}
    for constraint in constraints:
        for name, _ in constraint.terms:
            watch.setdefault(name, []).append(constraint)
    return watch


def _propagate(domains: Domains, watch: dict[str, list[Constraint]], touched: str | None) -> Domains | None:
    """Narrow, starting from the constraints on one unknown (or all), and going on where a bound has moved."""
    domains = dict(domains)
    queue = dict.fromkeys(watch.get(touched, ()) if touched else (c for group in watch.values() for c in group))
    while queue:
        constraint = next(iter(queue))
        del queue[constraint]
        least = most = 0
        for name, sign in constraint.terms:
            low, high = domains[name]
            least += sign * (low if sign > 0 else high)
            most += sign * (high if sign > 0 else low)
        if least > constraint.high or most < constraint.low:
            return None
        for name, sign in constraint.terms:
            low, high = domains[name]
            own_least, own_most = (sign * low, sign * high) if sign > 0 else (sign * high, sign * low)
            above = constraint.high - least + own_least  # the most that sign * unknown may be
            below = constraint.low - most + own_most
            if sign < 0:
                above, below = below, above
            new_low = low if below / sign <= low else math.ceil(below / sign)
            new_high = high if above / sign >= high else math.floor(above / sign)
            if new_low > new_high:
                return None
            if (new_low, new_high) != (low, high):
                domains[name] = (new_low, new_high)
                queue.update(dict.fromkeys(watch[name]))
                break  # the sums have changed
    return domains


def solutions(domains: Domains, constraints: Iterable[Constraint]) -> Iterator[dict[str, int]]:
    """Every assignment within the bounds that meets all constraints, in a fixed order."""
    watch = _watch(constraints)
    narrowed = _propagate(domains, watch, None)
    if narrowed is not None:
        yield from _search(narrowed, watch)


def _search(domains: Domains, watch: dict[str, list[Constraint]]) -> Iterator[dict[str, int]]:
    free = [(high - low, name) for name, (low, high) in domains.items() if high > low]
    if not free:
        yield {name: low for name, (low, _) in domains.items()}
        return
    _, name = min(free)
    low, high = domains[name]
    for value in range(low, high + 1):
        narrowed = _propagate(domains | {name: (value, value)}, watch, name)
        if narrowed is not None:
            yield from _search(narrowed, watch)


def unknowns(constraints: Iterable[Constraint], names: Iterable[str] = ()) -> Domains:
    """Start every unknown at its widest bounds, narrowed by the constraints.

    Raises
    ------
    UserError
        If the constraints contradict each other.
    """
    constraints = list(constraints)
    every = dict.fromkeys(itertools.chain(names, (name for c in constraints for name, _ in c.terms)))
    narrowed = narrow(dict.fromkeys(every, (0, LARGEST)), constraints)
    if narrowed is None:
        raise UserError(f"group sizes: no numbers meet all constraints together; {_culprit(every, constraints)}")
    return narrowed


def _culprit(every: Iterable[str], constraints: list[Constraint]) -> str:
    start = dict.fromkeys(every, (0, LARGEST))
    for count in range(1, len(constraints) + 1):
        if narrow(start, constraints[:count]) is None:
            last = constraints[count - 1]
            return f"{last.text!r} ({last.where or 'no place given'}) contradicts those before it"
    return "no single one contradicts those before it"


def components(
    domains: Domains, constraints: Iterable[Constraint], pairs: Iterable[tuple[str, str]]
) -> list[list[str]]:
    """Split the open unknowns into groups that no constraint and no claim links, in the order of their first name."""
    parent = {name: name for name, (low, high) in domains.items() if high > low}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    links = [[name for name, _ in constraint.terms] for constraint in constraints] + [list(pair) for pair in pairs]
    for link in links:
        open_names = [name for name in link if name in parent]
        for name in open_names[1:]:
            parent[root(name)] = root(open_names[0])
    groups: dict[str, list[str]] = {}
    for name in parent:
        groups.setdefault(root(name), []).append(name)
    return list(groups.values())
