"""Values of sensitivity.csv, written by sensitivity.R, and the data they belong to."""

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


@lru_cache
def _values():
    with open(HERE / "sensitivity.csv", encoding="utf-8") as stream:
        return {row["quantity"]: float(row["value"]) for row in csv.DictReader(stream)}


def value(quantity):
    return _values()[quantity]


@lru_cache
def data():
    with open(HERE / "sensitivity_data.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    text = {"participant"}
    return {
        name: np.array([row[name] if name in text else float(row[name] or "nan") for row in rows]) for name in rows[0]
    }
