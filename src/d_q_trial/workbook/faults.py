"""Faults of a workbook, with place, value and expectation."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from ..errors import UserError
from ..files import read_yaml_beside
from ..spreadsheet.sheets import display_cell, join_first

MESSAGES = read_yaml_beside(__file__, "messages")
MOST_SHOWN = 200  # faults in a message
MOST_PER_KIND = 25  # on one sheet


@dataclass(frozen=True)
class Fault:
    """One thing that is not as expected; ``kind`` groups faults of one sort."""

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
    """All faults of one reading, each once, in the order in which they were met."""

    found: dict[Fault, None] = field(default_factory=dict)

    def error(self, name: str, place: dict | None = None, what: str = "", *, stops: bool = True, **values: Any) -> None:
        """Record what prevents the use of the workbook, or a remark if it does not stop.

        ``name`` is a kind, or one of several of it, in ``messages.yaml``, filled with ``values``, unless ``what`` is said;
        ``place`` has sheet, cell and value.
        """
        where = {"sheet": "", "cell": "", "value": ""} | (place or {})
        what = what or MESSAGES[name].format(**values)
        fault = Fault(
            name.partition(" / ")[0], where["sheet"], where["cell"], display_cell(where["value"]), what, stops
        )
        self.found[fault] = None

    def note(self, name: str, place: dict | None = None, what: str = "", **values: Any) -> None:
        """Record what the analyst should know."""
        self.error(name, place, what, stops=False, **values)

    @property
    def errors(self) -> list[Fault]:
        """Faults that stop the reading."""
        return [fault for fault in self.found if fault.stops]

    def lines(self, *, stops: bool) -> list[str]:
        """Return a line per fault, and per remark with all its cells; of one kind on one sheet, at most ``MOST_PER_KIND``."""
        alike, groups = defaultdict[tuple, list[Fault]](list), defaultdict[tuple, list[str]](list)
        for fault in (fault for fault in self.found if fault.stops == stops):
            alike[fault.kind, fault.sheet, fault.value, fault.expectation, fault.cell * stops].append(fault)
        for (kind, sheet, *_), faults in alike.items():
            cells = f" ({len(faults)} cells: {join_first([fault.cell for fault in faults], MOST_PER_KIND)})"
            groups[kind, sheet].append(f"{faults[0]}{cells * (len(faults) > 1)}")
        more = ((len(own) - MOST_PER_KIND, *group) for group, own in groups.items() if len(own) > MOST_PER_KIND)
        lines = itertools.chain.from_iterable(own[:MOST_PER_KIND] for own in groups.values())
        return [*lines, *(f"{sheet}: {count} more of this kind ({kind})" for count, kind, sheet in more)]

    def stop(self, path: object) -> None:
        """Raise a UserError with a line for every error, if there is one."""
        if errors := self.errors:
            count = f"{len(errors)} fault{'s' * (len(errors) > 1)}"
            raise UserError("\n  ".join([f"{path}: {count}", *self.lines(stops=True)[:MOST_SHOWN]]))
