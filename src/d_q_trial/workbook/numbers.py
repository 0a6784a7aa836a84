"""Turn a column of cells into numbers, and tell of every cell that is not one."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .layout import MISSING, is_number
from .sheets import DATES, EMPTY, Flag

LONGEST_NUMBER = 60  # characters
LARGEST = 1e100  # changes made from larger numbers would overflow
_DASHES = str.maketrans({"−": "-", "–": "-", "‐": "-", "‑": "-", "‒": "-", "—": "-"})
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[ ,'’]\d{3})+(?:\.\d+)?")
_BELOW = re.compile(r"(?:<=?|≤|below|under|less than)\s*([\d.,]+)\s*[a-z/%µμ0-9]*", re.I)
_ABOVE = re.compile(r"(?:>=?|≥|above|over|more than)\s*([\d.,]+)\s*[a-z/%µμ0-9]*", re.I)
_BELOW_WORD = re.compile(r"(?:b?lo[dq]|<\s*l?lo[dq]|bl[oq]q?|below .*|undetect\w*|not detect\w*)", re.I)
_COMMA_ADVICE = "write a point, or set decimal_comma: true in the mapping"
YES, NO = {"yes", "y", "true", "1", "ever", "positive", "pos"}, {"no", "n", "false", "0", "never", "negative", "neg"}
_FLAGS = {
    "error": ("error cell", "an error cell where a number belongs"),
    "formula": ("formula", "a formula without a stored value; open in Excel and save again"),
    "unreadable": ("unreadable", "a cell that cannot be read; open in Excel, correct it and save again"),
}


@dataclass(frozen=True)
class Policy:
    """What to do with cells that are not plain numbers."""

    below_detection: str = "missing"  # missing, limit, half or lowest
    decimal_comma: bool = False
    error_cells: str = "fault"  # fault or missing
    missing: frozenset[str] = frozenset()
    hidden_rows: str = "read"  # read or ignore
    struck_out: str = "read"  # read or missing


@dataclass
class Numbers:
    """A column as numbers, NaN where there is none, with the cells that were not plain numbers."""

    values: np.ndarray
    faults: list[tuple[int, object, str, str]] = field(default_factory=list)  # position, value, kind, expectation
    notes: list[tuple[int, object, str, str]] = field(default_factory=list)
    below_detection: int = 0
    missing_codes: int = 0


def read_numbers(cells: Sequence, policy: Policy, *, binary: bool = False) -> Numbers:
    """Read a column of cells as numbers.

    Parameters
    ----------
    cells : sequence
        Values of a :class:`Sheet`, "" where empty, Flag where an error or an uncalculated formula stands.
    policy : Policy
    binary : bool
        Whether yes and no are expected; they become 1 and 0.
    """
    values = np.full(len(cells), math.nan)
    result = Numbers(values)
    for position, cell in enumerate(cells):
        if type(cell) is float and not binary:
            values[position] = cell
        elif cell != EMPTY:
            values[position] = _one(position, cell, policy, binary, result)
    codes = [float(code) for code in policy.missing if _PLAIN.fullmatch(code)]
    for position in np.flatnonzero(np.isin(values, codes)):
        result.missing_codes += 1
        result.notes.append((int(position), cells[position], "missing code", "read as missing"))
        values[position] = math.nan
    if not (np.abs(values) <= LARGEST).all():
        _check_finite(result, cells)
    return result


def _check_finite(result: Numbers, cells: Sequence) -> None:
    """Warn about numbers that are stored as such and yet are none."""
    for position in np.flatnonzero(np.isnan(result.values)):
        if type(cells[position]) is float:
            result.missing_codes += 1
            result.notes.append((int(position), "NaN", "missing code", "read as missing"))
    for position in np.flatnonzero(np.abs(result.values) > LARGEST):
        what = "infinite" if math.isinf(result.values[position]) else "too large to be a measurement"
        result.faults.append((int(position), cells[position], "infinite", f"{what}; expected a number"))
        result.values[position] = math.nan


def _one(position: int, cell: object, policy: Policy, binary: bool, result: Numbers) -> float:
    def fault(kind: str, expectation: str) -> float:
        result.faults.append((position, cell, kind, expectation))
        return math.nan

    if binary and (answer := _yes_or_no(cell)) is not None:
        return answer
    if isinstance(cell, bool):
        return fault("truth value", "a truth value where a number belongs")
    if is_number(cell):
        return fault("binary", "expected yes or no, 1 or 0") if binary else float(cell)
    if isinstance(cell, Flag):
        if cell.kind == "error" and policy.error_cells == "missing":
            result.notes.append((position, cell.shown, "error cell", "an error cell, read as missing"))
            return math.nan
        result.faults.append((position, cell.shown, *_FLAGS[cell.kind]))
        return math.nan
    if isinstance(cell, DATES):
        return fault("date", "a date or time where a number belongs")
    return _text(position, str(cell), policy, binary, result)


def _yes_or_no(cell: object) -> float | None:
    if isinstance(cell, bool):
        return float(cell)
    if is_number(cell):
        return float(cell) if cell in (0, 1) else None
    if isinstance(cell, str):
        word = cell.strip().casefold()
        answer = 1.0 if word in YES else 0.0 if word in NO else None
        return {"0.0": 0.0, "1.0": 1.0}.get(word, answer)
    return None


def _text(position: int, cell: str, policy: Policy, binary: bool, result: Numbers) -> float:
    text = unicodedata.normalize("NFKC", cell).strip()
    if len(text) > LONGEST_NUMBER:
        result.faults.append((position, cell, "text", "text where a number belongs"))
        return math.nan
    if not text:
        return math.nan
    if text.casefold() in MISSING or text.translate(_DASHES) in MISSING or text.casefold() in policy.missing:
        result.missing_codes += 1
        result.notes.append((position, cell, "missing code", "read as missing"))
        return math.nan
    if binary:
        result.faults.append((position, cell, "binary", "expected yes or no, 1 or 0"))
        return math.nan
    return _number_text(position, cell, text.translate(_DASHES), policy, result)


def _number_text(position: int, cell: str, text: str, policy: Policy, result: Numbers) -> float:
    compact = text.replace(" ", "").replace(" ", "")
    if _PLAIN.fullmatch(compact) and _PLAIN.fullmatch(text):
        number = float(compact)
        result.notes.append((position, cell, "number as text", f"a number stored as text, read as {number:.15g}"))
        return number
    if match := _BELOW.fullmatch(text):
        limit = match[1].replace(",", ".") if policy.decimal_comma else match[1]
        result.below_detection += 1
        try:
            number = float(limit)
        except ValueError:
            result.below_detection -= 1
            comma = _COMMA.fullmatch(limit)
            kind, what = (
                ("comma", f"a comma in a limit of detection; {_COMMA_ADVICE}")
                if comma
                else ("text", "a limit that is not a number")
            )
            result.faults.append((position, cell, kind, what))
            return math.nan
        how = {
            "missing": (math.nan, "missing"),
            "limit": (number, "the limit"),
            "half": (number / 2, "half the limit"),
            "lowest": (0.0, "0, the lowest rank"),
        }
        value, words = how[policy.below_detection]
        result.notes.append((position, cell, "below detection", f"below detection, read as {words}"))
        return value
    if _BELOW_WORD.fullmatch(text):
        result.below_detection += 1
        value, words = (0.0, "0, the lowest rank") if policy.below_detection == "lowest" else (math.nan, "missing")
        result.notes.append((position, cell, "below detection", f"below detection without a limit, read as {words}"))
        return value
    if _COMMA.fullmatch(text):
        if policy.decimal_comma:
            return float(text.replace(",", "."))
        result.faults.append((position, cell, "comma", f"a comma in a number; {_COMMA_ADVICE}"))
        return math.nan
    if _ABOVE.fullmatch(text):
        result.faults.append((position, cell, "above range", "above a limit; expected a number"))
    elif _GROUPED.fullmatch(text):
        result.faults.append((position, cell, "grouped digits", "grouped digits; expected a plain number"))
    elif text.lower().lstrip("+-") in ("inf", "infinity", "∞"):
        result.faults.append((position, cell, "infinite", "infinite; expected a number"))
    else:
        result.faults.append((position, cell, "text", "text where a number belongs"))
    return math.nan
