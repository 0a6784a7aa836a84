"""Read a workbook's participants: recognise or follow a mapping, take the values, join them, tell every fault."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..files import sha256
from ..participants import Participants
from ..trial import Trial
from .checks import (
    check_arms,
    check_baselines,
    check_changes,
    check_fractions,
    check_groups,
    check_hidden,
    check_markers,
    check_torn,
    check_units,
    check_unread,
    check_unsure,
)
from .classify import classify
from .faults import Faults
from .layout import tables
from .loader import load
from .mapping import DATA, GROUPS, IGNORE, INFERRED, STRATUM, Codes, Plan, load_mapping, plans_of
from .numbers import Policy
from .people import (
    Arms,
    check_alike,
    check_close,
    check_every_arm,
    check_linked,
    crossed_ids,
    duplicate_rows,
    give_arms,
    harmonise,
    learn_arms,
    learn_arms_of_titles,
)
from .recognise import Vocabulary
from .repeats import (
    compare_given,
    drop_zero_baselines,
    one_value_per_group,
    settle_panels,
    settle_population,
    settle_repeats,
)
from .rows import Rows, collect, read_rows, texts_of
from .sheets import Block, Sheet, Workbook
from .values import Chunk, make_frame, read_block, stratum_chunks

SYNTHETIC = "Synthetic data: not the trial's participants"
_SYNTHETIC_WORDS = re.compile(r"synthetic (?:data|cohort|participants)|not the trial's participants", re.I)


@dataclass
class Reading:
    """Everything found in a workbook: what is in it, what it means, the values and the faults."""

    workbook: Workbook
    plans: list[Plan]
    codes: Codes
    faults: Faults
    blocks: list[tuple[Plan, Rows]] = field(default_factory=list)  # those that values were taken from
    chunks: list[Chunk] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)  # participants with ids, and their arms
    counts: dict[str, int] = field(default_factory=dict)
    comparisons: list[dict] = field(default_factory=list)


def read_workbook(path: Path | str, trial: Trial, mapping: Path | str | None = None) -> Participants:
    """Read the participants of a workbook, whatever its layout.

    Parameters
    ----------
    path : path
        A file that :func:`loader.load` reads.
    trial : Trial
        Names of arms, visits, outcomes and markers.
    mapping : path, optional
        A mapping file; the blocks of a workbook are then not recognised but read as it says.

    Returns
    -------
    Participants
        With ``label`` set if the workbook says that it is synthetic, and notes in ``source``.

    Raises
    ------
    UserError
        One message with every fault: sheet, cell, value and what was expected.
    """
    reading = look(path, trial, mapping)
    reading.faults.stop(path)
    values = make_frame(reading.chunks)
    workbook = reading.workbook
    source: dict[str, Any] = {
        "name": workbook.path.name,
        "sha256": sha256(workbook.path),
        "modified": workbook.modified,
        "sheets": [sheet.name for sheet in workbook.sheets],
        "notes": [*workbook.remarks, *reading.faults.notes],
        "counts": reading.counts,
        "comparisons": reading.comparisons,
    }
    return Participants(values, label_of(workbook), source)


def look(path: Path | str, trial: Trial, mapping: Path | str | None = None) -> Reading:
    """Read a workbook as far as it goes and collect all faults, without stopping at them."""
    workbook = load(path)
    vocabulary = Vocabulary(trial)
    policy = Policy(missing=frozenset(code.casefold() for code in trial.missing))
    if mapping is None:
        plans, codes = recognise(workbook, vocabulary)
    else:
        entries = load_mapping(mapping)
        plans, codes = plans_of(entries, workbook, trial, mapping)
        policy = replace(entries.policy, missing=entries.policy.missing | policy.missing)
    reading = Reading(workbook, plans, codes, Faults())
    take_values(reading, vocabulary, policy)
    return reading


def recognise(workbook: Workbook, vocabulary: Vocabulary) -> tuple[list[Plan], Codes]:
    """Classify every block of every sheet, and collect the legends of codes."""
    plans = [
        classify(table.block, vocabulary, [*table.titles, sheet.name])
        for sheet in workbook.sheets
        for table in tables(sheet, vocabulary)
    ]
    texts = [plan.block for plan in plans if not plan.readable]
    comments = [comment for sheet in workbook.sheets for comment in sheet.comments]
    arms, visits = collect(texts, texts_of([p for p in plans if p.readable]) + comments, vocabulary)
    for plan in plans:
        _marker_beside(plan, texts, vocabulary)
        _unread_strata(plan)
    return plans, Codes(arms, visits)


def _marker_beside(plan: Plan, texts: list[Block], vocabulary: Vocabulary) -> None:
    """Take the marker that cuts strata from the header of their column or the notes on the sheet, if just one is named."""
    if plan.kind != GROUPS or plan.marker:
        return
    notes = [cell for block in texts if block.sheet is plan.block.sheet for row in block.values for cell in row]
    if column := plan.one(STRATUM):
        notes = [column.label] if vocabulary.context(column.label).candidates else notes
    named = {key for note in notes if isinstance(note, str) for key in vocabulary.context(note).candidates}
    markers = named & set(vocabulary.trial.markers)
    if len(markers) == 1:
        plan.marker = markers.pop()


def _unread_strata(plan: Plan) -> None:
    """Leave groups by stratum alone if nothing says which marker made the strata."""
    if plan.kind != GROUPS or plan.marker:
        return
    if plan.one(STRATUM) or plan.stratum or any(column.stratum for column in plan.having(DATA)):
        plan.unread = "it does not say which marker the strata are of; name it in the mapping"


def take_values(reading: Reading, vocabulary: Vocabulary, policy: Policy) -> None:
    """Read all readable blocks, join them by participant and check the result."""
    trial, faults = vocabulary.trial, reading.faults
    blocks = reading.blocks
    for plan in reading.plans:
        if plan.readable:
            rows = read_rows(plan, vocabulary, reading.codes, policy, faults)
            crossed_ids(plan, rows)
            blocks.append((plan, rows))
    harmonise(blocks, faults)
    check_alike(blocks, faults)
    check_close(blocks, faults)
    arms: Arms = {}
    for plan, rows in blocks:
        duplicate_rows(plan, rows, faults)
        learn_arms(plan, rows, arms, faults)
    for plan, rows in blocks:
        learn_arms_of_titles(plan, rows, arms, faults)
    chunks: list[Chunk] = []
    for plan, rows in blocks:
        give_arms(plan, rows, arms)
        if one_value_per_group(plan, rows):
            plan.unread = "one value per group: a summary, not participants"
            continue
        chunks += read_block(plan, rows, trial, policy, faults, reading.counts)
        chunks += stratum_chunks(plan, rows)
    reading.people = {identity: arm for identity, (arm, *_) in arms.items()}
    check_linked([plan for plan, _ in blocks], faults)
    check_every_arm(chunks, {i for _, rows in blocks for i in rows.unknown_arms}, trial, faults)
    chunks = drop_zero_baselines(chunks, faults)
    chunks = settle_population(chunks, trial, faults)
    chunks = settle_panels(chunks, trial, faults)
    check_units(chunks, trial, faults)
    chunks = settle_repeats(chunks, trial, faults)
    check_baselines(chunks, trial, faults)
    reading.chunks, reading.comparisons = compare_given(chunks, trial, faults)
    check_fractions(reading.chunks, trial, faults)
    check_unsure(reading.plans, reading.chunks, trial, faults)
    check_arms(reading.chunks, trial, faults)
    check_markers(reading.chunks, trial, faults)
    check_changes(reading.chunks, trial, faults)
    check_hidden(reading.plans, policy, faults)
    check_torn(reading.plans, faults)
    check_groups(reading.plans, faults)
    check_unread(reading.plans, faults)
    for plan in reading.plans:
        for column in plan.columns if plan.readable else ():
            if column.confidence == INFERRED and column.role != IGNORE:
                faults.note("inferred", column.why, **plan.head_of(column))
        if plan.unread:
            faults.note("unread", f"block not read: {plan.unread}", sheet=plan.sheet, cell=plan.block.range)


def label_of(workbook: Workbook) -> str | None:
    """Return the label of a workbook that says, in its properties or on its first sheet, that it is synthetic."""
    texts = [workbook.properties]
    if workbook.sheets:
        first: Sheet = workbook.sheets[0]
        texts += [str(value) for row in first.rows[:60] for value in row[:30] if isinstance(value, str)]
    return SYNTHETIC if any(_SYNTHETIC_WORDS.search(text) for text in texts) else None
