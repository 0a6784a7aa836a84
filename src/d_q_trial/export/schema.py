"""Columns of the tables that others build on: what each holds, and what a table must satisfy to be written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..claims import VERDICTS
from ..errors import UserError
from ..results_table import KEYS

TEXT, NUMBER, COUNT = "text", "number", "count"

SUMMARIES = ("n", "median", "q1", "q3", "minimum", "maximum", "mean", "sd", "count", "percent")
CONTRASTS = (
    "median_difference",
    "hodges_lehmann",
    "hodges_lehmann_lower",
    "hodges_lehmann_upper",
    "mann_whitney_effect",
    "u",
    "z",
    "p",
    "chi_squared",
)
STATISTICS = (*SUMMARIES, *CONTRASTS, "spearman_r")
MEASURES = ("baseline", "percent_change", "log_ratio", "difference", "correlation")
MOST_FAULTS = 10


@dataclass(frozen=True)
class Column:
    """One column: text is never missing (it may be empty), numbers and counts may be."""

    name: str
    kind: str
    meaning: str
    allowed: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True)
class Schema:
    """A table: its columns in order, the columns that together name a row, and what else holds in every row."""

    name: str
    title: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    row_rule: Callable[[Mapping[str, str]], str] = lambda row: ""

    def check(self, header: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
        """Raise if a table, as text, departs from the schema.

        Raises
        ------
        UserError
            With the first ten faults, each with its row and column.
        """
        names = [column.name for column in self.columns]
        if list(header) != names:
            raise UserError(f"{self.name}: expected the columns {', '.join(names)}; found {', '.join(header)}")
        faults: list[str] = []
        seen: dict[tuple[str, ...], int] = {}
        for number, row in enumerate(rows, start=2):
            cells = {column.name: fault for column in self.columns if (fault := _cell(column, row))}
            faults += [f"row {number}, {name}: {fault}" for name, fault in cells.items()]
            key = tuple(row[name] for name in self.key)
            if key in seen:
                faults.append(f"row {number}: the same key as row {seen[key]}: {', '.join(filter(None, key))}")
            seen.setdefault(key, number)
            if not cells and (rule := self.row_rule(row)):
                faults.append(f"row {number}: {rule}")
        if faults:
            more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
            raise UserError("\n  ".join([f"{self.name}: {len(faults)} fault(s)", *faults[:MOST_FAULTS], *more]))

    def markdown(self) -> str:
        """Return the schema as a section of docs/schema.md."""
        lines = [f"## {self.title}", "", "| column | kind | meaning |", "|---|---|---|"]
        for column in self.columns:
            more = []
            if column.allowed:
                more.append(
                    "One of " + ", ".join(f"`{value}`" if value else "(empty)" for value in column.allowed) + "."
                )
            if math.isfinite(column.low) or math.isfinite(column.high):
                low = f"{column.low:g}" if math.isfinite(column.low) else "…"
                high = f"{column.high:g}" if math.isfinite(column.high) else "…"
                more.append(f"From {low} to {high}.")
            lines.append(f"| `{column.name}` | {column.kind} | {' '.join([column.meaning, *more])} |")
        key = ", ".join(f"`{name}`" for name in self.key)
        return "\n".join([*lines, "", f"No two rows share {key}.", ""])


def _cell(column: Column, row: Mapping[str, str]) -> str:
    text = row[column.name]
    if text is None:
        return "the cell is missing"
    if column.kind == TEXT:
        return f"{text!r} is not allowed" if column.allowed and text not in column.allowed else ""
    if not text:
        return ""
    try:
        value = float(text)
    except ValueError:
        return f"{text!r} is not a number"
    if not math.isfinite(value):
        return f"{text!r} is not finite"
    if column.kind == COUNT and not value.is_integer():
        return f"{text!r} is not a whole number"
    return f"{text!r} is outside its range" if not column.low <= value <= column.high else ""


_BOUNDS = {
    **dict.fromkeys(("p", "mann_whitney_effect"), (0.0, 1.0)),
    **dict.fromkeys(("n", "u", "sd", "count", "chi_squared"), (0.0, math.inf)),
    "percent": (0.0, 100.0),
    "spearman_r": (-1.0, 1.0),
}


def _result_rule(row: Mapping[str, str]) -> str:
    """A value is missing only with a reason; probabilities, effects and sizes stay within their bounds."""
    alone = row["statistic"] == "sd" and row["n_first"] == "1"  # one value has no spread
    if not row["value"]:
        return "" if row["reason"] or alone else f"{row['statistic']} has neither a value nor a reason"
    value = float(row["value"])
    low, high = _BOUNDS.get(row["statistic"], (-math.inf, math.inf))
    if not low <= value <= high:
        return f"{row['statistic']} = {value:g} is outside {low:g} to {high:g}"
    if bool(row["contrast"]) == bool(row["group"]) and row["measure"] != "correlation":
        return "a row has either a contrast or a group"
    return ""


_KEY_COLUMNS = (
    Column("outcome", TEXT, "Key of the outcome, or of the marker in a correlation."),
    Column("measure", TEXT, "What was analysed.", MEASURES),
    Column("visit", TEXT, "Key of the visit."),
    Column("marker", TEXT, "Key of the marker that makes the strata; empty among everybody."),
    Column("stratum", TEXT, "`all`, a label of the analysis, or empty where strata are compared."),
    Column(
        "contrast", TEXT, "What is compared, first - second; empty for a summary. In a correlation, the other variable."
    ),
    Column(
        "group", TEXT, "Whom a summary describes: key of an arm, `both arms`, a group of people; empty in a contrast."
    ),
    Column("statistic", TEXT, "Which number this is.", STATISTICS),
)

RESULTS = Schema(
    name="results",
    title="results: a row for each number of an analysis",
    columns=(
        *_KEY_COLUMNS,
        Column("value", NUMBER, "The number in full precision; missing where `reason` says why."),
        Column("n_first", COUNT, "Participants in the group, or in the first group of a contrast.", low=0),
        Column("n_second", COUNT, "Participants in the second group of a contrast.", low=0),
        Column("method", TEXT, "Convention by which the number was made, such as the variant of the test."),
        Column("reason", TEXT, "Why there is no value; empty where there is one."),
    ),
    key=KEYS,
    row_rule=_result_rule,
)

CLAIMS = Schema(
    name="claims",
    title="claims: a row for each printed number",
    columns=(
        Column("claim", TEXT, "Name of the claim: source, place, and what it is about."),
        Column("source", TEXT, "Where it is printed."),
        Column("locator", TEXT, "Place within the source."),
        Column("quantity", TEXT, "What is printed."),
        Column("printed", TEXT, "As printed; a bound begins with `<` or `>`."),
        Column("reproduced", TEXT, "The recomputed value with the printed decimals; empty if there is none."),
        Column("verdict", TEXT, "How the two compare.", VERDICTS),
        Column("note", TEXT, "Another convention that gives the printed value, or why the claim cannot be checked."),
        Column("known_difference", TEXT, "Reason of a difference that is expected."),
        Column("value", NUMBER, "The recomputed value in full precision."),
        *(
            Column(column.name, TEXT, f"Key of the result: {column.meaning[0].lower()}{column.meaning[1:]}")
            for column in _KEY_COLUMNS
        ),
    ),
    key=("claim",),
)

SCHEMAS = {schema.name: schema for schema in (RESULTS, CLAIMS)}


_INTRODUCTION = """# Schema of the tables

Each analysis has these tables as CSV (`results/<analysis>/`) and as Parquet (`results/<analysis>/export/`). They are
checked against this schema when they are written as Parquet; a table that departs from it is not written, and the
message names row and column.

In CSV a missing number is an empty cell, and numbers are in their shortest form that reads back exactly. In Parquet
text is `string`, a number `double`, a count `int32`; the meaning of each column stands in its metadata
(`description`). The label of data that are not real participants stands in a last column `data` of the CSV, and in
the metadata of the Parquet table (`data_label`); with real participants there is neither.
"""


def documentation() -> str:
    """Return docs/schema.md."""
    return "\n".join([_INTRODUCTION, *(schema.markdown() for schema in SCHEMAS.values())])
