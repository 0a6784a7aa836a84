"""Whether the printed rows are what a reconstruction can read; each fault names file, row and column."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ..config.yaml_files import faulty
from ..errors import UserError, nearest
from ..published import read_rows
from .plan import Plan

Row = dict[str, str]
_SUMMARY = ("outcome", "visit", "marker", "stratum", "group", "n", "statistic", "center", "lower", "upper", "decimals")
_TEST = ("outcome", "visit", "marker", "stratum", "contrast", "test", "n_d_q", "n_control", "p_relation", "p", "effect")
COLUMNS = {
    "summaries": _SUMMARY,
    "ranges": _SUMMARY,
    "registry_baseline": ("outcome", "visit", "group", "n", "statistic", "value", "spread"),
    "tests": (*_TEST, "direction"),
}
# The columns of a summary that hold numbers, smallest first.
NUMBERS = {
    "median_iqr": ("lower", "center", "upper"),
    "median_range": ("lower", "center", "upper"),
    "range": ("lower", "upper"),
    "mean_sd": ("value",),
    "count_percent": ("center",),
}
_EVERYBODY = ("all", "both arms", "")


def read_checked(folder: Path | str, name: str, plan: Plan) -> list[Row]:
    """Read one file of printed rows.

    Raises
    ------
    UserError
        With all faults of the file.
    """
    path = Path(folder) / f"{name}.csv"
    if not path.exists():
        raise UserError(f"{path}: no such file")
    rows = read_rows(folder, name)
    missing = [column for column in COLUMNS[name] if rows and column not in rows[0]]
    if missing:
        raise UserError(f"{path}: no column {', '.join(missing)}")
    check = _test_faults if name == "tests" else _summary_faults
    kept = [(number, row) for number, row in enumerate(rows, start=2) if row["outcome"] not in plan.not_recomputable]
    faults = [f"row {number}, {fault}" for number, row in kept for fault in check(row, plan)]
    if faults:
        raise faulty(path, faults)
    return [row for _, row in kept]


def _known(column: str, value: str, known) -> Iterator[str]:
    if value not in known:
        yield f"{column}: {value!r} is not known{nearest(value, known)}"


def _number(column: str, text: str, low: float | None = None, high: float | None = None) -> Iterator[str]:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        yield f"{column}: {text!r}, expected a number"
    elif (low is not None and value < low) or (high is not None and value > high):
        yield f"{column}: {text!r}, expected {low:g} to {high:g}"


def _place_faults(row: Row, plan: Plan) -> Iterator[str]:
    yield from _known("outcome", row["outcome"], plan.outcomes)
    if row["outcome"] in plan.outcomes:
        yield from _known("visit", row["visit"], ("baseline", *plan.visits(row["outcome"])))
    yield from _known("marker", row.get("marker", ""), ("", *plan.markers))


def _summary_faults(row: Row, plan: Plan) -> Iterator[str]:
    yield from _place_faults(row, plan)
    yield from _known("group", row["group"], (*_EVERYBODY, *plan.arms, *plan.other_groups))
    yield from _known("stratum", row.get("stratum", ""), (*_EVERYBODY, "T3", "T1/T2"))
    yield from _known("statistic", row["statistic"], NUMBERS)
    columns = NUMBERS.get(row["statistic"], ())
    faults = [fault for column in columns for fault in _number(column, row[column])]
    yield from faults
    if not faults and [Decimal(row[c]) for c in columns] != sorted(Decimal(row[c]) for c in columns):
        shown = ", ".join(f"{column} = {row[column]}" for column in columns)
        yield f"{shown}: expected {' <= '.join(columns)}"
    if row["n"]:
        yield from _number("n", row["n"], 1, 1e6)


def _test_faults(row: Row, plan: Plan) -> Iterator[str]:
    yield from _place_faults(row, plan)
    yield from _known("stratum", row["stratum"], (*_EVERYBODY, "T3", "T1/T2", "T3 vs T1/T2"))
    yield from _known("test", row["test"], ("rank_sum", "chi_squared"))
    between_strata = " vs " in row["stratum"]
    sides = row["contrast"].split(" - ")
    if len(sides) != 2 or any(side not in (("T3", "T1/T2") if between_strata else plan.arms) for side in sides):
        yield f"contrast: {row['contrast']!r}, expected two groups as in 'd_q - control'"
    yield from _known("p_relation", row["p_relation"], ("=", "<", ">"))
    yield from _number("p", row["p"], 0, 1)
    if row["effect"]:
        yield from _number("effect", row["effect"])
    yield from _known("direction", row["direction"], ("", "negative", "positive"))
