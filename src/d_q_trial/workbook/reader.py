"""Read a workbook's participants: recognise or follow a mapping, take the values, join them, report every fault."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ..files import sha256
from ..participants import COLUMNS, Participants
from ..trial import Trial
from .checks import CHECKS
from .classify import classify
from .join import assign_arms, one_value_per_group, resolve_repeats, unify_ids
from .layout import tables
from .loader import load
from .mapping import DATA, GROUPS, STRATUM, Codes, Plan, Policy, load_mapping, plans_of
from .recognise import Vocabulary
from .rows import Rows, collect, read_rows
from .sheets import Faults, Workbook
from .values import make_frame, read_block

SYNTHETIC = "Synthetic data: not the trial's participants"
_SYNTHETIC_WORDS = re.compile(r"synthetic (?:data|cohort|participants)|not the trial's participants", re.I)


@dataclass
class Reading:
    """Everything found in a workbook: what is in it, what it means, the values and the faults.

    Attributes
    ----------
    blocks : list of (Plan, Rows)
        Blocks that values were taken from, with what their rows say.
    frame : DataFrame
        The long table of :func:`values.read_block`.
    arms : dict
        Participants with ids, and their arms.
    counts : Counter
        Values below detection, and codes for missing values.
    """

    workbook: Workbook
    trial: Trial
    plans: list[Plan]
    codes: Codes
    policy: Policy
    faults: Faults = field(default_factory=Faults)
    blocks: list[tuple[Plan, Rows]] = field(default_factory=list)
    frame: pd.DataFrame = field(default_factory=lambda: make_frame([]))
    arms: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


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
    workbook = reading.workbook
    source = {
        "name": workbook.path.name,
        "sha256": sha256(workbook.path),
        "modified": workbook.modified,
        "sheets": [sheet.name for sheet in workbook.sheets],
        "notes": [*workbook.remarks, *reading.faults.notes],
        "counts": dict(reading.counts),
    }
    frame = reading.frame[list(COLUMNS)].reset_index(drop=True).infer_objects()
    return Participants(frame, label_of(workbook), source)


def look(path: Path | str, trial: Trial, mapping: Path | str | None = None) -> Reading:
    """Read a workbook as far as it goes and collect all faults, without stopping at them."""
    workbook = load(path)
    vocabulary = Vocabulary(trial)
    policy = Policy()
    if mapping is None:
        plans, codes = recognise(workbook, vocabulary)
    else:
        policy = load_mapping(mapping)
        plans, codes = plans_of(policy, workbook, trial, mapping)
    policy = policy.model_copy(update={"missing": [*policy.missing, *trial.missing]})
    reading = Reading(workbook, trial, plans, codes, policy)
    _take_values(reading, vocabulary)
    for check in CHECKS:
        check(reading)
    return reading


def recognise(workbook: Workbook, vocabulary: Vocabulary) -> tuple[list[Plan], Codes]:
    """Classify every block of every sheet, and collect the legends of codes."""
    plans = [
        classify(table.block, vocabulary, [*table.titles, sheet.name])
        for sheet in workbook.sheets
        for table in tables(sheet, vocabulary)
    ]
    codes = collect(plans, [comment for sheet in workbook.sheets for comment in sheet.comments], vocabulary)
    notes = [plan for plan in plans if not plan.readable]
    for plan in plans:
        if plan.kind == GROUPS and not plan.marker:
            texts = [
                cell
                for note in notes
                if note.block.sheet is plan.block.sheet
                for row in note.block.values
                for cell in row
            ]
            _find_marker(plan, texts, vocabulary)
    return plans, codes


def _find_marker(plan: Plan, texts: list, vocabulary: Vocabulary) -> None:
    """Take the marker of the strata from the header of their column or the notes on the sheet, if just one is named.

    Groups by stratum of no known marker are left alone.
    """
    column = plan.one(STRATUM)
    if column and vocabulary.context(column.label).candidates:
        texts = [column.label]
    named = {key for text in texts if isinstance(text, str) for key in vocabulary.context(text).candidates}
    markers = named & set(vocabulary.trial.markers)
    if len(markers) == 1:
        plan.marker = markers.pop()
    elif column or plan.stratum or any(column.stratum for column in plan.having(DATA)):
        plan.unread = "it does not say which marker the strata are of; name it in the mapping"


def _take_values(reading: Reading, vocabulary: Vocabulary) -> None:
    """Read all readable blocks and join them by participant."""
    faults, policy, blocks = reading.faults, reading.policy, reading.blocks
    blocks += [
        (plan, read_rows(plan, vocabulary, reading.codes, policy, faults)) for plan in reading.plans if plan.readable
    ]
    unify_ids(blocks, faults)
    reading.arms = assign_arms(blocks, faults)
    parts = []
    for plan, rows in blocks:
        if one_value_per_group(plan, rows):
            plan.unread = "one value per group: a summary, not participants"
        else:
            parts += read_block(plan, rows, reading.trial, policy, faults, reading.counts)
    reading.frame = resolve_repeats(make_frame(parts), reading.trial, faults)


def label_of(workbook: Workbook) -> str | None:
    """Return the label of a workbook that says, in its properties or on its first sheet, that it is synthetic."""
    first = workbook.sheets[0].rows[:60] if workbook.sheets else []
    texts = [workbook.properties, *(str(value) for row in first for value in row[:30] if isinstance(value, str))]
    return SYNTHETIC if any(_SYNTHETIC_WORDS.search(text) for text in texts) else None
