"""Read reference values that R computed."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent / "oracle"


def read_rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def read_values(name: str) -> dict[str, float]:
    return {row["quantity"]: float(row["value"]) for row in read_rows(name)}


def read_columns(name: str) -> dict[str, np.ndarray]:
    return {key: column.to_numpy() for key, column in pd.read_csv(FOLDER / f"{name}.csv").items()}


def parse_numbers(text: str) -> np.ndarray:
    return np.array([float(word) for word in text.split()])
