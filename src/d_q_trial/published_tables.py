"""Read tables of reported values: CSV text as people write it, checked before anything is computed.

One schema serves the claims, the checks of internal consistency and the generator of cohorts.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from .errors import UserError, nearest

Row = dict[str, str]

TESTS = ("rank_sum", "chi_squared", "other")
RELATIONS = ("=", "<", ">", "<=", ">=")
# Signs that mean a relation: mathematical and full-width ones, and two characters for one.
_SIGNS = {"≤": "<=", "≥": ">=", "＜": "<", "＞": ">", "＝": "=", "=<": "<=", "=>": ">=", "⩽": "<=", "⩾": ">="}
_MINUS = str.maketrans("−–‒", "---")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
MOST_FAULTS = 20


class Cell(NamedTuple):
    """A check of the text of a cell, in words, and whether the cell may be empty."""

    fits: Callable[[str], bool]
    expected: str
    may_be_empty: bool = False


def decimal(text: str) -> Decimal:
    """Return a reported number; a comma may group thousands and is nothing else.

    Raises
    ------
    ValueError
        If the text is not a finite decimal number.
    """
    cleaned = text.strip().translate(_MINUS)
    if _THOUSANDS.fullmatch(cleaned):
        cleaned = cleaned.replace(",", "")
    try:
        number = Decimal(cleaned)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a finite number")
    return number


def relation(text: str) -> str:
    """Return the relation that a sign means, or the text itself if it means none."""
    sign = text.strip()
    return _SIGNS.get(sign, sign)


def _is_number(text: str) -> bool:
    try:
        decimal(text)
    except ValueError:
        return False
    return True


def _is_share(text: str) -> bool:
    try:
        return 0 < Fraction(text) < 1
    except (ValueError, ZeroDivisionError):
        return False


COUNT = Cell(lambda text: text.isascii() and text.isdecimal(), "a whole number from 0")
SOME = Cell(lambda text: text.isascii() and text.isdecimal() and int(text) > 0, "a whole number from 1")
NUMBER = Cell(_is_number, "a number with a decimal point")
P_VALUE = Cell(lambda text: _is_number(text) and 0 <= decimal(text) <= 1, "a number from 0 to 1 with a decimal point")
SHARE = Cell(_is_share, "a fraction between 0 and 1, such as 1/3")


def _or_nothing(cell: Cell) -> Cell:
    return Cell(cell.fits, f"{cell.expected}, or nothing", may_be_empty=True)


def _one_of(*words: str) -> Cell:
    return Cell(lambda text: text in words, f"one of {', '.join(words)}")


_PLACE = ("source", "locator", "outcome", "measure", "visit", "marker", "stratum")
_SUMMARY = (*_PLACE, "group", "n", "statistic", "center", "lower", "upper")
_SUMMARY_CELLS = {"n": _or_nothing(SOME)} | dict.fromkeys(("center", "lower", "upper"), _or_nothing(NUMBER))
_SUMMARY_CELLS |= {"statistic": _one_of("median_iqr", "median_range", "count_percent", "range", "mean_sd")}
COLUMNS = {
    "tests": (*_PLACE, "contrast", "test", "p_relation", "p", "effect", "direction"),
    "summaries": _SUMMARY,
    "ranges": _SUMMARY,
    "counts": (*_PLACE, "group", "n"),
    "correlations": ("source", "locator", "marker", "with", "group", "n", "r", "p_relation", "p"),
    "registry_baseline": ("source", "locator", "outcome", "visit", "group", "n", "statistic", "value", "spread"),
    "registry_flow": ("source", "locator", "milestone", "reason", "group", "n"),
    "flow": ("source", "locator", "step", "arm", "count"),
    "statements": ("source", "locator", "kind", "subject", "visits", "group", "value", "note"),
    "adverse_events": ("source", "locator", "event", "group", "affected", "at_risk", "percent"),
    "known_differences": ("claim", "data", "reason"),
}
CELLS = {
    "tests": {
        "p": P_VALUE,
        "p_relation": _one_of(*RELATIONS),
        "test": _one_of(*TESTS),
        "effect": _or_nothing(NUMBER),
        "direction": _or_nothing(_one_of("negative", "positive")),
    },
    "summaries": _SUMMARY_CELLS,
    "ranges": _SUMMARY_CELLS,
    "counts": {"n": _or_nothing(COUNT)},
    "correlations": {
        "n": _or_nothing(SOME),
        "r": _or_nothing(NUMBER),
        "p": _or_nothing(P_VALUE),
        "p_relation": _or_nothing(_one_of(*RELATIONS)),
    },
    "registry_baseline": {"n": SOME, "value": NUMBER, "spread": _or_nothing(NUMBER)},
    "registry_flow": {"n": COUNT},
    "flow": {"count": COUNT},
    "adverse_events": {"affected": _or_nothing(COUNT), "at_risk": SOME, "percent": _or_nothing(NUMBER)},
    "known_differences": {"data": _one_of("synthetic", "any")},
}
STATEMENTS = {
    "n": SOME,
    "affected": COUNT,
    "listed_from": COUNT,
    "share": SHARE,
    "limit": NUMBER,
    "test": _one_of(*TESTS),
}


def read_published(folder: Path | str, name: str) -> list[Row]:
    """Read and check one table of a folder of reported values; an absent table has no rows.

    Raises
    ------
    UserError
        With every fault of the file, each with row, column, value and expectation.
    """
    path = Path(folder) / f"{name}.csv"
    if not path.exists():
        return []
    rows = read_table(path, COLUMNS.get(name, ()))
    check_table(name, rows, str(path))
    return rows


def read_table(path: Path | str, required: tuple[str, ...], known: tuple[str, ...] = ()) -> list[Row]:
    """Read a CSV as text, check its header, and bring signs into one form; ``_row`` is the number of a row.

    Raises
    ------
    UserError
        If the file is empty, is not UTF-8, is separated by other signs than commas, or lacks, repeats or misspells a
        column.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as CSV UTF-8") from None
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV: {error}") from None
    if not rows:
        columns = f" with the columns {', '.join(required)}" if required else ""
        raise UserError(f"{path}: empty; expected a header{columns}")
    header = [name.strip() for name in rows[0]]
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise UserError(f"{path}: columns are separated by {name}; expected commas, and points in numbers")
    for name in header:
        if header.count(name) > 1:
            raise UserError(f"{path}: column {name!r} occurs {header.count(name)} times")
        if known and name not in known:
            raise UserError(f"{path}: unknown column {name!r}{nearest(name, known)}; known are {', '.join(known)}")
    for name in required:
        if name not in header:
            raise UserError(f"{path}: column {name!r} is missing{nearest(name, header)}")
    table = []
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise UserError(f"{path}, row {number}: {len(cells)} cells, expected {len(header)} as in the header")
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        table.append(_with_plain_signs(row) | {"_row": str(number)})
    return table


def _with_plain_signs(row: Row) -> Row:
    """Write minus signs and relations in one form; a relation before P moves into its own column."""
    row = {name: text.translate(_MINUS) if _is_number(text) else text for name, text in row.items()}
    if "p_relation" in row:
        sign, _, rest = re.match(r"([<>=≤≥＜＞＝⩽⩾]*)(\s*)(.*)", row["p"]).groups()  # type: ignore[union-attr]
        if sign and relation(row["p_relation"]) in ("", relation(sign)):
            row |= {"p_relation": sign, "p": rest}
        row["p_relation"] = relation(row["p_relation"])
    return row


def check_table(name: str, rows: list[Row], path: str) -> None:
    """Check every cell of a table.

    Raises
    ------
    UserError
        With every cell that does not fit: row, column, value and expectation.
    """
    faults = [fault for row in rows for fault in _faults(name, row)]
    if len(faults) == 1:
        raise UserError(f"{path}, {faults[0]}")
    if faults:
        more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise UserError("\n  ".join([f"{path}: {len(faults)} faults", *faults[:MOST_FAULTS], *more]))


def _faults(name: str, row: Row) -> list[str]:
    cells = CELLS.get(name, {})
    if name == "statements":
        cells = {"kind": _one_of(*STATEMENTS)}
        cells |= {"value": STATEMENTS[row["kind"]]} if row["kind"] in STATEMENTS else {}
    if row.get("statistic") == "count_percent":
        cells = cells | {"center": COUNT, "n": SOME}
    if row.get("statistic") == "mean_sd" and "spread" in row:
        cells = cells | {"spread": NUMBER}
    faults = []
    for column, cell in cells.items():
        text = row[column]
        if not (cell.fits(text) if text else cell.may_be_empty):
            hint = nearest(text, STATEMENTS) if column == "kind" else ""
            faults.append(f"row {row['_row']}, column {column}: {text!r}, expected {cell.expected}{hint}")
    return faults
