"""Read tables of reported values: CSV text as people write it, checked before anything is computed.

One schema serves the claims, the checks of internal consistency, the sensitivity analyses and the generator of cohorts.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .errors import UserError, describe_unknown, did_you_mean
from .files import read_yaml_beside

if TYPE_CHECKING:
    from .trial import Trial

Row = dict[str, str]

# The statistic that each column of a reported summary holds.
SUMMARIES = {
    "median_iqr": {"center": "median", "lower": "q1", "upper": "q3"},
    "median_range": {"center": "median", "lower": "minimum", "upper": "maximum"},
    "count_percent": {"center": "count", "lower": "percent"},
    "range": {"lower": "minimum", "upper": "maximum"},
    "mean_sd": {"center": "mean", "lower": "sd"},
}
# Signs that mean a relation: mathematical and full-width ones, and two characters for one.
_SIGNS = {"≤": "<=", "≥": ">=", "＜": "<", "＞": ">", "＝": "=", "=<": "<=", "=>": ">=", "⩽": "<=", "⩾": ">="}
_MINUS = str.maketrans(dict.fromkeys("−–‒‐‑﹣－", "-"))  # with those of word processors and full-width text
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_MOST_FAULTS = 20
_BINARY = 1e-9  # rounding error of sums and ratios


class Number(NamedTuple):
    """A reported number: its text, value, decimals, and the interval of values that round to it, ties both ways."""

    text: str
    value: float
    decimals: int
    low: float
    high: float

    @property
    def unit(self) -> float:
        """One unit of the last reported decimal."""
        return 10.0**-self.decimals

    def meets(self, low: float, high: float) -> bool:
        """Return whether a value, or more than one value of an interval, rounds to this number, apart from rounding error."""
        shared, width = min(self.high, high) - max(self.low, low), min(self.unit, high - low)
        slack = _BINARY * (width or max(1.0, *map(abs, (self.low, self.high, low))))
        return shared > slack if width else shared >= -slack


def parse_number(text: str) -> Number:
    """Read a reported number; ValueError if the text is not a finite decimal number.

    A comma may group thousands and is nothing else: ``0,05`` is refused, not read as 5.
    """
    cleaned = text.strip().translate(_MINUS)
    if _THOUSANDS.fullmatch(cleaned):
        cleaned = cleaned.replace(",", "")
    try:
        value = Decimal(cleaned if cleaned.isascii() and "_" not in cleaned else "")
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    if not math.isfinite(float(value)):
        raise ValueError(f"{text!r} is not a finite number")
    decimals = max(0, -int(value.as_tuple().exponent))
    half = Decimal(5).scaleb(-decimals - 1)
    return Number(cleaned, float(value), decimals, float(value - half), float(value + half))


def split_relation(text: str) -> tuple[str, str]:
    """Return the relation with which a text begins, in its plain form (empty if none), and the rest."""
    sign, rest = re.match(r"([<>=≤≥＜＞＝⩽⩾]*)\s*(.*)", text.strip(), re.DOTALL).groups()  # type: ignore[union-attr]
    return _SIGNS.get(sign, sign), rest


class Cell(NamedTuple):
    """A check of the text of a cell, what it expects, whether the cell may be empty, and the words that it allows.

    A check that fails with a ValueError refuses the text.
    """

    fits: Callable[[str], object]
    expected: str
    may_be_empty: bool = False
    words: tuple[str, ...] = ()

    def accepts(self, text: str) -> bool:
        """Return whether a cell may hold this text."""
        try:
            return bool(self.fits(text)) if text else self.may_be_empty
        except (ValueError, ZeroDivisionError):
            return False


def one_of(*words: str) -> Cell:
    """Allow some words only."""
    return Cell(lambda text: text in words, f"one of {', '.join(words)}", words=words)


def whole(low: int, high: float = math.inf) -> Cell:
    """Allow whole numbers of a range only."""
    expected = f"a whole number from {low}" + (f" to {high}" if high < math.inf else "")
    return Cell(lambda text: text.isascii() and text.isdecimal() and low <= int(text) <= high, expected)


NUMBER = Cell(parse_number, "a number with a decimal point")
P_VALUE = Cell(lambda text: 0 <= parse_number(text).value <= 1, "a number from 0 to 1 with a decimal point")
_SCHEMAS = read_yaml_beside(__file__, "published_tables")
_KINDS = {
    "count": whole(0),
    "some": whole(1),
    "size": whole(1, 2000),
    "number": NUMBER,
    "sd": Cell(lambda text: parse_number(text).value >= 0, "a number from zero"),
    "percent": Cell(lambda text: 0 <= parse_number(text).value <= 100, "a number from 0 to 100"),
    "p": P_VALUE,
    "bound": Cell(lambda text: P_VALUE.fits(split_relation(text)[1]), f"{P_VALUE.expected}, or a bound such as <0.05"),
    "step": Cell(lambda text: parse_number(text).value > 0, "a number above zero"),
    "correlation": Cell(lambda text: -1 <= parse_number(text).value <= 1, "a number from -1 to 1"),
    "contrast": Cell(lambda text: text.count(" - ") == 1, "'first group - second group'"),
    "share": Cell(lambda text: 0 < Fraction(text) < 1, "a fraction between 0 and 1, such as 1/3"),
    "name": Cell(bool, "a name"),
    "reason": Cell(bool, "a reason"),
    "statistic": one_of(*SUMMARIES),
    **{kind: one_of(*words.split()) for kind, words in _SCHEMAS["words"].items()},
}


def _schema(columns: str) -> dict[str, Cell | None]:
    """Return the cell of each column; ``n:count`` has the kind ``count``, ``n:count?`` may be empty, ``note`` is free."""
    cells: dict[str, Cell | None] = {}
    for column in columns.split():
        name, _, kind = column.partition(":")
        cell = _KINDS[kind.rstrip("?")] if kind else None
        if cell and kind.endswith("?"):
            cell = cell._replace(expected=f"{cell.expected}, or nothing", may_be_empty=True)
        cells[name] = cell
    return cells


_NOTHING = Cell(lambda text: False, "nothing, because the contrast or statistic has no such part", may_be_empty=True)
TABLES = {name: _schema(columns) for name, columns in _SCHEMAS["tables"].items()}
_STATEMENTS = _schema(_SCHEMAS["statements"])  # value of each kind of statement


def read_published_table(folder: Path | str | None, name: str) -> list[Row]:
    """Read one table of a folder of reported values as :func:`read_table` does; an absent table, or folder, has no rows."""
    path = Path(folder or "") / f"{name}.csv"
    return read_table(path, name) if folder and path.exists() else []


def read_folder(folder: Path | str) -> dict[str, list[Row]]:
    """Read all tables of a folder by their names; UserError if a CSV in it has the name of none of them."""
    files = {f"{name}.csv": name for name in TABLES if "/" not in name}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() == ".csv" and path.name not in files and path.name[0] not in ".~":
            raise UserError(f"{path}: no table of reported values has this name{did_you_mean(path.name, files)}")
    return {name: read_published_table(folder, name) for name in files.values()}


def check_names(folder: Path | str, trial: Trial) -> None:
    """Check the names in tables that no result is compared with, where a misspelt one would be left out in silence.

    An outcome or stratum may be one of the trial or of another table. UserError with file, row, column, name and the known ones.
    """
    tables = read_folder(folder)
    rows, groups = tables["counts"] + tables["summaries"], [*trial.every_arm, "all", "both arms", "total"]
    outcomes = dict.fromkeys([*trial.outcomes, *trial.markers, *(row["outcome"] for row in rows)])
    strata = dict.fromkeys([*trial.stratum_labels, *(row["stratum"] for row in rows)])
    known = {  # of the columns of a table, of steps of the flow, or of kinds of statements
        **{step: {"arm": trial.every_arm} for step in ("allocated", "withdrew", "left_treatment")},
        **{name: {"group": groups} for name in ("adverse_events", "affected")},
        "n": {"subject": outcomes, "visits": trial.visits, "group": groups},
        "share": {"subject": trial.markers, "group": strata},
    }
    for name, row in [(table, row) for table in ("flow", "adverse_events", "statements") for row in tables[table]]:
        for column, names in known.get(row.get("step") or row.get("kind") or name, {}).items():
            cell = row[column] or ("all" if column == "group" else "")
            words = cell.split() if column in ("subject", "visits") else [cell]
            if faults := describe_unknown(
                f"{folder}/{name}.csv, row {row['_row']}, column {column}", words or [""], names
            ):
                raise UserError(faults[0])


def read_published_frame(folder: Path | str | None, name: str, numeric: tuple[str, ...] = ()):
    """Read one table as a ``pandas.DataFrame``: text, the ``numeric`` columns as float; without the table, no rows."""
    import pandas as pd

    frame = pd.DataFrame(read_published_table(folder, name), columns=list(TABLES[name]))
    return frame.astype(dict.fromkeys(numeric, float))


def read_table(path: Path | str, name: str, required: tuple[str, ...] = ()) -> list[Row]:
    """Read a CSV as text, check its header and cells, and bring signs into one form; ``_row`` is the number of a row.

    The columns are those of the table ``name``. If only some are ``required``, the others are empty where they are absent;
    if not, further columns may follow. UserError if the file is empty, is not UTF-8, is separated by other signs than
    commas, or lacks, repeats or misspells a column; and with row, column, value and expectation of every faulty cell.
    """
    columns = tuple(TABLES.get(name, ()))
    rows = _rows(path, required or columns, columns if required else ())
    faults = [
        f"row {row['_row']}, column {column}: {row[column]!r}, expected {cell.expected}{did_you_mean(row[column], cell.words)}"
        for row in rows
        for column, cell in _cells_of(name, row).items()
        if cell and not cell.accepts(row[column])
    ]
    if len(faults) == 1:
        raise UserError(f"{path}, {faults[0]}")
    if faults:
        more = [f"and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
        raise UserError("\n  ".join([f"{path}: {len(faults)} faults", *faults[:_MOST_FAULTS], *more]))
    return rows


def _rows(path: Path | str, required: tuple[str, ...], known: tuple[str, ...]) -> list[Row]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start}); save it as CSV UTF-8") from None
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV: {error}") from None
    if not rows:
        raise UserError(f"{path}: empty; expected a header with the columns {', '.join(required)}")
    header = [name.strip() for name in rows[0]]
    for separator, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and separator in header[0]:
            raise UserError(f"{path}: columns are separated by {name}; expected commas, and points in numbers")
    for name in header:
        if header.count(name) > 1:
            raise UserError(f"{path}: column {name!r} occurs {header.count(name)} times")
        if known and name not in known:
            raise UserError(f"{path}: unknown column {name!r}{did_you_mean(name, known)}; known are {', '.join(known)}")
    if missing := [name for name in required if name not in header]:
        raise UserError(
            f"{path}: the header lacks {', '.join(missing)}{did_you_mean(missing[0], {*header} - {*required})}"
        )
    table = []
    for line, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise UserError(f"{path}, row {line}: {len(cells)} cells, expected {len(header)} as in the header")
        row = dict.fromkeys(known, "") | {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        table.append(_with_plain_signs(row) | {"_row": str(line)})
    return table


def _with_plain_signs(row: Row) -> Row:
    """Write minus signs and relations in one form; a relation before P moves into its own column."""
    row = {name: text.translate(_MINUS) if NUMBER.accepts(text) else text for name, text in row.items()}
    if "p_relation" in row:
        sign, rest = split_relation(row["p"])
        row["p_relation"] = _SIGNS.get(row["p_relation"], row["p_relation"]) or sign
        if sign == row["p_relation"]:
            row["p"] = rest
    return row


def _cells_of(name: str, row: Row) -> dict[str, Cell | None]:
    """Return the cells of a table, with those that depend on another cell of the row."""
    cells, statistic = dict(TABLES.get(name, {})), row.get("statistic")
    if name == "statements":
        return {"kind": one_of(*_STATEMENTS), "value": _STATEMENTS.get(row["kind"])}
    if statistic in SUMMARIES:
        cells |= {column: _NOTHING for column in ("center", "lower", "upper") if column not in SUMMARIES[statistic]}
    most = row.get("n") or row.get("at_risk") or ""
    counted = whole(0, int(most) if most.isdecimal() else math.inf)
    if name == "tests":
        sides = row["contrast"].split(" - ")
        cells |= {key: _KINDS["some"] if key[2:] in sides else _NOTHING for key in row if key[:2] == "n_" and row[key]}
    elif name == "adverse_events" and row["affected"]:
        cells["affected"] = counted
    elif name == "correlations" and row["p"]:
        cells["p_relation"] = _KINDS["relation"]
    elif statistic == "count_percent":
        cells |= _schema("n:some lower:percent?") | {"center": counted}
    elif statistic == "mean_sd":
        cells |= _schema("spread:sd lower:sd?")
    return {column: cell for column, cell in cells.items() if column in row}
