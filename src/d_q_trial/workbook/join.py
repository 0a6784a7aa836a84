"""Join the blocks of a workbook: ids in one form, one arm for each participant, and one value where it is given twice."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pandas as pd

from ..participants import PERCENT_CHANGE, POPULATION, TRIAL, VALUE
from ..trial import BASELINE, Trial
from .mapping import ARM, DATA, GROUPS, PARTICIPANT, PARTICIPANTS, Column, Plan
from .recognise import code_form
from .rows import Rows
from .sheets import EMPTY, Faults
from .values import Source, cell_of

MOST_LISTED = 20
Blocks = list[tuple[Plan, Rows]]
# Cyrillic and Greek letters that look like Latin ones.
_LOOK_ALIKES = str.maketrans("АВЕЅІЈКМНОРСТХаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABESIJKMHOPCTXaeopcyxsijABEZHIKMNOPTYXo")


# -- ids ----------------------------------------------------------------------------------------------------------


def unify_ids(blocks: Blocks, faults: Faults) -> None:
    """Write ids alike on all sheets where their forms leave no doubt, and report those that may be the same participant."""
    for plan, rows in blocks:
        _drop_row_numbers(plan, rows)
    _rewrite(blocks, faults)
    for plan, rows in blocks:
        _report_second_rows(plan, rows, faults)
    _report_alike(blocks, faults)
    _report_close(blocks, faults)


def _drop_row_numbers(plan: Plan, rows: Rows) -> None:
    """Take ids for row numbers where the same one stands beside values of several arms."""
    by_arm = defaultdict(list)
    for column in plan.having(DATA):
        if column.arm:
            by_arm[column.arm].append(column.index)
    beside = (sum(any(row[c] != EMPTY for c in columns) for columns in by_arm.values()) for row in plan.body)
    if len(by_arm) > 1 and any(rows.ids) and any(arms > 1 for arms in beside):
        plan.kind, plan.evidence = GROUPS, "groups side by side; the ids are row numbers"
        rows.ids = [None] * len(rows.ids)


def _report_second_rows(plan: Plan, rows: Rows, faults: Faults) -> None:
    """Report participants with more than one row where each has one."""
    column = plan.one(PARTICIPANT)
    if plan.kind != PARTICIPANTS or column is None:
        return
    first: dict[str, int] = {}
    for position, identity in enumerate(rows.ids):
        if identity and rows.use[position] and first.setdefault(identity, position) != position:
            other = plan.place(first[identity], column)["cell"]
            what = f"participant has a row already at {other}; expected one row each"
            faults.error("duplicate participant", what, **plan.place(position, column), value=identity)
            rows.use[position] = False


def _rewrite(blocks: Blocks, faults: Faults) -> None:
    """Rewrite ids that differ only in form from those of the largest block with arms."""
    with_ids = [(plan, rows) for plan, rows in blocks if any(rows.ids)]
    if len(with_ids) < 2:
        return

    def weight(pair: tuple[Plan, Rows]) -> tuple[int, int]:
        plan, rows = pair
        return len({arm for arm in rows.arms if arm}) if plan.cohort != POPULATION else -1, len(rows.people)

    base_plan, base = max(with_ids, key=weight)
    known = base.people
    for plan, rows in with_ids:
        missing = rows.people - known
        if rows is not base and missing:
            renamed = _by_case(missing, known) or _by_number(rows.people, known, plan.cohort == POPULATION)
            changed = [(old, new) for old, new in renamed.items() if old != new]
            rows.ids = [renamed.get(identity, identity) if identity else identity for identity in rows.ids]
            if changed:
                old, new = changed[0]
                what = f"ids are written otherwise than on {base_plan.sheet} ({new}); {len(renamed)} matched"
                faults.note("id form", what, sheet=plan.sheet, value=old)
            known |= rows.people if plan.cohort != POPULATION else set()


def _by_case(missing: set[str], known: set[str]) -> dict[str, str]:
    """Match ids that differ in case and blanks, if every one has its counterpart."""
    lower = {identity.casefold().replace(" ", ""): identity for identity in known}
    found = {i: lower[key] for i in missing if (key := i.casefold().replace(" ", "")) in lower}
    return found if len(found) == len(missing) and len(lower) == len(known) else {}


def _by_number(own: set[str], known: set[str], any_share: bool) -> dict[str, str]:
    """Match ids by their numbers, if both sides are numbered without ambiguity and their letters do not disagree."""
    theirs, ours = ({i: code_form(i) for i in ids} for ids in (own, known))
    if None in theirs.values() or None in ours.values():
        return {}
    letters = [{form.prefix for form in forms.values()} for forms in (theirs, ours)]
    numbers = {form.number: identity for identity, form in ours.items()}
    ambiguous = len(numbers) < len(known) or len({form.number for form in theirs.values()}) < len(own)
    if ambiguous or any(len(found) != 1 for found in letters) or len((letters[0] | letters[1]) - {""}) > 1:
        return {}
    renamed = {identity: numbers[form.number] for identity, form in theirs.items() if form.number in numbers}
    return renamed if len(renamed) >= (1 if any_share else 0.9) * len(own) else {}


def _of_the_trial(blocks: Blocks) -> Blocks:
    return [(plan, rows) for plan, rows in blocks if plan.one(PARTICIPANT) and plan.cohort != POPULATION]


def _report_alike(blocks: Blocks, faults: Faults) -> None:
    """Report ids that differ only in writing, such as ``DQ-006`` and ``dq-06``: one participant taken for two."""
    seen: dict[str, str] = {}
    reported: set[str] = set()
    for plan, rows in _of_the_trial(blocks):
        for identity in dict.fromkeys(filter(None, rows.ids)):
            form = code_form(plain := identity.translate(_LOOK_ALIKES))
            key = f"{form.prefix}{form.number}" if form else re.sub(r"\s", "", plain.casefold())
            first = seen.setdefault(key, identity)
            if first != identity and identity not in reported:
                reported.add(identity)
                what = f"differs only in writing from the participant {first!r}; write both alike"
                place = plan.place(rows.ids.index(identity), plan.having(PARTICIPANT)[0])
                faults.error("id written otherwise", what, **place, value=identity)


def _report_close(blocks: Blocks, faults: Faults) -> None:
    """Ask about an id on one sheet alone that lacks one which differs by a character: a slip, or two participants."""
    own = _of_the_trial(blocks)
    for plan, rows in own:
        others = set().union(*(other.people for _, other in own if other is not rows))
        if 2 * len(rows.people & others) < len(rows.people):
            continue
        for identity in sorted(rows.people - others):
            close = [other for other in others - rows.people if _one_edit(identity, other)]
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


# -- arms ---------------------------------------------------------------------------------------------------------


def assign_arms(blocks: Blocks, faults: Faults) -> dict[str, str]:
    """Give each row with an id the arm that any sheet states for its participant; return the arms by participant.

    A column of arms counts before headers, titles and names of sheets. A sample of people of whom most turn out to be
    participants is the trial's.
    """
    known: dict[str, tuple[str, dict[str, str]]] = {}
    stated: list[tuple[str, str, dict[str, str]]] = []
    of_titles: list[tuple[str, str, dict[str, str]]] = []
    for plan, rows in blocks:
        naming = plan.one(ARM) or plan.columns[0]
        by_arm = [column for column in plan.having(DATA) if column.arm]
        titled = bool(by_arm or plan.arm) and plan.kind != GROUPS and not plan.one(ARM)
        for position, (identity, arm) in enumerate(zip(rows.ids, rows.arms, strict=True)):
            if not identity or not rows.use[position]:
                continue
            if arm:
                stated.append((identity, arm, plan.place(position, naming)))
            elif titled:
                row = plan.body[position]
                column = next((c for c in by_arm if row[c.index] != EMPTY), Column(0, arm=plan.arm))
                if column.arm:
                    of_titles.append((identity, column.arm, plan.place(position, column)))
    for identity, arm, place in stated + of_titles:
        first, where = known.setdefault(identity, (arm, place))
        if first != arm:
            what = f"participant {identity} is in arm {first} at {where['sheet']}!{where['cell']}"
            faults.error("arm changed", what, **place, value=arm)
    for plan, rows in blocks:
        if plan.cohort == POPULATION:
            if not rows.people or 2 * len(rows.people & known.keys()) < len(rows.people):
                continue
            plan.cohort = TRIAL
        rows.arms = [known[i][0] if i in known else arm for i, arm in zip(rows.ids, rows.arms, strict=True)]
    return {identity: arm for identity, (arm, _) in known.items()}


# -- values that are given twice ----------------------------------------------------------------------------------


def one_value_per_group(plan: Plan, rows: Rows) -> bool:
    """Return whether a block without ids holds one value per group: summaries such as medians, not participants."""
    if plan.kind != GROUPS:
        return False
    said = zip(rows.variables, rows.visits, rows.arms, rows.strata, strict=True)
    down = Counter(entry for entry, used in zip(said, rows.use, strict=True) if used)
    across = Counter((c.variable, c.visit, c.arm, c.stratum, c.measure) for c in plan.having(DATA))
    return bool(down and across) and max(down.values()) * max(across.values()) == 1


def resolve_repeats(frame: pd.DataFrame, trial: Trial, faults: Faults) -> pd.DataFrame:
    """Keep one of each value that a workbook gives more than once, and report those that differ.

    Returns
    -------
    DataFrame
        The long table without changes at baseline, second population samples, panels that repeat others or raw values,
        repeated columns, and given changes of participants who have both raw values.
    """
    for resolve in (_zero_baselines, _population, _panels, _repeats, _given_changes):
        frame = resolve(frame, trial, faults)
    return frame


def _zero_baselines(frame: pd.DataFrame, trial: Trial, faults: Faults) -> pd.DataFrame:
    """Leave out columns that give the change at baseline, which is zero by definition."""
    zero = []
    for source, own in frame[frame["visit"].eq(BASELINE) & frame["text"].eq("")].groupby("source", sort=False):
        if PERCENT_CHANGE in (source.plan.measure, source.column.measure) and not own["value"].any():
            zero.append(source)
            faults.note("zero baseline", "changes at baseline are zero by definition; not read", **source.head)
    return frame[~frame["source"].isin(zero)] if zero else frame


def _population(frame: pd.DataFrame, trial: Trial, faults: Faults) -> pd.DataFrame:
    """Keep one of several blocks that give the same population sample, and ask about blocks that share people with it."""
    people = frame[frame["cohort"] == POPULATION]
    plans = people["source"].map(lambda source: source.plan)
    label = trial.population.label if trial.population else "sample"
    sample: list[tuple[Plan, Counter]] = []
    repeated = []
    for plan, own in people.groupby(plans, sort=False):
        pairs = own["variable"].str.cat(own["value"].map(repr), "=")
        rows = Counter(pairs.groupby(own["participant"]).agg(lambda pairs: " ".join(sorted(pairs))))
        overlapping = (p for p, known in sample if 2 * (rows & known).total() > min(rows.total(), known.total()))
        other = next(overlapping, None)
        if other and rows == dict(sample)[other]:
            faults.note("population", "repeats another sheet; not read twice", sheet=plan.sheet)
            repeated.append(plan)
            continue
        if other:
            where = f"{other.sheet}!{other.block.range}"
            what = f"most people without ids here are on {where} too; list one block in the mapping"
            faults.error("population", what, **plan.whole())
        sample.append((plan, rows))
        what = f"{rows.total()} people without an arm: read as the {label}"
        faults.note("population", what, sheet=plan.sheet)
    return frame.drop(people.index[plans.isin(repeated)]) if repeated else frame


def _panels(frame: pd.DataFrame, trial: Trial, faults: Faults) -> pd.DataFrame:
    """Keep one of several panels that show the same group; panels that differ are a fault."""
    unlinked = frame[~frame["linked"]]
    plans = unlinked["source"].map(lambda source: source.plan)
    drop: list = []
    marker = unlinked["marker"].where(unlinked["stratum"] != "", "")
    keys = [unlinked[name] for name in ("variable", "visit", "measure", "stratum", "arm")]
    for key, own in unlinked.groupby([*keys, marker], sort=False):
        (_, first), *others = own.groupby(plans, sort=False)
        head = first["source"].iloc[0].head
        for _, panel in others:
            source = panel["source"].iloc[0]
            what = ", ".join(filter(None, [source.label(trial), *key[3:5]]))
            where = f"{head['sheet']}!{head['cell']}"
            if sorted(first["value"]) == sorted(panel["value"]):
                faults.note("repeated panel", f"{what}: the same values as at {where}; read once", **source.head)
            else:
                what = f"{what}: other values than at {where}; choose one in the mapping"
                faults.error("two panels", what, **source.head)
            drop += panel.index.tolist()
    frame = frame.drop(drop)
    unlinked = frame[~frame["linked"]]
    without = unlinked.groupby("source", sort=False)["stratum"].transform(lambda strata: not any(strata))
    frame.loc[without.index[without.astype(bool)], "marker"] = ""
    return frame


def _repeats(frame: pd.DataFrame, trial: Trial, faults: Faults) -> pd.DataFrame:
    """Keep one of each value that is given twice; values that differ are a fault."""
    frame = frame.reset_index(drop=True)
    keys = ["cohort", "variable", "visit", "measure", "participant"]
    linked = frame[frame["linked"]]
    first = linked.index.to_series().groupby([linked[key] for key in keys], sort=False).transform("min")
    again = first[first != first.index]
    known, second = frame.loc[again].set_index(again.index), frame.loc[again.index]
    differs = ~(second["value"].eq(known["value"]) | (second["text"].ne("") & second["text"].eq(known["text"])))
    for source, own in second.groupby("source", sort=False):
        label = source.label(trial)
        firsts = known.loc[own.index]
        for other, columns in own[differs[own.index]].groupby(firsts["source"], sort=False):
            for row, base in zip(columns.itertuples(), known.loc[columns.index].itertuples(), strict=True):
                where = f"{other.plan.sheet}!{base.cell}"
                if other is source:
                    what = f"second value of {label} for participant {row.participant}; {where} has {base.value:.10g}"
                    faults.error("second value", what, **cell_of(row))
                    continue
                what = (
                    f"second column for {label}; {other.plan.sheet}!{other.head['cell']} has other values for "
                    f"{len(columns)} participants, first {row.participant} ({base.value:.10g} at {where}, here "
                    f"{row.value:.10g} at {row.cell}); choose one in the mapping"
                )
                faults.error("two columns", what, **source.head)
                break
        # What does not change is repeated on each row of a long table; what belongs to a visit should stand there once.
        outcome = trial.outcomes.get(source.variable)
        told = firsts["source"].ne(source) | bool(outcome and outcome.follow_up)
        if repeated := int((told & ~differs[own.index]).sum()):
            what = f"{label} repeated with equal values for {repeated} participants; read once"
            faults.note("repeated", what, **source.head)
    return frame.drop(again.index)


def _given_changes(frame: pd.DataFrame, trial: Trial, faults: Faults) -> pd.DataFrame:
    """Compare given changes, and panels without ids, with what raw values make, and drop those that raw values make again."""
    linked = frame["linked"]
    raw = frame[linked & frame["measure"].eq(VALUE) & frame["cohort"].eq(TRIAL) & frame["text"].eq("")]
    values = {key: own.set_index("participant")["value"] for key, own in raw.groupby(["variable", "visit"])}
    arms = frame[linked].set_index("participant")["arm"].to_dict()
    drop: list = []
    for source, own in frame[~linked | frame["measure"].eq(PERCENT_CHANGE)].groupby("source", sort=False):
        made = values.get((source.variable, source.visit))
        if source.variable not in trial.outcomes or made is None:
            continue
        if source.measure == PERCENT_CHANGE:
            base = values.get((source.variable, BASELINE), pd.Series(dtype=float))
            base = base[base > 0].reindex(made.index)
            made = (100 * (made - base) / base).dropna()
        if made.empty:
            continue
        if own["linked"].iloc[0]:
            own = own[own["participant"].isin(made.index)]
            _compare_linked(source, own, made, trial, faults)
        else:
            _compare_panel(source, own, made, arms, trial, faults)
        drop += own.index.tolist()
    return frame.drop(drop)


def _tolerance(values: pd.Series) -> float:
    """Return half a unit of the last decimal that the values were written with."""
    decimals = max((len(f"{value:.10g}".partition(".")[2]) for value in values), default=0)
    return 0.5 * 10.0**-decimals * (1 + 1e-6) + 1e-9


def _compare_linked(source: Source, own: pd.DataFrame, made: pd.Series, trial: Trial, faults: Faults) -> None:
    recomputed = made[own["participant"]].to_numpy()
    wrong = (own["value"] - recomputed).abs() > np.maximum(_tolerance(own["value"]), 1e-7 * np.abs(recomputed))
    label = source.label(trial)
    for row, value in zip(own[wrong].head(MOST_LISTED).itertuples(), recomputed[wrong], strict=False):
        what = f"given percent change of {label}; raw values make {value:.6g}; the raw values are used"
        faults.note("given change", what, **cell_of(row))
    ratios = own["value"].to_numpy()[recomputed != 0] / recomputed[recomputed != 0]
    if len(own) and wrong.all() and len(ratios) and np.allclose(ratios, ratios[0], rtol=1e-3):
        what = f"{label}: all given changes are {float(f'{ratios[0]:.3g}'):g} times the recomputed ones"
        faults.note("given change", what, **source.head | {"value": ""})


def _compare_panel(
    source: Source, own: pd.DataFrame, made: pd.Series, arms: dict[str, str], trial: Trial, faults: Faults
) -> None:
    """Compare a panel without ids with the recomputed values of its arms, as sorted lists."""
    groups = {arm for arm in own["arm"] if arm}
    pool = sorted(value for identity, value in made.items() if not groups or arms.get(identity) in groups)
    tolerance, matched, position = _tolerance(own["value"]), 0, 0
    for value in sorted(own["value"]):
        near = max(tolerance, 1e-7 * abs(value))
        while position < len(pool) and pool[position] < value - near:
            position += 1
        if position < len(pool) and abs(pool[position] - value) <= near:
            matched += 1
            position += 1
    group = ", ".join(sorted({stratum for stratum in own["stratum"] if stratum} | groups)) or "all participants"
    faults.note(
        "panel",
        f"{source.label(trial)} ({group}): {matched} of {len(own)} values agree with those of the participants on other "
        "sheets; the panel is not read twice",
        **source.head,
    )
