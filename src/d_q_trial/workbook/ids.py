"""Bring the participant ids of several blocks into one form."""

from __future__ import annotations

import re

from ..participants import POPULATION
from .faults import Faults
from .forms import code_form
from .plan import PARTICIPANT, Plan
from .rows import Rows

_BARE = re.compile("[A-Za-z]*[1-9][0-9]*")


def harmonise(blocks: list[tuple[Plan, Rows]], faults: Faults) -> None:
    """Rewrite ids that differ only in form from those of the largest block with arms.

    Ids match if they are equal but for case, or if all have the same number and at most one of the two forms has
    letters, or both the same; nothing is matched if only some of a block's ids would fit.
    """
    with_ids = [(plan, rows) for plan, rows in blocks if any(rows.ids)]
    if len(with_ids) < 2:
        return
    base_plan, base = max(with_ids, key=lambda pair: (_arms(pair), len({i for i in pair[1].ids if i})))
    known = {identity for identity in base.ids if identity}
    for plan, rows in with_ids:
        if rows is base:
            continue
        own = {identity for identity in rows.ids if identity}
        missing = own - known
        if not missing:
            continue
        renamed = _by_case(missing, known) or _by_number(own, known, plan.cohort == POPULATION)
        if any(old != new for old, new in renamed.items()):
            rows.ids = [renamed.get(identity, identity) if identity else identity for identity in rows.ids]
            old, new = next((o, n) for o, n in renamed.items() if o != n)
            faults.note(
                "id form",
                f"ids are written otherwise than on {base_plan.sheet} ({new}); {len(renamed)} matched",
                sheet=plan.sheet,
                value=old,
            )
        known |= {identity for identity in rows.ids if identity} if plan.cohort != POPULATION else set()


def check_alike(blocks: list[tuple[Plan, Rows]], faults: Faults) -> None:
    """Tell of ids that differ only in writing, such as ``DQ-006`` and ``dq-06``: one participant taken for two."""
    seen: dict[str, str] = {}
    told: set[str] = set()
    for plan, rows in blocks:
        column = plan.one(PARTICIPANT)
        if column is None or plan.cohort == POPULATION:
            continue
        for position, identity in enumerate(rows.ids):
            if identity is None or identity in told or seen.get(key := _alike(identity), identity) == identity:
                if identity is not None and identity not in told:
                    seen[key] = identity
                continue
            told.add(identity)
            faults.error(
                "id written otherwise",
                f"differs only in writing from the participant {seen[key]!r}; write both alike",
                sheet=plan.sheet,
                cell=plan.block.address(plan.header.first_data + position, column.index),
                value=identity,
            )


# Cyrillic and Greek letters that look like Latin ones.
_LOOK_ALIKES = str.maketrans("АВЕЅІЈКМНОРСТХаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABESIJKMHOPCTXaeopcyxsijABEZHIKMNOPTYXo")


def check_close(blocks: list[tuple[Plan, Rows]], faults: Faults) -> None:
    """Ask about an id that one sheet alone has, if it lacks one that differs by a single character: a slip, or two people."""
    with_ids = [(plan, rows) for plan, rows in blocks if plan.one(PARTICIPANT) and plan.cohort != POPULATION]
    sets = [{identity for identity in rows.ids if identity} for _, rows in with_ids]
    for number, (plan, rows) in enumerate(with_ids):
        others = set().union(*(ids for other, ids in enumerate(sets) if other != number))
        if len(sets[number] & others) < 0.5 * len(sets[number]):
            continue
        for identity in sorted(sets[number] - others):
            close = [other for other in others - sets[number] if _one_edit(identity, other)]
            if len(close) == 1:
                position = rows.ids.index(identity)
                faults.error(
                    "id on one sheet only",
                    f"stands on this sheet only, which lacks {close[0]!r}: correct one of them, or rename both",
                    sheet=plan.sheet,
                    cell=plan.block.address(plan.header.first_data + position, plan.one(PARTICIPANT).index),
                    value=identity,
                )


def _one_edit(first: str, second: str) -> bool:
    """Return whether one character replaced, added or left out turns one text into the other."""
    if first == second or abs(len(first) - len(second)) > 1:
        return False
    short, long = sorted((first, second), key=len)
    start = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return short[start + (len(short) == len(long)) :] == long[start + 1 :]


def _alike(identity: str) -> str:
    """Return an id without what people vary when they write it: case, spaces, dashes, zeros before a number."""
    identity = identity.translate(_LOOK_ALIKES)
    if _BARE.fullmatch(identity):  # nothing but the case can vary
        return identity.casefold()
    taken = code_form(identity)
    return f"{taken.prefix}{taken.number}" if taken else identity.casefold().replace(" ", "")


def _arms(pair: tuple[Plan, Rows]) -> int:
    return len({arm for arm in pair[1].arms if arm}) if pair[0].cohort != POPULATION else -1


def _by_case(missing: set[str], known: set[str]) -> dict[str, str]:
    lower = {identity.casefold().replace(" ", ""): identity for identity in known}
    found = {identity: lower.get(identity.casefold().replace(" ", "")) for identity in missing}
    return {k: v for k, v in found.items() if v} if all(found.values()) and len(lower) == len(known) else {}


def _by_number(own: set[str], known: set[str], strict: bool) -> dict[str, str]:
    """Match ids by their numbers, if both sides are numbered without ambiguity and their letters do not disagree."""
    theirs = {identity: code_form(identity) for identity in own}
    ours = {identity: code_form(identity) for identity in known}
    if not all(theirs.values()) or not all(ours.values()):
        return {}
    prefixes = {f.prefix for f in theirs.values() if f}, {f.prefix for f in ours.values() if f}
    if any(len(p) != 1 for p in prefixes):
        return {}
    first, second = prefixes[0].pop(), prefixes[1].pop()
    if first and second and first != second:
        return {}
    numbers = {f.number: identity for identity, f in ours.items() if f}
    if len(numbers) < len(known) or len({f.number for f in theirs.values() if f}) < len(own):
        return {}
    renamed = {identity: numbers[f.number] for identity, f in theirs.items() if f and f.number in numbers}
    share = len(renamed) / len(own)
    return renamed if share == 1 or (share >= 0.9 and not strict) else {}
