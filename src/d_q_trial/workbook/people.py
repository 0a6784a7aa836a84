"""Whose values the rows of a block are: ids in one form, duplicate ids, arms from columns, titles and other sheets."""

from __future__ import annotations

import re
from collections import defaultdict

from ..participants import POPULATION, TRIAL
from ..trial import Trial
from .faults import Faults
from .lexicon import code_form
from .mapping import ARM, DATA, GROUPS, PARTICIPANT, PARTICIPANTS, Column, Plan
from .rows import Rows
from .sheets import EMPTY
from .values import Chunk

Blocks = list[tuple[Plan, Rows]]
Arms = dict[str, tuple[str, dict[str, str]]]  # participant -> arm, and the place that says so

_BARE = re.compile("[A-Za-z]*[1-9][0-9]*")
# Cyrillic and Greek letters that look like Latin ones.
_LOOK_ALIKES = str.maketrans("АВЕЅІЈКМНОРСТХаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABESIJKMHOPCTXaeopcyxsijABEZHIKMNOPTYXo")


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
    """Warn about participants with more than one row where each has one."""
    column = plan.one(PARTICIPANT)
    if plan.kind != PARTICIPANTS or column is None:
        return
    first: dict[str, int] = {}
    for position, identity in enumerate(rows.ids):
        if identity is None or not rows.use[position]:
            continue
        if first.setdefault(identity, position) != position:
            other = plan.place(first[identity], column)["cell"]
            what = f"participant has a row already at {other}; expected one row each"
            faults.error("duplicate participant", what, **plan.place(position, column), value=identity)
            rows.use[position] = False


def learn_arms(plan: Plan, rows: Rows, arms: Arms, faults: Faults) -> None:
    """Note each participant's arm, and tell of those who change it."""
    column = plan.one(ARM) or plan.columns[0]
    for position, (identity, arm) in enumerate(zip(rows.ids, rows.arms, strict=True)):
        if identity and arm and rows.use[position]:
            _learn(identity, arm, plan.place(position, column), arms, faults)


def _learn(identity: str, arm: str, place: dict[str, str], arms: Arms, faults: Faults) -> None:
    known, where = arms.setdefault(identity, (arm, place))
    if known != arm:
        what = f"participant {identity} is in arm {known} at {where['sheet']}!{where['cell']}"
        faults.error("arm changed", what, **place, value=arm)


def learn_arms_of_titles(plan: Plan, rows: Rows, arms: Arms, faults: Faults) -> None:
    """Note arms that a column's header, a title or a sheet's name gives to participants with ids."""
    by_arm = [column for column in plan.having(DATA) if column.arm]
    if not (by_arm or plan.arm) or plan.kind == GROUPS or plan.one(ARM):
        return
    for position, identity in enumerate(rows.ids):
        if identity and rows.use[position] and not rows.arms[position]:
            row = plan.block.values[plan.header.first_data + position]
            column = next((c for c in by_arm if row[c.index] != EMPTY), Column(0, arm=plan.arm))
            if column.arm:
                _learn(identity, column.arm, plan.place(position, column), arms, faults)


def give_arms(plan: Plan, rows: Rows, arms: Arms) -> None:
    """Give each row with an id its participant's arm; a sample of whom most are participants is the trial's."""
    if plan.cohort == POPULATION:
        people = {identity for identity in rows.ids if identity}
        if not people or 2 * len(people & arms.keys()) < len(people):
            return
        plan.cohort = TRIAL
    rows.arms = [arms[i][0] if i in arms else arm for i, arm in zip(rows.ids, rows.arms, strict=True)]


def check_every_arm(chunks: list[Chunk], known: set[str], trial: Trial, faults: Faults) -> None:
    """Warn about participants without an arm, once each, except those already named."""
    linked = [chunk for chunk in chunks if chunk.linked and chunk.plan.cohort != POPULATION]
    if linked and not known and not any(arm for chunk in linked for arm in chunk.arms):
        plan = linked[0].plan
        expected = " or ".join(arm.label for arm in trial.analysed_arms.values())
        what = f"nobody has an arm; expected a column of arms ({expected}) here or on a sheet with the same ids"
        faults.error("no arm", what, sheet=plan.sheet, cell=plan.block.range)
        return
    told = set(known)
    for chunk in linked:
        for index, (identity, arm) in enumerate(zip(chunk.participants, chunk.arms, strict=True)):
            if arm is None and identity not in told:
                told.add(identity)
                faults.error("no arm", "participant has no arm on any sheet", **chunk.at(index) | {"value": identity})


def check_linked(plans: list[Plan], faults: Faults) -> None:
    """Warn about several tables of participants of which one has no ids: their rows cannot be joined."""
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


def harmonise(blocks: Blocks, faults: Faults) -> None:
    """Rewrite ids that differ only in form from those of the largest block with arms.

    Ids match if they are equal but for case, or if all have the same number and at most one of the two forms has
    letters, or both the same; nothing is matched if only some of a block's ids would fit.
    """
    with_ids = [(plan, rows) for plan, rows in blocks if any(rows.ids)]
    if len(with_ids) < 2:
        return
    base_plan, base = max(with_ids, key=lambda pair: (_arms(pair), len(_people(pair[1]))))
    known = _people(base)
    for plan, rows in with_ids:
        own = _people(rows)
        missing = own - known
        if rows is base or not missing:
            continue
        renamed = _by_case(missing, known) or _by_number(own, known, plan.cohort == POPULATION)
        changed = [(old, new) for old, new in renamed.items() if old != new]
        if changed:
            rows.ids = [renamed.get(identity, identity) if identity else identity for identity in rows.ids]
            old, new = changed[0]
            what = f"ids are written otherwise than on {base_plan.sheet} ({new}); {len(renamed)} matched"
            faults.note("id form", what, sheet=plan.sheet, value=old)
        known |= _people(rows) if plan.cohort != POPULATION else set()


def _people(rows: Rows) -> set[str]:
    return {identity for identity in rows.ids if identity}


def _arms(pair: tuple[Plan, Rows]) -> int:
    return len({arm for arm in pair[1].arms if arm}) if pair[0].cohort != POPULATION else -1


def _by_case(missing: set[str], known: set[str]) -> dict[str, str]:
    lower = {identity.casefold().replace(" ", ""): identity for identity in known}
    found = {identity: lower.get(identity.casefold().replace(" ", "")) for identity in missing}
    return {k: v for k, v in found.items() if v} if all(found.values()) and len(lower) == len(known) else {}


def _by_number(own: set[str], known: set[str], strict: bool) -> dict[str, str]:
    """Match ids by their numbers, if both sides are numbered without ambiguity and their letters do not disagree."""
    theirs, ours = ({i: form for i in ids if (form := code_form(i))} for ids in (own, known))
    if len(theirs) < len(own) or len(ours) < len(known):
        return {}
    letters = [{form.prefix for form in forms.values()} for forms in (theirs, ours)]
    if any(len(found) != 1 for found in letters) or len((letters[0] | letters[1]) - {""}) > 1:
        return {}
    numbers = {form.number: identity for identity, form in ours.items()}
    if len(numbers) < len(known) or len({form.number for form in theirs.values()}) < len(own):
        return {}
    renamed = {identity: numbers[form.number] for identity, form in theirs.items() if form.number in numbers}
    return renamed if len(renamed) >= (1 if strict else 0.9) * len(own) else {}


def check_alike(blocks: Blocks, faults: Faults) -> None:
    """Warn about ids that differ only in writing, such as ``DQ-006`` and ``dq-06``: one participant taken for two."""
    seen: dict[str, str] = {}
    told: set[str] = set()
    for plan, rows in blocks:
        column = plan.one(PARTICIPANT)
        if column is None or plan.cohort == POPULATION:
            continue
        for position, identity in enumerate(rows.ids):
            if identity is None or identity in told:
                continue
            first = seen.setdefault(_alike(identity), identity)
            if first != identity:
                told.add(identity)
                what = f"differs only in writing from the participant {first!r}; write both alike"
                faults.error("id written otherwise", what, **plan.place(position, column), value=identity)


def check_close(blocks: Blocks, faults: Faults) -> None:
    """Ask about an id that one sheet alone has, if it lacks one that differs by a single character: a slip, or two people."""
    with_ids = [(plan, rows) for plan, rows in blocks if plan.one(PARTICIPANT) and plan.cohort != POPULATION]
    sets = [_people(rows) for _, rows in with_ids]
    for number, (plan, rows) in enumerate(with_ids):
        others = set().union(*(ids for other, ids in enumerate(sets) if other != number))
        if 2 * len(sets[number] & others) < len(sets[number]):
            continue
        for identity in sorted(sets[number] - others):
            close = [other for other in others - sets[number] if _one_edit(identity, other)]
            if len(close) == 1:
                what = f"stands on this sheet only, which lacks {close[0]!r}: correct one of them, or rename both"
                place = plan.place(rows.ids.index(identity), plan.having(PARTICIPANT)[0])
                faults.error("id on one sheet only", what, **place, value=identity)


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
