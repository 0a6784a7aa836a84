"""Read the participants of a workbook: recognise its blocks or follow a mapping, join the values, report all faults."""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..files import sha256
from ..participants import COLUMNS, POPULATION, TRIAL, Participants
from ..recognition.vocabulary import Vocabulary, canonical_id, differ_by_one_edit, match_ids, parse_id_code
from ..spreadsheet.loader import load_workbook
from ..spreadsheet.sheets import EMPTY, Flag, Workbook
from ..trial import Trial
from . import checks
from .classify import propose_plans, read_labels
from .faults import Faults
from .mapping import CODE_SECTIONS, BlockPlan, Column, Mapping, load_mapping
from .repeats import resolve_repeats
from .values import BlockReader, build_frame

MAX_CODES = 500  # spellings of a role that are collected
# Cyrillic and Greek letters that look like Latin ones.
_LOOK_ALIKES = str.maketrans("АВЕЅІЈКМНОРСТХаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABESIJKMHOPCTXaeopcyxsijABEZHIKMNOPTYXo")
# What follows the id in S02 repeat, S02 (rerun), S02*, S02b and S02-2.
_MARK = re.compile(r"(?<=\w)[\s\-_.]*(?:\(?re\w+\)?|[*†]|(?<=\d)[a-z]|-\d)$")
SYNTHETIC = "Synthetic data: not the trial's participants"
_SYNTHETIC_WORDS = re.compile(r"synthetic (?:data|cohort|participants)|not the trial's participants", re.I)


@dataclass
class WorkbookReading:
    """A workbook with all that was read from it: the plans of its blocks, the values and the faults."""

    workbook: Workbook
    trial: Trial
    plans: list[BlockPlan]
    policy: Mapping
    vocabulary: Vocabulary
    faults: Faults = field(default_factory=Faults)
    frame: pd.DataFrame = field(default_factory=lambda: build_frame([]))  # the long table
    arms: dict[str, str] = field(default_factory=dict)  # by participant, of those with an id or one row each
    counts: Counter[str] = field(default_factory=Counter)  # of values below detection and codes for missing values

    @property
    def trial_rows(self) -> pd.DataFrame:
        """The rows of the long table that belong to the trial's participants, not to a population sample."""
        return self.frame[self.frame["cohort"] == TRIAL]

    @property
    def read_plans(self) -> list[BlockPlan]:
        """The plans of the blocks whose rows have been read."""
        return [plan for plan in self.plans if plan.rows is not None]

    def collect_spellings(self, role: str) -> dict[str, str | None]:
        """Return the arm, visit or variable that each spelling in the cells was read as; None where it was not understood."""
        meanings: dict[str, str | None] = {}
        for plan in self.read_plans:
            column, rows = plan.column_of(role), plan.rows[plan.rows["use"] | plan.rows[role].eq("ignore")]
            for position, key in rows[role].items() if column else ():
                cell = plan.cell(position, column)
                if cell != EMPTY and not isinstance(cell, Flag) and len(meanings) <= MAX_CODES:
                    text = canonical_id(cell)
                    meanings[text] = meanings.get(text) or key
        return meanings


def read_workbook(path: Path | str, trial: Trial, mapping: Path | str | None = None) -> Participants:
    """Read the participants of a workbook that :func:`loader.load_workbook` reads, whatever its layout.

    If a mapping file lists blocks, they are read as it says, without recognition. ``label`` is set if the workbook says
    that it is synthetic; ``source`` has the notes. A UserError lists every fault: sheet, cell, value and what was expected.
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
    frame = reading.frame[[*COLUMNS]].reset_index(drop=True).infer_objects()
    return Participants(frame, synthetic_label(workbook), source)


def examine_workbook(path: Path | str, trial: Trial, mapping: Path | str | None = None) -> WorkbookReading:
    """Read as much of a workbook as possible and collect all faults, without stopping at one."""
    workbook = load_workbook(path)
    policy = load_mapping(mapping, workbook, trial) if mapping else Mapping()
    vocabulary = Vocabulary(trial, policy.codes)
    plans = [plan for entry in (policy.blocks or {}).values() for plan in entry.plans]
    for column, labels in [(column, plan.header.labels[column.index]) for plan in plans for column in plan.columns]:
        column.reading = read_labels(labels, vocabulary)
        column.unit = column.unit or column.reading.unit
    if policy.blocks is None:
        plans = propose_plans(workbook, vocabulary)
    reading = WorkbookReading(workbook, trial, plans, policy, vocabulary)
    for name in sorted({sheet.name for sheet in workbook.sheets if sheet.turned} - {plan.sheet for plan in plans}):
        reading.faults.error("turned", {"sheet": name})
    _read_values(reading)
    for name, check in vars(checks).items():  # in the order of their definition
        if name.startswith("check_"):
            check(reading)
    return reading


def _read_values(reading: WorkbookReading) -> None:
    """Read the values of all readable blocks and join them by participant."""
    readers = [BlockReader(plan, reading) for plan in reading.plans if plan.readable]
    unify_ids(reading.read_plans, reading.faults)
    reading.arms = assign_arms(reading.read_plans, reading.faults)
    parts = []
    for reader in readers:
        if one_value_per_group(reader.plan):
            reader.plan.unread_reason = "one value per group: a summary, not participants"
        else:
            parts += reader.read()
    frame, strata = build_frame(parts), reading.policy.codes["stratum"]
    frame["stratum"] = [strata.get(label.casefold(), label) for label in frame["stratum"]]
    reading.frame = resolve_repeats(frame, reading.trial, reading.faults)
    with_arm = reading.trial_rows[reading.trial_rows["linked"] & reading.trial_rows["arm"].ne("")]
    reading.arms |= dict(zip(with_arm["participant"], with_arm["arm"], strict=True))


def synthetic_label(workbook: Workbook) -> str | None:
    """Return the label of synthetic data if the properties or the first sheet of the workbook say that it is synthetic."""
    first_rows = workbook.sheets[0].rows[:60] if workbook.sheets else []
    texts = [workbook.properties, *(cell for row in first_rows for cell in row[:30] if isinstance(cell, str))]
    return SYNTHETIC if any(_SYNTHETIC_WORDS.search(text) for text in texts) else None


def unify_ids(plans: list[BlockPlan], faults: Faults) -> None:
    """Write each id in one form in all blocks, where only its form differs; report ids that may be of the same participant."""
    for plan in plans:
        _drop_row_numbers(plan)
    _rewrite_ids([plan for plan in plans if plan.participant_ids], faults)
    with_ids = [plan for plan in plans if plan.column_of("participant") and plan.participant_ids]
    for plan in (plan for plan in with_ids if plan.kind == "participants"):
        _report_repeated_ids(plan, faults)
    trial_plans = [plan for plan in with_ids if plan.cohort != POPULATION]
    spellings: dict[str, str] = {}
    for plan in trial_plans:
        ids_elsewhere = set().union(*(other.participant_ids for other in trial_plans if other is not plan))
        mostly_shared = 2 * len(plan.participant_ids & ids_elsewhere) >= len(plan.participant_ids)
        for position, identity in plan.rows["participant"].dropna().drop_duplicates().items():
            form = parse_id_code(latin := identity.translate(_LOOK_ALIKES))
            key = f"{form.prefix}{form.number}" if form else latin.casefold().replace(" ", "")
            place = plan.locate(position, plan.column_of("participant"), identity)
            if (first := spellings.setdefault(key, identity)) != identity:  # such as DQ-006 and dq-06
                faults.error("id written otherwise", place, other=first)
            elif (whole := _MARK.sub("", identity)) in plan.participant_ids - {identity}:
                faults.error("id with a mark", place, other=whole)
            elif mostly_shared and identity not in ids_elsewhere:  # a typing error, or two participants
                others = ids_elsewhere - plan.participant_ids
                similar = [other for other in others if differ_by_one_edit(identity, other)]
                if len(similar) == 1:
                    faults.error("id on one sheet only", place, other=similar[0])


def _drop_row_numbers(plan: BlockPlan) -> None:
    """Treat ids as row numbers if a row has values in columns of several arms."""
    columns = [column for column in plan.data if column.arm]
    arms_by_row = ({column.arm for column in columns if row[column.index] != EMPTY} for row in plan.body)
    if plan.participant_ids and any(len(arms) > 1 for arms in arms_by_row):
        plan.kind = "groups"
        plan.evidence = plan.evidence if plan.mapped else "groups side by side; the ids are row numbers"
        plan.rows["participant"] = None


def _report_repeated_ids(plan: BlockPlan, faults: Faults) -> None:
    """Report ids with several rows where one is expected, or the block if most ids have several; use the first row only."""
    column, ids = plan.column_of("participant"), plan.rows.loc[plan.rows["use"], "participant"].dropna()
    repeated = ids[ids.duplicated()]
    plan.rows.loc[repeated.index, "use"] = False
    if 2 * ids.duplicated(keep=False).sum() > len(ids):
        plan.kind = "long"
        faults.error("several rows", plan.header_of(column), rows=len(ids), people=ids.nunique())
        return
    for position, identity in repeated.items():
        first_cell = plan.locate(ids[ids.eq(identity)].index[0], column)["cell"]
        faults.error("duplicate participant", plan.locate(position, column, identity), other=first_cell)


def _rewrite_ids(plans: list[BlockPlan], faults: Faults) -> None:
    """Rewrite ids that differ only in form from those of the block with most arms, and of these with most ids."""
    if len(plans) < 2:
        return
    base = max(plans, key=lambda p: (p.rows["arm"].nunique() if p.cohort != POPULATION else -1, len(p.participant_ids)))
    base_ids = base.participant_ids
    for plan in plans:
        population = plan.cohort == POPULATION
        if plan is not base and plan.participant_ids - base_ids and not (plan.sampled and population):
            renamed = match_ids(plan.participant_ids, base_ids, few_suffice=population)
            if changed := [(old, new) for old, new in sorted(renamed.items()) if old != new]:
                plan.rows["participant"] = plan.rows["participant"].replace(renamed)
                old, new = changed[0]
                faults.note("id form", {"sheet": plan.sheet, "value": old}, base=base, new=new, count=len(renamed))
            base_ids |= set() if population else plan.participant_ids


def assign_arms(plans: list[BlockPlan], faults: Faults) -> dict[str, str]:
    """Give each row with an id the arm that any sheet states for its participant; return the arms by participant.

    A population sample of which at least half are the trial's participants becomes part of the trial, unless a title or a
    mapping calls it the population sample.
    """
    arms, places = dict[str, str](), {}
    for plan in plans:
        rows, arm_column = plan.rows[plan.rows["use"]].dropna(subset="participant"), plan.column_of("arm")
        # In groups, or next to a column of arms, headers and titles do not give the arm of a participant.
        labelled = plan.kind != "groups" and arm_column is None
        arm_headers = [column for column in plan.data if column.arm and labelled]
        title = Column(0, arm=plan.arm if labelled else None)
        for position, identity, arm in zip(rows.index, rows["participant"], rows["arm"], strict=True):
            label = next((column for column in arm_headers if plan.cell(position, column) != EMPTY), title)
            if arm := arm or label.arm:
                place = plan.locate(position, arm_column or label, arm)
                first, where = arms.setdefault(identity, arm), places.setdefault(identity, place)
                if first != arm:
                    faults.error("arm changed", place, identity=identity, first=first, where=where)
    ignored = {identity for plan in plans for identity in plan.rows.loc[plan.rows["arm"].eq("ignore"), "participant"]}
    for plan in plans:
        plan.rows["use"] &= ~plan.rows["participant"].isin(ignored - arms.keys() - {None})
        shared = len(plan.participant_ids & arms.keys())
        if plan.cohort == POPULATION and not plan.sampled and shared and 2 * shared >= len(plan.participant_ids):
            plan.cohort = TRIAL
        if plan.cohort == TRIAL:
            stated, participant_arms = plan.rows["arm"], plan.rows["participant"].map(arms)
            plan.rows["arm"] = stated.where(stated.notna() | participant_arms.isna(), participant_arms)
    return arms


def one_value_per_group(plan: BlockPlan) -> bool:
    """Return whether a block without ids holds one value per group: summaries such as medians, not participants."""
    in_rows = plan.rows[plan.rows["use"]].value_counts([*CODE_SECTIONS], dropna=False)
    in_columns = Counter((c.variable, c.visit, c.arm, c.stratum, c.measure) for c in plan.data)
    return plan.kind == "groups" and {*in_rows, *in_columns.values()} == {1}
