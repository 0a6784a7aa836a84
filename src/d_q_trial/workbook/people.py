"""Whose values the rows of a block are: duplicate ids, arms from columns, titles and other sheets."""

from __future__ import annotations

from collections import defaultdict

from ..participants import POPULATION, TRIAL
from ..trial import Trial
from .extract import Chunk
from .faults import Faults
from .plan import ARM, DATA, GROUPS, PARTICIPANT, PARTICIPANTS, Plan
from .rows import Rows
from .sheets import EMPTY

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
