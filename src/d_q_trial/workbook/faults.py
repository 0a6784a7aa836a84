"""Faults and remarks found while reading, each with its place, collected so that all are told at once."""

from __future__ import annotations

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
    """All faults of one reading, in the order in which they were met."""

    found: list[Fault] = field(default_factory=list)
    _seen: set[Fault] = field(default_factory=set)

    def error(self, kind: str, expectation: str, *, sheet: str = "", cell: str = "", value: object = "") -> None:
        """Record what keeps the workbook from being used."""
        self._add(Fault(kind, sheet, cell, shown(value), expectation))

    def note(self, kind: str, expectation: str, *, sheet: str = "", cell: str = "", value: object = "") -> None:
        """Record what the analyst should know."""
        self._add(Fault(kind, sheet, cell, shown(value), expectation, stops=False))

    def _add(self, fault: Fault) -> None:
        if fault not in self._seen:
            self._seen.add(fault)
            self.found.append(fault)

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
        errors = self.errors
        if errors:
            lines = shortened(errors)
            count = f"{len(errors)} fault{'s' * (len(errors) > 1)}"
            raise UserError("\n  ".join([f"{path}: {count}", *lines[:MOST_SHOWN]]))


def shortened(faults: list[Fault]) -> list[str]:
    """Return a line per fault; of one kind on one sheet, at most ``MOST_PER_KIND`` and the number of the others."""
    lines: list[str] = []
    counts: dict[tuple[str, str], int] = {}
    rest: dict[tuple[str, str], int] = {}
    for fault in faults:
        group = (fault.kind, fault.sheet)
        counts[group] = counts.get(group, 0) + 1
        if counts[group] <= MOST_PER_KIND:
            lines.append(str(fault))
        else:
            rest[group] = rest.get(group, 0) + 1
    lines += [f"{sheet}: {count} more of this kind ({kind})" for (kind, sheet), count in rest.items()]
    return lines


def shown(value: object) -> str:
    """Return a cell's content for a message: short, on one line, text in quotes."""
    if value == "" or value is None:
        return ""
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if not isinstance(value, str):
        return str(value)
    text = value if len(value) <= 60 else value[:57] + "..."
    return repr(text)
