"""Reference values: read from the files that R wrote, or computed by definition."""

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


def step_down_by_definition(test, values: np.ndarray, splits, family=0, minimum: int = 1) -> np.ndarray:
    """Return step-down max-T P of the columns of values within families; the first split is the observed one.

    A column counts only in the splits with at least ``minimum`` values in both arms.
    """
    results = [test.compare_columns(values, split) for split in splits]
    enough = [np.minimum(result.n_first, result.n_second) >= minimum for result in results]
    z, *permuted = (np.where(used, np.abs(r.statistic), np.nan) for r, used in zip(results, enough, strict=True))
    family, permuted, shares = np.broadcast_to(family, z.shape), np.nan_to_num(permuted), np.full(z.size, np.nan)
    for k in np.flatnonzero(~np.isnan(z)):
        less_extreme = (family == family[k]) & ~(z > z[k] + 1e-9)
        shares[k] = (permuted[:, less_extreme].max(axis=1) >= z[k] - 1e-9).mean()
    as_extreme = (family == family[:, None]) & (z >= z[:, None] - 1e-9)
    return np.array([max(shares[others], default=np.nan) for others in as_extreme])
