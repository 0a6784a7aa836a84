"""What the tables of a published folder must hold: columns, and what may stand in their cells."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from ..errors import UserError, nearest
from .claims import TESTS
from .printed import parse
from .tables import Row


class Cell(NamedTuple):
    """A check of the text of a cell, in words, and whether the cell may be empty."""

    fits: Callable[[str], bool]
    expected: str
    may_be_empty: bool = False


def _number(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _share(text: str) -> bool:
    try:
        return 0 < Fraction(text) < 1
    except (ValueError, ZeroDivisionError):
        return False


COUNT = Cell(lambda text: text.isascii() and text.isdecimal(), "a whole number from 0")
SOME = Cell(lambda text: text.isascii() and text.isdecimal() and int(text) > 0, "a whole number from 1")
NUMBER = Cell(_number, "a number with a decimal point")
P_VALUE = Cell(lambda text: _number(text) and 0 <= parse(text).value <= 1, "a number from 0 to 1 with a decimal point")
SHARE = Cell(_share, "a fraction between 0 and 1, such as 1/3")


def _or_nothing(cell: Cell) -> Cell:
    return Cell(cell.fits, f"{cell.expected}, or nothing", may_be_empty=True)


def _one_of(*words: str) -> Cell:
    return Cell(lambda text: text in words, f"one of {', '.join(words)}")


_SUMMARY = ("source", "locator", "outcome", "measure", "visit", "marker", "stratum", "group", "n", "statistic", "center",
            "lower", "upper")  # fmt: skip
_COLUMNS = {
    "tests": ("source", "locator", "outcome", "measure", "visit", "marker", "stratum", "contrast", "test", "p_relation",
              "p"),
    "summaries": _SUMMARY,
    "counts": ("source", "locator", "outcome", "measure", "visit", "marker", "stratum", "group", "n"),
    "registry_baseline": ("source", "locator", "outcome", "visit", "group", "n", "statistic", "value", "spread"),
    "registry_flow": ("source", "locator", "milestone", "reason", "group", "n"),
    "flow": ("source", "locator", "step", "arm", "count"),
    "statements": ("source", "locator", "kind", "subject", "visits", "group", "value", "note"),
    "adverse_events": ("source", "locator", "event", "group", "affected", "at_risk", "percent"),
}  # fmt: skip
_CELLS = {
    "tests": {"p": P_VALUE, "p_relation": _one_of("=", "<", ">"), "test": _one_of(*TESTS)},
    "summaries": {"n": _or_nothing(SOME)} | dict.fromkeys(("center", "lower", "upper"), _or_nothing(NUMBER)),
    "counts": {"n": _or_nothing(COUNT)},
    "registry_baseline": {"n": SOME, "value": NUMBER, "spread": _or_nothing(NUMBER)},
    "registry_flow": {"n": COUNT},
    "flow": {"count": COUNT},
    "adverse_events": {"affected": _or_nothing(COUNT), "at_risk": SOME, "percent": _or_nothing(NUMBER)},
}
_STATEMENTS = {
    "n": SOME,
    "affected": COUNT,
    "listed_from": COUNT,
    "share": SHARE,
    "limit": NUMBER,
    "test": _one_of(*TESTS),
}


def needed(table: str) -> tuple[str, ...]:
    """Columns that a table of this name must have; none if it is not checked here."""
    return _COLUMNS.get(table, ())


def check(table: str, rows: list[Row], path: str) -> None:
    """Check every cell of a table.

    Raises
    ------
    UserError
        At the first cell that does not fit, with row, column, value and expectation.
    """
    cells = _CELLS.get(table, {})
    if table == "statements":
        cells = {"kind": _one_of(*_STATEMENTS)}
    for row in rows:
        own = cells | ({"value": _STATEMENTS[row["kind"]]} if row.get("kind") in _STATEMENTS else {})
        if row.get("statistic") == "count_percent":
            own = own | {"center": COUNT, "n": SOME}
        if row.get("statistic") == "mean_sd":
            own = own | {"spread": NUMBER}
        for column, cell in own.items():
            text = row[column]
            if not (cell.fits(text) if text else cell.may_be_empty):
                hint = nearest(text, _STATEMENTS) if column == "kind" else ""
                raise UserError(f"{path}, row {row['_row']}, column {column}: {text!r}, expected {cell.expected}{hint}")
