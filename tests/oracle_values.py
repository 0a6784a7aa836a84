"""Read reference values that R computed."""

from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parent / "oracle"


def read_rows(name: str) -> list[dict[str, str]]:
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False).to_dict("records")


def read_values(name: str) -> dict[str, float]:
    return {row["quantity"]: float(row["value"]) for row in read_rows(name)}


def read_columns(name: str) -> dict[str, np.ndarray]:
    return {key: column.to_numpy() for key, column in pd.read_csv(FOLDER / f"{name}.csv").items()}


def parse_numbers(text: str) -> np.ndarray:
    return np.array([float(number) for number in text.split()])


def parse_samples(row: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    return parse_numbers(row["x"]), parse_numbers(row["y"])


def select_numbers(row: dict[str, str], *columns: str) -> list[float]:
    return [float(row[column]) for column in columns]
