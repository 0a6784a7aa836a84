"""Read tables of reported values: CSV files as people write them, checked before anything is computed.

One schema serves the claims, the checks of internal consistency, the sensitivity analyses and the generator of cohorts.
"""

import csv
import math
import operator
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from .errors import UserError, describe_unknown, did_you_mean
from .files import read_yaml_beside
from .trial import Trial

Row = dict[str, str]

_SCHEMAS = read_yaml_beside(__file__, "published_tables")
# The statistic that each column of a reported summary holds.
SUMMARIES: dict[str, dict[str, str]] = _SCHEMAS["summaries"]
# Other ways to write a relation: mathematical signs, full-width signs, and two characters for one sign.
_RELATIONS = {"≤": "<=", "≥": ">=", "＜": "<", "＞": ">", "＝": "=", "=<": "<=", "=>": ">=", "⩽": "<=", "⩾": ">="}
BOUNDS = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}
_MINUS = str.maketrans(dict.fromkeys("−–‒‐‑﹣－", "-"))  # minus signs, dashes of word processors, full-width signs
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_MOST_FAULTS = 20  # shown in one message
_TOLERANCE = 1e-9  # relative rounding error of sums and ratios


class ReportedNumber(NamedTuple):
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
        """Return whether a value, or more than one value of an interval, rounds to this number, within rounding error."""
        overlap, width = min(self.high, high) - max(self.low, low), min(self.unit, high - low)
        tolerance = _TOLERANCE * (width or max(1.0, *map(abs, (self.low, self.high, low))))
        return overlap > tolerance if width else overlap >= -tolerance


def parse_number(text: str) -> ReportedNumber:
    """Parse a reported number; ValueError if the text is not a finite decimal number.

    A comma is accepted as a separator of thousands only: ``0,05`` is refused, not read as 5.
    """
    cleaned = text.strip().translate(_MINUS)
    if _THOUSANDS.fullmatch(cleaned):
        cleaned = cleaned.replace(",", "")
    try:
        value = Decimal(cleaned if cleaned.isascii() and "_" not in cleaned else "")
        if not math.isfinite(float(value)):
            raise ValueError(f"{text!r} is not a finite number")
        decimals = max(0, -int(value.as_tuple().exponent))
        half = Decimal(5).scaleb(-decimals - 1)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number") from None
    return ReportedNumber(cleaned, float(value), decimals, float(value - half), float(value + half))


def split_relation(text: str) -> tuple[str, str]:
    """Split a text into the relation with which it begins, in ASCII (empty if none), and the number."""
    relation, number = re.match(r"([<>]=|=[<>]|[<>=≤≥＜＞＝⩽⩾]|)\s*(.*)", text.strip(), re.DOTALL).groups()  # type: ignore[union-attr]
    return _RELATIONS.get(relation, relation), number


class Format(NamedTuple):
    """The format of the cells of a column."""

    check: Callable[[str], object]  # refuses a text if its result is false or it raises a ValueError
    expected: str
    may_be_empty: bool = False
    words: tuple[str, ...] = ()  # the words that are allowed, if only some are

    def accepts(self, text: str) -> bool:
        """Return whether a cell may hold this text."""
        try:
            return bool(self.check(text)) if text else self.may_be_empty
        except (ValueError, ZeroDivisionError):
            return False


def _one_of(*words: str) -> Format:
    """Allow only some words."""
    return Format(lambda text: text in words, f"one of {', '.join(words)}", words=words)


def _number(low: float = -math.inf, high: float = math.inf, *, whole: bool = False) -> Format:
    """Allow only the numbers of a range that includes its ends; whole numbers are written in digits alone."""
    limits = f" from {low:g}" * (low > -math.inf) + f" to {high:g}" * (high < math.inf)

    def is_allowed(text: str) -> bool:
        return low <= parse_number(text).value <= high and (not whole or (text.isascii() and text.isdecimal()))

    return Format(is_allowed, f"a whole number{limits}" if whole else f"a number{limits} with a decimal point")


_FORMATS = {
    **{kind: _number(**limits) for kind, limits in _SCHEMAS["numbers"].items()},
    **{kind: _one_of(*words.split()) for kind, words in _SCHEMAS["words"].items()},
    "statistic": _one_of(*SUMMARIES),
    "step": Format(lambda text: parse_number(text).value > 0, "a number above zero"),
    "effect": Format(lambda text: parse_number(text).value != 0, "a number other than zero"),
    "proportion": Format(lambda text: 0 < parse_number(text).value < 1, "a proportion between 0 and 1"),
    "withdrawal": Format(lambda text: 0 <= parse_number(text).value < 1, "a proportion from 0 to below 1"),
    "share": Format(lambda text: 0 < Fraction(text) < 1, "a fraction between 0 and 1, such as 1/3"),
    "contrast": Format(lambda text: text.count(" - ") == 1, "'first group - second group'"),
    "name": Format(bool, "a name"),
    "reason": Format(bool, "a reason"),
    "empty": Format(lambda text: not text, "nothing, because the contrast or statistic has no such part", True),
}
_P_VALUE = _FORMATS["p"]
_BOUND = f"{_P_VALUE.expected}, or a bound such as <0.05"
_FORMATS["bound"] = Format(lambda text: _P_VALUE.check(split_relation(text)[1]), _BOUND)
_FORMATS |= {f"{k}?": f._replace(expected=f"{f.expected}, or nothing", may_be_empty=True) for k, f in _FORMATS.items()}


def _parse_schema(columns: str) -> dict[str, Format | None]:
    """Return the format of each column; ``n:count`` is a ``count``, ``n:count?`` may be empty, ``note`` is any text."""
    names_and_kinds = (column.partition(":") for column in columns.split())
    return {name: _FORMATS[kind] if kind else None for name, _, kind in names_and_kinds}


TABLES = {name: _parse_schema(columns) for name, columns in _SCHEMAS["tables"].items()}
# The formats that depend on another cell of the row, by the column of that cell and its text.
_CASES = {
    column: {text: _parse_schema(columns) for text, columns in cases.items()}
    for column, cases in _SCHEMAS["cases"].items()
}


def read_published_table(folder: Path | str | None, name: str) -> list[Row]:
    """Read one table of a folder of reported values by :func:`read_table`; no rows if the table or folder is absent."""
    path = Path(folder or "") / f"{name}.csv"
    return read_table(path, name) if folder and path.exists() else []


def read_folder(folder: Path | str) -> dict[str, list[Row]]:
    """Read all tables of a folder, by name; UserError if a CSV in the folder does not have the name of a table."""
    files = {f"{name}.csv": name for name in TABLES if "/" not in name}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() == ".csv" and path.name not in files and path.name[0] not in ".~":
            raise UserError(f"{path}: no table of reported values has this name{did_you_mean(path.name, files)}")
    return {name: read_published_table(folder, name) for name in files.values()}


def check_names(folder: Path | str, trial: Trial) -> None:
    """Check the names in tables that are not compared with results, where a misspelt name would silently be ignored.

    An outcome or stratum may be one of the trial or of another table. UserError with file, row, column and the known names.
    """
    tables = read_folder(folder)
    rows = tables["counts"] + tables["summaries"]
    outcomes = dict.fromkeys([*trial.outcomes, *trial.markers, *(row["outcome"] for row in rows)])
    strata = dict.fromkeys([*trial.stratum_labels, *(row["stratum"] for row in rows)])
    groups = [*trial.every_arm, "all", "both arms", "total"]
    known_names = {"arm": trial.every_arm, "group": groups, "visit": trial.visits, "visits": trial.visits}
    known_names |= {"outcome": outcomes, "subject": outcomes}
    for table, row in [(name, row) for name in _SCHEMAS["named"] for row in tables[name]]:
        # The subject and visits of other statements, and the arm of a step before allocation, may be anything.
        kind = row.get("kind")
        known = known_names | ({"subject": trial.markers, "group": strata} if kind == "share" else {})
        is_free = {"subject": kind not in ("n", "share"), "visits": kind != "n", "arm": row.get("step") == "screened"}
        is_free["group"] = not row.get("group")  # which is all
        for column in (name for name in known if name in row and not is_free.get(name)):
            place = f"{folder}/{table}.csv, row {row['_row']}, column {column}"
            names = row[column].split() if column in ("subject", "visits") else [row[column]]
            if faults := describe_unknown(place, names or [""], known[column]):
                raise UserError(faults[0])


def read_published_frame(folder: Path | str | None, name: str, numeric: tuple[str, ...] = ()):
    """Read one table as a ``pandas.DataFrame`` of text, the ``numeric`` columns as float; no rows if it is absent."""
    import pandas as pd

    frame = pd.DataFrame(read_published_table(folder, name), columns=list(TABLES[name]))
    return frame.astype(dict.fromkeys(numeric, float))


def read_table(path: Path | str, name: str, required: tuple[str, ...] = ()) -> list[Row]:
    """Read a CSV as text, check its header and cells, and normalize signs; ``_row`` is the number of a row in the file.

    The columns are those of the table ``name``. With ``required`` columns, absent other columns are read as empty, and
    unknown columns are refused; without, all columns are required and further columns may follow. UserError if the file is
    empty, is not UTF-8, is not separated by commas, or lacks, repeats or misspells a column; and with row, column, value
    and expectation of every faulty cell.
    """
    columns = tuple(TABLES.get(name, ()))
    rows = _read_rows(path, required or columns, columns if required else ())
    faults = [
        f"row {row['_row']}, column {column}: {row[column]!r}, "
        f"expected {cell_format.expected}{did_you_mean(row[column], cell_format.words)}"
        for row in rows
        for column, cell_format in _select_formats(name, row).items()
        if cell_format and not cell_format.accepts(row[column])
    ]
    seen: dict[str, str] = {}
    for row in (row for row in rows if name == "flow" and row["step"] in ("screened", "allocated")):
        step = " ".join(filter(None, (row["step"], row["arm"], f"of {row['source']}")))
        if (first := seen.setdefault(step, row["_row"])) != row["_row"]:
            faults.append(f"row {row['_row']}: {step!r}, expected once (it is in row {first})")
    if len(faults) == 1:
        raise UserError(f"{path}, {faults[0]}")
    if faults:
        more = [f"and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
        raise UserError("\n  ".join([f"{path}: {len(faults)} faults", *faults[:_MOST_FAULTS], *more]))
    return rows


def _read_rows(path: Path | str, required: tuple[str, ...], known: tuple[str, ...]) -> list[Row]:
    """Read the rows below the header, without empty rows; if columns are ``known``, other columns are refused."""
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
        hint = did_you_mean(missing[0], {*header} - {*required})
        raise UserError(f"{path}: the header lacks {', '.join(missing)}{hint}")
    table = []
    for line, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise UserError(f"{path}, row {line}: {len(cells)} cells, expected {len(header)} as in the header")
        row = dict.fromkeys(known, "") | {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        table.append(_normalize_signs(row) | {"_row": str(line)})
    return table


def _normalize_signs(row: Row) -> Row:
    """Write minus signs and relations in ASCII, and move a relation before P into the column ``p_relation``."""
    row = {name: text.translate(_MINUS) if _FORMATS["number"].accepts(text) else text for name, text in row.items()}
    if "p_relation" in row:
        relation, number = split_relation(row["p"])
        row["p_relation"] = _RELATIONS.get(row["p_relation"], row["p_relation"]) or relation
        if relation == row["p_relation"]:
            row["p"] = number
    return row


def _select_formats(name: str, row: Row) -> dict[str, Format | None]:
    """Return the formats of the columns of a table, some of which depend on other cells of the row."""
    formats = dict(TABLES.get(name, {}))
    for column, cases in _CASES.items():
        formats |= cases.get(row.get(column, ""), {})
    n = row.get("n") or row.get("at_risk", "")
    of_counts = "value" if name == "registry_baseline" else "center"
    counted = {"adverse_events": "affected", "count_percent": of_counts}.get(row.get("statistic", name), "")
    if row.get(counted) and n.isdecimal():
        formats[counted] = _number(0, float(n), whole=True)
    if name == "tests":
        sizes = [f"n_{side}" for side in row["contrast"].split(" - ")]
        formats |= {c: _FORMATS["some?" if c in sizes else "empty"] for c in row if c.startswith("n_")}
    elif name == "correlations" and row["p"]:
        formats["p_relation"] = _FORMATS["relation"]
    return {column: cell_format for column, cell_format in formats.items() if column in row}
