"""Whose values the rows of a block are: ids in one form, duplicate ids, arms from columns, titles and other sheets."""

from __future__ import annotations

import re
from collections import defaultdict

from ..participants import POPULATION, TRIAL
from ..trial import Trial
from .faults import Faults
from .lexicon import code_form
from .mapping import ARM, DATA, GROUPS, PARTICIPANT, PARTICIPANTS, Plan
from .rows import Rows
from .sheets import EMPTY
from .values import Chunk

Arms = dict[str, tuple[str, Plan, int, int]]  # participant -> arm, and the block, row and column that say so


MOST_TOLD = 10


def crossed_ids(plan: Plan, rows: Rows) -> None:
    """Take ids for row numbers where the same one stands beside values of several arms."""
    by_arm = defaultdict(list)
    for column in plan.having(DATA):
        if column.arm:
            by_arm[column.arm].append(column.index)
    if len(by_arm) < 2 or not any(rows.ids):
        return
    for row in plan.block.values[plan.header.first_data :]:
        if sum(any(row[c] != EMPTY for c in columns) for columns in by_arm.values()) > 1:
            plan.kind = GROUPS
            plan.evidence = "groups side by side; the ids are row numbers"
            rows.ids = [None] * len(rows.ids)
            return


def duplicate_rows(plan: Plan, rows: Rows, faults: Faults) -> None:
    """Tell of participants with more than one row where each has one."""
    if plan.kind != PARTICIPANTS or len(set(rows.ids)) == len(rows.ids):
        return
    column = plan.one("participant")
    first: dict[str, int] = {}
    for position, identity in enumerate(rows.ids):
        if identity is None or not rows.use[position]:
            continue
        if identity in first:
            place = plan.block.address(plan.header.first_data + position, column.index)
            other = plan.block.address(plan.header.first_data + first[identity], column.index)
            faults.error(
                "duplicate participant",
                f"participant has a row already at {other}; expected one row each",
                sheet=plan.sheet,
                cell=place,
                value=identity,
            )
            rows.use[position] = False
        else:
            first[identity] = position


def learn_arms(plan: Plan, rows: Rows, arms: Arms, faults: Faults) -> None:
    """Note each participant's arm, and tell of those who change it."""
    column = plan.one(ARM)
    index = column.index if column else 0
    for position, (identity, arm) in enumerate(zip(rows.ids, rows.arms, strict=True)):
        if identity is None or arm is None or not rows.use[position]:
            continue
        known = arms.setdefault(identity, (arm, plan, position, index))
        if known[0] != arm:
            _arm_changed(identity, arm, known, plan, position, index, faults)


def _arm_changed(identity, arm, known, plan: Plan, position: int, index: int, faults: Faults) -> None:
    other = known[1].block.address(known[1].header.first_data + known[2], known[3])
    faults.error(
        "arm changed",
        f"participant {identity} is in arm {known[0]} at {known[1].sheet}!{other}",
        sheet=plan.sheet,
        cell=plan.block.address(plan.header.first_data + position, index),
        value=arm,
    )


def learn_arms_of_titles(plan: Plan, rows: Rows, arms: Arms, faults: Faults) -> None:
    """Note arms that a column's header, a title or a sheet's name gives to participants with ids."""
    by_arm = {column.index: column.arm for column in plan.having(DATA) if column.arm}
    if not any(rows.ids) or not (by_arm or plan.arm) or plan.kind == GROUPS or plan.one(ARM):
        return
    first = plan.header.first_data
    for position, identity in enumerate(rows.ids):
        if identity is None or not rows.use[position] or rows.arms[position]:
            continue
        row = plan.block.values[first + position]
        column, arm = next(((c, a) for c, a in by_arm.items() if row[c] != EMPTY), (0, plan.arm))
        if arm is None:
            continue
        known = arms.setdefault(identity, (arm, plan, position, column))
        if known[0] != arm:
            _arm_changed(identity, arm, known, plan, position, column, faults)


def give_arms(plan: Plan, rows: Rows, arms: Arms) -> None:
    """Give each row with an id its participant's arm."""
    if plan.cohort == POPULATION:
        people = {identity for identity in rows.ids if identity}
        if not people or 2 * len(people & arms.keys()) < len(people):
            return
        plan.cohort = TRIAL
    rows.arms = [
        arms[identity][0] if identity in arms else arm for identity, arm in zip(rows.ids, rows.arms, strict=True)
    ]


def check_every_arm(chunks: list[Chunk], known: set[str], trial: Trial, faults: Faults) -> None:
    """Tell of participants without an arm, once each, but for those who are told of already."""
    linked = [chunk for chunk in chunks if chunk.linked and chunk.plan.cohort != POPULATION]
    if linked and not known and not any(arm for chunk in linked for arm in chunk.arms[:1000]):
        chunk = linked[0]
        expected = " or ".join(arm.label for arm in trial.analysed_arms.values())
        faults.error(
            "no arm",
            f"nobody has an arm; expected a column of arms ({expected}) here or on a sheet with the same ids",
            sheet=chunk.plan.sheet,
            cell=chunk.plan.block.range,
        )
        return
    told: set[str] = set()
    complete: set[int] = set()  # lists that columns of a block share
    for chunk in chunks:
        if not chunk.linked or chunk.plan.cohort == POPULATION or id(chunk.arms) in complete:
            continue
        if None not in chunk.arms:
            complete.add(id(chunk.arms))
            continue
        for index, identity in enumerate(chunk.participants):
            if chunk.arms[index] is None and identity not in known | told:
                told.add(identity)
                faults.error(
                    "no arm",
                    "participant has no arm on any sheet",
                    sheet=chunk.plan.sheet,
                    cell=chunk.address(index),
                    value=identity,
                )


def check_linked(plans: list[Plan], faults: Faults) -> None:
    """Tell of several tables of participants of which one has no ids: their rows cannot be joined."""
    own = [plan for plan in plans if plan.kind == PARTICIPANTS and plan.cohort != POPULATION and plan.having(DATA)]
    for plan in own if len(own) > 1 else ():
        if plan.one(PARTICIPANT) is None:
            faults.error(
                "no ids",
                "a table of participants without recognised ids beside others; expected a column such as Participant ID "
                "(if a column holds them, say so in the mapping)",
                sheet=plan.sheet,
                cell=plan.block.range,
            )


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
