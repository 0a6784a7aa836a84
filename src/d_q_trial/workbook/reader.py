"""Read a workbook's participants: recognise or follow a mapping, take the values, join them, report every fault."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path

import numpy as np
import pandas as pd

from ..files import sha256
from ..participants import COLUMNS, PERCENT_CHANGE, POPULATION, TRIAL, VALUE, Participants
from ..recognition.vocabulary import Vocabulary, code_form, differ_by_one_edit
from ..spreadsheet.loader import load_workbook
from ..spreadsheet.sheets import EMPTY, Workbook
from ..trial import BASELINE, Trial
from . import checks
from .classify import propose_plans
from .faults import Faults
from .mapping import CODED, SAID, Column, Mapping, Plan, load_mapping
from .values import BlockReader, Source, build_frame, cell_location

MOST_UNMATCHED = 0.1  # of the ids of a sheet, where their numbers are matched with those of another
# Cyrillic and Greek letters that look like Latin ones.
_LOOK_ALIKES = str.maketrans("АВЕЅІЈКМНОРСТХаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABESIJKMHOPCTXaeopcyxsijABEZHIKMNOPTYXo")
SYNTHETIC = "Synthetic data: not the trial's participants"
_SYNTHETIC_WORDS = re.compile(r"synthetic (?:data|cohort|participants)|not the trial's participants", re.I)


@dataclass
class Reading:
    """Everything found in a workbook: what is in it, what it means, the values and the faults."""

    workbook: Workbook
    trial: Trial
    plans: list[Plan]
    policy: Mapping
    vocabulary: Vocabulary
    faults: Faults = field(default_factory=Faults)
    frame: pd.DataFrame = field(default_factory=lambda: build_frame([]))  # the long table
    arms: dict[str, str] = field(default_factory=dict)  # of the participants with ids or a row of their own
    counts: Counter[str] = field(default_factory=Counter)  # values below detection, codes for missing values

    @property
    def own(self) -> pd.DataFrame:
        """The rows of the trial's participants."""
        return self.frame[self.frame["cohort"] == TRIAL]

    @property
    def blocks(self) -> list[Plan]:
        """Those whose rows have been read."""
        return [plan for plan in self.plans if plan.rows is not None]


def read_workbook(path: Path | str, trial: Trial, mapping: Path | str | None = None) -> Participants:
    """Read the participants of a workbook that :func:`loader.load_workbook` reads, whatever its layout.

    If a mapping file is given and lists blocks, they are read as it says, without recognition. ``label`` is set if the
    workbook says that it is synthetic; notes stand in ``source``. UserError is one message with every fault: sheet, cell,
    value and what was expected.
    """
    reading = examine_workbook(path, trial, mapping)
    reading.faults.stop(path)
    workbook = reading.workbook
    source = {
        "name": workbook.path.name,
        "sha256": sha256(workbook.path),
        "modified": workbook.modified,
        "sheets": [sheet.name for sheet in workbook.sheets],
        "notes": [*workbook.remarks, *reading.faults.lines(stops=False)],
        "counts": dict(reading.counts),
    }
    frame = reading.frame[list(COLUMNS)].reset_index(drop=True).infer_objects()
    return Participants(frame, label_of(workbook), source)


def examine_workbook(path: Path | str, trial: Trial, mapping: Path | str | None = None) -> Reading:
    """Read a workbook as far as it goes and collect all faults, without stopping at them."""
    workbook = load_workbook(path)
    policy = load_mapping(mapping, workbook, trial) if mapping else Mapping()
    vocabulary = Vocabulary(trial, policy.codes)
    plans = [plan for entry in (policy.blocks or {}).values() for plan in entry.plans]
    faults = Faults()
    if policy.blocks is None:
        plans = propose_plans(workbook, vocabulary)
        for area in policy.ignore:
            inside = [plan for plan in plans if plan.block.within(area)]
            for plan in inside:
                plan.kind, plan.evidence = "note", "ignored by the mapping"
            if not inside:
                faults.error("ignored", {"sheet": area.sheet.name, "cell": area.range})
    for name in {sheet.name for sheet in workbook.sheets if sheet.turned} - {plan.sheet for plan in plans}:
        faults.error("turned", {"sheet": name})
    policy = policy.model_copy(update={"missing": [*policy.missing, *trial.missing]})
    reading = Reading(workbook, trial, plans, policy, vocabulary, faults)
    _take_values(reading)
    for name, check in vars(checks).items():  # in their order in the file
        if name.startswith("check_"):
            check(reading)
    return reading


def _take_values(reading: Reading) -> None:
    """Read all readable blocks and join them by participant."""
    readers = [BlockReader(plan, reading) for plan in reading.plans if plan.readable]
    faults = reading.faults
    unify_ids(reading.blocks, faults)
    reading.arms = assign_arms(reading.blocks, faults)
    parts = []
    for reader in readers:
        if one_value_per_group(reader.plan):
            reader.plan.unread = "one value per group: a summary, not participants"
        else:
            parts += reader.read()
    frame, named = build_frame(parts), reading.policy.codes["stratum"]
    frame["stratum"] = [named.get(stratum.casefold(), stratum) for stratum in frame["stratum"]]
    reading.frame = resolve_repeats(frame, reading.trial, faults)
    own = reading.own[reading.own["linked"] & reading.own["arm"].ne("")]
    reading.arms |= dict(zip(own["participant"], own["arm"], strict=True))


def label_of(workbook: Workbook) -> str | None:
    """Return the label of a workbook that says, in its properties or on its first sheet, that it is synthetic."""
    first = workbook.sheets[0].rows[:60] if workbook.sheets else []
    texts = [workbook.properties, *(str(value) for row in first for value in row[:30] if isinstance(value, str))]
    return SYNTHETIC if any(_SYNTHETIC_WORDS.search(text) for text in texts) else None


# -- ids and arms -------------------------------------------------------------------------------------------------


def unify_ids(plans: list[Plan], faults: Faults) -> None:
    """Write ids alike on all sheets where their forms leave no doubt, and report those that may be the same participant."""
    for plan in plans:
        _drop_row_numbers(plan)
    _rewrite([plan for plan in plans if plan.people], faults)
    own = [plan for plan in plans if plan.one("participant") and plan.people]
    for plan in (plan for plan in own if plan.kind == "participants"):  # of whom each has one row
        column, ids = plan.one("participant"), plan.rows.loc[plan.rows["use"], "participant"].dropna()
        repeated = ids[ids.duplicated()]
        plan.rows.loc[repeated.index, "use"] = False
        if 2 * ids.duplicated(keep=False).sum() > len(ids):
            plan.kind = "long"
            faults.error("several rows", plan.head_of(column), rows=len(ids), people=ids.nunique())
            continue
        for position, identity in repeated.items():
            other = plan.place(ids[ids.eq(identity)].index[0], column)["cell"]
            faults.error("duplicate participant", plan.place(position, column, identity), other=other)
    own = [plan for plan in own if plan.cohort != POPULATION]
    seen: dict[str, str] = {}
    for plan in own:
        others = set().union(*(other.people for other in own if other is not plan))
        mostly_shared = 2 * len(plan.people & others) >= len(plan.people)
        for position, identity in plan.rows["participant"].dropna().drop_duplicates().items():
            form = code_form(plain := identity.translate(_LOOK_ALIKES))
            key = f"{form.prefix}{form.number}" if form else plain.casefold().replace(" ", "")
            place = plan.place(position, plan.one("participant"), identity)
            if (first := seen.setdefault(key, identity)) != identity:  # such as DQ-006 and dq-06
                faults.error("id written otherwise", place, other=first)
            elif mostly_shared and identity not in others:  # a slip, or two participants
                close = [other for other in others - plan.people if differ_by_one_edit(identity, other)]
                if len(close) == 1:
                    faults.error("id on one sheet only", place, other=close[0])


def _drop_row_numbers(plan: Plan) -> None:
    """Treat ids as row numbers if the same id is beside values of several arms."""
    columns = [column for column in plan.data if column.arm]
    beside = ({column.arm for column in columns if row[column.index] != EMPTY} for row in plan.body)
    if plan.people and any(len(arms) > 1 for arms in beside):
        plan.kind, plan.evidence = "groups", "groups side by side; the ids are row numbers"
        plan.rows["participant"] = None


def _rewrite(plans: list[Plan], faults: Faults) -> None:
    """Rewrite ids that differ only in form from those of the largest block with arms."""
    if len(plans) < 2:
        return
    base = max(plans, key=lambda p: (p.rows["arm"].nunique() if p.cohort != POPULATION else -1, len(p.people)))
    known = base.people
    for plan in plans:
        if plan is not base and plan.people - known and not (plan.sampled and plan.cohort == POPULATION):
            renamed = _matched(plan.people, known, plan.cohort == POPULATION)
            if changed := [(old, new) for old, new in sorted(renamed.items()) if old != new]:
                plan.rows["participant"] = plan.rows["participant"].replace(renamed)
                old, new = changed[0]
                faults.note("id form", {"sheet": plan.sheet, "value": old}, base=base, new=new, count=len(renamed))
            known |= plan.people if plan.cohort != POPULATION else set()


def _matched(own: set[str], known: set[str], any_share: bool) -> dict[str, str]:
    """Match ids by their numbers, if their letters do not disagree, or else but for case and blanks; nothing ambiguous."""
    forms = {identity: code_form(identity) for identity in own | known}
    letters = {form.prefix if form else None for form in forms.values()} - {""}
    by_number = None not in letters and len(letters) <= 1
    keys = {i: form.number if by_number else i.casefold().replace(" ", "") for i, form in forms.items()}
    theirs = {keys[identity]: identity for identity in known}
    if len(theirs) < len(known) or len({keys[identity] for identity in own}) < len(own):
        return {}
    renamed = {identity: theirs[keys[identity]] for identity in own if keys[identity] in theirs}
    enough = 1 if any_share and by_number else (1 - MOST_UNMATCHED if by_number else 1) * len(own)
    return renamed if len(renamed) >= enough else {}


def assign_arms(plans: list[Plan], faults: Faults) -> dict[str, str]:
    """Give each row with an id the arm that any sheet states for its participant; return the arms by participant.

    A column of arms counts before headers, titles and names of sheets. A sample of people of whom most turn out to be
    participants is the trial's, unless a title or a mapping calls it the population sample.
    """
    stated = []
    for plan in plans:
        own, column = plan.rows[plan.rows["use"]].dropna(subset="participant"), plan.one("arm")
        whole = plan.kind == "groups" or column is not None  # headers and title speak of no participant's arm
        headers = [] if whole else [c for c in plan.data if c.arm]
        title = Column(0, arm=None if whole else plan.arm)
        for position, identity, arm in zip(own.index, own["participant"], own["arm"], strict=True):
            naming = next((c for c in headers if plan.cell(position, c) != EMPTY), title)
            if arm or naming.arm:
                place = plan.place(position, (column or plan.columns[0]) if arm else naming)
                stated.append((arm is None, identity, arm or naming.arm, place))
    known: dict[str, tuple[str, dict[str, str]]] = {}
    for _, identity, arm, place in sorted(stated, key=itemgetter(0)):
        first, where = known.setdefault(identity, (arm, place))
        if first != arm:
            faults.error("arm changed", place | {"value": arm}, identity=identity, first=first, where=where)
    arms = {identity: arm for identity, (arm, _) in known.items()}
    ignored = {identity for plan in plans for identity in plan.rows.loc[plan.rows["arm"].eq("ignore"), "participant"]}
    for plan in plans:
        plan.rows["use"] &= ~plan.rows["participant"].isin(ignored - arms.keys() - {None})
        shared = len(plan.people & arms.keys())
        if plan.cohort == POPULATION and not plan.sampled and shared and 2 * shared >= len(plan.people):
            plan.cohort = TRIAL
        if plan.cohort == TRIAL:
            of_id = plan.rows["participant"].map(arms)
            plan.rows["arm"] = plan.rows["arm"].where(of_id.isna(), of_id)
    return arms


# -- values that are given twice ----------------------------------------------------------------------------------


def one_value_per_group(plan: Plan) -> bool:
    """Return whether a block without ids holds one value per group: summaries such as medians, not participants."""
    down = plan.rows[plan.rows["use"]].value_counts([*CODED], dropna=False)
    across = Counter((c.variable, c.visit, c.arm, c.stratum, c.measure) for c in plan.data)
    return plan.kind == "groups" and {*down, *across.values()} == {1}


def resolve_repeats(frame: pd.DataFrame, trial: Trial, faults: Faults) -> pd.DataFrame:
    """Keep one of each value that a workbook gives more than once, and report those that differ.

    Changes at baseline, panels that repeat others or raw values, repeated columns, and given changes of participants who
    have both raw values are left out.
    """
    _ask_who_is_sampled(frame, trial, faults)
    for resolve in (_zero_baselines, _later_values, _panels, _repeats, _given_changes):
        frame = frame.drop([index for own in resolve(frame, trial, faults) for index in own.index])
    strata = frame.groupby("source", sort=False)["stratum"].transform(any).astype(bool)
    return frame.assign(marker=frame["marker"].where(frame["linked"] | strata, ""))


def _zero_baselines(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Leave out columns that give the change at baseline, which is zero by definition."""
    for source, own in frame[frame["visit"].eq(BASELINE) & frame["text"].eq("")].groupby("source", sort=False):
        measures = (source.plan.measure, source.column.measure)
        of_itself = [at for name, at in ((PERCENT_CHANGE, 0), ("percent_of_baseline", 100)) if name in measures]
        if of_itself and own["value"].eq(of_itself[0] if source.measure == VALUE else 0).all():
            faults.note("zero baseline", source.head)
            yield own


def _later_values(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Leave out what is measured once where it stands at a later visit, and ask if it does not also stand at baseline."""
    keys = ["cohort", "variable", "participant"]
    repeated = [key for key, outcome in trial.outcomes.items() if outcome.follow_up]
    once = frame[~frame["variable"].isin(repeated)]
    first = once[once["visit"] == BASELINE].drop_duplicates(keys)[[*keys, "value", "text"]]
    later = once[once["visit"] != BASELINE]
    later = later.merge(first, on=keys, how="left", suffixes=("", "_known")).set_index(later.index)
    later["same"] = later["value"].eq(later["value_known"]) | (
        later["text"].ne("") & later["text"].eq(later["text_known"])
    )
    for (column, _), own in later.groupby([later["source"].map(attrgetter("column")), "variable"], sort=False):
        source, changed = own["source"].iloc[0], own[~own["same"]]
        label = source.thing.label if source.thing else source.variable
        if own["text_known"].isna().all():
            faults.error("only later", source.head, stops=column.visit is None, label=label)
        elif len(changed):
            faults.note(
                "later value", cell_location(changed.iloc[0]), label=label, count=changed["participant"].nunique()
            )
        yield own


def _ask_who_is_sampled(frame: pd.DataFrame, trial: Trial, faults: Faults) -> None:
    """Ask where people of the sample may be those of another block, or the participants."""
    label = trial.population.label if trial.population else "sample"
    participants = _people(frame[frame["cohort"].eq(TRIAL) & frame["linked"] & frame["visit"].eq(BASELINE)])
    sampled, others = frame[frame["cohort"] == POPULATION], list[Plan]()
    size = frame[frame["cohort"] == TRIAL].value_counts(["variable", "visit", "measure", "marker"]).max()
    for plan, own in sampled.groupby(sampled["source"].map(attrgetter("plan")), sort=False):
        people = _people(own)
        names = [] if plan.sampled else [key for key in trial.markers if key in people and key in participants]
        alike = people.reset_index().merge(participants, on=names)["participant"].nunique() if names else 0
        coded = sum(not identity.isdigit() for identity in people.index.intersection(participants.index))
        ids = plan.one("participant")  # those of both would join who are the same
        other = next((p for p in others if not (plan.mapped or (ids and p.one("participant")))), None)
        if other:
            faults.error("population / alike", plan.whole(), other=other, label=label)
        elif not plan.mapped and 2 * max(alike, coded) > len(people):
            faults.error("population / participants", plan.whole(), label=label)
        elif not (plan.mapped or plan.sampled or names or ids) and len(people) <= size:
            faults.error("population / unnamed", plan.whole(), label=label)
        others.append(plan)
        faults.note("population", {"sheet": plan.sheet}, count=len(people), label=label)


def _people(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the values of each person, by variable."""
    return frame.pivot_table(index="participant", columns="variable", values="value", aggfunc="last")


def _panel(source: Source) -> tuple[Plan, int]:
    """Return the panel of a column among those that say the same: one for replicates, in rows of visits or below one name."""
    plan, names = source.plan, [column.label for column in source.plan.data]
    if plan.mapped or plan.rows[["visit", "variable"]].notna().any(axis=None):
        return plan, 0
    even = len({*Counter(names).values()}) == 1
    key, said = attrgetter("label" if even and len([*groupby(names)]) == len({*names}) else "index"), attrgetter(*SAID)
    alike = dict.fromkeys(key(column) for column in plan.data if said(column) == said(source.column))
    return plan, [*alike].index(key(source.column))


def _panels(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Keep one of several panels that show the same group, also beside each other; panels that differ are a fault."""
    unlinked = frame[~frame["linked"]]
    unlinked = unlinked.assign(panel=unlinked["source"].map({s: _panel(s) for s in {*unlinked["source"]}}))
    marker = unlinked["marker"].where(unlinked["stratum"] != "", "")
    keys = ["variable", "visit", "measure", "stratum", "arm", marker]
    for (_, _, _, stratum, arm, _), own in unlinked.groupby(keys, sort=False):
        (_, first), *others = own.groupby("panel", sort=False)
        head = first["source"].iloc[0].head
        for _, panel in others:
            source, where = panel["source"].iloc[0], f"{head['sheet']}!{head['cell']}"
            shown = ", ".join(filter(None, [source.label, stratum, arm]))
            same = sorted(first["value"]) == sorted(panel["value"])
            kind = "repeated panel" if same else "two panels"
            faults.error(kind, source.head, stops=not same, panel=shown, where=where)
            yield panel


def _repeats(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Keep one of each value that is given twice; values that differ are a fault."""
    linked = frame[frame["linked"]]
    keys = ["cohort", "variable", "visit", "measure", "participant"]
    second = linked[linked.duplicated(keys)]
    known = linked.drop_duplicates(keys)[[*keys, "value", "text", "cell", "source"]]
    second = second.merge(known, on=keys, how="left", suffixes=("", "_known")).set_index(second.index)
    same = second["value"].eq(second["value_known"]) | (second["text"].ne("") & second["text"].eq(second["text_known"]))
    for (source, other), own in second[~same].groupby(["source", "source_known"], sort=False):
        for row in own.itertuples():
            words = {"label": source.label, "row": row, "where": f"{other.plan.sheet}!{row.cell_known}"}
            if other is not source:
                faults.error("two columns", source.head, other=other.head, count=len(own), **words)
                break
            known = row.text_known or f"{row.value_known:.10g}"
            faults.error("second value", cell_location(row), known=known, **words)
    for source, own in second[same].groupby("source", sort=False):
        # What does not change is repeated on each row of a long table; what belongs to a visit should stand there once.
        by_visit = bool(getattr(source.thing, "follow_up", ()))
        repeated = own.loc[own["source_known"].ne(source) | by_visit, "participant"].nunique()
        if repeated:
            faults.note("repeated", source.head, label=source.label, count=repeated)
    repeating = {*second.loc[same & second["source"].ne(second["source_known"]), "source"]}
    for source, own in linked[~linked.duplicated(keys, keep=False)].groupby("source", sort=False):
        if source in repeating:
            faults.note("only here", source.head, count=len(own), label=source.label)
    yield second


def _given_changes(frame: pd.DataFrame, trial: Trial, faults: Faults) -> Iterator[pd.DataFrame]:
    """Compare given changes, and panels without ids, with what raw values make, and drop those that raw values make again."""
    linked = frame["linked"]
    raw = frame[linked & frame["measure"].eq(VALUE) & frame["cohort"].eq(TRIAL) & frame["text"].eq("")]
    arms = frame[linked].set_index("participant")["arm"].to_dict()
    raw = raw.set_index(["variable", "visit", "participant"])["value"].sort_index()
    base = raw[raw.index.get_level_values("visit") == BASELINE].droplevel("visit")
    base = base.reindex(raw.index.droplevel("visit")).set_axis(raw.index)
    changes = (100 * (raw - base) / base)[base > 0]
    for source, own in frame[~linked | frame["measure"].eq(PERCENT_CHANGE)].groupby("source", sort=False):
        made = (changes if source.measure == PERCENT_CHANGE else raw).get((source.variable, source.visit))
        if made is None or source.variable not in trial.outcomes:
            continue
        # Half a unit of the last decimal that the values were written with.
        decimals = max((len(f"{value:.10g}".partition(".")[2]) for value in own["value"]), default=0)
        tolerance = 0.5 * 10.0**-decimals * (1 + 1e-6) + 1e-9
        if own["linked"].iloc[0]:
            own = own[own["participant"].isin(made.index)]
            _compare_linked(own, made[own["participant"]].to_numpy(), tolerance, source.label, faults)
        else:
            pool = made[made.index.map(arms).isin(own["arm"])] if own["arm"].any() else made
            left = pool.to_numpy()  # each of these values agrees with one of the panel
            for value in own["value"]:
                left = np.delete(left, np.flatnonzero(np.isclose(left, value, rtol=1e-7, atol=tolerance))[:1])
            group = ", ".join(sorted({*own["stratum"], *own["arm"]} - {""})) or "all participants"
            words = {"label": source.label, "group": group, "count": len(own), "matched": len(pool) - len(left)}
            faults.note("panel", source.head, **words)
        yield own


def _compare_linked(own: pd.DataFrame, made: np.ndarray, tolerance: float, label: str, faults: Faults) -> None:
    """Report given changes that differ from those that raw values make, and a factor between all of them."""
    given = own["value"].to_numpy()
    wrong = np.abs(given - made) > np.maximum(tolerance, 1e-7 * np.abs(made))
    for row, value in zip(own[wrong].itertuples(), made[wrong], strict=True):
        faults.note("given change", cell_location(row), label=label, value=value)
    ratios = given[made != 0] / made[made != 0]
    if wrong.all() and len(ratios) and np.allclose(ratios, ratios[0], rtol=1e-3):
        place = own["source"].iloc[0].head | {"value": ""}
        faults.note("given change / factor", place, label=label, factor=float(f"{ratios[0]:.3g}"))
