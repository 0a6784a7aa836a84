"""Faults and remarks found while reading, each with its place, collected so that all are told at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..errors import UserError

MOST_SHOWN = 200
MOST_PER_KIND = 25


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

    def error(self, kind: str, expectation: str, *, sheet: str = "", cell: str = "", value: object = "") -> None:
        """Record what keeps the workbook from being used."""
        self.found[Fault(kind, sheet, cell, shown(value), expectation)] = None

    def note(self, kind: str, expectation: str, *, sheet: str = "", cell: str = "", value: object = "") -> None:
        """Record what the analyst should know."""
        self.found[Fault(kind, sheet, cell, shown(value), expectation, stops=False)] = None

    @property
    def errors(self) -> list[Fault]:
        """Faults that stop the reading."""
        return [fault for fault in self.found if fault.stops]

    @property
    def notes(self) -> list[str]:
        """Remarks, as text, many of one kind in one column shortened."""
        return shortened([fault for fault in self.found if not fault.stops])

    def stop(self, path: object) -> None:
        """Raise one message with every error, if there is one.

        Raises
        ------
        UserError
            With a line per fault.
        """
        if errors := self.errors:
            count = f"{len(errors)} fault{'s' * (len(errors) > 1)}"
            raise UserError("\n  ".join([f"{path}: {count}", *shortened(errors)[:MOST_SHOWN]]))


def shortened(faults: list[Fault]) -> list[str]:
    """Return a line per fault; of one kind on one sheet, at most ``MOST_PER_KIND`` and the number of the others."""
    lines: list[str] = []
    counts: Counter[tuple[str, str]] = Counter()
    for fault in faults:
        counts[fault.kind, fault.sheet] += 1
        if counts[fault.kind, fault.sheet] <= MOST_PER_KIND:
            lines.append(str(fault))
    more = {group: count - MOST_PER_KIND for group, count in counts.items() if count > MOST_PER_KIND}
    return lines + [f"{sheet}: {count} more of this kind ({kind})" for (kind, sheet), count in more.items()]


def shown(value: object) -> str:
    """Return a cell's content for a message: short, on one line, text in quotes."""
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if value is None or value == "":
        return ""
    if not isinstance(value, str):
        return str(value)
    return repr(value if len(value) <= 60 else value[:57] + "...")
