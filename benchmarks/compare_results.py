"""Compare two folders of results, table by table and value by value.

``python benchmarks/compare_results.py OLD NEW`` matches the rows of every CSV file by their text columns and compares
the numbers to a relative tolerance of 1e-9. Renamed files, columns and words are listed in ``RENAMED_*``; columns of
prose are not compared. The exit status is 1 if a value, a row, a column or a table differs.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd

RENAMED_FILES: dict[str, str] = {
    "doubtful_values": "suspect_values",
    "own_cuts": "prespecified_cuts",
}
RENAMED_COLUMNS = {
    "printed": "reported",
    "hangs_on_variant": "depends_on_variant",
    "reproduced": "recomputed",
    "claims_that_stay": "claims_kept",
    "claims_that_flip": "claims_changed",
    "printed_numbers_matched": "values_reproduced",
    "printed_numbers_failed": "values_not_reproduced",
    "Difference of medians": "Median difference",
    "Shift (95% interval)": "Hodges-Lehmann estimate (95% CI)",
}
RENAMED_WORDS = {  # column (new name): {old word: new word}
    "verdict": {
        "bound holds": "within the reported bound",
        "bound violated": "outside the reported bound",
        "other convention": "reproduced under another convention",
    },
    "method": {
        "strata dealt within arms, 1999 permutations": "strata permuted within arms, 1999 permutations",
        "as printed": "as reported",
    },
    "group": {"as among all": "as overall"},
    "value": {"not printed": "not reported"},
    "family": {f"{name}everybody": f"{name}all participants" for name in ("", "CTx, ", "P1NP, ")},
}
NOT_COMPARED = ("everybody/", "settings/", "logs/", "compare/settings/")

PROSE = {"reason", "note", "known_difference", "what", "how", "where"}
PROSE |= {"harmless_explanation", "expected", "data", "finding", "differs_in"}


def read(path: Path) -> pd.DataFrame:
    """Read every column as text; what is empty stays empty."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def as_numbers(column: pd.Series) -> pd.Series | None:
    """Return the column as floats, NaN where it is empty, or None if it holds text."""
    filled = column.mask(column.eq(""))
    numbers = pd.to_numeric(filled, errors="coerce")
    return numbers if numbers.notna().eq(filled.notna()).all() else None


def compare_tables(old: pd.DataFrame, new: pd.DataFrame, *, rtol: float = 1e-9, atol: float = 1e-12) -> list[str]:
    """Return one line per kind of difference between two tables.

    Rows are matched by all text columns that both have; within equal keys, by their order after sorting the numbers.
    """
    old = old.rename(columns={before: now for before, now in RENAMED_COLUMNS.items() if before not in new})
    for column, words in RENAMED_WORDS.items():
        if column in old:
            old[column] = old[column].replace(words)
    lines = [f"column {name!r} is gone" for name in old.columns if name not in new.columns and name not in PROSE]
    common = [name for name in old.columns if name in new.columns and name not in PROSE]
    numeric, keys = {}, []
    for name in common:
        left, right = as_numbers(old[name]), as_numbers(new[name])
        if left is None or right is None or name in ("participant", "claim"):
            keys.append(name)
        else:
            numeric[name] = (left, right)
    sides = []
    for side, table in enumerate((old, new)):
        frame = pd.DataFrame({name: table[name] for name in keys})
        for name, pair in numeric.items():
            frame[name] = pair[side]
        frame = frame.sort_values([*keys, *numeric], kind="stable").reset_index(drop=True)
        order = frame.groupby(keys, sort=False, dropna=False).cumcount() if keys else frame.index
        sides.append(frame.assign(_order=order).set_index([*keys, "_order"]))
    left, right = sides
    for one, other, word in ((left, right, "gone"), (right, left, "new")):
        missing = one.index.difference(other.index)
        if len(missing):
            lines.append(f"{len(missing)} of {len(one)} rows are {word}, for example {missing[0]}")
    both = left.index.intersection(right.index)
    left, right = left.loc[both], right.loc[both]
    for name in numeric:
        a, b = left[name].to_numpy(float), right[name].to_numpy(float)
        differs = ~np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
        if differs.any():
            with np.errstate(invalid="ignore", divide="ignore"):
                largest = np.nanmax(np.abs(a - b)[differs]) if np.isfinite((a - b)[differs]).any() else float("nan")
            place = int(np.flatnonzero(differs)[0])
            lines.append(
                f"{name}: {differs.sum()} of {len(a)} values differ (largest {largest:.3g}), for example "
                f"{a[place]!r} -> {b[place]!r} at {both[place]}"
            )
    return lines


def compare_folders(old: Path, new: Path, *, rtol: float = 1e-9) -> dict[str, list[str]]:
    """Return the differences of every table of ``old``, by its path; equal tables have an empty list."""
    found = {}
    for file in sorted(old.rglob("*.csv")):
        name = file.relative_to(old).as_posix()
        if any(part in name for part in NOT_COMPARED):
            continue
        renamed = next(
            (re.sub(pattern, to, name) for pattern, to in RENAMED_FILES.items() if re.search(pattern, name)), name
        )
        if not (new / renamed).exists():
            found[name] = [f"{renamed} is missing"]
            continue
        found[name] = compare_tables(read(file), read(new / renamed), rtol=rtol)
    return found


def main(argv: list[str] | None = None) -> int:
    """Compare two folders and print what differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--rtol", type=float, default=1e-9, help="relative tolerance (default: %(default)s)")
    parser.add_argument("--quiet", action="store_true", help="print the tables that differ only")
    arguments = parser.parse_args(argv)
    found = compare_folders(arguments.old, arguments.new, rtol=arguments.rtol)
    for name, lines in found.items():
        if lines or not arguments.quiet:
            print(f"{'DIFFERS' if lines else 'equal  '}  {name}")
        for line in lines:
            print(f"           {line}")
    differing = sum(map(bool, found.values()))
    print(f"{len(found)} tables, {differing} differ")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
