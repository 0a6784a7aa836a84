"""Columns, names and reader of the table of results; without the libraries that fill it."""

from __future__ import annotations

from pathlib import Path

from .files import read_csv

COLUMNS = (
    "outcome",
    "measure",
    "visit",
    "marker",
    "stratum",
    "contrast",
    "group",
    "statistic",
    "value",
    "n_first",
    "n_second",
    "method",
    "reason",
)
NUMERIC = ("value", "n_first", "n_second")
KEYS = COLUMNS[:8]

EVERYBODY = "all"
BOTH_ARMS = "both arms"


def read_results(path: Path | str):
    """Read results.csv or alternatives.csv as it was written (``pandas.DataFrame``): numbers as float, text otherwise."""
    return read_csv(path, numeric=NUMERIC)
