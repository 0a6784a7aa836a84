"""What is known of a workbook while it is read: its plans, its values, and its faults with place, value and expectation."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..errors import UserError
from ..files import read_yaml_beside
from ..participants import TRIAL
from ..recognition.vocabulary import Vocabulary, canonical_id
from ..spreadsheet.sheets import EMPTY, Flag, Workbook, format_cell, join_first
from ..trial import Trial
from .mapping import BlockPlan, Mapping

MESSAGES = read_yaml_beside(__file__, "messages")
MAX_SHOWN = 200  # faults in a message
MAX_PER_KIND = 25  # on one sheet
MAX_CODES = 500  # spellings of a role that are collected


@dataclass(frozen=True)
class Fault:
    """Content of a workbook that is not as expected, at one place; ``kind`` groups faults of the same type."""

    kind: str
    sheet: str
    cell: str
    value: str
    expectation: str
    stops: bool = True

    def __str__(self) -> str:
        place = "!".join(filter(None, [self.sheet, self.cell]))
        return ": ".join(filter(None, [place, self.value, self.expectation]))


@dataclass
class Faults:
    """The faults and notes of one reading of a workbook, without duplicates, in the order in which they were found."""

    found: dict[Fault, None] = field(default_factory=dict)

    def error(self, name: str, place: dict | None = None, text: str = "", *, stops: bool = True, **values: Any) -> None:
        """Record a fault that prevents the use of the workbook, or a note if ``stops`` is false.

        ``name`` is a key of ``messages.yaml``: a kind, followed by " / " and a variant if the kind has several messages.
        ``values`` fill the message, unless ``text`` is given; ``place`` has sheet, cell and value.
        """
        place = {"sheet": "", "cell": "", "value": ""} | (place or {})
        kind, text = name.partition(" / ")[0], text or MESSAGES[name].format(**values)
        self.found[Fault(kind, place["sheet"], place["cell"], format_cell(place["value"]), text, stops)] = None

    def note(self, name: str, place: dict | None = None, **values: Any) -> None:
        """Record a note for the analyst, which does not stop the reading."""
        self.error(name, place, stops=False, **values)

    @property
    def errors(self) -> list[Fault]:
        """Faults that stop the reading."""
        return [fault for fault in self.found if fault.stops]

    def lines(self, *, stops: bool) -> list[str]:
        """Return a line per fault, or per note with its cells; at most ``MAX_PER_KIND`` of a kind and sheet, then how many more."""
        distinct, lines_by_kind = defaultdict[tuple, list[Fault]](list), defaultdict[tuple, list[str]](list)
        for fault in (fault for fault in self.found if fault.stops == stops):
            distinct[fault.kind, fault.sheet, fault.value, fault.expectation, fault.cell if stops else ""].append(fault)
        for (kind, sheet, *_), faults in distinct.items():
            cells = f" ({len(faults)} cells: {join_first([fault.cell for fault in faults], MAX_PER_KIND)})"
            lines_by_kind[kind, sheet].append(f"{faults[0]}{cells if len(faults) > 1 else ''}")
        listed = [line for lines in lines_by_kind.values() for line in lines[:MAX_PER_KIND]]
        for (kind, sheet), lines in lines_by_kind.items():
            if len(lines) > MAX_PER_KIND:
                listed.append(f"{sheet}: {len(lines) - MAX_PER_KIND} more of this kind ({kind})")
        return listed

    def stop(self, path: object) -> None:
        """Raise a UserError with a line for every error, if there is one."""
        if errors := self.errors:
            count = f"{len(errors)} fault{'s' * (len(errors) > 1)}"
            raise UserError("\n  ".join([f"{path}: {count}", *self.lines(stops=True)[:MAX_SHOWN]]))


@dataclass
class WorkbookReading:
    """A workbook with all that was read from it: the plans of its blocks, the values and the faults."""

    workbook: Workbook
    trial: Trial
    plans: list[BlockPlan]
    policy: Mapping
    vocabulary: Vocabulary
    faults: Faults = field(default_factory=Faults)
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)  # the long table
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
