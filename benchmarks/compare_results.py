"""Compare two folders of results, table by table and value by value.

``python benchmarks/compare_results.py OLD NEW`` matches the rows of every CSV file by their text columns and compares
the numbers to a relative tolerance of 1e-9; columns of prose are not compared. The exit status is 1 if a value, a row, a
column or a table differs, or if there is no table.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

NOT_COMPARED = ("settings/", "logs/")
PROSE = {"reason", "note", "known_difference", "what", "how", "where"}
PROSE |= {"harmless_explanation", "expected", "data", "finding", "differs_in"}
TEXT_COLUMNS = ("participant", "claim")  # even if all their values look like numbers


def read(path: Path) -> pd.DataFrame:
    """Read every column as text; empty cells stay empty."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def is_numeric(column: pd.Series) -> bool:
    """Return whether all nonempty cells are numbers."""
    filled = column[column.ne("")]
    return bool(pd.to_numeric(filled, errors="coerce").notna().all())


def compare_tables(old: pd.DataFrame, new: pd.DataFrame, *, rtol: float = 1e-9) -> list[str]:
    """Return one line per kind of difference between two tables.

    Rows are matched by all text columns that both tables have, and within equal keys by the sorted numbers.
    """
    lines = [f"column {name!r} is gone" for name in old if name not in new and name not in PROSE]
    lines += [f"column {name!r} is new" for name in new if name not in old and name not in PROSE]
    common = [name for name in old if name in new and name not in PROSE]
    numeric = [name for name in common if name not in TEXT_COLUMNS and is_numeric(old[name]) and is_numeric(new[name])]
    keys, frames = [name for name in common if name not in numeric], []
    for table in (old, new):
        frame = table[common].assign(**{name: pd.to_numeric(table[name].replace("", None)) for name in numeric})
        frame = frame.sort_values([*keys, *numeric], kind="stable").reset_index(drop=True)
        frames.append(frame.assign(row=frame.groupby(keys).cumcount() if keys else frame.index))
    merged = pd.merge(*frames, how="outer", on=[*keys, "row"], suffixes=(" of old", " of new"), indicator=True)
    for side, status in (("left_only", "gone"), ("right_only", "new")):
        unmatched = merged[merged["_merge"].eq(side)]
        if len(unmatched):
            example = tuple(unmatched[[*keys, "row"]].iloc[0])
            lines.append(f"{len(unmatched)} of {len(merged)} rows are {status}, for example {example}")
    matched = merged[merged["_merge"].eq("both")]
    for name in numeric:
        a, b = (matched[f"{name} of {side}"].astype(float) for side in ("old", "new"))
        differs = ~np.isclose(a, b, rtol=rtol, atol=1e-12, equal_nan=True)
        if differs.any():
            first = int(np.argmax(differs))
            lines.append(
                f"{name}: {differs.sum()} of {len(a)} values differ (largest {(a - b).abs().max():.3g}), for example "
                f"{a.iloc[first]} -> {b.iloc[first]} at {tuple(matched[[*keys, 'row']].iloc[first])}"
            )
    return lines


def compare_folders(old: Path, new: Path, *, rtol: float = 1e-9) -> dict[str, list[str]]:
    """Return the differences of every table in either folder, by path; the list of equal tables is empty."""
    names = {file.relative_to(folder).as_posix() for folder in (old, new) for file in folder.rglob("*.csv")}
    differences = {}
    for name in sorted(names):
        if not any(part in name for part in NOT_COMPARED):
            note = [text for folder, text in ((new, "it is gone"), (old, "it is new")) if not (folder / name).exists()]
            differences[name] = note or compare_tables(read(old / name), read(new / name), rtol=rtol)
    return differences


def main(argv: list[str] | None = None) -> int:
    """Compare two folders and print their differences."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--rtol", type=float, default=1e-9, help="relative tolerance (default: %(default)s)")
    parser.add_argument("--quiet", action="store_true", help="print the tables that differ only")
    arguments = parser.parse_args(argv)
    differences = compare_folders(arguments.old, arguments.new, rtol=arguments.rtol)
    for name, lines in differences.items():
        if lines or not arguments.quiet:
            print(f"{'DIFFERS' if lines else 'equal  '}  {name}")
        for line in lines:
            print(f"           {line}")
    differing = sum(map(bool, differences.values()))
    print(f"{len(differences)} tables, {differing} differ")
    return int(differing > 0 or not differences)


if __name__ == "__main__":
    sys.exit(main())
