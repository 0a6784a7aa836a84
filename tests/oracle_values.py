"""Reads the values that R made."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent / "oracle"


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def values(name: str) -> dict[str, float]:
    return {row["quantity"]: float(row["value"]) for row in rows(name)}


def columns(name: str) -> dict[str, np.ndarray]:
    return {key: column.to_numpy() for key, column in pd.read_csv(FOLDER / f"{name}.csv").items()}


def numbers(text: str) -> np.ndarray:
    return np.array([float(word) for word in text.split()])
