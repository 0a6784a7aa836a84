"""Read a workbook's participants: recognise or follow a mapping, take the values, join them, report every fault."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
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
from .mapping import CODED, Codes, Mapping, Plan, Policy, load_mapping, plans_of
from .recognise import Vocabulary
from .rows import RowReader, collect
from .sheets import Faults, Workbook
from .values import BlockReader, make_frame

SYNTHETIC = "Synthetic data: not the trial's participants"
_SYNTHETIC_WORDS = re.compile(r"synthetic (?:data|cohort|participants)|not the trial's participants", re.I)


@dataclass
class Reading:
    """Everything found in a workbook: what is in it, what it means, the values and the faults."""

    workbook: Workbook
    trial: Trial
    plans: list[Plan]
    codes: Codes
    policy: Policy
    faults: Faults = field(default_factory=Faults)
    frame: pd.DataFrame = field(default_factory=lambda: make_frame([]))  # the long table
    arms: dict[str, str] = field(default_factory=dict)  # of the participants with ids
    counts: Counter[str] = field(default_factory=Counter)  # values below detection, codes for missing values

    @property
    def blocks(self) -> list[Plan]:
        """Those whose rows have been read."""
        return [plan for plan in self.plans if plan.rows is not None]


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
    workbook, vocabulary, policy = load(path), Vocabulary(trial), load_mapping(mapping) if mapping else Mapping()
    plans, codes = plans_of(policy, workbook, trial, mapping)
    if policy.blocks is None:
        plans, found = recognise(workbook, vocabulary)
        codes = {role: found.get(role, {}) | codes[role] for role in CODED}
        if any(codes[role] for role in ("arm", "visit", "variable")):  # which headers may use
            vocabulary = Vocabulary(trial, codes)
            plans, _ = recognise(workbook, vocabulary)
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
    unclear = [plan for plan in plans if plan.kind == "groups" and not plan.marker]
    on_sheet: dict[int, set[str]] = defaultdict(set)  # what the notes on a sheet name
    for block in (plan.block for plan in plans if unclear and not plan.readable):
        texts = [cell for row in block.values for cell in row if isinstance(cell, str)]
        on_sheet[id(block.sheet)].update(key for text in texts for key in vocabulary.context(text).candidates)
    for plan in unclear:
        # The marker of the strata is what the header of their column, or else the notes on the sheet, name alone.
        column = plan.one("stratum")
        own = set(vocabulary.context(column.label).candidates) if column else set()
        named = own or on_sheet[id(plan.block.sheet)]
        markers = named & set(vocabulary.trial.markers)
        if len(markers) == 1:
            plan.marker = markers.pop()
        elif column or plan.stratum or any(column.stratum for column in plan.data):
            plan.unread = "it does not say which marker the strata are of; name it in the mapping"
    return plans, codes


def _take_values(reading: Reading, vocabulary: Vocabulary) -> None:
    """Read all readable blocks and join them by participant."""
    trial, policy, faults = reading.trial, reading.policy, reading.faults
    for plan in (plan for plan in reading.plans if plan.readable):
        RowReader(plan, vocabulary, reading.codes, policy, faults)
    unify_ids(reading.blocks, faults)
    reading.arms = assign_arms(reading.blocks, faults)
    parts = []
    for plan in reading.blocks:
        if one_value_per_group(plan):
            plan.unread = "one value per group: a summary, not participants"
        else:
            parts += BlockReader(plan, trial, policy, faults, reading.counts).read()
    frame, named = make_frame(parts), reading.codes["stratum"]
    frame["stratum"] = [named.get(stratum.casefold(), stratum) for stratum in frame["stratum"]]
    reading.frame = resolve_repeats(frame, trial, faults)


def label_of(workbook: Workbook) -> str | None:
    """Return the label of a workbook that says, in its properties or on its first sheet, that it is synthetic."""
    first = workbook.sheets[0].rows[:60] if workbook.sheets else []
    texts = [workbook.properties, *(str(value) for row in first for value in row[:30] if isinstance(value, str))]
    return SYNTHETIC if any(_SYNTHETIC_WORDS.search(text) for text in texts) else None
