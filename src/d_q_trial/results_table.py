"""Columns, names and reader of the table of results; without the libraries that fill it."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from .files import read_csv

KEYS = ("outcome", "measure", "visit", "marker", "stratum", "contrast", "group", "statistic")
NUMERIC = ("value", "n_first", "n_second")
COLUMNS = (*KEYS, *NUMERIC, "method", "reason")

Row = Mapping[str, str]

ALL_PARTICIPANTS = "all"
BOTH_ARMS = "both arms"
ABSENT = "not in this analysis"


def read_results(path: Path | str):
    """Read results.csv or alternatives.csv as it was written (``pandas.DataFrame``): numbers as float, text otherwise."""
    return read_csv(path, numeric=NUMERIC, required=COLUMNS)


def subgroup_keys(stratum: str, marker: str) -> dict[str, str]:
    """Return the keys of a group of participants in the results: all of them, or a stratum of a marker."""
    return {"marker": "" if stratum == ALL_PARTICIPANTS else marker, "stratum": stratum}


class Number(NamedTuple):
    """A finished number with the sizes of its groups; NaN where ``reason`` says why."""

    value: float = math.nan
    n_first: float = math.nan
    n_second: float = math.nan
    method: str = ""
    reason: str = ""


class Numbers:
    """The table of results, looked up one number at a time."""

    def __init__(self, rows: Iterable[Row]):
        self._rows: dict[tuple[str, ...], Number] = {}
        for row in rows:
            numbers = (float(row[name] or "nan") for name in NUMERIC)
            self._rows[tuple(row[key] for key in KEYS)] = Number(*numbers, row["method"], row["reason"])

    def get(
        self,
        outcome: str,
        measure: str,
        visit: str,
        statistic: str,
        *,
        marker: str = "",
        stratum: str = ALL_PARTICIPANTS,
        contrast: str = "",
        group: str = "",
    ) -> Number:
        """Return a number; one without a value if the analysis does not have it."""
        key = (outcome, measure, visit, marker, stratum, contrast, group, statistic)
        return self._rows.get(key, Number(reason=ABSENT))

    def has(self, **keys: str) -> bool:
        """Return whether any number with these keys has a value."""
        wanted = [(KEYS.index(name), text) for name, text in keys.items()]
        defined = (key for key, number in self._rows.items() if not math.isnan(number.value))
        return any(all(key[index] == text for index, text in wanted) for key in defined)
