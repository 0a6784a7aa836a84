"""Reads the values that R made."""

import csv
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "oracle"


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def numbers(text: str) -> np.ndarray:
    return np.array([float(word) for word in text.split()])
